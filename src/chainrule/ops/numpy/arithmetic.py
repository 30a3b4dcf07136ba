"""Arithmetic: + − × ÷ and powers, by their partial derivatives."""

import operator
from typing import Any

import numpy as np

from ...core.op import Const, Notation, Op, sample
from ...core.registry import composite, declare
from ...core.slots import INDEX, Jvp, Linear
from .. import jumps
from ..declare import ABOVE_ZERO, EVERYWHERE, as_array, constant, elementwise, over

POSITIVE = (0.2, 3.0)
NONZERO = (0.3, 3.0)

elementwise(
    np.add, 1.0, 1.0, value=operator.add, domain=(EVERYWHERE,) * 2, complex=True, mp="x + y",
    text="{0} + {1}", latex="{0} + {1}", level=10, operands=(10, 10),
    rule="sum rule: + passes the gradient on",
)  # fmt: skip
elementwise(
    np.subtract, 1.0, -1.0, value=operator.sub, domain=(EVERYWHERE,) * 2, complex=True, mp="x - y",
    text="{0} − {1}", latex="{0} - {1}", level=10, operands=(10, 11),
    rule="difference rule: − passes the gradient on, negated on its right",
)  # fmt: skip
elementwise(
    np.multiply, lambda _y, _a, b: b, lambda _y, a, _b: a, value=operator.mul, complex=True,
    domain=(EVERYWHERE,) * 2, mp="x * y", text="{0} · {1}", latex="{0} \\cdot {1}", level=20,
    operands=(20, 20),
    rule="product rule: each factor passes the other on",
)  # fmt: skip
elementwise(
    np.divide, over(lambda _y, _a, b: b), over(lambda _y, _a, b: b, lambda _y, a, b: -(a / b)),
    value=operator.truediv, domain=(EVERYWHERE, ABOVE_ZERO), complex=True, mp="x / y",
    text="{0} / {1}", latex="\\frac{{{0}}}{{{1}}}", level=20, operands=(20, 26),
    rule="quotient rule: d(a/b) = da/b − (a/b)·db/b",
)  # fmt: skip
elementwise(
    np.negative, -1.0, value=operator.neg, complex=True, mp="-x",
    text="−{0}", latex="-{0}", level=15, operands=(20,), rule="constant factor −1",
)  # fmt: skip
elementwise(
    np.positive, 1.0, value=operator.pos, complex=True, mp="x",
    text="+{0}", latex="+{0}", level=15, operands=(20,), rule="+ passes the gradient on",
)  # fmt: skip
elementwise(
    np.reciprocal, over(lambda _y, x: x, lambda y, _x: -y), domain=(ABOVE_ZERO,),
    complex=True, mp="1 / x", text="1 / {0}", latex="\\frac{{1}}{{{0}}}", level=20, operands=(26,),
    rule="reciprocal rule: d(1/u) = −du/u²",
)  # fmt: skip
elementwise(
    np.square, lambda _y, x: 2 * x, domain=(EVERYWHERE,), complex=True, mp="x**2",
    text="{0}²", latex="{0}^{{2}}", level=30, operands=(31,), rule="power rule: d u² = 2u du",
)  # fmt: skip


def _below(n: Any) -> Any:
    """Say where xⁿ⁻¹ is a quotient, n / x¹⁻ⁿ or n·xⁿ / x: for n < 1, since it may be no number."""
    if type(n) in _NUMBERS:
        return bool(n != 0 and n.real < 1)
    low = np.logical_and(np.less(np.real(n), 1), np.not_equal(n, 0))
    return low if type(low) not in (np.ndarray, np.bool_) or low.any() else False


_NUMBERS = (int, float, complex, np.float64)


def _power_over(_y: Any, x: Any, n: Any) -> Any:
    if n.__class__ is int and n >= 0:  # the most frequent powers: they take no detour
        return None
    low = _below(n)
    if low is False:
        return None
    if low is True:
        return x if n.real < 0 else x ** (1 - n)
    exponent = np.where(np.less(np.real(n), 0), 1, 1 - n)
    return np.power(x, np.where(low, exponent, 0))


def _power_base(_y: Any, x: Any, n: Any) -> Any:
    """n·xⁿ⁻¹, and 0 where n = 0 (there x⁰ is constant, also at x = 0)."""
    if n.__class__ is int and n >= 2:
        return n * x ** (n - 1) if n > 2 else 2 * x
    low = _below(n)
    if low is True:
        return n * x**n if n.real < 0 else n
    if low is False and type(n) in _NUMBERS:
        return n * x ** (n - 1) if n not in (0, 2) else np.multiply(x, 0.0) if n == 0 else 2 * x
    upper = np.where(np.less(np.real(n), 0), n, 0)
    return n * np.power(x, np.where(low, upper, np.where(np.equal(n, 0), 1, n) - 1))


power_of = declare(
    Op(
        "power_of",
        lambda x, n: x**n,
        (over(_power_over, _power_base),),
        notation=Notation("{0}^{n}", "{0}^{{{n}}}", 30, (31,), "power rule: d uⁿ = n·uⁿ⁻¹ du"),
        domain=(NONZERO,),
        complex=True,
        samples=(
            sample((3, 4), n=2), sample((), n=3), sample((2,), n=-1), sample((2,), n=0.5),
            sample((2,), n=0), sample((2,), n=1),
        ),
    )
)  # fmt: skip


