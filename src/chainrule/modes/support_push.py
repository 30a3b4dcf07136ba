"""Supports on their way forward: which zeros of the tangents are structural; see `moving`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.op import Op
from ..core.slots import Linear
from ..core.zero import chooses, without
from ..tracing.stacked import constant, every
from .cotangents import has_nan, nonzero
from .moving import randomized, randoms
from .support import factors, finite, infinite, noted

Tangents = list[Any]


def mend_partial(
    op: Op, k: int, ts: Tangents, factor: Any, over: Any, state: Any
) -> Any:
    """Multiply again, with 0 for the structural zeros of the partial and of the tangent."""
    t, dead = ts[k], np.False_
    partial = factor if over is None else np.divide(factor, over)
    if chooses(op, k, lambda j: ts[j] is None):
        dead = np.equal(constant(partial), 0)
    found = without(dead, t, factor, over)
    if not np.any(np.isnan(every(found))):
        return found
    supports = state.supports(op.name, factors(t, partial))
    if supports is None:
        return found
    dead = np.logical_or(dead, state.still())
    found = without(np.logical_or(dead, np.equal(supports[k], 0)), t, factor, over)
    noted(op, state.place, found, t, partial)
    return found


def mend_product(
    op: Op, k: int, xs: Any, ts: Tangents, term: Any, product: Callable[..., Any], state: Any
) -> Any:
    """Contract again without the infinities that meet structural zeros only."""
    supports = state.supports(op.name, "0 and inf")
    t = ts[k]
    s = np.ones(t.shape, t.dtype)[()] if supports is None else nonzero(supports[k])
    factor = [j != k and isinstance(op.slot(j), Linear) for j in range(len(xs))]
    known = supports or [None] * len(xs)
    live = [_live(x, ts[j], known[j]) if factor[j] else None for j, x in enumerate(xs)]
    weights = [x if m is None else m for x, m in zip(xs, live, strict=True)]
    for j, t_j in enumerate(ts):  # the matrix of a system: any other has an answer, too
        if t_j is not None and j != k and not factor[j] and op.flows(j):
            weights[j] = randomized(_live(xs[j], t_j, None), randoms())
    met = product(s * infinite(t), weights)
    for j, m in enumerate(live):
        if m is not None:
            there = list(weights)
            there[j] = m * infinite(xs[j])
            met = met + product(s, there)
    clean = [x if m is None else finite(x) for x, m in zip(xs, live, strict=True)]
    found = np.where(np.equal(met, 0), product(without(np.equal(s, 0), finite(t)), clean), term)[()]
    if supports is not None and not has_nan(t):  # else it was noted where it arose
        noted(op, state.place, found, 0.0, np.inf)
    return found


def _live(x: Any, t: Any, support: Any) -> Any:
    """Return 0 for the zeros of a factor that are constants, or stand still, else 1."""
    x = constant(x)
    if t is None:
        return nonzero(x)
    if support is None:
        return np.ones(x.shape, x.dtype)[()]
    return nonzero(np.logical_or(np.not_equal(x, 0), np.not_equal(support, 0)).astype(x.dtype))
