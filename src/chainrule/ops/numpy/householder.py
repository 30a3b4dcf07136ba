"""QR by reflections: the modes of `np.linalg.qr` that give all of Q, or the reflections themselves.

Of a matrix A with more rows than columns LAPACK makes Q = I − V T Vᵀ: the columns of V are the
reflections, with ones on the diagonal and zeros above it, and T is upper triangular with
T⁻¹ = striu(VᵀV) + diag(1/τ). With W = T V₁ᵀ R (upper triangular, V₁ the top block of V) this reads
A = [R; 0] − V W. So V₁ and W are the LU factors of R − A₁, and V₂ = −A₂ W⁻¹: from these follow the
tangents of V, T and τ, once that of R is known. In this way, and only in this way, the columns that
'complete' adds to Q are a function of A: another algorithm adds others.

References: R. Schreiber and C. Van Loan, A storage-efficient WY representation for products of
Householder transformations (1989).
"""

from typing import Any

import numpy as np

from ...core.op import Notation, Op
from ...core.registry import add
from ...core.slots import Jvp
from .linalg import identity_like

SCHREIBER = "R. Schreiber and C. Van Loan, A storage-efficient WY representation (1989)"


def _transposed(a: Any) -> Any:
    return np.matrix_transpose(a)


def _parts(h: Any, tau: Any) -> tuple[Any, Any, Any, Any]:
    """Return V, T, R and W of what LAPACK packs."""
    n = h.shape[-1]
    unit = identity_like(h)
    below = np.zeros((h.shape[-2] - n, n), h.dtype)
    v = np.tril(h, -1) + np.concatenate([unit, below])
    r = np.triu(h[..., :n, :])
    gram = np.matmul(_transposed(v), v)
    t = np.linalg.inv(np.triu(gram, 1) + unit * np.reciprocal(tau)[..., None, :])
    return v, t, r, np.matmul(t, np.matmul(_transposed(v[..., :n, :]), r))


def _tangents(da: Any, a: Any, h: Any, tau: Any) -> tuple[Any, ...]:
    """Return V, T and the tangents of V, T and R."""
    n = h.shape[-1]
    v, t, r, w = _parts(h, tau)
    top, low = v[..., :n, :], v[..., n:, :]
    q = np.matmul(a, np.linalg.inv(r))
    scaled = np.matmul(da, np.linalg.inv(r))
    inner = np.matmul(_transposed(q), scaled)
    below = np.tril(inner, -1)
    dr = np.matmul(inner - below + _transposed(below), r)
    back = np.linalg.inv(w)
    change = np.linalg.solve(top, np.matmul(dr - da[..., :n, :], back))
    dtop = np.matmul(top, np.tril(change, -1))
    dw = np.matmul(np.triu(change), w)
    dlow = -np.matmul(da[..., n:, :] + np.matmul(low, dw), back)
    dv = np.concatenate([dtop, dlow], axis=-2)
    # T = W R⁻¹ V₁⁻ᵀ
    right = np.matmul(np.linalg.inv(r), np.linalg.inv(_transposed(top)))
    dright = np.matmul(t, _transposed(np.matmul(np.linalg.inv(top), dtop)))
    dt = np.matmul(dw, right) - np.matmul(t, np.matmul(_transposed(top), np.matmul(dr, right)))
    return v, t, dv, dt - dright, dr


def _raw(a: Any) -> tuple[Any, Any]:
    h, tau = np.linalg.qr(a, mode="raw")
    return np.matrix_transpose(h), tau


def _raw_jvp(da: Any, y: Any, a: Any) -> tuple[Any, Any]:
    _, _, dv, dt, dr = _tangents(da, a, *y)
    n = a.shape[-1]
    below = np.zeros((a.shape[-2] - n, n), a.dtype)
    lead = a.shape[:-2]
    below = np.broadcast_to(below, (*lead, *below.shape))
    return dv + np.concatenate([dr, below], axis=-2), np.diagonal(dt, 0, -2, -1)


raw_op = Op(
    "qr_raw",
    _raw,
    (Jvp(_raw_jvp),),
    outputs=2,
    batch="stacks",
    notation=Notation(
        "qr({0})", "\\operatorname{{qr}}({0})",
        rule="A = [R; 0] − VW, V₁W = R − A₁: dV₁ = V₁ stril(V₁⁻¹(dR − dA₁)W⁻¹), likewise dW, dV₂",
    ),
    references=(SCHREIBER,),
)  # fmt: skip
add(raw_op)


def _complete_jvp(da: Any, y: Any, a: Any) -> tuple[Any, Any]:
    h, tau = raw_op(a)
    v, t, dv, dt, dr = _tangents(da, a, h, tau)
    vt, dvt = _transposed(v), _transposed(dv)
    dq = -np.matmul(np.matmul(dv, t) + np.matmul(v, dt), vt) - np.matmul(np.matmul(v, t), dvt)
    return dq, np.concatenate([dr, np.zeros_like(y[1][..., a.shape[-1] :, :])], axis=-2)


complete_op = Op(
    "qr_complete",
    lambda a: np.linalg.qr(a, mode="complete"),
    (Jvp(_complete_jvp),),
    outputs=2,
    batch="stacks",
    notation=Notation(
        "qr({0})", "\\operatorname{{qr}}({0})",
        rule="Q = I − VTVᵀ: dQ = −dV T Vᵀ − V dT Vᵀ − V T dVᵀ",
    ),
    references=(SCHREIBER,),
)  # fmt: skip
add(complete_op)
