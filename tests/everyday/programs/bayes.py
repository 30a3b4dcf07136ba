"""Bayesian inference: log densities, samplers, evidence."""

import math

import numpy as np
from scipy.integrate import quad
from scipy.linalg import cho_factor, cho_solve, solve_triangular
from scipy.special import expit, logsumexp, multigammaln
from scipy.stats import beta as beta_dist
from scipy.stats import dirichlet, multivariate_normal, t

from tests.everyday.collect import at

Y = np.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
SE = np.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])


@at(
    {"mu": 4.0, "tau": 1.2, "eta": [0.1, -0.2, 0.3, 0.0, 0.5, -0.1, 0.2, 0.4]},
    {"mu": 8.0, "tau": 0.3, "eta": [0.5, 0.2, -0.3, 0.1, -0.5, 0.9, 0.0, -0.4]},
)
def eight_schools(params):
    theta = params["mu"] + np.exp(params["tau"]) * params["eta"]
    lp = -0.5 * np.sum(params["eta"] ** 2)
    lp += -0.5 * (params["mu"] / 5) ** 2
    lp -= 0.5 * np.sum(((Y - theta) / SE) ** 2 + np.log(2 * np.pi * SE**2))
    return lp


@at([0.5, 1.5, 0.2], [1.1, 0.8, 0.6])
def gp_marginal_likelihood(h):
    amp, length, noise = h
    x = np.linspace(0, 3, 8)
    y = np.sin(2 * x)
    K = np.empty((8, 8))
    for i in range(8):
        for j in range(i + 1):
            K[i, j] = amp**2 * np.exp(-0.5 * ((x[i] - x[j]) / length) ** 2)
            K[j, i] = K[i, j]
    K[np.diag_indices(8)] += noise**2
    L = np.linalg.cholesky(K)
    alpha = np.linalg.solve(L.T, np.linalg.solve(L, y))
    return -0.5 * y @ alpha - np.log(np.diag(L)).sum() - 4 * math.log(2 * math.pi)


@at([0.7, 0.3], [1.4, 0.9])
def gp_posterior_mean_scipy(h):
    x = np.linspace(0, 2, 6)
    y = np.cos(x)
    K = np.exp(-((x[:, None] - x[None, :]) ** 2) / h[0] ** 2) + h[1] * np.eye(6)
    c, low = cho_factor(K)
    weights = cho_solve((c, low), y)
    return np.exp(-((1.3 - x) ** 2) / h[0] ** 2) @ weights


@at([0.4, -0.3, 0.8], [0.1, 0.7, 1.5])
def mixture_log_density(p):
    logits = np.array([p[0], p[1], 0.0])
    logw = logits - logsumexp(logits)
    means = np.array([-1.0, p[2], 3.0])
    x = np.array([-0.5, 0.6, 2.5, 1.1])
    comps = logw + -0.5 * (x[:, None] - means) ** 2
    return logsumexp(comps, axis=1).sum()


@at([0.2, 0.5], [-0.4, 1.3])
def metropolis_chain(theta):
    """A fixed-seed chain whose target depends on the parameters."""
    np.random.seed(3)
    mu, s = theta
    x = mu + 0.1
    chain = []
    for _ in range(40):
        prop = x + 0.5 * s * np.random.randn()
        logr = -0.5 * ((prop - mu) / s) ** 2 + 0.5 * ((x - mu) / s) ** 2
        if np.log(np.random.rand()) < logr:
            x = prop
        chain.append(x)
    return np.mean(chain[10:])


@at([0.3, 0.1], [1.0, 0.25])
def leapfrog_hamiltonian(p):
    """One HMC trajectory on a banana, with its energy error."""
    q = np.array([p[0], 0.5])
    eps = p[1] * 0.1
    mom = np.array([0.4, -0.2])

    def grad_u(q):
        g = np.empty(2)
        g[0] = q[0] - 4 * q[0] * (q[1] - q[0] ** 2)
        g[1] = 2 * (q[1] - q[0] ** 2)
        return g

    mom = mom - 0.5 * eps * grad_u(q)
    for step in range(10):
        q = q + eps * mom
        if step != 9:
            mom -= eps * grad_u(q)
    mom = mom - 0.5 * eps * grad_u(q)
    return 0.5 * q[0] ** 2 + (q[1] - q[0] ** 2) ** 2 + 0.5 * mom @ mom


@at([1.5, 0.6], [0.8, 2.0])
def evidence_by_quadrature(p):
    a, b = p
    k, n = 7, 10

    def integrand(th):
        return th**k * (1 - th) ** (n - k) * beta_dist.pdf(th, a + 1, b + 1)

    z, _ = quad(integrand, 0, 1, epsabs=1e-13, epsrel=1e-12)
    return math.log(z)


@at([0.1, 0.4, 0.8], [-0.5, 0.9, 1.5])
def logistic_regression_posterior(w):
    X = np.c_[np.ones(6), np.linspace(-1, 1, 6), np.linspace(-1, 1, 6) ** 2]
    y = np.array([0, 0, 1, 0, 1, 1])
    prob = expit(X @ w)
    loglik = np.sum(y * np.log(prob) + (1 - y) * np.log(1 - prob))
    return loglik + t.logpdf(w, df=4, scale=2.5).sum()


@at([0.3, 0.2, 1.4], [-1.0, 0.6, 0.9])
def bivariate_normal_logpdf(p):
    cov = np.array([[1.0, p[1]], [p[1], p[2]]])
    return multivariate_normal.logpdf([0.5, -0.2], mean=[p[0], 0.1], cov=cov)


@at([4.5, 1.2], [6.0, 0.7])
def inverse_wishart_terms(p):
    nu, scale = p
    S = np.array([[2.0, 0.3], [0.3, 1.0]]) * scale
    L = np.linalg.cholesky(S)
    z = solve_triangular(L, np.array([1.0, -1.0]), lower=True)
    sign, logdet = np.linalg.slogdet(S)
    return 0.5 * nu * logdet - multigammaln(0.5 * nu, 2) - 0.5 * z @ z


@at([0.6, 0.8], [0.2, 0.5])
def kalman_filter_loglik(p):
    phi, q = p
    obs = [0.4, 0.1, -0.6, 0.3, 0.9, 0.2]
    m, P, ll = 0.0, 1.0, 0.0
    for y in obs:
        m, P = phi * m, phi * P * phi + q
        S = P + 0.3
        innov = y - m
        K = P / S
        m += K * innov
        P *= 1 - K
        ll += -0.5 * (math.log(2 * math.pi * S) + innov**2 / S)
    return ll


@at([0.3, 0.8, 0.4], [-0.5, 1.3, 0.7])
def two_gaussian_clusters(p):
    shift, scale, weight = p
    points = np.array([[0.1, 0.2], [1.1, 0.8], [0.9, 1.3], [-0.2, 0.1]])
    near = multivariate_normal(mean=[shift, 0.0], cov=scale * np.eye(2))
    far = multivariate_normal(mean=[1.0, 1.0], cov=[[scale, 0.1], [0.1, 0.6]])
    both = weight * near.pdf(points) + (1 - weight) * far.pdf(points)
    return np.log(both).sum()


@at([1.5, 2.5, 0.8], [3.0, 0.7, 1.9])
def dirichlet_prior_of_shares(alpha):
    shares = np.array([0.5, 0.3, 0.2])
    log_prior = dirichlet.logpdf(shares, alpha)
    return log_prior + dirichlet.entropy(alpha) + dirichlet.mean(alpha)[1]
