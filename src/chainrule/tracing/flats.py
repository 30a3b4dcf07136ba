"""What ``y.flat`` remembers: it is its own iterator, and an index sends it back to the start."""

import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

_places: dict[int, tuple[weakref.ref[Any], int]] = {}  # by the identity of the iterator


def members(read: Callable[..., Any], write: Callable[..., Any]) -> dict[str, Any]:
    """Return the members of the class of ``y.flat``, of those that get and set items of `y`."""

    def getitem(self: Any, index: Any) -> Any:
        _places.pop(id(self), None)
        return read(self, index)

    def setitem(self: Any, index: Any, value: Any) -> None:
        _places.pop(id(self), None)
        write(self, index, value)

    def following(self: Any) -> Any:
        held, at = _places.get(id(self)) or (weakref.ref(self, partial(_forget, id(self))), 0)
        if at >= len(self.cr_value):
            raise StopIteration
        _places[id(self)] = held, at + 1
        return read(self, at)

    return {
        "__getitem__": getitem, "__setitem__": setitem, "__next__": following,
        "__iter__": lambda self: self, "index": property(_place), "coords": property(_coordinates),
        "base": property(lambda self: self.cr_base[0]),
    }  # fmt: skip


def _place(flat: Any) -> int:
    found = _places.get(id(flat))
    return 0 if found is None else found[1]


def _forget(key: int, _: Any) -> None:
    _places.pop(key, None)


def _coordinates(flat: Any) -> tuple[int, ...]:
    at, found = _place(flat), []
    for n in flat.cr_base[0].shape[:0:-1]:
        at, k = divmod(at, max(n, 1))
        found.append(k)
    return (at, *found[::-1]) if flat.cr_base[0].ndim else ()
