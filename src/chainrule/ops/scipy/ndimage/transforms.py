"""Interpolation of images by splines: shifts, zooms, rotations, any coordinates.

The value is SciPy's. The derivatives follow from the spline itself. At a grid point, a kink of
orders 0 and 1, the derivative in a coordinate is that of the cell to the right; beyond an end
where the image goes on as a constant it is 0.

Reference: M. Unser, Splines: a perfect fit for signal and image processing, IEEE Signal Processing
Magazine 16 (1999) 22–38.
"""

from typing import Any

import numpy as np
from scipy import ndimage

from ....core.op import Composite, Const, Notation, Op, Sample, sample
from ....core.registry import add, register
from ....core.slots import Jvp
from ....errors import UnsupportedFunctionError
from ...batched import loop
from ...declare import as_array
from ...numpy.layout import axes_in_range
from .filters import apart, deliver, each, output_dtype
from .splines import UNSER, interpolate, spline_filter, spline_filter1d

# --- SciPy's functions ----------------------------------------------------------------------------


def _value(x: Any, _coordinates: Any, function: str, args: Any, params: Any, dtype: Any) -> Any:
    given = dict(zip(("order", "mode", "cval", "prefilter"), params, strict=True))
    named = dict(args)
    if function == "map_coordinates":
        named["coordinates"] = _coordinates
    named["output"] = dtype if x.dtype.kind != "c" else None
    return getattr(ndimage, function)(x, **named, **given)


def _in_image(
    t: Any, _y: Any, _x: Any, coordinates: Any, function: str, args: Any, params: Any, dtype: Any
) -> Any:
    order, mode, _, prefilter = params
    return interpolate(t, coordinates, order, mode, 0.0, prefilter)


def _in_coordinates(
    t: Any, _y: Any, x: Any, coordinates: Any, function: str, args: Any, params: Any, dtype: Any
) -> Any:
    order, mode, cval, prefilter = params
    return interpolate(x, coordinates, order, mode, cval, prefilter, by=t)


moved = Op(
    "interpolate_image",
    _value,
    (Jvp(_in_image), Jvp(_in_coordinates)),
    complex=True,
    batch=loop,
    notation=Notation(
        "{0}({1})", "{0}\\left({1}\\right)",
        rule="a spline through the image: linear in it, and a polynomial of the coordinates",
    ),
    references=(UNSER,),
)  # fmt: skip
add(moved)


def _apply(
    x: Any, coordinates: Any, function: str, args: dict[str, Any], output: Any,
    order: int, mode: str, cval: Any, prefilter: bool,
) -> Any:  # fmt: skip
    if not 0 <= order <= 5:
        raise RuntimeError("spline order not supported")
    if x.dtype.kind not in "fc":
        raise UnsupportedFunctionError(
            f"scipy.ndimage.{function} received traced coordinates for an image of {x.dtype}",
            why="its result is rounded to integers, which carry no derivative",
            cure="write ‹input 0›.astype(float) in the place of ‹input 0›",
        )
    if order < 2 or not prefilter:  # else SciPy reads a filtered copy
        apart(x, output, function)
    params = (int(order), mode, cval, bool(prefilter))
    dtype = np.dtype(output_dtype(x, output))
    result = moved(
        x, coordinates, function=function, args=tuple(args.items()), params=params, dtype=dtype
    )
    return deliver(result, output)


def map_coordinates(
    input: Any, coordinates: Any, output: Any = None, order: int = 3, mode: str = "constant",
    cval: Any = 0.0, prefilter: bool = True,
) -> Any:  # fmt: skip
    """Evaluate an image at coordinates between its points."""
    x, coordinates = as_array(input), as_array(coordinates)
    if coordinates.dtype.kind == "c":
        raise TypeError("Complex type not supported")
    if coordinates.shape[0] != x.ndim:
        raise RuntimeError("invalid shape for coordinate array")
    coordinates = coordinates.astype(np.float64)
    return _apply(x, coordinates, "map_coordinates", {}, output, order, mode, cval, prefilter)


def _grid(shape: Any) -> Any:
    return np.indices(tuple(int(n) for n in shape)).astype(np.float64)


def _concrete(value: Any) -> Any:
    """Return the plain value of what may be traced."""
    while hasattr(value, "cr_owner") and hasattr(value, "cr_node"):
        value = value.cr_look()
    return value


