"""Derivatives of integrals, by Leibniz's rule.

    d ∫ₐᵇ f(x, θ) dx = ∫ₐᵇ ∂f/∂θ·dθ dx + f(b, θ)·db − f(a, θ)·da

The integral of the derivative is computed by `quad` itself, with the same options, so that it is
refined where the derivative needs it. What f reads from outside is found by evaluating it on
tracers: at every x the derivative of f(x) with respect to each value of the surrounding program is
one short backward (or forward) pass, kept for all the integrals that ask for the same x. The
derivatives are taken one level after the other, innermost first, so every order follows.
"""

from collections.abc import Callable
from contextlib import suppress
from itertools import count
from typing import Any, Protocol

import numpy as np

from ..core.graph import Node
from ..core.settings import Silence
from ..errors import UnsupportedFunctionError
from ..modes.forward import Forward
from ..modes.reverse import backward
from ..tracing.recording import Recording
from ..tracing.running import OPEN, running, tell
from ..tracing.source import describe, user_frame
from ..tracing.tracer import CONSTANT, TRACERS, Trace, concrete, make_tracer
from .answers import attach, is_traced, plain
from .inside import Inside
from .places import note_kink, unnoted
from .switches import Beside, Watched, check_jumps, pieces

Function = Callable[..., Any]


class Rule(Protocol):
    """What integrates a plain function between two plain limits."""

    def __call__(self, f: Function, a: float, b: float) -> float:
        """Integrate; warn where the result is not as good as is asked for."""

    def carried(self, f: Function, a: float, b: float) -> float:
        """Integrate what is singular at a limit; raise `SingularError` where it diverges."""


class Integrand:
    """A function of one number whose values are kept; they may be traced."""

    def __init__(self, function: Function, watched: Watched | None = None) -> None:
        self.function, self.watched = function, watched
        self.values: dict[float, Any] = {}

    def __call__(self, x: Any) -> Any:
        if type(x) in TRACERS or type(x) is Beside:  # a limit
            return self.function(x)
        value = self.values.get(x)
        if value is None:
            value = self.values[x] = self.function(x)
        return value

    def within(self, a: Any, b: Any) -> "Integrand":
        """Return the same function with what is known of it between two limits."""
        part = Integrand(self, self.watched)
        low, high = sorted((float(concrete(a)), float(concrete(b))))
        part.values = {x: v for x, v in self.values.items() if low <= x <= high}
        return part

    def plain(self, x: float) -> Any:
        """Return the value as a plain number."""
        return concrete(self(x))

    def innermost(self, *more: Any) -> Trace | None:
        """Return the trace of the last level that a value (or one of `more`) belongs to."""
        found = None
        for value in (*self.values.values(), *more):
            owner = value.cr_owner if type(value) in TRACERS else None
            if owner is not None and owner is not CONSTANT:
                if found is None or owner.level > found.level:
                    found = owner
        return found


class Region:
    """The part of a recording that was made since now: what is older is the outside.

    What an earlier integral computed at its points is inside, too: an integrand may know it still.
    """

    def __init__(self, trace: Recording) -> None:
        self.trace, self.start, self.seen = trace, len(trace.nodes), len(trace.nodes)
        self.position: dict[Node, int] = {}

    def gradients(self, value: Any) -> dict[Node, Any]:
        """Return the derivative of a traced number with respect to each older node it reads."""
        nodes = self.trace.nodes
        for i in range(self.seen, len(nodes)):
            self.position[nodes[i]] = next(_order)
        self.seen = len(nodes)
        earlier = self.trace.inside
        reached: dict[Node, int] = {}
        waiting = [value.cr_node]
        while waiting:
            node = waiting.pop()
            place = self.position.get(node, earlier.get(node))
            if place is not None and node not in reached:
                reached[node] = place
                waiting += [n for n in node.inputs if n is not None]
        cotangents: dict[Node, Any] = {value.cr_node: np.ones((), value.dtype)[()]}
        backward(sorted(reached, key=reached.__getitem__), cotangents)
        return cotangents

    def done(self) -> None:
        """Take note of what was computed at the points of an integral that is known now."""
        for node in self.trace.nodes[self.start :]:
            self.trace.inside[node] = next(_order)


_order = count()


