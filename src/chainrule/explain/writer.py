"""From trees and values to characters: Unicode text. `LatexWriter` says what LaTeX does otherwise.

How an operation is written comes from its record (`Notation`); only what depends on shapes (⊙ or
·, transposes, sums over some axes) is decided here.
"""

import re
from typing import Any

import numpy as np

from ..core.op import Notation
from ..core.spoken import spoken
from .as_json import called, from_json, number_from_json
from .cancelling import significant
from .constants import named
from .expr import App, Expr, Num, Sym, op_of, simplify
from .names import SUBSCRIPTS, SUPERSCRIPTS
from .numbers import DIGITS, short
from .parameters import Held, literal, quiet
from .products import POWER, TIMES, MatrixWriter

_CALL = Notation()
_ORDER = re.compile(r"\^\((\d+)\)\(")
_BARE = ("{0} {1}", "{0}\\,{1}")  # side by side stands for `matmul` alone
CHANGE, ADD, ATOM = 3, 10, 100


class Writer(MatrixWriter):
    """Writes trees as Unicode text, with a table of symbols."""

    minus, equal, about, dot, hadamard = "−", "=", "≈", " · ", " ⊙ "
    inverse_top, transpose_top = "⁻¹", "ᵀ"
    changed, stored, added, same = " with ", " := ", " += ", "=="
    places = DIGITS  # of the numbers in what is being written

    def __init__(self, symbols: dict[str, dict[str, Any]]) -> None:
        self.symbols = symbols

    # --- leaves -------------------------------------------------------------------------------
    def symbol(self, id: str) -> str:
        """Write a symbol."""
        return str(self.symbols[id]["text"])

    def constant(self, name: str) -> str:
        """Write a constant that has a name, unless a value of the program has it."""
        taken = any(s["text"] == name for s in self.symbols.values())
        return {"e": "exp(1)", "π": f"arccos({self.minus}1)"}[name] if taken else name

    def digits(self, text: str) -> str:
        """Dress the plain digits of a number."""
        return text.replace("-", self.minus).replace("inf", "∞").replace("nan", "NaN")

    def number(self, v: Any) -> tuple[str, bool]:
        """Write a number, and say whether it was rounded."""
        if isinstance(v, complex | np.complexfloating):
            re, rounded_re = short(v.real, self.places)
            im, rounded_im = short(abs(v.imag) if not np.isnan(v.imag) else v.imag, self.places)
            sign = "-" if v.imag < 0 or (v.imag == 0 and np.signbit(v.imag)) else "+"
            text = f"({self.digits(re)} {self.digits(sign)} {self.digits(im)}i)"
            return text, rounded_re or rounded_im
        text, rounded = short(v, self.places)
        return self.digits(text), rounded

    # --- trees --------------------------------------------------------------------------------
    def expr(self, e: Expr, need: int = 0) -> str:
        """Write a tree, in parentheses where its surroundings bind more strongly than `need`."""
        text, level = self.write(e)
        return self.paren(text) if level < need else text

    def paren(self, text: str) -> str:
        """Put parentheses around a text."""
        return f"({text})"

    def write(self, e: Expr) -> tuple[str, int]:
        """Return the text of a tree and how strongly it binds."""
        if isinstance(e, Sym):
            return self.symbol(e.id), ATOM
        if isinstance(e, Num) and e.name:
            return self.constant(e.name), ATOM
        if isinstance(e, Num):
            if _imaginary(e.value):
                text = self.number(e.value.imag)[0]
                text = text[:-1] if text in ("1", f"{self.minus}1") else text
                level = ATOM if text == "" else 15 if text.startswith(self.minus) else TIMES
                return f"{text}i", level
            text, _ = self.number(e.value)
            return text, 15 if text.startswith(self.minus) else ATOM
        special = getattr(self, "_" + e.op, None) or (
            self._of_a_distribution if e.op.startswith("stats_") else None)
        if special is not None:
            found = special(e)
            if found is not None:
                return found  # type: ignore[no-any-return]
        return self.template(e)

    def notation(self, op: str) -> Notation:
        """Return how the operation's record says it is written."""
        try:
            return op_of(op).notation or _CALL
        except KeyError:
            return _CALL

    def pattern(self, notation: Notation) -> str:
        """Return the template of this format."""
        return notation.text

    def template(self, e: App) -> tuple[str, int]:
        """Write a tree by the template of its operation, else as a call."""
        notation = self.notation(e.op)
        pattern = self.pattern(notation)
        if not pattern or pattern in _BARE or self.needs_call(e, pattern):
            return self.call(e), ATOM
        needs = notation.operands or (0,) * len(e.args)
        args = [
            self.expr(a, needs[k] if k < len(needs) else needs[-1]) for k, a in enumerate(e.args)
        ]
        try:
            return self.ordered(pattern.format(*args, **self.named_params(e, pattern))), \
                notation.level
        except (IndexError, KeyError):
            return self.call(e), ATOM

    def ordered(self, text: str) -> str:
        """Write the order of a derivative above: f⁽²⁾, which is no square."""
        return _ORDER.sub(lambda m: f"⁽{m[1].translate(SUPERSCRIPTS)}⁾(", text)

    def needs_call(self, e: App, pattern: str) -> bool:
        """Say whether a template would leave out parameters, or which of several outputs it is."""
        try:
            op = op_of(e.op)
        except KeyError:
            return any(not quiet(k, v) for k, v in e.params.items())
        own = op.name in pattern.replace("\\_", "_") and spoken(op.name) != op.name
        return bool(op.outputs) or own or any(
            not quiet(k, v) and f"{{{k}}}" not in pattern and literal(v)
            for k, v in e.params.items()
        )  # fmt: skip

    def named_params(self, e: App, pattern: str) -> dict[str, Any]:
        """Return the parameters that a template has places for."""
        return {k: Held(self, v) if f"{{{k}:" in pattern else self.param(v, []).strip("'")
                for k, v in e.params.items() if f"{{{k}" in pattern}  # fmt: skip

    def call(self, e: App) -> str:
        """Write a tree as a call of a function."""
        parts = [self.expr(a) for a in e.args if not (isinstance(a, Num) and a.value is None)]
        for k, v in e.params.items():
            if not quiet(k, v):
                parts.append(f"{k}={self.param(lone(k, v), [])}")
        return f"{self.function(e.op)}({', '.join(parts)})"

    def _singular_resolvent(self, e: App) -> tuple[str, int]:
        """Leave out what only serves to compute it."""
        return f"{self.function(e.op)}({self.expr(e.args[0])}, {self.expr(e.args[-1])})", ATOM

    def function(self, op: str) -> str:
        """Write the name of a function, as a reader knows it."""
        return word_of(op)

    def param(self, v: Any, holes: list[str]) -> str:
        """Write a parameter as Python would."""
        if isinstance(v, slice):
            text = f"{'' if v.start is None else v.start}:{'' if v.stop is None else v.stop}"
            return text if v.step is None else f"{text}:{v.step}"
        if isinstance(v, tuple):
            inner = ", ".join(self.param(x, holes) for x in v)
            return f"({inner},)" if len(v) == 1 else f"({inner})"
        if v is Ellipsis:
            return "..."
        if isinstance(v, np.dtype):
            return str(v)
        if isinstance(v, float | np.floating):
            return repr(float(v))
        if isinstance(v, str):
            return repr(v)
        if type(v).__name__ == "Hole":
            return holes.pop(0) if holes else "·"
        return v["repr"] if isinstance(v, dict) and "repr" in v else called(v)

    # --- operations whose writing depends on shapes -------------------------------------------
    def _add(self, e: App) -> tuple[str, int]:
        left, right = self.expr(e.args[0], ADD), self.expr(e.args[1], ADD)
        if right.startswith(self.minus):
            return f"{left} {self.minus} {right[len(self.minus) :].lstrip()}", ADD
        return f"{left} + {right}", ADD

    def _subtract(self, e: App) -> tuple[str, int]:
        left, right = self.expr(e.args[0], ADD), self.expr(e.args[1], ADD + 1)
        if right.startswith(self.minus):
            right = self.paren(right)
        return f"{left} {self.minus} {right}", ADD

    def _negative(self, e: App) -> tuple[str, int]:
        text = self.expr(e.args[0], TIMES)
        return self.minus + (self.paren(text) if text.startswith(self.minus) else text), 15

    def _multiply(self, e: App) -> tuple[str, int]:
        sign = self.hadamard if all(_many(a) for a in e.args) else self.dot
        left = self.leading(e.args[0])
        b = e.args[1]
        quotient = isinstance(b, App) and b.op in ("divide", "reciprocal")
        return left + sign + self.expr(b, TIMES + quotient), TIMES

    def leading(self, e: Expr) -> str:
        """Write a first factor: a negative number needs no parentheses there."""
        text, level = self.write(e)
        return text if level >= TIMES or isinstance(e, Num) else self.paren(text)

    def _gaussian(self, e: App) -> tuple[str, int] | None:
        if e.params.get("c") != 1:
            return None
        square = App("square", e.args, {}, e.shape)
        return self.write(App("exp", (App("negative", (square,), {}, e.shape),), {}, e.shape))


    def _square(self, e: App) -> tuple[str, int]:
        return self.raised(e.args[0], 2), POWER

    def _power_of(self, e: App) -> tuple[str, int]:
        n = e.params["n"]
        if isinstance(n, int) and n < 0:  # x⁻¹ would read as the inverse of a matrix
            whole = App("reciprocal", (simplify(App("power_of", e.args, {"n": -n}, e.shape)),), {},
                        e.shape)  # fmt: skip
            return self.write(whole)
        return self.raised(e.args[0], n), POWER

    def _power(self, e: App) -> tuple[str, int] | None:
        base, n = e.args
        if len(base.shape) < 2:
            return None
        return f"{self.expr(base, POWER + 1)}^∘{self.expr(n, ATOM)}", POWER

    def raised(self, base: Expr, n: Any) -> str:
        """Write a power with a number as exponent."""
        n = int(n) if isinstance(n, bool | np.bool_) else n
        if len(base.shape) > 1:  # A² is the product A A
            text = self.digits(exponent(n))
            return f"{self.expr(base, POWER + 1)}^∘{text if text.isdigit() else self.paren(text)}"
        if isinstance(n, int):
            return self.expr(base, POWER + 1) + str(n).translate(SUPERSCRIPTS)
        text = self.digits(exponent(n))
        return f"{self.expr(base, POWER + 1)}^{self.paren(text) if text[0] == '−' else text}"

    def _sum(self, e: App) -> tuple[str, int] | None:
        if len(e.args) != 1:
            return None
        a = e.args[0]
        whole = tuple(range(len(a.shape)))
        rest = all(quiet(k, v) for k, v in e.params.items() if k != "axis")
        if e.params.get("axis") in (None, whole) and rest:
            if isinstance(a, App) and a.op == "diagonal" and _square_matrix(a):
                return f"{self.word('tr')}({self.expr(a.args[0])})", ATOM
            return f"Σ({self.expr(a)})", ATOM
        return None

    def _equal(self, e: App) -> tuple[str, int]:
        return f"{self.expr(e.args[0], 6)} {self.same} {self.expr(e.args[1], 6)}", 5

    def _zeros(self, e: App) -> tuple[str, int]:
        return f"zeros{self.param(tuple(e.params['shape']), [])}", ATOM

    def _ones(self, e: App) -> tuple[str, int]:
        return f"ones{self.param(tuple(e.params['shape']), [])}", ATOM

    def _component(self, e: App) -> tuple[str, int]:
        return f"{self.expr(e.args[0], ATOM)}[{e.params['index']}]", ATOM

    def _getitem(self, e: App) -> tuple[str, int]:
        index, holes = e.params["index"], [self.expr(a) for a in e.args[1:]]
        parts = _entries(index, len(e.args[0].shape))
        inner = ", ".join(self.param(p, holes) for p in parts)
        return f"{self.expr(e.args[0], ATOM)}[{inner}]", ATOM

    def _setitem(self, e: App) -> tuple[str, int]:
        return self._stored(e, e.args[0], self.stored, e.args[1:])

    def _add_at(self, e: App) -> tuple[str, int]:
        return self._stored(e, e.args[0], self.added, e.args[1:])

    def _scatter_add(self, e: App) -> tuple[str, int]:
        zeros = App("zeros", (), {"shape": tuple(e.params["shape"])}, e.shape)
        return self._stored(e, zeros, self.added, e.args)

    def _stored(self, e: App, into: Expr, sign: str, rest: Any) -> tuple[str, int]:
        """Write an array in which elements are set, or added to: ``a with [0] := x``."""
        index, holes = e.params["index"], [self.expr(a) for a in rest[1:]]
        parts = _entries(index, len(e.shape))
        inner = ", ".join(self.param(p, holes) for p in parts)
        main, value = self.expr(into, CHANGE + 1), self.expr(rest[0], CHANGE + 1)
        return f"{main}{self.changed}[{inner}]{sign}{value}", CHANGE

    def _attains(self, e: App) -> tuple[str, int]:
        x, top = e.args
        while isinstance(top, App) and top.op == "reshape":
            top = top.args[0]
        return f"{self.expr(x, 6)} {self.same} {self.expr(top, 6)}", 5

    def _pack(self, e: App) -> tuple[str, int]:
        params = {} if e.shape == (len(e.args),) else {"shape": e.shape}
        return self.call(App("pack", e.args, params, e.shape)), ATOM

    def _as_computed(self, e: App) -> tuple[str, int]:
        formula, found = e.args  # the value is the library's, the derivative the formula's
        return self.write(formula if isinstance(found, Num) else found)

    def _stats_fixed(self, e: App) -> tuple[str, int]:
        return self.write(e.args[0])

    def _pad_zeros(self, e: App) -> tuple[str, int] | None:
        nothing = all(not any(pair) for pair in e.params["width"])
        return self.write(e.args[0]) if nothing else None

    def _embed_diagonal(self, e: App) -> tuple[str, int]:
        plain = len(e.shape) == 2 and e.shape[0] == e.shape[1] and not e.params["offset"]
        shown = {} if plain else {k: v for k, v in e.params.items() if k in ("shape", "offset")}
        return self.call(App("embed_diagonal", e.args, shown, e.shape)), ATOM

    def _frechet(self, e: App) -> tuple[str, int]:
        parts = [self.expr(a) for a in e.args]
        return f"D{self.word(e.params['kind'])}({parts[0]}; {', '.join(parts[1:])})", ATOM

    def _interpolate_image(self, e: App) -> tuple[str, int]:
        parts = ", ".join(self.expr(a) for a in e.args)
        return f"{self.word(e.params['function'])}({parts})", ATOM

    def _spline_at(self, e: App) -> tuple[str, int]:
        held, order = e.params["spline"], e.params.get("nu") or e.params.get("orders")
        name = held["repr"] if isinstance(held, dict) else called(held)
        parts = [self.expr(a) for a in e.args]
        if order and np.any(order):
            parts.append(f"nu={self.param(order, [])}")
        return f"{self.word(name)}({', '.join(parts)})", ATOM

    _surface_at = _spline_at

    def _stats_value(self, e: App) -> tuple[str, int]:
        """Write a method of a distribution as SciPy calls it: the shapes before loc and scale."""
        x, *rest = e.args
        own = [x, *rest[2:], *rest[:2]] if e.op == "stats_value" else e.args
        return self.distributed(e, [self.expr(a) for a in own])

    def _of_a_distribution(self, e: App) -> tuple[str, int]:
        return self.distributed(e, [self.expr(a) for a in e.args])

    _stats_standard_value = _stats_moment = _stats_value

    def distributed(self, e: App, parts: list[str]) -> tuple[str, int]:
        """Write a function of a distribution: ``norm.cdf(x)``."""
        held = e.params.get("dist", e.params.get("of"))
        dist = getattr(held, "dist", held)
        name = held["repr"] if isinstance(held, dict) else getattr(dist, "name", called(dist))
        name = name.removesuffix("_gen")  # as SciPy calls the distribution's class
        method = str(e.params.get("method") or word_of(e.op))
        given = held.get("shapes", ()) if isinstance(held, dict) else getattr(held, "shapes", ())
        parts += map(str, given)
        return f"{self.word(f'{name}.{method}')}({', '.join(parts)})", ATOM

    def word(self, name: str) -> str:
        """Write the name of a function that is no operation's own."""
        return name

    # --- values and lines ---------------------------------------------------------------------
    def value(self, v: dict[str, Any]) -> tuple[str, bool]:
        """Write a value; an array by its corner."""
        if "scalar" in v:
            x = _typed(number_from_json(v["scalar"]), v)
            text, rounded = self.number(x)
            return self.write(Num(x))[0] if _imaginary(x) else text, rounded
        shape = v["shape"]
        if 0 in shape:
            return f"empty{tuple(shape)}", False
        if len(shape) == 1:
            return self.vector(v["corner"], shape[0]), v["rounded"]
        if len(shape) == 2:
            return self.matrix(v["corner"], shape), v["rounded"]
        return self.statistics(v), True

    def entry(self, x: Any) -> str:
        """Write one entry of an array."""
        return self.number(number_from_json(x))[0]

    def vector(self, corner: list[Any], n: int) -> str:
        """Write a vector."""
        words = [self.entry(x) for x in corner]
        if n > len(corner):
            words.append("…")
        return "(" + ", ".join(words) + ")"

    def matrix(self, corner: list[Any], shape: list[int]) -> str:
        """Write a matrix."""
        rows = [" ".join(self.entry(x) for x in row) for row in corner]
        if shape[1] > len(corner[0]):
            rows = [row + " …" for row in rows]
        if shape[0] > len(corner):
            rows.append("…")
        return "[" + "; ".join(rows) + "]"

    def statistics(self, v: dict[str, Any]) -> str:
        """Write the extremes and the size of an array's entries."""
        words = [f"{k} {self.entry(v[k])}" for k in ("min", "max", "rms") if k in v]
        return "{" + ", ".join(words) + "}"

    def side(self, e: Expr) -> tuple[str, bool]:
        """Write a formula, and say whether a number of it was rounded."""
        self.places = significant(e)
        text = self.expr(e)
        self.places = DIGITS
        return text, _has_rounded(self, e)

    def line(self, line: dict[str, Any]) -> list[str]:
        """Write a chain of equalities as (symbol, relation, side, relation, side, …)."""
        out = [self.expr(from_json(line["lhs"]))]
        rough = False
        sides = [self.side(from_json(t)) for t in line["sides"]]
        if line.get("value") is not None:
            text, rounded = self.value(line["value"])
            sides.append((text, rounded or line.get("rough", False)))
        for text, rounded in sides:
            if text == out[-1]:
                if rounded and len(out) > 2:  # the digits are the same, the number is not
                    out[-2] = self.about
                rough = rounded
                continue
            out += [self.about if rounded or rough else self.equal, text]
            rough = rounded
        return out


