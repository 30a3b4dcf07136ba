"""Integrals, zeta and Lambert functions, the hypergeometric ones, and Kolmogorov's and Smirnov's.

References: NIST Digital Library of Mathematical Functions, §6, §8.19, §13, §15, §25; R. M. Corless
et al., On the Lambert W function (1996); F. W. J. Olver (Euler–Maclaurin), §25.11.
"""

import math
from typing import Any

import numpy as np
from scipy import special

from ....core.op import Const, Notation, Op, sample
from ....core.registry import declare
from ....core.slots import Partial
from ...declare import elementwise
from .bessel import spherical_jn
from .common import WHOLE, blockwise, doubles, refuse, refuse_twice, several, ufunc
from .logs import log_moment

_NEAR = (-2.0, 2.0)
_PARAMETER = (0.5, 3.0)

elementwise(
    special.exp1, lambda _y, x: -np.exp(-x) / x, domain=((0.0, 600.0),), mp="e1(x)",
    complex=True, text="E₁", latex="E_1", rule="d E₁(u) = −e⁻ᵘ/u du",
)  # fmt: skip
elementwise(
    special.expi, lambda _y, x: np.exp(x) / x, domain=((0.0, 600.0),), mp="ei(x)", complex=True,
    text="Ei", latex="\\operatorname{{Ei}}", rule="d Ei(u) = eᵘ/u du",
)  # fmt: skip


def _lower_order(y: Any, n: Any, x: Any) -> Any:
    below = special.expn(np.maximum(np.trunc(n) - 1, 0), x)
    return -np.where(np.greater_equal(n, 1), below, (np.exp(-x) + y) / x)


ufunc(
    special.expn, ("n", WHOLE), _lower_order, at=(2, None), domain=((0.0, 3.0), (0.1, 4.0)),
    rule="d Eₙ(u) = −Eₙ₋₁(u) du",
)  # fmt: skip


def _sine_integrals(t: Any, _ys: Any, x: Any) -> Any:
    return t * _sine_ratio(x), t * np.cos(x) / x


def _sine_ratio(x: Any) -> Any:
    if x.dtype.kind == "c":
        return np.sin(x) / x
    return spherical_jn(0, x, derivative=False)


several(special.sici, 2, _sine_integrals, complex=True, domain=((0.1, 6.0),),
        rule="d (Si, Ci)(u) = (sin u, cos u)/u du")  # fmt: skip


def _hyperbolic_integrals(t: Any, _ys: Any, x: Any) -> Any:
    if x.dtype.kind == "c":  # of which SciPy has no `exprel`
        return t * np.sinh(x) / x, t * np.cosh(x) / x
    return t * (0.5 * (special.exprel(x) + special.exprel(-x))), t * np.cosh(x) / x


several(special.shichi, 2, _hyperbolic_integrals, domain=((0.1, 6.0),),
        rule="d (Shi, Chi)(u) = (sinh u, cosh u)/u du")  # fmt: skip
ufunc(
    special.spence, lambda _y, x: -log_moment(x - 1.0, n=0), domain=((0.05, 5.0),), complex=True,
    mp="polylog(2, 1 - x)", rule="d ∫log t/(1 − t)dt = log u/(1 − u) du",
)  # fmt: skip

# --- zeta -----------------------------------------------------------------------------------------

_COUNT = 20
_DIRECT = -0.02  # where the sum, and the reflection, lose as much
_EULER = (1 / 12, -1 / 720, 1 / 30240, -1 / 1209600, 1 / 47900160, -691 / 1307674368000)


def _zeta_slope(x: Any, q: Any) -> Any:
    """Return ∂ζ/∂x = −Σ log(q + n)·(q + n)⁻ˣ, its tail by Euler and Maclaurin."""
    x, q = np.asarray(x) * 1.0, np.asarray(q) * 1.0
    total = sum(-np.log(q + n) * np.power(q + n, -x) for n in range(_COUNT))
    a = q + _COUNT
    log, power = np.log(a), np.power(a, -x)
    total = total - a * power * (log / (x - 1) + 1 / np.square(x - 1)) - 0.5 * log * power
    rising, slope = x, 1.0  # x·(x + 1)·…, and its derivative
    for k, weight in enumerate(_EULER):
        total = total + weight * power / a ** (2 * k + 1) * (slope - rising * log)
        for j in (2 * k + 1, 2 * k + 2):
            rising, slope = rising * (x + j), slope * (x + j) + rising
    return total


