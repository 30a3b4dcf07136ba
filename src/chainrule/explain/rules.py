"""The backward sweep, run by the engine's own pulls on recorded values.

Every rule runs once, on tracers of a recording of its own: the number it returns is the gradient,
and the graph it leaves is the formula that is printed. There is no second table.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .. import limits
from ..core.equation import parse, swap
from ..core.graph import Node
from ..core.op import Op
from ..core.slots import Linear
from ..modes.cotangents import Doubt, Pass
from ..modes.forward import push
from ..modes.reverse import doubting_pulls, fit
from ..modes.support import follow
from ..tracing.recording import Recording
from ..tracing.tracer import TRACERS, concrete
from .evaluation import evaluate
from .expr import App, Expr, Num, Reader, Sym, simplify, symbols
from .quotients import as_product
from .record import Run, Symbol


@dataclass(slots=True)
class Term:
    """What one edge contributes to the gradient of a value."""

    reader: Node
    argument: int
    rule: Expr  # before repeated axes are summed
    whole: Expr  # after
    value: Any
    graph: tuple[Node, ...] = ()
    reads: frozenset[str] = frozenset()  # the values that the rule reads, by their symbols
    guarded: bool = False  # the rule has a form of its own at this very point: a tie, a zero
    dead: bool = False  # it is 0, and what arrives is finite
    masked: bool = False  # a zero of the program's own met an infinity


@dataclass(slots=True)
class Sweep:
    """A finished backward sweep."""

    gradients: dict[Node, Any] = field(default_factory=dict)
    terms: dict[Node, list[Term]] = field(default_factory=dict)
    order: list[Node] = field(default_factory=list)
    executed: list[Node] = field(default_factory=list)
    additions: list[Any] = field(default_factory=list)


class RuleRun(Recording):
    """Records one rule; its constants are values of the run, which nobody writes into."""

    __slots__ = ()

    def _snapshot(self, array: Any) -> Any:
        return array


class Beside:
    """The symbols of a run, with floats a little beside their values: no tie, no zero is met."""

    def __init__(self, symbols: Any) -> None:
        self.symbols = symbols

    def __getitem__(self, key: str) -> Any:
        found = self.symbols[key]
        value, i = np.asarray(found.value), sum(map(ord, key)) % 89
        if value.dtype.kind not in "fc":
            return found
        steps = 1e-3 * (1 + (np.arange(value.size).reshape(value.shape) * 0.618 + i / 89) % 1)
        moved = value + steps * np.maximum(abs(value), 1e-3)
        return Symbol(found.id, found.name, found.kind, moved.astype(value.dtype)[()])


class Bench:
    """Where one rule runs: a fresh recording whose inputs stand for named values."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.rec = RuleRun(keep=True, places=False)
        self.reader = Reader(run.constant)
        self.guarded = False  # whether the last rule chose otherwise than beside the point

    def stand_in(self, value: Any, expr: Expr) -> Any:
        """Return a tracer for a floating value, named; other values stay as they are."""
        dtype = getattr(value, "dtype", None)
        if dtype is None or dtype.kind not in "fc":
            return value
        t = self.rec.input(value)
        self.reader.name(t.cr_node, expr)
        return t

    def tree(self, value: Any) -> Expr:
        """Return the formula that made a value."""
        if type(value) in TRACERS and value.cr_owner is self.rec:
            return self.chosen(columns(self.reader.tree(value.cr_node)))
        return self.run.constant(concrete(value))

    def reads(self, value: Any) -> frozenset[str]:
        """Return the symbols that a rule read to make a value."""
        if type(value) in TRACERS and value.cr_owner is self.rec:
            return frozenset(symbols(self.reader.tree(value.cr_node)))
        return frozenset()

    def chosen(self, e: Expr) -> Expr:
        """Leave out what a rule chooses between by itself where all is decided for one side.

        Protections (against 0·∞, at ties) are printed only where they act.
        """
        if not isinstance(e, App):
            return e
        condition = e.args[0] if e.op == "where" and len(e.args) == 3 else None
        if isinstance(condition, App):
            held = np.asarray(evaluate(condition, self.run.symbols))
            self.guarded |= self._only_here(condition, e, held)
            branch = e.args[1] if held.all() else e.args[2]
            if held.size and (held.all() or not held.any()) and branch.shape == e.shape:
                return self.chosen(branch)
        args = tuple(self.chosen(a) for a in e.args)
        found = self._plainer(e, args)
        if found is not None:
            return found
        same = all(a is b for a, b in zip(args, e.args, strict=True))
        return e if same else simplify(App(e.op, args, e.params, e.shape))

    def _plainer(self, e: App, args: tuple[Expr, ...]) -> Expr | None:
        """Leave out what a rule asks for NaN, and the count of equals, where there is none.

        So also what it asks of a length: where none is 0, its share of one is a quotient.
        """
        if e.op == "divide" and args[0].shape == e.shape and _is_unit(args[1]):
            return args[0]
        if e.op == "share_of_length":
            length = App("hypot", args, {}, e.shape)
            held = np.all(evaluate(length, self.run.symbols))
            return App("divide", (args[0], length), {}, e.shape) if held else None
        if e.op not in ("logical_or", "multiply"):
            return None
        for this, other in (args, args[::-1]):
            asks = _asks_nan(this) if e.op == "logical_or" else (
                isinstance(this, App) and _counts(this))  # fmt: skip
            if asks and other.shape == e.shape:
                held = np.asarray(evaluate(this, self.run.symbols))
                if not held.any() if e.op == "logical_or" else (held == 1).all():
                    return other
        return None

    def _only_here(self, condition: App, e: App, held: Any) -> bool:
        """Say whether a rule chooses at this point what it does not choose beside it."""
        if e.args[1] == e.args[2] or held.dtype.kind != "b":
            return False
        if condition.op == "attains":  # beside the point the largest is another number
            return bool(np.count_nonzero(held) > np.size(np.asarray(evaluate(
                condition.args[1], self.run.symbols))))  # fmt: skip
        with np.errstate(all="ignore"):
            try:
                beside = evaluate(condition, Beside(self.run.symbols))
            except Exception:  # a symbol that no number stands beside
                return False
        return not np.array_equal(held, beside)

    def primals(self, node: Node) -> list[Any]:
        """Return stand-ins for the arguments of a step."""
        out = []
        for k, p in enumerate(node.primals):
            if node.inputs[k] is None and not np.ndim(p) and id(p) not in self.run.by_id:
                out.append(p)
            else:
                number = np.float64(p) if p.__class__ is float else p
                out.append(self.stand_in(number, self.run.reader.operand(node, k)))
        return out

    def output(self, node: Node) -> Any:
        """Return a stand-in for the result of a step (for several results, a tuple of them)."""
        assert node.op is not None
        here = self.run.reader.tree(node)
        if not node.op.outputs:
            return self.stand_in(node.output, here)
        parts = []
        for i, part in enumerate(node.output):
            found = self.run.reader.known.get(component_of(self.run, node, i))
            expr = found or App("component", (here,), {"index": i}, np.shape(part))
            parts.append(self.stand_in(part, expr))
        return type(node.output)(*parts) if hasattr(node.output, "_fields") else tuple(parts)


