"""Systems of equations of `scipy.linalg`: linear in the right-hand side, and in the matrix by
dx = −A⁻¹ dA x.

Of a matrix that the caller declares to be symmetric, triangular, … SciPy reads a part only, and
the derivative is that of the program as it stands: the entries that are not read have derivative
zero, as differences show.

Singular matrices raise SciPy's `LinAlgError`.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import linalg

from ....core.op import Const, Notation, Op, sample
from ....core.registry import add, composite, declare
from ....core.slots import Jvp, Linear
from ...declare import as_array
from ...numpy.decompositions import from_triangle, positive_definite
from ...numpy.linalg import GILES, solve_again, well_conditioned
from ..common import binder, over_batch, reader

_RULE = "x = A⁻¹b: linear in b; in A, dx = −A⁻¹ dA x"
_NOTATION = Notation("{0}⁻¹ {1}", "{0}^{{-1}} {1}", 20, (31, 21), _RULE)


def system(
    name: str,
    value: Callable[..., Any],
    times: Callable[..., Any],
    flip: Callable[..., Any],
    again: Callable[..., Any] | None = None,
    **data: Any,
) -> Op:
    """Declare a solver x = A⁻¹b by what its matrix argument stands for.

    ``times(m, x, **params)`` is the product of that matrix with x; ``flip(m, **params)`` gives the
    argument and the params of the transposed system; ``again(m, b, **params)`` solves once more.
    """

    def jvp(t: Any, y: Any, a: Any, _b: Any, **params: Any) -> Any:
        if len(_b.shape) == 1 < y.ndim:  # one vector, and a stack of matrices
            return -solved(a, times(t, y[..., None], **params), **params)[..., 0]
        return -solved(a, times(t, y, **params), **params)

    def transpose(ct: Any, a: Any, b: Any, **params: Any) -> Any:
        turned, params = flip(a, **params)
        if len(b.shape) == 1 < ct.ndim:
            return solved(turned, ct[..., None], **params)[..., 0]
        return solved(turned, ct, **params)

    op = Op(
        name, value, (Jvp(jvp), Linear(transpose=transpose)), complex=True, notation=_NOTATION,
        batch="loop", references=(GILES,), **data,
    )  # fmt: skip
    solved = again or op
    return op


def product(a: Any, x: Any, vector: bool) -> Any:
    """Multiply matrices with a vector, or with matrices."""
    return np.matmul(a, x[..., None])[..., 0] if vector else np.matmul(a, x)


# --- matrices as they are read ------------------------------------------------------------------


def as_read(a: Any, assume_a: str | None, lower: bool) -> Any:
    """Return the matrix that SciPy sees in `a`, by what it is assumed to be."""
    if assume_a == "diagonal":
        return a * np.eye(a.shape[-1], dtype=a.dtype)
    if assume_a == "tridiagonal":
        return np.triu(np.tril(a, 1), -1)
    if assume_a in ("upper triangular", "lower triangular"):
        return np.triu(a) if assume_a[0] == "u" else np.tril(a)
    if assume_a in ("sym", "symmetric"):
        part = np.tril(a, -1) if lower else np.triu(a, 1)
        return part + np.matrix_transpose(part) + a * np.eye(a.shape[-1], dtype=a.dtype)
    if assume_a in ("her", "hermitian", "pos", "positive definite"):
        return from_triangle(a, lower)
    return a


_OTHER = {"upper triangular": "lower triangular", "lower triangular": "upper triangular"}


def _times(m: Any, x: Any, assume_a: Any, lower: bool, transposed: bool, **_: Any) -> Any:
    m = as_read(m, assume_a, lower)
    return product(np.matrix_transpose(m) if transposed else m, x, x.ndim == 1)


def _flip(m: Any, assume_a: Any, lower: bool, **params: Any) -> Any:
    params = {"assume_a": _OTHER.get(assume_a, assume_a), "lower": not lower, **params}
    return np.matrix_transpose(m), params


def _solve(a: Any, b: Any, **params: Any) -> Any:
    return linalg.solve(a, b, **params)


def _again(a: Any, b: Any, assume_a: Any, **params: Any) -> Any:
    """Solve once more: a general matrix by the factors that are kept of it."""
    if assume_a in (None, "general", "gen") and not params["transposed"]:
        return solve_again(a, b)
    return solve_op(a, b, assume_a=assume_a, **params)


solve_op = system("scipy.solve", _solve, _times, _flip, _again)
add(solve_op)
_read_solve = reader(linalg.solve)


@composite(
    linalg.solve, sample(well_conditioned(3, 3), (3,)), sample(well_conditioned(3, 3), (3, 2)),
    sample(well_conditioned(2, 3, 3), (2, 3, 2)), sample(well_conditioned(2, 3, 3), (3,)),
    sample(well_conditioned(3, 3), (2, 3, 1)), sample(well_conditioned(1, 1), (1,)),
    sample(well_conditioned(3, 3), (3,), assume_a="general"),
    *(
        sample(positive_definite(3, 3), (3,), assume_a=kind, lower=lower)
        for kind in ("pos", "sym") for lower in (False, True)
    ),
    sample(well_conditioned(4, 4), (4, 2), assume_a="diagonal"),
    sample(well_conditioned(4, 4), (4, 2), assume_a="tridiagonal"),
    sample(well_conditioned(3, 3), (3,), assume_a="upper triangular"),
    sample(well_conditioned(3, 3), (3,), assume_a="lower triangular"),
    sample(well_conditioned(3, 3), (3,), assume_a="banded"), name="scipy.linalg.solve",
)  # fmt: skip
def solve(*args: Any, **kwargs: Any) -> Any:
    """Solve A x = b.

    Formula: x = A⁻¹b, dx = A⁻¹(db − dA x). Shapes: those of SciPy, batches included. Errors: a
    singular matrix raises SciPy's `LinAlgError`.
    """
    params = _read_solve(args, kwargs)
    a, b = np.atleast_2d(as_array(params.pop("a"))), np.atleast_1d(as_array(params.pop("b")))
    if a.size == 1 and b.ndim > 1 and b.shape[-2] != 1:
        return b / a
    if a.size == 1 and b.ndim == 1 and b.shape[0] != 1:
        return b / np.reshape(a, ())
    return solve_op(a, b, **params)


# --- triangular -----------------------------------------------------------------------------------


def _triangle(m: Any, trans: Any, lower: bool, unit_diagonal: bool) -> Any:
    m = np.tril(m, -1 if unit_diagonal else 0) if lower else np.triu(m, 1 if unit_diagonal else 0)
    if trans in (0, "N"):
        return m
    m = np.matrix_transpose(m)
    return np.conjugate(m) if trans in (2, "C") and m.dtype.kind == "c" else m


def _triangle_times(
    m: Any, x: Any, trans: Any, lower: bool, unit_diagonal: bool, **_: Any
) -> Any:
    m = _triangle(m, trans, lower, unit_diagonal)
    return product(m, x, x.ndim == 1)


def _flip_triangle(m: Any, trans: Any, **params: Any) -> Any:
    if trans in (2, "C") and m.dtype.kind == "c":
        return np.conjugate(m), {"trans": 0, **params}
    return m, {"trans": 1 if trans in (0, "N") else 0, **params}


solve_triangular = declare(
    system(
        "scipy.solve_triangular",
        lambda a, b, **params: linalg.solve_triangular(a, b, **params),
        _triangle_times,
        _flip_triangle,
        function=linalg.solve_triangular,
        bind=binder(linalg.solve_triangular, "a", "b"),
        samples=(
            *(
                sample(well_conditioned(3, 3), (3, 2), trans=trans, lower=lower)
                for trans in (0, 1, 2) for lower in (False, True)
            ),
            sample(well_conditioned(3, 3), (3,)), sample(well_conditioned(2, 3, 3), (3, 2)),
            sample(well_conditioned(2, 3, 3), (3,)),
            sample(well_conditioned(3, 3), (3,), unit_diagonal=True, lower=True, trans="T"),
            sample(well_conditioned(3, 3), (2, 3, 1)),
        ),
    )
)  # fmt: skip


# --- factored: Cholesky, LU ---------------------------------------------------------------------


def _factor(c: Any, lower: bool) -> Any:
    return np.tril(c) if lower else np.triu(c)


def _adjoint(a: Any) -> Any:
    a = np.matrix_transpose(a)
    return np.conjugate(a) if a.dtype.kind == "c" else a


def _cho_jvp(t: Any, y: Any, c: Any, _b: Any, lower: bool, **params: Any) -> Any:
    """Return −A⁻¹ (dC Cᴴ + C dCᴴ) x for A = C Cᴴ (Cᴴ C where the upper factor is stored)."""
    t, f = _factor(t, lower), _factor(c, lower)
    vector = len(_b.shape) == 1
    y = y[..., None] if vector else y
    if not lower:
        t, f = _adjoint(t), _adjoint(f)
    change = np.matmul(t, np.matmul(_adjoint(f), y)) + np.matmul(f, np.matmul(_adjoint(t), y))
    dx = -cho_solve_op(c, change, lower=lower, **params)
    return dx[..., 0] if vector else dx


def _cho_transpose(ct: Any, c: Any, b: Any, **params: Any) -> Any:
    c = np.conjugate(c) if c.dtype.kind == "c" else c
    if len(b.shape) == 1 < ct.ndim:
        return cho_solve_op(c, ct[..., None], **params)[..., 0]
    return cho_solve_op(c, ct, **params)


def _column(x: Any) -> Any:
    return x[:, None] if x.ndim == 1 else x


def _plain(*xs: Any) -> bool:
    """Say whether all are plain and real, and none is a stack of matrices."""
    return all(type(x) is np.ndarray and x.ndim < 3 and x.dtype.char in "fd" for x in xs)


def _cho_pull(ct: Any, y: Any, c: Any, _b: Any, lower: bool, **params: Any) -> Any:
    """Return −(z (Cᵀx)ᵀ + x (Cᵀz)ᵀ), z = A⁻¹x̄, in one pass over the factor."""
    if not _plain(ct, y, c):
        return NotImplemented
    z, x = _column(cho_solve_op(c, ct, lower=lower, **params)), _column(y)
    both, other = np.concatenate([z, x], axis=1), np.concatenate([x, z], axis=1)
    f = _factor(c, lower)
    if lower:
        return -np.tril(both @ (other.T @ f))
    return -np.triu((f @ other) @ both.T)


cho_solve_op = Op(
    "scipy.cho_solve",
    lambda c, b, lower, **params: linalg.cho_solve((c, lower), b, **params),
    (Jvp(_cho_jvp, shortcut=_cho_pull), Linear(transpose=_cho_transpose)),
    batch="loop",
    complex=True,
    notation=Notation(
        "({0}{0}ᵀ)⁻¹ {1}", "({0}{0}^\\top)^{{-1}} {1}", 20, (31, 21),
        "x = (CCᵀ)⁻¹b: linear in b; in C, dx = −(CCᵀ)⁻¹(dC Cᵀ + C dCᵀ) x",
    ),
    references=(GILES,),
)  # fmt: skip
add(cho_solve_op)


@composite(
    linalg.cho_solve, sample((well_conditioned(3, 3), True), (3,)),
    sample((well_conditioned(3, 3), False), (3, 2)),
    sample((well_conditioned(2, 3, 3), False), (3, 2)),
    sample((well_conditioned(2, 3, 3), False), (3,)), name="scipy.linalg.cho_solve",
)  # fmt: skip
def cho_solve(c_and_lower: Any, b: Any, overwrite_b: Any = False, check_finite: Any = True) -> Any:
    """Solve A x = b by the Cholesky factor of A; the other triangle of it is not read."""
    c, lower = c_and_lower
    lower = bool(np.all(lower))  # of a batch `cho_factor` gives one flag each
    return cho_solve_op(as_array(c), as_array(b), lower=lower, check_finite=bool(check_finite))


def order_of(piv: Any, n: int) -> Any:
    """Return the rows of A in the order of P, from LAPACK's sequence of exchanges."""
    order = list(range(n))
    for i, j in enumerate(piv):
        order[i], order[j] = order[j], order[i]
    return np.array(order, np.intp)


