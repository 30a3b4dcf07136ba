"""`check`: one run of a function that lists where its derivative is lost, zero or a choice.

The run records as `trace` does. What would raise is noted instead, and the run goes on with the
plain value, so that one call shows all places; the rest is read off the recording.
"""

import inspect
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any

import numpy as np

from .. import limits, tree
from ..core.graph import Graph, Node, Place
from ..core.settings import AnewError
from ..core.spoken import spoken
from ..errors import ChainRuleError, CheckError, CustomRuleError, UncheckedWarning, paragraph
from ..lift import Argnums, Call, check_output, name_of
from ..tracing.losses import swallowed
from ..tracing.recording import Recording
from ..tracing.running import Note
from ..tracing.searches import Row
from ..tracing.source import describe_line, describe_place, resolve
from ..tracing.tracer import TRACERS
from ..tracing.watching import COMPARING, ROUNDING
from .compare import Disagreement, Point, compare, unchecked
from .kinks import cut_at, on_step, touched
from .watching import BRANCH, CUT, DIGITS, STOP, Event, Watching, outcomes

LOST, DIFFERS, ZERO, CHOICE = "lost", "differs", "zero", "choice"
ON_STEP = "the point stands on the step; the derivative taken is 0, as on both sides"
_SEARCHES = (
    "no operation leads from one to the other; where comparisons search (a bisection, a loop until "
    "a tolerance) the number that they find moves too",
    "leave a search to scipy.optimize.brentq or root, or declare the equation: "
    "@chainrule.implicit.implicit(residual=…)",
)
_DECIDES = (
    "no operation leads from one to the other; what comparisons decide is the same close by",
    "nothing, if that is meant",
)
BESIDE = "what holds at this point alone is no branch: the derivative is the limit around the point"
_HEADINGS = {
    LOST: "the derivative is lost",
    DIFFERS: "the traced run is not the plain one",
    ZERO: "the derivative is zero by construction",
    CHOICE: "a choice was made",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One place: its kind (``lost differs zero choice``), what happens there, and the cure."""

    kind: str
    what: str
    where: str = ""
    why: str = ""
    cure: str = ""

    def __str__(self) -> str:
        return paragraph(self.what, self.where, self.why, self.cure)


@dataclass(frozen=True, slots=True)
class Findings:
    """What `check` found. True if no derivative is lost or wrong; printed, it is the report."""

    function: str
    findings: tuple[Finding, ...]
    uncompared: str = ""  # why no plain run could be compared, where none could

    def __bool__(self) -> bool:
        return not _lost(self.findings)

    def __len__(self) -> int:
        return len(self.findings)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def text(self) -> str:
        """Return the report, one paragraph per place."""
        if not self.findings and not self.uncompared:
            return f"{self.function}: every input reaches the result, nothing is lost on the " \
                "way; value and derivative are those of plain runs"
        parts = []
        if self.uncompared:
            parts = [f"{self.function} could not be compared with plain runs: {self.uncompared}"]
        for kind, heading in _HEADINGS.items():
            here = [f for f in self.findings if f.kind == kind]
            if here:
                parts.append(f"{heading} ({len(here)})")
                parts += [str(f) for f in here]
        return "\n\n".join(parts)

    __str__ = __repr__ = text

    def json(self) -> list[dict[str, str]]:
        """Return the places as data."""
        return [asdict(f) for f in self.findings]


class Survey(Watching):
    """Records, and takes note of what would be an error."""

    __slots__ = ("asked", "notes")

    def __init__(self) -> None:
        super().__init__()
        self.notes: list[Finding] = []
        self.asked: list[Row] = []  # where it searches, or asks what holds at this point alone

    def note(self, finding: Finding) -> None:
        """Keep a finding, once."""
        if finding not in self.notes:
            self.notes.append(finding)

    def compare(self, point: Point, out: Any) -> str:
        """Compare with plain runs; note a disagreement, or return why nothing can be compared."""
        if _lost(self.notes):
            return ""
        found = compare(point, out, np.random.default_rng(0))
        if not isinstance(found, Disagreement):
            return found or ""
        error = found.error(name_of(point.function))
        self.note(Finding(DIFFERS, error.what, error.where, error.why, error.cure))
        return ""

    def lose(self, error: Exception) -> None:
        if not isinstance(error, ChainRuleError):
            raise error
        swallowed.raised = None  # nothing was raised
        self.note(Finding(LOST, error.what, error.where, error.why, error.cure))


def cut(event: Event) -> str:
    """Say what was made of a value."""
    return "rounded" if event.asker.startswith(DIGITS) else "made an integer"


def _happened(event: Event, alone: bool) -> Iterator[Finding]:
    """Say what a place of the program does to its derivatives."""
    found = outcomes(event.outcomes)
    if event.kind == CUT:
        yield Finding(
            ZERO, f"a traced value was {cut(event)}", event.where,
            event.answer or (ON_STEP if cut_at(event) else "what it becomes is locally constant"),
            "leave it as it is where its slope matters",
        )  # fmt: skip
    elif event.kind == STOP:
        yield Finding(
            ZERO, "stop_gradient holds a value fast", event.where, "the derivative takes it as a "
            "constant, so it is not the slope of the whole program",
            "nothing, if that is meant; else leave stop_gradient out",
        )  # fmt: skip
    elif event.kind == BRANCH and not alone:
        who = "the library's own code, called here," if event.library else "the program"
        who = f"what {event.solver} calls" if event.solver else who
        yield Finding(
            CHOICE, f"{who} branches on a traced value, which is {found} here", event.where,
            event.answer or "the derivative is that of the branch that ran",
            "nothing, unless the branches differ in value where they meet",
        )  # fmt: skip


def check(f: Callable[..., Any], *args: Any, argnums: Argnums | None = None) -> Findings:
    """Run `f` and list every place where its derivative is lost, zero or a choice.

    Lost: conversions to plain numbers and functions without a rule, which raise under `grad`; each
    with the variable, the line and the cure. Zero by construction: inputs that do not reach the
    result, rounding and integer casts, comparisons used as numbers. A choice: branches on traced
    values, and kinks that were touched exactly, with the derivative that is taken there.

    The traced run is then compared with plain runs: the value, and the derivative along one random
    direction with extrapolated differences; they differ at the first line and variable at which the
    runs part. Only where both agree it is said that nothing is lost.

    Every argument is traced, unless `argnums` names fewer. The result is true if nothing is lost;
    printed, it is the report; `.json()` gives it as data. What `f` raises itself passes through.

    >>> import numpy as np, chainrule
    >>> def f(x, y):
    ...     return np.abs(x - 1.0) + 0 * np.floor(y)
    >>> found = chainrule.check(f, 1.0, 2.5)
    >>> bool(found), [finding.kind for finding in found]
    (True, ['zero', 'zero', 'choice'])
    """
    call = Call(f, args, {}, tuple(range(len(args))) if argnums is None else argnums)
    call.own()
    begun = limits.begin()
    survey = Survey()
    inputs = [survey.input(x) for x in call.leaves]
    point = Point(f, call.arguments(inputs), {}, survey)
    outputs: list[Any] = []
    out = None
    try:
        with unchecked():
            out = call.run(survey, inputs)
        outputs = tree.flatten(out)[0] if type(out) not in TRACERS else [out]
        if not outputs:
            check_output(f, out)
    except CustomRuleError:
        raise
    except ChainRuleError as error:  # it could not go on
        survey.note(Finding(LOST, error.what, error.where, error.why, error.cure))
    kinked = limits.take(begun, survey)
    alone = bool(outputs and survey.asked) and _looked_at(call, survey)
    if outputs and not kinked and not alone:
        uncompared = survey.compare(point, out)
    else:
        uncompared = "a derivative is a limit here" if outputs else "the run stopped"
    graph = survey.finish(inputs, outputs)
    stopped = not outputs
    found = [*survey.notes, *chain.from_iterable(_happened(e, alone) for e in survey.events)]
    special = [*_special(survey.asked)] if alone else []
    there = {finding.where for finding in special}
    found += special
    apart = () if stopped or alone else _disconnected(call, graph, survey, _defined(f))
    found += [*apart, *_rounding(graph)]
    found += [Finding(CHOICE, what, _place(node.place), why)
              for node, what, why in touched(graph, survey.events)
              if _place(node.place) not in there]  # fmt: skip
    found += _inside_rules(kinked)
    order = list(_HEADINGS)
    found.sort(key=lambda g: order.index(g.kind))
    return Findings(name_of(f), tuple(found), "" if _lost(found) else uncompared)


def _lost(findings: Iterable[Finding]) -> bool:
    return any(f.kind in (LOST, DIFFERS) for f in findings)


def _looked_at(call: Call, survey: Survey) -> bool:
    """Run as `grad` does; say whether its derivative is a limit, and note what it would raise."""
    begun, trace = limits.begin(), Recording()
    inputs = [trace.input(x) for x in call.leaves]
    try:
        with unchecked(), warnings.catch_warnings():
            warnings.simplefilter("ignore", UncheckedWarning)
            call.run(trace, inputs)
    except AnewError:  # it gave back what an earlier call had kept
        return False
    except CheckError as error:
        survey.note(Finding(LOST, error.what, error.where, error.why, error.cure))
    return any(note.detail == limits.ALONE for note in limits.take(begun, trace))


def _special(rows: list[Row]) -> Iterator[Finding]:
    for place in dict.fromkeys(row.place for row in rows if row.alone()):
        yield Finding(
            CHOICE, "the program asks for what holds at this point alone", describe_place(place),
            BESIDE, "nothing, if the program is continuous there",
        )  # fmt: skip


def _inside_rules(notes: Iterable[Note]) -> Iterator[Finding]:
    """Tell the ties that were met in derivatives which the function itself takes."""
    for op, place in dict.fromkeys((n.op, n.place) for n in notes if n.kind == "tie"):
        yield Finding(
            CHOICE, f"a derivative inside the function stands at a tie or kink of {spoken(op)}",
            _place(place), "its own derivative is the limit around the point, as far as there is "
            "one; else a KinkWarning tells the sides",
        )  # fmt: skip


def _place(place: Place | None) -> str:
    found = resolve(place)
    if found is None:
        return ""
    name = f"   (variable {found.target!r})" if found.target else ""
    text = f":  {found.text}" if found.text else ""
    return f"{found}, in {found.function}{text}{name}"


def _defined(f: Any) -> str:
    """Say where a function of the user's stands."""
    code = getattr(inspect.unwrap(f), "__code__", None)
    return describe_line(code) if code is not None else ""


def _disconnected(
    call: Call, graph: Graph, survey: Survey, where: str
) -> Iterator[Finding]:  # fmt: skip
    """Find inputs from which no path of derivatives leads to the result."""
    ends = {o for o in graph.outputs if type(o) is Node}
    asked = {n for e in survey.events for n in (e.asked, *e.makers)}  # by a branch, or cut
    reached, used = set(ends), ends | asked  # by derivatives, and by whatever way
    for node in reversed(graph.nodes):
        for k, parent in enumerate(node.inputs if node in used else ()):
            if parent is not None and node.op is not None:
                used.add(parent)
                if node in reached and node.op.flows(k):
                    reached.add(parent)
    read = {parent for node in graph.nodes for parent in node.inputs}
    searches = any(row.searched() for row in survey.asked)
    for name, node in zip(call.names(), graph.inputs, strict=True):
        if node in reached:
            continue
        if _is_compared(graph, node):
            yield Finding(
                ZERO, f"the result depends on {name} through comparisons only: its gradient is "
                "zero", where, *(_SEARCHES if searches else _DECIDES),
            )  # fmt: skip
        elif node in used:
            yield Finding(
                ZERO, f"no derivative leads from {name} to the result: its gradient is zero", where,
                "every path from it ends in something through which no derivative flows",
                f"look where its paths end, or leave {name} out of the inputs",
            )  # fmt: skip
        else:
            yield Finding(
                ZERO, f"the input {name} does not reach the result: its gradient is zero", where,
                "no operation reads it" if node not in read else
                "nothing that is computed of it reaches the result",
                f"use {name}, or leave it out of the inputs",
            )  # fmt: skip


def _is_compared(graph: Graph, start: Node) -> bool:
    """Say whether what is computed of an input is compared, by a comparison that is no number."""
    read = {start}
    for node in graph.nodes:
        if node.op is not None and any(p in read for p in node.inputs if p is not None):
            if node.op.name in COMPARING:
                return True
            read.add(node)
    return False


def _rounding(graph: Graph) -> Iterator[Finding]:
    for node, what, cure in steps(graph):
        why = ON_STEP if on_step(node) else "it is locally constant"
        yield Finding(ZERO, what, _place(node.place), why, cure)


def steps(graph: Graph) -> Iterator[tuple[Node, str, str]]:
    """Find rounding, integer casts, and comparisons whose outcome is used as a number."""
    flows = {
        parent
        for node in graph.nodes if node.op is not None
        for k, parent in enumerate(node.inputs) if parent is not None and node.op.flows(k)
    }  # fmt: skip
    seen = set()
    for node in graph.nodes:
        op = node.op
        if op is None or node.dtype is None:
            continue
        if op.name in COMPARING and node in flows:
            what = "a comparison is used as a number"
            cure = "write np.where(condition, a, b); for a slope at the step, smooth it"
        elif op.name in ROUNDING and node.dtype.kind in "fiu":
            what = f"{spoken(op.name)} makes a step function of a traced value"
            if op.name == "astype_constant":
                what = f"a traced value is converted to {node.dtype}"
            cure = "keep the value itself where its slope matters"
        else:
            continue
        if (what, node.place) not in seen:
            seen.add((what, node.place))
            yield node, what, cure


__all__ = ["Finding", "Findings", "check"]
