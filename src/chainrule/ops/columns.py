"""Columns of traced values: pandas knows the labels, and the values compute.

A column holds the traced array itself. Here are the few functions between an operator of pandas and
its result that ask for a plain array. What pandas computes in compiled code is refused there.
"""

from collections.abc import Callable
from types import FunctionType
from typing import Any

import numpy as np
from pandas import DataFrame, Series
from pandas._libs import lib
from pandas.api.extensions import no_default
from pandas.core import algorithms, construction
from pandas.core.array_algos import quantile as quantiles
from pandas.core.array_algos import take
from pandas.core.base import IndexOpsMixin
from pandas.core.dtypes import missing
from pandas.core.groupby import ops as groups_of_pandas
from pandas.core.internals import construction as tables
from pandas.core.internals import managers
from pandas.core.ops import array_ops

from ..core.registry import composite
from ..errors import UnsupportedFunctionError


def _inside(module: Any, name: str) -> Callable[[Any], Any]:
    """Stand in for a function inside pandas, if this version has it, where values are traced."""
    function = getattr(module, name, None)
    if function is None:
        return lambda body: body
    return composite(function, name=f"{module.__name__}.{name}")


@_inside(construction, "_try_cast")
def cast(arr: Any, dtype: Any, copy: bool = False) -> Any:
    """Make a column of what an operator gave: it need not be a plain array."""
    if not isinstance(arr, np.ndarray) or dtype.kind not in "fc":
        return np.asarray(arr, dtype)
    arr = arr.copy() if copy else arr
    return arr if arr.dtype == dtype else arr.astype(dtype)


@_inside(array_ops, "maybe_prepare_scalar_for_op")
def scalar(obj: Any, shape: Any) -> Any:
    """Leave a traced number as it is."""
    return obj


@_inside(missing, "_isna")
def absent(obj: Any) -> Any:
    """Say what is NaN."""
    return np.isnan(obj)


@_inside(managers, "_stack_arrays")
def stacked(tuples: Any, dtype: Any) -> Any:
    """Put columns of one type into one array."""
    placement, arrays = zip(*tuples, strict=True)
    return np.stack(arrays).astype(dtype), placement


@_inside(take, "take_nd")
def taken(
    arr: Any, indexer: Any, axis: int = 0, fill_value: Any = no_default, allow_fill: bool = True
) -> Any:
    """Take rows; -1 stands for one that is not there."""
    if indexer is None:
        return arr.copy()
    fill_value = np.nan if fill_value in (None, no_default) else fill_value
    found = np.take(arr, indexer, axis)
    absent = np.asarray(indexer) < 0
    if not allow_fill or not absent.any():
        return found
    shape = [1] * arr.ndim
    shape[axis] = -1
    return np.where(absent.reshape(shape), fill_value, found)


@_inside(algorithms, "diff")
def differences(arr: Any, n: Any, axis: int = 0) -> Any:
    """Subtract what stands `n` places before; there is nothing before the first."""
    if n != int(n):
        raise ValueError("periods must be an integer")
    before = np.arange(arr.shape[axis]) - int(n)
    there = (before >= 0) & (before < arr.shape[axis])
    return arr - taken(arr, np.where(there, before, -1), axis)


@_inside(algorithms, "map_array")
def mapped(arr: Any, mapper: Any, na_action: Any = None) -> Any:
    """Apply a function number by number: it meets Python's numbers, as from pandas."""
    if not callable(mapper):
        raise TypeError("traced values have no place in a table")
    found = []
    for v in arr:
        v = v.item() if hasattr(v, "item") else v
        found.append(np.nan if na_action == "ignore" and np.isnan(v) else mapper(v))
    if any(map(_holds, found)):
        return np.stack(found)
    made = np.empty(len(found), object)
    made[:] = found
    return lib.maybe_convert_objects(made) if found else arr.copy()


@_inside(quantiles, "quantile_compat")
def quantile(values: Any, qs: Any, interpolation: str) -> Any:
    """Take quantiles along the last axis of what is not NaN."""
    return np.moveaxis(np.nanquantile(values, qs, axis=-1, method=interpolation), 0, -1)


def _holds(values: Any) -> bool:
    return hasattr(type(values), "cr_owner")


def holds(column: Any) -> bool:
    """Say whether a column, or one of a frame, holds traced values."""
    return any(_holds(a) for a in getattr(getattr(column, "_mgr", None), "arrays", ()))


