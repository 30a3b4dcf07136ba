"""Ties that are met where a derivative is differentiated once more.

A rule that asks for a sign or an order has an answer of its own at a tie (docs/policy/kinks.md).
That answer is a constant to the next derivative, which it must not be. So the ties are noted, and
the call that differentiates looks at the derivative around the point (`chainrule.limits`).
"""

from sys import _getframe
from types import FrameType
from typing import Any

import numpy as np

from ..core.graph import Node, Place
from ..core.op import Op
from . import searches, steps
from .foreign import Foreign
from .running import OPEN, running
from .source import inside
from .stacked import Stacked, every
from .tracer import TRACERS, Trace


def touch(trace: Trace, op: Op, output: Any, values: list[Any], params: dict[str, Any]) -> None:
    """Take note if `op`, whose value has steps, stands at one and a derivative is taken of it.

    That is so where another derivative is open inside `trace`, or its rules are being run. The
    outermost trace that the values belong to takes the note: only its inputs can break the tie.
    """
    if op.name in searches.ASKS and not running.rules:
        side = steps.side(op.name, params)
        searches.compared(
            op.name, output, values, params,
            (lambda: side * _at_jump(op, output, values, params)) if side else None,
        )  # fmt: skip
    if len(running.traces) < 2 and not running.rules:
        return
    if not _is_differentiated(trace) or any(map(_differentiated_further, values)):
        return
    if _at_jump(op, output, values, params):
        kind, name, place = _origin(_getframe(2), op)
        running.note(kind, name, place, owner=trace)
    elif running.tape is not None:
        running.tape.no_jump(op, output, values, params)


def _at_jump(op: Op, output: Any, values: list[Any], params: dict[str, Any]) -> bool:
    """Ask the op; the axes of a batch stand in front of those that the params speak of."""
    assert op.jump is not None
    plain = [every(v) if type(v) in TRACERS else v for v in values]
    if Foreign in map(type, plain):  # not known before it is computed
        return False
    ranks = [len(v.cr_value.shape) if type(v) in TRACERS else np.ndim(v) for v in values]
    lead = max(np.ndim(p) - rank for p, rank in zip(plain, ranks, strict=True))
    if lead > 0:
        axis = params.get("axis", (op.jump.__kwdefaults__ or {}).get("axis", ()))
        if axis is None:
            plain = [np.reshape(p, (*np.shape(p)[:lead], -1)) for p in plain]
            axis = -1
        params = {**params, "axis": _shifted(axis, lead)}
    return op.jump(every(output), *plain, **params)


def _shifted(axis: Any, lead: int) -> Any:
    if isinstance(axis, tuple):
        return tuple(_shifted(k, lead) for k in axis)
    return axis + lead if axis >= 0 else axis


def _is_differentiated(trace: Trace) -> bool:
    traces = running.traces
    for i in range(len(traces) - 1, -1, -1):
        if traces[i] is trace:
            return i < running.rules
        if traces[i].state <= OPEN and traces[i].differentiates:
            return trace in traces
    return False


def _differentiated_further(value: Any) -> bool:
    while type(value) in TRACERS:
        if value.cr_owner.state <= OPEN and value.cr_owner.differentiates:
            return True
        value = value.cr_value
        if type(value) is Stacked:
            value = value.data
    return False


_ENGINE = ("tracing", "core", "modes")
_COMPARISONS = frozenset("less less_equal greater greater_equal equal not_equal".split())


def _origin(frame: FrameType | None, op: Op) -> tuple[str, str, Place | None]:
    """Say whose question it was: a rule's (with its op), or the program's own."""
    kind = "branch" if op.name in _COMPARISONS else "tie"
    while frame is not None and inside[frame.f_code.co_filename]:
        code = frame.f_code
        if code.co_name in _STEPS and "modes" in code.co_filename:
            found = frame.f_locals.get("node")
            if type(found) is Node and found.op is not None:
                return "tie", found.op.name, found.place
            op, kind = frame.f_locals.get("op", op), "tie"
        elif kind == "branch" and "ops" in code.co_filename:
            kind = "tie"
        frame = frame.f_back
    return kind, op.name, None if frame is None else (frame.f_code, frame.f_lasti)


_STEPS = ("pull_back", "push", "_push_nodes")
