"""Many sweeps over one recording at once: all columns, or all rows, of a Jacobian.

A tangent or a cotangent holds those of all sweeps, the axis of the sweeps in front. What a step does
to them is read off the same slots as in a single sweep: a `Partial` is computed once and multiplied
with all, an index equation gets one more letter, and any other linear operation is applied by the
batch rule of its record. A rule that is a formula runs on the tracers of a batch (`modes.batch`).

Nothing here decides what 0·∞ is: a NaN stays one, and `derived` computes that sweep by itself.
Sweeps do not mix, so the others are right as they are.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ..core.equation import plan, swap
from ..core.graph import Graph, Node
from ..core.op import Op
from ..core.settings import ignore, put_back
from ..core.slots import Index, Linear, Partial
from ..tracing.running import CLOSED, running
from ..tracing.tracer import TRACERS
from .batch import Batch, rule_of
from .cotangents import Doubt, repeated_axes
from .forward import push as push_one
from .reverse import doubting_pulls


class Sweeps:
    """Sweeps over one graph; what they share is computed once: the partials, and who reads what."""

    __slots__ = ("graph", "nodes", "partials", "last", "several", "batch")

    def __init__(self, graph: Graph, nodes: list[Node], several: bool) -> None:
        """Take the `nodes` to visit; with `several` the partials are kept for the next sweep."""
        self.graph, self.nodes, self.several = graph, nodes, several
        self.partials: dict[tuple[Node, int], Any] = {}
        self.batch: Any = None

    def forward(self, tangents: list[Any], size: int, nodes: Iterable[Node] | None = None) -> Any:
        """Push tangents of the inputs (None: zero) to the outputs; None where none arrives."""
        ts = {n: t for n, t in zip(self.graph.inputs, tangents, strict=True) if t is not None}
        with _At(self, size):
            self._push_nodes(ts, size, self.nodes if nodes is None else nodes)
        return [ts.get(o) if type(o) is Node else None for o in self.graph.outputs]

    def _push_nodes(self, ts: dict[Any, Any], size: int, nodes: Iterable[Node]) -> None:
        for node in nodes:
            op: Any = node.op
            here = [ts.get(n) for n in node.inputs]
            if op.indexed:
                here = [t if op.flows(k) else None for k, t in enumerate(here)]
            for t in here:
                if t is not None:
                    break
            else:
                continue
            if op.name == "component":
                t = here[0][node.params["index"]]
            else:
                t = self.push(op, node, here, size)
            if t is not None:
                ts[node] = t

    def push(self, op: Op, node: Node, here: list[Any], size: int) -> Any:
        """Return the tangents of one step."""
        xs, params = node.primals, node.params
        if op.additive:
            args = [_zero(x) if t is None and op.flows(k) else x if t is None else t
                    for k, (x, t) in enumerate(zip(xs, here, strict=True))]  # fmt: skip
            total = rule_of(op)(op, size, args, [t is not None for t in here], params)
            return total if op.outputs else _like(total, node, size)
        total = None
        for k, t in enumerate(here):
            if t is None:
                continue
            slot = op.slot(k)
            if type(slot) is Partial:
                term = self._times_partial(slot, k, t, node, len(node.shape))
            elif type(slot) is Linear and not op.outputs:
                args = list(xs)
                args[k] = t
                term = rule_of(op)(op, size, args, [j == k for j in range(len(xs))], params)
            else:
                return self._push_formula(op, node, here, size)
            total = term if total is None else total + term
        return _like(total, node, size)

    def _times_partial(self, slot: Partial, k: int, t: Any, node: Node, ndim: int) -> Any:
        """Multiply with the partial, whose axes are those of one sweep."""
        rule: Any = slot.rule
        if t.ndim <= ndim and (missing := ndim + 1 - t.ndim):
            t = np.reshape(t, (t.shape[0], *(1,) * missing, *t.shape[1:]))
        if not callable(rule):
            return t if rule == 1 else t * rule if rule else np.zeros_like(t)
        partial = self.partials.get((node, k))
        if partial is None:
            y = node.output if node.output is not None else node
            partial = rule(y, *node.primals, **node.params)
            if self.several:
                self.partials[node, k] = partial
        return t * partial

    def _push_formula(self, op: Op, node: Node, here: list[Any], size: int) -> Any:
        """Push by the rule itself, on tracers of a batch; a user's rule sees one sweep at a time."""
        y = node.output if node.output is not None else node
        if not op.closed:
            rows = [
                push_one(op, y, node.primals, [None if t is None else t[i] for t in here],
                         node.params, _UNKNOWN)
                for i in range(size)
            ]  # fmt: skip
            if op.outputs:
                return tuple(np.stack(column) for column in zip(*rows, strict=True))
            return np.stack(rows)
        ts = [None if t is None else self.lifted(t) for t in here]
        found = push_one(op, y, node.primals, ts, node.params, _UNKNOWN)
        if op.outputs:
            return tuple(None if t is None else self.landed(t, size) for t in found)
        return None if found is None else _like(self.landed(found, size), node, size)

    def lifted(self, data: Any) -> Any:
        """Return a tracer that looks like the value of one sweep."""
        return self.batch.lift(data)

    def landed(self, found: Any, size: int) -> Any:
        """Return what a tracer of the batch holds; what does not depend on the sweep is repeated."""
        if type(found) in TRACERS and found.cr_owner is self.batch:
            return found.cr_value.data
        return np.broadcast_to(found, (size, *np.shape(found)))

    # --- backward ---------------------------------------------------------------------------

    def backward(self, cotangents: dict[Node, Any], size: int) -> list[Any]:
        """Pull cotangents of outputs back to the inputs; None where none arrives."""
        with _At(self, size):
            for node in reversed(self.nodes):
                ct = cotangents.pop(node, None)
                if ct is not None:
                    self.pull_back(node, ct, cotangents, size)
        return [cotangents.get(n) for n in self.graph.inputs]

    def pull_back(self, node: Node, ct: Any, cotangents: dict[Node, Any], size: int) -> None:
        """Send the cotangents of one node back to its inputs."""
        op: Any = node.op
        key = "sweeps", node.mask
        kinds = op.cache.get(key)
        if kinds is None:
            kinds = op.cache[key] = _kinds(node)
        for k, kind, what in kinds:
            if kind is _PARTIAL:
                found = self._times_partial(what, k, ct, node, len(node.shape))
            elif kind is _EQUATION:
                found = _transposed(what, k, ct, node)
            elif not op.closed:
                found = _by_rows(what, ct, node, size, k < 0)
            else:
                found = what(_each(self.lifted, ct), node)
            if k >= 0:
                self._arrive(cotangents, node.inputs[k], found, size)
            else:
                for parent, part in zip(node.inputs, found, strict=True):
                    if parent is not None:
                        self._arrive(cotangents, parent, part, size)

    def _arrive(self, cotangents: dict[Node, Any], parent: Any, found: Any, size: int) -> None:
        if type(found) is Doubt:
            found = found.found
        if found is None:
            return
        if parent.dtype is None:  # several outputs: one cotangent for each
            index, ct = found
            ct = self.landed(ct, size) if type(ct) in TRACERS else ct
            parts = cotangents.setdefault(parent, [None] * parent.op.outputs)
            parts[index] = ct if parts[index] is None else parts[index] + ct
            return
        if type(found) in TRACERS and found.cr_owner is self.batch:
            found = found.cr_value.data
        elif found.ndim == len(parent.shape):  # it is the same for all
            found = self.landed(found, size)
        found = _fit(found, parent, size)
        before = cotangents.get(parent)
        cotangents[parent] = found if before is None else before + found


