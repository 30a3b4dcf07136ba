"""Along one axis: a piece, the reverse, zeros before and after."""

from typing import Any

import numpy as np


def part(x: Any, axis: int, piece: slice) -> Any:
    """Return a piece of `x` along one axis."""
    return x[(slice(None),) * (axis % len(x.shape)) + (piece,)]


def backward(x: Any, axis: int) -> Any:
    """Reverse one axis."""
    return part(x, axis, slice(None, None, -1))


def widen(x: Any, axis: int, before: int, after: int) -> Any:
    """Put zeros before and after along one axis."""
    if not before and not after:
        return x
    here = axis % len(x.shape)
    return np.pad(x, [(before, after) if k == here else (0, 0) for k in range(len(x.shape))])
