"""Eigenvalues, singular values and factors of `scipy.linalg`, with SciPy's values and options.

The rules are those of `decompositions` and `eigenvalues`; what is said there of repeated values,
of triangles that are not read and of the phase of complex vectors holds here too.
"""

from typing import Any

import numpy as np
from scipy import linalg

from ....core.op import Notation, Op, sample
from ....core.registry import add, composite
from ....core.slots import INDEX, Jvp
from ...declare import as_array
from ...numpy.decompositions import (
    TOWNSEND,
    _svd_jvp,
    _svdvals_jvp,
    cholesky_jvp,
    diagonal_of_product,
    from_triangle,
    positive_definite,
)
from ...numpy.eigenvalues import _eig_jvp, _eigvals_jvp, hermitian
from ...numpy.linalg import GILES, adjoint, well_conditioned
from ...numpy.resolvents import (
    Live,
    columns,
    near_triples,
    near_values,
    only_used,
    quotients,
    resolvent,
    triples_used,
)
from ...undetermined import whole_triple
from ..common import over_batch, reader, refusal, refused
from .matfuncs import root_change

# --- symmetric eigenvalues ------------------------------------------------------------------------


def _hermitian_change(da: Any, db: Any, v: Any, w: Any, lower: bool, like: Any) -> Any:
    """Return (dA − λ dB) V, column by column."""
    change = None if da is None else np.matmul(hermitian(from_triangle(da, lower)), v)
    if db is not None:
        other = np.matmul(from_triangle(db, lower), v) * w
        change = -other if change is None else change - other
    return change


def _eigh_jvp(
    t: Any, y: Any, a: Any, b: Any, lower: bool, live: Live = None, **params: Any
) -> Any:
    """Return dλ = diag(Vᴴ(dA − λ dB)V), dV = V (F ∘ Vᴴ(dA − λ dB)V) − ½ V diag(VᴴdB V)."""
    da, db = t
    all_w, all_v = y
    if params["subset_by_index"] is not None or params["subset_by_value"] is not None:
        whole = {"subset_by_index": None, "subset_by_value": None, "driver": None}
        all_w, all_v = every_pair(a, b, lower=lower, **(params | whole))
    w, v, table = (columns(part, live) for part in (*y, quotients(all_w, y[0])))
    change = _hermitian_change(da, db, v, w, lower, a)
    dw = diagonal_of_product(v, change)
    with np.errstate(divide="ignore", invalid="ignore"):
        dv = resolvent(
            a, b, w, v, adjoint(v), all_v, adjoint(all_v), all_w, table, change,
            triangle="L" if lower else "U", order=1,
        )  # fmt: skip
        if db is not None:
            size = diagonal_of_product(v, np.matmul(from_triangle(db, lower), v))
            dv = dv - 0.5 * v * size
        dv = dv - v * (1j * _turn(dv, v, b, db, lower)) if v.dtype.kind == "c" else dv
    return dw, dv


def _turn(dv: Any, v: Any, b: Any, db: Any, lower: bool) -> Any:
    """Return the angles that LAPACK takes back, to keep one component of UV real, B = UᴴU."""
    row = 0 if lower else -1
    y, dy = v[row], dv[row]
    if np.ndim(b):
        factor = np.linalg.cholesky(b, upper=not lower)
        upper = adjoint(factor) if lower else factor
        y, dy = np.matmul(upper[row], v), np.matmul(upper[row], dv)
        if db is not None:
            change = cholesky_jvp(db, factor, b, not lower)
            change = adjoint(change) if lower else change
            dy = dy + np.matmul(change[row], v)
    pivot = np.real(y)
    return np.where(pivot == 0, 0, np.imag(dy) * np.reciprocal(np.where(pivot == 0, 1, pivot)))


def _eigvalsh_jvp(t: Any, y: Any, a: Any, b: Any, lower: bool, **params: Any) -> Any:
    v = eigh_op(a, b, lower=lower, **params)[1]
    return diagonal_of_product(v, _hermitian_change(*t, v, y, lower, a))


