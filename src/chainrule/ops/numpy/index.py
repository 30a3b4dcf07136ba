"""Indexing, read and written: `getitem` ⇄ `scatter_add`, `setitem`, `where`."""

import math
import operator
from contextlib import suppress
from typing import Any

import numpy as np

from ...core.memory import own_copy
from ...core.op import AnotherFunction, Const, Notation, Op, sample
from ...core.registry import add, composite, declare
from ...core.settings import ignore, put_back
from ...core.slots import INDEX, Linear
from .. import jumps
from ..declare import as_array, operand, zeros_for


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
    if type(index) is slice:
        return (), _plain_slice(index)
    if _is_static(index):
        return (), index
    parts = index if isinstance(index, tuple) else (index,)
    arrays: list[Any] = []
    static: list[Any] = []
    for part in parts:
        if type(part) is slice:
            static.append(_plain_slice(part))
            continue
        if not _is_static(part) and not hasattr(part, "dtype"):
            part = _as_index(part)
        if _is_static(part):
            static.append(part)
        else:
            arrays.append(part)
            static.append(HOLE)
    return tuple(arrays), tuple(static)


def _plain_slice(part: slice) -> slice:
    """Return a slice of plain integers: its ends may have been computed from traced values."""
    ends = part.start, part.stop, part.step
    if all(type(n) in (int, type(None)) for n in ends):
        return part
    return slice(*(n if n is None else operator.index(n) for n in ends))


def _as_index(part: Any) -> Any:
    """Return the integer or the array that NumPy reads from a part of an index."""
    if type(part) is not bool:
        with suppress(TypeError):
            return operator.index(part)
    array = as_array(part)
    return array if array.size else array.astype(np.intp)


def fill_index(arrays: tuple[Any, ...], static: Any) -> Any:
    """Put the arrays back into the holes."""
    if not arrays:
        return static
    rest = iter(arrays)
    return tuple(next(rest) if part is HOLE else part for part in static)


def _getitem(x: Any, *arrays: Any, index: Any) -> Any:
    return x[fill_index(arrays, index)]


def _setitem(y: Any, value: Any, *arrays: Any, index: Any) -> Any:
    y = own_copy(y)  # as it lies in memory: that decides what is a view
    y[fill_index(arrays, index)] = value
    return y


def _store(y: Any, value: Any, *arrays: Any, index: Any) -> None:
    y[fill_index(arrays, index)] = value


def _may_repeat(arrays: tuple[Any, ...]) -> bool:
    """Say whether an index could name an element twice: integer arrays can, masks cannot."""
    return any(a.dtype.kind in "iu" and len(a.shape) > 0 for a in arrays)


def _add_into(buffer: Any, ct: Any, _x: Any, *arrays: Any, index: Any) -> None:
    """Add `ct` in place to the elements that were read: ∞ − ∞ is NaN, and nobody is told here."""
    where = fill_index(arrays, index) if arrays else index
    errors = ignore()
    try:
        if arrays and _may_repeat(arrays):
            np.add.at(buffer, where, ct)
            return
        part = buffer[where]
        if not arrays and type(part) is np.ndarray:
            part += ct  # a view; any other index gives a copy, whose `base` may be set
        else:
            buffer[where] = part + ct
    finally:
        put_back(errors)


def _scatter_add(ct: Any, *arrays: Any, index: Any, shape: tuple[int, ...]) -> Any:
    out, where = zeros_for(ct, shape), fill_index(arrays, index)
    if not arrays and type(out) is not np.ndarray:
        where, ct = _as_slices(ct, index, shape)
    if _may_repeat(arrays):
        np.add.at(out, where, ct)
    else:
        out[where] = ct
    return out


def _as_slices(ct: Any, index: Any, shape: tuple[int, ...]) -> tuple[tuple[slice, ...], Any]:
    """Write a basic index as slices only, which every library stores at, and reshape `ct` to it."""
    parts = [part for part in (index if isinstance(index, tuple) else (index,)) if part is not None]
    if Ellipsis not in parts:
        parts.append(Ellipsis)
    at = parts.index(Ellipsis)
    parts[at : at + 1] = [slice(None)] * (len(shape) - len(parts) + 1)
    where = tuple(
        part if isinstance(part, slice) else slice(int(part) % n, int(part) % n + 1)
        for part, n in zip(parts, shape, strict=True)
    )
    lengths = [len(range(*part.indices(n))) for part, n in zip(where, shape, strict=True)]
    return where, np.reshape(ct, tuple(lengths))


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
            ),
            into=_add_into,
        ),
        INDEX,
    ),
    variadic=True,
    bind=_bind_getitem,
    batch="read",
    view="getitem",
    complex=True,
    notation=Notation("{0}[{index}]", rule="indexing passes the gradient to the elements read"),
)
add(getitem)

