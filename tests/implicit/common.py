"""Differences extrapolated to step zero: the oracle of these tests."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

import chainrule


def richardson(f: Callable[[float], Any], x: float, h: float = 2e-2, levels: int = 4) -> Any:
    """Return f′(x) by central differences, extrapolated over halved steps."""
    row = [
        (np.asarray(f(x + h / 2**k)) - np.asarray(f(x - h / 2**k))) / (2 * h / 2**k)
        for k in range(levels)
    ]
    for j in range(1, levels):
        row = [(4**j * b - a) / (4**j - 1) for a, b in pairwise(row)]
    return row[0]


def agrees(
    f: Callable[[float], Any],
    x: float,
    tol: float = 1e-8,
    order: int = 2,
    h: float = 2e-2,
    exact: Callable[[float], Any] | None = None,
) -> None:
    """Check a function of one number: both modes, its value, and its second derivative.

    `exact` computes the same more accurately, where the solver's tolerance would spoil differences.
    """
    expected = richardson(exact or f, x, h)
    scale = np.max(np.abs(expected), initial=1e-3)
    out, forward = chainrule.jvp(f, (x,), (1.0,))
    np.testing.assert_array_equal(out, f(x))
    reverse = chainrule.jacrev(f)(x)
    np.testing.assert_allclose(forward, expected, rtol=0, atol=tol * scale)
    np.testing.assert_allclose(reverse, expected, rtol=0, atol=tol * scale)
    if order < 2:
        return
    second = richardson(lambda t: chainrule.jacrev(f)(t), x, h)
    scale = np.max(np.abs(second), initial=1e-2)
    for outer in (chainrule.jacfwd, chainrule.jacrev):
        np.testing.assert_allclose(
            outer(chainrule.jacrev(f))(x), second, rtol=0, atol=10 * tol * scale
        )
    np.testing.assert_allclose(
        chainrule.derivative(f, 2)(x), second, rtol=0, atol=10 * tol * scale
    )
