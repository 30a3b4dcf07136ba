"""Likelihood of a GARCH(1, 1) model, a loop of 5,000 steps, three parameters: by `jit`, and eager.

T. Bollerslev, Generalized autoregressive conditional heteroskedasticity, J. Econometrics 31, 1986.
"""

import time
import warnings
from typing import Any

import numpy as np
from scipy.optimize import minimize

import chainrule

from . import Row, differences, with_jax

STEPS = 5_000


def simulated(steps: int = STEPS) -> Any:
    """Return returns of a market that follows the model."""
    rng = np.random.default_rng(0)
    e, v = np.zeros(steps), 0.2
    for k in range(steps):
        e[k] = np.sqrt(v) * rng.standard_normal()
        v = 0.02 + 0.08 * e[k] ** 2 + 0.9 * v
    return e


def objective(returns: Any) -> Any:
    """Return the negative log-likelihood of the parameters ω, α and β."""

    def likelihood(theta: Any) -> Any:
        v = np.zeros(len(returns))
        v[0] = returns.var()
        for k in range(1, len(returns)):
            v[k] = theta[0] + theta[1] * returns[k - 1] ** 2 + theta[2] * v[k - 1]
        return 0.5 * np.sum(np.log(v) + returns**2 / v)

    return likelihood


def rows() -> list[Row]:
    """The gradient, replayed and eager, and a whole fit."""
    returns, x = simulated(), np.array([0.03, 0.1, 0.85])
    f = objective(returns)
    eager = chainrule.grad(f)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        replayed = chainrule.jit(chainrule.grad(f))
        start = time.perf_counter()
        replayed(x)
        first = time.perf_counter() - start

    def jitted(jax: Any, jnp: Any) -> Any:
        def rewritten(theta: Any) -> Any:
            def step(v: Any, e: Any) -> Any:
                v = theta[0] + theta[1] * e**2 + theta[2] * v
                return v, v

            v0 = jnp.var(returns)
            v = jnp.concatenate([v0[None], jax.lax.scan(step, v0, returns[:-1])[1]])
            return 0.5 * jnp.sum(jnp.log(v) + returns**2 / v)

        theirs = jax.jit(jax.grad(rewritten))
        return lambda: theirs(x)

    short = objective(returns[:1000])
    exact = chainrule.jit(chainrule.grad(short))
    bounds = [(1e-4, 1), (1e-3, 0.5), (1e-3, 0.999)]

    def fit(**by: Any) -> Any:
        return minimize(short, x, method="L-BFGS-B", bounds=bounds, tol=1e-9, **by)

    title = f"GARCH, {STEPS:,} steps, 3 parameters"
    return [
        Row(f"{title}, replayed (first {first * 1e3:.0f} ms)", lambda: f(x), lambda: replayed(x),
            differences(f, x), with_jax(jitted)),
        Row(f"{title}, eager", lambda: f(x), lambda: eager(x), differences(f, x)),
        Row("GARCH, 1,000 steps, whole fit", lambda: short(x), lambda: fit(jac=exact).fun,
            lambda: fit().fun),
    ]  # fmt: skip
