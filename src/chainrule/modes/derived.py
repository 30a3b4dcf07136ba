"""Whole Jacobians from one recording: rows by backward passes, columns by forward passes.

Many passes go at once (`sweeps`). What cannot go so, or meets a NaN, goes by itself.
"""

import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import groupby
from typing import Any

import numpy as np

from ..core.graph import Graph, Node
from ..core.settings import ignore, put_back
from ..errors import MatrixSizeError, OutputTypeError, made
from ..tracing.foreign import zeros
from ..tracing.losses import forget, swallowed
from ..tracing.running import running
from ..tracing.source import describe, user_frame
from ..tracing.stacked import every
from ..tracing.tracer import TRACERS, concrete
from .cotangents import has_nan
from .forward import push_graph
from .readers import Readers
from .reverse import backward, cotangent_of
from .sweeps import Sweeps, aligned, widened

Function = Callable[..., Any]


def blocks(
    f: Function, graph: Graph, leaves: list[Any], mode: str, chunk: int | None = None
) -> list[list[Any]]:
    """Return ∂(output i)/∂(input j) as ``[i][j]``; "auto" takes the mode with fewer passes.

    `chunk` of them go at once. By default that is as many as keep the tangents of a step, on
    average, within `_STEP` bytes, where an allocation is cheap, but no fewer than `_LEAST`, and no
    more than hold `_MEMORY` bytes at a time. Fewer than `_WORTH` go one by one. Decision 0030 has
    the measurements.
    """
    outs = [describe_output(leaf) for leaf in leaves]
    n = sum(_count(x.shape) for x in graph.inputs)
    m = sum(_count(shape) for shape, *_ in outs)
    if n * m > _LARGE:
        _check_size(f, graph, outs, m, n)
    forward = mode == "fwd" or (mode == "auto" and n < m)
    return (_columns if forward else _rows)(f, graph, outs, chunk)


_STEP, _LEAST, _MEMORY = 160 << 10, 4, 1 << 28
_WORTH = {True: 2, False: 3}  # forward; backward
_SMALL = 1 << 16  # bytes of all steps of all passes, beside which nothing is worth a look
_LARGE = 1 << 24  # numbers of a matrix that any machine holds


def _check_size(f: Function, graph: Graph, outs: list[Any], m: int, n: int) -> None:
    """Refuse a matrix that the machine cannot hold, before it is begun."""
    size = sum(
        _count(shape) * _count(x.shape) * block_dtype(dtype, x.dtype).itemsize
        for shape, dtype, _ in outs for x in graph.inputs
    )  # fmt: skip
    held = _memory()
    if size <= held:
        return
    raise MatrixSizeError(
        f"the Jacobian of {getattr(f, '__name__', type(f).__name__)} has {m:,} × {n:,} numbers: "
        f"{size / 2**30:.1f} GiB, and this machine has {held / 2**30:.1f} GiB of memory",
        where=describe(user_frame(2)),
        why="all of them are returned as arrays",
        cure="take products with it: chainrule.jvp, linearize, vjp, or hvp for a Hessian; or name "
        "fewer parameters by argnums",
    )


def _memory() -> int:
    """Return how many bytes of memory the machine has; where it does not say, any number."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return sys.maxsize


def describe_output(leaf: Any) -> tuple[tuple[int, ...], Any, Any]:
    """Return the shape and dtype of an output's derivatives, and what they are like."""
    value = concrete(leaf)
    dtype = np.result_type(value)
    return np.shape(value), dtype if dtype.kind in "fc" else np.dtype(float), value


def _count(shape: tuple[int, ...]) -> int:
    return int(np.prod(shape)) if shape else 1


def _unit(shape: tuple[int, ...], dtype: Any, like: Any, k: int) -> Any:
    e = zeros((_count(shape),), dtype, like)
    e[k : k + 1] = 1
    return e.reshape(shape)[()]


