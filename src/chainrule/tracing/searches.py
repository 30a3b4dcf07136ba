"""Searches that the program writes itself: a bisection, and whatever else ends at plain numbers.

``if f(mid) < y: lo = mid`` decides between constants. What such a loop finds depends on the input,
but no operation says so, and the derivative would be 0. No single decision tells: ordinary
programs decide too. A search shows in the row of them: at one place of the program both answers
come, many times, while the two sides draw near each other, or numbers of the program do: what it
asks about, or plain ones that it keeps (its bracket, the weight of the next digit). Then the call
that is differentiated is compared with plain runs (`chainrule.diagnose.searching`).

Asked is by comparisons, by everything else through which nothing flows (`np.isnan`, `math.floor`,
``int(x)``), by the sign of a text, and by exceptions.
"""

import dis
import inspect
import os
from pathlib import Path
from sys import _getframe, getrefcount
from types import FrameType
from typing import Any

import numpy as np

from ..core.graph import Place
from .running import running
from .source import inside, of_python

_COMPARES = frozenset("less less_equal greater greater_equal equal not_equal sign".split())
ASKS = _COMPARES | frozenset(  # those that a derivative's derivative asks about, too, see `ties`
    "signbit heaviside argmax argmin argsort searchsorted digitize copysign logical_not".split()
)
MANY, BOTH, NEAR = 10, 2, 1e-3
_LARGE = 10_000  # elements of an array that is kept
_SMALL = 64  # of one whose numbers are looked at one by one
_FIRST = 3  # the question that the later ones are measured by
_NOTHING = [np.inf]
_PLACES = 1_000
_WIDTH = 4  # questions that are looked at in a row
_FRAMES = 3  # whose numbers are looked at
_MISSED = object()


class _Passed(dict[str, bool]):
    """Whether a file stands between the program's question and its record.

    That are operators and conversions here, and code of Python's such as `heapq`.
    """

    def __missing__(self, filename: str) -> bool:
        found = self[filename] = filename.startswith(_ROOMS) or of_python(filename)
        return found


_HOME = Path(__file__).parents[1]
_ROOMS = (  # the last are where `np.sign` and `math.isnan` are
    *(f"{_HOME / room}{os.sep}" for room in ("tracing", "core", "modes")),
    *(str(_HOME.joinpath("ops", *path)) for path in (
        ("numpy", "select.py"), ("python", "scalars.py"))),
)  # fmt: skip
_passed = _Passed()


class Row:
    """The questions at one place: how many, how many were true or changed, some of their operands.

    The first operands are those of the third question. `by` is what decides there, in words.
    """

    __slots__ = (
        "always", "by", "call", "compares", "count", "done", "drawn", "first", "kept", "last", "place", "spreads",
        "true", "turned", "was", "window",
    )  # fmt: skip

    def __init__(self, place: Place, name: str, answer: Any = None) -> None:
        self.place, self.compares, self.done = place, name in _COMPARES, False
        self.always = name not in ("raised", "plane")  # whether both answers are seen
        self.by = _BY.get(name, "comparisons")
        self.begin()
        self.was = answer

    def begin(self) -> None:
        """Begin anew, in another call of a solver's callback: calls are no steps of a search."""
        self.call = running.call
        self.count = self.true = self.turned = 0
        self.first = self.last = _NOTHING
        self.was: Any = None
        self.window: list[dict[Any, Any]] = []
        self.spreads: dict[Any, float] | None = None  # of the first numbers that were looked at
        self.drawn = False  # whether later ones stood much closer together
        self.kept = False  # whether plain ones did that the program keeps: its answers say no more

    def searched(self) -> bool:
        """Say whether a search was at work here."""
        if self.done or not self.always:
            return self.done or self.drawn
        if self.count < MANY:
            return False
        if self.kept and self.by != "texts":
            return True
        few = BOTH <= self.true <= self.count - BOTH * self.compares
        if not few and not (self.turned and self.count - self.turned >= MANY):
            return False
        return self.drawn or (self.compares and _gap(self.last) <= NEAR * _gap(self.first))

    def look(self, frame: Any, values: Any) -> None:
        """Look at the numbers of the program, and at those that it asks about."""
        self.window.append(_numbers(frame, () if self.compares else values))
        if len(self.window) < _WIDTH:
            return
        found, self.window = _spreads(self.window), []
        if self.spreads is None:
            self.spreads = found
        else:
            close = [name for name, first in self.spreads.items()
                     if 0 < found.get(name, 0) <= NEAR * first]  # fmt: skip
            self.drawn = bool(close)
            self.kept = any(type(name) is tuple for name in close)


_BY = {"raised": "exceptions", "defined": "exceptions", "plane": "what becomes complex", "printed": "texts"}


def compared(name: str, output: Any, values: Any) -> None:
    """Take note of one question: a comparison, a sign, the place of the least, a rounding."""
    if running.session is not None and running.call is None:
        return  # it is not the solver that calls, but the engine, as often as it likes
    frame: Any = _getframe(2)
    while _passed[frame.f_code.co_filename]:
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
            row = Row((code, frame.f_lasti), name)
            running.searches[key] = row
            row.was = output if output.__class__ is np.bool_ else _answer(output, row.compares)
            if not row.compares and (other := _warm(code, frame.f_lasti)) is not None:
                running.searches[id(code), other] = row
        return
    if row.call is not running.call:
        row.done = row.searched()
        row.begin()
    if output.__class__ is not np.bool_:
        output = _answer(output, row.compares)
        if output is _MISSED:
            return
    row.count = count = row.count + 1
    if output is not row.was and output != row.was:
        if row.was is not None and not row.turned:
            row.turned = count
        row.true += not row.compares
        row.was = output
    if count > _FIRST:
        if row.compares:
            row.true += bool(output)
        row.last = values
        if not row.drawn and (count < 8 or 12 <= count < 20 or (
            count >= 32 and count - (1 << count.bit_length() - 1) < _WIDTH
        )):  # fmt: skip
            row.look(frame, values)
    elif count == _FIRST:
        row.first = values


