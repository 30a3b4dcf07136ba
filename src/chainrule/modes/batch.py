"""The batch mode: one run of a function for all examples of a batch.

A tracer of this mode looks like one example and holds all of them, with the batch axis in front
(`tracing.stacked`). How an operation is computed for all at once is derived from its declaration
where that says enough:

- every slot is `Partial`, or the value is a ufunc: the ranks are aligned, and NumPy broadcasts;
- an index equation: one more letter, on the operands that are batched and on the result.

Of every other op the field `batch` of its record says it: the name of a rule of the table below, or
``rule(op, size, args, batched, params)``, which returns the result with the batch axis in front.
Rules are plain NumPy, so batches nest, and derivatives pass through them in both directions.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.equation import contract, parse
from ..core.memory import layout_of
from ..core.op import Op
from ..core.slots import Index, Linear, Partial
from ..errors import RuleError
from ..tracing.source import describe, user_frame
from ..tracing.stacked import OneByOneError, Stacked
from ..tracing.tracer import FACES, TRACERS, Trace, Tracer, apply, concrete, release
from . import batch_index as index
from . import batch_rules as rules
from .batch_layout import UNORDERED, as_plain, laid_out
from .batch_watch import listened

Rule = Callable[[Op, int, list[Any], list[bool], dict[str, Any]], Any]


class Batch(Trace):
    """The trace of a batch: its tracers hold `Stacked` values of `size` examples."""

    __slots__ = ("size", "random", "failed")

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self.random = False  # whether random numbers were drawn
        self.failed: Any = None  # what an operation raised or warned of: not for all, perhaps

    def lift(self, data: Any, single: bool = True) -> Tracer:
        """Return a tracer of the examples along the first axis of `data`."""
        held = Stacked(data, single)
        kind = held.dtype.type if single and not held.shape else np.ndarray
        return FACES[kind](held, self, None)

    def process(self, op: Op, args: Any, params: dict[str, Any]) -> Any:
        if self.state:
            return self.not_open(op, args, params)
        return listened(self, self._compute, op, args, params)

    def _compute(self, op: Op, args: Any, params: dict[str, Any]) -> Any:
        data, batched = [], []
        for a in args:
            own = type(a) in TRACERS and a.cr_owner is self
            data.append(a.cr_value.data if own else release(a))
            batched.append(own)
        rule = rule_of(op)
        result = rule(op, self.size, data, batched, params)
        if op.outputs:
            parts = list(result)
            if rule is not one_by_one:
                parts = as_plain(op, False, data, batched, params, parts)
            parts = [self.lift(part) for part in parts]
            return type(result)(*parts) if hasattr(result, "_fields") else tuple(parts)
        if np.shape(result)[:1] != (self.size,):
            raise RuleError(
                f"the batching rule of {op.name} gave shape {np.shape(result)} for {self.size} "
                "examples",
                where=describe(user_frame(2)),
            )
        if not (op.view and len(args) == 1) and rule is not one_by_one:
            # what NumPy gives as a view is one of the whole batch; a loop laid out its rows
            simple = type(result) is np.ndarray and result.ndim <= 2 and result.flags.c_contiguous
            if not simple or op.name in UNORDERED:
                follows = rule is rules.elementwise and not _is_constant(op)
                (result,) = as_plain(op, follows, data, batched, params, [result])
        return self.lift(result, not result.shape[1:] and not _makes_array(op, args, params))

    def mute(self) -> None:
        raise OneByOneError(
            "a solver cannot be run for a whole batch at once",
            where=describe(user_frame(2)),
            why="it runs on plain numbers, those of one example",
        )

    def drawn(self, since: Any = None) -> None:
        self.random = True

    def past(self) -> bool:
        return False  # a plain run would have left a value for each example

    def carries(self, tracer: Tracer) -> bool:
        return False  # what its data carry is asked of their own traces


def _is_constant(op: Op) -> bool:
    """Say whether nothing flows through `op`: then it may be any function, not a ufunc."""
    return type(op.slots[0]) is Index


def _makes_array(op: Op, args: Any, params: dict[str, Any]) -> bool:
    """Say whether NumPy gives a result without axes as an array, into which one may store."""
    if op.name in _KEEPING:
        return isinstance(concrete(args[0]), np.ndarray)
    if op.name == "getitem":
        index = params["index"]
        return index is Ellipsis or (type(index) is tuple and any(i is Ellipsis for i in index))
    return op.name in _ARRAYS


_ARRAYS = frozenset(
    "reshape broadcast_to diagonal einsum zeros_like copy setitem add_at scatter_add "
    "set_real set_imag".split()
)
_KEEPING = frozenset(("transpose", "real_part", "imaginary_part"))


def rule_of(op: Op) -> Rule:
    """Return how `op` is computed for a whole batch."""
    found = op.cache.get("batch")
    if found is None:
        found = op.cache["batch"] = _derive(op)
    return found  # type: ignore[no-any-return]


def _derive(op: Op) -> Rule:
    if callable(op.batch):
        return op.batch  # type: ignore[no-any-return]
    if op.batch is not None:
        return RULES[op.batch]
    if all(type(s) is Partial for s in op.slots):
        return rules.elementwise
    if any(type(s) is Linear and s.equation is not None for s in op.slots):
        return by_equation
    function = op.function if op.function is not None else op.value
    if type(function) is np.ufunc and function.signature is None:
        return rules.elementwise
    return one_by_one


def by_equation(op: Op, size: int, args: Any, batched: Any, params: dict[str, Any]) -> Any:
    """Give the index equation one more letter, which the result and the batched operands have."""
    shapes = [np.shape(a)[1:] if b else np.shape(a) for a, b in zip(args, batched, strict=True)]
    slot: Any = op.slots[0]
    text = slot.equation(*shapes, **params)
    operands, out = parse(text)
    letter = next(c for c in _LETTERS if c not in text)
    sizes: dict[str, int] = {letter: size}
    for letters, shape in zip(operands, shapes, strict=True):
        sizes |= dict(zip(letters, shape, strict=True))
    left = [letter + o if b else o for o, b in zip(operands, batched, strict=True)]
    result = contract(
        ",".join(left) + "->" + letter + out, *args, shape=tuple(sizes[c] for c in letter + out)
    )
    kind = np.result_type(*(a.dtype for a in args))
    return result if result.dtype == kind else result.astype(kind)


_LETTERS = "zyxwvutsrqponmlkjihgfedcbaZYXWVUTSRQPONMLKJIHGFEDCBA"


def one_by_one(op: Op, size: int, args: Any, batched: Any, params: dict[str, Any]) -> Any:
    """Apply the op to one example after the other: what the documents list as loops."""
    rows = []
    for i in range(size):
        row = [_own_row(a[i]) if b else a for a, b in zip(args, batched, strict=True)]
        rows.append(apply(op, row, params))
    if not rows:
        raise OneByOneError(
            f"{op.name} of a batch without examples",
            where=describe(user_frame(2)),
            why="it is computed example by example, so without one its shape is not known",
        )
    if op.outputs:
        parts = [_joined(op, column) for column in zip(*rows, strict=True)]
        return type(rows[0])(*parts) if hasattr(rows[0], "_fields") else tuple(parts)
    return _joined(op, rows)


def _own_row(x: Any) -> Any:
    """Return one example in C order: compiled code may ask for that."""
    return np.ascontiguousarray(x) if type(x) is np.ndarray and x.ndim else x


def _joined(op: Op, rows: Any) -> Any:
    if len({np.shape(row) for row in rows}) > 1:
        raise OneByOneError(
            f"{op.name} gives results of different shapes for the examples of a batch: "
            f"{np.shape(rows[0])} for the first one",
            where=describe(user_frame(2)),
            why="they cannot be held as one array",
        )
    whole, first = np.stack(rows), concrete(rows[0])
    return laid_out(whole, layout_of(first)) if type(first) is np.ndarray else whole


RULES: dict[str, Rule] = {
    "elementwise": rules.elementwise,
    "axis": rules.with_axis,
    "flat axis": rules.with_flat_axis,
    "matrices": rules.matrices,
    "stacks": rules.stacks,
    "sum": rules.summed,
    "prod": rules.multiplied,
    "reshape": rules.reshaped,
    "transpose": rules.transposed,
    "broadcast": rules.broadcast,
    "roll": rules.rolled,
    "diagonal": rules.diagonals,
    "shape": rules.shaped,
    "width": rules.widened,
    "pack": rules.packed,
    "store part": rules.part_stored,
    "solve": rules.solved,
    "search": rules.searched,
    "read": index.read,
    "store": index.store,
    "add back": index.add_back,
    "last writer": index.last_writers,
    "loop": one_by_one,
}
