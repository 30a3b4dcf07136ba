"""The order of telling: a document as a row of blocks, which each format prints in its own way.

A cell is a list of fragments: words, symbols, trees, lines of equalities, shapes, source places.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .flops import SOURCE

Fragment = Any  # str | Sy | Tree | Line | Shapes | Place
Cell = list[Fragment]
SHOWN_ROWS = 120
SUMMANDS = 6
MANY_NAMES = 24
LONG = 40  # operations of a formula that is still read
ARRAYS = "the graph holds arrays: the steps above are its closed form"


@dataclass(frozen=True, slots=True)
class Sy:
    """A symbol, by its id."""

    id: str


@dataclass(frozen=True, slots=True)
class Tree:
    """A formula."""

    data: Any


@dataclass(frozen=True, slots=True)
class Line:
    """A chain of equalities ending in a value."""

    data: Any


@dataclass(frozen=True, slots=True)
class Shapes:
    """The shapes under the factors of a line."""

    data: Any


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the user's source."""

    data: Any


@dataclass(slots=True)
class Block:
    """One section: a title, a sentence, rows of cells, and its number in the document."""

    title: str
    intro: Cell = field(default_factory=list)
    rows: list[list[Cell]] = field(default_factory=list)
    number: int = 0


def blocks(doc: dict[str, Any]) -> list[Block]:
    """Return the sections of a document, as its level of detail asks for."""
    parts: list[Callable[[dict[str, Any]], Block | None]] = [
        problem, names, forward, local, backward, tangents, chain, matrix, closed, check, cost,
        notes,
    ]  # fmt: skip
    if doc["detail"] == "brief":
        parts = [problem, forward, result, check]
    found = [b for part in parts if (b := part(doc)) is not None]
    for number, block in enumerate(found, 1):
        block.number = number
    return found


def _space(words: list[Cell], between: str) -> Cell:
    out: Cell = []
    for i, w in enumerate(words):
        out += ([between] if i else []) + w
    return out


def problem(doc: dict[str, Any]) -> Block:
    """State the problem."""
    p = doc["problem"]
    rows: list[list[Cell]] = []
    called = [Sy(i) for i in p["inputs"]]
    out = doc["output"]
    if p["statement"] is not None:
        lhs = {"sym": p.get("of", out), "shape": doc["symbols"][out]["shape"]}
        line = Line({"lhs": lhs, "sides": [p["statement"]], "value": None})
        rows.append([[line], ["— at this point: see the notes"]] if p["here"] else [[line]])
    where = f"{p['function']}"
    if p["file"] and not p["file"].startswith("<"):
        where += f" in {p['file']}:{p['line']}"
    entries = doc["cost"]["outputs"]
    modes = {"reverse": "reverse mode", "forward": "forward mode", "both": "both modes"}
    words: Cell = ["find the derivative of ", Sy(out), f" ({where}) with respect to "]
    words += _space([[c] for c in called], ", ")
    if p["data"] or p["given"]:
        others: Cell = [f"{', ' * bool(p['data'])}{', '.join(_first(p['given']))}"]
        words += ["; held fast: ", *_names([*p["data"]]), *(others if p["given"] else [])]
    words.append(f"; {modes[doc['mode']]}; {p['parameters']} input number"
                 f"{'s' if p['parameters'] != 1 else ''}, {entries} output"
                 f"{'s' if entries != 1 else ''}")  # fmt: skip
    rows.append([words])
    if p["entry"] is not None:
        index = ", ".join(str(i) for i in p["entry"])
        row = {"reverse": "this is", "forward": "the gradient is", "both": "the gradients give"}
        words = f"{row[doc['mode']]} the row of its Jacobian for entry [{index}]"
        if doc["mode"] != "reverse":
            words += ", and the tangents give a column, for an entry of an input"
        rows.append([[
            f"the output is an array: {words}; explain(…, output=index), or --entry, shows another "
            "row" + (", each by a sweep of its own" if doc["mode"] == "reverse" else "")
        ]])  # fmt: skip
    return Block("Problem", [], rows)


