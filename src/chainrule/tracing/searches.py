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
from functools import lru_cache, reduce
from operator import or_
from sys import _getframe, getrefcount
from types import CodeType, FrameType
from typing import Any

import numpy as np

from ..core.graph import Place
from . import alone
from .running import running
from .source import inside, of_python

_COMPARES = frozenset("less less_equal greater greater_equal sign".split())
ASKS = _COMPARES | frozenset(  # those that a derivative's derivative asks about, too, see `ties`
    "equal not_equal signbit heaviside argmax argmin nanargmax nanargmin argsort argpartition "
    "lexsort searchsorted digitize copysign "
    "logical_not logical_and logical_or logical_xor argwhere where nan_to_num".split()
)
MANY, BOTH, NEAR = 10, 2, 1e-3
_LARGE = 10_000  # elements of an array that is kept
_SMALL = 64  # of one whose numbers are looked at one by one
_FIRST = 3  # the question that the later ones are measured by
_NOTHING = [np.inf]
_NONE: dict[str, Any] = {}
_PLACES = 1_000
_EARLY = (1, 3, 5, 7, 9, 11)  # two questions from these on are looked at
_STARTS = (*_EARLY, 13, 17, *(1 << k for k in range(5, 20)))  # and from these on four in a row
_SPARED = 24
_FRAMES = 3  # whose numbers are looked at
_MISSED = object()


class _Passed(dict[str, bool]):
    """Whether a file stands between the program's question and its record.

    That are operators and conversions here, and code of Python's such as `heapq`.
    """

    def __missing__(self, filename: str) -> bool:
        found = self[filename] = filename.startswith(_ROOMS) or of_python(filename)
        return found


_HOME = os.path.dirname(os.path.dirname(__file__))  # importing pathlib takes 2 ms
_ROOMS = (  # the last are where `np.sign` and `math.isnan` are
    *(os.path.join(_HOME, room, "") for room in ("tracing", "core", "modes")),
    *(os.path.join(_HOME, "ops", *path) for path in (
        ("numpy", "select.py"), ("numpy", "logic.py"), ("numpy", "kinds.py"),
        ("python", "scalars.py"), ("scipy", "spatial", "trees.py"))),
)  # fmt: skip
_passed = _Passed()


