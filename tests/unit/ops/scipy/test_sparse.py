"""Sparse matrices: products with traced arrays, traced entries, and solutions of sparse systems."""

import warnings

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as sl
from scipy.sparse import csgraph

import chainrule as cr
from chainrule.errors import ImplicitError, UnsupportedFunctionError

RNG = np.random.default_rng(5)
OLD = sp.random(4, 4, 0.5, format="csr", random_state=0)
NEW = sp.csr_array(OLD)
FORMATS = [
    OLD, NEW, OLD.tocoo(), NEW.tocsc(), NEW.tolil(), sp.dia_array(NEW), sp.bsr_array(NEW),
    sp.dok_array(NEW),
]  # fmt: skip
X = np.arange(4.0) + 1
START8, FINE = np.eye(8)[:, :1], {"tol": 1e-10, "maxiter": 200}
S8 = sp.diags_array([-np.ones(7), np.arange(8.0) + 3, -np.ones(7)], offsets=[-1, 0, 1])
S4 = sp.csr_array(OLD + OLD.T + 5 * sp.eye(4))
ROWS, COLS = [0, 1, 2, 2], [0, 1, 1, 1]  # one place stands twice

A = sp.csr_array(sp.random(5, 5, 0.4, format="csr", random_state=0) + 5 * sp.eye(5))
S = sp.csr_array(A + A.T)
LOW, UP = sp.csr_array(sp.tril(A)), sp.csr_array(sp.triu(A))
B = RNG.standard_normal(5)


def agrees(f, *xs, order=2):
    """Check the traced value against SciPy's, and the derivatives by differences."""
    np.testing.assert_allclose(cr.vjp(f, *xs)[0], f(*xs), rtol=1e-12)
    cr.check_grads(f, xs, order=order)


@pytest.mark.parametrize("c", FORMATS, ids=lambda c: type(c).__name__)
def test_plain_matrices_and_traced_arrays(c):
    for f in (
        lambda x: c @ x, lambda x: x @ c, lambda x: c.dot(x), lambda x: c.T @ x,
        lambda x: c @ np.outer(x, x), lambda x: np.outer(x, x) @ c,
        lambda x: c.multiply(x).toarray(), lambda x: (c * x[1]) @ x, lambda x: (x[1] * c - c) @ x,
        lambda x: (c - x[1] * c) @ x, lambda x: (c / x[1]) @ x,
        lambda x: (sp.eye(4) + x[1] * c).tocsc().toarray(),
    ):  # fmt: skip
        agrees(f, X)


def test_products_are_bitwise_those_of_scipy():
    for f in (lambda x: NEW @ x, lambda x: NEW.T @ x, lambda x: NEW @ np.outer(x, x)):
        assert cr.vjp(f, X)[0].tobytes() == f(X).tobytes()


def test_float32_and_complex():
    c, x = NEW.astype(np.float32), X.astype(np.float32)
    y, pull = cr.vjp(lambda x: c @ x, x)
    assert y.dtype == pull(y)[0].dtype == np.float32
    c = sp.csr_array(NEW + 1j * NEW.T)
    y, pull = cr.vjp(lambda x: c @ x, X + 1j)
    np.testing.assert_allclose(pull(y)[0], c.T @ y)


def test_arrays_with_dense():
    agrees(lambda x: NEW + np.outer(x, x), X)
    agrees(lambda x: np.outer(x, x) - NEW, X)
    agrees(lambda x: (NEW * x).sum(axis=0), X)
    with pytest.raises(UnsupportedFunctionError, match=r"numpy\.matrix"):
        cr.vjp(lambda x: OLD + np.outer(x, x), X)


def rows_of_traced(x):
    return sp.csr_array((x, (ROWS, COLS)), shape=(4, 4))


