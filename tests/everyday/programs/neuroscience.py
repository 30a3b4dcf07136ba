"""Neuroscience: membranes, spikes, networks, tuning curves."""

import math

import numpy as np
from scipy.integrate import odeint
from scipy.optimize import minimize
from scipy.signal import convolve
from scipy.special import i0

from tests.everyday.collect import at


def alpha_n(v):
    return 0.01 * (v + 55) / (1 - math.exp(-(v + 55) / 10))


def alpha_m(v):
    return 0.1 * (v + 40) / (1 - math.exp(-(v + 40) / 10))


@at([10.0, 120.0, 36.0], [7.0, 110.0, 40.0])
def hodgkin_huxley_euler(p):
    current, g_na, g_k = p
    V, n, m, h = -65.0, 0.3177, 0.0529, 0.5961
    dt = 0.02
    trace = np.zeros(90)
    for i in range(90):
        trace[i] = V
        i_na = g_na * m**3 * h * (V - 50)
        i_k = g_k * n**4 * (V + 77)
        i_l = 0.3 * (V + 54.4)
        n += dt * (alpha_n(V) * (1 - n) - 0.125 * math.exp(-(V + 65) / 80) * n)
        m += dt * (alpha_m(V) * (1 - m) - 4 * math.exp(-(V + 65) / 18) * m)
        h += dt * (0.07 * math.exp(-(V + 65) / 20) * (1 - h) - h / (1 + math.exp(-(V + 35) / 10)))
        V += dt * (current - i_na - i_k - i_l)
    return trace.mean()


@at([1.6, 10.0], [2.2, 15.0])
def integrate_and_fire_first_spike(p):
    """Time of the first threshold crossing, interpolated."""
    drive, tau = p
    v, t, dt = 0.0, 0.0, 0.1
    while v < 1.0:
        old = v
        v = v + dt * (-v + drive) / tau
        t += dt
        if t > 500:
            return np.inf
    return t - dt * (v - 1.0) / (v - old)


@at([0.7, 0.8, 0.5], [0.6, 0.9, 0.33])
def fitzhugh_nagumo(p):
    a, b, current = p

    def rhs(y, t):
        v, w = y
        return [v - v**3 / 3 - w + current, 0.08 * (v + a - b * w)]

    t = np.linspace(0, 8, 17)
    y = odeint(rhs, [-1.0, 1.0], t, rtol=1e-10, atol=1e-10)
    return y[:, 0].mean()


@at([0.5, 2.0], [1.4, 0.8])
def von_mises_fisher_information(p):
    pref, kappa = p
    centres = np.linspace(-np.pi, np.pi, 8, endpoint=False)
    rate = 10 * np.exp(kappa * np.cos(pref - centres)) / i0(kappa)
    slope = -kappa * np.sin(pref - centres) * rate
    return np.sum(slope**2 / rate)


@at([0.2, 0.9], [0.5, 0.4])
def poisson_glm_history(w):
    spikes = np.array([0, 1, 0, 0, 2, 1, 0, 1])
    stim = np.sin(np.arange(8))
    ll = 0.0
    for t in range(len(spikes)):
        h = 0.0
        for lag in range(1, 3):
            if t - lag >= 0:
                h += spikes[t - lag] / lag
        lam = math.exp(w[0] * stim[t] - w[1] * h)
        ll += spikes[t] * math.log(lam) - lam
    return ll


@at([0.8, 0.3], [1.2, 0.1])
def rate_network_steady_state(p):
    W = np.array([[0.2, -0.5, 0.1], [0.4, 0.1, -0.3], [-0.2, 0.3, 0.2]]) * p[0]
    x = np.zeros(3)
    for _ in range(300):
        new = np.tanh(W @ x + p[1])
        if np.max(np.abs(new - x)) < 1e-14:
            x = new
            break
        x = new
    return x.sum()


@at([3.0, 8.0], [5.0, 12.0])
def synaptic_trace(p):
    rise, decay = p
    t = np.arange(0, 40, 1.0)
    kernel = np.exp(-t / decay) - np.exp(-t / rise)
    kernel /= kernel.max()
    train = np.zeros(60)
    train[[5, 12, 13, 30]] = 1.0
    psp = convolve(train, kernel, mode="full")[:60]
    return psp[35] + psp.mean()


@at([0.6, 1.0], [0.3, 2.0])
def oja_learning_rule(p):
    lr, scale = p[0] * 0.1, p[1]
    rng = np.random.default_rng(11)
    data = rng.normal(size=(30, 2)) @ np.array([[1.0, 0.6], [0.0, 0.5]])
    w = np.array([0.3, 0.2])
    for x in data * scale:
        y = w @ x
        w += lr * y * (x - y * w)
    return np.linalg.norm(w)


@at([1.2, 0.7], [0.8, 1.3])
def tuning_curve_fit(p):
    """Fit a Gaussian tuning curve by Nelder-free minimisation."""
    theta = np.linspace(-2, 2, 9)
    response = p[0] * np.exp(-0.5 * (theta / p[1]) ** 2) + 0.1 * theta

    def sse(q):
        model = q[0] * np.exp(-0.5 * (theta / q[1]) ** 2)
        return np.sum((response - model) ** 2)

    best = minimize(sse, np.array([1.0, 1.0]), method="BFGS", tol=1e-10)
    return best.x[1]
