"""Piecewise polynomials of `scipy.interpolate`: PPoly, BSpline, and the cubic interpolators.

A spline of plain numbers at a traced point is differentiated by its own derivative. A spline that
is built of traced data holds traced coefficients (and knots) and is evaluated by formula: powers
from the left end of the interval, or de Boor's recursion. Which interval a point lies in is locally
constant: at a knot the derivative is that of the side SciPy takes.

Errors: roots, and integrals of periodic splines with traced bounds, are refused; so are Bernstein
polynomials with traced coefficients.
"""

from typing import Any

import numpy as np
from scipy import interpolate

from ..core.op import Notation, Op
from ..core.registry import add, composite
from ..core.slots import INDEX, Jvp, Linear
from . import scipy_systems
from .declare import as_array
from .scipy_common import as_computed, flows, plain, refusal, settled

PPoly, BSpline, BPoly = interpolate.PPoly, interpolate.BSpline, interpolate.BPoly
Base = PPoly.__mro__[1]

# --- splines of plain numbers ---------------------------------------------------------------------


def _spline_jvp(t: Any, y: Any, x: Any, spline: Any, nu: int, how: Any, top: Any, axis: int) -> Any:
    if top is not None and nu >= top:
        return 0 * y
    slope = spline_at(x, spline=spline, nu=nu + 1, how=how, top=top, axis=axis)
    return np.reshape(t, t.shape + (1,) * (len(y.shape) - len(t.shape) - axis)) * slope


spline_at = Op(
    "spline_at",
    lambda x, spline, nu, how, top, axis: np.asarray(spline(x, nu, how))[()],
    (Jvp(_spline_jvp),),
    batch="loop",
    notation=Notation("s({0})", "s({0})", 100, (0,), "d s(u) = s′(u) du, s′ the spline's own"),
)
add(spline_at)


def at_points(spline: Any, x: Any, nu: int, how: Any, top: Any = None, axis: int = 0) -> Any:
    """Evaluate a spline of plain numbers at traced points."""
    x = as_array(x)
    _only_real(x)
    return spline_at(x, spline=spline, nu=int(nu), how=how, top=top, axis=axis)


def _only_real(x: Any) -> None:
    if x.dtype.kind == "c":
        raise refusal("a spline at complex points", "SciPy drops the imaginary part", "pass real x")


def _interval(x: Any, knots: Any, first: int, last: int) -> Any:
    """Return the interval of each point, within first … last − 1."""
    sign = 1 if knots[-1] >= knots[0] else -1
    found = np.searchsorted(sign * knots, sign * x, side="right") - 1
    return np.clip(found, first, last - 1)


interval = Op("interval", _interval, (INDEX, INDEX), batch="loop",
              notation=Notation(rule="piecewise constant: nothing flows"))  # fmt: skip
add(interval)

# --- piecewise polynomials ------------------------------------------------------------------------


def _held(self: Any) -> bool:
    return flows(self._c) or flows(self._x)


def _keep(value: Any, *_: Any, **__: Any) -> Any:
    return value


def _set(self: Any, c: Any, x: Any, extrapolate: Any, axis: int) -> Any:
    """Give a piecewise polynomial its traced coefficients and breakpoints."""
    if extrapolate != "periodic":
        extrapolate = True if extrapolate is None else bool(extrapolate)
    self._c, self._x, self.extrapolate, self.axis, self._asarray = c, x, extrapolate, axis, _keep
    return self


def _float(x: Any) -> Any:
    x = as_array(x)
    kind = np.complex128 if x.dtype.kind == "c" else np.float64
    return x if x.dtype == kind else x.astype(kind)


@composite(Base.__init__, name="scipy.interpolate.PPoly")
def ppoly_init(self: Any, c: Any, x: Any, extrapolate: Any = None, axis: int = 0) -> None:
    """Hold traced coefficients, or breakpoints."""
    c, x = _float(c), _float(x)
    self.__class__(plain(c), plain(x), extrapolate, axis)  # what is wrong is said by SciPy
    if axis:
        c = np.moveaxis(np.moveaxis(c, axis + 1, 0), axis + 1, 0)
    _set(self, c, x, extrapolate, axis)


@composite(Base.construct_fast.__func__, name="scipy.interpolate.PPoly.construct_fast")
def ppoly_fast(cls: Any, c: Any, x: Any, extrapolate: Any = None, axis: int = 0) -> Any:
    """Make a piecewise polynomial of traced coefficients."""
    return _set(object.__new__(cls), as_array(c), as_array(x), extrapolate, axis)


