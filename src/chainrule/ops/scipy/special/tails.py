"""Derivatives of the normal tail and of Faddeeva's function, of any order, far out as near by.

A recurrence such as w′ = 2i/√π − 2z·w loses a digit with each power of z. So each family is
declared as one operation of its order n, whose partial is that of n + 1.

References: NIST Digital Library of Mathematical Functions, §7.12.
"""

import math
from typing import Any

import numpy as np
from scipy import special

from ....core.op import Notation, Op, sample
from ....core.registry import declare
from ....core.slots import Partial
from .common import blockwise, ray, ufunc

_ROOT_PI = math.sqrt(math.pi)
_TERMS = 40  # of the series in 1/z²: for |z| > 7 the least ones are below rounding


# --- φ/Φ ------------------------------------------------------------------------------------------


def _mills(x: Any) -> Any:
    """φ(x)/Φ(x); far below 0 without dividing small by small."""
    low = math.sqrt(2 / math.pi) / special.erfcx(np.minimum(x, -1.0) * -math.sqrt(0.5))
    above = np.maximum(x, -1.0)
    high = np.exp(-0.5 * above * above) / (special.ndtr(above) * math.sqrt(2 * math.pi))
    return np.where(np.less(x, -1), low, high)[()]


@blockwise
def _cumulant(z: Any, n: int) -> Any:
    """Return the n-th cumulant of t > 0 with a density as exp(−z·t − t²/2), from its moments.

    About the mean: what the powers of the mean would cancel is never there.
    """
    def mean(f: Any) -> Any:
        return ray(lambda t: f(t) * np.exp(-t * (z + t / 2)), 0.25 / z, 60.0 / z)[:, None]

    total = mean(np.ones_like)
    middle = mean(lambda t: t) / total
    moments = [1.0, 0.0, *(mean(lambda t, k=k: (t - middle) ** k) / total for k in range(2, n + 1))]
    found = [0.0, 0.0]
    for k in range(2, n + 1):
        lower = sum(math.comb(k - 1, m - 1) * found[m] * moments[k - m] for m in range(2, k))
        found.append(moments[k] - lower)
    return found[n][:, 0]


def _series() -> tuple[float, ...]:
    """Return the coefficients of log(z·m(z)) in 1/z², with m = (1 − Φ)/φ."""
    a = [1]
    for k in range(1, _TERMS):
        a.append(-a[-1] * (2 * k - 1))
    logs: list[int] = [0]  # k times the coefficient, a whole number
    for k in range(1, _TERMS):
        logs.append(k * a[k] - sum(logs[j] * a[k - j] for j in range(1, k)))
    return (0.0, *(c / k for k, c in enumerate(logs) if k))


_LOG_MILLS = _series()


def _far_cumulant(z: Any, n: int) -> Any:
    """As `_cumulant`, for great z: the n-th derivative of the series, term by term."""
    total, square = math.factorial(n - 1) * np.ones_like(z), z * z
    power, least = np.ones_like(z), np.inf
    for k, c in enumerate(_LOG_MILLS):
        if k:
            power = power / square
            term = c * math.prod(range(2 * k, 2 * k + n)) * power
            least = np.minimum(least, np.abs(term))
            total = total + np.where(np.abs(term) > least, 0.0, term)  # the series is asymptotic
    return total / z**n


def _near_mills(x: Any, n: int) -> Any:
    """Differentiate r′ = −r·(x + r) by Leibniz; above −1 nothing cancels."""
    r = [_mills(x)]
    for k in range(n):
        gaps = [x + r[0], *((1.0 if j == 1 else 0.0) + r[j] for j in range(1, k + 1))]
        r.append(-sum(math.comb(k, j) * r[j] * gaps[k - j] for j in range(k + 1)))
    return r[n]


