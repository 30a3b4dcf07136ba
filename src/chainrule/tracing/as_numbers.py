"""What an object of the program's own class says that it is: ``__float__`` and ``__complex__``.

CPython and NumPy call these methods and take nothing but plain numbers from them. Where the method
is Python code that returns a traced number, whoever converts gets that number.
"""

from collections.abc import Callable
from functools import lru_cache
from types import FunctionType
from typing import Any

import numpy as np

from ..core.sequences import elements
from .losses import TRACERS
from .source import inside

_ORDINARY = frozenset((float, int, complex, bool, str, bytes, np.ndarray, np.float64, type(None)))
_NAMES = {"f": ("__float__",), "c": ("__complex__", "__float__")}


def number(value: Any, kind: str) -> Any:
    """Return the number that an object gives for a dtype of this kind; other values as they are."""
    if type(value) in _ORDINARY or type(value) in TRACERS:
        return value
    method = _method(type(value), kind)
    if method is None:
        return value
    found = method(value)
    return found if type(found) in TRACERS or isinstance(found, float | complex) else value


@lru_cache(maxsize=4096)
def _method(cls: type, kind: str) -> Callable[[Any], Any] | None:
    if issubclass(cls, float | int | complex | np.generic | np.ndarray | type):
        return None
    if any(hasattr(cls, name) for name in ("__array__", "__array_interface__", "__array_struct__")):
        return None
    for name in _NAMES.get(kind, ()):
        method = getattr(cls, name, None)
        if method is not None:
            own = type(method) is FunctionType and not inside[method.__code__.co_filename]
            return method if own else None  # type: ignore[no-any-return]
    return None


def numbers(value: Any, kind: str) -> Any:
    """As `number`, of the elements of sequences too; a sequence without such stays itself."""
    found = elements(value)
    if found is None:
        return number(value, kind)
    made = [
        v if type(v) in _ORDINARY or type(v) in TRACERS else numbers(v, kind) for v in found
    ]
    return value if all(a is b for a, b in zip(made, found, strict=True)) else made
