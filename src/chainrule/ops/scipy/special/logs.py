"""Logarithms, exponentials, powers and losses: xlogy, exprel, Box–Cox, entropies, Huber."""

import math
from typing import Any

import numpy as np
from scipy import special

from ....core.op import Const, Notation, Op, sample
from ....core.registry import composite, declare
from ....core.slots import Partial
from ...declare import ABOVE_ZERO, EVERYWHERE, constant, elementwise, over
from .common import UNIT_NODES, UNIT_WEIGHTS, WHOLE, blockwise, refuse, ufunc
from .gammas import POSITIVE

DEGREE = math.pi / 180


def _over(x: Any, y: Any) -> Any:
    """Return y to divide by, and 1 where 0/0 is 0."""
    return np.where(np.logical_and(np.equal(x, 0), np.equal(y, 0)), 1.0, y)


elementwise(
    special.xlogy, lambda _y, _x, v: np.log(v),
    over(lambda _y, x, v: _over(x, v), lambda _y, x, _v: x),
    domain=(EVERYWHERE, ABOVE_ZERO), mp="x * log(y)", complex=True,
    text="{0} · log {1}", latex="{0} \\log {1}", level=20, operands=(20, 100),
    rule="d u·log v = log v du + u/v dv, where 0/0 is 0",
)  # fmt: skip
elementwise(
    special.xlog1py, lambda _y, _x, v: np.log1p(v),
    over(lambda _y, x, v: _over(x, 1.0 + v), lambda _y, x, _v: x),
    domain=(EVERYWHERE, (-1.0, math.inf)), mp="x * log1p(y)", complex=True,
    text="{0} · log(1 + {1})", latex="{0} \\log\\left(1 + {1}\\right)", level=20, operands=(20, 10),
    rule="d u·log(1 + v) = log(1 + v) du + u/(1 + v) dv",
)  # fmt: skip
elementwise(
    special.entr, lambda _y, x: -1.0 - np.log(x), domain=(ABOVE_ZERO,),
    rule="d (−u·log u) = −(1 + log u) du",
)  # fmt: skip
elementwise(
    special.rel_entr, lambda _y, x, v: 1.0 + np.log(x / v),
    over(lambda _y, _x, v: v, lambda _y, x, _v: -x),
    domain=(POSITIVE,) * 2, rule="d u·log(u/v) = (1 + log(u/v)) du − u/v dv",
)  # fmt: skip
elementwise(
    special.kl_div, lambda _y, x, v: np.log(x / v),
    over(lambda _y, _x, v: v, lambda _y, x, v: v - x),
    domain=(POSITIVE,) * 2, rule="d (u·log(u/v) − u + v) = log(u/v) du + (1 − u/v) dv",
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
    special.log1p, over(lambda _y, x: 1.0 + x), name="special.log1p", text="log1p",
    mp="log1p(x)", domain=((-1.0, math.inf),), complex=True, rule="d log(1 + u) = du / (1 + u)",
)  # fmt: skip
elementwise(
    special.cbrt, over(lambda y, _x: 3.0 * np.square(y)), name="special.cbrt",
    domain=(EVERYWHERE,), kinks=(0.0,), mp="cbrt(x)", text="∛{0}", latex="\\sqrt[3]{{{0}}}",
    level=30, operands=(100,), rule="root rule: d ∛u = du / (3 (∛u)²)",
)  # fmt: skip


# --- what stays exact where an exponent or an argument goes to zero -------------------------------


@blockwise
def _moment_near(x: Any, n: int) -> Any:
    return np.exp(x * UNIT_NODES) * UNIT_NODES**n @ UNIT_WEIGHTS


def _exp_moment(x: Any, n: int) -> Any:
    """Return ∫ θⁿ e^(xθ) dθ over (0, 1): by quadrature near 0, else by parts."""
    reach = 4.0 + 2 * n
    far = np.where(np.abs(x) > reach, x, reach)
    e, y = np.exp(far), np.expm1(far) / far
    for k in range(1, n + 1):
        y = (e - k * y) / far
    return np.where(np.abs(x) > reach, y, _moment_near(np.clip(x, -reach, reach), n=n))[()]


exp_moment = declare(
    Op(
        "exp_moment",
        _exp_moment,
        (Partial(lambda _y, x, n: exp_moment(x, n=n + 1)),),
        notation=Notation(
            "∫₀¹θ^{n}·exp({0}·θ)dθ", "\\int_0^1\\theta^{{{n}}}e^{{{0}\\theta}}\\,d\\theta",
            20, (20,), "d ∫θⁿe^(uθ)dθ = ∫θⁿ⁺¹e^(uθ)dθ du",
        ),
        samples=(sample((2, 3), n=1), sample((), n=2)),
    )
)  # fmt: skip


