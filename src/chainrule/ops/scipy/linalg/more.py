"""The rest of `scipy.linalg`: inverses, determinants, least squares, norms, special matrices."""

import math
from typing import Any

import numpy as np
from scipy import linalg

from ....core.op import Notation, Op, sample
from ....core.registry import add, composite, declare
from ....core.slots import Jvp
from ...declare import as_array, constant_call
from ...numpy.decompositions import from_triangle, positive_definite
from ...numpy.determinants import cofactor
from ...numpy.linalg import GILES, GOLUB, _lstsq_jvp, _pinv_jvp, well_conditioned
from ...scaled import scaled
from ..common import (
    agreed,
    as_computed,
    binder,
    constant_of,
    over_batch,
    reader,
    refusal,
    refused,
)  # fmt: skip
from .systems import as_read

# --- inverses and determinants --------------------------------------------------------------------


def _inv_jvp(t: Any, y: Any, _a: Any, assume_a: Any, lower: bool, **_params: Any) -> Any:
    return -np.matmul(y, np.matmul(as_read(t, assume_a, lower), y))


declare(
    Op(
        "scipy.inv",
        lambda a, **params: linalg.inv(a, **params),
        (Jvp(_inv_jvp),),
        batch="loop",
        function=linalg.inv,
        bind=binder(linalg.inv, "a"),
        complex=True,
        notation=Notation("{0}⁻¹", "{0}^{{-1}}", 30, (31,), "d(A⁻¹) = −A⁻¹ dA A⁻¹"),
        samples=(
            sample(well_conditioned(3, 3)), sample(well_conditioned(2, 2, 2)),
            sample(well_conditioned(1, 1)), sample(positive_definite(3, 3), assume_a="pos"),
            sample(positive_definite(3, 3), assume_a="sym", lower=True),
            sample(well_conditioned(3, 3), assume_a="upper triangular"),
        ),
        references=(GILES,),
    )
)  # fmt: skip
declare(
    Op(
        "scipy.det",
        lambda a, **params: linalg.det(a, **params),
        (Jvp(lambda t, _y, a, **_params: np.sum(cofactor(a) * t, axis=(-2, -1))),),
        batch="loop",
        function=linalg.det,
        bind=binder(linalg.det, "a"),
        complex=True,
        notation=Notation(
            "det({0})", "\\det {0}", rule="Jacobi's formula: d det A = tr(adj(A) dA)"
        ),
        samples=(
            sample(well_conditioned(3, 3)), sample((2, 2)), sample(well_conditioned(2, 2, 2)),
            sample((1, 1)),
        ),
        references=(GILES,),
    )
)  # fmt: skip

_PINV = Notation(
    "{0}⁺", "{0}^{{+}}", 30, (31,), "where the rank is constant, dA⁺ = −A⁺ dA A⁺ + "
    "A⁺A⁺ᴴ dAᴴ (I − AA⁺) + (I − A⁺A) dAᴴ A⁺ᴴA⁺",
)  # fmt: skip
pinv_op = Op(
    "scipy.pinv", lambda a, **params: linalg.pinv(a, **params), (Jvp(_pinv_jvp),), complex=True,
    batch="loop", notation=_PINV, references=(GOLUB,),
)  # fmt: skip
pinvh_op = Op(
    "scipy.pinvh", lambda a, lower, **params: linalg.pinvh(a, lower=lower, **params),
    (Jvp(lambda t, y, a, lower, **params: _pinv_jvp(
        from_triangle(t, lower), y, from_triangle(a, lower), **params
    )),),
    batch="loop",
    complex=True, notation=_PINV, references=(GOLUB,),
)  # fmt: skip
_ranks = constant_of("pinv_rank", lambda a, **params: linalg.pinv(a, return_rank=True, **params)[1])
_ranks_h = constant_of(
    "pinvh_rank", lambda a, **params: linalg.pinvh(a, return_rank=True, **params)[1]
)
add(pinv_op)
add(pinvh_op)
_read_pinv, _read_pinvh = reader(linalg.pinv), reader(linalg.pinvh)


def _pseudo(params: dict[str, Any], op: Op, rank: Op) -> Any:
    a, ranked = as_array(params.pop("a")), params.pop("return_rank")

    def single(a: Any) -> Any:
        return (op(a, **params), rank(a, **params)) if ranked else op(a, **params)

    return over_batch((2,), single)(a)


