"""Fluids: advection, Burgers, pipe flow, shallow water, boundary layers."""

import math

import numpy as np
from scipy import sparse
from scipy.integrate import solve_ivp
from scipy.ndimage import convolve
from scipy.sparse.linalg import spsolve

from tests.everyday.collect import at


@at([0.5, 0.05], [0.8, 0.02])
def burgers_upwind(p):
    """March Burgers' equation in a (time, space) buffer."""
    amp, nu = p
    nx, nt, dx, dt = 41, 40, 2.0 / 40, 0.01
    x = np.linspace(0, 2, nx)
    u = np.zeros((nt + 1, nx))
    u[0] = 1 + amp * np.sin(np.pi * x)
    for n in range(nt):
        u[n + 1, 1:-1] = (
            u[n, 1:-1]
            - u[n, 1:-1] * dt / dx * (u[n, 1:-1] - u[n, :-2])
            + nu * dt / dx**2 * (u[n, 2:] - 2 * u[n, 1:-1] + u[n, :-2])
        )
        u[n + 1, 0] = 1.0
        u[n + 1, -1] = 1.0
    return np.mean(u[-1] ** 2)


@at([1.0, 0.1], [2.0, 0.2])
def colebrook_friction(p):
    velocity, diameter = p
    re = velocity * diameter / 1e-6
    rel = 4.5e-5 / diameter
    f = 0.02
    for _ in range(100):
        new = (-2 * math.log10(rel / 3.7 + 2.51 / (re * math.sqrt(f)))) ** -2
        if abs(new - f) < 1e-15:
            break
        f = new
    return new * 100 / diameter * velocity**2 / 2


@at([0.3, 1.0], [0.1, 0.6])
def cavity_jacobi(p):
    """Relax the pressure of a small cavity in place."""
    source, lid = p
    P = np.zeros((12, 12))
    b = np.zeros((12, 12))
    b[3, 4] = source
    b[5, 7] = -2 * source
    for _ in range(30):
        Pn = P.copy()
        P[1:-1, 1:-1] = 0.25 * (
            Pn[1:-1, 2:] + Pn[1:-1, :-2] + Pn[2:, 1:-1] + Pn[:-2, 1:-1] - b[1:-1, 1:-1]
        )
        P[0, :] = lid
        P[-1, :] = 0
        P[:, 0] = P[:, 1]
        P[:, -1] = P[:, -2]
    return np.sum(P[4:8, 4:8])


@at(0.2, 0.5)
def lax_friedrichs_shallow_water(bump):
    n = 30
    h = np.ones(n)
    h[10:15] += bump
    q = np.zeros(n)
    for _ in range(20):
        f1 = q
        f2 = q**2 / h + 0.5 * 9.81 * h**2
        hn = 0.5 * (np.roll(h, 1) + np.roll(h, -1)) - 0.05 * (np.roll(f1, -1) - np.roll(f1, 1))
        qn = 0.5 * (np.roll(q, 1) + np.roll(q, -1)) - 0.05 * (np.roll(f2, -1) - np.roll(f2, 1))
        h, q = hn, qn
    return h[5] + np.abs(q).max()


@at(0.33206, 0.4)
def blasius_wall_shear(fpp0):
    def rhs(eta, f):
        return np.array([f[1], f[2], -0.5 * f[0] * f[2]])

    sol = solve_ivp(rhs, [0, 3], [0, 0, fpp0], rtol=1e-10, atol=1e-12)
    return sol.y[1, -1]


@at([1.0, 0.3], [0.5, 0.8])
def poisson_sparse(p):
    """A tridiagonal Poisson problem built with scipy.sparse."""
    n = 20
    k = p[0] + p[1] * np.linspace(0, 1, n)
    A = sparse.diags([2 * k, -k[1:], -k[:-1]], [0, -1, 1], format="csc")
    u = spsolve(A, np.ones(n) / n**2)
    return u.max()


@at([0.1, 0.4], [0.2, 0.7])
def vorticity_diffusion(p):
    kernel = np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]], dtype=float)
    y, x = np.mgrid[0:10, 0:10]
    w = np.exp(-p[1] * ((x - 4.2) ** 2 + (y - 5.1) ** 2))
    for _ in range(5):
        w = w + p[0] * convolve(w, kernel, mode="constant")
    return (w**2).sum()


@at([0.02, 1.5], [0.01, 2.5])
def pipe_network_hardy_cross(p):
    k, demand = p
    resist = np.array([k, 2 * k, 1.5 * k, k])
    flow = np.array([0.6, 0.4, -0.4, -0.6]) * demand
    for it in range(20):
        head = resist * flow * np.abs(flow)
        correction = -head.sum() / (2 * (resist * np.abs(flow)).sum())
        flow += correction
        if abs(correction) < 1e-14:
            break
    return flow[0] * head.max()


@at([0.7, 1.4], [2.2, 1.3])
def isentropic_relations(p):
    mach, gamma = p
    g1 = gamma - 1
    area = 1 / mach * (2 / (gamma + 1) * (1 + g1 / 2 * mach**2)) ** ((gamma + 1) / (2 * g1))
    if mach > 1:
        p02 = ((gamma + 1) * mach**2 / (g1 * mach**2 + 2)) ** (gamma / g1)
        p02 *= ((gamma + 1) / (2 * gamma * mach**2 - g1)) ** (1 / g1)
    else:
        p02 = 1.0
    return area * p02
