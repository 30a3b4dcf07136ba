"""The derivation in LaTeX: a whole document that compiles with pdflatex and amsmath."""

import re
import unicodedata
from typing import Any

from ..core.op import Notation
from .as_json import from_json
from .expr import App, Expr, Num
from .names import LATEX_GREEK
from .parameters import quiet
from .products import ATOM, JUXTAPOSE, POWER, TIMES, TRANSPOSE
from .sections import Line, Place, Shapes, Sy, Tree, blocks
from .shapes import shape_line
from .writer import Writer, exponent, lone, word_of

PREAMBLE = r"""\documentclass{article}
\usepackage[utf8]{inputenc}
\usepackage[T1]{fontenc}
\usepackage{amsmath,amssymb}
\usepackage[margin=2cm]{geometry}
\setlength{\parindent}{0pt}
\begin{document}
"""
_CHARACTERS = {
    "−": "$-$", "·": "$\\cdot$", "×": "$\\times$", "⊙": "$\\odot$", "⊘": "$\\oslash$",
    "→": "$\\to$", "∂": "$\\partial$", "≈": "$\\approx$", "✓": "$\\checkmark$", "√": "$\\surd$",
    "✗": "\\textbf{!}", "…": "\\ldots{}", "Σ": "$\\Sigma$", "σ": "$\\sigma$",
    "ᵘ": "$^u$", "ⁿ": "$^n$", "⁻": "$^-$", "¹": "$^1$", "ᵛ": "$^v$", "ᵉ": "$^e$", "ᵃ": "$^a$",
    "ᵇ": "$^b$", "π": "$\\pi$", "∛": "$\\sqrt[3]{}$", "⌊": "$\\lfloor$", "⌋": "$\\rfloor$",
    "∞": "$\\infty$", "ᵀ": "$^\\top$", "±": "$\\pm$",
    "—": "---", "–": "--", "\\": "\\textbackslash{}", "_": "\\_", "#": "\\#", "%": "\\%",
    "&": "\\&", "{": "\\{", "}": "\\}", "$": "\\$", "^": "\\^{}", "~": "\\~{}", "<": "$<$",
    ">": "$>$", "|": "$|$", "≠": "$\\ne$", "≤": "$\\le$", "≥": "$\\ge$", "∫": "$\\int$",
    "∘": "$\\circ$", "∇": "$\\nabla$", "‖": "$\\|$", "⟨": "$\\langle$", "⟩": "$\\rangle$",
    "∨": "$\\vee$", "∧": "$\\wedge$", "←": "$\\leftarrow$", "⇄": "$\\rightleftarrows$",
    "⋆": "$\\star$", "∗": "$*$", "°": "$^\\circ$", "∓": "$\\mp$", "⌈": "$\\lceil$",
    "⌉": "$\\rceil$", "⊻": "$\\veebar$", "⊗": "$\\otimes$", "“": "``", "”": "\'\'",
    "↦": "$\\mapsto$", "▸": "$\\triangleright$", "◂": "$\\triangleleft$", "′": "$\'$",
    "″": "$\'\'$", "÷": "$\\div$", "¬": "$\\neg$", "ℓ": "$\\ell$", "𝟏": "$\\mathbf{1}$",
    "𝟎": "$\\mathbf{0}$", "⁄": "/", "§": "\\S{}", "∶": ":", "›": "$>$", "‹": "$<$", "ʼ": "\'",
    "ø": "{\\o}", "─": "---", "ᑫ": "$^q$",
}  # fmt: skip
_IN_MATH = {c: t.strip("$") + ("" if t.endswith("}$") else " ") for c, t in _CHARACTERS.items()
            if t.startswith("$") and c not in "<>|"} | {"′": "'", "Σ": "\\Sigma ", "ȳ": "\\bar y",
                                                       "é": "\\acute{e}", "ψ": "\\psi ",
                                                       "φ": "\\varphi ", "Φ": "\\Phi ",
                                                       "θ": "\\theta ", "⁽": "^{(", "⁾": ")}"}
_EXPONENT = re.compile(r"(\d)e(-?\d+)")
_RAISED = re.compile(r"\{(\d)\}(?=[\^'])")  # an operand that may end in an exponent of its own
_ACCENTS = dict(zip(
    "\u0300\u0301\u0302\u0303\u0308\u030a\u030c\u0327\u0328\u0306\u030b",
    ("`", "'", "^", "~", '"', "r", "v", "c", "k", "u", "H"), strict=True))
_OVER = {"\u0304": "bar", "\u0305": "overline", "\u0307": "dot"}


