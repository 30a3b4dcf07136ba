"""Reads printed derivations back and evaluates them with NumPy alone.

This is a second mind: it shares no code with the printers. Text is parsed by a small grammar;
LaTeX (also that between the dollar signs of Markdown) is first rewritten into that grammar.
"""

import math
import re

import numpy as np
import scipy.special

SUPERS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-", strict=True))
NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e−?\d+)?")
IDENTIFIER = re.compile(r"[A-Za-zα-ωΑ-Ω_][A-Za-z0-9_α-ωΑ-Ω]*")
SHAPE = re.compile(r" *(\((?:[-−]?\d+, ?)+(?:[-−]?\d+)?\))(?=[,)])")
INSIDE_NAME = re.compile(r"[A-Za-z0-9_α-ωΑ-Ω\u0300-\u036f⁽₀-₉'′]")
COMPARE = {
    "<": np.less, "≤": np.less_equal, ">": np.greater, "≥": np.greater_equal,
    "==": np.equal, "≠": np.not_equal, "∧": np.logical_and, "∨": np.logical_or,
}  # fmt: skip


class Unreadable(Exception):
    pass


class Row:
    """A vector under a transpose sign: a row, until it meets its partner."""

    def __init__(self, vector):
        self.vector = vector


def product(a, b):
    if isinstance(b, Row):
        return np.outer(a, b.vector)
    if isinstance(a, Row):
        a = a.vector
    return np.matmul(a, b)


def gathered(*parts, shape=None):
    return np.array(parts) if shape is None else np.reshape(parts, shape)


def power(value, n):
    """Return a power as mathematics has it: of a matrix by the product of matrices."""
    if np.ndim(value) < 2:
        return np.power(value, n)
    if np.ndim(n) or n != int(n):
        raise Unreadable(f"power {n} of a matrix")
    return np.linalg.matrix_power(value, int(n))


def functions():
    special = scipy.special
    return {
        "Σ": np.sum, "tr": np.trace, "σ": special.expit, "log₂": np.log2, "log₁₀": np.log10,
        "sech²": lambda x: 1 / np.cosh(x) ** 2, "array": gathered,
        "concatenate": lambda *parts, axis: np.concatenate(parts, axis=axis),
        "eye": lambda n: np.eye(int(n)),
        "zeros": lambda *n: np.zeros([int(k) for k in n]),
        "ones": lambda *n: np.ones([int(k) for k in n]), "real_part": np.real,
        "astype": lambda x, dtype: np.asarray(x).astype(dtype), "broadcast": np.broadcast_to,
        "min": lambda *a, **k: np.minimum(*a) if len(a) == 2 else np.min(*a, **k),
        "max": lambda *a, **k: np.maximum(*a) if len(a) == 2 else np.max(*a, **k),
        "ln": np.log, "Γ": special.gamma, "ψ": special.digamma, "Φ": special.ndtr,
        "Re": np.real, "Im": np.imag, "arsinh": np.arcsinh, "arcosh": np.arccosh,
        "artanh": np.arctanh, "conj": np.conj, "B": special.beta,
        "share": lambda a, b: np.where(np.hypot(a, b) == 0, 0, a / np.hypot(a, b)),
    }  # fmt: skip


FUNCTIONS = functions()


