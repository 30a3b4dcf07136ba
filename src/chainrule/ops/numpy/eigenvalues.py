"""Eigenvalues and eigenvectors, of symmetric and of general matrices, each by its JVP.

Of a symmetric matrix NumPy reads one triangle, and the derivative is that of the program as it
stands: the entries of the other triangle have derivative zero, as differences show.

The vectors of an eigenvalue that repeats have no derivative (it would depend on the direction):
their tangents are NaN, and theirs only; see `resolvents`. The first derivative of the eigenvalues
of a symmetric matrix never is; those of a defective matrix have none.

Complex eigenvectors are determined up to a phase only; the phase that LAPACK chooses (one
component real) is kept fixed.

Reference: M. B. Giles, Collected matrix derivative results (2008).
"""

from typing import Any

import numpy as np

from ...core.op import Notation, Op, sample
from ...core.registry import add, declare
from ...core.slots import INDEX, Jvp, Linear
from ..declare import as_array
from .decompositions import diagonal_of_product, positive_definite
from .gaps import trusted
from .linalg import GILES, adjoint, from_triangle
from .resolvents import (
    Live,
    apart,
    columns,
    left_vectors,
    near_values,
    only_used,
    quotients,
    resolvent,
    rows,
)

# --- symmetric eigenvalues ------------------------------------------------------------------------


def _fix_phase(dv: Any, v: Any, row: int) -> Any:
    """Turn the tangents of complex vectors so that their component `row` stays real."""
    if v.dtype.kind != "c":
        return dv
    pivot = np.real(v[..., row, :])
    angle = np.imag(dv[..., row, :]) * np.reciprocal(np.where(pivot == 0, 1, pivot))
    return dv - v * (1j * np.where(pivot == 0, 0, angle))[..., None, :]


def _certain(ct: Any) -> Any:
    """Return 1 where the cotangent of a Hermitian matrix is more than rounding, else NaN.

    Vectors that stand a gap of nothing but rounding apart (of entries that have cancelled, as in a
    matrix of 1e-16) have cotangents of 1/gap. What is left where these cancel is rounding, too.
    """
    turned, eps = adjoint(ct), float(np.finfo(ct.dtype).eps)
    size, left = (
        np.max(np.abs(part), axis=(-2, -1), keepdims=True, initial=0.0)
        for part in (ct - turned, ct + turned)
    )
    rounding = (left > 0) & (left < trusted(eps, 1) * size)
    lost = (size > 1 / trusted(eps, 1) ** 0.8) & rounding
    return np.where(lost, np.nan, 1.0).astype(ct.real.dtype)


certain = Op(
    "certain", _certain, (INDEX,), batch="stacks", complex=True,
    notation=Notation(rule="nothing flows"),
)  # fmt: skip
add(certain)
hermitian = Op(
    "hermitian", lambda t: np.array(t), (Linear(transpose=lambda ct, _t: ct * certain(ct)),),
    batch="stacks", complex=True, samples=(sample((2, 2)),),
    notation=Notation("{0}", "{0}", rule="Hermitian: part of a rule"),
)  # fmt: skip
"""A Hermitian tangent, whose cotangent is NaN where it is nothing but rounding."""
add(hermitian)


def _eigh_jvp(t: Any, y: Any, a: Any, UPLO: str, live: Live = None) -> Any:
    """Return dλ = diag(Vᴴ dA V) and dV = V (F ∘ Vᴴ dA V), Fᵢⱼ = 1/(λⱼ − λᵢ)."""
    all_w, all_v = y
    w, v, table = (columns(part, live) for part in (all_w, all_v, quotients(all_w, all_w)))
    change = np.matmul(hermitian(from_triangle(t, UPLO == "L")), v)
    with np.errstate(divide="ignore", invalid="ignore"):
        dv = resolvent(
            a, 0, w, v, adjoint(v), all_v, adjoint(all_v), all_w, table, change,
            triangle=UPLO, order=1,
        )  # fmt: skip
        dv = _fix_phase(dv, v, 0 if UPLO == "L" else -1)
    return diagonal_of_product(v, change), dv


def _bind_eigh(a: Any, UPLO: str = "L") -> Any:
    if UPLO.upper() not in ("L", "U"):
        raise ValueError("UPLO argument must be 'L' or 'U'")
    return (as_array(a),), {"UPLO": UPLO.upper()}


_SYMMETRIC = (
    sample(positive_definite(3, 3)), sample(positive_definite(3, 3), UPLO="U"),
    sample(positive_definite(2, 2, 2)), sample(positive_definite(1, 1)),
)  # fmt: skip

eigh = declare(
    Op(
        "eigh",
        np.linalg.eigh,
        (Jvp(_eigh_jvp, narrow=only_used, cause=near_values),),
        outputs=2,
        bind=_bind_eigh,
        batch="stacks",
        function=np.linalg.eigh,
        complex=True,
        notation=Notation(
            "eigh({0})", "\\operatorname{{eigh}}({0})",
            rule="A = VΛVᵀ: dλ = diag(Vᵀ dA V), dV = V (F ∘ Vᵀ dA V) with Fᵢⱼ = 1/(λⱼ − λᵢ)",
        ),
        samples=_SYMMETRIC,
        references=(GILES,),
    )
)


def _eigvalsh_jvp(t: Any, _y: Any, a: Any, UPLO: str) -> Any:
    v = np.linalg.eigh(a, UPLO)[1]
    return diagonal_of_product(v, np.matmul(from_triangle(t, UPLO == "L"), v))


