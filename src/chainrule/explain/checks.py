"""The check of a derivation by numbers: `slopes` judges, this says it in the document."""

from dataclasses import replace
from typing import Any

import numpy as np

from ..diagnose.compare import unchecked
from ..diagnose.watching import SOLVER, STOP
from ..slopes import AGREES, DIFFERS, KINK, NOTHING, Along, Comparison, Row, compare
from .as_json import number_to_json

SHOWN = 24
SAID = 20  # characters by which reasons are told apart; numbers follow
SOLVED, STOPPED = 1e-2, 1e-4  # what the tolerance of a solver's steps, of its stop, may be off
HELD = "with what stop_gradient holds fast held fast in the program, too"
SECONDS = 0.25  # what a check may take; entries that are left are told


def check(builder: Any) -> dict[str, Any]:
    """Compare entries of the gradient with differences of the user's own program."""
    run = builder.run
    symbols = [run.symbol_of[node] for node in run.inputs]
    if not np.size(run.value):
        found = Comparison((), Along(left_out="the output is empty"), 0)
    elif run.unsteady:
        found = Comparison((), Along(left_out=run.unsteady), 0)
    else:
        found = compare(
            lambda *xs: call(builder, xs), run.call.leaves, list(map(np.asarray, builder.settled)),
            seconds=SECONDS, decides=builder.happenings.decides(),
            searched=any(e.kind == SOLVER for e in run.events),
        )  # fmt: skip
        found = replace(found, rows=tuple(
            _of_a_solver(r, builder.happenings.solvers) for r in found.rows))
        if any(e.kind == STOP for e in run.events):
            found = replace(found, rows=tuple(
                replace(r, why=HELD) if r.verdict == AGREES and not r.why else r
                for r in found.rows))
        cut = [e.outcomes[0] for e in builder.happenings.solvers if e.at_end or e.pieces]
        if cut:
            found = replace(found, rows=tuple(_passed_by(r, cut[0]) for r in found.rows))
        rounding = builder.rounding
        found = rounding.judged(found)
        builder.notes += rounding.notes()
    worst = [max(rows, key=lambda r: r.badness) for rows in _alike(found.rows)]
    return {
        "rows": [_json(r, symbols) for r in found.rows[:SHOWN]],
        "tested": len(found.rows), "entries": found.entries,
        "worst": [_json(r, symbols) | {"count": len(_alike(found.rows, r)[0])}
                  for r in sorted(worst, key=lambda r: r.badness)],
        "verdict": found.verdict, "passed": found.verdict == AGREES,
        "complex_step": _complex(builder, found),
    }  # fmt: skip


def _alike(rows: tuple[Row, ...], like: Row | None = None) -> list[list[Row]]:
    """Put rows together of which the same is said: one line stands for all of them."""
    found: dict[Any, list[Row]] = {}
    for r in rows:
        said = r.why.rpartition(", ")[2] if r.why.startswith(KINK) else r.why[:SAID]
        found.setdefault((r.verdict, said), []).append(r)
    return [group for group in found.values() if like is None or like in group]


def _of_a_solver(row: Row, solvers: Any) -> Row:
    """Say of differences that run a solver anew that they know it to its tolerance only.

    Beside the point it takes other steps, and stops elsewhere.
    """
    replayed = any(e.replayed for e in solvers)
    slack = (SOLVED if replayed else STOPPED) * abs(row.derivative)
    if row.verdict != DIFFERS or not solvers or not row.difference <= slack:
        return row
    numbers = f"{row.reference:.6g} and the rules {row.derivative:.6g}"
    words = f"beside the point the solver takes other steps: differences of them give {numbers}" \
        if replayed else f"{solvers[0].outcomes[0]} stops at its tolerance, and beside the point " \
        f"elsewhere: differences of its answers give {numbers}"
    return replace(row, verdict=NOTHING, why=words.replace("-", "−"))


def _passed_by(row: Row, solver: str) -> Row:
    """Say of differences of what jumps or bends on the way that a solver's points pass it by."""
    if row.verdict != DIFFERS:
        return row
    words = f"{solver}'s own points pass by a place where its function jumps or bends, so " \
        f"differences of it, {row.reference:.6g}, prove nothing; the rules give " \
        f"{row.derivative:.6g}"
    return replace(row, verdict=NOTHING, why=words.replace("-", "−"))


def call(builder: Any, leaves: Any) -> Any:
    """Run the user's program on other inputs; return the entry that is explained."""
    with unchecked():
        return np.asarray(builder.run.plain(leaves))[builder.entry or ()]


def _json(r: Row, symbols: Any) -> dict[str, Any]:
    return {
        "input": symbols[r.position].id, "index": list(r.index),
        "difference": number_to_json(r.reference), "found": number_to_json(r.derivative),
        "error": number_to_json(r.difference), "verdict": r.verdict, "why": r.why,
    }  # fmt: skip


def _complex(builder: Any, found: Comparison) -> dict[str, Any]:
    step = found.along
    if not builder.sweep.order:
        return {"used": False, "reason": "no derivative flows from the inputs to the result"}
    if step.left_out:
        return {"used": False, "reason": step.left_out}
    return {"used": True, "figure": number_to_json(step.reference),
            "found": number_to_json(step.derivative), "relative": step.relative,
            "random": step.random}  # fmt: skip
