"""Products of arrays, declared by their index equations.

The transpose of each is read off its equation; a product of two matrices pulls back by two
products of matrices, ``ct @ bᵀ`` and ``aᵀ @ ct``.
"""

import math
from typing import Any

import numpy as np

from ...core.op import Notation, Op, sample
from ...core.registry import composite, declare
from ...core.slots import Linear
from ...errors import UnsupportedFunctionError
from ..declare import as_array
from .reduce import LETTERS

_PRODUCT = "d(AB) = dA·B + A·dB"
Shape = tuple[int, ...]


def batch_letters(a: Shape, b: Shape, letters: Any) -> tuple[str, str, str]:
    """Name batch axes that broadcast; an axis of length 1 against a longer one is its own."""
    head_a = head_b = head = ""
    for i in range(-max(len(a), len(b)), 0):
        p = a[i] if -i <= len(a) else None
        q = b[i] if -i <= len(b) else None
        letter = next(letters)
        own = dict.fromkeys((p, q), letter)
        if p is not None and q is not None and p != q:
            own[1] = next(letters)
        head_a += "" if p is None else own[p]
        head_b += "" if q is None else own[q]
        head += letter
    return head_a, head_b, head


def _refuse_axes(name: str, options: dict[str, Any]) -> None:
    if any(v is not None for v in options.values()):
        raise UnsupportedFunctionError(
            f"np.{name} with {', '.join(options)} received a traced value",
            why="only the last axes are multiplied here",
            cure="move the axes first, with np.moveaxis",
        )


def matmul_equation(a: Shape, b: Shape, **options: Any) -> str:
    """Return the index equation of ``a @ b``."""
    _refuse_axes("matmul", options)
    row, inner, column = "a", "b", "c"
    left = row + inner if len(a) > 1 else inner
    right = inner + column if len(b) > 1 else inner
    head_a, head_b, head = batch_letters(a[:-2], b[:-2], iter(LETTERS[3:]))
    out = head + (row if len(a) > 1 else "") + (column if len(b) > 1 else "")
    return f"{head_a}{left},{head_b}{right}->{out}"


def dot_equation(a: Shape, b: Shape) -> str:
    """Return the index equation of ``np.dot``: the last axis of a with the last but one of b."""
    if not a or not b:
        letters = LETTERS[: len(a) + len(b)]
        return f"{letters[: len(a)]},{letters[len(a) :]}->{letters}"
    letters = LETTERS[1 : len(a) + len(b)]
    left, right = letters[: len(a) - 1], letters[len(a) - 1 : len(a) + len(b) - 2]
    second = right[:-1] + "a" + right[-1:] if right else "a"
    return f"{left}a,{second}->{left}{right}"


def inner_equation(a: Shape, b: Shape) -> str:
    """Return the index equation of ``np.inner``: the last axes with each other."""
    if not a or not b:
        return dot_equation(a, b)
    letters = LETTERS[1 : len(a) + len(b)]
    left, right = letters[: len(a) - 1], letters[len(a) - 1 : len(a) + len(b) - 2]
    return f"{left}a,{right}a->{left}{right}"


def vecdot_equation(a: Shape, b: Shape) -> str:
    """Return the index equation of a stack of scalar products."""
    head_a, head_b, head = batch_letters(a[:-1], b[:-1], iter(LETTERS[1:]))
    return f"{head_a}a,{head_b}a->{head}"


def matvec_equation(a: Shape, b: Shape) -> str:
    """Return the index equation of a stack of products of a matrix and a vector."""
    head_a, head_b, head = batch_letters(a[:-2], b[:-1], iter(LETTERS[2:]))
    return f"{head_a}ab,{head_b}b->{head}a"


def vecmat_equation(a: Shape, b: Shape) -> str:
    """Return the index equation of a stack of products of a vector and a matrix."""
    head_a, head_b, head = batch_letters(a[:-1], b[:-2], iter(LETTERS[2:]))
    return f"{head_a}a,{head_b}ab->{head}b"


