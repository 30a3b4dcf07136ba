"""Joining arrays, padding them, and adding or leaving out elements."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ...core.op import Const, Notation, Op, sample
from ...core.registry import alias, composite, declare
from ...core.slots import Linear
from ...errors import LostDerivativeError, UnsupportedFunctionError
from ..declare import as_array, zeros_for
from .arithmetic import unseen
from .own_python import carries, plain


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
    parts = tuple(as_array(a) for a in arrays)
    if axis is None:
        parts, axis = tuple(np.ravel(p) for p in parts), 0
    if dtype is not None:
        parts = tuple(p.astype(dtype) for p in parts)
    return parts, {"axis": int(axis)}


concatenate = declare(
    Op(
        "concatenate",
        lambda *parts, axis: np.concatenate(parts, axis=axis),
        (Linear(joint=_split_back),),
        variadic=True,
        additive=True,
        bind=_bind_concatenate,
        batch="axis",
        function=np.concatenate,
        complex=True,
        notation=Notation(rule="each part gets back its own piece of the gradient"),
        samples=(
            sample([(2, 3), (1, 3)]), sample([(2,), (3,)]), sample([(2, 3), (2, 1)], axis=1),
            sample([(2, 3), (4,)], axis=None), sample([(0, 2), (1, 2)]), sample([(3,)]),
            sample([(2, 1), (2, 2)], axis=-1),
        ),
    )
)  # fmt: skip
if np.concat is not np.concatenate:
    alias(np.concat, np.concatenate)


def _unstack(ct: Any, *parts: Any, axis: int) -> tuple[Any, ...]:
    before = (slice(None),) * axis
    return tuple([ct[(*before, i)] for i in range(len(parts))])


def _bind_stack(
    arrays: Any, axis: int = 0, out: Any = None, *, dtype: Any = None, casting: Any = None
) -> Any:
    parts = tuple([as_array(a) for a in arrays])
    if not parts:
        raise ValueError("need at least one array to stack")
    if dtype is not None:
        parts = tuple([p.astype(dtype) for p in parts])
    ndim = parts[0].ndim + 1
    if not -ndim <= axis < ndim:
        raise np.exceptions.AxisError(axis, ndim)
    return parts, {"axis": int(axis) % ndim}


stack = declare(
    Op(
        "stack",
        lambda *parts, axis: np.stack(parts, axis=axis),
        (Linear(joint=_unstack),),
        variadic=True,
        additive=True,
        bind=_bind_stack,
        batch="axis",
        function=np.stack,
        complex=True,
        notation=Notation(rule="each part gets back its own slice of the gradient"),
        samples=(
            sample([(2, 3), (2, 3)]), sample([(), ()]), sample([(2,), (2,)], axis=-1),
            sample([(0, 2), (0, 2)], axis=1), sample([(3,)]),
        ),
    )
)  # fmt: skip


def _parts(tup: Any, at_least: Callable[[Any], Any]) -> list[Any]:
    return [at_least(as_array(a)) for a in tup]


@composite(np.hstack, sample([(2,), (3,)]), sample([(2, 1), (2, 3)]), sample([(), ()]))
def hstack(tup: Any, *, dtype: Any = None, casting: Any = None) -> Any:
    """Join along the second axis (the first of vectors)."""
    parts = _parts(tup, np.atleast_1d)
    return np.concatenate(parts, axis=0 if parts[0].ndim == 1 else 1, dtype=dtype)


@composite(np.vstack, sample([(2,), (2,)]), sample([(2, 3), (3,)]), sample([(), ()]))
def vstack(tup: Any, *, dtype: Any = None, casting: Any = None) -> Any:
    """Join rows."""
    return np.concatenate(_parts(tup, np.atleast_2d), axis=0, dtype=dtype)


if getattr(np, "row_stack", np.vstack) is not np.vstack:
    alias(np.vstack, np.vstack)


@composite(np.dstack, sample([(2,), (2,)]), sample([(2, 3), (2, 3)]))
def dstack(tup: Any) -> Any:
    """Join along the third axis."""
    return np.concatenate(_parts(tup, np.atleast_3d), axis=2)


@composite(np.column_stack, sample([(2,), (2,)]), sample([(2, 3), (2,)]))
def column_stack(tup: Any) -> Any:
    """Join vectors as columns."""
    parts = [as_array(a) for a in tup]
    return np.concatenate(
        [p if p.ndim > 1 else np.reshape(p, (p.size, 1)) for p in parts], axis=1
    )


@composite(
    np.block, sample([(2, 2), (2, 1)]), sample([[(2, 2), (2, 1)], [(1, 2), (1, 1)]]), sample((2,))
)
def block(arrays: Any) -> Any:
    """Assemble nested lists of blocks: the innermost lists join along the last axis."""
    depth = _depth(arrays)
    least = max(depth, _most_axes(arrays))
    whole = _assemble(arrays, depth, least)
    return whole if depth else np.copy(whole)


def _depth(arrays: Any) -> int:
    if isinstance(arrays, tuple):
        raise TypeError("only lists can be used to arrange blocks, and np.block got a tuple")
    if not isinstance(arrays, list):
        return 0
    depths = {_depth(a) for a in arrays}
    if not depths:
        raise ValueError("List at arrays cannot be empty")
    if len(depths) > 1:
        raise ValueError("List depths are mismatched")
    return depths.pop() + 1


def _most_axes(arrays: Any) -> int:
    return max(map(_most_axes, arrays)) if isinstance(arrays, list) else np.ndim(arrays)


def _assemble(arrays: Any, depth: int, ndim: int) -> Any:
    if not isinstance(arrays, list):
        a = as_array(arrays)
        return np.reshape(a, (1,) * (ndim - a.ndim) + a.shape)
    return np.concatenate([_assemble(a, depth - 1, ndim) for a in arrays], axis=-depth)


@composite(np.append, sample((3,), (2,)), sample((2, 3), (3,)), sample((2, 3), (1, 3), axis=0))
def append(arr: Any, values: Any, axis: Any = None) -> Any:
    """Join `values` to the end."""
    arr, values = as_array(arr), as_array(values)
    if axis is None:
        arr, values = np.ravel(arr), np.ravel(values)
        axis = -1
    return np.concatenate((arr, values), axis=axis)


# --- padding ------------------------------------------------------------------------------


def _inside(x: Any, width: tuple[tuple[int, int], ...]) -> tuple[slice, ...]:
    return tuple(slice(w[0], w[0] + n) for w, n in zip(width, x.shape, strict=True))


def _pad_zeros(x: Any, width: tuple[tuple[int, int], ...]) -> Any:
    out = zeros_for(x, tuple(sum(w) + n for w, n in zip(width, x.shape, strict=True)))
    out[_inside(x, width)] = x
    return out


pad_zeros = declare(
    Op(
        "pad_zeros",
        _pad_zeros,
        (Linear(transpose=lambda ct, x, width: ct[_inside(x, width)]),),
        batch="width",
        complex=True,
        notation=Notation(
            "pad({0}, {width})", "\\operatorname{{pad}}({0})",
            rule="padding with zeros: the inner part of the gradient is taken",
        ),
    )
)  # fmt: skip


def _pairs(width: Any, ndim: int, kind: Any = int) -> tuple[tuple[Any, Any], ...]:
    """Write a width (a number, a pair, pairs, or a dict by axis) as a pair for each axis."""
    if isinstance(width, dict):
        found: list[Any] = [(0, 0)] * ndim
        for axis, w in width.items():
            found[axis] = (w, w) if np.ndim(w) == 0 else tuple(w)
        width = found
    wide = np.broadcast_to(as_array(width), (ndim, 2))
    return tuple((kind(wide[i, 0]), kind(wide[i, 1])) for i in range(ndim))


def _along(axis: int, ndim: int, part: Any) -> tuple[Any, ...]:
    return (slice(None),) * axis + (part,) + (slice(None),) * (ndim - axis - 1)


def _filled(a: Any, axis: int, count: int, value: Any) -> Any:
    """Return `count` slices that all hold `value`."""
    shape = (*a.shape[:axis], count, *a.shape[axis + 1 :])
    return np.broadcast_to(as_array(value), shape).astype(a.dtype)


def _pad_constant(a: Any, axis: int, sides: Any, values: Any) -> Any:
    left, right = (_filled(a, axis, n, v) for n, v in zip(sides, values, strict=True))
    return np.concatenate((left, a, right), axis=axis)


def _pad_ramp(a: Any, axis: int, sides: Any, ends: Any) -> Any:
    """Go in equal steps from the edge to the end value."""
    parts = [a]
    for side, (count, end) in enumerate(zip(sides, ends, strict=True)):
        at = slice(0, 1) if side == 0 else slice(-1, None)
        edge = a[_along(axis, a.ndim, at)]
        end = as_array(end) * 1.0
        steps = np.arange(count).reshape((count,) + (1,) * (a.ndim - axis - 1))
        if side == 1:
            steps = steps[::-1]
        ramp = (steps * ((edge - end) / max(count, 1)) + end).astype(a.dtype)
        parts = [ramp, *parts] if side == 0 else [*parts, ramp]
    return np.concatenate(parts, axis=axis)


def _pad_statistic(statistic: Any) -> Any:
    def pad_axis(a: Any, axis: int, sides: Any, lengths: Any) -> Any:
        n = a.shape[axis]
        parts = []
        for side, (count, length) in enumerate(zip(sides, lengths, strict=True)):
            length = n if length is None else min(int(length), n)
            at = slice(0, length) if side == 0 else slice(n - length, n)
            value = statistic(a[_along(axis, a.ndim, at)], axis=axis, keepdims=True)
            parts.append(_filled(a, axis, count, value))
        return np.concatenate((parts[0], a, parts[1]), axis=axis)

    return pad_axis


_STATISTICS = {"maximum": np.max, "minimum": np.min, "mean": np.mean, "median": np.median}


def _pad_odd(a: Any, axis: int, sides: Any, mode: str) -> Any:
    """Reflect through the edge's value: 2·edge − reflection."""
    most = a.shape[axis] - (mode == "reflect")
    if max(sides) > most:
        raise UnsupportedFunctionError(
            f"np.pad(mode={mode!r}, reflect_type='odd') by more than {most} on axis {axis}",
            why="the reflection of a reflection is not supported for traced values",
            cure="pad in two steps, each by no more than the array is long",
        )
    even = _pad_taken(a, axis, sides, mode)
    n, (left, right) = a.shape[axis], sides
    first, last = (a[_along(axis, a.ndim, s)] for s in (slice(0, 1), slice(n - 1, n)))
    flip = [_along(axis, a.ndim, s) for s in (slice(0, left), slice(left + n, left + n + right))]
    return np.concatenate((2 * first - even[flip[0]], a, 2 * last - even[flip[1]]), axis=axis)


