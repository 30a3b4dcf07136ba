"""Filters and transforms whose rule is a function of the user's. Loaded with `scipy.ndimage`.

SciPy's loops over them are compiled: they ask the function for bare numbers, and go on calling it
when it has raised. Here the same loops run in Python, so that the function may return, or close
over, traced values.
"""

from typing import Any

import numpy as np
from scipy import LowLevelCallable, ndimage

from ....core.op import Composite, Const, Sample, sample
from ....core.registry import register
from ....core.sequences import zeros
from ....errors import UnsupportedFunctionError
from ...declare import as_array
from ...numpy.layout import axes_in_range
from .filters import apart, deliver, each, extended, image_axes, origins_of, output_dtype, reach
from .transforms import map_coordinates


def _callable(function: Any, name: str) -> Any:
    """Return a Python function; compiled ones take addresses and know no tracers."""
    if isinstance(function, LowLevelCallable) or type(function).__name__ == "PyCapsule":
        raise UnsupportedFunctionError(
            f"scipy.ndimage.{name} received a traced value and a compiled function",
            why="a LowLevelCallable takes addresses of numbers, which carry no derivative",
            cure="write the function in Python, in the place of ‹function 1›",
        )
    return function


def _real(input: Any) -> Any:
    x = as_array(input)
    if x.dtype.kind == "c":
        raise TypeError("Complex type not supported")
    return x


def _number(value: Any) -> Any:
    """Return what stands for one point of the result."""
    y = as_array(value)
    if y.size != 1 or y.dtype.kind not in "biuf":
        raise TypeError("the function of a generic filter must return one real number")
    return np.reshape(y, ()).astype(np.float64)


def generic_filter(
    input: Any, function: Any, size: Any = None, footprint: Any = None, output: Any = None,
    mode: str = "reflect", cval: Any = 0.0, origin: Any = 0, extra_arguments: Any = (),
    extra_keywords: Any = None, *, axes: Any = None,
) -> Any:  # fmt: skip
    """Apply a function to the neighbours of every point."""
    x, call = _real(input), _callable(function, "generic_filter")
    apart(x, output, "generic_filter")
    chosen = image_axes(axes, x.ndim)
    if footprint is None:
        if size is None:
            raise RuntimeError("no footprint or filter size provided")
        footprint = np.ones([int(n) for n in each(size, len(chosen))], bool)
    footprint = np.asarray(footprint, bool)
    if footprint.ndim != len(chosen):
        raise RuntimeError(
            f"footprint.ndim ({footprint.ndim}) must match len(axes) ({len(chosen)})"
        )
    origins = origins_of(origin, chosen, x.ndim)
    sizes, wide = [1] * x.ndim, x.astype(np.float64)
    for n, axis in zip(footprint.shape, sorted(chosen), strict=True):
        sizes[axis] = n
        wide = extended(wide, axis, *reach(n, origins[axis]), mode, cval)
    offsets = np.argwhere(footprint.reshape(sizes)).T
    strides = np.cumprod((1, *wide.shape[:0:-1]))[::-1]
    first = np.tensordot(strides, np.indices(x.shape), 1).ravel()
    windows = np.ravel(wide)[first[:, None] + strides @ offsets]
    rest = extra_keywords or {}
    points = [_number(call(windows[k], *extra_arguments, **rest)) for k in range(len(first))]
    result = np.reshape(as_array(points), x.shape) if points else wide
    return deliver(result.astype(output_dtype(x, output)), output)


def generic_filter1d(
    input: Any, function: Any, filter_size: int, axis: int = -1, output: Any = None,
    mode: str = "reflect", cval: Any = 0.0, origin: int = 0, extra_arguments: Any = (),
    extra_keywords: Any = None,
) -> Any:  # fmt: skip
    """Apply a function to every line; it stores its result into its second argument."""
    x, call = _real(input), _callable(function, "generic_filter1d")
    if filter_size < 1:
        raise RuntimeError("invalid filter size")
    (axis,) = axes_in_range(axis, x.ndim)
    ends = reach(int(filter_size), int(origin))
    lines = np.moveaxis(extended(x.astype(np.float64), axis, *ends, mode, cval), axis, -1)
    results = zeros((*lines.shape[:-1], x.shape[axis]))
    for at in np.ndindex(lines.shape[:-1]):
        call(np.copy(lines[at]), results[at], *extra_arguments, **(extra_keywords or {}))
    result = np.copy(np.moveaxis(results, -1, axis), "C")  # SciPy hands out a new array
    return deliver(result.astype(output_dtype(x, output)), output)


def _sum_of_filters(
    input: Any, derivative: Any, output: Any, mode: Any, cval: Any, axes: Any, rest: Any,
    name: str,
) -> Any:  # fmt: skip
    x, squared = as_array(input), name == "generic_gradient_magnitude"
    apart(x, output, name)
    args, kwargs = rest
    chosen, dtype = image_axes(axes, x.ndim), output_dtype(x, output)
    if not chosen:
        return x.astype(dtype)
    total = zeros(x.shape, dtype)
    modes = each(mode, len(chosen))
    for k, (axis, kind) in enumerate(zip(chosen, modes, strict=True)):
        if k:
            term = derivative(x, axis, dtype, kind, cval, *args, **(kwargs or {}))
            total = total + (term * term if squared else term)
        else:  # the first is stored, and what it returns is not read
            derivative(x, axis, total, kind, cval, *args, **(kwargs or {}))
            total = total * total if squared else total
    return total


