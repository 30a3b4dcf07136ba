"""Integrals of sampled values: `scipy.integrate`'s trapezoid, simpson, romb, fixed_quad and kin.

All are bodies in plain NumPy: linear in the samples, smooth in the places. Loaded when the user's
program has imported `scipy.integrate`.
"""

from typing import Any

import numpy as np
from scipy import integrate, special

from ...core.op import sample
from ...core.registry import composite
from ..declare import as_array
from ..numpy.reduce import axes_of

_UNEVEN = np.array([0.0, 0.4, 1.1, 1.5, 2.4, 3.0])


def _places(n: int) -> Any:
    """Draw increasing places for `n` samples."""
    return lambda rng: np.cumsum(rng.uniform(0.3, 1.0, n))


def _last(y: Any, axis: int) -> tuple[Any, int]:
    y = as_array(y)
    (axis,) = axes_of(axis, y.ndim)
    return np.moveaxis(y, axis, -1), axis


def _steps(x: Any, dx: Any, y: Any, axis: int) -> Any:
    """Return the spacings along the last axis; `y` has its axis moved there already."""
    if x is None:
        return dx if np.ndim(dx) == 0 else np.moveaxis(as_array(dx), axis, -1)
    x = as_array(x)
    if x.ndim > 1:
        x = np.moveaxis(x, axis, -1)
    if x.ndim not in (1, y.ndim) or x.shape[-1] != y.shape[-1]:
        raise ValueError("If given, shape of x must be 1-D or the same as y.")
    return np.diff(x, axis=-1)


def _floating(y: Any) -> Any:
    return y if y.dtype.kind in "fc" else y.astype(float)


@composite(
    integrate.trapezoid, sample((5,)), sample((2, 5), _places(5)),
    sample((4, 2), None, 0.5, axis=0),
    sample((2, 4), lambda rng: np.cumsum(rng.uniform(0.3, 1.0, (2, 4)), axis=1)),
)  # fmt: skip
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    """Sum the trapezoids: Σ hᵢ·(yᵢ + yᵢ₊₁)/2."""
    y, axis = _last(y, axis)
    y = _floating(y)
    h = _steps(x, dx, y, axis)
    return np.sum(h * (y[..., 1:] + y[..., :-1]) / 2.0, axis=-1)


@composite(
    integrate.cumulative_trapezoid, sample((5,)), sample((2, 5), _places(5), initial=0),
    sample((4, 2), None, 0.5, axis=0),
)  # fmt: skip
def cumulative_trapezoid(
    y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1, initial: Any = None
) -> Any:
    """Sum the trapezoids up to every place."""
    y, axis = _last(y, axis)
    if y.shape[-1] == 0:
        raise ValueError("At least one point is required along `axis`.")
    if initial is not None and initial != 0:
        raise ValueError("`initial` must be `None` or `0`.")
    y = _floating(y)
    total = np.cumsum(_steps(x, dx, y, axis) * (y[..., 1:] + y[..., :-1]) / 2.0, axis=-1)
    return np.moveaxis(_preceded(total, initial), -1, axis)


def _preceded(total: Any, initial: Any) -> Any:
    if initial is None:
        return total
    first = np.broadcast_to(as_array(initial), (*total.shape[:-1], 1)).astype(total.dtype)
    return np.concatenate((first, total + first), axis=-1)


def _parabolas(y: Any, h: Any) -> Any:
    """Integrate y over pairs of intervals by the parabola through three samples."""
    left, middle, right = y[..., :-2:2], y[..., 1:-1:2], y[..., 2::2]
    if np.ndim(h) == 0:
        return np.sum(left + 4.0 * middle + right, axis=-1) * (h / 3.0)
    h0, h1 = h[..., ::2], h[..., 1::2]
    both, ratio = h0 + h1, h0 / h1
    sums = (left * (2.0 - 1.0 / ratio) + middle * (both * (both / (h0 * h1)))
            + right * (2.0 - ratio))  # fmt: skip
    return np.sum(both / 6.0 * sums, axis=-1)


_THREE = np.arange(3, dtype=np.float32)
_WIDE_STEPS = integrate.simpson(_THREE, x=_THREE).dtype == np.float64  # and real; not since 1.18


@composite(
    integrate.simpson, sample((5,)), sample((4,)), sample((2, 5), _places(5)),
    sample((6, 2), dx=0.5, axis=0), sample((3, 6), _places(6)), sample((2,)),
    sample((2, 3), lambda rng: np.cumsum(rng.uniform(0.3, 1.0, (2, 3)), axis=1)),
)  # fmt: skip
def simpson(y: Any, x: Any = None, *, dx: Any = 1.0, axis: int = -1) -> Any:
    """Integrate by Simpson's rule; of an even number of samples the last interval by Cartwright's.

    References: K. V. Cartwright, Simpson's rule cumulative integration with MS Excel and
    irregularly-spaced data, J. Math. Sci. Math. Educ. 12 (2017) 1–9, eq. 8.
    """
    y, axis = _last(y, axis)
    y = _floating(y)
    h, n = _steps(x, dx, y, axis), y.shape[-1]
    one: Any = 1.0
    if not _WIDE_STEPS:
        kind = np.result_type(y, h)
        y, h = y.astype(kind), as_array(h).astype(kind)
    else:
        one = np.float64(1.0)
        h = h if x is None else np.real(h).astype(np.float64)
    if n % 2:
        return _parabolas(y, h)
    end = h if np.ndim(h) == 0 else h[..., -1]
    if n == 2:
        return 0.5 * end * (y[..., -1] + y[..., -2])
    end = end * one
    before = end if np.ndim(h) == 0 else h[..., -2] * one
    alpha = (2 * end**2 + 3 * before * end) / (6 * (end + before))
    beta = (end**2 + 3.0 * before * end) / (6 * before)
    eta = end**3 / (6 * before * (before + end))
    first = _parabolas(y[..., :-1], h if np.ndim(h) == 0 else h[..., :-1])
    total = first + (alpha * y[..., -1] + beta * y[..., -2] - eta * y[..., -3])
    if total.ndim == 0:  # what SciPy adds in place keeps its dtype, and this is not in place
        return total
    return total.astype(np.result_type(first.dtype, y.dtype))


