"""Matrices in the forms dia and bsr with traced entries: `data` of two or three dimensions.

They hold `data` as SciPy does, and share it where SciPy shares it. What is computed entry by entry
is that of the data; what moves entries runs SciPy's own code on numbers, and the data follow; the
rest is answered by the csr form, and brought to the form that SciPy answers in (`shown`).

A dia matrix has numbers that stand outside the matrix. Where SciPy computes these by its own way,
the matrix does not know them: its `data` are refused.
"""

from operator import methodcaller
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.sparse import _data  # type: ignore[attr-defined]

from ...declare import as_array
from ...numpy.index import scatter_add, split_index
from ..common import flows, refusal
from . import changes, products  # noqa: F401 - which have methods of all forms
from .changes import _places_held, held_elsewhere, shared
from .entries import multiplied
from .forms import Form
from .matrices import (
    METHODS,
    TracedEntries,
    _coo_of,
    _hiding,
    _plain_class,
    _traced_like,
    _unseen,
    _version,
    as_double,
    behind,
    hide,
    plain_matrix,
    plainly,
    shown,
    whole,
)
from .moves import through
from .settled import OF_ONE, followed, settle


class OtherForm:
    """What a dia or bsr class does where its data are traced."""

    __slots__ = ()

    @property
    def data(self) -> Any:
        """The entries, as SciPy holds them in this form."""
        if self.__dict__.get("_outside"):
            raise refusal(
                "A.data of a dia matrix A that SciPy has computed", "the numbers in it that stand "
                "outside the matrix have no rule", "read its diagonals: ‹self›.diagonal(k)",
            )  # fmt: skip
        return self.__dict__["data"]

    @data.setter
    def data(self, value: Any) -> None:
        self.__dict__["data"] = value
        self.__dict__.pop("_outside", None)

    @property
    def dtype(self) -> Any:
        """The type of the entries."""
        return self.__dict__["data"].dtype

    def form(self) -> Form:
        """Return the plain matrix of the same structure, with the numbers of its places as data."""
        plain = _plain_class(type(self))
        made, data = plain.__new__(plain), self.__dict__["data"]
        made.__dict__.update(_shown_parts(self))
        made.data = np.arange(1.0, data.size + 1).reshape(data.shape)
        return Form(followed(made, self))

    def own_rows(self) -> Any:
        """Return the matrix of all entries in csr form, the zeros too."""
        data = self.__dict__["data"]
        found, *seen = self.__dict__.get("_rows", (None,))
        now = _version(data)
        if found is not None and len(seen) == len(now) and all(map(_is, seen, now)):
            return found
        rows = self.form().matrix.tocsr()
        found = _traced_like(rows, np.ravel(data)[rows.data.astype(np.intp) - 1])
        if type(data) is not np.ndarray:
            self._rows = (found, *now)
        return found

    def _by_data(self, name: str, args: Any, kwargs: Any) -> Any:
        """Compute entry by entry, of the data in whatever form they are."""
        settle(self, methodcaller(name, *map(plainly, args), **kwargs))
        plain = plain_matrix(self)
        numbers = plain.data
        like = getattr(plain, name)(*map(plainly, args), **kwargs)
        data, own = self.__dict__["data"], behind(self)
        index = np.arange(data.size)
        flat = _coo_of(np.ravel(data), (np.zeros_like(index), index), sp.coo_array((1, data.size)))
        found = getattr(flat, name)(*args, **kwargs)
        if like is plain:
            return self
        if own is not None and not np.shares_memory(like.data, numbers):
            return shown(whole(getattr(own, name)(*args, **kwargs)), like)
        made = _traced_like(like, np.reshape(found.data, like.data.shape))
        if self.__dict__.get("_outside"):
            made._outside = True
        return _hiding(made, self, lambda own: getattr(own, name)(*args, **kwargs))

    def copy(self) -> Any:
        """Return a copy."""
        data = self.__dict__["data"]
        made = _traced_like(self.form().matrix.copy(), data.copy())
        if self.__dict__.get("_outside"):
            made._outside = True
        return _hiding(made, self, lambda own: own)

    def _mul_scalar(self, other: Any) -> Any:
        data, own = self.__dict__["data"], behind(self)
        if own is not None:
            return shown(whole(own._mul_scalar(other)), plain_matrix(self) * 1.0)
        made = _traced_like(self.form().matrix.copy(), data * other)
        if self.__dict__.get("_outside"):
            made._outside = True
        return made

    def multiply(self, other: Any) -> Any:
        """Multiply entry by entry."""
        if np.ndim(other) == 0 and not sp.issparse(other):
            return self._mul_scalar(other)
        return multiplied(self, other)

    def _divide(self, other: Any, *, rdivide: bool = False) -> Any:
        if np.ndim(other) == 0 and not sp.issparse(other) and not rdivide:
            return as_double(self)._mul_scalar(1.0 / other)
        return _divided(self, other, rdivide=rdivide)

    def __truediv__(self, other: Any) -> Any:
        if np.ndim(other) == 0 and not sp.issparse(other):
            return as_double(self)._mul_scalar(1.0 / other)
        return _over(self, other)

    def __imul__(self, other: Any) -> Any:
        if np.ndim(other) != 0 or sp.issparse(other):
            return NotImplemented
        own, data = behind(self), self.__dict__["data"]
        data *= other
        self.__dict__["data"] = data
        if own is not None:
            hide(self, own._mul_scalar(other))
        return self

    def setdiag(self, values: Any, k: int = 0) -> None:
        """Store a diagonal, where SciPy's own code stores it."""
        if behind(self) is not None or self.__dict__.get("_outside"):
            raise refusal(
                f"setdiag of a {self.format} matrix that hides zeros, or numbers outside",  # type: ignore[attr-defined]
                "it has no rule", "write ‹self› = ‹self›.tocsr() before it",
            )
        marked, data = self.form().matrix, self.__dict__["data"]
        numbers, values = marked.data, as_array(values)
        marked.setdiag(-np.arange(1.0, values.size + 1).reshape(values.shape), k)
        at = marked.data.astype(np.intp)
        stored = np.nonzero(at < 0)
        if marked.data is numbers:
            data[stored] = np.ravel(values)[-at[stored] - 1]
            return
        pool = np.concatenate([np.zeros_like(data, shape=(1,)), np.ravel(data),
                               np.ravel(values).astype(data.dtype)])  # fmt: skip
        made = _traced_like(marked, pool[np.where(at < 0, data.size - at, at)])
        self.__dict__.update(made.__dict__)
        self.__dict__.pop("_rows", None)

    def resize(self, *shape: Any) -> None:
        """Change the shape in place, and the memory where SciPy does."""
        if behind(self) is not None or self.__dict__.get("_outside"):
            raise refusal(
                f"resize of a {self.format} matrix that hides zeros, or numbers outside",  # type: ignore[attr-defined]
                "it has no rule", "write ‹self› = ‹self›.tocsr() before it",
            )
        plain, data = self.form().matrix.copy(), self.__dict__["data"]
        numbers = plain.data
        plain.resize(*shape)
        at = plain.data.astype(np.intp)
        if np.shares_memory(plain.data, numbers) and at.size:
            kept = data if at.shape == data.shape else data[tuple(map(slice, at.shape))]
            if np.any(at == 0):
                kept[at == 0] = 0.0
        elif held_elsewhere(self):
            raise shared("resize()")
        else:
            kept = np.concatenate([np.zeros_like(data, shape=(1,)), np.ravel(data)])[at]
        self.__dict__.update(plain.__dict__, data=kept)
        self.__dict__.pop("_rows", None)

    def sum_duplicates(self) -> None:
        """Add up the blocks that stand at one place."""
        _settled_blocks(self, "sum_duplicates")

    def sort_indices(self) -> None:
        """Sort the blocks of each row."""
        _settled_blocks(self, "sort_indices")

    def eliminate_zeros(self) -> None:
        """Store no blocks of zeros: where SciPy's code stores the others, too."""
        held, plain = held_elsewhere(self) and _places_held(self), plain_matrix(self).copy()
        kept = np.any(plain.data != 0, axis=tuple(range(1, plain.data.ndim)))
        if self.format == "dia" or np.all(kept):  # type: ignore[attr-defined]
            plain.eliminate_zeros()  # SciPy's dia matrix has no such method
            return
        if held:
            raise shared("eliminate_zeros()")
        own, data, count = whole(self).copy(), self.__dict__["data"], np.count_nonzero(kept)
        stays = data[np.flatnonzero(kept)]
        hides = flows(data)
        data[:count] = stays + _unseen(np.ravel(data[~kept])) if hides else stays
        plain.indices, plain.indptr = self.indices, self.indptr  # they are written to in place
        plain.eliminate_zeros()
        self.__dict__.update(indices=plain.indices, data=data[:count])
        if hides:
            hide(self, own)
        self.__dict__.pop("_rows", None)

    def _getnnz(self, axis: Any = None) -> Any:
        return plain_matrix(self)._getnnz(axis)

    def __repr__(self) -> str:
        return repr(plain_matrix(self))

    def __str__(self) -> str:
        return str(plain_matrix(self))


