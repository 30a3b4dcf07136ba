"""The derivation as plain text."""

import unicodedata
from typing import Any

from .writer import Writer


def width(text: str) -> int:
    """Count the columns a text takes: a combining mark takes none."""
    return sum(1 for c in text if not unicodedata.combining(c))


def table(rows: list[list[str]], indent: str = "  ") -> list[str]:
    """Align cells in columns, two spaces apart."""
    if not rows:
        return []
    n = max(len(r) for r in rows)
    rows = [r + [""] * (n - len(r)) for r in rows]
    widths = [min(60, max(width(r[k]) for r in rows)) for k in range(n)]
    return [
        (indent + "  ".join(c + " " * (w - width(c)) for c, w in zip(r, widths, strict=True)))
        .rstrip()
        for r in rows
    ]


class Text:
    """Prints a document as plain text; one method a section."""

    def __init__(self, doc: dict[str, Any]) -> None:
        self.doc = doc
        self.w = Writer(doc["symbols"])

    def render(self) -> str:
        """Return the whole derivation."""
        out: list[str] = []
        for section in (self.problem, self.names, self.forward, self.local, self.backward):
            out += section()
        return "\n".join(out) + "\n"

    def chain(self, line: dict[str, Any]) -> list[str]:
        """Return a line in cells: the formula, and the value with its relation."""
        parts = self.w.line(line)
        if len(parts) < 3:
            return [parts[0], ""]
        return [" ".join(parts[:-2]), " ".join(parts[-2:])]

    def problem(self) -> list[str]:
        """Print section 1."""
        return ["1 Problem"]

    def names(self) -> list[str]:
        """Print section 2."""
        return []

    def forward(self) -> list[str]:
        """Print section 3."""
        return ["3 Forward"] + table([
            [str(r["index"]), *self.chain(r["line"]), f"# {r['source']['file']}:{r['source']['line']}  {r['source']['text']}" if "source" in r else ""]
            for r in self.doc["forward"]])

    def local(self) -> list[str]:
        """Print section 4."""
        rows = []
        for e in self.doc["edges"]:
            if e["kind"] == "partial":
                rows.append(self.chain(e["line"]))
            else:
                from .expr import from_json
                rows.append([e["from"] + " → " + e["to"], "map " + self.w.expr(from_json(e["map"]))])
        return ["4 Local"] + table(rows)

    def backward(self) -> list[str]:
        """Print section 5."""
        return ["5 Backward"] + table([[*self.chain(r["line"]), "— " + r.get("rule", "") if r.get("rule") else ""] for r in self.doc["backward"]])
