"""Gamma, beta, and what is made of them: polygamma, binomials, Pochhammer's symbol.

References: NIST Digital Library of Mathematical Functions, §5.
"""

import math
from typing import Any

import numpy as np
from scipy import special

from ....core.op import Const, Notation, Op, sample
from ....core.registry import composite, declare
from ....core.slots import Partial
from ...declare import ABOVE_ZERO, as_array, constant, elementwise
from ..common import refusal
from .common import refuse, ufunc, unknown_in

POSITIVE = (0.3, 3.0)

_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)
_SHIFT = 12
_MOST_STEPS = 10_000


def _polygamma(n: Any, x: Any) -> Any:
    """Return ψ⁽ⁿ⁾(x), which SciPy computes of real numbers only."""
    if np.asarray(x).dtype.kind != "c":
        return special.polygamma(n, x)
    orders, z = np.broadcast_arrays(n, x)
    found = np.empty(z.shape, z.dtype)
    for place in np.ndindex(z.shape):
        found[place] = _complex_polygamma(int(orders[place]), complex(z[place]))
    return found[()]


def _complex_polygamma(n: int, z: complex) -> complex:
    """Lift z by the recurrence to where the asymptotic series holds (DLMF 5.15.5, 5.15.8)."""
    if n == 0:
        return complex(special.digamma(z))
    if z.imag == 0 and z.real <= 0 and z.real == round(z.real):
        return complex(math.nan, math.nan)  # a pole
    steps = max(0, math.ceil(16 + n - z.real))
    if steps > _MOST_STEPS:
        why = f"z = {z} is too far to the left in the complex plane"
        raise unknown_in("polygamma", "x", 1, why)
    total = sum((z + j) ** -(n + 1) for j in range(steps))
    c = z + steps
    total += c**-n / n + 0.5 * c ** -(n + 1)
    for k, number in enumerate(_BERNOULLI, 1):
        weight = number * math.factorial(2 * k + n - 1) / math.factorial(2 * k) / math.factorial(n)
        total += weight * c ** -(2 * k + n)
    return (-1.0) ** (n + 1) * math.factorial(n) * total


polygamma = declare(
    Op(
        "polygamma",
        _polygamma,
        (Partial(refuse("polygamma", "n", 0)), Partial(lambda _y, n, x: polygamma(n + 1, x))),
        function=special.polygamma,
        domain=(POSITIVE, (0.3, 6.0)),
        notation=Notation(
            "ψ^({0})({1})", "\\psi^{{({0})}}\\left({1}\\right)", 100, (0, 0),
            "d ψ⁽ⁿ⁾(u) = ψ⁽ⁿ⁺¹⁾(u) du",
        ),
        samples=(
            sample(Const(1), (2, 3)), sample(Const(0), ()), sample(Const(np.array([1, 2])), (3, 2)),
        ),
    )
)  # fmt: skip

_FEW = 32  # a whole number of steps for which the recurrence is summed below 0


def _polygamma_gap(a: Any, b: Any, n: int) -> Any:
    """Return ψ⁽ⁿ⁾(a + b) − ψ⁽ⁿ⁾(a) without cancellation, for a and a + b above 0.

    The recurrence lifts a by 12, where the asymptotic series holds; every term of both is a
    difference of two powers, written through expm1.
    """
    plain = special.polygamma(n, a + b) - special.polygamma(n, a)
    sign, total = (-1.0) ** (n + 1), 0.0
    for j in range(_SHIFT):
        total = total + sign * math.factorial(n) * _power_gap(a + j, b, n + 1)
    c = a + _SHIFT
    total = total + sign * (
        (math.factorial(n - 1) * _power_gap(c, b, n) if n else -np.log1p(b / c))
        + 0.5 * math.factorial(n) * _power_gap(c, b, n + 1)
    )
    for k, number in enumerate(_BERNOULLI, 1):
        weight = number * math.factorial(2 * k + n - 1) / math.factorial(2 * k)
        total = total + sign * weight * _power_gap(c, b, 2 * k + n)
    found = np.where(np.logical_and(a > 0, a + b > 0), total, plain)
    few = np.logical_and(b == np.round(b), np.logical_and(b >= 0, b <= _FEW))
    few = np.logical_and(few, a <= 0)  # b terms: the poles of both, which cancel, are not met
    if np.any(few):
        a, b = np.where(few, a, 0.5), np.where(few, b, 0.0)
        terms = (np.where(j < b, (a + j) ** -(n + 1.0), 0.0) for j in range(_FEW))
        found = np.where(few, -sign * math.factorial(n) * sum(terms), found)
    return found[()]


def _power_gap(a: Any, b: Any, m: int) -> Any:
    """Return (a + b)⁻ᵐ − a⁻ᵐ."""
    return np.expm1(-m * np.log1p(b / a)) / a**m


def _quiet_gap(a: Any, b: Any, n: int) -> Any:
    kind = np.result_type(a, b)
    with np.errstate(all="ignore"):
        return np.asarray(_polygamma_gap(np.float64(1) * a, np.float64(1) * b, n), kind)[()]


