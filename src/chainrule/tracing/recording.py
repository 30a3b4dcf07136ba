"""The trace that records: every operation on a traced value appends one node."""

from collections.abc import Iterator
from sys import _getframe, getrefcount
from types import FrameType
from typing import Any

import numpy as np

from ..core.graph import Aval, Graph, Node, Place
from ..core.memory import own_copy
from ..core.op import Needs, Op, rule_params
from ..core.registry import op_named
from .foreign import Foreign, under
from .running import running
from .searches import compared, raised
from .source import inside
from .ties import touch
from .tracer import (
    CLOSED,
    CONSTANT,
    FACES,
    OPEN,
    TRACERS,
    Trace,
    Tracer,
    apply,
    hold,
    make_tracer,
)


class Recording(Trace):
    """A straight-line record of one run.

    With ``keep=False`` (reverse mode) a node holds only the values that its rules will read, and
    operations through which nothing flows are not recorded. With ``keep=True`` everything is held
    and recorded, for printing and for deriving programs from rules.
    """

    __slots__ = ("nodes", "keep", "places", "snapshots", "started", "lent", "inside", "tied")
    differentiates = True
    replays = False  # whether its operations run again as they stand here

    def __init__(self, keep: bool = False, places: bool = True) -> None:
        super().__init__()
        self.nodes: list[Node] = []
        self.inside: dict[Node, int] = {}  # what integrands computed at their points, in order
        self.tied: list[tuple[Node, list[Any]]] = []  # steps, and the ties noted as they computed
        self.keep = keep
        self.places = places
        self.snapshots: dict[int, tuple[Any, Any]] = {}
        self.lent = False  # the program writes into no array but those that it made itself
        self.started: dict[int, Node] = {}  # stores move a tracer on to later nodes

    def input(self, value: Any, call: Any = None) -> Tracer:
        """Start a traced input; its node stands outside the list of steps.

        An array of the caller's is copied, should the `call` write into it by another name.
        """
        if type(value) in TRACERS:
            value = value.cr_snapshot()
        elif call is not None and type(value) is np.ndarray:
            if value.nbytes <= _SMALL:
                value = _copy(value)
            elif self.lent or not call.may_write():
                self.lent = True
            else:
                value = _copy(value)
        other = (type(value) in TRACERS or type(value) is Foreign) and under(value) is not None
        held = value if self.keep or other else None
        node = Node(None, (), {}, None, 0, (), held, value.shape, value.dtype)
        tracer = FACES[type(value)](value, self, node)
        self.started[id(tracer)] = node
        return tracer

    def carries(self, tracer: Tracer) -> bool:
        if self.state == CLOSED and (tracer.cr_node is None or self.past()):
            return False
        return next(self.starts(tracer), None) is not None

    def starts(self, tracer: Tracer) -> Iterator[Node]:
        """Yield the inputs that a derivative of a value leads to, one by one."""
        reached, open_nodes = set(), [tracer.cr_node]
        while open_nodes:
            node = open_nodes.pop()
            if node.op is None:
                yield node
            for k, parent in enumerate(node.inputs):
                if parent is not None and node.op.flows(k) and parent not in reached:
                    reached.add(parent)
                    open_nodes.append(parent)

    def process(self, op: Op, args: Any, params: dict[str, Any], output: Any = None) -> Any:
        if self.state:
            return self.not_open(op, args, params)
        mask, bit, deeper, arrays, safe = 0, 1, False, False, 0
        primals: list[Any] = []
        inputs: list[Node | None] = []
        for a in args:
            kind = type(a)
            if kind in TRACERS:
                if a.cr_owner is self:
                    mask |= bit
                    node = a.cr_node
                    inputs.append(node)
                    a = a.cr_value
                    kind = type(a)
                    if kind in TRACERS:
                        deeper = True
                    elif kind is np.ndarray and (node.op is None or a.base is not None):
                        arrays = True
                else:
                    inputs.append(None)
                    if a.cr_owner is CONSTANT:
                        a = a.cr_value
                        safe |= bit  # it is never written while it is held here
                    else:
                        a = a.cr_snapshot()
                        deeper = True
            else:
                inputs.append(None)
                if kind is np.ndarray:
                    arrays = True
            primals.append(a)
            bit += bit
        noted = len(running.notes) if deeper else 0
        if output is None:
            try:
                if deeper:
                    output = apply(op, primals, params)
                else:
                    output = op.value(*primals, **params) if params else op.value(*primals)
            except Exception:
                raised(primals)
                raise
        if op.jump is not None and self.differentiates:
            touch(self, op, output, primals, params)
        if params and not self.replays:
            params = rule_params(params)
        needs = op.known_needs.get(mask) or op.needs(mask, len(primals))
        held = output
        if self.keep:
            if arrays:
                primals = [self._snapshot(p) if n is None else p
                           for p, n in zip(primals, inputs, strict=True)]  # fmt: skip
            if not needs.flows and op.jump is None and self.differentiates and not running.rules:
                compared(op.name, output, primals, params)
        else:
            if not needs.flows:
                if op.jump is None and self.differentiates and not running.rules:
                    compared(op.name, output, primals, params)
                return _constant(output)
            if not needs.output:
                held = None
            if arrays or safe or needs.trims:
                self._release(primals, inputs, needs, safe)
        place: Place | None = None
        if self.places:
            frame = _getframe(2)
            code = frame.f_code
            if code.co_filename in _outside:
                place = (code, frame.f_lasti)
            else:
                place = _place(frame)
        if op.outputs:
            return self._components(op, inputs, params, place, mask, primals, held, output)
        node = Node(op, inputs, params, place, mask, primals, held, output.shape, output.dtype)
        self.nodes.append(node)
        if deeper and len(running.notes) > noted:
            self.tied.append((node, running.notes[noted:]))
        return FACES[type(output)](output, self, node)

    def drop_ties(self, node: Node) -> None:
        """Drop the notes of ties at steps that a result does not depend on by a derivative.

        Their rules are asked of nobody: ``abs(step) < 1e-15`` ends a loop, and is nothing more.
        """
        reached, open_nodes = {node}, [node]
        while open_nodes:
            found = open_nodes.pop()
            for k, parent in enumerate(found.inputs):
                if parent is not None and found.op.flows(k) and parent not in reached:
                    reached.add(parent)
                    open_nodes.append(parent)
        idle = {id(note) for step, notes in self.tied if step not in reached for note in notes}
        running.notes[:] = [n for n in running.notes if n.kind != "tie" or id(n) not in idle]

    def store(self, y: Tracer, op: Op, args: Any, params: dict[str, Any]) -> bool:
        if self.state != OPEN or self.keep or op.store is None:
            return False
        op.store(*[a.cr_value if type(a) in TRACERS else a for a in args], **params)
        new = self.process(op, args, params, y.cr_value)
        if type(new) in TRACERS:
            y.cr_owner, y.cr_node = self, new.cr_node
        return True

    def _release(
        self, primals: list[Any], inputs: list[Node | None], needs: Needs, safe: int
    ) -> None:
        """Keep only what will be read: an input's node or an `Aval` replaces what will not.

        A slice that is kept is copied, should the array that it shares memory with be much larger:
        else a loop that writes one row after another would copy the array at every step.
        """
        for k, needed in enumerate(needs.inputs):
            if inputs[k] is None:
                a = primals[k]
                if needed:
                    if not safe >> k & 1:
                        primals[k] = self._snapshot(a)
                elif type(a) is np.ndarray:
                    primals[k] = Aval(a.shape, a.dtype)
            elif not needed:
                primals[k] = inputs[k]
            elif type(primals[k]) is np.ndarray:
                a = primals[k]
                if type(a.base) is np.ndarray and 4 * a.nbytes <= a.base.nbytes:
                    primals[k] = a.copy()

    def _snapshot(self, array: Any) -> Any:
        """Hold a constant array as it is now: the program may write into it later."""
        if type(array) is not np.ndarray:
            return array
        if self.lent and not array.flags.writeable and array.base is None:
            return array
        if array.nbytes <= _SMALL:
            return array.copy("K")
        known = self.snapshots.get(id(array))
        if known is not None and known[0] is array and _same(known[1], array):
            return known[1]
        copy = _copy(array)
        self.snapshots[id(array)] = (array, copy)
        return copy

    def _components(
        self, op: Op, inputs: Any, params: Any, place: Any, mask: int, primals: Any,
        held: Any, output: Any,
    ) -> Any:  # fmt: skip
        """Record an op with several outputs: one node for it, and one per output taken."""
        whole = Node(op, inputs, params, place, mask, primals, held, (), None)
        self.nodes.append(whole)
        component = op_named("component")
        parts = []
        for i, part in enumerate(output):
            node = Node(
                component, [whole], {"index": i}, place, 1, [whole], part if self.keep else None,
                part.shape, part.dtype,
            )  # fmt: skip
            self.nodes.append(node)
            parts.append(make_tracer(part, self, node))
        return type(output)(*parts) if hasattr(output, "_fields") else tuple(parts)

    def finish(self, inputs: list[Tracer], outputs: list[Any]) -> Graph:
        """Close the recording and return its graph."""
        self.state = CLOSED
        ends = tuple(o.cr_node if type(o) in TRACERS and o.cr_owner is self else o for o in outputs)
        return Graph(tuple(self.started[id(t)] for t in inputs), tuple(self.nodes), ends)


