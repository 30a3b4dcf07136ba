"""A closed form of the derivative, where the graph is small enough for one to be readable.

It is the product of the recorded rules written out in the inputs; SymPy, where it is installed,
only tidies it. What it returns is held against the user's program at other points: a recording is
of one point, and its numbers (what a solver found, what a branch decided) may belong to it alone.
"""

import ctypes
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..core.graph import Graph, Node
from ..diagnose.compare import unchecked
from ..lift import output_leaves
from ..slopes import AGREES, DIFFERS, compare, silent
from .as_json import to_json
from .checks import call
from .evaluation import evaluate
from .expr import App, Expr, Sym, add_up, size, substitute, symbols
from .happenings import catching
from .kept import KeptRecording, bits, contracted, guards, made_of
from .record import Symbol, moved
from .sections import ARRAYS

OPS, COUNT, BUDGET, TREE = 40, 200, 2.0, 2000
UNCONFIRMED = "the formula was not confirmed by numbers, so it is left out"


def closed_form(builder: Any) -> dict[str, Any]:
    """Return {"closed": …} or {"closed": None, "omitted": {reason, counts}}."""
    run = builder.run
    frozen = run.unsteady or builder.happenings.frozen()
    if frozen:
        return _omitted(frozen)
    if run.output is None or not builder.sweep.order:
        return _omitted("no derivative flows from the inputs to the output")
    if not builder.scalar:
        return _omitted(ARRAYS)
    if any(n.dtype is not None and n.dtype.kind in "iu" for n in run.graph.nodes):
        return _omitted("the program looks a piece up by its values: a formula is of one piece")
    forward = len([n for n in run.nodes if n.dtype is not None])
    backward = len(builder.sweep.executed) + len(builder.sweep.additions)
    sizes = _sizes(builder)
    targets = [n for n in run.inputs if n in builder.sweep.gradients]
    tree_ops = max((sizes["bar:" + run.symbol_of[n].id] for n in targets), default=0)
    counts = {"forward": forward, "backward": backward, "tree": tree_ops}
    if forward > OPS or tree_ops > TREE:
        reason = f"{tree_ops:,} operations as one expression, {forward + backward} as named steps"
        return _omitted(reason, counts)
    return _forms(builder, targets, counts)


def _forms(builder: Any, targets: list[Node], counts: dict[str, int]) -> dict[str, Any]:
    run, forms = builder.run, {}
    caught = catching(run)
    if caught:
        return _omitted(caught)
    for numbers in (False, True) if run.folded else (False,):
        for node in targets:
            tree = written_out(builder, node)
            tidy, by, reason = _tidy(builder, run.in_numbers(tree) if numbers else tree)
            if tidy is None:
                return _omitted(reason, counts)
            forms[node] = (tidy, by)
        if run.folded and _hold_elsewhere(builder, {n: tidy for n, (tidy, _) in forms.items()}):
            break
    with silent(), unchecked():
        points, reason = agreement(builder, {n: tidy for n, (tidy, _) in forms.items()})
    if reason:
        return _omitted(reason, counts)
    for node, (tidy, _) in forms.items():
        found, settled = evaluate(tidy, run.symbols), builder.settled_of(node)
        limit = _is_limit(builder, node)
        rough, noise = (0.0, 0.0) if limit else (1e-6, 8 * builder.rounding.of(node))
        if not np.allclose(found, settled, rough, noise, equal_nan=True):
            return _omitted(UNCONFIRMED)
    rows = [_row(builder, n, tidy, by, points) for n, (tidy, by) in forms.items()]
    pieces = [to_json(e) for e in piece(builder, [tidy for tidy, _ in forms.values()])]
    for row in rows:
        row["piece"] = pieces
    return {"closed": rows or None, "omitted": None if rows else {"reason": "nothing flows"}}


