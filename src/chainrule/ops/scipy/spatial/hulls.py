"""Hulls, triangulations and cells of traced points: `ConvexHull`, `Delaunay`, `Voronoi`.

Which points are joined is locally constant: the simplices, their neighbours, the ridges and the
regions are those of the plain points. What is measured is a formula of the points that they name:

- a hull's volume and area are sums over its facets, its equations the planes through them;
- a vertex of Voronoi cells is the centre of the sphere through the points that it is equally far
  from; where more points meet than it takes, they have the same share;
- `Delaunay.transform` is the inverse of the edges of each simplex.

They are computed when they are asked for. At the kinks, where more points than it takes lie on one
sphere or in one plane, the joints change, and the derivative is that of the joints Qhull chose.
"""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from scipy import spatial

from ....core.registry import composite, register_method
from ...declare import as_array
from ..common import agreed, as_computed, flows, numbers, refusal, settled
from .distance import _real

_NEAR = 1e-3  # thin simplices lose digits: here as in Qhull


class Joined:
    """Traced points, and how Qhull joins the plain ones."""

    kind = ""
    constant: frozenset[str] = frozenset()
    formulas: Mapping[str, Callable[[Any], Any]] = MappingProxyType({})

    def __init__(self, points: Any, *args: Any, **kwargs: Any) -> None:
        self.points = np.copy(_real(settled(points)).astype(float))
        self.cr_plain = getattr(spatial, self.kind)(agreed(self.points), *args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name == "cr_plain":
            raise AttributeError(name)  # amid a copy
        if name in self.formulas:
            value = getattr(self.cr_plain, name)
            found = self.formulas[name](self)
            found = as_computed(np.reshape(found, np.shape(value)), value, within=_NEAR)
            self.__dict__[name] = found
            return found
        if name in self.constant or not hasattr(self.cr_plain, name):
            return getattr(self.cr_plain, name)
        raise refusal(
            f"scipy.spatial.{self.kind}.{name}, of traced points,", "it has no rule",
            "compute it of the points and of simplices, which are indices, with NumPy",
        )  # fmt: skip

    __class__ = property(lambda self: getattr(spatial, self.kind))  # type: ignore[assignment]
    min_bound = property(lambda self: np.min(self.points, axis=0))
    max_bound = property(lambda self: np.max(self.points, axis=0))

    def __repr__(self) -> str:
        return repr(self.cr_plain)


_SHARED = frozenset(
    "npoints ndim nsimplex coplanar close furthest_site good neighbors simplices".split()
)


# --- hulls ----------------------------------------------------------------------------------------


def _facets(self: Any) -> tuple[Any, Any]:
    """Return the corners of the facets, seen from a point inside, and that point."""
    inside = np.mean(self.cr_plain.points[self.cr_plain.vertices], axis=0)
    return self.points[self.cr_plain.simplices] - inside, inside


def _volume(self: Any) -> Any:
    corners, _ = _facets(self)
    return np.sum(np.abs(np.linalg.det(corners))) / math.factorial(self.cr_plain.ndim)


def _area(self: Any) -> Any:
    corners, _ = _facets(self)
    edges = corners[:, 1:] - corners[:, :1]
    squares = np.linalg.det(np.matmul(edges, np.matrix_transpose(edges)))
    return np.sum(np.sqrt(squares)) / math.factorial(self.cr_plain.ndim - 1)


def _equations(self: Any) -> Any:
    """Return the planes n·x + b = 0 with |n| = 1, by a with a·corner = 1 for all the corners."""
    corners, inside = _facets(self)
    a = np.linalg.solve(corners, np.ones((*corners.shape[:2], 1)))[..., 0]
    size = np.sqrt(np.sum(a * a, axis=1, keepdims=True))
    normal = a / size
    return np.concatenate([normal, -1.0 / size - (normal @ inside)[:, None]], axis=1)


class Hull(Joined):
    """A convex hull of traced points."""

    kind = "ConvexHull"
    constant = _SHARED | {"vertices"}
    formulas = MappingProxyType({"volume": _volume, "area": _area, "equations": _equations})


# --- cells ----------------------------------------------------------------------------------------


def _centres(self: Any) -> Any:
    """Return the centres of the spheres through the points around each vertex."""
    plain = self.cr_plain
    around: list[list[int]] = [[] for _ in plain.vertices]
    for point, region in enumerate(plain.point_region):
        for vertex in set(plain.regions[region]) - {-1}:
            around[vertex].append(point)
    order: list[int] = []
    parts = []
    for size in sorted(set(map(len, around))):
        mine = [i for i, points in enumerate(around) if len(points) == size]
        order += mine
        parts.append(_centre(self.points[np.array([around[i] for i in mine])]))
    return np.concatenate(parts)[np.argsort(order)]


def _centre(corners: Any) -> Any:
    """Return the point that is equally far from all corners, by 2(pᵢ − p₀)·c = |pᵢ − p₀|².

    Of more corners than it takes none is the first: p₀ is their mean, and c is of least squares.
    """
    more = corners.shape[1] > corners.shape[2] + 1
    start = np.mean(corners, axis=1, keepdims=True) if more else corners[:, :1]
    edges = corners - start if more else corners[:, 1:] - start
    left, right = 2.0 * edges, np.sum(edges * edges, axis=-1, keepdims=True)
    if more:
        right = right - np.mean(right, axis=1, keepdims=True)
        turned = np.matrix_transpose(left)
        left, right = np.matmul(turned, left), np.matmul(turned, right)
    return start[:, 0] + np.linalg.solve(left, right)[..., 0]


class Cells(Joined):
    """Voronoi cells of traced points."""

    kind = "Voronoi"
    constant = _SHARED | {
        "ridge_points", "ridge_vertices", "ridge_dict", "regions", "point_region"
    }  # fmt: skip
    formulas = MappingProxyType({"vertices": _centres})


# --- triangulations -------------------------------------------------------------------------------


def _transform(self: Any) -> Any:
    """Return the inverse of the edges from the last corner of each simplex, and that corner."""
    corners = self.points[self.cr_plain.simplices]
    flat = np.isnan(self.cr_plain.transform[:, :1, :1])
    edges = np.matrix_transpose(corners[:, :-1] - corners[:, -1:])
    edges = np.where(flat, np.eye(self.cr_plain.ndim), edges)
    inverse = np.where(flat, np.nan, np.linalg.inv(edges))
    return np.concatenate([inverse, np.where(flat, np.nan, corners[:, -1:])], axis=1)


class Triangles(Joined):
    """A Delaunay triangulation of traced points."""

    kind = "Delaunay"
    constant = _SHARED | {"convex_hull", "vertex_to_simplex", "vertex_neighbor_vertices"}
    formulas = MappingProxyType({"transform": _transform})

    def find_simplex(self, xi: Any, *args: Any, **kwargs: Any) -> Any:
        """Find the simplices that points lie in: indices."""
        return find_simplex(self.cr_plain, xi, *args, **kwargs)


def find_simplex(self: Any, xi: Any, *args: Any, **kwargs: Any) -> Any:
    """Find the simplices that points lie in: indices."""
    kwargs = {k: numbers(v) for k, v in kwargs.items()}
    return self.find_simplex(agreed(as_array(settled(xi))), *args, **kwargs)


register_method(spatial.Delaunay, "find_simplex", find_simplex)
for _kind in (Hull, Cells, Triangles):
    composite(getattr(spatial, _kind.kind), name=f"scipy.spatial.{_kind.kind}")(_kind)


@composite(spatial.tsearch, name="scipy.spatial.tsearch", always=True)
def tsearch(tri: Any, xi: Any) -> Any:
    """Find the simplices that points lie in: indices."""
    if isinstance(tri, Triangles) or flows(xi):
        return find_simplex(getattr(tri, "cr_plain", tri), xi)
    return spatial.tsearch(tri, numbers(xi))
