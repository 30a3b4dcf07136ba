"""Incomplete gamma and beta functions, their inverses, and how they depend on their parameters.

In x the partial is a density, computed without the cancellation of large exponents. In a parameter
it is the integral of the density times a factor whose mean is 0, up to x or from x on, by a rule
whose error lies below rounding, or by a series near an end. Of these integrals the derivative in x
is their integrand, and the next one in a parameter is an integral of the same kind.

References: NIST Digital Library of Mathematical Functions, §8.8, §8.17; C. Loader, Fast and
accurate computation of binomial probabilities (2000).
"""

import math
from typing import Any

import numpy as np
from scipy import special

from ....core.op import sample
from .common import blockwise, chosen, doubles, ray, ufunc
from .gammas import polygamma_gap, psi_gap

_SHAPE = (0.3, 4.0)
_UNIT = (0.0, 1.0)
_ROOT_TAU = math.sqrt(2 * math.pi)
_TINY = 1e-60  # below, a density is not divided by its argument: the product may underflow
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156)


def _stirling_error(a: Any) -> Any:
    """Return log Γ(a) − (a − ½)·log a + a − ½·log 2π."""
    large = np.maximum(a, 12.0)
    series = sum(c / large ** (2 * k + 1) for k, c in enumerate(_STIRLING))
    small = np.minimum(a, 12.0)
    star = special.gamma(small) * np.exp(small) * np.power(small, 0.5 - small)
    return np.where(a > 12, series, np.log(star / _ROOT_TAU))


def _deviance(a: Any, x: Any) -> Any:
    """Return a·log(a/x) + x − a: 0 for x = a, and no difference of large numbers near there."""
    v = (a - x) / (a + x)
    near, power = (a - x) * v, 2 * a * v
    for k in range(1, 16):
        power = power * v * v
        near = near + power / (2 * k + 1)
    far = a * np.log(a / x) + x - a
    return np.where(np.abs(v) < 0.3, near, far)


def _split(x: Any) -> tuple[Any, Any]:
    """Return a divisor d and an exponent e with d·exp(e) = x, so that tiny x are left to exp."""
    tiny = np.logical_and(x > 0, x < _TINY)
    return np.where(tiny, 1.0, x), np.where(tiny, np.log(np.where(tiny, x, 1.0)), 0.0)


def _gamma_density(a: Any, x: Any) -> Any:
    kind, (a, x) = doubles(a, x)
    with np.errstate(all="ignore"):
        over, shift = _split(x)
        exponent = _stirling_error(a) + _deviance(a, x) + shift
        scaled = np.sqrt(a) / _ROOT_TAU * np.exp(-exponent) / over
        at_zero = np.where(a < 1, np.inf, np.where(a == 1, 1.0, 0.0))
        found = np.where(x == 0, at_zero, np.where(np.isinf(x), 0.0, scaled))
    return found.astype(kind)[()]


gamma_density = ufunc(
    None,
    lambda y, a, x: y * (np.log(x) - special.digamma(a)),
    lambda y, a, x: y * ((a - 1.0 - x) / x),
    name="gamma_density", value=_gamma_density, domain=((0.3, 30.0), (0.05, 30.0)),
    mp="exp((x - 1) * log(y) - y - loggamma(x))",
    rule="d xᵃ⁻¹e⁻ˣ/Γ(a) = it·((log x − ψ(a)) da + ((a − 1)/x − 1) dx)",
)  # fmt: skip


def _beta_density(a: Any, b: Any, x: Any) -> Any:
    kind, (a, b, x) = doubles(a, b, x)
    with np.errstate(all="ignore"):
        n, y = a + b, 1 - x
        error = _stirling_error(n) - _stirling_error(a) - _stirling_error(b)
        spread = _deviance(a, n * x) + _deviance(b, n * y)
        over, shift = _split(x)
        found = np.sqrt(a / n * b) / _ROOT_TAU * np.exp(error - spread - shift) / (over * y)
        for end, shape, other in ((x, a, b), (y, b, a)):
            edge = np.where(shape < 1, np.inf, np.where(shape == 1, other, 0.0))
            found = np.where(end == 0, edge, found)
    return found.astype(kind)[()]


