"""Log-likelihood of a Gaussian process: Cholesky, two solves, seven hyperparameters."""

from ..one_workload import main, rows_of  # isort: skip (sets the thread count first)

from typing import Any

import numpy as np
from scipy.linalg import cho_solve, cholesky, solve_triangular

POINTS, DIMENSIONS = 1000, 5


def make(points: int = POINTS) -> dict[str, Any]:
    """Return the plain function, a start, and the variants."""
    rng = np.random.default_rng(0)
    inputs = rng.random((points, DIMENSIONS))
    seen = np.sin(inputs.sum(axis=1) * 3) + 0.1 * rng.standard_normal(points)
    squares = (inputs[:, None] - inputs[None]).transpose(2, 0, 1) ** 2

    def covariance(theta: Any) -> Any:
        weights = np.exp(-2 * theta[:DIMENSIONS])
        distance = np.tensordot(weights, squares, axes=1)
        smooth = np.exp(2 * theta[DIMENSIONS] - 0.5 * distance)
        return smooth + (np.exp(2 * theta[DIMENSIONS + 1]) + 1e-8) * np.eye(points)

    def likelihood(theta: Any) -> Any:
        low = cholesky(covariance(theta), lower=True)
        alpha = cho_solve((low, True), seen)
        fixed = 0.5 * points * np.log(2 * np.pi)
        return -0.5 * seen @ alpha - np.sum(np.log(np.diag(low))) - fixed

    def by_hand(theta: Any) -> Any:
        weights = np.exp(-2 * theta[:DIMENSIONS])
        smooth = np.exp(2 * theta[DIMENSIONS] - 0.5 * np.tensordot(weights, squares, axes=1))
        low = cholesky(smooth + (np.exp(2 * theta[-1]) + 1e-8) * np.eye(points), lower=True)
        alpha = cho_solve((low, True), seen)
        half = solve_triangular(low, np.eye(points), lower=True)
        slope = 0.5 * (np.outer(alpha, alpha) - half.T @ half)
        inner = slope * smooth
        lengths = weights * np.tensordot(squares, inner, axes=2)
        return np.r_[lengths, 2 * inner.sum(), 2 * np.exp(2 * theta[-1]) * np.trace(slope)]

    def with_jax() -> Any:
        import jax
        import jax.numpy as jnp
        from jax.scipy.linalg import cho_solve as jax_cho_solve

        jax.config.update("jax_enable_x64", True)

        def rewritten(theta: Any) -> Any:
            distance = jnp.tensordot(jnp.exp(-2 * theta[:DIMENSIONS]), squares, axes=1)
            smooth = jnp.exp(2 * theta[DIMENSIONS] - 0.5 * distance)
            noise = (jnp.exp(2 * theta[DIMENSIONS + 1]) + 1e-8) * jnp.eye(points)
            low = jnp.linalg.cholesky(smooth + noise)
            fit = seen @ jax_cho_solve((low, True), seen)
            fixed = 0.5 * points * jnp.log(2 * jnp.pi)
            return -0.5 * fit - jnp.sum(jnp.log(jnp.diag(low))) - fixed

        gradient = jax.jit(jax.grad(rewritten))
        return lambda theta: np.asarray(gradient(theta))

    return {
        "title": f"Gaussian process, log-likelihood, n = {points}, {DIMENSIONS + 2} parameters",
        "function": likelihood,
        "x0": np.r_[np.full(DIMENSIONS, -0.3), 0.1, -1.5],
        "variants": {"by hand": by_hand},
        "jax": with_jax,
        "at most": 8.0,
    }


def rows() -> list[Any]:
    """Return the gradient as a row."""
    return rows_of(make())


if __name__ == "__main__":
    main(make())
