"""Numerical derivatives: the complex step where it is valid, extrapolated differences elsewhere.

References: W. Squire and G. Trapp, Using complex variables to estimate derivatives of real
functions, SIAM Review 40 (1998) 110–112; C. J. F. Ridders, Accurate computation of F'(x) and
F'(x)F''(x), Advances in Engineering Software 4 (1982) 75–76.
"""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Vector = Any
_TINY = 1e-20  # the complex step: no subtraction follows, so it cannot be too small
_SHORT = 72  # characters of what a program says of complex numbers
_ABRUPT = 2e-4  # of a step, less than which the next but one is not, of what converges
_COLUMNS = 6  # extrapolations kept; more only amplify rounding


def flat(arrays: Sequence[Any]) -> Vector:
    """Return all entries of `arrays` as one vector."""
    parts = [np.ravel(a) for a in arrays]
    return np.concatenate(parts) if parts else np.zeros(0)


def differences(
    g: Callable[[float], Vector], step: float = 0.0625, rounds: int = 9
) -> tuple[Vector, Vector]:
    """Differentiate ``g`` at 0 by central differences, Richardson-extrapolated.

    g'(0) ≈ (g(h) − g(−h))/2h with h halved `rounds` times; every entry of the answer is taken
    where its own error estimate is least. Steps that leave the domain (NaN, inf, an exception)
    are passed over. An answer that the plain difference at the smallest step contradicts came
    from steps across kinks or jumps: it is taken again with smaller ones, twice at most, and then
    its error is the contradiction. Returns the derivative and its estimated error.
    """
    for attempt in range(3):
        best, error, plain = ridders(g, step / 2.0 ** (attempt * rounds), rounds)
        gap = abs(plain - best)
        if not np.any(gap > 1e-3 * (1 + abs(best))):
            break
        error = np.maximum(error, gap)
    return best, error


def ridders(
    g: Callable[[float], Vector], step: float, rounds: int, noise: float = 0.0
) -> tuple[Any, Any, Any]:
    """Return the extrapolated derivative, its error estimate and the plainest difference.

    A difference over h is not known better than to `noise`/h, however well two agree by chance.
    """
    best: Any = None
    error: Any = None
    last: list[Any] = []
    with np.errstate(all="ignore"):
        for i in range(rounds):
            h = step / 2.0**i
            try:
                row = [(g(h) - g(-h)) / (2 * h)]
            except (ArithmeticError, ValueError, np.linalg.LinAlgError):
                last = []
                continue
            if best is None:
                best = np.full(row[0].shape, np.nan, row[0].dtype)
                error = np.full(row[0].shape, np.inf)
            for j, before in enumerate(last[:_COLUMNS]):
                factor = 4.0 ** (j + 1)
                row.append((factor * row[j] - before) / (factor - 1))
                estimate = np.maximum(abs(row[j + 1] - row[j]), abs(row[j + 1] - before))
                estimate = np.maximum(estimate, noise / h)
                better = estimate < error
                best = np.where(better, row[j + 1], best)
                error = np.where(better, estimate, error)
            last = row
    if not last:
        raise ArithmeticError("the function could not be evaluated on both sides of the point")
    return best, error, last[0]


def move(xs: Sequence[Any], vs: Sequence[Any], h: float) -> list[Any]:
    """Return x + h·v."""
    return [x + h * v for x, v in zip(xs, vs, strict=True)]


def directional(
    f: Callable[..., Sequence[Any]], xs: Sequence[Any], vs: Sequence[Any], rounds: int = 9
) -> tuple[Vector, Vector]:
    """Differentiate the outputs of ``f(*xs)`` along `vs`; return one vector and its error."""
    size = max([1.0, *(float(np.max(abs(x))) for x in xs if np.size(x))])
    reach = max([0.0, *(float(np.max(abs(v))) for v in vs if np.size(v))])
    if reach == 0.0:
        zero = flat(f(*xs)) * 0.0
        return zero, abs(zero)
    step = 0.0625 * min(size, 4.0) / reach
    return differences(lambda h: flat(f(*move(xs, vs, h))), step, rounds)


def complex_step(
    f: Callable[..., Sequence[Any]], xs: Sequence[Any], vs: Sequence[Any]
) -> Vector | None:
    """Differentiate along `vs` as Im f(x + ihv)/h; None where the function is not for it.

    Exact to the last digit where `f` is analytic and computed by complex arithmetic. Where it is
    not (abs, real, a comparison) the number is wrong: compare before you believe.
    """
    return step_into_complex(f, xs, vs)[0]


