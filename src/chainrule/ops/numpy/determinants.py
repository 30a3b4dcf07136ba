"""Determinants, whose derivatives are cofactors, also where the matrix is singular.

The first two derivatives of `det` are polynomials in the entries and exist everywhere; the third
goes through the inverse. The derivative of `slogdet` is cof(A)/det A, which is infinite or NaN at a
singular matrix, as that of `log` at 0.

References: M. B. Giles, Collected matrix derivative results for forward and reverse mode
algorithmic differentiation (2008).
"""

from typing import Any

import numpy as np

from ...core.op import Notation, Op, sample
from ...core.registry import add, declare
from ...core.slots import Jvp, Linear
from ...errors import UnsupportedFunctionError
from .linalg import GILES, one_matrix, well_conditioned


def _safe_inverse(a: Any) -> Any:
    """Return the inverse where every matrix is well conditioned, else None."""
    try:
        inverse = np.linalg.inv(a)
    except np.linalg.LinAlgError:
        return None
    grown = np.abs(a).sum(-1).max(-1, initial=0) * np.abs(inverse).sum(-1).max(-1, initial=0)
    return inverse if np.all(grown < 1e6) else None


def _cofactor(a: Any) -> Any:
    """Return ∂det/∂A: det·A⁻ᵀ where A is well conditioned, else from the SVD, also if singular."""
    inverse = _safe_inverse(a)
    if inverse is not None:
        det = np.linalg.det(a)
        return (np.asarray(det)[..., None, None] * np.swapaxes(inverse, -1, -2)).astype(a.dtype)
    u, s, vh = np.linalg.svd(a)
    n = s.shape[-1]
    others = np.where(np.eye(n, dtype=bool), 1, s[..., None, :]).prod(-1)
    sign = np.asarray(np.linalg.det(u) * np.linalg.det(vh))[..., None, None]
    return (sign * np.matmul(np.conj(u) * others[..., None, :], np.conj(vh))).astype(a.dtype)


def _slope_by_inverse(a: Any, t: Any, back: Any) -> Any:
    """Return tr(A⁻¹ T)·C − A⁻ᵀ Tᵀ C, as C = det(A)·A⁻ᵀ."""
    y = np.linalg.det(a)[..., None, None] * back
    slope = np.sum(back * t, axis=(-2, -1), keepdims=True)
    return slope * y - np.matmul(back, np.matmul(np.matrix_transpose(t), y))


def _cofactor_slope(a: Any, t: Any) -> Any:
    """Return the derivative of the cofactor matrix along T, also if A is singular.

    With A = U S Vᴴ and B = Uᴴ T V it is that of the cofactors of S along B: of (i, j) −Eᵢⱼ Bⱼᵢ, and
    of (i, i) Σⱼ Eᵢⱼ Bⱼⱼ, where Eᵢⱼ is the product of all singular values but two.
    """
    inverse = _safe_inverse(a)
    kind = np.result_type(a, t)
    if inverse is not None:
        return _slope_by_inverse(np.asarray(a), t, np.swapaxes(inverse, -1, -2)).astype(kind)
    u, s, vh = np.linalg.svd(a)
    b = np.matmul(np.conj(np.swapaxes(u, -1, -2)), np.matmul(t, np.conj(np.swapaxes(vh, -1, -2))))
    same = np.eye(s.shape[-1], dtype=bool)
    but_two = np.where(same, 0, _others(np.where(same, 1, s[..., None, :])))
    diagonal = np.matmul(but_two, np.diagonal(b, axis1=-2, axis2=-1)[..., None])
    inner = np.where(same, diagonal, -but_two * np.swapaxes(b, -1, -2))
    sign = np.asarray(np.linalg.det(u) * np.linalg.det(vh))[..., None, None]
    return (sign * np.matmul(np.conj(u), np.matmul(inner, np.conj(vh)))).astype(kind)


def _others(v: Any) -> Any:
    """Return for each element the product of all others along the last axis."""
    one = np.ones_like(v[..., :1])
    before = np.cumprod(np.concatenate([one, v[..., :-1]], -1), -1)
    after = np.cumprod(np.concatenate([one, v[..., :0:-1]], -1), -1)
    return before * after[..., ::-1]


def _slope_jvp(t: Any, _y: Any, a: Any, along: Any) -> Any:
    """Differentiate the form with the inverse: the third derivative of `det`."""
    back = regular_back(a)
    turn, y = -np.matmul(back, np.matmul(np.matrix_transpose(t), back)), cofactor(a)
    dy, flipped = cofactor_slope(a, t), np.matrix_transpose(along)
    first = np.sum(turn * along, axis=(-2, -1), keepdims=True) * y
    first = first + np.sum(back * along, axis=(-2, -1), keepdims=True) * dy
    return first - np.matmul(turn, np.matmul(flipped, y)) - np.matmul(back, np.matmul(flipped, dy))


def _regular_back(a: Any) -> Any:
    try:
        return np.swapaxes(np.linalg.inv(a), -1, -2)
    except np.linalg.LinAlgError as error:
        raise UnsupportedFunctionError(
            "the third derivative of det has no rule at a singular matrix",
            why="it goes through the inverse",
            cure="differentiate twice at most there, or write the determinant out: a*d - b*c",
        ) from error