@composite(Base.__call__, name="scipy.interpolate.PPoly.__call__", always=True)
def ppoly_call(self: Any, x: Any, nu: int = 0, extrapolate: Any = None) -> Any:
    """Evaluate a piecewise polynomial, or one of its derivatives."""
    x = settled(x)
    if not _held(self):
        if not flows(x):
            return Base.__call__(self, x, nu, extrapolate)
        return at_points(self, x, nu, extrapolate, axis=self.axis)
    if not isinstance(self, PPoly):
        raise refusal(
            f"{type(self).__name__} with traced coefficients", "only PPoly has a formula",
            "use PPoly.from_bernstein_basis",
        )  # fmt: skip
    how = self.extrapolate if extrapolate is None else extrapolate
    return _powers(self._c, self._x, x, nu, how, self.axis)


def _powers(c: Any, knots: Any, x: Any, nu: int, how: Any, axis: int) -> Any:
    x = _float(x)
    _only_real(x)
    shape, x = x.shape, np.ravel(x)
    if how == "periodic":
        x = knots[0] + (x - knots[0]) % (knots[-1] - knots[0])
        how = False
    place = interval(x, knots, first=0, last=knots.shape[0] - 1)
    s = x - np.take(knots, place)
    k = c.shape[0]
    rows = np.reshape(c, (k, c.shape[1], -1))
    total, z = None, np.ones_like(s)
    for power in range(nu, k):
        term = np.take(rows[k - power - 1], place, axis=0) * z[:, None]
        factor = float(np.prod(np.arange(power, power - nu, -1.0)))
        term = term if factor == 1 else term * factor
        total = term if total is None else total + term
        z = z * s
    if total is None:
        total = np.zeros_like(np.take(rows[0], place, axis=0))
    if not how:
        ends = plain(knots[0]), plain(knots[-1])
        outside = np.less(x, min(ends)) | np.greater(x, max(ends))
        total = np.where(outside[:, None], np.nan, total)
    total = np.where(np.isnan(x)[:, None], np.nan, total)
    return _turned(np.reshape(total, shape + c.shape[2:]), len(shape), axis)


def _turned(out: Any, rank: int, axis: int) -> Any:
    """Put the axes of the points where the interpolated axis was."""
    if axis == 0:
        return out
    order = list(range(out.ndim))
    return np.transpose(
        out, order[rank : rank + axis] + order[:rank] + order[rank + axis :]
    )  # fmt: skip


def _raised(c: Any, x: Any) -> Any:
    """Return the coefficients of an antiderivative that is continuous and 0 at the first knot."""
    k = c.shape[0]
    rest = (1,) * (c.ndim - 2)
    over = np.reshape(np.arange(k, 0, -1.0), (k, 1, *rest))
    raised = c / over
    steps = np.reshape(x[1:] - x[:-1], (-1, *rest))
    ends = raised[0]
    for row in range(1, k):
        ends = ends * steps + raised[row]
    sums = np.cumsum(ends * steps, axis=0)
    start = np.concatenate([np.zeros_like(sums[:1]), sums[:-1]])
    return np.concatenate([raised, start[None]])


@composite(PPoly.derivative, name="scipy.interpolate.PPoly.derivative", always=True)
def ppoly_derivative(self: Any, nu: int = 1) -> Any:
    """Return the derivative as a piecewise polynomial."""
    if not _held(self):
        return PPoly.derivative(self, nu)
    if nu < 0:
        return self.antiderivative(-nu)
    c = self._c
    for _ in range(nu):
        k = c.shape[0] - 1
        powers = np.reshape(np.arange(k, 0, -1.0), (k,) + (1,) * (c.ndim - 1))
        c = c[:-1] * powers if k else np.zeros_like(c)
    return _set(object.__new__(type(self).__mro__[0] if type(self) is PPoly else PPoly),
                c, self._x, self.extrapolate, self.axis)  # fmt: skip


@composite(PPoly.antiderivative, name="scipy.interpolate.PPoly.antiderivative", always=True)
def ppoly_antiderivative(self: Any, nu: int = 1) -> Any:
    """Return the antiderivative as a piecewise polynomial."""
    if not _held(self):
        return PPoly.antiderivative(self, nu)
    if nu <= 0:
        return self.derivative(-nu)
    c = self._c
    for _ in range(nu):
        c = _raised(c, self._x)
    how = False if self.extrapolate == "periodic" else self.extrapolate
    return _set(object.__new__(PPoly), c, self._x, how, self.axis)


