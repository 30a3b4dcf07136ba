"""A recorded callback as a pure function G(t, y, p), and the programs that are written of it.

What is traced here sees the doors of NumPy in this module's names; what runs then stands in
`callbacks`, which sees NumPy as it is.
"""

import copy
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from ..core.graph import Node
from ..core.op import Op
from ..core.registry import op_named
from ..core.slots import INDEX
from ..lift import record, run_traced
from ..modes.derived import blocks
from ..modes.forward import push_graph
from ..modes.reverse import backward, cotangent_of
from ..programs.python import lower
from ..programs.tape import Tape, UnreplayableError
from ..tracing.running import running
from ..tracing.tracer import TRACERS, apply, concrete

Function = Callable[..., Any]
_LARGE = 1 << 16  # bytes of a constant that is compared
_MOST_SCALAR = 1000  # operations on numbers that are differentiated one by one


class Pure:
    """The operations of f(t, y), and which of their constants are its parameters.

    ``of_math`` are the functions of `math` that the program calls, by their places. ``places`` says
    of the k-th argument of the i-th node where in the vector p it stands. It is `exact` if its
    values are those of f to the last bit: of ``x ** y`` for two numbers NumPy's scalars and its
    ufunc do not agree there, and a recording does not tell which was meant.
    """

    def __init__(self, inputs: list[Node], nodes: list[Node], out: Node, math: Any) -> None:
        self.of_math = {i: g for i, g in math.items() if _is_of(nodes[i], g)}
        self.exact = not any(
            n.op.name == "power" and n.shape == () and i not in self.of_math
            for i, n in enumerate(nodes)
        )
        self.inputs, self.nodes, self.out = inputs, list(nodes), out
        if not any(out in node.inputs for node in nodes):
            self.out = self.nodes[nodes.index(out)] = _packed(out)
        self.reads: list[Any] = []  # the traced values that f reads
        self.places: dict[tuple[int, int], tuple[int, tuple[int, ...]]] = {}
        known: dict[Any, int] = {}
        self.count = 0
        for i, node in enumerate(nodes):
            for k, (parent, p) in enumerate(zip(node.inputs, node.primals, strict=True)):
                if parent is not None or type(p) not in TRACERS:
                    continue
                at = known.setdefault(_key(p), self.count)
                if at == self.count:
                    self.reads.append(p)
                    self.count += int(np.prod(p.shape))
                self.places[i, k] = at, p.shape

    def key(self, shape: Any) -> Any:
        """Return what is equal only for the same operations on the same constants; None: unsure."""
        number: dict[Any, int] = {node: i for i, node in enumerate((*self.inputs, *self.nodes))}
        found: list[Any] = [shape, self.count, number[self.out], *self.of_math.items()]
        try:
            for i, node in enumerate(self.nodes):
                found += [node.op, _exactly(node.params)]
                for k, (parent, held) in enumerate(zip(node.inputs, node.primals, strict=True)):
                    if parent is not None:
                        found.append(number[parent])
                    else:
                        found.append(self.places.get((i, k)) or _exactly(held))
        except TypeError:
            return None
        return tuple(found)

    def __call__(self, t: Any, y: Any, p: Any) -> Any:
        """Compute f by its operations, on whatever the arguments are."""
        return self._computed(t, y, p, {})

    def _computed(self, t: Any, y: Any, p: Any, functions: Any) -> Any:
        known: dict[Node, Any] = dict(zip(self.inputs, (t, y), strict=True))
        for i, node in enumerate(self.nodes):
            args = [
                _part(p, *self.places[i, k]) if (i, k) in self.places else known.get(parent, held)
                for k, (parent, held) in enumerate(zip(node.inputs, node.primals, strict=True))
            ]
            known[node] = (
                apply(_of_math(functions[i]), args, {}) if i in functions else _computed(node, args)
            )
        return known[self.out]

    def value(self, t: Any, y: Any, p: Any) -> Any:
        """Compute f with the functions of `math` that it calls itself. These have no slopes."""
        return self._computed(t, y, p, self.of_math)

    def is_scalar(self) -> bool:
        """Say whether f takes numbers out of y, computes, and puts numbers together."""
        if self.out.op.name != "pack" or len(self.nodes) > _MOST_SCALAR:
            return False
        y = self.inputs[1]
        return not any(shape for _, shape in self.places.values()) and all(
            len(n.inputs) == 1 and type(n.params.get("index")) is int
            for n in self.nodes if y in n.inputs
        )  # fmt: skip

    def numbers(self, t: Any, ys: Any, ps: Any) -> Any:
        """Compute the elements of f, one by one, of those of y and p."""
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
            known[node] = _computed(node, args)
        raise AssertionError("the result is computed")

    def slopes(self, t: Any, y: Any, p: Any) -> Any:
        """Return f, ∂f/∂y and, if there are parameters, ∂f/∂p."""
        _, graph, leaves, _ = record(self, (t, y, p), {}, (1, 2) if self.count else (1,))
        ((*found,),) = blocks(self, graph, leaves, "auto")
        return (_value(graph.outputs[0], leaves[0]), *found)

    def pulled(self, t: Any, y: Any, p: Any, ct: Any) -> Any:
        """Return ctᵀ·∂f/∂y and ctᵀ·∂f/∂p."""
        _, graph, _, _ = record(self, (t, y, p), {}, (1, 2) if self.count else (1,))
        cotangents = {graph.outputs[0]: ct}
        backward(graph.nodes, cotangents)
        return tuple(cotangent_of(cotangents, x) for x in graph.inputs)

    def pushed(self, t: Any, y: Any, p: Any, tangent: Any, k: int) -> Any:
        """Return ∂f/∂y·tangent, or ∂f/∂p·tangent for k = 1."""
        _, graph, _, _ = record(self, (t, y, p), {}, k + 1)
        (found,) = push_graph(graph, [tangent])
        return np.zeros(np.shape(y)) if found is None else found

    def entries(self, where: list[int]) -> Function:
        """Return what computes f and those entries of ∂f/∂(y, p) that something leads to.

        A backward pass from each element. Where the entries stand is written into `where`.
        """

        def entries(t: Any, y: Any, p: Any) -> Any:
            ys, ps = [y[j] for j in range(len(y))], [p[j] for j in range(len(p))]
            _, graph, leaves, _ = record(self.numbers, (t, ys, ps), {}, (1, 2) if ps else (1,))
            where.clear()
            found, values = [], []
            for i, (node, leaf) in enumerate(zip(graph.outputs, leaves, strict=True)):
                values.append(_value(node, leaf))
                cotangents = {node: np.float64(1.0)} if type(node) is Node else {}
                backward(graph.nodes, cotangents)
                for j, x in enumerate(graph.inputs):
                    if (entry := cotangents.get(x)) is not None:
                        where.append(i * (len(ys) + len(ps)) + j)
                        found.append(entry)
            return np.array(values), np.array(found)

        return entries


