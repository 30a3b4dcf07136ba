"""A traced run beside a plain one: the values, and one direction against differences.

The comparison rests on nothing that the engine does: the user's function is run as it stands, on
plain numbers, at the point and along a random direction.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np

from .. import tree
from ..core.graph import Node
from ..errors import CheckError
from ..lift import run_traced
from ..modes.forward import Forward
from ..modes.reverse import backward, cotangent_of
from ..numeric import inner, move, random_like
from ..slopes import DIFFERS, NOTHING, Slope
from ..tracing.faces import as_python, is_python
from ..tracing.recording import Recording
from ..tracing.running import running
from ..tracing.tracer import TRACERS, concrete, make_tracer
from .kinks import decides
from .parting import Parting, first_slope, first_value, follow

UNSTEADY = "two plain runs differ: the function draws random numbers or keeps state"
_SHARES = 4  # in which the inputs are looked at
_SLIGHTLY = 1e-7  # a step by which a program moves little, unless it counts by the number
_VALUE = {"d": 1e-9, "f": 1e-4}


class Point:
    """A user's call with the places of its traced inputs, ready to be run on plain numbers."""

    def __init__(
        self, function: Any, args: Any, kwargs: Any, trace: Any, draws: bool = True
    ) -> None:
        self.function, self.trace = function, trace
        self.given = (tuple(args), dict(kwargs))
        leaves, self.treedef = tree.flatten(self.given, parameters=True)
        self.inputs = [
            i for i, x in enumerate(leaves) if type(x) in TRACERS and x.cr_owner is trace
        ]
        self.ids = [id(leaves[i]) for i in self.inputs]
        self.pythons = [is_python(leaves[i]) for i in self.inputs]
        self.nodes = [leaves[i].cr_node for i in self.inputs]
        self.leaves = [_copy(concrete(x)) if type(x) in TRACERS else x for x in leaves]
        self.xs = [self.leaves[i] for i in self.inputs]
        self.state = states() if draws else None
        self.whole_too = False  # whether a whole number alone counts as one, see `_leaves`
        self.stopped: list[Any] = []  # what `stop_gradient` returned at the point

    def call(self, *xs: Any) -> Any:
        """Run the user's function on plain numbers, as the traced run found its surroundings.

        It draws the same random numbers, and what `stop_gradient` returned at the point, it returns
        beside it too: there the program asks for a derivative that is not that of its value.
        """
        try:
            return self._run(xs)
        except (TypeError, IndexError):  # integers among the inputs may be indices and counts
            if not any(self.whole):
                raise
            return self._run([
                np.asarray(x).astype(int)[()] if whole and np.all(x == at) else x
                for x, at, whole in zip(xs, self.xs, self.whole, strict=True)
            ])  # fmt: skip

    def _run(self, xs: Any) -> Any:
        leaves = [_copy(x) if isinstance(x, np.ndarray) else x for x in self.leaves]
        for i, x, python in zip(self.inputs, xs, self.pythons, strict=True):
            leaves[i] = x.item() if python and hasattr(x, "item") else _copy(x)
        new = tree.unflatten(self.treedef, leaves)
        with (
            tree.in_place(self.given, new) as (args, kwargs),
            same_run(self.state, self.stopped), np.errstate(all="ignore"),
        ):  # fmt: skip
            tree.compute_again((args, kwargs))
            return self.function(*args, **kwargs)

    @property
    def whole(self) -> list[bool]:
        """Say of each input whether it was an integer."""
        return [i in self.trace.whole for i in self.ids]

    def numbers(self, *xs: Any) -> list[Any]:
        """Return the floating-point outputs of a plain run, as arrays."""
        return numbers_of(self.call(*xs), self.whole_too)

    def changes(self, plain: list[Any]) -> bool:
        """Say whether another plain run gives other numbers."""
        with unchecked():
            return differ(plain, self.numbers(*self.xs), self.single) is not None

    def drew(self) -> bool:
        """Say whether the global generators of random numbers have moved since."""
        assert self.state is not None
        (plain, held), (before, old) = states(), self.state
        return bool(plain != before or any(map(np.any, map(np.not_equal, held[1:], old[1:]))))

    @property
    def single(self) -> bool:
        """Say whether an input has single precision."""
        return any(np.asarray(x).dtype.char in "fFe" for x in self.xs)


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Two numbers that should be one, and where the runs part."""

    what: str
    plain: float
    traced: float
    parting: Parting | None

    def why(self) -> str:
        """Say where traced and plain run part."""
        if self.parting is None:
            return "no variable of the program differs between the runs, so the difference comes " \
                "from code that is not followed: a library, or a state that is kept between calls"
        p = self.parting
        return f"the runs part at {p.what}: plain {p.plain}, traced {p.traced}"

    def error(self, name: str) -> CheckError:
        """Build the error that `checked` raises."""
        return CheckError(
            f"{self.what} of {name} is {self.plain:.10g} in a plain run and {self.traced:.10g} in "
            "the traced one",
            where=self.parting.where if self.parting is not None else "",
            why=self.why(),
            cure="write the place so that the traced value stays in NumPy's hands, or report it: "
            "the traced run must be the plain one; a function that keeps state between calls is "
            "to be made a function of its arguments alone",
        )


def compare(point: Point, out: Any, rng: np.random.Generator) -> Disagreement | str | None:
    """Compare a traced result with plain runs.

    Returns None where they agree, a `Disagreement`, or, where nothing can be compared, the reason.
    """
    plain = point.numbers(*point.xs)  # derivatives taken in it are checked in their turn
    found = numbers_of(out)
    if point.changes(plain):
        return UNSTEADY
    worst = differ(plain, found, point.single)
    if worst is not None:
        return Disagreement("the value", *worst, _value_parting(point))
    if not plain:
        return "the result holds no floating-point number"
    if not all(np.all(np.isfinite(y)) for y in plain):
        return "the value is not finite"
    return _compare_slope(point, out, plain, rng)


def _compare_slope(
    point: Point, out: Any, plain: list[Any], rng: np.random.Generator
) -> Disagreement | str | None:
    vs, cts, traced = direction(point, out, plain, rng)
    if not any(np.any(v) for v in vs):
        return None
    if not np.isfinite(traced):
        return "the rules give no finite number here; where there is a limit, it is the derivative"
    along, unit, size = line(point, vs, cts)
    eps = float(np.finfo(np.float32 if point.single else np.float64).eps)
    kept = isinstance(point.trace, Recording) and point.trace.keep
    slope = Slope(along, along(0.0), (unit,), eps,
                  decides(point.trace, getattr(point.trace, "events", ())) if kept else None,
                  size)  # fmt: skip
    reference, _, _, verdict, why = slope.judge(traced)
    if verdict != DIFFERS:
        return why or "the differences do not settle" if verdict == NOTHING else None
    return Disagreement(
        "the derivative along a random direction", reference, traced, _slope_parting(point, vs)
    )


def directions(
    point: Point, out: Any, plain: list[Any], rng: np.random.Generator
) -> list[tuple[list[Any], list[Any], float]]:
    """Return a direction in which all inputs move, those of small shares, and the traced slopes.

    What is equal may part by all of them only; beside a large slope a small one is seen by itself.
    """
    vs, cts, traced = direction(point, out, plain, rng)
    total = sum(np.size(v) for v in vs)
    if type(point.trace) is Forward or total < 2 or point.single:
        return [(vs, cts, traced)]
    cotangents, several = _pulled(point, out, cts), [(vs, cts, traced)]
    for k in range(min(total, _SHARES)):
        part, start = [], 0
        for v in vs:
            number = start + np.arange(np.size(v)).reshape(np.shape(v))
            part.append((v * (number % _SHARES == k)).astype(np.asarray(v).dtype)[()])
            start += np.size(v)
        several.append((part, cts, float(inner(cotangents, part))))
    most = max(abs(slope) for _, _, slope in several[1:])
    return [d for k, d in enumerate(several) if k == 0 or abs(d[2]) < 0.05 * most]


def direction(
    point: Point, out: Any, plain: list[Any], rng: np.random.Generator
) -> tuple[list[Any], list[Any], float]:
    """Return a direction of the inputs, weights of the outputs, and the traced slope along them.

    Each number moves by its own size: beside 25 a step may be long that is too long beside 0.04.
    """
    cts = [np.ones_like(y) if len(plain) == 1 and np.size(y) == 1 else random_like(y, rng)
           for y in plain]  # fmt: skip
    if type(point.trace) is Forward:
        vs = [np.asarray(concrete(t))[()] for t in point.nodes]
        leaves = _leaves(out, point.whole_too)
        traced = float(inner(cts, [_tangent(y, point.trace) for y in leaves]))
    else:
        vs = [
            (random_like(x, rng) * own).astype(np.asarray(x).dtype)[()]
            for x, own in zip(point.xs, map(_sizes, point.xs), strict=True)
        ]
        if any(point.whole) and not _moves(point, vs, plain):
            vs = [v * (not whole) for v, whole in zip(vs, point.whole, strict=True)]
        traced = float(inner(_pulled(point, out, cts), vs))
    return vs, cts, traced


def _moves(point: Point, vs: list[Any], plain: list[Any]) -> bool:
    """Say whether whole numbers among the inputs are like others, and no indices or counts."""
    vs = [v * whole for v, whole in zip(vs, point.whole, strict=True)]
    try:
        with unchecked():
            around = [point.numbers(*move(point.xs, vs, h)) for h in (_SLIGHTLY, -_SLIGHTLY)]
        return all(differ(plain, found, True) is None for found in around)
    except Exception:  # it may be of any library's
        return False


def line(
    point: Point, vs: list[Any], cts: list[Any]
) -> tuple[Callable[[float], float], float, float]:
    """Return the plain function along a direction, a long step, and the size of the point in steps.

    Over the long step no number moves by more than its size, or by 4: programs may be periodic.
    """
    xs = [np.asarray(x, float) if np.asarray(x).dtype.char in "fe" else x for x in point.xs]

    def along(h: float) -> float:
        with suppress(Exception), unchecked():  # outside its domain a program fails in its own way
            found = point.numbers(*move(xs, vs, h))
            if list(map(np.shape, found)) == list(map(np.shape, cts)):
                return float(np.real(inner(cts, found)))
        return np.nan

    owns = [np.broadcast_to(_sizes(x), np.shape(x)) for x in xs]
    with np.errstate(divide="ignore"):
        unit = min(float(np.min(o / abs(v))) for o, v in zip(owns, vs, strict=True) if np.size(v))
    size = max(float(np.max(abs(x) / o)) for o, x in zip(owns, xs, strict=True) if np.size(x))
    return along, unit, size * unit


def _sizes(x: Any) -> Any:
    """Return by how much each number of an input may move: 0 as far as the largest beside it."""
    own = abs(np.asarray(x)).astype(float)
    largest = float(np.max(own, initial=0.0))
    return np.minimum(np.where(own > 1e-10 * largest, own, largest or 1.0), 4.0)


def forward_again(
    point: Point, vs: list[Any], cts: list[Any]
) -> tuple[list[Any], float]:
    """Run the function again in forward mode; return its numbers, and the slope along `vs`."""
    trace = Forward()
    inputs = [make_tracer(np.array(x)[()], trace, np.array(v, np.asarray(x).dtype)[()])
              for x, v in zip(point.xs, vs, strict=True)]  # fmt: skip
    inputs = [as_python(x) if python else x for x, python in
              zip(inputs, point.pythons, strict=True)]  # fmt: skip
    with unchecked():
        out = _traced_again(point, trace, inputs)()
    leaves = _leaves(out, point.whole_too)
    return _numbers(leaves), float(inner(cts, [_tangent(y, trace) for y in leaves]))


def _pulled(point: Point, out: Any, cts: list[Any]) -> list[Any]:
    """Return the cotangents of the inputs, given those of the floating-point outputs."""
    cotangents: dict[Node, Any] = {}
    for y, ct in zip(_leaves(out, point.whole_too), cts, strict=True):
        if type(y) in TRACERS and y.cr_owner is point.trace:
            ct = np.asarray(ct, y.dtype)[()]
            cotangents[y.cr_node] = cotangents[y.cr_node] + ct if y.cr_node in cotangents else ct
    backward(point.trace.nodes, cotangents)
    return [np.asarray(concrete(cotangent_of(cotangents, n)))[()] for n in point.nodes]


def _tangent(y: Any, trace: Any) -> Any:
    if type(y) in TRACERS and y.cr_owner is trace:
        return np.asarray(concrete(y.cr_node))[()]
    return np.zeros_like(np.asarray(concrete(y)))[()]


# --- what is compared -----------------------------------------------------------------------------


def _leaves(out: Any, whole_too: bool = False) -> list[Any]:
    """Return the leaves of a result that are floating-point numbers.

    With `whole_too` all, if none is: ``1 if x == 1 else x**2`` is a number at 1, too.
    """
    leaves = [out] if type(out) in TRACERS else tree.flatten(out)[0]
    if whole_too and all(isinstance(y, int | np.integer | np.bool_) for y in leaves):
        return [np.float64(y) for y in leaves]
    return [y for y in leaves if isinstance(concrete(y), float | complex)
            or getattr(getattr(concrete(y), "dtype", None), "kind", "") in ("f", "c")]  # fmt: skip


def numbers_of(out: Any, whole_too: bool = False) -> list[Any]:
    """Return the plain floating-point numbers of a result, as NumPy scalars and arrays."""
    return _numbers(_leaves(out, whole_too))


def _numbers(leaves: list[Any]) -> list[Any]:
    return [np.array(concrete(y))[()] for y in leaves]


def differ(plain: list[Any], traced: list[Any], single: bool) -> tuple[float, float] | None:
    """Return the two numbers that differ most, if any differ beyond rounding."""
    if [np.shape(y) for y in plain] != [np.shape(y) for y in traced]:
        return float(len(plain)), float(len(traced))
    tolerance = _VALUE["f" if single else "d"]
    worst: tuple[float, float] | None = None
    gap = 0.0
    for a, b in zip(plain, traced, strict=True):
        a, b = np.ravel(a), np.ravel(b)
        finite = np.isfinite(a) & np.isfinite(b)
        scale = max(1.0, float(np.max(abs(a[finite]), initial=0.0)))
        with np.errstate(invalid="ignore"):  # infinities are compared by equality
            gaps = abs(a - b) / scale
        same = (a == b) | (np.isnan(a) & np.isnan(b))
        off = np.where(finite, gaps, np.where(same, 0.0, np.inf))
        if off.size and float(np.max(off)) > max(gap, tolerance):
            gap, at = float(np.max(off)), int(np.argmax(off))
            worst = float(np.real(a[at])), float(np.real(b[at]))
    return worst


# --- where the runs part --------------------------------------------------------------------------


def _traced_again(point: Point, trace: Any, inputs: list[Any]) -> Callable[[], Any]:
    leaves = [_copy(x) if isinstance(x, np.ndarray) else x for x in point.leaves]
    for i, x in zip(point.inputs, inputs, strict=True):
        leaves[i] = x
    args, kwargs = tree.unflatten(point.treedef, leaves)
    return lambda: run_traced(trace, point.function, args, kwargs)


def _value_parting(point: Point) -> Parting | None:
    trace = Recording()
    inputs = [trace.input(np.array(x)[()]) for x in point.xs]
    with unchecked():
        plain = follow(lambda: point.call(*point.xs))
        with _drawing(point.state):
            traced = follow(_traced_again(point, trace, inputs))
    return first_value(plain, traced)


def _slope_parting(point: Point, vs: list[Any]) -> Parting | None:
    trace = Forward()
    inputs = [make_tracer(np.array(x)[()], trace, np.array(v, np.asarray(x).dtype)[()])
              for x, v in zip(point.xs, vs, strict=True)]  # fmt: skip
    step = 1e-3 if point.single else 1e-6
    with unchecked():
        above = follow(lambda: point.call(*move(point.xs, vs, step)))
        below = follow(lambda: point.call(*move(point.xs, vs, -step)))
        with _drawing(point.state):
            traced = follow(_traced_again(point, trace, inputs), trace)
    return first_slope(above, below, traced, step)


# --- that the runs are the same -------------------------------------------------------------------


def _copy(x: Any) -> Any:
    return x.copy("K") if isinstance(x, np.ndarray) else x


def states() -> tuple[Any, Any]:
    """Return where the global generators of random numbers stand."""
    return random.getstate(), np.random.get_state()  # noqa: NPY002  the program may use it


@contextmanager
def same_run(state: tuple[Any, Any] | None, stopped: list[Any]) -> Iterator[None]:
    """Let a plain run draw what another drew, and stop derivatives at the values it stopped at."""
    with _drawing(state), _stopping(stopped):
        yield


@contextmanager
def _drawing(state: tuple[Any, Any] | None) -> Iterator[None]:
    """Let the global generators of random numbers stand where they stood, and put them back."""
    if state is None:
        yield
        return
    before = states()
    random.setstate(state[0])
    np.random.set_state(state[1])  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])  # noqa: NPY002


@contextmanager
def _stopping(known: list[Any]) -> Iterator[None]:
    """Let the k-th call of `stop_gradient` return what it returned in the first run."""
    calls = count()

    def stopped(x: Any) -> Any:
        k = next(calls)
        if k == len(known):
            known.append(tree.map_leaves(_copy, x))
        return known[k]

    before, running.stopped = running.stopped, stopped
    try:
        yield
    finally:
        running.stopped = before


@contextmanager
def unchecked() -> Iterator[None]:
    """Let derivatives that are taken meanwhile go unchecked."""
    before, running.check = running.check, None
    try:
        yield
    finally:
        running.check = before
