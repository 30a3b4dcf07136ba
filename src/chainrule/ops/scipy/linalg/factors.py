"""Triangular and orthogonal factors of `scipy.linalg`: Cholesky, LU, QR and RQ.

Permutations (of LU, and of QR with pivoting) are locally constant.
"""

from typing import Any

import numpy as np
from scipy import linalg

from ....core.op import Notation, Op, sample
from ....core.registry import add, composite, declare
from ....core.slots import INDEX, Jvp
from ...declare import as_array
from ...numpy.decompositions import (
    WALTER,
    _check_independent,
    _qr_jvp,
    cholesky_jvp,
    cholesky_pull,
    positive_definite,
)
from ...numpy.kept import recall
from ...numpy.linalg import GILES, adjoint, well_conditioned
from ...numpy.triangular import lu_back, triangular
from ..common import binder, constant_of, over_batch, reader, refusal, refused
from .systems import order_of, unpack

# --- Cholesky -----------------------------------------------------------------------------------

_CHOLESKY = Notation(
    "chol({0})", "\\operatorname{{chol}}({0})",
    rule="A = LLᵀ: dL = L Φ(L⁻¹ dA L⁻ᵀ), Φ the lower triangle with half the diagonal",
)  # fmt: skip

cholesky = declare(
    Op(
        "scipy.cholesky",
        lambda a, **params: linalg.cholesky(a, **params),
        (
            Jvp(
                lambda t, y, _a, lower, **_params: cholesky_jvp(t, y, None, not lower),
                shortcut=lambda ct, y, _a, lower, **_params: cholesky_pull(ct, y, None, not lower),
            ),
        ),
        batch="loop",
        function=linalg.cholesky,
        bind=binder(linalg.cholesky, "a"),
        complex=True,
        notation=_CHOLESKY,
        samples=(
            sample(positive_definite(3, 3)), sample(positive_definite(3, 3), lower=True),
            sample(positive_definite(2, 2, 2)), sample(positive_definite(1, 1)),
        ),
        references=(GILES, WALTER),
    )
)  # fmt: skip


def _part(a: Any, lower: bool) -> Any:
    return np.tril(a) if lower else np.triu(a)


_PLAIN = linalg.cho_factor(np.array([[1.0, 0.0], [5.0, 1.0]]))
_KEEPS_REST = bool(_PLAIN[0][1, 0] == 5.0)  # the other triangle holds A's entries; since 1.18 zeros


def _cho_factor_jvp(t: Any, y: Any, _a: Any, lower: bool, **_params: Any) -> Any:
    """Return the change of the factor; what SciPy leaves in the other triangle changes with A."""
    change = cholesky_jvp(t, _part(y, lower), None, not lower)
    return change + (np.triu(t, 1) if lower else np.tril(t, -1)) if _KEEPS_REST else change


def _cho_factor_pull(ct: Any, y: Any, _a: Any, lower: bool, **_params: Any) -> Any:
    found = cholesky_pull(ct, _part(y, lower), None, not lower)
    if found is NotImplemented or not _KEEPS_REST:
        return found
    return found + (np.triu(ct, 1) if lower else np.tril(ct, -1))


cho_factor_op = Op(
    "scipy.cho_factor",
    lambda a, **params: linalg.cho_factor(a, **params)[0],
    (Jvp(_cho_factor_jvp, shortcut=_cho_factor_pull),),
    batch="loop",
    complex=True,
    notation=_CHOLESKY,
    references=(GILES, WALTER),
)
add(cho_factor_op)
_read_cho_factor = reader(linalg.cho_factor)


@composite(
    linalg.cho_factor, sample(positive_definite(3, 3)), sample(positive_definite(3, 3), lower=True),
    sample(positive_definite(2, 2, 2)), name="scipy.linalg.cho_factor",
)  # fmt: skip
def cho_factor(*args: Any, **kwargs: Any) -> Any:
    """Return the Cholesky factor for `cho_solve`, as SciPy does: see `_KEEPS_REST`."""
    params = _read_cho_factor(args, kwargs)
    a = as_array(params.pop("a"))
    lower = params["lower"]
    whole = a.ndim > 2 or isinstance(_PLAIN[1], np.ndarray)
    flag = np.full(a.shape[:-2], lower) if whole else lower
    found = over_batch((2,), lambda a: cho_factor_op(a, **params))(a), flag
    return [*found] if a.ndim > 2 else found


# --- LU -------------------------------------------------------------------------------------------


