"""scipy.sparse.csgraph on traced weights against differences."""

import numpy as np
import pytest
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


def test_refusals():
    with pytest.raises(UnsupportedFunctionError, match="chosen weights"):
        cr.grad(lambda w: csgraph.minimum_spanning_tree(graph(w)).sum())(np.ones(6))
    with pytest.raises(UnsupportedFunctionError, match="form"):
        cr.grad(lambda w: csgraph.laplacian(graph(w), form="lo").shape[0] * w[0])(np.ones(6))