def _names(ids: list[str]) -> Cell:
    """Write the first of many symbols."""
    shown = _space([[Sy(i)] for i in ids[:MANY_NAMES]], ", ")
    return shown + ([f" and {len(ids) - MANY_NAMES:,} more"] if len(ids) > MANY_NAMES else [])


def _first(words: list[str]) -> list[str]:
    """Leave out what is too much to read."""
    more = [f"{len(words) - SUMMANDS:,} more"] if len(words) > SUMMANDS else []
    return [*words[:SUMMANDS], *more]


def _value_line(doc: dict[str, Any], id: str) -> Line:
    s = doc["symbols"][id]
    return Line({"lhs": {"sym": id, "shape": s["shape"]}, "sides": [], "value": s["value"],
                 "rough": s.get("rough", False)})  # fmt: skip


def names(doc: dict[str, Any]) -> Block:
    """List names, shapes and values of what the function was given."""
    rows: list[list[Cell]] = []
    kinds = ("input", "data", "constant") + (("step",) if doc["detail"] == "full" else ())
    for s in doc["symbols"].values():
        if s["kind"] in kinds:
            kind = {"input": "differentiated", "step": "computed"}.get(s["kind"], s["kind"])
            told = s["name"] == s["text"] or s["kind"] in ("step", "constant")
            raw = "" if told else f"in the code: {s['name']}"
            rows.append([[_value_line(doc, s["id"])], [shape(s["shape"], s["dtype"])], [kind],
                         [raw]])  # fmt: skip
    return Block("Names and shapes", [], rows)


def shape(shape: list[int], dtype: str) -> str:
    """Say what kind of array a value is."""
    words = "×".join(str(n) for n in shape) if shape else "scalar"
    return words if dtype == "float64" else f"{words} {dtype}"


def forward(doc: dict[str, Any]) -> Block:
    """Trace the values forward."""
    rows: list[list[Cell]] = []
    arrays = any(doc["symbols"][r["symbol"]]["shape"] for r in doc["forward"])
    for r in doc["forward"]:
        cells: list[Cell] = [[str(r["index"])], [Line(r["line"])]]
        if arrays:
            s = doc["symbols"][r["symbol"]]
            cells.append([shape(s["shape"], s["dtype"])])
        cells.append([Place(r["source"])] if "source" in r else [""])
        if "mark" in r:
            cells.append([f"— {r['mark']}"])
        rows.append(cells)
    block = Block("Forward: the values", [], _few(rows, doc))
    if doc["output"] not in [r["symbol"] for r in doc["forward"]]:
        out = doc["symbols"][doc["output"]]
        limit = _limit(doc, "value")
        last = [{"sym": r["symbol"], "shape": out["shape"]} for r in doc["forward"][-1:]]
        last = last or [doc["problem"]["statement"]] * (doc["problem"]["statement"] is not None)
        block.rows.append([[""], [Line({
            "lhs": {"sym": out["id"], "shape": out["shape"]}, "sides": [] if limit else last,
            "value": out["value"], "rough": not limit and bool(doc["forward"]) and
            doc["forward"][-1]["line"].get("rough", False),
        })], *([[_LIMIT]] if limit else [])])  # fmt: skip
    return block


def _limit(doc: dict[str, Any], of: str = "") -> bool:
    """Say whether a limit around the point enters: anywhere, or into the value."""
    return "limit" in doc and (not of or bool(doc["limit"][of]))


def _few(rows: list[Any], doc: dict[str, Any]) -> list[Any]:
    if len(rows) <= SHOWN_ROWS or doc["detail"] == "full":
        return rows
    half = SHOWN_ROWS // 2
    left = len(rows) - 2 * half
    words = f'{left} rows more; detail="full" (--detail full) prints them'
    return [*rows[:half], [["…"], [words]], *rows[-half:]]


