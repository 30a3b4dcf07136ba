"""Sparse matrices of `scipy.sparse` with traced entries, in all seven forms.

One that is built of traced numbers, ``csr_array((data, (i, j)))``, a plain one times a traced
scalar, and so on, keeps its class and holds traced `data` beside plain indices (dia and bsr:
`other_forms`; those that are filled entry by entry: `assembly`). SciPy's own code runs on plain
numbers, and says the form, the order and the structure of each result; the data follow:

- where it only moves entries, by an index: it moves their numbers (`moves`);
- where it stores in place, sorts or resizes, so too, and for all who share the memory (`changes`);
- elsewhere by place (`shown`): what stands at one place is added up, or goes there one by one.

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
from typing import Any

import numpy as np
import scipy.sparse as sp

from .... import tree
from ....core.settings import beside
from ...numpy.arithmetic import unseen
from ...numpy.index import scatter_add, split_index
from ..common import agreed, flows, refusal, traced
from .forms import FORMS, Form, places_of
from .numpy_matrix import Matrix
from .settled import OF_ONE, followed

# --- matrices with traced entries -----------------------------------------------------------------


def is_traced(a: Any) -> bool:
    """Say whether `a` is a sparse matrix with traced entries.

    A plain one whose `data` the program has replaced by traced numbers becomes one here.
    """
    if type(a) in _plain_of:
        return True
    if not sp.issparse(a) or not traced(getattr(a, "__dict__", {}).get("data")):
        return False
    if a.format not in FORMS:
        raise refusal(
            f"the attribute data of a {a.format} matrix", "it holds no array of entries",
            "write ‹self› = ‹self›.tocsr() before it",
        )
    _become(a, _traced_like(a, a.data))
    return True


def _become(self: Any, made: Any) -> None:
    """Turn an object of SciPy's into the matrix that was made."""
    values = dict(made.__dict__)
    self.__class__ = type(made)
    self.__dict__.clear()
    self.__dict__.update(values)


def plainly(x: Any) -> Any:
    """Return an argument as SciPy's own code takes it."""
    return plain_matrix(x) if sp.issparse(x) or traced(x) or isinstance(x, Matrix) else x


def followable(a: Any) -> Any:
    """Return a matrix that is filled entry by entry in the form that SciPy's code brings it to."""
    if not hasattr(type(a), "filled_of"):
        return a
    return a.tocsr() if a.format == "lil" else a.tocoo()


def as_double(a: Any) -> Any:
    """Return a matrix in the precision in which SciPy divides it by a number."""
    return a.astype(np.float64, copy=False) if np.can_cast(a.dtype, np.float64) else a


def in_class(made: Any, kind: type) -> Any:
    """Return a matrix with traced entries in the class (array, matrix) of `kind`.

    The format stays: `kind` says only whether it is one of the array classes.
    """
    old = issubclass(kind, sp.spmatrix)
    if sp.isspmatrix(made) == old:
        return made
    wanted = getattr(sp, f"{made.format}_{'matrix' if old else 'array'}")
    found = _traced_like(wanted(made.form().matrix), made.__dict__["data"])
    if made.__dict__.get("_outside"):
        found._outside = True
    return _hiding(found, made, lambda own: in_class(own, kind))


def _version(data: Any) -> tuple[Any, ...]:
    """Return what changes with a store into `data`, or into what it is a view of."""
    found = data, getattr(data, "cr_value", None), getattr(data, "cr_node", None)
    base = getattr(data, "cr_base", None)
    return found if base is None else (*found, *_version(base[0]))


def _hiding(made: Any, source: Any, of_whole: Any) -> Any:
    """Return `made`, of the data of `source`; what `source` hides is hidden in it too."""
    own = behind(source)
    if own is not None:
        hide(made, whole(of_whole(own)))
    return made


