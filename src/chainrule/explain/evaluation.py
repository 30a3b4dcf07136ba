"""Trees computed again, and steps that stand on a kink."""

from typing import Any

import numpy as np

from ..core.registry import op_named
from .expr import Expr, Num, Sym
from .record import Run, Symbol


def evaluate(e: Expr, symbols: dict[str, Symbol]) -> Any:
    """Compute a tree again from the values of its symbols, by the operations' own code."""
    if isinstance(e, Num):
        return e.value
    if isinstance(e, Sym):
        return symbols[e.id].value
    args = [evaluate(a, symbols) for a in e.args]
    if e.op == "outer":
        return args[0][:, None] * args[1]
    if e.op in ("zeros", "ones"):
        return np.full(e.params["shape"], float(e.op == "ones"))
    value = op_named(e.op).value
    with np.errstate(all="ignore"):
        try:
            return value(*args, **e.params)
        except (AttributeError, TypeError):  # some read .dtype or an index, which no literal has
            return value(*(np.asarray(a)[()] for a in args), **e.params)


def kinks(run: Run) -> list[str]:
    """Say where a step stands exactly on a kink of its function."""
    found = []
    for node in run.nodes:
        if node.op is None or node not in run.live:
            continue
        if node.op.name in ("maximum", "minimum", "fmax", "fmin"):
            ties = int(np.sum(np.equal(*node.primals)))
            if ties:
                found.append(
                    f"{run.symbol_of[node].text}, made by {node.op.name}, has a tie in {ties} of "
                    f"{np.size(node.output)} entries: both arguments get half of the gradient"
                )
        x = np.asarray(node.primals[0])
        for kink in node.op.kinks:
            count = int(np.sum(x == kink))
            if count:
                found.append(
                    f"{run.symbol_of[node].text}, made by {node.op.name}, stands on its kink at "
                    f"{kink:g} ({count} of {x.size} entries): the documented subgradient is used"
                )
    return found
