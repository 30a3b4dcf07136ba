"""What a run does to its derivatives: branches, kinks, steps, stops and solvers, told by place."""

import contextlib
import inspect
import os
from types import CodeType
from typing import Any

import numpy as np

from ..core.graph import Node
from ..core.spoken import spoken
from ..diagnose.compare import unchecked
from ..diagnose.kinks import BROKEN, STEEP, called_by, cut_at, decides, on_step, touched
from ..diagnose.survey import ON_STEP, cut, steps
from ..diagnose.watching import BRANCH, CUT, SOLVER, STOP, Event, outcomes
from ..modes.reverse import backward
from ..programs.watch import Watch, catches
from ..slopes import silent
from ..tracing.source import inside, of_engine
from ..tracing.tracer import TRACERS
from . import origins
from .expr import App, Sym
from .kept import callee
from .names import runs
from .record import Run, Symbol
from .shapes import place_text
from .writer import Writer

SEE = ": see the notes"
ASKED = 60  # characters of a question
_JUMPING = ("remainder", "fmod", "mod", "divmod", "modf")


class Happenings:
    """The notes of a run, a mark for every step that one is about, and the roots it found."""

    def __init__(self, run: Run, index: dict[Node, int]) -> None:
        self.run, self.index = run, index
        self.notes: list[str] = []
        self.marks: dict[Node, str] = {}
        self.solvers = [e for e in run.events if e.kind == SOLVER and self.inside(e)]
        self.solved = {n for e in self.solvers for n in self.inside(e)}
        self.carried = {n for e in self.solvers if not e.replayed for n in self.inside(e)}

    def tell(self, taken: str) -> None:
        """Tell what happened; `taken` says how, where no rule made the gradient."""
        if self.run.drew:
            self.notes.append("the program drew random numbers: they are held fixed, and the "
                              "derivative is that of this draw")  # fmt: skip
        for event in self.run.events:
            self._event(event, taken)
        self._steps()
        self._beyond()
        self._origins()
        self._kinks(f"; here {taken}" if taken else "")

    def inside(self, event: Event) -> list[Node]:
        """Return the steps of a solver that carry a derivative."""
        nodes = self.run.graph.nodes[slice(*event.span)]
        return [n for n in nodes if n in self.run.live and n.dtype is not None]

    def _event(self, event: Event, taken: str) -> None:
        place, found = place_text(event.source), outcomes(event.outcomes)
        if event.kind == BRANCH:
            who = "the program branches at" if not event.library else (
                "the library's own code branches, called at")
            who = f"what {event.solver} calls branches at" if event.solver else who
            then = event.answer or taken or "the derivative is that of the branch that ran"
            self.notes.append(
                f"{who} {place}: what it asks there{self._asked(event)} is {found}; {then}")
        elif event.kind == CUT:
            why = "what it becomes is locally constant, and no derivative flows through it"
            self.notes.append(f"a value ({found}) is {cut(event)} at {place}: "
                              f"{event.answer or (ON_STEP if cut_at(event) else why)}")
        elif event.kind == STOP:
            self.notes.append(
                f"stop_gradient holds a value fast at {place} ({found}): the derivative takes it "
                "as a constant, so it is not the slope of the whole program"
            )
        elif event in self.solvers:
            self._solver(event, place)

    def _asked(self, event: Event) -> str:
        """Write the question of a `max` or a `sorted`, which the source does not show."""
        text = event.source.text if event.source is not None else ""
        asked = event.asked is not None and event.asked.op is not None
        if not asked or len(event.outcomes) > 1 or any(c in text for c in "<>=!"):
            return ""
        symbols = {id: {"text": s.text} for id, s in self.run.symbols.items()}
        try:
            words = Writer(symbols).expr(self.run.reader.step(event.asked))
        except KeyError:  # of what is no step that is shown
            return ""
        return f", {words}," if len(words) <= ASKED else ""

    def _solver(self, event: Event, place: str) -> None:
        nodes = self.inside(event)
        rows = [self.index[n] for n in nodes if n in self.index]
        one = len(rows) == 1
        which = f"row {rows[0]}" if one else f"rows {min(rows)} to {max(rows)}"
        root = " It is a root: see its equation under “Closed form”." if event.roots else ""
        carry = "carries" if one else "carry"
        rows_are = f"{carry} the derivative of its answer, not of its iterations"
        if event.replayed:
            steps = "is the step" if one else "are the steps"
            rows_are = f"{steps} that it took, taken again: the derivative is that of these " \
                "steps, with their sizes held fast" + (
                    ", and with the way of the times at which they cross over" * event.pieces)
        end = " What it is given jumps or bends exactly at an end of where it goes: where the " \
            "slopes on both sides of the point differ, the middle of them is taken." * event.at_end
        self.notes.append(
            f"{event.outcomes[0]} ran on plain numbers at {place}: {which} {rows_are}, and "
            f"{'its' if one else 'their'} numbers are those of this run.{root}{end}"
        )
        for n in nodes:
            self.marks[n] = event.outcomes[0] + SEE

    def _kinks(self, taken: str) -> None:
        """Tell the kinks that were touched."""
        calls = called_by(self.run.graph, self.run.events)
        for node, what, why in touched(self.run.graph, self.run.events):
            place, steep = place_text(self.run.source(node)), node.op.name in STEEP
            words = "is at a kink or tie"
            if steep:  # of the step alone: √(x·x) has none
                words = "is a step that has a vertical tangent"
            if node in self.run.symbol_of:
                name = self.run.symbol_of[node].text
                self.notes.append(f"{name} {words} ({place}): {what}; {why}{taken}")
                self.marks[node] = ("a vertical tangent" if steep else "at a kink or tie") + SEE
            elif node in calls:
                words = f"what {calls[node]} calls comes by a kink or tie ({place}): {what}; {why}"
                self.notes += [words] * (words not in self.notes)
            elif node.dtype is None or node.dtype.kind in "biu":  # what it decided is no step
                words = f"the program {words} ({place}): {what}; {why}{taken}"
                self.notes += [words] * (words not in self.notes)

    def _origins(self) -> None:
        """Mark the steps that one call of a library takes, and those of a rule."""
        shown = [n for n in self.run.nodes if n in self.run.symbol_of and n not in self.solved]
        for n in shown:
            if n in self.run.ruled:
                self._mark(n, origins.told(self.run.ruled[n], n, self.run))
        shown, start = [n for n in shown if n not in self.run.ruled], 0
        for end in sorted(runs(shown)):
            steps, start = shown[start : end + 1], end + 1
            if (called := callee(steps[0])) and len(steps) > 1:
                last = self.run.symbol_of[steps[-1]].text
                self._mark(steps[0], f"from here to {last}: steps of {called}")

    def _mark(self, node: Node, words: str) -> None:
        self.marks[node] = f"{words}; {self.marks[node]}" if node in self.marks else words

    def _steps(self) -> None:
        for node, what, _ in steps(self.run.graph):
            if node in self.run.symbol_of:
                locally = "it is locally constant, so no derivative flows"
                self._step(node, f"{what}: {ON_STEP if on_step(node) else locally}")
        for node in self.run.nodes:
            if node.op is not None and node.op.name in BROKEN and on_step(node):
                self._step(node, f"{spoken(node.op.name)} jumps here; the derivative taken is that "
                           "of the piece that holds the point", "it jumps here")  # fmt: skip
        seen = set()
        for node in self.run.nodes:
            if node.op is not None and node.op.name in _JUMPING and node in self.run.live:
                if node.place not in seen:
                    seen.add(node.place)
                    here = ": the point stands on a jump" if on_step(node) else ""
                    name = spoken(node.op.name)
                    self._step(node, f"{name} jumps where the quotient is whole{here}; the "
                               "derivative is that between two jumps", "it has jumps")  # fmt: skip

    def _beyond(self) -> None:
        """Tell the first value that is not finite, of operands that are; NumPy knows why."""
        for node in self.run.nodes:
            if node.dtype is None or node.dtype.kind not in "fc" or _finite(node.output):
                continue
            if all(map(_finite, node.primals)):
                then = "; the output is finite" if _finite(self.run.value) else (
                    ": what follows from it is not checked")  # fmt: skip
                words = f"it is not finite{_accident(node)}{then}"
                self._step(node, words, "not finite")
            return

    def _step(self, node: Node, words: str, mark: str = "a step function") -> None:
        if node not in self.run.symbol_of:
            return
        place = place_text(self.run.source(node))
        self.notes.append(f"{self.run.symbol_of[node].text} ({place}): {words}")
        self.marks[node] = mark + SEE

    # --- what keeps a formula from being the program's -------------------------------------------
    def frozen(self) -> str:
        """Say why no formula can be read off this run, or nothing."""
        if self.solvers:
            name, place = self.solvers[0].outcomes[0], place_text(self.solvers[0].source)
            return f"{name} at {place} has no formula: its rows hold numbers of this point alone"
        if self.run.drew:
            return "the program draws random numbers, and a formula would be of one draw"
        for event in self.run.events:
            place = place_text(event.source)
            if event.kind == STOP:
                return f"stop_gradient holds a value fast at {place}, as no formula does"
            if event.kind in (BRANCH, CUT):
                who = "a library" if event.library else "the program"
                return f"{who} decides by its values at {place}: a formula is of one branch"
        return ""

    def here(self) -> bool:
        """Say whether the steps are the function's at this point alone."""
        return any(e.kind in (BRANCH, CUT, STOP) and not e.library for e in self.run.events)

    def decides(self) -> bool:
        """Say whether the program decides exactly at the point: a kink, a jump, a cut."""
        return bool(self.run.inner) or decides(self.run.graph, self.run.events)

    def roots(self, builder: Any) -> list[dict[str, Any]]:
        """Tell every root as what it is: F(x, a) = 0, dx/da = −F_a/F_x."""
        found = []
        for event in self.solvers:
            for root, known in event.roots:
                node = root.cr_node if type(root) in TRACERS else None
                if node in self.run.symbol_of:
                    found.append(self._root(builder, event, node, known, len(found) + 1))
        return found

    def _root(self, builder: Any, event: Event, node: Node, known: Any, k: int) -> dict[str, Any]:
        x = self.run.symbol_of[node]
        flow = self._partials(known.residual)
        names = [self.run.symbol_of[n] for n in flow]
        inputs = ", ".join(s.text for s in names)
        letter = "F" if self.run.namer.free("F") else "Res"  # the residual; F is the user's
        name = letter if k == 1 else f"{letter}{k}"
        formula = "d{0}/d{1} = −{2}_{1} / {2}_{0}" if not x.shape else (
            "d{0}/d{1} = −(∂{2}/∂{0})⁻¹ ∂{2}/∂{1}")  # fmt: skip
        words = (
            f"{x.text} solves {name}({x.text}, {inputs}) = 0 "
            f"({event.outcomes[0]} at {place_text(event.source)}), so "
            + "; ".join(formula.format(x.text, s.text, name) for s in names)
        )
        lines = []
        slope = getattr(known.jacobian, "entries", getattr(known.jacobian, "matrix", None))
        if not x.shape and slope is not None and np.size(slope) == 1:
            for n, value in flow.items():
                if not n.shape:
                    lines.append(self._slope(builder, name, x, n, float(value), slope))
        return {"words": words, "lines": lines}

    def _partials(self, residual: Any) -> dict[Node, Any]:
        """Return ∂F/∂a for every input a that F reads, the unknown held fast."""
        if np.size(residual.cr_value) != 1:
            return dict.fromkeys(self.run.inputs)
        ct = np.ones(residual.shape, residual.dtype)[()]
        cotangents: dict[Node, Any] = {residual.cr_node: ct}
        backward(self.run.graph.nodes, cotangents)
        return {n: cotangents[n] for n in self.run.inputs if n in cotangents}

    def _slope(
        self, builder: Any, name: str, x: Symbol, n: Node, by_input: float, slope: Any
    ) -> dict[str, Any]:
        a, by_root = self.run.symbol_of[n], float(np.ravel(slope)[0])
        parts = []
        for of, value in ((a, by_input), (x, by_root)):
            words = (f"∂{name}/∂{of.text}", f"\\frac{{\\partial {name}}}{{\\partial {of.latex}}}")
            parts.append(self.run.add(
                Symbol(f"d:{name}/{of.id}", of.name, "partial", np.float64(value), words=words)
            ))  # fmt: skip
        words = (f"d{x.text}/d{a.text}", f"\\frac{{d{x.latex}}}{{d{a.latex}}}")
        total = np.float64(-by_input / by_root)
        whole = self.run.add(Symbol(f"root:{x.id}/{a.id}", x.name, "partial", total, words=words))
        top, bottom = (Sym(p.id) for p in parts)
        quotient = App("negative", (App("divide", (top, bottom)),))
        line: dict[str, Any] = builder.line(
            whole.sym(), [quotient, builder.numeric(quotient)], total
        )
        return line


