"""Piecewise polynomials of `scipy.interpolate`, and splines of plain numbers at traced points.

A spline of plain numbers at a traced point is differentiated by its own derivative. A spline that
is built of traced data holds traced coefficients (and knots) and is evaluated by formula: powers
from the left end of the interval, or de Boor's recursion. Which interval a point lies in is locally
constant: at a knot the derivative is that of the side SciPy takes.

SciPy keeps the arrays of a spline in the object itself (1.17), or in another one to which it
delegates (1.18): `held_by` and `hold` know where, and nothing else needs to.

Errors: integrals of periodic splines with traced bounds are refused; so are Bernstein polynomials
with traced coefficients.
"""

from typing import Any

import numpy as np
from scipy import interpolate

from ....core.holders import KEEPING, bare, keep
from ....core.op import Notation, Op
from ....core.registry import add, composite
from ....core.slots import INDEX, Jvp
from ... import jumps
from ...declare import as_array
from ..common import (
    as_computed,
    constant_of,
    flows,
    plain,
    refusal,
    settled,
)  # fmt: skip

PPoly, BPoly = interpolate.PPoly, interpolate.BPoly

# --- where SciPy keeps the arrays of a spline -----------------------------------------------------


def held_by(spline: Any) -> Any:
    """Return the object that holds the arrays of `spline`: what it delegates to, or itself."""
    return getattr(spline, "_delegate_to", spline)


def hold(spline: Any, like: Any, **parts: Any) -> Any:
    """Give `spline` arrays that may be traced, held as `like`, a spline of plain numbers, does."""
    holder = spline
    if hasattr(type(spline), "_construct_from_xp"):
        holder = spline._delegate_to = object.__new__(type(held_by(like)))
        spline._xp = spline._xp_internal = KEEPING
    else:
        spline._asarray = keep
    for name, value in parts.items():
        hidden = isinstance(getattr(type(holder), name, None), property)
        setattr(holder, f"_{name}" if hidden else name, value)
    return spline


def each(method: str, *kinds: Any) -> list[Any]:
    """Return the functions that are this method of the classes, each once."""
    found = [getattr(kind, method) for kind in kinds]
    return list(dict.fromkeys(getattr(f, "__func__", f) for f in found))


_power, _bernstein = (kind(np.ones((1, 1)), np.arange(2.0)) for kind in (PPoly, BPoly))
_holders = [type(held_by(spline)) for spline in (_power, _bernstein)]

# --- splines of plain numbers ---------------------------------------------------------------------


def _spline_jvp(t: Any, y: Any, x: Any, spline: Any, nu: int, how: Any, top: Any, axis: int) -> Any:
    if top is not None and nu >= top:
        return 0 * y
    slope = spline_at(x, spline=spline, nu=nu + 1, how=how, top=top, axis=axis)
    return np.reshape(t, t.shape + (1,) * (len(y.shape) - len(t.shape) - axis)) * slope


_SAME = 1e-9  # of the slopes of a spline: what parts two that rounding parts


def _at_knot(_y: Any, x: Any, spline: Any, nu: int, how: Any, **_: Any) -> bool:
    """Say whether a point is a breakpoint at which the slope of both sides differs."""
    knots = getattr(spline, "x", getattr(spline, "t", None))
    if knots is None:
        return True
    met = np.asarray(x)[np.isin(x, knots)]
    if not met.size:
        return False
    sides = [spline(np.nextafter(met, end), nu + 1, how) for end in (-np.inf, np.inf)]
    size = np.max(np.abs(spline(knots, nu + 1)), initial=0.0)
    return not np.all(np.abs(sides[1] - sides[0]) <= _SAME * size)  # NaN: no slope on one side


spline_at = Op(
    "spline_at",
    lambda x, spline, nu, how, top, axis: np.asarray(spline(x, nu, how)),
    (Jvp(_spline_jvp),),
    batch="loop",
    jump=_at_knot,
    notation=Notation("s({0})", "s({0})", 100, (0,), "d s(u) = s′(u) du, s′ the spline's own"),
)
add(spline_at)


def at_points(spline: Any, x: Any, nu: int, how: Any, top: Any = None, axis: int = 0) -> Any:
    """Evaluate a spline of plain numbers at traced points."""
    x = as_array(x)
    x = x if x.shape else np.copy(x)  # SciPy makes an array of a number
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


interval = Op("interval", _interval, (INDEX, INDEX), batch="loop", jump=jumps.at_knot,
              notation=Notation(rule="piecewise constant: nothing flows"))  # fmt: skip
add(interval)

# --- piecewise polynomials ------------------------------------------------------------------------


def _held(self: Any) -> bool:
    own = held_by(self)
    return flows(own.c) or flows(own.x)


def _set(self: Any, c: Any, x: Any, extrapolate: Any, axis: int) -> Any:
    """Give a piecewise polynomial its traced coefficients and breakpoints."""
    if extrapolate != "periodic":
        extrapolate = True if extrapolate is None else bool(extrapolate)
    like = _bernstein if isinstance(self, BPoly) else _power
    return hold(self, like, c=c, x=x, extrapolate=extrapolate, axis=axis)


def _float(x: Any) -> Any:
    x = as_array(x)
    kind = np.complex128 if x.dtype.kind == "c" else np.float64
    return x if x.dtype == kind else x.astype(kind)


