"""Functions that read numbers in from text: what a traced value was printed as carries nothing.

`float(text)` is looked at by `casts`; here are the others, of NumPy and of the standard library.
"""

import re
import sys
from collections.abc import Callable, Iterator
from copyreg import pickle
from typing import Any

from . import names
from .casts import LookAlike, read_in, reduced
from .running import running

_NAMES = (
    ("numpy", "fromstring"), ("numpy", "loadtxt"), ("numpy", "genfromtxt"),
    ("ast", "literal_eval"), ("json", "loads"), ("decimal", "Decimal"),
)  # fmt: skip
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_LONGEST = 100_000  # characters that are looked at


def look(values: Any) -> None:
    """Refuse texts among `values` in which a traced number was printed."""
    if running.texts and running.traces:
        for text in _texts(values, 0):
            for number in _NUMBER.findall(text[:_LONGEST]):
                read_in(number)


def _texts(values: Any, depth: int) -> Iterator[str]:
    for v in values:
        if isinstance(v, str):
            yield v
        elif type(v) in (list, tuple) and depth < 3:
            yield from _texts(v, depth + 1)
        elif hasattr(v, "getvalue"):
            held = v.getvalue()
            if isinstance(held, str):
                yield held


def _reading(function: Callable[..., Any]) -> Callable[..., Any]:
    def door(*args: Any, **kwargs: Any) -> Any:
        look((*args, *kwargs.values()))
        return function(*args, **kwargs)

    return names.like(door, function)


class _Reader(LookAlike):
    """The metaclass of what stands for a class of numbers that reads text."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        look(args)
        return cls.original(*args, **kwargs)


pickle(_Reader, reduced)


def doors() -> dict[Any, Any]:
    """Return the doors of the readers whose modules are loaded."""
    found: dict[Any, Any] = {}
    for module, name in _NAMES:
        original = getattr(sys.modules.get(module), name, None)
        if isinstance(original, type):
            members = {"original": original, "__doc__": original.__doc__}
            found[original] = _Reader(name, (original,), members)
        elif original is not None:
            found[original] = _reading(original)
    return found


names.makers.append(doors)
