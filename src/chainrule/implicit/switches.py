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
from typing import Any

import numpy as np

from ..errors import ImplicitWarning, UnsupportedFunctionError
from ..lift import record
from ..tracing.source import describe, user_frame
from ..tracing.tracer import concrete
from ..tracing.watching import Decision, known, watching
from .answers import unchecked

Function = Callable[..., Any]
Marks = tuple[Any, ...]
_MOST = 100  # places that one integral may have


class Watched:
    """A function of one number of which is kept what it decided at each."""

    def __init__(self, function: Function) -> None:
        self.function = function
        self.marks: dict[float, Marks] = {}

    def __call__(self, x: Any) -> Any:
        value, notes = self.notes(x)
        if type(x) in (float, np.float64):
            self.marks[float(x)] = tuple(n.mark() for n in notes)
        return value

    def notes(self, x: Any) -> tuple[Any, list[Decision]]:
        """Return the value at `x` and the decisions on the way to it."""
        notes: list[Decision] = []
        with watching(notes):
            return self.function(x), notes

    def at(self, x: float) -> Marks:
        """Return what the function decides at `x`."""
        if x not in self.marks:
            self(x)
        return self.marks[x]


def pieces(f: Watched, a: Any, b: Any) -> list[tuple[Any, Any]]:
    """Return the limits of the pieces of [a, b] within which `f` decides in one way only."""
    low, high = sorted((float(concrete(a)), float(concrete(b))))
    if any(f.marks.values()):
        _look_near(f, low, high - low)
        _look_near(f, high, low - high)
    xs = sorted(x for x in f.marks if low <= x <= high)
    size = max((abs(x) for x in xs), default=0.0)
    found: list[tuple[float, float]] = []
    for left, right in pairwise(xs):
        if f.marks[left] != f.marks[right]:
            f(left), f(right)  # what was decided by something that was kept, it does not again
            _locate(f, left, right, size, found)
    if not found:
        return [(a, b)]
    ends: list[Any] = []
    for left, right in found:
        if _change(f, left, right) is None:  # a traced number is rounded otherwise in the last bit
            left, right = left - 2e-15 * size, right + 2e-15 * size
        move = place_of(f, left, right, size)
        ends += [left + (move - concrete(move)), right + (move - concrete(move))]
    if concrete(a) > concrete(b):
        ends.reverse()
    ends = [a, *ends, b]
    return list(zip(ends[::2], ends[1::2], strict=True))


def _look_near(f: Watched, end: float, width: float) -> None:
    """See what `f` decides next to an end, where quadrature does not look."""
    x = end + 1e-10 * width
    if np.isfinite(x):
        with suppress(ArithmeticError, ValueError), np.errstate(all="ignore"):
            f(x)


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
        middle = 0.5 * (left + right)
        if right - left <= 1e-17 * size or not left < middle < right:
            found.append((left, right))
            if len(found) > _MOST:
                raise _refuse(left, f"it does so at more than {_MOST} places")
            return
        here = f.at(middle)
        del f.marks[middle]
        if here == first:
            left = middle
        elif here == last:
            right = middle
        else:
            f.marks[middle] = here
            _locate(f, left, middle, size, found)
            left, first = middle, here


def place_of(f: Any, left: float, right: float, size: float) -> Any:
    """Return where the outcome changes, as a function of all that it depends on."""
    change = _change(f, left, right)
    if change is None or change[0].place != change[1].place:
        raise _refuse(left, "what it decides by there could not be told")
    m, n = change
    swapped = m.swapped(n)
    if not m.gaps(swapped):
        raise _refuse(left, f"{m.name} has no rule for how the place moves")
    same = np.shape(m.outcome) == np.shape(n.outcome)
    flips = np.flatnonzero(m.outcome != n.outcome) if same else np.zeros(0, int)

    def gap(z: Any) -> Any:
        near = [
            np.ravel(g)[i]
            for note in reversed(f.notes(z)[1])
            if note.place == m.place
            for g in map(np.asarray if type(z) is float else _as_is, note.gaps(swapped))
            for i in _among(flips, m.outcome.size, np.size(concrete(g)))
        ]
        return min(near, key=lambda g: abs(float(concrete(g))))

    place = unchecked(gap, np.float64(left))
    if not np.isfinite(concrete(place)):
        raise _refuse(left, "what is compared there touches, and does not cross")
    return place


def _among(flips: Any, outcomes: int, size: int) -> Any:
    """Return which of `size` gaps may have passed zero, where those outcomes are others."""
    return flips % size if size and flips.size and outcomes % size == 0 else range(size)


def _change(f: Any, left: float, right: float) -> tuple[Decision, Decision] | None:
    """Return the first decision that is another one to the right than to the left."""
    pairs = zip(_decisions(f, left), _decisions(f, right), strict=False)
    return next(((m, n) for m, n in pairs if m.mark() != n.mark()), None)


def _decisions(f: Any, x: float) -> list[Decision]:
    """Return what `f` decides at x, also where it does so by its argument alone."""
    found: list[Decision] = []

    def watched(z: Any) -> Any:
        value, found[:] = f.notes(z)
        return value

    record(watched, (np.float64(x),), {}, 0)
    return [d._replace(args=tuple(map(known, d.args))) for d in found]


def _as_is(value: Any) -> Any:
    return value


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
            warnings.warn(
                f"the integrand, or a derivative of it, jumps at x = {low:.8g}, from {y0:.6g} to "
                f"{y1:.6g}: if the place depends on the inputs, the derivative misses that. "
                f"Integrate to the left and to the right of it ({describe(user_frame(2))})",
                ImplicitWarning,
                stacklevel=3,
            )
            return


def _refuse(place: float, why: str) -> UnsupportedFunctionError:
    return UnsupportedFunctionError(
        f"the integrand decides by a traced value, and switches at {place:.8g}",
        where=describe(user_frame(1)),
        why=f"how the places move belongs to the derivative of the integral; {why}",
        cure="integrate between the places yourself: quad(left, a, place)[0] + "
        "quad(right, place, b)[0]",
    )


__all__ = ["Watched", "check_jumps", "pieces", "place_of"]