def at(x: Any, index: Any) -> Any:
    """Return ``x[index]``, also where `x` is a plain array and the index is traced."""
    arrays, static = split_index(index)
    return getitem(x, *arrays, index=static)


scatter_add = Op(
    "scatter_add",
    _scatter_add,
    (
        Linear(transpose=lambda ct, x, *arrays, index, shape: getitem(ct, *arrays, index=index)),
        INDEX,
    ),
    variadic=True,
    bind=_bind_scatter,
    batch="add back",
    complex=True,
    notation=Notation(rule="adding into places passes on what those places receive"),
)
add(scatter_add)


def _last_writer(*arrays: Any, index: Any, shape: tuple[int, ...]) -> Any:
    """Mark, where an index names an element more than once, the write that comes last."""
    size = math.prod(shape)
    places = np.arange(size).reshape(shape)[fill_index(arrays, index)]
    writer = np.empty(size, dtype=np.intp)
    writer[places.ravel()] = np.arange(places.size)
    return (writer[places.ravel()] == np.arange(places.size)).reshape(places.shape)


last_writer = Op("last_writer", _last_writer, (INDEX,), variadic=True, batch="last writer")
add(last_writer)


def _keep_unwritten(ct: Any, _y: Any, _value: Any, *arrays: Any, index: Any) -> Any:
    return setitem(ct, np.zeros((), ct.dtype), *arrays, index=index)


def _clear_written(ct: Any, _y: Any, _value: Any, *arrays: Any, index: Any) -> None:
    ct[fill_index(arrays, index)] = 0


def _take_written(ct: Any, _y: Any, value: Any, *arrays: Any, index: Any) -> Any:
    taken = getitem(ct, *arrays, index=index)
    if _may_repeat(arrays):
        taken = np.where(last_writer(*arrays, index=index, shape=_y.shape), taken, 0)
    extra = len(np.shape(value)) - len(taken.shape)  # NumPy lets leading axes of length 1 pass
    return np.reshape(taken, (1,) * extra + taken.shape) if extra > 0 else taken


setitem = Op(
    "setitem",
    _setitem,
    (
        Linear(transpose=_keep_unwritten, over=_clear_written),
        Linear(transpose=_take_written),
        INDEX,
    ),
    variadic=True,
    additive=True,
    complex=True,
    bind=_bind_setitem,
    batch="store",
    store=_store,
    notation=Notation(rule="a store passes the gradient on to what was stored, and stops the old"),
)
add(setitem)


def _add_at(y: Any, value: Any, *arrays: Any, index: Any) -> Any:
    y = own_copy(y)
    np.add.at(y, fill_index(arrays, index), value)
    return y


def _take_added(ct: Any, _y: Any, value: Any, *arrays: Any, index: Any) -> Any:
    taken = getitem(ct, *arrays, index=index)
    extra = len(np.shape(value)) - len(taken.shape)
    return np.reshape(taken, (1,) * extra + taken.shape) if extra > 0 else taken


add_at = Op(
    "add_at",
    _add_at,
    (
        Linear(transpose=lambda ct, _y, _value, *arrays, index: ct),  # `arrays`: forward reads them
        Linear(transpose=_take_added),
        INDEX,
    ),
    variadic=True,
    additive=True,
    complex=True,
    bind=_bind_setitem,
    batch="store",
    notation=Notation(rule="adding into places passes the gradient on to both"),
)
add(add_at)