def where(owner: Any, name: str, body: Callable[..., Any]) -> None:
    """Let a method be ``body(plainly, self, …)``; what is traced lies within its arguments."""
    function = getattr(owner, name, None)
    if function is None:
        return
    plainly = FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__
    )
    plainly.__kwdefaults__ = function.__kwdefaults__

    home = getattr(owner, "__module__", owner.__name__)

    @composite(function, name=f"{home}.{function.__qualname__}", always="anywhere")
    def method(*args: Any, **kwargs: Any) -> Any:
        return body(plainly, *args, **kwargs)


def _as_array(plainly: Any, self: Any, *args: Any, **kwargs: Any) -> Any:
    """Put all columns into one array, traced where one of them is."""
    blocks = self.blocks
    if not any(_holds(b.values) for b in blocks):
        return plainly(self, *args, **kwargs)
    columns = {
        place: b.values[i] if b.values.ndim > 1 else b.values
        for b in blocks for i, place in enumerate(b.mgr_locs)
    }  # fmt: skip
    held = [columns[k] for k in sorted(columns)]
    if all(_holds(c) or getattr(c.dtype, "kind", "O") in "fciub" for c in held):
        return np.stack(held, axis=1)
    found = np.empty((len(held[0]), len(held)), object)  # beside texts, dates, categories
    for k, column in enumerate(held):
        for i in range(len(held[0])):
            found[i, k] = column[i]
    return found


def _sanitized(
    plainly: Any, data: Any, index: Any, dtype: Any = None, *args: Any, **kwargs: Any
) -> Any:
    """Make one traced array of a list of traced numbers, as pandas makes one of floats."""
    if type(data) in (list, tuple) and any(map(_holds, data)):
        numbers = all(_holds(v) or isinstance(v, float | int | np.number) for v in data)
        if numbers and all(np.ndim(v) == 0 for v in data) and (dtype is None or dtype.kind == "f"):
            data = np.stack(data)
    return plainly(data, index, dtype, *args, **kwargs)


where(construction, "sanitize_array", _sanitized)


def _order(
    plainly: Any, self: Any, axis: Any = 0, kind: Any = "quicksort", *args: Any, **kwargs: Any
) -> Any:
    """Say in which order the numbers of a column rise, what is NaN last."""
    if not holds(self):
        return plainly(self, axis, kind, *args, **kwargs)
    order = np.argsort(self._values, kind=kind or "quicksort")
    return self._constructor(order, index=self.index, name=self.name)


where(Series, "argsort", _order)


def _correlated(
    plainly: Any, self: Any, method: Any = "pearson", min_periods: Any = 1,
    numeric_only: bool = False,
) -> Any:  # fmt: skip
    """Correlate the columns of a frame in pairs."""
    if not holds(self) or method != "pearson":
        return plainly(self, method, min_periods, numeric_only)
    data = self._get_numeric_data() if numeric_only else self
    columns = [data.iloc[:, k] for k in range(data.shape[1])]
    found = [np.stack([a.corr(b, min_periods=min_periods) for b in columns]) for a in columns]
    return self._constructor(np.stack(found), index=data.columns, columns=data.columns)


where(DataFrame, "corr", _correlated)


def _row(plainly: Any, self: Any, loc: int) -> Any:
    """Put what columns have in one row into a column."""
    if not any(_holds(b.values) for b in self.blocks):
        return plainly(self, loc)
    values = _as_array(None, self)[loc]
    placement = managers.BlockPlacement(slice(0, values.size))
    block = managers.new_block(values, placement=placement, ndim=1)
    return managers.SingleBlockManager(block, self.axes[0])


where(managers.BlockManager, "as_array", _as_array)
where(managers.BlockManager, "fast_xs", _row)


def _without_absent(plainly: Any, arr: Any) -> Any:
    """Leave out of a column what is NaN."""
    return arr[arr.notna()] if holds(arr) else plainly(arr)


def _to_numpy(
    plainly: Any, self: Any, dtype: Any = None, copy: bool = False, na_value: Any = no_default,
    **kwargs: Any,
) -> Any:  # fmt: skip
    """Give what a column holds, traced as it is."""
    if not holds(self):
        return plainly(self, dtype, copy, na_value, **kwargs)
    values = self._values
    if na_value is not no_default:
        values = np.where(np.isnan(values), na_value, values)
    values = values if dtype is None or values.dtype == dtype else values.astype(dtype)
    return values.copy() if copy else values


