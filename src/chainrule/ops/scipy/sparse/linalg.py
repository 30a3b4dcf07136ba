"""`scipy.sparse.linalg`: solutions of sparse linear systems, direct and iterative.

x = A⁻¹b is linear in b, and in the entries of A: dx = −A⁻¹ dA x. The answer of an iterative solver
is differentiated as the solution of its system (the implicit function theorem), not through its
iterations: the systems of the derivative are solved by the same solver to 1e-12, or directly where
that fails, and a residual above 1e-8 raises `ImplicitError`.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg
import scipy.sparse as sp
from scipy.sparse import linalg

from ....core.op import Notation, Op
from ....core.registry import add, composite, register_method
from ....core.slots import INDEX, Jvp, Linear
from ....errors import ImplicitError
from ...declare import as_array
from ..common import agreed, global_state, numbers, own_stream, plain, refusal, settled, traced
from .matrices import (
    Form,
    is_traced,
    of_dense,
    plain_matrix,
    sparse_product,
    sparse_times,
    whole,
)

_RULE = "x = A⁻¹b: linear in b; in the entries of A, dx = −A⁻¹ dA x"
_NOTATION = Notation("A({0})⁻¹ {1}", "A({0})^{{-1}} {1}", 20, (0, 21), _RULE)

# --- direct solutions -----------------------------------------------------------------------------


class Way:
    """How a system is solved, as a param: SciPy's function, its options, what it reads."""

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


sparse_solve = Op(
    "sparse_solve",
    lambda data, b, form, way: way.solve(form.filled(data), b),
    (
        Jvp(lambda t, y, data, _b, form, way: -sparse_solve(
            data, sparse_product(t * way.reads, y, form=form), form=form, way=way
        )),
        Linear(transpose=_direct_transpose),
    ),
    batch="loop",
    complex=True,
    notation=_NOTATION,
)  # fmt: skip
add(sparse_solve)


def _ready(a: Any) -> Any:
    """Return a sparse matrix in csr or csc form, sorted, as SciPy's solvers bring it to."""
    if is_traced(a):
        a = whole(a)
        return a if a.format in ("csr", "csc") else a.tocsc()
    a = a.copy() if sp.issparse(a) and a.format in ("csr", "csc") else sp.csc_array(a)
    a.sum_duplicates()
    return a if a.dtype.kind in "fc" else a.astype(float)


def _form_of(a: Any) -> Form:
    return a.form() if is_traced(a) else Form(a)


def _dense(b: Any) -> Any:
    return b.toarray() if sp.issparse(b) else as_array(b)


@composite(linalg.spsolve, name="scipy.sparse.linalg.spsolve", always=True)
def spsolve(A: Any, b: Any, permc_spec: Any = None, use_umfpack: bool = True) -> Any:
    """Solve A x = b with a sparse matrix, plain or with traced entries."""
    if not (traced(A) or traced(b) or is_traced(A) or is_traced(b)):
        return linalg.spsolve(A, b, permc_spec, use_umfpack)
    a, b = _ready(A), _dense(b)
    way = Way(lambda m, b: linalg.spsolve(m, b, permc_spec, use_umfpack))
    return sparse_solve(a.data, b, form=_form_of(a), way=way)


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
    a, b = _ready(A), _dense(b)
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


def _factored_transpose(ct: Any, _b: Any, factor: Any, trans: str) -> Any:
    if trans == "H":
        return np.conjugate(factored(np.conjugate(ct), factor=factor, trans="N"))
    return factored(ct, factor=factor, trans=_FLIP[trans])


factored = Op(
    "factored_solve",
    lambda b, factor, trans: factor.solve(b, trans),
    (Linear(transpose=_factored_transpose),),
    batch="loop",
    complex=True,
    notation=Notation("A⁻¹ {0}", "A^{{-1}} {0}", 20, (21,), "linear in the right-hand side"),
)
add(factored)


