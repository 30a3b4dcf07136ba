"""Products of a Jacobian with several vectors from one recording, all in one sweep.

As in `derived`, what cannot go so, or meets a NaN, goes by itself.
"""

from typing import Any

import numpy as np

from ..core.graph import Graph, Node
from ..core.settings import ignore, put_back
from ..tracing.foreign import zeros
from .cotangents import has_nan
from .derived import chunk_of, filled, quietly
from .forward import push_graph
from .reverse import backward, cotangent_of
from .sweeps import Sweeps

End = tuple[tuple[int, ...], Any, Any]  # shape, dtype, and what it is like


def products(
    graph: Graph, outs: list[End], seeds: list[Any], forward: bool, chunk: int | None
) -> list[Any]:
    """Return J·s for each seed s, or wᵀJ, by output (or by input), the axis of the seeds in front.

    `seeds` holds those of each input (or output), the axis of the seeds in front as well.
    """
    ends = outs if forward else [(x.shape, x.dtype, x.output) for x in graph.inputs]
    count = len(seeds[0]) if seeds else 0
    sweeps = Sweeps(graph)
    size = chunk_of(sweeps, forward, chunk, count) if count else 1
    sweeps.trims = True
    pieces: list[list[Any]] = [[] for _ in ends]
    for first in range(0, count, size):
        part = [s[first : first + size] for s in seeds]
        found = quietly(lambda part=part: _together(sweeps, part, ends, forward)) \
            if len(part[0]) > 1 else None
        found = _mended(graph, found, part, ends, forward)
        for piece, new in zip(pieces, found, strict=True):
            piece.append(new)
    return [
        p[0] if len(p) == 1 else np.concatenate(p) if p else np.zeros((0, *shape), dtype)
        for p, (shape, dtype, _) in zip(pieces, ends, strict=True)
    ]


def _together(sweeps: Sweeps, seeds: list[Any], ends: list[End], forward: bool) -> list[Any]:
    """Run all sweeps at once."""
    with sweeps:
        if forward:
            given = {x: (0, s) for x, s in zip(sweeps.graph.inputs, seeds, strict=True)}
            found = sweeps.forward(given, {})
        else:
            cotangents: dict[Node, Any] = {}
            for out, s in zip(sweeps.graph.outputs, seeds, strict=True):
                if type(out) is Node:
                    before = cotangents.get(out)
                    both = s if before is None else before[1] + s
                    cotangents[out] = 0, both
            found = sweeps.backward(cotangents)
    size = len(seeds[0])
    return [filled(f, size, shape, dtype) for f, (shape, dtype, _) in zip(found, ends, strict=True)]


def _mended(
    graph: Graph, found: Any, seeds: list[Any], ends: list[End], forward: bool
) -> list[Any]:
    """Take those sweeps by themselves that met a NaN; all, where they could not go together."""
    single = _push if forward else _pull
    if found is None:
        rows = [single(graph, [s[i] for s in seeds], ends) for i in range(len(seeds[0]))]
        return [np.stack(column) for column in zip(*rows, strict=True)]
    errors = ignore()
    try:
        doubtful = any(map(has_nan, found))
    finally:
        put_back(errors)
    if doubtful:
        bad = np.any([np.isnan(d).reshape(len(d), -1).any(axis=1) for d in found], axis=0)
        found = [d if d.flags.writeable else d.copy() for d in found]
        for i in np.flatnonzero(bad):
            for d, alone in zip(found, single(graph, [s[i] for s in seeds], ends), strict=True):
                d[i] = alone
    return found


def _push(graph: Graph, seeds: list[Any], ends: list[End]) -> list[Any]:
    found = push_graph(graph, [s[()] for s in seeds])
    return [zeros(shape, dtype, like)[()] if t is None else t
            for t, (shape, dtype, like) in zip(found, ends, strict=True)]  # fmt: skip


def _pull(graph: Graph, seeds: list[Any], _ends: list[End]) -> list[Any]:
    cotangents: dict[Node, Any] = {}
    for out, s in zip(graph.outputs, seeds, strict=True):
        if type(out) is Node:
            before = cotangents.get(out)
            cotangents[out] = s[()] if before is None else before + s
    backward(graph.nodes, cotangents)
    return [cotangent_of(cotangents, x) for x in graph.inputs]
