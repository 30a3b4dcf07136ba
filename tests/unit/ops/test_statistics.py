"""Python's `statistics`: the class of a result is that of a plain run, float or NumPy's."""

import statistics
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule as cr

STATISTICS: dict[str, Callable[[Any], Any]] = {
    name: getattr(statistics, name)
    for name in (
        "mean fmean median median_low median_high stdev pstdev variance pvariance geometric_mean "
        "harmonic_mean"
    ).split()
} | {
    "correlation": lambda x: statistics.correlation(x, x[1:] + x[:1]),
    "covariance": lambda x: statistics.covariance(x, x[1:] + x[:1]),
    "slope": lambda x: statistics.linear_regression([1.0, 2.0, 4.0, 3.0], x).slope,
    "intercept": lambda x: statistics.linear_regression([1.0, 2.0, 4.0, 3.0], x).intercept,
}


@pytest.mark.parametrize("kind", [float, np.float64])
@pytest.mark.parametrize("name", STATISTICS)
def test_classes_are_those_of_a_plain_run(name: str, kind: type) -> None:
    at, seen = np.array([1.5, 0.25, 3.0, 2.5]), []

    def f(x: Any) -> Any:
        found = STATISTICS[name]([float(v) if kind is float else v for v in x])
        seen.append((found.__class__, (found > 0.1).__class__))
        return found

    f(at)
    cr.grad(f)(at)
    assert len(set(seen)) == 1
