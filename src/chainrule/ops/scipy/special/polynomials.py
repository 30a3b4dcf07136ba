"""Orthogonal polynomials and Legendre functions, in x; the degree has no derivative.

Derivatives are polynomials of the next family, so that nothing is divided by 1 − x².

References: NIST Digital Library of Mathematical Functions, §18.9, §14.10.
"""

from typing import Any

import numpy as np
from scipy import special

from ....core.op import Const, Notation, Op, sample
from ....core.registry import register
from ....core.slots import INDEX, Partial
from ..common import refusal
from .common import WHOLE, ufunc

_DEGREE = (0.0, 4.0)
_INSIDE = (-1.0, 1.0)
_UNIT = (0.0, 1.0)
_SHAPE = (0.5, 2.0)


def _one(function: Any, slope: Any, rule: str, x: tuple[float, float] = _INSIDE) -> None:
    ufunc(
        function, "n", lambda _y, n, x: slope(n, x), at=(3, None), domain=(_DEGREE, x),
        rule=f"d {function.__name__}(n, u) = {rule} du",
    )  # fmt: skip


_one(special.eval_legendre, lambda n, x: 0.5 * (n + 1) * special.eval_jacobi(n - 1, 1.0, 1.0, x),
     "½(n+1)·P⁽¹ʼ¹⁾ₙ₋₁(u)")  # fmt: skip
_one(special.eval_sh_legendre,
     lambda n, x: (n + 1) * special.eval_jacobi(n - 1, 1.0, 1.0, 2.0 * x - 1.0),
     "(n+1)·P⁽¹ʼ¹⁾ₙ₋₁(2u−1)", _UNIT)  # fmt: skip
_one(special.eval_chebyt, lambda n, x: n * special.eval_chebyu(n - 1, x), "n·Uₙ₋₁(u)")
_one(special.eval_chebyu, lambda n, x: 2.0 * special.eval_gegenbauer(n - 1, 2.0, x), "2·C⁽²⁾ₙ₋₁(u)")
_one(special.eval_chebyc, lambda n, x: n * special.eval_chebys(n - 1, x), "n·Sₙ₋₁(u)")
_one(special.eval_chebys, lambda n, x: special.eval_gegenbauer(n - 1, 2.0, 0.5 * x), "C⁽²⁾ₙ₋₁(u/2)")
_one(special.eval_sh_chebyt, lambda n, x: 2.0 * n * special.eval_sh_chebyu(n - 1, x),
     "2n·Uₙ₋₁(2u−1)", _UNIT)  # fmt: skip
_one(special.eval_sh_chebyu,
     lambda n, x: 4.0 * special.eval_gegenbauer(n - 1, 2.0, 2.0 * x - 1.0),
     "4·C⁽²⁾ₙ₋₁(2u−1)", _UNIT)  # fmt: skip
_one(special.eval_laguerre, lambda n, x: -special.eval_genlaguerre(n - 1, 1.0, x),
     "−L⁽¹⁾ₙ₋₁(u)", (0.1, 4.0))  # fmt: skip
for _f, _factor in ((special.eval_hermite, 2.0), (special.eval_hermitenorm, 1.0)):  # whole n only
    ufunc(
        _f, None, lambda _y, n, x, f=_f, factor=_factor: factor * n * f(np.maximum(n - 1, 0), x),
        at=(3, None), domain=(_DEGREE, _INSIDE), rule=f"d Hₙ(u) = {_factor:g}·n·Hₙ₋₁(u) du",
    )  # fmt: skip
ufunc(
    special.eval_gegenbauer, "n", "alpha",
    lambda _y, n, a, x: 2.0 * a * special.eval_gegenbauer(n - 1, a + 1.0, x),
    at=(3, 1.5, None), domain=(_DEGREE, _SHAPE, _INSIDE), rule="d C⁽ᵃ⁾ₙ(u) = 2a·C⁽ᵃ⁺¹⁾ₙ₋₁(u) du",
)  # fmt: skip
ufunc(
    special.eval_genlaguerre, "n", "alpha",
    lambda _y, n, a, x: -special.eval_genlaguerre(n - 1, a + 1.0, x),
    at=(3, 1.5, None), domain=(_DEGREE, _SHAPE, (0.1, 4.0)), rule="d L⁽ᵃ⁾ₙ(u) = −L⁽ᵃ⁺¹⁾ₙ₋₁(u) du",
)  # fmt: skip
ufunc(
    special.eval_jacobi, "n", "alpha", "beta",
    lambda _y, n, a, b, x: (
        0.5 * (n + a + b + 1.0) * special.eval_jacobi(n - 1, a + 1.0, b + 1.0, x)
    ), at=(3, 1.5, 0.5, None), domain=(_DEGREE, _SHAPE, _SHAPE, _INSIDE),
    rule="d P⁽ᵃʼᵇ⁾ₙ(u) = ½(n+a+b+1)·P⁽ᵃ⁺¹ʼᵇ⁺¹⁾ₙ₋₁(u) du",
)  # fmt: skip


