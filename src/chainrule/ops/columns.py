"""Columns of traced values: pandas knows the labels, and the values compute.

A column holds the traced array itself. Here are the few functions between an operator of pandas and
its result that ask for a plain array. What pandas computes in compiled code is refused there.
"""

from collections.abc import Callable
from types import FunctionType
from typing import Any

import numpy as np
from pandas.api.extensions import no_default
from pandas.core import construction
from pandas.core.array_algos import take
from pandas.core.dtypes import missing
from pandas.core.groupby import ops as groups_of_pandas
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


def _in_one_array(owner: Any) -> None:
    function = owner.as_array
    plainly = FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__
    )
    plainly.__kwdefaults__ = function.__kwdefaults__

    @composite(function, name="pandas.core.internals.managers.as_array", always="anywhere")
    def as_array(self: Any, *args: Any, **kwargs: Any) -> Any:
        """Put all columns into one array, traced where one of them is."""
        blocks = self.blocks
        if not any(hasattr(type(b.values), "cr_owner") for b in blocks):
            return plainly(self, *args, **kwargs)
        columns = {place: b.values[i] for b in blocks for i, place in enumerate(b.mgr_locs)}
        return np.stack([columns[k] for k in sorted(columns)], axis=1)


if hasattr(managers.BlockManager, "as_array"):
    _in_one_array(managers.BlockManager)


def _of_groups(owner: Any) -> None:
    @composite(owner._cython_operation, name="pandas.core.groupby.ops._cython_operation")
    def reduce(
        self: Any, values: Any, how: str, axis: int, min_count: int = -1, **kwargs: Any
    ) -> Any:
        """Add up the numbers of each group that are not NaN, or take their mean."""
        if how not in ("sum", "mean") or not kwargs.get("skipna", True):
            raise UnsupportedFunctionError(
                f"{how} of groups received a traced value",
                why="pandas computes it in compiled code, which carries no derivative",
                cure="compute it of each group, by its key k: x[keys.to_numpy() == k], with x the "
                "traced array and keys the column that it is grouped by",
            )
        ids = np.asarray(self.ids)
        order = np.argsort(ids, kind="stable")
        order = order[np.searchsorted(ids[order], 0) :]  # those without a key are left out
        groups, starts = np.unique(ids[order], return_index=True)
        absent = np.isnan(values)
        there = np.where(absent, 0.0, 1.0)
        values = np.where(absent, 0.0, values)
        known = order, starts, groups, axis, self.ngroups
        total, count = _sums(values, *known), _sums(there, *known)
        if how == "mean":
            total, min_count = total / np.where(count > 0, count, 1.0), 1
        return np.where(count < min_count, np.nan, total) if np.any(count < min_count) else total


def _sums(x: Any, order: Any, starts: Any, groups: Any, axis: int, number: int) -> Any:
    """Return the sums of as many groups as `number`, of which some may be empty."""
    found = np.add.reduceat(np.take(x, order, axis), starts, axis)
    if groups.size == number:
        return found
    places = np.full(number, groups.size)
    places[groups] = np.arange(groups.size)
    none = np.zeros_like(np.take(x, [0], axis))
    return np.take(np.concatenate([found, none], axis), places, axis)


if hasattr(groups_of_pandas.BaseGrouper, "_cython_operation"):
    _of_groups(groups_of_pandas.BaseGrouper)
