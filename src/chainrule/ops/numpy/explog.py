"""Exponentials and logarithms."""

import math
from typing import Any

import numpy as np

from ..declare import ABOVE_ZERO, EVERYWHERE, elementwise, over

NEAR_ZERO = (-40.0, 40.0)
_LN2, _LN10 = math.log(2), math.log(10)

elementwise(
    np.exp, lambda y, _x: y, domain=(EVERYWHERE,), complex=True, mp="exp(x)", latex="\\exp",
    rule="d eᵘ = eᵘ du",
)  # fmt: skip
elementwise(
    np.exp2, lambda y, _x: y * _LN2, domain=(EVERYWHERE,), complex=True, mp="2**x",
    text="2^{0}", latex="2^{{{0}}}", level=30, operands=(31,), rule="d 2ᵘ = 2ᵘ·ln 2 du",
)  # fmt: skip
elementwise(
    np.expm1, lambda _y, x: np.exp(x), domain=(EVERYWHERE,), complex=True, mp="expm1(x)",
    rule="d (eᵘ − 1) = eᵘ du",
)  # fmt: skip
elementwise(
    np.log, over(lambda _y, x: x), domain=(ABOVE_ZERO,), complex=True, mp="log(x)",
    latex="\\log", rule="logarithm rule: d log u = du / u",
)  # fmt: skip
elementwise(
    np.log2, over(lambda _y, x: x, 1 / _LN2), domain=(ABOVE_ZERO,), complex=True,
    mp="log(x) / log(2)", text="log₂", latex="\\log_{{2}}", rule="d log₂u = du / (u·ln 2)",
)  # fmt: skip
elementwise(
    np.log10, over(lambda _y, x: x, 1 / _LN10), domain=(ABOVE_ZERO,), complex=True,
    mp="log10(x)", text="log₁₀", latex="\\log_{{10}}", rule="d log₁₀u = du / (u·ln 10)",
)  # fmt: skip
elementwise(
    np.log1p, over(lambda _y, x: 1.0 + x), domain=((-1.0, math.inf),), complex=True,
    mp="log1p(x)", rule="d log(1 + u) = du / (1 + u)",
)  # fmt: skip


def _share(a: Any, b: Any, power: Any, log_base: float) -> Any:
    """Return cᵃ/(cᵃ + cᵇ) from the power that is small; a − b is taken with its rounding error."""
    d = a - b
    z = d - a
    error = (a - (d - z)) - (b + z)
    error = np.where(np.isfinite(error), error, 0.0)
    same = np.logical_and(np.isinf(a), np.equal(a, b))
    d = np.where(same, 0.0, d)
    small = power(-np.abs(d)) * (1.0 - np.copysign(log_base, d) * error)
    return np.where(np.less(d, 0), small, 1.0) / (1.0 + small)


logistic_difference = elementwise(
    None,
    lambda y, a, b: y * logistic_difference(b, a), lambda y, a, b: -y * logistic_difference(b, a),
    name="logistic_difference", value=lambda a, b: _share(a, b, np.exp, 1.0),
    domain=(NEAR_ZERO,) * 2, mp="1 / (1 + exp(y - x))", text="σ({0} − {1})",
    latex="\\sigma\\left({0} - {1}\\right)", level=100, operands=(10, 11),
    rule="logistic rule: d σ(u) = σ(u)·σ(−u) du",
)  # fmt: skip
logistic2_difference = elementwise(
    None,
    lambda y, a, b: _LN2 * y * logistic2_difference(b, a),
    lambda y, a, b: -_LN2 * y * logistic2_difference(b, a),
    name="logistic2_difference", value=lambda a, b: _share(a, b, np.exp2, _LN2),
    domain=(NEAR_ZERO,) * 2, mp="1 / (1 + 2**(y - x))", text="σ₂({0} − {1})",
    latex="\\sigma_2\\left({0} - {1}\\right)", level=100, operands=(10, 11),
    rule="d σ₂(u) = ln 2·σ₂(u)·σ₂(−u) du, where σ₂(u) = 1/(1 + 2⁻ᵘ)",
)  # fmt: skip

elementwise(
    np.logaddexp, lambda _y, a, b: logistic_difference(a, b),
    lambda _y, a, b: logistic_difference(b, a), domain=(NEAR_ZERO,) * 2,
    mp="log(exp(x) + exp(y))", rule="d log(eᵃ + eᵇ) = σ(a − b) da + σ(b − a) db",
)  # fmt: skip
elementwise(
    np.logaddexp2, lambda _y, a, b: logistic2_difference(a, b),
    lambda _y, a, b: logistic2_difference(b, a), domain=(NEAR_ZERO,) * 2,
    mp="log(2**x + 2**y) / log(2)", rule="d log₂(2ᵃ + 2ᵇ) = σ₂(a − b) da + σ₂(b − a) db",
)  # fmt: skip
