"""`scipy.interpolate` in several dimensions: regular grids, triangulations, radial functions.

Errors: cubic interpolation over triangles, rescaled triangulations of traced points, and neighbours
of radial functions that are chosen per query are refused.
"""

import itertools
from typing import Any

import numpy as np
from scipy import interpolate

from ....core.holders import bare, keep
from ....core.registry import composite
from ...declare import as_array
from ...numpy.arithmetic import sqrt_or_zero
from ..common import agreed, as_computed, flows, numbers, plain, refusal, refused, settled
from ..spatial.hulls import Triangles
from .bsplines import Basis, bspline
from .piecewise import _float, _only_real
from .univariate import interp1d_call, interp1d_init

Grid = interpolate.RegularGridInterpolator
_DEGREES = {"slinear": 1, "cubic": 3, "quintic": 5}

# --- regular grids --------------------------------------------------------------------------------


@composite(Grid.__init__, name="scipy.interpolate.RegularGridInterpolator")
def grid_init(
    self: Any, points: Any, values: Any, method: str = "linear", bounds_error: bool = True,
    fill_value: Any = np.nan, **options: Any,
) -> None:  # fmt: skip
    """Hold traced values, and (for the methods linear and nearest) traced grid points."""
    points, values = [as_array(settled(p)) for p in points], as_array(settled(values))
    values = values if values.dtype.kind in "fc" else values.astype(float)
    if flows(points) and method not in ("linear", "nearest"):
        raise refusal(
            f"RegularGridInterpolator(method={method!r}) with traced grid points",
            "only the methods 'linear' and 'nearest' have a rule",
            "use method='linear'; where no derivative is meant, write ‹held points 0›",
        )  # fmt: skip
    if any(p.dtype.kind == "c" for p in points):
        raise refusal(
            "RegularGridInterpolator of complex grid points", "SciPy drops their imaginary part",
            "pass the real parts of ‹points 0›",
        )  # fmt: skip
    model = Grid(
        numbers(points), numbers(values), method, bounds_error, numbers(fill_value), **options
    )  # fmt: skip
    self.__dict__.update(model.__dict__)
    down = model._descending_dimensions
    self._grid = tuple(p[::-1] if i in down else p for i, p in enumerate(points))
    self._values = np.flip(values, axis=down) if down else values
    self.fill_value, self._asarray, self._spline = settled(fill_value), keep, None
    self._plain = model


def _coordinates(xi: Any, ndim: int) -> Any:
    """Return the queries as one array, the coordinates along its last axis."""
    if isinstance(xi, tuple) and len(xi) == 1:
        xi = xi[0]
    if isinstance(xi, tuple):
        parts = np.broadcast_arrays(*(as_array(p) for p in xi))
        return np.stack([_float(p) for p in parts], axis=-1)
    xi = _float(xi)
    return np.reshape(xi, (-1, ndim)) if xi.ndim == 1 else xi


@composite(Grid.__call__, name="scipy.interpolate.RegularGridInterpolator.__call__", always="held")
def grid_call(self: Any, xi: Any, method: Any = None, *, nu: Any = None) -> Any:
    """Interpolate on a regular grid: linear and nearest, splines, monotone cubics."""
    xi = settled(xi)
    held = flows(self._values) or flows(list(self._grid)) or flows(self.fill_value)
    if not held and not flows(xi):
        return Grid.__call__(bare(self), xi, method, nu=nu)
    method, dims = method or self.method, len(self._grid)
    if nu is not None:
        what = "RegularGridInterpolator(nu=…)"
        raise refusal(what, "it has no rule", "leave out nu, and differentiate")
    xi = _coordinates(xi, dims)
    _only_real(xi)
    if xi.shape[-1] != dims:
        raise ValueError(
            f"The requested sample points xi have dimension {xi.shape[-1]} but this "
            f"RegularGridInterpolator has dimension {dims}"
        )
    shape, xi = xi.shape, np.reshape(xi, (-1, dims))
    value = np.asarray(Grid.__call__(bare(self), numbers(xi), method))
    outside = _outside(self, plain(xi))
    values = self._values
    rest = values.shape[dims:]
    if method in ("linear", "nearest"):
        found = _cells(self._grid, values, xi, method)
    else:
        found = _tensor_spline(self, method, xi)
    wide = (-1,) + (1,) * len(rest)
    if outside is not None and self.fill_value is not None:
        found = np.where(np.reshape(outside, wide), self.fill_value, found)
    none = np.isnan(plain(xi)).any(axis=-1)
    if np.any(none):
        found = np.where(np.reshape(none, wide), np.nan, found)
    found = as_computed(found.astype(value.dtype), value, within=1e-2)
    return np.reshape(found, shape[:-1] + rest)


