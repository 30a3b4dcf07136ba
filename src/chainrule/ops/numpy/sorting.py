"""Sorting and order statistics: each takes the input at an order, through which nothing flows.

At ties the order is the one that NumPy's sort gives, and the gradient follows the element taken;
of unique elements, all that are equal share it.
"""

from typing import Any

import numpy as np

from ...core.op import Const, Notation, Op, sample
from ...core.registry import add, composite
from ...core.slots import INDEX
from .. import jumps
from ..declare import as_array, constant_call
from .own_python import plain

_CONSTANT = Notation(rule="piecewise constant: nothing flows")

constant_call(
    np.argpartition, "a", batch="flat axis", notation=_CONSTANT, jump=jumps.in_order,
    samples=(sample((5,), 2), sample((2, 4), 1, axis=0)),
)  # fmt: skip


@composite(
    np.sort, sample((5,)), sample((2, 4)), sample((3, 2), axis=0), sample((2, 3), axis=None),
    sample((0,)), sample((2, 1)),
)  # fmt: skip
def sort(a: Any, axis: Any = -1, kind: Any = None, order: Any = None, **how: Any) -> Any:
    """Sort: the elements taken at `argsort`; `how` is stable, or descending (NumPy 2.5)."""
    if order is not None:
        raise ValueError("Cannot specify order when the array has no fields.")
    a = as_array(a)
    if axis is None:
        a, axis = np.ravel(a), 0
    return np.take_along_axis(a, np.argsort(a, axis=axis, kind=kind, **how), axis)


@composite(np.sort_complex, sample((5,)))
def sort_complex(a: Any) -> Any:
    """Sort by the real part, then the imaginary part, as complex numbers."""
    a = np.sort(as_array(a))
    return a if a.dtype.kind == "c" else a.astype("G" if a.dtype.char == "g" else "D")


def _partition_order(a: Any, kth: Any, axis: int, kind: str) -> Any:
    """Return positions that put `a` in the order in which `np.partition` leaves it."""
    parted = np.partition(a, kth, axis=axis, kind=kind)
    order = np.empty(a.shape, np.intp)
    ranked = np.argsort(parted, axis=axis, kind="stable")
    np.put_along_axis(order, ranked, np.argsort(a, axis=axis, kind="stable"), axis)
    return order


partition_order = Op(
    "partition_order", _partition_order, (INDEX,), batch="axis", notation=_CONSTANT,
    jump=jumps.in_order,
)
add(partition_order)


@composite(
    np.partition, sample((5,), Const(2)), sample((2, 4), Const((1, 2))),
    sample((3, 2), Const(1), axis=0), sample((2, 3), Const(2), axis=None),
)  # fmt: skip
def partition(
    a: Any, kth: Any, axis: Any = -1, kind: str = "introselect", order: Any = None
) -> Any:
    """Partition: the elements taken in the order that NumPy leaves them in."""
    if order is not None:
        raise ValueError("Cannot specify order when the array has no fields.")
    a = as_array(a)
    if axis is None:
        a, axis = np.ravel(a), 0
    kth = tuple(int(k) for k in np.atleast_1d(kth))
    return np.take_along_axis(a, partition_order(a, kth=kth, axis=axis, kind=kind), axis)


def _unique_parts(
    a: Any, axis: Any, equal_nan: bool, ordered: bool
) -> tuple[Any, Any, Any]:
    """Return where each unique value stands first, the inverse, and the counts."""
    values, first, inverse, counts = np.unique(
        a, return_index=True, return_inverse=True, return_counts=True, axis=axis,
        equal_nan=equal_nan,
    )  # fmt: skip
    if ordered or axis is not None:
        return first, inverse, counts
    wanted = np.unique(a, equal_nan=equal_nan, sorted=False)
    order = np.empty(values.size, np.intp)
    order[np.argsort(wanted, kind="stable")] = np.arange(values.size)
    rank = np.empty(values.size, np.intp)
    rank[order] = np.arange(values.size)
    return first[order], rank[inverse], counts[order]


unique_parts = Op(
    "unique_parts", _unique_parts, (INDEX,), outputs=3, batch="loop", notation=_CONSTANT,
    jump=jumps.in_order,
)
add(unique_parts)


