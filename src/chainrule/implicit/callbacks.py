"""What a solver calls many times, as programs: its value, its Jacobians, their products.

A right-hand side f(t, y) that only computes is recorded once, at a solver's first point, with
whatever traced values it reads of the program beside t and y: its *parameters*. The recording
gives G(t, y, p), a pure function, and `programs` writes it, and what is derived from it, as
straight-line Python. So neither the solver nor the replayed steps run the program's own code, and
each evaluation is one operation on y and p.

`taken` returns None where that would not do: another derivative is open, or `f` decides by a value
(``if``, ``y > 0``, ``np.floor``), draws, keeps something, calls what cannot be looked into, or its
own program does not repeat it bit for bit. Then all goes on with `f` as it is.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from ..core.graph import Node
from ..core.op import Notation, Op
from ..core.settings import ignore, put_back
from ..core.slots import Jvp
from ..errors import ChainRuleError
from ..lift import run_traced
from ..programs.python import BAIL
from ..programs.state import State, streams
from ..programs.tape import EQUAL, MADE, TRUE, Tape, UnreplayableError
from ..programs.watch import Watch
from ..tracing.recording import Recording
from ..tracing.running import OPEN, running
from ..tracing.tracer import TRACERS, apply, concrete, depth
from .answers import plain, vector
from .callback_programs import Pure, written
from .inside import State as Kept

Function = Callable[..., Any]
_WIDE = 20  # unknowns from which a cotangent is pulled back without the Jacobian
_MOST = 3000  # operations: more are an array program's, which Python does not hold up
_programs: dict[Any, Any] = {}  # by what they are for, and the operations
_MOST_KEPT = 64


class LeftError(Exception):
    """A program met what it was not recorded for."""


class Callback:
    """f(t, y) as programs, and the traced values that it reads, as one vector."""

    def __init__(self, whole: Function, pure: Pure, state: State, t: float, y: Any) -> None:
        self.whole, self.pure = whole, pure  # the program's own function, and its operations
        self.state = state  # what it rests on
        self.count = pure.count
        self.p = np.concatenate([np.ravel(v) for v in pure.reads]) if pure.reads else np.zeros(0)
        self.plain = np.array(concrete(self.p))
        self.point = np.float64(t), y, self.plain
        self.key = pure.key(y.shape)

    @cached_property
    def _values(self) -> Any:
        return self._kept("values", lambda: written(self.pure.value, self.point))

    @cached_property
    def _slopes(self) -> Any:
        return self._kept("slopes", self._written_slopes)

    def _kept(self, what: str, write: Function) -> Any:
        """Return a program that was written for the same operations, or write it."""
        key = what, self.key
        if self.key is not None and key in _programs:
            return _programs[key]
        found = write()
        if self.key is not None:
            if len(_programs) >= _MOST_KEPT:
                _programs.clear()
            _programs[key] = found
        return found

    def _written_slopes(self) -> Any:
        if not self.pure.is_scalar():
            return written(self.pure.slopes, self.point)
        where: list[int] = []
        run = written(self.pure.entries(where), self.point)
        if run is None:
            return None
        index, n, m = np.array(where, dtype=int), self.point[1].size, self.count

        def slopes(t: float, y: Any, p: Any) -> Any:
            found = run(t, y, p)
            if found is BAIL:
                return BAIL
            whole = np.zeros(n * (n + m))
            whole[index] = found[1]
            whole = whole.reshape(n, n + m)
            return found[0], whole[:, :n], whole[:, n:]

        return slopes

    @cached_property
    def _pull(self) -> Any:
        if self.pure.is_scalar() or self.point[1].size < _WIDE:
            return None
        point = *self.point, np.ones(self.point[1].size)
        return self._kept("pull", lambda: written(self.pure.pulled, point))

    def pulled(self, t: float, y: Any, ct: Any) -> Any:
        """Return the cotangents of y and the parameters; None where Jacobians are as good."""
        return None if self._pull is None else _run(self._pull, t, y, self.plain, ct)

    def at(self, t: float, y: Any) -> Any:
        """Return f at a plain point."""
        return np.array(_run(self._values, t, y, self.plain)[0])

    def slopes(self, t: float, y: Any) -> Any:
        """Return f, ∂f/∂y and, if there are parameters, ∂f/∂p at a plain point."""
        return _run(self._slopes, t, y, self.plain)

    def __call__(self, t: Any, y: Any) -> Any:
        """Return f; what is traced stays so."""
        if type(t) in TRACERS:
            return self.whole(t, y)
        if type(y) in TRACERS or self.count:
            at = Point(self, float(t), np.asarray(concrete(y)))
            return apply(_evaluate, (y, self.p), {"at": at})
        return self.at(t, y)


def _run(program: Any, *args: Any) -> Any:
    errors = ignore()
    try:
        found = program(*args)
    except (ArithmeticError, ValueError) as error:
        raise LeftError from error
    finally:
        put_back(errors)
    if found is BAIL:
        raise LeftError
    return found


class Point:
    """One evaluation: f there, and its Jacobians once they are asked for."""

    __slots__ = ("callback", "t", "y", "value", "found", "last")

    def __init__(self, callback: Callback, t: float, y: Any) -> None:
        self.callback, self.t, self.y = callback, t, y
        self.value = callback.at(t, y)
        self.found: Any = None
        self.last: Any = (None, None)  # a cotangent, and what became of it

    @property
    def _at(self) -> tuple[Any, Any, Any]:
        return np.float64(self.t), self.y, self.callback.plain

    def jacobians(self) -> Any:
        """Return ∂f/∂y and ∂f/∂p; by the operations themselves where their program has left."""
        if self.found is None:
            try:
                self.found = self.callback.slopes(self.t, self.y)[1:]
            except LeftError:
                self.found = self.callback.pure.slopes(*self._at)[1:]
        return self.found

    def pull(self, ct: Any, k: int) -> Any:
        """Return the cotangent of y or of the parameters."""
        if type(ct) is np.ndarray:
            if self.last[0] is not ct:
                self.last = ct, self._pulled(ct)
            if self.last[1] is not None:
                return self.last[1][k]
        return np.matmul(ct, self.jacobians()[k])

    def _pulled(self, ct: Any) -> Any:
        try:
            found = self.callback.pulled(self.t, self.y, ct)
        except LeftError:
            found = (np.full(1, np.nan),)
        if found is None and _finite(self.jacobians()):
            return None
        if found is None or not _finite(found):  # 0·∞: which zeros are structural?
            return self.callback.pure.pulled(*self._at, ct)
        return found

    def push(self, tangent: Any, k: int) -> Any:
        """Return the tangent of f that a tangent of y or of the parameters makes."""
        jacobian = self.jacobians()[k]
        if type(tangent) is np.ndarray and not _finite([jacobian]):
            return self.callback.pure.pushed(*self._at, tangent, k)
        return np.matmul(jacobian, tangent)


def _finite(values: Any) -> bool:
    return all(np.isfinite(v).all() for v in values)


_evaluate = Op(  # its point belongs to one call, so it is not in the registry
    "evaluate",
    lambda _y, _p, at: at.value,
    tuple(
        Jvp(
            lambda t, _f, _y, _p, at, k=k: at.push(t, k),
            shortcut=lambda ct, _f, _y, _p, at, k=k: at.pull(ct, k),
        )
        for k in range(2)
    ),
    batch="loop",
    notation=Notation("f({0}, {1})", "f({0}, {1})", 90, (0, 0), "df = ∂f/∂y dy + ∂f/∂p dp"),
)


# --- recording ---------------------------------------------------------------------------------


def taken(f: Function, t: Any, y: Any) -> Callback | None:
    """Return the programs of f(t, y), recorded at this point, or None (see the module)."""
    y = np.atleast_1d(np.asarray(plain(vector(y))))
    y = y.astype(float) if y.dtype.kind in "iu" else y
    busy = running.tape is not None or running.check is not None
    if depth() != 1 or busy or y.dtype != np.float64 or type(t) in TRACERS:
        return None
    if any(type(trace) is not Recording for trace in running.traces if trace.state <= OPEN):
        return None
    t, before = float(t), Kept(holders(f))
    try:
        recorded = _recorded(f, t, y)
    except ChainRuleError:
        raise
    except Exception:  # the solver's own first call meets it, if it is the program's
        recorded = None
    if recorded is None:
        before.undo()
        return None
    tape, nodes, out, state, value = recorded
    made = Callback(f, Pure(nodes, tape.nodes, out.cr_node, tape.math), state, t, y)
    if made._values is None or made._slopes is None:
        return None
    try:
        if made.pure.exact and not np.array_equal(made.at(t, y), value):
            return None
    except LeftError:
        return None
    return made


def holders(f: Function) -> list[Any]:
    """Return f, the program's own function in it, and what that is given: they may keep things."""
    whole = f.whole if type(f) is Callback else f
    return [*getattr(whole, "holders", ()), whole]


