"""Inputs as flat lists of numbers: leaves, directions, steps, and what a right answer may miss."""

from typing import Any

import numpy as np

RELATIVE = 1e-6  # what the difference quotients must reach, and what is asked of everybody


def leaves(tree: Any) -> list[Any]:
    """Return the leaves of nested dicts and tuples, in order of their keys."""
    if isinstance(tree, dict):
        return [leaf for key in sorted(tree) for leaf in leaves(tree[key])]
    if isinstance(tree, tuple):
        return [leaf for part in tree for leaf in leaves(part)]
    return [tree]


def rebuild(tree: Any, new: list[Any]) -> Any:
    """Put `new` leaves, taken from the front, into the structure of `tree`."""
    if isinstance(tree, dict):
        done = {key: rebuild(tree[key], new) for key in sorted(tree)}
        return {key: done[key] for key in tree}
    if isinstance(tree, tuple):
        return tuple(rebuild(part, new) for part in tree)
    return new.pop(0)


def unit_directions(point: Any) -> list[Any]:
    """Return one direction per entry of the input."""
    parts = leaves(point)
    found = []
    for k, part in enumerate(parts):
        for i in range(np.size(part)):
            vector = [np.zeros(np.shape(p)) for p in parts]
            vector[k].flat[i] = 1.0
            found.append(rebuild(point, [_plain(v) for v in vector]))
    return found


def _plain(v: Any) -> Any:
    return float(v) if v.ndim == 0 else v


def moved(point: Any, direction: Any, h: float) -> Any:
    """Return point + h·direction, each entry by a step in proportion to its own size."""
    pairs = zip(leaves(point), leaves(direction), strict=True)
    return rebuild(point, [x + h * v * scale_of(x) for x, v in pairs])


def scale_of(x: Any) -> Any:
    """Return the size of the changes that are small for `x`: its own, at least 0.05.

    An entry below 1e-3 is in a unit of its own (farads), and is not rounded up; zero is.
    """
    size = abs(np.asarray(x))
    size = np.where((size >= 1e-3) | (size == 0), np.clip(size, 0.05, 1e4), size)
    return float(size) if size.ndim == 0 else size


def tolerance(point: Any, jacobian: Any, error: Any) -> Any:
    """Return how far from the differences a right derivative may lie, entry by entry.

    Relative to the entry itself, or to the change of the output that its input can make.
    """
    scale = np.concatenate([np.ravel(scale_of(x)) for x in leaves(point)])
    reach = np.max(abs(jacobian) * scale, axis=-1, keepdims=True) / scale
    return RELATIVE * np.maximum(abs(jacobian), reach) + 4 * error