def local(doc: dict[str, Any]) -> Block | None:
    """Give the local derivative of every edge."""
    rows: list[list[Cell]] = []
    for e in doc["edges"]:
        words = [f"— {e['rule']}"] if e["rule"] else [""]
        if e["kind"] == "partial":
            rows.append([[Line(e["line"])], words])
        else:
            ends = e.get("parts", [e["to"]])
            if e["steps"] > LONG and doc["detail"] != "full":
                rows.append([[
                    Sy(e["from"]), " → ", *_space([[Sy(id)] for id in ends], ", "),
                    ":  the derivative is a linear map; its rule, ",
                    f"of {e['steps']:,} operations, is printed by detail=\"full\" (--detail full)",
                ], words])  # fmt: skip
                continue
            rows.append([[
                Sy(e["from"]), " → ", *_space([[Sy(id)] for id in ends], ", "),
                ":  the derivative is a linear map; it pulls ",
                *_space([[Sy("bar:" + id)] for id in ends], ", "), " back to ", Tree(e["map"]),
            ], words])  # fmt: skip
    if not rows:
        return None
    intro = "every rule is the one that computes; its other arguments are held fixed"
    return Block("Local derivatives, one per edge", [intro], _few(rows, doc))


def _readable(line: dict[str, Any], doc: dict[str, Any]) -> Line:
    """Leave out formulas that are too long to read, unless all details are asked for."""
    if doc["detail"] == "full":
        return Line(line)
    kept = [s for s in line["sides"] if _size(s) <= LONG]
    return Line(line if len(kept) == len(line["sides"]) else line | {"sides": kept})


def _size(e: dict[str, Any]) -> int:
    """Count the operations of a formula."""
    return 1 + sum(map(_size, e["args"])) if e.get("args") else 0


def backward(doc: dict[str, Any]) -> Block | None:
    """Trace the gradients backward."""
    if doc["mode"] == "forward":
        return result(doc)
    rows: list[list[Cell]] = []
    for r in doc["backward"]:
        words = f"— {r['rule']}" if r.get("rule") else ""
        if r.get("seed"):
            words = "— the seed"
        elif r["uses"] > 1:
            words = f"— sum over {r['uses']} edges: {r['arrived']} of {r['uses']} arrived, final"
        rows.append([[_readable(r["line"], doc)], [words]])
    shown = {r["symbol"] for r in doc["backward"]}
    limit = _limit(doc)
    rows += [[[_value_line(doc, g["symbol"])], ["— nothing flows to it"]] for g in doc["gradients"]
             if g["symbol"] not in shown]  # fmt: skip
    rows += _settled(doc) if limit else []
    entry = doc["problem"]["entry"]
    which = f"[{', '.join(map(str, entry))}]" if entry is not None else ""
    of = "what the rules alone give as the derivative of " if limit else "the derivative of "
    intro: Cell = [f"a bar means {of}", Sy(doc["output"]), which,
                   " with respect to what stands under it; each is computed once"]  # fmt: skip
    if limit:
        intro += ["; at this point a limit enters, and the derivative is what stands last"]
    if doc["complex"]:
        intro += ["; with respect to a complex value a + bi it means ∂/∂a − i·∂/∂b"]
    return Block("Backward: the gradients", intro, _few(rows, doc))


_LIMIT = "— the rules cannot say it at the point: this is the limit around it, see the notes"
_PARTED = "— the rules cannot say it at the point: this is taken from around it, see the notes"


def _settled(doc: dict[str, Any]) -> list[list[Cell]]:
    """Give the derivatives as they are returned."""
    limit = _PARTED if "limit" in doc and doc["limit"]["parted"] else _LIMIT
    return [[[Line(g["line"])], *([[limit if g["limit"] else "— as by the rules"]]
            if "limit" in g else [])] for g in doc["gradients"]]  # fmt: skip


def result(doc: dict[str, Any]) -> Block:
    """Give the gradients only."""
    return Block("Gradient", [], _settled(doc))


def tangents(doc: dict[str, Any]) -> Block | None:
    """Trace the tangents forward."""
    if not doc["tangents"]:
        return None
    rows: list[list[Cell]] = []
    for sweep in doc["tangents"]:
        entry = f" in entry {sweep['entry']}" if sweep["entry"] else ""
        rows.append([[Line(sweep["line"])], [f"— the seed: only this input moves{entry}"]])
        rows += [[[_readable(r["line"], doc)], [""]] for r in sweep["rows"]]
    if doc["mode"] == "forward":  # else they stand in the section before
        rows += _settled(doc) if _limit(doc) else []
    intro = "a dot means how fast a value moves when the seeded input moves at speed 1"
    if _limit(doc):
        intro += ", as the rules alone give it, without the limit that enters at this point"
    return Block("Forward mode: the tangents", [intro], _few(rows, doc))