def _lu_change(m: Any, low: Any, up: Any) -> tuple[Any, Any]:
    """Return dL and dU for a change `m` of PᵀA: of a square part first, then of what is left."""
    k = low.shape[1]
    first_l, back_u = low[:k], np.matrix_transpose(up[:, :k])

    def over_u(m: Any) -> Any:
        turned = triangular(back_u, np.matrix_transpose(m), lower=True, unit=False)
        return np.matrix_transpose(turned)

    def over_l(m: Any) -> Any:
        return triangular(first_l, m, lower=True, unit=True)

    inner = over_u(over_l(m[:k, :k]))
    dl = np.matmul(first_l, np.tril(inner, -1))
    du = np.matmul(np.triu(inner), up[:, :k])
    if low.shape[0] > k:  # rows that are left: L₂U = A₂
        return np.concatenate([dl, over_u(m[k:] - np.matmul(low[k:], du))]), du
    if up.shape[1] > k:  # columns that are left: LU₂ = A₂
        rest = m[:, k:] - np.matmul(dl, up[:, k:])
        return dl, np.concatenate([du, over_l(rest)], axis=1)
    return dl, du


def _lu_jvp(t: Any, y: Any, _a: Any, p: Any, **_params: Any) -> Any:
    back = permuted(t, p)
    return _lu_change(back, *y)


def _recalled(what: str, make: Any) -> Any:
    """Let one factorisation give the factors and the permutation, which are asked for apart."""

    def value(a: Any) -> Any:
        if type(a) is not np.ndarray or a.dtype.char not in "fdFD":
            return make(a)
        return recall(what, a, np.ascontiguousarray(a), make)

    return value


_whole_lu = _recalled("scipy.lu", lambda a: linalg.lu(a, p_indices=True))
_whole_lu_factor = _recalled("scipy.lu_factor", linalg.lu_factor)


def _checked(a: Any, check_finite: bool) -> Any:
    return np.asarray_chkfinite(a) if check_finite else a


permuted = Op(
    "rows_of", lambda a, p: a[p],
    (Jvp(lambda t, _y, _a, p: np.take(t, p, axis=0)), INDEX), batch="loop", complex=True,
    notation=Notation("{0}[{1}]", "{0}_{{{1}}}", rule="the rows are exchanged"),
)  # fmt: skip
add(permuted)
_rows = constant_of(
    "lu_rows", lambda a, check_finite: np.argsort(_whole_lu(_checked(a, check_finite))[0])
)  # fmt: skip
lu_op = Op(
    "scipy.lu",
    lambda a, _p, check_finite: tuple(f.copy() for f in _whole_lu(_checked(a, check_finite))[1:]),
    (Jvp(_lu_jvp), INDEX),
    batch="loop",
    outputs=2,
    complex=True,
    notation=Notation(
        "lu({0})", "\\operatorname{{lu}}({0})",
        rule="A = PLU, M = L⁻¹ Pᵀ dA U⁻¹: dL = L tril(M, −1), dU = triu(M) U",
    ),
    references=(WALTER,),
)  # fmt: skip
add(lu_op)
_read_lu = reader(linalg.lu)
_permutation = constant_of(
    "lu_permutation", lambda a, p_indices: linalg.lu(a, p_indices=p_indices)[0]
)


@composite(
    linalg.lu, sample(well_conditioned(3, 3)), sample((3, 3)), sample((4, 2)), sample((2, 4)),
    sample((3, 3), p_indices=True), sample((3, 3), permute_l=True), sample((4, 2), permute_l=True),
    sample((2, 2, 2)), name="scipy.linalg.lu",
)  # fmt: skip
def lu(*args: Any, **kwargs: Any) -> Any:
    """Factor into a permutation, a unit lower and an upper triangular matrix.

    Domain: matrices whose leading part is regular.
    """
    params = _read_lu(args, kwargs)
    a, finite = as_array(params.pop("a")), bool(params["check_finite"])

    def single(a: Any) -> Any:
        low, up = lu_op(a, _rows(a, check_finite=finite), check_finite=finite)
        if params["permute_l"]:
            return low[_permutation(a, p_indices=True)], up
        return _permutation(a, p_indices=bool(params["p_indices"])), low, up

    return tuple(over_batch((2,), single)(a))


