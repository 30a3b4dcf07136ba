"""Distances of `scipy.spatial.distance`, between vectors, all pairs of rows, and two sets of rows.

One formula along the last axis stands for a metric in all of its places; the numbers are SciPy's.
At the kinks: a distance of two equal vectors has derivative 0, ties of the Chebyshev distance
share equally, |u − v| has derivative 0 where u = v. The metrics of truth values (and `hamming`) are
piecewise constant: nothing flows.

Errors: a metric with a default computed of the data (`V` of seuclidean, `VI` of mahalanobis) flows
through that default too, as the program says.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import spatial
from scipy.spatial import distance

from ....core.op import Notation, sample
from ....core.registry import composite
from ...declare import as_array, constant_call
from ...numpy.arithmetic import sqrt_or_zero
from ...scaled import scaled
from ..common import as_computed, constant_of, plain, reader, refusal, refused

Rows = Callable[..., Any]


def _real(x: Any) -> Any:
    x = as_array(x)
    if x.dtype.kind == "c":
        raise refusal("a distance of complex vectors", "only real ones have a rule",
                      "write np.hstack([u.real, u.imag]) in the place of each array u")  # fmt: skip
    return x


# --- metrics along the last axis ------------------------------------------------------------------


def _weighted(x: Any, w: Any) -> Any:
    return x if w is None else w * x


def _minkowski(u: Any, v: Any, p: Any = 2, w: Any = None) -> Any:
    if p == math.inf:
        return _chebyshev(u, v, w)
    if p == 2:
        return _euclidean(u, v, w)
    size = np.abs(u - v)
    total = np.sum(_weighted(size if p == 1 else size**p, w), axis=-1)
    if p == 1:
        return total
    zero = np.equal(total, 0)
    return np.where(zero, 0.0, np.where(zero, 1.0, total) ** (1.0 / p))


def _sqeuclidean(u: Any, v: Any, w: Any = None) -> Any:
    return np.sum(_weighted((u - v) ** 2, w), axis=-1)


def _euclidean(u: Any, v: Any, w: Any = None) -> Any:
    return sqrt_or_zero(_sqeuclidean(u, v, w))


def _seuclidean(u: Any, v: Any, V: Any) -> Any:
    return sqrt_or_zero(np.sum((u - v) ** 2 / V, axis=-1))


def _cityblock(u: Any, v: Any, w: Any = None) -> Any:
    return np.sum(_weighted(np.abs(u - v), w), axis=-1)


def _chebyshev(u: Any, v: Any, w: Any = None) -> Any:
    size = np.abs(u - v)
    return np.max(size if w is None else np.greater(w, 0) * size, axis=-1)


def _canberra(u: Any, v: Any, w: Any = None) -> Any:
    above, below = np.abs(u - v), np.abs(u) + np.abs(v)
    zero = np.equal(below, 0)
    return np.sum(_weighted(np.where(zero, 0.0, above / np.where(zero, 1.0, below)), w), axis=-1)


def _braycurtis(u: Any, v: Any, w: Any = None) -> Any:
    above, below = np.abs(u - v), np.abs(u + v)
    return np.sum(_weighted(above, w), axis=-1) / np.sum(_weighted(below, w), axis=-1)


def _correlation(u: Any, v: Any, w: Any = None, centered: bool = True) -> Any:
    if w is not None:
        w = w / np.sum(w)
    if centered:
        u, v = (x - (
            np.mean(x, axis=-1, keepdims=True) if w is None
            else np.sum(w * x, axis=-1, keepdims=True)
        ) for x in (u, v))  # fmt: skip
    uv, uu, vv = (np.sum(_weighted(a * b, w), axis=-1) for a, b in ((u, v), (u, u), (v, v)))
    return 1.0 - uv / np.sqrt(uu * vv)


def _cosine(u: Any, v: Any, w: Any = None) -> Any:
    return _correlation(u, v, w, centered=False)


def _mahalanobis(u: Any, v: Any, VI: Any) -> Any:
    change = u - v
    return sqrt_or_zero(np.sum(np.matmul(change[..., None, :], VI)[..., 0, :] * change, axis=-1))


def _jensenshannon(u: Any, v: Any, w: Any = None, base: Any = None) -> Any:
    u, v = (x / np.sum(x, axis=-1, keepdims=True) for x in (u, v))
    m = (u + v) / 2.0
    total = np.sum(_entropy(u, m), axis=-1) + np.sum(_entropy(v, m), axis=-1)
    return sqrt_or_zero((total if base is None else total / np.log(base)) / 2.0)


def _entropy(x: Any, m: Any) -> Any:
    """Return x·log(x/m), 0 where x is."""
    zero = np.equal(x, 0)
    return np.where(zero, 0.0, x) * np.log(np.where(zero, 1.0, x / np.where(zero, 1.0, m)))


METRICS: dict[str, Rows] = {
    "euclidean": _euclidean, "sqeuclidean": _sqeuclidean, "cityblock": _cityblock,
    "chebyshev": _chebyshev, "minkowski": _minkowski, "canberra": _canberra,
    "braycurtis": _braycurtis, "cosine": _cosine, "correlation": _correlation,
    "seuclidean": _seuclidean, "mahalanobis": _mahalanobis, "jensenshannon": _jensenshannon,
}  # fmt: skip
_OTHER_NAMES = {
    "e": "euclidean", "euclid": "euclidean", "eu": "euclidean", "sqe": "sqeuclidean",
    "sqeuclid": "sqeuclidean", "cblock": "cityblock", "cb": "cityblock", "c": "cityblock",
    "chebychev": "chebyshev", "cheby": "chebyshev", "cheb": "chebyshev", "ch": "chebyshev",
    "mi": "minkowski", "m": "minkowski", "pnorm": "minkowski", "cos": "cosine",
    "co": "correlation", "se": "seuclidean", "s": "seuclidean", "mahal": "mahalanobis",
    "mah": "mahalanobis", "js": "jensenshannon",
}  # fmt: skip
_CONSTANT = (
    "hamming", "jaccard", "dice", "rogerstanimoto", "russellrao", "sokalsneath", "yule",
)  # fmt: skip

# --- between two vectors --------------------------------------------------------------------------


_LENGTHS = ("euclidean", "minkowski", "seuclidean", "mahalanobis")  # homogeneous of degree 1


def _by_name(function: Any) -> Callable[..., Any]:
    """Let `function` take what follows two arrays by the names in a param."""

    def value(a: Any, b: Any, *rest: Any, names: tuple[str, ...], **params: Any) -> Any:
        return function(a, b, **params, **dict(zip(names, rest, strict=True)))

    return value


def _arrays(given: dict[str, Any]) -> dict[str, Any]:
    return {k: v if np.ndim(v) == 0 else as_array(v) for k, v in given.items() if v is not None}


def _between_vectors(name: str, *samples: Any, domain: Any = ()) -> None:
    function, rows = getattr(distance, name), METRICS[name]
    value = constant_of(f"{name}_value", _by_name(function))
    read = reader(function)

    @composite(function, *samples, name=f"scipy.spatial.distance.{name}", domain=domain)
    def metric(*args: Any, **kwargs: Any) -> Any:
        """Return the distance of two vectors."""
        more = read(args, kwargs)
        u, v = _real(more.pop("u")), _real(more.pop("v"))
        more = _arrays(more)
        plainly = value(u, v, *more.values(), names=tuple(more))
        if name not in _LENGTHS:
            return as_computed(rows(u, v, **more), plainly)
        found = scaled(lambda u, v: rows(u, v, **more), 1, u, v, value=plainly)
        found = as_computed(found, plainly)
        by_norm = name in ("euclidean", "seuclidean") or more.get("p", 2) == 2
        return found.item() if by_norm and name != "mahalanobis" else found  # as SciPy's `norm`


_WEIGHTS = sample((3,), (3,), lambda rng: rng.random(3) + 0.5)
for _name in ("euclidean", "sqeuclidean", "cityblock", "chebyshev", "canberra", "braycurtis"):
    _between_vectors(_name, sample((3,), (3,)), _WEIGHTS)
for _name in ("cosine", "correlation"):
    _between_vectors(_name, sample((4,), (4,)), sample((3,), (3,), lambda r: r.random(3) + 0.5))
_between_vectors("minkowski", sample((3,), (3,)), sample((3,), (3,), 3), sample((3,), (3,), 1))
_between_vectors("seuclidean", sample((3,), (3,), lambda rng: rng.random(3) + 0.5))
_between_vectors("mahalanobis", sample((2,), (2,), lambda rng: np.eye(2) + 0.1 * rng.random(2)))

_jensenshannon_value = constant_of("jensenshannon_value", distance.jensenshannon)


@composite(
    distance.jensenshannon, sample((4,), (4,)), sample((4, 2), (4, 2), base=2),
    sample((2, 4), (2, 4), axis=1, keepdims=True), domain=((0.5, 3.0),),
    name="scipy.spatial.distance.jensenshannon",
)  # fmt: skip
def jensenshannon(
    p: Any, q: Any, base: Any = None, *, axis: int = 0, keepdims: bool = False
) -> Any:
    """Return the Jensen–Shannon distance of distributions."""
    p, q = _real(p), _real(q)
    found = _jensenshannon(np.moveaxis(p, axis, -1), np.moveaxis(q, axis, -1), base=base)
    found = np.expand_dims(found, axis) if keepdims else found
    return as_computed(
        found, _jensenshannon_value(p, q, base=base, axis=axis, keepdims=keepdims)
    )  # fmt: skip


for _name in _CONSTANT:
    constant_call(
        getattr(distance, _name), "u", "v", batch="loop", name=f"{_name}_distance",
        notation=Notation(rule="piecewise constant: nothing flows"),
    )  # fmt: skip

# --- all pairs ------------------------------------------------------------------------------------


def _named(metric: Any) -> tuple[str, bool]:
    """Return the name of a metric, and whether nothing flows through it."""
    name = getattr(metric, "__name__", metric) if callable(metric) else metric
    name = str(name).lower().removeprefix("test_")
    name = _OTHER_NAMES.get(name, name)
    if name in METRICS:
        return name, False
    if name in _CONSTANT or name in ("matching", "h", "hamm", "ha", "j", "jacc", "ja", "ji"):
        return name, True
    raise ValueError(f"Unknown Distance Metric: {metric}")


def _is_own(metric: Any) -> bool:
    """Say whether a metric is a function of the user's."""
    return callable(metric) and getattr(metric, "__module__", "") != "scipy.spatial.distance"


