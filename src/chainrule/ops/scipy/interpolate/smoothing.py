"""`make_smoothing_spline`: the natural cubic spline that minimises Σwᵢ(yᵢ − f(xᵢ))² + λ∫f″².

Its knots are the points. In SciPy's basis of natural splines it solves (X + λ·E/w)·c = y with five
diagonals, a formula in the points, the values, the weights and λ.

Where λ is left out, SciPy searches the minimum over (0, n) of the generalised cross-validation
n·|g|²/(tr G)², with G = (E/w)(X + λE/w)⁻¹ and g = G·y. The derivative is that of the minimum:
Newton's steps from it, on traced numbers, as for quantiles (`stats/integrals.py`). A search that
ended at the upper bound gives a constant.

Errors: a search that ended beside a minimum (SciPy's stops within 1e-5 of λ, however small λ is)
is refused: what it gives hangs on its way there.
"""

from typing import Any

import numpy as np
from scipy import interpolate

from ....core.registry import composite
from ....errors import UnsupportedFunctionError
from ..common import agreed, as_computed, flows, plain, refusal, settled
from ..linalg import systems
from .bsplines import bspline_of
from .piecewise import _float, _only_real

_NEWTON = 3  # steps, which make derivatives up to order 7 right
_CLOSE = 1e-4  # the share by which coefficients at the minimum may differ from SciPy's
_BOUND = 1e-3  # a λ as near to the upper bound of the search lies on it
_STEPS = 30


def _divided(*points: Any) -> list[Any]:
    """Return the coefficients of the divided difference of these points."""
    found = []
    for i, p in enumerate(points):
        whole: Any = 1.0
        for k, q in enumerate(points):
            whole = whole if i == k else whole * (p - q)
        found.append(1.0 / whole)
    return found


def _design(x: Any) -> Any:
    """Return the three diagonals of X, above to below: the natural basis at its knots."""
    wide = np.concatenate([x[:1], x[:1], x, x[-1:], x[-1:]])
    a, b, c, d, e = (wide[k : k + x.shape[0]] for k in range(5))
    left = (d - c) ** 2 / ((d - a) * (d - b))  # the three B-splines that are not 0 at the knot c
    right = (c - b) ** 2 / ((e - b) * (d - b))
    middle = 1.0 - left - right
    one = np.ones_like(x[:1])
    upper = np.concatenate([one, right[1:-2], (x[-1:] - x[-3:-2]) * right[-2:-1]])
    lower = np.concatenate([(x[2:3] - x[:1]) * left[1:2], left[2:-1], one])
    first, last = x[2:3] + x[1:2] - 2 * x[:1], 2 * x[-1:] - x[-2:-1] - x[-3:-2]
    inner = [left[1:2] + middle[1:2], middle[2:-2], middle[-2:-1] + right[-2:-1]]
    return upper, np.concatenate([first, *inner, last]), lower


def _penalty(x: Any, w: Any) -> list[Any]:
    """Return the five diagonals of E/w, each as long as it is, above to below."""
    n = x.shape[0]
    middle = _divided(*(x[r : n - 4 + r] for r in range(5)))
    width = x[4:] - x[:-4]
    columns = [width * coefficient for coefficient in middle]
    ends = range(3), range(4), range(n - 4, n), range(n - 3, n)
    first, second, before, last = (_divided(*(x[k : k + 1] for k in places)) for places in ends)
    found = []
    for r in range(5):  # row j + r − 2 of column j
        parts = [
            *([first[r - 2]] if r >= 2 else []), *([second[r - 1]] if r >= 1 else []), columns[r],
            *([-before[r]] if r <= 3 else []), *([last[r]] if r <= 2 else []),
        ]  # fmt: skip
        band = 6.0 * np.concatenate(parts)
        found.append(band if w is None else band / w[max(r - 2, 0) : n + min(r - 2, 0)])
    return found


def _stored(diagonals: Any) -> Any:
    """Return diagonals as LAPACK stores them: by columns."""
    half = len(diagonals) // 2
    rows = []
    for shift, band in zip(range(half, -half - 1, -1), diagonals, strict=True):
        empty = np.zeros(abs(shift))
        rows.append(np.concatenate([empty, band] if shift > 0 else [band, empty]))
    return np.stack(rows)


def _dense(diagonals: Any) -> Any:
    half = len(diagonals) // 2
    shifts = range(half, -half - 1, -1)
    parts = [np.diag(band, k) for k, band in zip(shifts, diagonals, strict=True)]
    return sum(parts[1:], parts[0])


def _solve(lam: Any, bands: Any, penalty: Any, y: Any) -> Any:
    return systems.solve_banded((2, 2), bands + lam * penalty, y, check_finite=False)


def _wide(x: Any, c: Any) -> Any:
    """Return the coefficients of B-splines of those of natural splines."""
    begin, end = c[:1], c[-1:]
    return np.concatenate([
        begin * (x[2] + x[1] - 2 * x[0]) + c[1:2], begin * (x[2] - x[0]) + c[1:2], c[1:-1],
        end * (x[-1] - x[-3]) + c[-2:-1], end * (2 * x[-1] - x[-2] - x[-3]) + c[-2:-1],
    ])  # fmt: skip


