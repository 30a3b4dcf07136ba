"""Rules of the user's own for functions of sparse matrices, in every form."""

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.sparse.linalg import onenormest

import chainrule as cr
from chainrule.errors import CustomRuleError

X = np.array([0.7, 1.3, 2.1])
KINDS = [f"{form}_{kind}" for form in ("csr", "csc", "coo", "lil", "dok", "bsr", "dia")
         for kind in ("array", "matrix")]  # fmt: skip


def made(kind, x):
    return getattr(sp, kind)(np.array([[x[0], 0, x[1]], [0.0, x[2], 0], [1.0, x[0] * x[1], 0]]))


def squares(A, b):
    assert type(A).__module__.startswith("scipy.sparse")  # SciPy's own, of plain numbers
    return np.sum((A @ b) ** 2)


def dense(ct, _y, A, b):
    return ct * 2 * np.outer(A @ b, b), ct * 2 * (A.T @ (A @ b))


def sparse(ct, _y, A, b):
    return sp.csr_array(ct * 2 * np.outer(A @ b, b)), None


def tangent(ts, _y, A, b):
    return 2 * (A @ b) @ (ts[0] @ b + A @ ts[1])


@pytest.mark.filterwarnings("ignore::scipy.sparse.SparseEfficiencyWarning")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rule", [{"vjp": dense}, {"vjp": sparse}, {"jvp": tangent}])
def test_the_rule_gets_matrices_and_returns_one(kind, rule):
    ruled, b = cr.custom_rule(squares, **rule), np.array([1.0, -2.0, 0.5])

    def f(x):
        return ruled(made(kind, x), b) * x[0]

    def bare(x):
        return np.sum((made(kind, x) @ b) ** 2) * x[0]

    np.testing.assert_allclose(cr.grad(f)(X), cr.grad(bare)(X), rtol=1e-12)
    if rule == {"vjp": sparse}:  # it makes a matrix: forward, that would be a traced one
        return
    np.testing.assert_allclose(cr.jacfwd(f)(X), cr.grad(bare)(X), rtol=1e-12)
    np.testing.assert_allclose(cr.hessian(f)(X), cr.hessian(bare)(X), rtol=1e-10, atol=1e-12)


def test_a_wrong_rule_is_found():
    ruled = cr.custom_rule(squares, vjp=lambda ct, y, A, b: (ct * np.outer(A @ b, b), None))
    with pytest.raises(CustomRuleError, match="squares"):
        cr.grad(lambda x: ruled(made("csr_array", x), np.ones(3)))(X)
    with pytest.raises(CustomRuleError, match="partial"):
        cr.grad(lambda x: cr.custom_rule(abs, partial=lambda y, A: A)(made("csr_array", x)))(X)


def test_of_compiled_code_that_takes_no_traced_matrix():
    """As the printed cure says: a rule for a function that SciPy computes by itself."""

    def vjp(ct, _y, A):
        columns = abs(A).sum(axis=0)
        return ct * np.sign(A.toarray()) * (columns == columns.max())

    found = cr.grad(lambda x: cr.custom_rule(onenormest, vjp=vjp)(made("csc_array", x)))(X)
    np.testing.assert_allclose(found, [X[1], 1 + X[0] - 1, 1.0])