def _warm(code: Any, at: int) -> int | None:
    """Return where else a call stands for Python 3.11, which moves on as the code gets warm."""
    steps = code.co_code
    if steps[at] == _CALL and at >= 4 and steps[at - 4] == _PRECALL:
        return at - 4
    return at + 4 if steps[at] == _PRECALL else None


_CALL, _PRECALL = dis.opmap["CALL"], dis.opmap.get("PRECALL", -1)


def raised(values: Any, name: str = "raised") -> None:
    """Take note of what happens at some values only, as an exception: the program may decide by it."""
    if not running.traces or (running.session is not None and running.call is None):
        return
    frame: Any = _getframe(2)
    while frame is not None and _passed[frame.f_code.co_filename]:
        frame = frame.f_back
    if frame is None or inside[frame.f_code.co_filename]:
        return
    running.raised = True
    place = (frame.f_code, frame.f_lasti)
    key = (id(frame.f_code), ~frame.f_lasti)  # beside the answers at the same place
    if key not in running.searches and len(running.searches) >= _PLACES:
        return
    row = running.searches.setdefault(key, Row(place, name))
    if row.call is not running.call:
        row.done = row.searched()
        row.begin()
    if not row.drawn:
        row.look(frame, values)


def printed(text: str, values: Any) -> None:
    """Take note of a text: the program may decide by its sign, or by what is no number."""
    start = text.lstrip()[:1]
    compared("printed", "" if start.isdigit() else start, values)


def _answer(output: Any, compares: bool) -> Any:
    """Return what can be compared with the next answer, as far as it is not to be felt."""
    output = _every(output[0] if type(output) is tuple and output else output)
    if type(output) in (int, str, bool, float):
        return output
    if not isinstance(output, np.ndarray | np.generic):  # another library's, not known yet
        return _MISSED
    output = np.asarray(output)
    if not 0 < output.size <= (_LARGE if compares else _SMALL) or output.dtype.kind == "O":
        return _MISSED
    return bool(output.flat[0] > 0) if compares else output.tobytes()


def _every(x: Any) -> Any:
    """As `stacked.every`, which lies above: the plain values, with all batch axes in front."""
    while True:
        if hasattr(type(x), "cr_owner"):
            x = x.cr_value
        elif hasattr(type(x), "agreed"):
            x = x.data
        else:
            return x


def _gap(values: list[Any]) -> float:
    """Return how far apart the two sides of a comparison were, or the size of what has a sign."""
    plain = [np.asarray(_every(v)) for v in values]
    if any(v.dtype.kind not in "fc" and v.dtype.kind not in "biu" for v in plain):
        return np.inf
    with np.errstate(all="ignore"):
        gap = np.abs(plain[0] - plain[1]) if len(plain) > 1 else np.abs(plain[0])
    return float(np.max(gap, initial=0.0))


def _numbers(frame: FrameType | None, values: Any) -> dict[Any, Any]:
    """Return the numbers that are asked about, and the plain ones in the names of the program."""
    found: dict[Any, Any] = {}
    for k, v in enumerate(values):
        v = _every(v)
        if type(v) is float or (isinstance(v, np.ndarray | np.generic) and v.dtype.kind == "f"
                                and v.size <= _SMALL):  # fmt: skip
            found[k] = np.array(v)
    for k in range(_FRAMES):
        while frame is not None and _passed[frame.f_code.co_filename]:
            frame = frame.f_back
        if frame is None or inside[frame.f_code.co_filename]:
            break
        code = frame.f_code
        if code.co_flags & inspect.CO_OPTIMIZED and "locals" not in code.co_names:
            held = frame.f_locals
            for name, v in held.items():
                if (number := _plain(v)) is not None:
                    found[k, name] = number
            if getrefcount(held) == _OWN:  # before Python 3.13 the frame keeps it
                held.clear()
        frame = frame.f_back
    return found


_OWN = 3  # references: by the frame, the name here, and the call


def _plain(v: Any) -> Any:
    """Return a plain number, or a few of them, as they are now."""
    kind = type(v)
    if kind is float or kind is np.float64:
        return v
    if kind in (list, tuple):
        few = len(v) <= _WIDTH and all(type(e) in (float, np.float64) for e in v)
        return np.array(v) if few and v else None
    if hasattr(kind, "cr_owner") and v.cr_owner.level == 0:  # an array that the program made
        v = v.cr_value
    if type(v) is np.ndarray and v.dtype.kind == "f" and 0 < v.size <= _SMALL:
        return v.copy()
    return None


def _spreads(window: list[dict[Any, Any]]) -> dict[Any, float]:
    """Return how far apart the numbers of the same name are."""
    found = {}
    for name in set(window[0]).intersection(*window[1:]):
        several = [numbers[name] for numbers in window]
        if len(set(map(np.shape, several))) == 1:
            with np.errstate(all="ignore"):
                found[name] = float(np.max(np.ptp(several, axis=0), initial=0.0))
    return found


def found(searches: dict[Any, Row]) -> list[Row]:
    """Return the places where a search was at work."""
    return [row for row in {id(row): row for row in searches.values()}.values() if row.searched()]
