"""The one judgement of derivatives by numbers: `explain`, `check`, `checked` and the command line.

Every entry is compared with differences of the plain program. A verdict is one of four: it agrees
(both numbers are finite, and as near as the differences tell); it is a choice (the program has a
kink here, and the derivative lies between the slopes of both sides); it differs; or nothing can be
compared, and then the row says why.
"""

import contextlib
import io
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from .numeric import inner, ridders, step_into_complex

AGREES, CHOICE, DIFFERS, NOTHING = "agrees", "choice", "differs", "nothing"
_RANK = (AGREES, CHOICE, NOTHING, DIFFERS)
_CLOSE, _SINGLE = 1e-7, 2e-2  # relative; what the differences leave open comes on top
_EXACT = 1e4  # units of rounding that a complex step may be off
_SLIGHT = 1e-19  # of the order of the complex step itself
_ROUNDS, _NEAREST = 16, 21  # halvings of the step
_NEAR = (1e-7, 1e-9, 1e-12)
STEEP = "the program is steeper here than differences can tell"
KINK, UNTOLD = "a kink", "differences cannot tell at the steps that were taken"
JUMP, UNSETTLED = "the program jumps here", "the differences do not settle here"

Phi = Callable[[float], float]


@dataclass(frozen=True, slots=True)
class Row:
    """One entry of one input: its derivative beside the slope of the plain program."""

    position: int
    index: tuple[int, ...]
    derivative: Any
    reference: Any
    difference: float
    tolerance: float
    verdict: str
    why: str = ""

    @property
    def badness(self) -> tuple[int, float]:
        """Order rows: the worst verdict first, then the largest difference."""
        off = self.difference / self.tolerance if self.tolerance else self.difference
        return _RANK.index(self.verdict), off if off == off else np.inf


@dataclass(frozen=True, slots=True)
class Along:
    """The complex step along one direction: its figure, or why it was left out."""

    derivative: float = np.nan
    reference: float = np.nan
    relative: float = np.nan
    left_out: str = ""
    random: bool = False  # along a direction drawn at random; else along the one input


@dataclass(frozen=True, slots=True)
class Comparison:
    """All rows, the complex step, and how many entries there are."""

    rows: tuple[Row, ...]
    along: Along
    entries: int

    @property
    def verdict(self) -> str:
        """The worst of the rows, unless the complex step, which is exact, confirms them."""
        worst = max((r.verdict for r in self.rows), key=_RANK.index, default=NOTHING)
        open_ = ("", UNSETTLED, UNTOLD)
        confirmed = not self.along.left_out and all(r.why in open_ for r in self.rows)
        return AGREES if confirmed else worst

    def worst(self, position: int | None = None, verdict: str = "") -> Row | None:
        """Return the worst row: of one input, of one verdict, or of all."""
        here = [r for r in self.rows
                if position in (None, r.position) and verdict in ("", r.verdict)]  # fmt: skip
        return max(here, key=lambda r: r.badness, default=None)

    def count(self, verdict: str) -> int:
        """Count the rows of a verdict."""
        return sum(r.verdict == verdict for r in self.rows)


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """Run the user's program once more: what it prints was seen, and its overflows are its own."""
    with np.errstate(all="ignore"), contextlib.redirect_stdout(io.StringIO()):
        yield


def compare(
    function: Callable[..., Any], xs: Sequence[Any], gradient: Sequence[Any],
    entries: int = 24, drawn: int = 12, seconds: float = np.inf, seed: int = 0,
    decides: bool = True,
) -> Comparison:  # fmt: skip
    """Compare the gradient of ``Re function(*xs)``, one number, with the plain program.

    Inputs of up to `entries` entries are compared one by one, of larger ones `drawn` at random;
    after `seconds` the rest is left. `decides` says whether the program may have a kink or a jump
    exactly at the point.
    """
    deadline = time.perf_counter() + seconds
    rows: list[Row] = []
    with silent():
        here = _real(function(*_fresh(xs)))
        for position, x in enumerate(xs):
            for index in _places(np.shape(x), entries, drawn, seed + position):
                if not rows or time.perf_counter() < deadline:
                    rows.append(_row(function, xs, position, index, gradient[position], here,
                                     decides))  # fmt: skip
        along = _along(function, xs, gradient, rows, seed)
    return Comparison(tuple(rows), along, sum(int(np.size(x)) for x in xs))


def _fresh(xs: Sequence[Any]) -> list[Any]:
    """Copy the inputs: a program may write into them."""
    return [x.copy() if type(x) is np.ndarray else x for x in xs]


def _real(value: Any) -> float:
    return float(np.real(np.asarray(value)[()]))