def _key(value: Any) -> Any:
    """Return what is equal for values that are read in the same way from the same place."""
    node = value.cr_node
    if type(node) is Node and node.op is not None and node.op.name == "getitem":
        return id(node.inputs[0]), repr(node.params)
    return id(value.cr_owner), id(node)


def _packed(node: Node) -> Node:
    """Return a stack of numbers as what it is: an array that is made of them."""
    scalars = node.op is not None and node.op.name == "stack" and len(node.shape) == 1
    if not scalars or node.params.get("axis") != 0 or node.dtype != np.float64:
        return node
    found = copy.copy(node)
    found.op, found.params = op_named("pack"), {"shape": node.shape}
    return found


def _exactly(value: Any) -> Any:
    """Return what two constants have in common only if they are the same, bit for bit."""
    if isinstance(value, np.ndarray | np.generic):
        if value.nbytes > _LARGE or value.dtype.hasobject:
            raise TypeError
        return type(value), value.shape, value.dtype, value.tobytes()
    if isinstance(value, dict):
        return tuple((k, _exactly(v)) for k, v in value.items())
    if isinstance(value, tuple | list):
        return type(value), tuple(map(_exactly, value))
    if isinstance(value, slice):
        return slice, value.start, value.stop, value.step
    if value is None or isinstance(value, bool | int | float | complex | str | np.dtype | type):
        return type(value), repr(value)
    raise TypeError


def _is_of(node: Node, function: Function) -> bool:
    name = function.__name__
    wanted = _NAMES.get(name) or (f"arc{name[1:]}" if name[0] == "a" else name)
    return node.op is not None and node.op.name == wanted


_NAMES = {"pow": "power", "fabs": "absolute", "lgamma": "gammaln"}


@cache
def _of_math(function: Function) -> Op:
    def value(*xs: Any) -> Any:
        return np.float64(function(*map(float, xs)))

    return Op(f"math_{function.__name__}", value, (INDEX,), batch="loop", variadic=True)


def _part(p: Any, at: int, shape: tuple[int, ...]) -> Any:
    if not shape:
        return p[at]
    part = p[at : at + int(np.prod(shape))]
    return part if len(shape) == 1 else np.reshape(part, shape)


def _computed(node: Node, args: list[Any]) -> Any:
    assert node.op is not None
    if node.op.name == "component":
        return args[0][node.params["index"]]
    return apply(node.op, args, node.params)


def _value(node: Any, leaf: Any) -> Any:
    return leaf.cr_value if type(node) is Node else leaf


def written(function: Function, args: Any) -> Any:
    """Return the program of a pure function, recorded at `args`, or None where there is none.

    It returns a tuple; `BAIL` where it does not hold.
    """
    tape = Tape()
    ins = [tape.input(np.array(a)[()]) for a in args]
    traces, running.traces = running.traces, []
    searches, running.searches = running.searches, {}  # the program's, which are not over
    running.tape = tape
    try:
        out = run_traced(tape, function, ins, {})
    except UnreplayableError:
        return None
    finally:
        running.tape, running.traces, running.searches = None, traces, searches
    if tape.refusal:
        return None
    outs = []
    for v in out if type(out) is tuple else (out,):
        mine = type(v) in TRACERS and v.cr_owner is tape
        outs.append(v.cr_node if mine else np.array(concrete(v)))
    return lower([x.cr_node for x in ins], tape.nodes, tape.guards, outs).run