def unpack(lu: Any) -> tuple[Any, Any]:
    """Take the two factors of LU apart from where they are stored together."""
    m, n = lu.shape
    k = min(m, n)
    low = np.tril(lu[:, :k], -1) + np.eye(m, k, dtype=lu.dtype)
    return low, np.triu(lu[:k, :])


def _lu_product(t: Any, y: Any, lu: Any, piv: Any, trans: int) -> Any:
    """Return d(PLU) x, or that of its transpose, for a change `t` of the stored factors.

    It is that of P(dL (Ux) + L (dU x)): no product of two matrices.
    """
    low, up = unpack(lu)
    dlow, dup = np.tril(t, -1), np.triu(t)
    if trans == 0:
        change = np.matmul(dlow, np.matmul(up, y)) + np.matmul(low, np.matmul(dup, y))
        return change[np.argsort(order_of(piv, lu.shape[0]))]
    low, up, dlow, dup = (np.matrix_transpose(m) for m in (low, up, dlow, dup))
    if trans == 2 and t.dtype.kind == "c":
        low, up, dlow, dup = (np.conjugate(m) for m in (low, up, dlow, dup))
    y = y[order_of(piv, lu.shape[0])]
    return np.matmul(up, np.matmul(dlow, y)) + np.matmul(dup, np.matmul(low, y))


