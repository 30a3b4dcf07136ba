"""`scipy.sparse.linalg`: direct solutions of sparse linear systems, and factors kept for later.

x = A⁻¹b is linear in b, and in the entries of A: dx = −A⁻¹ dA x.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.sparse import linalg
from scipy.sparse.linalg._dsolve import linsolve  # type: ignore[attr-defined]

from ....core.op import Notation, Op
from ....core.registry import add, composite, register_method
from ....core.slots import Jvp, Linear
from ...batched import columns
from ...declare import as_array
from ..common import agreed, refusal, traced
from .elimination import Places, sparse_factors
from .forms import Form
from .kept import Kept
from .matrices import _traced_like, is_traced, of_dense, plain_matrix, shown, whole
from .products import data_transpose, sparse_product

_RULE = "x = A⁻¹b: linear in b; in the entries of A, dx = −A⁻¹ dA x"
_NOTATION = Notation("{form:A}({0}){form:inverse} {1}", "{form:A}({0}){form:inverse} {1}", 20,
                     (0, 21), _RULE)  # fmt: skip

# --- direct solutions -----------------------------------------------------------------------------


class Way:
    """How a system is solved, as a param: SciPy's function, and what it reads of the entries."""

    __slots__ = ("solve", "reads", "_turned")

    def __init__(
        self, solve: Callable[..., Any], reads: Any = 1.0, turned: Callable[[], "Way"] | None = None
    ) -> None:
        self.solve, self.reads, self._turned = solve, reads, turned

    @property
    def turned(self) -> "Way":
        """Return the way for the transposed system."""
        return self._turned() if self._turned is not None else self


def _direct_transpose(ct: Any, data: Any, b: Any, form: Form, way: Way) -> Any:
    return np.reshape(sparse_solve(data, ct, form=form.turned, way=way.turned), b.shape)


def _entries_pull(ct: Any, y: Any, data: Any, _b: Any, form: Form, way: Way) -> Any:
    """Return −(A⁻ᵀȳ)ᵢ xⱼ at the places (i, j) of the entries."""
    back = sparse_solve(data, ct, form=form.turned, way=way.turned)
    found = -data_transpose(back, data, y, form)
    return found if isinstance(way.reads, float) else found * way.reads


def _batched(op: Op, size: int, args: Any, batched: Any, params: dict[str, Any]) -> Any:
    """Solve for all right-hand sides at once; `spsolve` makes a vector of a single column."""
    data, b = args
    if batched[1] and b.shape[2:] == (1,) and getattr(params["way"], "first", None) is not None:
        b = b[..., 0]
    return columns(1)(op, size, [data, b], batched, params)


sparse_solve = Op(
    "sparse_solve",
    lambda data, b, form, way: way.solve(form.filled(data), b),
    (
        Jvp(lambda t, y, data, _b, form, way: -sparse_solve(
            data, sparse_product(t * way.reads, y, form=form), form=form, way=way
        ), shortcut=_entries_pull),
        Linear(transpose=_direct_transpose),
    ),
    batch=_batched,
    complex=True,
    closed=False,  # forms and ways are of one call: what is kept for others would be kept for ever
    notation=_NOTATION,
)  # fmt: skip
add(sparse_solve)


def _ready(a: Any, changes: bool = True) -> Any:
    """Return a sparse matrix in csr or csc form, sorted, as SciPy's solvers bring it to.

    It is a copy: what the program stores into its own matrix afterwards does not change it.
    """
    a = a if sp.issparse(a) else sp.csc_array(a)
    if a.format in ("csr", "csc") and changes:
        a.sum_duplicates()  # that of the program, too
    a = whole(a) if is_traced(a) else a
    a = a.copy() if a.format in ("csr", "csc") else a.tocsc()
    a.sum_duplicates()
    return a if a.dtype.kind in "fc" else a.astype(float)


def _form_of(a: Any) -> Form:
    """Return the form of a matrix, whose indices nobody else holds."""
    return Form(a.form().matrix.copy()) if is_traced(a) else Form(a)


def _dense(b: Any) -> Any:
    return b.toarray() if sp.issparse(b) else as_array(b)


@composite(linalg.spsolve, name="scipy.sparse.linalg.spsolve", always=True)
def spsolve(A: Any, b: Any, permc_spec: Any = None, use_umfpack: bool = True) -> Any:
    """Solve A x = b with a sparse matrix, plain or with traced entries."""
    if not (traced(A) or traced(b) or is_traced(A) or is_traced(b)):
        return linalg.spsolve(A, b, permc_spec, use_umfpack)
    a, given, b = _ready(A), b, _dense(b)
    alike = a.format == "csc" or b.ndim == 1 or b.shape[1] == 1
    way = Kept(
        lambda m: linalg.splu(m, permc_spec),
        lambda m, b: linalg.spsolve(m, b, permc_spec, use_umfpack),
        alike and (linsolve.noScikit or not use_umfpack),
    )
    found = sparse_solve(a.data, b, form=_form_of(a), way=way)
    if not sp.issparse(given) or found.ndim == 1:
        return found
    return of_dense(found, linalg.spsolve(plain_matrix(A), plain_matrix(given), permc_spec))


