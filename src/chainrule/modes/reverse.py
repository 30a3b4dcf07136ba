"""Reverse mode: one short loop over the recording, backward.

Every node's cotangent is finished exactly once, when all its readers, which come later in the
list, have contributed; a value is released with its last reader.

S. Linnainmaa, Taylor expansion of the accumulated rounding error, BIT 16 (1976) 146–160.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.equation import transpose_of
from ..core.graph import Node
from ..core.op import Op
from ..core.settings import ignore, put_back
from ..core.slots import Index, Jvp, Linear, Partial, Vjp
from ..core.zero import chooses, holds_nan, strong_product
from ..errors import singular
from ..tracing.foreign import Foreign, zeros
from ..tracing.running import running
from ..tracing.stacked import every
from ..tracing.tracer import TRACERS
from .cotangents import Cotangents, Doubt, Pass, Piece, arrive, fit, has_nan
from .linear import formula_at
from .support import follow, mend_formula, mend_partial, mend_product, narrowed

__all__ = ["backward", "cotangent_of", "doubting_pulls", "fit", "pull_back", "pulls"]

Pull = Callable[[Any, Node], Any]
Pulls = list[tuple[int, Pull]]


def backward(nodes: Sequence[Node], cotangents: Cotangents, release: bool = False) -> None:
    """Run over `nodes`, last first, and leave in `cotangents` those of the program's inputs.

    With `release` the values of a node are let go once they were read.
    """
    state = Pass(nodes, cotangents, follow)
    before, running.rules = running.rules, len(running.traces)
    errors = ignore()
    try:
        for node in reversed(nodes):
            ct = cotangents.pop(node, None)
            if ct is not None:
                pull_back(node, ct, cotangents, state)
            if release and node.shape:
                if node.op.cache.get(~node.mask) is _EVERYTHING:  # type: ignore[union-attr]
                    node.primals = node.output = None
                else:
                    let_go(node)
    except np.linalg.LinAlgError as error:
        raise singular(node.op.name, error) from error
    finally:
        put_back(errors)
        running.rules = before


def cotangent_of(cotangents: Cotangents, node: Node) -> Any:
    """Return the cotangent that arrived at an input, or zeros."""
    ct = cotangents.get(node)
    return zeros(node.shape, node.dtype, node.output)[()] if ct is None else ct


def pull_back(node: Node, ct: Any, cotangents: Cotangents, state: Pass) -> None:
    """Send the finished cotangent of one node back to its inputs."""
    inputs = node.inputs
    op = node.op
    if op is None:
        return
    if op.store is not None and node.mask & 1 and type(ct) is np.ndarray:
        _pull_back_store(node, ct, cotangents, state)
        return
    for k, pull in op.cache.get(node.mask) or _quick_pulls(node):
        contribution = pull(ct, node)
        if k >= 0:
            parent: Any = inputs[k]
            dtype = parent.dtype
            if dtype is None or contribution is None or contribution.shape != parent.shape or (
                contribution.dtype is not dtype or parent in cotangents
            ):
                arrive(cotangents, parent, contribution, state)
            else:
                cotangents[parent] = contribution
        else:
            for reader, c in zip(inputs, contribution, strict=True):
                if reader is not None:
                    arrive(cotangents, reader, c, state)


def _pull_back_store(node: Node, ct: Any, cotangents: Cotangents, state: Pass) -> None:
    """Pull back through a store: the cotangent of the array is cleared where it was written.

    That happens in its own memory from the second store on, so that a loop which fills an array
    costs what its elements cost.
    """
    own, *others = pulls(node)
    in_place = node in state
    for k, pull in others:
        contribution = pull(ct, node)
        if in_place and type(contribution) is np.ndarray and contribution.base is not None:
            contribution = contribution.copy()
        arrive(cotangents, node.inputs[k], contribution, state)
    if in_place:
        state.discard(node)
        slot: Any = node.op.slot(0)  # type: ignore[union-attr]
        slot.over(ct, *node.primals, **node.params)
    else:
        ct = own[1](ct, node)
    parent: Any = node.inputs[0]
    arrive(cotangents, parent, ct, state)
    if cotangents.get(parent) is ct:
        state.add(parent)


def let_go(node: Node) -> None:
    """Release the values of a node that its support does not need: those that are not choices."""
    op = node.op
    gone = op.cache.get(~node.mask)  # type: ignore[union-attr]
    if gone is None:
        gone = op.cache[~node.mask] = _gone(node)  # type: ignore[union-attr]
    if gone is _EVERYTHING:
        node.primals = node.output = None
    elif gone is not _NOTHING:
        node.output = None
        for k in gone:
            if type(node.primals[k]) is np.ndarray:
                node.primals[k] = node.inputs[k]


_EVERYTHING, _NOTHING = (-1,), (-2,)


def _gone(node: Node) -> tuple[int, ...]:
    """Return which arguments, of those that rules read, a support does not need."""
    op: Any = node.op
    traced = [k for k, n in enumerate(node.inputs) if n is not None]
    slots = [op.slot(k) for k in traced]
    if any(type(s) not in (Partial, Linear, Index) or getattr(s, "selects", 0) for s in slots):
        return _NOTHING
    if any(type(s) is Linear or chooses(op, k, lambda j: node.inputs[j] is None)
           for k, s in zip(traced, slots, strict=True)):  # fmt: skip
        needed = op.needs(node.mask, len(node.inputs)).inputs
        return tuple(k for k in traced if needed[k])
    return _EVERYTHING


def pulls(node: Node) -> Pulls:
    """Return (argument, pull) for every argument of `node` that is traced; −1 stands for all.

    They know one step only, so to them a zero by value is as good as one by structure.
    """
    op = node.op
    if op is None:
        return []
    found = op.cache.get(("pulls", node.mask))
    if found is None:
        derived = doubting_pulls(node)
        found = op.cache["pulls", node.mask] = [(k, _settled(pull)) for k, pull in derived]
    return found


def doubting_pulls(node: Node) -> Pulls:
    """As `pulls`, but where 0·∞ was met they return a `Doubt`, which a pass can mend."""
    return _derive(node.op, node.mask, len(node.inputs)) if node.op is not None else []


def _settled(pull: Pull) -> Pull:
    def settled(ct: Any, node: Node) -> Any:
        found = pull(ct, node)
        if type(found) is list:
            return [c.found if type(c) is Doubt else c for c in found]
        if type(found) is not Doubt:
            return found
        return found.found if found.mend is not mend_partial else strong_product(ct, found.factor)

    return settled


def _quick_pulls(node: Node) -> Pulls:
    """As `pulls`, but they may return a `Piece` or a `Doubt`, and shortcuts are taken."""
    op = node.op
    if op is None:
        return []
    found = [
        (k, _quicker(op.slot(k), k, pull) if k >= 0 else pull)
        for k, pull in _derive(op, node.mask, len(node.inputs))
    ]
    op.cache[node.mask] = found
    return found


def _quicker(slot: Any, k: int, pull: Pull) -> Pull:
    shortcut = getattr(slot, "shortcut", None)
    if shortcut is not None:

        def short(ct: Any, node: Node) -> Any:
            found = shortcut(ct, node.output, *node.primals, **node.params)
            return pull(ct, node) if found is NotImplemented or has_nan(found) else found

        return short
    into = getattr(slot, "into", None)
    if into is None:
        return pull

    def piece(ct: Any, node: Node) -> Any:
        if type(ct) not in _PLAIN or not TRACERS.isdisjoint(map(type, node.primals)):
            return pull(ct, node)
        return Piece(ct, node, into)

    return piece


_PLAIN = frozenset((np.ndarray, np.float64, np.float32, np.complex128, np.complex64))


def _derive(op: Op, mask: int, arity: int) -> Pulls:
    """Derive the pulls of an op: the one place where the kinds of slot part in reverse mode."""
    found: Pulls = []
    joint: list[int] = []
    for k in range(arity):
        slot = op.slot(k)
        if not mask >> k & 1 or isinstance(slot, Index):
            continue
        if isinstance(slot, Partial):
            found.append((k, _pull_partial(slot, k)))
        elif isinstance(slot, Linear) and slot.joint is None:
            found.append((k, _pull_linear(op, slot, k, arity)))
        elif isinstance(slot, Jvp) and not slot.joint:
            found.append((k, _pull_formula(slot, (k,))))
        else:
            joint.append(k)
    if joint:
        found.append((-1, _pull_joint(op.slot(joint[0]), tuple(joint))))
    return found


def _pull_partial(slot: Partial, k: int) -> Pull:
    rule: Any = slot.rule
    if not callable(rule):
        if rule == 1:
            return lambda ct, node: ct
        if rule == -1:
            return lambda ct, node: -ct
        return lambda ct, node: ct * rule if rule else np.zeros_like(ct)

    def pull(ct: Any, node: Node) -> Any:
        partial = rule(node.output, *node.primals, **node.params)
        product = ct * partial
        kind = type(product)
        if kind is np.float64 and product == product:
            return product
        if not holds_nan(held := product if kind is np.ndarray else every(product)):
            return product
        if type(held) is Foreign:  # not known before it is computed
            return strong_product(ct, partial)
        return Doubt(product, ct, node, k, mend_partial, partial)

    return pull


def _pull_linear(op: Op, slot: Linear, k: int, arity: int) -> Pull:
    rule: Any = slot.transpose
    if rule is None:
        equation: Any = slot.equation

        def product(ct: Any, node: Node) -> Any:
            return transpose_of(equation, k, ct, node)

        def pull(ct: Any, node: Node) -> Any:
            found = transpose_of(equation, k, ct, node)
            if holds_nan(found) if type(found) is np.ndarray else has_nan(found):
                return Doubt(found, ct, node, k, mend_product, product)
            return found

        return pull if arity > 1 else product
    if op.additive or sum(map(op.flows, range(arity))) < 2:
        return lambda ct, node: rule(ct, *node.primals, **node.params)

    def guarded(ct: Any, node: Node) -> Any:
        found = rule(ct, *node.primals, **node.params)
        return Doubt(found, ct, node, k, mend_formula, narrow) if has_nan(found) else found

    def careful(ct: Any, node: Node, supports: list[Any], _k: int) -> Any:
        assert slot.narrow is not None
        return slot.narrow(ct, supports[0], *node.primals, **node.params)

    narrow = None if slot.narrow is None else careful
    return guarded


def _pull_formula(slot: Any, which: tuple[int, ...]) -> Pull:
    """Pull back through the recorded formula of a `Jvp`, step by step."""

    def pull(ct: Any, node: Node) -> Any:
        program, values = formula_at(node, slot, which)
        state = Pass()
        cotangents = ct if node.op.outputs else [ct]  # type: ignore[union-attr]
        found = program.transpose(cotangents, values, pull_back, state)
        if state.doubted:
            found = [
                None if c is None else Doubt(c, ct, node, k, mend_formula, careful)
                for k, c in enumerate(found)
            ]
        return found if slot.joint else found[which[0]]

    def careful(ct: Any, node: Node, supports: list[Any], k: int) -> Any:
        cotangents = ct if node.op.outputs else [ct]  # type: ignore[union-attr]
        if slot.narrow is not None:
            node, cotangents, supports = narrowed(node, slot, cotangents, supports)
        program, values = formula_at(node, slot, which)
        state = Pass(follow=follow)
        state.inner = node
        return program.transpose_carefully(cotangents, values, pull_back, state, supports)[k]

    return pull


def _pull_joint(slot: Any, which: tuple[int, ...]) -> Pull:
    if isinstance(slot, Jvp):
        return _pull_formula(slot, which)
    if isinstance(slot, Vjp):
        return _pull_vjp(slot.rule)
    joint: Any = slot.joint
    return lambda ct, node: joint(ct, *node.primals, **node.params)


def _pull_vjp(rule: Any) -> Pull:
    def pull(ct: Any, node: Node) -> Any:
        found = rule(ct, node.output, *node.primals, **node.params)
        return [
            Doubt(c, ct, node, k, mend_formula) if c is not None and has_nan(c) else c
            for k, c in enumerate(found)
        ]

    return pull
