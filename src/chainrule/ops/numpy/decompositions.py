"""Matrix decompositions: Cholesky, QR, singular values, each by its JVP.

What NumPy reads of a symmetric matrix is one triangle, and the derivative is that of the program
as it stands: the entries of the other triangle have derivative zero, as differences show. For a
symmetric matrix that is built of something else (``M @ M.T``) the choice makes no difference.

The vectors of a singular value that repeats have no derivative (it would depend on the
direction): their tangents are NaN, and theirs only; see `resolvents`. The singular values' own
first derivative never is.

Complex vectors are determined up to a phase only; the phase that LAPACK chooses (one component
real) is kept fixed.

References: M. B. Giles, Collected matrix derivative results (2008); S. F. Walter and L. Lehmann,
Algorithmic differentiation of linear algebra functions with application in optimum experimental
design (2010); J. Townsend, Differentiating the singular value decomposition (2016).
"""

from typing import Any

import numpy as np

from ...core.op import Notation, Op, sample
from ...core.registry import add, composite, declare
from ...core.slots import Jvp
from ...errors import UnsupportedFunctionError
from ..declare import as_array
from ..undetermined import whole_triple
from .gaps import inverses
from .householder import complete_op, raw_op
from .linalg import GILES, adjoint, from_triangle, identity_like, well_conditioned
from .own_python import carries
from .resolvents import (
    Live,
    columns,
    near_triples,
    singular_quotients,
    singular_resolvent,
    triples_used,
)
from .triangular import cholesky_back, triangular

WALTER = "S. F. Walter and L. Lehmann, Algorithmic differentiation of linear algebra (2010)"
TOWNSEND = "J. Townsend, Differentiating the singular value decomposition (2016)"


def positive_definite(*shape: int) -> Any:
    """Draw symmetric positive definite matrices, for samples."""

    def draw(rng: Any) -> Any:
        a = rng.standard_normal(shape)
        return a @ np.swapaxes(a, -1, -2) + shape[-1] * np.eye(shape[-1])

    return draw


def distinct(*shape: int) -> Any:
    """Draw positive values apart from each other, for samples."""
    return lambda rng: np.cumsum(0.5 + rng.random(shape), axis=-1)


def diagonal_of_product(a: Any, b: Any) -> Any:
    """Return the real diagonal of Aᴴ B."""
    if a.dtype.kind == "c":
        return np.real(np.sum(np.conjugate(a) * b, axis=-2))
    return np.sum(a * b, axis=-2)


def _refuse(what: str, why: str, cure: str) -> UnsupportedFunctionError:
    return UnsupportedFunctionError(f"{what} received a traced value", why=why, cure=cure)


# --- Cholesky -----------------------------------------------------------------------------------


def _half(a: Any) -> Any:
    """Return the lower triangle with half the diagonal."""
    return np.tril(a) - 0.5 * (a * identity_like(a))


def cholesky_jvp(t: Any, y: Any, _a: Any, upper: bool) -> Any:
    """Return dL = L Φ(L⁻¹ dA L⁻ᴴ), Φ the lower triangle with half the diagonal."""
    low = adjoint(y) if upper else y
    half = triangular(low, from_triangle(t, not upper), lower=True, unit=False)
    inner = adjoint(triangular(low, adjoint(half), lower=True, unit=False))
    tangent = np.matmul(low, _half(inner))
    return adjoint(tangent) if upper else tangent


def cholesky_pull(ct: Any, y: Any, _a: Any, upper: bool) -> Any:
    """Return the cotangent of A in fewer operations, where everything is plain and real."""
    if not (type(ct) is type(y) is np.ndarray and y.ndim == 2 and y.dtype.char in "fd"):
        return NotImplemented
    return cholesky_back(y.T, ct.T).T if upper else cholesky_back(y, ct)


cholesky = declare(
    Op(
        "cholesky",
        lambda a, upper: np.linalg.cholesky(a, upper=upper),
        (Jvp(cholesky_jvp, shortcut=cholesky_pull),),
        batch="stacks",
        bind=lambda a, /, *, upper=False: ((as_array(a),), {"upper": bool(upper)}),
        function=np.linalg.cholesky,
        complex=True,
        notation=Notation(
            "chol({0})", "\\operatorname{{chol}}({0})",
            rule="A = LLᵀ: dL = L Φ(L⁻¹ dA L⁻ᵀ), Φ the lower triangle with half the diagonal",
        ),
        samples=(
            sample(positive_definite(3, 3)), sample(positive_definite(3, 3), upper=True),
            sample(positive_definite(2, 2, 2)), sample(positive_definite(1, 1)),
        ),
        references=(GILES, WALTER),
    )
)  # fmt: skip


# --- QR -----------------------------------------------------------------------------------------


