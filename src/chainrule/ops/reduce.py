"""Sums and other reductions."""

from typing import Any

import numpy as np

from ..core.op import Notation, Op, sample
from ..core.registry import declare
from ..core.slots import Linear

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def axes_of(axis: Any, ndim: int) -> tuple[int, ...]:
    """Return `axis` as a tuple of non-negative axes; None means all of them."""
    if axis is None:
        return tuple(range(ndim))
    axes = axis if isinstance(axis, tuple | list) else (axis,)
    for k in axes:
        if not -ndim <= k < ndim:
            raise np.exceptions.AxisError(k, ndim)
    return tuple(int(k) % ndim for k in axes)


def _bind_sum(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False,
    initial: Any = None, where: Any = None,
) -> Any:  # fmt: skip
    if where is not None and where is not True:
        a = np.where(where, a, 0)
    if dtype is not None:
        a = np.astype(a, dtype)
    return (a,), {"axis": axes_of(axis, a.ndim), "keepdims": bool(keepdims)}


def _spread(ct: Any, x: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
    """Repeat the cotangent along the axes that were summed."""
    if not keepdims and ct.ndim and ct.ndim != len(x.shape):
        ct = np.reshape(ct, tuple(1 if i in axis else n for i, n in enumerate(x.shape)))
    return np.broadcast_to(ct, x.shape)


sum_ = declare(
    Op(
        "sum",
        lambda x, axis, keepdims: np.add.reduce(x, axis=axis, keepdims=keepdims),
        (Linear(transpose=_spread),),
        bind=_bind_sum,
        function=np.sum,
        complex=True,
        notation=Notation("Σ {0}", "\\sum {0}", 12, (20,), "a sum passes its gradient to each term"),
        samples=(
            sample((3, 4)), sample((3, 4), axis=0), sample((2, 3, 4), axis=(0, -1), keepdims=True),
            sample(()), sample((0, 2), axis=0), sample((2, 1, 3), axis=1),
            sample((2, 2), where=np.array([[True, False], [True, True]])),
        ),
    )
)  # fmt: skip
