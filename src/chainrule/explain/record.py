"""Run the user's function once on tracers, and give every value on the way a name."""

import ast
import contextlib
import copy
import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from .. import limits, tree
from ..conform import check_real
from ..core.graph import Node
from ..core.registry import op_named
from ..diagnose.compare import UNSTEADY, Point, differ, numbers_of, same_run, unchecked
from ..errors import OutputTypeError, UsageError
from ..lift import Argnums, Call, nan_input, output_leaves, parameter_name
from ..slopes import silent
from ..tracing.source import Source, resolve, user_frame
from ..tracing.tracer import TRACERS
from .constants import named
from .expr import App, Expr, Num, Reader, Sym, substitute
from .kept import KeptRecording, contracted, same_bits, same_numbers
from .names import Name, Namer, functions_of, values


@dataclass(slots=True)
class Symbol:
    """A named value of the derivation."""

    id: str
    name: Name
    kind: str  # input, data, constant, step, gradient, tangent, partial, synonym
    value: Any
    mark: str = ""
    source: Source | None = None
    words: tuple[str, str] | None = None  # text and LaTeX, where they are not the name's own

    @property
    def text(self) -> str:
        """The symbol in Unicode."""
        return self.words[0] if self.words else self.name.marked(self.mark)

    @property
    def latex(self) -> str:
        """The symbol in LaTeX."""
        return self.words[1] if self.words else self.name.marked_latex(self.mark)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the value."""
        return np.shape(self.value)

    def sym(self) -> Sym:
        """Return the symbol as a tree."""
        return Sym(self.id, self.shape)


class Run:
    """One recorded run: the steps that lead to the output, the symbols, and the trees."""

    def __init__(self, f: Callable[..., Any], args: Any, argnums: Argnums) -> None:
        self.function = f
        asking = user_frame(2)  # a library's function makes its steps there: none of its lines
        self.asked = (asking.f_code, asking.f_lasti) if asking is not None else None
        data = self._data(f, args, argnums)
        self.call = Call(f, data[0], {}, argnums)
        self.call.own()
        rec = KeptRecording()
        tracers = [rec.input(x) for x in self.call.leaves]
        self.point = Point(f, self.call.arguments(tracers), {}, rec)
        self.places = [self.point.nodes.index(t.cr_node) for t in tracers]  # of the leaves in it
        begun = limits.begin()
        with contextlib.redirect_stdout(sys.stderr):  # what it prints is no document
            out = self.call.run(rec, tracers)
        self.drew = self.point.drew()
        self.inner = limits.take(begun, rec)  # what derivatives that it takes itself met
        leaves, _ = output_leaves(f, out)
        self.held_fast = frozenset(id(v) for _, v in data[1] if isinstance(v, float))
        self.elsewhere = copy.copy(self.call)  # the same call with other data
        self.elsewhere.args = tuple(
            arg if k in self.call.argnums else _moved(arg) for k, arg in enumerate(self.call.args)
        )
        self.folded = bool(self.held_fast) and self._computes_of_data(rec)
        graph, again = contracted(rec.finish(tracers, leaves), self.held_fast, rec.origins.of)
        self.graph, self.events, self.ruled = graph, rec.events, rec.origins.of
        self.inputs = graph.inputs
        self.output, self.value = self._one_output(graph.outputs, out)
        self.unsteady, returned = self._plainly()
        self.limit = returned is not None  # a derivative inside is one, which no step shows
        if self.limit:
            self.value = returned
        self.data, self.copies = data[1], rec.copies
        self.steps = [n for n in graph.nodes if n not in again]
        self.crowd = {a.place for a, b in pairwise(self.steps) if a.place == b.place}
        self.nodes = self._needed(graph.nodes)
        self.live = self._live()
        self._name()

    def _name(self) -> None:
        """Give every value its name, in the order of the steps."""
        self.symbols: dict[str, Symbol] = {}
        self.namer = Namer(functions_of(
            n.op.notation for n in self.nodes if n.op is not None and n.op.notation is not None))
        self.by_id: dict[int, Expr] = {}
        self.held: list[Any] = []
        self.words: dict[str, int] = {}  # of constants: how many arrays a name stood for
        self.reader = Reader(self.constant)
        self.symbol_of: dict[Node, Symbol] = {}
        self._name_inputs(self.data)
        for original, snapshot in self.copies.values():
            if id(original) in self.by_id:
                self.by_id[id(snapshot)] = self.by_id[id(original)]
        self._name_steps(self.steps)
        for node in self.nodes:
            self._hint(node)

    # --- the call -----------------------------------------------------------------------------
    def _data(self, f: Any, args: Any, argnums: Argnums) -> tuple[Any, list[tuple[str, Any]]]:
        """Return the arguments, and (path, leaf) of those that are not differentiated.

        A float among these becomes an object of its own, so that it is known again by identity.
        """
        numbers = argnums if isinstance(argnums, tuple | list) else (argnums,)
        chosen = {n % len(args) for n in numbers if isinstance(n, int) and args}
        out, found = list(args), []
        for k, arg in enumerate(args):
            if k in chosen:
                continue
            base = parameter_name(f, k)
            try:
                leaves, treedef = tree.flatten(arg)
                paths = tree.paths(arg)
            except (TypeError, ValueError):
                continue
            leaves = [v * 1.0 if v.__class__ is float else v for v in leaves]
            out[k] = tree.unflatten(treedef, leaves)
            found += [(base + p, v) for p, v in zip(paths, leaves, strict=True)]
        return tuple(out), found

    def _computes_of_data(self, rec: KeptRecording) -> bool:
        """Say whether numbers of a recording hang on what is held fast: ``y**2`` of data is one."""
        other = KeptRecording()
        tracers = [other.input(x) for x in self.call.leaves]
        try:
            with silent(), unchecked(), same_run(self.point.state, self.point.stopped):
                self.elsewhere.run(other, tracers)
        except Exception:  # outside of its domain
            return True
        return len(rec.nodes) != len(other.nodes) or not all(
            same_numbers(a, b, self.held_fast)
            for a, b in zip(rec.nodes, other.nodes, strict=True)
        )

    def _one_output(self, outputs: tuple[Any, ...], out: Any) -> tuple[Node | None, Any]:
        if len(outputs) != 1 or isinstance(out, dict | list | tuple):
            first = tree.paths(out)[0] if outputs else "[0]"
            what = f"{len(outputs)} arrays" if len(outputs) != 1 else f"a {type(out).__name__}"
            name = getattr(self.function, "__name__", "the function")
            raise OutputTypeError(
                f"{name} returned {what}; a derivation is of one output",
                why="each output has a derivation of its own",
                cure=f"explain one of them: explain(lambda *a: f(*a){first}, …)",
            )
        (out,) = outputs
        if type(out) is Node:
            value = out.output
            check_real(self.function, value, "explain")
            if np.asarray(value).dtype.kind in "fc" and np.isnan(value).any():
                nan_input(self.call, value, passes=False)
            return out, value
        value = out.cr_value if type(out) in TRACERS else out
        check_real(self.function, np.asarray(value), "explain")
        return None, value

    def _plainly(self) -> tuple[str, Any]:
        """Run it plainly: say whether it is another program each time, or returns another value.

        A derivative that it takes itself may be a limit, which the plain run returns; the steps
        are those of the rules.
        """
        with silent(), unchecked(), contextlib.suppress(Exception):  # what it raises is told later
            plain = self.point.numbers(*self.point.xs)
            if self._others(plain):
                if self.point.changes(plain):
                    return UNSTEADY, None
                recorded = np.asarray(self.value)
                return "", plain[0].astype(recorded.dtype).reshape(recorded.shape)[()]
        return "", None

    def _others(self, plain: list[Any]) -> bool:
        """Say whether plain numbers are others than the recorded ones, beyond rounding."""
        found = numbers_of(self.value)
        near = not self.inner or [np.shape(y) for y in plain] != [np.shape(y) for y in found]
        if near:
            return differ(plain, found, self.point.single) is not None
        return not all(np.allclose(a, b, 1e-6 if self.point.single else 1e-9, 0.0, equal_nan=True)
                       for a, b in zip(plain, found, strict=True))  # fmt: skip

    def plain(self, leaves: Any) -> Any:
        """Run the user's own program on other inputs: plain numbers, the same random draws."""
        xs = [leaves[self.places.index(k)] for k in range(len(leaves))]
        return self.point.call(*xs)

    def in_numbers(self, tree: Expr) -> Expr:
        """Return a formula with the numbers of the data in the places of their names."""
        def number(s: Sym) -> Expr:
            known = self.symbols.get(s.id)
            plain = known is not None and known.kind == "data" and not np.ndim(known.value)
            return Num(known.value) if plain and known is not None else s

        return substitute(tree, number)

    # --- what is shown ------------------------------------------------------------------------
    def _needed(self, nodes: tuple[Node, ...]) -> list[Node]:
        """Return the steps that the output's value depends on."""
        wanted = {self.output}
        for node in reversed(nodes):
            if node in wanted:
                wanted.update(n for n in node.inputs if n is not None)
        return [n for n in nodes if n in wanted]

    def _live(self) -> dict[Node, int]:
        """Return, for each step a derivative flows through, the bit set of those arguments."""
        live: dict[Node, int] = dict.fromkeys(self.inputs, 0)
        for node in self.nodes:
            assert node.op is not None
            mask = 0
            for k, parent in enumerate(node.inputs):
                if parent is not None and parent in live and node.op.flows(k):
                    mask |= 1 << k
            if mask:
                live[node] = mask
        back = {self.output}
        for node in reversed(self.nodes):
            if node in back and node in live:
                back.update(n for k, n in enumerate(node.inputs) if live[node] >> k & 1)
        return {n: m for n, m in live.items() if n in back or n.op is None}

    # --- names --------------------------------------------------------------------------------
    def add(self, symbol: Symbol) -> Symbol:
        """Enter a symbol into the table."""
        self.symbols[symbol.id] = symbol
        return symbol

    def _name_inputs(self, data: list[tuple[str, Any]]) -> None:
        paths = [p.replace("argument ", "x") for p in self.call.names()]
        if self.call.names() == ["argument 0"]:
            paths = ["x"]
        arrays = [(p, v) for p, v in data if isinstance(v, np.ndarray | float | np.floating)]
        names = self.namer.inputs(paths + [p for p, _ in arrays])
        for node, name in zip(self.inputs, names, strict=False):
            symbol = self.add(Symbol(name.text, name, "input", node.output))
            self.symbol_of[node] = symbol
            self.reader.name(node, symbol.sym())
        for (_, value), name in zip(arrays, names[len(paths) :], strict=True):
            symbol = self.add(Symbol(name.text, name, "data", value))
            self._know(value, symbol.sym())

    def _know(self, value: Any, expr: Expr) -> None:
        self.by_id[id(value)] = expr
        self.held.append(value)

    def _name_steps(self, recorded: tuple[Node, ...]) -> None:
        all_steps = [n for n in recorded if n not in self.ruled or not self.ruled[n].beside]
        sources = {n: resolve(n.place) for n in self.nodes}
        last = values(all_steps, lambda n: getattr(resolve(n.place), "text", ""))
        shown = [n for n in self.nodes if n.dtype is not None]
        target = {n: s.target for n, s in sources.items()
                  if s is not None and n in last and n.place != self.asked}  # fmt: skip
        for n in shown:  # a store changes the array that it is made into, under whatever view
            if n.op is not None and n.op.name in _STORES:
                target[n] = self._stored_into(n, target, sources[n])
        target = {n: word for n, word in target.items() if word}
        counts: dict[str, int] = {}
        for name in target.values():
            counts[name] = counts.get(name, 0) + 1
        turns: dict[str, int] = {}
        held = {s.name.raw for s in self.symbols.values()}
        for i, node in enumerate(shown, 1):
            raw = target.get(node, "")
            if raw:
                turns[raw] = turns.get(raw, 0) + 1
                many = counts[raw] > 1 or raw in held
                name = self.namer.take(raw, raw, turns[raw] if many else 0)
            else:
                name = self.namer.take(f"v{i}", f"v{i}")
            id_ = f"v{i}"
            while id_ in self.symbols:
                id_ += "'"
            symbol = self.add(Symbol(id_, name, "step", node.output, source=sources[node]))
            self.symbol_of[node] = symbol
            self.reader.name(node, symbol.sym())
            if np.ndim(node.output) and node.dtype.kind not in "fc":
                self._know(node.output, symbol.sym())

    def _stored_into(self, node: Node, target: dict[Node, str], source: Source | None) -> str:
        """Return the name of the array that a store changes."""
        into = node.inputs[0]
        if into is None:
            return _array_of(source.text) if source is not None else ""
        found = self.symbol_of.get(into)  # an input has one already
        return target.get(into, "") if found is None else found.name.raw

    def add_parts(self, found: list[tuple[Node, int]]) -> None:
        """Name results of steps that only rules read, and number all steps anew.

        Else a rule would write the whole step out again wherever it reads that result.
        """
        for whole, index in reversed(found):
            value = whole.output[index]
            node = Node(op_named("component"), (whole,), {"index": index}, whole.place, 1, (whole,),
                        value, np.shape(value), np.asarray(value).dtype)  # fmt: skip
            self.nodes.insert(self.nodes.index(whole) + 1, node)
            self.live[node] = 1
        self._name()

    def expression(self, node: Node) -> Expr:
        """Return how a step is computed from the named values before it."""
        return self.reader.step(node)

    def _hint(self, node: Node) -> None:
        """Name the constant arrays of a step as its source text names them."""
        source = self.source(node)
        if source is None or not source.text:
            return
        stored = _array_of(source.text) if node.op.name in _STORES else ""
        if stored and node.inputs[0] is None and id(node.primals[0]) not in self.by_id:
            if self.namer.free(stored) and _plain_array(node.primals[0]) is None:
                self._constant_symbol(node.primals[0], stored)
        call = source.text.endswith(")") and node.place in self.crowd
        if call and node.op.name not in source.text:
            return  # one step of the several that a call takes: its operands are no others' names
        words = _operand_names(source.text, len(node.inputs))
        for k, (word, turned) in enumerate(words):
            value = node.primals[k]
            if word and node.inputs[k] is None and np.ndim(value) and id(value) not in self.by_id:
                if not turned:
                    self._constant_symbol(value, word)
                elif value.ndim == 2:
                    held = self._constant_symbol(value.T, word)
                    turn = App("transpose", (held.sym(),), {"axes": (1, 0)}, value.shape)
                    self._know(value, turn)

    def source(self, node: Node) -> Source | None:
        """Return where in the user's code a step was made."""
        return resolve(node.place)

    def constant(self, value: Any) -> Expr:
        """Return the tree of a constant: a number, or the name of an array."""
        known = self.by_id.get(id(value))
        if known is not None:
            return known
        if np.ndim(value) == 0:
            value = value if not isinstance(value, np.ndarray) else value[()]
            return named(value) or Num(value)
        plain = _plain_array(value)
        if plain is not None:
            return plain
        return self._constant_symbol(value, "").sym()

    def _constant_symbol(self, value: Any, word: str) -> Symbol:
        for known in self.symbols.values():  # it may be made anew in every turn of a loop
            same = word == known.name.raw or (not word and known.kind == "constant")
            if known.kind in ("constant", "data") and same and np.ndim(known.value):
                if same_bits(known.value, value):
                    self._know(value, known.sym())
                    return known
        turn = self.words.get(word, 0) + 1 if word in self.words else 0
        if turn and self.namer.free(word, turn):  # another array under the same name
            self.words[word] = turn
            name = self.namer.take(word, word, turn)
            symbol = self.add(Symbol(name.text, name, "constant", value))
            self._know(value, symbol.sym())
            return symbol
        if not word or not self.namer.free(word):
            n = 1
            while not self.namer.free(f"c{n}"):
                n += 1
            word = f"c{n}"
        else:
            self.words[word] = 1
        name = self.namer.take(word, word)
        symbol = self.add(Symbol(name.text, name, "constant", value))
        self._know(value, symbol.sym())
        return symbol


