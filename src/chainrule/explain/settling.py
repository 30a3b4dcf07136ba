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


def settle(builder: Any) -> tuple[list[Any], list[bool], bool, list[str]]:
    """Return the gradients of the inputs as `grad` gives them, which are limits, and the notes.

    Between these stands whether the sides of the point differ, so that some are no limits.
    The engine takes them anew: where a product was 0·∞ they are limits, which no rule can print.
    """
    run = builder.run
    bars = [builder.sweep.gradients.get(n) for n in run.inputs]
    rules = [np.zeros(n.shape, n.dtype)[()] if g is None else g
             for n, g in zip(run.inputs, bars, strict=True)]  # fmt: skip
    if run.unsteady:
        words = f"{run.unsteady}; what stands here is of the run that was recorded"
        return rules, [False] * len(rules), False, [words]
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        ruled, outs = _as_the_engine_does(builder)
    notes = [str(w.message).replace("\n", " ") for w in told
             if issubclass(w.category, IndeterminateWarning | KinkWarning)]  # fmt: skip
    parted = any(limits.NONE_THERE in n for n in notes)
    for w in told:
        if issubclass(w.category, IndeterminateWarning | KinkWarning):
            warnings.warn_explicit(w.message, w.category, w.filename, w.lineno)
    bent = [not (np.array_equal(own, settled, equal_nan=True) and _near(rule, settled))
            for rule, own, settled in zip(rules, ruled, outs, strict=True)]  # fmt: skip
    outs = [settled if is_limit or np.array_equal(rule, settled, equal_nan=True) else rule
            for rule, settled, is_limit in zip(rules, outs, bent, strict=True)]  # fmt: skip
    for node, rule, settled, is_limit in zip(run.inputs, rules, outs, bent, strict=True):
        if is_limit:
            name = run.symbol_of[node].text
            what = f"what is returned, {shown(settled)}, is taken from around the point"
            if not parted:
                what = f"its limit around the point is {shown(settled)}, and is what is returned"
            notes.append(
                f"the rules alone cannot say the gradient of {name} here ({shown(rule)}): {what}")
    return outs, bent, parted, notes


def _near(rule: Any, settled: Any) -> bool:
    """Say whether two gradients by the same rules are, but for the order in which sums are taken.

    What BLAS adds first hangs on how an array lies in memory. Through an integrator they differ by
    its tolerance: the document follows its steps, and the engine what is quicker.
    """
    a = np.asarray(rule)
    eps = float(np.finfo(a.dtype).eps) if a.dtype.kind in "fc" else 0.0
    most = np.max(np.abs(a), initial=0.0, where=np.isfinite(a))
    return bool(np.allclose(a, settled, eps**0.375, 1e3 * eps * float(most), equal_nan=True))


def _as_the_engine_does(builder: Any) -> tuple[list[Any], list[Any]]:
    """Return the gradients by the rules alone, and as they are settled."""
    run, leaves = builder.run, builder.run.call.leaves
    with silent(), unchecked(), same_run(run.point.state, run.point.stopped):
        begun = limits.begin()
        rec, *outs = _again(builder, leaves)
        alone = [np.asarray(concrete(g))[()] for g in outs[:-1]]
        if limits.due(begun, outs[:-1], outs[-1:]):
            outs = limits.finish(
                begun, rec, leaves, outs, len(outs) - 1, lambda at: _again(builder, at)[1:],
                name_of(run.function),
            )  # fmt: skip
        limits.take(begun, rec)
        if limits.undefined(outs[-1]):
            limits.tell_undefined(outs[:-1], outs[-1], name_of(run.function))
    return alone, [np.asarray(concrete(g))[()] for g in outs[:-1]]


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
