"""Measurements of images by label in `scipy.ndimage`: sums, moments, extremes, centres.

The labels are plain. Without labels the whole image is one object; without an index all labels
above 0 together are. The value is SciPy's.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import ndimage

from ....core.op import Composite, Const, sample
from ....core.registry import register
from ...declare import as_array
from ..common import as_computed, flows, numbers, plain, refusal, settled

_LABELS = Const(np.array([[0, 1, 1, 2], [2, 0, 1, 1], [0, 2, 2, 0]]))
_SAMPLES = (
    sample((3, 4)), sample((4,)), sample((3, 4), _LABELS), sample((3, 4), _LABELS, 1),
    sample((3, 4), _LABELS, Const([2, 1])),
)  # fmt: skip


def _groups(shape: tuple[int, ...], labels: Any, index: Any) -> list[Any]:
    """Return the masks of the objects."""
    if labels is None:
        return [np.ones(shape, bool)]
    labels = np.broadcast_to(labels, shape)
    if index is None:
        return [labels > 0]
    return [labels == i for i in np.ravel(index)]


def _measured(function: Any, of: Callable[[Any, Any], Any]) -> None:
    """Register a measurement: ``of(image, mask)`` is a number."""
    name = f"scipy.ndimage.{function.__name__}"

    def body(input: Any, labels: Any = None, index: Any = None) -> Any:
        labels, index = numbers(labels), numbers(index)
        image = as_array(settled(input))
        if not flows(image):
            return function(image, labels, index)
        if image.dtype.kind == "c":
            cure = "take ‹input 0›.real and ‹input 0›.imag"
            raise refusal(f"{name} of a complex image", "it has no rule", cure)
        x = image if image.dtype.kind == "f" else image.astype(np.float64)
        value = function(plain(image), labels, index)
        found = [of(x, mask) for mask in _groups(x.shape, labels, index)]
        if np.ndim(index) == 0 or index is None:
            return _same(found[0], value)
        if isinstance(value, list):
            return [_same(y, v) for y, v in zip(found, value, strict=True)]
        return _same(np.reshape(np.stack(found), np.shape(index)), value)

    register(function, Composite(name, body, function, _SAMPLES))


def _same(found: Any, value: Any) -> Any:
    if isinstance(found, tuple):
        return tuple(map(_same, found, value))
    return as_computed(found, np.asarray(value)[()])


def _center(x: Any, mask: Any) -> Any:
    part = np.where(mask, x, 0.0)
    total = np.sum(part)
    grids = np.meshgrid(*map(np.arange, x.shape), indexing="ij", sparse=True)
    return tuple(np.sum(part * g.astype(float)) / total for g in grids)


def _sum(x: Any, mask: Any) -> Any:
    return np.sum(np.where(mask, x, 0.0))


for _function, _of in (
    (ndimage.sum, _sum),
    (ndimage.sum_labels, _sum),
    (ndimage.mean, lambda x, mask: np.mean(x[mask])),
    (ndimage.variance, lambda x, mask: np.var(x[mask])),
    (ndimage.standard_deviation, lambda x, mask: np.std(x[mask])),
    (ndimage.minimum, lambda x, mask: np.min(x[mask])),
    (ndimage.maximum, lambda x, mask: np.max(x[mask])),
    (ndimage.median, lambda x, mask: np.median(x[mask])),
    (ndimage.center_of_mass, _center),
):
    _measured(_function, _of)