def _bind_where(condition: Any, *choices: Any) -> Any:
    if not choices:
        raise AnotherFunction(np.nonzero, condition)
    if len(choices) != 2:
        raise ValueError("either both or neither of x and y should be given")
    return tuple(operand(a) for a in (condition, *choices)), {}


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
        complex=True,
        bind=_bind_where,
        batch="elementwise",
        function=np.where,
        jump=lambda y, condition, *_, **__: jumps.truth(y, condition),
        notation=Notation(rule="where passes the gradient to the branch that was taken"),
        samples=(
            sample(Const(np.array([[True], [False]])), (2, 3), (3,)),
            sample(Const(True), (), ()), sample(Const(np.ones((0,), bool)), (0,), ()),
        ),
    )
)


@composite(
    np.select, sample(Const([np.array([True, False]), np.array([True, True])]), [(2,), (2,)])
)
def select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    """Take from the first array whose condition holds: `where` after `where`."""
    if len(condlist) != len(choicelist):
        raise ValueError("list of cases must be same length as list of conditions")
    if len(condlist) == 0:
        raise ValueError("select with an empty condition list is not possible")
    choices = [operand(c) for c in (*choicelist, default)]
    kind = np.result_type(*(getattr(c, "dtype", c) for c in choices))
    result = as_array(default).astype(kind)
    for condition, choice in zip(reversed(condlist), choices[-2::-1], strict=True):
        if as_array(condition).dtype.kind != "b":
            raise TypeError("invalid entry in condlist: should be boolean ndarray")
        result = np.where(condition, as_array(choice).astype(kind), result)
    return result


@composite(np.choose, sample(Const(np.array([0, 1, 0])), [(3,), (3,)]))
def choose(a: Any, choices: Any, out: Any = None, mode: str = "raise") -> Any:
    """Take from the array that the integer at each place names."""
    arrays = [as_array(c) for c in choices]
    which, count = np.asarray(a), len(arrays)
    which = which.astype(np.intp) if which.dtype.kind == "b" else which
    if mode == "wrap":
        which = which % count
    elif mode == "clip":
        which = np.clip(which, 0, count - 1)
    if which.size and (which.min() < 0 or which.max() >= count):
        raise ValueError("invalid entry in choice array")
    shape = np.broadcast_shapes(which.shape, *(c.shape for c in arrays))
    wide = np.stack([np.broadcast_to(c, shape) for c in arrays])
    return np.take_along_axis(wide, np.broadcast_to(which, shape)[None], 0)[0]


@composite(
    np.compress, sample(Const([True, False, True]), (3,)), sample(Const([1, 0]), (2, 3), axis=0)
)
def compress(condition: Any, a: Any, axis: Any = None, out: Any = None) -> Any:
    """Take the slices at which the condition holds."""
    return np.take(a, np.flatnonzero(np.asarray(condition)), axis=axis)


@composite(np.extract, sample(Const(np.array([True, False, True])), (3,)))
def extract(condition: Any, arr: Any) -> Any:
    """Take the elements at which the condition holds."""
    return np.take(np.ravel(arr), np.flatnonzero(np.asarray(condition)))


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
    if issubclass(type(indices), np.generic):
        indices = np.asarray(indices)  # as an array it makes a copy, as a number a view
    return at(a, (slice(None),) * (axis % a.ndim) + (indices,))


@composite(
    np.take_along_axis, sample((3,), Const(np.array([2, 0])), Const(0)),
    sample((2, 3), Const(np.array([[0, 0], [2, 1]])), axis=1),
    sample((2, 3), Const(np.array([5, 0])), axis=None),
    sample((2, 3), Const(np.array([[1, 0, 1]])), axis=0),
)  # fmt: skip
def take_along_axis(arr: Any, indices: Any, axis: Any = -1) -> Any:
    """Take elements by an array of positions along one axis."""
    arr, indices = as_array(arr), as_array(indices)
    if indices.dtype.kind not in "iu":
        raise IndexError("`indices` must be an integer array")
    if axis is None:
        arr, axis = np.ravel(arr), 0
    if indices.ndim != arr.ndim:
        raise ValueError("`indices` and `arr` must have the same number of dimensions")
    if not -arr.ndim <= axis < arr.ndim:
        raise np.exceptions.AxisError(axis, arr.ndim)
    axis, n = axis % arr.ndim, arr.ndim
    if n == 1:
        return at(arr, indices)
    places = [
        indices if k == axis else np.arange(size).reshape((-1,) + (1,) * (n - k - 1))
        for k, size in enumerate(arr.shape)
    ]
    return at(arr, tuple(places))
