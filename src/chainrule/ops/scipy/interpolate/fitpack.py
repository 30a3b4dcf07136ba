"""FITPACK's splines: `UnivariateSpline`, `splrep`, `splev`, and `RectBivariateSpline`.

Interpolating splines are linear in the data; smoothing ones choose their knots by the data, and are
refused there.
"""

from typing import Any

import numpy as np
from scipy import interpolate

from ....core.op import Notation, Op
from ....core.registry import add, composite
from ....core.slots import Jvp
from ...declare import as_array
from ..common import as_computed, constant_of, flows, plain, refusal, settled
from . import bsplines
from .bsplines import bspline_of
from .piecewise import _float, at_points

_EXT = {0: 0, "extrapolate": 0, 1: 1, "zeros": 1, 2: 2, "raise": 2, 3: 3, "const": 3}


def _fitpack_values(tck: Any, x: Any, nu: int, ext: int) -> Any:
    """Evaluate a spline of traced coefficients as FITPACK does beyond its ends."""
    t, c, k = tck
    t, x = plain(t), _float(x)
    c = c[: len(t) - k - 1]
    value = splev_value(c, x, t=t, k=k, nu=nu, ext=ext)
    first, last = t[k], t[len(t) - k - 1]
    outside = np.less(x, first) | np.greater(x, last)
    if ext == 2 and np.any(outside):
        raise ValueError("a value of x is outside of the spline's interval")
    if ext == 3:
        x = np.clip(x, first, last)
    y = bsplines._bspline_values(t, c, k, x, nu, True)
    return as_computed(np.where(outside, 0.0, y) if ext == 1 else y, value)


splev_value = constant_of(
    "splev_value", lambda c, x, t, k, nu, ext: interpolate.splev(x, (t, c, k), nu, ext)
)
splint_value = constant_of(
    "splint_value", lambda c, a, b, t, k: interpolate.splint(float(a), float(b), (t, c, k))
)


@composite(
    interpolate.UnivariateSpline.__call__, name="scipy.interpolate.UnivariateSpline.__call__",
    always=True,
)  # fmt: skip
def univariate_call(self: Any, x: Any, nu: int = 0, ext: Any = None) -> Any:
    """Evaluate FITPACK's spline."""
    x = settled(x)
    how = self.ext if ext is None else _EXT[ext]
    if flows(self._eval_args[1]):
        return _fitpack_values(self._eval_args, x, nu, how)
    if not flows(x):
        return interpolate.UnivariateSpline.__call__(self, x, nu, ext)
    if how == 3 and nu == 0:
        k, t = self._eval_args[2], self._eval_args[0]
        x = np.clip(x, t[k], t[len(t) - k - 1])
    return at_points(self, x, nu, how, top=self._eval_args[2])


def _values_to_coefficients(make: Any, y: Any) -> Any:
    """Return the coefficients of a spline that is linear in the values y, by its unit values."""
    columns = np.stack([make(row) for row in np.eye(y.shape[0])], axis=1)
    return columns @ y


@composite(
    interpolate.InterpolatedUnivariateSpline.__init__,
    name="scipy.interpolate.InterpolatedUnivariateSpline",
)  # fmt: skip
def interpolated_init(
    self: Any, x: Any, y: Any, w: Any = None, bbox: Any = (None, None), k: int = 3, ext: Any = 0,
    check_finite: bool = False,
) -> None:  # fmt: skip
    """Interpolate traced values by FITPACK's spline; traced points are refused."""
    _univariate(self, x, y, w, bbox, k, ext)


@composite(interpolate.UnivariateSpline.__init__, name="scipy.interpolate.UnivariateSpline")
def univariate_init(
    self: Any, x: Any, y: Any, w: Any = None, bbox: Any = (None, None), k: int = 3, s: Any = None,
    ext: Any = 0, check_finite: bool = False,
) -> None:  # fmt: skip
    """Interpolate traced values where ``s=0``; smoothing, and traced points, are refused."""
    if s is None or plain(s) != 0:
        raise refusal(
            "UnivariateSpline with smoothing", "FITPACK chooses the knots by the data",
            "use s=0, make_interp_spline, or for knots t of your own BSpline(t, "
            "np.linalg.lstsq(BSpline.design_matrix(‹x 0›, t, k).toarray(), ‹y 1›)[0], k)",
        )  # fmt: skip
    _univariate(self, x, y, w, bbox, k, ext)