def _pad_taken(a: Any, axis: int, sides: Any, mode: str) -> Any:
    """Take the elements that NumPy's own padding of the positions 0, 1, … names."""
    places = np.pad(np.arange(a.shape[axis]), sides, mode=mode)
    return np.take(a, places, axis=axis)


@composite(
    np.pad, sample((3,), Const(2)), sample((2, 3), Const(((1, 0), (2, 1)))),
    sample((2, 3), Const(1), constant_values=0.5), sample((3,), Const(2), mode="edge"),
    sample((3,), Const(4), mode="reflect"), sample((3, 2), Const(3), mode="symmetric"),
    sample((3,), Const((2, 5)), mode="wrap"), sample((3, 2), Const(2), mode="linear_ramp"),
    sample((3,), Const(2), mode="linear_ramp", end_values=(1.0, -1.0)),
    sample((3, 2), Const(1), mode="mean"), sample((4,), Const(2), mode="maximum", stat_length=2),
    sample((4,), Const(2), mode="minimum"),
    sample((3,), Const(2), mode="reflect", reflect_type="odd"),
    sample((3,), Const(3), mode="symmetric", reflect_type="odd"),
    sample((0,), Const(2)),
)  # fmt: skip
def pad(array: Any, pad_width: Any, mode: Any = "constant", **kwargs: Any) -> Any:
    """Pad: zeros by the op `pad_zeros`, the rest by parts that are joined, axis after axis.

    Errors: a function as `mode` writes in place on plain arrays, and is refused.
    """
    a = as_array(array)
    width = _pairs(pad_width, a.ndim)
    if min((n for pair in width for n in pair), default=0) < 0:
        raise ValueError("index can't contain negative values")
    _check_pad(mode, kwargs)
    values = kwargs.get("constant_values", 0)
    if mode == "empty" or (mode == "constant" and np.ndim(values) == 0 and _is_zero(values)):
        return pad_zeros(a, width=width)
    options = _pad_options(mode, kwargs, a.ndim)
    for axis, sides in enumerate(width):
        if sides == (0, 0):
            continue
        if mode not in ("constant", "linear_ramp") and a.shape[axis] == 0:
            raise ValueError(
                f"can't extend empty axis {axis} using modes other than 'constant' or 'empty'"
            )
        a = _pad_axis(a, axis, sides, mode, options)
    return a


