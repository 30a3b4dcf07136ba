"""A sparse matrix as it is given to a function with a rule of its own: its entries and the rest."""

from typing import Any

import numpy as np
import scipy.sparse as sp

from .forms import Form
from .matrices import _slots, _traced_like, followable, is_traced


def has_entries(a: Any) -> bool:
    """Say whether `a` is a sparse matrix with traced entries, in any form."""
    return sp.issparse(a) and is_traced(followable(a))


class Given:
    """A sparse matrix with traced entries: its `data`, and what makes a matrix of others."""

    __slots__ = ("data", "_pattern", "_format")

    def __init__(self, a: Any) -> None:
        own = followable(a)
        self._format = a.format
        self.data, self._pattern = own.data, own.form().matrix.copy()

    def matrix(self, data: Any) -> Any:
        """Return the matrix of these entries; SciPy's own, of plain ones."""
        pattern = self._pattern.copy()  # into whose places the function may write
        if type(data) is np.ndarray:
            return Form(pattern).filled(data).asformat(self._format)
        return _traced_like(pattern, data)  # in a rule, where no doors lead to lil and dok

    def entries(self, found: Any) -> Any:
        """Return the entries of a cotangent: a matrix, dense or sparse, or what has their shape."""
        found = found.toarray() if sp.issparse(found) else found
        like = self._pattern
        if np.shape(found) != like.shape:
            return found
        places, index = _slots(like)
        taken = found[places]
        if index is None:
            return taken
        back = np.full(like.data.size, index.size)
        back[index] = np.arange(index.size)
        padded = np.concatenate([taken, np.zeros(1, like.data.dtype)])
        return padded[back.reshape(like.data.shape)]
