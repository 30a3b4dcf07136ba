"""The graph as a static SVG: values forward, gradients backward, local derivatives on the edges."""

import itertools
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from .as_json import from_json
from .expr import App, Expr, symbols
from .layout import layered
from .widths import advance
from .writer import Writer

FONT = "DejaVu Sans, Verdana, Bitstream Vera Sans, sans-serif"
SIZE, SMALL = 13, 11
PAD, LINE, MARGIN, TITLE = 10, 18, 24, 28
DEEP = 9
_TRIES = [(part, side) for part in (50, 36, 64, 24, 76) for side in (-1, 1)]
COLOURS = {  # name: (light, dark)
    "page": ("#FFFFFF", "#12161C"), "ink": ("#1A1F26", "#E8ECF1"),
    "forward": ("#0B5FA5", "#6DB6FF"), "backward": ("#B3470B", "#FF9E5E"),
    "parameter": ("#1B7F5C", "#5FD3A7"), "constant": ("#5A6472", "#A7B0BD"),
    "bad": ("#A3006D", "#FF7AC8"), "box": ("#FFFFFF", "#1A2029"),
}  # fmt: skip


@dataclass(slots=True)
class Box:
    """A node of the picture: its lines of text, and where it stands."""

    id: str
    kind: str
    lines: list[tuple[str, str]]  # (colour, text)
    width: int = 0
    height: int = 0
    x: int = 0
    y: int = 0
    output: bool = False
    spoken: str = ""


@dataclass(slots=True)
class Edge:
    """An arrow between two boxes, with the local derivative as its label."""

    source: int
    target: int
    live: bool
    label: str = ""
    points: list[tuple[int, int]] = field(default_factory=list)
    trunk: bool = False  # it begins on a line that another edge of the same source has drawn


