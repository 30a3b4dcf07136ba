"""Sums, means and spreads. The values are NumPy's to the last bit: the same sums are taken."""

from typing import Any

import numpy as np

from ...core.op import Notation, Op, sample
from ...core.registry import composite, declare
from ...core.slots import INDEX, Linear
from ..declare import as_array, deliver
from .arithmetic import sqrt_or_zero

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
MASK = np.array([[True, False, True], [True, True, False]])


def axes_of(axis: Any, ndim: int) -> tuple[int, ...]:
    """Return `axis` as a tuple of non-negative axes; None means all of them."""
    if axis is None:
        return tuple(range(ndim))
    axes = axis if isinstance(axis, tuple | list) else (axis,)
    for k in axes:
        if not -ndim <= k < ndim:
            raise np.exceptions.AxisError(k, ndim)
    found = tuple(int(k) % ndim for k in axes)
    if len(set(found)) < len(found):
        raise ValueError("duplicate value in 'axis'")
    return found


def kept(shape: tuple[int, ...], axis: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of a reduction that keeps its axes, at length 1."""
    return tuple(1 if i in axis else n for i, n in enumerate(shape))


_SMALL = 1 << 12  # elements that are written sooner than a view of one is made


def spread(ct: Any, shape: tuple[int, ...], axis: tuple[int, ...]) -> Any:
    """Repeat what a reduction gave along the axes that it reduced."""
    if type(ct) is np.float64 and length(shape, axis) <= _SMALL:
        full = np.empty(shape)
        full.fill(ct)
        return full
    if ct.ndim != len(shape):
        ct = np.reshape(ct, kept(shape, axis))
    return np.broadcast_to(ct, shape)


def masked(where: Any) -> bool:
    """Say whether a `where` argument leaves anything out."""
    return where is not True and where is not None


def length(shape: tuple[int, ...], axis: tuple[int, ...]) -> int:
    """Return how many elements a reduction over `axis` takes in."""
    n = 1
    for k in axis:
        n *= shape[k]
    return n


def count(a: Any, axis: Any, where: Any, keepdims: bool = False) -> Any:
    """Return how many elements a reduction takes in: a number, or an array under a mask."""
    if not masked(where):
        return length(a.shape, axes_of(axis, a.ndim))
    chosen = np.broadcast_to(where, a.shape)
    return np.sum(chosen, axis=axis, keepdims=keepdims, dtype=np.intp)


def _bind_sum(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False,
    initial: Any = None, where: Any = True,
) -> Any:  # fmt: skip
    a = a if hasattr(a, "ndim") else as_array(a)
    params = {"axis": axes_of(axis, a.ndim), "keepdims": bool(keepdims)}
    if dtype is not None:
        kind = np.dtype(dtype)
        if kind.kind not in "fc":
            a = np.astype(a, kind)
        params["dtype"] = kind
    if initial is not None:
        return (a, True if where is None else where, as_array(initial)), params
    return ((a, where) if masked(where) else (a,)), params


def _sum(x: Any, *rest: Any, axis: Any, keepdims: bool, dtype: Any = None) -> Any:
    if not rest:
        return np.add.reduce(x, axis=axis, dtype=dtype, keepdims=keepdims)
    where, initial = rest[0], (rest[1] if len(rest) > 1 else np._NoValue)  # type: ignore[attr-defined]
    return np.add.reduce(
        x, axis=axis, dtype=dtype, keepdims=keepdims, where=where, initial=initial
    )  # fmt: skip


def _sum_transpose(
    ct: Any, x: Any, *rest: Any, axis: tuple[int, ...], keepdims: bool, dtype: Any = None
) -> Any:
    ct = spread(ct, x.shape, axis)
    return np.where(rest[0], ct, 0) if rest and masked(rest[0]) else ct


sum_ = declare(
    Op(
        "sum",
        _sum,
        (
            Linear(transpose=_sum_transpose),
            INDEX,
            Linear(transpose=lambda ct, *_xs, axis, keepdims, dtype=None: np.sum(ct)),
        ),
        variadic=True,
        additive=True,
        bind=_bind_sum,
        batch="sum",
        function=np.sum,
        complex=True,
        notation=Notation("Σ {0}", "\\sum {0}", 12, (20,), "a sum passes its gradient on to all"),
        samples=(
            sample((3, 4)), sample((3, 4), axis=0), sample((2, 3, 4), axis=(0, -1), keepdims=True),
            sample(()), sample((0, 2), axis=0), sample((2, 1, 3), axis=1), sample((0,)),
            sample((2, 3), where=MASK), sample((2, 3), axis=1, where=MASK[:1], initial=2.0),
            sample((2, 3), axis=0, dtype=np.float64), sample((2, 3), axis=(), initial=1.0),
        ),
    )
)  # fmt: skip


@composite(
    np.mean, sample((3, 4)), sample((3, 4), axis=0), sample((2, 3, 4), axis=(0, -1), keepdims=True),
    sample(()), sample((2, 3), axis=1, where=MASK), sample((2, 3), dtype=np.float64),
)  # fmt: skip
def mean(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False,
    *, where: Any = True,
) -> Any:  # fmt: skip
    """Return the sum over the number of elements."""
    a = a if hasattr(a, "ndim") else as_array(a)
    half = dtype is None and a.dtype == np.float16
    if dtype is None and a.dtype.kind in "biu":
        dtype = np.float64
    if not masked(where):
        n: Any = a.size if axis is None else length(a.shape, axes_of(axis, a.ndim))
        total = np.sum(a, axis=axis, dtype=np.float32 if half else dtype, keepdims=keepdims)
    else:
        n = count(a, axis, where, keepdims)
        total = np.sum(
            a, axis=axis, dtype=np.float32 if half else dtype, keepdims=keepdims, where=where
        )
    result = total / n if type(n) is int else over(total, n)
    return deliver(result.astype(np.float16) if half else result, out)


def over(total: Any, n: Any) -> Any:
    """Divide by an array of counts, in the dtype of `total`."""
    return total / np.astype(n, total.dtype)


def _squares(d: Any) -> Any:
    """Return |d|², as NumPy computes it."""
    if d.dtype.kind != "c":
        return np.multiply(d, d)
    re, im = np.real(d), np.imag(d)
    return np.multiply(re, re) + np.multiply(im, im)


_SPREADS = (
    sample((3, 4)), sample((3, 4), axis=0), sample((2, 3, 4), axis=(0, -1), keepdims=True),
    sample((4,), ddof=1), sample((2, 3), axis=1, where=MASK), sample((2, 3), dtype=np.float64),
    sample((2, 3), axis=1, correction=1),
)  # fmt: skip


@composite(np.var, *_SPREADS)
def var(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: float = 0,
    keepdims: Any = False, *, where: Any = True, mean: Any = None, correction: Any = None,
) -> Any:  # fmt: skip
    """Return the mean squared distance from the mean: Σ|a − mean|² / (n − ddof)."""
    a = as_array(a)
    ddof = _correction(ddof, correction)
    if dtype is None and a.dtype.kind in "biu":
        dtype = np.float64
    n = count(a, axis, where, True)
    if mean is None:
        only = {"where": where} if masked(where) else {}
        total = np.sum(a, axis=axis, dtype=dtype, keepdims=True, **only)
        mean = total / n if type(n) is int else over(total, n)
    squares = _squares(a - mean)
    only = {"where": where} if masked(where) else {}
    total = np.sum(squares, axis=axis, dtype=dtype, keepdims=keepdims, **only)
    if type(n) is int:
        return deliver(total / _freedom(n, ddof), out)
    dof = np.maximum(n - ddof, 0)
    return deliver(over(total, dof if keepdims else np.reshape(dof, total.shape)), out)


def _correction(ddof: float, correction: Any) -> float:
    if correction is None:
        return ddof
    if ddof != 0:
        raise ValueError("ddof and correction can't be provided simultaneously.")
    return correction  # type: ignore[no-any-return]


def _freedom(n: int, ddof: float) -> Any:
    """Return n − ddof, never below 0; a NumPy zero, so that 0/0 warns and is NaN."""
    return max(n - ddof, 0) or np.float32(0)


@composite(np.std, *_SPREADS)
def std(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: float = 0,
    keepdims: Any = False, *, where: Any = True, mean: Any = None, correction: Any = None,
) -> Any:  # fmt: skip
    """Return the root of the variance; its derivative is 0 where all elements are equal."""
    ddof = _correction(ddof, correction)
    squared = var(a, axis, dtype, None, ddof, keepdims, where=where, mean=mean)
    return deliver(sqrt_or_zero(squared), out)


@composite(
    np.average, sample((3, 4)), sample((3, 4), axis=0), sample((3,), weights=np.array([1, 2, 1])),
    sample((2, 3), axis=1, weights=np.array([1.0, 2.0, 0.5]), keepdims=True),
    sample((2, 3), weights=MASK + 1.0, returned=True),
)  # fmt: skip
def average(
    a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: Any = False
) -> Any:
    """Return Σ w·a / Σ w; the weights too may be traced."""
    a = as_array(a)
    if weights is None:
        result = np.mean(a, axis=axis, keepdims=keepdims)
        total: Any = np.asarray(a.size / max(result.size, 1), result.dtype)[()]
    else:
        w = _weights(as_array(weights), a, axis)
        kind = np.result_type(a.dtype, w.dtype, *([np.float64] if a.dtype.kind in "biu" else []))
        total = np.sum(w, axis=axis, dtype=kind, keepdims=keepdims)
        if np.any(total == 0):
            raise ZeroDivisionError("Weights sum to zero, can't be normalized")
        result = np.sum(np.astype(a * w, kind), axis=axis, keepdims=keepdims) / total
    return (result, np.broadcast_to(total, result.shape) * 1) if returned else result


def _weights(w: Any, a: Any, axis: Any) -> Any:
    """Bring weights that lie along `axis` into the shape of `a`."""
    if w.shape == a.shape:
        return w
    if axis is None:
        raise TypeError("Axis must be specified when shapes of a and weights differ.")
    axes = axes_of(axis, a.ndim)
    if w.shape != tuple(a.shape[k] for k in axes):
        raise ValueError("Shape of weights must be consistent with shape of a along specified axis")
    order = sorted(range(len(axes)), key=lambda i: axes[i])
    w = np.transpose(w, order)
    return np.reshape(w, tuple(n if k in axes else 1 for k, n in enumerate(a.shape)))


@composite(
    np.trapezoid, sample((4,)), sample((2, 4), dx=0.5), sample((3, 2), axis=0),
    sample((3,), (3,)), sample((2, 3), (2, 3)),
)  # fmt: skip
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    """Integrate by the trapezoidal rule: Σ Δx·(yᵢ + yᵢ₊₁)/2."""
    y = as_array(y)
    if x is None:
        step = dx
    else:
        x = as_array(x)
        step = np.diff(x) if x.ndim == 1 else np.diff(x, axis=axis)
        if x.ndim == 1:
            step = np.reshape(step, kept_only(y.ndim, axis, step.size))
    upper, lower = along(y, axis, slice(1, None)), along(y, axis, slice(None, -1))
    return np.sum(step * (upper + lower) / 2.0, axis=axis)


def kept_only(ndim: int, axis: int, n: int) -> tuple[int, ...]:
    """Return the shape of a vector of length `n` laid along `axis`."""
    axis = axis % ndim
    return tuple(n if k == axis else 1 for k in range(ndim))


def along(a: Any, axis: int, index: Any) -> Any:
    """Index `a` along one axis."""
    if not -a.ndim <= axis < a.ndim:
        raise np.exceptions.AxisError(axis, a.ndim)
    return a[(slice(None),) * (axis % a.ndim) + (index,)]