def integral(
    f: Integrand, a: Any, b: Any, rule: Rule, regions: dict[Trace, Region], value: Any = None,
    below: float = np.inf,
) -> Any:  # fmt: skip
    """Return ∫ₐᵇ f, with its derivatives at the levels that f, a and b are traced on.

    `rule` integrates a plain function; `value` is the plain integral, where it is known; levels
    from `below` on were dealt with.
    """
    if value is None:
        value = np.float64(rule(f.plain, float(plain(a)), float(plain(b))))
    trace = f.innermost(a, b)
    if isinstance(trace, Inside):  # a limit is a point of the quadrature, which a callback kept
        kept = (v for v in (a, b, *f.values.values()) if type(v) in TRACERS)
        raise trace.refuse(next(v for v in kept if v.cr_owner is trace))
    if trace is not None and not isinstance(trace, Forward | Recording):
        trace.mute()  # a batch: it goes by one

    def outer(v: Any) -> Any:
        return v.cr_value if type(v) in TRACERS and v.cr_owner is trace else v

    ends = [
        (end - outer(end), sign * outer(_at_limit(f, outer(end), other)))
        for end, sign, other in ((b, 1.0, a), (a, -1.0, b))
        if outer(end) is not end and np.isfinite(concrete(end))
    ]
    looked = below < np.inf and any(t.level < below for t in open_traces())
    if (trace is not None or looked) and not isinstance(rule, _Carried):
        check_jumps(f)
    if trace is None:
        return value
    below = trace.level
    lowered = Integrand(lambda x: outer(f(x)), f.watched)
    lowered.values = {x: outer(v) for x, v in f.values.items()}
    y = integral(lowered, outer(a), outer(b), rule, regions, value, below)
    for move, at_end in ends:  # an infinite slope leaves the value as it is
        infinite = np.isinf(concrete(at_end))
        y = y + (np.sign(concrete(at_end)) * np.sqrt(move) if infinite else at_end * move)
    if isinstance(trace, Forward):
        tangent = Integrand(lambda x: _tangent(f(x), trace), f.watched)
        tangent.values = {x: _tangent(v, trace) for x, v in f.values.items()}
        t = integral(tangent, outer(a), outer(b), rule, regions, below=below)
        return y + make_tracer(np.float64(0.0), trace, t)
    assert isinstance(trace, Recording)
    return _pulled(f, outer(a), outer(b), rule, regions, trace, y)


class SingularError(Exception):
    """A function is not finite at a limit that moves, and has no integral or no such term."""


def _at_limit(f: Integrand, end: Any, other: Any) -> Any:
    """Return f at a limit that moves: quadrature does not come there, so it may have no value."""
    e, o = float(concrete(end)), float(concrete(other))
    try:
        with np.errstate(all="ignore"):
            value = f.function(end)  # not kept among those that quadrature saw
            if not _grows(f, concrete(value), e, o) or not is_traced(f.function(e)):
                return _middle(f, end, e, o, value)
    except (ArithmeticError, ValueError) as error:
        if e != o:
            raise SingularError from error
    if e != o:
        raise SingularError
    return np.float64(0.0)  # a place between two pieces


def _middle(f: Integrand, end: Any, e: float, o: float, value: Any) -> Any:
    """Return what f is at a limit; where it jumps there, of its own accord, the mean of both sides.

    That is the half of the jump, as at every kink. What jumps by a traced value has its `Share`.
    """
    near = 8 * np.spacing(max(abs(e), abs(o)))
    if abs(o - e) <= 1e4 * near:
        return value
    try:
        with Silence():
            far, left, right, beyond = (
                np.asarray(concrete(f.function(Beside(e + k * near)))) for k in (-1e3, -1, 1, 1e3)
            )
            step, size = np.abs(right - left), np.maximum(np.abs(left), np.abs(right))
            same = np.abs(beyond - far - right + left) <= 1e-2 * step  # however close they stand
            if not np.any(np.isfinite(step) & (step > 1e-6 * size) & same):
                return value
            if f.watched is not None:
                first, last = (f.watched.notes(Beside(e + k * near))[1] for k in (-1, 1))
                if [n.mark() for n in first] != [n.mark() for n in last]:
                    return value
    except Exception:  # beyond its limits it need not be defined
        return value
    note_kink(end)
    below, above = (f.function(end + k * near if is_traced(end) else Beside(e + k * near))
                    for k in (-1, 1))  # fmt: skip
    return 0.5 * (below + above)


def _grows(f: Integrand, value: Any, e: float, o: float) -> bool:
    """Say whether a value at a limit, or next to it (see `switches`), is not finite or near that.

    If so it outgrows all others, and still does so at the last step towards the limit.
    """
    if not np.isfinite(value):
        return True
    if f.watched is None or not any(f.watched.marks.values()) or e == o:
        return False
    known = max((abs(concrete(v)) for v in f.values.values()), default=0.0)
    if not abs(value) > 1.1 * known:
        return False
    near = float(e + np.sign(o - e) * 1e3 * np.spacing(abs(e)))
    return abs(near - e) < abs(o - e) and bool(
        abs(value) > 1.1 * abs(concrete(f.function(near)))
    )


def _carried(f: Integrand, a: Any, b: Any, rule: Rule, regions: Any) -> Any:
    """As `integral`, with points that the limits carry along: x + da + (x − a)(db − da)/(b − a).

    What is singular at a limit, and moves with it, stands still among such points. What does not
    move with it has an infinite derivative, which is refused.
    """
    low, high = float(concrete(a)), float(concrete(b))
    da, db = a - low if np.isfinite(low) else 0.0, b - high if np.isfinite(high) else 0.0
    finite = np.isfinite(low) and np.isfinite(high)
    stretch = (db - da) / (high - low) if finite else 0.0
    start = da if np.isfinite(low) else db

    def moved(x: float) -> Any:
        return f.function(x + start + (x - low) * stretch if finite else x + start) * (1 + stretch)

    try:
        with np.errstate(all="ignore"):
            return integral(Integrand(moved), low, high, _Carried(rule), regions)
    except SingularError as error:
        raise _singular(low, high) from error


