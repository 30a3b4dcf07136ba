"""`jit`: a function whose recordings run in its place, as long as their guards hold.

Nothing here knows how a recording is run: `python.lower` makes a program of a tape, and a program
is called with the inputs and returns the leaves of the result, or `BAIL`.
"""

import functools
import sys
import threading
import warnings
from collections.abc import Callable
from types import CodeType
from typing import Any

import numpy as np

from .. import tree
from ..core.graph import Node
from ..core.settings import ignore, put_back, settings
from ..errors import EagerWarning, InputTypeError
from ..lift import name_of, run_traced
from ..tracing.faces import as_python, is_python, shown
from ..tracing.foreign import leave
from ..tracing.interpose import exchanged
from ..tracing.running import CLOSED, running
from ..tracing.source import describe, user_frame
from ..tracing.tracer import TRACERS, release
from .arguments import Handed, containers, form, is_input
from .parting import parting
from .python import BAIL, Program, lower
from .state import State, streams
from .tape import SOLVER, Tape, UnreplayableError
from .watch import Watch

MOST_PATHS = 8  # recordings for arguments of one form
MOST_FORMS = 32
_MOST_LEARNED = _MOST_FAILED = 8
_FEW_MISSES = 3
_MOST_MISSES = 64  # calls in a row that none of them answers

Function = Callable[..., Any]


def jit(f: Function) -> "Jitted":
    """Return `f`, recorded once and run many times without its Python.

    ``jit(f)(*args)`` is ``f(*args)``. The first call runs `f` as it is, the second records every
    operation on its arguments; from then on the recording runs, as straight-line Python, while its
    *guards* hold: shapes and dtypes, every branch taken on a value, every value that became a plain
    number, and all that the code of `f` can read from outside (globals, cells, defaults,
    attributes, the elements of arrays). When one does not, the call is made as without `jit`, and
    recorded beside the first, up to eight of them.

    `f` may take derivatives: ``jit(grad(f))``, ``jit(value_and_grad(f))``, ``jit(jacobian(f))``,
    ``jit(hessian(f))``. Values and derivatives are those of the call without `jit`. Numbers and
    arrays of floats are inputs; everything else in the arguments is a constant, and another one
    makes another recording. Results are new arrays.

    What a recording would lose makes `f` go on as it is, with one `EagerWarning` that tells why:
    prints, files, clocks, random numbers, anything that `f` changes outside or in its arguments,
    results that lie in memory of others, exceptions that are caught, solvers, calls of libraries
    that may do more than compute. ``jit(f).report()`` tells what was recorded and how
    often it ran, ``jit(f).source()`` shows the programs.

    References
    ----------
    J. Bolz et al., Tracing the meta-level, ICOOOLPS 2009 (guards and traces).

    >>> import numpy as np, chainrule
    >>> slope = chainrule.jit(chainrule.grad(lambda x: np.sum(x**3)))
    >>> [slope(np.array([1.0, k])).tolist() for k in range(3)]
    [[3.0, 0.0], [3.0, 3.0], [3.0, 12.0]]
    >>> print(slope.report())
    jit(grad(<lambda>)): 1 recording, 1 of 3 calls by it
      5 operations, 1 run
    """
    return Jitted(f)


class Path:
    """One recording: what it rests on, its program, and how its results are given back."""

    __slots__ = ("state", "program", "kinds", "treedef", "runs")

    def __init__(self, state: State, program: Program, kinds: Any, treedef: Any) -> None:
        self.state, self.program, self.kinds, self.treedef = state, program, kinds, treedef
        self.runs = 0

    def run(self, inputs: list[Any], held: list[int]) -> Any:
        """Return the result for these inputs, or `BAIL` if a guard does not hold.

        A NaN is the caller's to explain: without a recording. `held` are the identities of arrays
        and containers among the arguments: none may be one that the program knows from outside.
        """
        if not self.state.seen.keys().isdisjoint(held) or not self.state.holds():
            return BAIL
        errors = ignore()
        try:
            found = self.program.run(*inputs)
        except Exception:  # what Python's floats refuse, or an operation: then the function does
            return BAIL
        finally:
            put_back(errors)
        if found is BAIL:
            return BAIL
        out = []
        for value, kind in zip(found, self.kinds, strict=True):
            made = kind(value)
            if made is BAIL:
                return BAIL
            out.append(made)
        self.runs += 1
        return tree.unflatten(self.treedef, out)


