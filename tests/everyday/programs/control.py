"""Control: loops, regulators, observers, margins."""

import math

import numpy as np
from scipy import signal
from scipy.integrate import solve_ivp
from scipy.linalg import expm, solve_continuous_are, solve_continuous_lyapunov
from scipy.optimize import brentq

from tests.everyday.collect import at


class PID:
    def __init__(self, kp, ki, kd):
        self.kp, self.ki, self.kd = kp, ki, kd
        self.integral = 0.0
        self.last = None

    def step(self, error, dt):
        self.integral += error * dt
        slope = 0.0 if self.last is None else (error - self.last) / dt
        self.last = error
        return self.kp * error + self.ki * self.integral + self.kd * slope


@at([1.2, 0.5, 0.05], [2.0, 0.8, 0.1])
def pid_tracking_cost(gains):
    pid = PID(*gains)
    x, v, dt, cost = 0.0, 0.0, 0.05, 0.0
    for _ in range(60):
        u = pid.step(1.0 - x, dt)
        v += dt * (u - 0.8 * v)
        x += dt * v
        cost += dt * (1 - x) ** 2 + 0.001 * dt * u**2
    return cost


@at([1.0, 0.3], [2.5, 0.1])
def saturated_actuator(p):
    gain, lag = p
    x = 0.0
    u = 0.0
    for k in range(40):
        cmd = gain * (1.0 - x)
        if cmd > 0.8:
            cmd = 0.8
        elif cmd < -0.8:
            cmd = -0.8
        u += lag * (cmd - u)
        x += 0.1 * u
    return x


@at([0.5, 1.5], [2.0, 0.4])
def discrete_riccati_iteration(p):
    A = np.array([[1.0, 0.1], [0.0, 0.95]])
    B = np.array([[0.0], [0.1]])
    Q = np.diag([p[0], 0.1])
    R = np.array([[p[1]]])
    P = Q.copy()
    for i in range(200):
        K = np.linalg.solve(R + B.T @ P @ B, B.T @ P @ A)
        Pn = Q + A.T @ P @ (A - B @ K)
        done = np.allclose(Pn, P, rtol=1e-13, atol=0)
        P = Pn
        if done:
            break
    return K[0, 0]


@at([1.0, 0.5], [3.0, 0.2])
def continuous_lqr_cost(p):
    A = np.array([[0.0, 1.0], [-p[0], -0.2]])
    B = np.array([[0.0], [1.0]])
    P = solve_continuous_are(A, B, np.eye(2), np.array([[p[1]]]))
    x0 = np.array([1.0, 0.0])
    return x0 @ P @ x0


@at([0.7, 0.3], [1.4, 0.9])
def lyapunov_h2_norm(p):
    A = np.array([[-p[0], 1.0], [-0.5, -p[1]]])
    W = solve_continuous_lyapunov(A, -np.eye(2))
    return math.sqrt(np.trace(W))


@at([2.0, 0.4], [5.0, 0.2])
def phase_margin(p):
    K, tau = p

    def gain(w):
        s = 1j * w
        return abs(K / (s * (1 + tau * s))) - 1

    wc = brentq(gain, 1e-3, 100, xtol=1e-13)
    return 180 - 90 - math.degrees(math.atan(tau * wc))


@at([1.5, 0.4], [0.8, 0.6])
def step_response_overshoot(p):
    wn, zeta = p
    t = np.linspace(0, 8, 60)
    wd = wn * np.sqrt(1 - zeta**2)
    y = 1 - np.exp(-zeta * wn * t) * (np.cos(wd * t) + zeta / np.sqrt(1 - zeta**2) * np.sin(wd * t))
    k = int(np.argmax(y))
    return y[k] + np.trapezoid((1 - y) ** 2, t)


@at([0.6, 1.1], [1.3, 0.5])
def zero_order_hold(p):
    A = np.array([[0, 1], [-p[0], -p[1]]])
    B = np.array([[0], [1.0]])
    M = np.zeros((3, 3))
    M[:2, :2] = A
    M[:2, 2:] = B
    E = expm(M * 0.2)
    Ad, Bd = E[:2, :2], E[:2, 2:]
    x = np.zeros((2, 1))
    for _ in range(10):
        x = Ad @ x + Bd
    return x[0, 0]


@at([0.9, 0.25], [1.7, 0.5])
def bode_from_scipy(p):
    w = np.array([0.1, 0.5, 1.0, 2.0])
    _, h = signal.freqs([p[0]], [1.0, 2 * p[1], 1.0], worN=w)
    return np.sum(20 * np.log10(np.abs(h)))


@at([3.0, 1.0], [6.0, 2.0])
def inverted_pendulum_feedback(k):
    def rhs(t, s):
        u = -k[0] * s[0] - k[1] * s[1]
        return np.array([s[1], np.sin(s[0]) + u])

    sol = solve_ivp(rhs, (0.0, 1.5), np.array([0.4, 0.0]), method="RK45", rtol=1e-9, atol=1e-11)
    return sol.y[0, -1] ** 2 * 100 + sol.y[1, -1]


@at([0.4, -0.3], [0.8, 0.1])
def routh_array_minor(p):
    coeffs = np.poly([-1.0 - p[0], -2.0 + p[1], -0.5])
    n = len(coeffs)
    table = np.zeros((n, 2))
    table[0, :] = coeffs[0::2]
    table[1, : len(coeffs[1::2])] = coeffs[1::2]
    for i in range(2, n):
        table[i, 0] = table[i - 1, 0] * table[i - 2, 1] - table[i - 2, 0] * table[i - 1, 1]
        table[i, 0] /= table[i - 1, 0]
    return table[2, 0]
