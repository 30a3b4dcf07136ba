"""The recording: a straight-line program (a Wengert list) of nodes in evaluation order.

R. E. Wengert, A simple automatic derivative evaluation program, CACM 7 (1964) 463–464.
"""

from dataclasses import dataclass
from typing import Any

from .op import Op

Place = tuple[Any, int]  # code object, instruction offset


@dataclass(frozen=True, slots=True)
class Aval:
    """What is left of a value that nobody reads any more: its shape and dtype."""

    shape: tuple[int, ...]
    dtype: Any


class Node:
    """One step of the program.

    `inputs` holds, per argument, the node it came from, or None for a constant. `primals` holds
    the argument values that a rule will read; in place of a value that no rule reads stands the
    input's own node or an `Aval`, for its shape and dtype. `output` is the value of the step, or
    None when no rule reads it. An input of the program has no op.
    """

    __slots__ = ("op", "inputs", "params", "place", "mask", "primals", "output", "shape", "dtype")

    def __init__(
        self,
        op: Op | None,
        inputs: tuple["Node | None", ...],
        params: dict[str, Any],
        place: Place | None,
        mask: int,
        primals: Any,
        output: Any,
        shape: tuple[int, ...],
        dtype: Any,
    ) -> None:
        self.op = op
        self.inputs = inputs
        self.params = params
        self.place = place
        self.mask = mask
        self.primals = primals
        self.output = output
        self.shape = shape
        self.dtype = dtype

    def __repr__(self) -> str:
        name = self.op.name if self.op is not None else "input"
        return f"<node {name} {self.dtype}{list(self.shape)}>"


@dataclass(frozen=True, slots=True)
class Graph:
    """A finished recording: its inputs, its nodes in evaluation order, and its outputs.

    An output is a node, or a constant where the function's result does not depend on any input.
    """

    inputs: tuple[Node, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[Any, ...]

    def __str__(self) -> str:
        names = {node: f"x{i}" for i, node in enumerate(self.inputs)}
        lines = [f"{names[n]}: {n.dtype}{list(n.shape)}" for n in self.inputs]
        for i, node in enumerate(self.nodes):
            names[node] = f"v{i + 1}"
            operands = [
                names[n] if n is not None else _short(p)
                for n, p in zip(node.inputs, node.primals, strict=True)
            ]
            operands += [f"{k}={_short(v)}" for k, v in node.params.items()]
            name = node.op.name if node.op else "input"
            lines.append(
                f"v{i + 1}: {node.dtype}{list(node.shape)} = {name}({', '.join(operands)})"
            )
        outs = ", ".join(names.get(o, _short(o)) for o in self.outputs)
        return "\n".join([*lines, f"return {outs}"])


def _short(value: Any) -> str:
    shape = getattr(value, "shape", ())
    return f"array{list(shape)}" if shape else str(value)
