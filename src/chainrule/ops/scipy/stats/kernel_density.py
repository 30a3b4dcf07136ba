"""`scipy.stats.gaussian_kde` of traced data, or at traced points."""

from typing import Any

import numpy as np
from scipy import special, stats

from ....core.holders import bare
from ....core.op import Composite
from ....core.registry import register
from ...declare import as_array
from ..common import as_computed, flows, plain, refusal, settled

_Density = stats.gaussian_kde


def _init(self: Any, dataset: Any, bw_method: Any = None, weights: Any = None) -> None:
    """Take the covariance of the kernels from the data."""
    data = np.atleast_2d(as_array(settled(dataset)))
    bw_method, weights = settled(bw_method), settled(weights)
    if not (flows(data) or flows(bw_method) or flows(weights)):
        return _Density.__init__(self, data, bw_method, weights)  # type: ignore[no-any-return]
    if callable(bw_method):
        raise refusal("gaussian_kde(bw_method=<function>)", "it has no rule", "pass the number")
    model = _Density(plain(data), plain(bw_method), None if weights is None else plain(weights))
    self.__dict__.update(model.__dict__)
    if weights is None:
        share: Any = np.full(data.shape[1], 1.0 / data.shape[1])
    else:
        share = np.atleast_1d(as_array(weights))
        share = share / np.sum(share)
    self.dataset, self._weights, self._neff = data, share, 1.0 / np.sum(share * share)
    power = -1.0 / (self.d + 4)
    if bw_method is None or isinstance(bw_method, str):
        base = self._neff * (self.d + 2.0) / 4.0 if bw_method == "silverman" else self._neff
        factor = base**power
    else:
        factor = bw_method
    far = data - np.sum(data * share, axis=1, keepdims=True)
    bare = np.matmul(far * share, far.T) / (1.0 - np.sum(share * share))
    self._data_covariance, self.factor = bare, factor
    self.covariance = as_computed(bare * factor**2, model.covariance)
    return None


def _log_terms(self: Any, points: Any) -> tuple[Any, Any]:
    """Return the logarithms of the kernels at the points, without weights."""
    points = np.atleast_2d(as_array(points))
    d, m = points.shape
    if d != self.d:
        if not (d == 1 and m == self.d):
            raise ValueError(f"points have dimension {d}, dataset has dimension {self.d}")
        points = np.reshape(points, (self.d, 1))
    far = self.dataset[:, :, None] - points[:, None, :]
    white = np.linalg.solve(self.covariance, np.reshape(far, (self.d, -1)))
    energy = 0.5 * np.sum(far * np.reshape(white, far.shape), axis=0)
    _, size = np.linalg.slogdet(2.0 * np.pi * self.covariance)
    return -energy - 0.5 * size, self.weights[:, None]


def _held(self: Any, points: Any) -> bool:
    return flows(points) or flows([self.dataset, self.weights, self.covariance])


def _evaluate(self: Any, points: Any) -> Any:
    """Sum the kernels at the points."""
    points = settled(points)
    if not _held(self, points):
        return _Density.evaluate(bare(self), points)
    logs, weights = _log_terms(self, points)
    return np.sum(weights * np.exp(logs), axis=0)


def _logpdf(self: Any, x: Any) -> Any:
    """Return the logarithm of the sum, without underflow."""
    x = settled(x)
    if not _held(self, x):
        return _Density.logpdf(bare(self), x)
    logs, weights = _log_terms(self, x)
    return special.logsumexp(logs + np.log(weights), axis=0)


def _box(self: Any, low: Any, high: Any) -> Any:
    """Integrate a density on the line between two limits."""
    low, high = settled(low), settled(high)
    if not _held(self, [low, high]):
        return _Density.integrate_box_1d(bare(self), low, high)
    if self.d != 1:
        raise ValueError("integrate_box_1d() only handles 1D pdfs")
    width = np.sqrt(np.ravel(self.covariance)[0])
    below = [special.ndtr((end - self.dataset[0]) / width) for end in (low, high)]
    return np.sum(self.weights * (below[1] - below[0]))


def _not_of_traced(name: str) -> None:
    function = getattr(_Density, name)

    def body(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not (_held(self, None) or flows(args) or flows(kwargs)):
            return function(bare(self), *args, **kwargs)
        raise refusal(f"scipy.stats.gaussian_kde.{name}", "it has no rule",
                      "integrate kde.pdf over a grid, with np.trapezoid")  # fmt: skip

    register(function, Composite(f"scipy.stats.gaussian_kde.{name}", body, None, always="held"))


for _name, _body in (
    ("__init__", _init), ("evaluate", _evaluate), ("logpdf", _logpdf), ("pdf", _evaluate),
    ("integrate_box_1d", _box),
):  # fmt: skip
    _label = "scipy.stats.gaussian_kde" + f".{_name}" * (_name != "__init__")
    register(getattr(_Density, _name), Composite(_label, _body, None, always="held"))
for _name in (
    "integrate_gaussian", "integrate_box", "integrate_kde", "resample",
    "set_bandwidth", "marginal",
):  # fmt: skip
    _not_of_traced(_name)
