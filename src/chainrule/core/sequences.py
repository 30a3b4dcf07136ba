"""What NumPy reads as a sequence: lists and tuples, and any other class that answers as one."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

_SEQUENCES = (list, tuple)
_NO_SEQUENCES = frozenset(
    (float, int, bool, complex, str, bytes, bytearray, memoryview, dict, set, slice, type(None),
     type(Ellipsis), range, np.ndarray, np.float64, np.int64, np.bool_)
)  # fmt: skip
_ARRAYS = (
    "__array__", "__array_interface__", "__array_struct__", "dtype", "shape", "keys",
)  # fmt: skip


def elements(value: Any) -> Any:
    """Return the elements of a sequence as a plain list or tuple, and None of anything else.

    Arrays, buffers and ranges are none: NumPy reads them by itself, and nothing traced is in them.
    """
    kind = type(value)
    if kind in _SEQUENCES:
        return value
    if kind in _NO_SEQUENCES:
        return None
    if is_sequence(value):
        return list(value)
    return value.cr_elements() if hasattr(kind, "cr_elements") else None


def items(value: Any) -> Any:
    """Return the elements of a list, a tuple or what is declared a sequence; else None.

    Unlike `elements` it asks nothing of other classes, whose elements may cost much to look at:
    this is for arguments that NumPy does not convert.
    """
    kind = type(value)
    if kind in _SEQUENCES:
        return value
    if kind in _NO_SEQUENCES or isinstance(value, str | bytes):
        return None
    return elements(value) if isinstance(value, Sequence) or hasattr(kind, "cr_elements") else None


def is_sequence(value: Any) -> bool:
    """Say whether NumPy reads `value`, which may be of any class, element by element."""
    kind = type(value)
    if kind in _SEQUENCES:
        return True
    if hasattr(kind, "__array_ufunc__") or not hasattr(kind, "__getitem__"):
        return False
    if not hasattr(kind, "__len__") or any(hasattr(kind, name) for name in _ARRAYS):
        return False
    if isinstance(value, str | bytes | dict):
        return False
    try:
        memoryview(value)
    except TypeError:
        return True
    return False


holders: set[type] = set()
"""Classes of libraries whose objects hold arrays of the program in their attributes."""


def held(value: Any) -> Any:
    """Return the items of a sequence, or the attributes of a holder; None for anything else."""
    return vars(value).values() if type(value) in holders else items(value)


makers: list[Callable[[Any], Any]] = []
"""How the tracer lets a plain array take traced stores, once it is there."""


def zeros(shape: Any, dtype: Any = float) -> Any:
    """Return zeros for a callback to store into: traced values, too, while a function is traced."""
    made = np.zeros(shape, dtype)
    return makers[0](made) if makers else made
