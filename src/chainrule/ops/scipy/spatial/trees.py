"""Trees of neighbours: `scipy.spatial.KDTree` and `cKDTree`, of traced points or asked at them.

Which points are near is locally constant, and so are the indices, the pairs and the counts. The
distances flow, through the points of the tree too. A tree of traced points is SciPy's own tree of
the plain numbers, which holds the traced ones beside them.

At the kinks: the distance of two equal points has derivative 0; a neighbour that changes is a kink
of the distance, and a step of what is looked up by the index.
"""

import math
from itertools import chain
from typing import Any

import numpy as np
from scipy import spatial
from scipy.sparse import coo_matrix

from ....core.op import Composite, Notation, Op
from ....core.registry import add, composite, register, register_method
from ....core.slots import INDEX
from ...declare import as_array
from ..common import agreed, as_computed, flows, numbers, refusal, settled
from .distance import _minkowski, _real


def _own(self: Any, name: str) -> Any:
    """Return SciPy's own method, which sees the plain points."""
    kind = spatial.KDTree if isinstance(self, spatial.KDTree) else spatial.cKDTree
    return getattr(kind, name).__get__(self)


def _distance(self: Any, u: Any, v: Any, p: float) -> Any:
    """Return the distances of points; in a periodic box those to the nearest images."""
    if self.boxsize is None:
        return _minkowski(u, v, p)
    box = np.asarray(self.boxsize)
    around = box * np.round((agreed(u) - agreed(v)) / np.where(box > 0, box, math.inf))
    return _minkowski(u - around, v, p)


neighbours = Op(  # a question to both, to which the tree has the answer
    "neighbours", lambda _x, _points, index: index, (INDEX, INDEX), batch="loop",
    notation=Notation(rule="piecewise constant: nothing flows"),
)  # fmt: skip
add(neighbours)


def query(
    self: Any, x: Any, k: Any = 1, eps: float = 0.0, p: float = 2.0,
    distance_upper_bound: Any = math.inf, *args: Any, **kwargs: Any,
) -> Any:  # fmt: skip
    """Find the nearest neighbours: their indices are constant, and the distances flow."""
    x, own = settled(x), _own(self, "query")
    bound = numbers(distance_upper_bound)
    if not (flows(x) or flows(self.data)):
        return own(numbers(x), k, eps, p, bound, *args, **kwargs)
    x = _real(x)
    value, index = own(agreed(x), k, eps, p, bound, *args, **kwargs)
    kind, index, several = type(index), np.asarray(index)[()], np.ndim(index) > x.ndim - 1
    missing = index == self.n
    near = self.data[np.where(missing, 0, index)]
    found = _distance(self, x[..., None, :] if several else x, near, p)
    found = np.where(missing, math.inf, found) if missing.any() else found
    index = neighbours(x, self.data, index=index)
    return as_computed(found, value), index.item() if kind is int else index


def query_ball_point(self: Any, x: Any, r: Any, *args: Any, **kwargs: Any) -> Any:
    """Find the points within a distance: their indices are constant."""
    return _own(self, "query_ball_point")(_plain(x), _plain(r), *args, **kwargs)


def query_pairs(self: Any, r: Any, *args: Any, **kwargs: Any) -> Any:
    """Find the pairs of points within a distance: their indices are constant."""
    return _own(self, "query_pairs")(_plain(r), *args, **kwargs)


def query_ball_tree(self: Any, other: Any, r: Any, *args: Any, **kwargs: Any) -> Any:
    """Find the pairs of points of two trees within a distance: their indices are constant."""
    return _own(self, "query_ball_tree")(other, _plain(r), *args, **kwargs)


def count_neighbors(
    self: Any, other: Any, r: Any, p: float = 2.0, weights: Any = None, cumulative: bool = True
) -> Any:
    """Count the pairs of points within distances: weights flow, counts are constant."""
    weights, radii = settled(weights), _plain(r)
    own = _own(self, "count_neighbors")
    if weights is None or not flows(weights):
        return own(other, radii, p, numbers(weights), cumulative)
    both = weights if isinstance(weights, tuple) else (weights, weights)
    one, two = (np.ones(t.n) if w is None else as_array(w)
                for w, t in zip(both, (self, other), strict=True))  # fmt: skip
    value = np.asarray(own(other, radii, p, (agreed(one), agreed(two)), cumulative))
    sums = []
    for radius in np.ravel(radii):
        pairs = spatial.cKDTree.query_ball_tree(self, other, radius, p)
        rows = np.repeat(np.arange(self.n), list(map(len, pairs)))
        sums.append(np.sum(one[rows] * two[np.array(list(chain(*pairs)), np.intp)]))
    if not cumulative:
        sums = sums[:1] + [a - b for a, b in zip(sums[1:], sums, strict=False)]
    return as_computed(np.reshape(np.stack(sums), np.shape(radii)), value[()])