@pytest.mark.parametrize(
    "f",
    [
        lambda x: sp.diags(x) @ x, lambda x: sp.diags([x, x[:3]], [0, 1]).toarray(),
        lambda x: sp.diags([1.0, -2.0 * x[0], 1.0], [-1, 0, 1], shape=(4, 4)) @ x,
        lambda x: rows_of_traced(x) @ x, lambda x: rows_of_traced(x).T @ np.outer(x, x),
        lambda x: sp.coo_matrix((x, (ROWS, COLS)), shape=(4, 4)).tocsc().T.toarray(),
        lambda x: sp.coo_array((x, (ROWS, COLS)), shape=(4, 4)) @ x,
        lambda x: sp.coo_array((x, (ROWS, COLS)), shape=(4, 4)).toarray(),
        lambda x: sp.csc_matrix((x, (ROWS, COLS)), shape=(4, 4))[1:, :2].toarray(),
        lambda x: sp.csr_matrix(np.outer(x, x)).diagonal(),
        lambda x: sp.csr_array((x, [0, 1, 3, 2], [0, 1, 2, 3, 4])) @ x,
        lambda x: sp.dia_array((np.stack([x, x**2]), [0, 1]), shape=(4, 4)) @ x,
        lambda x: rows_of_traced(x).sum() * x, lambda x: rows_of_traced(x).sum(axis=1),
        lambda x: rows_of_traced(x).mean() * x, lambda x: rows_of_traced(x).trace() * x,
        lambda x: (rows_of_traced(x) + NEW - 2.0 * rows_of_traced(x)).toarray(),
        lambda x: (-rows_of_traced(x)).multiply(rows_of_traced(x)).toarray(),
        lambda x: rows_of_traced(x).power(2).todense(), lambda x: rows_of_traced(x)[2, 1] * x,
        lambda x: x @ rows_of_traced(x), lambda x: rows_of_traced(x).copy().tocsr().dot(x),
    ],
)  # fmt: skip
def test_traced_entries(f):
    agrees(f, X)


def test_the_plain_classes_are_left_as_they_are():
    kind = sp.csr_array
    cr.grad(lambda x: np.sum(rows_of_traced(x) @ x))(X)
    assert type(rows_of_traced(X)) is kind is sp.csr_array
    assert (NEW @ X).__class__ is np.ndarray
    assert cr.vjp(lambda x: [isinstance(rows_of_traced(x), kind), x][1], X)[0] is not None


def test_what_has_no_rule_is_refused():
    for f in (
        lambda x: sl.eigsh(S4, k=2, M=sp.diags_array(x), mode="cayley", sigma=0.1)[0],
        lambda x: sl.expm_multiply(rows_of_traced(x), X, start=0, stop=1, num=3),
        lambda x: x * (OLD + np.outer(x, x)),
        lambda x: sl.spilu(sp.csc_array(np.diag(3.0 + x))).solve(X),
    ):  # fmt: skip
        with pytest.raises(UnsupportedFunctionError):
            cr.jacrev(f)(X)

    with pytest.raises(ValueError, match="dimension mismatch"):
        cr.vjp(lambda x: NEW @ x[:3], X)


# --- systems --------------------------------------------------------------------------------------


def three(x):
    """Make a matrix of traced entries that is not symmetric."""
    return sp.diags([x[:4], 3 + x**2, x[1:]], [-1, 0, 1], format="csc")


def spd(x):
    """Make a positive definite matrix of traced entries."""
    return sp.diags([x[:4], 5 + x**2, x[:4]], [-1, 0, 1], format="csr")