def _eigh(a: Any, b: Any, **params: Any) -> Any:
    return linalg.eigh(a, b if np.ndim(b) else None, **params)


_joint_eigh = Jvp(_eigh_jvp, joint=True, narrow=only_used, cause=near_values)
_joint_eigvalsh = Jvp(_eigvalsh_jvp, joint=True)
every_pair = Op(
    "every_pair", _eigh, (INDEX, INDEX), batch="loop", outputs=2, complex=True,
    notation=Notation(rule="all pairs serve to compute a resolvent: nothing flows"),
)  # fmt: skip
add(every_pair)
eigh_op = Op(
    "scipy.eigh",
    _eigh,
    (_joint_eigh, _joint_eigh),
    batch="loop",
    outputs=2,
    complex=True,
    notation=Notation(
        "eigh({0})", "\\operatorname{{eigh}}({0})",
        rule="AV = BVΛ, VᵀBV = I: dλ = diag(Vᵀ(dA − λ dB)V), dV = V (F ∘ Vᵀ(dA − λ dB)V) − "
        "½V diag(VᵀdB V) with Fᵢⱼ = 1/(λⱼ − λᵢ)",
    ),
    references=(GILES,),
)  # fmt: skip
add(eigh_op)
eigvalsh_op = Op(
    "scipy.eigvalsh",
    lambda a, b, **params: linalg.eigvalsh(a, b if np.ndim(b) else None, **params),
    (_joint_eigvalsh, _joint_eigvalsh),
    batch="loop",
    complex=True,
    notation=Notation(
        "eigvalsh({0})", "\\lambda({0})", rule="AV = BVΛ: dλ = diag(Vᵀ(dA − λ dB)V)"
    ),
    references=(GILES,),
)
add(eigvalsh_op)


def _pair(rng: Any) -> Any:
    return positive_definite(3, 3)(rng)


@composite(
    linalg.eigh, sample(_pair), sample(_pair, lower=False), sample(positive_definite(2, 2, 2)),
    sample(positive_definite(1, 1)), sample(_pair, _pair), sample(_pair, _pair, lower=False),
    sample(_pair, eigvals_only=True), sample(_pair, subset_by_index=[1, 2]),
    sample(_pair, subset_by_index=[0, 1], eigvals_only=True),
    sample(_pair, _pair, subset_by_index=[0, 0]), sample(_pair, driver="ev"),
    name="scipy.linalg.eigh",
)  # fmt: skip
def eigh(*args: Any, **kwargs: Any) -> Any:
    """Decompose a symmetric matrix, or solve the symmetric problem A v = λ B v.

    At the kinks: see the head of `eigenvalues`. Errors: ``type=2`` and ``type=3`` are refused.
    """
    return _symmetric(_read_eigh(args, kwargs), "scipy.linalg.eigh")


@composite(
    linalg.eigvalsh, sample(_pair), sample(_pair, _pair, lower=False),
    sample(_pair, subset_by_index=[1, 2]), sample(positive_definite(2, 2, 2)),
    name="scipy.linalg.eigvalsh",
)  # fmt: skip
def eigvalsh(*args: Any, **kwargs: Any) -> Any:
    """Return the eigenvalues of a symmetric matrix, or of the pair A, B."""
    params = _read_eigvalsh(args, kwargs)
    return _symmetric({**params, "eigvals_only": True}, "scipy.linalg.eigvalsh")


_read_eigh, _read_eigvalsh = reader(linalg.eigh), reader(linalg.eigvalsh)


