"""A program that puts functions away while it is traced holds them as they are afterwards."""

import contextvars
import gc
import itertools
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import FrameType, FunctionType, ModuleType
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.tracing.alike import Alike
from chainrule.tracing.casts import LookAlike
from chainrule.tracing.modules import LookAlikeModule

from .leaving import FUNCTIONS, PLACES, write

NAMES = ("storing", "other", "other_names", "third")


def left(roots: list[Any]) -> list[str]:
    """Return the look-alikes that a walk over all that is held finds."""
    todo, seen, found = [(v, "") for v in roots], set(map(id, roots)), []
    while todo:
        value, path = todo.pop()
        if type(value) in (Alike, LookAlikeModule) or issubclass(type(value), LookAlike):
            found.append(f"{path} {value!r}"[:200])
            continue
        if type(value) is FunctionType:
            parts = [value.__defaults__, value.__kwdefaults__, value.__dict__, value.__closure__]
        elif isinstance(value, FrameType):
            continue
        else:
            parts = gc.get_referents(value)
        if type(value) is contextvars.ContextVar:
            parts = [value.get(None)]
        for part in parts:
            library = isinstance(part, ModuleType) and type(part) is not LookAlikeModule
            if id(part) not in seen and not library and part is not sys.modules:
                seen.add(id(part))
                todo.append((part, f"{path}/{type(value).__name__}"))
    return found


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in NAMES:  # another test may have left a module of that name
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield tmp_path
    for name in NAMES:
        sys.modules.pop(name, None)


CASES = sorted({
    (place, function)
    for i, place in enumerate(PLACES)
    for function in (FUNCTIONS[i % len(FUNCTIONS)], "np.sin", "np", "float")
})  # fmt: skip


@pytest.mark.parametrize(("place", "function"), CASES)
def test_no_look_alike_is_left(place: str, function: str, folder: Path) -> None:
    write(folder, place, function)
    program = import_module("storing")
    for _ in range(2):
        assert np.isclose(cr.grad(program.f)(0.5), 2 * np.cos(0.5))
        spaces = [vars(sys.modules[n]) for n in NAMES if n in sys.modules]
        values = list(itertools.chain(*(s.values() for s in spaces)))
        own = [v for v in (*values, *(k for s in spaces for k in s))
               if type(v) is not ModuleType and v is not spaces[0].get("__builtins__")]
        assert left(own) == []
