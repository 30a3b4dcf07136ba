"""Risk of a portfolio of 50 assets: its gradient, the Jacobian of the shares of risk, a Hessian."""

from typing import Any

import numpy as np

import chainrule

from . import Row, differences, with_jax

ASSETS = 50


def shares_of(w: Any, S: Any, np: Any) -> Any:
    """What each asset contributes to the volatility."""
    risk = S @ w
    return w * risk / np.sqrt(w @ risk)


def objective_of(w: Any, S: Any, mu: Any, np: Any) -> Any:
    """Volatility against return, the budget, and the distance from equal shares of risk."""
    part = shares_of(w, S, np)
    total = np.sum(part)
    uneven = np.sum((part / total - 1 / ASSETS) ** 2)
    return total - 0.1 * mu @ w + 5.0 * uneven - 1e-3 * np.sum(np.log(w)) + (np.sum(w) - 1) ** 2


def rows() -> list[Row]:
    """The gradient, the 50 × 50 Jacobian and the 50 × 50 Hessian."""
    rng = np.random.default_rng(0)
    factors = rng.standard_normal((ASSETS, 60))
    S, mu = factors @ factors.T / 60, rng.standard_normal(ASSETS)
    w = rng.uniform(0.5, 1.5, ASSETS) / ASSETS

    def shares(w: Any) -> Any:
        return shares_of(w, S, np)

    def objective(w: Any) -> Any:
        return objective_of(w, S, mu, np)

    slope, hessian = chainrule.grad(objective), chainrule.hessian(objective)
    jacobian = chainrule.jacobian(shares)

    def jitted(transform: str, f: Any) -> Any:
        def make(jax: Any, jnp: Any) -> Any:
            theirs = jax.jit(getattr(jax, transform)(lambda w: f(w, jnp)))
            return lambda: theirs(w)

        return with_jax(make)

    def of_objective(w: Any, np: Any) -> Any:
        return objective_of(w, S, mu, np)

    return [
        Row("portfolio, gradient", lambda: objective(w), lambda: slope(w),
            differences(objective, w), jitted("grad", of_objective)),
        Row("portfolio, 50 × 50 Jacobian", lambda: shares(w), lambda: jacobian(w),
            differences(shares, w), jitted("jacrev", lambda w, np: shares_of(w, S, np))),
        Row("portfolio, 50 × 50 Hessian", lambda: objective(w), lambda: hessian(w),
            differences(slope, w), jitted("hessian", of_objective)),
    ]  # fmt: skip
