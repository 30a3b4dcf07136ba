"""The matrix form of a network: δˡ = ∂L/∂uˡ at every affine step, with shapes under the factors."""

from typing import Any

from ..core.graph import Node
from ..core.slots import Partial
from ..core.spoken import spoken
from .expr import App, Expr, Num, Sym, add_up, apply, size, substitute, symbols
from .names import SUPERSCRIPTS
from .record import Symbol
from .rules import partial_of

LONG, WHOLE, MANY = 10, 14, 16


def matrix_form(builder: Any) -> dict[str, Any] | None:
    """Return the condensed backward pass, or None where no affine step is differentiated."""
    form = _Form(builder)
    return form.build() if form.layers else None


class _Form:
    def __init__(self, builder: Any) -> None:
        self.b, self.run, self.sweep = builder, builder.run, builder.sweep
        self.layers = self._affine()
        self.deltas: dict[Node, Symbol] = {}
        self.done: dict[Node, Expr] = {}
        self.slopes: dict[tuple[Node, int], Symbol] = {}

    # --- recognising --------------------------------------------------------------------------
    def _affine(self) -> list[Node]:
        """Return the steps u = W x + b (or W x, where nothing is added) in forward order."""
        products = [n for n in self._live() if n.op is not None and n.op.name == "matmul"]
        found = []
        for p in products:
            readers = [n for n in self._live() if p in n.inputs]
            u = p
            if len(readers) == 1 and readers[0].op is not None:
                r = readers[0]
                other = [n for n in r.inputs if n is not p]
                plain = all(n is None or n.op is None or n.shape != p.shape for n in other)
                if r.op.name == "add" and plain and r.shape == p.shape:
                    u = r
            if self._is_layer(p):
                found.append(u)
        return found

    def _live(self) -> list[Node]:
        return [n for n in self.run.nodes if n in self.sweep.gradients]

    def _is_layer(self, p: Node) -> bool:
        """Say whether one operand of a product is a parameter: an input, perhaps transposed."""
        for k, parent in enumerate(p.inputs):
            if parent is None or not self.run.live.get(p, 0) >> k & 1:
                continue
            while parent is not None and parent.op is not None and parent.op.name == "transpose":
                parent = parent.inputs[0]
            if parent is not None and parent.op is None:
                return True
        return False

    # --- writing ------------------------------------------------------------------------------
    def build(self) -> dict[str, Any]:
        if self.run.namer.free("δ"):
            self.run.namer.taken.add("δ")
            for i, u in enumerate(self.layers, 1):
                self._delta(u, i)
        slopes = self._slopes()
        rows = []
        for node in self.sweep.order:
            if node in self.deltas or node.op is None:
                rows.append(self._row(node))
        rows.sort(key=self._place)
        uses = {s.id: 0 for s in self.deltas.values()}
        for row in rows:
            for id in row.pop("reads"):
                if id in uses:
                    uses[id] += 1
        layers = [
            {
                "of": self.run.symbol_of[u].id,
                "symbol": self.deltas[u].id,
                "uses": uses[self.deltas[u].id],
            }
            for u in self.layers
            if u in self.deltas
        ]
        return {"layers": layers, "slopes": slopes, "rows": rows}  # fmt: skip

    def _delta(self, u: Node, i: int) -> None:
        top = str(i).translate(SUPERSCRIPTS)
        of = self.run.symbol_of[u]
        words = (f"δ{top}", f"\\delta^{{{i}}}")
        value = self.sweep.gradients[u]
        self.deltas[u] = self.run.add(Symbol(f"delta:{i}", of.name, "synonym", value, words=words))

    def _slopes(self) -> list[dict[str, Any]]:
        """Name φ′(u) where an elementwise function follows an affine step, and say what it is."""
        rows = []
        for u in self.deltas:
            for t in self.sweep.terms.get(u, []):
                op = t.reader.op
                found = self.b.partials.get((t.reader, t.argument))
                if found is None or op is None or not self._elementwise(t):
                    continue
                of = self.run.symbol_of[u]
                called = spoken(op.name)
                latex = f"\\operatorname{{{called}}}'({of.latex})"
                words = (f"{called}′({of.text})", latex)
                symbol = Symbol(f"slope:{found.id}", of.name, "partial", found.value, words=words)
                self.slopes[t.reader, t.argument] = self.run.add(symbol)
                ct = Sym("bar:" + self.run.symbol_of[t.reader].id, t.reader.shape)
                partial = partial_of(t, ct)
                rows.append(
                    {
                        "symbol": symbol.id,
                        "line": self.b.line(symbol.sym(), [partial], symbol.value),
                    }
                )
        return rows

    def _elementwise(self, t: Any) -> bool:
        """Say whether a step is a function φ of this argument alone, entry by entry."""
        slot = t.reader.op.slot(t.argument)
        alone = self.run.live[t.reader] == 1 << t.argument
        linear = t.reader.op.name in ("add", "subtract", "multiply", "divide")
        return isinstance(slot, Partial) and not slot.constant and alone and not linear

    def _row(self, node: Node) -> dict[str, Any]:
        if node in self.deltas:
            symbol = self.deltas[node]
        else:
            symbol = self.run.symbols["bar:" + self.run.symbol_of[node].id]
        tree = self._gradient(node)
        if size(tree, WHOLE + 1) > WHOLE:  # too long to read: by the gradients of section 5
            tree = add_up([self.b.term_tree(t) for t in self.sweep.terms[node]])
        value = self.sweep.gradients[node]
        row: dict[str, Any] = {
            "symbol": symbol.id, "of": self.run.symbol_of[node].id,
            "line": self.b.line(symbol.sym(), [tree], value), "reads": list(symbols(tree)),
        }  # fmt: skip
        return row

    def _place(self, row: dict[str, Any]) -> tuple[int, int]:
        """Order rows as the backward pass meets them: δ², then what it alone leads to."""
        order = [self.deltas[u].id for u in reversed(self.layers) if u in self.deltas]
        if row["symbol"] in order:
            return order.index(row["symbol"]), 0
        ranks = [order.index(r) for r in row["reads"] if r in order]
        return (max(ranks), 1) if ranks else (len(order), 1)

    def _gradient(self, node: Node) -> Expr:
        terms = self.sweep.terms.get(node, [])
        if not terms:
            return self.b.seed_tree()
        if len(terms) > MANY:
            return Sym("bar:" + self.run.symbol_of[node].id, node.shape)
        if node not in self.done:
            self.done[node] = self._alike([self._expand(t) for t in terms])
        return self.done[node]

    def _alike(self, terms: list[Expr]) -> Expr:
        """Add up; t + t is 2·t, and a number in front takes the 2 in."""
        if len(terms) == 2 and terms[0] == terms[1]:
            t = terms[0]
            if isinstance(t, App) and t.op == "multiply" and isinstance(t.args[0], Num):
                return apply("multiply", Num(2 * t.args[0].value), t.args[1], shape=t.shape)
            return apply("multiply", Num(2), t, shape=t.shape)
        return add_up(terms)

    def _expand(self, term: Any) -> Expr:
        """Return a contribution in terms of the δ of later layers."""
        ct = Sym("bar:" + self.run.symbol_of[self.b.reading(term)].id, term.reader.shape)
        tree = term.whole
        slope = self.slopes.get((term.reader, term.argument))
        if slope is not None and term.whole == term.rule:
            tree = apply("multiply", ct, slope.sym(), shape=term.rule.shape)
        by_id = {"bar:" + s.id: n for n, s in self.run.symbol_of.items()}

        def put(s: Sym) -> Expr:
            node = by_id.get(s.id)
            if node is None:
                return s
            if node in self.deltas:
                return self.deltas[node].sym()
            if len(self.sweep.terms.get(node, [])) > 2:
                return s
            inner = self._gradient(node)
            return inner if size(inner, LONG + 1) <= LONG else s

        return substitute(tree, put)