def _symmetric(params: dict[str, Any], name: str) -> Any:
    a, b = as_array(params.pop("a")), params.pop("b")
    if b is not None and params["type"] != 1:
        raise refusal(
            f"{name}(type={params['type']})", "only the problem A v = λ B v has a rule",
            "write scipy.linalg.eigh(‹a 0›, scipy.linalg.inv(‹b 1›)): it has the same eigenvalues",
        )
    op = eigvalsh_op if params.pop("eigvals_only") else eigh_op
    for key in ("subset_by_index", "subset_by_value"):
        params[key] = None if params[key] is None else tuple(float(x) for x in params[key])
    if b is None:
        return over_batch((2,), lambda a: op(a, 0, **params))(a)
    return over_batch((2, 2), lambda a, b: op(a, b, **params))(a, as_array(b))


# --- tridiagonal and banded matrices --------------------------------------------------------------


def _tridiagonal_times(dd: Any, de: Any, v: Any) -> Any:
    change = 0 * v if dd is None else dd[:, None] * v
    if de is None:
        return change
    zero = 0 * v[:1]
    below = np.concatenate([zero, de[:, None] * v[:-1]])
    return change + below + np.concatenate([de[:, None] * v[1:], zero])


_ALL = {"select": "a", "select_range": None, "lapack_driver": "auto"}


def _tridiagonal_jvp(
    t: Any, y: Any, d: Any, e: Any, live: Live = None, **params: Any
) -> Any:
    all_w, all_v = y if params["select"] == "a" else every_mode(d, e, **(params | _ALL))
    w, v, table = (columns(part, live) for part in (*y, quotients(all_w, y[0])))
    change = _tridiagonal_times(*t, v)
    with np.errstate(divide="ignore", invalid="ignore"):
        matrix = np.diag(d) + np.diag(e, 1) + np.diag(e, -1)
        left, all_left = np.matrix_transpose(v), np.matrix_transpose(all_v)
        dv = resolvent(
            matrix, 0, w, v, left, all_v, all_left, all_w, table, change, triangle="", order=1
        )
    return np.sum(v * change, axis=0), dv


def _tridiagonal_values_jvp(t: Any, _y: Any, d: Any, e: Any, **params: Any) -> Any:
    v = eigh_tridiagonal_op(d, e, **params)[1]
    return np.sum(v * _tridiagonal_times(*t, v), axis=0)


_joint = Jvp(_tridiagonal_jvp, joint=True, narrow=only_used, cause=near_values)
_joint_values = Jvp(_tridiagonal_values_jvp, joint=True)
_TRIDIAGONAL = Notation(
    "eigh_tridiagonal({0}, {1})", "\\operatorname{{eigh}}({0}, {1})",
    rule="T = VΛVᵀ: dλ = diag(Vᵀ dT V), dV = V (F ∘ Vᵀ dT V) with Fᵢⱼ = 1/(λⱼ − λᵢ)",
)  # fmt: skip
eigh_tridiagonal_op = Op(
    "scipy.eigh_tridiagonal", lambda d, e, **params: linalg.eigh_tridiagonal(d, e, **params),
    (_joint, _joint), batch="loop", outputs=2, notation=_TRIDIAGONAL, references=(GILES,),
)  # fmt: skip
eigvalsh_tridiagonal_op = Op(
    "scipy.eigvalsh_tridiagonal",
    lambda d, e, **params: linalg.eigvalsh_tridiagonal(d, e, **params),
    (_joint_values, _joint_values), batch="loop", notation=_TRIDIAGONAL, references=(GILES,),
)  # fmt: skip
every_mode = Op(
    "every_mode", lambda d, e, **params: linalg.eigh_tridiagonal(d, e, **params), (INDEX, INDEX),
    batch="loop", outputs=2,
    notation=Notation(rule="all pairs serve to compute a resolvent: nothing flows"),
)  # fmt: skip
add(every_mode)
add(eigh_tridiagonal_op)
add(eigvalsh_tridiagonal_op)