def entry_of(run: Run, output: Any) -> tuple[int, ...] | None:
    """Return which entry of an array output is explained."""
    shape = np.shape(run.value)
    if shape == () and output in (None, ()):
        return None
    if shape == ():
        raise UsageError(
            f"{output!r} is not an entry of the result, which is one number",
            cure="leave output= out, on the command line --entry",
        )
    if output is None:
        return (0,) * len(shape)
    index = (output,) if isinstance(output, int) else tuple(output)
    if len(index) != len(shape) or any(not -n <= i < n for i, n in zip(index, shape, strict=True)):
        raise UsageError(
            f"{output!r} is not an entry of the result, whose shape is {shape}",
            cure=f"give one index per axis: output={(0,) * len(shape)}, or on the command line "
            f"--entry {','.join('0' * len(shape))}",
        )
    return tuple(int(i) % n for i, n in zip(index, shape, strict=True))


def seed_of(run: Run, entry: tuple[int, ...] | None) -> Any:
    """Return the cotangent of the output."""
    value = np.asarray(run.value)
    dtype = value.dtype if value.dtype.kind in "fc" else np.dtype(float)
    if entry is None:
        return dtype.type(1)
    seed = np.zeros(value.shape, dtype)
    if seed.size:
        seed[entry] = 1
    return seed


