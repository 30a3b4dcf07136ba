"""`scipy.sparse.csgraph` on graphs of traced weights, dense and sparse ones.

A distance is the sum of the weights along the path that SciPy found: its derivative counts the
edges. A tree holds the weights of the edges that SciPy chose. Where two choices are equally good
there is a kink, and the found one is followed. What is no edge (0 in a dense graph, what a sparse
one does not show, an infinite or missing weight) is none nearby. Orders, components and matchings
are constant.
"""

from typing import Any

import numpy as np
from scipy.sparse import csgraph, csr_array, issparse

from ....core.op import Composite, Const, sample
from ....core.registry import composite, register
from ...declare import as_array
from ...numpy.index import scatter_add, split_index
from ..common import (
    agreed,
    computed_from,
    flows,
    numbers,
    plain,
    reader,
    refusal,
    settled,
    traced,
)
from .forms import places_of
from .matrices import (
    _coo_of,
    _traced_like,
    behind,
    followable,
    is_traced,
    plain_matrix,
    shown,
    whole,
)
from .products import product


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


# --- what is chosen among the edges ---------------------------------------------------------------


class _Edges:
    """The edges of a traced graph, dense or sparse: their weights, and where each stands."""

    def __init__(self, graph: Any, name: str) -> None:
        self.name = name
        if issparse(graph):
            graph = followable(graph)
            self.plain = plain_matrix(graph)
            own = graph.tocsr() if graph.format not in ("csr", "csc", "coo") else graph
            i, j = (np.asarray(c, np.int64) for c in places_of(own))
            self.weights = own.data
        else:
            graph = as_array(graph)
            self.plain = agreed(graph)
            bare = np.ma.filled(self.plain, np.inf)
            i, j = np.nonzero((bare != 0) & np.isfinite(bare))
            self.weights = graph[i, j]
        self.width = self.plain.shape[1]
        flat = i * self.width + j
        self.values = agreed(self.weights)
        self.order = np.lexsort((self.values, flat))  # the lightest of several edges is found
        self.flat = flat[self.order]

    def _at(self, i: Any, j: Any) -> Any:
        """Return which weights the edges from i to j have; -1 where there is none."""
        if self.flat.size == 0:
            return np.full(np.shape(i), -1)
        wanted = np.asarray(i, np.int64) * self.width + j
        at = np.minimum(np.searchsorted(self.flat, wanted), self.flat.size - 1)
        return np.where(self.flat[at] == wanted, self.order[at], -1)

    def between(self, i: Any, j: Any, directed: bool) -> Any:
        """Return which weights are taken from i to j: the lighter one, of an undirected graph."""
        there = self._at(i, j)
        if directed:
            return there
        back = self._at(j, i)
        value = [np.where(k < 0, np.inf, self.values[np.maximum(k, 0)]) for k in (there, back)]
        return np.where(value[1] < value[0], back, there)

    def sums(self, before: Any, ends: Any, directed: bool, lengths: Any) -> Any:
        """Return the lengths of paths, one in each row of `before`, to each of `ends`.

        The values are SciPy's. Each is a sum of weights: one product with a matrix that counts.
        """
        shape = np.shape(lengths)
        rows, here = (np.ravel(a) for a in np.broadcast_arrays(*np.ix_(range(len(before)), ends)))
        found = np.flatnonzero(np.isfinite(np.ravel(lengths)))
        rows, here, paths = rows[found], here[found], np.arange(found.size)
        taken, steps = [], []
        for _ in range(before.shape[1]):
            last = before[rows, here]
            on = np.flatnonzero(last >= 0)
            if not on.size:
                break
            rows, paths, here, last = rows[on], paths[on], here[on], last[on]
            taken.append(self.between(last, here, directed))
            steps.append(paths)
            here = last
        if not taken:
            return lengths
        edges, row = np.concatenate(taken), np.concatenate(steps)
        counts = csr_array((1.0 * (edges >= 0), (row, np.maximum(edges, 0))),
                           shape=(found.size, self.values.size))  # fmt: skip
        value = np.ravel(lengths)[found]
        self._agree(counts @ self.values, value)
        total = computed_from([self.weights], product(counts, self.weights), value)
        if found.size == np.size(lengths):
            return np.reshape(total, shape)
        index = np.full(np.size(lengths), found.size)
        index[found] = np.arange(found.size)
        return np.reshape(np.concatenate([total, np.full(1, np.inf)])[index], shape)

    def of(self, tree: Any, directed: bool) -> Any:
        """Return a matrix of edges that were chosen, with their traced weights."""
        edges = self.between(*places_of(tree), directed)
        return _traced_like(tree, self._put(edges, tree.data).astype(tree.dtype))

    def dense(self, found: Any) -> Any:
        """Return the dense array `found` with the traced weights in it."""
        return self._put(self.between(*np.indices(found.shape), True), found)

    def _put(self, edges: Any, found: Any) -> Any:
        """Return the traced weights of these edges; what is no edge stays as it was found."""
        if np.all(edges < 0):
            return found + 0.0 * np.sum(self.weights)
        self._agree(np.where(edges < 0, found, self.values[edges]), found)
        return np.where(edges < 0, found, self.weights[edges])

    def _agree(self, mine: Any, value: Any) -> None:
        """Refuse what is not made of these weights: SciPy has its own ways where edges repeat."""
        if not np.allclose(mine, value, 1e-6, 1e-9, equal_nan=True):
            raise refusal(
                f"{self.name} of a graph in which edges stand twice", "SciPy takes one of them, or "
                "their sum", "add them up before: ‹csgraph 0›.sum_duplicates()",
            )  # fmt: skip


