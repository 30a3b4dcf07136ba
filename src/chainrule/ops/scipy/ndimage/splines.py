"""Splines through images: their filter, where a coordinate falls, and their value there.

The spline is linear in the image, through the spline filter, and piecewise polynomial in the
coordinates.

Reference: M. Unser, Splines: a perfect fit for signal and image processing, IEEE Signal Processing
Magazine 16 (1999) 22–38.
"""

from typing import Any

import numpy as np
from scipy import ndimage

from ....core.op import Notation, Op
from ....core.registry import add
from ....core.slots import INDEX, Linear
from ...batched import loop
from ...declare import as_array
from ...numpy.layout import axes_in_range
from .filters import deliver, output_dtype

UNSER = "M. Unser, Splines: a perfect fit for signal and image processing (1999)"
_EDGE = 12  # how far SciPy extends an image before it filters, where a mode needs it


# --- the spline filter ------------------------------------------------------------------------


def _spline_transpose(ct: Any, x: Any, order: int, axis: int, mode: str) -> Any:
    """Multiply by the transposed matrix of the filter along the axis."""
    n = x.shape[axis]
    matrix = ndimage.spline_filter1d(np.eye(n), order, 0, np.float64, mode)
    back = np.tensordot(matrix.T, ct, (1, axis))
    return np.moveaxis(back, 0, axis)


spline_line = Op(
    "spline_filter1d",
    lambda x, order, axis, mode: ndimage.spline_filter1d(x, order, axis, _wide(x), mode),
    (Linear(transpose=_spline_transpose),),
    complex=True,
    batch=loop,
    notation=Notation(
        "spline({0})", "\\operatorname{{spline}}\\left({0}\\right)",
        rule="the coefficients of a spline are linear in the values at its knots",
    ),
    references=(UNSER,),
)  # fmt: skip
add(spline_line)


def _wide(x: Any) -> Any:
    return np.complex128 if x.dtype.kind == "c" else np.float64


def spline_filter1d(
    input: Any, order: int = 3, axis: int = -1, output: Any = np.float64, mode: str = "mirror"
) -> Any:
    """Return the coefficients of splines along one axis."""
    x = as_array(input)
    (axis,) = axes_in_range(axis, x.ndim)
    y = np.copy(x) if order < 2 else spline_line(x, order=int(order), axis=axis, mode=mode)
    return deliver(y.astype(result_dtype(x, output)), output)


def spline_filter(
    input: Any, order: int = 3, output: Any = np.float64, mode: str = "mirror"
) -> Any:
    """Return the coefficients of a spline of several axes."""
    if order < 2:
        raise RuntimeError("spline order not supported")
    y = as_array(input)
    for axis in range(y.ndim):
        y = spline_line(y, order=int(order), axis=axis, mode=mode)
    return deliver(y.astype(result_dtype(y, output)), output)


def result_dtype(x: Any, output: Any) -> Any:
    """Return the dtype of the result, which is complex for a complex image."""
    dtype = output_dtype(x, output)
    return np.promote_types(dtype, np.complex64) if x.dtype.kind == "c" else dtype


def _coefficients(x: Any, order: int, mode: str, cval: Any, prefilter: bool) -> tuple[Any, int]:
    """Return the coefficients of the spline, and how far they reach over the ends."""
    if not prefilter or order < 2:
        return x, 0
    edge = 0
    if mode in ("nearest", "grid-constant"):
        edge = _EDGE
        options = {"mode": "edge"} if mode == "nearest" else {"constant_values": cval}
        x = np.pad(x, edge, **options)
    for axis in range(x.ndim):
        x = spline_line(x, order=order, axis=axis, mode=mode)
    return x, edge


# --- where a coordinate falls -------------------------------------------------------------------


def _fold(x: Any, n: int, order: int, mode: str) -> tuple[Any, Any]:
    """Bring coordinates into 0 … n − 1; return them (NaN where nothing is there) and the slope."""
    slope = np.ones_like(x)
    if mode in ("nearest", "grid-constant"):  # what the taps meet there is constant
        far = np.clip(x, -order - 1.0, n + order)
        return far, np.where(far == x, 1.0, 0.0)
    if mode == "constant":
        return np.where((x < 0) | (x > n - 1), np.nan, x), slope
    if n == 1:
        return np.zeros_like(x), np.zeros_like(x)
    if mode == "wrap":
        inside = (x >= 0) & (x <= n - 1)
        y = np.mod(x, n - 1)
        return np.where(inside, x, np.where((y == 0) & (x < 0), n - 1, y)), slope
    if mode == "grid-wrap":
        inside = (x >= 0) & (x <= n - 1)
        return np.where(inside, x, np.mod(x, n)), slope
    start = 0.0 if mode == "mirror" else -0.5
    period = 2.0 * (n - 1) if mode == "mirror" else 2.0 * n
    y = np.mod(x - start, period)
    back = y > period / 2
    folded = np.where(back, period - y, y) + start
    return np.where((x >= 0) & (x <= n - 1), x, folded), np.where(back, -1.0, 1.0)


