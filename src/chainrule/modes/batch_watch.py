"""What goes wrong for some examples only: exceptions, and warnings that the program listens to.

A batch takes one way through the program. Where an operation raises or warns, it does so if one
example would; a handler would then send all examples where that one goes. So the batch takes note
(`Batch.failed`), and `vmap` runs the examples one after the other.
"""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np


def recorded() -> Sequence[Any]:
    """Return the warnings that ``catch_warnings(record=True)`` is collecting now."""
    kept = getattr(getattr(warnings, "_showwarnmsg_impl", None), "__self__", None)
    return kept if type(kept) is list else ()


_HANDLING: Any = getattr(getattr(np._core, "umath", None), "_extobj_contextvar", None)


def listener_now() -> Any:
    """Return what `numpy.seterrcall` set; nobody asks where the handling was never changed."""
    if _HANDLING is not None and _HANDLING.get(None) is None:
        return None
    return np.geterrcall()


class Listener:
    """Stands before what the program set by `numpy.seterrcall`, and takes note of each call."""

    def __init__(self, listener: Any) -> None:
        self.listener = listener
        self.heard: Exception | None = None

    def __call__(self, kind: str, flag: int) -> None:
        self.heard = FloatingPointError(kind)
        self.listener(kind, flag)

    def write(self, message: str) -> None:
        """Pass a message on, as in the mode ``"log"``."""
        self.heard = FloatingPointError(message)
        self.listener.write(message)


def listened(batch: Any, compute: Any, *args: Any) -> Any:
    """Call ``compute(*args)``, and leave in ``batch.failed`` what it raised or warned of."""
    listener, log = listener_now(), recorded()
    before = len(log)
    try:
        if listener is None:
            result = compute(*args)
        else:
            spy = Listener(listener)
            with np.errstate(call=spy):
                result = compute(*args)
            batch.failed = spy.heard or batch.failed
    except Exception as error:
        batch.failed = error
        raise
    if len(log) > before:
        batch.failed = log[-1].message
    return result