def _defaults(name: str, kwargs: dict[str, Any], data: Any) -> dict[str, Any]:
    """Fill in what SciPy computes of the data where it is not given."""
    found = _arrays(kwargs)
    if name == "seuclidean" and "V" not in found:
        found["V"] = np.var(data, axis=0, ddof=1)
    if name == "mahalanobis" and "VI" not in found:
        if data.shape[0] <= data.shape[1]:
            raise ValueError(
                f"The number of observations ({data.shape[0]}) is too small; the covariance "
                "matrix is singular."
            )
        found["VI"] = np.matrix_transpose(np.linalg.inv(np.atleast_2d(np.cov(data.T))))
    return found


_cdist_value = constant_of("cdist_value", _by_name(distance.cdist))
_pdist_value = constant_of(
    "pdist_value", _by_name(lambda x, _none, **kwargs: distance.pdist(x, **kwargs))
)
_METRIC_SAMPLES = [
    *(name for name in METRICS if name not in ("jensenshannon", "mahalanobis", "seuclidean")),
    "seuclidean", "mahalanobis",
]  # fmt: skip


@composite(
    distance.cdist, *(sample((3, 2), (4, 2), name) for name in _METRIC_SAMPLES
                      if name not in ("correlation",)),
    sample((3, 3), (2, 3), "correlation"), sample((3, 2), (2, 2), "minkowski", p=3),
    name="scipy.spatial.distance.cdist",
)  # fmt: skip
def cdist(XA: Any, XB: Any, metric: Any = "euclidean", *, out: Any = None, **kwargs: Any) -> Any:
    """Return the distances between the rows of two arrays."""
    a, b = _real(XA), _real(XB)
    if _is_own(metric):
        rows = [np.stack([metric(u, v, **kwargs) for v in b]) for u in a]
        return _delivered(np.stack(rows), out)
    name, constant = _named(metric)
    filled = {} if constant else _defaults(name, kwargs, np.concatenate([a, b]))
    more = _arrays(kwargs)
    value = _cdist_value(a, b, *more.values(), names=tuple(more), metric=metric)
    if constant:
        return _delivered(value, out)
    return _delivered(as_computed(METRICS[name](a[:, None], b[None], **filled), value), out)


