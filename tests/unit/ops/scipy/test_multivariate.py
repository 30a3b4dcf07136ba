"""Multivariate distributions of scipy.stats against differences, in every argument."""

import numpy as np
import pytest
from scipy import stats

import chainrule as cr
from chainrule.errors import UnsupportedFunctionError
from chainrule.numeric import differences

C = [[2.0, 0.3], [0.3, 1.0]]
X = np.array([[0.3, -0.5], [1.1, 0.2], [-0.4, 0.9]])


def covariance(p):
    return np.array([[1.0 + p[0] ** 2, 0.3 * p[1]], [0.3 * p[1], 0.8 + p[1] ** 2]])


PROGRAMS = {
    "normal": lambda p: stats.multivariate_normal.logpdf(X, mean=p, cov=covariance(p)).sum(),
    "normal density": lambda p: stats.multivariate_normal.pdf([p[1], 0.1], [0, p[0]], cov=C),
    "normal in x": lambda p: stats.multivariate_normal.logpdf(X * p, [0.1, 0.2], C)
    @ np.arange(3.0),
    "frozen": lambda p: stats.multivariate_normal(p, covariance(p)).logpdf(X) @ np.arange(3.0),
    "frozen, plain": lambda p: stats.multivariate_normal([0.1, 0.4], C).pdf(p),
    "white": lambda p: stats.multivariate_normal.logpdf(p * X[0], cov=p[0] ** 2 * np.eye(2)),
    "scalar covariance": lambda p: stats.multivariate_normal.logpdf(X, [0, 0], p[0]).sum(),
    "one dimension": lambda p: stats.multivariate_normal.logpdf([0.3, 1.0], p[1], p[0]).sum(),
    "diagonal": lambda p: stats.multivariate_normal.logpdf(X, [0, 0], cov=p).sum(),
    "entropy": lambda p: stats.multivariate_normal(cov=covariance(p)).entropy(),
    "covariance object": lambda p: stats.multivariate_normal.logpdf(
        X, p, stats.Covariance.from_diagonal([1.0, 2.0])
    ).sum(),
    "student": lambda p: stats.multivariate_t.logpdf(X, p, covariance(p), df=5.0).sum(),
    "student df": lambda p: stats.multivariate_t.logpdf(X, shape=covariance(p), df=p[0] + 3).sum(),
    "matrix normal": lambda p: stats.matrix_normal.logpdf(
        X, X * p[0], p[0] * np.eye(3), covariance(p)
    ),
    "dirichlet": lambda p: stats.dirichlet.logpdf([0.2, 0.3, 0.5], np.append(p, 1.5)),
    "dirichlet in x": lambda p: stats.dirichlet.logpdf(p / 3, [2.0, 1.5, 3.0]),
    "dirichlet moments": lambda p: stats.dirichlet.var(p).sum() + stats.dirichlet(p).mean()[0],
    "multinomial": lambda p: stats.multinomial.logpmf([2, 1, 3], 6, np.append(p, 3 - p.sum()) / 3),
    "multinomial mass": lambda p: stats.multinomial.pmf([[2, 1]], 3, p / p.sum()).sum(),
    "inverse wishart": lambda p: stats.invwishart.logpdf(covariance(p), df=5, scale=np.eye(2)),
    "inverse wishart, all": lambda p: stats.invwishart(4 + p[0], covariance(p)).pdf(
        np.stack([covariance(p), covariance(2 * p)], axis=-1)
    ),
    "inverse wishart, one number": lambda p: stats.invwishart.logpdf(p, 3, p[0]),
    "wishart": lambda p: stats.wishart.logpdf(covariance(p), 5, p[0] * np.eye(2)),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_against_differences(name):
    f, p = PROGRAMS[name], np.array([0.7, 1.2])
    value, pullback = cr.vjp(f, p)
    assert np.allclose(value, f(p), rtol=1e-13)
    (gradient,) = pullback(np.ones(np.shape(value)))
    for i, v in enumerate(np.eye(2)):
        want, error = differences(lambda h, v=v: np.sum(f(p + h * v)), step=0.01, rounds=6)
        assert abs(gradient[i] - want) <= 1e-7 * abs(want) + 10 * error + 1e-9
        assert np.sum(cr.jvp(f, (p,), (v,))[1]) == pytest.approx(gradient[i], rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("name", ["normal", "student", "white", "dirichlet", "inverse wishart"])
def test_second_derivatives(name):
    f, p, v = PROGRAMS[name], np.array([0.7, 1.2]), np.array([0.6, -0.8])
    want, error = differences(lambda h: cr.grad(f)(p + h * v), step=0.01, rounds=6)
    assert np.all(abs(cr.hvp(f, p, v) - want) <= 1e-6 * abs(want) + 10 * error + 1e-8)


def test_refusals():
    with pytest.raises(UnsupportedFunctionError, match="singular"):
        cr.grad(lambda s: stats.multivariate_normal.logpdf(
            [1.0, 1.0], cov=s * np.ones((2, 2)), allow_singular=True
        ))(2.0)  # fmt: skip
