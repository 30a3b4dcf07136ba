"""Methods of sparse matrices with traced entries, entry by entry: right, and never dense."""

import tracemalloc

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as sl
from scipy.sparse import csgraph

import chainrule as cr

# an empty row, a full row, entries of both signs
PLACES = ([0, 0, 0, 0, 1, 2, 2, 4], [0, 1, 2, 3, 1, 0, 3, 3])
SHAPE = (5, 4)
X = np.array([1.3, -0.4, 2.0, 0.7, -1.1, 0.9, -0.3, -1.7])
OTHER = sp.csr_array(([0.5, -2.0, 0.3, -0.9, 1.0], ([0, 1, 3, 4, 4], [1, 1, 2, 3, 0])), shape=SHAPE)
V, W = np.arange(1.0, 6.0), np.arange(2.0, 6.0)


def made(x, kind, fmt):
    return kind((x, PLACES), shape=SHAPE).asformat(fmt)


METHODS = {
    "sum": lambda a: a.sum(), "columns": lambda a: a.sum(axis=0), "rows": lambda a: a.sum(axis=-1),
    "both": lambda a: a.sum(axis=(0, 1)), "one of them": lambda a: a.sum(axis=(1,)),
    "mean": lambda a: a.mean(), "means": lambda a: a.mean(axis=-2),
    "both means": lambda a: a.mean(axis=(0, 1)), "diagonal": lambda a: a.diagonal(),
    "above": lambda a: a.diagonal(1), "trace": lambda a: a.trace(),
    "scaled rows": lambda a: a.multiply(V[:, None]), "scaled columns": lambda a: a.multiply(W),
    "divided": lambda a: a / V[:, None], "product": lambda a: a.multiply(OTHER),
    "plain first": lambda a: OTHER.multiply(a), "square": lambda a: a.multiply(a),
    "turned": lambda a: a.T, "modulus": lambda a: abs(a), "largest": lambda a: a.max(),
    "largest of columns": lambda a: a.max(axis=0), "least of rows": lambda a: a.min(axis=1),
    "maximum": lambda a: a.maximum(OTHER), "minimum": lambda a: OTHER.minimum(a),
    "positive part": lambda a: a.maximum(0), "capped": lambda a: a.minimum(0.8),
    "floor": lambda a: a.maximum(-0.5), "norm": lambda a: sl.norm(a),
    "norms": lambda a: sl.norm(a[:3, :3], axis=0), "of rows": lambda a: sl.norm(a, np.inf, axis=1),
    "ones": lambda a: sl.norm(a, 1), "infinity": lambda a: sl.norm(a, np.inf),
    "least of norms": lambda a: sl.norm(a[:3], -np.inf), "sums of norms":
    lambda a: sl.norm(a, 1, 0),
}  # fmt: skip


@pytest.mark.parametrize("fmt", ["csr", "csc", "coo"])
@pytest.mark.parametrize("kind", [sp.coo_array, sp.coo_matrix])
@pytest.mark.parametrize("name", METHODS)
@pytest.mark.filterwarnings("ignore::scipy.sparse.SparseEfficiencyWarning")
def test_methods_are_those_of_scipy_and_of_the_dense_array(name, kind, fmt):
    if fmt == "coo" and "norms" in name:
        pytest.skip("coo matrices are not indexed")
    weights = np.random.default_rng(1).standard_normal(40)

    kinds = []

    def f(x):
        found = METHODS[name](made(x, kind, fmt))
        sparse = sp.issparse(found)
        kinds.append((np.shape(found), (found.nnz, found.format) if sparse else None))
        found = found.toarray() if sparse else np.asarray(found)
        return np.sum(weights[: np.size(found)] * np.ravel(found))

    np.testing.assert_allclose(cr.vjp(f, X)[0], f(X), rtol=1e-14)
    assert kinds[0] == kinds[1]
    cr.check_grads(f, (X,), order=2)


@pytest.mark.parametrize("name", METHODS)
def test_no_method_makes_the_dense_array(name):
    n = 1600
    rng = np.random.default_rng(0)
    pattern = (sp.random_array((n, n), density=1 / n, rng=rng) + sp.eye_array(n)).tocoo()
    other = sp.random_array((n, n), density=1 / n, rng=rng).tocsr()
    at = {**METHODS[name].__globals__, "V": np.ones(n), "W": np.ones(n), "OTHER": other}
    method = type(METHODS[name])(METHODS[name].__code__, at)

    def f(x):
        found = method(sp.coo_array((x, pattern.coords), shape=(n, n)).tocsr())
        return np.sum(found.data if sp.issparse(found) else found)

    cr.grad(f)(pattern.data)
    tracemalloc.start()
    cr.grad(f)(pattern.data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < n * n, f"{peak / 1e6:.1f} MB"


def test_ties_are_shared_as_those_of_the_dense_array():
    x = np.array([1.0, 1.0, 0.5, -1.0, -0.5, -2.0, 2.0, 0.5])
    for method in (
        lambda a: a.max(axis=0), lambda a: a.max(axis=1), lambda a: a.min(axis=0),
        lambda a: a.max(), lambda a: a.maximum(OTHER), lambda a: a.maximum(0), lambda a: abs(a),
        lambda a: a.minimum(0),
    ):  # fmt: skip

        def f(x, method=method):
            found = method(made(x, sp.coo_array, "csr"))
            return np.sum((found.toarray() if sp.issparse(found) else found) * 1.0)

        def dense(x, method=method):
            a = np.zeros(SHAPE)
            a[PLACES] = x
            name = next(n for n in method.__code__.co_names or ("abs",))
            if name == "abs":
                return np.sum(np.abs(a))
            if "OTHER" in method.__code__.co_names:
                return np.sum(np.maximum(a, OTHER.toarray()))
            if name.endswith("imum"):
                return np.sum(getattr(np, name)(a, 0.0))
            axis = next((c for c in method.__code__.co_consts if c in (0, 1)), None)
            return np.sum(getattr(np, name)(a, axis=axis))

        np.testing.assert_allclose(f(x), dense(x))
        np.testing.assert_allclose(cr.grad(f)(x), cr.grad(dense)(x))


@pytest.mark.parametrize("kind", [sp.csr_array, sp.coo_matrix])
@pytest.mark.parametrize("options", [{}, {"use_out_degree": True}, {"symmetrized": True}])
@pytest.mark.parametrize("normed", [False, True])
def test_the_laplacian_of_a_sparse_graph_is_that_of_the_dense_one(kind, options, normed):
    places = ([0, 0, 1, 3, 3, 2], [1, 3, 3, 0, 1, 2])  # a loop, and a node that is alone
    x = np.array([1.3, 0.4, 2.0, 0.7, 1.1, 0.9])

    def sparse(x):
        graph = kind((x, places), shape=(4, 4))
        found, diagonal = csgraph.laplacian(graph, normed, True, **options)
        return np.concatenate([np.ravel(np.asarray(found.toarray())), diagonal])

    def dense(x):
        graph = np.zeros((4, 4))
        graph[places] = x
        found, diagonal = csgraph.laplacian(graph, normed, True, **options)
        return np.concatenate([np.ravel(found), diagonal])

    np.testing.assert_allclose(cr.vjp(sparse, x)[0], sparse(x), rtol=1e-14)
    np.testing.assert_allclose(sparse(x), dense(x), rtol=1e-14)
    np.testing.assert_allclose(cr.jacobian(sparse)(x), cr.jacobian(dense)(x), rtol=1e-12)
