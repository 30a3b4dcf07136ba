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
from ...numpy.index import scatter_add, setitem, split_index
from ..common import agreed, refusal, traced
from .changes import held_elsewhere, replace, shared
from .forms import places_of
from .matrices import (
    FILLED,
    TracedEntries,
    _become,
    _pattern,
    _traced_like,
    followable,
    is_traced,
    plain_matrix,
    shown,
    whole,
)
from .moves import THROUGH, _refusing, moved, through, toarray, todense
from .numpy_matrix import Matrix
from .products import combined
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
        everything = isinstance(key, tuple) and len(key) == 2 and all(
            isinstance(k, slice) and k == slice(None) for k in key
        )  # fmt: skip
        if everything and self.format == "lil" and sp.issparse(value) and (  # type: ignore[attr-defined]
            value.shape == self.shape  # type: ignore[attr-defined]
        ):  # fmt: skip
            self._take(value)
            return
        rows, cols = _grid(self.shape, key)  # type: ignore[attr-defined]
        values = _values(value, np.shape(rows), self.dtype)  # type: ignore[attr-defined]
        chunk = np.ravel(values).copy()  # what is stored shares no memory
        number = len(self._chunks)
        self._chunks.append(chunk)
        for k, place in enumerate(zip(np.ravel(rows).tolist(), np.ravel(cols).tolist(),
                                      strict=True)):  # fmt: skip
            if place in self._table and self.format == "dok" and self._hides(place):  # type: ignore[attr-defined]
                del self._table[place]  # SciPy has no such key: the store is that of a new one
            self._table[place] = number, k
            self._explicit.discard(place)

    def _hides(self, place: Any) -> bool:
        """Say whether an entry is 0 by its value, and not stored in SciPy."""
        chunk, k = self._table[place]
        return place not in self._explicit and agreed(self._chunks[chunk])[k] == 0

    def _take(self, value: Any) -> None:
        """Take the rows of another matrix, as SciPy's lil does; who had the old ones keeps them."""
        made = value.tolil()
        made = made if made.dtype == self.dtype else made.astype(self.dtype)  # type: ignore[attr-defined]
        if not _is_filled(made):
            made = type(made)(made)
            _fill(made)
        self._chunks, self._table, self._explicit = made._chunks, made._table, made._explicit

    def __setitem__(self, key: Any, value: Any) -> None:
        self._put(key, value)

    def __getitem__(self, key: Any) -> Any:
        rows, cols = _grid(self.shape, key)  # type: ignore[attr-defined]
        if np.ndim(rows) == 0:
            chunk, k = self._table.get((int(rows), int(cols)), (0, 0))
            return self._chunks[chunk][k]
        return self._moved("__getitem__", (key,), {})

    def _moved(self, name: str, args: Any, kwargs: Any) -> Any:
        """As SciPy's method, which only moves entries."""
        coo = self.tocoo()

        def move(matrices: list[Any]) -> Any:
            plain = self.filled_of(matrices[0].tocoo())
            found = getattr(plain, name)(*args, **kwargs)
            return matrices[0] if found is plain else found

        found = moved(move, [coo])
        return self if found is coo else found

    def filled_of(self, coo: Any) -> Any:
        """Return SciPy's own matrix of this form with the entries of a plain one in coo form."""
        if self.format == "lil":  # type: ignore[attr-defined]
            return coo.tolil()
        kind = sp.dok_matrix if sp.isspmatrix(self) else sp.dok_array
        made = kind(self.shape, dtype=coo.dtype)  # type: ignore[attr-defined]
        made._dict = dict(zip(zip(*(c.tolist() for c in coo.coords), strict=True), coo.data,
                              strict=True))  # fmt: skip
        return made

    def tocoo(self, copy: bool = False) -> Any:
        """Return the matrix of the entries that stand in the table now."""
        starts = np.cumsum([0, *(c.shape[0] for c in self._chunks)])
        kind = self._get_index_dtype(maxval=max(self.shape))  # type: ignore[attr-defined]
        places = np.array(list(self._table), kind).reshape(-1, 2)
        index = np.array([starts[chunk] + k for chunk, k in self._table.values()], int)
        data = np.concatenate(self._chunks)[index]
        made = _traced_like(_pattern(places.T, self.shape, self), data)  # type: ignore[attr-defined]
        zeros = np.fromiter((p in self._explicit for p in self._table), bool, len(self._table))
        stored = np.flatnonzero(np.not_equal(agreed(data), 0) | zeros)
        if self.format == "lil":  # type: ignore[attr-defined]
            stored = stored[np.lexsort(places[stored].T[::-1])]
        like = _pattern(places[stored].T, self.shape, self)  # type: ignore[attr-defined]
        like.has_canonical_format = self.format == "dok"  # type: ignore[attr-defined]
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
        if format in (None, self.format):  # type: ignore[attr-defined]
            return self.copy() if copy else self
        return getattr(self, f"to{format}")(copy=copy)

    def copy(self) -> Any:
        """Return a copy."""
        kind = type(self)
        made = kind.__new__(kind)
        made.__dict__.update(self.__dict__)
        made._chunks, made._table = list(self._chunks), dict(self._table)
        made._explicit = set(self._explicit)
        return made

    def conjugate(self, copy: bool = True) -> Any:
        """Return the conjugate: of real numbers the matrix itself, or a copy."""
        if self.dtype.kind == "c":  # type: ignore[attr-defined]
            return self.tocsr().conjugate()
        return self.copy() if copy else self

    conj = conjugate

    def resize(self, *shape: Any) -> None:
        """Change the shape in place; what stands outside is taken away, for all who have it."""
        rows, cols = shape[0] if len(shape) == 1 else shape
        alone = getrefcount(self._table) <= 2
        if self.format == "lil" and rows < self.shape[0] and not alone:  # type: ignore[attr-defined]
            raise shared("resize()")  # who has the rows keeps those that are cut off here
        for place in [p for p in self._table if p[0] >= rows or p[1] >= cols]:
            del self._table[place]
            self._explicit.discard(place)
        self.__dict__["_shape"] = int(rows), int(cols)

    def setdiag(self, values: Any, k: int = 0) -> None:
        """Store a diagonal."""
        rows, cols = _diagonal_places(self.shape, values, k)  # type: ignore[attr-defined]
        self._put((rows, cols), _diagonal_values(values, rows.size))


