"""Doors of `scipy.sparse`: matrices made of traced numbers, and plain ones that meet them."""

from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.sparse import _base, _bsr, _compressed, _coo, _data, _dia, _dok, _lil, _matrix  # type: ignore[attr-defined]

from ....core import registry
from ....core.registry import composite
from ...declare import as_array
from ..common import agreed, traced
from .assembly import _is_filled
from .changes import held_elsewhere, shared
from .entries import multiplied
from .matrices import (
    TracedEntries,
    _become,
    _plain_class,
    _traced_like,
    as_double,
    followable,
    in_class,
    is_traced,
    of_dense,
    plain_matrix,
    plainly,
)
from .numpy_matrix import Matrix
from .products import combined, left_product, product, sparse_sparse

# --- doors: making matrices -----------------------------------------------------------------------


def _cast(data: Any, dtype: Any, copy: bool = False) -> Any:
    data = as_array(data)
    if dtype is None or data.dtype == np.dtype(dtype):
        return data.copy() if copy else data
    return data.astype(dtype)


def _as_dtype(made: Any, dtype: Any) -> Any:
    return made if dtype is None else made.astype(dtype, copy=False)


def _numbered(data: Any) -> Any:
    return np.arange(1.0, data.size + 1).reshape(data.shape)


@composite(sp.csr_array.__init__, name="scipy.sparse.csr_array", always=True)
def compressed_init(
    self: Any, arg1: Any, shape: Any = None, dtype: Any = None, copy: bool = False, **rest: Any
) -> None:
    """Make a csr or csc matrix with traced entries; entries at the same place are added up."""
    kind = _plain_class(type(self))
    if is_traced(arg1):
        format = kind.format.fget(self)
        same = arg1.copy() if copy and arg1.format == format else arg1.asformat(format)
        _become(self, _as_dtype(in_class(same, kind), dtype))
        return
    if not traced(arg1):
        _compressed._cs_matrix.__init__(self, arg1, shape, dtype, copy, **rest)
        return
    if not isinstance(arg1, tuple):
        dense = _cast(arg1, dtype)
        dense = dense if kind.__name__.endswith("_array") else np.atleast_2d(dense)
        _become(self, of_dense(dense, kind(agreed(dense), shape=shape)))
    elif len(arg1) == 2:
        coo = sp.coo_matrix if issubclass(kind, sp.spmatrix) else sp.coo_array
        made = coo(arg1, shape=shape, dtype=dtype)
        _become(self, made.tocsc() if kind.format.fget(self) == "csc" else made.tocsr())
    else:
        data = _cast(arg1[0], dtype, copy)
        pattern = kind((np.ones(data.shape), arg1[1], arg1[2]), shape=shape, copy=copy)
        _become(self, _traced_like(pattern, data))


@composite(_coo._coo_base.__init__, name="scipy.sparse.coo_array", always=True)
def coo_init(
    self: Any, arg1: Any, shape: Any = None, dtype: Any = None, copy: bool = False, **rest: Any
) -> None:
    """Make a coo matrix with traced entries."""
    kind = _plain_class(type(self))
    if is_traced(arg1):
        _become(self, _as_dtype(in_class(arg1.tocoo(copy=bool(copy)), kind), dtype))
        return
    if not traced(arg1):
        _coo._coo_base.__init__(self, arg1, shape, dtype, copy, **rest)
        return
    if isinstance(arg1, tuple):
        data = _cast(arg1[0], dtype, copy)
        pattern = kind((np.ones(data.shape), arg1[1]), shape=shape, copy=copy)
        _become(self, _traced_like(pattern, data))
    else:
        dense = _cast(arg1, dtype)
        dense = dense if kind.__name__.endswith("_array") else np.atleast_2d(dense)
        _become(self, of_dense(dense, kind(agreed(dense), shape=shape)))


def _other_form(function: Any) -> None:
    """Let a constructor of the form dia or bsr make a matrix with traced entries."""

    @composite(function, name=f"scipy.sparse.{function.__qualname__}", always=True)
    def init(
        self: Any, arg1: Any, shape: Any = None, dtype: Any = None, copy: bool = False, **rest: Any
    ) -> None:  # fmt: skip
        """Make a matrix with traced entries."""
        kind = _plain_class(type(self))
        if not traced(arg1) and (is_traced(arg1) or _is_filled(arg1)):
            if arg1.format == kind.__name__[:3] and copy:
                made = arg1.copy()
            else:
                size = {"blocksize": rest["blocksize"]} if rest.get("blocksize") else {}
                made = getattr(arg1, f"to{kind.__name__[:3]}")(**size)
            _become(self, _as_dtype(in_class(made, kind), dtype))
        elif not traced(arg1):
            function(self, arg1, shape, dtype, copy, **rest)
        elif not isinstance(arg1, tuple):
            dense = _cast(arg1, dtype)
            _become(self, of_dense(dense, kind(agreed(dense), shape=shape, **rest)))
        else:
            data = _cast(arg1[0], dtype, copy)
            data = np.atleast_2d(data) if kind.__name__.startswith("dia") else data
            places = [np.array(a) if copy else a for a in arg1[1:]]
            _become(self, _traced_like(kind((_numbered(data), *places), shape, **rest), data))