@composite(PPoly.integrate, name="scipy.interpolate.PPoly.integrate", always=True)
def ppoly_integrate(self: Any, a: Any, b: Any, extrapolate: Any = None) -> Any:
    """Integrate from a to b; by the antiderivative where anything is traced."""
    a, b = settled(a), settled(b)
    if not (_held(self) or flows(a) or flows(b)):
        return PPoly.integrate(self, a, b, extrapolate)
    how = self.extrapolate if extrapolate is None else extrapolate
    if how == "periodic":
        raise refusal(
            "PPoly.integrate(extrapolate='periodic')", "it has no rule", "integrate over one period"
        )  # fmt: skip
    whole = ppoly_antiderivative(self)
    return _between(whole, a, b, bool(how), ppoly_call)


def _between(whole: Any, a: Any, b: Any, how: bool, call: Any) -> Any:
    return call(whole, b, 0, how) - call(whole, a, 0, how)


def _refuse_roots(function: Any, name: str) -> None:
    @composite(function, name=f"scipy.interpolate.{name}", always=True)
    def body(self: Any, *args: Any, **kwargs: Any) -> Any:
        """Refuse where coefficients are traced."""
        if _held(self) or flows(args) or flows(kwargs):
            raise refusal(
                f"scipy.interpolate.{name}", "roots of splines have no rule",
                "find the root with scipy.optimize.brentq(spline, a, b)",
            )
        return function(self, *args, **kwargs)


_refuse_roots(PPoly.solve, "PPoly.solve")
_refuse_roots(PPoly.roots, "PPoly.roots")

# --- cubic interpolators --------------------------------------------------------------------------


def _prepared(x: Any, y: Any, axis: int, dydx: Any = None) -> tuple[Any, Any, Any, int, Any]:
    """Return x, its steps, y and dydx along the first axis, as SciPy prepares them."""
    x, y = _float(x), _float(y)
    if dydx is not None:
        dydx = _float(dydx)
        if dydx.shape != y.shape:
            raise ValueError("The shapes of `y` and `dydx` must be identical.")
    if x.dtype.kind == "c":
        raise ValueError("`x` must contain real values.")
    axis = axis % y.ndim
    if x.ndim != 1 or x.shape[0] < 2:
        raise ValueError("`x` must be 1-dimensional, and contain at least 2 elements.")
    if x.shape[0] != y.shape[axis]:
        raise ValueError(f"The length of `y` along `axis`={axis} doesn't match the length of `x`")
    if not (np.all(np.isfinite(x)) and np.all(np.isfinite(y))):
        raise ValueError("`x` and `y` must contain only finite values.")
    dx = x[1:] - x[:-1]
    if np.any(np.less_equal(dx, 0)):
        raise ValueError("`x` must be strictly increasing sequence.")
    y = np.moveaxis(y, axis, 0)
    return x, dx, y, axis, dydx if dydx is None else np.moveaxis(dydx, axis, 0)


def _wide(dx: Any, y: Any) -> Any:
    return np.reshape(dx, (dx.shape[0],) + (1,) * (y.ndim - 1))


def _hermite(x: Any, y: Any, slopes: Any) -> Any:
    """Return the coefficients of the cubics with these values and slopes."""
    dx = _wide(x[1:] - x[:-1], y)
    rise = (y[1:] - y[:-1]) / dx
    t = (slopes[:-1] + slopes[1:] - 2 * rise) / dx
    return np.stack([t / dx, (rise - slopes[:-1]) / dx - t, slopes[:-1], y[:-1]])


@composite(interpolate.CubicHermiteSpline.__init__, name="scipy.interpolate.CubicHermiteSpline")
def cubic_hermite_spline(
    self: Any, x: Any, y: Any, dydx: Any, axis: int = 0, extrapolate: Any = None
) -> None:
    """Interpolate values and slopes."""
    x, _, y, axis, slopes = _prepared(x, y, axis, dydx)
    _set(self, _hermite(x, y, slopes), x, extrapolate, axis)


def _edge(h0: Any, h1: Any, m0: Any, m1: Any) -> Any:
    d = ((2 * h0 + h1) * m0 - h0 * m1) / (h0 + h1)
    turned = np.not_equal(np.sign(d), np.sign(m0))
    steep = np.not_equal(np.sign(m0), np.sign(m1)) & np.greater(np.abs(d), 3.0 * np.abs(m0))
    return np.where(turned, 0.0, np.where(steep, 3.0 * m0, d))