def _places(
    shape: tuple[int, ...], entries: int, drawn: int, seed: int
) -> Iterator[tuple[int, ...]]:
    n = int(np.prod(shape))
    chosen = range(n) if n <= entries else sorted(
        np.random.default_rng(seed).choice(n, min(drawn, n), replace=False)
    )
    for k in chosen:
        yield tuple(int(i) for i in np.unravel_index(k, shape))


def _row(
    function: Any, xs: Sequence[Any], position: int, index: tuple[int, ...], gradient: Any,
    here: float, decides: bool,
) -> Row:  # fmt: skip
    found = np.asarray(gradient)[index]
    x = np.asarray(xs[position])
    moves = _Moves(function, xs, position, index)
    if not np.isfinite(here):
        return Row(position, index, found, np.nan, np.nan, 0.0, NOTHING,
                   f"the value itself is {_word(here)}")  # fmt: skip
    if not np.isfinite(found):
        return Row(position, index, found, np.nan, np.nan, 0.0, NOTHING,
                   f"the derivative is {_word(found)}")  # fmt: skip
    scales = (float(abs(x[index])), float(np.max(abs(x))), 1.0)
    eps = float(np.finfo(x.dtype).eps)
    slope = Slope(moves.along(1.0), here, scales, eps, decides)
    reference, off, tolerance, verdict, why = slope.judge(float(np.real(found)))
    if x.dtype.kind == "c":  # dRe f/dRe x − i·dRe f/dIm x
        slope = Slope(moves.along(1j), here, scales, eps, decides)
        other = slope.judge(float(-np.imag(found)))
        reference = complex(reference, -other[0])
        off, tolerance = float(np.hypot(off, other[1])), max(tolerance, other[2])
        verdict, why = max((verdict, why), other[3:], key=lambda pair: _RANK.index(pair[0]))
    return Row(position, index, found, reference, off, tolerance, verdict, why)


def _word(v: Any) -> str:
    return "NaN" if np.isnan(v) else "infinite" if np.isinf(v) else f"{v:.6g}"


class _Moves:
    """The plain program with one entry of one input moved."""

    def __init__(self, function: Any, xs: Sequence[Any], position: int, index: Any) -> None:
        self.function, self.xs, self.position, self.index = function, xs, position, index

    def along(self, direction: complex) -> Phi:
        """Return h ↦ Re f(x + h·direction); NaN where the program refuses."""
        def phi(h: float) -> float:
            moved = _fresh(self.xs)
            x = np.array(moved[self.position])
            x[self.index] += h * direction
            moved[self.position] = x[()]
            try:
                return _real(self.function(*moved))
            except Exception:  # outside its domain a program fails in its own way
                return np.nan

        return phi


