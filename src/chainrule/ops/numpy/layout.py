"""Linear operations with offsets: they move elements, and their transpose moves them back.

What NumPy returns as a view is a view here too (`view=`), so that stores reach what they reach in
plain NumPy: reshape, ravel, transpose and what is made of them, diagonal and broadcasting
(read-only).
"""

from functools import lru_cache
from typing import Any

import numpy as np

from ...core.memory import layout_of
from ...core.op import Const, Notation, Op, sample
from ...core.registry import alias, composite, declare
from ...core.slots import Linear
from ...errors import UnsupportedFunctionError
from ..declare import as_array

_MOVES = "rearranging passes the gradient back to the place each element came from"
_COPIES = "repetition: the gradients of all copies add up"


def memory_order(a: Any, order: str) -> str:
    """Resolve the orders 'A' and 'K', which ask for the layout in memory, to 'C' or 'F'."""
    if order in ("C", "F"):
        return order
    a = _held(a)
    a = a if hasattr(a, "flags") else np.asarray(a)
    if a.flags.c_contiguous or (order == "A" and not a.flags.f_contiguous):
        return "C"
    if a.flags.f_contiguous:
        return "F"
    raise UnsupportedFunctionError(
        f"order={order!r} of an array that repeats numbers without a copy",
        why="which element comes first is then NumPy's choice",
        cure="name the order: order='C' or order='F'",
    )


def _bind_reshape(a: Any, /, shape: Any = None, order: str = "C", *, copy: Any = None) -> Any:
    if shape is None:
        raise TypeError("reshape() missing 1 required positional argument: 'shape'")
    if not np.iterable(shape):
        shape = (shape,)
    order = "C" if order == "C" else memory_order(a, order)
    if copy:
        a = np.copy(a)
    return (a,), {"shape": tuple(int(n) for n in shape), "order": order}


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
        batch="reshape",
        function=np.reshape,
        view="bijective",
        complex=True,
        notation=Notation("reshape({0}, {shape})", "\\operatorname{{reshape}}({0})", rule=_MOVES),
        samples=(
            sample((2, 3), Const((3, 2))), sample((2, 3), Const(-1)), sample((), Const((1, 1))),
            sample((2, 3), Const((3, 2)), order="F"), sample((0, 2), Const((0,))),
        ),
    )
)  # fmt: skip


@composite(np.ravel, sample((2, 3)), sample(()), sample((2, 3), order="F"))
def ravel(a: Any, order: str = "C") -> Any:
    """Flatten: a reshape, and a view where that is contiguous; elsewhere NumPy copies."""
    if order == "K" and 0 not in _held(a := as_array(a)).strides:
        a, order = _outermost_first(a), "C"
    flat = np.reshape(a, (-1,), order=memory_order(a, order))
    return flat if _held(flat).flags.c_contiguous else np.copy(flat)


def _outermost_first(a: Any) -> Any:
    """Return `a` with its axes in the order in which they lie in memory: the order "K"."""
    held = _held(a)
    if held.flags.c_contiguous:
        return a
    axes = [k for k, _ in layout_of(held)]
    order = [k for k in range(held.ndim) if k not in axes] + axes
    return a if order == sorted(order) else np.transpose(a, order)


def _held(a: Any) -> Any:
    while hasattr(a, "cr_owner") and hasattr(a, "cr_value"):
        a = a.cr_value
    return a


@lru_cache(maxsize=1024)
def _inverse(axes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted(range(len(axes)), key=axes.__getitem__))


def _bind_transpose(a: Any, axes: Any = None) -> Any:
    a = as_array(a)
    n = a.ndim
    if axes is None:
        return (a,), {"axes": tuple(range(n - 1, -1, -1))}
    order = tuple(int(k) + n if k < 0 else int(k) for k in axes)
    if sorted(order) != list(range(n)):
        raise ValueError(
            "axes don't match array" if len(order) != n else "repeated axis in transpose"
        )
    return (a,), {"axes": order}