def _monotone_slopes(x: Any, y: Any) -> Any:
    h = _wide(x[1:] - x[:-1], y)
    m = (y[1:] - y[:-1]) / h
    if y.shape[0] == 2:
        return np.concatenate([m, m])
    flat = np.not_equal(np.sign(m[1:]), np.sign(m[:-1])) | np.equal(m[1:], 0) | np.equal(m[:-1], 0)
    left, right = np.where(flat, 1.0, m[:-1]), np.where(flat, 1.0, m[1:])
    w1, w2 = 2 * h[1:] + h[:-1], h[1:] + 2 * h[:-1]
    inner = np.where(flat, 0.0, 1.0 / ((w1 / left + w2 / right) / (w1 + w2)))
    first = _edge(h[0], h[1], m[0], m[1])
    return np.concatenate([first[None], inner, _edge(h[-1], h[-2], m[-1], m[-2])[None]])


@composite(interpolate.PchipInterpolator.__init__, name="scipy.interpolate.PchipInterpolator")
def pchip(self: Any, x: Any, y: Any, axis: int = 0, extrapolate: Any = None) -> None:
    """Interpolate monotonically; where a slope is set to zero, its derivative is."""
    x, _, y, axis, _ = _prepared(x, y, axis)
    if y.dtype.kind == "c":
        raise ValueError("`PchipInterpolator` only works with real values for `y`.")
    _set(self, _hermite(x, y, _monotone_slopes(x, y)), x, extrapolate, axis)


def _akima_slopes(x: Any, y: Any, method: str) -> Any:
    rise = (y[1:] - y[:-1]) / _wide(x[1:] - x[:-1], y)
    if y.shape[0] == 2:
        return np.concatenate([rise, rise])
    one = 2.0 * rise[0] - rise[1]
    last = 2.0 * rise[-1] - rise[-2]
    m = np.concatenate([
        (2.0 * one - rise[0])[None], one[None], rise, last[None], (2.0 * last - rise[-1])[None]
    ])  # fmt: skip
    change = np.abs(m[1:] - m[:-1])
    f1, f2 = change[2:], change[:-2]
    if method == "makima":
        mean = np.abs(m[1:] + m[:-1])
        f1, f2 = f1 + 0.5 * mean[2:], f2 + 0.5 * mean[:-2]
    total = f1 + f2
    known = np.greater(total, 1e-9 * np.max(total, initial=-np.inf))
    weighted = m[1:-2] + f2 / np.where(known, total, 1.0) * (m[2:-1] - m[1:-2])
    return np.where(known, weighted, 0.5 * (m[3:] + m[:-3]))


@composite(interpolate.Akima1DInterpolator.__init__, name="scipy.interpolate.Akima1DInterpolator")
def akima(
    self: Any, x: Any, y: Any, axis: int = 0, *, method: str = "akima", extrapolate: Any = None
) -> None:
    """Interpolate by Akima's slopes."""
    if method not in ("akima", "makima"):
        raise NotImplementedError(f"`method`={method} is unsupported.")
    x, _, y, axis, _ = _prepared(x, y, axis)
    _set(self, _hermite(x, y, _akima_slopes(x, y, method)), x, bool(extrapolate), axis)


def _conditions(bc_type: Any, y: Any) -> list[Any]:
    """Return what is asked of both ends: a word, or the order and the value of a derivative."""
    if bc_type == "periodic" and not np.allclose(plain(y[0]), plain(y[-1]), rtol=1e-15, atol=1e-15):
        raise ValueError("The first and last `y` point must be identical if bc_type='periodic'.")
    ends = [bc_type, bc_type] if isinstance(bc_type, str) else list(bc_type)
    known = {"clamped": (1, np.zeros(y.shape[1:])), "natural": (2, np.zeros(y.shape[1:]))}
    for side, end in enumerate(ends):
        if isinstance(end, str):
            if end not in (*known, "not-a-knot", "periodic"):
                raise ValueError(f"bc_type={end} is not allowed.")
            ends[side] = known.get(end, end)
            continue
        order, value = end
        value = as_array(value)
        if order not in (1, 2) or value.shape != y.shape[1:]:
            raise ValueError("The specified derivative order must be 1 or 2, its shape that of y.")
        ends[side] = (order, value)
    return ends


def _banded(rows: list[Any], b: Any) -> Any:
    flat = np.reshape(b, (b.shape[0], -1))
    solved = scipy_systems.solve_banded((1, 1), np.stack(rows), flat, check_finite=False)
    return np.reshape(solved, b.shape)


