"""Trigonometric and hyperbolic functions, their inverses, and sinc."""

import math
from typing import Any

import numpy as np

from ...core.op import Notation, Op, sample
from ...core.registry import declare
from ...core.slots import Partial
from .. import jumps
from ..declare import EVERYWHERE, elementwise, over

elementwise(
    np.sin, lambda _y, x: np.cos(x), domain=(EVERYWHERE,), complex=True, mp="sin(x)", latex="\\sin",
    rule="sine rule: d sin u = cos u du",
)  # fmt: skip
elementwise(
    np.cos, lambda _y, x: -np.sin(x), domain=(EVERYWHERE,), complex=True, mp="cos(x)",
    latex="\\cos", rule="cosine rule: d cos u = −sin u du",
)  # fmt: skip
elementwise(
    np.tan, lambda y, _x: 1.0 + np.square(y), complex=True, mp="tan(x)", latex="\\tan",
    domain=((-1.5, 1.5),), rule="tangent rule: d tan u = (1 + tan²u) du",
)  # fmt: skip

def _cosine(_y: Any, x: Any) -> Any:
    """√(1 − x²); of a complex number on the side of the cut that its zero's sign names.

    A complex 1 + x would add the zero parts, and 1 − x not turn their sign.
    """
    if x.dtype.kind != "c":
        return np.sqrt((1.0 - x) * (1.0 + x))
    return np.sqrt(np.negative(x - 1.0)) * np.sqrt(x - (-1.0))


elementwise(
    np.arcsin, over(_cosine), complex=True,
    mp="asin(x)", latex="\\arcsin", domain=((-1.0, 1.0),), rule="d arcsin u = du / √(1 − u²)",
)  # fmt: skip
elementwise(
    np.arccos, over(_cosine, -1.0), complex=True,
    mp="acos(x)", latex="\\arccos", domain=((-1.0, 1.0),), rule="d arccos u = −du / √(1 − u²)",
)  # fmt: skip
elementwise(
    np.arctan, over(lambda _y, x: 1.0 + np.square(x)), complex=True, mp="atan(x)",
    domain=(EVERYWHERE,),
    latex="\\arctan", rule="d arctan u = du / (1 + u²)",
)  # fmt: skip


def _over_length(a: Any, b: Any, c: Any) -> Any:
    """Return c / (a² + b²), without overflow where the squares would."""
    h = np.hypot(a, b)
    return c / h / h


elementwise(
    np.arctan2, lambda _y, a, b: _over_length(a, b, b), lambda _y, a, b: -_over_length(a, b, a),
    mp="atan2(x, y)", domain=(EVERYWHERE,) * 2, latex="\\operatorname{{atan2}}",
    rule="angle rule: d atan2(a, b) = (b da − a db) / (a² + b²)",
)  # fmt: skip


def _share(a: Any, b: Any) -> Any:
    """Return a / √(a² + b²), and 0 where the length is 0."""
    length = np.hypot(a, b)
    return np.where(np.equal(length, 0), 0.0, a) / np.where(np.equal(length, 0), 1.0, length)


def _length(a: Any, b: Any) -> Any:
    length = np.hypot(a, b)
    return np.where(np.equal(length, 0), 1.0, length)


share_of_length = elementwise(
    None, over(lambda _y, a, b: _length(a, b), lambda _y, a, b: np.square(share_of_length(b, a))),
    over(lambda _y, a, b: _length(a, b), lambda y, a, b: -y * share_of_length(b, a)),
    name="share_of_length", value=_share, mp="x / sqrt(x*x + y*y)", domain=(EVERYWHERE,) * 2,
    rule="the cosine c and the sine s of an angle: dc = s·(s da − c db) / length",
)  # fmt: skip
elementwise(
    np.hypot, lambda _y, a, b: share_of_length(a, b), lambda _y, a, b: share_of_length(b, a),
    mp="hypot(x, y)", domain=(EVERYWHERE,) * 2, jump=jumps.zero_result,
    rule="length rule: d √(a² + b²) = (a da + b db) / length; 0 at 0",
)  # fmt: skip

for _ufunc, _factor in {
    np.deg2rad: math.pi / 180, np.radians: math.pi / 180,
    np.rad2deg: 180 / math.pi, np.degrees: 180 / math.pi,
}.items():  # fmt: skip
    elementwise(
        _ufunc,
        _factor,
        domain=(EVERYWHERE,),
        rule="a constant factor",
        mp="radians(x)" if _factor < 1 else "degrees(x)",
    )

elementwise(
    np.sinh, lambda _y, x: np.cosh(x), complex=True, mp="sinh(x)", domain=(EVERYWHERE,),
    latex="\\sinh", rule="d sinh u = cosh u du",
)  # fmt: skip
elementwise(
    np.cosh, lambda _y, x: np.sinh(x), complex=True, mp="cosh(x)", domain=(EVERYWHERE,),
    latex="\\cosh", rule="d cosh u = sinh u du",
)  # fmt: skip

