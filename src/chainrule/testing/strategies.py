"""Hypothesis strategies: values from an op's domain, calls of its samples, shapes that broadcast.

They need the ``test`` extra (hypothesis); nothing else of this package does.
"""

from typing import Any

import numpy as np
from hypothesis import strategies as st

from ..core.op import REAL, Interval
from .samples import Case, Record, draw, draw_array


def arrays(
    shape: Any = (2, 3), bounds: Interval = REAL, kinks: tuple[float, ...] = (),
    dtype: Any = np.float64,
) -> st.SearchStrategy[Any]:  # fmt: skip
    """Draw arrays of one shape (or of a strategy of shapes) inside `bounds`, away from `kinks`."""
    shapes = shape if isinstance(shape, st.SearchStrategy) else st.just(shape)

    def build(n: tuple[int, ...], seed: int) -> Any:
        return draw_array(np.random.default_rng(seed), n, bounds, kinks, dtype)

    return st.builds(build, shapes, st.integers(0, 2**32 - 1))


def shapes(dimensions: int = 3, side: int = 3) -> st.SearchStrategy[tuple[int, ...]]:
    """Draw shapes: scalars, empty ones and axes of length 1 among them."""
    return st.lists(st.integers(0, side), max_size=dimensions).map(tuple)


def broadcastable(
    count: int = 2, dimensions: int = 3, side: int = 3
) -> st.SearchStrategy[tuple[tuple[int, ...], ...]]:
    """Draw `count` shapes that broadcast together: each drops or shrinks axes of a common one."""

    def shrink(common: tuple[int, ...], choices: list[tuple[int, int]]) -> Any:
        found = []
        for drop, ones in choices:
            kept = common[min(drop, len(common)) :]
            found.append(tuple(1 if ones >> i & 1 else n for i, n in enumerate(kept)))
        return tuple(found)

    choice = st.tuples(st.integers(0, dimensions), st.integers(0, 2**dimensions - 1))
    return st.builds(
        shrink, shapes(dimensions, side), st.lists(choice, min_size=count, max_size=count)
    )


def calls(record: Record, dtype: Any = np.float64) -> st.SearchStrategy[Case]:
    """Draw calls of a record: one of its samples, with values from its domain."""

    def build(call: Any, seed: int) -> Case:
        return draw(record, call, np.random.default_rng(seed), dtype)

    return st.builds(build, st.sampled_from(record.samples), st.integers(0, 2**32 - 1))
