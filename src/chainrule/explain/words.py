"""What a derivation says in words: of its rules, of a value that is a limit, of its signs."""

import contextlib
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..core.graph import Node
from ..core.spoken import spoken
from ..tracing.source import resolve
from .evaluation import evaluate
from .expr import App, Expr, Sym, op_of
from .rules import Term
from .settling import shown
from .shapes import place_text

_LOWERED = {"ᵃ": "a", "ᵇ": "b", "ᵘ": "u", "ᵛ": "v"}
_E_TO = re.compile(r"(?<![^\W\d_])e([ᵃᵇᵘᵛ])")
COMPLEX = (
    "complex numbers: the derivative of a real number with respect to a + bi is ∂/∂a − i·∂/∂b; "
    "its conjugate is the direction of steepest ascent. An analytic step multiplies it by its own "
    "derivative, without a conjugate; a real value takes the real part of what arrives"
)
BOUND = (
    "a number in raised parentheses tells apart the values that one name has: it is no derivative"
)
ENTRIES = (
    "of a matrix, powers written ^∘ and functions (√, 1/, exp, …) are taken entry by entry; ⊙ "
    "multiplies entries, and A B is the product of matrices"
)


def rule(builder: Any, term: Term, parent: Node) -> str:
    """Return the local derivative in words; a product with a constant has only one side."""
    op = term.reader.op
    assert op is not None
    words = _plain_rule(builder, term, parent)
    if not builder.run.namer.free("e"):  # that of a value
        words = _E_TO.sub(lambda m: f"exp({_LOWERED[m[1]]})", words)
    if term.masked:
        other = f"; else {words}" if term.whole.shape else ""
        words = "where a 0 of the program's own (a branch not taken, a mask) arrives, " \
            f"nothing flows{other}"
    elif op.name == "power_of" and term.reader.params["n"] == 0:
        words = "u⁰ is constant: its derivative is 0"
    elif op.name == "power" and term.argument == 1 and _of_zero(term.reader):
        words = "0ᵘ is 0 for all u > 0: its derivative is 0"
    elif term.guarded:
        words += "; here, at a tie or a zero, in a form of its own"
    if term.rule.shape != term.whole.shape:
        fitted = "it was repeated to fit: its gradient is the sum over the copies"
        words = f"{words}; {fitted}" if words else fitted
    return words

def _of_zero(node: Node) -> bool:
    """Say whether a step is a power of 0 with exponents above 0."""
    base, exponent = node.primals
    return not np.any(base) and bool(np.all(np.real(exponent) > 0))


def _plain_rule(builder: Any, term: Term, parent: Node) -> str:
    op = term.reader.op
    assert op is not None
    if op.name in ("multiply", "divide") and builder.run.live[term.reader] in (1, 2):
        if op.name == "multiply" or term.argument == 0:
            other = term.reader.inputs[1 - term.argument]
            what = "constant factor" if other is None else "a factor of derivative 0"
            return f"{what}: d(c·u) = c du"
    if op.name == "power" and builder.run.live[term.reader] in _POWERS:
        return _POWERS[builder.run.live[term.reader]]
    if op.name == "astype" and term.reader.dtype == parent.dtype:
        return "the same number"
    if op.name in ("absolute", "abs") and _reads_complex(term):
        return "d |u| = Re(conj(u) du) / |u|"
    return op.notation.rule if op.notation else ""


_POWERS = {  # by what of base and exponent varies
    1: "power rule: d uⁿ = n·uⁿ⁻¹ du", 2: "exponential rule: d aᵘ = aᵘ·log a du",
}  # fmt: skip


def _reads_complex(term: Term) -> bool:
    """Say whether the argument of an edge is complex."""
    return np.iscomplexobj(term.reader.primals[term.argument])


def taken(builder: Any) -> str:
    """Say how gradients were made that no rule made, or nothing."""
    if not any(builder.bent):
        return ""
    return f"the gradient is {_TAKEN}" if builder.parted else (
        "the gradient is a limit around the point")


_TAKEN = "taken from both sides of the point, where it is not the same"


def nothing_flows(builder: Any, node: Node) -> str:
    """Say why a gradient is 0: what decides by the input may change the output all the same."""
    run, name = builder.run, builder.run.symbol_of[node].text
    asked = node in builder.read or run.events or any(
        n.dtype is None or n.dtype.kind in "biu" for n in run.graph.nodes)
    why = f"no derivative flows from {name} to" if asked else f"{name} does not reach"
    return f"{why} the output: its gradient is 0"