def _mills_derivative(x: Any, n: int) -> Any:
    """Return the n-th derivative of φ/Φ."""
    far = 12.0 + n
    below = np.minimum(x, -1.0)
    low = np.where(
        np.less(x, -far), _far_cumulant(np.maximum(-below, far), n + 1),
        _cumulant(np.minimum(-below, far), n=n + 1),
    )  # fmt: skip
    near = _near_mills(np.maximum(x, -1.0), n)
    kind = np.result_type(np.asarray(x).dtype, np.float16)
    return np.where(np.less(x, -1), low - (n == 1), near).astype(kind)[()]


mills_derivative = declare(
    Op(
        "mills_derivative",
        _mills_derivative,
        (Partial(lambda _y, x, n: mills_derivative(x, n=n + 1)),),
        domain=((-30.0, 5.0),),
        notation=Notation(
            "(φ/Φ)^({n})({0})", "\\left(\\tfrac{{\\phi}}{{\\Phi}}\\right)^{{({n})}}"
            "\\left({0}\\right)", 100, (0,), "d (φ/Φ)⁽ⁿ⁾(u) = (φ/Φ)⁽ⁿ⁺¹⁾(u) du",
        ),
        samples=(sample((2, 3), n=1), sample((), n=2)),
    )
)  # fmt: skip
mills = declare(
    Op(
        "mills",
        _mills,
        (Partial(lambda _y, x: mills_derivative(x, n=1)),),
        domain=((-30.0, 5.0),),
        notation=Notation(
            "φ/Φ({0})", "\\tfrac{{\\phi}}{{\\Phi}}\\left({0}\\right)", 100, (0,),
            "d φ/Φ = −φ/Φ·(u + φ/Φ) du",
        ),
        samples=(sample((2, 3)), sample(())),
    )
)  # fmt: skip


# --- Faddeeva's function w and Voigt's profile ----------------------------------------------------


def _reach(n: int) -> float:
    """Return the |z| from which on the series has all digits."""
    return 7.0 + n / 4


def _tail(v: Any, n: int) -> Any:
    """Return S with w⁽ⁿ⁾(z) = i/√π·S(1/z²)/zⁿ⁺¹ for great |z| in the upper half of the plane."""
    term = np.ones_like(v) * (math.factorial(n) * (-1) ** n)
    total, least = term, np.inf
    for k in range(1, _TERMS):
        grown = (2 * k - 1) / 2 * (2 * k + n) * (2 * k + n - 1) / ((2 * k) * (2 * k - 1))
        term = term * v * grown
        least = np.minimum(least, np.abs(term))
        total = total + np.where(np.abs(term) > least, 0.0, term)
    return total


def _hermite(z: Any, n: int) -> Any:
    """Return the n-th derivative of exp(−z²)."""
    older, old = 0.0, np.exp(-z * z)
    for k in range(n):
        older, old = old, -2.0 * (z * old + k * older)
    return old


def _upper(z: Any, n: int) -> Any:
    """Return w⁽ⁿ⁾(z) for Im z of 0 or more: by its recurrence, or far out by its series."""
    far = np.abs(z) > _reach(n)
    near = np.where(far, 0.0, z)
    older, old = special.wofz(near), 2j / _ROOT_PI - 2.0 * near * special.wofz(near)
    for k in range(1, n):
        older, old = old, -2.0 * (near * old + k * older)
    old = old if n else older
    z = np.where(far, z, 1e3)
    series = (1j / _ROOT_PI) * _tail(1 / (z * z), n) / z ** (n + 1)
    return np.where(far, series + _beside_the_line(z, n), old)


def _beside_the_line(z: Any, n: int) -> Any:
    """Return exp(−z²), differentiated, by the real line, where it is all there is of the real part.

    Elsewhere in the upper half it is below rounding where the series is used.
    """
    close = np.abs(np.imag(z)) < 1e-3
    return np.where(close, _hermite(np.where(close, z, 1.0), n), 0.0)


