"""Homogeneous functions where their insides would over- or underflow, and they themselves do not.

A length of 1e-170 is a number, its square is not. Where f(s·x) = sᵏ·f(x), the formula of f is run
on x/s, with s the power of two next to the size of x: all digits, and all derivatives, are those of
f.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.op import Notation, Op
from ..core.registry import add
from ..core.slots import INDEX

_SAFE = 0.2  # of the exponents: four products, and thus second derivatives of a cube, have room
_MOST = 1000  # of a scale's exponent: its reciprocal is a number too


def _sizes(x: Any, axis: int | None, least: bool) -> Any:
    """Return the greatest finite size along `axis`, or the least that is not 0; 1 if none is."""
    size = np.abs(np.asarray(x))
    good = np.isfinite(size) & (size > 0)
    found = (np.min if least else np.max)(
        size, axis=axis, keepdims=axis is not None, where=good, initial=np.inf if least else 0.0
    )
    return np.where(np.isfinite(found) & (found > 0), found, 1.0)


def _far(*xs: Any) -> Any:
    """Say whether a number is so great or so small that its powers are not numbers."""
    for x in map(np.asarray, xs):
        if x.dtype.kind not in "fc" or not x.size:
            continue
        low = float(np.finfo(x.dtype).tiny) ** _SAFE
        size = np.abs(x)
        if not (np.max(size) < 1 / low and np.min(size, where=size > 0, initial=1.0) > low):
            return np.True_
    return np.False_


def _far_for_all(op: Op, size: int, xs: Any, _batched: Any, _params: Any) -> Any:
    """Say of all examples whether one is, so that they take the same way."""
    return np.broadcast_to(op(*xs), (size,))


def _power_of_two(*xs: Any, axis: int | None, least: bool) -> Any:
    sizes = [_sizes(x, axis, least) for x in xs]
    size = (np.minimum if least else np.maximum).reduce(np.broadcast_arrays(*sizes))
    kind = np.result_type(np.float16, *(np.asarray(x).real.dtype for x in xs))
    most = min(_MOST, np.finfo(kind).maxexp - 2)
    return np.ldexp(np.ones_like(size, kind), np.clip(np.frexp(size)[1], -most, most))[()]


far = Op(
    "out_of_range", _far, (INDEX,), variadic=True, batch=_far_for_all,
    notation=Notation(rule="nothing flows"),
)  # fmt: skip
power_of_two = Op(
    "power_of_two", _power_of_two, (INDEX,), variadic=True, batch="loop",
    notation=Notation(rule="a constant factor: nothing flows"),
)  # fmt: skip
add(far)
add(power_of_two)


def beyond(*xs: Any) -> bool:
    """Say whether `xs` leave the safe range: no branch of the program, as both ways are one f."""
    found = list(map(_bare, xs))
    return bool(far(*xs) if any(x is None for x in found) else _far(*found))


def _bare(x: Any) -> Any:
    """Return the plain numbers of all examples; None where a recording has to ask for itself."""
    while hasattr(x, "cr_owner"):
        if hasattr(x.cr_owner, "guards"):
            return None
        x = x.cr_value
        x = x.data if hasattr(x, "agreed") else x
    return x


def scaled(
    f: Callable[..., Any], degree: int, *xs: Any, axis: int | None = None, least: bool = False,
    value: Any = None,
) -> Any:  # fmt: skip
    """Return ``f(*xs)``, homogeneous of this degree; of numbers far from 1, by their own scale.

    `axis` is the one that `f` takes away: each row then has its scale. `least` takes the scale of
    the smallest number. A plain `value` that is 0 or no number says that the library's own insides
    leave the range: its formula is then taken as it is.
    """
    if not beyond(*xs):
        return f(*xs)
    if value is not None:
        found = _bare(value)
        found = value if found is None else found
        if not np.all(np.isfinite(found) & np.not_equal(found, 0)):
            return f(*xs)
    scale = power_of_two(*xs, axis=axis, least=least)
    found = f(*(x / scale for x in xs))
    if not degree:
        return found
    return found * (np.squeeze(scale, axis) if np.ndim(scale) > np.ndim(found) else scale)