@composite(
    linalg.eigh_tridiagonal, sample((4,), (3,)), sample((4,), (3,), eigvals_only=True),
    sample((4,), (3,), select="i", select_range=[1, 2]), name="scipy.linalg.eigh_tridiagonal",
)  # fmt: skip
def eigh_tridiagonal(*args: Any, **kwargs: Any) -> Any:
    """Decompose a symmetric tridiagonal matrix, given by its diagonals."""
    params = _read_tridiagonal(args, kwargs)
    d, e = as_array(params.pop("d")), as_array(params.pop("e"))
    op = eigvalsh_tridiagonal_op if params.pop("eigvals_only") else eigh_tridiagonal_op
    if params["select_range"] is not None:
        params["select_range"] = tuple(params["select_range"])
    return over_batch((1, 1), lambda d, e: op(d, e, **params))(d, e)


@composite(
    linalg.eigvalsh_tridiagonal, sample((4,), (3,)),
    sample((4,), (3,), select="i", select_range=[1, 2]), name="scipy.linalg.eigvalsh_tridiagonal",
)  # fmt: skip
def eigvalsh_tridiagonal(*args: Any, **kwargs: Any) -> Any:
    """Return the eigenvalues of a symmetric tridiagonal matrix, given by its diagonals."""
    return eigh_tridiagonal(**_read_tridiagonal_values(args, kwargs), eigvals_only=True)


_read_tridiagonal = reader(linalg.eigh_tridiagonal)
_read_tridiagonal_values = reader(linalg.eigvalsh_tridiagonal)

# --- general eigenvalues --------------------------------------------------------------------------

eig_op = Op(
    "scipy.eig", lambda a, **params: linalg.eig(a, **params), (Jvp(
        lambda t, y, a, live=None, **_params: _eig_jvp(t, y, a, live),
        narrow=only_used, cause=near_values,
    ),),
    batch="loop",
    outputs=2, complex=True, references=(GILES,),
    notation=Notation(
        "eig({0})", "\\operatorname{{eig}}({0})",
        rule="A = VΛV⁻¹: dλ = diag(V⁻¹ dA V), dV = V (F ∘ V⁻¹ dA V), kept at length 1",
    ),
)  # fmt: skip
eigvals_op = Op(
    "scipy.eigvals", lambda a, **params: linalg.eigvals(a, **params),
    (Jvp(lambda t, y, a, **_params: _eigvals_jvp(t, y, a)),), batch="loop", complex=True,
    references=(GILES,),
    notation=Notation("eigvals({0})", "\\lambda({0})", rule="A = VΛV⁻¹: dλ = diag(V⁻¹ dA V)"),
)  # fmt: skip
add(eig_op)
add(eigvals_op)


@composite(
    linalg.eig, sample((3, 3)), sample((2, 2)), sample((2, 2, 2)), sample((3, 3), right=False),
    name="scipy.linalg.eig",
)  # fmt: skip
def eig(*args: Any, **kwargs: Any) -> Any:
    """Return the eigenvalues and right eigenvectors of a square matrix.

    Errors: left eigenvectors and a second matrix are refused.
    """
    params = _read_eig(args, kwargs)
    a, vectors = _single(params, "scipy.linalg.eig"), params.pop("right")
    if params.pop("left"):
        raise refusal(
            "scipy.linalg.eig(left=True)", "only right eigenvectors have a rule",
            "take the right eigenvectors of ‹a 0›.conj().T",
        )
    op = eig_op if vectors else eigvals_op
    return over_batch((2,), lambda a: op(a, **params))(a)


@composite(linalg.eigvals, sample((3, 3)), sample((2, 2, 2)), name="scipy.linalg.eigvals")
def eigvals(*args: Any, **kwargs: Any) -> Any:
    """Return the eigenvalues of a square matrix. Errors: a second matrix is refused."""
    params = _read_eigvals(args, kwargs)
    a = _single(params, "scipy.linalg.eigvals")
    return over_batch((2,), lambda a: eigvals_op(a, **params))(a)


_read_eig, _read_eigvals = reader(linalg.eig), reader(linalg.eigvals)


