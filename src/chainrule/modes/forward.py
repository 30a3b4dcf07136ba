"""Forward mode: each tracer carries its tangent beside its value.

`push` is the one place where the kinds of slot part in forward mode.

R. E. Wengert, A simple automatic derivative evaluation program, CACM 7 (1964) 463–464.
"""

from sys import getrefcount
from typing import Any

import numpy as np

from ..core.graph import Graph, Node
from ..core.op import Op, rule_params
from ..core.settings import ignore, put_back
from ..core.slots import Index, Jvp, Linear, Partial, Vjp, times
from ..core.zero import holds_nan, strong_product
from ..errors import RuleError, singular
from ..tracing.foreign import Foreign, zeros
from ..tracing.running import running
from ..tracing.searches import compared, raised
from ..tracing.source import user_frame
from ..tracing.stacked import every
from ..tracing.stores import UNSHARED
from ..tracing.ties import touch
from ..tracing.tracer import OPEN, TRACERS, Trace, Tracer, apply, hold, make_tracer, release
from .cotangents import has_nan, nonzero
from .linear import transposed_vjp
from .moving import Moving
from .reverse import pull_back
from .support_push import mend_partial, mend_product


class Forward(Trace):
    """The trace of forward mode: a tracer's node is its tangent."""

    __slots__ = ("doubt",)
    differentiates = True

    def __init__(self) -> None:
        super().__init__()
        self.doubt: Any = None  # the first 0·∞, of which only a recording knows what the zero is

    def supports(self, *doubt: Any) -> None:
        """Remember the step: tangents that leave no trace cannot be followed."""
        if self.doubt is None:
            frame = user_frame(2)
            self.doubt = (doubt[0], None if frame is None else (frame.f_code, frame.f_lasti),
                          doubt[1])  # fmt: skip

    def process(self, op: Op, args: Any, params: dict[str, Any]) -> Any:
        if self.state:
            return self.not_open(op, args, params)
        primals, tangents = [], []
        for k, a in enumerate(args):
            if type(a) in TRACERS and a.cr_owner is self:
                primals.append(a.cr_value)
                tangents.append(a.cr_node if op.flows(k) else None)
            else:
                primals.append(release(a))
                tangents.append(None)
        try:
            output = apply(op, primals, params)
        except Exception:
            raised(primals)
            raise
        if op.jump is not None:
            touch(self, op, output, primals, params)
        if all(t is None for t in tangents):
            if op.jump is None and not running.rules:
                compared(op.name, output, primals, params)
            return hold(output) if type(output) is Foreign else output
        tangent = push(op, output, primals, tangents, rule_params(params), self)
        if tangent is None:
            return output
        if type(tangent) in TRACERS and tangent.cr_owner is self:
            raise reads_outside(op.name)
        if op.outputs:
            parts = [
                o if t is None else make_tracer(o, self, t)
                for o, t in zip(output, tangent, strict=True)
            ]
            return type(output)(*parts) if hasattr(output, "_fields") else tuple(parts)
        return make_tracer(output, self, tangent)

    def store(self, y: Tracer, op: Op, args: Any, params: dict[str, Any]) -> bool:
        if self.state != OPEN or op.store is None:
            return False
        if y.cr_owner is self and (type(y.cr_node) is not np.ndarray or not y.cr_node.flags.owndata
                                or getrefcount(y.cr_node) != UNSHARED):  # fmt: skip
            return False
        tangents = [
            a.cr_node if type(a) in TRACERS and a.cr_owner is self else None for a in args
        ]
        nothing = tangents[1] is None and y.cr_owner is not self
        if nothing or any(type(t) in TRACERS for t in tangents):
            return False
        _, value, *rest = map(_plain, args)
        op.store(y.cr_value, value, *rest, **params)
        del tangents[0]
        if y.cr_owner is not self:
            y.cr_owner, y.cr_node = self, np.zeros(y.cr_value.shape, y.cr_value.dtype)
        op.store(y.cr_node, 0.0 if tangents[0] is None else tangents[0], *rest, **params)
        return True


def _plain(a: Any) -> Any:
    return a.cr_value if type(a) in TRACERS else a


def reads_outside(name: str) -> RuleError:
    """Build the error for a rule that reads what no argument of it is."""
    return RuleError(
        f"the derivative rule of {name} reads a value that is being differentiated",
        why="it came from outside the rule's arguments (a closure, a global or an attribute), and "
        "what flows through it would be lost",
        cure="pass it as an argument of ‹callee›, which the rule then receives",
    )


def push(
    op: Op, y: Any, xs: Any, ts: Any, params: dict[str, Any], state: Any = None
) -> Any:
    """Return the tangent of the output, given those of the inputs (None: nothing flows).

    ``state.supports()`` tells, should 0·∞ be met, which zeros of the tangents are structural.
    """
    if op.additive:
        return _push_additive(op, xs, ts, params)
    try:
        return _push(op, y, xs, ts, params, state)
    except np.linalg.LinAlgError as error:
        raise singular(op.name, error) from error


def _push(op: Op, y: Any, xs: Any, ts: Any, params: dict[str, Any], state: Any) -> Any:
    total = None
    done_jointly = False
    for k, t in enumerate(ts):
        slot = op.slot(k)
        if t is None or isinstance(slot, Index):
            continue
        if isinstance(slot, Partial):
            term = _push_partial(op, k, y, xs, ts, params, state)
        elif isinstance(slot, Linear):
            term = _push_linear(op, k, xs, ts, params, state)
        elif isinstance(slot, Jvp) and not slot.joint:
            term = slot.rule(t, y, *xs, **params)
        elif done_jointly:
            continue
        else:
            done_jointly = True
            term = _push_joint(op, slot, y, xs, ts, params)
        if not op.outputs:
            total = term if total is None else total + term
        elif total is None:
            total = term
        else:
            total = tuple(a + b for a, b in zip(total, term, strict=True))
    if total is None:
        return None
    if op.outputs:  # of outputs that are not kept each part gets its shape where it is taken
        return tuple(total) if type(y) is Node else tuple(map(_like_part, total, y))
    return like_output(total, y)


