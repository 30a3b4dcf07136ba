"""Norms of vectors and matrices.

At the kinks: the derivative of every norm is 0 at the zero vector. Of a matrix, a singular value
that is 0 up to rounding bends as |x| does at 0, and has derivative 0.
"""

import math
from typing import Any

import numpy as np

from ...core.op import Const, Notation, Op, sample
from ...core.registry import add, composite
from ...core.slots import INDEX
from ...errors import UnsupportedFunctionError
from .. import jumps
from ..declare import as_array
from ..scaled import beyond, scaled
from ..scipy.common import as_computed, constant_of
from .arithmetic import sqrt_or_zero
from .layout import memory_order
from .reduce import axes_of, kept

_INF = math.inf
_ORDERS = (1, 2, 3, 0, -1, -2, 0.5, _INF, -_INF)
_MATRIX_ORDERS = ("fro", "nuc", 1, -1, 2, -2, _INF, -_INF)


def _square_size(x: Any) -> Any:
    """Return |x|² as a real array, as NumPy's norm computes it."""
    return np.real(np.conjugate(x) * x) if x.dtype.kind == "c" else x * x


def _memory_order(x: Any) -> str:
    """Return the order in which NumPy's norm adds up: that of the memory, where there is one."""
    try:
        return memory_order(x, "K")
    except UnsupportedFunctionError:
        return "C"


def _flat_norm(x: Any) -> Any:
    """Return the length of all of `x`, by dot products."""
    x = np.ravel(x, order=_memory_order(x))
    if x.dtype.kind != "c":
        return sqrt_or_zero(np.matmul(x, x))
    re, im = np.real(x), np.imag(x)
    return sqrt_or_zero(np.matmul(re, re) + np.matmul(im, im))


def _power_norm(x: Any, order: float, axis: tuple[int, ...], keepdims: bool) -> Any:
    """Return (Σ|x|ᵖ)^(1/p), constant to first order at the zero vector; NumPy's value."""
    if not beyond(x):
        return _of_powers(x, order, axis, keepdims)
    value = _of_powers_plain(x, order=order, axis=axis, keepdims=keepdims)
    found = scaled(
        lambda x: _of_powers(x, order, axis, keepdims), 1, x, axis=axis[0], least=order < 0,
        value=value,
    )  # fmt: skip
    return as_computed(found, value)


def _of_powers(x: Any, order: float, axis: tuple[int, ...], keepdims: bool) -> Any:
    total = np.add.reduce(np.absolute(x) ** order, axis=axis, keepdims=keepdims)
    zero = np.equal(total, 0)
    root = np.where(zero, 1.0, total)[()] ** float(np.reciprocal(order, dtype=total.dtype))
    return np.where(zero, 0.0 if order > 0 else _INF, root)[()]


_of_powers_plain = constant_of(
    "power_norm_value",
    lambda x, order, axis, keepdims: np.linalg.norm(x, order, axis[0], keepdims),
)


