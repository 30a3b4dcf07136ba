"""Where an integrand switches: it decides by a traced value, and the place moves with the inputs.

A comparison (``t < p``), a rounding, or the kink of an operation (``abs(t - p)``) has one outcome
to the left of a place t* and another to the right. t* is found by bisection between two points
whose outcomes differ, and moves as the root of what was compared. The integral is taken in pieces
between such places, with limits that move: so Leibniz's rule holds for integrands that jump, and
quadrature sees no kink.
"""

import warnings
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from ..core.settings import Silence
from ..errors import ImplicitWarning
from ..lift import record
from ..tracing.running import running
from ..tracing.source import describe, user_frame
from ..tracing.tracer import concrete, depth
from ..tracing.watching import Decision, Notes, watching
from .answers import is_traced
from .inside import State
from .places import change, jumps, moves, note_kink, place_of, refusal, unnoted

Function = Callable[..., Any]
Marks = tuple[Any, ...]
_MOST = 100  # places that one integral may have


class Beside(float):
    """A point that is looked at beside a limit: what is found there is not kept."""


class Watched:
    """A function of one number of which is kept what it decided at each.

    Once SciPy is done, every further call finds, and the last one leaves, what SciPy's calls have
    left behind: a cache of the last point must not answer for one that other levels trace.
    """

    def __init__(self, function: Function) -> None:
        self.function, self.order = function, depth()
        self.marks: dict[float, Marks] = {}
        self.left: State | None = None  # what the calls of SciPy's have left behind

    def __call__(self, x: Any) -> Any:
        value, notes = self.notes(x)
        if type(x) in (float, np.float64):
            self.marks[float(x)] = tuple(n.mark() for n in notes)
        return value

    def notes(self, x: Any) -> tuple[Any, list[Decision]]:
        """Return the value at `x` and the decisions on the way to it."""
        notes = Notes(self.order)
        x = float(x) if type(x) is Beside else x
        if self.left is not None:
            self.left.undo()
        before, running.call = running.call, object()
        try:
            with watching(notes):
                return self.function(x), notes
        finally:
            running.call = before

    def done(self, *callbacks: Function) -> None:
        """Take note of what the calls of SciPy's have left behind: its answer is there."""
        running.solved = True
        if running.traces:
            self.left = State(callbacks, deep=6)
            if running.session is not None:
                running.session.append(self.left)

    def at(self, x: float) -> Marks:
        """Return what the function decides at `x`."""
        if x not in self.marks:
            self(x)
        return self.marks[x]


class Share(NamedTuple):
    """A place that stands at a limit: how it moves against that, and the points at its two sides.

    Moving in, it adds the jump times the way; moving out, nothing. The half is counted, as at every
    kink (docs/policy/kinks.md): where the integral is smooth, that is its derivative.
    """

    left: float
    right: float
    end: float
    motion: Any

    def of(self, f: Function) -> Any:
        """Return what it adds to the integral of `f` from the lower to the upper limit."""
        jump = self._beside(f, self.left) - self._beside(f, self.right)
        if np.isfinite(concrete(jump)):
            return 0.5 * jump * self.motion
        warnings.warn(
            f"the integrand switches at {self.end:.8g}, a limit of its integral, and is not finite "
            "beyond: the derivative is that of the place where it is, as if it could move out of "
            f"the interval only ({describe(user_frame(2))})",
            ImplicitWarning,
            stacklevel=3,
        )
        return 0.0

    def _beside(self, f: Function, x: float) -> Any:
        value = f(x)
        return value if np.isfinite(concrete(value)) else f(self.end)


class Pieces(NamedTuple):
    """The limits of the pieces within which a function decides in one way only, and the shares."""

    limits: list[tuple[Any, Any]]
    shares: list[Share]


def pieces(f: Watched, a: Any, b: Any) -> Pieces:
    """Find where `f` switches between two limits, and at them."""
    with unnoted(), np.errstate(all="ignore"):  # the search comes by the places, which is no news
        found = _pieces(f, a, b)
    for share in found.shares:
        note_kink(share.motion)
    return found


def _pieces(f: Watched, a: Any, b: Any) -> Pieces:
    low, high = sorted((float(concrete(a)), float(concrete(b))))
    if low == high or not any(f.marks.values()):
        return Pieces([(a, b)], [])
    first, last = (a, b) if concrete(a) <= concrete(b) else (b, a)
    size = max((abs(x) for x in (low, high, *f.marks) if np.isfinite(x)), default=0.0)
    found: list[tuple[float, float]] = []
    first, shares = _at_end(f, first, 1.0, high - low, size, found)
    last, more = _at_end(f, last, -1.0, high - low, size, found)
    for left, right in pairwise(sorted(x for x in f.marks if low < x < high)):
        _between(f, left, right, size, found)
    ends: list[Any] = []
    for left, right in sorted(found):
        left, right = _apart(f, left, right, size)
        move = place_of(f, left, right, size)
        ends += [left + (move - concrete(move)), right + (move - concrete(move))]
    ends = [first, *ends, last]
    if concrete(a) > concrete(b):
        ends.reverse()
    return Pieces(list(zip(ends[::2], ends[1::2], strict=True)), shares + more)


