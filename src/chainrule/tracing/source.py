"""The user's source: where an operation was called, and what its result is named there.

Taking a place costs one frame lookup; file, line, text and names are resolved only when asked.
"""

import ast
import contextlib
import linecache
import os
import sys
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType, FrameType
from typing import Any

import numpy

from ..core.graph import Place
from ..errors import finders
from .wholes import head_line, statement, stored

_HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_ROOMS = ("core", "ops", "tracing", "modes", "explain", "diagnose", "implicit", "programs",
          "sparsity")  # fmt: skip
_FILES = (
    "api.py", "batching.py", "conform.py", "custom.py", "lift.py", "limits.py", "numeric.py",
    "parameters.py", "scipy.py", "tree.py",
)  # fmt: skip
_INSIDE = (
    *(os.path.join(_HERE, room) + os.sep for room in _ROOMS),
    *(os.path.join(_HERE, file) for file in _FILES),
    os.path.dirname(numpy.__file__) + os.sep,
    os.path.join(os.path.dirname(os.path.dirname(numpy.__file__)), "scipy") + os.sep,
)
_STDLIB = os.path.dirname(os.__file__) + os.sep
_FOLDERS = tuple(p + os.sep for p in ("site-packages", "dist-packages"))
_PACKAGES = tuple(os.path.join(_STDLIB, p) for p in _FOLDERS)


def of_python(filename: str) -> bool:
    """Say whether a file belongs to the standard library."""
    return filename.startswith(_STDLIB) and not filename.startswith(_PACKAGES)


def of_engine(filename: str) -> bool:
    """Say whether a file is this library's own."""
    return filename.startswith(_HERE)


class _Inside(dict[str, bool]):
    """Whether a file belongs to a library's inside; filled on first sight."""

    def __missing__(self, filename: str) -> bool:
        inside = self[filename] = (
            filename.startswith((*_INSIDE, "<frozen "))
            or of_python(filename)
            or filename.endswith((".pyx", ".pxd", ".pxi", "stringsource>"))  # of compiled code
        )
        return inside


inside = _Inside()


def user_frame(depth: int = 1) -> FrameType | None:
    """Return the nearest frame outside NumPy, SciPy, the standard library and the engine."""
    frame: FrameType | None = sys._getframe(depth)
    while frame is not None and inside[frame.f_code.co_filename]:
        frame = frame.f_back
    return frame


def own_frame(frame: FrameType | None) -> FrameType | None:
    """Return the nearest frame of the user's own program: not in an installed package.

    Where all are (a program that is itself installed), the nearest outside the engine.
    """
    nearest = None
    while frame is not None:
        if not inside[frame.f_code.co_filename]:
            if is_own(frame.f_code.co_filename):
                return frame
            nearest = nearest or frame
        frame = frame.f_back
    return nearest


@lru_cache(maxsize=1024)
def is_own(file: str) -> bool:
    """Say whether a file is the user's own, as neither an installed one nor code of a string is."""
    parts = file.replace("\\", "/").split("/")
    installed = "site-packages" in parts or "dist-packages" in parts
    unseen = file.startswith("<") and not linecache.getlines(file)
    return not installed and not unseen and not file.startswith(_HERE)


def locate() -> str:
    """Say where the user's program stands, for an error that was raised without a place."""
    found = at_fault(sys._getframe(2))
    if isinstance(found, FrameType):
        return describe(found)
    return describe_place(found) if found else ""


def at_fault(frame: FrameType | None) -> FrameType | Place | None:
    """Return the frame of the user's program that an error answers for, seen from `frame`.

    In a backward pass it is the place where the operation was computed whose rule is at fault.
    """
    while frame is not None and frame.f_code.co_filename.startswith(_HERE):
        code = frame.f_code
        if code.co_filename.startswith(_SILENT):
            return None
        if "node" in code.co_varnames and code.co_filename.startswith(_MODES):
            place = getattr(frame.f_locals.get("node"), "place", None)
            if place is not None:
                return place  # type: ignore[no-any-return]
        frame = frame.f_back
    while frame is not None and inside[frame.f_code.co_filename]:
        frame = frame.f_back
    return frame


_SILENT = (os.path.join(_HERE, "cli") + os.sep, os.path.join(_HERE, "testing") + os.sep)
_MODES = os.path.join(_HERE, "modes") + os.sep
finders.append(locate)


@dataclass(frozen=True, slots=True)
class Source:
    """A resolved place. Columns are 0-based; -1 when the interpreter did not record them."""

    file: str
    line: int
    column: int
    text: str
    target: str
    function: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


def resolve(place: Place | None) -> Source | None:
    """Find the file, line, exact source text and assignment target of a place."""
    if place is None:
        return None
    code, offset = place
    return _resolve(code, offset, code.co_filename)


@lru_cache(maxsize=4096)
def _resolve(code: CodeType, offset: int, _file: str) -> Source:  # equal code may be of other files
    position = _position(code, offset)
    line, end_line, column, end_column = position
    text, target = "", ""
    if column >= 0:
        text = _segment(code.co_filename, line, end_line, column, end_column)
        target = _target(code.co_filename, position)
    text = text or linecache.getline(code.co_filename, line).strip()
    return Source(code.co_filename, line, column, text, target, code.co_name)


