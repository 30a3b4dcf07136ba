"""Doors of what plain arrays do with traced values: ``A.dot(x)``, ``A * [x, y]``."""

import operator
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ..core import registry
from . import tracer as tracers
from .arrays import gather, holds_tracer, of_objects
from .foreign import admit
from .lent import carries, lend_unnamed
from .running import running
from .strange import LABELLED


def _compress(a: Any, condition: Any, axis: Any = None, out: Any = None) -> Any:
    return tracers.call(np.compress, (condition, a, axis), {} if out is None else {"out": out})


def _as_function(function: Any) -> Callable[..., Any]:
    def method(*args: Any, **kwargs: Any) -> Any:
        return tracers.call(function, tuple(admit(_gathered(a)) for a in args), kwargs)

    return method


def _gathered(a: Any) -> Any:
    return gather(a) if type(a) in (list, tuple) and holds_tracer(a) else a


def _choose(a: Any, *choices: Any, **kwargs: Any) -> Any:
    return tracers.call(np.choose, (a, choices[0] if len(choices) == 1 else choices), kwargs)


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "compress": _compress, "choose": _choose,
    **{name: _as_function(getattr(np, name)) for name in ("dot", "clip", "searchsorted")},
}


def _store_door(name: str) -> Callable[..., Any]:
    def door(self: Any, *args: Any, **kwargs: Any) -> Any:
        if running.traces and type(self) is np.ndarray:
            if carries((*args, *kwargs.values())):
                return getattr(lend_unnamed(self), name)(*args, **kwargs)
        return getattr(self, name)(*args, **kwargs)

    door.__name__ = door.__qualname__ = name
    return door


def _door(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def door(self: Any, *args: Any, **kwargs: Any) -> Any:
        if running.traces and (type(self) is np.ndarray or issubclass(type(self), np.generic)):
            if holds_tracer(args) or (kwargs and holds_tracer(kwargs.values())):
                return function(self, *args, **kwargs)
        return getattr(self, name)(*args, **kwargs)

    door.__name__ = door.__qualname__ = name
    return door


def _compiled_door(name: str) -> Callable[..., Any]:
    def door(self: Any, *args: Any, **kwargs: Any) -> Any:
        if running.traces:
            body = registry.method_of(type(self), name)
            if body is not None:
                return body(self, *args, **kwargs)
        return getattr(self, name)(*args, **kwargs)

    door.__name__ = door.__qualname__ = name
    return door


def _copy_door(name: str) -> Callable[..., Any]:
    """Let a copy of a plain array, as `np.copy`, be one that traced values may be stored into."""

    def door(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = getattr(self, name)(*args, **kwargs)
        if running.traces and type(self) is np.ndarray and type(result) is np.ndarray:
            return result if np.may_share_memory(result, self) else tracers.hold(result)
        return result

    door.__name__ = door.__qualname__ = name
    return door


def _to_numpy(self: Any, *args: Any, **kwargs: Any) -> Any:
    """Return what a labelled column holds, traced as it is: its own code would ask for numbers."""
    if running.traces and type(self).__module__.partition(".")[0] in LABELLED and not args:
        values = getattr(self, "values", None)
        if type(values) in tracers.TRACERS and kwargs.keys() <= {"dtype", "copy"}:
            copied = np.copy(values) if kwargs.get("copy") else values
            dtype = kwargs.get("dtype")
            return copied if dtype is None else copied.astype(dtype)
    return self.to_numpy(*args, **kwargs)


def _astype(self: Any, dtype: Any, *args: Any, **kwargs: Any) -> Any:
    """Make numbers of an array of objects, of which some are traced."""
    if running.traces and type(self) is np.ndarray and self.dtype.kind == "O":
        made = of_objects(self, dtype)
        return made.astype(dtype, *args, **kwargs)
    return _COPIED(self, dtype, *args, **kwargs)


_COPIED = _copy_door("astype")
_COMPILED = (  # of factors, trees of neighbours, triangulations (`register_method`)
    "solve", "query", "query_ball_point", "query_ball_tree", "count_neighbors",
    "sparse_distance_matrix", "find_simplex",
)  # fmt: skip


def _dunder_door(name: str) -> Callable[..., Any]:
    """Let ``A.__mul__(y)`` of a plain array or a float be the operator, where y is traced."""
    function, swap = getattr(operator, name, None), False
    if function is None:
        function, swap = getattr(operator, name.replace("__r", "__")), True

    def door(self: Any, *args: Any) -> Any:
        if running.traces and len(args) == 1:
            kind, b = type(self), args[0]
            if kind is np.ndarray and type(b) in _LISTS and holds_tracer(b):
                b = gather(b)
            known = kind is np.ndarray or (kind is float and isinstance(b, float | int))
            if known and type(b) in tracers.TRACERS:
                return function(b, self) if swap else function(self, b)
        return getattr(self, name)(*args)

    door.__name__ = door.__qualname__ = name
    return door


_LISTS = (list, tuple)
_DUNDERS = tuple(
    f"__{side}{sign}__"
    for sign in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul")
    for side in ("", "r")
) + tuple(f"__{sign}__" for sign in ("lt", "le", "gt", "ge", "eq", "ne"))
METHODS: dict[str, Any] = (
    {name: _door(name, f) for name, f in _FUNCTIONS.items()}
    | {name: _store_door(name) for name in ("fill", "put")}
    | {name: _copy_door(name) for name in ("copy", "flatten")}
    | {name: _compiled_door(name) for name in _COMPILED}
    | {"to_numpy": _to_numpy, "astype": _astype}
    | {name: _dunder_door(name) for name in _DUNDERS}
)


def _bound(name: str) -> Callable[..., Any]:
    def door(self: Any) -> Any:
        compiled = name in _COMPILED and registry.method_of(type(self), name) is not None
        if running.traces and (type(self) is np.ndarray or name == "to_numpy" or compiled):
            return partial(METHODS[name], self)
        return getattr(self, name)

    return door


BOUND: dict[str, Any] = {name: _bound(name) for name in METHODS}  # ``A.dot`` that is not called


def _operator(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def door(a: Any, b: Any, /) -> Any:
        if running.traces:
            if type(b) in _LISTS and isinstance(a, _ARRAYS) and holds_tracer(b):
                b = gather(b)
            elif type(a) in _LISTS and isinstance(b, _ARRAYS) and holds_tracer(a):
                a = gather(a)
        return function(a, b)

    return door


_ARRAYS = (np.ndarray, np.inexact)  # a list beside an integer of NumPy's is repeated
_OPERATORS = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv,
    "//": operator.floordiv, "**": operator.pow, "@": operator.matmul,
}  # fmt: skip
OPERATORS: dict[str, Any] = {sign: _operator(function) for sign, function in _OPERATORS.items()}


def of_operators() -> dict[Any, Any]:
    """Return doors for the functions of `operator` that are written out."""
    more = (operator.mod, operator.lt, operator.le, operator.gt, operator.ge, operator.eq,
            operator.ne, operator.iadd, operator.isub, operator.imul, operator.itruediv,
            operator.ipow)  # fmt: skip
    return {f: _operator(f) for f in (*_OPERATORS.values(), *more)}
