"""Implicit heat equation on a 60 × 60 plate: `splu` once, 100 solves, all conductivities traced."""

from ..one_workload import main, rows_of  # isort: skip (sets the thread count first)

from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import splu

SIDE, STEPS, DT = 60, 100, 0.05


def make(side: int = SIDE, steps: int = STEPS) -> dict[str, Any]:
    """Return the plain function, a start, and the variants."""
    n = side * side
    cells = np.arange(n).reshape(side, side)
    i = np.concatenate([cells[:, :-1].ravel(), cells[:-1].ravel()])
    j = np.concatenate([cells[:, 1:].ravel(), cells[1:].ravel()])
    rng = np.random.default_rng(0)
    start, seen = rng.random(n), rng.random(n)

    def misfit(log_k: Any) -> Any:
        k = np.exp(log_k)
        edge = 2 * k[i] * k[j] / (k[i] + k[j])
        w = sp.csr_array((np.concatenate([edge, edge]), (np.r_[i, j], np.r_[j, i])), shape=(n, n))
        lap = sp.diags_array(w.sum(axis=1)) - w
        factor = splu((sp.eye_array(n) + DT * lap).tocsc())
        u = start
        for _ in range(steps):
            u = factor.solve(u)
        return np.sum((u - seen) ** 2)

    def by_hand(log_k: Any) -> Any:
        k = np.exp(log_k)
        a, b = k[i], k[j]
        edge = 2 * a * b / (a + b)
        w = sp.csr_array((np.concatenate([edge, edge]), (np.r_[i, j], np.r_[j, i])), shape=(n, n))
        lap = sp.diags_array(w.sum(axis=1)) - w
        factor = splu((sp.eye_array(n) + DT * lap).tocsc())
        us = [start]
        for _ in range(steps):
            us.append(factor.solve(us[-1]))
        back, slope = 2 * (us[-1] - seen), np.zeros(edge.size)
        for u in reversed(us[1:]):
            back = factor.solve(back, "T")
            slope -= DT * (back[i] - back[j]) * (u[i] - u[j])
        found = np.bincount(i, slope * 2 * b**2 / (a + b) ** 2, n)
        found += np.bincount(j, slope * 2 * a**2 / (a + b) ** 2, n)
        return found * k

    return {
        "title": f"implicit heat, splu once, {steps} solves, {n} parameters",
        "function": misfit,
        "x0": rng.normal(0.0, 0.3, n),
        "variants": {"by hand": by_hand},
        "at most": 4.0,
    }


def rows() -> list[Any]:
    """Return the gradient as a row."""
    return rows_of(make())


if __name__ == "__main__":
    main(make())
