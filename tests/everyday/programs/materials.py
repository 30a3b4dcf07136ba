"""Materials: elasticity, plasticity, fatigue, crystals, fitting."""

import numpy as np
from scipy.optimize import brentq, curve_fit
from scipy.special import gamma

from tests.everyday.collect import at


def rotation(theta):
    c, s = np.cos(theta), np.sin(theta)
    return np.array(
        [[c**2, s**2, 2 * c * s], [s**2, c**2, -2 * c * s], [-c * s, c * s, c**2 - s**2]]
    )


@at([140.0, 10.0, 0.6], [120.0, 8.0, 1.1])
def laminate_stiffness(p):
    E1, E2, angle = p
    nu12, G12 = 0.3, 5.0
    nu21 = nu12 * E2 / E1
    Q = np.zeros((3, 3))
    Q[0, 0] = E1 / (1 - nu12 * nu21)
    Q[1, 1] = E2 / (1 - nu12 * nu21)
    Q[0, 1] = Q[1, 0] = nu12 * E2 / (1 - nu12 * nu21)
    Q[2, 2] = G12
    A = np.zeros((3, 3))
    for ply in (0.0, angle, -angle, np.pi / 2):
        T = rotation(ply)
        Tinv = np.linalg.inv(T)
        A += Tinv @ Q @ Tinv.T * 0.125
    return 1 / np.linalg.inv(A)[0, 0]


@at([0.01, 210.0], [0.02, 190.0])
def radial_return_plasticity(p):
    strain_max, E = p
    sigma_y, H = 0.25, 2.0
    eps_p, alpha, stress = 0.0, 0.0, []
    for eps in np.linspace(0, strain_max, 15):
        trial = E * (eps - eps_p)
        f = abs(trial) - (sigma_y + H * alpha)
        if f > 0:
            dgamma = f / (E + H)
            trial -= np.sign(trial) * E * dgamma
            eps_p += np.sign(trial) * dgamma
            alpha += dgamma
        stress.append(trial)
    return np.trapezoid(stress, np.linspace(0, strain_max, 15))


@at([1.2, -0.3, 0.5, 0.8], [2.0, 0.4, -0.9, 0.3])
def von_mises_and_principal(s):
    sx, sy, sz, txy = s
    tensor = np.array([[sx, txy, 0.1], [txy, sy, 0.0], [0.1, 0.0, sz]])
    dev = tensor - np.trace(tensor) / 3 * np.eye(3)
    vm = np.sqrt(1.5 * np.einsum("ij,ij->", dev, dev))
    principal = np.linalg.eigvalsh(tensor)[::-1]
    return vm + (principal[0] - principal[2]) / 2


@at([300.0, 0.1], [450.0, 0.05])
def basquin_miner_damage(p):
    fatigue_strength, exponent = p
    blocks = {200.0: 1e4, 150.0: 5e4, 100.0: 2e5}
    damage = 0.0
    for amplitude, n in blocks.items():
        life = 0.5 * (amplitude / fatigue_strength) ** (-1 / exponent)
        damage += n / life
    return np.log10(damage)


@at([0.8, 1.4], [1.1, 1.2])
def lennard_jones_cluster(p):
    epsilon, sigma = p
    xyz = np.array([[0, 0, 0], [1.5, 0, 0], [0.7, 1.3, 0], [0.6, 0.5, 1.2]])
    energy = 0.0
    for i in range(3):
        for j in range(i + 1, 4):
            r = np.linalg.norm(xyz[i] - xyz[j])
            if r < 3.0 * sigma:
                s6 = (sigma / r) ** 6
                energy += 4 * epsilon * (s6**2 - s6)
    return energy


@at([4.0, 2.0], [5.5, 1.3])
def weibull_strength(p):
    modulus, scale = p
    mean = scale * gamma(1 + 1 / modulus)
    var = scale**2 * gamma(1 + 2 / modulus) - mean**2
    return mean - 1.5 * np.sqrt(var)


@at([1.0, 4.2], [1.3, 3.9])
def birch_murnaghan_fit(p):
    """Fit an equation of state to energies and return the bulk modulus."""
    v = np.linspace(0.9, 1.1, 9)
    e = p[0] * (v - 1) ** 2 - p[1] * (v - 1) ** 3 / 6

    def eos(v, e0, b, v0):
        return e0 + b * (v - v0) ** 2 / v

    popt, pcov = curve_fit(eos, v, e, p0=(0.0, 1.0, 1.0), xtol=1e-14, ftol=1e-14, gtol=1e-14)
    return popt[1]


@at([0.3, 1.5], [0.6, 2.5])
def hall_petch_phase_mixture(p):
    frac, d = p
    rule = np.piecewise(d, [d < 1.0, d >= 1.0], [lambda x: 2 * x, lambda x: 1 + x**-0.5])
    voigt = frac * 200 + (1 - frac) * 70
    reuss = 1 / (frac / 200 + (1 - frac) / 70)
    return 0.5 * (voigt + reuss) * rule


@at([0.1, 5.0], [0.4, 2.0])
def maxwell_relaxation_prony(p):
    g, tau = p
    t = np.r_[0.0, np.logspace(-1, 1, 10)]
    weights = np.array([g, 0.3, 0.2])
    taus = np.array([tau, 1.0, 0.1])
    G = 1.0 - weights.sum() + weights @ np.exp(-t[None, :] / taus[:, None])
    return np.trapezoid(G, t)


@at([1.4, 0.2], [2.1, 0.35])
def crack_critical_length(p):
    K, beta = p

    def intensity(a):
        geometry = 1.12 - 0.231 * a + 10.55 * a**2 * beta
        return geometry * np.sqrt(np.pi * a) - K

    return brentq(intensity, 1e-6, 5.0, xtol=1e-13)