def _taps(start: Any, n: int, order: int, mode: str) -> Any:
    """Return the indices of the coefficients around a cell; −1 where there is none."""
    at = start[None] + np.arange(order + 1).reshape((-1,) + (1,) * start.ndim)
    if mode == "grid-constant":
        return np.where((at < 0) | (at >= n), -1, at)
    if mode == "nearest":
        return np.clip(at, 0, n - 1)
    if mode == "grid-wrap":
        return np.mod(at, n)
    if n == 1:
        return np.zeros_like(at)
    if mode in ("reflect", "grid-mirror"):
        at = np.mod(at, 2 * n)
        return np.where(at >= n, 2 * n - 1 - at, at)
    at = np.mod(at, 2 * (n - 1))
    return np.where(at >= n, 2 * (n - 1) - at, at)


def _cells(coordinates: Any, shape: Any, order: int, mode: str, edge: int) -> Any:
    """Return taps, the place within the cell as slope·x + shift, and what is inside the image."""
    taps, slopes, shifts = [], [], []
    inside = np.ones(coordinates.shape[1:])
    for x, n in zip(coordinates.astype(np.float64), shape, strict=True):
        if edge:  # the image is extended already
            x = x + edge
        at, slope = _fold(x, n, order, mode)
        lost = np.isnan(at)
        inside = np.where(lost, 0.0, inside)
        at = np.where(lost, 0.0, at)
        base = np.floor(at) if order % 2 else np.floor(at + 0.5)
        offset = 0.0 if order % 2 else 0.5
        taps.append(_taps((base - order // 2).astype(int), n, order, mode))
        slopes.append(np.where(lost, 0.0, slope))
        shifts.append(at - base + offset - np.where(lost, 0.0, slope) * (x - edge))
    return np.stack(taps), np.stack(slopes), np.stack(shifts), inside


cells = Op(
    "spline_cells",
    _cells,
    (INDEX,),
    outputs=4,
    batch=loop,
    notation=Notation(rule="piecewise constant: nothing flows"),
)
add(cells)


def _weights(s: Any, order: int) -> list[list[Any]]:
    """Return the B-splines of degrees 0 … order on a cell, by their recurrence, at 0 ≤ s < 1."""
    rows: list[list[Any]] = [[s * 0 + 1.0]]
    for p in range(1, order + 1):
        before = rows[-1]
        row = []
        for j in range(p + 1):
            left = before[j - 1] * ((p - j + s) / p) if j else 0.0
            right = before[j] * ((j + 1 - s) / p) if j < p else 0.0
            row.append(left + right)
        rows.append(row)
    return rows


def _slopes(rows: list[list[Any]], order: int) -> list[Any]:
    """Return the derivatives of the B-splines: differences of those of one degree less."""
    if order == 0:
        return [rows[0][0] * 0]
    less = rows[order - 1]
    zero = less[0] * 0
    return [
        (less[j - 1] if j else zero) - (less[j] if j < order else zero) for j in range(order + 1)
    ]


def _sums_over_taps(
    c: Any, taps: Any, weights: list[list[Any]], slopes: list[list[Any]], cval: Any, outside: bool
) -> list[Any]:
    """Add up the coefficients around each point, times the product of the weights.

    The first sum is that; where there are slopes, one follows for each axis, whose weight is
    replaced by its slope. They are added axis by axis, the last one first: each coefficient is
    looked up once. With `outside`, taps of −1 stand for `cval`.
    """
    flat, count = np.ravel(c), len(weights[0])

    def over(axis: int, start: Any, missing: Any) -> list[Any]:
        if axis == len(weights):
            value = np.take(flat, start)
            return [np.where(missing, cval, value) if outside else value]
        found: list[Any] = []
        for k in range(count):
            tap, out = taps[axis, k], missing
            if outside:
                out = tap < 0 if missing is None else missing | (tap < 0)
                tap = np.maximum(tap, 0)
            inner = over(axis + 1, tap if start is None else start * c.shape[axis] + tap, out)
            terms = [v * weights[axis][k] for v in inner]
            if slopes:
                terms.insert(1, inner[0] * slopes[axis][k])
            found = [a + b for a, b in zip(found, terms, strict=True)] if found else terms
        return found

    return over(0, None, None)


def interpolate(
    x: Any, coordinates: Any, order: int, mode: str, cval: Any, prefilter: bool, by: Any = None
) -> Any:
    """Evaluate the spline through an image, or its change along the directions `by`."""
    c, edge = _coefficients(x, order, mode, cval, prefilter)
    taps, slopes, shifts, inside = cells(
        coordinates, shape=c.shape, order=order, mode=mode, edge=edge
    )
    ndim = len(c.shape)
    local = [slopes[d] * coordinates[d] + shifts[d] for d in range(ndim)]
    rows = [_weights(s, order) for s in local]
    full = [row[order] for row in rows]
    turned = [] if by is None else [_slopes(row, order) for row in rows]
    value, *along = _sums_over_taps(c, taps, full, turned, cval, mode == "grid-constant")
    if by is None:
        return np.where(inside > 0, value, cval)
    total = 0.0
    for d in range(ndim):
        total = total + along[d] * (slopes[d] * by[d])
    return np.where(inside > 0, total, 0.0)
