"""A library's own Python code, run on traced arrays.

NumPy's functions that have no record run NumPy's Python body on the tracers. SciPy's bodies begin
by converting their arguments to plain arrays, so here they run in a copy of their module in which
NumPy's conversions let traced arrays pass, buffers can take traced values, and calls of compiled
code are replaced by operations that have rules. The code objects are the installed library's; a
version that calls something without a rule ends in an error, never in a lost derivative.
"""

import cmath
import functools
import inspect
import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FunctionType, ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from ..core.sequences import held
from .declare import as_array

_state = threading.local()


def traced(value: Any) -> bool:
    """Say whether a value is traced."""
    return hasattr(value, "cr_owner") and hasattr(value, "cr_node")


def first_traced(values: Any) -> Any:
    """Return the first traced value in nested sequences and dicts, or None."""
    for v in values:
        if traced(v):
            return v
        parts = v.values() if type(v) is dict else held(v)
        if parts is not None:
            found = first_traced(parts)
            if found is not None:
                return found
    return None


@contextmanager
def buffers_like(values: Any) -> Iterator[None]:
    """Let new arrays of borrowed code take values as traced as the first traced one here."""
    before = getattr(_state, "like", None)
    found = first_traced(values)
    _state.like = before if found is None else found
    try:
        yield
    finally:
        _state.like = before


def _converted(x: Any, dtype: Any = None, *, copy: Any = None, **_options: Any) -> Any:
    x = as_array(x) if first_traced((x,)) is not None else np.asarray(x)
    if dtype is not None and x.dtype != np.dtype(dtype):
        return x.astype(dtype)
    return np.copy(x) if copy else x


def _array(x: Any, dtype: Any = None, *, copy: Any = True, ndmin: int = 0, **options: Any) -> Any:
    if first_traced((x,)) is None:
        return np.array(x, dtype, copy=copy, ndmin=ndmin, **options)
    x = _converted(x, dtype, copy=copy)
    return x if x.ndim >= ndmin else np.reshape(x, (1,) * (ndmin - x.ndim) + x.shape)


def _buffer(shape: Any, dtype: Any = float, **_options: Any) -> Any:
    dtype = np.dtype(float if dtype is None else dtype)
    like = getattr(_state, "like", None)
    if like is None or dtype.kind not in "fc":
        return np.zeros(shape, dtype)
    return np.zeros_like(like, dtype=dtype, shape=shape)


class _FloatLike(type):
    def __call__(cls, x: Any = 0.0) -> Any:
        if not traced(x):
            return float(x)
        if x.ndim or x.dtype.kind == "c":
            raise TypeError("only real arrays of one element without axes convert to a float")
        return x.astype(np.float64)

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, float)


class _Float(float, metaclass=_FloatLike):
    """Stands in for `float`, of which it lets traced numbers pass."""

    dtype = np.dtype(float)


class _Math(ModuleType):
    """Stands in for `math` or `cmath`: traced numbers get NumPy's functions."""

    def __init__(self, own: ModuleType) -> None:
        super().__init__(f"{own.__name__}_on_traced_numbers")
        self.own = own

    def __getattr__(self, name: str) -> Any:
        plain = getattr(self.own, name)
        if not callable(plain):
            return plain
        return lambda *xs: plain(*xs) if first_traced(xs) is None else getattr(np, name)(*xs)


def _windows(x: Any, window_shape: Any, axis: Any = None, **_options: Any) -> Any:
    return np.lib.stride_tricks.sliding_window_view(x, window_shape, axis)


_TRICKS = SimpleNamespace(
    stride_tricks=SimpleNamespace(
        sliding_window_view=_windows, as_strided=np.lib.stride_tricks.as_strided
    )
)