@composite(
    distance.pdist, *(sample((4, 2), name) for name in _METRIC_SAMPLES if name != "correlation"),
    sample((3, 3), "correlation"), sample((3, 2), "minkowski", p=1.5),
    name="scipy.spatial.distance.pdist",
)  # fmt: skip
def pdist(X: Any, metric: Any = "euclidean", *, out: Any = None, **kwargs: Any) -> Any:
    """Return the distances between all pairs of rows."""
    x = _real(X)
    i, j = np.triu_indices(x.shape[0], 1)
    if _is_own(metric):
        found = [metric(x[p], x[q], **kwargs) for p, q in zip(i, j, strict=True)]
        return _delivered(np.stack(found), out)
    name, constant = _named(metric)
    filled = {} if constant else _defaults(name, kwargs, x)
    more = _arrays(kwargs)
    value = _pdist_value(x, 0, *more.values(), names=tuple(more), metric=metric)
    if constant:
        return _delivered(value, out)
    return _delivered(as_computed(METRICS[name](x[i], x[j], **filled), value), out)


def _delivered(result: Any, out: Any) -> Any:
    if out is None:
        return result
    out[...] = result
    return out


@composite(
    distance.squareform, sample((6,)), sample((3,)),
    sample(lambda rng: distance.squareform(rng.random(6)), "no", False),
    name="scipy.spatial.distance.squareform",
)  # fmt: skip
def squareform(X: Any, force: str = "no", checks: bool = True) -> Any:
    """Turn the distances of all pairs into a symmetric matrix, and back (its upper triangle)."""
    x = as_array(X)
    if force.lower() == "tomatrix" and x.ndim != 1:
        raise ValueError("Forcing 'tomatrix' but input X is not a distance vector.")
    if force.lower() == "tovector" and x.ndim != 2:
        raise ValueError("Forcing 'tovector' but input X is not a distance matrix.")
    if x.ndim == 2:
        if checks:
            distance.is_valid_dm(plain(x), throw=True, name="X")
        return x[np.triu_indices(x.shape[0], 1)]
    n = math.ceil(math.sqrt(x.shape[0] * 2))
    if n * (n - 1) != x.shape[0] * 2:
        raise ValueError("Incompatible vector size. It must be a binomial coefficient n choose 2")
    place = np.full((n, n), x.shape[0])
    place[np.triu_indices(n, 1)] = np.arange(x.shape[0])
    padded = np.concatenate([x, np.zeros_like(x[:1])]) if x.shape[0] else np.zeros(1)
    return padded[np.minimum(place, place.T)]


