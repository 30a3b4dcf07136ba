"""What a line of the user's program asks for: the expression under way, and what its names mean.

Nothing is called or computed to find out.
"""

import ast
import inspect
import types
from functools import lru_cache
from itertools import islice
from types import FrameType
from typing import Any

from .modules import hooks
from .source import part_taken, resolve

_TRACERS: list[set[type]] = []  # those of `losses`, which imports this
_LONG = 160  # characters of code that a message still shows


def know(tracers: set[type]) -> None:
    """Take the classes of tracers from the module that imports this one."""
    _TRACERS.append(tracers)


class Names:
    """What the names of a line stand for."""

    def __init__(self, of: FrameType | tuple[Any, ...], offset: int | None = None) -> None:
        if isinstance(of, FrameType):
            self.spaces = (of.f_locals, of.f_globals, of.f_builtins)
            self.own = (*of.f_code.co_varnames, *of.f_code.co_cellvars)
            self.part = part_taken(of, offset)
        else:  # what is known where no frame is: names only
            self.spaces, self.own, self.part = of, (), ""
        self.library = self._name_of("chainrule")
        self.numpy = self._name_of("numpy", "np")

    def value(self, node: Any) -> Any:
        """Return what an expression stands for, where nothing need be run to know it."""
        if type(node) is ast.Name:
            for space in self.spaces:
                if node.id in space:
                    return _original(space[node.id])
        if type(node) is ast.Attribute:
            of = self.value(node.value)
            if isinstance(of, types.ModuleType):
                return _original(getattr(of, node.attr, None))
            return None if of is None else inspect.getattr_static(of, node.attr, None)
        return None

    def is_traced(self, node: Any) -> bool:
        """Say whether an expression holds a traced value; one that is not known may."""
        for part in ast.walk(node):
            if type(part) in (ast.Name, ast.Attribute) and traces(self.value(part)):
                return True
        return False

    def frozen(self, node: Any) -> Any:
        """Write an expression as a plain value."""
        inner = ast.parse(f"{self.library}.stop_gradient(_)", mode="eval").body
        inner.args = [node]  # type: ignore[attr-defined]
        return inner

    def _name_of(self, module: str, default: str = "") -> str:
        for space in self.spaces[:2]:
            for name, held in list(space.items()):
                if getattr(held, "__name__", "") == module and isinstance(held, types.ModuleType):
                    return name
        return default or module


def expression(frame: FrameType, offset: int | None = None) -> Any:
    """Return the expression that an instruction computes, or None where it cannot be read.

    Of ``y += x`` it is ``y + x``.
    """
    found = resolve((frame.f_code, frame.f_lasti if offset is None else offset))
    text = "" if found is None or found.column < 0 else found.text.strip()
    return None if len(text) > 10 * _LONG else parsed(text)


@lru_cache(maxsize=256)
def parsed(text: str) -> Any:
    """Return the expression that a text is, or None."""
    for attempt in (text, f"({text})"):
        try:
            return ast.parse(attempt, mode="eval").body
        except (SyntaxError, ValueError):
            continue
    try:
        (line,) = ast.parse(text).body
    except (SyntaxError, ValueError):
        return None
    whole = type(line) is ast.AugAssign
    return ast.BinOp(line.target, line.op, line.value) if whole else None  # type: ignore[attr-defined]


def text_of(node: Any) -> str:
    """Write an expression, shortened where it is very long."""
    text = ast.unparse(node)
    return text if len(text) <= _LONG else _shortened(node, text)


def _shortened(node: Any, text: str) -> str:
    if type(node) is ast.Call:
        return f"{ast.unparse(node.func)[: _LONG - 3]}(…)"
    return text[: _LONG - 1] + "…"


def grouped(node: Any) -> str:
    """Write an expression so that it can stand in any place."""
    simple = ast.Name, ast.Attribute, ast.Subscript, ast.Call, ast.Constant
    return text_of(node) if isinstance(node, simple) else f"({text_of(node)})"


def traces(value: Any) -> bool:
    """Say whether a value is traced, or a sequence that begins with such."""
    if isinstance(value, list | tuple):
        return any(map(traces, islice(value, 8)))
    return bool(_TRACERS) and type(value) in _TRACERS[0]


def _original(value: Any) -> Any:
    """Return what a name stands for where no doors are open."""
    return hooks["original"](value) if "original" in hooks else value
