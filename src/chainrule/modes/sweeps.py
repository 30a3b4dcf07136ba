"""Many sweeps over one recording at once: all columns, or all rows, of a Jacobian.

A tangent or a cotangent holds those of all sweeps, the axis of the sweeps in front. What a step
does to them is read off the same slots as in a single sweep: a `Partial` is computed once and
multiplied with all, an index equation gets one more letter, and any other linear operation is
applied by the batch rule of its record. A rule that is a formula runs on the tracers of a batch
(`modes.batch`).

Nothing here decides what 0·∞ is: a NaN stays one, and `derived` computes that sweep by itself.
Sweeps do not mix, so the others are right as they are.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.equation import parse, plan, swap
from ..core.graph import Graph, Node
from ..core.op import Op
from ..core.settings import ignore, put_back
from ..core.slots import Linear, Partial, times
from ..ops.numpy.index import fill_index
from ..tracing.running import CLOSED, running
from ..tracing.tracer import TRACERS
from .batch import Batch, rule_of
from .batch_index import Places
from .cotangents import Doubt, repeated_axes
from .forward import push as push_one
from .readers import last_readers
from .reverse import doubting_pulls

Rows = tuple[int, Any]  # the number of the first sweep, and the values from that one on


class Sweeps:
    """Sweeps over one graph; what they share is computed once: the partials, and who reads what."""

    __slots__ = ("graph", "nodes", "last", "partials", "trims", "batch", "owned", "before")

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.nodes: list[Node] = []
        self.last: list[list[Node]] = []
        self.partials: dict[tuple[Node, int], Any] | None = None
        self.trims = True  # whether steps hold only the rows that reach them
        self.batch: Any = None

    def held(self, forward: bool) -> int:
        """Return how many bytes of tangents one sweep holds at a time, at most."""
        self._look()
        here = most = sum(map(_bytes, self.graph.inputs if forward else self.graph.outputs))
        for node, last in zip(self.nodes, self.last, strict=True):
            here += _bytes(node)
            most = max(most, here)
            here -= sum(map(_bytes, last))
        return max(most, 1)

    def all(self) -> int:
        """Return about how many bytes the tangents of all steps of one sweep would take."""
        self._look()
        return 8 * sum(map(math.prod, [n.shape for n in self.nodes]))

    def _look(self) -> None:
        if not self.nodes:
            self.nodes, self.last = last_readers(self.graph)

    def keep(self) -> None:
        """Keep the partials: several sweeps will ask for them."""
        self.partials = {}

    def forward(self, seeds: dict[Node, Rows], units: dict[Node, int]) -> list[Any]:
        """Push the seeds of inputs to the outputs; None where none arrives.

        The first row of the seed of an input in `units` is the unit vector of that number.
        """
        self._look()
        ts, numbers = dict(seeds), {}
        for node, last in zip(self.nodes, self.last, strict=True):
            op: Any = node.op
            here = [ts.get(n) for n in node.inputs]
            if op.indexed:
                here = [t if op.flows(k) else None for k, t in enumerate(here)]
                if op.name == "getitem" and node.inputs[0] in units and here[0] is not None:
                    source: Any = node.inputs[0]
                    if source not in numbers:
                        numbers[source] = np.arange(math.prod(source.shape)).reshape(source.shape)
                    here[0] = _read(here[0], node, numbers[source], units[source])
            for t in here:
                if t is not None:
                    break
            else:
                continue
            for n in last:
                ts.pop(n, None)
            start, tangents = aligned(here)
            if op.name == "component":
                t = tangents[0][node.params["index"]]
            else:
                size = next(len(t[0] if type(t) is tuple else t) for t in tangents if t is not None)
                self.batch.size = size
                t = self.push(op, node, tangents, size)
            if t is not None:
                ts[node] = start, t
        return [ts.get(o) if type(o) is Node else None for o in self.graph.outputs]

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
                term = self._times_partial(slot, k, t, node)
            elif type(slot) is not Linear or op.outputs:
                return self._push_formula(op, node, here, size)
            elif slot.equation is not None:
                term = _by_equation(slot.equation, k, t, node, False)
            else:
                args = list(xs)
                args[k] = t
                term = rule_of(op)(op, size, args, [j == k for j in range(len(xs))], params)
            total = term if total is None else total + term
        return _like(total, node, size)

    def _times_partial(self, slot: Partial, k: int, t: Any, node: Node) -> Any:
        """Multiply with the partial, whose axes are those of one sweep."""
        missing = len(node.shape) + 1 - t.ndim
        if missing:
            t = np.reshape(t, (t.shape[0], *(1,) * missing, *t.shape[1:]))
        if slot.constant:
            rule: Any = slot.rule
            return t if rule == 1 else t * rule if rule else np.zeros_like(t)
        parts = None if self.partials is None else self.partials.get((node, k))
        if parts is None:
            y = node.output if node.output is not None else node
            parts = slot.parts(y, *node.primals, **node.params)
            if self.partials is not None:
                self.partials[node, k] = parts
        return times(t, *parts)

    def _push_formula(self, op: Op, node: Node, here: list[Any], size: int) -> Any:
        """Push by the rule itself, on tracers of a batch; a user's sees one sweep at a time."""
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
        """Return what a tracer of the batch holds; what is the same for all is repeated."""
        if type(found) in TRACERS and found.cr_owner is self.batch:
            return found.cr_value.data
        return np.broadcast_to(found, (size, *np.shape(found)))

    # --- backward ---------------------------------------------------------------------------

    def backward(self, cotangents: dict[Node, Rows]) -> list[Any]:
        """Pull cotangents of outputs back to the inputs; None where none arrives."""
        self._look()
        self.owned: set[Node] = set()
        for node in reversed(self.nodes):
            found = cotangents.pop(node, None)
            if found is not None:
                start, ct = found
                size = next(len(c) for c in ct if c is not None) if type(ct) is list else len(ct)
                self.batch.size = size
                self.pull_back(node, start, ct, cotangents, size)
        return [cotangents.get(n) for n in self.graph.inputs]

    def pull_back(
        self, node: Node, start: int, ct: Any, cotangents: dict[Node, Any], size: int
    ) -> None:
        """Send the cotangents of one node back to its inputs."""
        op: Any = node.op
        key = "sweeps", node.mask
        kinds = op.cache.get(key)
        if kinds is None:
            kinds = op.cache[key] = _kinds(node)
        for k, kind, what in kinds:
            if kind is _PARTIAL:
                found = self._times_partial(what, k, ct, node)
            elif kind is _EQUATION:
                found = _by_equation(what, k, ct, node, True)
            elif kind is _INTO or kind is _OVER:
                add = self._add_into if kind is _INTO else self._clear
                if type(ct) is np.ndarray and add(what, start, ct, node, cotangents, size):
                    continue
                found = op.slot(k).transpose(self.lifted(ct), *node.primals, **node.params)
            elif kind is _NUMBERS:
                found = np.reshape(ct, (size, -1)).T
            elif not op.closed:
                found = _by_rows(what, ct, node, size, k < 0)
            else:
                found = what(_each(self.lifted, ct), node)
                if op.store is not None and node in self.owned:
                    found = self.landed(found, size).copy()  # else it is cleared with the array
            if k >= 0:
                self._arrive(cotangents, node.inputs[k], start, found, size)
            else:
                for parent, part in zip(node.inputs, found, strict=True):
                    if parent is not None:
                        self._arrive(cotangents, parent, start, part, size)

    def _add_into(
        self, into: Any, start: int, ct: Any, node: Node, cotangents: dict[Node, Any], size: int
    ) -> bool:
        """Add what an index read into the buffer of all sweeps, which the first one makes."""
        parent: Any = node.inputs[0]
        before = cotangents.get(parent)
        if before is None:
            buffer = np.zeros((size, *parent.shape), parent.dtype)
            cotangents[parent] = start, buffer
        else:
            first, buffer = before
            if type(buffer) is not np.ndarray:
                return False
            inside = first <= start and start + size <= first + len(buffer)
            if parent not in self.owned or not inside:
                first, (buffer, _) = aligned([before, (start, ct)])
                buffer = buffer.copy() if buffer is before[1] else buffer
                cotangents[parent] = first, buffer
            buffer = buffer[start - first : start - first + size]
        self.owned.add(parent)
        x, *arrays = node.primals
        at = _places(size, parent.shape, arrays, node.params["index"])
        into(buffer, at.write(ct, True) if arrays else ct, x, *at.arrays, index=at.index)
        return True

    def _clear(
        self, over: Any, start: int, ct: Any, node: Node, cotangents: dict[Node, Any], size: int
    ) -> bool:
        """Clear the cotangents of an array where it was written, in their own memory if they may.

        So a loop that fills an array costs what its elements cost.
        """
        if node in self.owned:
            self.owned.discard(node)
        else:
            ct = ct.copy()
        y, value, *arrays = node.primals
        at = _places(size, node.shape, arrays, node.params["index"])
        over(ct, y, value, *at.arrays, index=at.index)
        parent: Any = node.inputs[0]
        self._arrive(cotangents, parent, start, ct, size)
        if cotangents[parent][1] is ct:
            self.owned.add(parent)
        return True

    def _arrive(
        self, cotangents: dict[Node, Any], parent: Node, start: int, found: Any, size: int
    ) -> None:
        if type(found) is Doubt:
            found = found.found
        if found is None:
            return
        if parent.dtype is None:  # several outputs: one cotangent for each
            index, ct = found
            ct = self.landed(ct, size)
            first, parts = cotangents.get(parent, (start, [None] * parent.op.outputs))  # type: ignore[union-attr]
            whole = [None if p is None else (first, p) for p in parts]
            whole.append((start, ct))
            first, parts = aligned(whole)
            ct = parts.pop()
            parts[index] = ct if parts[index] is None else parts[index] + ct
            cotangents[parent] = first, parts
            return
        if (type(found) in TRACERS and found.cr_owner is self.batch) or (
            found.ndim == len(parent.shape)  # it is the same for all
        ):
            found = self.landed(found, size)
        found = _fit(found, parent, size)
        before = cotangents.get(parent)
        if before is not None:
            start, (earlier, found) = aligned([before, (start, found)])
            found = earlier + found
            self.owned.discard(parent)
        cotangents[parent] = start, found


    def __enter__(self) -> "Sweeps":
        self.before = running.rules, ignore()
        running.rules = len(running.traces)
        self.batch = Batch(0)
        running.traces.append(self.batch)
        return self

    def __exit__(self, *_: object) -> None:
        batch, self.batch = self.batch, None
        batch.state = CLOSED
        running.traces.remove(batch)
        running.rules, errors = self.before
        put_back(errors)