class Jitted:
    """A function with its recordings. Made by `jit`."""

    def __init__(self, function: Function, quiet: bool = False) -> None:
        if not callable(function):
            raise InputTypeError(
                f"expected a function to record, got {type(function).__name__}",
                where=describe(user_frame(2)),
                why="jit(f) is a function: the arguments are given to it, jit(f)(x)",
            )
        self.function, self.quiet = function, quiet
        self.__name__ = f"jit({name_of(function)})"
        self.__doc__ = getattr(function, "__doc__", None)
        self.__wrapped__ = function
        self.forget()

    def forget(self) -> None:
        """Drop all recordings, and begin anew."""
        self.paths: dict[Any, list[Path]] = {}
        self.codes: set[CodeType] = set()  # what the function is known to execute
        self.reason = ""  # why there will be no recordings
        self.without = ""  # why a call had none
        self.calls = self.misses = self.learned = self.failed = 0
        self.lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<chainrule {self.__name__}>"

    def __reduce__(self) -> Any:
        return jit, (self.function,)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.calls += 1
        if self.reason or running.traces or running.check is not None or _strict():
            return self.function(*args, **kwargs)
        if running.watched:  # another function is being recorded, and this one with it
            return self.function(*args, **kwargs)
        leaves, treedef = tree.flatten((args, kwargs), parameters=True)
        boxes = list(containers((*args, kwargs)))
        key, inputs = form(leaves, treedef, boxes)
        if tree.object_classes:
            for held in tree.objects_in([args, kwargs]):
                key = f"an argument holds a {type(held).__name__}, which the program may know " \
                    "by itself; give a dict of its numbers, or of a method jit(object.method)"
                break
        if type(key) is str:
            return self._without(key, args, kwargs)
        known = self.paths.get(key, ())
        held = [id(v) for v in leaves if type(v) is np.ndarray] + [id(v) for v in boxes]
        for path in known:
            found = path.run(inputs, held)
            if found is not BAIL:
                self.misses = 0
                if path is not known[0]:
                    self.paths[key] = [path, *(p for p in known if p is not path)]
                return found
        if not self.lock.acquire(blocking=False):  # another thread records
            return self.function(*args, **kwargs)
        try:
            return self._missed(key, leaves, treedef, inputs, held, args, kwargs)
        finally:
            self.lock.release()

    def _missed(
        self, key: Any, leaves: Any, treedef: Any, inputs: Any, held: Any, args: Any, kwargs: Any
    ) -> Any:
        if exchanged() or sys.getprofile() is not None:  # what names stand for, and what is called
            return self.function(*args, **kwargs)
        if not self.codes:
            return self._first(leaves, args, kwargs)
        known = self.paths.get(key, ())
        full = len(known) >= MOST_PATHS or (not known and len(self.paths) >= MOST_FORMS)
        if full:
            kept = [path for path in known if path.state.holds()]
            if len(kept) == len(known):
                self.misses += 1
                result = self.function(*args, **kwargs)
                if self.misses >= _MOST_MISSES:
                    return self._refuse("it branches anew at every call", result)
                return result
            self.paths[key] = kept
        return self._record(key, leaves, treedef, inputs, held, args, kwargs)

    def _first(self, leaves: Any, args: Any, kwargs: Any) -> Any:
        """Call the function, and see what it executes: by that its state is known beforehand."""
        watch, handed = Watch(), Handed(args, kwargs, leaves)
        running.solver = ""
        with watch.on():
            result = self.function(*args, **kwargs)
        self.codes = watch.codes
        self.learned += 1
        solver = running.solver and f"{SOLVER} at {running.solver}"
        reason = solver or watch.refusal or (_CHANGES if handed.changed() else "")
        return self._refuse(reason, result) if reason else result

    def _record(
        self, key: Any, leaves: Any, treedef: Any, inputs: Any, held: Any, args: Any, kwargs: Any
    ) -> Any:
        """Call the function on tracers, and keep the recording if it can run again."""
        state = State(self.function, self.codes)
        if state.missing and self.learned < _MOST_LEARNED:  # functions may have been exchanged
            return self._first(leaves, args, kwargs)
        if state.refusal:
            return self._refuse(state.refusal, self.function(*args, **kwargs))
        if not state.seen.keys().isdisjoint(held):  # ``a is b`` may be asked
            return self.function(*args, **kwargs)
        watch, before = Watch(), streams(state.generators)

        def undone() -> bool:
            """Say whether the run may be made again: it has changed nothing."""
            if watch.refusal or tape.drew or state.differs():
                return False
            return streams(state.generators) == before

        tape = Tape(undone)
        traced, its = [], []
        for leaf in leaves:
            if is_input(leaf):
                own = np.float64(leaf) if type(leaf) is float else _own(leaf)
                if type(own) is np.ndarray and not leaf.flags.writeable:
                    own.flags.writeable = False
                its.append(tape.input(own))
                traced.append(as_python(its[-1]) if type(leaf) is float else its[-1])
            else:
                traced.append(leaf)
        nodes = [t.cr_node for t in its]
        positional, named = tree.unflatten(treedef, traced)
        given, handed = Handed(args, kwargs, leaves), Handed(positional, named, traced)
        owners = {id(t): leaf for t, leaf in zip(traced, leaves, strict=True)}

        def hand_on() -> None:
            """Let the caller's own arguments be changed as their copies were."""
            handed.hand_on(given, lambda v: owners[id(v)] if id(v) in owners else _settled(v))
            for t, node in zip(its, nodes, strict=True):
                if t.cr_node is not node:
                    owners[id(t)][...] = _value(t)

        running.tape = tape
        try:
            with watch.on():
                out = run_traced(tape, self.function, positional, named)
        except UnreplayableError:
            return self._refuse(tape.refusal, self.function(*args, **kwargs))
        except Exception as error:
            if not undone():
                hand_on()
                raise
            result = self.function(*args, **kwargs)  # raises the same, if the program does
            what = getattr(error, "what", f"{type(error).__name__}: {error}")
            return self._refuse(f"it cannot be traced ({what})", result)
        finally:
            running.tape = None
        if streams(state.generators) != before:  # by a library, which no door sees
            tape.drawn()
        found, out_tree = tree.flatten(out, parameters=True)
        values = [_value(leaf) for leaf in found]
        result = tree.unflatten(out_tree, [_own(v) for v in values])
        reason = tape.refusal or watch.refusal or _unlike(values)
        if changed := state.differs():
            reason = f"it changes {changed}, which a recording would not do again"
        if any(t.cr_node is not n for t, n in zip(its, nodes, strict=True)):
            reason = reason or "it stores into an argument"
        if handed.changed():
            reason = reason or _CHANGES
        if undone():  # what the call gives, whatever became of the traced one
            result = self.function(*args, **kwargs)
            reason = reason or _shared(result, state, held, leaves)
        else:
            hand_on()
            reason = reason or "it changes what it rests on"
        if reason:
            return self._refuse(reason, result)
        if not watch.codes <= self.codes:
            self.codes |= watch.codes  # the state did not cover them: it does when it runs next
            return result
        if tape.unusual or any(map(_has_nan, values)) or any(map(_has_nan, tape.outputs())):
            self.misses += 1
            why = _SPECIAL if tape.unusual else "NaN arise in it"
            if self.misses < _MOST_MISSES:
                if self.misses >= _FEW_MISSES:  # once it may be by chance
                    self._tell(why)
                return result
            return self._refuse(f"{why} at every call", result)
        outs = [v.cr_node if type(v) in TRACERS and v.cr_owner is tape else w
                for v, w in zip(found, values, strict=True)]  # fmt: skip
        tape.state = CLOSED
        program = lower(nodes, tape.nodes, tape.guards, outs)
        plain, plain_tree = tree.flatten(result, parameters=True)
        if not tree.same_structure(plain_tree, out_tree):
            return self._refuse("its results are of another form where it is traced", result)
        kinds = [_kind(v, o) for v, o in zip(plain, outs, strict=True)]
        path = Path(state, program, kinds, plain_tree)
        again = path.run(inputs, held)
        if again is BAIL:  # another thread exchanges names, or Python's floats refuse
            self.failed += 1
            return result if self.failed < _MOST_FAILED else self._refuse(
                "its recordings do not run at the points that they were made at", result
            )
        if not _identical(again, values) or not _alike(again, plain):
            step = parting(inputs, nodes, tape.nodes, outs)
            how = f" to the last bit, first at {step}" if step else ""
            return self._refuse(f"its recording does not repeat it{how}", result)
        path.runs = 0
        self.paths[key] = [path, *self.paths.get(key, ())]
        return result

    def _without(self, reason: str, args: Any, kwargs: Any) -> Any:
        """Make one call without a recording; other arguments may have one."""
        self._tell(reason)
        return self.function(*args, **kwargs)

    def _tell(self, reason: str) -> None:
        """Say once why a call goes without a recording."""
        if not self.without:
            self.without = reason
            self._say(f"{self.__name__} makes a call without a recording: {reason}")

    def _refuse(self, reason: str, result: Any) -> Any:
        """Go on without recordings, and say once why."""
        self.reason = reason
        self.paths = {}
        self._say(f"{self.__name__} goes on without recordings: {reason}")
        return result

    def _say(self, text: str) -> None:
        if self.quiet:  # nobody has asked for recordings
            return
        frame = user_frame(1)
        place = (frame.f_code.co_filename, frame.f_lineno) if frame is not None else ("", 0)
        warnings.warn_explicit(text, EagerWarning, *place)

    def report(self) -> str:
        """Say what was recorded, how often it ran, or why there is nothing."""
        paths = [p for known in self.paths.values() for p in known]
        runs = sum(p.runs for p in paths)
        lines = [
            f"{self.__name__}: {_count(len(paths), 'recording')}, {runs} of "
            f"{_count(self.calls, 'call')} by {'it' if len(paths) == 1 else 'them'}"
        ]
        if self.reason:
            lines.append(f"  without recordings: {self.reason}")
        elif self.without:
            lines.append(f"  some calls without one: {self.without}")
        lines += [
            f"  {_count(p.program.operations, 'operation')}, {_count(p.runs, 'run')}"
            for p in paths
        ]
        return "\n".join(lines)

    def source(self) -> str:
        """Return the programs as Python text."""
        return "\n".join(p.program.source.rstrip() for known in self.paths.values() for p in known)


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def _strict() -> bool:
    """Say whether floating-point errors are to be raised: then the program has to see them."""
    found = settings()
    known = _lenient.get(id(found))
    if known is None or known[0] is not found:
        lenient = all(how in ("warn", "ignore") for how in np.geterr().values())
        known = _lenient[id(found)] = found, not lenient
        if len(_lenient) > _MOST_SETTINGS:
            _lenient.clear()
    return known[1]