class LatexWriter(Writer):
    """Writes trees in LaTeX."""

    minus, equal, about, dot, hadamard = "-", "=", "\\approx", " \\cdot ", " \\odot "
    changed, stored, added = "\\ \\mathrm{with}\\ ", " \\mathrel{:=} ", " \\mathrel{+{=}} "
    same, minus_top = "\\mathrel{==}", "^{-\\top}"
    inverse_top, transpose_top = "^{-1}", "^{\\top}"

    def braced(self, text: str) -> str:
        """Put braces around what has an exponent already."""
        return _base(text)

    def symbol(self, id: str) -> str:
        """Write a symbol."""
        return str(self.symbols[id]["latex"])

    def constant(self, name: str) -> str:
        """Write a constant that has a name."""
        if name == "π" and any(s["text"] == name for s in self.symbols.values()):
            return "\\arccos\\left(-1\\right)"
        return {"π": "\\pi", "e": "\\operatorname{e}"}[name]

    def digits(self, text: str) -> str:
        """Dress a number: powers of ten, infinity."""
        text = text.replace("inf", "\\infty").replace("nan", "\\mathrm{NaN}")
        return _EXPONENT.sub(r"\1\\mathrm{e}{\2}", text)

    def beside(self, left: str, right: str) -> str:
        """Write a product of matrices."""
        return f"{left}\\,{right}"

    def paren(self, text: str) -> str:
        """Put growing parentheses around a text."""
        return f"\\left({text}\\right)"

    def pattern(self, notation: Notation) -> str:
        """Return the LaTeX template."""
        return _RAISED.sub(r"{{{\1}}}", notation.latex)

    def call(self, e: App) -> str:
        """Write a tree as a call of a function."""
        parts = [self.expr(a) for a in e.args if not (isinstance(a, Num) and a.value is None)]
        for k, v in e.params.items():
            if not quiet(k, v):
                parts.append(f"\\mathtt{{{_escape(k)}{{=}}{_escape(self.param(lone(k, v), []))}}}")
        return f"{self.function(e.op)}\\left({', '.join(parts)}\\right)"

    def function(self, op: str) -> str:
        """Write the name of a function."""
        return self.word(word_of(op))

    def word(self, name: str) -> str:
        """Write the name of a function that is no operation's own."""
        inner = "".join(c if c.isascii() else _IN_MATH.get(c) or plain(c).replace("$", "")
                        for c in _escape(name))  # fmt: skip
        return f"\\operatorname{{{inner}}}"

    def quoted(self, text: str) -> str:
        """Write a text between quotes."""
        return f"\\text{{\"{text}\"}}"

    def _divide(self, e: App) -> tuple[str, int]:
        return f"\\frac{{{self.expr(e.args[0])}}}{{{self.expr(e.args[1])}}}", TIMES

    def _reciprocal(self, e: App) -> tuple[str, int]:
        return f"\\frac{{1}}{{{self.expr(e.args[0])}}}", TIMES

    def _sqrt(self, e: App) -> tuple[str, int]:
        return f"\\sqrt{{{self.expr(e.args[0])}}}", ATOM

    def _power(self, e: App) -> tuple[str, int]:
        by = "\\circ " if len(e.args[0].shape) > 1 else ""
        return f"{_base(self.expr(e.args[0], POWER + 1))}^{{{by}{self.expr(e.args[1])}}}", POWER

    def _outer(self, e: App) -> tuple[str, int]:
        return f"{self.expr(e.args[0], JUXTAPOSE)}\\,{self.top(e.args[1])}", JUXTAPOSE

    def top(self, e: Expr) -> str:
        """Write a transpose."""
        return _base(self.expr(e, TRANSPOSE + 1)) + "^{\\top}"

    def raised(self, base: Expr, n: Any) -> str:
        """Write a power with a number as exponent."""
        by = "\\circ " if len(base.shape) > 1 else ""
        text = self.digits(exponent(n)).replace("π", "\\pi")
        return f"{{{self.expr(base, POWER + 1)}}}^{{{by}{text}}}"

    def _sum(self, e: App) -> tuple[str, int] | None:
        found = super()._sum(e)
        if found is None or not found[0].startswith("Σ"):
            return found
        return f"\\sum\\left({self.expr(e.args[0])}\\right)", ATOM

    def _zeros(self, e: App) -> tuple[str, int]:
        return f"\\operatorname{{zeros}}{self.param(tuple(e.params['shape']), [])}", ATOM

    def _ones(self, e: App) -> tuple[str, int]:
        return f"\\operatorname{{ones}}{self.param(tuple(e.params['shape']), [])}", ATOM

    def vector(self, corner: list[Any], n: int) -> str:
        """Write a vector."""
        words = [self.entry(x) for x in corner] + (["\\dots"] if n > len(corner) else [])
        return "\\left(" + ", ".join(words) + "\\right)"

    def matrix(self, corner: list[Any], shape: list[int]) -> str:
        """Write a matrix."""
        rows = [[self.entry(x) for x in row] for row in corner]
        if shape[1] > len(corner[0]):
            rows = [[*row, "\\dots"] for row in rows]
        if shape[0] > len(corner):
            rows.append(["\\vdots"])
        inner = " \\\\ ".join(" & ".join(row) for row in rows)
        return f"\\begin{{bmatrix}} {inner} \\end{{bmatrix}}"

    def statistics(self, v: dict[str, Any]) -> str:
        """Write the extremes and the size of an array's entries."""
        return "\\{" + ", ".join(
            f"\\mathrm{{{k}}}\\ {self.entry(v[k])}" for k in ("min", "max", "rms") if k in v
        ) + "\\}"  # fmt: skip

    def together(self, line: dict[str, Any]) -> str:
        """Write a whole line."""
        return " ".join(self.line(line))


