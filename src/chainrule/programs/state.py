"""What a program rests on beside its arguments: names, cells, attributes, arrays from outside.

All values that the code of a run can read by a name are taken down before it, recursively. The
recording may run again only while they are the same: containers, functions and classes by
identity, numbers and texts by value, arrays by their elements. If the run itself has changed
something of it, it has a side effect, and is not repeated without the program.
"""

import abc
import copyreg
import dis
import enum
import sys
import weakref
from collections import deque, namedtuple
from collections.abc import Callable
from functools import partial
from types import (
    BuiltinFunctionType,
    CodeType,
    FunctionType,
    GetSetDescriptorType,
    MappingProxyType,
    MemberDescriptorType,
    MethodDescriptorType,
    MethodType,
    MethodWrapperType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import Any

import numpy as np

from .. import tree
from ..core import registry
from ..tracing.cached import CACHED
from ..tracing.codes import own
from ..tracing.draws import GENERATORS
from ..tracing.names import of_program
from ..tracing.tracer import TRACERS
from .watch import ASKS, PURE

MISSING = object()
_PLAIN = (int, float, complex, bool, str, bytes, type(None))
_FIXED = (
    type, BuiltinFunctionType, np.ufunc, np.dtype, slice, range, type(...), type(NotImplemented),
    MethodDescriptorType, WrapperDescriptorType, GetSetDescriptorType, type(np.sum), CodeType,
    MemberDescriptorType, type(namedtuple("_", "a").a),
)  # fmt: skip
_DYNAMIC = frozenset(
    "getattr setattr vars __dict__ __getattr__ __getattribute__ dir hasattr fields asdict replace "
    "attrgetter __getstate__".split()
)
_UNSEEN = ASKS | {"getstate", "__import__"}
_MOST = 20_000  # values
_MOST_BYTES = 1 << 28


class TooMuchError(Exception):
    """What is reached is too much, or cannot be looked into."""


class State:
    """Values from outside that a run can read, and how to see that they are the same."""

    def __init__(self, root: Any, codes: set[CodeType], traced: bool = False) -> None:
        self.traced = traced  # whether traced values are as good as any
        self.names: set[str] = set()
        for code in codes:
            self.names |= _names(code)
        self.refusal = ""
        for word in _UNSEEN & self.names:
            self.refusal = f"it calls {word}, and what that gives is not compared"
        self.all = not _DYNAMIC.isdisjoint(self.names)
        self.codes, self.found = codes, set[CodeType]()
        self.entries: list[tuple[Callable[[], Any], Any, str]] = []
        self.arrays: list[tuple[Any, Any, Any, str]] = []
        self.sizes: list[tuple[Any, Any, str]] = []
        self.seen: dict[int, Any] = {}
        self.generators: list[Any] = []  # of random numbers
        self.bytes = 0
        self.missing: list[CodeType] = []  # executed once, and no longer reached
        self.todo: list[tuple[Any, str]] = [(root, "the function")]
        self.registered = abc.get_cache_token()  # when it moves, ``isinstance`` is answered anew
        try:
            for code in codes:
                for name in _imported(code):
                    get = partial(sys.modules.get, name, MISSING)
                    self._entry(get, get(), name)
            while self.todo:
                self._look(*self.todo.pop())
            self.missing = missing = [c for c in codes - self.found if not self._is_nested(c)]
            if missing:
                raise TooMuchError(
                    f"it calls {missing[0].co_qualname} ({missing[0].co_filename}:"
                    f"{missing[0].co_firstlineno}), which no name leads to"
                )
        except TooMuchError as error:
            self.refusal = str(error)

    def holds(self) -> bool:
        """Say whether a recording may run: all is as it was."""
        return abc.get_cache_token() == self.registered and not self.differs()

    def differs(self) -> str:
        """Return the name of something that is not as it was; "" if all is."""
        for get, value, name in self.entries:
            now = get()
            if now is not value and not _same(now, value):
                if type(value) is not weakref.ref or now is not value():
                    return name
        for keys, kept, name in self.sizes:
            if keys() != kept if callable(keys) else len(keys) != kept:
                return name
        for found, bits, form, name in self.arrays:
            array = found()
            if array is None or form_of(array) != form or not same_bits(array, bits):
                return name
        return ""

    # --- what is reached ------------------------------------------------------------------------

    def _entry(self, get: Callable[[], Any], value: Any, name: str) -> None:
        if len(self.entries) > _MOST:
            raise TooMuchError("it reaches too many values from outside")
        self.entries.append((get, _lightly(value), name))
        self.todo.append((value, name))

    def _look(self, value: Any, name: str) -> None:
        kind = type(value)
        if kind in TRACERS:
            if not self.traced:
                raise TooMuchError(f"{name} is a traced value")
            self.entries.append((lambda: value.cr_node, value.cr_node, name))
            return
        if _is_plain(value) or value is MISSING or id(value) in self.seen:
            return
        self.seen[id(value)] = _lightly(value)
        if kind is FunctionType:
            self._function(value, name)
        elif kind is np.ndarray or kind is np.void:  # a record lies in the memory of its array
            self._array(value, name)
        elif kind in (list, tuple, deque):
            if kind is not tuple:
                self.sizes.append((value, len(value), name))
            for i, v in enumerate(value):
                if kind is not tuple:
                    self._entry(partial(_item, value, i), v, f"{name}[{i}]")
                else:
                    self.todo.append((v, f"{name}[{i}]"))
        elif kind in (dict, MappingProxyType):
            self._mapping(value, name, None, "[{!r}]")
        elif kind in (set, frozenset):
            self._keys(value, name)
            self.todo += [(v, name) for v in value]
        elif isinstance(value, tuple):  # a named one
            self._entry(lambda: type(value), kind, name)
            self.todo += [(v, f"{name}[{i}]") for i, v in enumerate(tuple.__iter__(value))]
            if hasattr(value, "__dict__"):
                self._mapping(vars(value), name, None, ".{}")
        elif isinstance(value, ModuleType):
            self._module(value)
        elif kind is MethodType:
            self.todo += [(value.__func__, name), (value.__self__, name)]
        elif kind is partial:
            self.todo += [(v, name) for v in (value.func, value.args, value.keywords)]
            self._mapping(vars(value), name, None, ".{}")
        elif kind in (staticmethod, classmethod):
            self.todo.append((value.__func__, name))
        elif kind is property:
            self.todo += [(f, name) for f in (value.fget, value.fset) if f is not None]
        elif isinstance(value, type):
            self._class(value)
        elif kind is CACHED:
            raise TooMuchError(f"{name} keeps its results, which may be changed")
        elif isinstance(value, BuiltinFunctionType | MethodWrapperType):  # of an object
            if not isinstance(value.__self__, ModuleType | type):
                self.todo.append((value.__self__, name))
        elif isinstance(value, np.dtype) and value.names:
            self._entry(lambda: value.names, value.names, name)
        elif not isinstance(value, _FIXED):
            self._instance(value, name)

    def _function(self, f: FunctionType, name: str) -> None:
        wrapped = f.__dict__.get("__wrapped__")
        if wrapped is not None:
            self.todo.append((wrapped, name))
        code = own(f.__code__)
        if f.__dict__:
            self._mapping(f.__dict__, f.__name__, None, ".{}")
        for word in self.names & _OF_FUNCTIONS:
            if word not in ("__code__", "__globals__"):
                get = partial(getattr, f, word, MISSING)
                self._entry(get, get(), f"{f.__name__}.{word}")
        if code not in self.codes:
            if code.co_filename[0] == "<":  # written by Python itself, as for named tuples
                self._entry(lambda: f.__defaults__, f.__defaults__, f.__name__)
            if not of_program(f.__globals__) and f.__closure__:
                self._cells(f, name)  # a library's wrapper may call the program
            return
        self.found.add(code)
        self.entries.append((partial(_code, f), code, f.__name__))
        space = f.__globals__
        for word in _loaded(code):
            for known in (space, f.__builtins__):  # type: ignore[attr-defined]
                self._entry(partial(known.get, word, MISSING), known.get(word, MISSING), word)
                if word in known:
                    break
        self._cells(f, name)
        self._entry(lambda: f.__defaults__, f.__defaults__, f.__name__)
        self._entry(lambda: f.__kwdefaults__, f.__kwdefaults__, f.__name__)

    def _cells(self, f: FunctionType, name: str) -> None:
        for word, cell in zip(f.__code__.co_freevars, f.__closure__ or (), strict=True):
            self._entry(partial(_content, cell), _content(cell), word)

    def _array(self, a: Any, name: str) -> None:
        if a.dtype.hasobject:
            raise TooMuchError(f"{name} is an array of objects")
        self.bytes += a.nbytes
        if self.bytes > _MOST_BYTES:
            raise TooMuchError("it reaches arrays from outside that are too large to be compared")
        held = weakref.ref(a) if type(a) is np.ndarray else partial(_itself, a)
        self.arrays.append((held, kept_bits(a), form_of(a), name))

    def _mapping(self, d: Any, name: str, names: Any, form: str) -> None:
        self._keys(d, name)
        for key, v in list(d.items()):
            if names is None or key in names:
                self._entry(partial(d.get, key, MISSING), v, name + form.format(key))

    def _keys(self, found: Any, name: str) -> None:
        """Take down what stands in a container, in its order: a program may go through it."""
        self.sizes.append((partial(list, found), list(found), name))

    def _module(self, module: ModuleType) -> None:
        space = vars(module)
        words = self.names & space.keys()
        if self.all and of_program(space):
            self._keys(space, module.__name__)
            words = {w for w in space if not w.startswith("__")}
        for word in words:
            value = space[word]
            self.entries.append((partial(space.get, word, MISSING), _lightly(value), word))
            if of_program(space) or not isinstance(value, ModuleType | FunctionType | type):
                self.todo.append((value, f"{module.__name__}.{word}"))

    def _class(self, cls: type) -> None:
        self.entries.append((lambda: cls.__mro__, cls.__mro__, cls.__name__))
        for c in cls.__mro__:
            if c.__module__ == "builtins" or not c.__flags__ & _HEAP:
                continue
            space = vars(c)
            self._keys(space, c.__name__)  # a new attribute hides that of a base
            if type(c) is not type:
                self.todo.append((type(c), c.__name__))
            for word in self.names & _OF_CLASSES:
                get = partial(getattr, c, word, MISSING)
                self._entry(get, get(), f"{c.__name__}.{word}")
            for word in space:
                if word in self.names or word.startswith("__"):
                    v = space[word]
                    if word in _MACHINERY or (word[:2] == "__" and isinstance(v, _FIXED + _PLAIN)):
                        continue
                    self._entry(partial(space.get, word, MISSING), v, f"{c.__name__}.{word}")

    def _instance(self, value: Any, name: str) -> None:
        cls = type(value)
        if isinstance(value, (*GENERATORS, np.random.BitGenerator)):
            self.generators.append(value)
            if self.all or "state" in self.names:
                raise TooMuchError(f"it may ask where {name}, a stream of random numbers, stands")
            return
        if cls.__name__ in _KNOWN:
            return
        if cls.__module__ in _OWN:  # what it has recorded is its own
            self.todo.append((value.function, name))
            return
        self._entry(lambda: type(value), cls, name)
        space = getattr(value, "__dict__", None)
        slots = tree.slots(cls)
        hidden = _hides(cls, len(slots)) and not isinstance(value, enum.Enum)
        if hidden and space is None and not slots:
            raise TooMuchError(f"{name} is a {cls.__name__}, whose state cannot be seen")
        origins = {c.__module__.split(".")[0] for c in cls.__mro__} - {"builtins", "abc"}
        names = None if self.all or not origins.isdisjoint(_LIBRARIES) else self.names
        if isinstance(space, dict):
            self._mapping(space, name, names, ".{}")
        for s in slots:
            if names is None or s in names:
                get = partial(getattr, value, s, MISSING)
                self._entry(get, get(), f"{name}.{s}")
        if hidden and _is_operation(value):
            self.sizes.append((_backends, _backends(), name))
        elif hidden:
            raise TooMuchError(f"{name} is a {cls.__name__}, a class that extends a compiled one")

    def _is_nested(self, code: CodeType) -> bool:
        return any(code in _inner(c) for c in self.found)


_LIBRARIES = frozenset(("numpy", "scipy", "chainrule", *PURE))  # whose code reads attributes
_HEAP = 1 << 9
_OWN = ("chainrule.programs.jit", "chainrule.sparsity.derivative")
_KNOWN = ("SuperLU", "Pattern", "itemgetter", "lock", "RLock")
_OF_FUNCTIONS = frozenset("__doc__ __name__ __qualname__ __module__ __annotations__ __defaults__ "
                          "__kwdefaults__ __closure__ __code__ __globals__".split())  # fmt: skip
_OF_CLASSES = frozenset("__doc__ __name__ __qualname__ __module__ __annotations__".split())
_MACHINERY = frozenset("__dict__ __weakref__ __doc__ __module__ __annotations__ __slots__".split())


def _hides(cls: type, slots: int) -> bool:
    """Say whether objects of a class hold more than attributes: compiled code keeps it there."""
    pointers = slots + (cls.__dictoffset__ > 0) + (cls.__weakrefoffset__ > 0)
    return bool(cls.__itemsize__) or cls.__basicsize__ > object.__basicsize__ + 8 * pointers


def _is_operation(value: Any) -> bool:
    """Say whether a compiled function of a library is one that a recording has as an operation."""
    return type(value).__hash__ is object.__hash__ and registry.find(value) is not None


def _backends() -> Any:
    """Return which backends stand behind SciPy's functions, which a program may exchange."""
    state = getattr(sys.modules.get("scipy._lib.uarray"), "get_state", lambda: None)()
    reduce = copyreg.dispatch_table.get(type(state))
    return None if reduce is None else reduce(state)


def _is_plain(value: Any) -> bool:
    """Say whether a value is a number or a text, and nothing else."""
    kind = type(value)
    return kind in _PLAIN or (
        isinstance(value, np.generic) and kind.__module__ == "numpy" and kind is not np.void
    )


def _imported(code: CodeType) -> set[str]:
    """Return the modules that a code, and those within, import when they run."""
    found = set()
    for step in dis.get_instructions(code):
        if step.opname == "IMPORT_NAME":
            if not step.argval:
                raise TooMuchError("it imports from where it stands")
            parts = step.argval.split(".")
            found |= {".".join(parts[: i + 1]) for i in range(len(parts))}
    for c in code.co_consts:
        if isinstance(c, CodeType):
            found |= _imported(c)
    return found


def _code(f: FunctionType) -> CodeType:
    return own(f.__code__)


def _item(values: Any, i: int) -> Any:
    return values[i] if i < len(values) else MISSING


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return MISSING


_MATCHES = dis.opmap["MATCH_CLASS"]


def _names(code: CodeType) -> set[str]:
    """Return the names in a code and in those within, also as texts: ``getattr(x, "name")``."""
    found = set(code.co_names)
    if _MATCHES in code.co_code[::2]:  # ``case A(v)`` takes an attribute that the class names
        found.add("getattr")
    for c in code.co_consts:
        if isinstance(c, CodeType):
            found |= _names(c)
        for text in c if isinstance(c, tuple) else (c,):
            if isinstance(text, str) and text.isidentifier():
                found.add(text)
    return found


def _loaded(code: CodeType) -> set[str]:
    """Return the names that a code, and those within, look up among globals and builtins."""
    found = {i.argval for i in dis.get_instructions(code) if i.opname in _LOADS}
    for c in code.co_consts:
        if isinstance(c, CodeType):
            found |= _loaded(c)
    return found


_LOADS = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS")


def _inner(code: CodeType) -> set[CodeType]:
    found: set[CodeType] = set()
    for c in code.co_consts:
        if isinstance(c, CodeType):
            found |= {c} | _inner(c)
    return found


def _itself(value: Any) -> Any:
    return value


def _lightly(value: Any) -> Any:
    """Return a weak reference to an array: if one name alone holds it, it may be stored into."""
    return weakref.ref(value) if type(value) is np.ndarray else value


def _same(now: Any, value: Any) -> bool:
    """Say whether two numbers, texts or tuples of them are the same, and of one type."""
    kind = type(value)
    if type(now) is not kind or kind in TRACERS:
        return False
    if kind is tuple:
        return len(now) == len(value) and all(
            a is b or _same(a, b) for a, b in zip(now, value, strict=True)
        )
    if kind is MethodType:
        return now.__func__ is value.__func__ and now.__self__ is value.__self__
    if not _is_plain(value):
        return False
    if kind is float or kind is complex:
        return repr(now) == repr(value)  # zeros have signs
    same = not isinstance(value, np.inexact) or kept_bits(now) == kept_bits(value)
    return bool(now == value) and same


def streams(generators: list[Any]) -> list[str]:
    """Return where the streams of random numbers stand: NumPy's, Python's, and those reached."""
    found = [getattr(g, "_bit_generator", None) or getattr(g, "bit_generator", g)
             for g in generators]  # fmt: skip
    words = sys.modules.get("random")
    states = [np.random.mtrand._rand._bit_generator.state, *(g.state for g in found)]
    return [*map(_text, states), "" if words is None else str(words.getstate())]


def _text(state: Any) -> str:
    if isinstance(state, dict):
        return str([(k, _text(v)) for k, v in state.items()])
    return state.tobytes().hex() if isinstance(state, np.ndarray) else str(state)


def form_of(a: Any) -> Any:
    """Return what can be asked of an array beside its elements."""
    return a.shape, a.strides, a.dtype, a.flags.num


def kept_bits(a: Any) -> Any:
    """Return the bytes of an array, or a copy where they are many."""
    return a.tobytes() if a.nbytes <= _FEW_BYTES else a.copy("K")


_FEW_BYTES = 1024


def same_bits(a: Any, bits: Any) -> bool:
    """Say whether the elements of an array are, bit for bit, those that were kept."""
    if type(bits) is bytes:
        return a.tobytes() == bits  # type: ignore[no-any-return]
    if a.flags.c_contiguous or a.flags.f_contiguous:
        flat, kept = a.ravel("K"), bits.ravel("K")
        unit = np.uint64 if flat.itemsize % 8 == 0 else np.uint8
        return bool((flat.view(unit) == kept.view(unit)).all())
    return bool(a.copy("K").tobytes() == bits.tobytes())

