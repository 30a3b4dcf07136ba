"""scipy.interpolate against differences: in the data, in the places of the data, in the queries."""

from typing import Any

import numpy as np
import pytest
from scipy import interpolate as si

import chainrule as cr
from chainrule.errors import ChainRuleError, KinkWarning
from chainrule.numeric import differences

X = np.array([0.0, 0.7, 1.1, 2.0, 2.6, 3.5])
Q = np.array([0.3, 1.6, 2.9, 1.0])
OUT = np.array([-0.4, 0.2, 3.9])
G = np.linspace(0, 2, 5), np.array([0.0, 0.4, 1.1, 1.7])


def y(p):
    return np.sin(X * p[0]) + p[1] * X**2 / 4


def x(p):
    return X + 0.1 * p[1] * np.sin(X)


def z(p):
    return np.sin(p[0] * G[0])[:, None] * (p[1] + G[1] ** 2)


def points(p):
    return np.array([[0.3, 0.6], [1.2, 1.5], [0.7, 0.2]]) * p


def scattered(p):
    at = np.array([[0, 0], [1, 0.1], [0.2, 1], [1.1, 1.2], [0.5, 0.6], [0.4, 0.1]])
    return at, np.sin(at[:, 0] * p[0]) + p[1] * at[:, 1]


