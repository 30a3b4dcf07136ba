"""Sparse matrices of `scipy.sparse`: products with traced arrays, and traced entries.

A product with a plain sparse matrix is linear: its transpose is the product with the transposed
matrix. A sparse matrix that is built of traced numbers, ``csr_array((data, (i, j)))``, a plain one
times a traced scalar, and so on, keeps its class (csr, csc or coo; the other formats become csr)
and holds traced `data` beside plain indices. What only moves entries about (`tocsr`, `toarray`,
indexing) runs SciPy's own code on the numbers of the places, and the data follow.

The structure is the one that SciPy makes of the values: of a dense array it stores what is not
zero, and so do sums. An entry that is 0 by its value has a derivative all the same, so where SciPy
leaves some out the matrix keeps, beside what it shows, the `whole` one: products, sums and the like
are those of the whole. What reads the structure (`data`, `nnz`, `indices`) sees what SciPy stores;
where that is computed with, or replaces the data, the derivative is the limit of those around the
point, where these entries are seen (`unseen`).

Where the result shares memory in SciPy with its source (`A.T`, ``csr_array(A)``, `tocsr`), the two
matrices hold one traced array, and what SciPy writes in place is stored into it.

What SciPy returns as `numpy.matrix`, of the old matrix classes, is a `Matrix`.

Errors: methods of compiled code are refused.
"""

from copy import copy
from functools import partial, partialmethod
from operator import methodcaller
from sys import getrefcount
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.sparse import _data  # type: ignore[attr-defined]

from .... import tree
from ....core.op import Notation, Op
from ....core.registry import add
from ....core.slots import Linear
from ....errors import LostDerivativeError
from ...batched import columns
from ...declare import as_array
from ...numpy.arithmetic import unseen
from ...numpy.index import scatter_add, split_index
from ..common import agreed, flows, refusal, traced
from .numpy_matrix import Matrix, bare, like
from .settled import OF_ONE, SETTLING, followed, is_settled, settle, settles


class Form:
    """A sparse matrix as a param: hashed by identity, and with its transpose at hand."""

    __slots__ = ("matrix", "_turned", "_places", "drawn")

    def __init__(self, matrix: Any, turned: "Form | None" = None) -> None:
        self.matrix, self._turned, self._places = matrix, turned, None
        self.drawn: Any = None  # NumPy's global stream after its first use

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


# --- products -------------------------------------------------------------------------------------

def _links(x: Any, *places: Any) -> Any:
    """Return elements at these places, of the axis that is contracted, for each column of `x`."""
    if len(x.shape) == 1:
        return places
    k = x.shape[1]
    return tuple(np.ravel(p[:, None] * k + np.arange(k)) for p in places)


sparse_times = Op(
    "sparse_times",
    lambda x, form: form.matrix @ x,
    (Linear(transpose=lambda ct, _x, form: sparse_times(ct, form=form.turned),
            links=lambda x, form: _links(x, *form.places)),),
    batch=columns(0),
    complex=True,
    notation=Notation("A·{0}", "A {0}", 20, (21,), "linear: the transpose is Aᵀȳ"),
)
add(sparse_times)


def data_transpose(ct: Any, _data: Any, x: Any, form: Form) -> Any:
    """Return ȳᵢ xⱼ at the places (i, j) of the entries."""
    rows, cols = form.places
    terms = ct[rows] * x[cols]
    return terms if len(x.shape) == 1 else np.sum(terms, axis=-1)


sparse_product = Op(
    "sparse_product",
    lambda data, x, form: form.filled(data) @ x,
    (
        Linear(transpose=data_transpose),
        Linear(transpose=lambda ct, data, _x, form: sparse_product(data, ct, form=form.turned),
               links=lambda _data, x, form: _links(x, *form.places)),
    ),
    batch=columns(1),
    complex=True,
    notation=Notation(
        "A({0})·{1}", "A({0})\\,{1}", 20, (0, 21),
        "A(data)·x is linear in the entries, with ȳᵢxⱼ, and in x, with Aᵀȳ",
    ),
)  # fmt: skip
add(sparse_product)


