"""Statistics: estimators, likelihoods, resampling."""

import math
from math import lgamma

import numpy as np
from scipy import stats
from scipy.optimize import minimize
from scipy.special import digamma, gammaln, ndtr
from scipy.stats import norm

from tests.everyday.collect import at

DATA = np.array([1.2, 0.7, 2.9, 1.8, 3.1, 0.4, 2.2, 1.5])
COUNTS = np.array([2, 0, 3, 1, 4, 1])


@at([1.5, 0.8], [2.0, 1.3])
def normal_negative_log_likelihood(theta):
    mu, sigma = theta
    total = 0.0
    for x in DATA:
        total -= -0.5 * math.log(2 * math.pi * sigma**2) - (x - mu) ** 2 / (2 * sigma**2)
    return total


@at([2.0, 1.1], [3.5, 0.6])
def gamma_log_likelihood(theta):
    return np.sum(stats.gamma.logpdf(DATA, a=theta[0], scale=theta[1]))


@at([0.3, 1.4], [-0.2, 0.8])
def censored_normal(theta):
    mu, sigma = theta
    limit = 2.5
    seen = DATA < limit
    ll = norm.logpdf(DATA[seen], mu, sigma).sum()
    ll += np.count_nonzero(~seen) * norm.logsf(limit, mu, sigma)
    return ll


@at([1.8, 0.4], [0.9, 0.7])
def zero_inflated_poisson(theta):
    lam, pi0 = theta
    ll = np.where(
        COUNTS == 0,
        np.log(pi0 + (1 - pi0) * np.exp(-lam)),
        np.log(1 - pi0) + COUNTS * np.log(lam) - lam - gammaln(COUNTS + 1),
    )
    return ll.sum()


@at([1.3, 0.2], [0.7, 0.9])
def weighted_quantile_spread(p):
    x = np.sort(DATA * p[0] + p[1] * np.sqrt(DATA))
    q75, q25 = np.percentile(x, [75, 25])
    return q75 - q25


@at([0.1, 0.5, 0.9, 0.2], [1.0, 1.5, -0.3, 0.4])
def correlation_by_hand(x):
    y = np.array([0.3, 0.1, 0.8, 0.6])
    mx = sum(x) / len(x)
    my = sum(y) / len(y)
    sxy = sum((a - mx) * (b - my) for a, b in zip(x, y, strict=True))
    sxx = sum((a - mx) ** 2 for a in x)
    syy = sum((b - my) ** 2 for b in y)
    return sxy / math.sqrt(sxx * syy)


@at([1.0, 0.5], [0.4, 1.2])
def bootstrap_standard_error(p):
    rng = np.random.RandomState(42)
    sample = p[0] * DATA + p[1] * DATA**2
    means = np.zeros(50)
    for b in range(50):
        idx = rng.randint(0, len(sample), len(sample))
        means[b] = np.mean(sample[idx])
    return np.std(means, ddof=1)


@at([1.1, 0.3], [0.6, 0.8])
def kde_at_point(p):
    h, x0 = p
    z = (x0 - DATA) / h
    return np.mean(np.exp(-0.5 * z**2)) / (h * np.sqrt(2 * np.pi))


@at([0.5, 2.0], [1.2, 0.9])
def beta_binomial_logpmf(p):
    a, b = p
    k, n = 3, 10
    out = lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
    out += lgamma(k + a) + lgamma(n - k + b) - lgamma(n + a + b)
    out -= lgamma(a) + lgamma(b) - lgamma(a + b)
    return out


@at([0.8, 1.1], [1.4, 0.5])
def ridge_profile_minimum(p):
    """Minimise a smooth loss and return the minimiser's norm."""
    X = np.vander(DATA / 3, 3)
    y = np.sin(DATA) * p[1]

    def loss(beta):
        r = X @ beta - y
        return r @ r + p[0] * beta @ beta

    def slope(beta):
        return 2 * X.T @ (X @ beta - y) + 2 * p[0] * beta

    res = minimize(loss, np.zeros(3), jac=slope, method="BFGS", options={"gtol": 1e-11})
    return np.linalg.norm(res.x)


@at(2.3, 0.6)
def gamma_shape_score(a):
    return -len(DATA) * digamma(a) + np.log(DATA).sum()


@at([0.2, 0.7], [0.9, 1.1])
def probit_likelihood(beta):
    y = (DATA > 1.6).astype(int)
    eta = beta[0] + beta[1] * (DATA - 1.5)
    prob = ndtr(eta)
    return np.sum(y * np.log(prob) + (1 - y) * np.log1p(-prob))


@at([1.0, 0.4], [1.2, 0.9])
def lognormal_tail_probability(p):
    z = (math.log(4.0) - p[0]) / p[1]
    upper = 0.5 * math.erfc(z / math.sqrt(2))
    return 1 - (1 - upper) ** 10


@at([0.8, 1.5], [-0.4, 2.2])
def regression_report(p):
    slope, noise = p
    x = np.arange(8.0)
    y = slope * x + noise * np.sin(3 * x)
    fit = stats.linregress(x, y)
    r, pvalue = stats.pearsonr(x, y)
    low = fit.slope - stats.t.ppf(0.975, len(x) - 2) * fit.stderr
    return low + r**2 + fit.intercept + pvalue


@at([0.6, 1.2], [1.9, 0.8])
def treatment_against_control(p):
    shift, spread = p
    treated = np.array([x * spread + shift for x in DATA[:5]])
    t, pvalue = stats.ttest_ind(treated, DATA[5:], equal_var=True)
    pooled = np.sqrt((treated.var(ddof=1) + DATA[5:].var(ddof=1)) / 2)
    return t + pvalue + (treated.mean() - DATA[5:].mean()) / pooled


@at([0.9, 2.1], [1.3, 2.6])
def density_at_a_moved_point(p):
    data = np.append(DATA, p[0])
    kde = stats.gaussian_kde(data)
    grid = np.linspace(0, 4, 9)
    return kde(p[1])[0] + np.trapezoid(grid * kde(grid), grid)


@at([0.4, 1.1], [2.0, 0.7])
def describe_sample(p):
    z = stats.zscore(np.sort(DATA * p[0] + p[1] * DATA**2))
    spread = stats.iqr(z) + stats.median_abs_deviation(z, scale="normal")
    return stats.skew(z) + stats.kurtosis(z, bias=False) + spread + stats.sem(z + p[1])
