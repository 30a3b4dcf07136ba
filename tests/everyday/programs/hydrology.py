"""Hydrology: runoff, aquifers, routing, infiltration."""

import numpy as np
from scipy.interpolate import Akima1DInterpolator, make_interp_spline
from scipy.optimize import bisect, brenth
from scipy.signal import lfilter
from scipy.special import exp1
from scipy.stats import genextreme, gumbel_r

from tests.everyday.collect import at

RAIN = np.array([0.0, 3.0, 12.0, 7.0, 0.0, 1.0, 0.0, 9.0, 4.0, 0.0])


@at([0.4, 0.15], [0.7, 0.3])
def linear_reservoir_cascade(p):
    share, k = p
    fast = np.zeros(RAIN.size)
    slow = np.zeros(RAIN.size)
    store = {"fast": 1.0, "slow": 5.0}
    for t, rain in enumerate(RAIN):
        store["fast"] += share * rain
        store["slow"] += (1 - share) * rain
        fast[t] = 0.5 * store["fast"]
        slow[t] = k * store["slow"]
        store["fast"] -= fast[t]
        store["slow"] -= slow[t]
    return np.max(fast + slow)


@at([0.3, 0.2], [0.1, 0.4])
def muskingum_routing(p):
    K, x = 1.0 + p[0], p[1]
    denominator = 2 * K * (1 - x) + 1
    c = np.array([1 - 2 * K * x, 1 + 2 * K * x, 2 * K * (1 - x) - 1]) / denominator
    out = np.empty_like(RAIN)
    out[0] = 1
    for i in range(1, len(RAIN)):
        out[i] = c @ np.array([RAIN[i], RAIN[i - 1], out[i - 1]])
    return out.max() + out[-1]


@at([0.05, 2.0], [0.2, 0.8])
def theis_drawdown(p):
    T, S = p
    t = np.array([0.1, 0.5, 1.0, 5.0])
    u = 100 * S * 1e-3 / (4 * T * t)
    return np.sum(1.0 / (4 * np.pi * T) * exp1(u))


@at([0.3, 1.5], [0.8, 0.6])
def green_ampt_infiltration(p):
    ks, suction = p
    t = 2.0

    def f(F):
        return F - suction * np.log(1 + F / suction) - ks * t

    return bisect(f, 1e-6, 50.0, xtol=1e-12, rtol=1e-14)


@at([0.4, 0.03], [1.1, 0.015])
def manning_normal_depth(p):
    q, n = p

    def mismatch(y):
        area, wet = (2 + y) * y, 2 + 2 * np.sqrt(2) * y
        return area * (area / wet) ** (2 / 3) * np.sqrt(0.01) / n - q

    return brenth(mismatch, 1e-6, 20.0, xtol=1e-13)


@at([20.0, 5.0], [30.0, 8.0])
def flood_return_level(p):
    loc, scale = p
    q100 = gumbel_r.ppf(1 - 1 / 100, loc=loc, scale=scale)
    risk = genextreme.sf(q100, -0.1, loc=loc, scale=scale)
    return q100 + 100 * risk


@at([0.9, 0.2], [0.8, 0.5])
def baseflow_separation(p):
    flow = np.convolve(RAIN, np.exp(-p[1] * np.arange(6)), mode="full")[:10] + 1
    base = lfilter([(1 - p[0]) / 2, (1 - p[0]) / 2], [1, -p[0]], flow)
    return np.minimum(base, flow).sum() / flow.sum()


@at([1.2, 0.7], [0.5, 1.9])
def rating_curve(p):
    stage = np.array([0.2, 0.5, 1.0, 1.6, 2.5])
    q = p[0] * (stage + 0.05) ** (1.5 + 0.2 * p[1])
    akima = Akima1DInterpolator(stage, q)
    cubic = make_interp_spline(stage, q, k=3)
    return akima(0.8) + cubic(2.1)


@at([0.4, 2.0], [0.6, 3.0])
def van_genuchten_column(p):
    alpha, n = p
    heads = -np.logspace(-1, 1.5, 12)
    theta = np.zeros(12)

    def saturation(row):
        return (1 + (alpha * abs(row)) ** n) ** (-(1 - 1 / n))

    theta[:] = np.apply_along_axis(saturation, 0, heads)
    conductivity = np.sqrt(theta) * (1 - (1 - theta ** (n / (n - 1))) ** (1 - 1 / n)) ** 2
    return -np.log10(conductivity[4]) + theta.mean()