def product(a: Any, x: Any) -> Any:
    """Return A @ x for a sparse A, plain or with traced data, and a dense x."""
    x, given = as_array(bare(x)), x
    if x.ndim == 0:
        raise ValueError("Scalar operands are not allowed, use '*' instead")
    if a.ndim != 2 or x.ndim > 2:
        return np.matmul(a.toarray(), x)
    if x.shape[0] != a.shape[1]:
        raise ValueError(
            "matmul: dimension mismatch with signature "
            f"(n,k={a.shape[1]}),(k={x.shape[0]},m)->(n,m)"
        )
    if is_traced(a):
        a = whole(a)
        return like(sparse_product(a.data, x, form=a.lasting_form()), given)
    return like(sparse_times(x, form=Form(a)), given)


def left_product(x: Any, a: Any) -> Any:
    """Return x @ A."""
    return like(product(a.T, np.transpose(as_array(bare(x)))).T, x)


# --- matrices with traced entries -----------------------------------------------------------------


def is_traced(a: Any) -> bool:
    """Say whether `a` is a sparse matrix with traced entries.

    A plain one whose `data` the program has replaced by traced numbers becomes one here.
    """
    if type(a) in _plain_of:
        return True
    if type(a) in _dressed.values():
        like = a._like
        _become(a, a._rows)
        a._like = like
        return True
    if not sp.issparse(a) or not traced(getattr(a, "__dict__", {}).get("data")):
        return False
    if a.format not in ("csr", "csc", "coo"):
        raise refusal(
            f"the attribute data of a {a.format} matrix", "only csr, csc and coo matrices hold "
            "traced entries", "convert it before its data are replaced: ‹self› = ‹self›.tocsr()",
        )
    _become(a, _traced_like(a, a.data))
    return True


def _become(self: Any, made: Any) -> None:
    """Turn an object of SciPy's into the matrix that was made."""
    values = dict(made.__dict__)
    self.__class__ = type(made)
    self.__dict__.clear()
    self.__dict__.update(values)


THROUGH = (
    "toarray todense tobsr todia sum mean diagonal trace multiply dot transpose getrow getcol "
    "power _matmul_dispatch _rmatmul_dispatch __add__ __radd__ __sub__ __rsub__ __neg__ "
    "_mul_scalar __truediv__ _divide reshape __abs__ conj conjugate max min argmax argmin maximum "
    "minimum"
).split()
_OF_DATA = (  # what SciPy computes of the data, in whatever form they are
    "arcsin arcsinh arctan arctanh ceil deg2rad expm1 floor log1p rad2deg rint sign sin sinh sqrt "
    "tan tanh trunc astype count_nonzero nonzero nanmax nanmin"
).split()
_dressed: dict[type, type] = {}


def dress(self: Any, rows: Any, like: Any) -> None:
    """Let an object of another format (dia, bsr) hold traced entries in csr form.

    `like` is SciPy's own matrix of that format: the coo form has the order of its entries.

    It stays an instance of its class, and answers by the methods of the other; where it meets
    another matrix it becomes that one.
    """
    kind = type(self)
    if kind not in _dressed:
        names = (*THROUGH, *_OF_DATA, "tocsc", "copy", "__getitem__", "tolil", "todok")
        methods = {name: through(name) for name in names}
        methods["tocoo"] = _in_own_order
        methods["tocsr"] = lambda self, copy=False: self._rows.copy()  # as SciPy's: no view
        methods["__imul__"] = lambda self, other: _on_rows(self, "__imul__", other)
        methods["__itruediv__"] = lambda self, other: _on_rows(self, "__itruediv__", other)
        refused = _refusing("data", "write ‹self›.tocsr().data")
        methods["data"] = property(refused, refused)
        methods["setdiag"] = _set_diagonal
        methods |= {name: _both_in_place(name) for name in SETTLING if hasattr(kind, name)}
        for name in ("_getnnz", "__repr__"):
            methods[name] = partialmethod(_of_form, name)
        methods["__str__"] = lambda self: str(plain_matrix(self._rows).asformat(self.format))
        methods.update(in_rows_alone("resize", "eliminate_zeros", "prune"))
        for name in ("maxprint", "blocksize", "offsets", "indptr", "indices"):
            methods[name] = property(partial(_held_by_form, name=name))
        _dressed[kind] = type(kind.__name__, (kind,), methods)
    self.__dict__.update(_shape=rows.shape, _rows=rows, _like=like)
    self.__class__ = _dressed[kind]


def in_rows_alone(*names: str) -> dict[str, Any]:
    """Return methods that change a matrix in place, which only one in csr form does here."""
    return {name: _refusing(name, "write ‹self› = ‹self›.tocsr() before it") for name in names}