def generic_laplace(
    input: Any, derivative2: Any, output: Any = None, mode: Any = "reflect", cval: Any = 0.0,
    extra_arguments: Any = (), extra_keywords: Any = None, *, axes: Any = None,
) -> Any:  # fmt: skip
    """Add up the second derivatives that a function takes along the axes."""
    rest = (extra_arguments, extra_keywords)
    total = _sum_of_filters(input, derivative2, output, mode, cval, axes, rest, "generic_laplace")
    return deliver(total, output)


def generic_gradient_magnitude(
    input: Any, derivative: Any, output: Any = None, mode: Any = "reflect", cval: Any = 0.0,
    extra_arguments: Any = (), extra_keywords: Any = None, *, axes: Any = None,
) -> Any:  # fmt: skip
    """Return √Σ of the squares of what a function takes along the axes; its slope is 0 at 0."""
    rest = (extra_arguments, extra_keywords)
    name = "generic_gradient_magnitude"
    total = _sum_of_filters(input, derivative, output, mode, cval, axes, rest, name)
    if axes is not None and not image_axes(axes, as_array(input).ndim):
        return deliver(total, output)
    flat = np.equal(total, 0)
    return deliver(np.where(flat, 0.0, np.sqrt(np.where(flat, 1.0, total))), output)


def geometric_transform(
    input: Any, mapping: Any, output_shape: Any = None, output: Any = None, order: int = 3,
    mode: str = "constant", cval: Any = 0.0, prefilter: bool = True, extra_arguments: Any = (),
    extra_keywords: Any = None,
) -> Any:  # fmt: skip
    """Evaluate an image where a function says, for every point of the result."""
    x, call = as_array(input), _callable(mapping, "geometric_transform")
    shape = x.shape if output_shape is None else tuple(int(n) for n in output_shape)
    if x.ndim < 1 or len(shape) < 1:
        raise RuntimeError("input and output rank must be > 0")
    rest = extra_keywords or {}
    places = [call(at, *extra_arguments, **rest) for at in np.ndindex(shape)]
    coordinates = as_array([[place[k] for place in places] for k in range(x.ndim)])
    coordinates = np.reshape(coordinates.astype(np.float64), (x.ndim, *shape))
    return map_coordinates(x, coordinates, output, order, mode, cval, prefilter)


# --- samples ---------------------------------------------------------------------------------


def _record(function: Any, body: Any, *samples: Sample) -> None:
    name = f"scipy.ndimage.{function.__name__}"
    register(function, Composite(name, body, function, samples, always=True))


def _energy(window: Any, scale: Any = 1.0) -> Any:
    return scale * np.sum(window * np.roll(window, 1))


def _moving(line: Any, out: Any, scale: Any = 1.0) -> None:
    for k in range(len(out)):
        out[k] = scale * line[k] * line[k + 2]


def _stretched(at: Any, scale: Any = 0.9) -> Any:
    return tuple(scale * k + 0.05 for k in at)


_CROSS = Const(np.array([[0, 1, 0], [1, 0, 1]]))
_MODES = ("reflect", "constant", "nearest", "mirror", "wrap")
_record(
    ndimage.generic_filter, generic_filter,
    *(sample((4,), Const(_energy), Const(3), mode=m) for m in _MODES),
    sample((3, 4), Const(_energy), None, _CROSS, mode="constant", cval=1.5),
    sample((3, 4), Const(_energy), Const((2, 3)), origin=Const((0, -1))),
    sample((2, 3, 2), Const(_energy), Const(2), axes=Const((0, 2))),
    sample((4,), Const(_energy), Const(2), extra_arguments=Const((2.5,))),
    sample((3,), Const(_energy), Const(2), extra_keywords=Const({"scale": 0.5})),
)  # fmt: skip
_record(
    ndimage.generic_filter1d, generic_filter1d,
    *(sample((4,), Const(_moving), Const(3), mode=m) for m in _MODES),
    sample((3, 4), Const(_moving), Const(3), Const(0), origin=1),
    sample((4,), Const(_moving), Const(3), extra_arguments=Const((2.5,))),
)  # fmt: skip
for _function, _body in (
    (ndimage.generic_laplace, generic_laplace),
    (ndimage.generic_gradient_magnitude, generic_gradient_magnitude),
):
    _record(
        _function, _body, sample((4,), Const(ndimage.sobel)),
        sample((3, 4), Const(ndimage.sobel), mode=("wrap", "mirror")),
        sample((3, 3), Const(ndimage.prewitt), axes=Const((1,))),
    )  # fmt: skip
_record(
    ndimage.geometric_transform, geometric_transform, sample((3, 4), Const(_stretched)),
    sample((4,), Const(_stretched), Const((3,)), order=1, mode="nearest"),
    sample((4,), Const(_stretched), extra_arguments=Const((0.8,))),
)  # fmt: skip
