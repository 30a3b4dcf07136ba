"""Statistics of `scipy.stats` that are made of ranks and counts: their derivative is 0.

They are steps of the data, whose derivative is 0 by rule 4 of docs/policy/kinks.md, as that of
`np.argsort` is: at the steps, where numbers are equal, too. SciPy computes them, with its p-values,
of the plain numbers, in one operation through which nothing flows. What flows beside them, the
place of the largest distance that `ks_2samp` gives, is taken out of the data.
"""

from collections.abc import Callable
from copy import copy
from typing import Any

import numpy as np
from scipy import stats

from ....core.op import Composite, Notation, Op
from ....core.registry import add, register
from ....core.sequences import items
from ....core.settings import Silence
from ....core.slots import INDEX
from ...declare import as_array
from ..common import refusal, settled, traced


class Call:
    """One call of SciPy's with the arrays taken out, and the result that it gave last."""

    def __init__(self, function: Callable[..., Any], args: Any, kwargs: Any) -> None:
        self.function = function
        self.arrays: list[Any] = []
        self.given = tuple(map(self._taken_out, args)), self._taken_out(kwargs)
        self.result: Any = None

    def _taken_out(self, value: Any) -> Any:
        parts = items(value)
        if parts is not None and parts and all(_holds(v) and np.ndim(v) == 0 for v in parts):
            value = as_array(value)
        if _holds(value) and type(value) not in (float, int):
            self.arrays.append(value)
            return _Place(len(self.arrays) - 1)
        if type(value) is dict:
            return {k: self._taken_out(v) for k, v in value.items()}
        return value if parts is None else type(parts)(map(self._taken_out, parts))

    def numbers(self, *arrays: Any) -> Any:
        """Compute, and return all numbers of the result in a row."""
        args, kwargs = _put_back(self.given, arrays)
        with Silence():
            self.result = self.function(*args, **kwargs)
        found = [np.ravel(v) for v in _parts(self.result).values()]
        return np.concatenate([np.asarray(v, float) for v in found])

    def rebuilt(self, row: Any, flowing: dict[str, Callable[[Any], Any]]) -> Any:
        """Return the result, its numbers taken from the row, or made of them by `flowing`."""
        found, start = {}, 0
        for key, value in _parts(self.result).items():
            size = np.size(value)
            part = np.reshape(row[start : start + size], np.shape(value))[()]
            part = part.astype(np.asarray(value).dtype, copy=False)
            found[key] = flowing[key](part) if key in flowing else part
            start += size
        if found.keys() == {None}:
            return found[None]
        made: Any
        if isinstance(self.result, tuple):
            places = range(len(self.result))
            made = tuple.__new__(type(self.result), [found.get(k, self.result[k]) for k in places])
            rest = getattr(self.result, "__dict__", {})
        else:
            made, rest = copy(self.result), vars(self.result)
        if rest:
            vars(made).update(rest, **{k: v for k, v in found.items() if isinstance(k, str)})
        return made


class _Place:
    """Stands where an array was."""

    def __init__(self, number: int) -> None:
        self.number = number


def _put_back(value: Any, arrays: Any) -> Any:
    if type(value) is _Place:
        return arrays[value.number]
    if type(value) is dict:
        return {k: _put_back(v, arrays) for k, v in value.items()}
    parts = items(value)
    return value if parts is None else type(parts)(_put_back(v, arrays) for v in parts)


def _parts(result: Any) -> dict[Any, Any]:
    """Return the numbers of a result by their places in a tuple and by their names."""
    if _is_number(result):
        return {None: result}
    own = dict(enumerate(result)) if isinstance(result, tuple) else {}
    named = {k: v for k, v in getattr(result, "__dict__", {}).items() if not k.startswith("_")}
    return {k: v for k, v in {**own, **named}.items() if _is_number(v)}


def _holds(value: Any) -> bool:
    return _is_number(value) or (hasattr(value, "cr_owner") and traced(value))


def _is_number(value: Any) -> bool:
    if isinstance(value, np.ndarray | np.generic):
        return value.dtype.kind in "fiub"
    return isinstance(value, float | int) and not isinstance(value, bool)


_OPS: dict[str, Op] = {}
_CALL = "the call"  # a name with a space: a parameter of ours, which no derivation shows


def _op(name: str) -> Op:
    return Op(
        name, lambda *xs, **params: params[_CALL].numbers(*xs), (INDEX,), batch="loop",
        variadic=True, notation=Notation(rule="a step function of the ranks: nothing flows"),
    )  # fmt: skip


def _register(name: str, look: Callable[..., None] | None = None, flowing: Any = None) -> None:
    function = getattr(stats, name, None)
    if function is None:  # in another SciPy
        return
    add(_OPS.setdefault(name, _op(name)))

    def body(*args: Any, **kwargs: Any) -> Any:
        args, kwargs = settled(args), settled(kwargs)
        if look is not None:
            look(*args, **kwargs)
        if any(hasattr(v, "n_resamples") for v in (*args, *kwargs.values())):
            raise refusal(f"scipy.stats.{name}, with random samples,", "they have no rule",
                          "leave out method")  # fmt: skip
        call = Call(function, args, kwargs)
        row = _OPS[name](*call.arrays, **{_CALL: call}) if call.arrays else call.numbers()
        return call.rebuilt(row, {} if flowing is None else flowing(*args, **kwargs))

    body.__doc__ = f"Compute `{name}` of plain numbers."
    register(function, Composite(f"scipy.stats.{name}", body, None))


def _places(data1: Any, data2: Any, *_: Any, **__: Any) -> dict[str, Any]:
    """Take the place of the largest distance of two samples out of the data."""
    both = np.concatenate([np.ravel(as_array(d)) for d in (data1, data2)])
    return {"statistic_location": lambda place: both[np.argmin(np.abs(both - place))]}


def _one_pair(data1: Any, data2: Any, *_: Any, **__: Any) -> None:
    if np.ndim(data1) != 1 or np.ndim(data2) != 1:
        raise refusal("scipy.stats.ks_2samp along an axis", "the places it gives have no rule",
                      "call it for one pair of samples after the other")  # fmt: skip


def _no_table(x: Any, y: Any = None, *_: Any, **__: Any) -> None:
    if y is None:
        raise refusal("scipy.stats.somersd of a table", "its numbers are no ranks: they flow",
                      "pass two samples; or, as a constant, ‹held x 0›")  # fmt: skip


_register("ks_2samp", _one_pair, _places)
_register("somersd", _no_table)
for _name in (
    "ansari", "anderson_ksamp", "brunnermunzel", "chatterjeexi", "cramervonmises_2samp",
    "fligner", "friedmanchisquare", "kendalltau", "kruskal", "mannwhitneyu", "mood",
    "page_trend_test", "percentileofscore", "rankdata", "ranksums", "spearmanr", "spearmanrho",
    "tiecorrect", "weightedtau", "wilcoxon",
):  # fmt: skip
    _register(_name)
