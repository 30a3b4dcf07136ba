"""The derivation as plain text, in Unicode."""

import re
import unicodedata
from typing import Any

from .as_json import from_json
from .sections import Line, Place, Shapes, Sy, Tree, blocks
from .shapes import shape_line
from .writer import Writer

WIDE = 64
INDENT = 8  # of what a broken line goes on with


def width(text: str) -> int:
    """Count the columns a text takes: a combining mark takes none."""
    return sum(1 for c in text if not unicodedata.combining(c))


def render(doc: dict[str, Any]) -> str:
    """Print a document as text."""
    printer = _Text(doc)
    out: list[str] = []
    for block in blocks(doc):
        head = f"{block.number} {block.title}"
        intro = printer.words(block.intro)
        out.append(f"{head} — {intro}" if intro else head)
        out += table([printer.row(r) for r in block.rows])
        out.append("")
    return "\n".join(out[:-1]) + "\n"


class _Text:
    def __init__(self, doc: dict[str, Any]) -> None:
        self.doc = doc
        self.w = Writer(doc["symbols"])
        for sweep in doc["tangents"]:
            self.w.symbols = self.w.symbols | sweep["symbols"]

    def row(self, cells: list[Any]) -> list[str]:
        """Return the texts of a row; a line of equalities takes two columns."""
        out: list[str] = []
        for cell in cells:
            if len(cell) == 1 and isinstance(cell[0], Line):
                out += self.chain(cell[0].data)
            else:
                out.append(self.words(cell))
        return out

    def chain(self, line: dict[str, Any]) -> list[str]:
        """Return the formula, and the value with its relation."""
        parts = self.w.line(line)
        if len(parts) < 3:
            return [parts[0], ""]
        return [" ".join(parts[:-2]), " ".join(parts[-2:])]

    def words(self, cell: list[Any]) -> str:
        """Return the text of a cell."""
        return "".join(self.fragment(f) for f in cell)

    def fragment(self, f: Any) -> str:
        """Return the text of a fragment."""
        if isinstance(f, Sy):
            return self.w.symbol(f.id)
        if isinstance(f, Tree):
            return self.w.expr(from_json(f.data))
        if isinstance(f, Line):
            return " ".join(self.w.line(f.data))
        if isinstance(f, Shapes):
            return "shapes: " + shape_line(f.data, self.w.symbols)
        if isinstance(f, Place):
            return f"# {f.data['file']}:{f.data['line']}  {f.data['text']}"
        return _MINUS.sub("−", str(f)) if _numeric(f) else str(f)


_MINUS = re.compile(r"(?<![\w)\]])-(?=\d|inf)|(?<=\de)-(?=\d)|(?<= )-(?= )")


def _numeric(f: str) -> bool:
    return f.startswith(("central difference", "complex step")) or any(
        w in f for w in ("; off by", "the derivative taken, ", "the derivative, ")
    )


def folded(text: str, columns: int) -> str:
    """Break lines that are longer than a terminal, before a cell or at a space, and set in."""
    out: list[str] = []
    for line in text.splitlines():
        if width(line) <= columns:
            out.append(line)
            continue
        row = ""
        for cell in re.findall(r"\s*\S+(?: \S+)*", line):  # cells stand two spaces apart
            whole = width(cell.strip()) <= columns - INDENT
            for part in [cell] if whole else re.findall(r"\s*\S+", cell):
                if row.strip() and width(row + part) > columns:
                    out.append(row)
                    row, part = " " * INDENT, part.lstrip()
                row += part
        out.append(row)
    return "\n".join(out) + "\n"


def table(rows: list[list[str]], indent: str = "  ") -> list[str]:
    """Align cells in columns, two spaces apart; a very wide cell pushes its own row only."""
    n = max((len(r) for r in rows), default=0)
    most = [r for r in rows if (len(r), n) != (2, 3)]  # beside equations, sentences
    widths = [
        max((width(r[k]) for r in most if k < len(r) - 1 and width(r[k]) <= WIDE), default=0)
        for k in range(n)
    ]
    out = []
    for r in rows:
        sentence = (len(r), n) == (2, 3)
        text = indent
        for k, c in enumerate(r):
            if c or any(r[k + 1 :]):
                text += c + " " * (0 if sentence else max(0, widths[k] - width(c))) + "  "
        out.append(text.rstrip())
    return out
