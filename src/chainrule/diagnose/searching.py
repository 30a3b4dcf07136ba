"""A program that searches by itself is compared with plain runs, or its derivative is lost.

The answer of a bisection written by hand is a plain number. Whether that matters depends on what
the program does with it (a Newton step at the end makes it right), so differences decide.
"""

import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import reduce
from itertools import pairwise
from operator import or_
from typing import Any

import numpy as np

from ..core.graph import Place
from ..core.settings import AnewError
from ..errors import BatchError, ChainRuleError, CheckError, UncheckedWarning
from ..lift import name_of
from ..limits import ALONE
from ..modes.batch import Batch
from ..numeric import inner, move
from ..tracing.alone import DOWN, ORDER, UP
from ..tracing.draws import of_python, same_draws
from ..tracing.running import running
from ..tracing.searches import Row
from ..tracing.source import describe_place
from ..tracing.stacked import one_by_one
from .checked import example, level
from .compare import Point, differ, directions, forward_again, line, numbers_of

_DIFFER = "two runs of it differ"
_SHARE = 0.9137306415729341  # of a step, so that no round number is met beside a round number
_PART = "beside the point the examples of a batch part"
_EACH = "one by one"
_SOME = 8  # examples of a batch, where all ask about the same
ENOUGH = 3  # calls that agreed; after them a place is looked at more quickly
_busy = threading.local()
_answers: dict[Place, Any] = {}  # what was asked at a point alone, and the answer
_agreed: dict[tuple[Place, Any], int] = {}
_remembers: dict[tuple[Place, Any], int] = {}  # places that know the point of an earlier call


def examine(
    rows: list[Row], trace: Any, function: Any, args: Any, kwargs: Any, out: Any
) -> None:
    """Raise where the derivative is another than that of plain runs; warn where none tell.

    After some calls that agreed one difference is enough, as long as it agrees, too. Less would
    not do: what the search finds may play no part in those calls, and an answer must not hang on
    how often it was asked.
    """
    if getattr(_busy, "now", False):
        return
    if getattr(trace, "keep", False):  # it is for somebody to read, who may want to know
        if hasattr(trace, "asked"):
            trace.asked = rows
        return
    if running.around:  # so near that what was asked is so there, too, no limit is to be seen
        for row in rows if trace.differentiates else ():
            if row.asked is not None and row.asked == _answers.get(row.place) and row.alone():
                running.note("branch", row.met, row.place, ALONE, owner=trace)
        return
    code = getattr(function, "__code__", None)
    searching = [row for row in rows if row.searched()]
    keys = [(row.place, code) for row in searching]
    known = bool(searching) and all(_agreed.get(k, 0) >= ENOUGH for k in keys)
    if not rows:
        return
    alone = not searching
    rows = searching or rows
    places = [row.place for row in rows]
    keys = keys or [(place, code) for place in places]
    if any(
        n.owner in (trace, None) and (alone or n.place not in places) for n in running.notes
    ):
        return
    if type(trace) is Batch:  # the derivatives are taken inside: of one example they are examined
        _example_by_example(rows if alone else [], trace, function, args, kwargs, out)
        return
    if not trace.differentiates:
        return
    point = Point(function, args, kwargs, trace, running.drawn_in is trace)
    point.whole_too = alone
    found: tuple[float, float] | str | None = None
    nothing = False  # whether no derivative at all came through
    anew = getattr(_busy, "anew", False)
    with _draws(trace) as again:
        if known and _agrees(point, out, again):
            return
        plain = _plain(point, again)
        by_state = alone and not anew and all(_remembers.get(k, 0) >= ENOUGH for k in keys)
        if isinstance(plain, Exception):
            found, by_state = f"run again, it raises {type(plain).__name__}", False
        else:
            ordered = _in_order(rows) if alone else ""
            several = directions(point, out, plain, np.random.default_rng(0))
            nothing = several[0][2] == 0
            for ahead in several:
                if not by_state:
                    found = _beside(point, out, plain, ahead, again, alone, ordered)
                if found is not None:
                    break
            if type(found) is tuple and alone and not anew:
                by_state = _is_remembered(point, plain, ahead, found[0], again)
    if by_state:
        for key in keys if len(_remembers) < 1000 else ():
            _remembers[key] = _remembers.get(key, 0) + 1
        raise AnewError(lambda: _elsewhere(point, ahead[0], trace))
    if alone and not anew and found == _DIFFER and running.drawn_in is not trace:
        found = (np.nan, ahead[2])  # the value is itself a derivative, which was lost
    if found is None:
        for key in keys if len(_agreed) < 1000 and not alone else ():
            _agreed[key] = _agreed.get(key, 0) + 1
        return
    if alone and not anew and not isinstance(found, str):  # a special case at this very point
        if len(_answers) >= 1000:
            _answers.clear()
        _answers[rows[0].place] = rows[0].asked
        running.note("branch", rows[0].met, rows[0].place, ALONE, owner=trace)
        return
    if alone and isinstance(found, str) and not nothing and found != _PART:
        return  # programs ask whether something is 0, at the ends of their domain, too
    where, by = describe_place(places[0]), "equality" if alone else rows[0].by
    does = f"{name_of(function)} " + _DOES.get(by, (f"searches by {by}",))[0]
    if isinstance(found, str):
        warnings.warn(
            f"{does} ({where}), and whether the derivative of what it finds is right could not "
            f"be told: {found}", UncheckedWarning, stacklevel=level(),
        )  # fmt: skip
        return
    raise CheckError(
        f"{does}, and loses the derivative of what it finds: along a random direction it is "
        f"{found[0]:.10g} in plain runs and {found[1]:.10g} in the traced one",
        where=where,
        why=_DOES.get(by, _SEARCH)[1],
        cure=_DOES.get(by, _SEARCH)[2],
    )


