"""Series and frames of pandas as containers: their columns of numbers, and labels that stay."""

from collections.abc import Callable
from numbers import Number
from operator import is_
from typing import Any

import numpy as np


class Labels:
    """The labels of a series or a frame, which two may have in common."""

    __slots__ = ("axes", "name", "numbers")

    def __init__(self, axes: Any, name: Any, numbers: tuple[bool, ...]) -> None:
        self.axes, self.name, self.numbers = axes, name, numbers

    def __eq__(self, other: Any) -> bool:
        if type(other) is not Labels or len(self.axes) != len(other.axes):
            return False
        same = all(a.equals(b) for a, b in zip(self.axes, other.axes, strict=True))
        return same and self.numbers == other.numbers

    def __hash__(self) -> int:
        return hash((*map(len, self.axes), self.numbers))

    def __repr__(self) -> str:
        return f"of {len(self.axes[0])} rows"


def is_labelled(cls: type) -> bool:
    """Say whether a class is that of the columns or the frames of pandas."""
    name = cls.__module__.partition(".")[0]
    return name == "pandas" and cls.__name__ in ("Series", "DataFrame")


_MADE = "cr_columns"  # the attribute of a frame that was put together here


def _columns(obj: Any) -> list[Any]:
    """Return the arrays of the columns: the very ones of which a frame was put together."""
    if obj.ndim == 1:
        return [obj._values]
    held = [block.values for block in obj._mgr.blocks]
    made, columns = vars(obj).get(_MADE, ((), ()))
    if len(made) == len(held) and all(map(is_, made, held)):
        return list(columns)
    return [obj.iloc[:, k]._values for k in range(obj.shape[1])]


def _may_vary(values: Any) -> bool:
    """Say whether a column is one of parameters, or may hold numbers that are not understood."""
    kind = values.dtype.kind
    if kind == "O" and type(values) is np.ndarray:
        return any(isinstance(v, Number) and type(v) is not bool and v == v for v in values)
    return kind in "fciu"


def _is_array(values: Any) -> bool:
    return type(values) is np.ndarray or hasattr(type(values), "cr_owner")


def taker(cls: type, fixed: type) -> Callable[[Any], Any]:
    """Return what takes an object apart: into its columns, those of no numbers as they are."""

    def take_apart(obj: Any) -> tuple[list[Any], Labels, tuple[Any, ...]]:
        columns = _columns(obj)
        vary = tuple(map(_may_vary, columns))
        labels = Labels(obj.axes, obj.name if obj.ndim == 1 else None, vary)
        children = [c if may else fixed(c) for c, may in zip(columns, vary, strict=True)]
        return children, labels, ("",) if obj.ndim == 1 else tuple(obj.columns)

    return take_apart


def maker(cls: type, fixed: type) -> Callable[[Any, Any], Any]:
    """Return what puts columns together; what has another shape (of a Jacobian) stays as it is."""

    def make(labels: Labels, children: Any) -> Any:
        from pandas import Series
        from pandas.core.internals import managers

        children = [c.value if type(c) is fixed else c for c in children]
        rows = labels.axes[0]
        if any(getattr(c, "shape", None) != (len(rows),) for c in children):
            if len(labels.axes) == 1:
                return children[0]
            return dict(zip(labels.axes[1], children, strict=True))
        if len(labels.axes) == 1:
            (values,) = children
            place = managers.BlockPlacement(slice(0, len(rows)))
            block = managers.new_block(values, placement=place, ndim=1)
            made = Series._from_mgr(managers.SingleBlockManager(block, rows), [rows])
            made._name = labels.name
            return made
        blocks = []
        for k, c in enumerate(children):
            values = c[None, :] if _is_array(c) else c
            place = managers.BlockPlacement(slice(k, k + 1))
            blocks.append(managers.new_block(values, placement=place, ndim=2))
        manager = managers.BlockManager(tuple(blocks), [labels.axes[1], rows])
        made = cls._from_mgr(manager, [rows, labels.axes[1]])  # type: ignore[attr-defined]
        vars(made)[_MADE] = [block.values for block in blocks], children
        return made

    return make
