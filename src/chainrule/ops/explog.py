"""Exponentials and logarithms."""

import math
from typing import Any

import numpy as np

from .arithmetic import POSITIVE
from .declare import elementwise

_LN2, _LN10 = math.log(2), math.log(10)

elementwise(np.exp, lambda y, _x: y, complex=True, mp="exp(x)", latex="\\exp", rule="d eᵘ = eᵘ du")
elementwise(
    np.exp2, lambda y, _x: y * _LN2, complex=True, mp="2**x",
    text="2^{0}", latex="2^{{{0}}}", level=30, operands=(31,), rule="d 2ᵘ = 2ᵘ·ln 2 du",
)  # fmt: skip
elementwise(
    np.expm1, lambda _y, x: np.exp(x), complex=True, mp="expm1(x)", rule="d (eᵘ − 1) = eᵘ du"
)
elementwise(
    np.log, lambda _y, x: np.reciprocal(x), domain=(POSITIVE,), complex=True, mp="log(x)",
    latex="\\log", rule="logarithm rule: d log u = du / u",
)  # fmt: skip
elementwise(
    np.log2, lambda _y, x: np.reciprocal(x) * (1 / _LN2), domain=(POSITIVE,), complex=True,
    mp="log(x) / log(2)", text="log₂", latex="\\log_{{2}}", rule="d log₂u = du / (u·ln 2)",
)  # fmt: skip
elementwise(
    np.log10, lambda _y, x: np.reciprocal(x) * (1 / _LN10), domain=(POSITIVE,), complex=True,
    mp="log10(x)", text="log₁₀", latex="\\log_{{10}}", rule="d log₁₀u = du / (u·ln 10)",
)  # fmt: skip
elementwise(
    np.log1p, lambda _y, x: np.reciprocal(1.0 + x), domain=((-0.95, 3.0),), complex=True,
    mp="log1p(x)", rule="d log(1 + u) = du / (1 + u)",
)  # fmt: skip


def _logistic(x: Any) -> Any:
    """1/(1 + e⁻ˣ), from the side on which the exponential is small."""
    small = np.exp(-np.abs(x))
    return np.where(np.less(x, 0), small, 1.0) / (1.0 + small)


logistic = elementwise(
    None, lambda y, x: y * logistic(-x), name="logistic", value=_logistic, mp="1 / (1 + exp(-x))",
    text="σ", latex="\\sigma", rule="logistic rule: d σ(u) = σ(u)·σ(−u) du",
)  # fmt: skip


def _lead(a: Any, b: Any) -> Any:
    """Return a − b, and 0 where both are the same infinity."""
    return np.where(np.logical_and(np.isinf(a), np.equal(a, b)), 0.0, a - b)


elementwise(
    np.logaddexp, lambda _y, a, b: logistic(_lead(a, b)), lambda _y, a, b: logistic(_lead(b, a)),
    mp="log(exp(x) + exp(y))",
    rule="d log(eᵃ + eᵇ) = σ(a − b) da + σ(b − a) db",
)  # fmt: skip
elementwise(
    np.logaddexp2, lambda _y, a, b: logistic(_LN2 * _lead(a, b)),
    lambda _y, a, b: logistic(_LN2 * _lead(b, a)), mp="log(2**x + 2**y) / log(2)",
    rule="d log₂(2ᵃ + 2ᵇ) = σ(ln 2·(a − b)) da + σ(ln 2·(b − a)) db",
)  # fmt: skip
