"""Where a derivative would be lost: conversions to plain numbers, and the errors that say so.

Law: a traced value never becomes a plain number unnoticed. What is locally constant (rounding,
comparisons, indices) may become one, since nothing is lost.
"""

import dis
import os
import re
import sys
import threading
from types import FrameType
from typing import Any

import numpy as np

from ..core import registry
from ..errors import ChainRuleError, LostDerivativeError, UnsupportedFunctionError
from . import calls, cures, kept, searches
from .handed import hand_out
from .running import CLOSED, MUTED, running
from .source import describe, inside, is_own, own_frame, user_frame
from .strange import (
    LABELLED,
    AskedError,
    asks_column,
    cure_for,
    in_labelled,
    library_of,
    words_for,
)
from .watching import note

TRACERS: set[type] = set()
"""The classes of tracers: engine code asks ``type(x) in TRACERS``."""
calls.know(TRACERS)


class Guarded:
    """The conversions of a tracer. Each is refused unless the value is locally constant.

    What is the engine's own in a tracer is called ``cr_…``, which no program asks for.
    """

    __slots__ = ()

    def __init_subclass__(cls) -> None:
        TRACERS.add(cls)

    cr_value: Any
    cr_owner: Any

    def cr_concrete(self) -> Any:
        """Return the plain value under all tracers, which all examples of a batch have."""
        x: Any = self
        while type(x) in TRACERS:
            x = x.cr_look()
        return x.agreed() if hasattr(x, "agreed") else x

    def cr_as(self, how: Any) -> Any:
        """Return what `how` makes of the value: a truth, or a whole number."""
        if self.cr_owner is running.tape:
            return self.cr_owner.observed(self, how)
        self.cr_owner.observed(self)
        held = self.cr_value
        if type(held) in TRACERS:
            return held.cr_as(how)
        try:
            answer = how(self.cr_concrete())
        except Exception:  # of NaN there is no whole number
            searches.raised((held,))
            raise
        if not running.rules:
            searches.compared("whole", answer, (held,))
        return answer

    def cr_look(self) -> Any:
        """Return the value one level below, by which something is decided or computed."""
        if self.cr_owner is running.tape:
            self.cr_owner.observed(self)
        return self.cr_value

    def cr_carries(self) -> bool:
        """Say whether a derivative of any level flows here."""
        x: Any = self
        while type(x) in TRACERS:
            if x.cr_owner.state != MUTED and x.cr_owner.carries(x):
                return True
            x = x.cr_value
            x = getattr(x, "data", x) if hasattr(x, "agreed") else x  # of a batch
        return False

    def cr_varies(self) -> bool:
        """Say whether it holds a value of its own for each example of a batch."""
        x: Any = self
        while type(x) in TRACERS:
            x = x.cr_value
        return hasattr(x, "agreed")

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        if self.cr_owner.past():
            kept.own(self)
            return np.array(self.cr_concrete(), dtype, copy=copy)
        if self.cr_is_constant():
            held = np.array(self.cr_concrete(), dtype)
            return held if copy else hand_out(self, held)
        if _stores(sys._getframe(1)):
            self.cr_lose(_STORED, _KEPT, cures.store(sys._getframe(1)))
            return np.array(self.cr_concrete(), dtype)
        if _reads(sys._getframe(1)):
            return np.asarray(self.cr_as_index(), dtype)  # what NumPy refuses unless it is whole
        words = words_for(sys._getframe(1))
        if words is not None:
            if running.asking and asks_column(sys._getframe(1)):
                raise AskedError
            self.cr_lose("a traced value met data that is labelled or masked", words[0],
                         cure_for(words, own_frame(sys._getframe(1))))  # fmt: skip
            return np.array(self.cr_concrete(), dtype)
        self.cr_lose(
            "a traced array was about to be converted to a plain NumPy array",
            "what is called there asks for plain numbers, and these carry no derivative",
            cures.cure(cures.ARRAY),
        )
        return np.array(self.cr_concrete(), dtype)

    def cr_lose(self, what: str, why: str, cure: str) -> None:
        """Raise the error, unless the trace only takes note of it and goes on."""
        if not self.cr_owner.past():
            self.cr_owner.lose(lost(self, what, why, cure))

    def cr_is_constant(self) -> bool:
        if self.cr_owner.state == CLOSED:
            if self.cr_owner.past():
                return True
            raise self.cr_owner.leaked("a conversion to plain numbers")
        if self.cr_value.dtype.kind not in "biu" and self.cr_carries():
            return False
        self.cr_owner.observed(self)
        return True

    def __float__(self) -> float:
        if self.cr_is_constant():
            return float(self.cr_concrete())
        if _prints(frame := sys._getframe(1)):
            number = float(self.cr_concrete())
            formats = [c for c in frame.f_code.co_consts if type(c) is str and "%" in c]
            whole = not formats or any(map(_WHOLE.search, formats))
            running.figures.append((number, 1 + whole, self))
            searches.printed(str(number), (self,))
            return number
        if _stores(sys._getframe(1)):
            self.cr_lose(_STORED, _KEPT, cures.store(sys._getframe(1)))
            return float(self.cr_concrete())
        self.cr_lose(
            "a traced value was about to become a plain Python float",
            "what is called there asks for a bare number, which carries no derivative",
            cures.cure(cures.NUMBER),
        )
        return float(self.cr_concrete())

    def __int__(self) -> int:
        """Cut off the fraction, as `np.trunc` does: locally constant, so its derivative is 0."""
        if self.cr_owner.state == CLOSED and not self.cr_owner.past():
            raise self.cr_owner.leaked("a conversion to plain numbers")
        whole = self.cr_as(int)
        if running.watch is not None:
            note("trunc", (self,), whole)
        return whole

    def __complex__(self) -> complex:
        if self.cr_is_constant():
            return complex(self.cr_concrete())
        self.cr_lose(
            "a traced value was about to become a plain Python complex number",
            "complex(x) and cmath functions drop the derivative",
            cures.cure(cures.COMPLEX),
        )
        return complex(self.cr_concrete())

    def __hash__(self) -> int:
        self.cr_lose(
            _HASHED,
            "a result that is found by the number alone would not carry this derivative",
            cures.cure(cures.KEY),
        )
        return hash(self.cr_concrete())

    def __bytes__(self) -> bytes:
        if self.cr_is_constant():
            return bytes(self.cr_concrete())
        self.cr_lose(
            "a traced value was about to become plain bytes",
            "bytes carry no derivative",
            cures.cure(cures.BYTES),
        )
        return bytes(self.cr_concrete())

    def __dask_tokenize__(self) -> Any:
        """Answer Dask, which asks for it before it puts a value into its task graph."""
        raise lost(
            self,
            "a traced value was about to become a constant in a task graph of Dask",
            "Dask would compute with it later, and it would carry no derivative",
            "call NumPy's functions or operators: np.dot(data, w) or data @ w in the place of "
            "data.dot(w) or da.dot(data, w)",
        )

    def __reduce_ex__(self, protocol: Any) -> Any:
        if self.cr_is_constant():
            return self.cr_concrete().__reduce_ex__(protocol)
        raise lost(
            self,
            "a traced value was about to be pickled",
            "a tracer belongs to one running derivative call",
            cures.cure(cures.BYTES),
        )