def _product(function: Any, equation: Any, text: str, latex: str, *samples: Any, **data: Any) -> Op:
    slot = Linear(equation=equation)
    return declare(
        Op(
            data.pop("name", getattr(function, "__name__", "")),
            data.pop("value", function),
            (slot, slot),
            function=function,
            complex=True,
            notation=Notation(text, latex, 20, (20, 21), _PRODUCT),
            samples=samples,
            **data,
        )
    )


def _arrays(a: Any, b: Any, out: Any = None) -> Any:
    return (as_array(a), as_array(b)), {}


matmul = _product(
    np.matmul, matmul_equation, "{0} {1}", "{0}\\,{1}",
    sample((2, 3), (3, 4)), sample((3,), (3,)), sample((2, 3), (3,)), sample((3,), (3, 2)),
    sample((5, 2, 3), (3, 4)), sample((1, 2, 3), (5, 3, 4)), sample((4, 1, 2, 3), (5, 3, 2)),
    sample((2, 0), (0, 3)), sample((3,), (2, 3, 2)), sample((1, 3), (3, 1)),
)  # fmt: skip
dot = _product(
    np.dot, dot_equation, "{0} {1}", "{0}\\,{1}",
    sample((2, 3), (3, 4)), sample((3,), (3,)), sample((), (2, 3)), sample((2,), ()),
    sample((2, 3), (3,)), sample((2, 2, 3), (4, 3, 2)), sample((0,), (0,)), sample((), ()),
    sample((3,), (2, 3, 1)),
    bind=_arrays,
)  # fmt: skip
inner = _product(
    np.inner, inner_equation, "⟨{0}, {1}⟩", "\\langle {0}, {1} \\rangle",
    sample((3,), (3,)), sample((2, 3), (3,)), sample((2, 3), (4, 3)), sample((), (2,)),
    sample((2, 2, 3), (2, 3)),
    bind=_arrays,
)  # fmt: skip


def _bind_outer(a: Any, b: Any, out: Any = None) -> Any:
    return (np.ravel(as_array(a)), np.ravel(as_array(b))), {}


outer = _product(
    np.outer, lambda a, b: "a,b->ab", "{0} ⊗ {1}", "{0} \\otimes {1}",
    sample((2,), (3,)), sample((2, 2), (3,)), sample((), (2,)), sample((0,), (2,)),
    bind=_bind_outer,
)  # fmt: skip


@composite(np.linalg.outer, sample((2,), (3,)), name="linalg.outer")
def linalg_outer(x1: Any, x2: Any, /) -> Any:
    """Multiply every element of one vector by every element of the other."""
    if np.ndim(x1) != 1 or np.ndim(x2) != 1:
        raise ValueError("Input arrays must be one-dimensional")
    return np.outer(x1, x2)


@composite(np.vdot, sample((3,), (3,)), sample((2, 3), (3, 2)), sample((), ()))
def vdot(a: Any, b: Any, /) -> Any:
    """Multiply the conjugate of one flattened array by the other, and sum."""
    a, b = np.ravel(as_array(a)), np.ravel(as_array(b))
    return np.dot(np.conjugate(a) if a.dtype.kind == "c" else a, b)


# --- stacks of vectors and matrices ---------------------------------------------------------


def _bilinear(function: Any, name: str, conjugated: bool) -> Any:
    """Return the value of a product that NumPy makes with a conjugate, without it."""

    def value(a: Any, b: Any) -> Any:
        return function(np.conjugate(a) if conjugated and a.dtype.kind == "c" else a, b)

    value.__name__ = name
    return value


_vecdot = _product(
    None, vecdot_equation, "⟨{0}, {1}⟩", "\\langle {0}, {1} \\rangle",
    name="vecdot", value=_bilinear(np.vecdot, "vecdot", True),
)  # fmt: skip
_vecmat = _product(
    None, vecmat_equation, "{0} {1}", "{0}\\,{1}",
    name="vecmat", value=_bilinear(np.vecmat, "vecmat", True),
)  # fmt: skip
matvec = _product(
    np.matvec, lambda a, b, **options: _refuse_axes("matvec", options) or matvec_equation(a, b),
    "{0} {1}", "{0}\\,{1}",
    sample((2, 3), (3,)), sample((4, 2, 3), (3,)), sample((2, 3), (4, 3)),
    sample((1, 2, 3), (4, 3)),
)  # fmt: skip