_other_form(_dia._dia_base.__init__)
_other_form(_bsr._bsr_base.__init__)


@composite(sp.diags_array, name="scipy.sparse.diags_array")
def diags_array(
    diagonals: Any, /, *, offsets: Any = 0, shape: Any = None, format: Any = None,
    dtype: Any = None,
) -> Any:  # fmt: skip
    """Make a matrix of traced diagonals: dia, or the format that is asked for."""
    return _diagonals(sp.diags_array, diagonals, offsets, shape, format, dtype)


@composite(sp.diags, name="scipy.sparse.diags")
def diags(
    diagonals: Any, offsets: Any = 0, shape: Any = None, format: Any = None, dtype: Any = None
) -> Any:
    """Make a matrix of traced diagonals: dia, or the format that is asked for."""
    return _diagonals(sp.diags, diagonals, offsets, shape, format, dtype)


def _diagonals(
    function: Any, diagonals: Any, offsets: Any, shape: Any, format: Any, dtype: Any
) -> Any:  # fmt: skip
    """Let SciPy's own function lay the numbers of the entries out, and the entries follow."""
    if np.ndim(offsets) == 0 and np.ndim(diagonals[0]) == 0:
        diagonals, offsets = [diagonals], [offsets]
    rows = [np.atleast_1d(as_array(d)) for d in diagonals]
    starts = np.cumsum([1, *(row.size for row in rows)])
    numbered = [k + np.arange(row.size, dtype=float) for k, row in zip(starts, rows, strict=False)]
    made = function(numbered, offsets=offsets, shape=shape, dtype=float)
    data = np.concatenate([np.zeros_like(rows[0], shape=(1,)), *rows])[made.data.astype(np.intp)]
    made = _traced_like(made, data if dtype is None else data.astype(dtype))
    return made.asformat(format)


# --- doors: plain matrices and traced arrays ------------------------------------------------------


def _door(function: Any, **data: Any) -> Any:
    return composite(function, name=f"scipy.sparse.{function.__qualname__}", **data)


for _function in (_base._spbase._matmul_dispatch, _coo._coo_base._matmul_dispatch):

    @_door(_function)
    def matmul(self: Any, other: Any) -> Any:
        """Multiply a plain sparse matrix with a traced array, or with a traced scalar."""
        return self._mul_scalar(other) if np.ndim(other) == 0 else product(self, other)


for _function in (_base._spbase._rmatmul_dispatch, _coo._coo_base._rmatmul_dispatch):

    @_door(_function)
    def rmatmul(self: Any, other: Any) -> Any:
        """Multiply a traced array with a plain sparse matrix, or scale one."""
        return self._mul_scalar(other) if np.ndim(other) == 0 else left_product(other, self)


for _function in dict.fromkeys((_base._spbase.multiply, _dia._dia_base.multiply)):

    @_door(_function, always=True)
    def multiply(self: Any, other: Any, _function: Any = _function) -> Any:
        """Multiply a plain sparse matrix entry by entry with what is traced."""
        other = followable(other)
        if is_traced(other):
            return multiplied(self, other)
        if not traced(other):
            return _function(self, other)
        other = as_array(other)
        return self._mul_scalar(other) if other.ndim == 0 else multiplied(self, other)


for _function in (_base._spbase.maximum, _base._spbase.minimum):

    @_door(_function, always=True)
    def extreme(self: Any, other: Any, _function: Any = _function) -> Any:
        """Compare a plain sparse matrix entry by entry with what is traced."""
        other = followable(other)
        if is_traced(other) or traced(other):
            return vars(TracedEntries)[_function.__name__](self, other)
        return _function(self, other)


for _function in dict.fromkeys((_lil._lil_base._mul_scalar, _dok._dok_base._mul_scalar)):

    @_door(_function)
    def mul_scalar(self: Any, other: Any) -> Any:
        """Scale a matrix by a traced number."""
        return self.tocoo()._mul_scalar(other).asformat(self.format)


for _function in (_data._data_matrix.__imul__, _data._data_matrix.__itruediv__):

    @_door(_function)
    def scale_in_place(self: Any, other: Any, _name: str = _function.__name__) -> Any:
        """Scale a plain matrix in place by a traced number: it has traced entries then."""
        if np.ndim(other) != 0 or sp.issparse(other):
            return NotImplemented
        if held_elsewhere(self):
            raise shared("*=" if _name == "__imul__" else "/=")
        _become(self, self._mul_scalar(other if _name == "__imul__" else 1.0 / other))
        return self


