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
from functools import cached_property
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
_TELLS = 1e-3  # relative: a difference that leaves more open says nothing
_SLIGHTEST = 1e-6  # relative: a kink that is shown
STEEP = "the program is steeper here than differences can tell, or jumps"
_VALUE = "the value itself is"
FAINT = "differences cannot tell"
KINK, UNTOLD = "a kink", f"{FAINT} at the steps that were taken"
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
        open_ = (UNSETTLED, FAINT)
        confirmed = not self.along.left_out and all(
            not r.why or r.why.startswith(open_) for r in self.rows)  # fmt: skip
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
    """Run the user's program once more: what it prints was seen, and its overflows are its own.

    A solver in C prints what its callback raises, to which a complex number may lead it.
    """
    nowhere = io.StringIO()
    with np.errstate(all="ignore"), contextlib.redirect_stdout(nowhere), \
            contextlib.redirect_stderr(nowhere):
        yield


def compare(
    function: Callable[..., Any], xs: Sequence[Any], gradient: Sequence[Any],
    entries: int = 24, drawn: int = 12, seconds: float = np.inf, seed: int = 0,
    decides: bool = True, searched: bool = False,
) -> Comparison:  # fmt: skip
    """Compare the gradient of ``Re function(*xs)``, one number, with the plain program.

    Inputs of up to `entries` entries are compared one by one, of larger ones `drawn` at random;
    after `seconds` the rest is left. `decides` says whether the program may have a kink or a jump
    exactly at the point, `searched` that a solver makes its values: nearer than its tolerance they
    stand still, and a kink of its answer is seen from afar only.
    """
    deadline = time.perf_counter() + seconds
    rows: list[Row] = []
    with silent():
        value = function(*_fresh(xs))
        for position, x in enumerate(xs):
            for index in _places(np.shape(x), entries, drawn, seed + position):
                if not rows or time.perf_counter() < deadline:
                    rows.append(_row(function, xs, position, index, gradient[position], value,
                                     decides, searched))  # fmt: skip
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
    value: Any, decides: bool, searched: bool,
) -> Row:  # fmt: skip
    found = np.asarray(gradient)[index]
    x = np.asarray(xs[position])
    moves = _Moves(function, xs, position, index, np.iscomplexobj(value))
    here = _real(value)
    if not np.isfinite(here):
        return Row(position, index, found, np.nan, np.nan, 0.0, NOTHING,
                   f"{_VALUE} {_word(here)}")  # fmt: skip
    if not np.isfinite(found):
        return Row(position, index, found, np.nan, np.nan, 0.0, NOTHING,
                   f"the derivative is {_word(found)}")  # fmt: skip
    scales = (float(abs(x[index])), float(np.max(abs(x))), 1.0)
    eps = float(np.finfo(x.dtype).eps)
    slope = Slope(moves.along(1.0), here, scales, eps, decides, scales[0])
    reference, off, tolerance, verdict, why = slope.judge(float(np.real(found)))
    kink = slope.from_afar(float(np.real(found))) if searched else None
    reference, off, tolerance, verdict, why = kink or (reference, off, tolerance, verdict, why)
    if x.dtype.kind == "c":  # dRe f/dRe x − i·dRe f/dIm x
        slope = Slope(moves.along(1j), here, scales, eps, decides, scales[0])
        other = slope.judge(float(-np.imag(found)))
        reference = complex(reference, -other[0])
        off, tolerance = float(np.hypot(off, other[1])), max(tolerance, other[2])
        verdict, why = max((verdict, why), other[3:], key=lambda pair: _RANK.index(pair[0]))
    return Row(position, index, found, reference, off, tolerance, verdict, why)


def _word(v: Any) -> str:
    return "NaN" if np.isnan(v) else "infinite" if np.isinf(v) else f"{v:.6g}"