def _mover(name: str) -> Any:
    def move(self: Any, *args: Any, **kwargs: Any) -> Any:
        return self._moved(name, args, kwargs)

    move.__name__, move.__doc__ = name, f"As SciPy's `{name}`; the traced entries follow."
    return move


for _name in THROUGH:
    setattr(EntryByEntry, _name, through(_name))

_over_rows = through("__truediv__")


def _over(self: Any, other: Any) -> Any:
    """Divide: by a number in the form and the precision of the matrix."""
    if np.ndim(other) != 0 or sp.issparse(other):
        return _over_rows(self, other)
    return self.tocoo()._mul_scalar(1.0 / other).asformat(self.format)


setattr(EntryByEntry, "__truediv__", _over)  # noqa: B010
for _name in ("transpose", "reshape", "getrow", "getcol", "diagonal"):
    setattr(EntryByEntry, _name, _mover(_name))
for _method in (toarray, todense):  # SciPy's write into `out`, where only the numbers may
    setattr(EntryByEntry, _method.__name__, _method)

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
        for name in ("getrow", "getcol"):
            if not hasattr(kind, name):
                del methods[name]
        methods.update(_OF_DOK if issubclass(kind, _dok._dok_base) else _OF_LIL)
        found = _kinds[kind] = type(kind.__name__, (kind,), methods)
    return found


_IN_PLACE: dict[str, Any] = {}  # of lil matrices: dok ones are made anew


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

    _IN_PLACE[name] = add


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
                made = arg1.copy() if copies else arg1
            else:
                made = arg1.asformat(_format)
                made = made if dtype is None else made.astype(dtype)
        else:
            csr = sp.csr_matrix if sp.isspmatrix(self) else sp.csr_array
            made = csr(arg1, *args, **kwargs).asformat(_format)
        entries = dict(made.__dict__)
        self.__dict__.clear()
        self.__dict__.update(entries)  # one table: SciPy's share their rows
        if _is_filled(made):
            self.__class__ = _filled_class(type(self))


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
    if _twice(self):
        if self.format != "coo":
            with Silence():
                plain_matrix(self)[key] = plain_matrix(value)
        if _twice(self):
            rows = _grid(self.shape, key)[0]
            _store_beside_twins(self, value, np.shape(rows), lambda a, v: a.__setitem__(key, v))
            return
    like = plain_matrix(self).copy()
    with Silence():
        like[key] = plain_matrix(value)
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


