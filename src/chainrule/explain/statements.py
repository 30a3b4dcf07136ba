"""Whether the function, as the problem states it, is the program elsewhere, too."""

import itertools
import time
from typing import Any

import numpy as np

from ..diagnose.compare import unchecked
from ..slopes import silent
from .closed import elsewhere
from .evaluation import evaluate
from .expr import Expr, symbols
from .happenings import catching
from .record import Symbol

_FARTHER = ((1.0, 1.0), (1.0, -1.0), (1.0, 2.5), (4.0, 0.2), (-3.0, 0.5))  # in other pieces
SECONDS = 0.2  # a program that takes longer is asked at fewer points


def holds(builder: Any, statement: Expr) -> bool:
    """Say whether a formula of the inputs gives what the program gives at other points.

    A recording is of one run: of a table's pieces, of what an exception led to, of an index that
    was found, there is one in it. Where the program fails, or is complex, nothing is asked.
    """
    run = builder.run
    kinds = {run.symbols[id].kind for id in symbols(statement)}
    if run.unsteady or run.drew or "step" in kinds or "output" in kinds:  # numbers of this run
        return True
    if catching(run):
        return False
    deadline = time.perf_counter() + SECONDS
    with silent(), unchecked():
        leaves_of = elsewhere(run.call.leaves), elsewhere(run.call.leaves, _FARTHER)
        for leaves in itertools.chain(*leaves_of):
            if time.perf_counter() > deadline:
                break
            if not _holds_at(run, statement, leaves):
                return False
    return True


def _holds_at(run: Any, statement: Expr, leaves: list[Any]) -> bool:
    try:
        value = np.asarray(run.plain(leaves))
    except Exception:  # outside its domain a program fails in its own way
        return True
    if np.iscomplexobj(value) != np.iscomplexobj(run.value) or not np.all(np.isfinite(value)):
        return True
    moved = dict(run.symbols)
    for node, x in zip(run.inputs, leaves, strict=True):
        old = run.symbol_of[node]
        moved[old.id] = Symbol(old.id, old.name, old.kind, x)
    try:
        found = np.asarray(evaluate(statement, moved))
    except Exception:  # an index, a shape of this run
        return False
    size = np.max(np.abs(value), initial=0.0)
    if found.shape != value.shape and found.size != value.size:
        return False
    return bool(np.allclose(found.reshape(value.shape), value, 1e-6, 1e-6 * size, equal_nan=True))
