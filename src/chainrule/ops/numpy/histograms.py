"""Histograms: counts are locally constant in the data; weights and edges carry derivatives.

At the kinks: where a datum stands exactly on an edge the count is that of NumPy, and no
derivative flows. The edges that NumPy reads off the data (``range=None``) follow the least and the
greatest datum; their number, where an estimator chooses it, is constant.
"""

from typing import Any

import numpy as np

from ...core.op import Const, sample
from ...core.registry import composite
from ...core.sequences import elements
from ..declare import as_array
from .complexes import complex_of
from .own_python import plain


def _edges(x: Any, bins: Any, limits: Any, found: Any) -> Any:
    """Return the edges: as they were given, or spread evenly over the data or the range."""
    if not isinstance(bins, str) and np.ndim(bins) == 1:
        return as_array(bins)
    if limits is not None:
        low, high = limits
    else:
        low, high = (np.min(x), np.max(x)) if x.size else (0.0, 1.0)
    if low == high:
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, found.size, dtype=found.dtype)


def _bin_of(x: Any, edges: Any) -> Any:
    """Return in which bin each datum is, or -1; the last bin holds its right edge."""
    place = np.searchsorted(edges, x, side="right") - 1
    place = np.where(x == edges[-1], edges.size - 2, place)
    return np.where((x >= edges[0]) & (x <= edges[-1]), place, -1)


def _sums(places: Any, n: int, weights: Any) -> Any:
    """Add up the weights by place; those at -1 are left out."""
    kept = np.flatnonzero(places >= 0)
    parts = (np.real(weights), np.imag(weights)) if weights.dtype.kind == "c" else (weights,)
    sums = [np.bincount(places[kept], part[kept], n) for part in parts]
    return (complex_of(*sums) if len(sums) > 1 else sums[0]).astype(weights.dtype)


def _running_sums(x: Any, edges: Any, weights: Any) -> Any:
    """Add up the weights between edges that were given: differences of running sums, as NumPy."""
    total: Any = np.zeros(edges.shape, weights.dtype)
    for start in range(0, x.size, _BLOCK):
        part = x[start : start + _BLOCK]
        order = np.argsort(part)
        part = part[order]
        running = np.cumsum(weights[start : start + _BLOCK][order])
        running = np.concatenate((np.zeros(1, weights.dtype), running))
        right = np.searchsorted(part, edges[-1], side="right")
        places = np.append(np.searchsorted(part, edges[:-1], side="left"), right)
        total = total + running[places]
    return np.diff(total)


_BLOCK = 65536  # NumPy's


def _real(x: Any) -> Any:
    if x.dtype.kind == "c":
        raise TypeError("a histogram takes real data, and not complex numbers")
    return x


def _checked(x: Any, weights: Any) -> Any:
    if weights is None:
        return None
    weights = as_array(weights)
    if weights.shape != x.shape:
        raise ValueError("weights should have the same shape as a.")
    return np.ravel(weights)


_DATA, _WEIGHTS = (9,), (9,)
_EDGES = Const(np.array([-2.0, -0.5, 0.1, 1.0, 2.5]))


@composite(
    np.histogram_bin_edges, sample(_DATA, 3), sample(_DATA, Const("sturges")),
    sample(_DATA, 2, Const((-1.0, 1.0))),
)  # fmt: skip
def histogram_bin_edges(a: Any, bins: Any = 10, range: Any = None, weights: Any = None) -> Any:
    """Return the edges of a histogram's bins."""
    a = np.ravel(as_array(a))
    found = np.histogram_bin_edges(plain(a), plain(bins), plain(range))
    return _edges(_real(a), bins, range, found)


@composite(
    np.histogram, sample(_DATA, 3), sample(_DATA, 3, density=True),
    sample(Const(np.linspace(-2, 3, 9)), 4, weights=_WEIGHTS),
    sample(Const(np.linspace(-2, 3, 9)), _EDGES, None, None, _WEIGHTS),
    sample(Const(np.linspace(-2, 3, 9)), _EDGES, None, True, _WEIGHTS),
    sample(_DATA, 3, Const((-1.0, 2.0)), True, _WEIGHTS), sample(_DATA, Const("sturges")),
)  # fmt: skip
def histogram(
    a: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None
) -> Any:
    """Count the data in each bin, or add up their weights."""
    a = _real(as_array(a))
    weights, a = _checked(a, weights), np.ravel(a)
    data = plain(a)
    counts, found = np.histogram(data, plain(bins), plain(range))
    edges = _edges(a, bins, range, found)
    if weights is not None and not isinstance(bins, str) and np.ndim(bins) == 1:
        counts = _running_sums(data, found, weights)
    elif weights is not None:
        counts = _sums(_bin_of(data, found), found.size - 1, weights)
    if density:
        return counts / np.diff(edges).astype(np.float64) / np.sum(counts), edges
    return counts, edges


def _columns(sample: Any) -> list[Any]:
    """Return the coordinates of the data: columns of an array, or the arrays of a sequence."""
    parts = elements(sample)
    if parts is not None:
        return [as_array(x) for x in parts]
    x = as_array(sample)
    return [x] if x.ndim == 1 else [x[:, k] for k in range(x.shape[1])]


@composite(
    np.histogramdd, sample((9, 2), 3), sample((9, 2), Const((2, 3)), density=True),
    sample(Const(np.linspace(-2, 3, 18).reshape(9, 2)), 2, weights=_WEIGHTS),
    sample(Const(np.linspace(-2, 3, 18).reshape(9, 2)), 2, None, True, _WEIGHTS),
)  # fmt: skip
def histogramdd(
    sample: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None
) -> Any:
    """Count data in several dimensions, or add up their weights."""
    data = plain(sample)
    counts, found = np.histogramdd(data, plain(bins), plain(range))
    columns, n = [_real(x) for x in _columns(sample)], len(found)
    bins = list(bins) if hasattr(bins, "__len__") else [bins] * n
    limits = [None] * n if range is None else list(range)
    edges = [_edges(*given) for given in zip(columns, bins, limits, found, strict=True)]
    if weights is not None:
        places = [_bin_of(x, e) for x, e in zip(_columns(data), found, strict=True)]
        inside = np.all([p >= 0 for p in places], axis=0)
        flat = np.ravel_multi_index([np.where(inside, p, 0) for p in places], counts.shape)
        weights = np.ravel(as_array(weights)).astype(np.float64)
        total = _sums(np.where(inside, flat, -1), counts.size, weights)
        counts = np.reshape(total, counts.shape)
    if density:
        size = np.sum(counts)
        for k, e in enumerate(edges):
            counts = counts / np.reshape(np.diff(e), (-1,) + (1,) * (n - k - 1))
        counts = counts / size
    return counts, type(found)(edges)


@composite(
    np.histogram2d, sample(_DATA, (9,), 3), sample(_DATA, (9,), Const((2, 3)), None, True),
    sample(
        Const(np.linspace(-2, 3, 9)), Const(np.linspace(1, 2, 9) ** 2), 2, weights=_WEIGHTS
    ),
)  # fmt: skip
def histogram2d(
    x: Any, y: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None
) -> Any:
    """Count data in two dimensions, or add up their weights."""
    if len(x) != len(y):
        raise ValueError("x and y must have the same length.")
    if hasattr(bins, "__len__") and len(bins) not in (1, 2):
        bins = [bins, bins]
    counts, edges = np.histogramdd([as_array(x), as_array(y)], bins, range, density, weights)
    return counts, edges[0], edges[1]
