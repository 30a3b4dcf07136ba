"""Linear algebra: systems, inverses and powers, each by a JVP in terms of others.

Singular matrices: `solve` and `inv` raise NumPy's `LinAlgError`.

References: M. B. Giles, Collected matrix derivative results for forward and reverse mode
algorithmic differentiation (2008); G. H. Golub and V. Pereyra, The differentiation of
pseudo-inverses and nonlinear least squares problems whose variables separate (1973).
"""

from typing import Any

import numpy as np

from ...core.op import Const, Notation, Op, sample
from ...core.registry import add, composite, declare
from ...core.slots import INDEX, Jvp, Linear
from ..declare import as_array, constant_call
from . import kept

GILES = "M. B. Giles, Collected matrix derivative results (2008)"
GOLUB = "G. H. Golub and V. Pereyra, The differentiation of pseudo-inverses (1973)"


def well_conditioned(*shape: int) -> Any:
    """Draw matrices near a multiple of the identity, for samples."""

    def draw(rng: Any) -> Any:
        return rng.standard_normal(shape) * 0.3 + 2 * np.eye(shape[-2], shape[-1])

    return draw


def adjoint(a: Any) -> Any:
    """Return the conjugate transpose of matrices (the transpose of real ones)."""
    a = np.matrix_transpose(a)
    return np.conjugate(a) if a.dtype.kind == "c" else a


def identity_like(a: Any) -> Any:
    """Return the identity matrix of the last axis of `a`, in its dtype."""
    return np.eye(a.shape[-1], dtype=a.dtype)


# --- systems ----------------------------------------------------------------------------------


def _solve_jvp(t: Any, y: Any, a: Any, _b: Any) -> Any:
    """Return dx = −A⁻¹ dA x."""
    if len(_b.shape) == 1:
        return -solve_again(a, np.matmul(t, y[..., None]))[..., 0]
    return -solve_again(a, np.matmul(t, y))


def _solve_transpose(ct: Any, a: Any, b: Any) -> Any:
    if len(b.shape) == 1:
        return solve_again(np.matrix_transpose(a), ct[..., None])[..., 0]
    return solve_again(np.matrix_transpose(a), ct)


def _solve_pull(ct: Any, y: Any, a: Any, _b: Any) -> Any:
    """Return −(A⁻ᵀȳ) xᵀ, where there is one matrix."""
    if len(a.shape) > 2 or len(ct.shape) > 2:
        return NotImplemented
    z = solve_again(a.T, ct)
    return -z[:, None] * y if len(ct.shape) == 1 else np.matmul(-z, y.T)


_SOLVE = Notation(
    "{0}⁻¹ {1}", "{0}^{{-1}} {1}", 20, (31, 21),
    "x = A⁻¹b: linear in b; in A, d(A⁻¹b) = −A⁻¹ dA x",
)  # fmt: skip
_SOLVE_SLOTS = (Jvp(_solve_jvp, shortcut=_solve_pull), Linear(transpose=_solve_transpose))
solve_again = Op(  # what the rules call: by the same factors in every direction
    "solve_again", kept.solve, _SOLVE_SLOTS, batch="solve", complex=True, notation=_SOLVE,
    references=(GILES,), samples=(
        sample(well_conditioned(40, 40), (40, 2)), sample(well_conditioned(2, 3, 3), (2, 3, 2)),
    ),
)  # fmt: skip
add(solve_again)

solve = declare(
    Op(
        "solve",
        np.linalg.solve,
        _SOLVE_SLOTS,
        bind=lambda a, b: ((as_array(a), as_array(b)), {}),
        batch="solve",
        function=np.linalg.solve,
        complex=True,
        notation=_SOLVE,
        samples=(
            sample(well_conditioned(3, 3), (3,)), sample(well_conditioned(3, 3), (3, 2)),
            sample(well_conditioned(2, 3, 3), (2, 3, 2)), sample(well_conditioned(2, 3, 3), (3,)),
            sample(well_conditioned(3, 3), (2, 3, 1)), sample(well_conditioned(1, 1), (1,)),
            sample(well_conditioned(2, 1, 2, 2), (3, 2, 1)), sample(well_conditioned(0, 0), (0, 2)),
        ),
        references=(GILES,),
    )
)  # fmt: skip