def _is_unit(e: Expr) -> bool:
    """Say whether a tree is u⁰, by which a rule divides where nothing else is to be done."""
    return isinstance(e, App) and e.op == "power" and (
        e.args[1] == Num(0) or (isinstance(e.args[1], App) and e.args[1].op == "zeros"))


def _asks_nan(e: Expr) -> bool:
    """Say whether a condition asks for NaN, alone or and for more, or is what a number answers."""
    if isinstance(e, App) and e.op == "logical_and":
        return any(map(_asks_nan, e.args))
    return e == Num(False) or (isinstance(e, App) and e.op == "isnan")


def _counts(e: App) -> bool:
    """Say whether a tree is one over the number of those that attain the largest."""
    if e.op in ("divide", "reciprocal", "sum", "reshape", "broadcast_to"):
        return any(isinstance(a, App) and _counts(a) for a in e.args)
    return e.op == "attains"


def columns(e: Expr) -> Expr:
    """Write a row times a matrix, which rules compute as a @ M, as the column Mᵀ a."""
    if not isinstance(e, App):
        return e
    args = tuple(columns(a) for a in e.args)
    if e.op == "matmul" and len(args[0].shape) == 1 and len(args[1].shape) == 2:
        turned = simplify(App("transpose", (args[1],), {"axes": (1, 0)}, args[1].shape[::-1]))
        return App("matmul", (turned, args[0]), {}, e.shape)
    return e if args == e.args else App(e.op, args, e.params, e.shape)