def _outside(self: Any, xi: Any) -> Any:
    ends = [(plain(g[0]), plain(g[-1])) for g in self._grid]
    beyond = np.stack([(x < a) | (x > b) for x, (a, b) in zip(xi.T, ends, strict=True)])
    if self.bounds_error:
        inside = [np.all((a <= x) & (x <= b)) for x, (a, b) in zip(xi.T, ends, strict=True)]
        if not all(inside):
            i = inside.index(False)
            raise ValueError(f"One of the requested xi is out of bounds in dimension {i}")
        return None
    return beyond.any(axis=0)


def _cells(grid: Any, values: Any, xi: Any, method: str) -> Any:
    """Interpolate within the cell of each query, or take its nearest corner."""
    places, weights = [], []
    for i, g in enumerate(grid):
        if g.shape[0] == 1:
            places.append(np.zeros(xi.shape[0], np.intp))
            weights.append(0 * xi[:, i])
            continue
        at = np.searchsorted(g, xi[:, i], side="right") - 1
        at = np.clip(at, 0, g.shape[0] - 2)
        places.append(at)
        weights.append((xi[:, i] - g[at]) / (g[at + 1] - g[at]))
    wide = (slice(None),) + (None,) * (values.ndim - len(grid))
    if method == "nearest":
        near = [
            np.where(w <= 0.5, p, np.minimum(p + 1, len(g) - 1))
            for p, w, g in zip(places, weights, grid, strict=True)
        ]
        return values[tuple(near)]
    total = None
    for corner in itertools.product((0, 1), repeat=len(grid)):
        weight = np.ones_like(xi[:, 0])
        at = []
        for c, p, w, g in zip(corner, places, weights, grid, strict=True):
            weight = weight * (w if c else 1 - w)
            at.append(np.minimum(p + c, len(g) - 1))
        term = values[tuple(at)] * weight[wide]
        total = term if total is None else total + term
    return total


def _tensor_spline(self: Any, method: str, xi: Any) -> Any:
    """Evaluate the tensor product of the splines along each dimension.

    SciPy finds the coefficients by an iterative solver, to a relative residual of 1e-5 by default:
    the values are those of its coefficients, the derivatives in the data those of the solution.
    """
    if method == "pchip":
        raise refusal(
            "RegularGridInterpolator(method='pchip')", "it is not linear in the values",
            "use method='cubic', or PchipInterpolator along one dimension",
        )  # fmt: skip
    grid, values = self._grid, self._values
    dims, k = len(grid), _DEGREES[method.removesuffix("_legacy")]
    made = [interpolate.make_interp_spline(g, np.eye(g.shape[0]), k) for g in grid]
    whole = np.reshape(values, (*values.shape[:dims], -1))
    for i, spline in enumerate(made):
        whole = np.moveaxis(np.tensordot(spline.c, whole, axes=(1, i)), 0, i)
    model = bare(self)
    if model._spline is not None and model.method == method:
        solved = np.reshape(model._spline.c, whole.shape)
        whole = as_computed(whole, solved, within=1e-2)
    total = None
    for i, spline in enumerate(made):
        basis = Basis(spline.t, k, True)
        rows = bspline(np.eye(spline.c.shape[0]), xi[:, i], basis=basis, nu=0)
        if total is None:
            total = np.tensordot(rows, whole, axes=(1, 0))
        else:
            total = np.einsum("za,za...->z...", rows, total)
    return np.reshape(total, (xi.shape[0], *values.shape[dims:]))


