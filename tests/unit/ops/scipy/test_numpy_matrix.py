"""What SciPy returns as `numpy.matrix`: sums and dense forms of the old sparse classes."""

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as sl

import chainrule as cr
from chainrule.errors import UnsupportedFunctionError
from chainrule.ops.scipy.sparse.numpy_matrix import Matrix

pytestmark = pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
N = 4
B = np.random.default_rng(0).standard_normal((N, N))
X = np.array([0.6, 0.9, 0.7, 1.2])


def a(x):
    i = np.arange(N)
    entries = np.concatenate([2 + x**2, -x[:-1], -x[:-1]])
    places = (np.r_[i, i[1:], i[:-1]], np.r_[i, i[:-1], i[1:]])
    return sp.coo_matrix((entries, places), shape=(N, N)).tocsr()


def rows(x):
    return a(x).sum(axis=1)


def cols(x):
    return a(x).sum(axis=0)


def masked(x):
    m = rows(x)
    m[m < 1.5] = 3.0
    return m


def laplacian(x):
    d = np.asarray(rows(x)).ravel()
    half = sp.diags(1 / np.sqrt(d))
    return (half @ (sp.diags(d) - a(x)) @ half).toarray()


PLAIN = sp.csr_matrix(np.diag(X) + np.eye(N, k=1))
PROGRAMS = {
    "A1": lambda x: rows(x).A1, "A": lambda x: cols(x).A, "T": lambda x: rows(x).T,
    "asarray": lambda x: np.asarray(cols(x)).squeeze(),
    "array": lambda x: np.array(rows(x)).ravel(), "sqrt": lambda x: np.sqrt(rows(x)),
    "power": lambda x: np.power(rows(x), 2.0), "reciprocal": lambda x: 1 / rows(x),
    "number": lambda x: rows(x) * 2 - cols(x) / 3, "product": lambda x: rows(x) * cols(x),
    "by an array": lambda x: cols(x) * B, "by a vector": lambda x: a(x).todense() @ x,
    "by a column": lambda x: a(x).todense() * B[:, :1], "plus a vector": lambda x: x + cols(x),
    "minus": lambda x: B - rows(x), "-": lambda x: -rows(x), "stores": masked,
    "laplacian": laplacian, "mean": lambda x: a(x).mean(0),
    "mean of rows": lambda x: a(x).mean(1).A1, "todense": lambda x: a(x).todense(),
    "det": lambda x: np.linalg.det(a(x).todense()), "plus": lambda x: a(x) + B,
    "solve": lambda x: np.linalg.solve(a(x).todense(), x),
    "norm": lambda x: np.linalg.norm(rows(x)), "element": lambda x: rows(x)[2, 0],
    "row": lambda x: rows(x)[0], "col": lambda x: cols(x)[:, 1:3] * B[:2],
    "column": lambda x: a(x).todense()[:, 1], "rows": lambda x: a(x).todense()[1:3],
    "sum": lambda x: np.sum(rows(x)), "max": lambda x: rows(x).max(),
    "sums": lambda x: rows(x).sum(0), "multiply": lambda x: a(x).multiply(1 / rows(x)).toarray(),
    "@": lambda x: a(x) @ rows(x), "*": lambda x: a(x) * rows(x),
    "ravel": lambda x: np.ravel(rows(x)), "flatten": lambda x: rows(x).flatten(),
    "tolist": lambda x: rows(x).tolist(),
    "rows one by one": lambda x: np.stack([np.asarray(r) for r in rows(x)]),
    "spsolve": lambda x: sl.spsolve(a(x), rows(x)),
    "sparse product, then *": lambda x: (a(x) @ rows(x)) * cols(x),
    "plain product": lambda x: (PLAIN @ rows(x)) * 2, "row by sparse": lambda x: cols(x) * a(x),
    "row by plain": lambda x: (cols(x) @ PLAIN) * B,
    "inverse": lambda x: np.linalg.inv(a(x).todense()) * B,
    "trace": lambda x: np.trace(a(x).todense()),
    "plus sparse": lambda x: (PLAIN + a(x).todense()) * x[:, None],
    "solved": lambda x: np.linalg.solve(B, rows(x)) * cols(x),
    "compared": lambda x: x * np.asarray(rows(x) > 2).ravel(),
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_it_computes_as_numpys_matrix(name):
    f = PROGRAMS[name]
    seen = []

    def g(x):
        found = f(x)
        seen.append((np.shape(found), isinstance(found, Matrix | np.matrix)))
        return np.asarray(found)

    plain = f(X)
    np.testing.assert_allclose(cr.vjp(g, X)[0], plain, rtol=1e-12)
    assert seen[-1] == (np.shape(plain), isinstance(plain, np.matrix))
    cr.check_grads(g, (X,), order=1)


@pytest.mark.parametrize("f", [
    lambda x: x * rows(x), lambda x: np.multiply(B, rows(x)), lambda x: np.hstack([rows(x), B]),
    lambda x: rows(x).argsort(), lambda x: np.add.outer(rows(x), x),
])  # fmt: skip
def test_what_it_does_not_do_is_refused(f):
    """``B * m`` is a matrix product and ``np.multiply(B, m)`` is none; ufuncs cannot tell."""
    with pytest.raises(UnsupportedFunctionError, match=r"numpy\.matrix"):
        cr.vjp(f, X)
