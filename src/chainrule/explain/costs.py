"""What the sweeps cost, counted from the operations that were executed."""

from typing import Any

import numpy as np

from ..core.equation import parse
from ..core.graph import Node
from ..core.spoken import spoken
from ..diagnose.watching import SOLVER
from .expr import symbols
from .flops import leading
from .rules import forward_sweep

MOVES = frozenset(
    "reshape transpose broadcast_to getitem setitem concatenate stack pack copy astype component "
    "where real_part imaginary_part set_real set_imag conjugate roll pad_zeros diagonal "
    "embed_diagonal tril triu positive as_computed stats_fixed zeros_like sliding_window_view "
    "as_strided hermitian stats_inside stats_valid stats_above stats_low stats_high".split()
)
ARITHMETIC = frozenset(
    "add subtract multiply divide negative reciprocal square absolute maximum minimum fmax fmin "
    "sign floor ceil trunc rint less less_equal greater greater_equal equal not_equal "
    "remainder floor_divide logical_and logical_or logical_xor logical_not isfinite isnan fabs "
    "copysign radians degrees deg2rad rad2deg attains vanishing".split()
)
ASKED = frozenset(
    "less less_equal greater greater_equal equal not_equal logical_and logical_or logical_not "
    "isnan isfinite isinf attains".split()
)
REDUCTIONS = frozenset("sum prod max min argmax argmin".split())
RUNNING = frozenset("cumsum cumprod".split())
ADDED = frozenset("scatter_add add_at".split())
FEW_INPUTS = 8


class Count:
    """A running count of scalar operations."""

    def __init__(self) -> None:
        self.arithmetic = 0
        self.functions = 0
        self.uncounted: dict[str, int] = {}
        self.leading: dict[str, None] = {}  # of these only the leading terms are counted

    def add(self, node: Node) -> None:
        """Count one executed step."""
        op = node.op
        assert op is not None
        n = size(node.shape)
        if op.name in MOVES:
            return
        if op.name == "matmul" or _equation(node):
            self.arithmetic += _contraction(node)
        elif op.name in ARITHMETIC or (op.name == "power_of" and _whole(node.params["n"])):
            self.arithmetic += n
        elif op.name in REDUCTIONS:
            self.arithmetic += max(0, size(np.shape(node.primals[0])) - n)
        elif op.name == "weighted_sum":  # factors of 1 and terms of 0 cost nothing
            weights = [w for w in node.params["weights"] if w]
            self.arithmetic += n * max(0, len(weights) - 1 + sum(abs(w) != 1 for w in weights))
        elif op.name in RUNNING:
            self.arithmetic += n - n // max(1, node.shape[_axis(node)])
        elif op.name in ADDED:  # to zeros, each once: a move
            parts = node.primals[1:] if op.name == "add_at" else node.primals
            many = op.name == "add_at" or any(np.ndim(k) for k in parts[1:])
            self.arithmetic += size(np.shape(parts[0])) if many else 0
        elif (op.function is not None and isinstance(op.function, np.ufunc)) or _elementwise(node):
            self.functions += n
        elif op.name in ("quotients", "inverses"):
            self.arithmetic += 2 * n
        elif (terms := leading(node)) is not None:
            self.arithmetic += terms
            self.leading[spoken(op.name)] = None
        else:
            name = str(node.params.get("method") or spoken(op.name))
            self.uncounted[name] = self.uncounted.get(name, 0) + 1

    @property
    def total(self) -> int:
        """All counted operations."""
        return self.arithmetic + self.functions

    def to_json(self, times: int = 1) -> dict[str, Any]:
        """Return the count of one sweep."""
        return {"total": self.total * times, "functions": self.functions * times,
                "uncounted": {k: n * times for k, n in self.uncounted.items()}}  # fmt: skip


def size(shape: Any) -> int:
    """Return the number of entries of an array of this shape."""
    n = 1
    for m in shape:
        n *= m
    return int(n)


def _whole(n: Any) -> bool:
    return n == int(n) and abs(n) <= 3


def _elementwise(node: Node) -> bool:
    from ..core.slots import Partial

    assert node.op is not None
    return all(isinstance(s, Partial) for s in node.op.slots)


def _equation(node: Node) -> str:
    from ..core.slots import Linear

    assert node.op is not None
    slot = node.op.slots[0]
    if not isinstance(slot, Linear) or slot.equation is None or len(node.primals) != 2:
        return ""
    return str(slot.equation(*(np.shape(p) for p in node.primals), **node.params))


def _contraction(node: Node) -> int:
    """Count Σ over n products as n multiplications and n − 1 additions per entry."""
    operands, out = parse(_equation(node))
    sizes: dict[str, int] = {}
    for letters, p in zip(operands, node.primals, strict=True):
        sizes |= dict(zip(letters, np.shape(p), strict=True))
    summed = size([n for c, n in sizes.items() if c not in out])
    entries = size([sizes[c] for c in out])
    return entries * max(0, 2 * summed - 1)


