"""The derivation as one JSON-able document, from which every format is printed."""

import inspect
import os
from collections.abc import Iterator
from itertools import chain, count
from typing import Any

import numpy as np

from ..core.graph import Node
from ..tracing.source import shown_text
from ..tracing.wholes import head_line
from . import checks, costs, operators, statements, words
from .as_json import NAMES, strict, to_json
from .closed import closed_form, total
from .evaluation import evaluate
from .exact import Digits
from .expr import App, Expr, Num, Sym, add_up, apply, size, substitute
from .happenings import Happenings
from .matrix import matrix_form
from .numbers import dtype_name, rounded, value_to_json
from .paths import paths
from .record import Run, Symbol, entry_of, seed_of
from .rounding import Roundings
from .rules import Sweep, Term, backward_sweep, bar, forward_sweep, partial_of, put
from .settling import settle

SCHEMA = "chainrule-derivation/1"
STATEMENT = 24
GIVEN = 24  # characters of an argument that is no array
MANY = 16  # a sum of more terms is told by its count; JSON holds them all


class Builder:
    """Fills the sections of the document, one method a section."""

    def __init__(self, run: Run, mode: str, detail: str, output: Any) -> None:
        self.run, self.mode, self.detail = run, mode, detail
        self.told: dict[int, tuple[Any, dict[str, Any]]] = {}
        self.scalar = all(n.shape == () for n in [*run.nodes, *run.inputs] if n.dtype is not None)
        self.read = {p for n in run.graph.nodes for p in n.inputs}
        self.entry = entry_of(run, output)
        self.seed = seed_of(run, self.entry)
        self.sweep: Sweep = backward_sweep(run, self.seed)
        if self._name_parts():
            self.sweep = backward_sweep(run, self.seed)
        shown = [n for n in run.nodes if n.dtype is not None]
        self.index = {n: i for i, n in enumerate(shown, 1)}
        self.happenings = Happenings(run, self.index)
        self.settled, self.bent, self.parted, self.notes = settle(self)
        self.limit = run.limit or any(self.bent)
        self.digits = Digits(run.symbols)
        self.underflow = False  # told once
        self.happenings.tell(words.taken(self))
        self.partials: dict[tuple[Node, int], Symbol] = {}
        self.out_name = self._output_name()
        if run.limit:
            self.notes.append(words.returned(self))

    def build(self, work: bool = True) -> dict[str, Any]:
        """Return the whole document; without `work`, only what a picture shows."""
        run = self.run
        maps, told = operators.named(run)
        NAMES.set(maps)
        forward = self.forward()
        edges = self.edges()
        doc: dict[str, Any] = {
            "schema": SCHEMA,
            "mode": self.mode,
            "detail": self.detail,
            "output": self.out_name,
            "forward": forward,
            "edges": edges,
            "backward": self.backward(),
            "problem": self.problem(),
        }
        doc["tangents"] = self.tangents() if self.mode != "reverse" else []
        doc["gradients"] = self.gradients()
        if work:
            self.rounding = Roundings(self)
            doc["paths"] = paths(self)
            doc["matrix"] = matrix_form(self)
            doc |= closed_form(self)
            doc["roots"] = self.happenings.roots(self)
            doc["check"] = checks.check(self)
            doc["cost"] = costs.cost(self)
        doc["complex"] = any(
            np.iscomplexobj(n.output) for n in self.sweep.gradients if n.dtype is not None)
        if doc["complex"]:
            self.notes.append(words.COMPLEX)
        if any(s.name.turn and not s.words for s in run.symbols.values()):
            self.notes.append(words.BOUND)
        self.notes += told
        if words.by_entries(self):
            self.notes.append(words.ENTRIES)
        if self.limit:
            doc["limit"] = {"value": run.limit, "parted": self.parted}
        doc["notes"] = self.notes + self.happenings.notes
        doc["symbols"] = {s.id: self.symbol(s) for s in run.symbols.values()}
        words.agree(doc)
        return strict(doc)  # type: ignore[no-any-return]

    def _name_parts(self) -> bool:
        """Give names to the results of steps that the rules read and nothing else does."""
        run = self.run
        found: list[tuple[Node, int]] = []
        terms = [t.whole for ts in self.sweep.terms.values() for t in ts]
        for whole in [n for n in run.nodes if n.op is not None and n.op.outputs and n in run.live]:
            tree = run.reader.tree(whole)
            found += [(whole, k) for k in sorted({i for t in terms for i in _parts_of(tree, t)})]
        if found:
            run.add_parts(found)
        return bool(found)

    # --- helpers ------------------------------------------------------------------------------
    def line(self, lhs: Expr, sides: list[Expr], value: Any) -> dict[str, Any]:
        """Return one chain of equalities."""
        kept: list[Expr] = []
        for s in sides:
            if s not in (lhs, *kept):
                kept.append(s)
        return {
            "lhs": to_json(lhs),
            "sides": [to_json(s) for s in kept],
            "value": None if value is None else self.shown(value),
        } | ({"rough": True} if self._rough(lhs, kept, value) else {})

    def _rough(self, lhs: Expr, sides: list[Expr], value: Any) -> bool:
        """Say whether a value is only near to what its formula gives; tell an underflow."""
        if value is None or not self.digits.rough(lhs, sides, value):
            return False
        if sides and not self.underflow and not np.all(value) and isinstance(lhs, Sym):
            self.underflow = words.underflow(self, lhs, sides[0], value)
        return not self._digits_lost(value)

    def _digits_lost(self, value: Any) -> bool:
        """Say whether a value is shown with fewer digits than it has, which tells that already."""
        told = self.shown(value)
        return bool(told["rounded"] if "rounded" in told else rounded(np.asarray(value)[()]))

    def shown(self, value: Any) -> dict[str, Any]:
        """Describe a value, once for all places where it is shown."""
        known = self.told.get(id(value))
        if known is None or known[0] is not value:
            known = self.told[id(value)] = value, value_to_json(value)
        return known[1]

    def seed_tree(self) -> Expr:
        """Return the seed of the backward sweep: 1, or the gradient's own symbol for an array."""
        if self.entry is None or self.run.output is None:
            return Num(1)
        return Sym("bar:" + self.run.symbol_of[self.run.output].id, np.shape(self.seed))

    def numeric(self, e: Expr) -> Expr:
        """Put numbers in the place of scalar symbols."""
        return substitute(e, self._number)

    def _number(self, s: Sym) -> Expr:
        value = self.run.symbols[s.id].value
        if np.ndim(value):
            return s
        return self._as_number(value, self.digits.is_rough(s.id))

    def _as_number(self, value: Any, rough: bool) -> Num:
        value = np.asarray(value)[()]
        return Num(value, rough=rough and not rounded(value))

    def symbol(self, s: Symbol) -> dict[str, Any]:
        """Return the entry of the table of symbols."""
        out: dict[str, Any] = {
            "id": s.id, "name": s.name.raw, "text": s.text, "latex": s.latex, "kind": s.kind,
            "shape": list(s.shape), "dtype": dtype_name(np.asarray(s.value).dtype),
            "value": self.shown(s.value),
        }  # fmt: skip
        if self.digits.is_rough(s.id) and not self._digits_lost(s.value):
            out["rough"] = True
        if s.source is not None:
            out["source"] = _source(s.source)
        return out

    def _output_name(self) -> str:
        run = self.run
        if run.output is not None and run.output.op is not None:
            of = run.symbol_of[run.output]
            told = not of.name.raw.startswith("v") or (
                of.source is not None and of.source.target and run.output.place != run.asked)
            if told and not run.limit:  # else the last step is not what is returned
                return of.id
        held = {s.name.raw for s in run.symbols.values()}  # some of them as y⁽¹⁾, y⁽²⁾
        words = chain(("y", "f", "out", "result"), map("out{}".format, count(1)))
        free = next(w for w in words if w not in held and run.namer.free(w))  # y' is a derivative
        name = run.namer.take(free, free)
        run.add(Symbol(name.text, name, "output", run.value))
        return name.text

    # --- sections -----------------------------------------------------------------------------
    def problem(self) -> dict[str, Any]:
        """State what is differentiated, where, and by which mode."""
        run = self.run
        statement = flat = None
        if run.output is not None:
            own = run.symbol_of.get(run.output)
            flat = self.flat(run.output) if run.output.op is not None or own is None else own.sym()
            solved = flat is not None and run.output.op is not None and own is not None and (
                flat == own.sym())  # its rows say nothing of the function
            if flat is not None and not solved:
                statement = to_json(flat)
        name = getattr(run.function, "__name__", type(run.function).__name__)
        code = getattr(inspect.unwrap(run.function), "__code__", None)
        return {
            "function": name,
            "file": os.path.basename(code.co_filename) if code else "",
            "line": head_line(code) if code else 0,
            "statement": statement,
            **({"of": run.symbol_of[run.output].id} if statement is not None and run.limit else {}),
            "here": statement is not None and (
                self.happenings.here() or self._other_elsewhere(flat)),
            "inputs": [run.symbol_of[n].id for n in run.inputs],
            "data": [s.id for s in run.symbols.values() if s.kind == "data"],
            "given": [f"{path} = {v!r}" if len(repr(v)) <= GIVEN else path for path, v in run.data
                      if isinstance(v, bool | int | str)],
            "constants": [s.id for s in run.symbols.values() if s.kind == "constant"],
            "outputs": int(np.size(run.value)),
            "entry": None if self.entry is None else list(self.entry),
            "parameters": sum(int(np.size(n.output)) for n in run.inputs),
        }

    def _other_elsewhere(self, statement: Expr | None) -> bool:
        """Tell of a formula that is of this run alone."""
        if statement is None or statements.holds(self, statement):
            return False
        self.notes.append("the formula of the problem is of this point: at another the program "
                          "may take other steps")  # fmt: skip
        return True

    def flat(self, node: Node, limit: int = STATEMENT) -> Expr | None:
        """Write a step out in the inputs, or return None where that would be too long."""
        trees: dict[Node, Expr] = {n: self.run.symbol_of[n].sym() for n in self.run.inputs}
        by_symbol = {s.id: n for n, s in self.run.symbol_of.items()}

        def put(s: Sym) -> Expr:
            return trees.get(by_symbol.get(s.id), s)  # type: ignore[arg-type]

        solved = {
            n for e in self.happenings.solvers for n in self.run.graph.nodes[slice(*e.span)]
        }
        for n in self.run.nodes:
            if n.dtype is None:
                continue
            if n in solved:  # its numbers say nothing: by its name
                trees[n] = self.run.symbol_of[n].sym()
                continue
            trees[n] = substitute(self.run.expression(n), put)
            if size(trees[n], limit + 1) > limit:
                trees[n] = self.run.symbol_of[n].sym() if n is not node else trees[n]
                return None
        return self.run.in_numbers(trees[node]) if self.run.folded else trees[node]

    def forward(self) -> list[dict[str, Any]]:
        """Return one row per step: name, operation, value, source."""
        rows = []
        for node in self.run.nodes:
            if node.dtype is None:
                continue
            symbol = self.run.symbol_of[node]
            tree = self.run.expression(node)
            sides = [self._from_here(node, tree)] if self._is_offset(node, tree) else [tree]
            if sides and node.shape == () and self.detail == "full":
                sides.append(self.numeric(sides[0]))
            row: dict[str, Any] = {
                "index": self.index[node],
                "symbol": symbol.id,
                "line": self.line(symbol.sym(), sides, node.output),
                "live": node in self.run.live,
            }
            if node in self.happenings.marks:
                row["mark"] = self.happenings.marks[node]
            if symbol.source is not None:
                row["source"] = _source(symbol.source)
            rows.append(row)
        return rows

    def _is_offset(self, node: Node, tree: Expr) -> bool:
        """Say whether a row of a solver holds a value that its formula does not give.

        Such rows carry a derivative: they stand for c·(a − a₀), which is 0 here.
        """
        if node not in self.happenings.solved:
            return False
        found = evaluate(tree, self.run.symbols)
        return not np.allclose(found, node.output, 1e-6, 0.0, equal_nan=True)

    def _from_here(self, node: Node, tree: Expr) -> Expr:
        """Write such a row as what it stands for: c·(a − a₀), or c·a − c·a₀."""
        moved = substitute(tree, lambda s: App("subtract", (s, self._here(s)), {}, s.shape))
        with np.errstate(all="ignore"):
            found = evaluate(moved, self.run.symbols)
        if np.allclose(found, node.output, 1e-9, 1e-12 * np.max(np.abs(evaluate(
                tree, self.run.symbols)), initial=0.0), equal_nan=True):  # fmt: skip
            return moved
        return App("subtract", (tree, self.run.constant(np.subtract(
            evaluate(tree, self.run.symbols), node.output))), {}, node.shape)  # fmt: skip

    def _here(self, s: Sym) -> Expr:
        """Return the number that a symbol has at the point, as a constant."""
        return self.run.constant(np.array(self.run.symbols[s.id].value)[()])

    def edges(self) -> list[dict[str, Any]]:
        """Return the local derivative of every edge, as the rule's own formula and its number."""
        rows = []
        for parent, terms in self._terms_in_order():
            for term in terms:
                rows.append(self._edge(parent, term, terms))
        order = {s.id: i for i, s in enumerate(self.run.symbol_of.values())}
        return sorted(rows, key=lambda r: (order[r["to"]], r["argument"]))

    def _terms_in_order(self) -> list[tuple[Node, list[Term]]]:
        return [(n, t) for n, t in self.sweep.terms.items() if n.dtype is not None]

    def readings(self, term: Term) -> list[Node]:
        """Return the named steps at the end of an edge: of several results, those that are used."""
        if term.reader.dtype is not None:
            return [term.reader]
        return [n for n in self.sweep.gradients if n.inputs and n.inputs[0] is term.reader][::-1]

    def reading(self, term: Term) -> Node:
        """Return the first of them."""
        return self.readings(term)[0]

    def _edge(self, parent: Node, term: Term, terms: list[Term]) -> dict[str, Any]:
        run = self.run
        reader = self.reading(term)
        a, b = run.symbol_of[parent], run.symbol_of[reader]
        if reader in self.sweep.gradients:
            bar(run, reader, self.sweep.gradients[reader])
        ct = Sym("bar:" + b.id, reader.shape)
        partial = partial_of(term, ct) if term.reader.dtype is not None else None
        op = term.reader.op
        assert op is not None
        row: dict[str, Any] = {
            "from": a.id, "to": b.id, "argument": term.argument, "op": op.name,
            "rule": words.rule(self, term, parent),
        }  # fmt: skip
        if len(parts := self.readings(term)) > 1:
            row["parts"] = [run.symbol_of[n].id for n in parts]
        if partial is None:
            row |= {"kind": "map", "map": to_json(term.whole), "steps": size(term.whole)}
            return row
        twice = sum(t.reader is term.reader for t in terms) > 1
        symbol = self._partial_symbol(a, b, term.argument + 1 if twice else 0, partial)
        self.partials[term.reader, term.argument] = symbol
        sides = [partial]
        if symbol.shape == ():
            sides.append(self.numeric(partial))
        row |= {"kind": "partial", "symbol": symbol.id,
                "line": self.line(symbol.sym(), sides, symbol.value)}  # fmt: skip
        return row

    def _partial_symbol(self, a: Symbol, b: Symbol, which: int, partial: Expr) -> Symbol:
        small = str(which).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")) if which else ""
        text = f"∂{small}{b.text}/∂{a.text}"
        sub = f"_{{{which}}}" if which else ""
        latex = f"\\frac{{\\partial{sub} {b.latex}}}{{\\partial {a.latex}}}"
        value = evaluate(partial, self.run.symbols)
        if np.asarray(value).dtype.kind == "b":  # a slope is a number: 1 or 0
            value = np.asarray(value, float)[()]
        return self.run.add(
            Symbol(f"d{which}:{b.id}/{a.id}", b.name, "partial", value, words=(text, latex))
        )

    def backward(self) -> list[dict[str, Any]]:
        """Return one row per gradient: the sum over its edges, symbols, numbers, result."""
        rows = []
        for node in self.sweep.order:
            rows.append(self._gradient_row(node))
        return rows

    def _gradient_row(self, node: Node) -> dict[str, Any]:
        run, value = self.run, self.sweep.gradients[node]
        symbol = bar(run, node, value)
        row: dict[str, Any] = {"of": run.symbol_of[node].id, "symbol": symbol.id}
        terms = self.sweep.terms.get(node, [])
        if not terms or (node is run.output and not terms):
            row |= {"seed": True, "terms": [], "uses": 0, "arrived": 0,
                    "line": self.line(symbol.sym(), [], value)}  # fmt: skip
            return row
        symbolic = [self.term_tree(t) for t in terms]
        sides: list[Expr] = []
        if len(terms) <= MANY:
            sides.append(add_up(symbolic))
            if node.shape == () and all(t.reader.shape == () for t in terms):
                sides.append(self.numeric(sides[0]))
                if len(terms) > 1:
                    sides.append(add_up([
                        self._as_number(t.value, self.digits.differs(s, t.value))
                        for t, s in zip(terms, symbolic, strict=True)]))
        row |= {
            "terms": [
                {"via": run.symbol_of[self.reading(t)].id, "argument": t.argument,
                 "expr": to_json(s), "value": value_to_json(t.value)}
                for t, s in zip(terms, symbolic, strict=True)
            ],
            "uses": len(terms), "arrived": len(terms), "final": True,
            "rule": words.rule(self, terms[0], node) if len(terms) == 1 else "",
            "line": self.line(symbol.sym(), sides, value),
        }  # fmt: skip
        return row

    def term_tree(self, term: Term) -> Expr:
        """Return one edge's contribution with the local derivative under its name."""
        symbol = self.partials.get((term.reader, term.argument))
        if symbol is None:
            return term.whole
        ct = Sym("bar:" + self.run.symbol_of[term.reader].id, term.reader.shape)
        product = apply("multiply", ct, symbol.sym(), shape=term.rule.shape)
        partial = partial_of(term, ct)
        if term.whole is term.rule or term.whole == term.rule or partial is None:
            return product
        return put(term.whole, term.rule, product)

    def gradients(self) -> list[dict[str, Any]]:
        """Return the result: the gradient with respect to every input."""
        rows = []
        for node in self.run.inputs:
            value = self.sweep.gradients.get(node)
            if value is None:
                value = np.zeros(node.shape, node.dtype)[()]
                if not np.any(self.settled_of(node)):  # else its limit is told
                    self.notes.append(words.nothing_flows(self, node))
            symbol = bar(self.run, node, value)
            rows.append({"of": self.run.symbol_of[node].id, "symbol": symbol.id,
                         "line": self.line(symbol.sym(), [], value)})  # fmt: skip
            if self.limit:  # a bar is what the rules give; this is the derivative
                settled, whole = self.settled_of(node), total(self, node)
                rows[-1] |= {"limit": self.bent[self.run.inputs.index(node)],
                             "total": whole.id, "line": self.line(whole.sym(), [], settled)}
        return rows

    def settled_of(self, node: Node) -> Any:
        """Return the gradient of an input as `grad` gives it."""
        return self.settled[self.run.inputs.index(node)]

    def tangents(self) -> list[dict[str, Any]]:
        """Return forward sweeps: one per scalar input, or along the first entry of an array."""
        out = []
        for node in self.run.inputs:
            seed = np.zeros(node.shape, node.dtype)
            seed[(0,) * seed.ndim] = 1
            seed = seed[()]
            for key in [k for k in self.run.symbols if k.startswith("dot:")]:
                del self.run.symbols[key]
                self.digits.found.pop(key, None)
            steps, _, end = forward_sweep(self.run, {node: seed})
            first = self.run.symbols["dot:" + self.run.symbol_of[node].id]
            line = self.line(first.sym(), [], seed)
            rows = [self._tangent_row(p) for p in steps]
            out.append({
                "seed": self.run.symbol_of[node].id,
                "entry": [0] * np.ndim(node.output),
                "line": line,
                "rows": rows,
                "result": None if end is None else value_to_json(end),
                "symbols": {k: self.symbol(s) for k, s in self.run.symbols.items()
                            if k.startswith("dot:")},
            })  # fmt: skip
        return out

    def _tangent_row(self, step: Any) -> dict[str, Any]:
        symbol = self.run.symbols["dot:" + self.run.symbol_of[step.node].id]
        sides = [step.formula]
        if step.node.shape == ():
            sides.append(self.numeric(step.formula))
        return {"of": self.run.symbol_of[step.node].id,
                "line": self.line(symbol.sym(), sides, step.value)}  # fmt: skip


def _parts_of(whole: Expr, e: Expr) -> Iterator[int]:
    """Iterate over the results of a step that a formula reads without a name for them."""
    if isinstance(e, App):
        if e.op == "component" and e.args[0] == whole:
            yield e.params["index"]
        else:
            for a in e.args:
                yield from _parts_of(whole, a)


def _source(s: Any) -> dict[str, Any]:
    return {"file": os.path.basename(s.file), "line": s.line, "column": s.column,
            "text": shown_text(s)}  # fmt: skip
