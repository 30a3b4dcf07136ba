"""Functions given by a differential equation: Airy, Kelvin, Weber, Mathieu, spheroidal.

Each comes with its derivative; the derivative of that is what the equation says.

References: NIST Digital Library of Mathematical Functions, §9.2, §9.10 (Airy), §10.61 (Kelvin),
§12.2 (parabolic cylinder), §28.2, §28.20 (Mathieu), §30.2 (spheroidal).
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import linalg, special

from ....core.op import Notation, Op, sample
from ....core.registry import declare
from ....core.slots import Partial
from .common import (
    WHOLE,
    blockwise,
    refuse_twice,
    several,
    ufunc,
    unknown_in,
)

_ARGUMENT = (0.3, 4.0)
_NAMED = "the derivative of a solution in a parameter of its equation is no function SciPy has"

several(
    special.airy, 4, lambda t, ys, z: (t * ys[1], t * z * ys[0], t * ys[3], t * z * ys[2]),
    complex=True, rule="d (Ai, Ai′, Bi, Bi′)(u) = (Ai′, u·Ai, Bi′, u·Bi) du",
)  # fmt: skip


_AIRY_FAR = 12.0  # from here on the series in 1/ζ, ζ = ⅔z√z, has all digits


def _airye_derivative(z: Any, n: int, which: int) -> Any:
    """Return the n-th derivative of one of the four scaled Airy functions, by its series far out.

    Near by e′ = Ai′·e^ζ + √z·Ai·e^ζ serves; there far out both terms cancel.
    """
    kind = np.result_type(np.asarray(z).dtype, np.float16)
    if kind.kind == "c":
        raise TypeError("the series far out is that of real numbers")
    z = np.asarray(z, np.float64)
    slope, second = which % 2, which > 1
    power, c = 0.25 if slope else -0.25, 1.0
    total, step = np.zeros_like(z), 1.5 * z**-1.5 * (1 if second else -1)
    for k in range(27):
        if k:
            c *= (6 * k - 5) * (6 * k - 3) * (6 * k - 1) / (216 * k * (2 * k - 1))
        weight = -c * (6 * k + 1) / (6 * k - 1) if slope else c
        weight *= math.prod(power - 1.5 * k - j for j in range(n))
        total += weight * step**k
    factor = (1.0 if second else -0.5 if slope else 0.5) / math.sqrt(math.pi)
    return (factor * total * z ** (power - n)).astype(kind)[()]


airye_derivative = declare(
    Op(
        "airye_derivative",
        _airye_derivative,
        (Partial(lambda _y, z, n, which: airye_derivative(z, n=n + 1, which=which)),),
        domain=((_AIRY_FAR, 100.0),),
        notation=Notation(rule="d e⁽ⁿ⁾(u) = e⁽ⁿ⁺¹⁾(u) du"),
        samples=(sample((2, 3), n=1, which=0), sample((), n=2, which=3)),
    )
)  # fmt: skip


def _scaled_airy(t: Any, ys: Any, z: Any) -> Any:
    if ys[0].dtype.kind == "c":
        raise unknown_in("airye", "z", 0, "it is scaled by |Re z√z|, which is not complex analytic")
    root, far = np.sqrt(np.maximum(z, 0.0)), np.greater(z, _AIRY_FAR)
    near = (
        ys[1] + root * ys[0], z * ys[0] + root * ys[1],
        ys[3] - root * ys[2], z * ys[2] - root * ys[3],
    )  # fmt: skip
    out = np.where(far, z, _AIRY_FAR)
    return tuple(
        t * np.where(far, airye_derivative(out, n=1, which=k), part) for k, part in enumerate(near)
    )


several(
    special.airye, 4, _scaled_airy, domain=(_ARGUMENT,),
    rule="d of Airy functions times e^(±⅔u√u): as those of airy, ± √u times themselves, du",
)  # fmt: skip


def _airy_integrals(t: Any, _ys: Any, x: Any) -> Any:
    ai, _, bi, _ = special.airy(x)
    ai_left, _, bi_left, _ = special.airy(-x)
    return t * ai, t * bi, t * ai_left, t * bi_left


several(special.itairy, 4, _airy_integrals, domain=((0.05, 0.35),),  # SciPy: 7 digits
        rule="d of the integrals of Ai, Bi = (Ai(u), Bi(u), Ai(−u), Bi(−u)) du")  # fmt: skip
several(
    special.iti0k0, 2, lambda t, _ys, x: (t * special.i0(x), t * special.k0(x)),
    domain=(_ARGUMENT,), rule="d (∫I₀, ∫K₀) = (I₀(u), K₀(u)) du",
)  # fmt: skip
several(
    special.itj0y0, 2, lambda t, _ys, x: (t * special.j0(x), t * special.y0(x)),
    domain=(_ARGUMENT,), rule="d (∫J₀, ∫Y₀) = (J₀(u), Y₀(u)) du",
)  # fmt: skip


def _ratio(function: Any, sign: float) -> Callable[[Any], Any]:
    """Return ±(C₀(x) − 1)/x, by its series near 0, where the difference would cancel."""

    def value(x: Any) -> Any:
        size = np.where(np.abs(x) < 2, 0.0, x)
        near, term = np.zeros_like(x), np.asarray(x) * 0.25
        for k in range(1, 16):
            near, term = near + term, sign * term * np.square(x) / (4 * (k + 1) ** 2)
        far = sign * (function(size) - 1.0) / np.where(size == 0, 1.0, size)
        return np.where(np.abs(x) < 2, near, far)[()]

    return value


bessel_i_ratio = ufunc(
    None, lambda y, x: (special.i1(x) - y) / x, name="bessel_i_ratio",
    value=_ratio(special.i0, 1.0), domain=(_ARGUMENT,),
    rule="d (I₀ − 1)/u = (I₁ − (I₀ − 1)/u)/u du",
)  # fmt: skip
bessel_j_ratio = ufunc(
    None, lambda y, x: (special.j1(x) - y) / x, name="bessel_j_ratio",
    value=_ratio(special.j0, -1.0), domain=(_ARGUMENT,),
    rule="d (1 − J₀)/u = (J₁ − (1 − J₀)/u)/u du",
)  # fmt: skip
several(
    special.it2i0k0, 2, lambda t, _ys, x: (t * bessel_i_ratio(x), -t * special.k0(x) / x),
    domain=(_ARGUMENT,), rule="d = ((I₀(u) − 1)/u, −K₀(u)/u) du",
)  # fmt: skip
several(
    special.it2j0y0, 2, lambda t, _ys, x: (t * bessel_j_ratio(x), -t * special.y0(x) / x),
    domain=(_ARGUMENT,), rule="d = ((1 − J₀(u))/u, −Y₀(u)/u) du",
)  # fmt: skip

# --- Kelvin: w″ = i·w − w′/x for w = ber + i·bei, and ker + i·kei ---------------------------------

several(
    special.kelvin, 4,
    lambda t, ys, x: (
        t * ys[2], t * ys[3], t * (1j * ys[0] - ys[2] / x), t * (1j * ys[1] - ys[3] / x)
    ),
    domain=(_ARGUMENT,), rule="d (Be, Ke, Be′, Ke′)(u) = (Be′, Ke′, i·Be − Be′/u, i·Ke − Ke′/u) du",
)  # fmt: skip
for _f, _slope in (
    (special.ber, special.berp), (special.bei, special.beip),
    (special.ker, special.kerp), (special.kei, special.keip),
):  # fmt: skip
    ufunc(
        _f, lambda _y, x, slope=_slope: slope(x), domain=(_ARGUMENT,),
        rule=f"d {_f.__name__}(u) = {_slope.__name__}(u) du",
    )  # fmt: skip
for _f, _other, _sign in (
    (special.berp, special.bei, -1.0), (special.beip, special.ber, 1.0),
    (special.kerp, special.kei, -1.0), (special.keip, special.ker, 1.0),
):  # fmt: skip
    ufunc(
        _f, lambda y, x, other=_other, sign=_sign: sign * other(x) - y / x, domain=(_ARGUMENT,),
        rule=f"d {_f.__name__}(u) = ({'−' if _sign < 0 else ''}{_other.__name__}(u) − "
        f"{_f.__name__}(u)/u) du",
    )  # fmt: skip

# --- a solution with its derivative ---------------------------------------------------------------


def _solution(
    function: Any, second: Callable[..., Any], at: tuple[Any, ...], names: str, rule: str,
    domain: tuple[float, float] = _ARGUMENT, unit: float = 1.0,
) -> None:  # fmt: skip
    """Declare (w, w′) of parameters and x; `second` gives w″ of (w, w′, *parameters, x).

    The parameters, called m and n where they are whole numbers, refuse a derivative.
    """

    def slope(t: Any, ys: Any, *xs: Any) -> Any:
        w, dw = ys
        return unit * t * dw, unit * t * second(w, dw, *xs)

    whys = ((name, WHOLE if name in "mn" else _NAMED) for name in names.split())
    several(
        function, 2, *whys, slope, at=(*at, None), domain=((0.0, 3.0),) * len(at) + (domain,),
        rule=rule,
    )  # fmt: skip


_solution(
    special.pbdv, lambda w, _dw, v, x: (0.25 * np.square(x) - v - 0.5) * w, (1.5,), "v",
    "d (D, D′)(u) = (D′, (u²/4 − v − ½)·D) du",
)  # fmt: skip
_solution(
    special.pbvv, lambda w, _dw, v, x: (0.25 * np.square(x) - v - 0.5) * w, (1.5,), "v",
    "d (V, V′)(u) = (V′, (u²/4 − v − ½)·V) du",
)  # fmt: skip
_solution(
    special.pbwa, lambda w, _dw, a, x: (a - 0.25 * np.square(x)) * w, (0.5,), "a",
    "d (W, W′)(u) = (W′, (a − u²/4)·W) du",
)  # fmt: skip

# --- eigenvalues: their derivative is the mean, over the solution, of that of the operator --------


def _eigenvalue(
    function: Any, slope: Callable[..., Any], names: str, at: tuple[Any, ...], rule: str
) -> None:
    """Declare an eigenvalue of whole numbers and a parameter, which stands last in `names`."""
    name, parameter = function.__name__, names.split()[-1]
    slope.__name__ = f"{name}_slope"
    slope = blockwise(slope)
    whole = tuple((letter, WHOLE) for letter in names.split()[:-1])
    domain = ((0.0, 3.0),) * len(whole) + ((0.1, 3.0),)
    found = ufunc(
        None, *whole, refuse_twice(name, parameter, len(whole)), name=f"{name}_slope", value=slope,
        at=(*at, 0.7), domain=domain, rule=f"a second derivative in {parameter} is refused",
    )  # fmt: skip
    ufunc(function, *whole, lambda _y, *xs: found(*xs), at=(*at, None), domain=domain, rule=rule)


def _mathieu_slope(solution: Any) -> Callable[..., Any]:
    """Return da/dq = 2∫y²·cos 2t dt / ∫y² dt over a period, whose trapezoidal rule is exact."""

    def slope(m: Any, q: Any) -> Any:
        known = np.isfinite(m + q)  # SciPy's Mathieu functions crash at NaN
        m, q = np.where(known, m, 0.0), np.where(known, q, 0.0)
        most = np.max(np.where(np.isfinite(m + q), m + np.sqrt(np.abs(q)), 0.0))
        t = np.arange(64 + 8 * int(most)) / (64 + 8 * int(most))
        weight = np.square(solution(m, q, 360 * t)[0])
        found = 2 * np.sum(weight * np.cos(4 * np.pi * t), axis=-1) / np.sum(weight, axis=-1)
        return np.where(np.reshape(known, np.shape(found)), found, np.nan)

    return slope


def _mean_square(m: float, n: float, c: float, sign: float) -> float:
    """Return ∫x²S² dx / ∫S² dx over (−1, 1), from the expansion of S in Legendre's functions.

    In them the equation is the eigenvalue problem of a tridiagonal matrix r(r + 1) ± c²x², whose
    n-th eigenvector has all digits whatever n and c are.
    """
    r = m + (n - m) % 2 + 2.0 * np.arange((n - m) // 2 + 40 + int(c))
    up, down = ((k * k - m * m) / (4 * k * k - 1) for k in (r + 1, r))
    far = ((r + 2) ** 2 - m * m) / (4 * (r + 2) ** 2 - 1)
    square, beside = up + down, np.sqrt(up * far)[:-1]
    place = int(n - m) // 2
    _, v = linalg.eigh_tridiagonal(
        r * (r + 1) + sign * c * c * square, sign * c * c * beside, select="i",
        select_range=(place, place),
    )
    v = v[:, 0]
    return float(v * square @ v + 2 * (v[:-1] * beside @ v[1:]))


def _spheroidal_slope(value: Any, sign: float) -> Callable[..., Any]:
    """Return dλ/dc = ±2c·∫x²S² dx / ∫S² dx; NaN below c = 0, where SciPy gives λ at 0."""

    def slope(m: Any, n: Any, c: Any) -> Any:
        known = np.isfinite(value(m, n, c)) & (c >= 0)
        found = [
            2 * at[2] * _mean_square(*at, sign=sign) if good else np.nan
            for good, *at in zip(known[:, 0], m[:, 0], n[:, 0], c[:, 0], strict=True)
        ]
        return sign * np.array(found)

    return slope


_DEGREE = np.pi / 180
_ONE, _TWO = np.float64(1), np.float64(2)  # in single precision SciPy finds NaN, or does not end
for _value, _f in (
    (special.mathieu_a, special.mathieu_cem), (special.mathieu_b, special.mathieu_sem)
):  # fmt: skip
    _eigenvalue(_value, _mathieu_slope(_f), "m q", (_TWO,),
                "d a(u) = 2∫y²·cos 2t dt/∫y²dt du, over a period")  # fmt: skip
for _f, _value in (
    (special.mathieu_cem, special.mathieu_a), (special.mathieu_sem, special.mathieu_b)
):  # fmt: skip
    _solution(
        _f,
        lambda w, _dw, m, q, x, value=_value: -(value(m, q) - 2 * q * np.cos(2 * _DEGREE * x)) * w,
        (_TWO, 0.8), "m q", "d (y, y′)(u°) = π/180·(y′, −(a − 2q·cos 2u)·y) du", unit=_DEGREE,
    )  # fmt: skip
for _f, _value in (
    (special.mathieu_modcem1, special.mathieu_a), (special.mathieu_modcem2, special.mathieu_a),
    (special.mathieu_modsem1, special.mathieu_b), (special.mathieu_modsem2, special.mathieu_b),
):  # fmt: skip
    _solution(
        _f, lambda w, _dw, m, q, x, value=_value: (value(m, q) - 2 * q * np.cosh(2 * x)) * w,
        (_TWO, 0.8), "m q", "d (y, y′)(u) = (y′, (a − 2q·cosh 2u)·y) du", (0.3, 1.5),
    )  # fmt: skip


def _spheroidal(prefix: str, sign: float) -> None:
    """Declare prolate (sign 1) and oblate (sign −1) functions, angular and radial.

    SciPy's radial functions of the second kind do not satisfy the equation to more than two digits,
    and are refused.
    """
    value = getattr(special, f"{prefix}_cv")
    _eigenvalue(
        value, _spheroidal_slope(value, sign), "m n c", (_ONE, _TWO),
        f"d λ(u) = {'−' if sign < 0 else ''}2u·∫x²S²dx/∫S²dx du",
    )  # fmt: skip

    def angular(w: Any, dw: Any, m: Any, n: Any, c: Any, x: Any) -> Any:
        rest = value(m, n, c) - sign * np.square(c * x) - m * m / (1.0 - np.square(x))
        return (2.0 * x * dw - rest * w) / (1.0 - np.square(x))

    def radial(w: Any, dw: Any, m: Any, n: Any, c: Any, x: Any) -> Any:
        base = np.square(x) - sign
        rest = value(m, n, c) - np.square(c * x) + sign * m * m / base
        return (rest * w - 2.0 * x * dw) / base

    words = "d (S, S′)(u) = (S′, S″) du, S″ by the spheroidal equation"
    _solution(getattr(special, f"{prefix}_ang1"), angular, (_ONE, _TWO, 0.7), "m n c", words,
              (-0.8, 0.8))
    _solution(getattr(special, f"{prefix}_rad1"), radial, (_ONE, _TWO, 0.7), "m n c", words,
              (1.2, 3.0) if sign > 0 else (0.2, 1.5))  # fmt: skip


_spheroidal("pro", 1.0)
_spheroidal("obl", -1.0)