beta_density = ufunc(
    None,
    lambda y, a, b, x: y * (np.log(x) + psi_gap(a, b)),
    lambda y, a, b, x: y * (np.log1p(-x) + psi_gap(b, a)),
    lambda y, a, b, x: y * ((a - 1.0) / x - (b - 1.0) / (1.0 - x)),
    name="beta_density", value=_beta_density, domain=((0.3, 9.0), (0.3, 9.0), (0.05, 0.95)),
    mp="z**(x - 1) * (1 - z)**(y - 1) / beta(x, y)",
    rule="d xᵃ⁻¹(1−x)ᵇ⁻¹/B = it·(log x + ψ(a+b) − ψ(a)) da, …, it·((a−1)/x − (b−1)/(1−x)) dx",
)  # fmt: skip


def _weighted_gamma(a: Any, x: Any, n: int) -> Any:
    """Return ∂ⁿP/∂aⁿ: the integral up to x of the density times a weight in log t − ψ(a).

    Over all t it gives 0, so it runs from 0 to x where log x lies below the mean, else from x on.
    """
    return chosen(
        x < np.exp(special.digamma(a)),
        lambda a, x: _gamma_below(a, x, n), lambda a, x: _gamma_above(a, x, n), a, x,
    )  # fmt: skip


def _gamma_below(a: Any, x: Any, n: int) -> Any:
    level = np.log(x) - special.digamma(a)
    drop, width = np.maximum(a - x, 1e-3), np.sqrt(np.maximum(x, 1e-3))
    return x * _gamma_density(a, x) * _falling(
        lambda s: np.exp(-(a - x) * s - x * (np.expm1(-s) + s)) * _gamma_factor(a, level - s, n),
        0.25 / (1 + width + drop), 60.0 / np.maximum(a, 1e-3) + 12.0 / width,
    )  # fmt: skip


def _gamma_above(a: Any, x: Any, n: int) -> Any:
    level = np.log(x) - special.digamma(a)

    def f(r: Any) -> Any:
        log = np.log1p(r / x)
        return np.exp((a - 1) * log - r) * _gamma_factor(a, level + log, n)

    far = 120.0 + 15.0 * np.sqrt(np.maximum(x, a))
    return _gamma_density(a, x) * -_falling(f, 0.25 * np.minimum(x, 1.0), far)


def _factor(j: int, k: int, cumulant: Any) -> Any:
    """Return ∂ʲ∂ᵏ eᵍ / eᵍ, derivatives in two parameters; those of g are `cumulant(p, q)`."""
    if j == 0:
        return _factor(k, 0, lambda p, q: cumulant(q, p)) if k else 1.0
    return sum(
        math.comb(j - 1, p) * math.comb(k, q) * cumulant(j - p, k - q) * _factor(p, q, cumulant)
        for p in range(j) for q in range(k + 1)
    )  # fmt: skip


def _gamma_factor(a: Any, e: Any, n: int) -> Any:
    """Return what n derivatives in a multiply the density with, at e = log t − ψ(a).

    1/Γ(a) is taken as a/Γ(a + 1): the derivatives of ψ would cancel for small a.
    """
    if n < 2:
        return e if n else 1.0
    over = np.reciprocal(a)

    def factor(m: int) -> Any:
        return _factor(
            m, 0, lambda p, _q: e - over if p == 1 else -special.polygamma(p - 1, a + 1.0)
        )

    return factor(n) + n * over * factor(n - 1)


@blockwise
def _gammainc_in_a(a: Any, x: Any, n: int) -> Any:
    found = chosen(
        x > 0.5, lambda a, x: _weighted_gamma(a, x, n), lambda a, x: _gamma_series(a, x, n), a, x
    )
    return np.where(np.logical_or(x == 0, np.isinf(x)), 0.0, found)[:, 0]


def _falling(f: Any, least: Any, far: Any) -> Any:
    return ray(f, least, far)[:, None]


def _gamma_series(a: Any, x: Any, n: int) -> Any:
    """Return ∂ⁿP/∂aⁿ for x up to ½, by the series of P in x."""
    sums, term = [1.0, *[0.0] * n], 1.0
    for k in range(1, 20):
        term = term * -x / k
        sums[0] = sums[0] + term * a / (a + k)
        for m in range(1, n + 1):
            sums[m] = sums[m] - (-1) ** m * math.factorial(m) * term * k / (a + k) ** (m + 1)
    lead = np.exp(special.xlogy(a, x)) * special.rgamma(a + 1)
    e = np.log(x) - special.digamma(a + 1)
    parts = (math.comb(n, m) * part * _gamma_factor(a + 1, e, n - m) for m, part in enumerate(sums))
    return lead * sum(parts)