def _set_diagonal(self: Any, values: Any, k: int = 0) -> None:
    """As SciPy's `setdiag`; the format gets the places, too."""
    form = self._like.copy()
    form.setdiag(agreed(values), k)
    self._rows.setdiag(values, k)
    self._like = form


def _of_form(self: Any, name: str, *args: Any, **kwargs: Any) -> Any:
    """Answer a question about the format, in which no traced entries are held."""
    return getattr(self._like, name)(*args, **kwargs)


def _held_by_form(self: Any, name: str) -> Any:
    return getattr(self._like, name)


def _in_own_order(self: Any, copy: bool = False) -> Any:
    """Return the matrix in coo form, its entries in the order of the format."""
    made, like = whole(self.__dict__.get("_rows", self)), self._like.tocoo()
    flat = np.ravel_multi_index(places_of(like), like.shape)
    if np.unique(flat).size == flat.size:
        return shown(made, like)
    own = made._moved("tocoo", (), {})
    now = np.ravel_multi_index(places_of(own), own.shape)
    order, wanted = (np.argsort(x, kind="stable") for x in (now, flat))
    if not np.array_equal(now[order], flat[wanted]):
        return own
    at = np.empty_like(order)
    at[wanted] = order  # those of one place stand in the same order in both
    return _traced_like(like, own.data[at])


def in_blocks(self: Any, *args: Any, _name: str, **kwargs: Any) -> Any:
    """Return a matrix of traced entries in the form dia or bsr."""
    like = getattr(plain_matrix(self), _name)(*args, **kwargs)
    made = object.__new__(type(like))
    made.__dict__.update(like.__dict__)
    dress(made, self.tocsr().copy(), like)
    return made


def _on_rows(self: Any, name: str, other: Any) -> Any:
    return NotImplemented if getattr(self._rows, name)(other) is NotImplemented else self


def through(name: str) -> Any:
    """Return a method that answers by the matrix in csr form."""

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        args = tuple(map(_whose_data_follow, args))
        if type(self) not in _dressed.values():
            return getattr(self.tocsr(), name)(*args, **kwargs)
        rows, like = self._rows, self._like
        forms = map(_form_of, args) if not is_settled(rows) else ()
        if settles(like, methodcaller(name, *forms, **kwargs)):
            rows.sum_duplicates()
        elif not is_settled(rows) and not name.startswith("__i"):
            rows = rows.copy()  # what SciPy computes of a copy in csr form leaves the blocks
        return getattr(rows, name)(*args, **kwargs)

    method.__name__, method.__doc__ = name, f"As `{name}` of the matrix in csr form."
    return method


def _form_of(a: Any) -> Any:
    return a._like if type(a) in _dressed.values() else plain_matrix(a)


def _both_in_place(name: str) -> Any:
    def change(self: Any) -> None:
        for form in (self._like, self._rows):
            getattr(form, name)()

    return change


def _whose_data_follow(a: Any) -> Any:
    return a.tocsr() if sp.issparse(a) and a.format in ("lil", "dok") else a


def in_class(made: Any, kind: type) -> Any:
    """Return a csr, csc or coo matrix with traced entries in the class (array, matrix) of `kind`.

    The format stays: `kind` says only whether it is one of the array classes.
    """
    old = issubclass(kind, sp.spmatrix)
    if sp.isspmatrix(made) == old:
        return made
    wanted = getattr(sp, f"{made.format}_{'matrix' if old else 'array'}")
    found = _traced_like(wanted(made.form().matrix), made.data)
    return _hiding(found, made, lambda own: in_class(own, kind))


def _version(data: Any) -> tuple[Any, ...]:
    """Return what changes with a store into `data`, or into what it is a view of."""
    found = data, getattr(data, "cr_value", None), getattr(data, "cr_node", None)
    base = getattr(data, "cr_base", None)
    return found if base is None else (*found, *_version(base[0]))


def _same_places(a: Any, b: Any) -> bool:
    return np.array_equal(a.indptr, b.indptr) and np.array_equal(a.indices, b.indices)


def held_elsewhere(a: Any) -> bool:
    """Say whether anyone but the matrix holds its data, or the array that they are a view of."""
    array = a.__dict__["data"]
    own = 3 + (len(a.__dict__.get("_whole", ())) > 1 and a._whole[1] is array)
    if getrefcount(array) > own:  # the matrix, this name, the call, and the mark of what is hidden
        return True
    base = array.base if type(array) is np.ndarray else None
    return base is not None and (type(base) is not np.ndarray or getrefcount(base) > 3)


