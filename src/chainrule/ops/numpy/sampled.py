"""Functions given by samples: interpolation, finite differences, statistics, and functions that
are applied piece by piece or along an axis. All are made of operations that have rules.
"""

import math
from typing import Any

import numpy as np

from ...core.op import Const, sample
from ...core.registry import composite
from ...errors import UnsupportedFunctionError
from ..declare import as_array
from .complexes import complex_of
from .layout import axes_in_range


def _grid(*shape: int) -> Any:
    """Draw increasing points, for samples."""

    def draw(rng: Any) -> Any:
        return np.cumsum(rng.uniform(0.5, 1.5, shape), axis=-1) - 2.0

    return draw


@composite(
    np.interp, sample((5,), _grid(4), (4,)), sample((), _grid(4), (4,)),
    sample((2, 3), _grid(4), (4,), left=-1.0, right=2.0), sample((5,), _grid(3), (3,), period=2.5),
    sample((3,), Const([0.0]), (1,)),
)  # fmt: skip
def interp(
    x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None
) -> Any:
    """Interpolate linearly between the points (xp, fp).

    At the kinks: at an inner point the derivative is that of the piece to its right, at the last
    point that of the last piece; outside it is zero.
    """
    x, xp, fp = as_array(x), as_array(xp), as_array(fp)
    if "c" in (x.dtype.kind, xp.dtype.kind):
        raise TypeError("np.interp takes real x and xp, and not complex numbers")
    kind = np.complex128 if fp.dtype.kind == "c" else np.float64
    x, xp, fp = x.astype(np.float64), xp.astype(np.float64), fp.astype(kind)
    if xp.ndim != 1 or fp.ndim != 1 or xp.shape != fp.shape:
        raise ValueError("Data points must be 1-D sequences of the same length")
    if xp.size == 0:
        raise ValueError("array of sample points is empty")
    if period is not None:
        x, xp, fp = _periodic(x, xp, fp, abs(period))
        left = right = None
    left = fp[0] if left is None else left
    right = fp[-1] if right is None else right
    n = xp.shape[0]
    if n == 1:
        inner = np.where(np.isnan(x), x, fp[0])
    else:
        piece = np.minimum(np.maximum(np.searchsorted(xp, x, side="right") - 1, 0), n - 2)
        base = np.where(x == xp[-1], n - 1, piece)
        slope = (fp[piece + 1] - fp[piece]) / (xp[piece + 1] - xp[piece])
        inner = slope * (x - xp[base]) + fp[base]
        finite = np.logical_and(np.all(np.isfinite(fp)), np.all(np.isfinite(xp)))
        if hasattr(finite, "cr_owner") or not finite:
            inner = _beside(x, xp, fp, base, np.minimum(piece + 1, n - 1), slope, inner)
        if kind is np.complex128:
            inner = np.where(np.isnan(x), x, inner)
    return np.where(x < xp[0], left, np.where(x > xp[-1], right, inner))[()]


def _beside(x: Any, xp: Any, fp: Any, base: Any, after: Any, slope: Any, inner: Any) -> Any:
    """Return what NumPy gives where a node beside a point is not finite.

    At a node it is the value there; else what the piece gives from either end, or both ends.
    """
    if fp.dtype.kind == "c":
        parts = (part(fp) for part in (np.real, np.imag))
        slopes = ((f, (f[after] - f[after - 1]) / (xp[after] - xp[after - 1])) for f in parts)
        return complex_of(*(
            _beside(x, xp, f, base, after, slope, slope * (x - xp[base]) + f[base])
            for f, slope in slopes
        ))  # fmt: skip
    inner = np.where(np.isnan(inner), slope * (x - xp[after]) + fp[after], inner)
    flat = np.isnan(inner) & (fp[after - 1] == fp[after]) & ~np.isnan(x)
    inner = np.where(flat, fp[after], inner)
    return np.where(x == xp[base], fp[base], inner)


