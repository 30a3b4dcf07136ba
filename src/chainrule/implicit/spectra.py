"""Eigenvalues and singular values of `scipy.sparse.linalg`.

SciPy finds which they are; they are differentiated as those of the dense matrix, which an operator
gives column by column.
"""

from typing import Any

import numpy as np
import scipy.linalg
from scipy.sparse import linalg

from ..errors import ImplicitError
from ..ops.scipy.common import agreed, numbers, refusal, settled, traced
from ..ops.scipy.common import plain as values_of
from ..ops.scipy.sparse.linalg import full
from ..ops.scipy.sparse.matrices import is_traced
from ..ops.scipy.sparse.operators import is_operator
from .answers import attach, run
from .calls import solver


def _is_symmetric(a: Any) -> bool:
    """Say whether a dense matrix is its own adjoint."""
    turned, most = np.conjugate(a.T), abs(a).max()
    return bool(np.allclose(a, turned, rtol=1e-8, atol=1e-12 * most))


@solver(linalg.eigsh, "scipy.sparse.linalg.eigsh")
def eigsh(A: Any, k: int = 6, M: Any = None, *args: Any, **kwargs: Any) -> Any:
    """Return eigenvalues and vectors of a symmetric matrix, or of A v = λ M v.

    SciPy finds which they are; they are differentiated as those of the dense matrices. Errors: a
    large matrix, and `mode` other than "normal", are refused.
    """
    given = _begun(settled(dict(zip(_OPTIONS, args, strict=False)) | kwargs))
    if not _may_flow(A, M, given):
        return linalg.eigsh(A, k, M, **given)
    if given.get("mode", "normal") != "normal":
        raise refusal(
            f"scipy.sparse.linalg.eigsh(mode={given['mode']!r})", "it has no rule",
            "leave mode out",
        )  # fmt: skip
    given = {name: numbers(v) if traced(v) else v for name, v in given.items()}
    found = run(linalg.eigsh, A, k, M, **given)
    dense = full(A, "eigsh")
    weights = None if M is None else full(M, "eigsh")
    if not traced([dense, weights]):
        return found
    dense = _symmetric(dense, "eigsh")
    weights = None if M is None else _symmetric(weights, "eigsh")
    if not given.get("return_eigenvectors", True):
        return _those(dense, weights, (found, None))[0]
    return _those(dense, weights, found)


_OPTIONS = (
    "sigma", "which", "v0", "ncv", "maxiter", "tol", "return_eigenvectors", "Minv", "OPinv", "mode",
)  # fmt: skip


def _begun(given: dict[str, Any]) -> dict[str, Any]:
    """Return the options of a call, with a stream of its own where SciPy would draw a start anew.

    So a function gives the same twice, whose limits are looked at.
    """
    drawn = given.get("rng") is None and given.get("random_state") is None
    return given | {"rng": np.random.default_rng(0)} if drawn else given


def _symmetric(dense: Any, name: str) -> Any:
    if not _is_symmetric(agreed(dense)):
        raise refusal(
            f"scipy.sparse.linalg.{name} of a matrix that is not symmetric (Hermitian)",
            "its answer is then no function of the matrix",
            "make it symmetric: (‹A 0› + ‹A 0›.T) / 2, or (‹A 0› + ‹A 0›.conj().T) / 2",
        )
    return dense


def _those(dense: Any, weights: Any, found: Any, within: float = 0.0) -> tuple[Any, Any]:
    """Return those eigenvalues and vectors of a dense matrix that SciPy found, with its signs."""
    values, every = np.linalg.eigh(dense) if weights is None else scipy.linalg.eigh(dense, weights)
    chosen = _nearest(agreed(values), found[0])
    if within and not np.allclose(agreed(values[chosen]), found[0], rtol=within):
        raise ImplicitError(
            "scipy.sparse.linalg.lobpcg did not converge",
            why="what is no eigenvalue has no derivative", cure="raise maxiter, or use eigsh",
        )  # fmt: skip
    chosen_values = attach(found[0], values[chosen])
    if found[1] is None:
        return chosen_values, None
    base = found[1] if weights is None else agreed(weights) @ found[1]
    vectors = every[:, chosen] * _sides(agreed(every[:, chosen]), base)
    return chosen_values, attach(found[1], vectors)


def _sides(mine: Any, theirs: Any) -> Any:
    """Return by what the columns of `mine` are multiplied to be as `theirs`: a sign, or a phase."""
    found = np.sum(np.conjugate(mine) * theirs, axis=0)
    size = np.abs(found)
    return np.where(size == 0, 1.0, found / np.where(size == 0, 1.0, size))


