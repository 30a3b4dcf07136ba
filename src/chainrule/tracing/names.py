"""The names of the user's program that stand for something with a door, and their exchange.

The program is what lies neither in the standard library nor among the installed packages, and the
package of the function that is differentiated.
"""

import os
import sys
import weakref
from collections import deque
from collections.abc import Callable
from operator import is_
from sys import getrefcount
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

from ..core import registry
from . import alike, cached, codes, modules
from .alike import Alike, stands_for
from .arrays import DOORS, listed
from .casts import BUILTIN, OF_TEXTS, TYPES, LookAlike
from .codes import own
from .source import inside
from .tracer import CONSTANT, TRACERS, release

_HERE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "")
_STDLIB = os.path.join(os.path.dirname(os.path.abspath(os.__file__)), "")
_INSTALLED = tuple(os.path.join("", p, "") for p in ("site-packages", "dist-packages"))
_HOMES = (
    "numpy", "math", "cmath", "scipy", "inspect", "ast", "decimal", "json", "fractions", "marshal",
    "operator", "pandas", "sympy", "tomllib", "yaml", "mpmath",
)  # fmt: skip

_doors: dict[int, Any] = {}  # by the identity of what they replace
_replaced: list[Any] = []  # keeps those alive
_originals: dict[int, Any] = {  # by the identity of the door
    id(modules.Watched): ModuleType, id(modules.LookAlikeModule): ModuleType,
    **{id(like): like.original for like in OF_TEXTS.values()},
}  # fmt: skip
_modules: dict[int, Any] = {}  # look-alikes, by the identity of the module
_standing: list[Any] = []
_looked: tuple[int, int] = (0, 0)
_newest: Any = None
_swapped: list[tuple[Any, Any]] = []  # a namespace and its scan, or None and all of the program's
_imported: list[dict[str, Any]] = []  # namespaces whose code imported while a function was traced
# what makes the stand-in of a generator, and of a function with a cache
_generators: dict[type, Callable[[Any], Any]] = {cached.CACHED: cached.door}
# code of the functions that were differentiated, and that which names types, by the namespace:
# it may have no name there
_seen: weakref.WeakValueDictionary[int, CodeType] = weakref.WeakValueDictionary()
_nameless: dict[int, list[weakref.ref[CodeType]]] = {}
_scans: dict[int, "Scan"] = {}  # by the identity of the namespace
_PROGRAM = "program"
_program_scans: dict[str, "Whole"] = {}  # all of the program at once, until something changes
_comparing: list[Any] = []  # the functions in all of them that compare by identity


def swap(function: Any) -> None:
    """Exchange the names in the program's modules, and in those that `function` lives in."""
    _refresh()
    functions = _functions_in(function)
    for g in functions:  # it may have no name in its module, as a lambda
        code = own(g.__code__)
        if _seen.get(id(code)) is not code:
            _seen[id(code)] = code
            if _types_in([code]) or codes.compares(code):
                _nameless.setdefault(id(g.__globals__), []).append(weakref.ref(code))
                _scans.pop(id(g.__globals__), None)
                _program_scans.clear()
    found = _namespaces(functions)
    whole = _program_scans.get(_PROGRAM)
    if whole is not None and (whole.stands() or whole.enter()):
        found = found[len(_program) :]
    for namespace, owner in found:
        scan = _scans.get(id(namespace))
        entered = scan is not None and namespace.get(scan.first) is scan.door
        if scan is None or len(namespace) != scan.count + entered * len(scan.added):
            scan, entered = _scan(namespace, owner), False
        if scan.doors and not entered:
            if not _bound(namespace, scan.plain):  # bound anew
                scan = _scan(namespace, owner)
            _swapped.append((namespace, scan))  # first: an interrupt may follow
            namespace.update(scan.doors)
    if _PROGRAM not in _program_scans and _scans.keys() >= _program.keys():
        pairs = [(space, _scans[key]) for key, (space, _) in _program.items()]
        _program_scans[_PROGRAM] = Whole(pairs)
    codes.resume(_copies())


def _copies() -> list[Any]:
    """Return what compares by identity, once each: many namespaces hold the same classes."""
    if not _comparing:
        scans = list(_scans.values())
        _comparing[:] = {id(entry[0]): entry for scan in scans for entry in scan.copies}.values()
    return _comparing


