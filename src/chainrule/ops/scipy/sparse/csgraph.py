"""`scipy.sparse.csgraph` on dense graphs of traced weights: Laplacians and shortest paths.

A distance is the sum of the weights along the path that SciPy found: its derivative counts the
edges. Where two paths are equally short there is a kink, and the found one is followed. What is no
edge (0, or an infinite or missing weight) is none nearby.
"""

from typing import Any

import numpy as np
from scipy.sparse import csgraph, issparse

from ....core.op import Composite, Const, sample
from ....core.registry import composite, register
from ...declare import as_array
from ...numpy.index import scatter_add, split_index
from ..common import agreed, flows, numbers, plain, reader, refusal, refused, settled, traced
from .forms import places_of
from .matrices import _coo_of, behind, followable, is_traced, plain_matrix, shown, whole


def _weights(rng: Any) -> Any:
    """Draw a complete graph, for samples."""
    return rng.uniform(0.5, 1.5, (4, 4)) * (1 - np.eye(4))


def _square(graph: Any, name: str) -> Any:
    graph = as_array(graph)
    if graph.ndim != 2 or graph.shape[0] != graph.shape[1]:
        raise ValueError(f"{name}: the graph must be a square matrix")
    return graph


@composite(
    csgraph.laplacian, sample(_weights), sample(_weights, normed=True), sample((3, 3)),
    sample(_weights, Const(True), Const(True), use_out_degree=True),
    sample(_weights, symmetrized=True, return_diag=True),
    name="scipy.sparse.csgraph.laplacian", always=True,
)  # fmt: skip
def laplacian(
    csgraph: Any, normed: bool = False, return_diag: bool = False, use_out_degree: bool = False,
    *, copy: bool = True, form: str = "array", dtype: Any = None, symmetrized: bool = False,
) -> Any:  # fmt: skip
    """Return D − W, or D^−½ (D − W) D^−½, of the weights without loops."""
    csgraph = followable(csgraph)
    if not (traced(csgraph) or (issparse(csgraph) and is_traced(csgraph))):
        return _laplacian(
            csgraph, normed, return_diag, use_out_degree, copy=copy, form=form, dtype=dtype,
            symmetrized=symmetrized,
        )  # fmt: skip
    if form != "array":
        raise refusal(
            f"scipy.sparse.csgraph.laplacian(form={form!r})", "it has no rule", "leave form out"
        )
    if issparse(csgraph):
        return _of_sparse(csgraph, normed, return_diag, use_out_degree, dtype, symmetrized)
    graph = _square(csgraph, "laplacian")
    graph = graph if dtype is None else graph.astype(dtype)
    if symmetrized:
        graph = graph + np.conj(graph.T)
    eye = np.eye(graph.shape[0])
    graph = np.where(eye > 0, 0.0, graph)
    degree = np.sum(graph, axis=1 if use_out_degree else 0)
    if not normed:
        found, diagonal = np.diag(degree) - graph, degree
    else:
        alone = np.equal(degree, 0)
        diagonal = np.sqrt(np.where(alone, 1.0, degree))
        ones = np.diag(1.0 - plain(alone)).astype(graph.dtype)
        found = ones - graph / diagonal / diagonal[:, None]
    return (found, diagonal) if return_diag else found


_laplacian = csgraph.laplacian