def _plain(values: Any) -> Any:
    return tuple(np.ravel(_concrete(values)).tolist())


def shift(
    input: Any, shift: Any, output: Any = None, order: int = 3, mode: str = "constant",
    cval: Any = 0.0, prefilter: bool = True,
) -> Any:  # fmt: skip
    """Move an image; the shift may be traced."""
    x = as_array(input)
    steps = each(shift, x.ndim)
    grid = _grid(x.shape)
    coordinates = np.stack([grid[d] - steps[d] for d in range(x.ndim)])
    args = {"shift": tuple(v for s in steps for v in _plain(s))}
    return _apply(x, coordinates, "shift", args, output, order, mode, cval, prefilter)


def zoom(
    input: Any, zoom: Any, output: Any = None, order: int = 3, mode: str = "constant",
    cval: Any = 0.0, prefilter: bool = True, *, grid_mode: bool = False,
) -> Any:  # fmt: skip
    """Change the number of points; SciPy rounds it, so a traced zoom has no derivative."""
    x = as_array(input)
    factors = each(zoom, x.ndim)
    if any(hasattr(f, "cr_owner") for f in factors):
        raise UnsupportedFunctionError(
            "scipy.ndimage.zoom received a traced zoom factor",
            why="the factor is rounded to a whole number of points, so nothing flows through it",
            cure="use scipy.ndimage.affine_transform with the matrix 1/zoom",
        )
    shape = [round(n * f) for n, f in zip(x.shape, factors, strict=True)]
    if all(f == 1 for f in factors) and prefilter:
        return deliver(np.copy(x).astype(output_dtype(x, output)), output)
    grid = _grid(shape)
    rows = []
    for d, (n, m) in enumerate(zip(x.shape, shape, strict=True)):
        if grid_mode and x.dtype.kind != "c":  # of complex images SciPy does without it
            rows.append((grid[d] + 0.5) * (n / m if m else 1.0) - 0.5)
        else:
            rows.append(grid[d] * ((n - 1) / (m - 1) if m != 1 else 1.0))
    args = {"zoom": tuple(float(f) for f in factors), "grid_mode": grid_mode}
    return _apply(x, np.stack(rows), "zoom", args, output, order, mode, cval, prefilter)


def affine_transform(
    input: Any, matrix: Any, offset: Any = 0.0, output_shape: Any = None, output: Any = None,
    order: int = 3, mode: str = "constant", cval: Any = 0.0, prefilter: bool = True,
) -> Any:  # fmt: skip
    """Evaluate an image at an affine function of the points; matrix and offset may be traced."""
    x, matrix = as_array(input), as_array(matrix).astype(np.float64)
    shape = x.shape if output_shape is None else tuple(output_shape)
    steps = as_array(offset).astype(np.float64) + np.zeros(x.ndim)
    if matrix.ndim == 2 and matrix.shape[1] == x.ndim + 1:
        matrix, steps = matrix[: x.ndim, : x.ndim], matrix[: x.ndim, x.ndim]
    grid = _grid(shape)
    away = np.reshape(steps, (-1,) + (1,) * (grid.ndim - 1))
    if matrix.ndim == 1:
        coordinates = np.reshape(matrix, away.shape) * grid + away
    else:
        coordinates = np.tensordot(matrix, grid, 1) + away
    flat = _plain(matrix)
    rows = flat if matrix.ndim == 1 else tuple(
        flat[k * x.ndim : (k + 1) * x.ndim] for k in range(x.ndim)
    )  # fmt: skip
    args = {"matrix": rows, "offset": _plain(steps), "output_shape": tuple(shape)}
    return _apply(x, coordinates, "affine_transform", args, output, order, mode, cval, prefilter)


