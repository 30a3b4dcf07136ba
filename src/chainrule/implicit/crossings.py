"""Right-hand sides that decide by a traced value: where a solution crosses over, it has a kink.

Between the ends of a step that was taken again the outcome of a comparison changes (``t < p``,
``y[0] < p``). The time t* at which it does moves with the inputs, and what follows moves by
(f⁻ − f⁺)·dt*, with the slopes on both sides. SciPy's steps over a jump are as short as its
tolerance asks, so this is added at the end of the step.

References: M. di Bernardo et al., Piecewise-smooth Dynamical Systems, Springer (2008), §2.5.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import ImplicitError, UnsupportedFunctionError
from ..tracing.source import describe, user_frame
from ..tracing.tracer import TRACERS, concrete, depth
from ..tracing.watching import Decision, watching
from .inside import prune, recordings
from .steps import Step, zero_step
from .places import place_of

Function = Callable[..., Any]
_MOST = 100


class Crossings:
    """Looks at the ends of the steps of one trajectory for decisions that change."""

    def __init__(self, f: Function) -> None:
        self.f, self.before, self.count = f, None, 0

    def after(self, step: Step, at: Function) -> bool:
        """Correct the end of a step that crosses over; say whether it did."""
        now = self._marks(step.t + step.h, step.end)
        before, self.before = self.before, now
        if before is None or before == now:
            return False
        along = _Along(self.f, step, at)
        left, right = _bisected(along, step.t, step.t + step.h)
        if left is None:
            return False
        low, high = along.slope(left), along.slope(right)
        size = np.max(np.abs(concrete(low))) + np.max(np.abs(concrete(high)))
        if np.max(np.abs(concrete(low) - concrete(high))) <= 1e-6 * size:
            return False  # the two sides meet
        self.count += 1
        if depth() > 1 or self.count > _MOST:
            raise _refuse(left, "second derivatives" if depth() > 1 else f"{_MOST} crossings")
        try:
            place = place_of(along, left, right, abs(step.h))
        except UnsupportedFunctionError as error:
            raise _refuse(left, error.why) from error
        move = (low - high) * (place - concrete(place))
        state = along.state(right)
        move = move + (step.t + step.h - right) * (self.f(right, state + move) - high)
        step.end = step.end + (move - concrete(move))
        return True

    def _marks(self, t: float, y: Any) -> Any:
        kept = recordings()
        notes: list[Decision] = []
        with watching(notes):
            self.f(t, y)
        marks = tuple(n.mark() for n in notes)
        del notes
        prune(kept)
        return marks


class _Along:
    """The right-hand side along one step, as a function of the time."""

    def __init__(self, f: Function, step: Step, at: Function) -> None:
        self.f, self.step, self.at = f, step, at
        self.start = step.t

    def state(self, t: Any) -> Any:
        """Return the solution at a time that may be traced."""
        if type(t) not in TRACERS:
            return self.at(self.step, t)
        here = float(concrete(t))
        return zero_step(self.f, here, self.at(self.step, here), t - here)

    def slope(self, t: float) -> Any:
        """Return the right-hand side at a time of the step."""
        return self.f(t, self.state(t))

    def notes(self, t: Any) -> tuple[Any, list[Decision]]:
        """Return the slope at `t` and the decisions on the way to it."""
        state = self.state(t)
        notes: list[Decision] = []
        with watching(notes):
            return self.f(t, state), notes

    def marks(self, t: float) -> Any:
        """Return what is decided at a time."""
        kept = recordings()
        marks = tuple(n.mark() for n in self.notes(t)[1])
        prune(kept)
        return marks


def _bisected(along: _Along, left: float, right: float) -> tuple[Any, Any]:
    first, last = along.marks(left + 1e-12 * (right - left)), along.marks(right)
    if first == last:
        return None, None
    width = 1e-14 * max(abs(left), abs(right), abs(right - left))
    while abs(right - left) > width:
        middle = 0.5 * (left + right)
        if middle in (left, right):
            break
        if along.marks(middle) == first:
            left = middle
        else:
            right = middle
    return left, right


def _refuse(t: float, what: str) -> ImplicitError:
    return ImplicitError(
        f"the right-hand side decides by a traced value, and crosses over at t = {t:.8g}",
        where=describe(user_frame(1)),
        why=f"how that time moves belongs to the derivative, and is not known: {what}",
        cure="stop there by an event (event.terminal = True), and solve on from its time and state "
        "with the other right-hand side",
    )
