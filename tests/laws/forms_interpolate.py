"""Interpolators of SciPy as functions of their data, of the places of the data, and of the queries.

What is a class with methods in SciPy is written as a function with samples, so that every law of
the registry runs on it. Points are moved so little that their order, and the interval in which a
query lies, stay the same.
"""

from typing import Any

import numpy as np
from scipy import interpolate as si

from .forms import form

X = np.array([0.0, 0.7, 1.1, 2.0, 2.6, 3.5])
Q = np.array([0.3, 1.6, 3.1])
GRID = np.array([0.0, 0.4, 1.1, 1.7]), np.array([0.0, 0.5, 1.2, 1.9, 2.5])
SITES = np.array([[0, 0], [1, 0.1], [0.2, 1], [1.1, 1.2], [0.5, 0.6], [0.4, 0.1]])
INNER = np.array([[0.62, 0.33], [0.31, 0.72]])


def near(points: Any, move: Any) -> Any:
    """Move points by less than a tenth: they keep their order and their intervals."""
    return points + 0.08 * np.tanh(move)


WAVY = np.array([-1.0, 0.8, 1.0, -0.7, -1.0, 0.6])


@form(((6,), (6,), ()))
def spline_roots(move: Any, y: Any, level: Any) -> Any:
    spline = si.CubicSpline(near(X, move), WAVY + 0.1 * np.tanh(y))
    return np.concatenate([spline.roots(), spline.solve(0.1 * np.tanh(level)), spline.solve(0.2)])


@form(((6,), ()))
def roots_with_leaps(move: Any, level: Any) -> Any:
    steps = si.PPoly(np.array([[1.0, 2, 1, 1, 1], [-3, 1, -3, -0.2, 1.0]]), near(X, move))
    return np.concatenate([steps.solve(0.1 * np.tanh(level)), steps.derivative().roots()])


@form(*(((6,), (6,), (3,), k) for k in ("linear", "slinear", "quadratic", "cubic")))
def interp1d(move: Any, y: Any, query: Any, kind: Any) -> Any:
    return si.interp1d(near(X, move), y, kind)(near(Q, query))


@form(*(((6, 2), k) for k in ("zero", "nearest", "nearest-up", "previous", "next")))
def interp1d_steps(y: Any, kind: Any) -> Any:
    return si.interp1d(X, y, kind, axis=0)(Q)


@form(((2, 6), (), (2,)))
def interp1d_beyond(y: Any, below: Any, query: Any) -> Any:
    out = near(np.array([-0.5, 3.9]), query)
    filled = si.interp1d(X, y, bounds_error=False, fill_value=(below, 1.0))
    return filled(out), si.interp1d(X, y, fill_value="extrapolate")(out)


@form(*(((6,), (6,), (3,), e) for e in ("not-a-knot", "natural", "clamped")))
def cubic_spline(move: Any, y: Any, query: Any, ends: Any) -> Any:
    return si.CubicSpline(near(X, move), y, bc_type=ends)(near(Q, query))


@form(((6,), (), ()))
def cubic_spline_ends(y: Any, slope: Any, curvature: Any) -> Any:
    spline = si.CubicSpline(X, y, bc_type=((1, slope), (2, curvature)))
    closed = si.CubicSpline(X, np.append(y[:5], y[0]), bc_type="periodic")
    return spline(Q), spline(Q, 1), closed(Q), spline.integrate(0.2, 2.2)


@form(((6, 2), (3,)))
def cubic_spline_parts(y: Any, query: Any) -> Any:
    spline, at = si.CubicSpline(X, y), near(Q, query)
    return spline.derivative()(at), spline.antiderivative()(at), spline(at, 2)


@form(((6,), (6,), (6,), (3,)))
def cubic_hermite(move: Any, y: Any, slopes: Any, query: Any) -> Any:
    return si.CubicHermiteSpline(near(X, move), y, slopes)(near(Q, query))


RISES = np.array([0.0, 1.0, 1.2, 3.0, 2.0, 2.5])  # no two equal slopes, so no kink is near


