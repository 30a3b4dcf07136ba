"""`scipy.interpolate` in one dimension: interp1d, polynomials, and FITPACK's splines.

Objects may be built outside of the traced function, of plain numbers, or inside it, of traced ones.
In the data an interpolation is linear; which interval a query lies in is locally constant.
"""

from typing import Any

import numpy as np
from scipy import interpolate

from ....core.holders import bare
from ....core.registry import composite
from ...declare import as_array
from ..common import as_computed, flows, numbers, plain, refusal, settled
from . import bsplines, cubic, piecewise
from .bsplines import make_interp_spline
from .piecewise import _float

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
    return interpolate.interp1d._call_linear(self, x)


def _step(self: Any, x: Any) -> Any:
    """Return the value of one neighbour: constant in x."""
    n, left = len(self.x), self._side == "left"
    if self._kind.startswith("nearest"):
        half = self.x / 2.0
        place = np.clip(np.digitize(x, half[1:] + half[:-1], right=left), 0, n - 1)
    else:
        knots = numbers(self.x)
        toward = np.inf if self._kind == "next" else -np.inf
        found = np.digitize(x, self.x + (np.nextafter(knots, toward) - knots), right=left)
        place = np.clip(found, 1 - self._ind, n - self._ind) + self._ind - 1
    return self._y[place]


@composite(
    interpolate.BarycentricInterpolator.__call__,
    name="scipy.interpolate.BarycentricInterpolator.__call__", always="held",
)  # fmt: skip
@composite(_Base.__call__, name="scipy.interpolate.interp1d.__call__", always="held")
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
        return _Base.__call__(bare(self), x)
    x = as_array(x)
    x = x if x.dtype.kind in "fc" else x.astype(np.float64)
    y = evaluate(self, np.ravel(x))
    return piecewise._turned(
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
        y = bsplines.bspline_call(self._spline, x)
    if self._extrapolate:
        return y
    below, above = self._check_bounds(plain(x))
    fills = (self._fill_value_below, self._fill_value_above)
    low, high = (np.reshape(f, (1, -1)).astype(y.dtype) for f in fills)
    return np.where(above[:, None], high, np.where(below[:, None], low, y))


# --- polynomials through points ------------------------------------------------------------------


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
    value = bare(self)._evaluate(numbers(x))
    return as_computed(_lagrange(self.xi, self.yi, self.wi, x), value)


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
    self: Any, xi: Any, yi: Any = None, axis: int = 0, *, wi: Any = None, **rng: Any
) -> None:
    """Interpolate by the barycentric formula.

    The generator that permutes the places goes to SciPy as it was given, or was not: with
    ``rng=None`` it would leave NumPy's global stream alone, which the plain function draws from.
    """
    xi, yi = _float(settled(xi)), _float(settled(yi))
    if flows(wi):
        raise refusal("weights of BarycentricInterpolator", "they have no rule", "leave out wi")
    if xi.dtype.kind == "c":
        raise refusal(
            "BarycentricInterpolator of complex places", "SciPy drops their imaginary part",
            "write np.real(‹xi 0›) in the place of ‹xi 0›",
        )  # fmt: skip
    model = interpolate.BarycentricInterpolator(numbers(xi), numbers(yi), axis, wi=wi, **rng)
    _like(self, model, xi, yi, axis)
    self._plain = model
    if flows(xi):
        gaps = model._inv_capacity * (xi[:, None] - xi)
        self.wi = 1.0 / np.prod(np.where(np.eye(model.n, dtype=bool), 1.0, gaps), axis=1)


for _function in (
    interpolate.KroghInterpolator.__mro__[1].derivative,
    interpolate.KroghInterpolator.__mro__[1].derivatives,
    interpolate.BarycentricInterpolator.derivative,
):

    @composite(_function, name=f"scipy.interpolate.{_function.__qualname__}", always="held")
    def polynomial_derivative(
        self: Any, x: Any, der: Any = 1, _function: Any = _function
    ) -> Any:
        """Refuse where anything is traced; else SciPy's."""
        if flows(settled(x)) or flows([self.xi, self.yi]):
            raise refusal(
                f"scipy.interpolate.{_function.__qualname__}", "it has no rule",
                "differentiate the polynomial itself: chainrule.derivative(p)",
            )
        return _function(bare(self), settled(x), der)


@composite(interpolate.krogh_interpolate, name="scipy.interpolate.krogh_interpolate")
def krogh_interpolate(xi: Any, yi: Any, x: Any, der: Any = 0, axis: int = 0) -> Any:
    """Evaluate the polynomial through points; its derivatives are refused."""
    return _at_once(interpolate.KroghInterpolator, krogh, xi, yi, x, der, axis=axis)


@composite(interpolate.barycentric_interpolate, name="scipy.interpolate.barycentric_interpolate")
def barycentric_interpolate(
    xi: Any, yi: Any, x: Any, axis: int = 0, *, der: Any = 0, rng: Any = None
) -> Any:
    """Evaluate the polynomial through points; its derivatives are refused."""
    return _at_once(
        interpolate.BarycentricInterpolator, barycentric, xi, yi, x, der, axis=axis, rng=rng
    )  # fmt: skip


def _at_once(kind: Any, init: Any, xi: Any, yi: Any, x: Any, der: Any, **options: Any) -> Any:
    if np.ndim(der) or der:
        raise refusal(
            f"derivatives of {kind.__name__}", "they have no rule",
            "differentiate the polynomial itself: chainrule.derivative(p)",
        )  # fmt: skip
    self = object.__new__(kind)
    init(self, xi, yi, **options)
    return interp1d_call(self, x)


@composite(interpolate.pchip_interpolate, name="scipy.interpolate.pchip_interpolate")
def pchip_interpolate(xi: Any, yi: Any, x: Any, der: Any = 0, axis: int = 0) -> Any:
    """Interpolate monotonically, or return derivatives of what does."""
    self = object.__new__(interpolate.PchipInterpolator)
    cubic.pchip(self, settled(xi), settled(yi), axis)
    if np.ndim(der):
        return [piecewise.ppoly_call(self, x, nu) for nu in der]
    return piecewise.ppoly_call(self, x, der)
