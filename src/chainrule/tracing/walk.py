"""Which functions of the program a function may call: those it reaches by name, and their like.

What is missed here (a function that is found by a name made at run time) runs without doors in its
code, and is refused loudly where it would lose a derivative.
"""

import dis
import sys
import weakref
from collections.abc import Iterator
from functools import partial
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from . import modules
from .alike import Alike
from .cached import CACHED
from .codes import is_bare, own, with_doors
from .names import finders, may_stand, of_program
from .source import inside
from .tracer import TRACERS, Tracer

_plans: dict[int, tuple[Any, "_Plan"]] = {}  # by the identity of a function's code


class Reach:
    """What a callable and its arguments reach: functions whose code gets doors, and holders."""

    __slots__ = ("bare", "functions", "plans", "roots")

    def __init__(self, function: Any, args: Any = ()) -> None:
        todo: list[Any] = [function] if type(function) is FunctionType else []
        first = function if todo else next(_reached(function), None)
        home = "" if first is None else _package(first)  # it may be an installed package
        for v in (function, *args) if not todo or function.__dict__ else args:
            if type(v) not in _SIMPLE and type(v) not in TRACERS:
                todo += _reached(v)
        found: dict[int, FunctionType] = {}
        seen: set[int] = set()
        self.roots: list[Any] = []
        self.bare = False  # whether some code compares by identity without a door
        self.plans: list[tuple[FunctionType, _Plan]] = []
        while todo:
            f = todo.pop()
            if id(f) in seen or inside[f.__code__.co_filename]:
                continue
            if not of_program(f.__globals__) and _package(f) != home:
                continue  # of an installed package: of the class of some value that is held
            seen.add(id(f))
            if with_doors(own(f.__code__)) is not None:
                found[id(f)] = f
            plan = _plan(f)
            self.plans.append((f, plan))
            self.bare = self.bare or plan.bare
            for ref in plan.functions:
                if (g := ref()) is not None:
                    found[id(g)] = g
            self.roots += [g for ref in plan.called if (g := ref()) is not None]
            for owner, name in plan.places:
                if type(value := _globals(f, owner).get(name)) not in _SIMPLE:
                    self.roots.append(value)
            if f.__closure__ or f.__defaults__ or f.__kwdefaults__:
                todo += _held(f)
        self.functions = list(found.values())

    def keeps(self) -> bool:
        """Say whether some code may keep something that has a door."""
        return any(plan.escapes for _, plan in self.plans)

    def leaves(self) -> bool:
        """Take note that look-alikes were left; say whether to look for them this time.

        Garbage in a cycle is left by each call: so it is the first few times, then ever less often.
        """
        if not self.plans:
            return True
        plan = self.plans[0][1]
        plan.left += 1
        return plan.left <= _OFTEN or plan.left & (plan.left - 1) == 0

    def names(self) -> Iterator[tuple[dict[str, Any], set[str]]]:
        """Give the namespaces that are reached, and the names in them that are known there."""
        for f, plan in self.plans:
            for owner, words in plan.spaces:
                space = _globals(f, owner)
                yield space, words & space.keys()


def _plan(function: FunctionType) -> "_Plan":
    code = own(function.__code__)
    known = _plans.get(id(code))
    if known is not None and known[0]() is code and known[1].holds(function):
        return known[1]
    plan = _Plan(function)
    key = id(code)
    _plans[key] = weakref.ref(code, lambda _: _plans.pop(key, None)), plan
    return plan


def _globals(function: FunctionType, owner: Any) -> dict[str, Any]:
    """Return the globals of `owner`, a reference; None stands for the function itself."""
    f = function if owner is None else owner()
    return {} if f is None else f.__globals__


class _Plan:
    """The functions that those of one code reach by global names, and what this rests on."""

    __slots__ = (
        "attributes", "bare", "called", "escapes", "functions", "left", "likes", "places", "rests",
        "spaces",
    )  # fmt: skip

    def __init__(self, function: FunctionType) -> None:
        self.functions: list[Any] = []
        self.left = 0  # how often something that has a door was left behind
        self.called: list[Any] = []  # functions that hold something themselves
        self.likes = modules.count()
        self.attributes: list[Any] = []  # what names stand for in modules that have look-alikes
        self.bare = False  # whether some code compares by identity without a door
        self.escapes = False  # whether some code takes what has a door otherwise than to call it
        self.spaces: list[tuple[Any, set[str]]] = []
        self.places: list[tuple[Any, str]] = []  # names of what may hold doors
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
                if f.__defaults__ or f.__kwdefaults__ or f.__closure__ or f.__dict__:
                    self.called.append(ref)
            names = _names(own(f.__code__))
            self.spaces.append((ref, names))
            self.attributes += modules.attributes(names)
            self.bare = self.bare or is_bare(own(f.__code__))
            if not self.escapes:
                self.escapes = may_stand(f, _escaping(own(f.__code__)))
            for name in names:
                value = f.__globals__.get(name)
                if value is not None and type(value) not in _SIMPLE:
                    if not isinstance(value, ModuleType):
                        self.places.append((ref, name))
                    found = list(_reached(value, names))
                    if found:
                        self.rests.append((ref, name, id(value)))
                        todo += _fresh(found, seen)

    def holds(self, function: FunctionType) -> bool:
        """Say whether the names still stand for the same things."""
        if self.likes != modules.count():
            return False
        for module, name, value in self.attributes:
            if vars(module).get(name) is not value:
                modules.follow(module, name)
                return False
        for ref, name, identity in self.rests:
            f = function if ref is None else ref()
            if f is None or id(f.__globals__.get(name)) != identity:
                return False
        return True