@composite(interpolate.interpn, name="scipy.interpolate.interpn")
def interpn(
    points: Any, values: Any, xi: Any, method: str = "linear", bounds_error: bool = True,
    fill_value: Any = np.nan,
) -> Any:  # fmt: skip
    """Interpolate on a regular grid."""
    if method == "splinef2d":
        raise refusal("interpn(method='splinef2d')", "it has no rule", "use method='cubic'")
    self = object.__new__(Grid)
    grid_init(self, points, values, method, bounds_error, fill_value)
    return grid_call(self, xi)


# --- triangulations -------------------------------------------------------------------------------

_Linear, _Nearest = interpolate.LinearNDInterpolator, interpolate.NearestNDInterpolator


class ScatteredValues:
    """Traced values, or values at traced points: what a scattered interpolator is in a trace."""

    def __init__(self, model: Any, points: Any, values: Any, fill: Any = np.nan) -> None:
        self.model, self.values, self.fill_value = model, values, fill
        self.tri = None
        if flows(points) and isinstance(model, _Linear):  # the nearest of them is a choice
            if model.scale is not None:
                raise refusal(
                    f"{_name(_Linear)}(rescale=True), of traced points,", "it has no rule",
                    "leave out rescale",
                )  # fmt: skip
            self.tri = Triangles(points)

    def __call__(self, *args: Any) -> Any:
        return _scattered(self.model, self.values, self.fill_value, args, self.tri)


def _name(kind: Any) -> str:
    return f"scipy.interpolate.{kind.__name__}"


def _scattered(model: Any, values: Any, fill: Any, args: Any, tri: Any = None) -> Any:
    xi = _coordinates(settled(args if len(args) > 1 else args[0]), model.points.shape[1])
    shape, rest = xi.shape[:-1], values.shape[1:]
    flat = np.reshape(xi, (-1, xi.shape[-1]))
    if isinstance(model, _Nearest):
        place = model.tree.query(model._scale_x(numbers(flat)))[1]
        return np.reshape(_float(values)[place], shape + rest)
    if tri is None and not (flows(values) or flows(flat) or flows(fill)):
        return model(xi)
    _only_real(flat)
    value = np.reshape(type(model).__call__(model, numbers(flat)), (flat.shape[0], -1))
    found = _barycentric(model, np.reshape(values, (values.shape[0], -1)), flat, fill, tri)
    return np.reshape(as_computed(found, value), shape + rest)


def _barycentric(model: Any, values: Any, xi: Any, fill: Any, tri: Any) -> Any:
    """Interpolate linearly in the simplex of each query."""
    if model.scale is not None:
        xi = (xi - model.offset) / model.scale
    tri = model.tri if tri is None else tri
    simplex = tri.find_simplex(plain(xi))
    outside, chosen = simplex < 0, np.maximum(simplex, 0)
    transform, d = tri.transform[chosen], xi.shape[1]
    part = np.matmul(transform[:, :d], (xi - transform[:, d])[..., None])[..., 0]
    weights = np.concatenate([part, 1 - np.sum(part, axis=1, keepdims=True)], axis=1)
    corners = values[tri.simplices[chosen]]
    found = np.sum(weights[..., None] * corners, axis=1)
    return np.where(outside[:, None], fill, found)


def _stand_in(kind: Any, name: str) -> None:
    """Let a class of scattered interpolation be made of traced values."""
    fills = kind is _Linear

    @composite(kind, name=f"scipy.interpolate.{name}", always=True)
    def make(points: Any, values: Any, fill_value: Any = np.nan, **options: Any) -> Any:
        """Make an interpolator of traced values or points."""
        points, values = settled(points), as_array(settled(values))
        if isinstance(points, Triangles):
            points = points.points
        points = _as_points(points) if flows(points) else points
        plain_points = agreed(points) if flows(points) else points
        if fills:
            model = kind(plain_points, numbers(values), numbers(fill_value), **options)
        else:
            model = kind(plain_points, numbers(values), **options)
        return ScatteredValues(model, points, values, settled(fill_value))

    make.__doc__ = f"Make a {name} whose points, values and queries may be traced."