def hide(shows: Any, own: Any) -> None:
    """Let `shows` keep the matrix `own`, of all entries, beside what it shows.

    Its memory is its own: into that of other matrices the program, and SciPy, write in place.
    """
    data = own.data
    data = data.cr_snapshot() if hasattr(data, "cr_snapshot") else data.copy()
    own = _traced_like(own.form().matrix.copy(), data)
    shows._whole = (own, *_version(shows.__dict__["data"]))


def behind(a: Any) -> Any:
    """Return the matrix that `a` keeps beside what it shows, if there is one."""
    found, *seen = a.__dict__.get("_whole", (None,))
    now = _version(a.__dict__.get("data"))
    return found if all(x is y for x, y in zip(seen, now, strict=False)) else None


def whole(a: Any) -> Any:
    """Return a matrix with all entries stored that may have a derivative: those of value 0 too.

    It is in csr, csc or coo form.
    """
    found = behind(a)
    if found is not None:
        return found
    return a.own_rows() if hasattr(type(a), "own_rows") else a


def plain_matrix(a: Any) -> Any:
    """Return SciPy's own matrix of the values that are shown."""
    if isinstance(a, Matrix):
        return agreed(a.array)
    if not sp.issparse(a):
        return agreed(a)
    if hasattr(type(a), "filled_of"):
        return a.filled_of(plain_matrix(a.tocoo()))
    return a.twin(np.array(agreed(a.__dict__["data"]))) if is_traced(a) else a


def shown(made: Any, like: Any) -> Any:
    """Return the matrix `made` in the format and structure of `like`, which is SciPy's own.

    What SciPy adds up at one place is added up, what it keeps apart there is in the same order in
    both, and what it leaves out is hidden.
    """
    if like.format not in FORMS:
        return FILLED[0](made, like)
    places, index = _slots(like)
    flat, wanted = (np.ravel_multi_index(c, like.shape) for c in (places_of(made), places))
    goes, size = _matched(flat, wanted), wanted.size
    kept = np.flatnonzero(goes >= 0)
    slot, data = goes[kept], made.data[kept]
    if size == slot.size == np.unique(slot).size:
        data = data[np.argsort(slot)]
    else:
        arrays, at = split_index(slot)
        data = scatter_add(data, *arrays, index=at, shape=(size,))
    if kept.size == goes.size or not flows(made.data):
        return _placed(like, data, index)
    made = made._unique()
    lost = ~np.isin(np.ravel_multi_index(places_of(made), like.shape), wanted)
    data = data + _unseen(made.data[np.flatnonzero(lost)])
    found = _placed(like, data, index)
    hide(found, made)
    return found


def _unseen(entries: Any) -> Any:
    """As `unseen`; what is hidden beside the point, too, is 0 wherever one looks."""
    return 0.0 if beside.now else unseen(entries)


def _matched(flat: Any, wanted: Any) -> Any:
    """Return where entries at the places `flat` go among those at `wanted` (-1: they are left out).

    Those at a place that stands in `wanted` several times go there one by one.
    """
    once, first, many = np.unique(wanted, return_index=True, return_counts=True)
    if once.size == 0:
        return np.full(flat.size, -1)
    at = np.minimum(np.searchsorted(once, flat), once.size - 1)
    known = once[at] == flat
    goes = np.where(known, first[at], -1)
    several = np.flatnonzero(known & (many[at] > 1))
    if several.size:
        here = np.bincount(at[several], minlength=once.size)
        if np.any((here != many) & (here > 0)):
            raise refusal(
                "a sparse matrix in which places stand twice", "SciPy adds up some of what stands "
                "there, and leaves the rest", "add them up before: ‹self›.sum_duplicates()",
            )  # fmt: skip
        order = several[np.argsort(flat[several], kind="stable")]
        there = np.flatnonzero((many > 1)[np.searchsorted(once, wanted)] & np.isin(wanted, flat))
        goes[order] = there[np.argsort(wanted[there], kind="stable")]
    return goes