def _periodic(x: Any, xp: Any, fp: Any, period: Any) -> tuple[Any, Any, Any]:
    if period == 0:
        raise ValueError("period must be a non-zero value")
    x, xp = x % period, xp % period
    order = np.argsort(xp)
    xp, fp = xp[order], fp[order]
    xp = np.concatenate((xp[-1:] - period, xp, xp[:1] + period))
    return x, xp, np.concatenate((fp[-1:], fp, fp[:1]))


@composite(
    np.piecewise,
    sample((4,), Const([np.array([True, False, True, False])]), Const([np.sin, np.cos])),
    sample((3,), Const([np.array([True, False, False])]), Const([2.0, np.exp])),
)
def piecewise(x: Any, condlist: Any, funclist: Any, *args: Any, **kw: Any) -> Any:
    """Apply to each part of `x` the function whose condition holds there last."""
    x = as_array(x)
    if np.isscalar(condlist) or (
        not isinstance(condlist[0], list | np.ndarray) and np.ndim(condlist[0]) == 0 and x.ndim
    ):
        condlist = [condlist]
    conditions = [np.asarray(c, dtype=bool) for c in condlist]
    if len(funclist) == len(conditions) + 1:
        conditions.append(~np.any(conditions, axis=0))
    elif len(funclist) != len(conditions):
        raise ValueError(
            f"with {len(conditions)} condition(s), either {len(conditions)} or "
            f"{len(conditions) + 1} functions are expected"
        )
    y = np.zeros_like(x)
    for condition, function in zip(conditions, funclist, strict=True):
        if not callable(function):
            y[condition] = function
        elif np.any(condition):
            y[condition] = function(x[condition], *args, **kw)
    return y


@composite(
    np.apply_along_axis, sample(Const(np.cumsum), Const(0), (3, 2)),
    sample(Const(np.sum), Const(1), (2, 3)),
)  # fmt: skip
def apply_along_axis(func1d: Any, axis: int, arr: Any, *args: Any, **kwargs: Any) -> Any:
    """Apply a function to every vector along an axis, one after the other."""
    arr = as_array(arr)
    (axis,) = axes_in_range(axis, arr.ndim)
    rows = np.moveaxis(arr, axis, -1)
    outer = rows.shape[:-1]
    if 0 in outer:
        raise ValueError("Cannot apply_along_axis when any iteration dimensions are 0")
    results = [as_array(func1d(rows[i], *args, **kwargs)) for i in np.ndindex(outer)]
    inner = results[0].shape
    whole = np.reshape(np.stack(results), outer + inner)
    first = len(outer)
    return np.moveaxis(whole, range(first, first + len(inner)), range(axis, axis + len(inner)))


@composite(np.apply_over_axes, sample(Const(np.sum), (2, 3, 2), Const([0, 2])))
def apply_over_axes(func: Any, a: Any, axes: Any) -> Any:
    """Apply a reduction over one axis after the other, keeping the number of axes."""
    a = as_array(a)
    for axis in np.atleast_1d(axes).tolist():
        result = func(a, axis)
        a = result if result.ndim == a.ndim else np.expand_dims(result, axis)
    return a


# --- finite differences -----------------------------------------------------------------------


def _pick(f: Any, axis: int, part: Any) -> Any:
    return f[(slice(None),) * axis + (part,)]


def _edge(f: Any, axis: int, dx: Any, order: int, last: bool) -> Any:
    """Return the one-sided difference at an end, by NumPy's formulas."""
    at = [slice(-1, None), slice(-2, -1), slice(-3, -2)] if last else [
        slice(0, 1), slice(1, 2), slice(2, 3)
    ]  # fmt: skip
    uniform = np.ndim(dx) == 0
    if order == 1:
        step = dx if uniform else dx[-1] if last else dx[0]
        near, next_ = _pick(f, axis, at[0]), _pick(f, axis, at[1])
        return (near - next_) / step if last else (next_ - near) / step
    if uniform:
        weights = (1.5 / dx, -2.0 / dx, 0.5 / dx) if last else (-1.5 / dx, 2.0 / dx, -0.5 / dx)
    else:
        weights = _edge_weights(dx, last)
    terms = [w * _pick(f, axis, s) for w, s in zip(weights, at, strict=True)]
    return terms[2] + terms[1] + terms[0] if last else terms[0] + terms[1] + terms[2]