def _bound(namespace: dict[str, Any], values: dict[str, Any]) -> bool:
    """Say whether names are bound to these very values: one look at all, as a program has many."""
    return all(map(is_, map(namespace.get, values), values.values()))


def restore() -> None:
    """Bind every exchanged name to what it was bound to, unless the program rebound it."""
    while (entry := modules.last(_swapped)) is not None:
        namespace, scan = entry
        if namespace is not None:
            _give_back(namespace, scan)
        elif not scan.leave():
            for pair in scan.pairs:
                _give_back(*pair)
        _drop(_swapped, entry)
    if not _imported:
        return
    while (namespace := modules.last(_imported)) is not None:
        for name, value in list(namespace.items()):
            if (plain := original(value)) is not value:
                namespace[name] = plain
        _drop(_imported, namespace)


def _give_back(namespace: dict[str, Any], scan: "Scan") -> None:
    if _bound(namespace, scan.doors):
        namespace.update(scan.plain)
        for name in scan.added:
            namespace.pop(name, None)
    else:
        _unbind(namespace, scan)
    if _scans.get(id(namespace)) is not scan:  # it was scanned again amid its doors
        _scans.pop(id(namespace), None)
        _program_scans.clear()


def _unbind(namespace: dict[str, Any], scan: "Scan") -> None:
    for name, door in scan.doors.items():
        if namespace.get(name) is door:
            if name in scan.plain:
                namespace[name] = scan.plain[name]
            else:
                namespace.pop(name, None)


class Scan:
    """What is exchanged in one namespace, found once and kept while its owner lives."""

    __slots__ = ("owner", "count", "plain", "doors", "added", "first", "door", "copies")

    def __init__(
        self, space: Any, owner: Any, count: int, plain: Any, doors: Any, copies: Any
    ) -> None:
        key, table, comparing, whole = id(space), _scans, _comparing, _program_scans

        def forget(_: Any) -> None:
            table.pop(key, None)
            comparing.clear()
            whole.clear()

        self.owner = weakref.ref(owner, forget)  # a module, or a function
        self.count = count
        self.plain: dict[str, Any] = plain
        self.doors: dict[str, Any] = doors
        self.added = tuple(doors.keys() - plain.keys())  # of `builtins`: put in front
        self.first: Any = next(iter(doors), None)
        self.door = doors.get(self.first, self)
        self.copies: list[Any] = copies  # of the functions that ask ``a is b``


class Whole:
    """The scans of all namespaces of the program, exchanged at once: a program has hundreds.

    Each look at them is one pass that no Python code of the program comes in between.
    """

    __slots__ = (
        "added", "counts", "doors", "firsts", "flat", "full", "pairs", "plain", "spaces", "updated",
    )  # fmt: skip

    def __init__(self, pairs: list[tuple[dict[str, Any], Scan]]) -> None:
        self.pairs = [(space, scan) for space, scan in pairs if scan.doors]
        self.spaces = [space for space, _ in pairs]
        self.counts = [scan.count for _, scan in pairs]
        self.full = [scan.count + len(scan.added) for _, scan in pairs]
        self.updated = [space for space, _ in self.pairs]
        self.plain = [scan.plain for _, scan in self.pairs]
        self.doors = [scan.doors for _, scan in self.pairs]
        self.firsts = [scan.first for _, scan in self.pairs], [scan.door for _, scan in self.pairs]
        self.added = [(space, name) for space, scan in self.pairs for name in scan.added]
        of_plain = [(space, *item) for space, scan in self.pairs for item in scan.plain.items()]
        of_doors = [(space, *item) for space, scan in self.pairs for item in scan.doors.items()]
        self.flat = tuple(zip(*of_plain, strict=True)), tuple(zip(*of_doors, strict=True))

    def stands(self) -> bool:
        """Say whether all is exchanged, and no namespace has got another name since."""
        names, doors = self.firsts
        first = self.pairs[0] if self.pairs else None
        if first is None or first[0].get(first[1].first) is not first[1].door:
            return False
        return list(map(len, self.spaces)) == self.full and all(
            map(is_, map(dict.get, self.updated, names), doors)
        )

    def enter(self) -> bool:
        """Exchange all, where every name is bound as it was, and none has come."""
        if list(map(len, self.spaces)) != self.counts or not _all_bound(self.flat[0]):
            return False
        _swapped.append((None, self))  # first: an interrupt may follow
        deque(map(dict.update, self.updated, self.doors), 0)
        return True

    def leave(self) -> bool:
        """Give all back, where nothing has happened to it meanwhile."""
        if _program_scans.get(_PROGRAM) is not self or not _all_bound(self.flat[1]):
            return False
        deque(map(dict.update, self.updated, self.plain), 0)
        for space, name in self.added:
            space.pop(name, None)
        return True