for _function in (_lil._lil_base.__truediv__, _dok._dok_base.__truediv__):

    @_door(_function)
    def truediv(self: Any, other: Any) -> Any:
        """Divide a matrix by a traced number or array."""
        if np.ndim(other) == 0:
            return self.tocoo()._mul_scalar(1.0 / other).asformat(self.format)
        return self.tocsr() / other


@_door(_base._spbase._divide)
def divide(self: Any, other: Any, *, rdivide: bool = False) -> Any:
    """Divide a plain sparse matrix by a traced array, or the other way round."""
    other = as_array(other)
    if rdivide:
        found = other / self.toarray()
        return Matrix(found) if sp.isspmatrix(self) else found
    if other.ndim == 0:
        return as_double(self)._mul_scalar(1.0 / other)
    return multiplied(self, 1.0 / other)


_OWNERS = (_base._spbase, _coo._coo_base, _bsr._bsr_base, _dia._dia_base, _compressed._cs_matrix)
for _owner in _OWNERS:
    for _name, _sign in (("_add_dense", 1.0), ("_sub_dense", -1.0), ("_rsub_dense", -2.0)):
        _found = vars(_owner).get(_name)
        if _found is not None:

            @_door(_found)
            def with_dense(self: Any, other: Any, _sign: float = _sign) -> Any:
                """Add a plain sparse matrix and a traced dense array."""
                dense = self.toarray()
                dense = other - dense if _sign == -2.0 else dense + _sign * other
                return Matrix(dense) if sp.isspmatrix(self) else dense


def _reaching(name: str, p: float, q: float) -> None:
    """Let a binary method of plain matrices meet a matrix with traced entries."""

    def other_way(self: Any, other: Any) -> Any:
        if np.ndim(other) == 0:
            raise NotImplementedError("adding a nonzero scalar to a sparse array is not supported")
        return combined(self, other, p, q)

    for owner in (_base._spbase, _dok._dok_base, _lil._lil_base):
        function = vars(owner).get(name)
        if function is None:
            continue

        @_door(function, always=True)
        def binary(self: Any, other: Any, function: Any = function) -> Any:
            """Add two sparse matrices, of which the second may have traced entries."""
            other = followable(other)
            if is_traced(other):
                return combined(self, other, p, q)
            if traced(other):
                return other_way(self, other)
            return function(self, other)


_reaching("__add__", 1.0, 1.0)
_reaching("__sub__", 1.0, -1.0)


for _function in (_base._spbase.__matmul__, _base._spbase.__rmatmul__, _matrix.spmatrix.__mul__,
                  _matrix.spmatrix.__rmul__):  # fmt: skip

    @_door(_function, always=True)
    def times(self: Any, other: Any, _function: Any = _function) -> Any:
        """Multiply; both matrices may have traced entries."""
        other = followable(other)
        reflected = _function.__name__ in ("__rmatmul__", "__rmul__")
        if sp.issparse(other) and (is_traced(other) or is_traced(self)):
            return sparse_sparse(other, self) if reflected else sparse_sparse(self, other)
        if not (is_traced(self) or traced(other)):
            return _function(self, other)
        if np.ndim(other) == 0 and "matmul" in _function.__name__:
            raise ValueError("Scalar operands are not allowed, use '*' instead")
        return self._rmatmul_dispatch(other) if reflected else self._matmul_dispatch(other)


@_door(_base._spbase.dot, always=True)
def dot(self: Any, other: Any) -> Any:
    """Multiply with a matrix or an array, or scale."""
    other = followable(other)
    if not (is_traced(self) or is_traced(other) or traced(other)):
        return _base._spbase.dot(self, other)
    return self * other if np.ndim(other) == 0 and not sp.issparse(other) else self @ other


def _comparing(function: Any) -> None:
    @_door(function, always=True)
    def compare(self: Any, other: Any) -> Any:
        """Compare the values: what comes of it is no number that has a derivative."""
        met = is_traced(self) or is_traced(other) or traced(other)
        if not (met or _is_filled(self) or _is_filled(other)):
            return function(self, other)
        return function(plain_matrix(self), plainly(other))


for _name in ("eq", "ne", "lt", "gt", "le", "ge"):
    _comparing(vars(_base._spbase)[f"__{_name}__"])


def _noticing(owner: Any, name: str) -> None:
    """Let a method see that the program has replaced the `data` of a plain matrix."""
    function = vars(owner)[name]

    @_door(function, always=True)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        """Run the method of traced entries where `data` is traced."""
        if is_traced(self) and getattr(type(self), name) is not function:
            return getattr(self, name)(*args, **kwargs)
        return function(self, *args, **kwargs)


_NOTICING = (
    "toarray todense tocsr tocsc tocoo transpose sum mean diagonal trace copy __getitem__ power "
    "asformat __neg__"
).split()
for _owner in _OWNERS:
    for _name in _NOTICING:
        if callable(vars(_owner).get(_name)) and registry.find(vars(_owner)[_name]) is None:
            _noticing(_owner, _name)