def _triangular_way(lower: bool, unit: bool, reads: Any) -> Way:
    def solve(m: Any, b: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", sp.SparseEfficiencyWarning)
            return linalg.spsolve_triangular(m, b, lower=lower, unit_diagonal=unit)

    return Way(solve, reads, lambda: _triangular_way(not lower, unit, reads))


@composite(
    linalg.spsolve_triangular, name="scipy.sparse.linalg.spsolve_triangular", always=True
)  # fmt: skip
def spsolve_triangular(
    A: Any, b: Any, lower: bool = True, overwrite_A: bool = False, overwrite_b: bool = False,
    unit_diagonal: bool = False,
) -> Any:  # fmt: skip
    """Solve A x = b with a sparse triangular matrix."""
    if not (traced(b) or is_traced(A)):
        return linalg.spsolve_triangular(A, b, lower, overwrite_A, overwrite_b, unit_diagonal)
    a, b = _ready(A, changes=False), _dense(b)
    form = _form_of(a)
    rows, cols = form.places
    beyond = rows < cols if lower else rows > cols
    if np.any(beyond) and np.any(agreed(a.data)[beyond]):
        raise refusal(
            "scipy.sparse.linalg.spsolve_triangular of a matrix that is not triangular",
            "what SciPy returns is then no solution of either triangle",
            "take the triangle: scipy.sparse.tril(A) or triu(A)",
        )
    reads = np.where(rows == cols, 0.0, 1.0) if unit_diagonal else 1.0
    way = _triangular_way(bool(lower), bool(unit_diagonal), reads)
    return sparse_solve(a.data, b, form=form, way=way)


# --- factors kept for later -----------------------------------------------------------------------


_FLIP = {"N": "T", "T": "N"}


def factored_transpose(ct: Any, _b: Any, factor: Any, trans: str) -> Any:
    """Return the solution with the transposed matrix."""
    if trans == "H":
        return np.conjugate(factored(np.conjugate(ct), factor=factor, trans="N"))
    return factored(ct, factor=factor, trans=_FLIP[trans])


factored = Op(
    "factored_solve",
    lambda b, factor, trans: factor.solve(b, trans),
    (Linear(transpose=factored_transpose),),
    batch=columns(0),
    complex=True,
    notation=Notation("A⁻¹ {0}", "A^{{-1}} {0}", 20, (21,), "linear in the right-hand side"),
)
add(factored)


class Factored:
    """What `splu` and `factorized` return while tracing: it takes traced vectors."""

    def __init__(self, matrix: Any, make: Callable[[Any], Any]) -> None:
        self._matrix: Any = None
        plain = plain_matrix(matrix) if is_traced(matrix) else matrix
        self._factor = make(plain)
        if is_traced(matrix):
            self._matrix = _ready(whole(matrix).tocsc())
            self._form = _form_of(self._matrix)
            self._way = Kept(make)
            self._way.keep(np.array(agreed(self._matrix.data)), self._factor)
            self._places: Places | None = None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or (
            self._matrix is not None and not hasattr(linalg.SuperLU, name)
        ):
            raise AttributeError(name)
        if self._matrix is not None and name in ("L", "U"):
            return self._triangle(name)
        return getattr(self._factor, name)

    def _triangle(self, name: str) -> Any:
        """Return a factor as SuperLU does, whose entries have derivatives."""
        like, data = getattr(self._factor, name), self._matrix.data
        if self._places is None:
            self._places = Places(self._form, self._factor)
        places = self._places
        packed = sparse_factors(data, form=self._form, way=self._way, places=places)
        n, many = places.n, places.up.size
        flat, entries = (places.up, packed[:many]) if name == "U" else (places.low, packed[many:])
        if name == "L":
            flat = np.concatenate([flat, np.arange(n) * (n + 1)])
            entries = np.concatenate([entries, np.ones(n, like.dtype)])
        pattern = sp.coo_array((np.ones(flat.size), (flat % n, flat // n)), shape=(n, n))
        return shown(_traced_like(pattern, entries), like)

    def solve(self, rhs: Any, trans: str = "N") -> Any:
        """Solve with the factors: A x = b, or with the transposed matrix."""
        if self._matrix is None:
            if not traced(rhs):
                return self._factor.solve(rhs, trans)
            return factored(floating(rhs), factor=self._factor, trans=trans)
        if trans == "H":
            return np.conjugate(self.solve(np.conjugate(rhs), "T"))
        form = self._form if trans == "N" else self._form.turned
        return sparse_solve(self._matrix.data, floating(rhs), form=form, way=self._way)

    __call__ = solve


def floating(b: Any) -> Any:
    """Return an array of floating-point numbers."""
    b = as_array(b)
    return b if b.dtype.kind in "fc" else b.astype(float)


def _solve(self: Any, rhs: Any, trans: str = "N") -> Any:
    """Solve with factors that were made outside of the traced function."""
    if not traced(rhs):
        return self.solve(rhs, trans)
    return factored(floating(rhs), factor=self, trans=trans)


register_method(linalg.SuperLU, "solve", _solve)


for _function in (linalg.splu, linalg.factorized):

    @composite(_function, name=f"scipy.sparse.linalg.{_function.__name__}", always=True)
    def factor(A: Any, *args: Any, **kwargs: Any) -> Any:
        """Factor a sparse matrix; the factors take traced right-hand sides."""
        return Factored(A, lambda a: linalg.splu(a, *args, **kwargs))