def _lu_pull(
    ct: Any, y: Any, lu: Any, _b: Any, piv: Any, trans: int, check_finite: bool
) -> Any:  # fmt: skip
    """Return −z (Ux)ᵀ below the diagonal and −(Lᵀz) xᵀ above, z = A⁻ᵀx̄ in the order of the rows."""
    if not _plain(ct, y, lu):
        return NotImplemented
    z, x = _lu_flip(ct, lu, None, piv, trans, check_finite), y
    z, x = (_column(v) for v in ((z, x) if trans == 0 else (x, z)))
    low, up = unpack(lu)
    z = z[order_of(piv, lu.shape[0])]
    return -(np.tril(z @ (up @ x).T, -1) + np.triu((low.T @ z) @ x.T))


def _lu_system(piv: tuple[int, ...], trans: int, check_finite: bool) -> Any:
    return {"piv": piv, "trans": trans, "check_finite": check_finite}


def _lu_flip(ct: Any, lu: Any, _b: Any, piv: Any, trans: int, check_finite: bool) -> Any:
    if trans == 2 and lu.dtype.kind == "c":
        return lu_solve_op(np.conjugate(lu), ct, **_lu_system(piv, 0, check_finite))
    return lu_solve_op(lu, ct, **_lu_system(piv, 1 if trans == 0 else 0, check_finite))