class Numpy(ModuleType):
    """Stands in borrowed code for NumPy, and for the array namespace that SciPy asks for."""

    asarray = asanyarray = ascontiguousarray = staticmethod(_converted)
    array = staticmethod(_array)
    zeros = empty = staticmethod(_buffer)
    lib = _TRICKS

    @staticmethod
    def atleast_1d(*arrays: Any) -> Any:
        """As NumPy's, of lists of traced numbers too."""
        return np.atleast_1d(*map(_converted, arrays))

    @staticmethod
    def size(x: Any) -> int:
        """As NumPy's, of lists of traced numbers too."""
        return np.size(_converted(x))

    @staticmethod
    def full(shape: Any, fill: Any, dtype: Any = None, **options: Any) -> Any:
        """As NumPy's, of a traced number too."""
        if first_traced((fill,)) is None:
            return np.full(shape, fill, dtype, **options)
        found = np.broadcast_to(fill, shape)
        return found if dtype is None else found.astype(dtype)

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)


NUMPY = Numpy("numpy_on_traced_arrays")


class _At:
    """``at(x, index).set(v)``: a store, as array-api-extra writes it."""

    def __init__(self, x: Any, index: Any = ()) -> None:
        self.x, self.index = x, index

    def __getitem__(self, index: Any) -> "_At":
        return _At(self.x, index)

    def set(self, value: Any, **_options: Any) -> Any:
        """Store `value` and return the array."""
        self.x[self.index] = value
        return self.x

    def add(self, value: Any, **_options: Any) -> Any:
        """Add `value` in place and return the array."""
        return self.set(self.x[self.index] + value)

    def multiply(self, value: Any, **_options: Any) -> Any:
        """Multiply by `value` in place and return the array."""
        return self.set(self.x[self.index] * value)


class _Extra:
    """Stands in for array-api-extra."""

    at = _At

    @staticmethod
    def atleast_nd(x: Any, *, ndim: int, xp: Any = None) -> Any:
        """Put axes of length 1 in front."""
        return np.reshape(x, (1,) * (ndim - x.ndim) + x.shape) if x.ndim < ndim else x

    sinc = staticmethod(lambda x, *, xp=None: np.sinc(x))

    @staticmethod
    def pad(x: Any, width: Any, mode: str = "constant", *, xp: Any = None, **options: Any) -> Any:
        """As NumPy's."""
        return np.pad(x, width, mode, **options)


class _Rows:
    """Stands in for `numpy.r_`: arrays one below the other."""

    def __getitem__(self, parts: Any) -> Any:
        if first_traced(parts) is None:
            return np.r_[parts]
        return np.concatenate(parts)


def _namespace(*_arrays: Any, **_options: Any) -> Numpy:
    return NUMPY


def _size(x: Any) -> int:
    return int(np.prod(x.shape, dtype=int))


_INSTEAD: dict[str, Any] = {
    "np": NUMPY,
    "np_compat": NUMPY,
    "math": _Math(math),
    "cmath": _Math(cmath),
    "asarray": _converted,
    "array": _array,
    "r_": _Rows(),
    "zeros": _buffer,
    "xpx": _Extra,
    "array_namespace": _namespace,
    "xp_size": _size,
    "xp_copy": lambda x, **_options: np.copy(x),
    "xp_swapaxes": lambda x, a, b, xp=None: np.swapaxes(x, a, b),
    "xp_device": lambda x: None,
    "is_torch": lambda xp: False,
    "is_jax": lambda xp: False,
    "is_cupy": lambda xp: False,
    "is_numpy": lambda xp: True,
    "is_array_api_obj": lambda x: hasattr(x, "dtype") and hasattr(x, "shape"),
}


