"""Log-likelihood of a state-space model by a Kalman filter of 1000 steps, five parameters."""

from ..one_workload import main, rows_of  # isort: skip (sets the thread count first)

from typing import Any

import numpy as np

STEPS = 1000


def make(steps: int = STEPS) -> dict[str, Any]:
    """Return the plain function, a start, and the variants."""
    rng = np.random.default_rng(0)
    seen = np.cumsum(rng.standard_normal((steps, 2)), axis=0) * 0.1
    H = np.array([[1.0, 0, 0, 0], [0, 0, 1.0, 0]])

    def likelihood(theta: Any) -> Any:
        damp, turn = np.exp(-np.exp(theta[0])), theta[1]
        q, r = np.exp(theta[2]), np.exp(theta[3])
        block = np.array([[1.0, 1.0], [-turn, damp]])
        F = np.kron(np.eye(2), block)
        Q = q * np.diag([0.1, 1.0, 0.1, 1.0])
        R = r * np.eye(2)
        x, P, total = np.zeros(4), np.exp(theta[4]) * np.eye(4), 0.0
        for y in seen:
            x = F @ x
            P = F @ P @ F.T + Q
            S = H @ P @ H.T + R
            e = y - H @ x
            K = np.linalg.solve(S, H @ P).T
            total = total - 0.5 * (e @ np.linalg.solve(S, e) + np.linalg.slogdet(S)[1])
            x = x + K @ e
            P = P - K @ H @ P
        return total

    def with_jax() -> Any:
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_enable_x64", True)

        def rewritten(theta: Any) -> Any:
            damp, turn = jnp.exp(-jnp.exp(theta[0])), theta[1]
            block = jnp.array([[1.0, 1.0], [-turn, damp]])
            F = jnp.kron(jnp.eye(2), block)
            Q = jnp.exp(theta[2]) * jnp.diag(jnp.array([0.1, 1.0, 0.1, 1.0]))
            R = jnp.exp(theta[3]) * jnp.eye(2)

            def step(state: Any, y: Any) -> Any:
                x, P = state
                x, P = F @ x, F @ P @ F.T + Q
                S, e = H @ P @ H.T + R, y - H @ x
                K = jnp.linalg.solve(S, H @ P).T
                term = e @ jnp.linalg.solve(S, e) + jnp.linalg.slogdet(S)[1]
                return (x + K @ e, P - K @ H @ P), term

            start = (jnp.zeros(4), jnp.exp(theta[4]) * jnp.eye(4))
            return -0.5 * jnp.sum(jax.lax.scan(step, start, seen)[1])

        gradient = jax.jit(jax.grad(rewritten))
        return lambda theta: np.asarray(gradient(theta))

    return {
        "title": f"Kalman filter, {steps} steps, 5 parameters",
        "function": likelihood,
        "x0": np.array([-2.0, 0.1, -2.0, -1.0, 0.0]),
        "variants": {},
        "jax": with_jax,
        "at most": 12.0,
    }


def rows() -> list[Any]:
    """Return the gradient as a row."""
    return rows_of(make())


if __name__ == "__main__":
    main(make())
