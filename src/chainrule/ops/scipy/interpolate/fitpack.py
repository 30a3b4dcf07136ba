"""FITPACK's splines: `UnivariateSpline`, `splrep`, `splprep`, `splev`, and `RectBivariateSpline`.

What they fit in one dimension is replayed (`curves.py`); splines of two variables only interpolate.
"""

import warnings
from typing import Any

import numpy as np
from scipy import interpolate

from ....core.holders import bare
from ....core.op import Notation, Op
from ....core.registry import add, composite
from ....core.sequences import items
from ....core.slots import Jvp
from ...declare import as_array
from ..common import agreed, as_computed, constant_of, flows, plain, refusal, settled
from . import bsplines, curves
from .bsplines import bspline_of
from .piecewise import _float, at_points

_EXT = {0: 0, "extrapolate": 0, 1: 1, "zeros": 1, 2: 2, "raise": 2, 3: 3, "const": 3}


def _fitpack_values(tck: Any, x: Any, nu: int, ext: int) -> Any:
    """Evaluate a spline of traced coefficients as FITPACK does beyond its ends."""
    t, c, k = tck
    x = _float(x)
    n = len(t) - k - 1
    c = c[:n]
    value = splev_value(c, x, t=agreed(t), k=k, nu=nu, ext=ext)
    first, last = t[k], t[n]
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
    always="held",
)  # fmt: skip
def univariate_call(self: Any, x: Any, nu: int = 0, ext: Any = None) -> Any:
    """Evaluate FITPACK's spline."""
    x = settled(x)
    how = self.ext if ext is None else _EXT[ext]
    if flows(self._eval_args[1]):
        return _fitpack_values(self._eval_args, x, nu, how)
    if not flows(x):
        return interpolate.UnivariateSpline.__call__(bare(self), x, nu, ext)
    if how == 3 and nu == 0:
        k, t = self._eval_args[2], self._eval_args[0]
        x = np.clip(x, t[k], t[len(t) - k - 1])
    return at_points(bare(self), x, nu, how, top=self._eval_args[2])


_Univariate, _Least = interpolate.UnivariateSpline, interpolate.LSQUnivariateSpline
_Through = interpolate.InterpolatedUnivariateSpline
_PLACE = {"UnivariateSpline": 5}  # of the argument s; in the functions it is 7


@composite(_Through.__init__, name="scipy.interpolate.InterpolatedUnivariateSpline")
def interpolated_init(
    self: Any, x: Any, y: Any, w: Any = None, bbox: Any = (None, None), k: int = 3, ext: Any = 0,
    check_finite: bool = False,
) -> None:  # fmt: skip
    """Interpolate by FITPACK's spline; values, points and ends may be traced."""
    options = {"k": k, "ext": ext, "check_finite": check_finite}
    _univariate(self, _Through, x, y, w, bbox, 0.0, options)


@composite(_Univariate.__init__, name="scipy.interpolate.UnivariateSpline")
def univariate_init(
    self: Any, x: Any, y: Any, w: Any = None, bbox: Any = (None, None), k: int = 3, s: Any = None,
    ext: Any = 0, check_finite: bool = False,
) -> None:  # fmt: skip
    """Fit FITPACK's spline; all but the degree may be traced."""
    s = settled(s)
    options = {"s": s if s is None else agreed(s), "k": k, "ext": ext, "check_finite": check_finite}
    s = np.shape(x)[0] if s is None else s
    _univariate(self, _Univariate, x, y, w, bbox, s, options)


@composite(_Least.__init__, name="scipy.interpolate.LSQUnivariateSpline")
def least_init(
    self: Any, x: Any, y: Any, t: Any, w: Any = None, bbox: Any = (None, None), k: int = 3,
    ext: Any = 0, check_finite: bool = False,
) -> None:  # fmt: skip
    """Fit by least squares with knots as given; all but the degree may be traced."""
    t = _float(settled(t))
    options = {"t": agreed(t), "k": k, "ext": ext, "check_finite": check_finite}
    _univariate(self, _Least, x, y, w, bbox, None, options, t)