def returned(builder: Any) -> str:
    """Say where the function's value comes from, where its steps do not give it."""
    run = builder.run
    out, told = run.symbols[builder.out_name].text, shown(run.value)
    step = run.output is not None and f", {run.symbol_of[run.output].text}, is " \
        f"{shown(run.output.output)} at the point"
    words = f"{out} is what the function returns, {told}; its last step by the rules alone" \
        f"{step or ' is another number'}"
    first = next(iter(run.inner), None)
    if first is None:
        return f"{words}: a plain run takes other steps"
    where = place_text(resolve(first.place))
    what = "meets 0·∞" if first.kind == "indeterminate" else "is at a kink or tie"
    by = f"{spoken(first.op)} {what} ({where})" if first.op else "the rules have no number"
    return f"{words}: in a derivative that it takes itself {by}, and the limit around the " \
        "point is returned"


def underflow(builder: Any, lhs: Sym, formula: Expr, value: Any) -> bool:
    """Tell numbers that floating point has no room for: of an array, which entries those are."""
    lost = np.equal(value, 0) & ~_surely_zero(builder.digits.found.get(lhs.id), np.shape(value))
    if not np.any(lost) or not _underflows(formula, builder.run.symbols):
        return False
    name, places = builder.run.symbols[lhs.id].text, np.argwhere(lost)
    what, it = f"{name} is too small a number", "it"
    if len(places) == 1 and np.ndim(value):
        what = f"entry [{', '.join(map(str, places[0]))}] of {name} is too small a number"
    elif np.ndim(value):
        what, it = f"entries of {name} are too small numbers", "them"
    builder.notes.append(
        f"{what} for floating point, and 0 stands for {it} (underflow): such a 0, and one that "
        "follows from it, is written ≈ 0, or in an array after ≈"
    )
    return True


def _surely_zero(found: Any, shape: tuple[int, ...]) -> Any:
    """Say which entries are 0 in fractions, too."""
    if np.shape(found) != shape or np.asarray(found).dtype.kind != "O":
        return np.zeros(shape, bool)
    true = [getattr(v, "true", None) for v in np.ravel(np.asarray(found, object))]
    return np.reshape([t is not None and t == 0 for t in true], shape)


def _underflows(e: Expr, symbols: dict[str, Any]) -> bool:
    try:
        evaluate(e, symbols, under="raise")
    except FloatingPointError:
        return True
    except Exception:  # what it reads is no plain number
        return False
    return False


def by_entries(builder: Any) -> bool:
    """Say whether a formula takes a function of a matrix entry by entry."""
    rules = (t.rule for terms in builder.sweep.terms.values() for t in terms)
    steps = (builder.run.expression(n) for n in builder.run.nodes if n.dtype is not None)
    return any(map(_takes_entries, (*steps, *rules)))


def _takes_entries(e: Expr) -> bool:
    if not isinstance(e, App):
        return False
    if len(e.shape) > 1 and e.op not in _LINEAR and len(e.args[-1].shape if e.args else ()) > 1:
        with contextlib.suppress(KeyError):
            op = op_of(e.op)
            if e.op == "power_of" or isinstance(op.function, np.ufunc):
                return True
    return any(map(_takes_entries, e.args))


_LINEAR = ("add", "subtract", "multiply", "negative", "matmul", "conjugate")


def agree(doc: dict[str, Any]) -> None:
    """Let one symbol have one sign: near in one line of the page, its value is near in all."""
    lines = list(_lines(doc))
    rough = {line["lhs"].get("sym") for line in lines if "rough" in line}
    rough |= {id for id, s in doc["symbols"].items() if "rough" in s}
    last = doc["forward"][-1]["symbol"] if doc["forward"] else None
    if last in rough and "limit" not in doc:
        rough.add(doc["output"])
    for line in lines:
        if line["value"] is not None and line["lhs"].get("sym") in rough:
            line["rough"] = True
    for id in rough:
        if id in doc["symbols"]:
            doc["symbols"][id]["rough"] = True


def _lines(data: Any) -> Iterator[dict[str, Any]]:
    """Iterate over the lines of a document."""
    if isinstance(data, dict):
        if "lhs" in data and "sides" in data:
            yield data
        else:
            for v in data.values():
                yield from _lines(v)
    elif isinstance(data, list):
        for v in data:
            yield from _lines(v)