lu_solve_op = Op(
    "scipy.lu_solve",
    lambda lu, b, piv, trans, check_finite: linalg.lu_solve(
        (lu, np.asarray(piv, np.int32)), b, trans=trans, check_finite=check_finite
    ),
    (
        Jvp(
            lambda t, y, lu, _b, piv, trans, check_finite: -lu_solve_op(
                lu, _lu_product(t, y, lu, piv, trans), **_lu_system(piv, trans, check_finite)
            ),
            shortcut=_lu_pull,
        ),
        Linear(transpose=_lu_flip),
    ),
    batch="loop",
    complex=True,
    closed=False,  # a recorded formula for each order of the rows would be kept for ever
    notation=Notation(
        "(PLU)⁻¹ {1}", "(PLU)^{{-1}} {1}", 20, (31, 21),
        "x = (PLU)⁻¹b: linear in b; in the factors, dx = −(PLU)⁻¹ P(dL U + L dU) x",
    ),
    references=(GILES,),
)  # fmt: skip
add(lu_solve_op)


def _permutation_sample(n: int) -> Any:
    return lambda rng: (rng.standard_normal((n, n)) + 3 * np.eye(n), np.array([1, 2, 2]))


@composite(
    linalg.lu_solve,
    *(sample(_permutation_sample(3), (3,), trans=trans) for trans in (0, 1, 2)),
    sample(_permutation_sample(3), (3, 2)), name="scipy.linalg.lu_solve",
)  # fmt: skip
def lu_solve(
    lu_and_piv: Any, b: Any, trans: int = 0, overwrite_b: Any = False, check_finite: Any = True
) -> Any:
    """Solve A x = b by the LU factors of A."""

    def single(lu: Any, b: Any, piv: Any) -> Any:
        params = _lu_system(tuple(int(p) for p in piv), int(trans), bool(check_finite))
        return lu_solve_op(lu, b, **params)

    lu, piv = lu_and_piv
    return over_batch((2, "1|2", 1), single)(as_array(lu), as_array(b), np.asarray(piv))


# --- banded ---------------------------------------------------------------------------------------