def _univariate(self: Any, x: Any, y: Any, w: Any, bbox: Any, k: int, ext: Any) -> None:
    x, w, bbox = settled(x), settled(w), settled(bbox)
    if flows(x) or flows(w) or flows(bbox):
        raise refusal(
            "a FITPACK spline with traced points or weights", "only the values have a rule",
            "use CubicSpline or make_interp_spline",
        )  # fmt: skip
    x, y, box = np.asarray(x), _float(settled(y)), list(bbox)
    model = interpolate.InterpolatedUnivariateSpline(x, plain(y), w, box, k, ext)
    t, c, k = model._eval_args

    def make(row: Any) -> Any:
        return interpolate.InterpolatedUnivariateSpline(x, row, w, box, k)._eval_args[1]

    self.__class__ = interpolate.InterpolatedUnivariateSpline
    self.__dict__.update(model.__dict__)
    found = as_computed(_values_to_coefficients(make, y), c)
    self._eval_args = (t, found, k)
    self._data = None


def _univariate_part(name: str, result: Any) -> None:
    function = getattr(interpolate.UnivariateSpline, name)

    @composite(function, name=f"scipy.interpolate.UnivariateSpline.{name}", always=True)
    def body(self: Any, *args: Any, **kwargs: Any) -> Any:
        """Answer of a B-spline with the same coefficients where anything is traced."""
        args = settled(args)
        if not (flows(self._eval_args[1]) or flows(args) or flows(kwargs)):
            return function(self, *args, **kwargs)
        if result is None:
            raise refusal(
                f"scipy.interpolate.UnivariateSpline.{name}", "it has no rule",
                "evaluate the spline, or its derivative(n)",
            )
        return result(self, *args, **kwargs)


def _as_bspline(tck: Any) -> Any:
    t, c, k = tck
    return bspline_of(plain(t), c[: len(t) - k - 1], k, True)


def _integral(tck: Any, a: Any, b: Any) -> Any:
    spline = _as_bspline(tck)
    found = bsplines.bspline_integrate(spline, a, b, extrapolate=False)
    value = splint_value(spline.c, as_array(a), as_array(b), t=spline.t, k=spline.k)
    return as_computed(found, value)


def _univariate_of(spline: Any, ext: int) -> Any:
    """Make a spline of FITPACK of a B-spline with traced coefficients."""
    made = object.__new__(interpolate.UnivariateSpline)
    made._eval_args, made._data, made.ext = spline.tck, None, ext
    return made


_univariate_part("integral", lambda self, a, b: _integral(self._eval_args, a, b))
_univariate_part(
    "derivative",
    lambda self, n=1: _univariate_of(
        bsplines.bspline_derivative(_as_bspline(self._eval_args), n),
        1 if self.ext == 3 else self.ext,
    ),
)
_univariate_part(
    "antiderivative",
    lambda self, n=1: _univariate_of(
        bsplines.bspline_antiderivative(_as_bspline(self._eval_args), n), self.ext
    ),
)
for _name in ("derivatives", "roots", "get_coeffs", "get_knots", "get_residual"):
    _univariate_part(_name, None)


@composite(interpolate.splrep, name="scipy.interpolate.splrep")
def splrep(
    x: Any, y: Any, w: Any = None, xb: Any = None, xe: Any = None, k: int = 3, task: int = 0,
    s: Any = None, t: Any = None, full_output: Any = 0, per: Any = 0, quiet: Any = 1,
) -> Any:  # fmt: skip
    """Return FITPACK's interpolating spline of traced values; smoothing is refused."""
    if flows(x) or flows(w) or task or t is not None or full_output or per:
        raise refusal(
            "splrep with traced points, weights or knots of its own", "only the values have a rule",
            "use make_interp_spline",
        )  # fmt: skip
    if (s is None and w is not None) or (s is not None and plain(s) != 0):
        raise refusal(
            "splrep with smoothing", "FITPACK chooses the knots by the data", "use s=0"
        )  # fmt: skip
    x, y = settled(x), _float(settled(y))
    knots, c, k = interpolate.splrep(x, plain(y), w, xb, xe, k, s=0)

    def make(row: Any) -> Any:
        return interpolate.splrep(x, row, w, xb, xe, k, s=0)[1]

    return knots, as_computed(_values_to_coefficients(make, y), c), k


