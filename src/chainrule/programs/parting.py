"""Where a recording that does not repeat its own run bit for bit parts from it."""

from typing import Any

import numpy as np

from ..core.graph import Node
from ..core.settings import ignore, put_back
from ..tracing.source import describe_place
from .python import BAIL, lower


def parting(inputs: list[Any], leaves: list[Node], steps: list[Node], outs: list[Any]) -> str:
    """Return the step whose result is another one when the recording runs, with its line.

    Half of the steps is left out again and again: what is wanted is the first that differs.
    """
    known = {id(n): k for k, n in enumerate(steps)}

    def differs(k: int) -> bool:
        errors = ignore()
        try:
            found = lower(leaves, steps, [], [steps[k]]).run(*inputs)
        except Exception:
            return True
        finally:
            put_back(errors)
        return found is BAIL or not np.array_equal(found[0], steps[k].output, equal_nan=True)

    last = [known[id(n)] for n in outs if id(n) in known]
    last = [k for k in last if not isinstance(steps[k].output, tuple) and differs(k)]
    if not last:
        return ""
    good, bad = -1, last[0]
    while bad - good > 1:
        k = (good + bad) // 2
        if not isinstance(steps[k].output, tuple) and differs(k):
            bad = k
        else:
            good = k
    step = steps[bad]
    place = describe_place(step.place) if step.place is not None else ""
    return f"{getattr(step.op, 'name', step.op)}{f' of {place}' if place else ''}"
