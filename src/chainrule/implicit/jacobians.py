"""The Jacobian of a residual at one point: a plain linear map that is solved, and transposed.

Three kinds: elementwise (a diagonal), dense (up to `DENSE` unknowns), and matrix-free, where a
solve is a Krylov iteration whose products are passes over the recording. `solve` is for plain
numbers; `chord` for traced ones, in one operation that is linear in its right-hand side and whose
transpose is the solve with the transposed map.
"""

from typing import Any

import numpy as np
from scipy import linalg
from scipy.sparse import linalg as sparse

from ..core.graph import Graph, Node
from ..core.op import Notation, Op
from ..core.settings import Silence
from ..core.slots import Linear
from ..errors import ImplicitError
from ..lift import record
from ..modes.derived import blocks
from ..modes.forward import push_graph
from ..modes.reverse import backward, cotangent_of
from ..tracing.running import running
from ..tracing.tracer import TRACERS, concrete, depth

DENSE = 200  # unknowns up to which the matrix is formed
_BANDED = 3000  # the same, for equations that no Krylov iteration would solve
_SMALL = 100  # unknowns up to which the condition number is computed, not estimated
_BACKWARD = 1e-8  # relative residual that a Krylov solve must reach


class Diagonal:
    """Equations that do not know of each other."""

    def __init__(self, entries: Any) -> None:
        self.entries = entries

    def solve(self, b: Any) -> Any:
        """Divide by the entries."""
        return b / self.entries

    chord = solve

    def condition(self) -> float:
        """Return infinity where an equation does not depend on its unknown."""
        return 1.0 if np.all(self.entries != 0) else np.inf


class Dense:
    """A square matrix, factored once."""

    def __init__(
        self, matrix: Any, factors: Any = None, transposed: bool = False, origin: Any = None
    ) -> None:
        self.matrix, self.transposed = matrix, transposed
        self.origin = self if origin is None else origin  # the one that bears a name
        if factors is None:
            with Silence():  # exactly singular: seen in `solve`
                factors = linalg.lu_factor(matrix, check_finite=False)
        self.factors = factors

    @property
    def T(self) -> "Dense":  # noqa: N802
        """The transposed matrix."""
        return Dense(self.matrix.T, self.factors, not self.transposed, self.origin)

    def solve(self, b: Any) -> Any:
        """Solve J·x = b for plain numbers; of a singular matrix the result is not finite."""
        if np.any(np.diagonal(self.factors[0]) == 0):
            return np.full(np.shape(b), np.inf)
        x = linalg.lu_solve(self.factors, np.ravel(b), int(self.transposed), check_finite=False)
        return x.reshape(np.shape(b))

    def chord(self, b: Any) -> Any:
        """Solve J·x = b as one operation."""
        return _chord_solve(b, operator=self)

    def condition(self) -> float:
        """Return the condition number after rows and columns were scaled to size 1.

        It is that of the 2-norm; of a large matrix that of the 1-norm, as LAPACK estimates it.
        """
        a = self.matrix
        with np.errstate(all="ignore"):
            for axis in (1, 0):
                a = a / np.max(np.abs(a), axis=axis, keepdims=True)
        if not np.all(np.isfinite(a)):
            return np.inf
        if len(a) <= _SMALL:
            return float(np.linalg.cond(a))
        factor, estimate = linalg.get_lapack_funcs(("getrf", "gecon"), (a,))
        reciprocal, _ = estimate(factor(a)[0], np.linalg.norm(a, 1))
        return float(1.0 / reciprocal) if reciprocal > 0 else np.inf


