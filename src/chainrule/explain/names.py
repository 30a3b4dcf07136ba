"""Names: what the user calls a value, and how it is written in text and in LaTeX."""

import ast
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "eps": "ε",
    "zeta": "ζ", "eta": "η", "theta": "θ", "kappa": "κ", "lam": "λ", "lambda_": "λ", "mu": "μ",
    "nu": "ν", "xi": "ξ", "rho": "ρ", "sigma": "σ", "tau": "τ", "phi": "φ", "chi": "χ",
    "psi": "ψ", "omega": "ω", "Gamma": "Γ", "Delta": "Δ", "Theta": "Θ", "Lambda": "Λ",
    "Sigma": "Σ", "Phi": "Φ", "Psi": "Ψ", "Omega": "Ω",
}  # fmt: skip
LATEX_GREEK = {v: "\\" + k for k, v in GREEK.items() if k not in ("eps", "lam", "lambda_")}
LATEX_GREEK |= {"λ": "\\lambda", "ε": "\\epsilon", "Σ": "\\Sigma"}
SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
_SPLIT = re.compile(r"^([^\W\d_]+(?:_[^\W\d_]+)*)(?:_?(\d+))?$")
_FUNCTION = re.compile(r"(?<![^\W\d_])([^\W\d_])[′⁰¹²³⁴⁵⁶⁷⁸⁹⁽⁾⁺ⁿ]*(?:\^\(?\{\w+\}\)?)?\(")
_SAFE = re.compile(r"^[^\W\d]\w*(?:\[-?\d+\]|\.\w+|\['\w+'\])*$")
RESERVED = frozenset({"d", "Σ", "inf", "nan", "True", "False", "i"})


@dataclass(frozen=True, slots=True)
class Name:
    """A name taken apart: its letters, its index, and which of several uses it is."""

    raw: str
    base: str
    index: str = ""
    turn: int = 0

    @property
    def text(self) -> str:
        """The name in Unicode."""
        return self.marked("")

    @property
    def latex(self) -> str:
        """The name in LaTeX."""
        return self.marked_latex("")

    def marked(self, mark: str) -> str:
        """Write the name under a bar (the gradient) or a dot (the tangent)."""
        base = self.base
        if mark == "bar":
            base = base + "\u0304" if len(base) == 1 else "".join(c + "\u0305" for c in base)
        elif mark == "dot":
            base = base[0] + "\u0307" + base[1:]
        turn = f"⁽{str(self.turn).translate(SUPERSCRIPTS)}⁾" if self.turn else ""
        return base + self.index.translate(SUBSCRIPTS) + turn

    def marked_latex(self, mark: str) -> str:
        """Write the name in LaTeX under a bar or a dot."""
        base = self.base
        if base in LATEX_GREEK:
            base = LATEX_GREEK[base]
        elif not (len(base) == 1 and base.isascii() and base.isalpha()):
            base = "\\mathrm{" + "".join(map(_in_latex, base)) + "}"
        if mark == "bar":
            base = f"\\bar{{{base}}}" if len(self.base) == 1 else f"\\overline{{{base}}}"
        elif mark == "dot":
            base = f"\\dot{{{base}}}"
        index = f"_{{{self.index}}}" if self.index else ""
        turn = f"^{{({self.turn})}}" if self.turn else ""
        return base + index + turn


def _in_latex(c: str) -> str:
    """Write one character of a name so that TeX takes it for a letter."""
    if c in LATEX_GREEK:
        return LATEX_GREEK[c] + " "
    if not c.isascii():
        return f"\\text{{{c}}}" if c.isalpha() else f"\\text{{[U+{ord(c):04X}]}}"
    return _ESCAPED.get(c, c)


_ESCAPED = {c: f"\\{c}" for c in "_#%&${} "} | {
    "'": "{'}", "\\": "\\backslash ", "^": "\\hat{}", "~": "\\sim ", "|": "\\vert ",
}  # fmt: skip


def pretty(raw: str) -> tuple[str, str]:
    """Split a name into letters and index: W1 → (W, 1), theta → (θ, "")."""
    found = _SPLIT.match(raw)
    if found is None:
        return GREEK.get(raw, raw), ""
    base, index = found.group(1), found.group(2) or ""
    return GREEK.get(base, base), index


def leaf_name(path: str) -> str:
    """Return the short name of a leaf of a container: params['W1'] → W1, layers[0].b → b_0."""
    parts = re.findall(r"\['([^']*)'\]|\[(-?\d+)\]|\.(\w+)|^([^\[.]+)", path)
    words = [key or attribute or root for key, _, attribute, root in parts]
    numbers = [number for _, number, _, _ in parts if number]
    word = [w for w in words if w][-1]
    if not re.match(r"^[^\W\d]\w*$", word):
        return path
    if numbers and not re.search(r"\d$", word):
        return word + "_".join(numbers) if len(numbers) == 1 else path
    return path if numbers else word


