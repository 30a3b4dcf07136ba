"""Integrals of functions: `scipy.integrate.quad` and its kin, by Leibniz's rule.

    d ∫ₐᵇ f(x, θ) dx = ∫ₐᵇ ∂f/∂θ·dθ dx + f(b, θ)·db − f(a, θ)·da

The integral of the derivative is computed by `quad` itself, with the same options, so that it is
refined where the derivative needs it. What f reads from outside is found by evaluating it on
tracers: at every x the derivative of f(x) with respect to each value of the surrounding program is
one short backward (or forward) pass, kept for all the integrals that ask for the same x. The
derivatives are taken one level after the other, innermost first, so every order follows.
"""

import warnings
from collections.abc import Callable
from itertools import count
from typing import Any

import numpy as np
from scipy import integrate

from ..core.graph import Node
from ..errors import ImplicitWarning, UnsupportedFunctionError
from ..modes.forward import Forward
from ..modes.reverse import backward
from ..tracing.recording import Recording
from ..tracing.running import MUTED, OPEN, running
from ..tracing.source import describe, user_frame
from ..tracing.tracer import CONSTANT, TRACERS, Trace, concrete, make_tracer
from .answers import any_traced, attach, is_traced, plain, vector
from .calls import arguments, solver
from .inside import Points
from .places import unnoted
from .switches import Watched, check_jumps, pieces

Function = Callable[..., Any]
Rule = Callable[[Function, float, float], float]


class Integrand:
    """A function of one number whose values are kept; they may be traced."""

    def __init__(self, function: Function, watched: Watched | None = None) -> None:
        self.function, self.watched = function, watched
        self.values: dict[float, Any] = {}

    def __call__(self, x: Any) -> Any:
        if type(x) in TRACERS:  # a limit
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
    if trace is not None or (below < np.inf and any(t.level < below for t in open_traces())):
        check_jumps(f)
    if trace is None:
        return value
    if not isinstance(trace, Forward | Recording):
        trace.mute()  # a batch: it goes by one
    below = trace.level

    def outer(v: Any) -> Any:
        return v.cr_value if type(v) in TRACERS and v.cr_owner is trace else v

    lowered = Integrand(lambda x: outer(f(x)), f.watched)
    lowered.values = {x: outer(v) for x, v in f.values.items()}
    y = integral(lowered, outer(a), outer(b), rule, regions, value, below)
    for end, sign in ((b, 1.0), (a, -1.0)):
        if outer(end) is not end and np.isfinite(concrete(end)):
            y = y + sign * outer(f(outer(end))) * (end - outer(end))
    if isinstance(trace, Forward):
        tangent = Integrand(lambda x: _tangent(f(x), trace), f.watched)
        tangent.values = {x: _tangent(v, trace) for x, v in f.values.items()}
        t = integral(tangent, outer(a), outer(b), rule, regions, below=below)
        return y + make_tracer(np.float64(0.0), trace, t)
    assert isinstance(trace, Recording)
    return _pulled(f, outer(a), outer(b), rule, regions, trace, y)


def in_pieces(
    f: Integrand, watched: Watched, a: Any, b: Any, rule: Rule, regions: Any, value: Any
) -> Any:
    """As `integral`, between the places at which f switches."""
    limits, shares = pieces(watched, a, b)
    if len(limits) == 1 and not shares and limits[0] == (a, b):
        return integral(f, a, b, rule, regions, value)
    total = 0.0
    for end in (limits[0][0], limits[-1][1]):
        if is_traced(end) and np.isfinite(concrete(end)):
            f(end)  # at a limit of the program's own a tie is one
    with unnoted():
        for low, high in limits:
            total = total + integral(f.within(low, high), low, high, rule, regions)
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
                    lambda x, n=node, i=i, side=side: side(_entry(known(x).get(n), i)), f.watched
                )
                part.values = {x: side(_entry(g.get(node), i)) for x, g in known.values.items()}
                parts.append(integral(part, a, b, rule, regions, below=trace.level))
            sides.append(np.reshape(np.stack(parts), node.shape))
        partial = sides[0] + 1j * sides[1] if complex_ else sides[0]
        read = make_tracer(np.zeros(node.shape, node.dtype)[()], trace, node)
        change = np.sum(partial * read)
        y = y + (np.real(change) if complex_ else change)
    return y


def _entry(gradient: Any, i: int) -> Any:
    if gradient is None:
        return np.float64(0.0)
    return gradient if gradient.shape == () else np.ravel(gradient)[i]


# --- SciPy's functions ------------------------------------------------------------------------