_OTHERWISE = {"less": "greater_equal", "greater": "less_equal", "equal": "not_equal"}
_OTHERWISE |= {v: k for k, v in _OTHERWISE.items()}


def piece(builder: Any, forms: list[Expr]) -> list[Expr]:
    """Return the comparisons that chose what a formula is of, as they came out, in the inputs."""
    run = builder.run
    definitions: dict[str, Expr] = {}
    found: list[Expr] = []
    for node in run.graph.nodes:
        if node.dtype is None:
            continue
        tree = substitute(run.expression(node), lambda s: definitions.get(s.id, s))
        if node in run.symbol_of:
            definitions[run.symbol_of[node].id] = tree
        if node.op.name in _OTHERWISE and not guards(node, node):
            op = node.op.name if node.output else _OTHERWISE[node.op.name]
            turned = App(op, tree.args, {}, ()) if isinstance(tree, App) else tree
            if turned not in found and any(True for _ in symbols(turned)):
                found.append(turned)
    written = str([to_json(f) for f in forms])
    return [] if any(f"'{op}'" in written for op in ("where", *_OTHERWISE)) else found


def _omitted(reason: str, counts: dict[str, int] | None = None) -> dict[str, Any]:
    told = {"reason": reason} | ({"counts": counts} if counts else {})
    return {"closed": None, "omitted": told}


def _definitions(builder: Any) -> dict[str, list[Expr]]:
    """Return the formula of every step and every gradient, in terms of others; a list is a sum."""
    run = builder.run
    found = {}
    for n in run.nodes:
        if n.dtype is not None:
            found[run.symbol_of[n].id] = [run.expression(n)]
    for node in builder.sweep.order:
        terms = builder.sweep.terms.get(node, [])
        found["bar:" + run.symbol_of[node].id] = [t.whole for t in terms] or [builder.seed_tree()]
    return found


def _sizes(builder: Any) -> dict[str, int]:
    """Count the operations of every formula when it is written out in full (big integers)."""
    sizes: dict[str, int] = {}

    def measure(e: Expr) -> int:
        if isinstance(e, Sym):
            return sizes.get(e.id, 0)
        return 1 + sum(measure(a) for a in e.args) if isinstance(e, App) else 0

    for key, terms in _definitions(builder).items():  # in the order in which they are computed
        sizes[key] = sum(measure(t) for t in terms) + len(terms) - 1
    return sizes


def written_out(builder: Any, node: Node) -> Expr:
    """Return the gradient with respect to an input, in the inputs alone."""
    definitions = _definitions(builder)
    done: dict[str, Expr] = {}
    for key, terms in definitions.items():
        done[key] = substitute(add_up(terms), lambda s: done.get(s.id, s))
    return done["bar:" + builder.run.symbol_of[node].id]


def _row(builder: Any, node: Node, tidy: Expr, by: str, points: int) -> dict[str, Any]:
    lhs = total(builder, node)
    finite = np.all(np.isfinite(builder.run.value))
    shown = finite and not builder.rounding.decides(node)
    line = builder.line(lhs.sym(), [tidy], lhs.value if shown else None)
    return {"of": builder.run.symbol_of[node].id, "line": line, "by": by, "ops": size(tidy),
            "points": points, "tree": to_json(tidy)}  # fmt: skip


def total(builder: Any, node: Node) -> Symbol:
    """Return the symbol of the whole derivative: dy/dx for one input, ∂y/∂x for several.

    So also where data are held fast; it is x̄ where a local derivative is called so, or the output
    is an array. It is what `grad` returns; where a limit enters, x̄ is what the rules give, and that
    another.
    """
    run = builder.run
    found: Symbol = run.symbols["bar:" + run.symbol_of[node].id]
    settled = builder.settled_of(node)
    if builder.entry is not None and not builder.limit:
        return found
    of, out = run.symbol_of[node], run.symbols[builder.out_name]
    key = f"total:{of.id}"
    d, latex = "d", "d"
    if len(run.inputs) > 1 or any(s.kind == "data" for s in run.symbols.values()):
        names = {f"∂{out.text}/∂{run.symbol_of[n].text}" for n in run.inputs}
        taken = any(s.text in names and s.kind == "partial" for s in run.symbols.values())
        if not taken or key in run.symbols:
            d, latex = "∂", "\\partial "
        elif not builder.limit:
            return found
    words = (f"{d}{out.text}/{d}{of.text}", f"\\frac{{{latex}{out.latex}}}{{{latex}{of.latex}}}")
    if key not in run.symbols:
        run.add(Symbol(key, of.name, "gradient", settled, words=words))
    return run.symbols[key]


