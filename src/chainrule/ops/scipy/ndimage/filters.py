"""Linear filters of images. Loaded with `scipy.ndimage`.

An image is extended at its ends as the mode says, by pieces taken from it, and a kernel slides
within it; so the transpose of the filter holds at the ends as well. Kernels and the width of
Gaussians may be traced too.
"""

import operator
from typing import Any

import numpy as np
from scipy import ndimage

from ....core.op import Notation, Op
from ....core.registry import add
from ....core.slots import Jvp, Linear
from ....errors import UnsupportedFunctionError
from ...batched import along_axis, loop
from ...declare import as_array
from ...numpy.layout import axes_in_range
from ..axes import part, widen

_RULE = "linear in the image and in the kernel: the gradient is filtered by the reversed kernel"
PADS = {
    "reflect": "symmetric", "grid-mirror": "symmetric", "mirror": "reflect", "nearest": "edge",
    "wrap": "wrap", "grid-wrap": "wrap", "constant": "constant", "grid-constant": "constant",
}  # fmt: skip


# --- a kernel that slides within an array ----------------------------------------------------


def _slide_line(x: Any, w: Any, axis: int, dtype: Any) -> Any:
    n, size = x.shape[axis], w.shape[0]
    wide = ndimage.correlate1d(x, w, axis, np.dtype(dtype), "constant", 0.0)
    return part(wide, axis, slice(size // 2, size // 2 + n - size + 1))


def products(ct: Any, x: Any, count: int, axis: int) -> Any:
    """Return Σᵢ ȳ[i]·x[i + k] for k = 0, …, count − 1, summed over all other axes."""
    n = ct.shape[axis]
    return np.stack([np.sum(ct * part(x, axis, slice(k, k + n))) for k in range(count)])


slide_line = Op(
    "correlate1d",
    _slide_line,
    (
        Linear(
            transpose=lambda ct, x, w, axis, dtype: slide_line(
                widen(ct, axis, w.shape[0] - 1, w.shape[0] - 1), w[::-1], axis=axis, dtype=ct.dtype
            )
        ),
        Linear(
            transpose=lambda ct, x, w, axis, dtype: products(ct, x, w.shape[0], axis)
        ),
    ),
    complex=True,
    batch=along_axis(0),
    notation=Notation("{0} ⋆ {1}", "{0} \\star {1}", 8, (26, 26), _RULE),
)
add(slide_line)


def _slide(x: Any, w: Any, dtype: Any) -> Any:
    wide = ndimage.correlate(x, w, np.dtype(dtype), "constant", 0.0)
    inside = [
        slice(size // 2, size // 2 + n - size + 1)
        for n, size in zip(x.shape, w.shape, strict=True)
    ]
    return wide[tuple(inside)]


def _direct(x: Any, v: Any, mode: str) -> Any:
    from ..signal.convolution import direct  # scipy.signal is dear: `scipy.stats` needs none of it

    return direct(x, v, mode=mode, axes=tuple(range(len(x.shape))))


slide = Op(
    "correlate_nd",
    _slide,
    (
        Linear(transpose=lambda ct, x, w, dtype: _direct(ct, w, "full")),
        Jvp(lambda t, _y, x, _w, dtype: _direct(x, np.flip(t), "valid")),
    ),
    complex=True,
    batch=loop,
    notation=Notation("{0} ⋆ {1}", "{0} \\star {1}", 8, (26, 26), _RULE),
)
add(slide)


def extended(x: Any, axis: int, left: int, right: int, mode: str, cval: Any) -> Any:
    """Extend one axis at both ends by what the mode says: pieces of the array, or `cval`."""
    if mode not in PADS:
        raise RuntimeError("boundary mode not supported")
    pad, n = PADS[mode], x.shape[axis]
    if not left and not right:
        return x
    if pad == "constant":
        width = [(left, right) if k == axis else (0, 0) for k in range(x.ndim)]
        return np.pad(x, width, constant_values=cval) if cval != 0 else np.pad(x, width)
    places = np.pad(np.arange(n), (left, right), pad)
    ends = (places[:left], places[left + n :])
    before, after = (np.take(x, end, axis=axis) for end in ends)
    return np.concatenate((before, x, after), axis=axis)


def reach(size: int, origin: int) -> tuple[int, int]:
    """Return how far a kernel reads to the left and to the right."""
    left = size // 2 + origin
    if not 0 <= left < size:
        raise ValueError(
            "Invalid origin; origin must satisfy -(len(weights) // 2) <= origin <= "
            "(len(weights)-1) // 2"
        )
    return left, size - 1 - left


def _image(x: Any) -> Any:
    """Return the image; of integers the result is rounded, and nothing would flow."""
    return as_array(x)


def _kernel(x: Any, w: Any) -> Any:
    w = as_array(w)
    if w.dtype.kind == "c":
        raise UnsupportedFunctionError(
            "a filter of scipy.ndimage with complex weights received a traced value",
            why="only real weights have a rule",
            cure="filter with ‹weights 1›.real and with ‹weights 1›.imag",
        )
    if x.dtype.kind not in "fc":
        raise UnsupportedFunctionError(
            f"a filter of scipy.ndimage received traced weights for an image of {x.dtype}",
            why="its result is rounded to integers, which carry no derivative",
            cure="write ‹input 0›.astype(float) in the place of ‹input 0›",
        )
    return w if w.dtype == np.float64 else w.astype(np.float64)


def output_dtype(x: Any, output: Any) -> Any:
    """Return the dtype of the result: that of the image, unless `output` names another."""
    if output is None:
        return x.dtype
    return np.dtype(getattr(output, "dtype", output) if not isinstance(output, type) else output)


def deliver(result: Any, output: Any) -> Any:
    """Return the result, or store it where the call asked for it."""
    if output is None or isinstance(output, type | str | np.dtype):
        return result
    output[...] = result
    return output


def apart(x: Any, output: Any, name: str) -> None:
    """Refuse an output in the memory of the image where SciPy reads what it has written there."""
    if hasattr(output, "shape") and np.may_share_memory(x, output):
        raise UnsupportedFunctionError(
            f"scipy.ndimage.{name} received an output that shares memory with a traced input",
            why="SciPy reads there what it has written, in an order that has no rule",
            cure="write ‹input 0›.copy() in the place of ‹input 0›",
        )


def along_line(
    x: Any, w: Any, axis: int, mode: str, cval: Any, origin: int, dtype: Any
) -> Any:
    """Correlate along one axis with a kernel of one axis."""
    w = _kernel(x, w)
    if w.ndim != 1 or w.shape[0] < 1:
        raise RuntimeError("no filter weights given")
    if not x.size:  # nothing to extend
        return x.astype(dtype)
    left, right = reach(w.shape[0], int(origin))
    wide = extended(x, axis, left, right, mode, cval)
    return slide_line(wide, w, axis=axis, dtype=np.dtype(dtype))


def correlate1d(
    input: Any, weights: Any, axis: int = -1, output: Any = None, mode: str = "reflect",
    cval: Any = 0.0, origin: int = 0,
) -> Any:  # fmt: skip
    """Correlate along one axis."""
    x = _image(input)
    (axis,) = axes_in_range(axis, x.ndim)
    dtype = output_dtype(x, output)
    return deliver(along_line(x, weights, axis, mode, cval, origin, dtype), output)


def convolve1d(
    input: Any, weights: Any, axis: int = -1, output: Any = None, mode: str = "reflect",
    cval: Any = 0.0, origin: int = 0,
) -> Any:  # fmt: skip
    """Correlate with the reversed kernel."""
    w = as_array(weights)
    origin = -origin - (w.shape[0] % 2 == 0)
    return correlate1d(input, w[::-1], axis, output, mode, cval, origin)


def each(value: Any, count: int) -> list[Any]:
    """Return one value per axis."""
    if not isinstance(value, list | tuple) and (isinstance(value, str) or np.ndim(value) == 0):
        return [value] * count
    if len(value) != count:
        raise RuntimeError("sequence argument must have length equal to input rank")
    return [value[k] for k in range(count)]


def image_axes(axes: Any, ndim: int) -> list[int]:
    """Return the axes of an image that a call names, all of them by default."""
    if axes is None:
        return list(range(ndim))
    return axes_in_range(axes if np.ndim(axes) == 0 else tuple(axes), ndim)


def origins_of(origin: Any, axes: list[int], ndim: int) -> dict[int, int]:
    """Return the origin along each axis. A kernel's own axes are those of the image, in order.

    As in SciPy, whose list of origins follows `axes` only where these are not all of them.
    """
    named = axes if len(axes) < ndim else range(ndim)
    return {k: int(o) for k, o in zip(named, each(origin, len(axes)), strict=True)}


def correlate(
    input: Any, weights: Any, output: Any = None, mode: str = "reflect", cval: Any = 0.0,
    origin: Any = 0, *, axes: Any = None, turned: bool = False,
) -> Any:  # fmt: skip
    """Correlate with a kernel of several axes."""
    x = _image(input)
    w = _kernel(x, weights)
    chosen = image_axes(axes, x.ndim)
    if w.ndim != len(chosen):
        raise RuntimeError(f"weights.ndim ({w.ndim}) must match len(axes) ({len(chosen)})")
    origins = origins_of(origin, chosen, x.ndim)
    w = np.flip(w) if turned else w
    sizes = [1] * x.ndim
    wide = x
    for n, axis in zip(w.shape, sorted(chosen), strict=True):
        sizes[axis] = n
        at = -origins[axis] - (n % 2 == 0) if turned else origins[axis]
        wide = extended(wide, axis, *reach(n, at), mode, cval)
    result = slide(wide, np.reshape(w, tuple(sizes)), dtype=np.dtype(output_dtype(x, output)))
    return deliver(result, output)


def convolve(
    input: Any, weights: Any, output: Any = None, mode: str = "reflect", cval: Any = 0.0,
    origin: Any = 0, *, axes: Any = None,
) -> Any:  # fmt: skip
    """Correlate with the reversed kernel."""
    return correlate(input, weights, output, mode, cval, origin, axes=axes, turned=True)


# --- Gaussians ----------------------------------------------------------------------------------


def gaussian_weights(sigma: Any, order: int, radius: int) -> Any:
    """Return a Gaussian on −radius, …, radius that sums to 1, or a derivative of it.

    The derivative of order k is that Gaussian times the polynomial q with q ← q′ − x·q/σ², k times.
    """
    if order < 0:
        raise ValueError("order must be non-negative")
    square = sigma * sigma
    x = np.arange(-radius, radius + 1)
    bell = np.exp(-0.5 / square * x**2)
    bell = bell / np.sum(bell)
    if order == 0:
        return bell
    powers = np.arange(order + 1)
    step = np.diag(powers[1:], 1) + np.diag(np.ones(order) / -square, -1)
    q = np.eye(order + 1)[0]
    for _ in range(order):
        q = np.dot(step, q)
    return np.dot(x[:, None] ** powers, q) * bell


def _gaussian_line(
    x: Any, sigma: Any, axis: int, order: int, mode: str, cval: Any, truncate: float, radius: Any,
    dtype: Any,
) -> Any:  # fmt: skip
    if radius is None:
        radius = operator.index(as_array(truncate * sigma + 0.5).astype(np.int64))
    if not isinstance(radius, int | np.integer) or radius < 0:
        raise ValueError("Radius must be a nonnegative integer.")
    weights = gaussian_weights(sigma, order, radius)[::-1]
    return along_line(x, weights, axis, mode, cval, 0, dtype)


def gaussian_filter1d(
    input: Any, sigma: Any, axis: int = -1, order: int = 0, output: Any = None,
    mode: str = "reflect", cval: Any = 0.0, truncate: float = 4.0, *, radius: Any = None,
) -> Any:  # fmt: skip
    """Filter by a Gaussian along one axis; its width may be traced, its radius is constant."""
    x = _image(input)
    (axis,) = axes_in_range(axis, x.ndim)
    dtype = output_dtype(x, output)
    result = _gaussian_line(x, sigma, axis, order, mode, cval, truncate, radius, dtype)
    return deliver(result, output)


def gaussian_filter(
    input: Any, sigma: Any, order: Any = 0, output: Any = None, mode: Any = "reflect",
    cval: Any = 0.0, truncate: float = 4.0, *, radius: Any = None, axes: Any = None,
) -> Any:  # fmt: skip
    """Filter by a Gaussian along one axis after the other."""
    x = _image(input)
    chosen = image_axes(axes, x.ndim)
    dtype, count = output_dtype(x, output), len(chosen)
    given = zip(chosen, *(each(v, count) for v in (sigma, order, mode, radius)), strict=True)
    y = x
    for axis, width, k, kind, reach in given:
        if width > 1e-15:
            y = _gaussian_line(y, width, axis, k, kind, cval, truncate, reach, dtype)
    return deliver(np.copy(y).astype(dtype) if y is x else y, output)


# --- differences ----------------------------------------------------------------------------------


def _crossed(
    input: Any, axis: int, output: Any, mode: Any, cval: Any, smooth: list[int]
) -> Any:
    x = _image(input)
    (axis,) = axes_in_range(axis, x.ndim)
    modes, dtype = each(mode, x.ndim), output_dtype(x, output)
    y = along_line(x, [-1, 0, 1], axis, modes[axis], cval, 0, dtype)
    for k in range(x.ndim):
        if k != axis:
            y = along_line(y, smooth, k, modes[k], cval, 0, dtype)
    return deliver(y, output)


def sobel(
    input: Any, axis: int = -1, output: Any = None, mode: Any = "reflect", cval: Any = 0.0
) -> Any:
    """Difference along one axis, weights 1, 2, 1 along the others."""
    return _crossed(input, axis, output, mode, cval, [1, 2, 1])


def prewitt(
    input: Any, axis: int = -1, output: Any = None, mode: Any = "reflect", cval: Any = 0.0
) -> Any:
    """Difference along one axis, weights 1, 1, 1 along the others."""
    return _crossed(input, axis, output, mode, cval, [1, 1, 1])


def laplace(
    input: Any, output: Any = None, mode: Any = "reflect", cval: Any = 0.0, *, axes: Any = None
) -> Any:
    """Add up the second differences along the axes."""
    x = _image(input)
    chosen, dtype = image_axes(axes, x.ndim), output_dtype(x, output)
    if len(chosen) > 1:
        apart(x, output, "laplace")
    total = None
    for axis, kind in zip(chosen, each(mode, len(chosen)), strict=True):
        term = along_line(x, [1, -2, 1], axis, kind, cval, 0, dtype)
        total = term if total is None else total + term
    return deliver(np.copy(x).astype(dtype) if total is None else total, output)


def _derivatives(
    x: Any, sigma: Any, order: int, mode: Any, cval: Any, chosen: list[int], dtype: Any,
    options: dict[str, Any],
) -> Any:  # fmt: skip
    """Yield the Gaussian filters with a derivative along one of the axes."""
    modes = each(mode, len(chosen))
    for axis, kind in zip(chosen, modes, strict=True):
        orders = [order if k == axis else 0 for k in range(x.ndim)]
        yield gaussian_filter(x, sigma, orders, dtype, kind, cval, **options)


def gaussian_laplace(
    input: Any, sigma: Any, output: Any = None, mode: Any = "reflect", cval: Any = 0.0, *,
    axes: Any = None, **kwargs: Any,
) -> Any:  # fmt: skip
    """Add up the second derivatives of Gaussian filters."""
    x = _image(input)
    chosen, dtype = image_axes(axes, x.ndim), output_dtype(x, output)
    if len(chosen) > 1:
        apart(x, output, "gaussian_laplace")
    widths = dict(zip(chosen, each(sigma, len(chosen)), strict=True))
    sigmas = [widths.get(k, 0) for k in range(x.ndim)]
    total = None
    for term in _derivatives(x, sigmas, 2, mode, cval, chosen, dtype, kwargs):
        total = term if total is None else total + term
    return deliver(np.copy(x).astype(dtype) if total is None else total, output)


def gaussian_gradient_magnitude(
    input: Any, sigma: Any, output: Any = None, mode: Any = "reflect", cval: Any = 0.0, *,
    axes: Any = None, **kwargs: Any,
) -> Any:  # fmt: skip
    """Return √Σ of the squared first derivatives. At the kinks: its slope is 0 where it is 0."""
    x = _image(input)
    chosen, dtype = image_axes(axes, x.ndim), output_dtype(x, output)
    if len(chosen) > 1:
        apart(x, output, "gaussian_gradient_magnitude")
    total = None
    for term in _derivatives(x, sigma, 1, mode, cval, chosen, dtype, kwargs):
        total = term * term if total is None else total + term * term
    if total is None:
        return deliver(np.copy(x).astype(dtype), output)
    flat = np.equal(total, 0)
    size = np.where(flat, 0.0, np.sqrt(np.where(flat, 1.0, total)))
    return deliver(size, output)


# --- means ----------------------------------------------------------------------------------------

uniform_line = Op(
    "uniform_filter1d",
    lambda x, size, axis, mode, cval, origin, dtype: ndimage.uniform_filter1d(
        x, size, axis, np.dtype(dtype), mode, cval, origin
    ),
    (
        Jvp(
            lambda t, _y, _x, size, axis, mode, cval, origin, dtype: along_line(
                t, np.full(size, 1.0 / size), axis, mode, 0.0, origin, dtype
            )
        ),
    ),
    complex=True,
    batch=along_axis(0),
    notation=Notation(
        "mean({0})", "\\operatorname{{mean}}\\left({0}\\right)",
        rule="a moving mean: linear in the image",
    ),
)  # fmt: skip
add(uniform_line)


def uniform_filter1d(
    input: Any, size: int, axis: int = -1, output: Any = None, mode: str = "reflect",
    cval: Any = 0.0, origin: int = 0,
) -> Any:  # fmt: skip
    """Take the mean of `size` neighbours along one axis."""
    x = _image(input)
    (axis,) = axes_in_range(axis, x.ndim)
    params = {"size": int(size), "axis": axis, "mode": mode, "cval": cval, "origin": int(origin)}
    return deliver(uniform_line(x, dtype=np.dtype(output_dtype(x, output)), **params), output)


def uniform_filter(
    input: Any, size: Any = 3, output: Any = None, mode: Any = "reflect", cval: Any = 0.0,
    origin: Any = 0, *, axes: Any = None,
) -> Any:  # fmt: skip
    """Take the mean of a block of neighbours."""
    x = _image(input)
    chosen = image_axes(axes, x.ndim)
    dtype, count = output_dtype(x, output), len(chosen)
    y = x
    for axis, n, o, kind in zip(
        chosen, *(each(v, count) for v in (size, origin, mode)), strict=True
    ):
        if n > 1:
            y = uniform_filter1d(y, int(n), axis, dtype, kind, cval, o)
    return deliver(np.copy(y).astype(dtype) if y is x else y, output)
