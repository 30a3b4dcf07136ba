"""Products and sums of sparse matrices: with traced arrays, and with each other.

A product with a plain sparse matrix is linear: its transpose is the product with the transposed
matrix.
"""

from typing import Any

import numpy as np
import scipy.sparse as sp

from ....core.op import Notation, Op
from ....core.registry import add
from ....core.slots import Linear
from ...batched import columns
from ...declare import as_array
from ..common import refusal, traced
from .forms import Form, places_of
from .matrices import (
    TracedEntries,
    _coo_of,
    _pattern,
    _traced_like,
    is_traced,
    plain_matrix,
    shown,
    whole,
)
from .moves import laid
from .numpy_matrix import Matrix, bare, like
from .settled import is_settled


def _links(x: Any, *places: Any) -> Any:
    """Return elements at these places, of the axis that is contracted, for each column of `x`."""
    if len(x.shape) == 1:
        return places
    k = x.shape[1]
    return tuple(np.ravel(p[:, None] * k + np.arange(k)) for p in places)


sparse_times = Op(
    "sparse_times",
    lambda x, form: form.matrix @ x,
    (Linear(transpose=lambda ct, _x, form: sparse_times(ct, form=form.turned),
            links=lambda x, form: _links(x, *form.places)),),
    batch=columns(0),
    complex=True,
    notation=Notation("{form:A}{form:turn}·{0}", "{form:A}{form:turn} {0}", 20, (21,),
                      "linear: back it is the product with the transpose"),
)
add(sparse_times)


def data_transpose(ct: Any, _data: Any, x: Any, form: Form) -> Any:
    """Return ȳᵢ xⱼ at the places (i, j) of the entries."""
    rows, cols = form.places
    terms = ct[rows] * x[cols]
    return terms if len(x.shape) == 1 else np.sum(terms, axis=-1)


sparse_product = Op(
    "sparse_product",
    lambda data, x, form: form.filled(data) @ x,
    (
        Linear(transpose=data_transpose),
        Linear(transpose=lambda ct, data, _x, form: sparse_product(data, ct, form=form.turned),
               links=lambda _data, x, form: _links(x, *form.places)),
    ),
    batch=columns(1),
    complex=True,
    notation=Notation(
        "A({0})·{1}", "A({0})\\,{1}", 20, (0, 21),
        "A(data)·x is linear in the entries, with ȳᵢxⱼ, and in x, with Aᵀȳ",
    ),
)  # fmt: skip
add(sparse_product)


def product(a: Any, x: Any) -> Any:
    """Return A @ x for a sparse A, plain or with traced data, and a dense x."""
    x, given = as_array(bare(x)), x
    if x.ndim == 0:
        raise ValueError("Scalar operands are not allowed, use '*' instead")
    if a.ndim != 2 or x.ndim > 2:
        return np.matmul(a.toarray(), x)
    if x.shape[0] != a.shape[1]:
        raise ValueError(
            "matmul: dimension mismatch with signature "
            f"(n,k={a.shape[1]}),(k={x.shape[0]},m)->(n,m)"
        )
    if is_traced(a):
        a = whole(a)
        return like(sparse_product(a.data, x, form=a.lasting_form()), given)
    return like(sparse_times(x, form=Form(a)), given)


def left_product(x: Any, a: Any) -> Any:
    """Return x @ A."""
    return like(product(a.T, np.transpose(as_array(bare(x)))).T, x)


def combined(a: Any, b: Any, p: float, q: float) -> Any:
    """Return p·a + q·b, of which one is a sparse matrix with traced entries."""
    if not sp.issparse(a) or not sp.issparse(b):
        dense = b if sp.issparse(a) else a
        if np.ndim(dense) == 0 and not traced(dense) and dense == 0:
            return p * a if sp.issparse(a) else q * b
        old = sp.isspmatrix(a) or sp.isspmatrix(b)
        a, b = (x.toarray() if sp.issparse(x) else as_array(x) for x in (a, b))
        return Matrix(p * a + q * b) if old else p * a + q * b
    if a.shape != b.shape:
        raise ValueError("inconsistent shapes")
    expected = _plain_sum(plain_matrix(a), plain_matrix(b), p, q)
    if expected.format == "dia":
        found = laid(lambda x, y: x + y, lambda x, y: p * x + q * y, a, b, 0.0)
        if found is not None:
            return found
    like = a if is_traced(a) else b
    parts, rows, cols = [], [], []
    for x, factor in ((a, p), (b, q)):
        x = whole(x)
        x = x if x.format in ("csr", "csc", "coo") else x.tocsr()
        if is_traced(x):  # each is summed by itself, as SciPy does: what cancels is 0 to the bit
            x = x._unique()
        elif not is_settled(x):
            x = x.copy()
            x.sum_duplicates()
        parts.append(factor * x.data)
        places = places_of(x)
        rows.append(places[0])
        cols.append(places[1])
    made = _coo_of(np.concatenate(parts), (np.concatenate(rows), np.concatenate(cols)), like)
    return shown(made, expected)


def _plain_sum(a: Any, b: Any, p: float, q: float) -> Any:
    if p == 1.0:
        return a + b if q == 1.0 else a - b
    return p * a + q * b


def sparse_sparse(a: Any, b: Any) -> Any:
    """Return A @ B of two sparse matrices, of which one has traced entries, as a sparse one.

    Entry (i, j) is the sum of aᵢₖ bₖⱼ over the k that both have; the pairs of entries are found
    on the plain places.
    """
    if a.ndim != 2 or b.ndim != 2:
        raise refusal(
            "a product of sparse arrays that are not two-dimensional", "it has no rule",
            "write ‹self›.toarray() @ ‹0›.toarray()",
        )
    if a.shape[1] != b.shape[0]:
        raise ValueError(f"dimension mismatch: {a.shape}, {b.shape}")
    expected = plain_matrix(a) @ plain_matrix(b)
    like = a if not sp.isspmatrix(a) else b  # an array, where one of the two is one
    a, b = whole(a).tocsr(), whole(b).tocsr()
    rows, inner = places_of(a)
    counts = np.diff(b.indptr)[inner]
    first = np.repeat(np.arange(inner.size), counts)
    ends = np.cumsum(counts)
    second = np.arange(first.size) - np.repeat(ends - counts - b.indptr[inner], counts)
    pattern = _pattern((rows[first], b.indices[second]), (a.shape[0], b.shape[1]), like)
    return shown(_traced_like(pattern, a.data[first] * b.data[second]), expected)


def _matmul_dispatch(self: Any, other: Any) -> Any:
    if sp.issparse(other):
        return sparse_sparse(self, other)
    if np.ndim(other) == 0:
        return self._mul_scalar(other)
    return product(self, other)


def _rmatmul_dispatch(self: Any, other: Any) -> Any:
    if sp.issparse(other):
        return sparse_sparse(other, self)
    if np.ndim(other) == 0:
        return self._mul_scalar(other)
    return left_product(other, self)


def dot(self: Any, other: Any) -> Any:
    """As SciPy's `dot`."""
    return self * other if np.isscalar(other) else self @ other


def _sum(q: float, turned: bool) -> Any:
    def method(self: Any, other: Any) -> Any:
        return combined(other, self, 1.0, q) if turned else combined(self, other, 1.0, q)

    return method


for _function in (_matmul_dispatch, _rmatmul_dispatch, dot):
    setattr(TracedEntries, _function.__name__, _function)
for _name, _q in (("add", 1.0), ("sub", -1.0)):
    setattr(TracedEntries, f"__{_name}__", _sum(_q, False))
    setattr(TracedEntries, f"__r{_name}__", _sum(_q, True))