def _base(text: str) -> str:
    """Put braces around what has an exponent already: TeX takes no second one."""
    return f"{{{text}}}" if "^" in text else text


def _escape(text: str) -> str:
    return text.replace("_", "\\_")


def plain(text: str) -> str:
    """Write words so that LaTeX accepts them; no character is lost."""
    out: list[str] = []
    place = ""  # of a run of raised or lowered characters
    for c in text:
        form, _, codes = unicodedata.decomposition(c).partition(" ")
        if unicodedata.combining(c) and out:
            out[-1] = _marked(out[-1], c)
        elif form in _PLACES and c not in "ªº":
            inner = "\\top" if c == "ᵀ" else "".join(_bare(chr(int(k, 16))) for k in codes.split())
            if place == form:
                out[-1] = f"{out[-1][:-2]}{inner}}}$"
            else:
                out.append(f"${_PLACES[form]}{{{inner}}}$")
        else:
            out.append(_character(c))
        place = form if form in _PLACES else ""
    return "".join(out)


_PLACES = {"<sub>": "_", "<super>": "^"}


def _character(c: str) -> str:
    """Write one character: by its sign, its parts, or at the least by its number."""
    if c in _CHARACTERS or c.isascii():
        return _CHARACTERS.get(c, c)
    name = unicodedata.name(c, "")
    if c in LATEX_GREEK or (name.startswith("GREEK") and " WITH " not in name):
        return f"${_greek(c, name)}$"
    parts = unicodedata.normalize("NFKD", c)
    return plain(parts) if parts != c else f"[U+{ord(c):04X}]"


_LIKE_LATIN = dict(zip("alpha beta epsilon zeta eta iota kappa mu nu omicron rho tau chi".split(),
                       "ABEZHIKMNOPTX", strict=True))


def _greek(c: str, name: str) -> str:
    """Write a Greek letter; those that look like Latin ones have no macros."""
    word = name.rpartition(" ")[2].lower().replace("lamda", "lambda")
    small = "SMALL" in name
    latin = _LIKE_LATIN.get(word)
    if latin is not None and (latin == "O" or not small):
        return latin.lower() if small else f"\\mathrm{{{latin}}}"
    return LATEX_GREEK.get(c, f"\\{word}" if small else f"\\{word.capitalize()}")


def _bare(c: str) -> str:
    return _character(c).replace("$", "")


def _marked(letter: str, mark: str) -> str:
    """Put a mark over a letter."""
    if mark in _ACCENTS:
        return f"\\{_ACCENTS[mark]}{{{letter}}}"
    over = _OVER.get(mark)
    inner = letter.replace("$", "")
    return f"$\\{over}{{{inner}}}$" if over else f"{letter}[U+{ord(mark):04X}]"


def render(doc: dict[str, Any]) -> str:
    """Print a document as a LaTeX file."""
    symbols = dict(doc["symbols"])
    for sweep in doc["tangents"]:
        symbols |= sweep["symbols"]
    w = LatexWriter(symbols)

    def fragment(f: Any) -> str:
        if isinstance(f, Sy):
            return f"${w.symbol(f.id)}$"
        if isinstance(f, Tree):
            return f"${w.expr(from_json(f.data))}$"
        if isinstance(f, Line):
            return f"${w.together(f.data)}$"
        if isinstance(f, Shapes):
            return plain("shapes: " + shape_line(f.data, symbols))
        if isinstance(f, Place):
            return "\\texttt{" + plain(f"{f.data['file']}:{f.data['line']}") + "}"
        return plain(f)

    out = [PREAMBLE]
    for block in blocks(doc):
        out.append(f"\\subsection*{{{block.number}\\quad {plain(block.title)}}}")
        if block.intro:
            out.append("".join(fragment(f) for f in block.intro) + "\n")
        for row in block.rows:
            cells = ["".join(fragment(f) for f in cell) for cell in row]
            out.append("\\quad ".join(c for c in cells if c) + "\\par\\smallskip")
    return "\n".join(out) + "\n\\end{document}\n"
