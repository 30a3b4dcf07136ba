"""What is prepared for arguments of one form: a pattern, its colouring, and how both are used."""

import threading
from math import prod
from typing import Any

import numpy as np
from scipy import sparse

from ..core.graph import Graph
from ..modes.compressed import End, products
from ..modes.derived import block_dtype
from ..modes.evidence import Pattern, described
from ..modes.pattern import pattern
from ..tracing.tracer import TRACERS
from .colouring import Colouring, colour_hessian, colour_jacobian, entries

SYMMETRIC = ("star", "acyclic")
_KNOWN = 8  # programs whose patterns are remembered
_GROWTH = 4  # by which a union of patterns may exceed the last one
_ROWS = 8  # rows whose entries are looked at in both ways
_EXACT = 64  # rows that are computed at once where a pattern is in doubt


class TracedError(Exception):
    """The products are traced: there are no numbers to put into a matrix."""


class Form:
    """The shapes and dtypes of the arguments and of the results, number after number."""

    def __init__(self, inputs: list[Any], outs: list[End]) -> None:
        self.inputs, self.outs = inputs, outs
        self.ins_at = np.cumsum([0, *(prod(shape) for shape, _ in inputs)])
        self.outs_at = np.cumsum([0, *(prod(shape) for shape, *_ in outs)])
        self.shape = int(self.outs_at[-1]), int(self.ins_at[-1])
        dtypes = [d for _, d in inputs] + [d for _, d, _ in outs]
        least = min(dtypes, key=lambda d: d.itemsize, default=np.dtype(float))
        self.slack = 1e3 * float(np.finfo(least).eps)

    def products(self, graph: Graph, seeds: Any, forward: bool, chunk: int | None) -> Any:
        """Return J·s for each row s of `seeds`, or wᵀJ, as rows."""
        ends = self.ins_at if forward else self.outs_at
        given = self.inputs if forward else [(shape, dtype) for shape, dtype, _ in self.outs]
        parts = [
            seeds[:, a:b].reshape(len(seeds), *shape).astype(dtype, copy=False)
            for a, b, (shape, dtype) in zip(ends, ends[1:], given, strict=False)
        ]
        found = products(graph, self.outs, parts, forward, chunk)
        if not TRACERS.isdisjoint(map(type, found)):
            raise TracedError
        flat = [f.reshape(len(seeds), -1) for f in found]
        return flat[0] if len(flat) == 1 else np.concatenate(flat, axis=1)


class Layout:
    """A coloured pattern: the seeds of the products, and which of the entries go into which block.

    It is never changed: a call that found more takes another.
    """

    def __init__(self, form: Form, matrix: Any, how: str, strict: bool = False) -> None:
        self.form, self.matrix, self.how, self.strict = form, matrix, how, strict
        colour = colour_hessian if how in SYMMETRIC else colour_jacobian
        self.colouring: Colouring = colour(matrix, how)
        self.forward = _seeds(self.colouring.columns, self.colouring.forward)
        self.backward = _seeds(self.colouring.rows, self.colouring.backward)
        self.blocks = self._blocks()

    def _blocks(self) -> list[list[Any]]:
        """Return for each output and input the entries of their block, and its csr structure."""
        form, indices, indptr = self.form, self.matrix.indices, self.matrix.indptr
        if len(form.outs) == len(form.inputs) == 1:
            return [[(slice(None), indices, indptr, form.shape)]]
        row, col = entries(self.matrix)
        found = []
        for a, b in zip(form.outs_at, form.outs_at[1:], strict=False):
            line = []
            for c, d in zip(form.ins_at, form.ins_at[1:], strict=False):
                at = np.flatnonzero((row >= a) & (row < b) & (col >= c) & (col < d))
                ends = np.cumsum(np.bincount(row[at] - a, minlength=b - a))
                line.append((at, col[at] - c, np.append(0, ends), (int(b - a), int(d - c))))
            found.append(line)
        return found

    def evaluate(self, graph: Graph, v: Any, chunk: int | None) -> tuple[Any, Any]:
        """Return the entries, and the rows in which the product with `v` is not that of the whole.

        The whole Jacobian is multiplied with `v` in the same sweep as with the seeds.
        """
        down = self.form.products(graph, np.vstack([self.forward, v]), True, chunk)
        sums = down[:-1].ravel()
        if len(self.backward):
            back = self.form.products(graph, self.backward, False, chunk)
            sums = np.concatenate([sums, back.ravel()])
        data = sums[self.colouring.places]
        if self.colouring.solve is not None:
            data = self.colouring.solve(data)
        with np.errstate(all="ignore"):
            off = np.abs(down[-1] - self.filled(data) @ v)
            size = self.filled(np.abs(data)) @ np.abs(v) + self._carried(data)
            return data, np.flatnonzero((off > self.form.slack * size) & np.isfinite(off))

    def _carried(self, data: Any) -> float:
        """Return of what size that may be beside which rounding is told from entries.

        In a pattern that is given it is the row's own. In one that was found, and by substitution,
        it may be that of any other: an entry may be what is left of larger terms.
        """
        if self.strict and self.colouring.solve is None:
            return 0.0
        return float(np.max(np.abs(data), initial=0, where=np.isfinite(data)))

    def filled(self, data: Any) -> Any:
        """Return the whole matrix with these entries; its structure is shared."""
        given = data, self.matrix.indices, self.matrix.indptr
        return sparse.csr_array(given, shape=self.form.shape)

    def holds(self, others: list["Layout"]) -> bool:
        """Say whether no other one has entries that this one has not."""
        return all((self.matrix + o.matrix).nnz == self.matrix.nnz for o in others)

    def at(self, other: "Layout", data: Any) -> Any:
        """Return, of these entries, those of another layout."""
        if other is self:
            return data
        return self.filled(data)[entries(other.matrix)]

    def compare(self, graph: Graph, data: Any, rows: Any, chunk: int | None) -> tuple[Any, bool]:
        """Compute rows as they are. Return an entry that is missing, or None, and if any differ.

        The entry is (row, column); what is no more than rounding beside its row is none.
        """
        least = self._carried(data)
        other: list[int] = []  # rows that are otherwise backward
        for first in range(0, len(rows), _EXACT):
            some = rows[first : first + _EXACT]
            seeds = np.zeros((len(some), self.form.shape[0]))
            seeds[np.arange(len(some)), some] = 1
            exact = self.form.products(graph, seeds, False, chunk).copy()
            for i, line in zip(some, exact, strict=True):
                a, b = self.matrix.indptr[i : i + 2]
                at = self.matrix.indices[a:b]
                size = max(float(np.max(np.abs(line), initial=0)), least)
                if not np.allclose(line[at], data[a:b], 1e-6, 1e-6 * size, True):
                    other.append(int(i))
                line[at] = 0
                over = np.abs(line) > self.form.slack * size
                if over.any():
                    return (int(i), int(np.flatnonzero(over)[0])), True
        return None, any(not self._forward_alike(graph, data, i, chunk) for i in other[:_ROWS])

    def _forward_alike(self, graph: Graph, data: Any, i: int, chunk: int | None) -> bool:
        """Say whether the entries of a row are those of single columns, taken forward.

        Then what differs backward is what rounding has left of terms that cancel.
        """
        a, b = self.matrix.indptr[i : i + 2]
        at = self.matrix.indices[a:b][:_EXACT]
        seeds = np.zeros((len(at), self.form.shape[1]))
        seeds[np.arange(len(at)), at] = 1
        exact = self.form.products(graph, seeds, True, chunk)[:, i]
        return bool(np.allclose(exact, data[a:b][:_EXACT], 1e-6, 0, True))

    def matrices(self, data: Any) -> list[list[Any]]:
        """Return the csr matrix of each block."""
        return [
            [
                sparse.csr_array(
                    (data[at].astype(block_dtype(out[1], x[1])), indices.copy(), indptr.copy()),
                    shape=shape,
                )
                for (at, indices, indptr, shape), x in zip(line, self.form.inputs, strict=True)
            ]
            for line, out in zip(self.blocks, self.form.outs, strict=True)
        ]


