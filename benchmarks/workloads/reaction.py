"""Gray–Scott in one dimension, 200 states, 4 parameters: gradients through four methods.

J. E. Pearson, Complex patterns in a simple system, Science 261 (1993) 189–192.
"""

from ..one_workload import main, rows_of  # isort: skip (sets the thread count first)

import sys
from typing import Any

import numpy as np
from scipy.integrate import solve_ivp

CELLS = 100


def make(method: str = "BDF", cells: int = CELLS) -> dict[str, Any]:
    """Return the plain function, a start, and the variants."""
    x = np.linspace(0, 1, cells)
    dx = 1.0 / cells
    bump = np.exp(-(((x - 0.5) / 0.05) ** 2))
    start = np.concatenate([1 - 0.5 * bump, 0.25 * bump])

    def rhs(t: Any, z: Any, p: Any) -> Any:
        u, v = z[:cells], z[cells:]
        spread = [(np.roll(w, 1) - 2 * w + np.roll(w, -1)) / dx**2 for w in (u, v)]
        r = u * v * v
        return np.concatenate([
            p[0] * spread[0] - r + p[2] * (1 - u), p[1] * spread[1] + r - (p[2] + p[3]) * v
        ])  # fmt: skip

    def loss(p: Any) -> Any:
        found = solve_ivp(rhs, (0, 50), start, method, args=(p,), rtol=1e-5, atol=1e-7)
        return np.sum(found.y[:, -1] ** 2)

    return {
        "title": f"Gray–Scott, {2 * cells} states, {method}, 4 parameters",
        "function": loss,
        "x0": np.array([2e-4, 1e-4, 0.04, 0.06]),
        "variants": {},
        "at most": 10.0,
    }


def rows() -> Any:
    """Return what is measured."""
    return [row for method in ("RK45", "LSODA", "BDF") for row in rows_of(make(method))]


if __name__ == "__main__":
    main(make(sys.argv[1] if sys.argv[1:] and sys.argv[1][0] != "-" else "BDF"))
