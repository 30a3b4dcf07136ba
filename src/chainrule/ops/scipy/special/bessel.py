"""Bessel functions: their derivatives are again of their kind, of neighbouring orders.

References: NIST Digital Library of Mathematical Functions, §10.6, §10.29 (derivatives), §10.32
(the integral of K), §10.40 (large arguments), §10.51 (spherical), §11.4 (Struve).
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from ....core.op import Const, Notation, Op, sample
from ....core.registry import declare
from ....core.slots import Partial
from ... import jumps
from ...declare import elementwise
from .common import WHOLE, blockwise, doubles, refuse, ufunc, unknown_in

_ORDER = (0.0, 3.0)
_ARGUMENT = (0.3, 6.0)
_ROOT_PI = math.sqrt(math.pi)
_WHY = "the derivative of a Bessel function in its order is no function that SciPy has"


def _half(function: Any, sign: float) -> Callable[[Any, Any], Any]:
    """Return C′ᵥ = ½(Cᵥ₋₁ ± Cᵥ₊₁)."""
    return lambda v, x: 0.5 * (function(v - 1, x) + sign * function(v + 1, x))


def _bessel(function: Any, slope: Any, letter: str, rule: str, **data: Any) -> None:
    """Declare a function of (v, z), by its derivative in z as a function of both."""
    name = function.__name__
    whole = name in ("yn", "kn")
    in_order = data.pop("in_order", refuse(name, "v", 0, WHOLE if whole else _WHY))
    notation = Notation(
        letter + "_{0}({1})", letter + "_{{{0}}}\\left({1}\\right)", 100, (0, 0), rule
    )
    declare(
        Op(
            name,
            function,
            (Partial(in_order), Partial(lambda _y, v, x: slope(v, x))),
            function=function,
            domain=(_ORDER, _ARGUMENT),
            notation=notation if letter else Notation(rule=rule),
            samples=(sample(Const(1), (2, 3)), sample(Const(data.pop("order", 0.5)), ())),
            **data,
        )
    )


for _function, _sign, _letter in (
    (special.jv, -1.0, "J"), (special.yv, -1.0, "Y"), (special.iv, 1.0, "I")
):  # fmt: skip
    _bessel(
        _function, _half(_function, _sign), _letter,
        f"d {_letter}ᵥ(u) = ½({_letter}ᵥ₋₁(u) {'+' if _sign > 0 else '−'} {_letter}ᵥ₊₁(u)) du",
    )  # fmt: skip
_bessel(
    special.yn, lambda n, x: _half(special.yn, -1.0)(np.trunc(n), x), "Y",
    "d Yₙ(u) = ½(Yₙ₋₁(u) − Yₙ₊₁(u)) du", order=2
)  # fmt: skip
for _function in (special.hankel1, special.hankel2):
    _bessel(
        _function, _half(_function, -1.0), "",
        f"d {_function.__name__}ᵥ(u) = ½ of the difference of its neighbours in order, du",
    )  # fmt: skip


def _scaled_hankel(function: Any, turn: complex) -> None:
    half = _half(function, -1.0)
    _bessel(
        function, lambda v, x: half(v, x) + turn * function(v, x), "",
        f"d {function.__name__}ᵥ(u) = (½ of the difference of its neighbours ∓ i·itself) du",
    )  # fmt: skip


_scaled_hankel(special.hankel1e, -1j)
_scaled_hankel(special.hankel2e, 1j)

# --- K in its order: ∫ tⁿ·e^(−x(cosh t − 1))·cosh(vt) dt, a family closed in v and in x -----------


def _cosh_integral(v: Any, x: Any, weight: Callable[[Any], Any], odd: bool) -> Any:
    """Return ∫ weight(t)·e^(−x(cosh t − 1))·cosh(vt) dt, or of sinh(vt), over t > 0.

    The error of the trapezoidal rule falls here with e^(−c/h).
    """
    size = np.abs(v)
    peak = np.arcsinh(size / x)
    reach = peak + np.arcsinh(50.0 / np.hypot(x, size)) + np.sqrt(100.0 / np.hypot(x, size)) * 0.3
    top = np.minimum(reach + 1.0, np.arccosh(1.0 + (800.0 + size * (reach + 1)) / x))
    h = top / 400
    t = h * np.arange(401)
    grow = np.exp(size * t - 2 * x * np.square(np.sinh(t / 2)))
    fade = np.exp(-size * t - 2 * x * np.square(np.sinh(t / 2)))
    terms = weight(t) * 0.5 * (grow - fade if odd else grow + fade)
    terms[:, 0] *= 0.5
    return np.sum(terms, axis=-1) * h[:, 0] * (np.where(v < 0, -1.0, 1.0)[:, 0] if odd else 1.0)


@blockwise
def _k_moment(v: Any, x: Any, n: int, odd: bool) -> Any:
    """Return eˣ·∂ⁿK/∂vⁿ."""
    return _cosh_integral(v, x, lambda t: t**n, odd)


def _in_order(_y: Any, v: Any, x: Any, n: int, odd: bool) -> Any:
    return k_moment(v, x, n=n + 1, odd=not odd)


def _in_argument(y: Any, v: Any, x: Any, n: int, odd: bool) -> Any:
    below, above = (k_moment(v + d, x, n=n, odd=odd) for d in (-1.0, 1.0))
    return y - 0.5 * (below + above)


k_moment = declare(
    Op(
        "k_moment",
        _k_moment,
        (Partial(_in_order), Partial(_in_argument)),
        domain=(_ORDER, _ARGUMENT),
        notation=Notation(
            "exp({1})·∂^{n}K({0}, {1})/∂v^{n}",
            "e^{{{1}}}\\,\\partial_v^{{{n}}}K_{{{0}}}\\left({1}\\right)", 20, (0, 0),
            "d e^x·∂ⁿK/∂vⁿ = e^x·∂ⁿ⁺¹K/∂vⁿ⁺¹ dv + (it − ½ of its neighbours in v) dx",
        ),
        samples=(sample((2, 3), (3,), n=1, odd=True), sample((), (), n=0, odd=False)),
    )
)  # fmt: skip

_bessel(
    special.kv, lambda v, x: -_half(special.kv, 1.0)(v, x), "K",
    "d Kᵥ(u) = −½(Kᵥ₋₁(u) + Kᵥ₊₁(u)) du + ∂K/∂v dv",
    in_order=lambda _y, v, x: np.exp(-x) * k_moment(v, x, n=1, odd=True),
)  # fmt: skip
_bessel(
    special.kn, lambda n, x: -_half(special.kn, 1.0)(np.trunc(n), x), "K",
    "d Kₙ(u) = −½(Kₙ₋₁(u) + Kₙ₊₁(u)) du", order=2,
)  # fmt: skip

# --- scaled by an exponential ---------------------------------------------------------------------


def _derivatives(function: Any, sign: float, v: Any, x: Any, n: int) -> Any:
    """Return the n-th derivative of e^(∓x)·C(x) by its terms; `sign` is that of C′.

    They cancel, but where x is small, or small beside v².
    """
    total = 0.0
    for k in range(n + 1):
        factor = math.comb(n, k) * np.where(np.greater(x, 0), -sign, sign) ** (n - k) * 0.5**k
        for j in range(k + 1):
            total = total + factor * sign**k * math.comb(k, j) * function(v - k + 2 * j, x)
    return total


def _expansion(v: Any, x: Any, n: int, sign: float) -> Any:
    """Return the n-th derivative of the series in 1/x of e^(∓x)·I√(2πx), e^x·K√(2x/π)."""
    term, total = (-1.0) ** n * math.gamma(n + 0.5) / _ROOT_PI * x ** (-0.5 - n), 0.0
    for k in range(1, 32):
        total = total + term
        coefficient = -sign * (4 * v * v - (2 * k - 1) ** 2) / (8 * k * x)
        term = term * coefficient * (k + n - 0.5) / (k - 0.5)
    return total


@blockwise
def _first_integral(v: Any, x: Any, n: int) -> Any:
    """Return the n-th derivative of e^(−x)·I(x) for a whole v: where x > v², of nearly one sign.

    It is a mean over angles, exact to rounding for x up to 100.
    """
    theta = math.pi * (np.arange(96) + 0.5) / 96
    fall = 2 * np.square(np.sin(0.5 * theta))
    return np.mean((-fall) ** n * np.exp(-x * fall) * np.cos(v * theta), axis=-1)


@blockwise
def _second_integral(v: Any, x: Any, n: int) -> Any:
    """Return the n-th derivative of eˣ·K(x), an integral of one sign."""
    return _cosh_integral(v, x, lambda t: (-2 * np.square(np.sinh(0.5 * t))) ** n, False)


def _scaled_derivative(v: Any, x: Any, n: int, second: bool) -> Any:
    """Return the n-th derivative in x of ive(v, x), or of kve(v, x) for the second kind."""
    doubles(v, x)
    function, sign = (special.kve, -1.0) if second else (special.ive, 1.0)
    limit = 32.0 + 2 * np.square(v)
    far = np.greater(x, limit)
    near = _derivatives(function, sign, v, np.where(far, 1.0, x), n)
    if second:
        apt = np.logical_and(x > 0.5, np.abs(v) < 8)
        integral = _second_integral
    else:
        whole = np.logical_and(v == np.round(v), np.abs(v) < 6)
        apt = np.logical_and(whole, x > 0.5 * np.maximum(np.square(v), 1.0))
        integral = _first_integral
    if np.any(apt):
        inside = integral(np.where(apt, v, 0.0), np.where(apt, np.minimum(x, limit), 1.0), n=n)
        near = np.where(apt, inside, near)
    factor = _ROOT_PI * math.sqrt(0.5) if second else 1 / (_ROOT_PI * math.sqrt(2))
    found = np.where(far, factor * _expansion(v, np.maximum(x, limit), n, sign), near)
    return found[()] if second else np.where(_odd_at_zero(v, x, n), 0.0, found)[()]


def _odd_at_zero(v: Any, x: Any, n: int) -> Any:
    """Say where the n-th derivative of e^(−|x|)·I, at 0, is odd: the middle of its sides is 0."""
    return np.logical_and(np.equal(x, 0), np.equal(np.mod(v + n, 2), 1))


def _bends_at_zero(_y: Any, v: Any, x: Any, n: int = 0, second: bool = False) -> bool:
    """Say whether the n-th derivative of e^(−|x|)·I has a step or a kink at 0."""
    return not second and bool(np.any(np.equal(x, 0) & np.equal(v, np.round(v)) & (n >= np.abs(v))))


scaled_bessel_derivative = declare(
    Op(
        "scaled_bessel_derivative",
        _scaled_derivative,
        (
            Partial(refuse("ive", "v", 0, _WHY)),
            Partial(
                lambda _y, v, x, n, second: (
                    scaled_bessel_derivative(v, x, n=n + 1, second=second)
                )
            ),
        ),
        domain=(_ORDER, _ARGUMENT),
        jump=_bends_at_zero,
        notation=Notation(rule="d C⁽ⁿ⁾(u) = C⁽ⁿ⁺¹⁾(u) du, for C = e⁻ᵘ·Iᵥ(u) or eᵘ·Kᵥ(u)"),
        samples=(
            sample(Const(1.0), (2, 3), n=1, second=False), sample(Const(0.5), (), n=2, second=True),
        ),
    )
)  # fmt: skip


def _scaled_in_x(v: Any, x: Any, second: bool = False) -> Any:
    return scaled_bessel_derivative(v, x, n=1, second=second)


_bessel(special.ive, _scaled_in_x, "", "d ive(v, u) = (½(ive(v−1) + ive(v+1)) − ive(v)) du",
        jump=_bends_at_zero)  # fmt: skip
_bessel(
    special.kve, lambda v, x: _scaled_in_x(v, x, True), "",
    "d kve(v, u) = (kve(v) − ½(kve(v−1) + kve(v+1))) du + ∂/∂v dv",
    in_order=lambda _y, v, x: k_moment(v, x, n=1, odd=True),
)  # fmt: skip


def _real_only(function: Any, x: Any) -> Any:
    """Refuse a complex argument of a function that is scaled by its imaginary part."""
    if x.dtype.kind == "c":
        raise unknown_in(
            function.__name__, "z", 1, "it is scaled by |Im z|, which is not complex analytic"
        )
    return x


for _function in (special.jve, special.yve):
    _bessel(
        _function, lambda v, x, f=_function: _half(f, -1.0)(v, _real_only(f, x)), "",
        f"d {_function.__name__}(v, u) = ½ of the difference of its neighbours, du, for real u",
    )  # fmt: skip

# --- orders 0 and 1 -------------------------------------------------------------------------------

elementwise(
    special.j0, lambda _y, x: -special.j1(x), text="J₀", latex="J_0", rule="d J₀(u) = −J₁(u) du"
)
elementwise(
    special.j1, lambda _y, x: 0.5 * (special.j0(x) - special.jv(2, x)), text="J₁", latex="J_1",
    rule="d J₁(u) = ½(J₀(u) − J₂(u)) du",
)  # fmt: skip
elementwise(
    special.i0, lambda _y, x: special.i1(x), mp="besseli(0, x)", text="I₀", latex="I_0",
    rule="d I₀(u) = I₁(u) du",
)  # fmt: skip
elementwise(
    special.i1, lambda _y, x: 0.5 * (special.i0(x) + special.iv(2, x)), mp="besseli(1, x)",
    text="I₁", latex="I_1", rule="d I₁(u) = ½(I₀(u) + I₂(u)) du",
)  # fmt: skip
ufunc(special.y0, lambda _y, x: -special.y1(x), domain=(_ARGUMENT,), rule="d Y₀(u) = −Y₁(u) du")
ufunc(special.y1, lambda _y, x: 0.5 * (special.y0(x) - special.yn(2, x)), domain=(_ARGUMENT,),
      rule="d Y₁(u) = ½(Y₀(u) − Y₂(u)) du")  # fmt: skip
ufunc(special.k0, lambda _y, x: -special.k1(x), domain=(_ARGUMENT,), mp="besselk(0, x)",
      rule="d K₀(u) = −K₁(u) du")  # fmt: skip
ufunc(special.k1, lambda _y, x: -0.5 * (special.k0(x) + special.kn(2, x)), domain=(_ARGUMENT,),
      mp="besselk(1, x)", rule="d K₁(u) = −½(K₀(u) + K₂(u)) du")  # fmt: skip
for _function, _order, _second in (
    (special.i0e, 0.0, False), (special.i1e, 1.0, False),
    (special.k0e, 0.0, True), (special.k1e, 1.0, True),
):  # fmt: skip
    ufunc(
        _function,
        lambda _y, x, order=_order, second=_second: _scaled_in_x(order, x, second),
        domain=((0.3, 60.0),),
        mp=("exp(x) * besselk" if _second else "exp(-x) * besseli") + f"({int(_order)}, x)",
        rule="d of a scaled Bessel function is a difference to its neighbours, du",
        jump=jumps.at_zero if _function is special.i0e else None,
    )  # fmt: skip

# --- spherical ------------------------------------------------------------------------------------


def _spherical(function: Any, below: float, above: float, letter: str) -> Op:
    """Declare f of (n, z): (2n + 1)·f′ = ±n·fₙ₋₁ ± (n + 1)·fₙ₊₁, which holds at z = 0 too."""
    name = function.__name__

    def bind(n: Any, z: Any, derivative: bool = False) -> Any:
        return (n, z), {"derivative": derivative}

    def slope(_y: Any, n: Any, z: Any, derivative: bool) -> Any:
        n = np.trunc(n)  # as SciPy does
        lower = op(np.maximum(n - 1, 0), z, derivative=derivative)
        upper = op(n + 1, z, derivative=derivative)
        return (below * n * lower + above * (n + 1) * upper) / (2 * n + 1)

    op = declare(
        Op(
            name,
            lambda n, z, derivative: function(n, z, derivative=derivative),
            (Partial(refuse(name, "n", 0, WHOLE)), Partial(slope)),
            batch="elementwise",
            function=function,
            bind=bind,
            domain=((0.0, 3.0), _ARGUMENT),
            notation=Notation(
                rule=f"(2n+1)·d {letter}ₙ(u) = ({'−' if below < 0 else ''}n·{letter}ₙ₋₁(u) "
                f"{'−' if above < 0 else '+'} (n+1)·{letter}ₙ₊₁(u)) du"
            ),
            samples=(
                sample(Const(2), (2, 3)), sample(Const(0), ()), sample(Const(1), (), True),
                sample(Const(np.array([0, 1, 2])), (3,), derivative=True),
            ),
        )
    )  # fmt: skip
    return op


spherical_jn = _spherical(special.spherical_jn, 1.0, -1.0, "j")
_spherical(special.spherical_yn, 1.0, -1.0, "y")
_spherical(special.spherical_in, 1.0, 1.0, "i")
_spherical(special.spherical_kn, -1.0, -1.0, "k")

# --- Struve, and integrals ------------------------------------------------------------------------


def _struve(function: Any, sign: float) -> None:
    def slope(_y: Any, v: Any, x: Any) -> Any:
        order = np.reshape(v, np.shape(v))  # an array: the same operation whatever the number is
        rest = np.power(0.5 * x, order) * special.rgamma(v + 1.5) / _ROOT_PI
        near = np.logical_and(np.less(np.abs(x), 1), np.not_equal(x, 0))  # neighbours below cancel
        low = v / np.where(near, x, 1.0) * function(v, x) + sign * function(v + 1, x) + rest
        return np.where(
            near, low,
            0.5 * (function(v - 1, np.where(near, 1.0, x)) + sign * function(v + 1, x) + rest),
        )  # fmt: skip

    ufunc(
        function, "v", slope, at=(0.5, None), domain=(_ORDER, _ARGUMENT),
        rule="d fᵥ(u) = ½(fᵥ₋₁(u) ± fᵥ₊₁(u) + (u/2)ᵛ/(√π·Γ(v + 3/2))) du",
    )  # fmt: skip


_struve(special.struve, -1.0)
_struve(special.modstruve, 1.0)
ufunc(special.itstruve0, lambda _y, x: special.struve(0.0, x), domain=(_ARGUMENT,),
      rule="d ∫H₀ = H₀(u) du")  # fmt: skip
ufunc(special.it2struve0, lambda _y, x: -special.struve(0.0, x) / x, domain=(_ARGUMENT,),
      rule="d ∫H₀(t)/t dt = −H₀(u)/u du")  # fmt: skip
ufunc(special.itmodstruve0, lambda _y, x: special.modstruve(0.0, x), domain=(_ARGUMENT,),
      rule="d ∫L₀ = L₀(u) du")  # fmt: skip
ufunc(
    special.besselpoly, lambda _y, a, p, v: (
        special.besselpoly(a, p + 1.0, v - 1.0) - special.besselpoly(a, p + 1.0, v + 1.0)
    ), "lmb", "nu", at=(None, 1.0, 1.0), domain=((0.3, 2.0),) * 3,
    rule="d ∫tᵖJᵥ(2ut)dt = (∫tᵖ⁺¹Jᵥ₋₁(2ut)dt − ∫tᵖ⁺¹Jᵥ₊₁(2ut)dt) du, over (0, 1)",
)  # fmt: skip