KINDS = ["linear", "slinear", "quadratic", "cubic", "zero", "nearest", "next", "previous", 5]
ENDS = ["not-a-knot", "natural", "clamped", ((1, 0.3), (2, -0.2))]
PROGRAMS = {
    **{
        f"interp1d {k}": lambda p, k=k: si.interp1d(x(p), y(p), kind=k)(Q + 0.1 * p[0])
        for k in KINDS
    },
    "interp1d beyond": lambda p: si.interp1d(X, y(p), fill_value="extrapolate")(OUT * p[0]),
    "interp1d cubic beyond": lambda p: si.interp1d(X, y(p), "cubic", fill_value="extrapolate")(OUT),
    "interp1d filled": lambda p: si.interp1d(
        X, y(p), bounds_error=False, fill_value=(p[0], p[1])
    )(OUT),
    "interp1d columns": lambda p: si.interp1d(X, np.stack([y(p), X * p[0]]), axis=1)(Q),
    "interp1d of plain data": lambda p: si.interp1d(X, np.cos(X), "quadratic")(p),
    **{f"cubic {e}": lambda p, e=e: si.CubicSpline(x(p), y(p), bc_type=e)(Q * p[1]) for e in ENDS},
    "cubic periodic": lambda p: si.CubicSpline(
        X, np.append(y(p)[:-1], y(p)[0]), bc_type="periodic"
    )(Q, 1),
    "cubic derivative": lambda p: si.CubicSpline(X, y(p)).derivative()(p)
    + si.CubicSpline(X, y(p)).antiderivative(2)(p),
    "cubic integral": lambda p: si.CubicSpline(X, y(p)).integrate(0.2, p[1]),
    "cubic second derivative": lambda p: si.CubicSpline(X, np.exp(X))(p, 2),
    "cubic columns": lambda p: si.CubicSpline(X, np.stack([y(p), X * p[0]], axis=1))(Q),
    "hermite": lambda p: si.CubicHermiteSpline(X, y(p), np.cos(X * p[0]))(Q),
    "pchip": lambda p: si.PchipInterpolator(x(p), y(p))(Q * p[1]),
    "pchip derivative": lambda p: si.PchipInterpolator(X, y(p))(Q, nu=1)
    + si.PchipInterpolator(X, y(p)).derivative()(p[0]),
    "pchip at once": lambda p: si.pchip_interpolate(X, y(p), Q, der=1),
    "akima": lambda p: si.Akima1DInterpolator(x(p), y(p))(Q * p[1]),
    "modified akima": lambda p: si.Akima1DInterpolator(X, y(p), method="makima")(Q),
    "b-spline": lambda p: si.BSpline(np.arange(9.0), p[0] * np.arange(5.0) ** 2, 3)(3.5 + p),
    "b-spline knots": lambda p: si.BSpline(np.arange(9.0) * p[0], np.cos(np.arange(5)), 3)(4.1),
    "made spline": lambda p: si.make_interp_spline(x(p), y(p), k=3)(Q * p[1]),
    "made natural spline": lambda p: si.make_interp_spline(X, y(p), bc_type="natural")(Q),
    "made linear": lambda p: si.make_interp_spline(X, y(p), k=1)(Q, 1),
    "made quintic": lambda p: si.make_interp_spline(X, y(p), k=5).antiderivative()(Q),
    "made, integral": lambda p: si.make_interp_spline(X, y(p)).integrate(p[0], 2.0 + p[1]),
    "krogh": lambda p: si.KroghInterpolator(x(p), y(p))(Q * p[1]),
    "krogh at once": lambda p: si.krogh_interpolate(X, y(p), Q),
    "barycentric": lambda p: si.BarycentricInterpolator(X, y(p))(Q * p[1]),
    "barycentric at once": lambda p: si.barycentric_interpolate(X, y(p), Q),
    "univariate": lambda p: si.UnivariateSpline(X, y(p), s=0)(Q * p[1]),
    "univariate parts": lambda p: si.InterpolatedUnivariateSpline(X, y(p), k=4).derivative()(Q)
    + si.InterpolatedUnivariateSpline(X, y(p)).integral(0.1, p[1]),
    "univariate of plain data": lambda p: si.UnivariateSpline(X, np.sin(X), s=0.1)(p, 1),
    "splrep": lambda p: si.splev(Q, si.splrep(X, y(p)), der=1),
    "splint": lambda p: si.splint(0.1, p[1], si.splrep(X, y(p))),
    "splev": lambda p: si.splev(p, si.splrep(X, np.cos(X), s=0.05), der=2),
    "surface": lambda p: si.RectBivariateSpline(*G, z(p))(0.4 * p[0], 0.9 * p[1]),
    "surface, integral": lambda p: si.RectBivariateSpline(*G, z(p)).integral(0.1, p[0], p[1], 0.2),
    "surface, integral beyond": lambda p: si.RectBivariateSpline(*G, z(p)).integral(
        -1.0, p[1], 0.1, 99.0
    ),
    "surface at points": lambda p: si.RectBivariateSpline(*G, np.outer(*G)).ev(p, p / 2, dx=1),
    **{
        f"grid {m}": lambda p, m=m: si.RegularGridInterpolator(G, z(p), method=m)(points(p))
        for m in ("linear", "nearest", "slinear")
    },
    "grid beyond": lambda p: si.RegularGridInterpolator(
        G, z(p), bounds_error=False, fill_value=None
    )([[2.3 * p[0], 0.3]]),
    "grid places": lambda p: si.RegularGridInterpolator((G[0] * p[0], G[1]), z(p))(points(p) / 2),
    "interpn": lambda p: si.interpn(G, z(p), points(p)),
    "griddata": lambda p: si.griddata(*scattered(p), points(p)[1:] * 0.4),
    "griddata nearest": lambda p: si.griddata(*scattered(p), points(p) * 0.4, method="nearest"),
    "griddata outside": lambda p: si.griddata(*scattered(p), [[9.0, 9.0]], fill_value=p[0]),
    "griddata, one dimension": lambda p: si.griddata(X, y(p), Q, method="cubic"),
    "linear over triangles": lambda p: si.LinearNDInterpolator(*scattered(p))([0.5, 0.4], 0.4),
    "nearest": lambda p: si.NearestNDInterpolator(*scattered(p))(0.5 * p),
    **{
        f"radial {k}": lambda p, k=k: si.RBFInterpolator(*scattered(p), kernel=k, epsilon=1.3)(
            points(p) * 0.4
        )
        for k in ("thin_plate_spline", "gaussian", "linear", "cubic", "multiquadric")
    },
    "radial, smooth": lambda p: si.RBFInterpolator(*scattered(p), smoothing=0.1)(points(p) * 0.4),
    "radial, places": lambda p: si.RBFInterpolator(scattered(p)[0] * p, scattered(p)[1])(points(p)),
}


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.filterwarnings("ignore")
def test_against_differences(name):
    f, p = PROGRAMS[name], np.array([0.83, 1.12])
    value, _ = cr.vjp(f, p)
    assert np.allclose(value, f(p), rtol=1e-9, atol=1e-11, equal_nan=True)
    jacobian = cr.jacrev(f)(p)
    for i, v in enumerate(np.eye(2)):
        want, error = differences(lambda h, v=v: np.asarray(f(p + h * v)), step=0.004, rounds=6)
        assert np.all(abs(jacobian[..., i] - want) <= 1e-7 * (1 + abs(want)) + 10 * error)
        assert np.allclose(cr.jvp(f, (p,), (v,))[1], jacobian[..., i], rtol=1e-8, atol=1e-9)