class Slope:
    """The slope at 0 of h ↦ phi(h), as exactly as its values tell.

    Parameters
    ----------
    phi : NaN where the program refuses.
    here : phi(0).
    scales : the sizes over which phi is expected to change, the likeliest first.
    eps : the rounding of its values.
    decides : whether it may have a kink or a jump at 0: one that differences show may else be near.
    """

    def __init__(
        self, phi: Phi, here: float, scales: Sequence[float], eps: float, decides: bool = True
    ) -> None:
        self.phi, self.here, self.eps, self.decides = phi, here, eps, decides
        self.close = _SINGLE if self.eps > 1e-10 else _CLOSE
        self.scales = list(dict.fromkeys(s for s in scales if s > 0))[:2]
        self.least = self.scales[0] * 2.0**-_NEAREST

    def judge(self, found: float) -> tuple[float, float, float, str, str]:
        """Return (reference, difference, tolerance, verdict, why)."""
        quick = self._plain(found)
        if quick is not None and abs(quick[0] - found) <= self._allowed(found, *quick):
            return self._told(found, *quick, AGREES)
        told = self._judged(found)
        if told[3] == AGREES or (told[3] == CHOICE and self.decides):
            return told
        nearer = self._nearer(found)
        if nearer is not None and abs(nearer[0] - found) <= self._allowed(found, *nearer):
            return self._told(found, *nearer, AGREES)
        doubtful = told[4].startswith((KINK, JUMP)) and not self.decides
        if doubtful or (told[3] == DIFFERS and not self._converges(told, nearer)):
            return self._told(found, np.nan, np.nan, NOTHING, UNTOLD)
        return told

    def _judged(self, found: float) -> Any:
        """Judge by differences over steps of common sizes."""
        if self._leaps(-1.0) or self._leaps(1.0):
            words = JUMP if self._jumps() else STEEP
            return self._told(found, np.nan, np.nan, NOTHING, words)
        left, right = self._side(-1.0), self._side(1.0)
        firm = [side for side in (left, right) if self._firm(side, found)]
        if len(firm) == 2:
            size = max(abs(left[0]), abs(right[0]))
            if abs(left[0] - right[0]) > 1e-2 * size and size > self._noise(self.least):
                return self._kink(found, left[0], right[0])
            middle, rough = (left[0] + right[0]) / 2, max(left[1], right[1])
            if abs(middle - found) <= self._allowed(found, middle, rough):
                return self._told(found, middle, rough, AGREES)
        reference, error = self._extrapolated()
        if self._settled(found, reference, error):
            if abs(reference - found) <= self._allowed(found, reference, error):
                return self._told(found, reference, error, AGREES)
            if len(firm) == 2:
                return self._told(found, reference, error, DIFFERS)
        if len(firm) == 1 and not np.isfinite(reference):
            return self._one_sided(found, "left" if firm[0] is left else "right", *firm[0])
        words = JUMP if self._jumps() else UNSETTLED
        return self._told(found, reference, error, NOTHING, words)

    def _nearer(self, found: float) -> tuple[float, float] | None:
        """Return the slope over shorter steps and its error; None where it does not settle.

        The slopes of both sides come together where there is no kink: that has to be seen.
        """
        steps = self.scales[0] * 2.0 ** -np.arange(_NEAREST, 2 * _NEAREST + 4.0)
        up, down = (np.array([self.phi(s * h) - self.here for h in steps]) for s in (1, -1))
        slopes, gaps = (up - down) / (2 * steps), abs(up + down) / steps
        size = max(abs(found), gaps[0])
        best: tuple[float, float] | None = None
        for k in range(3, len(steps)):
            middle, error = slopes[k - 1], float(np.ptp(slopes[k - 3 : k + 1]))
            bound = 1e-3 * max(size, abs(middle))
            if max(error, gaps[k] / 10, self._noise(steps[k])) <= bound:
                if best is None or error < best[1]:
                    best = float(middle), error
        return best

    def _converges(self, told: Any, nearer: tuple[float, float] | None) -> bool:
        """Say whether differences over other steps give the slope that contradicts."""
        if told[4]:
            return True
        sides = self._side(-1.0)[0], self._side(1.0)[0]
        other = sum(sides) / 2 if nearer is None else nearer[0]
        return bool(abs(other - told[0]) <= 1e-2 * max(abs(other), abs(told[0])))

    def _told(
        self, found: float, reference: float, error: float, verdict: str, why: str = ""
    ) -> Any:
        tolerance = self._allowed(found, reference, error)
        return reference, abs(reference - found), tolerance, verdict, why

    def _allowed(self, found: float, reference: float, error: float) -> float:
        noise = self._noise(self.scales[0] * 2.0**-10)
        return self.close * max(abs(reference), abs(found)) + 20 * error + noise

    def _settled(self, found: float, reference: float, error: float) -> bool:
        return bool(error <= 1e-2 * max(abs(reference), abs(found)) or error <= self._noise(1.0))

    def _noise(self, h: float) -> float:
        return 4 * self.eps * max(abs(self.here), 1e-300) / h

    def _plain(self, found: float) -> tuple[float, float] | None:
        """One central difference; None where rounding or a kink could hide in it."""
        h = float(2.0 ** np.round(np.log2(np.cbrt(self.eps) * self.scales[0])))
        up, down = self.phi(h), self.phi(-h)
        slope, noise = (up - down) / (2 * h), self._noise(h)
        right, left = (up - self.here) / h, (self.here - down) / h
        if noise <= 10 * self.close * abs(slope):
            smooth = abs(right - left) <= 1e-3 * abs(slope)
            return (slope, noise / 20) if smooth else None
        if max(abs(found), abs(slope)) <= noise:  # none at all: a kink would keep its slopes
            nearer = (self.phi(h / 16) - self.here) * 16 / h
            if abs(nearer) <= abs(right) / 8 + 16 * noise:
                return slope, noise / 20
        return None

    def _extrapolated(self) -> tuple[float, float]:
        best = (np.nan, np.inf)
        for scale in self.scales:
            try:
                number, error, _ = ridders(lambda h: np.array([self.phi(h)]), scale / 16, _ROUNDS)
            except ArithmeticError:
                continue
            if np.isfinite(number[0]) and error[0] < best[1]:
                best = (float(number[0]), float(error[0]))
        return best

    def _side(self, sign: float) -> tuple[float, float]:
        """Return the slope of one side, and how far it is from settled."""
        slopes = []
        for k in range(_NEAREST - 9, _NEAREST + 1):
            h = sign * self.scales[0] * 2.0**-k
            slopes.append((self.phi(h) - self.here) / h)
        better = [2 * b - a for a, b in pairwise(slopes)]
        errors = [abs(b - a) for a, b in pairwise(better)]
        if not np.any(np.isfinite(errors)):
            return np.nan, np.inf
        k = int(np.nanargmin(errors))
        return better[k + 1], errors[k]

    def _firm(self, side: tuple[float, float], found: float) -> bool:
        slope, error = side
        size = max(abs(slope), abs(found))
        return bool(error <= 1e-3 * size or error <= self._noise(self.least))

    def _kink(self, found: float, left: float, right: float) -> Any:
        low, high = sorted((left, right))
        slack = 1e-3 * max(abs(low), abs(high))
        verdict = CHOICE if low - slack <= found <= high + slack else DIFFERS
        ends = "lies between them" if verdict == CHOICE else "does not lie between"
        for side, of in (("left", left), ("right", right)):
            if abs(found - of) <= slack:
                ends = f"is that of the {side}"
        words = (f"{KINK}: the slope is {left:.6g} on the left and {right:.6g} on the right: "
                 f"the derivative taken, {found:.12g}, {ends}")  # fmt: skip
        return self._told(found, (left + right) / 2, 0.0, verdict, words)

    def _one_sided(self, found: float, side: str, slope: float, rough: float) -> Any:
        agrees = abs(slope - found) <= 1e-3 * max(abs(slope), abs(found)) + 20 * rough
        words = f"the program is finite on the {side} only, and this is its slope there"
        return self._told(found, slope, rough, AGREES if agrees else DIFFERS, words)

    def _leaps(self, sign: float) -> bool:
        """Say whether the value changes by as much in the smallest step as in the largest."""
        near, far = (abs(self.phi(sign * h) - self.here) for h in (self.least, 512 * self.least))
        return bool(near > 0.7 * far and near > 1e-3 * abs(self.here) and near > 1e-9)

    def _jumps(self) -> bool:
        """Say whether the values on both sides stay apart however near they come."""
        steps = np.multiply(self.scales[0], _NEAR)
        pairs = [(self.phi(h), self.phi(-h)) for h in steps]
        found = [pairs]
        if self.decides:  # else what is steep nearer by would be taken for a hole
            found += [[(a, self.here) for a, _ in pairs], [(b, self.here) for _, b in pairs]]
        return any(self._apart([abs(a - b) for a, b in each]) for each in found)

    def _apart(self, gaps: list[float]) -> bool:
        least = 1e-6 * abs(self.here) + 100 * self._noise(1.0)  # a solver's noise is no jump
        return bool(min(gaps) > 0.5 * max(gaps) and min(gaps) > least)