def _as_points(points: Any) -> Any:
    if isinstance(points, tuple):
        return np.stack(np.broadcast_arrays(*(as_array(p) for p in points)), axis=-1)
    return as_array(points)


def _scattered_call(kind: Any, owner: Any, name: str) -> None:
    function = vars(owner).get("__call__")
    if function is None or not hasattr(function, "__code__"):
        return

    @composite(function, name=f"scipy.interpolate.{name}.__call__")
    def call(self: Any, *args: Any, **options: Any) -> Any:
        """Evaluate at traced points."""
        values = self.values
        fill = getattr(self, "fill_value", np.nan)
        return _scattered(self, values, fill, args)


_scattered_call(_Nearest, _Nearest, "NearestNDInterpolator")
_stand_in(_Linear, "LinearNDInterpolator")
_stand_in(_Nearest, "NearestNDInterpolator")


@composite(interpolate.griddata, name="scipy.interpolate.griddata")
def griddata(
    points: Any, values: Any, xi: Any, method: str = "linear", fill_value: Any = np.nan,
    rescale: bool = False, simplex_tolerance: float = 1.0,
) -> Any:  # fmt: skip
    """Interpolate scattered values: linear or nearest; in one dimension as `interp1d`."""
    if simplex_tolerance != 1.0:
        what = "griddata(simplex_tolerance=…)"
        raise refusal(what, "it has no rule", "leave out simplex_tolerance")
    points, values = settled(points), as_array(settled(values))
    if not isinstance(points, tuple):
        points = as_array(points)
        if points.ndim == 1 or points.shape[-1] == 1:
            return _one_dimension(np.ravel(points), values, settled(xi), method, fill_value)
    elif len(points) == 1:
        return _one_dimension(np.ravel(points[0]), values, settled(xi), method, fill_value)
    points = _as_points(points)
    if method == "cubic":
        raise refusal(
            "griddata(method='cubic')", "the cubic over triangles has no rule",
            "use method='linear', or RBFInterpolator",
        )  # fmt: skip
    if method == "nearest":
        model = _Nearest(agreed(points), numbers(values), rescale=rescale)
    else:
        model = _Linear(agreed(points), numbers(values), numbers(fill_value), rescale=rescale)
    made = ScatteredValues(model, points, values, settled(fill_value))
    return made(*xi) if isinstance(xi, tuple) else made(xi)


def _one_dimension(points: Any, values: Any, xi: Any, method: str, fill: Any) -> Any:
    if isinstance(xi, tuple):
        (xi,) = xi
    order = np.argsort(plain(points))
    self = object.__new__(interpolate.interp1d)
    interp1d_init(
        self, points[order], values[order], method, 0, bounds_error=False,
        fill_value="extrapolate" if method == "nearest" else fill,
    )  # fmt: skip
    return interp1d_call(self, xi)


# --- radial functions -----------------------------------------------------------------------------

_Radial = interpolate.RBFInterpolator


def _kernel(name: str, square: Any) -> Any:
    """Return φ(r) by r²: smooth kernels never take the root."""
    if name == "gaussian":
        return np.exp(-square)
    if name == "multiquadric":
        return -np.sqrt(square + 1)
    if name == "inverse_multiquadric":
        return 1.0 / np.sqrt(square + 1.0)
    if name == "inverse_quadratic":
        return 1.0 / (square + 1.0)
    zero = np.equal(square, 0)
    if name == "thin_plate_spline":
        safe = np.where(zero, 1.0, square)
        return np.where(zero, 0.0, 0.5 * safe * np.log(safe))
    r = sqrt_or_zero(square)
    return {"linear": -r, "cubic": square * r, "quintic": -square * square * r}[name]


