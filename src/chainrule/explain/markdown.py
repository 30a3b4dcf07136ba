"""The derivation in Markdown, with the formulas between dollar signs."""

from typing import Any

from .as_json import from_json
from .latex import LatexWriter
from .sections import Line, Place, Shapes, Sy, Tree, blocks
from .shapes import shape_line


def render(doc: dict[str, Any]) -> str:
    """Print a document as Markdown."""
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
            return shape_line(f.data, symbols)
        if isinstance(f, Place):
            text = f"{f.data['file']}:{f.data['line']}  {f.data['text']}"
            return "`" + text.replace("`", "'") + "`"
        return _escape(str(f))

    out = []
    for block in blocks(doc):
        out.append(f"### {block.number} {block.title}\n")
        if block.intro:
            out.append("".join(fragment(f) for f in block.intro) + "\n")
        rows = [["".join(fragment(f) for f in c) for c in row] for row in block.rows]
        out += _table(rows) if len(rows) > 1 and max(map(len, rows)) > 1 else _list(rows)
        out.append("")
    return "\n".join(out)


def _escape(text: str) -> str:
    for c in "*_$<":
        text = text.replace(c, "\\" + c)
    return text


def _list(rows: list[list[str]]) -> list[str]:
    return ["- " + " ".join(c for c in row if c) for row in rows]


def _bars(cell: str) -> str:
    """Write the bars of a size in words: a bar would end the cell, and with a stroke is a norm."""
    cell = cell.replace("\\left|", "\\left\\lvert ")
    return cell.replace("\\right|", "\\right\\rvert ")


def _table(rows: list[list[str]]) -> list[str]:
    n = max(map(len, rows))
    out = ["| " + " | ".join([""] * n) + " |", "|" + " --- |" * n]
    for row in rows:
        cells = [_bars(c).replace("|", "\\|") for c in row] + [""] * (n - len(row))
        out.append("| " + " | ".join(cells) + " |")
    return out