def _all_bound(flat: Any) -> bool:
    if not flat:
        return True
    spaces, names, values = flat
    return all(map(is_, map(dict.get, spaces, names), values))


def _drop(entries: list[Any], done: Any) -> None:
    """Drop the last entry, unless a derivative taken meanwhile (by a signal handler) did it."""
    if entries and entries[-1] is done:
        entries.pop()


makers: list[Callable[[], dict[Any, Any]]] = []
"""What makes doors in the modules above this one: each returns them by what they replace."""
finders: list[Callable[[dict[str, Any]], list[FunctionType]]] = []
"""What finds the functions behind the names of a namespace, in the module above."""


def _refresh() -> None:
    """Take in doors and modules that have come since the last time."""
    global _looked, _newest
    key = (len(sys.modules), registry.count())
    newest = next(reversed(sys.modules.values()))  # one may have been imported anew
    if key == _looked and newest is _newest:
        return
    _newest = newest
    tables = [DOORS, listed(), TYPES, *(make() for make in makers)]
    tables.append({alike.plain(like): like for like in BUILTIN.values()})
    if "numpy.random" in sys.modules:
        from . import draws

        tables.append(draws.doors())
        _generators.update(dict.fromkeys(draws.GENERATORS, draws.traced_generator))
    for table in tables:
        for plain, door in table.items():
            if id(plain) not in _doors:
                if not isinstance(door, Alike | type):
                    door = Alike(door, plain)
                _doors[id(plain)] = door
                _originals[id(door)] = plain
                _replaced.append(plain)
    _modules.clear()
    _standing.clear()
    _scans.clear()
    _program_scans.clear()
    _program.clear()
    _packages.clear()
    _looked = key


def original(value: Any) -> Any:
    """Return what a door or a look-alike of a module stands for, and anything else as it is."""
    if isinstance(value, ModuleType):
        return vars(value).get(modules.STANDS_FOR, value)
    if type(value) is Alike:
        return stands_for(value)
    return _originals.get(id(value), value)


def kept(value: Any) -> Any:
    """Return what the program should have kept in the place of a look-alike or a constant."""
    if type(value) in TRACERS:
        return _settled(value)
    made = getattr(value, "cr_original", None) if type(value) in _kept_kinds() else None
    return original(value) if made is None else made


def _settled(x: Any) -> Any:
    views = getattr(x, "cr_views", None)
    if getattr(x, "cr_base", None) is not None or any(ref() is not None for ref in views or ()):
        return x  # views follow their base, as those of NumPy do
    if x.cr_owner is not CONSTANT:  # a number of Python's stays one, and the very same
        return x
    plain = release(x)
    if type(plain) is not np.ndarray:
        return plain
    plain = plain.copy("K")
    plain.flags.writeable = getattr(x, "cr_like", plain).flags.writeable
    return plain


def _kept_kinds() -> tuple[Any, ...]:
    """Return the classes of what stands for the program's own generators."""
    draws = sys.modules.get(__package__ + ".draws")
    return () if draws is None else (draws.TracedGenerator, draws.TracedRandomState)


def may_stand(function: FunctionType, words: set[str]) -> bool:
    """Say whether some of these names may stand for something with a door."""
    space = function.__globals__
    for word in words:
        value = space.get(word, BUILTIN.get(word))
        if value is not None and (door(value) is not value or BUILTIN.get(word) is value):
            return True
        if value is None and any(original(vars(m).get(word)) is not vars(m).get(word)
                                 for m in _modules.values()) and not hasattr(np.ndarray, word):
            return True
        if value is not None and original(value) is not value:
            return True
    return False


def standing() -> list[Any]:
    """Return the look-alikes of functions, types and modules, always in the same order."""
    if not _standing:
        _standing.extend(_doors.values())
        _standing.extend(m for m in _modules.values() if type(m) is modules.LookAlikeModule)
    return _standing


