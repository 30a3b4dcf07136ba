"""Doors where a program holds functions: defaults, attributes, tables, partials, closures.

``def f(x, xp=np)``, ``self.act = math.tanh``, ``RULES = {"sin": math.sin}``: what stands for
something with a door is exchanged in the object that holds it, from the start of a traced call to
its end, as names are (`names`). Afterwards the same walk puts back what the program kept of the
doors in the meantime: look-alikes, generators, constant arrays.
"""

import sys
from collections import deque
from collections.abc import Callable
from functools import partial
from types import CellType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from . import tracer as tracers
from .alike import Alike
from .casts import LookAlike
from .modules import LookAlikeModule, Watched, last
from .source import inside

_held: list[tuple[Any, Any, Any, Any]] = []  # holder, key, what it held, and the door
_FEW, _MOST, _DEEPEST = 100, 1000, 12
_SIMPLE: set[type] = {
    int, float, str, bool, bytes, complex, type(None), np.ndarray, slice, range, np.dtype,
    *np.sctypeDict.values(),
}  # fmt: skip
_LEAVES = frozenset(
    (Alike, np.ufunc, type(np.sum), type(len), ModuleType, LookAlikeModule, Watched)
)


class Exchange:
    """One walk: `new` tells what is to stand in the place of a value, or gives it as it is."""

    __slots__ = ("deepest", "few", "new", "note", "seen")

    def __init__(self, new: Callable[[Any], Any], note: bool) -> None:
        self.new, self.note = new, note
        self.few, self.deepest = _FEW, _DEEPEST
        self.seen: dict[int, Any] = {}

    def visit(self, value: Any, depth: int = 0) -> Any:
        """Return what stands for `value`, and exchange inside it."""
        kind = type(value)
        if kind in _SIMPLE or (kind in tracers.TRACERS and self.note):
            return value
        if (kind is tuple or kind is list) and self.note and _is_data(value):
            return value
        made = self.new(value)
        if made is not value or kind in _LEAVES or kind in tracers.TRACERS:
            return made
        if depth > self.deepest or id(value) in self.seen or len(self.seen) > _MOST:
            return value
        self.seen[id(value)] = value
        if kind is tuple or (issubclass(kind, tuple) and hasattr(kind, "_make")):
            return self._tuple(value, kind, depth)
        if kind is list or kind is deque or issubclass(kind, dict):
            self._items(value, value, depth)
        elif kind is set:
            self._set_of(value)
        elif kind is CellType:
            self._set(value, "", value.cell_contents, depth)
        elif kind is FunctionType:
            self.function(value, depth)
        elif kind is MethodType:
            self.visit(value.__self__, depth)
            self.visit(value.__func__, depth)
        elif kind is partial:
            self._set(value, "", (value.func, value.args, value.keywords), depth)
        elif isinstance(value, LookAlike):
            return value  # what it says of its own is its original
        elif isinstance(value, type):
            self._class(value, depth)
        elif kind is staticmethod or kind is classmethod:
            function = self.visit(value.__func__, depth)
            return value if function is value.__func__ else kind(function)
        else:
            self._instance(value, kind, depth)
        return value

    def _tuple(self, value: Any, kind: Any, depth: int) -> Any:
        if len(value) > self.few:
            return value
        items = [self.visit(v, depth + 1) for v in value]
        if all(a is b for a, b in zip(items, value, strict=True)):
            return value
        return kind(items) if kind is tuple else kind._make(items)

    def _items(self, holder: Any, items: Any, depth: int) -> None:
        if len(items) <= self.few:
            if not self.note and isinstance(items, dict):
                self._keys(items)
            for key, v in list(items.items() if isinstance(items, dict) else enumerate(items)):
                if type(v) not in _SIMPLE:
                    self._set(holder, key, v, depth)

    def _keys(self, items: dict[Any, Any]) -> None:
        """Exchange keys, which are equal to what they stand for: entries stay where they are."""
        new = [(k if type(k) in _SIMPLE else self.new(k), v) for k, v in items.items()]
        if any(a is not b for (a, _), b in zip(new, items, strict=True)):
            items.clear()
            items.update(new)

    def _set_of(self, values: set[Any]) -> None:
        for v in [] if self.note or len(values) > self.few else list(values):
            if type(v) not in _SIMPLE and (made := self.new(v)) is not v:
                values.discard(v)
                values.add(made)

    def shallow(self, value: Any) -> None:
        """Exchange in what `value` itself holds, however much it is."""
        self.few, self.deepest = sys.maxsize, int(type(value) is partial)
        self.visit(value)

    def function(self, f: FunctionType, depth: int = 0) -> None:
        """Exchange in defaults, closure and attributes of a function."""
        if inside[f.__code__.co_filename]:
            return
        if f.__defaults__:
            self._set(f, "__defaults__", f.__defaults__, depth)
        if f.__kwdefaults__:
            self._items(f.__kwdefaults__, f.__kwdefaults__, depth)
        if f.__dict__:
            self._items(f.__dict__, f.__dict__, depth)
        for cell in f.__closure__ or ():
            try:
                self._set(cell, "", cell.cell_contents, depth)
            except ValueError:  # still empty
                continue

    def _class(self, cls: Any, depth: int) -> None:
        for c in cls.__mro__:
            if c.__flags__ & _HEAP and c.__module__.split(".")[0] not in _LIBRARIES:
                for key, v in list(vars(c).items())[: self.few]:
                    if key not in _SLOTS and type(v) not in _SIMPLE:
                        self._set(c, key, v, depth)

    def _instance(self, value: Any, kind: type, depth: int) -> None:
        if kind.__module__.split(".")[0] in _LIBRARIES and not kind.__flags__ & _HEAP:
            if kind.__name__ != "SimpleNamespace":
                return
        if kind.__module__.split(".")[0] == "chainrule":
            value, kind = getattr(value, "function", None), type(None)
            if type(value) is FunctionType:
                self.function(value, depth)
            return
        self.visit(kind, depth)
        try:
            state = object.__getattribute__(value, "__dict__")
        except AttributeError:
            state = None
        if type(state) is dict:
            self._items(state, state, depth)
        for c in kind.__mro__:
            slots = vars(c).get("__slots__", ())
            for name in (slots,) if isinstance(slots, str) else slots:
                held = vars(c).get(name)
                if hasattr(held, "__get__") and hasattr(value, name):
                    self._set(value, held, getattr(value, name), depth)

    def _set(self, holder: Any, key: Any, value: Any, depth: int) -> None:
        made = self.visit(value, depth + 1)
        if made is not value:
            if self.note:
                _held.append((holder, key, value, made))  # first: an interrupt may follow
            put(holder, key, made)