where(missing, "remove_na_arraylike", _without_absent)
where(IndexOpsMixin, "to_numpy", _to_numpy)


@_inside(tables, "ndarray_to_mgr")
def table(values: Any, index: Any, columns: Any, dtype: Any, copy: bool, **kwargs: Any) -> Any:
    """Make a frame of an array: a column of its own of each of its columns."""
    values = values if dtype is None else values.astype(dtype)
    values = values[:, None] if values.ndim == 1 else values
    rows, columns = tables._get_axes(*values.shape, index=index, columns=columns)
    tables._check_values_indices_shape_match(values, rows, columns)
    arrays = [values[:, k].copy() if copy else values[:, k] for k in range(values.shape[1])]
    return tables.arrays_to_mgr(arrays, columns, rows, consolidate=False, **kwargs)


def _as_frame(plainly: Any, self: Any, series: Any, axis: Any, *args: Any) -> Any:
    """Repeat a column beside each column of a frame, or each of its numbers along one."""
    values = series._values
    if not _holds(values):
        return plainly(self, series, axis, *args)
    values = np.broadcast_to(np.expand_dims(values, 0 if axis else 1), self.shape)
    return self._constructor(values, index=self.index, columns=self.columns)


where(DataFrame, "_maybe_align_series_as_frame", _as_frame)


@composite(DataFrame.dot, name="pandas.DataFrame.dot")
def _of_frame(self: Any, other: Any) -> Any:
    """Multiply with an array: its rows are those of the columns, in order."""
    if self.shape[1] != other.shape[0]:
        raise ValueError(f"Dot product shape mismatch, {self.shape} vs {other.shape}")
    kind = Series if other.ndim == 1 else DataFrame
    return self.dot(kind(other, index=self.columns))


@composite(Series.dot, name="pandas.Series.dot")
def _of_column(self: Any, other: Any) -> Any:
    """Multiply with an array: its rows are those of the column, in order."""
    if self.shape[0] != other.shape[0]:
        raise ValueError(f"Dot product shape mismatch, {self.shape} vs {other.shape}")
    return np.dot(self._values, other)


class _Groups:
    """The numbers of each group, those that are not NaN, along one axis of `values`."""

    def __init__(self, ids: Any, values: Any, axis: int, number: int) -> None:
        ids = np.asarray(ids)
        order = np.argsort(ids, kind="stable")
        self.order = order[np.searchsorted(ids[order], 0) :]  # those without a key are left out
        self.groups, self.starts = np.unique(ids[self.order], return_index=True)
        self.ids, self.values, self.axis, self.number = np.maximum(ids, 0), values, axis, number
        self.absent = np.isnan(values)
        self.count = self.reduced(np.add, np.where(self.absent, 0.0, 1.0))

    def reduced(self, ufunc: Any, x: Any, neutral: float = 0.0) -> Any:
        """Reduce each group; what has no members gives the neutral number."""
        found = ufunc.reduceat(np.take(x, self.order, self.axis), self.starts, self.axis)
        if self.groups.size == self.number:
            return found
        places = np.full(self.number, self.groups.size)
        places[self.groups] = np.arange(self.groups.size)
        none = np.zeros_like(np.take(x, [0], self.axis)) + neutral
        return np.take(np.concatenate([found, none], self.axis), places, self.axis)

    def of(self, ufunc: Any, neutral: float = 0.0) -> Any:
        """Reduce the numbers of each group that are not NaN."""
        return self.reduced(ufunc, np.where(self.absent, neutral, self.values), neutral)

    def mean(self, ddof: int = 0) -> Any:
        """Return the means."""
        return self.of(np.add) / np.where(self.count > 0, self.count, 1.0)

    def central(self, power: int) -> Any:
        """Return the sums of powers of what each number differs from the mean of its group."""
        off = self.values - np.take(self.mean(), self.ids, self.axis)
        return self.reduced(np.add, np.where(self.absent, 0.0, off) ** power)

    def var(self, ddof: int = 1) -> Any:
        """Return the variances; of too few numbers there is none."""
        freedom = self.count - ddof
        found = self.central(2) / np.where(freedom > 0, freedom, 1.0)
        return np.where(freedom > 0, found, np.nan)

    def skew(self, ddof: int = 0) -> Any:
        """Return the adjusted skewness G₁ of Fisher and Pearson, 0 where all are equal."""
        n, second, third = self.count, self.central(2), self.central(3)
        flat = second == 0
        found = third / np.where(flat, 1.0, second) ** 1.5
        few = np.maximum(n - 2, 1)
        found = np.where(flat, 0.0, n * np.sqrt(np.maximum(n - 1, 0)) / few * found)
        return np.where(n > 2, found, np.nan)

    def each(self, function: Any) -> Any:
        """Apply a function along the axis to the numbers of each group."""
        members = np.split(self.order, self.starts[1:])
        kept = dict(zip(self.groups.tolist(), members, strict=True))
        none = np.zeros_like(np.take(self.values, 0, self.axis)) + np.nan
        found = [
            function(np.take(self.values, kept[g], self.axis)) if g in kept else none
            for g in range(self.number)
        ]
        return np.stack(found, self.axis)

    def end(self, last: bool) -> Any:
        """Return the first number of each group, or the last one."""

        def of_one(x: Any) -> Any:
            there = np.logical_not(np.isnan(np.flip(x, self.axis) if last else x))
            at = np.expand_dims(np.argmax(there, self.axis), self.axis)
            at = x.shape[self.axis] - 1 - at if last else at
            return np.squeeze(np.take_along_axis(x, at, self.axis), self.axis)

        return self.each(of_one)

    def along(self, ufunc: Any, neutral: float = 0.0) -> Any:
        """Accumulate within each group; what is NaN stays so, and is passed over."""
        x = np.where(self.absent, neutral, self.values)
        pieces = np.split(self.order, self.starts[1:])
        found = [ufunc.accumulate(np.take(x, at, self.axis), self.axis) for at in pieces]
        none = np.zeros_like(np.take(x, [0], self.axis)) + np.nan
        places = np.full(self.ids.size, self.order.size)
        places[self.order] = np.arange(self.order.size)
        found = np.take(np.concatenate([*found, none], self.axis), places, self.axis)
        return np.where(self.absent, np.nan, found)


