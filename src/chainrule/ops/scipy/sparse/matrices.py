"""Sparse matrices of `scipy.sparse`: products with traced arrays, and traced entries.

A product with a plain sparse matrix is linear: its transpose is the product with the transposed
matrix. A sparse matrix that is built of traced numbers, ``csr_array((data, (i, j)))``, a plain one
times a traced scalar, and so on, keeps its class (csr, csc or coo; the other formats become csr)
and holds traced `data` beside plain indices. What only moves entries about (`tocsr`, `toarray`,
indexing) runs SciPy's own code on the numbers of the places, and the data follow.

Errors: formats that are filled entry by entry (lil, dok) refuse traced entries; products of two
sparse matrices with traced entries, and methods of compiled code, are refused too. Sums with dense
arrays that would return `numpy.matrix` (old matrix classes) are refused.
"""

from copy import copy
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.sparse import _base, _bsr, _compressed, _coo, _dia, _dok, _lil  # type: ignore[attr-defined]

from ....core.op import Notation, Op
from ....core.registry import add, composite
from ....core.slots import Linear
from ...declare import as_array
from ...numpy.index import scatter_add, split_index
from ..common import refusal, traced


class Form:
    """A sparse matrix as a param: hashed by identity, and with its transpose at hand."""

    __slots__ = ("matrix", "_turned", "_places")

    def __init__(self, matrix: Any, turned: "Form | None" = None) -> None:
        self.matrix, self._turned, self._places = matrix, turned, None

    def __repr__(self) -> str:
        return f"sparse{list(self.matrix.shape)}"

    @property
    def turned(self) -> "Form":
        """Return the transposed matrix; its data stand in the same order."""
        if self._turned is None:
            self._turned = Form(self.matrix.T, self)
        return self._turned

    def filled(self, data: Any) -> Any:
        """Return the matrix with other data."""
        other = copy(self.matrix)
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


# --- products -------------------------------------------------------------------------------------

sparse_times = Op(
    "sparse_times",
    lambda x, form: form.matrix @ x,
    (Linear(transpose=lambda ct, _x, form: sparse_times(ct, form=form.turned)),),
    batch="loop",
    complex=True,
    notation=Notation("A·{0}", "A {0}", 20, (21,), "linear: the transpose is Aᵀȳ"),
)
add(sparse_times)


def _data_transpose(ct: Any, _data: Any, x: Any, form: Form) -> Any:
    """Return ȳᵢ xⱼ at the places (i, j) of the entries."""
    rows, cols = form.places
    terms = ct[rows] * x[cols]
    return terms if len(x.shape) == 1 else np.sum(terms, axis=-1)


sparse_product = Op(
    "sparse_product",
    lambda data, x, form: form.filled(data) @ x,
    (
        Linear(transpose=_data_transpose),
        Linear(transpose=lambda ct, data, _x, form: sparse_product(data, ct, form=form.turned)),
    ),
    batch="loop",
    complex=True,
    notation=Notation(
        "A({0})·{1}", "A({0})\\,{1}", 20, (0, 21),
        "A(data)·x is linear in the entries, with ȳᵢxⱼ, and in x, with Aᵀȳ",
    ),
)  # fmt: skip
add(sparse_product)


def product(a: Any, x: Any) -> Any:
    """Return A @ x for a sparse A, plain or with traced data, and a dense x."""
    x = as_array(x)
    if x.ndim == 0:
        raise ValueError("Scalar operands are not allowed, use '*' instead")
    if a.ndim != 2 or x.ndim > 2:
        raise refusal(
            "a product of sparse arrays that are not two-dimensional", "it has no rule",
            "reshape them to two dimensions",
        )
    if x.shape[0] != a.shape[1]:
        raise ValueError(
            "matmul: dimension mismatch with signature "
            f"(n,k={a.shape[1]}),(k={x.shape[0]},m)->(n,m)"
        )
    if is_traced(a):
        return sparse_product(a.data, x, form=a.form())
    return sparse_times(x, form=Form(a))


# --- matrices with traced entries -----------------------------------------------------------------


def is_traced(a: Any) -> bool:
    """Say whether `a` is a sparse matrix with traced entries."""
    return type(a) in _plain_of


