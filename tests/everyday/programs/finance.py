"""Finance: options, bonds, portfolios, risk."""

import math
from functools import lru_cache

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.optimize import brentq, minimize, newton
from scipy.stats import norm

from tests.everyday.collect import at


def phi_cdf(x):
    return 0.5 * (1 + math.erf(x / math.sqrt(2)))


@at([100.0, 0.2, 0.03], [90.0, 0.35, 0.01])
def black_scholes_call(p):
    S, sigma, r = p
    K, T = 95.0, 0.75
    d1 = (math.log(S / K) + (r + sigma**2 / 2) * T) / (sigma * math.sqrt(T))
    d2 = d1 - sigma * math.sqrt(T)
    return S * phi_cdf(d1) - K * math.exp(-r * T) * phi_cdf(d2)


@at([100.0, 0.25], [97.3, 0.31])
def american_put_binomial(p):
    S0, sigma = p
    n, T, r, K = 25, 1.0, 0.05, 105.0
    dt = T / n
    u = np.exp(sigma * np.sqrt(dt))
    d = 1 / u
    q = (np.exp(r * dt) - d) / (u - d)
    S = S0 * d ** np.arange(n, -1, -1) * u ** np.arange(0, n + 1)
    V = np.maximum(K - S, 0)
    for i in range(n - 1, -1, -1):
        S = S[1:] * d
        V = np.exp(-r * dt) * (q * V[1:] + (1 - q) * V[:-1])
        V = np.maximum(V, K - S)
    return V[0]


@at([8.0, 100.0], [12.5, 98.0])
def implied_volatility(p):
    price, S = p

    def diff(vol):
        d1 = (np.log(S / 100) + 0.5 * vol**2) / vol
        return S * norm.cdf(d1) - 100 * norm.cdf(d1 - vol) - price

    return brentq(diff, 1e-3, 3.0, xtol=1e-13)


@at([98.0, 4.0], [103.0, 6.0])
def bond_yield_and_duration(p):
    price, coupon = p
    flows = {t: coupon for t in range(1, 6)}
    flows[5] += 100

    def pv(y):
        return sum(c / (1 + y) ** t for t, c in flows.items())

    y = newton(lambda y: pv(y) - price, 0.05, tol=1e-14)
    duration = sum(t * c / (1 + y) ** t for t, c in flows.items()) / price
    return duration


@at([0.2, 0.5], [0.4, 0.3])
def monte_carlo_asian(p):
    sigma, strike = p[0], 90 + 20 * p[1]
    rng = np.random.default_rng(1)
    z = rng.standard_normal((40, 10))
    dt = 0.1
    steps = np.exp(-0.5 * sigma**2 * dt + sigma * np.sqrt(dt) * z)
    paths = 100 * np.cumprod(steps, axis=1)
    payoff = np.maximum(paths.mean(axis=1) - strike, 0.0)
    return payoff.mean()


@at([0.08, 0.12, 0.1], [0.05, 0.2, 0.15])
def tangency_portfolio(mu):
    sd = np.array([0.15, 0.25, 0.2])
    corr = np.array([[1, 0.3, 0.1], [0.3, 1, 0.4], [0.1, 0.4, 1]])
    cov = np.outer(sd, sd) * corr
    w = np.linalg.solve(cov, mu - 0.02)
    w /= w.sum()
    ret, vol = w @ mu, np.sqrt(w @ cov @ w)
    return (ret - 0.02) / vol


@at([2.0, 0.03], [5.0, 0.05])
def risk_averse_weights(p):
    """A constrained utility maximisation in SciPy."""
    gamma, bonus = p
    mu = np.array([0.06, 0.1]) + bonus
    cov = np.array([[0.04, 0.01], [0.01, 0.09]])

    def objective(w):
        return -(w @ mu - 0.5 * gamma * w @ cov @ w)

    res = minimize(objective, [0.5, 0.5], method="BFGS", options={"gtol": 1e-10})
    return -res.fun


@lru_cache(maxsize=None)
def discount_times(n):
    return np.arange(1, n + 1) * 0.5


@at([0.02, 0.01, 0.5], [0.04, -0.02, 1.3])
def nelson_siegel_swap_rate(p):
    level, slope, tau = p
    t = discount_times(10)
    zero = level + slope * (1 - np.exp(-t / tau)) / (t / tau)
    df = np.exp(-zero * t)
    return (1 - df[-1]) / (0.5 * np.sum(df))


@at([0.021, 0.027], [0.03, 0.025])
def curve_pchip_forward(p):
    knots = [0.5, 1.0, 2.0, 5.0]
    rates = [0.02, float(p[0]), float(p[1]), 0.031]
    curve = PchipInterpolator(knots, rates)
    return curve(1.5) * 1.5 - curve(0.8) * 0.8


@at([0.3, -0.5, 0.1], [0.2, 0.4, 0.25])
def sabr_like_smile(p):
    alpha, rho, nu = p
    strikes = np.array([80.0, 95.0, 105.0, 120.0])
    F = 100.0
    vols = np.empty(4)
    for i, K in enumerate(strikes):
        z = nu / alpha * math.log(F / K)
        x = math.log((math.sqrt(1 - 2 * rho * z + z * z) + z - rho) / (1 - rho))
        vols[i] = alpha * z / x * (1 + (2 - 3 * rho**2) / 24 * nu**2)
    return vols.std() + vols[2]


@at([1.5, 0.4], [0.7, 1.1])
def historical_expected_shortfall(w):
    returns = np.array(
        [[0.01, -0.02], [-0.03, 0.01], [0.02, 0.03], [-0.05, -0.04], [0.0, 0.015], [-0.012, -0.03]]
    )
    losses = sorted(-(returns @ w), reverse=True)
    tail = losses[:2]
    return sum(tail) / len(tail)


@at([250.0, 0.05], [400.0, 0.03])
def mortgage_amortisation(p):
    principal, rate = p
    monthly = rate / 12
    payment = principal * monthly / (1 - (1 + monthly) ** -36)
    balance, interest_paid, schedule = principal, 0.0, []
    while len(schedule) < 36:
        interest = balance * monthly
        balance -= payment - interest
        interest_paid += interest
        schedule.append({"interest": interest, "balance": balance})
    return interest_paid + schedule[17]["balance"] / 100