def _single(params: dict[str, Any], name: str) -> Any:
    """Take the one matrix of an eigenvalue problem out of the arguments."""
    if params.pop("b") is not None or params.pop("homogeneous_eigvals"):
        raise refusal(
            f"{name} of two matrices", "only the problem A v = λ v has a rule",
            "write scipy.linalg.eig(scipy.linalg.solve(‹b 1›, ‹a 0›)), or scipy.linalg.eigh(‹a 0›, "
            "‹b 1›) for symmetric matrices",
        )
    return as_array(params.pop("a"))


# --- singular values ------------------------------------------------------------------------------

svd_op = Op(
    "scipy.svd", lambda a, **params: linalg.svd(a, full_matrices=False, **params),
    (Jvp(
        lambda t, y, a, live=None, **_params: _svd_jvp(t, y, a, live), narrow=triples_used,
        cause=near_triples,
    ),),
    batch="loop", outputs=3, complex=True,
    references=(TOWNSEND,),
    notation=Notation(
        "svd({0})", "\\operatorname{{svd}}({0})",
        rule="A = USVᵀ, P = Uᵀ dA V: ds = diag(P), dU = U (F ∘ (PS + SPᵀ)) + (I − UUᵀ) dA V S⁻¹, "
        "dV likewise, with Fᵢⱼ = 1/(sⱼ² − sᵢ²)",
    ),
)  # fmt: skip
svdvals_op = Op(
    "scipy.svdvals", lambda a, **params: linalg.svd(a, compute_uv=False, **params),
    (Jvp(lambda t, y, a, **_params: _svdvals_jvp(t, y, a)),), batch="loop", complex=True,
    references=(TOWNSEND,),
    notation=Notation("s({0})", "\\sigma({0})", rule="A = USVᵀ: ds = diag(Uᵀ dA V)"),
)  # fmt: skip
add(svd_op)
add(svdvals_op)


@composite(
    linalg.svd, sample((3, 3), full_matrices=False), sample((4, 2), full_matrices=False),
    sample((2, 3), full_matrices=False), sample((2, 3, 2), full_matrices=False), sample((2, 2)),
    sample((3, 2), compute_uv=False), sample((3, 2), full_matrices=False, lapack_driver="gesvd"),
    name="scipy.linalg.svd",
)  # fmt: skip
def svd(*args: Any, **kwargs: Any) -> Any:
    """Decompose into singular values and vectors.

    At the kinks: see the head of `decompositions`. Errors: with `full_matrices=True`, of a matrix
    that is not square, a use of the longer vectors is refused: those added are no function of it.
    """
    params = _read_svd(args, kwargs)
    a, full = as_array(params.pop("a")), params.pop("full_matrices")
    if not params.pop("compute_uv"):
        return over_batch((2,), lambda a: svdvals_op(a, **params))(a)
    triple = over_batch((2,), lambda a: svd_op(a, **params))(a)
    if full and a.shape[-1] != a.shape[-2]:
        return whole_triple(triple, a.shape, "scipy.linalg.svd")
    return triple


_read_svd = reader(linalg.svd)