def _end_row(end: Any, x: Any, dx: Any, dxr: Any, rise: Any, y: Any) -> tuple[Any, Any, Any]:
    """Return diagonal, its neighbour and right-hand side of the first equation."""
    if isinstance(end, str):
        d = x[2] - x[0]
        right = ((dxr[0] + 2 * d) * dxr[1] * rise[0] + dxr[0] ** 2 * rise[1]) / d
        return dx[1], d, right
    order, value = end
    if order == 1:
        return 0 * dx[0] + 1.0, 0 * dx[0], value + 0 * y[0]
    return 2 * dx[0], dx[0], -0.5 * value * dx[0] ** 2 + 3 * (y[1] - y[0])


def _cubic_slopes(x: Any, dx: Any, y: Any, ends: list[Any]) -> Any:
    dxr, n = _wide(dx, y), x.shape[0]
    rise = (y[1:] - y[:-1]) / dxr
    if n == 2:
        ends = [(1, rise[0]) if isinstance(end, str) else end for end in ends]
    if n == 3 and ends == ["not-a-knot", "not-a-knot"]:
        return _three(dx, dxr, rise)
    if n == 3 and ends[0] == "periodic":
        whole = np.sum(rise / dxr, axis=0) / np.sum(1.0 / dxr, axis=0)
        return np.broadcast_to(whole, y.shape)
    inner = 3 * (dxr[1:] * rise[:-1] + dxr[:-1] * rise[1:])
    middle = 2 * (dx[:-1] + dx[1:])
    if ends[0] == "periodic":
        return _periodic_slopes(dx, dxr, rise, inner, middle)
    d0, u0, b0 = _end_row(ends[0], x, dx, dxr, rise, y)
    dn, ln, bn = _end_row(
        _mirrored(ends[1]), -x[::-1], dx[::-1], dxr[::-1], rise[::-1] * 1.0, -y[::-1]
    )
    zero = np.zeros_like(dx[:1])
    rows = [
        np.concatenate([zero, u0[None], dx[:-1]]),
        np.concatenate([d0[None], middle, dn[None]]),
        np.concatenate([dx[1:], ln[None], zero]),
    ]
    return _banded(rows, np.concatenate([b0[None], inner, bn[None]]))


def _mirrored(end: Any) -> Any:
    """Read a condition from the other end: x ↦ −x, y ↦ −y keeps slopes and turns curvatures."""
    return end if isinstance(end, str) or end[0] == 1 else (2, -end[1])


def _three(dx: Any, dxr: Any, rise: Any) -> Any:
    """Return the slopes of the parabola through three points."""
    one, zero = np.ones_like(dx[0]), np.zeros_like(dx[0])
    rows = [[one, one, zero], [dx[1], 2 * (dx[0] + dx[1]), dx[0]], [zero, one, one]]
    a = np.stack([np.stack(row) for row in rows])
    b = np.stack([2 * rise[0], 3 * (dxr[0] * rise[1] + dxr[1] * rise[0]), 2 * rise[1]])
    flat = np.reshape(b, (3, -1))
    return np.reshape(scipy_systems.solve(a, flat, check_finite=False), b.shape)


def _periodic_slopes(dx: Any, dxr: Any, rise: Any, inner: Any, middle: Any) -> Any:
    first = 3 * (dxr[0] * rise[-1] + dxr[-1] * rise[0])
    last = 3 * (dxr[-1] * rise[-2] + dxr[-2] * rise[-1])
    b1 = np.concatenate([first[None], inner[:-1]])
    zero = np.zeros_like(dx[:1])
    n = dx.shape[0]
    rows = [
        np.concatenate([zero, dx[-1:], dx[: n - 3]]),
        np.concatenate([2 * (dx[-1:] + dx[:1]), middle[: n - 2]]),
        np.concatenate([dx[1 : n - 1], zero]),
    ]
    ones = np.ones(b1.shape[1:])
    b2 = np.concatenate([
        (-dx[0] * ones)[None], np.zeros((n - 3, *b1.shape[1:])), (-dx[-3] * ones)[None]
    ]) if n > 3 else np.stack([-dx[0] * ones, -dx[-3] * ones])  # fmt: skip
    s1, s2 = _banded(rows, b1), _banded(rows, b2)
    end = (last - dx[-2] * s1[0] - dx[-1] * s1[-1]) / (
        2 * (dx[-1] + dx[-2]) + dx[-2] * s2[0] + dx[-1] * s2[-1]
    )
    s = s1 + end * s2
    return np.concatenate([s, end[None], s[:1]])