_HASHED = "a traced value was about to be used as a dictionary key, in a set or in a cache"
_REMAINDER = [name for name, _ in dis._nb_ops].index("NB_REMAINDER")  # type: ignore[attr-defined]


def _prints(frame: FrameType) -> bool:
    """Say whether a frame computes ``"%f" % x``: text is for reading, and carries no derivative.

    Nothing else asks for a float in a ``%``, since the remainder of a traced value is traced.
    """
    code, at = frame.f_code.co_code, frame.f_lasti
    return code[at] == dis.opmap["BINARY_OP"] and code[at + 1] == _REMAINDER


_WHOLE = re.compile(r"%[^a-zA-Z%]*?(?:\.0?[fFeE]|[gGdi])")  # gives text without a point


def stores_into_array(up: int) -> bool:
    """Say whether the frame so far up from the caller computes ``y[i] = x``."""
    return _stores(sys._getframe(up + 1))


def _stores(frame: FrameType) -> bool:
    """Say whether a frame computes ``y[i] = x``, of which y can only be a plain array."""
    return frame.f_code.co_code[frame.f_lasti] in STORES


def _reads(frame: FrameType) -> bool:
    """Say whether a frame computes ``a[i]``, of which i can only be the index."""
    return frame.f_code.co_code[frame.f_lasti] == _READ


_READ = dis.opmap["BINARY_SUBSCR"]
STORES = {dis.opmap[name] for name in ("STORE_SUBSCR", "STORE_SLICE") if name in dis.opmap}
_STORED = "a traced value was about to be stored into a plain array"
_KEPT = (
    "the plain array cannot carry the derivative; it is exchanged for a traced one where the "
    "program itself writes y[i] = x and one name or attribute alone holds y, without a view of it"
)


class _Swallowed(threading.local):
    """The last `LostDerivativeError` of this thread, should somebody hide it."""

    error: LostDerivativeError | None = None
    place: tuple[Any, int] | None = None
    raised: ChainRuleError | None = None  # the last one, or the first that the program caught
    asker: str = __file__  # the file of the Python code whose call led to it
    ignored = False  # whether Python itself let go of it: it came where nothing can be raised


