"""Sparse matrices assembled as people write it: entry by entry, of blocks, by Kronecker products.

The formats that are filled entry by entry (lil, dok) keep traced entries in chunks, one for each
store, beside a table of which entry stands where; they turn to csr for everything but indexing.
"""

import warnings
from operator import methodcaller
from sys import getrefcount
from types import MappingProxyType
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.sparse import _base, _dok, _index, _lil  # type: ignore[attr-defined]

from ....core.registry import composite
from ....core.settings import Silence
from ...declare import as_array
from ...numpy.index import setitem
from ..common import agreed, refusal, traced
from .matrices import (
    THROUGH,
    TracedEntries,
    _become,
    _pattern,
    _refusing,
    _traced_like,
    combined,
    held_elsewhere,
    in_class,
    in_rows_alone,
    is_traced,
    moved,
    of_dense,
    places_of,
    plain_matrix,
    replace,
    shared,
    shown,
    through,
    whole,
)
from .numpy_matrix import Matrix
from .settled import settle

# --- entry by entry -------------------------------------------------------------------------------


def _grid(shape: tuple[int, int], key: Any) -> tuple[Any, Any]:
    """Return rows and columns of what ``A[key]`` names, as NumPy reads the index."""
    key = plain_matrix(key).toarray() if sp.issparse(key) else key
    rows = np.broadcast_to(np.arange(shape[0])[:, None], shape)
    cols = np.broadcast_to(np.arange(shape[1])[None, :], shape)
    return rows[key], cols[key]


