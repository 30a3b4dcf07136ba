"""`scipy.sparse.linalg.LinearOperator`: what a matrix does, written as functions."""

from typing import Any

import numpy as np
from scipy.sparse import linalg

from ....core.registry import composite
from ...declare import as_array
from ..common import refusal

_OF_MATRIX = type(linalg.aslinearoperator(np.ones((1, 1))))


def _applied(name: str, inner: str, output: int) -> None:
    @composite(
        vars(linalg.LinearOperator)[name], name=f"scipy.sparse.linalg.LinearOperator.{name}"
    )
    def apply(self: Any, x: Any) -> Any:
        """Apply a linear operator to a traced array: its own function is traced."""
        x = as_array(x)
        if x.shape[0] != self.shape[1 - output]:
            raise ValueError(f"dimension mismatch: {self.shape}, {x.shape}")
        matrix = getattr(self, "A", None) if type(self) is _OF_MATRIX else None
        if matrix is None:
            y = as_array(getattr(self, inner)(x))
        else:
            y = (np.conjugate(matrix.T) if inner[1] == "r" else matrix) @ x
        return np.reshape(y, (self.shape[output], *x.shape[1:]))


_applied("matvec", "_matvec", 0)
_applied("matmat", "_matmat", 0)
_applied("rmatvec", "_rmatvec", 1)
_applied("rmatmat", "_rmatmat", 1)


@composite(linalg.LinearOperator.dot, name="scipy.sparse.linalg.LinearOperator.dot")
def dot(self: Any, x: Any) -> Any:
    """Apply a linear operator to a traced array. Errors: a traced scale is refused."""
    if np.ndim(x) == 0:
        raise refusal(
            "a linear operator times a scalar", "an operator holds no traced numbers",
            "scale its result: ‹x 0› * (‹self› @ …)",
        )  # fmt: skip
    return self.matvec(x) if np.ndim(x) == 1 or np.shape(x)[1] == 1 else self.matmat(x)
