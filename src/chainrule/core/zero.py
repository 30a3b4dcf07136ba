"""The strong zero: a cotangent that is exactly zero annihilates whatever partial it meets."""

from typing import Any

import numpy as np


def holds_nan(value: Any) -> bool:
    """Say whether a plain number or array may hold a NaN, at the speed of one dot product."""
    if type(value) is np.ndarray:
        flat = value.ravel()
        square = np.dot(flat, flat)
        return bool(square != square)
    differs = value != value
    return bool(differs) if type(differs) in _TRUTHS else True  # not known before it is computed


_TRUTHS = (bool, np.bool_)


def strong_product(ct: Any, partial: Any) -> Any:
    """Multiply so that an exact zero in `ct` gives zero whatever `partial` holds there.

    Of an untaken branch (``where(x > 0, sqrt(x), 0)`` at 0) nothing flows back, and 0·∞ = 0 then
    is the limit that is meant. Only an exact zero does this: ``sqrt'(0)·1`` stays infinite.
    """
    return ct * np.where(ct == 0, 0.0, partial)
