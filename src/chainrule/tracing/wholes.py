"""Whole statements of the user's source: a line, or the target of a store, is a piece of one."""

import ast
import linecache
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from types import CodeType
from typing import Any


@dataclass(slots=True)
class _Wholes:
    texts: dict[int, str] = field(default_factory=dict)  # of lines in a statement of several
    stores: dict[tuple[int, int], int] = field(default_factory=dict)  # where targets begin
    heads: dict[int, int] = field(default_factory=dict)  # of what is decorated: ``def`` itself


def statement(file: str, line: int) -> str:
    """Return the statement that a line belongs to, on one line; of a block its head."""
    return _read(file).texts.get(line) or linecache.getline(file, line).strip()


def stored(file: str, line: int, column: int) -> str:
    """Return the statement that stores into what stands there, or "" where nothing does."""
    first = _read(file).stores.get((line, column))
    return "" if first is None else statement(file, first)


def head_line(code: CodeType) -> int:
    """Return the line at which a function is defined, below its decorators."""
    line = code.co_firstlineno
    if not linecache.getline(code.co_filename, line).lstrip().startswith("@"):
        return line
    return _read(code.co_filename).heads.get(line, line)


def _read(file: str) -> _Wholes:
    return _wholes("".join(linecache.getlines(file)))


@lru_cache(maxsize=64)
def _wholes(source: str) -> _Wholes:
    found = _Wholes()
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return found
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt):
            _text(node, found.texts)
        if decorators := getattr(node, "decorator_list", None):
            found.heads[decorators[0].lineno] = node.lineno  # type: ignore[attr-defined]
        for target in _targets(node):
            for part in _parts(target):
                found.stores[part.lineno, part.col_offset] = getattr(node, "lineno", target.lineno)
    return found


def _text(node: Any, texts: dict[int, str]) -> None:
    """Keep the text of a statement, or of a block's head, that takes several lines."""
    body = getattr(node, "body", None)
    last = node.end_lineno if not isinstance(body, list) else body[0].lineno - 1
    if last > node.lineno and not isinstance(node, _OF_STATEMENTS):
        text = ast.unparse(node).partition("\n")[0]
        texts.update(dict.fromkeys(range(node.lineno, last + 1), text))


_OF_STATEMENTS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Match)


def _targets(node: Any) -> list[Any]:
    if isinstance(node, ast.Assign):
        return list(node.targets)
    if isinstance(node, ast.AugAssign | ast.AnnAssign | ast.For | ast.comprehension):
        return [node.target]
    return [node.optional_vars] if isinstance(node, ast.withitem) and node.optional_vars else []


def _parts(target: Any) -> Iterator[Any]:
    """Iterate over a target and those within it."""
    yield target
    for part in getattr(target, "elts", [getattr(target, "value", None)]):
        if isinstance(part, ast.expr) and not isinstance(target, ast.Subscript | ast.Attribute):
            yield from _parts(part)
