"""Operands with a meaning of their own: who answers an operator, and who is refused.

A traced value beside a value of another class does what the plain value would do. It leaves the
operator to classes that NumPy leaves it to, lets classes with an ``__array_ufunc__`` of their own
answer, and computes element by element with objects. Subclasses of `ndarray` that change what an
operator means, and containers that align by labels, would be computed on their bare numbers: they
are refused, with what to write.
"""

import math
import operator
from contextlib import suppress
from functools import cache
from typing import Any, SupportsFloat

import numpy as np

from . import searches
from . import tracer as tracers
from .foreign import Foreign, is_foreign
from .losses import TRACERS
from .strange import LABELLED, of_pandas, refused, strange

_COMPARISONS = frozenset(
    (np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal)
)
NUMBER, ARRAY, REFUSED, DEFERS, ASKS, ADMITTED, OTHER = range(7)
_OPERATIONS: dict[Any, Any] = {
    np.add: operator.add, np.subtract: operator.sub, np.multiply: operator.mul,
    np.divide: operator.truediv, np.floor_divide: operator.floordiv, np.remainder: operator.mod,
    np.power: operator.pow, np.matmul: operator.matmul, np.less: operator.lt,
    np.less_equal: operator.le, np.greater: operator.gt, np.greater_equal: operator.ge,
    np.equal: operator.eq, np.not_equal: operator.ne, np.bitwise_and: operator.and_,
    np.bitwise_or: operator.or_, np.bitwise_xor: operator.xor, np.left_shift: operator.lshift,
    np.right_shift: operator.rshift,
}  # fmt: skip


@cache
def meaning(kind: type) -> int:
    """Say what stands behind an operand of a class that is not traced."""
    if issubclass(kind, np.generic | bool | int | float | complex):
        return NUMBER
    if issubclass(kind, np.ndarray):
        return REFUSED if strange(kind) else ARRAY
    if of_pandas(kind):
        return DEFERS  # it knows its labels, and computes on the values
    if kind.__module__.partition(".")[0] in LABELLED:
        return REFUSED if hasattr(kind, "__array__") else OTHER
    if kind is Foreign or is_foreign(kind):
        return ADMITTED
    if not hasattr(kind, "__array_ufunc__"):
        return DEFERS if getattr(kind, "__array_priority__", 0) > 0 else OTHER
    return DEFERS if kind.__array_ufunc__ is None else ASKS


def meet(ufunc: Any, x: Any, other: Any, swap: bool = False) -> Any:
    """Compute an operator of a traced value and another; NotImplemented where the other answers."""
    what = meaning(type(other))
    if what == REFUSED:
        raise refused(other)
    if what == DEFERS or (what == NUMBER and not swap and _overrides(type(other), x, ufunc)):
        return NotImplemented
    python = tracers.faces.is_python(x)
    if what == ASKS:
        if python:
            return NotImplemented
        return ufunc(other, x) if swap else ufunc(x, other)
    if what == OTHER and ufunc in _COMPARISONS and not tracers.ufuncs.is_sequence(other):
        answer = _compared(ufunc, x, other, python)
        if answer is not None:
            return answer
    if what == NUMBER:
        other = bare(other)
    if what in (OTHER, ARRAY):
        if python and what == OTHER and not tracers.ufuncs.is_fraction(other):
            return NotImplemented
        if ufunc is np.multiply and isinstance(other, list | tuple) and _is_scalar(x):
            return NotImplemented  # Python repeats the list, or refuses
        if _is_scalar(x) and tracers.ufuncs.is_fraction(other):
            x, other = tracers.faces.as_python(x.cr_snapshot()), float(other)
            return _OPERATIONS[ufunc](other, x) if swap else _OPERATIONS[ufunc](x, other)
        other = _as_array(other, x)
        if other is NotImplemented:
            return NotImplemented
        if type(other) is np.ndarray and other.dtype.kind == "O":
            return with_objects(ufunc, other, x) if swap else with_objects(ufunc, x, other)
    return tracers.ufuncs.call(ufunc, "__call__", (other, x) if swap else (x, other), {})


def with_whole(name: str, x: Any, whole: int) -> Any:
    """Compare a number of Python's with a whole one of any size, as Python does: exactly."""
    if not x.cr_varies():
        return _compared(getattr(np, _NAMES[name]), x, whole, True)
    try:
        nearest = float(whole)
    except OverflowError:
        nearest = math.copysign(math.inf, whole)
    return getattr(x, name)(nearest)