class Side:
    """The numbers whose sweeps are taken: those of all inputs, or of all outputs, one by one.

    `count` sweeps start at the number `start` of this side; `ends` are the shapes and dtypes of
    what they arrive at.
    """

    def __init__(
        self, sweeps: Sweeps, starts: list[Any], ends: list[Any], one: Any, many: Any
    ) -> None:
        self.sweeps = sweeps
        self.starts, self.ends = starts, ends  # (shape, dtype, like) of each
        self.one, self.many = one, many

    def blocks(self, f: Function, chunk: Callable[[int], int]) -> list[list[Any]]:
        """Return the derivatives of each end by each start, the axis of the sweeps in front."""
        found: list[list[Any]] = [[None] * len(self.starts) for _ in self.ends]
        for complex_ in (False, True):
            group = [j for j, (_, d, _) in enumerate(self.starts) if (d.kind == "c") is complex_]
            numbers = [(j, k) for j in group for k in range(_count(self.starts[j][0]))]
            pieces: list[list[Any]] = [[] for _ in self.ends]
            for part in _parts(numbers, chunk(len(numbers))):
                arrived = self.sweep(part, 1)
                if complex_:
                    other = self.sweep(part, 1j)
                    arrived = [_complex(f, a, b) for a, b in zip(arrived, other, strict=True)]
                for piece, new in zip(pieces, arrived, strict=True):
                    piece.append(new)
            for i, piece in enumerate(pieces):
                whole = piece[0] if len(piece) == 1 else np.concatenate(piece) if piece else None
                first = 0
                for j in group:
                    n = _count(self.starts[j][0])
                    found[i][j] = whole[first : first + n] if n else None
                    first += n
        return found

    def sweep(self, numbers: list[tuple[int, int]], unit: complex) -> list[Any]:
        """Return what arrives at each end, for each of the numbers."""
        data = self.together(numbers, unit) if len(numbers) > 1 else None
        if data is None:
            return [np.stack(c) for c in zip(*(self.single(n, unit) for n in numbers), strict=True)]
        errors = ignore()
        try:
            doubtful = any(map(has_nan, data))
        finally:
            put_back(errors)
        return self.mended(data, numbers, unit) if doubtful else data

    def single(self, number: tuple[int, int], unit: complex) -> list[Any]:
        """Run one sweep by itself."""
        j, k = number
        shape, dtype, like = self.starts[j]
        e = _unit(shape, dtype, like, k)
        return self.one(j, k, e if unit == 1 else e * dtype.type(unit))

    def together(self, numbers: list[tuple[int, int]], unit: complex) -> Any:
        """Run the sweeps at once; None where that cannot be done."""
        seeds: dict[int, Any] = {}
        for j, group in groupby(enumerate(numbers), lambda n: n[1][0]):
            rows = list(group)
            shape, dtype, _ = self.starts[j]
            (first, (_, k)), n = rows[0], len(rows)
            if self.sweeps.trims:
                seed = np.eye(n, _count(shape), k, dtype)
            else:  # with zeros for the others, so that all steps have the same rows
                seed = np.eye(len(numbers), _count(shape), k - first, dtype)
                first, n = 0, len(numbers)
            seeds[j] = first, (seed if unit == 1 else seed * dtype.type(unit)).reshape(n, *shape), k

        def run() -> list[Any]:
            found = self.many(seeds)
            return [
                filled(found[i], len(numbers), shape, dtype)
                for i, (shape, dtype, _) in enumerate(self.ends)
            ]

        return quietly(run)

    def mended(self, data: list[Any], numbers: list[tuple[int, int]], unit: complex) -> list[Any]:
        """Take those sweeps that met a NaN by themselves."""
        if any(type(d) in TRACERS for d in data):
            return [np.stack(c) for c in zip(*(self.single(n, unit) for n in numbers), strict=True)]
        bad = np.any([np.isnan(d).reshape(len(numbers), -1).any(axis=1) for d in data], axis=0)
        data = [d if d.flags.writeable else d.copy() for d in data]
        for row in np.flatnonzero(bad):
            for d, alone in zip(data, self.single(numbers[row], unit), strict=True):
                d[row] = alone
        return data


def quietly(run: Callable[[], Any]) -> Any:
    """Run several sweeps at once; None where that raises: by itself each computes, or tells why."""
    before, notes, raised = made.count, len(running.notes), swallowed.raised
    try:
        return run()
    except Exception:
        made.count = before
        del running.notes[notes:]
        forget(raised)
        return None


def filled(found: Any, size: int, shape: tuple[int, ...], dtype: Any) -> Any:
    """Return what arrived at an end, of all sweeps."""
    if found is None:
        return np.zeros((size, *shape), dtype)
    start, data = found
    if type(data) is not np.ndarray and type(data) not in TRACERS:
        raise TypeError("an array of another library")
    return widened(data, start, size)


def _parts(numbers: list[Any], size: int) -> Iterator[list[Any]]:
    for i in range(0, len(numbers), size):
        yield numbers[i : i + size]


