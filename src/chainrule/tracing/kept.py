"""What a program keeps of a traced call: plain once the call has ended.

``history.append(loss)``, ``self.last = y``: a plain run would have left plain numbers there, so
the traced value answers as its plain value from the end of the call on, while no derivative runs.
In a later derivative it would be a constant where the program may mean the value of that call (a
memo, a state that is carried on): there it is refused, except where nothing would flow from it.
"""

import sys
import threading
from types import FrameType
from typing import Any

import numpy as np

from .running import running
from .source import inside, of_python


def nothing_runs() -> bool:
    """Say whether no derivative runs on this thread, nor on one that may wait for it."""
    if running.traces or running.ruled:
        return False
    return threading.active_count() == 1 or not _awaited()


def own(x: Any) -> None:
    """Give a kept array memory of its own: a pullback may still read what it holds."""
    if x.cr_node is not None and x.cr_owner.past() and not x.cr_varies():
        value = x.cr_concrete()
        x.cr_value, x.cr_node = value.copy("K") if type(value) is np.ndarray else value, None


def _awaited() -> bool:
    """Say whether a thread that differentiates waits, perhaps for what is computed on this one."""
    here = threading.get_ident()
    return any(
        ident != here and of_python(top.f_code.co_filename) and _differentiates(top)
        for ident, top in sys._current_frames().items()
    )


def _differentiates(frame: FrameType | None) -> bool:
    while frame is not None:
        code = frame.f_code
        if code.co_name == "_run_traced" and inside[code.co_filename]:
            return True
        frame = frame.f_back
    return False

