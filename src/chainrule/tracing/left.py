"""Look-alikes that a program has put away where no walk from it leads: ``other.box.f = np.sin``.

The references to each look-alike are counted when a traced call begins and when it ends. Only where
one has more of them than before, and none of the known places holds it, the objects of the
process are asked which of them refers to it.
"""

import gc
from collections.abc import Callable, Iterable
from sys import getrefcount
from types import FrameType, GeneratorType
from typing import Any

from .alike import Alike
from .casts import LookAlike
from .holders import Exchange
from .modules import LookAlikeModule

_ROUNDS = 8  # of tuples in tuples
_NEVER = (Alike, LookAlikeModule, FrameType, GeneratorType, Exchange)


def counts(doors: list[Any]) -> list[int]:
    """Count the references to each look-alike."""
    return list(map(getrefcount, doors))


def surplus(doors: list[Any], before: list[int]) -> dict[int, list[Any]]:
    """Return the look-alikes that have more references than before, and how many, by identity."""
    now = list(map(getrefcount, doors))
    if now == before:
        return {}
    pairs = zip(doors, now, before, strict=False)
    return {id(door): [door, n - was] for door, n, was in pairs if n > was}


def put_back(doors: list[Any], original: Callable[[Any], Any], known: Iterable[Any]) -> None:
    """Put originals in the place of look-alikes, whoever holds them but what is `known`."""
    new = {id(door): original(door) for door in doors}
    ours = set(map(id, known))
    made = list(doors)
    for _ in range(_ROUNDS):
        now, made = made, []
        ours |= {id(doors), id(now), id(made)}
        for holder in gc.get_referrers(*now):
            kind = type(holder)
            if id(holder) in ours or kind in _NEVER or isinstance(holder, LookAlike):
                continue
            if kind is tuple and holder and holder == getattr(holder[0], "__mro__", None):
                continue
            if kind in (tuple, frozenset) or (issubclass(kind, tuple) and hasattr(kind, "_make")):
                items = [new.get(id(v), v) for v in holder]
                new[id(holder)] = kind._make(items) if hasattr(kind, "_make") else kind(items)
                made.append(holder)  # and whoever holds it gets another
                continue
            walk = Exchange(lambda v: new.get(id(v), v), note=False)
            walk.shallow(_class_of(holder) if kind is dict and "__module__" in holder else holder)
        if not made:
            break


def _class_of(names: dict[str, Any]) -> Any:
    """Return the class that has these very names, which are set through it; else them."""
    return next((c for c in gc.get_referrers(names) if isinstance(c, type)), names)
