"""How many digits a sum of numbers is written with: so many that one can follow where it cancels.

Of −100001 + 100001 ≈ 0.500003 nothing can be followed; −100000.500002 + 100001.000005 can be added.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from .evaluation import evaluate
from .expr import App, Expr
from .numbers import DIGITS

_ALL = 17  # that a float has
_SLIGHT = 100.0  # of six digits four are left, which is enough


def significant(e: Expr) -> int:
    """Return how many digits the numbers of a side are written with."""
    lost = max((_lost(s) for s in _sums(e)), default=0)
    return min(DIGITS + lost, _ALL)


def _sums(e: Expr) -> Iterator[App]:
    """Iterate over the sums in a tree."""
    if isinstance(e, App):
        if e.op in _SUMS:
            yield e
        for a in e.args:
            yield from _sums(a)


_SUMS = ("add", "subtract")


def _terms(e: Expr) -> Iterator[Expr]:
    if isinstance(e, App) and e.op in (*_SUMS, "negative"):
        for a in e.args:
            yield from _terms(a)
    else:
        yield e


def _lost(e: App) -> int:
    """Return how many digits a sum of plain numbers loses."""
    try:
        whole, *parts = (_size(evaluate(t, {})) for t in (e, *_terms(e)))
    except Exception:  # it is not of numbers alone, or of numbers that have no such sum
        return 0
    top = max(parts)
    if not 0 < whole < math.inf or not _SLIGHT * whole < top < math.inf:
        return 0
    return math.ceil(math.log10(top) - math.log10(whole))


def _size(v: Any) -> float:
    return float(abs(v)) if np.ndim(v) == 0 else math.nan