class Free:
    """A matrix that is never formed: products are passes over the recording of the residual."""

    def __init__(
        self, graph: Graph, symmetric: bool = False, transposed: bool = False, origin: Any = None
    ) -> None:
        self.graph, self.symmetric, self.transposed = graph, symmetric, transposed
        self.origin = self if origin is None else origin
        self.last: tuple[Any, Any] | None = None  # the step of the check is asked for again
        self.input = graph.inputs[0]

    @property
    def T(self) -> "Free":  # noqa: N802
        """The transposed map."""
        return self if self.symmetric else Free(
            self.graph, False, not self.transposed, self.origin)

    def product(self, v: Any) -> Any:
        """Return J·v, or Jᵀ·v of the transposed map."""
        v = np.asarray(v, self.input.dtype).reshape(self.input.shape)
        if self.transposed:
            cotangents = {self.graph.outputs[0]: v}
            backward(self.graph.nodes, cotangents)
            return np.ravel(cotangent_of(cotangents, self.input))
        (found,) = push_graph(self.graph, [v])
        return np.ravel(np.zeros_like(v) if found is None else found)

    def solve(self, b: Any) -> Any:
        """Solve by conjugate gradients (symmetric), BiCGSTAB or GMRES, and check the result."""
        flat = np.ravel(b)
        size = float(np.linalg.norm(flat))
        if size == 0:
            return b * 0
        if self.last is not None and np.array_equal(self.last[0], flat):
            return self.last[1].reshape(np.shape(b))
        n = flat.size
        operator = sparse.LinearOperator((n, n), matvec=self.product, dtype=flat.dtype)
        error = np.inf
        short = (sparse.cg, sparse.minres) if self.symmetric else (_bicgstab,)
        for method in (*short, _gmres):
            with np.errstate(all="ignore"):
                x, _ = method(operator, flat / size, rtol=1e-12)
                error = float(np.linalg.norm(self.product(x) - flat / size))
            if error <= _BACKWARD:
                self.last = flat, size * x
                return size * x.reshape(np.shape(b))
        raise ImplicitError(
            f"the linear solve behind the derivative of a solver did not converge ({n} unknowns)",
            why=f"its relative residual is {error:.1e}, and {_BACKWARD:.0e} is needed; the "
            "Jacobian at the answer is singular or badly conditioned",
            cure="scale the unknowns and equations to size 1, or remove what is not determined",
        )

    def chord(self, b: Any) -> Any:
        """Solve J·x = b as one operation."""
        return _chord_solve(b, operator=self)

    def condition(self) -> float:
        """Return 1: what a Krylov solve cannot reach is refused by its residual."""
        return 1.0


def _bicgstab(operator: Any, b: Any, rtol: float) -> Any:
    return sparse.bicgstab(operator, b, rtol=rtol, maxiter=300)


def _gmres(operator: Any, b: Any, rtol: float) -> Any:
    return sparse.gmres(operator, b, rtol=rtol, restart=min(30, b.size), maxiter=100)


def _transposed_solve(ct: Any, _b: Any, operator: Any) -> Any:
    return _chord_solve(ct, operator=operator.T)


_chord_solve = Op(  # its operator belongs to one call, so it is not in the registry
    "chord_solve",
    lambda b, operator: operator.solve(b),
    (Linear(transpose=_transposed_solve),),
    batch="loop",
    complex=True,
    notation=Notation(
        "{operator:J}{operator:inverse}·{0}", "{operator:J}{operator:inverse}\\,{0}", 60, (61,),
        "linear in u: the Jacobian is held fixed",
    ),
)


def linearised(residual: Any, z: Any, kind: Any = "") -> tuple[Any, Any]:
    """Evaluate a residual once: return it, traced in whatever else it reads, and ∂F/∂z, plain.

    `kind` is "elementwise", "symmetric" (a Hessian), "banded" (of a chain), or nothing; or it makes
    the Jacobian of the recording.
    """
    mark, first = len(running.notes), depth() < 2
    _, graph, leaves, _ = record(residual, (z,), {}, 0)
    if first:  # the matrix is a constant: no derivative is differentiated
        del running.notes[mark:]
    leaf = leaves[0]
    node = graph.outputs[0]
    value = leaf.cr_value if type(node) is Node else leaf
    for step in graph.nodes:
        step.primals = [concrete(p) if type(p) in TRACERS else p for p in step.primals]
        step.output = (
            tuple(map(concrete, step.output))
            if type(step.output) is tuple
            else concrete(step.output)
        )
    if np.shape(concrete(value)) != np.shape(z):
        raise ValueError(
            f"the function returned shape {np.shape(concrete(value))} for unknowns of shape "
            f"{np.shape(z)}"
        )
    if callable(kind):
        return value, kind(graph, np.asarray(concrete(value)))
    return value, _jacobian(residual, graph, leaves, z, kind)


def _jacobian(residual: Any, graph: Graph, leaves: list[Any], z: Any, kind: str) -> Any:
    if kind == "elementwise" or np.ndim(z) == 0:
        (entries,) = push_graph(graph, [np.ones_like(z)])
        if entries is None or _is_diagonal(graph, entries):
            return Diagonal(np.zeros_like(z) if entries is None else entries)
    n = np.size(z)
    if n > (_BANDED if kind == "banded" else DENSE) and type(graph.outputs[0]) is Node:
        return Free(graph, kind == "symmetric")
    ((block,),) = blocks(residual, graph, leaves, "auto")
    return Dense(np.asarray(block).reshape(n, n))


def _is_diagonal(graph: Graph, entries: Any) -> bool:
    """Say whether the equations are as independent as they are taken to be, by another product."""
    v = np.cos(np.arange(np.size(entries))).reshape(np.shape(entries))[()]
    (product,) = push_graph(graph, [v])
    return bool(np.allclose(product, entries * v, rtol=1e-9, atol=0, equal_nan=True))
