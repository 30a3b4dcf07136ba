"""`scipy.interpolate` in one dimension: interp1d, polynomials, and FITPACK's splines.

Objects may be built outside of the traced function, of plain numbers, or inside it, of traced ones.
In the data an interpolation is linear; which interval a query lies in is locally constant.
"""

from typing import Any

import numpy as np
from scipy import interpolate

from ..core.op import Notation, Op
from ..core.registry import add, composite
from ..core.slots import Jvp
from . import interpolate_nd, splines
from .declare import as_array
from .scipy_common import flows, plain, refusal, refused, settled
from .splines import _float, at_points, bspline_of, make_interp_spline

_Base = interpolate.interp1d.__mro__[1]
_SPLINES = {"zero": 0, "slinear": 1, "quadratic": 2, "cubic": 3}
_STEPS = ("nearest", "nearest-up", "previous", "next")

# --- interp1d -------------------------------------------------------------------------------------


def _is_extrapolation(fill: Any) -> bool:
    return isinstance(fill, str) and fill == "extrapolate"


@composite(interpolate.interp1d.__init__, name="scipy.interpolate.interp1d")
def interp1d_init(
    self: Any, x: Any, y: Any, kind: Any = "linear", axis: int = -1, copy: bool = True,
    bounds_error: Any = None, fill_value: Any = np.nan, assume_sorted: bool = False,
) -> None:  # fmt: skip
    """Interpolate traced data, of every kind that SciPy has."""
    x, y = as_array(settled(x)), as_array(settled(y))
    y = y if y.dtype.kind in "fc" else y.astype(np.float64)
    fill = tuple(map(settled, fill_value)) if isinstance(fill_value, tuple) else settled(fill_value)
    model = interpolate.interp1d(
        plain(x), plain(y), kind, axis, copy, bounds_error, _plain_fill(fill), assume_sorted
    )
    self.__dict__.update(model.__dict__)
    self._y_axis, self._y_extra_shape, self.dtype = (
        model._y_axis, model._y_extra_shape, model.dtype
    )  # fmt: skip
    if not assume_sorted:
        order = np.argsort(plain(x), kind="mergesort")
        x, y = x[order], np.take(y, order, axis=axis)
    rows = np.moveaxis(y, axis, 0)
    self.x, self.y, self._y = x, y, np.reshape(rows, (rows.shape[0], -1))
    if model._kind == "spline":
        order = _SPLINES.get(kind, kind)
        self._spline = make_interp_spline(x, self._y, k=order, check_finite=False)
    if not _is_extrapolation(fill):
        pair = fill if isinstance(fill, tuple) and len(fill) == 2 else (fill, fill)
        self._fill_value_below, self._fill_value_above = (
            _spread(f, self._y_extra_shape) for f in pair
        )
        self._fill_value_orig = fill
    elif model._kind == "spline" or kind == "linear":
        self._fill_value_orig = fill
    elif kind == "previous":
        self._fill_value_below, self._fill_value_above = np.array([np.nan]), self._y[-1]
    elif kind == "next":
        self._fill_value_below, self._fill_value_above = self._y[0], np.array([np.nan])


def _plain_fill(fill: Any) -> Any:
    return tuple(map(plain, fill)) if isinstance(fill, tuple) else plain(fill)


def _spread(fill: Any, shape: tuple[int, ...]) -> Any:
    fill = as_array(fill)
    return np.ravel(np.broadcast_to(fill, shape)) if fill.ndim else fill


def _parts_of(self: Any) -> list[Any]:
    found = [self.x, self.y, getattr(self, "_fill_value_below", None)]
    return [*found, getattr(self, "_fill_value_above", None)]


def _linear(self: Any, x: Any) -> Any:
    if self._call is interpolate.interp1d._call_linear_np:
        return np.interp(x, self.x, self.y)[:, None]
    high = np.clip(np.searchsorted(plain(self.x), plain(x)), 1, len(self.x) - 1)
    x_low, x_high = self.x[high - 1], self.x[high]
    y_low, y_high = self._y[high - 1], self._y[high]
    slope = (y_high - y_low) / (x_high - x_low)[:, None]
    return slope * (x - x_low)[:, None] + y_low


def _step(self: Any, x: Any) -> Any:
    """Return the value of one neighbour: constant in x."""
    x, n = plain(x), len(self.x)
    knots = plain(self.x)
    if self._kind.startswith("nearest"):
        half = knots / 2.0
        place = np.clip(np.searchsorted(half[1:] + half[:-1], x, side=self._side), 0, n - 1)
    else:
        toward = np.inf if self._kind == "next" else -np.inf
        found = np.searchsorted(np.nextafter(knots, toward), x, side=self._side)
        place = np.clip(found, 1 - self._ind, n - self._ind) + self._ind - 1
    return self._y[place] + 0 * x[:, None]


