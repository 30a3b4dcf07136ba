"""Mechanics: projectiles, pendulums, springs and rigid bodies."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.integrate import odeint, solve_ivp
from scipy.optimize import brentq
from scipy.special import ellipk

from tests.everyday.collect import at

G = 9.81


@at([35.0, 20.0], [52.0, 31.0])
def projectile_range_with_drag(p):
    """Fly until the ground, step by step, and interpolate the landing."""
    angle, speed = p
    vx = speed * math.cos(math.radians(angle))
    vy = speed * math.sin(math.radians(angle))
    x, y, dt, k = 0.0, 0.0, 0.02, 0.01
    while True:
        v = math.sqrt(vx**2 + vy**2)
        x_new, y_new = x + vx * dt, y + vy * dt
        vx -= k * v * vx * dt
        vy -= (G + k * v * vy) * dt
        if y_new < 0:
            break
        x, y = x_new, y_new
    return x + (x_new - x) * y / (y - y_new)


@at([0.3, 1.1], [0.8, 2.0])
def pendulum_energy_rk4(p):
    theta0, length = p
    n, dt = 60, 0.01
    y = np.zeros((n + 1, 2))
    y[0] = [theta0, 0.0]

    def rhs(s):
        return np.array([s[1], -G / length * np.sin(s[0])])

    for i in range(n):
        k1 = rhs(y[i])
        k2 = rhs(y[i] + dt / 2 * k1)
        k3 = rhs(y[i] + dt / 2 * k2)
        k4 = rhs(y[i] + dt * k3)
        y[i + 1] = y[i] + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return float(np.sum(0.5 * length**2 * y[:, 1] ** 2) * dt)


@at([1.0, 2.0, 1.5, 0.3], [2.0, 1.0, 0.7, 0.1])
def coupled_oscillators_frequencies(p):
    k1, k2, k3, m = p
    K = np.array([[k1 + k2, -k2], [-k2, k2 + k3]])
    M = np.diag([m, 2 * m])
    lam = np.linalg.eigvals(np.linalg.inv(M) @ K)
    freqs = np.sort(np.sqrt(lam.real)) / (2 * np.pi)
    return freqs


@at(0.4, 1.2)
def exact_pendulum_period(theta0):
    k = np.sin(theta0 / 2)
    return 4 * np.sqrt(1.0 / G) * ellipk(k**2)


@at([0.5, 0.2], [1.5, 0.6])
def damped_spring_odeint(p):
    k, c = p

    def rhs(state, t):
        x, v = state
        return [v, -k * x - c * v]

    t = np.linspace(0, 5, 21)
    sol = odeint(rhs, [1.0, 0.0], t, rtol=1e-10, atol=1e-10)
    return np.sum(sol[:, 0] ** 2)


@at([0.5, 0.3], [1.0, 0.4])
def bead_on_rotating_hoop(p):
    """Equilibrium angle of the bead from the torque balance."""
    omega = 5.0 + p[0]
    r = 0.5 + p[1]

    def torque(th):
        return omega**2 * r * math.cos(th) - G

    return brentq(torque, 1e-6, math.pi / 2)


@dataclass
class Body:
    mass: float
    x: float
    v: float

    def momentum(self):
        return self.mass * self.v

    def energy(self):
        return 0.5 * self.mass * self.v**2


@at([1.0, 2.0, 3.0, -1.0], [2.5, 0.5, 1.0, 0.2])
def elastic_collision_train(p):
    a = Body(p[0], 0.0, p[2])
    b = Body(p[1], 1.0, p[3])
    if a.v <= b.v:
        raise ValueError("they never meet")
    t_hit = (b.x - a.x) / (a.v - b.v)
    total = a.mass + b.mass
    va = ((a.mass - b.mass) * a.v + 2 * b.mass * b.v) / total
    vb = ((b.mass - a.mass) * b.v + 2 * a.mass * a.v) / total
    a.v, b.v = va, vb
    bodies = [a, b]
    return sum(q.energy() * t_hit for q in bodies) + bodies[0].momentum() ** 2


@at([0.1, 0.2, 0.3], [1.0, -0.5, 0.7])
def rigid_body_spin(w0):
    inertia = {"x": 1.0, "y": 2.0, "z": 3.0}
    I = np.array(list(inertia.values()))

    def euler(t, w):
        return np.array(
            [
                (I[1] - I[2]) * w[1] * w[2] / I[0],
                (I[2] - I[0]) * w[2] * w[0] / I[1],
                (I[0] - I[1]) * w[0] * w[1] / I[2],
            ]
        )

    sol = solve_ivp(euler, (0.0, 1.5), w0, rtol=1e-10, atol=1e-12)
    w = sol.y[:, -1]
    return 0.5 * np.dot(I * w, w) + w[0]
