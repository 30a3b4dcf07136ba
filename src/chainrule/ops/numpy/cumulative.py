"""Products, running sums and products, and differences of neighbours.

A product is differentiated through a tree of two-factor products, never by dividing by an
element, so zeros among the factors are as good as other values, in every order.
"""

from typing import Any

import numpy as np

from ...core.op import Notation, Op, sample
from ...core.registry import composite, declare
from ...core.slots import Jvp, Linear
from ..declare import as_array
from .reduce import MASK, along, axes_of, masked


def _bind_prod(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False,
    initial: Any = None, where: Any = True,
) -> Any:  # fmt: skip
    a = as_array(a)
    if masked(where):
        a = np.where(where, a, 1)
    if dtype is not None:
        a = np.astype(a, dtype)
    inputs = (a,) if initial is None else (a, initial)
    return inputs, {"axis": axes_of(axis, a.ndim), "keepdims": bool(keepdims)}


def _prod(x: Any, *initial: Any, axis: Any, keepdims: bool) -> Any:
    start = initial[0] if initial else 1
    return np.multiply.reduce(x, axis=axis, keepdims=keepdims, initial=start)


def _rows(x: Any, axis: tuple[int, ...]) -> Any:
    """Bring the reduced axes together into a last one."""
    rest = tuple(k for k in range(x.ndim) if k not in axis)
    if rest + axis != tuple(range(x.ndim)):
        x = np.transpose(x, rest + axis)
    n = 1
    for m in x.shape[len(rest) :]:
        n *= m
    return np.reshape(x, (*x.shape[: len(rest)], n))