def _is_zero(value: Any) -> bool:
    return not hasattr(value, "cr_owner") and not np.any(value)


_ALLOWED = {
    "constant": {"constant_values"}, "empty": set(), "edge": set(), "wrap": set(),
    "linear_ramp": {"end_values"}, "reflect": {"reflect_type"}, "symmetric": {"reflect_type"},
    **{name: {"stat_length"} for name in _STATISTICS},
}  # fmt: skip


def _check_pad(mode: Any, kwargs: dict[str, Any]) -> None:
    if callable(mode):
        raise UnsupportedFunctionError(
            "np.pad with a function as mode received a traced value",
            why="the function would write into a plain array, which carries no derivative",
            cure="use one of the named modes, or np.concatenate the parts",
        )
    if mode not in _ALLOWED:
        raise ValueError(f"mode '{mode}' is not supported")
    wrong = set(kwargs) - _ALLOWED[mode]
    if wrong:
        raise ValueError(f"unsupported keyword arguments for mode '{mode}': {wrong}")


def _pad_options(mode: str, kwargs: dict[str, Any], ndim: int) -> Any:
    if mode in ("constant", "linear_ramp"):
        values = kwargs.get("constant_values" if mode == "constant" else "end_values", 0)
        return _pairs(values, ndim, kind=lambda v: v)
    if mode in _STATISTICS:
        length = kwargs.get("stat_length")
        return ((None, None),) * ndim if length is None else _pairs(length, ndim)
    return kwargs.get("reflect_type", "even")