def _edge_weights(dx: Any, last: bool) -> tuple[Any, Any, Any]:
    dx1, dx2 = (dx[-2], dx[-1]) if last else (dx[0], dx[1])
    if last:
        return (
            (2.0 * dx2 + dx1) / (dx2 * (dx1 + dx2)), -(dx2 + dx1) / (dx1 * dx2),
            dx2 / (dx1 * (dx1 + dx2)),
        )  # fmt: skip
    return (
        -(2.0 * dx1 + dx2) / (dx1 * (dx1 + dx2)), (dx1 + dx2) / (dx1 * dx2),
        -dx1 / (dx2 * (dx1 + dx2)),
    )  # fmt: skip


def _inside(f: Any, axis: int, dx: Any) -> Any:
    before, at, after = (
        _pick(f, axis, s) for s in (slice(None, -2), slice(1, -1), slice(2, None))
    )
    if np.ndim(dx) == 0:
        return (after - before) / (2.0 * dx)
    shape = (-1,) + (1,) * (f.ndim - axis - 1)
    dx1, dx2 = np.reshape(dx[:-1], shape), np.reshape(dx[1:], shape)
    a = -dx2 / (dx1 * (dx1 + dx2))
    b = (dx2 - dx1) / (dx1 * dx2)
    c = dx1 / (dx2 * (dx1 + dx2))
    return a * before + b * at + c * after


def _spacings(varargs: tuple[Any, ...], axes: list[int], f: Any) -> list[Any]:
    if not varargs:
        return [1.0] * len(axes)
    if len(varargs) == 1 and np.ndim(varargs[0]) == 0:
        return [varargs[0]] * len(axes)
    if len(varargs) != len(axes):
        raise TypeError("invalid number of arguments")
    found = []
    for given, axis in zip(varargs, axes, strict=True):
        if np.ndim(given) == 0:
            found.append(given)
            continue
        given = as_array(given)
        if given.ndim > 1 or given.shape[0] != f.shape[axis]:
            raise ValueError("when 1d, distances must match the length of their dimension")
        steps = np.diff(given)
        found.append(steps[0] if np.all(steps == steps[0]) else steps)
    return found


@composite(
    np.gradient, sample((5,)), sample((5,), Const(0.5)), sample((4,), _grid(4)),
    sample((3, 4)), sample((4, 3), axis=0, edge_order=2), sample((4,), _grid(4), edge_order=2),
    sample((3, 4), Const(2.0), _grid(4)), sample((2,)),
)  # fmt: skip
def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """Take central differences inside and one-sided ones at the ends."""
    f = as_array(f)
    axes = list(range(f.ndim)) if axis is None else axes_in_range(axis, f.ndim)
    if edge_order not in (1, 2):
        raise ValueError("'edge_order' greater than 2 not supported")
    results = []
    for k, dx in zip(axes, _spacings(varargs, axes, f), strict=True):
        if f.shape[k] < edge_order + 1:
            raise ValueError(
                "Shape of array too small to calculate a numerical gradient, at least "
                "(edge_order + 1) elements are required."
            )
        parts = [_edge(f, k, dx, edge_order, False), _inside(f, k, dx)]
        results.append(np.concatenate([*parts, _edge(f, k, dx, edge_order, True)], axis=k))
    if len(axes) == 1:
        return results[0]
    return tuple(results)


@composite(np.unwrap, sample((4,)), sample((2, 4), axis=0), sample((4,), period=1.5))
def unwrap(
    p: Any, discont: Any = None, axis: int = -1, *, period: float = 2 * math.pi
) -> Any:
    """Add multiples of the period, so that no step is longer than half of it."""
    p = as_array(p)
    (axis,) = axes_in_range(axis, p.ndim)
    step = np.diff(p, axis=axis)
    half = period / 2
    limit = half if discont is None else discont
    folded = np.mod(step + half, period) - half
    folded = np.where((folded == -half) & (step > 0), half, folded)
    correction = np.where(np.absolute(step) < limit, 0.0, folded - step)
    turns = np.cumsum(correction, axis=axis)
    rest = _pick(p, axis, slice(1, None)) + turns
    return np.concatenate((_pick(p, axis, slice(0, 1)), rest), axis=axis)


