"""SciPy's special functions. Loaded when the user's program has imported `scipy.special`.

A module per family; partials that would cancel or overflow are written through small operations of
our own, each closed under differentiation or refusing a further one.
"""

from ...numpy import softmax
from . import (
    bessel,
    cdfs,
    elliptic,
    equations,
    erf,
    gammas,
    incomplete,
    kinds,
    logs,
    polynomials,
    transcendental,
)

__all__ = [
    "bessel",
    "cdfs",
    "elliptic",
    "equations",
    "erf",
    "gammas",
    "incomplete",
    "kinds",
    "logs",
    "polynomials",
    "softmax",
    "transcendental",
]
