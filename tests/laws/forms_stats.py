"""Distributions of SciPy, by their methods: in the variable, in the parameters, in the shapes.

Two of the continuous ones stand here for all laws; `test_distributions` goes through every one.
"""

from typing import Any

import numpy as np
from scipy import stats

from chainrule.core.op import Const

from .forms import form

TWO = np.array([0.32, 0.63])


@form(((2,), (), (), Const(stats.norm)), ((2,), (), (), Const(stats.gamma)))
def distribution_functions(move: Any, loc: Any, scale: Any, dist: Any) -> Any:
    shapes = (2.3,) if dist is stats.gamma else ()
    x = dist.ppf(TWO, *shapes) + 0.1 * np.tanh(move)
    where = {"loc": 0.05 * np.tanh(loc), "scale": 1.0 + 0.02 * np.tanh(scale)}
    ways = (dist.pdf, dist.logpdf, dist.cdf, dist.logcdf, dist.sf, dist.logsf)
    probability = TWO + 0.02 * np.tanh(move)
    frozen = dist(*shapes, **where)
    return (
        *(f(x, *shapes, **where) for f in ways), dist.ppf(probability, *shapes, **where),
        dist.isf(probability, *shapes, **where), frozen.logpdf(x),
    )  # fmt: skip


@form(((), ()))
def densities_in_their_shapes(a: Any, b: Any) -> Any:
    a, b = 2.0 + np.tanh(a), 3.0 + np.tanh(b)
    return (
        stats.gamma.logpdf(1.4, a), stats.beta.pdf(TWO, a, b), stats.t.logpdf(0.7, b),
        stats.lognorm.pdf(0.8, a), stats.weibull_min.cdf(0.7, a), stats.lomax.logsf(1.4, a),
        stats.genextreme.logpdf(0.2, 0.1 * a), stats.expon.isf(0.3, scale=a),
    )  # fmt: skip


@form(((), ()))
def tails_in_their_shapes(a: Any, b: Any) -> Any:
    a, b = 2.0 + np.tanh(a), 3.0 + np.tanh(b)
    return stats.gamma.cdf(1.4, a), stats.gamma.logsf(0.8, a), stats.beta.sf(0.4, a, b)


def positive(low: Any) -> Any:
    """Make a covariance matrix of three numbers."""
    first = np.stack([1.5 + np.tanh(low[0]), 0.0 * low[0]])
    return np.outer(first, first) + np.outer(low[1:], low[1:]) + 0.5 * np.eye(2)


@form(((3, 2), (2,), (3,)))
def multivariate_normal(x: Any, mean: Any, low: Any) -> Any:
    cov = positive(low)
    return (
        stats.multivariate_normal.logpdf(x, mean, cov),
        stats.multivariate_normal(mean, cov).pdf(x[0]),
        stats.multivariate_normal.logpdf(x, mean, 2.0 * np.eye(2)),
    )  # fmt: skip


@form(((2, 2), (2,), (3,), ()))
def multivariate_densities(x: Any, loc: Any, low: Any, c: Any) -> Any:
    shape, share = positive(low), np.exp(loc) / np.sum(np.exp(loc))
    return (
        stats.multivariate_t.logpdf(x, loc, shape, df=5), stats.dirichlet.logpdf(share, [2.0, 3.0]),
        stats.dirichlet.logpdf([0.3, 0.7], np.exp(0.2 * loc) + 1.0),
        stats.matrix_normal.logpdf(x, rowcov=shape, colcov=np.eye(2)),
        stats.wishart.logpdf(shape, 4, np.eye(2)), stats.multinomial.logpmf([1, 2], 3, share) * c,
    )  # fmt: skip


@form(((), ()))
def distribution_functions_by_integrals(a: Any, b: Any) -> Any:
    a, b = np.tanh(a), np.tanh(b)
    at = np.array([-0.3, 0.4])
    return (
        stats.truncnorm.cdf(at[0], a - 2.0, b + 2.5), stats.vonmises.cdf(at, 1.5 + a),
        stats.vonmises.logsf(at[1], 1.5 + b),
    )  # fmt: skip


@form(((), ()))
def quantiles_by_integrals(a: Any, b: Any) -> Any:
    a, b = np.tanh(a), np.tanh(b)
    return (
        stats.weibull_min.ppf([0.2, 0.7], 2.0 + a), stats.truncnorm.isf(0.3, a - 2.0, b + 2.5),
    )  # fmt: skip


@form(((), (), ()))
def moments_of_distributions(a: Any, b: Any, scale: Any) -> Any:
    a, b, scale = 3.0 + np.tanh(a), 2.5 + np.tanh(b), np.exp(0.3 * scale)
    return (
        stats.gamma.mean(a, scale=scale), stats.gamma(a, scale=scale).entropy(),
        stats.beta.var(a, b), stats.beta.entropy(a, b), stats.truncnorm.std(-a, b, scale=scale),
        stats.norm.entropy(0, a), stats.weibull_min.median(a, scale=scale),
        sum(stats.weibull_min.interval(0.9, a)), stats.poisson.std(a), sum(stats.chi2.stats(a)),
    )  # fmt: skip


@form(((6,), ()))
def summaries_of_samples(x: Any, power: Any) -> Any:
    up, at = 1.0 + np.square(x), np.arange(6.0)
    found = stats.describe(x)
    return (
        stats.pmean(up, 3), stats.gstd(up), stats.boxcox(up, power), stats.boxcox_llf(power, up),
        stats.yeojohnson(x, 0.5 + 0.1 * power), stats.yeojohnson_llf(0.3, x), found.mean,
        found.variance, found.skewness, found.minmax[1], *stats.jarque_bera(x),
        stats.binned_statistic(at, x, "std", bins=[-1, 2, 6]).statistic,
    )  # fmt: skip