def _zeta_in_x(x: Any, q: Any) -> Any:
    kind, found = doubles(x, q)
    x, q = np.broadcast_arrays(*found)
    with np.errstate(all="ignore"):
        direct = np.where(q == 1, x > _DIRECT, x > 0)  # near 0 the poles of the reflection cancel
        right = np.where(direct, x, 1 - x)
        slope = _zeta_slope(right, np.where(direct, q, 1.0))
        value, turn = special.zeta(right), math.pi / 2 * x
        growth = math.log(2 * math.pi) - special.digamma(right)
        left = 2 * np.power(2 * math.pi, x - 1) * special.gamma(right)
        left = left * (
            math.pi / 2 * np.cos(turn) * value + np.sin(turn) * (growth * value - slope)
        )
        found = np.where(direct, slope, np.where(q == 1, left, np.nan))
    return found.astype(kind)[()]


zeta_in_x = ufunc(
    None, refuse_twice("zeta", "x", 0),
    lambda _y, x, q: -zeta(x + 1.0, q, riemann=False) - x * zeta_in_x(x + 1.0, q),
    name="zeta_in_x", value=_zeta_in_x, at=(2.5, None), domain=((1.5, 4.0), _PARAMETER),
    rule="d ∂ζ/∂x = −(ζ(x+1, q) + x·∂ζ/∂x(x+1, q)) dq",
)  # fmt: skip


def _bind_zeta(x: Any, q: Any = None, out: Any = None) -> Any:
    return (x, 1.0 if q is None else q), {"riemann": q is None}


zeta = declare(
    Op(
        "zeta",
        lambda x, q, riemann: special.zeta(x) if riemann else special.zeta(x, q),
        (
            Partial(lambda _y, x, q, riemann: zeta_in_x(x, q)),
            Partial(lambda _y, x, q, riemann: -x * zeta(x + 1.0, q, riemann=False)),
        ),
        function=special.zeta,
        bind=_bind_zeta,
        domain=((1.5, 4.0), _PARAMETER),
        notation=Notation(rule="d ζ(x, q) = −Σ log(q + n)·(q + n)⁻ˣ dx − x·ζ(x + 1, q) dq"),
        samples=(sample(Const(2.5), (2, 3)), sample(Const(1.5), ())),
    )
)
ufunc(special.zetac, lambda _y, x: zeta_in_x(x, 1.0), domain=((1.5, 4.0),),
      rule="d (ζ(u) − 1) = −Σ log n/nᵘ du")  # fmt: skip

# --- Lambert's W ----------------------------------------------------------------------------------


def _lambert_slope(y: Any, _z: Any, _k: Any, **_params: Any) -> Any:
    return np.exp(-y) / (1.0 + y)


declare(
    Op(
        "lambertw",
        lambda z, k, tol: special.lambertw(z, k, tol),
        (Partial(_lambert_slope), Partial(refuse("lambertw", "k", 1, WHOLE))),
        batch="elementwise",
        function=special.lambertw,
        bind=lambda z, k=0, tol=1e-8: ((z, k), {"tol": tol}),
        domain=((0.2, 4.0),),
        complex=True,
        notation=Notation("W({0})", "W\\left({0}\\right)", 100, (0,), "d W(u) = e^(−W)/(1 + W) du"),
        samples=(sample((2, 3)), sample(()), sample((3,), Const(-1))),
    )
)
ufunc(
    special.wrightomega, lambda y, _x: y / (1.0 + y), complex=True, domain=((-40.0, 40.0),),
    mp="lambertw(exp(x)).real if x < 500 else x - log(x)", rule="d ω(u) = ω/(1 + ω) du",
)  # fmt: skip

# --- hypergeometric functions and Wright's --------------------------------------------------------

def _kummer_slope(_y: Any, a: Any, b: Any, z: Any) -> Any:
    """a/b·₁F₁(a+1; b+1; z); of a + 1 = 0 it is 1, also where b + 1 is no argument of SciPy's."""
    ends = np.equal(a, -1)
    up, low = np.where(ends, 1.0, a + 1.0), np.where(ends, 1.0, b + 1.0)
    return a / b * special.hyp1f1(up, low, np.where(ends, 0.0, z))