class TracedEntries:
    """What a csr, csc or coo class does where its data are traced; see `_class_of`."""

    __slots__ = ()

    def form(self) -> Form:
        """Return the plain matrix of the same structure, with the numbers of its places as data."""
        plain = _plain_class(type(self))
        made = plain.__new__(plain)
        made.__dict__.update(self.__dict__)
        made.data = np.arange(1.0, self.data.shape[0] + 1)
        return Form(made)

    def _moved(self, name: str, args: Any, kwargs: Any) -> Any:
        """Let the plain class move the numbers of the places, and the data follow."""
        own = self._summed() if self.format == "coo" else self
        found = getattr(own.form().matrix, name)(*args, **kwargs)
        if sp.issparse(found):
            return _traced_like(found, own.data[np.asarray(found.data, np.intp) - 1])
        index = np.asarray(found).astype(np.intp)
        padded = np.concatenate([np.zeros_like(own.data[:1]), own.data])
        return padded[index]

    def _summed(self) -> Any:
        """Return a coo matrix in which no place stands twice."""
        rows, cols = places_of(self)
        flat = np.asarray(rows, np.int64) * self.shape[1] + cols
        once, back = np.unique(flat, return_inverse=True)
        if once.size == flat.size:
            return self
        arrays, index = split_index(np.ravel(back))
        data = scatter_add(self.data, *arrays, index=index, shape=(once.size,))
        return _coo_of(data, np.divmod(once, self.shape[1]), self)

    def _matmul_dispatch(self, other: Any) -> Any:
        if sp.issparse(other):
            raise refusal(
                "a product of two sparse matrices", "only products with dense arrays have a rule",
                "write A.toarray() @ B, or A @ (B @ x)",
            )
        return product(self, other)

    def _rmatmul_dispatch(self, other: Any) -> Any:
        return product(self.T, np.transpose(as_array(other))).T  # type: ignore[attr-defined]

    def dot(self, other: Any) -> Any:
        """As SciPy's `dot`."""
        return self * other if np.isscalar(other) else self @ other  # type: ignore[operator]

    def multiply(self, other: Any) -> Any:
        """Multiply entry by entry."""
        if np.ndim(other) == 0 and not sp.issparse(other):
            return self._with_data(self.data * other)  # type: ignore[attr-defined]
        return _multiplied(self, other)

    def sum(self, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
        """Add the entries up."""
        if axis is None:
            return np.sum(self.data)
        _only_arrays(self, "sum(axis=…)")
        return np.sum(self.toarray(), axis=axis)

    def mean(self, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
        """Return the mean of all entries, zeros included."""
        total = self.sum(axis)
        count = np.prod(self.shape) if axis is None else self.shape[axis]
        return total / float(count)

    def trace(self, offset: int = 0) -> Any:
        """Return the sum of a diagonal."""
        return np.sum(self.diagonal(offset))

    def diagonal(self, k: int = 0) -> Any:
        """Return a diagonal."""
        return self._moved("diagonal", (k,), {})

    def toarray(self, order: Any = None, out: Any = None) -> Any:
        """Return the dense array."""
        return self._moved("toarray", (), {})

    def todense(self, order: Any = None, out: Any = None) -> Any:
        """Return the dense array, where SciPy would not make a `numpy.matrix` of it."""
        _only_arrays(self, "todense()")
        return self.toarray()

    def sum_duplicates(self) -> None:
        """Leave it: duplicate entries were added up when the matrix was made (not in coo)."""

    def __add__(self, other: Any) -> Any:
        return combined(self, other, 1.0, 1.0)

    def __radd__(self, other: Any) -> Any:
        return combined(other, self, 1.0, 1.0)

    def __sub__(self, other: Any) -> Any:
        return combined(self, other, 1.0, -1.0)

    def __rsub__(self, other: Any) -> Any:
        return combined(other, self, 1.0, -1.0)

    def copy(self) -> Any:
        """Return a copy."""
        return _traced_like(self.form().matrix, self.data)


def _mover(name: str) -> Any:
    def move(self: Any, *args: Any, **kwargs: Any) -> Any:
        return self._moved(name, args, kwargs)

    move.__name__, move.__doc__ = name, f"As SciPy's `{name}`; the traced entries follow."
    return move


for _name in ("tocsr", "tocsc", "tocoo", "__getitem__", "reshape", "getrow", "getcol"):
    setattr(TracedEntries, _name, _mover(_name))

_classes: dict[type, type] = {}
_plain_of: dict[type, type] = {}


def _class_of(kind: type) -> type:
    """Return the class of traced entries for a class of SciPy's."""
    if kind in _plain_of:
        return kind
    found = _classes.get(kind)
    if found is None:  # one base only: an object of that class can become one of this
        methods = {k: v for k, v in vars(TracedEntries).items() if k not in ("__dict__", "__doc__")}
        found = _classes[kind] = type(kind.__name__, (kind,), methods)
        _plain_of[found] = kind
    return found


def _plain_class(kind: type) -> Any:
    return _plain_of.get(kind, kind)


def _traced_like(pattern: Any, data: Any) -> Any:
    """Return a matrix of the class and structure of `pattern`, with traced `data`."""
    kind = _class_of(type(pattern))
    made = kind.__new__(kind)
    made.__dict__.update(pattern.__dict__)
    made.data = data
    return made


def _coo_of(data: Any, places: Any, like: Any) -> Any:
    kind = sp.coo_matrix if sp.isspmatrix(like) else sp.coo_array
    pattern = kind((np.ones(data.shape[0]), tuple(places)), shape=like.shape)
    return _traced_like(pattern, data)


def _only_arrays(a: Any, what: str) -> None:
    if sp.isspmatrix(a):
        raise refusal(
            f"{what} of a sparse matrix class", "SciPy returns numpy.matrix there, which holds "
            "plain numbers only", "use the array classes (csr_array, …), or A.toarray()",
        )


def combined(a: Any, b: Any, p: float, q: float) -> Any:
    """Return p·a + q·b, of which one is a sparse matrix with traced entries."""
    if not sp.issparse(a) or not sp.issparse(b):
        dense = b if sp.issparse(a) else a
        if np.ndim(dense) == 0 and not traced(dense) and dense == 0:
            return p * a if sp.issparse(a) else q * b
        _only_arrays(a if sp.issparse(a) else b, "a sum with a dense array")
        a, b = (x.toarray() if sp.issparse(x) else as_array(x) for x in (a, b))
        return p * a + q * b
    if a.shape != b.shape:
        raise ValueError("inconsistent shapes")
    like = a if is_traced(a) else b
    parts, rows, cols = [], [], []
    for x, factor in ((a, p), (b, q)):
        x = x if x.format in ("csr", "csc", "coo") else x.tocsr()
        parts.append(factor * x.data)
        places = places_of(x)
        rows.append(places[0])
        cols.append(places[1])
    whole = _coo_of(np.concatenate(parts), (np.concatenate(rows), np.concatenate(cols)), like)
    return whole.tocsc() if like.format == "csc" else whole.tocsr()


def _multiplied(a: Any, other: Any) -> Any:
    """Multiply entry by entry with a dense array, or with a sparse one of traced entries."""
    if sp.issparse(other):
        other = other.toarray()
    other = as_array(other)
    a = a if a.format in ("csr", "csc", "coo") else a.tocsr()
    shape = np.broadcast_shapes(a.shape, other.shape)
    if shape != a.shape:
        raise refusal(
            "A.multiply(x) that widens A", "it has no rule", "write A.toarray() * x"
        )  # fmt: skip
    return _traced_like(a, a.data * np.broadcast_to(other, shape)[places_of(a)])


# --- doors: making matrices -----------------------------------------------------------------------


def _become(self: Any, made: Any) -> None:
    """Turn an object that SciPy has just allocated into the matrix that was made."""
    self.__class__ = type(made)
    self.__dict__.clear()
    self.__dict__.update(made.__dict__)


def _cast(data: Any, dtype: Any) -> Any:
    data = as_array(data)
    return data if dtype is None or data.dtype == np.dtype(dtype) else data.astype(dtype)


def _numbered(data: Any) -> Any:
    return np.arange(1.0, data.size + 1).reshape(data.shape)


@composite(sp.csr_array.__init__, name="scipy.sparse.csr_array", always=True)
def compressed_init(
    self: Any, arg1: Any, shape: Any = None, dtype: Any = None, copy: bool = False, **rest: Any
) -> None:
    """Make a csr or csc matrix with traced entries; entries at the same place are added up."""
    kind = _plain_class(type(self))
    if is_traced(arg1):
        _become(self, arg1.tocsc() if kind.format.fget(self) == "csc" else arg1.tocsr())
        return
    if not traced(arg1):
        _compressed._cs_matrix.__init__(self, arg1, shape, dtype, copy, **rest)
        return
    if not isinstance(arg1, tuple):
        dense = _cast(arg1, dtype)
        pattern = kind(np.ones(dense.shape), shape=shape)
        _become(self, _traced_like(pattern, dense[places_of(pattern)]))
    elif len(arg1) == 2:
        coo = sp.coo_matrix if issubclass(kind, sp.spmatrix) else sp.coo_array
        made = coo(arg1, shape=shape, dtype=dtype)
        _become(self, made.tocsc() if kind.format.fget(self) == "csc" else made.tocsr())
    else:
        data = _cast(arg1[0], dtype)
        pattern = kind((np.ones(data.shape), arg1[1], arg1[2]), shape=shape, copy=copy)
        _become(self, _traced_like(pattern, data))


@composite(_coo._coo_base.__init__, name="scipy.sparse.coo_array", always=True)
def coo_init(
    self: Any, arg1: Any, shape: Any = None, dtype: Any = None, copy: bool = False, **rest: Any
) -> None:
    """Make a coo matrix with traced entries."""
    kind = _plain_class(type(self))
    if is_traced(arg1):
        _become(self, arg1.tocoo())
        return
    if not traced(arg1):
        _coo._coo_base.__init__(self, arg1, shape, dtype, copy, **rest)
        return
    if isinstance(arg1, tuple):
        data = _cast(arg1[0], dtype)
        pattern = kind((np.ones(data.shape), arg1[1]), shape=shape, copy=copy)
        _become(self, _traced_like(pattern, data))
    else:
        dense = _cast(arg1, dtype)
        pattern = kind(np.ones(dense.shape), shape=shape)
        _become(self, _traced_like(pattern, dense[places_of(pattern)]))


def _through_csr(function: Any) -> None:
    """Let a constructor of another format make a csr matrix of traced entries."""

    @composite(function, name=f"scipy.sparse.{function.__qualname__}")
    def init(
        self: Any, arg1: Any, shape: Any = None, dtype: Any = None, *_: Any, **kwargs: Any
    ) -> None:
        """Make a matrix of traced entries: it becomes csr."""
        kind = type(self)
        if not isinstance(arg1, tuple):
            csr = sp.csr_matrix if issubclass(kind, sp.spmatrix) else sp.csr_array
            _become(self, csr(_cast(arg1, dtype), shape=shape))
            return
        kwargs.pop("copy", None)
        data = _cast(arg1[0], dtype)
        data = np.atleast_2d(data) if kind.__name__.startswith("dia") else data
        pattern = kind((_numbered(data), *arg1[1:]), shape, **kwargs).tocsr()
        _become(self, _traced_like(pattern, np.ravel(data)[pattern.data.astype(np.intp) - 1]))


_through_csr(_dia._dia_base.__init__)
_through_csr(_bsr._bsr_base.__init__)


@composite(sp.diags_array, name="scipy.sparse.diags_array")
def diags_array(
    diagonals: Any, /, *, offsets: Any = 0, shape: Any = None, format: Any = None,
    dtype: Any = None,
) -> Any:  # fmt: skip
    """Make a matrix of traced diagonals: csr, or the format that is asked for."""
    return _diagonals(diagonals, offsets, shape, format, sp.coo_array)


@composite(sp.diags, name="scipy.sparse.diags")
def diags(
    diagonals: Any, offsets: Any = 0, shape: Any = None, format: Any = None, dtype: Any = None
) -> Any:
    """Make a matrix of traced diagonals: csr, or the format that is asked for."""
    return _diagonals(diagonals, offsets, shape, format, sp.coo_matrix)


def _diagonals(diagonals: Any, offsets: Any, shape: Any, format: Any, kind: Any) -> Any:
    if np.ndim(offsets) == 0:
        single = np.ndim(diagonals[0]) == 0
        rows, places = [as_array(diagonals) if single else as_array(diagonals[0])], [int(offsets)]
    else:
        rows, places = [np.atleast_1d(as_array(d)) for d in diagonals], [int(k) for k in offsets]
    if len(rows) != len(places):
        raise ValueError("Different number of diagonals and offsets.")
    if shape is None:
        side = rows[0].shape[0] + abs(places[0])
        shape = (side, side)
    data, i, j = [], [], []
    for row, k in zip(rows, places, strict=True):
        length = min(shape[0] + min(k, 0), shape[1] - max(k, 0))
        if row.shape[0] not in (1, length) and row.shape[0] < length:
            raise ValueError(f"the diagonal at offset {k} has length {row.shape[0]}, not {length}")
        data.append(np.broadcast_to(row, (length,)) if row.shape[0] == 1 else row[:length])
        i.append(np.arange(length) + max(-k, 0))
        j.append(np.arange(length) + max(k, 0))
    made = kind((np.concatenate(data), (np.concatenate(i), np.concatenate(j))), shape=shape)
    return made.asformat(format if format in ("csc", "coo") else "csr")


# --- doors: plain matrices and traced arrays ------------------------------------------------------


def _door(function: Any, **data: Any) -> Any:
    return composite(function, name=f"scipy.sparse.{function.__qualname__}", **data)


for _function in (_base._spbase._matmul_dispatch, _coo._coo_base._matmul_dispatch):

    @_door(_function)
    def matmul(self: Any, other: Any) -> Any:
        """Multiply a plain sparse matrix with a traced array, or with a traced scalar."""
        other = as_array(other)
        return self._mul_scalar(other) if other.ndim == 0 else product(self, other)


for _function in (_base._spbase._rmatmul_dispatch, _coo._coo_base._rmatmul_dispatch):

    @_door(_function)
    def rmatmul(self: Any, other: Any) -> Any:
        """Multiply a traced array with a plain sparse matrix, or scale one."""
        other = as_array(other)
        if other.ndim == 0:
            return self._mul_scalar(other)
        return product(self.T, other.T).T


for _function in dict.fromkeys((_base._spbase.multiply, _dia._dia_base.multiply)):

    @_door(_function)
    def multiply(self: Any, other: Any) -> Any:
        """Multiply a plain sparse matrix entry by entry with a traced array or scalar."""
        other = as_array(other)
        return self._mul_scalar(other) if other.ndim == 0 else _multiplied(self, other)


for _function in dict.fromkeys((_lil._lil_base._mul_scalar, _dok._dok_base._mul_scalar)):

    @_door(_function)
    def mul_scalar(self: Any, other: Any) -> Any:
        """Scale a matrix by a traced number: it becomes csr."""
        return self.tocsr()._mul_scalar(other)


for _function in (_lil._lil_base.__truediv__, _dok._dok_base.__truediv__):

    @_door(_function)
    def truediv(self: Any, other: Any) -> Any:
        """Divide a matrix by a traced number or array: it becomes csr."""
        return self.tocsr() / other


@_door(_base._spbase._divide)
def divide(self: Any, other: Any, *, rdivide: bool = False) -> Any:
    """Divide a plain sparse matrix by a traced array, or the other way round."""
    other = as_array(other)
    if rdivide:
        _only_arrays(self, "a quotient of dense by sparse")
        return other / self.toarray()
    if other.ndim == 0:
        return self._mul_scalar(1.0 / other)
    return _multiplied(self, 1.0 / other)


_OWNERS = (_base._spbase, _coo._coo_base, _bsr._bsr_base, _dia._dia_base, _compressed._cs_matrix)
for _owner in _OWNERS:
    for _name, _sign in (("_add_dense", 1.0), ("_sub_dense", -1.0), ("_rsub_dense", -2.0)):
        _found = vars(_owner).get(_name)
        if _found is not None:

            @_door(_found)
            def with_dense(self: Any, other: Any, _sign: float = _sign) -> Any:
                """Add a plain sparse matrix and a traced dense array."""
                _only_arrays(self, "a sum with a dense array")
                dense = self.toarray()
                return other - dense if _sign == -2.0 else dense + _sign * other


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
            if is_traced(other):
                return combined(self, other, p, q)
            if traced(other):
                return other_way(self, other)
            return function(self, other)


_reaching("__add__", 1.0, 1.0)
_reaching("__sub__", 1.0, -1.0)


@_door(_base._spbase.__matmul__, always=True)
def matmul_of(self: Any, other: Any) -> Any:
    """Multiply; a second matrix with traced entries is refused."""
    if is_traced(other) and not is_traced(self):
        return TracedEntries._matmul_dispatch(other, other)
    if np.ndim(other) == 0 and not sp.issparse(other):
        raise ValueError("Scalar operands are not allowed, use '*' instead")
    return self._matmul_dispatch(other)
