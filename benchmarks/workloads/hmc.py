"""Log-density of a hierarchical logistic regression, as a Hamiltonian sampler asks for it."""

from ..one_workload import main, rows_of  # isort: skip (sets the thread count first)

from typing import Any

import numpy as np

ROWS, GROUPS, SLOPES = 500, 30, 8


def make(rows: int = ROWS, groups: int = GROUPS) -> dict[str, Any]:
    """Return the plain function, a start, and the variants."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((rows, SLOPES))
    group = rng.integers(0, groups, rows)
    hit = (rng.random(rows) < 0.4).astype(float)

    def density_of(q: Any, np: Any) -> Any:
        mu, log_tau, log_scale = q[0], q[1], q[2]
        raw, slopes = q[3 : 3 + groups], q[3 + groups :]
        level = mu + np.exp(log_tau) * raw
        eta = level[group] + X @ slopes
        fit = np.sum(hit * eta - np.logaddexp(0.0, eta))
        prior = -0.5 * np.sum(raw**2) - 0.5 * np.sum((slopes * np.exp(-log_scale)) ** 2)
        hyper = -0.5 * mu**2 / 25 - np.exp(2 * log_tau) / 2 + log_tau - SLOPES * log_scale
        return fit + prior + hyper - 0.5 * log_scale**2

    def density(q: Any) -> Any:
        return density_of(q, np)

    def by_hand(q: Any) -> Any:
        raw, slopes, tau, shrink = q[3 : 3 + groups], q[3 + groups :], np.exp(q[1]), np.exp(-q[2])
        eta = (q[0] + tau * raw)[group] + X @ slopes
        back = hit - 1 / (1 + np.exp(-eta))
        level = np.bincount(group, back, groups)
        scaled = np.sum((slopes * shrink) ** 2)
        return np.concatenate([
            [level.sum() - q[0] / 25, tau * (level @ raw) - tau**2 + 1, scaled - SLOPES - q[2]],
            tau * level - raw, X.T @ back - slopes * shrink**2,
        ])  # fmt: skip

    def with_jax() -> Any:
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_enable_x64", True)
        gradient = jax.jit(jax.grad(lambda q: density_of(q, jnp)))
        return lambda q: np.asarray(gradient(q))

    return {
        "title": f"HMC density, hierarchical logistic regression, {3 + groups + SLOPES} parameters",
        "function": density,
        "x0": np.random.default_rng(1).standard_normal(3 + groups + SLOPES) * 0.3,
        "variants": {"by hand": by_hand},
        "jax": with_jax,
        "at most": 12.0,
    }


def rows() -> list[Any]:
    """Return the gradient as a row."""
    return rows_of(make())


if __name__ == "__main__":
    main(make())