class _Front:
    """An index without arrays, behind the axis of the sweeps."""

    __slots__ = ("index",)
    arrays = ()

    def __init__(self, index: Any) -> None:
        self.index = (slice(None), *(index if type(index) is tuple else (index,)))


def _places(size: int, shape: tuple[int, ...], arrays: list[Any], index: Any) -> Any:
    if not arrays:
        return _Front(index)
    return Places(size, shape, arrays, [False] * len(arrays), index, True)


class _Unknown:
    """A pass that knows nothing of supports: a NaN stays one."""

    place = None

    def supports(self, *_doubt: Any) -> None:
        """Say that the structural zeros are not known."""


_UNKNOWN = _Unknown()
_PARTIAL, _EQUATION, _INTO, _OVER, _NUMBERS, _PULL = range(6)
Kind = tuple[int, int, Any]


def _kinds(node: Node) -> list[Kind]:
    """Return how cotangents go to each argument of an op: (argument, kind, slot or pull).

    What programs of single numbers are made of (reading, storing, `pack`) is done to the data.
    """
    op: Any = node.op
    found: list[Kind] = []
    over: list[Kind] = []
    for k, pull in doubting_pulls(node):
        slot = op.slot(k) if k >= 0 else None
        if type(slot) is Partial:
            found.append((k, _PARTIAL, slot))
        elif type(slot) is Linear and slot.equation is not None:
            found.append((k, _EQUATION, slot.equation))
        elif op.name == "getitem":
            found.append((k, _INTO, slot.into))  # type: ignore[union-attr]
        elif op.name == "pack":
            found.append((k, _NUMBERS, None))
        elif type(slot) is Linear and slot.over is not None:
            over.append((k, _OVER, slot.over))  # last: the others read what it clears
        else:
            found.append((k, _PULL, pull))
    return found + over