gammainc_in_a = ufunc(
    None,
    lambda _y, a, x, n: gammainc_in_a(a, x, n=n + 1),
    lambda _y, a, x, n: gamma_density(a, x) * _gamma_factor(a, np.log(x) - special.digamma(a), n),
    name="gammainc_in_a", value=_gammainc_in_a, domain=((0.3, 4.0), (0.1, 4.0)),
    samples=(sample((), (), n=1), sample((3, 1), (2,), n=1), sample((2,), (2,), n=2)),
    rule="d ∂ⁿP/∂aⁿ = ∂ⁿ⁺¹P/∂aⁿ⁺¹ da + ∂ⁿ density/∂aⁿ du",
)  # fmt: skip


def gammainc_da(a: Any, x: Any) -> Any:
    """Return ∂P/∂a, which is below 0."""
    return gammainc_in_a(a, x, n=1)


def _incomplete_gamma(function: Any, inverse: Any, sign: float) -> None:
    ufunc(
        function,
        lambda _y, a, x: sign * gammainc_da(a, x), lambda _y, a, x: sign * gamma_density(a, x),
        domain=((0.3, 4.0), (0.1, 4.0)),
        mp=f"gammainc(x, {'0, y' if sign > 0 else 'y'}, regularized=True)",
        rule=f"d {function.__name__}(a, u) = {'−' if sign < 0 else ''}uᵃ⁻¹e⁻ᵘ/Γ(a) du + ∂/∂a da",
    )  # fmt: skip
    ufunc(
        inverse,
        lambda x, a, _p: -gammainc_da(a, x) / gamma_density(a, x),
        lambda x, a, _p: sign / gamma_density(a, x),
        domain=(_SHAPE, _UNIT),
        rule="d x = (dp ∓ ∂P/∂a da)·Γ(a)·eˣ/xᵃ⁻¹, where P(a, x) = p",
    )  # fmt: skip


_incomplete_gamma(special.gammainc, special.gammaincinv, 1.0)
_incomplete_gamma(special.gammaincc, special.gammainccinv, -1.0)

# --- beta -----------------------------------------------------------------------------------------


def _weighted_beta(a: Any, b: Any, x: Any, y: Any, density: Any, j: int, k: int) -> Any:
    """Integrate the density times its factor (`_beta_factor`) up to x, where over all t it gives 0.

    The integral runs from 0 to x where log x lies below its mean, else from x to 1.
    """
    return chosen(
        np.log(x) + psi_gap(a, b) < 0,
        lambda *at: _beta_side(*at, j, k), lambda a, b, x, y, d: -_beta_side(b, a, y, x, d, k, j),
        a, b, x, y, density,
    )  # fmt: skip


def _beta_side(a: Any, b: Any, x: Any, y: Any, density: Any, j: int, k: int) -> Any:
    gap, other = psi_gap(a, b), psi_gap(b, a)
    return density * x * ray(
        lambda s: (
            np.exp(-a * s + (b - 1) * np.log1p(-x * np.expm1(-s) / y))
            * _beta_factor(
                a, b, np.log(x) - s + gap, np.log1p(-x * np.exp(-s)) + other if k else None, j, k
            )
        ),
        0.25 * np.minimum(y, 1 / (1 + a + b)), 60.0 / a + 12.0 / np.sqrt(a),
    )[:, None]  # fmt: skip


def _beta_near_zero(a: Any, b: Any, x: Any) -> Any:
    """Return ∂I/∂a for small x by the series in x."""
    total, slope, term = 1.0, 0.0, 1.0
    for k in range(1, 14):
        term = term * (k - b) * x / k
        total = total + term * a / (a + k)
        slope = slope + term * k / (a + k) ** 2
    lead = np.exp(special.xlogy(a, x)) / (a * special.beta(a, b))
    return lead * (total * (np.log(x) + psi_gap(a, b) - 1 / a) + slope)


def _beta_near_one(a: Any, b: Any, y: Any) -> Any:
    """Return ∂I/∂a for small y = 1 − x by the series in y."""
    total, slope, term, dterm = 1.0, 0.0, 1.0, 0.0
    for k in range(1, 14):
        dterm = (dterm * (k - a) - term) * y / k
        term = term * (k - a) * y / k
        total = total + term * b / (b + k)
        slope = slope + dterm * b / (b + k)
    lead = np.exp(special.xlogy(b, y)) / (b * special.beta(a, b))
    return -lead * (total * psi_gap(a, b) + slope)


