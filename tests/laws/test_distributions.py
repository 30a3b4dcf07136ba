"""Law: a continuous distribution is right in its variable, location and scale, up to order two.

In its shapes it is right, or refused; so is the density of those that have no formula.
"""

from typing import Any

import numpy as np
import pytest
from scipy import stats
from scipy.stats._distr_params import distcont

from chainrule.errors import UnsupportedFunctionError
from chainrule.testing import first, higher
from chainrule.testing.samples import Case, Place

from .registry import QUIET

pytestmark = QUIET

SLOW = {"levy_stable", "studentized_range"}  # SciPy integrates numerically for every number
SHAPES: dict[str, Any] = {n: s for n, s in reversed(distcont) if n not in SLOW}
AT_X = ("pdf", "logpdf", "cdf", "logcdf", "sf", "logsf")
AT_Q = ("ppf", "isf")
WITHOUT_DENSITY = {  # neither SciPy's formula nor one of ours runs on traced values
    "dpareto_lognorm", "ksone", "kstwo", "kstwobign", "landau", "ncf", "nct", "tukeylambda",
}  # fmt: skip
QUANTILES = np.array([0.32, 0.63])


def in_variable(name: str, method: str) -> Case:
    """Return a method as a function of the variable, the location and the scale."""
    dist, shapes = getattr(stats, name), SHAPES[name]
    call, at = getattr(dist, method), dist.ppf(QUANTILES, *shapes)
    apart = float(at[1] - at[0])

    def of_x(move: Any, loc: Any, scale: Any) -> Any:
        x, loc = at + 0.1 * apart * np.tanh(move), 0.05 * apart * np.tanh(loc)
        return call(x, *shapes, loc=loc, scale=1.0 + 0.02 * np.tanh(scale))

    def of_q(move: Any, loc: Any, scale: Any) -> Any:
        return call(QUANTILES + 0.02 * np.tanh(move), *shapes, loc=loc, scale=np.exp(scale))

    xs = (np.array([0.3, -0.4]), np.float64(0.2), np.float64(-0.3))
    places = (Place(0), Place(1), Place(2))
    return Case(f"{name}.{method}", of_q if method in AT_Q else of_x, places, {}, xs)


@pytest.mark.parametrize("name", sorted(SHAPES))
def test_in_variable_location_and_scale(name: str) -> None:
    for method in (*AT_X, *AT_Q):
        case = in_variable(name, method)
        if name in WITHOUT_DENSITY and method in ("pdf", "logpdf"):
            with pytest.raises(UnsupportedFunctionError, match=name):
                first.forward(case)
            continue
        first.value(case)
        first.forward(case)
        first.reverse(case)


@pytest.mark.parametrize("method", ["logpdf", "ppf"])
@pytest.mark.parametrize("name", sorted(SHAPES))
def test_order_two(name: str, method: str) -> None:
    case = in_variable(name, method)
    assert higher.refused(case, 2) == (name in WITHOUT_DENSITY)
    higher.nested(case, 2)


def in_shape(name: str, method: str, k: int) -> Case:
    """Return a method as a function of one of the shapes."""
    dist, shapes = getattr(stats, name), SHAPES[name]
    call = getattr(dist, method)
    at = QUANTILES if method in AT_Q else dist.ppf(QUANTILES, *shapes)
    f = lambda s: call(at, *shapes[:k], s, *shapes[k + 1 :])  # noqa: E731
    return Case(f"{name}.{method} in shape {k}", f, (Place(0),), {}, (np.float64(shapes[k]),))


LEAST = {"pdf": 101, "logpdf": 101}  # how many of the 120 shapes have a derivative


@pytest.mark.parametrize("method", [*AT_X, *AT_Q])
def test_in_the_shapes_right_or_refused(method: str) -> None:
    right = 0
    for name, shapes in SHAPES.items():
        for k in range(len(shapes)):
            case = in_shape(name, method, k)
            try:
                first.value(case)
            except UnsupportedFunctionError:
                continue
            first.forward(case)
            first.reverse(case, 1e-9)  # of a gamma function of 400 nine digits are left
            right += 1
    assert right >= LEAST.get(method, 97)
