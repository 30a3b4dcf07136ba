"""A closed form of the derivative, where the graph is small enough for one to be readable.

It is the product of the recorded rules written out in the inputs; SymPy, where it is installed,
only tidies it, and what it returns is evaluated again beside the rules at random points.
"""

import ctypes
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.graph import Node
from .evaluation import evaluate
from .expr import App, Expr, Sym, add_up, size, substitute, to_json
from .record import Symbol

OPS, COUNT, BUDGET, POINTS, TREE = 40, 200, 2.0, 5, 2000


def closed_form(builder: Any) -> dict[str, Any]:
    """Return {"closed": …} or {"closed": None, "omitted": {reason, counts}}."""
    run = builder.run
    if run.output is None or not builder.sweep.order:
        return {"closed": None, "omitted": {"reason": "the output does not depend on the inputs"}}
    if not builder.scalar:
        return {"closed": None, "omitted": {"reason": "the graph holds arrays: the steps above "
                                            "are its closed form"}}  # fmt: skip
    forward = len([n for n in run.nodes if n.dtype is not None])
    backward = len(builder.sweep.executed) + len(builder.sweep.additions)
    sizes = _sizes(builder)
    targets = [n for n in run.inputs if n in builder.sweep.gradients]
    tree_ops = max((sizes["bar:" + run.symbol_of[n].id] for n in targets), default=0)
    counts = {"forward": forward, "backward": backward, "tree": tree_ops}
    if forward > OPS or tree_ops > TREE:
        reason = f"{tree_ops:,} operations as one expression, {forward + backward} as named steps"
        return _omitted(reason, counts)
    rows = []
    for node in targets:
        row, reason = _one(builder, node)
        if row is None:
            return _omitted(reason, counts)
        rows.append(row)
    return {"closed": rows or None, "omitted": None if rows else {"reason": "nothing flows"}}


def _omitted(reason: str, counts: dict[str, int]) -> dict[str, Any]:
    return {"closed": None, "omitted": {"reason": reason, "counts": counts}}


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


def _one(builder: Any, node: Node) -> tuple[dict[str, Any] | None, str]:
    run = builder.run
    tree = written_out(builder, node)
    tidy, by, reason = _tidy(builder, tree)
    if tidy is None:
        return None, reason
    if not _agree(builder, tree, tidy):
        return None, "the tidied expression did not agree with the rules at a random point"
    lhs = total(builder, node)
    line = builder.line(lhs.sym(), [tidy], lhs.value)
    return {"of": run.symbol_of[node].id, "line": line, "by": by, "ops": size(tidy),
            "points": POINTS, "tree": to_json(tidy)}, ""  # fmt: skip


def total(builder: Any, node: Node) -> Symbol:
    """Return the symbol of the whole derivative: dy/dx for one input, x̄ for several."""
    run = builder.run
    found: Symbol = run.symbols["bar:" + run.symbol_of[node].id]
    if len(run.inputs) > 1 or builder.entry is not None:
        return found
    of, out = run.symbol_of[node], run.symbols[builder.out_name]
    key = f"total:{of.id}"
    words = (f"d{out.text}/d{of.text}", f"\\frac{{d{out.latex}}}{{d{of.latex}}}")
    if key not in run.symbols:
        run.add(Symbol(key, of.name, "gradient", found.value, words=words))
    return run.symbols[key]


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


def _agree(builder: Any, rules: Expr, tidy: Expr) -> bool:
    """Evaluate both at the point and at random points beside it."""
    rng = np.random.default_rng(7)
    symbols = builder.run.symbols
    names = {builder.run.symbol_of[n].id for n in builder.run.inputs}
    for k in range(POINTS + 1):
        moved = dict(symbols)
        for name in names:
            old = symbols[name]
            step = 0.0 if k == 0 else 0.05 * rng.standard_normal() * max(1.0, abs(old.value))
            moved[name] = Symbol(old.id, old.name, old.kind, np.float64(old.value + step))
        a, b = evaluate(rules, moved), evaluate(tidy, moved)
        if np.isfinite(a) and not np.isclose(a, b, rtol=1e-7, atol=1e-9):
            return False
    return True
