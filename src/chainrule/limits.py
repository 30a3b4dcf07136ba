"""Derivatives where the rules have no answer at the point itself: their limits around it.

Two things the chain rule cannot decide: 0·∞ by value, and a tie inside a rule that is itself
differentiated (decision 0014). The engine notes them (`running.note`). The call that owns the notes
takes its derivative again at x + h·d, h → 0, along several directions d. There the rules are exact,
so nothing is divided by h. Where the directions agree, that is the derivative; where they do not,
there is none, and a warning says so. The user's function is run again for this, and only then.
"""

import contextlib
import warnings
from collections import Counter
from collections.abc import Callable
from sys import _getframe
from typing import Any

import numpy as np

from .core.settings import beside, ignore, put_back
from .core.spoken import spoken
from .core.zero import holds_nan
from .errors import (
    BatchError,
    ChainRuleError,
    IndeterminateWarning,
    KinkWarning,
    UncheckedWarning,
)  # fmt: skip
from .modes.cotangents import has_nan
from .modes.support import owner_of
from .numeric import flat, limit
from .sides import no_limit
from .tracing.foreign import Foreign
from .tracing.running import Note, running
from .tracing.source import inside, resolve
from .tracing.stacked import Stacked, every, one_by_one
from .tracing.tracer import TRACERS, concrete

Evaluate = Callable[[list[Any]], list[Any]]


def begin() -> tuple[int, int]:
    """Return where the notes and the random draws of a call begin."""
    notes = running.notes
    if not running.traces:
        notes.clear()  # left by a call that raised
        running.seeded.clear()
    return len(notes), running.draws


def finish(
    begun: tuple[int, int], trace: Any, leaves: list[Any], outs: list[Any], count: int,
    evaluate: Evaluate, name: str, before: tuple[Note, ...] = (), aux: bool = False,
) -> list[Any]:  # fmt: skip
    """Return the outputs of a call, of which the first `count` are derivatives, as they should be.

    `evaluate(leaves)` gives the outputs at another point. `before` are notes taken earlier. With
    `aux` the function returns something besides, which stays as it is.
    """
    if len(running.notes) > begun[0] or before:
        own = (*before, *take(begun, trace))
        if own:
            outs = _Around(leaves, evaluate, outs, count, own, name, aux).settle(begun[1])
    if running.trail is not None:
        running.trail += map(_held, outs)
    return outs


def due(begun: tuple[int, int], found: list[Any], values: list[Any]) -> bool:
    """Say whether a call has notes to settle; a NaN that nothing explains is noted first.

    Without 0·∞ it comes from ∞ − ∞, where paths meet, or from a rule that has no number there.
    """
    if len(running.notes) > begun[0] or running.trail is not None:
        return True
    if not _any_undefined(found) or any(map(undefined, values)):
        return False
    running.note("indeterminate", "", None, owner=owner_of(next(filter(undefined, found))))
    return True


def _any_undefined(values: list[Any]) -> bool:
    """Say whether one of the values holds a NaN: `undefined` of all, in one go."""
    if len(values) == 1:
        return undefined(values[0])
    errors = ignore()
    try:
        for v in values:
            kind = type(v)
            if v != v if kind is np.float64 else (
                holds_nan(v) if kind is np.ndarray else undefined(v)
            ):
                return True
        return False
    finally:
        put_back(errors)


def undefined(value: Any) -> bool:
    """Say whether a value holds a NaN; that large numbers overflow in the look is nobody's."""
    kind = type(value)
    if kind is np.float64:
        return bool(value != value)
    if kind is not np.ndarray and not isinstance(
        every(value), np.ndarray | np.generic | float | complex
    ):
        return False  # an integer, or an array of another library
    errors = ignore()
    try:
        return holds_nan(value) if kind is np.ndarray else has_nan(value)
    finally:
        put_back(errors)


def tell_undefined(found: list[Any], value: Any, name: str) -> None:
    """Warn of derivatives that are numbers, where the value of the function is NaN."""
    at = np.isnan(every(value))
    for g in found:
        varies, g = hasattr(g, "cr_varies") and g.cr_varies(), every(g)
        numbers = np.isfinite(g)
        if at.shape:
            numbers = numbers & np.not_equal(g, 0)
            lanes = at.shape if varies else (1,) * at.ndim  # else the same for all examples
            numbers = at & np.any(numbers.reshape(*lanes, -1), axis=-1)
        if np.any(numbers):
            words = "where a function has no derivative; what stands there is that of finite parts"
            _warn(f"{name}: the value is NaN, {words}", IndeterminateWarning)
            return


