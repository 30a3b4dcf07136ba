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
from ..lift import run_traced
from ..modes.forward import push_graph
from ..modes.derived import blocks
from ..modes.reverse import backward, cotangent_of
from ..lift import record
from ..programs.python import BAIL, Program, lower
from ..programs.state import State, streams
from ..programs.tape import EQUAL, MADE, TRUE, Tape, UnreplayableError
from ..programs.watch import Watch
from ..tracing.recording import Recording
from ..tracing.running import OPEN, running
from ..tracing.tracer import TRACERS, apply, concrete, depth, muted

Function = Callable[..., Any]
_MOST_SCALAR = 1000
_MOST = 3000  # operations: more are an array program's, which Python does not hold up


class LeftError(Exception):
    """A program met what it was not recorded for."""


class Callback:
    """f(t, y) as programs, and the traced values that it reads, as one vector."""

    def __init__(
        self, whole: Function, inputs: list[Node], nodes: list[Node], out: Node, t: float, y: Any
    ) -> None:
        self.whole = whole  # the program's own
        self.inputs, self.nodes, self.out = inputs, nodes, out
        self.reads: list[Any] = []  # the traced values
        self.places: dict[tuple[int, int], tuple[int, int]] = {}
        self.shapes: list[tuple[int, ...]] = []
        known: dict[Any, tuple[int, int]] = {}
        at = 0
        for i, node in enumerate(nodes):
            for k, (parent, p) in enumerate(zip(node.inputs, node.primals, strict=True)):
                if parent is not None or type(p) not in TRACERS:
                    continue
                key = _key(p)
                if key not in known:
                    known[key] = at, len(self.reads)
                    self.reads.append(p)
                    self.shapes.append(p.shape)
                    at += int(np.prod(p.shape))
                self.places[i, k] = known[key]
        self.count = at
        self.p = np.concatenate([np.ravel(v) for v in self.reads]) if self.reads else np.zeros(0)
        self.plain = np.array(concrete(self.p))
        self.point = t, y

    def function(self, t: Any, y: Any, p: Any) -> Any:
        """Compute f by its operations, on whatever the arguments are."""
        known: dict[Node, Any] = dict(zip(self.inputs, (t, y), strict=True))
        for i, node in enumerate(self.nodes):
            args = []
            for k, (parent, held) in enumerate(zip(node.inputs, node.primals, strict=True)):
                if parent is not None:
                    held = known[parent]
                elif (i, k) in self.places:
                    at, which = self.places[i, k]
                    shape = self.shapes[which]
                    part = p[at] if not shape else p[at : at + int(np.prod(shape))]
                    held = part if len(shape) < 2 else np.reshape(part, shape)
                args.append(held)
            if node.op.name == "component":
                known[node] = args[0][node.params["index"]]
            else:
                known[node] = apply(node.op, args, node.params)
        return known[self.out]

    @cached_property
    def values(self) -> Function:
        """(t, y, p) ↦ f."""
        t, y = self.point
        return written(self.function, (np.float64(t), y, self.plain))

    @cached_property
    def slopes(self) -> Function:
        """(t, y, p) ↦ f, ∂f/∂y, ∂f/∂p."""
        t, y = self.point
        if self._is_scalar():
            return self._entrywise()

        def f(t: Any, y: Any, p: Any) -> Any:
            inputs = (1, 2) if self.count else (1,)
            _, graph, leaves, _ = record(self.function, (t, y, p), {}, inputs)
            ((*found,),) = blocks(self.function, graph, leaves, "auto")
            leaf = leaves[0]
            value = leaf.cr_value if type(graph.outputs[0]) is Node else leaf
            return (value, *found)

        return written(f, (np.float64(t), y, self.plain))

    def _is_scalar(self) -> bool:
        """Say whether f takes numbers out of y, computes, and puts numbers together."""
        if self.out.op.name != "pack" or any(self.shapes) or len(self.nodes) > _MOST_SCALAR:
            return False
        t, y = self.inputs
        return all(
            (n.inputs == (y,) or n.inputs == [y]) and type(n.params.get("index")) is int
            for n in self.nodes if y in n.inputs
        )  # fmt: skip

    def _entrywise(self) -> Function:
        """As `slopes`, entry by entry: a backward pass from each number, over what leads to it."""
        t, y = self.point
        n, m = y.size, self.count
        where: list[int] = []  # of the entries, in the matrix of f by (y, p)

        def numbers(t: Any, ys: Any, ps: Any) -> Any:
            known = {self.inputs[0]: t}
            for i, node in enumerate(self.nodes):
                if self.inputs[1] in node.inputs:
                    known[node] = ys[node.params["index"]]
                    continue
                args = [
                    ps[self.places[i, k][0]] if (i, k) in self.places else known.get(parent, held)
                    for k, (parent, held) in enumerate(zip(node.inputs, node.primals, strict=True))
                ]
                if node is self.out:
                    return args
                known[node] = apply(node.op, args, node.params)
            raise AssertionError

        def f(t: Any, y: Any, p: Any) -> Any:
            ys, ps = [y[j] for j in range(n)], [p[j] for j in range(m)]
            _, graph, leaves, _ = record(numbers, (t, ys, ps), {}, (1, 2) if m else (1,))
            where.clear()
            entries, values = [], []
            for i, (node, leaf) in enumerate(zip(graph.outputs, leaves, strict=True)):
                values.append(leaf.cr_value if type(node) is Node else leaf)
                if type(node) is not Node:
                    continue
                cotangents = {node: np.float64(1.0)}
                backward(graph.nodes, cotangents)
                for j, x in enumerate(graph.inputs):
                    if (found := cotangents.get(x)) is not None:
                        where.append(i * (n + m) + j)
                        entries.append(found)
            return np.array(values), np.array(entries)

        run = written(f, (np.float64(t), y, self.plain))
        if run is None:
            return None
        index = np.array(where)

        def slopes(t: float, y: Any, p: Any) -> Any:
            value, entries = run(t, y, p)
            whole = np.zeros(n * (n + m))
            whole[index] = entries
            whole = whole.reshape(n, n + m)
            return value, whole[:, :n], whole[:, n:]

        return slopes

    def __call__(self, t: Any, y: Any) -> Any:
        """Return f; what is traced stays so."""
        if type(t) in TRACERS:
            return self.whole(t, y)
        if type(y) in TRACERS or self.count:
            at = Point(self, float(t), np.asarray(concrete(y)))
            return apply(_evaluate, (y, self.p), {"at": at})
        return self.values(t, y, self.plain)

    def at(self, t: float, y: Any) -> Any:
        """Return f at a plain point."""
        return self.values(t, y, self.plain)

    def jacobian(self, t: float, y: Any) -> Any:
        """Return ∂f/∂y at a plain point."""
        return self.slopes(t, y, self.plain)[1]


