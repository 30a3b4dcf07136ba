"""Kinks that a run touched exactly, and which derivative is taken there (docs/policy/kinks.md)."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import numpy as np

from ..core.graph import Graph, Node
from ..core.spoken import spoken
from ..tracing.foreign import Foreign
from ..tracing.tracer import concrete
from ..tracing.watching import COMPARING
from .watching import BRANCH, CUT, DIGITS, SOLVER, Event


def called_by(graph: Graph, events: Iterable[Event]) -> dict[Node, str]:
    """Return the solvers whose functions made steps that carry no derivative: what decides there.

    Of a solver it is the answer that is differentiated, and no single call.
    """
    return {n: e.outcomes[0] for e in events if e.kind == SOLVER and not e.replayed
            for n in graph.nodes[slice(*e.span)] if n.dtype is None or n.dtype.kind in "biu"}


def touched(graph: Graph, events: Iterable[Event] = ()) -> Iterator[tuple[Node, str, str]]:
    """Yield (node, what, which derivative) for every step at a kink, or at a step of its value."""
    seen, calls = set(), called_by(graph, events)
    for node in graph.nodes:
        if node.op is None or node.op.name in _TOLD:
            continue
        key = (node.op.name, node.place)
        if key not in seen and _is_at_kink(node):
            seen.add(key)
            name = node.op.name
            what, taken = _WORDS.get(name, ("at its kink", "the middle of the slopes around it"))
            by = "a comparison" if name in COMPARING else _SORTED.get(name, spoken(name))
            yield node, f"{by} is evaluated {what}", (
                f"the derivative is that of {calls[node]}'s answer" if node in calls else
                f"{_slope_of(name)} {taken}{_then(name)}")


def _then(name: str) -> str:
    if name in REPEATED:
        return ""
    return _BEYOND if name in STEEP else _HIGHER


def _slope_of(name: str) -> str:
    if name in STEEP:
        return "its own slope there is"
    chosen = _WORDS.get(name) in (_COMPARED, _ORDERED, _BETWEEN)
    return "the derivative taken is" if chosen else "its rule takes"


def _is_at_kink(node: Node) -> bool:
    op, values = node.op, [concrete(p) for p in node.primals]
    assert op is not None
    if Foreign in map(type, values) or node.output is None:
        return False
    if _whole_numbers(node):  # they are locally constant: where they jump is told where they arise
        return False
    if op.name in REPEATED:
        return _repeats(op.name, node.output)
    if op.jump is not None:
        return op.jump(concrete(node.output), *values, **node.params)
    if op.name in ROOTS:
        if node.inputs[0] is None:  # 0ˣ moves with its exponent only
            return False
        n = values[1] if len(values) > 1 else node.params["n"]
        return bool(np.any(np.equal(values[0], 0) & np.greater(n, 0) & np.less(n, 1)))
    kinks = op.kinks or STEEP.get(op.name, ())
    return any(bool(np.any(np.equal(values[0], kink))) for kink in kinks)


def _repeats(name: str, output: Any) -> bool:
    """Say whether eigenvalues or singular values are equal, beyond what rounding parts."""
    values = np.asarray(concrete(output[name == "svd"] if isinstance(output, tuple) else output))
    near = 8 * np.finfo(values.dtype).eps * np.max(np.abs(values), axis=-1, initial=0.0)
    gaps = np.abs(values[..., :, None] - values[..., None, :])
    return bool(np.any(np.sum(gaps <= near[..., None, None], axis=(-1, -2)) > values.shape[-1]))


def _whole_numbers(node: Node) -> bool:
    """Say whether a step reads only integers of all that depends on the inputs."""
    kinds = [p.dtype.kind for p in node.inputs if p is not None and p.dtype is not None]
    return bool(kinds) and set(kinds) <= {*"biu"}


def on_step(node: Node) -> bool:
    """Say whether a step function stands exactly where it jumps."""
    op, values = node.op, [concrete(p) for p in node.primals]
    if op is None or Foreign in map(type, values) or node.output is None:
        return False
    with np.errstate(all="ignore"):
        if op.name in _CROSSES and node.inputs[_CROSSES[op.name]] is None:
            return op.name == "arctan2" and bool(np.any(np.equal(values[0], 0) & (values[1] == 0)))
        if op.name in _STEPS:
            return bool(np.any(_STEPS[op.name](*values, **node.params)))
        if op.jump is not None:
            return op.jump(concrete(node.output), *values, **node.params)
    return False


def decides(run: Any, events: Iterable[Event] = ()) -> bool:
    """Say whether something in a run has a kink, or jumps, exactly at the point."""
    return (
        any(True for _ in touched(run)) or any(map(on_step, run.nodes)) or any(map(cut_at, events))
        or any(map(_asks_of_zero, events)) or any(e.at_end for e in events)
    )


def _asks_of_zero(event: Event) -> bool:
    """Say whether a program asked for the truth of a number that was 0: it jumps there."""
    dtype = getattr(event.asked, "dtype", None)
    return event.kind == BRANCH and dtype is not None and dtype.kind in "fc" and (
        "False" in event.outcomes)  # fmt: skip


def cut_at(event: Event) -> bool:
    """Say whether a value that was cut to an integer stood exactly where that jumps."""
    at = _STEPS.get(event.asker)
    if event.asker.startswith(DIGITS):
        at = partial(halves, decimals=int(event.asker.removeprefix(DIGITS)))
    return event.kind == CUT and at is not None and any(
        _on_step_before(node) if _is_still(node) else at(float(v))
        for v, node in zip(event.outcomes, event.makers, strict=True)
    )


def _into(node: Any) -> list[Node]:
    return [n for n in node.inputs if n is not None]


def _is_still(node: Any, depth: int = 8) -> bool:
    """Say whether a step is locally constant: of itself, or as all that flows into it is."""
    if node is None or node.op is None or not depth:
        return False
    flowing = [n for k, n in enumerate(node.inputs) if n is not None and node.op.flows(k)]
    return all(_is_still(n, depth - 1) for n in flowing)


def _on_step_before(node: Any, depth: int = 8) -> bool:
    """Say whether what made a locally constant value stands where it jumps."""
    if node.op is None or not depth:
        return False
    return on_step(node) or any(_is_still(n) and _on_step_before(n, depth - 1) for n in _into(node))


def whole(x: Any) -> Any:
    """Say of numbers whether they are whole."""
    return np.equal(x, np.floor(x))


def halves(x: Any, decimals: int = 0, **_: Any) -> Any:
    """Say of numbers whether rounding finds two values as near."""
    return whole(np.multiply(x, 10.0**decimals) - 0.5)


def _beyond_zero(x: Any, *_: Any, **__: Any) -> Any:
    return whole(x) & np.not_equal(x, 0)


BROKEN: dict[str, Callable[..., Any]] = {  # smooth pieces, which do not meet
    "copysign": lambda x, y: np.equal(y, 0) & np.not_equal(x, 0),
    "arctan2": lambda y, x: np.equal(y, 0) & np.less_equal(x, 0),
}
_CROSSES = {"copysign": 1, "arctan2": 0}  # the operand that has to cross 0 for a jump
_STEPS: dict[str, Callable[..., Any]] = {
    **BROKEN,
    **dict.fromkeys(("floor", "ceil", "__floor__", "__ceil__"), whole),
    **dict.fromkeys(("trunc", "fix", "astype_constant", "modf", "__int__", "__trunc__"),
                    _beyond_zero),
    **dict.fromkeys(("rint", "round", "around", "__round__"), halves),
    "spacing": lambda x: np.equal(abs(np.frexp(x)[0]), 0.5),
    **dict.fromkeys(("sign", "heaviside"), lambda x, *_: np.equal(x, 0)),
    **dict.fromkeys(("floor_divide", "remainder", "mod", "divmod"),
                    lambda x, y: np.equal(np.fmod(x, y), 0)),
    "fmod": lambda x, y: np.equal(np.fmod(x, y), 0) & np.not_equal(x, 0),
}  # fmt: skip


_HIGHER = "; that of a higher order is the limit around the point, if there is one"
_BEYOND = "; where a 0 meets it, and in a higher order, the limit around the point is taken, if " \
    "there is one"
_SORTED = {"argsort": "a sort", "argpartition": "a sort", "partition_order": "a sort"}
_TOLD = frozenset(("sign", "heaviside", "argmax", "argmin", "digitize"))  # as steps, already
ROOTS = frozenset(("power", "power_of", "float_power"))
STEEP = {"sqrt": (0.0,), "cbrt": (0.0,), "arcsin": (-1.0, 1.0), "arccos": (-1.0, 1.0),
         "arccosh": (1.0,), **dict.fromkeys(ROOTS, ())}
_ONE_BASIS = "that of one choice of vectors; of a single one of the equal values there is none"
REPEATED = {
    **dict.fromkeys(("eigvalsh", "eigvals"), ("where eigenvalues are equal", _ONE_BASIS)),
    **dict.fromkeys(("eigh", "eig"), ("where eigenvalues are equal", _ONE_BASIS)),
    **dict.fromkeys(("svdvals", "svd"), ("where singular values are equal", _ONE_BASIS)),
}
_MIDDLE = "0, the middle of all slopes"
_TIED = "where its arguments are equal", "half of each"
_COMPARED = "where its arguments are equal", "that of the branch which it chose"
_ORDERED = "where elements are equal", "that of the order which the sort chose"
_BETWEEN = "where a number is one of those that it stands between", "that of the piece it chose"
_WORDS = {
    **REPEATED,
    "absolute": ("at 0", _MIDDLE),
    "fabs": ("at 0", _MIDDLE),
    "hypot": ("at the origin", _MIDDLE),
    "sqrt_or_zero": ("at 0, the length of a zero vector", _MIDDLE),
    "max": ("where its largest elements tie", "an equal share for each"),
    "min": ("where its smallest elements tie", "an equal share for each"),
    **dict.fromkeys(("sqrt", *ROOTS), ("at 0", "infinite, the limit from the right")),
    "cbrt": ("at 0", "infinite, the limit from both sides"),
    **dict.fromkeys(("arcsin", "arccos"), ("at an end of its domain",
                                           "infinite, the limit from inside")),
    "arccosh": ("at 1", "infinite, the limit from the right"),
    **dict.fromkeys(("maximum", "minimum", "fmax", "fmin"), _TIED),
    **dict.fromkeys("less less_equal greater greater_equal equal not_equal".split(), _COMPARED),
    **dict.fromkeys(("argsort", "argpartition", "partition_order"), _ORDERED),
    "searchsorted": _BETWEEN,
    "spline_at": ("at a knot where its slopes differ",
                  "the spline's own derivative, the slope of one side"),
    "unique_parts": ("where elements are equal", "an equal share for each"),
}