def chunk_of(sweeps: Sweeps, forward: bool, chunk: int | None, count: int) -> int:
    """Return how many of `count` sweeps go at once."""
    sweeps.trims = True
    if chunk is None:
        if count < _WORTH[forward]:
            return 1
        size = sweeps.all()
        if size * count <= _SMALL:
            sweeps.trims = False
            return count
        step = max(size // max(len(sweeps.nodes), 1), 1)
        chunk = max(1, min(max(_LEAST, _STEP // step), _MEMORY // sweeps.held(forward)))
    if chunk >= count or chunk == 1:
        return chunk
    sweeps.keep()
    return -(-count // -(-count // chunk))  # all of about the same size


def _rows(f: Function, graph: Graph, outs: list[Any], chunk: int | None) -> list[list[Any]]:
    """Backward passes, one for each output element (two, if complex): blocks[output][input]."""
    ends = [(x.shape, x.dtype, x.output) for x in graph.inputs]
    sweeps = Sweeps(graph)

    def one(i: int, _k: int, ct: Any) -> list[Any]:
        out = graph.outputs[i]
        cotangents = {out: ct} if type(out) is Node else {}
        backward(graph.nodes, cotangents)
        return [cotangent_of(cotangents, node) for node in graph.inputs]

    def many(seeds: dict[int, Any]) -> list[Any]:
        cotangents: dict[Node, Any] = {}
        for i, (start, ct, _) in seeds.items():
            out = graph.outputs[i]
            if type(out) is Node:
                here = start, ct
                if out in cotangents:
                    start, both = aligned([cotangents[out], here])
                    here = start, both[0] + both[1]
                cotangents[out] = here
        with sweeps:
            return sweeps.backward(cotangents)

    size = partial(chunk_of, sweeps, False, chunk)
    found = Side(sweeps, outs, ends, one, many).blocks(f, size)
    return [
        [
            _assembled(found[j][i], shape, x.shape, False, block_dtype(x.dtype, dtype))
            for j, x in enumerate(graph.inputs)
        ]
        for i, (shape, dtype, _) in enumerate(outs)
    ]


def _columns(f: Function, graph: Graph, outs: list[Any], chunk: int | None) -> list[list[Any]]:
    """Forward passes, one for each input element (two, if complex): blocks[output][input]."""
    starts = [(x.shape, x.dtype, x.output) for x in graph.inputs]
    readers: list[Readers] = []
    sweeps = Sweeps(graph)

    def one(j: int, k: int, e: Any) -> list[Any]:
        if not readers:
            readers.append(Readers(graph))
        ts: list[Any] = [None] * len(graph.inputs)
        ts[j] = e
        found = push_graph(graph, ts, partial(readers[0].active, graph.inputs[j], k))
        return [
            zeros(shape, dtype, like)[()] if t is None else t
            for t, (shape, dtype, like) in zip(found, outs, strict=True)
        ]

    def many(seeds: dict[int, Any]) -> list[Any]:
        ts = {graph.inputs[j]: (start, t) for j, (start, t, _) in seeds.items()}
        units = {graph.inputs[j]: k for j, (_, _, k) in seeds.items()} if sweeps.trims else {}
        with sweeps:
            return sweeps.forward(ts, units)

    size = partial(chunk_of, sweeps, True, chunk)
    found = Side(sweeps, starts, outs, one, many).blocks(f, size)
    return [
        [
            _assembled(block, shape, x.shape, True, block_dtype(dtype, x.dtype))
            for block, x in zip(row, graph.inputs, strict=True)
        ]
        for row, (shape, dtype, _) in zip(found, outs, strict=True)
    ]


def _assembled(found: Any, out: Any, x: Any, columns: bool, dtype: Any) -> Any:
    """Give a block its shape; what it was made of has the axis of the sweeps in front."""
    if found is None:
        return np.zeros(out + x, dtype)
    if out + x == ():
        return found[0]
    return np.reshape(np.moveaxis(found, 0, -1) if columns else found, out + x)


def block_dtype(x: Any, y: Any) -> Any:
    """Return the dtype of derivatives of the one by the other."""
    return np.result_type(x, np.complex64) if y.kind == "c" else x


def _complex(f: Function, a: Any, b: Any) -> Any:
    """Join the sweeps along 1 and i.

    Where they arrive at real numbers that is ∂/∂a − i·∂/∂b: forward of a real output, and backward
    at a real input, whose two are Re J and −Im J. Else it is the complex derivative, if any.
    """
    if a.dtype.kind != "c":
        return a - 1j * b
    check_analytic(f, a, b)
    return a


def check_analytic(f: Function, a: Any, b: Any) -> None:
    """Refuse when `b`, the derivative along i, is not i times `a`, the derivative along 1."""
    near = float(np.sqrt(np.finfo(a.dtype).eps)) * (np.abs(a) + np.abs(b))
    if not np.any(every(np.abs(b - 1j * a) > near)):
        return
    raise OutputTypeError(
        f"{getattr(f, '__name__', type(f).__name__)} is not complex analytic, so it has no "
        "complex derivative",
        where=describe(user_frame(2)),
        why="its derivative along i is not i times its derivative along 1 (it uses a conjugate, a "
        "real or imaginary part, or an absolute value)",
        cure="differentiate with respect to the real and the imaginary part: lambda a, b: f(a + "
        "1j * b), with argnums=(0, 1)",
    )