class Row:
    """The questions at one place: how many, how many were true or changed, some of their operands.

    The first operands are those of the third question. `by` is what decides there, in words.
    """

    __slots__ = (
        "always", "asked", "at", "by", "call", "compares", "count", "done", "drawn", "first",
        "kept", "last", "many", "met", "name", "next", "place", "sides", "spared", "spreads",
        "switches", "true", "turned", "was", "window",
    )  # fmt: skip

    def __init__(self, place: Place, name: str, answer: Any = None) -> None:
        self.place, self.name, self.compares, self.done = place, name, name in _COMPARES, False
        self.always = name not in ("raised", "plane")  # whether both answers are seen
        self.by = _BY.get(name, "comparisons")
        self.asked: Any = None  # the one that was met first: its name, place in the row and answer
        self.met = ""  # the question whose answer is so at this point alone, see `alone`
        self.at: Any = False  # whether it was met, or for which examples of a batch
        self.many = False  # whether it was asked of several numbers at once
        self.sides = 0  # on which sides of equality the answers are the same
        self.switches = False  # whether a solver's callback met equality, if at all, here and there
        self.begin()
        self.was = answer

    def begin(self) -> None:
        """Begin anew, in another call of a solver's callback: calls are no steps of a search."""
        self.call = running.call
        self.count = self.true = self.turned = 0
        self.first = self.last = _NOTHING
        self.was: Any = None
        self.window: list[dict[Any, Any]] = []
        self.spreads: dict[Any, float] | None = None  # how far numbers were apart at most
        self.spared = 0  # questions beside which nothing had changed
        self.drawn = False  # whether later ones stood much closer together
        self.next = _STARTS[0]  # which question is looked at, after some that are not
        self.kept = False  # whether plain ones did that the program keeps: its answers say no more

    def meet(self, name: str, output: Any, values: Any, params: Any, beside: Any) -> None:
        """Take note where the answer is so at this point alone, or agrees with one side of it."""
        solving = self.compares and running.session is not None
        if solving and self.switches:
            return
        if name in alone.KINDS:
            at, side = alone.met(name, output, values, **params)
        else:
            found = beside()
            at, side = found is True, 0 if found is True else found
        if solving and at is False and not side:  # the solver looks for where it switches
            self.switches, self.met, self.at, self.sides = True, "", False, 0
            return
        self.sides |= side
        if at is False:
            return
        if self.count >= 1 and self.compares and alone.converged(_gap, self.last):
            return
        if not self.met:
            answer = _answer(output, False) if name in alone.KINDS else alone.found(output)
            self.asked = None if answer is _MISSED else (name, self.count, answer)
        self.met = self.met or name
        answers = _every(output)
        self.many = self.many or (isinstance(answers, np.ndarray) and answers.size > 1)
        if running.tape is not None:
            running.tape.unusual = True
        self.at = at if at is True or self.at is False else np.logical_or(self.at, at)

    def searched(self) -> bool:
        """Say whether a search was at work here."""
        if self.done or not self.always:
            return self.done or self.drawn
        if self.kept and self.by != "texts":
            return True
        if self.count < MANY:
            return False
        few = BOTH <= self.true <= self.count - BOTH * self.compares
        if not few and not (self.turned and self.count - self.turned >= MANY):
            return False
        first = _gap(self.first)
        near = self.compares and np.isfinite(first) and _gap(self.last) <= NEAR * first
        return self.drawn or bool(near)

    def alone(self) -> bool:
        """Say whether what was asked here is so at this point, and no search: see `meet`."""
        return bool(self.met) and not self.searched()

    def look(self, frame: Any, values: Any) -> None:
        """Look at the numbers of the program, and at those that it asks about."""
        self.next += 1
        numbers = _numbers(frame, () if self.compares else values)
        if self.window and self.spared < _SPARED and _are_same(numbers, self.window[-1]):
            self.spared += 1  # it is asked several times in one step of the program
            return
        self.window.append(numbers)
        if len(self.window) < (2 if self.next <= _EARLY[-1] + 2 else 4):
            return
        window, self.window = self.window, []
        self.next = next((n for n in _STARTS if n >= self.next), 0)
        found = _spreads(window)
        if self.spreads is None:
            self.spreads = found
            return
        before = self.spreads
        if not any(found.get(name, first) < first for name, first in before.items()):
            self.next = 0  # nothing draws together
        close = [n for n, first in before.items() if 0 < found.get(n, 0) <= NEAR * first]
        self.drawn = self.drawn or bool(close)
        self.kept = self.kept or any(type(name) is tuple for name in close)
        self.spreads = {n: max(first, found.get(n, 0.0)) for n, first in before.items()}
        if self.kept:
            self.next = 0


_BY = {
    "raised": "exceptions", "defined": "exceptions", "plane": "what becomes complex",
    "printed": "texts", "shown": "texts", "digits": "digits",
}  # fmt: skip