def take(begun: tuple[int, int], trace: Any) -> tuple[Note, ...]:
    """Remove the notes of a call from the list, and return them."""
    notes = running.notes[begun[0] :]
    del running.notes[begun[0] :]
    running.notes += [n for n in notes if n.owner is not None and n.owner is not trace]
    return tuple(n for n in notes if n.owner is None or n.owner is trace)


def _held(x: Any) -> Any:
    """Return the plain value of an output as one of NumPy's: a branch may give Python's number."""
    found = concrete(x)
    return np.asarray(found)[()] if type(found) in (float, int, complex) else found


class _Around:
    """The outputs of one call as functions of the distance h from the point."""

    def __init__(
        self, leaves: list[Any], evaluate: Evaluate, outs: list[Any], count: int,
        notes: tuple[Note, ...], name: str, aux: bool = False,
    ) -> None:  # fmt: skip
        self.leaves, self.evaluate, self.outs, self.count = leaves, evaluate, outs, count
        self.notes, self.name, self.aux = notes, name, aux
        self.trail: Any = None  # what the inner derivatives are by the rules
        self.ties = 0  # how many ties the last run met
        self.met: Any = None  # which
        self.seen: Any = None  # how large the numbers were next to the point
        self.far: Any = None  # and at some distance
        self.trailing = 0
        self.wide = flat_size(leaves) > 1 or any(x.dtype.kind == "c" for x in leaves)
        plain = [_held(v) for v in (*leaves, *outs)]
        self.eps = max(
            [float(np.finfo(v.dtype).eps) for v in plain if v.dtype.kind in "fc"], default=2.0**-52
        )

    def settle(self, draws: int) -> list[Any]:
        """Return the outputs with the limits in the place of what the rules could not say."""
        if not any(map(undefined, self.outs)):  # what was 0·∞ did not get this far
            self.notes = tuple(n for n in self.notes if n.kind != "indeterminate")
        if not self.notes:
            return self.outs
        if any(map(_is_batch, (*self.leaves, *self.outs))):
            raise one_by_one(BatchError("a derivative is a limit, which differs by example"))
        here = flat([_held(v) for v in self.outs])
        open_ = np.isnan(here)
        kinked = any(n.kind != "indeterminate" for n in self.notes)
        if kinked:
            open_ = open_ | (np.arange(here.size) < flat_size(self.outs[: self.count]))
        if not open_.any():
            return self.outs
        from .tracing.draws import of_python

        with of_python():  # what the program draws of it meanwhile is none of its own calls
            reason = self._cannot(here, draws)
            if reason:
                if _are_alone(self.notes):
                    self.untold(reason)
                else:
                    self._warn(f"it cannot be looked at around the point: {reason}")
                return self.outs
            try:
                stands = not _are_alone(self.notes) and not np.isnan(here).any()
                if stands and self._stand(here):
                    return self.outs
                sides = self._sides(open_)
            finally:
                with contextlib.suppress(Exception):  # what the program keeps is of this point
                    self._at(0.0, self.directions()[0])
        return Verdict(here, open_, sides, self).outputs()

    def _cannot(self, here: Any, draws: int) -> str:
        """Say why the function cannot be run again, or nothing."""
        if any(isinstance(_held(v), Foreign) for v in (*self.leaves, *self.outs)):
            return "it is an array of another library"
        if running.drawn_since(draws):
            return "the function draws random numbers; make the generator in it, of a seed, or " \
                "draw before, and pass them as an argument"
        try:
            again = self._at(0.0, self.directions()[0])
        except ChainRuleError:
            raise
        except Exception as error:
            return f"run again, the function raises {type(error).__name__}"
        if again.shape[0] < here.size or not np.array_equal(
            again[: here.size], here, equal_nan=True
        ):
            return "the function does not give the same twice; let nothing that it keeps decide"
        self.trailing, self.trail = again.shape[0] - here.size, again[here.size :]
        return ""

    def _stand(self, here: Any) -> bool:
        """Say whether the same ties are met around the point, where derivatives are as at it.

        No input moves what is compared, such as ``cut * 0`` in a `sinc`: there the rules are right.
        """
        met, size = self.met, float(np.abs(here).max(initial=0.0))
        for direction in self.directions()[:3]:
            try:
                there = self._at(self.eps**0.375, direction)[: here.size]
            except Exception:
                return False
            if self.met != met or there.size < here.size:
                return False
            if not np.all(abs(there - here) <= 1e-3 * size):
                return False
        return True

    def directions(self) -> list[list[Any]]:
        """Return generic directions: up, down, and, for several numbers, mixed signs.

        Each choice of signs comes with two sets of lengths: at a corner of the domain only one may
        stay inside, and one direction alone agrees with itself.
        """
        total = flat_size(self.leaves)
        k = np.arange(1, total + 1)
        if not self.wide:  # squares of 1.25·h are exact: 1 − cos x would lose half of its digits
            one = np.full(total, 1.25)
            return [self._split(one, 0.8 + 0.6j), self._split(-one, 0.8 + 0.6j)]
        one = 0.5 + (k * 0.6180339887498949) % 1.0
        other = 0.5 + (k * 0.41421356237309515 + 0.3) % 1.0
        here = np.sign(np.real(flat([_held(x) for x in self.leaves])))
        out, inside = np.where(here == 0, 1.0, here), np.where(here == 0, 1.0, -here)
        mixed = [np.where((k * w + s) % 1.0 < 0.5, 1.0, -1.0) for w, s in _MIXED]
        turns = np.where(k % 2, -1.0, 1.0)
        lines = [one, -one, turns * one[::-1], other]
        for signs in (-turns, out, -out, inside, -inside, *mixed):
            lines += [signs * one, signs * other]
        return [self._split(d, (0.8 + 0.6j, 0.28 - 0.96j)[i % 2]) for i, d in enumerate(lines)]

    def _split(self, d: Any, turn: complex) -> list[Any]:
        parts, start = [], 0
        for leaf in self.leaves:
            x = _held(leaf)
            part = np.reshape(d[start : start + x.size], x.shape)
            if x.dtype.kind == "c":
                part = part * turn
            parts.append(_short(part * _reach(abs(x))).astype(x.dtype)[()])
            start += x.size
        return parts

    def moved(self, h: float, direction: list[Any]) -> list[Any]:
        """Return the inputs at a distance."""
        return [
            x + d * d.dtype.type(h) if h else x for x, d in zip(self.leaves, direction, strict=True)
        ]

    def run(self, h: float, direction: list[Any]) -> tuple[list[Any], list[Any]]:
        """Return the outputs there, and what the inner derivatives were."""
        mark, trail, check = len(running.notes), running.trail, running.check
        running.trail, running.check = [], None
        around, running.around = running.around, True
        before, beside.now = beside.now, h != 0
        try:
            with np.errstate(all="ignore"):
                return self.evaluate(self.moved(h, direction)), running.trail
        finally:
            running.trail, running.check = trail, check
            running.around, beside.now = around, before
            self.ties = len(running.notes) - mark
            self.met = Counter((n.kind, n.op, n.place) for n in running.notes[mark:])
            del running.notes[mark:]

    def _at(self, h: float, direction: list[Any]) -> Any:
        """Return the numbers of a run; none where the results are of another shape."""
        outs, trail = self.run(h, direction)
        pairs = zip(outs, self.outs, strict=True)
        if any(_held(a).shape != _held(b).shape for a, b in pairs):
            return np.zeros(0)
        return flat([_held(v) for v in (*outs, *trail)])

    def _sides(self, open_: Any) -> list[tuple[Any, Any]]:
        """Return (limit, error) along the first directions that do not leave the domain."""
        size = open_.size + self.trailing
        found = []
        usable = 0
        self.seen, self.far = np.zeros(size), np.zeros(size)
        for direction in self.directions():
            if usable >= (4 if self.wide else 2):
                break

            share = 1.0 if self.wide else _ODD  # else the direction is of many bits itself
            found.append(limit(self._along(direction, open_.size, size), self.eps, share))
            usable += not np.isnan(found[-1][0][: open_.size][open_]).any()
        self._back()
        self.seen = np.where(self.far > 0, np.minimum(self.seen, 1e4 * self.far), self.seen)
        return found

    def _back(self) -> None:
        """Run once more at the point: what the program keeps of its last run is to be of it."""
        with contextlib.suppress(Exception):
            self._at(0.0, self.directions()[0])

    def _along(self, direction: list[Any], least: int, size: int) -> Callable[[float], Any]:
        """Return the outputs and the trail as a function of h; NaN where there are none.

        So close to the point that rounding puts the ties back, there are none either.
        """
        fewest = float("inf")
        alone = {note.place for note in self.notes if note.detail == ALONE}

        def g(h: float) -> Any:
            nonlocal fewest
            values = np.zeros(0)
            with contextlib.suppress(Exception):  # outside of what the program takes
                values = self._at(h, direction)
            padded = np.full(size, np.nan, np.result_type(values, np.float64))
            if alone and not alone.isdisjoint(place for _, _, place in self.met or ()):
                return padded  # within the tolerance of a question
            if values.size >= least and self.ties <= fewest:
                padded[: min(size, values.size)] = values[:size]
                fewest = self.ties
                if _NEAR <= h < 1e-5:  # still closer they may be nothing but rounding
                    self.seen = np.fmax(self.seen, np.where(np.isinf(padded), 0.0, abs(padded)))
                elif h >= _FAR:  # and where they have grown, so are these
                    self.far = np.fmax(self.far, np.where(np.isinf(padded), 0.0, abs(padded)))
            return padded

        return g

    def beside(self, sizes: Any, total: int) -> Any:
        """Return for each number the greatest size in its own output: rounding is of that order."""
        found, start = np.zeros(total), 0
        for out in self.outs:
            here = slice(start, start + _held(out).size)
            found[here] = sizes[here].max(initial=0.0)
            start = here.stop
        found[start:] = sizes.max(initial=0.0)
        return found

    def no_limit(self, which: int) -> str:
        """Say why one of the numbers has no limit."""
        found = no_limit(self._at, self.directions(), which, self.wide)
        self._back()
        return found

    def _warn(self, words: str, kind: type[Warning] = KinkWarning) -> None:
        warn(self.notes, self.name, words, kind)

    def untold(self, why: str) -> None:
        """Say that nobody knows whether what holds at the point alone has another derivative."""
        self._warn(f"whether its derivative is right could not be told: {why}", UncheckedWarning)


