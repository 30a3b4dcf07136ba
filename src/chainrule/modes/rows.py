"""Rows of a pattern: for each element of a value, the numbers of the inputs that it depends on.

The rows of an array are a boolean matrix in csr format. Those of a single element are a frozen set:
programs of single numbers have very many of them.
"""

from collections.abc import Callable
from functools import lru_cache
from itertools import chain
from math import prod
from typing import Any

import numpy as np
from scipy import sparse

from ..errors import MatrixSizeError

Rows = Any
Shape = tuple[int, ...]

_MOST = 1 << 26  # entries of a pattern that are held
_DENSE = 1 << 20  # numbers of a linear operation that is asked for each unit vector
_SMALL = 1 << 16  # numbers of an argument whose labels are kept
_AT_ONCE = 1 << 25  # numbers that a linear operation is given at once
_COLOURS = 60  # blocks that reach the same element, of a linear operation that is halved


class Width:
    """Rows over `n` numbers."""

    __slots__ = ("n",)

    def __init__(self, n: int) -> None:
        self.n = n

    def csr(self, indices: Any, indptr: Any) -> Any:
        """Return the boolean matrix of these rows."""
        _check(len(indices))
        shape = len(indptr) - 1, self.n
        return sparse.csr_array((np.ones(len(indices), bool), indices, indptr), shape=shape)

    def units(self, first: int, size: int) -> Rows:
        """Return the rows of an input: each number depends on itself."""
        if size == 1:
            return frozenset((first,))
        return self.csr(np.arange(first, first + size), np.arange(size + 1))

    def none(self, size: int) -> Rows:
        """Return rows without entries."""
        if size == 1:
            return frozenset()
        return self.csr(np.zeros(0, np.intp), np.zeros(size + 1, np.intp))

    def matrix(self, rows: Rows) -> Any:
        """Return the rows as a matrix."""
        return self.stacked([rows]) if type(rows) is frozenset else rows

    def repeated(self, row: frozenset[int], size: int) -> Rows:
        """Return `size` rows that are all the same."""
        if size == 1:
            return row
        _check(size * len(row))
        return self.csr(np.tile(_sorted([row]), size), np.arange(size + 1) * len(row))

    def stacked(self, parts: list[Rows]) -> Any:
        """Return a matrix with the rows of one part under those of the other."""
        if any(type(p) is not frozenset for p in parts):
            parts = [self.matrix(p) for p in parts]
            return parts[0] if len(parts) == 1 else sparse.vstack(parts, format="csr")
        return self.csr(_sorted(parts), np.cumsum([0, *map(len, parts)]))

    def take(self, rows: Rows, source: Any) -> Rows:
        """Return row ``source[i]`` for each i; −1 stands for an empty one."""
        source = np.ravel(source)
        if type(rows) is frozenset:
            if len(source) == 1:
                return rows if source[0] == 0 else frozenset()
            if not source.any():
                return self.repeated(rows, len(source))
            rows = self.matrix(rows)
        if len(source) == 1:
            s = int(source[0])
            some = rows.indices[rows.indptr[s] : rows.indptr[s + 1]] if s >= 0 else ()
            return frozenset(map(int, some))
        size = rows.shape[0]
        if len(source) == size and np.array_equal(source, np.arange(size)):
            return rows
        if source.size and source.min() < 0:
            rows = self.csr(rows.indices, np.append(rows.indptr, rows.indptr[-1]))
        _check(int(np.diff(rows.indptr)[source].sum()))
        return rows[source]

    def linked(self, rows: Rows, sources: Any, targets: Any, size: int) -> Rows:
        """Return `size` rows: the union, for each, of those whose links lead to it (−1: none)."""
        sources, targets = np.ravel(sources), np.ravel(targets)
        given = (sources >= 0) & (targets >= 0)
        sources, targets = sources[given], targets[given]
        if size == 1:
            return whole(self.take(rows, np.append(sources, (-1, -1))))
        links = (np.ones(len(sources), bool), (targets, sources))
        rows = self.matrix(rows)
        return self.through(sparse.csr_array(links, shape=(size, rows.shape[0])), rows)

    def through(self, links: Any, rows: Any) -> Rows:
        """Return the rows of the product with a boolean matrix."""
        most = int(np.diff(rows.indptr)[links.indices].sum())
        _check(min(most, links.shape[0] * self.n))
        found = links @ rows
        if found.shape[0] == 1:
            return frozenset(found.indices.tolist())
        found.sort_indices()
        return found

    def spread(self, rows: Rows, shape: Shape, into: Shape) -> Rows:
        """Repeat the rows of an array along the axes of a wider shape."""
        if shape == into or prod(shape) == prod(into):
            return rows
        if shape == ():
            return self.repeated(rows, prod(into))
        return self.take(rows, np.broadcast_to(numbers(shape), into))