@composite(np.unique, sample((5,)), sample((2, 3)), sample((3, 2), axis=0), sample((0,)))
def unique(
    ar: Any, return_index: bool = False, return_inverse: bool = False,
    return_counts: bool = False, axis: Any = None, *, equal_nan: bool = True, sorted: bool = True,
) -> Any:  # fmt: skip
    """Take the first of all equal elements, in order; what is returned beside is constant.

    At ties: equal elements share the derivative equally.
    """
    ar = as_array(ar)
    only = not (return_index or return_inverse or return_counts)
    first, inverse, counts = unique_parts(
        ar, axis=axis, equal_nan=equal_nan, ordered=sorted or not only
    )
    values = _shared(np.ravel(ar), first, inverse, 0) if axis is None else _shared(
        ar, first, inverse, axis
    )
    if only:
        return values
    chosen = ((return_index, first), (return_inverse, inverse), (return_counts, counts))
    return (values, *(part for wanted, part in chosen if wanted))


def _shared(a: Any, first: Any, inverse: Any, axis: int) -> Any:
    """Take the elements at `first`, to which all that are equal to them contribute alike."""
    values = np.take(a, first, axis=axis)
    if values.shape == a.shape or a.dtype.kind not in "fc":
        return values
    inverse = np.ravel(plain(inverse))
    with np.errstate(invalid="ignore"):
        apart = np.take(values, inverse, axis=axis) - a  # zeros
    apart = np.moveaxis(np.where(np.isfinite(plain(a)), apart, 0), axis, 0)
    counts = np.bincount(inverse).astype(a.real.dtype)
    total = np.zeros_like(apart, shape=(counts.size, *apart.shape[1:]))
    np.add.at(total, inverse, apart)
    mean = total / np.reshape(counts, (counts.size,) + (1,) * (a.ndim - 1))
    return values - np.moveaxis(mean, 0, axis)


# --- order statistics -----------------------------------------------------------------------


def one_axis(a: Any, axis: Any) -> tuple[Any, tuple[int, ...]]:
    """Bring the axes to reduce together as the last one; return also the shape with them kept."""
    if axis is None:
        return np.ravel(a), (1,) * a.ndim
    axes = np.lib.array_utils.normalize_axis_tuple(axis, a.ndim)
    kept = tuple(1 if i in axes else n for i, n in enumerate(a.shape))
    rest = [i for i in range(a.ndim) if i not in axes]
    moved = np.transpose(a, (*rest, *sorted(axes)))
    return np.reshape(moved, (*(a.shape[i] for i in rest), -1)), kept


def _with_nan(result: Any, ranked: Any) -> Any:
    """Return NaN where the slice held one: it was sorted to the end."""
    last = ranked[..., -1]
    return np.where(np.isnan(last), last, result)[()]


