"""Rewrites LaTeX, also that between the dollar signs of Markdown, into the text's grammar."""

import re

from .reader import Unreadable


def lines_of_markdown(text):
    """Return the equations between the dollar signs."""
    text = re.sub(r"`[^`]*`", "", text)
    text = re.sub(r"\\\$", "", text)
    text = re.sub(r"\\\|", "|", text)
    return [m for m in re.findall(r"\$([^$]*)\$", text) if re.search(r" (=|\\approx) ", m)]


def lines_of_latex(text):
    """Return the equations of a LaTeX file."""
    body = text.split("\\begin{document}")[1]
    body = re.sub(r"\\\$", "", body)
    return [m for m in re.findall(r"\$([^$]*)\$", body) if re.search(r" (=|\\approx) ", m)]


def group(text, start):
    """Return the end of the brace group that starts at `start`."""
    depth = 0
    for i in range(start, len(text)):
        depth += (text[i] == "{") - (text[i] == "}")
        if depth == 0:
            return i
    raise Unreadable(text)


def from_latex(text, symbols):
    """Rewrite LaTeX into the grammar of the text; symbols become ⟦n⟧."""
    names, quoted = {}, []

    def keep(m):
        quoted.append(m.group(1))
        return f"⟪{len(quoted) - 1}⟫"

    text = re.sub(r'\\text\{("[^"]*")\}', keep, text)
    for k, (latex, value) in enumerate(sorted(symbols.items(), key=lambda s: -len(s[0]))):
        token = f"⟦{k}⟧"
        head = r"(?<![A-Za-z\\])" if latex[0].isalpha() else ""
        tail = r"(?![A-Za-z])" if latex[-1].isalpha() else ""
        text, n = re.subn(head + re.escape(latex) + tail, token, text)
        if n:
            names[token] = value
    text = text.replace("\\mathrel{:=}", ":=").replace("\\mathrel{+{=}}", "+=")
    text = text.replace("\\mathrel{==}", "==").replace("\\mathrm{NaN}", "NaN")
    text = re.sub(r"\\mathrm\{e\}\{(-?\d+)\}", r"e\1", text)
    text = re.sub(r"\\mathtt\{(\w|\\_)*\{=\}.*?\}", lambda m: m.group()[8:-1].replace(
        "{=}", "=").replace("\\_", "_"), text)  # fmt: skip
    for macro in ("\\frac", "\\sqrt", "\\overline"):
        while macro + "{" in text:
            at = text.rindex(macro + "{")
            first = at + len(macro)
            end = group(text, first)
            inside = text[first + 1 : end]
            if macro != "\\frac":
                word = "sqrt" if macro == "\\sqrt" else "conj"
                text = f"{text[:at]}{word}({inside}){text[end + 1 :]}"
            else:
                last = group(text, end + 1)
                text = f"{text[:at]}(({inside}) / ({text[end + 2 : last]})){text[last + 1 :]}"
    text = re.sub(r"\\begin\{bmatrix\}(.*?)\\end\{bmatrix\}",
                  lambda m: "[" + re.sub(r"\s*\\\\\s*", "; ", m.group(1).strip()).replace(
                      " & ", " ") + "]", text)  # fmt: skip
    text = re.sub(r"\\mathrm\{(min|max|rms)\}\\ ", r"\1 ", text)
    text = text.replace("\\{", "{{").replace("\\}", "}}")
    text = re.sub(r"\\(operatorname|mathrm|mathtt)\{([^{}]*)\}", r"\2", text)
    text = text.replace("^{\\top}", "ᵀ").replace("^{-\\top}", "⁻ᵀ").replace("\\_", "_")
    for old, new in (
        ("\\left\\lvert ", "|"), ("\\right\\rvert ", "|"), ("\\left|", "|"),
        ("\\right|", "|"), ("\\left", ""), ("\\right", ""), ("\\cdot", "·"),
        ("\\odot", "⊙"), ("\\,", " "), ("\\approx", "≈"), ("\\infty", "∞"), ("\\ldots", "…"),
        ("\\dots", "…"), ("\\vdots", "…"), ("\\sum", "Σ"), ("\\le ", "≤ "), ("\\ge ", "≥ "),
        ("\\ne ", "≠ "), ("\\wedge", "∧"), ("\\vee", "∨"), ("\\sigma", "σ"),
        ("\\bmod", "mod"), ("\\circ", "∘"),
        ("\\Gamma", "Γ"), ("\\Phi", "Φ"), ("\\psi", "ψ"), ("\\lfloor", "⌊"),
        ("\\rfloor", "⌋"), ("-", "−"), ("\\", ""), ("^{2}(", "²("), ("_{2}(", "₂("),
        ("_{10}(", "₁₀("), ("{{", "⦃"), ("}}", "⦄"),
    ):  # fmt: skip
        text = text.replace(old, new)
    text = text.replace("{", "(").replace("}", ")").replace("⦃", "{").replace("⦄", "}")
    text = re.sub(r"⟪(\d+)⟫", lambda m: quoted[int(m.group(1))], text)
    return re.sub(r" +", " ", text), names
