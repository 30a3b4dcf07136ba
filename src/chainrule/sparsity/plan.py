"""What is prepared for arguments of one form: a pattern, its colouring, and how both are used."""

from typing import Any

import numpy as np
from scipy import sparse

from ..core.graph import Graph
from ..modes.compressed import End, products
from ..modes.derived import block_dtype
from ..modes.pattern import Pattern, described, pattern
from ..tracing.tracer import TRACERS
from .colouring import Colouring, colour_hessian, colour_jacobian, entries

_KNOWN = 8  # programs whose patterns are remembered
_EXACT = 64  # rows that are computed at once where a pattern is in doubt


class Plan:
    """The union of the patterns that were met, coloured, for one form of arguments."""

    def __init__(self, inputs: list[Any], outs: list[End], how: str, hint: Any = None) -> None:
        self.shapes = [(shape, dtype) for shape, dtype, *_ in inputs]
        self.outs = outs
        self.how = how  # "auto", "fwd", "rev", "star" or "acyclic"
        self.ins_at = np.cumsum([0, *(_size(shape) for shape, _ in self.shapes)])
        self.outs_at = np.cumsum([0, *(_size(shape) for shape, *_ in outs)])
        self.shape = int(self.outs_at[-1]), int(self.ins_at[-1])
        self.known: list[Pattern] = []
        self.hinted = hint is not None
        self.rng = np.random.Generator(np.random.PCG64(2005))
        self.matrix: Any = None
        if hint is not None:
            self._include(hint)

    # --- the pattern ----------------------------------------------------------------------------

    def admit(self, graph: Graph) -> bool:
        """See to it that the pattern holds that of `graph`; return whether it has changed."""
        if self.hinted:
            return False
        steps = described(graph)
        wide: set[Any] = set()
        for i, known in enumerate(self.known):
            failing = known.failing(graph, steps)
            if failing is None:
                continue
            if not failing:
                self.known.insert(0, self.known.pop(i))
                return False
            wide |= failing | known.wide
        found = pattern(graph, wide)
        self.known = [k for k in self.known if k.failing(graph, steps) is None]
        self.known.insert(0, found)
        del self.known[_KNOWN:]
        return self._include(found.matrix)

    def _include(self, matrix: Any) -> bool:
        symmetric = self.how in ("star", "acyclic")
        matrix = sparse.csr_array(matrix, dtype=bool)
        if symmetric:
            matrix = matrix + matrix.T.tocsr()
        if self.matrix is not None:
            matrix = matrix + self.matrix
            if matrix.nnz == self.matrix.nnz:
                return False
        matrix.sum_duplicates()
        matrix.sort_indices()
        self.matrix = matrix
        self.colour()
        return True

    def colour(self) -> None:
        """Colour the pattern, and prepare the seeds and what the blocks take."""
        if self.how in ("star", "acyclic"):
            self.colouring: Colouring = colour_hessian(self.matrix, self.how)
        else:
            self.colouring = colour_jacobian(self.matrix, self.how)
        self.forward = _seeds(self.colouring.columns, self.colouring.forward + 1)
        self.backward = _seeds(self.colouring.rows, self.colouring.backward)
        self.blocks = self._blocks()

    def _blocks(self) -> list[list[Any]]:
        """Return for each output and input the entries of their block, and its csr structure."""
        indices, indptr = self.matrix.indices, self.matrix.indptr
        if len(self.outs) == len(self.shapes) == 1:
            return [[(slice(None), indices, indptr, self.shape)]]
        row, col = entries(self.matrix)
        found = []
        for a, b in zip(self.outs_at, self.outs_at[1:], strict=False):
            line = []
            for c, d in zip(self.ins_at, self.ins_at[1:], strict=False):
                at = np.flatnonzero((row >= a) & (row < b) & (col >= c) & (col < d))
                ends = np.cumsum(np.bincount(row[at] - a, minlength=b - a))
                line.append((at, col[at] - c, np.append(0, ends), (int(b - a), int(d - c))))
            found.append(line)
        return found

    # --- values ---------------------------------------------------------------------------------

    def evaluate(self, graph: Graph, chunk: int | None) -> tuple[Any, Any]:
        """Return the entries, and the rows in which a product with a random vector differs."""
        v = self.rng.uniform(0.5, 1.5, self.shape[1])
        self.forward[-1] = v
        down = self._products(graph, self.forward, True, chunk)
        flat = [down[:-1].ravel()]
        if len(self.backward):
            flat.append(self._products(graph, self.backward, False, chunk).ravel())
        data = np.concatenate(flat)[self.colouring.places] if len(flat) > 1 \
            else flat[0][self.colouring.places]
        if self.colouring.solve is not None:
            data = self.colouring.solve(data)
        return data, self._doubtful(data, v, down[-1])

    def _products(self, graph: Graph, seeds: Any, forward: bool, chunk: int | None) -> Any:
        ends = self.ins_at if forward else self.outs_at
        forms = self.shapes if forward else [(shape, dtype) for shape, dtype, _ in self.outs]
        parts = [
            seeds[:, a:b].reshape(len(seeds), *shape).astype(dtype, copy=False)
            for a, b, (shape, dtype) in zip(ends, ends[1:], forms, strict=False)
        ]
        found = products(graph, self.outs, parts, forward, chunk)
        if not TRACERS.isdisjoint(map(type, found)):
            raise NotImplementedError
        flat = [f.reshape(len(seeds), -1) for f in found]
        return flat[0] if len(flat) == 1 else np.concatenate(flat, axis=1)

    def _doubtful(self, data: Any, v: Any, found: Any) -> Any:
        """Return the rows whose entries do not give what the whole Jacobian gives, J·v."""
        with np.errstate(all="ignore"):
            given = (data, self.matrix.indices, self.matrix.indptr)
            off = np.abs(found - sparse.csr_array(given, shape=self.shape) @ v)
            given = (np.abs(data), *given[1:])
            size = sparse.csr_array(given, shape=self.shape) @ v
            slack = 1e3 * float(np.finfo(self._least_dtype()).eps)
            return np.flatnonzero((off > slack * size) & np.isfinite(off))

    def _least_dtype(self) -> Any:
        dtypes = [d for _, d in self.shapes] + [d for _, d, _ in self.outs]
        return min(dtypes, key=lambda d: d.itemsize, default=np.dtype(float))

    def missing(self, graph: Graph, data: Any, rows: Any, chunk: int | None) -> Any:
        """Compute rows as they are; return an entry that the pattern lacks, and whether one is off.

        The entry is (row, column), or None.
        """
        wrong = False
        for first in range(0, len(rows), _EXACT):
            some = rows[first : first + _EXACT]
            seeds = np.zeros((len(some), self.shape[0]))
            seeds[np.arange(len(some)), some] = 1
            exact = self._products(graph, seeds, False, chunk)
            for i, line in zip(some, exact, strict=True):
                a, b = self.matrix.indptr[i : i + 2]
                at = self.matrix.indices[a:b]
                size = np.max(np.abs(line), initial=0)
                wrong |= not np.allclose(line[at], data[a:b], 1e-6, 1e-6 * size, True)
                line[at] = 0
                if line.any():
                    return (int(i), int(np.flatnonzero(line)[0])), wrong
        return None, wrong

    def matrices(self, data: Any) -> list[list[Any]]:
        """Return the csr matrix of each block."""
        return [
            [
                sparse.csr_array(
                    (data[at].astype(block_dtype(out[1], x[1])), indices.copy(), indptr.copy()),
                    shape=shape,
                )
                for (at, indices, indptr, shape), x in zip(line, self.shapes, strict=True)
            ]
            for line, out in zip(self.blocks, self.outs, strict=True)
        ]


def _seeds(colours: Any, count: int) -> Any:
    seeds = np.zeros((count, len(colours)))
    at = np.flatnonzero(colours >= 0)
    seeds[colours[at], at] = 1
    return seeds


def _size(shape: tuple[int, ...]) -> int:
    return int(np.prod(shape)) if shape else 1