# --- statistics -------------------------------------------------------------------------------


@composite(
    np.cov, sample((2, 4)), sample((4,)), sample((4,), (4,)), sample((4, 2), rowvar=False),
    sample((2, 4), bias=True), sample((2, 3), fweights=np.array([1, 2, 1])),
    sample((2, 3), aweights=np.array([0.5, 1.0, 2.0])),
)  # fmt: skip
def cov(
    m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: Any = None,
    fweights: Any = None, aweights: Any = None, *, dtype: Any = None,
) -> Any:  # fmt: skip
    """Estimate the covariance matrix of the rows."""
    x = _rows(m, rowvar, dtype)
    if y is not None:
        x = np.concatenate((x, _rows(y, rowvar, dtype)), axis=0)
    ddof = (0 if bias else 1) if ddof is None else int(ddof)
    weights = None if fweights is None else np.asarray(fweights, dtype=float)
    if aweights is not None:
        own = as_array(aweights)
        weights = own if weights is None else weights * own
    mean, total = np.average(x, axis=1, weights=weights, returned=True)
    total = total[0]
    if weights is None:
        fact = x.shape[1] - ddof
    elif ddof == 0 or aweights is None:
        fact = total - ddof
    else:
        fact = total - ddof * np.sum(weights * aweights) / total
    x = x - mean[:, None]
    turned = np.transpose(x if weights is None else x * weights)
    turned = np.conjugate(turned) if turned.dtype.kind == "c" else turned
    return np.squeeze(np.dot(x, turned) * np.true_divide(1, fact))


def _rows(m: Any, rowvar: bool, dtype: Any) -> Any:
    m = as_array(m)
    if m.ndim > 2:
        raise ValueError("m has more than 2 dimensions")
    kind = np.result_type(m.dtype, np.float64) if dtype is None else np.dtype(dtype)
    one = m.ndim < 2
    x = np.atleast_2d(m.astype(kind))
    return x if rowvar or one or x.shape[0] == 1 else np.transpose(x)


@composite(np.corrcoef, sample((2, 4)), sample((4,), (4,)), sample((4, 2), rowvar=False))
def corrcoef(x: Any, y: Any = None, rowvar: bool = True, *, dtype: Any = None) -> Any:
    """Scale the covariance matrix to ones on its diagonal."""
    c = np.cov(x, y, rowvar, dtype=dtype)
    if c.ndim == 0:
        return c / c
    size = np.sqrt(np.real(np.diagonal(c)))
    c = c / size[:, None] / size[None, :]
    if c.dtype.kind == "c":
        return complex_of(np.clip(np.real(c), -1, 1), np.clip(np.imag(c), -1, 1))
    return np.clip(c, -1, 1)


@composite(
    np.bincount, sample(Const(np.array([0, 2, 0])), (3,)), sample(Const(np.array([1])), (1,), 4)
)
def bincount(x: Any, weights: Any = None, minlength: int = 0) -> Any:
    """Add up the weights that belong to each number."""
    if weights is None:
        raise UnsupportedFunctionError(
            "np.bincount received a traced value to count",
            why="counts of whole numbers do not depend on the input smoothly",
            cure="where no derivative is meant, write ‹held x 0›",
        )
    x, weights = np.asarray(x), as_array(weights).astype(np.float64)
    x = x if x.size else x.astype(np.intp)  # of an empty list
    if x.ndim != 1 or x.shape != weights.shape:
        raise ValueError("The weights and list don't have the same length.")
    if x.size and x.min() < 0:
        raise ValueError("'list' argument must have no negative elements")
    n = max(int(x.max()) + 1 if x.size else 0, minlength)
    total = np.zeros_like(weights, shape=(n,))
    np.add.at(total, x, weights)
    return total