def _key(value: Any) -> Any:
    """Return what is equal for values that are read in the same way from the same place."""
    node = value.cr_node
    if type(node) is Node and node.op is not None and node.op.name == "getitem":
        return id(node.inputs[0]), repr(node.params)
    return id(value.cr_owner), id(node)


class Point:
    """One evaluation: f there, and its Jacobians once they are asked for."""

    __slots__ = ("callback", "t", "y", "value", "found")

    def __init__(self, callback: Callback, t: float, y: Any) -> None:
        self.callback, self.t, self.y = callback, t, y
        self.value = callback.values(t, y, callback.plain)
        self.found: Any = None

    def jacobians(self) -> Any:
        """Return ∂f/∂y and ∂f/∂p."""
        if self.found is None:
            self.found = self.callback.slopes(self.t, self.y, self.callback.plain)[1:]
        return self.found


def _back(k: int) -> Function:
    return lambda ct, _f, _y, _p, at: np.matmul(ct, at.jacobians()[k])


def _along(k: int) -> Function:
    return lambda t, _f, _y, _p, at: np.matmul(at.jacobians()[k], t)


_evaluate = Op(  # its point belongs to one call, so it is not in the registry
    "evaluate",
    lambda _y, _p, at: at.value,
    (Jvp(_along(0), shortcut=_back(0)), Jvp(_along(1), shortcut=_back(1))),
    batch="loop",
    notation=Notation("f({0}, {1})", "f({0}, {1})", 90, (0, 0), "df = ∂f/∂y dy + ∂f/∂p dp"),
)