class Parser:
    """Evaluates text while it parses it. `names` maps symbols, as printed, to values."""

    def __init__(self, text, names, nudge=None, direction=1):
        self.text, self.at, self.names = text, 0, names
        self.order = sorted(names, key=len, reverse=True)
        self.nudge, self.direction = nudge, direction  # a literal to move, to learn its influence
        self.literals = []

    def evaluate(self):
        value = self.comparison()
        self.space()
        if self.at != len(self.text):
            raise Unreadable(f"{self.text!r} at {self.text[self.at :]!r}")
        return value.vector if isinstance(value, Row) else value

    # --- tokens ---------------------------------------------------------------------------------
    def space(self):
        while self.at < len(self.text) and self.text[self.at] == " ":
            self.at += 1

    def peek(self, *signs):
        self.space()
        return next((s for s in signs if self.text.startswith(s, self.at)), "")

    def take(self, *signs):
        found = self.peek(*signs)
        self.at += len(found)
        return found

    def need(self, sign):
        if not self.take(sign):
            raise Unreadable(f"{self.text!r}: {sign!r} expected at {self.text[self.at :]!r}")

    def symbol(self):
        self.space()
        for name in self.order:
            if self.text.startswith(name, self.at):
                after = self.text[self.at + len(name) : self.at + len(name) + 1]
                if not INSIDE_NAME.match(after) or name[-1] == "⟧":
                    if after == "(" and name in FUNCTIONS:
                        continue
                    return name
        return ""

    # --- grammar --------------------------------------------------------------------------------
    def comparison(self):
        left = self.sum()
        while self.take("with "):
            self.need("[")
            index, sign = self.index("]"), self.take(":=", "+=")
            value, left = self.sum(), np.array(left)
            left = left.astype(np.result_type(left, value))
            if sign == "+=":
                np.add.at(left, index, value)
            else:
                left[index] = value
        sign = self.take("==", "<", "≤", ">", "≥", "≠", "∧", "∨")
        return COMPARE[sign](left, self.sum()) if sign else left

    def sum(self):
        value = self.negated()
        while sign := self.take("+", "−"):
            other = self.term()
            value = value + other if sign == "+" else value - other
        return value

    def negated(self):
        if self.take("−"):
            return -self.term()
        self.take("+")
        return self.term()

    def term(self):
        value = self.chain()
        while sign := self.take("·", "⊙", "/", "mod"):
            other = -self.chain() if self.take("−") else self.chain()
            if sign == "mod":
                value = np.remainder(value, other)
            else:
                value = value / other if sign == "/" else value * other
        return value

    def chain(self):
        value = self.postfix()
        while self.starts_atom():
            value = product(value, self.postfix())
        return value

    def starts_atom(self):
        self.space()
        rest = self.text[self.at :]
        if not rest or rest.startswith(("mod ", "with ")):
            return False
        return bool(self.symbol()) or rest[0] in "(√∛⟦" or IDENTIFIER.match(rest) is not None

    def postfix(self):
        value = self.atom()
        while self.at < len(self.text):
            c = self.text[self.at]
            if c in SUPERS:
                digits = ""
                while self.at < len(self.text) and self.text[self.at] in SUPERS:
                    digits += SUPERS[self.text[self.at]]
                    self.at += 1
                if digits == "-":  # A⁻ᵀ
                    value = np.linalg.inv(value)
                    continue
                value = power(value, float(digits))
            elif c == "ᵀ":
                self.at += 1
                value = Row(value) if np.ndim(value) == 1 else np.transpose(value)
            elif c == "^":
                self.at += 1
                group = bool(self.peek("(∘", "( ∘")) and bool(self.take("("))
                entries = bool(self.take("∘"))
                n = self.sum() if group else self.postfix()
                if group:
                    self.need(")")
                value = np.power(value, n) if entries else power(value, n)
            elif c == "[":
                self.at += 1
                value = value[self.index("]")]
            else:
                break
        return value

    def atom(self):
        name = self.symbol()
        if name:
            self.at += len(name)
            return self.names[name]
        if self.take("("):
            value = self.comparison()
            self.need(")")
            return value
        if self.take("|"):
            value = self.sum()
            self.need("|")
            return np.abs(value)
        if self.take("⌊"):
            value = self.sum()
            self.need("⌋")
            return np.floor(value)
        if self.take("√"):
            return np.sqrt(self.atom())
        if self.take("∛"):
            return np.cbrt(self.atom())
        if self.take("∞"):
            return np.inf
        found = NUMBER.match(self.text, self.at)
        if found:
            return self.number(found)
        return self.call()

    def number(self, found):
        self.at = found.end()
        v = np.float64(found.group().replace("−", "-"))
        k = len(self.literals)
        self.literals.append(v)
        if self.nudge is not None and self.nudge == k and v != 0:
            v += self.direction * half_unit(v)
        if self.text.startswith("i", self.at):
            self.at += 1
            return 1j * v
        return v

    def call(self):
        found = IDENTIFIER.match(self.text, self.at)
        if not found:
            raise Unreadable(f"{self.text!r} at {self.text[self.at :]!r}")
        name = found.group()
        self.at = found.end()
        if name in ("True", "False"):
            return name == "True"
        if name == "i":
            return 1j
        if name == "NaN":
            return np.nan
        while self.text[self.at : self.at + 1] in ("²", "₁", "₀", "₂"):
            name += self.text[self.at]
            self.at += 1
        if name in ("log", "det") and self.text.startswith(" ", self.at):
            return FUNCTIONS.get(name, getattr(np, name, np.linalg.det))(self.postfix())
        self.need("(")
        args, params = [], {}
        while not self.take(")"):
            key = re.compile(r" *(\w+)=(?!=)").match(self.text, self.at)
            shape = SHAPE.match(self.text, self.at)
            if shape:
                self.at = shape.end()
                args.append(eval(shape.group(1).replace("−", "-")))
            elif quoted := re.compile(r' *"([^"]*)"').match(self.text, self.at):
                self.at = quoted.end()
                args.append(quoted.group(1))
            elif key:
                self.at = key.end()
                params[key.group(1)] = self.python()
            else:
                args.append(self.comparison())
            self.take(",")
        return apply(name, args, params)

    def python(self):
        """Read a parameter: Python text up to the next comma or parenthesis outside brackets."""
        if self.take("["):
            return self.index("]")
        start, depth = self.at, 0
        while self.at < len(self.text):
            c = self.text[self.at]
            if depth == 0 and c in ",)":
                break
            depth += (c in "([") - (c in ")]")
            self.at += 1
        text = self.text[start : self.at].replace("−", "-")
        return text if re.fullmatch(r"[a-z]+\d+", text) else eval(text, {"__builtins__": {}})

    def index(self, close):
        parts, many = [], False
        while not self.take(close):
            self.space()
            found = re.compile(
                r"([-−]?\d*:[-−]?\d*(?::[-−]?\d+)?|\.\.\.|None|[-−]?\d+)(?=[,\]])"
            ).match(self.text, self.at)
            if found:
                self.at = found.end()
                parts.append(eval(f"np.s_[{found.group().replace('−', '-')}]", {"np": np}))
            else:
                parts.append(np.asarray(self.comparison()))
            many = bool(self.take(",")) or many
        return tuple(parts) if many or len(parts) != 1 else parts[0]