def _lu_factor_jvp(t: Any, y: Any, _a: Any, piv: Any, **_params: Any) -> Any:
    dl, du = _lu_change(permuted(t, piv), *unpack(y))
    m, n = y.shape
    k = min(m, n)
    if m > k:
        return np.tril(dl, -1) + np.concatenate([np.triu(du), 0 * dl[k:]])
    if n > k:
        return np.concatenate([np.tril(dl, -1), 0 * du[:, k:]], axis=1) + du
    return np.tril(dl, -1) + np.triu(du)


def _lu_factor_pull(ct: Any, y: Any, _a: Any, piv: Any, **_params: Any) -> Any:
    if not (type(ct) is type(y) is np.ndarray and y.shape[0] == y.shape[1]):
        return NotImplemented
    return lu_back(y, ct)[np.argsort(piv)] if y.dtype.char in "fd" else NotImplemented


_pivots = constant_of("lu_pivots", lambda a: _whole_lu_factor(a)[1].copy())


_factor_rows = constant_of(
    "lu_factor_rows", lambda a: order_of(_whole_lu_factor(a)[1].tolist(), a.shape[0])
)
lu_factor_op = Op(
    "scipy.lu_factor",
    lambda a, _rows, check_finite: _whole_lu_factor(_checked(a, check_finite))[0].copy("K"),
    (Jvp(_lu_factor_jvp, shortcut=_lu_factor_pull), INDEX),
    batch="loop",
    complex=True,
    notation=lu_op.notation,
    references=(WALTER,),
)
add(lu_factor_op)


