"""Arithmetic: + − × ÷ and powers, by their partial derivatives."""

import operator
from typing import Any

import numpy as np

from ..core.op import Notation, Op, sample
from ..core.registry import declare
from ..core.slots import Partial
from .declare import elementwise

POSITIVE = (0.2, 3.0)
NONZERO = (0.3, 3.0)

elementwise(
    np.add, 1.0, 1.0, value=operator.add, complex=True, mp="x + y",
    text="{0} + {1}", latex="{0} + {1}", level=10, operands=(10, 10),
    rule="sum rule: + passes the gradient on",
)  # fmt: skip
elementwise(
    np.subtract, 1.0, -1.0, value=operator.sub, complex=True, mp="x - y",
    text="{0} − {1}", latex="{0} - {1}", level=10, operands=(10, 11),
    rule="difference rule: − passes the gradient on, negated on its right",
)  # fmt: skip
elementwise(
    np.multiply, lambda _y, _a, b: b, lambda _y, a, _b: a, value=operator.mul, complex=True,
    mp="x * y", text="{0} · {1}", latex="{0} \\cdot {1}", level=20, operands=(20, 20),
    rule="product rule: each factor passes the other on",
)  # fmt: skip
elementwise(
    np.divide, lambda _y, _a, b: np.reciprocal(b), lambda y, _a, b: -y * np.reciprocal(b),
    value=operator.truediv, domain=((-3.0, 3.0), NONZERO), complex=True, mp="x / y",
    text="{0} / {1}", latex="\\frac{{{0}}}{{{1}}}", level=20, operands=(20, 21),
    rule="quotient rule: d(a/b) = da/b − (a/b)·db/b",
)  # fmt: skip
elementwise(
    np.negative, -1.0, value=operator.neg, complex=True, mp="-x",
    text="−{0}", latex="-{0}", level=15, operands=(20,), rule="constant factor −1",
)  # fmt: skip
elementwise(np.positive, 1.0, value=operator.pos, complex=True, mp="x", text="+{0}", level=15)
elementwise(
    np.reciprocal, lambda y, _x: -y * y, domain=(NONZERO,), complex=True, mp="1 / x",
    text="1 / {0}", latex="\\frac{{1}}{{{0}}}", level=20, operands=(21,),
    rule="reciprocal rule: d(1/u) = −du/u²",
)  # fmt: skip
elementwise(
    np.square, lambda _y, x: 2 * x, complex=True, mp="x**2",
    text="{0}²", latex="{0}^{{2}}", level=30, operands=(31,), rule="power rule: d u² = 2u du",
)  # fmt: skip


def _power_slope(_y: Any, x: Any, n: float) -> Any:
    if n == 0:
        return x * 0.0
    return n * x ** (n - 1) if n != 2 else 2 * x


power_of = declare(
    Op(
        "power_of",
        lambda x, n: x**n,
        (Partial(_power_slope),),
        notation=Notation("{0}^{n}", "{0}^{{{n}}}", 30, (31,), "power rule: d uⁿ = n·uⁿ⁻¹ du"),
        domain=(NONZERO,),
        complex=True,
        samples=(
            sample((3, 4), n=2), sample((), n=3), sample((2,), n=-1), sample((2,), n=0.5),
            sample((2,), n=0), sample((2,), n=1),
        ),
    )
)  # fmt: skip


def _power_base(_y: Any, x: Any, n: Any) -> Any:
    """n·xⁿ⁻¹, and 0 where n = 0 (there x⁰ is constant, also at x = 0)."""
    flat = np.equal(n, 0)
    return n * x ** (np.where(flat, 1, n) - 1)


def _power_exponent(y: Any, x: Any, _n: Any) -> Any:
    """xⁿ·log x, and 0 at x = 0 (0ⁿ is constant in n > 0)."""
    return y * np.log(np.where(np.equal(x, 0), 1, x))


elementwise(
    np.power, _power_base, _power_exponent, domain=(POSITIVE, (-2.0, 2.0)), complex=True,
    mp="x**y", text="{0}^{1}", latex="{0}^{{{1}}}", level=30, operands=(31, 31),
    rule="power rule: d uᵛ = v·uᵛ⁻¹ du + uᵛ·log u dv",
)  # fmt: skip

_NO_WORDS = ""
elementwise(
    np.sin, lambda _y, x: np.cos(x), complex=True, mp="sin(x)",
    rule="sine rule: d sin u = cos u du",
)  # fmt: skip
elementwise(
    np.cos, lambda _y, x: -np.sin(x), complex=True, mp="cos(x)",
    rule="cosine rule: d cos u = −sin u du",
)  # fmt: skip
elementwise(np.exp, lambda y, _x: y, complex=True, mp="exp(x)", rule="d eᵘ = eᵘ du")
elementwise(
    np.tanh, lambda y, _x: 1 - y * y, complex=True, mp="tanh(x)", rule="d tanh u = (1 − tanh²u) du"
)