@composite(interpolate.CubicSpline.__init__, name="scipy.interpolate.CubicSpline")
def cubic_spline(
    self: Any, x: Any, y: Any, axis: int = 0, bc_type: Any = "not-a-knot", extrapolate: Any = None
) -> None:
    """Interpolate by twice continuously differentiable cubics, with all conditions at the ends."""
    x, dx, y, axis, _ = _prepared(x, y, axis)
    ends = _conditions(bc_type, y)
    if extrapolate is None:
        extrapolate = "periodic" if ends[0] == "periodic" else True
    _set(self, _hermite(x, y, _cubic_slopes(x, dx, y, ends)), x, extrapolate, axis)


# --- B-splines ------------------------------------------------------------------------------------


class Basis:
    """The B-splines of plain knots, as a param: hashed by identity."""

    __slots__ = ("t", "k", "how")

    def __init__(self, t: Any, k: int, how: bool) -> None:
        self.t, self.k, self.how = t, k, how

    def __call__(self, c: Any, x: Any, nu: int) -> Any:
        return BSpline.construct_fast(self.t, c, self.k, self.how)(x, nu)

    def matrix(self, x: Any, nu: int, n: int) -> Any:
        """Return the values of the n basis functions at x."""
        return self(np.eye(n), x, nu)


def _back(ct: Any, x: Any, basis: Basis, nu: int, n: int) -> Any:
    matrix = basis.matrix(x, nu, n)
    unread = np.isnan(matrix).any(axis=1) & (ct == 0).all(axis=1)
    return np.where(unread[:, None], 0.0, matrix).T @ ct


bspline = Op(
    "bspline",
    lambda c, x, basis, nu: basis(c, x, nu),
    (
        Linear(transpose=lambda ct, c, x, basis, nu: bspline_back(
            ct, x, basis=basis, nu=nu, n=c.shape[0]
        )),
        Jvp(lambda t, _y, c, x, basis, nu: t[:, None] * bspline(c, x, basis=basis, nu=nu + 1)),
    ),
    complex=True,
    batch="loop",
    notation=Notation("Σcⱼ·Bⱼ({1})", "\\sum_j c_j B_j({1})", 10, (0, 0),
                      "linear in the coefficients; d Bⱼ(u) = Bⱼ′(u) du"),
)  # fmt: skip
bspline_back = Op(
    "bspline_back",
    _back,
    (
        Linear(transpose=lambda ct, _c, x, basis, nu, n: bspline(ct, x, basis=basis, nu=nu)),
        Jvp(lambda t, _y, ct, x, basis, nu, n: bspline_back(
            ct * t[:, None], x, basis=basis, nu=nu + 1, n=n
        )),
    ),
    complex=True,
    batch="loop",
    notation=Notation("ΣBⱼ({1})·{0}", "\\sum B_j({1})\\,{0}", 10, (0, 0), "the transpose of bspline"),
)  # fmt: skip
add(bspline)
add(bspline_back)


def _lowered(t: Any, c: Any, k: int) -> tuple[Any, Any, int]:
    """Return the derivative of a B-spline."""
    if k == 0:
        return t, np.zeros_like(c), k
    n = t.shape[0] - k - 1
    gap = np.reshape(t[k + 1 : n + k] - t[1:n], (-1,) + (1,) * (c.ndim - 1))
    return t[1:-1], (c[1:n] - c[: n - 1]) * k / gap, k - 1


def _lifted(t: Any, c: Any, k: int) -> tuple[Any, Any, int]:
    """Return the antiderivative of a B-spline that is 0 at the first knot."""
    n = t.shape[0] - k - 1
    gap = np.reshape(t[k + 1 : n + k + 1] - t[:n], (-1,) + (1,) * (c.ndim - 1))
    sums = np.cumsum(c[:n] * gap, axis=0) / (k + 1)
    return (
        np.concatenate([t[:1], t, t[-1:]]), np.concatenate([np.zeros_like(sums[:1]), sums]), k + 1
    )  # fmt: skip


