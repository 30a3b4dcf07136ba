"""Where a function of one number decides otherwise than before, and how that place moves.

Two neighbouring numbers are given whose outcomes differ. What was compared passes through zero
between them; the place is its root, a function of all that it depends on.
"""

from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np

from ..errors import ChainRuleError, UnsupportedFunctionError
from ..lift import record
from ..modes.forward import Forward
from ..modes.reverse import backward
from ..tracing.recording import Recording
from ..tracing.running import OPEN, running, tell
from ..tracing.source import describe, user_frame
from ..tracing.tracer import TRACERS, concrete, depth
from ..tracing.watching import Decision, known
from .answers import is_traced, unchecked

Change = tuple[int, Decision, Decision]


def place_of(f: Any, left: float, right: float, size: float) -> Any:
    """Return where the outcome changes, as a function of all that it depends on."""
    changes = _changes(f, left, right)
    if not changes:
        raise refusal(left, "what it decides by there could not be told")
    place = _root(f, changes[0], left, size)
    plain = lambda x: np.asarray(concrete(f.notes(x)[0]))  # noqa: E731
    if len(changes) > 1 and (depth() > 1 or jumps(plain, left, right, 1e-8 * size)):
        for other in changes[1:]:
            if _gaps(other) and moves(_root(f, other, left, size) - place):
                raise refusal(left, "two places meet there, and part where the inputs change")
    return place


def _root(f: Any, found: Change, left: float, size: float) -> Any:
    k, m, n = found
    swapped = m.swapped(n)
    if not _gaps(found):
        raise refusal(left, f"{m.name} has no rule for how the place moves")
    same = np.shape(m.outcome) == np.shape(n.outcome)
    flips = np.flatnonzero(m.outcome != n.outcome) if same else np.zeros(0, int)

    def gap(z: Any) -> Any:
        notes = f.notes(z)[1]
        own = [notes[i] for i in _tops(notes)[k : k + 1]]
        if not own or own[0].place != m.place:
            own = [note for note in reversed(notes) if note.place == m.place]
        near = [
            np.ravel(g)[i]
            for note in own
            for g in map(np.asarray if type(z) is float else _as_is, note.gaps(swapped))
            for i in _among(flips, m.outcome.size, np.size(concrete(g)))
        ]
        return min(near, key=lambda g: abs(float(concrete(g))))

    with unnoted():
        place = unchecked(gap, np.float64(left))
    if not np.isfinite(concrete(place)):
        raise refusal(left, "what is compared there touches, and does not cross")
    return place


@contextmanager
def unnoted() -> Iterator[None]:
    """Let nobody look around the point for a tie that is met on purpose."""
    mark = len(running.notes)
    try:
        yield
    finally:
        del running.notes[mark:]


def _gaps(found: Change) -> tuple[Any, ...]:
    _, m, n = found
    return m.gaps(m.swapped(n))


def jumps(f: Any, left: float, right: float, away: float) -> bool:
    """Say whether a function jumps between two neighbouring numbers, by more than it is steep."""
    low, high = (np.asarray(f(x)) for x in (left, right))
    away = np.copysign(max(abs(away), 1e4 * abs(right - left)), away)
    jump = np.max(np.abs(high - low), initial=0.0)
    if jump <= 1e-9 * (np.max(np.abs(low), initial=0.0) + np.max(np.abs(high), initial=0.0)):
        return False
    steep = 0.0
    with suppress(Exception), np.errstate(all="ignore"):  # beyond the domain, perhaps
        steep = np.max(np.abs(f(left - away) - low)) + np.max(np.abs(f(right + away) - high))
    return not jump <= 1e-3 * steep


def _among(flips: Any, outcomes: int, size: int) -> Any:
    """Return which of `size` gaps may have passed zero, where those outcomes are others."""
    return flips % size if size and flips.size and outcomes % size == 0 else range(size)


def change(f: Any, left: float, right: float) -> tuple[Decision, Decision] | None:
    """Return the first decision that is another one to the right than to the left."""
    pairs = zip(_decisions(f, left), _decisions(f, right), strict=False)
    return next(((m, n) for m, n in pairs if m.mark() != n.mark()), None)


