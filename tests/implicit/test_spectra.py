"""Eigenvalues and singular values of sparse matrices: chosen ones, at every order and phase."""

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.sparse.linalg import LinearOperator, eigs, eigsh, svds

import chainrule as cr
from chainrule.numeric import differences

N = 7
X = np.array([0.5, 0.3, 0.8])
A, B = np.random.default_rng(3).standard_normal((2, N, N))


def real(x):
    return sp.csc_matrix(np.diag(np.arange(N) * x[1]) + x[0] * A + x[2] ** 2 * B)


def complex_(x):
    return sp.csr_array(np.diag(np.arange(N) * x[1]) + x[0] * A + 1j * x[2] * B)


def hermitian(x):
    found = complex_(x).toarray()
    return sp.csr_array(found + found.conj().T)


def weights(x):
    return sp.csc_matrix(np.diag(1.0 + x[1] * np.arange(N)))


def told(w, v=None):
    """Return what does not hang on signs or phases."""
    order = np.lexsort((np.imag(w), np.real(w)))
    parts = [np.real(w[order]), np.imag(w[order])]
    return np.concatenate(parts + ([] if v is None else [np.ravel(np.abs(v[:, order]) ** 2)]))


PROGRAMS = {
    "eigs": lambda x: told(*eigs(real(x), k=2, which="LR")),
    "eigs, values": lambda x: told(eigs(  # a random start may exchange the two of a pair
        real(x), 3, None, 0.5, v0=np.arange(1.0, N + 1), return_eigenvectors=False)),
    "eigs, complex": lambda x: told(*eigs(complex_(x), k=3, which="LM")),
    "eigs, weights": lambda x: told(*eigs(real(x), 2, weights(x), which="LR")),
    "eigs, operator": lambda x: told(*eigs(
        LinearOperator((N, N), matvec=lambda v: real(x) @ v, dtype=float), k=2)),
    "eigsh": lambda x: told(*eigsh(real(x) + real(x).T, k=2)),
    "eigsh, Hermitian": lambda x: told(*eigsh(hermitian(x), k=2)),
    "eigsh, weights": lambda x: told(*eigsh(real(x) + real(x).T, 2, weights(x), which="SA")),
    "svds": lambda x: np.abs(svds(real(x), k=2)[0]) ** 2,
    "svds, product": lambda x: (lambda u, s, vh: np.abs((u * s**2) @ vh) ** 2)(
        *svds(complex_(x), k=2)),
    "svds, right": lambda x: np.abs(svds(complex_(x), 2, return_singular_vectors="vh")[2]) ** 2,
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_against_differences(name):
    def f(x):
        return PROGRAMS[name](x)

    assert np.allclose(cr.vjp(f, X)[0], f(X), rtol=1e-9, atol=1e-10)
    jacobian = cr.jacrev(f)(X)
    for i, e in enumerate(np.eye(3)):
        want, error = differences(lambda h, e=e: f(X + h * e), step=0.02, rounds=5)
        assert np.all(abs(jacobian[..., i] - want) <= 1e-6 + 10 * error)
        assert np.allclose(cr.jvp(f, (X,), (e,))[1], jacobian[..., i], rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("name", ["eigs, values", "eigs, complex", "eigsh, Hermitian"])
def test_second_order(name):
    def f(x):
        return np.sum(PROGRAMS[name](x) * np.arange(1.0, PROGRAMS[name](X).size + 1))

    hessian, slope = cr.hessian(f)(X), cr.grad(f)
    for i, e in enumerate(np.eye(3)):
        want, error = differences(lambda h, e=e: slope(X + h * e), step=0.01, rounds=5)
        assert np.all(abs(hessian[i] - want) <= 1e-6 * np.max(abs(hessian)) + 10 * error)


@pytest.mark.parametrize("solve", [eigs, eigsh, svds])
def test_the_same_is_found_twice_where_scipy_draws_a_start(solve):
    seen = []

    def f(x):
        found = solve(real(x) + real(x).T, k=2)
        seen.append([np.array(cr.stop_gradient(part)) for part in found])
        return np.sum(np.abs(found[1]))

    cr.grad(f)(X)
    cr.grad(f)(X)
    for a, b in zip(*seen, strict=True):
        assert np.array_equal(a, b)
