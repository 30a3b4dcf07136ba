"""The strong zero: a cotangent that is exactly zero annihilates an infinite partial."""

from typing import Any

import numpy as np


def strong_product(ct: Any, partial: Any) -> Any:
    """Multiply so that an exact zero in `ct` gives zero whatever `partial` holds there.

    Of an untaken branch (``where(x > 0, sqrt(x), 0)`` at 0) nothing flows back, and 0·∞ = 0 then
    is the limit that is meant. Only an exact zero does this: ``sqrt'(0)·1`` stays infinite.
    """
    return ct * np.where(ct == 0, 0.0, partial)
