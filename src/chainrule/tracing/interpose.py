"""Door 3: what NumPy's protocols do not reach is interposed while a function is traced.

Three means, each in force from the start of the first trace to the end of the last one:

- *Names.* In the modules of the user's program, names that stand for a function with a door
  (`np.zeros`, `math.exp`, also bound by ``from math import exp``), and for modules that hold such
  functions, are bound to the door, and to a look-alike of the module. NumPy, `math` and SciPy
  themselves are not touched, so libraries see them as they are. Imports inside functions of the
  program are answered in the same way.
- *Code.* A registered function or method that is plain Python (`scipy.special.logsumexp`,
  `scipy.interpolate.CubicSpline.__call__`) carries another code object, which looks at its
  arguments. With a traced one among them the record computes, else the function's own code runs.
  The object stays the same, so it does not matter how a program came by it.
- *Threads.* Every door asks whether its thread is tracing; others get the plain function.

``CHAINRULE_INTERPOSE=0`` in the environment, or ``with interpose(False):``, leaves all this out.
"""

import builtins
import copyreg
import math
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, partial
from threading import get_ident
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

from ..core import registry
from ..core.holders import bare, traced_in
from ..core.op import Composite
from ..core.sequences import held, items
from . import asked, codes, compiled, handed, holders, left, lent, methods, modules, names, readers
from . import tracer as tracers
from .alike import reduced
from .as_numbers import number
from .casts import LookAlike
from .faces import as_python, numbered
from .foreign import admit, leave
from .reach import ALL, needed
from .running import OPEN, depth, running
from .source import inside
from .stacked import all_finite, not_for_all
from .strange import unlabelled, values_of
from .walk import Reach

_lock = threading.RLock()
_open: set["Doors"] = set()
_codes: dict[FunctionType, tuple[CodeType, CodeType]] = {}
_table: tuple[Any, ...] = ((), (), ())  # functions, their own codes, and those with doors
_counted = 0  # the registered functions when those were taken in
_wanted: ContextVar[bool] = ContextVar(
    "chainrule_interpose", default=os.environ.get("CHAINRULE_INTERPOSE", "1") != "0"
)


def exchanged() -> bool:
    """Say whether names of the program stand for something else now: some thread traces."""
    return bool(_open)


@contextmanager
def interpose(wanted: bool = True) -> Iterator[None]:
    """Switch the third door on or off for the derivatives that are computed within.

    Without it ``np.zeros``, ``np.array``, ``math.sin``, ``float`` and SciPy's Python functions stay
    as they are, and raise where they would lose a derivative.

    >>> import numpy as np, chainrule
    >>> with chainrule.interpose(False):
    ...     chainrule.grad(lambda x: np.array([x, x]).sum())(1.0)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    chainrule.errors.LostDerivativeError: a traced array was about to be converted ...
    """
    token = _wanted.set(wanted)
    try:
        yield
    finally:
        _wanted.reset(token)


