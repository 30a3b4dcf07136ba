"""Smoothing splines of random data against differences of SciPy's functions."""

import numpy as np
import pytest
from scipy import interpolate as si
from scipy import optimize

import chainrule as cr
from chainrule.errors import ChainRuleError
from chainrule.numeric import differences

smooth = si.make_smoothing_spline


def data(seed, n=12, noise=0.3, gap=1.0):
    rng = np.random.default_rng(seed)
    x = np.cumsum(gap * rng.uniform(0.3, 1.5, n))
    y = np.sin(x) + noise * rng.standard_normal(n)
    return rng, x, y, rng.uniform(0.5, 2.0, n), np.linspace(x[0] - 0.2, x[-1] + 0.2, 7)


def agrees(f, p, v, step, within, oracle=None):
    value, slope = cr.jvp(f, (p,), (v,))
    assert np.allclose(value, f(p), rtol=1e-9, atol=1e-11)
    oracle = f if oracle is None else oracle
    want, error = differences(lambda h: np.asarray(oracle(p + h * v)), step=step, rounds=6)
    assert np.all(abs(slope - want) <= within * (1 + abs(want)) + 10 * error)
    weight = np.cos(np.arange(slope.size)).reshape(slope.shape)
    pulled = cr.grad(lambda p: np.sum(f(p) * weight))(p)
    assert np.allclose(np.sum(pulled * v), np.sum(weight * slope), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("lam", [0.0, 0.2, 30.0])
@pytest.mark.parametrize("seed", range(3))
def test_a_given_smoothing(lam, seed):
    rng, x, y, w, q = data(seed, 5 + 4 * seed)
    v = rng.standard_normal(y.size)
    agrees(lambda y: smooth(x, y, w, lam)(q), y, v, 1e-2, 1e-8)
    agrees(lambda x: smooth(x, y, w, lam)(q), x, 0.1 * v, 1e-2, 1e-7)
    agrees(lambda w: smooth(x, y, w, lam).derivative()(q), w, 0.2 * v, 1e-2, 1e-7)
    inside = np.float64(lam + 0.1)
    agrees(lambda s: smooth(x, y, w, s).integrate(q[1], q[4]), inside, 1.0, 1e-2, 1e-8)
    agrees(lambda y: smooth(x, np.stack([y, y**2]), None, lam, axis=1)(q), y, v, 1e-2, 1e-8)


def validated(x, y, w=None):
    """Search the smoothing as precisely as numbers allow, by splines of unit values."""
    n, unit = x.size, np.eye(x.size)

    def score(log):
        influence = smooth(x, unit, w, np.exp(log))(x)
        return np.sum((y - influence @ y) ** 2) / (1 - np.trace(influence) / n) ** 2

    grid = np.linspace(np.log(1e-3), np.log(n), 60)
    scores = list(map(score, grid))
    at = int(np.argmin(scores))
    slope = lambda s: (score(s + 1e-3) - score(s - 1e-3)) * 8 - score(s + 2e-3) + score(s - 2e-3)  # noqa: E731
    return np.exp(optimize.brentq(slope, grid[at - 1], grid[at + 1], xtol=1e-13))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_cross_validation_against_a_search_of_its_own(seed):
    rng, x, y, w, q = data(seed, 24, 0.4, gap=0.4)
    v = rng.standard_normal(y.size)
    f = lambda y: smooth(x, y)(q)  # noqa: E731
    agrees(f, y, v, 0.03, 1e-5, lambda y: smooth(x, y, lam=validated(x, y))(q))
    f = lambda x: smooth(x, y, w)(q)  # noqa: E731
    agrees(f, x, 0.1 * v, 0.03, 1e-5, lambda x: smooth(x, y, w, validated(x, y, w))(q))
    f = lambda w: smooth(x, np.stack([y, y + x]), w, axis=1)(q)[0]  # noqa: E731
    agrees(f, w, 0.3 * v, 0.03, 1e-5, lambda w: smooth(x, y, w, validated(x, y, w))(q))


def test_second_derivatives_of_cross_validation():
    rng, x, y, _, q = data(1, 24, 0.4, gap=0.4)
    v = rng.standard_normal(y.size)
    slope = lambda h: cr.jvp(lambda y: smooth(x, y)(q), (y + h * v,), (v,))[1]  # noqa: E731
    want, error = differences(slope, step=0.03, rounds=6)
    found = cr.derivative(cr.derivative(lambda h: smooth(x, y + h * v)(q)))(0.0)
    assert np.all(abs(found - want) <= 1e-6 * (1 + abs(want)) + 10 * error)


def test_a_search_that_ends_at_its_bound_is_constant():
    rng, x, _, _, q = data(4)
    y, v = 2 * x + np.resize([0.1, -0.1, 0.05], x.size), rng.standard_normal(x.size)
    agrees(lambda y: smooth(x, y)(q), y, v, 1e-4, 1e-6)


@pytest.mark.parametrize("values", [lambda x: x, lambda x: x**2, np.sin])
def test_a_search_that_ends_beside_a_minimum_is_refused(values):
    x = np.linspace(0, 2, 9)
    with pytest.raises(ChainRuleError, match="lam="):
        cr.jacrev(lambda y: smooth(x, y)(0.7))(values(x))