_lenient: dict[int, tuple[Any, bool]] = {}
_MOST_SETTINGS = 64

# --- results ----------------------------------------------------------------------------------


_SPECIAL = "it asks for what holds at this point alone (a tie, a tolerance met, a rounding)"
_CHANGES = "it changes an argument"


def _settled(value: Any) -> Any:
    """Return a container, or a leaf, with plain values for traced ones."""
    leaves, treedef = tree.flatten(value, parameters=True)
    return tree.unflatten(treedef, [_own(_value(leaf)) for leaf in leaves])


def _value(leaf: Any) -> Any:
    """Return the plain value behind a traced one: a Python number where that one passes for it."""
    if is_python(leaf):
        return shown(leaf)
    while type(leaf) in TRACERS:
        leaf = leaf.cr_value
    return leave(release(leaf))


def _own(value: Any) -> Any:
    return value.copy("K") if type(value) is np.ndarray else value


def _unlike(values: list[Any]) -> str:
    """Return why results cannot be given again: they are no numbers or texts."""
    for v in values:
        if type(v) not in _PLAIN and type(v).__module__ != "numpy":
            return f"its result holds a {type(v).__name__}"
        if type(v) is np.ndarray and v.dtype.hasobject:
            return "its result holds an array of objects"
    return ""


