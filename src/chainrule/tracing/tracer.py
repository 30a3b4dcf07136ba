"""The tracer: a concrete value beside its place in a recording, and doors 1 and 2.

A tracer behaves as the NumPy array or scalar that it holds. Door 1 is ``__array_ufunc__``
(NEP 13), door 2 is ``__array_function__`` (NEP 18); operators and ndarray methods lead to them.
"""

import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from sys import _getframe
from types import NoneType
from typing import Any

import numpy as np

from ..core import registry
from ..core.op import AnotherFunction, Composite, Op
from ..core.registry import recorded
from ..errors import (
    BatchError,
    LeakedTracerError,
    LostDerivativeError,
    UnsupportedFunctionError,
    singular,
)
from . import cures, foreign, kept, searches, stacked, steps, stores, ufuncs, words  # noqa: F401
from .losses import TRACERS, Guarded, lost, of_program, remember, swallowed, unsupported
from .running import CLOSED, MUTED, OPEN, WATCHED, depth, running
from .source import describe, user_frame
from .strange import unlabelled
from .watching import note, note_counts

__all__ = ["CLOSED", "CONSTANT", "FACES", "TRACERS", "Trace", "Tracer", "apply", "call", "concrete",
           "depth", "hold", "make_tracer", "muted", "release"]  # fmt: skip

_levels = count(1)
_NO_PARAMS: dict[str, Any] = {}
_NUMBERS = (float, int, np.float64)


class Trace:
    """What a mode does with an operation. A trace made later is an inner one: it goes first."""

    __slots__ = ("level", "state", "whole")
    differentiates = False  # whether what it makes of its inputs is a derivative

    def __init__(self) -> None:
        self.level = next(_levels)
        self.state = OPEN
        self.whole: frozenset[int] = frozenset()  # the ids of those inputs that were integers

    def mute(self) -> None:
        """Let the tracers of this trace act as constants."""
        self.state = MUTED

    def not_open(self, op: Op, args: Any, params: dict[str, Any]) -> Any:
        """Compute `op` while this trace is watched, or muted; once it is closed, refuse."""
        if self.state == WATCHED:
            if running.watch is None:
                running.inside.touch()
                return self.process(op, args, params)
            self.state = OPEN
            try:
                result = self.process(op, args, params)
            finally:
                self.state = WATCHED
            note(op.name, args, result, params)
            return result
        if self.state == CLOSED:
            if running.again and op.name in ("equal", "not_equal"):  # a cache's key: not this one
                shape = np.broadcast_shapes(*(np.shape(concrete(a)) for a in args))
                return np.full(shape, op.name == "not_equal")[()]
            if not self.past() and any(
                type(a) in TRACERS and a.cr_owner is self and op.flows(k)
                for k, a in enumerate(args)
            ):
                raise self.leaked(op)
            if op.view:
                kept.own(args[0])
        plain = [a.cr_value if type(a) in TRACERS and a.cr_owner is self else a for a in args]
        return apply(op, plain, params)

    def process(self, op: Op, args: Any, params: dict[str, Any]) -> Any:
        """Compute `op` on `args`, of which at least one is a tracer of this trace."""
        raise TypeError(f"{type(self).__name__} does not say how to process {op.name}")

    def store(self, y: "Tracer", op: Op, args: Any, params: dict[str, Any]) -> bool:
        """Carry out `op` in the memory of `y`, which nobody else holds; say whether it was done."""
        return False

    def past(self) -> bool:
        """Say whether what was kept of this trace is plain: it is closed, and no other runs."""
        return self.state == CLOSED and kept.nothing_runs()

    def carries(self, tracer: "Tracer") -> bool:
        """Say whether a derivative flows to this tracer; a constant may become a plain number."""
        return not self.past()

    def lose(self, error: Exception) -> None:
        """Let a derivative be lost: an error, unless a mode only takes note."""
        raise error

    def observed(self, tracer: "Tracer") -> None:
        """Take note that the program branches on this value; ordinary unless a mode objects."""

    def returned(self, tracer: "Tracer", function: Any) -> None:
        """Refuse a tracer as the result of a function where it belongs to another call."""
        if self.state == CLOSED:
            name = getattr(function, "__name__", None) or type(function).__name__
            raise self.leaked(f"the result of {name}")

    def told(self, what: str, data: Any = None) -> None:
        """Take note of what no operation shows (a solver at work, a derivative that is stopped)."""

    def drawn(self, since: Any = None) -> None:
        """Take note that the program draws random numbers; ordinary unless a mode objects.

        `since` says when it made the generator of a seed, if it did.
        """

    def leaked(self, op: Op | str) -> LeakedTracerError:
        """Build the error for a tracer that is used after its call has ended."""
        return LeakedTracerError(
            f"{op if isinstance(op, str) else op.name} is a traced value whose derivative call has "
            "already ended" if isinstance(op, str) and op.startswith("the result") else
            f"{op if isinstance(op, str) else op.name} received a traced value whose derivative "
            "call has already ended",
            where=describe(user_frame(2)),
            why="a value computed under grad, jvp or vjp was kept (in a cache, a global, an "
            "attribute or a closure) and used by a later derivative, in which it would be constant",
            cure="return the value from the function (has_aux=True carries extra results out); "
            "make a cache in the function itself, or empty it before each call; keep a value that "
            "is meant as a constant by chainrule.stop_gradient(value)",
        )