_TURN = Jvp(lambda t, y, _a: -np.matmul(y, np.matmul(np.matrix_transpose(t), y)))
regular_back = Op(
    "regular_back", _regular_back, (_TURN,), batch="stacks", complex=True,
    notation=Notation("{0}⁻ᵀ", "{0}^{{-\\top}}", 30, (31,), "d(A⁻ᵀ) = −A⁻ᵀ dAᵀ A⁻ᵀ"),
    samples=(sample(well_conditioned(3, 3)),), references=(GILES,),
)  # fmt: skip
add(regular_back)

cofactor_slope = Op(
    "cofactor_slope",
    _cofactor_slope,
    (Jvp(_slope_jvp), Linear(transpose=lambda ct, a, _t: cofactor_slope(a, ct))),
    batch="stacks",
    complex=True,
    notation=Notation(
        "cof′({0})[{1}]", "\\operatorname{{cof}}'({0})[{1}]", rule="C = det(A)·A⁻ᵀ"
    ),
    samples=(
        sample(well_conditioned(3, 3), (3, 3)), sample(well_conditioned(2, 2, 2), (2, 2, 2)),
    ),
    references=(GILES,),
)  # fmt: skip
add(cofactor_slope)

cofactor = Op(
    "cofactor",
    _cofactor,
    (Jvp(lambda t, _y, a: cofactor_slope(a, t)),),
    batch="stacks",
    complex=True,
    notation=Notation("cof({0})", "\\operatorname{{cof}}({0})", rule="C = det(A)·A⁻ᵀ"),
    samples=(sample(well_conditioned(3, 3)), sample(well_conditioned(2, 2, 2))),
    references=(GILES,),
)
add(cofactor)

det = declare(
    Op(
        "det",
        np.linalg.det,
        (Jvp(
            lambda t, _y, a: np.sum(cofactor(a) * t, axis=(-2, -1)),
            shortcut=lambda ct, _y, a: ct[..., None, None] * cofactor(a),
        ),),
        bind=one_matrix,
        batch="stacks",
        function=np.linalg.det,
        complex=True,
        notation=Notation(
            "det({0})", "\\det {0}", rule="Jacobi's formula: d det A = tr(adj(A) dA)"
        ),
        samples=(
            sample(well_conditioned(3, 3)), sample((2, 2)), sample(well_conditioned(2, 2, 2)),
            sample((1, 1)), sample((0, 0)),
        ),
        references=(GILES,),
    )
)  # fmt: skip


def _back(a: Any) -> Any:
    """Return A⁻ᵀ = cof(A)/det A, infinite or NaN where A is singular."""
    try:
        return np.swapaxes(np.linalg.inv(a), -1, -2)
    except np.linalg.LinAlgError:
        pass
    rows = [a] if a.ndim == 2 else a.reshape(-1, *a.shape[-2:])
    found = [_cofactor(x) / np.linalg.det(x) if np.linalg.det(x) == 0 else _back(x) for x in rows]
    return np.reshape(np.stack(found), a.shape)


def _quiet_back(a: Any) -> Any:
    with np.errstate(all="ignore"):
        return _back(a)


inverse_transposed = Op(
    "inverse_transposed",
    _quiet_back,
    (_TURN,),
    batch="stacks",
    complex=True,
    notation=Notation("{0}⁻ᵀ", "{0}^{{-\\top}}", 30, (31,), "d(A⁻ᵀ) = −A⁻ᵀ dAᵀ A⁻ᵀ"),
    samples=(sample(well_conditioned(3, 3)), sample(well_conditioned(2, 2, 2))),
    references=(GILES,),
)
add(inverse_transposed)


def _slogdet_jvp(t: Any, y: Any, a: Any) -> Any:
    """Return d log|det| = Re tr(A⁻¹ dA); the sign turns by the imaginary part."""
    slope = np.sum(inverse_transposed(a) * t, axis=(-2, -1))
    if a.dtype.kind != "c":
        return None, slope
    return y[0] * (1j * np.imag(slope)), np.real(slope)


def _slogdet_pull(ct: Any, _y: Any, a: Any) -> Any:
    """Return ȳ A⁻ᵀ, the sign of a real determinant being constant."""
    if a.dtype.kind == "c" or ct[1] is None:
        return NotImplemented
    return ct[1][..., None, None] * inverse_transposed(a)


slogdet = declare(
    Op(
        "slogdet",
        np.linalg.slogdet,
        (Jvp(_slogdet_jvp, shortcut=_slogdet_pull),),
        outputs=2,
        bind=one_matrix,
        batch="stacks",
        function=np.linalg.slogdet,
        complex=True,
        notation=Notation(
            "slogdet({0})", "\\log|\\det {0}|", rule="d log|det A| = tr(A⁻¹ dA); the sign of a "
            "real determinant is locally constant, where det ≠ 0",
        ),
        samples=(
            sample(well_conditioned(3, 3)), sample(well_conditioned(2, 2, 2)),
            sample(well_conditioned(1, 1)),
        ),
        references=(GILES,),
    )
)  # fmt: skip