def _slots(like: Any) -> tuple[Any, Any]:
    """Return the places of the data of a matrix, and which of its data these are (None: all)."""
    if like.format in ("csr", "csc", "coo"):
        return places_of(like), None
    numbered = copy(like)
    numbered.data = np.arange(1.0, like.data.size + 1).reshape(like.data.shape)
    numbered = numbered.tocoo()
    return numbered.coords, numbered.data.astype(np.intp) - 1


def _placed(like: Any, data: Any, index: Any) -> Any:
    """Return the matrix `like` with these data, which are those of the index."""
    if index is None:
        return _traced_like(like, data)
    back = np.full(like.data.size, index.size)
    back[index] = np.arange(index.size)
    padded = np.concatenate([data, np.zeros_like(data, shape=(1,))])
    found = _traced_like(like, padded[back.reshape(like.data.shape)])
    found._outside = bool(np.any(like.data.ravel()[back == index.size] != 0))
    return found


def of_dense(dense: Any, like: Any) -> Any:
    """Return a dense array in the format and structure of `like`, which is SciPy's own."""
    if not flows(dense) and like.format in ("csr", "csc", "coo"):
        return _traced_like(like, dense[places_of(like)])
    places = np.indices(dense.shape).reshape(dense.ndim, -1)
    return shown(_traced_like(_pattern(places, dense.shape, like), np.ravel(dense)), like)


def _alike(a: Any, b: Any) -> bool:
    """Say whether two matrices have one structure."""
    pairs = zip(_structure(a), _structure(b), strict=False)
    return a.format == b.format and a.shape == b.shape and a.data.shape == b.data.shape and all(
        np.array_equal(x, y) for x, y in pairs
    )  # fmt: skip


def _structure(a: Any) -> tuple[Any, ...]:
    names = ("indices", "indptr", "coords", "offsets")
    return tuple(v for n in names if (v := a.__dict__.get(n)) is not None)


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
        """Return a form whose places stay as they are, whatever is written into the matrix.

        It is kept: for one place after the other of a program it is the same.
        """
        kept = self.__dict__.get("_lasting")
        if kept is None or not _alike(kept.matrix, self):
            kept = self._lasting = Form(self.form().matrix.copy())
        return kept

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

    def copy(self) -> Any:
        """Return a copy."""
        found = _traced_like(self.form().matrix.copy(), self.data.copy())
        return found if whole(self) is self else shown(whole(self), found.form().matrix)


FILLED: list[Any] = []  # what makes a matrix that is filled entry by entry (`assembly`)
METHODS: dict[str, type] = {}  # of the other forms
_classes: dict[type, type] = {}
_plain_of: dict[type, type] = {}


def _class_of(kind: type) -> type:
    """Return the class of traced entries for a class of SciPy's."""
    if kind in _plain_of:
        return kind
    found = _classes.get(kind)
    if found is None:  # one base only: an object of that class can become one of this
        source = METHODS.get(kind.__name__[:3], TracedEntries)
        leave = {"__dict__", "__doc__", *(n for n in ("getrow", "getcol") if not hasattr(kind, n))}
        methods = {k: v for k, v in vars(source).items() if k not in leave}
        found = _classes[kind] = type(kind.__name__, (kind,), methods)
        _plain_of[found] = kind
        tree.register(found, _parts, _with_parts)
    return found


def _plain_class(kind: type) -> Any:
    return _plain_of.get(kind, kind)


def _parts(a: Any) -> Any:
    own = behind(a)
    return ((a.__dict__["data"] if own is None else own.data,), a)


def _with_parts(a: Any, parts: Any) -> Any:
    """Return a matrix with other data: of SciPy's own class where these are plain."""
    (data,) = parts
    own = behind(a)
    if own is not None:
        made = _traced_like(own, data)
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


def _pattern(places: Any, shape: Any, like: Any) -> Any:
    kind = sp.coo_matrix if sp.isspmatrix(like) else sp.coo_array
    return kind((np.ones(np.size(places[0])), tuple(places)), shape=shape)