class _At:
    """The batch of a number of sweeps, open while they run."""

    __slots__ = ("sweeps", "size", "rules", "errors")

    def __init__(self, sweeps: Sweeps, size: int) -> None:
        self.sweeps, self.size = sweeps, size

    def __enter__(self) -> None:
        self.rules, running.rules = running.rules, len(running.traces)
        self.sweeps.batch = batch = Batch(self.size)
        running.traces.append(batch)
        self.errors = ignore()

    def __exit__(self, *_: object) -> None:
        put_back(self.errors)
        batch, self.sweeps.batch = self.sweeps.batch, None
        batch.state = CLOSED
        running.traces.remove(batch)
        running.rules = self.rules


class _Unknown:
    """A pass that knows nothing of supports: a NaN stays one."""

    place = None

    def supports(self, *_doubt: Any) -> None:
        """Say that the structural zeros are not known."""


_UNKNOWN = _Unknown()
_PARTIAL, _EQUATION, _PULL = "partial", "equation", "pull"
Kind = tuple[int, str, Any]


def _kinds(node: Node) -> list[Kind]:
    """Return how cotangents go to each argument of an op: (argument, kind, slot or pull)."""
    op: Any = node.op
    found: list[Kind] = []
    for k, pull in doubting_pulls(node):
        slot = op.slot(k) if k >= 0 else None
        if type(slot) is Partial:
            found.append((k, _PARTIAL, slot))
        elif type(slot) is Linear and slot.equation is not None:
            found.append((k, _EQUATION, slot.equation))
        else:
            found.append((k, _PULL, pull))
    return found


