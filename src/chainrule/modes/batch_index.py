"""Indexing for a whole batch at once: reading, storing and adding, also at places of the batch.

Where each example has its own array and its own places, one more index array, 0, 1, 2, …, goes
along the batch axis. NumPy then puts the axes of the index arrays in front or in their own place;
which it does is read off the same index into an array whose batch axis has a length of its own.
"""

from typing import Any

import numpy as np

from ..core.op import Op
from ..ops.numpy.index import HOLE, fill_index
from ..tracing.stacked import OneByOneError
from .batch_rules import Params, in_front, padded, rank


class Places:
    """An index into one example, rewritten for the whole batch.

    `order` lists the axes of what the rewritten index gives from that of the batch on (None: it is
    in front already), and `ndim` is how many axes one example of it has.
    """

    __slots__ = ("arrays", "index", "order", "ndim")

    def __init__(
        self, size: int, shape: tuple[int, ...], arrays: Any, batched: Any, index: Any, own: bool
    ) -> None:
        """Rewrite an index into examples of `shape`; `own` says that each has its own array."""
        parts = index if type(index) is tuple else (index,)
        arrays, batched, parts = _integers(arrays, batched, parts)
        like = [_zeros(a, np.shape(a)[1:] if b else np.shape(a))
                for a, b in zip(arrays, batched, strict=True)]  # fmt: skip
        here = _nothing(shape)[fill_index(tuple(like), parts)].shape
        mark = 0 if 0 not in here else max(here) + 1  # either way nothing is allocated
        self.ndim = len(here)
        if not any(batched):
            self.arrays, self.index = tuple(arrays), (slice(None), *parts)
            at = _position(mark, (mark, *shape), like, self.index) if arrays else 0
            self.order = _order(self.ndim, at, 0, 0)
            return
        count = max(rank(a, b) for a, b in zip(arrays, batched, strict=True))
        for k, b in enumerate(batched):
            if b:
                like[k] = np.zeros((mark, *(1,) * (count - like[k].ndim), *like[k].shape), np.intp)
        place = at = _position(mark, shape, like, parts)
        found = [padded(a, b, count) for a, b in zip(arrays, batched, strict=True)]
        if own:
            ones = (1,) * count
            parts = (HOLE, *parts)
            found = [np.arange(size).reshape(size, *ones), *found]
            like = [np.zeros((mark, *ones), np.intp), *like]
            at = _position(mark, (mark, *shape), like, parts)
        self.arrays, self.index = tuple(found), parts
        self.order = _order(self.ndim, at, count, place)

    def read(self, found: Any) -> Any:
        """Bring the batch axis of what was read to the front."""
        return found if self.order is None else np.transpose(found, self.order)

    def write(self, value: Any, batched: bool) -> Any:
        """Bring what is to be stored into the order in which it would be read."""
        shape = np.shape(value)[1:] if batched else np.shape(value)
        shape = shape[max(len(shape) - self.ndim, 0) :]  # NumPy lets leading axes of length 1 pass
        if not batched and self.order is None:
            return value if np.shape(value) == shape else np.reshape(value, shape)
        head = np.shape(value)[:1] if batched else (1,)
        full = (*head, *(1,) * (self.ndim - len(shape)), *shape)
        value = value if np.shape(value) == full else np.reshape(value, full)
        if self.order is None:
            return value
        return np.transpose(value, tuple(int(k) for k in np.argsort(self.order)))


def _nothing(shape: tuple[int, ...]) -> Any:
    """Return an array of this shape that takes no memory."""
    return np.ndarray(shape, bool, b"\0", strides=(0,) * len(shape))


def _zeros(a: Any, shape: tuple[int, ...]) -> Any:
    return np.zeros(shape, bool if a.dtype.kind == "b" else np.intp)


def _position(mark: int, shape: tuple[int, ...], like: list[Any], parts: Any) -> int:
    return _nothing(shape)[fill_index(tuple(like), parts)].shape.index(mark)  # type: ignore[no-any-return]