def _is_data(values: Any) -> bool:
    for v in values:
        kind = type(v)
        if kind not in _SIMPLE and kind not in tracers.TRACERS:
            return False
    return True


_HEAP = 1 << 9  # a class that is made by a `class` statement
_SLOTS = frozenset(  # what a class says of itself, and runs nothing of
    "__slots__ __dict__ __weakref__ __doc__ __module__ __qualname__ __annotations__ __match_args__ "
    "__dataclass_fields__ __dataclass_params__ __parameters__ __orig_bases__ __abstractmethods__ "
    "_abc_impl __static_attributes__ __firstlineno__".split()
)
_LIBRARIES = sys.stdlib_module_names | {"numpy", "scipy"}


def put(holder: Any, key: Any, value: Any) -> None:
    """Let `holder` hold `value` at `key`."""
    kind = type(holder)
    if kind is list or kind is dict or kind is deque:
        holder[key] = value
    elif isinstance(holder, dict):
        dict.__setitem__(holder, key, value)
    elif kind is CellType:
        holder.cell_contents = value
    elif kind is partial:
        holder.__setstate__((*value, vars(holder)))
    elif isinstance(holder, type) or kind is FunctionType:
        setattr(holder, key, value)
    else:
        key.__set__(holder, value)  # the descriptor of a slot


def held(holder: Any, key: Any) -> Any:
    """Return what `holder` holds at `key`."""
    kind = type(holder)
    if kind is list or kind is deque or isinstance(holder, dict):
        return holder[key]
    if kind is CellType:
        return holder.cell_contents
    if kind is partial:
        return holder.func, holder.args, holder.keywords
    if isinstance(holder, type):
        return vars(holder)[key]
    return getattr(holder, key) if kind is FunctionType else key.__get__(holder)


def swap(roots: Any, door: Callable[[Any], Any]) -> list[Any]:
    """Exchange what `roots` hold for doors, and return what stands for the roots themselves."""
    walk = Exchange(door, note=True)
    return [v if type(v) in _SIMPLE else walk.visit(v) for v in roots]


def settle(roots: Any, plain: Callable[[Any], Any]) -> None:
    """Put back what the program kept of the doors in the objects that `roots` hold."""
    walk = Exchange(plain, note=False)
    for value in roots:
        if type(value) not in _SIMPLE:
            walk.visit(value)


def restore() -> list[Any]:
    """Put back what was exchanged, unless the program put something else there.

    Return the doors that it took away: it may have put them elsewhere.
    """
    taken = []
    while (entry := last(_held)) is not None:
        holder, key, plain, door = entry
        try:
            now = held(holder, key)
        except (AttributeError, LookupError, ValueError):  # the program took it away
            now = None
        if now is door or (type(holder) is partial and now == door):
            put(holder, key, plain)
        else:
            taken.append(door)
        if _held and _held[-1] is entry:  # a signal handler may have been here
            _held.pop()
    return taken
