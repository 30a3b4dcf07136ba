"""`scipy.linalg.null_space` of a matrix whose null space is a line.

A vector of unit length is then fixed but for its sign, and has a derivative along every change of
the matrix that keeps its rank. It is read off the bordered system

    [ A  U ] [v]   [0]
    [ Nᵀ 0 ] [s] = [1]

with N and U the null spaces of A and Aᵀ as they were, taken as constants: v spans the null space of
A, near by too. A basis of more vectors may turn at will: it is no function of the matrix.

Reference: W. Govaerts, Numerical methods for bifurcations of dynamical equilibria (SIAM 2000), §3.
"""

from typing import Any

import numpy as np
from scipy import linalg

from ....core.op import sample
from ....core.registry import composite
from ...declare import as_array
from ..common import agreed, as_computed, over_batch, refusal


@composite(
    linalg.null_space, sample((2, 3)), sample((1, 2)), sample((3, 4)),
    name="scipy.linalg.null_space",
)
def null_space(
    A: Any, rcond: Any = None, *, overwrite_a: bool = False, check_finite: bool = True,
    lapack_driver: str = "gesdd",
) -> Any:  # fmt: skip
    """Return the unit vector v with A·v = 0."""
    options = {"rcond": rcond, "check_finite": check_finite, "lapack_driver": lapack_driver}
    return over_batch((2,), lambda a: _line(a, options))(as_array(A))


def _line(A: Any, options: dict[str, Any]) -> Any:
    basis = linalg.null_space(agreed(A), **options)
    k = basis.shape[1]
    if k == 0:
        return basis
    if k > 1 or basis.dtype.kind == "c":
        raise refusal(
            "scipy.linalg.null_space",
            "the basis that it returns is not a function of the matrix: any "
            + ("rotation of it would do" if k > 1 else "phase would do"),
            "use a projector, such as np.eye(n) - scipy.linalg.pinv(‹A 0›) @ ‹A 0›",
        )
    rows = A.shape[0]
    other = linalg.null_space(agreed(A).T, **options)[:, : rows - A.shape[1] + 1]
    border = np.concatenate([basis.T, np.zeros((1, other.shape[1]))], axis=1)
    matrix = np.concatenate([np.concatenate([A, other], axis=1), border])
    v = np.linalg.solve(matrix, np.eye(rows + 1)[:, -1:])[: A.shape[1]]
    return as_computed(v / np.linalg.norm(v), basis)
