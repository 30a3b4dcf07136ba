"""Door 1: ufuncs with `out=`, `where=`, `dtype=`, and reduce, accumulate, reduceat, at, outer."""

from sys import _getframe
from typing import Any

import numpy as np

from ..core import registry
from ..core.op import Composite, Op
from ..core.sequences import elements, is_sequence
from . import foreign as others
from . import layouts, operands, stores
from . import tracer as tracers
from .rebinding import fitted, is_rebound

_REDUCE = {
    np.add: np.sum,
    np.multiply: np.prod,
    np.maximum: np.max,
    np.minimum: np.min,
    np.logical_and: np.all,
    np.logical_or: np.any,
}
_ACCUMULATE = {np.add: np.cumsum, np.multiply: np.cumprod}
_MISSING = object()
_OF_TYPES = ("dtype", "signature", "casting")
_ORDINARY = frozenset((np.ndarray, np.float64, float, int))


def as_operand(value: Any) -> Any:
    """Turn a sequence (also of traced values) into an array; refuse what is no number."""
    found = elements(value)
    if found is not None:
        if _holds_tracer(found):
            return tracers.call(np.stack, ([as_operand(v) for v in found],), {})
        return np.asarray(found)
    if isinstance(value, str) or value is None:
        return NotImplemented
    if foreign(value):
        return NotImplemented
    return float(value) if is_fraction(value) else others.admit(value)


def foreign(value: Any) -> bool:
    """Say whether NumPy's arrays leave an operator to `value`, as to a sparse matrix."""
    if isinstance(value, np.generic):
        return False
    kind = type(value)
    answers = getattr(kind, "__array_ufunc__", _MISSING)
    if answers is _MISSING:
        return getattr(kind, "__array_priority__", 0) > 0
    return answers is None  # as that of `np.polynomial.Polynomial`


def is_fraction(value: Any) -> bool:
    """Say whether it is a `fractions.Fraction`, without importing that module."""
    return type(value).__module__ == "fractions"


def _holds_tracer(values: Any) -> bool:
    return any(
        type(v) in tracers.TRACERS or _holds_tracer(elements(v) or ())
        for v in values
    )


def carries(values: Any) -> bool:
    """Say whether a derivative flows to any of some values, in lists and tuples too."""
    return any(
        v.cr_carries() if type(v) in tracers.TRACERS else carries(elements(v) or ())
        for v in values
    )


def power(base: Any, exponent: Any) -> Any:
    """Compute ``base ** exponent``; a plain number as exponent is a parameter, not an input."""
    if type(exponent) in (int, float):
        op = registry.op_named("power_of")
        return base.cr_owner.process(op, (base,), {"n": exponent})
    if type(exponent) not in _ORDINARY and type(exponent) not in tracers.TRACERS:
        return operands.meet(np.power, base, exponent)
    return call(np.power, "__call__", (base, exponent), {})


def call(ufunc: Any, method: str, args: Any, kwargs: dict[str, Any]) -> Any:
    """Answer ``__array_ufunc__``."""
    record = registry.find(ufunc)
    if record is None and is_of_python(ufunc):
        return operands.by_objects(ufunc, method, args, kwargs)
    if method != "__call__":
        result = _method(ufunc, method, args, kwargs)
        if method == "at" or kwargs.get("out") is not None:
            return result
        return layouts.as_plain(getattr(ufunc, method), args, kwargs, result)
    if record is None:
        raise tracers.unsupported(ufunc)
    for a in args:
        kind = type(a)
        if kind in tracers.TRACERS or kind in _ORDINARY:
            continue
        if is_sequence(a):
            args = tuple(as_operand(a) if is_sequence(a) else a for a in args)
            break
        args = operands.standing(args)
        if args is NotImplemented:
            return NotImplemented
        args = tuple(map(others.admit, args))
        break
    for a in args:
        if type(a) is np.ndarray and a.dtype.kind == "O":
            return operands.with_objects(ufunc, *args)
    out = kwargs.pop("out", None) if kwargs else None
    rebound = out is not None and is_rebound(out, _getframe(2))
    if len(args) > 1 and not tracers.faces.PYTHONS.isdisjoint(map(type, args)):
        args = tracers.faces.lowered(args)  # last: it holds the arrays once more
    if not kwargs and out is None:
        return _compute(record, args, {})
    where = kwargs.pop("where", True)
    wanted = {name: v for name in _OF_TYPES if (v := kwargs.pop(name, None)) is not None}
    kwargs.pop("subok", None)
    order = kwargs.pop("order", "K")
    if wanted or where is not True:
        args = _cast(ufunc, args, **wanted)
    if where is not True:
        args = _at_least_harmless(record, where, args)
    result = _compute(record, args, kwargs)
    if order != "K" and out is None:
        result = layouts.in_order(result, order, args)
    if where is not True:
        old = 0.0 if out is None or out[0] is None else out[0]
        result = tracers.call(np.where, (where, result, old), {})
    if rebound:
        return fitted(out[0], result)
    return result if out is None else stores.store_out(out, result, broadcast=True)


