"""What is traced, what it holds, and objects of libraries that hold it, such as a spline."""

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np

from .sequences import items


def traced(value: Any) -> bool:
    """Say whether `value` is traced, or is a list, tuple or dict that holds something traced."""
    if hasattr(value, "cr_owner") and hasattr(value, "cr_node"):
        return True
    parts = value.values() if type(value) is dict else items(value)
    return parts is not None and any(map(traced, parts))


def plain(value: Any) -> Any:
    """Return `value` with the plain numbers in place of what is traced."""
    while hasattr(value, "cr_owner") and hasattr(value, "cr_node"):
        value = value.cr_look()
    return value


def attributes(held: Any) -> dict[str, Any]:
    """Return what an object holds, in its slots too."""
    slots = (n for c in type(held).__mro__ for n in getattr(c, "__slots__", ()))
    found = {n: getattr(held, n) for n in slots if n != "__dict__" and hasattr(held, n)}
    return found | getattr(held, "__dict__", {})


def traced_in(held: Any, within: bool = False, deep: int = 4) -> Iterator[Any]:
    """Yield the traced values that an object of SciPy's, or of ours in its place, was made of."""
    kind = type(held)
    if hasattr(held, "cr_owner") and hasattr(held, "cr_node"):
        if within:
            yield held
        return
    parts: Any = ()
    if kind is list or kind is tuple or kind is dict:
        parts = held.values() if kind is dict else held
    elif kind.__module__.partition(".")[0] in ("scipy", "chainrule"):
        parts, within = attributes(held).values(), True
    for part in parts if deep else ():
        yield from traced_in(part, within, deep - 1)


def keep(value: Any, *_: Any, **__: Any) -> Any:
    """Stand in for `asarray` in an object of SciPy's that holds traced arrays: convert nothing."""
    return value


class Keeping:
    """Stands in for the array library of such an object."""

    __name__ = "numpy"
    asarray = staticmethod(keep)
    empty = staticmethod(np.empty)


KEEPING = Keeping()


def bare(held: Any) -> Any:
    """Return an object of SciPy's with plain numbers in the place of the traced ones that it holds.

    SciPy's own code is to compute with it: a spline, say, through whose coefficients nothing flows
    while a solver looks around.
    """
    kind = type(held)
    if hasattr(held, "cr_owner") and hasattr(held, "cr_node"):
        value = plain(held)
        return value.copy() if isinstance(value, np.ndarray) else value  # as compiled code needs it
    if held is keep or kind is Keeping:
        return np.asarray if held is keep else np
    if kind is list or kind is tuple:
        found = kind(map(bare, held))
        return held if all(a is b for a, b in zip(found, held, strict=True)) else found
    if kind.__module__.partition(".")[0] != "scipy":
        return held
    model = getattr(held, "_plain", None)
    if type(model) is kind:  # as SciPy has made it itself
        return model
    changed = {n: own for n, v in attributes(held).items() if (own := bare(v)) is not v}
    if not changed:
        return held
    held = copy.copy(held)
    for name, value in changed.items():
        setattr(held, name, value)
    return held
