"""Reverse mode: one short loop over the recording, backward.

Every node's cotangent is finished exactly once, when all its readers, which come later in the
list, have contributed; a value is released with its last reader.

S. Linnainmaa, Taylor expansion of the accumulated rounding error, BIT 16 (1976) 146–160.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from ..core.equation import transpose_of
from ..core.graph import Node
from ..core.op import Op
from ..core.slots import Index, Jvp, Linear, Partial, Vjp
from ..core.zero import holds_nan, strong_product
from ..tracing.foreign import zeros
from ..tracing.running import running
from ..tracing.stacked import every
from ..tracing.tracer import TRACERS
from .linear import transposed_jvp

Pull = Callable[[Any, Node], Any]
Pulls = list[tuple[int, Pull]]


class Piece:
    """A contribution that fills a part of a cotangent only: it is added into a buffer."""

    __slots__ = ("ct", "node", "into")
    shape = None  # unlike that of any cotangent, so that `_arrive` looks closer

    def __init__(self, ct: Any, node: Node, into: Callable[..., Any]) -> None:
        self.ct, self.node, self.into = ct, node, into


def backward(nodes: Iterator[Node], cotangents: dict[Node, Any]) -> None:
    """Run over `nodes` (last first) and leave in `cotangents` those of the program's inputs."""
    owned: set[Node] = set()  # whose cotangent is a buffer made here, which pieces are added into
    before, running.rules = running.rules, len(running.traces)
    try:
        with np.errstate(all="ignore"):
            for node in nodes:
                ct = cotangents.pop(node, None)
                if ct is None:
                    continue
                pull_back(node, ct, cotangents, owned)
    finally:
        running.rules = before


def cotangent_of(cotangents: dict[Node, Any], node: Node) -> Any:
    """Return the cotangent that arrived at an input, or zeros."""
    ct = cotangents.get(node)
    return zeros(node.shape, node.dtype, node.output)[()] if ct is None else ct


def pull_back(node: Node, ct: Any, cotangents: dict[Node, Any], owned: set[Node]) -> None:
    """Send the finished cotangent of one node back to its inputs."""
    inputs = node.inputs
    op = node.op
    derived = None if op is None else op.cache.get(node.mask)
    if op is not None and op.store is not None and node.mask & 1 and type(ct) is np.ndarray:
        _pull_back_store(node, ct, cotangents, owned)
        return
    for k, pull in derived or _quick_pulls(node):
        contribution = pull(ct, node)
        if k >= 0:
            _arrive(cotangents, inputs[k], contribution, owned)
        else:
            for parent, c in zip(inputs, contribution, strict=True):
                if parent is not None:
                    _arrive(cotangents, parent, c, owned)


def _pull_back_store(
    node: Node, ct: Any, cotangents: dict[Node, Any], owned: set[Node]
) -> None:
    """Pull back through a store: the cotangent of the array is cleared where it was written.

    That happens in its own memory from the second store on, so that a loop which fills an array
    costs what its elements cost.
    """
    own, *others = pulls(node)
    in_place = node in owned
    for k, pull in others:
        contribution = pull(ct, node)
        if in_place and type(contribution) is np.ndarray and contribution.base is not None:
            contribution = contribution.copy()
        _arrive(cotangents, node.inputs[k], contribution, owned)
    if in_place:
        owned.discard(node)
        slot: Any = node.op.slot(0)  # type: ignore[union-attr]
        slot.over(ct, *node.primals, **node.params)
    else:
        ct = own[1](ct, node)
    parent: Any = node.inputs[0]
    _arrive(cotangents, parent, ct, owned)
    if cotangents.get(parent) is ct:
        owned.add(parent)


def _arrive(cotangents: dict[Node, Any], parent: Any, contribution: Any, owned: set[Node]) -> None:
    """Add one path's contribution to the cotangent of `parent`."""
    if contribution is None:
        return
    if parent.dtype is None:  # several outputs: one cotangent for each
        index, ct = contribution
        parts = cotangents.setdefault(parent, [None] * parent.op.outputs)
        parts[index] = ct if parts[index] is None else parts[index] + ct
        return
    if contribution.shape != parent.shape or contribution.dtype is not parent.dtype:
        if type(contribution) is Piece:
            _add_piece(cotangents, parent, contribution, owned)
            return
        contribution = fit(contribution, parent)
    before = cotangents.get(parent)
    cotangents[parent] = contribution if before is None else before + contribution


