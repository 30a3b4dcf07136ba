"""Forward kinematics of an arm with six joints: the 6 × 6 Jacobian of pose by angles."""

from typing import Any

import numpy as np

import chainrule

from . import Row, differences, with_jax

# Denavit–Hartenberg: offset along z, length along x, twist about x
LINKS = [(0.1625, 0.0, np.pi / 2), (0.0, -0.425, 0.0), (0.0, -0.3922, 0.0),
         (0.1333, 0.0, np.pi / 2), (0.0997, 0.0, -np.pi / 2), (0.0996, 0.0, 0.0)]  # fmt: skip


def pose_of(q: Any, np: Any) -> Any:
    """Return the position of the hand, and its orientation as roll, pitch and yaw."""
    T = np.eye(4)
    for i, (d, a, alpha) in enumerate(LINKS):
        c, s = np.cos(q[i]), np.sin(q[i])
        ca, sa = np.cos(alpha), np.sin(alpha)
        T = T @ np.array([
            [c, -s * ca, s * sa, a * c],
            [s, c * ca, -c * sa, a * s],
            [0.0, sa, ca, d],
            [0.0, 0.0, 0.0, 1.0],
        ])  # fmt: skip
    roll = np.arctan2(T[2, 1], T[2, 2])
    pitch = np.arctan2(-T[2, 0], np.sqrt(T[0, 0] ** 2 + T[1, 0] ** 2))
    yaw = np.arctan2(T[1, 0], T[0, 0])
    return np.array([T[0, 3], T[1, 3], T[2, 3], roll, pitch, yaw])


def pose(q: Any) -> Any:
    """`pose_of`, in NumPy."""
    return pose_of(q, np)


def rows() -> list[Row]:
    """The 6 × 6 Jacobian, eager and replayed."""
    q = np.array([0.1, -0.7, 0.4, 1.1, -0.3, 0.8])
    ours, replayed = chainrule.jacobian(pose), chainrule.jit(chainrule.jacobian(pose))

    def jitted(jax: Any, jnp: Any) -> Any:
        theirs = jax.jit(jax.jacfwd(lambda q: pose_of(q, jnp)))
        return lambda: theirs(q)

    return [
        Row("robot arm, 6 × 6 Jacobian", lambda: pose(q), lambda: ours(q),
            differences(pose, q), with_jax(jitted)),
        Row("robot arm, 6 × 6 Jacobian, replayed", lambda: pose(q), lambda: replayed(q),
            differences(pose, q), with_jax(jitted)),
    ]  # fmt: skip