def is_of_python(ufunc: Any) -> bool:
    """Say whether a ufunc calls a function of Python for each element (`np.frompyfunc`)."""
    return ufunc.types == ["O" * ufunc.nin + "->" + "O" * ufunc.nout] and (
        ufunc.__name__.endswith("(vectorized)")
    )


def _cast(
    ufunc: Any, args: Any, dtype: Any = None, signature: Any = None, casting: str = "same_kind"
) -> Any:
    """Convert the arguments to what NumPy would compute in; what it refuses is refused alike."""
    if dtype is not None:
        signature = (*[None] * ufunc.nin, *[np.dtype(dtype)] * ufunc.nout)
    elif isinstance(signature, str):
        signature = tuple(map(np.dtype, signature.replace("->", "")))
    weak = [type(a) if type(a) in (int, float, complex) else np.result_type(a) for a in args]
    given = {} if signature is None else {"signature": signature}
    found = ufunc.resolve_dtypes((*weak, *[None] * ufunc.nout), casting=casting, **given)
    kinds = [np.result_type(a) for a in args]
    return tuple(
        a if d == kind else tracers.call(np.astype, (a, d), {}) if type(a) in tracers.TRACERS
        else np.asarray(a).astype(d)[()]
        for a, d, kind in zip(args, found, kinds, strict=False)
    )  # fmt: skip


def _at_least_harmless(record: Any, where: Any, args: Any) -> Any:
    """Put harmless numbers where NumPy does not compute: neither value nor rule may raise there."""
    fed = []
    for k, a in enumerate(args):
        kind = np.result_type(a).kind
        other = _harmless(record, k) if kind in "fc" else 1 + k
        fed.append(np.where(where, a, other) if kind in "fciu" else a)
    return tuple(fed)


def _harmless(record: Any, place: int) -> float:
    """Return a number within the domain of an argument, at no kink and at no tie with another."""
    domain = record.domain or ((-np.inf, np.inf),)
    low, high = domain[min(place, len(domain) - 1)]
    kinks = getattr(record, "kinks", ())
    fitting = (v for v in _HARMLESS[place % 2 :: 2] if low < v < high and v not in kinks)
    return next(fitting, (low + high) / 2)


_HARMLESS = (0.5, 0.75, 1.5, 1.75, -0.5, -0.75)