def shared(what: str) -> LostDerivativeError:
    """Build the error for a change in place that others would see in SciPy, and cannot here."""
    return LostDerivativeError(
        f"{what} changes a sparse matrix in place, whose data are held elsewhere too",
        why="another matrix (A.T, csr_array(A), …) or a name has the same memory, and would not "
        "see the change",
        cure="make the change before the other one is made, or make that of a copy: A.copy()",
    )


def replace(self: Any, new: Any, change: Any, what: str) -> None:
    """Become the matrix `new`, and store in place where SciPy's own `change` does.

    The change stores -1 into a plain matrix, which shows where the old data are written to.
    """
    own = is_traced(self)
    marked = (self.form().matrix if own else self).copy()
    old = marked.data = np.arange(1.0, self.data.shape[0] + 1)
    change(marked)
    at = np.flatnonzero(old < 0)
    plain = type(self.data) is np.ndarray  # till now: they are replaced by traced ones
    if at.size and plain and held_elsewhere(self):
        raise shared(what)
    if own and self.format == "coo" and self._unique() is not self:
        new = _beside_twins(self, new, marked.data)
    stays, data, hidden = not plain and marked.data is old, self.data, new.__dict__.get("_whole")
    if at.size and not plain:
        flat, now = (np.ravel_multi_index(places_of(x), x.shape) for x in (self, new))
        order = np.argsort(now)
        data[at] = new.data[order[np.searchsorted(now, flat[at], sorter=order)]]
    _become(self, new)
    if stays:
        self.data = data
        if hidden is not None:
            self._whole = (hidden[0], *_version(data))


def _beside_twins(self: Any, new: Any, marks: Any) -> Any:
    """Return `new` where places that stand twice in a coo matrix keep their two entries."""
    if marks.size != new.data.shape[0]:
        raise refusal(
            "a store of zeros into a coo matrix in which a place stands twice", "it has no rule",
            "add them up before: ‹self›.sum_duplicates()",
        )
    pool = np.concatenate([self.data, new.data])
    at = np.where(marks < 0, self.data.shape[0] + np.arange(marks.size), marks.astype(np.intp) - 1)
    return _traced_like(new, pool[at])


def _store_into(data: Any, new: Any, rest: Any) -> None:
    """Store the data of `new` into `data`, as SciPy's code does in place, and let `new` have them.

    What is behind them is left over.
    """
    size, hidden = new.data.shape[0], new.__dict__.get("_whole")
    data[...] = np.concatenate([new.data, rest[size:]])
    new.data = _part_of(data, np.arange(size))
    if hidden is not None:
        new._whole = (hidden[0], *_version(new.data))


def _without_zeros(a: Any, own: Any, like: Any, kept: Any) -> Any:
    """Return a matrix in which places stand twice without its zeros, which are hidden then."""
    data = a.data[kept]
    if flows(a.data):
        lost = np.setdiff1d(np.arange(a.data.shape[0]), kept)
        data = data + unseen(a.data[lost])
    new = _traced_like(like, data)
    new._whole = (_traced_like(own, own.data), *_version(data))
    return new


def _part_of(data: Any, at: Any) -> Any:
    """Return the part of `data` that a view shows: a view, or `data` itself."""
    if at.size == data.shape[0]:
        return data
    start = int(at[0]) if at.size else 0
    return data[start : start + at.size]


def _hiding(made: Any, source: Any, of_whole: Any) -> Any:
    """Return `made`, of the data of `source`; what `source` hides is hidden in it too."""
    own = whole(source)
    if own is not source:
        made._whole = (of_whole(own), *_version(made.data))
    return made


def whole(a: Any) -> Any:
    """Return a matrix with all entries stored that may have a derivative: those of value 0 too."""
    found, *seen = a.__dict__.get("_whole", (a,))
    now = _version(a.__dict__.get("data"))
    return found if all(x is y for x, y in zip(seen, now, strict=False)) else a


def plain_matrix(a: Any) -> Any:
    """Return SciPy's own matrix of the values that are shown."""
    if isinstance(a, Matrix):
        return agreed(a.array)
    if not sp.issparse(a):
        return agreed(a)
    return a.twin(np.array(agreed(a.data))) if is_traced(a) else a


