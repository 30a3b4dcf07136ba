"""How arrays lie in memory: what NumPy tells views from copies by, and the orders "A" and "K".

A layout is told as the axes longer than 1 from the outermost to the innermost, each with a flag:
whether a gap is left between its steps, so that what lies inside it is not one block. It is what
`ravel`, `reshape` and `flags` answer by; the strides themselves are not kept.
"""

from typing import Any

import numpy as np

Layout = tuple[tuple[int, bool], ...]


def layout_of(x: Any, first: int = 0) -> Layout:
    """Return the layout of an array, or of its axes from `first` on, counted from there."""
    if not x.size:
        return ()
    shape, strides = x.shape[first:], x.strides[first:]
    axes = sorted((k for k, n in enumerate(shape) if n > 1), key=lambda k: -abs(strides[k]))
    found, step = [], x.itemsize
    for k in reversed(axes):
        found.append((k, strides[k] != step))
        step = abs(strides[k]) * shape[k]
    return tuple(reversed(found))


def lay(x: Any, layout: Layout) -> Any:
    """Return a copy of `x` in this layout; plain NumPy, so that traced arrays are laid out too."""
    long = [k for k, _ in layout]
    order = [k for k in range(x.ndim) if k not in long] + long
    y = np.copy(np.transpose(x, order), "C")
    if any(gap for _, gap in layout):
        y, start, ends = y[..., None], x.ndim - len(long) + 1, [slice(None)] * x.ndim
        for at, (_, gap) in enumerate(layout, start):
            if gap:  # the block inside is one longer than what is shown of it
                n, whole = y.shape[at], (slice(None),) * at
                y = np.concatenate([y, y[(*whole, slice(0, 1))]], axis=at)
                ends += [slice(None)] * (at + 1 - len(ends))
                ends[at] = slice(0, n)
        y = y[tuple(ends)][..., 0]
    return np.transpose(y, np.argsort(order))


def own_copy(x: Any) -> Any:
    """Copy an array as it lies: also one with gaps, which `copy("K")` would close."""
    if type(x) is not np.ndarray:
        return np.copy(x)
    if x.flags.forc:
        return x.copy("K")
    layout = layout_of(x)
    return lay(x, layout) if any(gap for _, gap in layout) else x.copy("K")
