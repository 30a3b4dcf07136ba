"""The register of the everyday programs: a function, its field, and points where it is smooth."""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Program:
    """One function as a scientist wrote it, and the inputs at which it is differentiated."""

    name: str
    field: str
    function: Callable[[Any], Any]
    points: tuple[Any, ...]
    sources: tuple[str, ...]

    @property
    def uses_scipy(self) -> bool:
        """Whether the function itself or a helper of its module that it names is SciPy's."""
        return "scipy" in self.sources


_FOUND: dict[str, Program] = {}


def at(*points: Any) -> Callable[[Any], Any]:
    """Register a function with its points; a list stands for an array. The function is kept."""

    def register(function: Any) -> Any:
        field = function.__module__.rpartition(".")[2]
        name = f"{field}.{function.__name__}"
        if name in _FOUND:
            raise ValueError(f"two programs are called {name}")
        sources = ("scipy",) if _reaches_scipy(function.__code__, function.__globals__) else ()
        _FOUND[name] = Program(name, field, function, tuple(map(_arrays, points)), sources)
        return function

    return register


def programs() -> dict[str, Program]:
    """Return all programs by name."""
    package = importlib.import_module("tests.everyday.programs")
    for module in sorted(m.name for m in pkgutil.iter_modules(package.__path__)):
        importlib.import_module(f"{package.__name__}.{module}")
    return dict(_FOUND)


def _arrays(value: Any) -> Any:
    if isinstance(value, list):
        return np.array(value, dtype=float)
    if isinstance(value, dict):
        return {key: _arrays(part) for key, part in value.items()}
    if isinstance(value, tuple):
        return tuple(_arrays(part) for part in value)
    return value


def _reaches_scipy(code: Any, names: dict[str, Any], seen: frozenset[str] = frozenset()) -> bool:
    """Return whether `code`, or a function of the same module that it names, names SciPy."""
    for name in code.co_names:
        found = names.get(name)
        home = getattr(found, "__module__", None) or getattr(found, "__name__", "") or ""
        if str(home).startswith("scipy") or type(found).__module__.startswith("scipy"):
            return True
        inner = getattr(getattr(found, "__wrapped__", found), "__code__", None)
        if inner is not None and home == names["__name__"] and name not in seen:
            if _reaches_scipy(inner, names, seen | {name}):
                return True
        if isinstance(found, type) and home == names["__name__"] and name not in seen:
            for member in vars(found).values():
                inner = getattr(member, "__code__", None)
                if inner is not None and _reaches_scipy(inner, names, seen | {name}):
                    return True
    consts = (c for c in code.co_consts if hasattr(c, "co_names"))
    return any(_reaches_scipy(c, names, seen) for c in consts)