def _is(a: Any, b: Any) -> bool:
    return a is b


def _shown_parts(self: Any) -> dict[str, Any]:
    return {k: v for k, v in self.__dict__.items() if k not in OF_ONE}


def _settled_blocks(self: Any, name: str) -> None:
    """Sort blocks in place, or add them up: SciPy's code does so to their numbers.

    The indices are the matrix's own: who shares them in SciPy shares them here.
    """
    data, kind = self.__dict__["data"], _plain_class(type(self))
    size, *block = data.shape
    numbered = kind.__new__(kind)
    numbered.__dict__.update(_shown_parts(self))
    shape = (len(self.indptr) - 1, self.shape[1] // block[1])
    numbered.__dict__.update(_shape=shape, data=np.arange(float(size)).reshape(size, 1, 1))
    if getattr(numbered, _SAID[name]):
        self.__dict__.update({k: v for k, v in numbered.__dict__.items() if k.startswith("_has_")})
        return
    if behind(self) is not None:
        raise refusal(
            f"A.{name} of a bsr matrix that hides zeros", "it has no rule",
            "write ‹self› = ‹self›.tocsr() before it",
        )
    numbered.sort_indices()
    order = numbered.data.ravel().astype(np.intp)
    if name == "sum_duplicates":
        rows = np.repeat(np.arange(shape[0]), np.diff(self.indptr))
        same = (np.diff(rows) == 0) & (np.diff(numbered.indices) == 0)
        group = np.cumsum(np.r_[0, ~same])[:size]
        numbered.sum_duplicates()
        count = numbered.data.shape[0]
        arrays, at = split_index(group[np.argsort(order)])
        sums = scatter_add(data, *arrays, index=at, shape=(count, *block))
        # what SciPy leaves behind them: the sums once more where they began, and the other blocks
        start = np.r_[True, ~same][:size]
        index = np.where(start, group, count + order)
        index[:count] = np.arange(count)
        new = np.concatenate([sums, data])[index]
    else:
        new, count = data[order], size
    data[...] = new
    numbered.__dict__.update(_shape=self.shape, data=data if count == size else data[:count])
    self.__dict__.update(numbered.__dict__)
    self.__dict__.pop("_rows", None)


_SAID = {"sum_duplicates": "has_canonical_format", "sort_indices": "has_sorted_indices"}


def _changing(name: str) -> Any:
    """Return a method that changes the structure in place: it does nothing, or is refused."""

    def change(self: Any, *args: Any, **kwargs: Any) -> None:
        like = plain_matrix(self).copy()  # what changes in it changes nowhere else
        before = [np.copy(v) for v in _shown_parts(like).values()]
        getattr(like, name)(*args, **kwargs)
        after = _shown_parts(like).values()
        if not all(np.array_equal(a, b) for a, b in zip(before, after, strict=False)):
            raise refusal(
                f"A.{name} of a sparse matrix A with traced entries", "it has no rule",
                "write ‹self› = ‹self›.tocsr() before it",
            )

    change.__name__, change.__doc__ = name, f"As SciPy's `{name}`, where it changes nothing."
    return change


def _by(route: str, name: str) -> Any:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return getattr(self, route)(name, args, kwargs)

    method.__name__, method.__doc__ = name, f"As SciPy's `{name}`."
    return method


_divided, _over = map(through, ("_divide", "__truediv__"))
_OF_TRACED = (
    "_matmul_dispatch _rmatmul_dispatch dot trace todense __add__ __radd__ __sub__ __rsub__ "
    "__itruediv__ twin _moved"
).split()
_BY_ROWS = (
    "toarray sum mean diagonal getrow getcol max min argmax argmin maximum minimum nanmax nanmin "
    "count_nonzero nonzero __getitem__ tolil todok"
).split()
_MOVING = "transpose tocsr tocsc tocoo todia tobsr".split()
_BY_ENTRY = (
    "__neg__ __abs__ __round__ power conj conjugate _real _imag astype".split()
    + [u.__name__ for u in _data._ufuncs_with_fixed_point_at_zero]
)  # fmt: skip
for _name in _OF_TRACED:
    setattr(OtherForm, _name, vars(TracedEntries)[_name])
for _name in _BY_ROWS:
    setattr(OtherForm, _name, through(_name))
for _name in _MOVING:
    setattr(OtherForm, _name, _by("_moved", _name))
for _name in _BY_ENTRY:
    setattr(OtherForm, _name, _by("_by_data", _name))
setattr(OtherForm, "prune", _changing("prune"))  # noqa: B010
METHODS.update(dia=OtherForm, bsr=OtherForm)
