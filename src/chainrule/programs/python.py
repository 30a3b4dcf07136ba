"""The first back end: a tape as straight-line Python.

Numbers of double precision are Python's floats, whose four operations are those of IEEE 754 as
NumPy's are; everything else is computed by the operation's own value. What Python's floats refuse
(a division by zero, a logarithm of a negative number) ends the program: the call is then made as
if there were none.
"""

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from ..core.graph import Node
from ..core.registry import op_named
from .tape import DEFINED, EQUAL, JUMP, MADE, NUMBER, TRUE, Guard

OWN_PROGRAM = "<chainrule program>"  # what stands for the file of a program
BAIL = object()  # what a program returns when a guard does not hold

_FORMS = {  # of numbers, written with Python's operators
    "add": "{0} + {1}", "subtract": "{0} - {1}", "multiply": "{0} * {1}",
    "divide": "{0} / {1}", "negative": "-{0}", "absolute": "abs({0})", "positive": "+{0}",
    "less": "{0} < {1}", "less_equal": "{0} <= {1}", "greater": "{0} > {1}",
    "greater_equal": "{0} >= {1}", "equal": "{0} == {1}", "not_equal": "{0} != {1}",
}  # fmt: skip
_MATH = {"sqrt": math.sqrt, "sin": math.sin, "cos": math.cos, "tan": math.tan, "exp": math.exp,
         "log": math.log, "tanh": math.tanh}  # fmt: skip
_UFUNCS = frozenset(
    "sqrt sin cos tan exp log tanh sinh cosh arctan arcsin arccos log1p expm1 log2 log10 exp2 "
    "arcsinh arccosh arctanh cbrt".split()
)
_ARRAYS = {"add": "{0} + {1}", "subtract": "{0} - {1}", "multiply": "{0} * {1}",
           "divide": "{0} / {1}", "negative": "-{0}", "matmul": "{0} @ {1}"}  # fmt: skip


class Program:
    """Straight-line Python that does what a tape did, or returns `BAIL`."""

    def __init__(self, source: str, function: Callable[..., Any], operations: int) -> None:
        self.source, self.run, self.operations = source, function, operations


def lower(inputs: Any, nodes: Any, guards: list[Guard], outputs: list[Any]) -> Program:
    """Write the program of a tape: its inputs, nodes, guards, and the leaves of its result."""
    return _Writer(inputs, nodes, guards, outputs).program()


