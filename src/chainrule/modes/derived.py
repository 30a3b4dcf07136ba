"""Whole Jacobians from one recording: rows by backward passes, columns by forward passes."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from ..core.graph import Graph, Node
from ..errors import OutputTypeError
from ..tracing.foreign import zeros
from ..tracing.source import describe, user_frame
from ..tracing.stacked import every
from ..tracing.tracer import concrete
from .forward import push_graph
from .readers import Readers
from .reverse import backward, cotangent_of

Function = Callable[..., Any]


def blocks(f: Function, graph: Graph, leaves: list[Any], mode: str) -> list[list[Any]]:
    """Return ∂(output i)/∂(input j) as ``[i][j]``; "auto" takes the mode with fewer passes."""
    outs = [_describe_output(leaf) for leaf in leaves]
    n = sum(_count(x.shape) for x in graph.inputs)
    m = sum(_count(shape) for shape, *_ in outs)
    forward = mode == "fwd" or (mode == "auto" and n < m)
    return _columns(f, graph, outs) if forward else _rows(f, graph, outs)


def _describe_output(leaf: Any) -> tuple[tuple[int, ...], Any, Any]:
    value = concrete(leaf)
    dtype = np.result_type(value)
    return np.shape(value), dtype if dtype.kind in "fc" else np.dtype(float), value


def _count(shape: tuple[int, ...]) -> int:
    return int(np.prod(shape)) if shape else 1


def _basis(shape: tuple[int, ...], dtype: Any, like: Any) -> Iterator[Any]:
    for i in range(_count(shape)):
        e = zeros((_count(shape),), dtype, like)
        e[i : i + 1] = 1
        yield e.reshape(shape)[()]


def _rows(f: Function, graph: Graph, outs: list[Any]) -> list[list[Any]]:
    """One backward pass per output element (two, if complex): blocks[output][input]."""
    blocks = []
    for out, (shape, dtype, like) in zip(graph.outputs, outs, strict=True):
        rows: list[list[Any]] = [[] for _ in graph.inputs]
        for e in _basis(shape, dtype, like):
            row = _row(graph, out, e)
            if dtype.kind == "c":
                row = [
                    _complex_row(f, a, b)
                    for a, b in zip(row, _row(graph, out, e * dtype.type(1j)), strict=True)
                ]
            for j, part in enumerate(row):
                rows[j].append(part)
        blocks.append(
            [
                _assemble(r, shape, x.shape, 0, _block_dtype(x.dtype, dtype))
                for r, x in zip(rows, graph.inputs, strict=True)
            ]
        )
    return blocks


def _row(graph: Graph, out: Any, ct: Any) -> list[Any]:
    cotangents = {out: ct} if type(out) is Node else {}
    backward(graph.nodes, cotangents)
    return [cotangent_of(cotangents, node) for node in graph.inputs]


def _complex_row(f: Function, a: Any, b: Any) -> Any:
    """Join the pullbacks of 1 and i; those of a real input are Re J and −Im J."""
    if a.dtype.kind != "c":
        return a - 1j * b
    check_analytic(f, a, b)
    return a


def _block_dtype(x: Any, y: Any) -> Any:
    return np.result_type(x, np.complex64) if y.kind == "c" else x


def _columns(f: Function, graph: Graph, outs: list[Any]) -> list[list[Any]]:
    """One forward pass per input element (two, if complex): blocks[output][input]."""
    blocks: list[list[Any]] = [[] for _ in outs]
    readers = Readers(graph)
    for j, node in enumerate(graph.inputs):
        columns: list[list[Any]] = [[] for _ in outs]
        for k, e in enumerate(_basis(node.shape, node.dtype, node.output)):
            chosen = partial(readers.active, node, k)
            column = _column(graph, chosen, outs, j, e)
            if node.dtype.kind == "c":
                other = _column(graph, chosen, outs, j, e * node.dtype.type(1j))
                column = [_complex_column(f, a, b) for a, b in zip(column, other, strict=True)]
            for i, part in enumerate(column):
                columns[i].append(part)
        for i, (shape, dtype, _) in enumerate(outs):
            blocks[i].append(
                _assemble(columns[i], shape, node.shape, -1, _block_dtype(dtype, node.dtype))
            )
    return blocks


def _column(graph: Graph, chosen: Any, outs: list[Any], j: int, e: Any) -> list[Any]:
    ts: list[Any] = [None] * len(graph.inputs)
    ts[j] = e
    return [
        zeros(shape, dtype, like)[()] if t is None else t
        for t, (shape, dtype, like) in zip(push_graph(graph, ts, chosen), outs, strict=True)
    ]


def _complex_column(f: Function, a: Any, b: Any) -> Any:
    """Join the derivatives along 1 and i: ∂f/∂a − i·∂f/∂b for a real output, else f′."""
    if a.dtype.kind != "c":
        return a - 1j * b
    check_analytic(f, a, b)
    return a


def _assemble(pieces: list[Any], out: Any, x: Any, axis: int, dtype: Any) -> Any:
    if not pieces:
        return np.zeros(out + x, dtype)
    if out + x == ():
        return pieces[0]
    return np.reshape(np.stack(pieces, axis=axis), out + x)


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
