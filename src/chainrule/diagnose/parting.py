"""Where two runs of a program part: their lines and variables, side by side.

A run is followed line by line through the user's own code. What a line binds is an event: the
variable, its value and, in a traced run, its tangent. Two runs of one function are compared event
by event, so the first difference is the place to look at.
"""

import gc
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any

import numpy as np

from ..tracing.codes import own
from ..tracing.source import describe_line, inside
from ..tracing.tracer import TRACERS, concrete

MOST = 20_000  # events that are kept of one run
_LARGE = 4_096  # elements of an array that are looked at
_CLOSE = 1e-9
RESULT = "the result"


@dataclass(frozen=True, slots=True)
class Event:
    """What one line bound: the place, the variable, its value and its tangent."""

    code: CodeType
    line: int
    name: str
    value: Any
    tangent: Any


@dataclass(frozen=True, slots=True)
class Parting:
    """The first difference of two runs: where, and what each had there."""

    where: str
    what: str
    plain: str
    traced: str


class _Follower:
    """Collects the events of one run on this thread."""

    def __init__(self, trace: Any = None) -> None:
        self.events: list[Event] = []
        self.trace = trace
        self.known: dict[int, tuple[FrameType, int, dict[str, Any]]] = {}

    def __call__(self, frame: FrameType, kind: str, _arg: Any) -> Any:
        if kind != "call" or not _of_user(frame):
            return None
        self.known[id(frame)] = (frame, frame.f_lineno, {})
        return self.follow

    def follow(self, frame: FrameType, kind: str, arg: Any) -> Any:
        """Take down what the line that has just ended bound."""
        entry = self.known.get(id(frame))
        if entry is None or len(self.events) > MOST:
            return None
        _, line, before = entry
        for name, value in list(frame.f_locals.items()):
            held = _number(value)
            if held is not None and not (name in before and _same(before[name], held)):
                before[name] = held
                self.add(frame.f_code, line, name, held, value)
        if kind == "return":
            self.known.pop(id(frame))
            held = _number(arg)
            if held is not None:
                self.add(frame.f_code, line, RESULT, held, arg)
        else:
            self.known[id(frame)] = (frame, frame.f_lineno, before)
        return self.follow

    def add(self, code: CodeType, line: int, name: str, held: Any, value: Any) -> None:
        """Keep one event, with the tangent if the value belongs to the trace that is followed."""
        tangent = None
        if self.trace is not None and type(value) in TRACERS and value.cr_owner is self.trace:
            tangent = np.array(concrete(value.cr_node))
        self.events.append(Event(own(code), line, name, held, tangent))


def follow(run: Callable[[], Any], trace: Any = None) -> list[Event]:
    """Run, and return the events; an exception ends the list and is not passed on.

    The collector of cycles waits: its callbacks and finalisers are Python too, and run anywhere.
    """
    follower = _Follower(trace)
    before, collects = sys.gettrace(), gc.isenabled()
    gc.disable()
    sys.settrace(follower)
    try:
        run()
    except Exception:  # the runs are compared as far as they go
        pass
    finally:
        sys.settrace(before)
        if collects:
            gc.enable()
    return follower.events


def _of_user(frame: FrameType) -> bool:
    """Say whether a frame runs the user's code; code made from text counts by its module."""
    file = frame.f_code.co_filename
    if inside[file] or file.startswith("<frozen"):
        return False
    module = str(frame.f_globals.get("__name__", "")).split(".")[0]
    return module not in _LIBRARIES and not module.startswith("namedtuple_")


_LIBRARIES = frozenset((*sys.stdlib_module_names, "chainrule", "numpy", "scipy")) - {"__main__"}