@composite(
    linalg.pinv, sample((3, 2)), sample((2, 3)), sample((2, 3, 2)), sample((3, 1), rtol=1e-10),
    sample((3, 2), return_rank=True), name="scipy.linalg.pinv",
)  # fmt: skip
def pinv(*args: Any, **kwargs: Any) -> Any:
    """Return the pseudo-inverse. Domain: where the rank does not change."""
    return _pseudo(_read_pinv(args, kwargs), pinv_op, _ranks)


@composite(
    linalg.pinvh, sample(positive_definite(3, 3)), sample(positive_definite(3, 3), lower=False),
    name="scipy.linalg.pinvh",
)  # fmt: skip
def pinvh(*args: Any, **kwargs: Any) -> Any:
    """Return the pseudo-inverse of a Hermitian matrix, of which one triangle is read."""
    return _pseudo(_read_pinvh(args, kwargs), pinvh_op, _ranks_h)


# --- least squares --------------------------------------------------------------------------------


def _lstsq_value(a: Any, b: Any, **params: Any) -> Any:
    x, residuals, _, s = linalg.lstsq(a, b, **params)
    return x, residuals, np.zeros(0) if s is None else s


def _scipy_lstsq_jvp(t: Any, y: Any, a: Any, b: Any, cond: Any, **_params: Any) -> Any:
    x, residuals, s = y
    cond = float(np.finfo(a.dtype).eps) if cond is None else cond
    dx, dr, ds = _lstsq_jvp(t, (x, np.reshape(residuals, (-1,)), s), a, b, cond)
    dr = None if dr is None else np.reshape(dr, residuals.shape)
    return dx, dr, ds if s.shape[0] else None


_lstsq_slot = Jvp(_scipy_lstsq_jvp, joint=True)
lstsq_op = Op(
    "scipy.lstsq", _lstsq_value, (_lstsq_slot, _lstsq_slot), batch="loop", outputs=3, complex=True,
    notation=Notation(
        "argmin‖{0}·x − {1}‖²", "\\arg\\min_x \\|{0} x - {1}\\|^2",
        rule="x = A⁺b, and dA⁺ where the rank is constant",
    ),
    references=(GOLUB,),
)  # fmt: skip
add(lstsq_op)
_lstsq_rank = constant_of(
    "scipy.lstsq_rank", lambda a, b, **params: linalg.lstsq(a, b, **params)[2]
)
_read_lstsq = reader(linalg.lstsq)


@composite(
    linalg.lstsq, sample((4, 2), (4,)), sample((4, 2), (4, 3)), sample((2, 3), (2,)),
    sample((2, 4, 2), (2, 4, 1)), sample(well_conditioned(2, 2), (2,)),
    name="scipy.linalg.lstsq",
)  # fmt: skip
def lstsq(*args: Any, **kwargs: Any) -> Any:
    """Solve in the least-squares sense, where the rank of the matrix does not change."""
    params = _read_lstsq(args, kwargs)
    a, b = as_array(params.pop("a")), as_array(params.pop("b"))
    if params["lapack_driver"] == "gelsy":
        raise refusal(
            "scipy.linalg.lstsq(lapack_driver='gelsy')", "it gives no singular values",
            "leave out lapack_driver",
        )  # fmt: skip

    def single(a: Any, b: Any) -> Any:
        x, residuals, s = lstsq_op(a, b, **params)
        return x, residuals, _lstsq_rank(a, b, **params).item(), s

    return over_batch((2, "1|2"), single)(a, b)


# --- norms ----------------------------------------------------------------------------------------

_norm_value = constant_of("scipy.norm_value", lambda a, **params: linalg.norm(a, **params))


@composite(
    linalg.norm, sample((3,)), sample((2, 3)), sample((2, 3), 1), sample((2, 3), math.inf),
    sample((2, 3), axis=1), sample((3,), 1), sample((2, 3), "nuc", keepdims=True),
    name="scipy.linalg.norm",
)  # fmt: skip
def norm(
    a: Any, ord: Any = None, axis: Any = None, keepdims: bool = False, check_finite: bool = True
) -> Any:
    """Return a norm, as `numpy.linalg.norm` does; at the zero vector its derivative is 0."""
    a = as_array(a)
    if axis is not None or keepdims:
        return np.linalg.norm(a, ord=ord, axis=axis, keepdims=keepdims)
    value = _norm_value(a, ord=ord, check_finite=check_finite)
    degree = 0 if ord == 0 else 1
    found = scaled(lambda a: np.linalg.norm(a, ord=ord), degree, a, value=value)
    found = as_computed(found, value)
    if not a.size or a.dtype.char not in "fdFD" or a.ndim > 2:
        return found
    by_lapack = ord in (1, math.inf) and a.flags.c_contiguous != a.flags.f_contiguous
    by_blas = ord in (None, 2)
    return found.item() if (by_blas, by_lapack)[a.ndim - 1] else found


