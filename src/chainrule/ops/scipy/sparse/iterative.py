"""`scipy.sparse.linalg`: iterative solutions of linear systems.

The answer of an iterative solver is differentiated as the solution of its system (the implicit
function theorem), not through its iterations: the systems of the derivative are solved by the same
solver to 1e-12, or directly where that fails, and a residual above 1e-8 raises `ImplicitError`.
"""

from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.sparse import linalg

from ....core.op import Op
from ....core.registry import add, composite
from ....core.slots import INDEX, Jvp, Linear
from ....errors import ImplicitError
from ...declare import as_array
from ..common import plain, traced
from .direct import _NOTATION, _ready
from .eigen import _is_symmetric, _plain_sparse
from .matrices import Form, is_traced, sparse_product

_SYMMETRIC = ("cg", "minres")
_ENOUGH, _SINGLE = 1e-8, 1e-4  # relative residuals, in double and in single precision


class Iteration:
    """One system of an iterative solver, as a param: matrix, solver and options."""

    __slots__ = ("solver", "matrix", "form", "options", "symmetric", "shift")

    def __init__(self, solver: Any, matrix: Any, form: Any, options: dict[str, Any]) -> None:
        self.solver, self.matrix, self.form, self.options = solver, matrix, form, options
        self.shift = options.get("shift", 0.0)  # of `minres`: it solves (A − shift·1) x = b
        self.symmetric = solver.__name__ in _SYMMETRIC and _is_symmetric(matrix)

    @property
    def turned(self) -> "Iteration":
        """Return the transposed system."""
        form = self.form.turned if isinstance(self.form, Form) else self.form
        options = {k: v for k, v in self.options.items() if k not in ("M", "M1", "M2")}
        return Iteration(self.solver, self.matrix.T, form, options)

    def filled(self, data: Any) -> Any:
        """Return the matrix of these entries."""
        if isinstance(self.form, Form):
            return self.form.filled(data)
        return data if np.ndim(data) == 2 else self.matrix

    def times(self, t: Any, x: Any) -> Any:
        """Return dA x, for the change `t` of the entries."""
        return sparse_product(t, x, form=self.form) if isinstance(self.form, Form) else t @ x

    def exact(self, data: Any, b: Any) -> Any:
        """Solve as exactly as the solver can, and check the residual."""
        a = self.filled(data)
        size = float(np.linalg.norm(b))
        if size == 0:
            return np.zeros_like(b)
        options = _numbers(self.options)
        apart = lambda x: float(np.linalg.norm(b - (a @ x - self.shift * x))) / size  # noqa: E731
        x = np.zeros_like(b)
        for _ in range(3):  # starting again at the answer refines it
            x, _info = self.solver(a, b, x, rtol=1e-13, **options)
            residual = apart(x)
            if residual < 1e-12:
                return x
        operator = isinstance(a, linalg.LinearOperator)
        if not operator:
            x = linalg.spsolve(sp.csc_array(a) - self.shift * sp.eye_array(len(b)).tocsc(), b)
            residual = apart(x)
        enough = _ENOUGH if b.dtype.itemsize >= 8 and b.dtype != np.complex64 else _SINGLE
        if not residual <= enough:
            raise ImplicitError(
                f"scipy.sparse.linalg.{self.solver.__name__}: the linear system of the derivative "
                "was not solved", why=f"its relative residual is {residual:.1e}, above "
                f"{enough:.0e}", cure="precondition the system (M=…), or make a matrix of the "
                "operator" if operator else "the matrix is singular: leave out what it does not "
                "determine",
            )  # fmt: skip
        return x


def _exact_transpose(ct: Any, data: Any, _b: Any, system: Iteration) -> Any:
    if system.symmetric and ct.dtype.kind == "c":  # A is Hermitian: Aᵀ is its conjugate
        return np.conjugate(iterate(data, np.conjugate(ct), system=system))
    if system.symmetric:
        return iterate(data, ct, system=system)
    if isinstance(system.form, Form) or np.ndim(data) != 2:
        return iterate(data, ct, system=system.turned)
    return iterate(np.transpose(data), ct, system=system.turned)


iterate = Op(
    "iterated_solve",
    lambda data, b, system: system.exact(data, b),
    (
        Jvp(lambda t, y, data, _b, system: -iterate(data, system.times(t, y), system=system)),
        Linear(transpose=_exact_transpose),
    ),
    batch="loop",
    complex=True,
    notation=_NOTATION,
)
add(iterate)


def _answer_jvp(t: Any, y: Any, data: Any, _b: Any, _x: Any, system: Iteration) -> Any:
    dt, db, *_ = t
    change = db if dt is None else -system.times(dt, y)
    if dt is not None and db is not None:
        change = change + db
    return iterate(data, change, system=system)


_answer_slot = Jvp(_answer_jvp, joint=True)
answer = Op(
    "iterated_answer",
    lambda _data, _b, x, system: x,
    (_answer_slot, _answer_slot, INDEX),
    batch="loop",
    complex=True,
    notation=_NOTATION,
)
add(answer)


def _iterative(solver: Any) -> None:
    @composite(solver, name=f"scipy.sparse.linalg.{solver.__name__}", always=True)
    def solve(A: Any, b: Any, x0: Any = None, **options: Any) -> Any:
        """Solve A x = b; differentiated as the solution of the system, in b and in the entries.

        Errors: a solver that did not converge raises `ImplicitError`.
        """
        if not (traced(A) or traced(b) or traced(x0) or is_traced(A)):
            return solver(A, b, x0, **options)
        b, form, data = as_array(b), None, 0.0
        plain_a = _plain_sparse(A)
        if is_traced(A):
            a = _ready(A)
            form, data = a.form(), a.data
        elif traced(A):
            data = A
        x, info = solver(plain_a, plain(b), plain(x0), **options)
        if info != 0:
            raise ImplicitError(
                f"scipy.sparse.linalg.{solver.__name__} did not converge",
                why=f"it returned info = {info}; what is not a solution has no derivative",
                cure="raise maxiter, precondition the system (M=…), or write "
                "scipy.sparse.linalg.spsolve(‹A 0›, ‹b 1›)",
            )
        flat = np.reshape(b, (-1,)) if b.ndim == 2 else b
        system = Iteration(solver, plain_a, form, _numbers(options))
        return answer(data, flat, x, system=system), info


_KEPT = ("M", "M1", "M2", "restart", "shift")


def _numbers(options: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in options.items() if k in _KEPT}


for _solver in (linalg.cg, linalg.minres, linalg.gmres, linalg.bicgstab, linalg.bicg, linalg.cgs,
                linalg.lgmres, linalg.qmr, linalg.tfqmr, linalg.gcrotmk):  # fmt: skip
    _iterative(_solver)