def _qr_square(t: Any, q: Any, r: Any) -> Any:
    """Return dQ and dR of a matrix with as many rows as columns, or more."""
    scaled = adjoint(triangular(adjoint(r), adjoint(t), lower=True, unit=False))  # dA R⁻¹
    inner = np.matmul(adjoint(q), scaled)
    below = np.tril(inner, -1)
    turn = below - adjoint(below)
    if inner.dtype.kind == "c":
        turn = turn + 1j * (np.imag(inner) * np.eye(inner.shape[-1], dtype=r.real.dtype))
    upper = inner - turn
    return scaled - np.matmul(q, upper), np.matmul(upper, r)


def _qr_jvp(t: Any, y: Any, _a: Any) -> Any:
    q, r = y
    k = q.shape[-1]
    if r.shape[-1] == k:
        return _qr_square(t, q, r)
    dq, first = _qr_square(t[..., :k], q, r[..., :k])
    back = adjoint(q)
    turn = np.matmul(adjoint(dq), q)  # dQᴴA₂ = dQᴴQR₂
    rest = np.matmul(turn, r[..., k:]) + np.matmul(back, t[..., k:])
    return dq, np.concatenate([first, rest], axis=-1)


qr_op = Op(
    "qr",
    lambda a: np.linalg.qr(a, mode="reduced"),
    (Jvp(_qr_jvp),),
    outputs=2,
    batch="stacks",
    complex=True,
    notation=Notation(
        "qr({0})", "\\operatorname{{qr}}({0})",
        rule="with M = Qᵀ dA R⁻¹ and Ω = tril(M) − tril(M)ᵀ: dR = (M − Ω) R, dQ = (dA − Q dR) R⁻¹",
    ),
    references=(WALTER,),
)  # fmt: skip
add(qr_op)


@composite(
    np.linalg.qr, sample(well_conditioned(3, 3)), sample(well_conditioned(4, 2)),
    sample(well_conditioned(2, 4)), sample(well_conditioned(2, 3, 2)),
    sample(well_conditioned(4, 2), mode="r"), sample(well_conditioned(2, 2), mode="complete"),
    sample(well_conditioned(4, 2), mode="complete"), sample(well_conditioned(3, 2), mode="raw"),
    sample(well_conditioned(2, 3, 2), mode="complete"), sample((5, 3), mode="complete"),
    sample((6, 4), mode="raw"), sample((4, 3), mode="raw"),
)  # fmt: skip
def qr(a: Any, mode: str = "reduced") -> Any:
    """Factor into an orthogonal and an upper triangular matrix, where the leading columns of A
    are linearly independent.

    The columns that mode 'complete' adds to Q, and mode 'raw', follow LAPACK's reflections (see
    `householder`). Errors: these two are refused of complex matrices, 'raw' also of a matrix
    without more rows than columns; dependent leading columns, up to rounding, are
    refused where a derivative is taken.
    """
    a = as_array(a)
    tall = a.shape[-2] > a.shape[-1]
    if mode in ("reduced", "r") or (mode == "complete" and not tall):
        found = qr_op(a)
        _check_independent(found[1], a.shape)
        return found[1] if mode == "r" else found
    if mode not in ("complete", "raw"):
        raise ValueError(f"Unrecognized mode '{mode}'")
    if a.dtype.kind == "c" or not tall:
        raise _refuse(
            f"np.linalg.qr(mode={mode!r})", "reflections have a rule here for real matrices with "
            "more rows than columns", "use mode='reduced'",
        )  # fmt: skip
    if mode == "raw":
        h, tau = raw_op(a)
        _check_independent(np.triu(h[..., : a.shape[-1], :]), a.shape)
        return np.matrix_transpose(h), tau
    found = complete_op(a)
    _check_independent(found[1][..., : a.shape[-1], :], a.shape)
    return type(found)(*found) if hasattr(found, "_fields") else QR(*found)


QR = type(np.linalg.qr(np.eye(1)))


def _check_independent(
    r: Any, shape: tuple[int, ...], name: str = "np.linalg.qr", parts: str = "leading columns"
) -> None:
    """Refuse where the leading columns depend on each other: there Q is no function of A."""
    if not carries(r):
        return
    pivots = np.abs(np.diagonal(r, 0, -2, -1))
    if pivots.size == 0:
        return
    noise = max(shape[-2:]) * np.finfo(r.dtype).eps
    if np.any(np.less_equal(np.min(pivots, axis=-1), noise * np.max(np.abs(r), axis=(-2, -1)))):
        raise UnsupportedFunctionError(
            f"{name} has no derivative here",
            why=f"the {parts} of the matrix are linearly dependent (up to rounding), so its "
            "factors are not unique",
            cure="leave out what depends on the others, or differentiate what is unique: "
            "np.linalg.pinv(‹a 0›), np.linalg.svdvals(‹a 0›)",
        )


# --- singular values ------------------------------------------------------------------------------


