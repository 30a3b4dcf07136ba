"""Seismology: travel times, moment tensors, waves on strings and grids."""

import numpy as np
from scipy.ndimage import gaussian_filter1d, laplace
from scipy.optimize import least_squares, lsq_linear
from scipy.signal import correlate, sosfilt
from scipy.signal.windows import tukey

from tests.everyday.collect import at

STATIONS = np.array([[0.0, 0.0], [30.0, 5.0], [12.0, 28.0], [-8.0, 17.0]])


def wavelet_stream(freq, n):
    """Yield samples of a Ricker wavelet."""
    for i in range(n):
        a = (np.pi * freq * (i * 0.02 - 0.3)) ** 2
        yield (1 - 2 * a) * np.exp(-a)


@at([8.0, 12.0, 6.0], [15.0, 3.0, 9.5])
def hypocentre_misfit(h):
    x, y, depth = h
    observed = [3.1, 4.0, 3.6, 2.9]
    misfit = 0.0
    for (sx, sy), t in zip(STATIONS, observed, strict=True):
        travel = np.sqrt((x - sx) ** 2 + (y - sy) ** 2 + depth**2) / 6.0
        misfit += (travel - t) ** 2
    return misfit


@at([3.1, 4.4], [2.5, 3.9])
def relocated_epicentre(times):
    def residual(m):
        d = np.linalg.norm(STATIONS - m[:2], axis=1)
        return d / 6.0 + m[2] - np.array([times[0], 4.0, times[1], 2.9])

    sol = least_squares(residual, [9.0, 11.0, 0.5], xtol=1e-15, ftol=1e-15, gtol=1e-14)
    return sol.x[0] + sol.x[2]


@at(2.0, 3.3)
def ricker_energy(freq):
    samples = np.fromiter(wavelet_stream(freq, 30), dtype=float, count=30)
    return np.sum(samples**2) + max(samples)


@at([2.0, 0.4], [1.2, 0.8])
def string_wave_out_argument(p):
    """Leapfrog in three rotating buffers, with out= everywhere."""
    c, amp = p[0], p[1]
    x = np.linspace(0, 1, 33)
    prev = amp * np.exp(-100 * (x - 0.4) ** 2)
    cur = prev.copy()
    new = np.zeros_like(cur)
    lap = np.zeros_like(cur)
    for _ in range(25):
        np.subtract(cur[2:], 2 * cur[1:-1], out=lap[1:-1])
        np.add(lap[1:-1], cur[:-2], out=lap[1:-1])
        np.multiply(lap, 0.05 * c**2, out=lap)
        new[:] = 2 * cur - prev + lap
        new[0] = new[-1] = 0.0
        prev, cur, new = cur, new, prev
    return np.sum(cur**2)


@at([0.3, 0.5, 1.1], [1.0, 0.2, -0.6])
def double_couple_radiation(angles):
    strike, dip, rake = angles
    n = np.array([-np.sin(dip) * np.sin(strike), np.sin(dip) * np.cos(strike), -np.cos(dip)])
    u = np.array(
        [
            np.cos(rake) * np.cos(strike) + np.cos(dip) * np.sin(rake) * np.sin(strike),
            np.cos(rake) * np.sin(strike) - np.cos(dip) * np.sin(rake) * np.cos(strike),
            -np.sin(dip) * np.sin(rake),
        ]
    )
    M = np.outer(n, u) + np.outer(u, n)
    gamma = np.array([0.6, 0.48, 0.64])
    return np.einsum("i,ij,j", gamma, M, gamma) + np.tensordot(M, M, axes=2) * M[0, 1]


@at([4.0, 5.5, 6.2], [3.0, 4.5, 6.0])
def layered_travel_time(v):
    thickness = [2.0, 5.0, 8.0]
    ray = 0.1
    t = np.zeros(1)
    distance = 0.0
    for h, velocity in zip(thickness, v, strict=True):
        eta = np.sqrt(1 / velocity**2 - ray**2)
        t += h / (velocity**2 * eta)
        distance += h * ray / eta
    return t[0] + ray * distance


@at([0.2, 1.3], [0.35, 0.8])
def cross_correlation_delay(p):
    t = np.arange(40) * 0.1
    a = np.exp(-((t - 1.5) ** 2) / p[0])
    b = p[1] * np.exp(-((t - 1.8 - 0.1 * p[0]) ** 2) / 0.3) * tukey(40, 0.2)
    cc = correlate(b, a, mode="full")
    k = int(np.argmax(cc))
    y0, y1, y2 = cc[k - 1], cc[k], cc[k + 1]
    return (k - 39 + 0.5 * (y0 - y2) / (y0 - 2 * y1 + y2)) * 0.1


@at([0.6, 1.0], [0.3, 2.0])
def filtered_peak_velocity(p):
    sos = np.array([[0.2, 0.4, 0.2, 1.0, -0.4, 0.2], [1.0, -2.0, 1.0, 1.0, -1.5, 0.6]])
    trace = p[1] * np.sin(np.arange(50) * p[0]) * np.exp(-0.05 * np.arange(50))
    smooth = gaussian_filter1d(sosfilt(sos, trace), 1.0)
    return np.abs(smooth).max()


@at([1.0, 0.3], [0.7, 0.6])
def slowness_inversion(p):
    G = np.array([[1.0, 2.0, 0.0], [0.5, 1.0, 1.0], [2.0, 0.0, 1.0], [1.0, 1.0, 1.0]])
    d = G @ np.array([0.3, 0.2, 0.25]) * p[0] + p[1] * np.array([0.01, 0.0, 0.02, -0.01])
    result = lsq_linear(G, d, bounds=(0, 1), tol=1e-14)
    return result.x.sum() + result.x[1]


@at([0.4, 0.9], [0.8, 0.3])
def regularised_roughness(p):
    model = np.zeros((6, 6))
    model[2:4, 1:5] = p[0]
    model[1, 1] += p[1] ** 2
    rough = laplace(model)
    return np.sum(rough**2)
