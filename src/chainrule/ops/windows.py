"""Moving windows over columns of traced values: pandas says which rows, and the values compute."""

from collections.abc import Callable
from typing import Any

import numpy as np
from pandas import Series
from pandas.core.window import ewm, rolling

from ..errors import UnsupportedFunctionError
from .columns import holds, where


def _prepared(plainly: Any, self: Any, values: Any) -> Any:
    """Give the numbers of a column in double precision; infinite ones count as absent."""
    if not hasattr(type(values), "cr_owner"):
        return plainly(self, values)
    values = values.astype(float)
    return np.where(np.isinf(values), np.nan, values)


where(rolling.BaseWindow, "_prep_values", _prepared)


def _rows(start: Any, end: Any) -> tuple[Any, Any, Any]:
    """Return the rows of all windows one after the other, whose they are, and who has any."""
    count = np.maximum(np.asarray(end) - np.asarray(start), 0)
    window = np.repeat(np.arange(count.size), count)
    first = np.cumsum(count) - count
    return np.arange(window.size) - first[window] + np.asarray(start)[window], window, count > 0


def _sums(x: Any, window: Any, full: Any) -> Any:
    """Add up what belongs to each window; a window without rows has none."""
    return _reduced(np.add, x, window, full, 0.0)


def _reduced(ufunc: Any, x: Any, window: Any, full: Any, none: float) -> Any:
    if not full.any():
        return np.full(full.size, none)
    found = ufunc.reduceat(x, np.searchsorted(window, np.flatnonzero(full)))
    if full.all():
        return found
    return np.where(full, np.take(found, np.maximum(np.cumsum(full) - 1, 0)), none)


def _of_windows(name: str, ddof: int = 1) -> Callable[..., Any]:
    """Return what computes `name` of the windows of a column, in the place of compiled code."""

    def compute(values: Any, start: Any, end: Any, least: int) -> Any:
        rows, window, full = _rows(start, end)
        x = np.take(values, rows)
        absent = np.isnan(x)
        count = _sums(np.where(absent, 0.0, 1.0), window, full)
        few = max(least, 0 if name == "sum" else 1) - 0.5  # between counts, which are whole
        if name in ("max", "min"):
            none = -np.inf if name == "max" else np.inf
            x = np.where(absent, none, x)
            found = _reduced(np.maximum if name == "max" else np.minimum, x, window, full, none)
            return np.where(count < few, np.nan, found)
        x = np.where(absent, 0.0, x)
        found = _sums(x, window, full)
        if name == "sum":
            return np.where(count < few, np.nan, found)
        found = found / np.where(count < 0.5, 1.0, count)
        if name == "mean":
            return np.where(count < few, np.nan, found)
        away = np.where(absent, 0.0, x - np.take(found, window))
        none = count < max(few, ddof + 0.5)
        found = _sums(away * away, window, full) / np.where(none, 1.0, count - ddof)
        if name == "std":
            found = np.sqrt(np.where(none, 1.0, found))
        return np.where(none, np.nan, found)

    return compute


def _reduction(name: str) -> Callable[..., Any]:
    takes_ddof = name in ("var", "std")

    def method(plainly: Any, self: Any, *args: Any, **kwargs: Any) -> Any:
        if not holds(self._selected_obj):
            return plainly(self, *args, **kwargs)
        names = ("ddof", "numeric_only") if takes_ddof else ("numeric_only",)
        given = dict(zip(names, args, strict=False)) | kwargs
        compute = _of_windows(name, given.get("ddof", 1))
        return self._apply(compute, name=name, numeric_only=given.get("numeric_only", False))

    return method


for _name in ("sum", "mean", "max", "min", "var", "std"):
    where(rolling.RollingAndExpandingMixin, _name, _reduction(_name))


def _applied(
    plainly: Any, self: Any, func: Any, raw: bool = False, engine: Any = None,
    engine_kwargs: Any = None, args: Any = None, kwargs: Any = None,
) -> Any:  # fmt: skip
    """Apply a function of the program to the rows of each window."""
    if not holds(self._selected_obj):
        return plainly(self, func, raw, engine, engine_kwargs, args, kwargs)

    def compute(values: Any, start: Any, end: Any, least: int) -> Any:
        absent = np.isnan(values)
        found = []
        for s, e in zip(start, end, strict=True):
            if np.sum(~absent[s:e]) < max(least, 1):
                found.append(np.nan)
                continue
            part = values[s:e] if raw else Series(values[s:e], index=self._on[s:e])
            found.append(func(part, *(args or ()), **(kwargs or {})))
        return np.stack(found)

    return self._apply(compute, name="apply")


where(rolling.RollingAndExpandingMixin, "apply", _applied)


def _weighted(plainly: Any, self: Any, func: Any, name: str, *args: Any, **kwargs: Any) -> Any:
    """Let the mean with falling weights run over traced values; refuse what else has such."""
    if not isinstance(self, ewm.ExponentialMovingWindow) or not holds(self._selected_obj):
        return plainly(self, func, name, *args, **kwargs)
    if name != "mean":
        raise UnsupportedFunctionError(
            f"{name} with exponential weights received a traced value",
            why="pandas computes it in compiled code, which carries no derivative",
            cure="compute it of means, with w = s.ewm(…) and v = (s * s).ewm(…): the variance is "
            "v.mean() - w.mean() ** 2, as bias=True has it",
        )
    return plainly(self, _mean_with(func), name, *args, **kwargs)


def _mean_with(func: Any) -> Callable[..., Any]:
    """Return the recursion m += b (x - m) whose weights b are those of compiled code.

    They hang on which values are absent, not on the values. So they are read off the means of +1
    and -1 in turn, which stay far from the next value.
    """

    def compute(values: Any, start: Any, end: Any, least: int) -> Any:
        absent = np.asarray(np.isnan(values))
        turns = np.where(absent, np.nan, 1.0 - 2.0 * (np.cumsum(~absent) % 2))
        means = func(turns, start, end, 1)
        found: list[Any] = []
        for s, e in zip(start, end, strict=True):
            mean: Any = np.nan
            count, before = 0, np.nan
            for t in range(s, e):
                if not absent[t]:
                    b = (means[t] - before) / (turns[t] - before) if count else 1.0
                    mean = mean + b * (values[t] - mean) if count else values[t]
                    count, before = count + 1, means[t]
                found.append(mean if count >= max(least, 1) else np.nan)
        return np.stack(found)

    return compute


where(rolling.BaseWindow, "_apply", _weighted)