def compared(
    name: str, output: Any, values: Any, params: Any = _NONE, beside: Any = None
) -> None:
    """Take note of one question: a comparison, a sign, the place of the least, a rounding.

    Of what `alone` does not know `beside` says whether it is otherwise beside the point: True, or
    with which side the answer agrees.
    """
    engine = running.session is not None and running.call is None  # as often as it likes
    known = name in alone.KINDS
    asked = known or beside is not None
    if engine and not asked:
        return
    frame: Any = _getframe(2)
    while _passed[frame.f_code.co_filename]:
        frame = frame.f_back
        if frame is None:
            return
    code = frame.f_code
    if inside[code.co_filename]:  # the question of a rule, or of a library
        return
    if known and running.tape is not None:
        _guard(name, output, values, params)
    if engine:  # at the answer of a solver: what is met there is seen, and nothing counted
        place = (id(code), frame.f_lasti, name)
        row = running.searches.get(place) or Row((code, frame.f_lasti), name)
        row.meet(name, output, values, params, beside)
        if (row.met or row.sides) and len(running.searches) < _PLACES:
            running.searches[place] = row
        return
    # by identity, as the hash of code takes long; of tuples equality is asked first, then the order
    key = (id(code), frame.f_lasti + (name == "equal"))
    row = running.searches.get(key)
    if row is None:
        if len(running.searches) < _PLACES:
            row = Row((code, frame.f_lasti), name)
            running.searches[key] = row
            row.was = _answer(output, row.compares)
            if asked:
                row.meet(name, output, values, params, beside)
            if values and _is_number(values[0]):  # of arrays the holders are counted
                row.last = values
            if (other := _warm(code, frame.f_lasti)) is not None:
                running.searches[id(code), other + (name == "equal")] = row
        return
    if row.call is not running.call:
        row.done = row.searched()
        row.begin()
    if asked and row.at is not True:
        row.meet(name, output, values, params, beside)
    if (kind := type(output)) is not np.bool_ and kind is not int:
        output = _answer(output, row.compares)
        if output is _MISSED:
            row.count = count = row.count + 1
            if count == row.next:
                row.look(frame, values)
            return
    row.count = count = row.count + 1
    if output is not row.was and output != row.was:
        if not row.turned and row.was is not None:
            row.turned = count
        if not row.compares:
            row.true += 1
        row.was = output
    if count > _FIRST or (values and _is_number(values[0])):
        row.last = values
    if count > _FIRST:
        if output and row.compares:
            row.true += 1
        if row.first is _NOTHING and row.compares and np.isfinite(_gap(values)):
            row.first = values
    elif count == _FIRST and (not row.compares or np.isfinite(_gap(values))):
        row.first = values  # not beside `inf`, as a loop over the least begins: all is near to it
    if count == row.next:
        row.look(frame, values)


def _is_number(v: Any) -> bool:
    """Say whether a value is one number, under all tracers."""
    kind = type(v)
    return kind is np.float64 or (kind is not np.ndarray and type(_every(v)) is np.float64)


def _guard(name: str, output: Any, values: Any, params: Any) -> None:
    """Let a recording hold only where the question is not so at the point alone."""
    several = [False if type(v) in (list, tuple) else v for v in (output, *values)]
    leads = [alone.under(v)[1] for v in several]
    running.tape.no_jump(alone.ASKED[name], several[0], several[1:],
                         {**params, **({"leads": leads} if any(leads) else {})})  # fmt: skip


def _warm(code: Any, at: int) -> int | None:
    """Return where else a call stands for Python 3.11, which moves on as the code gets warm."""
    steps = code.co_code
    if steps[at] == _CALL and at >= 4 and steps[at - 4] == _PRECALL:
        return at - 4
    return at + 4 if steps[at] == _PRECALL else None


_CALL, _PRECALL = dis.opmap["CALL"], dis.opmap.get("PRECALL", -1)


def raised(values: Any, name: str = "raised") -> None:
    """Take note of what happens at some values only, an exception: the program may decide by it."""
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
    if row.at is not True:
        row.meet(name, None, values, _NONE, None)
    if not row.drawn:
        row.look(frame, values)


def cut() -> None:
    """Take note that digits of a number's text were taken one by one, or may have been.

    Nobody sees what the program makes of them, but plain runs do: so once is enough.
    """
    frame: Any = _getframe(1)
    while frame is not None and _passed[frame.f_code.co_filename]:
        frame = frame.f_back
    if not running.traces or frame is None or inside[frame.f_code.co_filename]:
        return
    if len(running.searches) < _PLACES:
        row = Row((frame.f_code, frame.f_lasti), "digits")
        row.done = True
        running.searches[id(frame.f_code), "digits"] = row


def printed(text: str, values: Any) -> None:
    """Take note of a text: the program may decide by its sign, or by what is no number.

    Where the code that prints it asks for digits too, by these names, it may look them up.
    """
    frame: Any = _getframe(2)
    while frame is not None and _passed[frame.f_code.co_filename]:
        frame = frame.f_back
    if frame is not None and _reads(frame.f_code):
        cut()
    start = text.lstrip()[:1]
    asks = frame is not None and text in frame.f_code.co_consts  # else it is for somebody to read
    compared("printed" if asks else "shown", "" if start.isdigit() else start, values)


@lru_cache(maxsize=1024)
def _reads(code: CodeType) -> bool:
    """Say whether code, or code inside it, names what looks digits up."""
    inner = [c for c in code.co_consts if isinstance(c, CodeType)]
    return not _READ.isdisjoint(code.co_names) or any(map(_reads, inner))


