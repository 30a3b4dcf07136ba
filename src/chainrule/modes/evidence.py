"""What a pattern rests on: the steps of a recording, and the constants that were read.

A pattern holds for every recording of the same steps with the same constants. Copies of both are
kept beside it: a program may write into its arrays, and into sparse matrices, at any time.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from ..core.graph import Graph, Node
from ..core.op import Op
from ..core.slots import Partial
from ..tracing.tracer import concrete
from .linear import LinearProgram
from .readers import last_readers

Key = tuple[int, int]  # the number of a step, and of its argument


@dataclass(slots=True)
class Evidence:
    """A constant that a pattern rests on: how it is read off a step, and what it was.

    Of a `mask` it counts only where it is not zero: more zeros do no harm.
    """

    key: Key
    read: Callable[[Node], Any]
    value: Any
    mask: bool = False

    def holds(self, node: Node) -> bool:
        """Say whether the same step of a later recording has the same."""
        found = self.read(node)
        if not self.mask:
            return alike(found, self.value)
        if np.shape(found) != self.value.shape:
            return False
        return not np.any(np.not_equal(found, 0) & ~self.value)


@dataclass(slots=True)
class Pattern:
    """The pattern of a recording: a boolean matrix, all numbers of the outputs by the inputs'."""

    matrix: Any
    steps: list[Any]
    evidence: list[Evidence]
    wide: frozenset[Key]

    def failing(self, graph: Graph, steps: list[Any]) -> set[Key] | None:
        """Return the masks that have fewer zeros in `graph`; None if it is another program.

        Where there are none, the pattern is that of `graph`, whose `steps` are as `described`.
        """
        if len(steps) != len(self.steps) or not all(map(alike, steps, self.steps)):
            return None
        nodes = last_readers(graph)[0]
        broken = [e for e in self.evidence if not e.holds(nodes[e.key[0]])]
        return {e.key for e in broken} if all(e.mask for e in broken) else None


def described(graph: Graph) -> list[Any]:
    """Write a recording down without its values: what is done to what."""
    nodes = last_readers(graph)[0]
    number = {n: i for i, n in enumerate((*graph.inputs, *nodes))}
    steps: list[Any] = [n.shape for n in graph.inputs]
    for n in nodes:
        op: Any = n.op
        params = None if all(type(s) is Partial for s in op.slots) else n.params
        steps.append((op, tuple([number.get(p) for p in n.inputs]), n.shape, params))
    steps.append(tuple([number[o] if type(o) is Node else np.shape(concrete(o))
                        for o in graph.outputs]))  # fmt: skip
    return steps


class _Held:
    """A sparse matrix that is a param, as it was."""

    def __init__(self, param: Any) -> None:
        self.kind, self.parts = type(param), _parts(param)


def _parts(param: Any) -> Any:
    m = param.matrix
    names = ("data", "indices", "indptr", "coords", "offsets", "row", "col")
    return m.format, m.shape, [held(getattr(m, n)) for n in names if hasattr(m, n)]


def held(a: Any) -> Any:
    """Return a constant as it is now: the program may write into it later."""
    if type(a) in _SIMPLE:
        return a
    if isinstance(a, np.ndarray):
        return a.copy()
    if isinstance(a, tuple | list):
        return [held(v) for v in a]
    if isinstance(a, dict):
        return {k: held(v) for k, v in a.items()}
    return _Held(a) if _has_matrix(a) else a


def _has_matrix(a: Any) -> bool:
    return sparse.issparse(getattr(a, "matrix", None))


def alike(a: Any, b: Any) -> bool:
    """Say whether a constant is what another one was, which is `held`."""
    kind = type(a)
    if kind in _SIMPLE:
        return kind is type(b) and a == b
    if isinstance(a, np.ndarray):
        same = type(b) is np.ndarray and a.shape == b.shape and a.dtype == b.dtype
        return same and bool(np.array_equal(a, b))
    if isinstance(a, tuple | list):
        return type(b) is list and len(a) == len(b) and all(map(alike, a, b))
    if isinstance(a, dict):
        if type(b) is not dict or a.keys() != b.keys():
            return False
        return all(alike(v, b[k]) for k, v in a.items())
    if _has_matrix(a):
        return type(b) is _Held and type(a) is b.kind and alike(_parts(a), held(b.parts))
    if isinstance(a, slice):
        return type(b) is slice and (a.start, a.stop, a.step) == (b.start, b.stop, b.step)
    if isinstance(a, _PLAIN):
        return type(a) is type(b) and bool(a == b)
    return a is b


_SIMPLE = frozenset((int, str, bool, type(None), Op))
_PLAIN = (str, int, float, complex, np.generic, np.dtype)


def written(program: LinearProgram) -> Any:
    """Write a formula down, with its constants."""
    number = {n: i for i, n in enumerate(program.tangents) if n is not None}
    steps = []
    for step in program.steps[::-1]:
        number[step.node] = len(number)
        steps.append((step.node.op, step.node.params, [number.get(q) for q in step.parents],
                      [program.start[s] for s in step.sources]))  # type: ignore[arg-type]  # fmt: skip
    return steps