@form(((6,), (6,), (3,)))
def pchip(move: Any, y: Any, query: Any) -> Any:
    places, values, at = near(X, move), near(RISES, y), near(Q, query)
    spline = si.PchipInterpolator(places, values)
    return spline(at), spline(at, 1), si.pchip_interpolate(places, values, at)


@form(((6,), (6,), (3,), "akima"), ((6,), (6,), (3,), "makima"))
def akima(move: Any, y: Any, query: Any, method: Any) -> Any:
    spline = si.Akima1DInterpolator(near(X, move), near(RISES, y), method=method)
    return spline(near(Q, query))


@form(((4, 5), (6,), (3,)))
def piecewise_polynomial(c: Any, move: Any, query: Any) -> Any:
    whole, at = si.PPoly(c, near(X, move)), near(Q, query)
    return whole(at), whole(at, 1), whole.antiderivative()(at), whole.integrate(0.2, 2.2)


@form(((3,),))
def plain_splines_at_traced_points(query: Any) -> Any:
    at = near(Q, query)
    return (
        si.CubicSpline(X, np.cos(X))(at), si.PPoly(np.ones((3, 5)), X)(at, 1),
        si.BPoly(np.ones((3, 5)) * X[:5], X)(at), si.PchipInterpolator(X, X**2)(at),
        si.make_interp_spline(X, np.stack([np.sin(X), X], axis=1))(at),
        si.UnivariateSpline(X, np.sin(X), s=0.1)(at), si.splev(at, si.splrep(X, np.cos(X))),
        si.CubicSpline(X, np.outer([1.0, 2.0], X), axis=1)(at),
    )  # fmt: skip


@form(((6,), (6,), (3,), 1), ((6,), (6,), (3,), 3), ((6,), (6,), (3,), 5))
def made_spline(move: Any, y: Any, query: Any, k: Any) -> Any:
    return si.make_interp_spline(near(X, move), y, k=k)(near(Q, query))


@form(((6,), (3,)))
def made_spline_parts(y: Any, query: Any) -> Any:
    spline, at = si.make_interp_spline(X, y), near(Q, query)
    natural = si.make_interp_spline(X, y, bc_type="natural")
    return (
        spline.derivative()(at), spline.antiderivative()(at), spline(at, 2), natural(at),
        spline.integrate(0.2 + 0.01 * y[0], 2.2),
    )  # fmt: skip


@form(((5, 2), (3,)), ((5,), (3,)))
def b_spline(c: Any, query: Any) -> Any:
    spline, at = si.BSpline(np.arange(9.0), c, 3), near(Q + 3.0, query)
    return spline(at), spline(at, 1)


@form(((9,), (5,), (2,)))
def b_spline_of_traced_knots(move: Any, c: Any, query: Any) -> Any:
    return si.BSpline(near(np.arange(9.0), move), c, 3)(near(np.array([3.4, 4.6]), query))


@form(((4,), (4,), (2,)))
def krogh(move: Any, y: Any, query: Any) -> Any:
    places, at = near(X[:4], move), near(Q[:2], query)
    return si.KroghInterpolator(places, y)(at), si.krogh_interpolate(places, y, at)


@form(((4,), (4,), (2,)))
def barycentric(move: Any, y: Any, query: Any) -> Any:
    places, at = near(X[:4], move), near(Q[:2], query)
    return (
        si.BarycentricInterpolator(places, y, rng=0)(at),
        si.barycentric_interpolate(X[:4], y, at, rng=0),
    )


@form(((6,), (6,), (6,), (), (3,)))
def smoothing_spline(move: Any, y: Any, w: Any, lam: Any, query: Any) -> Any:
    at, w, lam = near(Q, query), np.exp(0.3 * np.tanh(w)), np.exp(np.tanh(lam))
    spline = si.make_smoothing_spline(near(X, move), y, w, lam)
    columns = si.make_smoothing_spline(X, np.stack([y, y**2]), lam=lam, axis=1)
    return spline(at), spline.derivative()(at), spline.integrate(0.2, 2.2), columns(at)