class Doors:
    """The doors that one call of a user's function needs: `open` them, and `close` them after."""

    __slots__ = (
        "alive", "counts", "function", "opened", "reach", "roots", "surely", "thread",
    )  # fmt: skip

    def __init__(self) -> None:
        self.opened = False

    def open(self, function: Any, surely: bool = False, args: Any = ()) -> None:
        """Put the doors in force, unless the function plainly needs none of them."""
        which = ALL if surely else needed(function)
        if not which or not _wanted.get():
            return
        with _lock:
            self.thread, self.function = get_ident(), function
            self.surely = which == ALL  # whether other doors are open than those in code
            self.roots: list[Any] = []  # what may come to hold what has doors
            self.reach: Any = None
            self.alive = 0
            self.counts: Any = None  # of the look-alikes and of the references to them
            self.opened = True
            _open.add(self)  # first: an interrupt may come after any call
            watcher = sys.getprofile() if running.watched else None
            if watcher is not None:
                sys.setprofile(None)  # it would look at each step of this walk, and slowly
            try:
                self.reach = Reach(function, args)
                self._enter()
            finally:
                if watcher is not None:
                    sys.setprofile(watcher)

    def _enter(self) -> None:
        global _plain_import, _plain_build_class
        codes.enter(self.reach.functions)
        if not self.surely:
            return
        if builtins.__import__ is not _import:
            _swap_codes()
            plain = builtins.__import__
            if plain is not _import:  # a signal handler may have differentiated meanwhile
                _plain_import = plain
                builtins.__import__ = _import
            if builtins.__build_class__ is not _build_class:
                _plain_build_class = builtins.__build_class__
                builtins.__build_class__ = _build_class
        compiled.enter(_plainly)
        names.swap(self.function)
        modules.watch()

    def exchanged(self, function: Any, args: Any, kwargs: Any) -> tuple[Any, Any, Any]:
        """Return what stands for a function and its arguments; what they hold has doors too."""
        if not self.surely:
            return function, args, kwargs
        self.alive = names.alive()
        self.roots = [function, *args, *kwargs.values(), *self.reach.roots]
        with _lock:
            found = holders.swap(self.roots, self._door())
        if self.reach.keeps():
            doors = names.standing()
            self.counts = doors, left.counts(doors)
        end = 1 + len(args)
        return found[0], found[1:end], dict(zip(kwargs, found[end:], strict=False))

    def _door(self) -> Callable[[Any], Any]:
        return partial(names.door, bare=True) if self.reach.bare else names.door

    def close(self) -> None:
        """Give everything back when the last trace ends; may be called again if interrupted."""
        with _lock:
            _open.discard(self)
            if not _open:
                more = {} if self.counts is None else left.surplus(*self.counts)
                taken = _give_back()
                if self.roots:
                    for door in taken:
                        if names.original(door) is not door:
                            more.setdefault(id(door), [door, 1])
                    self._settle(more)
                    self.roots, self.counts = [], None

    def _settle(self, more: dict[int, list[Any]]) -> None:
        """Let the program keep none of the look-alikes, generators and constants that it met.

        `more` are look-alikes that it holds, and how many times.
        """
        if names.alive() <= self.alive + 1 and not more and not self.reach.keeps():
            return

        def plain(value: Any) -> Any:
            made = names.kept(value)
            if made is not value and id(value) in more:
                more[id(value)][1] -= 1
            return made

        holders.settle(self.roots, plain)
        for space, words in self.reach.names():
            for name in words:
                if (made := plain(space[name])) is not space[name]:
                    space[name] = made
        doors = [door for door, n in more.values() if n > 0]
        if doors and self.reach.leaves():
            left.put_back(doors, names.original, names.known())


def _after_fork() -> None:
    """Close, in the child of a fork, the doors of the threads that it does not have."""
    gone = [doors for doors in _open if doors.thread != get_ident()]
    _open.difference_update(gone)
    if gone and not _open:
        _give_back()
    _lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_after_fork
    )


@contextmanager
def _plainly() -> Iterator[None]:
    """Give the program its own names back meanwhile: its code is looked at, not run."""
    with _lock:
        traces, running.traces = running.traces, []
        _give_back()
        try:
            yield
        finally:
            running.traces = traces
            for doors in [d for d in _open if d.reach is not None]:
                doors._enter()
                holders.swap(doors.roots, doors._door())


def _give_back() -> list[Any]:
    codes.leave()
    compiled.leave()
    modules.leave()
    taken = holders.restore()
    names.restore()
    if builtins.__import__ is _import:
        builtins.__import__ = _plain_import
    if builtins.__build_class__ is _build_class:
        builtins.__build_class__ = _plain_build_class
    functions, owns, _ = _table
    for function, own in zip(functions, owns, strict=True):
        function.__code__ = own
    return taken


def _swap_codes() -> None:
    global _counted, _table
    functions = registry.plain_functions()
    if _counted != len(functions):
        for function in functions:
            if function not in _codes:
                own = function.__code__  # no call before: a signal handler may differentiate
                _codes.setdefault(function, (own, _door_of(function, own, answer)))
        for function in asked.READERS:
            own = function.__code__
            if function not in _codes:
                _codes[function] = own, _door_of(function, own, lambda _, f: asked.answer(f))
        _table = (tuple(_codes), *zip(*_codes.values(), strict=True))
        _counted = len(functions)
    functions, _, doors = _table
    for function, door in zip(functions, doors, strict=True):
        function.__code__ = door


_plain_import = builtins.__import__


def _import(name: str, globals: Any = None, *args: Any, **kwargs: Any) -> Any:
    """As `__import__`; the program's own functions get look-alikes of modules with doors."""
    module = _plain_import(name, globals, *args, **kwargs)
    if not running.traces or globals is None or not names.of_program(globals):
        return module
    if getattr(globals.get("__spec__"), "_initializing", False):
        return module  # a module of the program that is imported now: its names come after
    with _lock:
        _swap_codes()  # records may have come with the module
        compiled.enter(_plainly)
        names.swap(None)  # and modules of the program
        names.imported_into(globals)
    return names.look_alike(module)


def _arrived(_module: ModuleType) -> None:
    """Take in what a module has brought that was imported when it was first named."""
    if running.traces:
        with _lock:
            _swap_codes()
            names.swap(None)


modules.hooks["arrived"] = _arrived


_plain_build_class = builtins.__build_class__