def _like_part(term: Any, y: Any) -> Any:
    """Give a tangent the shape and dtype of its output, where that can have one."""
    return like_output(term, y) if y.dtype.kind in "fc" and hasattr(term, "dtype") else term


def like_output(term: Any, y: Any) -> Any:
    """Give a tangent the shape and dtype of its primal."""
    if term.shape != y.shape:
        term = np.broadcast_to(term, y.shape)
    if term.dtype != y.dtype:
        term = term.astype(y.dtype) if y.dtype.kind == "c" or term.dtype.kind != "c" \
            else np.real(term).astype(y.dtype)
    return term


def _push_partial(
    op: Op, k: int, y: Any, xs: Any, ts: Any, params: dict[str, Any], state: Any
) -> Any:
    slot: Any = op.slot(k)
    t = ts[k]
    if slot.constant:
        rule = slot.rule
        return t if rule == 1 else t * rule if rule else np.zeros_like(t)
    errors = ignore()
    try:
        factor, over = slot.parts(y, *xs, **params)
        product = times(t, factor, over)
        if not holds_nan(held := every(product)):
            return product
        if type(held) is Foreign or state is None:
            return strong_product(t, factor, over)
        return mend_partial(op, k, ts, factor, over, state)
    finally:
        put_back(errors)


def _push_linear(op: Op, k: int, xs: Any, ts: Any, params: dict[str, Any], state: Any) -> Any:
    def product(t: Any, others: Any) -> Any:
        return apply(op, [t if j == k else x for j, x in enumerate(others)], params)

    term = product(ts[k], xs)
    factors = len(xs) > 1 and state is not None and sum(map(op.flows, range(len(xs))))
    if factors < 2 or not has_nan(term):
        return term
    return mend_product(op, k, xs, ts, term, product, state)


def _push_additive(op: Op, xs: Any, ts: Any, params: dict[str, Any]) -> Any:
    args = []
    for k, (x, t) in enumerate(zip(xs, ts, strict=True)):
        if not op.flows(k):
            args.append(x)
        elif t is None:
            args.append(zeros(x.shape, x.dtype, x) if hasattr(x, "shape") else 0.0)
        else:
            args.append(t)
    return apply(op, args, params)


def _push_joint(op: Op, slot: Any, y: Any, xs: Any, ts: Any, params: dict[str, Any]) -> Any:
    if isinstance(slot, Jvp):
        return slot.rule(tuple(ts), y, *xs, **params)
    if isinstance(slot, Vjp):
        return transposed_vjp(op, slot, ts, y, xs, params, pull_back)
    mixed = [t if op.flows(j) else x for j, (x, t) in enumerate(zip(xs, ts, strict=True))]
    return apply(op, mixed, params)


class Steps:
    """One forward pass over a recording; it follows the supports once 0·∞ is met."""

    __slots__ = ("graph", "seeds", "moving", "here")

    def __init__(self, graph: Graph, seeds: dict[Any, Any]) -> None:
        self.graph, self.seeds = graph, dict(seeds)
        self.moving: Moving | None = None
        self.here: Any = None  # the node that is being pushed through

    def supports(self, *_doubt: Any) -> list[Any]:
        """Return, for each input of the present node, what is zero where its tangent must be."""
        if self.moving is None:
            seeds = {n: nonzero(t) for n, t in self.seeds.items()}
            self.moving = Moving(self.graph.nodes, seeds)
        return self.moving.inputs_of(self.here)

    def still(self) -> Any:
        """Return where the output of the present node stands still."""
        return False if self.moving is None else self.moving.still(self.here)

    @property
    def place(self) -> Any:
        """Where in the user's source the present step stands."""
        return self.here.place


def push_graph(graph: Graph, tangents: list[Any], chosen: Any = None) -> list[Any]:
    """Push tangents of the inputs (None: zero) through a recording; None where none arrives.

    ``chosen(ts)`` yields the nodes to visit, where fewer than all do (`readers`).
    """
    ts: dict[Any, Any] = {
        n: t for n, t in zip(graph.inputs, tangents, strict=True) if t is not None
    }
    before, running.rules = running.rules, len(running.traces)
    try:
        _push_nodes(graph, ts, chosen)
    finally:
        running.rules = before
    return [ts.get(o) if type(o) is Node else None for o in graph.outputs]


def _push_nodes(graph: Graph, ts: dict[Any, Any], chosen: Any) -> None:
    steps = Steps(graph, ts)
    for node in graph.nodes if chosen is None else chosen(ts):
        op = node.op
        here = [ts.get(n) for n in node.inputs]  # of None nothing is known
        if op is not None and op.indexed:
            here = [t if op.flows(k) else None for k, t in enumerate(here)]
        for t in here:
            if t is not None:
                break
        else:
            continue
        assert op is not None
        if op.name == "component":
            t = here[0][node.params["index"]]
        else:
            steps.here = node
            t = push(op, node.output if node.output is not None else node, node.primals, here,
                     node.params, steps)  # fmt: skip
        if t is not None:
            ts[node] = t