def _is_limit(builder: Any, node: Node) -> bool:
    """Say whether the gradient is not what the rules say at the point."""
    return bool(builder.bent[builder.run.inputs.index(node)])


def _tidy(builder: Any, tree: Expr) -> tuple[Expr | None, str, str]:
    try:
        import sympy  # noqa: F401
    except ImportError:
        if size(tree, OPS + 1) <= OPS:
            return tree, "the rules, not rearranged (SymPy is not installed)", ""
        return None, "", f"{size(tree)} operations, and SymPy is not installed"
    from . import symbolic

    result, reason = in_time(lambda: symbolic.tidy(tree, COUNT), BUDGET)
    if result is None and reason:
        return None, "", reason
    if isinstance(result, str):
        return None, "", result
    return result, "SymPy", ""


def in_time(work: Callable[[], Any], seconds: float) -> tuple[Any, str]:
    """Run `work` in a thread that is stopped when its time is up; return (result, reason)."""
    box: list[Any] = []
    failure: list[BaseException] = []

    def body() -> None:
        try:
            box.append(work())
        except BaseException as error:  # also the one that stops this thread
            failure.append(error)

    thread = threading.Thread(target=body, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        ident = ctypes.c_ulong(thread.ident or 0)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ident, ctypes.py_object(TimeoutError))
        return None, f"SymPy was stopped after {seconds:g} s"
    if failure:
        return None, f"SymPy could not write it: {type(failure[0]).__name__}: {failure[0]}"
    return box[0], ""


# --- the program at other points ------------------------------------------------------------------


def agreement(builder: Any, forms: dict[Node, Expr]) -> tuple[int, str]:
    """Hold formulas against the user's program at other points: how many agree, or why none may.

    At each the program is recorded anew, and must be the same steps with the same numbers; and its
    slopes, by differences, must be what the formulas say.
    """
    run = builder.run
    agreed = outside = 0
    for k, leaves in enumerate(elsewhere(run.call.leaves)):
        moved = dict(run.symbols)
        for node, value in zip(run.inputs, leaves, strict=True):
            old = run.symbol_of[node]
            moved[old.id] = Symbol(old.id, old.name, old.kind, value)
        gradient = [
            np.asarray(evaluate(forms[n], moved) if n in forms else 0.0, np.result_type(x))
            for n, x in zip(run.inputs, leaves, strict=True)
        ]
        steps = _recorded(run, leaves) if _real_there(builder, leaves) else None
        if steps is None:  # outside its domain
            outside += 1
            continue
        if steps != signature(run.graph):
            return 0, "the program is another one when it runs again elsewhere: its steps, or " \
                "the numbers in them, hang on its inputs, on random draws or on what it keeps"
        found = compare(
            lambda *xs: call(builder, xs), leaves, gradient, seed=k, decides=False
        ).verdict
        if found == DIFFERS:
            chooses = any((n.dtype is not None and n.dtype.kind == "b") or n.op.kinks or n.op.jump
                          for n in run.graph.nodes if n.op is not None)  # fmt: skip
            guarded = any(t.guarded for terms in builder.sweep.terms.values() for t in terms)
            if guarded:
                return 0, "a rule has a form of its own at this very point (a tie, a zero), " \
                    "which is no formula of others"
            return 0, "the program chooses by its values, and the formula of the piece that ran " \
                "is not that of another" if chooses else "the formula did not agree " \
                "with the program at another point"
        agreed += found == AGREES
    few = f"the program has no real, finite value at {outside} of the 5 other points tried"
    return agreed, "" if agreed >= 2 else few if outside > 3 else UNCONFIRMED


