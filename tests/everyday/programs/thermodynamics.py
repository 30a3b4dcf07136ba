"""Thermodynamics: equations of state, cycles, property tables."""

import numpy as np
from scipy.interpolate import CubicSpline, interp1d
from scipy.optimize import brentq, minimize_scalar

from tests.everyday.collect import at

R = 8.314
T_TABLE = np.array([273.0, 300.0, 350.0, 400.0, 500.0, 600.0])
CP_TABLE = np.array([1.004, 1.005, 1.008, 1.013, 1.030, 1.051])
UNITS = {"bar": 1e5, "kPa": 1e3, "Pa": 1.0}


@at([1.2, 310.0], [3.0, 450.0])
def van_der_waals_pressure(p):
    v, T = p
    assert v > 0, "volume must be positive"
    a, b = 0.3658, 4.286e-5
    v = v * 1e-3
    pressure = R * T / (v - b) - a / v**2
    return pressure / UNITS["bar"]


@at([10.0, 300.0], [60.0, 400.0])
def peng_robinson_z(p):
    """Largest root of the cubic, from np.roots."""
    P, T = p[0] * 1e5, p[1]
    Tc, Pc, w = 304.2, 73.8e5, 0.225
    m = 0.37464 + 1.54226 * w - 0.26992 * w**2
    alpha = (1 + m * (1 - np.sqrt(T / Tc))) ** 2
    a = 0.45724 * R**2 * Tc**2 / Pc * alpha
    b = 0.0778 * R * Tc / Pc
    A, B = a * P / (R * T) ** 2, b * P / (R * T)
    roots = np.roots([1, B - 1, A - 3 * B**2 - 2 * B, -A * B + B**2 + B**3])
    real = roots[np.abs(roots.imag) < 1e-9].real
    return real.max()


@at(320.0, 470.0)
def enthalpy_from_table(T):
    grid = np.linspace(273.0, T, 40)
    cp = np.interp(grid, T_TABLE, CP_TABLE)
    return np.trapezoid(cp, grid)


@at(337.0, 512.0)
def entropy_spline(T):
    cs = CubicSpline(T_TABLE, CP_TABLE)
    return float(cs(T)) * np.log(T / 273.0)


@at(333.0, 444.0)
def cp_quadratic_interp(T):
    f = interp1d(T_TABLE, CP_TABLE, kind="quadratic")
    return f(T) * T


@at([300.0, 9.0, 1.35], [290.0, 12.0, 1.4])
def otto_efficiency_chain(p):
    T1, ratio, gamma = p
    states = [T1]
    T2 = T1 * ratio ** (gamma - 1)
    states.append(T2)
    states.append(T2 + 1200.0)
    states.append(states[-1] * (1 / ratio) ** (gamma - 1))
    w = (states[2] - states[3]) - (states[1] - states[0])
    q = states[2] - states[1]
    print(f"work {w:.1f} heat {q:.1f}")
    return w / q


@at([0.4, 360.0], [0.7, 340.0])
def bubble_point_pressure(p):
    """Raoult's law with Antoine coefficients in a dict."""
    x1, T = p
    antoine = {"benzene": (15.9008, 2788.51, -52.36), "toluene": (16.0137, 3096.52, -53.67)}
    x = {"benzene": x1, "toluene": 1 - x1}
    total = 0
    for name, (A, B, C) in antoine.items():
        total += x[name] * np.exp(A - B / (T + C))
    return total / 760


@at([0.3, 1.9], [0.5, 2.3])
def dew_temperature(p):
    y, P = p

    def f(T):
        p1 = np.exp(15.9008 - 2788.51 / (T - 52.36)) / 760
        p2 = np.exp(16.0137 - 3096.52 / (T - 53.67)) / 760
        return y * P / p1 + (1 - y) * P / p2 - 1

    return brentq(f, 250, 600, xtol=1e-12)


@at(1.3, 1.8)
def best_cycle_ratio(theta):
    """Pressure ratio of maximum specific work of a Brayton cycle."""

    def negative_work(lnr):
        r = np.exp(lnr * 0.2857)
        return -(2 * theta * (1 - 1 / r) - (r - 1) / 0.85)

    res = minimize_scalar(
        negative_work, bounds=(0.1, 6.0), method="bounded", options={"xatol": 1e-12}
    )
    return -res.fun


@at([400.0, 300.0, 2.0], [500.0, 320.0, 1.0])
def mixed_streams(p):
    hot, cold, m = p
    T = np.array([hot, cold])
    flow = np.array([m, 1.5])
    tmix = np.average(T, weights=flow)
    ds = np.sum(flow * np.log(tmix / T))
    return ds
