"""Whether what a function finds among numbers, a count, a place or a length, is so here alone.

Of comparisons `alone` knows when that is so. Of all else through which nothing flows, or whose
length hangs on the values (`np.unique`), the function itself is asked, at numbers slightly beside:
but only where some of them are equal, or 0, or none at all, as those of the point alone are.
"""

from collections.abc import Callable, Iterator
from types import NoneType
from typing import Any

import numpy as np

from ..core.settings import Silence
from .alone import BOTH, DOWN, UP, under
from .losses import TRACERS

ASKED = frozenset(  # they compute, and change nothing: each may be called again
    # those that give numbers, as many as there happen to be
    "unique unique_values unique_all unique_counts unique_inverse union1d intersect1d setdiff1d "
    "setxor1d trim_zeros roots null_space real_if_close "
    # places, counts and ranks
    "histogram histogram2d histogramdd bandwidth rankdata tiecorrect percentileofscore "
    "find_peaks argrelextrema argrelmax argrelmin linear_sum_assignment structural_rank "
    "binned_statistic mode kendalltau weightedtau spearmanr somersd chatterjeexi mannwhitneyu "
    "wilcoxon ranksums kruskal friedmanchisquare brunnermunzel ansari mood fligner ks_2samp "
    "page_trend_test lstsq pinv pinvh".split()
)
_ALWAYS = ("null_space",)  # it stands where rounding decides
_RANKED = ("lstsq", "pinv", "pinvh")  # of what they find only the rank has steps
_SIDES: dict[str, Callable[[dict[str, Any]], int]] = {  # of the order that an operation went by
    **dict.fromkeys(
        "argmax argmin nanargmax nanargmin argsort argpartition lexsort".split(), lambda _: BOTH),
    "searchsorted": lambda params: UP if params.get("side") == "right" else DOWN,
    "digitize": lambda params: DOWN if params.get("right") else UP,
}  # fmt: skip
_MOST = 4096  # numbers, of more none are the point's by accident
_STEP, _SINGLE = 1e-6, 1e-3


def side(name: str, params: dict[str, Any]) -> int:
    """Return with which side of equality an operation agrees where it met some, or 0."""
    found = _SIDES.get(name)
    return 0 if found is None else found(params)


def flows(x: Any) -> bool:
    """Say whether a derivative may flow to a value."""
    while type(x) in TRACERS and x.cr_value.dtype.kind in "fc":
        if getattr(x.cr_owner, "differentiates", False):
            return True
        x = x.cr_value
        x = x.data if hasattr(type(x), "agreed") else x
    return False


def stepped(function: Any, args: Any, kwargs: dict[str, Any], output: Any) -> bool:
    """Say whether a function finds something else at numbers that stand beside the traced ones."""
    traced, plain, batch = [], [], False
    for v in _leaves((*args, *kwargs.values())):
        held, lead = under(v)
        if not isinstance(held, (*_PLAIN, NoneType)):
            return False
        batch = batch or lead > 0
        if held is not None and np.asarray(held).dtype.kind in "fc":
            (traced if type(v) in TRACERS else plain).append(_reals(held))
    if not traced or sum(map(len, traced)) + sum(map(len, plain)) > _MOST:
        return False
    numbers = np.concatenate(traced)
    name = getattr(function, "__name__", "")
    special = name in _ALWAYS or _falls_short(args, output)
    if not special and name in _RANKED:
        return False
    if not special and not _is_special(numbers, np.concatenate(plain) if plain else numbers[:0]):
        return False
    if batch:
        return True
    sizes = np.abs(numbers[np.isfinite(numbers) & (numbers != 0)])
    least = float(np.min(sizes, initial=1.0)) if sizes.size else 1.0
    for sign in (1, -1):
        rng = np.random.default_rng(0)
        moved = [_moved(v, sign, least, rng) for v in args]
        named = {k: _moved(v, sign, least, rng) for k, v in kwargs.items()}
        with Silence():
            try:
                other = function(*moved, **named)
            except Exception:  # what it is not defined for stands beside the point
                return True
        if not _alike(output, other):
            return True
    return False


def _leaves(values: Any) -> Iterator[Any]:
    for v in values:
        if type(v) in (list, tuple):
            yield from _leaves(v)
        else:
            yield v


def _falls_short(args: Any, output: Any) -> bool:
    """Say whether a solution comes with a rank that is less than that of matrices beside."""
    ranks = [v for v in output if isinstance(v, int | np.integer)] if type(output) is tuple else []
    return bool(ranks) and bool(args) and min(ranks) < min(np.shape(args[0])[-2:], default=0)


def _is_special(numbers: Any, others: Any) -> bool:
    if not np.all(np.isfinite(numbers)) or not np.all(numbers):
        return True
    ranked = np.unique(numbers)
    return ranked.size < numbers.size or bool(np.any(np.isin(ranked, others)))


def _moved(v: Any, sign: int, least: float, rng: Any) -> Any:
    if type(v) in (list, tuple):
        return type(v)([_moved(part, sign, least, rng) for part in v])
    held = under(v)[0]
    if type(v) not in TRACERS or np.asarray(held).dtype.kind not in "fc":
        return held.copy() if type(held) is np.ndarray else held
    wide = np.asarray(held)
    if wide.dtype.kind == "c":
        real, imag = (_beside(part, sign, least, rng) for part in (wide.real, wide.imag))
        found = (real + 1j * imag).astype(wide.dtype)
    else:
        found = _beside(wide, sign, least, rng)
    return found if isinstance(held, np.ndarray) else found[()]


def _beside(wide: Any, sign: int, least: float, rng: Any) -> Any:
    share = _SINGLE if wide.dtype.char in "fe" else _STEP
    size = np.where(wide == 0, least, np.abs(wide)) * rng.uniform(0.5, 1, wide.shape)
    return (wide + sign * share * size).astype(wide.dtype)


def _reals(held: Any) -> Any:
    """Return all numbers in a row, of complex ones both parts."""
    row = np.ravel(held)
    return np.concatenate((row.real, row.imag)) if row.dtype.kind == "c" else row


def _alike(a: Any, b: Any) -> bool:
    """Say whether what nothing flows through is the same, and of all else the shape."""
    if isinstance(a, tuple | list) and isinstance(b, tuple | list):
        return len(a) == len(b) and all(map(_alike, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_alike(a[k], b[k]) for k in a)
    flowing = flows(a)
    a, b = under(a)[0], under(b)[0]
    if not isinstance(a, _PLAIN) or not isinstance(b, _PLAIN):
        return True
    if np.shape(a) != np.shape(b) or np.asarray(a).dtype.kind != np.asarray(b).dtype.kind:
        return False
    if flowing:
        return True
    return bool(np.array_equal(a, b, equal_nan=np.asarray(a).dtype.kind in "fc"))


_PLAIN = (np.ndarray, np.generic, bool, int, float, complex, str)
