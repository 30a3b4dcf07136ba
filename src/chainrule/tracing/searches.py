"""Searches by comparisons: a bisection that the program writes itself.

``if f(mid) < y: lo = mid`` decides between constants. What such a loop finds depends on the input,
but no operation says so, and the derivative would be 0. No single comparison tells: ordinary
programs compare too. A search shows in the row of them: at one place of the program both answers
come, many times, while the two sides draw near each other. Then the call that is differentiated
is compared with plain runs (`chainrule.diagnose.searching`).
"""

import os
from pathlib import Path
from sys import _getframe
from typing import Any

import numpy as np

from ..core.graph import Place
from .foreign import Foreign
from .running import running
from .source import inside
from .stacked import every

_COMPARES = frozenset("less less_equal greater greater_equal sign".split())
ASKS = _COMPARES | frozenset(
    "signbit heaviside floor ceil rint trunc argmax argmin searchsorted digitize".split()
)
MANY, BOTH, NEAR = 10, 2, 1e-3
_LARGE = 10_000  # elements of an array that is kept
_FIRST = 3  # the question that the later ones are measured by
_NOTHING = [np.inf]
_PLACES = 1_000


class _Engine(dict[str, bool]):
    """Whether a file is one of those between an operator of the program and its record."""

    def __missing__(self, filename: str) -> bool:
        found = self[filename] = filename.startswith(_ROOMS)
        return found


_HOME = Path(__file__).parents[1]
_ROOMS = (  # the last is where `np.sign` is
    *(f"{_HOME / room}{os.sep}" for room in ("tracing", "core", "modes")),
    f"{_HOME / 'ops' / 'numpy' / 'select.py'}",
)
_engine = _Engine()


class Row:
    """The questions at one place: how many, how many were true or changed, some of their operands.

    Those are the third ones, the one after it, the last but one and the last.
    """

    __slots__ = (
        "before", "call", "compares", "count", "done", "first", "last", "place", "second", "true",
        "was",
    )  # fmt: skip

    def __init__(self, place: Place, compares: bool) -> None:
        self.place, self.compares, self.done = place, compares, False
        self.begin()

    def begin(self) -> None:
        """Begin anew, in another call of a solver's callback: calls are no steps of a search."""
        self.call = running.call
        self.count = self.true = 0
        self.first = self.second = self.before = self.last = _NOTHING
        self.was: Any = None

    def searched(self) -> bool:
        """Say whether a search was at work here."""
        few = BOTH <= self.true <= self.count - BOTH * self.compares
        return self.done or (self.count >= MANY and few and _near(self))


def compared(name: str, output: Any, values: list[Any]) -> None:
    """Take note of one question: a comparison, a sign, the place of the least."""
    if running.session is not None and running.call is None:
        return  # it is not the solver that calls, but the engine, as often as it likes
    frame: Any = _getframe(3)
    while _engine[frame.f_code.co_filename]:
        frame = frame.f_back
        if frame is None:
            return
    code = frame.f_code
    if inside[code.co_filename]:  # the question of a rule, or of a library
        return
    key = (id(code), frame.f_lasti)  # the hash of code takes long
    row = running.searches.get(key)
    if row is None:
        if len(running.searches) < _PLACES:
            running.searches[key] = Row((code, frame.f_lasti), name in _COMPARES)
        return
    if row.call is not running.call:
        row.done = row.searched()
        row.begin()
    if output.__class__ is not np.bool_:
        output = every(output)
        if type(output) is Foreign:  # not known before it is computed
            return
        output = np.asarray(output)
        if not 0 < output.size <= _LARGE:  # what is kept of it is not to be felt
            return
        if not row.compares and output.size > 1:
            return
        output = output.flat[0] > 0 if row.compares else output.flat[0]
    row.count += 1
    if row.count > _FIRST:
        if not row.compares:
            row.true += bool(output != row.was)
            row.was = output
            if row.count == _FIRST + 1:
                row.second = values
            row.before = row.last
        else:
            row.true += bool(output)
            if row.first is _NOTHING and np.isfinite(_gap(values)):
                row.first = values
        row.last = values
    elif row.count == _FIRST and (not row.compares or np.isfinite(_gap(values))):
        row.first = values  # not beside `inf`, as a loop over the least begins: all is near to it


def _gap(values: list[Any]) -> float:
    """Return how far apart the two sides of a comparison were, or the size of what has a sign."""
    plain = [np.asarray(every(v)) for v in values]
    if any(v.dtype.kind not in "fc" and v.dtype.kind not in "biu" for v in plain):
        return np.inf
    with np.errstate(all="ignore"):
        gap = np.abs(plain[0] - plain[1]) if len(plain) > 1 else np.abs(plain[0])
    return float(np.max(gap, initial=0.0))


def _near(row: Row) -> bool:
    """Say whether the operands of a place have drawn together, beside how far apart they were."""
    if row.compares:
        first = _gap(row.first)
        return bool(np.isfinite(first)) and _gap(row.last) <= NEAR * first
    return _change(row.before, row.last) <= NEAR * _change(row.first, row.second)


def _change(before: list[Any], after: list[Any]) -> float:
    try:
        return max(_gap([a, b]) for a, b in zip(before, after, strict=True))
    except ValueError:  # of other shapes
        return np.inf


def found(searches: dict[Any, Row]) -> list[Place]:
    """Return the places where a search was at work."""
    return [row.place for row in searches.values() if row.searched()]