def _slopes(lam: Any, design: Any, penalty: Any, y: Any) -> tuple[Any, Any]:
    """Return the first two derivatives in λ of half the logarithm of the cross-validation."""
    G = np.matmul(penalty, np.linalg.inv(design + lam * penalty))
    square = np.matmul(G, G)
    trace, second, third = np.trace(G), np.trace(square), np.sum(square * G.T)
    g1 = np.matmul(G, y)
    g2 = np.matmul(G, g1)
    g3 = np.matmul(G, g2)
    size, along = np.sum(g1 * g1), np.sum(g1 * g2)
    slope = second / trace - along / size
    bend = (second / trace) ** 2 - 2 * third / trace
    bend = bend + (np.sum(g2 * g2) + 2 * np.sum(g1 * g3)) / size - 2 * (along / size) ** 2
    return slope, bend


def _no_minimum(why: str) -> UnsupportedFunctionError:
    return refusal("make_smoothing_spline without lam", why, "give the smoothing, lam=…")


def _searched(found: Any, parts: Any, y: Any) -> Any:
    """Return the λ that SciPy found for one column, with its derivatives."""
    design, penalty = (plain(_dense(p)) for p in parts)
    values, n = plain(y), y.shape[0]
    bent = penalty @ found
    size = bent @ bent
    lam = bent @ (values - design @ found) / size if size else np.nan
    if not np.isfinite(lam) or lam <= 0:
        raise _no_minimum("the values lie on a line: every smoothing gives the same")
    slope, bend = _slopes(lam, design, penalty, values)
    if lam > n * (1 - _BOUND) and slope < 0:
        return lam
    for _ in range(_STEPS):
        step = -slope / bend
        if not (bend > 0 and abs(step) < lam / 2):
            raise _no_minimum(f"SciPy's search ended at lam={lam:.6g}, which is no minimum")
        lam += step
        slope, bend = _slopes(lam, design, penalty, values)
        if abs(step) <= 1e-9 * lam:
            break
    design, penalty = map(_dense, parts)
    for _ in range(_NEWTON):
        slope, bend = _slopes(lam, design, penalty, y)
        lam = lam - slope / bend
    return lam


@composite(interpolate.make_smoothing_spline, name="scipy.interpolate.make_smoothing_spline")
def make_smoothing_spline(
    x: Any, y: Any, w: Any = None, lam: Any = None, *, axis: int = 0
) -> Any:  # fmt: skip
    """Solve for the coefficients, with λ as given, or as found by cross-validation."""
    x, y, lam = _float(settled(x)), _float(settled(y)), settled(lam)
    w = w if w is None else _float(settled(w))
    lam = lam if lam is None else _float(lam)
    _only_real(x)
    _only_real(y)
    numbers = (a if a is None else agreed(a) for a in (x, y, w, lam))
    made = interpolate.make_smoothing_spline(*numbers, axis=axis)
    axis = axis % y.ndim
    y = np.moveaxis(y, axis, 0)
    n = y.shape[0]
    flat = np.reshape(y, (n, -1))
    upper, diagonal, lower = _design(x)
    parts = [upper, diagonal, lower], _penalty(x, w)
    empty = np.zeros(n - 2)
    bands, penalty = _stored([empty, *parts[0], empty]), _stored(parts[1])
    if lam is not None:
        c = _solve(lam, bands, penalty, flat)
    else:
        found = _narrow(plain(x), np.reshape(made.c, (n + 2, -1)))
        columns = [flat[:, k] for k in range(flat.shape[1])]
        lams = [_searched(found[:, k], parts, own) for k, own in enumerate(columns)]
        solved = [_solve(own, bands, penalty, y) for own, y in zip(lams, columns, strict=True)]
        c = np.stack(solved, axis=1)
    c = np.reshape(_wide(x, c), (n + 2, *y.shape[1:]))
    if lam is None:
        _check(plain(c), made.c)
    knots = np.concatenate([x[:1]] * 3 + [x] + [x[-1:]] * 3)
    c = as_computed(c, made.c, within=1e-6 if lam is not None else _CLOSE)
    return bspline_of(knots if flows(x) else made.t, c, 3, made.extrapolate, axis)


def _narrow(x: Any, rows: Any) -> Any:
    """Return the coefficients of natural splines of those of B-splines: `_wide` turned round."""
    first = (rows[:1] - rows[1:2]) / (x[1] - x[0])
    last = (rows[-1:] - rows[-2:-1]) / (x[-1] - x[-2])
    return np.concatenate([first, rows[2:-2], last])


def _check(c: Any, value: Any) -> None:
    if np.any(np.abs(c - value) > _CLOSE * np.max(np.abs(value))):
        raise _no_minimum("SciPy's search ended beside the minimum: the spline there is another")
