"""Trees computed again."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from .expr import Expr, Num, Sym, op_of


def evaluate(e: Expr, symbols: Mapping[str, Any], under: Any = "ignore") -> Any:
    """Compute a tree again from the values of its symbols, by the operations' own code.

    With ``under="raise"`` a number that is too small for floating point is a FloatingPointError.
    """
    if isinstance(e, Num):
        return e.value
    if isinstance(e, Sym):
        return symbols[e.id].value
    args = [evaluate(a, symbols, under) for a in e.args]
    if e.op == "outer":
        return args[0][:, None] * args[1]
    if e.op == "eye":
        return np.eye(e.shape[0])
    if e.op in ("zeros", "ones"):
        return np.full(e.params["shape"], float(e.op == "ones"))
    value = op_of(e.op).value
    with np.errstate(all="ignore", under=under):
        try:
            return value(*args, **e.params)
        except (AttributeError, TypeError):  # some read .dtype or an index, which no literal has
            return value(*(np.asarray(a)[()] for a in args), **e.params)