def component_of(run: Run, whole: Node, index: int) -> Any:
    """Return the node of one output of a step with several."""
    for n in run.nodes:
        if n.inputs and n.inputs[0] is whole and n.dtype is not None and n.op is not None:
            if n.op.name == "component" and n.params["index"] == index:
                return n
    return None


def bar(run: Run, node: Node, value: Any) -> Symbol:
    """Return the symbol of the gradient with respect to a step, made when first asked for."""
    of = run.symbol_of[node]
    key = "bar:" + of.id
    found = run.symbols.get(key)
    if found is None:
        found = run.add(Symbol(key, of.name, "gradient", value, mark="bar"))
    found.value = value
    return found


def dot(run: Run, node: Node, value: Any) -> Symbol:
    """Return the symbol of the tangent of a step."""
    of = run.symbol_of[node]
    return run.add(Symbol("dot:" + of.id, of.name, "tangent", value, mark="dot"))


def backward_sweep(run: Run, seed: Any) -> Sweep:
    """Run reverse mode as the engine does, step for step, and keep the formulas."""
    sweep = Sweep()
    if run.output is None or run.output not in run.live:
        return sweep
    cts: dict[Node, Any] = {run.output: seed}
    begun = limits.begin()
    state = Pass(run.nodes, cts, follow)
    with np.errstate(all="ignore"):
        for node in reversed(run.nodes):
            ct = cts.pop(node, None)
            if ct is None:
                continue
            if node.dtype is not None:
                sweep.gradients[node] = ct
                sweep.order.append(node)
                if node.op is not None and node.op.name == "component":
                    _to_part(cts, node, ct)
                    continue
            _pull(run, sweep, cts, node, ct, state)
    limits.take(begun, None)  # 0·∞ is told of the pass that the engine makes: see settling
    for node in run.inputs:
        if node in cts:
            sweep.gradients[node] = cts[node]
            sweep.order.append(node)
    return sweep


def _to_part(cts: dict[Node, Any], node: Node, ct: Any) -> None:
    whole = node.inputs[0]
    assert whole is not None
    assert whole.op is not None
    parts = cts.setdefault(whole, [None] * whole.op.outputs)
    parts[node.params["index"]] = ct


def _pull(
    run: Run, sweep: Sweep, cts: dict[Node, Any], node: Node, ct: Any, state: Pass
) -> None:
    bench = Bench(run)
    copy = Node(
        node.op, node.inputs, node.params, None, run.live[node], bench.primals(node),
        bench.output(node), node.shape, node.dtype,
    )  # fmt: skip
    if node.dtype is None:
        held: Any = [
            None if c is None else bench.stand_in(c, bar(run, component_of(run, node, i), c).sym())
            for i, c in enumerate(ct)
        ]
    else:
        held = bench.stand_in(ct, bar(run, node, ct).sym())
    for k, pull in doubting_pulls(copy):
        start = len(bench.rec.nodes)
        contribution = pull(held, copy)
        pairs = enumerate(contribution) if k < 0 else [(k, contribution)]
        for position, c in pairs:
            parent = node.inputs[position]
            if c is None or parent is None or not run.live[node] >> position & 1:
                continue
            term = _term(bench, node, position, c, state)
            term.graph = tuple(bench.rec.nodes[start:])
            term.reads = bench.reads(c.found if type(c) is Doubt else c)
            sweep.terms.setdefault(parent, []).append(term)
            before = cts.get(parent)
            if before is not None:
                sweep.additions.append(term.value)
            cts[parent] = term.value if before is None else before + term.value
    sweep.executed += bench.rec.nodes


