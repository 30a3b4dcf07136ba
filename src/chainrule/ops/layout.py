"""Linear operations with offsets: they move elements, and their transpose moves them back."""

from typing import Any

import numpy as np

from ..core.op import Const, Notation, Op, sample
from ..core.registry import composite, declare
from ..core.slots import Linear

_MOVES = "rearranging passes the gradient back to the place each element came from"


def _bind_reshape(a: Any, /, shape: Any = None, order: str = "C", *, copy: Any = None) -> Any:
    shape = (int(shape),) if isinstance(shape, int | np.integer) else tuple(int(n) for n in shape)
    return (a,), {"shape": shape, "order": order}


reshape = declare(
    Op(
        "reshape",
        lambda x, shape, order="C": np.reshape(x, shape, order=order),
        (
            Linear(
                transpose=lambda ct, x, shape, order="C": np.reshape(ct, x.shape, order=order)
            ),
        ),
        bind=_bind_reshape,
        function=np.reshape,
        view="bijective",
        notation=Notation(rule=_MOVES),
        samples=(
            sample((2, 3), Const((3, 2))), sample((2, 3), Const(-1)), sample((), Const((1, 1))),
            sample((2, 3), Const((3, 2)), order="F"), sample((0, 2), Const((0,))),
        ),
    )
)  # fmt: skip


def _bind_transpose(a: Any, axes: Any = None) -> Any:
    n = np.ndim(a)
    order = range(n)[::-1] if axes is None else [int(k) % n for k in axes]
    return (a,), {"axes": tuple(order)}


transpose = declare(
    Op(
        "transpose",
        np.transpose,
        (Linear(transpose=lambda ct, x, axes: np.transpose(ct, tuple(np.argsort(axes)))),),
        bind=_bind_transpose,
        function=np.transpose,
        view="bijective",
        notation=Notation("{0}ᵀ", "{0}^{{\\top}}", 40, (41,), _MOVES),
        samples=(sample((2, 3)), sample((2, 3, 4), Const((1, 2, 0))), sample(())),
    )
)


def _unrepeat(ct: Any, x: Any, shape: tuple[int, ...]) -> Any:
    """Sum over the axes along which `x` was repeated."""
    extra = len(shape) - len(x.shape)
    axes = tuple(range(extra)) + tuple(
        i + extra for i, n in enumerate(x.shape) if n == 1 and shape[i + extra] != 1
    )
    return np.reshape(np.sum(ct, axis=axes), x.shape) if axes else ct


broadcast_to = declare(
    Op(
        "broadcast_to",
        np.broadcast_to,
        (Linear(transpose=_unrepeat),),
        bind=lambda array, shape, subok=False: (
            (array,), {"shape": (shape,) if isinstance(shape, int) else tuple(shape)}
        ),
        function=np.broadcast_to,
        view="readonly",
        notation=Notation(rule="repetition: the gradients of all copies add up"),
        samples=(sample((3, 1), Const((2, 3, 4))), sample((), Const((2,))), sample((3,), Const(3))),
    )
)  # fmt: skip


def _split_back(ct: Any, *parts: Any, axis: int) -> tuple[Any, ...]:
    out, start = [], 0
    for part in parts:
        stop = start + part.shape[axis]
        index = (slice(None),) * (axis % len(part.shape)) + (slice(start, stop),)
        out.append(ct[index])
        start = stop
    return tuple(out)


def _bind_concatenate(
    arrays: Any, /, axis: Any = 0, out: Any = None, *, dtype: Any = None, casting: Any = None
) -> Any:
    parts = tuple(np.asarray(a) if isinstance(a, list | tuple) else a for a in arrays)
    if axis is None:
        parts, axis = tuple(np.ravel(p) for p in parts), 0
    if dtype is not None:
        parts = tuple(np.astype(p, dtype) for p in parts)
    return parts, {"axis": axis}


concatenate = declare(
    Op(
        "concatenate",
        lambda *parts, axis: np.concatenate(parts, axis=axis),
        (Linear(joint=_split_back),),
        variadic=True,
        additive=True,
        bind=_bind_concatenate,
        function=np.concatenate,
        notation=Notation(rule="each part gets back its own piece of the gradient"),
        samples=(
            sample([(2, 3), (1, 3)]), sample([(2,), (3,)]), sample([(2, 3), (2, 1)], axis=1),
            sample([(2, 3), (4,)], axis=None),
        ),
    )
)  # fmt: skip


@composite(np.expand_dims, sample((2, 3), Const(1)), sample((), Const((0, 1))))
def expand_dims(a: Any, axis: Any) -> Any:
    """Insert axes of length 1: a reshape."""
    axes = axis if isinstance(axis, tuple | list) else (axis,)
    ndim = np.ndim(a) + len(axes)
    places = {int(k) % ndim for k in axes}
    rest = iter(np.shape(a))
    return np.reshape(a, tuple(1 if i in places else next(rest) for i in range(ndim)))


@composite(np.stack, sample([(2, 3), (2, 3)]), sample([(), ()]), sample([(2,), (2,)], axis=-1))
def stack(arrays: Any, axis: int = 0, out: Any = None, *, dtype: Any = None, casting: Any = None):
    """Join along a new axis."""
    parts = [np.expand_dims(a, axis) for a in arrays]
    return np.concatenate(parts, axis=axis, dtype=dtype)


@composite(np.matrix_transpose, sample((2, 3)), sample((4, 2, 3)))
def matrix_transpose(x: Any, /) -> Any:
    """Swap the last two axes."""
    return np.swapaxes(x, -1, -2)


@composite(np.swapaxes, sample((2, 3, 4), Const(0), Const(-1)))
def swapaxes(a: Any, axis1: int, axis2: int) -> Any:
    """Exchange two axes: a transpose."""
    order = list(range(np.ndim(a)))
    order[axis1], order[axis2] = order[axis2], order[axis1]
    return np.transpose(a, order)
