"""Epidemiology: compartment models, final sizes, delays."""

import numpy as np
from scipy.integrate import odeint, solve_ivp
from scipy.optimize import fsolve
from scipy.special import gamma as gamma_function
from scipy.stats import binom, gamma, nbinom

from tests.everyday.collect import at

CASES = np.array([1, 2, 4, 7, 12, 18, 22, 20, 15])


@at([0.52, 0.2], [0.9, 0.35])
def sir_euler(p):
    beta, gam = p
    days, dt = 40, 0.25
    n = int(days / dt)
    S, I, R = np.zeros(n + 1), np.zeros(n + 1), np.zeros(n + 1)
    S[0], I[0] = 0.99, 0.01
    for t in range(n):
        infection = beta * S[t] * I[t]
        S[t + 1] = S[t] - dt * infection
        I[t + 1] = I[t] + dt * (infection - gam * I[t])
        R[t + 1] = R[t] + dt * gam * I[t]
    return I.max()


@at([0.6, 0.25, 0.3], [1.1, 0.4, 0.5])
def seir_odeint(theta):
    def deriv(y, t, beta, gam, sig):
        S, E, I, R = y
        new = beta * S * I
        return new * -1, new - sig * E, sig * E - gam * I, gam * I

    t = np.linspace(0, 12, 13)
    beta, gam, sig = theta
    out = odeint(deriv, [0.99, 0.0, 0.01, 0.0], t, args=(beta, gam, sig), rtol=1e-10, atol=1e-12)
    return out[-1, 3]


@at(1.8, 2.6)
def final_size(r0):
    z = fsolve(lambda z: 1 - np.exp(-r0 * z) - z, 0.8, xtol=1e-13)
    return z.item()


@at([1.4, 0.3], [0.8, 0.1])
def renewal_equation(p):
    r, decay = p
    w = np.exp(-np.arange(1, 8) * decay)
    w = w / w.sum()
    incidence = np.zeros(20)
    incidence[0] = 1.0
    for t in range(1, 20):
        lags = min(t, 7)
        incidence[t] = r * np.dot(incidence[t - lags : t][::-1], w[:lags])
    return incidence[-5:].sum()


@at([2.0, 1.5], [3.0, 0.7])
def delay_convolution(p):
    shape, scale = p
    days = np.arange(0, 12)
    cdf = gamma.cdf(days, a=shape, scale=scale)
    pmf = np.diff(cdf)
    expected = np.convolve(CASES, pmf)[: len(CASES)]
    return np.sum(expected * np.arange(9))


@at([10.0, 0.4], [15.0, 0.8])
def negative_binomial_deaths(p):
    mu, k = p
    prob = k / (k + mu)
    return float(nbinom.logpmf(CASES, k, prob).sum())


@at([0.4, 0.1, 0.3], [0.2, 0.5, 0.6])
def next_generation_r0(p):
    contact = np.array([[2.0, 0.7], [0.7, 1.2]])
    sus = np.diag([1.0, p[0] + 0.5])
    F = contact @ sus * (1 + p[1])
    V = np.array([[p[2] + 0.2, 0.0], [-0.1, 0.4]])
    K = F @ np.linalg.inv(V)
    return max(abs(np.linalg.eigvals(K)))


@at([0.5, 0.7, 0.3], [0.3, 0.9, 0.15])
def age_structured_vaccination(p):
    groups = ["child", "adult", "old"]
    contact = {"child": 1.5, "adult": 1.0, "old": 0.6}
    state = {g: {"S": 0.3, "I": 0.01} for g in groups}
    coverage = dict(zip(groups, p, strict=True))
    for g in groups:
        state[g]["S"] *= 1 - coverage[g]
    for _ in range(25):
        force = sum(contact[g] * state[g]["I"] for g in groups)
        for g in groups:
            new = 0.3 * force * state[g]["S"] * contact[g]
            state[g]["S"] -= new
            state[g]["I"] += new - 0.2 * state[g]["I"]
    return 1 - sum(state[g]["S"] for g in groups)


@at([0.9, 12.0], [0.5, 20.0])
def lockdown_piecewise_rate(p):
    beta0, tstar = p

    def rhs(t, y):
        beta = beta0 * (0.3 + 0.7 / (1 + np.exp(2 * (t - tstar))))
        return [-beta * y[0] * y[1], beta * y[0] * y[1] - 0.2 * y[1]]

    sol = solve_ivp(rhs, (0, 15), [0.999, 0.001], t_eval=np.arange(0, 16), rtol=1e-9, atol=1e-11)
    return np.log(sol.y[1]).sum()


@at([1.7, 0.2], [2.8, 0.5])
def offspring_extinction(p):
    R, k = p
    q = 0.0
    for i in range(500):
        new = (1 + R / k * (1 - q)) ** (-k)
        if abs(new - q) < 1e-15:
            break
        q = new
    return q + 0.01 * gamma_function(k + 1)


@at([0.08, 0.9], [0.2, 0.75])
def pooled_testing(p):
    prevalence, sensitivity = p
    pools = np.array([5, 10, 20])
    positive = 1 - binom.pmf(0, pools, prevalence)
    positive = sensitivity * positive + 0.02 * (1 - positive)
    seen = np.array([2, 4, 6])
    cost = np.mean(positive + 1 / pools)
    return binom.logpmf(seen, 8, positive).sum() + cost
