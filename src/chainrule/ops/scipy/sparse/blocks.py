"""Sparse matrices assembled of blocks, and by Kronecker products."""


from typing import Any

import numpy as np
import scipy.sparse as sp

from ....core.registry import composite
from ...declare import as_array
from ..common import agreed, traced
from .assembly import _is_filled
from .forms import places_of
from .matrices import (
    _traced_like,
    is_traced,
    of_dense,
    plain_matrix,
    shown,
    whole,
)
from .moves import moved
from .products import combined


def _has_traced(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(map(_has_traced, value))
    if isinstance(value, np.ndarray) and value.dtype == object:
        return any(map(_has_traced, value.flat))
    return is_traced(value) or _is_filled(value) or traced(value)


def _sparse(block: Any, keep: bool = False) -> Any:
    """Return a block as a sparse matrix; of a dense one the zeros too, if `keep` says so."""
    if sp.issparse(block):
        return block.tocoo() if block.format in ("lil", "dok") else block
    dense = np.atleast_2d(as_array(block))
    if keep:
        pattern = sp.coo_array(np.ones(dense.shape))
        return _traced_like(pattern, dense[places_of(pattern)])
    return of_dense(dense, sp.coo_array(agreed(dense)))


def _of_blocks(function: Any) -> None:
    @composite(function, name=f"scipy.sparse.{function.__name__}", always=True)
    def join(blocks: Any, *args: Any, **kwargs: Any) -> Any:
        """Join blocks, some of which have traced entries."""
        if not _has_traced(blocks):
            return function(blocks, *args, **kwargs)
        flat: list[Any] = []

        def place(block: Any) -> Any:
            if isinstance(block, list | tuple) and function in _NESTED:
                return [place(b) for b in block]
            if block is None:
                return None
            flat.append(_sparse(block, keep=function is sp.block_diag))
            return len(flat) - 1

        nested = [place(b) for b in blocks]

        def fill(part: Any, numbered: list[Any]) -> Any:
            if isinstance(part, list):
                return [fill(p, numbered) for p in part]
            return None if part is None else numbered[part]

        return moved(lambda numbered: function(fill(nested, numbered), *args, **kwargs), flat)


_NESTED = (sp.bmat, sp.block_array)
for _function in (sp.hstack, sp.vstack, sp.bmat, sp.block_array, sp.block_diag):
    _of_blocks(_function)


for _function in (sp.tril, sp.triu):

    @composite(_function, name=f"scipy.sparse.{_function.__name__}", always=True)
    def part(A: Any, k: int = 0, format: Any = None, _function: Any = _function) -> Any:
        """Return the part of a matrix on one side of a diagonal."""
        if not _has_traced(A):
            return _function(A, k, format)
        return moved(lambda numbered: _function(numbered[0], k, format), [_sparse(A)])


@composite(sp.find, name="scipy.sparse.find", always=True)
def find(A: Any) -> Any:
    """Return rows, columns and values of the entries that are not zero."""
    if not _has_traced(A):
        return sp.find(A)
    coo = _sparse(A).tocoo(copy=True)
    coo.sum_duplicates()
    rows, cols = places_of(coo)
    kept = np.flatnonzero(np.not_equal(coo.data, 0))
    return rows[kept], cols[kept], coo.data[kept]


@composite(sp.kron, name="scipy.sparse.kron", always=True)
def kron(A: Any, B: Any, format: Any = None) -> Any:
    """Return the Kronecker product, of which one factor has traced entries."""
    if not (_has_traced(A) or _has_traced(B)):
        return sp.kron(A, B, format)
    old = not any(sp.issparse(x) and not sp.isspmatrix(x) for x in (A, B))
    like = sp.kron(*(plain_matrix(_sparse(x)) if sp.issparse(x) else agreed(x) for x in (A, B)),
                   format)  # fmt: skip
    a, b = (whole(_sparse(x)) for x in (A, B))
    if like.format == "bsr":  # SciPy's blocks are the dense B, and its rows those of A in csr form
        a, b = a.tocsr(), b.tocsr()._summed() if is_traced(b) else sp.coo_array(b.toarray())
    a, b = a.tocoo(), b.tocoo()
    (ra, ca), (rb, cb) = places_of(a), places_of(b)
    rows = (np.asarray(ra, np.int64)[:, None] * b.shape[0] + rb).ravel()
    cols = (np.asarray(ca, np.int64)[:, None] * b.shape[1] + cb).ravel()
    kind = sp.coo_matrix if old else sp.coo_array
    shape = (a.shape[0] * b.shape[0], a.shape[1] * b.shape[1])
    pattern = kind((np.ones(rows.size), (rows, cols)), shape=shape)
    made = _traced_like(pattern, np.ravel(a.data[:, None] * b.data[None, :]))
    return shown(made, like)


@composite(sp.kronsum, name="scipy.sparse.kronsum", always=True)
def kronsum(A: Any, B: Any, format: Any = None) -> Any:
    """Return kron(I, A) + kron(B, I)."""
    if not (_has_traced(A) or _has_traced(B)):
        return sp.kronsum(A, B, format)
    if any(x.shape[0] != x.shape[1] for x in (A, B)):
        raise ValueError("A and B must be square")
    like = sp.kronsum(*(plain_matrix(_sparse(x)) for x in (A, B)), format)
    eye = sp.eye if sp.isspmatrix(A) and sp.isspmatrix(B) else sp.eye_array
    left, right = (eye(x.shape[0], dtype=like.dtype) for x in (B, A))
    made = combined(kron(left, A, "coo"), kron(B, right, "coo"), 1.0, 1.0)
    return shown(whole(made), like)