def shown(made: Any, like: Any) -> Any:
    """Return the matrix `made` in the format and structure of `like`, which is SciPy's own."""
    like = like if like.format in ("csr", "csc", "coo") else like.tocsr()
    made = made._unique()
    flat, wanted = (np.ravel_multi_index(places_of(x), x.shape) for x in (made, like))
    order = np.argsort(flat)
    if flat.size == 0:
        return _traced_like(like, made.data)
    index = order[np.minimum(np.searchsorted(flat, wanted, sorter=order), flat.size - 1)]
    data = made.data[index]
    if not np.array_equal(flat[index], wanted):  # SciPy stores a zero where there is nothing
        data = np.where(flat[index] == wanted, data, np.zeros_like(data))
    if flat.size == wanted.size or not flows(made.data):
        return _traced_like(like, data)
    hidden = np.ones(flat.size, bool)
    hidden[index[flat[index] == wanted]] = False
    data = data + unseen(made.data[np.flatnonzero(hidden)])
    found = _traced_like(like, data)
    found._whole = (made, *_version(data))
    return found


def of_dense(dense: Any, like: Any) -> Any:
    """Return a dense array in the format and structure of `like`, which is SciPy's own."""
    if not flows(dense):
        like = like if like.format in ("csr", "csc", "coo") else like.tocsr()
        return _traced_like(like, dense[places_of(like)])
    places = np.indices(dense.shape).reshape(dense.ndim, -1)
    return shown(_traced_like(_pattern(places, dense.shape, like), np.ravel(dense)), like)