def _beta_factor(a: Any, b: Any, e: Any, f: Any, j: int, k: int) -> Any:
    """Return what j derivatives in a and k in b multiply the density with.

    e and f are log t and log(1 − t), both less their means: e is read for j > 0, f for k > 0.
    """

    def cumulant(p: int, q: int) -> Any:
        if p + q == 1:
            return e if p else f
        if p and q:
            return special.polygamma(p + q - 1, a + b)
        return polygamma_gap(a, b, n=p - 1) if p else polygamma_gap(b, a, n=q - 1)

    return _factor(j, k, cumulant)


def _betainc_in_shapes(a: Any, b: Any, x: Any, j: int, k: int) -> Any:
    if j < k:
        return -_betainc_side(b, a, x, j=k, k=j, complement=True)
    return _betainc_side(a, b, x, j=j, k=k, complement=False)


@blockwise
def _betainc_side(a: Any, b: Any, x: Any, j: int, k: int, complement: bool) -> Any:
    """Return ∂ʲ⁺ᵏI/∂aʲ∂bᵏ; with `complement` x is given as y = 1 − x."""
    x, y = (1 - x, x) if complement else (x, 1 - x)
    density = _beta_density(b, a, y) if complement else _beta_density(a, b, x)
    found = _weighted_beta(a, b, x, y, density, j, k)
    if (j, k) == (1, 0):
        found = np.where(x * (1 + b) < 0.05, _beta_near_zero(a, b, x), found)
        found = np.where(y * (1 + a) < 0.05, _beta_near_one(a, b, y), found)
    return np.where(np.logical_or(x == 0, y == 0), 0.0, found)[:, 0]


def _density_in_shapes(_y: Any, a: Any, b: Any, x: Any, j: int, k: int) -> Any:
    e = np.log(x) + psi_gap(a, b) if j else None
    f = np.log1p(-x) + psi_gap(b, a) if k else None
    return beta_density(a, b, x) * _beta_factor(a, b, e, f, j, k)


betainc_in_shapes = ufunc(
    None,
    lambda _y, a, b, x, j, k: betainc_in_shapes(a, b, x, j=j + 1, k=k),
    lambda _y, a, b, x, j, k: betainc_in_shapes(a, b, x, j=j, k=k + 1),
    _density_in_shapes,
    name="betainc_in_shapes", value=_betainc_in_shapes, domain=(_SHAPE, _SHAPE, _UNIT),
    samples=(
        sample((), (), (), j=1, k=0), sample((3, 1), (2,), (2,), j=0, k=1),
        sample((2,), (2,), (2,), j=1, k=1), sample((2,), (2,), (2,), j=0, k=2),
    ),
    rule="d ∂ʲ⁺ᵏI/∂aʲ∂bᵏ = the next ones in a da and in b db + ∂ʲ⁺ᵏ density/∂aʲ∂bᵏ du",
)  # fmt: skip


def betainc_da(a: Any, b: Any, x: Any) -> Any:
    """Return ∂I/∂a, which is below 0."""
    return betainc_in_shapes(a, b, x, j=1, k=0)


def betainc_db(a: Any, b: Any, x: Any) -> Any:
    """Return ∂I/∂b, which is above 0."""
    return betainc_in_shapes(a, b, x, j=0, k=1)


def _incomplete_beta(function: Any, inverse: Any, sign: float) -> None:
    value = "betainc(x, y, 0, z, regularized=True)"
    ufunc(
        function,
        lambda _y, a, b, x: sign * betainc_da(a, b, x),
        lambda _y, a, b, x: sign * betainc_db(a, b, x),
        lambda _y, a, b, x: sign * beta_density(a, b, x),
        domain=(_SHAPE, _SHAPE, _UNIT),
        mp=value if sign > 0 else f"1 - {value}",
        rule=f"d {function.__name__}(a, b, u) = {'−' if sign < 0 else ''}density du + ∂/∂a da + "
        "∂/∂b db",
    )  # fmt: skip
    ufunc(
        inverse,
        lambda x, a, b, _p: -betainc_da(a, b, x) / beta_density(a, b, x),
        lambda x, a, b, _p: -betainc_db(a, b, x) / beta_density(a, b, x),
        lambda x, a, b, _p: sign / beta_density(a, b, x),
        domain=(_SHAPE, _SHAPE, _UNIT),
        rule="d x = (dp ∓ ∂I/∂a da ∓ ∂I/∂b db)/density, where I(a, b, x) = p",
    )  # fmt: skip


_incomplete_beta(special.betainc, special.betaincinv, 1.0)
_incomplete_beta(special.betaincc, special.betainccinv, -1.0)
