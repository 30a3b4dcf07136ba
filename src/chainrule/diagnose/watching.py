"""A recording that notes what its operations do not show: branches, cuts, stops, solvers."""

import os
from dataclasses import dataclass, field
from itertools import groupby
from sys import _getframe
from types import FrameType
from typing import Any

from ..core.graph import Place
from ..tracing.recording import Recording
from ..tracing.running import OPEN
from ..tracing.source import Source, describe, inside, resolve, user_frame
from ..tracing.tracer import Tracer, concrete

BRANCH, CUT, STOP, SOLVER = "branch", "cut", "stop", "solver"
DIGITS = "digits:"  # that were asked of `round`
_CUTS = ("__int__", "__floor__", "__ceil__", "__trunc__", "__round__")


@dataclass(slots=True)
class Event:
    """Something that happened at one place of the program, perhaps many times."""

    kind: str
    source: Source | None
    where: str
    outcomes: list[str] = field(default_factory=list)  # what was found there, in order
    asker: str = ""  # what asked for a number
    library: bool = False  # NumPy's, SciPy's or Python's own code asked, not the user's
    replayed: bool = False  # the steps that a solver took are recorded, not only its answer
    asked: Any = None  # the step whose value was asked
    makers: list[Any] = field(default_factory=list)  # of the values that were cut
    solver: str = ""  # that ran meanwhile
    pieces: bool = False  # a solver's function decides, and was taken in pieces
    at_end: bool = False  # a place at which a solver's function decides stands at a limit of it
    span: tuple[int, int] = (0, 0)  # the steps that a solver recorded
    roots: list[Any] = field(default_factory=list)  # (root, what is known of it)

    @property
    def answer(self) -> str:
        """What is differentiated where a solver's function decides: no single call of it."""
        return f"the derivative is that of {self.solver}'s answer" if self.solver else ""


class Watching(Recording):
    """Keeps everything, and the events of the run in their order."""

    __slots__ = ("events", "solving", "truths")

    def __init__(self) -> None:
        super().__init__(keep=True)
        self.events: list[Event] = []
        self.solving: list[Event] = []
        self.truths: set[Any] = set()  # comparisons whose plain result is Python's True or False

    def observed(self, tracer: Tracer) -> None:
        if tracer.cr_owner is not self or self.state > OPEN:
            return
        asking = _getframe(1)
        if asking.f_code.co_name == "cr_as" and asking.f_back is not None:
            asking = asking.f_back
        frame, asker = user_frame(2), asking.f_code.co_name
        if asker == "_round" and asking.f_locals.get("ndigits") is None:
            asker = "__round__"
        elif asker == "_round":
            asker = f"{DIGITS}{asking.f_locals['ndigits']}"
        if (asker in _CUTS or asker.startswith(DIGITS)) and tracer.dtype.kind in "fc":
            self._seen(CUT, frame, tracer, str(concrete(tracer)), asker)
        elif asker == "__bool__" and frame is not None:
            self._seen(BRANCH, frame, tracer, str(bool(concrete(tracer))), library=_inside(asking))

    def told(self, what: str, data: Any = None) -> None:
        if what == "stop_gradient":
            self._seen(STOP, user_frame(2), data, str(concrete(data)))
        elif what == "solver":
            frame, here = user_frame(2), len(self.nodes)
            event = Event(
                SOLVER, resolve(_place(frame)), describe(frame), [data], span=(here, here))
            self.events.append(event)
            self.solving.append(event)
        elif what == "solved" and self.solving:
            event = self.solving.pop()
            event.span = (event.span[0], len(self.nodes))
        elif what == "steps" and self.solving:
            self.solving[-1].replayed = True
        elif what == "at an end" and self.solving:
            self.solving[-1].at_end = True
        elif what == "pieces" and self.solving:
            self.solving[-1].pieces = True
        elif what == "root" and self.solving:
            self.solving[-1].roots.append(data)

    def _seen(
        self, kind: str, frame: FrameType | None, value: Any, outcome: str, asker: str = "",
        library: bool = False,
    ) -> None:  # fmt: skip
        source = resolve(_place(frame))  # a loop tests at two places of one source text
        known = next((e for e in self.events if e.kind == kind and e.source == source), None)
        if known is None:
            known = Event(kind, source, describe(frame, value), asker=asker, library=library,
                          asked=getattr(value, "cr_node", None),
                          solver=self.solving[-1].outcomes[0] if self.solving else "")
            self.events.append(known)
        known.outcomes.append(outcome)
        if kind == CUT:
            known.makers.append(getattr(value, "cr_node", None))


def _inside(asking: FrameType | None) -> bool:
    """Say whether a library's own code asks, and not the program (by `max`, perhaps)."""
    while asking is not None and asking.f_code.co_filename.startswith(_DOORS):
        asking = asking.f_back
    return asking is not None and inside[asking.f_code.co_filename]


_DOORS = os.path.dirname(Recording.process.__code__.co_filename) + os.sep


def _place(frame: FrameType | None) -> Place | None:
    return None if frame is None else (frame.f_code, frame.f_lasti)


def outcomes(found: list[str]) -> str:
    """Sum up what was found at a place: “True 5 times, then False”."""
    groups = [(word, len(list(same))) for word, same in groupby(found)]
    if len(groups) > 4:
        counts = {word: found.count(word) for word in dict.fromkeys(found)}
        if len(counts) > 4:
            return f"{short(found[0])}, then {len(found) - 1} other values"
        return " and ".join(_times(short(w), n) for w, n in counts.items())
    return ", then ".join(_times(short(w), n) for w, n in groups)


def _times(word: str, n: int) -> str:
    return word if n == 1 else f"{word} {n} times"


def short(text: str) -> str:
    """Cut a long text off."""
    return text if len(text) <= 40 else text[:37] + "…"
