"""Which elements of a program's values move with its inputs, and which stand still.

``(X[:, None] - X) / l`` is 0 on its diagonal for every l, so no infinity above it counts. The
numbers of a pass do not tell such a zero from one that is met by chance (l² at 0). So tangents go
forward at *random* values: through every partial as its rule gives it there, through linear
operations by the operation itself. An element whose tangent is exactly 0 has none for any values.
Constants keep theirs: 0 divided by whatever moves stands still, and so does a difference of equals.

A random number replaces a tangent or a partial that is so large or so small that rounding could
make a zero of a sum, and one stands wherever a rule gives none: then more moves than need be.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from ..core.graph import Aval, Node
from ..core.slots import Linear, Partial, reads_of
from ..core.zero import chooses, without
from ..tracing.stacked import constant, every
from ..tracing.tracer import apply


def randoms() -> Any:
    """Return a generator of our own: the program's draws stay as they are."""
    return np.random.Generator(np.random.PCG64(20))


def randomized(s: Any, rng: Any) -> Any:
    """Put a random number wherever `s` is not zero; NaN is not."""
    if s is None:
        return None
    noise = rng.uniform(1.0, 2.0, s.shape)
    if s.dtype.kind == "c":
        noise = noise + 1j * rng.uniform(1.0, 2.0, s.shape)
    return np.where(np.not_equal(s, 0), noise, 0).astype(s.dtype)[()]


def random_values(node: Node, rng: Any, inner: bool, kept: Any = None) -> list[Any]:
    """Return random numbers for the values that depend on the inputs, so that no zero counts.

    Inside the formula of a rule (`inner`) all values do. Of a step that reads none nothing is kept.
    ``kept(parent, value)`` may give other numbers than these.
    """
    primals: list[Any] = []
    held: Any = node.primals
    if held is None:  # they were let go
        held = node.inputs if kept is not None and None not in node.inputs else ()
    for p, parent in zip(held, node.inputs, strict=bool(held)):
        kind = getattr(getattr(p, "dtype", None), "kind", "")
        if (parent is None and not inner) or kind not in ("f", "c"):
            p = constant(p)
        elif kept is not None:
            p = kept(parent, p)
        elif type(p) not in (Aval, Node) or not inner:
            p = randomized(np.ones(p.shape, p.dtype)[()], rng)
        primals.append(p)
    return primals


