"""Colourings: checked by their definitions, and by finding a matrix from its products."""

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from chainrule.sparsity.colouring import Colouring, colour_hessian, colour_jacobian


def brusselator(side: int) -> Any:
    """Return the pattern of two coupled five-point stencils on a torus."""
    at = np.arange(side * side).reshape(side, side)
    rows, cols = [], []
    for field in (0, at.size):
        for shift in ((0, 0), (0, 1), (0, -1), (1, 0), (-1, 0)):
            rows.append(at.ravel() + field)
            cols.append(np.roll(at, shift, (0, 1)).ravel() + field)
        rows.append(at.ravel() + field)
        cols.append(at.ravel() + at.size - field)
    places = np.concatenate(rows), np.concatenate(cols)
    ones = np.ones(len(places[0]), bool)
    return sparse.csr_array((ones, places), shape=(2 * at.size,) * 2)


def arrowhead(n: int) -> Any:
    k = np.arange(n)
    places = np.concatenate([0 * k, k[1:], k[1:]]), np.concatenate([k, 0 * k[1:], k[1:]])
    return sparse.csr_array((np.ones(3 * n - 2, bool), places), shape=(n, n))


def band(n: int, *offsets: int) -> Any:
    parts = [np.ones(n - abs(k)) for k in offsets]
    return sparse.diags_array(parts, offsets=offsets, shape=(n, n), format="csr").astype(bool)


def five_point(side: int) -> Any:
    line, one = band(side, -1, 1), sparse.eye_array(side)
    found = sparse.kron(line, one) + sparse.kron(one, line) + sparse.eye_array(side * side)
    return sparse.csr_array(found, dtype=bool)


def is_direct(pattern: Any, found: Colouring) -> bool:
    """Say whether each entry stands alone in the sum that it is read from."""
    m, n = pattern.shape
    table = pattern.toarray()
    row, col = table.nonzero()
    for i, j, place in zip(row, col, found.places, strict=True):
        if place < found.forward * m:
            c, r = divmod(place, m)
            met = {(r, k) for k in np.flatnonzero((found.columns == c) & table[r])}
        else:
            c, k = divmod(place - found.forward * m, n)
            met = {(r, k) for r in np.flatnonzero((found.rows == c) & table[:, k])}
        if found.kind == "star":
            met = {tuple(sorted(e)) for e in met}
            i, j = sorted((i, j))
        if met != {(i, j)}:
            return False
    return True


def is_star(table: Any, colours: Any) -> bool:
    """Say whether neighbours differ, and no path of four vertices has two colours only."""
    n = len(table)
    near = [[int(w) for w in np.flatnonzero(table[v]) if w != v] for v in range(n)]
    if any(colours[v] == colours[w] for v in range(n) for w in near[v]):
        return False
    return not any(
        colours[a] == colours[c] and colours[b] == colours[d]
        for b in range(n) for c in near[b] for a in near[b] if a != c
        for d in near[c] if d not in (a, b)
    )  # fmt: skip


def is_acyclic(table: Any, colours: Any) -> bool:
    """Say whether neighbours differ, and each two colours span a forest."""
    edges = [(i, j) for i, j in zip(*table.nonzero(), strict=True) if i < j]
    if any(colours[i] == colours[j] for i, j in edges):
        return False
    for pair in combinations(set(colours.tolist()), 2):
        root = list(range(len(table)))

        def find(v: int, root: list[int] = root) -> int:
            while root[v] != v:
                v = root[v]
            return v

        for i, j in edges:
            if {int(colours[i]), int(colours[j])} == set(pair):
                a, b = find(i), find(j)
                if a == b:
                    return False
                root[a] = b
    return True


def found_again(pattern: Any, found: Colouring, symmetric: bool) -> bool:
    """Say whether a matrix with this pattern is what is made of its products."""
    m, n = pattern.shape
    table = np.where(pattern.toarray(), np.random.default_rng(0).normal(size=(m, n)), 0)
    if symmetric:
        table = table + table.T
    seeds = np.arange(found.forward)[:, None] == found.columns
    weights = np.arange(found.backward)[:, None] == found.rows
    sums = np.concatenate([(seeds @ table.T).ravel(), (weights @ table).ravel()])[found.places]
    entries = sums if found.solve is None else found.solve(sums)
    return bool(np.allclose(entries, table[pattern.toarray()], atol=1e-9))


def random_patterns(count: int) -> Any:
    rng = np.random.default_rng(5)
    for _ in range(count):
        m, n = rng.integers(1, 13, 2)
        table = rng.random((m, n)) < rng.choice([0.1, 0.3, 0.6])
        if rng.random() < 0.3:
            table[rng.integers(m)] = table[:, rng.integers(n)] = True
        other = rng.random((n, n)) < rng.choice([0.05, 0.15, 0.5])
        other |= other.T
        if rng.random() < 0.5:
            np.fill_diagonal(other, True)
        yield sparse.csr_array(table), sparse.csr_array(other)


@pytest.mark.parametrize("mode", ["auto", "fwd", "rev"])
def test_columns_and_rows_of_one_colour_do_not_meet(mode: str) -> None:
    for pattern, _ in random_patterns(150):
        found = colour_jacobian(pattern, mode)
        assert is_direct(pattern, found)
        assert found_again(pattern, found, False)
        assert mode != "fwd" or not found.backward
        assert mode != "rev" or not found.forward


@pytest.mark.parametrize("kind", ["star", "acyclic"])
def test_colourings_of_symmetric_matrices_are_what_they_are_called(kind: str) -> None:
    for _, pattern in random_patterns(150):
        found = colour_hessian(pattern, kind)
        assert found_again(pattern, found, True)
        if kind == "star":
            assert is_direct(pattern, found)
        if (found.columns >= 0).all():
            check = is_star if kind == "star" else is_acyclic
            assert check(pattern.toarray(), found.columns)


def test_both_ways_never_take_more_than_one() -> None:
    for pattern, _ in random_patterns(60):
        both = colour_jacobian(pattern).count
        assert both <= min(colour_jacobian(pattern, way).count for way in ("fwd", "rev"))


def test_how_many_colours() -> None:
    """The table of decision 0031; a star colouring of a path with a diagonal takes three."""
    assert colour_jacobian(brusselator(16)).count <= 12
    assert colour_jacobian(brusselator(64)).count <= 12
    arrow = colour_jacobian(arrowhead(1000))
    assert (arrow.kind, arrow.count) == ("rows and columns", 3)
    assert colour_hessian(arrowhead(1000)).count == 2
    assert colour_jacobian(band(1000, -1, 0, 1)).count == 3
    assert colour_hessian(band(1000, -1, 0, 1)).count == 3
    assert colour_hessian(band(1000, -1, 0, 1), "acyclic").count == 2
    assert colour_hessian(band(1000, -1, 1)).count == 2  # every second vertex has no colour
    assert colour_hessian(five_point(20)).count <= 6
    assert colour_hessian(five_point(20), "acyclic").count <= 4
    assert colour_jacobian(band(1000, 0)).count == 1


def test_empty_patterns() -> None:
    for shape in ((0, 0), (0, 3), (3, 0), (3, 3)):
        found = colour_jacobian(sparse.csr_array(shape, dtype=bool))
        assert found.count == 0
        assert len(found.places) == 0
    for n in (0, 3):
        for kind in ("star", "acyclic"):
            assert len(colour_hessian(sparse.csr_array((n, n), dtype=bool), kind).places) == 0
