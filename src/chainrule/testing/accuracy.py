"""The law of accuracy: values and partials against mpmath, in units in the last place."""

import math
from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np

from ..core.op import Op
from ..core.slots import Partial
from .samples import interval, seed_of

DIGITS = 30  # of a step
VALUE_DIGITS = 80  # an expression may subtract 1 from what lies 1e-30 off
NAMES = "xyzw"
SPECIAL = (0.0, 1e-300, 1e-30, 1e-8, 1e-3, 0.5, 1.0, 2.0)


def coordinates(op: Op, k: int, count: int) -> list[float]:
    """Return points of argument `k`: the ends of its domain, special values inside, random ones."""
    low, high = interval(op, k)
    rng = np.random.default_rng(seed_of(op.name, 30 + k))
    ends = [v for v in (low, high) if math.isfinite(v)]
    special = [s * v for v in SPECIAL for s in (1, -1) if low < s * v < high]
    bounded = max(low, -1e3), min(high, 1e3)
    found = [*ends, *special, *rng.uniform(*bounded, count)]
    return [float(v) for v in dict.fromkeys(found) if min(abs(v - q) for q in (*op.kinks, 1e9)) > 0]


def points(op: Op, count: int = 8) -> Iterator[tuple[float, ...]]:
    """Return points of the whole domain; for several arguments a thinned grid."""
    axes = [coordinates(op, k, count) for k in range(len(op.slots))]
    grid = list(product(*axes))
    if len(grid) > 60:
        rng = np.random.default_rng(seed_of(op.name, 40))
        grid = [grid[i] for i in rng.permutation(len(grid))[:60]]
    return iter(grid)


def expression(op: Op) -> Any:
    """Return the op's mpmath expression as a function of its arguments."""
    import mpmath

    code = compile(op.mp, f"<mp of {op.name}>", "eval")
    names = {k: getattr(mpmath, k) for k in dir(mpmath) if not k.startswith("_")}

    def f(*xs: Any) -> Any:
        return eval(code, names, dict(zip(NAMES, xs, strict=False)))

    return f


def ulps(got: float, want: Any) -> float:
    """Return |got − want| in units in the last place of `want`."""
    import mpmath

    if not math.isfinite(got):
        return 0.0 if abs(want) > 1.7e308 and (got > 0) == (want > 0) else math.inf
    size = abs(want)
    unit = mpmath.mpf(2) ** max(int(mpmath.floor(mpmath.log(size, 2))) - 52, -1074) if size else 0
    off = abs(mpmath.mpf(got) - want)
    return 0.0 if off == 0 else float(off / unit) if unit else math.inf


def condition(op: Op, slot: int, point: tuple[float, ...]) -> float:
    """Return by how much a relative change of the arguments grows in a partial: Σ|xᵢ·∂ᵢg|/|g|.

    What an ulp of an argument does to the result, no way of computing it can undo.
    """
    declared = op.slots[slot]
    if not isinstance(declared, Partial) or declared.constant:
        return 0.0
    total, step = 0.0, 2.0**-17

    def partial(k: int, sign: int) -> Any:
        xs = [np.float64(x * (1 + sign * step * (j == k))) for j, x in enumerate(point)]
        return declared.whole(op.value(*xs), *xs)

    with np.errstate(all="ignore"):
        for k in range(len(point)):
            here = abs(partial(k, 1) - partial(k, -1)) / (2 * step * abs(partial(k, 0)))
            total += float(here) if np.isfinite(here) else 0.0
    return total


def errors(op: Op) -> Iterator[tuple[int, tuple[float, ...], float, float, float]]:
    """Yield (slot, point, rule, mpmath, error in ulp) for the value (slot −1) and every partial.

    Points where mpmath's function has no finite real derivative are passed over, and so are
    results that leave the range of float64.
    """
    import mpmath

    f = expression(op)
    with mpmath.workdps(VALUE_DIGITS), np.errstate(all="ignore"):
        for point in points(op):
            xs = [np.float64(x) for x in point]
            exact = [mpmath.mpf(x) for x in point]
            y = op.value(*xs)
            want = _real(lambda at=exact: f(*at))
            if want is None or abs(want) > 1e300:
                continue
            yield -1, point, float(y), float(want), ulps(float(y), want)
            for k, slot in enumerate(op.slots):
                if not isinstance(slot, Partial):
                    continue
                got = float(slot.whole(y, *xs))
                want = _real(lambda at=exact, k=k: _slope(f, at, k))
                if want is None or (want and not 1e-300 < abs(want) < 1e300):
                    continue
                yield k, point, got, float(want), ulps(got, want)


def _slope(f: Any, point: Any, k: int) -> Any:
    """Differentiate by a step relative to the point, with digits enough for what is left over."""
    import mpmath

    x = point[k]
    h = (abs(x) or mpmath.mpf(10) ** -20) * mpmath.mpf(10) ** -DIGITS
    least = min([h, *(abs(v) for v in point if v)])
    needed = 2 * DIGITS - int(mpmath.log10(least))
    for more in (0, 320):  # a slope of 1e-300 may be left over from values close to 1
        with mpmath.workdps(needed + more):
            low, mid, high = (f(*point[:k], x + d, *point[k + 1 :]) for d in (-h, 0, h))
            if abs(high - low) <= max(abs(high), abs(low)) * mpmath.mpf(10) ** (25 - needed):
                continue
            break
    right, left = (high - mid) / h, (mid - low) / h
    gap, size = abs(right - left), max(abs(right), abs(left))
    if gap > 1e-20 * size and gap > 1e-19:
        return None  # a kink, or an end of the domain
    slope = (right + left) / 2
    return slope if abs(slope) > 1e-20 * gap else mpmath.mpf(0)  # below the error of the step


def _real(compute: Any) -> Any:
    import mpmath

    try:
        value = compute()
    except (ValueError, ZeroDivisionError, OverflowError, TypeError):
        return None
    if isinstance(value, mpmath.mpc) and value.imag == 0:
        value = value.real
    if value is None or isinstance(value, mpmath.mpc):
        return None
    value = mpmath.mpf(value)
    return value if mpmath.isfinite(value) else None
