"""Arrays that a traced program makes: the doors of `np.zeros`, `np.array` and their like.

NumPy's protocols do not reach them, since none of their arguments is a traced array (`np.zeros(3)`)
or since they must return a plain one (`np.array([x, y])`). In a traced function user code meets the
functions below. Fresh arrays of floats come as constant tracers, which take traced stores; arrays
made of traced values are traced.
"""

import sys
from collections.abc import Callable, Iterable
from functools import lru_cache
from types import FunctionType
from typing import Any

import numpy as np

from ..core.registry import op_named
from ..core.sequences import elements, is_sequence, makers
from . import stacked
from . import tracer as tracers
from .as_numbers import numbers
from .foreign import is_foreign, under
from .running import running
from .source import inside
from .strange import AskedError, of_pandas, values_of
from .tracer import CONSTANT, TRACERS, apply, hold


def _fresh(function: Any) -> Callable[..., Any]:
    """Let what `function` makes take traced stores."""

    def door(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        if not running.traces or _is_shared(result, args):
            return result
        return hold(result.copy() if function is np.fromfunction else result)

    return door


def _is_shared(result: Any, args: Any) -> bool:
    """Say whether an array might be written through another name: one that was there before."""
    if type(result) is not np.ndarray:
        return True
    return not result.flags.writeable or any(result is a for a in args)


def holds_tracer(value: Any) -> bool:
    """Say whether a list or tuple, at any depth, holds a traced value."""
    return any(map(_traced, value))


def gather(value: Any) -> Any:
    """Build the array of a nested list in which some numbers or arrays are traced."""
    if type(value) in TRACERS:
        return value
    found = elements(value)
    if found is None:
        made = _converted(value)
        return made if type(made) in TRACERS else np.asarray(value)
    value = found
    flat, shape = _scalars(value)
    if shape is not None and not any(under(v) is not None for v in flat):
        return apply(op_named("pack"), flat, {"shape": shape})
    whole = tracers.call(np.stack, ([gather(v) for v in value],), {})
    return whole.copy("C") if _laid_out_otherwise(whole, "C") else whole  # as np.array makes it


def _scalars(value: Any) -> tuple[list[Any], tuple[int, ...] | None]:
    """Flatten a regular nesting of numbers; the shape is None where it is not one."""
    value = [elements(v) if is_sequence(v) else v for v in value]
    if not any(type(v) in (list, tuple) for v in value):
        numbers = all(type(v) in _NUMBERS or isinstance(v, np.generic) for v in value)
        return list(value), (len(value),) if numbers else None
    flat: list[Any] = []
    shapes = set()
    for v in value:
        if type(v) not in (list, tuple):
            return [], None
        part, shape = _scalars(v)
        shapes.add(shape)
        flat += part
    inner = shapes.pop()
    return flat, None if shapes or inner is None else (len(value), *inner)


_NUMBERS = (float, int, complex, bool)


def _of_sequence(value: Any, dtype: Any, plain: Any) -> Any:
    if dtype is not None and np.dtype(dtype).kind not in "fcbiu":
        return plain()  # objects and strings: the conversion of a traced element refuses
    result = gather(value)
    return result if dtype is None or result.dtype == dtype else result.astype(dtype)


def _traced(value: Any) -> bool:
    if type(value) in TRACERS:
        return True
    found = elements(value)
    if found is None:
        return _as_made(type(value)) is not None and type(_converted(value)) in TRACERS
    return holds_tracer(found)


@lru_cache(maxsize=4096)
def _as_made(kind: type) -> Callable[[Any], Any] | None:
    """Return what gives the array that an object is: a column, or one of a class of the program."""
    method = getattr(kind, "__array__", None)
    if type(method) is not FunctionType:
        return None
    if of_pandas(kind):
        return values_of
    if inside[method.__code__.co_filename]:
        return None
    if hasattr(kind, "__array_function__"):
        return None
    return method if tracers.operands.meaning(kind) in _CONVERTED else None


_CONVERTED = (tracers.operands.OTHER, tracers.operands.ASKS, tracers.operands.DEFERS)


def _converted(value: Any) -> Any:
    """Return the traced array that an object of another class stands for; other values as is."""
    make = None if type(value) in TRACERS else _as_made(type(value))
    if make is None:
        return value
    made = make(value)
    return made if type(made) in TRACERS else value


def array(object: Any, dtype: Any = None, *, copy: Any = True, ndmin: int = 0, **kw: Any) -> Any:
    """As `np.array`; of traced values a traced array."""
    if (flat := tracers.faces.flattened(object)) is not object:
        object, copy = flat, False
    if running.traces:
        object = _converted(of_objects(object, dtype))
    if not running.traces or not _traced(object):
        _look(object)
        result = np.array(object, dtype, copy=copy, ndmin=ndmin, **kw)
        fresh = running.traces and (copy or not _shares(result, object))
        return hold(result) if fresh else result
    order, fresh = kw.get("order") or "K", True
    if type(object) not in TRACERS:
        result = _of_sequence(object, dtype, lambda: np.array(object, dtype))
    elif dtype is not None and object.dtype != dtype:
        result = object.astype(dtype)
    else:
        result, fresh = object, False
    if (copy and not fresh) or (type(result) in TRACERS and _laid_out_otherwise(result, order)):
        result = tracers.call(np.copy, (result,), {"order": order})
    return _at_least(_an_array(result), ndmin)


def of_objects(a: Any, dtype: Any) -> Any:
    """Return the traced array that an array of objects becomes as one of floats; others as is."""
    if dtype is None or (kind := np.dtype(dtype).kind) not in "fc":
        return a
    if type(a) is not np.ndarray:
        return numbers(a, kind)
    if a.dtype.kind != "O":
        return a
    held = numbers(a.ravel().tolist(), kind)
    return gather(held).reshape(a.shape) if holds_tracer(held) else a


def _look(value: Any) -> None:
    """Refuse an array of texts, as they are or read in, in which a traced number was printed."""
    if running.texts and (isinstance(value, str | bytes) or is_sequence(value)):
        from .readers import look

        look((value,))


def _an_array(x: Any) -> Any:
    """Return an array without axes for a number: stores into it are seen under all its names."""
    return tracers.call(np.copy, (x,), {}) if isinstance(tracers.concrete(x), np.generic) else x


def _shares(result: Any, source: Any) -> bool:
    return not is_foreign(type(source)) and np.may_share_memory(result, source)


def _at_least(x: Any, ndmin: int) -> Any:
    missing = ndmin - x.ndim
    return x.reshape((1,) * missing + x.shape) if missing > 0 else x


def _as_array(function: Any, ndmin: int = 0) -> Callable[..., Any]:
    """Make the door of a function that converts only what is no array yet."""

    def door(a: Any, dtype: Any = None, *args: Any, **kwargs: Any) -> Any:
        a = tracers.faces.flattened(a)
        if running.traces:
            a = _converted(of_objects(a, dtype))
        if not running.traces or not _traced(a):
            _look(a)
            result = function(a, dtype, *args, **kwargs)
            fresh = running.traces and result is not a and not _shares(result, a)
            return hold(result) if fresh else result
        if type(a) not in TRACERS:
            return _of_sequence(a, dtype, lambda: function(a, dtype, *args, **kwargs))
        if function is np.asarray_chkfinite:
            if a.cr_varies() and not stacked.all_finite(a):
                raise stacked.not_for_all("an array holds NaN or infinity")
            function(tracers.concrete(a))
        a = a if dtype is None or a.dtype == dtype else a.astype(dtype)
        order = _ORDERS.get(function) or (args[0] if args else kwargs.get("order")) or "K"
        if kwargs.get("copy") or _laid_out_otherwise(a, order):
            a = a.copy(order)
        return _at_least(_an_array(a), ndmin)

    return door


_ORDERS: dict[Any, str] = {np.ascontiguousarray: "C", np.asfortranarray: "F"}


def _laid_out_otherwise(a: Any, order: str) -> bool:
    flags = tracers.concrete(a).flags
    return (order == "C" and not flags.c_contiguous) or (order == "F" and not flags.f_contiguous)


def full(shape: Any, fill_value: Any, dtype: Any = None, order: Any = "C", **kw: Any) -> Any:
    """As `np.full`; a traced value fills a traced array."""
    if not running.traces or not _traced(fill_value):
        return hold_fresh(np.full(shape, fill_value, dtype, order, **kw))
    value = array(fill_value, dtype)
    spread = tracers.call(np.broadcast_to, (value, shape), {})
    return tracers.call(np.copy, (spread,), {"order": order})


def hold_fresh(result: Any) -> Any:
    """As `hold`, while a function is traced."""
    return hold(result) if running.traces else result


makers.append(hold_fresh)


def _full_like(function: Any) -> Callable[..., Any]:
    """Make the door of `zeros_like` and its like; a traced prototype answers by itself."""

    def door(a: Any, *args: Any, **kwargs: Any) -> Any:
        if running.traces and type(a) not in TRACERS and _traced(a):
            a = gather(a)
        if running.traces and type(a) in TRACERS:  # of its shape, dtype and layout only
            values = [v for v in (*args, *kwargs.values()) if type(v) in TRACERS]
            if not values:
                return hold(function(tracers.concrete(a), *args, **kwargs))
        if running.traces and function is np.full_like and _traced((*args, *kwargs.values())):
            names = ("fill_value", "dtype", "order", "subok", "shape")
            given = dict(zip(names, args, strict=False)) | kwargs
            value = array(given.pop("fill_value"))
            result = hold(np.empty_like(a, **given))
            result[...] = value
            return result
        result = function(a, *args, **kwargs)
        return result if type(result) in TRACERS else hold_fresh(result)

    return door


def arange(*args: Any, **kwargs: Any) -> Any:
    """As `np.arange`; traced limits give start + step·i."""
    values = (*args, *(v for k, v in kwargs.items() if k in ("start", "stop", "step")))
    if not running.traces or not any(type(v) in TRACERS for v in values):
        return hold_fresh(np.arange(*args, **kwargs))
    plain = {k: tracers.known(v) for k, v in kwargs.items()}
    shape = np.arange(*map(tracers.known, args), **plain)
    names = ("stop",) if len(args) == 1 else ("start", "stop", "step")
    given = dict(zip(names, args, strict=False)) | kwargs
    result = given.get("start", 0.0) + given.get("step", 1.0) * np.arange(len(shape))
    if type(result) not in TRACERS:  # only the end is traced, and it moves no element
        return hold(shape)
    return result if result.dtype == shape.dtype else result.astype(shape.dtype)


def fromiter(iter: Iterable[Any], dtype: Any, count: int = -1, **kw: Any) -> Any:
    """As `np.fromiter`; traced elements give a traced array."""
    if not running.traces:
        return np.fromiter(iter, dtype, count, **kw)
    values = []
    for v in iter:
        values.append(v)
        if len(values) == count:
            break
    if holds_tracer(values):
        return _of_sequence(values, dtype, lambda: np.fromiter(values, dtype, count))
    return hold(np.fromiter(values, dtype, count, **kw))


def ndenumerate(arr: Any) -> Any:
    """As `np.ndenumerate`; the elements of a traced array are traced."""
    if not running.traces or not _traced(arr):
        return np.ndenumerate(arr)
    x = array(arr, copy=False)
    return ((index, x[index]) for index in np.ndindex(x.shape))


def require(a: Any, dtype: Any = None, requirements: Any = None, **kw: Any) -> Any:
    """As `np.require`; a traced array is aligned and writeable, and a view owns no memory."""
    if not running.traces or not _traced(a):
        return hold_fresh(np.require(a, dtype, requirements, **kw))
    asked = {str(r).upper() for r in requirements or ()}
    np.require(0.0, None, requirements)  # NumPy's errors, for what it does not know
    orders = (o for o, names in _CONTIGUOUS.items() if asked & names)
    result = _AS_ARRAY(a, dtype, next(orders, "K"))
    lacks = {"O", "OWNDATA"} if getattr(result, "cr_base", None) is not None else set()
    if not result.flags.writeable:
        lacks |= {"W", "WRITEABLE"}
    return result if asked.isdisjoint(lacks) else result.copy("K")


_CONTIGUOUS = {
    "C": {"C", "C_CONTIGUOUS", "CONTIGUOUS"}, "F": {"F", "F_CONTIGUOUS", "FORTRAN"},
}  # fmt: skip
_AS_ARRAY = _as_array(np.asarray)

def _listed(function: Any) -> Callable[..., Any]:
    """Let `function` take lists of traced values, which would hide them from NumPy's protocols."""
    of_ufunc = isinstance(function, np.ufunc)

    def door(*args: Any, **kwargs: Any) -> Any:
        given = (*args, *(v for k, v in kwargs.items() if k != "out")) if kwargs else args
        for a in given:
            if type(a) in TRACERS or not running.traces:
                continue
            if of_ufunc and _answers(type(a)):
                break
            if _traced(a):
                args = tuple(map(_gathered, args))
                kwargs = {k: v if k == "out" else _gathered(v) for k, v in kwargs.items()}
                return _on_columns(function, args, kwargs)
        if kwargs and running.traces and not of_ufunc:
            seen = _only_named(args, kwargs)
            if seen is not None:
                return seen.__array_function__(function, (type(seen),), args, kwargs)
        return function(*args, **kwargs)

    return door


def _only_named(args: Any, kwargs: Any) -> Any:
    """Return a traced option of a call on plain arrays: NumPy does not look at all of them."""
    if not all(type(a) in _PLAIN_ARGUMENTS for a in args):
        return None
    return next((v for k, v in kwargs.items() if k != "out" and type(v) in TRACERS), None)


_PLAIN_ARGUMENTS = frozenset((np.ndarray, np.float64, list, tuple, *_NUMBERS, str, type(None)))


def _answers(kind: type) -> bool:
    """Say whether a class of the program answers for ufuncs, or has them refused."""
    return kind is not np.ndarray and hasattr(kind, "__array_ufunc__")


def _on_columns(function: Any, args: Any, kwargs: Any) -> Any:
    """Call a function that leaves columns to their methods, or else asks for their values.

    Which of the two it does is seen by letting it: what it did before it asks is nothing.
    """
    if not any(of_pandas(type(a)) for a in (*args, *kwargs.values())):
        return function(*args, **kwargs)
    asking, running.asking = running.asking, True
    try:
        return function(*args, **kwargs)
    except AskedError:
        pass
    finally:
        running.asking = asking
    given = {k: v if k == "out" else _converted(v) for k, v in kwargs.items()}
    return function(*map(_converted, args), **given)


def _joining(function: Any) -> Callable[..., Any]:
    """Let lists of traced values stand among the arrays that `function` joins."""

    def door(*args: Any, **kwargs: Any) -> Any:
        if running.traces:
            if args:
                args = (_joined(args[0]), *args[1:])
            else:  # it has not one name for all of them
                kwargs = {k: _joined(v) if k in ("tup", "arrays") else v for k, v in kwargs.items()}
        return function(*args, **kwargs)

    return door


def _joined(arrays: Any) -> Any:
    if is_sequence(arrays):
        held = elements(arrays)
        if any(type(a) not in TRACERS and _traced(a) for a in held):
            return [_converted(_gathered(a)) for a in held]
    return arrays


def _gathered(a: Any) -> Any:
    if type(a) in TRACERS or of_pandas(type(a)):
        return a
    if not is_sequence(a) or not _traced(a):
        return _converted(a)
    return gather(a) if _is_regular(elements(a)) else a


def _is_regular(values: Any) -> bool:
    """Say whether a nested list is that of an array, not a list of arrays of several shapes."""
    shapes = {
        (len(v) if _is_regular(elements(v)) else None) if is_sequence(v) else np.shape(v)
        for v in values
    }
    return len(shapes) == 1 and None not in shapes


DOORS: dict[Any, Any] = {
    **{f: _fresh(f) for f in (
        np.zeros, np.ones, np.empty, np.eye, np.identity, np.tri, np.fromfunction,
    )},
    **{f: _fresh(_joining(f)) for f in (
        np.concatenate, np.stack, np.vstack, np.hstack, np.column_stack, np.dstack,
    )},
    **{f: _fresh(_listed(f)) for f in (
        np.linspace, np.logspace, np.geomspace, np.copy, np.diag, np.tile, np.repeat, np.outer,
        np.diff, np.cumsum,
    )},
    **{f: _full_like(f) for f in (np.zeros_like, np.ones_like, np.empty_like, np.full_like)},
    np.asarray: _AS_ARRAY,
    np.asanyarray: _as_array(np.asanyarray),
    np.ascontiguousarray: _as_array(np.ascontiguousarray, 1),
    np.asfortranarray: _as_array(np.asfortranarray),
    np.asarray_chkfinite: _as_array(np.asarray_chkfinite),
    np.array: array,
    np.full: full,
    np.arange: arange,
    np.fromiter: fromiter,
    np.ndenumerate: ndenumerate,
    np.require: require,
}  # fmt: skip


def _of_lists(function: Any, most: int = 3) -> Callable[..., Any]:
    """Let columns stand in the lists of arrays that `function` takes by itself."""
    by_itself = function in (np.select, np.choose)  # in lists of lists NumPy sees no traced one

    def one(a: Any) -> Any:
        if type(a) in (list, tuple):
            return type(a)(map(one, a)) if holds_tracer(a) else a
        return _converted(a)

    def door(*args: Any, **kwargs: Any) -> Any:
        if running.traces and "pandas" in sys.modules:
            args = (*map(one, args[:most]), *args[most:])
        if by_itself and running.traces and (seen := _tracers_in((*args, *kwargs.values()))):
            kinds = tuple({type(t): None for t in seen})
            return seen[0].__array_function__(function, kinds, args, kwargs)
        return function(*args, **kwargs)

    return door


def _tracers_in(values: Any) -> list[Any]:
    """Return the traced values among some, and in lists of them."""
    found: list[Any] = []
    for v in values:
        if type(v) in TRACERS:
            found.append(v)
        elif type(v) in (list, tuple):
            found += _tracers_in(v)
    return found


_SEQUENCES = {  # these take lists of arrays by themselves
    np.block, np.ix_, np.linalg.multi_dot, np.einsum_path, np.select, np.piecewise, np.choose,
    np.lexsort, np.savez, np.savez_compressed, np.ravel_multi_index, np.histogramdd,
    np.apply_along_axis, np.apply_over_axes,
}  # fmt: skip


def listed() -> dict[Any, Any]:
    """Return doors for the rest of NumPy's functions: they differ where lists are passed."""
    return {
        f: _listed(f)
        for name in ("numpy", "numpy.linalg", "numpy.fft")
        if name in sys.modules
        for f in vars(sys.modules[name]).values()
        if isinstance(f, (np.ufunc, type(np.sum))) and f not in DOORS and f not in _SEQUENCES
    } | {np.block: _of_lists(np.block), np.select: _of_lists(np.select),
         np.choose: _of_lists(np.choose),
         np.piecewise: _of_lists(np.piecewise, 2)}  # the others are its functions'


__all__ = ["CONSTANT", "DOORS", "array", "gather", "holds_tracer", "listed"]
