"""Stored zeros that the program takes away in place: structure and data stay those of SciPy."""

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.sparse.csgraph import laplacian
from scipy.sparse.linalg import eigsh, spsolve

import chainrule as cr
from chainrule.numeric import differences

X = np.array([3.0, 1.7])
KINDS = [getattr(sp, f"{form}_{kind}") for form in ("csr", "csc", "bsr")
         for kind in ("array", "matrix")]  # fmt: skip


def made(kind, x):
    A = kind(np.array([[1.0, x[0], x[0]], [x[0], x[1], 2.0], [x[0], 2.0, x[0] * x[1]]]))
    if kind.__name__.startswith("bsr"):
        A = A.tobsr((1, 1))
    _clear(A)
    return A


def _clear(A):
    """Take the diagonal away."""
    if A.format == "bsr":  # SciPy's has no setdiag that works
        A.data[np.repeat(np.arange(3), np.diff(A.indptr)) == A.indices] = 0.0
    else:
        A.setdiag(0)
    A.eliminate_zeros()


USES = {
    "toarray": lambda A: A.toarray()[0, 1],
    "product": lambda A: np.sum(A @ np.arange(3.0)),
    "power": lambda A: A.power(2).sum(),
    "multiply": lambda A: A.multiply(A).sum(),
    "squared": lambda A: (A @ A + A).sum(),
    "diagonal": lambda A: A.diagonal().sum() + A.max(),
    "data": lambda A: np.sum(A.data**2) * A.nnz,
    "solve": lambda A: spsolve(sp.csc_matrix(A), np.ones(3)).sum(),
    "eigenvalue": lambda A: eigsh(A, k=1, return_eigenvectors=False)[0],
    "laplacian": lambda A: (laplacian(A).toarray() ** 2).sum(),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_eliminated_is_gone_from_structure_and_data(kind, use):
    def f(x):
        return USES[use](made(kind, x))

    value, slope = cr.value_and_grad(f)(X)
    assert np.isclose(value, f(X), rtol=1e-12)
    for k, e in enumerate(np.eye(2)):
        want, error = differences(lambda h, e=e: f(X + h * e), step=0.02, rounds=5)
        assert abs(slope[k] - want) <= 1e-8 + 10 * error


@pytest.mark.parametrize("kind", KINDS)
def test_a_product_before_the_change_stays_as_it_was(kind):
    """Its derivative is taken afterwards, by the places that it had."""

    def f(x):
        A = kind(np.array([[x[0], 0.0, x[1]], [x[1], x[0], 1.0], [0.0, 2.0, x[0]]]))
        A = A.tobsr((1, 1)) if A.format == "bsr" else A
        y = A @ (x[0] * np.array([1.0, 10.0, 100.0]))
        _clear(A)
        A.indices[:] = A.indices[::-1].copy()
        return y @ np.array([1.0, 3.0, 9.0])

    slope = [(f(X + h) - f(X - h)) / 2e-5 for h in 1e-5 * np.eye(2)]
    np.testing.assert_allclose(cr.grad(f)(X), slope, rtol=1e-7)
    np.testing.assert_allclose(cr.jacfwd(f)(X), slope, rtol=1e-7)