def _univariate(
    self: Any, kind: Any, x: Any, y: Any, w: Any, bbox: Any, s: Any, options: Any,
    inner: Any = None,
) -> None:  # fmt: skip
    ends = settled(list(bbox))
    x, y, w = _parts(x, y, w)
    places, values, weights, *box = _agreed(x, y, w, *ends)
    model = kind(places, values, w=weights, bbox=box, **options)
    fit = model._eval_args, model.get_residual()
    found = _fit(x, y[:, None], w, ends, s, *fit, kind.__name__, inner)
    if type(self) in (_Univariate, _Through, _Least):
        self.__class__ = type(model)
    self.__dict__.update(model.__dict__)
    *self._eval_args, self._left = found
    self._data = None


def _parts(x: Any, y: Any, w: Any) -> tuple[Any, Any, Any]:
    """Return the arrays of a fit; weights may be left out."""
    return _float(settled(x)), _float(settled(y)), w if w is None else _float(settled(w))


def _agreed(*arrays: Any) -> Any:
    """Return the plain numbers of each, for SciPy; what was left out stays so."""
    return [a if a is None else agreed(a) for a in arrays]


def _fit(
    x: Any, y: Any, w: Any, ends: Any, s: Any, tck: Any, left: Any, name: str, inner: Any = None
) -> tuple[Any, Any, int, Any]:
    """Return the knots and coefficients of SciPy's fit `tck`, traced, and the squares it leaves.

    Coefficients have the length of SciPy's, which may end with zeros. `inner` are knots that were
    given; then s is None. The squares are a pair: traced, and SciPy's.
    """
    s = settled(s)
    curves.check_goal(s, name, _PLACE.get(name, 7))
    t, c, k = tck
    n = len(t) - k - 1
    rows = np.atleast_2d(c)
    first, last = (x[at] if e is None else e for at, e in zip((0, -1), ends, strict=True))
    knots = curves.knots_at(t, x, k, first, last, inner, name)
    found, squares = curves.fitted(knots, k, x, y, w, s)
    whole = curves.anchored(found.T, rows[:, :n], s, name)
    if rows.shape[1] > n:
        whole = np.concatenate([whole, np.zeros_like(rows[:, n:])], axis=1)
    return knots, whole if np.ndim(c) > 1 else whole[0], k, (squares, left)


def _univariate_part(name: str, result: Any) -> None:
    function = getattr(interpolate.UnivariateSpline, name)

    @composite(function, name=f"scipy.interpolate.UnivariateSpline.{name}", always="held")
    def body(self: Any, *args: Any, **kwargs: Any) -> Any:
        """Answer of a B-spline with the same coefficients where anything is traced."""
        args = settled(args)
        if not (flows(self._eval_args[1]) or flows(args) or flows(kwargs)):
            return function(bare(self), *args, **kwargs)
        if result is None:
            raise refusal(
                f"scipy.interpolate.UnivariateSpline.{name}", "it has no rule",
                "evaluate the spline, or its derivative(n)",
            )
        return result(self, *args, **kwargs)


def _as_bspline(tck: Any) -> Any:
    t, c, k = tck
    return bspline_of(t, c[: len(t) - k - 1], k, True)


def _integral(tck: Any, a: Any, b: Any) -> Any:
    spline = _as_bspline(tck)
    found = bsplines.bspline_integrate(spline, a, b, extrapolate=False)
    value = splint_value(spline.c, as_array(a), as_array(b), t=agreed(spline.t), k=spline.k)
    return as_computed(found, value).item()


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
_univariate_part(
    "derivatives", lambda self, x: np.stack([univariate_call(self, x, n) for n in _orders(self)])
)
_univariate_part("get_coeffs", lambda self: _as_bspline(self._eval_args).c)
_univariate_part("get_knots", lambda self: _inner(*self._eval_args))
_univariate_part("get_residual", lambda self: as_computed(*self._left))
for _name in ("roots", "set_smoothing_factor"):
    _univariate_part(_name, None)


def _orders(self: Any) -> range:
    return range(self._eval_args[2] + 1)