def _axis(node: Node) -> int:
    axis = node.params.get("axis")
    return -1 if axis is None else int(axis)


def taken(run: Any) -> list[Node]:
    """Return the steps that the program took, those for its decisions too, outside solvers."""
    solved = {n for e in run.events if e.kind == SOLVER for n in run.graph.nodes[slice(*e.span)]}
    solved -= {n for e in run.events if e.kind == SOLVER and e.replayed
               for n in run.graph.nodes[slice(*e.span)]}  # fmt: skip
    return [n for n in run.graph.nodes if n not in solved]


def beside(run: Any) -> int:
    """Count the operations of steps that are no rows: for decisions, and what nothing reads."""
    shown = set(run.nodes)
    return count([n for n in taken(run) if n not in shown]).total


def count(nodes: list[Node]) -> Count:
    """Count the operations of executed steps."""
    total = Count()
    for n in nodes:
        total.add(n)
    return total


def count_rules(nodes: list[Node]) -> Count:
    """Count executed rules; what they ask only to choose by (a protection, a branch) is free."""
    wanted: set[Node] = set()  # what is read as a number
    read: set[Node] = set()
    for n in reversed(nodes):
        assert n.op is not None
        free = n.op.name in ASKED and n in read and n not in wanted
        for k, parent in enumerate(n.inputs):
            if parent is not None:
                read.add(parent)
                if not (free or (n.op.name == "where" and k == 0)):
                    wanted.add(parent)
    asked = {n for n in nodes if n.op is not None and n.op.name in ASKED}
    return count([n for n in nodes if n not in asked or n in wanted or n not in read])


def cost(builder: Any) -> dict[str, Any]:
    """Compare both modes for this function: sweeps, operations a sweep, values kept."""
    run, sweep = builder.run, builder.sweep
    value = count(taken(run))
    back = count_rules(sweep.executed)
    back.arithmetic += sum(size(np.shape(a)) for a in sweep.additions)
    n = sum(size(x.shape) for x in run.inputs)
    m = size(np.shape(run.value))
    forward, sweeps, counted = 0, 0, True
    uncounted: dict[str, int] = {}
    terms = value.leading | back.leading
    per_sweep = None
    groups: dict[int, int] = {}  # operations of a sweep: how many sweeps take so many
    for i, node in enumerate(run.inputs):
        k = size(node.shape)
        sweeps += k
        if i < FEW_INPUTS:
            seed = np.zeros(node.shape, node.dtype)
            if seed.size:
                seed[(0,) * seed.ndim] = 1
            _, executed, _ = forward_sweep(run, {node: seed[()]}, named=False)
            one = count_rules(executed)
            terms |= one.leading
            per_sweep = one if per_sweep is None or one.total > per_sweep.total else per_sweep
        else:
            counted = False
            assert per_sweep is not None
            one = per_sweep
        forward += one.total * k
        for name, times in one.uncounted.items():
            uncounted[name] = uncounted.get(name, 0) + times * k
        groups[one.total] = groups.get(one.total, 0) + k
    reverse_total = back.total * m
    solvers = [e for e in builder.happenings.solvers if not e.replayed]  # those are steps
    for event in solvers:
        value.uncounted[event.outcomes[0]] = value.uncounted.get(event.outcomes[0], 0) + 1
    unknown = value.uncounted if solvers else back.uncounted or (
        per_sweep and per_sweep.uncounted)
    return {
        "inputs": n, "outputs": m, "value": value.to_json(),
        "reverse": {"sweeps": m, "per_sweep": back.to_json(), "total": reverse_total,
                    "uncounted": back.to_json(m)["uncounted"]},
        "forward": {"sweeps": sweeps, "per_sweep": None if per_sweep is None else
                    per_sweep.to_json(), "total": forward, "uncounted": uncounted,
                    "counted": counted, "groups": [[k, total] for total, k in groups.items() if k]},
        "solvers": len(builder.happenings.solvers), "limit": builder.limit,
        "winner": "" if unknown else
                  "tie" if reverse_total == forward else
                  "reverse" if reverse_total < forward else "forward",
        "beside": beside(run), "leading": list(terms), "saved": _saved(builder),
    }  # fmt: skip


def _saved(builder: Any) -> list[str]:
    """Name the values that reverse mode keeps: what a rule of this sweep reads, in that order."""
    run = builder.run
    read = {id for terms in builder.sweep.terms.values() for t in terms for id in t.reads}
    found: dict[str, None] = {}
    for node in run.nodes:
        if node not in run.live:
            continue
        for parent, p in zip(node.inputs, node.primals, strict=True):
            if parent is not None and parent in run.symbol_of:
                found.setdefault(run.symbol_of[parent].id)
            elif id(p) in run.by_id:
                found |= dict.fromkeys(symbols(run.by_id[id(p)]))
        if node in run.symbol_of:
            found.setdefault(run.symbol_of[node].id)
    return [id for id in found if id in read]