_PLAIN = (float, complex, int, bool, str, bytes, type(None))


def _shared(result: Any, state: State, given: list[int], leaves: list[Any]) -> str:
    """Return why results cannot be made anew: who holds one, holds another thing, too.

    `given` are the identities of the containers and arrays that were handed in.
    """
    boxes = [id(c) for c in containers([result])]
    arrays, others, kept = (
        [v for v in found if type(v) is np.ndarray]
        for found in (
            tree.flatten(result, parameters=True)[0], leaves, [a() for a, *_ in state.arrays]
        )
    )  # fmt: skip

    def meet(those: list[Any]) -> bool:
        return any(np.may_share_memory(a, b) for a in arrays for b in those)

    if len(set(boxes)) < len(boxes) or any(
        np.may_share_memory(a, b) for i, a in enumerate(arrays) for b in arrays[:i]
    ):
        return "two of its results share memory"
    if not set(given).isdisjoint(boxes) or meet(others):
        return "it returns what it is given, or a part of it"
    if not state.seen.keys().isdisjoint(boxes) or meet(kept):
        return "it returns what is kept outside"
    return ""


def _has_nan(value: Any) -> bool:
    if isinstance(value, np.ndarray | np.generic):
        return value.dtype.kind in "fc" and bool(np.isnan(value).any())
    return isinstance(value, float | complex) and value != value