class _Writer:
    def __init__(self, inputs: Any, nodes: Any, guards: Any, outputs: Any) -> None:
        self.inputs, self.nodes, self.guards, self.outputs = inputs, nodes, guards, outputs
        self.space: dict[str, Any] = {"BAIL": BAIL, "f8": np.float64, "b1": np.bool_}
        self.given: dict[int, str] = {}
        self.names: dict[Node, str] = {}
        self.numbers: set[Node] = set()  # those held as Python's floats and bools
        self.lines: list[str] = []
        self.last: dict[Node, int] = {}  # when a value is read last
        self.root: dict[Node, Node] = {}  # whose memory a value shares
        self.family: dict[Node, list[Node]] = {}
        self.same: dict[Node, Node] = {}  # a read that was made before
        self.pieces: set[Node] = set()  # scattered values that go into a sum, and nowhere else
        self.free: list[str] = []
        self.count = 0

    def program(self) -> Program:
        """Write it, and let Python compile it."""
        steps = self._steps()
        same = self.same
        self.outputs = [same.get(out, out) if type(out) is Node else out for out in self.outputs]
        self._lifetimes(steps)
        params = []
        for node in self.inputs:
            name = self._name(node)
            params.append(name)
            if _is_number(node):
                self.numbers.add(node)
        for at, step in enumerate(steps):
            if type(step) is Guard:
                self._guard(step)
            else:
                self._node(step, at)
            self._release(step, at)
        results = ", ".join(self._result(out) for out in self.outputs)
        body = "\n ".join([*self.lines, f"return ({results}{',' if results else ''})"])
        source = f"def program({', '.join(params)}):\n {body}\n"
        code = compile(source, OWN_PROGRAM, "exec")
        exec(code, self.space)  # of our own text
        return Program(source, self.space["program"], len(self.nodes))

    # --- what is needed, and until when -----------------------------------------------------------

    def _steps(self) -> list[Any]:
        """Return the operations that results or guards need, with the guards among them."""
        needed: set[Node] = {out for out in self.outputs if type(out) is Node}
        by_place: dict[int, list[Guard]] = {}
        for guard in self.guards:
            by_place.setdefault(guard.at, []).append(guard)
        found: list[Any] = []
        for at in range(len(self.nodes), -1, -1):
            for guard in reversed(by_place.get(at, ())):
                needed.update(n for n in guard.nodes if type(n) is Node)
                found.append(guard)
            if at and (self.nodes[at - 1] in needed or _hangs_on_values(self.nodes[at - 1])):
                node = self.nodes[at - 1]
                needed.update(n for n in node.inputs if n is not None)
                found.append(node)
        return self._early(found[::-1])

    def _early(self, steps: list[Any]) -> list[Any]:
        """Read numbers out of an array as soon as it is there, and each only once.

        A store that comes later can then be made in its memory.
        """
        reads: dict[Any, dict[Any, Node]] = {}
        kept = []
        for step in steps:
            if _reads_number(step):
                place, source = step.params["index"], step.inputs[0]
                first = reads.setdefault(self.same.get(source, source), {}).setdefault(place, step)
                self.same[step] = first
            else:
                kept.append(step)
        found: list[Any] = []

        def read(source: Any) -> None:
            for step in reads.get(source, {}).values():
                found.append(step)
                read(step)

        for node in self.inputs:
            read(node)
        for step in kept:
            found.append(step)
            if type(step) is Node:
                read(step)
        return found

    def _lifetimes(self, steps: list[Any]) -> None:
        """Find when each value is read last, and which values share memory.

        What is read after the last step is read at the end.
        """
        for at, step in enumerate(steps):
            for n in self._inputs(step):
                if type(n) is Node:
                    self.last[n] = at
            if type(step) is Node:
                source = step.inputs[0] if step.inputs else None
                if source is not None and (step.op.view or step.op.store is not None):
                    self.root[step] = self.root.get(source, source)
                self.family.setdefault(self.root.get(step, step), []).append(step)
        for out in self.outputs:
            if type(out) is Node:
                self.last[out] = len(steps)
        self._find_pieces(steps)

    def _find_pieces(self, steps: list[Any]) -> None:
        """Find what need not become an array: it is added into one, at the places it names."""
        uses: dict[Any, int] = {}
        for step in steps:
            for n in self._inputs(step):
                if type(n) is Node:
                    uses[n] = uses.get(n, 0) + 1
        for out in self.outputs:
            if type(out) is Node:
                uses[out] = uses.get(out, 0) + 2
        for at, step in enumerate(steps):
            if type(step) is Guard or step.op.name != "add" or not step.shape:
                continue
            for piece in step.inputs:
                if (
                    piece is not None and piece.op is not None and piece.op.name == "scatter_add"
                    and uses[piece] == 1 and piece.dtype == step.dtype
                    and piece.shape == step.shape and None not in step.inputs
                    and all(n.dtype == step.dtype and n.shape == step.shape for n in step.inputs)
                ):  # fmt: skip
                    self.pieces.add(piece)
                    for n in self._inputs(piece):
                        if n is not None:
                            self.last[n] = max(self.last.get(n, at), at)

    def _in_place(self, node: Node, at: int) -> bool:
        """Say whether a store may be made in the memory of its array: nobody reads that later."""
        y: Any = node.inputs[0]
        if node.op.store is None or y is None or y.op is None or y.op.view:  # type: ignore[union-attr]
            return False
        return self._is_ours(y, at)

    def _is_ours(self, y: Node, at: int) -> bool:
        """Say whether the memory of a value was made here, and nothing of it is read later."""
        root = self.root.get(y, y)
        fresh = root.op is not None and (root.op.store is not None or root.op.name in _FORMS)
        return fresh and all(
            n not in self.names or n in self.numbers or self.last.get(n, -1) <= at
            for n in self.family[root]
        )

    # --- one step -----------------------------------------------------------------------------

    def _node(self, node: Node, at: int) -> None:
        if node in self.pieces:
            return  # written where it is added
        if not self.pieces.isdisjoint(node.inputs):  # type: ignore[arg-type]
            self._sum(node, at)
            return
        args = self._arguments(node)
        if self._in_place(node, at):
            source: Any = node.inputs[0]
            index = node.params.get("index")
            if type(index) is int and len(args) == 2 and len(node.shape) == 1:
                self.lines.append(f"{args[0]}[{index}] = {args[1]}")
            else:
                given = [f"**{self._constant(node.params)}"] if node.params else []
                store = self._constant(node.op.store, "store")  # type: ignore[union-attr]
                self.lines.append(f"{store}({', '.join(args + given)})")
            self.names[node] = self.names.pop(source)
        else:
            form = self._form(node, args)
            name = self._name(node)
            self.lines.append(f"{name} = {form}")
            if _may_vary(node):
                self.lines.append(f"if {name}.shape != {node.shape!r}: return BAIL")
            if _kind_varies(node) and node.dtype is not None:
                kept = self._constant(node.dtype)
                self.lines.append(f"if {name}.dtype != {kept}: return BAIL")

    def _sum(self, node: Node, at: int) -> None:
        """Write a sum with a scattered value: what it names is added where it belongs."""
        a, b = node.inputs
        whole, piece = (a, b) if b in self.pieces else (b, a)
        if whole in self.pieces:
            form = self._form(whole, self._arguments(whole))
            self.lines.append(f"{self._name(node)} = {form}")
        elif whole.op is not None and not whole.op.view and self._is_ours(whole, at):  # type: ignore[union-attr]
            self.names[node] = self.names.pop(whole)  # type: ignore[arg-type]
        else:
            source = self.names[whole]  # type: ignore[index]
            self.lines.append(f"{self._name(node)} = {source}.copy()")
        index = piece.params["index"]  # type: ignore[union-attr]
        args = self._arguments(piece)  # type: ignore[arg-type]
        value: Any = self._inputs(piece)[0]
        if type(index) is int and len(args) == 1 and value in self.numbers and len(node.shape) == 1:
            self.lines.append(f"{self.names[node]}[{index}] += {args[0]}")
        else:
            into = self._constant(_into(), 'add_into')
            rest = "".join(f", {a}" for a in args[1:])
            self.lines.append(
                f"{into}({self.names[node]}, {args[0]}, None{rest}, index={self._constant(index)})"
            )

    def _form(self, node: Node, args: list[str]) -> str:
        op: Any = node.op
        name, params = op.name, node.params
        scalar = type(node.output) is np.float64 or type(node.output) is np.bool_
        plain = all(
            n in self.numbers if n is not None else type(p) in (float, int, np.float64)
            for n, p in zip(self._inputs(node), node.primals, strict=True)
        )
        if scalar and plain and not params:
            if name in _FORMS:
                self.numbers.add(node)
                if name == "multiply" and "1.0" in args:  # the seed of a backward pass
                    return args[args[0] == "1.0"]
                return _FORMS[name].format(*args)
            if name in _UFUNCS and type(node.output) is np.float64:
                self.numbers.add(node)
                fast = _exact(name)
                if fast is not None:
                    return f"{self._constant(fast)}({args[0]})"
                return f"{self._constant(_finite(name), name)}({args[0]})"
        if name == "getitem" and type(node.output) is np.float64 and len(args) == 1:
            index = params["index"]
            source: Any = node.inputs[0]
            whole = index if type(index) is tuple else (index,)
            if source in self.numbers:
                self.numbers.add(node)
                return args[0]
            if len(whole) == len(source.shape) and all(type(i) is int for i in whole):
                if source.dtype == np.float64:
                    self.numbers.add(node)
                    return f"{args[0]}.item({', '.join(map(str, whole))})"
        if name == "component":
            return f"{args[0]}[{params['index']}]"
        args = [
            a if n not in self.numbers else f"f8({a})" if n.dtype == np.float64 else f"b1({a})"
            for a, n in zip(args, self._inputs(node), strict=True)
        ]
        if not params and name in _ARRAYS and any(n is not None and n.shape for n in node.inputs):
            form = _ARRAYS[name].format(*args)
        else:
            given = "".join(f", **{self._constant(params)}" if params else "")
            form = f"{self._constant(op.value, name)}({', '.join(args)}{given})"
        if type(node.output) is np.float64:
            self.numbers.add(node)
            return f"float({form})"
        return form

    def _guard(self, guard: Guard) -> None:
        args = [self._value(n) for n in self._inputs(guard)]
        if guard.kind == TRUE:
            word = "not " if guard.value else ""
            self.lines.append(f"if {word}{args[0]}: return BAIL")
        elif guard.kind == EQUAL:
            if type(guard.value) in (bool, np.bool_):
                word = "not " if guard.value else ""
                self.lines.append(f"if {word}{args[0]}: return BAIL")
            else:
                same = self._constant(_equals, 'equals')
                self.lines.append(
                    f"if not {same}({args[0]}, {self._constant(guard.value)}): return BAIL"
                )
        elif guard.kind == MADE:
            how, answer = self._constant(guard.op), self._literal(guard.value)
            self.lines.append(f"if {how}({args[0]}) != {answer}: return BAIL")
        elif guard.kind == NUMBER:
            (n,) = self._inputs(guard)
            if n in self.numbers:
                test = f"{self.names[n]} != {self.names[n]}"
            else:
                test = f"{self._constant(_is_nan, 'is_nan')}({args[0]})"
            self.lines.append(f"if {test}: return BAIL")
        elif guard.kind == DEFINED:
            word = "not " if guard.value else ""
            args.insert(0, self._constant(guard.op))
            call = f"{self._constant(_is_defined, 'is_defined')}({', '.join(args)})"
            self.lines.append(f"if {word}{call}: return BAIL")
        elif guard.kind == JUMP:
            given = f", **{self._constant(guard.params)}" if guard.params else ""
            self.lines.append(
                f"if {self._constant(guard.op.jump)}({', '.join(args)}{given}): return BAIL"
            )

    # --- names ----------------------------------------------------------------------------------

    def _inputs(self, step: Any) -> list[Any]:
        """Return what a step reads, each number by its first read."""
        nodes = step.nodes if type(step) is Guard else step.inputs
        same = self.same
        return [same.get(n, n) if type(n) is Node else n for n in nodes]

    def _arguments(self, node: Node) -> list[str]:
        return [
            self.names[n] if n is not None else self._literal(p)
            for n, p in zip(self._inputs(node), node.primals, strict=True)
        ]

    def _value(self, n: Any) -> str:
        if type(n) is not Node:
            return self._literal(n)
        name = self.names[n]
        return f"f8({name})" if n in self.numbers and n.dtype == np.float64 else name

    def _result(self, out: Any) -> str:
        return self.names[out] if type(out) is Node else self._constant(out)

    def _literal(self, value: Any) -> str:
        if type(value) is float or type(value) is np.float64:
            number = float(value)
            if math.isfinite(number):
                return f"({number!r})" if repr(number)[0] == "-" else repr(number)
        if type(value) is int and not isinstance(value, bool) and abs(value) < 1 << 30:
            return str(value) if value >= 0 else f"({value})"
        return self._constant(value)

    def _constant(self, value: Any, hint: str = "") -> str:
        """Return the name under which the program finds a value."""
        name = self.given.get(id(value))
        if name is None:
            hint = hint or (getattr(value, "__name__", "") if callable(value) else "")
            base = f"{hint}_" if hint.isidentifier() and hint[0] != "_" else "c"
            name = self.given[id(value)] = f"{base}{len(self.given)}"
            self.space[name] = value
        return name

    def _name(self, node: Node) -> str:
        if self.free:
            name = self.free.pop()
        else:
            name = f"v{self.count}"
            self.count += 1
        self.names[node] = name
        return name

    def _release(self, step: Any, at: int) -> None:
        if step in self.pieces:
            return
        nodes = [*self._inputs(step), step]
        for n in self._inputs(step):
            if type(n) is Node and n in self.pieces:
                nodes += self._inputs(n)
        for n in dict.fromkeys(n for n in nodes if type(n) is Node):
            if self.last.get(n, at) <= at and n in self.names and n not in self.inputs:
                self.free.append(self.names.pop(n))


