"""Convolution and correlation of arrays. Loaded with `scipy.signal`.

All are linear in each of the two arrays. A convolution pulls back by the convolution with the
other array reversed, over the cotangent padded to the size of the full convolution; the modes
'same' and 'valid' are parts of the full one.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import signal

from ....core.op import Composite, Notation, Op, sample
from ....core.registry import add, register
from ....core.slots import Jvp, Linear
from ...batched import loop
from ...declare import as_array
from ...numpy.layout import axes_in_range

_RULE = "a convolution pulls back by the convolution with the reversed other array"


def _stand_in(x: Any) -> Any:
    """Return plain zeros of the shape and dtype of `x`."""
    return np.zeros(x.shape, x.dtype)


def _starts(first: Any, second: Any, mode: str, axes: tuple[int, ...]) -> list[int]:
    """Return where the part that a mode keeps begins in the full convolution, along `axes`."""
    if mode == "full":
        return [0] * len(axes)
    if mode == "same":
        return [(second[k] - 1) // 2 for k in axes]
    return [min(first[k], second[k]) - 1 for k in axes]


def _back(op: Op, ct: Any, own: Any, other: Any, starts: list[int], axes: tuple[int, ...]) -> Any:
    """Convolve the cotangent, padded to full size, with the reversed other array."""
    width = [(0, 0)] * len(own)
    turned = [slice(None)] * len(own)
    for k, start in zip(axes, starts, strict=True):
        total = own[k] + other.shape[k] - 1
        width[k] = (start, total - start - ct.shape[k])
        turned[k] = slice(None, None, -1)
    return op(np.pad(ct, width), other[tuple(turned)], mode="valid", axes=axes)


def _bilinear(name: str, value: Callable[..., Any]) -> Op:
    """Declare a way to convolve: the same operation, computed in another way."""

    def in_first(ct: Any, x: Any, v: Any, mode: str, axes: tuple[int, ...]) -> Any:
        return _back(op, ct, x.shape, v, _starts(x.shape, v.shape, mode, axes), axes)

    def in_second(ct: Any, x: Any, v: Any, mode: str, axes: tuple[int, ...]) -> Any:
        return _back(op, ct, v.shape, x, _starts(x.shape, v.shape, mode, axes), axes)

    op = Op(
        name,
        value,
        (Linear(transpose=in_first), Linear(transpose=in_second)),
        complex=True,
        batch=loop,
        notation=Notation("{0} ∗ {1}", "{0} * {1}", 8, (26, 26), _RULE),
    )
    add(op)
    return op


direct = _bilinear(
    "convolve_direct", lambda x, v, mode, axes: signal.convolve(x, v, mode, "direct")
)
by_fft = _bilinear("fftconvolve", lambda x, v, mode, axes: signal.fftconvolve(x, v, mode, axes))
by_blocks = _bilinear("oaconvolve", lambda x, v, mode, axes: signal.oaconvolve(x, v, mode, axes))


def _pair(in1: Any, in2: Any) -> tuple[Any, Any]:
    x, v = as_array(in1), as_array(in2)
    if x.ndim != v.ndim:
        raise ValueError("in1 and in2 should have the same dimensionality")
    return x, v


def _every(x: Any) -> tuple[int, ...]:
    return tuple(range(x.ndim))


def _swap_needed(x: Any, v: Any, mode: str, axes: tuple[int, ...]) -> bool:
    """Say whether the second array is the larger one of the mode 'valid'."""
    if mode != "valid":
        return False
    smaller = [x.shape[k] < v.shape[k] for k in axes]
    if any(smaller) and any(x.shape[k] > v.shape[k] for k in axes):
        raise ValueError(
            "For 'valid' mode, one must be at least as large as the other in every dimension"
        )
    return any(smaller)


def convolve(in1: Any, in2: Any, mode: str = "full", method: str = "auto") -> Any:
    """Convolve two arrays, by sums or by Fourier transforms, as SciPy chooses."""
    x, v = _pair(in1, in2)
    if x.ndim == 0:
        return np.multiply(x, v)  # NumPy's number, also of Python's
    if _swap_needed(x, v, mode, _every(x)):
        x, v = v, x
    if method == "auto":
        method = signal.choose_conv_method(_stand_in(x), _stand_in(v), mode=mode)
    if method == "direct":
        return direct(x, v, mode=mode, axes=_every(x))
    if method != "fft":
        raise ValueError("Acceptable method flags are 'auto', 'direct', or 'fft'.")
    return by_fft(x, v, mode=mode, axes=_every(x)).astype(np.result_type(x.dtype, v.dtype))


def _over_axes(op: Op, in1: Any, in2: Any, mode: str, axes: Any) -> Any:
    x, v = _pair(in1, in2)
    if x.ndim == 0:
        return np.multiply(x, v)  # NumPy's number, also of Python's
    if not x.size or not v.size:
        return np.array([])
    chosen = _every(x)
    if axes is not None:
        chosen = tuple(axes_in_range(tuple(np.atleast_1d(axes).tolist()), x.ndim))
        if not chosen:
            raise ValueError("when provided, axes cannot be empty")
    if _swap_needed(x, v, mode, tuple(k for k in chosen if 1 not in (x.shape[k], v.shape[k]))):
        x, v = v, x
    if mode != "same":
        return op(x, v, mode=mode, axes=chosen)
    full = op(x, v, mode="full", axes=chosen)  # SciPy takes the middle of every axis
    starts = [(m - n) // 2 for m, n in zip(full.shape, x.shape, strict=True)]
    return np.copy(full[tuple(slice(k, k + n) for k, n in zip(starts, x.shape, strict=True))])


def fftconvolve(in1: Any, in2: Any, mode: str = "full", axes: Any = None) -> Any:
    """Convolve along some axes by Fourier transforms."""
    return _over_axes(by_fft, in1, in2, mode, axes)


def oaconvolve(in1: Any, in2: Any, mode: str = "full", axes: Any = None) -> Any:
    """Convolve along some axes by Fourier transforms of blocks."""
    return _over_axes(by_blocks, in1, in2, mode, axes)


def _correlated(x: Any, v: Any, mode: str) -> Any:
    """Correlate by a convolution with the second array reversed and conjugated."""
    v = np.flip(np.conjugate(v) if v.dtype.kind == "c" else v)
    x, v = (v, x) if _swap_needed(x, v, mode, _every(x)) else (x, v)
    return direct(x, v, mode=mode, axes=_every(x))


correlated = Op(
    "correlate_direct",
    lambda x, v, mode: signal.correlate(x, v, mode, "direct"),
    (
        Jvp(lambda t, _y, _x, v, mode: _correlated(t, v, mode)),
        Jvp(lambda t, _y, x, _v, mode: _correlated(x, t, mode)),
    ),
    complex=True,
    batch=loop,
    notation=Notation("{0} ⋆ {1}", "{0} \\star {1}", 8, (26, 26), _RULE),
)
add(correlated)


def correlate(in1: Any, in2: Any, mode: str = "full", method: str = "auto") -> Any:
    """Correlate: convolve with the second array reversed and conjugated."""
    x, v = _pair(in1, in2)
    if x.ndim and method == "direct":
        return correlated(x, v, mode=mode)
    v = np.conjugate(v) if v.dtype.kind == "c" else v
    return convolve(x, np.flip(v), mode, method) if x.ndim else np.multiply(x, v)


# --- two dimensions, with boundaries ------------------------------------------------------------

_PADS = {
    "fill": "constant", "pad": "constant", "wrap": "wrap", "circular": "wrap",
    "symm": "symmetric", "symmetric": "symmetric",
}  # fmt: skip


def _widths(sizes: Any, mode: str, turned: bool) -> list[tuple[int, int]]:
    """Return how far the kernel reads over the ends of the first array."""
    if mode == "valid":
        return [(0, 0)] * 2
    if mode == "full":
        return [(n - 1, n - 1) for n in sizes]
    ends = [((n - 1) // 2, n // 2) for n in sizes]
    return ends if turned else [(b, a) for a, b in ends]


def _slide(x: Any, v: Any, fill: Any, mode: str, boundary: str, turned: bool) -> Any:
    """Extend the first array and slide the kernel within it; `turned`: correlate."""
    kind = _PADS[boundary]
    options = {"constant_values": fill} if kind == "constant" and fill else {}
    wide = np.pad(x, _widths(v.shape, mode, turned), kind, **options)
    if turned:
        v = (np.conjugate(v) if v.dtype.kind == "c" else v)[::-1, ::-1]
    return direct(wide, v, mode="valid", axes=(0, 1))


def _value(x: Any, v: Any, mode: str, boundary: str, fillvalue: Any, turned: bool) -> Any:
    function = signal.correlate2d if turned else signal.convolve2d
    return function(x, v, mode, boundary, fillvalue)


with_boundary = Op(
    "convolve2d",
    _value,
    (
        Jvp(
            lambda t, _y, _x, v, mode, boundary, fillvalue, turned: _slide(
                t, v, 0, mode, boundary, turned
            )
        ),
        Jvp(
            lambda t, _y, x, _v, mode, boundary, fillvalue, turned: _slide(
                x, t, fillvalue, mode, boundary, turned
            )
        ),
    ),
    complex=True,
    batch=loop,
    notation=Notation("{0} ∗ {1}", "{0} * {1}", 8, (26, 26), _RULE),
)
add(with_boundary)


def _planes(in1: Any, in2: Any, mode: str, boundary: str, fillvalue: Any, turned: bool) -> Any:
    x, v = as_array(in1), as_array(in2)
    if not x.ndim == v.ndim == 2:
        raise ValueError("convolve2d inputs must both be 2-D arrays")
    if boundary not in _PADS:
        raise ValueError(
            "Acceptable boundary flags are 'fill', 'circular' (or 'wrap'), and 'symmetric'."
        )
    params = {"mode": mode, "boundary": boundary, "fillvalue": fillvalue, "turned": turned}
    if not _swap_needed(x, v, mode, (0, 1)):
        return with_boundary(x, v, **params)
    swapped = with_boundary(v, x, **params)
    return np.copy(swapped[::-1, ::-1]) if turned else swapped


def convolve2d(
    in1: Any, in2: Any, mode: str = "full", boundary: str = "fill", fillvalue: Any = 0
) -> Any:
    """Convolve two matrices; beyond its ends the first one is filled, repeated or mirrored."""
    return _planes(in1, in2, mode, boundary, fillvalue, False)


def correlate2d(
    in1: Any, in2: Any, mode: str = "full", boundary: str = "fill", fillvalue: Any = 0
) -> Any:
    """Correlate two matrices; beyond its ends the first one is filled, repeated or mirrored."""
    return _planes(in1, in2, mode, boundary, fillvalue, True)


_PAIRS = (
    sample((5,), (3,)), sample((3,), (5,), "same"), sample((5,), (2,), mode="valid"),
    sample((2,), (5,), mode="valid"), sample((3, 4), (2, 2)), sample((3, 4), (2, 3), "same"),
    sample((3, 4), (2, 2), "valid"), sample((2, 2), (3, 4), "valid"), sample((), ()),
    sample((2, 3, 2), (1, 2, 2)), sample((2, 3), (3, 2), "same"),
)  # fmt: skip
_METHODS = (
    sample((5,), (3,), method="fft"), sample((3, 4), (2, 2), "same", "fft"),
    sample((2, 2), (4, 3), "valid", "direct"), sample((4, 3), (2, 2), "full", "direct"),
    sample((2, 2), (3, 4), "full", "direct"), sample((3, 4), (2, 3), "same", "direct"),
    sample((2,), (4,), "same", "direct"), sample((2, 3), (4, 2), "same", "direct"),
)  # fmt: skip
_AXES = (
    *_PAIRS, sample((2, 5), (2, 3), axes=1), sample((1, 5), (3, 2), "same", axes=(1,)),
    sample((4, 2), (2, 1), "valid", axes=0),
)  # fmt: skip
_PLANES = (
    sample((3, 4), (2, 2)), sample((4, 4), (3, 2), "same"), sample((4, 3), (2, 2), "valid"),
    sample((2, 2), (4, 3), "valid"), sample((3, 4), (2, 3), "same", "wrap"),
    sample((3, 4), (2, 2), "full", "wrap"), sample((3, 3), (3, 2), "same", "symm"),
    sample((3, 3), (2, 3), "full", "symm"), sample((3, 3), (2, 2), "full", "fill", 1.5),
    sample((3, 3), (3, 3), "same", "fill", -0.5), sample((3, 3), (3, 3), "valid", "fill", 2.0),
)  # fmt: skip
for _function, _body, _samples in (
    (signal.convolve, convolve, _PAIRS + _METHODS),
    (signal.correlate, correlate, _PAIRS + _METHODS),
    (signal.fftconvolve, fftconvolve, _AXES),
    (signal.oaconvolve, oaconvolve, (*_AXES, sample((40,), (3,)), sample((2, 30), (2, 3)))),
    (signal.convolve2d, convolve2d, _PLANES),
    (signal.correlate2d, correlate2d, _PLANES),
):
    _name = f"scipy.signal.{_function.__name__}"
    register(_function, Composite(_name, _body, _function, _samples))
