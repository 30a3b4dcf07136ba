"""The tracer: a concrete value beside its place in a recording, and doors 1 and 2.

A tracer behaves as the NumPy array or scalar that it holds. Door 1 is ``__array_ufunc__``
(NEP 13), door 2 is ``__array_function__`` (NEP 18); operators and ndarray methods lead to them.
"""

import operator
import threading
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import numpy as np

from ..core import registry
from ..core.op import Composite, Op
from ..errors import LeakedTracerError, LostDerivativeError, UnsupportedFunctionError
from . import stores, ufuncs
from .source import describe, inside, user_frame

_levels = count(1)
_NO_PARAMS: dict[str, Any] = {}


class Trace:
    """What a mode does with an operation. A trace made later is an inner one: it goes first."""

    __slots__ = ("level", "closed")

    def __init__(self) -> None:
        self.level = next(_levels)
        self.closed = False

    def process(self, op: Op, args: Any, params: dict[str, Any]) -> Any:
        """Compute `op` on `args`, of which at least one is a tracer of this trace."""
        raise TypeError(f"{type(self).__name__} does not say how to process {op.name}")

    def carries(self, tracer: "Tracer") -> bool:
        """Say whether a derivative flows to this tracer; a constant may become a plain number."""
        return True

    def observed(self, tracer: "Tracer") -> None:
        """Take note that the program branches on this value; ordinary unless a mode objects."""

    def leaked(self, op: Op | str) -> LeakedTracerError:
        """Build the error for a tracer that is used after its call has ended."""
        return LeakedTracerError(
            f"{op if isinstance(op, str) else op.name} received a traced value whose derivative call has already ended",
            where=describe(user_frame(2)),
            why="a value computed under grad, jvp or vjp was kept (in a global, an attribute or a "
            "closure) and used after the call returned",
            cure="return the value from the function (has_aux=True carries extra results out), or "
            "keep chainrule.stop_gradient(value)",
        )


def apply(op: Op, args: Any, params: dict[str, Any]) -> Any:
    """Compute an op: in the innermost trace that an argument belongs to, else in plain NumPy."""
    top = None
    for a in args:
        if type(a) is Tracer and (top is None or a.owner.level > top.level):
            top = a.owner
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
    record = registry.find(function)
    if record is None:
        return _through_numpy(function, args, kwargs)
    out = kwargs.pop("out", None) if kwargs else None
    if type(record) is Composite:
        result = record.body(*args, **kwargs)
    else:
        assert isinstance(record, Op)
        if record.bind is not None:
            args, kwargs = record.bind(*args, **kwargs)
        result = apply(record, args, kwargs)
    return result if out is None else stores.store_out(out, result)


