"""Plain arrays that were handed out in the place of an array that a traced program made.

``np.asarray(y)`` in a library, ``np.ma.array(y, copy=False)``, ``y.data``: with plain NumPy these
share memory with `y`, and see what is stored into it later. Here they hold what stood there. So it
is remembered that they are there, as long as they live, and a later store into `y` is refused.
"""

import weakref
from sys import getrefcount
from typing import Any

import numpy as np

_handed: dict[int, tuple[Any, list[Any]]] = {}  # by the identity of the whole array
_kept: dict[int, tuple[Any, int]] = {}  # how many held it when it was seen that somebody does


def hand_out(tracer: Any, array: Any) -> Any:
    """Remember that `array` shares memory with what `tracer` holds, in plain NumPy; return it."""
    if isinstance(array, np.ndarray) and array.dtype.kind in "fc" and array.ndim:
        whole = _whole(tracer)
        entry = _handed.get(id(whole))
        if entry is None or entry[0]() is not whole:
            key = id(whole)
            entry = weakref.ref(whole, lambda _: _handed.pop(key, None)), []
            _handed[key] = entry
        entry[1][:] = [ref for ref in entry[1] if ref() is not None]
        entry[1].append(weakref.ref(array))
    return array


def count(tracer: Any) -> int:
    """Count the references to the memory that a tracer holds."""
    return getrefcount(tracer.cr_value)


def keep_watch(tracer: Any) -> None:
    """Take note that somebody keeps the memory of a tracer that he was lent."""
    whole = _whole(tracer)
    key = id(whole)
    _kept[key] = weakref.ref(whole, lambda _: _kept.pop(key, None)), count(whole)


def is_seen(tracer: Any) -> bool:
    """Say whether somebody still holds what was handed out of an array, or a view of it."""
    if not (_handed or _kept):
        return False
    whole = _whole(tracer)
    entry = _handed.get(id(whole))
    if entry is not None and any(ref() is not None for ref in entry[1]):
        return True
    kept = _kept.get(id(whole))
    return kept is not None and kept[0]() is whole and count(whole) >= kept[1]


def _whole(tracer: Any) -> Any:
    base = getattr(tracer, "cr_base", None)
    while base is not None:
        tracer = base[0]
        base = getattr(tracer, "cr_base", None)
    return tracer
