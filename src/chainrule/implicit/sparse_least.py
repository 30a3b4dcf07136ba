"""Linear least squares of `scipy.sparse.linalg`: differentiated as those of the dense matrix."""

from typing import Any

import numpy as np
from scipy.sparse import linalg

from ..errors import ImplicitError
from ..ops.declare import as_array
from ..ops.scipy.common import agreed, settled, traced
from ..ops.scipy.sparse.linalg import full
from ..ops.scipy.sparse.matrices import is_traced
from ..ops.scipy.sparse.operators import is_operator
from .answers import attach, run
from .calls import solver


def _least_squares(method: Any, *options: str) -> None:
    @solver(method, f"scipy.sparse.linalg.{method.__name__}")
    def body(A: Any, b: Any, damp: Any = 0.0, *args: Any, **kwargs: Any) -> Any:
        """Minimise |A x − b|² + damp²·|x − x0|²; differentiated as that of the dense matrix.

        x and the norms of the residual and of x are differentiated; what else SciPy returns is
        the state of its iteration, and constant.
        """
        given = settled(dict(zip(options, args, strict=False)) | kwargs)
        if not (traced([A, b, damp, given]) or is_traced(A) or is_operator(A)):
            return method(A, b, damp, *args, **kwargs)
        start = given.get("x0")
        given = {k: agreed(v) if traced(v) else v for k, v in given.items()}
        found = list(run(method, A, b, damp, **given))
        dense, b = full(A, method.__name__), np.ravel(as_array(b))
        if not traced([dense, b, damp, start]):
            return tuple(found)
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
                f"scipy.sparse.linalg.{method.__name__} did not converge",
                why=f"it stopped for reason {found[1]}; what is no solution has no derivative",
                cure="give smaller tolerances, atol=1e-12 and btol=1e-12, and more iterations",
            )
        left = np.linalg.norm(rest - np.matmul(dense, step))
        whole = np.hypot(left, damp * np.linalg.norm(step)) if damped else left
        places = {0: x, 3: left, 4: whole, 8: np.linalg.norm(step)}
        if method is linalg.lsmr:
            places = {0: x, 3: whole, 7: np.linalg.norm(x)}
        for k, value in places.items():
            found[k] = attach(found[k], value)
        return tuple(found)


_least_squares(linalg.lsqr, "atol", "btol", "conlim", "iter_lim", "show", "calc_var", "x0")
_least_squares(linalg.lsmr, "atol", "btol", "conlim", "maxiter", "show", "x0")