@composite(
    interpolate.BarycentricInterpolator.__call__,
    name="scipy.interpolate.BarycentricInterpolator.__call__", always=True,
)  # fmt: skip
@composite(_Base.__call__, name="scipy.interpolate.interp1d.__call__", always=True)
def interp1d_call(self: Any, x: Any) -> Any:
    """Evaluate interp1d, or a polynomial through points."""
    x = settled(x)
    if isinstance(self, interpolate.interp1d):
        held, evaluate = _parts_of(self), _interp1d_values
    elif isinstance(self, interpolate.KroghInterpolator | interpolate.BarycentricInterpolator):
        held, evaluate = [self.xi, self.yi], _polynomial_values
        if self.yi is None:
            raise ValueError("the interpolator has no values yet")
    else:
        held, evaluate = [], None
    if evaluate is None or not (flows(held) or flows(x)):
        return _Base.__call__(self, x)
    x = as_array(x)
    x = x if x.dtype.kind in "fc" else x.astype(np.float64)
    y = evaluate(self, np.ravel(x))
    return splines._turned(
        np.reshape(y, x.shape + self._y_extra_shape), x.ndim, self._y_axis if x.ndim else 0
    )  # fmt: skip


def _interp1d_values(self: Any, x: Any) -> Any:
    if self._kind == "linear":
        y = _linear(self, x)
    elif self._kind in _STEPS:
        y = _step(self, x)
    elif self._call is interpolate.interp1d._call_nan_spline:
        return np.full((x.shape[0], self._y.shape[1]), np.nan) + 0 * x[:, None]
    else:
        y = splines.bspline_call(self._spline, x)
    if self._extrapolate:
        return y
    below, above = self._check_bounds(plain(x))
    fills = (self._fill_value_below, self._fill_value_above)
    low, high = (np.reshape(f, (1, -1)) for f in fills)
    return np.where(above[:, None], high, np.where(below[:, None], low, y))


# --- polynomials through points ---------------------------------------------------------------------


def _differences(xi: Any, yi: Any) -> list[Any]:
    """Return Newton's divided differences; equal points in a row give derivatives, as in SciPy."""
    where, n = plain(xi), yi.shape[0]
    c, v = [yi[0]], [yi[0]] * n
    for k in range(1, n):
        s = 0
        while s < k and where[k - s - 1] == where[k]:
            s += 1
        v[0] = yi[k] / float(np.prod(np.arange(1, s + 1)))
        for i in range(k - s):
            if where[i] == where[k]:
                raise ValueError("Elements of `xi` can't be equal.")
            v[i + 1] = ((v[i + 1] if s else c[i]) - v[i]) / (xi[i] - xi[k])
        c.append(v[k - s])
    return c


def _newton(xi: Any, c: Any, x: Any) -> Any:
    total, w = c[0] + 0 * x[:, None], np.ones_like(x)
    for k in range(1, xi.shape[0]):
        w = (x - xi[k - 1]) * w
        total = total + w[:, None] * c[k]
    return total


def _polynomial_values(self: Any, x: Any) -> Any:
    if isinstance(self, interpolate.KroghInterpolator):
        return _newton(self.xi, self.c, x)
    return _lagrange(self.xi, self.yi, self.wi, x)


def _lagrange(xi: Any, yi: Any, wi: Any, x: Any) -> Any:
    """Evaluate the barycentric formula; at a node, its limit, whose derivatives are right too.

    Near a node j the sum is divided by wⱼ/(x − xⱼ): with ℓ = Σ' (x − xⱼ)·wᵢ/(wⱼ(x − xᵢ)) the value
    is (yⱼ + Σ' …yᵢ)/(1 + Σ' …), which is smooth there.
    """
    nearest = np.argmin(np.abs(plain(x)[:, None] - plain(xi)), axis=1)
    own = np.arange(xi.shape[0]) == nearest[:, None]
    gap = np.where(own, 1.0, x[:, None] - xi)
    weight = (x - xi[nearest])[:, None] * wi / (wi[nearest][:, None] * gap)
    weight = np.where(own, 1.0, weight)
    return np.matmul(weight, yi) / np.sum(weight, axis=1)[:, None]


@composite(interpolate.KroghInterpolator.__init__, name="scipy.interpolate.KroghInterpolator")
def krogh(self: Any, xi: Any, yi: Any, axis: int = 0) -> None:
    """Interpolate by Newton's form of the polynomial."""
    xi, yi = _float(settled(xi)), _float(settled(yi))
    model = interpolate.KroghInterpolator(plain(xi), plain(yi), axis)
    _like(self, model, xi, yi, axis)
    self.c = np.stack(_differences(xi, self.yi))


