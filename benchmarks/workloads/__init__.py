"""Whole programs of plain NumPy and SciPy, and their derivatives: ours, and what users have today.

One file each. ``rows()`` of a file returns a `Row` for every derivative of its program that is
compared: the plain function, ours, SciPy's finite differences, and the peers that are installed.
"""

from .. import common  # noqa: F401  # isort: skip (sets the thread count first)

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.optimize._numdiff import approx_derivative

Run = Callable[[], Any]


@dataclass
class Row:
    """One derivative of one program, as calls without arguments.

    ``near`` says how far apart the peers' numbers may be; finite differences are only timed. Where
    they would take hours, ``calls`` says of how many plain calls they are made.
    """

    title: str
    plain: Run
    ours: Run
    differences: Run | None = None
    peers: dict[str, Run] = field(default_factory=dict)
    near: float = 1e-9
    calls: int = 0

    def check(self) -> None:
        """Refuse to time what gives other numbers."""
        want = np.asarray(self.ours())
        scale = np.max(np.abs(want))
        for name, run in self.peers.items():
            found = np.asarray(run())
            assert np.max(np.abs(found - want)) <= self.near * scale, (self.title, name)
        if self.differences is not None:
            found = np.asarray(self.differences())
            assert np.max(np.abs(found - want)) <= 1e-3 * scale, (self.title, "differences")


def differences(f: Callable[..., Any], x: Any) -> Run:
    """Return SciPy's finite differences of `f` at `x`, as `scipy.optimize` takes them."""
    return lambda: approx_derivative(f, x, method="2-point")


def with_jax(make: Callable[[Any, Any], Run]) -> dict[str, Run]:
    """Return ``{"JAX jit": make(jax, jax.numpy)}``, or nothing where JAX is not installed."""
    try:
        import jax
    except ImportError:
        return {}
    jax.config.update("jax_enable_x64", True)
    run = make(jax, jax.numpy)
    return {"JAX jit": lambda: jax.block_until_ready(run())}
