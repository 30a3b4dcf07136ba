"""What only moves the entries of sparse matrices: SciPy's own code runs on their numbers.

The numbers say which entry stands where in the result, and which memory it shares with its source.
"""

from copy import copy
from operator import methodcaller
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.sparse import _data  # type: ignore[attr-defined]

from ..common import refusal
from .forms import FORMS
from .matrices import (
    TracedEntries,
    _alike,
    _hiding,
    _structure,
    _traced_like,
    behind,
    followable,
    is_traced,
    plain_matrix,
    plainly,
    shown,
    whole,
)
from .numpy_matrix import Matrix
from .settled import settle


def moved(function: Any, matrices: list[Any]) -> Any:
    """Call a function that only moves entries of several matrices, some of them traced.

    SciPy's own code moves the numbers of the entries, and the entries follow. Where the structure
    hangs on values (of dia matrices, and where zeros are hidden), and where entries of one place
    are added up, they go to the places of SciPy's own result.
    """
    forms, starts = [], np.cumsum([0, *(_data_of(a).size for a in matrices)])
    for a, start in zip(matrices, starts[:-1], strict=True):
        form = a.form().matrix if is_traced(a) else a.copy()
        form.data = np.arange(1.0, form.data.size + 1).reshape(form.data.shape)
        form.data += starts[-1] + start  # a sum of two is larger than all of them
        forms.append(form)
    before, numbers = list(map(_structure, matrices)), [form.data for form in forms]
    found = function(forms)
    if any(x is not y for a, b in zip(map(_structure, matrices), before, strict=True)
           for x, y in zip(a, b, strict=True)):  # fmt: skip
        return moved(function, matrices)  # sorted in place: the numbers are others now
    for a, form, data in zip(matrices, forms, numbers, strict=True):
        if found is form:
            return a
        if sp.issparse(found) and found.format in FORMS and is_traced(a) and (
            np.shares_memory(found.data, data)
        ):  # fmt: skip
            at = (found.data - data.flat[0]).astype(np.intp).ravel()
            same = found.data.shape == data.shape
            part = _data_of(a) if same else _part_of(_data_of(a), at, found.data.shape)
            made = _outside_as(_traced_like(found, part), a)
            return _hiding(made, a, lambda own: function([own]))
    hidden = any(is_traced(a) and behind(a) is not None for a in matrices)
    if sp.issparse(found) and found.format not in FORMS:  # filled entry by entry
        made = moved(lambda m: function(m).tocoo(), matrices)
        return shown(whole(made), function([plain_matrix(a) for a in matrices]))
    if not sp.issparse(found):
        at = np.asarray(found).astype(np.intp)
        if not hidden and np.all(at <= 2 * starts[-1]):
            return _pool(matrices)[np.maximum(at - starts[-1], 0)]
        return _once(function, matrices)
    if not hidden and found.format in FORMS:
        like = found
        if any(a.format == "dia" for a in matrices):
            like = function([plain_matrix(a) for a in matrices])
        at = found.data.astype(np.intp)
        if np.all(at <= 2 * starts[-1]) and _alike(found, like):
            made = _traced_like(like, _pool(matrices)[np.maximum(at - starts[-1], 0)])
            return _outside_as(made, *matrices)
    return shown(_once(function, matrices), function([plain_matrix(a) for a in matrices]))


def _once(function: Any, matrices: list[Any]) -> Any:
    """Let all entries follow their numbers, those at one place added up before.

    They are not, where SciPy keeps them apart.
    """
    own = [_all_of(a) for a in matrices]
    for each in (own, [a._unique() for a in own]):
        forms, start = [], sum(a.data.size for a in each)
        size = start
        for a in each:
            form = a.form().matrix
            form.data = form.data + start
            start += form.data.size
            forms.append(form)
        pool = _pool(each)  # before SciPy's code may sort them
        found = function(forms)
        found = found if not sp.issparse(found) or found.format in FORMS else found.tocoo()
        at = np.asarray(found.data if sp.issparse(found) else found).astype(np.intp)
        if np.all(at <= 2 * size):
            break
    else:
        raise refusal(
            "a method of sparse matrices that adds entries up", "it has no rule where zeros are "
            "hidden", "add the entries up before: ‹self›.sum_duplicates()",
        )  # fmt: skip
    data = pool[np.maximum(at - size, 0)]
    if not sp.issparse(found):
        return data
    made = _traced_like(found, data)
    return made if found.format in ("csr", "csc", "coo") else made.own_rows()


def _all_of(a: Any) -> Any:
    """Return a matrix of all entries, in its own form if that is csr, csc or coo."""
    if not is_traced(a):
        a = a.copy() if a.format in ("csr", "csc", "coo") else a.tocoo(copy=True)
        return _traced_like(a, a.data)
    own = whole(a)
    return own.asformat(a.format) if a.format in ("csr", "csc", "coo") else own


def laid(function: Any, of_data: Any, a: Any, b: Any, rest: float) -> Any:
    """Return what SciPy makes of the data of two dia matrices, or of one and a dense array.

    It computes with all their numbers, those outside of the matrix too: their numbers say which of
    them meet. None where zeros are hidden, which are no such data.
    """
    pair = [x for x in (a, b) if sp.issparse(x)]
    if any(x.format != "dia" or (is_traced(x) and behind(x) is not None) for x in pair):
        return None
    all_data = [_data_of(x) if sp.issparse(x) else x for x in (a, b)]
    met = []
    for k in (0, 1):
        given: list[Any] = []
        for j, (x, data) in enumerate(zip((a, b), all_data, strict=True)):
            fresh = np.full(data.shape, rest)
            if j == k:
                fresh = np.arange(1.0, data.size + 1).reshape(data.shape)
            if sp.issparse(x):
                form = x.form().matrix if is_traced(x) else copy(x)
                form.data, fresh = fresh, form
            given.append(fresh)
        found, data = function(*given), np.ravel(all_data[k])
        padded = np.concatenate([np.zeros_like(data, shape=(1,)), data])
        met.append(padded[found.data.astype(np.intp)])
    return _outside_as(_traced_like(found, of_data(*met)), *pair)