def sparse_distance_matrix(
    self: Any, other: Any, max_distance: Any, p: float = 2.0, output_type: str = "dok_matrix"
) -> Any:
    """Return the distances of points of two trees up to a largest one: they flow."""
    own, most = _own(self, "sparse_distance_matrix"), _plain(max_distance)
    if not flows([self.data, other.data]):
        return own(other, most, p, output_type)
    if output_type not in ("dict", "coo_matrix", "dok_matrix"):
        if output_type == "ndarray":
            raise refusal(
                "sparse_distance_matrix(output_type='ndarray')",
                "the fields of a record array are plain memory", "write output_type='coo_matrix'",
            )  # fmt: skip
        raise ValueError("Invalid output type")
    found = own(other, most, p, "coo_matrix")
    i, j = found.row, found.col
    far = as_computed(_distance(self, self.data[i], other.data[j], p), found.data)
    if output_type == "dict":
        return {place: far[n] for n, place in enumerate(zip(i.tolist(), j.tolist(), strict=True))}
    made = coo_matrix((far, (i, j)), shape=found.shape)
    return made.todok() if output_type == "dok_matrix" else made


def _plain(x: Any) -> Any:
    return agreed(as_array(settled(x)))


_METHODS = (
    query, query_ball_point, query_pairs, query_ball_tree, count_neighbors, sparse_distance_matrix,
)  # fmt: skip
for _body in _METHODS:
    register_method(spatial.cKDTree, _body.__name__, _body)
    register(
        getattr(spatial.KDTree, _body.__name__),
        Composite(f"scipy.spatial.KDTree.{_body.__name__}", _body, None, always=True),
    )


# --- trees of traced points -----------------------------------------------------------------------


def _nodes(_self: Any) -> Any:
    raise refusal(
        "scipy.spatial.KDTree.tree, of a tree of traced points,", "its nodes hold plain numbers",
        "ask the tree itself: query, query_ball_point, query_pairs",
    )  # fmt: skip


_MEMBERS: dict[str, Any] = {body.__name__: body for body in _METHODS} | {
    "data": property(lambda self: self.cr_points),
    "maxes": property(lambda self: np.max(self.cr_points, axis=0)),
    "mins": property(lambda self: np.min(self.cr_points, axis=0)),
    "tree": property(_nodes),
}
_Traced = type("KDTree", (spatial.KDTree,), _MEMBERS)
_TracedC = type("cKDTree", (spatial.cKDTree,), _MEMBERS)


def _points(data: Any, kwargs: dict[str, Any]) -> Any:
    if flows(kwargs):
        raise refusal(
            "scipy.spatial.KDTree, in what is no point,", "it has no rule",
            "where no derivative is meant, write ‹held boxsize 5›",
        )  # fmt: skip
    return np.copy(_real(settled(data)))


@composite(spatial.KDTree.__init__, name="scipy.spatial.KDTree")
def tree_init(self: Any, data: Any, *args: Any, **kwargs: Any) -> None:
    """Hold traced points beside a tree of their plain numbers."""
    points, kind = _points(data, kwargs), type(self)
    spatial.KDTree.__init__(self, agreed(points), *args, **kwargs)
    if kind is spatial.KDTree:
        self.__class__ = _Traced
    elif not issubclass(kind, _Traced):  # a class of the program's
        self.__class__ = type(kind.__name__, (kind, _Traced), {})
    self.cr_points = points


@composite(spatial.cKDTree, name="scipy.spatial.cKDTree")
def make(data: Any, *args: Any, **kwargs: Any) -> Any:
    """Make a tree of traced points."""
    points = _points(data, kwargs)
    tree: Any = _TracedC(agreed(points), *args, **kwargs)
    tree.cr_points = points
    return tree
