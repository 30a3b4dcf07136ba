"""Windows that slide over an array, arrays laid anew over the same memory, and Kaiser's window.

The views are read-only here: NumPy lets a window be written, and its elements overlap.
"""

from typing import Any

import numpy as np
from numpy.lib import stride_tricks
from numpy.lib.array_utils import normalize_axis_tuple

from ...core.op import Const, Notation, Op, sample
from ...core.registry import add, composite
from ...core.slots import Linear
from ...errors import UnsupportedFunctionError
from ..declare import as_array, elementwise
from .index import scatter_add
from .own_python import plain


def _add_back(ct: Any, x: Any, places: Any) -> Any:
    """Add what each place of a view receives to the element of `x` that stands there."""
    assert scatter_add.bind is not None
    size = int(np.prod(x.shape, dtype=int))
    args, params = scatter_add.bind(ct, (places,), (size,))
    return np.reshape(scatter_add(*args, **params), x.shape)


def _numbered(shape: tuple[int, ...]) -> Any:
    return np.arange(int(np.prod(shape, dtype=int))).reshape(shape)


def _slide_back(ct: Any, x: Any, window: Any, axis: Any) -> Any:
    return _add_back(ct, x, stride_tricks.sliding_window_view(_numbered(x.shape), window, axis))


def _slide_stack(op: Op, _size: int, args: Any, _batched: Any, params: dict[str, Any]) -> Any:
    return op(args[0], window=params["window"], axis=tuple(k + 1 for k in params["axis"]))


windows = Op(
    "sliding_window_view",
    lambda x, window, axis: stride_tricks.sliding_window_view(x, window, axis),
    (Linear(transpose=_slide_back),),
    view="readonly",
    batch=_slide_stack,
    complex=True,
    notation=Notation(rule="every element receives the sum over the windows it stands in"),
)
add(windows)


@composite(
    stride_tricks.sliding_window_view, sample((6,), 3), sample((3, 4), Const((2, 2))),
    sample((3, 4), 2, axis=1), sample((5,), 1), sample((3, 3), Const((2, 2)), axis=(0, 0)),
)  # fmt: skip
def sliding_window_view(
    x: Any, window_shape: Any, axis: Any = None, *, subok: bool = False, writeable: bool = False
) -> Any:
    """View an array through a window that slides over it.

    Errors: `writeable=True` is refused: the windows overlap.
    """
    if writeable:
        raise UnsupportedFunctionError(
            "sliding_window_view(writeable=True) received a traced value",
            why="its elements overlap, so what a store means depends on the order of the writes",
            cure="store into the array itself, and take the windows of it afterwards",
        )
    x = as_array(x)
    window = tuple(int(n) for n in np.atleast_1d(window_shape))
    axes = tuple(range(x.ndim)) if axis is None else normalize_axis_tuple(
        axis, x.ndim, allow_duplicate=True
    )  # fmt: skip
    if len(window) != len(axes):
        raise ValueError("Must provide one length of the window for every axis it slides along")
    return windows(x, window=window, axis=axes)


# --- memory laid out anew ---------------------------------------------------------------------


def _strided_places(x: Any, shape: Any, strides: Any) -> Any:
    """Return the number of the element at every place of a view; refuse what is outside `x`."""
    offset = np.zeros(shape, int)
    for k, step in enumerate(strides):
        along = np.arange(shape[k]) * step
        offset = offset + along.reshape((-1,) + (1,) * (len(shape) - k - 1))
    places, rest = np.divmod(offset, x.dtype.itemsize)
    if offset.size and (np.any(rest) or places.min() < 0 or places.max() >= x.size):
        raise UnsupportedFunctionError(
            "as_strided received a traced array, and strides that lead outside it",
            why="what stands there is not an element of the array",
            cure="keep the view inside the array; sliding_window_view does",
        )
    return places


def _lay_each(_op: Op, size: int, args: Any, _batched: Any, params: dict[str, Any]) -> Any:
    """Lay every example anew, by the numbers of its elements."""
    example = _Described(args[0], size)
    places = _strided_places(example, params["shape"], params["strides"])
    return np.reshape(args[0], (size, example.size))[:, places]


def _lay(x: Any, shape: Any, strides: Any) -> Any:
    """Lay out anew; a tangent may be of another layout in memory than its contiguous primal."""
    x = np.ascontiguousarray(x)
    return stride_tricks.as_strided(x, shape, strides, writeable=False)


strided = Op(
    "as_strided",
    _lay,
    (
        Linear(
            transpose=lambda ct, x, shape, strides: _add_back(
                ct, x, _strided_places(_Described(x), shape, strides)
            )
        ),
    ),
    view="shared",
    batch=_lay_each,
    complex=True,
    notation=Notation(rule="every element receives the sum over the places that show it"),
)
add(strided)


class _Described:
    """Shape and dtype are all that is known of a linear argument; this adds its size."""

    def __init__(self, x: Any, examples: int = 1) -> None:
        self.dtype, self.size = x.dtype, int(np.prod(x.shape, dtype=int)) // max(examples, 1)


@composite(stride_tricks.as_strided, name="as_strided")
def as_strided(
    x: Any, shape: Any = None, strides: Any = None, subok: bool = False, writeable: bool = True,
    *, check_bounds: Any = None,
) -> Any:  # fmt: skip
    """Lay a shape and strides over the elements of a contiguous array.

    Errors: an array that is not contiguous, or strides that lead outside it, are refused.
    """
    x = x if hasattr(x, "dtype") else np.array(x)
    held = plain(x)
    if not x.flags.c_contiguous:  # of a batch those of one example
        raise UnsupportedFunctionError(
            "as_strided received a traced array that is not contiguous",
            why="its strides lead to elements that are not its own",
            cure="pass np.ascontiguousarray(‹x 0›), or index with an array of places",
        )
    shape = held.shape if shape is None else tuple(int(n) for n in np.atleast_1d(shape))
    strides = held.strides if strides is None else tuple(int(n) for n in np.atleast_1d(strides))
    _strided_places(held, shape, strides)
    y = strided(x, shape=shape, strides=strides)
    if not writeable:
        y.setflags(write=False)
    return y


# --- Kaiser's window --------------------------------------------------------------------------


def _i1(x: Any) -> Any:
    from scipy import special

    return special.i1(x)


elementwise(
    np.i0, lambda _y, x: _i1(x), name="numpy_i0", value=np.i0, text="I₀",
    latex="I_0", rule="I₀′ = I₁", mp="besseli(0, x)",
    references=("NIST Digital Library of Mathematical Functions, 10.29.3",),
)  # fmt: skip


@composite(np.kaiser, sample(Const(5), ()), sample(Const(1), ()))
def kaiser(M: Any, beta: Any) -> Any:
    """Return Kaiser's window: the quotient of two Bessel functions I₀."""
    if M < 1:
        return np.zeros(0)
    if M == 1:
        return np.ones(1)
    beta, middle = as_array(beta).astype(np.float64), (M - 1) / 2.0
    shape = np.sqrt(1 - ((np.arange(M) - middle) / middle) ** 2.0)
    return np.i0(beta * shape) / np.i0(beta)