@solver(linalg.eigs, "scipy.sparse.linalg.eigs")
def eigs(A: Any, k: int = 6, M: Any = None, *args: Any, **kwargs: Any) -> Any:
    """Return eigenvalues and vectors of a square matrix, or of A v = λ M v; as `eigsh`."""
    given = _begun(settled(dict(zip(_OPTIONS, args, strict=False)) | kwargs))
    if not _may_flow(A, M, given):
        return linalg.eigs(A, k, M, **given)
    given = {name: numbers(v) if traced(v) else v for name, v in given.items()}
    found = run(linalg.eigs, A, k, M, **given)
    dense, weights = full(A, "eigs"), None if M is None else full(M, "eigs")
    if weights is not None:
        dense = np.linalg.solve(weights, dense)
    if not traced(dense):
        return found
    if not given.get("return_eigenvectors", True):
        values = np.linalg.eigvals(dense)
        return attach(found, values[_nearest(agreed(values), found)])
    values, every = np.linalg.eig(dense)
    chosen = _nearest(agreed(values), found[0])
    vectors = every[:, chosen]
    if weights is not None:  # vᴴ M v = 1 in SciPy, vᴴ v = 1 in NumPy
        squares = np.sum(np.conjugate(vectors) * np.matmul(weights, vectors), axis=0)
        vectors = vectors / np.sqrt(np.real(squares))
    vectors = vectors * _sides(agreed(vectors), found[1])
    return attach(found[0], values[chosen]), attach(found[1], vectors)


@solver(linalg.lobpcg, "scipy.sparse.linalg.lobpcg")
def lobpcg(A: Any, X: Any, B: Any = None, *args: Any, **kwargs: Any) -> Any:
    """Return eigenvalues and vectors of a symmetric matrix, or of A v = λ B v; as `eigsh`.

    Errors: constraints and histories are refused, and what has not converged.
    """
    args, kwargs = settled(args), settled(kwargs)
    if not _may_flow(A, B, X, args, kwargs):
        return linalg.lobpcg(A, X, B, *args, **kwargs)
    if len(args) > 1 or not _ITERATION.isdisjoint(kwargs):
        raise refusal(
            "scipy.sparse.linalg.lobpcg with constraints or histories", "it has no rule",
            "use scipy.sparse.linalg.eigsh(A, k)",
        )  # fmt: skip
    found = run(linalg.lobpcg, A, X, B, *args, **kwargs)
    dense, weights = (None if m is None else full(m, "lobpcg") for m in (A, B))
    if not traced([dense, weights]):
        return found
    dense = _symmetric(dense, "lobpcg")
    weights = None if B is None else _symmetric(weights, "lobpcg")
    return _those(dense, weights, found, 1e-5)


_ITERATION = {"Y", "retLambdaHistory", "retResidualNormsHistory"}


@solver(linalg.svds, "scipy.sparse.linalg.svds")
def svds(A: Any, k: int = 6, *args: Any, **kwargs: Any) -> Any:
    """Return singular values and vectors; differentiated as those of the dense matrix."""
    args = settled(args)
    kwargs = settled(kwargs) if len(args) > 7 else _begun(settled(kwargs))
    if not _may_flow(A, args, kwargs):
        return linalg.svds(A, k, *args, **kwargs)
    found = run(linalg.svds, A, k, *args, **kwargs)
    dense = full(A, "svds")
    if not traced(dense):
        return found
    if not isinstance(found, tuple):
        values = np.linalg.svdvals(dense)
        return attach(found, values[_nearest(values_of(values), found)])
    u, s, vh = np.linalg.svd(dense, full_matrices=False)
    chosen = _nearest(values_of(s), found[1])
    turned = found[0] if found[0] is not None else np.transpose(found[2])
    mine = u if found[0] is not None else np.transpose(vh)
    sides = _sides(values_of(mine[:, chosen]), turned)
    back = np.conjugate(sides) if found[0] is not None else sides
    mine = u[:, chosen] * sides, s[chosen], vh[chosen] * back[:, None]
    return tuple(None if a is None else attach(a, b) for a, b in zip(found, mine, strict=True))


def _may_flow(*values: Any) -> bool:
    """Say whether an argument is traced, or holds traced values, or may do so unseen."""
    return any(traced(v) or is_traced(v) or is_operator(v) or callable(v) for v in values)


def _nearest(every: Any, found: Any) -> Any:
    """Return which of all values those that were found are, each at most once."""
    free = np.ones(every.size, bool)
    chosen = []
    for value in found:
        distance = np.where(free, np.abs(every - value), np.inf)
        chosen.append(int(np.argmin(distance)))
        free[chosen[-1]] = False
    return np.array(chosen, int)

