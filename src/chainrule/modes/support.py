"""Supports: where a derivative is zero by structure, whatever the numbers are.

0·∞ has no value, unless the zero is structural: a branch not taken, a mask, an element that is not
read or overwritten, an argument that never arrives. The numbers of a pass cannot tell such a zero
from a factor that happens to vanish. So, once a product turns out NaN, random numbers take the way
that the derivatives took: through selections by their choice, through linear operations by their
own transpose, and through any other partial unchanged. Where they arrive as 0, the zero is
structural. (That random numbers cancel has probability 0.)
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.equation import transpose_of
from ..core.graph import Node
from ..core.slots import Index, Jvp, Linear, Partial
from ..core.zero import chooses, without
from ..tracing.running import running
from ..tracing.stacked import Stacked, constant, every
from ..tracing.tracer import TRACERS
from .cotangents import Cotangents, Doubt, Pass, arrive, has_nan, nonzero
from .linear import formula_at
from .moving import random_values, randomized, randoms


def follow(node: Node, found: Any, supports: Cotangents, state: Pass) -> None:
    """Send the support of one node's cotangent back to its inputs."""
    op = node.op
    if op is None:
        return
    rng = randoms()
    s = [randomized(p, rng) for p in found] if type(found) is list else randomized(found, rng)
    moving = state.moves(node)
    kept = None if moving is None else moving.value
    stand_in = _with(node, random_values(node, rng, state.inner is not None, kept))
    joint: dict[Any, list[int]] = {}
    for k, parent in enumerate(node.inputs):
        slot = op.slot(k)
        if parent is None or isinstance(slot, Index):
            continue
        if isinstance(slot, Partial):
            arrive(supports, parent, _through_partial(node, k, s, state, stand_in), state)
        elif isinstance(slot, Linear) and slot.joint is None:
            arrive(supports, parent, _safely(_through_linear, slot, k, s, stand_in, parent), state)
        else:
            joint.setdefault(slot, []).append(k)
    for slot, which in joint.items():
        groups = [which] if getattr(slot, "joint", None) else [[k] for k in which]
        for group in groups:
            back = _through_formula(node, slot, tuple(group), s, stand_in)
            for k in group:
                arrive(supports, node.inputs[k], back[k], state)


def _through_partial(node: Node, k: int, s: Any, state: Pass, stand_in: Node) -> Any:
    slot: Any = node.op.slot(k)  # type: ignore[union-attr]
    if slot.constant:
        return s if slot.rule else None
    if not is_choice(node, k, state):
        return _through_standing(node, k, s, state, stand_in)
    with np.errstate(all="ignore"):
        partial = constant(slot.whole(node.output, *node.primals, **node.params))
    return without(np.equal(partial, 0), s)


def _through_standing(node: Node, k: int, s: Any, state: Pass, stand_in: Node) -> Any:
    """Pull a support back through a partial that is 0 where a factor is 0 and stands still."""
    moving = state.moves(node)
    if moving is None:
        return s
    try:
        with np.errstate(all="ignore"):
            return without(moving.flat(node, k, stand_in.primals), s)
    except (ArithmeticError, ValueError, TypeError, IndexError):  # no values that the rule takes
        return s


def is_choice(node: Node, k: int, state: Pass) -> bool:
    """Say whether a zero in the partial of argument `k` is structural."""
    fixed = state.inner is None
    return chooses(node.op, k, lambda j: fixed and node.inputs[j] is None)  # type: ignore[arg-type]


def _through_linear(slot: Linear, k: int, s: Any, node: Node) -> Any:
    if slot.narrow is not None:
        return slot.narrow(s, s, *node.primals, **node.params)
    if slot.transpose is None:
        equation: Any = slot.equation
        return transpose_of(equation, k, s, node)
    return slot.transpose(s, *node.primals, **node.params)


