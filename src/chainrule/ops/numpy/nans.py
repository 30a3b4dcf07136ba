"""Reductions that pass NaN over: the reductions of what is left when NaN is left out."""

import warnings
from typing import Any

import numpy as np

from ...core.op import Const, sample
from ...core.registry import composite
from ..declare import as_array, deliver
from .arithmetic import sqrt_or_zero
from .reduce import axes_of, kept, length, masked, over
from .sorting import (
    EXACT,
    check_weighted,
    one_axis,
    share,
    take_rows,
    virtual_index,
    weak_quantile,
    weighted_place,
    weights_like,
)


def _missing(a: Any) -> Any:
    """Return where `a` is NaN."""
    return np.isnan(a) if a.dtype.kind in "fc" else np.zeros(a.shape, np.bool_)


def _filled(a: Any, value: float) -> Any:
    return np.where(np.isnan(a), a.dtype.type(value), a) if a.dtype.kind in "fc" else a


def _mask(where: Any) -> dict[str, Any]:
    return {"where": where} if masked(where) else {}


_SAMPLES = (
    sample((2, 3)), sample((2, 3), axis=0), sample((2, 3), axis=1, keepdims=True),
    sample((2, 3), axis=(0, 1)),
)  # fmt: skip


@composite(np.nansum, *_SAMPLES)
def nansum(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False,
    initial: Any = None, where: Any = True,
) -> Any:  # fmt: skip
    """Return the sum, with NaN as 0."""
    a = _filled(as_array(a), 0)
    result = np.sum(a, axis, dtype, None, keepdims, initial, where)
    return deliver(result, out)


@composite(np.nanprod, *_SAMPLES)
def nanprod(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False,
    initial: Any = None, where: Any = True,
) -> Any:  # fmt: skip
    """Return the product, with NaN as 1."""
    a = _filled(as_array(a), 1)
    return deliver(np.prod(a, axis, dtype, None, keepdims, initial, where), out)