def step_into_complex(
    f: Callable[..., Sequence[Any]], xs: Sequence[Any], vs: Sequence[Any]
) -> tuple[Vector | None, str]:
    """As `complex_step`, and say in words why there is no number.

    A cast that drops the imaginary part (`math.sin`, `float`, a store into an array of floats) is
    known by NumPy's warning.
    """
    cast = np.exceptions.ComplexWarning
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            results = f(*move(xs, vs, _TINY * 1j))
    except Exception as error:  # a function that takes no complex numbers says so in its own way
        words = str(error).partition("\n")[0]
        words = words if len(words) <= _SHORT else words[: _SHORT - 1] + "…"
        return None, f"the program takes no complex numbers here: {type(error).__name__}: {words}"
    if any(issubclass(w.category, cast) for w in told):
        return None, "the program casts to real numbers, which drops the imaginary part"
    if any(r.dtype.kind != "c" for r in results):
        return None, "the result is real, so the imaginary part was dropped on the way"
    if not all(np.all(np.isfinite(r)) for r in results):
        return None, "the program is not finite at the complex number beside the point"
    return flat([np.imag(r) / _TINY for r in results]), ""


def random_like(x: Any, rng: Any) -> Any:
    """Draw a direction with entries in [−1, 1], of the shape and dtype of `x`."""
    v = rng.uniform(-1, 1, np.shape(x))
    if x.dtype.kind == "c":
        v = v + 1j * rng.uniform(-1, 1, np.shape(x))
    return np.asarray(v, x.dtype)[()]


def inner(a: Sequence[Any], b: Sequence[Any]) -> Any:
    """Return ⟨a, b⟩ = Re Σ aᵢbᵢ: no conjugation, the pairing of cotangents with tangents."""
    total: Any = 0.0
    for x, y in zip(a, b, strict=True):
        terms = x * y
        total = total + np.sum(np.real(terms) if terms.dtype.kind == "c" else terms)
    return total


# --- limits -----------------------------------------------------------------------------------

_ROUNDING = 8 * 2.0**-52  # of what an extrapolation starts from
_HALVES = (1.0, 0.5, 0.25)
_ALONG = 1e-8
_FARTHER = (2.0**-6, 2.0**-12)  # steps at which a power of h is much more than rounding
_NEARER = 2.0**-14  # from one step to the next choice of it
_WEIGHTS = (1 / 3, -2.0, 8 / 3)  # of a row at h, h/2, h/4: what is left is of the third order


def limit(
    g: Callable[[float], Vector], eps: float, share: float = 1.0
) -> tuple[Vector, Vector]:
    """Return the limit of ``g(h)`` for h → 0 from above and its estimated error, per entry.

    `eps` is the precision of the numbers. Where `g` is smooth up to 0 three values close to it
    suffice. Else a geometric row is extrapolated by the epsilon algorithm, which is exact for sums
    of powers of h, of unknown exponents. An entry that stays NaN has no limit from this side; one
    whose error is infinite does not converge. By `share` the steps of that row are made longer or
    shorter: squares of numbers of few bits are exact, and hide what rounding does to others.

    References: P. Wynn, On a device for computing the e_m(S_n) transformation, MTAC 10 (1956)
    91–96.
    """
    step = 2.0 ** round(0.375 * np.log2(eps))  # of one bit, as all of them: x + h·d is exact
    enough = max(1e-6, 100 * eps)  # the error is overestimated
    best, error = first, slack = _close(g, step)
    suspect = _suspect(best, lambda h: g(share * h), step)
    far = _parts(best, g, eps**0.65) | suspect
    error = np.where(far, np.inf, error)
    rough = ~(error <= step**1.5 * abs(best) + step**2 * _top(best, error, enough))  # or NaN
    if _worth(rough & ~(np.isfinite(error) & (best == 0)), best, g):
        value, nearness, settles = _row(lambda h: g(share * h), eps, np.where(rough, error, 0.0))
        best, error = _better(best, error, value, nearness)
        suspect = (suspect | far) & ~settles
        with np.errstate(invalid="ignore"):
            same = abs(best - first) <= 1e-6 * abs(first)  # they part by rounding
        same &= far & np.isfinite(error) & (slack <= error)
        best, error = np.where(same, first, best), np.where(same, slack, error)
    best, error = _not_rounded_off(best, error, g, eps)
    for nearer in (_NEARER, _NEARER * 2.0**-6):
        if _worth(_poor(best, error, enough) & ~suspect, best, g):
            value, slack = _close(g, step * nearer)
            best, error = _better(best, error, value, np.where(suspect, np.inf, slack))
    poor = _poor(best, error, enough)
    if poor.any():  # of a limit that is 0 the error is that of the numbers on the way to it
        with np.errstate(all="ignore"):
            poor &= error > eps * np.fmax(1.0, abs(g(2.0**-4)))
    return best, np.where(poor, np.inf, error)