def _shifted(row: Any, k: int) -> Any:
    """Move the entries of an array along its first axis by k places, filling with zeros."""
    if k == 0:
        return row
    n = row.shape[0]
    pad = [(max(k, 0), max(-k, 0))] + [(0, 0)] * (row.ndim - 1)
    moved = np.pad(row, pad)
    return moved[:n] if k > 0 else moved[-k:]


def _columns(row: Any, x: Any) -> Any:
    return row if x.ndim == 1 else row[:, None]


def _banded_times(m: Any, x: Any, l_and_u: tuple[int, int], **_: Any) -> Any:
    """Multiply a banded matrix, stored by diagonals, with x: A[i, j] = m[u + i − j, j]."""
    upper = l_and_u[1]
    return sum(_shifted(_columns(m[k], x) * x, k - upper) for k in range(m.shape[0]))


def _banded_flip(m: Any, l_and_u: tuple[int, int], **params: Any) -> Any:
    low, up = l_and_u
    rows = [_shifted(m[low + up - k], low - k) for k in range(low + up + 1)]
    return np.stack(rows), {"l_and_u": (up, low), **params}


solve_banded_op = system(
    "scipy.solve_banded",
    lambda ab, b, l_and_u, **params: linalg.solve_banded(l_and_u, ab, b, **params),
    _banded_times,
    _banded_flip,
)
add(solve_banded_op)


def _bands(low: int, up: int, n: int) -> Any:
    def draw(rng: Any) -> Any:
        m = rng.standard_normal((low + up + 1, n)) * 0.4
        m[up] += 2
        return m

    return draw


@composite(
    linalg.solve_banded, sample(Const((1, 1)), _bands(1, 1, 5), (5,)),
    sample(Const((2, 1)), _bands(2, 1, 5), (5, 2)), sample(Const((0, 1)), _bands(0, 1, 4), (4,)),
    sample(Const((1, 1)), _bands(1, 1, 1), (1,)),
    name="scipy.linalg.solve_banded",
)  # fmt: skip
def solve_banded(
    l_and_u: Any, ab: Any, b: Any, overwrite_ab: Any = False, overwrite_b: Any = False,
    check_finite: Any = True,
) -> Any:  # fmt: skip
    """Solve A x = b with a banded matrix, stored by diagonals; the corners are not read."""
    low, up = (int(k) for k in l_and_u)
    return over_batch((2, "1|2"), solve_banded_op)(
        as_array(ab), as_array(b), l_and_u=(low, up), check_finite=bool(check_finite)
    )


def _from_half(m: Any, lower: bool) -> Any:
    """Return all diagonals of a Hermitian banded matrix, given by one half of them."""
    n = m.shape[0]
    conj = np.conjugate(m) if m.dtype.kind == "c" else m
    if not lower:
        m = np.stack([_shifted(conj[n - 1 - k], -k) for k in range(n)])
        conj = np.conjugate(m) if m.dtype.kind == "c" else m
    above = [_shifted(conj[k], k) for k in range(n - 1, 0, -1)]
    middle = [np.real(m[0]).astype(m.dtype) if m.dtype.kind == "c" else m[0]]
    return np.stack([*above, *middle, *(m[k] for k in range(1, n))])


def _half_times(m: Any, x: Any, lower: bool, **_: Any) -> Any:
    n = m.shape[0] - 1
    return _banded_times(_from_half(m, lower), x, (n, n))


solveh_banded_op = system(
    "scipy.solveh_banded",
    lambda ab, b, **params: linalg.solveh_banded(ab, b, **params),
    _half_times,
    lambda m, **params: (np.conjugate(m) if m.dtype.kind == "c" else m, params),
)
add(solveh_banded_op)
_read_solveh = reader(linalg.solveh_banded)


def _half_bands(rows: int, n: int, lower: bool) -> Any:
    def draw(rng: Any) -> Any:
        m = rng.standard_normal((rows, n)) * 0.3
        m[0 if lower else -1] = 3 + rng.random(n)
        return m

    return draw


