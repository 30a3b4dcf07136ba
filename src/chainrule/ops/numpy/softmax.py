"""Log-sum-exp and softmax, stable: exponentials are taken of differences to the greatest element.

SciPy writes these as Python functions that NumPy's protocols do not reach; the records stand
behind them in the registry, and the door that looks there calls them.
"""

from typing import Any

import numpy as np
from scipy import special

from ...core.op import Const, Notation, Op, sample
from ...core.registry import add, composite, declare
from ...core.slots import INDEX, Jvp
from ...errors import UnsupportedFunctionError
from ..declare import as_array
from .reduce import axes_of


def _sum(x: Any, axis: tuple[int, ...]) -> Any:
    return np.sum(x, axis=axis, keepdims=True)


def _exp_share(a: Any, *b: Any, axis: tuple[int, ...]) -> Any:
    """Return eᵃ/Σ b·eᵃ along `axis`; infinite elements share among themselves, −∞ gets 0."""
    weight = b[0] if b else 1.0
    level = np.where(np.equal(weight, 0), -np.inf, np.real(a))
    top = np.max(level, axis=axis, keepdims=True, initial=-np.inf)
    top = np.where(top == -np.inf, 0.0, top)
    e = np.where(np.equal(top, np.inf), np.equal(level, np.inf), np.exp(a - top))
    total = _sum(_weighted(e, *b), axis)
    return np.astype(as_array(e / np.where(total == 0, 1.0, total)), a.dtype, copy=False)[()]


def _weighted(u: Any, *b: Any) -> Any:
    """Return b·u, where a weight of 0 leaves out even an infinite element."""
    if not b:
        return u
    return b[0] * np.where(np.logical_and(np.equal(b[0], 0), np.isinf(u)), 0.0, u)


def _share_in_a(t: Any, u: Any, _a: Any, *b: Any, axis: tuple[int, ...]) -> Any:
    mean = _sum(_weighted(u, *b) * t, axis)
    return u * (t - mean)


def _share_in_b(t: Any, u: Any, _a: Any, _b: Any, axis: tuple[int, ...]) -> Any:
    return -u * _sum(u * t, axis)


exp_share = Op(
    "exp_share",
    _exp_share,
    (Jvp(_share_in_a), Jvp(_share_in_b)),
    batch="axis",
    variadic=True,
    notation=Notation(rule="d u = u·(dx − Σ b·u·dx) − u·Σ u·db"),
    samples=(
        sample((2, 3), axis=(1,)), sample((4,), axis=(0,)), sample((2, 3), (2, 3), axis=(0, 1)),
    ),
    domain=((-3.0, 3.0), (0.3, 2.0)),
)  # fmt: skip
add(exp_share)


def _logsumexp(a: Any, *b: Any, axis: tuple[int, ...], keepdims: bool, signed: bool) -> Any:
    weight = b[0] if b else None
    result = special.logsumexp(a, axis=axis, b=weight, keepdims=keepdims, return_sign=signed)
    return result[0] if signed else result


def _lse_in_a(
    t: Any, _y: Any, a: Any, *b: Any, axis: tuple[int, ...], keepdims: bool, signed: bool
) -> Any:
    """Return the mean of the tangents under softmax weights."""
    share = exp_share(a, *b, axis=axis)
    return np.sum(_weighted(share, *b) * t, axis=axis, keepdims=keepdims)


def _lse_in_b(
    t: Any, _y: Any, a: Any, b: Any, axis: tuple[int, ...], keepdims: bool, signed: bool
) -> Any:
    return np.sum(exp_share(a, b, axis=axis) * t, axis=axis, keepdims=keepdims)


