"""Kinks that a run touched exactly, and which derivative is taken there (docs/policy/kinks.md)."""

from collections.abc import Iterator

import numpy as np

from ..core.graph import Graph, Node
from ..tracing.foreign import Foreign
from ..tracing.tracer import concrete


def touched(graph: Graph) -> Iterator[tuple[Node, str, str]]:
    """Yield (node, what, which derivative) for every step at a kink, or at a step of its value."""
    seen = set()
    for node in graph.nodes:
        if node.op is None or node.op.name in _TOLD:
            continue
        key = (node.op.name, node.place)
        if key not in seen and _is_at_kink(node):
            seen.add(key)
            name = node.op.name
            what, taken = _WORDS.get(name, ("at its kink", "the middle of the slopes around it"))
            yield node, f"{name} is evaluated {what}", f"the derivative taken is {taken}{_HIGHER}"


def _is_at_kink(node: Node) -> bool:
    op, values = node.op, [concrete(p) for p in node.primals]
    assert op is not None
    if Foreign in map(type, values) or node.output is None:
        return False
    if op.jump is not None:
        return op.jump(concrete(node.output), *values, **node.params)
    kinks = op.kinks or STEEP.get(op.name, ())
    return any(bool(np.any(np.equal(values[0], kink))) for kink in kinks)



_HIGHER = "; that of a higher order is the limit around the point, if there is one"
_TOLD = frozenset(("sign", "heaviside", "argmax", "argmin", "digitize"))  # as steps, already
STEEP = {"sqrt": (0.0,), "cbrt": (0.0,)}
_MIDDLE = "0, the middle of all slopes"
_TIED = "where its arguments are equal", "half of each"
_COMPARED = "where its arguments are equal", "that of the branch which it chose"
_ORDERED = "where elements are equal", "that of the order which the sort chose"
_WORDS = {
    "absolute": ("at 0", _MIDDLE),
    "fabs": ("at 0", _MIDDLE),
    "hypot": ("at the origin", _MIDDLE),
    "sqrt_or_zero": ("at 0, the length of a zero vector", _MIDDLE),
    "max": ("where its largest elements tie", "an equal share for each"),
    "min": ("where its smallest elements tie", "an equal share for each"),
    "sqrt": ("at 0", "infinite, the limit from the right"),
    "cbrt": ("at 0", "infinite, the limit from both sides"),
    **dict.fromkeys(("maximum", "minimum", "fmax", "fmin"), _TIED),
    **dict.fromkeys("less less_equal greater greater_equal equal not_equal".split(), _COMPARED),
    **dict.fromkeys(("argsort", "argpartition", "partition_order", "unique_parts"), _ORDERED),
}