def apply(name, args, params):
    if name in FUNCTIONS:
        return FUNCTIONS[name](*args, **params)
    for home in (np, np.linalg, scipy.special):
        if hasattr(home, name):
            return getattr(home, name)(*args, **params)
    raise Unreadable(f"{name} is no function of NumPy or SciPy")


def half_unit(v, digits=6):
    """Half a unit of the last digit shown."""
    if v == 0 or not math.isfinite(v):
        return 0.0
    return 0.5000001 * 10.0 ** (math.floor(math.log10(abs(v))) - digits + 1)


# --- lines --------------------------------------------------------------------------------------


def split(line):
    """Part a line at = and ≈ into (relation, side)."""
    parts = re.split(r" (=|≈) ", " " + line.strip())
    return [
        ("", parts[0].strip()),
        *zip(parts[1::2], (p.strip() for p in parts[2::2]), strict=True),
    ]


def is_value(side):
    return side[:1] in "[{" or side.startswith("empty(") or bool(
        re.fullmatch(r"\((?:[−\d.e∞]|NaN|…|, |\([^()]*i\)|True|False)*\)", side)
    )  # fmt: skip


def shown(text):
    """Read the entries of an array as printed: (entries, were any left out)."""
    cells = [c for c in re.split(r"[ ,;()\[\]]+", text) if c]
    if "i)" in text:
        cells = re.findall(r"[^,;]*?i\)", text.strip("()[]") + ")")
        cells = re.findall(r"\(([^()]*i)\)", text)
        return [Parser(f"({c})", {}).evaluate() for c in cells], "…" in text
    out = []
    for c in cells:
        if c == "…":
            continue
        out.append({"True": 1.0, "False": 0.0}.get(c) if c in ("True", "False") else
                   Parser(c, {}).evaluate())  # fmt: skip
    return out, "…" in text