def _constant(output: Any) -> Any:
    """Return what carries nothing; an array of another library stays in the engine's hands."""
    if type(output) is Foreign:
        return hold(output)
    return tuple(map(_constant, output)) if type(output) is tuple else output


_outside: set[str] = set()  # files seen that are the user's


def _place(frame: FrameType | None) -> Place | None:
    """Return the place of the nearest caller outside the engine and NumPy."""
    while frame is not None:
        code = frame.f_code
        if not inside[code.co_filename]:
            _outside.add(code.co_filename)
            return code, frame.f_lasti
        frame = frame.f_back
    return None


_SMALL = 1 << 13  # bytes that are copied sooner than compared
_SPARE_BYTES, _SPARE_COUNT = 1 << 24, 32
_spare: dict[Any, Any] = {}  # one array per shape and dtype, for the next snapshot like it


def _count_unshared() -> int:
    """Count as `_copy` does an array that nobody else holds: 2, and 1 from Python 3.14 on."""
    spare = {0: np.empty(1)}
    copy = spare.pop(0, None)
    return getrefcount(copy)


_UNSHARED = _count_unshared()


def _copy(array: Any) -> Any:
    """Copy, into memory that an earlier snapshot no longer uses where there is such."""
    if array.nbytes > _SPARE_BYTES or not array.flags.c_contiguous:
        return own_copy(array)  # what is a view, and what order "K" means, hang on the layout
    key = (array.shape, array.dtype)
    copy = _spare.pop(key, None)
    # still somebody's residual, or frozen by a program
    if copy is None or getrefcount(copy) > _UNSHARED or not copy.flags.writeable:
        copy = np.empty(array.shape, array.dtype)
    np.copyto(copy, array)
    if len(_spare) >= _SPARE_COUNT:
        _spare.clear()
    _spare[key] = copy
    return copy


def _same(a: Any, b: Any) -> bool:
    """Say whether all elements are equal; a NaN is not, and so is copied again."""
    return a.shape == b.shape and a.dtype == b.dtype and bool((a == b).all())