@composite(
    linalg.solveh_banded,
    *(
        sample(_half_bands(rows, 5, lower), (5,), lower=lower)
        for rows in (2, 3) for lower in (False, True)
    ),
    sample(_half_bands(3, 4, True), (4, 2), lower=True), name="scipy.linalg.solveh_banded",
)  # fmt: skip
def solveh_banded(*args: Any, **kwargs: Any) -> Any:
    """Solve A x = b with a positive definite banded matrix, of which one half is stored."""
    params = _read_solveh(args, kwargs)
    ab, b = as_array(params.pop("ab")), as_array(params.pop("b"))
    return over_batch((2, "1|2"), solveh_banded_op)(ab, b, **params)


# --- Toeplitz and circulant -----------------------------------------------------------------------


def _both_sides(c: Any, r: Any) -> Any:
    """Return the values of a Toeplitz matrix from its upper right to its lower left corner."""
    return np.concatenate([r[:0:-1], c])


def _toeplitz_matrix(vals: Any) -> Any:
    n = (vals.shape[0] + 1) // 2
    i, j = np.ogrid[:n, :n]
    return vals[n - 1 + i - j]


def _toeplitz_value(vals: Any, b: Any, check_finite: bool) -> Any:
    n = (vals.shape[0] + 1) // 2
    return linalg.solve_toeplitz((vals[n - 1 :], vals[n - 1 :: -1]), b, check_finite=check_finite)


solve_toeplitz_op = system(
    "scipy.solve_toeplitz",
    _toeplitz_value,
    lambda m, x, **_: np.matmul(_toeplitz_matrix(m), x),
    lambda m, **params: (m[::-1], params),
)
add(solve_toeplitz_op)


def _first_column(n: int) -> Any:
    return lambda rng: np.append(3.0, rng.standard_normal(n - 1) * 0.5)


def _column_and_row(n: int) -> Any:
    return lambda rng: (_first_column(n)(rng), _first_column(n)(rng))


@composite(
    linalg.solve_toeplitz, sample(_first_column(4), (4,)), sample(_column_and_row(4), (4,)),
    sample(_column_and_row(3), (3, 2)), name="scipy.linalg.solve_toeplitz",
)  # fmt: skip
def solve_toeplitz(c_or_cr: Any, b: Any, check_finite: bool = True) -> Any:
    """Solve A x = b with a Toeplitz matrix, given by its first column and row."""
    pair = isinstance(c_or_cr, tuple)
    c = as_array(c_or_cr[0] if pair else c_or_cr)
    r = as_array(c_or_cr[1]) if pair else np.conjugate(c)

    def single(c: Any, r: Any, b: Any) -> Any:
        return solve_toeplitz_op(_both_sides(c, r), b, check_finite=bool(check_finite))

    return over_batch((1, 1, "1|2"), single)(c, r, as_array(b))


@composite(
    linalg.solve_circulant, sample(_first_column(4), (4,)), sample(_first_column(4), (4, 2)),
    sample(_first_column(3), (2, 3), baxis=1), name="scipy.linalg.solve_circulant",
)  # fmt: skip
def solve_circulant(
    c: Any, b: Any, singular: str = "raise", tol: Any = None, caxis: int = -1, baxis: int = 0,
    outaxis: int = 0,
) -> Any:  # fmt: skip
    """Solve A x = b with a circulant matrix: a quotient of Fourier transforms.

    Errors: a matrix that is near singular raises `LinAlgError`, or, with ``singular='lstsq'``, the
    frequencies where it is are left out, and nothing flows through them.
    """
    c, b = np.atleast_1d(as_array(c)), np.atleast_1d(as_array(b))
    if c.shape[caxis] != b.shape[baxis]:
        raise ValueError(f"Shapes of c {c.shape} and b {b.shape} are incompatible")
    fc = np.fft.fft(np.moveaxis(c, caxis, -1), axis=-1)
    size = np.abs(fc)
    if tol is None:
        tol = np.max(size, axis=-1, keepdims=True) * c.shape[caxis] * np.finfo(np.float64).eps
    none = np.less_equal(size, tol)
    near = bool(np.any(none))
    if near and singular == "raise":
        raise np.linalg.LinAlgError("near singular circulant matrix.")
    q = np.fft.fft(np.moveaxis(b, baxis, -1), axis=-1) / (np.where(none, 1, fc) if near else fc)
    x = np.fft.ifft(np.where(none, 0, q) if near else q, axis=-1)
    if c.dtype.kind != "c" and b.dtype.kind != "c":
        x = np.real(x)
    return x if outaxis == -1 else np.moveaxis(x, -1, outaxis)
