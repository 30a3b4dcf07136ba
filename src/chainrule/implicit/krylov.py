"""Iterative solutions of linear systems (`scipy.sparse.linalg`): F(x, θ) = A(θ) x − b(θ) = 0.

SciPy's solver runs on plain numbers, and its value is kept. The answer is differentiated as the
solution of the system (see `answers`), not through the iterations: ẋ = A⁻¹(ḃ − Ȧ x). The matrix is
dense, sparse, or a linear operator, whose function is traced at the answer: what it reads is found
so, and the recording is walked forward for A v and backward for Aᵀ v. The systems of the
derivative are solved by the same solver, with its preconditioner, to 1e-12, or directly where that
fails; a residual above 1e-8 raises `ImplicitError`. A preconditioner and a starting value change
the way, and not the solution: they are constants, and the answer is checked to be the solution,
and the only one, also where they alone are traced.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.sparse import linalg

from ..core.graph import Graph
from ..core.op import Op
from ..core.settings import Silence
from ..core.slots import Linear
from ..errors import ChainRuleError, ImplicitError
from ..ops.declare import as_array
from ..ops.scipy.common import refusal, traced
from ..ops.scipy.sparse.linalg import MOST
from ..ops.scipy.sparse.operators import is_operator
from ..tracing.running import running
from ..tracing.tracer import release
from .answers import Problem, any_traced, differentiated, is_sparse, is_traced, plain, run
from .calls import solver
from .inside import Inside, prune, recordings
from .jacobians import Free, linearised
from .preconditioners import AIDS, aid, free

_SYMMETRIC = ("cg", "minres")
_ENOUGH, _SINGLE = 1e-8, 1e-4  # relative residuals, in double and in single precision
_EXACT = 1e-12


class Iterated(Free):
    """The matrix of one system: solved as the program solves it, and as exactly as that goes."""

    def __init__(self, graph: Graph, system: "System", transposed: bool = False) -> None:
        super().__init__(graph, False, transposed)
        self.system = system

    @property
    def T(self) -> "Iterated":  # noqa: N802
        """The transposed matrix."""
        return Iterated(self.graph, self.system, not self.transposed)

    def condition(self) -> float:
        """Return ∞ where the way is traced, and a solve does not find the vector of a product.

        Of the solutions of a singular system it is the way that chooses one.
        """
        if not self.system.moved:
            return 1.0
        kind, size = self.input.dtype, int(np.prod(np.shape(self.system.rhs)))
        wanted = np.random.default_rng(0).standard_normal(size).astype(kind)
        found = self.solve(self.product(wanted))
        away = float(np.linalg.norm(found - wanted))
        return np.inf if away > (0.1 if kind.char in "fF" else 0.01) else 1.0

    def solve(self, b: Any) -> Any:
        """Solve J·x = b, and check the residual."""
        flat = np.ravel(b)
        size = float(np.linalg.norm(flat))
        if size == 0:
            return b * 0
        if self.last is None or not np.array_equal(self.last[0], flat):
            self.last = flat, size * self.system.solution(self, flat / size)
        return self.last[1].reshape(np.shape(b))


class System:
    """How the program solves a system: SciPy's function, its preconditioner, its matrix."""

    def __init__(self, method: Any, matrix: Any, options: dict[str, Any], rhs: Any) -> None:
        self.method, self.matrix, self.rhs = method, matrix, rhs
        self.options = {k: options[k] for k in ("restart",) if k in options}
        self.aids = {k: aid(options[k], rhs) for k in AIDS if options.get(k) is not None}
        self.moved = False  # whether the way to the solution depends on a traced value

    def jacobian(self, graph: Graph, value: Any) -> Iterated:
        """Return the matrix that a recording of A x − b, of this value, holds."""
        found = Iterated(graph, self)
        if np.linalg.norm(value) <= _EXACT * np.linalg.norm(self.rhs):
            found.last = value, 0 * value  # a residual that is rounding is not solved for
        return found

    def solution(self, jacobian: Iterated, b: Any) -> Any:
        """Solve for a right-hand side of size 1."""
        kind, shape = jacobian.input.dtype, (b.size, b.size)
        operator = _operator(jacobian, shape, kind)
        aids = {k: _operator(a, shape, kind) for k, a in self._aids(jacobian.transposed).items()}
        b = b.astype(np.result_type(b, kind))
        best, least = np.zeros_like(b), 1.0
        for helped in (aids, {}) if aids else ({},):
            x = np.zeros_like(b)
            for _ in range(3):  # starting again at the answer refines it
                with suppress(ArithmeticError, RuntimeError), np.errstate(all="ignore"):
                    x, _info = self.method(operator, b, x, rtol=1e-13, **helped, **self.options)
                residual = float(np.linalg.norm(jacobian.product(x) - b))
                if residual < _EXACT:
                    return x
                if not residual < least:
                    break
                best, least = x, residual
        return self._directly(jacobian, b, best, least)

    def _aids(self, transposed: bool) -> dict[str, Any]:
        if not transposed:
            return self.aids
        turned = {"M": "M", "M1": "M2", "M2": "M1"}
        return {turned[k]: a.T for k, a in self.aids.items() if hasattr(a, "T")}

    def _directly(self, jacobian: Iterated, b: Any, x: Any, residual: float) -> Any:
        """Solve with the matrix itself, if it is known or small enough; check the residual."""
        enough = _SINGLE if b.dtype.char in "fF" else _ENOUGH
        operator = self.matrix is None
        if not operator or (residual > enough and b.size <= MOST):
            direct = _direct(jacobian, self.matrix, b)
            after = float(np.linalg.norm(jacobian.product(direct) - b))
            if not after >= residual:
                x, residual = direct, after
        if residual <= enough:
            return x
        raise ImplicitError(
            f"scipy.sparse.linalg.{self.method.__name__}: the linear system of the derivative was "
            "not solved", why=f"its relative residual is {residual:.1e}, above {enough:.0e}",
            cure="precondition the system (M=…), or make a matrix of the operator"
            if operator else "the matrix is singular: leave out what it does not determine",
        )  # fmt: skip