def _power_exponent(y: Any, x: Any, n: Any) -> Any:
    """xⁿ·log x; at x = 0 it is 0 for n > 0, where 0ⁿ is constant, and else −∞."""
    if type(x) in (int, float, np.float64) and x != 0:
        return y * np.log(x)
    at_zero = np.where(np.greater(n, 0), 1.0, x)
    return y * np.log(np.where(np.equal(x, 0), at_zero, x))


elementwise(
    np.power, over(_power_over, _power_base), _power_exponent,
    domain=((0.01, 100.0), EVERYWHERE), complex=True, mp="x**y",
    text="{0}^{1}", latex="{0}^{{{1}}}", level=30, operands=(31, 31),
    rule="power rule: d uᵛ = v·uᵛ⁻¹ du + uᵛ·log u dv",
)  # fmt: skip


@composite(np.float_power, sample((2, 3), (3,)), sample((), ()), domain=(POSITIVE, (-2.0, 2.0)))
def float_power(x1: Any, x2: Any) -> Any:
    """Raise to a power in at least double precision."""
    kinds = [np.float64, *(getattr(x, "dtype", np.asarray(0).dtype) for x in (x1, x2))]
    kind = np.result_type(*kinds)
    return np.power(np.astype(as_array(x1), kind), np.astype(as_array(x2), kind))


elementwise(
    np.sqrt, over(lambda _y, x: np.sqrt(x), 0.5), domain=(ABOVE_ZERO,), complex=True,
    mp="sqrt(x)", text="√{0}", latex="\\sqrt{{{0}}}", level=30, operands=(100,),
    rule="root rule: d √u = du / (2√u)",
)  # fmt: skip
elementwise(
    np.cbrt, over(lambda y, _x: 3.0 * np.square(y)), domain=(EVERYWHERE,), kinks=(0.0,),
    mp="cbrt(x)", text="∛{0}", latex="\\sqrt[3]{{{0}}}", level=30, operands=(100,),
    rule="root rule: d ∛u = du / (3 (∛u)²)",
)  # fmt: skip

sqrt_or_zero = elementwise(
    None, lambda y, _x: _half_reciprocal(y), name="sqrt_or_zero", value=np.sqrt, kinks=(0.0,),
    jump=jumps.at_zero,
    domain=(ABOVE_ZERO,), mp="sqrt(x)", text="√{0}", latex="\\sqrt{{{0}}}", level=30,
    operands=(100,), rule="d √u = du / (2√u), and 0 at 0: the length of the zero vector",
)  # fmt: skip


def _half_reciprocal(y: Any) -> Any:
    zero = np.equal(y, 0)
    return np.where(zero, 0.0, 0.5 * np.reciprocal(np.where(zero, 1.0, y)))


elementwise(
    np.remainder, 1.0, lambda _y, a, b: -np.floor_divide(a, b),
    domain=((-3.0, 3.0), NONZERO), text="{0} mod {1}", latex="{0} \\bmod {1}", level=8,
    operands=(26, 26), rule="the remainder a − ⌊a/b⌋·b: 1 in a, −⌊a/b⌋ in b",
)  # fmt: skip
elementwise(
    np.fmod, 1.0, lambda y, a, b: -np.rint((a - y) / b), domain=((-3.0, 3.0), NONZERO),
    rule="the remainder a − trunc(a/b)·b: 1 in a, −trunc(a/b) in b",
)  # fmt: skip


@composite(np.divmod, sample((2, 3), (3,)), domain=((-3.0, 3.0), NONZERO))
def divmod_(x1: Any, x2: Any) -> Any:
    """Return the floored quotient, which is constant, and the remainder."""
    return np.floor_divide(x1, x2), np.remainder(x1, x2)


fraction = elementwise(
    None, 1.0, name="fraction", value=lambda x: np.modf(x)[0], rule="x minus a whole number"
)


@composite(np.modf, sample((2, 3)), sample(()))
def modf(x: Any) -> Any:
    """Return the fractional part and the whole part, which is constant."""
    return fraction(x), np.trunc(x)


ldexp = declare(
    Op(
        "ldexp",
        np.ldexp,
        (Linear(transpose=lambda ct, _x, n: np.ldexp(ct, n)), INDEX),
        function=np.ldexp,
        notation=Notation("{0} · 2^{1}", "{0} \\cdot 2^{{{1}}}", 20, (20, 31), "a constant factor"),
        samples=(
            sample((3,), Const(np.array([2, 0, -1]))), sample((2, 3), Const(3)),
            sample((), Const(-2)), sample((3,), Const(np.array([[1], [2]]))),
        ),
    )
)  # fmt: skip

mantissa = declare(
    Op(
        "mantissa",
        lambda x: np.frexp(x)[0],
        (Jvp(lambda t, _y, x: np.ldexp(t, -exponent(x))),),
        batch="elementwise",
        notation=Notation(rule="d m = 2⁻ᵉ du, since u = m·2ᵉ"),
        samples=(sample((2, 3)), sample(())),
    )
)
exponent = constant(
    None, name="exponent", value=lambda x: np.frexp(x)[1], batch="elementwise",
    samples=(sample((2, 3)), sample(())),
)


@composite(np.frexp, sample((2, 3)), sample(()))
def frexp(x: Any) -> Any:
    """Return the mantissa in [½, 1) and the exponent of 2, which is constant."""
    return mantissa(x), exponent(x)


def unseen(entries: Any) -> Any:
    """Return 0, with a derivative of 0·∞ in entries of value 0 that the program does not see.

    Around the point it does see them. So where it computes of the others only, and these depend on
    the inputs, the derivative is the limit of those around, and told (`limits`).
    """
    return np.sum(np.sqrt(entries) ** 3)