class TracedEntries:
    """What a csr, csc or coo class does where its data are traced; see `_class_of`."""

    __slots__ = ()

    def form(self) -> Form:
        """Return the plain matrix of the same structure, with the numbers of its places as data."""
        plain = _plain_class(type(self))
        made = plain.__new__(plain)
        made.__dict__.update(self.__dict__)
        for name in OF_ONE:
            made.__dict__.pop(name, None)
        made.data = np.arange(1.0, self.data.shape[0] + 1)
        return Form(followed(made, self))

    def twin(self, data: Any) -> Any:
        """Return SciPy's own matrix with these data, which SciPy's own code is run on."""
        return followed(self.form().filled(data), self)

    def lasting_form(self) -> Form:
        """Return a form whose places stay as they are when the matrix is sorted."""
        form = self.form()
        return form if is_settled(self) else Form(form.matrix.copy())

    def _places(self) -> Any:
        return self.coords if self.format == "coo" else self.indices  # type: ignore[attr-defined]

    def _moved(self, name: str, args: Any, kwargs: Any) -> Any:
        """Let the plain class move the numbers of the places, and the data follow."""
        plain, size = self.form().matrix, self.data.shape[0]
        numbers = plain.data = plain.data + size  # a sum of two is larger than all of them
        before = self._places()
        found = getattr(plain, name)(*args, **kwargs)
        if self._places() is not before:  # sorted in place: its numbers are others now
            return self._moved(name, args, kwargs)
        if found is plain:
            return self
        if sp.issparse(found):
            at = found.data.astype(np.intp) - size - 1
            if np.shares_memory(found.data, numbers):
                made = _traced_like(found, _part_of(self.data, at))
                return _hiding(made, self, lambda own: getattr(own, name)(*args, **kwargs))
            if whole(self) is self and np.all(at < size):
                return _traced_like(found, self.data[at])
        own = whole(self)._unique()
        own = own if own.format == self.format else own.asformat(self.format)  # type: ignore[attr-defined]
        found = getattr(own.form().matrix, name)(*args, **kwargs)
        if sp.issparse(found):
            found = _traced_like(found, own.data[np.asarray(found.data, np.intp) - 1])
            return shown(found, getattr(plain_matrix(self), name)(*args, **kwargs))
        index = np.asarray(found).astype(np.intp)
        padded = np.concatenate([np.zeros_like(own.data, shape=(1,)), own.data])
        return padded[index]

    def _unique(self) -> Any:
        """Return the matrix if no place stands twice in it, else one where they are added up."""
        if self.format != "coo" and self.form().matrix.has_canonical_format:
            return self
        found = self._summed()
        return found if found is self or self.format == "coo" else found.asformat(self.format)  # type: ignore[attr-defined]

    def _summed(self) -> Any:
        """Return the matrix if no place stands twice in it, else one in coo form."""
        flat = np.ravel_multi_index(places_of(self), self.shape)
        once, back = np.unique(flat, return_inverse=True)
        if once.size == flat.size:
            return self
        arrays, index = split_index(np.ravel(back))
        data = scatter_add(self.data, *arrays, index=index, shape=(once.size,))
        return _coo_of(data, np.unravel_index(once, self.shape), self)

    def _matmul_dispatch(self, other: Any) -> Any:
        if sp.issparse(other):
            return sparse_sparse(self, other)
        if np.ndim(other) == 0:
            return self._mul_scalar(other)  # type: ignore[attr-defined]
        return product(self, other)

    def _rmatmul_dispatch(self, other: Any) -> Any:
        if sp.issparse(other):
            return sparse_sparse(other, self)
        if np.ndim(other) == 0:
            return self._mul_scalar(other)  # type: ignore[attr-defined]
        return left_product(other, self)

    def dot(self, other: Any) -> Any:
        """As SciPy's `dot`."""
        return self * other if np.isscalar(other) else self @ other  # type: ignore[operator]

    def trace(self, offset: int = 0) -> Any:
        """Return the sum of a diagonal."""
        return np.sum(self.diagonal(offset))

    def diagonal(self, k: int = 0) -> Any:
        """Return a diagonal."""
        return self._moved("diagonal", (k,), {})

    def toarray(self, order: Any = None, out: Any = None) -> Any:
        """Return the dense array."""
        found = self._moved("toarray", (order,), {})
        if out is None:
            return found
        out[...] = found
        return out

    def todense(self, order: Any = None, out: Any = None) -> Any:
        """Return the dense array; of the old classes a matrix."""
        found = self.toarray(order, out)
        return Matrix(found) if sp.isspmatrix(self) else found

    def _in_place(self, name: str) -> None:
        if self.format == "coo" and name == "sum_duplicates" and self.has_canonical_format:
            return
        valued = name == "eliminate_zeros"
        like = (plain_matrix(self) if valued else self.form().matrix).copy()
        if valued:
            kept = np.flatnonzero(like.data)
        elif self.format != "coo":
            like.sort_indices()
            kept = like.data.astype(np.intp) - 1
        getattr(like, name)()
        if self.format != "coo" and _same_places(like, self):
            self.__dict__.update({k: v for k, v in like.__dict__.items() if k.startswith("_has_")})
            return
        held = self.format != "coo" and held_elsewhere(self)
        alone = held or getattr(self.data, "cr_base", None) is not None
        alone = alone and self.format != "coo" and getrefcount(self.indices) == 2
        if held and not alone:  # by another matrix, which would see other places, too
            raise shared(f"{name}()")
        own, form = whole(self), self.__dict__.get("_like")
        if alone:  # what is hidden stays as it is where the data are written to
            own = _traced_like(own, own.data.copy())
        if name == "sort_indices":
            new = _traced_like(like, self.data[kept])
            if whole(self) is not self:
                new._whole = (own, *_version(new.data))
        elif valued and self._unique() is not self:
            new = _without_zeros(self, own, like, kept)
        else:
            new = shown(_traced_like(own, own.data), like)
        if alone:  # names have the data, and nobody else what tells the places
            _store_into(self.data, new, self.data if valued else self.data[kept])
        _become(self, new)
        if form is not None and hasattr(form, name):
            getattr(form, name)()
            self._like = form

    def sum_duplicates(self) -> None:
        """Add up the entries that stand at one place."""
        self._in_place("sum_duplicates")

    def eliminate_zeros(self) -> None:
        """Store no zeros."""
        self._in_place("eliminate_zeros")

    def sort_indices(self) -> None:
        """Sort the entries of each row, or column."""
        self._in_place("sort_indices")

    def resize(self, *shape: Any) -> None:
        """Change the shape in place; what stands outside is left out."""
        plain = self.form().matrix.copy()
        numbers = plain.data
        plain.resize(*shape)
        at = plain.data.astype(np.intp) - 1
        kept = np.shares_memory(plain.data, numbers)
        if self.format != "coo" and not kept and held_elsewhere(self):
            raise shared("resize()")
        made = _traced_like(plain, _part_of(self.data, at) if kept else self.data[at])

        def resized(own: Any) -> Any:
            own = own.copy()
            own.resize(*shape)
            return own

        _become(self, _hiding(made, self, resized))

    def __imul__(self, other: Any) -> Any:
        if np.ndim(other) != 0 or sp.issparse(other):
            return NotImplemented
        own = whole(self)
        self.data *= other
        if own is not self:
            self._whole = (own._mul_scalar(other), *_version(self.data))
        return self

    def __itruediv__(self, other: Any) -> Any:
        if np.ndim(other) != 0 or sp.issparse(other):
            return NotImplemented
        return self.__imul__(1.0 / other)

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
        found = _traced_like(self.lasting_form().matrix, self.data.copy())
        return found if whole(self) is self else shown(whole(self), found.form().matrix)


