"""The triangular factors that `splu` makes of a sparse matrix with traced entries.

P A Q = L U with permutations that stand still beside the point. Elimination fills: where the column
k of L and the row k of U have entries, all places between them may get one. Over these places
(`Places`), which hold all that can have a derivative, an op gives the entries of both factors.
"""

from heapq import heapify, heappop, heappush
from typing import Any

import numpy as np

from ....core.op import Notation, Op
from ....core.registry import add
from ....core.slots import Jvp
from ...numpy.index import scatter_add, split_index
from ...numpy.linalg import GILES
from ..linalg.factors import _lu_change
from .forms import Form
from .kept import Kept


class Places:
    """Where the entries of A, of L (the unit diagonal left out) and of U stand: a param.

    `flat` are the places of A's entries after the exchanges, `low` and `up` those of the factors,
    as ``row + n * column``, sorted: first those of U, then those of L.
    """

    __slots__ = ("n", "flat", "up", "low", "_order", "_columns")

    def __init__(self, form: Form, factor: Any) -> None:
        rows, cols = form.places
        self.n = n = form.matrix.shape[0]
        rows, cols = factor.perm_r[rows].astype(np.int64), factor.perm_c[cols].astype(np.int64)
        self.flat = rows + n * cols
        filled = _filled(rows, cols, n)
        i, j = filled % n, filled // n
        self.up, self.low = filled[i <= j], filled[i > j]
        self._order = self._columns = None

    def __repr__(self) -> str:
        return f"factors[{self.n}, {self.n}]"

    def blocks(self) -> Any:
        """Return the sorted places of all entries, and for each step its column and its row."""
        if self._columns is None:
            both = np.concatenate([self.up, self.low])
            self._order = np.argsort(both)
            ends = np.arange(self.n + 1)
            low = np.searchsorted(self.low, self.n * ends)
            by_row = np.argsort(self.up % self.n, kind="stable")
            right = np.searchsorted((self.up % self.n)[by_row], ends)
            self._columns = low, by_row, right
        return self._order, *self._columns


def _filled(rows: Any, cols: Any, n: int) -> Any:
    """Return where elimination without exchanges leaves entries, as ``row + n * column``.

    Found column by column, without numbers: those would underflow where fill follows upon fill. The
    column j gets what stands below each pivot k < j that it has an entry beside. Once j is below k
    and beside it, all that is below k is below j, so that k tells no more.

    Reference: S. C. Eisenstat, J. W. H. Liu, Exploiting structural symmetry in unsymmetric sparse
    symbolic factorization, SIAM J. Matrix Anal. Appl. 13 (1992) 202–211.
    """
    for known in _known:
        if known[0] == n and np.array_equal(known[1], rows) and np.array_equal(known[2], cols):
            return known[3]  # a gradient is taken again and again
    columns: list[set[int]] = [{j} for j in range(n)]
    for i, j in zip(rows.tolist(), cols.tolist(), strict=True):
        columns[j].add(i)
    below: list[set[int]] = []
    for j, met in enumerate(columns):
        todo = [k for k in met if k < j]
        heapify(todo)
        while todo:
            new = below[heappop(todo)] - met
            met |= new
            for i in new:
                if i < j:
                    heappush(todo, i)
        below.append({i for i in met if i > j})
        for k in met:
            if k < j and j in below[k]:
                below[k] = {i for i in below[k] if i <= j}
    found = np.array([i + n * j for j, met in enumerate(columns) for i in sorted(met)], np.int64)
    _known.insert(0, (n, rows, cols, found))
    del _known[_MOST:]
    return found


_MOST = 4
_known: list[tuple[int, Any, Any, Any]] = []  # patterns that were filled last, and how


def _value(data: Any, form: Form, way: Kept, places: Places) -> Any:
    factor = way.factor(form.filled(data), data.dtype).factor
    low, up = factor.L.tocsc(), factor.U.tocsc()
    return np.concatenate([_at(up, places.up, places.n), _at(low, places.low, places.n)])


def _at(matrix: Any, flat: Any, n: int) -> Any:
    matrix = matrix.tocoo()
    found = np.zeros(flat.size, matrix.dtype)
    here = matrix.row.astype(np.int64) + n * matrix.col.astype(np.int64)
    at = np.minimum(np.searchsorted(flat, here), max(flat.size - 1, 0))
    known = flat[at] == here if flat.size else np.zeros(here.size, bool)
    found[at[known]] = matrix.data[known]
    return found


def _spread(entries: Any, flat: Any, n: int) -> Any:
    """Return the dense matrix of entries at these places, which may stand there twice."""
    arrays, index = split_index((flat % n, flat // n))
    return scatter_add(entries, *arrays, index=index, shape=(n, n))


def dense_factors(packed: Any, places: Places) -> tuple[Any, Any]:
    """Return L, without its unit diagonal, and U as dense matrices."""
    up, low = packed[: places.up.size], packed[places.up.size :]
    return _spread(low, places.low, places.n), _spread(up, places.up, places.n)


def _jvp(t: Any, y: Any, _data: Any, form: Form, way: Kept, places: Places) -> Any:
    low, up = dense_factors(y, places)
    n = places.n
    dl, du = _lu_change(_spread(t, places.flat, n), low + np.eye(n), up)
    return np.concatenate([du[places.up % n, places.up // n], dl[places.low % n, places.low // n]])


def _pull(ct: Any, y: Any, data: Any, form: Form, way: Kept, places: Places) -> Any:
    """Undo the steps of elimination, the last first, over the places alone.

    A step sets l = a/u of the column and takes l⊗u from what is left: with S̄, the cotangent of what
    is left, l̄ ← l̄ − S̄u, ū ← ū − S̄ᵀl of the row, then ā = l̄/u and ū ← ū − ā·l of the pivot.
    """
    if not (type(ct) is type(y) is type(data) is np.ndarray and y.dtype.char == "d"):
        return NotImplemented
    n, many = places.n, places.up.size
    order, ends, by_row, right = places.blocks()
    both = np.concatenate([places.up, places.low])[order]
    back, value = ct.astype(y.dtype)[order], y[order]
    at = np.empty(order.size, np.intp)
    at[order] = np.arange(order.size)
    for k in range(n - 1, -1, -1):
        in_row = by_row[right[k] : right[k + 1]]
        pivot, row = at[in_row[0]], at[in_row[1:]]
        column = at[many + ends[k] : many + ends[k + 1]]
        if column.size == 0:
            continue
        down, along, u = value[column], value[row], value[pivot]
        if row.size:
            wanted = both[column][:, None] % n + both[row][None] // n * n
            left = back[np.searchsorted(both, wanted)]
            back[column] -= left @ along
            back[row] -= down @ left
        back[column] /= u
        back[pivot] -= back[column] @ down
    return back[np.searchsorted(both, places.flat)]


sparse_factors = Op(
    "sparse_factors",
    _value,
    (Jvp(_jvp, shortcut=_pull),),
    batch="loop",
    complex=True,
    closed=False,
    notation=Notation(
        "lu({0})", "\\operatorname{{lu}}({0})",
        rule="PAQ = LU, M = L⁻¹ P dA Q U⁻¹: dL = L tril(M, −1), dU = triu(M) U",
    ),
    references=(GILES,),
)  # fmt: skip
add(sparse_factors)