def _at_end(
    f: Watched, end: Any, inward: float, width: float, size: float, found: list[Any]
) -> tuple[Any, list[Share]]:
    """Look at both sides of a limit, where quadrature does not; return it, and what stands at it.

    The limit is returned as a point where `f` decides as it does inside. Places that are near it
    and inside go to `found`.
    """
    e = float(concrete(end))
    if not np.isfinite(e):
        return end, []
    close = 8 * np.spacing(size)
    reach = max(1e-10 * width if np.isfinite(width) else 0.0, 1e-10 * min(abs(e), 1.0), 2 * close)
    inside, beyond = e + inward * reach, e - inward * reach
    within, outside, here = (_looked_at(f, x) for x in (inside, beyond, e))
    outer = beyond if outside is not None else e
    near: list[tuple[float, float]] = []
    if within is not None and outer in f.marks:
        _between(f, *sorted((outer, inside)), size, near)
    f.marks.pop(beyond, None)
    shares, edge = [], e
    for left, right in near:
        if inward * max(left, right, key=lambda x: inward * x) > inward * e + close:
            found.append((left, right))
        elif abs(left - e) <= close or abs(right - e) <= close:
            left, right = _apart(f, left, right, size)
            edge = max(edge, left, right, key=lambda x: inward * x)
            motion = place_of(f, left, right, size) - end
            if moves(motion):
                shares.append(Share(left, right, e, motion - concrete(motion)))
    if edge == e and here is not None is not within and here != within:  # there alone it is another
        edge = float(np.nextafter(e, inside))
    return (end + (edge - e) if is_traced(end) else end), shares


def _looked_at(f: Watched, x: float) -> Marks | None:
    """Return what `f` decides at a point that need not be in its domain; None where it cannot."""
    f.marks.pop(x, None)
    with suppress(Exception), Silence():
        f(x)
    return f.marks.get(x)


def _between(f: Watched, left: float, right: float, size: float, found: list[Any]) -> None:
    if f.marks[left] != f.marks[right]:
        f(left), f(right)  # what was decided by something that was kept, it does not again
        _locate(f, left, right, size, found)


def _apart(f: Watched, left: float, right: float, size: float) -> tuple[float, float]:
    if change(f, left, right) is None:  # a traced number is rounded otherwise in the last bit
        return left - 2e-15 * size, right + 2e-15 * size
    return left, right


def _decides_by_itself(f: Watched, low: float, high: float) -> bool:
    """Say whether `f` decides by its own argument between two points: there the place is fixed.

    What it decides by traced values was found before. Here its argument is traced, too.
    """
    found = []

    def watched(z: Any) -> Any:
        value, notes = f.notes(z)
        found.append([n.outcome.tobytes() for n in notes])
        return value

    for x in (low, high):
        record(watched, (np.float64(x),), {}, 0)
    return bool(found[0] != found[1])


def _locate(f: Watched, left: float, right: float, size: float, found: list[Any]) -> None:
    """Append the pairs of neighbouring numbers between which the outcome changes."""
    first, last = f.at(left), f.at(right)
    while first != last:
        middle, here = _halved(f, left, right)
        if right - left <= 1e-17 * size or here is None:
            found.append((left, right))
            if len(found) > _MOST:
                raise refusal(left, f"it does so at more than {_MOST} places")
            return
        if here == first:
            left = middle
        elif here == last:
            right = middle
        else:
            f.marks[middle] = here
            _locate(f, left, middle, size, found)
            left, first = middle, here


def _halved(f: Watched, left: float, right: float) -> tuple[float, Marks | None]:
    """Return a number about half-way, and what is decided there; None where nothing is between.

    Just at a place the function may have no value.
    """
    middle = 0.5 * (left + right)
    for x in (middle, float(np.nextafter(middle, right))):
        if left < x < right:
            with suppress(ArithmeticError, ValueError):
                here = f.at(x)
                del f.marks[x]
                return x, here
    return middle, None


def check_jumps(f: Any) -> None:
    """Warn of a jump inside the interval: its own motion is not in the derivative.

    Where neighbouring values differ most the gap is halved: of a smooth function the difference
    soon shrinks with it.
    """
    xs = sorted(f.values)
    if len(xs) <= 30:  # one panel was enough
        return
    ys = np.array([float(np.real(f.plain(x))) for x in xs])
    jumps = np.abs(np.diff(ys))
    size = max(float(np.max(np.abs(ys))), 1e-300)
    for k in np.argsort(jumps)[-3:]:
        low, high, first = xs[k], xs[k + 1], jumps[k]
        if not 1e-3 * size < first < np.inf:
            continue
        y0, y1 = ys[k], ys[k + 1]
        close = 1e-12 * (xs[-1] - xs[0])
        while abs(y1 - y0) > 0.3 * first and high - low > 1e-9 * (abs(low) + abs(high)) + close:
            middle = 0.5 * (low + high)
            y = float(np.real(f.plain(middle)))
            if abs(y - y0) > abs(y1 - y):
                high, y1 = middle, y
            else:
                low, y0 = middle, y
        known = f.watched is not None and _decides_by_itself(f.watched, low, high)
        if abs(y1 - y0) > 0.3 * first and not known:
            if _bends(f, low, high):
                raise refusal(low, "it bends there, by what is not told, and its derivative jumps")
            warnings.warn(
                f"the integrand, or a derivative of it, jumps at x = {low:.8g}, from {y0:.6g} to "
                f"{y1:.6g}: if the place depends on the inputs, the derivative misses that. "
                f"Integrate to the left and to the right of it ({describe(user_frame(2))})",
                ImplicitWarning,
                stacklevel=3,
            )
            return


def _bends(f: Any, low: float, high: float) -> bool:
    """Say whether the program's integrand is continuous where a derivative of it jumps.

    Then the place moves: at one that stands still the derivative by what it does not depend on
    would be continuous, too.
    """
    if f.watched is None:
        return False
    here = [np.asarray(concrete(f.watched.function(x))) for x in (low, high)]
    if not all(np.all(np.isfinite(y)) for y in here):
        return False
    plain = lambda x: np.asarray(concrete(f.watched.function(x)))  # noqa: E731
    return not jumps(plain, low, high, 1e6 * (high - low))


__all__ = ["Beside", "Watched", "check_jumps", "pieces"]