def _imaginary(v: Any) -> bool:
    """Say whether a number of a formula is a finite multiple of i."""
    if not isinstance(v, complex | np.complexfloating) or v.real != 0 or np.signbit(v.real):
        return False
    return bool(np.isfinite(v.imag) and v.imag)


def _entries(index: Any, rank: int) -> tuple[Any, ...]:
    """Return the parts of an index, without an ellipsis that stands for no axis."""
    parts = index if isinstance(index, tuple) else (index,)
    whole = len(parts) == rank + 1 and all(p is Ellipsis or type(p) is int for p in parts)
    return tuple(p for p in parts if p is not Ellipsis) if whole and rank else parts


def word_of(key: str) -> str:
    """Return what an operation of a tree is called: a rule of the user's own by its own name."""
    try:
        op = op_of(key)
    except KeyError:
        return spoken(key)
    return spoken(op.name) if op.notation is not None or op.closed else op.name


def lone(name: str, v: Any) -> Any:
    """Write one axis as a number."""
    return v[0] if name == "axis" and isinstance(v, tuple) and len(v) == 1 else v


def exponent(n: Any) -> str:
    """Write an exponent: all its digits, since nothing would tell that some were left out."""
    text, rounded = short(n)
    if not rounded:
        return text
    form = named(float(n))
    if isinstance(form, Num):  # π, e
        return form.name or repr(float(n))
    if isinstance(form, App) and form.op == "divide" and isinstance(form.args[0], Num):
        return f"({form.args[0].value}/{form.args[1].value})"  # type: ignore[union-attr]
    if isinstance(form, App) and form.op == "negative":
        return f"-{exponent(-n).strip('()')}"
    return repr(float(n))


def _has_rounded(writer: Writer, e: Expr) -> bool:
    if isinstance(e, Num):
        return not e.name and (e.rough or writer.number(e.value)[1])
    return isinstance(e, App) and any(_has_rounded(writer, a) for a in e.args)


def _square_matrix(e: App) -> bool:
    """Say whether the main diagonal of one square matrix is taken."""
    axes = e.params.get("axis1", 0), e.params.get("axis2", 1)
    shape = e.args[0].shape
    return len(shape) == 2 and axes in ((0, 1), (-2, -1)) and not e.params.get("offset")


def _many(e: Expr) -> bool:
    n = 1
    for m in e.shape:
        n *= m
    return n != 1


def _typed(x: Any, v: dict[str, Any]) -> Any:
    return np.float32(x) if v.get("dtype") == "float32" else x


__all__ = ["SUBSCRIPTS", "Writer"]
