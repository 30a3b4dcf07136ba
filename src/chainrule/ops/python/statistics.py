"""Python's `statistics` module on traced numbers. Loaded when the program has imported it."""

import statistics
import sys
from collections.abc import Iterable
from types import NoneType
from typing import Any

import numpy as np

from ...core.registry import composite
from ..numpy.own_python import carries, plain, traced
from ..scaled import scaled


def _array(data: Iterable[Any]) -> Any:
    if hasattr(data, "dtype"):
        return data
    values = [v if hasattr(v, "dtype") else np.asarray(v) for v in data]
    return np.stack(values) if values else np.zeros(0)


def _enough(x: Any, least: int, name: str) -> Any:
    if x.shape[0] < least:
        raise statistics.StatisticsError(f"{name} requires at least {least} data points")
    return x


def _refuse(function: Any, odd: Any, *data: Any) -> None:
    """Let `function` refuse the numbers themselves, where they are odd."""
    if np.any(odd):
        function(*(np.asarray(plain(x)).tolist() for x in data))


def _geometric_mean(x: Any) -> Any:
    _refuse(statistics.geometric_mean, x <= 0, x)
    return scaled(lambda x: np.exp(np.mean(np.log(x))), 1, x)


def _harmonic_mean(x: Any, weights: Any = None) -> Any:
    _refuse(statistics.harmonic_mean, x < 0, x)
    return scaled(lambda x: 1 / _weighted_mean(1 / x, weights), 1, x, least=True)


def _of_data(name: str, body: Any, least: int = 1, python: bool = False) -> None:
    """Declare a statistic; it is Python's float where `python` says so, or all data are."""
    function = getattr(statistics, name)

    @composite(function, name=f"statistics.{name}", always=True)
    def computed(data: Iterable[Any], *args: Any, **kwargs: Any) -> Any:
        data = data if hasattr(data, "dtype") else list(data)
        x = _array(data)
        if type(x) is np.ndarray and not any(hasattr(a, "dtype") for a in args):
            return function(data, *args, **kwargs)  # nothing is traced
        found = body(_enough(x, least, name), *args, **kwargs)
        if name.startswith("median") and len({v.__class__ for v in data}) > 1:
            return _of_middle(found, name, data, x)
        return found.item() if python or _whole(data, *args, *kwargs.values()) else found


def _whole(*data: Any) -> bool:
    """Say whether all numbers are Python's."""
    return all(
        v.__class__ in (float, int, NoneType) or (type(v) is list and _whole(*v)) for v in data
    )


def _of_middle(found: Any, name: str, data: list[Any], x: Any) -> Any:
    """Return a median of different numbers with the classes of those in the middle.

    What is a number of the data, and none that is traced, is that number.
    """
    order, last = np.argsort(plain(x), kind="stable"), len(data) - 1
    places = {"median_low": {last // 2}, "median_high": {(last + 1) // 2}}
    chosen = [data[order[k]] for k in places.get(name, {last // 2, (last + 1) // 2})]
    if len(chosen) == 1 and not traced(chosen):
        if not any(carries(v) and plain(v) == chosen[0] for v in data):
            return chosen[0]
    return found.item() if _whole(*chosen) else found


def _of_pairs(found: Any, *data: Any) -> Any:
    """Return a statistic of pairs as Python: its float, since 3.12 of its own numbers only."""
    whole = all(_whole(*x) for x in data)
    return found.item() if whole or sys.version_info < (3, 12) else found


def _weighted_mean(x: Any, weights: Any = None) -> Any:
    return np.mean(x) if weights is None else np.sum(x * _array(weights)) / np.sum(_array(weights))


def _deviation(x: Any, center: Any, ddof: int) -> Any:
    if center is None:
        return scaled(lambda x: np.sqrt(_spread(x, None, ddof)), 1, x)
    return scaled(lambda x, center: np.sqrt(_spread(x, center, ddof)), 1, x, center)


def _spread(x: Any, center: Any, ddof: int) -> Any:
    center = np.mean(x) if center is None else center
    return np.sum((x - center) ** 2) / (x.shape[0] - ddof)


_of_data("mean", np.mean)
_of_data("fmean", _weighted_mean, python=True)
_of_data("geometric_mean", _geometric_mean, python=True)
_of_data("harmonic_mean", _harmonic_mean)
_of_data("median", np.median)
_of_data("median_low", lambda x: np.sort(x)[(x.shape[0] - 1) // 2])
_of_data("median_high", lambda x: np.sort(x)[x.shape[0] // 2])
_of_data("variance", lambda x, xbar=None: _spread(x, xbar, 1), 2)
_of_data("pvariance", lambda x, mu=None: _spread(x, mu, 0))
_of_data("stdev", lambda x, xbar=None: _deviation(x, xbar, 1), 2, python=True)
_of_data("pstdev", lambda x, mu=None: _deviation(x, mu, 0), python=True)


@composite(statistics.covariance, name="statistics.covariance")
def covariance(x: Any, y: Any, /) -> Any:
    """Compute the sample covariance."""
    data, x, y = (x, y), _array(x), _array(y)
    return _of_pairs(np.sum((x - np.mean(x)) * (y - np.mean(y))) / (x.shape[0] - 1), *data)


@composite(statistics.correlation, name="statistics.correlation")
def correlation(x: Any, y: Any, /, **kwargs: Any) -> Any:
    """Compute Pearson's correlation."""
    data, x, y = (x, y), _array(x), _array(y)
    if kwargs.get("method", "linear") != "linear":
        x, y = np.argsort(np.argsort(x)), np.argsort(np.argsort(y))  # ranks are locally constant
    x, y = x - np.mean(x), y - np.mean(y)
    scale = np.sum(x * x) * np.sum(y * y)
    _refuse(statistics.correlation, scale == 0, x, y)
    return _of_pairs(np.sum(x * y) / np.sqrt(scale), *data)


@composite(statistics.linear_regression, name="statistics.linear_regression")
def linear_regression(x: Any, y: Any, /, *, proportional: bool = False) -> Any:
    """Fit a line by least squares."""
    data, x, y = (x, y), _array(x), _array(y)
    if proportional:
        return statistics.LinearRegression(_of_pairs(np.sum(x * y) / np.sum(x * x), *data), 0.0)
    scale = np.sum((x - np.mean(x)) ** 2)
    _refuse(statistics.linear_regression, scale == 0, x, y)
    slope = np.sum((x - np.mean(x)) * (y - np.mean(y))) / scale
    start = np.mean(y) - slope * np.mean(x)
    return statistics.LinearRegression(_of_pairs(slope, *data), _of_pairs(start, *data))
