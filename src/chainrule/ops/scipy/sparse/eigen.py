"""`scipy.sparse.linalg`: eigenvalues and singular values, by the dense matrix."""

from typing import Any

import numpy as np
import scipy.linalg
import scipy.sparse as sp
from scipy.sparse import linalg

from ....core.registry import composite
from ....errors import ImplicitError
from ...declare import as_array
from ..common import agreed, numbers, plain, refusal, settled, traced
from .direct import _ready
from .matrices import is_traced


def _without_rule(function: Any, cure: str) -> None:
    @composite(function, name=f"scipy.sparse.linalg.{function.__name__}", always=True)
    def body(A: Any, *args: Any, **kwargs: Any) -> Any:
        """Refuse traced entries; plain ones are computed as ever."""
        if is_traced(A) or traced(A) or traced(args) or traced(kwargs):
            raise refusal(f"scipy.sparse.linalg.{function.__name__}", "it has no rule", cure)
        return function(A, *args, **kwargs)


_MOST = 2000  # the largest side of a matrix that is differentiated by its dense form


def _full(a: Any, name: str) -> Any:
    """Return the dense form of a sparse matrix, where that is small enough."""
    if max(a.shape) > _MOST:
        raise refusal(
            f"scipy.sparse.linalg.{name} of a matrix with a side of {max(a.shape)}",
            f"its derivative is that of the dense matrix, which is made up to {_MOST}",
            "differentiate by hand with chainrule.custom_rule; for an eigenvalue compute its "
            "vector v with chainrule.stop_gradient(‹A 0›), and write v @ (‹A 0› @ v)",
        )  # fmt: skip
    return a.toarray() if sp.issparse(a) else as_array(a)


def _plain_sparse(a: Any) -> Any:
    if is_traced(a):
        return _ready(a).form().filled(agreed(_ready(a).data))
    return agreed(a) if traced(a) else a


def _is_symmetric(a: Any) -> bool:
    """Say whether a matrix is its own adjoint; a linear operator is asked along two directions."""
    if not isinstance(a, linalg.LinearOperator):
        a = a.toarray() if sp.issparse(a) and max(a.shape) <= _MOST else a
        turned, most = np.conjugate(a.T), abs(a).max()
        if not sp.issparse(a):
            return bool(np.allclose(a, turned, rtol=1e-8, atol=1e-12 * most))
        return bool(abs(a - turned).max() <= 1e-8 * most)
    rng = np.random.default_rng(0)
    u, v = rng.standard_normal((2, a.shape[0]))
    au, av = a.matvec(u), a.matvec(v)
    size = np.linalg.norm(u) * np.linalg.norm(av) + np.linalg.norm(v) * np.linalg.norm(au)
    return bool(abs(np.vdot(u, av) - np.conjugate(np.vdot(v, au))) <= 1e-8 * size)


@composite(linalg.eigsh, name="scipy.sparse.linalg.eigsh", always=True)
def eigsh(A: Any, k: int = 6, M: Any = None, *args: Any, **kwargs: Any) -> Any:
    """Return eigenvalues and vectors of a symmetric matrix, or of A v = λ M v.

    SciPy finds which they are; they are differentiated as those of the dense matrices. Errors: a
    large matrix, and `mode` other than "normal", are refused.
    """
    given = settled(dict(zip(_OPTIONS, args, strict=False)) | kwargs)
    if not (traced([A, M, given]) or is_traced(A) or is_traced(M)):
        return linalg.eigsh(A, k, M, *args, **kwargs)
    if given.get("mode", "normal") != "normal":
        raise refusal(
            f"scipy.sparse.linalg.eigsh(mode={given['mode']!r})", "it has no rule",
            "leave mode out",
        )  # fmt: skip
    given = {name: numbers(v) if traced(v) else v for name, v in given.items()}
    dense = _symmetric(_full(A, "eigsh"), "eigsh")
    weights = None if M is None else _symmetric(_full(M, "eigsh"), "eigsh")
    found = linalg.eigsh(_plain_sparse(A), k, _plain_sparse(M), **given)
    if not given.get("return_eigenvectors", True):
        return _those(dense, weights, (found, None))[0]
    return _those(dense, weights, found)


_OPTIONS = (
    "sigma", "which", "v0", "ncv", "maxiter", "tol", "return_eigenvectors", "Minv", "OPinv", "mode",
)  # fmt: skip


