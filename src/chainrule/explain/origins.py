"""Whose step a row is: of a derivative that the program takes itself, by whose rule it was made.

A recording sees every operation arrive and not why. The frames above one know: the pass that runs a
rule holds the step whose rule it is, and every recording in between is about to write that
operation down as its own next step. So a step of a derivative's derivative is known by its row.
"""

import os
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any

from ..core import graph
from ..core.graph import Node, Place
from ..core.spoken import spoken
from ..lift import run_traced
from ..modes import batch, cotangents, forward, reverse
from ..tracing.recording import Recording
from ..tracing.source import inside, resolve
from ..tracing.tracer import TRACERS
from .shapes import place_text


@dataclass(frozen=True, slots=True)
class Rule:
    """By whose rule a step was made: the step's place, its operation, and its own row."""

    place: Place | None  # None: the place of the row itself
    op: str
    step: Node | None = None
    beside: bool = False  # a tangent, made where its value was: no name there means it
    called: bool = False  # by the engine, as no line of the user's does: a function of NumPy's


class Origins:
    """Finds the rules of the steps of one recording, while they are recorded."""

    __slots__ = ("of", "recording", "beneath", "known")

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.of: dict[Node, Rule] = {}
        self.known: dict[Node, Node] = {}  # the steps of inner derivatives' recordings
        self.beneath: dict[int, tuple[Recording, dict[int, Node]]] = {}  # those not yet written

    def record(self, new: list[Node], frame: FrameType | None) -> None:
        """Note the rule by which steps were made, seen from the `frame` that asked for them."""
        direct = True  # whether the pass itself computes, and not a rule
        while frame is not None and inside[frame.f_code.co_filename]:
            code = frame.f_code
            if code is _PROCESS:
                self._beneath(frame.f_locals["self"], new[-1])
            elif code.co_filename.startswith(_BATCH):
                pass  # an operation on all examples at once: who asks for it comes next
            elif code.co_filename.startswith(_MODES):
                rule = self._rule(code, frame, new[-1], direct)
                if rule is not None:
                    self.of |= dict.fromkeys(new, rule)
                    return
            elif not code.co_filename.startswith(_CARRIES):
                direct = False
            frame = frame.f_back

    def _beneath(self, recording: Recording, node: Node) -> None:
        if recording is not self.recording:
            steps = self.beneath.setdefault(id(recording), (recording, {}))[1]
            steps[len(recording.nodes)] = node

    def _rule(self, code: CodeType, frame: FrameType, new: Node, direct: bool) -> Rule | None:
        here = frame.f_locals
        if code in _SUMS and direct and new.op is not None and new.op.name == "add":
            return Rule(None, "", beside=code is _PUSH_ALL and _follows(frame))
        if code is _PUSH:
            above: Any = frame.f_back
            node = above.f_locals["node"] if above.f_code is _PUSH_NODES else None
            if node is None:
                return Rule(None, here["op"].name, self._own(here["y"]), True, _called(frame))
            return Rule(node.place, here["op"].name, self._made(node))
        node = here.get("node") if "node" in code.co_varnames else None
        if getattr(node, "place", None) is None or node.op is None:  # type: ignore[union-attr]
            return None
        return Rule(node.place, node.op.name, self._made(node))  # type: ignore[union-attr]

    def _own(self, value: Any) -> Node | None:
        """Return the step of the recording that a value is."""
        value = value[0] if type(value) is tuple else value
        while type(value) in TRACERS:
            if value.cr_owner is self.recording:
                return value.cr_node  # type: ignore[no-any-return]
            value = value.cr_value
        return None

    def _made(self, node: Any) -> Node | None:
        """Return the step of the recording that a step of an inner derivative's recording is."""
        if node not in self.known:
            for recording, steps in [*self.beneath.values()]:
                written = [k for k in steps if k < len(recording.nodes)]
                self.known |= {recording.nodes[k]: steps.pop(k) for k in written}
                if not steps:
                    del self.beneath[id(recording)]
        return self.known.get(node)


def _called(frame: FrameType | None) -> bool:
    """Say whether the function that is differentiated is called by the engine alone."""
    while frame is not None and inside[frame.f_code.co_filename]:
        if frame.f_code is _RUN:
            return True
        frame = frame.f_back
    return False


def _follows(frame: FrameType) -> bool:
    """Say whether tangents are made while the program runs, and not from a recording of it."""
    push = frame.f_back
    return push is not None and push.f_back is not None and push.f_back.f_code is not _PUSH_NODES


_PROCESS = Recording.process.__code__
_PUSH, _PUSH_NODES = forward.push.__code__, forward._push_nodes.__code__
_PUSH_ALL = forward._push.__code__
_SUMS = (cotangents.arrive.__code__, cotangents._add_piece.__code__, _PUSH_ALL)
_RUN = run_traced.__code__
_BATCH = batch.__file__.removesuffix(".py")
_MODES = os.path.dirname(reverse.__file__) + os.sep
_CARRIES = tuple(os.path.dirname(f) + os.sep for f in (_PROCESS.co_filename, graph.__file__))


def told(rule: Rule, node: Node, run: Any) -> str:
    """Say by whose rule a step was made."""
    if not rule.op:  # what arrives over several edges is added up
        return "the sum over the edges"
    if rule.step in run.ruled:  # a step of a derivative: its own row, not the user's line
        symbol = run.symbol_of.get(rule.step)
        of = symbol.text if symbol is not None else f"{spoken(rule.op)}, a step that is not shown"
        return f"by the rule of {of}"
    if rule.place == node.place or rule.called:
        return f"by the rule of {spoken(rule.op)}"
    where, _, what = place_text(resolve(rule.place or node.place)).partition(", ")
    return f"by the rule of {what} ({where})" if what else f"by the rule at {where}"