def _plain_array(value: Any) -> Expr | None:
    """Write arrays of equal entries as 𝟎 and 𝟏, and identities."""
    a = np.asarray(value)
    if a.size and a.dtype.kind == "f":
        if not a.any():
            return App("zeros", (), {"shape": a.shape}, a.shape)
        if (a == 1).all():
            return App("ones", (), {"shape": a.shape}, a.shape)
        if a.ndim == 2 and len(a) > 1 and np.array_equal(a, np.eye(len(a))):
            return App("eye", (), {}, a.shape)
    return None


_STORES = ("setitem", "add_at")


def _array_of(text: str) -> str:
    """Return the name of the array in a[0], whose place is written to."""
    try:
        e: Any = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError):
        return ""
    whole = e.value if isinstance(e, ast.Subscript) else None
    return whole.id if isinstance(whole, ast.Name) else ""


def _operand_names(text: str, arity: int) -> list[tuple[str, bool]]:
    """Return, for each operand in a source expression, the plain name, and whether it is turned."""
    try:
        e: Any = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError):
        return []
    if isinstance(e, ast.BinOp):
        operands: list[Any] = [e.left, e.right]
    elif isinstance(e, ast.Call):
        operands = [a for a in e.args if not (isinstance(a, ast.Constant) and type(a.value) is str)]
    else:
        operands = []
    return list(map(_plain_name, operands)) if len(operands) == arity else []


def _plain_name(e: Any) -> tuple[str, bool]:
    """Return a name as it stands: W, self.W, W.T; what an array has by itself is no name."""
    if isinstance(e, ast.Attribute) and e.attr == "T":
        return _plain_name(e.value)[0], True
    if isinstance(e, ast.Attribute) and not hasattr(np.ndarray, e.attr):
        return e.attr, False
    return (e.id if isinstance(e, ast.Name) else ""), False


def _moved(arg: Any) -> Any:
    """Return an argument with other numbers in the places of its floats."""
    try:
        leaves, treedef = tree.flatten(arg)
    except (TypeError, ValueError):
        return arg
    return tree.unflatten(treedef, [moved(v) if isinstance(v, float) else v for v in leaves])


def moved(value: Any) -> Any:
    """Return the number that stands for one of the data where they are others."""
    return value * 1.1 + 0.1
