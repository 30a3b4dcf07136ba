"""Electrical circuits: nodal analysis, filters, diodes, transients."""

import math

import numpy as np
from scipy import linalg, signal
from scipy.optimize import brentq, fsolve

from tests.everyday.collect import at

VT = 0.02585


@at([100.0, 220.0, 330.0, 5.0], [10.0, 47.0, 68.0, 9.0])
def nodal_analysis(p):
    """Stamp the conductance matrix resistor by resistor and solve."""
    r1, r2, r3, v = p
    net = [(0, 1, r1), (1, 2, r2), (0, 2, r3), (1, -1, r2), (2, -1, r3)]
    G = np.zeros((3, 3))
    for a, b, r in net:
        g = 1.0 / r
        G[a, a] += g
        if b >= 0:
            G[b, b] += g
            G[a, b] -= g
            G[b, a] -= g
    I = np.zeros(3)
    I[0] = v / 10.0
    G[0, 0] += 1 / 10.0
    volts = np.linalg.solve(G, I)
    return volts[2]


@at([1e3, 1e-6], [4.7e3, 2.2e-7])
def rc_filter_gain_db(p):
    R, C = p
    f = np.logspace(1, 4, 20)
    s = 2j * np.pi * f
    H = 1 / (1 + s * R * C)
    gain = 20 * np.log10(np.abs(H))
    return gain.mean()


@at([10.0, 1.0, 0.1], [5.0, 2.0, 0.3])
def series_rlc_step(p):
    R, L, C = p
    dt, n = 0.005, 200
    q = np.zeros(n)
    i = np.zeros(n)
    for k in range(n - 1):
        di = (1.0 - R * i[k] - q[k] / C) / L
        i[k + 1] = i[k] + dt * di
        q[k + 1] = q[k] + dt * i[k + 1]
    return q[-1] / C


@at([5.0, 1000.0], [3.3, 470.0])
def diode_operating_point(p):
    vs, r = p
    i_s = 1e-12

    def mismatch(v):
        return i_s * (np.exp(v / VT) - 1) - (vs - v) / r

    v = brentq(mismatch, 0.0, 0.9, xtol=1e-14)
    return (vs - v) / r


@at([1.0, 2.0], [3.0, 0.7])
def bridge_with_fsolve(p):
    ra, rb = p

    def kirchhoff(v):
        va, vb = v
        return [
            (5 - va) / ra - va / 3.0 - (va - vb) / 2.0 - 0.01 * va**3,
            (5 - vb) / rb - vb / 4.0 + (va - vb) / 2.0,
        ]

    va, vb = fsolve(kirchhoff, [2.0, 2.0], xtol=1e-13)
    return va - vb


@at([0.3, 50.0], [0.2, 20.0])
def impedance_ladder(p):
    L, R = p
    w = 2 * math.pi * 50
    z = complex(R, 0.0)
    for stage in range(4):
        z = 1j * w * L + 1 / (1j * w * 1e-6 * (stage + 1) + 1 / z)
    return abs(z)


@at([0.4, 0.7], [0.2, 1.3])
def second_order_section_response(p):
    """Step response of a digital filter whose coefficients are computed."""
    w0, q = p
    alpha = np.sin(w0) / (2 * q)
    b = np.array([(1 - np.cos(w0)) / 2, 1 - np.cos(w0), (1 - np.cos(w0)) / 2])
    a = np.array([1 + alpha, -2 * np.cos(w0), 1 - alpha])
    y = signal.lfilter(b / a[0], a / a[0], np.ones(30))
    return np.max(y)


@at([2.0, 1.0, 0.5], [1.0, 3.0, 0.2])
def state_space_transient(p):
    R, L, C = p
    A = np.array([[-R / L, -1 / L], [1 / C, 0.0]])
    phi = linalg.expm(A * 0.3)
    x = np.array([0.0, 1.0])
    out = []
    for _ in range(5):
        x = phi @ x
        out.append(x[1])
    return np.array(out)


@at([0.9, 1.5], [1.6, 0.8])
def rectifier_ripple(p):
    """Half-wave rectifier with a smoothing capacitor."""
    amp, tau = p
    t = np.linspace(0, 2, 101)
    vin = amp * np.sin(2 * np.pi * t + 0.1)
    vout = np.empty_like(vin)
    vout[0] = 0.05
    for k in range(1, len(t)):
        decayed = vout[k - 1] * math.exp(-(t[k] - t[k - 1]) / tau)
        vout[k] = max(vin[k], decayed)
    return vout[50:].mean() - vout[40]