transpose = declare(
    Op(
        "transpose",
        lambda x, axes: x.transpose(axes),
        (Linear(transpose=lambda ct, x, axes: np.transpose(ct, _inverse(axes))),),
        bind=_bind_transpose,
        batch="transpose",
        function=np.transpose,
        view="bijective",
        complex=True,
        notation=Notation("{0}ᵀ", "{0}^{{\\top}}", 40, (41,), _MOVES),
        samples=(
            sample((2, 3)), sample((2, 3, 4), Const((1, 2, 0))), sample(()), sample((0, 2)),
            sample((2, 1, 3), Const((0, -1, 1))),
        ),
    )
)  # fmt: skip
if np.permute_dims is not np.transpose:
    alias(np.permute_dims, np.transpose)


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
            (array,),
            {"shape": (int(shape),) if np.ndim(shape) == 0 else tuple(int(n) for n in shape)},
        ),
        function=np.broadcast_to,
        view="readonly",
        batch="broadcast",
        complex=True,
        notation=Notation(
            "broadcast({0}, {shape})", "\\operatorname{{broadcast}}({0})", rule=_COPIES
        ),
        samples=(
            sample((3, 1), Const((2, 3, 4))), sample((), Const((2,))), sample((3,), Const(3)),
            sample((1, 3), Const((0, 3))), sample((2, 3), Const((2, 3))),
        ),
    )
)  # fmt: skip


@composite(np.broadcast_arrays, sample((3, 1), (4,)), sample((), (2,)), sample((2,)))
def broadcast_arrays(*args: Any, subok: bool = False) -> tuple[Any, ...]:
    """Broadcast all to their common shape."""
    arrays = [as_array(a) for a in args]
    shape = np.broadcast_shapes(*(a.shape for a in arrays))
    return tuple(a if a.shape == shape else _may_be_written(a, shape) for a in arrays)


def _may_be_written(a: Any, shape: tuple[int, ...]) -> Any:
    """Broadcast; the flags say, as NumPy's do, that the result may be written."""
    y = np.broadcast_to(a, shape)
    if type(y) is not np.ndarray:
        y.setflags(write=True)  # a store is refused: it would reach more than one element
    return y


def axes_in_range(axis: Any, ndim: int) -> list[int]:
    """Return one axis, or a sequence of them, as a list of axes counted from the front."""
    axes = axis if np.iterable(axis) else (axis,)
    out = []
    for k in axes:
        if not -ndim <= k < ndim:
            raise np.exceptions.AxisError(k, ndim)
        out.append(int(k) % ndim)
    if len(set(out)) < len(out):
        raise ValueError("repeated axis")
    return out


@composite(np.expand_dims, sample((2, 3), Const(1)), sample((), Const((0, 1))))
def expand_dims(a: Any, axis: Any) -> Any:
    """Insert axes of length 1: a reshape."""
    a = as_array(a)
    count = len(axis) if isinstance(axis, tuple | list) else 1
    places = axes_in_range(axis, a.ndim + count)
    rest = iter(a.shape)
    return np.reshape(a, tuple(1 if i in places else next(rest) for i in range(a.ndim + count)))


@composite(np.squeeze, sample((1, 3, 1)), sample((1, 3, 1), axis=0), sample((1, 2, 1), axis=(0, 2)))
def squeeze(a: Any, axis: Any = None) -> Any:
    """Leave out axes of length 1: a reshape."""
    a = as_array(a)
    ones = [i for i, n in enumerate(a.shape) if n == 1]
    gone = ones if axis is None else axes_in_range(axis, a.ndim)
    if any(a.shape[i] != 1 for i in gone):
        raise ValueError("cannot select an axis to squeeze out which has size not equal to one")
    return np.reshape(a, tuple(n for i, n in enumerate(a.shape) if i not in gone))


