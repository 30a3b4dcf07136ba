"""What a call is handed in: the form under which a recording is kept, and what `f` does to it."""

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..tracing.tracer import TRACERS
from .state import form_of, kept_bits, same_bits

STATIC = (int, bool, str, bytes, type(None), np.integer, np.bool_)
_MOST_STATIC = 1 << 16


def is_input(leaf: Any) -> bool:
    """Say whether a leaf is an input of the program; else it is a constant of it."""
    kind = type(leaf)
    if kind is np.ndarray:
        return leaf.dtype.char in "df"
    return kind is float or kind is np.float64 or kind is np.float32


def containers(values: Any) -> Iterator[Any]:
    """Give the containers among arguments, from the outside in."""
    for value in values:
        if isinstance(value, dict):
            yield value
            yield from containers(value.values())
        elif isinstance(value, list | tuple | deque):
            if value != ():  # of which there is one
                yield value
            yield from containers(value)


def form(leaves: Any, treedef: Any, held: list[Any]) -> tuple[Any, list[Any]]:
    """Return what a recording is kept under, and the inputs of its program.

    Instead of the first comes a text that says why there is none.
    `held` are the containers. The order of keys counts: a program may go through them. One array
    or container that is given twice is not told from two by a recording, though ``a is b`` is.
    """
    key: list[Any] = [treedef, *(tuple(c) for c in held if isinstance(c, dict))]
    inputs = []
    for leaf in leaves:
        kind = type(leaf)
        if kind is np.ndarray:
            char = leaf.dtype.char
            if char in "df":
                key.append((leaf.shape, leaf.strides, char, leaf.flags.num))
                inputs.append(leaf)
            elif leaf.dtype.kind in "biu" and leaf.nbytes <= _MOST_STATIC:
                key.append((leaf.shape, leaf.strides, char, leaf.flags.num, leaf.tobytes()))
            elif leaf.dtype.kind in "biu":
                return f"an array of {leaf.dtype} is too large to be a constant", []
            else:
                return f"an argument holds an array of {leaf.dtype}, not float64 or float32", []
        elif kind is float or kind is np.float64:
            key.append(kind)
            inputs.append(float(leaf))
        elif kind is np.float32:
            key.append(kind)
            inputs.append(leaf)
        elif kind in STATIC or isinstance(leaf, (np.integer, np.bool_)):
            key.append((kind, leaf))
        else:  # an object of a class that extends a number may hold anything
            return f"an argument holds a {kind.__name__}, not a number or an array", []
    single = [id(x) for x in (*leaves, *held) if type(x) is np.ndarray or isinstance(x, _HOLDS)]
    if len(set(single)) < len(single):
        return "one array or container is given twice", []
    return tuple(key), inputs


_HOLDS = (list, tuple, dict, deque)


class Handed:
    """The containers and arrays of a call, and whether they have been changed since."""

    def __init__(self, args: Any, kwargs: Any, leaves: Any) -> None:
        found = containers((*args, *kwargs.values()))
        self.containers = [(c, _content(c)) for c in found]
        arrays = [a for a in leaves if type(a) is np.ndarray]
        self.arrays = [(a, form_of(a), kept_bits(a)) for a in arrays]

    def changed(self) -> bool:
        """Say whether anything in them is another object, or another number."""
        return not all(_same_content(*pair) for pair in self.containers) or any(
            form_of(a) != shape or not same_bits(a, bits) for a, shape, bits in self.arrays
        )

    def hand_on(self, others: "Handed", plain: Callable[[Any], Any]) -> None:
        """Do to `others`, of which these are copies, what was done to these.

        `plain` tells what stands for what the function has put there.
        """
        pairs = list(zip(self.containers, others.containers, strict=True))
        known = {id(c): d for (c, _), (d, _) in pairs}
        for (c, content), (d, _) in pairs:
            if _same_content(c, content) or isinstance(d, tuple):
                continue
            now = list(c.items() if isinstance(c, dict) else c)
            d.clear()
            if isinstance(d, dict):
                d.update((k, known[id(v)] if id(v) in known else plain(v)) for k, v in now)
            else:
                d.extend(known[id(v)] if id(v) in known else plain(v) for v in now)


def _same_content(c: Any, content: list[Any]) -> bool:
    now = _content(c)
    return len(now) == len(content) and all(map(_is_same, now, content))


def _is_same(a: Any, b: Any) -> bool:
    """Say whether two are one object, or one traced value: that may have changed its face."""
    return a is b or (type(a) in TRACERS and type(b) in TRACERS and a.cr_node is b.cr_node)


def _content(c: Any) -> list[Any]:
    return [*c, *c.values()] if isinstance(c, dict) else list(c)
