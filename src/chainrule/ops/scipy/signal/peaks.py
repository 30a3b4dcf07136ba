"""Peaks of a signal: their places are constant, their heights, prominences and widths are not.

What selects the peaks, such as `height`, may be traced: the selection is piecewise constant in it.
The width of a peak is the distance between the points at which straight lines between samples meet
its evaluation height; between which samples that is, is constant.
"""

from importlib import import_module
from typing import Any

import numpy as np
from scipy import signal

from ....core.op import Composite, Const, Notation, Op, sample
from ....core.registry import add, register
from ....core.sequences import elements
from ....core.slots import INDEX
from ...borrowed import Borrowed
from ...declare import as_array
from ..common import as_computed, constant_of, traced

_CONSTANT = Notation(rule="piecewise constant: nothing flows")
_SELECT = ("height", "threshold", "distance", "prominence", "width", "rel_height", "plateau_size")


def _chosen(x: Any, *given: Any, options: Any) -> Any:
    """Find peaks; None in the place of an option's number stands for the next of those given."""
    rest = iter(given)
    found = {
        name: tuple(next(rest) if t else v for v, t in parts) if pair else
        next(rest) if parts[0][1] else parts[0][0]
        for name, pair, parts in options
    }  # fmt: skip
    return signal.find_peaks(np.ascontiguousarray(x, np.float64), **found)[0]


def _bases(x: Any, peaks: Any, wlen: Any) -> Any:
    wide = np.ascontiguousarray(x, np.float64)
    return signal.peak_prominences(wide, np.asarray(peaks), wlen)[1:]


def _edges(x: Any, peaks: Any) -> Any:
    """Return the first and the last sample of the plateaus on which peaks lie."""
    ends = []
    for step in (-1, 1):
        found = np.array(peaks)
        for k, i in enumerate(found):
            while 0 <= i + step < x.size and x[i + step] == x[i]:
                i += step
            found[k] = i
        ends.append(found)
    return tuple(ends)


def _crossings(x: Any, heights: Any, peaks: Any, left: Any, right: Any) -> Any:
    """Return the samples next to each peak, on both sides, that are not above a height."""
    found = np.array([left, right])
    for k, (peak, height) in enumerate(zip(peaks, heights, strict=True)):
        below = np.flatnonzero(~(height < x[left[k] : peak + 1]))
        beyond = np.flatnonzero(~(height < x[peak : right[k] + 1]))
        found[0, k] = left[k] + below[-1] if below.size else left[k]
        found[1, k] = peak + beyond[0] if beyond.size else right[k]
    return found[0], found[1]


def _at_sample(y: Any, x: Any, heights: Any, peaks: Any, *_: Any, **__: Any) -> bool:
    """Say whether a line at some height meets a sample: another line may begin there."""
    return any(np.any((x[side] == heights) & (side != peaks)) for side in y)


peaks_op = constant_of("find_peaks", _chosen)
bases_op = Op("peak_bases", _bases, (INDEX, INDEX), batch="loop", outputs=2, notation=_CONSTANT)
edges_op = Op("plateau_edges", _edges, (INDEX, INDEX), batch="loop", outputs=2, notation=_CONSTANT)
crossings_op = Op(
    "peak_crossings", _crossings, (INDEX,) * 5, batch="loop", outputs=2, jump=_at_sample,
    notation=_CONSTANT,
)  # fmt: skip
for _op in (bases_op, edges_op, crossings_op):
    add(_op)


