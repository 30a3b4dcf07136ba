"""NumPy's own Python, run where arrays are made of traced values.

A function that NumPy writes in Python is its own best body: it needs no second version here. What
stops it on traced values are the few functions that make plain arrays (`array`, `asarray`,
`empty`, …). So its code runs with other globals: there those few keep traced values traced, and
everything else is NumPy's own. The function itself stays as it is.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FunctionType, ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from ...core.sequences import elements
from ..declare import as_array


def traced(value: Any) -> bool:
    """Say whether `value` is traced, or is a list, tuple or dict that holds something traced."""
    return next(_traced_in((value,)), None) is not None


def carries(value: Any) -> bool:
    """Say whether a derivative flows through `value`: it is traced, and no constant."""
    return any(x.cr_carries() for x in _traced_in((value,)))


def plain(value: Any) -> Any:
    """Return `value` with the plain numbers in place of what is traced, to decide on them."""
    found = elements(value)
    if found is not None:
        return type(found)(map(plain, found))
    if type(value) is dict:
        return {k: plain(v) for k, v in value.items()}
    while hasattr(value, "cr_owner"):
        value.cr_owner.observed(value)
        value = value.cr_value
        if not hasattr(value, "cr_owner") and not isinstance(value, np.ndarray | np.generic):
            return np.asarray(value)  # the examples of a batch, if they agree
    return value


def _traced_in(values: Any) -> Iterator[Any]:
    for value in values:
        if hasattr(value, "cr_owner"):
            yield value
        elif type(value) is dict:
            yield from _traced_in(value.values())
        else:
            yield from _traced_in(elements(value) or ())


# --- functions that make arrays -------------------------------------------------------------


class _Running(threading.local):
    """Which call runs on this thread: what is traced in it, and how deep it is nested."""

    like: Any = None
    depth = 0


_running = _Running()


@contextmanager
def running(*values: Any) -> Iterator[int]:
    """Let `empty`, `zeros` and the like make arrays that traced values can be stored into."""
    before, _running.like = _running.like, next(_traced_in(values), _running.like)
    _running.depth += 1
    try:
        yield _running.depth
    finally:
        _running.like = before
        _running.depth -= 1


def storable(made: Any) -> Any:
    """Return a plain array as one that traced values can be stored into."""
    like = _running.like
    if like is None or made.dtype.kind not in "fc":
        return made
    y = np.zeros_like(like, dtype=made.dtype, shape=made.shape)
    y[...] = made
    return y


def array(value: Any, dtype: Any = None, *, copy: Any = True, ndmin: int = 0, **rest: Any) -> Any:
    """Do as `np.array`, and keep what is traced traced."""
    if not traced(value):
        made = np.array(value, dtype, copy=copy, ndmin=ndmin, **rest)
        return storable(made) if copy else made
    x = as_array(value)
    if dtype is not None and x.dtype != np.dtype(dtype):
        x = x.astype(dtype)
    elif copy and x is value:
        x = np.copy(x)
    return x if x.ndim >= ndmin else np.reshape(x, (1,) * (ndmin - x.ndim) + x.shape)


def asarray(value: Any, dtype: Any = None, *_: Any, **rest: Any) -> Any:
    """Do as `np.asarray`, and keep what is traced traced."""
    return array(value, dtype, copy=None) if traced(value) else np.asarray(value, dtype, **rest)


def asanyarray(value: Any, dtype: Any = None, *_: Any, **rest: Any) -> Any:
    """Do as `np.asanyarray`, and keep what is traced traced."""
    return array(value, dtype, copy=None) if traced(value) else np.asanyarray(value, dtype, **rest)


def _maker(function: Any, fill: Any) -> Callable[..., Any]:
    def make(shape: Any, dtype: Any = float, *rest: Any, **kwargs: Any) -> Any:
        like = _running.like
        if like is None or np.dtype(dtype).kind not in "fc":
            return function(shape, dtype, *rest, **kwargs)
        y = np.zeros_like(like, dtype=dtype or float, shape=shape)
        if fill:
            y[...] = fill
        return y

    return make


_INSTEAD: dict[Any, Callable[..., Any]] = {
    np.array: array,
    np.asarray: asarray,
    np.asanyarray: asanyarray,
    np.empty: _maker(np.empty, 0),
    np.zeros: _maker(np.zeros, 0),
    np.ones: _maker(np.ones, 1),
}


class _Namespace:
    """A module as such code sees it: the functions that make arrays are the ones above."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module
        for function, other in _INSTEAD.items():
            setattr(self, function.__name__, other)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


# --- modules ----------------------------------------------------------------------------------

_spaces: dict[str, dict[str, Any]] = {}


def space_of(module: ModuleType, **replaced: Any) -> dict[str, Any]:
    """Return the globals of `module`, with its own functions in them, for traced values.

    `replaced` are globals of another kind; they hold for every function of the module.
    """
    found = _spaces.get(module.__name__)
    if found is not None:
        return found
    space = _spaces[module.__name__] = dict(vars(module))
    for name, value in vars(module).items():
        if isinstance(value, ModuleType):
            if value.__name__ in ("numpy", "numpy._core.numeric"):
                space[name] = _Namespace(value)
            elif value.__name__ in _spaces:
                space[name] = SimpleNamespace(**_spaces[value.__name__])
        elif isinstance(value, FunctionType) and value.__globals__ is vars(module):
            space[name] = _rebound(value, space)
        elif callable(value) and type(value).__hash__ is not None and value in _INSTEAD:
            space[name] = _INSTEAD[value]
    space.update(replaced)
    return space


def _rebound(function: FunctionType, space: dict[str, Any]) -> FunctionType:
    again = FunctionType(
        function.__code__, space, function.__name__, function.__defaults__, function.__closure__
    )
    again.__kwdefaults__ = function.__kwdefaults__
    return again


def own_code(function: Any, module: ModuleType) -> Callable[..., Any]:
    """Return the code of `function`, which `module` defines, with the globals of `space_of`."""
    space = space_of(module)
    inner = getattr(function, "_implementation", None)
    return space[function.__name__] if inner is None else _rebound(inner, space)  # type: ignore[no-any-return]


def own_body(function: Any, module: ModuleType) -> Callable[..., Any]:
    """Return a body that runs the code of `function`, which `module` defines."""
    own = own_code(function, module)

    def body(*args: Any, **kwargs: Any) -> Any:
        with running(args, kwargs):
            return own(*args, **kwargs)

    body.__name__, body.__doc__ = function.__name__, f"Run NumPy's own `{function.__name__}`."
    return body