def _hold_elsewhere(builder: Any, forms: dict[Node, Expr]) -> bool:
    """Say whether formulas hold for other data, too, by their names."""
    run = builder.run
    symbols = {
        k: Symbol(s.id, s.name, s.kind, moved(s.value))
        if s.kind == "data" and not np.ndim(s.value) else s for k, s in run.symbols.items()
    }  # fmt: skip

    def value(*xs: Any) -> Any:
        found = run.function(*run.elsewhere.arguments([np.array(x)[()] for x in xs]))
        return np.asarray(found)[builder.entry or ()]

    with silent(), unchecked():
        gradient = [
            np.asarray(evaluate(forms[n], symbols) if n in forms else 0.0, np.result_type(x))
            for n, x in zip(run.inputs, run.call.leaves, strict=True)
        ]
        return compare(value, run.call.leaves, gradient, decides=False).verdict == AGREES


def _real_there(builder: Any, leaves: list[Any]) -> bool:
    """Say whether the program has a finite value of the same kind there: (−1)^1.3 has not."""
    try:
        value = call(builder, leaves)
    except Exception:
        return False
    return bool(np.isfinite(value)) and np.iscomplexobj(value) == np.iscomplexobj(builder.run.value)


_BESIDE = ((1.03, 0.01), (0.87, -0.02), (1.7, 0.1), (0.3, -0.05), (-0.8, -0.3))


def elsewhere(
    leaves: list[Any], moves: tuple[tuple[float, float], ...] = _BESIDE
) -> Iterator[list[Any]]:
    """Iterate over points beside and away from the given one.

    Each number moves by its own share, up and down in turns: inputs that are equal do not stay so.
    """
    arrays = [np.asarray(x) for x in leaves]
    starts = np.cumsum([0, *(x.size for x in arrays)])
    for k, (factor, shift) in enumerate(moves):
        moved = []
        for x, start in zip(arrays, starts, strict=False):
            number = start + np.arange(x.size).reshape(x.shape)
            share = np.where(number == 0, 0.0, 0.04 + 0.1 * (number * 0.6180339887498949 % 1.0))
            own = 1 + (-1) ** k * share
            moved.append(((x * factor + shift) * own).astype(x.dtype)[()])
        yield moved


def _recorded(run: Any, leaves: list[Any]) -> list[Any] | None:
    """Record the program at other inputs; None where it raises."""
    recording = KeptRecording()
    tracers = [recording.input(x) for x in leaves]
    try:
        found, _ = output_leaves(run.function, run.call.run(recording, tracers))
    except Exception:
        return None
    graph = recording.finish(tracers, found)
    return signature(contracted(graph, run.held_fast, recording.origins.of)[0])


def signature(graph: Graph) -> list[Any]:
    """Return what a recording is apart from the values of its inputs: its steps and constants."""
    number: dict[Any, int] = {n: i for i, n in enumerate((*graph.inputs, *graph.nodes))}

    def operand(node: Node, k: int) -> Any:
        parent = node.inputs[k]
        if parent is not None:
            return number[parent]
        computed = k == 1 and node.op is not None and node.op.name == "as_computed"
        return None if computed else bits(node.primals[k])  # a library computes it of the inputs

    steps: list[Any] = [
        (n.op.name, [operand(n, k) for k in range(len(n.inputs))], made_of(n.params))
        for n in graph.nodes if n.op is not None
    ]  # fmt: skip
    return [*steps, [number[o] if type(o) is Node else bits(o) for o in graph.outputs]]
