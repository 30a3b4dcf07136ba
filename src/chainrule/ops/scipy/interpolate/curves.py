"""The coefficients of FITPACK's curves, replayed: least squares, and smoothing to a sum of squares.

FITPACK adds knots at points until the least-squares spline comes within s of the values. Then it
weighs the jumps of the highest derivative at inner knots by 1/p, and looks for the p at which the
sum of squares is s: by rational interpolation, until it is met within s/1000 (P. Dierckx, *Curve
and Surface Fitting with Splines*, 1993, section 5.2; `fpcurf.f` and `fppara.f` of FITPACK). What it
returns is not the spline at the root but the one where the search stopped, so its derivative is
that of the search: the same steps, on traced numbers. Which point is a knot, and which way the
search goes, is locally constant.

Errors: coefficients that differ from SciPy's by more than 1e-8 are refused: the search went
another way, or rounding parts the two.
"""

from typing import Any

import numpy as np

from ..common import agreed, as_computed, flows, refusal
from .bsplines import _bspline_values

_TOLERANCE, _TURNS = 1e-3, 20  # FITPACK's
_CLOSE = 1e-8


def knots_at(t: Any, x: Any, k: int, first: Any, last: Any, given: Any, name: str) -> Any:
    """Return SciPy's knots `t` as formulas: each is a point, amid two, an end, or was given."""
    if not flows([x, first, last, given]):
        return t
    inner, places = t[k + 1 : len(t) - k - 1], agreed(x)
    ends = [np.reshape(first, (1,))] * (k + 1), [np.reshape(last, (1,))] * (k + 1)
    if given is not None or not inner.size:
        return np.concatenate([*ends[0], inner if given is None else given, *ends[1]])
    candidates = (x, places), ((x[1:] + x[:-1]) * 0.5, (places[1:] + places[:-1]) * 0.5)
    for formula, values in candidates if np.all(np.diff(places) > 0) else ():
        found = np.minimum(np.searchsorted(values, inner), values.size - 1)
        if np.array_equal(values[found], inner):
            return np.concatenate([*ends[0], formula[found], *ends[1]])
    raise refusal(
        f"{name} at traced points that repeat", "which of them a knot follows is not known",
        "fit each point once, with the mean of its values; its weight is the root of their number",
    )  # fmt: skip


def check_goal(s: Any, name: str, place: int) -> None:
    """Refuse the derivative in a sum of squares that is 0."""
    if flows(s) and agreed(s) == 0:
        raise refusal(
            f"{name} with s = 0", "a sum of squares cannot fall below 0, so there is no slope in s",
            f"where no derivative is meant, write ‹held s {place}›",
        )  # fmt: skip


def _jumps(t: Any, k: int) -> Any:
    """Return the jumps of the k-th derivative of each B-spline at each inner knot, scaled."""
    n, count = t.shape[0] - k - 1, t.shape[0] - 2 * k - 2
    own = t[k + 1 : k + 1 + count]
    total: Any = 0.0
    for column in range(k + 2):
        product: Any = 1.0
        for other in range(column, column + k + 2):
            if other != k + 1:
                product = product * (own - t[other : other + count])
        width = t[column + k + 1 : column + k + 1 + count] - t[column : column + count]
        total = total + (width / product)[:, None] * np.eye(count, n, column)
    return total * ((t[n] - t[k]) / (count + 1)) ** k


def _weighted(rows: Any, w: Any) -> Any:
    return rows if w is None else rows * w[:, None]


class _Squares:
    """Least squares by the B-splines of knots t at x; their rows, and the values, are weighted."""

    def __init__(self, t: Any, k: int, x: Any, w: Any, values: Any) -> None:
        rows = _bspline_values(t, np.eye(t.shape[0] - k - 1), k, x, 0, True)
        self.rows, self.values = _weighted(rows, w), values
        q, self.root = np.linalg.qr(self.rows)
        self.turned = np.matmul(q.T, self.values)

    def fitted(self) -> Any:
        return np.linalg.solve(self.root, self.turned)

    def left(self, c: Any) -> Any:
        """Return the sum of squares that coefficients leave."""
        return np.sum((self.values - np.matmul(self.rows, c)) ** 2)

    def penalised(self, rows: Any) -> Any:
        """Return the coefficients where also rows·c = 0 is asked for."""
        q, root = np.linalg.qr(np.concatenate([self.root, rows]))
        return np.linalg.solve(root, np.matmul(q[: self.root.shape[0]].T, self.turned))