def _conjugated(a: Any) -> Any:
    return np.conjugate(a) if a.dtype.kind == "c" else a


@composite(
    np.vecdot, sample((3,), (3,)), sample((2, 3), (3,)), sample((2, 1, 3), (4, 3)),
    sample((3, 2), (3, 2), axis=0),
)  # fmt: skip
def vecdot(x1: Any, x2: Any, axis: int = -1, **options: Any) -> Any:
    """Multiply stacks of vectors, the first conjugated."""
    _refuse_axes("vecdot", options)
    a, b = as_array(x1), as_array(x2)
    if axis != -1:
        a, b = np.moveaxis(a, axis, -1), np.moveaxis(b, axis, -1)
    return _vecdot(_conjugated(a), b)


@composite(np.vecmat, sample((3,), (3, 2)), sample((4, 3), (3, 2)), sample((4, 3), (4, 3, 2)))
def vecmat(x1: Any, x2: Any, **options: Any) -> Any:
    """Multiply stacks of vectors, conjugated, by matrices."""
    _refuse_axes("vecmat", options)
    return _vecmat(_conjugated(as_array(x1)), as_array(x2))


# --- any axes -------------------------------------------------------------------------------


def tensordot_equation(a: Shape, b: Shape, axes: tuple[tuple[int, ...], tuple[int, ...]]) -> str:
    """Return the index equation of ``np.tensordot`` over the given pairs of axes."""
    first = LETTERS[: len(a)]
    names = iter(LETTERS[len(a) :])
    second = [""] * len(b)
    for i, j in zip(*axes, strict=True):
        second[j] = first[i]
    second = [c or next(names) for c in second]
    gone = {first[i] for i in axes[0]}
    out = "".join(c for c in (*first, *second) if c not in gone)
    return f"{first},{''.join(second)}->{out}"


def _bind_tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    a, b = as_array(a), as_array(b)
    if isinstance(axes, int | np.integer):
        first: Any = range(a.ndim - int(axes), a.ndim)
        second: Any = range(int(axes))
    else:
        first, second = (np.atleast_1d(k).tolist() for k in axes)
    pair = tuple(
        tuple(int(k) + x.ndim if k < 0 else int(k) for k in side)
        for side, x in ((first, a), (second, b))
    )
    return (a, b), {"axes": pair}


tensordot = _product(
    np.tensordot, tensordot_equation, "{0} ∶ {1}", "{0} : {1}",
    sample((2, 3, 4), (3, 4, 2)), sample((2, 3), (3, 4), axes=1), sample((2,), (3,), axes=0),
    sample((2, 3, 4), (4, 2, 3), axes=((0, 2), (1, 0))), sample((2, 3), (2, 3), axes=2),
    sample((2, 3), (4, 2), axes=(0, -1)),
    bind=_bind_tensordot,
)  # fmt: skip


# --- made of the others -----------------------------------------------------------------------


@composite(
    np.kron, sample((2, 3), (2, 2)), sample((2,), (3,)), sample((2,), (2, 3)), sample((), (2,))
)
def kron(a: Any, b: Any) -> Any:
    """Put a copy of `b` in the place of every element of `a`, multiplied by it."""
    a, b = as_array(a), as_array(b)
    n = max(a.ndim, b.ndim)
    shape_a, shape_b = ((1,) * (n - x.ndim) + x.shape for x in (a, b))
    wide_a = np.reshape(a, tuple(m for size in shape_a for m in (size, 1)))
    wide_b = np.reshape(b, tuple(m for size in shape_b for m in (1, size)))
    full = tuple(p * q for p, q in zip(shape_a, shape_b, strict=True))
    return np.reshape(np.multiply(wide_a, wide_b), full)


