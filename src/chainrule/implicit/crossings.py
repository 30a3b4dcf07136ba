"""Right-hand sides that decide by a traced value: where a solution crosses over, it has a kink.

Between the ends of a step that was taken again the outcome of a comparison changes (``t < p``,
``y[0] < p``). The time t* at which it does moves with the inputs, and what follows moves by
(f⁻ − f⁺)·dt*, with the slopes on both sides. SciPy's steps over a jump are as short as its
tolerance asks, so this is added at the end of the step. Where the slopes meet and their derivatives
do not, the second derivative moves: ½(ḟ⁺ − ḟ⁻)·dt*² is added, and so on (`Crossings._bend`). Of a
time that stands at the first or the last of the solution the half is counted, as for integrals
(`switches.Share`).

References: M. di Bernardo et al., Piecewise-smooth Dynamical Systems, Springer (2008), §2.5.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from math import factorial
from typing import Any

import numpy as np

from ..errors import ChainRuleError, ImplicitError, UnsupportedFunctionError
from ..lift import record
from ..modes.derived import blocks
from ..tracing.running import tell
from ..tracing.tracer import TRACERS, concrete, depth
from ..tracing.watching import Decision, Notes, watching
from .inside import prune, recordings
from .places import jumps, moves, note_kink, place_of, undecided, unnoted
from .steps import Step, zero_step

Function = Callable[..., Any]
_MOST = 100


class Crossings:
    """Looks at the ends of the steps of one trajectory for decisions that change."""

    def __init__(self, f: Function) -> None:
        self.f, self.before, self.count, self.first = f, None, 0, True

    def start(self, t: float, y: Any, h: float) -> bool:
        """Note what is decided where the solution leaves its first point; say if anything is."""
        self.before = Beside(self.f, t, y).marks(t + 1e-12 * h)
        return bool(self.before)

    def after(self, step: Step, at: Function, last: float | None = None) -> bool:
        """Note the times of a step at which it crosses over; say whether there are any.

        What stands at the `last` time of the solution is left to `share`.
        """
        along = Along(self.f, step, at)
        now = along.marks(step.t + step.h)
        before, self.before = self.before, now
        left = None if before == now else step.t + (1e-12 * step.h if self.first else 0.0)
        self.first = False
        close = _close(step.t + step.h, step.h)
        while left is not None:
            left, right = bisected(along, left, step.t + step.h)
            if left is not None:
                if last is None or min(abs(left - last), abs(right - last)) > close:
                    self._cross(along, step, left, right)
                left = right
        return bool(step.moves)

    def _cross(self, along: "Along", step: Step, left: float, right: float) -> None:
        tell("pieces")
        if not jumps(along.plain, left, right, 1e-8 * step.h):
            self._bend(along, step, left, right)
            return
        self.count += 1
        if depth() > 1 or self.count > _MOST:
            raise _refuse(left, "second derivatives" if depth() > 1 else f"{_MOST} crossings")
        jump = along.slope(left) - along.slope(right)
        step.moves.append((right, jump * _shift(along, left, right)))

    def _bend(self, along: "Along", step: Step, left: float, right: float) -> None:
        """As `_cross`, where the slopes meet: the derivatives up to some order know nothing of it.

        With the k-th derivative of the slope the first that jumps, by Δ, what follows moves by
        (−dt*)ᵏ⁺¹·Δ/(k + 1)!, the integral of the jump over the way.
        """
        for k in range(1, depth()):
            turn = partial(along.turn, order=k)
            if jumps(turn, left, right, 1e-8 * step.h):
                shift = _shift(along, left, right)
                if moves(shift) and depth() > k + 1:
                    raise _refuse(left, f"derivatives of order {k + 2}")
                jump = (turn(right) - turn(left)) * (-1.0) ** (k + 1) / factorial(k + 1)
                step.moves.append((right, jump * shift ** (k + 1)))
                return


def moved(f: Function, t: float, y: Any, move: Any, h: float) -> Any:
    """Return what a change of the state, zero with derivatives, has become after a time."""
    return zero_step(f, t, y + move, h) - zero_step(f, t, y, h) if h else move


def share(f: Function, end: Any, y: Any, sides: tuple[float, float], width: float) -> Any:
    """Return what a place that stands at the first or the last time adds to the state."""
    left, right = sides
    beside = Beside(f, float(concrete(end)), y)
    jump = jumps(beside.plain, left, right, 1e-8 * width)
    if not jump and depth() < 2:
        return 0.0
    motion = place_of(beside, left, right, abs(width)) - end
    if moves(motion):
        note_kink(motion)
    if not jump:
        return 0.0
    return 0.5 * (beside.slope(left) - beside.slope(right)) * (motion - concrete(motion))


def sides(path: "_Path", t: float, width: float) -> tuple[float, float] | None:
    """Return the neighbours of a time at which a decision changes; None where it does not."""
    close = _close(t, width)
    reach = np.copysign(max(1e-10 * abs(width), 2 * close), width)
    found: list[float] = []
    with suppress(Exception), np.errstate(all="ignore"):  # beyond the domain, perhaps
        left, right = bisected(path, t - reach, t + reach)
        while left is not None and min(abs(left - t), abs(right - t)) <= close:
            found += [left, right]  # just at the place it may be a third
            left, right = bisected(path, right, t + reach)
    return (found[0], found[-1]) if found else None


def _close(t: float, width: float) -> float:
    return float(8 * np.spacing(max(abs(t), abs(width))))


class _Path:
    """The right-hand side along a path, as a function of the time."""

    f: Function
    order: int

    def at(self, t: float) -> Any:
        """Return the state at a plain time."""
        raise NotImplementedError

    def state(self, t: Any) -> Any:
        """Return the solution at a time that may be traced."""
        if type(t) not in TRACERS:
            return self.at(t)
        here = float(concrete(t))
        return zero_step(self.f, here, self.at(here), t - here)

    def slope(self, t: Any) -> Any:
        """Return the right-hand side at a time."""
        return self.f(t, self.state(t))

    def plain(self, t: float) -> Any:
        """Return the slope as plain numbers."""
        kept = recordings()
        with unnoted():
            found = np.array(concrete(self.slope(t)))
        prune(kept)
        return found

    def turn(self, t: float, order: int) -> Any:
        """Return a derivative of the slope along the path, as plain numbers."""

        def derived(f: Function) -> Function:
            def g(t: Any) -> Any:
                _, graph, leaves, _ = record(f, (t,), {}, 0)
                return blocks(f, graph, leaves, "fwd")[0][0]

            return g

        g = self.slope
        for _ in range(order):
            g = derived(g)
        with unnoted():
            return np.asarray(concrete(g(np.float64(t))))

    def notes(self, t: Any) -> tuple[Any, list[Decision]]:
        """Return the slope at `t` and the decisions on the way to it."""
        state = self.state(t)
        notes = Notes(self.order)
        with watching(notes):
            return self.f(t, state), notes

    def marks(self, t: float) -> Any:
        """Return what is decided at a time."""
        kept = recordings()
        with unnoted():  # where a step ends is no matter of the program's
            marks = tuple(n.mark() for n in self.notes(t)[1])
        prune(kept)
        return marks


class Along(_Path):
    """The path of one step that was taken again."""

    def __init__(self, f: Function, step: Step, at: Function) -> None:
        self.f, self.step, self.inner, self.order = f, step, at, depth()

    def at(self, t: float) -> Any:
        return self.inner(self.step, t)


class Beside(_Path):
    """The straight path through a point: near it, that of the solution."""

    def __init__(self, f: Function, t: float, y: Any) -> None:
        self.f, self.t, self.y, self.order = f, t, y, depth()

    def at(self, t: float) -> Any:
        return self.y if t == self.t else zero_step(self.f, self.t, self.y, t - self.t)


def _shift(path: _Path, left: float, right: float) -> Any:
    """Return how the time between two neighbouring ones moves: zero, with derivatives."""
    try:
        place = place_of(path, left, right, abs(right - left))
    except UnsupportedFunctionError as error:
        raise _refuse(left, error.why) from error
    return place - concrete(place)


def bisected(path: _Path, left: float, right: float) -> tuple[Any, Any]:
    """Return two neighbouring times where a decision changes; None where none does."""
    first, last = path.marks(left), path.marks(right)
    if first == last:
        return None, None
    width = 1e-14 * max(abs(left), abs(right), abs(right - left))
    while abs(right - left) > width:
        middle = 0.5 * (left + right)
        if middle in (left, right):
            break
        if path.marks(middle) == first:
            left = middle
        else:
            right = middle
    return left, right


def _refuse(t: float, what: str) -> ChainRuleError:
    return undecided(
        "the right-hand side", f"crosses over at t = {t:.8g}",
        f"how that time moves belongs to the derivative, and is not known: {what}", ImplicitError,
        cure="stop there by an event (event.terminal = True), and solve on from its time and state "
        "with the other right-hand side",
    )  # fmt: skip
