"""Structural engineering: trusses, beams, frames, dynamics."""

import numpy as np
from scipy import sparse
from scipy.linalg import eigh, solve
from scipy.optimize import root_scalar
from scipy.sparse.linalg import spsolve

from tests.everyday.collect import at

NODES = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, 0.9], [1.5, 0.8]])
BARS = [(0, 1), (0, 2), (1, 2), (1, 3), (2, 3)]


@at([1.0, 0.8, 1.2, 0.6, 0.9], [0.5, 1.0, 0.7, 1.5, 1.1])
def truss_compliance(areas):
    """Assemble element by element with np.ix_, solve for the free nodes."""
    K = np.zeros((8, 8))
    for (i, j), area in zip(BARS, areas, strict=True):
        d = NODES[j] - NODES[i]
        L = np.sqrt(d @ d)
        c, s = d / L
        k = area / L * np.outer([-c, -s, c, s], [-c, -s, c, s])
        dofs = [2 * i, 2 * i + 1, 2 * j, 2 * j + 1]
        K[np.ix_(dofs, dofs)] += k
    free = [2, 4, 5, 6, 7]
    f = np.zeros(8)
    f[7] = -1.0
    u = np.zeros(8)
    u[free] = np.linalg.solve(K[np.ix_(free, free)], f[free])
    return f @ u


@at([0.3, 1.1], [0.5, 0.7])
def move_a_truss_node(p):
    nodes = NODES.copy()
    nodes[2] = nodes[2] + p
    weight = 0.0
    for i, j in BARS:
        weight += np.linalg.norm(nodes[j] - nodes[i])
    return weight


@at([2.0, 0.41], [3.5, 0.69])
def beam_deflection_table(p):
    load, pos = p
    x = np.linspace(0, 1, 31)
    moment = np.where(x < pos, load * (1 - pos) * x, load * pos * (1 - x))
    slope = np.cumsum(moment) * (x[1] - x[0])
    slope = slope - slope.mean()
    w = np.cumsum(slope) * (x[1] - x[0])
    return np.min(w)


@at([1.0, 2.0, 1.5], [3.0, 1.0, 0.8])
def shear_building_period(k):
    n = len(k)
    K = np.zeros((n, n))
    for i in range(n):
        K[i, i] += k[i]
        if i + 1 < n:
            K[i, i] += k[i + 1]
            K[i, i + 1] -= k[i + 1]
            K[i + 1, i] -= k[i + 1]
    M = np.diag([1.0, 0.9, 0.5])
    w2, modes = eigh(K, M)
    return 2 * np.pi / np.sqrt(w2[0])


@at([12.0, 0.1], [30.0, 0.05])
def newmark_oscillator(p):
    wn, zeta = p[0], p[1]
    dt, n = 0.02, 50
    beta, gam = 0.25, 0.5
    u, v, a = np.zeros(n), np.zeros(n), np.zeros(n)
    ground = np.sin(np.arange(n) * 0.3)
    a[0] = -ground[0]
    denominator = 1 + gam * dt * 2 * zeta * wn + beta * dt**2 * wn**2
    for i in range(n - 1):
        up = u[i] + dt * v[i] + dt**2 * (0.5 - beta) * a[i]
        vp = v[i] + dt * (1 - gam) * a[i]
        a[i + 1] = (-ground[i + 1] - 2 * zeta * wn * vp - wn**2 * up) / denominator
        u[i + 1] = up + beta * dt**2 * a[i + 1]
        v[i + 1] = vp + gam * dt * a[i + 1]
    return np.max(np.abs(u)) * 100


@at([1.0, 0.2], [2.0, 0.5])
def sparse_spring_chain(p):
    n = 8
    rows, cols, vals = [], [], []
    for i in range(n):
        k = p[0] + p[1] * i
        for r, c, s in ((i, i, 1.0), (i, i - 1, -1.0), (i - 1, i, -1.0), (i - 1, i - 1, 1.0)):
            if r >= 0 and c >= 0:
                rows.append(r)
                cols.append(c)
                vals.append(s * k)
    K = sparse.coo_matrix((np.array(vals), (rows, cols)), shape=(n, n)).tocsr()
    u = spsolve(K, np.ones(n))
    return u[-1]


@at([1.0, 0.6], [2.0, 0.3])
def frame_static_condensation(p):
    EI, EA = p
    K = np.array([[12 * EI + EA, 6 * EI, -EA], [6 * EI, 4 * EI, 0.2], [-EA, 0.2, EA + 1.5]])
    Kaa, Kab, Kbb = K[:1, :1], K[:1, 1:], K[1:, 1:]
    condensed = Kaa - Kab @ solve(Kbb, Kab.T, assume_a="sym")
    return condensed.item()


@at(0.5, 1.4)
def partially_fixed_column_buckling(stiffness):
    def f(x):
        return x * np.sin(x) - stiffness * np.cos(x)

    root = root_scalar(f, x0=1.0, x1=1.2, method="secant", xtol=1e-14)
    return root.root**2


@at([0.25, 0.5, 30.0], [0.3, 0.6, 25.0])
def reinforced_section_capacity(p):
    b, d, fc = p
    steel, fy, c = 0.002, 500.0, 0.1
    for _ in range(60):
        strain = 0.0035 * (d - c) / c
        fs = min(strain * 200000.0, fy)
        c = steel * fs / (0.8 * b * fc)
    return steel * fs * (d - 0.4 * c) * 1000
