"""Image processing. Loaded with `scipy.ndimage`."""

from typing import Any

from scipy import ndimage

from ....core.op import Composite, Const, Sample, sample
from ....core.registry import register
from . import filters

_MODES = ("reflect", "constant", "nearest", "mirror", "wrap")
_LINES = (
    *(sample((5,), (3,), mode=m) for m in _MODES), sample((2, 5), (4,), mode="mirror"),
    sample((4, 2), (2,), 0), sample((5,), (3,), origin=1), sample((3,), (5,), mode="reflect"),
    sample((4,), (3,), mode="constant", cval=1.5), sample((3,), (4,), origin=-2, mode="wrap"),
    sample((1,), (3,), mode="nearest"),
)  # fmt: skip
_PLANES = (
    *(sample((3, 4), (2, 3), mode=m) for m in _MODES), sample((4,), (3,)),
    sample((3, 3), (3, 2), mode="constant", cval=-0.5), sample((3, 4), (3, 3), origin=(1, -1)),
    sample((2, 3, 2), (2, 2, 2)), sample((4, 4), (2, 4), origin=-1, mode="wrap"),
)  # fmt: skip
_WIDTH = Const(0.6)
_GAUSSIANS = (
    *(sample((5,), _WIDTH, mode=m) for m in _MODES), sample((3, 4), _WIDTH),
    sample((4,), _WIDTH, order=1), sample((4,), _WIDTH, order=2), sample((4,), _WIDTH, order=3),
    sample((5,), _WIDTH, mode="constant", cval=0.5), sample((6,), Const(1.5), truncate=2.0),
    sample((6,), Const(1.0), radius=1),
)  # fmt: skip


def _width(rng: Any) -> Any:
    """Draw a width whose kernel keeps its radius nearby, for samples."""
    return rng.uniform(0.65, 0.85)


_IMAGES = (
    *(sample((3, 4), mode=m) for m in _MODES), sample((5,)), sample((2, 3, 2)),
    sample((3, 3), mode="constant", cval=1.5),
)  # fmt: skip


def _record(function: Any, body: Any, *samples: Sample) -> None:
    register(function, Composite(f"scipy.ndimage.{function.__name__}", body, function, samples))


_record(ndimage.correlate1d, filters.correlate1d, *_LINES)
_record(ndimage.convolve1d, filters.convolve1d, *_LINES)
_record(ndimage.correlate, filters.correlate, *_PLANES)
_record(ndimage.convolve, filters.convolve, *_PLANES)
_record(
    ndimage.gaussian_filter1d, filters.gaussian_filter1d, *_GAUSSIANS, sample((6,), _width),
    sample((2, 5), _width, 0), sample((5,), _width, order=1), sample((5,), _width, order=2),
)  # fmt: skip
_record(
    ndimage.gaussian_filter, filters.gaussian_filter, *_GAUSSIANS, sample((3, 4), _width),
    sample((3, 4), [_width, _width]), sample((3, 4), Const((0.6, 0.0)), order=(1, 0)),
    sample((3, 4), _WIDTH, mode=("wrap", "nearest")), sample((3, 2, 3), _WIDTH, axes=(0, 2)),
    sample((3, 3), Const(0.0)),
)  # fmt: skip
for _function, _body in (
    (ndimage.sobel, filters.sobel), (ndimage.prewitt, filters.prewitt),
):  # fmt: skip
    _record(_function, _body, *_IMAGES, sample((3, 4), 0), sample((3, 3), mode=("wrap", "mirror")))
_record(ndimage.laplace, filters.laplace, *_IMAGES, sample((2, 3, 2), axes=(0, 2)))
for _function, _body in (
    (ndimage.gaussian_laplace, filters.gaussian_laplace),
    (ndimage.gaussian_gradient_magnitude, filters.gaussian_gradient_magnitude),
):
    _record(
        _function, _body, sample((5,), _WIDTH), sample((3, 4), _WIDTH, mode="wrap"),
        sample((5, 4), Const((0.6, 0.8))), sample((4, 4), _width),
    )  # fmt: skip
_record(
    ndimage.uniform_filter1d, filters.uniform_filter1d,
    *(sample((5,), Const(3), mode=m) for m in _MODES), sample((2, 4), Const(2)),
    sample((4, 2), Const(4), 0, mode="mirror", origin=-1), sample((4,), Const(3), mode="constant",
    cval=2.0),
)  # fmt: skip
_record(
    ndimage.uniform_filter, filters.uniform_filter, *(sample((3, 4), mode=m) for m in _MODES),
    sample((3, 4), Const((2, 3))), sample((2, 3, 3), Const(2), axes=(1, 2)), sample((4,), Const(1)),
)  # fmt: skip
