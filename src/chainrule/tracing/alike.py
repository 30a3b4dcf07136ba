"""What stands for a function while a program is traced, and answers questions as it would.

A program may ask a function what it is, instead of calling it: ``isinstance(f, np.ufunc)``,
``f in TABLE``, ``inspect.signature(f)``. All but the call is passed on to the function.
"""

import copy
import copyreg
from collections.abc import Callable
from types import MethodType
from typing import Any
from weakref import ref


class Alike:
    """Something that is called in the place of a function, and is that function otherwise.

    A call finds `__call__` in a slot, and so costs no frame of its own.
    """

    __slots__ = ("__call__", "__weakref__", "cr_original")

    def __init__(self, called: Callable[..., Any], original: Any) -> None:
        _set_called(self, called)
        _set_original(self, original)  # or a weak reference to it

    def __getattribute__(self, name: str) -> Any:
        return getattr(stands_for(self), name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(stands_for(self), name, value)

    def __delattr__(self, name: str) -> None:
        delattr(stands_for(self), name)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        bound = instance is not None and hasattr(type(stands_for(self)), "__get__")
        return MethodType(self, instance) if bound else self

    def __eq__(self, other: object) -> Any:
        return stands_for(self) == (stands_for(other) if type(other) is Alike else other)

    def __or__(self, other: Any) -> Any:
        return stands_for(self) | other

    def __ror__(self, other: Any) -> Any:
        return other | stands_for(self)

    def __hash__(self) -> int:
        return hash(stands_for(self))

    def __repr__(self) -> str:
        return repr(stands_for(self))

    def __str__(self) -> str:
        return str(stands_for(self))

    def __dir__(self) -> Any:
        return dir(stands_for(self))


_set_called: Callable[[Any, Any], None] = vars(Alike)["__call__"].__set__
_set_original: Callable[[Any, Any], None] = vars(Alike)["cr_original"].__set__
_original: Callable[[Any], Any] = vars(Alike)["cr_original"].__get__


def stands_for(door: Any) -> Any:
    """Return the function that a door stands for."""
    found = _original(door)
    return found() if type(found) is ref else found


def reduced(door: Any) -> Any:
    """Pickle what stands for a function or a type as the thing itself."""
    return copy.copy, (plain(door),)


def plain(door: Any) -> Any:
    """Return what a door of a function, or of a type, stands for."""
    return stands_for(door) if type(door) is Alike else door.original


copyreg.pickle(Alike, reduced)
