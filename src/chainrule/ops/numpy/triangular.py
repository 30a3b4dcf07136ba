"""Solutions of triangular systems, for rules: by substitution, where NumPy would factor anew.

Triangular matrices are what other operations return (Cholesky, LU, QR), so their rules come here. A
zero on the diagonal raises `LinAlgError`, as `np.linalg.solve` does.

References: I. Murray, Differentiation of the Cholesky decomposition (2016).
"""

from typing import Any

import numpy as np

from ...core.op import Notation, Op, sample
from ...core.registry import add
from ...core.slots import Jvp, Linear

_SMALL = 16  # below, a stack of matrices is quicker by one call of NumPy's


def _triangle(a: Any, lower: bool, unit: bool) -> Any:
    """Return what is read of `a`."""
    part = np.tril(a, -1 if unit else 0) if lower else np.triu(a, 1 if unit else 0)
    return part + np.eye(a.shape[-1], dtype=a.dtype) if unit else part


def _solve(a: Any, b: Any, lower: bool, unit: bool) -> Any:
    """Return T⁻¹b, T the lower or upper triangle of `a`, its diagonal 1 if `unit`."""
    if type(a) is not np.ndarray or type(b) is not np.ndarray or a.shape[-1] == 0:
        return np.linalg.solve(_triangle(a, lower, unit), b)
    kind = np.result_type(a, b)
    if kind.char not in "fdFD" or (a.ndim > 2 and a.shape[-1] < _SMALL):
        return np.linalg.solve(_triangle(a, lower, unit), b)
    if not unit and not np.diagonal(a, 0, -2, -1).all():
        raise np.linalg.LinAlgError("Singular matrix")
    a, b = a.astype(kind, copy=False), b.astype(kind, copy=False)
    if a.ndim == b.ndim == 2:
        return substituted(a, b, lower, unit)
    front = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a = np.broadcast_to(a, (*front, *a.shape[-2:]))
    found = np.empty((*front, *b.shape[-2:]), kind)
    b = np.broadcast_to(b, found.shape)
    for k in np.ndindex(front):
        found[k] = substituted(a[k], b[k], lower, unit)
    return found


def substituted(a: Any, b: Any, lower: bool, unit: bool = False) -> Any:
    """Return T⁻¹b of plain matrices of one dtype, in the layout of `b`, without a copy of `a`."""
    from scipy.linalg import blas  # most programs never come here

    solve = getattr(blas, _PREFIX[b.dtype.char] + "trsm")
    turned = not a.flags.f_contiguous
    if turned:  # BLAS reads columns: of rows it sees the transpose
        a, lower = a.T, not lower
    if b.flags.f_contiguous:
        return solve(1.0, a, b, lower=lower, trans_a=turned, diag=unit)
    return solve(1.0, a, b.T, side=1, lower=lower, trans_a=not turned, diag=unit).T


_PREFIX = {"f": "s", "d": "d", "F": "c", "D": "z"}


def _jvp(t: Any, y: Any, a: Any, _b: Any, lower: bool, unit: bool) -> Any:
    part = np.tril(t, -1 if unit else 0) if lower else np.triu(t, 1 if unit else 0)
    return -triangular(a, np.matmul(part, y), lower=lower, unit=unit)


def _transpose(ct: Any, a: Any, _b: Any, lower: bool, unit: bool) -> Any:
    return triangular(np.matrix_transpose(a), ct, lower=not lower, unit=unit)


def _drawn(*shape: int) -> Any:
    return lambda rng: rng.standard_normal(shape) * 0.3 + 2 * np.eye(shape[-1])


triangular = Op(
    "triangular_solve",
    _solve,
    (Jvp(_jvp), Linear(transpose=_transpose)),
    batch="stacks",
    complex=True,
    notation=Notation(
        "{0}⁻¹ {1}", "{0}^{{-1}} {1}", 20, (31, 21),
        "x = T⁻¹b: linear in b; in T, dx = −T⁻¹ dT x",
    ),
    samples=tuple(
        sample(_drawn(*a), b, lower=lower, unit=unit)
        for a, b in (((3, 3), (3, 2)), ((2, 3, 3), (2, 3, 2)), ((3, 3), (2, 3, 1)))
        for lower in (False, True) for unit in (False, True)
    ),
    references=("I. Murray, Differentiation of the Cholesky decomposition (2016)",),
)  # fmt: skip
add(triangular)


# --- backward through factors, by blocks ----------------------------------------------------------

_BLOCK = 96


def cholesky_back(low: Any, back: Any) -> Any:
    """Return the cotangent of the lower triangle of A = LLᵀ, given that of L; plain and real.

    Murray's algorithm by blocks: two thirds of the n³ operations of one product of matrices, where
    the formula L⁻ᵀ Φ(LᵀL̄) L⁻¹ takes four times as many.
    """
    found = np.tril(back).astype(low.dtype, copy=False)
    for end in range(low.shape[0], 0, -_BLOCK):
        k = slice(max(end - _BLOCK, 0), end)
        block, own, left = low[k, k], found[k, k], slice(0, k.start)
        if end < low.shape[0]:
            below = substituted(block.T, found[end:, k].T, False).T
            found[end:, k] = below
            found[end:, left] -= below @ low[k, left]
            own = own - np.tril(below.T @ low[end:, k])
            found[k, left] -= below.T @ low[end:, left]
        found[k, k] = own = _small_back(block, own)
        found[k, left] -= (own + own.T) @ low[k, left]
    return found


def _small_back(low: Any, back: Any) -> Any:
    inner = np.tril(low.T @ back)
    np.einsum("ii->i", inner)[...] *= 0.5
    turned = low.T
    half = substituted(turned, inner, False)
    found = substituted(turned, half.T, False)  # the transpose of L⁻ᵀ Φ L⁻¹
    found = np.tril(found + found.T)
    np.einsum("ii->i", found)[...] *= 0.5
    return found


def lu_back(packed: Any, back: Any) -> Any:
    """Return the cotangent of PᵀA = LU, given that of the factors stored together; plain and real.

    As LAPACK factors a block of columns and then what is left, from the last block to the first:
    two thirds of the operations of one product of matrices, as for Cholesky.
    """
    found = back.astype(packed.dtype)
    for start in range((packed.shape[0] - 1) // _BLOCK * _BLOCK, -1, -_BLOCK):
        end = start + _BLOCK
        k, rest = slice(start, end), slice(end, None)
        own, low, up = found[k, k], packed[rest, k], packed[k, rest]
        right, below = found[k, rest], found[rest, k]
        right -= low.T @ found[rest, rest]
        below -= found[rest, rest] @ up.T
        right[...] = substituted(packed[k, k].T, right, False, True)
        below[...] = substituted(packed[k, k], below.T, False).T  # S U⁻ᵀ = (U⁻¹ Sᵀ)ᵀ
        own -= np.tril(right @ up.T, -1) + np.triu(low.T @ below)
        own[...] = _small_lu_back(packed[k, k], own)
    return found


def _small_lu_back(packed: Any, back: Any) -> Any:
    low = np.tril(packed, -1) + np.eye(packed.shape[0], dtype=packed.dtype)
    up = np.triu(packed)
    inner = np.tril(low.T @ np.tril(back, -1), -1) + np.triu(np.triu(back) @ up.T)
    half = substituted(packed.T, inner, False, True)
    return substituted(packed, half.T, False).T