class Factored:
    """What `splu`, `spilu` and `factorized` return while tracing: it takes traced vectors."""

    def __init__(self, matrix: Any, make: Callable[[Any], Any]) -> None:
        self._matrix = matrix
        self._factor = None if is_traced(matrix) else make(matrix)

    def __getattr__(self, name: str) -> Any:
        if self._factor is None and not hasattr(linalg.SuperLU, name):
            raise AttributeError(name)
        if self._factor is None:
            raise refusal(
                f"the attribute {name!r} of a factored matrix with traced entries",
                "only its method solve has a rule",
                "use solve(b), or the factors of the dense matrix: scipy.linalg.lu(A.toarray())",
            )
        return getattr(self._factor, name)

    def solve(self, rhs: Any, trans: str = "N") -> Any:
        """Solve with the factors: A x = b, or with the transposed matrix."""
        if self._factor is not None:
            if not traced(rhs):
                return self._factor.solve(rhs, trans)
            return factored(as_array(rhs), factor=self._factor, trans=trans)
        a = self._matrix if trans == "N" else self._matrix.T
        return spsolve(a.conj() if trans == "H" else a, rhs)

    __call__ = solve


def _solve(self: Any, rhs: Any, trans: str = "N") -> Any:
    """Solve with factors that were made outside of the traced function."""
    rhs = as_array(rhs)
    if rhs.dtype.kind not in "fc":
        rhs = rhs.astype(float)
    return factored(rhs, factor=self, trans=trans)


register_method(linalg.SuperLU, "solve", _solve)


for _function in (linalg.splu, linalg.factorized, linalg.spilu):

    @composite(_function, name=f"scipy.sparse.linalg.{_function.__name__}", always=True)
    def factor(A: Any, *args: Any, _function: Any = _function, **kwargs: Any) -> Any:
        """Factor a sparse matrix; the factors take traced right-hand sides.

        Errors: an incomplete factorisation of traced entries is refused.
        """
        if is_traced(A) and _function is linalg.spilu:
            raise refusal(
                "scipy.sparse.linalg.spilu", "an incomplete factorisation has no rule in the "
                "entries", "use splu; for a preconditioner, spilu(chainrule.stop_gradient(A))",
            )
        make = linalg.splu if _function is linalg.factorized else _function
        return Factored(A, lambda a: make(a, *args, **kwargs))


# --- iterative solutions --------------------------------------------------------------------------

_SYMMETRIC = ("cg", "minres")
_ENOUGH, _SINGLE = 1e-8, 1e-4  # relative residuals, in double and in single precision


class Iteration:
    """One system of an iterative solver, as a param: matrix, solver and options."""

    __slots__ = ("solver", "matrix", "form", "options", "symmetric", "shift")

    def __init__(self, solver: Any, matrix: Any, form: Any, options: dict[str, Any]) -> None:
        self.solver, self.matrix, self.form, self.options = solver, matrix, form, options
        self.shift = options.get("shift", 0.0)  # of `minres`: it solves (A − shift·1) x = b
        self.symmetric = solver.__name__ in _SYMMETRIC and _is_symmetric(matrix)

    @property
    def turned(self) -> "Iteration":
        """Return the transposed system."""
        form = self.form.turned if isinstance(self.form, Form) else self.form
        options = {k: v for k, v in self.options.items() if k not in ("M", "M1", "M2")}
        return Iteration(self.solver, self.matrix.T, form, options)

    def filled(self, data: Any) -> Any:
        """Return the matrix of these entries."""
        if isinstance(self.form, Form):
            return self.form.filled(data)
        return data if np.ndim(data) == 2 else self.matrix

    def times(self, t: Any, x: Any) -> Any:
        """Return dA x, for the change `t` of the entries."""
        return sparse_product(t, x, form=self.form) if isinstance(self.form, Form) else t @ x

    def exact(self, data: Any, b: Any) -> Any:
        """Solve as exactly as the solver can, and check the residual."""
        a = self.filled(data)
        size = float(np.linalg.norm(b))
        if size == 0:
            return np.zeros_like(b)
        options = _numbers(self.options)
        apart = lambda x: float(np.linalg.norm(b - (a @ x - self.shift * x))) / size  # noqa: E731
        x = np.zeros_like(b)
        for _ in range(3):  # starting again at the answer refines it
            x, _info = self.solver(a, b, x, rtol=1e-13, **options)
            residual = apart(x)
            if residual < 1e-12:
                return x
        operator = isinstance(a, linalg.LinearOperator)
        if not operator:
            x = linalg.spsolve(sp.csc_array(a) - self.shift * sp.eye_array(len(b)).tocsc(), b)
            residual = apart(x)
        enough = _ENOUGH if b.dtype.itemsize >= 8 and b.dtype != np.complex64 else _SINGLE
        if not residual <= enough:
            raise ImplicitError(
                f"scipy.sparse.linalg.{self.solver.__name__}: the linear system of the derivative "
                "was not solved", why=f"its relative residual is {residual:.1e}, above "
                f"{enough:.0e}", cure="precondition the system (M=…), or make a matrix of the "
                "operator" if operator else "the matrix is singular: leave out what it does not "
                "determine",
            )  # fmt: skip
        return x


