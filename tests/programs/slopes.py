"""Random programs whose derivative at a point is a limit: infinite slopes, and factors that vanish.

Each is a text that NumPy and mpmath both evaluate. What its derivatives tend to is computed by
mpmath with 900 digits, as differences very close to the point, along two directions.
"""

from dataclasses import dataclass

import mpmath
import numpy as np

# of u ≥ 0, at u = 0: an infinite slope, and a smooth zero
SINGULAR = (
    "sqrt({u})", "cbrt({u})", "arccos(1 - {u})", "arccosh(1 + {u})", "({u})**0.7", "({u})**1.5",
    "{u}*log({u})", "sqrt({u}*(1 + {u}))", "sqrt(expm1({u}))", "log({u})", "1/({u})",
    "arcsin(1 - {u})", "sqrt({u})*cos({u})", "exp(0.5*log({u}))",
)  # fmt: skip
SMOOTH = (
    "{u}", "({u})**2", "({u})**3", "sin({u})", "expm1({u})", "tanh({u})", "(1 - cos({u}))",
    "(({u})*({u}))", "log1p({u})", "(2*{u} + ({u})**2)", "exp({u})", "1/(1 + {u})",
)  # fmt: skip


@dataclass(frozen=True)
class Program:
    """The text of a function of ``x`` (a vector), and the point where it is singular."""

    text: str
    point: tuple[float, ...]

    def numpy(self, x):
        """Evaluate it by NumPy."""
        return eval(self.text, {**vars(np), "x": x, "np": np})

    def exact(self, *x):
        """Evaluate it by mpmath."""
        names = {n: getattr(mpmath, n) for n in ("cos", "sin", "tanh", "log", "exp", "sqrt",
                                                 "expm1", "cbrt", "log1p")}  # fmt: skip
        names |= {"arccos": mpmath.acos, "arccosh": mpmath.acosh, "arcsin": mpmath.asin}
        names |= {"where": lambda c, a, b: a if c else b, "array": _Row, "sum": sum}
        names |= {"maximum": lambda a, b: a if mpmath.re(a) > mpmath.re(b) else b}
        return eval(self.text, names | {"x": x})


class _Row(list):
    def __mul__(self, other):
        return _Row(a * b for a, b in zip(self, other, strict=True))


def random_program(seed):
    """Draw a program: sums of products and compositions, of which some are masked."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 4))
    point = [float(v) for v in rng.choice([0.0, 0.0, 0.5, 1.5], n)]
    point[int(rng.integers(n))] = 0.0
    terms = [_term(rng, n) for _ in range(int(rng.integers(1, 3)))]
    return Program(" + ".join(terms), tuple(point))


# a singular function s of u, a smooth one t (also of another input v), a constant c, a mask m
_FORMS = (
    "{tu}*{su}", "({tv})*{su}", "({ts})", "{st}", "{c}*({ts})", "where({m}, {su}, {tv})",
    "{su}*{su}", "({su} - {su})", "where({m}, {su}*{tv}, {st})", "maximum({su}, {c} + 3.0)",
    "sum(array([{su}, {tv}])*array([{c}, 1.0]))", "array([{su}, {tv}])[{i}]",
)  # fmt: skip


def _term(rng, n):
    u, v = (f"x[{k}]" for k in rng.integers(n, size=2))
    singular, smooth = str(rng.choice(SINGULAR)), str(rng.choice(SMOOTH))
    su, zero = singular.format(u=u), str(rng.choice(SMOOTH[:9])).format(u=u)
    return str(rng.choice(_FORMS)).format(
        su=su, tu=smooth.format(u=u), tv=smooth.format(u=v), ts=smooth.format(u=su),
        st=singular.format(u=f"({zero})"), c=rng.choice([0.0, 1.0, 2.0]),
        m=bool(rng.integers(2)), i=rng.integers(2),
    )  # fmt: skip


def limits(program, order):
    """Return the gradient or Hessian in the limit, NaN where there is none, ±∞ where it is so."""
    n = len(program.point)
    found = []
    with mpmath.workdps(900):
        for direction in ((1.0, 0.75, 1.25), (1.5, 2.0, 0.5)):
            rows = []
            for power in (60, 90):
                h = mpmath.mpf(10) ** -power
                x = [mpmath.mpf(p) + h * d for p, d in zip(program.point, direction, strict=False)]
                rows.append([_difference(program, x, index) for index in np.ndindex((n,) * order)])
            found.append([_settle(a, b) for a, b in zip(*rows, strict=True)])
    out = [a if a == b or abs(a - b) <= 1e-9 * (1 + abs(a)) else np.nan
           for a, b in zip(*found, strict=True)]  # fmt: skip
    return np.reshape(out, (n,) * order)


def _settle(far, near):
    if mpmath.isnan(near) or mpmath.im(near) or mpmath.im(far):
        return np.nan
    if not mpmath.isfinite(near) or abs(near) > 1e9 * (1 + abs(far)):
        return float("inf") if near > 0 else float("-inf")
    return float(near) if abs(near - far) <= 1e-9 * (1 + abs(near)) else (
        (float("inf") if near > 0 else float("-inf")) if abs(near) > abs(far) > 10 else np.nan)


def _difference(program, x, index):
    e = mpmath.mpf(10) ** -220

    def at(*steps):
        moved = list(x)
        for i, s in zip(index, steps, strict=True):
            moved[i] += s * e
        value = program.exact(*moved)
        return mpmath.re(value) if mpmath.im(value) == 0 else mpmath.nan

    if len(index) == 1:
        return (at(1) - at(-1)) / (2 * e)
    return (at(1, 1) - at(1, -1) - at(-1, 1) + at(-1, -1)) / (4 * e * e)
