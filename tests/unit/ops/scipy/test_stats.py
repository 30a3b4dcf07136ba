"""Continuous distributions of scipy.stats: right against differences, or refused; never wrong."""

import mpmath
import numpy as np
import pytest
from scipy import stats
from scipy.stats._distr_params import distcont

import chainrule as cr
from chainrule.errors import ChainRuleError

SLOW = {"kstwo", "studentized_range", "levy_stable", "ksone", "kstwobign", "irwinhall"}
CASES = {n: s for n, s in distcont if isinstance(n, str) and n not in SLOW}
METHODS = ("pdf", "logpdf", "cdf", "logcdf", "sf", "logsf", "ppf", "isf")


def slope(f, x):
    """Estimate a derivative by central differences, and its error."""
    h = 1e-3 * max(1.0, abs(x))
    d = [(f(x + s) - f(x - s)) / (2 * s) for s in (h, h / 2, h / 4)]
    e = [(4 * d[1] - d[0]) / 3, (4 * d[2] - d[1]) / 3]
    return (16 * e[1] - e[0]) / 15, abs(e[1] - e[0])


def judge(f, x):
    """Return "right" or "refused"; fail on a wrong derivative."""
    with np.errstate(all="ignore"):
        reference, error = slope(f, x)
        try:
            value, found = cr.jvp(f, (x,), (1.0,))
        except ChainRuleError:
            return "refused"
        assert np.allclose(value, f(x), rtol=1e-9, atol=1e-12, equal_nan=True)
        if np.isfinite(reference):
            assert abs(found - reference) <= 1e-5 * abs(reference) + 20 * error + 1e-7
            assert np.allclose(cr.grad(f)(x), found, rtol=1e-9, atol=1e-12)
    return "right"


@pytest.mark.parametrize("name", sorted(CASES))
def test_in_x_location_and_scale(name):
    dist, shapes = getattr(stats, name), CASES[name]
    x = float(dist.ppf(0.37, *shapes, loc=0.4, scale=1.3))
    for method in METHODS:
        point = 0.37 if method in ("ppf", "isf") else x
        g = getattr(dist, method)
        judge(lambda t, g=g: g(t, *shapes, loc=0.4, scale=1.3), point)
        judge(lambda t, g=g, p=point: g(p, *shapes, loc=t, scale=1.3), 0.4)
        judge(lambda t, g=g, p=point: g(p, *shapes, loc=0.4, scale=t), 1.3)


EVERYDAY = "norm gamma beta t expon uniform lognorm weibull_min logistic laplace gumbel_r cauchy"


@pytest.mark.parametrize("name", EVERYDAY.split())
def test_the_everyday_ones_are_right(name):
    dist, shapes = getattr(stats, name), CASES[name]
    x = float(dist.ppf(0.37, *shapes, loc=0.4, scale=1.3))
    for method in METHODS:
        point = 0.37 if method in ("ppf", "isf") else x
        g = getattr(dist, method)
        assert judge(lambda t, g=g: g(t, *shapes, loc=0.4, scale=1.3), point) == "right"
        assert judge(lambda t, g=g, p=point: g(p, *shapes, loc=t, scale=1.3), 0.4) == "right"


@pytest.mark.parametrize(
    ("name", "method"), [("gamma", "logpdf"), ("beta", "logpdf"), ("t", "logpdf")]
)
def test_in_a_shape(name, method):
    dist, shapes = getattr(stats, name), CASES[name]
    x = float(dist.ppf(0.37, *shapes))
    assert judge(lambda s: getattr(dist, method)(x, s, *shapes[1:]), shapes[0]) == "right"


def test_outside_the_support_and_frozen():
    assert cr.grad(lambda x: stats.expon.pdf(x))(-1.0) == 0.0
    assert cr.grad(lambda x: stats.expon.cdf(x))(-1.0) == 0.0
    assert cr.grad(lambda x: stats.norm(0.3, 2.0).logpdf(x))(1.3) == pytest.approx(-0.25)
    assert cr.hessian(lambda x: stats.norm.logpdf(x, 0.3, 2.0))(1.3) == pytest.approx(-0.25)


@pytest.mark.parametrize("a", np.linspace(0.5, 4.0, 8))
def test_skewnorm_in_its_shape_against_mpmath(a):
    edges = np.linspace(-4, 6, 21)
    z = (edges - 1.2) / 1.1
    exact = [  # of 2·t·φ(t)·φ(at), which is odd
        float(mpmath.quad(
            lambda t: -t * mpmath.exp(-(1 + a * a) * t * t / 2) / mpmath.pi,
            [abs(k) + j for j in (0, 0.2, 0.5, 1, 2, 4, 9)],
        ))
        for k in z
    ]  # fmt: skip
    found = cr.jacobian(lambda s: stats.skewnorm.cdf(edges, s, 1.2, 1.1))(a)
    assert np.allclose(found, exact, rtol=1e-9, atol=1e-18)
    found = cr.jacobian(lambda s: stats.skewnorm.sf(edges, s, 1.2, 1.1))(a)
    assert np.allclose(found, -np.array(exact), rtol=1e-9, atol=1e-18)
    q = np.array([0.01, 0.4, 0.98])

    def quantiles(s):
        return stats.skewnorm.ppf(q, s, 1.2, 1.1)

    assert np.allclose(cr.jacobian(quantiles)(a), slope(quantiles, a)[0], rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(
    ("name", "shapes"), [("genhalflogistic", [0.77]), ("triang", [0.3]), ("trapezoid", [0.2, 0.7])]
)
@pytest.mark.parametrize("method", ["cdf", "sf", "ppf"])
def test_closed_forms_in_their_shapes_at_every_quantile(name, shapes, method):
    dist, shares = getattr(stats, name), np.array([0.001, 0.1, 0.5, 0.9, 0.999])
    points = shares if method == "ppf" else dist.ppf(shares, *shapes)

    def f(s):
        return getattr(dist, method)(points, *s)

    for k in range(len(shapes)):
        h = 1e-6 * np.eye(len(shapes))[k]
        expected = (f(shapes + h) - f(shapes - h)) / 2e-6
        assert np.allclose(cr.jacobian(f)(np.array(shapes))[:, k], expected, rtol=1e-5, atol=1e-8)
