"""Cotangents on their way back: how contributions arrive, are fitted, and are mended in doubt.

A pull returns the contribution of one path. Two kinds are more than an array: a `Piece` fills a
part of a cotangent only, and a `Doubt` holds a NaN, of which the pass must find out whether a
structural zero stands behind it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np

from ..core.graph import Node
from ..core.zero import holds_nan, without
from ..tracing.foreign import Foreign
from ..tracing.stacked import every
from .moving import Moving

Cotangents = dict[Node, Any]


class Piece:
    """A contribution that fills a part of a cotangent only: it is added into a buffer."""

    __slots__ = ("ct", "node", "into")
    shape = None  # unlike that of any cotangent, so that `arrive` looks closer

    def __init__(self, ct: Any, node: Node, into: Callable[..., Any]) -> None:
        self.ct, self.node, self.into = ct, node, into


class Doubt:
    """A contribution that holds a NaN; ``mend(doubt, pass)`` returns what it is."""

    __slots__ = ("found", "ct", "node", "k", "mend", "factor")
    shape = None

    def __init__(
        self, found: Any, ct: Any, node: Node, k: int, mend: Callable[..., Any], factor: Any = None
    ) -> None:
        self.found, self.ct, self.node, self.k = found, ct, node, k
        self.mend, self.factor = mend, factor


class Pass(set[Node]):
    """One backward pass: the nodes whose cotangent is a buffer made here, which pieces go into.

    When a NaN is met, it follows the supports of the cotangents: random numbers go back through
    `nodes` by ``follow(node, support, supports, pass)``, one step after the other, as far as they
    are asked for. A pass that knows no nodes only remembers that it was in doubt.
    """

    inner: Node | None = None  # the node whose rule it is that the pass runs through
    at: Node | None = None
    coming: Iterator[Node] | None = None
    keys: Mapping[Node, Node] = MappingProxyType({})  # under which other node the table has it
    doubted = False
    moving: Moving | None = None

    def __init__(
        self, nodes: Sequence[Node] = (), seeds: Any = (), follow: Callable[..., None] | None = None
    ) -> None:
        self.nodes, self.follow, self.supports = nodes, follow, dict(seeds)

    def support(self, node: Node) -> Any:
        """Return what is zero exactly where the cotangent of `node` is so by structure, or None.

        `node` comes no later than those that were asked for before.
        """
        if self.follow is None:
            self.doubted = True
            return None
        if self.coming is None:
            self.coming = reversed(self.nodes)
            self.supports = {n: nonzero(c) for n, c in self.supports.items()}
        while self.at is not node:
            if self.at is not None:
                found = self.supports.pop(self.keys.get(self.at, self.at), None)
                if found is not None:
                    self.follow(self.at, found, self.supports, self)
            self.at = next(self.coming)
        return self.supports.get(self.keys.get(node, node))


    def moves(self, node: Node) -> Moving | None:
        """Return what is known of movement up to `node`; the nodes before it hold their values."""
        if self.inner is not None or self.follow is None:
            return None
        if self.moving is None:
            self.moving = Moving(self.nodes)
        self.moving.inputs_of(node)
        return self.moving

    def where_moving(self, node: Node, k: int, ct: Any) -> Any:
        """Return a cotangent with zeros where input `k`, or what it gives the output, stands still.

        Where the output stands still as its arguments cancel (x / x) one of them alone does not.
        """
        found = self.moves(node)
        if found is None:
            return ct
        still = found.still(node.inputs[k])  # type: ignore[arg-type]
        still = np.logical_or(still, found.still_through(node, k))
        return without(still, ct).astype(ct.dtype)[()]


def has_nan(value: Any) -> bool:
    """Say whether a value is known to hold a NaN, under whatever tracers."""
    held = every(value)
    return type(held) is not Foreign and holds_nan(held)


def nonzero(c: Any) -> Any:
    """Return 1 where a cotangent is not zero, else 0; of several outputs one for each."""
    if c is None or type(c) is list:
        return None if c is None else [nonzero(part) for part in c]
    return np.not_equal(c, 0).astype(c.dtype)


def arrive(cotangents: Cotangents, parent: Any, contribution: Any, state: Pass) -> None:
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
            _add_piece(cotangents, parent, contribution, state)
            return
        if type(contribution) is Doubt:
            doubt, contribution = contribution, contribution.mend(contribution, state)
            if has_nan(contribution):
                contribution = state.where_moving(doubt.node, doubt.k, contribution)
        contribution = fit(contribution, parent)
    before = cotangents.get(parent)
    cotangents[parent] = contribution if before is None else before + contribution


def _add_piece(cotangents: Cotangents, parent: Node, piece: Piece, owned: Pass) -> None:
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