def _store_beside_twins(self: Any, value: Any, shape: Any, change: Any) -> None:
    """Store where SciPy leaves entries at one place: it stores the numbers of the values."""
    if whole(self) is not self or sp.issparse(value):
        raise refusal(
            "a store into a matrix in which a place stands twice", "it has no rule",
            "add the entries up before: ‹self›.sum_duplicates()",
        )
    value, size = _values(value, shape, self.dtype), self.data.shape[0]
    numbered, like = self.form().matrix.copy(), plain_matrix(self).copy()
    old = numbered.data
    with Silence():
        change(numbered, -1.0 - np.arange(value.size).reshape(shape))
        change(like, agreed(value))
    at = numbered.data.astype(np.intp)
    if at.size != like.data.size:
        raise refusal(
            "a store of zeros into a coo matrix in which a place stands twice", "it has no rule",
            "add them up before: ‹self›.sum_duplicates()",
        )
    pool, plain = np.concatenate([self.data, np.ravel(value)]), type(self.data) is np.ndarray
    at, left = (np.where(x > 0, x - 1, size - 1 - x) for x in (at, old.astype(np.intp)))
    written = np.flatnonzero(left != np.arange(size))  # where SciPy writes into the old data
    sorts = bool(np.any(left[written] < size))
    if written.size and (plain or sorts) and held_elsewhere(self):
        raise shared("a store")
    if written.size and not plain:
        self.data[written] = pool[left[written]]
    if numbered.data is not old or plain:
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
            with Silence():
                plain_matrix(self).setdiag(agreed(values), k)  # which may settle the matrix, too
        if _twice(self):
            _store_beside_twins(self, values, np.shape(values), lambda a, v: a.setdiag(v, k))
            return
        like = plain_matrix(self).copy()
        with Silence():
            like.setdiag(agreed(values), k)
        mark = np.full(np.shape(values), -1.0)
        _store(self, (rows, cols), values, like, lambda a: a.setdiag(mark, k))


def _filled(made: Any, like: Any) -> Any:
    """Return the matrix `made` as one that is filled entry by entry, in the order of SciPy's."""
    flat = np.ravel_multi_index(places_of(made), made.shape)
    like, kind = like.tocoo(), type(like)
    first = np.ravel_multi_index(like.coords, like.shape)
    once, back = np.unique(flat, return_inverse=True)
    arrays, index = split_index(np.ravel(back))
    data = scatter_add(made.data, *arrays, index=index, shape=(once.size,))
    filled = kind(made.shape, dtype=data.dtype)
    _fill(filled)
    filled._chunks.append(data)
    at = dict(zip(once.tolist(), range(once.size), strict=True))
    for place in (*first.tolist(), *np.setdiff1d(once, first).tolist()):  # what it hides comes last
        where = tuple(map(int, np.unravel_index(place, made.shape)))
        filled._table[where] = (len(filled._chunks) - 1, at[place]) if place in at else (0, 0)
    zeros = np.flatnonzero(like.data == 0)
    filled._explicit.update(zip(*(c[zeros].tolist() for c in like.coords), strict=True))
    return filled


FILLED.append(_filled)


def _filled_of(format: str) -> Any:
    def convert(self: Any, copy: bool = False) -> Any:
        """Return the matrix in a form that is filled entry by entry."""
        if self.format == format:
            return self.copy() if copy else self
        like = getattr(plain_matrix(self), f"to{format}")()
        return _filled(whole(followable(self)), like)

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


def _scaling(ufunc: Any) -> Any:
    def scale(self: Any, other: Any) -> Any:
        """Scale the entries of a dok matrix in place: what is stored stays so, zeros too."""
        if np.ndim(other) != 0 or sp.issparse(other):
            return NotImplemented
        self._explicit.update(zip(*(c.tolist() for c in self.tocoo().coords), strict=True))
        starts = np.cumsum([0, *(c.shape[0] for c in self._chunks)])
        index = np.array([starts[chunk] + k for chunk, k in self._table.values()], int)
        number = len(self._chunks)
        self._chunks.append(ufunc(np.concatenate(self._chunks)[index], other))
        self._table.update({place: (number, k) for k, place in enumerate(self._table)})
        return self

    return scale


_OF_DOK = {
    "__imul__": _scaling(np.multiply), "__itruediv__": _scaling(np.divide),
    "_dict": property(_dict_of),
} | {
    name: _refusing(name, "write A[i, j] = …, or A.toarray()")
    for name in ("pop", "popitem", "clear", "update", "setdefault", "__delitem__")
}
_OF_LIL = _IN_PLACE | {
    "rows": property(_rows_of), "data": property(_refusing("data", "write A.tocsr().data")),
}  # fmt: skip

# a matrix with traced entries has these methods too
TracedEntries.__setitem__ = _assign  # type: ignore[attr-defined]
TracedEntries.setdiag = setdiag  # type: ignore[attr-defined]
