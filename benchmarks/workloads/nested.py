"""Programs that optimise inside: penalties of a logistic regression, a design of experiments."""

from typing import Any

import numpy as np
from scipy.optimize import minimize

import chainrule

from . import Row, differences, with_jax

FEATURES = 40


def penalties() -> Row:
    """The loss on held-out data by one penalty a feature, through the fit of the weights."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((400, FEATURES))
    y = (X @ rng.standard_normal(FEATURES) + rng.standard_normal(400) > 0).astype(float)
    (X, X0), (y, y0) = (X[:200], X[200:]), (y[:200], y[200:])

    def held_out(log_penalty: Any) -> Any:
        penalty = np.exp(log_penalty)

        def loss(w: Any) -> Any:
            z = X @ w
            return np.sum(np.logaddexp(0, z) - y * z) + 0.5 * np.sum(penalty * w**2)

        def slope(w: Any) -> Any:
            return X.T @ (1 / (1 + np.exp(-(X @ w))) - y) + penalty * w

        w = minimize(loss, np.zeros(FEATURES), jac=slope, method="BFGS", tol=1e-9).x
        z = X0 @ w
        return np.mean(np.logaddexp(0, z) - y0 * z)

    x = np.zeros(FEATURES)
    gradient = chainrule.grad(held_out)
    return Row("bilevel, 40 penalties, BFGS inside", lambda: held_out(x), lambda: gradient(x),
               None, calls=FEATURES + 1)  # fmt: skip


def design() -> Row:
    """The D-criterion of 12 times at which a model of four parameters is measured.

    The information is that of the Jacobian of the model: a derivative of derivatives.
    """
    theta = np.array([1.0, 0.6, 0.5, 0.1])

    def model(theta: Any, t: Any) -> Any:
        return theta[0] * np.exp(-theta[1] * t) + theta[2] * np.exp(-theta[3] * t)

    def criterion(t: Any) -> Any:
        J = chainrule.jacobian(lambda theta: model(theta, t))(theta)
        return -np.linalg.slogdet(J.T @ J)[1]

    t = np.linspace(0.2, 12, 12)
    gradient = chainrule.grad(criterion)

    def jitted(jax: Any, jnp: Any) -> Any:
        def rewritten(t: Any) -> Any:
            J = jax.jacfwd(lambda p: p[0] * jnp.exp(-p[1] * t) + p[2] * jnp.exp(-p[3] * t))(theta)
            return -jnp.linalg.slogdet(J.T @ J)[1]

        theirs = jax.jit(jax.grad(rewritten))
        return lambda: theirs(t)

    return Row("D-optimal design, 12 times", lambda: criterion(t), lambda: gradient(t),
               differences(criterion, t), with_jax(jitted))  # fmt: skip


def rows() -> list[Row]:
    """Both gradients."""
    return [penalties(), design()]
