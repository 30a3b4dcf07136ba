"""Heat conduction, fins, radiation, diffusion."""

import numpy as np
from numpy import array, exp, pi, zeros
from scipy.integrate import solve_ivp
from scipy.linalg import solve_banded, toeplitz
from scipy.optimize import fsolve
from scipy.special import erf, erfc

from tests.everyday.collect import at

SIGMA = 5.670374e-8


@at([0.2, 1.5], [0.1, 0.4])
def explicit_diffusion(p):
    alpha, hot = p
    nx, nt = 21, 50
    T = zeros((nt, nx))
    T[0, :] = 0.2
    T[:, 0] = hot
    for n in range(0, nt - 1):
        for i in range(1, nx - 1):
            T[n + 1, i] = T[n, i] + alpha * (T[n, i + 1] - 2 * T[n, i] + T[n, i - 1])
        T[n + 1, -1] = T[n + 1, -2]
    return T[-1].mean()


@at([0.4, 2.0], [1.5, 1.0])
def crank_nicolson(p):
    """Assemble both matrices with loops and solve at every step."""
    lam, amp = p
    n = 10
    A = np.zeros((n, n))
    B = np.zeros((n, n))
    for i in range(n):
        A[i, i] = 2 + 2 * lam
        B[i, i] = 2 - 2 * lam
        if i > 0:
            A[i, i - 1] = -lam
            B[i, i - 1] = lam
        if i < n - 1:
            A[i, i + 1] = -lam
            B[i, i + 1] = lam
    x = np.linspace(0, 1, n + 2)[1:-1]
    u = amp * np.sin(pi * x) + x * (1 - x)
    for _ in range(8):
        u = np.linalg.solve(A, B @ u)
    return u.max()


@at([0.5, 1.2], [2.0, 0.7])
def thomas_algorithm(p):
    """Forward sweep and back substitution in place."""
    k, src = p
    n = 12
    a = -k * np.ones(n)
    b = (2 * k + 0.1) * np.ones(n)
    c = -k * np.ones(n)
    d = src * np.linspace(0, 1, n) ** 2
    for i in range(1, n):
        w = a[i] / b[i - 1]
        b[i] -= w * c[i - 1]
        d[i] -= w * d[i - 1]
    x = np.empty(n)
    x[-1] = d[-1] / b[-1]
    for i in range(n - 2, -1, -1):
        x[i] = (d[i] - c[i] * x[i + 1]) / b[i]
    return float(x.sum())


@at([0.3, 0.8], [1.0, 0.5])
def banded_fin(p):
    m, base = p
    n = 15
    ab = np.zeros((3, n))
    ab[0, 1:] = -1.0
    ab[1, :] = 2.0 + m**2 * 0.1
    ab[2, :-1] = -1.0
    rhs = np.zeros(n)
    rhs[0] = base
    theta = solve_banded((1, 1), ab, rhs)
    return theta[-1] / theta[0] + theta.sum()


@at([0.05, 2e-1], [0.3, 1.0])
def semi_infinite_solid(p):
    x, t = p
    alpha = 0.1
    eta = x / (2 * np.sqrt(alpha * t))
    return 300 + 80 * erfc(eta) + 20 * erf(eta) * exp(-t)


@at([400.0, 0.8], [700.0, 0.5])
def radiating_plate_temperature(p):
    q, eps = p

    def balance(T):
        return eps * SIGMA * (T**4 - 290.0**4) + 5.0 * (T - 290.0) - q

    T = fsolve(balance, 320.0, xtol=1e-13)[0]
    return T


@at([0.5, 3.0], [1.5, 1.0])
def lumped_cooling_with_table(p):
    h, power = p
    times = np.array([0, 1.0, 2.0, 4.0])
    ambient = np.array([20.0, 22.0, 18.0, 15.0])

    def rhs(t, T):
        return -h * (T - np.interp(t, times, ambient)) + power * np.exp(-t)

    sol = solve_ivp(rhs, (0, 1.6), [80.0], rtol=1e-11, atol=1e-11, max_step=0.1)
    return sol.y[0, -1]


@at([1.0, 0.5, 0.2], [2.0, 0.1, 0.9])
def composite_wall_flux(k):
    thickness = (0.1, 0.05, 0.2)
    resistance = [L / ki for L, ki in zip(thickness, k, strict=True)]
    resistance.insert(0, 1 / 10.0)
    resistance.append(1 / 25.0)
    flux = 20 / sum(resistance)
    temps = [20.0]
    for r in resistance:
        temps.append(temps[-1] - flux * r)
    return array(temps)[2:4].sum()


@at([0.4, 0.1], [0.9, 0.3])
def random_walk_kernel(p):
    """Diffuse a profile with a Toeplitz transition matrix."""
    stay, drift = p
    first = np.array([stay, (1 - stay) / 2 + drift, 0, 0, 0, 0])
    row = np.array([stay, (1 - stay) / 2 - drift, 0, 0, 0, 0])
    M = toeplitz(first, row)
    profile = np.linspace(1, 2, 6)
    return np.linalg.matrix_power(M, 3).dot(profile)[2]
