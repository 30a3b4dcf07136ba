"""Factors of sparse matrices, kept for the solves that follow: with the matrix, with its
transpose, of a tangent, of every right-hand side.

What is kept is a function of the entries: beside each factor stands a copy of the entries that it
was made of, and it serves those bits only. So nothing can go stale, whoever writes where: other
entries are factored anew. A `Kept` is the param of the nodes that it serves, and goes with them.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp

from ...numpy.kept import same_bits

MOST = 16  # factors of one matrix: more than one only where a batch is solved example by example


class Factor:
    """One factor, the entries that it is of, and the last solution that it gave."""

    __slots__ = ("entries", "factor", "last")

    def __init__(self, entries: Any, factor: Any) -> None:
        self.entries, self.factor = entries, factor
        self.last: Any = None

    def solve(self, b: Any, trans: str) -> Any:
        """Solve; the same system once more is looked up: x is asked for by A and by b."""
        last = self.last
        if last is not None and last[0] == trans and same_bits(last[1], b):
            return last[2].copy()
        x = self.factor.solve(b, trans)
        self.last = (trans, b.copy(), x.copy())
        return x


class Kept:
    """A `Way` to solve that keeps its factors, of csc matrices by `make`.

    The entries of a csc matrix and those of its transpose, in csr form, stand in the same order:
    one factor serves both. `first` is SciPy's own function where the values must be those of it;
    `alike` says that those of the factors are the same, to the last bit.
    """

    __slots__ = ("make", "kept", "first", "alike")
    reads = 1.0

    def __init__(
        self,
        make: Callable[[Any], Any],
        first: Callable[[Any, Any], Any] | None = None,
        alike: bool = True,
    ) -> None:
        self.make, self.first, self.alike = make, first, alike
        self.kept: tuple[Factor, ...] = ()

    @property
    def turned(self) -> "Kept":
        """Return the way for the transposed system: the same."""
        return self

    def keep(self, entries: Any, factor: Any) -> Factor:
        """Keep a factor beside its entries, which nobody else holds."""
        found = Factor(entries, factor)
        self.kept = (*self.kept[1 - MOST :], found)
        return found

    def solve(self, m: Any, b: Any) -> Any:
        """Solve with a csc or csr matrix; a single column becomes a vector where SciPy's does."""
        first = self.first
        if first is not None and not self.alike and not self.kept:
            return first(m, b)
        try:
            found = self.factor(m, np.result_type(m.dtype, b.dtype))
        except RuntimeError:
            if first is None:
                raise
            return first(m, b)  # which warns of the singular matrix, and is NaN
        b = np.ascontiguousarray(b, found.entries.dtype)
        x = found.solve(b, "N" if m.format == "csc" else "T")
        return x.ravel() if first is not None and x.shape[1:] == (1,) else x

    def factor(self, m: Any, dtype: Any) -> Factor:
        """Return the factor of these entries."""
        entries = m.data.astype(dtype, copy=False)
        for found in self.kept:
            if same_bits(found.entries, entries):
                return found
        csc = sp.csc_array((entries.copy(), m.indices, m.indptr), shape=m.shape)
        return self.keep(csc.data.copy(), self.make(csc))
