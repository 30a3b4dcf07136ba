"""Filters of signals that select: medians, and the neighbour of a rank; beyond the ends is 0."""

from typing import Any

import numpy as np
from scipy import signal

from ....core.op import Const, sample
from ...declare import as_array
from ..ndimage.filters import each
from ..ndimage.select import middle, record, select


def medfilt(volume: Any, kernel_size: Any = None) -> Any:
    """Select the median of the neighbours, with zeros beyond the ends."""
    x = np.atleast_1d(as_array(volume))
    size = each(3 if kernel_size is None else kernel_size, x.ndim)
    if any(int(n) % 2 != 1 for n in size):
        raise ValueError("Each element of kernel_size should be odd.")
    return select(x, middle, size, None, None, "constant", 0.0, 0, None)


def medfilt2d(input: Any, kernel_size: Any = 3) -> Any:
    """As `medfilt`, of a picture."""
    return medfilt(input, kernel_size)


def order_filter(a: Any, domain: Any, rank: int) -> Any:
    """Select the neighbour of a rank, with zeros beyond the ends."""
    domain = np.asarray(domain)
    if any(n % 2 != 1 for n in domain.shape):
        raise ValueError("Each dimension of domain argument should have an odd number of elements.")
    return select(a, rank, None, domain, None, "constant", 0.0, 0, None)


record(signal.medfilt, medfilt, sample((5,)), sample((3, 4), Const(3)), sample((6,), Const(5)))
record(signal.medfilt2d, medfilt2d, sample((3, 4)), sample((4, 4), Const((1, 3))))
record(signal.order_filter, order_filter, sample((5,), Const(np.ones(3)), Const(0)))