def known() -> list[Any]:
    """Return what holds look-alikes here."""
    spaces = [vars(m) for m in _modules.values() if type(m) is modules.LookAlikeModule]
    scans = list(_scans.values())
    return [_doors, _modules, _standing, BUILTIN, TYPES, *spaces, *scans, *(s.doors for s in scans)]


def alive() -> int:
    """Count the traced values and generators that are alive, by the references to their classes."""
    return sum(map(getrefcount, (*TRACERS, *_kept_kinds())))


def look_alike(module: Any) -> Any:
    """Return the look-alike of a module that holds functions with doors; any other as it is."""
    if id(module) in _modules:
        return _modules[id(module)]
    if not isinstance(module, ModuleType) or module.__name__.split(".")[0] not in _HOMES:
        return module
    if hasattr(module, modules.STANDS_FOR):
        return module
    _modules[id(module)] = module  # for modules that hold each other
    try:
        found = _modules[id(module)] = _make_look_alike(module)
    except BaseException:  # an interrupt
        del _modules[id(module)]
        raise
    return found


def imported_into(namespace: dict[str, Any]) -> None:
    """Take note that code of `namespace` got a look-alike, which it may have bound there."""
    if not any(namespace is n for n in _imported):
        _imported.append(namespace)


def _make_look_alike(module: ModuleType) -> ModuleType:
    changed = {k: d for k, v in vars(module).items() if (d := _door_of(v)) is not None}
    late = False
    if module.__name__.split(".")[0] in ("scipy", "numpy"):
        late = "__getattr__" in vars(module)  # it imports parts when they are first named
        parts = {k: look_alike(v) for k, v in vars(module).items() if _is_part(v, module, k)}
        changed |= {k: p for k, p in parts.items() if p is not vars(module)[k]}
    return modules.make(module, changed) if changed or late else module


def _is_part(value: Any, module: ModuleType, name: str) -> bool:
    """Say whether a value is a public module inside a module: ``scipy.spatial``, ``np.linalg``."""
    return (
        name[0] != "_" and isinstance(value, ModuleType)
        and getattr(value, "__name__", "") == f"{module.__name__}.{name}"
    )  # fmt: skip


def door(value: Any, bare: bool = False) -> Any:
    """Return what stands for a value while a function is traced, or the value itself.

    So does a type where the program compares by identity and there was no room for a door.
    """
    if isinstance(value, ModuleType):
        return look_alike(value)
    found = _door_of(value)
    return value if found is None or (bare and isinstance(found, LookAlike)) else found


def _door_of(value: Any) -> Any:
    make = _generators.get(type(value))
    return _doors.get(id(value)) if make is None else make(value)


_program: dict[int, tuple[dict[str, Any], ModuleType]] = {}  # namespaces of the program's modules
_packages: dict[str, list[tuple[dict[str, Any], ModuleType]]] = {}  # of libraries


def _namespaces(functions: list[FunctionType]) -> list[tuple[dict[str, Any], Any]]:
    """Return the namespaces whose names are exchanged, each with what it lives as long as."""
    if not _program:
        for module in list(sys.modules.values()):
            space = getattr(module, "__dict__", None)
            if type(space) is dict and of_program(space):
                _program[id(space)] = space, module
    found = list(_program.values())
    for g in functions:
        space = g.__globals__
        package = str(space.get("__name__", "")).split(".")[0]
        if id(space) not in _program and package not in _HOMES:  # whose inside sees plain NumPy
            module = sys.modules.get(str(space.get("__name__", "")))
            found.append((space, module if getattr(module, "__dict__", None) is space else g))
            if not of_program(space) and package != "chainrule":
                found += _package(package)
    return found


def _package(package: str) -> list[tuple[dict[str, Any], ModuleType]]:
    """Return the namespaces of an installed package, which the differentiated function is of."""
    if package in _packages:
        return _packages[package]
    _packages[package] = [
        (vars(m), m)
        for name, m in list(sys.modules.items())
        if (name == package or name.startswith(package + ".")) and type(m) is ModuleType
        and not str(getattr(m, "__file__", "")).startswith(_HERE)
    ]  # fmt: skip
    return _packages[package]