class Namer:
    """Gives every value a name of its own, the user's where there is one."""

    def __init__(self, functions: set[str] | frozenset[str] = frozenset()) -> None:
        self.functions = functions  # letters that stand for functions: a value has another name
        self.taken: set[str] = {*RESERVED, *functions}
        self.owner: dict[str, str] = {}  # of a name as it is written: the first in the code

    def inputs(self, paths: list[str]) -> list[Name]:
        """Name the leaves of the arguments: short names where they differ, else full paths."""
        short = [leaf_name(p) for p in paths]
        out = []
        for path, name in zip(paths, short, strict=True):
            if short.count(name) > 1 or self._shown(name) in self.taken:
                name = path
            out.append(self.take(path, name))
        return out

    def _pretty(self, name: str) -> tuple[str, str]:
        base, index = pretty(name)
        found = _SPLIT.match(name)
        return (found[1] if found and base in self.functions else base), index

    def _shown(self, name: str, turn: int = 0) -> str:
        base, index = self._pretty(name)
        return Name(name, base, index, turn).text

    def free(self, name: str, turn: int = 0) -> bool:
        """Say whether a name is still to be had."""
        return self._shown(name, turn) not in self.taken

    def take(self, raw: str, name: str, turn: int = 0) -> Name:
        """Reserve a name, with a prime for every other holder of it."""
        base, index = self._pretty(name)
        found = Name(raw, base, index, turn)
        plain = Name(raw, base, index).text
        if self.owner.setdefault(plain, raw) != raw and _told_apart(name):
            base, index = name, ""  # x_1 beside x1: as it stands in the code
            found = Name(raw, base, "", turn)
        while found.text in self.taken:
            base += "'"
            found = Name(raw, base, index, turn)
        self.taken.add(found.text)
        return found


def functions_of(notations: Iterable[Any]) -> set[str]:
    """Return the letters by which formulas and rules call functions: σ(u), ψ(u), H(u; v)."""
    found = set()
    for n in notations:
        called = n.text if "(" in n.text else f"{n.text}("
        letters = _FUNCTION.findall(f"{called} {n.rule}")
        found |= {c for c in letters if c in GREEK.values() or c in n.text}
    return found


def _told_apart(name: str) -> bool:
    """Say whether a name as it stands in the code is plainly another than as it is written."""
    return "_" in name or name in GREEK


def values(nodes: list[Any], text: Callable[[Any], str]) -> set[Any]:
    """Return the nodes that may be what their source expression gives, and so bear its name.

    What fills a list (``list(v)``, ``[g(u) for u in v]``, ``np.split(v, 2)``) does not.
    """
    found = {nodes[i] for i in runs(nodes)}
    for _, same in groupby(nodes, lambda n: n.place):
        stretch = list(same)
        read = {p for n in stretch for p in n.inputs}
        ends = [n for n in stretch
                if n not in read and n.dtype is not None and n.dtype.kind in "fc"]  # fmt: skip
        parts = len(ends) > 1 and all(n.op.name in _PARTS for n in ends)
        if _is_container(text(stretch[0]), parts):
            found.difference_update(stretch)
    return found


_PARTS = frozenset("getitem component broadcast_to reshape copy astype".split())
_FILLED = frozenset("list tuple dict set sorted reversed zip map filter enumerate iter".split())


def _is_container(text: str, parts: bool) -> bool:
    """Say whether an expression gives a container; of a call, whether it made several parts."""
    try:
        e = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError):
        return False
    if isinstance(e, ast.Call):
        return parts or (isinstance(e.func, ast.Name) and e.func.id in _FILLED)
    return isinstance(e, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp | ast.List
                      | ast.Tuple | ast.Dict | ast.Set)  # fmt: skip


def runs(nodes: list[Any]) -> set[int]:
    """Return the positions whose node is the last of its source expression.

    One expression may record several operations (a composite); in a loop the same expression is
    recorded again and again. A run of nodes of one place is parted by its shortest period.
    """
    ends: set[int] = set()
    i = 0
    while i < len(nodes):
        j = i
        while j < len(nodes) and nodes[j].place == nodes[i].place:
            j += 1
        names = [n.op.name for n in nodes[i:j]]
        n = j - i
        period = next(p for p in range(1, n + 1) if n % p == 0 and names[:p] * (n // p) == names)
        ends.update(range(i + period - 1, j, period))
        i = j
    return ends
