"""A library's own Python code, run on traced arrays.

NumPy's functions that have no record run NumPy's Python body on the tracers. SciPy's bodies begin
by converting their arguments to plain arrays, so here they run in a copy of their module in which
NumPy's conversions let traced arrays pass, buffers can take traced values, and calls of compiled
code are replaced by operations that have rules. The code objects are the installed library's; a
version that calls something without a rule ends in an error, never in a lost derivative.
"""

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from ..core.op import Op
from ..errors import UnsupportedFunctionError
from .declare import as_array

_state = threading.local()


def traced(value: Any) -> bool:
    """Say whether a value is traced."""
    return hasattr(value, "owner") and hasattr(value, "node")


def first_traced(values: Any) -> Any:
    """Return the first traced value in nested lists, tuples and dicts, or None."""
    for v in values:
        if traced(v):
            return v
        if type(v) in (list, tuple, dict):
            found = first_traced(v.values() if type(v) is dict else v)
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


class Numpy(ModuleType):
    """Stands in borrowed code for NumPy, and for the array namespace that SciPy asks for."""

    asarray = asanyarray = ascontiguousarray = staticmethod(_converted)
    array = staticmethod(_array)
    zeros = empty = staticmethod(_buffer)

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


class _Extra:
    """Stands in for array-api-extra."""

    at = _At

    @staticmethod
    def atleast_nd(x: Any, *, ndim: int, xp: Any = None) -> Any:
        """Put axes of length 1 in front."""
        return np.reshape(x, (1,) * (ndim - x.ndim) + x.shape) if x.ndim < ndim else x

    @staticmethod
    def pad(x: Any, width: Any, mode: str = "constant", *, xp: Any = None, **options: Any) -> Any:
        """As NumPy's."""
        return np.pad(x, width, mode, **options)


def _namespace(*_arrays: Any, **_options: Any) -> Numpy:
    return NUMPY


def _size(x: Any) -> int:
    return int(np.prod(x.shape, dtype=int))


_INSTEAD: dict[str, Any] = {
    "np": NUMPY,
    "np_compat": NUMPY,
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
}


class Borrowed:
    """Copies of Python modules of a library; ``borrowed[module.function]`` is the copy."""

    def __init__(self, *modules: ModuleType, instead: dict[Any, Any] | None = None) -> None:
        self._copies: dict[Any, Any] = {}
        spaces = {m.__name__: dict(vars(m)) for m in modules}
        for module in modules:
            space = spaces[module.__name__]
            for value in vars(module).values():
                if getattr(value, "__module__", None) == module.__name__:
                    self._copy(value, space)
        self._copies |= instead or {}
        proxies = {}
        for module in modules:
            proxies[module] = ModuleType(module.__name__)
            proxies[module].__dict__.update(spaces[module.__name__])
        for name, space in spaces.items():
            for key, value in space.items():
                try:
                    space[key] = proxies.get(value) or self._copies.get(value, value)
                except TypeError:  # not hashable
                    continue
            space.update({k: v for k, v in _INSTEAD.items() if k in space})
            next(p for m, p in proxies.items() if m.__name__ == name).__dict__.update(space)

    def _copy(self, value: Any, space: dict[str, Any]) -> None:
        if type(value) is FunctionType and value.__globals__.get("__name__") == value.__module__:
            self._copies[value] = _function(value, space)
        elif isinstance(value, type):
            members = {
                k: _member(v, space)
                for k, v in vars(value).items()
                if k not in ("__dict__", "__weakref__")
            }
            self._copies[value] = type(value)(value.__name__, value.__bases__, members)

    def __getitem__(self, function: Any) -> Any:
        return self._copies[function]

    def body(self, function: Any) -> Callable[..., Any]:
        """Return the copy of a public function, as the body of a composite."""
        copy, name = self._copies[function], function.__name__

        @functools.wraps(function)
        def body(*args: Any, **kwargs: Any) -> Any:
            with buffers_like((args, kwargs)):
                try:
                    return copy(*args, **kwargs)
                except AttributeError as error:
                    if not traced(getattr(error, "obj", None)):
                        raise
                    raise UnsupportedFunctionError(
                        f"{function.__module__}.{name} received a traced value that it uses in "
                        "a way that has no rule",
                        why=f"its code asks for {error.name!r}, which a traced value has not",
                        cure="pass chainrule.stop_gradient(value) for that argument",
                    ) from error

        return body


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


def through(op: Op) -> Callable[..., Any]:
    """Return a function that takes the public call of `op` and computes the op."""

    def call(*args: Any, **kwargs: Any) -> Any:
        assert op.bind is not None
        inputs, params = op.bind(*args, **kwargs)
        return op(*inputs, **params)

    return call