def _forward_halves(y: Any, h: Any, equal: bool) -> Any:
    """Integrate over the first of every two neighbouring intervals, by their parabola."""
    a, b, c = y[..., :-2], y[..., 1:-1], y[..., 2:]
    first = h[..., :-1]
    if equal:
        return first / 3 * (5 * a / 4 + 2 * b - c / 4)
    share, ratio = first / (first + h[..., 1:]), first / h[..., 1:]
    product = share * ratio
    return first / 6 * ((3 - share) * a + (3 + product + share) * b + -product * c)


@composite(
    integrate.cumulative_simpson, sample((5,)), sample((6,), x=_UNEVEN),
    sample((2, 6), x=_UNEVEN, initial=0.5), sample((4, 2), dx=0.5, axis=0), sample((2,)),
)  # fmt: skip
def cumulative_simpson(
    y: Any, *, x: Any = None, dx: Any = 1.0, axis: int = -1, initial: Any = None
) -> Any:
    """Integrate up to every place: each interval by the parabola through three samples.

    References: as for `simpson`, eqs. 8 and 10.
    """
    y, axis = _last(y, axis)
    y = _floating(y)
    h = _steps(x, dx, y, axis)
    if x is not None and np.any(h <= 0):
        raise ValueError("Input x must be strictly increasing.")
    if y.shape[-1] < 3:
        total = np.cumsum(h * (y[..., 1:] + y[..., :-1]) / 2.0, axis=-1)
    else:
        h = h + np.zeros((*y.shape[:-1], y.shape[-1] - 1))
        equal = x is None
        forth = _forward_halves(y, h, equal)
        back = np.flip(_forward_halves(np.flip(y, -1), np.flip(h, -1), equal), -1)
        last = y.shape[-1] - 1
        even = np.arange(last) % 2 == 0
        even[-1] = False
        at = np.arange(last)
        parts = np.where(
            even, forth[..., np.minimum(at, last - 2)], back[..., np.maximum(at - 1, 0)]
        )
        total = np.cumsum(parts, axis=-1)
    if initial is not None and np.ndim(initial):
        initial = np.moveaxis(as_array(initial), axis, -1)
    return np.moveaxis(_preceded(total, initial), -1, axis)


@composite(integrate.romb, sample((5,)), sample((2, 9), dx=0.5), sample((3, 2), axis=0))
def romb(y: Any, dx: Any = 1.0, axis: int = -1, show: bool = False) -> Any:
    """Extrapolate the trapezoidal rule to step zero (Romberg); nothing is shown."""
    y, axis = _last(y, axis)
    y = _floating(y)
    intervals = y.shape[-1] - 1
    levels = max(intervals, 1).bit_length() - 1
    if intervals < 1 or 1 << levels != intervals:
        raise ValueError("Number of samples must be one plus a non-negative power of 2.")
    h = np.float64(intervals) * dx
    row = [(y[..., 0] + y[..., -1]) / 2.0 * h]
    for i in range(1, levels + 1):
        step = intervals >> (i - 1)
        new = [0.5 * (row[0] + h * np.sum(y[..., step >> 1 : intervals : step], axis=-1))]
        for j in range(1, i + 1):
            new.append(new[-1] + (new[-1] - row[j - 1]) / ((1 << (2 * j)) - 1))
        row, h = new, h / 2.0
    return row[-1]


_NARROW = np.float32([0.0, 1.0])
_NODES_NARROW = integrate.fixed_quad(np.sin, *_NARROW)[0].dtype == np.float32  # since 1.18


@composite(integrate.fixed_quad, always=True)
def fixed_quad(func: Any, a: Any, b: Any, args: Any = (), n: int = 5) -> tuple[Any, None]:
    """Integrate by Gauss and Legendre's rule of order `n`: the rule itself is differentiated."""
    x, w = special.roots_legendre(n)
    if np.isinf(a) or np.isinf(b):
        raise ValueError("Gaussian quadrature is only available for finite limits.")
    if _NODES_NARROW:
        kind = np.result_type(*(getattr(v, "dtype", v) for v in (a, b)))
        kind = kind if kind.kind in "fc" else np.dtype(float)
        a, b, x, w = (as_array(v).astype(kind) for v in (a, b, x, w))
    y = (b - a) * (np.real(x) + 1) / 2.0 + a
    return (b - a) / 2.0 * np.sum(w * as_array(func(y, *args)), axis=-1), None