def _sech2(x: Any) -> Any:
    """1/cosh²x, squared last: cosh² would overflow where sech² is still a normal number."""
    c = np.cosh(x)
    if type(c) is not np.ndarray:
        return np.square(np.reciprocal(c))
    np.reciprocal(c, out=c)
    return np.multiply(c, c, out=c)


sech2 = elementwise(
    None, lambda y, x: -2.0 * np.tanh(x) * y, name="sech2", complex=True, mp="sech(x)**2",
    domain=((-100.0, 100.0),), value=lambda x: np.square(np.reciprocal(np.cosh(x))),
    text="sech²", latex="\\operatorname{{sech}}^{{2}}", rule="d sech²u = −2 tanh u sech²u du",
)  # fmt: skip
elementwise(
    np.tanh, lambda _y, x: sech2(x), complex=True, mp="tanh(x)", domain=((-100.0, 100.0),),
    latex="\\tanh", rule="d tanh u = sech²u du = (1 − tanh²u) du",
)  # fmt: skip


def _arcsinh_over(_y: Any, x: Any) -> Any:
    """√(1 + x²), without overflow; of a complex number on its side of the cut, as above."""
    return np.sqrt(np.square(x) - (-1.0)) if x.dtype.kind == "c" else np.hypot(1.0, x)


def _arccosh_over(_y: Any, x: Any) -> Any:
    return np.sqrt(x - 1.0) * np.sqrt(x - (-1.0) if x.dtype.kind == "c" else x + 1.0)


elementwise(
    np.arcsinh, over(_arcsinh_over), complex=True, domain=(EVERYWHERE,), mp="asinh(x)",
    latex="\\operatorname{{arsinh}}", rule="d arsinh u = du / √(1 + u²)",
)  # fmt: skip
elementwise(
    np.arccosh, over(_arccosh_over), complex=True,
    mp="acosh(x)", latex="\\operatorname{{arcosh}}", domain=((1.0, math.inf),),
    rule="d arcosh u = du / √(u² − 1)",
)  # fmt: skip
elementwise(
    np.arctanh, over(lambda _y, x: (1.0 - x) * (1.0 + x)), complex=True, mp="atanh(x)",
    latex="\\operatorname{{artanh}}", domain=((-1.0, 1.0),), rule="d artanh u = du / (1 − u²)",
)  # fmt: skip


def _sinc_near(u: Any, n: int) -> Any:
    """Sum (−1)ᵏ u²ᵏ⁻ⁿ / ((2k+1)·(2k−n)!): the n-th derivative of sin(u)/u for small u."""
    first = (n + 1) // 2
    power = u if n % 2 else np.ones_like(u)
    factorial, total = 1.0, np.zeros_like(u)
    for k in range(first, first + 10 + 2 * n):
        total += (-1) ** k * power * (1 / ((2 * k + 1) * factorial))
        factorial *= (2 * k - n + 1) * (2 * k - n + 2)
        power = power * u * u
    return total


def _sinc_far(x: Any, n: int) -> Any:
    """Use the recurrence u·Sₘ = sin⁽ᵐ⁾(u) − m·Sₘ₋₁, from S₀ = sin(u)/u upward, with u = πx."""
    u, turn = math.pi * x, math.pi * (x - 2 * np.rint(np.real(x) / 2))
    sine, cosine = np.sin(turn), np.cos(turn)
    waves = (sine, cosine, -sine, -cosine)
    total = sine / u
    for m in range(1, n + 1):
        total = (waves[m % 4] - m * total) / u
    return total


def _sinc_derivative(x: Any, n: int) -> Any:
    wide = np.atleast_1d(x).astype(np.complex128 if np.iscomplexobj(x) else np.float64)
    near = np.abs(wide) * math.pi <= n + 0.5
    result = np.empty_like(wide)
    result[near] = _sinc_near(math.pi * wide[near], n)
    result[~near] = _sinc_far(wide[~near], n)
    return np.reshape(math.pi**n * result, np.shape(x)).astype(x.dtype)[()]


sinc_derivative: Any = declare(
    Op(
        "sinc_derivative",
        _sinc_derivative,
        (Partial(lambda _y, x, n: sinc_derivative(x, n=n + 1)),),
        notation=Notation(
            "sinc^({n})({0})", "\\operatorname{{sinc}}^{{({n})}}\\left({0}\\right)", 100, (0,),
            "the next derivative of sinc",
        ),
        complex=True,
        samples=(sample((2, 3), n=1), sample((), n=2), sample((0,), n=1)),
    )
)  # fmt: skip
elementwise(
    np.sinc, lambda _y, x: sinc_derivative(x, n=1), domain=(EVERYWHERE,), complex=True,
    rule="d sinc u = (cos πu − sinc u)/u du, and 0 at 0",
)  # fmt: skip
