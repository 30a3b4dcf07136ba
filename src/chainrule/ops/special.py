"""SciPy's special functions. Loaded when the user's program has imported `scipy.special`.

Partials that would cancel or overflow are written through small operations of our own
(`gaussian`, `erfinv_slope`, `mills`), each closed under differentiation.

References: NIST Digital Library of Mathematical Functions, §5.15 (polygamma), §7 (error functions),
§10.6 and §10.29 (Bessel functions).
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from ..core.op import Const, Notation, Op, sample
from ..core.registry import composite, declare
from ..core.slots import Partial
from ..errors import UnsupportedFunctionError
from . import softmax
from .declare import ABOVE_ZERO, EVERYWHERE, as_array, elementwise

__all__ = ["erfcinv_slope", "erfinv_slope", "gaussian", "mills", "polygamma", "refuse", "softmax"]

_ROOT_PI = math.sqrt(math.pi)
_UNIT = (0.0, 1.0)
_NEAR_ZERO = (-40.0, 40.0)
_POSITIVE = ((0.3, 3.0),)

elementwise(
    special.expit, lambda y, x: y * special.expit(-x), domain=(_NEAR_ZERO,),
    mp="1 / (1 + exp(-x))", text="σ", latex="\\sigma", rule="d σ(u) = σ(u)·σ(−u) du",
)  # fmt: skip
elementwise(
    special.logit, lambda _y, x: np.reciprocal(x * (1.0 - x)), domain=(_UNIT,),
    mp="log(x) - log(1 - x)", rule="d logit u = du / (u·(1 − u))",
)  # fmt: skip
elementwise(
    special.log_expit, lambda _y, x: special.expit(-x), domain=(_NEAR_ZERO,),
    mp="-log1p(exp(-x))", text="log σ", latex="\\log \\sigma", rule="d log σ(u) = σ(−u) du",
)  # fmt: skip


def _gaussian(x: Any, c: float) -> Any:
    """exp(−c·x²): x = h + l with few digits in h, so that h² is exact and (x−h)(x+h) is small."""
    h = np.rint(x * 16) / 16
    low = np.where(np.isfinite(x), (x - h) * (x + h), 0.0)
    return np.exp(-c * (h * h)) * np.exp(-c * low)


gaussian = declare(
    Op(
        "gaussian",
        _gaussian,
        (Partial(lambda y, x, c: -2.0 * c * x * y),),
        notation=Notation(
            "exp(−{c}·({0})²)", "\\exp\\left(-{c}\\,{0}^2\\right)", 100, (0,),
            "d e^(−cu²) = −2cu e^(−cu²) du",
        ),
        complex=True,
        samples=(sample((2, 3), c=1.0), sample((), c=0.5)),
    )
)  # fmt: skip
elementwise(
    special.erf, lambda _y, x: (2 / _ROOT_PI) * gaussian(x, c=1.0), domain=(EVERYWHERE,),
    mp="erf(x)", complex=True, rule="d erf u = 2/√π·e^(−u²) du",
)  # fmt: skip
elementwise(
    special.erfc, lambda _y, x: (-2 / _ROOT_PI) * gaussian(x, c=1.0), domain=((-4.0, 4.0),),
    mp="erfc(x)", complex=True, rule="d erfc u = −2/√π·e^(−u²) du",
)  # fmt: skip
elementwise(
    special.erfi, lambda _y, x: (2 / _ROOT_PI) * gaussian(x, c=-1.0), mp="erfi(x)", complex=True,
    rule="d erfi u = 2/√π·e^(u²) du",
)  # fmt: skip
elementwise(
    special.ndtr, lambda _y, x: (1 / math.sqrt(2 * math.pi)) * gaussian(x, c=0.5),
    domain=((-5.0, 5.0),), mp="erfc(-x / sqrt(2)) / 2", complex=True, text="Φ", latex="\\Phi",
    rule="d Φ(u) = φ(u) du, the normal density",
)  # fmt: skip


def _mills(x: Any) -> Any:
    """φ(x)/Φ(x); far below 0 without dividing small by small."""
    low = math.sqrt(2 / math.pi) / special.erfcx(np.minimum(x, -1.0) * -math.sqrt(0.5))
    high = _gaussian(np.maximum(x, -1.0), 0.5) / (special.ndtr(x) * math.sqrt(2 * math.pi))
    return np.where(np.less(x, -1), low, high)[()]


mills = elementwise(
    None, lambda y, x: -y * (x + y), name="mills", value=_mills,
    rule="d φ/Φ = −φ/Φ·(u + φ/Φ) du", text="φ/Φ", latex="\\tfrac{{\\phi}}{{\\Phi}}",
)  # fmt: skip
elementwise(
    special.log_ndtr, lambda _y, x: mills(x), domain=((-10.0, 2.0),),
    mp="log(erfc(-x / sqrt(2)) / 2)", text="log Φ", latex="\\log \\Phi",
    rule="d log Φ(u) = φ(u)/Φ(u) du",
)  # fmt: skip


def _exp_of_square(y: Any, rest: Any) -> Any:
    """Return exp(y²), where erfc|y| is `rest`; for large y as erfcx|y| / rest, to keep digits."""
    size = np.abs(y)
    near = np.exp(np.square(np.minimum(size, 1.0)))
    far = np.where(np.equal(rest, 0), np.inf, special.erfcx(size)) / rest
    return np.where(np.less(size, 1), near, far)[()]


def _erfinv_slope(x: Any) -> Any:
    return (_ROOT_PI / 2) * _exp_of_square(special.erfinv(x), 1 - np.abs(x))


def _erfcinv_slope(x: Any) -> Any:
    return (-_ROOT_PI / 2) * _exp_of_square(special.erfcinv(x), np.minimum(x, 2 - x))


erfinv_slope = elementwise(
    None, lambda y, x: 2.0 * special.erfinv(x) * np.square(y), name="erfinv_slope",
    value=_erfinv_slope, domain=((-1.0, 1.0),), mp="sqrt(pi) / 2 * exp(erfinv(x)**2)",
    rule="the slope s of erfinv has d s = 2·erfinv(u)·s² du",
)  # fmt: skip
erfcinv_slope = elementwise(
    None, lambda y, x: 2.0 * special.erfcinv(x) * np.square(y), name="erfcinv_slope",
    value=_erfcinv_slope, domain=((0.0, 2.0),), mp="-sqrt(pi) / 2 * exp(erfinv(1 - x)**2)",
    rule="the slope s of erfcinv has d s = 2·erfcinv(u)·s² du",
)  # fmt: skip
elementwise(
    special.erfinv, lambda _y, x: erfinv_slope(x), domain=((-1.0, 1.0),), mp="erfinv(x)",
    rule="d erfinv u = √π/2·exp(erfinv(u)²) du",
)  # fmt: skip
elementwise(
    special.erfcinv, lambda _y, x: erfcinv_slope(x), domain=((0.0, 2.0),), mp="erfinv(1 - x)",
    rule="d erfcinv u = −√π/2·exp(erfcinv(u)²) du",
)  # fmt: skip
elementwise(
    special.ndtri, lambda y, _x: math.sqrt(2 * math.pi) * gaussian(y, c=-0.5), domain=(_UNIT,),
    rule="d Φ⁻¹(u) = du / φ(Φ⁻¹(u))", text="Φ⁻¹", latex="\\Phi^{{-1}}",
)  # fmt: skip


def refuse(function: str, argument: str) -> Callable[..., Any]:
    """Return a rule that says that one argument has no known derivative."""

    def rule(*_xs: Any, **_params: Any) -> Any:
        raise UnsupportedFunctionError(
            f"scipy.special.{function} has no derivative rule in its argument {argument!r}",
            why="no closed form is known in functions that SciPy has",
            cure=f"pass {argument} as a plain number, or chainrule.stop_gradient({argument})",
        )

    return rule


polygamma = declare(
    Op(
        "polygamma",
        special.polygamma,
        (Partial(refuse("polygamma", "n")), Partial(lambda _y, n, x: polygamma(n + 1, x))),
        function=special.polygamma,
        domain=(*_POSITIVE, (0.3, 6.0)),
        notation=Notation(
            "ψ^({0})({1})", "\\psi^{{({0})}}\\left({1}\\right)", 100, (0, 0),
            "d ψ⁽ⁿ⁾(u) = ψ⁽ⁿ⁺¹⁾(u) du",
        ),
        samples=(
            sample(Const(1), (2, 3)), sample(Const(0), ()), sample(Const(np.array([1, 2])), (3, 2)),
        ),
    )
)  # fmt: skip
elementwise(
    special.digamma, lambda _y, x: polygamma(1, x), domain=(ABOVE_ZERO,), name="digamma",
    mp="digamma(x)", text="ψ", latex="\\psi", rule="d ψ(u) = ψ′(u) du",
)  # fmt: skip
elementwise(
    special.gammaln, lambda _y, x: special.digamma(x), domain=(ABOVE_ZERO,), mp="loggamma(x)",
    text="log Γ", latex="\\log \\Gamma", rule="d log Γ(u) = ψ(u) du",
)  # fmt: skip
elementwise(
    special.loggamma, lambda _y, x: special.digamma(x), domain=(ABOVE_ZERO,), name="loggamma",
    text="log Γ", latex="\\log \\Gamma", rule="d log Γ(u) = ψ(u) du",
)  # fmt: skip
elementwise(
    special.gamma, lambda y, x: y * special.digamma(x), domain=((0.0, 100.0),), mp="gamma(x)",
    text="Γ", latex="\\Gamma", rule="d Γ(u) = Γ(u)·ψ(u) du",
)  # fmt: skip
elementwise(
    special.betaln,
    lambda _y, a, b: special.digamma(a) - special.digamma(a + b),
    lambda _y, a, b: special.digamma(b) - special.digamma(a + b), domain=_POSITIVE * 2,
    rule="d log B(a, b) = (ψ(a) − ψ(a+b)) da + (ψ(b) − ψ(a+b)) db",
)  # fmt: skip
elementwise(
    special.beta,
    lambda y, a, b: y * (special.digamma(a) - special.digamma(a + b)),
    lambda y, a, b: y * (special.digamma(b) - special.digamma(a + b)), domain=_POSITIVE * 2,
    text="B", latex="B", rule="d B(a, b) = B·((ψ(a) − ψ(a+b)) da + (ψ(b) − ψ(a+b)) db)",
)  # fmt: skip


@composite(special.multigammaln, sample((3,), Const(2)), sample((), Const(3)), domain=((2.0, 5.0),))
def multigammaln(a: Any, d: Any) -> Any:
    """Return log Γ of `d` dimensions: d(d−1)/4·log π + Σⱼ log Γ(a − j/2)."""
    a = as_array(a)
    if np.ndim(d) or np.floor(d) != d:
        raise ValueError("d should be a positive integer (dimension)")
    if np.any(a <= 0.5 * (d - 1)):
        raise ValueError(f"condition a ({a}) > 0.5 * (d-1) ({0.5 * (d - 1)}) not met")
    terms = np.stack([special.gammaln(a - (j - 1.0) / 2) for j in range(1, int(d) + 1)])
    return d * (d - 1) * 0.25 * np.log(np.pi) + np.sum(terms, axis=0)


def _over(x: Any, y: Any) -> Any:
    """Return x / y, and 0 where x is 0."""
    zero = np.equal(x, 0)
    return np.where(zero, 0.0, x) / np.where(zero, 1.0, y)


elementwise(
    special.xlogy, lambda _y, _x, v: np.log(v), lambda _y, x, v: _over(x, v),
    domain=(EVERYWHERE, ABOVE_ZERO), mp="x * log(y)", complex=True,
    text="{0} · log {1}", latex="{0} \\log {1}", level=20, operands=(20, 100),
    rule="d u·log v = log v du + u/v dv, where 0/0 is 0",
)  # fmt: skip
elementwise(
    special.xlog1py, lambda _y, _x, v: np.log1p(v), lambda _y, x, v: _over(x, 1.0 + v),
    domain=(EVERYWHERE, (-1.0, math.inf)), mp="x * log1p(y)", complex=True,
    text="{0} · log(1 + {1})", latex="{0} \\log\\left(1 + {1}\\right)", level=20, operands=(20, 10),
    rule="d u·log(1 + v) = log(1 + v) du + u/(1 + v) dv",
)  # fmt: skip
elementwise(
    special.entr, lambda _y, x: -1.0 - np.log(x), domain=(ABOVE_ZERO,),
    rule="d (−u·log u) = −(1 + log u) du",
)  # fmt: skip
elementwise(
    special.rel_entr, lambda _y, x, v: 1.0 + np.log(x / v), lambda _y, x, v: -x / v,
    domain=_POSITIVE * 2, rule="d u·log(u/v) = (1 + log(u/v)) du − u/v dv",
)  # fmt: skip
elementwise(
    special.kl_div, lambda _y, x, v: np.log(x / v), lambda _y, x, v: 1.0 - x / v,
    domain=_POSITIVE * 2, rule="d (u·log(u/v) − u + v) = log(u/v) du + (1 − u/v) dv",
)  # fmt: skip
elementwise(
    special.huber, lambda _y, d, r: np.maximum(np.abs(r) - d, 0.0),
    lambda _y, d, r: np.minimum(np.maximum(r, -d), d), domain=((0.5, 2.0), (-3.0, 3.0)),
    rule="d huber(δ, r) = max(|r| − δ, 0) dδ + clip(r, −δ, δ) dr",
)  # fmt: skip
elementwise(
    special.exp10, lambda y, _x: y * math.log(10), domain=((-300.0, 300.0),), mp="10**x",
    text="10^{0}", latex="10^{{{0}}}", level=30, operands=(31,), rule="d 10ᵘ = 10ᵘ·ln 10 du",
)  # fmt: skip
elementwise(
    special.exp2, lambda y, _x: y * math.log(2), name="special.exp2", domain=(EVERYWHERE,),
    mp="2**x", text="2^{0}", latex="2^{{{0}}}", level=30, operands=(31,),
    rule="d 2ᵘ = 2ᵘ·ln 2 du",
)  # fmt: skip
elementwise(
    special.expm1, lambda _y, x: np.exp(x), name="special.expm1", text="expm1", mp="expm1(x)",
    domain=(EVERYWHERE,), complex=True, rule="d (eᵘ − 1) = eᵘ du",
)  # fmt: skip
elementwise(
    special.log1p, lambda _y, x: np.reciprocal(1.0 + x), name="special.log1p", text="log1p",
    mp="log1p(x)", domain=((-1.0, math.inf),), complex=True, rule="d log(1 + u) = du / (1 + u)",
)  # fmt: skip
elementwise(
    special.cbrt, lambda y, _x: np.reciprocal(3.0 * np.square(y)), name="special.cbrt",
    domain=(EVERYWHERE,), kinks=(0.0,), mp="cbrt(x)", text="∛{0}", latex="\\sqrt[3]{{{0}}}",
    level=90, operands=(100,), rule="root rule: d ∛u = du / (3 (∛u)²)",
)  # fmt: skip
elementwise(
    special.exp1, lambda _y, x: -np.exp(-x) / x, domain=((0.0, 600.0),), mp="e1(x)",
    complex=True, text="E₁", latex="E_1", rule="d E₁(u) = −e⁻ᵘ/u du",
)  # fmt: skip
elementwise(
    special.expi, lambda _y, x: np.exp(x) / x, domain=((0.0, 600.0),), mp="ei(x)", complex=True,
    text="Ei", latex="\\operatorname{{Ei}}", rule="d Ei(u) = eᵘ/u du",
)  # fmt: skip


def _bessel(function: Any, sign: float, letter: str) -> None:
    """Declare a Bessel function of any order: C′ᵥ = ½(Cᵥ₋₁ ± Cᵥ₊₁)."""
    name = function.__name__
    declare(
        Op(
            name,
            function,
            (
                Partial(refuse(name, "v")),
                Partial(lambda _y, v, x: _half_sum(function, sign, v, x)),
            ),
            function=function,
            domain=((0.0, 3.0), (0.3, 6.0)),
            notation=Notation(
                letter + "_{0}({1})", letter + "_{{{0}}}\\left({1}\\right)", 100, (0, 0),
                f"d {letter}ᵥ(u) = ½({letter}ᵥ₋₁(u) ± {letter}ᵥ₊₁(u)) du",
            ),
            samples=(sample(Const(1), (2, 3)), sample(Const(0.5), ())),
        )
    )  # fmt: skip


def _half_sum(function: Any, sign: float, v: Any, x: Any) -> Any:
    lower, upper = function(v - 1, x), function(v + 1, x)
    if sign == 0:  # the modified function of the second kind
        return -0.5 * (lower + upper)
    return 0.5 * (lower + sign * upper)


_bessel(special.jv, -1.0, "J")
_bessel(special.yv, -1.0, "Y")
_bessel(special.iv, 1.0, "I")
_bessel(special.kv, 0.0, "K")
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


def _incomplete(function: Any, sign: float) -> None:
    """Declare a regularised incomplete gamma function, by its argument x."""
    name = function.__name__

    def slope(_y: Any, a: Any, x: Any) -> Any:
        return sign * np.exp(special.xlogy(a - 1.0, x) - x - special.gammaln(a))

    elementwise(
        function, refuse(name, "a"), slope, domain=((0.5, 3.0), (0.3, 3.0)),
        samples=(sample(Const(1.5), (2, 3)), sample(Const(2.0), ())),
        rule=f"d {name}(a, u) = {'−' if sign < 0 else ''}uᵃ⁻¹e⁻ᵘ/Γ(a) du",
    )  # fmt: skip


_incomplete(special.gammainc, 1.0)
_incomplete(special.gammaincc, -1.0)