def _escaping(code: CodeType) -> set[str]:
    """Return the names that code takes otherwise than to call them or to look into them.

    What is loaded to be called stands with a NULL on the stack.
    """
    found: set[str] = set()
    called, before, high = False, 0, 0
    pairs = [p for p in zip(code.co_code[::2], code.co_code[1::2], strict=True) if p[0] != _CACHE]
    for (op, arg), (after, _) in zip(pairs, [*pairs[1:], (0, 0)], strict=True):
        if op == _EXTENDED:
            high = (high | arg) << 8
            continue
        arg, high = arg | high, 0
        if op in (_GLOBAL, _DEREF):
            called = op == _GLOBAL and bool(arg & 1)
        elif op not in _LOOKS:
            called = False
        called = called or before == _NULL or after == _NULL
        if op in (_GLOBAL, _ATTR) and after not in _LOOKS and not called:
            if not (op == _ATTR and _FLAGGED and arg & 1):
                found.add(code.co_names[arg >> (op == _GLOBAL or _FLAGGED)])
        before = op
    return found.union(*(_escaping(c) for c in code.co_consts if isinstance(c, CodeType)))


_CACHE, _EXTENDED = dis.opmap["CACHE"], dis.opmap["EXTENDED_ARG"]
_GLOBAL, _ATTR = dis.opmap["LOAD_GLOBAL"], dis.opmap["LOAD_ATTR"]
_NULL, _DEREF = dis.opmap["PUSH_NULL"], dis.opmap["LOAD_DEREF"]
_LOOKS = {dis.opmap[n] for n in ("LOAD_ATTR", "LOAD_METHOD") if n in dis.opmap}
_FLAGGED = sys.version_info >= (3, 12)


def _package(function: FunctionType) -> str:
    return str(function.__globals__.get("__name__", "")).split(".")[0]


def _fresh(functions: Any, seen: set[int]) -> list[FunctionType]:
    found = [f for f in functions if id(f) not in seen]
    seen.update(map(id, found))
    return found


_OFTEN = 8
_MOST = 5_000
_SIMPLE = frozenset((Alike, int, float, str, bool, bytes, complex, type(None), np.ndarray,
                     np.float64, np.ufunc, type(np.sum), type(len), Tracer))  # fmt: skip


def _names(code: CodeType) -> set[str]:
    names = set(code.co_names)
    for c in code.co_consts:
        if isinstance(c, CodeType):
            names |= _names(c)
    return names


def _held(f: FunctionType, met: "Met | None" = None) -> Iterator[FunctionType]:
    """Give the functions that closure and defaults of a function hold."""
    for cell in f.__closure__ or ():
        try:
            yield from _reached(cell.cell_contents, met=met)
        except ValueError:  # still empty
            continue
    if f.__defaults__ or f.__kwdefaults__:
        for value in (*(f.__defaults__ or ()), *(f.__kwdefaults__ or {}).values()):
            yield from _reached(value, met=met)


Met = dict[int, int]  # what one walk has met, by its identity, and how deep it went from there


def _reached(
    value: Any, names: Any = (), depth: int = 3, met: Met | None = None
) -> Iterator[FunctionType]:
    """Give the program's functions behind a value: of classes, instances, containers, wrappers."""
    kind = type(value)
    if kind in _SIMPLE or kind in TRACERS:
        return
    if met is not None:
        if met.get(id(value), -1) >= depth:
            return
        met[id(value)] = depth
    if kind is FunctionType:
        if not inside[value.__code__.co_filename]:
            yield value
        if depth and "__wrapped__" in value.__dict__:
            yield from _reached(value.__wrapped__, (), depth - 1, met)
    elif not depth:
        return
    elif kind is MethodType or kind is partial:
        bound = kind is MethodType
        for part in (value.__func__, value.__self__) if bound else (value.func, *value.args):
            yield from _reached(part, (), depth - 1, met)
    elif kind in (list, tuple, dict):
        for v in list(value.values() if kind is dict else value)[:_FEW]:
            if type(v) not in _SIMPLE and type(v) not in TRACERS:
                yield from _reached(v, (), depth - 1, met)
    elif isinstance(value, type):
        yield from _methods(value, met)
    elif kind is ModuleType:
        if of_program(vars(value)):
            for name in names & vars(value).keys():
                yield from _reached(vars(value)[name], (), depth - 1, met)
    else:
        yield from _methods(kind, met)
        for v in list(_state(value).values())[:_FEW]:
            yield from _reached(v, (), depth - 1, met)


def _behind(space: dict[str, Any]) -> list[FunctionType]:
    """Return the functions behind the names of a namespace."""
    met: Met = {}
    todo = [f for value in list(space.values()) for f in _reached(value, met=met)]
    seen: dict[int, FunctionType] = {}
    while todo and len(seen) < 10 * _MOST:
        f = todo.pop()
        if id(f) not in seen:
            seen[id(f)] = f
            todo += _held(f, met)
    return list(seen.values())


finders.append(_behind)


def _state(value: Any) -> dict[str, Any]:
    try:
        state = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return {}
    return state if type(state) is dict else {}


_FEW = 100


def _methods(cls: type, met: Met | None = None) -> Iterator[FunctionType]:
    if met is not None:
        if ~id(cls) in met:
            return
        met[~id(cls)] = 0
    for c in cls.__mro__:
        if not c.__flags__ & _HEAP:
            continue
        for member in list(vars(c).values()):
            m = getattr(member, "__func__", None) or getattr(member, "fget", None) or member
            m = getattr(m, "func", m)  # of cached_property
            m = m.__wrapped__ if type(m) is CACHED else m
            if type(m) is FunctionType and not inside[m.__code__.co_filename]:
                yield m


_HEAP = 1 << 9  # a class that is made by a `class` statement
