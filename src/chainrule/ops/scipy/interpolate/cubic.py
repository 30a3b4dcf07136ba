"""The cubic interpolators of `scipy.interpolate`: Hermite, PCHIP, Akima, and cubic splines."""

import warnings
from typing import Any

import numpy as np
from scipy import interpolate

from ....core.registry import composite
from ....errors import KinkWarning
from ...declare import as_array
from ..common import plain
from ..linalg import systems
from .piecewise import _float, _set


def _prepared(x: Any, y: Any, axis: int, dydx: Any = None) -> tuple[Any, Any, Any, int, Any]:
    """Return x, its steps, y and dydx along the first axis, as SciPy prepares them."""
    x, y = _float(x), _float(y)
    if dydx is not None:
        dydx = _float(dydx)
        if dydx.shape != y.shape:
            raise ValueError("The shapes of `y` and `dydx` must be identical.")
    if x.dtype.kind == "c":
        raise ValueError("`x` must contain real values.")
    axis = axis % y.ndim
    if x.ndim != 1 or x.shape[0] < 2:
        raise ValueError("`x` must be 1-dimensional, and contain at least 2 elements.")
    if x.shape[0] != y.shape[axis]:
        raise ValueError(f"The length of `y` along `axis`={axis} doesn't match the length of `x`")
    if not (np.all(np.isfinite(x)) and np.all(np.isfinite(y))):
        raise ValueError("`x` and `y` must contain only finite values.")
    dx = x[1:] - x[:-1]
    if np.any(np.less_equal(dx, 0)):
        raise ValueError("`x` must be strictly increasing sequence.")
    y = np.moveaxis(y, axis, 0)
    return x, dx, y, axis, dydx if dydx is None else np.moveaxis(dydx, axis, 0)


def _wide(dx: Any, y: Any) -> Any:
    return np.reshape(dx, (dx.shape[0],) + (1,) * (y.ndim - 1))


def _hermite(x: Any, y: Any, slopes: Any) -> Any:
    """Return the coefficients of the cubics with these values and slopes."""
    dx = _wide(x[1:] - x[:-1], y)
    rise = (y[1:] - y[:-1]) / dx
    t = (slopes[:-1] + slopes[1:] - 2 * rise) / dx
    return np.stack([t / dx, (rise - slopes[:-1]) / dx - t, slopes[:-1], y[:-1]])


@composite(interpolate.CubicHermiteSpline.__init__, name="scipy.interpolate.CubicHermiteSpline")
def cubic_hermite_spline(
    self: Any, x: Any, y: Any, dydx: Any, axis: int = 0, extrapolate: Any = None
) -> None:
    """Interpolate values and slopes."""
    x, _, y, axis, slopes = _prepared(x, y, axis, dydx)
    _set(self, _hermite(x, y, slopes), x, extrapolate, axis)


def _edge(h0: Any, h1: Any, m0: Any, m1: Any) -> Any:
    d = ((2 * h0 + h1) * m0 - h0 * m1) / (h0 + h1)
    turned = np.not_equal(np.sign(d), np.sign(m0))
    steep = np.not_equal(np.sign(m0), np.sign(m1)) & np.greater(np.abs(d), 3.0 * np.abs(m0))
    return np.where(turned, 0.0, np.where(steep, 3.0 * m0, d))


def _monotone_slopes(x: Any, y: Any) -> Any:
    h = _wide(x[1:] - x[:-1], y)
    m = (y[1:] - y[:-1]) / h
    if y.shape[0] == 2:
        return np.concatenate([m, m])
    flat = np.not_equal(np.sign(m[1:]), np.sign(m[:-1])) | np.equal(m[1:], 0) | np.equal(m[:-1], 0)
    left, right = np.where(flat, 1.0, m[:-1]), np.where(flat, 1.0, m[1:])
    w1, w2 = 2 * h[1:] + h[:-1], h[1:] + 2 * h[:-1]
    inner = np.where(flat, 0.0, 1.0 / ((w1 / left + w2 / right) / (w1 + w2)))
    first = _edge(h[0], h[1], m[0], m[1])
    return np.concatenate([first[None], inner, _edge(h[-1], h[-2], m[-1], m[-2])[None]])


