"""Electromagnetism: fields of charges and coils, waveguides, FDTD, antennas."""

import math
from itertools import product

import numpy as np
from scipy import constants
from scipy.constants import mu_0
from scipy.integrate import dblquad, fixed_quad
from scipy.special import ellipe, ellipk, jn_zeros, jv, kv

from tests.everyday.collect import at


@at([1.0, -0.5, 0.3], [0.4, 0.8, -1.1])
def charges_on_a_grid(q):
    positions = [(0.1, 0.2), (1.1, 0.4), (0.5, 1.3)]
    phi = np.zeros((5, 5))
    for i, j in product(range(5), repeat=2):
        for charge, (x, y) in zip(q, positions, strict=True):
            phi[i, j] += charge / math.hypot(0.3 * i - x + 0.01, 0.3 * j - y - 0.02)
    field = np.gradient(phi, 0.3)
    return np.sum(field[0] ** 2 + field[1] ** 2)


@at([0.5, 0.2], [1.2, 0.7])
def loop_field_off_axis(p):
    a = 1.0
    r, z = 0.3 + 0.1 * p[0], p[1]
    alpha2 = a**2 + r**2 + z**2 - 2 * a * r
    beta2 = a**2 + r**2 + z**2 + 2 * a * r
    m = 1 - alpha2 / beta2
    bz = ((a**2 - r**2 - z**2) * ellipe(m) + alpha2 * ellipk(m)) / (2 * alpha2 * np.sqrt(beta2))
    return bz * mu_0 * 1e6


@at([2.0, 0.5], [4.0, 0.3])
def fdtd_dielectric_slab(p):
    eps = np.ones(60)
    eps[30:45] = p[0]
    ez = np.zeros(60)
    hy = np.zeros(60)
    probe = []
    for n in range(70):
        hy[:-1] += 0.5 * (ez[1:] - ez[:-1])
        ez[1:] += 0.5 * (hy[1:] - hy[:-1]) / eps[1:]
        ez[10] += np.exp(-(((n - 20) * 0.2 * p[1]) ** 2))
        probe.append(ez[25])
    return np.sum(np.square(probe))


@at([2.3e-2, 1.0e-2], [4.3e-2, 2.0e-2])
def waveguide_cutoffs(size):
    a, b = size.tolist()
    cutoffs = []
    for m in range(3):
        for n in range(2):
            if (m, n) == (0, 0):
                continue
            cutoffs.append(constants.c / 2 * math.sqrt((m / a) ** 2 + (n / b) ** 2))
    cutoffs.sort()
    return (cutoffs[1] - cutoffs[0]) / 1e9 + cutoffs[-1] / 1e10


@at([0.5, 1.2], [1.4, 0.7])
def fibre_mode_mismatch(p):
    u, w = 1.0 + 0.3 * p[0], p[1]
    return u * jv(1, u) / jv(0, u) - w * kv(1, w) / kv(0, w)


@at([0.4, 1.5], [0.8, 2.5])
def dipole_array_directivity(p):
    spacing, phase = p
    weights = np.array([1.0, 0.8, 0.8, 1.0])

    def pattern(theta):
        psi = 2 * np.pi * spacing * np.cos(theta) + phase
        af = np.abs(np.sum(weights[:, None] * np.exp(1j * np.arange(4)[:, None] * psi), axis=0))
        return af**2 * np.sin(theta)

    power, _ = fixed_quad(pattern, 0, np.pi, n=20)
    return pattern(np.array([1.1]))[0] / power


@at([0.5, 0.3], [0.9, 0.7])
def plate_capacitance_kernel(p):
    value, _ = dblquad(
        lambda y, x: np.exp(-p[0] * x * y) / (1 + p[1] * (x + y)),
        0,
        1,
        0,
        1,
        epsabs=1e-11,
        epsrel=1e-11,
    )
    return value


@at([1.5, 0.3], [2.5, 0.8])
def circular_cavity_fields(p):
    radius, r = p
    zeros = jn_zeros(0, 3)
    amplitudes = np.array([1.0, 0.5, 0.2])
    return np.dot(amplitudes, jv(0, zeros * r / radius))


@at([50.0, 0.3], [75.0, 0.12])
def matched_line_reflection(p):
    z0, length = np.float64(p[0]), np.float64(p[1])
    zl = 30 + 40j
    t = np.tan(2 * np.pi * length)
    zin = z0 * (zl + 1j * z0 * t) / (z0 + 1j * zl * t)
    gamma = (zin - 50) / (zin + 50)
    swr = (1 + abs(gamma)) / (1 - abs(gamma))
    return swr


@at([[0.2, 0.5], [0.7, -0.3]], [[1.0, 0.1], [-0.4, 0.6]])
def field_line_integral(points):
    """A 2-D input: the circulation along given points."""
    points = np.atleast_2d(np.asarray(points, dtype=float))
    path = np.vstack([points, [[1.5, 1.0]], points[:1]])
    mid = 0.5 * (path[1:] + path[:-1])
    b = np.column_stack((-mid[:, 1], mid[:, 0])) / (1 + (mid**2).sum(axis=1, keepdims=True))
    return np.sum(b * np.diff(path, axis=0))


@at([0.3, 2.0], [0.9, 1.1])
def skin_effect_profile(p):
    depth = np.ascontiguousarray(np.linspace(0, 3, 16))
    field = np.ones(16, dtype=complex)
    field *= np.exp(-(1 + 1j) * depth / p[0])
    np.copyto(field, field * p[1], where=depth < 2.0)
    current = np.zeros(4)
    np.put(current, [0, 2], [field[1].real, field[4].imag])
    return np.trapezoid(np.abs(field), depth) + current.astype(float).sum()


@at([1.0, 0.4, -0.2], [0.6, -0.7, 0.3])
def multipole_polynomial(c):
    radial = np.poly1d([c[2], c[1], c[0]])
    slope = np.polyder(radial)
    legendre = np.polynomial.legendre.legval(0.4, c)
    return radial(1.5) * slope(0.5) + legendre
