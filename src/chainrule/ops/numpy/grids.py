"""Evenly spaced points between traced ends: linear in the ends, or exponentials of such."""

from typing import Any

import numpy as np

from ...core.op import Const, sample
from ...core.registry import composite
from ...core.sequences import makers
from ...errors import UnsupportedFunctionError
from ..declare import as_array
from .own_python import plain


def _float_only(function: str, dtype: Any) -> None:
    if dtype is not None and np.dtype(dtype).kind not in "fc":
        raise UnsupportedFunctionError(
            f"np.{function}(dtype={np.dtype(dtype)}) between traced ends is piecewise constant",
            cure=f"leave dtype out, or pass chainrule.stop_gradient of the ends to np.{function}",
        )


def _inexact(*ends: Any) -> Any:
    """Return the dtype of the points: a Python number is weak."""
    kinds = [e if type(e) in (int, float, complex) else as_array(e).dtype for e in ends]
    return np.result_type(*kinds, 1.0)


def _count(num: Any) -> int:
    if num < 0:
        raise ValueError(f"Number of samples, {num}, must be non-negative.")
    return int(num)


@composite(
    np.linspace, sample((), (), Const(5)), sample((3,), (2, 1), Const(4)), sample((), (), Const(1)),
    sample((), (), Const(4), endpoint=False), sample((2,), (2,), Const(3), axis=-1),
    sample((), (), Const(3), retstep=True), sample((), (), Const(0)),
    sample((), Const(1), Const(3)),
)  # fmt: skip
def linspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, retstep: bool = False,
    dtype: Any = None, axis: int = 0, *, device: Any = None,
) -> Any:  # fmt: skip
    """Return `num` points, start + k·(stop − start)/(num − 1), the last one exact."""
    _float_only("linspace", dtype)
    n = _count(num)
    kind = _inexact(start, stop)
    start, stop = np.astype(as_array(start), kind), np.astype(as_array(stop), kind)
    delta = stop - start
    pieces = n - 1 if endpoint else n
    k = np.reshape(np.arange(n, dtype=kind), (n,) + (1,) * delta.ndim)
    step: Any = np.nan
    if pieces > 0:
        step = delta / pieces
        flat = np.any(step == 0)  # a step that underflows
        points = k / pieces * delta if flat else k * step
    else:
        points = k * delta
    points = points + start
    if endpoint and n > 1:
        last = np.broadcast_to(stop, points.shape[1:])
        points = np.concatenate([points[:-1], last[None]])
    points = np.moveaxis(points, 0, axis) if axis != 0 else points
    points = np.astype(points, kind if dtype is None else dtype)
    return (points, step) if retstep else points


@composite(
    np.logspace, sample((), (), Const(4)), sample((2,), (2,), Const(3), base=2.0),
    sample((), (), Const(3), endpoint=False),
)  # fmt: skip
def logspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10.0,
    dtype: Any = None, axis: int = 0,
) -> Any:  # fmt: skip
    """Return powers of `base` at evenly spaced exponents."""
    _float_only("logspace", dtype)
    exponents = np.linspace(start, stop, num, endpoint=endpoint, axis=axis)
    if np.ndim(base):
        base = np.expand_dims(base, axis)
    points = np.power(base, exponents)
    return points if dtype is None else np.astype(points, dtype)


@composite(
    np.geomspace, sample((), (), Const(4)), sample((2,), (2,), Const(3), axis=-1),
    sample((), Const(100.0), Const(3), endpoint=False), domain=((0.5, 3.0),),
)  # fmt: skip
def geomspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0
) -> Any:
    """Return points in geometric progression between ends of the same sign."""
    _float_only("geomspace", dtype)
    _count(num)
    start, stop = as_array(start), as_array(stop)
    kind = np.result_type(start.dtype, stop.dtype, np.zeros((), dtype).dtype, 1.0)
    if kind.kind == "c":
        raise UnsupportedFunctionError(
            "np.geomspace between traced complex ends has no rule",
            cure="write np.exp(np.linspace(np.log(‹start 0›), np.log(‹stop 1›), ‹num 2›))",
        )
    if np.any(start == 0) or np.any(stop == 0):
        raise ValueError("Geometric sequence cannot include zero")
    shape = np.broadcast_shapes(start.shape, stop.shape)
    start = np.astype(np.broadcast_to(start, shape), kind)
    stop = np.astype(np.broadcast_to(stop, shape), kind)
    sign = np.sign(start)
    first, last = start / sign, stop / sign
    points = np.logspace(np.log10(first), np.log10(last), num, endpoint=endpoint, base=10.0)
    n = len(points)
    ends = [first[None]] if n else []
    if n > 1:
        ends.append(points[1:-1] if endpoint else points[1:])
        ends += [last[None]] if endpoint else []
    points = (np.concatenate(ends) if n else points) * sign
    points = np.moveaxis(points, 0, axis) if axis != 0 else points
    return np.astype(points, kind if dtype is None else dtype)


_grid = type(np.mgrid).__mro__[1]


@composite(_grid.__getitem__, name="grid")
def grid_index(self: Any, key: Any) -> Any:
    """``np.mgrid[...]`` and ``np.ogrid[...]``: ranges along axes of their own."""
    if isinstance(key, slice):
        return _stands_for_itself(_line(key, _kind((key,))))
    kind, n = _kind(key), len(key)
    lines = [_line(part, kind) for part in key]
    wide = [
        np.reshape(line, (1,) * k + line.shape + (1,) * (n - 1 - k)) for k, line in enumerate(lines)
    ]
    if self.sparse:
        return tuple(map(_stands_for_itself, wide))
    shape = tuple(line.size for line in lines)
    return _stands_for_itself(np.stack([np.broadcast_to(line, shape) for line in wide]))


def _kind(parts: Any) -> Any:
    """Return the dtype of a grid: that of its ends, steps and numbers of points."""
    given: list[Any] = [0]
    for part in parts:
        step = 1 if part.step is None else part.step
        start = 0 if part.start is None else part.start
        given += [start, part.stop, abs(step) if isinstance(step, complex) else step]
    return np.result_type(*map(plain, given))


def _line(part: slice, kind: Any) -> Any:
    start = 0 if part.start is None else part.start
    step = 1 if part.step is None else part.step
    if isinstance(step, complex):
        n = int(abs(step))
        step = 1 if n == 1 else (part.stop - start) / float(n - 1)
    else:
        n = max(int(np.ceil((part.stop - start) / step)), 0)
    return (np.arange(n, dtype=kind) * step + start).astype(kind)


def _stands_for_itself(made: Any) -> Any:
    """Let a new array that only its length owes to a traced number take traced stores."""
    return makers[0](made) if makers and type(made) is np.ndarray else made