def _add_piece(
    cotangents: dict[Node, Any], parent: Node, piece: Piece, owned: set[Node]
) -> None:
    """Add a part of a cotangent in place; the first one makes the buffer."""
    node, buffer = piece.node, cotangents.get(parent)
    if parent not in owned or type(buffer) is not np.ndarray:
        if buffer is None:
            buffer = np.zeros(parent.shape, parent.dtype)
        elif type(buffer) is np.ndarray:
            buffer = buffer.copy()
        else:
            rest, buffer = buffer, np.zeros(parent.shape, parent.dtype)
            piece.into(buffer, piece.ct, *node.primals, **node.params)
            cotangents[parent] = rest + buffer
            return
        cotangents[parent] = buffer
        owned.add(parent)
    piece.into(buffer, piece.ct, *node.primals, **node.params)


def fit(ct: Any, like: Any) -> Any:
    """Sum away broadcast axes and return to the dtype of `like`: a real input has a real gradient.

    A cotangent of a real input is the real part, since then Re(ȳ·J·ẋ) = Re(ȳ·J)·ẋ.
    """
    if ct.shape != like.shape:
        ct = unbroadcast(ct, like.shape)
    if ct.dtype != like.dtype:
        if ct.dtype.kind == "c" and like.dtype.kind != "c":
            ct = np.real(ct)
        if ct.dtype != like.dtype:
            ct = ct.astype(like.dtype)
    return ct


def unbroadcast(ct: Any, shape: tuple[int, ...]) -> Any:
    """Sum `ct` over the axes along which an array of `shape` was repeated."""
    axes = repeated_axes(shape, ct.shape)
    if axes is None:
        return np.broadcast_to(ct, shape)
    if axes:
        ct = np.add.reduce(ct, axis=axes) if type(ct) is np.ndarray else np.sum(ct, axis=axes)
    return ct if ct.shape == shape else ct.reshape(shape)


@lru_cache(maxsize=4096)
def repeated_axes(shape: tuple[int, ...], into: tuple[int, ...]) -> tuple[int, ...] | None:
    """Return the axes of `into` along which `shape` is repeated; None if it does not fit."""
    extra = len(into) - len(shape)
    if extra < 0 or any(n not in (1, m) for n, m in zip(shape, into[extra:], strict=True)):
        return None
    return tuple(range(extra)) + tuple(
        i + extra for i, n in enumerate(shape) if n == 1 and into[i + extra] != 1
    )


def pulls(node: Node) -> Pulls:
    """Return (argument, pull) for every argument of `node` that is traced; −1 stands for all."""
    op = node.op
    if op is None:
        return []
    found = op.cache.get(("pulls", node.mask))
    if found is None:
        found = op.cache["pulls", node.mask] = _derive(op, node.mask, len(node.inputs))
    return found  # type: ignore[no-any-return]


def _quick_pulls(node: Node) -> Pulls:
    """As `pulls`, except that a pull may return a `Piece`, and that shortcuts are taken."""
    if node.op is None:
        return []
    found = [
        (k, _quicker(node.op.slot(k), pull) if k >= 0 else pull) for k, pull in pulls(node)
    ]
    node.op.cache[node.mask] = found
    return found


def _quicker(slot: Any, pull: Pull) -> Pull:
    shortcut = getattr(slot, "shortcut", None)
    if shortcut is not None:
        return lambda ct, node: shortcut(ct, node.output, *node.primals, **node.params)
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
            found.append((k, _pull_partial(slot)))
        elif isinstance(slot, Linear) and slot.joint is None:
            found.append((k, _pull_linear(slot, k)))
        elif isinstance(slot, Jvp) and not slot.joint:
            found.append((k, transposed_jvp(slot, (k,), pull_back)))
        else:
            joint.append(k)
    if joint:
        found.append((-1, _pull_joint(op.slot(joint[0]), tuple(joint))))
    return found


def _pull_partial(slot: Partial) -> Pull:
    rule: Any = slot.rule
    if not callable(rule):
        if rule == 1:
            return lambda ct, node: ct
        if rule == -1:
            return lambda ct, node: -ct
        return lambda ct, node: ct * rule

    def pull(ct: Any, node: Node) -> Any:
        partial = rule(node.output, *node.primals, **node.params)
        product = ct * partial
        if type(product) is np.float64 and product == product:
            return product
        return strong_product(ct, partial) if holds_nan(every(product)) else product

    return pull


def _pull_linear(slot: Linear, k: int) -> Pull:
    rule: Any = slot.transpose
    if rule is None:
        equation: Any = slot.equation
        return lambda ct, node: transpose_of(equation, k, ct, node)
    return lambda ct, node: rule(ct, *node.primals, **node.params)


def _pull_joint(slot: Any, which: tuple[int, ...]) -> Pull:
    if isinstance(slot, Jvp):
        return transposed_jvp(slot, which, pull_back)
    if isinstance(slot, Vjp):
        rule = slot.rule
        return lambda ct, node: rule(ct, node.output, *node.primals, **node.params)
    joint: Any = slot.joint
    return lambda ct, node: joint(ct, *node.primals, **node.params)
