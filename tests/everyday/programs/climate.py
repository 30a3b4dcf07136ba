"""Climate and weather: energy balance, profiles, indices, spectra."""

import numpy as np
from scipy.integrate import solve_ivp
from scipy.interpolate import PchipInterpolator, UnivariateSpline
from scipy.ndimage import uniform_filter1d
from scipy.optimize import newton
from scipy.signal import detrend

from tests.everyday.collect import at

CO2 = np.array([280.0, 300.0, 315.0, 340.0, 370.0, 410.0])
YEARS = np.array([1850, 1920, 1958, 1981, 2000, 2020])


@at([3.7, 1.2], [3.2, 0.9])
def two_box_energy_balance(p):
    forcing2x, feedback = p
    Ts = np.zeros(120)
    Td = np.zeros(120)
    forcing = forcing2x * np.log2(np.interp(np.linspace(1850, 2020, 120), YEARS, CO2) / 280)
    for i in range(119):
        flux = 0.7 * (Ts[i] - Td[i])
        Ts[i + 1] = Ts[i] + (forcing[i] - feedback * Ts[i] - flux) / 8.0
        Td[i + 1] = Td[i] + flux / 100.0
    return Ts[-1]


@at([0.3, 0.62], [0.27, 0.7])
def ice_albedo_equilibrium(p):
    def imbalance(T):
        albedo = p[0] + 0.2 * (1 - np.tanh((T - 265) / 10)) / 2
        return 1361 / 4 * (1 - albedo) - p[1] * 5.67e-8 * T**4

    return newton(imbalance, 288.0, tol=1e-12)


@at([1.5, 10.0], [0.8, 25.0])
def lorenz_short_run(p):
    def lorenz(t, s):
        x, y, z = s
        return np.array([10 * (y - x), x * (p[1] - z) - y, x * y - 8 / 3 * z])

    sol = solve_ivp(lorenz, (0, 0.3), [p[0], 1.0, 2.0], rtol=1e-10, atol=1e-12)
    return sol.y[0, -1]


@at([290.0, 0.8], [303.0, 0.7])
def moist_adiabat(p):
    T, rh = p
    temps, dz = [T], 400.0
    es = 611.2 * np.exp(17.67 * (T - 273.15) / (T - 29.65))
    q = 0.622 * rh * es / 101325
    for k in range(12):
        T = temps[-1]
        press = 101325 * np.exp(-k * dz / 8000)
        es = 611.2 * np.exp(17.67 * (T - 273.15) / (T - 29.65))
        qs = 0.622 * es / press
        if q < qs:
            lapse = 9.81 / 1004
        else:
            lapse = 9.81 * (1 + 2.5e6 * qs / (287 * T)) / (1004 + 2.5e6**2 * qs / (461.5 * T**2))
            q = qs
        temps.append(T - lapse * dz)
    return np.mean(temps) * (1 + 0.61 * 0.622 * rh * es / 101325)


@at([0.02, 0.3], [0.05, 0.1])
def anomaly_running_mean(p):
    t = np.arange(60)
    series = p[0] * t + p[1] * np.sin(2 * np.pi * t / 12) + 0.01 * t**1.5 * p[1]
    clim = np.zeros(12)
    for month in range(12):
        clim[month] = series[month::12].mean()
    anomaly = series - np.tile(clim, 5)
    smooth = np.convolve(anomaly, np.ones(5) / 5, mode="valid")
    return smooth.max() - smooth[0]


@at([0.7, 0.2], [1.5, 0.4])
def detrended_variance(p):
    t = np.linspace(0, 10, 50)
    x = p[0] * t**1.5 + np.cos(3 * t * p[1])
    y = detrend(x)
    z = uniform_filter1d(y, size=5)
    return np.var(z)


@at([300.0, 0.1], [285.0, 0.3])
def heat_index_regression(p):
    """Rothfusz regression with its adjustments by thresholds."""
    t, rh = 9 / 5 * (p[0] - 273.15) + 32, p[1] * 100
    simple = 0.5 * (t + 61 + (t - 68) * 1.2 + rh * 0.094)
    if (simple + t) / 2 < 80:
        return simple
    hi = -42.379 + 2.04901523 * t + 10.14333127 * rh - 0.22475541 * t * rh
    hi -= 6.83783e-3 * t**2 + 5.481717e-2 * rh**2
    hi += 1.22874e-3 * t**2 * rh + 8.5282e-4 * t * rh**2 - 1.99e-6 * t**2 * rh**2
    if rh < 13 and 80 < t < 112:
        hi -= (13 - rh) / 4 * np.sqrt((17 - abs(t - 95)) / 17)
    return hi


@at([0.56, 1.8], [1.2, 0.6])
def ozone_profile_column(p):
    z = np.array([0.0, 10, 20, 30, 40, 50])
    density = np.array([0.5, 1.0, 5.0 * p[0], 3.0 * p[1], 0.8, 0.1])
    f = PchipInterpolator(z, density)
    fine = np.linspace(0, 50, 101)
    return np.trapezoid(f(fine), fine)


@at([0.4, 1.0], [0.8, 2.0])
def smoothed_proxy(p):
    t = np.linspace(0, 4, 20)
    y = p[1] * np.sin(t) + p[0] * t
    spl = UnivariateSpline(t, y, s=0)
    return spl(2.13) + y[3]