def _direct(jacobian: Iterated, matrix: Any, b: Any) -> Any:
    if matrix is not None and sp.issparse(matrix):
        matrix = sp.csc_array(matrix.T if jacobian.transposed else matrix)
        shift = jacobian.system.method is linalg.minres
        if not shift:
            with Silence():  # singular: seen in the residual
                return linalg.spsolve(matrix, b)
    unit = np.eye(b.size, dtype=jacobian.input.dtype)
    dense = np.stack([jacobian.product(e) for e in unit], axis=1)
    try:
        return np.linalg.solve(dense, b)
    except np.linalg.LinAlgError:
        return np.full_like(b, np.nan)


def _operator(a: Any, shape: Any, kind: Any) -> Any:
    """Return a map that has `product`, or a plain operator, as SciPy takes it."""
    if not isinstance(a, Free):
        return a
    other = Free(a.graph, False, not a.transposed)
    return linalg.LinearOperator(
        shape, a.product, lambda v: np.conjugate(other.product(np.conjugate(v))), dtype=kind
    )


# --- operators of compiled code -------------------------------------------------------------------


def _turned(ct: Any, _x: Any, operator: Any, symmetric: bool, adjoint: bool = False) -> Any:
    if symmetric:
        return np.conjugate(operated(np.conjugate(ct), operator=operator, symmetric=True))
    return np.conjugate(
        operated(np.conjugate(ct), operator=operator, symmetric=False, adjoint=not adjoint)
    )


def _applied(x: Any, operator: Any, symmetric: bool, adjoint: bool = False) -> Any:
    try:
        return operator.rmatvec(x) if adjoint else operator.matvec(x)
    except NotImplementedError as error:
        raise refusal(
            "a linear operator of compiled code", "the transposed system is to be solved, and the "
            "operator has no rmatvec",
            "give the operator rmatvec=…, a function of v that returns Aᴴ v",
        ) from error  # fmt: skip


operated = Op(  # its operator belongs to one call, so it is not in the registry
    "operator_times",
    _applied,
    (Linear(transpose=_turned),),
    batch="loop",
    complex=True,
)


