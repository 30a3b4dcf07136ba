"""Where a program decides by a traced value: comparisons, rounding, and the kinks of operations.

While somebody watches, the traces that are open are in the state `WATCHED`, which sends every
operation the long way round, past `note`. Nobody pays for it otherwise.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from sys import _getframe
from typing import Any, NamedTuple

import numpy as np

from .running import OPEN, WATCHED, running
from .source import inside

ROUNDING = frozenset(
    "floor ceil rint round around fix trunc sign floor_divide astype_constant heaviside spacing "
    "digitize argmax argmin".split()
)
COMPARING = frozenset(
    "less less_equal greater greater_equal equal not_equal isclose".split()
)
_RATIOS = frozenset("remainder fmod floor_divide".split())
_ORDERS = frozenset(
    "argmax argmin nanargmax nanargmin argsort argpartition partition_order lexsort searchsorted "
    "digitize isin order interval histogram histogram2d histogramdd bincount".split()
)
_SIGNS = frozenset(
    "sign signbit heaviside any all argwhere count_nonzero logical_and logical_or logical_xor "
    "logical_not".split()
)
_STEPS = frozenset("floor ceil rint round around fix trunc astype_constant floor_divide".split())
_GAPS: dict[str, Any] = {  # what changes its sign at the kink of an operation
    **dict.fromkeys(("absolute", "fabs"), lambda a: (a,)),
    **dict.fromkeys(("maximum", "minimum", "fmax", "fmin"), lambda a, b: (a - b,)),
    "clip": lambda a, *bounds: tuple(a - b for b in bounds if b is not None),
    **dict.fromkeys(COMPARING - {"isclose"}, lambda a, b: (a - b,)),
}


_SMOOTH = {"CubicSpline": 3, "PchipInterpolator": 2, "Akima1DInterpolator": 2}


def _spline(x: Any, params: dict[str, Any]) -> tuple[Any, Any, int]:
    """Return point, knots, and the first derivative that jumps, of a spline of plain numbers."""
    spline, nu = params["spline"], params["nu"]
    smooth = getattr(spline, "k", _SMOOTH.get(type(spline).__name__, 0))
    knots = getattr(spline, "x", getattr(spline, "t", None))
    return x, np.zeros(1) if knots is None else np.asarray(knots), smooth - nu


def _basis(_c: Any, x: Any, params: dict[str, Any]) -> tuple[Any, Any, int]:
    return x, np.asarray(params["basis"].t), params["basis"].k - params["nu"]


_KNOTTED: dict[str, Any] = {"spline_at": _spline, "bspline": _basis}


class Notes(list[Any]):
    """The decisions that somebody watches for who takes derivatives of an order.

    Interpolation is smooth at its knots up to some derivative: they decide nothing before that.
    """

    def __init__(self, order: int) -> None:
        super().__init__()
        self.order = order


class Decision(NamedTuple):
    """One decision: the operation, its arguments (some traced), what came out, and the place."""

    name: str
    args: tuple[Any, ...]
    outcome: Any
    place: Any
    params: dict[str, Any]

    def gaps(self, swapped: tuple[int, int] = (0, 0)) -> tuple[Any, ...]:
        """Return traced values of which one passes through zero where the outcome changes.

        A step function changes where its argument passes a number that does not depend on anything,
        and an order where two of its numbers are equal: those that are `swapped`.
        """
        if self.name == "copysign":
            return (self.args[1],)
        if self.name in _KNOTTED:
            x, knots, _ = _KNOTTED[self.name](*self.args, self.params)
            near = np.argmin(np.abs(np.reshape(known(x), (-1, 1)) - knots), axis=1)
            return (np.ravel(x) - knots[near],)
        if self.name in _GAPS:
            return _GAPS[self.name](*self.args)  # type: ignore[no-any-return]
        if self.name in _ORDERS:
            i, j = swapped
            x = self.numbers()
            return (x[i] - x[j],) if i != j and max(i, j) < len(x) else ()
        if self.name in _SIGNS:
            return tuple(a for a in self.args if getattr(a, "dtype", None) == np.float64)
        a = self.args[0]
        if self.name == "isclose":
            b = self.args[1]
            close = self.params.get("atol", 1e-8) + self.params.get("rtol", 1e-5) * np.abs(b)
            return (np.abs(a - b) - close,)
        if self.name == "exponent":
            return (np.abs(a) - 2.0 ** np.round(np.log2(np.abs(known(a)))),)
        if self.name in _RATIOS:
            a = a / self.args[1]
        elif self.name not in _STEPS:
            return ()
        a = a * 10.0 ** self.params.get("decimals", 0)
        return (a - np.round(2 * known(a)) / 2,)

    def numbers(self) -> list[Any]:
        """Return the elements of all arguments."""
        return [x for a in self.args if a is not None for x in np.ravel(a)]

    def swapped(self, other: "Decision") -> tuple[int, int]:
        """Return which two of the numbers stand in another order in `other`."""
        u, v = (np.array([known(x) for x in d.numbers()]) for d in (self, other))
        if len(u) != len(v) or self.name not in _ORDERS:
            return 0, 0
        for order in (np.argsort(u, kind="stable"), np.argsort(v, kind="stable")):
            i, j = order[:-1], order[1:]
            change = np.sign(u[i] - u[j]) != np.sign(v[i] - v[j])
            for k in np.flatnonzero(change):
                return int(i[k]), int(j[k])
        return 0, 0

    def mark(self) -> Any:
        """Return what tells this outcome from others."""
        return self.place, self.outcome.shape, self.outcome.tobytes()


@contextmanager
def watching(notes: list[Decision] | None) -> Iterator[None]:
    """Let the open traces of this thread append their decisions to `notes`; None: stop it."""
    before, running.watch = running.watch, notes
    wanted = OPEN if notes is None else WATCHED
    changed = [(t, t.state) for t in running.traces if t.state <= OPEN and t.state != wanted]
    try:
        for trace, _ in changed:
            trace.state = wanted
        yield
    finally:
        running.watch = before
        for trace, state in changed:
            if trace.state == wanted:
                trace.state = state


def note(name: str, args: Any, result: Any, params: Any = None) -> None:
    """Keep a decision that an operation made."""
    notes = running.watch
    if notes is None:
        return
    outcome = _outcome(name, args, result, params)
    if outcome is not None:
        kept = tuple(a.cr_snapshot() if hasattr(a, "cr_snapshot") else a for a in args)
        notes.append(Decision(name, kept, np.asarray(outcome), _place(), params or {}))


def _outcome(name: str, args: Any, result: Any, params: Any) -> Any:
    """Return what an operation decides: whatever has steps, and every integer or truth value."""
    order = getattr(running.watch, "order", 1)
    if name in _KNOTTED:
        x, knots, smooth = _KNOTTED[name](*map(known, args), params or {})
        return np.searchsorted(knots, x, side="right") if order > smooth else None
    if name == "searchsorted":  # rules search, too, and what they give has no step there
        return known(result) if order > 1 or not _in_a_rule() else None
    if name in _RATIOS:
        return np.floor_divide(*map(known, args))
    if name in _GAPS and name not in COMPARING:
        return np.stack(np.broadcast_arrays(*map(_side, _GAPS[name](*map(known, args)))))
    plain = known(result)
    if name == "copysign":
        return np.signbit(plain)
    whole = isinstance(plain, bool | int) or getattr(plain, "dtype", _FLOAT).kind in "biu"
    return plain if whole or name in ROUNDING else None


def _side(gap: Any) -> Any:
    """Return on which side of a kink a number is; 0 where it stands at the kink."""
    return np.greater(gap, 0).astype(np.int8) - np.less(gap, 0)


_COUNTED = {"histogram": 3, "histogramdd": 3, "histogram2d": 4}  # how many arguments count


def note_counts(name: str, args: Any, kwargs: Any, result: Any) -> None:
    """Keep the whole numbers that a body returned which decides on plain numbers (`histogram`).

    Where weights or a density hide them, they are counted again. What it decides by is looked for
    among its arguments and its other results.
    """
    parts = result if isinstance(result, tuple) else (result,)
    counts = [p for p in parts if isinstance(p, np.ndarray) and p.dtype.kind in "iu"]
    if name in _COUNTED and not counts:
        args = args[: _COUNTED[name]]
        kwargs = {k: v for k, v in kwargs.items() if k not in ("weights", "density")}
        counts = [getattr(np, name)(*_plain(args), **_plain(kwargs))[0].astype(int)]
        parts = parts[1:]
    if not counts:
        return
    numbers = list(_leaves((*args, *kwargs.values(), *parts)))
    for part in counts:
        note(name, numbers, part)


def _plain(value: Any) -> Any:
    if type(value) in (list, tuple):
        return type(value)(map(_plain, value))
    return {k: _plain(v) for k, v in value.items()} if type(value) is dict else known(value)


def _leaves(value: Any) -> Iterator[Any]:
    """Yield the numbers and arrays of double precision in a nesting of sequences."""
    if isinstance(value, list | tuple):
        for v in value:
            yield from _leaves(v)
    elif isinstance(known(value), float) or getattr(known(value), "dtype", None) == np.float64:
        yield value


_FLOAT = np.dtype(float)


def known(x: Any) -> Any:
    """Return the plain value under any number of tracers."""
    return x.cr_concrete() if hasattr(x, "cr_snapshot") else x


def _in_a_rule() -> bool:
    frame: Any = _getframe(2)
    while frame is not None and inside[frame.f_code.co_filename]:
        if _OPS in frame.f_code.co_filename:
            return True
        frame = frame.f_back
    return False


_OPS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "ops", "")


def _place() -> Any:
    frame: Any = _getframe(2)
    while frame is not None and inside[frame.f_code.co_filename]:
        frame = frame.f_back
    return None if frame is None else (frame.f_code, frame.f_lineno)  # offsets change as it warms
