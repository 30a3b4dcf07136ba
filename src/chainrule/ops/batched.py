"""How filters and transforms are computed for a whole batch at once, the batch axis in front."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.op import Op

Rule = Callable[[Op, int, list[Any], list[bool], dict[str, Any]], Any]


def loop(op: Op, size: int, args: Any, batched: Any, params: dict[str, Any]) -> Any:
    """Apply the op to one example after the other, where each has a kernel of its own."""
    rows = [
        op(*[a[i] if b else a for a, b in zip(args, batched, strict=True)], **params)
        for i in range(size)
    ]
    if op.outputs:
        return tuple(np.stack(column) for column in zip(*rows, strict=True))
    return np.stack(rows)


def along_axis(*signals: int) -> Rule:
    """Shift the axis of the arguments at `signals`; a batch of any other argument is a loop."""

    def rule(op: Op, size: int, args: Any, batched: Any, params: dict[str, Any]) -> Any:
        if any(b and k not in signals for k, b in enumerate(batched)):
            return loop(op, size, args, batched, params)
        full = [
            np.broadcast_to(a, (size, *np.shape(a))) if k in signals and not b else a
            for k, (a, b) in enumerate(zip(args, batched, strict=True))
        ]
        return op(*full, **{**params, "axis": params["axis"] + 1})

    return rule


def over_axes(op: Op, _size: int, args: Any, _batched: Any, params: dict[str, Any]) -> Any:
    """Shift the axes that the params name."""
    return op(*args, **{**params, "axes": tuple(k + 1 for k in params["axes"])})


def columns(at: int) -> Rule:
    """Solve or multiply with the examples of argument `at` as columns, where all share the rest.

    Each example is a vector, or a matrix whose columns are taken likewise.
    """

    def rule(op: Op, size: int, args: Any, batched: Any, params: dict[str, Any]) -> Any:
        x = args[at]
        if any(b and k != at for k, b in enumerate(batched)) or x.ndim not in (2, 3) or not size:
            return loop(op, size, args, batched, params)
        side = np.reshape(np.moveaxis(x, 0, -1), (x.shape[1], -1))
        found = op(*args[:at], side, *args[at + 1 :], **params)
        return np.moveaxis(np.reshape(found, (found.shape[0], *x.shape[2:], size)), -1, 0)

    return rule