def _order(ndim: int, at: int, count: int, place: int) -> tuple[int, ...] | None:
    """List the axes: the batch's at `at`, with `count` of index arrays that belong at `place`."""
    block = range(at + 1, at + 1 + count)
    others = [k for k in range(ndim + 1) if k != at and k not in block]
    order = (at, *others[:place], *block, *others[place:])
    return None if order == tuple(range(ndim + 1)) else order


def _integers(arrays: Any, batched: Any, parts: Any) -> tuple[list[Any], list[bool], Any]:
    """Turn masks into positions where there is an index of the batch beside them or in them."""
    if not any(batched):
        return list(arrays), list(batched), parts
    found: list[Any] = []
    flags: list[bool] = []
    static: list[Any] = []
    rest = iter(zip(arrays, batched, strict=True))
    for part in parts:
        if part is not HOLE:
            static.append(part)
            continue
        array, of_batch = next(rest)
        if array.dtype.kind != "b":
            places: tuple[Any, ...] = (array,)
        else:
            places = np.nonzero(_one_mask(array) if of_batch else array)
            of_batch = False
        found += places
        flags += [of_batch] * len(places)
        static += [HOLE] * len(places)
    return found, flags, tuple(static)


def _one_mask(mask: Any) -> Any:
    """Return the mask that all examples have."""
    if mask.ndim > 1 and mask.shape[0] and np.all(np.equal(mask, mask[:1])):
        return mask[0]
    raise OneByOneError(
        "a mask that differs between the examples of a batch was used as an index",
        why="each example would keep another number of elements, and they would not make an array",
    )


def read(op: Op, size: int, args: Any, batched: Any, params: Params) -> Any:
    """Batch `getitem`."""
    x, *arrays = args
    index = params["index"]
    if not arrays:
        parts = index if type(index) is tuple else (index,)
        return op(x, index=(slice(None), *parts))
    shape = np.shape(x)[1:] if batched[0] else np.shape(x)
    places = Places(size, shape, arrays, batched[1:], index, batched[0])
    return places.read(op(x, *places.arrays, index=places.index))


def store(op: Op, size: int, args: Any, batched: Any, params: Params) -> Any:
    """Batch `setitem` and `add_at`."""
    y, value, *arrays = args
    y = in_front(y, batched[0], size)
    index = params["index"]
    if _is_mask(arrays, batched[2:], index) and rank(value, batched[1]) == 0:
        return _store_by_mask(op, y, padded(value, batched[1], y.ndim - 1), arrays[0])
    places = Places(size, y.shape[1:], arrays, batched[2:], index, True)
    return op(y, places.write(value, batched[1]), *places.arrays, index=places.index)


def _is_mask(arrays: Any, batched: Any, index: Any) -> bool:
    """Say whether the index is one mask that differs between the examples."""
    return list(batched) == [True] and arrays[0].dtype.kind == "b" and len(index) == 1


def _store_by_mask(op: Op, y: Any, value: Any, mask: Any) -> Any:
    mask = np.reshape(mask, mask.shape + (1,) * (y.ndim - mask.ndim))
    value = value if op.name == "setitem" else y + value
    return np.astype(np.where(mask, value, y), y.dtype)


def add_back(op: Op, size: int, args: Any, batched: Any, params: Params) -> Any:
    """Batch `scatter_add`."""
    ct, *arrays = args
    shape = params["shape"]
    places = Places(size, shape, arrays, batched[1:], params["index"], True)
    ct = places.write(in_front(ct, batched[0], size), True)
    return op(ct, *places.arrays, index=places.index, shape=(size, *shape))


def last_writers(op: Op, size: int, args: Any, batched: Any, params: Params) -> Any:
    """Batch `last_writer`."""
    shape = params["shape"]
    places = Places(size, shape, args, batched, params["index"], True)
    return places.read(op(*places.arrays, index=places.index, shape=(size, *shape)))