_lse = Op(
    "logsumexp",
    _logsumexp,
    (Jvp(_lse_in_a), Jvp(_lse_in_b)),
    batch="axis",
    variadic=True,
    notation=Notation(
        "logsumexp({0})", "\\operatorname{{logsumexp}}\\left({0}\\right)", 100, (0,),
        "log-sum-exp passes its gradient on in the proportions of softmax",
    ),
    domain=((-3.0, 3.0), (0.3, 2.0)),
    samples=(
        sample((2, 3), axis=(1,), keepdims=False, signed=False),
        sample((2, 3), (2, 3), axis=(0, 1), keepdims=True, signed=True),
    ),
)  # fmt: skip
add(_lse)
_lse_sign = Op(
    "logsumexp_sign",
    lambda a, b, axis, keepdims: special.logsumexp(
        a, axis=axis, b=b, keepdims=keepdims, return_sign=True
    )[1],
    (INDEX, INDEX),
    batch="axis",
)
add(_lse_sign)


@composite(
    special.logsumexp, sample((4,)), sample((2, 3), axis=0), sample((2, 3), axis=(0, 1)),
    sample((2, 3), axis=1, keepdims=True), sample(()), sample((2, 3), Const(1), (3,)),
    sample((3,), b=np.array([2.0, -0.5, 0.0]), return_sign=True), sample((2, 3), b=2.0),
    domain=((-3.0, 3.0), (0.3, 2.0), (0.3, 2.0)),
)  # fmt: skip
def logsumexp(
    a: Any, axis: Any = None, b: Any = None, keepdims: bool = False, return_sign: bool = False
) -> Any:
    """Return log Σ b·eᵃ; with `return_sign` of its absolute value, and the sign beside it."""
    a = as_array(a)
    a = np.reshape(a, (1,)) if a.ndim == 0 and b is None else a
    parts = (a,)
    if b is not None:
        b = a.dtype.type(b) if type(b) in (int, float) else as_array(b)
        shape = np.broadcast_shapes(a.shape, b.shape) or (1,)
        parts = (np.broadcast_to(a, shape), np.broadcast_to(b, shape))
    axes = axes_of(axis, parts[0].ndim)
    y = _lse(*parts, axis=axes, keepdims=bool(keepdims), signed=bool(return_sign))
    if not return_sign:
        return y
    if y.dtype.kind == "c" or parts[0].dtype.kind == "c":
        raise UnsupportedFunctionError(
            "scipy.special.logsumexp(return_sign=True) has no rule for complex numbers",
            cure="leave return_sign out: the complex result holds the phase",
        )
    weight = parts[1] if b is not None else None
    return y, _lse_sign(parts[0], weight, axis=axes, keepdims=bool(keepdims))


def _bind_axis(x: Any, axis: Any = None) -> Any:
    x = as_array(x)
    return (x,), {"axis": axes_of(axis, x.ndim)}


def _softmax_jvp(t: Any, y: Any, _x: Any, axis: tuple[int, ...]) -> Any:
    return y * (t - _sum(y * t, axis))


def _log_softmax_jvp(t: Any, y: Any, _x: Any, axis: tuple[int, ...]) -> Any:
    return t - _sum(np.exp(y) * t, axis)


_SAMPLES = (
    sample((4,)), sample((2, 3), axis=0), sample((2, 3), axis=-1), sample((2, 3), axis=(0, 1)),
    sample(()), sample((3, 1), axis=1),
)  # fmt: skip
softmax = declare(
    Op(
        "softmax",
        lambda x, axis: special.softmax(x, axis=axis),
        (Jvp(_softmax_jvp),),
        bind=_bind_axis,
        batch="axis",
        function=special.softmax,
        notation=Notation(rule="d s = s·(du − Σ s·du)"),
        samples=_SAMPLES,
    )
)
log_softmax = declare(
    Op(
        "log_softmax",
        lambda x, axis: special.log_softmax(x, axis=axis),
        (Jvp(_log_softmax_jvp),),
        bind=_bind_axis,
        batch="axis",
        function=special.log_softmax,
        notation=Notation(rule="d log s = du − Σ s·du"),
        samples=_SAMPLES,
    )
)
