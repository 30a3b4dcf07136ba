"""New arrays like a traced one, stores into all of an array, and questions about arrays.

``np.zeros_like(x)`` of a traced x is a traced zero: no derivative flows through it, but traced
values can be stored into it.
"""

from typing import Any

import numpy as np

from ...core.op import Const, Notation, Op, sample
from ...core.registry import alias, composite, declare
from ...core.slots import INDEX, Linear
from ..declare import as_array
from .layout import memory_order

# --- arrays like another ------------------------------------------------------------------


zeros = declare(
    Op(
        "zeros_like",
        lambda x, shape, dtype: np.zeros_like(x, shape=shape, dtype=dtype),
        (Linear(transpose=lambda _ct, _x, shape, dtype: None),),
        batch="shape",
        complex=True,
        notation=Notation("0", "0", rule="a constant array: nothing flows"),
    )
)


@composite(np.zeros_like, sample((2, 3)), sample(()), sample((2,), shape=(3, 1)))
def zeros_like(
    a: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None,
    *, device: Any = None,
) -> Any:  # fmt: skip
    """Make zeros in the same recording as `a`, so that traced values can be stored into them."""
    kind = a.dtype if dtype is None else np.dtype(dtype)
    size = a.shape if shape is None else (shape,) if np.ndim(shape) == 0 else tuple(shape)
    if kind.kind not in "fc":
        return np.zeros(size, kind)
    return zeros(a, shape=size, dtype=kind)


alias(np.empty_like, np.zeros_like)


@composite(np.ones_like, sample((2, 3)), sample(()))
def ones_like(
    a: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None,
    *, device: Any = None,
) -> Any:  # fmt: skip
    """Make ones that traced values can be stored into."""
    return np.full_like(a, 1, dtype, order, subok, shape)


@composite(np.full_like, sample((2, 3), Const(2.0)), sample((2,), Const([1.0, 2.0])))
def full_like(
    a: Any, fill_value: Any, dtype: Any = None, order: str = "K", subok: bool = True,
    shape: Any = None, *, device: Any = None,
) -> Any:  # fmt: skip
    """Make an array that holds `fill_value`, which may be traced, everywhere."""
    y = np.zeros_like(a, dtype, order, subok, shape)
    y[...] = fill_value
    return y


# --- stores -------------------------------------------------------------------------------


@composite(np.copyto)
def copyto(dst: Any, src: Any, casting: str = "same_kind", where: Any = True) -> None:
    """Store `src` into `dst`, where the mask says so."""
    src = as_array(src)
    if not np.can_cast(src.dtype, dst.dtype, casting):
        raise TypeError(f"Cannot cast array data from {src.dtype} to {dst.dtype} by {casting!r}")
    dst[...] = src if where is True else np.where(where, src, dst)


def _store_flat(a: Any, places: Any, values: Any) -> None:
    if a.ndim:
        a[np.unravel_index(places, a.shape)] = values
    elif places.size:
        a[...] = values[-1]


@composite(np.put)
def put(a: Any, ind: Any, v: Any, mode: str = "raise") -> None:
    """Store into the flattened array; values are used over and over."""
    places = np.ravel_multi_index((np.ravel(ind),), (a.size,), mode=_raising(mode, ind, a.size))
    if places.size:
        _store_flat(a, places, np.resize(as_array(v), places.size))


def _raising(mode: str, indices: Any, size: int) -> str:
    """Let negative indices count from the end, as the mode 'raise' does."""
    if mode != "raise":
        return mode
    indices = np.asarray(indices)
    if indices.size and not (indices.min() >= -size and indices.max() < size):
        raise IndexError(f"index {indices} is out of bounds for size {size}")
    return "wrap"


@composite(np.place)
def place(arr: Any, mask: Any, vals: Any) -> None:
    """Store the values one after the other where the mask is true."""
    places = np.flatnonzero(np.asarray(mask))
    vals = np.ravel(as_array(vals))
    if places.size and not vals.size:
        raise ValueError("Cannot insert from an empty array!")
    if places.size:
        _store_flat(arr, places, np.resize(vals, places.size))


@composite(np.putmask)
def putmask(a: Any, mask: Any, values: Any) -> None:
    """Store, where the mask is true, the value at the same place (over and over)."""
    places = np.flatnonzero(np.asarray(mask))
    values = np.ravel(as_array(values))
    if places.size and values.size:
        _store_flat(a, places, np.take(values, places % values.size))


@composite(np.fill_diagonal)
def fill_diagonal(a: Any, val: Any, wrap: bool = False) -> None:
    """Store onto the main diagonal."""
    if a.ndim < 2:
        raise ValueError("array must be at least 2-d")
    if a.ndim == 2:
        step = a.shape[1] + 1
        end = None if wrap else a.shape[1] * a.shape[1]
    else:
        if len(set(a.shape)) > 1:
            raise ValueError("All dimensions of input must be of equal length")
        step = 1 + sum(a.shape[0] ** i for i in range(1, a.ndim))
        end = None
    places = np.arange(a.size)[:end:step]
    if places.size:
        _store_flat(a, places, np.resize(as_array(val), places.size))


