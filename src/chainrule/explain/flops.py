"""What matrix factorisations cost: the leading terms of the standard counts, with their source.

G. H. Golub, C. F. Van Loan, Matrix Computations, 4th edition: LU with pivoting §3.4, triangular
systems §3.1, Cholesky §4.2, QR by Householder §5.2, nonsymmetric eigenvalues §7.5, symmetric ones
§8.3, singular values §8.6. A library's own algorithm may take more; small matrices do.
"""

from collections.abc import Callable

import numpy as np

from ..core.graph import Node

SOURCE = "Golub & Van Loan, Matrix Computations"
Count = Callable[[int, int, int], float]  # of the long side, the short side, the right sides


_TERMS: dict[str, Count] = {
    "det": lambda m, n, k: 2 * n**3 / 3, "slogdet": lambda m, n, k: 2 * n**3 / 3,
    **dict.fromkeys(("inv", "inverse_transposed", "regular_back"), lambda m, n, k: 2 * n**3),
    "cofactor": lambda m, n, k: 8 * n**3 / 3 + n * n,  # det(A) A⁻ᵀ
    "solve": lambda m, n, k: 2 * n**3 / 3 + 2 * n * n * k,
    "solve_again": lambda m, n, k: 2 * n * n * k,  # by the factors that are there
    "triangular_solve": lambda m, n, k: n * n * k, "solve_triangular": lambda m, n, k: n * n * k,
    "cholesky": lambda m, n, k: n**3 / 3,
    "qr": lambda m, n, k: 4 * n * n * (m - n / 3),  # R, and a thin Q
    "eigvals": lambda m, n, k: 10 * n**3, "eig": lambda m, n, k: 25 * n**3,
    "eigvalsh": lambda m, n, k: 4 * n**3 / 3, "eigh": lambda m, n, k: 9 * n**3,
    "svdvals": lambda m, n, k: 4 * m * n * n - 4 * n**3 / 3,
    "svd": lambda m, n, k: 14 * m * n * n + 8 * n**3,
    "pinv": lambda m, n, k: 16 * m * n * n + 8 * n**3,  # the thin SVD, and a product
}  # fmt: skip


def _regular(a: np.ndarray) -> bool:
    """Say whether cofactors are taken from the inverse; else the SVD is, whose count is another."""
    with np.errstate(all="ignore"):
        return bool(np.all(np.linalg.cond(a, np.inf) < 1e6))


def leading(node: Node) -> int | None:
    """Return the leading terms of what a step costs, or None where no count is known."""
    assert node.op is not None
    count = _TERMS.get(node.op.name.rpartition(".")[2])
    shape = np.shape(node.primals[0]) if node.primals else ()
    if count is None or len(shape) < 2 or (
        node.op.name == "qr" and node.params.get("mode", "reduced") != "reduced"
    ) or node.params.get("full_matrices"):
        return None
    if node.op.name == "cofactor" and not _regular(node.primals[0]):
        return None
    n, m = sorted(shape[-2:])
    right = np.shape(node.primals[1]) if len(node.primals) > 1 else ()
    many = int(np.prod(shape[:-2], dtype=int))
    return many * round(count(m, n, right[-1] if len(right) > 1 else 1))