def _parts(best: Vector, g: Callable[[float], Vector], nearer: float) -> Vector:
    """Say which entries are others much nearer to 0: what `g` does may be narrower than a step.

    Or they have come to rest by rounding there, which a row of steps tells apart.
    """
    if nearer > _ALONG:  # of single precision: all is rounding
        return np.zeros(best.shape, bool)
    with np.errstate(all="ignore"):
        value = g(nearer)
        gap, size = abs(value - best), abs(value) + abs(best)
        top = float(np.max(size[np.isfinite(size)], initial=0.0))
        far = np.isfinite(gap) & (gap > 1e-3 * size) & (gap > 1e-9 * top)
        return far & (abs(g(0.9 * nearer) - value) < 0.1 * gap) if far.any() else far


def _suspect(best: Vector, g: Callable[[float], Vector], step: float) -> Vector:
    """Say which entries do not come nearer to `best` as h does, far away, where rounding is slight.

    What is divided by h² may rest on a wrong number for some steps, at 1e-6, as if it were one.
    """
    if step > _FARTHER[-1]:
        return np.zeros(best.shape, bool)
    with np.errstate(all="ignore"):
        long, short = (abs(g(h) - best) for h in _FARTHER)
        top = float(abs(best[np.isfinite(best)]).max(initial=0.0))
        far = (short > 0.125 * long) & (short > 1e-8 * abs(best) + 1e-9 * top)
        return (far | np.isnan(best)) & np.isfinite(g(_FARTHER[0]))


def _not_rounded_off(
    best: Vector, error: Vector, g: Callable[[float], Vector], eps: float
) -> tuple[Vector, Vector]:
    """Look farther away for entries that are exactly 0 by the point, where rounding may make them.

    In floating point the second derivative of (exp x − 1)/x is 0 from 1e-6 on, on one side.
    """
    none = (best == 0) & (error == 0)
    if not none.any() or eps**0.65 > _ALONG:
        return best, error
    with np.errstate(all="ignore"):
        beside = g(2.0**-10)
        none &= np.isfinite(beside) & (beside != 0)
        if not none.any():
            return best, error
        value, slack = _neville(np.array([g(2.0**-k) for k in range(2, 14, 2)]))
        known = none & (slack <= 1e-6 * abs(value)) & (abs(value - beside) <= 0.01 * abs(value))
    return np.where(known, value, best), np.where(known, slack, error)


def _poor(best: Vector, error: Vector, enough: float) -> Vector:
    return error > enough * (abs(best) + 0.1 * _top(best, error, enough))


def _top(best: Vector, error: Vector, enough: float) -> float:
    """Return the size of the entries that are known: rounding of that size is in all of them."""
    known = np.isfinite(best) & (error <= enough * abs(best))
    return float(abs(best[known]).max(initial=0.0))


def _worth(open_: Vector, best: Vector, g: Callable[[float], Vector]) -> bool:
    """Say whether an entry is to be known better, and may have a limit at all."""
    unknown = open_ & np.isnan(best)
    if unknown.any() and np.isnan(g(2.0**-10)[unknown]).all():
        open_ = open_ & ~unknown
    return bool(open_.any())


def _better(best: Vector, error: Vector, value: Vector, slack: Vector) -> tuple[Vector, Vector]:
    better = slack < error
    return np.where(better, value, best), np.where(better, slack, error)


