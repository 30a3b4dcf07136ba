"""What a function returns besides, and is no function of its arguments: any use of it is refused.

A program that takes singular values of a matrix that is not square need not touch the vectors that
fill up the bases. They are no array here, but an object that knows its shape alone.
"""

from typing import Any, NoReturn

import numpy as np

from ..errors import UnsupportedFunctionError


class Undetermined:
    """Stands for an array that has no derivative, and says so where it is used."""

    def __init__(self, shape: tuple[int, ...], dtype: Any, what: str, why: str, cure: str) -> None:
        self.shape, self.dtype, self.ndim = shape, np.dtype(dtype), len(shape)
        self._words = what, why, cure

    def _refuse(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        what, why, cure = self._words
        raise UnsupportedFunctionError(what, why=why, cure=cure)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name.startswith("cr_"):
            raise AttributeError(name)
        return self._refuse()

    def __repr__(self) -> str:
        return f"<an array of shape {self.shape} that has no derivative>"

    __hash__ = object.__hash__


for _name in (
    "getitem setitem iter len array array_ufunc array_function bool float int complex contains eq "
    "ne lt le gt ge neg pos abs pow rpow"
).split() + [
    side + name for name in "add sub mul truediv floordiv mod matmul".split() for side in ("", "r")
]:
    setattr(Undetermined, f"__{_name}__", Undetermined._refuse)


def whole_triple(triple: Any, shape: tuple[int, ...], name: str) -> tuple[Any, Any, Any]:
    """Return singular vectors as `full_matrices=True` would: those that it adds are undetermined.

    The other side is whole as it is.
    """
    u, s, vh = triple
    rows, columns = shape[-2:]
    words = (
        f"{name}(full_matrices=True) of a matrix that is not square was asked for all its vectors, "
        "traced",
        "the singular vectors that it adds to those of the singular values are not a function of "
        "the matrix",
        f"write full_matrices=False in the call of {name}, and use the vectors that it gives",
    )
    batch = shape[:-2]
    if rows > columns:
        return Undetermined((*batch, rows, rows), u.dtype, *words), s, vh
    return u, s, Undetermined((*batch, columns, columns), vh.dtype, *words)