class Moving:
    """One forward pass of random tangents over recorded nodes, as far as it is asked.

    `seeds` are the tangents of those inputs that move; without them all inputs do.
    """

    __slots__ = ("coming", "passed", "rng", "tangents", "values", "seeded")

    def __init__(self, nodes: Iterable[Node], seeds: dict[Node, Any] | None = None) -> None:
        self.rng = randoms()
        self.coming: Iterator[Node] = iter(nodes)
        self.passed: set[Node] = set()
        self.values: dict[Node, Any] = {}
        self.seeded = seeds is not None
        self.tangents = {n: randomized(t, self.rng) for n, t in (seeds or {}).items()}

    def inputs_of(self, node: Node) -> list[Any]:
        """Return, for each input of a node, what is 0 where it stands still; None is not known."""
        while node not in self.passed:
            at = next(self.coming, None)
            if at is None:
                break
            self.passed.add(at)
            found = self._pushed(at, self._arriving(at))
            if found is not None:
                self.tangents[at] = found
        return self._arriving(node)

    def _arriving(self, node: Node) -> list[Any]:
        if not self.seeded:
            for n in node.inputs:
                if n is not None and n.op is None and n not in self.tangents:
                    self.tangents[n] = self._random(n)
        return [None if n is None else self.tangents.get(n) for n in node.inputs]

    def value(self, parent: Node, value: Any, depth: int = 0) -> Any:
        """Return a random value, the same wherever it is read; what stands still has its own."""
        known = self.values.get(parent)
        if known is None:
            t = self.tangents.get(parent)
            if type(value) in (Aval, Node):
                known = self._made(parent, depth)
            else:
                known = self._random(value)
                if t is not None:
                    still = np.equal(t, 0)
                    some = np.any(every(still))
                    known = np.where(still, constant(value), known) if some else known
            self.values[parent] = known
        return known

    def _made(self, node: Node, depth: int) -> Any:
        """Return random numbers for a value that was let go, with the zeros that it has anyhow.

        They are those of an op that is linear, but for a constant, in each of its arguments: what
        else is 0 for random numbers need not be so here.
        """
        op: Any = node.op
        held: Any = node.primals
        if held is None and None not in node.inputs:
            held = node.inputs
        known = op is not None and node.dtype is not None and held is not None
        if not known or depth > 50 or not _is_affine(node):
            return self._random(node)
        xs = [x if n is None else self.value(n, x, depth + 1)
              for n, x in zip(node.inputs, held, strict=True)]  # fmt: skip
        if any(type(x) in (Aval, Node) for x in xs):
            return self._random(node)
        try:
            with np.errstate(all="ignore"):
                found = apply(op, [*map(constant, xs)], node.params)
        except (ArithmeticError, ValueError, TypeError, IndexError):
            return self._random(node)
        if getattr(found, "shape", None) != node.shape or found.dtype != node.dtype:
            return self._random(node)
        return self._moderate(found)

    def still(self, node: Node) -> Any:
        """Return where the value of a node that was asked for stands still; False: not known."""
        t = self.tangents.get(node)
        return False if t is None or type(t) is list else np.equal(t, 0)

    def still_through(self, node: Node, k: int) -> Any:
        """Return where what argument `k` gives to a node stands still, whatever the others give."""
        ts = self.inputs_of(node)
        if ts[k] is None or not isinstance(node.op.slot(k), Partial):  # type: ignore[union-attr]
            return False
        try:
            with np.errstate(all="ignore"):
                xs = random_values(node, self.rng, False, self.value)
                return np.equal(self._through_partial(node, k, ts[k], xs), 0)
        except (ArithmeticError, ValueError, TypeError, IndexError):
            return False

    def zeros(self, node: Node, j: int) -> Any:
        """Return where a factor is 0 and stands still: as good as a zero that is written there."""
        t = self.inputs_of(node)[j]
        return False if t is None else np.equal(t, 0) & np.equal(constant(node.primals[j]), 0)

    def _random(self, like: Any) -> Any:
        return randomized(np.ones(like.shape, like.dtype)[()], self.rng)

    def _pushed(self, node: Node, ts: list[Any]) -> Any:
        op: Any = node.op
        if op is None:
            return None
        ts = [t if op.flows(k) else None for k, t in enumerate(ts)] if op.indexed else ts
        if all(t is None for t in ts):
            return None
        if op.name == "component":
            part = ts[0][node.params["index"]]
            return np.broadcast_to(part, node.shape).astype(node.dtype)[()]
        try:
            with np.errstate(all="ignore"):
                found = self._pushed_exactly(node, op, ts)
        except (ArithmeticError, ValueError, TypeError, IndexError):  # no values that the op takes
            found = None
        if found is None:
            return self._anything(node, ts)
        if node.dtype is not None and found.dtype != node.dtype:
            real = found.dtype.kind == "c" != node.dtype.kind
            found = (np.real(found) if real else found).astype(node.dtype)[()]
        return self._moderate(found)

    def _pushed_exactly(self, node: Node, op: Any, ts: list[Any]) -> Any:
        xs = random_values(node, self.rng, False, self.value)
        if op.additive:
            return apply(op, [_zero(x) if t is None and op.flows(k) else x if t is None else t
                              for k, (x, t) in enumerate(zip(xs, ts, strict=True))],
                         node.params)  # fmt: skip
        total: Any = np.zeros(node.shape, node.dtype) if node.dtype is not None else None
        for k, t in enumerate(ts):
            slot = op.slot(k)
            if t is None:
                continue
            if isinstance(slot, Partial):
                total = total + self._through_partial(node, k, t, xs)
            elif isinstance(slot, Linear):
                total = total + apply(op, [t if j == k else x for j, x in enumerate(xs)],
                                      node.params)  # fmt: skip
            else:
                return None
        return total

    def _through_partial(self, node: Node, k: int, t: Any, xs: list[Any]) -> Any:
        slot: Any = node.op.slot(k)  # type: ignore[union-attr]
        if slot.constant:
            return t * slot.rule
        rule = slot.whole
        if chooses(node.op, k, lambda j: node.inputs[j] is None):  # type: ignore[arg-type]
            partial = constant(rule(node.output, *node.primals, **node.params))
            return without(np.equal(partial, 0), t, self._moderate(np.multiply(partial, 1.0)))
        partial = constant(rule(self._random(node), *xs, **node.params))
        flat = self._flat(node, rule, partial)
        partial = self._moderate(np.where(flat, 0, np.where(np.equal(partial, 0), 1, partial))[()])
        return without(np.equal(t, 0), t, partial)

    def flat(self, node: Node, k: int, xs: list[Any]) -> Any:
        """Return where the partial in argument `k`, which is a rule, is 0 for any values."""
        rule: Any = node.op.slot(k).whole  # type: ignore[union-attr]
        return self._flat(node, rule, constant(rule(self._random(node), *xs, **node.params)))

    def _flat(self, node: Node, rule: Any, partial: Any) -> Any:
        flat = np.equal(partial, 0)
        if np.any(every(flat)) and not _is_affine(node):
            # a piece of a function that is constant there: is it here?
            if node.primals is None:
                return np.False_
            here = constant(rule(node.output, *node.primals, **node.params))
            flat = np.logical_and(flat, np.equal(here, 0))
        return flat

    def _moderate(self, t: Any) -> Any:
        """Put a random number for what is too large or too small to be summed without loss."""
        if type(t) is list or type(t) is tuple:
            return [self._moderate(part) for part in t]
        least = np.finfo(t.dtype).eps ** 0.25
        size = np.abs(t)
        good = np.logical_or(np.equal(t, 0), np.logical_and(size > least, size < 1 / least))
        return t if np.all(every(good)) else np.where(good, t, self._random(t)).astype(t.dtype)[()]

    def _anything(self, node: Node, ts: list[Any]) -> Any:
        """Return random numbers, if anything arrives at all."""
        alive = any(np.any(every(np.not_equal(t, 0))) for t in ts if t is not None)
        if node.dtype is None:
            return [np.full((), float(alive))[()]] * node.op.outputs  # type: ignore[union-attr]
        return self._random(node) if alive else np.zeros(node.shape, node.dtype)[()]


def _is_affine(node: Node) -> bool:
    """Say whether a step is linear, but for a constant, in each argument that is traced."""
    op: Any = node.op
    for k, parent in enumerate(node.inputs):
        slot = op.slot(k)
        if parent is None:
            continue
        if isinstance(slot, Partial):
            read = reads_of(slot)
            if not slot.constant and (read.output or read.input(k)):
                return False
        elif not isinstance(slot, Linear):
            return False
    return True


def _zero(x: Any) -> Any:
    return np.zeros(x.shape, x.dtype)[()] if hasattr(x, "shape") else x