_SEARCH = (
    "",
    "each branch keeps a number that was there before, so what the search ends at moves with its "
    "bounds, if at all, and not with the answer",
    "search by scipy.optimize (brentq, bisect, root_scalar, minimize_scalar, …), whose answers are "
    "differentiated, or let a Newton step follow the search",
)
_DOES = {
    "digits": (
        "takes digits out of the text of a number", "text carries no derivative",
        "take the parts of the number itself, whole = np.trunc(x) and x - whole; where no "
        "derivative is meant, print chainrule.stop_gradient(x)",
    ),
    "equality": (
        "decides by numbers that are equal",
        "what it does there it does at this point alone: it gives what it kept of an earlier call, "
        "or a special value, and neither moves with the input",
        "let what is kept be forgotten before, or differentiate the function that computes, in the "
        "place of the one that remembers",
    ),
}


def _example_by_example(
    rows: list[Row], trace: Any, function: Any, args: Any, kwargs: Any, out: Any
) -> None:
    """Examine the first example of a batch, and all that stand where others do not.

    If one of them has another derivative than in the batch, `vmap` goes example by example.
    """
    which = {0} if not rows else set()
    for row in rows:
        if row.at is True or np.shape(row.at) != (trace.size,):  # the same for all
            which |= {*np.linspace(0, trace.size - 1, min(trace.size, _SOME)).astype(int).tolist()}
        else:
            which |= {*np.flatnonzero(row.at).tolist()}
    for k in sorted(which):
        positional, named = example(trace, args, kwargs, k)
        found = numbers_of(function(*positional, **named))
        if rows and differ(found, numbers_of(_only(trace, out, k)), False) is not None:
            raise one_by_one(BatchError("a derivative is that of the points beside"))


def _only(trace: Any, out: Any, k: int) -> Any:
    """Return what a batch gave for one example."""
    (positional, _) = example(trace, (out,), {}, k)
    return positional[0]


def _beside(
    point: Point, out: Any, plain: list[Any], ahead: Any, again: Callable[[], None], alone: bool,
    ordered: str,
) -> tuple[float, float] | str | None:  # fmt: skip
    _busy.now = True
    try:
        try:
            found = _far(point, out, plain, ahead, again, alone, ordered)
        except (ChainRuleError, Warning):
            raise
        except Exception as error:
            found = f"beside the point it raises {type(error).__name__}"
        _plain(point, again)  # what the program keeps of its last run is to be of this point
        return found
    finally:
        _busy.now = False