def _shifted_jacobi(_y: Any, n: Any, p: Any, q: Any, x: Any) -> Any:
    slope = (n + p) * special.eval_jacobi(n - 1, p - q + 1.0, q, 2.0 * x - 1.0)
    return slope / special.binom(2.0 * n + p - 1.0, n)


ufunc(
    special.eval_sh_jacobi, "n", "p", "q", _shifted_jacobi, at=(3, 2.5, 1.5, None),
    domain=(_DEGREE, (2.0, 3.0), (0.5, 2.0), _UNIT),
    rule="d Gₙ(p, q, u) = (n+p)·P⁽ᵖ⁻ᑫ⁺¹ʼᑫ⁾ₙ₋₁(2u−1)/C(2n+p−1, n) du",
)  # fmt: skip
ufunc(
    special.lpmv, ("m", WHOLE), "v",
    lambda y, m, v, x: (
        ((v + m) * special.lpmv(m, v - 1.0, x) - v * x * y) / (1.0 - np.square(x))
    ), at=(1, 2.0, None), domain=((0.0, 2.0), (1.0, 3.0), _INSIDE),
    rule="(1 − u²)·d Pᵐᵥ(u) = ((v+m)·Pᵐᵥ₋₁(u) − v·u·Pᵐᵥ(u)) du",
)  # fmt: skip


# --- spherical harmonics --------------------------------------------------------------------------


def _bind_harmonic(n: Any, m: Any, theta: Any, phi: Any, *, diff_n: int = 0) -> Any:
    if diff_n:
        raise refusal(
            "scipy.special.sph_harm_y(diff_n=…)", "it gives derivatives of its own",
            "leave diff_n out, and differentiate sph_harm_y",
        )  # fmt: skip
    return (n, m, theta, phi), {}


def _harmonic_in_theta(_y: Any, n: Any, m: Any, theta: Any, phi: Any) -> Any:
    """Return ½·(√((n−m)(n+m+1))·e^(−iφ)·Yₙᵐ⁺¹ − √((n+m)(n−m+1))·e^(iφ)·Yₙᵐ⁻¹)."""
    n, m = np.asarray(n), np.asarray(m)
    turn = np.exp(1j * phi)
    above = sph_harm_y(n, np.minimum(m + 1, n), theta, phi)
    below = sph_harm_y(n, np.maximum(m - 1, -n), theta, phi)
    up, down = np.sqrt((n - m) * (n + m + 1.0)), np.sqrt((n + m) * (n - m + 1.0))
    return 0.5 * (up * above / turn - down * below * turn)


sph_harm_y = Op(
    "sph_harm_y",
    special.sph_harm_y,
    (
        INDEX, INDEX, Partial(_harmonic_in_theta),
        Partial(lambda y, _n, m, _theta, _phi: 1j * m * y),
    ),
    batch="elementwise",
    bind=_bind_harmonic,
    domain=((0.0, 3.0), (-2.0, 2.0), (0.2, 3.0), (-3.0, 3.0)),
    notation=Notation(
        rule="d Yₙᵐ(θ, φ) = ½(√((n−m)(n+m+1))·e^(−iφ)·Yₙᵐ⁺¹ − √((n+m)(n−m+1))·e^(iφ)·Yₙᵐ⁻¹) dθ "
        "+ im·Yₙᵐ dφ"
    ),
    samples=(
        sample(Const(3), Const(1), (2, 3), (3,)), sample(Const(2), Const(-2), (), ()),
        sample(Const(2), Const(2), (3,), Const(0.4)),
    ),
)  # fmt: skip
register(special.sph_harm_y, sph_harm_y)