def diverges(f: Function, a: float, b: float) -> bool:
    """Say whether a function that is singular at a limit grows as the inverse way, or more."""
    for end, other in ((a, b), (b, a)):
        if np.isfinite(end):
            width = min(abs(other - end), 1.0)
            ways = (1e-4 * width, 1e-8 * width)
            far, near = (w * abs(f(end + np.sign(other - end) * w)) for w in ways)
            if not near <= max(0.7 * far, 1e-9):
                return True
    return False


class _Carried:
    def __init__(self, rule: Rule) -> None:
        self.carried = rule.carried

    def __call__(self, f: Function, a: float, b: float) -> float:
        return self.carried(f, a, b)


def _singular(low: float, high: float) -> UnsupportedFunctionError:
    return UnsupportedFunctionError(
        f"the integrand, or a derivative of it, is not finite at a limit of its integral from "
        f"{low:.8g} to {high:.8g}, and the limit depends on the inputs",
        where=describe(user_frame(1)),
        why="its value there belongs to the derivative, which is infinite, or is not found to the "
        "accuracy that is asked for",
        cure="let the singularity go with the limit: with p for that, substitute t = p + u, and "
        "write the integrand so that it is singular at u = 0 whatever p is",
    )


def in_pieces(
    f: Integrand, watched: Watched, a: Any, b: Any, rule: Rule, regions: Any, value: Any
) -> Any:
    """As `integral`, between the places at which f switches."""
    limits, shares = pieces(watched, a, b)
    if len(limits) == 1 and not shares and limits[0] == (a, b):
        try:
            return integral(f, a, b, rule, regions, value)
        except SingularError:
            return attach(value, _carried(f, a, b, rule, regions))
    tell("pieces")
    total = 0.0
    for end in (limits[0][0], limits[-1][1]):
        if is_traced(end) and np.isfinite(concrete(end)):
            with suppress(ArithmeticError, ValueError), np.errstate(all="ignore"):
                f(end)  # at a limit of the program's own a tie is one
    with unnoted():
        for low, high in limits:
            part = f.within(low, high)
            try:
                total = total + integral(part, low, high, rule, regions)
            except SingularError:
                total = total + _carried(part, low, high, rule, regions)
        sign = 1.0 if concrete(a) <= concrete(b) else -1.0
        for share in shares:
            total = total + sign * share.of(f)
    return attach(value, total) if is_traced(total) else value


def _tangent(value: Any, trace: Trace) -> Any:
    return value.cr_node if type(value) in TRACERS and value.cr_owner is trace else np.float64(0.0)


def _pulled(
    f: Integrand, a: Any, b: Any, rule: Rule, regions: dict[Trace, Region], trace: Recording, y: Any
) -> Any:
    """Add to `y` the integrals of the derivatives of f by all that it reads at this level."""
    region = regions[trace]

    def gradients(x: float) -> dict[Node, Any]:
        value = f(x)
        traced = type(value) in TRACERS and value.cr_owner is trace
        return region.gradients(value) if traced else {}

    known = Integrand(gradients, f.watched)
    outside = {n: None for x in list(f.values) for n in known(x)}
    for node in outside:
        size = int(np.prod(node.shape))
        complex_ = node.dtype.kind == "c"
        sides: list[Any] = []
        for side in (np.real, np.imag) if complex_ else (lambda v: v,):
            parts = []
            for i in range(size):
                part = Integrand(
                    lambda x, n=node, i=i, side=side: side(entry_of(known(x).get(n), i)), f.watched
                )
                part.values = {x: side(entry_of(g.get(node), i)) for x, g in known.values.items()}
                parts.append(integral(part, a, b, rule, regions, below=trace.level))
            sides.append(np.reshape(np.stack(parts), node.shape))
        partial = sides[0] + 1j * sides[1] if complex_ else sides[0]
        read = make_tracer(np.zeros(node.shape, node.dtype)[()], trace, node)
        change = np.sum(partial * read)
        y = y + (np.real(change) if complex_ else change)
    return y


def entry_of(gradient: Any, i: int) -> Any:
    """Return one number of an array; zero where there is none."""
    if gradient is None:
        return np.float64(0.0)
    return gradient if gradient.shape == () else np.ravel(gradient)[i]


def open_traces() -> list[Trace]:
    """Return the traces that run on this thread and are not muted, outermost first."""
    return [trace for trace in running.traces if trace.state <= OPEN]


def open_regions() -> dict[Trace, Region]:
    """Mark where every recording that runs on this thread stands now."""
    return {t: Region(t) for t in open_traces() if isinstance(t, Recording)}