@form(((9,), (9,), (9,), (), (3,)))
def smoothed_curves(move: Any, y: Any, w: Any, s: Any, query: Any) -> Any:
    places, at = near(np.arange(9.0), 0.1 * move), near(Q, query)
    values, goal = np.sin(np.arange(9.0)) + 0.01 * np.tanh(y), 0.2 + 0.01 * np.tanh(s)
    weights = 1.0 + 0.01 * np.tanh(w)
    spline = si.UnivariateSpline(places, values, weights, s=goal)
    tck, u = si.splprep([places, values], weights, s=goal)
    least = si.LSQUnivariateSpline(places, values, [2.5, 4.5], weights)
    made = si.make_splrep(places, values, w=weights, s=0.2)
    curve = *si.splev(0.1 * at, tck), u
    return spline(at), spline.integral(0.2, 2.2), *curve, least(at), made(at)


@form(((6,), (3,)))
def fitpack_curves(y: Any, query: Any) -> Any:
    at, spline = near(Q, query), si.UnivariateSpline(X, y, s=0)
    four = si.InterpolatedUnivariateSpline(X, y, k=4)
    tck = si.splrep(X, y)
    return (
        spline(at), spline(at, 1), four(at), four.derivative()(at), four.integral(0.2, 2.2),
        si.splev(at, tck), si.splev(at, tck, der=1), si.splint(0.2, 2.2, tck),
    )  # fmt: skip


@form(((4, 5), (2,), (2,)))
def fitpack_surface(z: Any, u: Any, v: Any) -> Any:
    x, y = near(np.array([0.6, 1.3]), u), near(np.array([0.8, 1.5]), v)
    spline = si.RectBivariateSpline(*GRID, z)
    return spline(x, y), spline.ev(x, y), spline.ev(x, y, dx=1)


@form(((2,), (2,)))
def plain_surface_at_traced_points(u: Any, v: Any) -> Any:
    x, y = near(np.array([0.6, 1.3]), u), near(np.array([0.8, 1.5]), v)
    spline = si.RectBivariateSpline(*GRID, np.sin(np.outer(*GRID)))
    return spline(x, y), spline.ev(x, y), spline.ev(x, y, dy=1)


@form(((4, 5), (2, 2), "linear"), ((4, 5, 2), (2, 2), "linear"), ((4, 5), (2, 2), "slinear"))
def regular_grid(z: Any, query: Any, method: Any) -> Any:
    at = near(INNER * 1.2, query)
    return si.RegularGridInterpolator(GRID, z, method=method)(at), si.interpn(GRID, z, at, method)


@form(((4, 5),))
def regular_grid_nearest(z: Any) -> Any:
    return si.RegularGridInterpolator(GRID, z, method="nearest")(INNER)


@form(((4,), (5,), (4, 5)))
def regular_grid_of_traced_places(u: Any, v: Any, z: Any) -> Any:
    return si.RegularGridInterpolator((near(GRID[0], u), near(GRID[1], v)), z)(INNER)


@form(((6,), (2, 2)), ((6, 2), (2, 2)))
def over_triangles(values: Any, query: Any) -> Any:
    at = near(INNER, 0.2 * query)
    return (
        si.LinearNDInterpolator(SITES, values)(at), si.griddata(SITES, values, at),
        si.NearestNDInterpolator(SITES, values)(INNER),
        si.griddata(X, values, Q, method="cubic"),
    )  # fmt: skip


KERNELS = (
    "thin_plate_spline", "gaussian", "linear", "quintic", "inverse_multiquadric",
)  # fmt: skip


@form(*(((6, 2), (6,), (2, 2), k) for k in KERNELS))
def radial(move: Any, values: Any, query: Any, kernel: Any) -> Any:
    made = si.RBFInterpolator(near(SITES, move), values, kernel=kernel, epsilon=1.3)
    return made(near(INNER, query))


@form(((6, 2), (2, 2)))
def radial_smoothed(values: Any, query: Any) -> Any:
    return si.RBFInterpolator(SITES, values, smoothing=0.1)(near(INNER, query))
