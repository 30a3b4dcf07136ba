"""Elliptic integrals and functions.

Every derivative is an integral of Carlson's kind, ∫ tᵏ·Π(t + xᵢ)^(−pᵢ) dt over (0, ∞), a family
closed under differentiation and without cancellation where the arguments are not negative.

References: NIST Digital Library of Mathematical Functions, §19.16, §19.18, §19.25, §22.13;
B. C. Carlson, Numerical computation of real or complex elliptic integrals (1995).
"""

import math
from typing import Any

import numpy as np
from scipy import special

from ....core.op import Const, Notation, Op, sample
from ....core.registry import declare
from ....core.slots import Partial
from .common import blockwise, several, ufunc

_POSITIVE = (0.2, 3.0)
_MODULUS = (-3.0, 0.95)
_NODES = 640


@blockwise
def _carlson(*xs: Any, powers: tuple[float, ...], k: int) -> Any:
    """Integrate by the trapezoidal rule in log t: the factors are analytic for |arg t| < π."""
    p = np.asarray(powers)[:, None, None]
    x = np.stack(xs) * (p != 0)
    least = np.min(np.where(x > 0, x, np.inf), axis=0)
    at_zero = 1 + k - np.sum(np.where(x == 0, p, 0.0), axis=0)
    low = np.log(least) - 40.0 / np.maximum(at_zero, 0.25)
    high = np.log(np.max(x, axis=0)) + 40.0 / (sum(powers) - 1 - k)
    v = low + (high - low) * (np.arange(_NODES) + 0.5) / _NODES
    logs = [q * np.logaddexp(v, np.log(a)) for q, a in zip(powers, x, strict=True) if q]
    total = np.sum(np.exp((1 + k) * v - sum(logs)), axis=-1) * ((high - low) / _NODES)[:, 0]
    finite = np.where((at_zero > 0)[:, 0], total, np.inf)
    return np.where(np.all(x >= 0, axis=0)[:, 0], finite, np.nan)


def _raised(powers: tuple[float, ...], i: int) -> tuple[float, ...]:
    return tuple(p + (j == i) for j, p in enumerate(powers))


def _slope(i: int) -> Partial:
    def rule(
        _v: Any, x: Any, y: Any, z: Any, w: Any, powers: tuple[float, ...], k: int
    ) -> Any:  # fmt: skip
        return -powers[i] * carlson(x, y, z, w, powers=_raised(powers, i), k=k)

    return Partial(rule)


carlson = declare(
    Op(
        "carlson",
        _carlson,
        tuple(map(_slope, range(4))),
        domain=(_POSITIVE,) * 4,
        notation=Notation(
            rule="d ∫tᵏ·Π(t + xᵢ)^(−pᵢ)dt = −Σ pᵢ·∫tᵏ·…·(t + xᵢ)^(−pᵢ−1)…dt dxᵢ"
        ),
        samples=(
            sample((2, 3), (3,), (), (), powers=(0.5, 0.5, 0.5, 1.0), k=0),
            sample((), (), (), Const(1.0), powers=(1.5, 0.5, 0.5, 0.0), k=1),
        ),
    )
)  # fmt: skip


def _rf(i: int) -> Any:
    """Return ∂R_F/∂xᵢ: R_D with that argument last, over −6."""

    def rule(_v: Any, x: Any, y: Any, z: Any) -> Any:
        xs = [x, y, z]
        last = xs.pop(i)
        return special.elliprd(*xs, last) / -6.0

    return rule


def _integral(i: int, powers: tuple[float, ...], factor: float, k: int = 0) -> Any:
    """Return the partial of factor·∫… in its argument i."""

    def rule(_v: Any, x: Any, y: Any, z: Any) -> Any:
        return factor * carlson(x, y, z, 1.0, powers=_raised((*powers, 0.0), i), k=k)

    return rule


ufunc(special.elliprf, _rf(0), _rf(1), _rf(2), domain=(_POSITIVE,) * 3, mp="elliprf(x, y, z)",
      rule="d R_F(x, y, z) = −(R_D(y, z, x) dx + R_D(z, x, y) dy + R_D(x, y, z) dz)/6")  # fmt: skip