def aligned(here: list[Any]) -> tuple[int, list[Any]]:
    """Return the first sweep of all, and their values from it to the last, with zeros between."""
    given = [t for t in here if t is not None]
    start, data = given[0]
    if len(given) == 1:
        return start, [None if t is None else data for t in here]
    ends = {(t[0], _length(t[1])) for t in given}
    if len(ends) == 1:
        return start, [None if t is None else t[1] for t in here]
    start = min(a for a, _ in ends)
    size = max(a + n for a, n in ends) - start
    return start, [None if t is None else widened(t[1], t[0] - start, size) for t in here]


def _length(data: Any) -> int:
    return len(next(d for d in data if d is not None) if type(data) in (tuple, list) else data)


def widened(data: Any, at: int, size: int) -> Any:
    """Return `size` rows, of which those from `at` on are given; the others are zero."""
    if type(data) in (tuple, list):
        return type(data)(None if d is None else widened(d, at, size) for d in data)
    if len(data) == size:
        return data
    shape, dtype = data.shape[1:], data.dtype
    if type(data) in TRACERS:
        ends = [np.zeros((n, *shape), dtype) for n in (at, size - at - len(data))]
        return np.concatenate([ends[0], data, ends[1]])
    out = np.zeros((size, *shape), dtype)
    out[at : at + len(data)] = data
    return out


