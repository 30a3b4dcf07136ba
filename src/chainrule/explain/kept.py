"""The recording that a derivation reads: all values kept, and whose steps they are."""

import ast
from sys import _getframe
from typing import Any

import numpy as np

from ..core.graph import Graph, Node
from ..core.registry import op_named
from ..diagnose.watching import Watching
from ..tracing.source import resolve
from ..tracing.tracer import concrete
from ..tracing.watching import COMPARING
from .expr import App, Num, Sym, simplify
from .origins import Origins


class KeptRecording(Watching):
    """Keeps all values, and constant arrays as they were when they were used."""

    __slots__ = ("copies", "origins")

    def __init__(self) -> None:
        super().__init__()
        self.copies: dict[int, tuple[Any, Any]] = {}
        self.origins = Origins(self)

    def process(self, op: Any, args: Any, params: dict[str, Any], output: Any = None) -> Any:
        start = len(self.nodes)
        result = super().process(op, args, params, output)
        if len(self.nodes) > start:
            self.origins.record(self.nodes[start:], _getframe(1))
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


def callee(node: Node) -> str:
    """Return the function that is called where a step was made, as the source names it."""
    source = resolve(node.place)
    try:
        call: Any = ast.parse(source.text if source is not None else "", mode="eval").body
    except (SyntaxError, ValueError):
        return ""
    if not isinstance(call, ast.Call):
        return ""
    named = isinstance(call.func, ast.Name | ast.Attribute)
    return ast.unparse(call.func) if named else "the call"


def contracted(
    graph: Graph, data: frozenset[int], ruled: Any = ()
) -> tuple[Graph, set[Node]]:  # fmt: skip
    """Lead past steps that are the same value again (a copy, a library's product with 1).

    One that the program itself gives a name stays, and so does one that is the whole program.
    """
    same: dict[Node, Node] = {}
    constants: dict[Node, Any] = {}
    _name_exponents(graph, data)
    for i, node in enumerate(graph.nodes, 1):
        if any(p in same for p in node.inputs):
            node.inputs = tuple(same.get(p, p) for p in node.inputs)  # type: ignore[arg-type]
        for k, p in enumerate(node.inputs):
            if p in constants:
                node.inputs = (*node.inputs[:k], None, *node.inputs[k + 1 :])
                node.primals = [*node.primals[:k], constants[p], *node.primals[k + 1 :]]
                node.mask &= ~(1 << k)
                if not any(node.inputs) and node.dtype is not None:
                    constants[node] = node.output
        if node in constants:
            continue
        beside = graph.nodes[max(i - 2, 0) : i + 1]
        hidden = sum(n.place == node.place for n in beside) > 1 and (
            node in ruled or bool(callee(node)))  # fmt: skip
        chosen, number = _unguarded(node) if hidden else (None, None)
        if chosen is None and number is not None and np.shape(number) == node.shape:
            constants[node] = np.asarray(number, node.dtype)[()]
            continue
        if chosen is not None:
            if (chosen.shape, chosen.dtype) == (node.shape, node.dtype):
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
        if _is_same(node, parent, hidden):
            same[node] = parent
    outputs = tuple(same.get(o, o) if type(o) is Node else o for o in graph.outputs)
    return Graph(graph.inputs, graph.nodes, outputs), {*same, *constants}


def _name_exponents(graph: Graph, data: frozenset[int]) -> None:
    """Let an exponent that is one of the data, by their ids, be an operand: xⁿ and not x³."""
    for node in graph.nodes:
        if node.op is not None and node.op.name == "power_of" and id(node.params["n"]) in data:
            node.primals, node.params = [*node.primals, node.params["n"]], {}
            node.op, node.inputs = op_named("power"), (*node.inputs, None)