def _term(bench: Bench, node: Node, k: int, c: Any, state: Pass) -> Term:
    """Return what one edge contributes; in doubt, as the engine's own pass mends it."""
    parent: Any = node.inputs[k]
    whole, mended = c, None
    if type(c) is Doubt:
        mended = _mended(c, node, state)
        c = whole = c.found
    bench.guarded = False
    if c.shape != parent.shape or c.dtype != parent.dtype:
        whole = fit(c, parent)
    value, rule, tree = concrete(whole), bench.tree(c), bench.tree(whole)
    if getattr(node.op.slot(k), "over", None) is not None:  # type: ignore[union-attr]
        product = as_product(rule, bench.run)
        rule, tree = product, put(tree, rule, product)
    letters = _by_letters(bench, node, k, rule, concrete(c))
    if letters is not None:
        rule, tree = letters, put(tree, rule, letters)
    if mended is None or np.array_equal(mended, concrete(c), equal_nan=True):
        dead = rule == tree == Num(0.0) and _finite_at(bench.run, node)
        return Term(node, k, rule, tree, value, guarded=bench.guarded, dead=dead)
    guarded = _guarded(bench, rule, mended, concrete(c))
    if tree == rule:
        return Term(node, k, guarded, guarded, fit(mended, parent), masked=True)
    return Term(node, k, guarded, put(tree, rule, guarded), fit(mended, parent), masked=True)


def _finite_at(run: Run, node: Node) -> bool:
    of = run.symbol_of.get(node)
    arrived = run.symbols.get(f"bar:{of.id}") if of is not None else None
    return arrived is not None and bool(np.all(np.isfinite(arrived.value)))


def _by_letters(bench: Bench, node: Node, k: int, rule: Expr, found: Any) -> Expr | None:
    """Write the transpose of an index equation as one, where the engine's steps move axes.

    It swaps the letters of the output and of the operand. Printed only if it gives the same.
    """
    slot = node.op.slot(k) if node.op is not None else None
    if not isinstance(slot, Linear) or slot.equation is None or not _moves(rule):
        return None
    try:
        equation = slot.equation(*map(np.shape, node.primals), **node.params)
    except Exception:  # of shapes that it does not take
        return None
    operands, out = parse(equation)
    own = operands[k]
    others = [j for j in range(len(operands)) if j != k]
    there = out + "".join(operands[j] for j in others)
    if len(set(own)) < len(own) or len(set(out)) < len(out) or not set(own) <= set(there):
        return None
    ct = Sym("bar:" + bench.run.symbol_of[node].id, node.shape)
    args = tuple(bench.run.reader.operand(node, j) for j in others)
    shape, letters = np.shape(found), swap(equation, k)
    if out or not others:
        e: Expr = App("einsum", (ct, *args), {"subscripts": letters}, shape)
    else:  # a number in front
        letters = letters.removeprefix(",")
        slope = App("einsum", args, {"subscripts": letters}, shape)
        alone = letters == f"{own}->{own}" and args[0].shape == shape
        e = App("multiply", (ct, args[0] if alone else slope), {}, shape)
    same = np.allclose(evaluate(e, bench.run.symbols), found, 1e-9, 0.0, equal_nan=True)
    return e if same else None


def _moves(e: Expr) -> bool:
    """Say whether a formula moves axes about, by steps that are none of mathematics."""
    if not isinstance(e, App):
        return False
    moved = e.op == "reshape" or (e.op == "transpose" and e.params.get("axes") != (1, 0))
    return moved or any(map(_moves, e.args))


def _mended(doubt: Doubt, node: Node, state: Pass) -> Any:
    """Ask the engine what a contribution is in which 0·∞ was met."""
    ct = doubt.ct
    plain = Doubt(
        concrete(doubt.found),
        [None if c is None else concrete(c) for c in ct] if type(ct) is list else concrete(ct),
        node, doubt.k, doubt.mend,
        doubt.factor if callable(doubt.factor) else _plain(doubt.factor),
    )  # fmt: skip
    return plain.mend(plain, state)


def _plain(factor: Any) -> Any:
    return None if factor is None else tuple(map(concrete, factor))


