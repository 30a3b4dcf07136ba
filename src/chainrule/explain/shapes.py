"""The shape under every factor of a line, and whether the inner dimensions agree."""

import os
from typing import Any

from ..tracing.source import shown_text
from .as_json import from_json
from .expr import App, Expr, Num, Sym
from .numbers import shape_text


def shape_line(line: dict[str, Any], symbols: dict[str, dict[str, Any]], times: str = "×") -> str:
    """Write ``(3) = (3×1)(1) ⊙ (3) ✓`` for the last tree of a line."""
    left = shape_text(symbols[line["lhs"]["sym"]]["shape"], times)
    if not line["sides"]:
        return left
    tree = from_json(line["sides"][-1])
    return f"{left} = {_write(tree, times)} {'✓' if agrees(tree) else '✗'}"


def _write(e: Expr, times: str, need: int = 0, row: bool = False) -> str:
    if isinstance(e, Num):
        return "()"
    if isinstance(e, Sym):
        return shape_text(e.shape, times)
    a = e.args
    if e.op == "transpose":
        return shape_text(e.shape, times)
    if e.op == "matmul" and len(a[0].shape) == 1 and len(a[1].shape) == 2 and not row:
        return shape_text(a[1].shape[::-1], times) + _write(a[0], times, 26)  # as it is written
    if e.op == "matmul":
        row = len(a[0].shape) == 1
        first = a[0].shape if len(a[0].shape) > 1 or len(a[1].shape) > 1 else (1, *a[0].shape)
        left = shape_text(first, times) if isinstance(a[0], Sym) else (
            _write(a[0], times, 25, row))
        return left + _write(a[1], times, 26)
    if e.op == "outer":
        return shape_text((*a[0].shape, 1), times) + shape_text((1, *a[1].shape), times)
    sign = {"multiply": " ⊙ ", "divide": " ⊘ ", "add": " + ", "subtract": " − "}.get(e.op)
    if sign is None:
        return shape_text(e.shape, times) if e.op != "sum" else _sum(e, times)
    level = 10 if e.op in ("add", "subtract") else 20
    if e.op in ("multiply", "divide"):  # a number in front has no shape to show
        many = [x for x in a if x.shape]
        if len(many) == 1:
            return _write(many[0], times, need)
    text = _write(a[0], times, level) + sign + _write(a[1], times, level + 1)
    return f"[{text}]" if level < need else text


def _sum(e: App, times: str) -> str:
    axes = e.params.get("axis")
    if isinstance(axes, tuple) and len(axes) < len(e.args[0].shape):
        where = ", ".join(str(k) for k in axes)
        return f"Σ over axis {where} of {_write(e.args[0], times, 100)}"
    return f"Σ of {_write(e.args[0], times, 100)}"


def agrees(e: Expr) -> bool:
    """Check a tree by shapes alone: inner dimensions of products, and broadcasting elsewhere."""
    if not isinstance(e, App):
        return True
    shapes = [a.shape for a in e.args]
    if not all(agrees(a) for a in e.args):
        return False
    if e.op == "matmul":
        a, b = shapes
        return a[-1] == (b[-2] if len(b) > 1 else b[0])
    if e.op == "outer":
        return e.shape == (*shapes[0], *shapes[1])
    if e.op == "transpose":
        return e.shape == tuple(shapes[0][k] for k in e.params["axes"])
    if e.op in ("add", "subtract", "multiply", "divide"):
        return all(_fits(s, e.shape) for s in shapes)
    return True


def _fits(small: tuple[int, ...], large: tuple[int, ...]) -> bool:
    if len(small) > len(large):
        return False
    tail = large[len(large) - len(small) :]
    return all(a in (1, b) for a, b in zip(small, tail, strict=True))


def place_text(source: Any) -> str:
    """Say where a place of the user's program is, and what stands there."""
    if source is None:
        return "an unknown place"
    text = f"{os.path.basename(source.file)}:{source.line}"
    words = shown_text(source)
    words = words if len(words) <= 60 else words[:57] + "…"
    return f"{text}, {words}" if words else text