def _may_vary(node: Node) -> bool:
    """Say whether the shape of a result may hang on values: that of a mask, of what is unique.

    It does not where NumPy goes by the shapes of the operands, which are known by then.
    """
    op: Any = node.op
    return bool(node.shape) and op.name not in _ARRAYS and not isinstance(op.function, np.ufunc)


def _source(node: Node) -> Any:
    return node.inputs[0] if node.op.name == "component" else node  # type: ignore[union-attr]


# their results are complex where they have to be, else real; all others go by the operands
_REAL_OR_COMPLEX = frozenset(
    "eig eigvals roots scipy.eig scipy.eigvals scipy.sqrtm scipy.logm scipy.funm "
    "scipy.fractional_matrix_power scipy.signm".split()
)


def _kind_varies(node: Node) -> bool:
    """Say whether the dtype of a result may hang on values."""
    return _source(node).op.name in _REAL_OR_COMPLEX  # type: ignore[no-any-return]


def _hangs_on_values(node: Node) -> bool:
    """Say whether a shape or dtype hangs on values: the program may have gone by it alone.

    It may where an operand is a mask, an index or a count, or where nothing flows at all.
    """
    if _kind_varies(node):
        return True
    if not _may_vary(node):
        return False
    source = _source(node)
    read = [n for n in source.inputs if n is not None and n.dtype is not None]
    return any(n.dtype.kind in "biu" for n in read) or not any(
        source.op.flows(k) for k in range(len(source.inputs))
    )


