"""Genetics: drift, selection, linkage, phylogeny, sequence models."""

import functools

import numpy as np
from scipy.linalg import expm
from scipy.optimize import minimize_scalar
from scipy.special import betaln, comb, gammaln, xlogy

from tests.everyday.collect import at


@at([0.1, 0.3], [0.05, 0.5])
def selection_recursion(p):
    s, h = p
    freq = 0.1
    trajectory = [freq]
    for _ in range(30):
        q = 1 - freq
        w = {"AA": 1.0, "Aa": 1 - h * s, "aa": 1 - s}
        wbar = freq**2 * w["AA"] + 2 * freq * q * w["Aa"] + q**2 * w["aa"]
        freq = (freq**2 * w["AA"] + freq * q * w["Aa"]) / wbar
        trajectory.append(freq)
    return np.mean(trajectory)


@at([0.3, 2.0], [0.7, 1.2])
def hky_transition_probability(p):
    t, kappa = p
    freqs = [0.3, 0.2, 0.25, 0.25]
    Q = np.zeros((4, 4))
    for i in range(4):
        for j in range(4):
            if i != j:
                Q[i, j] = freqs[j] * (kappa if (i - j) % 2 == 0 else 1.0)
        Q[i, i] = -np.sum(Q[i, :])
    Q /= -np.sum(np.diag(Q) * np.array(freqs))
    P = expm(Q * t)
    return np.log(P[0, 2]) + np.log(P[1, 1])


@at([0.1, 0.2, 0.15], [0.4, 0.05, 0.3])
def felsenstein_pruning(branch):
    """Likelihood of a small tree by recursion, Jukes–Cantor."""
    tree = ((0, 1), 2)
    leaves = ["ACGT", "ACGA", "TCGT"]

    def transition(t):
        e = np.exp(-4 * t / 3)
        return np.full((4, 4), 0.25 - 0.25 * e) + np.eye(4) * e

    def partial(node, site):
        if isinstance(node, int):
            v = np.zeros(4)
            v["ACGT".index(leaves[node][site])] = 1.0
            return transition(branch[node]) @ v
        left, right = node
        return transition(0.1) @ (partial(left, site) * partial(right, site))

    return sum(np.log(np.dot(partial(tree, s), np.full(4, 0.25))) for s in range(4))


@at([0.2, 0.4], [0.6, 0.1])
def hmm_forward(p):
    stay, error = p
    obs = [0, 1, 1, 0, 0, 1]
    T = np.array([[1 - stay, stay], [0.3, 0.7]])
    E = np.array([[1 - error, error], [error, 1 - error]])
    alpha = np.array([0.5, 0.5]) * E[:, obs[0]]
    loglik = 0.0
    for o in obs[1:]:
        c = alpha.sum()
        loglik += np.log(c)
        alpha = (alpha / c) @ T * E[:, o]
    return loglik + np.log(alpha.sum())


@at(0.15, 0.32)
def recombination_lod(theta):
    n, k = 20, 4
    return (k * np.log10(theta) + (n - k) * np.log10(1 - theta)) - n * np.log10(0.5)


@at([0.5, 1.2], [2.0, 0.8])
def allele_spectrum_likelihood(p):
    a, b = p
    counts = np.array([3, 0, 7, 5])
    n = 10
    lp = np.log(comb(n, counts)) + betaln(counts + a, n - counts + b) - betaln(a, b)
    return lp.sum()


@at([0.3, 0.2], [0.1, 0.4])
def linkage_disequilibrium_decay(p):
    r, d0 = p
    hap = np.array([0.25 + d0 / 4, 0.25 - d0 / 4, 0.25 - d0 / 4, 0.25 + d0 / 4])
    for _ in range(10):
        D = hap[0] * hap[3] - hap[1] * hap[2]
        hap = hap - r * D * np.array([1, -1, -1, 1])
    pa = hap[0] + hap[1]
    pb = hap[0] + hap[2]
    return (hap[0] - pa * pb) ** 2 / (pa * (1 - pa) * pb * (1 - pb)) * 1e4


@at([0.4, 0.35, 0.25], [0.2, 0.5, 0.3])
def hardy_weinberg_em(start):
    """ABO blood groups by expectation maximisation."""
    counts = {"A": 186, "B": 38, "AB": 13, "O": 284}
    p, q, r = start / np.sum(start)
    n = sum(counts.values())
    for _ in range(3):
        aa = counts["A"] * p**2 / (p**2 + 2 * p * r)
        bb = counts["B"] * q**2 / (q**2 + 2 * q * r)
        p = (2 * aa + (counts["A"] - aa) + counts["AB"]) / (2 * n)
        q = (2 * bb + (counts["B"] - bb) + counts["AB"]) / (2 * n)
        r = 1 - p - q
    freqs = np.array([p, q, r])
    return -xlogy(freqs, freqs).sum()


@at([1.5, 0.6], [4.0, 0.3])
def coalescent_tmrca(p):
    theta, growth = p

    @functools.lru_cache(maxsize=None)
    def pairs(k):
        return k * (k - 1) / 2

    t = 0.0
    for k in range(6, 1, -1):
        t = t + np.log(1 + growth * theta * np.exp(-growth * t) / pairs(k)) / growth
    return t


@at([2.0, 5.0], [3.5, 4.0])
def mutation_rate_mle(p):
    """Maximise a likelihood in one dimension and report the estimate."""
    events = np.array([p[0], p[1], 3.0])
    sites = np.array([10.0, 20.0, 15.0])

    def deviance(logm):
        lam = np.exp(logm) * sites
        return np.sum(lam - events - events * np.log(lam / events))

    res = minimize_scalar(deviance, bracket=(-3, 0), tol=1e-12)
    return np.exp(res.x) + gammaln(p[0])
