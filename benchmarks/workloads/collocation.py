"""A swing-up of a pole on a cart by trapezoidal collocation: 31 knots, 155 unknowns, 128 equations.

The Jacobian of the equations and the Hessian of the Lagrangian are what an interior-point method
asks for at every step.
"""

from typing import Any

import numpy as np

import chainrule

from . import Row, differences, with_jax

KNOTS, STEP = 31, 2.0 / 30
CART, POLE, LENGTH, GRAVITY = 1.0, 0.3, 0.5, 9.81
START, END = np.zeros(4), np.array([0.8, np.pi, 0.0, 0.0])


def rates(x: Any, u: Any, np: Any) -> Any:
    """Time derivatives of place, angle and their speeds, at all knots."""
    s, c = np.sin(x[:, 1]), np.cos(x[:, 1])
    below = CART + POLE * s**2
    cart = (LENGTH * POLE * s * x[:, 3] ** 2 + u + POLE * GRAVITY * c * s) / below
    pole = -(LENGTH * POLE * c * s * x[:, 3] ** 2 + u * c + (CART + POLE) * GRAVITY * s) / (
        LENGTH * below
    )
    return np.stack([x[:, 2], x[:, 3], cart, pole], axis=1)


def defects_of(z: Any, np: Any) -> Any:
    """What the equations lack: 120 of the motion, 8 of its two ends."""
    knots = np.reshape(z, (KNOTS, 5))
    x, u = knots[:, :4], knots[:, 4]
    f = rates(x, u, np)
    motion = x[1:] - x[:-1] - STEP / 2 * (f[1:] + f[:-1])
    return np.concatenate([np.ravel(motion), x[0] - START, x[-1] - END])


def lagrangian_of(z: Any, weights: Any, np: Any) -> Any:
    """The effort, and the equations with their multipliers."""
    u = np.reshape(z, (KNOTS, 5))[:, 4]
    return STEP / 2 * np.sum(u[1:] ** 2 + u[:-1] ** 2) + weights @ defects_of(z, np)


def rows() -> list[Row]:
    """The 128 × 155 Jacobian and the 155 × 155 Hessian."""
    rng = np.random.default_rng(0)
    z, weights = rng.standard_normal(5 * KNOTS), rng.standard_normal(4 * KNOTS + 4)

    def defects(z: Any) -> Any:
        return defects_of(z, np)

    def lagrangian(z: Any) -> Any:
        return lagrangian_of(z, weights, np)

    jacobian, hessian = chainrule.jacobian(defects), chainrule.hessian(lagrangian)
    slope = chainrule.grad(lagrangian)

    def jax_jacobian(jax: Any, jnp: Any) -> Any:
        theirs = jax.jit(jax.jacrev(lambda z: defects_of(z, jnp)))
        return lambda: theirs(z)

    def jax_hessian(jax: Any, jnp: Any) -> Any:
        theirs = jax.jit(jax.hessian(lambda z: lagrangian_of(z, weights, jnp)))
        return lambda: theirs(z)

    return [
        Row("collocation, 128 × 155 Jacobian", lambda: defects(z), lambda: jacobian(z),
            differences(defects, z), with_jax(jax_jacobian)),
        Row("collocation, 155 × 155 Hessian", lambda: lagrangian(z), lambda: hessian(z),
            differences(slope, z), with_jax(jax_hessian)),
    ]  # fmt: skip