@composite(
    np.median, sample((5,)), sample((4,)), sample((2, 3), axis=0), sample((2, 3, 2), axis=(0, 2)),
    sample((2, 4), axis=1, keepdims=True), sample((2, 2)), sample(()),
)  # fmt: skip
def median(
    a: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False, keepdims: bool = False
) -> Any:
    """Take the middle of the sorted elements, or the mean of the two in the middle.

    At the kinks: where equal elements meet in the middle, the gradient follows those that the
    sort puts there.
    """
    flat, kept = one_axis(as_array(a), axis)
    n = flat.shape[-1]
    if n == 0:
        return np.mean(flat, axis=-1)
    ranked = np.sort(flat, axis=-1)
    middle = ranked[..., (n - 1) // 2 : n // 2 + 1]
    result = _with_nan(np.mean(middle, axis=-1), ranked)
    return np.reshape(result, kept) if keepdims else result


_WEAK_QUANTILES = np.lib.NumpyVersion(np.__version__) >= "2.4.0"
_ALPHA_BETA = {
    "interpolated_inverted_cdf": (0.0, 1.0), "hazen": (0.5, 0.5), "weibull": (0.0, 0.0),
    "median_unbiased": (1 / 3, 1 / 3), "normal_unbiased": (3 / 8, 3 / 8),
}  # fmt: skip


EXACT = ("lower", "higher", "nearest", "inverted_cdf", "closest_observation")  # an element


def virtual_index(n: Any, q: Any, method: str) -> Any:
    """Return the place in the sorted elements that a method asks for, whole for those in EXACT."""
    if method == "linear":
        return (n - 1) * q
    if method == "lower":
        return np.floor((n - 1) * q)
    if method == "higher":
        return np.ceil((n - 1) * q)
    if method == "nearest":
        return np.round((n - 1) * q)
    if method == "midpoint":
        return 0.5 * (np.floor((n - 1) * q) + np.ceil((n - 1) * q))
    if method in _ALPHA_BETA:
        alpha, beta = _ALPHA_BETA[method]
        return n * q + (alpha + q * (1 - alpha - beta)) - 1
    if method == "averaged_inverted_cdf":
        return n * q - 1
    if method == "inverted_cdf":
        return np.ceil(n * q - 1)
    if method == "closest_observation":
        place = (n * q) - 1 - 0.5
        low = np.floor(place)
        return np.where((place == low) & (low % 2 == 1), low, low + 1)
    raise ValueError(f"{method!r} is not a valid method. Use one of: {_METHODS}")


_METHODS = sorted({*EXACT, *_ALPHA_BETA, "linear", "midpoint", "averaged_inverted_cdf"})


def share(virtual: Any, place: Any, method: str) -> Any:
    """Return how far the place is from the element before it to the one behind it, 0 to 1."""
    part = place - np.floor(place)
    if method != "averaged_inverted_cdf":
        return part
    return np.where(virtual < 0, 0.0, np.where(part == 0, 0.5, 1.0)).astype(part.dtype)


def weighted_place(weights: Any, q: Any, n: Any) -> Any:
    """Return the first place where the share of the sorted weights up to it reaches `q`."""
    cdf = np.cumsum(weights, axis=-1, dtype=np.float64)
    cdf = cdf / cdf[..., -1:]
    if np.any(np.isnan(cdf)):
        raise ValueError("Weights included NaN, inf or were all zero.")
    cdf = cdf.astype(q.dtype) if q.dtype.kind == "f" else cdf
    cdf = np.where(cdf == 0, -1, cdf)
    below = np.sum(cdf < q[..., None], axis=-1, dtype=np.intp)
    return np.minimum(below, n - 1)


def weights_like(weights: Any, a: Any, axis: Any) -> Any:
    """Return weights for every element of `a`, where they may be given for the axes alone."""
    weights = as_array(weights)
    if np.any(weights < 0):
        raise ValueError("Weights must be non-negative.")
    if weights.shape == a.shape:
        return weights
    if axis is None:
        raise TypeError("Axis must be specified when shapes of a and weights differ.")
    axes = np.lib.array_utils.normalize_axis_tuple(axis, a.ndim)
    if weights.shape != tuple(a.shape[k] for k in axes):
        raise ValueError("Shape of weights must be consistent with shape of a along the axis.")
    turned = np.transpose(weights, np.argsort(axes))
    shape = tuple(n if k in axes else 1 for k, n in enumerate(a.shape))
    return np.broadcast_to(np.reshape(turned, shape), a.shape)


def between(a: Any, b: Any, gamma: Any) -> Any:
    """Interpolate from whichever end is nearer, as NumPy does."""
    step = b - a
    return np.where(gamma >= 0.5, b - step * (1 - gamma), a + step * gamma)


@composite(
    np.quantile, sample((5,), Const(0.3)), sample((2, 4), Const([0.2, 0.9]), axis=1),
    sample((2, 3, 2), Const(0.5), axis=(0, 2), keepdims=True), sample((4,), Const(1.0)),
    sample((4,), Const([[0.0, 0.7]]), method="hazen"), sample((4,), Const(0.4), method="lower"),
    sample((4,), Const(0.4), method="midpoint"), sample((4,), Const(0.4), method="nearest"),
    sample((4,), Const(0.4), method="higher"), sample((1,), Const(0.4), method="weibull"),
    sample((5,), Const([0.0, 0.4, 0.5]), method="inverted_cdf"),
    sample((5,), Const([0.0, 0.1, 0.4, 0.9]), method="averaged_inverted_cdf"),
    sample((5,), Const([0.3, 0.7]), method="closest_observation"),
    sample(
        (2, 4), Const([0.3, 0.7]), 1, method="inverted_cdf",
        weights=Const(np.array([0.5, 2.0, 1.0, 0.0])),
    ),
)  # fmt: skip
def quantile(
    a: Any, q: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False,
    method: str = "linear", keepdims: bool = False, *, weights: Any = None,
) -> Any:  # fmt: skip
    """Interpolate between the two sorted elements next to the place that `q` asks for.

    The derivative in `q` is the slope between the two; in the weights it is zero, as they only
    choose the element.
    """
    a = as_array(a)
    place, weak = weak_quantile(q, a)
    if not np.all((place >= 0) & (place <= 1)):
        raise ValueError("Quantiles must be in the range [0, 1]")
    return _quantile(a, place, axis, method, keepdims, weights, weak)


def weak_quantile(q: Any, a: Any) -> tuple[Any, bool]:
    """Return `q` as an array, and whether it is a Python number, which leaves the dtype to `a`."""
    if type(q) not in (int, float):
        return as_array(q), False
    if _WEAK_QUANTILES:
        return np.asarray(q, np.float64), True
    return np.asarray(q, a.dtype if a.dtype.kind == "f" else np.float64), False


@composite(
    np.percentile, sample((5,), Const(30.0)), sample((2, 4), Const([20.0, 90.0]), axis=1),
    sample((4,), Const(50)),
)  # fmt: skip
def percentile(
    a: Any, q: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False,
    method: str = "linear", keepdims: bool = False, *, weights: Any = None,
) -> Any:  # fmt: skip
    """As `quantile`, at q/100."""
    a = as_array(a)
    part, weak = weak_quantile(q, a)
    part = np.true_divide(part, part.dtype.type(100) if part.dtype.kind == "f" else 100)
    if not np.all((part >= 0) & (part <= 1)):
        raise ValueError("Percentiles must be in the range [0, 100]")
    return _quantile(a, part, axis, method, keepdims, weights, weak)


def _quantile(
    a: Any, q: Any, axis: Any, method: str, keepdims: bool, weights: Any, weak: bool
) -> Any:
    if a.dtype.kind == "c":
        raise TypeError("a must be an array of real numbers")
    flat, kept = one_axis(a, axis)
    n = flat.shape[-1]
    spread = np.reshape(q, (*q.shape, *(1,) * (flat.ndim - 1)))
    if weights is not None:
        check_weighted(method)
        order = np.argsort(flat, axis=-1)
        ranked = np.take_along_axis(flat, order, axis=-1)
        weights = np.take_along_axis(one_axis(weights_like(weights, a, axis), axis)[0], order, -1)
        result = take_rows(ranked, weighted_place(weights, spread, n))
    else:
        ranked = np.sort(flat, axis=-1)
        virtual = virtual_index(n, spread, method)
        place = np.minimum(np.maximum(virtual, 0), n - 1)
        low = np.floor(place)
        below, above = (_at(ranked, k.astype(np.intp)) for k in (low, np.minimum(low + 1, n - 1)))
        gamma = share(virtual, place, method)
        gamma = float(np.reshape(gamma, ())) if weak and method not in EXACT else gamma
        result = below if method in EXACT else between(below, above, gamma)
    result = _with_nan(result, ranked)
    return np.reshape(result, (*q.shape, *kept)) if keepdims else result


def check_weighted(method: str) -> None:
    """Raise as NumPy does where a method takes no weights."""
    if method != "inverted_cdf":
        raise ValueError(f"Only method 'inverted_cdf' supports weights. Got: {method}.")


def take_rows(ranked: Any, places: Any) -> Any:
    """Take from each row along the last axis its own places, whose further axes come first."""
    more = places.ndim - (ranked.ndim - 1)
    lead = places.shape[:more]
    flat = np.reshape(places, (-1, *places.shape[more:]))
    taken = np.take_along_axis(ranked, np.moveaxis(flat, 0, -1).astype(np.intp), axis=-1)
    return np.reshape(np.moveaxis(taken, -1, 0), (*lead, *ranked.shape[:-1]))


def _at(ranked: Any, places: Any) -> Any:
    """Take along the last axis, once for every element of `places`; those axes come first."""
    rows = np.moveaxis(ranked, -1, 0)
    flat = places.reshape(places.shape[: places.ndim - (ranked.ndim - 1)])
    return rows[flat]