class Constant(Trace):
    """The trace of arrays that a traced program made itself, and through which nothing flows yet.

    Such an array is copied when it is written and not before, so a traced value may be stored into
    it: then it belongs to the trace of that value.
    """

    __slots__ = ()

    def __init__(self) -> None:
        self.level, self.state, self.whole = 0, OPEN, frozenset()

    def process(self, op: Op, args: Any, params: dict[str, Any]) -> Any:
        result = op.value(*[a.cr_value if type(a) in TRACERS else a for a in args], **params)
        if op.outputs:
            parts = [hold(part) for part in result]
            return type(result)(*parts) if hasattr(result, "_fields") else tuple(parts)
        return hold(result)

    def store(self, y: "Tracer", op: Op, args: Any, params: dict[str, Any]) -> bool:
        if op.store is None:
            return False
        op.store(*map(release, args), **params)
        return True

    def carries(self, tracer: "Tracer") -> bool:
        return False


CONSTANT = Constant()


def hold(value: Any) -> Any:
    """Let an array of floats take traced stores; anything else is returned as it is.

    An array of another library is held too: what it computes is then up to the engine.
    """
    if type(value) is np.ndarray and value.dtype.kind in "fc":
        return make_tracer(value, CONSTANT, None)
    return make_tracer(value, CONSTANT, None) if type(value) is foreign.Foreign else value


def release(value: Any) -> Any:
    """Return the plain array behind a constant tracer, and anything else as NumPy takes it."""
    if type(value) not in TRACERS:
        return value
    return value.cr_value if value.cr_owner is CONSTANT else faces.numbered(value)


@contextmanager
def muted() -> Iterator[None]:
    """Let the tracers of all traces that run on this thread act as constants meanwhile.

    Operations on them give plain values and record nothing, and ``float(x)`` is allowed. What is
    computed so carries no derivative: the caller must supply it (solvers, whose answers are
    differentiated by the implicit function theorem).
    """
    silenced: list[tuple[Trace, int]] = []
    try:
        for trace in running.traces:
            state = trace.state
            if state <= OPEN:
                trace.mute()
                silenced.append((trace, state))
        yield
    finally:
        for trace, state in silenced:
            trace.state = state


def apply(op: Op, args: Any, params: dict[str, Any]) -> Any:
    """Compute an op: in the innermost trace that an argument belongs to, else in plain NumPy."""
    top = None
    for a in args:
        if type(a) in TRACERS and (top is None or a.cr_owner.level > top.level):
            top = a.cr_owner
    if top is None:
        return op.value(*args, **params)
    result = top.process(op, args, params)
    if op.view:
        stores.link(result, args, op, params)
    return result


