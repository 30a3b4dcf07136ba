"""What a derivative changes while it runs, and gives back: NumPy's settings, and the collector's.

``with np.errstate()`` does not hold against signals: Ctrl-C may come between the change and the
block, and the settings stay changed.

A recording makes many objects that all stay until the backward pass; Python's search for cycles
among them would look at all of them again and again, and find none.
"""

import functools
import gc
import threading
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, TypeVar

import numpy as np

_F = TypeVar("_F", bound=Callable[..., Any])
_held: Any = getattr(getattr(getattr(np, "_core", None), "umath", None), "_extobj_contextvar", None)


settings: Callable[[], Any] = np.geterr if _held is None else _held.get
"""Return what NumPy does at floating-point errors, to be put back."""
put_back: Callable[[Any], Any] = (lambda found: np.seterr(**found)) if _held is None else _held.set
"""Let NumPy do what it did when `found` was taken."""


def ignore() -> Any:
    """Let NumPy ignore floating-point errors; give what is returned to `put_back` in a `finally`.

    As ``np.errstate(all="ignore")``, at a tenth of its price.
    """
    found = settings()
    put_back(_IGNORING)
    return found


with np.errstate(all="ignore"):
    _IGNORING = settings()


def pause() -> Any:
    """Let no collection of cyclic garbage begin by itself; give what `resume` is to be given."""
    found = _threshold()
    if found[0]:
        _set_threshold(0)
    return found


def resume(found: Any) -> None:
    """Let collections begin as they did, unless somebody else has set when."""
    if found[0] and not _threshold()[0]:
        _set_threshold(found[0])


_threshold, _set_threshold = gc.get_threshold, gc.set_threshold


def left(found: Any) -> None:
    """Give back what was `found`, after an error, unless the program has set something since."""
    if settings() is _IGNORING or _held is None:
        put_back(found)


class Beside(threading.local):
    """Whether the function runs beside the point, where the limit of a derivative is sought.

    What is exactly 0 there, too, is so all around.
    """

    now = False


beside = Beside()


class Silence:
    """Silence warnings within, and floating-point errors.

    ``with warnings.catch_warnings()`` makes Python forget which warnings it has shown: the user's
    own would come again at every call. Here the filters are exchanged as they are.
    """

    __slots__ = ("errors", "filters")

    def __enter__(self) -> None:
        self.filters, warnings.filters = warnings.filters, _SILENT
        self.errors = ignore()

    def __exit__(self, *_: object) -> None:
        warnings.filters = self.filters
        put_back(self.errors)


_SILENT: Any = [("ignore", None, Warning, None, 0)]


class AnewError(BaseException):
    """A call is to be made anew, after `prepare`: what the program kept of an earlier call decided.

    It is raised when the user's function has returned, so that no code of the program catches it.
    """

    def __init__(self, prepare: Callable[[], AbstractContextManager[None]]) -> None:
        self.prepare = prepare


def undisturbed(function: _F) -> _F:
    """Decorate a function: however it is left, the settings are what they were, or the program's.

    What the program sets, and then raises, stays as it does plainly; what is set here is told by
    its identity. Meanwhile no collection of cyclic garbage begins by itself.
    """

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        found, collecting = settings(), pause()
        try:
            try:
                return function(*args, **kwargs)
            except AnewError as error:
                anew = error
            with anew.prepare():  # not in the handler: an error here has no other behind it
                return function(*args, **kwargs)
        except BaseException:
            left(found)
            raise
        finally:
            resume(collecting)

    return wrapper  # type: ignore[return-value]