@composite(interpolate.PchipInterpolator.__init__, name="scipy.interpolate.PchipInterpolator")
def pchip(self: Any, x: Any, y: Any, axis: int = 0, extrapolate: Any = None) -> None:
    """Interpolate monotonically; where a slope is set to zero, its derivative is."""
    x, _, y, axis, _ = _prepared(x, y, axis)
    if np.any(np.equal(plain(y)[1:], plain(y)[:-1])):
        _warn_flat("PchipInterpolator", "equal neighbours: the slope of monotone data is 0 there")
    if y.dtype.kind == "c":
        raise ValueError("`PchipInterpolator` only works with real values for `y`.")
    _set(self, _hermite(x, y, _monotone_slopes(x, y)), x, extrapolate, axis)


def _warn_flat(name: str, what: str) -> None:
    """Warn of data at which the slopes are not differentiable, except along such data."""
    warnings.warn(
        f"{name} of data with {what}. Where the inputs keep the data so (they scale or shift them) "
        "the derivative is right; else it differs from direction to direction, and what is given "
        "is one of them",
        KinkWarning,
        stacklevel=2,
    )


def _akima_slopes(x: Any, y: Any, method: str) -> Any:
    rise = (y[1:] - y[:-1]) / _wide(x[1:] - x[:-1], y)
    if y.shape[0] == 2:
        return np.concatenate([rise, rise])
    one = 2.0 * rise[0] - rise[1]
    last = 2.0 * rise[-1] - rise[-2]
    m = np.concatenate([
        (2.0 * one - rise[0])[None], one[None], rise, last[None], (2.0 * last - rise[-1])[None]
    ])  # fmt: skip
    change = np.abs(m[1:] - m[:-1])
    f1, f2 = change[2:], change[:-2]
    if method == "makima":
        mean = np.abs(m[1:] + m[:-1])
        f1, f2 = f1 + 0.5 * mean[2:], f2 + 0.5 * mean[:-2]
    total = f1 + f2
    known = np.greater(total, 1e-9 * np.max(total, initial=-np.inf))
    if not np.all(plain(known)):
        _warn_flat("Akima1DInterpolator", "points on one line: their slopes are weighted by 0/0")
    weighted = m[1:-2] + f2 / np.where(known, total, 1.0) * (m[2:-1] - m[1:-2])
    return np.where(known, weighted, 0.5 * (m[3:] + m[:-3]))


@composite(interpolate.Akima1DInterpolator.__init__, name="scipy.interpolate.Akima1DInterpolator")
def akima(
    self: Any, x: Any, y: Any, axis: int = 0, *, method: str = "akima", extrapolate: Any = None
) -> None:
    """Interpolate by Akima's slopes."""
    if method not in ("akima", "makima"):
        raise NotImplementedError(f"`method`={method} is unsupported.")
    x, _, y, axis, _ = _prepared(x, y, axis)
    _set(self, _hermite(x, y, _akima_slopes(x, y, method)), x, bool(extrapolate), axis)


def _conditions(bc_type: Any, y: Any) -> list[Any]:
    """Return what is asked of both ends: a word, or the order and the value of a derivative."""
    if bc_type == "periodic" and not np.allclose(plain(y[0]), plain(y[-1]), rtol=1e-15, atol=1e-15):
        raise ValueError("The first and last `y` point must be identical if bc_type='periodic'.")
    ends = [bc_type, bc_type] if isinstance(bc_type, str) else list(bc_type)
    known = {"clamped": (1, np.zeros(y.shape[1:])), "natural": (2, np.zeros(y.shape[1:]))}
    for side, end in enumerate(ends):
        if isinstance(end, str):
            if end not in (*known, "not-a-knot", "periodic"):
                raise ValueError(f"bc_type={end} is not allowed.")
            ends[side] = known.get(end, end)
            continue
        order, value = end
        value = as_array(value)
        if order not in (1, 2) or value.shape != y.shape[1:]:
            raise ValueError("The specified derivative order must be 1 or 2, its shape that of y.")
        ends[side] = (order, value)
    return ends


def _banded(rows: list[Any], b: Any) -> Any:
    flat = np.reshape(b, (b.shape[0], -1))
    solved = systems.solve_banded((1, 1), np.stack(rows), flat, check_finite=False)
    return np.reshape(solved, b.shape)


def _end_row(end: Any, x: Any, dx: Any, dxr: Any, rise: Any, y: Any) -> tuple[Any, Any, Any]:
    """Return diagonal, its neighbour and right-hand side of the first equation."""
    if isinstance(end, str):
        d = x[2] - x[0]
        right = ((dxr[0] + 2 * d) * dxr[1] * rise[0] + dxr[0] ** 2 * rise[1]) / d
        return dx[1], d, right
    order, value = end
    if order == 1:
        return 0 * dx[0] + 1.0, 0 * dx[0], value + 0 * y[0]
    return 2 * dx[0], dx[0], -0.5 * value * dx[0] ** 2 + 3 * (y[1] - y[0])


