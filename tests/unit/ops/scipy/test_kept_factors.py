"""Factors that are kept: one serves the solve, its transpose, tangents and all right-hand sides.

What is kept is to be a function of the entries, so most of these try to make it go stale.
"""

import gc
import threading
import weakref

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as sl
from scipy.sparse.linalg._dsolve import _superlu

import chainrule as cr
from chainrule.ops.scipy.sparse import direct, kept

N = 7
K = np.linspace(1.0, 2.0, N)
ONES = np.ones(N)
RNG = np.random.default_rng(3)


def matrix(k, change=None):
    found = sp.diags_array([4 + k, -k[1:], k[:-1] / 3], offsets=[0, 1, -1]).tocsc()
    if change is not None:
        change(found)
    return found


def agrees(f, x, order=2):
    np.testing.assert_allclose(cr.vjp(f, x)[0], f(x), rtol=1e-13)
    cr.check_grads(f, (x,), order=order)


@pytest.fixture
def count(monkeypatch):
    """Count the factorisations that SuperLU makes."""
    made = []
    for name in ("gstrf", "gssv"):
        plain = getattr(_superlu, name)

        def counted(*args, _plain=plain, _name=name, **kwargs):
            made.append(_name)
            return _plain(*args, **kwargs)

        monkeypatch.setattr(_superlu, name, counted)
    return made


def thrice(k, make, solve=lambda factor, b: factor.solve(b)):
    factor, u = make(matrix(k)), ONES
    for _ in range(3):
        u = solve(factor, u)
    return u.sum()


def by_splu(k):
    return thrice(k, sl.splu)


def by_factorized(k):
    return thrice(k, sl.factorized, lambda solve, b: solve(b))


def by_spsolve(k):
    return sl.spsolve(matrix(k), np.stack([ONES, k, k**2], axis=1)).sum()


def turned(k):
    return thrice(k, sl.splu, lambda factor, b: factor.solve(b, "T"))


@pytest.mark.parametrize("f", [by_splu, by_factorized, by_spsolve, turned])
def test_one_factorisation_serves_all(f, count):
    v = np.cos(K)
    for derivative in (
        cr.grad(f), cr.value_and_grad(f), lambda k: cr.jvp(f, (k,), (v,)),
        lambda k: cr.hvp(f, k, v), cr.hessian(f),
    ):  # fmt: skip
        count.clear()
        derivative(K)
        assert len(count) == 1, (derivative, count)


def test_one_factorisation_of_a_plain_matrix_serves_both_ways(count):
    plain = matrix(K)
    cr.grad(lambda b: sl.spsolve(plain, b).sum())(K)
    assert len(count) == 1


