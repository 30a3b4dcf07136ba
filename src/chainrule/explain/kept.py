"""The recording that a derivation reads: all values kept, and whose steps they are."""

import inspect
from dataclasses import dataclass
from functools import cache
from sys import _getframe
from types import CodeType, FrameType
from typing import Any

import numpy as np

from ..core import registry
from ..core.graph import Graph, Node, Place
from ..core.op import Composite
from ..core.spoken import spoken
from ..diagnose.watching import Watching
from ..tracing.source import at_fault, inside, of_library, resolve
from .expr import App, Num, Sym, simplify


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a step comes from that the user's line does not name."""

    whole: str = ""  # the function of a library that takes several steps
    rule_of: Place | None = None  # the step whose rule it is, of a derivative that is taken inside


class KeptRecording(Watching):
    """Keeps all values, and constant arrays as they were when they were used."""

    __slots__ = ("copies", "origins")

    def __init__(self) -> None:
        super().__init__()
        self.copies: dict[int, tuple[Any, Any]] = {}
        self.origins: dict[Node, Origin] = {}

    def process(self, op: Any, args: Any, params: dict[str, Any], output: Any = None) -> Any:
        start = len(self.nodes)
        result = super().process(op, args, params, output)
        if len(self.nodes) > start:
            origin = _origin(_getframe(1))
            if origin is not None:
                self.origins |= dict.fromkeys(self.nodes[start:], origin)
        return result

    def _snapshot(self, array: Any) -> Any:
        """Return one copy for all uses of an array between which it did not change."""
        if type(array) is not np.ndarray:
            return super()._snapshot(array)
        known = self.copies.get(id(array))
        if known is not None and known[0] is array and same_bits(known[1], array):
            return known[1]
        copy = super()._snapshot(array)
        self.copies[id(array)] = (array, copy)
        return copy


def same_bits(a: Any, b: Any) -> bool:
    """Say whether two arrays are the same numbers of the same kind."""
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    return bool(np.array_equal(a, b, equal_nan=a.dtype.kind in "fc"))


def _origin(frame: FrameType | None) -> Origin | None:
    """Walk from an operation to the user's line, and look at what stands between."""
    rule = at_fault(frame)
    whole = ""
    while frame is not None and inside[frame.f_code.co_filename]:
        name = _bodies().get(frame.f_code)
        if name is None and of_library(frame.f_code.co_filename):
            name = frame.f_code.co_name
        whole = name or whole
        frame = frame.f_back
    place = rule if isinstance(rule, tuple) else None
    return Origin(whole, place) if whole or place is not None else None


@cache
def _bodies() -> dict[CodeType, str]:
    found = {}
    for _, record in registry.records():
        if isinstance(record, Composite):
            code = getattr(inspect.unwrap(record.body), "__code__", None)
            if code is not None:
                found[code] = spoken(record.name)
    return found


def contracted(graph: Graph, origins: dict[Node, Origin]) -> tuple[Graph, set[Node]]:
    """Lead past steps that are the same value again (a copy, a library's product with 1).

    One that the program itself gives a name stays, and so does one that is the whole program.
    """
    same: dict[Node, Node] = {}
    for i, node in enumerate(graph.nodes, 1):
        if any(p in same for p in node.inputs):
            node.inputs = tuple(same.get(p, p) for p in node.inputs)  # type: ignore[arg-type]
        if node in origins and _protects(node):
            chosen = node.inputs[2]
            if chosen is not None and (chosen.shape, chosen.dtype) == (node.shape, node.dtype):
                same[node] = chosen
                continue
        traced = [p for p in node.inputs if p is not None]
        if len(traced) != 1 or traced[0].dtype != node.dtype:
            continue
        (parent,) = traced
        source = resolve(node.place)
        ends = i == len(graph.nodes) or graph.nodes[i].place != node.place
        own = source is not None and source.target and ends and node.place != parent.place
        if own or (parent.op is None and any(o is node for o in graph.outputs)):
            continue
        if _is_same(node, parent, node in origins):
            same[node] = parent
    outputs = tuple(same.get(o, o) if type(o) is Node else o for o in graph.outputs)
    return Graph(graph.inputs, graph.nodes, outputs), set(same)


def _protects(node: Node) -> bool:
    """Say whether a library guards against NaN or zeros here, of which there is none."""
    if node.op is None or node.op.name != "where" or len(node.inputs) != 3:
        return False
    asks = node.inputs[0]
    while asks is not None and asks.op is not None and asks.op.name == "component":
        asks = asks.inputs[0]
    held = np.asarray(node.primals[0])
    guards = asks is not None and asks.op is not None and asks.op.name in _GUARDS
    return guards and held.size > 0 and not held.any()


_GUARDS = frozenset(("isnan", "vanishing"))


def _is_same(node: Node, parent: Node, hidden: bool) -> bool:
    """Say whether a step is its argument again; of the user's own arithmetic, none is."""
    if node.op is None or node.dtype is None or parent.shape != node.shape:
        return False
    if node.op.name == "astype":
        return True
    if node.op.name not in _COPIES and not (hidden and node.op.name in _NEUTRAL):
        return False
    if any(p is None and np.ndim(v) for p, v in zip(node.inputs, node.primals, strict=True)):
        return False
    x = Sym("", tuple(parent.shape))
    args = tuple(x if p is parent else Num(v)
                 for p, v in zip(node.inputs, node.primals, strict=True))  # fmt: skip
    if node.op.name in ("add", "subtract"):
        other = args[1] if args[0] is x else args[0]
        return isinstance(other, Num) and other.value == 0 and (
            node.op.name == "add" or args[0] is x)  # fmt: skip
    try:
        return simplify(App(node.op.name, args, node.params, tuple(node.shape))) == x
    except (KeyError, TypeError, ValueError):
        return False


_COPIES = frozenset("copy astype positive reshape broadcast_to transpose getitem".split())
_NEUTRAL = frozenset("multiply add subtract".split())
