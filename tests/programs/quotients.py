"""Random quotients 0/0 with the value of their limit put in, as programs guard them.

Numerator and denominator vanish to the same order, 1 to 3, at a point. So the quotient is smooth
there, but what floating point makes of it next to the point is rounding. Its derivatives are those
of a series, by mpmath.
"""

from dataclasses import dataclass

import mpmath
import numpy as np

ZEROS = {  # of u, by their order
    1: (
        "{u}", "sin({u})", "expm1({u})", "(exp({u}) - 1)", "log(1 + {u})", "log1p({u})",
        "(sqrt(1 + {u}) - 1)", "tanh({u})", "((1 + {u})**5 - 1)", "(1 - 1/(1 + {u}))",
    ),
    2: (
        "({u})**2", "(1 - cos({u}))", "(cosh({u}) - 1)", "(exp({u}) - 1 - {u})", "{u}*sin({u})",
        "(sqrt(1 + ({u})**2) - 1)", "({u} - log(1 + {u}))",
    ),
    3: (
        "({u})**3", "({u} - sin({u}))", "(tan({u}) - {u})", "(exp({u}) - 1 - {u} - ({u})**2/2)",
        "{u}*(1 - cos({u}))",
    ),
}  # fmt: skip
GUARDS = (
    "{v} if x == {p} else {q}", "{v} if abs(x - {p}) < {t} else {q}", "where(x == {p}, {v}, {q})",
    "{v} if isclose(x, {p}) else {q}", "({q} if x != {p} else {v})",
    "({q} if abs(x - {p}) > {t} else {v})",
)  # fmt: skip
_NAMES = {n: getattr(mpmath, n) for n in (
    "sin", "expm1", "exp", "log", "log1p", "sqrt", "tanh", "cos", "cosh", "tan",
)}  # fmt: skip


@dataclass(frozen=True)
class Quotient:
    """The text of a function of ``x``, its point, and the first two derivatives there."""

    text: str
    point: float
    first: float
    second: float

    def __call__(self, x):
        """Evaluate it by NumPy."""
        return eval(self.text, {**vars(np), "abs": abs, "x": x})


def _series(a, b):
    """Return c₀, c₁, c₂ of (c₀ + c₁ u + c₂ u²/2 + …) = a(u)/b(u), by the series of both."""
    with mpmath.workdps(60):
        above, below = (
            mpmath.taylor(lambda u, text=text: eval(text.format(u="u"), _NAMES | {"u": u}), 0, 6)
            for text in (a, b)
        )
        order = next(k for k, c in enumerate(below) if abs(c) > 1e-20)
        p, q = above[order:], below[order:]
        c0 = p[0] / q[0]
        c1 = (p[1] - c0 * q[1]) / q[0]
        c2 = (p[2] - c0 * q[2] - c1 * q[1]) / q[0]
        return float(c0), float(c1), float(2 * c2)


def random_quotient(seed):
    """Draw a quotient, a point, and how the program guards it."""
    rng = np.random.default_rng(seed)
    order = int(rng.choice([1, 1, 1, 2, 2, 3]))
    a, b = (ZEROS[order][int(k)] for k in rng.integers(len(ZEROS[order]), size=2))
    point = float(rng.choice([0.0, 0.0, 1.0, 2.0, 0.5, -1.0, 3.0, 0.3]))
    value, first, second = _series(a, b)
    u = f"(x - {point})" if point else "x"
    quotient = f"{a.format(u=u)}/({b.format(u=u)})"
    tolerance = float(rng.choice([1e-14, 1e-12, 1e-10, 1e-8, 1e-6]))
    guard = GUARDS[int(rng.integers(len(GUARDS)))]
    return Quotient(
        guard.format(v=value, p=point, q=quotient, t=tolerance), point, first, second
    )
