"""Quantum mechanics: matrices, wave packets, perturbation, scattering."""

import math

import numpy as np
from numpy.fft import fft, fftfreq, ifft
from scipy.integrate import solve_ivp
from scipy.linalg import eigh_tridiagonal, expm
from scipy.optimize import brentq
from scipy.special import eval_hermite, factorial, sph_harm_y, spherical_jn

from tests.everyday.collect import at

SX = np.array([[0, 1], [1, 0]], dtype=complex)
SY = np.array([[0, -1j], [1j, 0]])
SZ = np.array([[1, 0], [0, -1]], dtype=complex)


@at([0.5, 1.2], [1.3, 0.4])
def rabi_population(p):
    delta, omega = p
    H = 0.5 * (delta * SZ + omega * SX)
    U = expm(-1j * H * 2.0)
    psi = U @ np.array([1, 0], dtype=complex)
    return float(np.abs(psi[1]) ** 2)


@at([0.3, 0.6], [0.8, 1.5])
def anharmonic_ground_state(p):
    n = 12
    H = np.zeros((n, n))
    x = np.zeros((n, n))
    for i in range(n - 1):
        x[i, i + 1] = x[i + 1, i] = math.sqrt((i + 1) / 2)
    for i in range(n):
        H[i, i] = i + 0.5
    H = H + p[0] * np.linalg.matrix_power(x, 4) + p[1] * x
    return np.linalg.eigvalsh(H)[0]


@at([0.8, 1.5], [1.6, 0.7])
def split_operator_packet(p):
    k0, height = p
    n, L = 32, 20.0
    x = np.linspace(-L / 2, L / 2, n, endpoint=False)
    k = 2 * np.pi * fftfreq(n, L / n)
    psi = np.exp(-0.5 * (x + 3) ** 2 + 1j * k0 * x)
    V = height * np.exp(-(x**2))
    half = np.exp(-0.5j * V * 0.1)
    for _ in range(20):
        psi = half * psi
        psi = ifft(np.exp(-0.5j * k**2 * 0.1) * fft(psi))
        psi = half * psi
    prob = np.abs(psi) ** 2
    return prob[x > 0].sum() / prob.sum()


@at([4.0, 1.3], [7.0, 0.9])
def finite_well_energy(p):
    depth, width = p

    def match(E):
        k = np.sqrt(2 * E)
        kappa = np.sqrt(2 * (depth - E))
        return k * np.sin(k * width / 2) - kappa * np.cos(k * width / 2)

    return brentq(match, 1e-6, min(depth, (np.pi / width) ** 2 / 2) - 1e-6, xtol=1e-14)


@at([1.5, 0.7], [2.5, 1.4])
def tunnelling_transfer_matrix(p):
    height, width = p
    E = 1.0
    k1 = math.sqrt(2 * E)
    k2 = np.emath.sqrt(2 * (E - height))

    def step(ka, kb):
        r = kb / ka
        return 0.5 * np.array([[1 + r, 1 - r], [1 - r, 1 + r]])

    prop = np.diag([np.exp(-1j * k2 * width), np.exp(1j * k2 * width)])
    M = step(k1, k2) @ prop @ step(k2, k1)
    return 1 / abs(M[0, 0]) ** 2


@at([0.2, 0.5], [0.7, -0.3])
def second_order_perturbation(p):
    levels = [0.0, 1.0, 2.5, 4.0]
    V = np.array([[0, p[0], 0.1, p[1]], [p[0], 0, p[1], 0], [0.1, p[1], 0, 0.3], [p[1], 0, 0.3, 0]])
    return sum(V[0, k] ** 2 / (levels[0] - levels[k]) for k in range(1, 4))


@at([0.5, 0.3], [1.0, 0.9])
def lindblad_decay(p):
    gamma, drive = p

    def rhs(t, r):
        rho = r.reshape(2, 2)
        H = drive * SX.real
        sm = np.array([[0.0, 1.0], [0.0, 0.0]])
        diss = sm @ rho @ sm.T - 0.5 * (sm.T @ sm @ rho + rho @ sm.T @ sm)
        return (-1j * (H @ rho - rho @ H) + gamma * diss).ravel()

    sol = solve_ivp(rhs, (0, 0.8), np.array([0, 0, 0, 1], dtype=complex), rtol=1e-9, atol=1e-11)
    return sol.y[3, -1].real


@at([0.6, 1.1], [1.4, 0.5])
def bloch_vector_purity(p):
    rho = np.outer(
        [np.cos(p[0]), np.sin(p[0]) * np.exp(1j * p[1])],
        np.conj([np.cos(p[0]), np.sin(p[0]) * np.exp(1j * p[1])]),
    )
    rho = 0.8 * rho + 0.1 * np.eye(2)
    bloch = np.array([np.trace(rho @ s).real for s in (SX, SY, SZ)])
    return np.linalg.norm(bloch) + bloch[0]


@at([1.2, 0.4], [0.6, -0.8])
def tight_binding_gap(p):
    hop, dimer = p
    ks = np.linspace(-np.pi, np.pi, 9)
    gaps = []
    for k in ks:
        h = np.array(
            [[0, hop + (hop + dimer) * np.exp(-1j * k)], [hop + (hop + dimer) * np.exp(1j * k), 0]]
        )
        e = np.linalg.eigvalsh(h)
        gaps.append(e[1] - e[0])
    return np.mean(gaps) + min(gaps)


@at(0.7, 1.9)
def oscillator_density(x):
    total = 0
    for n in range(4):
        norm = 1 / np.sqrt(2.0**n * factorial(n) * np.sqrt(np.pi))
        total += (norm * eval_hermite(n, x) * np.exp(-(x**2) / 2)) ** 2 * 0.5**n
    return total


@at(1.3, 2.2)
def partial_wave_cross_section(ka):
    sigma = 0.0
    for ell in range(3):
        j = spherical_jn(ell, ka)
        sigma += (2 * ell + 1) * j**2
    return 4 * np.pi * sigma


@at([0.5, 1.2], [2.0, 0.7])
def spherical_harmonic_mix(p):
    theta, phi = p
    psi = sph_harm_y(1, 0, theta, phi) + 0.5 * sph_harm_y(2, 1, theta, phi)
    return np.abs(psi) ** 2


@at([0.5, 0.8], [1.5, 0.2])
def finite_difference_morse(p):
    depth, a = p
    x = np.linspace(-1.5, 6, 40)
    h = x[1] - x[0]
    V = 5 * depth * (1 - np.exp(-a * x)) ** 2
    E = eigh_tridiagonal(V + 1 / h**2, np.full(39, -0.5 / h**2), eigvals_only=True)
    return E[1] - E[0]