def _inner(t: Any, _c: Any, k: int) -> Any:
    return t[k : len(t) - k]


@composite(interpolate.splrep, name="scipy.interpolate.splrep")
def splrep(
    x: Any, y: Any, w: Any = None, xb: Any = None, xe: Any = None, k: int = 3, task: int = 0,
    s: Any = None, t: Any = None, full_output: Any = 0, per: Any = 0, quiet: Any = 1,
) -> Any:  # fmt: skip
    """Fit FITPACK's spline; periodic ones are refused."""
    _only_anew("splrep", task > 0, per)
    if s is None:
        s = 0.0 if w is None else len(w) - np.sqrt(2 * len(w))
    x, y, w = _parts(x, y, w)
    ends, t = settled((xb, xe)), t if t is None else _float(settled(t))
    s = settled(s)
    tck, left, ier, message = interpolate.splrep(
        *_agreed(x, y, w, *ends), k, task, *_agreed(s, t), full_output=1, quiet=quiet
    )
    if not full_output:
        _told(ier, message)
    s = s if t is None else None
    *tck, squares = _fit(x, y[:, None], w, ends, s, tck, left, "splrep", t)
    return (tuple(tck), as_computed(*squares), ier, message) if full_output else tuple(tck)


def _told(ier: int, message: str) -> None:
    if ier in (1, 2, 3):
        warnings.warn(RuntimeWarning(message), stacklevel=4)
    elif ier > 0:
        raise ValueError(message)


def _only_anew(name: str, more: Any, per: Any) -> None:
    if per:
        raise refusal(
            f"{name} of a periodic spline", "it has no rule",
            "use make_interp_spline(x, y, bc_type='periodic')",
        )  # fmt: skip
    if more:
        raise refusal(
            f"{name} with knots of an earlier fit", "it has no rule", "use make_lsq_spline(x, y, t)"
        )  # fmt: skip


def _rows(x: Any) -> Any:
    """Return the coordinates of a curve, which may come as a list."""
    return _float(np.stack([as_array(settled(row)) for row in x]) if items(x) else settled(x))


def _chords(x: Any, value: Any) -> Any:
    """Return the lengths of a polygon up to its corners, as shares of the whole."""
    way = np.cumsum(np.sqrt(np.sum((x[:, 1:] - x[:, :-1]) ** 2, axis=0)))
    return as_computed(np.concatenate([np.zeros(1), way / way[-1]]), value)


@composite(interpolate.splprep, name="scipy.interpolate.splprep")
def splprep(
    x: Any, w: Any = None, u: Any = None, ub: Any = None, ue: Any = None, k: int = 3,
    task: int = 0, s: Any = None, t: Any = None, full_output: Any = 0, nest: Any = None,
    per: Any = 0, quiet: Any = 1,
) -> Any:  # fmt: skip
    """Fit FITPACK's curve in several dimensions; the chord lengths move with the points."""
    _only_anew("splprep", task or t is not None, per)
    x = _rows(x)
    _, m = x.shape
    u = u if u is None else _float(settled(u))
    w = w if w is None else _float(settled(w))
    s = m - np.sqrt(2 * m) if s is None else settled(s)
    ends = (None, None) if u is None else (settled(ub), settled(ue))
    (tck, at), left, ier, message = interpolate.splprep(
        *_agreed(x, w, u, *ends), k, s=agreed(s), nest=nest, full_output=1, quiet=quiet
    )
    if not full_output:
        _told(ier, message)
    u = _chords(x, at) if u is None else u
    tck = tck[0], np.stack(tck[1]), tck[2]
    knots, c, k, squares = _fit(u, x.T, w, ends, s, tck, left, "splprep")
    found = [knots, list(c), k], u
    return (found, as_computed(*squares), ier, message) if full_output else found


def _several(c: Any) -> bool:
    """Say whether these are the coefficients of a curve in several dimensions."""
    return np.ndim(c[0]) == 1 if items(c) else np.ndim(c) == 2


