"""`scipy.sparse.linalg`: linear least squares, by the dense matrix."""

from typing import Any

import numpy as np
from scipy.sparse import linalg

from ....core.registry import composite
from ....errors import ImplicitError
from ...declare import as_array
from ..common import agreed, settled, traced
from .eigen import _full, _plain_sparse
from .matrices import is_traced


def _least_squares(solver: Any, *options: str) -> None:
    @composite(solver, name=f"scipy.sparse.linalg.{solver.__name__}", always=True)
    def body(A: Any, b: Any, damp: Any = 0.0, *args: Any, **kwargs: Any) -> Any:
        """Minimise |A x − b|² + damp²·|x − x0|²; differentiated as that of the dense matrix.

        x and the norms of the residual and of x are differentiated; what else SciPy returns is
        the state of its iteration, and constant.
        """
        given = settled(dict(zip(options, args, strict=False)) | kwargs)
        if not (traced([A, b, damp, given]) or is_traced(A)):
            return solver(A, b, damp, *args, **kwargs)
        start = given.get("x0")
        given = {k: agreed(v) if traced(v) else v for k, v in given.items()}
        found = list(solver(_plain_sparse(A), agreed(b), agreed(damp), **given))
        dense, b = _full(A, solver.__name__), np.ravel(as_array(b))
        rest = b if start is None else b - np.matmul(dense, start)
        damped = traced(damp) or damp != 0
        n = dense.shape[1]
        step = np.linalg.lstsq(
            np.concatenate([dense, damp * np.eye(n)]) if damped else dense,
            np.concatenate([rest, np.zeros(n)]) if damped else rest,
        )[0]
        x = step if start is None else start + step
        if not np.allclose(agreed(x), found[0], rtol=1e-4, atol=1e-4 * np.abs(found[0]).max()):
            raise ImplicitError(
                f"scipy.sparse.linalg.{solver.__name__} did not converge",
                why=f"it stopped for reason {found[1]}; what is no solution has no derivative",
                cure="give smaller tolerances, atol=1e-12 and btol=1e-12, and more iterations",
            )
        left = np.linalg.norm(rest - np.matmul(dense, step))
        whole = np.hypot(left, damp * np.linalg.norm(step)) if damped else left
        if solver is linalg.lsqr:
            found[0], found[3], found[4], found[8] = x, left, whole, np.linalg.norm(step)
        else:
            found[0], found[3], found[7] = x, whole, np.linalg.norm(x)
        return tuple(found)


_least_squares(linalg.lsqr, "atol", "btol", "conlim", "iter_lim", "show", "calc_var", "x0")
_least_squares(linalg.lsmr, "atol", "btol", "conlim", "maxiter", "show", "x0")
