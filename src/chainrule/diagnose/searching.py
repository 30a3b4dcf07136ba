"""A program that searches by comparisons is compared with plain runs, or its derivative is lost.

The answer of a bisection written by hand is a plain number. Whether that matters depends on what
the program does with it (a Newton step at the end makes it right), so differences decide.
"""

import threading
import warnings
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from ..core.graph import Place
from ..errors import ChainRuleError, CheckError, UncheckedWarning
from ..lift import name_of
from ..modes.batch import Batch
from ..tracing.draws import same_draws
from ..tracing.running import running
from ..tracing.source import describe_place
from .checked import example, level
from .compare import Point, differ, direction, forward_again, line, numbers_of

ENOUGH = 3  # calls that agreed; after them a place is trusted
_busy = threading.local()
_agreed: dict[tuple[Place, Any], int] = {}


def examine(
    places: list[Place], trace: Any, function: Any, args: Any, kwargs: Any, out: Any
) -> None:
    """Raise where the derivative is another than that of plain runs; warn where none tell."""
    keys = [(place, getattr(function, "__code__", None)) for place in places]
    if getattr(trace, "keep", False) or all(_agreed.get(k, 0) >= ENOUGH for k in keys):
        return
    if getattr(_busy, "now", False) or any(
        n.owner in (trace, None) and n.place not in places for n in running.notes
    ):
        return
    if type(trace) is Batch:  # the derivatives are taken inside: of one example they are examined
        positional, named = example(trace, args, kwargs, 0)
        function(*positional, **named)
        return
    if not trace.differentiates:
        return
    point = Point(function, args, kwargs, trace)
    found: tuple[float, float] | str | None
    with same_draws() as again:
        plain = _plain(point, again)
        if isinstance(plain, Exception):
            found = f"run again, it raises {type(plain).__name__}"
        else:
            found = _beside(point, out, plain, again)
    if found is None:
        for key in keys if len(_agreed) < 1000 else ():
            _agreed[key] = _agreed.get(key, 0) + 1
        return
    where, name = describe_place(places[0]), name_of(function)
    if isinstance(found, str):
        warnings.warn(
            f"{name} searches by comparisons ({where}), and whether the derivative of what it "
            f"finds is right could not be told: {found}", UncheckedWarning, stacklevel=level(),
        )  # fmt: skip
        return
    raise CheckError(
        f"{name} searches by comparisons, and loses the derivative of what it finds: along a "
        f"random direction it is {found[0]:.10g} in plain runs and {found[1]:.10g} in the traced "
        "one",
        where=where,
        why="each branch keeps a number that was there before, so what the search ends at moves "
        "with its bounds, if at all, and not with the answer",
        cure="search by scipy.optimize (brentq, bisect, root_scalar, minimize_scalar, …), whose "
        "answers are differentiated, or let a Newton step follow the search",
    )


def _beside(
    point: Point, out: Any, plain: list[Any], again: Callable[[], None]
) -> tuple[float, float] | str | None:
    _busy.now = True
    try:
        found = _far(point, out, plain, again)
    except (ChainRuleError, Warning):
        raise
    except Exception as error:
        found = f"beside the point it raises {type(error).__name__}"
    try:
        _plain(point, again)  # what the program keeps of its last run is to be of this point
    finally:
        _busy.now = False
    return found


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
    point: Point, out: Any, plain: list[Any], again: Callable[[], None]
) -> tuple[float, float] | str | None:
    """Compare with differences over steps that are long beside those of the search's answer."""
    vs, cts, traced = direction(point, out, plain, np.random.default_rng(0))
    if not any(np.any(v) for v in vs) or not np.isfinite(traced):
        return None
    if differ(plain, numbers_of(out), point.single) is not None:  # it draws random numbers
        again()
        value, traced = forward_again(point, vs, cts)
        if differ(plain, value, point.single) is not None:
            return "two runs of it differ"
    along, size, reach = line(point, vs, cts)

    def at(h: float) -> float:
        again()
        return along(h)

    unit = min(size, 4.0) / reach
    steps = [0.02 * unit / 2**k for k in range(4)]
    slopes = [(at(h) - at(-h)) / (2 * h) for h in steps]
    better = [(4 * b - a) / 3 for a, b in pairwise(slopes)]  # without the error of order h²
    gap, spread = abs(traced - better[-1]), max(better) - min(better)
    scale = abs(traced) + abs(better[-1])
    if gap <= 3 * spread + 1e-4 * scale:
        return None if spread <= 0.1 * (1 + abs(traced)) else "the differences do not settle"
    if gap <= 10 * spread:
        return "the differences do not settle"
    here = at(0.0)
    if all(
        min(abs((at(s * h) - here) / (s * h) - traced) for s in (1, -1)) <= 5e-3 * scale
        for h in (1e-3 * unit, 1e-4 * unit)
    ):  # a kink is close by, on both sides of which the derivative is right
        return None
    return better[-1], traced