def _refusing(name: str, cure: str) -> Any:
    def refuse(self: Any, *_args: Any, **_kwargs: Any) -> Any:
        raise refusal(f"A.{name} of a sparse matrix A with traced entries", "it has no rule", cure)

    refuse.__name__, refuse.__doc__ = name, "Refuse: it has no rule."
    return refuse


for _name in ("tobsr", "todia"):
    setattr(TracedEntries, _name, partialmethod(in_blocks, _name=_name))


def _mover(name: str) -> Any:
    def move(self: Any, *args: Any, **kwargs: Any) -> Any:
        return self._moved(name, args, kwargs)

    move.__name__, move.__doc__ = name, f"As SciPy's `{name}`; the traced entries follow."
    return move


for _name in ("tocsc", "__getitem__", "reshape", "getrow", "getcol"):
    setattr(TracedEntries, _name, _mover(_name))


def _tocoo(self: Any, *args: Any, **kwargs: Any) -> Any:
    """As SciPy's `tocoo`; what was in another form keeps the order of its entries."""
    return _in_own_order(self) if "_like" in self.__dict__ else self._moved("tocoo", args, kwargs)


def _tocsr(self: Any, *args: Any, **kwargs: Any) -> Any:
    """As SciPy's `tocsr`; of what was in another form a matrix of its own."""
    return self.copy() if "_like" in self.__dict__ else self._moved("tocsr", args, kwargs)


TracedEntries.tocoo, TracedEntries.tocsr = _tocoo, _tocsr  # type: ignore[attr-defined]


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
        if name not in _SHARING:
            settle(self, methodcaller(name, *args, **kwargs))
        made = getattr(own, name)(*args, **kwargs)
        like = self.form().matrix
        return shown(made, like.transpose() if name == "transpose" else like)

    method.__name__, method.__doc__ = name, f"As SciPy's `{name}`."
    return method


for _name in (
    "_mul_scalar", "__neg__", "__abs__", "__round__", "power", "conj", "conjugate", "_real",
    "_imag", "astype", "transpose",
    *(u.__name__ for u in _data._ufuncs_with_fixed_point_at_zero),
):  # fmt: skip
    setattr(TracedEntries, _name, _by_entry(_name))

_SHARING = ("transpose", "astype", "conj", "conjugate", "_real", "_imag")


def _are_one(a: Any, b: Any) -> bool:
    """Say whether `a` is `b`, or a view of it."""
    while a is not b and getattr(a, "cr_base", None) is not None:
        a = a.cr_base[0]
    return a is b


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
        tree.register(found, lambda a: ((whole(a).data,), a), _with_parts)
    return found


def _plain_class(kind: type) -> Any:
    return _plain_of.get(kind, kind)


def _with_parts(a: Any, parts: Any) -> Any:
    """Return a matrix with other data: of SciPy's own class where these are plain."""
    (data,) = parts
    if whole(a) is not a:
        made = _traced_like(whole(a), data)
        like = a.form().matrix
        found = shown(made, like)
        if type(data) is not np.ndarray:
            return found
        return like.__class__(found.form().filled(found.data))
    return a.form().filled(data) if type(data) is np.ndarray else _traced_like(a, data)


def _traced_like(pattern: Any, data: Any) -> Any:
    """Return a matrix of the class and structure of `pattern`, with traced `data`."""
    kind = _class_of(type(pattern))
    made = kind.__new__(kind)
    made.__dict__.update(pattern.__dict__)
    for name in OF_ONE:
        made.__dict__.pop(name, None)
    made.data = data
    return made


def _coo_of(data: Any, places: Any, like: Any) -> Any:
    kind = sp.coo_matrix if sp.isspmatrix(like) else sp.coo_array
    pattern = kind((np.ones(data.shape[0]), tuple(places)), shape=like.shape)
    return _traced_like(pattern, data)


