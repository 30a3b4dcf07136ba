"""Econometrics: regressions, GMM, time series, choice."""

import numpy as np
from numpy.linalg import inv, lstsq, pinv
from scipy.optimize import fixed_point, least_squares
from scipy.stats import norm

from tests.everyday.collect import at

X0 = np.array([0.5, 1.1, 1.9, 2.4, 3.3, 4.1, 4.8, 5.5])
Y0 = np.array([1.1, 1.9, 3.2, 3.9, 5.3, 6.0, 7.4, 8.1])


def design(x):
    return np.column_stack([np.ones_like(x), x, np.log(x)])


@at([0.9, 0.4], [1.4, -0.3])
def ols_after_box_cox(p):
    lam, shift = p
    y = ((Y0 + 1 + shift) ** lam - 1) / lam
    X = design(X0)
    beta = inv(X.T @ X) @ X.T @ y
    resid = y - X @ beta
    return np.log(resid @ resid / len(y))


@at([0.3, 1.0], [0.8, 0.5])
def newey_west_variance(p):
    resid = np.sin(p[0] * np.arange(12)) * p[1] + 0.1
    T = len(resid)
    L = 3
    s = resid @ resid / T
    for lag in range(1, L + 1):
        w = 1 - lag / (L + 1)
        gamma = sum(resid[i] * resid[i - lag] for i in range(lag, T)) / T
        s += 2 * w * gamma
    return np.sqrt(s)


@at([0.1, 0.15, 0.8], [0.05, 0.3, 0.5])
def garch_likelihood(params):
    omega, alpha, beta = params
    r = np.array([0.5, -0.8, 0.3, 1.2, -0.6, 0.1, -1.5, 0.7])
    sigma2 = np.zeros_like(r)
    sigma2[0] = np.var(r)
    for t in range(1, len(r)):
        sigma2[t] = omega + alpha * r[t - 1] ** 2 + beta * sigma2[t - 1]
    return 0.5 * np.sum(np.log(sigma2) + r**2 / sigma2)


@at([0.5, 0.2], [0.7, -0.3])
def arma_residual_sum(p):
    phi, theta = p
    y = np.array([0.2, 0.5, -0.1, 0.7, 0.4, -0.3, 0.6])
    eps = []
    for i, value in enumerate(y):
        prev_y = y[i - 1] if i else 0.0
        prev_e = eps[-1] if eps else 0.0
        eps.append(value - phi * prev_y - theta * prev_e)
    return float(np.sum(np.asarray(eps, dtype=float) ** 2))


@at([0.4, 0.8, -0.5], [1.0, 0.2, 0.3])
def multinomial_logit(beta):
    attributes = np.array([[1.0, 0.5, 2.0], [0.3, 1.5, 1.0], [0.7, 0.2, 0.1]])
    choices = [0, 2, 1, 0]
    ll = 0.0
    for n, c in enumerate(choices):
        v = attributes @ beta * (1 + 0.1 * n)
        v = v - v.max()
        ll += v[c] - np.log(np.exp(v).sum())
    return ll


@at([0.5, 1.2], [1.5, 0.6])
def two_stage_least_squares(p):
    z = np.c_[np.ones(8), X0**2, np.sqrt(X0)]
    x = np.c_[np.ones(8), X0 * p[0] + 0.1 * Y0]
    y = Y0 + p[1] * X0**1.5
    first, *_ = lstsq(z, x, rcond=None)
    xhat = z @ first
    beta = pinv(xhat) @ y
    return beta[1]


@at([0.6, 1.0], [1.2, 0.4])
def robust_least_squares_fit(p):
    y = Y0 + p[0] * np.cos(X0)

    def residuals(b):
        return b[0] + b[1] * X0**0.9 - y * p[1]

    fit = least_squares(
        residuals, x0=[0.0, 1.0], loss="soft_l1", f_scale=0.5, xtol=1e-15, ftol=1e-15, gtol=1e-13
    )
    return fit.x[1]


@at([0.6, 0.3], [1.5, 0.8])
def berry_contraction(p):
    """Mean utilities that reproduce the market shares."""
    shares = np.array([0.3, 0.25, 0.2]) + 0.05 * p[0] * np.array([-1, 0.5, 0.2])
    taste = np.linspace(-1, 1, 5) * p[1]

    def update(delta):
        u = np.exp(delta[:, None] + taste[None, :] * np.array([[1.0], [0.5], [0.2]]))
        model = (u / (1 + u.sum(axis=0))).mean(axis=1)
        return delta + np.log(shares) - np.log(model)

    delta = fixed_point(update, np.zeros(3), method="iteration", xtol=1e-13, maxiter=2000)
    return delta[0] - delta[2]


@at([0.8, 0.5], [0.2, 1.1])
def heckman_inverse_mills(g):
    index = g[0] + g[1] * (X0 - 3) / 2
    mills = norm.pdf(index) / norm.cdf(index)
    X = np.vstack((np.ones(8), X0, mills)).T
    return np.linalg.solve(X.T @ X, X.T @ Y0)[2]


@at([0.4, 2.0], [0.6, 1.5])
def gini_and_theil(p):
    income = np.sort(np.exp(p[0] * X0) + p[1])
    n = income.size
    ranks = np.arange(1, n + 1)
    gini = 2 * np.sum(ranks * income) / (n * income.sum()) - (n + 1) / n
    share = income / income.mean()
    return gini + np.mean(share * np.log(share))
