"""Every cure that the library prints, read off its source: as a pattern of the printed text."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import chainrule

ROOT = Path(chainrule.__file__).parent
_THIRD = ("refusal", "refused", "refuse", "_refuse", "not_analytic")  # why and cure by position
_OUTSIDE = ("cli", "testing", "explain")  # no derivative is asked for there


def _pattern(node: Any, names: dict[str, Any], deep: int = 0) -> Iterator[str]:
    """Yield what an expression of text may look like: words, and · for what is filled in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(p.value if isinstance(p, ast.Constant) else "·" for p in node.values)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        for left in _pattern(node.left, names, deep):
            for right in _pattern(node.right, names, deep):
                yield left + right
    elif isinstance(node, ast.IfExp):
        yield from _pattern(node.body, names, deep)
        yield from _pattern(node.orelse, names, deep)
    elif isinstance(node, ast.BoolOp):
        for value in node.values:
            yield from _pattern(value, names, deep)
    elif isinstance(node, ast.Name) and node.id in names and deep < 3:
        yield from _pattern(names[node.id], names, deep + 1)
    else:
        yield "·"


def _cures(call: ast.Call) -> Iterator[Any]:
    name = getattr(call.func, "id", getattr(call.func, "attr", ""))
    for k in call.keywords:
        if k.arg == "cure":
            yield k.value
    if name in _THIRD and len(call.args) > 2:
        yield call.args[2]


def sites() -> dict[str, str]:
    """Return the file of every cure, by its pattern."""
    found: dict[str, str] = {}
    for file in sorted(ROOT.rglob("*.py")):
        at = file.relative_to(ROOT)
        if at.parts[0] in _OUTSIDE:
            continue
        tree = ast.parse(file.read_text())
        names = {
            t.id: n.value for n in ast.walk(tree) if isinstance(n, ast.Assign)
            for t in n.targets if isinstance(t, ast.Name)
        }  # fmt: skip
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                for cure in _cures(node):
                    for pattern in _pattern(cure, names):
                        if len(pattern.replace("·", "").strip()) > 3:
                            found.setdefault(pattern, at.as_posix())
    return found


def matches(pattern: str, cure: str) -> bool:
    """Say whether a printed cure is one of a pattern."""
    pattern = re.sub("‹[^›]*›", "·", pattern).replace("chainrule.", "·.")
    return re.fullmatch(".*".join(map(re.escape, pattern.split("·"))), cure, re.DOTALL) is not None
