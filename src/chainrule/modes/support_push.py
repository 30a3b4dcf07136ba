"""Supports on their way forward: which zeros of the tangents are structural; see `support`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.graph import Node
from ..core.op import Op
from ..core.slots import Linear, Partial
from ..core.zero import chooses, without
from ..tracing.stacked import constant, every
from ..tracing.tracer import apply
from .cotangents import has_nan, nonzero
from .support import factors, finite, infinite, noted, random_values, randomized, randoms

Tangents = list[Any]


def follow_push(node: Node, known: dict[Any, Any]) -> Any:
    """Return the support of a node's tangent, given those of earlier nodes."""
    op: Any = node.op
    here: list[Any] = [known.get(n) if n is not None and op.flows(k) else None
                       for k, n in enumerate(node.inputs)]  # fmt: skip
    if all(s is None for s in here):
        return None
    if op.name == "component":
        part = here[0][node.params["index"]]
        return np.broadcast_to(part, node.shape).astype(node.dtype)[()]
    rng = randoms()
    here = [randomized(s, rng) for s in here]
    try:
        with np.errstate(all="ignore"):
            found = _pushed(node, op, here, rng)
    except (ArithmeticError, ValueError, TypeError, IndexError):  # no values that the op takes
        found = None
    return _full(node, here) if found is None else found


def _pushed(node: Node, op: Op, here: Tangents, rng: Any) -> Any:
    primals = random_values(node, rng, False)
    if op.additive:
        zero = [np.zeros(p.shape, p.dtype)[()] if op.flows(k) and hasattr(p, "shape") else p
                for k, p in enumerate(primals)]  # fmt: skip
        return apply(op, [p if s is None else s for p, s in zip(zero, here, strict=True)],
                     node.params)  # fmt: skip
    total: Any = np.zeros(node.shape, node.dtype) if node.dtype is not None else None
    for k, s in enumerate(here):
        slot = op.slot(k)
        if s is None:
            continue
        if isinstance(slot, Partial):
            total = total + _through_partial(node, k, s)
        elif isinstance(slot, Linear):
            total = total + apply(op, [s if j == k else p for j, p in enumerate(primals)],
                                  node.params)  # fmt: skip
        else:
            return None
    return total


def _through_partial(node: Node, k: int, s: Any) -> Any:
    rule: Any = node.op.slot(k).rule  # type: ignore[union-attr]
    if not callable(rule):
        return s if rule else 0
    if not chooses(node.op, k, lambda j: node.inputs[j] is None):  # type: ignore[arg-type]
        return s
    partial = constant(rule(node.output, *node.primals, **node.params))
    return without(np.equal(partial, 0), s)


def _full(node: Node, here: Tangents) -> Any:
    alive = any(np.any(every(np.not_equal(s, 0))) for s in here if s is not None)
    if node.dtype is None:
        return [np.full((), float(alive))[()]] * node.op.outputs  # type: ignore[union-attr]
    return np.full(node.shape, float(alive)).astype(node.dtype)[()]


def mend_partial(
    op: Op, k: int, ts: Tangents, partial: Any, state: Any
) -> Any:
    """Multiply again, with 0 for the structural zeros of the partial and of the tangent."""
    t, dead = ts[k], np.False_
    if chooses(op, k, lambda j: ts[j] is None):
        dead = np.equal(constant(partial), 0)
    found = without(dead, t, partial)
    if not np.any(np.isnan(every(found))):
        return found
    supports = state.supports(op.name, factors(t, partial))
    if supports is None:
        return found
    found = without(np.logical_or(dead, np.equal(supports[k], 0)), t, partial)
    noted(op, state.place, found, t, partial)
    return found


def mend_product(
    op: Op, k: int, xs: Any, ts: Tangents, term: Any, product: Callable[..., Any], state: Any
) -> Any:
    """Contract again without the infinities that meet structural zeros only."""
    supports = state.supports(op.name, "0 and inf")
    t = ts[k]
    s = np.ones(t.shape, t.dtype)[()] if supports is None else nonzero(supports[k])
    live = [None if j == k or not op.flows(j) else _live(x, ts[j]) for j, x in enumerate(xs)]
    weights = [x if m is None else m for x, m in zip(xs, live, strict=True)]
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


def _live(x: Any, t: Any) -> Any:
    x = constant(x)
    return nonzero(x) if t is None else np.ones(x.shape, x.dtype)[()]
