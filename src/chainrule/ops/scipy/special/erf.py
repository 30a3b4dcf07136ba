"""The error function and its kin: logistic and normal distribution functions, Dawson, Fresnel.

Partials that would cancel or overflow are written through small operations of our own
(`gaussian`, `erfinv_slope`, `repeated_erfcx`; `tails.mills`), each closed under differentiation.

References: NIST Digital Library of Mathematical Functions, §7.
"""

import math
from typing import Any

import numpy as np
from scipy import special

from ....core.op import Notation, Op, sample
from ....core.registry import declare
from ....core.slots import Partial
from ...declare import EVERYWHERE, elementwise, over
from .common import blockwise, ray, several, ufunc
from .tails import mills

_ROOT_PI = math.sqrt(math.pi)
_ROOT_TAU = math.sqrt(2 * math.pi)
_UNIT = (0.0, 1.0)
_NEAR_ZERO = (-40.0, 40.0)

elementwise(
    special.expit, lambda y, x: y * special.expit(-x), domain=(_NEAR_ZERO,),
    mp="1 / (1 + exp(-x))", text="σ", latex="\\sigma", rule="d σ(u) = σ(u)·σ(−u) du",
)  # fmt: skip
elementwise(
    special.logit, over(lambda _y, x: x * (1.0 - x)), domain=(_UNIT,),
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
ufunc(
    special.ndtri_exp, lambda y, _x: np.reciprocal(mills(y)), domain=((-math.inf, 0.0),),
    rule="d Φ⁻¹(eᵘ) = Φ/φ du, at Φ⁻¹(eᵘ)",
)  # fmt: skip


@blockwise
def _repeated_integral(x: Any, n: int) -> Any:
    """Return (2/√π)/n! ∫ tⁿ exp(−t² − 2xt) dt, for x of 0 or more."""
    scale = 2 / _ROOT_PI / math.factorial(n)
    size = np.maximum(x, 0.5)
    far = (20.0 + n) / size + 3
    return scale * ray(lambda t: t**n * np.exp(-t * (t + 2 * x)), 0.25 / size, far)


def _repeated_erfcx(x: Any, n: int) -> Any:
    """Return exp(x²)·iⁿerfc(x): by its integral above 0, by the recurrence below."""
    if n == 0:
        return special.erfcx(x)
    below, low = special.erfcx(np.minimum(x, 0.0)) * x, 1 / _ROOT_PI
    older, old = low, special.erfcx(np.minimum(x, 0.0))
    older, old = old, low - below
    for k in range(2, n + 1):
        older, old = old, (0.5 * older - x * old) / k
    above = _repeated_integral(np.maximum(x, 0.0), n=n)
    return np.where(np.less(x, 0), old, above)[()]


repeated_erfcx = declare(
    Op(
        "repeated_erfcx",
        _repeated_erfcx,
        (Partial(lambda _y, x, n: (-2.0 * (n + 1)) * repeated_erfcx(x, n=n + 1)),),
        domain=((-3.0, 20.0),),
        notation=Notation(
            "exp({0}²)·i^{n}erfc({0})",
            "e^{{{0}^2}}\\,\\mathrm{{i}}^{{{n}}}\\operatorname{{erfc}}\\left({0}\\right)",
            100, (100,),
            "d e^(u²)·iⁿerfc(u) = −2(n+1)·e^(u²)·iⁿ⁺¹erfc(u) du",
        ),
        samples=(sample((2, 3), n=1), sample((), n=2)),
    )
)  # fmt: skip
ufunc(
    special.erfcx, lambda _y, x: -2.0 * repeated_erfcx(x, n=1), domain=((-20.0, math.inf),),
    mp="exp(x**2) * erfc(x)", rule="d e^(u²)·erfc(u) = −2·e^(u²)·i¹erfc(u) du",
)  # fmt: skip


def _dawsn_derivative(x: Any, n: int) -> Any:
    """Return the n-th derivative of Dawson's integral: by recurrence, or far out by its series."""
    older, old = special.dawsn(x), 1.0 - 2.0 * x * special.dawsn(x)
    for k in range(1, n):
        older, old = old, -2.0 * (x * old + k * older)
    if np.iscomplexobj(x):
        return old[()]
    size = np.maximum(np.abs(x), 6.0)
    term = np.copysign(1.0, x) ** (n + 1) * (-1.0) ** n * math.factorial(n) / 2 / size ** (n + 1)
    far = term
    for k in range(1, 30):
        term = term * (2 * k - 1) / 2 * (2 * k + n) * (2 * k + n - 1)
        term = term / ((2 * k) * (2 * k - 1) * size * size)
        far = far + term
    return np.where(np.greater(np.abs(x), 6.0 + n), far, old)[()]


dawsn_derivative = declare(
    Op(
        "dawsn_derivative",
        _dawsn_derivative,
        (Partial(lambda _y, x, n: dawsn_derivative(x, n=n + 1)),),
        notation=Notation(
            "D^({n})({0})", "D^{{({n})}}\\left({0}\\right)", 100, (0,), "d D⁽ⁿ⁾(u) = D⁽ⁿ⁺¹⁾(u) du"
        ),
        complex=True,
        samples=(sample((2, 3), n=1), sample((), n=2)),
    )
)
ufunc(
    special.dawsn, lambda _y, x: dawsn_derivative(x, n=1), complex=True,
    rule="d D(u) = (1 − 2u·D(u)) du",
)  # fmt: skip
ufunc(
    special.owens_t,
    lambda _y, h, a: (-0.5 / _ROOT_TAU) * gaussian(h, c=0.5) * special.erf(a * h * math.sqrt(0.5)),
    lambda _y, h, a: (
        gaussian(h, c=0.5) * gaussian(a * h, c=0.5) / (2 * math.pi * (1.0 + np.square(a)))
    ),
    rule="d T(h, a) = −½φ(h)·erf(ah/√2) dh + e^(−h²(1+a²)/2)/(2π(1+a²)) da",
)  # fmt: skip


def _chirp(x: Any, quarter: int) -> Any:
    """Return cos(π/2·(x² + quarter)), x² taken modulo 4 with what its square leaves over."""
    if np.result_type(x).kind == "c":
        return np.cos(math.pi / 2 * (x * x + quarter))
    h = np.rint(x * 4096) / 4096
    turn = np.fmod(h * h, 4.0) + quarter
    return np.cos(math.pi / 2 * (turn + np.where(np.isfinite(x), (x - h) * (x + h), 0.0)))


chirp = declare(
    Op(
        "chirp",
        _chirp,
        (Partial(lambda _y, x, quarter: math.pi * x * chirp(x, quarter=(quarter + 1) % 4)),),
        complex=True,
        notation=Notation(
            "cos(π/2·(({0})² + {quarter}))",
            "\\cos\\left(\\tfrac{{\\pi}}{{2}}\\left({0}^2 + {quarter}\\right)\\right)", 100, (0,),
            "d cos(πu²/2) = −πu·sin(πu²/2) du",
        ),
        samples=(sample((2, 3), quarter=0), sample((), quarter=3)),
    )
)  # fmt: skip
several(
    special.fresnel, 2, lambda t, _ys, x: (t * chirp(x, quarter=3), t * chirp(x, quarter=0)),
    complex=True, rule="d (S, C)(u) = (sin, cos)(πu²/2) du",
)  # fmt: skip


def _modified_fresnel(function: Any, sign: float) -> None:
    """Declare F(x) = ∫ from x to ∞ of exp(±it²) dt, and K(x) = exp(∓i(x² + π/4))·F(x)/√π.

    Below 0 SciPy computes another function, and the derivative is NaN.
    """
    start = -np.exp(-1j * sign * math.pi / 4) / _ROOT_PI

    def slope(t: Any, ys: Any, x: Any) -> Any:
        t = np.where(np.less(x, 0), np.nan, t)
        return -t * np.exp((1j * sign) * np.square(x)), t * (start - (2j * sign) * x * ys[1])

    several(
        function, 2, slope, domain=((0.1, 2.5),),
        rule="d (F, K)(u) = (−e^(±iu²), ∓2iu·K − e^(∓iπ/4)/√π) du",
    )  # fmt: skip


_modified_fresnel(special.modfresnelp, 1.0)
_modified_fresnel(special.modfresnelm, -1.0)