def corner(value, text):
    a = np.asarray(value)
    if a.ndim == 1:
        return a[:6]
    return a[:3, :3] if "[" in text else a.ravel()


def plain(v):
    a = np.asarray(v)
    return a.astype(float) if a.dtype.kind in "biu" else a


def check_line(line, names, tight=1e-9):
    """Check every side of a line against the value of its first; return how many were checked."""
    sides = split(line)
    first = Parser(sides[0][1], names)
    truth = plain(first.evaluate())
    count, rough = 0, False
    for relation, side in sides[1:]:
        if is_value(side) and truth.ndim:
            check_array(truth, relation, side, line)
        else:
            rough = check_side(truth, relation, side, names, tight, line, rough)
        count += 1
    return count


def check_array(truth, relation, side, line):
    if side.startswith("{"):
        numbers = dict(re.findall(r"(min|max|rms) ([−\d.e]+)", side))
        a = np.abs(truth) if truth.dtype.kind == "c" else truth.astype(float)
        real = {"min": a.min(), "max": a.max(), "rms": np.sqrt(np.mean(a**2))}
        for key, text in numbers.items():
            v = float(text.replace("−", "-"))
            assert abs(v - real[key]) <= 2 * half_unit(v) + 1e-12, line
        return
    if side.startswith("empty"):
        assert truth.size == 0, line
        return
    entries, _ = shown(side)
    kept = corner(truth, side).ravel()
    assert len(entries) == len(kept), line
    for e, v in zip(entries, kept, strict=True):
        close(complex(e), complex(v), line)
    same = np.array_equal([*map(complex, entries)], [*map(complex, kept)], equal_nan=True)
    assert not (relation == "=" and not same), line


def close(e, v, line):
    for a, b in ((e.real, v.real), (e.imag, v.imag)):
        if math.isnan(b):
            assert math.isnan(a), line
        else:
            assert a == b or abs(a - b) <= half_unit(a) + half_unit(b) * 1e-6, line


def check_side(truth, relation, side, names, tight, line, rough):
    parser = Parser(side, names)
    with np.errstate(all="ignore"):
        value = plain(parser.evaluate())
    bare = not any(c.isalpha() or c == "⟦" for c in side.replace("e", "").replace("NaN", ""))
    slack = np.zeros(())
    if relation == "≈":
        for k in range(len(parser.literals)):
            with np.errstate(all="ignore"):
                moved = [Parser(side, names, k, sign).evaluate() for sign in (1, -1)]
                reach = np.maximum(*(np.nan_to_num(np.abs(m - value)) for m in moved))
            slack = slack + reach
    value = value.reshape(truth.shape) if value.size == truth.size else value
    scale = np.max(np.abs(truth), initial=1e-300, where=np.isfinite(truth))
    both = np.isnan(value) & np.isnan(truth)
    with np.errstate(invalid="ignore"):
        error = np.abs(value - truth)
    good = error <= slack * 1.001 + tight * scale + tight * np.abs(truth)
    assert np.all(good | both | (value == truth)), f"{line}\n  {side} is {value}, not {truth}"
    if relation == "=" and bare and not rough and value.ndim == 0 and truth.dtype != np.float32:
        assert value == truth or both.all() or len(parser.literals) > 1, f"= but rounded: {line}"
    return relation == "≈"


# --- documents ----------------------------------------------------------------------------------


def lines_of_text(text):
    """Return the equations of a text derivation."""
    found = []
    for row in text.splitlines():
        if not row.startswith("  "):
            continue
        row = row.split(" # ")[0]
        cells = [c for c in re.split(r" {2,}", row.strip()) if c]
        joined = []
        for c in cells:
            if c.startswith(("= ", "≈ ")) and joined:
                joined[-1] += " " + c
            else:
                joined.append(c)
        found += [c for c in joined if re.search(r" [=≈] ", c)
                  and not c.startswith(("—", "shapes", "find ", "in the code"))]  # fmt: skip
    return found
