"""Patterns: which numbers of the inputs each number of an output may depend on.

A pattern is read off the slots that compute the derivatives, so there is no second set of rules:

- a `Partial` sends each element to its own place, whatever its number is;
- an index equation merges the rows that it sums over, and repeats them along its free letters;
- another linear operation is asked. It is given the numbers 1, 2, …, n as an argument: what comes
  out tells where each element went, if elements only move. If its *transpose* only moves them, it
  is a sum of rows. Else it is probed with blocks of the argument, which are halved as long as they
  can be told apart;
- a formula is followed step by step, as its transpose is; a user's rule from the reverse end, and
  whatever none of this answers, is a full block.

Entries that vanish by the numbers stay in the pattern: traced values are random numbers here. What
is a constant counts as it is: the zeros of a matrix or of a mask of numbers, and the arrays of an
index. Each is written down as `Evidence`, and every later recording is asked whether it still
holds. Of `where`, `maximum` and the like both sides are kept, also the one that was not taken.
"""

from collections.abc import Callable, Collection
from math import prod
from typing import Any

import numpy as np
from scipy import sparse

from ..core.equation import parse
from ..core.graph import Graph, Node
from ..core.slots import Jvp, Linear, Partial, reads_of
from ..errors import MatrixSizeError
from ..tracing.tracer import concrete
from .batch import rule_of
from .evidence import Evidence, Key, Pattern, described, held, written
from .linear import filled, formula_at
from .readers import last_readers
from .rows import Rows, Width, moved, numbers, probed, union, whole
from .support import randomized, randoms

Fixed = Callable[[int], bool]  # whether an argument is a constant

_EXPLICIT = 1 << 24  # entries of an equation that are written out one by one


def pattern(graph: Graph, wide: Collection[Key] = ()) -> Pattern:
    """Return the pattern of a recording; the masks named in `wide` are taken to hold no zeros."""
    return _Detection(graph, wide).run()


