"""Greatest and least elements.

All elements that attain the maximum share its gradient equally. Where an element is NaN the
result is NaN, and the NaN elements are the ones that are chosen.
"""

from typing import Any

import numpy as np

from ...core.op import Notation, Op, sample
from ...core.registry import add, alias, composite, declare
from ...core.slots import INDEX, Jvp
from .. import jumps
from ..declare import as_array, deliver
from .reduce import MASK, axes_of, kept, length, masked


def _attains(x: Any, top: Any, axis: tuple[int, ...]) -> Any:
    return np.logical_or(np.equal(x, top), np.not_equal(x, x))


attains = Op(
    "attains", _attains, (INDEX, INDEX), batch="axis", jump=jumps.shared,
    notation=Notation(rule="piecewise constant: nothing flows"),
)  # fmt: skip
add(attains)


def _chosen_jvp(t: Any, y: Any, x: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
    """Return the mean of the tangents of the elements that attain the extreme."""
    top = y if keepdims else np.reshape(y, kept(x.shape, axis))
    chosen = attains(x, top, axis=axis)
    shared = np.sum(chosen, axis=axis, keepdims=keepdims, dtype=x.dtype)
    return np.sum(np.where(chosen, t, 0.0), axis=axis, keepdims=keepdims) / shared


def _chosen_pull(ct: Any, y: Any, x: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
    """Share the cotangent among the elements that attain the extreme."""
    top = y if keepdims else np.reshape(y, kept(x.shape, axis))
    chosen = attains(x, top, axis=axis)
    shared = np.sum(chosen, axis=axis, keepdims=True, dtype=x.dtype)
    return np.where(chosen, np.reshape(ct, shared.shape) / shared, 0.0)


def _extreme(name: str, reduction: Any, latex: str, jump: Any) -> Op:
    return declare(
        Op(
            name,
            lambda x, axis, keepdims: reduction(x, axis=axis, keepdims=keepdims),
            (Jvp(_chosen_jvp, shortcut=_chosen_pull),),
            batch="axis",
            jump=jump,
            notation=Notation(
                f"{name} {{0}}", latex + " {0}", 20, (20,),
                "the chosen element passes the gradient on; equals share it equally",
            ),
            complex=True,
            samples=(
                sample((3,), axis=(0,), keepdims=False),
                sample((2, 3), axis=(1,), keepdims=True),
            ),
        )
    )  # fmt: skip


_max = _extreme("max", np.maximum.reduce, "\\max", jumps.largest)
_min = _extreme("min", np.minimum.reduce, "\\min", jumps.smallest)
_LOWEST = {_max: -np.inf, _min: np.inf}


def _reduced(op: Op, pair: Any, a: Any, axis: Any, keepdims: Any, initial: Any, where: Any) -> Any:
    """Reduce by `op`; `initial` takes part through `pair`, and a mask leaves out by infinities."""
    a = as_array(a)
    axes = axes_of(axis, a.ndim)
    if masked(where):
        if initial is None:
            raise ValueError(
                f"reduction operation '{pair.__name__}' does not have an identity, so to use a "
                "where mask one has to specify 'initial'"
            )
        a = np.where(where, a, a.dtype.type(_LOWEST[op]))
    if initial is None:
        return op(a, axis=axes, keepdims=bool(keepdims))
    if length(a.shape, axes) == 0:
        shape = kept(a.shape, axes)
        shape = shape if keepdims else tuple(n for k, n in enumerate(a.shape) if k not in axes)
        return np.broadcast_to(np.astype(as_array(initial), a.dtype), shape)[()]
    return pair(op(a, axis=axes, keepdims=bool(keepdims)), initial)


_SAMPLES = (
    sample((3, 4)), sample((3, 4), axis=0), sample((2, 3, 4), axis=(0, -1), keepdims=True),
    sample(()), sample((3,), initial=0.5), sample((2, 3), axis=1, where=MASK, initial=0.25),
    sample((2, 3), axis=()), sample((0,), initial=1.0), sample((0, 2), axis=1),
)  # fmt: skip


@composite(np.max, *_SAMPLES)
def max(
    a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, initial: Any = None,
    where: Any = True,
) -> Any:  # fmt: skip
    """Return the greatest element."""
    return deliver(_reduced(_max, np.maximum, a, axis, keepdims, initial, where), out)


@composite(np.min, *_SAMPLES)
def min(
    a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, initial: Any = None,
    where: Any = True,
) -> Any:  # fmt: skip
    """Return the least element."""
    return deliver(_reduced(_min, np.minimum, a, axis, keepdims, initial, where), out)


for _old, _new in ((np.amax, np.max), (np.amin, np.min)):
    if _old is not _new:
        alias(_old, _new)


@composite(np.ptp, sample((3, 4)), sample((3, 4), axis=0), sample((2, 3), axis=1, keepdims=True))
def ptp(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False) -> Any:
    """Return the distance from the least to the greatest element."""
    a = as_array(a)
    high, low = np.max(a, axis=axis, keepdims=keepdims), np.min(a, axis=axis, keepdims=keepdims)
    return deliver(high - low, out)
