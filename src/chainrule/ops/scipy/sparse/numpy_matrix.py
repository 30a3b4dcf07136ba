"""A dense matrix of traced numbers, where the old classes of SciPy return `numpy.matrix`.

``A.sum(axis=1)`` and ``A.todense()`` of a csr_matrix are such. Most programs turn them into arrays,
by ``np.asarray``, ``.A`` or ``.A1``, and those that compute with them do so element by element. As
of a `numpy.matrix` every result is a matrix again, ``*`` is the matrix product, and nothing has
fewer than two dimensions.

Errors: what is not listed here is refused. ``np.multiply`` of two matrices is, too: of an array
times a matrix NumPy makes the matrix product, and a ufunc cannot see which of them was written.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.sparse import issparse

from ...declare import as_array
from ..common import refusal, traced


class Matrix:
    """What stands for a `numpy.matrix` of traced numbers."""

    __slots__ = ("array",)
    __hash__ = None  # type: ignore[assignment]
    ndim = 2

    def __init__(self, array: Any) -> None:
        self.array = array

    def __array_ufunc__(self, ufunc: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        arrays = [bare(a) for a in args]
        if method != "__call__" or kwargs or ufunc.nout != 1:
            raise _refused(f"numpy.{ufunc.__name__}")
        if ufunc is np.multiply and not any(np.ndim(a) == 0 for a in arrays):
            raise _refused("numpy.multiply")
        return as_matrix(ufunc(*arrays))

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if function is np.ravel and len(args) == 1 and not kwargs:
            return self.A1
        if function.__name__ in _REDUCTIONS:
            return getattr(self, function.__name__)(*args[1:], **kwargs)
        if function is np.squeeze and len(args) == 1:
            return self
        if function in _TO_NUMBERS:
            return function(*map(bare, args), **kwargs)
        if function in (np.linalg.inv, np.linalg.pinv):
            return Matrix(function(self.array, *args[1:], **kwargs))
        if function is np.linalg.solve and len(args) == 2:
            return like(function(*map(bare, args)), args[1])
        raise _refused(f"numpy.{function.__name__}")

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise _refused("the memory")

    def __getattr__(self, name: str) -> Any:
        if name.startswith(("_", "cr_", "format")):
            raise AttributeError(name)
        raise _refused(f"the attribute {name}")

    def cr_elements(self) -> list[Any]:
        """Return the rows, which `elements` makes an array of."""
        return list(self.array)

    A = property(lambda self: self.array, doc="the array")
    A1 = property(lambda self: np.ravel(self.array), doc="the array, flat")
    T = property(lambda self: Matrix(np.transpose(self.array)), doc="the transposed matrix")
    shape = property(lambda self: self.array.shape)
    size = property(lambda self: self.array.size)
    dtype = property(lambda self: self.array.dtype)

    def __len__(self) -> int:
        return len(self.array)

    def __mul__(self, other: Any) -> Any:
        return self._times(other, False)

    def __rmul__(self, other: Any) -> Any:
        return self._times(other, True)

    def _times(self, other: Any, swap: bool) -> Any:
        if issparse(other):
            return NotImplemented
        other = bare(other)
        if np.ndim(other) == 0:
            return Matrix(self.array * other)
        other = np.atleast_2d(as_array(other))  # as `numpy.matrix` reads it: one row
        return Matrix(np.matmul(other, self.array) if swap else np.matmul(self.array, other))

    def __getitem__(self, key: Any) -> Any:
        found = self.array[key]
        if np.ndim(found) == 0:
            return found
        if np.ndim(found) == 1:  # a column where the second index is a number, else a row
            column = type(key) is tuple and len(key) > 1 and np.ndim(key[1]) == 0
            column = column and type(key[1]) is not slice
            return Matrix(np.expand_dims(found, 1 if column else 0))
        return as_matrix(found)

    def __setitem__(self, key: Any, value: Any) -> None:
        self.array[np.asarray(key) if isinstance(key, np.matrix) else key] = bare(value)

    def __iter__(self) -> Any:
        return (Matrix(self.array[i : i + 1]) for i in range(len(self.array)))

    def ravel(self) -> Any:
        """Return one row, as that of a matrix is."""
        return Matrix(np.reshape(self.array, (1, -1)))

    flatten = ravel

    def tolist(self) -> Any:
        """Return the rows as lists of traced numbers."""
        return [list(row) for row in self.array]

    def squeeze(self) -> Any:
        """Return the matrix: it keeps its two dimensions."""
        return self

    def item(self, *index: Any) -> Any:
        """Return one element."""
        return self.array.item(*index)


def as_matrix(result: Any) -> Any:
    """Return a result as the matrix that NumPy makes of it, plain where nothing is traced in it."""
    if np.ndim(result) == 1:
        result = np.expand_dims(result, 0)
    if np.ndim(result) != 2:
        raise _refused("a result of other dimensions")
    return Matrix(result) if traced(result) else result.view(np.matrix)


def bare(value: Any) -> Any:
    """Return the array of a matrix, and anything else as it is."""
    if isinstance(value, Matrix):
        return value.array
    return np.asarray(value) if isinstance(value, np.matrix) else value


def like(result: Any, given: Any) -> Any:
    """Return a result as a matrix where what it was computed of is one."""
    return as_matrix(result) if isinstance(given, Matrix | np.matrix) else result


def _refused(what: str) -> Exception:
    return refusal(
        f"{what} of a numpy.matrix",
        "csr_matrix and its like return one, and it computes otherwise than arrays do",
        "turn it into an array first, np.asarray(A.sum(axis=1)), or use the array classes "
        "(csr_array, …)",
    )


def _elementwise(ufunc: Any, swap: bool = False) -> Callable[[Any, Any], Any]:
    def method(self: Any, other: Any) -> Any:
        if issparse(other):
            return NotImplemented
        pair = (bare(other), self.array) if swap else (self.array, bare(other))
        return as_matrix(ufunc(*pair))

    return method


def _reduction(name: str) -> Callable[..., Any]:
    def method(self: Any, axis: Any = None) -> Any:
        found = getattr(np, name)(self.array, axis=axis, keepdims=axis is not None)
        return found if axis is None else Matrix(found)

    method.__name__ = name
    return method


_TO_NUMBERS = (np.ndim, np.shape, np.size, np.trace, np.linalg.det, np.linalg.norm)
_REDUCTIONS = ("sum", "mean", "max", "min", "prod", "std", "var")
for _name in _REDUCTIONS:
    setattr(Matrix, _name, _reduction(_name))
for _name, _ufunc in {
    "add": np.add, "sub": np.subtract, "truediv": np.divide, "matmul": np.matmul,
}.items():  # fmt: skip
    setattr(Matrix, f"__{_name}__", _elementwise(_ufunc))
    setattr(Matrix, f"__r{_name}__", _elementwise(_ufunc, swap=True))
for _name, _ufunc in {
    "eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater,
    "ge": np.greater_equal,
}.items():  # fmt: skip
    setattr(Matrix, f"__{_name}__", _elementwise(_ufunc))
for _name, _ufunc in {"neg": np.negative, "pos": np.positive, "abs": np.absolute}.items():
    setattr(Matrix, f"__{_name}__", lambda self, _ufunc=_ufunc: Matrix(_ufunc(self.array)))