# --- recording ---------------------------------------------------------------------------------


def taken(f: Function, t: Any, y: Any) -> Callback | None:
    """Return the programs of f(t, y), recorded at this point, or None (see the module)."""
    y = np.asarray(concrete(y))
    busy = running.tape is not None or running.check is not None or running.watched
    if depth() != 1 or busy or y.dtype != np.float64 or type(t) in TRACERS:
        return None
    if any(type(trace) not in _OPEN for trace in running.traces if trace.state <= OPEN):
        return None
    t, watch = float(t), Watch()
    with muted(), watch.on():
        f(t, y.copy())
    if watch.refusal:
        return None
    for _ in range(2):  # modules that come amid the first give the program's names new doors
        state = State(f, watch.codes, traced=True)
        if state.refusal:
            return None
        recorded = _recorded(f, t, y, state)
        if not state.differs():
            break
    else:
        return None
    if recorded is None:
        return None
    tape, nodes, out = recorded
    made = Callback(f, nodes, tape.nodes, out.cr_node, t, y)
    if made.values is None or made.slopes is None:
        return None
    try:
        if not np.array_equal(made.at(t, y), np.asarray(concrete(out.cr_value))):
            return None
    except LeftError:
        return None
    return made


def _recorded(f: Function, t: float, y: Any, state: State) -> Any:
    """Run f on a tape: return it, its inputs' nodes and the result; None if that cannot serve."""
    before = streams(state.generators)
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
    if watch.refusal or tape.refusal or streams(state.generators) != before:
        return None
    if any(g.kind in (TRUE, EQUAL, MADE) for g in tape.guards):
        return None
    if any(x.cr_node is not n for x, n in zip(ins, nodes, strict=True)):
        return None
    if type(out) not in TRACERS or out.cr_owner is not tape or out.shape != y.shape:
        return None
    if out.dtype != np.float64 or len(tape.nodes) > _MOST or any(map(_decides, tape.nodes)):
        return None
    return tape, nodes, out


_OPEN = (Recording,)


def _decides(node: Node) -> bool:
    """Say whether a step of a recording is one of a value, or decides by one."""
    if node.op.jump is not None:
        return True
    return node.dtype is not None and node.dtype.kind != "f"


def written(function: Function, args: Any) -> Any:
    """Return the program of a pure function, recorded at `args`; None where there is none."""
    tape = Tape()
    ins = [tape.input(np.array(a)[()]) for a in args]
    traces, running.traces = running.traces, []
    running.tape = tape
    try:
        out = run_traced(tape, function, ins, {})
    except UnreplayableError:
        return None
    finally:
        running.tape, running.traces = None, traces
    if tape.refusal:
        return None
    single = type(out) is not tuple
    outs = []
    for v in (out,) if single else out:
        mine = type(v) in TRACERS and v.cr_owner is tape
        outs.append(v.cr_node if mine else np.asarray(concrete(v)))
    run = lower([x.cr_node for x in ins], tape.nodes, tape.guards, outs).run

    def evaluate(t: float, y: Any, p: Any) -> Any:
        errors = ignore()
        try:
            found = run(t, y, p)
        except (ArithmeticError, ValueError) as error:
            raise LeftError from error
        finally:
            put_back(errors)
        if found is BAIL:
            raise LeftError
        return np.array(found[0]) if single else found

    return evaluate