def _unguarded(node: Node) -> tuple[Node | None, Any]:
    """Return what a library's guard against NaN, zeros or a wrong range lets through, if all.

    It is a step, or a constant.
    """
    if node.op is None or node.op.name != "where" or len(node.inputs) != 3:
        return None, None
    asks, held = node.inputs[0], np.asarray(node.primals[0])
    decided = held.size and (held.all() or not held.any())
    if asks is None or not decided or not guards(asks, node):
        return None, None
    k = 1 if held.all() else 2
    return node.inputs[k], None if node.inputs[k] is not None else node.primals[k]


def guards(asks: Node | None, node: Node) -> bool:
    """Say whether a condition of the same call asks for nothing but such accidents."""
    if asks is None:
        return True
    if asks.op is None or asks.place != node.place:
        return False
    if asks.op.name in ("logical_and", "logical_or", "logical_not", "component"):
        return all(guards(p, node) for p in asks.inputs)
    ends = [p for p in asks.inputs if p is not None]
    if asks.op.name in COMPARING and ends and all(
            p.op is not None and p.op.name.startswith("stats_") for p in ends):  # fmt: skip
        return True  # whether a number is inside of a distribution's support
    itself = asks.op.name == "equal" and asks.inputs[0] is asks.inputs[1]  # NaN is not
    return itself or asks.op.name in _GUARDS


_GUARDS = frozenset("isnan isfinite vanishing stats_inside stats_valid stats_above".split())


def _is_same(node: Node, parent: Node, hidden: bool) -> bool:
    """Say whether a step is its argument again; of the user's own arithmetic, none is."""
    if node.op is None or node.dtype is None or parent.shape != node.shape:
        return False
    if node.op.name == "astype":
        return True
    if node.op.name not in _COPIES and not (hidden and node.op.name in _NEUTRAL):
        return False
    others = [v for p, v in zip(node.inputs, node.primals, strict=True) if p is None]
    if node.op.name in ("add", "subtract"):
        return not np.any(others[0]) and (node.op.name == "add" or node.inputs[0] is parent)
    if any(map(np.ndim, others)):
        return False
    x = Sym("", tuple(parent.shape))
    args = tuple(x if p is parent else Num(v)
                 for p, v in zip(node.inputs, node.primals, strict=True))  # fmt: skip
    try:
        return simplify(App(node.op.name, args, node.params, tuple(node.shape))) == x
    except (KeyError, TypeError, ValueError):
        return False


_COPIES = frozenset("copy astype positive reshape broadcast_to transpose getitem".split())
_NEUTRAL = frozenset("multiply add subtract".split())


# --- the same numbers -----------------------------------------------------------------------------


def made_of(v: Any, within: tuple[int, ...] = ()) -> Any:
    """Return what a parameter is, apart from where it lies in memory."""
    if isinstance(v, dict):
        return [(str(k), made_of(x, within)) for k, x in v.items()]
    if isinstance(v, list | tuple):
        return [made_of(x, within) for x in v]
    if isinstance(v, np.ndarray | np.generic) and v.dtype.kind != "O":
        return bits(v)
    if type(v).__repr__ is not object.__repr__ or id(v) in within:
        return type(v), getattr(v, "__code__", str(v))
    held = {k: getattr(v, k, None) for kind in type(v).__mro__
            for k in getattr(kind, "__slots__", ())}  # fmt: skip
    return type(v), made_of(held | getattr(v, "__dict__", {}), (*within, id(v)))


def bits(v: Any) -> Any:
    """Return what two numbers, or arrays, have in common if they are the same to the last bit."""
    a = np.asarray(concrete(v))
    return a.dtype.str, a.shape, a.tobytes()


def same_numbers(one: Node, other: Node, known: frozenset[int]) -> bool:
    """Say whether two steps are the same but for what is traced, and for constants that are known.

    These are given by their identities in the first.
    """
    if one.op is None or one.op is not other.op:
        return one.op is other.op
    read = [(p, q) for n, p, q in zip(one.inputs, one.primals, other.primals, strict=True)
            if n is None]  # fmt: skip
    read += [(v, other.params.get(key)) for key, v in one.params.items()]
    return all(id(p) in known or made_of(p) == made_of(q) for p, q in read)