def _compute(record: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    if type(record) is Composite:
        return record.body(*args, **kwargs)
    assert isinstance(record, Op)
    if record.bind is not None:
        args, kwargs = record.bind(*args, **kwargs)
    return tracers.apply(record, args, kwargs)


def _method(ufunc: Any, method: str, args: Any, kwargs: dict[str, Any]) -> Any:
    if method == "reduce":
        return _reduce(ufunc, *args, **kwargs)
    if method == "accumulate":
        return _accumulate(ufunc, *args, **kwargs)
    if method == "outer":
        a, b = args
        a = tracers.call(np.reshape, (a, np.shape(a) + (1,) * np.ndim(b)), {})
        return ufunc(a, tracers.faces.numbered(b), **kwargs)
    if method == "at":
        return _at(ufunc, *args)
    if method == "reduceat":
        return _reduceat(ufunc, *args, **kwargs)
    raise tracers.unsupported(ufunc)


def _reduce(
    ufunc: Any, x: Any, axis: Any = 0, dtype: Any = None, out: Any = None,
    keepdims: bool = False, initial: Any = None, where: Any = True,
) -> Any:  # fmt: skip
    kwargs: dict[str, Any] = {"axis": axis, "keepdims": keepdims}
    if initial is not None:
        kwargs["initial"] = initial
    if where is not True:
        kwargs["where"] = where
    function = _REDUCE.get(ufunc)
    if function is not None:
        if dtype is not None and ufunc in (np.add, np.multiply):
            kwargs["dtype"] = dtype
        result = function(x, **kwargs)
    else:
        result = _fold(ufunc, x, axis, keepdims, initial, where)
    return result if out is None else stores.store_out(out, result)


def _fold(ufunc: Any, x: Any, axis: Any, keepdims: bool, initial: Any, where: Any) -> Any:
    """Reduce by applying the ufunc slice after slice: correct for every ufunc with a rule."""
    start: Any = {} if initial is None else {"initial": tracers.concrete(initial)}
    mask = tracers.known(where)
    plain = ufunc.reduce(tracers.concrete(x), axis, keepdims=keepdims, where=mask, **start)
    axes = range(x.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = tuple(k % x.ndim for k in axes)
    if not x.size or not axes:
        return x if x.size else plain if initial is None else np.broadcast_to(initial, plain.shape)
    rows = _in_front(x, axes)
    masks = None if mask is True else _in_front(np.broadcast_to(mask, x.shape), axes)
    if masks is not None and initial is None:
        initial = ufunc.identity
    result = rows[0] if initial is None else initial
    for i in range(initial is None, len(rows)):
        if masks is None:
            result = ufunc(result, rows[i])
        else:
            fed = _at_least_harmless(registry.find(ufunc), masks[i], (result, rows[i]))
            result = np.where(masks[i], ufunc(*fed), result)
    return np.expand_dims(result, axes) if keepdims else result


def _in_front(x: Any, axes: tuple[int, ...]) -> Any:
    """Join `axes` into the first axis."""
    x = np.moveaxis(x, axes, range(len(axes)))
    return np.reshape(x, (-1, *x.shape[len(axes) :]))


def _accumulate(ufunc: Any, x: Any, axis: int = 0, dtype: Any = None, out: Any = None) -> Any:
    function = _ACCUMULATE.get(ufunc)
    if function is not None:
        result = function(x, axis=axis, dtype=dtype)
    else:
        rows = np.moveaxis(x, axis, 0)
        results = [rows[0]]
        for i in range(1, len(rows)):
            results.append(ufunc(results[-1], rows[i]))
        result = np.moveaxis(np.stack(results), 0, axis)
    return result if out is None else stores.store_out(out, result)


def _at(ufunc: Any, y: Any, index: Any, value: Any = None) -> None:
    """Carry out ``ufunc.at(y, index, value)``: unbuffered, so repeated indices all count."""
    if type(y) not in tracers.TRACERS:
        if carries((value,)):
            stores.store_out(y, value, broadcast=True)  # refuses
        parts = index if isinstance(index, tuple) else (index,)
        plain = tuple(tracers.known(part) for part in parts)
        ufunc.at(y, plain, *(() if value is None else (tracers.known(value),)))
        return
    value = as_operand(value) if is_sequence(value) else value
    if ufunc is np.add or ufunc is np.subtract:
        op = registry.op_named("add_at")
        assert op.bind is not None
        args, params = op.bind(y, value if ufunc is np.add else np.negative(value), index)
        stores.store(y, ..., tracers.apply(op, args, params))
        return
    positions = np.arange(y.size).reshape(y.shape)[index]
    values = np.broadcast_to(value, positions.shape) if value is not None else None
    for where in np.ndindex(positions.shape):
        place = np.unravel_index(int(positions[where]), y.shape)
        y[place] = ufunc(y[place]) if values is None else ufunc(y[place], values[where])


def _reduceat(ufunc: Any, x: Any, indices: Any, axis: int = 0, **kwargs: Any) -> Any:
    if kwargs.get("out") is not None or kwargs.get("dtype") is not None:
        raise tracers.unsupported(ufunc)
    rows = np.moveaxis(x, axis, 0)
    starts = [int(i) for i in indices]
    pieces = []
    for start, stop in zip(starts, [*starts[1:], len(rows)], strict=True):
        pieces.append(ufunc.reduce(rows[start:stop]) if stop > start else rows[start])
    return np.moveaxis(np.stack(pieces), 0, axis)
