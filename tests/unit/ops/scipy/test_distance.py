"""Distances: between vectors, all pairs, two sets of rows; kinks, weights, trees."""

import math

import numpy as np
import pytest
from scipy import spatial
from scipy.spatial import distance

import chainrule as cr
from chainrule.errors import UnsupportedFunctionError

RNG = np.random.default_rng(3)
A, B = RNG.standard_normal((4, 3)), RNG.standard_normal((5, 3))
W = RNG.random(3) + 0.5
U, V = A[0], A[1]


def agrees(f, *xs, order=2):
    """Check the traced value against SciPy's, bit for bit, and the derivatives by differences."""
    traced, _ = cr.vjp(f, *xs)
    assert np.asarray(f(*xs)).tobytes() == np.asarray(traced).tobytes()
    cr.check_grads(f, xs, order=order)


METRICS = [
    "euclidean", "sqeuclidean", "cityblock", "chebyshev", "canberra", "braycurtis", "cosine",
    "correlation", "minkowski",
]  # fmt: skip


@pytest.mark.parametrize("name", METRICS)
def test_between_vectors_weights_included(name):
    f = getattr(distance, name)
    agrees(f, U, V)
    agrees(lambda u, v, w: f(u, v, w=w), U, V, W)
    agrees(lambda u: f(u, [0.3, 0.1, -0.4]), U)


@pytest.mark.parametrize("name", METRICS)
def test_pairs_and_two_sets(name):
    agrees(lambda a, b: distance.cdist(a, b, name), A, B)
    agrees(lambda a: distance.pdist(a, name), A)
    if name != "correlation":
        agrees(lambda a: distance.cdist(a, B, name, w=W), A)


def test_defaults_of_the_data_flow():
    x, y = RNG.standard_normal((6, 2)), RNG.standard_normal((5, 2))
    for name in ("seuclidean", "mahalanobis"):
        agrees(lambda a, b, name=name: distance.cdist(a, b, name), x, y)
        agrees(lambda a, name=name: distance.pdist(a, name), x)
    m = np.array([[2.0, 0.3], [0.1, 1.0]])
    agrees(lambda a, vi: distance.pdist(a, "mahalanobis", VI=vi), x, m)
    agrees(lambda a, v: distance.pdist(a, "seuclidean", V=v), x, np.array([1.0, 2.0]))
    agrees(lambda u, v, vi: distance.mahalanobis(u, v, vi), x[0], x[1], m)
    agrees(lambda a, b: distance.cdist(a, b, "jensenshannon"), np.exp(x), np.exp(y))
    agrees(lambda a: distance.cdist(a, y, "minkowski", p=3), x)
    agrees(lambda a: distance.pdist(a, distance.euclidean), x)


def test_at_equal_rows_the_derivative_is_zero():
    for name in ("euclidean", "cityblock", "chebyshev", "seuclidean", "canberra"):
        extra = {"V": np.ones(3)} if name == "seuclidean" else {}
        g = cr.grad(lambda a, name=name, e=extra: np.sum(distance.cdist(a, a, name, **e)))(A[:1])
        np.testing.assert_array_equal(g, np.zeros((1, 3)))
        own = cr.grad(lambda u, n=name, e=extra: getattr(distance, n)(u, U, *e.values()))(U)
        np.testing.assert_array_equal(own, np.zeros(3))
    g = cr.grad(lambda a: np.sum(np.exp(-distance.cdist(a, a))))(A)
    assert np.all(np.isfinite(g))
    g = cr.grad(lambda u: distance.chebyshev(u, np.zeros(2)))(np.ones(2))
    np.testing.assert_array_equal(g, [0.5, 0.5])
    assert cr.grad(lambda u: distance.cosine(u, U))(2 * U) == pytest.approx(np.zeros(3), abs=1e-12)


def test_a_metric_of_the_users_own():
    def own(u, v):
        return np.sum(np.sin(u - v) ** 2)

    agrees(lambda a: distance.cdist(a, B, own), A)
    agrees(lambda a: distance.pdist(a, own), A)


def test_squareform_both_ways():
    agrees(lambda x: distance.squareform(distance.pdist(x)), A)
    agrees(lambda x: distance.squareform(distance.cdist(x, x), checks=False), A)
    for bad in (np.ones(4), np.ones(2)):
        with pytest.raises(ValueError, match="binomial"):
            cr.vjp(distance.squareform, bad)
    with pytest.raises(ValueError, match="symmetric"):
        cr.vjp(distance.squareform, A[:3])


def test_metrics_of_truth_values_are_constant():
    assert not np.any(cr.grad(lambda a: np.sum(distance.cdist(a, B, "hamming")))(A))
    assert not np.any(cr.grad(lambda u: distance.hamming(u, V))(U))


@pytest.mark.filterwarnings("ignore:.*is deprecated in favor of .scipy.spatial:DeprecationWarning")
def test_trees_and_hausdorff():
    tree = spatial.KDTree(B)
    for kwargs in ({}, {"k": 2}, {"k": [2]}, {"p": 1}, {"p": math.inf}):
        agrees(lambda a, kw=kwargs: tree.query(a, **kw)[0], A)
    agrees(lambda u: tree.query(u)[0], U)
    assert cr.vjp(lambda a: a[tree.query(a)[1] % 4], A)[0].shape == A.shape
    far = cr.grad(lambda a: np.sum(np.minimum(tree.query(a, distance_upper_bound=1e-6)[0], 1.0)))(A)
    np.testing.assert_array_equal(far, np.zeros_like(A))
    agrees(lambda a: distance.directed_hausdorff(a, B)[0], A)
    agrees(lambda a, b: spatial.distance_matrix(a, b, p=3), A, B)
    agrees(lambda a: spatial.minkowski_distance(a, B[:4], 1), A)


def test_complex_and_unknown_are_refused():
    with pytest.raises(UnsupportedFunctionError, match="complex"):
        cr.vjp(lambda u: distance.euclidean(u, V), U + 1j)
    with pytest.raises(ValueError, match="Unknown"):
        cr.vjp(lambda a: distance.cdist(a, B, "nosuch"), A)


def test_float32():
    y, pull = cr.vjp(lambda a: distance.cdist(a, B), A.astype(np.float32))
    assert y.dtype == np.float64  # as SciPy
    assert pull(np.ones_like(y))[0].dtype == np.float32