def _through_numpy(function: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """Run NumPy's own Python implementation on the tracers: it decomposes into known ops."""
    implementation = getattr(function, "_implementation", None)
    if implementation is None or not hasattr(implementation, "__code__"):
        raise unsupported(function)
    _swallowed.error = None
    try:
        result = implementation(*args, **kwargs)
    except (LostDerivativeError, UnsupportedFunctionError) as error:
        raise unsupported(function) from error
    if _swallowed.error is not None:  # NumPy caught it and went on with something else
        raise unsupported(function) from _swallowed.error
    return result


def unsupported(function: Any) -> UnsupportedFunctionError:
    """Build the error for a function without a rule."""
    module = getattr(function, "__module__", "") or "numpy"
    name = f"{module}.{getattr(function, '__name__', function)}"
    return UnsupportedFunctionError(
        f"{name} has no derivative rule, and it received a traced value",
        where=describe(user_frame(2)),
        why="running it would turn the traced value into plain numbers, and the gradient would "
        "silently be zero",
        cure="write it with supported functions, or give it a rule: chainrule.custom_rule(f, "
        "partial=…), or jvp=…, or vjp=…; where no derivative is meant, pass "
        "chainrule.stop_gradient(x)",
    )


def _binary(ufunc: Any, swap: bool = False) -> Callable[[Any, Any], Any]:
    def method(self: Any, other: Any) -> Any:
        op = registry.find(ufunc)
        if op is None:
            raise unsupported(ufunc)
        kind = type(other)
        trace = self.owner
        if kind is Tracer:
            if other.owner.level > trace.level:
                trace = other.owner
        elif kind is not float and kind is not int and kind is not np.ndarray:
            if kind is complex:
                other = np.complex128(other)  # else Python computes a complex without a dtype
            elif not isinstance(other, np.generic | np.ndarray | float | int | complex):
                other = ufuncs.as_operand(other)
                if other is NotImplemented:
                    return NotImplemented
        return trace.process(op, (other, self) if swap else (self, other), _NO_PARAMS)

    return method


def _unary(ufunc: Any) -> Callable[[Any], Any]:
    def method(self: Any) -> Any:
        op = registry.find(ufunc)
        if op is None:
            raise unsupported(ufunc)
        return self.owner.process(op, (self,), _NO_PARAMS)

    return method


def _inplace(ufunc: Any) -> Callable[[Any, Any], Any]:
    def method(self: Any, other: Any) -> Any:
        if self.value_class() is not np.ndarray:
            return ufuncs.call(ufunc, "__call__", (self, other), {})
        return ufuncs.call(ufunc, "__call__", (self, other), {"out": (self,)})

    return method


def _as_method(function: Any) -> Callable[..., Any]:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        if registry.find(function) is None:  # NumPy's body of it would call this method again
            raise unsupported(function)
        return call(function, (self, *args), kwargs)

    method.__name__ = function.__name__
    return method


class Tracer:
    """A traced array or scalar. Users meet it only as the argument of their own function.

    ``isinstance(x, np.ndarray)`` and ``isinstance(x, float)`` answer as for the value it holds, so
    that a program takes the same branch as without tracing; the engine itself asks ``type(x)``.
    """

    __slots__ = ("value", "owner", "node", "base", "views", "__weakref__")
    __array_priority__ = 1000.0

    def __init__(self, value: Any, trace: Trace, node: Any) -> None:
        self.value = value
        self.owner = trace
        self.node = node

    def snapshot(self) -> "Tracer":
        """Return a tracer that stays as this one is now, whatever is stored into it later."""
        return Tracer(self.value, self.owner, self.node)

    # --- what it looks like -------------------------------------------------------------
    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the value."""
        return self.value.shape  # type: ignore[no-any-return]

    @property
    def dtype(self) -> Any:
        """Dtype of the value."""
        return self.value.dtype

    ndim = property(lambda self: self.value.ndim)
    size = property(lambda self: self.value.size)
    itemsize = property(lambda self: self.value.itemsize)
    nbytes = property(lambda self: self.value.nbytes)
    T = property(lambda self: call(np.transpose, (self,), {}))
    mT = property(lambda self: call(np.matrix_transpose, (self,), {}))
    real = property(lambda self: call(np.real, (self,), {}))
    imag = property(lambda self: call(np.imag, (self,), {}))
    flat = property(lambda self: stores.flat_view(self))

    def value_class(self) -> type:
        """Class of the concrete value: ndarray, or a NumPy scalar type."""
        return type(concrete(self))

    __class__ = property(value_class)  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Traced({self.value!r})"

    def __str__(self) -> str:
        return str(self.value)

    def __format__(self, spec: str) -> str:
        return format(self.value, spec)

    def __len__(self) -> int:
        return len(self.value)

    def __bool__(self) -> bool:
        self.owner.observed(self)
        return bool(self.value)

    def __iter__(self) -> Iterator[Any]:
        if self.ndim == 0:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(len(self)))

    # --- the doors ----------------------------------------------------------------------
    def __array_ufunc__(self, ufunc: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        return ufuncs.call(ufunc, method, args, kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return call(function, args, dict(kwargs))

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
    __iadd__, __isub__ = _inplace(np.add), _inplace(np.subtract)
    __imul__, __itruediv__ = _inplace(np.multiply), _inplace(np.divide)
    __ipow__, __imod__ = _inplace(np.power), _inplace(np.remainder)
    __ifloordiv__, __imatmul__ = _inplace(np.floor_divide), _inplace(np.matmul)
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

    def __matmul__(self, other: Any) -> Any:
        return ufuncs.call(np.matmul, "__call__", (self, other), {})

    def __rmatmul__(self, other: Any) -> Any:
        return ufuncs.call(np.matmul, "__call__", (other, self), {})

    def __round__(self, ndigits: int | None = None) -> Any:
        return call(np.round, (self, ndigits or 0), {})

    # --- indexing and stores ------------------------------------------------------------
    def __getitem__(self, index: Any) -> Any:
        op = registry.op_named("getitem")
        assert op.bind is not None
        args, params = op.bind(self, index)
        return apply(op, args, params)

    def __setitem__(self, index: Any, value: Any) -> None:
        stores.store(self, index, value)

    # --- methods of ndarray: see the table below the class --------------------------------
    def reshape(self, *shape: Any, order: str = "C", **kwargs: Any) -> Any:
        """As `ndarray.reshape`: the shape as one tuple or as separate arguments."""
        if len(shape) == 1 and not isinstance(shape[0], int | np.integer):
            shape = shape[0]
        return call(np.reshape, (self, shape), {"order": order, **kwargs})

    def transpose(self, *axes: Any) -> Any:
        """As `ndarray.transpose`."""
        if len(axes) == 1 and (axes[0] is None or not isinstance(axes[0], int)):
            axes = axes[0]
        return call(np.transpose, (self, axes or None), {})

    def astype(self, dtype: Any, *_: Any, **kwargs: Any) -> Any:
        """Convert; a conversion to integers or booleans is a constant, as rounding is."""
        if np.dtype(dtype).kind not in "fcbiu":
            raise lost(
                self,
                f"a traced array was about to be converted to {np.dtype(dtype)}",
                "objects, strings and dates carry no derivative",
                "keep a float array; to print or store the numbers convert "
                "chainrule.stop_gradient(x)",
            )
        return call(np.astype, (self, dtype), {"copy": kwargs.get("copy", True)})

    def copy(self, order: str = "C") -> Any:
        """Return a copy, which no later store into this array reaches."""
        return call(np.copy, (self,), {"order": order})

    def flatten(self, order: str = "C") -> Any:
        """Return a flat copy."""
        return call(np.copy, (call(np.ravel, (self,), {"order": order}),), {})

    def item(self, *index: Any) -> Any:
        """Return one element, still traced."""
        if not index:
            return call(np.reshape, (self, ()), {})[()] if self.size == 1 else self.value.item()
        if isinstance(index[0], tuple):
            (index,) = index
        return self[index] if len(index) > 1 else self.flat[index[0]]

    def compress(self, condition: Any, axis: Any = None, out: Any = None) -> Any:
        """As `ndarray.compress`: the condition comes first in the function, not in the method."""
        return call(np.compress, (condition, self, axis), {} if out is None else {"out": out})

    def fill(self, value: Any) -> None:
        """Store `value` everywhere."""
        self[...] = value

    def sort(self, axis: int = -1, **kwargs: Any) -> None:
        """Sort in place."""
        self[...] = call(np.sort, (self, axis), kwargs)

    def partition(self, kth: Any, axis: int = -1, **kwargs: Any) -> None:
        """Partition in place."""
        self[...] = call(np.partition, (self, kth, axis), kwargs)

    def put(self, indices: Any, values: Any, mode: str = "raise") -> None:
        """Store into the flattened array."""
        call(np.put, (self, indices, values, mode), {})

    # --- where a derivative would be lost -------------------------------------------------
    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        if self._is_constant():
            return np.array(concrete(self), dtype)
        raise lost(
            self,
            "a traced array was about to be converted to a plain NumPy array",
            "np.array, np.asarray, a store into a plain array, or compiled code asked for plain "
            "numbers, which carry no derivative",
            "use np.stack([x, y]) instead of np.array([x, y]); build the buffer from the input, "
            "buf = x * 0 or np.zeros_like(x), before you store into it; where no derivative is "
            "meant, pass chainrule.stop_gradient(x)",
        )

    def _is_constant(self) -> bool:
        if self.dtype.kind not in "biu" and carries(self):
            return False
        self.owner.observed(self)
        return True

    def __float__(self) -> float:
        if self._is_constant():
            return float(concrete(self))
        raise lost(
            self,
            "a traced value was about to become a plain Python float",
            "float(x), math.sin(x), '%f' % x and a store into a plain array ask for a bare number, "
            "which carries no derivative",
            "leave out float(); use np.sin instead of math.sin; build the buffer with "
            "np.zeros_like(x) or np.stack; where no derivative is meant, write "
            "float(chainrule.stop_gradient(x))",
        )

    def __int__(self) -> int:
        if self._is_constant():
            return int(concrete(self))
        raise lost(
            self,
            "a traced value was about to become a plain Python int",
            "int(x) drops the derivative",
            "where the integer part is meant as a constant, write "
            "int(chainrule.stop_gradient(x)); for a traced result use np.trunc(x)",
        )

    def __index__(self) -> int:
        self.owner.observed(self)
        return operator.index(self.value)

    __trunc__ = __int__

    def __complex__(self) -> complex:
        if self._is_constant():
            return complex(concrete(self))
        raise lost(
            self,
            "a traced value was about to become a plain Python complex number",
            "complex(x) and cmath functions drop the derivative",
            "write x + 0j, and np.exp(x) instead of cmath.exp(x)",
        )

    def tolist(self) -> Any:
        """Return (nested) lists of traced scalars."""
        return self.item() if self.ndim == 0 else [row.tolist() for row in self]

    def __contains__(self, value: Any) -> bool:
        return bool(np.any(self == value))

    def __hash__(self) -> int:
        raise lost(
            self,
            "a traced value was about to be used as a dictionary key, in a set or in a cache",
            "arrays are not hashable, and a cached result would not belong to this derivative",
            "use a plain key, such as an index or a name; or "
            "float(chainrule.stop_gradient(x)), where the key is a constant",
        )

    def __bytes__(self) -> bytes:
        raise lost(
            self,
            "a traced value was about to become plain bytes",
            "bytes carry no derivative",
            "where no derivative is meant, write bytes(chainrule.stop_gradient(x))",
        )

    def __deepcopy__(self, memo: Any) -> Any:
        return self.copy()

    __copy__ = copy

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise lost(
            self,
            "a traced value was about to be pickled",
            "a tracer belongs to one running derivative call",
            "return the value and pickle the result",
        )


def concrete(x: Any) -> Any:
    """Return the plain value under any number of tracers."""
    while type(x) is Tracer:
        x = x.value
    return x


def carries(x: Any) -> bool:
    """Say whether a derivative of any level flows to `x`."""
    while type(x) is Tracer:
        if x.owner.carries(x):
            return True
        x = x.value
    return False


class _Swallowed(threading.local):
    """The last `LostDerivativeError` of this thread, should somebody hide it."""

    error: LostDerivativeError | None = None
    place: tuple[Any, int] | None = None


_swallowed = _Swallowed()


def lost(tracer: Tracer, what: str, why: str, cure: str) -> Exception:
    """Build the error for a derivative about to be lost, with the user's variable and line."""
    if tracer.owner.closed:
        return tracer.owner.leaked("a conversion to plain numbers")
    frame = user_frame(2)
    error = LostDerivativeError(what, where=describe(frame, tracer), why=why, cure=cure)
    _swallowed.error = error
    _swallowed.place = None if frame is None else (frame.f_code, frame.f_lineno)
    return error


def unhidden(error: Exception) -> Exception | None:
    """Return the library's error behind one that CPython or NumPy raised about a tracer.

    Compiled code replaces our `LostDerivativeError` by its own error ("setting an array element
    with a sequence"), or meets a tracer's class and says so; None when neither is the case.
    """
    tb, user = error.__traceback__, None
    while tb is not None:
        if not inside[tb.tb_frame.f_code.co_filename]:
            user = tb
        tb = tb.tb_next
    if user is None:
        return None
    hidden = _swallowed.error
    if hidden is not None and _swallowed.place == (user.tb_frame.f_code, user.tb_lineno):
        return hidden
    if not isinstance(error, TypeError | AttributeError | ValueError) or "Tracer" not in str(error):
        return None
    return UnsupportedFunctionError(
        f"a traced value met code that takes plain numbers only ({type(error).__name__}: "
        f"{str(error).splitlines()[0][:120]})",
        where=describe(user.tb_frame, offset=user.tb_lasti),
        why="plain numbers carry no derivative",
        cure="write it with NumPy functions, or give the function a rule with "
        "chainrule.custom_rule; where no derivative is meant, pass chainrule.stop_gradient(x)",
    )


_METHODS = {
    name: getattr(np, name)
    for name in (
        "sum prod mean std var max min cumsum cumprod argmax argmin argsort any all nonzero clip "
        "round trace diagonal repeat take swapaxes squeeze ravel dot searchsorted choose"
    ).split()
} | {"conj": np.conj, "conjugate": np.conj, "argpartition": np.argpartition}
for _name, _function in _METHODS.items():
    setattr(Tracer, _name, _as_method(_function))