def _exact_transpose(ct: Any, data: Any, _b: Any, system: Iteration) -> Any:
    if system.symmetric and ct.dtype.kind == "c":  # A is Hermitian: Aᵀ is its conjugate
        return np.conjugate(iterate(data, np.conjugate(ct), system=system))
    if system.symmetric:
        return iterate(data, ct, system=system)
    if isinstance(system.form, Form) or np.ndim(data) != 2:
        return iterate(data, ct, system=system.turned)
    return iterate(np.transpose(data), ct, system=system.turned)


iterate = Op(
    "iterated_solve",
    lambda data, b, system: system.exact(data, b),
    (
        Jvp(lambda t, y, data, _b, system: -iterate(data, system.times(t, y), system=system)),
        Linear(transpose=_exact_transpose),
    ),
    batch="loop",
    complex=True,
    notation=_NOTATION,
)
add(iterate)


def _answer_jvp(t: Any, y: Any, data: Any, _b: Any, _x: Any, system: Iteration) -> Any:
    dt, db, *_ = t
    change = db if dt is None else -system.times(dt, y)
    if dt is not None and db is not None:
        change = change + db
    return iterate(data, change, system=system)


_answer_slot = Jvp(_answer_jvp, joint=True)
answer = Op(
    "iterated_answer",
    lambda _data, _b, x, system: x,
    (_answer_slot, _answer_slot, INDEX),
    batch="loop",
    complex=True,
    notation=_NOTATION,
)
add(answer)


def _iterative(solver: Any) -> None:
    @composite(solver, name=f"scipy.sparse.linalg.{solver.__name__}", always=True)
    def solve(A: Any, b: Any, x0: Any = None, **options: Any) -> Any:
        """Solve A x = b; differentiated as the solution of the system, in b and in the entries.

        Errors: a solver that did not converge raises `ImplicitError`.
        """
        if not (traced(A) or traced(b) or traced(x0) or is_traced(A)):
            return solver(A, b, x0, **options)
        b, form, data = as_array(b), None, 0.0
        plain_a = _plain_sparse(A)
        if is_traced(A):
            a = _ready(A)
            form, data = a.form(), a.data
        elif traced(A):
            data = A
        x, info = solver(plain_a, plain(b), plain(x0), **options)
        if info != 0:
            raise ImplicitError(
                f"scipy.sparse.linalg.{solver.__name__} did not converge",
                why=f"it returned info = {info}; what is not a solution has no derivative",
                cure="raise maxiter, precondition the system (M=…), or write "
                "scipy.sparse.linalg.spsolve(‹A 0›, ‹b 1›)",
            )
        flat = np.reshape(b, (-1,)) if b.ndim == 2 else b
        system = Iteration(solver, plain_a, form, _numbers(options))
        return answer(data, flat, x, system=system), info


_KEPT = ("M", "M1", "M2", "restart", "shift")


def _numbers(options: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in options.items() if k in _KEPT}


for _solver in (linalg.cg, linalg.minres, linalg.gmres, linalg.bicgstab, linalg.bicg, linalg.cgs,
                linalg.lgmres, linalg.qmr, linalg.tfqmr, linalg.gcrotmk):  # fmt: skip
    _iterative(_solver)

# --- the rest -------------------------------------------------------------------------------------


def _exponential_transpose(ct: Any, _b: Any, form: Form) -> Any:
    return exponential_times(ct, form=form.turned)


def _exponential(b: Any, form: Form) -> Any:
    with own_stream():
        found = linalg.expm_multiply(form.matrix, b)
        form.drawn = form.drawn or global_state()
    return found


exponential_times = Op(
    "expm_multiply",
    _exponential,
    (Linear(transpose=_exponential_transpose),),
    batch="loop",
    complex=True,
    notation=Notation("e^A {0}", "e^{{A}} {0}", 20, (21,), "linear in the vector"),
)
add(exponential_times)


