"""Colourings: which columns, or rows, of a sparse matrix are taken in one product.

A product J·s, with s = Σ e_j over the columns j of one colour, gives in row i the sum of the
entries J_ij of that colour. Where there is one only, it is read off.

- Columns may share a colour if no row has entries in both (a partial distance-2 colouring). Rows
  likewise, with products wᵀJ.
- Of a matrix with a few dense rows these are taken by products from the left, and the rest by
  columns; with a few dense columns it goes the other way round.
- Of a symmetric matrix either H_ij or H_ji will do. In a *star* colouring each entry is alone in
  one of the two places: neighbours differ, and no path of four vertices has two colours. In an
  *acyclic* one any two colours span a forest, which is solved from its leaves: fewer colours, but
  errors of rounding add up along the way.

All are greedy, in the orders given below, and take a time proportional to the number of entries.

References
----------
A. Curtis, M. J. D. Powell, J. K. Reid, J. Inst. Maths Applics 13 (1974) 117–119; T. F. Coleman,
J. J. Moré, SIAM J. Numer. Anal. 20 (1983) 187–209 and Math. Program. 28 (1984) 243–270;
A. H. Gebremedhin, F. Manne, A. Pothen, SIAM Review 47 (2005) 629–705.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

_ROUNDS = 3  # colourings that begin with the classes of the one before
_LARGE = 1 << 21  # entries beyond which one greedy colouring has to do


@dataclass(frozen=True, slots=True, eq=False)
class Colouring:
    """How the entries of a pattern are found from products.

    `columns` and `rows` hold the colour of each, −1 where it is in no product; `forward` and
    `backward` count the products J·s and wᵀJ. The entries, in the order of the csr pattern, stand
    at the `places` of all products one after the other; `solve`, where given, makes them of what
    stands there.
    """

    kind: str
    columns: Any
    rows: Any
    forward: int
    backward: int
    places: Any
    solve: Callable[[Any], Any] | None = None

    @property
    def count(self) -> int:
        """Return how many products are taken."""
        return self.forward + self.backward


def colour_jacobian(pattern: Any, mode: str = "auto") -> Colouring:
    """Colour a csr pattern by columns ("fwd"), rows ("rev"), or as fewer products do ("auto").

    >>> import numpy as np
    >>> from scipy import sparse
    >>> from chainrule.sparsity.colouring import colour_jacobian
    >>> table = np.eye(9) + np.eye(9, k=1) + np.eye(9, k=-1)
    >>> tridiagonal = sparse.csr_array(table, dtype=bool)
    >>> colour_jacobian(tridiagonal).columns.tolist()
    [0, 1, 2, 0, 1, 2, 0, 1, 2]
    """
    m, n = pattern.shape
    row, col = entries(pattern)
    tries = []
    for turned, own, count in ((False, row, m), (True, col, n)):
        if mode == ("rev", "fwd")[turned] or (turned and mode == "auto" and _is_symmetric(pattern)):
            continue
        lengths = np.bincount(own, minlength=count)
        order = np.argsort(-lengths, kind="stable")
        totals = np.append(lengths[order], 0) + np.arange(count + 1)  # with so many of the longest
        cuts = {0, int(np.argmin(totals))} if mode == "auto" else {0}
        tries += [(int(totals[k]), k, turned, order[:k]) for k in cuts]
    best: Colouring | None = None
    for total, _, turned, some in sorted(tries, key=lambda t: t[:3]):
        if best is None or total < best.count:
            found = _split(row, col, m, n, some, turned)
            best = found if best is None or found.count < best.count else best
    assert best is not None
    return best


def _is_symmetric(pattern: Any) -> bool:
    """Say whether the entries are those of the transpose: then rows do what columns do."""
    if pattern.shape[0] != pattern.shape[1]:
        return False
    other = pattern.T.tocsr()
    return bool(
        np.array_equal(other.indptr, pattern.indptr)
        and np.array_equal(other.indices, pattern.indices)
    )


def _split(row: Any, col: Any, m: int, n: int, some: Any, turned: bool) -> Colouring:
    """Take some rows by products from the left, and what is left by columns; or, `turned`, columns.

    Turned, it is the transpose that is so taken: some columns as such, and the rest by rows.
    """
    if turned:
        row, col, m, n = col, row, n, m
    dense = np.zeros(m, bool)
    dense[some] = True
    mine = dense[row]
    columns, forward = distance_2(col[~mine], row[~mine], n, m)
    rows, backward = distance_2(row[mine], col[mine], m, n)
    if turned:
        row, col, m, n, mine = col, row, n, m, ~mine
        columns, forward, rows, backward = rows, backward, columns, forward
    places = np.where(mine, forward * m + rows[row] * n + col, columns[col] * m + row)
    kind = "columns" if not backward else "rows and columns" if forward else "rows"
    return Colouring(kind, columns, rows, forward, backward, places)


def entries(pattern: Any) -> tuple[Any, Any]:
    """Return the rows and the columns of the entries of a csr matrix."""
    return np.repeat(np.arange(pattern.shape[0]), np.diff(pattern.indptr)), pattern.indices


def distance_2(own: Any, others: Any, n: int, m: int) -> tuple[Any, int]:
    """Colour `n` vertices so that those with a neighbour among `m` others in common differ.

    Edges lead from ``own[e]`` to ``others[e]``. Vertices without any get −1. Natural order, then
    the longest first, then some rounds over the classes found, the last first, which never need
    more colours.
    """
    order = np.argsort(own, kind="stable")
    ends = np.cumsum(np.bincount(own, minlength=n)).tolist()
    met = others[order].tolist()
    near = [met[a:b] for a, b in zip([0, *ends], ends, strict=False)]
    least = int(np.bincount(others, minlength=1).max(initial=0))
    vertices = [v for v in range(n) if near[v]]
    best, count = _greedy(vertices, near, n, m)
    if len(own) > _LARGE or count == least:
        return np.array(best, np.intp), count
    longest = sorted(vertices, key=lambda v: -len(near[v]))
    if longest != vertices:
        other, fewer = _greedy(longest, near, n, m)
        if fewer < count:
            best, count = other, fewer
    for _ in range(_ROUNDS):
        if count == least:
            break
        classes = sorted(vertices, key=lambda v: -best[v])  # type: ignore[index]
        best, count = _greedy(classes, near, n, m)
    return np.array(best, np.intp), count


def _greedy(vertices: Iterable[int], near: list[list[int]], n: int, m: int) -> tuple[Any, int]:
    """Give each vertex the first colour that none has with which it shares a neighbour."""
    colours, taken = [-1] * n, [0] * m  # the colours that each neighbour has, as bits
    every = 0
    for v in vertices:
        met = 0
        for i in near[v]:
            met |= taken[i]
        free = ~met & (met + 1)
        for i in near[v]:
            taken[i] |= free
        colours[v] = free.bit_length() - 1
        every |= free
    return colours, every.bit_length()


# --- symmetric matrices ---------------------------------------------------------------------------


def colour_hessian(pattern: Any, kind: str = "star") -> Colouring:
    """Colour a symmetric csr pattern: "star", or "acyclic".

    >>> import numpy as np
    >>> from scipy import sparse
    >>> from chainrule.sparsity.colouring import colour_hessian
    >>> table = np.eye(9) + np.eye(9, k=1) + np.eye(9, k=-1)
    >>> tridiagonal = sparse.csr_array(table, dtype=bool)
    >>> colour_hessian(tridiagonal).count, colour_hessian(tridiagonal, "acyclic").count
    (3, 2)
    """
    n = pattern.shape[0]
    row, col = entries(pattern)
    near: list[list[int]] = [[] for _ in range(n)]
    for i, j in zip(row.tolist(), col.tolist(), strict=True):
        if i != j:
            near[i].append(j)
    how = _star if kind == "star" else _acyclic
    natural = list(range(n))
    longest = sorted(natural, key=lambda v: -len(near[v]))
    colours = min((how(order, near) for order in ([natural] if longest == natural else
                   [natural, longest])), key=max) if n else []  # fmt: skip
    found = np.array(colours, np.intp)
    return _read_star(pattern, found) if kind == "star" else _read_acyclic(pattern, found)


def _star(order: list[int], near: list[list[int]]) -> list[int]:
    """Colour greedily so that neighbours differ, and no path of four has two colours only.

    `around[w]` holds, as bits, the colours of the neighbours of w; `hubs[w]` those of its
    neighbours that have another neighbour of the colour of w. A vertex must not have the colour of
    a hub beside its neighbour w, nor, if two of its neighbours have the same colour, any colour
    around these.
    """
    n = len(near)
    colours, around, hubs = [-1] * n, [0] * n, [0] * n
    several = [0] * n  # the colours that more than one neighbour has
    for v in order:
        taken, many = 0, several[v]
        for w in near[v]:
            c = colours[w]
            if c >= 0:
                taken |= 1 << c | hubs[w]
                if many >> c & 1:
                    taken |= around[w]
        bit = ~taken & (taken + 1)
        colours[v] = colour = bit.bit_length() - 1
        for w in near[v]:
            c = colours[w]
            if c >= 0 and many >> c & 1:
                hubs[w] |= bit
            if around[w] & bit:
                first = not several[w] & bit
                several[w] |= bit
                if c >= 0:
                    hubs[v] |= 1 << c
                    if first:
                        for z in near[w]:
                            if colours[z] == colour:
                                hubs[z] |= 1 << c
            around[w] |= bit
    return colours


def _acyclic(order: list[int], near: list[list[int]]) -> list[int]:
    """Colour greedily so that neighbours differ, and any two colours span a forest.

    The edges from w to its neighbours of colour a belong to one tree, that of ``(w, a)``.
    """
    n = len(near)
    colours, around, several = [-1] * n, [0] * n, [0] * n
    tree: dict[tuple[int, int], tuple[int, int]] = {}

    def root(key: tuple[int, int]) -> tuple[int, int]:
        while (up := tree[key]) != key:
            tree[key] = key = tree[up]
        return key

    for v in order:
        taken, many = 0, several[v]
        reached: dict[Any, int] = {}
        for w in near[v]:
            c = colours[w]
            if c < 0:
                continue
            taken |= 1 << c
            if many >> c & 1:
                bits = around[w]
                while bits:
                    low = bits & -bits
                    a = low.bit_length() - 1
                    bits ^= low
                    if taken & low:
                        continue
                    key = root((w, a))
                    if reached.setdefault((key, a), w) != w:
                        taken |= low
        bit = ~taken & (taken + 1)
        colours[v] = colour = bit.bit_length() - 1
        for w in near[v]:
            if around[w] & bit:
                several[w] |= bit
            around[w] |= bit
            c = colours[w]
            if c >= 0:
                here, there = (v, c), (w, colour)
                tree.setdefault(here, here)
                tree.setdefault(there, there)
                a, b = root(here), root(there)
                if a != b:
                    tree[a] = b
    return colours


def _read_star(pattern: Any, colours: Any) -> Colouring:
    """Find for each entry the place where it stands alone, and drop the colours that none needs."""
    n = pattern.shape[0]
    row, col = entries(pattern)
    alone = _alone(row, col, colours)
    there = _alone(col, row, colours)  # at the mirrored place
    needed = np.zeros(n, bool)
    needed[row[row == col]] = True
    needed[col[alone & ~there]] = True
    free = (alone & there & (row < col)).nonzero()[0]
    if not needed.all():  # a colour without a diagonal entry may do without this vertex
        degree = np.bincount(row, minlength=n)
        used = set(colours[needed].tolist())
        for i, j in zip(row[free].tolist(), col[free].tolist(), strict=True):
            if not (needed[i] or needed[j]):
                v = max(i, j, key=lambda v: (colours[v] in used, degree[v]))
                needed[v] = True
                used.add(int(colours[v]))
    colours = np.where(needed, colours, -1)
    kept, numbers = np.unique(colours[needed], return_inverse=True)
    colours[needed] = numbers
    direct = alone & needed[col]
    places = np.where(direct, colours[col] * n + row, colours[row] * n + col)
    return Colouring("star", colours, np.full(n, -1), len(kept), 0, places)


def _alone(row: Any, col: Any, colours: Any) -> Any:
    """Say for each entry whether it is the only one of its row with the colour of its column."""
    keys = row * (int(colours.max(initial=0)) + 1) + colours[col]
    _, at, counts = np.unique(keys, return_inverse=True, return_counts=True)
    return counts[at] == 1


def _read_acyclic(pattern: Any, colours: Any) -> Colouring:
    """Order the entries so that each follows from its place and from those before it."""
    n = pattern.shape[0]
    row, col = entries(pattern)
    width = int(colours.max(initial=-1)) + 1
    upper = (row <= col).nonzero()[0]
    i, j = row[upper], col[upper]
    one, two = i * width + colours[j], j * width + colours[i]  # the two sums that an entry is in
    sums, at = np.unique(np.concatenate([one, two]), return_inverse=True)
    first, second = at[: len(upper)].tolist(), at[len(upper) :].tolist()
    members: list[set[int]] = [set() for _ in sums]
    for e, (a, b) in enumerate(zip(first, second, strict=True)):
        members[a].add(e)
        members[b].add(e)
    everyone = [sorted(s) for s in members]
    leaves = [s for s, m in enumerate(members) if len(m) == 1]
    turn, read = [], np.zeros(len(upper), np.intp)
    done = [False] * len(upper)
    while leaves:
        s = leaves.pop()
        if not members[s]:
            continue
        e = members[s].pop()
        if done[e]:
            continue
        done[e] = True
        turn.append(e)
        read[e] = s
        other = second[e] if first[e] == s else first[e]
        members[other].discard(e)
        if len(members[other]) == 1:
            leaves.append(other)
    order = np.array(turn, np.intp)
    number = np.empty(len(upper), np.intp)
    number[order] = np.arange(len(order))
    where = sums[read[order]]
    places = (where % width) * n + where // width if width else where
    rows = np.repeat(np.arange(len(order)), [len(everyone[s]) for s in read[order].tolist()])
    cols = number[[e for s in read[order].tolist() for e in everyone[s]]] if turn else rows
    system = sparse.csc_array((np.ones(len(rows)), (rows, cols)), shape=(len(order),) * 2)
    mirror = np.empty(len(row), np.intp)
    key = np.minimum(row, col) * n + np.maximum(row, col)
    mirror = np.searchsorted(i * n + j, key) if len(row) else mirror
    return Colouring("acyclic", colours, np.full(n, -1), width, 0, places,
                     _Substitution(system, number[mirror]))  # fmt: skip


class _Substitution:
    """Solve from the leaves of the forests; the matrix is lower triangular, with ones."""

    def __init__(self, system: Any, mirror: Any) -> None:
        from scipy.sparse.linalg import splu

        self.factors = splu(system, "NATURAL", diag_pivot_thresh=0) if system.shape[0] else None
        self.mirror = mirror

    def __call__(self, sums: Any) -> Any:
        """Return the entries, given the sums that they are in."""
        if self.factors is None:
            return sums
        return self.factors.solve(np.asarray(sums, float)).astype(sums.dtype)[self.mirror]