class _Detection:
    def __init__(self, graph: Graph, wide: Any) -> None:
        self.graph, self.wide = graph, wide
        self.width = Width(sum(prod(x.shape) for x in graph.inputs))
        self.evidence: list[Evidence] = []
        self.index = 0
        self.rng = randoms()

    def run(self) -> Pattern:
        table: dict[Node, Any] = {}
        first = 0
        for x in self.graph.inputs:
            size = prod(x.shape)
            table[x] = self.width.units(first, size)
            first += size
        nodes, last = last_readers(self.graph)
        for self.index, (node, gone) in enumerate(zip(nodes, last, strict=True)):
            here = [None if p is None else table.get(p) for p in node.inputs]
            for p in gone:
                table.pop(p, None)
            found = self.through(node, here, lambda j, inputs=node.inputs: inputs[j] is None, True)
            if found is not None:
                table[node] = found
        rows = []
        for leaf in self.graph.outputs:
            found = table.get(leaf) if type(leaf) is Node else None
            size = prod(leaf.shape if type(leaf) is Node else np.shape(concrete(leaf)))
            rows.append(self.width.none(size) if found is None else found)
        matrix = self.width.stacked(rows) if rows else self.width.csr([], [0])
        return Pattern(sparse.csr_array(matrix), held(described(self.graph)), self.evidence,
                       frozenset(self.wide))  # fmt: skip

    # --- one step -------------------------------------------------------------------------------

    def through(self, node: Node, here: list[Any], fixed: Fixed, outside: bool) -> Any:
        """Return the rows of a step's output, given those of its arguments; None where all empty.

        Of several outputs a list of (rows, shape). `outside` is whether the step is the program's
        own, and not one of a rule.
        """
        op: Any = node.op
        if op.name == "component":
            part = here[0] and here[0][node.params["index"]]
            return part and self.width.spread(*part, node.shape)
        here = [p if p is not None and op.flows(k) else None for k, p in enumerate(here)]
        total = None
        groups: dict[Any, list[int]] = {}
        for k, p in enumerate(here):
            if p is None:
                continue
            slot = op.slot(k)
            if type(slot) is Partial:
                term = self._partial(node, k, p, fixed, outside)
            elif op.batch == "elementwise" and not op.outputs:
                term = self.width.spread(p, node.inputs[k].shape, node.shape)  # type: ignore[union-attr]
            elif op.additive or getattr(slot, "joint", False):
                groups.setdefault("sum" if op.additive else slot, []).append(k)
                continue
            elif type(slot) is Linear and slot.equation is not None:
                term = self._equation(node, k, p, fixed, outside)
            else:
                how = self._linear if type(slot) is Linear else self._formula
                term = self._asked(how, node, [k], here, fixed, outside)
            total = _joined(total, term)
        for ks in groups.values():
            how = self._together if op.additive else self._formula
            total = _joined(total, self._asked(how, node, ks, here, fixed, outside))
        return total

    def _asked(
        self, how: Any, node: Node, ks: list[int], here: list[Any], fixed: Fixed, outside: bool
    ) -> Any:
        """Ask for the rows by way of `how`; where that gives no answer, all may depend on all."""
        kept = len(self.evidence)
        try:
            with np.errstate(all="ignore"):
                found = how(node, ks, here, fixed, outside)
        except MatrixSizeError:
            raise
        except Exception:  # random values are none that the operation takes
            found = NotImplemented
        if found is not NotImplemented:
            return found
        del self.evidence[kept:]
        row = frozenset().union(*(whole(here[k]) for k in ks))
        op: Any = node.op
        if op.outputs:
            return [(row, ())] * op.outputs
        return self.width.repeated(row, prod(node.shape))

    def _partial(self, node: Node, k: int, p: Rows, fixed: Fixed, outside: bool) -> Rows | None:
        slot: Any = node.op.slot(k)  # type: ignore[union-attr]
        if slot.constant and slot.rule == 0:
            return None
        rows = self.width.spread(p, node.inputs[k].shape, node.shape)  # type: ignore[union-attr]
        read = reads_of(slot)
        which = [j for j in range(len(node.inputs)) if read.input(j)]
        if slot.constant or read.output or not which:
            return rows
        if not all(fixed(j) and _counts(node.primals[j]) for j in which):
            return rows

        def partial(node: Node) -> Any:
            with np.errstate(all="ignore"):
                found = slot.whole(node.output, *node.primals, **node.params)
            return np.broadcast_to(concrete(found), node.shape)

        live = self._mask((self.index, k), partial, node, outside)
        if live is None:
            return rows
        return self.width.take(rows, np.where(live, numbers(live.shape), -1))

    def _mask(self, key: Key, read: Any, node: Node, outside: bool) -> Any:
        """Return where a constant is not zero, as evidence; None if it is so everywhere."""
        if outside and key in self.wide:
            return None
        live = np.not_equal(read(node), 0)
        if live.all():
            return None
        if outside:
            self.evidence.append(Evidence(key, read, live, True))
        return live

    # --- index equations ------------------------------------------------------------------------

    def _equation(self, node: Node, k: int, p: Rows, fixed: Fixed, outside: bool) -> Rows:
        slot: Any = node.op.slot(k)  # type: ignore[union-attr]
        shapes = [np.shape(x) if not hasattr(x, "shape") else x.shape for x in node.primals]
        operands, out = parse(slot.equation(*shapes, **node.params))
        sizes = dict(zip(out, node.shape, strict=True))
        for letters, shape in zip(operands, shapes, strict=True):
            sizes |= dict(zip(letters, shape, strict=True))
        own = operands[k]
        j = 1 - k
        if len(operands) == 2 and fixed(j) and _counts(node.primals[j]):
            key = self.index, j
            live = self._mask(key, lambda node: concrete(node.primals[j]), node, outside)
            rest = [c for c in dict.fromkeys(own + out) if c not in operands[j]]
            if live is not None and np.count_nonzero(live) * _count(rest, sizes) <= _EXPLICIT:
                at = _beside(dict(zip(operands[j], np.nonzero(live), strict=True)), rest, sizes)
                return self.width.linked(p, _flat(at, own, sizes), _flat(at, out, sizes),
                                         prod(node.shape))  # fmt: skip
        kept = [c for c in dict.fromkeys(own) if c in out]
        at = _beside({}, list(dict.fromkeys(own)), sizes)
        merged = self.width.linked(p, _flat(at, own, sizes), _flat(at, kept, sizes),
                                   _count(kept, sizes))  # fmt: skip
        at = _beside({}, list(dict.fromkeys(out)), sizes)
        source = np.full(prod(node.shape), -1)
        source[_flat(at, out, sizes)] = _flat(at, kept, sizes)
        return self.width.take(merged, source)

    # --- linear operations ----------------------------------------------------------------------

    def _stand_ins(self, node: Node, fixed: Fixed, moving: list[int], outside: bool) -> Any:
        """Return arguments beside those that move: constants, and random numbers for traced values.

        None where one that is no constant may decide the places: an index, or what the operation is
        not linear in.
        """
        op: Any = node.op
        args: list[Any] = []
        for j, x in enumerate(node.primals):
            flows = op.flows(j)
            if j in moving or (flows and op.additive):
                args.append(np.zeros(x.shape)[()] if hasattr(x, "shape") else 0.0)
            elif fixed(j):
                args.append(concrete(x))
                if outside:
                    read = _reading(j)
                    self.evidence.append(Evidence((self.index, j), read, held(read(node))))
            elif type(op.slot(j)) is not Linear:
                return None
            else:
                args.append(randomized(np.ones(x.shape, x.dtype)[()], self.rng))
        return args

    def _together(
        self, node: Node, ks: list[int], here: list[Any], fixed: Fixed, outside: bool
    ) -> Any:
        """Ask an operation that adds its arguments whether it moves the elements of all."""
        op: Any = node.op
        args = self._stand_ins(node, fixed, ks, outside)
        if args is None:
            return NotImplemented
        shapes = [node.inputs[k].shape for k in ks]  # type: ignore[union-attr]
        ends = np.cumsum([0, *map(prod, shapes)])

        def run(labels: Any) -> Any:
            full = list(args)
            for k, shape, a, b in zip(ks, shapes, ends, ends[1:], strict=False):
                full[k] = labels[a:b].reshape(shape)[()]
            return op.value(*full, **node.params)

        kinds = [node.inputs[k].dtype.kind for k in ks]  # type: ignore[union-attr]
        source = moved(_in_both(run, "c" in kinds), int(ends[-1]))
        if source is not None:
            rows = here[ks[0]] if len(ks) == 1 else self.width.stacked([here[k] for k in ks])
            return self.width.take(rows, source)
        total = None
        for k in ks:
            total = union(total, self._linear(node, [k], here, fixed, outside))
        return total

    def _linear(
        self, node: Node, ks: list[int], here: list[Any], fixed: Fixed, outside: bool
    ) -> Any:
        """Ask an operation that is linear in one argument."""
        (k,) = ks
        op: Any = node.op
        slot, p, parent = op.slot(k), here[k], node.inputs[k]
        if op.outputs or parent is None:
            return NotImplemented
        size, count = prod(parent.shape), prod(node.shape)
        if slot.links is not None:
            targets, sources = slot.links(*node.primals, **node.params)
            return self.width.linked(p, sources, targets, count)
        args = self._stand_ins(node, fixed, ks, outside)
        if args is None:
            return NotImplemented

        def run(labels: Any) -> Any:
            full = list(args)
            full[k] = labels.reshape(parent.shape)[()]
            return op.value(*full, **node.params)

        def back(labels: Any) -> Any:
            full = list(args)
            full[k] = parent
            ct = labels.reshape(node.shape)[()]
            if slot.joint is not None:
                return slot.joint(ct, *full, **node.params)[k]
            return slot.transpose(ct, *full, **node.params)

        twice = parent.dtype.kind == "c"
        source = None if op.additive else moved(_in_both(run, twice), size)
        if source is not None:
            return self.width.take(p, source)
        try:
            into = moved(_in_both(back, node.dtype.kind == "c"), count)
        except Exception:  # a transpose that does not take labels
            into = None
        if into is not None:
            wide = np.broadcast_to(numbers(parent.shape), into.shape)
            return self.width.linked(p, wide, into, count)

        def many(data: Any) -> Any:
            full = list(args)
            full[k] = data.reshape(len(data), *parent.shape)
            batched = [j == k for j in range(len(full))]
            return rule_of(op)(op, len(data), full, batched, node.params).reshape(len(data), -1)

        ends, links = probed(_in_both(many, twice), size, count, self.rng)
        block = np.searchsorted(ends, np.arange(size), "right") - 1
        blocks = self.width.linked(p, np.arange(size), block, len(ends) - 1)
        return self.width.through(links, self.width.matrix(blocks))

    # --- formulas -------------------------------------------------------------------------------

    def _formula(
        self, node: Node, ks: list[int], here: list[Any], _fixed: Fixed, outside: bool
    ) -> Any:
        """Follow a formula through its steps, where whatever it computes from values is random."""
        op: Any = node.op
        slot: Any = op.slot(ks[0])
        if type(slot) is not Jvp:
            return NotImplemented
        which = tuple(ks)
        program, values = formula_at(node, slot, which)
        registers = program.registers_at([concrete(v) for v in values])
        table = {program.tangents[k]: here[k] for k in ks}
        if outside and not op.closed:
            self.evidence.append(Evidence(
                (self.index, ks[0]), lambda n: written(formula_at(n, slot, which)[0]),
                held(written(program)),
            ))  # fmt: skip
        start = program.start
        for step in program.steps[::-1]:
            arguments = [None if q is None else table.get(q) for q in step.parents]
            if any(a is not None for a in arguments):
                found = self.through(
                    filled(step, registers), arguments,
                    lambda j, sources=step.sources: start[sources[j]] is not None, False,
                )  # fmt: skip
                if found is not None:
                    table[step.node] = found
        outs = [(table[o], o.shape) if type(o) is Node and o in table else None
                for o in program.outputs]  # fmt: skip
        if op.outputs:
            return outs
        return outs[0] and self.width.spread(*outs[0], node.shape)