ufunc(
    special.hyp0f1, "v", lambda _y, v, z: special.hyp0f1(v + 1.0, z) / v, at=(1.5, None),
    domain=(_PARAMETER, _NEAR), rule="d ₀F₁(v; u) = ₀F₁(v+1; u)/v du",
)  # fmt: skip
ufunc(
    special.hyp1f1, "a", "b", _kummer_slope,
    at=(0.7, 1.5, None), domain=(_PARAMETER, _PARAMETER, _NEAR),
    rule="d ₁F₁(a; b; u) = a/b·₁F₁(a+1; b+1; u) du",
)  # fmt: skip
ufunc(
    special.hyp2f1, "a", "b", "c",
    lambda _y, a, b, c, z: a * b / c * special.hyp2f1(a + 1.0, b + 1.0, c + 1.0, z),
    at=(0.7, 1.2, 2.5, None), domain=(_PARAMETER,) * 3 + ((-0.8, 0.8),),
    rule="d ₂F₁(a, b; c; u) = ab/c·₂F₁(a+1, b+1; c+1; u) du",
)  # fmt: skip
ufunc(
    special.hyperu, "a", "b", lambda _y, a, b, z: -a * special.hyperu(a + 1.0, b + 1.0, z),
    at=(0.7, 1.5, None), domain=(_PARAMETER, _PARAMETER, (0.3, 4.0)),
    rule="d U(a, b, u) = −a·U(a+1, b+1, u) du",
)  # fmt: skip
ufunc(
    special.wright_bessel, "a", "b", lambda _y, a, b, x: special.wright_bessel(a, a + b, x),
    at=(0.7, 1.5, None), domain=(_PARAMETER, _PARAMETER, (0.1, 3.0)),
    rule="d Φ(a, b; u) = Φ(a, a+b; u) du",
)  # fmt: skip
ufunc(
    special.log_wright_bessel, "a", "b",
    lambda y, a, b, x: np.exp(special.log_wright_bessel(a, a + b, x) - y),
    at=(0.7, 1.5, None), domain=(_PARAMETER, _PARAMETER, (0.1, 3.0)),
    rule="d log Φ(a, b; u) = Φ(a, a+b; u)/Φ(a, b; u) du",
)  # fmt: skip

# --- Kolmogorov, Smirnov --------------------------------------------------------------------------


@blockwise
def _kolmogorov_slope(x: Any) -> Any:
    """Return the derivative of 2Σ(−1)ᵏ⁻¹e^(−2k²x²), below 0.8 by its theta transform."""
    k = np.arange(1, 30)
    signed = (-1.0) ** (k - 1) * k * k * np.exp(-2 * np.square(k * x))
    high = -8 * x * np.sum(signed, axis=-1)[:, None]
    c = np.square((2 * k - 1) * math.pi) / 8
    near = np.maximum(x, 1e-3)
    terms = np.exp(-c / np.square(near)) * (2 * c / near**4 - 1 / near**2)
    low = -math.sqrt(2 * math.pi) * np.sum(terms, axis=-1)[:, None]
    return np.where(x <= 0, 0.0, np.where(x < 0.8, low, high))[:, 0]


kolmogorov_slope = ufunc(
    None, refuse_twice("kolmogorov", "y", 0), name="kolmogorov_slope", value=_kolmogorov_slope,
    at=(1.0,), domain=((0.3, 2.0),), rule="a second derivative is refused",
)  # fmt: skip
ufunc(special.kolmogorov, lambda _y, x: kolmogorov_slope(x), domain=((0.3, 2.0),),
      rule="d 2Σ(−1)ᵏ⁻¹e^(−2k²u²) = −8u·Σ(−1)ᵏ⁻¹k²e^(−2k²u²) du")  # fmt: skip
ufunc(special.kolmogi, lambda y, _p: 1.0 / kolmogorov_slope(y), domain=((0.05, 0.95),),
      rule="d y = dp / K′(y), where K(y) = p")  # fmt: skip


@blockwise
def _smirnov_slope(n: Any, d: Any) -> Any:
    """Return the derivative of Σ C(n, j)·d·(d + j/n)ʲ⁻¹·(1 − d − j/n)ⁿ⁻ʲ over the j that fit."""
    n = np.trunc(n)  # as SciPy does
    j = np.arange(int(np.max(n, where=np.isfinite(n), initial=0)) + 1)
    up, down = d + j / n, 1 - d - j / n
    fits = np.logical_and(j <= n, down > 0)
    logs = -special.betaln(j + 1, np.maximum(n - j, 0) + 1) - np.log(n + 1)
    up, down = np.where(fits, up, 0.5), np.where(fits, down, 0.5)
    size = np.exp(logs + (j - 1) * np.log(up) + (n - j) * np.log(down))
    terms = size * (1 + d * ((j - 1) / up - (n - j) / down))
    return np.sum(np.where(fits, terms, 0.0), axis=-1)


smirnov_slope = ufunc(
    None, ("n", WHOLE), refuse_twice("smirnov", "d", 1), name="smirnov_slope",
    value=_smirnov_slope, at=(3, 0.4), domain=((1.0, 5.0), (0.1, 0.9)),
    rule="a second derivative is refused",
)  # fmt: skip
ufunc(
    special.smirnov, ("n", WHOLE), lambda _y, n, d: smirnov_slope(n, d), at=(3, None),
    domain=((1.0, 5.0), (0.1, 0.9)),
    rule="d Σ C(n, j)·u·(u + j/n)ʲ⁻¹(1 − u − j/n)ⁿ⁻ʲ, term by term",
)  # fmt: skip
ufunc(
    special.smirnovi, ("n", WHOLE), lambda d, n, _p: 1.0 / smirnov_slope(n, d), at=(3, None),
    domain=((1.0, 5.0), (0.1, 0.9)),
    rule="d y = dp / S′(y), where S(n, y) = p",
)  # fmt: skip
