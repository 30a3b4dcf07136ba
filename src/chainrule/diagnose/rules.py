"""Numbers to compare a user's rule with: of the function, and of the rule itself.

A rule that is differentiated once more is traced, and what it hides from that (`stop_gradient`, a
number that it keeps, a constant in the place of a formula) makes it a constant in silence. Run on
plain numbers it hides nothing.
"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np

from ..core.op import Op
from ..errors import CustomRuleError, CustomRuleWarning
from ..lift import record
from ..modes.forward import push, push_graph
from ..tracing.draws import same_draws
from ..tracing.running import running
from ..tracing.tracer import apply, concrete
from .checked import level

Function = Callable[..., Any]


def compare(owner: Any, op: Op, xs: list[Any], params: dict[str, Any], new: set[int]) -> None:
    """Compare a rule with central differences along a random direction in the `new` arguments.

    `owner` is the `CustomFunction`.
    """
    xs = [x[()] if isinstance(x, np.ndarray) else x for x in xs]
    ts = _random_direction(xs, op.flows, new)
    with _apart(), same_draws() as again:
        y = op.value(*xs, **params)
        if y.dtype.kind not in "fc" or all(t is None for t in ts):
            return
        tangent, estimate, bound = _both(owner, op, y, xs, ts, params, again)
    wrong = ~(np.abs(tangent - estimate) <= bound) & np.isfinite(bound)
    if not np.any(wrong):
        return
    i = np.unravel_index(np.argmax(wrong), np.shape(wrong))
    place = f" (output element {tuple(int(k) for k in i)})" if i else ""
    raise owner.error(
        f"the {owner.kind} of {owner.__name__} disagrees with differences: along a random "
        f"direction it gives {np.asarray(tangent)[i]:.8g}, differences give "
        f"{np.asarray(estimate)[i]:.8g}{place}",
        why="the rule, or its sign, scale or transposition, is wrong at this point",
        cure="mend the rule; if it differs on purpose (straight-through, clipping), say "
        "check=False",
    )


def _both(
    owner: Any, op: Op, y: Any, xs: Any, ts: Any, params: Any, again: Function
) -> tuple[Any, Any, Any]:
    """Return what the rule gives and what differences give, and how far off these may be.

    A `vjp` is asked for one random combination of the outputs: it needs not be transposed.
    """

    def at(h: float) -> Any:
        again()
        return op.value(*_moved(xs, ts, h), **params)

    with np.errstate(all="ignore"):  # a step may leave the domain of the function
        estimate, bound = _differences(at, y, _reach(xs))
        again()
        if owner.kind != "vjp":
            return push(op, y, xs, ts, params), estimate, bound
        ct = np.asarray(_normal(np.random.default_rng(1), y), y.dtype)[()]
        parts = owner.pulled(ct, y, *xs, **params)
        along = sum(np.sum(c * t) for c, t in zip(parts, ts, strict=True) if t is not None)
        if y.dtype.kind == "c" and np.result_type(*xs).kind != "c":
            along, estimate, ct = np.real(along), np.real(ct * estimate), 1.0
        return along, np.sum(ct * estimate), np.sum(np.abs(ct) * bound)


def compare_again(
    owner: Any, op: Op, xs: list[Any], params: dict[str, Any], new: set[int]
) -> None:
    """Compare a rule as it is traced with itself on plain numbers, and with the function nearby.

    It moves the `new` arguments only: a constant may be one that the rule knows nothing of. Where
    the rule is not checked, what it hides is warned of.
    """
    xs = [x[()] if isinstance(x, np.ndarray) else x for x in xs]
    ts = _random_direction(xs, op.flows, new)
    if all(t is None for t in ts):
        return
    found, failed = None, None
    with _apart(), same_draws() as again, warnings.catch_warnings(), suppress(Exception):
        warnings.simplefilter("ignore")
        rule = _as_list(owner, op.value(*xs, **params), xs, params)

        def traced(*xs: Any) -> list[Any]:
            return rule(apply(op, xs, params), *xs)

        def plain(*xs: Any) -> list[Any]:
            again()
            return rule(op.value(*xs, **params), *xs)

        found = _hides(traced, plain, xs, ts)
        if owner.checks and found is None:
            beside = _moved(xs, ts, 2.0**-7 * _reach(xs))
            try:
                compare(owner, op, beside, params, new)
            except CustomRuleError as error:
                failed = error
        again()
        op.value(*xs, **params)  # what the function keeps of its last run is that of the point
    if failed is not None:
        raise failed
    if found is None:
        return
    error = owner.error(
        f"the {owner.kind} of {owner.__name__} is differentiated, and hides a value from that: "
        f"along a random direction its derivative is {found[0]:.8g}, differences of the rule "
        f"give {found[1]:.8g}",
        why="derivatives of second order differentiate the rule; what it reads through "
        "stop_gradient, or computed before and kept, is a constant there",
        cure="write the rule with NumPy functions of its arguments y and x; where no second "
        "derivative is meant, say check=False",
    )
    if owner.checks:
        raise error
    warnings.warn(str(error), CustomRuleWarning, stacklevel=level())


def _as_list(owner: Any, y: Any, xs: list[Any], params: dict[str, Any]) -> Function:
    """Return (y, *xs) ↦ the arrays that a rule gives, for a fixed tangent or cotangent."""
    rng = np.random.default_rng(1)
    if owner.kind == "partial":
        return lambda y, *xs: [r(y, *xs, **params) for r in owner.rules()]
    if owner.kind == "jvp":
        ts = tuple(np.asarray(_normal(rng, x), x.dtype)[()] for x in xs)
        return lambda y, *xs: [owner.rule(ts, y, *xs, **params)]
    ct = np.asarray(_normal(rng, y), y.dtype)[()]

    def pulled(y: Any, *xs: Any) -> list[Any]:
        found = owner.rule(ct, y, *xs, **params)
        found = found if isinstance(found, tuple | list) else (found,)
        return [c for c in found if c is not None]

    return pulled


@contextmanager
def _apart() -> Iterator[None]:
    """Run as if no derivative were being taken: rules get plain values and plain names."""
    before = running.traces, running.rules, running.watch
    mark = len(running.notes)
    running.traces, running.rules, running.watch = [], 0, None
    try:
        yield
    finally:
        running.traces, running.rules, running.watch = before
        del running.notes[mark:]


def _normal(rng: Any, like: Any) -> Any:
    """Draw numbers of the shape and kind of an array."""
    v = rng.standard_normal(like.shape)
    return v + 1j * rng.standard_normal(like.shape) if like.dtype.kind == "c" else v


def _random_direction(xs: list[Any], flows: Callable[[int], bool], new: set[int]) -> list[Any]:
    """Return a direction for each of the `new` arguments, else None, as where nothing flows."""
    rng = np.random.default_rng(0)
    ts = []
    for k, x in enumerate(xs):
        t = None
        if k in new and flows(k) and x.dtype.kind in "fc":
            t = np.asarray(_normal(rng, x), x.dtype)[()]
        ts.append(t)
    return ts


def _moved(xs: list[Any], ts: list[Any], h: float) -> list[Any]:
    """Return the arguments at a distance along a direction."""
    return [x if t is None else x + h * t for x, t in zip(xs, ts, strict=True)]


def _reach(xs: list[Any]) -> float:
    """Return the size that steps are measured by."""
    return max([1.0, *(float(np.max(np.abs(x), initial=0.0)) for x in xs)])


def _differences(at: Function, y: Any, size: float) -> tuple[Any, Any]:
    """Return the derivative of ``at(h)`` at 0 by central differences, and how far off it may be."""
    eps = np.finfo(y.dtype).eps
    estimates = []
    for h in (eps ** (1 / 3) * size, eps ** (1 / 3) * size / 2):
        ends = [at(s * h) for s in (1, -1)]
        estimates.append((ends[0] - ends[1]) / (2 * h))
    spread = np.abs(estimates[0] - estimates[1])
    scale = np.abs(estimates[1]) + np.max(np.abs(y), initial=1e-30)
    return estimates[1], 10 * spread + 1e3 * eps ** (2 / 3) * scale


def _hides(f: Function, plain: Function, xs: list[Any], ts: list[Any]) -> tuple[Any, Any] | None:
    """Compare the derivative of a list of arrays as it is traced with differences.

    ``f(*xs)`` is traced, ``plain(*xs)`` gives the same numbers of plain runs. Return the two
    numbers that differ, if any do.
    """
    given = tuple(k for k, t in enumerate(ts) if t is not None)
    _, graph, leaves, _ = record(f, tuple(xs), {}, given)
    tangents = push_graph(graph, [ts[k] for k in given])
    for i, (leaf, tangent) in enumerate(zip(leaves, tangents, strict=True)):
        y = np.asarray(concrete(leaf))
        if y.dtype.kind not in "fc":
            continue
        at = lambda h, i=i: np.asarray(plain(*_moved(xs, ts, h))[i])  # noqa: E731
        with np.errstate(all="ignore"):
            estimate, bound = _differences(at, y, _reach(xs))
            traced = np.zeros(y.shape, y.dtype) if tangent is None else tangent
            wrong = ~(np.abs(traced - estimate) <= bound) & np.isfinite(bound)
        if np.any(wrong):
            where = np.unravel_index(np.argmax(wrong), wrong.shape)
            return np.asarray(traced)[where], np.asarray(estimate)[where]
    return None