def _like(self: Any, model: Any, xi: Any, yi: Any, axis: int) -> None:
    self.__dict__.update(model.__dict__)
    self._y_axis, self._y_extra_shape, self.dtype = (
        model._y_axis, model._y_extra_shape, model.dtype
    )  # fmt: skip
    rows = np.moveaxis(yi, axis, 0)
    self.xi, self.yi = xi, np.reshape(rows, (rows.shape[0], -1))


@composite(
    interpolate.BarycentricInterpolator.__init__, name="scipy.interpolate.BarycentricInterpolator"
)
def barycentric(
    self: Any, xi: Any, yi: Any = None, axis: int = 0, *, wi: Any = None, rng: Any = None, **_: Any
) -> None:
    """Interpolate by the barycentric formula."""
    xi, yi = _float(settled(xi)), _float(settled(yi))
    if flows(wi):
        raise refusal("weights of BarycentricInterpolator", "they have no rule", "leave them out")
    model = interpolate.BarycentricInterpolator(plain(xi), plain(yi), axis, wi=wi, rng=rng)
    _like(self, model, xi, yi, axis)
    if flows(xi):
        gaps = model._inv_capacity * (xi[:, None] - xi)
        self.wi = 1.0 / np.prod(np.where(np.eye(model.n, dtype=bool), 1.0, gaps), axis=1)


for _function in (
    interpolate.KroghInterpolator.__mro__[1].derivative,
    interpolate.KroghInterpolator.__mro__[1].derivatives,
    interpolate.BarycentricInterpolator.derivative,
):

    @composite(_function, name=f"scipy.interpolate.{_function.__qualname__}", always=True)
    def polynomial_derivative(
        self: Any, x: Any, der: Any = 1, _function: Any = _function
    ) -> Any:
        """Refuse where anything is traced; else SciPy's."""
        if flows(settled(x)) or flows([self.xi, self.yi]):
            raise refusal(
                f"scipy.interpolate.{_function.__qualname__}", "it has no rule",
                "differentiate the polynomial itself: chainrule.derivative(p)",
            )
        return _function(self, settled(x), der)


@composite(interpolate.krogh_interpolate, name="scipy.interpolate.krogh_interpolate")
def krogh_interpolate(xi: Any, yi: Any, x: Any, der: Any = 0, axis: int = 0) -> Any:
    """Evaluate the polynomial through points; its derivatives are refused."""
    return _at_once(interpolate.KroghInterpolator, krogh, xi, yi, x, der, axis)


@composite(interpolate.barycentric_interpolate, name="scipy.interpolate.barycentric_interpolate")
def barycentric_interpolate(
    xi: Any, yi: Any, x: Any, axis: int = 0, *, der: Any = 0, rng: Any = None, **_: Any
) -> Any:
    """Evaluate the polynomial through points; its derivatives are refused."""
    return _at_once(interpolate.BarycentricInterpolator, barycentric, xi, yi, x, der, axis)


def _at_once(kind: Any, init: Any, xi: Any, yi: Any, x: Any, der: Any, axis: int) -> Any:
    if np.ndim(der) or der:
        raise refusal(
            f"derivatives of {kind.__name__}", "they have no rule",
            "differentiate the polynomial itself: chainrule.derivative(p)",
        )  # fmt: skip
    self = object.__new__(kind)
    init(self, xi, yi, axis)
    return interp1d_call(self, x)


@composite(interpolate.pchip_interpolate, name="scipy.interpolate.pchip_interpolate")
def pchip_interpolate(xi: Any, yi: Any, x: Any, der: Any = 0, axis: int = 0) -> Any:
    """Interpolate monotonically, or return derivatives of what does."""
    self = object.__new__(interpolate.PchipInterpolator)
    splines.pchip(self, settled(xi), settled(yi), axis)
    if np.ndim(der):
        return [splines.ppoly_call(self, x, nu) for nu in der]
    return splines.ppoly_call(self, x, der)


# --- FITPACK --------------------------------------------------------------------------------------

_EXT = {0: 0, "extrapolate": 0, 1: 1, "zeros": 1, 2: 2, "raise": 2, 3: 3, "const": 3}


def _fitpack_values(tck: Any, x: Any, nu: int, ext: int) -> Any:
    """Evaluate a spline of traced coefficients as FITPACK does beyond its ends."""
    t, c, k = tck
    t, x = plain(t), _float(x)
    c = c[: len(t) - k - 1]
    first, last = t[k], t[len(t) - k - 1]
    outside = np.less(x, first) | np.greater(x, last)
    if ext == 2 and np.any(outside):
        raise ValueError("a value of x is outside of the spline's interval")
    if ext == 3:
        x = np.clip(x, first, last)
    y = splines._bspline_values(t, c, k, x, nu, True)
    return np.where(outside, 0.0, y) if ext == 1 else y


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
            "use s=0, make_interp_spline, or make_lsq_spline with knots of your own",
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
    found = splines.as_computed(_values_to_coefficients(make, y), c)
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