def _of_sparse(graph: Any, normed: bool, return_diag: bool, *rest: Any) -> Any:
    """Return the Laplacian of a sparse graph, from its edges: no dense array is made."""
    out, dtype, symmetrized = rest
    like = _laplacian(
        plain_matrix(graph), normed, use_out_degree=out, dtype=dtype, symmetrized=symmetrized
    )
    own, n = whole(graph).tocoo(), graph.shape[0]
    i, j = places_of(own)
    edges = np.flatnonzero(i != j)
    i, j, w = i[edges], j[edges], own.data[edges]
    w = w if dtype is None else w.astype(dtype)
    if symmetrized:
        i, j, w = np.r_[i, j], np.r_[j, i], np.concatenate([w, np.conj(w)])
    arrays, index = split_index(np.asarray(i if out else j))
    diagonal = degree = scatter_add(w, *arrays, index=index, shape=(n,))
    if normed:
        alone = np.equal(degree, 0)
        diagonal = np.sqrt(np.where(alone, 1.0, degree))
        w, degree = w / diagonal[j] / diagonal[i], (1.0 - plain(alone)).astype(w.dtype)
    nodes = np.arange(n)
    if like.format == "dia" and behind(graph) is None:  # as SciPy does, in the graph's own form
        graph = -1.0 * (graph + graph.T.conj() if symmetrized else graph)
        graph.setdiag(degree)
        graph = graph if dtype is None else graph.astype(dtype)
        return (graph, diagonal) if return_diag else graph
    places = np.r_[i, nodes], np.r_[j, nodes]
    found = shown(_coo_of(np.concatenate([-w, degree]), places, like), like)
    if normed and not np.allclose(agreed(found.data), like.data, 1e-6, 1e-9, equal_nan=True):
        raise refusal(
            "the normed Laplacian of a graph in which degrees are 0 up to rounding",
            "SciPy takes such nodes for connected", "add up what stands twice in the graph before: "
            "‹csgraph 0›.sum_duplicates()",
        )  # fmt: skip
    return (found, diagonal) if return_diag else found


# --- shortest paths -------------------------------------------------------------------------------


def _along(graph: Any, before: Any, sources: Any) -> Any:
    """Sum the weights along the paths that the predecessors describe."""
    n, total = graph.shape[0], None
    here = np.broadcast_to(np.arange(n), before.shape)
    rows = np.arange(before.shape[0])[:, None]
    while True:
        last = before[rows, here]
        moves = last >= 0
        if not np.any(moves):
            return 0.0 * graph[sources[: before.shape[0]]] if total is None else total
        step = np.where(moves, graph[np.maximum(last, 0), here], 0.0)
        total = step if total is None else total + step
        here = np.where(moves, last, here)


def _either_way(graph: Any) -> Any:
    """Return the lighter of the edges to and fro; what is 0 or not finite is none."""
    bare = plain(graph)
    none = (bare == 0) | ~np.isfinite(bare)
    mine = ~none & (none.T | (bare <= bare.T))
    return np.where(mine, graph, graph.T)


def _paths(function: Any) -> None:
    name = f"scipy.sparse.csgraph.{function.__name__}"
    read = reader(function)

    def body(*args: Any, **kwargs: Any) -> Any:
        given = read(args, kwargs)
        graph = settled(given.pop("csgraph"))
        given.pop("overwrite", None)
        if issparse(graph) or not flows(graph):
            return function(graph, **given)
        graph, given = _square(graph, name), {k: numbers(v) for k, v in given.items()}
        wants = given.pop("return_predecessors")
        distance, before, *sides = function(plain(graph), return_predecessors=True, **given)
        sources = given.get("indices")
        sources = np.arange(graph.shape[0]) if sources is None else np.asarray(sources)
        if not given["unweighted"]:
            edges = graph if given["directed"] else _either_way(graph)
            total = _along(edges, np.reshape(before, (-1, graph.shape[0])), np.ravel(sources))
            found = np.isfinite(distance)
            distance = np.where(found, np.reshape(total, distance.shape), distance)
        return (distance, before, *sides) if wants else distance

    body.__name__, body.__doc__ = function.__name__, "Sum the weights along the shortest paths."
    register(function, Composite(name, body, function))


for _function in (
    csgraph.shortest_path, csgraph.dijkstra, csgraph.bellman_ford, csgraph.floyd_warshall,
    csgraph.johnson,
):  # fmt: skip
    _paths(_function)
for _function in (
    csgraph.minimum_spanning_tree, csgraph.maximum_flow, csgraph.yen, csgraph.reconstruct_path,
    csgraph.min_weight_full_bipartite_matching,
):  # fmt: skip
    refused(
        _function, "it has no rule",
        "compute the choice with ‹held›, and sum the chosen weights",
        f"scipy.sparse.csgraph.{_function.__name__}",
    )  # fmt: skip
