"""How operations are computed for a whole batch at once, where their slots do not say it.

Every rule is ``rule(op, size, args, batched, params)``. In `args` the batched ones have the batch
axis, of length `size`, in front; `batched` says which. The result has it in front as well. Rules
are plain NumPy: they run on tracers of an outer batch or derivative as on arrays.
"""

import inspect
import math
from typing import Any

import numpy as np

from ..core.op import Op
from ..tracing.tracer import TRACERS

Params = dict[str, Any]


def rank(a: Any, batched: bool) -> int:
    """Return the number of axes of one example."""
    return len(np.shape(a)) - batched


def in_front(a: Any, batched: bool, size: int) -> Any:
    """Return `a` with the batch axis in front: an array that all examples share is repeated."""
    return a if batched else np.broadcast_to(a, (size, *np.shape(a)))


def padded(a: Any, batched: bool, ndim: int) -> Any:
    """Give the examples `ndim` axes by axes of length 1 before their own, as broadcasting does."""
    missing = ndim - rank(a, batched)
    if not batched or missing <= 0:
        return a
    return np.reshape(a, (a.shape[0], *(1,) * missing, *a.shape[1:]))


def shifted(axis: Any) -> Any:
    """Return an axis, or a tuple of them, behind one more axis in front."""
    if isinstance(axis, tuple | list):
        return tuple(shifted(k) for k in axis)
    return axis + 1 if axis >= 0 else axis


def elementwise(op: Op, _size: int, args: Any, batched: Any, params: Params) -> Any:
    """Align the ranks of the examples; NumPy broadcasts the rest."""
    ranks = [rank(a, b) for a, b in zip(args, batched, strict=True)]
    most = max(ranks)
    full = [
        padded(a, b, most) if b and r < most else a
        for a, b, r in zip(args, batched, ranks, strict=True)
    ]
    result = op(*full, **params)
    if type(result) is not tuple and np.ndim(result) <= most:
        # it does not depend on what differs between the examples
        result = np.broadcast_to(result, np.broadcast_shapes(*map(np.shape, full)))
    return result


def with_axis(op: Op, size: int, args: Any, batched: Any, params: Params) -> Any:
    """Shift the axis that the params name; None stands for all axes of an example."""
    full = [
        a if a is None else in_front(a, b, size) for a, b in zip(args, batched, strict=True)
    ]
    axis = _axis(op, params)
    axis = tuple(range(1, full[0].ndim)) if axis is None else shifted(axis)
    return op(*full, **{**params, "axis": axis})


def with_flat_axis(op: Op, size: int, args: Any, _batched: Any, params: Params) -> Any:
    """Shift the axis; None stands for the flattened example."""
    (a,) = args
    axis = _axis(op, params)
    if axis is not None:
        return op(a, **{**params, "axis": shifted(axis)})
    flat = np.reshape(a, (size, math.prod(a.shape[1:])))
    result = op(flat, **{**params, "axis": 1})
    if params.get("keepdims") is True:
        return np.reshape(result, (size,) + (1,) * (a.ndim - 1))
    return result


def _axis(op: Op, params: Params) -> Any:
    if "axis" in params:
        return params["axis"]
    return inspect.signature(op.function).parameters["axis"].default


def matrices(op: Op, size: int, args: Any, batched: Any, params: Params) -> Any:
    """Apply an op of matrices, which takes stacks of them; of vectors it is another function."""
    (a,) = args
    if a.ndim > 2:
        return op(a, **params)
    return np.stack([op(a[i], **params) for i in range(size)])


def stacks(op: Op, size: int, args: Any, batched: Any, params: Params) -> Any:
    """Apply an op that takes any axes in front of those it works on, the same for all arguments."""
    full = [in_front(a, b, size) for a, b in zip(args, batched, strict=True)]
    return op(*full, **params)


# --- sums and products ---------------------------------------------------------------------------


def summed(op: Op, size: int, args: Any, batched: Any, params: Params) -> Any:
    """Batch ``sum(x, where, initial)``; a start of its own for each example is added at the end."""
    x = in_front(args[0], batched[0], size)
    rest = list(args[1:])
    if rest and batched[1]:
        rest[0] = padded(rest[0], True, x.ndim - 1)
    axis = shifted(params["axis"])
    if len(rest) < 2 or not batched[2]:
        return op(x, *rest, **{**params, "axis": axis})
    total = op(x, *([] if rest[0] is True else rest[:1]), **{**params, "axis": axis})
    return total + np.astype(_beside(rest[1], total), total.dtype)


def multiplied(op: Op, size: int, args: Any, batched: Any, params: Params) -> Any:
    """Batch ``prod(x, initial)``; a start of its own for each example is multiplied at the end."""
    x = in_front(args[0], batched[0], size)
    axis = shifted(params["axis"])
    if len(args) < 2 or not batched[1]:
        return op(x, *args[1:], **{**params, "axis": axis})
    total = op(x, **{**params, "axis": axis})
    return total * np.astype(_beside(args[1], total), total.dtype)