class _Options:
    """The options of one call of `quad`, for its own value and for those of the derivatives."""

    def __init__(self, given: dict[str, Any]) -> None:
        names = (
            "epsabs",
            "epsrel",
            "limit",
            "points",
            "weight",
            "wvar",
            "wopts",
            "maxp1",
            "limlst",
        )
        self.kept = {k: plain(given[k]) for k in names}

    def rule(self, f: Function, a: float, b: float) -> float:
        """Integrate the derivative; say so where QUADPACK is not content."""
        if a == b:
            return 0.0
        found = integrate.quad(f, a, b, full_output=1, **self.kept)
        value, error = found[0], found[1]
        message = found[3] if len(found) > 3 and isinstance(found[3], str) else ""
        wanted = max(self.kept["epsabs"], self.kept["epsrel"] * abs(value))
        if message or not error <= 10 * wanted:
            warnings.warn(
                f"quad: the integral of the derivative is {value:.6g} with an estimated error of "
                f"{error:.1e} ({wanted:.1e} is wanted): {' '.join(message.split())} "
                f"({describe(user_frame(1))})",
                ImplicitWarning,
                stacklevel=3,
            )
        return float(value)


def _compiled(name: str) -> UnsupportedFunctionError:
    return UnsupportedFunctionError(
        f"scipy.integrate.{name} of a compiled integrand received a traced value",
        where=describe(user_frame(1)),
        why="what it computes cannot be followed, and it cannot be called at the limits",
        cure="pass the Python function that was compiled in the place of ‹func 0›; where no "
        "derivative is meant, write ‹held›",
    )


def _weighted(where: str) -> UnsupportedFunctionError:
    return UnsupportedFunctionError(
        f"scipy.integrate.quad with a weight has no derivative {where}",
        where=describe(user_frame(1)),
        cure="write the weight into the integrand",
    )


@solver(integrate.quad)
def quad(func: Function, a: Any, b: Any, *args: Any, **kwargs: Any) -> Any:
    """Integrate a function between two limits; the limits and all that it reads flow.

    The error estimate is constant. With a `weight`, limits and `wvar` are constants of the rule,
    and are refused where they are traced.
    """
    given = arguments(integrate.quad, (func, a, b, *args), kwargs)
    extra = given["args"] if isinstance(given["args"], tuple) else (given["args"],)
    if not callable(func):  # compiled
        if any_traced([a, b, list(extra), given["points"], given["wvar"]]):
            raise _compiled("quad")
        return integrate.quad(func, plain(a), plain(b), *plain(args), **plain(kwargs))
    if given["weight"] is not None and any_traced([a, b, given["wvar"]]):
        raise _weighted("in its limits and in wvar")
    if given["complex_func"]:
        parts = [
            quad(lambda x, *z, part=part: part(vector(func(x, *z))), a, b, *args,
                 **{**kwargs, "complex_func": False})
            for part in (np.real, np.imag)
        ]  # fmt: skip
        re, im = parts
        rest = tuple(zip(re[2:], im[2:], strict=False))
        rest = rest and ({"real": re[2:], "imag": im[2:]},)
        return (re[0] + 1j * im[0], re[1] + 1j * im[1], *rest)
    regions = open_regions()
    points = Points("quad")
    a, b = map(_real_limit, points.limits((a, b)))
    function = points.function(func)
    watched = Watched(lambda x: _number(function(x, *extra)))
    f = Integrand(watched, watched)
    kept = _Options(given)
    found = integrate.quad(
        f.plain, float(plain(a)), float(plain(b)), full_output=given["full_output"], **kept.kept
    )
    watched.done(func)
    for region in regions.values():
        region.done()
    if given["weight"] is not None and pieces(watched, a, b) != ([(a, b)], []):
        raise _weighted("where the integrand switches: the pieces have other weights")
    value = in_pieces(f, watched, a, b, kept.rule, regions, np.float64(found[0]))
    return (points.result(value if is_traced(value) else found[0]), *found[1:])


def _real_limit(value: Any) -> Any:
    """Return a limit as SciPy takes it: of a complex number the real part, with its warning.

    On the levels that are held fast meanwhile it is a plain number, as all that is computed there.
    """
    while type(value) in TRACERS and value.cr_owner.state == MUTED:
        value = value.cr_value
    if not np.iscomplexobj(plain(value)):
        return value
    float(plain(value))  # warns
    return np.real(value)


