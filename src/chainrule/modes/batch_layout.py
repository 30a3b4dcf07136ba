"""The layout of the examples of a batch in memory: that of the plain run of one example.

An input lies as the caller's array does, and what is made of it has the batch axis outermost. Then
NumPy tells views from copies as it does for one example, and orders the other axes of an
elementwise result alike: it compares them pair by pair. Where a result might lie otherwise (it, or
an operand, is not in C order), one example that is computed plainly decides.
"""

from typing import Any

import numpy as np

from ..core.memory import Layout, lay, layout_of
from ..core.op import Op
from ..core.settings import Silence
from ..tracing.tracer import concrete

# whose results may lie in another order than C though all operands lie in it
UNORDERED = frozenset("einsum eig eigvals".split())
_STORES = frozenset("setitem add_at set_real set_imag".split())


def laid_out(data: Any, layout: Layout) -> Any:
    """Return `data` with the batch axis outermost, and its examples in this layout."""
    held = concrete(data)
    if not held.size or _lies(held, layout):
        return data
    front = ((0, False),) if len(held) > 1 else ()
    return lay(data, (*front, *((k + 1, gap) for k, gap in layout)))


def _lies(held: Any, layout: Layout) -> bool:
    steps = [abs(s) for s, n in zip(held.strides, held.shape, strict=True) if n > 1]
    outermost = len(held) < 2 or steps[0] == max(steps)
    return outermost and layout_of(held, 1) == layout


def as_plain(op: Op, follows: bool, args: Any, batched: Any, params: Any, results: Any) -> Any:
    """Lay out the results of `op` as a plain run does; elementwise they follow the operands."""
    helds = [concrete(r) for r in results]
    if any(type(h) is not np.ndarray or not h.size for h in helds):
        return results
    if op.name not in UNORDERED and all(h.flags.c_contiguous for h in helds):
        if all(h.ndim <= 2 for h in helds) or all(map(_in_order, args)):
            return results
    if op.name in _STORES:
        if batched[0] and helds[0].strides == concrete(args[0]).strides:
            return results
        wanted = [layout_of(concrete(args[0]), batched[0])]
    elif follows:
        wanted = [tuple((k, False) for k, _ in layout_of(h, 1)) for h in helds]
    else:
        rows = [concrete(a) for a in args]
        rows = [a[0] if b else a for a, b in zip(rows, batched, strict=True)]
        plain = _computed(op, rows, params)
        wanted = [layout_of(p) for p in (plain if op.outputs else (plain,))]
    return [laid_out(r, layout) for r, layout in zip(results, wanted, strict=True)]


def _in_order(a: Any) -> bool:
    held = a if type(a) is np.ndarray else concrete(a)
    return type(held) is not np.ndarray or held.flags.c_contiguous


def _computed(op: Op, args: Any, params: Any) -> Any:
    with Silence():  # the batch has told them
        return op.value(*args, **params)