@pytest.mark.parametrize(
    "f",
    [
        lambda x: sl.spsolve(A, x), lambda x: sl.spsolve(A.tocsc(), np.outer(x, x)),
        lambda x: sl.spsolve(three(x), x), lambda x: sl.spsolve(A, x[:, None]),
        lambda x: sl.splu(A.tocsc()).solve(x), lambda x: sl.splu(A.tocsc()).solve(x, "T"),
        lambda x: sl.splu(three(x)).solve(x), lambda x: sl.factorized(A.tocsc())(x),
        lambda x: sl.spilu(A.tocsc()).solve(x), lambda x: sl.spsolve_triangular(LOW, x),
        lambda x: sl.spsolve_triangular(UP, x, lower=False),
        lambda x: sl.spsolve_triangular(sp.csr_array(UP / 5), x, lower=False, unit_diagonal=True),
        lambda x: sl.spsolve_triangular(sp.csr_array(UP * x[0]), x, lower=False),
        lambda x: sl.expm_multiply(A, x), lambda x: sl.norm(three(x)) * x,
        lambda x: sl.norm(three(x), 1) * x,
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore::scipy.sparse.SparseEfficiencyWarning")
def test_direct_solutions(f):
    agrees(f, B)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: sl.cg(S, x, rtol=1e-12)[0], lambda x: sl.cg(spd(x), x, rtol=1e-12)[0],
        lambda x: sl.minres(S, x, rtol=1e-12)[0], lambda x: sl.gmres(A, x, rtol=1e-12)[0],
        lambda x: sl.bicgstab(A, x, rtol=1e-12)[0], lambda x: sl.lgmres(three(x), x, rtol=1e-12)[0],
        lambda x: sl.gmres(np.outer(x, x) + 5 * np.eye(5), x, rtol=1e-12)[0],
        lambda x: sl.cg(sl.aslinearoperator(S), x, rtol=1e-12)[0],
        lambda x: sl.cg(S, x, rtol=1e-12, M=sp.diags_array(1 / S.diagonal()))[0],
        lambda x: sl.gmres(
            sl.LinearOperator((5, 5), matvec=lambda v: A @ v, rmatvec=lambda v: A.T @ v),
            x, rtol=1e-12,
        )[0],
    ],
)  # fmt: skip
def test_iterative_solutions(f):
    agrees(f, B)


def test_the_derivative_is_that_of_the_solution_also_where_the_solver_stops_early():
    got = cr.jacobian(lambda x: sl.cg(S, x, rtol=1e-3)[0])(B)
    np.testing.assert_allclose(got, np.linalg.inv(S.toarray()), atol=1e-10)


def test_a_solver_that_does_not_converge_raises():
    with pytest.raises(ImplicitError, match="did not converge"):
        cr.vjp(lambda x: sl.cg(S, x, maxiter=1)[0], B)


def test_linear_operators_apply_to_traced_arrays():
    agrees(lambda x: sl.aslinearoperator(A) @ x, B)
    agrees(lambda x: sl.aslinearoperator(A).rmatvec(x), B)
    agrees(lambda x: sl.aslinearoperator(A) @ np.outer(x, x), B)
    agrees(lambda x: sl.LinearOperator((5, 5), matvec=lambda v: np.sin(v) * v) @ x, B)
    agrees(lambda x: sl.cg(sl.LinearOperator((5, 5), matvec=lambda v: (9 + x) * v), B)[0], B)


FACTORS = sl.splu(sp.csc_array(NEW + 3 * sp.eye_array(4)))


class Heat:
    def __init__(self):
        self.factors = sl.splu(sp.csc_array(NEW + 3 * sp.eye_array(4)))

    def steps(self, x):
        for _ in range(3):
            x = self.factors.solve(x)
        return x


@pytest.mark.parametrize(
    "f",
    [lambda x: FACTORS.solve(x), lambda x: FACTORS.solve(x * 2, trans="T"), Heat().steps],
)
def test_factors_that_were_made_outside(f):
    agrees(f, X)


def test_factors_kept_on_an_object_do_not_end_the_call():
    kept = Heat()

    def f(x):
        kept.factors = sl.splu(sp.csc_array(sp.eye_array(2) * x))
        return kept.factors.solve(np.ones(2)).sum()

    np.testing.assert_allclose(cr.grad(f)(0.7), -2 / 0.49)


START = np.array([1.0, -0.5, 2.0, 0.3])


def tridiagonal(x, symmetric=False):
    low, high = np.tanh(x[:3]), np.tanh(x[:3] if symmetric else x[1:])
    return sp.diags_array([low, 4 + x * x, high], offsets=[-1, 0, 1], format="csc")


