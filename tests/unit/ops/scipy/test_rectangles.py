"""The normal probability of rectangles against differences and against mpmath."""

import mpmath
import numpy as np
import pytest
from scipy import stats

import chainrule as cr
from chainrule.core.registry import op_named
from chainrule.errors import UnsupportedFunctionError
from chainrule.numeric import differences

NORMAL = stats.multivariate_normal
P, V = np.array([0.3, -0.45, 0.62]), np.array([1.0, 0.5, -0.7])
PROGRAMS = {
    "limits": lambda p: NORMAL.cdf([p[0], p[1]], cov=[[1, 0.4], [0.4, 2]]),
    "mean": lambda p: NORMAL.cdf([[0.1, 0.2], [3, -1]], p[:2], [[1, 0.4], [0.4, 2]]),
    "covariance": lambda p: NORMAL.cdf([0.3, -0.2], cov=[[1 + p[0] ** 2, p[1]], [p[1], 3]]),
    "variances": lambda p: NORMAL.cdf([0.3, 0.4], [0, 0], p[1:] ** 2),
    "logarithm": lambda p: NORMAL.logcdf(p[:2], p[1:], [[2, p[0]], [p[0], 1 + p[2] ** 2]]),
    "lower": lambda p: NORMAL.cdf([1.0, 2], cov=np.eye(2) + 0.2, lower_limit=p[:2]),
    "half open": lambda p: NORMAL.cdf(
        [[1.0, 2], [0, p[2]]], cov=np.array([[1, p[1]], [p[1], 1]]), lower_limit=[p[0], -np.inf]
    ),
    "turned": lambda p: NORMAL.cdf(p[:2], cov=[[1, 0.2], [0.2, 1]], lower_limit=[2.0, -1]),
    "infinite": lambda p: NORMAL.cdf(
        [[p[0], np.inf], [np.inf, p[1]], [-np.inf, p[1]]], cov=[[1, p[2] / 3], [p[2] / 3, 1]]
    ),
    "one": lambda p: NORMAL.cdf([p[0]], [p[1]], [[p[2] ** 2 + 1]]),
    "one, logarithm": lambda p: NORMAL.logcdf(p[0], p[1], p[2] ** 2, lower_limit=-2.0),
    "frozen": lambda p: NORMAL(p[:2], [[1, p[2]], [p[2], 1.5]]).cdf([0.3, 0.4]),
    "quadrant": lambda p: NORMAL.cdf([0.0, 0.0], cov=[[1, p[0]], [p[0], 1]]),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", PROGRAMS)
def test_two_orders_against_differences(name):
    f = PROGRAMS[name]
    y, tangent = cr.jvp(f, (P,), (V,))
    np.testing.assert_array_equal(y, f(P))
    want, _ = differences(lambda h: np.asarray(f(P + h * V)), step=1e-2, rounds=6)
    np.testing.assert_allclose(tangent, want, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(cr.jacrev(f)(P) @ V, want, rtol=1e-10, atol=1e-12)
    slope = lambda p: cr.jacrev(f)(p)  # noqa: E731
    want, _ = differences(lambda h: slope(P + h * V), step=1e-2, rounds=6)
    np.testing.assert_allclose(cr.jvp(slope, (P,), (V,))[1], want, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("h", "k", "r"), [(0.3, -0.5, 0.6), (-2.0, 1.0, -0.9), (0.0, 0.7, 0.2)])
def test_the_function_of_two_limits_and_a_correlation(h, k, r):
    def exact(h, k, r):
        inner = lambda t: mpmath.npdf(t) * mpmath.ncdf((k - r * t) / mpmath.sqrt(1 - r * r))  # noqa: E731
        return mpmath.quad(inner, [-mpmath.inf, h - 3, h])

    binormal = op_named("binormal")
    with mpmath.workdps(30):
        assert binormal(h, k, r) == pytest.approx(float(exact(h, k, r)), abs=1e-15)
        for i in range(3):
            order = tuple(int(i == j) for j in range(3))
            want = float(mpmath.diff(exact, (h, k, r), order))
            assert cr.grad(binormal, i)(h, k, r) == pytest.approx(want, rel=1e-12)


def test_batches_and_recordings():
    points = np.random.default_rng(0).uniform(-1, 1, (4, 3))
    slope = cr.grad(PROGRAMS["limits"])
    np.testing.assert_array_equal(cr.vmap(slope)(points), [slope(p) for p in points])
    fast = cr.jit(slope)
    for p in points:
        np.testing.assert_array_equal(fast(p), slope(p))
    assert "1 recording" in fast.report()


@pytest.mark.parametrize(
    ("f", "match"),
    [
        (lambda p: NORMAL.cdf(p, cov=np.eye(3)), "three and more"),
        (lambda p: NORMAL.cdf(p[:2], cov=np.ones((2, 2)), allow_singular=True), "singular"),
        (lambda p: stats.multivariate_t.cdf(p[:2], df=3), "random points"),
    ],
)
def test_what_is_refused(f, match):
    with pytest.raises(UnsupportedFunctionError, match=match):
        cr.grad(f)(P)