@composite(linalg.expm_multiply, name="scipy.sparse.linalg.expm_multiply", always=True)
def expm_multiply(A: Any, B: Any, *args: Any, **kwargs: Any) -> Any:
    """Return e^A B; linear in B, and in the entries of A by the dense exponential.

    Errors: time steps, and traced entries of a large matrix, are refused.
    """
    if not (traced(A) or traced(B) or is_traced(A) or traced(args) or traced(kwargs)):
        return linalg.expm_multiply(A, B, *args, **kwargs)
    wanted = [v for v in (*args, *kwargs.values()) if v is not None]
    if wanted:
        raise refusal(
            "scipy.sparse.linalg.expm_multiply with time steps", "it has no rule",
            "write scipy.linalg.expm(t * ‹A 0›.toarray()) @ ‹B 1› for each time t",
        )  # fmt: skip
    if traced(A) or is_traced(A):
        return np.matmul(scipy.linalg.expm(_full(A, "expm_multiply")), as_array(B))
    form = Form(A)
    found = exponential_times(as_array(B), form=form)
    global_state(form.drawn)  # as the plain function leaves it
    return found


@composite(linalg.norm, name="scipy.sparse.linalg.norm", always=True)
def norm(x: Any, ord: Any = None, axis: Any = None) -> Any:
    """Return a norm of a sparse matrix; with traced entries that of its dense form."""
    if not is_traced(x):
        return linalg.norm(x, ord, axis)
    if ord in (None, "fro", "f") and axis is None:
        return np.linalg.norm(whole(x).data)
    return np.linalg.norm(x.toarray(), ord, axis)


def _without_rule(function: Any, cure: str) -> None:
    @composite(function, name=f"scipy.sparse.linalg.{function.__name__}", always=True)
    def body(A: Any, *args: Any, **kwargs: Any) -> Any:
        """Refuse traced entries; plain ones are computed as ever."""
        if is_traced(A) or traced(A) or traced(args) or traced(kwargs):
            raise refusal(f"scipy.sparse.linalg.{function.__name__}", "it has no rule", cure)
        return function(A, *args, **kwargs)


_MOST = 2000  # the largest side of a matrix that is differentiated by its dense form


def _full(a: Any, name: str) -> Any:
    """Return the dense form of a sparse matrix, where that is small enough."""
    if max(a.shape) > _MOST:
        raise refusal(
            f"scipy.sparse.linalg.{name} of a matrix with a side of {max(a.shape)}",
            f"its derivative is that of the dense matrix, which is made up to {_MOST}",
            "differentiate by hand with chainrule.custom_rule; for an eigenvalue compute its "
            "vector v with chainrule.stop_gradient(‹A 0›), and write v @ (‹A 0› @ v)",
        )  # fmt: skip
    return a.toarray() if sp.issparse(a) else as_array(a)


def _plain_sparse(a: Any) -> Any:
    if is_traced(a):
        return _ready(a).form().filled(agreed(_ready(a).data))
    return agreed(a) if traced(a) else a


def _is_symmetric(a: Any) -> bool:
    """Say whether a matrix is its own adjoint; a linear operator is asked along two directions."""
    if not isinstance(a, linalg.LinearOperator):
        a = a.toarray() if sp.issparse(a) and max(a.shape) <= _MOST else a
        turned, most = np.conjugate(a.T), abs(a).max()
        if not sp.issparse(a):
            return bool(np.allclose(a, turned, rtol=1e-8, atol=1e-12 * most))
        return bool(abs(a - turned).max() <= 1e-8 * most)
    rng = np.random.default_rng(0)
    u, v = rng.standard_normal((2, a.shape[0]))
    au, av = a.matvec(u), a.matvec(v)
    size = np.linalg.norm(u) * np.linalg.norm(av) + np.linalg.norm(v) * np.linalg.norm(au)
    return bool(abs(np.vdot(u, av) - np.conjugate(np.vdot(v, au))) <= 1e-8 * size)