def _vector_norm(x: Any, order: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
    if order is None or order == 2:
        return sqrt_or_zero(np.add.reduce(_square_size(x), axis=axis, keepdims=keepdims))
    if order == _INF:
        return _top(np.absolute(x), axis, keepdims)
    if order == -_INF:
        return np.min(np.absolute(x), axis=axis, keepdims=keepdims)
    if order == 0:
        return np.sum(np.not_equal(x, 0), axis=axis, keepdims=keepdims, dtype=x.real.dtype)
    if order == 1:
        return np.add.reduce(np.absolute(x), axis=axis, keepdims=keepdims)
    if isinstance(order, str):
        raise ValueError(f"Invalid norm order '{order}' for vectors")
    return _power_norm(x, order, axis, keepdims)


def _top(x: Any, axis: Any, keepdims: bool = False) -> Any:
    """Return the greatest element of an array of sizes; 0 if it is empty."""
    return np.max(x, axis=axis, keepdims=keepdims, **({} if x.size else {"initial": 0}))


def _vanishing(s: Any) -> tuple[Any, Any]:
    """Return which singular values are 0 up to rounding, and the values once more, as constants."""
    noise = _NOISE * s.shape[-1] * np.finfo(s.dtype).eps
    return s <= noise * np.max(s, axis=-1, keepdims=True, initial=0.0), s


_NOISE = 8  # the error of a singular value of norm 1, in units of n·eps, with room to spare
vanishing = Op(
    "vanishing", _vanishing, (INDEX,), outputs=2, batch="stacks", jump=jumps.chosen,
    notation=Notation(rule="a singular value of 0 bends as a size does: the middle slope is 0"),
)
add(vanishing)


def _matrix_norm(x: Any, order: Any, row: int, col: int) -> Any:
    if row == col:
        raise ValueError("Duplicate axes given.")
    if order in (None, "fro", "f"):
        return sqrt_or_zero(np.add.reduce(_square_size(x), axis=(row, col)))
    if order in (2, -2, "nuc"):
        s = np.linalg.svd(np.moveaxis(x, (row, col), (-2, -1)), compute_uv=False)
        s = np.where(*vanishing(s), s)
        return {2: _top, -2: np.min, "nuc": np.sum}[order](s, axis=-1)
    if order in (1, -1, _INF, -_INF):
        inner, outer = (row, col) if abs(order) == 1 else (col, row)
        sums = np.add.reduce(np.absolute(x), axis=inner)
        return (_top if order > 0 else np.min)(sums, axis=outer - (outer > inner))
    raise ValueError("Invalid norm order for matrices.")


@composite(
    np.linalg.norm, sample((3,)), sample((2, 3)), sample((2, 3, 2)), sample((2, 3), axis=1),
    sample((2, 3), axis=0, keepdims=True), sample((2, 3), keepdims=True), sample(()),
    *(sample((4,), Const(p)) for p in _ORDERS if p not in (0, 0.5, -2)),
    *(sample((2, 3), Const(p), axis=1) for p in (1, 3, _INF)),
    *(sample((2, 3), Const(p)) for p in _MATRIX_ORDERS),
    *(sample((2, 2, 3), Const(p), axis=(2, 0), keepdims=True) for p in ("fro", 1, _INF, "nuc")),
)  # fmt: skip
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """Return a norm of vectors or matrices, of every order that NumPy has."""
    x = as_array(x)
    if x.dtype.kind not in "fc":
        x = np.astype(x, np.float64)
    whole = ord is None or (x.ndim == 2 and ord in ("f", "fro")) or (x.ndim == 1 and ord == 2)
    if axis is None and whole:
        result = _flat_norm(x)
        return np.reshape(result, (1,) * x.ndim) if keepdims else result
    axes = axes_of(axis, x.ndim)
    if len(axes) == 1:
        return _vector_norm(x, ord, axes, keepdims)
    if len(axes) != 2:
        raise ValueError("Improper number of dimensions to norm.")
    result = _matrix_norm(x, ord, *axes)
    return np.reshape(result, kept(x.shape, axes)) if keepdims else result


if hasattr(np.linalg, "vector_norm"):

    @composite(
        np.linalg.vector_norm, sample((3,)), sample((2, 3)), sample((2, 3), axis=0, keepdims=True),
        sample((2, 3, 2), axis=(0, 2), ord=1), sample((2, 3), ord=3),
    )  # fmt: skip
    def vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
        """Return a vector norm over one axis, or over several as if they were one."""
        x = as_array(x)
        if axis is None:
            result = np.linalg.norm(np.ravel(x), ord=ord, axis=0)
        elif isinstance(axis, tuple):
            axes = axes_of(axis, x.ndim)
            rest = tuple(k for k in range(x.ndim) if k not in axes)
            moved = np.transpose(x, axes + rest)
            rows = np.reshape(moved, (-1, *(x.shape[k] for k in rest)))
            result = np.linalg.norm(rows, ord=ord, axis=0)
        else:
            result = np.linalg.norm(x, ord=ord, axis=axis)
        return np.reshape(result, kept(x.shape, axes_of(axis, x.ndim))) if keepdims else result

    @composite(
        np.linalg.matrix_norm, sample((2, 3)), sample((2, 2, 3), ord=1), sample((2, 3), ord="nuc")
    )
    def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
        """Return a norm of the matrices in the last two axes."""
        return np.linalg.norm(as_array(x), ord=ord, axis=(-2, -1), keepdims=keepdims)
