"""Hulls, cells and triangulations of traced points against differences."""

import numpy as np
import pytest
from scipy import spatial
from scipy.interpolate import LinearNDInterpolator, NearestNDInterpolator, griddata
from scipy.spatial import ConvexHull, Delaunay, Voronoi

import chainrule as cr
from chainrule.errors import UnsupportedFunctionError
from chainrule.numeric import differences

RNG = np.random.default_rng(0)
SETS = {d: (RNG.random((9, d)), RNG.standard_normal((9, d))) for d in (2, 3, 4)}
INSIDE, VALUES, FIXED = RNG.random((5, 2)) * 0.3 + 0.35, RNG.random(9), Delaunay(RNG.random((9, 2)))
PROGRAMS = {
    "volume": lambda x: ConvexHull(x).volume,
    "area": lambda x: ConvexHull(x).area,
    "equations": lambda x: ConvexHull(x).equations,
    "corners": lambda x: x[ConvexHull(x).vertices] * ConvexHull(x).points[0],
    "by the module": lambda x: spatial.ConvexHull(points=x, qhull_options="Qt").volume,
    "centres": lambda x: Voronoi(x).vertices,
    "cells": lambda x: sum(Voronoi(x).vertices[r].sum() for r in Voronoi(x).regions if -1 not in r),
    "furthest": lambda x: Voronoi(x, furthest_site=True).vertices,
    "transform": lambda x: Delaunay(x).transform,
    "corners of triangles": lambda x: x[Delaunay(x).simplices],
    "bounds": lambda x: Delaunay(x).min_bound * Delaunay(x).max_bound,
}
PLANE = {
    "found": lambda x: x[Delaunay(x).simplices[Delaunay(x).find_simplex(INSIDE)]],
    "found in a plain one": lambda x: x * FIXED.find_simplex(x + 0.01)[:, None],
    "found by a function": lambda x: x[Delaunay(x).simplices[spatial.tsearch(Delaunay(x), INSIDE)]],
    "linear": lambda x: LinearNDInterpolator(x, VALUES)(INSIDE),
    "linear, at points": lambda x: LinearNDInterpolator(
        (x[:, 0], x[:, 1]), np.sum(x, 1) * x[:, 0], fill_value=0.0
    )(x[:3] + 0.01),
    "linear, of triangles": lambda x: LinearNDInterpolator(Delaunay(x), VALUES)(INSIDE),
    "nearest": lambda x: NearestNDInterpolator(x, x[:, 0])(INSIDE),
    "grid": lambda x: griddata(x, VALUES, INSIDE, fill_value=0.2),
}
CASES = [(n, f, d) for n, f in PROGRAMS.items() for d in SETS]
CASES += [(n, f, 2) for n, f in PLANE.items()]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("f", "d"), [c[1:] for c in CASES], ids=[f"{n}, {d}" for n, _, d in CASES])
def test_against_differences(f, d):
    x, v = SETS[d]
    y, tangent = cr.jvp(f, (x,), (v,))
    np.testing.assert_array_equal(y, f(x))
    want, _ = differences(lambda h: np.asarray(f(x + h * v)), step=1e-4, rounds=4)
    np.testing.assert_allclose(tangent, want, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(np.tensordot(cr.jacrev(f)(x), v, 2), tangent, rtol=1e-6)


def test_order_2_and_batches():
    x, v = SETS[3]
    slope = cr.grad(PROGRAMS["volume"])
    want, _ = differences(lambda h: slope(x + h * v), step=1e-4, rounds=4)
    np.testing.assert_allclose(cr.hvp(PROGRAMS["volume"], x, v), want, rtol=1e-7, atol=1e-9)
    stack = RNG.random((3, 9, 3))
    np.testing.assert_array_equal(cr.vmap(slope)(stack), [slope(x) for x in stack])


def test_points_on_one_circle_have_the_same_share():
    square = np.array([[0.0, 0], [1, 0], [0, 1], [1, 1]])
    shares = cr.jacrev(lambda x: Voronoi(x).vertices[0])(square)
    np.testing.assert_allclose(np.abs(shares), 0.25)
    np.testing.assert_allclose(shares.sum(axis=1), np.eye(2), atol=1e-15)


@pytest.mark.parametrize(
    ("f", "match"),
    [
        (lambda x: Delaunay(x).equations, "simplices"),
        (lambda x: Delaunay(x).plane_distance(INSIDE), "simplices"),
        (lambda x: ConvexHull(x, incremental=True).add_points(x + 1), "simplices"),
        (lambda x: griddata(x, VALUES, INSIDE, rescale=True), "leave out rescale"),
    ],
)
def test_what_is_refused_names_a_cure(f, match):
    with pytest.raises(UnsupportedFunctionError, match=match):
        cr.jacrev(f)(SETS[2][0])
    with pytest.raises(AttributeError, match="no attribute 'nosuch'"):
        cr.grad(lambda x: Delaunay(x).nosuch)(SETS[2][0])