@composite(np.matrix_transpose, sample((2, 3)), sample((4, 2, 3)))
def matrix_transpose(x: Any, /) -> Any:
    """Swap the last two axes."""
    if x.ndim < 2:
        raise ValueError(f"Input array must be at least 2-dimensional, but it is {x.ndim}")
    return np.transpose(x, (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


alias(np.linalg.matrix_transpose, np.matrix_transpose)


@composite(np.swapaxes, sample((2, 3, 4), Const(0), Const(-1)), sample((2, 3), Const(1), Const(0)))
def swapaxes(a: Any, axis1: int, axis2: int) -> Any:
    """Exchange two axes: a transpose."""
    order = list(range(np.ndim(a)))
    (i,), (j,) = axes_in_range(axis1, len(order)), axes_in_range(axis2, len(order))
    order[i], order[j] = order[j], order[i]
    return np.transpose(a, order)


@composite(
    np.moveaxis, sample((2, 3, 4), Const(0), Const(-1)),
    sample((2, 3), Const((0, 1)), Const((1, 0))),
)  # fmt: skip
def moveaxis(a: Any, source: Any, destination: Any) -> Any:
    """Move axes to other places: a transpose."""
    a = as_array(a)
    come, go = axes_in_range(source, a.ndim), axes_in_range(destination, a.ndim)
    if len(come) != len(go):
        raise ValueError("`source` and `destination` must have the same number of elements")
    order = [i for i in range(a.ndim) if i not in come]
    for place, axis in sorted(zip(go, come, strict=True)):
        order.insert(place, axis)
    return np.transpose(a, order)


@composite(np.rollaxis, sample((2, 3, 4), Const(2)), sample((2, 3, 4), Const(0), Const(2)))
def rollaxis(a: Any, axis: int, start: int = 0) -> Any:
    """Roll one axis backward to lie before `start`: a transpose."""
    n = np.ndim(a)
    (axis,) = axes_in_range(axis, n)
    start = start + n if start < 0 else start
    if not 0 <= start <= n:
        raise np.exceptions.AxisError(start, n + 1)
    order = [i for i in range(n) if i != axis]
    order.insert(start - 1 if axis < start else start, axis)
    return np.transpose(a, order)


@composite(
    np.repeat, sample((3,), Const(2)), sample((2, 3), Const(2), axis=1), sample((), Const(3)),
    sample((3,), Const([2, 0, 1])), sample((2, 3), Const([1, 3]), axis=0),
    sample((2, 3), Const(0)),
)  # fmt: skip
def repeat(a: Any, repeats: Any, axis: int | None = None) -> Any:
    """Repeat each element: a broadcast, or, with a count for each, a take."""
    a = np.ravel(a) if axis is None else as_array(a)
    (axis,) = axes_in_range(0 if axis is None else axis, a.ndim)
    counts = np.asarray(repeats)
    if counts.size != 1:
        return np.take(a, np.repeat(np.arange(a.shape[axis]), counts), axis=axis)
    before, n, after = a.shape[:axis], a.shape[axis], a.shape[axis + 1 :]
    count = int(counts.reshape(()))
    wide = np.broadcast_to(np.reshape(a, (*before, n, 1, *after)), (*before, n, count, *after))
    flat = np.reshape(wide, (*before, n * count, *after))
    return np.copy(flat) if n == 1 or count == 1 else flat  # else the reshape copied already


@composite(
    np.tile, sample((3,), Const(2)), sample((2, 3), Const((2, 1))),
    sample((2, 3), Const((4, 1, 2))),
    sample((2, 3), Const(2)), sample((), Const((2, 2))), sample((2,), Const((0, 2))),
)  # fmt: skip
def tile(A: Any, reps: Any) -> Any:
    """Lay copies side by side: a broadcast between two reshapes."""
    a = as_array(A)
    counts = tuple(int(n) for n in np.atleast_1d(np.asarray(reps)))
    ndim = max(a.ndim, len(counts))
    counts = (1,) * (ndim - len(counts)) + counts
    shape = (1,) * (ndim - a.ndim) + a.shape
    narrow = tuple(n for size in shape for n in (1, size))
    wide = tuple(n for pair in zip(counts, shape, strict=True) for n in pair)
    spread = np.broadcast_to(np.reshape(a, narrow), wide)
    tiled = np.reshape(spread, tuple(c * n for c, n in zip(counts, shape, strict=True)))
    unmoved = all(c == 1 or n == 1 for c, n in zip(counts, shape, strict=True))
    return np.copy(tiled) if unmoved else tiled  # else the reshape copied already


def _bind_roll(a: Any, shift: Any, axis: Any = None) -> Any:
    if axis is not None:
        axis = tuple(int(k) for k in axis) if np.iterable(axis) else int(axis)
    plain = np.asarray(shift)
    steps = int(plain) if plain.ndim == 0 else tuple(int(n) for n in plain)
    return (as_array(a),), {"shift": steps, "axis": axis}


def _unroll(ct: Any, _x: Any, shift: Any, axis: Any) -> Any:
    back = tuple(-n for n in shift) if isinstance(shift, tuple) else -shift
    return np.roll(ct, back, axis)


roll = declare(
    Op(
        "roll",
        np.roll,
        (Linear(transpose=_unroll),),
        bind=_bind_roll,
        batch="roll",
        function=np.roll,
        complex=True,
        notation=Notation("roll({0}, {shift})", "\\operatorname{{roll}}({0})", rule=_MOVES),
        samples=(
            sample((4,), Const(1)), sample((2, 3), Const(-2)), sample((2, 3), Const(1), axis=1),
            sample((2, 3), Const((1, 2)), axis=(0, 1)), sample((0, 2), Const(1)),
            sample((2, 3), Const(2), axis=(0, 1)),
        ),
    )
)  # fmt: skip


@composite(np.flip, sample((2, 3)), sample((2, 3), axis=1), sample((2, 3, 2), axis=(0, -1)))
def flip(m: Any, axis: Any = None) -> Any:
    """Reverse the order of the elements: a slice with step −1, hence a view."""
    m = as_array(m)
    axes = range(m.ndim) if axis is None else axes_in_range(axis, m.ndim)
    back, keep = slice(None, None, -1), slice(None)
    return m[tuple(back if i in axes else keep for i in range(m.ndim))]


@composite(np.fliplr, sample((2, 3)))
def fliplr(m: Any) -> Any:
    """Reverse the second axis."""
    if m.ndim < 2:
        raise ValueError("Input must be >= 2-d.")
    return m[:, ::-1]


@composite(np.flipud, sample((2, 3)))
def flipud(m: Any) -> Any:
    """Reverse the first axis."""
    if m.ndim < 1:
        raise ValueError("Input must be >= 1-d.")
    return m[::-1, ...]


@composite(
    np.rot90, sample((2, 3)), sample((2, 3), k=2), sample((2, 3), k=-1), sample((2, 3), k=4),
    sample((2, 3, 4), axes=(1, 2)),
)  # fmt: skip
def rot90(m: Any, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Any:
    """Rotate by quarter turns: flips and a transpose."""
    i, j = axes_in_range(tuple(axes), np.ndim(m))
    if k % 4 == 0:
        return m[:]
    if k % 4 == 2:
        return np.flip(m, (i, j))
    if k % 4 == 1:
        return np.swapaxes(np.flip(m, j), i, j)
    return np.flip(np.swapaxes(m, i, j), j)


def _at_least(arrays: tuple[Any, ...], reshaped: Any) -> Any:
    found = tuple(reshaped(as_array(a)) for a in arrays)
    return found[0] if len(found) == 1 else found


@composite(np.atleast_1d, sample(()), sample((2,)), sample((), (2, 3)))
def atleast_1d(*arys: Any) -> Any:
    """Give scalars one axis."""
    return _at_least(arys, lambda a: a if a.ndim else np.reshape(a, (1,)))


@composite(np.atleast_2d, sample(()), sample((2,)), sample((2, 3), (2,)))
def atleast_2d(*arys: Any) -> Any:
    """Put axes of length 1 in front until there are two."""
    return _at_least(arys, lambda a: a if a.ndim > 1 else np.reshape(a, (1, a.size)))


@composite(np.atleast_3d, sample(()), sample((2,)), sample((2, 3)), sample((2, 1, 2)))
def atleast_3d(*arys: Any) -> Any:
    """Add axes of length 1 around until there are three."""

    def reshaped(a: Any) -> Any:
        if a.ndim > 2:
            return a
        return np.reshape(a, (1, a.size, 1) if a.ndim < 2 else (*a.shape, 1))

    return _at_least(arys, reshaped)