class Plan:
    """What is known of arguments of one form: programs that were met, and all their patterns.

    The layout is that of the union of their patterns. Should that grow to several times the last
    one (places that are computed anew at each call), it begins again with that one alone.
    """

    def __init__(self, form: Form, how: str, hint: Any = None) -> None:
        self.form, self.how = form, how  # "auto", "fwd", "rev", "star" or "acyclic"
        self.lock = threading.RLock()
        self.hinted = hint is not None
        self.known: list[Pattern] = []
        self.rng = np.random.Generator(np.random.PCG64(2005))
        self.layout: Any = None
        if hint is not None:
            self._include(hint)

    def draw(self) -> Any:
        """Return a random vector, another one each time."""
        return self.rng.uniform(0.5, 1.5, self.form.shape[1])

    def admit(self, graph: Graph) -> Layout:
        """Return a layout that has all entries of `graph`."""
        with self.lock:
            return self._admitted(graph)

    def _admitted(self, graph: Graph) -> Layout:
        if self.hinted:
            return self.layout
        steps = described(graph)
        wide: set[Any] = set()
        for known in self.known:
            failing = known.failing(graph, steps)
            if failing is not None:
                if not failing:
                    return self.layout
                wide |= failing | known.wide
        found = pattern(graph, wide)
        self.known = [found, *(k for k in self.known if k.failing(graph, steps) is None)][:_KNOWN]
        return self._include(found.matrix)

    def without_symmetry(self, layout: Layout) -> Layout:
        """Take the entries from both triangles from now on."""
        with self.lock:
            self.how = "auto"
            self.layout = self._laid_out(layout.matrix)
            return self.layout

    def joined(self, layouts: list[Layout]) -> Layout:
        """Return a layout with the entries of all."""
        matrix = layouts[0].matrix
        for other in layouts[1:]:
            matrix = matrix + other.matrix
        return self._laid_out(matrix)

    def _laid_out(self, matrix: Any) -> Layout:
        return Layout(self.form, matrix, self.how, self.hinted)

    def _include(self, matrix: Any) -> Layout:
        matrix = sparse.csr_array(matrix, dtype=bool)
        if self.how in SYMMETRIC:
            matrix = matrix + matrix.T.tocsr()
        if self.layout is not None:
            both = matrix + self.layout.matrix
            if both.nnz == self.layout.matrix.nnz:
                return self.layout
            if both.nnz <= _GROWTH * matrix.nnz:
                matrix = both
            else:
                del self.known[1:]
        matrix.sum_duplicates()
        matrix.sort_indices()
        self.layout = self._laid_out(matrix)
        return self.layout


def _seeds(colours: Any, count: int) -> Any:
    seeds = np.zeros((count, len(colours)))
    at = np.flatnonzero(colours >= 0)
    seeds[colours[at], at] = 1
    return seeds
