"""Pharmacokinetics: compartments, doses, areas, effects."""

import math

import numpy as np
from scipy.integrate import odeint, solve_ivp
from scipy.linalg import expm
from scipy.optimize import curve_fit, root_scalar

from tests.everyday.collect import at

DOSES = [(0.0, 100.0), (8.0, 50.0), (16.0, 50.0)]


@at([1.2, 0.15, 20.0], [0.8, 0.25, 35.0])
def oral_dose_superposition(p):
    ka, ke, V = p
    times = np.arange(0.5, 24, 2.0)
    conc = np.zeros(len(times))
    for t0, dose in DOSES:
        for i, t in enumerate(times):
            if t > t0:
                conc[i] += (
                    dose
                    * ka
                    / (V * (ka - ke))
                    * (math.exp(-ke * (t - t0)) - math.exp(-ka * (t - t0)))
                )
    return np.trapezoid(conc, times)


@at([0.5, 0.3, 0.2], [1.1, 0.2, 0.4])
def two_compartment_odeint(k):
    k10, k12, k21 = k

    def model(c, t):
        return [-(k10 + k12) * c[0] + k21 * c[1], k12 * c[0] - k21 * c[1]]

    t = np.linspace(0, 6, 13)
    c = odeint(model, [10.0, 0.0], t, rtol=1e-10, atol=1e-12)
    return c[:, 0].sum()


@at([0.5, 0.3, 0.2], [1.1, 0.2, 0.4])
def two_compartment_expm(k):
    A = np.array([[-(k[0] + k[1]), k[2]], [k[1], -k[2]]])
    step = expm(A * 0.5)
    c = np.array([10.0, 0.0])
    total = c[0]
    for _ in range(12):
        c = step.dot(c)
        total += c[0]
    return total


@at([5.0, 2.0], [8.0, 4.0])
def saturable_elimination(p):
    vmax, km = p

    def rhs(t, c):
        return -vmax * c / (km + c)

    sol = solve_ivp(rhs, [0, 1.5], [12.0], rtol=1e-10, atol=1e-11)
    return sol.y[0, -1]


@at([2.0, 0.3], [1.1, 0.6])
def terminal_half_life(p):
    t = np.array([1.0, 2, 4, 6, 8, 12])
    conc = p[0] * np.exp(-p[1] * t) + 3 * np.exp(-2.0 * t)
    last = slice(-3, None)
    slope, intercept = np.polyfit(t[last], np.log(conc[last]), 1)
    half_life = -math.log(2) / slope
    auc = np.sum(np.diff(t) * (conc[1:] + conc[:-1]) / 2) + conc[-1] / -slope
    return auc / half_life


@at([60.0, 75.0], [85.0, 110.0])
def dosing_rule(p):
    """Creatinine clearance with units and thresholds."""
    weight, creatinine = p
    if not np.isscalar(weight) and np.ndim(weight) != 0:
        raise TypeError("weight must be a scalar")
    units = {"umol/L": 88.4, "mg/dL": 1.0}
    scr = creatinine / units["umol/L"]
    clcr = (140 - 50) * weight / (72 * scr)
    if clcr < 30:
        dose = 2.0
    elif clcr < 90:
        dose = 4.0 + 0.02 * (clcr - 30)
    else:
        dose = 6.0
    return dose * weight / 60 / clcr


@at([1.5, 2.0], [3.0, 1.2])
def emax_time_above_threshold(p):
    ec50, hill = p
    t = np.linspace(0, 10, 101)
    c = 8 * np.exp(-0.4 * t)
    effect = c**hill / (ec50**hill + c**hill)
    return np.interp(-0.5, -effect, t) + effect[-1]


@at([1.3, 0.2], [0.9, 0.35])
def time_of_peak(p):
    ka, ke = p
    sol = root_scalar(
        lambda t: ka * np.exp(-ka * t) - ke * np.exp(-ke * t), bracket=[1e-3, 30], xtol=1e-13
    )
    tmax = sol.root
    return np.exp(-ke * tmax) - np.exp(-ka * tmax)


@at([0.4, 1.5], [0.2, 2.5])
def population_fit(p):
    t = np.array([0.5, 1, 2, 3, 5])
    rng = np.random.default_rng(5)
    data = p[1] * np.exp(-p[0] * t) * np.exp(0.05 * rng.standard_normal(5))

    def model(t, lk, lc):
        return np.exp(lc - np.exp(lk) * t)

    est, _ = curve_fit(model, t, data, p0=[-1, 0.5], xtol=1e-14, ftol=1e-14, gtol=1e-14)
    return np.exp(est[0])


@at([0.6, 0.25], [1.1, 0.4])
def transit_absorption(p):
    ktr, ke = p
    n = 4
    state = np.zeros(n + 1)
    state[0] = 1.0
    auc, dt = 0.0, 0.05
    for _ in range(80):
        flow = ktr * state[:-1]
        state[:-1] -= dt * flow
        state[1:] += dt * flow
        state[-1] *= 1 - dt * ke
        auc += dt * state[-1]
    return auc
