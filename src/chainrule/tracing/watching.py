"""Where a program decides by a traced value: comparisons, rounding, and the kinks of operations.

While somebody watches, the traces that are open are in the state `WATCHED`, which sends every
operation the long way round, past `note`. Nobody pays for it otherwise.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from sys import _getframe
from typing import Any, NamedTuple

import numpy as np

from .running import OPEN, WATCHED, running
from .source import inside

ROUNDING = frozenset(
    "floor ceil rint round around fix trunc sign floor_divide astype_constant heaviside spacing "
    "digitize argmax argmin".split()
)
COMPARING = frozenset(
    "less less_equal greater greater_equal equal not_equal isclose".split()
)
_RATIOS = frozenset("remainder fmod floor_divide".split())


def _nearest(a: Any, v: Any, *_: Any) -> tuple[Any, ...]:
    """Return how far numbers are from the nearest of those among which they are searched."""
    among, wanted = np.asarray(known(a)), np.asarray(known(v))
    if not among.size:
        return ()
    k = abs(np.subtract.outer(wanted, among)).argmin(-1)
    return (a[k] - v if hasattr(a, "cr_snapshot") else among[k] - v,)


_GAPS: dict[str, Any] = {  # what changes its sign at the kink of an operation
    **dict.fromkeys(("absolute", "fabs"), lambda a: (a,)),
    **dict.fromkeys(("maximum", "minimum", "fmax", "fmin"), lambda a, b: (a - b,)),
    "clip": lambda a, *bounds: tuple(a - b for b in bounds if b is not None),
    **dict.fromkeys(COMPARING - {"isclose"}, lambda a, b: (a - b,)),
    "searchsorted": _nearest,
}


class Decision(NamedTuple):
    """One decision: the operation, its arguments (some traced), what came out, and the place."""

    name: str
    args: tuple[Any, ...]
    outcome: Any
    place: Any

    def gaps(self) -> tuple[Any, ...]:
        """Return traced values of which one passes through zero where the outcome changes.

        A step function changes where its argument passes a number that does not depend on anything.
        """
        if self.name in _GAPS:
            return _GAPS[self.name](*self.args)  # type: ignore[no-any-return]
        a = self.args[0]
        if self.name in _RATIOS:
            a = a / self.args[1]
        elif self.name in ("argmax", "argmin", "isclose", "digitize"):
            return ()
        return (a - np.round(2 * known(a)) / 2,)

    def mark(self) -> Any:
        """Return what tells this outcome from others."""
        return self.place, self.outcome.shape, self.outcome.tobytes()


@contextmanager
def watching(notes: list[Decision] | None) -> Iterator[None]:
    """Let the open traces of this thread append their decisions to `notes`; None: stop it."""
    before, running.watch = running.watch, notes
    wanted = OPEN if notes is None else WATCHED
    changed = [(t, t.state) for t in running.traces if t.state <= OPEN and t.state != wanted]
    try:
        for trace, _ in changed:
            trace.state = wanted
        yield
    finally:
        running.watch = before
        for trace, state in changed:
            if trace.state == wanted:
                trace.state = state


def note(name: str, args: Any, result: Any) -> None:
    """Keep a decision that an operation made."""
    notes = running.watch
    if notes is None:
        return
    outcome = _outcome(name, args, result)
    if outcome is not None:
        kept = tuple(a.cr_snapshot() if hasattr(a, "cr_snapshot") else a for a in args)
        notes.append(Decision(name, kept, np.asarray(outcome), _place()))


def _outcome(name: str, args: Any, result: Any) -> Any:
    if name == "searchsorted":  # rules search too: what they give has no step there
        return None if _in_a_rule() else known(result)
    if name in _RATIOS:
        return np.floor_divide(*map(known, args))
    if name in ROUNDING or name in COMPARING:
        return known(result)
    if name in _GAPS:
        return np.stack([np.greater(gap, 0) for gap in _GAPS[name](*map(known, args))])
    return None


def known(x: Any) -> Any:
    """Return the plain value under any number of tracers."""
    return x.cr_concrete() if hasattr(x, "cr_snapshot") else x


def _in_a_rule() -> bool:
    frame: Any = _getframe(2)
    while frame is not None and inside[frame.f_code.co_filename]:
        if _OPS in frame.f_code.co_filename:
            return True
        frame = frame.f_back
    return False


_OPS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "ops", "")


def _place() -> Any:
    frame: Any = _getframe(2)
    while frame is not None and inside[frame.f_code.co_filename]:
        frame = frame.f_back
    return None if frame is None else (frame.f_code, frame.f_lineno)  # offsets change as it warms