def _chooses(names: str, choose: Any) -> None:
    """Register functions of traced graphs: `choose` answers by the edges and the call."""
    for function in (getattr(csgraph, name) for name in names.split()):
        name, read = f"scipy.sparse.csgraph.{function.__name__}", reader(function)

        def body(
            *args: Any, function: Any = function, name: str = name, read: Any = read, **kwargs: Any
        ) -> Any:
            given = read(args, kwargs)
            first = next(iter(given))
            graph = settled(given.pop(first))
            given = {k: numbers(v) if traced(v) else v for k, v in given.items()}
            given.pop("overwrite", None)
            if not (flows(graph) or (issparse(graph) and is_traced(followable(graph)))):
                return function(plain_matrix(graph) if traced(graph) else graph, **given)
            return choose(_Edges(graph, name), function, given)

        body.__name__, body.__doc__ = function.__name__, choose.__doc__
        register(function, Composite(name, body, function, always=True))


def _constant(edges: _Edges, function: Any, given: dict[str, Any]) -> Any:
    """Return what tells of the structure, or of a choice: it is constant."""
    return function(edges.plain, **given)


def _lengths(edges: _Edges, function: Any, given: dict[str, Any]) -> Any:
    """Sum the weights along the shortest paths."""
    wants = given.pop("return_predecessors")
    distance, before, *sides = function(edges.plain, return_predecessors=True, **given)
    if not given["unweighted"]:
        rows = np.reshape(before, (-1, edges.width))
        distance = edges.sums(rows, np.arange(edges.width), given["directed"], distance)
    return (distance, before, *sides) if wants else distance


def _several(edges: _Edges, function: Any, given: dict[str, Any]) -> Any:
    """Sum the weights along the shortest paths from one node to another."""
    wants = given.pop("return_predecessors")
    distance, before = function(edges.plain, return_predecessors=True, **given)
    if not given["unweighted"]:
        distance = edges.sums(before, [given["sink"]], given["directed"], distance)
    return (distance, before) if wants else distance


def _given_paths(edges: _Edges, function: Any, given: dict[str, Any]) -> Any:
    """Sum the weights along paths that are given."""
    found = function(edges.plain, **given)
    before = np.asarray(given["predecessors"])
    lengths = np.where(np.equal(found, given["null_value"]), np.inf, found)
    total = edges.sums(before, np.arange(edges.width), given["directed"], lengths)
    return np.where(np.isinf(lengths), found, total)


def _tree(edges: _Edges, function: Any, given: dict[str, Any]) -> Any:
    """Return the chosen edges with their weights."""
    return edges.of(function(edges.plain, **given), given.get("directed", True))


def _dense(edges: _Edges, function: Any, given: dict[str, Any]) -> Any:
    """Return the weights as a dense array."""
    return edges.dense(function(edges.plain, **given))


_chooses("shortest_path dijkstra bellman_ford floyd_warshall johnson", _lengths)
_chooses("yen", _several)
_chooses("construct_dist_matrix", _given_paths)
_chooses(
    "minimum_spanning_tree breadth_first_tree depth_first_tree reconstruct_path "
    "csgraph_from_dense", _tree,
)  # fmt: skip
_chooses("csgraph_to_dense", _dense)
_chooses(
    "connected_components breadth_first_order depth_first_order reverse_cuthill_mckee "
    "structural_rank maximum_bipartite_matching min_weight_full_bipartite_matching maximum_flow",
    _constant,
)  # fmt: skip