def _functions_in(function: Any) -> list[FunctionType]:
    """Return the plain functions behind a callable: of partials, methods, wrappers, instances."""
    if type(function) is FunctionType and not function.__dict__:
        return [] if registry.find(function) is not None else [function]
    found, todo, seen = [], [function], set()
    while todo:
        f = todo.pop()
        if id(f) in seen or len(seen) > 20:
            continue
        seen.add(id(f))
        if type(f) is FunctionType and registry.find(f) is not None:
            continue  # a library's, with a door of its own: its inside sees plain NumPy
        if type(f) is FunctionType:
            found.append(f)
            todo.append(getattr(f, "__wrapped__", None))
        elif f is not None:
            todo += [getattr(f, name, None) for name in ("func", "__func__", "__wrapped__")]
            call = vars(type(f)).get("__call__")
            if type(call) is FunctionType and not inside[call.__code__.co_filename]:
                todo.append(call)
            todo.append(getattr(f, "function", None))
    return found


_files: dict[str, bool] = {}


def of_program(namespace: dict[str, Any]) -> bool:
    """Say whether a module's namespace belongs to the program, not to a library."""
    file = namespace.get("__file__")
    if not isinstance(file, str):
        return namespace.get("__name__", "__main__") == "__main__"  # a notebook's, or of `exec`
    known = _files.get(file)
    if known is None:
        path = os.path.abspath(file)
        library = path.startswith((_HERE, _STDLIB)) or any(p in path for p in _INSTALLED)
        known = _files[file] = not library
    return known


def _scan(namespace: dict[str, Any], owner: Any) -> Scan:
    """Find the names to exchange; the answer is kept until the number of names changes."""
    plain: dict[str, Any] = {}
    doors: dict[str, Any] = {}
    functions = [f for find in finders for f in find(namespace)]
    comparing = [f for f in functions if codes.compares(own(f.__code__))]
    code = [own(f.__code__) for f in functions if f.__globals__ is namespace]
    code += [c for ref in _nameless.get(id(namespace), ()) if (c := ref()) is not None]
    bare = any(map(codes.is_bare, (*code, *(own(f.__code__) for f in comparing))))
    values = list(namespace.items())
    count = len(values)
    for name, value in values:
        if value is (BUILTIN.get(name) or OF_TEXTS.get(name, _scan)):  # put here in this call
            doors[name], count = value, count - 1
            continue
        value = original(value)  # a star may have brought a look-alike out of another module
        made = door(value, bare)
        if made is not value:
            plain[name] = value
            doors[name] = _without_types(made) if bare and isinstance(made, ModuleType) else made
    for name in () if bare else _types_in(code):
        if name not in namespace and (name not in ("type", "id") or not _is_ours(namespace)):
            doors[name] = BUILTIN.get(name) or OF_TEXTS[name]
    found = Scan(namespace, owner, count, plain, doors, codes.prepared(comparing))
    _scans[id(namespace)] = found
    _program_scans.clear()
    _comparing.clear()
    return found


def _is_ours(namespace: dict[str, Any]) -> bool:
    """Say whether a namespace is of the engine, which asks for tracers as they are."""
    return str(namespace.get("__name__", "")).split(".")[0] == __package__.split(".")[0]


def _types_in(found: list[CodeType]) -> set[str]:
    """Return the built-in types with look-alikes that code, or code inside it, names.

    What `int` reads of a text is looked at where there is code that takes texts to pieces.
    """
    named: set[str] = set()
    todo = list(found)
    while todo:
        code = todo.pop()
        todo += [c for c in code.co_consts if isinstance(c, CodeType)]
        named.update(code.co_names)
    found = BUILTIN.keys() & named
    return found if named.isdisjoint(_CUTS) else found | (OF_TEXTS.keys() & named)


_CUTS = frozenset(  # these give texts that know no more of the number that they are of
    "split rsplit partition rpartition group groups groupdict findall finditer sub fullmatch "
    "format join decode".split()
)


def _without_types(module: ModuleType) -> ModuleType:
    """Return a look-alike in which the types are the module's own."""
    plain = vars(original(module))
    doors = vars(module)
    types = {k: plain[k] for k, v in doors.items() if isinstance(v, LookAlike)}
    if not types:
        return module
    return modules.make(original(module), doors | types)


def namespace(module: ModuleType) -> dict[str, Any]:
    """Return the names of a module's look-alike."""
    _refresh()
    return dict(vars(look_alike(module)))


modules.hooks |= {"door": door, "original": original}