class Borrowed:
    """Copies of Python modules of a library; ``borrowed[module.function]`` is the copy.

    `instead` says what stands in for functions of the library. A function that is called without
    traced arguments is the library's own, as are the constants that it computes. Classes are copied
    too, unless the program makes objects of them.
    """

    def __init__(
        self, *modules: ModuleType, instead: dict[Any, Any] | None = None, classes: bool = True
    ) -> None:
        self._copies: dict[Any, Any] = {}
        proxies = {m: ModuleType(m.__name__) for m in modules}
        for module, proxy in proxies.items():
            vars(proxy).update(vars(module))
            for value in vars(module).values():
                if not classes and isinstance(value, type):
                    continue
                if getattr(value, "__module__", None) == module.__name__:
                    self._copy(value, vars(proxy))
        self._calls = {f: _if_traced(f, c) for f, c in (self._copies | (instead or {})).items()}
        self._calls |= proxies
        for proxy in proxies.values():
            space = vars(proxy)
            space.update({k: self._exchange(v) for k, v in space.items() if k[:2] != "__"})
            space.update({k: v for k, v in _INSTEAD.items() if k in space})
            space["float"] = _Float

    def _exchange(self, value: Any) -> Any:
        """Put copies in the place of functions, also within tables of them."""
        if type(value) is dict:
            return {k: self._exchange(v) for k, v in value.items()}
        if type(value) in (tuple, list):
            return type(value)(self._exchange(v) for v in value)
        if isinstance(value, type | FunctionType | ModuleType):
            return self._calls.get(value, value)
        return value

    def _copy(self, value: Any, space: dict[str, Any]) -> None:
        own = inspect.unwrap(value) if type(value) is FunctionType else value  # of a decorator
        if type(own) is FunctionType and own.__globals__.get("__name__") == value.__module__:
            self._copies[value] = _function(own, space)
        elif isinstance(value, type):
            members = {
                k: _member(v, space)
                for k, v in vars(value).items()
                if k not in ("__dict__", "__weakref__")
            }
            self._copies[value] = type(value)(value.__name__, value.__bases__, members)

    def public(self) -> dict[Any, Any]:
        """Return what stands in for the functions of these modules in others."""
        return dict(self._calls)

    def __getitem__(self, function: Any) -> Any:
        return self._copies[function]

    def body(self, function: Any, owner: Any = None) -> Callable[..., Any]:
        """Return the copy of a public function or method, as the body of a composite."""
        copy = self._copies[owner or function]
        copy = copy if owner is None else getattr(copy, function.__name__)

        @functools.wraps(function)
        def body(*args: Any, **kwargs: Any) -> Any:
            with buffers_like((args, kwargs)):
                return copy(*args, **kwargs)

        return body


def _if_traced(function: Any, copy: Any) -> Any:
    """Return what calls the copy where an argument is traced, and else the function itself."""
    if not isinstance(function, FunctionType) or function.__name__.startswith("_"):
        return copy

    optional = (function.__kwdefaults__ or {}).get("xp", NUMPY) is None

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        own = first_traced((args, kwargs)) is None and not any(a is NUMPY for a in args)
        if own and kwargs.get("xp") is NUMPY:
            own, kwargs = optional, {**kwargs, "xp": None} if optional else kwargs
        return (function if own else copy)(*args, **kwargs)

    return call


def _function(f: FunctionType, space: dict[str, Any]) -> FunctionType:
    copy = FunctionType(f.__code__, space, f.__name__, f.__defaults__, f.__closure__)
    copy.__kwdefaults__ = f.__kwdefaults__
    return copy


def _member(value: Any, space: dict[str, Any]) -> Any:
    """Copy a member of a class: functions, also within properties and class methods."""
    if type(value) is FunctionType:
        return _function(value, space)
    if isinstance(value, staticmethod | classmethod):
        inner = value.__func__
        return type(value)(_function(inner, space)) if type(inner) is FunctionType else value
    if isinstance(value, property):
        parts = (value.fget, value.fset, value.fdel)
        return property(*(p and _function(p, space) for p in parts))
    if isinstance(value, functools.cached_property):
        copy = functools.cached_property(_function(value.func, space))
        copy.attrname = value.attrname
        return copy
    return value
