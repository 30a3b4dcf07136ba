"""Classes that NumPy reads as sequences, or as integers."""

import re
from array import array
from collections import UserList, deque
from typing import Any, NamedTuple

import numpy as np


def name_of(value: object) -> str:
    """Return a name for a test, the same in every process: without addresses."""
    return re.sub(r" at 0x[0-9a-f]+", "", str(value))


class Own:
    """A sequence by its two methods alone."""

    def __init__(self, values: Any) -> None:
        self.values = list(values)

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, i: Any) -> Any:
        return self.values[i]


class Sub(list):
    """A subclass of list."""


class Place:
    """An integer by `__index__` alone."""

    def __init__(self, i: int) -> None:
        self.i = i

    def __index__(self) -> int:
        return self.i


class Like:
    """What makes an array of itself."""

    def __init__(self, values: Any) -> None:
        self.values = values

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.array(self.values, dtype)


class Pair(NamedTuple):
    """A tuple of another class."""

    a: Any
    b: Any


SEQUENCES = (tuple, deque, UserList, Own, Sub)
INDICES = [
    (slice(None), (0, 1)), ((0, 1), 1), (slice(None), range(1)), range(2), ((0, 1, 1),),
    tuple(zip((0, 1), (1, 2), strict=True)), Place(1), (Place(1), slice(None)),
    (slice(Place(0), None, Place(2)), (0, -1)), (deque([0, 1]), 1), UserList([1, 0]),
    (Own([0, 1]), Own([1, 1])), (slice(None), array("l", [0, 2])), Like([0, 1]),
    (slice(None), Like([1, 0])), ([True, False],), (slice(None), (True, False, True)),
    deque([True, False]), ((),), (range(0),), (slice(None), ((0, 1), (1, 0))), Pair(0, 1),
    Pair((0, 1), (1, 2)), (..., (0, 2)), (None, (0, 1)), ((0, 1), None, (1, 2)),
    (range(2), range(2)), bytearray(b"\0\1"), (memoryview(np.array([0, 1])),), Sub([1, 1]),
]  # fmt: skip