_D = (0.5, 0.5, 1.5)
ufunc(special.elliprd, *(_integral(i, _D, -1.5 * _D[i]) for i in range(3)),
      domain=(_POSITIVE,) * 3, mp="elliprd(x, y, z)",
      rule="d R_D = −3/2·Σ pᵢ·∫(t + xᵢ)⁻¹·… dt dxᵢ, p = (½, ½, 3/2)")  # fmt: skip
ufunc(special.elliprg, *(_integral(i, (0.5,) * 3, 0.125, 1) for i in range(3)),
      domain=(_POSITIVE,) * 3, mp="elliprg(x, y, z)",
      rule="d R_G = ⅛·Σ ∫t·(t + xᵢ)⁻¹/√((t + x)(t + y)(t + z))dt dxᵢ")  # fmt: skip
ufunc(
    special.elliprc,
    lambda _v, x, y: -0.25 * carlson(x, y, 1.0, 1.0, powers=(1.5, 1.0, 0.0, 0.0), k=0),
    lambda _v, x, y: -0.5 * carlson(x, y, 1.0, 1.0, powers=(0.5, 2.0, 0.0, 0.0), k=0),
    domain=(_POSITIVE,) * 2, mp="elliprc(x, y)",
    rule="d R_C = −¼·∫(t + x)^(−3/2)/(t + y)dt dx − ½·∫(t + x)^(−½)/(t + y)²dt dy",
)  # fmt: skip
_J = (0.5, 0.5, 0.5, 1.0)


def _rj(i: int) -> Any:
    def rule(_v: Any, x: Any, y: Any, z: Any, p: Any) -> Any:
        return -1.5 * _J[i] * carlson(x, y, z, p, powers=_raised(_J, i), k=0)

    return rule


ufunc(special.elliprj, _rj(0), _rj(1), _rj(2), _rj(3), domain=(_POSITIVE,) * 4,
      mp="elliprj(x, y, z, w)",
      rule="d R_J = −3/2·Σ pᵢ·∫(t + xᵢ)⁻¹·… dt dxᵢ, p = (½, ½, ½, 1)")  # fmt: skip

# --- Legendre's integrals -------------------------------------------------------------------------

ufunc(special.ellipk, lambda _y, m: special.elliprd(0.0, 1.0, 1.0 - m) / 6.0,
      domain=(_MODULUS,), mp="ellipk(x)", rule="d K(m) = R_D(0, 1, 1 − m)/6 dm")  # fmt: skip
ufunc(special.ellipkm1, lambda _y, p: special.elliprd(0.0, 1.0, p) / -6.0,
      domain=((0.05, 3.0),), mp="ellipk(1 - x)",
      rule="d K(1 − p) = −R_D(0, 1, p)/6 dp")  # fmt: skip
ufunc(special.ellipe, lambda _y, m: special.elliprd(0.0, 1.0 - m, 1.0) / -6.0,
      domain=(_MODULUS,), mp="ellipe(x)", rule="d E(m) = −R_D(0, 1 − m, 1)/6 dm")  # fmt: skip


def _legendre(phi: Any, m: Any, power: float, j: int) -> Any:
    """Return ∫ sin²ʲθ·(1 − m·sin²θ)^power dθ from 0 to φ, as one of Carlson's."""
    turns = np.round(phi / math.pi)
    rest = phi - turns * math.pi
    s, c = np.sin(rest), np.cos(rest)
    powers = (j + power + 1, -power, 0.5, 0.0)
    part = 0.5 * s ** (2 * j + 1) * _carlson(1.0, 1.0 - m * s * s, c * c, 1.0, powers=powers, k=0)
    whole = _carlson(1.0, 1.0 - m, 0.0, 1.0, powers=powers, k=0) if np.any(turns) else 0.0
    return part + turns * whole


