"""Linear operators in solvers: derivatives against dense programs, values against plain runs."""

from itertools import pairwise

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as sl

import chainrule as cr
from chainrule.errors import ChainRuleError, ImplicitError, UnsupportedFunctionError

from .operator_programs import ANY, PROGRAMS, SPD, TIGHT, B, N, X

CASES = list(PROGRAMS)


def slopes(g, x):
    """Return the Jacobian by central differences, extrapolated four times."""
    columns = []
    for e in np.eye(x.size):
        table = [(g(x + h * e) - g(x - h * e)) / (2 * h) for h in 1e-2 / 2.0 ** np.arange(5)]
        for k in range(1, 5):
            table = [(4**k * b - a) / (4**k - 1) for a, b in pairwise(table)]
        columns.append(table[0])
    return np.stack(columns, -1)


@pytest.mark.parametrize("name", CASES)
def test_first_derivatives_and_values(name):
    f, dense = PROGRAMS[name]
    plain, want = f(X), slopes(dense, X)
    np.testing.assert_allclose(plain, dense(X), rtol=1e-8)
    value, _ = cr.jvp(f, (X,), (np.ones(3),))
    np.testing.assert_array_equal(value, plain)
    for mode in (cr.jacfwd, cr.jacrev):
        np.testing.assert_allclose(mode(f)(X), want, rtol=1e-7, atol=1e-8 * np.abs(want).max())


@pytest.mark.parametrize("name", CASES)
def test_second_derivatives(name):
    f, dense = PROGRAMS[name]
    want = slopes(lambda x: slopes(lambda y: np.sum(dense(y) ** 2), x), X)
    got = cr.hessian(lambda x: np.sum(f(x) ** 2))(X)
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5 * np.abs(want).max())


def test_batches_go_one_by_one():
    f, _ = PROGRAMS["closure"]
    several = np.stack([X, 1.1 * X, X[::-1]])
    np.testing.assert_array_equal(cr.vmap(f)(several), np.stack([f(x) for x in several]))
    got = cr.vmap(cr.grad(lambda x: f(x).sum()))(several)
    want = np.stack([cr.grad(lambda x: f(x).sum())(x) for x in several])
    np.testing.assert_allclose(got, want, rtol=1e-12)


def test_an_operator_whose_function_changes_afterwards():
    """The recording is what is transposed, not what the function has become meanwhile."""

    def f(p):
        total = 0.0
        for k in (1.0, 2.0, 4.0):
            A = sl.LinearOperator((N, N), matvec=lambda v: k * (ANY @ v), dtype=float)  # noqa: B023
            total = total + sl.gmres(A, B * p, **TIGHT)[0].sum()
        return total

    want = np.linalg.solve(ANY.toarray(), B).sum() * 1.75
    np.testing.assert_allclose(cr.grad(f)(1.0), want, rtol=1e-10)


def test_what_a_preconditioner_only_reads_has_no_derivative():
    def f(p):
        M = sl.LinearOperator((N, N), matvec=lambda v: v / (2.5 + p), dtype=float)
        return sl.cg(SPD, B, M=M, **TIGHT)[0].sum()

    assert cr.grad(f)(1.0) == 0.0


def test_compiled_operators():
    """What cannot be traced is transposed by its own `rmatvec`, or by symmetry."""
    bare = lambda m: lambda v: np.frombuffer((m @ v).tobytes())  # noqa: E731
    A = sl.LinearOperator((N, N), bare(ANY), rmatvec=bare(ANY.T), dtype=float)
    S = sl.LinearOperator((N, N), bare(SPD), dtype=float)
    got = cr.jacrev(lambda b: sl.gmres(A, b, **TIGHT)[0])(B)
    np.testing.assert_allclose(got, np.linalg.inv(ANY.toarray()), atol=1e-9)
    got = cr.jacrev(lambda b: sl.cg(S, b, **TIGHT)[0])(B)
    np.testing.assert_allclose(got, np.linalg.inv(SPD.toarray()), atol=1e-9)
    with pytest.raises(ChainRuleError):
        cr.jacrev(lambda b: sl.gmres(S, b, **TIGHT)[0])(B)
    with pytest.raises(ChainRuleError):  # what is compiled, and reads a traced value
        cr.grad(lambda p: sl.cg(sl.LinearOperator((N, N), bare(SPD * p), dtype=float), B)[0].sum())(
            1.0
        )


def test_an_incomplete_factorisation_is_no_solution():
    def f(p):
        A = sp.csc_array(SPD * p)
        return sl.spilu(A).solve(B).sum()

    for mode in (cr.grad, cr.derivative):
        with pytest.raises(UnsupportedFunctionError, match="spilu"):
            mode(f)(2.0)


def test_no_convergence_is_told():
    def f(p):
        A = sl.LinearOperator((N, N), lambda v: p * (SPD @ v), dtype=float)
        return sl.cg(A, B, maxiter=1)[0].sum()

    with pytest.raises(ImplicitError, match="did not converge"):
        cr.grad(f)(2.0)


def test_an_answer_that_is_none_may_be_left_for_another():
    def direct(p):
        x, info = sl.cg(SPD * p, B, maxiter=1)
        return (sl.spsolve(sp.csc_array(SPD * p), B) if info > 0 else x).sum()

    def again(p):
        A = sl.LinearOperator((N, N), lambda v: p * (SPD @ v), dtype=float)
        x, info = sl.cg(A, B, maxiter=2)
        while info > 0:
            x, info = sl.cg(A, B, x0=x, **TIGHT)
        return x.sum()

    want = -np.linalg.solve(SPD.toarray(), B).sum() / 4
    for f in (direct, again):
        for mode in (cr.grad, cr.derivative):
            np.testing.assert_allclose(mode(f)(2.0), want, rtol=1e-9)


def test_iterates_that_are_kept_are_refused():
    def f(p):
        kept = []
        sl.cg(sl.LinearOperator((N, N), lambda v: p * (SPD @ v)), B, callback=kept.append, **TIGHT)
        return kept[0].sum()

    with pytest.raises(ChainRuleError):
        cr.grad(f)(2.0)
