"""What changes a sparse matrix with traced entries in place, for all who share its memory."""

from sys import getrefcount
from typing import Any

import numpy as np
import scipy.sparse as sp

from ....errors import LostDerivativeError
from ..common import agreed, flows
from .forms import places_of
from .matrices import (
    TracedEntries,
    _become,
    _hiding,
    _plain_class,
    _traced_like,
    _unseen,
    behind,
    hide,
    is_traced,
    plain_matrix,
    shown,
    whole,
)
from .moves import _part_of
from .settled import OF_ONE


def _same_places(a: Any, b: Any) -> bool:
    return np.array_equal(a.indptr, b.indptr) and np.array_equal(a.indices, b.indices)


def held_elsewhere(a: Any) -> bool:
    """Say whether anyone but the matrix holds its data, or the array that they are a view of."""
    array = a.__dict__["data"]
    own = 3 + (len(a.__dict__.get("_whole", ())) > 1 and a._whole[1] is array)
    if getrefcount(array) > own:  # the matrix, this name, the call, and the mark of what is hidden
        return True
    base = array.base if type(array) is np.ndarray else None
    return base is not None and (type(base) is not np.ndarray or getrefcount(base) > 3)


def _places_held(a: Any) -> bool:
    """Say whether anyone else holds what tells the places of the entries."""
    for name in ("indices", "indptr"):
        array = a.__dict__[name]
        base = array.base
        if getrefcount(array) > 3 or (base is not None and getrefcount(base) > 3):
            return True
    return False


def shared(what: str) -> LostDerivativeError:
    """Build the error for a change in place that others would see in SciPy, and cannot here."""
    return LostDerivativeError(
        f"{what} changes a sparse matrix in place, whose data are held elsewhere too",
        why="another matrix (A.T, csr_array(A), …) or a name has the same memory, and would not "
        "see the change",
        cure="make the change before the other one is made, or make that of a copy: A.copy()",
    )


def replace(self: Any, new: Any, change: Any, what: str) -> None:
    """Become the matrix `new`, and store in place where SciPy's own `change` does.

    The change stores -1 into a plain matrix, which shows where the old data are written to.
    """
    own = is_traced(self)
    marked = (self.form().matrix if own else self).copy()
    old = marked.data = np.arange(1.0, self.data.shape[0] + 1)
    change(marked)
    at = np.flatnonzero(old < 0)
    plain = type(self.data) is np.ndarray  # till now: they are replaced by traced ones
    if at.size and plain and held_elsewhere(self):
        raise shared(what)
    stays, data, hidden = not plain and marked.data is old, self.data, new.__dict__.get("_whole")
    if at.size and not plain:
        flat, now = (np.ravel_multi_index(places_of(x), x.shape) for x in (self, new))
        order = np.argsort(now)
        data[at] = new.data[order[np.searchsorted(now, flat[at], sorter=order)]]
    _become(self, new)
    if stays:
        self.data = data
        if hidden is not None:
            hide(self, hidden[0])


def _store_into(data: Any, new: Any, rest: Any) -> None:
    """Store the data of `new` into `data`, as SciPy's code does in place, and let `new` have them.

    What is behind them is left over; of a much larger array they are a copy then.
    """
    size, hidden = new.data.shape[0], new.__dict__.get("_whole")
    data[...] = np.concatenate([new.data, rest[size:]])
    new.data, first = _part_of(data, np.arange(size)), data
    while getattr(first, "cr_base", None) is not None:
        first = first.cr_base[0]
    if size < first.size // 2:
        new.data = new.data.copy()
    if hidden is not None:
        hide(new, hidden[0])


def _without_zeros(a: Any, own: Any, like: Any, kept: Any) -> Any:
    """Return a matrix in which places stand twice without its zeros, which are hidden then."""
    data = a.data[kept]
    if flows(a.data):
        lost = np.setdiff1d(np.arange(a.data.shape[0]), kept)
        data = data + _unseen(a.data[lost])
    new = _traced_like(like, data)
    hide(new, own)
    return new