legendre_integral = declare(
    Op(
        "legendre_integral",
        _legendre,
        (
            Partial(
                lambda _y, phi, m, power, j: (
                    np.sin(phi) ** (2 * j) * (1.0 - m * np.square(np.sin(phi))) ** power
                )
            ),
            Partial(
                lambda _y, phi, m, power, j: (
                    -power * legendre_integral(phi, m, power=power - 1, j=j + 1)
                )
            ),
        ),
        domain=((-4.0, 4.0), (-2.0, 0.9)),
        notation=Notation(
            rule="d ∫sin²ʲθ·(1 − m·sin²θ)^p dθ = its integrand at φ dφ − p·∫sin²ʲ⁺²θ·(…)^(p−1)dθ dm"
        ),
        samples=(sample((2, 3), (3,), power=-0.5, j=1), sample((), (), power=-1.5, j=1)),
    )
)  # fmt: skip


def _delta(phi: Any, m: Any) -> Any:
    """Return 1 − m·sin²φ."""
    return 1.0 - m * np.square(np.sin(phi))


ufunc(
    special.ellipkinc, lambda _y, phi, m: 1.0 / np.sqrt(_delta(phi, m)),
    lambda _y, phi, m: 0.5 * legendre_integral(phi, m, power=-1.5, j=1),
    domain=((-1.5, 1.5), (-2.0, 0.9)), mp="ellipf(x, y)",
    rule="d F(φ, m) = dφ/√(1 − m·sin²φ) + ½·∫sin²θ/(1 − m·sin²θ)^(3/2)dθ dm",
)  # fmt: skip
ufunc(
    special.ellipeinc, lambda _y, phi, m: np.sqrt(_delta(phi, m)),
    lambda _y, phi, m: -0.5 * legendre_integral(phi, m, power=-0.5, j=1),
    domain=((-1.5, 1.5), (-2.0, 0.9)), mp="ellipe(x, y)",
    rule="d E(φ, m) = √(1 − m·sin²φ) dφ − ½·∫sin²θ/√(1 − m·sin²θ)dθ dm",
)  # fmt: skip


def _jacobi_in_u(t: Any, ys: Any, _u: Any, m: Any) -> Any:
    sn, cn, dn, _ = ys
    return t * cn * dn, -t * sn * dn, -t * m * sn * cn, t * dn


def _jacobi_in_m(t: Any, ys: Any, _u: Any, m: Any) -> Any:
    sn, cn, dn, phi = ys
    dphi = -0.5 * dn * legendre_integral(phi, m, power=-1.5, j=1)
    return (
        t * cn * dphi, -t * sn * dphi,
        t * (-0.5 * sn * sn - m * sn * cn * dphi) / dn, t * dphi,
    )  # fmt: skip


several(
    special.ellipj, 4, _jacobi_in_u, _jacobi_in_m, domain=((-2.0, 2.0), (0.05, 0.9)),
    rule="d (sn, cn, dn, φ)(u) = (cn·dn, −sn·dn, −m·sn·cn, dn) du; in m by that of F(φ, m) = u",
)  # fmt: skip
ufunc(
    special.agm,
    lambda y, a, b: _mean_in(y, a, b), lambda y, a, b: _mean_in(y, b, a),
    domain=(_POSITIVE,) * 2, mp="agm(x, y)",
    rule="d M = 2/(3π)·((M/a)²·R_D(0, (b/a)², 1) da + (M/b)²·R_D(0, (a/b)², 1) db)",
)  # fmt: skip


def _mean_in(y: Any, a: Any, b: Any) -> Any:
    """Return ∂M/∂a, of ratios alone: whatever the scale, and the sign, of both.

    M(0, b) = 0 for all b, and M(a, b) = πb/(2 ln(4b/a)) near a = 0, where its slope is infinite.
    """
    at, none = np.equal(a, 0), np.equal(b, 0)
    some = np.where(np.logical_or(at, none), 1.0, a)
    ratio = np.where(np.logical_or(at, none), 1.0, b) / some
    slope = np.square(y / some) * (2 / (3 * math.pi)) * special.elliprd(0.0, ratio * ratio, 1.0)
    slope = np.where(none, np.where(at, np.nan, 0.0), np.where(at, np.inf, slope))
    return slope[()]
