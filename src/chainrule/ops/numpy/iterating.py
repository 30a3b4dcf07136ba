"""`np.nditer` over traced arrays: NumPy says in which order, and the elements are views."""

from typing import Any

import numpy as np

from ...core.registry import composite
from ...errors import UnsupportedFunctionError
from .own_python import plain

_KNOWN = frozenset(("multi_index", "c_index", "f_index", "refs_ok", "zerosize_ok"))
_ACCESS = frozenset(("readonly", "readwrite", "writeonly"))


class Elements:
    """Stands for an `np.nditer` of which an operand is traced."""

    def __init__(self, operands: Any, flags: Any, access: Any, order: str) -> None:
        self.operands = operands
        self._writes = ["readonly" not in a for a in access]
        index = [] if "multi_index" in flags else ["multi_index"]
        known = [f for f in flags if f != "refs_ok"]
        self._places = np.nditer(
            tuple(map(plain, operands)), [*known, *index], [["readonly"]] * len(operands),
            order=order,
        )  # fmt: skip
        self._numbered, self._index = not index, {"c_index", "f_index"} & {*flags}
        self._started = False

    nop = property(lambda self: len(self.operands))
    shape = property(lambda self: self._places.shape)
    ndim = property(lambda self: self._places.ndim)
    itersize = property(lambda self: self._places.itersize)
    iterindex = property(lambda self: self._places.iterindex)
    finished = property(lambda self: self._places.finished)

    @property
    def multi_index(self) -> tuple[int, ...]:
        """Where the iteration stands, if that was asked for."""
        if not self._numbered:
            raise ValueError("Iterator is not tracking a multi-index")
        return self._places.multi_index  # type: ignore[no-any-return]

    @property
    def index(self) -> int:
        """Where the iteration stands in a flat array, if that was asked for."""
        if not self._index:
            raise ValueError("Iterator does not have an index")
        return self._places.index

    @property
    def value(self) -> Any:
        """The element of each operand; of one operand alone it."""
        found = tuple(self[k] for k in range(len(self.operands)))
        return found[0] if len(found) == 1 else found

    def __len__(self) -> int:
        return len(self.operands)

    def __getitem__(self, k: int) -> Any:
        if self.finished:
            raise ValueError("Iterator is past the end")
        found = self.operands[k][self._place(k)]
        if not self._writes[k]:
            found.flags.writeable = False
        return found

    def __setitem__(self, k: int, value: Any) -> None:
        if self.finished:
            raise ValueError("Iterator is past the end")
        if not self._writes[k]:
            raise RuntimeError(f"Iterator operand {k} is not writeable")
        self.operands[k][self._place(k)] = value

    def _place(self, k: int) -> tuple[Any, ...]:
        """Return the index of a view without axes: an operand may be repeated along some."""
        shape = self.operands[k].shape
        index = self._places.multi_index[self.ndim - len(shape) :]
        return (*(0 if n == 1 else i for i, n in zip(index, shape, strict=True)), ...)

    def iternext(self) -> bool:
        """Go on, and say whether there was more."""
        return self._places.iternext()

    def reset(self) -> None:
        """Begin anew."""
        self._places.reset()
        self._started = False

    def close(self) -> None:
        """End it: what was written stands in the operands already."""

    def __enter__(self) -> "Elements":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def __iter__(self) -> "Elements":
        return self

    def __next__(self) -> Any:
        if self._started:
            self.iternext()
        if self.finished:
            raise StopIteration
        self._started = True
        return self.value


@composite(np.nditer, name="nditer", always=True)
def nditer(
    op: Any, flags: Any = None, op_flags: Any = None, op_dtypes: Any = None, order: str = "K",
    casting: str = "safe", op_axes: Any = None, itershape: Any = None, buffersize: int = 0,
) -> Any:  # fmt: skip
    """Iterate over the elements of arrays that are broadcast together."""
    operands = list(op) if isinstance(op, tuple | list) else [op]
    given = (op, flags, op_flags, op_dtypes, order, casting, op_axes, itershape, buffersize)
    if not any(hasattr(type(a), "cr_owner") for a in operands):
        return np.nditer(*given)
    flags = list(flags or ())
    access = [["readonly"]] * len(operands) if op_flags is None else list(op_flags)
    if access and isinstance(access[0], str):
        access = [access] * len(operands)
    simple = _KNOWN.issuperset(flags) and all(_ACCESS.issuperset(a) for a in access)
    if not simple or any(a is not None for a in (op_dtypes, op_axes, itershape)) or any(
        a is None for a in operands
    ):
        raise UnsupportedFunctionError(
            "np.nditer received a traced value",
            why="with these arguments its elements are views of buffers, which carry no derivative",
            cure="leave out all flags but multi_index and readwrite, or loop over "
            "np.ndindex(x.shape), np.ndenumerate(x)",
        )
    operands = [a if hasattr(type(a), "cr_owner") else np.asarray(a) for a in operands]
    return Elements(operands, flags, access, order)