def _changes(f: Any, left: float, right: float) -> list[Change]:
    """Return the decisions that are others, as far as both sides ask the same questions.

    In front stands which it is, of those that are counted once (`_tops`).
    """
    found: dict[int, Change] = {}
    one, other = _decisions(f, left), _decisions(f, right)
    tops = _tops(one)
    for i, (m, n) in enumerate(zip(one, other, strict=False)):
        if m.place != n.place:
            break
        if m.mark() != n.mark():
            k = bisect_left(tops, i)
            found.setdefault(k, (k, _known(m), _known(n)))
    return list(found.values())


def _decisions(f: Any, x: float) -> list[Decision]:
    """Return what `f` decides at x, also where it does so by its argument alone."""
    found: list[Decision] = []

    def watched(z: Any) -> Any:
        value, found[:] = f.notes(z)
        return value

    with unnoted():
        record(watched, (np.float64(x),), {}, 0)
    return found


def _known(decision: Decision) -> Decision:
    return decision._replace(args=tuple(map(known, decision.args)))


def _tops(notes: list[Decision]) -> list[int]:
    """Return where each decision stands, once: where the last trace noted it.

    The traces that it runs on noted it before, and after that what their rules decide.
    """
    found: list[int] = []
    for i, note in enumerate(notes):
        k = first = len(found)
        while k and _level(notes[found[k - 1]]) < _level(note):
            k -= 1
            first = k if _same(notes[found[k]], note) else first
        found[first:] = [i]
    return found


def _same(one: Decision, other: Decision) -> bool:
    if one.mark() != other.mark() or one.name != other.name:
        return False
    pairs = zip(one.args, other.args, strict=False)
    return all(np.array_equal(known(a), known(b)) for a, b in pairs)


def _level(note: Decision) -> int:
    return max((a.cr_owner.level for a in note.args if type(a) in TRACERS), default=-1)


def _as_is(value: Any) -> Any:
    return value


def moves(value: Any) -> bool:
    """Say whether a number has any derivative that is not zero."""
    if not is_traced(value):
        return False
    while type(value) in TRACERS:
        trace = value.cr_owner
        if isinstance(trace, Forward) and np.any(concrete(value.cr_node)):
            return True
        if isinstance(trace, Recording) and trace.state <= OPEN:
            cotangents: dict[Any, Any] = {value.cr_node: np.ones(value.shape, value.dtype)[()]}
            with unnoted():
                backward(list(trace.nodes), cotangents)
            if any(np.any(concrete(ct)) for ct in cotangents.values()):
                return True
        value = value.cr_value
    return False


def note_kink(motion: Any) -> None:
    """Let the derivatives of derivatives be looked at around the point.

    A place stands at an end, and moves against it by `motion`: beside the point it is inside or
    outside. The note is that of the outermost derivative by which it moves, if others are within.
    """
    tell("at an end")
    owners = []
    while type(motion) in TRACERS:
        owners.append(motion.cr_owner)
        motion = motion.cr_value
    open_ = [t for t in running.traces if t.state <= OPEN and t.differentiates]
    outer = next((t for t in open_ if t in owners), None)
    if outer is not None and open_[-1] is not outer:
        frame = user_frame(2)
        place = None if frame is None else (frame.f_code, frame.f_lasti)
        running.note("tie", "a decision at a limit", place, owner=outer)


def refusal(place: float, why: str) -> ChainRuleError:
    """Build the error for a place of an integrand whose motion is not known."""
    return undecided(
        "the integrand", f"switches at {place:.8g}", why, UnsupportedFunctionError,
        cure="integrate between the places yourself: ‹callee›(left, ‹a 1›, place)[0] + "
        "‹callee›(right, place, ‹b 2›)[0]",
    )  # fmt: skip


def undecided(
    who: str, does: str, why: str, kind: type[ChainRuleError], *, cure: str
) -> ChainRuleError:
    """Build the error for whatever decides by a traced value, in a way that is not known."""
    return kind(
        f"{who} decides by a traced value, and {does}",
        where=describe(user_frame(1)),
        why=why,
        cure=cure,
    )