def _check(count: int) -> None:
    if count > _MOST:
        raise MatrixSizeError(
            f"the pattern of this derivative has up to {count:,} entries",
            why="so many numbers depend on so many others that it is not sparse",
            cure="take the dense Jacobian, or products with it: chainrule.jvp, linearize, vjp",
        )


def _sorted(parts: list[frozenset[int]]) -> Any:
    return np.fromiter(chain(*map(sorted, parts)), np.intp, sum(map(len, parts)))


def whole(rows: Rows) -> frozenset[int]:
    """Return the union of all rows."""
    return rows if type(rows) is frozenset else frozenset(np.unique(rows.indices).tolist())


def union(a: Rows, b: Rows) -> Rows:
    """Return each row of `a` with that of `b`."""
    if a is None or a is b:
        return b
    if b is None:
        return a
    if type(a) is frozenset:
        return a | b
    _check(max(a.nnz, b.nnz))
    return a + b


def numbers(shape: Shape) -> Any:
    """Return an array of this shape that holds the numbers of its elements."""
    return np.arange(prod(shape)).reshape(shape)


# --- where a linear operation takes the elements of its argument ----------------------------------


def moved(run: Callable[[Any], Any], size: int) -> Any:
    """Return the number of the argument's element at each place of the result (−1: none).

    None where elements do not only move. `run` returns sizes. It is given 1, 2, …, and then other
    numbers, of which no sum is another one: what is a sum of several does not agree with them.
    """
    labels, others = (_kept if size <= _SMALL else _labels)(size)
    found = run(labels)
    if not np.all(found <= size):
        return None
    source = found.astype(np.intp)
    if not np.array_equal(source, found) or not np.array_equal(others[source], run(others[1:])):
        return None
    return source - 1


def _labels(size: int) -> tuple[Any, Any]:
    """Return 1, 2, …, and random integers with 0 in front, of which no sum is another one."""
    others = np.zeros(size + 1)
    others[1:] = np.random.Generator(np.random.PCG64(21)).integers(1 << 50, 1 << 51, size)
    return np.arange(1.0, size + 1), others


_kept = lru_cache(maxsize=32)(_labels)  # loops over numbers read the same array very often


def probed(many: Callable[[Any], Any], size: int, count: int, rng: Any) -> tuple[Any, Any]:
    """Find what a linear operation reads for each result, by giving it blocks of its argument.

    ``many(data)`` returns the results, as rows, of the arguments in the rows of `data`. Returns the
    ends of blocks of the argument, and a boolean matrix: results by blocks. Blocks are halved, and
    those that reach no result in common are asked for together, until each is one element, or too
    many of them overlap.
    """
    ends = np.array([0, size])
    links = sparse.csr_array(np.ones((count, 1), bool))
    if size * max(size, count) <= _DENSE:
        ends = np.arange(size + 1)
        return ends, sparse.csr_array(np.not_equal(many(np.diag(rng.uniform(1, 2, size))), 0).T)
    while len(ends) <= size:
        colours = _apart(links)
        if colours is None or 2 * (int(colours.max()) + 1) * max(size, count) > _AT_ONCE:
            break
        middle = (ends[:-1] + ends[1:]) // 2
        some = np.flatnonzero(middle > ends[:-1])
        if not len(some):
            break
        halves = np.sort(np.concatenate([ends, middle[some]]))
        data = np.zeros((2 * (int(colours.max()) + 1), size))
        noise = rng.uniform(1, 2, size)
        block = np.searchsorted(halves, np.arange(size), "right") - 1  # of the new blocks
        parent = np.searchsorted(ends, halves[:-1], "right") - 1
        second = halves[:-1] > ends[:-1][parent]
        row = 2 * colours[parent] + second
        data[row[block], np.arange(size)] = noise
        found = np.not_equal(many(data), 0)
        coo = links.tocoo()
        results, old = coo.coords
        pieces = []
        for half in (0, 1):
            hit = found[2 * colours[old] + half, results]
            child = np.searchsorted(halves, ends[:-1][old] if not half else middle[old])
            there = hit & (middle[old] > ends[:-1][old]) if half else hit
            pieces.append((results[there], child[there]))
        rows, cols = map(np.concatenate, zip(*pieces, strict=True))
        ends = halves
        links = sparse.csr_array((np.ones(len(rows), bool), (rows, cols)),
                                 shape=(count, len(ends) - 1))  # fmt: skip
    return ends, links


def _apart(links: Any) -> Any:
    """Colour the blocks so that those of one colour reach no result in common; None if too many."""
    by_block = links.tocsc()
    used = np.zeros(links.shape[0], np.uint64)
    colours = np.zeros(links.shape[1], np.intp)
    for b in range(links.shape[1]):
        reached = by_block.indices[by_block.indptr[b] : by_block.indptr[b + 1]]
        taken = int(np.bitwise_or.reduce(used[reached])) if len(reached) else 0
        c = (~taken & (taken + 1)).bit_length() - 1
        if c >= _COLOURS:
            return None
        colours[b] = c
        used[reached] |= np.uint64(1 << c)
    return colours
