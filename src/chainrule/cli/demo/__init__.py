"""``chainrule demo``: the documents' worked examples, a network on real digits, a report."""

import json
import time
from typing import Any

from ..console import BLUE, BOLD, GREEN, RED, note, paint, result, table
from .examples import AGREES, BY_HAND, LAST_DIGIT, SLIP, WRONG, Row, run_examples
from .report import figures_of, write_report

GOAL = 0.97
_COLOURS = {AGREES: GREEN, BY_HAND: GREEN, LAST_DIGIT: GREEN, SLIP: BLUE, WRONG: RED}


def run(folder: str, *, as_json: bool = False, train: bool = True) -> int:
    """Run the demo; return 1 where a figure is wrong or a network learns too little."""
    start = time.perf_counter()
    note("running the worked examples of the four documents")
    rows = run_examples()
    histories: list[Any] = []
    figures: dict[str, Any] = {"examples": [_as_dict(row) for row in rows]}
    if not as_json:
        result(_examples_text(rows))
    if train:
        histories = _train()
        figures["training"] = [history.json() for history in histories]
        if not as_json:
            result("\n" + _training_text(histories))
    note(f"writing the report to {folder}")
    index = write_report(folder, rows, histories, figures)
    figures |= {"report": index, "seconds": round(time.perf_counter() - start, 2)}
    if as_json:
        result(json.dumps(figures, indent=1, ensure_ascii=False))
    else:
        result(f"\n{paint('look here:', BOLD)} {index}   ({figures['seconds']:.1f} s in all)")
    wrong = any(row.verdict == WRONG for row in rows)
    short = any(history.accuracy[-1] < GOAL for history in histories)
    return 1 if wrong or short else 0


def _train() -> list[Any]:
    from .train import adam, descend, load_digits, train

    digits = load_digits()
    note(
        f"training 64–64–48–32–10 on {digits.train_x.shape[1]:,} digits, "
        f"{len(digits.test_labels)} held out"
    )
    return [
        train("gradient descent", descend(0.05), digits, epochs=60),
        train("Adam", adam(2e-3), digits, epochs=40),
    ]


def _as_dict(row: Row) -> dict[str, str]:
    return {name: getattr(row, name) for name in Row.__slots__}


def _examples_text(rows: list[Row]) -> str:
    header = ("document", "example", "it prints", "computed", "verdict", "")
    lines = table(
        header, [(r.source, r.what, r.document, r.computed, r.verdict, r.remark) for r in rows],
        frozenset({3}),
    ).split("\n")  # fmt: skip
    body = [
        line.replace(row.verdict, paint(row.verdict, _COLOURS[row.verdict]), 1)
        for line, row in zip(lines[2:], rows, strict=True)
    ]
    summary = told(rows)
    return "\n".join([paint("Worked examples", BOLD), *lines[:2], *body, "", summary])


def told(rows: list[Row]) -> str:
    """Count the verdicts: of what the documents print, and of what they leave out."""
    n = {v: sum(row.verdict == v for row in rows) for v in _COLOURS}
    return (
        f"{len(rows) - n[BY_HAND]} figures and formulas: {n[AGREES]} agree, {n[LAST_DIGIT]} are "
        f"cut instead of rounded, {n[SLIP]} are slips in the documents, {n[WRONG]} wrong; "
        f"{n[BY_HAND]} more that no document prints are as by hand"
    )


def _training_text(histories: list[Any]) -> str:
    header = ("method", "steps", "loss", "held-out accuracy", "seconds", "")
    rows = [
        (*figures_of(h), "ok" if h.accuracy[-1] >= GOAL else f"below {GOAL:.0%}") for h in histories
    ]
    title = "The documents' 4-layer network on 1,797 real handwritten digits"
    return paint(title, BOLD) + "\n" + table(header, rows, frozenset({1, 2, 3, 4}))