@composite(interpolate.splev, name="scipy.interpolate.splev")
def splev(x: Any, tck: Any, der: int = 0, ext: int = 0) -> Any:
    """Evaluate a spline of FITPACK: traced at the points or in the coefficients."""
    if isinstance(tck, interpolate.BSpline):
        return bsplines.bspline_call(tck, x, der, True)
    t, c, k = tck
    if _several(c):
        return [splev(x, (t, row, k), der, ext) for row in c]
    return _fitpack_values((t, as_array(settled(c)), k), as_array(settled(x)), der, ext)


@composite(interpolate.splint, name="scipy.interpolate.splint")
def splint(a: Any, b: Any, tck: Any, full_output: Any = 0) -> Any:
    """Integrate a spline of FITPACK from a to b."""
    if isinstance(tck, interpolate.BSpline):
        return bsplines.bspline_integrate(tck, a, b, extrapolate=False)
    t, c, k = tck
    if _several(c):
        return [splint(a, b, (t, row, k)) for row in c]
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


@composite(_Two.__call__, name="scipy.interpolate.BivariateSpline.__call__", always="held")
def surface(self: Any, x: Any, y: Any, dx: int = 0, dy: int = 0, grid: bool = True) -> Any:
    """Evaluate FITPACK's spline of two variables, at a grid or at points."""
    x, y = settled(x), settled(y)
    if not (flows(self.tck[2]) or flows(x) or flows(y)):
        return _Two.__call__(bare(self), x, y, dx, dy, grid)
    x, y = np.broadcast_arrays(x, y) if not grid else (np.atleast_1d(x), np.atleast_1d(y))
    x, y = _float(x), _float(y)
    shape = x.shape
    x, y = np.ravel(x), np.ravel(y)
    tx, ty, c = self.tck
    kx, ky = self.degrees
    if not flows(c):
        x, y = np.clip(x, tx[kx], tx[-kx - 1]), np.clip(y, ty[ky], ty[-ky - 1])
        z = surface_at(x, y, spline=bare(self), orders=(int(dx), int(dy)), grid=bool(grid))
    else:
        form = {"spline": self, "orders": (int(dx), int(dy)), "grid": bool(grid)}
        made = _by_design(self, c, x, y, form["orders"], form["grid"])
        z = as_computed(made, surface_value(c, x, y, **form))
    return z if grid else np.reshape(z, shape)


@composite(
    interpolate.BivariateSpline.ev, name="scipy.interpolate.BivariateSpline.ev", always="held"
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


@composite(_surface_integral, name="scipy.interpolate.BivariateSpline.integral", always="held")
def surface_integral(self: Any, xa: Any, xb: Any, ya: Any, yb: Any) -> Any:
    """Integrate the B-splines of y, whose sums are coefficients of B-splines of x."""
    xa, xb, ya, yb = limits = settled((xa, xb, ya, yb))
    tx, ty, c = self.tck[:3]
    if not (flows(c) or flows(limits)):
        return _surface_integral(bare(self), *limits)
    kx, ky = self.degrees
    rows = np.reshape(as_array(c), (len(tx) - kx - 1, -1))
    along_y = bspline_of(plain(ty), np.transpose(rows), ky, True)
    sums = bsplines.bspline_integrate(along_y, ya, yb, extrapolate=False)
    along_x = bspline_of(plain(tx), sums, kx, True)
    found = bsplines.bspline_integrate(along_x, xa, xb, extrapolate=False)
    model = object.__new__(interpolate.BivariateSpline)
    model.tck, model.degrees = (tx, ty, plain(c)), self.degrees
    return as_computed(found, _surface_integral(model, *map(plain, limits)))


@composite(
    _surface_derivative, name="scipy.interpolate.BivariateSpline.partial_derivative", always="held"
)
def surface_derivative(self: Any, dx: Any, dy: Any) -> Any:
    """Refuse where anything is traced; else SciPy's."""
    if flows(self.tck[2]):
        raise refusal(
            "scipy.interpolate.BivariateSpline.partial_derivative", "it has no rule",
            "evaluate with dx=…, dy=…",
        )
    return _surface_derivative(bare(self), settled(dx), settled(dy))