def _each(lift: Callable[[Any], Any], ct: Any) -> Any:
    return [None if c is None else lift(c) for c in ct] if type(ct) is list else lift(ct)


def _by_rows(pull: Any, ct: Any, node: Node, size: int, joint: bool) -> Any:
    """Pull back by a user's rule, which sees one sweep at a time."""
    rows = []
    for i in range(size):
        found = pull(_each(lambda c, i=i: c[i], ct), node)
        parts = found if joint else [found]
        rows.append([c.found if type(c) is Doubt else c for c in parts])
    columns = []
    for column, parent in zip(zip(*rows, strict=True), node.inputs, strict=False):
        given = [c for c in column if c is not None]
        if joint and (parent is None or not given):
            columns.append(None)
        else:
            columns.append(np.stack([np.zeros_like(given[0]) if c is None else c for c in column]))
    return columns if joint else columns[0]


def _zero(x: Any) -> Any:
    return np.zeros(x.shape, x.dtype) if hasattr(x, "shape") else 0.0


def _like(t: Any, node: Node, size: int) -> Any:
    """Give tangents the shape and dtype of their primal."""
    shape, dtype = (size, *node.shape), node.dtype
    if t.shape != shape:
        missing = len(shape) - t.ndim
        if missing:
            t = np.reshape(t, (t.shape[0], *(1,) * missing, *t.shape[1:]))
        t = np.broadcast_to(t, shape)
    if t.dtype != dtype:
        real = t.dtype.kind == "c" and dtype.kind != "c"
        t = np.real(t).astype(dtype) if real else t.astype(dtype)
    return t


def _fit(ct: Any, like: Node, size: int) -> Any:
    """Sum away broadcast axes of cotangents and return to the dtype of `like`."""
    shape = (size, *like.shape)
    if ct.shape != shape:
        axes = repeated_axes(like.shape, ct.shape[1:])
        if axes is None:
            ct = np.broadcast_to(ct, shape)
        elif axes:
            ct = np.sum(ct, axis=tuple(a + 1 for a in axes))
        if ct.shape != shape:
            ct = np.reshape(ct, shape)
    if ct.dtype != like.dtype:
        if ct.dtype.kind == "c" and like.dtype.kind != "c":
            ct = np.real(ct)
        ct = ct.astype(like.dtype)
    return ct


_plans: dict[Any, Any] = {}


def _transposed(equation: Callable[..., str], k: int, ct: Any, node: Node) -> Any:
    """Pull back through an index equation that has one more letter, of the sweeps."""
    primals, params = node.primals, node.params
    shapes = tuple([np.shape(p) for p in primals])
    key = (equation, k, ct.shape, shapes, *params.items())
    try:
        found = _plans.get(key)
    except TypeError:  # unhashable params
        key, found = None, None
    if found is None:
        text = swap(equation(*shapes, **params), k)
        letter = next(c for c in _LETTERS if c not in text)
        left, right = text.split("->")
        rest = [s for j, s in enumerate(shapes) if j != k]
        found = plan(f"{letter}{left}->{letter}{right}", (ct.shape, *rest),
                     (ct.shape[0], *shapes[k]))  # fmt: skip
        if key is not None:
            if len(_plans) > 4096:
                _plans.clear()
            _plans[key] = found
    return found(ct, *[p for j, p in enumerate(primals) if j != k])


_LETTERS = "zyxwvutsrqponmlkjihgfedcbaZYXWVUTSRQPONMLKJIHGFEDCBA"
