"""Spectroscopy: line shapes, baselines, unmixing, relaxation."""

import numpy as np
from numpy.polynomial import Polynomial, chebyshev
from scipy.integrate import simpson
from scipy.optimize import curve_fit, nnls
from scipy.signal import savgol_filter
from scipy.special import voigt_profile, wofz

from tests.everyday.collect import at

AXIS = np.linspace(0, 10, 41)


def lorentz(x, x0, w):
    return w / np.pi / ((x - x0) ** 2 + w**2)


@at(
    {"positions": [3.0, 6.5], "widths": [0.4, 0.7], "heights": [1.0, 0.6]},
    {"positions": [2.2, 5.1], "widths": [0.6, 0.5], "heights": [0.8, 1.4]},
)
def multi_peak_residual(peaks):
    model = np.zeros_like(AXIS)
    for x0, w, a in zip(peaks["positions"], peaks["widths"], peaks["heights"], strict=True):
        model += a * lorentz(AXIS, x0, w)
    target = np.exp(-0.5 * (AXIS - 4) ** 2)
    return np.sum((model - target) ** 2)


@at([4.3, 0.5], [6.1, 0.9])
def baseline_corrected_area(p):
    y = lorentz(AXIS, p[0], p[1]) + 0.02 * AXIS + 0.001 * AXIS**2
    ends = np.r_[0:6, 35:41]
    coef = np.polyfit(AXIS[ends], y[ends], 2)
    corrected = y - np.polyval(coef, AXIS)
    return np.trapezoid(corrected, AXIS)


@at([0.4, 0.6], [0.9, 0.3])
def faddeeva_line(p):
    sigma, gamma = p
    z = (AXIS[18] - 4.2 + 1j * gamma) / (sigma * np.sqrt(2))
    return wofz(z).real / (sigma * np.sqrt(2 * np.pi))


@at([0.3, 5.0], [0.8, 4.1])
def smoothed_derivative_zero(p):
    y = p[0] * np.exp(-((AXIS - p[1]) ** 2)) + 0.1 * np.sin(AXIS)
    d = savgol_filter(y, 7, 3, deriv=1, delta=AXIS[1] - AXIS[0])
    k = int(np.argmin(d))
    return d[k] * 10 + d[20]


@at([0.8, 0.3], [0.5, 0.9])
def beer_lambert_unmixing(c):
    """Nonnegative unmixing of a computed absorbance."""
    A = np.stack([np.exp(-((AXIS - m) ** 2)) for m in (3.0, 5.0, 6.0)], axis=1)
    mix = A[:, 0] * c[0] + A[:, 1] * c[1] + 0.2 * A[:, 2] + 0.01 * c[0] * c[1]
    x, rnorm = nnls(A, mix)
    return x[0] + 2 * x[1]


@at([1.5, 0.4], [0.7, 0.8])
def free_induction_decay(p):
    freq, t2 = p
    t = np.arange(32) * 0.1
    fid = np.exp(1j * 2 * np.pi * freq * t - t / t2)
    spec = np.fft.fftshift(np.fft.fft(fid, 64))
    power = np.abs(spec)
    centre = (power * np.arange(64)).sum() / power.sum()
    return centre + power[40]


@at([2.0, 0.7], [1.4, 1.2])
def inversion_recovery_fit(p):
    t = np.array([0.1, 0.3, 0.6, 1.0, 1.8, 3.0])
    s = p[0] * (1 - 1.9 * np.exp(-t / p[1]))

    def model(t, m0, t1):
        return m0 * (1 - 2 * np.exp(-t / t1))

    popt, _ = curve_fit(model, t, s, p0=[1.0, 1.0], xtol=1e-14, ftol=1e-14, gtol=1e-14)
    return popt[1]


@at([0.2, 0.1, 0.05], [0.6, -0.2, 0.3])
def chebyshev_continuum(c):
    xs = np.linspace(-1, 1, 15)
    continuum = chebyshev.chebval(xs, np.concatenate(([1.0], c)))
    poly = Polynomial([0.1, c[0], c[1] ** 2])
    return np.sum(np.log(continuum**2 + 1)) + poly(0.7)


@at([0.4, 0.5], [0.7, 1.1])
def voigt_centroid(p):
    y = voigt_profile(AXIS - 4.0 - p[0], p[1], 0.3)
    top = y > 0.3 * y.max()
    return simpson(AXIS * y, x=AXIS) / simpson(y, x=AXIS) + y[top].sum() / y.sum()


@at([10.0, 0.2], [7.0, 0.05])
def rotational_band(p):
    B, D = p[0], p[1] * 1e-2
    levels = np.fromiter((B * j * (j + 1) - D * j**2 * (j + 1) ** 2 for j in range(8)), dtype=float)
    population = (2 * np.arange(8) + 1) * np.exp(-levels / 200.0)
    lines = np.diff(levels)
    return np.sum(population[:-1] * lines) / population.sum()