def _rows(x: Any, y: Any, name: str, epsilon: float, powers: Any, shift: Any, scale: Any) -> Any:
    """Return the values of the radial functions and of the monomials at x."""
    change = (x[:, None, :] - y[None, :, :]) * epsilon
    radial = _kernel(name, np.sum(change * change, axis=-1))
    at = (x - shift) / scale
    columns = [radial]
    for row in powers:
        term = np.ones_like(at[:, 0])
        for d, power in enumerate(row):
            for _ in range(int(power)):
                term = term * at[:, d]
        columns.append(term[:, None])
    return np.concatenate(columns, axis=1)


@composite(_Radial.__init__, name="scipy.interpolate.RBFInterpolator")
def radial_init(
    self: Any, y: Any, d: Any, neighbors: Any = None, smoothing: Any = 0.0,
    kernel: str = "thin_plate_spline", epsilon: Any = None, degree: Any = None,
) -> None:  # fmt: skip
    """Solve for the coefficients of traced data, at plain or traced points."""
    if neighbors is not None or flows(smoothing) or flows(epsilon):
        held = "smoothing 3" if flows(smoothing) else "epsilon 5"
        raise refusal(
            "RBFInterpolator with neighbors, or traced smoothing or epsilon",
            "only the points and the data have a rule",
            f"where no derivative is meant, write ‹held {held}›" if neighbors is None
            else "leave out neighbors",
        )  # fmt: skip
    y, d = _float(settled(y)), _float(settled(d))
    if d.dtype.kind == "c":
        cure = "interpolate ‹d 1›.real and ‹d 1›.imag"
        raise refusal("RBFInterpolator of complex data", "it has no rule", cure)
    smoothing, epsilon = plain(smoothing), plain(epsilon)
    model = _Radial(numbers(y), numbers(d), None, smoothing, kernel, epsilon, degree)
    self.__dict__.update(model.__dict__)
    self._plain = model
    flat = np.reshape(d, (d.shape[0], -1))
    top, low = np.max(y, axis=0), np.min(y, axis=0)
    shift, half = (top + low) / 2, (top - low) / 2
    scale = np.where(np.equal(half, 0), 1.0, half)
    rows = _rows(y, y, model.kernel, model.epsilon, model.powers, shift, scale)
    n, p = y.shape[0], len(model.powers)
    matrix = np.concatenate([rows + 0, np.concatenate(
        [np.matrix_transpose(rows[:, n:]), np.zeros((p, p))], axis=1
    )])  # fmt: skip
    matrix = matrix + np.diag(np.concatenate([model.smoothing, np.zeros(p)]))
    right = np.concatenate([flat, np.zeros((p, flat.shape[1]))])
    coefficients = np.linalg.solve(matrix, right)
    self.y, self.d, self._shift, self._scale = y, flat, shift, scale
    self._coeffs = coefficients


@composite(_Radial.__call__, name="scipy.interpolate.RBFInterpolator.__call__", always="held")
def radial_call(self: Any, x: Any) -> Any:
    """Evaluate a sum of radial functions."""
    x = settled(x)
    if not (flows(x) or flows([self.y, self.d])):
        return _Radial.__call__(bare(self), x)
    if self.neighbors is not None or self.d_dtype == np.complex128:
        raise refusal(
            "RBFInterpolator with neighbors, or of complex data", "it has no rule",
            "leave out neighbors" if self.neighbors is not None
            else "interpolate the .real and the .imag of the data",
        )  # fmt: skip
    x = _float(x)
    if x.ndim != 2 or x.shape[1] != self.y.shape[1]:
        raise ValueError(f"`x` must be a 2-dimensional array with {self.y.shape[1]} columns.")
    rows = _rows(x, self.y, self.kernel, self.epsilon, self.powers, self._shift, self._scale)
    found = np.reshape(np.matmul(rows, self._coeffs), (x.shape[0], *self.d_shape))
    return as_computed(found, _Radial.__call__(bare(self), numbers(x)))


refused(
    interpolate.Rbf.__init__, "it has no rule",
    "use RBFInterpolator, whose points are rows, (n, dimensions)", "scipy.interpolate.Rbf",
)  # fmt: skip