def _close(g: Callable[[float], Vector], step: float) -> tuple[Vector, Vector]:
    """Extrapolate three values next to 0 as polynomials; a fourth tells whether they are one.

    Where 1 − cos x is what rounding left of it, the three may agree by chance.
    """
    with np.errstate(all="ignore"):
        a, b, c = (g(h * step) for h in _HALVES)
        first, second = 2 * b - a, 2 * c - b
        best = _WEIGHTS[0] * a + _WEIGHTS[1] * b + _WEIGHTS[2] * c
        error = abs(second - first) + abs(best - second) + _ROUNDING * abs(a)
        error = np.fmax(error, abs(g(0.75 * step) - (a / 3 + b - c / 3)))
        best = np.where((a == b) & (b == c), c, best)
    return best, np.where(np.isnan(error), np.inf, error)


def _row(
    g: Callable[[float], Vector], eps: float, error: Vector
) -> tuple[Vector, Vector, Vector]:
    """Extrapolate a geometric row: as polynomials, and where that is rough, by `_epsilon`.

    Say also which entries converge at its end.
    """
    with np.errstate(all="ignore"):
        table = np.array([g(2.0**-4 * 0.25**k) for k in range(round(-0.375 * np.log2(eps)) - 3)])
        settles = np.array([_settles(row[np.isfinite(row)][-5:]) for row in table.T])
        for i in np.flatnonzero(error > 0):
            table[:, i] = _without_plateau(_tamed(table[:, i]))
        best, slack = _neville(table)
        for i in np.flatnonzero((slack > 1e-10 * abs(best)) & (error > 0)):
            value, other = _epsilon(_before_fraying(best[i], table[:, i]))
            if np.isfinite(value) and (other < slack[i] or np.isnan(best[i])):
                best[i], slack[i] = value, other
        lost = np.isnan(best) & np.isfinite(table[0])  # inside the domain, but nothing is known
        best, slack = np.where(lost, table[0], best), np.where(lost, np.inf, slack)
    return best, slack, settles


def _tamed(row: Vector) -> Vector:
    """Leave out a wild stretch, and what lies behind it, unless the row converges or is at its top.

    Rounding that is divided by powers of h is large before it comes to rest, elsewhere.
    """
    sizes = np.where(np.isfinite(row), abs(row), 0.0)
    known = np.flatnonzero(np.isfinite(row))
    if not known.size or _settles(row[known][-5:]) or sizes[known[-1]] > 0.1 * sizes.max():
        return row
    grown = np.flatnonzero(sizes[1:] > 10 * np.maximum.accumulate(sizes)[:-1])
    grown = grown[grown >= known[0]]
    return np.where(np.arange(len(row)) <= grown[0], row, np.nan) if grown.size else row


def _without_plateau(row: Vector) -> Vector:
    """Leave out the end of a row that came to rest abruptly: rounding has stopped it there.

    What converges comes closer by a factor at each step. In floating point the second derivative of
    sin x / x is −0.33 until it is 0 at once, from 1e-8 on, and the first of (1 − x⁵)/(1 − x) beside
    1 is 10 until it is 20. The row goes on for long enough to see that.
    """
    known = np.flatnonzero(np.isfinite(row))
    end = known[-1] if known.size else 0
    away = abs(row - row[end])
    far = np.flatnonzero(away > 1e-3 * (abs(row) + abs(row[end])))
    if not len(far) or far[-1] > end - 3 or away[far[-1] + 1] > away[far[-1]] / 300:
        return row
    return np.where(np.arange(len(row)) <= far[-1], row, np.nan)


def _neville(table: Vector) -> tuple[Vector, Vector]:
    """Extrapolate values at h, h/4, h/16, … as polynomials in h; see `_ridders`.

    An entry is done once a row makes it worse: behind that rounding agrees by chance only. Two
    values that are equal at once are known no better than by the step before.
    """
    best, error = table[-1] * np.nan, np.full(table[0].shape, np.inf)
    done = np.zeros(table[0].shape, bool)
    last: list[Any] = []
    step = np.zeros(table[0].shape)
    for values in table:
        moved = abs(values - last[0]) if last else step
        rests = np.where(moved < _ABRUPT * step, step, 0.0)
        row, least = [values], np.full(table[0].shape, np.inf)
        for j, before in enumerate(last[:_COLUMNS]):
            factor = 4.0 ** (j + 1)
            row.append((factor * row[j] - before) / (factor - 1))
            slack = np.maximum(abs(row[j + 1] - row[j]), abs(row[j + 1] - before))
            slack = np.maximum(slack, rests) + 8 * _ROUNDING * abs(last[0])
            least = np.fmin(least, slack)
            better = (slack < error) & ~done
            best, error = np.where(better, row[j + 1], best), np.where(better, slack, error)
        done |= (least > 100 * error) & (error < 1e-5 * abs(best))
        step, last = moved, row
    seeming = [_seems(best[i], table[:, i]) for i in range(len(best))]
    return best, np.where(seeming, np.inf, error)


