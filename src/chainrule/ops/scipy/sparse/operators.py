"""`scipy.sparse.linalg.LinearOperator`: what a matrix does, written as functions.

The functions may read traced values that nobody sees in the arguments. So these methods answer
every call while a function is traced, also those that SciPy's own code makes: what a function
returns stays traced, and is not made a plain array.
"""

from typing import Any

import numpy as np
from scipy.sparse import linalg
from scipy.sparse.linalg import LinearOperator, _interface  # type: ignore[attr-defined]

from ....core.registry import composite
from ...declare import as_array
from ..common import traced

_Scaled, _OfMatrix = _interface._ScaledLinearOperator, _interface.MatrixLinearOperator


def is_operator(a: Any) -> bool:
    """Say whether `a` is a linear operator, or an object that SciPy takes for one."""
    if isinstance(a, LinearOperator):
        return True
    return hasattr(type(a), "matvec") and hasattr(a, "shape") and not hasattr(a, "toarray")


def columns(a: Any) -> Any:
    """Return the dense matrix of a linear operator: what it makes of each unit vector."""
    if type(a) is _OfMatrix:
        return a.A.toarray() if hasattr(a.A, "toarray") else as_array(a.A)
    kind = a.dtype if getattr(a, "dtype", None) is not None and a.dtype.kind in "fc" else float
    return np.stack([np.ravel(as_array(a.matvec(e))) for e in np.eye(a.shape[1], dtype=kind)], 1)


def _door(function: Any, **data: Any) -> Any:
    name = f"scipy.sparse.linalg.{function.__qualname__.lstrip('_')}"
    return composite(function, name=name, **data)


def _applied(name: str, inner: str, output: int) -> None:
    @_door(vars(LinearOperator)[name], always="anywhere")
    def apply(self: Any, x: Any) -> Any:
        """Apply a linear operator to a vector: its own function is traced."""
        given, x = x, as_array(x) if traced(x) else np.asanyarray(x)
        m, n = self.shape[output], self.shape[1 - output]
        if x.shape not in ((n,), (n, 1)):
            raise ValueError("dimension mismatch")
        y = getattr(self, inner)(x)
        if isinstance(given, np.matrix) and not traced(y):
            y = np.asmatrix(y)
        else:
            y = as_array(y)
        return y.reshape(m) if x.ndim == 1 else y.reshape(m, 1)


_applied("matvec", "_matvec", 0)
_applied("rmatvec", "_rmatvec", 1)


def _applied_to_columns(name: str, inner: str, output: int) -> None:
    @_door(vars(LinearOperator)[name])
    def apply(self: Any, X: Any) -> Any:
        """Apply a linear operator to the columns of a traced matrix."""
        X = as_array(X)
        if X.ndim != 2:
            raise ValueError(f"expected 2-d ndarray or matrix, not {X.ndim}-d")
        if X.shape[0] != self.shape[1 - output]:
            raise ValueError(f"dimension mismatch: {self.shape}, {X.shape}")
        return getattr(self, inner)(X)


_applied_to_columns("matmat", "_matmat", 0)
_applied_to_columns("rmatmat", "_rmatmat", 1)


@_door(LinearOperator._init_dtype, always="anywhere")
def init_dtype(self: Any) -> None:
    """Find out the type of the numbers, as SciPy does: by a vector of small integers."""
    if self.dtype is None:
        v = np.zeros(self.shape[-1], dtype=np.int8)
        try:
            self.dtype = as_array(self.matvec(v)).dtype
        except OverflowError:  # large integers of Python
            self.dtype = np.dtype(int)


@_door(_OfMatrix._matmat)
def matmat_of_matrix(self: Any, X: Any) -> Any:
    """Multiply with the matrix; a plain one has no method that knows traced values."""
    return np.dot(self.A, X) if type(self.A) is np.ndarray else self.A.dot(X)


@_door(LinearOperator.dot)
def dot(self: Any, x: Any) -> Any:
    """Apply a linear operator to a traced array, or scale it."""
    if np.ndim(x) == 0:
        return _Scaled(self, x)
    return self.matvec(x) if np.ndim(x) == 1 or np.shape(x)[1] == 1 else self.matmat(x)


@_door(getattr(LinearOperator, "_rdot", None) or LinearOperator.rdot)  # SciPy 1.17; 1.18
def rdot(self: Any, x: Any) -> Any:
    """Apply the transposed operator to a traced array, or scale it."""
    if np.ndim(x) == 0:
        return _Scaled(self, x)
    x = as_array(x)
    if x.ndim == 1 or x.shape[0] == 1:
        return np.transpose(self.T.matvec(np.transpose(x)))
    return np.transpose(self.T.matmat(np.transpose(x)))


@_door(LinearOperator.__rmul__)
def rmul(self: Any, x: Any) -> Any:
    """Scale an operator, or multiply a traced array with it."""
    return rdot(self, x)


@_door(LinearOperator.__truediv__)
def truediv(self: Any, other: Any) -> Any:
    """Divide an operator by a traced number."""
    if np.ndim(other) != 0:
        raise ValueError("Can only divide a linear operator by a scalar.")
    return _Scaled(self, 1.0 / other)


@_door(_Scaled.__init__)
def scaled(self: Any, A: Any, alpha: Any) -> None:
    """Make an operator times a traced number."""
    if isinstance(A, _Scaled):
        A, before = A.args
        alpha = alpha * before
    LinearOperator.__init__(self, np.result_type(as_array(alpha).dtype, A.dtype), A.shape)
    self.args = (A, alpha)


@_door(_interface._PowerLinearOperator._power)
def power(self: Any, fun: Any, x: Any) -> Any:
    """Apply an operator several times."""
    for _ in range(self.args[1]):
        x = fun(x)
    return x


@composite(linalg.aslinearoperator, name="scipy.sparse.linalg.aslinearoperator")
def aslinearoperator(A: Any) -> Any:
    """Make a linear operator of a dense matrix with traced entries."""
    A = as_array(A)
    if A.ndim > 2:
        raise ValueError("array must have ndim <= 2")
    return _OfMatrix(np.atleast_2d(A))