def _reach(sizes: Any) -> Any:
    """Return how far each number may go: by its own size, and a 0 by no more than 1."""
    sizes = np.where(np.isfinite(sizes), sizes, 1.0)
    top = float(np.max(sizes, initial=0.0))
    return np.where(sizes > 0, sizes, min(top, 1.0) if top > 0 else 1.0)


def _short(d: Any) -> Any:
    """Round lengths to few bits: x + h·d is then exact, and x + h·d − x no rounding of its own.

    Else √(x − 1) beside 1 is known to half of the digits only, and no row of it is extrapolated.
    """
    if d.dtype.kind == "c":
        return _short(d.real) + 1j * _short(d.imag)
    mantissa, exponent = np.frexp(d)
    return np.ldexp(np.rint(mantissa * _BITS) / _BITS, exponent)


class Verdict:
    """What the sides say of each number: the derivative, or that there is none."""

    def __init__(
        self, here: Any, open_: Any, sides: list[tuple[Any, Any]], around: _Around
    ) -> None:
        self.here, self.open, self.around = here, open_, around
        values = np.array([s[0] for s in sides])
        errors = np.array([s[1] for s in sides])
        self.good = np.isfinite(values) & np.isfinite(errors)
        self.outside = np.isnan(values)
        self.values, self.errors = np.where(self.good, values, 0.0), errors
        self.number = self.good.sum(axis=0)
        mean = self.values.sum(axis=0) / np.maximum(self.number, 1)
        size = abs(self.values).max(axis=0)
        known = np.where(np.isfinite(here), abs(here), 0.0)
        top = max(float(size.max(initial=0.0)), float(known.max(initial=0.0)))
        eps, least = around.eps, 0.01 * around.eps * top
        slack = np.where(self.good, errors, 0.0).max(axis=0)
        seen = np.where(self.good.all(axis=0), around.seen, 0.0)[: here.size]
        beside = around.beside(np.maximum(np.maximum(size[: here.size], known), seen), size.size)
        self.close = eps**0.55 * size + eps**0.7 * beside + least + 8 * slack
        self.allowed = 64 * eps**0.5 * size + self.close
        spread = np.where(self.good, abs(self.values - mean), 0.0).max(axis=0)
        self.agree = spread <= self.allowed
        trail = np.arange(size.size) >= here.size  # smaller jumps there are rounding
        self.agree |= trail & (spread <= 1e-5 * size + 1e-7 * top)
        enough = self.number > around.wide  # one direction alone agrees with itself
        self.smooth = self.agree & enough & (self.good | self.outside).all(axis=0)
        self.mean = np.where(abs(mean) <= 8 * slack + least, 0.0, mean)
        self._judge_values()

    def _judge_values(self) -> None:
        """Look at the values, too, if inner derivatives that they may rest on are others here."""
        n, trail = self.here.size, self.around.trail
        off = abs(self.mean[n:] - trail) > self.close[n:]
        if not np.any(off & self.smooth[n:]):
            return
        values = np.arange(n) >= flat_size(self.around.outs[: self.around.count])
        self.open = self.open | (values & self.smooth[:n])
        if self.around.aux:
            self.around._warn(
                "what the function returns besides (aux) may hold a derivative by the rules, which "
                "is another than around the point"
            )

    def outputs(self) -> list[Any]:
        """Return the outputs as they should be, after a warning where there is no derivative."""
        n = self.here.size
        kinds = {note.kind for note in self.around.notes}
        lost = self.open & ~self.smooth[:n]
        result = np.where(self.open & self.smooth[:n], self._kept(self.mean[:n]), self.here)
        only_branches = kinds == {"branch"}
        if only_branches:  # what was not taken and is infinite was left out with intent
            taken = (self._kept(self.mean[:n]) == self.here) & (self.number[:n] > 0)
            lost &= ~(self.agree[:n] & taken & np.isfinite(self.here))
            if _are_alone(self.around.notes):
                lost &= ~self._between()
        else:
            finite = (self.good | self.outside).all(axis=0)[:n] & (self.number[:n] > 1)
            middle = self._kept((self._end(0) + self._end(-1)) / 2)
            result = np.where(lost, np.where(finite & ("tie" in kinds), middle, np.nan), result)
        self._tell(kinds, lost, result, only_branches)
        same = np.array_equal(result, self.here, equal_nan=True)
        return self.around.outs if same else self._write(result)

    def _between(self) -> Any:
        """Say which numbers stand between those of the sides: slopes of a kink, as good as any."""
        slack, n = self.allowed[: self.here.size], self.here.size
        low, high = self._end(0), self._end(-1)
        with np.errstate(all="ignore"):
            return (self.here >= low - slack) & (self.here <= high + slack) & (self.number[:n] > 1)

    def _end(self, which: int) -> Any:
        """Return the least (0) or the greatest (−1) limit of each number."""
        n = self.here.size
        values = np.where(self.good, self.values, np.nan)[:, :n]
        ranked = np.sort(values, axis=0)  # NaN goes last
        last = np.maximum(self.number[:n] - 1, 0)
        return ranked[0] if which == 0 else ranked[last, np.arange(n)]

    def _kept(self, found: Any) -> Any:
        """Return what was found, or the number that the rules gave where it is the same."""
        with np.errstate(all="ignore"):
            same = abs(found - self.here) <= self.close[: self.here.size]
        return np.where(same, self.here, found)

    def _tell(self, kinds: set[str], lost: Any, replaced: Any, only_branches: bool) -> None:
        n = self.here.size
        rough = ~self.agree[n:]
        if "indeterminate" in kinds:
            of = np.arange(n) < flat_size(self.around.outs[: self.around.count])
            of = of if (self.open & of).any() else ~of  # of the value beside them nothing is asked
            taken, lost = self.open & ~lost & of, lost & of
            if taken.any():
                self.around._warn(
                    f"the limit along {self._used(taken)} was taken"
                    f"{_good_to(self.errors[:, :n][self.good[:, :n] & taken])}"
                    + ("; of some elements there is none, they are NaN" if lost.any() else "")
                )
            elif lost.any():
                words = self.around.no_limit(int(np.flatnonzero(lost)[0]))
                self.around._warn(f"{words}; the result is NaN")
            return
        if lost.any():
            i = int(np.flatnonzero(lost)[0])
            if not self.number[i] and _are_alone(self.around.notes):
                self.around.untold("beside the point there is none")
                return
            ends = [f"{self._end(k)[i]:.6g}" for k in (0, -1)]
            if not (self.good | self.outside)[:, i].all():
                ends = [ends[0] if self.number[i] else "∞", "∞"]
            self.around._warn(
                f"it is {' and '.join(ends)} on two sides of the point, {NONE_THERE}; "
                f"the result is {replaced[i]:.6g}, "
                + ("that of the branch that ran" if only_branches else
                   "the middle of the two" if np.isfinite(replaced[i]) else "not a number")
            )  # fmt: skip
        elif rough.any():
            self.around._warn(
                "a derivative of lower order jumps there, so there is none; the result is that of "
                "the pieces on both sides"
            )

    def _used(self, taken: Any) -> str:
        """Say along how many directions there are limits; the others leave the domain."""
        used, all_ = int(self.number[: taken.size][taken].min()), len(self.values)
        words = f"{used} direction{'s' if used != 1 else ''}"
        return words if used == all_ else f"{words} of {all_} (along others there is no value)"

    def _write(self, replaced: Any) -> list[Any]:
        """Put the numbers into the outputs; those that an outer derivative goes through, traced."""
        outs, start = [], 0
        for k, out in enumerate(self.around.outs):
            held = _held(out)
            here = slice(start, start + held.size)
            new = replaced[here].reshape(held.shape)
            start += held.size
            if np.array_equal(new, held, equal_nan=True):
                outs.append(out)
            elif type(out) in TRACERS:
                outs.append(self._traced(k, out, new))
            else:
                new = new if held.dtype.kind == "c" else np.real(new)
                outs.append(new.astype(held.dtype)[()])
        return outs

    def _traced(self, k: int, out: Any, new: Any) -> Any:
        """Return the limit as a sum of what is traced close to the point."""
        around = self.around
        total: Any = 0.0
        directions = around.directions()
        used = [i for i in range(len(self.values)) if self.good[i].all()][:2]
        for i in used:
            for weight, h in zip((1 / 3, -2.0, 8 / 3), (1.0, 0.5, 0.25), strict=True):
                outs, _ = around.run(h * around.eps**0.375, directions[i])
                total = total + outs[k] * (weight / len(used))
        mask = ~(np.equal(new, _held(out)) | (np.isnan(new) & np.isnan(_held(out))))
        close = abs(_held(total) - new) <= 1e3 * around.eps**0.5 * (1 + abs(new))
        return np.where(mask & close, total, np.where(mask, np.nan, out))