def _safely(pull: Callable[..., Any], slot: Any, k: int, s: Any, node: Node, parent: Any) -> Any:
    """Pull a support back; where random values are none that the rule can take, all may depend."""
    try:
        with np.errstate(all="ignore"):
            return pull(slot, k, s, node)
    except (ArithmeticError, ValueError, TypeError, IndexError):
        return _full(parent, s)


def _full(parent: Node, *sources: Any) -> Any:
    """Return a support that is 1 everywhere, if anything arrives at all."""
    if any(np.any(every(np.not_equal(s, 0))) for s in sources if s is not None):
        return np.ones(parent.shape, parent.dtype)[()]
    return np.zeros(parent.shape, parent.dtype)[()]


def _through_formula(node: Node, slot: Any, which: tuple[int, ...], s: Any, stand_in: Node) -> Any:
    """Pull a support back through a joint transpose, or through the steps of a formula."""
    sources = s if type(s) is list else [s]
    full = [None if n is None else _full(n, *sources) for n in node.inputs]
    if not any(np.any(every(f)) for f in full if f is not None):
        return full
    try:
        with np.errstate(all="ignore"):
            if isinstance(slot, Linear):
                joint: Any = slot.joint
                return joint(s, *stand_in.primals, **node.params)
            if isinstance(slot, Jvp):
                return _through_program(node, slot, which, sources)
    except (ArithmeticError, ValueError, TypeError, IndexError):
        pass
    return full


def _through_program(node: Node, slot: Jvp, which: tuple[int, ...], sources: list[Any]) -> Any:
    program, values = formula_at(node, slot, which)
    state = Pass()
    state.inner = node
    return program.transpose(sources, [*map(constant, values)], follow, state)


def narrowed(
    node: Node, slot: Jvp, cts: list[Any], supports: list[Any]
) -> tuple[Node, list[Any], list[Any]]:
    """Return a node whose rule is of the used part of its outputs, with that part's cotangents."""
    assert slot.narrow is not None
    found = slot.narrow(*(None if s is None else np.asarray(every(s)) for s in supports))
    if found is None:
        return node, cts, supports
    params, picks = found

    def picked(parts: list[Any]) -> list[Any]:
        return [None if p is None else p[k] for p, k in zip(parts, picks, strict=True)]

    part = Node(node.op, node.inputs, {**node.params, **params}, node.place, node.mask,
                node.primals, node.output, node.shape, node.dtype)  # fmt: skip
    return part, picked(cts), picked(supports)


# --- the mending of contributions that hold a NaN -------------------------------------------


def mend_partial(doubt: Doubt, state: Pass) -> Any:
    """Multiply again, with 0 for the structural zeros; take note of the others."""
    node, k = doubt.node, doubt.k
    factor, over = doubt.factor
    s = state.support(node)
    if s is None:
        return doubt.found
    dead, partial = np.equal(s, 0), factor if over is None else np.divide(factor, over)
    if is_choice(node, k, state):
        dead = np.logical_or(dead, np.equal(constant(partial), 0))
    found = without(dead, doubt.ct, factor, over)
    note(state.inner or node, found, doubt.ct, partial)
    return found


def mend_product(doubt: Doubt, state: Pass) -> Any:
    """Contract again without the infinities that meet structural zeros only."""
    node, k, ct = doubt.node, doubt.k, doubt.ct
    s = state.support(node)
    if s is None:
        return doubt.found
    pull: Any = doubt.factor
    live = [None if j == k else _live(node, j, state) for j in range(len(node.primals))]
    clean = _with(node, [p if j == k else finite(p) for j, p in enumerate(node.primals)])
    weights = _with(node, [p if m is None else m for p, m in zip(node.primals, live, strict=True)])
    s = nonzero(s)
    met = pull(s * infinite(ct), weights)
    for j, m in enumerate(live):
        if m is not None:
            there = list(weights.primals)
            there[j] = m * infinite(node.primals[j])
            met = met + pull(s, _with(node, there))
    found = np.where(np.equal(met, 0), pull(without(np.equal(s, 0), finite(ct)), clean),
                     doubt.found)[()]  # fmt: skip
    if not has_nan(ct):  # else it was noted where it arose
        note(state.inner or node, found, 0.0, np.inf)
    return found