# --- matrices of a given form ---------------------------------------------------------------------


def _picked(vals: Any, index: Any) -> Any:
    return np.take(vals, index, axis=-1)


@composite(
    linalg.toeplitz, sample((4,)), sample((3,), (2,)), sample((2, 3), (3,)),
    name="scipy.linalg.toeplitz",
)  # fmt: skip
def toeplitz(c: Any, r: Any = None) -> Any:
    """Return the matrices with constant diagonals, given by the first column and row."""
    c = np.atleast_1d(as_array(c))
    if r is None:
        r = np.conjugate(c) if c.dtype.kind == "c" else c
    r = np.atleast_1d(as_array(r))
    stack = np.broadcast_shapes(c.shape[:-1], r.shape[:-1])
    c, r = (np.broadcast_to(v, stack + v.shape[-1:]) for v in (c, r))
    n = c.shape[-1]
    i, j = np.ogrid[:n, : r.shape[-1]]
    return _picked(np.concatenate([c[..., ::-1], r[..., 1:]], axis=-1), n - 1 - i + j)


@composite(linalg.hankel, sample((4,)), sample((3,), (2,)), name="scipy.linalg.hankel")
def hankel(c: Any, r: Any = None) -> Any:
    """Return the matrix with constant anti-diagonals, given by the first column and last row."""
    c = np.ravel(as_array(c))
    r = np.zeros_like(c) if r is None else np.ravel(as_array(r))
    i, j = np.ogrid[: c.shape[0], : r.shape[0]]
    return _picked(np.concatenate([c, r[1:]]), i + j)


@composite(linalg.circulant, sample((4,)), sample((2, 3)), name="scipy.linalg.circulant")
def circulant(c: Any) -> Any:
    """Return the matrix whose columns are the first one, turned."""
    c = np.atleast_1d(as_array(c))
    n = c.shape[-1]
    i, j = np.ogrid[:n, :n]
    return _picked(c, (i - j) % n)


@composite(
    linalg.block_diag, sample((2, 2), (1, 3)), sample((2,), (), (2, 1)), sample((2, 1, 2), (1, 1)),
    name="scipy.linalg.block_diag",
)  # fmt: skip
def block_diag(*arrs: Any) -> Any:
    """Put matrices along the diagonal."""
    blocks = [np.atleast_2d(as_array(a)) for a in arrs]
    stack = np.broadcast_shapes(*(a.shape[:-2] for a in blocks))
    dtype = np.result_type(*(a.dtype for a in blocks))
    width, rows, start = sum(a.shape[-1] for a in blocks), [], 0
    for a in blocks:
        a = np.broadcast_to(a, stack + a.shape[-2:])
        left, right = start, width - start - a.shape[-1]
        a = a if a.dtype == dtype else a.astype(dtype)
        rows.append(np.pad(a, [(0, 0)] * (a.ndim - 1) + [(left, right)]))
        start += a.shape[-1]
    return np.concatenate(rows, axis=-2)


@composite(linalg.companion, sample((4,)), sample((2, 3)), name="scipy.linalg.companion",
           domain=((0.5, 2.0),))  # fmt: skip
def companion(a: Any) -> Any:
    """Return the matrix whose eigenvalues are the roots of a polynomial."""
    a = np.atleast_1d(as_array(a))
    n = a.shape[-1]
    if n < 2:
        raise ValueError("The length of `a` along the last axis must be at least 2.")
    if np.any(np.equal(a[..., 0], 0)):
        raise ValueError(
            "The first coefficient(s) of `a` (i.e. elements of `a[..., 0]`) must not be zero."
        )
    first = (-a[..., 1:] / (1.0 * a[..., 0:1]))[..., None, :]
    rest = np.broadcast_to(np.eye(n - 2, n - 1, dtype=a.dtype), (*a.shape[:-1], n - 2, n - 1))
    return np.concatenate([first, rest], axis=-2)


@composite(linalg.leslie, sample((4,), (3,)), name="scipy.linalg.leslie")
def leslie(f: Any, s: Any) -> Any:
    """Return the Leslie matrix of fecundities and survivals."""

    def single(f: Any, s: Any) -> Any:
        n = f.shape[0]
        if n != s.shape[0] + 1 or n < 2:
            raise ValueError("Incorrect lengths for f and s: s must be one shorter than f.")
        return np.concatenate([f[None], np.pad(np.diag(s), ((0, 0), (0, 1)))])

    return over_batch((1, 1), single)(np.atleast_1d(as_array(f)), np.atleast_1d(as_array(s)))