def _pad_axis(a: Any, axis: int, sides: tuple[int, int], mode: str, options: Any) -> Any:
    if mode == "constant":
        return _pad_constant(a, axis, sides, options[axis])
    if mode == "linear_ramp":
        return _pad_ramp(a, axis, sides, options[axis])
    if mode in _STATISTICS:
        return _pad_statistic(_STATISTICS[mode])(a, axis, sides, options[axis])
    if options == "odd":
        return _pad_odd(a, axis, sides, mode)
    return _pad_taken(a, axis, sides, mode)


# --- elements added and left out ----------------------------------------------------------


@composite(
    np.insert, sample((3,), Const(1), ()), sample((2, 3), Const(1), (3,), axis=0),
    sample((3,), Const([0, 2]), (2,)), sample((2, 3), Const([1]), (2, 1), axis=1),
    sample((2, 3), Const(slice(0, 2)), Const(1.0), axis=1), sample((2, 2), Const(-1), ()),
)  # fmt: skip
def insert(arr: Any, obj: Any, values: Any, axis: Any = None) -> Any:
    """Insert values before the given positions: a join, taken in the new order."""
    arr, values = as_array(arr), as_array(values)
    if axis is None:
        arr, axis = np.ravel(arr), 0
    axis = np.lib.array_utils.normalize_axis_index(axis, arr.ndim)
    n = arr.shape[axis]
    places = np.arange(n)[obj] if isinstance(obj, slice) else np.asarray(obj)
    values = np.reshape(values, (1,) * (arr.ndim - values.ndim) + values.shape)
    if places.dtype.kind != "b" and places.size == 1:
        values = values if places.ndim or isinstance(obj, slice) else np.moveaxis(values, 0, axis)
        fresh = n + np.arange(values.shape[axis])
        order = np.insert(np.arange(n), np.full(fresh.size, places.reshape(())), fresh)
    else:
        count = np.insert(np.arange(n), obj, 0).size - n
        fresh = n + np.arange(count)
        order = np.insert(np.arange(n), obj, fresh)
    shape = (*arr.shape[:axis], fresh.size, *arr.shape[axis + 1 :])
    values = np.broadcast_to(values, shape).astype(arr.dtype)
    return np.take(np.concatenate((arr, values), axis=axis), order, axis=axis)