def _good_to(errors: Any) -> str:
    """Say how exact limits are, where that is known."""
    most = float(errors.max(initial=0.0))
    return f", good to about {most:.0e}" if most else ""


def flat_size(values: Any) -> int:
    """Count the numbers."""
    return sum(int(_held(v).size) for v in values)


def _is_batch(value: Any) -> bool:
    while type(value) in TRACERS:
        value = value.cr_value
    return type(value) is Stacked


_BITS = 2.0**16
_NEAR, _FAR = 2.0**-22, 2.0**-12
_ODD = 55001 / _BITS
NONE_THERE = "and none there"
ALONE = "alone"  # the detail of a note of first order: what was asked holds at the point alone
_MIXED = ((1.4142135623730951, 0.1), (1.7320508075688772, 0.7), (2.23606797749979, 0.35))


def _are_alone(notes: tuple[Note, ...]) -> bool:
    return all(note.detail == ALONE for note in notes)


def warn(
    notes: tuple[Note, ...], name: str, words: str, of_kinks: type[Warning] = KinkWarning
) -> None:
    """Warn once for a call, at the user's line, with the first place that was noted."""
    first = min(notes, key=lambda n: _ORDER.index(n.kind))
    found = resolve(first.place)
    where = f" at {found}, in {found.function}:  {found.text}" if found is not None else ""
    kind: type[Warning] = IndeterminateWarning
    if first.kind != "indeterminate":
        what = "compares equal values" if first.kind == "branch" else "is at a tie or kink"
        what = "is so at this point alone" if first.detail == ALONE else what
        by = spoken(first.op)
        order = "" if first.detail == ALONE else " of second or higher order"
        text = f"{name}: a derivative{order} where {by} {what}{where}"
        kind = of_kinks
    elif first.op:
        factors = first.detail[0] if type(first.detail) is tuple else first.detail
        same = [n.detail for n in notes if n[1:3] == first[1:3] and type(n.detail) is tuple]
        why = same[0][1] if same else ""
        met = "a factor that is no number" if "nan" in str(factors) else "0·∞"
        text = f"{name}: {met} in the derivative of {spoken(first.op)}{where}"
        text += f" (the factors are {factors})" if factors else ""
        text += f", as {why}" if why else ""
    else:
        text = f"{name}: the rules give no number (a term is none, or infinities meet)"
    _warn(f"{text}; {words}", kind)


def _warn(text: str, kind: type[Warning]) -> None:
    frame, level = _getframe(1), 2
    while frame.f_back is not None and inside[frame.f_code.co_filename]:
        frame, level = frame.f_back, level + 1
    warnings.warn(text, kind, stacklevel=level)


_ORDER = ("indeterminate", "tie", "branch")