def first_value(plain: list[Event], traced: list[Event]) -> Parting | None:
    """Return where the values of two runs differ first, or the lines that they take."""
    for a, b in zip(plain, traced, strict=False):
        if (a.code, a.line, a.name) != (b.code, b.line, b.name):
            lines = f"line {a.line}", f"line {b.line}"
            return Parting(describe_line(b.code, b.line), "the lines that they take", *lines)
        if not _close(a.value, b.value):
            name = a.name if a.name == RESULT else f"the variable {a.name!r}"
            shown = _shown(a.value, b.value), _shown(b.value, a.value)
            return Parting(describe_line(a.code, a.line), name, *shown)
    return None


def first_slope(
    above: list[Event], below: list[Event], traced: list[Event], step: float
) -> Parting | None:
    """Return where a tangent first differs from the difference of two plain runs."""
    for a, b, c in zip(above, below, traced, strict=False):
        if not ((a.code, a.line, a.name) == (b.code, b.line, b.name) == (c.code, c.line, c.name)):
            other = a if (a.code, a.line) != (c.code, c.line) else b
            return Parting(describe_line(c.code, c.line), "the lines that they take: a comparison "
                           "of the program decides beside the point",
                           f"line {other.line}", f"line {c.line}")  # fmt: skip
        if np.shape(a.value) != np.shape(b.value) or np.asarray(c.value).dtype.kind not in "fc":
            continue
        slope = (a.value - b.value) / (2 * step)
        tangent = np.zeros_like(slope) if c.tangent is None else c.tangent
        if np.shape(tangent) == np.shape(slope) and not _alike(tangent, slope, c.value, step):
            name = c.name if c.name == RESULT else repr(c.name)
            shown = _shown(slope, tangent), _shown(tangent, slope)
            where = describe_line(c.code, c.line)
            return Parting(where, f"the derivative of {name} along the direction", *shown)
    return None


def _alike(tangent: Any, slope: Any, value: Any, step: float) -> bool:
    scale = max(1.0, float(np.max(abs(slope), initial=0)), float(np.max(abs(value), initial=0)))
    gap = abs(tangent - slope)
    return not bool(np.any(gap[np.isfinite(gap)] > 1e-3 * scale) or np.any(np.isnan(gap)))


def _number(value: Any) -> Any:
    """Return a copy of a number or an array of numbers, of any number of tracers; else None."""
    value = concrete(value)
    if isinstance(value, bool) or type(value) is np.bool_:
        return value
    if isinstance(value, float | int | complex | np.number):
        return value
    if isinstance(value, np.ndarray) and value.dtype.kind in "fciub" and value.size <= _LARGE:
        return np.array(value)
    return None


def _same(a: Any, b: Any) -> bool:
    return np.shape(a) == np.shape(b) and bool(np.array_equal(a, b, equal_nan=_floats(a, b)))


def _floats(*values: Any) -> bool:
    return all(np.asarray(v).dtype.kind in "fc" for v in values)


def _close(a: Any, b: Any) -> bool:
    if np.shape(a) != np.shape(b):
        return False
    if not _floats(a, b):
        return bool(np.array_equal(a, b))
    scale = float(np.max(abs(np.asarray(a)), initial=0, where=np.isfinite(a)))
    tolerance = _CLOSE if np.result_type(a, b).itemsize % 8 == 0 else 1e-4
    return bool(np.allclose(a, b, rtol=tolerance, atol=tolerance * scale, equal_nan=True))


def _shown(value: Any, other: Any) -> str:
    """Write a number, or the element of an array that differs most."""
    value, other = np.asarray(value), np.asarray(other)
    if not value.shape:
        return f"{value[()]:.10g}" if value.dtype.kind in "fc" else str(value)
    if value.shape != other.shape:
        return f"an array of shape {value.shape}"
    gap = np.nan_to_num(abs(value - other), nan=np.inf) if value.dtype.kind in "fc" else (
        value != other
    )
    at = tuple(int(k) for k in np.unravel_index(int(np.argmax(gap)), value.shape))
    return f"{value[at]:.10g} at {list(at)}"