def _recorded(f: Function, t: float, y: Any) -> Any:
    """Run f, then on a tape: return it, its inputs' nodes and the result.

    The first makes what f keeps of the parameters, which is right to keep.
    """
    watch, drawn = Watch(), streams([])
    call, running.call = running.call, object()  # a callback's, as that of `answers.PlainFunction`
    try:
        with watch.on():
            value = np.array(plain(f(t, y.copy())))
    finally:
        running.call = call
    if watch.refusal or streams([]) != drawn:
        return None
    for _ in range(2):  # modules that come amid the first give the program's names new doors
        state = State(f, watch.codes, traced=True)
        if state.refusal or state.generators:
            return None
        kept = Kept(holders(f))
        try:
            found = _on_tape(f, t, y)
            if found is None:
                return None
            if not state.differs():
                return *found, state, value
        finally:
            kept.undo()
    return None


def _on_tape(f: Function, t: float, y: Any) -> Any:
    tape, watch = Tape(), Watch()
    ins = [tape.input(np.float64(t)), tape.input(y.copy())]
    nodes = [x.cr_node for x in ins]
    running.tape = tape
    try:
        with watch.on():
            out = run_traced(tape, f, ins, {})
    except UnreplayableError:
        return None
    finally:
        running.tape = None
    if watch.refusal or tape.refusal or any(g.kind in (TRUE, EQUAL, MADE) for g in tape.guards):
        return None
    if any(x.cr_node is not n for x, n in zip(ins, nodes, strict=True)):
        return None
    if type(out) not in TRACERS or out.cr_owner is not tape or out.shape != y.shape:
        return None
    if out.dtype != np.float64 or len(tape.nodes) > _MOST or any(map(_decides, tape.nodes)):
        return None
    return tape, nodes, out


def _decides(node: Node) -> bool:
    """Say whether a step of a recording is one of a value, or decides by one."""
    op = node.op
    if op.jump is not None or not any(op.flows(k) for k, n in enumerate(node.inputs) if n):
        return True
    return node.dtype is not None and node.dtype.kind != "f"
