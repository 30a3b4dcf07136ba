"""Indexing, read and written: `getitem` ⇄ `scatter_add`, `setitem`, `where`."""

from typing import Any

import numpy as np

from ..core.op import Const, Notation, Op, sample
from ..core.registry import add, composite, declare
from ..core.slots import INDEX, Linear
from .declare import as_array


class Hole:
    """Stands in a static index for the array argument that fills it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "·"


HOLE = Hole()
_STATIC = (int, slice, type(Ellipsis), type(None), np.integer)


def _is_static(part: Any) -> bool:
    return issubclass(type(part), _STATIC) and type(part) is not bool


def split_index(index: Any) -> tuple[tuple[Any, ...], Any]:
    """Part an index into its arrays (inputs of the op) and the static rest with holes."""
    if _is_static(index):
        return (), index
    parts = index if isinstance(index, tuple) else (index,)
    arrays: list[Any] = []
    static: list[Any] = []
    for part in parts:
        if _is_static(part):
            static.append(part)
        else:
            arrays.append(np.asarray(part) if isinstance(part, list | bool) else part)
            static.append(HOLE)
    return tuple(arrays), tuple(static)


def fill_index(arrays: tuple[Any, ...], static: Any) -> Any:
    """Put the arrays back into the holes."""
    if not arrays:
        return static
    rest = iter(arrays)
    return tuple(next(rest) if part is HOLE else part for part in static)


def _getitem(x: Any, *arrays: Any, index: Any) -> Any:
    return x[fill_index(arrays, index)]


def _setitem(y: Any, value: Any, *arrays: Any, index: Any) -> Any:
    y = np.copy(y)  # in the same memory order: order decides what is a view
    y[fill_index(arrays, index)] = value
    return y


def _scatter_add(ct: Any, *arrays: Any, index: Any, shape: tuple[int, ...]) -> Any:
    out = np.zeros(shape, ct.dtype)
    where = fill_index(arrays, index)
    if arrays:
        np.add.at(out, where, ct)
    else:
        out[where] = ct
    return out


def _bind_getitem(x: Any, index: Any) -> Any:
    arrays, static = split_index(index)
    return (x, *arrays), {"index": static}


def _bind_setitem(y: Any, value: Any, index: Any) -> Any:
    arrays, static = split_index(index)
    return (y, value, *arrays), {"index": static}


def _bind_scatter(ct: Any, index: Any, shape: tuple[int, ...]) -> Any:
    arrays, static = split_index(index)
    return (ct, *arrays), {"index": static, "shape": shape}


getitem = Op(
    "getitem",
    _getitem,
    (
        Linear(
            transpose=lambda ct, x, *arrays, index: scatter_add(
                ct, *arrays, index=index, shape=x.shape
            )
        ),
        INDEX,
    ),
    variadic=True,
    bind=_bind_getitem,
    view="getitem",
    notation=Notation("{0}[{index}]", rule="indexing passes the gradient to the elements read"),
)
add(getitem)

scatter_add = Op(
    "scatter_add",
    _scatter_add,
    (
        Linear(transpose=lambda ct, x, *arrays, index, shape: getitem(ct, *arrays, index=index)),
        INDEX,
    ),
    variadic=True,
    bind=_bind_scatter,
)
add(scatter_add)


def _keep_unwritten(ct: Any, _y: Any, _value: Any, *arrays: Any, index: Any) -> Any:
    return setitem(ct, np.zeros((), ct.dtype), *arrays, index=index)


def _take_written(ct: Any, y: Any, _value: Any, *arrays: Any, index: Any) -> Any:
    taken = getitem(ct, *arrays, index=index)
    winners = _winners(y.shape, arrays, index)
    return taken if winners is None else np.where(winners, taken, 0)


def _winners(shape: tuple[int, ...], arrays: tuple[Any, ...], index: Any) -> Any:
    """Mark, where an index names an element twice, the write that came last; None: no doubles."""
    if not any(np.asarray(a).dtype.kind in "iu" for a in arrays):
        return None
    places = np.arange(int(np.prod(shape))).reshape(shape)[fill_index(arrays, index)]
    flat = places.ravel()
    writer = np.empty(int(np.prod(shape)), dtype=np.intp)
    writer[flat] = np.arange(flat.size)
    mask = writer[flat] == np.arange(flat.size)
    return None if mask.all() else mask.reshape(places.shape)


setitem = Op(
    "setitem",
    _setitem,
    (Linear(transpose=_keep_unwritten), Linear(transpose=_take_written), INDEX),
    variadic=True,
    additive=True,
    bind=_bind_setitem,
    notation=Notation(rule="a store passes the gradient on to what was stored, and stops the old"),
)
add(setitem)


def _bind_where(condition: Any, x: Any = None, y: Any = None) -> Any:
    if x is None or y is None:
        raise TypeError("np.where needs a condition and two values, or plain values only")
    return (condition, x, y), {}


where = declare(
    Op(
        "where",
        np.where,
        (
            INDEX,
            Linear(transpose=lambda ct, c, _x, _y: np.where(c, ct, 0)),
            Linear(transpose=lambda ct, c, _x, _y: np.where(c, 0, ct)),
        ),
        additive=True,
        bind=_bind_where,
        function=np.where,
        notation=Notation(rule="where passes the gradient to the branch that was taken"),
        samples=(
            sample(Const(np.array([[True], [False]])), (2, 3), (3,)),
            sample(Const(True), (), ()),
        ),
    )
)


@composite(
    np.take, sample((4,), Const([0, 2, 2])), sample((2, 3), Const([1, 0]), axis=1),
    sample((2, 3), Const(np.array([[5, -1]]))), sample((3,), Const(1)),
    sample((2, 3), Const([4, -1]), axis=1, mode="wrap"),
    sample((2, 3), Const([4, -1]), axis=1, mode="clip"), sample((2, 3), Const(0), axis=0),
)  # fmt: skip
def take(a: Any, indices: Any, axis: Any = None, out: Any = None, mode: str = "raise") -> Any:
    """Take elements along an axis: indexing with an integer array."""
    a, indices = (np.ravel(a) if axis is None else as_array(a)), as_array(indices)
    axis = 0 if axis is None else axis
    if not -a.ndim <= axis < a.ndim:
        raise np.exceptions.AxisError(axis, a.ndim)
    if indices.dtype.kind == "b":
        indices = indices.astype(np.intp)
    if mode == "wrap":
        indices = np.remainder(indices, a.shape[axis])
    elif mode == "clip":
        indices = np.minimum(np.maximum(indices, 0), a.shape[axis] - 1)
    elif mode != "raise":
        raise ValueError("clipmode must be one of 'clip', 'raise', or 'wrap'")
    if isinstance(indices, np.generic):
        indices = np.asarray(indices)  # as an array it makes a copy, as a number a view
    return a[(slice(None),) * (axis % a.ndim) + (indices,)]