class Picture:
    """Lays a document out and writes it as SVG."""

    def __init__(self, doc: dict[str, Any]) -> None:
        self.doc, self.w = doc, Writer(doc["symbols"])
        self.boxes: list[Box] = []
        self.edges: list[Edge] = []
        self.at: dict[str, int] = {}
        self.limit = doc.get("limit")
        self.totals = {g["of"]: g["total"] for g in doc["gradients"] if "total" in g}
        self.bars = {r["of"]: r for r in doc["backward"]} | {g["of"]: g for g in doc["gradients"]}
        self._collect()
        self.across = self._arrange()

    # --- what is drawn --------------------------------------------------------------------------
    def _collect(self) -> None:
        trees = {r["symbol"]: from_json(r["line"]["sides"][0]) for r in self.doc["forward"]
                 if r["line"]["sides"]}  # fmt: skip
        partial = {}
        for e in self.doc["edges"]:
            partial.setdefault((e["from"], e["to"]), []).append(e)
        for id in self.doc["problem"]["inputs"]:
            self._box(id, "parameter", self.w.symbol(id))
        for row in self.doc["forward"]:
            tree = trees.get(row["symbol"])
            if tree is None:
                continue
            reads = list(dict.fromkeys(symbols(tree)))
            for id in reads:
                if id not in self.at:
                    self._box(id, "constant", self.w.symbol(id))
            self._box(row["symbol"], "step", self._label(row["symbol"], tree))
            for id in reads:
                found = partial.get((id, row["symbol"]), [])
                label = self._edge_label(found)
                self.edges.append(Edge(self.at[id], self.at[row["symbol"]], bool(found), label))
        last = self.doc["forward"][-1]["symbol"] if self.doc["forward"] else None
        if last in self.at:
            self.boxes[self.at[last]].output = True

    def _label(self, id: str, tree: Expr) -> str:
        name = self.w.symbol(id)
        out = self.doc["output"]
        if id == self.doc["forward"][-1]["symbol"] and out != id and not self._settled():
            name = f"{self.w.symbol(out)} = {name}"
        text = self.w.expr(tree)
        if len(text) > 30 and isinstance(tree, App):
            text = f"{self.w.function(tree.op)}(…)"
        return f"{name} = {text}"

    def _box(self, id: str, kind: str, label: str) -> None:
        s = self.doc["symbols"][id]
        lines = [("ink", label), ("constant" if kind == "constant" else "forward",
                                  "▸ " + self._value(s["value"]))]  # fmt: skip
        spoken = f"{label}, value {self._value(s['value'])}"
        if self._settled() and id == self.doc["forward"][-1]["symbol"]:
            value = self.doc["symbols"][self.doc["output"]]["value"]
            text = f"{self.w.symbol(self.doc['output'])} {self._value(value)}, a limit"
            lines.append(("forward" if _finite(value) else "bad", f"▸ {text}"))
            spoken += f", {text}"
        bar = self.bars.get(id)
        if bar is not None:
            value = self.doc["symbols"][bar["symbol"]]["value"]
            text = self._value(value)
            colour = "backward" if _finite(value) else "bad"
            lines.append((colour, f"◂ {self.w.symbol(bar['symbol'])} {text}"))
            spoken += f", gradient {'by the rules ' if self.limit else ''}{text}"
        elif kind == "parameter":
            lines.append(("backward", "◂ 0"))
        if id in self.totals:
            value = self.doc["symbols"][self.totals[id]]["value"]
            text = f"{self.w.symbol(self.totals[id])} {self._value(value)}"
            lines.append(("backward" if _finite(value) else "bad", f"◂ {text}"))
            spoken += f", {text}"
        if not _finite(s["value"]):
            lines[1] = ("bad", lines[1][1])
        box = Box(id, kind, lines, spoken=spoken)
        widths = [advance(t, SIZE, bold=i == 0) for i, (_, t) in enumerate(lines)]
        box.width = max(widths) + 2 * PAD
        box.height = LINE * len(lines) + PAD + 2
        self.at[id] = len(self.boxes)
        self.boxes.append(box)

    def _settled(self) -> bool:
        """Say whether the value of the function is a limit, which its last step is not."""
        return bool(self.limit and self.limit["value"])

    def _value(self, v: dict[str, Any]) -> str:
        if "scalar" in v:
            text, rounded = self.w.value(v)
            return ("≈ " if rounded else "= ") + text
        shape = "×".join(str(n) for n in v["shape"])
        if len(v["shape"]) == 1 and v["shape"][0] <= 3:
            text, rounded = self.w.value(v)
            return ("≈ " if rounded else "= ") + text
        if "rms" not in v:
            return shape
        return f"{shape}, rms {self.w.number(v['rms'])[0]}"

    def _edge_label(self, found: list[dict[str, Any]]) -> str:
        labels = []
        for e in found:
            if e["kind"] == "map":
                tree = from_json(e["map"])
                text = self.w.expr(tree)
                labels.append(text if len(text) <= 14 else "")
                continue
            value = e["line"]["value"]
            sides = e["line"]["sides"]
            if "scalar" in value:
                number, rounded = self.w.value(value)
                text = self.w.expr(from_json(sides[0])) if sides else ""
                if text and text != number and len(text) <= 12:
                    labels.append(f"{text} {'≈' if rounded else '='} {number}")
                else:
                    labels.append(number)
            else:
                text = self.w.expr(from_json(sides[0])) if sides else ""
                labels.append(text if len(text) <= 14 else "")
        return "; ".join(x for x in labels if x)

    # --- where it is drawn ----------------------------------------------------------------------
    def _arrange(self) -> bool:
        """Place the boxes: from left to right, or from top to bottom when the graph is deep."""
        boxes, edges = self.boxes, self.edges
        pairs = [(e.source, e.target) for e in edges]
        sources = {i for i, b in enumerate(boxes) if b.kind != "step"}
        pairs, edges[:] = self._sorted(pairs)
        flat = layered(len(boxes), pairs, [b.height for b in boxes], 26, sources)
        across = len(flat.ranks) <= DEEP
        if not across:
            flat = layered(len(boxes), pairs, [b.width for b in boxes], 30, sources)
        along = self._along(flat.ranks, flat.chains, across)
        for i, b in enumerate(boxes):
            rank_at, other = along[i], flat.position[i]
            if across:
                b.x, b.y = rank_at, other - b.height // 2 + TITLE + MARGIN
            else:
                b.x, b.y = other - b.width // 2 + MARGIN, rank_at
        for e, chain in zip(edges, flat.chains, strict=True):
            e.points = self._route(e, chain, along, flat.position, across)
        return across

    def _sorted(self, pairs: Any) -> Any:
        """Put the edges in the order in which their ends are computed."""
        order = sorted(range(len(pairs)), key=lambda k: (pairs[k][1], pairs[k][0]))
        return [pairs[k] for k in order], [self.edges[k] for k in order]

    def _along(self, ranks: Any, chains: Any, across: bool) -> dict[int, int]:
        """Return where each rank begins; the gap before it leaves room for its labels."""
        rank_of = {n: r for r, row in enumerate(ranks) for n in row}
        need = [0] * len(ranks)
        for e, chain in zip(self.edges, chains, strict=True):
            r = rank_of[chain[-1]]
            wide = advance(e.label, SMALL) + 40 if across else 52
            need[r] = max(need[r], wide if e.label else 44)
        found: dict[int, int] = {}
        here = MARGIN if across else MARGIN + TITLE
        for r, row in enumerate(ranks):
            here += need[r] if r else 0
            real = [n for n in row if n < len(self.boxes)]
            thick = max((self.boxes[n].width if across else self.boxes[n].height for n in real),
                        default=0)  # fmt: skip
            for n in row:
                if n < len(self.boxes):
                    own = self.boxes[n].width if across else self.boxes[n].height
                    found[n] = here + (thick - own) // 2
                else:
                    found[n] = here + thick // 2
            here += thick
        return found

    def _route(self, e: Edge, chain: Any, along: Any, position: Any, across: bool) -> Any:
        """Return the points of an edge: from its box, or from where it leaves a shared line."""
        a, b = self.boxes[e.source], self.boxes[e.target]
        e.trunk = chain[0] != e.source
        points = []
        for n in chain[:-1]:
            if n < len(self.boxes):
                points.append((a.x + a.width, a.y + a.height // 2) if across else
                              (a.x + a.width // 2, a.y + a.height))  # fmt: skip
            else:
                points.append((along[n], position[n] + TITLE + MARGIN) if across else
                              (position[n] + MARGIN, along[n]))  # fmt: skip
        rim = 4 if b.output else 0
        end = (b.x - rim, b.y + b.height // 2) if across else (b.x + b.width // 2, b.y - rim)
        return [*points, end]

    # --- SVG ------------------------------------------------------------------------------------
    def svg(self) -> str:
        """Return the SVG file."""
        self._label_places()
        width = max([b.x + b.width for b in self.boxes] + [x for x, _ in self._extent()]) + MARGIN
        height = max([b.y + b.height for b in self.boxes] + [y for _, y in self._extent()]) + MARGIN
        legend = self._legend()
        title = self._title()
        width = max(width, advance(legend, SMALL) + 2 * MARGIN, 200)
        height += LINE
        out = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" role="graphics-document" '
            f'font-family="{FONT}" font-size="{SIZE}">',
            f"<title>{escape(title)}</title>",
            f"<desc>{escape(self._description())}</desc>",
            _style(),
            _markers(),
            f'<rect class="page" width="{width}" height="{height}" fill="{COLOURS["page"][0]}"/>',
            _text(MARGIN, MARGIN + 4, title, "ink", SIZE, width=0, bold=True),
        ]
        out += [self._edge_svg(e, k) for k, e in enumerate(self.edges)]
        out += [self._box_svg(b) for b in self.boxes]
        out += [self._edge_text(e, k) for k, e in enumerate(self.edges) if e.label]
        out.append(_text(MARGIN, height - 12, legend, "constant", SMALL, width=0))
        out.append("</svg>\n")
        return "\n".join(out)

    def _legend(self) -> str:
        """Say what the marks mean; on an edge stands a derivative, or what is pulled back."""
        words = "▸ value forward · ◂ gradient backward"
        if self.limit:
            words += " by the rules alone; a limit enters here, and d/d is the derivative"
        if not any(e.label for e in self.edges):
            return words
        maps = any(e["kind"] == "map" for e in self.doc["edges"])
        back = ", or the gradient that it pulls back" if maps else ""
        return f"{words} · on an edge: its local derivative{back}"

    def _title(self) -> str:
        p = self.doc["problem"]
        out = self.w.symbol(self.doc["output"])
        words = self.w.expr(from_json(p["statement"])) if p["statement"] else ""
        if not words or len(words) > 60:
            given = ", ".join(map(self.w.symbol, [*p["inputs"], *p["data"]]))
            words = f"{p['function']}({given})"
        elif "of" in p:  # the function returns a limit
            out = self.w.symbol(p["of"])
        return f"{out} = {words}"

    def _description(self) -> str:
        return f"{len(self.boxes)} boxes. " + "; ".join(b.spoken for b in self.boxes[:40])

    def _extent(self) -> list[tuple[int, int]]:
        found = [p for e in self.edges for p in e.points]
        for k, e in enumerate(self.edges):
            if e.label and k in self.places:
                x, y, w = self.places[k]
                found.append((x + w // 2, y + 10))
        return found

    def _label_places(self) -> None:
        """Put each label on its edge's last stretch, apart from those already there."""
        self.places: dict[int, tuple[int, int, int]] = {}
        taken: dict[int, list[tuple[int, int, int, int]]] = {}
        for b in self.boxes:
            frame = (b.x - 4, b.y - 4, b.x + b.width + 4, b.y + b.height + 4)
            for key in range(frame[1] // 64, frame[3] // 64 + 1):
                taken.setdefault(key, []).append(frame)
        for k, e in enumerate(self.edges):
            if not e.label:
                continue
            (x0, y0), (x1, y1) = e.points[-2:]
            w = advance(e.label, SMALL) + 8
            for part, side in _TRIES:
                x = x0 + (x1 - x0) * (part if self.across else _ease(part)) // 100
                y = y0 + (y1 - y0) * (_ease(part) if self.across else part) // 100
                x, y = (x, y + 16 * side) if self.across else (x - side * (w // 2 + 7), y)
                box = (x - w // 2, y - 9, x + w // 2, y + 9)
                near = [b for key in range(box[1] // 64 - 1, box[3] // 64 + 2)
                        for b in taken.get(key, [])]  # fmt: skip
                if not any(_overlap(box, b) for b in near):
                    break
            taken.setdefault(box[1] // 64, []).append(box)
            self.places[k] = (x, y, w)

    def _edge_svg(self, e: Edge, k: int) -> str:
        if not e.live:
            return _path(_curve(e.points, 0, self.across), "constant", "", "end")
        there = _path(_curve(e.points, -3, self.across), "forward", "", "end")
        back = _path(_curve(e.points, 3, self.across), "backward", "5 3",
                     "" if e.trunk else "start")  # fmt: skip
        return there + back

    def _edge_text(self, e: Edge, k: int) -> str:
        x, y, w = self.places[k]
        back = (f'<rect class="page" x="{x - w // 2}" y="{y - 9}" width="{w}" height="18" rx="4" '
                f'fill="{COLOURS["page"][0]}" fill-opacity="0.92"/>')  # fmt: skip
        return back + _text(x, y + 4, e.label, "ink", SMALL, width=w - 8, middle=True)

    def _box_svg(self, b: Box) -> str:
        colour = {"parameter": "parameter", "constant": "constant"}.get(b.kind, "ink")
        radius = {"parameter": 14, "constant": 0}.get(b.kind, 4)
        light = COLOURS[colour][0]
        out = [f'<g role="img" aria-label={quoteattr(b.spoken)}>']
        shape = (f'<rect class="box s-{colour}" x="{{}}" y="{{}}" width="{{}}" height="{{}}" '
                 f'rx="{radius}" fill="{COLOURS["box"][0]}" stroke="{light}" '
                 f'stroke-width="{2 if b.kind == "parameter" else 1}"/>')  # fmt: skip
        if b.output:
            out.append(shape.format(b.x - 4, b.y - 4, b.width + 8, b.height + 8))
        out.append(shape.format(b.x, b.y, b.width, b.height))
        for i, (ink, text) in enumerate(b.lines):
            wide = advance(text, SIZE, bold=i == 0)
            y = b.y + PAD + LINE * i + 8
            out.append(_text(b.x + PAD, y, text, ink, SIZE, width=wide, bold=i == 0))
        out.append("</g>")
        return "".join(out)


def _ease(part: int) -> int:
    """Return how far across a curve has come at this part of the way (in percent)."""
    t = part / 100
    return round(100 * (3 * t * t - 2 * t * t * t))


def _overlap(a: Any, b: Any) -> bool:
    return bool(a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3])


def _finite(v: dict[str, Any]) -> bool:
    if "scalar" in v:
        return not isinstance(v["scalar"], str)
    return bool(v.get("finite", True))


def _curve(points: list[tuple[int, int]], offset: int, across: bool) -> str:
    """Return a smooth path through the points, set off to one side."""
    moved = [(x, y + offset) if across else (x + offset, y) for x, y in points]
    d = f"M{moved[0][0]} {moved[0][1]}"
    for (x0, y0), (x1, y1) in itertools.pairwise(moved):
        if across:
            half = (x1 - x0) // 2
            d += f"C{x0 + half} {y0} {x1 - half} {y1} {x1} {y1}"
        else:
            half = (y1 - y0) // 2
            d += f"C{x0} {y0 + half} {x1} {y1 - half} {x1} {y1}"
    return d


def _path(d: str, colour: str, dash: str, end: str) -> str:
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    marker = f' marker-{end}="url(#cr-{colour}-{end})"' if end else ""
    return (f'<path class="s-{colour}" d="{d}" fill="none" stroke="{COLOURS[colour][0]}" '
            f'stroke-width="1.4"{dashed}{marker}/>')  # fmt: skip


def _text(
    x: int, y: int, text: str, colour: str, size: int, width: int, bold: bool = False,
    middle: bool = False,
) -> str:  # fmt: skip
    extra = ' font-weight="bold"' if bold else ""
    if middle:
        extra += ' text-anchor="middle"'
    if width:
        extra += f' textLength="{width}" lengthAdjust="spacingAndGlyphs"'
    if size != SIZE:
        extra += f' font-size="{size}"'
    return (f'<text class="f-{colour}" x="{x}" y="{y}" fill="{COLOURS[colour][0]}"{extra}>'
            f"{escape(text)}</text>")  # fmt: skip


def _markers() -> str:
    out = []
    for colour, end in (("forward", "end"), ("backward", "start"), ("constant", "end")):
        shape = "M0 0L8 4L0 8z" if end == "end" else "M8 0L0 4L8 8z"
        ref = 8 if end == "end" else 0
        out.append(
            f'<marker id="cr-{colour}-{end}" viewBox="0 0 8 8" refX="{ref}" refY="4" '
            f'markerWidth="7" markerHeight="7" orient="auto"><path class="f-{colour}" d="{shape}" '
            f'fill="{COLOURS[colour][0]}"/></marker>'
        )
    return "<defs>" + "".join(out) + "</defs>"


def _style() -> str:
    dark = []
    for name, (_, colour) in COLOURS.items():
        if name in ("page", "box"):
            dark.append(f".{name}{{fill:{colour}}}")
        else:
            dark.append(f".f-{name}{{fill:{colour}}}.s-{name}{{stroke:{colour}}}")
    return "<style>@media (prefers-color-scheme:dark){" + "".join(dark) + "}</style>"
