"""Discrete distributions of scipy.stats, in their parameters: right, or refused; never wrong."""

import numpy as np
import pytest
from scipy import stats
from scipy.stats._distr_params import distdiscrete

import chainrule as cr
from chainrule.errors import ChainRuleError, UnsupportedFunctionError
from chainrule.numeric import differences

COSTLY = {"nchypergeom_fisher", "nchypergeom_wallenius"}
METHODS = ("pmf", "logpmf", "cdf", "sf", "logcdf", "logsf", "mean", "var", "std", "ppf")
CASES = [
    (name, shapes, i)
    for name, shapes in distdiscrete
    if isinstance(name, str) and name not in COSTLY
    for i, info in enumerate(getattr(stats, name)._shape_info())
    if i < len(shapes) and not info.integrality and np.ndim(shapes[i]) == 0
]
EVERYDAY = {"poisson", "binom", "bernoulli", "geom", "nbinom"}


@pytest.mark.parametrize(("name", "shapes", "i"), CASES)
@pytest.mark.filterwarnings("ignore")
def test_in_a_parameter(name, shapes, i):
    dist, t = getattr(stats, name), float(shapes[i])
    k = float(dist.ppf(0.4, *shapes))
    for method in METHODS:
        first = {"ppf": (0.4,), "mean": (), "var": (), "std": ()}.get(
            method, (np.array([k, k + 1.0, k - 1.0, -3.0, 0.5]),)
        )

        def f(t, first=first, method=method):
            return getattr(dist, method)(*first, *shapes[:i], t, *shapes[i + 1 :])

        try:
            value, found = cr.jvp(f, (t,), (1.0,))
        except ChainRuleError:
            assert name not in EVERYDAY
            continue
        reference, error = differences(lambda h: f(t + h), step=0.01, rounds=6)
        near = abs(found - reference) <= 1e-6 * abs(reference) + 20 * error + 1e-8
        assert np.all(near | ~np.isfinite(reference)), method
        assert np.array_equal(value, f(t), equal_nan=True)
        assert np.allclose(np.ravel(cr.jacrev(f)(t)), np.ravel(found), equal_nan=True)


def test_second_derivative_of_a_poisson_likelihood():
    k = np.array([3.0, 0.0, 5.0])
    found = cr.hessian(lambda m: stats.poisson.logpmf(k, m).sum())(2.5)
    assert found == pytest.approx(-k.sum() / 2.5**2, rel=1e-12)
    mass = cr.hessian(lambda m: stats.poisson.pmf(2, m))(1.3)  # (m²/2 − 2m + 1) e⁻ᵐ
    assert mass == pytest.approx((1.3**2 / 2 - 2 * 1.3 + 1) * np.exp(-1.3), rel=1e-12)


def test_a_parameter_of_an_array_and_a_frozen_one():
    rates = np.array([0.5, 2.0, 7.5])
    found = cr.jacobian(lambda m: stats.poisson(m).pmf([0, 1, 2]))(rates)
    assert np.allclose(found, np.diag([-np.exp(-0.5), -np.exp(-2.0), np.exp(-7.5) * 7.5 * -2.75]))
    found = cr.jacobian(lambda m: stats.poisson.logpmf(np.array([[1], [4]]), m))(rates)
    assert np.allclose(np.einsum("kii->ki", found), np.array([[1.0], [4.0]]) / rates - 1)


def test_the_argument_is_refused_and_a_location_moves_a_quantile():
    with pytest.raises(UnsupportedFunctionError, match="integers"):
        cr.grad(lambda k: stats.poisson.logpmf(k, 2.0))(3.0)
    with pytest.raises(UnsupportedFunctionError, match="integers"):
        cr.grad(lambda loc: stats.poisson.cdf(3, 2.0, loc=loc))(1.0)
    assert cr.grad(lambda loc: stats.poisson.ppf(0.3, 2.0, loc=loc))(1.0) == 1.0
    assert cr.grad(lambda m: stats.poisson.ppf(0.3, m))(2.0) == 0.0


def test_moments_of_continuous_distributions():
    assert cr.grad(lambda s: stats.lognorm.mean(s, scale=2.0))(0.5) == pytest.approx(
        np.exp(0.125), rel=1e-12
    )
    assert cr.grad(lambda s: stats.norm.std(1.0, s))(0.5) == pytest.approx(1.0)
    mean, var = cr.jacobian(lambda a: np.stack(stats.gamma.stats(a, scale=3.0)))(2.0)
    assert (mean, var) == pytest.approx((3.0, 9.0))
