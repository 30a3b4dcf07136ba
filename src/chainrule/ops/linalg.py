"""Linear algebra: each op by a JVP in terms of the others.

References: M. B. Giles, Collected matrix derivative results for forward and reverse mode
algorithmic differentiation (2008); S. F. Walter and L. Lehmann, Algorithmic differentiation of
linear algebra functions with application in optimum experimental design (2010).
"""

from typing import Any

import numpy as np

from ..core.op import Op, sample
from ..core.registry import declare
from ..core.slots import Jvp, Linear

GILES = "M. B. Giles, Collected matrix derivative results (2008)"


def well_conditioned(*shape: int) -> Any:
    """Draw matrices near the identity, for samples."""

    def draw(rng: Any) -> Any:
        return rng.standard_normal(shape) * 0.3 + 2 * np.eye(shape[-2], shape[-1])

    return draw


def positive_definite(*shape: int) -> Any:
    """Draw symmetric positive definite matrices, for samples."""

    def draw(rng: Any) -> Any:
        a = rng.standard_normal(shape)
        return a @ np.swapaxes(a, -1, -2) + shape[-1] * np.eye(shape[-1])

    return draw


def _solve_jvp(t: Any, y: Any, a: Any, b: Any) -> Any:
    """dx = −A⁻¹ dA x."""
    if len(b.shape) == 1:
        return -np.linalg.solve(a, np.matmul(t, y[..., None]))[..., 0]
    return -np.linalg.solve(a, np.matmul(t, y))


def _solve_transpose(ct: Any, a: Any, b: Any) -> Any:
    return np.linalg.solve(np.matrix_transpose(a), ct)


solve = declare(
    Op(
        "solve",
        np.linalg.solve,
        (Jvp(_solve_jvp), Linear(transpose=_solve_transpose)),
        function=np.linalg.solve,
        samples=(
            sample(well_conditioned(3, 3), (3,)), sample(well_conditioned(3, 3), (3, 2)),
            sample(well_conditioned(2, 3, 3), (2, 3, 2)),
        ),
        references=(GILES,),
    )
)  # fmt: skip


def _phi(a: Any) -> Any:
    """Lower triangle with half the diagonal."""
    n = a.shape[-1]
    return a * (np.tril(np.ones((n, n))) - 0.5 * np.eye(n))


def _cholesky_jvp(t: Any, y: Any, _a: Any, upper: bool) -> Any:
    """dL = L Φ(L⁻¹ dA L⁻ᵀ), with dA symmetrised as the factorisation reads one triangle."""
    inner = np.linalg.solve(y, t)
    inner = np.linalg.solve(y, np.matrix_transpose(inner))
    return np.matmul(y, _phi(np.matrix_transpose(inner)))


cholesky = declare(
    Op(
        "cholesky",
        lambda a, upper: np.linalg.cholesky(a, upper=upper),
        (Jvp(_cholesky_jvp),),
        bind=lambda a, /, *, upper=False: ((a,), {"upper": bool(upper)}),
        function=np.linalg.cholesky,
        samples=(sample(positive_definite(3, 3)),),
        references=(GILES,),
    )
)