@composite(
    linalg.lu_factor, sample(well_conditioned(3, 3)), sample((3, 3)), sample((4, 2)),
    sample((2, 4)), sample((2, 2, 2)), name="scipy.linalg.lu_factor",
)  # fmt: skip
def lu_factor(a: Any, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    """Return the factors of LU, stored together, and the sequence of exchanges."""

    def single(a: Any) -> Any:
        packed = lu_factor_op(a, _factor_rows(a), check_finite=bool(check_finite))
        return packed, _pivots(a)

    return over_batch((2,), single)(as_array(a))


# --- QR and RQ ------------------------------------------------------------------------------------


def _qr_value(a: Any, _p: Any, pivoting: bool, check_finite: bool) -> Any:
    found = linalg.qr(a, mode="economic", pivoting=pivoting, check_finite=check_finite)
    return found[0], found[1]


_qr_columns = constant_of(
    "qr_columns", lambda a, check_finite: linalg.qr(a, mode="r", pivoting=True)[1]
)
qr_op = Op(
    "scipy.qr",
    _qr_value,
    (Jvp(lambda t, y, a, p, **_params: _qr_jvp(np.take(t, p, axis=1), y, a)), INDEX),
    batch="loop",
    outputs=2,
    complex=True,
    notation=Notation(
        "qr({0})", "\\operatorname{{qr}}({0})",
        rule="with M = Qᵀ dA R⁻¹ and Ω = tril(M) − tril(M)ᵀ: dR = (M − Ω) R, dQ = (dA − Q dR) R⁻¹",
    ),
    references=(WALTER,),
)  # fmt: skip
add(qr_op)
_read_qr = reader(linalg.qr)


@composite(
    linalg.qr, sample(well_conditioned(3, 3)), sample(well_conditioned(4, 2), mode="economic"),
    sample(well_conditioned(2, 4)), sample(well_conditioned(4, 2), mode="economic", pivoting=True),
    sample(well_conditioned(3, 3), mode="r"), sample(well_conditioned(3, 3), mode="full"),
    sample(well_conditioned(2, 4), pivoting=True), sample(well_conditioned(2, 2, 2)),
    name="scipy.linalg.qr",
)  # fmt: skip
def qr(*args: Any, **kwargs: Any) -> Any:
    """Factor into an orthogonal and an upper triangular matrix.

    Domain: matrices whose leading columns are linearly independent; others are refused.
    Errors: the full mode of a matrix with more rows than columns is refused (the added columns of Q
    are not a function of A), and so is the mode 'raw'.
    """
    params = _read_qr(args, kwargs)
    a, mode, pivoting = as_array(params.pop("a")), params["mode"], bool(params["pivoting"])
    finite = bool(params["check_finite"])
    tall = a.shape[-2] > a.shape[-1]
    if mode not in ("full", "qr", "r", "economic", "raw"):
        raise ValueError("Mode argument should be one of ['full', 'r', 'economic', 'raw']")
    if mode == "raw" or (tall and mode != "economic"):
        raise refusal(
            f"scipy.linalg.qr(mode={mode!r}) of this shape",
            "what it adds to Q is not a function of the matrix", "use mode='economic'",
        )

    def single(a: Any) -> Any:
        p = _qr_columns(a, check_finite=finite) if pivoting else np.arange(a.shape[-1])
        q, r = qr_op(a, p, pivoting=pivoting, check_finite=finite)
        _check_independent(r, a.shape, "scipy.linalg.qr")
        found = (r, p) if pivoting else (r,)
        return found if mode == "r" else (q, *found)

    return over_batch((2,), single)(a)


def _rq_jvp(t: Any, y: Any, _a: Any, **_params: Any) -> Any:
    """Return dR = R(M − Ω), dQ = R⁻¹dA − (M − Ω)Q, with M = R⁻¹dA Qᴴ and Ω its lower part.

    What stands above the square part of R follows: dR = dA Qᴴ − R Ω.
    """
    r, q = y
    above = r.shape[-2] - r.shape[-1]
    (top, r), (dtop, t) = (r[:above], r[above:]), (t[:above], t[above:])
    scaled = triangular(r, t, lower=False, unit=False)
    inner = np.matmul(scaled, adjoint(q))
    below = np.tril(inner, -1)
    turn = below - adjoint(below)
    if inner.dtype.kind == "c":
        turn = turn + 1j * (np.imag(inner) * np.eye(inner.shape[-1], dtype=r.real.dtype))
    upper = inner - turn
    dr = np.matmul(r, upper)
    if above:
        dr = np.concatenate([np.matmul(dtop, adjoint(q)) - np.matmul(top, turn), dr])
    return dr, scaled - np.matmul(upper, q)


rq_op = Op(
    "scipy.rq",
    lambda a, check_finite: linalg.rq(a, mode="economic", check_finite=check_finite),
    (Jvp(_rq_jvp),),
    batch="loop",
    outputs=2,
    complex=True,
    notation=Notation(
        "rq({0})", "\\operatorname{{rq}}({0})",
        rule="with M = R⁻¹ dA Qᵀ and Ω = tril(M) − tril(M)ᵀ: dR = R (M − Ω), dQ = R⁻¹(dA − dR Q)",
    ),
    references=(WALTER,),
)  # fmt: skip
add(rq_op)
_read_rq = reader(linalg.rq)


@composite(
    linalg.rq, sample(well_conditioned(3, 3)), sample(well_conditioned(2, 4), mode="economic"),
    sample(well_conditioned(4, 2)),
    sample(well_conditioned(3, 3), mode="r"), sample(well_conditioned(2, 2, 2)),
    name="scipy.linalg.rq",
)  # fmt: skip
def rq(*args: Any, **kwargs: Any) -> Any:
    """Factor into an upper triangular and an orthogonal matrix.

    Domain: matrices whose rows are linearly independent; others are refused.
    Errors: the full mode of matrices with fewer rows than columns is refused.
    """
    params = _read_rq(args, kwargs)
    a, mode = as_array(params.pop("a")), params["mode"]
    m, n = a.shape[-2:]
    if m < n and mode != "economic":
        raise refusal(
            f"scipy.linalg.rq(mode={mode!r}) of a wide matrix",
            "the rows that complete the orthogonal matrix are no function of the matrix",
            "use mode='economic'",
        )

    def single(a: Any) -> Any:
        r, q = rq_op(a, check_finite=bool(params["check_finite"]))
        square = r[max(m - n, 0) :]  # the rows below determine Q
        _check_independent(square, a[max(m - n, 0) :].shape, "scipy.linalg.rq", "rows")
        return r if mode == "r" else (r, q)

    return over_batch((2,), single)(a)


refused(
    linalg.qr_multiply, "it has no rule",
    "write q, r = scipy.linalg.qr(‹a 0›, mode='economic') and multiply by q",
    "scipy.linalg.qr_multiply",
)  # fmt: skip
for _function in (linalg.cholesky_banded, linalg.cho_solve_banded):
    refused(
        _function, "it has no rule", "use scipy.linalg.solveh_banded, or cholesky of the full "
        "matrix", f"scipy.linalg.{_function.__name__}",
    )  # fmt: skip
for _function in (linalg.qr_delete, linalg.qr_insert, linalg.qr_update):
    refused(
        _function, "it is compiled and has no rule", "take qr of the changed matrix",
        f"scipy.linalg.{_function.__name__}",
    )  # fmt: skip