def _build_class(body: Any, name: str, *bases: Any, **kwargs: Any) -> Any:
    """As `__build_class__`; the bases are the types that look-alikes stand for."""
    return _plain_build_class(body, name, *map(names.original, bases), **kwargs)


def _door_of(function: FunctionType, own_code: CodeType, answer: Any) -> CodeType:
    """Build the code that asks an answer of two functions, to stand in for that of the first."""
    own = FunctionType(
        own_code,
        function.__globals__,
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    own.__kwdefaults__ = function.__kwdefaults__
    code = _door(own_code.co_freevars)
    consts = tuple(answer(function, own) if c == "ANSWER" else c for c in code.co_consts)
    code = code.replace(co_consts=consts, co_name=function.__name__)
    codes.stand_in(code, own_code)
    return code


@cache
def _door(free: tuple[str, ...]) -> CodeType:
    """Compile a door with the given free variables: a frame of it is looked at as any other."""
    lines = ["def outer(" + ", ".join(free) + "):"]
    lines += ["    def door(*_args_, **_kwargs_):", "        _answer_ = 'ANSWER'"]
    lines += ["        return _answer_(_args_, _kwargs_)", *(f"        {name}" for name in free)]
    outer: Any = compile("\n".join(lines), __file__, "exec").co_consts[0]
    return next(c for c in outer.co_consts if isinstance(c, CodeType))


def answer(function: Any, own: Any) -> Callable[[Any, Any], Any]:
    """Return what decides, by the arguments of a call, who computes `function`."""
    module = getattr(function, "__module__", None) or ""
    root = module.partition(".")[0]
    scalar, of_columns = module in ("math", "cmath"), root == "pandas"
    floats = function.__name__ in _FLOATS if root == "scipy" else scalar
    if function is math.prod:  # it multiplies what it is given, as the operator does
        scalar = floats = False

    def decide(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if not running.traces and not (scalar and _open):  # other threads call `math`, too
            return own(*args, **kwargs)
        if scalar:
            args = tuple(number(a, "c" if module == "cmath" else "f") for a in args)
        found = _look(args) | _look(kwargs.values())
        if "pandas" in sys.modules and not of_columns:  # a library takes columns as arrays
            given = (*args, *kwargs.values())
            found |= _TRACED * any(map(_is_column, given))
            if found & _TRACED and not any(map(_calls, given)):
                args = tuple(map(unlabelled, args))
                kwargs = {k: unlabelled(v) for k, v in kwargs.items()}
        if found and scalar and not _always(function):
            _refuse_as_plain(own, args, kwargs)
        if found & _TRACED or (
            (always := _always(function)) and (_called_by_program(always) or _held(always, args))
        ):
            kwargs = {k: admit(v) for k, v in kwargs.items()}
            take = _doubled if scalar else admit
            args = tuple(map(take, args))
            if scalar and _vary(args):
                return _of_python(_of_examples(function, args, kwargs))
            result = tracers.call(function, args, kwargs)
            return _of_python(result) if floats else result
        if always == "held" and depth() == 0:  # nothing flows through what an object holds
            args = bare(args[0]), *args[1:]
        if found:  # constants that a program made: the function gets plain arrays
            return _lending(own, args, kwargs)
        return own(*args, **kwargs)

    return decide


def _lending(own: Any, args: Any, kwargs: Any) -> Any:
    """Call a function with the memory of constants; see whether it, or what it made, keeps some."""
    lent = [v for v in _constants((*args, *kwargs.values())) if type(v.cr_value) is np.ndarray]
    before = list(map(handed.count, lent))
    result = own(*map(_released, args), **{k: _released(v) for k, v in kwargs.items()})
    for v, n in zip(lent, before, strict=True):
        if handed.count(v) > n:
            handed.keep_watch(v)
    return result


def _constants(values: Any) -> Iterator[Any]:
    for v in values:
        if type(v) in tracers.TRACERS:
            if v.cr_owner is tracers.CONSTANT:
                yield v
        elif type(v) in (list, tuple, dict):
            yield from _constants(v.values() if type(v) is dict else v)


def _refuse_as_plain(own: Any, args: Any, kwargs: Any) -> None:
    """Let a function of `math` refuse what it would refuse of plain numbers."""
    try:
        own(*_concrete(args), **kwargs)
        if running.tape is not None:
            running.tape.defined(own, args, kwargs, True)
    except (ValueError, ArithmeticError):
        if running.tape is not None:
            running.tape.defined(own, args, kwargs, False)
        if _vary(args):
            raise not_for_all(f"math.{own.__name__} is not defined") from None
        tracers.searches.raised(args)
        raise


def _vary(args: Any) -> bool:
    """Say whether an argument has a value of its own for each example of a batch."""
    return any(
        v.cr_varies() if type(v) in tracers.TRACERS else _vary(items(v) or ()) for v in args
    )


def _of_examples(function: Any, args: Any, kwargs: Any) -> Any:
    """Compute a function of `math` for a batch.

    What it would refuse of some examples has a value here that is not finite.
    """
    with np.errstate(all="ignore"):  # `math` warns of nothing
        result = tracers.call(function, args, kwargs)
    for part in result if type(result) is tuple else (result,):
        if type(part) in tracers.TRACERS and part.cr_varies() and not all_finite(part):
            raise not_for_all(f"{function.__module__}.{function.__name__} is not defined")
    return result


def _doubled(value: Any) -> Any:
    """Return a number as `math` takes it: in double precision."""
    if type(value) in tracers.TRACERS:
        return tracers.doubled(numbered(value))
    return admit(value)


_FLOATS = frozenset(  # those of SciPy whose numbers are Python's
    "quad dblquad tplquad nquad brentq brenth bisect ridder euclidean directed_hausdorff nnls"
    .split()
)


def _of_python(result: Any) -> Any:
    """Return numbers as `math` does: Python's."""
    return tuple(map(_of_python, result)) if type(result) is tuple else as_python(result)


_TRACED, _HELD = 2, 1


def _look(values: Any) -> int:
    """Say whether there are traced values, or constants that a traced program made."""
    found = 0
    for v in values:
        kind = type(v)
        if kind in tracers.TRACERS:
            found |= _HELD if v.cr_owner is tracers.CONSTANT else _TRACED
        else:
            parts = v.values() if kind is dict else _ends(v) if kind is slice else held(v)
            if parts is not None:
                found |= _look(parts)
    return found


def _ends(part: slice) -> tuple[Any, Any, Any]:
    return part.start, part.stop, part.step


def _calls(value: Any) -> bool:
    """Say whether a value is a function of the program, which may be given columns as they are."""
    return callable(value) and not type(value).__module__.startswith("scipy.")


def _is_column(value: Any) -> bool:
    return type(value) not in tracers.TRACERS and values_of(value) is not value


def _released(value: Any) -> Any:
    if type(value) is slice:
        return slice(*map(_released, _ends(value)))
    if type(value) is dict:
        return {k: _released(v) for k, v in value.items()}
    parts = items(value)
    if parts is not None:
        return type(parts)(map(_released, parts)) if _look(parts) else value
    return leave(tracers.release(value))


def _concrete(values: Any) -> Any:
    parts = [items(v) for v in values]
    return [
        tracers.concrete(v) if part is None else type(part)(_concrete(part))
        for v, part in zip(values, parts, strict=True)
    ]


def _always(function: Any) -> bool | str:
    record = registry.find(function)
    return type(record) is Composite and record.always


_ON_THE_WAY = (  # doors that a call has come through
    __file__, methods.__file__, lent.__file__, readers.__file__,
)  # fmt: skip


def _held(always: bool | str, args: Any) -> bool:
    """Say whether a derivative flows through what an object holds whose method is called."""
    return always == "held" and any(v.cr_carries() for v in traced_in(args[0]))


def _called_by_program(always: bool | str) -> bool:
    """Say whether the program itself calls (or anybody), and while it is not muted."""
    if not any(trace.state <= OPEN for trace in running.traces):
        return False
    if always == "anywhere":
        return True
    frame: Any = sys._getframe(3)
    while frame.f_code.co_filename in _ON_THE_WAY:
        frame = frame.f_back
    return not inside[frame.f_code.co_filename]


def swapped_doors() -> dict[Any, Any]:
    """Return the doors of registered callables that are no Python functions."""
    return {
        f: _class_door(f) if isinstance(f, type) else _caller(f)
        for f in registry.swapped_functions()
    }


names.makers += [swapped_doors, asked.doors, methods.of_operators]


class _ClassDoor(LookAlike):
    """The metaclass of the doors of classes: `isinstance` answers as for the class itself."""

    decide: Any

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        return cls.decide(args, kwargs)


copyreg.pickle(_ClassDoor, reduced)


def _class_door(kind: type) -> Any:
    members = {"original": kind, "decide": staticmethod(answer(kind, kind))}
    members |= {"__doc__": kind.__doc__, "__module__": kind.__module__}
    try:
        return _ClassDoor(kind.__name__, (kind,), members)
    except TypeError:  # no class may be derived of it
        return _ClassDoor(kind.__name__, (), members)


def _caller(function: Any) -> Callable[..., Any]:
    decide = answer(function, function)
    return lambda *args, **kwargs: decide(args, kwargs)


__all__ = ["Doors", "ModuleType", "interpose"]
