"""Stiff kinetics (HIRES, 8 states, 10 rate constants) by BDF: the gradient of a fit.

E. Hairer and G. Wanner, Solving Ordinary Differential Equations II, 2nd ed. (1996), §IV.10.
"""

from ..one_workload import main, rows_of  # isort: skip (sets the thread count first)

from typing import Any

import numpy as np
from scipy.integrate import solve_ivp

RATES = np.array([1.71, 0.43, 8.32, 0.69, 0.035, 8.32, 280.0, 0.69, 0.69, 0.0007])


def make(method: str = "BDF") -> dict[str, Any]:
    """Return the plain function, a start, and the variants."""
    times = np.linspace(0, 321.8, 20)
    start = np.zeros(8)
    start[0], start[7] = 1.0, 0.0057

    def rhs(t: Any, y: Any, k: Any) -> Any:
        return np.array([
            -k[0] * y[0] + k[1] * y[1] + k[2] * y[2] + k[9],
            k[0] * y[0] - 8.75 * y[1],
            -10.03 * y[2] + k[1] * y[3] + k[4] * y[4],
            k[2] * y[1] + k[0] * y[2] - 1.12 * y[3],
            -1.745 * y[4] + k[1] * y[5] + k[1] * y[6],
            -k[6] * y[5] * y[7] + k[3] * y[3] + k[0] * y[4] - k[1] * y[5] + k[3] * y[6],
            k[6] * y[5] * y[7] - 1.81 * y[6],
            -k[6] * y[5] * y[7] + 1.81 * y[6],
        ])  # fmt: skip

    def loss(k: Any) -> Any:
        found = solve_ivp(
            rhs, (0, 321.8), start, method, times, args=(k,), rtol=1e-6, atol=1e-8
        )
        return np.sum(found.y**2)

    return {
        "title": f"stiff kinetics (HIRES), {method}, 10 rates",
        "function": loss,
        "x0": RATES,
        "variants": {},
        "at most": 3.0,
    }


def rows() -> Any:
    """Return what is measured."""
    return rows_of(make())


if __name__ == "__main__":
    main(make())