@pytest.mark.parametrize("f", [
    lambda x: sl.eigsh(tridiagonal(x, True), k=2, which="SA", v0=START)[0],
    lambda x: sl.eigsh(tridiagonal(x, True), k=2, which="SA", v0=START)[1] ** 2,
    lambda x: sl.eigsh(tridiagonal(x, True), k=2, v0=START, return_eigenvectors=False),
    lambda x: sl.eigsh(tridiagonal(x, True), 2, sp.diags_array(x), 0.0, v0=START)[0],
    lambda x: sl.eigsh(S4, 2, sp.diags_array(x), v0=START, which="SA")[1] ** 2,
    lambda x: sl.eigsh(S4 * x[0], 2, S4 + sp.eye(4), None, "SA", START, None, None, 0, False),
    lambda x: sl.lobpcg(S8 * x[0] + sp.eye_array(8) * x[1], START8, **FINE)[0],
    lambda x: sl.lobpcg(S8, START8, S8 + sp.eye_array(8) * x[2], **FINE)[1] ** 2,
    lambda x: sl.svds(tridiagonal(x), k=2, v0=START)[1],
    lambda x: np.abs(sl.svds(tridiagonal(x), k=2, v0=START)[0]),
    lambda x: sl.inv(tridiagonal(x)).toarray(),
    lambda x: sl.expm(0.1 * tridiagonal(x)).toarray(),
    lambda x: sl.expm_multiply(0.1 * tridiagonal(x), START),
])  # fmt: skip
def test_spectra_and_functions(f):
    """SciPy finds the same by Krylov spaces: to rounding, not bitwise."""
    x = np.array([0.4, 0.9, 1.3, 2.0])
    np.testing.assert_allclose(cr.vjp(f, x)[0], f(x), rtol=1e-9, atol=1e-11)
    cr.check_grads(f, (x,), order=1)


TALL = sp.csr_array(sp.random(9, 4, 0.6, format="csr", random_state=1) + sp.eye(9, 4))
RIGHT = RNG.standard_normal(9)
CLOSE = {"atol": 1e-14, "btol": 1e-14}


@pytest.mark.parametrize("solver", [sl.lsqr, sl.lsmr])
def test_least_squares(solver):
    f = lambda x: [  # noqa: E731
        *solver(TALL * x[0] + sp.eye_array(9, 4) * x[1] ** 2, RIGHT * x[2], **CLOSE),
        *solver(TALL, x[3] * RIGHT, x[0], **CLOSE, x0=START * x[1]),
        solver(TALL * x[1], RIGHT, 0.3, 1e-14, 1e-14)[0],
    ]
    moving = (0, 3, 4, 8) if solver is sl.lsqr else (0, 3, 7)
    width = 10 if solver is sl.lsqr else 8
    chosen = [*moving, *[width + k for k in moving], 2 * width]
    agrees = lambda x: np.concatenate([np.atleast_1d(f(x)[k]) for k in chosen])  # noqa: E731
    x = np.array([0.4, 0.9, 1.3, 2.0])
    np.testing.assert_allclose(cr.vjp(agrees, x)[0], agrees(x), rtol=1e-9, atol=1e-11)
    cr.check_grads(agrees, (x,), order=1)


@pytest.mark.parametrize("solver", [sl.lsqr, sl.lsmr])
def test_the_start_of_an_underdetermined_system(solver):
    row = sp.csr_array(np.ones((1, 4)))
    found = cr.jacobian(lambda x: solver(row, [2.0], x0=x, **CLOSE)[0])(X)
    np.testing.assert_allclose(found, np.eye(4) - 0.25, atol=1e-12)


@pytest.mark.filterwarnings("ignore:Exited:UserWarning")
def test_what_has_not_converged_is_refused():
    for f in (
        lambda x: sl.lsqr(TALL * x[0], RIGHT, iter_lim=1)[0],
        lambda x: sl.lobpcg(S8 * x[0], np.eye(8)[:, :1], maxiter=1, tol=1e-3)[0],
    ):
        with pytest.raises(ImplicitError, match="did not converge"):
            cr.vjp(f, X)