def find_peaks(
    x: Any, height: Any = None, threshold: Any = None, distance: Any = None,
    prominence: Any = None, width: Any = None, wlen: Any = None, rel_height: Any = 0.5,
    plateau_size: Any = None,
) -> Any:  # fmt: skip
    """Find peaks, and their properties; what only selects them may be traced."""
    x = as_array(x)
    given: list[Any] = []
    options: list[Any] = [("wlen", False, ((wlen, False),))]
    values = (height, threshold, distance, prominence, width, rel_height, plateau_size)
    for name, value in zip(_SELECT, values, strict=True):
        pair = not traced(value) and not hasattr(value, "dtype") and elements(value) is not None
        pair = pair or isinstance(value, list | tuple)
        parts = list(elements(value)) if pair else [value]
        flags = [traced(v) for v in parts]
        given += [as_array(v) for v, t in zip(parts, flags, strict=True) if t]
        kept = [None if t else v for v, t in zip(parts, flags, strict=True)]
        options.append((name, pair, tuple(zip(kept, flags, strict=True))))
    peaks = peaks_op(x, *given, options=tuple(options))
    found: dict[str, Any] = {}
    x = x.astype(np.float64)
    if plateau_size is not None:
        left, right = edges_op(x, peaks)
        found |= {"plateau_sizes": right - left + 1, "left_edges": left, "right_edges": right}
    if height is not None:
        found["peak_heights"] = x[peaks]
    if threshold is not None:
        found["left_thresholds"] = x[peaks] - x[peaks - 1]
        found["right_thresholds"] = x[peaks] - x[peaks + 1]
    if prominence is not None or width is not None:
        data = peak_prominences(x, peaks, wlen)
        found |= dict(zip(("prominences", "left_bases", "right_bases"), data, strict=True))
        if width is not None:
            wide = peak_widths(x, peaks, rel_height, data)
            names = ("widths", "width_heights", "left_ips", "right_ips")
            found |= dict(zip(names, wide, strict=True))
    return peaks, found


def peak_prominences(x: Any, peaks: Any, wlen: Any = None) -> tuple[Any, Any, Any]:
    """Return by how much peaks stand out from the lowest contour line, and where its ends are."""
    x, peaks = as_array(x).astype(np.float64), as_array(peaks)
    left, right = bases_op(x, peaks, wlen=wlen)
    return x[peaks] - np.maximum(x[left], x[right]), left, right


def peak_widths(
    x: Any, peaks: Any, rel_height: Any = 0.5, prominence_data: Any = None, wlen: Any = None
) -> tuple[Any, Any, Any, Any]:
    """Return the widths of peaks at a share of their prominence, that height, and both ends."""
    x, peaks = as_array(x).astype(np.float64), as_array(peaks)
    data = peak_prominences(x, peaks, wlen) if prominence_data is None else prominence_data
    prominences, left, right = map(as_array, data)
    heights = x[peaks] - prominences * rel_height
    value = widths_value(x, peaks, as_array(rel_height), prominences, left, right)
    ends = []
    for at, step in zip(crossings_op(x, heights, peaks, left, right), (1, -1), strict=True):
        inside = (at != peaks) & (x[at] <= heights)
        rise = np.where(inside, x[np.where(inside, at + step, at)] - x[at], 1.0)
        ends.append(at + step * np.where(inside, (heights - x[at]) / rise, 0.0))
    found = (ends[1] - ends[0], heights, *ends)
    return tuple(map(as_computed, found, value))  # type: ignore[return-value]


def _plain_widths(x: Any, peaks: Any, share: Any, *data: Any) -> Any:
    prominences, left, right = map(np.ascontiguousarray, data)
    wide = np.ascontiguousarray(x, np.float64)
    kind = np.dtype(np.intp)
    return np.array(signal.peak_widths(
        wide, np.asarray(peaks), float(share),
        (prominences.astype(float), left.astype(kind), right.astype(kind)),
    ))  # fmt: skip


widths_value = constant_of("peak_widths_value", _plain_widths)


def _bumps(rng: Any) -> Any:
    """Draw a signal with three peaks, for samples."""
    return np.array([0.1, 1, 0.3, 2, 0.7, 0.5, 1.5, 0.2]) + rng.uniform(0, 0.15, 8)


_finding = Borrowed(import_module("scipy.signal._peak_finding"))
_PLACES = Const(np.array([1, 3, 6]))
for _function, _body, _samples in (
    (signal.find_peaks, find_peaks, ()),
    (signal.peak_prominences, peak_prominences, (
        sample(_bumps, _PLACES), sample(_bumps, _PLACES, wlen=5),
    )),
    (signal.peak_widths, peak_widths, (
        sample(_bumps, _PLACES), sample(_bumps, _PLACES, 0.7), sample(_bumps, _PLACES, wlen=5),
    )),
    *((f, _finding.body(f), ()) for f in (
        signal.argrelextrema, signal.argrelmax, signal.argrelmin,
    )),
):  # fmt: skip
    register(
        _function, Composite(f"scipy.signal.{_function.__name__}", _body, _function, _samples)
    )