def _as_bspline(self: Any) -> Any:
    t, c, k = self._eval_args
    return bspline_of(t, c[: len(t) - k - 1], k, True)


_univariate_part(
    "integral",
    lambda self, a, b: splines.bspline_integrate(_as_bspline(self), a, b, extrapolate=False),
)
_univariate_part("derivative", lambda self, n=1: splines.bspline_derivative(_as_bspline(self), n))
_univariate_part(
    "antiderivative", lambda self, n=1: splines.bspline_antiderivative(_as_bspline(self), n)
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

    return knots, splines.as_computed(_values_to_coefficients(make, y), c), k


@composite(interpolate.splev, name="scipy.interpolate.splev")
def splev(x: Any, tck: Any, der: int = 0, ext: int = 0) -> Any:
    """Evaluate a spline of FITPACK: traced at the points or in the coefficients."""
    if isinstance(tck, interpolate.BSpline):
        return splines.bspline_call(tck, x, der, True)
    t, c, k = tck
    if flows(t):
        raise refusal("splev with traced knots", "they have no rule", "use BSpline")
    return _fitpack_values((t, as_array(settled(c)), k), as_array(settled(x)), der, ext)


@composite(interpolate.splint, name="scipy.interpolate.splint")
def splint(a: Any, b: Any, tck: Any, full_output: Any = 0) -> Any:
    """Integrate a spline of FITPACK from a to b."""
    t, c, k = tck.tck if isinstance(tck, interpolate.BSpline) else tck
    spline = bspline_of(plain(t), as_array(c)[: len(t) - k - 1], k, True)
    return splines.bspline_integrate(spline, a, b, extrapolate=False)

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


_surface_slot = Jvp(_surface_jvp, joint=True)
surface_at = Op(
    "surface_at",
    lambda x, z, spline, orders, grid: spline(x, z, *orders, grid=grid),
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
    return splines.bspline(np.eye(n), inside, basis=splines.Basis(t, k, True), nu=nu)


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
        rows, cols = _design(tx, kx, x, int(dx)), _design(ty, ky, y, int(dy))
        half = np.matmul(rows, np.reshape(c, (rows.shape[1], cols.shape[1])))
        z = np.matmul(half, cols.T) if grid else np.sum(half * cols, axis=1)
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
    if flows(x) or flows(y) or plain(s) != 0:
        raise refusal(
            "RectBivariateSpline with traced grid points, or with smoothing",
            "only interpolated values have a rule", "pass plain grid points, and s=0",
        )  # fmt: skip
    model = _Rect(x, y, plain(z), list(bbox), kx, ky, 0)
    tx, ty, c = model.tck
    left = _collocation(tx, kx, np.ravel(x))
    right = _collocation(ty, ky, np.ravel(y))
    whole = np.matmul(np.matmul(left, z), right.T)
    self.fp, self.degrees = model.fp, model.degrees
    self.tck = (tx, ty, splines.as_computed(np.ravel(whole), c))


def _collocation(t: Any, k: int, x: Any) -> Any:
    """Return the matrix from values at x to B-spline coefficients."""
    return np.linalg.inv(splines.Basis(t, k, True).matrix(x, 0, len(t) - k - 1))


for _name in ("integral", "partial_derivative"):
    _function = getattr(interpolate.BivariateSpline, _name)

    @composite(_function, name=f"scipy.interpolate.BivariateSpline.{_name}", always=True)
    def surface_part(self: Any, *args: Any, _function: Any = _function) -> Any:
        """Refuse where anything is traced; else SciPy's."""
        args = settled(args)
        if flows(self.tck[2]) or flows(args):
            raise refusal(
                f"scipy.interpolate.BivariateSpline.{_function.__name__}", "it has no rule",
                "evaluate with dx=…, dy=…",
            )
        return _function(self, *args)


refused(
    interpolate.make_smoothing_spline, "it chooses the smoothing by the data",
    "use make_lsq_spline of plain knots, or a penalty of your own", "make_smoothing_spline",
)  # fmt: skip
refused(
    interpolate.make_lsq_spline, "it has no rule",
    "solve with BSpline.design_matrix(x, t, k).toarray() and numpy.linalg.lstsq", "make_lsq_spline",
)  # fmt: skip
refused(
    interpolate.splprep, "FITPACK chooses the knots by the data", "use make_interp_spline",
    "scipy.interpolate.splprep",
)  # fmt: skip

__all__ = ["interpolate_nd"]