def _values(value: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """Return what is stored as an array of `shape`, cast to `dtype` as SciPy casts it."""
    if isinstance(value, Matrix):
        value = value.array
    value = value.toarray() if sp.issparse(value) else as_array(value)
    if value.dtype != dtype:  # what a dense array of that dtype would hold
        whole = dtype.kind not in "fc"  # a store of whole numbers has no slope
        value = value.astype(dtype) if whole else setitem(
            np.zeros(value.shape, dtype), value, index=...
        )
    if value.size == np.prod(shape, dtype=int):
        return np.reshape(value, shape)
    return np.broadcast_to(value, shape)


class EntryByEntry:
    """What a lil or dok class does once traced entries were stored."""

    __slots__ = ()

    def _put(self, key: Any, value: Any) -> None:
        rows, cols = _grid(self.shape, key)  # type: ignore[attr-defined]
        chunk = np.ravel(_values(value, np.shape(rows), self.dtype))  # type: ignore[attr-defined]
        number = len(self._chunks)
        self._chunks.append(chunk)
        for k, place in enumerate(zip(np.ravel(rows).tolist(), np.ravel(cols).tolist(),
                                      strict=True)):  # fmt: skip
            self._table[place] = number, k
            self._explicit.discard(place)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._put(key, value)

    def __getitem__(self, key: Any) -> Any:
        rows, cols = _grid(self.shape, key)  # type: ignore[attr-defined]
        if np.ndim(rows) == 0:
            chunk, k = self._table.get((int(rows), int(cols)), (0, 0))
            return self._chunks[chunk][k]
        if np.ndim(rows) == 2:
            return self._part(rows, cols)
        return self.tocsr()[key]

    def _part(self, rows: Any, cols: Any) -> Any:
        """Return a block, of the chunks that it touches."""
        places = zip(np.ravel(rows).tolist(), np.ravel(cols).tolist(), strict=True)
        found = [(k, self._table[p]) for k, p in enumerate(places) if p in self._table]
        shape = np.shape(rows)
        numbers = sorted({chunk for _, (chunk, _) in found})
        starts, pieces, total = {}, [np.zeros(0, self.dtype)], 0  # type: ignore[attr-defined]
        for number in numbers:
            starts[number] = total
            pieces.append(self._chunks[number])
            total += self._chunks[number].shape[0]
        at = np.array([k for k, _ in found], int)
        index = np.array([starts[chunk] + k for _, (chunk, k) in found], int)
        data = np.concatenate(pieces)[index]
        return _traced_like(_pattern(np.unravel_index(at, shape), shape, self), data).tocsr()

    def tocoo(self, copy: bool = False) -> Any:
        """Return the matrix of the entries that stand in the table now."""
        starts = np.cumsum([0, *(c.shape[0] for c in self._chunks)])
        places = np.array(list(self._table), int).reshape(-1, 2)
        index = np.array([starts[chunk] + k for chunk, k in self._table.values()], int)
        data = np.concatenate(self._chunks)[index]
        made = _traced_like(_pattern(places.T, self.shape, self), data)  # type: ignore[attr-defined]
        zeros = np.fromiter((p in self._explicit for p in self._table), bool, len(self._table))
        stored = np.flatnonzero(np.not_equal(agreed(data), 0) | zeros)
        if self.format == "lil":  # type: ignore[attr-defined]
            stored = stored[np.lexsort(places[stored].T[::-1])]
        like = _pattern(places[stored].T, self.shape, self)  # type: ignore[attr-defined]
        return shown(made, like)

    def _getnnz(self, axis: Any = None) -> Any:
        return self.tocsr()._getnnz(axis)

    def count_nonzero(self, axis: Any = None) -> Any:
        """Return the number of entries that are not zero."""
        return self.tocsr().count_nonzero(axis)

    def tocsr(self, copy: bool = False) -> Any:
        """Return the matrix in csr form."""
        return self.tocoo().tocsr()

    def tocsc(self, copy: bool = False) -> Any:
        """Return the matrix in csc form."""
        return self.tocoo().tocsc()

    def asformat(self, format: Any, copy: bool = False) -> Any:
        """Return the matrix in another form."""
        return self if format in (None, self.format) else self.tocsr().asformat(format)  # type: ignore[attr-defined]

    def copy(self) -> Any:
        """Return a copy."""
        kind = type(self)
        made = kind.__new__(kind)
        made.__dict__.update(self.__dict__)
        made._chunks, made._table = list(self._chunks), dict(self._table)
        made._explicit = set(self._explicit)
        return made

    def setdiag(self, values: Any, k: int = 0) -> None:
        """Store a diagonal."""
        rows, cols = _diagonal_places(self.shape, values, k)  # type: ignore[attr-defined]
        self._put((rows, cols), _diagonal_values(values, rows.size))


for _name in THROUGH:
    setattr(EntryByEntry, _name, through(_name))

_kinds: dict[type, type] = {}


def _is_filled(a: Any) -> bool:
    return type(a) in _kinds.values()


def _fill(self: Any) -> None:
    """Turn a plain lil or dok matrix into one that takes traced entries."""
    coo = type(self).tocoo(self)
    coo.sum_duplicates()
    if _held_elsewhere(self):
        raise shared("a store")
    places = list(zip(*(c.tolist() for c in coo.coords), strict=True))
    table = {place: (1, k) for k, place in enumerate(places)}
    zeros = {place for place, v in zip(places, coo.data.tolist(), strict=True) if v == 0}
    if isinstance(self, dict):
        dict.clear(self)
    self.__class__ = _filled_class(type(self))
    self._chunks, self._table = [np.zeros(1, self.dtype), np.asarray(coo.data)], table
    self._explicit = zeros  # places of zeros that SciPy has stored; a store of 0 takes them away


def _held_elsewhere(self: Any) -> bool:
    """Say whether another plain matrix (or a name) has the entries of this one, or rows of it."""
    if self.format == "dok":
        return getrefcount(self._dict) > 2
    rows = self.rows
    return getrefcount(rows) > 3 or any(getrefcount(rows[i]) > 2 for i in range(rows.size))


def _filled_class(kind: type) -> type:
    found = _kinds.get(kind)
    if found is None:
        methods = {k: v for k, v in vars(EntryByEntry).items() if k not in ("__dict__", "__doc__",
                   "__slots__", "__weakref__")}  # fmt: skip
        methods.update(in_rows_alone("resize"))
        methods.update(_OF_DOK if issubclass(kind, _dok._dok_base) else _OF_LIL)
        found = _kinds[kind] = type(kind.__name__, (kind,), methods)
    return found


def _in_place(name: str, sign: float) -> None:
    function = vars(_lil._lil_base)[name]

    @composite(function, name=f"scipy.sparse.lil.{name}", always=True)
    def add(self: Any, other: Any) -> Any:
        """Add to all entries, in place."""
        if not (traced(other) or is_traced(other) or _is_filled(other) or _is_filled(self)):
            return function(self, other)
        whole = combined(self.tocsr(), other, 1.0, sign)
        if not _is_filled(self):
            _fill(self)
        self._put((slice(None), slice(None)), whole)
        return self

    setattr(EntryByEntry, name, add)


_in_place("__iadd__", 1.0)
_in_place("__isub__", -1.0)

for _base_of, _format in ((_lil._lil_base, "lil"), (_dok._dok_base, "dok")):
    _function = vars(_base_of)["__init__"]

    @composite(_function, name=f"scipy.sparse.{_function.__qualname__}", always=True)
    def init(
        self: Any, arg1: Any, *args: Any, _function: Any = _function, _format: str = _format,
        **kwargs: Any,
    ) -> None:  # fmt: skip
        """Make a matrix that is filled entry by entry, of one with traced entries."""
        if not (traced(arg1) or is_traced(arg1) or _is_filled(arg1)):
            _function(self, arg1, *args, **kwargs)
            return
        if sp.issparse(arg1):
            if is_traced(arg1):
                settle(arg1, methodcaller(f"to{_format}"))
            dtype = kwargs.get("dtype", args[1] if len(args) > 1 else None)
            if arg1.format == _format and dtype in (None, arg1.dtype):
                copies = kwargs.get("copy", len(args) > 2 and args[2])
                entries = dict((arg1.copy() if copies else arg1).__dict__)
                self.__dict__.clear()
                self.__dict__.update(entries)  # one table: SciPy's share their rows
                self.__class__ = _filled_class(type(self))
                return
            made = in_class(arg1.tocsr(), type(self))
            made = made if dtype is None else made.astype(dtype)
        else:
            csr = sp.csr_matrix if sp.isspmatrix(self) else sp.csr_array
            made = csr(arg1, *args, **kwargs)
        _become(self, made.asformat(_format))


for _function in dict.fromkeys((
    _lil._lil_base.__setitem__, _dok._dok_base.__setitem__, _index.IndexMixin.__setitem__,
)):  # fmt: skip

    @composite(_function, name=f"scipy.sparse.{_function.__qualname__}", always=True)
    def store(self: Any, key: Any, x: Any, _function: Any = _function) -> None:
        """Store traced numbers into a sparse matrix."""
        if _is_filled(self):
            self._put(key, x)
        elif not (traced(x) or is_traced(x) or is_traced(self) or isinstance(x, Matrix)
                  or _is_filled(x)):  # fmt: skip
            _function(self, key, x)
        elif self.format in ("lil", "dok"):
            _fill(self)
            self._put(key, x)
        else:
            _assign(self, key, x)


def _assign(self: Any, key: Any, value: Any) -> None:
    """Store at an index, and warn as SciPy does where a compressed matrix gets new places."""
    key = plain_matrix(key).toarray() if sp.issparse(key) else key
    if self.format != "coo" and _twice(self):
        with Silence():
            plain_matrix(self)[key] = plain_matrix(value.tocsr() if _is_filled(value) else value)
        if _twice(self):
            _store_beside_twins(self, key, value)
            return
    like = plain_matrix(self).copy()
    with Silence():
        like[key] = plain_matrix(value.tocsr() if _is_filled(value) else value)
    grows = _store(self, _grid(self.shape, key), value, like, lambda a: a.__setitem__(key, -1.0))
    if grows and self.format in ("csr", "csc"):
        name = f"{self.format}_{'matrix' if sp.isspmatrix(self) else 'array'}"
        warnings.warn(
            f"Changing the sparsity structure of a {name} is expensive. lil and dok are more "
            "efficient.", sp.SparseEfficiencyWarning, stacklevel=3,
        )  # fmt: skip


def _twice(self: Any) -> bool:
    """Say whether a place stands twice in a matrix, which has traced entries then."""
    if is_traced(self):
        return self._unique() is not self
    flat = np.ravel_multi_index(places_of(self), self.shape)
    if np.unique(flat).size == flat.size:
        return False
    if held_elsewhere(self):
        raise shared("a store")
    _become(self, _traced_like(self, self.data))
    return True


def _store_beside_twins(self: Any, key: Any, value: Any) -> None:
    """Store where SciPy leaves entries at one place: it stores the numbers of the values."""
    if whole(self) is not self or sp.issparse(value):
        raise refusal(
            "a store into a matrix in which a place stands twice", "it has no rule",
            "add the entries up before: ‹self›.sum_duplicates()",
        )
    rows, _ = _grid(self.shape, key)
    value, size = _values(value, np.shape(rows), self.dtype), self.data.shape[0]
    numbered = self.form().matrix.copy()
    old = numbered.data
    with Silence():
        numbered[key] = -1.0 - np.arange(np.size(rows)).reshape(np.shape(rows))
    at = numbered.data.astype(np.intp)
    at = np.where(at > 0, at - 1, size - 1 - at)
    pool = np.concatenate([self.data, np.ravel(value)])
    if numbered.data is old and type(self.data) is not np.ndarray:
        changed = np.flatnonzero(at >= size)
        self.data[changed] = pool[at[changed]]
    elif numbered.data is not old and held_elsewhere(self):
        raise shared("a store")
    else:
        _become(self, _traced_like(numbered, pool[at]))


def _store(self: Any, places: tuple[Any, Any], value: Any, like: Any, change: Any) -> bool:
    """Store into a csr, csc or coo matrix: it is made anew, with these places replaced.

    Say whether any of the places is new.
    """
    rows, cols = places
    value = _values(value, np.shape(rows), self.dtype)
    a = whole(self).tocoo()
    a = a._summed() if is_traced(a) else a
    stored = np.ravel(rows) * a.shape[1] + np.ravel(cols)
    _, last = np.unique(stored[::-1], return_index=True)  # of the same place the last store counts
    last = stored.size - 1 - last
    old = np.asarray(a.coords[0], np.int64) * a.shape[1] + a.coords[1]
    kept = np.flatnonzero(~np.isin(old, stored))
    data = np.concatenate([a.data[kept], np.ravel(value)[last]])
    flat = np.concatenate([old[kept], stored[last]])
    made = _traced_like(_pattern(np.divmod(flat, a.shape[1]), a.shape, self), data)
    del a  # it may hold the data of the matrix, of which `replace` asks who holds them
    with Silence():
        replace(self, shown(made, like), change, "a store")
    return not np.all(np.isin(stored, old))


def _diagonal_places(shape: tuple[int, int], values: Any, k: int) -> tuple[Any, Any]:
    length = min(shape[0] + min(k, 0), shape[1] - max(k, 0))
    if np.ndim(values) == 1 and np.size(values):
        length = min(length, np.shape(values)[0])
    return np.arange(length) + max(-k, 0), np.arange(length) + max(k, 0)


def _diagonal_values(values: Any, length: int) -> Any:
    values = as_array(values)
    return np.broadcast_to(values, (length,)) if values.ndim == 0 else values[:length]


@composite(_base._spbase.setdiag, name="scipy.sparse.setdiag", always=True)
def setdiag(self: Any, values: Any, k: int = 0) -> None:
    """Store a diagonal."""
    if not (traced(values) or is_traced(self)):
        _base._spbase.setdiag(self, values, k)
        return
    rows, cols = _diagonal_places(self.shape, values, k)
    values = _diagonal_values(values, rows.size)
    if self.format in ("lil", "dok"):
        _fill(self)
        self._put((rows, cols), values)
    else:
        if _twice(self) and self.format != "coo":
            self.sum_duplicates()  # as SciPy's does
        like = plain_matrix(self).copy()
        with Silence():
            like.setdiag(agreed(values), k)
        mark = np.full(np.shape(values), -1.0)
        _store(self, (rows, cols), values, like, lambda a: a.setdiag(mark, k))


def _filled_of(format: str) -> Any:
    def convert(self: Any, copy: bool = False) -> Any:
        """Return the matrix in a form that is filled entry by entry."""
        if self.format == format:
            return self.copy() if copy else self
        if not _is_filled(self):
            settle(self, methodcaller(f"to{format}"))
        own = self if _is_filled(self) else whole(self)
        coo = own.tocoo()
        coo = whole(coo)._summed().tocoo()
        kind = getattr(sp, f"{format}_{'matrix' if sp.isspmatrix(self) else 'array'}")
        made = kind(self.shape, dtype=coo.dtype)
        _fill(made)
        made._put(tuple(map(np.asarray, places_of(coo))), coo.data)
        like = plain_matrix(self.tocsr()).tocoo()
        at = np.flatnonzero(np.equal(like.data, 0))
        made._explicit.update(zip(*(c[at].tolist() for c in places_of(like)), strict=True))
        return made

    return convert


for _format in ("lil", "dok"):
    setattr(TracedEntries, f"to{_format}", _filled_of(_format))
    setattr(EntryByEntry, f"to{_format}", _filled_of(_format))


def _dict_of(self: Any) -> Any:
    """Return the entries of a dok matrix, to read."""
    coo = self.tocoo()
    places = zip(*(c.tolist() for c in coo.coords), strict=True)
    return MappingProxyType(dict(zip(places, coo.data, strict=True)))


def _rows_of(self: Any) -> Any:
    """Return the columns of the entries of a lil matrix, row by row."""
    csr = self.tocsr()
    found = np.empty(self.shape[0], object)
    found[:] = [list(map(int, r)) for r in np.split(csr.indices, csr.indptr[1:-1])]
    return found


_OF_DOK = in_rows_alone("__imul__", "__itruediv__") | {"_dict": property(_dict_of)} | {
    name: _refusing(name, "write A[i, j] = …, or A.toarray()")
    for name in ("pop", "popitem", "clear", "update", "setdefault", "__delitem__")
}
_OF_LIL = {
    "rows": property(_rows_of), "data": property(_refusing("data", "write A.tocsr().data")),
}  # fmt: skip

# a matrix with traced entries has these methods too
TracedEntries.__setitem__ = _assign  # type: ignore[attr-defined]
TracedEntries.setdiag = setdiag  # type: ignore[attr-defined]


# --- of blocks ------------------------------------------------------------------------------------


def _has_traced(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(map(_has_traced, value))
    if isinstance(value, np.ndarray) and value.dtype == object:
        return any(map(_has_traced, value.flat))
    return is_traced(value) or _is_filled(value) or traced(value)


def _sparse(block: Any, keep: bool = False) -> Any:
    """Return a block as a sparse matrix; of a dense one the zeros too, if `keep` says so."""
    if sp.issparse(block):
        return block.tocsr() if _is_filled(block) else block
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
    a, b = (whole(_sparse(x)).tocoo() for x in (A, B))
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
    eye = sp.eye if sp.isspmatrix(A) and sp.isspmatrix(B) else sp.eye_array
    made = combined(kron(eye(B.shape[0]), A), kron(B, eye(A.shape[0])), 1.0, 1.0)
    return made.asformat(format if format in ("csr", "csc", "coo") else "csr")