def _in_place(self: Any, name: str) -> None:
    if self.format == "coo" and name == "sum_duplicates" and self.has_canonical_format:
        return
    valued = name == "eliminate_zeros"
    like = (plain_matrix(self) if valued else self.form().matrix).copy()
    if valued:
        kept = np.flatnonzero(like.data)
    elif self.format != "coo":
        like.sort_indices()
        kept = like.data.astype(np.intp) - 1
    getattr(like, name)()
    if self.format != "coo" and _same_places(like, self):
        self.__dict__.update({k: v for k, v in like.__dict__.items() if k.startswith("_has_")})
        return
    held = self.format != "coo" and held_elsewhere(self)
    places_held = self.format != "coo" and _places_held(self)  # before `new` holds them, too
    alone = held or getattr(self.data, "cr_base", None) is not None
    alone = alone and self.format != "coo" and not places_held
    if held and not valued and like.indices.size == self.indices.size and (
        behind(self) is None
    ):  # sorted, for all who have the memory
        self.indices[...], self.data[...] = like.indices, self.data[kept]
        self.__dict__.update({k: v for k, v in like.__dict__.items() if k.startswith("_has_")})
        return
    if held and not alone:  # by another matrix, which would see other places, too
        raise shared(f"{name}()")
    own = whole(self)
    if name == "sort_indices":
        new = _traced_like(like, self.data[kept])
        if whole(self) is not self:
            hide(new, own)
    elif valued and self._unique() is not self:
        new = _without_zeros(self, own, like, kept)
    else:
        new = shown(_traced_like(own, own.data), like)
    if alone:  # names have the data, and nobody else what tells the places
        _store_into(self.data, new, self.data if valued else self.data[kept])
    elif places_held:
        _in_memory(self, new, name)
    _become(self, new)


def _in_memory(self: Any, new: Any, name: str) -> None:
    """Let SciPy's code change what tells the places of `self` in place; `new` goes on with it."""
    kind = _plain_class(type(self))
    plain = kind.__new__(kind)
    plain.__dict__.update(self.__dict__, data=np.array(agreed(self.data)))
    for key in OF_ONE:
        plain.__dict__.pop(key, None)
    getattr(plain, name)()
    new.indices, new.indptr = plain.indices, plain.indptr


def sum_duplicates(self: Any) -> None:
    """Add up the entries that stand at one place."""
    self._in_place("sum_duplicates")


def eliminate_zeros(self: Any) -> None:
    """Store no zeros."""
    self._in_place("eliminate_zeros")


def sort_indices(self: Any) -> None:
    """Sort the entries of each row, or column."""
    self._in_place("sort_indices")


def resize(self: Any, *shape: Any) -> None:
    """Change the shape in place; what stands outside is left out."""
    plain = self.form().matrix.copy()
    numbers = plain.data
    plain.resize(*shape)
    at = plain.data.astype(np.intp) - 1
    kept = np.shares_memory(plain.data, numbers)
    if self.format != "coo" and not kept and held_elsewhere(self):
        raise shared("resize()")
    made = _traced_like(plain, _part_of(self.data, at) if kept else self.data[at])

    def resized(own: Any) -> Any:
        own = own.copy()
        own.resize(*shape)
        return own

    _become(self, _hiding(made, self, resized))


def scale(self: Any, other: Any) -> Any:
    """Multiply with a number, in place."""
    if np.ndim(other) != 0 or sp.issparse(other):
        return NotImplemented
    own = whole(self)
    self.data *= other
    if own is not self:
        hide(self, own._mul_scalar(other))
    return self


def divide(self: Any, other: Any) -> Any:
    """Divide by a number, in place."""
    if np.ndim(other) != 0 or sp.issparse(other):
        return NotImplemented
    return scale(self, 1.0 / other)


for _function in (_in_place, sum_duplicates, eliminate_zeros, sort_indices, resize):
    setattr(TracedEntries, _function.__name__, _function)
setattr(TracedEntries, "__imul__", scale)  # noqa: B010
setattr(TracedEntries, "__itruediv__", divide)  # noqa: B010