@blockwise
def _log_moment_near(x: Any, n: int) -> Any:
    return UNIT_NODES**n / (1 + x * UNIT_NODES) ** (n + 1) @ UNIT_WEIGHTS


def _log_moment(x: Any, n: int) -> Any:
    """Return ∫ θⁿ/(1 + xθ)ⁿ⁺¹ dθ over (0, 1), which is log(1 + x)/x for n = 0."""
    if np.result_type(x).kind == "c":
        near, far, inner = np.abs(x) < 1e-3, np.where(np.abs(x) < 1e-3, 1.0, x), 0.0
        for k in range(8):
            inner = inner + math.comb(n + k, k) * (-x) ** k / (n + k + 1)
    else:
        near, far = np.abs(x) < 0.5, np.where(np.abs(x) < 0.5, 1.0, x)
        inner = _log_moment_near(np.clip(x, -0.5, 0.5), n=n)
    y = np.log1p(far) / far
    for k in range(1, n + 1):
        y = y / far - 1 / (k * far * (1 + far) ** k)
    return np.where(near, inner, y)[()]


log_moment = declare(
    Op(
        "log_moment",
        _log_moment,
        (Partial(lambda _y, x, n: -(n + 1.0) * log_moment(x, n=n + 1)),),
        domain=((-1.0, 5.0),),
        notation=Notation(
            "∫₀¹θ^{n}/(1 + {0}·θ)^({n}+1)dθ",
            "\\int_0^1\\frac{{\\theta^{{{n}}}}}{{(1 + {0}\\theta)^{{{n}+1}}}}\\,d\\theta",
            20, (20,),
            "d ∫θⁿ/(1 + uθ)ⁿ⁺¹dθ = −(n+1)·∫θⁿ⁺¹/(1 + uθ)ⁿ⁺²dθ du",
        ),
        samples=(sample((2, 3), n=1), sample((), n=0)),
    )
)  # fmt: skip

ufunc(
    special.exprel, lambda _y, x: exp_moment(x, n=1), domain=((-40.0, 40.0),),
    mp="expm1(x) / x if x else mpf(1)", rule="d (eᵘ − 1)/u = ∫ θ·e^(uθ) dθ over (0, 1) du",
)  # fmt: skip
ufunc(special.cosm1, lambda _y, x: -np.sin(x), mp="cos(x) - 1", rule="d (cos u − 1) = −sin u du")
ufunc(
    special.powm1, lambda _y, x, p: p * np.power(x, p - 1.0),
    lambda _y, x, p: np.power(x, p) * np.log(x), domain=(POSITIVE, (-3.0, 3.0)),
    mp="x**y - 1", rule="d (uᵖ − 1) = p·uᵖ⁻¹ du + uᵖ·log u dp",
)  # fmt: skip


def in_power(log: Any, p: Any) -> Any:
    """Return ∂/∂p of (e^(p·log) − 1)/p."""
    return np.square(log) * exp_moment(p * log, n=1)


ufunc(
    special.boxcox, lambda _y, x, p: np.power(x, p - 1.0),
    lambda _y, x, p: in_power(np.log(x), p), domain=(POSITIVE, (-3.0, 3.0)),
    mp="expm1(y * log(x)) / y if y else log(x)",
    rule="d (uᵖ − 1)/p = uᵖ⁻¹ du + (log u)²·∫ θ·u^(pθ) dθ dp",
)  # fmt: skip
ufunc(
    special.boxcox1p, lambda _y, x, p: np.exp((p - 1.0) * np.log1p(x)),
    lambda _y, x, p: in_power(np.log1p(x), p), domain=((-0.7, 3.0), (-3.0, 3.0)),
    mp="expm1(y * log1p(x)) / y if y else log1p(x)",
    rule="d ((1+u)ᵖ − 1)/p = (1+u)ᵖ⁻¹ du + (log(1+u))²·∫ θ·(1+u)^(pθ) dθ dp",
)  # fmt: skip


def _inverse_in_power(x: Any, y: Any, p: Any) -> Any:
    """Return ∂/∂p of exp(log(1 + py)/p), whose value is x."""
    return -x * np.square(y) * log_moment(p * y, n=1)