WAYS = {  # of a derivative: all levels see the numbers
    "grad": lambda f: cr.grad(f)(X),
    "jvp": lambda f: cr.jvp(f, (X,), (X,)),
    "hessian": lambda f: cr.hessian(f)(X),
    "vmap of equal ones": lambda f: cr.vmap(cr.grad(f))(np.stack([X, X])),
    "vmap of others": lambda f: cr.vmap(cr.grad(f))(np.stack([X, 2 * X])),
    "grad of vmap": lambda f: cr.grad(lambda x: cr.vmap(f)(np.stack([x, 2 * x])).sum())(X),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dense", [False, True])
def test_eigsh_of_a_matrix_that_is_not_symmetric_is_refused(way, dense):
    def f(x):
        a = tridiagonal(x)
        return sl.eigsh(a.toarray() if dense else a, k=2, v0=START)[0].sum()

    with pytest.raises(UnsupportedFunctionError, match="not symmetric"):
        WAYS[way](f)


@pytest.mark.parametrize("way", WAYS)
def test_triangular_solutions_of_full_matrices_are_refused(way):
    def right(x):
        return sl.spsolve_triangular(sp.tril(tridiagonal(x)).tocsr(), START).sum()

    def wrong(x):
        return sl.spsolve_triangular(tridiagonal(x).tocsr(), START).sum()

    WAYS[way](right)
    with pytest.raises(UnsupportedFunctionError, match="not triangular"):
        WAYS[way](wrong)


@pytest.mark.parametrize("solver", [sl.cg, sl.minres])
@pytest.mark.parametrize("wrap", [np.asarray, sp.csr_array, sl.aslinearoperator])
def test_a_matrix_that_is_not_quite_symmetric(solver, wrap):
    """They may converge then, too; the transposed system is another one."""
    a = np.diag([4.0, 5.0, 6.0]) + 0.1 * np.array([[0, 1, 0], [0, 0, 2], [1, 0, 0]])
    b, c = np.array([1.0, 2.0, 3.0]), np.array([1.0, 0.0, -2.0])
    f = lambda x: solver(wrap(a), x, rtol=1e-13, maxiter=200)[0] @ c  # noqa: E731
    np.testing.assert_allclose(cr.grad(f)(b), np.linalg.solve(a.T, c), rtol=1e-8)


@pytest.mark.parametrize("solver", [sl.cg, sl.minres, sl.gmres])
def test_iterations_with_dense_matrices_in_a_batch(solver):
    def f(x):
        return solver(np.diag(4 + x * x) + np.eye(4)[::-1], START, rtol=1e-13)[0].sum()

    xs = np.stack([X, X / 2])
    np.testing.assert_allclose(cr.vmap(cr.grad(f))(xs), [cr.grad(f)(x) for x in xs])


def test_the_shift_of_minres():
    a = np.diag([4.0, 5.0, 6.0]) + 0.1

    def f(x):
        return sl.minres(a * x[0], x, shift=0.5, rtol=1e-13)[0]

    agrees(lambda x: np.linalg.solve(a * x[0] - 0.5 * np.eye(3), x), X[:3])
    np.testing.assert_allclose(
        cr.jacobian(f)(X[:3]),
        cr.jacobian(lambda x: np.linalg.solve(a * x[0] - 0.5 * np.eye(3), x))(X[:3]), rtol=1e-8,
    )  # fmt: skip


def watched(run):
    """Run, and return the result and the warnings."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        result = run()
    return result, [(w.category, str(w.message)) for w in found]


@pytest.mark.parametrize("kind", ["lil", "dok", "csr", "csc"])
@pytest.mark.parametrize("dtype", [int, np.float32, float, complex])
def test_a_store_is_cast_to_the_dtype_of_the_matrix(kind, dtype):
    def f(x):
        k = sp.csr_array(np.diag([1, 2, 3, 4]).astype(dtype)).asformat(kind)
        k[0, 1] = x[1]
        k[2:, 0] = x[2:]
        k.setdiag(x * x)
        return k.tocsr().toarray()

    def dense(x):
        k = np.diag([1, 2, 3, 4]).astype(dtype)
        k[0, 1] = x[1]
        k[2:, 0] = x[2:]
        k[np.arange(4), np.arange(4)] = x * x
        return k

    x = X + 0.5
    plain, warned = watched(lambda: f(x) * 1.0)
    (y, pull), seen = watched(lambda: cr.vjp(lambda x: f(x) * 1.0, x))
    z, back = cr.vjp(lambda x: dense(x) * 1.0, x)
    assert seen == warned
    assert y.dtype == z.dtype == plain.dtype
    np.testing.assert_array_equal(y, plain)
    np.testing.assert_array_equal(pull(np.ones_like(y))[0], back(np.ones_like(z))[0])


ZERO_BY_VALUE = {
    "dense": lambda x: sp.csr_matrix(x.reshape(2, 2)),
    "coo": lambda x: sp.coo_array(x.reshape(2, 2)),
    "sum": lambda x: sp.csr_array(x.reshape(2, 2)) + sp.csr_array(np.diag(x[:2])),
    "difference": lambda x: 2 * sp.csc_matrix(x.reshape(2, 2)) - sp.csc_matrix(x.reshape(2, 2)),
    "stored": lambda x: sp.csr_matrix((x, ([0, 0, 1, 1], [0, 1, 0, 1]))),
}  # fmt: skip


def _by_rows(A):
    A = A.tocsr()
    for i in range(2):
        A.data[A.indptr[i] : A.indptr[i + 1]] *= i + 2.0
    return A


def _set(A, data):
    A.data = data
    return A


def _after(A, *names):
    for name in names:
        getattr(A, name)()
    A.data *= 2.0
    return A


DATA_REPLACED = {
    "scaled": _after,
    "function": lambda A: _set(A, np.tanh(A.data) + A.data**2),
    "first": lambda A: _set(A, A.data * A.data[0]),
    "eliminated": lambda A: _after(A, "eliminate_zeros"),
    "summed": lambda A: _after(A, "sum_duplicates", "eliminate_zeros"),
    "sorted": lambda A: _after(A.tocsr(), "eliminate_zeros", "sort_indices"),
    "copied": lambda A: _after(A.copy(), "eliminate_zeros"),
    "turned": lambda A: _after(A.T),
    "rows": _by_rows,
    "anew": lambda A: sp.csr_matrix(
        (A.tocsr().data * 3, A.tocsr().indices, A.tocsr().indptr), shape=(2, 2)),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::chainrule.errors.IndeterminateWarning")
@pytest.mark.parametrize("replace", DATA_REPLACED)
@pytest.mark.parametrize("make", ZERO_BY_VALUE)
def test_an_entry_of_value_zero_counts_where_the_data_are_replaced(make, replace):
    x, weights = np.array([2.0, -1.0, 0.0, 3.0]), np.array([[1.0, 2.0], [3.0, 4.0]])

    def f(x):
        A = DATA_REPLACED[replace](ZERO_BY_VALUE[make](x))
        return np.sum(A.toarray() * weights) + np.sum((A @ np.array([1.0, 2.0])) ** 2)

    h = 1e-5
    slopes = [(f(x + e) - f(x - e)) / (2 * h) for e in h * np.eye(4)]
    np.testing.assert_allclose(cr.grad(f)(x), slopes, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(cr.jacfwd(f)(x), slopes, rtol=1e-5, atol=1e-5)


def test_what_is_read_of_the_data_tells_of_entries_of_value_zero():
    with pytest.warns(cr.errors.IndeterminateWarning):
        slopes = cr.grad(lambda x: np.sum(sp.csr_matrix(x.reshape(2, 2)).data * 3.0))(
            np.array([1.0, 0.0, 2.0, 3.0])
        )
    np.testing.assert_allclose(slopes, np.full(4, 3.0), rtol=1e-6)


@pytest.mark.parametrize("dense", [
    np.diag, lambda x: np.eye(4) * x, lambda x: np.triu(np.outer(x, x)),
    lambda x: np.kron(np.eye(2), x.reshape(2, 2)), lambda x: np.pad(x.reshape(2, 2), 1),
    lambda x: np.diag(x) + np.diag(x[1:], 1), lambda x: np.diag(x) @ np.diag([1.0, 2.0, 0.0, 4.0]),
    lambda x: np.where(np.outer(x, x) > 0, np.outer(x, x), 0.0), (
        lambda x: sum(x[i] * np.eye(4)[:, [i]] @ np.eye(4)[[i]] for i in range(4))),
])  # fmt: skip
def test_zeros_of_the_structure_are_no_entries_and_nothing_is_told(dense):
    def f(x):
        A = sp.csr_matrix(dense(x))
        A.data *= 2.0
        return np.sum(A.data**2)

    x = np.array([2.0, -1.0, 0.5, 3.0])
    slopes = [(f(x + e) - f(x - e)) / 2e-5 for e in 1e-5 * np.eye(4)]
    np.testing.assert_allclose(cr.grad(f)(x), slopes, rtol=1e-6, atol=1e-6)


def _at(x, kind=sp.csr_matrix):
    return kind((x, ([0, 1, 2, 3], [1, 2, 0, 3])), shape=(4, 4))


EXTREMES = {
    "largest modulus": lambda a: abs(a).max(), "max": lambda a: a.max(), "min": lambda a: a.min(),
    "columns": lambda a: a.max(axis=0).toarray() ** 2, "rows": lambda a: a.min(axis=1).toarray(),
    "normalised": lambda a: (a / abs(a).max()).toarray(),
    "maximum": lambda a: a.maximum(2.0 * a.T).toarray(),
    "minimum": lambda a: a.minimum(a @ a).toarray(),
    "positive part": lambda a: a.maximum(0.0).toarray() ** 2,
    "plain first": lambda a: (S4.maximum(a) + S4.multiply(a)).toarray(),
    "place": lambda a: a.sum() * float(a.argmax()) + a.toarray()[0] * float(a.argmin()),
    "laplacian": lambda a: csgraph.laplacian(a + a.T).toarray() ** 2,
    "normed": lambda a: csgraph.laplacian(a.multiply(a), normed=True).toarray(),
    "degrees": lambda a: csgraph.laplacian(a.multiply(a), return_diag=True)[1],
}  # fmt: skip


@pytest.mark.parametrize("kind", [sp.csr_matrix, sp.csc_matrix, sp.coo_array, sp.csr_array])
@pytest.mark.parametrize("f", EXTREMES.values(), ids=EXTREMES)
def test_extremes_and_laplacians_of_traced_entries(kind, f):
    agrees(lambda x: np.asarray(f(_at(x, kind))), np.array([2.0, -1.0, 0.5, 3.0]), order=1)


def test_the_maximum_shares_with_entries_that_are_not_stored():
    x = np.array([-2.0, 0.0, -0.5, -3.0])
    np.testing.assert_allclose(cr.grad(lambda x: _at(x).max())(x), [0.0, 0.5, 0.0, 0.0])
    full = cr.grad(lambda x: sp.csr_array(x.reshape(2, 2)).max())
    np.testing.assert_allclose(full(np.array([1.0, 3.0, 3.0, 2.0])), [0.0, 0.5, 0.5, 0.0])
    twice = cr.grad(lambda x: sp.coo_array((x, ([0, 0, 1], [1, 1, 1]))).max())
    np.testing.assert_allclose(twice(np.array([1.0, 2.0, 2.5])), [1.0, 1.0, 0.0])


def _items(a):
    if a.format == "dok":
        return sum(v * (i + 2 * j) for (i, j), v in a.items())
    return sum(a[i, j] * (i + 2 * j) for i, row in enumerate(a.rows) for j in row)


FILLED = {
    "as it is": lambda a: a.toarray(), "csr": lambda a: a.tocsr() @ np.arange(4.0),
    "copy": lambda a: (a.copy() + a.T).toarray(), "items": _items, "max": lambda a: abs(a).max(),
    "count": lambda a: a.sum() * a.nnz, "one": lambda a: a[0, 1] * a.tocsr()[1, 2],
}  # fmt: skip


@pytest.mark.parametrize("kind", [sp.lil_matrix, sp.lil_array, sp.dok_matrix, sp.dok_array])
@pytest.mark.parametrize("f", FILLED.values(), ids=FILLED)
def test_matrices_that_are_filled_are_made_of_others_too(kind, f):
    x = np.array([2.0, -1.0, 0.5, 3.0])
    agrees(lambda x: np.asarray(f(kind(_at(x)))), x, order=1)
    agrees(lambda x: np.asarray(f(kind(np.diag(x[:3], 1)))), x, order=1)
    agrees(lambda x: np.asarray(f(getattr(_at(x), f"to{kind.__name__[:3]}")())), x, order=1)

    def filled(x):
        a = kind((4, 4))
        for i in range(3):
            a[i, i + 1] = x[i] ** 2
            a[i + 1, i] += x[i + 1]
        return np.asarray(f(a))

    agrees(filled, x, order=1)