@composite(interpolate.splev, name="scipy.interpolate.splev")
def splev(x: Any, tck: Any, der: int = 0, ext: int = 0) -> Any:
    """Evaluate a spline of FITPACK: traced at the points or in the coefficients."""
    if isinstance(tck, interpolate.BSpline):
        return bsplines.bspline_call(tck, x, der, True)
    t, c, k = tck
    if flows(t):
        raise refusal("splev with traced knots", "they have no rule", "use BSpline")
    return _fitpack_values((t, as_array(settled(c)), k), as_array(settled(x)), der, ext)


@composite(interpolate.splint, name="scipy.interpolate.splint")
def splint(a: Any, b: Any, tck: Any, full_output: Any = 0) -> Any:
    """Integrate a spline of FITPACK from a to b."""
    if isinstance(tck, interpolate.BSpline):
        return bsplines.bspline_integrate(tck, a, b, extrapolate=False)
    t, c, k = tck
    return _integral((t, as_array(settled(c)), k), settled(a), settled(b))


# --- FITPACK in two dimensions --------------------------------------------------------------------

_Two = interpolate.BivariateSpline.__mro__[1]
_Rect = interpolate.RectBivariateSpline


def _surface_jvp(t: Any, y: Any, x: Any, z: Any, spline: Any, orders: Any, grid: bool) -> Any:
    total = None
    for axis, change in enumerate(t):
        if change is None or orders[axis] + 1 > spline.degrees[axis]:
            continue
        more = tuple(n + (k == axis) for k, n in enumerate(orders))
        slope = surface_at(x, z, spline=spline, orders=more, grid=grid)
        term = (change[:, None] if grid and axis == 0 else change) * slope
        total = term if total is None else total + term
    return 0 * y if total is None else total


def _surface_value(x: Any, z: Any, spline: Any, orders: Any, grid: bool) -> Any:
    """Evaluate a derivative; FITPACK's own code stops below the degree of the spline."""
    if all(n < k for n, k in zip(orders, spline.degrees, strict=True)):
        return spline(x, z, *orders, grid=grid)
    return _by_design(spline, spline.tck[2], x, z, orders, grid)


def _by_design(spline: Any, c: Any, x: Any, z: Any, orders: Any, grid: bool) -> Any:
    """Evaluate a derivative by the B-splines of each dimension."""
    (tx, ty, _), (kx, ky) = spline.tck, spline.degrees
    rows, cols = _design(tx, kx, x, orders[0]), _design(ty, ky, z, orders[1])
    half = np.matmul(rows, np.reshape(c, (rows.shape[1], cols.shape[1])))
    return np.matmul(half, cols.T) if grid else np.sum(half * cols, axis=1)


def _like_surface(c: Any, x: Any, z: Any, spline: Any, orders: Any, grid: bool) -> Any:
    made = object.__new__(interpolate.BivariateSpline)
    made.tck, made.degrees = (*spline.tck[:2], c), spline.degrees
    return _surface_value(x, z, made, orders, grid)


surface_value = constant_of("surface_value", _like_surface)
_surface_slot = Jvp(_surface_jvp, joint=True)
surface_at = Op(
    "surface_at",
    _surface_value,
    (_surface_slot, _surface_slot),
    batch="loop",
    notation=Notation("s({0}, {1})", "s({0}, {1})", 100, (0, 0),
                      "d s(u, v) = ∂₁s du + ∂₂s dv, by the spline's own derivatives"),
)  # fmt: skip
add(surface_at)


def _design(t: Any, k: int, x: Any, nu: int) -> Any:
    """Return the values at x of the B-splines of one dimension, clamped to the ends as FITPACK."""
    n = len(t) - k - 1
    inside = np.clip(x, t[k], t[n])
    return bsplines.bspline(np.eye(n), inside, basis=bsplines.Basis(t, k, True), nu=nu)


