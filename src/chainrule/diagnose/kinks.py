"""Kinks that a run touched exactly, and which derivative is taken there (docs/policy/kinks.md)."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..core.graph import Graph, Node
from ..tracing.tracer import concrete

Look = Callable[[Node, list[Any]], bool]


def touched(graph: Graph) -> Iterator[tuple[Node, str, str]]:
    """Yield (node, what, which derivative) for every step at a kink."""
    seen = set()
    for node in graph.nodes:
        if node.op is None:
            continue
        look, what, taken = _TABLE.get(node.op.name, (None, "", ""))
        if look is None and node.op.kinks:
            look, what, taken = _at_kink, "at its kink", "the middle of the slopes of both sides"
        values = [concrete(p) for p in node.primals]
        key = (node.op.name, node.place)
        if look is not None and key not in seen and look(node, values):
            seen.add(key)
            yield node, f"{node.op.name} is evaluated {what}", f"the derivative taken is {taken}"


def _at_kink(node: Node, values: list[Any]) -> bool:
    assert node.op is not None
    return any(bool(np.any(np.equal(values[0], kink))) for kink in node.op.kinks)


def _equal(node: Node, values: list[Any]) -> bool:
    return bool(np.any(np.equal(values[0], values[1])))


def _tie(node: Node, values: list[Any]) -> bool:
    """Say whether the largest (or smallest) element stands there more than once."""
    x, axis = np.asarray(values[0]), node.params.get("axis")
    if not x.size or node.output is None:
        return False
    best = np.asarray(concrete(node.output))
    keep = node.params.get("keepdims", False)
    if axis is not None and not keep:
        best = np.expand_dims(best, axis)
    return bool(np.any(np.sum(x == best, axis=axis) > 1))


def _neighbours(node: Node, values: list[Any]) -> bool:
    axis = node.params.get("axis", -1)
    x = np.sort(np.asarray(values[0]), axis=axis)
    return bool(np.any(np.diff(x, axis=-1 if axis is None else axis) == 0))


def _at_bound(node: Node, values: list[Any]) -> bool:
    bounds = [*values[1:], *node.params.values()]
    numbers = [b for b in bounds if isinstance(b, int | float | np.generic | np.ndarray)]
    return any(bool(np.any(np.equal(values[0], b))) for b in numbers)


def _all_zero(node: Node, values: list[Any]) -> bool:
    return node.output is not None and bool(np.any(np.equal(concrete(node.output), 0)))


def _at_zero(node: Node, values: list[Any]) -> bool:
    return bool(np.any(np.equal(values[0], 0)))


_MIDDLE = "0, the middle of all slopes"
_TABLE: dict[str, tuple[Look, str, str]] = {
    "absolute": (_at_zero, "at 0", _MIDDLE),
    "fabs": (_at_zero, "at 0", _MIDDLE),
    "maximum": (_equal, "where its arguments are equal", "half of each"),
    "minimum": (_equal, "where its arguments are equal", "half of each"),
    "fmax": (_equal, "where its arguments are equal", "half of each"),
    "fmin": (_equal, "where its arguments are equal", "half of each"),
    "max": (_tie, "where its largest elements tie", "an equal share for each"),
    "min": (_tie, "where its smallest elements tie", "an equal share for each"),
    "sort": (_neighbours, "where elements are equal", "that of the order which the sort chose"),
    "clip": (_at_bound, "at one of its bounds", "that of the side which the table of kinks says"),
    "norm": (_all_zero, "at the origin", _MIDDLE),
    "hypot": (_all_zero, "at the origin", _MIDDLE),
    "sqrt": (_at_zero, "at 0", "infinite, the limit from the right"),
    "cbrt": (_at_zero, "at 0", "infinite, the limit from both sides"),
}
