"""Look-alikes of modules, and how they follow the modules that they stand for.

A program may set a name of a module: ``np.sin = mine``, ``mock.patch("numpy.sin", mine)``. What it
sets in a look-alike is set in the module itself; what it sets in the module is seen in the
look-alike, at once where a library for such things is loaded, else when a function is next traced.
"""

import sys
import weakref
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

STANDS_FOR = "__chainrule_stands_for__"
_MOCKING = ("unittest.mock", "_pytest.monkeypatch")
# module, its look-alikes (which are equal: by identity), and the names of the former as the latter
# know them, by the module
_likes: dict[int, tuple[ModuleType, Any, dict[str, Any]]] = {}
_watched: list[tuple[ModuleType, type]] = []


class LookAlikeModule(ModuleType):
    """A module in which some names stand for doors."""

    __class__ = property(lambda self: ModuleType)  # type: ignore[assignment]

    def __setattr__(self, name: str, value: Any) -> None:
        module = vars(self)[STANDS_FOR]
        setattr(module, name, hooks["original"](value))
        follow(module, name)

    def __eq__(self, other: object) -> bool:
        return hooks["original"](self) is hooks["original"](other)

    def __hash__(self) -> int:
        return hash(vars(self)[STANDS_FOR])

    def __dir__(self) -> Any:
        return dir(vars(self)[STANDS_FOR])

    def __delattr__(self, name: str) -> None:
        module = vars(self)[STANDS_FOR]
        delattr(module, name)
        follow(module, name)


class Watched(ModuleType):
    """The class of a module while a function is traced: its look-alike follows it."""

    def __setattr__(self, name: str, value: Any) -> None:
        ModuleType.__setattr__(self, name, value)
        follow(self, name)

    def __delattr__(self, name: str) -> None:
        ModuleType.__delattr__(self, name)
        follow(self, name)


hooks: dict[str, Callable[[Any], Any]] = {}  # what finds doors, and what they stand for


def make(module: ModuleType, changed: dict[str, Any]) -> ModuleType:
    """Make a look-alike of `module`, in which the names in `changed` stand for something else."""
    made = LookAlikeModule(module.__name__, module.__doc__)
    vars(made).update(vars(module))
    vars(made).update(changed)
    vars(made)[STANDS_FOR] = module
    if "__getattr__" in changed | vars(module):
        vars(made)["__getattr__"] = partial(_late, module)
    if id(module) not in _likes:
        _likes[id(module)] = module, weakref.WeakValueDictionary(), dict(vars(module))
    _likes[id(module)][1][id(made)] = made
    return made


def _late(module: ModuleType, name: str) -> Any:
    """Return what a module imports when it is first named; it may bring functions with doors."""
    value = getattr(module, name)
    if isinstance(value, ModuleType):
        hooks["arrived"](value)
    return hooks["door"](value)


def follow(module: ModuleType, name: str) -> None:
    """Let the look-alikes of a module see what stands for `name` there."""
    found = _likes.get(id(module))
    if found is None:
        return
    found[2][name] = vars(module).get(name)
    for like in list(found[1].values()):
        if name in vars(module):
            vars(like)[name] = hooks["door"](vars(module)[name])
        else:
            vars(like).pop(name, None)


def count() -> int:
    """Count the modules that have look-alikes."""
    return len(_likes)


def attributes(words: set[str]) -> list[tuple[ModuleType, str, Any]]:
    """Return what these names stand for in the modules that have look-alikes, which see it too."""
    found = []
    for module, _, known in list(_likes.values()):
        space = vars(module)
        for word in words & space.keys():
            if known.get(word) is not space[word]:
                follow(module, word)
            found.append((module, word, space[word]))
    return found


def watch() -> None:
    """Let look-alikes follow at once, if something is loaded that sets names of modules."""
    if _watched or not any(name in sys.modules for name in _MOCKING):
        return
    for module, *_ in list(_likes.values()):
        if type(module) is ModuleType:
            _watched.append((module, ModuleType))
            module.__class__ = Watched


def last(entries: list[Any]) -> Any:
    """Return the last entry, or None: a signal handler may have taken it since a look."""
    return entries[-1] if entries else None


def leave() -> None:
    """Give the modules their own class back."""
    while (entry := last(_watched)) is not None:
        module, kind = entry
        module.__class__ = kind
        if _watched and _watched[-1] is entry:  # a signal handler may have been here
            _watched.pop()
