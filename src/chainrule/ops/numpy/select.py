"""Choices between values: maximum, minimum, clip, absolute value, sign.

At a tie the arguments share the gradient equally; |x| and sign have derivative 0 at 0.
"""

from typing import Any

import numpy as np

from ...core.op import Const, sample
from ...core.registry import composite
from ...errors import UnsupportedFunctionError
from .. import jumps
from ..declare import as_array, constant, deliver, elementwise, operand
from .complexes import complex_of
from .own_python import traced

_TIES = "the chosen argument passes the gradient on; a tie shares it equally"


def _half(a: Any, b: Any) -> Any:
    """½ in the dtype of the arguments; a Python number has none of its own."""
    kinds = [x.dtype for x in (a, b) if hasattr(x, "dtype")]
    kind = kinds[0] if len(set(kinds)) == 1 else np.result_type(*kinds)
    return kind.type(0.5)


def _wins(a: Any, b: Any, better: Any, also: Any) -> Any:
    """1 where `a` is chosen, ½ at a tie, else 0."""
    return np.where(np.equal(a, b), _half(a, b), np.logical_or(better(a, b), also))


def _nan_only(a: Any, b: Any) -> Any:
    """Where `a` is NaN and `b` is a number."""
    return np.logical_and(np.isnan(a), np.logical_not(np.isnan(b)))


def _choose(ufunc: Any, better: Any, keeps_nan: bool, **data: Any) -> None:
    """Declare a choice of two; a NaN is always chosen (the first of two), or never."""

    def first(_y: Any, a: Any, b: Any) -> Any:
        return _wins(a, b, better, np.isnan(a) if keeps_nan else np.isnan(b))

    def second(_y: Any, a: Any, b: Any) -> Any:
        return _wins(b, a, better, _nan_only(b, a) if keeps_nan else _nan_only(a, b))

    elementwise(
        ufunc, first, second, rule=_TIES, selects=True, jump=jumps.when_equal, **data
    )


_choose(np.maximum, np.greater, True, latex="\\max")
_choose(np.minimum, np.less, True, latex="\\min")
_choose(np.fmax, np.greater, False)
_choose(np.fmin, np.less, False)


@composite(
    np.clip, sample((2, 3), Const(-1.0), Const(1.0)), sample((2, 3), Const(None), Const(1.0)),
    sample((2, 3), Const(-1.0), Const(None)), sample((2, 3), min=-1.0, max=0.5),
    sample((2, 3), (3,), Const(np.array([[2.0], [2.5]]))), sample((), Const(0.0), Const(1.0)),
)  # fmt: skip
def clip(
    a: Any, a_min: Any = None, a_max: Any = None, out: Any = None,
    *, min: Any = None, max: Any = None, **other: Any,
) -> Any:  # fmt: skip
    """Limit to an interval: minimum(maximum(a, a_min), a_max), where a bound may be None.

    Where the bounds are one number, so is the result: nothing of it is due to `a`.
    """
    if other:
        raise UnsupportedFunctionError(
            f"np.clip of a traced value does not take {', '.join(other)}",
            cure="write np.minimum(np.maximum(‹a 0›, ‹a_min 1›), ‹a_max 2›) and what else is meant",
        )
    low, high = operand(a_min if min is None else min), operand(a_max if max is None else max)
    a = as_array(a)
    if low is not None and high is not None:
        one = np.equal(low, high)
        if hasattr(one, "cr_owner") or np.any(one):
            a = np.where(one, low, a)
    if low is not None:
        a = np.maximum(a, low)
    if high is not None:
        a = np.minimum(a, high)
    return deliver(np.positive(a) if low is None and high is None else a, out)


def _absolute_slope(_y: Any, x: Any) -> Any:
    """Return sign x; of a complex number conj(x)/|x|, of which the engine takes the real part."""
    if x.dtype.kind != "c":
        return np.sign(x)
    size = np.absolute(x)
    zero = np.equal(size, 0)
    return np.where(zero, 0.0, np.conjugate(x)) / np.where(zero, 1.0, size)


elementwise(
    np.absolute, _absolute_slope, kinks=(0.0,), jump=jumps.at_zero, mp="fabs(x)", text="|{0}|",
    latex="\\left|{0}\\right|", level=90, operands=(0,), rule="d |u| = sign u du, and 0 at 0",
)  # fmt: skip
elementwise(
    np.fabs, lambda _y, x: np.sign(x), kinks=(0.0,), jump=jumps.at_zero, mp="fabs(x)", text="|{0}|",
    latex="\\left|{0}\\right|", level=90, operands=(0,), rule="d |u| = sign u du, and 0 at 0",
)  # fmt: skip


def _real_sign(x: Any) -> Any:
    if x.dtype.kind == "c":
        raise TypeError("this op is the sign of real numbers")
    return np.sign(x)


_sign = constant(
    None, name="sign", value=_real_sign, kinks=(0.0,), mp="sign(x)", batch="elementwise",
    jump=jumps.at_zero,
    samples=(sample((2, 3)), sample(())),
)  # fmt: skip


@composite(np.sign, sample((2, 3)), sample(()))
def sign(x: Any) -> Any:
    """Return −1, 0 or 1, through which nothing flows; of a complex number x/|x|."""
    if x.dtype.kind != "c":
        return _sign(x)
    size = np.absolute(x)
    zero = np.equal(size, 0)
    return np.where(zero, 0.0, x) / np.where(zero, 1.0, size)


elementwise(
    np.copysign,
    lambda _y, a, b: np.sign(a) * np.copysign(1.0, b), 0.0,
    kinks=(0.0,), jump=jumps.at_zero,
    rule="d copysign(a, b) = ± da, as the sign changes or not; 0 at a = 0",
)  # fmt: skip


def _nan_to_num(x: Any, nan: Any, posinf: Any, neginf: Any) -> Any:
    return np.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf)


_finite = elementwise(
    None, lambda _y, x, **_: np.isfinite(x), name="nan_to_num", value=_nan_to_num, samples=(),
    jump=lambda _y, x, *_, **__: bool(np.any(np.isnan(x))),
    rule="finite elements pass the gradient on; what was replaced is constant", selects=True,
)  # fmt: skip


def _replaced(x: Any, nan: Any, posinf: Any, neginf: Any) -> Any:
    """Replace by plain numbers at once, and by traced ones one after the other."""
    options = {"nan": nan, "posinf": posinf, "neginf": neginf}
    others = {k: v for k, v in options.items() if traced(v)}
    result = _finite(x, **options | dict.fromkeys(others, 0.0))[()]
    for name, other in others.items():
        other = np.broadcast_to(np.astype(as_array(other), result.dtype), result.shape)
        result = np.where(_FOUND_BY[name](x), other, result)
    return result


_FOUND_BY = {"nan": np.isnan, "posinf": np.isposinf, "neginf": np.isneginf}


@composite(np.nan_to_num, sample((2, 3)))
def nan_to_num(
    x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None
) -> Any:
    """Replace NaN and infinities by numbers, of which each passes its derivative on."""
    x = as_array(x)
    if x.dtype.kind == "c":
        re, im = (nan_to_num(part, True, nan, posinf, neginf) for part in (np.real(x), np.imag(x)))
        result = complex_of(re, im)
    else:
        result = _replaced(x, nan, posinf, neginf)
    return result if copy else deliver(result, x)