@solver(integrate.quad_vec)
def quad_vec(f: Function, a: Any, b: Any, *args: Any, **kwargs: Any) -> Any:
    """Integrate a function with array values: each element by Leibniz's rule, as in `quad`."""
    given = arguments(integrate.quad_vec, (f, a, b, *args), kwargs)
    regions = open_regions()
    extra = given["args"]
    points = Points("quad_vec")
    a, b = map(_real_limit, points.limits((a, b)))
    function = points.function(f)
    watched = Watched(lambda x: vector(function(x, *extra)))
    whole = Integrand(watched, watched)
    names = ("epsabs", "epsrel", "norm", "cache_size", "limit", "quadrature", "points")
    options = {k: plain(given[k]) for k in names}
    low, high = float(plain(a)), float(plain(b))
    found = integrate.quad_vec(whole.plain, low, high, full_output=given["full_output"], **options)
    watched.done(f)
    for region in regions.values():
        region.done()
    value = np.asarray(found[0])
    if whole.innermost(a, b) is None and pieces(watched, a, b) == ([(a, b)], []):
        return (points.result(found[0]), *found[1:])
    kept = _Options({
        **dict.fromkeys(("points", "weight", "wvar", "wopts")), "maxp1": 50, "limlst": 50,
        "epsabs": max(given["epsabs"], 1e-12), "epsrel": max(given["epsrel"], 1e-12),
        "limit": max(50, min(int(given["limit"]), 500)),
    })  # fmt: skip

    def entry(i: int, side: Any) -> Any:
        part = Integrand(lambda x: side(_entry(whole(x), i)), watched)
        part.values = {x: side(_entry(v, i)) for x, v in whole.values.items()}
        value_i = np.float64(side(value.ravel()[i]))
        return in_pieces(part, watched, a, b, kept.rule, regions, value_i)

    entries = [entry(i, np.real) for i in range(value.size)]
    if value.dtype.kind == "c":
        entries = [re + 1j * entry(i, np.imag) for i, re in enumerate(entries)]
    result = np.reshape(np.stack(entries), value.shape).astype(value.dtype)[()]
    return (points.result(result), *found[1:])


def _number(value: Any) -> Any:
    value = vector(value)
    if value.dtype.kind == "c":  # as QUADPACK takes it
        words = "Casting complex values to real discards the imaginary part"
        warnings.warn(words, np.exceptions.ComplexWarning, stacklevel=2)
        value = np.real(value)
    if value.dtype.kind not in "fc":
        value = value.astype(float)
    return np.reshape(value, ())[()]


def open_traces() -> list[Trace]:
    """Return the traces that run on this thread and are not muted, outermost first."""
    return [trace for trace in running.traces if trace.state <= OPEN]


def open_regions() -> dict[Trace, Region]:
    """Mark where every recording that runs on this thread stands now."""
    return {t: Region(t) for t in open_traces() if isinstance(t, Recording)}


@solver(integrate.nquad)
def nquad(
    func: Function, ranges: Any, args: Any = None, opts: Any = None, full_output: bool = False
) -> Any:
    """Integrate over several variables: one integral inside the other, each by Leibniz's rule."""
    depth = len(ranges)
    args = () if args is None else args if isinstance(args, tuple) else (args,)
    if not callable(func):
        parts = [args, [r for r in ranges if not callable(r)]]
        if any_traced(parts) or any(map(callable, ranges)):
            raise _compiled("nquad")
        return integrate.nquad(func, plain(ranges), plain(args), opts, full_output)
    ranges = [r if callable(r) else _constant(r) for r in ranges]
    if opts is None:
        opts = [_constant({})] * depth
    elif isinstance(opts, dict):
        opts = [_constant(opts)] * depth
    else:
        opts = [o if callable(o) else _constant(o) for o in opts]
    report = {"abserr": 0.0, "neval": 0}

    def inner(level: int, *outer: Any) -> Any:
        low, high = ranges[level](*outer, *args)
        options = dict(opts[level](*outer, *args))
        if level == 0:
            found = quad(lambda x: func(x, *outer, *args), low, high, full_output=1, **options)
        else:
            found = quad(lambda x: inner(level - 1, x, *outer), low, high, full_output=1, **options)
        report["abserr"] = max(report["abserr"], found[1])
        if level == 0:
            report["neval"] += found[2]["neval"]
        return found[0]

    value = inner(depth - 1)
    if full_output:
        return value, report["abserr"], {"neval": report["neval"]}
    return value, report["abserr"]


def _constant(value: Any) -> Function:
    return lambda *_: value


@solver(integrate.dblquad)
def dblquad(
    func: Function, a: Any, b: Any, gfun: Any, hfun: Any, args: Any = (),
    epsabs: float = 1.49e-8, epsrel: float = 1.49e-8,
) -> Any:  # fmt: skip
    """Integrate func(y, x) for x from a to b and y from gfun(x) to hfun(x)."""

    def limits(x: Any, *_: Any) -> Any:
        return [g(x) if callable(g) else g for g in (gfun, hfun)]

    options = {"epsabs": epsabs, "epsrel": epsrel}
    return nquad(func, [limits, [a, b]], args=args, opts=options)


@solver(integrate.tplquad)
def tplquad(
    func: Function, a: Any, b: Any, gfun: Any, hfun: Any, qfun: Any, rfun: Any, args: Any = (),
    epsabs: float = 1.49e-8, epsrel: float = 1.49e-8,
) -> Any:  # fmt: skip
    """Integrate func(z, y, x) for x from a to b, y from gfun(x) to hfun(x), z from qfun to rfun."""

    def third(y: Any, x: Any, *_: Any) -> Any:
        return [q(x, y) if callable(q) else q for q in (qfun, rfun)]

    def second(x: Any, *_: Any) -> Any:
        return [g(x) if callable(g) else g for g in (gfun, hfun)]

    options = {"epsabs": epsabs, "epsrel": epsrel}
    return nquad(func, [third, second, [a, b]], args=args, opts=options)