@composite(linalg.svdvals, sample((3, 2)), sample((2, 2, 2)), name="scipy.linalg.svdvals")
def svdvals(a: Any, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    """Return the singular values."""
    return svd(a, compute_uv=False, check_finite=check_finite)


# --- polar decomposition --------------------------------------------------------------------------

def _polar_jvp(t: Any, y: Any, _a: Any, side: str) -> Any:
    """Return dU = UX + (I − UUᴴ) dA P⁻¹ and dP = C − XP, PX + XP = C − Cᴴ, C = Uᴴ dA.

    X = Uᴴ dU is skew; the equation for dP itself would square the condition of A.
    """
    u, p = y
    if side == "left":
        du, dp = _polar_jvp(adjoint(t), (adjoint(u), p), None, "right")
        return adjoint(du), dp
    change = np.matmul(adjoint(u), t)
    turn = root_change(p, change - adjoint(change))
    du, dp = np.matmul(u, turn), change - np.matmul(turn, p)
    if u.shape[0] > u.shape[1]:
        du = du + adjoint(np.linalg.solve(p, adjoint(t - np.matmul(u, change))))
    return du, dp


polar_op = Op(
    "scipy.polar", lambda a, side: linalg.polar(a, side), (Jvp(_polar_jvp),), outputs=2,
    batch="loop",
    complex=True,
    notation=Notation(
        "polar({0})", "\\operatorname{{polar}}({0})",
        rule="A = UP, C = Uᵀ dA, PX + XP = C − Cᵀ: dP = C − XP, dU = UX + (I − UUᵀ) dA P⁻¹",
    ),
)  # fmt: skip
add(polar_op)


@composite(
    linalg.polar, sample(well_conditioned(3, 3)), sample(well_conditioned(3, 3), side="left"),
    sample(well_conditioned(3, 2)), sample(well_conditioned(2, 3), side="left"),
    sample(well_conditioned(2, 2, 2)), sample(well_conditioned(2, 3)), name="scipy.linalg.polar",
)  # fmt: skip
def polar(a: Any, side: str = "right") -> Any:
    """Factor into a matrix with orthonormal rows or columns and a positive semidefinite one.

    Domain: matrices of full rank.
    """
    if side not in ("right", "left"):
        raise ValueError("`side` must be either 'right' or 'left'")

    def single(a: Any) -> Any:
        m, n = a.shape
        if m >= n if side == "right" else m <= n:
            return polar_op(a, side=side)
        w, s, vh = svd_op(a, check_finite=True, lapack_driver="gesdd")
        p = (adjoint(vh) * s).dot(vh) if side == "right" else (w * s).dot(adjoint(w))
        return w.dot(vh), p

    return over_batch((2,), single)(as_array(a))


# --- orthonormal bases, and what is no function of the matrix -------------------------------------


@composite(
    linalg.orthogonal_procrustes, sample((4, 2), (4, 2)), name="scipy.linalg.orthogonal_procrustes"
)
def orthogonal_procrustes(A: Any, B: Any, check_finite: bool = True) -> Any:
    """Return the orthogonal matrix R with AR nearest to B, and the sum of the singular values.

    R is the unitary polar factor of M = AᴴB and the sum is the trace of the other one: their
    derivatives do not ask for singular vectors, which repeated singular values leave open.
    Domain: M has full rank; else R is not unique.
    """

    def single(a: Any, b: Any) -> Any:
        if a.shape != b.shape:
            raise ValueError(f"the shapes of A and B differ ({a.shape} vs {b.shape})")
        conj = np.conjugate(a) if a.dtype.kind == "c" else a
        u, p = polar_op(np.matmul(b.T, conj).T, side="right")
        return u, np.real(np.trace(p))

    return over_batch((2, 2), single)(as_array(A), as_array(B))


_GAUGE = "the basis that it returns is not a function of the matrix: any rotation of it would do"
_PROJECTOR = "use a projector, such as ‹A 0› @ scipy.linalg.pinv(‹A 0›)"
refused(linalg.orth, _GAUGE, _PROJECTOR, "scipy.linalg.orth")
for _function in (linalg.schur, linalg.hessenberg, linalg.qz, linalg.ordqz, linalg.ldl):
    refused(
        _function, "it has no rule (its factors are not unique)",
        "use eig, eigh, svd, qr, lu or cholesky", f"scipy.linalg.{_function.__name__}",
    )  # fmt: skip
for _function in (linalg.cossin, linalg.subspace_angles, linalg.matrix_balance, linalg.cdf2rdf,
                  linalg.eig_banded, linalg.eigvals_banded):  # fmt: skip
    refused(
        _function, "it has no rule", "write it with svd, eigh or eig of full matrices",
        f"scipy.linalg.{_function.__name__}",
    )