@composite(linalg.eigsh, name="scipy.sparse.linalg.eigsh", always=True)
def eigsh(A: Any, k: int = 6, M: Any = None, *args: Any, **kwargs: Any) -> Any:
    """Return eigenvalues and vectors of a symmetric matrix, or of A v = λ M v.

    SciPy finds which they are; they are differentiated as those of the dense matrices. Errors: a
    large matrix, and `mode` other than "normal", are refused.
    """
    given = settled(dict(zip(_OPTIONS, args, strict=False)) | kwargs)
    if not (traced([A, M, given]) or is_traced(A) or is_traced(M)):
        return linalg.eigsh(A, k, M, *args, **kwargs)
    if given.get("mode", "normal") != "normal":
        raise refusal(
            f"scipy.sparse.linalg.eigsh(mode={given['mode']!r})", "it has no rule",
            "leave mode out",
        )  # fmt: skip
    given = {name: numbers(v) if traced(v) else v for name, v in given.items()}
    dense = _symmetric(_full(A, "eigsh"), "eigsh")
    weights = None if M is None else _symmetric(_full(M, "eigsh"), "eigsh")
    found = linalg.eigsh(_plain_sparse(A), k, _plain_sparse(M), **given)
    if not given.get("return_eigenvectors", True):
        return _those(dense, weights, (found, None))[0]
    return _those(dense, weights, found)


_OPTIONS = (
    "sigma", "which", "v0", "ncv", "maxiter", "tol", "return_eigenvectors", "Minv", "OPinv", "mode",
)  # fmt: skip


def _symmetric(dense: Any, name: str) -> Any:
    if not _is_symmetric(agreed(dense)):
        raise refusal(
            f"scipy.sparse.linalg.{name} of a matrix that is not symmetric (Hermitian)",
            "its answer is then no function of the matrix",
            "make it symmetric: (‹A 0› + ‹A 0›.T) / 2, or (‹A 0› + ‹A 0›.conj().T) / 2",
        )
    return dense


def _those(dense: Any, weights: Any, found: Any) -> tuple[Any, Any]:
    """Return those eigenvalues and vectors of a dense matrix that SciPy found, with its signs."""
    values, every = np.linalg.eigh(dense) if weights is None else scipy.linalg.eigh(dense, weights)
    chosen = _nearest(agreed(values), found[0])
    if found[1] is None:
        return values[chosen], None
    base = found[1] if weights is None else agreed(weights) @ found[1]
    sides = np.sign(np.real(np.sum(np.conjugate(agreed(every[:, chosen])) * base, axis=0)))
    return values[chosen], every[:, chosen] * np.where(sides == 0, 1.0, sides)


@composite(linalg.lobpcg, name="scipy.sparse.linalg.lobpcg", always=True)
def lobpcg(A: Any, X: Any, B: Any = None, *args: Any, **kwargs: Any) -> Any:
    """Return eigenvalues and vectors of a symmetric matrix, or of A v = λ B v; as `eigsh`.

    Errors: constraints and histories are refused, and what has not converged.
    """
    args, kwargs = settled(args), settled(kwargs)
    if not (traced([A, B, X, args, kwargs]) or is_traced(A) or is_traced(B)):
        return linalg.lobpcg(A, X, B, *args, **kwargs)
    if len(args) > 1 or not _ITERATION.isdisjoint(kwargs):
        raise refusal(
            "scipy.sparse.linalg.lobpcg with constraints or histories", "it has no rule",
            "use scipy.sparse.linalg.eigsh(A, k)",
        )  # fmt: skip
    found = linalg.lobpcg(_plain_sparse(A), agreed(X), _plain_sparse(B), *args, **kwargs)
    dense, weights = (None if m is None else _symmetric(_full(m, "lobpcg"), "lobpcg")
                      for m in (A, B))  # fmt: skip
    values, vectors = _those(dense, weights, found)
    if not np.allclose(agreed(values), found[0], rtol=1e-5):
        raise ImplicitError(
            "scipy.sparse.linalg.lobpcg did not converge",
            why="what is no eigenvalue has no derivative", cure="raise maxiter, or use eigsh",
        )
    return values, vectors


_ITERATION = {"Y", "retLambdaHistory", "retResidualNormsHistory"}


