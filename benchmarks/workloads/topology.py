"""Topology optimisation: compliance of a cantilever by densities, a sparse system of 1,200 cells.

M. P. Bendsøe, O. Sigmund, Topology Optimization (2003); the element matrix is that of the 99-line
code, O. Sigmund, Struct. Multidisc. Optim. 21 (2001).
"""

from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import spsolve

import chainrule

from . import Row

WIDE, HIGH = 60, 20


def element(nu: float = 0.3) -> Any:
    """Return the stiffness matrix of a square element with four nodes, for E = 1."""
    k = np.array([1 / 2 - nu / 6, 1 / 8 + nu / 8, -1 / 4 - nu / 12, -1 / 8 + 3 * nu / 8,
                  -1 / 4 + nu / 12, -1 / 8 - nu / 8, nu / 6, 1 / 8 - 3 * nu / 8])  # fmt: skip
    order = np.array([
        [0, 1, 2, 3, 4, 5, 6, 7], [1, 0, 7, 6, 5, 4, 3, 2], [2, 7, 0, 5, 6, 3, 4, 1],
        [3, 6, 5, 0, 7, 2, 1, 4], [4, 5, 6, 7, 0, 1, 2, 3], [5, 4, 3, 2, 1, 0, 7, 6],
        [6, 3, 4, 1, 2, 7, 0, 5], [7, 2, 1, 4, 3, 6, 5, 0],
    ])  # fmt: skip
    return k[order] / (1 - nu**2)


def make() -> tuple[Any, Any, Any]:
    """Return the compliance, densities, and the gradient by hand: −u·(dK/dρ)u."""
    x, y = np.meshgrid(np.arange(WIDE), np.arange(HIGH), indexing="ij")
    corner = (HIGH + 1) * x + y
    nodes = np.stack([corner + 1, corner + HIGH + 2, corner + HIGH + 1, corner], -1).reshape(-1, 4)
    dofs = np.stack([2 * nodes, 2 * nodes + 1], -1).reshape(-1, 8)
    rows, cols = np.repeat(dofs, 8, axis=1).ravel(), np.tile(dofs, (1, 8)).ravel()
    size = 2 * (WIDE + 1) * (HIGH + 1)
    free = np.arange(2 * (HIGH + 1), size)
    force = np.zeros(size)
    force[-1] = -1.0
    KE = element()

    def moved(density: Any) -> Any:
        young = 1e-9 + density**3 * (1 - 1e-9)
        K = sp.coo_array(((young[:, None] * KE.ravel()).ravel(), (rows, cols)), shape=(size, size))
        u = np.zeros(size)
        u[free] = spsolve(K.tocsc()[free][:, free], force[free])
        return u

    def by_hand(density: Any) -> Any:
        u = moved(density)[dofs]
        return -3 * density**2 * (1 - 1e-9) * np.einsum("ci,ij,cj->c", u, KE, u)

    densities = np.random.default_rng(0).uniform(0.3, 0.7, WIDE * HIGH)
    return lambda density: force @ moved(density), densities, by_hand


def rows() -> list[Row]:
    """The gradient by all densities."""
    f, x, by_hand = make()
    slope = chainrule.grad(f)
    return [Row("topology, 1,200 densities, spsolve", lambda: f(x), lambda: slope(x), None,
                {"by hand": lambda: by_hand(x)}, 1e-8, 1201)]  # fmt: skip