def _in_both(run: Callable[[Any], Any], twice: bool) -> Callable[[Any], Any]:
    """Return a linear function that gives sizes: along 1, and along i of complex numbers."""
    if not twice:
        return lambda a: _size(run(a))
    return lambda a: np.maximum(_size(run(a)), _size(run(1j * a)))


def _size(found: Any) -> Any:
    return np.abs(np.real(found)) + np.abs(np.imag(found))


def _reading(j: int) -> Callable[[Node], Any]:
    return lambda node: concrete(node.primals[j])


def _joined(total: Any, term: Any) -> Any:
    if type(total) is not list or type(term) is not list:
        return union(total, term)
    return [a or b if a is None or b is None else _wider(a, b)
            for a, b in zip(total, term, strict=True)]  # fmt: skip


def _wider(a: Any, b: Any) -> Any:
    """Join the rows of an output; where shapes differ the one is a number for all."""
    if a[1] == b[1]:
        return union(a[0], b[0]), a[1]
    return whole(a[0]) | whole(b[0]), ()


def _counts(x: Any) -> bool:
    """Say whether a constant is one whose zeros count: masks of booleans mostly hang on values."""
    x = concrete(x)
    kind = getattr(getattr(x, "dtype", None), "kind", "")
    return kind in ("f", "c", "i", "u") or type(x) in (int, float, complex)


def _count(letters: Any, sizes: dict[str, int]) -> int:
    return prod(sizes[c] for c in letters)


def _beside(at: dict[str, Any], rest: list[str], sizes: dict[str, int]) -> dict[str, Any]:
    """Return the places in `at` with every place of the letters in `rest`, letter by letter."""
    count = len(next(iter(at.values()))) if at else 1
    grid = np.indices([sizes[c] for c in rest]).reshape(len(rest), _count(rest, sizes))
    full = {c: np.repeat(i, _count(rest, sizes)) for c, i in at.items()}
    return full | {c: np.tile(grid[i], count) for i, c in enumerate(rest)}


def _flat(at: dict[str, Any], letters: Any, sizes: dict[str, int]) -> Any:
    """Return the numbers of the elements at these places of an array with these letters."""
    if not letters:
        return np.zeros(len(next(iter(at.values()))) if at else 1, np.intp)
    return np.ravel_multi_index([at[c] for c in letters], [sizes[c] for c in letters])