def rotate(
    input: Any, angle: Any, axes: Any = (1, 0), reshape: bool = True, output: Any = None,
    order: int = 3, mode: str = "constant", cval: Any = 0.0, prefilter: bool = True,
) -> Any:  # fmt: skip
    """Turn an image by an angle in degrees, which may be traced; the new shape is constant."""
    x = as_array(input)
    if x.ndim < 2 or len(axes) != 2:
        raise ValueError("input array should be at least 2D, and axes should be two")
    first, second = sorted(axes_in_range(tuple(int(k) for k in axes), x.ndim))
    plain = _concrete(angle)
    given = {"axes": tuple(axes), "reshape": bool(reshape), "order": 0}
    like = ndimage.rotate(np.zeros(x.shape, bool), plain, **given)
    turn = angle * (np.pi / 180)
    c, s = np.cos(turn), np.sin(turn)
    grid = _grid(like.shape)
    rows = [grid[d] for d in range(x.ndim)]
    centres = [((x.shape[d] - 1) / 2, (like.shape[d] - 1) / 2) for d in (first, second)]
    u, v = rows[first] - centres[0][1], rows[second] - centres[1][1]
    rows[first] = c * u + s * v + centres[0][0]
    rows[second] = -s * u + c * v + centres[1][0]
    args = {"angle": plain, "axes": tuple(axes), "reshape": bool(reshape)}
    return _apply(x, np.stack(rows), "rotate", args, output, order, mode, cval, prefilter)


# --- the records ----------------------------------------------------------------------------------


def _between(*shape: int) -> Any:
    """Draw coordinates within an image, away from its points, for samples."""

    def draw(rng: Any) -> Any:
        return rng.integers(0, 2, shape) + rng.uniform(0.15, 0.85, shape)

    return draw


def _step(*shape: int) -> Any:
    def draw(rng: Any) -> Any:
        return rng.uniform(0.15, 0.35, shape)[()]

    return draw


def _near_one(*shape: int) -> Any:
    def draw(rng: Any) -> Any:
        return np.eye(*shape) * 0.9 + rng.uniform(0.02, 0.06, shape)

    return draw


def _record(function: Any, body: Any, *samples: Sample) -> None:
    name = f"scipy.ndimage.{function.__name__}"
    register(function, Composite(name, body, function, samples, references=(UNSER,)))


_MODES = ("reflect", "constant", "nearest", "mirror", "wrap", "grid-wrap", "grid-constant")
_BY_MODE = tuple({"mode": m} for m in _MODES)
_BY_ORDER = tuple({"order": k} for k in (0, 1, 2, 4, 5))
_record(
    ndimage.map_coordinates, map_coordinates,
    *(sample((3, 4), _between(2, 3), **kw) for kw in _BY_MODE + _BY_ORDER),
    sample((4,), Const(np.array([[-1.3, 0.4, 5.2]])), cval=1.5, mode="grid-constant"),
    sample((4,), _between(1, 2, 2)), sample((4,), _between(1, 3), prefilter=False),
)  # fmt: skip
_record(
    ndimage.shift, shift, *(sample((4,), _step(), **kw) for kw in _BY_MODE),
    sample((3, 4), _step(2), order=1), sample((3, 4), _step(2)),
)  # fmt: skip
_record(
    ndimage.zoom, zoom, sample((3, 4), Const(1.7)), sample((4,), Const(0.6), order=1),
    sample((3, 3), Const((2.0, 1.0)), mode="nearest"), sample((3,), Const(1.0)),
    sample((4,), Const(1.5), grid_mode=True, mode="grid-wrap"),
)  # fmt: skip
_record(
    ndimage.affine_transform, affine_transform,
    sample((3, 4), _near_one(2, 2), _step(2)), sample((3, 3), _near_one(2, 2), mode="wrap"),
    sample((4,), Const([0.7]), _step(1), order=1), sample((3, 3), _near_one(2, 3), order=2),
    sample((4, 3), Const([0.8, 0.9]), _step(2), Const((3, 3))),
)  # fmt: skip
_record(
    ndimage.rotate, rotate, sample((3, 4), Const(30.0)), sample((3, 4), _step(), reshape=False),
    sample((3, 3), Const(10.0), mode="nearest", order=1),
    sample((2, 3, 3), Const(20.0), Const((2, 1))),
    sample((2, 3, 3), _step(), Const((1, 2)), False, mode="mirror"),
)  # fmt: skip
_record(
    ndimage.spline_filter1d, spline_filter1d, sample((5,)), sample((3, 4), Const(2), 0),
    sample((4,), mode="reflect"), sample((4,), Const(5), mode="grid-wrap"), sample((4,), Const(1)),
)  # fmt: skip
_record(ndimage.spline_filter, spline_filter, sample((3, 4)), sample((5,), Const(4)))