def _de_boor(t: Any, c: Any, k: int, x: Any, nu: int) -> Any:
    """Evaluate a B-spline whose knots are traced."""
    for _ in range(nu):
        if k == 0:
            return np.zeros_like(c)[np.zeros(x.shape[0], np.intp)]
        t, c, k = _lowered(t, c, k)
    n = t.shape[0] - k - 1
    place = interval(x, t, first=k, last=n)
    weights = [np.ones_like(x)]
    for j in range(1, k + 1):
        fresh, carried = [], np.zeros_like(x)
        for r in range(j):
            right = np.take(t, place + r + 1)
            left = np.take(t, place + 1 - j + r)
            part = weights[r] / (right - left)
            fresh.append(carried + (right - x) * part)
            carried = (x - left) * part
        weights = [*fresh, carried]
    terms = [w[:, None] * np.take(c, place - k + j, axis=0) for j, w in enumerate(weights)]
    return sum(terms[1:], terms[0])


def bspline_of(t: Any, c: Any, k: int, extrapolate: Any = True, axis: int = 0) -> Any:
    """Make a B-spline of traced coefficients or knots."""
    self = object.__new__(BSpline)
    self._t, self._c, self.k, self.extrapolate, self.axis = t, c, int(k), extrapolate, axis
    self._asarray = _keep
    return self


@composite(BSpline.__init__, name="scipy.interpolate.BSpline")
def bspline_init(
    self: Any, t: Any, c: Any, k: int, extrapolate: Any = True, axis: int = 0
) -> None:
    """Hold traced coefficients, or knots."""
    t, c = _float(t), _float(c)
    BSpline(plain(t), plain(c), k, extrapolate, axis)  # what is wrong is said by SciPy
    axis = axis % c.ndim
    made = bspline_of(t, np.moveaxis(c, axis, 0), k, extrapolate, axis)
    self.__dict__.update(made.__dict__)


@composite(BSpline.construct_fast.__func__, name="scipy.interpolate.BSpline.construct_fast")
def bspline_fast(
    cls: Any, t: Any, c: Any, k: int, extrapolate: Any = True, axis: int = 0
) -> Any:
    """Make a B-spline of traced coefficients."""
    return bspline_of(as_array(t), as_array(c), k, extrapolate, axis)


def _loose_spline(self: Any) -> bool:
    return flows(self._c) or flows(self._t)


@composite(BSpline.__call__, name="scipy.interpolate.BSpline.__call__", always=True)
def bspline_call(self: Any, x: Any, nu: int = 0, extrapolate: Any = None) -> Any:
    """Evaluate a B-spline, or one of its derivatives."""
    x = settled(x)
    if not _loose_spline(self):
        if not flows(x):
            return BSpline.__call__(self, x, nu, extrapolate)
        return at_points(self, x, nu, extrapolate, axis=self.axis)
    how = self.extrapolate if extrapolate is None else extrapolate
    x = _float(x)
    _only_real(x)
    return _turned(_bspline_values(self._t, self._c, self.k, x, nu, how), x.ndim, self.axis)


def _bspline_values(t: Any, c: Any, k: int, x: Any, nu: int, how: Any) -> Any:
    shape, x = x.shape, np.ravel(x)
    n = t.shape[0] - k - 1
    if how == "periodic":
        x = t[k] + (x - t[k]) % (t[n] - t[k])
        how = False
    rows = np.reshape(c, (c.shape[0], -1))
    if not flows(t):
        y = bspline(rows, x, basis=Basis(plain(t), k, bool(how)), nu=int(nu))
    else:
        y = _de_boor(t, rows, k, x, nu)
        if not how:
            outside = np.less(x, plain(t[k])) | np.greater(x, plain(t[n]))
            y = np.where(outside[:, None], np.nan, y)
    return np.reshape(y, shape + c.shape[1:])


def _changed(self: Any, step: Any, times: int, extrapolate: Any) -> Any:
    t, c, k = self._t, self._c, self.k
    for _ in range(times):
        t, c, k = step(t, c, k)
    return bspline_of(t, c, k, extrapolate, self.axis)


@composite(BSpline.derivative, name="scipy.interpolate.BSpline.derivative", always=True)
def bspline_derivative(self: Any, nu: int = 1) -> Any:
    """Return the derivative as a B-spline."""
    if not _loose_spline(self):
        return BSpline.derivative(self, nu)
    return _changed(self, _lowered, nu, self.extrapolate)


@composite(BSpline.antiderivative, name="scipy.interpolate.BSpline.antiderivative", always=True)
def bspline_antiderivative(self: Any, nu: int = 1) -> Any:
    """Return the antiderivative as a B-spline."""
    if not _loose_spline(self):
        return BSpline.antiderivative(self, nu)
    how = False if self.extrapolate == "periodic" else self.extrapolate
    return _changed(self, _lifted, nu, how)