def ppoly_init(self: Any, c: Any, x: Any, extrapolate: Any = None, axis: int = 0) -> None:
    """Hold traced coefficients, or breakpoints."""
    c, x = _float(c), _float(x)
    self.__class__(plain(c), plain(x), extrapolate, axis)  # what is wrong is said by SciPy
    if axis:
        c = np.moveaxis(np.moveaxis(c, axis + 1, 0), axis + 1, 0)
    _set(self, c, x, extrapolate, axis)


def ppoly_fast(cls: Any, c: Any, x: Any, extrapolate: Any = None, axis: int = 0) -> Any:
    """Make a piecewise polynomial of traced coefficients."""
    return _set(object.__new__(cls), as_array(c), as_array(x), extrapolate, axis)


for _function in each("__init__", PPoly, BPoly):
    composite(_function, name="scipy.interpolate.PPoly")(ppoly_init)
for _function in each("construct_fast", PPoly, BPoly, *_holders):
    composite(_function, name="scipy.interpolate.PPoly.construct_fast")(ppoly_fast)


def ppoly_call(self: Any, x: Any, nu: int = 0, extrapolate: Any = None) -> Any:
    """Evaluate a piecewise polynomial, or one of its derivatives."""
    x = settled(x)
    if not _held(self):
        if not flows(x):
            kind = BPoly if isinstance(self, BPoly) else PPoly
            return kind.__call__(bare(self), x, nu, extrapolate)
        return at_points(bare(self), x, nu, extrapolate, top=self.c.shape[0] - 1, axis=self.axis)
    if not isinstance(self, PPoly):
        self = PPoly.from_bernstein_basis(self)
    how = self.extrapolate if extrapolate is None else extrapolate
    x, form = as_array(x), {"nu": nu, "how": how, "axis": self.axis}
    own = held_by(self)
    found = _powers(own.c, own.x, x, **form)
    return as_computed(found, ppoly_value(own.c, own.x, x, **form))


for _function in each("__call__", PPoly, BPoly):
    composite(_function, name="scipy.interpolate.PPoly.__call__", always="held")(ppoly_call)


ppoly_value = constant_of(
    "ppoly_value",
    lambda c, knots, x, nu, how, axis: PPoly.construct_fast(c, knots, how, axis)(x, nu),
)
ppoly_raised_value = constant_of(
    "ppoly_raised_value",
    lambda c, knots, nu: PPoly.construct_fast(c, knots).antiderivative(nu).c,
)
ppoly_integral_value = constant_of(
    "ppoly_integral_value",
    lambda c, knots, a, b, how, axis: PPoly.construct_fast(c, knots, how, axis).integrate(a, b),
)


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


@composite(PPoly.derivative, name="scipy.interpolate.PPoly.derivative", always="held")
def ppoly_derivative(self: Any, nu: int = 1) -> Any:
    """Return the derivative as a piecewise polynomial."""
    if not _held(self):
        return PPoly.derivative(bare(self), nu)
    if nu < 0:
        return self.antiderivative(-nu)
    own = held_by(self)
    c = own.c
    for _ in range(nu):
        k = c.shape[0] - 1
        powers = np.reshape(np.arange(k, 0, -1.0), (k,) + (1,) * (c.ndim - 1))
        c = c[:-1] * powers if k else np.zeros_like(c)
    return _set(object.__new__(PPoly), c, own.x, self.extrapolate, self.axis)


@composite(PPoly.antiderivative, name="scipy.interpolate.PPoly.antiderivative", always="held")
def ppoly_antiderivative(self: Any, nu: int = 1) -> Any:
    """Return the antiderivative as a piecewise polynomial."""
    if not _held(self):
        return PPoly.antiderivative(bare(self), nu)
    if nu <= 0:
        return self.derivative(-nu)
    own = held_by(self)
    c = own.c
    for _ in range(nu):
        c = _raised(c, own.x)
    c = as_computed(c, ppoly_raised_value(own.c, own.x, nu=nu))
    how = False if self.extrapolate == "periodic" else self.extrapolate
    return _set(object.__new__(PPoly), c, own.x, how, self.axis)


@composite(PPoly.integrate, name="scipy.interpolate.PPoly.integrate", always="held")
def ppoly_integrate(self: Any, a: Any, b: Any, extrapolate: Any = None) -> Any:
    """Integrate from a to b; by the antiderivative where anything is traced."""
    a, b = settled(a), settled(b)
    if not (_held(self) or flows(a) or flows(b)):
        return PPoly.integrate(bare(self), a, b, extrapolate)
    how = self.extrapolate if extrapolate is None else extrapolate
    if how == "periodic":
        raise refusal(
            "PPoly.integrate(extrapolate='periodic')", "it has no rule", "integrate over one period"
        )  # fmt: skip
    whole = ppoly_antiderivative(self)
    found = _between(whole, a, b, bool(how), ppoly_call)
    own = held_by(self)
    value = ppoly_integral_value(
        own.c, own.x, as_array(a), as_array(b), how=bool(how), axis=self.axis
    )
    return as_computed(found, value)


def _between(whole: Any, a: Any, b: Any, how: bool, call: Any) -> Any:
    return call(whole, b, 0, how) - call(whole, a, 0, how)
