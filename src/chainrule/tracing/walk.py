"""Which functions of the program a function may call: those it reaches by name, and their like.

What is missed here (a function that is found by a name made at run time) runs without doors in its
code, and is refused loudly where it would lose a derivative.
"""

import weakref
from collections.abc import Iterator
from functools import partial
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from .codes import own, with_doors
from .names import of_program
from .source import inside
from .tracer import Tracer

_plans: dict[int, tuple[Any, "_Plan"]] = {}  # by the identity of a function's code


def functions_with_doors(function: Any, args: Any = ()) -> list[FunctionType]:
    """Return the functions behind a callable and its arguments whose code is to have doors."""
    todo = [f for v in (function, *args) for f in _reached(v)]
    found: dict[int, FunctionType] = {}
    seen: set[int] = set()
    while todo:
        f = todo.pop()
        if id(f) in seen:
            continue
        seen.add(id(f))
        if with_doors(own(f.__code__)) is not None:
            found[id(f)] = f
        for ref in _plan(f).functions:
            g = ref()
            if g is not None:
                found[id(g)] = g
        todo += _held(f)
    return list(found.values())


def _plan(function: FunctionType) -> "_Plan":
    code = own(function.__code__)
    known = _plans.get(id(code))
    if known is not None and known[0]() is code and known[1].holds(function):
        return known[1]
    plan = _Plan(function)
    _plans[id(code)] = (weakref.ref(code, lambda _: _plans.pop(id(code), None)), plan)
    return plan


class _Plan:
    """The functions that those of one code reach by global names, and what this rests on."""

    __slots__ = ("functions", "rests")

    def __init__(self, function: FunctionType) -> None:
        self.functions: list[Any] = []
        self.rests: list[tuple[Any, str, int]] = []  # None stands for the function itself
        package = _package(function)
        todo, seen = [function], {id(function)}
        while todo and len(seen) < _MOST:
            f = todo.pop()
            ref = None if f is function else weakref.ref(f)
            if ref is not None:
                if not of_program(f.__globals__) and _package(f) != package:
                    continue
                todo += _fresh(_held(f), seen)
                if with_doors(own(f.__code__)) is not None:
                    self.functions.append(ref)
            names = _names(own(f.__code__))
            for name in names:
                value = f.__globals__.get(name)
                if value is not None and type(value) not in _SIMPLE:
                    found = list(_reached(value, names))
                    if found:
                        self.rests.append((ref, name, id(value)))
                        todo += _fresh(found, seen)

    def holds(self, function: FunctionType) -> bool:
        """Say whether the names still stand for the same things."""
        for ref, name, identity in self.rests:
            f = function if ref is None else ref()
            if f is None or id(f.__globals__.get(name)) != identity:
                return False
        return True


def _package(function: FunctionType) -> str:
    return str(function.__globals__.get("__name__", "")).split(".")[0]


def _fresh(functions: Any, seen: set[int]) -> list[FunctionType]:
    found = [f for f in functions if id(f) not in seen]
    seen.update(map(id, found))
    return found


_MOST = 5_000
_SIMPLE = frozenset((int, float, str, bool, bytes, complex, type(None), np.ndarray, np.float64,
                     np.ufunc, type(np.sum), type(len), Tracer))  # fmt: skip


def _names(code: CodeType) -> set[str]:
    names = set(code.co_names)
    for c in code.co_consts:
        if isinstance(c, CodeType):
            names |= _names(c)
    return names


def _held(f: FunctionType) -> Iterator[FunctionType]:
    """Give the functions that closure and defaults of a function hold."""
    for cell in f.__closure__ or ():
        try:
            yield from _reached(cell.cell_contents)
        except ValueError:  # still empty
            continue
    for value in (*(f.__defaults__ or ()), *(f.__kwdefaults__ or {}).values()):
        yield from _reached(value)


def _reached(value: Any, names: Any = (), depth: int = 3) -> Iterator[FunctionType]:
    """Give the program's functions behind a value: of classes, instances, containers, wrappers."""
    kind = type(value)
    if kind in _SIMPLE:
        return
    if kind is FunctionType:
        if not inside[value.__code__.co_filename]:
            yield value
        if depth and "__wrapped__" in value.__dict__:
            yield from _reached(value.__wrapped__, (), depth - 1)
    elif not depth:
        return
    elif kind is MethodType or kind is partial:
        bound = kind is MethodType
        for part in (value.__func__, value.__self__) if bound else (value.func, *value.args):
            yield from _reached(part, (), depth - 1)
    elif kind in (list, tuple, dict):
        for v in list(value.values() if kind is dict else value)[:_FEW]:
            yield from _reached(v, (), depth - 1)
    elif isinstance(value, type):
        yield from _methods(value)
    elif kind is ModuleType:
        if of_program(vars(value)):
            for name in names & vars(value).keys():
                yield from _reached(vars(value)[name], (), depth - 1)
    else:
        yield from _methods(kind)
        for v in list(_state(value).values())[:_FEW]:
            yield from _reached(v, (), depth - 1)


def _state(value: Any) -> dict[str, Any]:
    try:
        state = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return {}
    return state if type(state) is dict else {}


_FEW = 100


def _methods(cls: type) -> Iterator[FunctionType]:
    for c in cls.__mro__:
        if not c.__flags__ & _HEAP:
            continue
        for member in list(vars(c).values()):
            m = getattr(member, "__func__", None) or getattr(member, "fget", None) or member
            m = getattr(m, "func", m)  # of cached_property
            if type(m) is FunctionType and not inside[m.__code__.co_filename]:
                yield m


_HEAP = 1 << 9  # a class that is made by a `class` statement
