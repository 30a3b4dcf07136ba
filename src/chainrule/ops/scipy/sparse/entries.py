"""Sparse matrices with traced entries, entry by entry: products, extremes and norms.

All of these are computed at the places that hold an entry, which cost what the entries cost; the
dense array is made only where the result is dense anyway.
"""

from operator import methodcaller
from typing import Any

import numpy as np
import scipy.sparse as sp

from ...declare import as_array
from ..common import refusal, traced
from .forms import places_of
from .matrices import (
    TracedEntries,
    _coo_of,
    _traced_like,
    is_traced,
    of_dense,
    plain_matrix,
    shown,
    whole,
)
from .moves import laid
from .numpy_matrix import Matrix, bare
from .settled import settle


def _stored(a: Any) -> tuple[Any, Any]:
    """Return the flat places of a sparse matrix, each of them once, and its entries there."""
    if is_traced(a):
        a = whole(a)._unique()
    else:
        a = a.tocoo(copy=True)
        a.sum_duplicates()
    return np.ravel_multi_index(places_of(a), a.shape), a.data


# --- two matrices ---------------------------------------------------------------------------------


def multiplied(a: Any, other: Any) -> Any:
    """Multiply entry by entry with a dense array, or with a sparse one of traced entries."""
    like = plain_matrix(a).multiply(plain_matrix(other))
    if sp.issparse(like) and like.format == "dia":
        dense = other if sp.issparse(other) else as_array(bare(other))
        found = laid(lambda x, y: x.multiply(y), lambda x, y: x * y, a, dense, 1.0)
        if found is not None:
            return found
    if sp.issparse(other):
        if other.shape == a.shape:
            return _both(a, other, like)
        other = other.toarray()
    other = as_array(other)
    a = whole(a)
    a = a if a.format in ("csr", "csc", "coo") else a.tocsr()
    shape = np.broadcast_shapes(a.shape, other.shape)
    if shape != a.shape:
        raise refusal(
            "A.multiply(x) that widens A", "it has no rule", "write ‹self›.toarray() * ‹other 0›"
        )  # fmt: skip
    made = _traced_like(a, a.data * np.broadcast_to(other, shape)[places_of(a)])
    return shown(made, like) if sp.issparse(like) else made


def _both(a: Any, b: Any, like: Any) -> Any:
    """Multiply two sparse matrices at the places that both hold."""
    (of_a, data), (of_b, factors) = _stored(a), _stored(b)
    flat, first, second = np.intersect1d(of_a, of_b, assume_unique=True, return_indices=True)
    found = data[first] * factors[second]
    return shown(_coo_of(found, np.unravel_index(flat, a.shape), like), like)


def _multiply(self: Any, other: Any) -> Any:
    """Multiply entry by entry."""
    if np.ndim(other) == 0 and not sp.issparse(other):
        return self._mul_scalar(other)
    return multiplied(self, other)


def _pairwise(name: str) -> Any:
    of_pair = getattr(np, name)

    def at_places(a: Any, b: Any, like: Any) -> Any:
        sides = [_stored(x) for x in (a, b)]
        flat = np.union1d(sides[0][0], sides[1][0])
        values = []
        for places, data in sides:
            index = np.full(flat.size, data.shape[0])
            index[np.searchsorted(flat, places)] = np.arange(data.shape[0])
            values.append(np.concatenate([data, np.zeros_like(data, shape=(1,))])[index])
        return shown(_coo_of(of_pair(*values), np.unravel_index(flat, like.shape), like), like)

    def pairwise(self: Any, other: Any) -> Any:
        like = getattr(plain_matrix(self), name)(plain_matrix(other))
        if sp.issparse(self) and sp.issparse(other) and self.shape == other.shape:
            return at_places(self, other, like)
        if sp.issparse(like) and np.ndim(other) == 0 and not traced(other) and (
            of_pair(0.0, other) == 0
        ):  # fmt: skip
            flat, data = _stored(self)
            made = _coo_of(of_pair(data, other), np.unravel_index(flat, like.shape), like)
            return shown(made, like)
        a, b = (x.toarray() if sp.issparse(x) else as_array(bare(x)) for x in (self, other))
        return of_dense(of_pair(a, b), like) if sp.issparse(like) else of_pair(a, b)

    pairwise.__name__, pairwise.__doc__ = name, f"As SciPy's `{name}`; ties share equally."
    return pairwise


