"""Arrays put together from scalars and pieces: what `np.array`, `np.r_` and `np.vectorize` make."""

from typing import Any

import numpy as np

from ...core.op import Notation, Op
from ...core.registry import add, composite
from ...core.slots import Linear
from ...errors import UnsupportedFunctionError
from ..declare import operand
from .own_python import plain


def _pack(*xs: Any, shape: tuple[int, ...]) -> Any:
    return np.array(xs).reshape(shape)


def _unpack(ct: Any, *_xs: Any, shape: tuple[int, ...]) -> tuple[Any, ...]:
    flat = np.reshape(ct, (-1,))
    return tuple(flat)


pack = Op(
    "pack",
    _pack,
    (Linear(joint=_unpack),),
    batch="pack",
    variadic=True,
    additive=True,
    complex=True,
    notation=Notation(rule="an array of numbers passes to each number its own element"),
)
add(pack)

_concatenator = type(np.r_).__mro__[1]


@composite(_concatenator.__getitem__, name="concatenator")
def concatenate_index(self: Any, key: Any) -> Any:
    """``np.r_[...]`` and ``np.c_[...]``: slices are ranges, the rest is joined along an axis."""
    parts = key if isinstance(key, tuple) else (key,)
    axis, ndmin, trans1d = self.axis, self.ndmin, self.trans1d
    if parts and isinstance(parts[0], str):
        if parts[0] in ("r", "c"):  # a matrix
            raise UnsupportedFunctionError(
                f"np.r_[{parts[0]!r}, ...] received a traced value",
                why="the result is an np.matrix, of which nothing is traced",
                cure="leave the letter out: np.r_['0,2', ...] gives an array of two axes",
            )
        words = [int(w) for w in parts[0].split(",")]
        axis, ndmin, trans1d = words + [axis, ndmin, trans1d][len(words) :]
        parts = parts[1:]
    made = [_range(p) if isinstance(p, slice) else p for p in parts]
    weak = [p if isinstance(p, bool | int | float | complex) else operand(p).dtype for p in made]
    joined = np.concatenate([_padded(operand(p), ndmin, trans1d) for p in made], axis)
    return joined.astype(np.result_type(*weak))


def _range(part: slice) -> Any:
    start, step = part.start or 0, part.step or 1
    if isinstance(step, complex):
        return np.linspace(start, part.stop, int(abs(step)))
    found = start + step * np.arange(max(int(np.ceil((part.stop - start) / step)), 0))
    return found.astype(np.result_type(*map(plain, (start, part.stop, step))))


def _padded(x: Any, ndmin: int, trans1d: int) -> Any:
    """Put axes of length 1 beside those of x, which then begin at `trans1d`."""
    missing = ndmin - np.ndim(x)
    if missing <= 0:
        return x
    before = trans1d if trans1d >= 0 else missing + 1 + trans1d
    return np.reshape(x, (1,) * before + np.shape(x) + (1,) * (missing - before))


@composite(np.vectorize.__call__, name="vectorize", always=True)
def vectorize(self: Any, *args: Any, **kwargs: Any) -> Any:
    """Call the function for every element, as `np.vectorize` does, and put the results together."""
    function = self.pyfunc
    if self.signature is not None or any(k in self.excluded for k in (*range(len(args)), *kwargs)):
        return _loop_over(self, args, kwargs)
    names = list(kwargs)
    arrays = np.broadcast_arrays(*map(_values, (*args, *kwargs.values())))
    return _together(self, function, arrays, names, len(args))


def _values(a: Any) -> Any:
    """Return a list as an array, and the values of a column of pandas; traced where they are."""
    if isinstance(a, list | tuple):
        return operand(a)
    return a.to_numpy() if hasattr(a, "to_numpy") else a


def _together(self: Any, function: Any, arrays: Any, names: list[str], positional: int) -> Any:
    shape = np.shape(arrays[0])
    columns = [np.reshape(a, (-1,)) for a in arrays]
    rows = []
    for elements in zip(*columns, strict=True):
        given = dict(zip(names, elements[positional:], strict=True))
        rows.append(function(*elements[:positional], **given))
    if not rows:
        raise ValueError("cannot call `vectorize` on size 0 inputs unless `otypes` is set")
    if isinstance(rows[0], tuple):
        return tuple(_gathered(self, [r[k] for r in rows], shape, k) for k in range(len(rows[0])))
    return _gathered(self, rows, shape, 0)


def _gathered(self: Any, values: list[Any], shape: Any, k: int) -> Any:
    out = np.reshape(operand(values), shape)
    first = np.asarray(values[0]).dtype if type(values[0]) in (int, bool) else None
    kind = self.otypes[k] if self.otypes else first
    return out if kind is None or out.dtype == np.dtype(kind) else out.astype(kind)


def _loop_over(self: Any, args: Any, kwargs: Any) -> Any:
    """Handle `excluded` arguments; a `signature` makes loops over leading axes."""
    if self.signature is not None:
        return _with_signature(self, args, kwargs)
    fixed = {k for k in range(len(args)) if k in self.excluded}
    held = {k: v for k, v in kwargs.items() if k in self.excluded}
    names = [k for k in kwargs if k not in held]
    moving = [a for k, a in enumerate(args) if k not in fixed]

    def function(*elements: Any, **given: Any) -> Any:
        rest = iter(elements)
        return self.pyfunc(
            *[a if k in fixed else next(rest) for k, a in enumerate(args)], **given, **held
        )

    arrays = np.broadcast_arrays(*map(_values, (*moving, *(kwargs[k] for k in names))))
    return _together(self, function, arrays, names, len(moving))


def _with_signature(self: Any, args: Any, kwargs: Any) -> Any:
    args = tuple(map(_values, args))
    inputs, outputs = self._in_and_out_core_dims
    loops = [np.shape(a)[: np.ndim(a) - len(dims)] for a, dims in zip(args, inputs, strict=True)]
    shape = np.broadcast_shapes(*loops)
    full = [
        np.broadcast_to(a, shape + np.shape(a)[len(loop) :])
        for a, loop in zip(args, loops, strict=True)
    ]
    rows = [self.pyfunc(*[a[i] for a in full], **kwargs) for i in np.ndindex(*shape)]

    def join(values: Any) -> Any:
        stacked = np.stack([v if hasattr(v, "dtype") else np.asarray(v) for v in values])
        return np.reshape(stacked, shape + np.shape(values[0]))

    if len(outputs) > 1:
        return tuple(join([r[k] for r in rows]) for k in range(len(outputs)))
    return join(rows)