def chain(doc: dict[str, Any]) -> Block | None:
    """Multiply along the paths."""
    rows: list[list[Cell]] = []
    for p in doc["paths"]:
        words = f"— {plural(p['count'], 'path')}, over {plural(p['edges'], 'edge')}"
        head: Cell = [Line(p["line"])] if "line" in p else [Sy(p["of"])]
        rows.append([head, [words]])
    intro: Cell = ["by the rules alone, without the limit"] if _limit(doc) else []
    return Block("The chain: sum over paths of products of edges", intro, rows) if rows else None


def plural(n: int, word: str) -> str:
    """Write a count."""
    return f"{n:,} {word}" + ("" if n == 1 else "s")


def matrix(doc: dict[str, Any]) -> Block | None:
    """Give the matrix form, with shapes."""
    m = doc["matrix"]
    if m is None:
        return None
    rows: list[list[Cell]] = []
    for s in m["slopes"]:
        rows.append([[Line(s["line"])], [Shapes(s["line"])]])
    for r in m["rows"]:
        rows.append([[Line(r["line"])], [Shapes(r["line"])]])
    intro: Cell = []
    if m["layers"]:
        intro = _space(
            [
                [
                    Sy(x["symbol"]),
                    " stands for ",
                    Sy("bar:" + x["of"]),
                    f" (computed once, used {x['uses']}×)",
                ]
                for x in m["layers"]
            ],
            "; ",
        )
        intro.append("; ")
    if _limit(doc):
        intro.append("by the rules alone, without the limit; ")
    intro.append("a gradient has the shape of its variable")
    return Block("Matrix form", intro, rows)


def closed(doc: dict[str, Any]) -> Block | None:
    """Give the closed form, or say why there is none."""
    if doc["closed"] is None and doc["omitted"]["reason"] == ARRAYS and not doc["roots"]:
        return None  # said of every page of arrays it says nothing
    if doc["closed"] is None:
        counts = doc["omitted"].get("counts")
        words = f"omitted: {doc['omitted']['reason']}"
        if counts and "named steps" in words:
            words += f" ({counts['forward']} forward + {counts['backward']} backward)"
        rows: list[list[Cell]] = []
        for root in doc["roots"]:
            rows += [[[root["words"]]], *([[Line(line)]] for line in root["lines"])]
        return Block("Closed form", [words], rows)
    here = "here and at" if doc["check"]["verdict"] == "agrees" else "at"
    rows = []
    for c in doc["closed"]:
        words: Cell = [f"— {c['by']}; agrees with the program {here} {c['points']} other points"]
        if c["piece"]:
            words += ["; on the piece where ", *_space([[Tree(e)] for e in c["piece"]], " and ")]
        rows.append([[Line(c["line"])], words])
    return Block("Closed form", [], rows)


_MARKS = {"agrees": " ✓", "choice": "", "nothing": "", "differs": " ✗ (they disagree)"}


def check(doc: dict[str, Any]) -> Block:
    """Compare with differences of the program itself."""
    c = doc["check"]
    rows = [[_verdict(r)] for r in c["worst"]]
    if c["tested"] > 1:
        left = c["entries"] - c["tested"]
        more = f" of {c['entries']:,}" if left else ""
        shown = "; of each kind the worst is shown" if len(c["worst"]) > 1 else (
            "; the line above is the worst")
        rows.append([[f"{c['tested']}{more} entries tested{shown}"]])
    step = c["complex_step"]
    if not c["tested"]:
        rows.append([[f"nothing is compared: {step['reason']}"]])
    elif step["used"]:
        along = " along a random direction" if step["random"] else ""
        off = abs(step["figure"] - step["found"])
        rows.append([[f"complex step{along}, h 1e-20: {number(step['figure'])} against "
                      f"{number(step['found'])}; off by {number(off, 2)} ✓"]])  # fmt: skip
    else:
        rows.append([[f"complex step left out: {step['reason']}"]])
    return Block("Check", [], rows)