@composite(linalg.svds, name="scipy.sparse.linalg.svds", always=True)
def svds(A: Any, k: int = 6, *args: Any, **kwargs: Any) -> Any:
    """Return singular values and vectors; differentiated as those of the dense matrix."""
    args, kwargs = settled(args), settled(kwargs)
    if not (traced(A) or is_traced(A) or traced(args) or traced(kwargs)):
        return linalg.svds(A, k, *args, **kwargs)
    dense = _full(A, "svds")
    found = linalg.svds(_plain_sparse(A), k, *args, **kwargs)
    if not isinstance(found, tuple):
        values = np.linalg.svdvals(dense)
        return values[_nearest(plain(values), found)]
    u, s, vh = np.linalg.svd(dense, full_matrices=False)
    chosen = _nearest(plain(s), found[1])
    turned = found[0] if found[0] is not None else np.transpose(found[2])
    mine = u if found[0] is not None else np.transpose(vh)
    sides = np.sign(np.real(np.sum(np.conjugate(plain(mine[:, chosen])) * turned, axis=0)))
    sides = np.where(sides == 0, 1.0, sides)
    left = None if found[0] is None else u[:, chosen] * sides
    return left, s[chosen], None if found[2] is None else vh[chosen] * sides[:, None]


def _nearest(every: Any, found: Any) -> Any:
    """Return which of all values those that were found are, each at most once."""
    free = np.ones(every.size, bool)
    chosen = []
    for value in found:
        distance = np.where(free, np.abs(every - value), np.inf)
        chosen.append(int(np.argmin(distance)))
        free[chosen[-1]] = False
    return np.array(chosen, int)


@composite(linalg.inv, name="scipy.sparse.linalg.inv", always=True)
def inv(A: Any) -> Any:
    """Return the inverse of a sparse matrix."""
    if not is_traced(A):
        return linalg.inv(A)
    dense = spsolve(A, np.eye(A.shape[0], dtype=A.dtype))
    return of_dense(dense, linalg.inv(plain_matrix(A)))


@composite(linalg.expm, name="scipy.sparse.linalg.expm", always=True)
def expm(A: Any) -> Any:
    """Return the exponential of a sparse matrix, by that of the dense one."""
    if not (is_traced(A) or traced(A)):
        return linalg.expm(A)
    dense = scipy.linalg.expm(_full(A, "expm"))
    return of_dense(dense, linalg.expm(plain_matrix(A))) if sp.issparse(A) else dense


_without_rule(linalg.eigs, "use np.linalg.eig(A.toarray()), or scipy.linalg.eigh of it")


def _least_squares(solver: Any, *options: str) -> None:
    @composite(solver, name=f"scipy.sparse.linalg.{solver.__name__}", always=True)
    def body(A: Any, b: Any, damp: Any = 0.0, *args: Any, **kwargs: Any) -> Any:
        """Minimise |A x − b|² + damp²·|x − x0|²; differentiated as that of the dense matrix.

        x and the norms of the residual and of x are differentiated; what else SciPy returns is
        the state of its iteration, and constant.
        """
        given = settled(dict(zip(options, args, strict=False)) | kwargs)
        if not (traced([A, b, damp, given]) or is_traced(A)):
            return solver(A, b, damp, *args, **kwargs)
        start = given.get("x0")
        given = {k: agreed(v) if traced(v) else v for k, v in given.items()}
        found = list(solver(_plain_sparse(A), agreed(b), agreed(damp), **given))
        dense, b = _full(A, solver.__name__), np.ravel(as_array(b))
        rest = b if start is None else b - np.matmul(dense, start)
        damped = traced(damp) or damp != 0
        n = dense.shape[1]
        step = np.linalg.lstsq(
            np.concatenate([dense, damp * np.eye(n)]) if damped else dense,
            np.concatenate([rest, np.zeros(n)]) if damped else rest,
        )[0]
        x = step if start is None else start + step
        if not np.allclose(agreed(x), found[0], rtol=1e-4, atol=1e-4 * np.abs(found[0]).max()):
            raise ImplicitError(
                f"scipy.sparse.linalg.{solver.__name__} did not converge",
                why=f"it stopped for reason {found[1]}; what is no solution has no derivative",
                cure="give smaller tolerances, atol=1e-12 and btol=1e-12, and more iterations",
            )
        left = np.linalg.norm(rest - np.matmul(dense, step))
        whole = np.hypot(left, damp * np.linalg.norm(step)) if damped else left
        if solver is linalg.lsqr:
            found[0], found[3], found[4], found[8] = x, left, whole, np.linalg.norm(step)
        else:
            found[0], found[3], found[7] = x, whole, np.linalg.norm(x)
        return tuple(found)


_least_squares(linalg.lsqr, "atol", "btol", "conlim", "iter_lim", "show", "calc_var", "x0")
_least_squares(linalg.lsmr, "atol", "btol", "conlim", "maxiter", "show", "x0")


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


__all__ = ["sparse_times"]