def _prod_jvp(t: Any, y: Any, x: Any, *initial: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
    """Return Σᵢ ẋᵢ·Πⱼ≠ᵢ xⱼ: multiply the pairs (x, ẋ) two by two, (ab, ȧb + aḃ)."""
    x, t = _rows(x, axis), _rows(t, axis)
    if x.shape[-1] == 0:
        return np.reshape(np.sum(t, axis=-1), y.shape)
    while x.shape[-1] > 1:
        m = x.shape[-1] // 2
        x1, x2, left = x[..., :m], x[..., m : 2 * m], x[..., 2 * m :]
        t1, t2, t_left = t[..., :m], t[..., m : 2 * m], t[..., 2 * m :]
        x, t = x1 * x2, t1 * x2 + x1 * t2
        if left.shape[-1]:
            x, t = np.concatenate([x, left], axis=-1), np.concatenate([t, t_left], axis=-1)
    t = np.reshape(t, y.shape)
    return t * initial[0] if initial else t


def _prod_initial_jvp(
    t: Any, _y: Any, x: Any, _initial: Any, *, axis: tuple[int, ...], keepdims: bool
) -> Any:
    return t * np.prod(x, axis=axis, keepdims=keepdims)


prod = declare(
    Op(
        "prod",
        _prod,
        (Jvp(_prod_jvp), Jvp(_prod_initial_jvp)),
        variadic=True,
        bind=_bind_prod,
        batch="prod",
        function=np.prod,
        complex=True,
        notation=Notation("Π {0}", "\\prod {0}", 12, (20,), "each factor gets the other factors"),
        samples=(
            sample((3,)), sample((2, 3), axis=0), sample((2, 3, 2), axis=(0, -1), keepdims=True),
            sample((2, 5), axis=1), sample(()), sample((0,)), sample((2, 3), where=MASK, axis=1),
            sample((3,), initial=2.0), sample((2, 3), dtype=np.float64),
        ),
    )
)  # fmt: skip


def _bind_cumulative(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    a = as_array(a)
    if axis is None:
        a, axis = np.ravel(a), 0
    if dtype is not None:
        a = np.astype(a, dtype)
    if a.ndim == 0:
        a = np.reshape(a, (1,))
    return (a,), {"axis": axes_of(axis, a.ndim)[0]}


def _cumsum_transpose(ct: Any, _x: Any, axis: int) -> Any:
    """Sum from the end: every element went into all later sums."""
    back = slice(None, None, -1)
    return along(np.cumsum(along(ct, axis, back), axis=axis), axis, back)


cumsum = declare(
    Op(
        "cumsum",
        lambda x, axis: np.cumsum(x, axis=axis),
        (Linear(transpose=_cumsum_transpose),),
        bind=_bind_cumulative,
        batch="axis",
        function=np.cumsum,
        complex=True,
        notation=Notation(rule="running sum: each element gets the gradients of all later sums"),
        samples=(
            sample((4,)), sample((2, 3)), sample((2, 3), axis=0), sample((2, 3), axis=-1),
            sample((0,)), sample(()), sample((3,), dtype=np.float64),
        ),
    )
)  # fmt: skip


def _cumprod_jvp(t: Any, _y: Any, x: Any, axis: int) -> Any:
    """Scan the pairs (x, ẋ) with (a, ȧ)(b, ḃ) = (ab, ȧb + aḃ), doubling the reach each time."""
    reach = 1
    while reach < x.shape[axis]:
        head, tail = slice(None, reach), slice(reach, None)
        early = slice(None, x.shape[axis] - reach)
        x1, x2 = along(x, axis, early), along(x, axis, tail)
        t1, t2 = along(t, axis, early), along(t, axis, tail)
        t = np.concatenate([along(t, axis, head), t1 * x2 + x1 * t2], axis=axis)
        x = np.concatenate([along(x, axis, head), x1 * x2], axis=axis)
        reach *= 2
    return t


cumprod = declare(
    Op(
        "cumprod",
        lambda x, axis: np.cumprod(x, axis=axis),
        (Jvp(_cumprod_jvp),),
        bind=_bind_cumulative,
        batch="axis",
        function=np.cumprod,
        complex=True,
        notation=Notation(rule="running product: each factor gets the other factors"),
        samples=(
            sample((5,)), sample((2, 3)), sample((2, 3), axis=0), sample((2, 4), axis=-1),
            sample((0,)), sample(()),
        ),
    )
)  # fmt: skip


def _cumulative(function: Any, x: Any, axis: Any, dtype: Any, first: Any) -> Any:
    x = as_array(x)
    if x.ndim == 0:
        raise ValueError("at least 1-dimensional array required, but 0-dim array given")
    if axis is None:
        if x.ndim > 1:
            raise ValueError("axis is required for arrays with more than one dimension")
        axis = 0
    result = function(x, axis=axis, dtype=dtype)
    if first is None:
        return result
    shape = tuple(1 if k == axis % x.ndim else n for k, n in enumerate(x.shape))
    return np.concatenate([np.full(shape, first, result.dtype), result], axis=axis)


if hasattr(np, "cumulative_sum"):

    @composite(np.cumulative_sum, sample((3,)), sample((2, 3), axis=1, include_initial=True))
    def cumulative_sum(
        x: Any, /, *, axis: Any = None, dtype: Any = None, out: Any = None,
        include_initial: bool = False,
    ) -> Any:  # fmt: skip
        """Return the running sums, with a leading 0 if it is asked for."""
        return _cumulative(np.cumsum, x, axis, dtype, 0 if include_initial else None)

    @composite(np.cumulative_prod, sample((3,)), sample((2, 3), axis=1, include_initial=True))
    def cumulative_prod(
        x: Any, /, *, axis: Any = None, dtype: Any = None, out: Any = None,
        include_initial: bool = False,
    ) -> Any:  # fmt: skip
        """Return the running products, with a leading 1 if it is asked for."""
        return _cumulative(np.cumprod, x, axis, dtype, 1 if include_initial else None)


@composite(
    np.diff, sample((4,)), sample((2, 4), n=2), sample((3, 2), axis=0), sample((3,), n=0),
    sample((3,), prepend=0.0, append=1.0), sample((1, 2), axis=0), sample((2,), n=3),
)  # fmt: skip
def diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Any:
    """Return the differences of neighbours along an axis, taken `n` times."""
    if n == 0:
        return a
    if n < 0:
        raise ValueError(f"order must be non-negative but got {n!r}")
    a = as_array(a)
    if a.ndim == 0:
        raise ValueError("diff requires input that is at least one dimensional")
    axis = axes_of(axis, a.ndim)[0]
    ends = [None if e is None else _edge(e, a, axis) for e in (prepend, append)]
    parts = [p for p in (ends[0], a, ends[1]) if p is not None]
    a = np.concatenate(parts, axis=axis) if len(parts) > 1 else a
    for _ in range(n):
        upper, lower = along(a, axis, slice(1, None)), along(a, axis, slice(None, -1))
        a = np.not_equal(upper, lower) if a.dtype == np.bool_ else np.subtract(upper, lower)
    return a


def _edge(values: Any, a: Any, axis: int) -> Any:
    values = as_array(values)
    if values.ndim:
        return values
    return np.broadcast_to(values, tuple(1 if k == axis else n for k, n in enumerate(a.shape)))


@composite(np.ediff1d, sample((4,)), sample((2, 2)), sample((3,), to_begin=0.0, to_end=[1.0, 2.0]))
def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    """Return the differences of neighbours of the flat array, between the given ends."""
    a = np.ravel(as_array(ary))
    middle = np.subtract(a[1:], a[:-1])
    parts = [None if e is None else np.ravel(as_array(e)) for e in (to_begin, to_end)]
    pieces = [p for p in (parts[0], middle, parts[1]) if p is not None]
    return np.concatenate(pieces).astype(a.dtype) if len(pieces) > 1 else middle
