"""Reads a printed derivation as mathematics: every ``=`` in it has to be one.

What a symbol stands for is what its first line says, computed with sixty digits from the numbers
that are printed; nothing of the program that was run, and no float, is read.
"""

import mpmath
import numpy as np

from .reader import FUNCTIONS, NUMBER, Parser, Unreadable, lines_of_text, split

mpmath.mp.dps = 200  # of which cancellation may take many
NAMES = {
    "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arcsinh": "asinh", "arccosh": "acosh",
    "arctanh": "atanh", "log₂": "log2", "log₁₀": "log10", "arsinh": "asinh", "arcosh": "acosh",
    "artanh": "atanh", "ln": "log",
}  # fmt: skip


def function(name):
    if name in ("log2", "log₂", "log10", "log₁₀"):
        return lambda x: mpmath.log(x) / mpmath.log(2 if "2" in name or "₂" in name else 10)
    if name in ("exp2",):
        return lambda x: mpmath.mpf(2) ** x
    if name == "σ":
        return lambda x: 1 / (1 + mpmath.exp(-x))
    if name == "sech²":
        return lambda x: mpmath.sech(x) ** 2
    if name == "share":
        return lambda a, b: a / mpmath.hypot(a, b) if a or b else mpmath.mpf(0)
    if name in ("max", "maximum", "min", "minimum", "where", "isnan", "logical_not"):
        return {"logical_not": lambda x: not x, "max": max, "maximum": max, "min": min,
                "minimum": min, "where": lambda c, a, b: a if c else b, "isnan": mpmath.isnan}[name]
    found = getattr(mpmath, NAMES.get(name, name), None)
    if found is None:
        raise Unreadable(name)
    return found


class Exactly(Parser):
    """The parser, with numbers of sixty digits."""

    def number(self, found):
        self.at = found.end()
        return mpmath.mpf(found.group().replace("−", "-"))

    def postfix(self):
        value = self.atom()
        while self.at < len(self.text):
            digits = ""
            while self.text[self.at : self.at + 1] and self.text[self.at] in "⁰¹²³⁴⁵⁶⁷⁸⁹⁻":
                digits += "-0123456789"["⁻⁰¹²³⁴⁵⁶⁷⁸⁹".index(self.text[self.at])]
                self.at += 1
            if digits:
                value = value ** int(digits)
            elif self.take("^"):
                value = value ** self.postfix()
            else:
                break
        return value

    def atom(self):
        for sign, f in (("√", mpmath.sqrt), ("∛", mpmath.cbrt)):
            if self.take(sign):
                return f(self.atom())
        if self.peek("|") or self.peek("⌊"):
            f = mpmath.fabs if self.take("|") else mpmath.floor
            f is mpmath.fabs or self.need("⌊")
            value = self.sum()
            self.need("|" if f is mpmath.fabs else "⌋")
            return f(value)
        name = self.symbol()
        if not name and not self.peek("(") and not NUMBER.match(self.text, self.at):
            start = self.at
            word = ""
            while self.text[self.at : self.at + 1].isalnum() or self.text[self.at] in "₁₀₂²σ_":
                word += self.text[self.at]
                self.at += 1
            if word in ("True", "False"):
                return word == "True"
            if self.take("("):
                args = []
                while not self.take(")"):
                    args.append(self.comparison())
                    self.take(",")
                return function(word)(*args)
            self.at = start
        return super().atom()


def number(v):
    return mpmath.mpf(bool(v)) if isinstance(v, bool | np.bool_) else v


def check(derivation):
    """Check all lines; return (how many equalities, how many ≈ that could be one)."""
    names = {"π": +mpmath.pi, "e": mpmath.e + 0}
    held, shy, told = 0, 0, set()
    lines = lines_of_text(derivation.text())
    if derivation.document["problem"]["statement"] is not None:
        lines = [*lines[1:], lines[0]]  # it speaks of names that are given later
    for line in lines:
        if any(mark in line for mark in ("∞", "NaN")):
            continue
        (_, first), *sides = split(line)
        relation, text = sides[0]
        if first not in told:
            names[first] = Exactly(text, names).evaluate()
            told |= {first} if relation == "=" else set()
        value = number(Exactly(first, names).evaluate())
        for relation, text in sides:
            other = number(Exactly(text, names).evaluate())
            if relation == "=":
                held += 1
                near = abs(value - other) <= mpmath.mpf(10) ** -60 * (abs(value) + abs(other))
                assert near, f"{line}: {text} is {mpmath.nstr(other - value, 5)} off"
            shy += relation == "≈" and value == other
            value = other
    return held, shy, names


__all__ = ["FUNCTIONS", "check", "np"]