def _verdict(r: dict[str, Any]) -> Cell:
    entry = str(r["index"]) if r["index"] else ""
    many = f" (and {r['count'] - 1} more)" if r["count"] > 1 and r["verdict"] != "agrees" else ""
    if r["verdict"] == "nothing":
        return ["nothing to compare for ", Sy(r["input"]), f"{entry}{many}: {r['why']}"]
    if r["why"].startswith("a kink"):
        return [Sy(r["input"]), f"{entry}{many} stands at {r['why']}{_MARKS[r['verdict']]}"]
    why = f" ({r['why']})" if r["why"] else ""
    return [
        f"central difference: {number(r['difference'])} against {number(r['found'])} for ",
        Sy(r["input"]), f"{entry}{many}{why}; off by {number(r['error'], 2)}{_MARKS[r['verdict']]}",
    ]  # fmt: skip


def number(v: Any, digits: int = 12) -> str:
    """Write a number of the check section."""
    if isinstance(v, dict):
        sign = "-" if str(v["im"]).startswith("-") else "+"
        return f"({number(v['re'])} {sign} {number(v['im']).lstrip('-')}i)"
    text = format(float(v) + 0.0, f".{digits}g")  # + 0.0: no zero has a sign
    return re.sub("e([+-])0*", lambda m: "e" + m[1].replace("+", ""), text)


def cost(doc: dict[str, Any]) -> Block:
    """Compare what both modes cost."""
    c = doc["cost"]
    rows: list[list[Cell]] = [[["value"], [_operations(c["value"])], [""], [""]]]
    for mode in ("reverse", "forward"):
        m = c[mode]
        per = "" if m["per_sweep"] is None else _operations(m["per_sweep"]) + " a sweep"
        in_all = _operations({"total": m["total"], "functions": 0, "uncounted": m["uncounted"]})
        in_all += " in all"
        groups = m.get("groups", [])
        if len(groups) > 1:  # inputs that stand nearer to the output cost less
            least, most = (f(total for _, total in groups) for f in (min, max))
            per = f"{least:,} to {plural(most, 'operation')} a sweep, by input"
            if len(groups) <= SUMMANDS:
                parts = " + ".join(f"{k:,}·{total:,}" for k, total in groups)
                in_all = f"{in_all}: {parts}"
        rows.append([[f"{mode} mode"], [per], [plural(m["sweeps"], "sweep")], [in_all]])
    n, m_ = c["inputs"], c["outputs"]
    open_, tie = "open, since some operations are not counted", "a tie"
    winner = {"": open_, "tie": tie}.get(c["winner"], f"{c['winner']} mode wins")
    rows.append([["verdict"], [f"{plural(n, 'input')}, {plural(m_, 'output')}: {winner}"]])
    kept = _names(c["saved"]) or ["nothing"]
    rows.append([["kept"], [*kept, " (for the rules of the backward pass)"]])
    how = "counted from the operations that were recorded; copies, moves and choices are free"
    if c["leading"]:
        how += f"; {', '.join(c['leading'])} by the leading terms of the counts in {SOURCE}"
    if c["beside"]:
        are = "is" if c["beside"] == 1 else "are"
        how += f"; of the value's, {c['beside']:,} {are} in no row above: decisions, and what " \
            "nothing reads"
    if c["solvers"]:
        how += "; what a solver does inside is not counted"
    if c["limit"]:
        how += "; the runs around the point, for the limit, are not counted"
    if not c["forward"]["counted"]:
        how += "; forward mode estimated from the first 8 inputs"
    return Block("Cost", [how], rows)


def _operations(c: dict[str, Any]) -> str:
    words = plural(c["total"], "operation")
    if c["functions"]:  # exp, a root, a power: one value of a function each
        words += f" ({plural(c['functions'], 'function value')})"
    if c["uncounted"]:
        words += " and " + ", ".join(f"{n}× {k} (not counted)" for k, n in c["uncounted"].items())
    return words


def notes(doc: dict[str, Any]) -> Block | None:
    """Tell what else a reader must know."""
    return Block("Notes", [], [[[n]] for n in doc["notes"]]) if doc["notes"] else None