@composite(_Two.__call__, name="scipy.interpolate.BivariateSpline.__call__", always=True)
def surface(self: Any, x: Any, y: Any, dx: int = 0, dy: int = 0, grid: bool = True) -> Any:
    """Evaluate FITPACK's spline of two variables, at a grid or at points."""
    x, y = settled(x), settled(y)
    if not (flows(self.tck[2]) or flows(x) or flows(y)):
        return _Two.__call__(self, x, y, dx, dy, grid)
    x, y = np.broadcast_arrays(x, y) if not grid else (np.atleast_1d(x), np.atleast_1d(y))
    x, y = _float(x), _float(y)
    shape = x.shape
    x, y = np.ravel(x), np.ravel(y)
    tx, ty, c = self.tck
    kx, ky = self.degrees
    if not flows(c):
        x, y = np.clip(x, tx[kx], tx[-kx - 1]), np.clip(y, ty[ky], ty[-ky - 1])
        z = surface_at(x, y, spline=self, orders=(int(dx), int(dy)), grid=bool(grid))
    else:
        form = {"spline": self, "orders": (int(dx), int(dy)), "grid": bool(grid)}
        made = _by_design(self, c, x, y, form["orders"], form["grid"])
        z = as_computed(made, surface_value(c, x, y, **form))
    return z if grid else np.reshape(z, shape)


@composite(
    interpolate.BivariateSpline.ev, name="scipy.interpolate.BivariateSpline.ev", always=True
)  # fmt: skip
def surface_points(self: Any, xi: Any, yi: Any, dx: int = 0, dy: int = 0) -> Any:
    """Evaluate FITPACK's spline of two variables at points."""
    return surface(self, xi, yi, dx, dy, grid=False)


@composite(_Rect.__init__, name="scipy.interpolate.RectBivariateSpline")
def rect_init(
    self: Any, x: Any, y: Any, z: Any, bbox: Any = (None,) * 4, kx: int = 3, ky: int = 3,
    s: Any = 0, maxit: int = 20,
) -> None:  # fmt: skip
    """Interpolate traced values on a plain grid; smoothing is refused."""
    x, y, z = settled(x), settled(y), _float(settled(z))
    if plain(s) != 0:
        raise refusal("RectBivariateSpline with smoothing", "it has no rule", "set s=0")
    if flows(x) or flows(y):
        raise refusal(
            "RectBivariateSpline with traced grid points", "only interpolated values have a rule",
            f"where no derivative is meant, write ‹held {'x 0' if flows(x) else 'y 1'}›",
        )  # fmt: skip
    model = _Rect(x, y, plain(z), list(bbox), kx, ky, 0)
    tx, ty, c = model.tck
    left = _collocation(tx, kx, np.ravel(x))
    right = _collocation(ty, ky, np.ravel(y))
    whole = np.matmul(np.matmul(left, z), right.T)
    self.fp, self.degrees = model.fp, model.degrees
    self.tck = (tx, ty, as_computed(np.ravel(whole), c))


def _collocation(t: Any, k: int, x: Any) -> Any:
    """Return the matrix from values at x to B-spline coefficients."""
    return np.linalg.inv(bsplines.Basis(t, k, True).matrix(x, 0, len(t) - k - 1))


_surface_integral = interpolate.BivariateSpline.integral
_surface_derivative = interpolate.BivariateSpline.partial_derivative


@composite(_surface_integral, name="scipy.interpolate.BivariateSpline.integral", always=True)
def surface_integral(self: Any, xa: Any, xb: Any, ya: Any, yb: Any) -> Any:
    """Integrate the B-splines of y, whose sums are coefficients of B-splines of x."""
    xa, xb, ya, yb = limits = settled((xa, xb, ya, yb))
    tx, ty, c = self.tck[:3]
    if not (flows(c) or flows(limits)):
        return _surface_integral(self, *limits)
    kx, ky = self.degrees
    rows = np.reshape(as_array(c), (len(tx) - kx - 1, -1))
    along_y = bspline_of(plain(ty), np.transpose(rows), ky, True)
    sums = bsplines.bspline_integrate(along_y, ya, yb, extrapolate=False)
    along_x = bspline_of(plain(tx), sums, kx, True)
    found = bsplines.bspline_integrate(along_x, xa, xb, extrapolate=False)
    model = object.__new__(interpolate.BivariateSpline)
    model.tck, model.degrees = (tx, ty, plain(c)), self.degrees
    return as_computed(found, np.float64(_surface_integral(model, *map(plain, limits))))


@composite(
    _surface_derivative, name="scipy.interpolate.BivariateSpline.partial_derivative", always=True
)
def surface_derivative(self: Any, dx: Any, dy: Any) -> Any:
    """Refuse where anything is traced; else SciPy's."""
    if flows(self.tck[2]):
        raise refusal(
            "scipy.interpolate.BivariateSpline.partial_derivative", "it has no rule",
            "evaluate with dx=…, dy=…",
        )
    return _surface_derivative(self, settled(dx), settled(dy))