_NAMES = {"__lt__": "less", "__le__": "less_equal", "__gt__": "greater",
          "__ge__": "greater_equal", "__eq__": "equal", "__ne__": "not_equal"}  # fmt: skip


def bare(number: Any) -> Any:
    """Return the number of a class of the program that is derived of Python's."""
    if type(number) in _PYTHONS or isinstance(number, np.generic):
        return number
    return next(base for base in _PYTHONS if isinstance(number, base))(number)


_PYTHONS = (bool, int, float, complex)


def _is_scalar(x: Any) -> bool:
    return type(x) in TRACERS and x.__class__ is not np.ndarray


def _compared(ufunc: Any, x: Any, other: Any, python: bool) -> Any:
    """Compare with an object of any class: conditions are constants. None where it is no such."""
    if not (python or _is_scalar(x) or _is_no_number(other)):
        return None
    answer = _OPERATIONS[ufunc](tracers.faces.shown(x), other)
    truth = np.ndarray if _is_no_number(other) else np.bool_
    if isinstance(answer, bool | np.bool_) and isinstance(other, SupportsFloat):
        with suppress(TypeError, ValueError, OverflowError):  # too large for a float, or none
            searches.compared(ufunc.__name__, answer, (x, float(other)))
    return answer if isinstance(answer, bool | np.bool_ | truth) else None


def _overrides(kind: type, x: Any, ufunc: Any) -> bool:
    """Say whether a class of numbers has an operator of its own, which Python asks first."""
    base = next((b for b in (np.generic, float, complex, int) if issubclass(kind, b)), None)
    if base is None or base is np.generic or not issubclass(kind, x.__class__):
        return False
    name = f"__r{_OPERATIONS[ufunc].__name__.strip('_')}__" if ufunc in _OPERATIONS else ""
    return getattr(kind, name, None) is not getattr(base, name, None)


def _is_no_number(other: Any) -> bool:
    return other is None or isinstance(other, str | bytes)


def _as_array(other: Any, x: Any) -> Any:
    """Turn what is no number into an array, as NumPy would; an object array of what it is not."""
    if _is_no_number(other):
        return NotImplemented
    if tracers.ufuncs.is_sequence(other):
        return tracers.ufuncs.as_operand(other)
    if tracers.ufuncs.is_fraction(other):
        return float(other)
    if not isinstance(other, np.ndarray) and hasattr(type(other), "__array__"):
        other = other.__array__()
        if type(other) in TRACERS:
            return other
    found = np.asarray(other)
    if found.dtype.kind == "O" and found.shape == () and not isinstance(other, np.ndarray):
        found = _one(other)
    return found


def _one(value: Any) -> Any:
    held = np.empty((), object)
    held[()] = value
    return held


def objects(x: Any) -> Any:
    """Return an array of objects: the elements of a traced array as traced Python numbers."""
    if type(x) not in TRACERS:
        return np.asarray(x, object)
    found = np.empty(x.shape, object)
    for place in np.ndindex(x.shape):
        found[place] = x[place].item() if x.shape else x.item() if hasattr(x, "item") else x
    return found


def with_objects(ufunc: Any, *args: Any) -> Any:
    """Compute with arrays of objects: element by element, by the operators of the elements."""
    operation = _OPERATIONS.get(ufunc)
    if operation is None or ufunc is np.matmul:
        return ufunc(*map(objects, args))
    return np.frompyfunc(operation, len(args), 1)(*map(objects, args))


def by_objects(ufunc: Any, method: str, args: Any, kwargs: dict[str, Any]) -> Any:
    """Let a function of Python meet each element as the number that it would meet: Python's.

    What it gives is an array of objects, as without tracing.
    """
    given = [objects(a) if isinstance(a, np.ndarray) or type(a) in TRACERS else a for a in args]
    return (ufunc if method == "__call__" else getattr(ufunc, method))(*given, **kwargs)


def standing(args: Any) -> Any:
    """Look at the arguments of a ufunc: how they are to be taken, or NotImplemented."""
    new = []
    for a in args:
        if type(a) in TRACERS:
            new.append(a)
            continue
        what = meaning(type(a))
        if what == REFUSED:
            raise refused(a)
        if what in (DEFERS, ASKS):
            return NotImplemented
        if what == OTHER and not _is_no_number(a) and hasattr(type(a), "__array__"):
            a = _as_array(a, None)
        elif what == NUMBER:
            a = bare(a)
        elif what == ARRAY and type(a) is not np.ndarray:
            a = np.asarray(a)
        new.append(a)
    return tuple(new)