def catching(run: Run) -> str:
    """Say where the program catches exceptions, by which it may decide; else nothing."""
    for code in sorted(_called(run), key=lambda c: (c.co_filename, c.co_firstlineno)):
        if line := catches(code):
            return f"{code.co_name} catches exceptions ({os.path.basename(code.co_filename)}:" \
                f"{line}), and what it catches may hang on its values: a formula is of one branch"
    return ""


def _called(run: Run) -> set[CodeType]:
    """Return the user's code that a plain run enters: much of it may record nothing.

    Under somebody's profiler, which cannot be put back, it is the code that records.
    """
    found = {n.place[0] for n in run.graph.nodes if n.place is not None}
    found |= {c for c in [getattr(inspect.unwrap(run.function), "__code__", None)] if c is not None}
    watch = Watch()
    # what it raises is told elsewhere
    with silent(), unchecked(), contextlib.suppress(Exception), watch.on():
        run.plain(run.call.leaves)
    found |= watch.codes
    return {c for c in found if not inside[c.co_filename] and not of_engine(c.co_filename)}


def _finite(value: Any) -> bool:
    a = np.asarray(value)
    return a.dtype.kind not in "fc" or bool(np.all(np.isfinite(a)))


def _accident(node: Node) -> str:
    """Return what NumPy says happens there: an overflow, a division by zero, no valid value."""
    assert node.op is not None
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        try:
            node.op.value(*node.primals, **node.params)
        except FloatingPointError as error:
            return f" ({str(error).partition(' encountered')[0]})"
        except Exception:  # some read more than plain numbers have
            return ""
    return ""