polygamma_gap = declare(
    Op(
        "polygamma_gap",
        _quiet_gap,
        (
            Partial(lambda _y, a, b, n: polygamma_gap(a, b, n=n + 1)),
            Partial(lambda _y, a, b, n: polygamma(n + 1, a + b)),
        ),
        domain=(POSITIVE, POSITIVE),
        notation=Notation(
            "(ψ^({n})({0} + {1}) − ψ^({n})({0}))",
            "\\left(\\psi^{{({n})}}\\left({0} + {1}\\right) - "
            "\\psi^{{({n})}}\\left({0}\\right)\\right)",
            100, (10, 10), "the derivative of a difference is the difference of the derivatives",
        ),
        samples=(sample((2, 3), (3,), n=0), sample((), (), n=1)),
    )
)  # fmt: skip


def psi_gap(a: Any, b: Any) -> Any:
    """Return ψ(a + b) − ψ(a)."""
    return polygamma_gap(a, b, n=0)


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
constant(special.gammasgn, samples=(sample((2, 3)),))


def _rgamma_slope(x: Any) -> Any:
    """Return (1/Γ)′ = −ψ/Γ; of Γ(1 − x)·sin(πx)/π where the poles of both would cancel."""
    left = np.logical_and(np.less(np.real(x), 0.25), np.less(np.abs(np.imag(x)), 1.0))
    inner, safe = np.where(left, x, 0.0), np.where(left, 1.0, x)
    whole = np.round(np.real(inner))
    turn, sign = math.pi * (inner - whole), 1.0 - 2.0 * np.mod(whole, 2)
    z = 1.0 - inner
    mirrored = sign * (np.cos(turn) - special.digamma(z) * np.sin(turn) / math.pi)
    right = -special.digamma(safe) * special.rgamma(safe)
    found = np.where(left, special.gamma(z) * mirrored, right)
    laid = np.empty_like(x, dtype=found.dtype)  # in memory as the ufuncs would lay it
    laid[...] = found
    return laid[()]


def _rgamma_bend(y: Any, x: Any) -> Any:
    """Return (1/Γ)″ = (ψ² − ψ′)/Γ; of Γ(1 − x)·sin(πx)/π where the poles of ψ would cancel."""
    left = np.logical_and(np.less(np.real(x), 0.25), np.less(np.abs(np.imag(x)), 1.0))
    turn = math.pi * np.where(left, x, 0.0)
    sin, cos, z = np.sin(turn) / math.pi, np.cos(turn), 1.0 - np.where(left, x, 0.0)
    psi = special.digamma(z)
    mirrored = (np.square(psi) + polygamma(1, z)) * sin - 2.0 * psi * cos - math.pi**2 * sin
    safe = np.where(left, 1.0, x)
    return np.where(
        left, special.gamma(z) * mirrored,
        -special.digamma(safe) * np.where(left, 0.0, y) - polygamma(1, safe) * special.rgamma(safe),
    )  # fmt: skip


rgamma_slope = ufunc(
    None, _rgamma_bend,
    name="rgamma_slope", value=_rgamma_slope, domain=((0.3, 6.0),),
    rule="d (1/Γ)′(u) = (ψ(u)² − ψ′(u))/Γ(u) du",
)  # fmt: skip
ufunc(special.rgamma, lambda _y, x: rgamma_slope(x), domain=((0.0, 100.0),), mp="rgamma(x)",
      rule="d 1/Γ(u) = −ψ(u)/Γ(u) du")  # fmt: skip
elementwise(
    special.betaln, lambda _y, a, b: -psi_gap(a, b), lambda _y, a, b: -psi_gap(b, a),
    domain=((0.0, 1e3),) * 2, mp="loggamma(x) + loggamma(y) - loggamma(x + y)",
    rule="d log B(a, b) = (ψ(a) − ψ(a+b)) da + (ψ(b) − ψ(a+b)) db",
)  # fmt: skip


def _pole(x: Any) -> Any:
    """Say where 1/Γ(x) is 0, or so near it that the rounding of x tells."""
    return np.logical_and(np.less(x, 0.5), np.less(np.abs(x - np.round(x)), 1e-3))


def _by_factors(partial: Any, factors: Any, below: Any, above: Any) -> Any:
    """Return `partial`, a multiple of the value, but `factors` where a 1/Γ in the value is near 0.

    There both the value and its logarithmic derivative are rounding. `below` gives the arguments
    of the 1/Γ, `above` those of the Γ, whose poles are poles of the value.
    """

    def rule(y: Any, a: Any, b: Any) -> Any:
        near: Any = False
        for x in below(a, b):
            near = np.logical_or(near, _pole(x))
        for x in above(a, b):
            near = np.logical_and(near, np.logical_not(_pole(x)))
        if type(near) in (np.bool, np.ndarray) and not near.any():
            return partial(y, a, b)
        apart = partial(np.where(near, 0.0, y), np.where(near, 3.25, a), np.where(near, 0.75, b))
        return np.where(near, factors(np.where(near, a, 3.25), np.where(near, b, 0.75)), apart)

    return rule


