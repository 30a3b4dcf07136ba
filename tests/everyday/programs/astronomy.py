"""Astronomy: distances, light curves, photometry, lensing."""

import logging
import math

import numpy as np
from scipy.integrate import cumulative_trapezoid, quad, simpson
from scipy.interpolate import interp1d
from scipy.optimize import brentq
from scipy.special import ellipe, ellipk, voigt_profile

from tests.everyday.collect import at

C = 299792.458
log = logging.getLogger(__name__)


@at([70.0, 0.3], [67.4, 0.27])
def luminosity_distance(p):
    H0, om = p

    def inv_e(z):
        return 1 / np.sqrt(om * (1 + z) ** 3 + 1 - om)

    integral, _ = quad(inv_e, 0, 0.8)
    return (1 + 0.8) * C / H0 * integral


@at([0.3, 0.7], [0.25, 0.6])
def distance_modulus_table(p):
    om, ol = p
    z = np.linspace(0, 1.5, 60)
    E = np.sqrt(om * (1 + z) ** 3 + ol + (1 - om - ol) * (1 + z) ** 2)
    dc = cumulative_trapezoid(1 / E, z, initial=0)
    at_z = interp1d(z, dc)([0.31, 0.72, 1.13])
    mu = 5 * np.log10(at_z)
    log.debug("moduli %s", mu)
    return mu.sum()


@at([0.1, 0.35], [0.12, 0.2])
def transit_depth(p):
    """Uniform-source transit: cases of the overlap of two discs."""
    k, b = p
    depth = []
    for t in np.linspace(-1.23, 1.19, 12):
        z = np.sqrt(b**2 + t**2)
        if z >= 1 + k:
            depth.append(0.0)
        elif z <= 1 - k:
            depth.append(k**2)
        else:
            k0 = np.arccos((k**2 + z**2 - 1) / (2 * k * z))
            k1 = np.arccos((1 - k**2 + z**2) / (2 * z))
            root = np.sqrt((4 * z**2 - (1 + z**2 - k**2) ** 2) / 4)
            depth.append((k**2 * k0 + k1 - root) / np.pi)
    return np.array(depth).sum()


@at([12.0, 0.3, 1.1], [20.0, 0.6, 0.4])
def radial_velocity_curve(p):
    K, e, omega = p
    times = np.array([0.1, 0.35, 0.6, 0.8])
    v = np.empty(len(times))
    for i, t in enumerate(times):
        M = 2 * math.pi * t
        E = M
        for _ in range(50):
            step = (E - e * math.sin(E) - M) / (1 - e * math.cos(E))
            E -= step
            if abs(step) < 1e-14:
                break
        nu = 2 * math.atan(math.sqrt((1 + e) / (1 - e)) * math.tan(E / 2))
        v[i] = K * (math.cos(nu + omega) + e * math.cos(omega))
    return np.ptp(v) + v[1]


@at([0.4, 1.2], [0.9, 2.0])
def microlensing_magnification(p):
    u0, tE = p
    t = np.linspace(-2, 2, 21)
    u = np.sqrt(u0**2 + (t / tE) ** 2)
    A = (u**2 + 2) / (u * np.sqrt(u**2 + 4))
    return -2.5 * np.log10(A).mean()


@at([1.1, 0.6], [0.7, 1.3])
def sersic_half_light(p):
    n, re = p
    r = np.linspace(1e-3, 6, 101)
    b = 2 * n - 1 / 3 + 0.009876 / n
    profile = np.exp(-b * ((r / re) ** (1 / n) - 1))
    return simpson(2 * np.pi * r * profile, x=r)


@at([0.5, 0.8], [0.3, 1.6])
def voigt_equivalent_width(p):
    x = np.linspace(-5, 5, 81)
    tau = 1.5 * voigt_profile(x, p[0], p[1])
    return np.trapezoid(1 - np.exp(-tau), x)


@at(0.35, 0.8)
def einstein_ring_redshift(k):
    z = brentq(lambda z: np.log1p(z) - k * np.sqrt(1 + z) / (1 + z), 0.0, 5.0, xtol=1e-14)
    return z + ellipk(z / (1 + z)) - ellipe(0.5 * z / (1 + z))


@at([4.83, 0.65], [3.2, 0.4])
def magnitude_to_temperature(p):
    mag, bv = p
    flux = 10 ** (-0.4 * mag)
    T = 4600 * (1 / (0.92 * bv + 1.7) + 1 / (0.92 * bv + 0.62))
    bands = np.select([T < 5000, T < 7500], [flux * (T / 5000) ** 2, flux * T / 5000], flux)
    return float(bands) * 1000 + T / 1000
