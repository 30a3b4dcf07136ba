"""Ecology: populations, food webs, occupancy, dispersal."""

import numpy as np
from scipy.integrate import solve_ivp
from scipy.optimize import root_scalar
from scipy.spatial.distance import cdist, pdist, squareform
from scipy.special import expit

from tests.everyday.collect import at

SITES = np.array([[0.0, 0.1], [1.0, 0.4], [0.3, 1.2], [2.0, 1.5]])


@at([1.1, 0.4], [0.6, 0.8])
def lotka_volterra_final(p):
    alpha, beta = p

    def rhs(t, z):
        x, y = z
        return [alpha * x - beta * x * y, -0.5 * y + 0.3 * x * y]

    sol = solve_ivp(rhs, [0, 3], [1.5, 0.8], rtol=1e-10, atol=1e-11)
    return float(sol.y[0][-1])


@at([2.2, 0.02], [1.6, 0.05])
def ricker_with_harvest(p):
    r, h = p
    n = 0.4
    catches = 0
    for year in range(20):
        n = n * np.exp(r * (1 - n))
        caught = h * n if n > 0.3 else 0.0
        n -= caught
        catches += caught
    return catches


@at([0.4, 0.7, 1.5], [0.2, 0.9, 3.0])
def leslie_growth_rate(p):
    s1, s2, f = p
    L = np.zeros((3, 3))
    L[0, 1:] = [f, 2 * f]
    L[1, 0] = s1
    L[2, 1] = s2
    n = np.ones(3)
    rate = 0.0
    for _ in range(200):
        new = L @ n
        rate = new.sum() / n.sum()
        n = new / new.sum()
    return np.log(rate)


@at([0.2, 1.0], [-0.5, 0.4])
def occupancy_detection(p):
    histories = ["101", "000", "010", "111", "000"]
    psi = expit(p[0])
    det = expit(p[1])
    ll = 0.0
    for h in histories:
        lik = psi
        for c in h:
            lik = lik * (det if c == "1" else 1 - det)
        if "1" not in h:
            lik = lik + (1 - psi)
        ll += np.log(lik)
    return ll


@at([0.5, 2.0], [1.3, 0.7])
def metapopulation_capacity(p):
    alpha, area = p
    d = squareform(pdist(SITES))
    A = np.array([1.0, area, 0.5, 1.5])
    M = np.exp(-alpha * d) * np.outer(A, A)
    np.fill_diagonal(M, 0.0)
    return np.linalg.eigvalsh(M)[-1]


@at([0.8, 1.1], [1.6, 0.3])
def moth_distance_kernel(trap):
    d = cdist(trap.reshape(1, 2), SITES)
    return np.exp(-d / 0.7).sum()


@at([0.3, 0.25, 0.2, 0.15], [0.5, 0.1, 0.7, 0.4])
def hill_diversity(w):
    x = np.asarray(w, dtype=float)
    if x.ndim != 1:
        raise ValueError("one community at a time")
    p = x / x.sum()
    shannon = -np.sum(p * np.log(p))
    hill = {q: np.sum(p**q) ** (1 / (1 - q)) for q in (0.5, 2, 3)}
    return np.exp(shannon) + sum(hill.values())


@at([1.2, 0.3], [2.0, 0.5])
def optimal_foraging_time(p):
    """Marginal value theorem by a bracketing solver."""
    gmax, travel = p

    def condition(t):
        gain = gmax * t / (1 + t)
        slope = gmax / (1 + t) ** 2 - 0.1 * t
        return slope * (t + travel) - gain

    sol = root_scalar(condition, bracket=[1e-3, 20], method="brentq", xtol=1e-13)
    return sol.root


@at([0.9, 0.05], [1.4, 0.1])
def fisher_kpp_front(p):
    r, D = p
    dx, dt = 0.5, 0.1
    u = np.zeros(40)
    u[:3] = 1.0
    for _ in range(30):
        lap = np.empty_like(u)
        lap[1:-1] = (u[2:] - 2 * u[1:-1] + u[:-2]) / dx**2
        lap[0] = (u[1] - u[0]) / dx**2
        lap[-1] = (u[-2] - u[-1]) / dx**2
        u += dt * (D * lap + r * u * (1 - u))
    return dx * np.sum(u)


@at([0.3, 1.5], [0.6, 0.9])
def holling_functional_response(p):
    a, h = p
    prey = np.linspace(0.5, 10, 12)

    @np.vectorize
    def eaten(n):
        if n < 4:
            return a * n / (1 + a * h * n)
        return a * n**2 / (4 + a * h * n**2)

    return eaten(prey).sum()