def _wofz_derivative(z: Any, n: int) -> Any:
    kind = np.result_type(np.asarray(z).dtype, np.complex64)
    with np.errstate(all="ignore"):
        z = np.asarray(z, np.complex128)
        below = np.imag(z) < 0
        found = _upper(np.where(below, -z, z), n)
        mirrored = 2 * _hermite(np.where(below, z, 0.0), n) - (-1) ** n * found
    return np.where(below, mirrored, found).astype(kind)[()]


wofz_derivative = declare(
    Op(
        "wofz_derivative",
        _wofz_derivative,
        (Partial(lambda _y, z, n: wofz_derivative(z, n=n + 1)),),
        complex=True,
        notation=Notation(
            "w^({n})({0})", "w^{{({n})}}\\left({0}\\right)", 100, (0,), "d w⁽ⁿ⁾(u) = w⁽ⁿ⁺¹⁾(u) du"
        ),
        samples=(sample((2, 3), n=1), sample((), n=2)),
    )
)
ufunc(
    special.wofz, lambda _y, z: wofz_derivative(z, n=1), complex=True,
    rule="d w(u) = (2i/√π − 2u·w(u)) du",
)  # fmt: skip


def _voigt_derivative(x: Any, s: Any, g: Any, n: int, turn: int) -> Any:
    """Return Re iᵗ·W⁽ⁿ⁾(x + iγ), W = w(z)/(σ√(2π)) at z = (x + iγ)/(σ√2); σ may be 0."""
    kind = np.result_type(np.float32, *(np.asarray(a).dtype for a in (x, s, g)))
    if kind.kind == "c":
        raise TypeError("the Voigt profile takes real numbers")
    with np.errstate(all="ignore"):
        x, s, g = (np.asarray(a, np.float64) for a in (x, s, g))
        at, width = x + 1j * g, math.sqrt(2) * s
        far = np.abs(at) > _reach(n) * width
        z = np.where(far, 1.0, at) / np.where(far, 1.0, width)
        near = _upper(z, n) / width ** (n + 1)
        v = np.where(far, width / np.where(far, at, 1.0), 0.0)
        series = (1j / _ROOT_PI) * _tail(v * v, n) / at ** (n + 1)
        wave = _beside_the_line(at / width, n) / width ** (n + 1)
        series = series + np.where(np.isfinite(wave), wave, 0.0)
        found = np.where(far, series, near) / _ROOT_PI
    part = (np.real, lambda a: -np.imag(a))[turn % 2](found)
    return (-part if turn % 4 > 1 else part).astype(kind)[()]


voigt_derivative = declare(
    Op(
        "voigt_derivative",
        _voigt_derivative,
        (
            Partial(lambda _y, x, s, g, n, turn: voigt_derivative(x, s, g, n=n + 1, turn=turn)),
            Partial(lambda _y, x, s, g, n, turn: s * voigt_derivative(x, s, g, n=n + 2, turn=turn)),
            Partial(lambda _y, x, s, g, n, turn: voigt_derivative(x, s, g, n=n + 1, turn=turn + 1)),
        ),
        domain=((-3.0, 3.0), (0.3, 2.0), (0.1, 2.0)),
        notation=Notation(
            rule="V is the real part of a function of x + iγ, and ∂V/∂σ = σ·∂²V/∂x² (heat flows)"
        ),
        samples=(sample((2, 3), (2, 3), (3,), n=1, turn=0), sample((), (), (), n=2, turn=1)),
    )
)
ufunc(
    special.voigt_profile,
    lambda _y, x, s, g: voigt_derivative(x, s, g, n=1, turn=0),
    lambda _y, x, s, g: s * voigt_derivative(x, s, g, n=2, turn=0),
    lambda _y, x, s, g: voigt_derivative(x, s, g, n=1, turn=1),
    domain=((-3.0, 3.0), (0.3, 2.0), (0.1, 2.0)),
    rule="d V = Re W′ dx − Im W′ dγ + σ·Re W″ dσ, where V = Re W at x + iγ (heat flows)",
)  # fmt: skip
