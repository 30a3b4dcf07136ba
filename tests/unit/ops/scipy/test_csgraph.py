"""scipy.sparse.csgraph on traced weights against differences."""

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.sparse import csgraph

import chainrule as cr
from chainrule.errors import UnsupportedFunctionError
from chainrule.numeric import differences

EDGES = [(0, 1), (1, 2), (0, 2), (2, 3), (3, 0), (1, 3)]


def graph(w):
    a = np.zeros((5, 5))
    for k, (i, j) in enumerate(EDGES):
        a[i, j] = w[k]
    return a


PROGRAMS = {
    "laplacian": lambda w: csgraph.laplacian(graph(w) + graph(w).T),
    "normed": lambda w: csgraph.laplacian(graph(w) + graph(w).T, normed=True),
    "out degree": lambda w: csgraph.laplacian(graph(w), use_out_degree=True, return_diag=True)[1],
    "symmetrized": lambda w: csgraph.laplacian(graph(w), symmetrized=True, normed=True),
    "shortest": lambda w: csgraph.shortest_path(graph(w))[:4, :4],
    "undirected": lambda w: csgraph.shortest_path(graph(w), directed=False)[:4, :4],
    "two ways": lambda w: csgraph.dijkstra(graph(w) + 2 * graph(w).T, False, 0)[:4],
    "dijkstra": lambda w: csgraph.dijkstra(graph(w), indices=[3, 0])[:, :4],
    "limit": lambda w: csgraph.dijkstra(graph(w), indices=0, limit=1.5)[:3],
    "bellman": lambda w: csgraph.bellman_ford(graph(w), indices=1)[2:4],
    "floyd": lambda w: csgraph.floyd_warshall(graph(w), return_predecessors=True)[0][:4, :4],
    "johnson": lambda w: csgraph.johnson(graph(w))[:4, :4],
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_against_differences(name):
    f, w = PROGRAMS[name], np.array([0.9, 0.4, 1.1, 0.5, 1.3, 1.2])
    assert np.allclose(cr.vjp(f, w)[0], f(w), rtol=1e-14, atol=1e-15)
    jacobian = cr.jacrev(f)(w)
    for i, v in enumerate(np.eye(6)):
        want, error = differences(lambda h, v=v: f(w + h * v), step=0.02, rounds=5)
        assert np.all(abs(jacobian[..., i] - want) <= 1e-8 + 10 * error)
        assert np.allclose(cr.jvp(f, (w,), (v,))[1], jacobian[..., i], rtol=1e-12, atol=1e-14)


def test_what_cannot_be_reached_stays_so():
    w = np.array([0.9, 0.4, 1.1, 0.5, 1.3, 1.2])
    value, pullback = cr.vjp(lambda w: csgraph.shortest_path(graph(w))[0, 4], w)
    assert np.isinf(value)
    assert np.all(pullback(1.0)[0] == 0)
    hops = cr.vjp(lambda w: csgraph.shortest_path(graph(w), unweighted=True)[3, 2] * w[0], w)[0]
    assert hops == 2 * w[0]


# --- every function, of dense graphs and of sparse ones in every form -----------------------------

FORMS = ("dense", *(f"{form}_{kind}" for form in ("csr", "csc", "coo", "lil", "dok", "bsr", "dia")
                    for kind in ("array", "matrix")))  # fmt: skip
CALLS = {
    "shortest_path": [{"method": method, "return_predecessors": r} for r in (False, True)
                      for method in ("auto", "FW", "D", "BF", "J")],
    "dijkstra": [{}, {"indices": 2}, {"indices": [3, 0], "limit": 1.7}, {"indices": [[1, 4]]},
                 {"indices": [1, 2], "min_only": True, "return_predecessors": True}],
    "bellman_ford": [{}, {"indices": 1}], "johnson": [{"indices": [0, 2]}],
    "floyd_warshall": [{}, {"return_predecessors": True}],
    "yen": [{"source": 0, "sink": 3, "K": 4}, {"source": 2, "sink": 1, "K": 2,
                                               "return_predecessors": True}],
}  # fmt: skip
TREES = {
    "breadth_first_tree": {"i_start": 1}, "depth_first_tree": {"i_start": 0},
    "reconstruct_path": {"predecessors": np.array([-9999, 0, 1, 2, -9999])},
}  # fmt: skip
CONSTANT = {
    "connected_components": {}, "breadth_first_order": {"i_start": 0}, "structural_rank": {},
    "depth_first_order": {"i_start": 1}, "reverse_cuthill_mckee": {},
    "maximum_bipartite_matching": {}, "min_weight_full_bipartite_matching": {},
}  # fmt: skip


def drawn(seed):
    """Return a random graph as a function of its weights, some of which stand in several edges."""
    draw = np.random.default_rng(seed)
    form = FORMS[seed % len(FORMS)]
    places = draw.random((5, 5)) < 0.55
    factor, number = draw.uniform(0.5, 1.5, (5, 5)), draw.integers(0, 6, (5, 5))

    def make(w):
        a = np.where(places, factor * w[number], 0.0)
        return a if form == "dense" else getattr(sp, form)(a)

    return make, draw


def calls(name, draw):
    """Return calls of a function of graphs, as functions of the graph alone."""
    function = getattr(csgraph, name)
    if name in CALLS:
        for given in CALLS[name]:
            for rest in ({}, {"directed": False}, {"unweighted": True}):
                yield lambda g, given=given, rest=rest: function(g, **given, **rest)
    elif name in TREES:
        for directed in (True, False):
            yield lambda g, directed=directed: function(g, **TREES[name], directed=directed)
    elif name in CONSTANT:
        yield lambda g: function(g if sp.issparse(g) else sp.csr_array(g), **CONSTANT[name])
    else:
        yield function


def numbers_of(found):
    """Return all numbers of what a function returned, and 0 for those that are not finite."""
    if isinstance(found, tuple):
        return np.concatenate([numbers_of(part) for part in found])
    if sp.issparse(found):
        coo = found.tocoo()
        return numbers_of((coo.data, *coo.coords, found.toarray()))
    found = np.ravel(found) * 1.0
    return np.where(np.isfinite(found), found, 0.0)


NAMES = (*CALLS, *TREES, *CONSTANT, "minimum_spanning_tree", "csgraph_to_dense")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("name", NAMES)
def test_what_is_chosen_among_edges_has_the_derivative_of_the_edges(name, seed):
    make, draw = drawn(seed + 1000 * NAMES.index(name))
    w, t = draw.uniform(0.5, 1.5, 6), draw.standard_normal(6)
    tried = 0
    for call in calls(name, draw):

        def f(w, call=call):
            return numbers_of(call(make(w)))

        try:
            want = (f(w + 1e-6 * t) - f(w - 1e-6 * t)) / 2e-6
        except (TypeError, ValueError, IndexError, AttributeError):
            continue  # SciPy's own refusal
        value, slope = cr.jvp(f, (w,), (t,))
        assert np.array_equal(value, f(w))
        np.testing.assert_allclose(slope, want, rtol=1e-6, atol=1e-6)
        weights = draw.standard_normal(want.size)
        back = cr.vjp(f, w)[1](weights)[0]
        assert np.isclose(back @ t, weights @ slope, rtol=1e-10, atol=1e-10)
        tried += 1
    assert tried or name in CONSTANT or not sp.issparse(make(w)) or make(w).format != "csr"


def test_a_graph_that_is_made_of_edges():
    i, j = np.array(EDGES).T

    def f(w):
        made = sp.csr_array((np.exp(w), (i, j)), shape=(5, 5))
        lengths, _ = csgraph.dijkstra(made, False, 0, True)
        tree = csgraph.minimum_spanning_tree(made)
        rows, columns = csgraph.min_weight_full_bipartite_matching(made[:3, 1:4])
        count, label = csgraph.connected_components(made, False)
        dense = csgraph.construct_dist_matrix(made, np.full((5, 5), -9999, np.int32), True, -1.0)
        return (lengths[:4].sum() + tree.sum() ** 2 + made[:3, 1:4][rows, columns].sum() * count
                + csgraph.csgraph_from_dense(made.toarray()).sum() + label[4] + dense.sum())

    w = np.array([0.9, 0.4, 1.1, 0.5, 1.3, 1.2])
    slope = [(f(w + e) - f(w - e)) / 2e-5 for e in 1e-5 * np.eye(6)]
    np.testing.assert_allclose(cr.grad(f)(w), slope, rtol=1e-7)
    np.testing.assert_allclose(cr.vmap(f)(np.stack([w, 2 * w])), [f(w), f(2 * w)], rtol=1e-14)
    assert np.all(np.linalg.eigvalsh(cr.hessian(f)(w)) > -50)


def twice(w):
    return sp.csr_array((w, np.array([1, 1, 2, 0, 1, 2]), np.array([0, 3, 4, 6])), shape=(3, 3))


def test_of_several_edges_the_lightest_is_taken():
    w = np.arange(6.0, 0, -1)
    for length in (csgraph.dijkstra, csgraph.floyd_warshall, csgraph.bellman_ford):
        slope = cr.grad(lambda w, length=length: length(twice(w))[0, 1])(w)
        assert np.array_equal(slope, [0, 1, 0, 0, 0, 0])


def test_refusals():
    with pytest.raises(UnsupportedFunctionError, match="sum_duplicates"):
        cr.grad(lambda w: csgraph.breadth_first_tree(twice(w), 0).sum())(np.arange(1.0, 7))
    with pytest.raises(UnsupportedFunctionError, match="form"):
        cr.grad(lambda w: csgraph.laplacian(graph(w), form="lo").shape[0] * w[0])(np.ones(6))
