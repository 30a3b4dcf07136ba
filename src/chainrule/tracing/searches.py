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

ASKS = frozenset("less less_equal greater greater_equal sign".split())
MANY, BOTH, NEAR = 10, 2, 1e-3
_LARGE = 10_000  # elements of an array that is kept
_FIRST = 3  # the comparison that the later ones are measured by
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
    """The comparisons at one place: how many, how many were true, the third one and the last."""

    __slots__ = ("count", "first", "last", "place", "true")

    def __init__(self, place: Place) -> None:
        self.place = place
        self.count = self.true = 0
        self.first = self.last = _NOTHING


def compared(output: Any, values: list[Any]) -> None:
    """Take note of one comparison, or of one sign."""
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
            running.searches[key] = Row((code, frame.f_lasti))
        return
    if output.__class__ is not np.bool_:
        if type(output) is Foreign:  # not known before it is computed
            return
        output = np.asarray(every(output))
        if not 0 < output.size <= _LARGE:  # what is kept of it is not to be felt
            return
        output = output.flat[0] > 0
    row.count += 1
    if row.count > _FIRST:
        if output:
            row.true += 1
        row.last = values
    elif row.count == _FIRST:
        row.first = values


def _gap(values: list[Any]) -> float:
    """Return how far apart the two sides of a comparison were, or the size of what has a sign."""
    plain = [np.asarray(every(v)) for v in values]
    if any(v.dtype.kind not in "fc" and v.dtype.kind not in "biu" for v in plain):
        return np.inf
    with np.errstate(all="ignore"):
        gap = np.abs(plain[0] - plain[1]) if len(plain) > 1 else np.abs(plain[0])
    return float(np.max(gap, initial=0.0))


def found(searches: dict[Any, Row]) -> list[Place]:
    """Return the places where a search was at work."""
    return [
        row.place for row in searches.values()
        if row.count >= MANY and BOTH <= row.true <= row.count - BOTH
        and _gap(row.last) <= NEAR * _gap(row.first)
    ]  # fmt: skip