def _reads_number(step: Any) -> bool:
    """Say whether a step reads one number out of an array, at a place that is known."""
    if type(step) is Guard or step.op.name != "getitem" or len(step.inputs) != 1:
        return False
    index = step.params["index"]
    whole = index if type(index) is tuple else (index,)
    return (
        type(step.output) is np.float64 and len(whole) == len(step.inputs[0].shape)
        and all(type(i) is int for i in whole) and step.inputs[0].dtype == np.float64
    )  # fmt: skip


def _is_number(node: Node) -> bool:
    return node.shape == () and node.dtype == np.float64


def _equals(a: Any, b: Any) -> bool:
    a, b = np.asarray(a), np.asarray(b)
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()


def _is_defined(function: Any, *args: Any) -> bool:
    try:
        function(*args)
    except (ValueError, ArithmeticError):
        return False
    return True


def _is_nan(value: Any) -> bool:
    return bool(np.isnan(value).any())


@cache
def _finite(name: str) -> Callable[[float], float]:
    """Return a function of NumPy's for Python's floats; like those of `math` it has a domain."""
    function = getattr(np, name)

    def call(x: float) -> float:
        y = float(function(x))
        if y - y != 0:
            raise ValueError("math domain error")
        return y

    return call


@cache
def _into() -> Any:
    slot: Any = op_named("getitem").slot(0)
    return slot.into


@cache
def _exact(name: str) -> Any:
    """Return the function of `math`, if on this machine it gives what NumPy gives, bit for bit.

    Two implementations that differ do so at some of many points; the same one at none.
    """
    function, other = _MATH.get(name), getattr(np, name)
    if function is None:
        return None
    points = np.random.default_rng(0).uniform(0.0, 1.0, 4096)
    spread = 10.0 ** np.random.default_rng(1).uniform(-3, 2, 4096)
    for x in (points, spread):
        if any(function(v) != float(other(np.float64(v))) for v in x.tolist()):
            return None
    return function