def _is_symmetric(a: Any) -> bool:
    """Ask an operator along two directions whether it is its own adjoint."""
    rng = np.random.default_rng(0)
    u, v = rng.standard_normal((2, a.shape[0]))
    au, av = a.matvec(u), a.matvec(v)
    size = np.linalg.norm(u) * np.linalg.norm(av) + np.linalg.norm(v) * np.linalg.norm(au)
    return bool(abs(np.vdot(u, av) - np.conjugate(np.vdot(v, au))) <= 1e-8 * size)


def _product(A: Any, method: Any, like: Any) -> Callable[[Any], Any]:
    """Return x ↦ A x; where the operator's function is compiled, by its own `rmatvec`."""
    if not is_operator(A):
        return lambda x: A @ x
    traceable = lambda x: np.reshape(as_array(A.matvec(x)), (-1,))  # noqa: E731
    marks = recordings()
    try:
        linearised(traceable, like, free)
    except (ChainRuleError, TypeError, ValueError):
        if traced(release(A.matvec(like))):
            raise
    else:
        return traceable
    finally:
        prune(marks)
    symmetric = method.__name__ in _SYMMETRIC and _is_symmetric(A)
    return lambda x: operated(x, operator=A, symmetric=symmetric)


# --- the solvers ----------------------------------------------------------------------------------


def _reads(options: dict[str, Any]) -> bool:
    """Say whether the solve that ran had functions, or sparse matrices, that read traced values."""
    aids = options.values()
    return any(map(is_sparse, aids)) or (any(map(is_operator, aids)) and not running.constant)


def _iterative(method: Any) -> None:
    @solver(method, f"scipy.sparse.linalg.{method.__name__}")
    def solve(A: Any, b: Any, x0: Any = None, **options: Any) -> Any:
        """Solve A x = b; differentiated as the solution of the system, in b and in the entries.

        Errors: a solver that did not converge raises `ImplicitError`.
        """
        if is_operator(A) and not isinstance(A, linalg.LinearOperator):
            A = linalg.aslinearoperator(A)
        elif not (is_operator(A) or traced([A, b, x0, options])):
            if not any(is_sparse(v) or is_operator(v) for v in (A, *options.values())):
                return method(A, b, x0, **options)
        x, info = run(method, A, b, x0, **options)
        moved = any_traced([x0, options]) or _reads(options)
        b, shift = np.ravel(as_array(b)), options.get("shift", 0.0)
        times = _product(A, method, x)

        def residual(x: Any) -> Any:
            found = times(x) - b
            return found - shift * x if traced(shift) or shift != 0 else found

        matrix = None if is_operator(A) or not sp.issparse(A) else plain(A)
        system = System(method, matrix, options, plain(b) + 0 * x)
        system.moved = moved
        problem = Problem(method.__name__, x, kind=system.jacobian, unknown="solution")
        problem.suspect, problem.wrong = 1e-2, np.inf
        if info != 0:
            return Unfinished(method, info, is_operator(A)).marked(x, residual, moved), info
        return differentiated(residual, x, problem), info


class Unfinished(Inside):
    """The trace of an answer that is no solution: the program may look at it, and go on without."""

    __slots__ = ("error",)

    def __init__(self, method: Any, info: int, operator: bool) -> None:
        super().__init__(method.__name__)
        self.touched = self.over = True
        self.error = ImplicitError(
            f"scipy.sparse.linalg.{method.__name__} did not converge",
            why=f"it returned info = {info}; what is not a solution has no derivative",
            cure="raise maxiter, or precondition the system (M=…)"
            if operator
            else "raise maxiter, precondition the system (M=…), or write "
            "scipy.sparse.linalg.spsolve(‹A 0›, ‹b 1›)",
        )

    def marked(self, x: Any, residual: Callable[[Any], Any], moved: bool) -> Any:
        """Mark the answer, if its system, or the way to it, depends on a traced value."""
        return self.mark(x) if moved or is_traced(residual(x)) else x

    def refuse(self, tracer: Any) -> ImplicitError:
        """Return the error for an answer that meets a derivative."""
        return self.error


for _method in (linalg.cg, linalg.minres, linalg.gmres, linalg.bicgstab, linalg.bicg, linalg.cgs,
                linalg.lgmres, linalg.qmr, linalg.tfqmr, linalg.gcrotmk):  # fmt: skip
    _iterative(_method)