def _along(
    function: Any, xs: Sequence[Any], gradient: Sequence[Any], rows: list[Row], seed: int
) -> Along:
    """Take a complex step along one direction. It confirms and never accuses: see `numeric`."""
    if any(np.asarray(x).dtype.kind == "c" for x in xs):
        return Along(left_out="the inputs are complex already")
    if not rows or not all(np.all(np.isfinite(g)) for g in gradient):
        return Along(left_out="there is no finite derivative to compare")
    rng = np.random.default_rng(seed)
    whole = sum(int(np.size(x)) for x in xs)
    vs = [np.ones(()) if whole == 1 and not np.shape(x) else rng.uniform(-1, 1, np.shape(x))
          for x in xs]  # fmt: skip
    number, why = step_into_complex(lambda *zs: (np.asarray(function(*zs))[()],), xs, vs)
    if number is None:
        return Along(left_out=why)
    derivative, reference = float(np.real(inner(gradient, vs))), float(number[0])
    scale = sum(float(np.sum(abs(g * v))) for g, v in zip(gradient, vs, strict=True))
    relative = abs(derivative - reference) / max(scale, abs(reference), 1e-300)
    eps = max(float(np.finfo(np.asarray(x).dtype).eps) for x in xs)
    if scale == 0 and reference and abs(reference) <= _SLIGHT:
        return Along(derivative, reference, relative, f"the derivative is 0, and its figure, "
                     f"{reference:.1e}, is no larger than what such a step is off")  # fmt: skip
    if not relative <= _EXACT * eps:
        return Along(derivative, reference, relative, "its figure is not the slope that the "
                     "differences show: by rounding of large terms that cancel, or since the "
                     "program is another function of complex numbers (real parts, sizes, "
                     "comparisons)" if all(
                         r.verdict == AGREES for r in rows) else
                     "its figure is another one; where the differences do not agree that proves "
                     "nothing")  # fmt: skip
    if any(r.verdict == CHOICE or r.why.startswith(KINK) for r in rows):
        return Along(derivative, reference, relative, "at a kink it proves nothing")
    return Along(derivative, reference, relative, random=whole > 1 or vs[0].ndim > 0)
