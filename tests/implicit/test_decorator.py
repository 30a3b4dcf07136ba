"""Solvers of one's own, and systems that are too large for a matrix."""

import tracemalloc
from typing import Any

import numpy as np
import pytest
from scipy import optimize

import chainrule
from chainrule.implicit import implicit

from .common import agrees


@implicit(residual=lambda z, a, b: z**3 + a * z - b)
def cubic(a: float, b: float) -> float:
    """Solve on plain floats only."""
    assert type(a) is not complex
    z = 1.0
    for _ in range(60):
        z = float(z - (z**3 + a * z - b) / (3 * z**2 + a))
    return z


def test_a_solver_of_ones_own() -> None:
    agrees(lambda a: cubic(a, 2.0), 1.0)
    agrees(lambda b: cubic(1.0, b), 2.0)
    assert type(cubic(1.0, 2.0)) is float
    assert cubic.__doc__ == "Solve on plain floats only."


def test_an_unfinished_answer_without_checks() -> None:
    @implicit(residual=lambda z, a: z**2 - a, check=False)
    def guess(a: Any) -> Any:
        return 1.3

    assert chainrule.grad(guess)(2.0) == pytest.approx(1 / 2.6)


def test_quadratic_programs_by_their_conditions() -> None:
    Q = np.array([[2.0, 0.5], [0.5, 1.0]])

    @implicit(residual=lambda x, b: Q @ x - b, symmetric=True)
    def solve(b: Any) -> Any:
        return np.linalg.solve(Q, b)

    np.testing.assert_allclose(
        chainrule.jacobian(solve)(np.array([1.0, 2.0])), np.linalg.inv(Q), rtol=1e-12
    )


def tridiagonal(z: Any, a: Any, b: Any) -> Any:
    end = z[:1] * 0
    neighbours = np.concatenate([end, z[:-1]]) + np.concatenate([z[1:], end])
    return 3 * z - neighbours + a * z**3 - b


def test_a_hundred_thousand_unknowns_need_no_matrix() -> None:
    n = 100_000
    b = np.linspace(0, 1, n)

    def solve(a: Any) -> Any:
        return optimize.root(
            tridiagonal, b / 2, args=(a, b), method="krylov", options={"fatol": 1e-8}
        ).x

    def total(a: Any) -> Any:
        z = solve(a)
        return np.sum(z**2), z

    tracemalloc.start()
    slope, z = chainrule.grad(total, has_aux=True)(0.7)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 70 * 8 * n  # SciPy's own solve takes about 50 vectors of n
    from scipy.sparse import diags
    from scipy.sparse.linalg import spsolve

    J = diags([-np.ones(n - 1), 3 + 3 * 0.7 * z**2, -np.ones(n - 1)], [-1, 0, 1], format="csc")
    assert slope == pytest.approx(float(-2 * z @ spsolve(J, z**3)), rel=1e-7)


def test_memory_does_not_grow_with_the_iterations() -> None:
    peaks = []
    for steps in (10, 1000):

        @implicit(residual=lambda z, a: z - np.cos(a * z), check=False)
        def solve(a: Any, steps: int = steps) -> Any:
            z = np.ones(10_000)
            for _ in range(steps):
                z = np.cos(a * z)
            return z

        chainrule.grad(lambda a, s=solve: np.sum(s(a)))(0.5)
        tracemalloc.start()
        chainrule.grad(lambda a, s=solve: np.sum(s(a)))(0.5)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] <= 1.05 * peaks[0]