def combined(a: Any, b: Any, p: float, q: float) -> Any:
    """Return p·a + q·b, of which one is a sparse matrix with traced entries."""
    if not sp.issparse(a) or not sp.issparse(b):
        dense = b if sp.issparse(a) else a
        if np.ndim(dense) == 0 and not traced(dense) and dense == 0:
            return p * a if sp.issparse(a) else q * b
        old = sp.isspmatrix(a) or sp.isspmatrix(b)
        a, b = (x.toarray() if sp.issparse(x) else as_array(x) for x in (a, b))
        return Matrix(p * a + q * b) if old else p * a + q * b
    if a.shape != b.shape:
        raise ValueError("inconsistent shapes")
    expected = _plain_sum(plain_matrix(a), plain_matrix(b), p, q)
    like = a if is_traced(a) else b
    parts, rows, cols = [], [], []
    for x, factor in ((a, p), (b, q)):
        x = whole(x)
        x = x if x.format in ("csr", "csc", "coo") else x.tocsr()
        if is_traced(x):  # each is summed by itself, as SciPy does: what cancels is 0 to the bit
            x = x._unique()
        elif not is_settled(x):
            x = x.copy()
            x.sum_duplicates()
        parts.append(factor * x.data)
        places = places_of(x)
        rows.append(places[0])
        cols.append(places[1])
    made = _coo_of(np.concatenate(parts), (np.concatenate(rows), np.concatenate(cols)), like)
    return shown(made, expected)


def _plain_sum(a: Any, b: Any, p: float, q: float) -> Any:
    if p == 1.0:
        return a + b if q == 1.0 else a - b
    return p * a + q * b


def sparse_sparse(a: Any, b: Any) -> Any:
    """Return A @ B of two sparse matrices, of which one has traced entries, as a sparse one.

    Entry (i, j) is the sum of aᵢₖ bₖⱼ over the k that both have; the pairs of entries are found
    on the plain places.
    """
    if a.ndim != 2 or b.ndim != 2:
        raise refusal(
            "a product of sparse arrays that are not two-dimensional", "it has no rule",
            "write ‹self›.toarray() @ ‹0›.toarray()",
        )
    if a.shape[1] != b.shape[0]:
        raise ValueError(f"dimension mismatch: {a.shape}, {b.shape}")
    expected = plain_matrix(a) @ plain_matrix(b)
    like = a if not sp.isspmatrix(a) else b  # an array, where one of the two is one
    a, b = whole(a).tocsr(), whole(b).tocsr()
    rows, inner = places_of(a)
    counts = np.diff(b.indptr)[inner]
    first = np.repeat(np.arange(inner.size), counts)
    ends = np.cumsum(counts)
    second = np.arange(first.size) - np.repeat(ends - counts - b.indptr[inner], counts)
    pattern = _pattern((rows[first], b.indices[second]), (a.shape[0], b.shape[1]), like)
    return shown(_traced_like(pattern, a.data[first] * b.data[second]), expected)


def _pattern(places: Any, shape: Any, like: Any) -> Any:
    kind = sp.coo_matrix if sp.isspmatrix(like) else sp.coo_array
    return kind((np.ones(np.size(places[0])), tuple(places)), shape=shape)


def moved(function: Any, matrices: list[Any], *args: Any, **kwargs: Any) -> Any:
    """Call a function that only moves entries of several matrices, some of them traced.

    SciPy's own code moves the numbers of the entries, and the entries follow.
    """
    hidden = any(is_traced(a) and whole(a) is not a for a in matrices)
    made = None if hidden else _follow(function, matrices, args, kwargs, once=False)
    if made is None:
        made = _follow(function, matrices, args, kwargs, once=True)
    if not hidden:
        return made
    return shown(made, function([plain_matrix(a) for a in matrices], *args, **kwargs))


def _follow(function: Any, matrices: list[Any], args: Any, kwargs: Any, once: bool) -> Any:
    """Let the entries follow their numbers; None where entries of one place are added up.

    With `once` these are added up before.
    """
    parts, numbered, start = [], [], 0
    for a in matrices:
        if is_traced(a):
            a = whole(a)._unique() if once else a
            pattern, data = a.form().matrix, a.data
        else:
            pattern = a.copy() if a.format in ("csr", "csc", "coo") else a.tocoo(copy=True)
            if once:
                pattern.sum_duplicates()
            data = pattern.data
            pattern.data = np.arange(1.0, data.size + 1)
        pattern.data = pattern.data + start
        start += data.shape[0]
        numbered.append(pattern)
        parts.append(data)
    for pattern in numbered:
        pattern.data = pattern.data + start  # a sum of two is larger than all of them
    found = function(numbered, *args, **kwargs)
    found = found if found.format in ("csr", "csc", "coo") else found.tocsr()
    at = found.data.astype(np.intp) - start - 1
    if not once and np.any(at >= start):
        return None
    return _traced_like(found, np.concatenate(parts)[at])