def _kind(value: Any, out: Any) -> Callable[[Any], Any]:
    """Return how a result of the program becomes what the function returned."""
    kind = type(value)
    if type(out) is not Node:
        return _own
    if kind is np.ndarray:
        return _array
    return functools.partial(_scalar, kind)


def _array(value: Any) -> Any:
    if value.dtype.kind in "fc" and np.isnan(value).any():
        return BAIL
    return value.copy("K")


def _scalar(kind: Any, value: Any) -> Any:
    return kind(value) if value == value else BAIL


def _identical(result: Any, values: list[Any]) -> bool:
    """Say whether a result agrees bit for bit with what was traced; zeros may differ in sign."""
    found = tree.flatten(result, parameters=True)[0]
    return all(
        np.shape(x) == np.shape(y)
        and (np.array_equal(x, y) if isinstance(x, np.ndarray | np.generic) else x == y)
        for x, y in zip(found, values, strict=True)
    )


def _alike(result: Any, plain: list[Any]) -> bool:
    """Say whether a result is what the call without a recording gives, but for the last bits."""
    found = tree.flatten(result, parameters=True)[0]
    return all(
        type(x) is type(y) and getattr(x, "dtype", None) == getattr(y, "dtype", None)
        and np.shape(x) == np.shape(y)
        and (x == y if isinstance(x, str | bytes | type(None))
             else np.allclose(x, y, rtol=1e-6, atol=1e-6 * np.max(np.abs(y), initial=0.0)))
        for x, y in zip(found, plain, strict=True)
    )  # fmt: skip