swallowed = _Swallowed()


def remember(error: Any, frame: Any) -> None:
    """Keep an error that compiled code may hide, with the user's line."""
    swallowed.error = error
    swallowed.place = None if frame is None else (frame.f_code, frame.f_lineno)


def raising(error: ChainRuleError, asker: str = __file__) -> ChainRuleError:
    """Keep an error that the program may catch, to go on as if it had not been differentiated."""
    if not running.traces:
        trace = _trace_near(sys._getframe(1))
        elsewhere[:] = [entry for entry in elsewhere if entry[0].state != CLOSED]
        if trace is not None:
            elsewhere.append((trace, error, asker))
    elif not caught_by_program():
        swallowed.raised, swallowed.asker, swallowed.ignored = error, asker, False
        _hearers.add(threading.get_ident())
        if sys.unraisablehook is not _unraisable:
            _hooks[:] = [sys.unraisablehook]
            sys.unraisablehook = _unraisable
    return error


_hearers: set[int] = set()  # the threads whose calls have made an error
_hooks: list[Any] = []  # what was told of errors that cannot be raised, before one of ours was made


def _unraisable(unraisable: Any) -> None:
    """Keep an error of ours that came in a callback of `ctypes` or in a finalizer, to raise it."""
    if isinstance(unraisable.exc_value, ChainRuleError) and swallowed.raised is not None:
        swallowed.ignored = True
    else:
        _hooks[0](unraisable)


def forget(before: ChainRuleError | None) -> None:
    """Let go of the errors of a call that ends: they hold its frames, and these hold arrays."""
    swallowed.error, swallowed.raised, swallowed.ignored = None, before, False
    if before is None and _hearers:
        _hearers.discard(threading.get_ident())
        if not _hearers and sys.unraisablehook is _unraisable:
            sys.unraisablehook = _hooks[0]


# errors of threads that do not trace themselves, and who asked
elsewhere: list[tuple[Any, ChainRuleError, str]] = []


def _trace_near(frame: FrameType | None) -> Any:
    """Find the open trace of the traced value that a call of the engine was given."""
    while frame is not None and inside[frame.f_code.co_filename]:
        for value in frame.f_locals.values():
            for v in value if type(value) is tuple else (value,):
                if issubclass(type(v), Guarded) and v.cr_owner.state != CLOSED:
                    return v.cr_owner
        frame = frame.f_back
    return None


def _frame_of(trace: Any) -> FrameType | None:
    """Return where the program stands on the thread that runs `trace`, which waits for this one."""
    for top in sys._current_frames().values():
        frame: FrameType | None = top
        while frame is not None:
            if frame.f_code.co_name == "_run_traced" and frame.f_locals.get("trace") is trace:
                return own_frame(top)
            frame = frame.f_back
    return None


def caught_elsewhere(trace: Any) -> ChainRuleError | None:
    """Return an error about values of `trace` that was raised on another thread, and kept there.

    The program caught it, or the thread or its future ended with it and nobody asked.
    """
    mine = [entry for entry in elsewhere if entry[0] is trace]
    elsewhere[:] = [entry for entry in elsewhere if entry[0] is not trace]
    for _, error, asker in mine:
        tb = error.__traceback__
        kept = tb is not None and tb.tb_frame.f_code.co_filename in _CARRIERS
        if kept or _caught(error, asker):
            return error
    return None


_STDLIB = os.path.dirname(os.__file__)
_CARRIERS = {  # what runs the functions of threads, and keeps or reports their errors
    os.path.join(_STDLIB, *path.split("/"))
    for path in ("threading.py", "concurrent/futures/thread.py", "multiprocessing/pool.py",
                 "asyncio/events.py", "asyncio/tasks.py")
}  # fmt: skip


def caught_by_program() -> bool:
    """Say whether the error kept by `raising` went up to code of the program, which caught it.

    Libraries try a conversion and then do without, so what they catch does not count. Compiled code
    that catches it leaves no trace: then it is asked who called that code.
    """
    return swallowed.raised is not None and (
        swallowed.ignored or _caught(swallowed.raised, swallowed.asker)
    )


def _caught(error: ChainRuleError, asker: str) -> bool:
    tb = error.__traceback__
    file = asker if tb is None else tb.tb_frame.f_code.co_filename  # the outermost frame
    return not inside[asker if file == __file__ else file]


