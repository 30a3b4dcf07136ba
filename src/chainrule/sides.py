"""Words for what a derivative does on the sides of a point at which it has no limit."""

from collections.abc import Callable
from typing import Any

import numpy as np

NONE_FOUND = "no limit was found"  # what does not settle to the eye may settle slowly
_NEAR = (2.0**-6, 2.0**-12, 2.0**-18)  # nearer, rounding makes infinities of its own


def no_limit(
    at: Callable[[float, list[Any]], Any], directions: list[list[Any]], which: int, wide: bool
) -> str:
    """Say why number `which` of the vector ``at(h, direction)`` has no limit for h → 0.

    With one real input (not `wide`) the directions are the right and the left.
    """
    ends = [_end(at, d, which) for d in directions[: 6 if wide else 2]]
    if all(end is None for end in ends):
        return "around the point the rules give no number, either, so that no limit could be taken"
    if wide:
        if "∞" in ends or "−∞" in ends:
            return "there is no finite limit: it grows without bound around the point"
        if len({end for end in ends if end}) < 2 and "" not in ends:
            return "along some directions the rules give no number, so that no limit could be taken"
        return NONE_FOUND
    right, left = ends
    if not right and not left:
        return NONE_FOUND
    if not (right and left):
        side, end = ("right", right) if right else ("left", left)
        other = "left" if right else "right"
        none = "no number" if None in ends else "none was found"
        words = f"it is {end} from the {side}, and {none} from the {other}"
        start = "there is no finite limit" if end in ("∞", "−∞") else "no limit could be taken"
        return f"{start}: {words}"
    if right == left:
        return f"there is no finite limit: it is {right} from both sides"
    return f"there is no limit: it is {right} from the right and {left} from the left"


def _end(at: Callable[[float, list[Any]], Any], direction: list[Any], which: int) -> str | None:
    """Return what the number tends to, in words: none where it settles nowhere, None where it is no
    number.
    """
    values = []
    for h in _NEAR:
        try:
            values.append(float(np.real(at(h, direction)[which])))
        except Exception:  # outside of what the program takes
            return None
    if any(v != v for v in values):
        return None
    if abs(values[-1]) == np.inf:
        return "∞" if values[-1] > 0 else "−∞"
    first, second = np.diff(np.abs(values))
    grows = values[0] * values[2] > 0 and abs(values[2]) > 1.5 * abs(values[0])
    if grows and second >= 0.5 * first:
        return "∞" if values[-1] > 0 else "−∞"
    settled = abs(values[2] - values[1]) <= 1e-3 * (abs(values[2]) + 1e-300)
    settled |= abs(values[2]) < 1e-3 * abs(values[0])  # it goes to 0
    if not settled:
        return ""
    return "0" if abs(values[2]) < 1e-3 * abs(values[0]) else f"{values[2]:.4g}".replace("-", "−")