def _read(seed: Rows, node: Node, numbers: Any, first: int) -> Rows | None:
    """Leave of unit vectors those whose number is read; `first` is that of the first one."""
    start, data = seed
    read = numbers[fill_index(tuple(node.primals[1:]), node.params["index"])]
    if not read.size:
        return None
    low, high = max(int(read.min()) - first, 0), min(int(read.max()) + 1 - first, len(data))
    return (start + low, data[low:high]) if low < high else None


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


def _bytes(node: Any) -> int:
    if type(node) is not Node or node.dtype is None:
        return 0
    return math.prod(node.shape) * int(node.dtype.itemsize)


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


def _by_equation(equation: Callable[..., str], k: int, t: Any, node: Node, back: bool) -> Any:
    """Push `t` through an index equation, or pull it back: both have one more letter, of sweeps."""
    primals, params = node.primals, node.params
    shapes = tuple([np.shape(p) for p in primals])
    key = (equation, k, back, t.shape, shapes, *params.items())
    try:
        found = _plans.get(key)
    except TypeError:  # unhashable params
        key, found = None, None
    if found is None:
        found = _planned(equation(*shapes, **params), k, t.shape, shapes, node.shape, back)
        if key is not None:
            if len(_plans) > 4096:
                _plans.clear()
            _plans[key] = found
    if back:
        return found(t, *[p for j, p in enumerate(primals) if j != k])
    return found(*[t if j == k else p for j, p in enumerate(primals)])


def _planned(text: str, k: int, t: Any, shapes: Any, out: Any, back: bool) -> Any:
    letter = next(c for c in _LETTERS if c not in text)
    if back:
        left, right = swap(text, k).split("->")
        rest = [s for j, s in enumerate(shapes) if j != k]
        return plan(f"{letter}{left}->{letter}{right}", (t, *rest), (t[0], *shapes[k]))
    operands, right = parse(text)
    left = ",".join(letter + o if j == k else o for j, o in enumerate(operands))
    given = tuple(t if j == k else s for j, s in enumerate(shapes))
    return plan(f"{left}->{letter}{right}", given, (t[0], *out))


_LETTERS = "zyxwvutsrqponmlkjihgfedcbaZYXWVUTSRQPONMLKJIHGFEDCBA"