def lost(tracer: Any, what: str, why: str, cure: str) -> Exception:
    """Build the error for a derivative about to be lost, with the user's variable and line."""
    if tracer.cr_owner.state == CLOSED:
        return tracer.cr_owner.leaked("a conversion to plain numbers")
    frame = user_frame(3) or _frame_of(tracer.cr_owner)
    error = LostDerivativeError(what, where=describe(frame, tracer), why=why, cure=cure)
    remember(error, frame)
    return error if what is _HASHED else raising(error, sys._getframe(3).f_code.co_filename)


def unhidden(error: Exception) -> Exception | None:
    """Return the library's error behind one that CPython or NumPy raised about a tracer.

    Compiled code replaces our `LostDerivativeError` by its own error ("setting an array element
    with a sequence"), or meets a tracer's class and says so; None when neither is the case.
    """
    tb, user, own = error.__traceback__, None, None
    while tb is not None:
        file = tb.tb_frame.f_code.co_filename
        if not inside[file]:
            user = tb
            ours = is_own(file) and library_of(tb.tb_frame) not in LABELLED
            own = tb if own is None or ours else own
        tb = tb.tb_next
    if user is None or own is None:
        return None
    cause = error.__cause__
    while isinstance(error, SystemError) and isinstance(cause, SystemError):
        cause = cause.__cause__
    if isinstance(cause, LostDerivativeError) and (
        isinstance(error, SystemError)  # compiled code that went on after an error
        or _is_compiled(error)
    ):
        return cause
    hidden = swallowed.error
    if hidden is not None and swallowed.place == (user.tb_frame.f_code, user.tb_lineno):
        return hidden
    if (labelled := in_labelled(error, own)) is not None:
        return labelled
    if isinstance(error, TypeError | AttributeError | ValueError):
        given = _is_compiled(error) and cures.is_given_traced(user.tb_frame, user.tb_lasti)
        if "Tracer" not in str(error) and not given and not _met_tracer(error):
            return None
    elif not _names_tracer(error):
        return None
    return UnsupportedFunctionError(
        f"a traced value met code that takes plain numbers only ({type(error).__name__}: "
        f"{str(error).splitlines()[0][:120]})",
        where=describe(user.tb_frame, offset=user.tb_lasti),
        why="plain numbers carry no derivative",
        cure=cures.cure_at(own.tb_frame, cures.ARRAY, own.tb_lasti),
    )


def of_program(error: BaseException) -> bool:
    """Say whether the program's own code stands on the way to an error, below its first frame."""
    tb = error.__traceback__
    while tb is not None:
        if not inside[tb.tb_frame.f_code.co_filename]:
            return True
        tb = tb.tb_next
    return False


def _is_compiled(error: Exception) -> bool:
    """Say whether compiled code raised an error, rather than a `raise` of the program."""
    tb = error.__traceback__
    while tb is not None and tb.tb_next is not None:
        tb = tb.tb_next
    return tb is None or tb.tb_frame.f_code.co_code[tb.tb_lasti] not in _RAISES


_RAISES = {dis.opmap[name] for name in ("RAISE_VARARGS", "RERAISE")}


def _met_tracer(error: Exception) -> bool:
    """Say whether a library's function refused by its class a traced value that it was given."""
    tb = error.__traceback__
    while tb is not None and tb.tb_next is not None:
        tb = tb.tb_next
    if tb is None or not inside[tb.tb_frame.f_code.co_filename]:
        return False
    values = list(tb.tb_frame.f_locals.values())
    return isinstance(error, TypeError) and any(issubclass(type(v), Guarded) for v in values)


def _names_tracer(error: Exception) -> bool:
    """Say whether compiled code or a library names a tracer's class in any other error (SWIG's)."""
    tb = error.__traceback__
    while tb is not None and tb.tb_next is not None:
        tb = tb.tb_next
    theirs = tb is None or inside[tb.tb_frame.f_code.co_filename] or _is_compiled(error)
    text = str(error)
    return theirs and any(kind.__name__ in text for kind in TRACERS)


def unsupported(function: Any) -> UnsupportedFunctionError:
    """Build the error for a function without a rule."""
    module = getattr(function, "__module__", "") or "numpy"
    name = f"{module}.{getattr(function, '__name__', function)}"
    declared = registry.refusal(function)
    if declared is not None and "the numbers are meant" in declared[1]:
        declared = declared[0], cures.cure(cures.BYTES, declared[1])
    why, cure = declared or (
        "running it would turn the traced value into plain numbers, and the gradient would "
        "silently be zero",
        cures.cure(cures.CALL),
    )
    error = UnsupportedFunctionError(
        f"{name} has no derivative rule, and it received a traced value",
        where=describe(user_frame(2)),
        why=why,
        cure=cure,
    )
    return raising(error)