def one_matrix(a: Any) -> Any:
    """Bind the call of a function of one matrix, or of a stack of them."""
    return (as_array(a),), {}


def _inv_pull(ct: Any, y: Any, _a: Any) -> Any:
    back = np.matrix_transpose(y)
    return np.matmul(-back, np.matmul(ct, back))


inv = declare(
    Op(
        "inv",
        np.linalg.inv,
        (Jvp(lambda t, y, _a: -np.matmul(y, np.matmul(t, y)), shortcut=_inv_pull),),
        bind=one_matrix,
        batch="stacks",
        function=np.linalg.inv,
        complex=True,
        notation=Notation("{0}⁻¹", "{0}^{{-1}}", 30, (31,), "d(A⁻¹) = −A⁻¹ dA A⁻¹"),
        samples=(
            sample(well_conditioned(3, 3)), sample(well_conditioned(2, 2, 2)),
            sample(well_conditioned(1, 1)), sample(well_conditioned(0, 0)),
        ),
        references=(GILES,),
    )
)  # fmt: skip


# --- powers -----------------------------------------------------------------------------------


@composite(
    np.linalg.matrix_power, sample(well_conditioned(3, 3), Const(0)),
    *(sample(well_conditioned(2, 2), Const(n)) for n in (1, 2, 3, 6, 7, -1, -3)),
    sample(well_conditioned(2, 2, 2), Const(5)),
)  # fmt: skip
def matrix_power(a: Any, n: Any) -> Any:
    """Multiply a matrix by itself, by repeated squaring; a negative power inverts first."""
    a = as_array(a)
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise np.linalg.LinAlgError("Last 2 dimensions of the array must be square")
    n = n.__index__()
    if n == 0:
        return np.full_like(a, np.eye(a.shape[-1]))
    if n < 0:
        a, n = np.linalg.inv(a), -n
    if n == 1:
        return a
    if n == 3:
        return np.matmul(np.matmul(a, a), a)
    result = square = None
    while n:
        square = a if square is None else np.matmul(square, square)
        n, bit = divmod(n, 2)
        if bit:
            result = square if result is None else np.matmul(result, square)
    return result


# --- least squares ------------------------------------------------------------------------------


def from_triangle(t: Any, lower: bool) -> Any:
    """Complete one triangle to a Hermitian matrix."""
    part = np.tril(t, -1) if lower else np.triu(t, 1)
    middle = (np.real(t) if t.dtype.kind == "c" else t) * np.eye(t.shape[-1], dtype=t.dtype)
    return part + adjoint(part) + middle


def _outside(like: Any, a: Any, b: Any) -> Any:
    """Return the projector I − AB: exactly 0 where it is that up to rounding.

    Its squared norm is its rank. What rounding leaves of 0 would be divided by a small σ² after.
    """
    p = identity_like(like) - np.matmul(a, b)
    rank = np.sum(np.real(p * np.conjugate(p)), axis=(-2, -1), keepdims=True)
    return np.where(np.less(rank, 0.25), 0.0, p)


def _cut_jvp(t: Any, a: Any, rcond: Any, atol: Any = 0.0) -> Any:
    """Return what a cut-off adds to Golub and Pereyra's derivative of A⁺.

    They take the singular values that are cut off for 0. Those turn the kept vectors, too: with
    P = Uᴴ dA V and s kept, r cut off, the entry between them is (P + Pᴴ r/s)/(s² − r²), not P/s².
    """
    u, s, vh = np.linalg.svd(a, full_matrices=False)
    v, across = adjoint(vh), np.matmul(adjoint(u), np.matmul(t, adjoint(vh)))
    most = np.max(s, axis=-1, keepdims=True, initial=0.0)
    kept = np.greater(s, atol + np.asarray(rcond)[..., None] * most)
    mixed = np.not_equal(kept[..., :, None], kept[..., None, :])
    high = np.where(mixed, np.maximum(s[..., :, None], s[..., None, :]), 1.0)
    low = np.where(mixed, np.minimum(s[..., :, None], s[..., None, :]), 0.0)
    turned = (across + adjoint(across) * (low / high)) / (high * high - low * low)
    more = np.where(mixed, turned - across / (high * high), 0.0)
    return np.matmul(v, np.matmul(adjoint(more), adjoint(u)))