def _cubic_slopes(x: Any, dx: Any, y: Any, ends: list[Any]) -> Any:
    dxr, n = _wide(dx, y), x.shape[0]
    rise = (y[1:] - y[:-1]) / dxr
    if n == 2:
        ends = [(1, rise[0]) if isinstance(end, str) else end for end in ends]
    if n == 3 and ends == ["not-a-knot", "not-a-knot"]:
        return _three(dx, dxr, rise)
    if n == 3 and ends[0] == "periodic":
        whole = np.sum(rise / dxr, axis=0) / np.sum(1.0 / dxr, axis=0)
        return np.broadcast_to(whole, y.shape)
    inner = 3 * (dxr[1:] * rise[:-1] + dxr[:-1] * rise[1:])
    middle = 2 * (dx[:-1] + dx[1:])
    if ends[0] == "periodic":
        return _periodic_slopes(dx, dxr, rise, inner, middle)
    d0, u0, b0 = _end_row(ends[0], x, dx, dxr, rise, y)
    dn, ln, bn = _end_row(
        _mirrored(ends[1]), -x[::-1], dx[::-1], dxr[::-1], rise[::-1] * 1.0, -y[::-1]
    )
    zero = np.zeros_like(dx[:1])
    rows = [
        np.concatenate([zero, u0[None], dx[:-1]]),
        np.concatenate([d0[None], middle, dn[None]]),
        np.concatenate([dx[1:], ln[None], zero]),
    ]
    return _banded(rows, np.concatenate([b0[None], inner, bn[None]]))


def _mirrored(end: Any) -> Any:
    """Read a condition from the other end: x ↦ −x, y ↦ −y keeps slopes and turns curvatures."""
    return end if isinstance(end, str) or end[0] == 1 else (2, -end[1])


def _three(dx: Any, dxr: Any, rise: Any) -> Any:
    """Return the slopes of the parabola through three points."""
    one, zero = np.ones_like(dx[0]), np.zeros_like(dx[0])
    rows = [[one, one, zero], [dx[1], 2 * (dx[0] + dx[1]), dx[0]], [zero, one, one]]
    a = np.stack([np.stack(row) for row in rows])
    b = np.stack([2 * rise[0], 3 * (dxr[0] * rise[1] + dxr[1] * rise[0]), 2 * rise[1]])
    flat = np.reshape(b, (3, -1))
    return np.reshape(systems.solve(a, flat, check_finite=False), b.shape)


def _periodic_slopes(dx: Any, dxr: Any, rise: Any, inner: Any, middle: Any) -> Any:
    first = 3 * (dxr[0] * rise[-1] + dxr[-1] * rise[0])
    last = 3 * (dxr[-1] * rise[-2] + dxr[-2] * rise[-1])
    b1 = np.concatenate([first[None], inner[:-1]])
    zero = np.zeros_like(dx[:1])
    n = dx.shape[0]
    rows = [
        np.concatenate([zero, dx[-1:], dx[: n - 3]]),
        np.concatenate([2 * (dx[-1:] + dx[:1]), middle[: n - 2]]),
        np.concatenate([dx[1 : n - 1], zero]),
    ]
    ones = np.ones(b1.shape[1:])
    b2 = np.concatenate([
        (-dx[0] * ones)[None], np.zeros((n - 3, *b1.shape[1:])), (-dx[-3] * ones)[None]
    ]) if n > 3 else np.stack([-dx[0] * ones, -dx[-3] * ones])  # fmt: skip
    s1, s2 = _banded(rows, b1), _banded(rows, b2)
    end = (last - dx[-2] * s1[0] - dx[-1] * s1[-1]) / (
        2 * (dx[-1] + dx[-2]) + dx[-2] * s2[0] + dx[-1] * s2[-1]
    )
    s = s1 + end * s2
    return np.concatenate([s, end[None], s[:1]])


@composite(interpolate.CubicSpline.__init__, name="scipy.interpolate.CubicSpline")
def cubic_spline(
    self: Any, x: Any, y: Any, axis: int = 0, bc_type: Any = "not-a-knot", extrapolate: Any = None
) -> None:
    """Interpolate by twice continuously differentiable cubics, with all conditions at the ends."""
    x, dx, y, axis, _ = _prepared(x, y, axis)
    ends = _conditions(bc_type, y)
    if extrapolate is None:
        extrapolate = "periodic" if ends[0] == "periodic" else True
    _set(self, _hermite(x, y, _cubic_slopes(x, dx, y, ends)), x, extrapolate, axis)