# --- scipy.spatial --------------------------------------------------------------------------------

_matrix_value = constant_of(
    "distance_matrix_value", lambda x, y, p, threshold: spatial.distance_matrix(x, y, p, threshold)
)
_minkowski_value = constant_of(
    "minkowski_distance_value", lambda x, y, p: spatial.minkowski_distance(x, y, p)
)
_minkowski_power_value = constant_of(
    "minkowski_distance_p_value", lambda x, y, p: spatial.minkowski_distance_p(x, y, p)
)


@composite(
    spatial.distance_matrix, sample((3, 2), (4, 2)), sample((3, 2), (2, 2), p=1),
    name="scipy.spatial.distance_matrix",
)  # fmt: skip
def distance_matrix(x: Any, y: Any, p: Any = 2.0, threshold: int = 1000000) -> Any:
    """Return the distances between the rows of two arrays."""
    x, y = _real(x), _real(y)
    value = _matrix_value(x, y, p=p, threshold=threshold)
    return as_computed(_minkowski(x[:, None], y[None], p), value)


@composite(
    spatial.minkowski_distance, sample((3, 2), (3, 2)), sample((2,), (3, 2), p=3),
    name="scipy.spatial.minkowski_distance",
)  # fmt: skip
def minkowski_distance(x: Any, y: Any, p: Any = 2.0) -> Any:
    """Return the distances between rows."""
    x, y = _real(x), _real(y)
    return as_computed(_minkowski(x, y, p), _minkowski_value(x, y, p=p))


@composite(
    spatial.minkowski_distance_p, sample((3, 2), (3, 2)), sample((2,), (3, 2), p=1),
    name="scipy.spatial.minkowski_distance_p",
)  # fmt: skip
def minkowski_distance_p(x: Any, y: Any, p: Any = 2.0) -> Any:
    """Return the p-th power of the distances between rows."""
    x, y = _real(x), _real(y)
    size = np.abs(y - x)
    found = np.max(size, axis=-1) if p == math.inf else np.sum(size**p, axis=-1)
    return as_computed(found, _minkowski_power_value(x, y, p=p))


@composite(distance.directed_hausdorff, name="scipy.spatial.distance.directed_hausdorff")
def directed_hausdorff(u: Any, v: Any, rng: Any = 0, **_: Any) -> Any:
    """Return the directed Hausdorff distance; the pair that decides is locally constant."""
    u, v = _real(u), _real(v)
    value, i, j = distance.directed_hausdorff(plain(u), plain(v), rng)
    return as_computed(_euclidean(u[i], v[j]), np.float64(value)), i, j


refused(
    spatial.procrustes, "it has no rule", "use scipy.linalg.orthogonal_procrustes",
    "scipy.spatial.procrustes",
)