def _svd_jvp(t: Any, y: Any, a: Any, live: Live = None) -> Any:
    """Return Townsend's tangents of U, s and Vᴴ (thin)."""
    all_u, all_s, all_vh = y
    all_v, m = adjoint(all_vh), all_u.shape[-2]
    u, s, v, alike, apart, rest = (
        columns(part, live) for part in (all_u, all_s, all_v, *singular_quotients(all_s))
    )
    tv = np.matmul(t, v)
    change = np.concatenate([tv, np.matmul(adjoint(t), u)], axis=-2)
    with np.errstate(divide="ignore", invalid="ignore"):
        turn = singular_resolvent(
            a, s, u, v, all_u, all_v, all_s, alike, apart, rest, change, order=1
        )
        du, dv = turn[..., :m, :], turn[..., m:, :]
        if u.dtype.kind == "c":
            du, dv = _svd_phase(du, dv, u, v, np.imag(np.sum(np.conjugate(u) * tv, axis=-2)), s)
    return du, diagonal_of_product(u, tv), adjoint(dv)


def _svd_phase(du: Any, dv: Any, u: Any, v: Any, turned: Any, s: Any) -> Any:
    """Add what turns pairs of complex vectors, keeping the first component of one side real."""
    du = du + u * (1j * (turned * inverses(s)))[..., None, :]
    fixed, tangent = (v, dv) if u.shape[-2] >= v.shape[-2] else (u, du)
    pivot = np.real(fixed[..., 0, :])
    back = np.imag(tangent[..., 0, :]) * np.reciprocal(np.where(pivot == 0, 1, pivot))
    turn = (1j * np.where(pivot == 0, 0, back))[..., None, :]
    return du - u * turn, dv - v * turn


svd_op = Op(
    "svd",
    lambda a: np.linalg.svd(a, full_matrices=False),
    (Jvp(_svd_jvp, narrow=triples_used, cause=near_triples),),
    batch="stacks",
    outputs=3,
    complex=True,
    notation=Notation(
        "svd({0})", "\\operatorname{{svd}}({0})",
        rule="A = USVᵀ, P = Uᵀ dA V: ds = diag(P), dU = U (F + G) + (I − UUᵀ) dA V S⁻¹, dV = "
        "V (F − G) + (I − VVᵀ) dAᵀ U S⁻¹, 2Fᵢⱼ = (P + Pᵀ)ᵢⱼ/(sⱼ − sᵢ), 2Gᵢⱼ = (P − Pᵀ)ᵢⱼ/(sⱼ + sᵢ)",
    ),
    references=(TOWNSEND,),
)
add(svd_op)


def _svdvals_jvp(t: Any, _y: Any, a: Any) -> Any:
    u, _, vh = np.linalg.svd(a, full_matrices=False)
    return diagonal_of_product(u, np.matmul(t, adjoint(vh)))


svdvals_op = Op(
    "svdvals",
    lambda a: np.linalg.svd(a, compute_uv=False),
    (Jvp(_svdvals_jvp),),
    batch="stacks",
    complex=True,
    notation=Notation("s({0})", "\\sigma({0})", rule="A = USVᵀ: ds = diag(Uᵀ dA V)"),
    references=(TOWNSEND,),
)
add(svdvals_op)


@composite(
    np.linalg.svd, sample((3, 3), full_matrices=False), sample((4, 2), full_matrices=False),
    sample((2, 3), full_matrices=False), sample((2, 3, 2), full_matrices=False), sample((2, 2)),
    sample((3, 2), compute_uv=False), sample((1, 1)),
    sample(positive_definite(3, 3), hermitian=True),
    sample(positive_definite(2, 2, 2), hermitian=True, compute_uv=False),
)  # fmt: skip
def svd(
    a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False
) -> Any:
    """Decompose into singular values and vectors.

    At the kinks: see the head of this module. Errors: with `full_matrices=True`, of a matrix that
    is not square, a use of the longer vectors is refused: those added are no function of it.
    """
    a = as_array(a)
    if hermitian:
        return _svd_hermitian(a, compute_uv)
    if not compute_uv:
        return svdvals_op(a)
    if full_matrices and a.shape[-1] != a.shape[-2]:
        return SVD(*whole_triple(svd_op(a), a.shape, "np.linalg.svd"))
    return svd_op(a)


def _svd_hermitian(a: Any, compute_uv: bool) -> Any:
    """Read the decomposition off the eigenvalues, as NumPy does."""
    if not compute_uv:
        return np.sort(np.abs(np.linalg.eigvalsh(a)), axis=-1)[..., ::-1]
    values, u = np.linalg.eigh(a)
    sizes = np.abs(values)
    order = np.argsort(sizes, axis=-1)[..., ::-1]
    signs = np.take_along_axis(np.sign(values), order, axis=-1)
    u = np.take_along_axis(u, order[..., None, :], axis=-1)
    vh = adjoint(u * signs[..., None, :])
    return SVD(u, np.take_along_axis(sizes, order, axis=-1), vh)


SVD = type(np.linalg.svd(np.eye(1)))


@composite(np.linalg.svdvals, sample((3, 2)), sample((2, 3)), sample((2, 2, 2)))
def svdvals(x: Any, /) -> Any:
    """Return the singular values."""
    return svdvals_op(as_array(x))