_READ = frozenset(
    "ord index rindex find rfind count match search fullmatch findall finditer create_decimal"
    .split()
)


def _answer(output: Any, compares: bool) -> Any:
    """Return what can be compared with the next answer, as far as it is not to be felt."""
    output = _every(output[0] if type(output) is tuple and output else output)
    if type(output) in (int, str, bool, float, np.bool_):
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
    held = [_every(v) for v in values]
    if not all(isinstance(v, np.ndarray | np.generic | float | int | complex) for v in held):
        return np.inf
    plain = [np.asarray(v) for v in held]
    plain = [v.astype(np.int8) if v.dtype.kind == "b" else v for v in plain]
    if any(v.dtype.kind not in "fc" and v.dtype.kind not in "biu" for v in plain):
        return np.inf
    with np.errstate(all="ignore"):
        try:
            gap = np.abs(plain[0] - plain[1]) if len(plain) > 1 else np.abs(plain[0])
        except ValueError:  # what is asked about two arrays that do not broadcast
            return np.inf
    return float(np.max(gap, initial=0.0))


def _numbers(frame: FrameType | None, values: Any) -> dict[Any, Any]:
    """Return the numbers that are asked about, and the plain ones in the names of the program."""
    found: dict[Any, Any] = {}
    for k, v in enumerate(values):
        v = _every(v)
        if type(v) is float or (isinstance(v, np.ndarray | np.generic) and v.dtype.kind == "f"
                                and v.size <= _SMALL):  # fmt: skip
            found[k] = v if type(v) is float else float(v) if v.ndim == 0 else np.array(v)
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


def _are_same(a: dict[Any, Any], b: dict[Any, Any]) -> bool:
    numbers = [(v, b.get(name)) for name, v in a.items() if type(v) is float]
    return all(type(other) is float and v == other for v, other in numbers)


_OWN = 3  # references: by the frame, the name here, and the call


def _plain(v: Any) -> Any:
    """Return a plain number, or a few of them, as they are now."""
    kind = type(v)
    if kind in (list, tuple, dict):
        few = (v.values() if kind is dict else v) if len(v) <= _FEW else ()
        numbers = [n for n in map(_number, few) if n is not None]
        return np.array(numbers) if numbers else None
    if (number := _number(v)) is not None:
        return number
    if hasattr(kind, "cr_owner") and v.cr_owner.level == 0:  # an array that the program made
        v = v.cr_value
    if type(v) is np.ndarray and v.dtype.kind == "f" and 0 < v.size <= _SMALL:
        return v.copy()
    return None


def _number(v: Any) -> float | None:
    kind = type(v)
    if kind is float:
        return v  # type: ignore[no-any-return]
    if (kind is int and abs(v) < _HUGE) or kind in _REALS or (
        kind.__name__ in ("Fraction", "Decimal") and kind.__module__ in ("fractions", "decimal")
    ):  # fmt: skip
        return float(v)
    return None


_REALS = (np.float64, np.float32, np.longdouble)
_FEW = 8  # numbers in a list or a dict
_HUGE = 1 << 1000


def _spreads(window: list[dict[Any, Any]]) -> dict[Any, float]:
    """Return how far apart the numbers of the same name are."""
    found = {}
    for name in set(window[0]).intersection(*window[1:]):
        several = [numbers[name] for numbers in window]
        if all(type(v) is float for v in several):
            found[name] = max(several) - min(several)
        elif len(set(map(np.shape, several))) == 1:
            with np.errstate(all="ignore"):
                found[name] = float(np.max(np.ptp(several, axis=0), initial=0.0))
    return found


def found(searches: dict[Any, Row]) -> list[Row]:
    """Return the places where a search was at work, and those of `Row.alone`.

    Where answers agree with one side of equality here and with the other there, none holds beside.
    """
    rows = list({id(row): row for row in searches.values()}.values())  # some stand there twice
    sides = [row for row in rows if row.sides]
    if reduce(or_, [row.sides for row in sides], 0) == alone.BOTH:
        for row in sides:
            row.met, row.at = row.met or row.name, True
    return [row for row in rows if row.searched() or row.alone()]
