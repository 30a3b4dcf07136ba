"""Which traces run on this thread, and whether they take part."""

import threading
from typing import Any

OPEN, MUTED, CLOSED = 0, 1, 2  # the states of a trace


class _Running(threading.local):
    """The traces whose function is being run on this thread, outermost first."""

    def __init__(self) -> None:
        self.traces: list[Any] = []
        self.texts: dict[str, Any] = {}  # what traced numbers were printed as, while they run
        self.check = _Running.everywhere
        self.stopped: Any = None  # what holds the results of `stop_gradient` still, beside a point

    check: Any  # what compares each traced call with plain runs, under `checked`
    everywhere: Any = None  # the same for every thread, under CHAINRULE_CHECKED=1


running = _Running()


def depth() -> int:
    """Count the derivative levels that are open on this thread."""
    return sum(trace.state == OPEN for trace in running.traces)
