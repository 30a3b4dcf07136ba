"""Forms beside csr, csc and coo: what they share, the order of their entries, conversions."""

import numpy as np
import pytest
import scipy.sparse as sp

import chainrule as cr
from chainrule.errors import LostDerivativeError

X = np.array([1.3, 0.7])
D = np.array([[1, 2, 0, 0], [3, 4, 5, 6], [0, 0, 7, 8], [9, 1, 2, 3.0]])
BLOCKS = np.array([0, 1, 0, 1]), np.array([0, 2, 4])


def _right(f):
    slopes = np.array([(f(X + h) - f(X - h)) / 2e-6 for h in 1e-6 * np.eye(2)])
    value, found = cr.value_and_grad(f)(X)
    np.testing.assert_allclose(value, f(X), rtol=1e-12)
    np.testing.assert_allclose(found, slopes, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(cr.jvp(f, (X,), (X,))[1], slopes @ X, rtol=1e-5, atol=1e-5)


KINDS = [sp.lil_array, sp.lil_matrix, sp.dok_array, sp.dok_matrix]


@pytest.mark.parametrize("copy", [False, True])
@pytest.mark.parametrize("other", KINDS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_matrix_made_of_another_has_its_rows(kind, other, copy):
    def f(x):
        a = kind((2, 2))
        a[0, 0], a[1, 1] = x[0], x[1]
        b = other(a, copy=copy)
        b[0, 0] = 5 * x[0]
        a[1, 1] = x[0] * x[1]
        return a[0, 0] * 2 + b[0, 0] + 3 * b[1, 1] * x[0] + a.tocsr().sum()

    _right(f)


def _of_plain(kind, f):
    def g(x):
        a = kind((2, 2))
        a[0, 0] = 2.0
        return f(a, x)

    return g


def _seen(a, x):
    b = type(a)(a)
    b[0, 0] = x[0]
    return a[0, 0] + b[0, 0]


def _of_copy(a, x):
    b = type(a)(a.copy())
    b[0, 0] = x[0]
    return a[0, 0] + b[0, 0]


def _alone(a, x):
    a = type(a)(a)
    a[0, 0] = x[0]
    return a[0, 0] + a.tocsr().sum()


def _view(a, x):
    row = a.getrowview(0)
    a[0, 0] = x[0]
    return row[0, 0] + a[0, 0]


@pytest.mark.parametrize("kind", [sp.lil_array, sp.dok_array])
def test_stores_that_a_plain_one_would_not_see_are_refused(kind):
    for f in (_seen, _view) if kind is sp.lil_array else (_seen,):
        with pytest.raises(LostDerivativeError, match="held elsewhere"):
            cr.grad(_of_plain(kind, f))(X)
    _right(_of_plain(kind, _of_copy))


def test_who_has_its_rows_alone_stores():
    _right(lambda x: _alone(sp.lil_array(np.diag([2.0, 3.0])), x))


def _bsr(x):
    return sp.bsr_array((np.arange(1, 17.0).reshape(4, 2, 2) * x[0] + x[1], *BLOCKS))


def _ranked(a):
    coo = a.tocoo()
    return coo.data @ np.arange(1.0, 1 + coo.nnz) + coo.data @ (coo.coords[0] + coo.coords[1] ** 2)


def _scaled(x):
    a = _bsr(x)
    a *= x[1]
    return _ranked(a)


def _after_products(x):
    a = _bsr(x)
    first = (a @ np.ones(4)).sum() * x[0] + (a + a).sum() + (a @ a).sum()
    return first + _ranked(a) + _ranked(a.tocsr()) + _ranked(a.tocsc())


ORDERED = {
    "blocks": lambda x: _ranked(_bsr(x)),
    "rows": lambda x: _ranked(_bsr(x).tocsr()),
    "scaled": _scaled,
    "after products": _after_products,
    "of dense": lambda x: _ranked(sp.bsr_array(D * x[0] + (D != 0) * x[1])),
    "of dense, 2×2": lambda x: _ranked(sp.bsr_array(D * x[0] + (D != 0) * x[1], blocksize=(2, 2))),
    "diagonals": lambda x: _ranked(sp.dia_array(
        (np.stack([x[0] * np.arange(1.0, 5), x[1] * np.arange(2.0, 6)]), [0, 1]), shape=(4, 4))),
    "tobsr": lambda x: _ranked((sp.csr_array(D) * x[0]).tobsr()) * x[1],
    "tobsr, 2×2": lambda x: _ranked((sp.csr_array(D) * x[0]).tobsr((2, 2))) * x[1],
    "tobsr, 4×1": lambda x: _ranked((sp.csc_matrix(D) * x[0]).tobsr((4, 1))) * x[1],
    "tobsr of coo": lambda x: _ranked((sp.coo_array(D) * x[0]).tobsr(blocksize=(2, 1))) * x[1],
    "todia": lambda x: _ranked((sp.csr_array(D) * x[0]).todia()) * x[1],
    "asformat": lambda x: _ranked((sp.coo_array(D) * x[0]).asformat("dia")) * x[1],
    "products": lambda x: (
        (sp.csr_array(D) * x[0]).todia() @ sp.csc_array(D * x[1]).tobsr() @ np.arange(4.0)
    ).sum(),
}  # fmt: skip


@pytest.mark.parametrize("name", ORDERED)
def test_entries_have_the_order_of_their_form(name):
    _right(ORDERED[name])