def _data_of(a: Any) -> Any:
    return a.__dict__["data"]


def _pool(matrices: list[Any]) -> Any:
    """Return the data of all matrices behind a zero, which is what no entry is."""
    parts = [np.ravel(_data_of(a)) for a in matrices]
    return np.concatenate([np.zeros_like(parts[0], shape=(1,)), *parts])


def _outside_as(made: Any, *sources: Any) -> Any:
    """Return `made`, which does not know its numbers outside where a source does not."""
    if made.format == "dia" and any(a.__dict__.get("_outside") for a in sources):
        made._outside = True
    return made


def _part_of(data: Any, at: Any, shape: Any = None) -> Any:
    """Return the part of `data` that a view shows: a view, or `data` itself."""
    if shape is not None and len(data.shape) + len(shape) > 2:
        return np.reshape(data, shape)
    if at.size == data.shape[0]:
        return data
    start = int(at[0]) if at.size else 0
    return data[start : start + at.size]


# --- methods --------------------------------------------------------------------------------------


def _moved(self: Any, name: str, args: Any, kwargs: Any) -> Any:
    """As SciPy's method, which only moves entries."""
    return moved(lambda m: getattr(m[0], name)(*args, **kwargs), [self])


def trace(self: Any, offset: int = 0) -> Any:
    """Return the sum of a diagonal."""
    return np.sum(self.diagonal(offset))


def diagonal(self: Any, k: int = 0) -> Any:
    """Return a diagonal."""
    return self._moved("diagonal", (k,), {})


def toarray(self: Any, order: Any = None, out: Any = None) -> Any:
    """Return the dense array."""
    found = self._moved("toarray", (order,), {})
    if out is None:
        return found
    out[...] = found
    return out


def todense(self: Any, order: Any = None, out: Any = None) -> Any:
    """Return the dense array; of the old classes a matrix."""
    found = self.toarray(order, out)
    return Matrix(found) if sp.isspmatrix(self) else found


def _refusing(name: str, cure: str) -> Any:
    def refuse(self: Any, *_args: Any, **_kwargs: Any) -> Any:
        raise refusal(f"A.{name} of a sparse matrix A with traced entries", "it has no rule", cure)

    refuse.__name__, refuse.__doc__ = name, "Refuse: it has no rule."
    return refuse


THROUGH = (
    "toarray todense tobsr todia sum mean diagonal trace multiply dot transpose getrow getcol "
    "power _matmul_dispatch _rmatmul_dispatch __add__ __radd__ __sub__ __rsub__ __neg__ "
    "_mul_scalar __truediv__ _divide reshape __abs__ max min argmax argmin maximum minimum"
).split()


def through(name: str) -> Any:
    """Return a method that answers by the matrix in csr form, in the form that SciPy answers in."""

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        given = tuple(map(followable, args))
        shape = [plainly(v) for v in args], {k: plainly(v) for k, v in kwargs.items()}
        if is_traced(self):
            settle(self, methodcaller(name, *shape[0], **shape[1]))
        found = getattr(self.tocsr(), name)(*given, **kwargs)
        if not sp.issparse(found):
            return found
        like = getattr(plain_matrix(self), name)(*shape[0], **shape[1])
        if like is NotImplemented or found.format not in FORMS:
            return found
        if found.format == like.format and _alike(found, like):
            return found
        return shown(whole(found), like)

    method.__name__, method.__doc__ = name, f"As `{name}` of the matrix in csr form."
    return method


def _mover(name: str) -> Any:
    def move(self: Any, *args: Any, **kwargs: Any) -> Any:
        return self._moved(name, args, kwargs)

    move.__name__, move.__doc__ = name, f"As SciPy's `{name}`; the traced entries follow."
    return move


for _name in "tocsr tocsc tocoo todia tobsr __getitem__ reshape getrow getcol transpose".split():
    setattr(TracedEntries, _name, _mover(_name))


def _by_entry(name: str) -> Any:
    """Return a method of SciPy's that leaves the places: it is that of the whole matrix, too."""

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        own = whole(self)
        if own is self or name in _SHARING:
            found = getattr(super(type(self), self), name)(*args, **kwargs)
            if own is self or found is self:
                return found
            if _are_one(found.data, self.data):
                return _hiding(found, self, lambda own: getattr(own, name)(*args, **kwargs))
        else:
            settle(self, methodcaller(name, *args, **kwargs))
            found = self
        return shown(getattr(own, name)(*args, **kwargs), found.form().matrix)

    method.__name__, method.__doc__ = name, f"As SciPy's `{name}`."
    return method


for _name in (
    "_mul_scalar", "__neg__", "__abs__", "__round__", "power", "conj", "conjugate", "_real",
    "_imag", "astype",
    *(u.__name__ for u in _data._ufuncs_with_fixed_point_at_zero),
):  # fmt: skip
    setattr(TracedEntries, _name, _by_entry(_name))

_SHARING = ("astype", "conj", "conjugate", "_real", "_imag")


def _are_one(a: Any, b: Any) -> bool:
    """Say whether `a` is `b`, or a view of it."""
    while a is not b and getattr(a, "cr_base", None) is not None:
        a = a.cr_base[0]
    return a is b


for _function in (_moved, trace, diagonal, toarray, todense):
    setattr(TracedEntries, _function.__name__, _function)
