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
from ..core.slots import Jvp, Vjp
from ..errors import RuleError
from ..tracing.recording import Recording
from ..tracing.tracer import Tracer, concrete


class RuleRecording(Recording):
    """Records a rule; branching on a value there would make the recording wrong for others."""

    __slots__ = ("owner",)

    def __init__(self, owner: Any) -> None:
        super().__init__(keep=True, places=False)
        self.owner = owner

    def observed(self, tracer: Tracer) -> None:
        raise RuleError(
            f"the derivative rule of {self.owner.name} branches on a value",
            why="the rule is recorded once and reused for every call with the same shapes",
            cure="write the choice as np.where(condition, a, b)",
        )


@dataclass(frozen=True, slots=True)
class Step:
    """One step that is linear in the tangent, with where its residuals come from."""

    node: Node
    mask: int
    sources: tuple[Any, ...]


class LinearProgram:
    """A recorded formula: ``outputs = formula(tangents, values)``, linear in the tangents."""

    __slots__ = ("tangents", "values", "residuals", "steps", "outputs")

    def __init__(
        self, owner: Any, formula: Callable[..., Any], tangents: list[Any], values: list[Any]
    ) -> None:
        rec = RuleRecording(owner)
        ts = [None if t is None else rec.input(np.zeros(t.shape, t.dtype)) for t in tangents]
        vs = [rec.input(np.asarray(v)[()]) if _is_number(v) else v for v in values]
        results = formula(ts, vs)
        results = list(results) if isinstance(results, tuple) else [results]
        graph = rec.finish([t for t in ts if t is not None], results)
        self.tangents = [None if t is None else t.node for t in ts]
        self.values = [v.node if type(v) is Tracer else None for v in vs]
        self.outputs = graph.outputs
        linear = {n for n in self.tangents if n is not None}
        self.residuals: list[Node] = []
        self.steps: list[Step] = []
        for node in graph.nodes:
            mask = sum(1 << i for i, parent in enumerate(node.inputs) if parent in linear)
            if mask:
                linear.add(node)
                self.steps.append(_step(owner, node, mask, linear))
            else:
                self.residuals.append(node)

    def transpose(self, cotangents: list[Any], values: list[Any]) -> list[Any]:
        """Return the cotangents of the tangents, given those of the outputs."""
        from .reverse import backward

        env = self._environment(values)
        copies: dict[Node, Node] = {n: n for n in self.tangents if n is not None}
        program = []
        for step in self.steps:
            old = step.node
            primals = [env[s] if type(s) is Node and s in env else s for s in step.sources]
            inputs = [
                copies[p] if p is not None and step.mask >> i & 1 else None
                for i, p in enumerate(old.inputs)
            ]
            new = Node(
                old.op, inputs, old.params, None, step.mask, primals,
                env.get(old, old.output), old.shape, old.dtype,
            )  # fmt: skip
            copies[old] = new
            program.append(new)
        cts: dict[Node, Any] = {}
        for out, ct in zip(self.outputs, cotangents, strict=True):
            if ct is None or type(out) is not Node or out not in copies:
                continue
            target = copies[out]
            cts[target] = cts[target] + ct if target in cts else ct
        backward(reversed(program), cts)
        return [None if n is None else cts.get(n) for n in self.tangents]

    def _environment(self, values: list[Any]) -> dict[Node, Any]:
        env: dict[Node, Any] = {}
        for node, value in zip(self.values, values, strict=True):
            if node is not None:
                env[node] = value
        for node in self.residuals:
            assert node.op is not None
            args = [
                env[n] if n is not None else p
                for n, p in zip(node.inputs, node.primals, strict=True)
            ]
            if node.op.name == "component":
                env[node] = args[0][node.params["index"]]
            else:
                env[node] = node.op(*args, **node.params)
        return env


def _step(owner: Any, node: Node, mask: int, linear: set[Node]) -> Step:
    assert node.op is not None
    needs = node.op.needs(mask, len(node.inputs))
    sources: list[Any] = []
    for i, parent in enumerate(node.inputs):
        if parent is None:
            sources.append(node.primals[i])
        elif parent not in linear:
            sources.append(parent)
        elif needs.inputs[i] or needs.output:
            raise RuleError(
                f"the derivative rule of {owner.name} is not linear in its tangent",
                why=f"the tangent meets {node.op.name}, whose own derivative depends on it",
                cure="write a formula in which the tangent is only added, multiplied by values "
                "that do not depend on it, or passed to linear operations",
            )
        else:
            sources.append(Aval(parent.shape, parent.dtype))
    return Step(node, mask, tuple(sources))


def _is_number(value: Any) -> bool:
    return isinstance(value, np.ndarray | np.generic | float | int | complex)


def _key(params: dict[str, Any], values: list[Any]) -> Any:
    described = tuple(
        (v.shape, v.dtype.char) if hasattr(v, "dtype") else (type(v), v) for v in values
    )
    return tuple(sorted(params.items())), described


def transposed_jvp(slot: Jvp, which: tuple[int, ...]) -> Callable[[Any, Node], Any]:
    """Return the pull of a `Jvp` slot (for `joint`, of all the slots in `which` at once)."""

    def pull(ct: Any, node: Node) -> Any:
        op = node.op
        assert op is not None
        outputs = list(node.output) if op.outputs else [node.output]
        values = [*outputs, *node.primals]
        program = program_of(op, slot, which, node, values, len(outputs))
        cotangents = ct if op.outputs else [ct]
        found = program.transpose(cotangents, values)
        if not slot.joint:
            return found[which[0]]
        return found

    return pull


def program_of(
    op: Any, slot: Jvp, which: tuple[int, ...], node: Any, values: list[Any], count: int
) -> LinearProgram:
    """Return the recorded formula of a `Jvp`, from the cache where it can be."""
    plain = [concrete(v) for v in values]
    try:
        key = ("jvp", which, len(node.inputs), *_key(node.params, plain))
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
    program = LinearProgram(op, formula, tangents, plain)
    if key is not None:
        op.cache[key] = program
    return program


def transposed_vjp(op: Any, slot: Vjp, tangents: Any, y: Any, xs: Any, params: Any) -> Any:
    """Return the JVP of a rule given from the reverse end: J = (Jᵀ)ᵀ."""
    plain = [concrete(v) for v in (y, *xs)]

    def formula(ts: Any, vs: Any) -> Any:
        return tuple(slot.rule(ts[0], vs[0], *vs[1:], **params))

    y0 = plain[0]
    program = LinearProgram(op, formula, [Aval(np.shape(y0), np.asarray(y0).dtype)], plain)
    return program.transpose(list(tangents), [y, *xs])[0]
