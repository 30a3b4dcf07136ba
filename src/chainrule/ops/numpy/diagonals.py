"""Diagonals and triangles of matrices."""

from typing import Any

import numpy as np

from ...core.op import Notation, Op, sample
from ...core.registry import composite, declare
from ...core.slots import Linear
from ..declare import as_array
from .layout import axes_in_range


def _bind_triangle(m: Any, k: int = 0) -> Any:
    return (as_array(m),), {"k": int(k)}


for _function in (np.tril, np.triu):
    declare(
        Op(
            _function.__name__,
            _function,
            (Linear(transpose=lambda ct, _x, k, same=_function: same(ct, k)),),
            bind=_bind_triangle,
            batch="matrices",
            function=_function,
            complex=True,
            notation=Notation(
                _function.__name__ + "({0})", f"\\operatorname{{{{{_function.__name__}}}}}({{0}})",
                rule="what is kept passes its gradient on; what is set to zero stops it",
            ),
            samples=(
                sample((3, 3)), sample((2, 4), k=1), sample((2, 3, 2), k=-1), sample((0, 2)),
            ),
        )
    )  # fmt: skip


def _embed_diagonal(
    x: Any, shape: tuple[int, ...], offset: int, axis1: int, axis2: int
) -> Any:
    """Put the last axis of `x` on a diagonal of zeros: the transpose of `diagonal`."""
    out = np.zeros(shape, x.dtype)
    inside = np.moveaxis(out, (axis1, axis2), (-2, -1))
    n = np.arange(x.shape[-1])
    inside[..., n + max(-offset, 0), n + max(offset, 0)] = x
    return out


embed_diagonal = declare(
    Op(
        "embed_diagonal",
        _embed_diagonal,
        (
            Linear(
                transpose=lambda ct, _x, shape, offset, axis1, axis2: np.diagonal(
                    ct, offset, axis1, axis2
                )
            ),
        ),
        complex=True,
        batch="diagonal",
        notation=Notation(
            "diag({0})", "\\operatorname{{diag}}({0})", rule="the diagonal of the gradient is taken"
        ),
    )
)


def _bind_diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    a = as_array(a)
    if a.ndim < 2:
        raise ValueError("diag requires an array of at least two dimensions")
    (i,), (j,) = axes_in_range(axis1, a.ndim), axes_in_range(axis2, a.ndim)
    if i == j:
        raise ValueError("axis1 and axis2 cannot be the same")
    return (a,), {"offset": int(offset), "axis1": i, "axis2": j}


diagonal = declare(
    Op(
        "diagonal",
        np.diagonal,
        (
            Linear(
                transpose=lambda ct, x, offset, axis1, axis2: embed_diagonal(
                    ct, shape=x.shape, offset=offset, axis1=axis1, axis2=axis2
                )
            ),
        ),
        bind=_bind_diagonal,
        batch="diagonal",
        function=np.diagonal,
        view="readonly",
        complex=True,
        notation=Notation(
            "diagonal({0})", "\\operatorname{{diag}}({0})",
            rule="the gradient is put back on the diagonal",
        ),
        samples=(
            sample((3, 3)), sample((2, 4), offset=1), sample((2, 3, 4), axis1=2, axis2=0),
            sample((3, 2), offset=-1), sample((2, 2), offset=5), sample((0, 2)),
        ),
    )
)  # fmt: skip


@composite(np.linalg.diagonal, sample((2, 3, 4)), sample((3, 3), offset=-1), name="linalg.diagonal")
def matrix_diagonal(x: Any, /, *, offset: int = 0) -> Any:
    """Take the diagonals of a stack of matrices."""
    return np.diagonal(x, offset, -2, -1)


@composite(
    np.diag, sample((3,)), sample((2,), k=1), sample((2,), k=-2), sample((3, 3)),
    sample((2, 4), k=1), sample((0,)),
)  # fmt: skip
def diag(v: Any, k: int = 0) -> Any:
    """Take a diagonal, or make a matrix of one."""
    v = as_array(v)
    if v.ndim == 2:
        return np.diagonal(v, k)
    if v.ndim != 1:
        raise ValueError("Input must be 1- or 2-d.")
    n = v.shape[0] + abs(k)
    return embed_diagonal(v, shape=(n, n), offset=int(k), axis1=0, axis2=1)


@composite(np.diagflat, sample((2, 3)), sample((), k=1))
def diagflat(v: Any, k: int = 0) -> Any:
    """Make a matrix whose diagonal is `v`, flattened."""
    return np.diag(np.ravel(as_array(v)), k)


@composite(np.trace, sample((3, 3)), sample((2, 4), offset=1), sample((2, 3, 3), axis1=1, axis2=2))
def trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None) -> Any:
    """Sum the diagonal."""
    return np.sum(np.diagonal(a, offset, axis1, axis2), axis=-1, dtype=dtype)


@composite(np.linalg.trace, sample((2, 3, 3)), sample((3, 2), offset=-1), name="linalg.trace")
def matrix_trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Any:
    """Sum the diagonals of a stack of matrices."""
    return np.trace(x, offset, -2, -1, dtype=dtype)
