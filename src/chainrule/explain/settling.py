"""Gradients that the rules alone cannot say, taken around the point as `grad` takes them."""

import warnings
from typing import Any

import numpy as np

from .. import limits
from ..conform import check_real
from ..diagnose.compare import same_run, unchecked
from ..errors import IndeterminateWarning, KinkWarning
from ..lift import name_of, output_leaves
from ..modes.reverse import backward, cotangent_of
from ..slopes import silent
from ..tracing.recording import Recording
from ..tracing.tracer import TRACERS, concrete
from .numbers import short


def settle(builder: Any) -> tuple[list[Any], list[str]]:
    """Return the gradients of the inputs as `grad` gives them, and what is to be told of them.

    The engine takes them anew: where a product was 0·∞ they are limits, which no rule can print.
    """
    run = builder.run
    bars = [builder.sweep.gradients.get(n) for n in run.inputs]
    rules = [np.zeros(n.shape, n.dtype)[()] if g is None else g
             for n, g in zip(run.inputs, bars, strict=True)]  # fmt: skip
    if run.unsteady:
        return rules, [f"{run.unsteady}; what stands here is of the run that was recorded"]
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        outs = _as_the_engine_does(builder)
    notes = [str(w.message).replace("\n", " ") for w in told
             if issubclass(w.category, IndeterminateWarning | KinkWarning)]  # fmt: skip
    for w in told:
        if issubclass(w.category, IndeterminateWarning | KinkWarning):
            warnings.warn_explicit(w.message, w.category, w.filename, w.lineno)
    for node, rule, settled in zip(run.inputs, rules, outs, strict=True):
        if not np.array_equal(rule, settled, equal_nan=True):
            name = run.symbol_of[node].text
            notes.append(
                f"the rules alone cannot say the gradient of {name} here ({shown(rule)}): its "
                f"limit around the point is {shown(settled)}, and is what is returned"
            )
    return outs, notes


def _as_the_engine_does(builder: Any) -> list[Any]:
    run, leaves = builder.run, builder.run.call.leaves
    with silent(), unchecked(), same_run(run.point.state, run.point.stopped):
        begun = limits.begin()
        rec, *outs = _again(builder, leaves)
        if limits.due(begun, outs[:-1], outs[-1:]):
            outs = limits.finish(
                begun, rec, leaves, outs, len(outs) - 1, lambda at: _again(builder, at)[1:],
                name_of(run.function),
            )  # fmt: skip
        limits.take(begun, rec)
        if limits.undefined(outs[-1]):
            limits.tell_undefined(outs[:-1], outs[-1], name_of(run.function))
    return [np.asarray(concrete(g))[()] for g in outs[:-1]]


def shown(v: Any) -> str:
    """Write a value in a sentence."""
    text = short(v)[0] if np.ndim(v) == 0 else np.array2string(v, precision=6, threshold=8)
    return text.replace("nan", "NaN")


def _again(builder: Any, leaves: list[Any]) -> list[Any]:
    """Return a recording, and the gradients and the value at another point."""
    run = builder.run
    rec = Recording()
    tracers = [rec.input(x) for x in leaves]
    nodes = [t.cr_node for t in tracers]
    (out,), _ = output_leaves(run.function, run.call.at(leaves).run(rec, tracers))
    check_real(run.function, np.asarray(concrete(out)), "explain")
    cotangents: dict[Any, Any] = {}
    if type(out) in TRACERS and out.cr_owner is rec:
        cotangents[out.cr_node] = builder.seed
    backward(rec.nodes, cotangents)
    value = np.asarray(concrete(out))[()]
    return [rec, *(cotangent_of(cotangents, n) for n in nodes), value]
