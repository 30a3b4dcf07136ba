"""Filters that select: the result is one of the neighbours, whose derivative is 1.

At ties the neighbour that comes first in the window is selected.
"""

from typing import Any

import numpy as np
from scipy import ndimage

from ....core.op import Composite, Const, Notation, Op, Sample, sample
from ....core.registry import add, register
from ....core.slots import INDEX
from ... import jumps
from ...batched import loop
from ...declare import as_array
from ...numpy.layout import axes_in_range
from .filters import deliver, each, extended, image_axes, origins_of, output_dtype, reach


def _places(x: Any, shape: tuple[int, ...], chosen: tuple[int, ...], rank: int) -> Any:
    """Return where in the flat array the neighbour of that rank stands, for every window.

    `chosen` are the places of the footprint within a window of that shape.
    """
    windows = np.lib.stride_tricks.sliding_window_view(x, shape)
    outer = windows.shape[: x.ndim]
    values = np.reshape(windows, (*outer, -1))[..., list(chosen)]
    which = np.argsort(values, axis=-1, kind="stable")[..., rank]
    offsets = np.ravel_multi_index(np.unravel_index(list(chosen), shape), x.shape)
    corners = np.ravel_multi_index(tuple(np.indices(outer)), x.shape)
    return corners + np.asarray(offsets)[which]


places = Op(
    "rank_places",
    _places,
    (INDEX,),
    batch=loop,
    jump=jumps.any_equal,
    notation=Notation(rule="piecewise constant: nothing flows"),
)
add(places)


def select(
    x: Any, rank: Any, size: Any, footprint: Any, output: Any, mode: Any, cval: Any, origin: Any,
    axes: Any, by_axis: bool = False,
) -> Any:  # fmt: skip
    """Select by rank in every neighbourhood; `rank` is a number or a function of the count.

    Extremes of a whole block are taken axis by axis: sizes, origins and modes follow `axes`.
    """
    x = as_array(x)
    if x.dtype.kind == "c":
        raise TypeError("Complex type not supported")
    along = image_axes(axes, x.ndim)
    if footprint is None:
        if size is None:
            raise RuntimeError("no footprint provided")
        footprint = np.ones([int(n) for n in each(size, len(along))], bool)
    footprint = np.asarray(footprint, bool)
    if footprint.ndim != len(along) or not footprint.any():
        raise RuntimeError("footprint array has incorrect shape, or is all zero")
    count = int(footprint.sum())
    rank = rank(count) if callable(rank) else int(rank)
    rank = rank + count if rank < 0 else rank
    if not 0 <= rank < count:
        raise RuntimeError("rank not within filter footprint size")
    if by_axis and footprint.all():
        footprint = np.transpose(footprint, np.argsort(along))
        origins = {k: int(o) for k, o in zip(along, each(origin, len(along)), strict=True)}
        modes = dict(zip(along, each(mode, len(along)), strict=True))
    else:
        origins = origins_of(origin, along, x.ndim)
        if not isinstance(mode, str):
            raise RuntimeError("A sequence of modes is not supported for such a footprint")
        modes = dict.fromkeys(along, mode)
    shape, wide = [1] * x.ndim, x
    for n, axis in zip(footprint.shape, sorted(along), strict=True):
        shape[axis] = n
        wide = extended(wide, axis, *reach(n, origins[axis]), modes[axis], cval)
    chosen = tuple(np.flatnonzero(footprint).tolist())
    where = places(wide, shape=tuple(shape), chosen=chosen, rank=rank)
    found = np.take(np.ravel(wide), where)
    dtype = output_dtype(x, output)
    return deliver(found if found.dtype == dtype else found.astype(dtype), output)


def _last(count: int) -> int:
    return count - 1


def _extreme(rank: Any, by_axis: bool = True) -> Any:
    def body(
        input: Any, size: Any = None, footprint: Any = None, output: Any = None,
        mode: Any = "reflect", cval: Any = 0.0, origin: Any = 0, *, axes: Any = None,
    ) -> Any:  # fmt: skip
        return select(input, rank, size, footprint, output, mode, cval, origin, axes, by_axis)

    return body


def _extreme_line(rank: Any) -> Any:
    def body(
        input: Any, size: int, axis: int = -1, output: Any = None, mode: str = "reflect",
        cval: Any = 0.0, origin: int = 0,
    ) -> Any:  # fmt: skip
        axes = axes_in_range(axis, np.ndim(input))
        return select(input, rank, size, None, output, mode, cval, origin, axes, True)

    return body


def rank_filter(
    input: Any, rank: int, size: Any = None, footprint: Any = None, output: Any = None,
    mode: Any = "reflect", cval: Any = 0.0, origin: Any = 0, *, axes: Any = None,
) -> Any:  # fmt: skip
    """Select the neighbour of a rank."""
    return select(input, rank, size, footprint, output, mode, cval, origin, axes)


def percentile_filter(
    input: Any, percentile: float, size: Any = None, footprint: Any = None, output: Any = None,
    mode: Any = "reflect", cval: Any = 0.0, origin: Any = 0, *, axes: Any = None,
) -> Any:  # fmt: skip
    """Select the neighbour at a percentile."""
    part = percentile + 100.0 if percentile < 0 else percentile
    if not 0 <= part <= 100:
        raise RuntimeError("invalid percentile")

    def rank(count: int) -> int:
        return count - 1 if part == 100.0 else int(float(count) * part / 100.0)

    return select(input, rank, size, footprint, output, mode, cval, origin, axes)


def middle(count: int) -> int:
    """Return the rank of the median."""
    return count // 2


# --- the functions --------------------------------------------------------------------------------

_MODES = ("reflect", "constant", "nearest", "mirror", "wrap")
_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]])
_FIELDS = (
    *(sample((5,), size=3, mode=m) for m in _MODES), sample((3, 4), size=(2, 3)),
    sample((4, 4), footprint=_CROSS), sample((4,), size=3, origin=1),
    sample((2, 3, 3), size=2, axes=(1, 2)), sample((4,), size=3, mode="constant", cval=5.0),
)  # fmt: skip
_LINES = (
    sample((5,), Const(3)), sample((2, 4), Const(2), 0, mode="wrap"), sample((4,), Const(4)),
)  # fmt: skip


def record(function: Any, body: Any, *samples: Sample) -> None:
    """Register a function whose result is `body`'s."""
    home = function.__module__.split("._")[0]
    register(function, Composite(f"{home}.{function.__name__}", body, function, samples))


record(ndimage.maximum_filter, _extreme(_last), *_FIELDS)
record(ndimage.minimum_filter, _extreme(0), *_FIELDS)
record(ndimage.median_filter, _extreme(middle, False), *_FIELDS)
record(ndimage.maximum_filter1d, _extreme_line(_last), *_LINES)
record(ndimage.minimum_filter1d, _extreme_line(0), *_LINES)
record(
    ndimage.rank_filter, rank_filter, sample((5,), Const(1), size=3),
    sample((3, 4), Const(-2), size=(2, 3)), sample((4, 4), Const(2), footprint=_CROSS),
)  # fmt: skip
record(
    ndimage.percentile_filter, percentile_filter, sample((5,), Const(30), size=3),
    sample((3, 4), Const(100), size=2), sample((4,), Const(-20), size=3),
)  # fmt: skip
