"""Gradients that the rules alone cannot say, taken around the point as `grad` takes them."""

import warnings
from typing import Any

import numpy as np

from .. import limits
from ..lift import name_of, output_leaves
from ..modes.reverse import backward, cotangent_of
from ..tracing.recording import Recording
from ..tracing.running import running
from ..tracing.tracer import TRACERS, concrete
from .numbers import short


def settle(builder: Any, begun: tuple[int, int]) -> tuple[list[Any], list[str]]:
    """Return the gradients of the inputs, and what is to be told of those that are limits."""
    run = builder.run
    bars = [builder.sweep.gradients.get(n) for n in run.inputs]
    found = [np.zeros(n.shape, n.dtype)[()] if g is None else g
             for n, g in zip(run.inputs, bars, strict=True)]  # fmt: skip
    if len(running.notes) == begun[0]:
        return found, []
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        outs = limits.finish(
            begun, None, run.call.leaves, [*found, np.asarray(run.value)[()]], len(found),
            lambda leaves: _again(builder, leaves), name_of(run.function),
        )  # fmt: skip
    settled = [np.asarray(concrete(g))[()] for g in outs[: len(found)]]
    notes = [str(w.message).replace("\n", " ") for w in told]
    for w in told:
        warnings.warn_explicit(w.message, w.category, w.filename, w.lineno)
    for node, rule, limit in zip(run.inputs, found, settled, strict=True):
        if not np.array_equal(rule, limit, equal_nan=True):
            name = run.symbol_of[node].text
            notes.append(
                f"the rules alone cannot say the gradient of {name} here ({_shown(rule)}): its "
                f"limit around the point is {_shown(limit)}, and is what is returned and checked"
            )
    return settled, notes


def _shown(v: Any) -> str:
    return short(v)[0] if np.ndim(v) == 0 else np.array2string(v, precision=6, threshold=8)


def _again(builder: Any, leaves: list[Any]) -> list[Any]:
    """Return the gradients and the value at another point."""
    run = builder.run
    rec = Recording()
    tracers = [rec.input(x) for x in leaves]
    nodes = [t.cr_node for t in tracers]
    (out,), _ = output_leaves(run.function, run.call.at(leaves).run(rec, tracers))
    cotangents: dict[Any, Any] = {}
    if type(out) in TRACERS and out.cr_owner is rec:
        cotangents[out.cr_node] = builder.seed
    backward(rec.nodes, cotangents)
    return [*(cotangent_of(cotangents, n) for n in nodes), np.asarray(concrete(out))[()]]