@composite(BSpline.integrate, name="scipy.interpolate.BSpline.integrate", always=True)
def bspline_integrate(self: Any, a: Any, b: Any, extrapolate: Any = None) -> Any:
    """Integrate from a to b; by the antiderivative where anything is traced."""
    a, b = settled(a), settled(b)
    if not (_loose_spline(self) or flows(a) or flows(b)):
        return BSpline.integrate(self, a, b, extrapolate)
    how = self.extrapolate if extrapolate is None else extrapolate
    if how == "periodic":
        raise refusal(
            "BSpline.integrate(extrapolate='periodic')", "it has no rule",
            "integrate over one period",
        )  # fmt: skip
    if not how:
        n = self._t.shape[0] - self.k - 1
        ends = plain(self._t[self.k]), plain(self._t[n])
        a, b = (np.clip(e, *ends) for e in (a, b))
    whole = bspline_antiderivative(self)
    return _between(whole, a, b, True, bspline_call)


def _identity_spline(x: Any, k: int, t: Any, bc_type: Any) -> Any:
    """Return the matrix that takes values to B-spline coefficients."""
    n = x.shape[0]
    columns = np.eye(n)
    if bc_type == "periodic":
        columns = np.eye(n, n - 1)
        columns[-1, 0] = 1.0
    if bc_type is not None and not isinstance(bc_type, str):
        bc_type = tuple(
            end if end is None or isinstance(end, str)
            else [(order, np.zeros(n)) for order, _ in end]
            for end in bc_type
        )  # fmt: skip
    return interpolate.make_interp_spline(x, columns, k, t, bc_type).c


@composite(interpolate.make_interp_spline, name="scipy.interpolate.make_interp_spline")
def make_interp_spline(
    x: Any, y: Any, k: int = 3, t: Any = None, bc_type: Any = None, axis: int = 0,
    check_finite: bool = True,
) -> Any:  # fmt: skip
    """Return the interpolating B-spline: its coefficients are linear in the values.

    Errors: traced points together with conditions at the ends, or with given knots, and traced
    values of derivatives, are refused.
    """
    x, y, k = _float(settled(x)), _float(settled(y)), int(k)
    t = settled(t)
    if flows(bc_type) or flows(t):
        raise refusal(
            "make_interp_spline with traced knots or derivatives", "only x and y have a rule",
            "use CubicSpline, whose bc_type may hold traced derivatives",
        )  # fmt: skip
    made = interpolate.make_interp_spline(
        plain(x), plain(y), k, t, bc_type, axis, check_finite
    )  # fmt: skip
    axis, y = axis % y.ndim, np.moveaxis(y, axis, 0)
    if k <= 1 and t is None:
        knots = np.concatenate([x[:1], x, x[-1:]] if k else [x, x[-1:]])
        return bspline_of(knots, y, k, made.extrapolate, axis)
    if flows(x):
        knots, c = _collocated(x, y, k, t, bc_type)
        return bspline_of(knots, as_computed(c, made.c), k, made.extrapolate, axis)
    matrix = _identity_spline(x, k, t, bc_type)
    values = y[:-1] if bc_type == "periodic" else y
    c = np.reshape(matrix @ np.reshape(values, (values.shape[0], -1)), (-1, *y.shape[1:]))
    if bc_type is not None and not isinstance(bc_type, str):  # what the derivatives add
        rest = interpolate.make_interp_spline(plain(x), 0 * plain(y), k, t, bc_type).c
        c = c + rest
    return bspline_of(made.t, as_computed(c, made.c), k, made.extrapolate, axis)


def _collocated(x: Any, y: Any, k: int, t: Any, bc_type: Any) -> tuple[Any, Any]:
    if t is not None or bc_type not in (None, "not-a-knot"):
        raise refusal(
            "make_interp_spline with traced points and conditions at the ends",
            "only 'not-a-knot' has a rule in the points", "use CubicSpline",
        )  # fmt: skip
    half = (k + 1) // 2
    inner = x[half:-half] if k % 2 else ((x[1:] + x[:-1]) / 2)[half:-half]
    knots = np.concatenate([x[:1]] * (k + 1) + [inner] + [x[-1:]] * (k + 1))
    n = x.shape[0]
    matrix = _de_boor(knots, np.eye(n), k, x, 0)
    flat = np.reshape(y, (n, -1))
    return knots, np.reshape(np.linalg.solve(matrix, flat), y.shape)
