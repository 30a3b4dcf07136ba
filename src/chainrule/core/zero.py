"""Zeros that meet infinities: which of them annihilate, and which make a number indeterminate."""

from typing import Any

import numpy as np

from .op import Op
from .slots import Partial, reads_of


def holds_nan(value: Any) -> bool:
    """Say whether a plain number or array may hold a NaN, at the speed of one pass over it.

    A dot product is quickest for small arrays; of larger ones it starts the threads of the BLAS,
    which wait for each other on a busy machine.
    """
    if type(value) is np.ndarray:
        if value.dtype.kind == "c":
            value = np.ascontiguousarray(value).view(value.real.dtype)
        if value.size <= _SMALL:
            flat = value.ravel("K")  # in whatever order: no copy of what is transposed
            square = flat.dot(flat)
            return bool(square != square)
        least = np.minimum.reduce(value, axis=None)
        return bool(least != least)
    differs = value != value
    return bool(differs) if type(differs) in _TRUTHS else True  # not known before it is computed


_SMALL = 4096
_TRUTHS = (bool, np.bool_)


def without(dead: Any, t: Any, factor: Any = 1, over: Any = None) -> Any:
    """Multiply by factor / over, where `dead` with zeros in their place: nothing flows there."""
    product = np.where(dead, 0, t) * np.where(dead, 0, factor)
    return product if over is None else product / np.where(dead, 1, over)


def strong_product(ct: Any, factor: Any, over: Any = None) -> Any:
    """Multiply so that an exact zero in `ct` gives zero whatever the partial holds there.

    For those who know no more of `ct` than its value; a pass knows whether a zero is structural.
    """
    product = ct * np.where(ct == 0, 0.0, factor)
    return product if over is None else product / np.where(ct == 0, 1, over)


def chooses(op: Op, k: int, constant: Any) -> bool:
    """Say whether a zero of the partial in argument `k` is structural.

    It is where the op chooses between its arguments, and where the partial is read off constants
    alone (a mask that is multiplied with); ``constant(j)`` says whether argument `j` is one.
    """
    slot = op.slot(k)
    if type(slot) is not Partial:
        return False
    if slot.selects or slot.constant:
        return True
    read = reads_of(slot)
    return not read.output and any(map(read.input, range(len(read.inputs)))) and all(
        constant(j) for j in range(len(read.inputs)) if read.input(j)
    )  # fmt: skip