@composite(
    np.delete, sample((4,), Const(1)), sample((2, 3), Const([0, -1]), axis=1),
    sample((4,), Const(slice(0, 4, 2))), sample((2, 3), Const(1)),
    sample((3,), Const(np.array([True, False, True]))),
)  # fmt: skip
def delete(arr: Any, obj: Any, axis: Any = None) -> Any:
    """Leave out elements: what stays is taken."""
    arr = np.ravel(as_array(arr)) if axis is None else as_array(arr)
    axis = 0 if axis is None else axis
    return np.take(arr, np.delete(np.arange(arr.shape[axis]), plain(obj)), axis=axis)


@composite(np.resize, sample((2, 3), Const((3, 3))), sample((3,), Const(2)), sample((2,), Const(5)))
def resize(a: Any, new_shape: Any) -> Any:
    """Fill a new shape with the elements in order, over and over."""
    a = np.ravel(as_array(a))
    shape = tuple(np.atleast_1d(new_shape).tolist())
    size = int(np.prod(shape))
    if a.size == 0 or size == 0:
        return np.zeros(shape, a.dtype)
    return np.reshape(np.take(a, np.arange(size) % a.size), shape)


@composite(np.trim_zeros, sample((3,)))
def trim_zeros(filt: Any, trim: str = "fb", axis: Any = None) -> Any:
    """Leave out the zeros at both ends.

    At the kinks: a zero that depends on the inputs is none beside the point, and stays there. Where
    such a one is left out the derivative is the limit of those beside, with a warning.
    """
    filt = as_array(filt)
    places = np.asarray(np.argwhere(filt))
    axes = range(filt.ndim) if axis is None else np.atleast_1d(axis).tolist()
    trim = trim.lower()
    if not set(trim) <= {"f", "b"} or not trim:
        raise ValueError(f"unexpected character(s) in `trim`: {trim!r}")
    index = [slice(None)] * filt.ndim
    for k in axes:
        column = places[:, k]
        first, last = (int(column.min()), int(column.max()) + 1) if column.size else (0, 0)
        if not column.size and trim == "b":
            first = 0
        index[k] = slice(first if "f" in trim else 0, last if "b" in trim else None)
        if not column.size:
            index[k] = slice(0, 0)
    kept = filt[tuple(index)]
    if kept.size == filt.size or not carries(filt):
        return kept
    if not kept.size:
        raise LostDerivativeError(
            "np.trim_zeros met an array of which all elements are traced zeros",
            why="nothing is left of it, so a derivative in them would silently be zero",
            cure="leave the zeros in, or write ‹held filt 0›, where no derivative is meant",
        )
    left_out = np.ones(filt.shape, bool)
    left_out[tuple(index)] = False
    return kept + unseen(filt[left_out])