# --- along an axis --------------------------------------------------------------------------------


def lines(a: Any, axis: int, fill: float) -> tuple[Any, Any]:
    """Return the entries that lie along `axis`, a line in each row, and which lines are full.

    Behind the entries of a line that is not full stands at least one `fill`.
    """
    own = whole(a)._unique()
    places, count = places_of(own), own.shape[1 - axis]
    line = places[1 - axis]
    held = np.bincount(line, minlength=count)
    width = min(int(held.max(initial=0)) + 1, own.shape[axis])
    order = np.argsort(line, kind="stable")
    at = np.arange(line.size) - np.repeat(np.cumsum(held) - held, held)
    index = np.full((count, width), line.size)
    index[line[order], at] = order
    padded = np.concatenate([own.data, np.full(1, fill, own.data.dtype)])
    return padded[index], held == own.shape[axis]


def _extreme(name: str) -> Any:
    of_data = getattr(np, name)

    def extreme(self: Any, axis: Any = None, out: Any = None, **kwargs: Any) -> Any:
        plainly = getattr(plain_matrix(self), name)(axis, out, **kwargs)
        own = whole(self)
        if axis is None:
            data = own._summed().data
            stored = data.shape[0] == np.prod(self.shape)
            return of_data(data if stored else np.append(data, np.zeros(1, data.dtype)))
        axis = axis % 2
        rows, full = lines(self, axis, -np.inf if name == "max" else np.inf)
        found = of_data(rows, axis=1)
        found = np.where(full, found, getattr(np, f"{name}imum")(found, 0.0))
        if sp.isspmatrix(self):
            found = np.expand_dims(found, axis)
        return of_dense(found, plainly) if sp.issparse(plainly) else found

    extreme.__name__, extreme.__doc__ = name, f"As SciPy's `{name}`; ties share equally."
    return extreme


def _place_of(name: str) -> Any:
    def place(self: Any, *args: Any, **kwargs: Any) -> Any:
        return getattr(plain_matrix(self), name)(*args, **kwargs)

    place.__name__, place.__doc__ = name, f"As SciPy's `{name}`: constant."
    return place


def _sum(self: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    """Add the entries up."""
    if isinstance(axis, tuple):
        axis = axis[0] if len(axis) == 1 else None
    settle(self, methodcaller("sum", axis))
    return _added(self, axis)


def _added(self: Any, axis: Any) -> Any:
    if axis is None:
        return np.sum(whole(self).data)
    if self.ndim != 2:
        return np.sum(self.toarray(), axis=axis)
    down = axis % 2 == 0
    turned = self.T if down else self
    found = turned @ np.ones(turned.shape[1], self.data.dtype)
    return Matrix(np.expand_dims(found, 0 if down else 1)) if sp.isspmatrix(self) else found


def _mean(self: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    """Return the mean of all entries, zeros included."""
    axes = range(self.ndim) if axis is None else np.atleast_1d(axis)
    axis = axis[0] if isinstance(axis, tuple) and len(axis) == 1 else axis
    axis = None if isinstance(axis, tuple) else axis
    return _added(self, axis) / float(np.prod([self.shape[k] for k in axes]))


def norm_of(a: Any, ord: Any, axis: Any) -> Any:
    """Return a norm of a matrix with traced entries, along an axis or the whole."""
    if axis is None and ord in (1, -1, np.inf, -np.inf):
        rows, _ = lines(a, 0 if abs(ord) == 1 else 1, 0.0)
        return (np.max if ord > 0 else np.min)(np.sum(np.abs(rows), axis=1))
    if isinstance(axis, tuple) and len(axis) == 1:
        (axis,) = axis
    if np.ndim(axis) == 0 and axis is not None:
        return np.linalg.norm(lines(a, axis % 2, 0.0)[0], ord, axis=1)
    return np.linalg.norm(a.toarray(), ord, axis)


for _name, _method in (
    ("multiply", _multiply), ("sum", _sum), ("mean", _mean),
    *((name, _extreme(name)) for name in ("max", "min")),
    *((f"arg{name}", _place_of(f"arg{name}")) for name in ("max", "min")),
    *((f"{name}imum", _pairwise(f"{name}imum")) for name in ("max", "min")),
):  # fmt: skip
    setattr(TracedEntries, _name, _method)