def _beside(start: Any, total: Any) -> Any:
    return np.reshape(start, (start.shape[0],) + (1,) * (total.ndim - 1))


# --- layout --------------------------------------------------------------------------------------


def reshaped(op: Op, size: int, args: Any, _batched: Any, params: Params) -> Any:
    """Reshape each example; in Fortran order the batch axis is the last one meanwhile."""
    (x,) = args
    shape, order = params["shape"], params.get("order", "C")
    if -1 in shape:
        known = math.prod(n for n in shape if n != -1)
        missing = math.prod(x.shape[1:]) // known if known else 0
        shape = tuple(missing if n == -1 else n for n in shape)
    if order == "C":
        return op(x, shape=(size, *shape), order="C")
    last = op(np.moveaxis(x, 0, -1), shape=(*shape, size), order=order)
    return np.moveaxis(last, -1, 0)


def transposed(op: Op, _size: int, args: Any, _batched: Any, params: Params) -> Any:
    """Keep the batch axis in front."""
    return op(args[0], axes=(0, *shifted(params["axes"])))


def broadcast(op: Op, size: int, args: Any, _batched: Any, params: Params) -> Any:
    """Repeat each example to the new shape."""
    shape = params["shape"]
    return op(padded(args[0], True, len(shape)), shape=(size, *shape))


def rolled(op: Op, size: int, args: Any, _batched: Any, params: Params) -> Any:
    """Roll each example, as a vector where no axis is named."""
    (x,) = args
    shift, axis = params["shift"], params["axis"]
    if axis is not None:
        return op(x, shift=shift, axis=shifted(axis))
    flat = np.reshape(x, (size, math.prod(x.shape[1:])))
    total = sum(shift) if isinstance(shift, tuple) else shift
    return np.reshape(op(flat, shift=total, axis=1), x.shape)


def diagonals(op: Op, size: int, args: Any, _batched: Any, params: Params) -> Any:
    """Shift the two axes, and put the batch axis into the shape, where there is one."""
    moved = {k: shifted(params[k]) for k in ("axis1", "axis2")}
    shape = {"shape": (size, *params["shape"])} if "shape" in params else {}
    return op(args[0], **{**params, **moved, **shape})


def shaped(op: Op, size: int, args: Any, _batched: Any, params: Params) -> Any:
    """Put the batch axis into the shape that the params name."""
    return op(*args, **{**params, "shape": (size, *params["shape"])})


def widened(op: Op, _size: int, args: Any, _batched: Any, params: Params) -> Any:
    """Leave the batch axis as it is where each axis has a width."""
    return op(args[0], **{**params, "width": ((0, 0), *params["width"])})


def packed(_op: Op, size: int, args: Any, batched: Any, params: Params) -> Any:
    """Put the numbers of each example into an array."""
    if TRACERS.isdisjoint(map(type, args)):
        out = np.empty((size, len(args)), np.result_type(*args))
        for i, a in enumerate(args):
            out[:, i] = a
        return out.reshape(size, *params["shape"])
    full = [in_front(a, b, size) for a, b in zip(args, batched, strict=True)]
    return np.reshape(np.stack(full, axis=1), (size, *params["shape"]))


def part_stored(op: Op, size: int, args: Any, batched: Any, params: Params) -> Any:
    """Batch a store of one argument over all of another, to which it is broadcast."""
    whole = in_front(args[0], batched[0], size)
    return op(whole, padded(args[1], batched[1], whole.ndim - 1), **params)


# --- systems and searches ------------------------------------------------------------------------


def solved(op: Op, size: int, args: Any, batched: Any, params: Params) -> Any:
    """Batch ``solve(a, b)``; systems that share their matrix are solved as columns of one."""
    a, b = args
    vector = rank(b, batched[1]) == 1
    if vector:
        b = b[..., None]
    if not batched[0] and rank(a, False) == 2 and rank(b, True) == 2:
        columns = np.reshape(np.moveaxis(b, 0, 1), (b.shape[1], size * b.shape[2]))
        x = np.reshape(op(a, columns), (a.shape[0], size, b.shape[2]))
        x = np.moveaxis(x, 1, 0)
    else:
        most = max(rank(a, batched[0]), rank(b, batched[1]))
        x = op(padded(a, batched[0], most), padded(b, batched[1], most))
    return x[..., 0] if vector else x


def searched(op: Op, size: int, args: Any, batched: Any, params: Params) -> Any:
    """Search every example's values in a table that all share; else one table after the other."""
    where = 1 if op.name == "searchsorted" else 0
    if all(b == (k == where) for k, b in enumerate(batched)):
        return op(*args, **params)
    rows = [
        op(*(a[i] if b else a for a, b in zip(args, batched, strict=True)), **params)
        for i in range(size)
    ]
    return np.stack(rows)