def test_a_cubic_grid_against_the_exact_tensor_product():
    """SciPy finds its coefficients by an iteration, to a residual of 1e-5: no oracle by itself."""
    f, p = lambda p: si.RegularGridInterpolator(G, z(p), "cubic")(points(p)), np.array([0.83, 1.12])

    def exact(p):
        rows = si.make_interp_spline(G[0], z(p))(points(p)[:, 0])
        pairs = zip(rows, points(p)[:, 1], strict=True)
        return np.array([si.make_interp_spline(G[1], row)(at) for row, at in pairs])

    value, jacobian = cr.vjp(f, p)[0], cr.jacrev(f)(p)
    assert np.allclose(value, f(p), rtol=1e-13)
    for i, v in enumerate(np.eye(2)):
        want, error = differences(lambda h, v=v: exact(p + h * v), step=0.004, rounds=6)
        places = 1e-4 * (1 + abs(want))  # in the queries the derivative is that of SciPy's spline
        assert np.all(abs(jacobian[..., i] - want) <= places + 10 * error)


@pytest.mark.parametrize(
    "name", ["cubic natural", "pchip", "akima", "made spline", "interp1d cubic", "grid linear",
             "radial gaussian", "b-spline", "univariate", "krogh"]
)  # fmt: skip
def test_second_derivatives(name):
    f, p, v = PROGRAMS[name], np.array([0.83, 1.12]), np.array([0.6, -0.8])
    want, error = differences(lambda h: cr.jacrev(f)(p + h * v), step=0.004, rounds=6)
    found = cr.jvp(cr.jacrev(f), (p,), (v,))[1]
    assert np.all(abs(found - want) <= 1e-6 * (1 + abs(want)) + 10 * error)


@pytest.mark.parametrize(
    "f",
    [
        lambda p: si.UnivariateSpline(X, y(p), s=0.5).roots().sum(),
        lambda p: si.splrep(X, y(p), s=0.5, per=1)[1].sum(),
        lambda p: si.make_smoothing_spline(X, X * p[0])(1.0),
        lambda p: si.CloughTocher2DInterpolator(*scattered(p))(0.4, 0.4),
        lambda p: si.RegularGridInterpolator(G, z(p), method="pchip")([0.4, 0.4])[0],
        lambda p: si.SmoothBivariateSpline(X, X**2, y(p), kx=1, ky=1).ev(0.4, 0.4),
        lambda p: si.Rbf(*scattered(p)[0].T, scattered(p)[1])(0.4, 0.4),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_what_has_no_rule_is_refused(f):
    with pytest.raises(ChainRuleError):
        cr.grad(f)(np.array([0.83, 1.12]))


@pytest.mark.parametrize("kind", [si.Akima1DInterpolator, si.PchipInterpolator])
def test_flat_data_is_warned_of(kind: Any) -> None:
    flat = np.array([0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 2.5])
    with pytest.warns(KinkWarning, match="direction to direction"):
        cr.grad(lambda y: kind(np.arange(7.0), y)(2.3))(flat)
