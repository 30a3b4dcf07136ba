"""What the tracers of a batch hold: the values of all examples, seen as those of one.

`Stacked` has the shape of one example, while its data have the batch axis in front. What a program
can ask of it without saying for which example (its shape, its dtype, its class) is the same for
all. Where the values matter (a branch, a conversion to a number) the examples have to agree.
"""

import ast
import math
import operator
import os
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import BatchError, made
from . import choices
from . import tracer as tracers
from .losses import remember
from .source import around, describe, inside, user_frame


class OneByOneError(BatchError):
    """The function must be run for one example after the other; `vmap` then does that.

    It is seen only where there is no example to run it for.
    """

    def __init__(self, what: str, *, where: str = "", why: str = "", cure: str = "") -> None:
        super().__init__(what, where=where, why=why, cure=cure or "leave an empty batch out")


class Stacked:
    """One array for each example, held as one array with the batch axis in front.

    `single` says that an example of no axes is a NumPy scalar, rather than an array of shape ().
    """

    __slots__ = ("data", "shape", "dtype", "single")

    def __init__(self, data: Any, single: bool = True) -> None:
        self.data = data
        self.shape = data.shape[1:]
        self.dtype = data.dtype
        self.single = single

    ndim = property(lambda self: len(self.shape))
    size = property(lambda self: math.prod(self.shape))
    itemsize = property(lambda self: self.dtype.itemsize)
    nbytes = property(lambda self: self.size * self.dtype.itemsize)

    @property
    def example(self) -> Any:
        """The value of the first example, which stands for all where values do not matter."""
        data = tracers.concrete(self.data)
        if not data.shape[0]:
            return np.zeros(self.shape, self.dtype)[() if self.single else ...]
        return data[0] if self.shape or self.single else data[0, ...]

    def agreed(self) -> Any:
        """Return the value that all examples have; raise where they differ."""
        if type(self.data) in tracers.TRACERS:
            self.data.cr_owner.observed(self.data)
        rows = every(self.data)
        rows = rows.reshape(-1, *self.shape)
        if rows.shape[0] and not np.array_equal(
            rows, np.broadcast_to(rows[:1], rows.shape), equal_nan=rows.dtype.kind in "fc"
        ):
            raise _disagreement(rows, self)
        return self.example

    flags = property(lambda self: self.example.flags)
    strides = property(lambda self: self.example.strides)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.array(self.agreed(), dtype)

    def __len__(self) -> int:
        return len(self.example)

    def __repr__(self) -> str:
        return self._text(repr)

    def __str__(self) -> str:
        return self._text(str)

    def __format__(self, spec: str) -> str:
        return self._text(lambda x: format(x, spec))

    def _text(self, of: Callable[[Any], str]) -> str:
        """Return the text of an example: of the first, which is said, where they differ.

        A program may ask a text (its length, a table); the run is then made anew, one by one.
        """
        rows, text = every(self.data), of(self.example)
        rows = rows.reshape(-1, *self.shape)
        if len(rows) < 2 or np.array_equal(
            rows, np.broadcast_to(rows[:1], rows.shape), equal_nan=rows.dtype.kind in "fc"
        ):
            return text
        if not _only_printed():
            made.count += 1
        return f"{text} (the first of {self.data.shape[0]} examples)"

    def __bool__(self) -> bool:
        """Say whether every example is true, or none is; their values may differ."""
        rows = every(self.data)
        if self.size == 1 and len(rows) and rows.dtype.kind in "biufc":
            truths = np.not_equal(rows, 0)
            if truths.all() or not truths.any():
                if type(self.data) in tracers.TRACERS:
                    self.data.cr_owner.observed(self.data)
                return bool(truths.flat[0])
        return bool(self.agreed())

    def __index__(self) -> int:
        return operator.index(self.agreed())

    def item(self, *index: Any) -> Any:
        """As `ndarray.item`, where the examples agree."""
        return self.agreed().item(*index)


def read_in() -> OneByOneError:
    """Build the error for a text of the first example that is read in."""
    return OneByOneError(
        "a text that a value of a batch was printed as was about to be read in",
        where=describe(user_frame(2)),
        why="it is that of the first example",
    )


def _in_library() -> bool:
    """Say whether it is a library's code that asks for a plain value, and not the user's."""
    frame: Any = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_HERE):
        frame = frame.f_back
    return frame is not None and inside[frame.f_code.co_filename]


def _only_printed() -> bool:
    """Say whether the program prints a text for somebody to read, and cannot ask it."""
    frame = user_frame(3)
    for call in around(frame) if frame is not None else ():
        if type(call) is ast.Call and type(call.func) is ast.Name and call.func.id == "print":
            return all(k.arg not in ("file", None) for k in call.keywords)
    return False


_HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


def one_by_one(error: BatchError) -> OneByOneError:
    """Let `vmap` run the examples one after the other, where all at once they cannot be run."""
    return OneByOneError(error.what, where=error.where, why=error.why)


def not_for_all(what: str) -> OneByOneError:
    """Build the error for what some examples would raise, and perhaps not all."""
    return OneByOneError(
        f"{what} for some examples of a batch",
        where=describe(user_frame(2)),
        why="vmap runs the function once for all examples, so an exception would be one for all",
    )


def all_finite(x: Any) -> bool:
    """Say whether no example holds a NaN or an infinity, under any number of tracers."""
    return bool(np.all(np.isfinite(every(x))))


def every(x: Any) -> Any:
    """Return the plain values under any number of tracers, with all batch axes in front."""
    while True:
        if type(x) in tracers.TRACERS:
            x = x.cr_value
        elif type(x) is Stacked:
            x = x.data
        else:
            return x


def constant(x: Any) -> Any:
    """Return the value under the tracers of derivatives; that of a batch stays a batch's."""
    while type(x) in tracers.TRACERS:
        held = x.cr_look()
        if type(held) is Stacked:
            return x.cr_owner.lift(constant(held.data), held.single)
        x = held
    return x


def _disagreement(rows: Any, value: Any) -> BatchError:
    shown = ""
    if not value.shape:
        other = next(i for i, row in enumerate(rows) if not np.array_equal(row, rows[0]))
        shown = f": it is {rows[0]} for example 0 and {rows[other]} for example {other}"
    frame = user_frame(2)
    error = (OneByOneError if _in_library() else BatchError)(
        "the program asks for one plain value of an array that differs between the examples of a "
        "batch" + shown,
        where=describe(frame),
        why="vmap runs the function once for all examples, so they must all take the same branch; "
        "if, while, and, float(x), int(x), range(n) and plain_array[x] ask for one value",
        cure=choices.cure(frame),
    )
    remember(error, frame)
    return error