CHANGES = {
    "data": lambda a: a.data.__imul__(2.0), "scale": lambda a: a.__imul__(3.0),
    "entry": lambda a: a.__setitem__((0, 0), 7.0), "diagonal": lambda a: a.setdiag(9.0),
    "one": lambda a: a.data.__setitem__(0, 0.5),
    "indices": lambda a: a.indices.__setitem__(slice(None), a.indices[::-1].copy()),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("make", [sl.splu, sl.factorized])
def test_a_store_after_factorising_changes_nothing(change, make):
    def f(k):
        a = matrix(k)
        factor = make(a)
        solve = getattr(factor, "solve", factor)
        first = solve(ONES)
        change(a)
        return (solve(first) + np.flip(solve(k))).sum()

    agrees(f, K)


@pytest.mark.parametrize("change", [v for k, v in CHANGES.items() if k != "indices"])
def test_a_store_between_two_solves_counts(change):
    def f(k):
        a = matrix(k)
        first = sl.spsolve(a, k)
        change(a)
        return sl.spsolve(a, first).sum()

    agrees(f, K)


def test_a_plain_matrix_that_is_stored_into_before_the_pullback():
    plain = matrix(K)
    _, pull = cr.vjp(lambda b: sl.spsolve(plain, b), K)
    want = pull(ONES)[0].copy()
    plain.data[:] = 5.0
    plain.indices[:] = plain.indices[::-1].copy()
    assert np.array_equal(pull(ONES)[0], want)
    np.testing.assert_allclose(matrix(K).T @ want, ONES)


def test_a_pullback_takes_one_cotangent_after_the_other():
    _, pull = cr.vjp(lambda k: sl.splu(matrix(k)).solve(k), K)
    ct = ONES.copy()
    first = pull(ct)[0].copy()
    ct *= 2.0
    np.testing.assert_allclose(pull(ct)[0], 2 * first, rtol=1e-13)
    found = pull(ONES)[0]
    found[:] = 0.0
    np.testing.assert_allclose(pull(ONES)[0], first, rtol=1e-13)


def test_what_a_factor_gave_may_be_written_into():
    way = kept.Kept(sl.splu)
    a = matrix(K)
    first = way.solve(a, ONES)
    want = first.copy()
    first[:] = 0.0
    second = way.solve(a, ONES)
    assert np.array_equal(second, want)
    second[:] = 0.0
    assert np.array_equal(way.solve(a, ONES), want)
    a.data[0] += 1.0
    np.testing.assert_allclose(a @ way.solve(a, ONES), ONES)


def test_nothing_is_kept_once_a_derivative_is_taken(monkeypatch):
    ways = []

    class Seen(kept.Kept):
        def __init__(self, *args):
            super().__init__(*args)
            ways.append(weakref.ref(self))

    monkeypatch.setattr(direct, "Kept", Seen)
    size = len(direct.sparse_solve.cache)
    for f in (by_splu, by_spsolve):
        for derivative in (cr.grad(f), cr.hessian(f), lambda k, f=f: cr.jvp(f, (k,), (k,))):
            derivative(K)
    gc.collect()
    assert ways
    assert all(way() is None for way in ways)
    assert len(direct.sparse_solve.cache) <= size + 4  # one for each set of traced arguments


def test_matrices_that_come_and_go_at_one_address():
    slope = cr.grad(by_splu)
    points = RNG.uniform(1, 3, (20, N))
    want = [slope(k) for k in points]
    for _ in range(3):
        for k, slopes in zip(points, want, strict=True):
            assert np.array_equal(slope(k.copy()), slopes)


@pytest.mark.parametrize("f", [by_splu, by_factorized, by_spsolve, turned])
def test_orders_and_batches(f):
    cr.check_grads(f, (K,), order=3)
    ks = K + RNG.uniform(0, 1, (20, N))  # more than are kept
    for g in (f, cr.grad(f), lambda k: cr.hvp(f, k, K)):
        np.testing.assert_allclose(cr.vmap(g)(ks), [g(k) for k in ks], rtol=1e-11)


def test_a_batch_of_right_hand_sides_is_solved_as_columns(count):
    def f(b):
        factor = sl.splu(matrix(K * b[0] ** 0))
        return factor.solve(b)

    bs = RNG.standard_normal((5, N))
    plain = matrix(K)
    count.clear()
    found = cr.vmap(lambda b: sl.spsolve(plain, b))(bs)
    np.testing.assert_allclose(found, sl.splu(plain).solve(bs.T).T)
    assert len(count) == 2
    np.testing.assert_allclose(cr.vmap(f)(bs), [f(b) for b in bs])
    twos = RNG.standard_normal((5, N, 2))
    np.testing.assert_allclose(
        cr.vmap(lambda b: sl.spsolve(plain, b))(twos), [sl.spsolve(plain, b) for b in twos]
    )


def test_threads_that_share_a_pullback():
    _, pull = cr.vjp(lambda k: thrice(k, sl.splu) * k, K)
    cts = RNG.standard_normal((40, N))
    want = [pull(ct)[0].copy() for ct in cts]
    failed = []

    def work(order):
        for i in order:
            if not np.array_equal(pull(cts[i])[0], want[i]):
                failed.append(i)

    threads = [threading.Thread(target=work, args=(RNG.permutation(40),)) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failed


@pytest.mark.parametrize("kind", ["csc", "csr"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.complex128])
def test_values_are_those_of_spsolve_to_the_bit(kind, dtype):
    for n in (3, 20, 60):
        a = (sp.random_array((n, n), density=0.2, rng=RNG) + 3 * sp.eye_array(n)).astype(dtype)
        a, b = a.asformat(kind), RNG.standard_normal((n, 3)).astype(dtype)
        for rhs in (b, b[:, 0].copy(), b[:, :1]):
            found = cr.vjp(lambda x, a=a: sl.spsolve(a, x), rhs)[0]
            assert found.tobytes() == sl.spsolve(a, rhs).tobytes()
            assert found.dtype == sl.spsolve(a, rhs).dtype


def test_real_entries_and_complex_sides():
    side = np.exp(1j * K)

    def f(k):
        return np.abs(sl.spsolve(matrix(k), side * k)).sum()

    agrees(f, K)


def test_a_singular_matrix_warns_as_scipy_does():
    def f(k):
        return sl.spsolve(sp.csc_array(np.outer(k, k)), ONES)

    with pytest.warns(sl.MatrixRankWarning):
        assert np.isnan(cr.vjp(f, K)[0]).all()
    with pytest.raises(RuntimeError, match="singular"):
        cr.grad(lambda k: sl.splu(sp.csc_array(np.outer(k, k))).solve(ONES).sum())(np.ones(N))