def fitted(t: Any, k: int, x: Any, y: Any, w: Any, s: Any) -> tuple[Any, Any]:
    """Return FITPACK's coefficients, a column for each of y, and the sum of squares they leave.

    w is None where all weights are 1, and s where the knots were given: least squares alone.
    """
    through = s is not None and agreed(s) == 0
    w = None if through else w  # it meets every value, whatever its weight
    values = _weighted(y, w)
    squares = _Squares(t, k, x, w, values)
    n = t.shape[0] - k - 1
    c = squares.fitted()
    left = squares.left(c)
    if s is None or n == k + 1 or through:
        return c, left
    near = agreed(s) * _TOLERANCE
    most = left - s
    if agreed(most) > -near:
        return c, left
    ends = np.concatenate([t[: k + 1], t[n:]])
    polynomial = _Squares(ends, k, x, w, values)
    least = polynomial.left(polynomial.fitted()) - s
    start = n / np.sum(np.abs(np.diagonal(squares.root)))
    return _searched(squares, _jumps(t, k), (least, most), start, s)


def _searched(squares: _Squares, jumps: Any, ends: Any, p: Any, s: Any) -> tuple[Any, Any]:
    """Return coefficients and sum of squares where FITPACK's search for p stops."""
    near = agreed(s) * _TOLERANCE
    low, high = (0.0, ends[0]), (None, ends[1])  # p and its sum of squares less s; None: infinity
    low_is_tight = high_is_tight = False
    for _ in range(_TURNS):
        c = squares.penalised(jumps / p)
        left = squares.left(c)
        f = left - s
        value, below, above = agreed(f), agreed(high[1]), agreed(low[1])
        if abs(value) < near:
            break
        if not high_is_tight:
            if value - below <= near:  # p is too large
                high = p, f
                smaller = p * 0.04
                p = low[0] * 0.9 + p * 0.1 if agreed(smaller) <= agreed(low[0]) else smaller
                continue
            high_is_tight = bool(value < 0)
        if not low_is_tight:
            if above - value <= near:  # p is too small
                low = p, f
                larger = p / 0.04
                beyond = high[0] is not None and agreed(larger) >= agreed(high[0])
                p = p * 0.1 + high[0] * 0.9 if beyond else larger
                continue
            low_is_tight = bool(value > 0)
        if value >= above or value <= below:
            break
        middle = p, f
        p = _rational(low, middle, high)
        if value < 0:
            high = middle
        else:
            low = middle
    return c, left


def _rational(low: Any, middle: Any, high: Any) -> Any:
    """Return the root of the function (u·p + v)/(p + w) through three points."""
    (p1, f1), (p2, f2), (p3, f3) = low, middle, high
    h1, h2, h3 = f1 * (f2 - f3), f2 * (f3 - f1), f3 * (f1 - f2)
    if p3 is None:
        return -(p1 * h2 + p2 * h1) / h3
    return -(p1 * p2 * h3 + p2 * p3 * h1 + p1 * p3 * h2) / (p1 * h1 + p2 * h2 + p3 * h3)


def anchored(found: Any, made: Any, s: Any, name: str) -> Any:
    """Return SciPy's coefficients `made`, with the derivatives of the replayed ones."""
    if s is not None and agreed(s) != 0:
        apart = np.abs(agreed(found) - made)
        if not np.max(apart) <= _CLOSE * np.max(np.abs(made)):
            raise refusal(
                f"{name} with smoothing",
                "the steps of FITPACK's search, taken again, do not end at SciPy's coefficients",
                "use make_smoothing_spline(x, y, lam=…)",
            )
    return as_computed(found, made)
