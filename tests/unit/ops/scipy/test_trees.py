"""Trees of neighbours, of traced points and asked at them, against differences."""

import numpy as np
import pytest
from scipy import spatial
from scipy.spatial import KDTree, cKDTree

import chainrule as cr
from chainrule.errors import UnsupportedFunctionError
from chainrule.numeric import differences

RNG = np.random.default_rng(0)
B, W, X, V = RNG.random((7, 2)), RNG.random(7), RNG.random((7, 2)), RNG.standard_normal((7, 2))


class Mine(KDTree):
    def query(self, x, k=1):
        return super().query(x, k)


OUTSIDE = {cKDTree: cKDTree(B), KDTree: KDTree(B), Mine: Mine(B)}


def picked(x, found):
    return np.array([x[i].sum() for i in found])


PROGRAMS = {
    "itself": lambda x, K, _: K(x).query(x, k=3)[0],
    "at points": lambda x, K, _: K(x).query(B)[0],
    "at a point": lambda x, K, _: K(x).query([0.3, 0.4], 3)[0],
    "of plain points": lambda x, _, plain: plain.query(x, k=[1, 3])[0],
    "of plain points here": lambda x, K, _: K(B).query(x)[0],
    "looked up": lambda x, K, _: x[K(x).query(x, k=2)[1][:, 1]],
    "bound": lambda x, K, _: [ask := K(B).query, ask(x)[0]][1],
    "its data": lambda x, K, _: K(x).data ** 2 * K(x).maxes * K(x).mins,
    "ball": lambda x, K, _: picked(x, K(x).query_ball_point(x, 0.5)),
    "ball of plain points": lambda x, _, plain: picked(x, plain.query_ball_point(x, x[0, 0])),
    "pairs": lambda x, K, _: np.array([x[i] @ x[j] for i, j in sorted(K(x).query_pairs(0.5))]),
    "pairs in an array": lambda x, K, _: x[K(x).query_pairs(0.5, output_type="ndarray")],
    "balls": lambda x, K, plain: picked(x, plain.query_ball_tree(K(x), 0.5)),
    "balls from here": lambda x, K, plain: picked(x, K(x).query_ball_tree(plain, 0.5)),
    "matrix": lambda x, K, _: K(x).sparse_distance_matrix(K(x), 0.6).toarray(),
    "matrix, coo": lambda x, K, plain: plain.sparse_distance_matrix(
        K(x), 0.6, output_type="coo_matrix"
    ).toarray(),
    "matrix, dict": lambda x, K, plain: sum(
        K(x).sparse_distance_matrix(plain, 0.6, output_type="dict").values()
    ),
    "count": lambda x, K, plain: K(x).count_neighbors(plain, 0.4) * x,
    "weights": lambda x, K, plain: K(x).count_neighbors(plain, [0.2, 0.4], weights=(x[:, 0], W)),
    "weights, apart": lambda x, K, plain: plain.count_neighbors(
        K(x), [0.2, 0.4], weights=(None, x[:, 1]), cumulative=False
    ),
}
OPTIONS = {
    "box": lambda x, K, _: K(x, boxsize=1).query(x, k=5)[0],
    "box on one side": lambda x, K, _: K(x, boxsize=[1, 0]).sparse_distance_matrix(
        K(B, boxsize=[1, 0]), 0.9
    ).toarray(),
    "bounded": lambda x, K, _: np.minimum(K(x).query(x, k=5, distance_upper_bound=0.5)[0], 1.0),
    "norms": lambda x, K, _: np.stack([K(x).query(x, 5, 0, p)[0] for p in (1, 3, np.inf)]),
}  # fmt: skip
CASES = [(n, f, K) for n, f in PROGRAMS.items() for K in OUTSIDE]
CASES += [(n, f, K) for n, f in OPTIONS.items() for K in (cKDTree, KDTree)]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("f", "kind"), [c[1:] for c in CASES], ids=[f"{n}, {K.__name__}" for n, _, K in CASES]
)
def test_against_differences(f, kind):
    g = lambda x: f(x, kind, OUTSIDE[kind])  # noqa: E731
    y, tangent = cr.jvp(g, (X,), (V,))
    np.testing.assert_array_equal(y, g(X))
    want, _ = differences(lambda h: np.asarray(g(X + h * V)), step=1e-3, rounds=5)
    np.testing.assert_allclose(tangent, want, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(np.tensordot(cr.jacrev(g)(X), V, 2), want, rtol=1e-6, atol=1e-8)
    assert np.any(want)


def test_a_tree_is_what_it_is():
    def f(x):
        for kind in (cKDTree, KDTree, Mine):
            tree = kind(x)
            assert isinstance(tree, kind)
            assert isinstance(tree, spatial.cKDTree)
            assert (tree.n, tree.m, tree.data.shape) == (7, 2, (7, 2))
        return np.sum(x)

    np.testing.assert_array_equal(cr.grad(f)(X), np.ones_like(X))
    assert type(cKDTree(B)) is cKDTree


def test_order_2_and_batches():
    f = lambda x: np.sum(cKDTree(x).query(x, k=3)[0][:, 1:])  # noqa: E731
    slope = cr.grad(f)
    want, _ = differences(lambda h: slope(X + h * V), step=1e-3, rounds=5)
    np.testing.assert_allclose(cr.hvp(f, X, V), want, rtol=1e-6, atol=1e-7)
    stack = RNG.random((3, 7, 2))
    np.testing.assert_array_equal(cr.vmap(slope)(stack), [slope(x) for x in stack])


def test_a_tree_that_later_stores_do_not_reach():
    def f(x):
        y = x * 1.0
        tree = cKDTree(y, copy_data=True)
        y[:] = 0.0
        return np.sum(tree.query(B)[0])

    want = cr.grad(lambda x: np.sum(KDTree(x).query(B)[0]))(X)
    np.testing.assert_array_equal(cr.grad(f)(X), want)


@pytest.mark.parametrize(
    ("f", "cure"),
    [
        (lambda x: cKDTree(x).sparse_distance_matrix(cKDTree(B), 1, output_type="ndarray"), "coo"),
        (lambda x: KDTree(x).tree.split, "query"),
        (lambda x: KDTree(x, boxsize=x[0] + 1).query(B)[0], "boxsize"),
        (lambda x: cKDTree(x * 1j).query(B)[0], "real"),
    ],
)
def test_what_is_refused_names_a_cure(f, cure):
    with pytest.raises(UnsupportedFunctionError, match=cure):
        cr.jacrev(f)(X)
