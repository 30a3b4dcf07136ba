"""Chemistry: kinetics, equilibria, titration."""

from math import exp, log10

import numpy as np
from scipy.integrate import quad, solve_ivp
from scipy.optimize import brentq, curve_fit, root

from tests.everyday.collect import at

R = 8.314
STOICHIOMETRY = np.array([[-1.0, 0.0], [1.0, -1.0], [0.0, 1.0]])


def arrhenius(A, Ea, T):
    return A * np.exp(-Ea / (R * T))


@at([0.5, 0.3], [1.2, 0.1])
def consecutive_reactions(k):
    def rhs(t, c):
        rates = np.array([k[0] * c[0], k[1] * c[1]])
        return STOICHIOMETRY @ rates

    sol = solve_ivp(rhs, [0, 1.5], [1.0, 0.0, 0.0], rtol=1e-10, atol=1e-12)
    return sol.y[2, -1]


@at([0.8, 0.4], [2.0, 0.9])
def euler_autocatalysis(k):
    dt = 0.02
    a, b = 1.0, 0.01
    history = []
    for _ in range(100):
        r1 = k[0] * a * b
        r2 = k[1] * b
        a += -r1 * dt
        b += (r1 - r2) * dt
        history.append((a, b))
    table = np.array(history)
    return table[:, 1].mean()


@at([4.76, 0.1], [6.2, 0.05])
def weak_acid_ph(p):
    pKa, c = p
    Ka, Kw = 10**-pKa, 1e-14

    def charge(pH):
        h = 10**-pH
        return h - Kw / h - c * Ka / (Ka + h)

    return brentq(charge, 0.0, 14.0, xtol=1e-13)


@at([1e3, 2.5e4], [5e2, 3.1e4])
def nonisothermal_conversion(p):
    A, Ea = p
    T = np.linspace(300, 450, 31)
    k = arrhenius(A, Ea, T)
    integral = np.trapezoid(k, T) / 150
    return 1 - np.exp(-integral)


@at([1.5, 0.4], [0.7, 0.9])
def michaelis_menten_progress(p):
    vmax, km = p
    s = np.zeros(51)
    s[0] = 2.0
    for i in range(50):
        v = vmax * s[i] / (km + s[i])
        s[i + 1] = s[i] - 0.02 * v
    product = s[0] - s
    return product[-1]


@at([2.0, 0.5], [1.0, 1.5])
def fitted_rate_constant(p):
    """Make data, fit an exponential to them, return the rate."""
    t = np.linspace(0, 2, 15)
    data = p[0] * np.exp(-p[1] * t) + 0.05 * np.sin(5 * t)

    def model(t, a, k):
        return a * np.exp(-k * t)

    popt, _ = curve_fit(model, t, data, p0=[1.0, 1.0], xtol=1e-14, ftol=1e-14, gtol=1e-14)
    return popt[1]


@at(350.0, 420.0)
def gibbs_equilibrium_extent(T):
    dH, dS = -40000.0, -90.0
    K = exp(-(dH - T * dS) / (R * T))
    lo, hi = 1e-9, 1 - 1e-9
    while hi - lo > 1e-15:
        mid = 0.5 * (lo + hi)
        if mid**2 / (1 - mid) ** 2 < K:
            lo = mid
        else:
            hi = mid
        if mid in (lo, hi) and hi - lo < 1e-12:
            break
    x = 0.5 * (lo + hi)
    x = x - (x**2 - K * (1 - x) ** 2) / (2 * x + 2 * K * (1 - x))
    x = x - (x**2 - K * (1 - x) ** 2) / (2 * x + 2 * K * (1 - x))
    return x


@at(300.0, 650.0)
def equilibrium_by_root(T):
    K1 = np.exp(2000 / T - 3)
    K2 = np.exp(-1500 / T + 1)

    def balances(x):
        e1, e2 = x
        return [e1 - K1 * (1 - e1), (e1 * e2) - K2 * (1 - e2)]

    sol = root(balances, [0.3, 0.3], tol=1e-13)
    if not sol.success:
        raise RuntimeError(sol.message)
    return sol.x.sum()


@at([1.0, 2.0], [0.6, 1.4])
def plug_flow_volume(p):
    """Reactor volume as an integral over conversion."""
    k, order = p
    v, err = quad(lambda X: 1.0 / (k * (1 - X) ** order), 0.0, 0.8)
    return v


@at([0.01, 1.3, 0.2], [0.05, 0.7, 0.4])
def activity_coefficients(c):
    """Extended Debye-Hückel with a charge table."""
    charges = {"Na": 1, "Ca": 2, "Cl": -1}
    ionic = 0.5 * sum(ci * z**2 for ci, z in zip(c, charges.values(), strict=True))
    gammas = {}
    for name, z in charges.items():
        gammas[name] = 10 ** (-0.509 * z**2 * np.sqrt(ionic) / (1 + np.sqrt(ionic)))
    return -log10(gammas["Ca"] * gammas["Cl"] ** 2)