def _with(node: Node, primals: list[Any]) -> Node:
    return Node(node.op, node.inputs, node.params, node.place, node.mask, primals, None,
                node.shape, node.dtype)  # fmt: skip


def _live(node: Node, j: int, state: Pass) -> Any:
    p = constant(node.primals[j])
    if node.inputs[j] is None and state.inner is None:
        return nonzero(p)
    moving = state.moves(node)
    dead = False if moving is None else moving.zeros(node, j)
    return np.where(dead, 0, np.ones(p.shape, p.dtype)).astype(p.dtype)[()]


def finite(a: Any) -> Any:
    """Return `a` with 0 for what is not finite."""
    return np.where(np.isfinite(a), a, 0).astype(a.dtype)[()]


def infinite(a: Any) -> Any:
    """Return 1 where `a` is not finite, else 0."""
    a = constant(a)
    return np.logical_not(np.isfinite(a)).astype(a.dtype)


def mend_formula(doubt: Doubt, state: Pass) -> Any:
    """Go back through the steps of a formula again, with the supports known at each."""
    node = doubt.node
    s = state.support(node)
    if s is None:
        return doubt.found
    sources = s if type(s) is list else [s]
    parent: Any = node.inputs[doubt.k]
    if not np.any(every(_full(parent, *sources))):
        return np.zeros(parent.shape, parent.dtype)[()]
    found = doubt.found
    if doubt.factor is not None:
        found = doubt.factor(doubt.ct, node, sources, doubt.k)
    note(state.inner or node, found, 0.0, np.inf, _cause(node, doubt.k, found, sources))
    return found


def _cause(node: Node, k: int, found: Any, supports: list[Any]) -> str:
    """Say in words why a formula gives a NaN, where its operation knows."""
    cause = getattr(node.op.slot(k), "cause", None)  # type: ignore[union-attr]
    if cause is None or not has_nan(found):
        return ""
    y: Any = node.output
    y = tuple(map(every, y)) if node.op.outputs else every(y)  # type: ignore[union-attr]
    parts = [None if s is None else np.asarray(every(s)) for s in supports]
    return str(cause(parts, y, *map(every, node.primals), **node.params))


def note(node: Node, found: Any, a: Any, b: Any, why: str = "") -> None:
    """Take note of a product that is NaN though one factor is an exact zero."""
    noted(node.op, node.place, found, a, b, why)


def noted(op: Any, place: Any, found: Any, a: Any, b: Any, why: str = "") -> None:
    """As `note`, of an op and its place."""
    bad = np.isnan(every(found)) & (np.equal(every(a), 0) | np.equal(every(b), 0))
    if np.any(bad):
        told: Any = factors(a, b, bad)
        told = (told, why) if why else told
        running.note("indeterminate", op.name, place, told, owner_of(found))


def factors(a: Any, b: Any, where: Any = None) -> str:
    """Write down the two factors at the first place of `where`, else where the product is NaN."""
    a, b = every(a), every(b)
    where = np.isnan(a * b) if where is None else where
    i = np.unravel_index(np.argmax(where), np.shape(where))
    return " and ".join(f"{np.broadcast_to(c, np.shape(where))[i]:.6g}" for c in (a, b))


def owner_of(found: Any) -> Any:
    """Return the outermost trace of a derivative that a value belongs to, if there is one."""
    owner = None
    while type(found) in TRACERS:
        if type(found.cr_value) is not Stacked:
            owner = found.cr_owner
        found = found.cr_value.data if type(found.cr_value) is Stacked else found.cr_value
    return owner