def call(function: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """Call an array function of NumPy (or of ours) on arguments of which some are traced."""
    if type(function) is Op:
        return apply(function, args, kwargs)
    inside = running.inside
    if inside is not None and inside.takes(args, kwargs):
        return inside.compute(function, args, kwargs)
    try:
        result = _compute(function, args, kwargs)
        if running.raised and not running.rules:
            searches.compared("defined", True, args)
        return result
    except (LostDerivativeError, UnsupportedFunctionError) as error:
        remember(error, user_frame(2))  # Python code, too, may hide it: an operator's
        if not running.traces or type(running.traces[-1]).lose is Trace.lose:
            raise
        running.traces[-1].lose(error)  # a survey: the plain function computes, and it goes on
        return function(*map(concrete, args), **{k: concrete(v) for k, v in kwargs.items()})
    except Exception:
        searches.raised(args)
        raise


def _compute(function: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    record = registry.find(function)
    if record is None:
        return _through_numpy(function, args, kwargs)
    out = kwargs.pop("out", None) if kwargs else None
    if len(args) > 2 and out is None:
        place = _place_of_out(function)
        if len(args) > place:
            out, rest = args[place], args[place + 1 :]
            args = (*args[:place], None, *rest) if rest else args[:place]
    if type(record) is Composite:
        try:
            if args and type(args[0]) in TRACERS and not args[0].size and _hold_none(args, kwargs):
                result = _of_nothing(function, args, kwargs)
            else:
                result = record.body(*args, **kwargs)
        except BatchError as error:  # a library's branch, not the user's
            raise stacked.one_by_one(error) from error
        except np.linalg.LinAlgError as error:
            if _raises_too(function, args, kwargs):
                raise
            raise singular(record.name, error) from error
        except RecursionError as error:
            if of_program(error):
                raise
            raise unsupported(function) from None  # its body calls it with a traced value again
        if type(result) not in TRACERS or result.cr_value.ndim:
            result = layouts.as_plain(function, args, kwargs, result)
        if running.traces and not running.rules:
            _note(record.name, result, function, args, kwargs)
        if running.watch is not None:
            note_counts(record.name, args, kwargs, result)
    else:
        assert isinstance(record, Op)
        order = kwargs.get("order") if kwargs else None
        if record.bind is not None:
            try:
                args, kwargs = record.bind(*args, **kwargs)
            except BatchError as error:
                raise stacked.one_by_one(error) from error
            except AnotherFunction as other:
                return call(other.function, other.arguments, {})
        result = apply(record, args, kwargs)
        if order in ("C", "F", "A") and "order" not in kwargs:  # no matter of the operation
            result = layouts.in_order(result, order, args)
    return result if out is None else stores.store_out(out, result, broadcast=function is np.clip)


def _note(name: str, result: Any, function: Any, args: Any, kwargs: dict[str, Any]) -> None:
    """Take note of a function's answer, or of how many numbers it gives."""
    if name.rpartition(".")[2] in steps.ASKED and any(t.differentiates for t in running.traces):
        searches.compared(
            name, result, args, beside=lambda: steps.stepped(function, args, kwargs, result)
        )
    elif not steps.flows(result):
        searches.compared(name, result, args)


def _hold_none(args: Any, kwargs: Any) -> bool:
    """Say whether there is no number to differentiate in: what is traced is empty."""
    return all(
        (not v.size and isinstance(concrete(v), np.ndarray)) if type(v) in TRACERS
        else isinstance(v, _PLAIN) or (type(v) in (tuple, list) and _hold_none(v, {}))
        for v in (*args, *kwargs.values())
    )  # fmt: skip


def _of_nothing(function: Any, args: Any, kwargs: Any) -> Any:
    """Call the plain function on empty arrays: it knows best what comes of them."""
    result = function(*map(concrete, args), **{k: concrete(v) for k, v in kwargs.items()})
    if type(result) is tuple:
        return tuple(hold(v) if type(v) is np.ndarray else v for v in result)
    return hold(result) if type(result) is np.ndarray else result


_PLAIN = (np.ndarray, np.generic, bool, int, float, complex, str, NoneType)


def _raises_too(function: Any, args: Any, kwargs: dict[str, Any]) -> bool:
    """Say whether the plain function raises LinAlgError, too: then it is the program's to catch."""
    args, kwargs = [*map(known, args)], {k: known(v) for k, v in kwargs.items()}
    if not all(isinstance(v, _PLAIN) for v in (*args, *kwargs.values())):
        return True  # it may call the program, or hold something traced
    try:
        function(*args, **kwargs)
    except np.linalg.LinAlgError:
        return True
    return False


@cache
def _place_of_out(function: Any) -> int:
    """Return at which position a function of NumPy's takes `out`; beyond all where it does not."""
    try:
        takes = inspect.signature(function).parameters
    except ValueError:
        takes = {}  # type: ignore[assignment]
    ours = getattr(function, "__module__", "").startswith("numpy") and "out" in takes
    placed = ours and takes["out"].kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    return list(takes).index("out") if placed else sys.maxsize


def _through_numpy(function: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """Run NumPy's own Python implementation on the tracers: it decomposes into known ops."""
    if registry.refusal(function) is not None:  # before it makes a file
        if ufuncs.carries((*args, *kwargs.values())):
            raise unsupported(function)
        return function(*map(known, args), **{k: known(v) for k, v in kwargs.items()})
    implementation = getattr(function, "_implementation", None)
    if implementation is None or not hasattr(implementation, "__code__"):
        raise unsupported(function)
    swallowed.error = None
    try:
        result = implementation(*args, **kwargs)
    except (LostDerivativeError, UnsupportedFunctionError) as error:
        raise unsupported(function) from error
    if swallowed.error is not None:  # NumPy caught it and went on with something else
        raise unsupported(function) from swallowed.error
    if running.traces and not running.rules:
        _note(function.__name__, result, function, args, kwargs)
    return result


def _binary(ufunc: Any, swap: bool = False) -> Callable[[Any, Any], Any]:
    def method(self: Any, other: Any) -> Any:
        op = recorded(ufunc) or registry.find(ufunc)
        if op is None:
            raise unsupported(ufunc)
        kind = type(other)
        trace = self.cr_owner
        if kind in TRACERS:
            if kind in faces.PYTHONS and self.cr_value.dtype.char not in "dD":
                _, other = faces.lowered((self, other))
            if other.cr_owner.level > trace.level:
                trace = other.cr_owner
        elif kind is np.ndarray:
            if other.dtype.kind == "O":
                pair = (other, self) if swap else (self, other)
                return operands.with_objects(ufunc, *pair)
        elif kind is not float and kind is not int:
            if kind is complex:
                # else Python computes a complex without a dtype
                other = np.result_type(self.dtype, other).type(other)
            elif not issubclass(kind, np.generic):
                return operands.meet(ufunc, self, other, swap)
        return trace.process(op, (other, self) if swap else (self, other), _NO_PARAMS)

    return method


def _unary(ufunc: Any) -> Callable[[Any], Any]:
    def method(self: Any) -> Any:
        op = recorded(ufunc) or registry.find(ufunc)
        if op is None:
            raise unsupported(ufunc)
        return self.cr_owner.process(op, (self,), _NO_PARAMS)

    return method


_OF_NUMBERS = dict.fromkeys((np.real, np.imag), True) | dict.fromkeys(
    (np.reshape, np.squeeze, np.transpose, np.permute_dims), False
)  # what NumPy makes of Python's number: its own part, or a view of the array that it becomes


def doubled(x: Any) -> Any:
    """Return a number of double precision, as Python's are."""
    kind = x.dtype.kind
    if kind not in "fc" or x.dtype.char in "dD":
        return x
    return x.astype(np.float64 if kind == "f" else np.complex128)


def as_method(function: Any) -> Callable[..., Any]:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        if registry.find(function) is None:  # NumPy's body of it would call this method again
            raise unsupported(function)
        if args:
            args = tuple(map(foreign.admit, args))
        return call(function, (self, *args), kwargs)

    method.__name__ = function.__name__
    return method


class Tracer(Guarded):
    """A traced array or scalar. Users meet it only as the argument of their own function.

    ``isinstance(x, np.ndarray)`` and ``isinstance(x, float)`` answer as for the value it holds, so
    that a program takes the same branch as without tracing; the engine itself asks ``type(x)``.
    """

    __slots__ = ("cr_value", "cr_owner", "cr_node", "cr_base", "cr_views", "cr_like",
                 "__weakref__")  # fmt: skip
    __array_priority__ = 1000.0
    __hash__ = Guarded.__hash__  # Python drops it where a class defines __eq__

    def __init__(self, value: Any, trace: Trace, node: Any) -> None:
        self.cr_value = value
        self.cr_owner = trace
        self.cr_node = node

    def cr_snapshot(self) -> "Tracer":
        """Return a tracer that stays as this one is now, whatever is stored into it later."""
        return FACES[type(self)](self.cr_value, self.cr_owner, self.cr_node)

    # --- what it looks like -------------------------------------------------------------
    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the value; to set it makes the array a view of what it was."""
        return self.cr_value.shape  # type: ignore[no-any-return]

    @shape.setter
    def shape(self, shape: Any) -> None:
        stores.reshape(self, shape)

    @property
    def dtype(self) -> Any:
        """Dtype of the value."""
        return self.cr_value.dtype

    ndim = property(lambda self: self.cr_value.ndim)
    size = property(lambda self: self.cr_value.size)
    itemsize = property(lambda self: self.cr_value.itemsize)
    nbytes = property(lambda self: self.cr_value.nbytes)
    T = property(lambda self: call(np.transpose, (self,), {}))
    real = property(
        lambda self: call(np.real, (self,), {}),
        lambda self, value: stores.store(self.real, ..., value),
    )
    imag = property(
        lambda self: call(np.imag, (self,), {}),
        lambda self, value: stores.store(self.imag, ..., value),
    )
    flat = property(
        lambda self: stores.flat_view(self),
        lambda self, value: call(np.put, (self, np.arange(self.size), value), {}),
    )

    @property
    def __class__(self) -> type:  # type: ignore[override]
        """Class of the value: `ndarray` or that of another library's arrays; faces give others."""
        return foreign.class_for(_getframe(1), concrete(self))

    def __repr__(self) -> str:
        return self.cr_printed(repr(faces.shown(self)))

    def __str__(self) -> str:
        return self.cr_printed(str(faces.shown(self)))

    def __format__(self, spec: str) -> str:
        return self.cr_printed(format(faces.shown(self), spec))

    def cr_printed(self, text: str) -> str:
        """Remember what the value was printed as: read in again it would be a constant."""
        if running.tape is not None:
            running.tape.printed(self)
        if not (running.traces and (self.cr_carries() or self.cr_varies())):
            return text
        if len(running.texts) < _MOST_TEXTS:
            searches.printed(text, (self,))
            running.texts[text.strip()] = self
            plain = concrete(self)
            known_here = type(plain) is not foreign.Foreign and plain.dtype.kind == "f"
            if known_here and plain.size <= _MOST_PRINTED:
                running.figures += [(v, 0, self) for v in np.ravel(plain).tolist()]
                if plain.ndim:
                    running.texts |= dict.fromkeys(text.translate(_MARKS).split(), self)
        return texts.printed(text)

    def __bool__(self) -> bool:
        if self.cr_owner is running.tape:
            return bool(self.cr_owner.observed(self, bool))
        self.cr_owner.observed(self)
        held = self.cr_value
        if held.dtype.kind in "fc" and type(held) not in TRACERS and not running.rules:
            searches.compared("truth", bool(held), (held,))
        return bool(held)

    # --- the doors ----------------------------------------------------------------------
    def __array_ufunc__(self, ufunc: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        if method == "__call__" and not kwargs:
            op = recorded(ufunc)
            if type(op) is Op and op.bind is None and not op.view:
                trace = self.cr_owner
                for a in args:
                    kind = type(a)
                    if kind in TRACERS:
                        if len(args) > 1 and kind in faces.PYTHONS:
                            break
                        if a.cr_owner.level > trace.level:
                            trace = a.cr_owner
                    elif kind not in _NUMBERS and (kind is not np.ndarray or a.dtype.kind == "O"):
                        break
                else:
                    return trace.process(op, args, _NO_PARAMS)
        return ufuncs.call(ufunc, method, args, kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        kwargs = {k: v for k, v in kwargs.items() if v is not np._NoValue} if kwargs else {}
        if len(types) > 1:
            args, kwargs = foreign.admitted(types, args, kwargs)
        if "pandas" in sys.modules and function is not np.clip:  # which gives a column
            args = tuple(map(unlabelled, args))
            kwargs = {k: unlabelled(v) for k, v in kwargs.items()}
        if not faces.FLATS.isdisjoint(types):
            args = tuple(map(faces.flattened, args))
        if not faces.PYTHONS.isdisjoint(types):
            if function is np.clip:
                args = faces.lowered((faces.numbered(args[0]), *args[1:]))
            elif function is np.where:
                args = (args[0], *faces.lowered(args[1:]))
            elif function is np.select:
                args = (args[0], [*faces.lowered(args[1])], *args[2:])
            if args and type(args[0]) in faces.PYTHONS and function in _OF_NUMBERS:
                args, python = tuple(map(faces.numbered, args)), _OF_NUMBERS[function]
                if python:
                    return faces.as_python(call(function, args, kwargs))
                args = (call(np.copy, args[:1], {}), *args[1:])
            args = tuple(map(faces.numbered, args))
        return call(function, args, kwargs)

    # --- operators ----------------------------------------------------------------------
    __add__, __radd__ = _binary(np.add), _binary(np.add, True)
    __sub__, __rsub__ = _binary(np.subtract), _binary(np.subtract, True)
    __mul__, __rmul__ = _binary(np.multiply), _binary(np.multiply, True)
    __truediv__, __rtruediv__ = _binary(np.divide), _binary(np.divide, True)
    __floordiv__, __rfloordiv__ = _binary(np.floor_divide), _binary(np.floor_divide, True)
    __mod__, __rmod__ = _binary(np.remainder), _binary(np.remainder, True)
    __rpow__ = _binary(np.power, True)
    __neg__, __pos__, __abs__ = _unary(np.negative), _unary(np.positive), _unary(np.absolute)
    __lt__, __le__ = _binary(np.less), _binary(np.less_equal)
    __gt__, __ge__ = _binary(np.greater), _binary(np.greater_equal)
    __eq__, __ne__ = _binary(np.equal), _binary(np.not_equal)  # type: ignore[assignment]
    __and__, __rand__ = _binary(np.bitwise_and), _binary(np.bitwise_and, True)
    __or__, __ror__ = _binary(np.bitwise_or), _binary(np.bitwise_or, True)
    __xor__, __rxor__ = _binary(np.bitwise_xor), _binary(np.bitwise_xor, True)
    __lshift__, __rlshift__ = _binary(np.left_shift), _binary(np.left_shift, True)
    __rshift__, __rrshift__ = _binary(np.right_shift), _binary(np.right_shift, True)
    __invert__ = _unary(np.invert)

    def __pow__(self, exponent: Any, modulus: None = None) -> Any:
        if modulus is not None:
            raise TypeError("pow() 3rd argument not allowed unless all arguments are integers")
        return ufuncs.power(self, exponent)

    def __divmod__(self, other: Any) -> Any:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> Any:
        return other // self, other % self

    # --- methods of ndarray: see the table below the class --------------------------------
    def reshape(self, *shape: Any, order: str = "C", **kwargs: Any) -> Any:
        """As `ndarray.reshape`: the shape as one tuple or as separate arguments."""
        if len(shape) == 1 and not isinstance(shape[0], int | np.integer):
            shape = shape[0]
        return call(np.reshape, (self, shape), {"order": order, **kwargs})

    def transpose(self, *axes: Any) -> Any:
        """As `ndarray.transpose`."""
        if len(axes) == 1 and not isinstance(axes[0], int | np.integer):
            axes = axes[0]
        return call(np.transpose, (self, axes or None), {})

    def astype(self, dtype: Any, order: str = "K", *_: Any, **kwargs: Any) -> Any:
        """Convert; a conversion to integers or booleans is a constant, as rounding is."""
        if np.dtype(dtype).kind not in "fcbiu":
            if self.cr_owner.past():
                return known(self).astype(dtype, order)
            raise lost(
                self,
                f"a traced array was about to be converted to {np.dtype(dtype)}",
                "objects, strings and dates carry no derivative",
                f"keep a float array; {cures.cure(cures.BYTES)}",
            )
        result = call(np.astype, (self, dtype), {"copy": kwargs.get("copy", True)})
        if order == "A":
            flags = self.flags
            order = "F" if flags.f_contiguous and not flags.c_contiguous else "C"
        return result if order == "K" or type(result) not in TRACERS else result.copy(order)

    def copy(self, order: str = "C") -> Any:
        """Return a copy, which no later store into this array reaches."""
        if isinstance(concrete(self), np.generic):  # of which `np.copy` makes an array
            return self
        return call(np.copy, (self,), {"order": order})

    def conj(self, **kwargs: Any) -> Any:
        """As `ndarray.conj`: of a real array that array itself, where `np.conj` copies."""
        return call(np.conj, (self,), kwargs) if kwargs or self.dtype.kind == "c" else self

    conjugate = conj

    def flatten(self, order: str = "C") -> Any:
        """Return a flat copy."""
        return call(np.copy, (call(np.ravel, (self,), {"order": order}),), {})

    def item(self, *index: Any) -> Any:
        """Return one element as a Python number, still traced."""
        if not index:
            if self.size != 1:
                self.cr_value.item()  # raises
            if self.__class__ is not np.ndarray:
                return faces.as_python(doubled(self.cr_snapshot()))
            return faces.as_python(doubled(call(np.reshape, (self, ()), {})[()]))
        if isinstance(index[0], tuple):
            (index,) = index
        return faces.as_python(doubled(self[index] if len(index) > 1 else self.flat[index[0]]))

    def compress(self, condition: Any, axis: Any = None, out: Any = None) -> Any:
        """As `ndarray.compress`: the condition comes first in the function, not in the method."""
        return call(np.compress, (condition, self, axis), {} if out is None else {"out": out})

    def clip(self, min: Any = None, max: Any = None, out: Any = None, **kwargs: Any) -> Any:
        """As `ndarray.clip`: it needs one bound, where the function wants both to be told."""
        return call(np.clip, (self, min, max), kwargs if out is None else {"out": out, **kwargs})

    def choose(self, *choices: Any, out: Any = None, mode: str = "raise") -> Any:
        """As `ndarray.choose`: the choices as one sequence or as separate arguments."""
        choices = choices[0] if len(choices) == 1 else choices
        return call(np.choose, (self, choices), {"out": out, "mode": mode})

    def fill(self, value: Any) -> None:
        """Store `value` everywhere."""
        self[...] = value

    def sort(self, axis: int = -1, **kwargs: Any) -> None:
        """Sort in place."""
        self[...] = call(np.sort, (self, axis), kwargs)

    def put(self, indices: Any, values: Any, mode: str = "raise") -> None:
        """Store into the flattened array."""
        call(np.put, (self, indices, values, mode), {})

    # --- what Python asks for: the conversions to plain numbers are in `losses` --------------
    def cr_as_index(self) -> Any:
        """Return the plain value of what is asked for as an index or a count.

        Integers among the inputs are differentiated as the real numbers that they are. Where whole
        numbers come of them, the program may go on to count with them.
        """
        value, x = self.cr_concrete(), self
        while type(x) in TRACERS and not x.cr_owner.whole:
            x = x.cr_value
        if type(x) not in TRACERS or value.dtype.kind != "f" or np.any(value != np.trunc(value)):
            return value
        return value.astype(np.intp)

    def tolist(self) -> Any:
        """Return (nested) lists of traced scalars."""
        return self.item() if self.ndim == 0 else [row.tolist() for row in self]

    def __deepcopy__(self, memo: Any) -> Any:
        return self.copy()

    __copy__ = copy

    flags = property(lambda self: layouts.flags_of(self))
    setflags = lambda self, *args, **kwargs: layouts.set_flags(self, *args, **kwargs)  # noqa: E731
    strides = property(lambda self: concrete(self).strides)


class _Faces(dict[type, type[Tracer]]):
    """The class of the tracer of a value, by the class of the value."""

    def __missing__(self, kind: type) -> type[Tracer]:
        from .faces import face_of

        if kind in TRACERS:
            found: Any = kind
            while "cr_plain" not in vars(found):  # of a view that is out of date
                found = found.__base__
        elif kind is foreign.Foreign or kind is np.ndarray:
            found = self.setdefault(np.ndarray, face_of(np.ndarray))
        else:
            found = face_of(kind)
        self[kind] = found
        return found


FACES = _Faces()


def make_tracer(value: Any, trace: Trace, node: Any) -> Tracer:
    """Make the tracer of a value."""
    return FACES[type(value)](value, trace, node)


_MOST_TEXTS = 10_000
_MARKS = str.maketrans("[](),", "     ")  # what stands between the elements of an array
_MOST_PRINTED = 1000  # elements: NumPy prints no more in full


def concrete(x: Any) -> Any:
    """Return the plain value under any number of tracers; of a batch that of the first example.

    It tells the shape, the dtype and the class. Code that goes by the value asks `known`.
    """
    while type(x) in TRACERS:
        x = x.cr_value
    return x.example if type(x) is stacked.Stacked else x


def known(x: Any) -> Any:
    """Return the plain value under the tracers; raise where the examples of a batch differ."""
    return x.cr_concrete() if type(x) in TRACERS else x


def as_index(part: Any) -> Any:
    """Return an array in an index, as integers where it is made of integers among the inputs."""
    if type(part) in TRACERS and part.dtype.kind == "f":
        return part.cr_as_index()
    return foreign.admit(part)


_METHODS = {
    name: getattr(np, name)
    for name in (
        "sum prod mean std var max min cumsum cumprod argmax argmin argsort any all nonzero "
        "round trace diagonal repeat take swapaxes squeeze ravel searchsorted"
    ).split()
}
for _name, _function in _METHODS.items():
    setattr(Tracer, _name, as_method(_function))

from . import faces, layouts, operands, texts  # noqa: E402  they are made of what stands above