def _cuts(rcond: Any, atol: Any = 0.0) -> bool:
    """Say whether a cut-off may drop singular values that are more than rounding."""
    return bool(np.max(rcond, initial=0.0) > 1e-12 or atol > 0)


def _pinv_jvp(t: Any, y: Any, a: Any, hermitian: bool = False, **params: Any) -> Any:
    """Return Golub and Pereyra's derivative of A⁺, where the rank does not change."""
    rcond, atol = params.get("rcond"), params.get("atol") or 0.0
    rcond = params.get("rtol") if rcond is None else rcond
    rcond = (0.0 if atol > 0 else np.finfo(a.dtype).eps) if rcond is None else rcond
    if hermitian:  # the lower triangle is what NumPy reads
        t, a = from_triangle(t, True), from_triangle(a, True)
    th, yh = adjoint(t), adjoint(y)
    first = -np.matmul(y, np.matmul(t, y))
    left = np.matmul(th, _outside(th, a, y))
    right = np.matmul(_outside(a, y, a), th)
    slope = first + np.matmul(y, np.matmul(yh, left)) + np.matmul(np.matmul(right, yh), y)
    return slope + _cut_jvp(t, a, rcond, atol) if _cuts(rcond, atol) else slope


def _bind_pinv(a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    given = {"rcond": rcond} if rcond is not None else {} if rtol is None else {"rtol": rtol}
    return (as_array(a),), given | ({"hermitian": True} if hermitian else {})


pinv = declare(
    Op(
        "pinv",
        np.linalg.pinv,
        (Jvp(_pinv_jvp),),
        bind=_bind_pinv,
        batch="stacks",
        function=np.linalg.pinv,
        complex=True,
        notation=Notation(
            "{0}⁺", "{0}^{{+}}", 30, (31,),
            "where the rank is constant, dA⁺ = −A⁺ dA A⁺ + A⁺A⁺ᴴ dAᴴ (I − AA⁺) + "
            "(I − A⁺A) dAᴴ A⁺ᴴA⁺",
        ),
        samples=(
            sample((3, 2)), sample((2, 3)), sample(well_conditioned(2, 2)), sample((2, 3, 2)),
            sample((3, 1), rcond=1e-10), sample(well_conditioned(3, 3), hermitian=True),
        ),
        references=(GOLUB,),
    )
)  # fmt: skip

constant_call(
    np.linalg.matrix_rank, "A", batch="matrices", samples=(sample((3, 2)),),
    notation=Notation(rule="piecewise constant: nothing flows"),
)  # fmt: skip


def _lstsq(a: Any, b: Any, rcond: Any) -> Any:
    x, residuals, _, s = np.linalg.lstsq(a, b, rcond)
    return x, residuals, s


def _lstsq_jvp(t: Any, y: Any, a: Any, b: Any, rcond: Any) -> Any:
    """Return the tangents of the solution, of the squared residuals and of the singular values."""
    eps = float(np.finfo(a.dtype).eps)
    rcond = max(a.shape) * eps if rcond is None else eps / 2 if rcond < 0 else rcond
    x, residuals, _ = y
    da, db = t
    column = len(b.shape) == 1
    x, b = (x[:, None], b[:, None]) if column else (x, b)
    plus = np.linalg.pinv(a, rcond)
    change = 0.0 if db is None else db[:, None] if column else db
    if da is not None:
        change = change - np.matmul(da, x)
    dx = np.matmul(plus, change)
    ds = None
    if da is not None:
        dah, plush = adjoint(da), adjoint(plus)
        rest = np.matmul(_outside(dah, a, plus), b - np.matmul(a, x))
        dx = dx + np.matmul(plus, np.matmul(plush, np.matmul(dah, rest)))
        dx = dx + np.matmul(_outside(a, plus, a), np.matmul(dah, np.matmul(plush, x)))
        if _cuts(rcond):
            dx = dx + np.matmul(_cut_jvp(da, a, rcond), b)
        u, _, vh = np.linalg.svd(a, full_matrices=False)
        ds = np.real(np.sum(np.conjugate(u) * np.matmul(da, adjoint(vh)), axis=0))
    dr = None
    if residuals.shape[0]:
        rest = b - np.matmul(a, x)
        dr = 2 * np.real(np.sum(np.conjugate(rest) * change, axis=0))
    return (dx[:, 0] if column else dx), dr, ds


_lstsq_slot = Jvp(_lstsq_jvp, joint=True)
lstsq_op = Op(
    "lstsq",
    _lstsq,
    (_lstsq_slot, _lstsq_slot),
    outputs=3,
    batch="loop",
    complex=True,
    notation=Notation(
        "argmin‖{0}·x − {1}‖²", "\\arg\\min_x \\|{0} x - {1}\\|^2", rule="x = A⁺b, and dA⁺ where "
        "the rank is constant",
    ),
    references=(GOLUB,),
)  # fmt: skip
add(lstsq_op)
lstsq_rank = Op(
    "lstsq_rank",
    lambda a, b, rcond: np.asarray(np.linalg.lstsq(a, b, rcond)[2])[()],
    (INDEX, INDEX),
    batch="loop",
    notation=Notation(rule="piecewise constant: nothing flows"),
)
add(lstsq_rank)


@composite(
    np.linalg.lstsq, sample((4, 2), (4,)), sample((4, 2), (4, 3)), sample((2, 3), (2,)),
    sample(well_conditioned(2, 2), (2,)),
)  # fmt: skip
def lstsq(a: Any, b: Any, rcond: Any = None) -> Any:
    """Solve in the least-squares sense, where the rank of `a` does not change."""
    a, b = as_array(a), as_array(b)
    x, residuals, s = lstsq_op(a, b, rcond=rcond)
    return x, residuals, lstsq_rank(a, b, rcond=rcond), s


# --- made of the others -------------------------------------------------------------------------


@composite(np.linalg.tensorsolve, sample(well_conditioned(6, 6), (6,)))
def tensorsolve(a: Any, b: Any, axes: Any = None) -> Any:
    """Solve a linear system whose unknown is a tensor: a solve between reshapes."""
    a, b = as_array(a), as_array(b)
    if axes is not None:
        last = [int(k) % a.ndim for k in axes]
        a = np.transpose(a, [k for k in range(a.ndim) if k not in last] + last)
    shape = a.shape[b.ndim :]
    if a.size != b.size**2:
        raise np.linalg.LinAlgError(
            "Input arrays must satisfy the requirement prod(a.shape[b.ndim:]) == "
            "prod(a.shape[:b.ndim])"
        )
    return np.reshape(np.linalg.solve(np.reshape(a, (b.size, b.size)), np.ravel(b)), shape)


@composite(np.linalg.tensorinv, sample(well_conditioned(3, 3), Const(1)))
def tensorinv(a: Any, ind: int = 2) -> Any:
    """Invert a tensor over its first `ind` axes: an inverse between reshapes."""
    a = as_array(a)
    if ind <= 0:
        raise ValueError("Invalid ind argument.")
    shape = a.shape[ind:] + a.shape[:ind]
    count = int(np.prod(a.shape[ind:]))
    return np.reshape(np.linalg.inv(np.reshape(a, (count, -1))), shape)


@composite(
    np.linalg.cond, sample(well_conditioned(3, 3)), sample((3, 2)),
    sample(well_conditioned(2, 2), -2), sample(well_conditioned(2, 2), 1),
    sample(well_conditioned(2, 2), "fro"), sample(well_conditioned(2, 2, 2)),
)  # fmt: skip
def cond(x: Any, p: Any = None) -> Any:
    """Return the condition number: a quotient of singular values, or a product of norms."""
    x = as_array(x)
    if p is None or p in (2, -2):
        s = np.linalg.svd(x, compute_uv=False)
        ends = (s[..., 0], s[..., -1])
        return ends[1] / ends[0] if p == -2 else ends[0] / ends[1]
    inverse = np.linalg.inv(x.astype(np.result_type(x.dtype, np.float64)))  # as NumPy does
    size = np.linalg.norm(x, ord=p, axis=(-2, -1))
    return (size * np.linalg.norm(inverse, ord=p, axis=(-2, -1))).astype(x.real.dtype)