_REDUCTIONS: dict[str, Any] = {
    "sum": lambda g, ddof: g.of(np.add),
    "prod": lambda g, ddof: g.of(np.multiply, 1.0),
    "mean": _Groups.mean,
    "var": _Groups.var,
    "std": lambda g, ddof: np.sqrt(g.var(ddof)),
    "sem": lambda g, ddof: np.sqrt(g.var(ddof) / np.where(g.count > 0, g.count, 1.0)),
    "min": lambda g, ddof: g.of(np.minimum, np.inf),
    "max": lambda g, ddof: g.of(np.maximum, -np.inf),
    "median": lambda g, ddof: g.each(lambda x: np.nanmedian(x, g.axis)),
    "skew": _Groups.skew,
    "first": lambda g, ddof: g.end(False),
    "last": lambda g, ddof: g.end(True),
}
_ACCUMULATIONS = {
    "cumsum": (np.add, 0.0), "cumprod": (np.multiply, 1.0), "cummin": (np.minimum, np.inf),
    "cummax": (np.maximum, -np.inf),
}  # fmt: skip


def _of_groups(owner: Any) -> None:
    @composite(owner._cython_operation, name="pandas.core.groupby.ops._cython_operation")
    def reduce(
        self: Any, values: Any, how: str, axis: int, min_count: int = -1, **kwargs: Any
    ) -> Any:
        """Reduce or accumulate the numbers of each group that are not NaN, as pandas does."""
        known = how in _REDUCTIONS or how in _ACCUMULATIONS
        if not known or not kwargs.get("skipna", True):
            raise UnsupportedFunctionError(
                f"{how} of groups received a traced value",
                why="pandas computes it in compiled code, which carries no derivative",
                cure="compute it of each group, by its key k: x[keys.to_numpy() == k], with x the "
                "traced array and keys the column that it is grouped by",
            )
        groups = _Groups(self.ids, values, axis, self.ngroups)
        if how in _ACCUMULATIONS:
            return groups.along(*_ACCUMULATIONS[how])
        found = _REDUCTIONS[how](groups, kwargs.get("ddof", 1))
        least = min_count if how in ("sum", "prod") else max(min_count, 1)
        few = groups.count < least
        return np.where(few, np.nan, found) if np.any(few) else found


if hasattr(groups_of_pandas.BaseGrouper, "_cython_operation"):
    _of_groups(groups_of_pandas.BaseGrouper)
