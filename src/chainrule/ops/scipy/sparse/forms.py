"""The structure of a sparse matrix as a param, and the places of its entries."""

from copy import copy
from typing import Any

import numpy as np

from .settled import SETTLING

FORMS = ("csr", "csc", "coo", "dia", "bsr")  # those that hold an array of entries


class Form:
    """A sparse matrix as a param: hashed by identity, and with its transpose at hand."""

    __slots__ = ("matrix", "transposed", "_turned", "_places", "drawn")

    def __init__(self, matrix: Any, turned: "Form | None" = None) -> None:
        self.matrix, self._turned, self._places = matrix, turned, None
        self.transposed = turned is not None
        self.drawn: Any = None  # NumPy's global stream after its first use

    def __repr__(self) -> str:
        return f"sparse{list(self.matrix.shape)}"

    @property
    def origin(self) -> "Form":
        """Return the matrix as it was given: the one that bears a name."""
        return self._turned if self.transposed and self._turned is not None else self

    @property
    def turned(self) -> "Form":
        """Return the transposed matrix; its data stand in the same order."""
        if self._turned is None:
            self._turned = Form(self.matrix.T, self)
        return self._turned

    def filled(self, data: Any) -> Any:
        """Return the matrix with other data."""
        other = copy(self.matrix)
        for name in SETTLING:
            other.__dict__.pop(name, None)
        other.data = np.ascontiguousarray(data) if type(data) is np.ndarray else data
        return other

    @property
    def places(self) -> tuple[Any, Any]:
        """Return rows and columns of the data, in their order."""
        if self._places is None:
            self._places = places_of(self.matrix)
        return self._places


def places_of(matrix: Any) -> tuple[Any, Any]:
    """Return rows and columns of the entries of a csr, csc or coo matrix, in their order."""
    if matrix.format == "coo":
        return matrix.coords
    major = np.repeat(np.arange(len(matrix.indptr) - 1), np.diff(matrix.indptr))
    return (major, matrix.indices) if matrix.format == "csr" else (matrix.indices, major)