@composite(linalg.fiedler, sample((4,)), sample((2, 3)), name="scipy.linalg.fiedler")
def fiedler(a: Any) -> Any:
    """Return the distances between all pairs of numbers; 0 where two are equal, also to order 1."""
    a = np.atleast_1d(as_array(a))
    return np.abs(a[..., :, None] - a[..., None, :])


@composite(
    linalg.khatri_rao, sample((2, 3), (4, 3)), sample((2, 2, 3), (2, 3)),
    name="scipy.linalg.khatri_rao",
)  # fmt: skip
def khatri_rao(a: Any, b: Any) -> Any:
    """Return the Kronecker products of the columns."""

    def single(a: Any, b: Any) -> Any:
        if a.shape[1] != b.shape[1]:
            raise ValueError("The number of columns for both arrays should be equal.")
        return np.reshape(a[:, None, :] * b[None, :, :], (-1, a.shape[1]))

    return over_batch((2, 2), single)(as_array(a), as_array(b))


@composite(
    linalg.convolution_matrix, sample((3,), 4), sample((3,), 2, "same"), sample((3,), 5, "valid"),
    name="scipy.linalg.convolution_matrix",
)  # fmt: skip
def convolution_matrix(a: Any, n: int, mode: str = "full") -> Any:
    """Return the matrix whose product with a vector of length n is the convolution with `a`."""
    a = as_array(a)
    if n <= 0 or a.size == 0:
        raise ValueError("n must be a positive integer, and len(a) at least 1")
    if mode not in ("full", "valid", "same"):
        raise ValueError("'mode' argument must be one of ('full', 'valid', 'same')")
    size = a.shape[-1]
    i, j = np.ogrid[: size + n - 1, :n]
    padded = np.concatenate([a, np.zeros_like(a[..., :1])], axis=-1)
    full = _picked(padded, np.where((i >= j) & (i - j < size), i - j, size))
    trim = 0 if mode == "full" else min(n, size) - 1
    start = trim // 2 if mode == "same" else trim
    return full[..., start : full.shape[-2] - (trim - start if mode == "same" else trim), :]


_product_value = constant_of(
    "matmul_toeplitz_value", lambda c, r, x, **params: linalg.matmul_toeplitz((c, r), x, **params)
)


@composite(
    linalg.matmul_toeplitz, sample((4,), (4,)), sample((4,), (4, 2)),
    sample(lambda rng: (rng.standard_normal(3), rng.standard_normal(4)), (4,)),
    name="scipy.linalg.matmul_toeplitz",
)  # fmt: skip
def matmul_toeplitz(c_or_cr: Any, x: Any, check_finite: bool = False, workers: Any = None) -> Any:
    """Multiply a Toeplitz matrix with vectors."""
    pair = isinstance(c_or_cr, tuple)
    c = as_array(c_or_cr[0] if pair else c_or_cr)
    if pair:
        r = as_array(c_or_cr[1])
    else:
        r = np.conjugate(c) if c.dtype.kind == "c" else c
    x = as_array(x)
    value = _product_value(c, r, x, check_finite=check_finite)
    return as_computed(np.matmul(toeplitz(c, r), x), value)


refused(
    linalg.fiedler_companion, "it has no rule", "use scipy.linalg.companion: its eigenvalues are "
    "the same", "scipy.linalg.fiedler_companion",
)  # fmt: skip
refused(
    linalg.clarkson_woodruff_transform, "it draws a random sketch and converts its input",
    "draw the sketch S outside and write S @ x", "scipy.linalg.clarkson_woodruff_transform",
)  # fmt: skip


@composite(linalg.diagsvd, sample((2,), 2, 3), sample((2,), 3, 2), name="scipy.linalg.diagsvd")
def diagsvd(s: Any, M: int, N: int) -> Any:
    """Return the M×N matrix with singular values on its diagonal."""
    s = as_array(s)
    if s.shape[-1] not in (M, N):
        raise ValueError("Length of s must be M or N.")
    return over_batch((1,), lambda s: np.pad(np.diag(s), ((0, M - len(s)), (0, N - len(s)))))(s)


@composite(linalg.bandwidth, name="scipy.linalg.bandwidth")
def bandwidth(a: Any) -> Any:
    """Return how many diagonals below and above are not all 0: two whole numbers."""
    return linalg.bandwidth(agreed(as_array(a)))


for _function in (linalg.issymmetric, linalg.ishermitian):
    constant_call(
        _function, "a", batch="loop", name=f"scipy.{_function.__name__}",
        notation=Notation(rule="piecewise constant: nothing flows"),
    )  # fmt: skip
