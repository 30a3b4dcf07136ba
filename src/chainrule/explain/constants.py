"""Constants by the names that they have: π, e, √2, ln 2, 1/3, where a number is one to the bit."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from .expr import App, Expr, Num

PI, E = Num(float(np.pi), name="π"), Num(float(np.e), name="e")
_DIGITS = 9  # a decimal of so many is what the program wrote
_DENOMINATORS = np.arange(2, 1001)
_MULTIPLES = (1, 2, 3, 4, 5, 6, 8, 12, 180)


def named(value: Any) -> Expr | None:
    """Return a constant as the formula that computes it, or None where it is just a number."""
    if type(value) not in (float, np.float64) or not np.isfinite(value):
        return None
    return _named(float(value))


@lru_cache(maxsize=1024)
def _named(value: float) -> Expr | None:
    if value == int(value) or len(repr(abs(value)).replace(".", "").strip("0")) <= _DIGITS:
        return None
    if value < 0:
        positive = _named(-value)
        return None if positive is None else App("negative", (positive,))
    for form, number in _candidates(value):
        if abs(number - value) <= np.spacing(value):
            return form
    return None


def _candidates(v: float) -> Iterator[tuple[Expr, float]]:
    """Iterate over the formulas that `v` may be, nearest at hand first."""
    short = float(f"{v:.14g}")  # 1.3 − 1 is 0.3
    if len(repr(short).replace(".", "").strip("0")) <= _DIGITS:
        yield Num(short, rough=True), short  # near, and not it: 0.1 + 0.2 is none
    if abs(v - np.e) < 1e-9:
        yield E, E.value
    for q in _MULTIPLES:
        p = round(v * q / np.pi)
        if 0 < p <= 360:
            yield _fraction(p, q, PI), p * np.pi / q
        p = round(np.pi / v / q) if q <= 4 else 0
        if 0 < p <= 360:  # q/(pπ)
            yield App("divide", (Num(q), _times(p, PI))), q / (p * np.pi)
    whole = np.round(v * _DENOMINATORS)
    for k in np.flatnonzero(abs(whole / _DENOMINATORS - v) <= np.spacing(v))[:1]:
        p, q = int(whole[k]), int(_DENOMINATORS[k])
        if 0 < p <= 1000:
            yield _fraction(p, q, None), p / q
    if v < 100:
        yield from _roots(v)
        n = round(np.exp(v)) if v < 8 else 0
        if n > 1:
            yield App("log", (Num(n),)), float(np.log(n))
        yield App("log", (PI,)), float(np.log(np.pi))
        n = round(np.exp(1 / v)) if v > 0.1 else 0
        if n > 1:
            yield App("divide", (Num(1), App("log", (Num(n),)))), float(1 / np.log(n))


def _roots(v: float) -> Iterator[tuple[Expr, float]]:
    for base, unit in ((None, 1.0), (PI, np.pi)):
        n, m = round(v * v / unit), round(1 / (v * v * unit))
        if 0 < n <= 1000:
            yield App("sqrt", (_times(n, base),)), float(np.sqrt(n * unit))
        if 0 < m <= 1000:
            yield (App("divide", (Num(1), App("sqrt", (_times(m, base),)))),
                   float(1 / np.sqrt(m * unit)))  # fmt: skip
    n = round(4 / (v * v * np.pi))  # 2/√(nπ)
    if 0 < n <= 100:
        root = App("sqrt", (_times(n, PI),))
        yield App("divide", (Num(2), root)), float(2 / np.sqrt(n * np.pi))


def _times(n: int, base: Expr | None) -> Expr:
    if base is None:
        return Num(n)
    return base if n == 1 else App("multiply", (Num(n), base))


def _fraction(p: int, q: int, base: Expr | None) -> Expr:
    top = _times(p, base)
    return top if q == 1 else App("divide", (top, Num(q)))