def _beta_factors(a: Any, b: Any) -> Any:
    whole = a + b
    slope = special.digamma(a) * special.rgamma(whole) + rgamma_slope(whole)
    return special.gamma(a) * special.gamma(b) * slope


def _poch_factors(a: Any, m: Any) -> Any:
    slope = special.digamma(a + m) * special.rgamma(a) + rgamma_slope(a)
    return special.gamma(a + m) * slope


def _binom_in_n(n: Any, k: Any) -> Any:
    rest = n - k + 1.0
    slope = special.digamma(n + 1.0) * special.rgamma(rest) + rgamma_slope(rest)
    return special.gamma(n + 1.0) * special.rgamma(k + 1.0) * slope


def _binom_in_k(n: Any, k: Any) -> Any:
    rest = n - k + 1.0
    first = rgamma_slope(k + 1.0) * special.rgamma(rest)
    return special.gamma(n + 1.0) * (first - special.rgamma(k + 1.0) * rgamma_slope(rest))


def _binom_rule(partial: Any, factors: Any) -> Any:
    return _by_factors(
        partial, factors, lambda n, k: (k + 1.0, n - k + 1.0), lambda n, _k: (n + 1.0,)
    )


def _beta_rule(turn: Any) -> Any:
    return _by_factors(
        lambda y, a, b: -y * psi_gap(*turn(a, b)), lambda a, b: _beta_factors(*turn(a, b)),
        lambda a, b: (a + b,), lambda a, b: (a, b),
    )  # fmt: skip


elementwise(
    special.beta, _beta_rule(lambda a, b: (a, b)), _beta_rule(lambda a, b: (b, a)),
    domain=(POSITIVE,) * 2, mp="beta(x, y)",
    text="B", latex="B", rule="d B(a, b) = B·((ψ(a) − ψ(a+b)) da + (ψ(b) − ψ(a+b)) db)",
)  # fmt: skip
ufunc(
    special.poch,
    _by_factors(
        lambda y, a, m: y * psi_gap(a, m), _poch_factors,
        lambda a, _m: (a,), lambda a, m: (a + m,),
    ),
    lambda y, a, m: y * special.digamma(a + m),
    domain=(POSITIVE, POSITIVE), mp="rf(x, y)",
    rule="d (a)ₘ = (a)ₘ·((ψ(a+m) − ψ(a)) da + ψ(a+m) dm)",
)  # fmt: skip
ufunc(
    special.binom,
    _binom_rule(lambda y, n, k: y * psi_gap(n - k + 1.0, k), _binom_in_n),
    _binom_rule(lambda y, n, k: y * psi_gap(k + 1.0, n - 2.0 * k), _binom_in_k),
    domain=((3.0, 9.0), (0.0, 3.0)), mp="binomial(x, y)",
    rule="d C(n, k) = C·((ψ(n+1) − ψ(n−k+1)) dn + (ψ(n−k+1) − ψ(k+1)) dk)",
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


_CHOICES = (sample((2, 3), (3,)), sample((), Const(2)))


def _exact(name: str) -> Exception:
    return refusal(
        f"scipy.special.{name}(exact=True)", "it counts in whole numbers", "leave exact=True out"
    )


def _possible(n: Any, k: Any) -> Any:
    return np.logical_and(np.less_equal(k, n), np.greater_equal(k, 0))


@composite(special.comb, *_CHOICES, domain=((3.0, 6.0), (0.5, 2.0)))
def comb(N: Any, k: Any, *, exact: bool = False, repetition: bool = False) -> Any:
    """Return the number of ways to choose k of N; 0 where k > N or k < 0."""
    if exact:
        raise _exact("comb")
    N, k = as_array(N), as_array(k)
    if repetition:
        alone = np.logical_and(np.equal(k, 0), np.greater_equal(N, 0))
        return np.where(alone, 1.0, special.binom(N + k - 1, k))[()]
    return np.where(_possible(N, k), special.binom(N, k), 0.0)[()]


@composite(special.perm, *_CHOICES, domain=((3.0, 6.0), (0.5, 2.0)))
def perm(N: Any, k: Any, exact: bool = False) -> Any:
    """Return the number of arrangements of k of N; 0 where k > N or k < 0."""
    if exact:
        raise _exact("perm")
    N, k = as_array(N), as_array(k)
    return np.where(_possible(N, k), special.poch(N - k + 1, k), 0.0)[()]


@composite(special.factorial, sample((2, 3)), sample(()), domain=((0.5, 6.0),))
def factorial(n: Any, exact: bool = False, extend: str = "zero") -> Any:
    """Return n! = Γ(n + 1); with ``extend="zero"`` it is 0 below 0."""
    if exact:
        raise _exact("factorial")
    n = as_array(n)
    y = special.gamma(n + 1.0)
    y = y.astype(np.float64) if y.ndim and y.dtype == np.float32 else y
    return y if extend == "complex" else np.where(np.less(n, 0), 0.0, y)[()]
