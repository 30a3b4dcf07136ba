"""B-splines of `scipy.interpolate`: `BSpline` and `make_interp_spline`, by de Boor's recursion."""

from typing import Any

import numpy as np
from scipy import interpolate

from ....core.holders import bare
from ....core.op import Notation, Op
from ....core.registry import add, composite
from ....core.slots import Jvp, Linear
from ...declare import as_array
from ..common import as_computed, flows, plain, refusal, settled
from .piecewise import (
    _between,
    _float,
    _only_real,
    _turned,
    at_points,
    each,
    held_by,
    hold,
    interval,
)  # fmt: skip

BSpline = interpolate.BSpline
_plain_spline = BSpline(np.arange(2.0), np.ones(1), 0)


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
    notation=Notation(
        "ΣBⱼ({1})·{0}", "\\sum B_j({1})\\,{0}", 10, (0, 0), "the transpose of bspline"
    ),
)
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
    return _set_spline(object.__new__(BSpline), t, c, k, extrapolate, axis)


def _set_spline(self: Any, t: Any, c: Any, k: int, extrapolate: Any, axis: int) -> Any:
    return hold(self, _plain_spline, t=t, c=c, k=int(k), extrapolate=extrapolate, axis=axis)


@composite(BSpline.__init__, name="scipy.interpolate.BSpline")
def bspline_init(
    self: Any, t: Any, c: Any, k: int, extrapolate: Any = True, axis: int = 0
) -> None:
    """Hold traced coefficients, or knots."""
    t, c = _float(t), _float(c)
    BSpline(plain(t), plain(c), k, extrapolate, axis)  # what is wrong is said by SciPy
    axis = axis % c.ndim
    _set_spline(self, t, np.moveaxis(c, axis, 0), k, extrapolate, axis)


def bspline_fast(
    cls: Any, t: Any, c: Any, k: int, extrapolate: Any = True, axis: int = 0
) -> Any:
    """Make a B-spline of traced coefficients."""
    return _set_spline(object.__new__(cls), as_array(t), as_array(c), k, extrapolate, axis)


for _function in each("construct_fast", BSpline, type(held_by(_plain_spline))):
    composite(_function, name="scipy.interpolate.BSpline.construct_fast")(bspline_fast)


def _loose_spline(self: Any) -> bool:
    own = held_by(self)
    return flows(own.c) or flows(own.t)


@composite(BSpline.__call__, name="scipy.interpolate.BSpline.__call__", always="held")
def bspline_call(self: Any, x: Any, nu: int = 0, extrapolate: Any = None) -> Any:
    """Evaluate a B-spline, or one of its derivatives."""
    x = settled(x)
    if not _loose_spline(self):
        if not flows(x):
            return BSpline.__call__(bare(self), x, nu, extrapolate)
        return at_points(bare(self), x, nu, extrapolate, axis=self.axis)
    how = self.extrapolate if extrapolate is None else extrapolate
    x = _float(x)
    _only_real(x)
    own = held_by(self)
    return _turned(_bspline_values(own.t, own.c, self.k, x, nu, how), x.ndim, self.axis)


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
    own = held_by(self)
    t, c, k = own.t, own.c, own.k
    for _ in range(times):
        t, c, k = step(t, c, k)
    return bspline_of(t, c, k, extrapolate, self.axis)


@composite(BSpline.derivative, name="scipy.interpolate.BSpline.derivative", always="held")
def bspline_derivative(self: Any, nu: int = 1) -> Any:
    """Return the derivative as a B-spline."""
    if not _loose_spline(self):
        return BSpline.derivative(bare(self), nu)
    return _changed(self, _lowered, nu, self.extrapolate)


@composite(BSpline.antiderivative, name="scipy.interpolate.BSpline.antiderivative", always="held")
def bspline_antiderivative(self: Any, nu: int = 1) -> Any:
    """Return the antiderivative as a B-spline."""
    if not _loose_spline(self):
        return BSpline.antiderivative(bare(self), nu)
    how = False if self.extrapolate == "periodic" else self.extrapolate
    return _changed(self, _lifted, nu, how)


@composite(BSpline.integrate, name="scipy.interpolate.BSpline.integrate", always="held")
def bspline_integrate(self: Any, a: Any, b: Any, extrapolate: Any = None) -> Any:
    """Integrate from a to b; by the antiderivative where anything is traced."""
    a, b = settled(a), settled(b)
    if not (_loose_spline(self) or flows(a) or flows(b)):
        return BSpline.integrate(bare(self), a, b, extrapolate)
    how = self.extrapolate if extrapolate is None else extrapolate
    if how == "periodic":
        raise refusal(
            "BSpline.integrate(extrapolate='periodic')", "it has no rule",
            "integrate over one period",
        )  # fmt: skip
    if not how:
        t, k = held_by(self).t, self.k
        ends = settled((t[k], t[t.shape[0] - k - 1]))  # which may move
        a, b = (np.clip(e, *ends) for e in (a, b))
    whole = bspline_antiderivative(self)
    found = _between(whole, a, b, True, bspline_call)
    return found if found.ndim else np.copy(found)  # an array without axes, as SciPy's


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