class _Moves:
    """The plain program with one entry of one input moved."""

    def __init__(
        self, function: Any, xs: Sequence[Any], position: int, index: Any, complex: bool
    ) -> None:
        self.function, self.xs, self.position, self.index = function, xs, position, index
        self.complex = complex

    def along(self, direction: complex) -> Phi:
        """Return h ↦ Re f(x + h·direction); NaN where the program refuses."""
        def phi(h: float) -> float:
            moved = _fresh(self.xs)
            x = np.array(moved[self.position])
            x[self.index] += h * direction
            moved[self.position] = x[()]
            try:
                value = self.function(*moved)
                if not self.complex and np.iscomplexobj(value):
                    return np.nan  # (−1)**0.5 is none of Python's floats
                return _real(value)
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
        None where that is not known.
    size : of the point, in steps.
    """

    def __init__(
        self, phi: Phi, here: float, scales: Sequence[float], eps: float,
        decides: bool | None = None, size: float = 0.0,
    ) -> None:  # fmt: skip
        self.phi, self.here, self.eps = phi, here, eps
        self.decides, self.known = decides is not False, decides is True
        self.grain = eps * size  # by which a step may be rounded
        self.close = _SINGLE if self.eps > 1e-10 else _CLOSE
        self.tells = max(_TELLS, 2 * self.close)
        # by powers of two: x + h is then rounded only where x is of another size than the scale
        self.scales = list(dict.fromkeys(2.0 ** np.round(np.log2(s)) for s in scales if s > 0))[:2]
        self.least = self.scales[0] * 2.0**-_NEAREST
        self.grid = 8.0 ** -np.arange(3.0, 16.0 if self.close < 1e-3 else 7.0)

    def judge(self, found: float) -> tuple[float, float, float, str, str]:
        """Return (reference, difference, tolerance, verdict, why)."""
        for scale in self.scales:
            quick = self._plain(found, scale)
            if quick is not None and self._confirms(found, *quick):
                return self._told(found, *quick, AGREES)
        told = self._judged(found)
        if told[3] == AGREES or (told[3] == CHOICE and self.decides):
            return told
        nearer = self._nearer(found)
        if nearer is not None and self._confirms(found, *nearer):
            return self._told(found, *nearer, AGREES)
        doubtful = told[4].startswith((KINK, JUMP)) and not self.decides
        if doubtful or (told[3] == DIFFERS and not self._converges(told, nearer)):
            return self._told(found, np.nan, np.nan, NOTHING, UNTOLD)
        return told

    def _judged(self, found: float) -> Any:
        """Judge by differences over steps of common sizes."""
        if self._leaps(-1.0) or self._leaps(1.0):
            sure = self.decides and self._jumps()
            return self._told(found, np.nan, np.nan, NOTHING, JUMP if sure else STEEP)
        left, right = self.sides
        firm = [side for side in (left, right) if self._firm(side, found)]
        estimates = []
        if len(firm) == 2:
            size, rough = max(abs(left[0]), abs(right[0])), left[1] + right[1]
            least = 20 * rough + (_SLIGHTEST if self.decides else 1e-2) * size
            if abs(left[0] - right[0]) > least:
                return self._kink(found, left[0], right[0])
            estimates.append(((left[0] + right[0]) / 2, rough))
        if len(firm) == 2 or self._meet(found):  # a middle is no slope where the sides part
            estimates += self._extrapolated()
        for k, (reference, error) in enumerate(sorted(estimates, key=lambda pair: pair[1])):
            if self._confirms(found, reference, error, best=k == 0):
                return self._told(found, reference, error, AGREES)
        reference, error = min(estimates, key=lambda pair: pair[1], default=(np.nan, np.inf))
        if abs(reference - found) <= self._allowed(found, reference, error):
            words = f"{FAINT}: rounding of the values leaves the slope open by {20 * error:.1e}"
            return self._told(found, np.nan, np.nan, NOTHING, words.replace("-", "−"))
        if self.around == 0 and abs(found) * self.scales[0] <= self.eps:
            words = f"{FAINT}: every value beside the point is the same, {self.here:.6g}"
            return self._told(found, np.nan, np.nan, NOTHING, words.replace("-", "−"))
        if error <= 1e-2 * max(abs(reference), abs(found)) and (len(firm) == 2 or not self.known):
            return self._told(found, reference, error, DIFFERS)
        other = self.least if left in firm else -self.least
        if len(firm) == 1 and not np.isfinite(self.phi(other)):
            return self._one_sided(found, "left" if firm[0] is left else "right", *firm[0])
        words = UNTOLD if not self.decides else JUMP if self._jumps() else UNSETTLED
        return self._told(found, np.nan, np.nan, NOTHING, words)

    def _nearer(self, found: float) -> tuple[float, float] | None:
        """Return the slope over shorter steps and its error; None where it does not settle.

        The slopes of both sides come together where there is no kink: that has to be seen.
        """
        steps = self.scales[0] * 2.0 ** -np.arange(_NEAREST, 2 * _NEAREST + 4.0)
        up, down = (np.array([self.phi(s * h) - self.here for h in steps]) for s in (1, -1))
        slopes, gaps = (up - down) / (2 * steps), abs(up + down) / steps
        slopes[1:] += np.diff(slopes) / 3
        size = max(abs(found), gaps[0])
        best: tuple[float, float] | None = None
        for k in range(3, len(steps)):
            if up[k] == down[k] == 0:  # nothing moves any more: it may be lost in rounding
                break
            middle, error = slopes[k - 1], float(np.ptp(slopes[k - 3 : k + 1]))
            error = max(error, self._noise(steps[k]))
            bound = 1e-3 * max(size, abs(middle))
            if max(error, gaps[k] / 10) <= bound:
                if best is None or error < best[1]:
                    best = float(middle), error
        return best

    def _converges(self, told: Any, nearer: tuple[float, float] | None) -> bool:
        """Say whether differences over other steps give the slope that contradicts."""
        if told[4]:
            return True
        (left, _), (right, _) = self.sides
        other = (left + right) / 2 if nearer is None else nearer[0]
        return bool(abs(other - told[0]) <= 1e-2 * max(abs(other), abs(told[0])))

    def _told(
        self, found: float, reference: float, error: float, verdict: str, why: str = ""
    ) -> Any:
        tolerance = self._allowed(found, reference, error)
        return reference, abs(reference - found), tolerance, verdict, why

    def _allowed(self, found: float, reference: float, error: float) -> float:
        return self.close * max(abs(reference), abs(found)) + 20 * error

    def _confirms(self, found: float, reference: float, error: float, best: bool = False) -> bool:
        """Say whether a slope is as near to the derivative as it tells, and tells something.

        A slope of which rounding leaves nothing is near to every small number. Where the derivative
        is 0, the slopes around the point say what is small, of the `best` slope that is known.
        """
        if not abs(reference - found) <= self._allowed(found, reference, error):
            return False
        size = max(abs(reference), abs(found))
        if best and found == 0 and not 20 * error <= self.tells * size:
            size = max(size, self.around)
        return 20 * error <= self.tells * size or (best and found == self.around == 0)

    # --- what the values are worth ----------------------------------------------------------------
    @cached_property
    def around(self) -> float:
        """The largest slope of a chord from the point whose ends rounding cannot explain."""
        steps = np.multiply.outer((1, -1), np.multiply(self.scales, 0.0625)).ravel()
        rises = np.array([abs(self.phi(h) - self.here) for h in steps])
        close = np.multiply.outer((1, -1), self.least * 2.0 ** np.arange(4)).ravel()
        noise = max(self.scatter, *(abs(self.phi(h) - self.here) for h in close))
        seen = rises > min(8 * noise, 1e-9 * abs(self.here))
        return float(np.max(rises[seen] / abs(steps[seen]), initial=0.0))

    @cached_property
    def scatter(self) -> float:
        """How far rounding moves a value: the last digit, or what values side by side show.

        Fourth differences over steps that are too small for any curve leave what is no curve. At a
        kink beside the point the wider ones see it, and at a jump both. What stands still over
        small steps moves by its last digit next: a sum within may be rounded more coarsely.

        References: J. Moré and S. Wild, Estimating computational noise, SIAM Journal on Scientific
        Computing 33 (2011) 1292–1314.
        """
        seen = []
        for power in (0.5, 0.7):
            d = 2.0 ** np.round(power * np.log2(self.eps)) * self.scales[0]
            worst = 0.0
            for sign in (1, -1):
                values = [self.here, *(self.phi(sign * k * d) for k in range(1, 6))]
                off = np.max(np.abs(np.diff(values, 4)))
                worst = max(worst, off / np.sqrt(70.0) if np.isfinite(off) else 0.0)
            seen.append(worst)
        still = 0.0 if self.known else max(map(self._least_change, (-1.0, 1.0)))
        return max(4 * min(seen), self.eps * abs(self.here), still)

    def _least_change(self, sign: float) -> float:
        """Return by how much the value changes first, if small steps leave it as it is."""
        steps = sign * self.scales[0] * self.grid
        changes = [abs(self.phi(h) - self.here) for h in steps]
        moved = np.flatnonzero(changes)
        if not len(moved) or moved[-1] == len(steps) - 1:
            return 0.0
        finer = [abs(self.phi(steps[moved[-1]] / k) - self.here) for k in (2, 4)]
        return float(min(c for c in (changes[moved[-1]], *finer) if c))

    def _noise(self, h: float) -> float:
        """Return a twentieth of what rounding may do to a difference over `h`.

        Extrapolation makes it larger, at most twice; and 20 errors are allowed.
        """
        return self.scatter / (10 * abs(h))

    def _plain(self, found: float, scale: float) -> tuple[float, float] | None:
        """One central difference; None where rounding or a kink could hide in it."""
        h = float(2.0 ** np.round(np.log2(np.cbrt(self.eps) * scale)))
        up, down = self.phi(h), self.phi(-h)
        slope, noise = (up - down) / (2 * h), 4 * self.eps * max(abs(self.here), 1e-300) / h
        if up == down == self.here and found == 0:  # most entries of a large array
            return (0.0, 0.0) if self.around == 0 else None
        if noise > 10 * self.close * abs(slope):
            return None
        gap = abs(up + down - 2 * self.here) / h
        if not gap <= 1e-3 * abs(slope):
            return None
        if self.decides and gap > noise:  # a curve's halves with the step, a kink's does not
            nearer = abs(self.phi(h / 4) + self.phi(-h / 4) - 2 * self.here) * 4 / h
            return (slope, noise / 20) if nearer <= gap / 2 + 4 * noise else None
        return slope, noise / 20

    def _extrapolated(self) -> list[tuple[float, float]]:
        """Return the extrapolated central difference of every scale, and its error."""
        found = []
        for scale in self.scales:
            h = scale / 16
            far = max(0.0, *(abs(v) for v in map(self.phi, (h, -h)) if v == v), 0.0)
            noise = max(self.scatter, self.eps * far) / 10
            try:
                number, error, _ = ridders(
                    lambda h: np.array([self.phi(h)]), h, _ROUNDS, noise=noise)
            except ArithmeticError:
                continue
            if np.isfinite(number[0]):
                found.append((float(number[0]), float(error[0])))
        return found

    def _meet(self, found: float) -> bool:
        """Say whether the slopes of both sides come together: those of x·sin(1/x) do not."""
        steps = self.scales[0] * 2.0 ** -np.arange(_NEAREST - 9.0, _NEAREST + 1)
        gaps = [abs(self.phi(h) + self.phi(-h) - 2 * self.here) / h for h in steps]
        return all(gap <= max(1e-2 * abs(found), 100 * self._noise(h), max(gaps[:3]) / 8)
                   for gap, h in zip(gaps[-3:], steps[-3:], strict=True))  # fmt: skip

    @cached_property
    def sides(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """The slopes of the left and of the right side, and how far each is from settled."""
        return self._side(-1.0), self._side(1.0)

    def _side(self, sign: float) -> tuple[float, float]:
        """Return the slope of one side that all steps agree on from some size on."""
        steps = sign * self.scales[0] * self.grid
        values = np.array([self.phi(h) for h in steps])
        start = self.here
        if np.ptp(values) == 0 and abs(values[0] - start) <= 1e-12 * abs(self.phi(-steps[0])):
            start = values[0]  # it stands still, and what parts it from the point is rounding
        slopes = (values - start) / steps
        noise = self.scatter + self.eps * abs(values) + self.grain * abs(slopes)
        noise = noise / (10 * abs(steps))
        better = slopes[1:] + np.diff(slopes) / 7
        errors = abs(np.diff(better)) + noise[2:]
        better, noise = better[1:], noise[2:]
        best = (np.nan, np.inf)
        for k in range(len(better)):
            away = abs(better[k:] - better[k]) - 20 * noise[k:]
            if errors[k] < best[1] and np.all(away <= 1e-3 * abs(better[k]) + errors[k]):
                best = float(better[k]), float(errors[k])
        return best

    def _firm(self, side: tuple[float, float], found: float) -> bool:
        slope, error = side
        size = max(abs(slope), abs(found))
        return bool(error <= 1e-3 * max(size, self.around if size <= 1e3 * error else 0.0))

    def _kink(self, found: float, left: float, right: float) -> Any:
        low, high = sorted((left, right))
        slack = 1e-3 * (high - low)
        verdict = CHOICE if low - slack <= found <= high + slack else DIFFERS
        ends = "lies between them" if verdict == CHOICE else "does not lie between"
        for side, of in (("left", left), ("right", right)):
            if abs(found - of) <= slack:
                ends = f"is that of the {side}"
        digits = ".6g" if high - low > 1e-4 * max(abs(low), abs(high)) else ".12g"
        words = (f"{KINK}: the slope is {left:{digits}} on the left and {right:{digits}} on the "
                 f"right: the derivative taken, {found + 0.0:.12g}, {ends}")  # fmt: skip
        return self._told(found, (left + right) / 2, 0.0, verdict, words)

    def from_afar(self, found: float) -> Any:
        """Judge by a kink that chords over two lengths show alike on each side, if there is one."""
        for powers in ((6.0, 9.0), (4.0, 6.0)):
            steps = self.scales[0] * 2.0 ** -np.array(powers)
            right, left = (np.array([(self.phi(s * h) - self.here) / (s * h) for h in steps])
                           for s in (1, -1))  # fmt: skip
            size = max(np.max(abs(right)), np.max(abs(left)))
            firm = all(abs(np.diff(side)[0]) <= 1e-3 * size for side in (left, right))
            if firm and abs(left[1] - right[1]) > 0.1 * size:
                digits = 3 - int(np.floor(np.log10(size)))
                return self._kink(found, *(round(float(v[1]), digits) + 0.0 for v in (left, right)))
        return None

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
        found = [pairs, [(a, self.here) for a, _ in pairs], [(b, self.here) for _, b in pairs]]
        return any(self._apart([abs(a - b) for a, b in each]) for each in found)

    def _apart(self, gaps: list[float]) -> bool:
        least = 1e-6 * abs(self.here) + 400 * self.eps * abs(self.here)  # no solver's noise
        return bool(min(gaps) > 0.5 * max(gaps) and min(gaps) > least)


def _along(
    function: Any, xs: Sequence[Any], gradient: Sequence[Any], rows: list[Row], seed: int
) -> Along:
    """Take a complex step along one direction. It confirms and never accuses: see `numeric`."""
    if any(np.asarray(x).dtype.kind == "c" for x in xs):
        return Along(left_out="the inputs are complex already")
    if not rows or not all(np.all(np.isfinite(g)) for g in gradient):
        return Along(left_out="there is no finite derivative to compare")
    if any(r.why.startswith((JUMP, STEEP, _VALUE)) for r in rows):
        return Along(left_out="where the program may jump, or has no value, it proves nothing")
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
                     "differences show: it needs a function that is analytic here (no real parts, "
                     "sizes or comparisons, no branch point), no large terms that cancel and no "
                     "underflow" if all(
                         r.verdict == AGREES for r in rows) else
                     "its figure is another one; where the differences do not agree that proves "
                     "nothing")  # fmt: skip
    if any(r.verdict == CHOICE or r.why.startswith(KINK) for r in rows):
        return Along(derivative, reference, relative, "at a kink it proves nothing")
    return Along(derivative, reference, relative, random=whole > 1 or vs[0].ndim > 0)