def describe_line(code: CodeType, line: int | None = None) -> str:
    """Say where a line of the user's code is, with its statement; else where a function begins."""
    line = head_line(code) if line is None else line
    text = statement(code.co_filename, line)
    return f"{code.co_filename}:{line}, in {code.co_name}{_quoted(text)}"


def _position(code: CodeType, offset: int) -> tuple[int, int, int, int]:
    for i, (line, end_line, column, end_column) in enumerate(code.co_positions()):
        if i == offset // 2:
            line = line or code.co_firstlineno
            if column is None or end_line is None or end_column is None:
                return line, line, -1, -1
            return line, end_line, column, end_column
    return code.co_firstlineno, code.co_firstlineno, -1, -1


def _segment(file: str, line: int, end_line: int, column: int, end_column: int) -> str:
    lines = [linecache.getline(file, k).encode() for k in range(line, end_line + 1)]
    if not lines or not lines[0]:
        return ""
    lines[-1] = lines[-1][:end_column]
    lines[0] = lines[0][column:]
    pieces = [piece.decode(errors="replace").strip() for piece in lines]
    if len(pieces) > 1:  # on one line, without its comments
        with contextlib.suppress(SyntaxError, ValueError):
            return ast.unparse(ast.parse("(" + "\n".join(pieces) + "\n)", mode="eval"))
        return pieces[0]  # the head of a statement
    return " ".join(pieces)


@lru_cache(maxsize=256)
def _targets(file: str, source: str) -> dict[tuple[int, int, int, int], str]:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return {}
    found: dict[tuple[int, int, int, int], str] = {}
    for node in ast.walk(tree):
        value: Any = getattr(node, "value", None)
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            _pair(node.targets[0], value, found)
        elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and value is not None:
            _pair(node.target, value, found)
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            found[_span(node)] = node.target.id
    return found


def _pair(target: ast.expr, value: Any, found: dict[tuple[int, int, int, int], str]) -> None:
    if isinstance(target, ast.Name):
        found[_span(value)] = target.id
    elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for t, v in zip(target.elts, value.elts, strict=False):
            _pair(t, v, found)


def part_taken(frame: FrameType, offset: int | None = None) -> str:
    """Return what a line takes of the result of the call under way: ``[0]``, ``.x``, or ""."""
    position = _position(frame.f_code, frame.f_lasti if offset is None else offset)
    return _parts("".join(linecache.getlines(frame.f_code.co_filename))).get(position, "")


@lru_cache(maxsize=64)
def _parts(source: str) -> dict[tuple[int, int, int, int], str]:
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except (SyntaxError, ValueError):
        return {}
    methods = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    found = {}
    for node in nodes:
        if isinstance(node, ast.Subscript | ast.Attribute) and type(node.value) is ast.Call:
            if id(node) not in methods and isinstance(node.ctx, ast.Load):
                found[_span(node.value)] = ast.unparse(node)[len(ast.unparse(node.value)) :]
    return found


def around(frame: FrameType) -> list[ast.expr]:
    """Return the expressions in which the instruction under way stands, the innermost first."""
    line, end, column, end_column = _position(frame.f_code, frame.f_lasti)
    try:
        tree = ast.parse("".join(linecache.getlines(frame.f_code.co_filename)))
    except (SyntaxError, ValueError):
        return []
    found = [
        node for node in ast.walk(tree)
        if isinstance(node, ast.expr) and column >= 0
        and (node.lineno, node.col_offset) <= (line, column)
        and (node.end_lineno, node.end_col_offset) >= (end, end_column)
    ]  # fmt: skip
    return found[::-1]  # `walk` comes to what is within later


def _span(node: Any) -> tuple[int, int, int, int]:
    return node.lineno, node.end_lineno, node.col_offset, node.end_col_offset


def _target(file: str, position: tuple[int, int, int, int]) -> str:
    source = "".join(linecache.getlines(file))
    return _targets(file, source).get(position, "")


def describe(frame: FrameType | None, value: Any = None, offset: int | None = None) -> str:
    """Say where in the user's code `frame` stands, and which variable holds `value` there.

    A frame in an installed package follows the line of the user's own that led to it; its file is
    told from the package on, wherever that is installed.
    """
    if frame is None:
        return ""
    words = describe_place((frame.f_code, frame.f_lasti if offset is None else offset))
    names = [name for name, held in frame.f_locals.items() if held is value]
    if value is not None and names:
        words += f"   (variable {', '.join(repr(n) for n in names)})"
    own = own_frame(frame)
    if own is None or own is frame:
        return words
    through = words.partition(":  ")[0]
    for folder in _FOLDERS:
        through = through.rpartition(folder)[2]
    return f"{describe_place((own.f_code, own.f_lasti))}   (through {through})"


def shown_text(found: Source) -> str:
    """Return the text of a place; of a store the statement, since its target says little."""
    return stored(found.file, found.line, found.column) or found.text


def describe_place(place: Place) -> str:
    """Say where a place of the user's code is, with its text."""
    found = resolve(place)
    assert found is not None
    words = f"{found.file}:{found.line}, in {found.function}"
    return words + _quoted(shown_text(found))


def _quoted(text: str) -> str:
    return f":  {text if len(text) <= 100 else text[:97] + '…'}" if text else ""