def _agrees(point: Point, out: Any, again: Callable[[], None]) -> bool:
    """Say whether one difference is about the traced slope, as it is not where that is lost."""
    here = numbers_of(out)
    several = directions(point, out, here, np.random.default_rng(0))
    _busy.now = True
    try:
        for vs, cts, traced in several:
            along, unit, _ = line(point, vs, cts)
            step = 1e-4 * unit
            again()
            slope = (along(step) - float(np.real(inner(cts, here)))) / step
            if not abs(slope - traced) <= 1e-3 * abs(traced):
                return False
    finally:
        _busy.now = False
        _plain(point, again)
    return True


def _plain(point: Point, again: Callable[[], None]) -> list[Any] | Exception:
    """Run the function once on plain numbers; derivatives taken in it are examined in turn."""
    try:
        again()
        return point.numbers(*point.xs)
    except (CheckError, Warning):
        raise
    except Exception as error:
        return error


def _far(
    point: Point, out: Any, plain: list[Any], ahead: Any, again: Callable[[], None], alone: bool,
    ordered: str,
) -> tuple[float, float] | str | None:  # fmt: skip
    """Compare with differences over steps that are long beside those of the search's answer."""
    vs, cts, traced = ahead
    if not any(np.any(v) for v in vs) or not np.isfinite(traced):
        return None
    numbers = numbers_of(out, point.whole_too)
    if differ(plain, numbers, point.single) is not None:  # it draws random numbers
        again()
        value, traced = forward_again(point, vs, cts)
        if differ(plain, value, point.single) is not None:
            return _DIFFER
    along, unit, _ = line(point, vs, cts)
    unit = _SHARE * unit if alone else unit

    def at(h: float) -> float:
        again()
        return along(h)

    steps = [0.02 * unit / 2**k for k in range(4)]
    slopes = [(at(h) - at(-h)) / (2 * h) for h in steps]
    better = [(4 * b - a) / 3 for a, b in pairwise(slopes)]  # without the error of order h²
    gap, spread = abs(traced - better[-1]), max(better) - min(better)
    if not np.isfinite(gap + spread):
        try:
            point.numbers(*move(point.xs, vs, steps[-1]))
        except BatchError:
            return _PART
        return "plain runs beside the point give no numbers"
    scale = abs(traced) + abs(better[-1])
    settled = gap > 10 * spread
    here = at(0.0)
    if gap <= 64 * np.finfo(float).eps * abs(here) / steps[-1]:
        return None  # the value is so large that rounding hides it
    rest = 0.1 * (1 + abs(traced)) if point.single else 0.1 * scale + 1e-6 * (1 + abs(traced))
    if gap <= 3 * spread + 1e-4 * scale and spread <= rest:
        return None
    short = (1e-3 * unit, 1e-4 * unit)
    if alone or settled:
        if alone and _jumps(abs(at(h) - here) for h in short) and not _tends(at, unit, here):
            return None  # it is a piece of its own, as small as it may be
        sides = [[(at(s * h) - here) / (s * h) for s in (1, -1)] for h in (*short, 1e-5 * unit)]
        if ordered and _is_kink(ordered, traced, *sides):
            return None  # of the function itself, at this point: its branches stand (kinks.md)
        bound = max(5e-3 * scale, 0.05 * gap) if settled else 5e-3 * (1 + abs(traced))
        near = all(min(abs(slope - traced) for slope in pair) <= bound for pair in sides[:2])
        if settled and not point.single:  # what is left of a large slope may be all of a small one
            ends = ((10 * b - a) / 9 for a, b in zip(*sides[:2], strict=True))
            near = near and all(abs(end - traced) <= max(1e-6 * scale, 0.2 * gap) for end in ends)
        if near:
            return None  # a kink is close by, on both sides of which the derivative is right
        close = max(abs(slope - traced) for pair in sides[1:] for slope in pair)
        if not alone and traced and close <= 1e-3 * abs(traced):
            return (
                f"in plain runs close by it is {traced:.10g}, as here, and over longer steps "
                f"{better[-1]:.10g}, as of a function in small pieces"
            )
    return (better[-1], traced) if settled else "the differences do not settle"