# --- grids --------------------------------------------------------------------------------


@composite(
    np.meshgrid, sample((2,), (3,)), sample((2,), (3,), indexing="ij"),
    sample((2,), (3,), sparse=True),
)  # fmt: skip
def meshgrid(
    *xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy"
) -> tuple[Any, ...]:
    """Spread coordinate vectors over a grid."""
    if indexing not in ("xy", "ij"):
        raise ValueError("Valid values for `indexing` are 'xy' and 'ij'.")
    n = len(xi)
    out = []
    for i, x in enumerate(xi):
        x = np.ravel(as_array(x))
        axis = 1 - i if indexing == "xy" and i < 2 and n > 1 else i
        out.append(np.reshape(x, tuple(x.size if j == axis else 1 for j in range(n))))
    if not sparse:
        out = [*np.broadcast_arrays(*out)]
    return tuple(np.copy(x) if copy else x for x in out)


@composite(np.vander, sample((3,)), sample((3,), Const(2)), sample((2,), increasing=True))
def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    """Make the matrix of powers."""
    x = as_array(x)
    if x.ndim != 1:
        raise ValueError("x must be a one-dimensional array or sequence.")
    x = x.astype(np.promote_types(x.dtype, int), copy=False)
    n = x.size if N is None else int(N)
    columns = [np.ones_like(x)]
    for _ in range(n - 1):
        columns.append(columns[-1] * x)
    columns = columns[:n] if increasing else columns[:n][::-1]
    return np.stack(columns, axis=1) if n else np.reshape(x[:0], (x.size, 0)) * 0


# --- questions: shapes and dtypes are known, and are no traced values -----------------------


@composite(np.shape)
def shape_of(a: Any) -> tuple[int, ...]:
    """Return the shape."""
    return as_array(a).shape


@composite(np.ndim)
def ndim_of(a: Any) -> int:
    """Return the number of axes."""
    return len(as_array(a).shape)


@composite(np.size)
def size_of(a: Any, axis: Any = None) -> int:
    """Return the number of elements, or the length of an axis."""
    shape = as_array(a).shape
    axes = range(len(shape)) if axis is None else np.atleast_1d(axis).tolist()
    return int(np.prod([shape[k] for k in axes], dtype=int))


@composite(np.iscomplexobj)
def iscomplexobj(x: Any) -> bool:
    """Say whether the dtype is complex."""
    return bool(x.dtype.kind == "c")


@composite(np.isrealobj)
def isrealobj(x: Any) -> bool:
    """Say whether the dtype is not complex."""
    return bool(x.dtype.kind != "c")


def _memory(a: Any) -> Any:
    while hasattr(a, "cr_owner"):
        a = a.cr_look()
    return getattr(a, "example", a)


@composite(np.may_share_memory)
def may_share_memory(a: Any, b: Any, max_work: Any = None) -> bool:
    """Say whether two arrays may overlap in memory."""
    return np.may_share_memory(_memory(a), _memory(b), max_work)


@composite(np.shares_memory)
def shares_memory(a: Any, b: Any, max_work: Any = -1) -> bool:
    """Say whether two arrays overlap in memory."""
    return np.shares_memory(_memory(a), _memory(b), max_work)


# --- conversion ---------------------------------------------------------------------------


astype_op = declare(
    Op(
        "astype",
        lambda x, dtype: x.astype(dtype),
        (Linear(transpose=lambda ct, _x, dtype: ct),),  # the engine returns it to x's dtype
        batch="elementwise",
        complex=True,
        notation=Notation("{0}", "{0}", rule="a change of precision passes the gradient on"),
    )
)

truncate = declare(
    Op(
        "astype_constant",
        lambda x, dtype: x.astype(dtype),
        (INDEX,),
        batch="elementwise",
        notation=Notation(
            "{dtype}({0})", "\\lfloor {0} \\rfloor", rule="locally constant: nothing flows"
        ),
    )
)


@composite(np.astype, sample((3,), Const(np.complex128)))
def astype(x: Any, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Any:
    """Convert; to integers, booleans and objects a value is constant, as rounding is."""
    dtype = np.dtype(dtype)
    if not copy and x.dtype == dtype:
        return x
    if dtype.kind == "O":
        raise TypeError("a traced array cannot become an array of objects")
    return (astype_op if dtype.kind in "fc" else truncate)(x, dtype=dtype)


def _bind_copy(a: Any, order: str = "K", subok: bool = False) -> Any:
    a = as_array(a)
    return (a,), {"order": memory_order(a, order) if order == "A" else order}


copy = declare(
    Op(
        "copy",
        lambda x, order="K": np.copy(x, order),
        (Linear(transpose=lambda ct, _x, order="K": ct),),
        bind=_bind_copy,
        function=np.copy,
        batch="elementwise",
        complex=True,
        notation=Notation("{0}", "{0}", rule="a copy passes the gradient on"),
        samples=(sample((2, 3)), sample(())),
    )
)
