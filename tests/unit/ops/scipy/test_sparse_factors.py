"""`L` and `U` of `splu`: against dense elimination, differences, and reconstruction."""

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as sl

import chainrule as cr
from chainrule.ops.scipy.sparse.elimination import _filled


def grid(n):
    """The Laplacian of an n by n grid."""
    line = sp.diags_array([-np.ones(n - 1), 2 * np.ones(n), -np.ones(n - 1)], offsets=[-1, 0, 1])
    return (sp.kron(sp.eye_array(n), line) + sp.kron(line, sp.eye_array(n))).tocsc()


GRID = grid(5)


def log_determinant(x):
    system = (x[0] * GRID + x[1] * sp.eye_array(25)).tocsc()
    return np.sum(np.log(np.abs(sl.splu(system).U.diagonal())))


def by_numpy(x):
    return np.linalg.slogdet(x[0] * GRID.toarray() + x[1] * np.eye(25))[1]


X = np.array([0.7, 0.3])


def test_log_determinants():
    np.testing.assert_allclose(log_determinant(X), by_numpy(X), rtol=1e-13)
    for derive in (cr.grad, cr.jacfwd, cr.hessian):
        np.testing.assert_allclose(derive(log_determinant)(X), derive(by_numpy)(X), rtol=1e-11)


def drawn(seed, size=9):
    """A general matrix, factors with exchanges of rows and columns, and weights of both factors."""
    rng = np.random.default_rng(seed)
    matrix = sp.random_array((size, size), density=0.3, rng=rng)
    matrix = (matrix + 0.1 * sp.eye_array(size)).tocsc()
    weights = rng.normal(size=(2, size, size))

    def f(x):
        own = matrix.copy()
        own.data = own.data * x
        lu = sl.splu(own)
        low = np.sum(lu.L.toarray() * weights[0]) + np.sum((lu.L.T @ weights[1, 0]) ** 2)
        return low + np.sum((lu.U @ weights[1, 1]) ** 2) + lu.U.nnz

    return f, rng.uniform(0.5, 1.5, matrix.nnz)


@pytest.mark.parametrize("seed", range(6))
def test_general_matrices(seed):
    f, x = drawn(seed)
    value, slope = cr.value_and_grad(f)(x)
    assert value == f(x)  # the same numbers, in SuperLU's structure
    ahead = cr.jacfwd(f)(x)  # by dense factors; backward by the places alone
    np.testing.assert_allclose(slope, ahead, rtol=1e-9, atol=1e-9 * np.abs(ahead).max())
    v = np.random.default_rng(1).normal(size=x.size)
    found = [(f(x + h * v) - f(x - h * v)) / (2 * h) for h in (2e-5, 1e-5)]
    better = (4 * found[1] - found[0]) / 3
    assert abs(slope @ v - better) <= 10 * abs(better - found[1]) + 1e-7 * np.abs(slope).max()
    bend = cr.hessian(f)(x)
    sides = [cr.grad(f)(x + s * 1e-5 * v) for s in (1, -1)]
    np.testing.assert_allclose(
        bend @ v, (sides[0] - sides[1]) / 2e-5, atol=1e-6 * np.abs(bend).max()
    )


def test_an_entry_that_cancels_has_its_derivative():
    """The last pivot's neighbour is 4 − 2·2 = 0, and SuperLU stores nothing there."""
    rows, cols = np.array([0, 0, 0, 1, 1, 1, 2, 2]), np.array([0, 1, 2, 0, 1, 2, 0, 2])

    def system(x):
        data = np.array([1.0, 0.0, 2.0, 2.0, 5.0, 4.0, 0.0, 7.0]) + x * np.array(
            [0.0, 0, 0, 0, 0, 1, 0, 0]
        )
        return sp.csc_array((data, (rows, cols)), shape=(3, 3))

    def f(x):
        lu = sl.splu(system(x), permc_spec="NATURAL", diag_pivot_thresh=0)
        return lu.U.toarray()[1, 2]

    assert f(0.0) == 0
    np.testing.assert_allclose(cr.grad(f)(0.0), (f(1e-3) - f(-1e-3)) / 2e-3, rtol=1e-12)


def test_places_hold_all_that_fills_up_however_small_it_gets():
    """A ring of 400: fill follows upon fill, and numbers of it underflow long before the end."""
    n = 400
    line = -np.ones(n - 1)
    ring = sp.diags_array([line, np.full(n, 2.5), line], offsets=[-1, 0, 1]).tolil()
    ring[0, n - 1] = ring[n - 1, 0] = -1.0
    ring = ring.tocsc()

    def factors(x):
        lu = sl.splu((ring + sp.diags_array(x)).tocsc(), permc_spec="NATURAL")
        return lu.L.toarray(), lu.U.toarray()

    x = np.linspace(0.1, 0.2, n)
    found = cr.vjp(factors, x)[0]
    for mine, its in zip(found, factors(x), strict=True):
        np.testing.assert_array_equal(mine, its)


@pytest.mark.parametrize("seed", range(20))
def test_places_are_closed_under_elimination(seed):
    """Between what stands below a pivot and what stands beside it, all is there; and no more."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 30))
    full = (rng.random((n, n)) < rng.uniform(0.02, 0.3)) | np.eye(n, dtype=bool)
    rows, cols = np.nonzero(full)
    found = np.zeros((n, n), bool)
    flat = _filled(rows, cols, n)
    found[flat % n, flat // n] = True
    assert np.all(np.diff(flat) > 0)
    for k in range(n):
        full[k + 1 :, k + 1 :] |= np.outer(full[k + 1 :, k], full[k, k + 1 :])
    np.testing.assert_array_equal(found, full)


def test_complex_matrices():
    def f(x):
        lu = sl.splu((x[0] * GRID + 1j * x[1] * sp.eye_array(25)).tocsc())
        return np.sum(np.abs(lu.U.diagonal()) ** 2) + np.sum(np.abs(lu.L.toarray()))

    back, ahead = cr.grad(f)(X), cr.jacfwd(f)(X)
    np.testing.assert_allclose(back, ahead, rtol=1e-12)
    steps = [(f(X + 1e-5 * e) - f(X - 1e-5 * e)) / 2e-5 for e in np.eye(2)]
    np.testing.assert_allclose(back, steps, rtol=1e-8)


def test_examples_of_a_batch():
    xs = np.stack([X, 2 * X, X[::-1]])
    np.testing.assert_allclose(
        cr.vmap(cr.grad(log_determinant))(xs), [cr.grad(by_numpy)(x) for x in xs], rtol=1e-11
    )