eigvalsh = declare(
    Op(
        "eigvalsh",
        np.linalg.eigvalsh,
        (Jvp(_eigvalsh_jvp),),
        bind=_bind_eigh,
        batch="stacks",
        function=np.linalg.eigvalsh,
        complex=True,
        notation=Notation(
            "eigvalsh({0})", "\\lambda({0})", rule="A = VΛVᵀ: dλ = diag(Vᵀ dA V)"
        ),
        samples=_SYMMETRIC,
        references=(GILES,),
    )
)


# --- general eigenvalues --------------------------------------------------------------------------


def _scale_like_lapack(dv: Any, v: Any) -> Any:
    """Keep the vectors' length 1 and their largest component real."""
    size = np.absolute(v)
    top = np.argmax(size, axis=-2)[..., None, :]
    along = np.real(np.sum(np.conjugate(v) * dv, axis=-2, keepdims=True))
    if v.dtype.kind == "c":
        pivot = np.take_along_axis(v, top, axis=-2)
        turned = np.take_along_axis(dv, top, axis=-2) * np.reciprocal(pivot)
        along = along + 1j * np.imag(turned)
    return dv - v * along


def _independent(v: Any, order: int) -> Any:
    """Return 1 for the vectors that stand apart from the others, NaN where they hardly do.

    The vectors of a defective matrix fall together. How far one stands apart is 1/κ, κ the length
    of its row in V⁻¹, which is the condition of the eigenvalue; κ goes with the order, as 1/δ.
    """
    lengths = np.sqrt(np.sum(np.abs(np.linalg.inv(v)) ** 2, axis=-1))
    return np.where(lengths * trusted(np.finfo(v.dtype).eps, order) < 1, 1.0, np.nan).astype(
        v.real.dtype
    )


independent = Op(
    "independent", _independent, (INDEX,), batch="stacks", complex=True,
    notation=Notation(rule="nothing flows"),
)  # fmt: skip
add(independent)


def _eig_jvp(t: Any, y: Any, a: Any, live: Live = None) -> Any:
    """Return dλ = diag(V⁻¹ dA V) and dV = V (F ∘ V⁻¹ dA V), brought to LAPACK's scaling.

    Both are NaN where vectors hardly stand apart: dλ for its own, dv for any of them.
    """
    all_w, all_v = y
    all_l = left_vectors(a, all_w, all_v)
    once, twice = independent(all_v, order=1), independent(all_v, order=2)
    table = quotients(all_w, all_w) * apart(all_w, all_l) * once[..., :, None]
    w, v, table, once, twice = (
        columns(part, live) for part in (all_w, all_v, table, once, twice)
    )
    left, change = rows(all_l, live), np.matmul(t, v)
    with np.errstate(divide="ignore", invalid="ignore"):
        dv = resolvent(
            a, 0, w, v, left, all_v, all_l, all_w, table, change, triangle="", order=1
        )
        dv = _scale_like_lapack(dv, v)
    dw = _slopes(left, change) * once
    return dw.astype(w.dtype), dv * twice[..., None, :]  # of SciPy they are complex, always


def _slopes(left: Any, change: Any) -> Any:
    """Return the diagonal of V⁻¹ dA V."""
    return np.sum(np.matrix_transpose(left) * change, axis=-2)


eig = declare(
    Op(
        "eig",
        np.linalg.eig,
        (Jvp(_eig_jvp, narrow=only_used, cause=near_values),),
        outputs=2,
        bind=lambda a: ((as_array(a),), {}),
        batch="stacks",
        function=np.linalg.eig,
        complex=True,
        notation=Notation(
            "eig({0})", "\\operatorname{{eig}}({0})",
            rule="A = VΛV⁻¹: dλ = diag(V⁻¹ dA V), dV = V (F ∘ V⁻¹ dA V), kept at length 1",
        ),
        samples=(sample((3, 3)), sample((2, 2)), sample((2, 2, 2))),
        references=(GILES,),
    )
)


def _nearest(wanted: Any, given: Any) -> Any:
    """Return, for every value wanted, the position of the nearest one given, each used once."""
    order = np.empty(wanted.shape, np.intp)
    for place in np.ndindex(wanted.shape[:-1]):
        away = np.abs(wanted[place][:, None] - given[place][None, :])
        for _ in range(away.shape[0]):
            i, j = divmod(int(np.argmin(away)), away.shape[1])
            order[(*place, i)] = j
            away[i, :] = away[:, j] = np.inf
    return order


nearest = Op(
    "nearest", _nearest, (INDEX, INDEX), batch="stacks", notation=Notation(rule="nothing flows")
)
add(nearest)


def _eigvals_jvp(t: Any, y: Any, a: Any) -> Any:
    """Return diag(V⁻¹ dA V), in the order of the eigenvalues given.

    Those of SciPy are complex, whatever they are: so V is, too, for a formula is made once for all
    values of the same dtypes. They differ from those that belong to V by their own condition times
    rounding, so that κ goes in twice.
    """
    w, v = np.linalg.eig(a.astype(y.dtype, copy=False))
    slopes = _slopes(left_vectors(a, w, v), np.matmul(t, v)) * independent(v, order=2)
    return np.take_along_axis(slopes, nearest(y, w), axis=-1)


eigvals = declare(
    Op(
        "eigvals",
        np.linalg.eigvals,
        (Jvp(_eigvals_jvp),),
        bind=lambda a: ((as_array(a),), {}),
        batch="stacks",
        function=np.linalg.eigvals,
        complex=True,
        notation=Notation("eigvals({0})", "\\lambda({0})", rule="A = VΛV⁻¹: dλ = diag(V⁻¹ dA V)"),
        samples=(sample((3, 3)), sample((2, 2)), sample((2, 2, 2))),
        references=(GILES,),
    )
)
