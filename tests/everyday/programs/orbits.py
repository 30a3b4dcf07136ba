"""Orbital dynamics: Kepler's equation, transfers, n-body steps."""

from math import atan2, cos, pi, sin, sqrt

import numpy as np
from scipy.integrate import solve_ivp
from scipy.optimize import newton

from tests.everyday.collect import at

MU = 398600.4418
R_EARTH = 6378.137
J2 = 1.08263e-3


def kepler(M, e, tol=1e-14):
    E = M if e < 0.8 else pi
    delta = 1.0
    while abs(delta) > tol:
        delta = (E - e * sin(E) - M) / (1 - e * cos(E))
        E = E - delta
    return E


@at([0.7, 0.2], [2.1, 0.55])
def true_anomaly(p):
    M, e = p
    E = kepler(M, e)
    return 2 * atan2(sqrt(1 + e) * sin(E / 2), sqrt(1 - e) * cos(E / 2))


@at([7000.0, 42164.0], [6800.0, 12000.0])
def hohmann_delta_v(r):
    r1, r2 = float(r[0]), float(r[1])
    a = 0.5 * (r1 + r2)
    dv1 = sqrt(MU / r1) * (sqrt(r2 / a) - 1)
    dv2 = sqrt(MU / r2) * (1 - sqrt(r1 / a))
    return abs(dv1) + abs(dv2)


@at([1.0, 0.0, 0.0, 0.9], [0.8, 0.3, -0.2, 1.1])
def leapfrog_kepler(s):
    pos = s[:2].copy()
    vel = s[2:].copy()
    dt = 0.05
    path = np.empty((60, 2))
    for i in range(60):
        vel += -0.5 * dt * pos / np.linalg.norm(pos) ** 3
        pos += dt * vel
        vel += -0.5 * dt * pos / np.linalg.norm(pos) ** 3
        path[i, :] = pos
    return (path**2).sum() / 60


@at([1.0, 0.5, 0.8], [0.3, 1.5, 2.0])
def three_body_acceleration(m):
    """Accelerations of all bodies with pair loops into a preallocated array."""
    r = np.array([[0.0, 0.0], [1.0, 0.2], [-0.4, 0.9]])
    acc = np.zeros_like(r)
    for i in range(len(r)):
        for j in range(len(r)):
            if i == j:
                continue
            d = r[j] - r[i]
            acc[i] += m[j] * d / np.sum(d**2) ** 1.5
    return np.sqrt((acc**2).sum(axis=1)).max()


@at([7200.0, 0.01, 1.2], [9000.0, 0.1, 0.6])
def j2_nodal_drift(p):
    a, e, inc = p
    n = np.sqrt(MU / a**3)
    semi = a * (1 - e**2)
    rate = -1.5 * n * J2 * (R_EARTH / semi) ** 2 * np.cos(inc)
    return np.rad2deg(rate) * 86400


@at([0.2, 0.9], [0.05, 1.1])
def orbit_with_events(p):
    """Integrate a planar orbit and return its final radius and speed."""

    def rhs(t, y):
        r3 = (y[0] ** 2 + y[1] ** 2) ** 1.5
        return [y[2], y[3], -y[0] / r3, -y[1] / r3]

    y0 = [1.0, 0.0, p[0], p[1]]
    sol = solve_ivp(rhs, [0, 2.0], y0, method="DOP853", rtol=1e-11, atol=1e-12)
    x, y, vx, vy = sol.y[:, -1]
    return np.hypot(x, y) + 0.1 * np.hypot(vx, vy)


@at(1.3, 2.6)
def kepler_by_newton(M):
    e = 0.4
    E = newton(lambda E: E - e * np.sin(E) - M, M, tol=1e-13)
    return 1 - e * np.cos(E)


@at([6524.8, 6862.9, 6448.3, 4.9, 5.5, -2.0], [7000.0, 500.0, 1200.0, -1.0, 6.5, 2.2])
def orbital_elements(rv):
    r, v = rv[:3], rv[3:]
    h = np.cross(r, v)
    nodes = np.cross([0, 0, 1], h)
    evec = np.cross(v, h) / MU - r / np.linalg.norm(r)
    e = np.linalg.norm(evec)
    energy = np.dot(v, v) / 2 - MU / np.linalg.norm(r)
    elements = {"a": -MU / (2 * energy), "e": e, "i": np.arccos(h[2] / np.linalg.norm(h))}
    elements["raan"] = np.arctan2(nodes[1], nodes[0])
    return elements["a"] / R_EARTH + elements["e"] + elements["i"] + elements["raan"]