def _symmetric(dense: Any, name: str) -> Any:
    if not _is_symmetric(agreed(dense)):
        raise refusal(
            f"scipy.sparse.linalg.{name} of a matrix that is not symmetric (Hermitian)",
            "its answer is then no function of the matrix",
            "make it symmetric: (‹A 0› + ‹A 0›.T) / 2, or (‹A 0› + ‹A 0›.conj().T) / 2",
        )
    return dense


def _those(dense: Any, weights: Any, found: Any) -> tuple[Any, Any]:
    """Return those eigenvalues and vectors of a dense matrix that SciPy found, with its signs."""
    values, every = np.linalg.eigh(dense) if weights is None else scipy.linalg.eigh(dense, weights)
    chosen = _nearest(agreed(values), found[0])
    if found[1] is None:
        return values[chosen], None
    base = found[1] if weights is None else agreed(weights) @ found[1]
    sides = np.sign(np.real(np.sum(np.conjugate(agreed(every[:, chosen])) * base, axis=0)))
    return values[chosen], every[:, chosen] * np.where(sides == 0, 1.0, sides)


@composite(linalg.lobpcg, name="scipy.sparse.linalg.lobpcg", always=True)
def lobpcg(A: Any, X: Any, B: Any = None, *args: Any, **kwargs: Any) -> Any:
    """Return eigenvalues and vectors of a symmetric matrix, or of A v = λ B v; as `eigsh`.

    Errors: constraints and histories are refused, and what has not converged.
    """
    args, kwargs = settled(args), settled(kwargs)
    if not (traced([A, B, X, args, kwargs]) or is_traced(A) or is_traced(B)):
        return linalg.lobpcg(A, X, B, *args, **kwargs)
    if len(args) > 1 or not _ITERATION.isdisjoint(kwargs):
        raise refusal(
            "scipy.sparse.linalg.lobpcg with constraints or histories", "it has no rule",
            "use scipy.sparse.linalg.eigsh(A, k)",
        )  # fmt: skip
    found = linalg.lobpcg(_plain_sparse(A), agreed(X), _plain_sparse(B), *args, **kwargs)
    dense, weights = (None if m is None else _symmetric(_full(m, "lobpcg"), "lobpcg")
                      for m in (A, B))  # fmt: skip
    values, vectors = _those(dense, weights, found)
    if not np.allclose(agreed(values), found[0], rtol=1e-5):
        raise ImplicitError(
            "scipy.sparse.linalg.lobpcg did not converge",
            why="what is no eigenvalue has no derivative", cure="raise maxiter, or use eigsh",
        )
    return values, vectors


_ITERATION = {"Y", "retLambdaHistory", "retResidualNormsHistory"}


@composite(linalg.svds, name="scipy.sparse.linalg.svds", always=True)
def svds(A: Any, k: int = 6, *args: Any, **kwargs: Any) -> Any:
    """Return singular values and vectors; differentiated as those of the dense matrix."""
    args, kwargs = settled(args), settled(kwargs)
    if not (traced(A) or is_traced(A) or traced(args) or traced(kwargs)):
        return linalg.svds(A, k, *args, **kwargs)
    dense = _full(A, "svds")
    found = linalg.svds(_plain_sparse(A), k, *args, **kwargs)
    if not isinstance(found, tuple):
        values = np.linalg.svdvals(dense)
        return values[_nearest(plain(values), found)]
    u, s, vh = np.linalg.svd(dense, full_matrices=False)
    chosen = _nearest(plain(s), found[1])
    turned = found[0] if found[0] is not None else np.transpose(found[2])
    mine = u if found[0] is not None else np.transpose(vh)
    sides = np.sign(np.real(np.sum(np.conjugate(plain(mine[:, chosen])) * turned, axis=0)))
    sides = np.where(sides == 0, 1.0, sides)
    left = None if found[0] is None else u[:, chosen] * sides
    return left, s[chosen], None if found[2] is None else vh[chosen] * sides[:, None]


def _nearest(every: Any, found: Any) -> Any:
    """Return which of all values those that were found are, each at most once."""
    free = np.ones(every.size, bool)
    chosen = []
    for value in found:
        distance = np.where(free, np.abs(every - value), np.inf)
        chosen.append(int(np.argmin(distance)))
        free[chosen[-1]] = False
    return np.array(chosen, int)


_without_rule(linalg.eigs, "use np.linalg.eig(A.toarray()), or scipy.linalg.eigh of it")
