"""Logarithms of the densities of `scipy.stats`, by formulas that run on traced values.

They stand for the distributions whose formula in SciPy is compiled, or branches on values. Location
is 0 and scale 1; the arguments are x and the shapes, by SciPy's names.

Errors: where a formula changes its form at a value of a shape (c = 0 in the extreme values, say),
the derivative in that shape is refused there, for no branch of the formula has it.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from ..common import plain, refusal, traced

Formula = Callable[..., Any]
_LOG_2, _HALF_LOG_2PI = float(np.log(2.0)), 0.5 * float(np.log(2 * np.pi))


def _apart(shape: Any, limit: float = 0.0) -> tuple[Any, Any]:
    """Return where a shape is 0 (to within `limit`), and the shape with 1 in these places."""
    at = np.less_equal(np.abs(shape), limit)
    if traced(shape) and np.any(at):
        raise refusal(
            "a density of scipy.stats, in a shape that is 0,", "its formula changes its form there",
            "move the shape away from 0; where no derivative is meant, write ‹held›",
        )  # fmt: skip
    return at, np.where(at, 1.0, shape)


def _power(x: Any, c: Any) -> tuple[Any, Any]:
    """Return log (1 − c·x)^(1/c), which is −x for c = 0, and log (1 − c·x)."""
    at, safe = _apart(c)
    inner = np.log1p(-safe * x)
    return np.where(at, -x, inner / safe), np.where(at, 0.0, inner)


def _extreme(x: Any, c: Any) -> Any:
    s, inner = _power(x, c)
    return s - np.exp(s) - inner


def _pareto(x: Any, c: Any) -> Any:
    s, inner = _power(x, -c)
    return s - inner


def _kappa4(x: Any, h: Any, k: Any) -> Any:
    s, inner = _power(x, k)
    tail, rest = _power(np.exp(s), h)
    return s - inner + tail - rest


def _half_logistic(x: Any, c: Any) -> Any:
    s, inner = _power(x, c)
    return _LOG_2 + s - inner - 2.0 * np.log1p(np.exp(s))


def _student(x: Any, df: Any) -> Any:
    half = (df + 1.0) / 2.0
    start = special.gammaln(half) - special.gammaln(df / 2.0) - 0.5 * np.log(np.pi * df)
    return start - half * np.log1p(x * x / df)


def _burr(x: Any, c: Any, d: Any) -> Any:
    return np.log(c * d) - (c + 1.0) * np.log(x) - (d + 1.0) * np.log1p(x**-c)


def _lognormal(x: Any, s: Any) -> Any:
    return -0.5 * np.square(np.log(x) / s) - np.log(s * x) - _HALF_LOG_2PI


def _pearson(x: Any, skew: Any) -> Any:
    at, safe = _apart(skew, 1.6e-5)  # SciPy's own limit: below it is the normal distribution
    beta = 2.0 / safe
    alpha = beta * beta
    t = np.where(at, 1.0, beta * (x + beta))
    found = np.log(np.abs(beta)) + (alpha - 1.0) * np.log(t) - t - special.gammaln(alpha)
    return np.where(at, -0.5 * x * x - _HALF_LOG_2PI, found)


def _triangle(x: Any, c: Any) -> Any:
    rising = np.less(x, c)
    part = np.where(rising, x, 1.0 - x) / np.where(rising, c, 1.0 - c)
    return _LOG_2 + np.log(part)


def _trapezoid(x: Any, c: Any, d: Any) -> Any:
    rising, falling = np.less(x, c), np.greater(x, d)
    part = np.where(rising, x, np.where(falling, 1.0 - x, 1.0))
    whole = np.where(rising, c, np.where(falling, 1.0 - d, 1.0))
    return np.log(2.0 / (d - c + 1.0)) + np.log(part / whole)


def _crystal_ball(x: Any, beta: Any, m: Any) -> Any:
    edge = np.exp(-0.5 * beta * beta)
    whole = m / beta / (m - 1.0) * edge + np.sqrt(2 * np.pi) * special.ndtr(beta)
    core = np.greater(x, -beta)
    base = np.where(core, 1.0, m / beta - beta - x)
    tail = m * np.log(m / beta) - 0.5 * beta * beta - m * np.log(base)
    return np.where(core, -0.5 * x * x, tail) - np.log(whole)


def _log_k(v: Any, z: Any) -> Any:
    return np.log(special.kve(v, z)) - z


def _hyperbolic(x: Any, p: Any, a: Any, b: Any) -> Any:
    square, r = a * a - b * b, np.sqrt(1.0 + x * x)
    start = 0.5 * p * np.log(square) - _HALF_LOG_2PI - (p - 0.5) * np.log(a)
    start = start - _log_k(p, np.sqrt(square))
    return start + b * x + _log_k(p - 0.5, a * r) + (p - 0.5) * np.log(r)


def _inverse_gauss(x: Any, p: Any, b: Any) -> Any:
    return (p - 1.0) * np.log(x) - 0.5 * b * (x + 1.0 / x) - _LOG_2 - _log_k(p, b)


def _mixture_chi2(x: Any, df: Any, nc: Any) -> Any:
    """Return the density as a mixture of central ones, which is a formula in `df` too."""
    most = float(np.max(np.asarray(plain(nc)), initial=0.0)) / 2
    if not most <= 1e4:
        raise refusal(
            "the density of scipy.stats.ncx2, in df at a large nc,", "its mixture has too many "
            "terms", "where no derivative is meant, write ‹held df 1›",
        )  # fmt: skip
    j = np.arange(np.ceil(most + 12 * np.sqrt(most) + 40))
    x, half, rate = x[..., None], 0.5 * df[..., None] + j, 0.5 * nc[..., None]
    weight = special.xlogy(j, rate) - rate - special.gammaln(j + 1)
    terms = weight + (half - 1.0) * np.log(x) - 0.5 * x - half * _LOG_2 - special.gammaln(half)
    return special.logsumexp(terms, axis=-1)


def _noncentral_chi2(x: Any, df: Any, nc: Any) -> Any:
    if traced(df):
        return _mixture_chi2(*np.broadcast_arrays(x, df, nc))
    at, safe = _apart(nc)
    half = 0.5 * df - 1.0
    z = np.sqrt(safe * x)
    apart = np.sqrt(x) - np.sqrt(safe)
    found = 0.5 * half * np.log(x / safe) - 0.5 * apart * apart + np.log(special.ive(half, z))
    central = half * np.log(x) - 0.5 * x - special.gammaln(0.5 * df) - half * _LOG_2
    return np.where(at, central, found) - _LOG_2


def _normal_and_exponential(x: Any, k: Any) -> Any:
    """Sum of a normal and an exponential variable: by erfcx where logarithms would cancel."""
    u = (1.0 / k - x) / np.sqrt(2.0)
    left = np.greater_equal(u, 0.0)
    near = np.log(special.erfcx(np.where(left, u, 1.0))) - 0.5 * x * x
    far = (0.5 / k - x) / k + special.log_ndtr(x - 1.0 / k) + _LOG_2
    return np.where(left, near, far) - np.log(k) - _LOG_2


def _normal_mass(a: Any, b: Any) -> Any:
    """Return log(Φ(b) − Φ(a)), without cancellation in the tails."""
    right = np.greater(a, 0)
    low, high = np.where(right, -b, a), np.where(right, -a, b)
    tail = np.less_equal(high, 0)
    one, two = special.log_ndtr(low), special.log_ndtr(np.where(tail, high, 0.0))
    middle = np.log1p(-np.where(tail, 0.0, special.ndtr(low) + special.ndtr(-high)))
    return np.where(tail, two + np.log(-np.expm1(np.where(tail, one - two, -1.0))), middle)


FORMULAS: dict[str, Formula] = {
    "beta": lambda x, a, b: special.xlogy(a - 1.0, x) + special.xlog1py(b - 1.0, -x)
    - special.betaln(a, b),
    "burr": _burr,
    "crystalball": _crystal_ball,
    "expon": lambda x: -x,
    "exponnorm": _normal_and_exponential,
    "fisk": lambda x, c: _burr(x, c, 1.0),
    "genextreme": _extreme,
    "gengamma": lambda x, a, c: np.log(np.abs(c)) + (c * a - 1.0) * np.log(x) - x**c
    - special.gammaln(a),
    "genhalflogistic": _half_logistic,
    "genhyperbolic": _hyperbolic,
    "geninvgauss": _inverse_gauss,
    "genpareto": _pareto,
    "gibrat": lambda x: _lognormal(x, 1.0),
    "kappa4": _kappa4,
    "laplace": lambda x: -np.abs(x) - _LOG_2,
    "lognorm": _lognormal,
    "ncx2": _noncentral_chi2,
    "pearson3": _pearson,
    "recipinvgauss": lambda x, mu: -np.square(1.0 / mu - x) / (2.0 * x) - 0.5 * np.log(x)
    - _HALF_LOG_2PI,
    "skewnorm": lambda x, a: _LOG_2 - 0.5 * x * x - _HALF_LOG_2PI + special.log_ndtr(a * x),
    "t": _student,
    "trapezoid": _trapezoid,
    "triang": _triangle,
    "truncnorm": lambda x, a, b: -0.5 * x * x - _HALF_LOG_2PI - _normal_mass(a, b),
    "truncpareto": lambda x, b, c: np.log(b / (1.0 - c**-b)) - (b + 1.0) * np.log(x),
    "uniform": lambda x: 0.0 * x,
}  # fmt: skip
