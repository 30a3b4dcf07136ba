"""Optics: lenses, thin films, interference, beams."""

import cmath
import math

import numpy as np
from scipy.integrate import quad
from scipy.special import fresnel, j1

from tests.everyday.collect import at


def snell(n1, n2, theta):
    s = n1 / n2 * math.sin(theta)
    if s > 1:
        raise ValueError("total internal reflection")
    return math.asin(s)


@at([0.3, 1.5], [0.9, 1.33])
def prism_deviation(p):
    theta, n = p
    apex = math.radians(40)
    inside = snell(1.0, n, theta)
    second = apex - inside
    try:
        out = snell(n, 1.0, second)
    except ValueError:
        return 0.0
    return theta + out - apex


@at([1.38, 0.1], [2.0, 0.08])
def thin_film_reflectance(p):
    """Characteristic matrices of a stack, multiplied in a loop."""
    n, d = p
    layers = [(n, d), (1.7, 0.07), (n + 0.2, 0.05)]
    lam = 0.55
    M = np.eye(2, dtype=complex)
    for index, thick in layers:
        delta = 2 * np.pi * index * thick / lam
        m = np.array(
            [
                [np.cos(delta), 1j * np.sin(delta) / index],
                [1j * index * np.sin(delta), np.cos(delta)],
            ]
        )
        M = M @ m
    B = M[0, 0] + M[0, 1] * 1.52
    C = M[1, 0] + M[1, 1] * 1.52
    r = (B - C) / (B + C)
    return abs(r) ** 2


@at([50.0, 30.0, 12.0], [80.0, -40.0, 25.0])
def abcd_two_lens(p):
    f1, f2, d = p
    thin1 = np.array([[1, 0], [-1 / f1, 1]])
    space = np.array([[1, d], [0, 1]])
    thin2 = np.array([[1, 0], [-1 / f2, 1]])
    system = thin2.dot(space).dot(thin1)
    return -1 / system[1, 0] + system[0, 0]


@at([0.3, 1.2], [0.7, 0.5])
def gaussian_beam_radius(p):
    w0, z = p
    lam = 0.633
    q = complex(z, math.pi * w0**2 / lam)
    q = q / (1 - q / 2.0)
    inverse = 1 / q
    return math.sqrt(-lam / (math.pi * inverse.imag))


@at(0.7, 2.3)
def airy_pattern(u):
    if u == 0:
        return 1.0
    return (2 * j1(u) / u) ** 2


@at([1.2, 0.4], [0.5, 1.1])
def straight_edge_diffraction(p):
    x, scale = p
    s, c = fresnel(x * scale)
    return 0.5 * ((c + 0.5) ** 2 + (s + 0.5) ** 2)


@at([3.0, 0.4], [5.0, 0.9])
def slit_array_intensity(p):
    d, a = p
    theta = np.linspace(-0.2, 0.21, 50)
    field = np.zeros(theta.shape, dtype=complex)
    for n in range(4):
        field += np.exp(1j * 2 * np.pi * n * d * np.sin(theta))
    envelope = np.sinc(a * np.sin(theta)) ** 2
    I = np.abs(field) ** 2 * envelope
    return I[30]


@at([0.4, 1.3], [1.1, 0.2])
def jones_ellipticity(p):
    angle, delay = p

    def rot(t):
        return np.array([[np.cos(t), np.sin(t)], [-np.sin(t), np.cos(t)]])

    plate = rot(-angle) @ np.diag([1.0, cmath.exp(1j * delay)]) @ rot(angle)
    Ex, Ey = plate @ np.array([1.0, 0.3])
    s3 = 2 * (Ex * np.conj(Ey)).imag
    s0 = abs(Ex) ** 2 + abs(Ey) ** 2
    return s3 / s0


@at([0.5, 0.2], [1.0, 0.6])
def planck_luminous(p):
    """Blackbody radiance within a filter."""
    T = 4000 + 2000 * p[0]
    width = 0.05 + 0.1 * p[1]

    def integrand(lam):
        return (
            1e5
            / (lam**5 * (np.exp(14.388 * 1000 / (lam * T)) - 1))
            * np.exp(-(((lam - 0.55) / width) ** 2))
        )

    value, _ = quad(integrand, 0.38, 0.75, epsrel=1e-11)
    return value


@at([1.5168, 0.2], [1.62, 0.35])
def ray_trace_surfaces(p):
    """Trace a meridional ray through spherical surfaces given as dicts."""
    n, height = p
    surfaces = [{"c": 0.02, "t": 5.0, "n": n}, {"c": -0.015, "t": 40.0, "n": 1.0}]
    y, u, index = height * 10, 0.0, 1.0
    for s in surfaces:
        sin_i = y * s["c"] + np.sin(u)
        i = np.arcsin(sin_i)
        i2 = np.arcsin(index / s["n"] * sin_i)
        u = u - i + i2
        y = y + s["t"] * np.tan(u)
        index = s["n"]
    return y