@composite(
    np.cross, sample((3,), (3,)), sample((2, 3), (3,)), sample((3, 2), (3, 2), axis=0),
    sample((2, 3), (3, 2), axisb=0, axisc=0), sample((4, 1, 3), (2, 3)),
)  # fmt: skip
def cross(
    a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: Any = None
) -> Any:
    """Multiply vectors of three components (of two, with a third that is zero) as a × b."""
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = np.moveaxis(as_array(a), axisa, -1), np.moveaxis(as_array(b), axisb, -1)
    if a.shape[-1] not in (2, 3) or b.shape[-1] not in (2, 3):
        raise ValueError(
            "Both input arrays must be (arrays of) 3-dimensional vectors, but they are "
            f"{a.shape[-1]} and {b.shape[-1]} dimensional instead."
        )
    a0, a1, b0, b1 = a[..., 0], a[..., 1], b[..., 0], b[..., 1]
    last = a0 * b1 - a1 * b0
    if a.shape[-1] == 2 and b.shape[-1] == 2:
        return last
    if a.shape[-1] == 2:
        parts = [a1 * b[..., 2], -(a0 * b[..., 2]), last]
    elif b.shape[-1] == 2:
        parts = [-(a[..., 2] * b1), a[..., 2] * b0, last]
    else:
        a2, b2 = a[..., 2], b[..., 2]
        parts = [a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, last]
    return np.moveaxis(np.stack(parts, axis=-1), -1, axisc)


@composite(np.linalg.cross, sample((3,), (3,)), sample((2, 3), (2, 3)), name="linalg.cross")
def linalg_cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """Multiply vectors of three components as x1 × x2."""
    x1, x2 = as_array(x1), as_array(x2)
    if x1.shape[axis] != 3 or x2.shape[axis] != 3:
        raise ValueError(
            "Both input arrays must be (arrays of) 3-dimensional vectors, but they are "
            f"{x1.shape[axis]} and {x2.shape[axis]} dimensional instead."
        )
    return np.cross(x1, x2, axis=axis)


@composite(
    np.linalg.multi_dot, sample([(2, 3), (3, 4)]), sample([(3,), (3, 4), (4, 2), (2,)]),
    sample([(5, 2), (2, 4), (4, 3)]),
)  # fmt: skip
def multi_dot(arrays: Any, *, out: Any = None) -> Any:
    """Multiply a chain of matrices in the order that costs the fewest multiplications."""
    chain = [as_array(a) for a in arrays]
    if len(chain) < 2:
        raise ValueError("Expecting at least two arrays.")
    row, column = chain[0].ndim == 1, chain[-1].ndim == 1
    if row:
        chain[0] = np.reshape(chain[0], (1, -1))
    if column:
        chain[-1] = np.reshape(chain[-1], (-1, 1))
    if any(a.ndim != 2 for a in chain):
        raise np.linalg.LinAlgError("the arrays between the first and the last must be 2-d")
    product = _chain(chain, _splits([chain[0].shape[0], *(a.shape[1] for a in chain)]))
    if row and column:
        return product[0, 0]
    return np.ravel(product) if row or column else product


def _splits(sizes: list[int]) -> dict[tuple[int, int], int]:
    """Return where each part of the chain is split best (T. H. Cormen et al., §15.2)."""
    n = len(sizes) - 1
    cost = {(i, i): 0 for i in range(n)}
    best: dict[tuple[int, int], int] = {}
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            ways = [
                (cost[i, k] + cost[k + 1, j] + math.prod((sizes[i], sizes[k + 1], sizes[j + 1])), k)
                for k in range(i, j)
            ]
            cost[i, j], best[i, j] = min(ways)
    return best


def _chain(
    chain: list[Any], best: dict[tuple[int, int], int], i: int = 0, j: int | None = None
) -> Any:
    j = len(chain) - 1 if j is None else j
    if i == j:
        return chain[i]
    k = best[i, j]
    return np.dot(_chain(chain, best, i, k), _chain(chain, best, k + 1, j))