def _guarded(bench: Bench, rule: Expr, mended: Any, found: Any) -> Expr:
    """Write a rule with 0 where a structural zero met an infinity: nothing flows there."""
    lost = np.isnan(found) & ~np.isnan(mended)
    if not np.any(mended[lost] if np.ndim(mended) else mended):
        cases = bench.run.constant(lost)
        return App("where", (cases, Num(0.0), rule), {}, rule.shape) if np.ndim(lost) else Num(0.0)
    instead = bench.run.constant(np.where(lost, mended, 0.0)[()])
    cases = App("isnan", (rule,), {}, rule.shape)
    return App("where", (cases, instead, rule), {}, rule.shape)


def put(tree: Expr, old: Expr, new: Expr) -> Expr:
    """Put `new` in the place of `old` in a tree."""
    if tree == old:
        return new
    if isinstance(tree, App):
        return App(tree.op, tuple(put(a, old, new) for a in tree.args), tree.params, tree.shape)
    return tree


@dataclass(slots=True)
class Push:
    """One step of a forward sweep: the tangent's formula and value."""

    node: Node
    formula: Expr
    value: Any


def forward_sweep(run: Run, seeds: dict[Node, Any], named: bool = True) -> Any:
    """Push tangents of the inputs through the run; return (steps, executed operations)."""
    ts: dict[Node, Any] = dict(seeds)
    steps: list[Push] = []
    executed: list[Node] = []
    parts: dict[Any, Any] = {}
    if named:
        for node, t in seeds.items():
            dot(run, node, t)
    for node in run.nodes:
        if not any(n in ts for n in node.inputs if n is not None):
            continue
        op = node.op
        assert op is not None
        bench = Bench(run)
        if op.name == "component":
            whole = ts.get(node.inputs[0])
            t = None if whole is None else whole[node.params["index"]]
            formula = None if t is None or not named else parts[node.inputs[0]][
                node.params["index"]]  # fmt: skip
        else:
            t, formula = _push(run, bench, op, node, ts, named, executed)
            parts[node] = formula
        if t is None:
            continue
        ts[node] = t
        if named and node.dtype is not None:
            dot(run, node, t)
            if formula is not None:
                steps.append(Push(node, formula, t))
    return steps, executed, ts.get(run.output) if run.output is not None else None


def _push(
    run: Run, bench: Bench, op: Op, node: Node, ts: dict[Node, Any], named: bool,
    executed: list[Node],
) -> Any:  # fmt: skip
    held: list[Any] = []
    for k, parent in enumerate(node.inputs):
        if parent is None or parent not in ts or not op.flows(k):
            held.append(None)
            continue
        expr = Sym("dot:" + run.symbol_of[parent].id, parent.shape)
        held.append(bench.stand_in(ts[parent], expr))
    if all(t is None for t in held):
        return None, None
    t = push(op, bench.output(node), bench.primals(node), held, node.params)
    if t is None:
        return None, None
    executed += _leading_to(t if op.outputs else (t,), bench.rec.nodes)
    if op.outputs:
        return (tuple(None if p is None else concrete(p) for p in t),
                tuple(None if p is None else bench.tree(p) for p in t) if named else None)
    return concrete(t), bench.tree(t) if named else None


def _leading_to(results: Any, nodes: list[Node]) -> list[Node]:
    """Return the steps that results are made of: one that 0·∞ has spoilt is made anew."""
    wanted = {t.cr_node for t in results if type(t) in TRACERS}
    for n in reversed(nodes):
        if n in wanted:
            wanted.update(p for p in n.inputs if p is not None)
    return [n for n in nodes if n in wanted]


def partial_of(term: Term, ct: Sym) -> Expr | None:
    """Return the local derivative when the rule is a product with the incoming gradient.

    It is read off the rule's own recorded formula: ȳ·D is the derivative D; None where the rule
    is another linear map.
    """
    e = term.rule
    if term.dead:
        return Num(0.0)
    if e == ct:
        return Num(1.0)
    if isinstance(e, App) and e.op == "negative":
        inner = _factor(e.args[0], ct)
        return None if inner is None else simplify(App("negative", (inner,), {}, inner.shape))
    return _factor(e, ct)


def _factor(e: Expr, ct: Sym) -> Expr | None:
    if e == ct:
        return Num(1.0)
    if isinstance(e, App) and e.op == "multiply" and e.args[0] == ct:
        other = e.args[1]
        return None if ct.id in set(symbols(other)) else other
    return None