def _in_order(rows: list[Row]) -> str:
    """Say whether numbers were only put in order, of several "one by one", and on one side alone.

    Such an answer is that of one side for each of them, so the branch is a piece of the function.
    """
    if not all(row.met in ORDER for row in rows):
        return ""
    sides = reduce(or_, (row.sides for row in rows))
    return _EACH if sides in (UP, DOWN) and all(row.many for row in rows) else "in order"


def _is_kink(ordered: str, traced: float, *sides: list[float]) -> bool:
    """Say whether the slopes on two sides part, however short the steps are, about the one taken.

    So do those of a layer of units that all stand at their kinks: each direction sends some up.
    What they make of it may be anything, and by chance nearly the same on both sides.
    """
    gaps = [abs(right - left) for right, left in sides]
    size = max(abs(slope) for slope in sides[0])
    slack = 1e-3 * size
    if ordered == _EACH:  # a smooth function's gap is a tenth of that at ten times the step
        return gaps[-1] > max(0.5 * gaps[-2], slack)
    firm = all(shorter > 0.5 * longer for longer, shorter in pairwise(gaps))
    between = all(min(pair) - slack <= traced <= max(pair) + slack for pair in sides)
    return firm and between and gaps[0] > 0.1 * size


def _jumps(gaps: Iterable[float]) -> bool:
    """Say whether the value beside the point does not come near that at the point."""
    longer, shorter = gaps
    return shorter > 0.5 * longer


def _tends(at: Callable[[float], float], unit: float, here: float) -> bool:
    """Say whether values that stand far from the point tend to that at it.

    Where they do, and those that are near do not come near, these are what rounding made of 0/0.
    """
    for side in (0.08 * unit, -0.08 * unit):
        row = [at(side / 2**k) for k in range(5)]
        far, found, before = abs(row[0] - here), row, np.nan
        for j in range(1, 5):
            before = found[-1]
            found = [(2**j * b - a) / (2**j - 1) for a, b in pairwise(found)]
        if abs(found[0] - here) <= 1e-3 * far and abs(found[0] - before) <= 1e-2 * far:
            return True
    return False


def _is_remembered(
    point: Point, plain: list[Any], ahead: Any, slope: float, again: Callable[[], None]
) -> bool:
    """Say whether the derivative is right when the program was called elsewhere before.

    Then it had kept what belongs to this point, and given it back: a cache of the last point.
    """
    vs, cts, before = ahead
    _busy.now = True
    try:
        again()
        _call_beside(point, vs)
        again()
        value, traced = forward_again(point, vs, cts)
    except ChainRuleError:
        return False
    finally:
        _busy.now = False
        _plain(point, again)
    if differ(plain, value, point.single) is not None:
        return False
    near = 1e-3 * (abs(traced) + abs(slope))
    return abs(traced - slope) <= min(near, 0.2 * abs(before - slope))


def _call_beside(point: Point, vs: Any) -> None:
    along, unit, _ = line(point, vs, [])
    along(0.01 * unit)


def _draws(trace: Any) -> Any:
    """Return what sets random streams back; to look for all of them takes long, and few draw."""
    return same_draws() if running.drawn_in is trace else of_python()


@contextmanager
def _elsewhere(point: Point, vs: Any, trace: Any) -> Iterator[None]:
    """Let the program be called beside the point, before it is called there anew."""
    with _draws(trace) as again:
        _busy.now = True
        try:
            _call_beside(point, vs)
        finally:
            _busy.now = False
            again()
    before, _busy.anew = getattr(_busy, "anew", False), True
    try:
        yield
    finally:
        _busy.anew = before
