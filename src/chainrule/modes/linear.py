"""Linear programs: a rule's formula, recorded once, run forward or transposed.

A `Jvp` formula is linear in its tangent. Recorded on tracers it is a straight-line program of two
parts: steps that read only the primals, and steps linear in the tangent. The transposed program
runs the first part forward and the second backward. It is cached per op, params and shapes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core.graph import Aval, Node
from ..core.op import Op
from ..core.slots import Jvp, Vjp
from ..errors import RuleError
from ..tracing.foreign import Foreign, zeros
from ..tracing.recording import Recording
from ..tracing.tracer import TRACERS, Tracer, concrete
from .cotangents import Cotangents, Pass

# how reverse mode sends a finished cotangent through one step, into a table of cotangents
PullBack = Callable[[Node, Any, Cotangents, Pass], None]


class RuleRecording(Recording):
    """Records a rule; branching on a value there would make the recording wrong for others."""

    __slots__ = ("owner", "given")
    differentiates = False  # its values are those of an example

    def __init__(self, owner: Any) -> None:
        super().__init__(keep=True, places=False)
        self.owner = owner
        self.given: dict[Node, Any] = {}  # what stands behind its inputs at this call

    def observed(self, tracer: Tracer) -> None:
        raise RuleError(
            f"the derivative rule of {self.owner.name} branches on a value",
            why="the rule is recorded once and reused for every call with the same shapes",
            cure="write the choice as np.where(condition, a, b)",
        )


@dataclass(frozen=True, slots=True)
class Residual:
    """One step that reads only the primals: registers of its arguments and of its result."""

    op: Op
    arguments: tuple[int, ...]
    params: dict[str, Any]
    result: int


@dataclass(frozen=True, slots=True)
class Step:
    """One step linear in the tangent: its parents among the linear ones, and its residuals."""

    node: Node
    parents: tuple[Node | None, ...]
    mask: int
    sources: tuple[int, ...]


class LinearProgram:
    """A recorded formula: ``outputs = formula(tangents, values)``, linear in the tangents.

    Values live in numbered registers; the constants of the formula are in `start` already.
    """

    __slots__ = ("tangents", "values", "start", "residuals", "steps", "outputs")

    def __init__(
        self, owner: Any, formula: Callable[..., Any], tangents: list[Any], given: list[Any]
    ) -> None:
        rec = RuleRecording(owner)
        values = [concrete(v) for v in given]
        like = next(filter(lambda v: type(v) is Foreign, values), None)
        ts = [None if t is None else rec.input(zeros(t.shape, t.dtype, like)) for t in tangents]
        vs = [rec.input(_recorded(v)) if _is_number(v) else v for v in values]
        rec.given = {
            rec.started[id(v)]: g for v, g in zip(vs, given, strict=True) if type(v) in TRACERS
        }
        results = formula(ts, vs)
        rec.given = {}
        results = list(results) if isinstance(results, tuple) else [results]
        graph = rec.finish([t for t in ts if t is not None], results)
        self.tangents = [None if t is None else rec.started[id(t)] for t in ts]
        self.outputs = graph.outputs
        self.start: list[Any] = []
        registers: dict[Node, int] = {}
        self.values = [
            self._register(registers, rec.started[id(v)]) if type(v) in TRACERS else None
            for v in vs
        ]
        self.residuals: list[Residual] = []
        steps: list[Step] = []
        linear = {n for n in self.tangents if n is not None}
        for node in graph.nodes:
            mask = sum(1 << i for i, parent in enumerate(node.inputs) if parent in linear)
            if mask:
                linear.add(node)
                steps.append(self._linear_step(owner, node, mask, linear, registers))
            else:
                assert node.op is not None
                arguments = self._arguments(node, registers)
                result = self._register(registers, node)
                self.residuals.append(Residual(node.op, arguments, node.params, result))
        self.steps = steps[::-1]
        for node in (*graph.inputs, *graph.nodes):  # it outlives their values
            node.inputs, node.primals, node.output = (), (), None

    def transpose(
        self, cotangents: list[Any], values: list[Any], pull_back: PullBack, state: Pass
    ) -> list[Any]:
        """Return the cotangents of the tangents, given those of the outputs."""
        registers = self.registers_at(values)
        cts = self._given(cotangents)
        for step in self.steps:
            ct = cts.pop(step.node, None)
            if ct is not None:
                pull_back(filled(step, registers), ct, cts, state)
        return [None if n is None else cts.get(n) for n in self.tangents]

    def transpose_carefully(
        self, cotangents: list[Any], values: list[Any], pull_back: PullBack, state: Pass,
        supports: list[Any],
    ) -> list[Any]:  # fmt: skip
        """As `transpose`, by a pass that is told the steps and the supports of the outputs."""
        registers = self.registers_at(values)
        cts = self._given(cotangents)
        state.supports = self._given(supports)
        state.keys = {filled(step, registers): step.node for step in self.steps}
        state.nodes = [*reversed(state.keys)]
        for node, key in state.keys.items():
            ct = cts.pop(key, None)
            if ct is not None:
                pull_back(node, ct, cts, state)
        return [None if n is None else cts.get(n) for n in self.tangents]

    def _given(self, cotangents: list[Any]) -> Cotangents:
        cts: Cotangents = {}
        for out, ct in zip(self.outputs, cotangents, strict=True):
            if ct is not None and type(out) is Node:
                cts[out] = cts[out] + ct if out in cts else ct
        return cts

    def registers_at(self, values: list[Any]) -> list[Any]:
        """Return all values that the steps read, of those that the formula is given."""
        registers = self.start.copy()
        plain = True
        for register, value in zip(self.values, values, strict=True):
            if register is not None:
                registers[register] = value
                plain = plain and type(value) in _PLAIN
        for step in self.residuals:
            compute = step.op.value if plain else step.op
            registers[step.result] = compute(*[registers[i] for i in step.arguments], **step.params)
        return registers

    def _register(self, registers: dict[Node, int], node: Node) -> int:
        registers[node] = len(self.start)
        self.start.append(None)
        return registers[node]

    def _constant(self, value: Any) -> int:
        self.start.append(value)
        return len(self.start) - 1

    def _arguments(self, node: Node, registers: dict[Node, int]) -> tuple[int, ...]:
        return tuple(
            registers[parent] if parent is not None else self._constant(primal)
            for parent, primal in zip(node.inputs, node.primals, strict=True)
        )

    def _linear_step(
        self, owner: Any, node: Node, mask: int, linear: set[Node], registers: dict[Node, int]
    ) -> Step:
        assert node.op is not None
        needs = node.op.needs(mask, len(node.inputs))
        sources: list[int] = []
        for i, parent in enumerate(node.inputs):
            if parent is None:
                sources.append(self._constant(node.primals[i]))
            elif parent not in linear:
                sources.append(registers[parent])
            elif needs.inputs[i] or needs.output:
                raise _not_linear(owner, node.op)
            else:
                sources.append(self._constant(Aval(parent.shape, parent.dtype)))
        parents = tuple(p if mask >> i & 1 else None for i, p in enumerate(node.inputs))
        return Step(node, parents, mask, tuple(sources))


_PLAIN = frozenset((np.ndarray, np.float64, np.float32, np.complex128, np.complex64))


def filled(step: Step, registers: list[Any]) -> Node:
    """Return a step as a node that holds what it reads."""
    node = step.node
    return Node(
        node.op, step.parents, node.params, None, step.mask,
        [registers[i] for i in step.sources], None, node.shape, node.dtype,
    )  # fmt: skip


def _not_linear(owner: Any, op: Op) -> RuleError:
    return RuleError(
        f"the derivative rule of {owner.name} is not linear in its tangent",
        why=f"the tangent meets {op.name}, whose own derivative depends on it",
        cure="write a formula in which the tangent is only added, multiplied by values that do "
        "not depend on it, or passed to linear operations",
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, np.ndarray | np.generic | float | int | complex | Foreign)


def _recorded(value: Any) -> Any:
    return value if type(value) is Foreign else np.asarray(value)[()]


def _key(params: dict[str, Any], values: list[Any]) -> Any:
    described = tuple(
        (v.shape, v.dtype.char) if hasattr(v, "dtype") else (type(v), v) for v in values
    ) + tuple(type(v.array) for v in values if type(v) is Foreign)
    return tuple(params.items()), described


def formula_at(node: Node, slot: Jvp, which: tuple[int, ...]) -> tuple[LinearProgram, list[Any]]:
    """Return the recorded formula of the slots in `which`, and the values that it reads here."""
    op: Any = node.op
    outputs = list(node.output or [None] * op.outputs) if op.outputs else [node.output]
    values = [*outputs, *node.primals]
    return program_of(op, slot, which, node, values, len(outputs)), values


def program_of(
    op: Any, slot: Jvp, which: tuple[int, ...], node: Any, values: list[Any], count: int
) -> LinearProgram:
    """Return the recorded formula of a `Jvp`, from the cache where it can be."""
    plain = [concrete(v) for v in values]
    try:
        key = ("jvp", which, len(node.inputs), *_key(node.params, plain)) if op.closed else None
        found = op.cache.get(key)
    except TypeError:  # unhashable params
        key, found = None, None
    if found is not None:
        return found  # type: ignore[no-any-return]

    def formula(ts: Any, vs: Any) -> Any:
        y = tuple(vs[:count]) if op.outputs else vs[0]
        if op.outputs and hasattr(node.output, "_fields"):
            y = type(node.output)(*y)
        t = tuple(ts) if slot.joint else ts[which[0]]
        return slot.rule(t, y, *vs[count:], **node.params)

    tangents = [node.inputs[k] if k in which else None for k in range(len(node.inputs))]
    program = LinearProgram(op, formula, tangents, values)
    if key is not None:
        op.cache[key] = program
    return program


def transposed_vjp(
    op: Any, slot: Vjp, tangents: Any, y: Any, xs: Any, params: Any, pull_back: PullBack
) -> Any:
    """Return the JVP of a rule given from the reverse end: J = (Jᵀ)ᵀ."""
    def formula(ts: Any, vs: Any) -> Any:
        return tuple(slot.rule(ts[0], vs[0], *vs[1:], **params))

    y0 = concrete(y)
    program = LinearProgram(op, formula, [Aval(np.shape(y0), np.result_type(y0))], [y, *xs])
    with np.errstate(all="ignore"):
        return program.transpose(list(tangents), [y, *xs], pull_back, Pass())[0]