def _seems(best: Any, row: Vector) -> bool:
    """Say whether a row only seemed to come to rest at `best`: it does so later, elsewhere.

    What lies behind a wild stretch is rounding.
    """
    gap, size = abs(row[-1] - best), abs(row[-1]) + abs(best)
    wild = np.nanmax(abs(row), initial=0.0) > 10 * size or _frays(best, row)
    rests = gap > 1e-3 * size and abs(row[-1] - row[-2]) < 0.1 * gap
    return bool(rests and (not wild or _settles(row[-5:])))


def _frays(best: Any, row: Vector) -> int:
    """Return where rounding begins to grow in a row that tended to `best`, or 0.

    What is narrow about the point leaves the row at once, or comes to rest as what converges does.
    Rounding that is divided by a power of h takes some steps to become as large.
    """
    off = abs(row - best)
    off = off[: len(off) - int(np.argmax(np.isfinite(off[::-1])))]
    if len(off) < 4 or not np.isfinite(off).all() or _settles(row[: len(off)][-5:]):
        return 0
    least = int(np.argmin(off))
    rising = off[least + 1 :]
    between = (rising > 3 * off[least]) & (rising < 0.2 * off[-1])
    return least if least >= 2 and between.any() else 0


def _before_fraying(best: Any, row: Vector) -> Vector:
    least = _frays(best, row)
    return row[: least + 1] if least else row


def _settles(row: Vector) -> bool:
    """Say whether values come closer by a factor at each step, which rounding does not."""
    steps = abs(np.diff(row))
    return bool(len(row) and np.all(steps > 0) and np.all(steps[1:] < 0.7 * steps[:-1]))


def _epsilon(row: Vector) -> tuple[Any, Any]:
    """Return the limit of one row of numbers and its error, by Wynn's epsilon algorithm."""
    finite = np.isfinite(row)
    if not finite.all():  # the longest part that is
        ends = np.flatnonzero(np.diff([0, *finite, 0]))
        start, stop = max(zip(ends[::2], ends[1::2], strict=True), key=lambda p: p[1] - p[0],
                          default=(0, 0))  # fmt: skip
        row = row[start:stop]
    if len(row) < 4:
        return np.nan, np.inf
    steps, size = abs(np.diff(row)), abs(row).max()
    noise = np.finfo(float).eps * size
    quiet = int(np.argmin(steps)) + 2  # behind it rounding grows
    after = steps[quiet - 1] if quiet <= len(steps) else np.inf
    if quiet > 2 and steps[quiet - 2] < _ABRUPT * steps[quiet - 3] and after > noise:
        return row[-1], np.inf  # two values that are equal at once
    if _seems(row[quiet - 1], row):
        return row[-1], np.inf
    if quiet < 4 and steps[quiet - 2] <= 1e-9 * size:
        return row[quiet - 1], 8 * steps[quiet - 2] + noise
    if quiet < 4 or (np.all(steps[1:] >= 0.9 * steps[:-1]) and steps[-1] > 8 * noise):
        return row[-1], np.inf
    return _accelerated(row[:quiet], noise)


def _accelerated(row: Vector, noise: float) -> tuple[Any, Any]:
    best, error = row[-1], abs(row[-1] - row[-2])
    before, now = np.zeros(len(row) + 1, row.dtype), row
    for column in range(1, len(row)):
        change = np.diff(now)
        still = abs(change) <= noise
        if column % 2 == 1 and still.any():
            k = int(np.argmax(still))
            slack = max(abs(change[k]), noise)
            return (now[k], slack) if slack < error else (best, error)
        before, now = now, before[1 : len(now)] + 1.0 / change
        if column % 2 == 0:
            slack = abs(now[-1] - (now[-2] if len(now) > 1 else best)) + noise
            if slack < error:
                best, error = now[-1], slack
    return best, error
