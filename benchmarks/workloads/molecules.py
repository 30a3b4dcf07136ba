"""Lennard-Jones atoms: their forces, and the end of 200 steps of motion by how they started."""

from typing import Any

import numpy as np

import chainrule

from . import Row, with_jax

ATOMS, STEPS, DT = 64, 200, 2e-3


def energy_of(x: Any, np: Any) -> Any:
    """Return the potential energy of all pairs."""
    i, j = PAIRS
    inverse = 1 / np.sum((x[i] - x[j]) ** 2, axis=-1) ** 3
    return 4 * np.sum(inverse**2 - inverse)


PAIRS = np.triu_indices(ATOMS, 1)


def force_of(x: Any, np: Any) -> Any:
    """Return the forces, written by hand."""
    d = x[:, None] - x[None]
    s = np.sum(d**2, axis=-1) + np.eye(ATOMS) * 1e9
    return np.sum((24 * (2 / s**7 - 1 / s**4))[:, :, None] * d, axis=1)


def moved_by(x: Any, v: Any, np: Any) -> Any:
    """Return the mean square of the places after the steps of velocity Verlet."""
    f = force_of(x, np)
    for _ in range(STEPS):
        v = v + 0.5 * DT * f
        x = x + DT * v
        f = force_of(x, np)
        v = v + 0.5 * DT * f
    return np.mean(x**2)


def rows() -> list[Row]:
    """Forces by the gradient of the energy; the gradient of an end by the first velocities."""
    rng = np.random.default_rng(0)
    grid = np.stack(np.meshgrid(*3 * [np.arange(4.0)]), -1).reshape(-1, 3)
    x = 1.2 * grid + 0.02 * rng.standard_normal((ATOMS, 3))
    v = 0.1 * rng.standard_normal((ATOMS, 3))

    def energy(x: Any) -> Any:
        return energy_of(x, np)

    def end(v: Any) -> Any:
        return moved_by(x, v, np)

    slope, back = chainrule.grad(energy), chainrule.grad(end)

    def jitted(jax: Any, jnp: Any) -> Any:
        theirs = jax.jit(jax.grad(lambda x: energy_of(x, jnp)))
        return lambda: theirs(x)

    def moved(jax: Any, jnp: Any) -> Any:
        def rewritten(v: Any) -> Any:
            def step(state: Any, _: Any) -> Any:
                x, v, f = state
                v = v + 0.5 * DT * f
                x = x + DT * v
                f = force_of(x, jnp)
                return (x, v + 0.5 * DT * f, f), None

            start = (jnp.asarray(x), v, force_of(x, jnp))
            return jnp.mean(jax.lax.scan(step, start, None, STEPS)[0][0] ** 2)

        theirs = jax.jit(jax.grad(rewritten))
        return lambda: theirs(v)

    return [
        Row("Lennard-Jones, 64 atoms, forces", lambda: energy(x), lambda: slope(x), None,
            {"by hand": lambda: -force_of(x, np)} | with_jax(jitted), calls=193),
        Row("Lennard-Jones, 64 atoms, 200 steps", lambda: end(v), lambda: back(v), None,
            with_jax(moved), 1e-7, calls=193),
    ]  # fmt: skip