ufunc(
    special.inv_boxcox, lambda x, y, p: x / (1.0 + p * y),
    lambda x, y, p: _inverse_in_power(x, y, p), domain=((0.1, 2.0), (0.1, 2.0)),
    mp="(1 + x * y)**(1 / y)",
    rule="d x = x/(1 + pu) du + x·(u/(1 + pu) − log(1 + pu)/p)/p dp, where x = (1 + pu)^(1/p)",
)  # fmt: skip
ufunc(
    special.inv_boxcox1p, lambda x, y, p: (x + 1.0) / (1.0 + p * y),
    lambda x, y, p: _inverse_in_power(x + 1.0, y, p), domain=((0.1, 2.0), (0.1, 2.0)),
    mp="(1 + x * y)**(1 / y) - 1",
    rule="as inv_boxcox, less 1",
)  # fmt: skip


def _in_delta(_y: Any, d: Any, r: Any) -> Any:
    """Return δ·q⁴/((1 + s)²·s), where q = r/δ and s = √(1 + q²)."""
    q = r / d
    s = np.sqrt(1.0 + np.square(q))
    return d * np.square(np.square(q) / (1.0 + s)) / s


ufunc(
    special.pseudo_huber, _in_delta, lambda _y, d, r: r / np.sqrt(1.0 + np.square(r / d)),
    domain=((0.3, 3.0), (-3.0, 3.0)), mp="y**2 / (sqrt(1 + (y / x)**2) + 1)",
    rule="d δ²(s − 1) = δ·(s − 1)²/s dδ + r/s dr, where s = √(1 + (r/δ)²)",
)  # fmt: skip


ufunc(special.sindg, lambda _y, x: DEGREE * special.cosdg(x), domain=((-400.0, 400.0),),
      rule="d sin u° = π/180·cos u° du")  # fmt: skip
ufunc(special.cosdg, lambda _y, x: -DEGREE * special.sindg(x), domain=((-400.0, 400.0),),
      rule="d cos u° = −π/180·sin u° du")  # fmt: skip
ufunc(special.tandg, lambda y, _x: DEGREE * (1.0 + np.square(y)),
      rule="d tan u° = π/180·(1 + tan²u°) du")  # fmt: skip
ufunc(special.cotdg, lambda y, _x: -DEGREE * (1.0 + np.square(y)), domain=((1.0, 3.0),),
      rule="d cot u° = −π/180·(1 + cot²u°) du")  # fmt: skip
ufunc(special.radian, DEGREE, DEGREE / 60, DEGREE / 3600,
      rule="d radian(d, m, s) = π/180·(dd + dm/60 + ds/3600)")  # fmt: skip
constant(special.round, name="special.round", samples=(sample((2, 3)),))


@composite(special.softplus, sample((2, 3)), sample(()), domain=((-40.0, 40.0),))
def softplus(x: Any, **kwargs: Any) -> Any:
    """Return log(1 + eˣ)."""
    return np.logaddexp(0, x, **kwargs)


def _wave(x: Any, n: Any, order: int) -> Any:
    """Return the derivative of this order of sin(nx/2)/(n·sin(x/2)), a mean of n cosines."""
    x, n = np.asarray(x), np.asarray(n)
    most = int(np.max(n, initial=0))
    j = np.arange(most)
    mu = j - (n[..., None] - 1) / 2
    terms = mu**order * np.cos(mu * x[..., None] + order * math.pi / 2)
    mean = np.sum(np.where(j < n[..., None], terms, 0.0), axis=-1) / np.where(n > 0, n, 1)
    valid = np.logical_and(n > 0, n == np.floor(n))
    return np.asarray(np.where(valid, mean, np.nan), np.result_type(x, np.float32))[()]


diric_derivative = declare(
    Op(
        "diric_derivative",
        _wave,
        (
            Partial(lambda _y, x, n, order: diric_derivative(x, n, order=order + 1)),
            Partial(refuse("diric", "n", 1, WHOLE)),
        ),
        batch="elementwise",
        notation=Notation(rule="d D⁽ᵏ⁾(u, n) = D⁽ᵏ⁺¹⁾(u, n) du"),
        samples=(sample((2, 3), Const(5), order=1), sample((), Const(4), order=2)),
    )
)
ufunc(
    special.diric, lambda _y, x, n: diric_derivative(x, n, order=1), ("n", WHOLE),
    at=(None, 5),
    rule="d sin(nu/2)/(n·sin(u/2)) = D′(u) du, and n is a whole number",
)  # fmt: skip
