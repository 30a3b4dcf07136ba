"""Which traces run on this thread, and whether they take part."""

import threading
from typing import Any, NamedTuple

WATCHED, OPEN, MUTED, CLOSED = -1, 0, 1, 2  # the states of a trace; the first two take part


class Note(NamedTuple):
    """A place where the chain rule had no answer: the call that `owner` belongs to looks closer.

    `kind` is "indeterminate" (0·∞ by value), "tie" (a choice inside a rule that is differentiated
    itself) or "branch" (a comparison of the program's own, at equality). An owner of None is the
    call whose rules run.
    """

    kind: str
    op: str
    place: Any
    detail: Any = None
    owner: Any = None


class _Running(threading.local):
    """The traces whose function is being run on this thread, outermost first."""

    def __init__(self) -> None:
        self.traces: list[Any] = []
        self.watch: list[Any] | None = None  # where decisions are noted, while somebody watches
        self.inside: Any = None  # the trace of the solver whose callbacks run
        self.again: Any = None  # what callbacks write to, while the engine calls them
        self.constant = False  # whether the solve that is at work has read nothing traced
        self.solved = False  # whether the solver that is at work has given its answer
        self.session: list[Any] | None = None  # what is undone when a solver's call is done with
        self.texts: dict[str, Any] = {}  # what traced numbers were printed as, while they run
        # those numbers; 1 where the text is not known, as that of ``"%.3f" % x``, 2 where it may
        # be of whole numbers, else 0; the traced value
        self.figures: list[tuple[float, int, Any]] = []
        self.ruled = False  # whether a function or rule of `custom_rule` runs
        self.rules = 0  # how many traces were open when the backward pass began that is under way
        self.notes: list[Note] = []
        self.trail: list[Any] | None = None  # what inner derivatives are, while limits are taken
        self.lent: list[Any] = []  # arrays from outside that are traced ones meanwhile
        self.call: Any = None  # stands for the call of a solver's callback that runs
        self.searches: dict[Any, Any] = {}  # the places that compare traced values, see `searches`
        self.around = False  # whether derivatives are taken around a point, for its limit
        self.raised = False  # whether an exception was among what they asked
        self.draws = 0  # counts the draws of random numbers, and the generators that are made
        self.drawn_in: Any = None  # the outermost trace while they were drawn last
        self.outside = [-1, 0]  # when it was last drawn of a stream from outside
        # of each generator that the program has made of a seed meanwhile: when, and the last draw
        self.seeded: list[list[int]] = []
        self.check = _Running.everywhere
        self.tape: Any = None  # what records the whole call, see `programs`
        self.asking = False  # whether a door has values to give where a column is asked for them
        self.watched = False  # whether it is seen what the program calls, to be recorded
        self.solver = ""  # where a solver ran meanwhile, whose steps no recording repeats
        self.stopped: Any = None  # what holds the results of `stop_gradient` still, beside a point

    def drawn_since(self, begun: int) -> bool:
        """Say whether it was drawn of a stream that stood there already: not the same again."""
        return any(made <= begun < last for made, last in (self.outside, *self.seeded))

    check: Any  # what compares each traced call with plain runs, under `checked`
    everywhere: Any = None  # the same for every thread, under CHAINRULE_CHECKED=1

    def note(
        self, kind: str, op: str, place: Any, detail: Any = None, owner: Any = None
    ) -> None:
        """Take note of a place for the call that owns it; the engine goes on meanwhile."""
        if self.tape is not None:
            self.tape.unusual = True
        if len(self.notes) < _MOST_NOTES:
            self.notes.append(Note(kind, op, place, detail, owner))


_MOST_NOTES = 1000


running = _Running()


def depth() -> int:
    """Count the derivative levels that are open on this thread."""
    return sum(trace.state <= OPEN for trace in running.traces)


def tell(what: str, data: Any = None) -> None:
    """Tell all open traces what no operation shows."""
    for trace in running.traces:
        if trace.state <= OPEN:
            trace.told(what, data)