@composite(np.nancumsum, sample((2, 3)), sample((2, 3), axis=1))
def nancumsum(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    """Return the running sums, with NaN as 0."""
    return deliver(np.cumsum(_filled(as_array(a), 0), axis=axis, dtype=dtype), out)


@composite(np.nancumprod, sample((2, 3)), sample((2, 3), axis=1))
def nancumprod(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    """Return the running products, with NaN as 1."""
    return deliver(np.cumprod(_filled(as_array(a), 1), axis=axis, dtype=dtype), out)


def _count(present: Any, axis: Any, keepdims: Any, where: Any) -> Any:
    return np.sum(present, axis=axis, dtype=np.intp, keepdims=keepdims, **_mask(where))


@composite(np.nanmean, *_SAMPLES)
def nanmean(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False,
    *, where: Any = True,
) -> Any:  # fmt: skip
    """Return the mean of the elements that are not NaN."""
    a = as_array(a)
    n = _count(np.logical_not(_missing(a)), axis, keepdims, where)
    total = np.sum(_filled(a, 0), axis=axis, dtype=dtype, keepdims=keepdims, **_mask(where))
    if np.any(n == 0):
        warnings.warn("Mean of empty slice", RuntimeWarning, stacklevel=2)
    return deliver(over(total, n), out)


@composite(np.nanvar, *_SAMPLES, sample((2, 3), axis=1, ddof=1))
def nanvar(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: float = 0,
    keepdims: Any = False, *, where: Any = True, mean: Any = None, correction: Any = None,
) -> Any:  # fmt: skip
    """Return the variance of the elements that are not NaN."""
    a = as_array(a)
    ddof = ddof if correction is None else correction
    present = np.logical_not(_missing(a))
    if mean is None:
        total = np.sum(_filled(a, 0), axis=axis, dtype=dtype, keepdims=True, **_mask(where))
        mean = over(total, _count(present, axis, True, where))
    far = np.where(present, _filled(a, 0) - mean, 0)
    far = np.multiply(far, np.real(far)) if far.dtype.kind != "c" else _modulus(far)
    total = np.sum(far, axis=axis, dtype=dtype, keepdims=keepdims, **_mask(where))
    dof = _count(present, axis, keepdims, where) - ddof
    if np.any(dof <= 0):
        warnings.warn("Degrees of freedom <= 0 for slice.", RuntimeWarning, stacklevel=2)
    return deliver(over(total, np.where(dof <= 0, np.nan, dof)), out)


def _modulus(d: Any) -> Any:
    return np.real(np.multiply(d, np.conjugate(d)))


@composite(np.nanstd, *_SAMPLES, sample((2, 3), axis=1, ddof=1))
def nanstd(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: float = 0,
    keepdims: Any = False, *, where: Any = True, mean: Any = None, correction: Any = None,
) -> Any:  # fmt: skip
    """Return the root of `nanvar`; its derivative is 0 where the variance is 0."""
    ddof = ddof if correction is None else correction
    return deliver(sqrt_or_zero(np.nanvar(a, axis, dtype, None, ddof, keepdims, where=where)), out)


def _extreme(
    function: Any, lowest: float, a: Any, axis: Any, keepdims: Any, initial: Any, where: Any
) -> Any:
    a = as_array(a)
    missing = _missing(a)
    result = function(_filled(a, lowest), axis, None, keepdims, initial, where)
    empty = np.all(missing, axis=axis, keepdims=keepdims)
    if initial is not None or not np.any(empty):
        return result
    warnings.warn("All-NaN slice encountered", RuntimeWarning, stacklevel=3)
    return np.where(empty, np.nan, result)[()]


@composite(np.nanmax, *_SAMPLES)
def nanmax(
    a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, initial: Any = None,
    where: Any = True,
) -> Any:  # fmt: skip
    """Return the greatest of the elements that are not NaN."""
    return deliver(_extreme(np.max, -np.inf, a, axis, keepdims, initial, where), out)


@composite(np.nanmin, *_SAMPLES)
def nanmin(
    a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, initial: Any = None,
    where: Any = True,
) -> Any:  # fmt: skip
    """Return the least of the elements that are not NaN."""
    return deliver(_extreme(np.min, np.inf, a, axis, keepdims, initial, where), out)


@composite(
    np.nanmedian, *_SAMPLES, sample((5,)), sample((2, 4), axis=1), sample((3, 4), axis=0)
)  # fmt: skip
def nanmedian(
    a: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False, keepdims: Any = False
) -> Any:
    """Return the middle of the sorted elements that are not NaN."""
    a = as_array(a)
    axes = axes_of(axis, a.ndim)
    rest = tuple(k for k in range(a.ndim) if k not in axes)
    rows = np.reshape(
        np.transpose(a, rest + axes), (*(a.shape[k] for k in rest), length(a.shape, axes))
    )
    rows = np.sort(rows, axis=-1)  # NaN goes last
    n = np.sum(np.logical_not(_missing(rows)), axis=-1, keepdims=True, dtype=np.intp)
    if np.any(n == 0):
        warnings.warn("All-NaN slice encountered", RuntimeWarning, stacklevel=2)
    upper = np.minimum(n // 2, rows.shape[-1] - 1)
    pair = np.concatenate([np.maximum((n - 1) // 2, 0), upper], axis=-1)
    middle = np.take_along_axis(rows, pair, axis=-1)
    alone = np.equal(pair[..., 0], pair[..., 1])
    result = np.where(alone, middle[..., 0], np.mean(middle, axis=-1))[()]
    return deliver(np.reshape(result, kept(a.shape, axes)) if keepdims else result, out)


# --- quantiles --------------------------------------------------------------------------------


@composite(
    np.nanquantile, sample((5,), Const(0.3)), sample((2, 4), Const([0.2, 0.9]), axis=1),
    sample((2, 3), Const(0.5), axis=0, keepdims=True), sample((4,), Const(0.4), method="hazen"),
    sample((4,), Const([0.3, 0.7]), method="inverted_cdf"),
    sample((2, 3), Const(0.4), method="lower"),
    sample((4,), Const([0.3, 0.7]), 0, method="inverted_cdf", weights=Const(np.arange(1.0, 5.0))),
)  # fmt: skip
def nanquantile(
    a: Any, q: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False,
    method: str = "linear", keepdims: bool = False, *, weights: Any = None,
) -> Any:  # fmt: skip
    """Interpolate between the two sorted elements, of those not NaN, next to the place of `q`."""
    a = as_array(a)
    part, weak = weak_quantile(q, a)
    if not np.all((part >= 0) & (part <= 1)):
        raise ValueError("Quantiles must be in the range [0, 1]")
    return deliver(_nanquantile(a, part, axis, method, keepdims, weights, weak), out)


@composite(np.nanpercentile, sample((5,), Const(30.0)), sample((2, 4), Const([20.0, 90.0]), axis=1))
def nanpercentile(
    a: Any, q: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False,
    method: str = "linear", keepdims: bool = False, *, weights: Any = None,
) -> Any:  # fmt: skip
    """As `nanquantile`, at q/100."""
    a = as_array(a)
    part, weak = weak_quantile(q, a)
    part = np.true_divide(part, part.dtype.type(100) if part.dtype.kind == "f" else 100)
    if not np.all((part >= 0) & (part <= 1)):
        raise ValueError("Percentiles must be in the range [0, 100]")
    return deliver(_nanquantile(a, part, axis, method, keepdims, weights, weak), out)


def _nanquantile(
    a: Any, q: Any, axis: Any, method: str, keepdims: bool, weights: Any, weak: bool
) -> Any:
    if a.dtype.kind == "c":
        raise TypeError("a must be an array of real numbers")
    if a.size == 0:
        return np.nanmean(a, axis=axis, keepdims=keepdims)
    flat, kept_shape = one_axis(a, axis)
    order = np.argsort(flat, axis=-1)  # NaN goes last
    ranked = np.take_along_axis(flat, order, axis=-1)
    present = np.logical_not(_missing(ranked))
    n = np.sum(present, axis=-1, dtype=np.intp)
    if np.any(n == 0):
        warnings.warn("All-NaN slice encountered", RuntimeWarning, stacklevel=2)
    spread = np.reshape(q, (*q.shape, *(1,) * (flat.ndim - 1)))
    if weights is None:
        result = _between_rows(ranked, np.maximum(n, 1), spread, method, weak)
    else:
        check_weighted(method)
        weights = np.take_along_axis(one_axis(weights_like(weights, a, axis), axis)[0], order, -1)
        weights = np.where(present, weights, 0)
        result = take_rows(ranked, weighted_place(weights, spread, np.maximum(n, 1)))
    return np.reshape(result, (*q.shape, *kept_shape)) if keepdims else result[()]


def _between_rows(ranked: Any, n: Any, q: Any, method: str, weak: bool) -> Any:
    """Interpolate in every row on its own, as the rows differ in how many elements count."""
    n = n.astype(q.dtype) if q.dtype.kind == "f" else n
    virtual = virtual_index(n, q, method)
    place = np.minimum(np.maximum(virtual, 0), n - 1)
    low = np.floor(place)
    below = take_rows(ranked, low)
    if method in EXACT:
        return below
    above = take_rows(ranked, np.minimum(low + 1, n - 1))
    gamma, step = share(virtual, place, method), above - below
    back = 1 - gamma
    if weak:
        gamma, back = gamma.astype(ranked.dtype), back.astype(ranked.dtype)
    return np.where(gamma >= 0.5, above - step * back, below + step * gamma)
