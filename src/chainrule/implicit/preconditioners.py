"""Preconditioners of iterative solvers: they change the way to the solution, and not the solution.

So they are constants, whatever they read. An incomplete factorisation (`spilu`) of traced entries
has no derivative but this one: outside of a solver it is refused.
"""

from typing import Any

import numpy as np
from scipy.sparse import linalg

from ..core.graph import Graph
from ..core.op import Notation, Op
from ..core.registry import composite
from ..core.slots import Jvp, Linear
from ..errors import ChainRuleError
from ..ops.scipy.common import refusal, traced
from ..ops.scipy.sparse.direct import Factored, factored, factored_transpose, floating
from ..ops.scipy.sparse.operators import is_operator
from ..tracing.running import running
from ..tracing.tracer import TRACERS, muted
from .answers import plain, vector
from .inside import Inside, inside, prune, recordings
from .jacobians import Free, linearised

AIDS = ("M", "M1", "M2")


def free(graph: Graph, _value: Any) -> Free:
    """Return the linear map that a recording holds."""
    return Free(graph)


def aid(a: Any, like: Any) -> Any:
    """Return a preconditioner as it is now, whatever its function reads later."""
    if not is_operator(a):
        return plain(a)
    marks = recordings()
    constants = Constants("preconditioner")
    try:
        with inside(constants):
            found = linearised(lambda v: vector(a.matvec(v)).reshape(-1), 0.0 * like, free)[1]
    except (ChainRuleError, NotImplementedError):  # compiled code
        return plain(a) if isinstance(a, linalg.LinearOperator) else a
    finally:
        prune(marks)
    with muted():
        probe = np.cos(np.arange(like.size)) + 0.0 * like
        wanted = np.ravel(plain(a.matvec(probe)))
    if np.allclose(found.product(probe), wanted, rtol=1e-6, atol=1e-12 * np.max(np.abs(wanted))):
        return found
    return plain(a)  # it is no linear map: some iterations of another solver


class Constants(Inside):
    """The trace under which a preconditioner is recorded: what it reads is constant."""

    __slots__ = ()


# --- incomplete factors ---------------------------------------------------------------------------


def _no_rule(*_args: Any, **_params: Any) -> Any:
    raise refusal(
        "scipy.sparse.linalg.spilu",
        "an incomplete factorisation has no rule in the entries: what it solves is near to A x = b "
        "only; as a preconditioner it is right",
        "use splu",
    )


incomplete = Op(  # its factor belongs to one call, so it is not in the registry
    "incomplete_solve",
    lambda _data, b, factor, trans: factor.solve(b, trans),
    (
        Jvp(_no_rule),
        Linear(transpose=lambda ct, _data, b, factor, trans: factored_transpose(
            ct, b, factor, trans
        )),
    ),
    batch="loop",
    complex=True,
    notation=Notation("A⁻¹ {1}", "A^{{-1}} {1}", 20, (0, 21), "linear in the right-hand side"),
)  # fmt: skip


class Incomplete(Factored):
    """What `spilu` returns while tracing: a preconditioner."""

    def solve(self, rhs: Any, trans: str = "N") -> Any:
        """Apply the preconditioner; within a solver its factors are constants."""
        rhs, trace = floating(rhs), running.inside
        if self._matrix is None or (not traced(rhs) and not rhs.any()):
            return factored(rhs, factor=self._factor, trans=trans)
        own = type(rhs) not in TRACERS or rhs.cr_owner is trace
        if type(trace) is Constants or (trace is not None and own):
            if type(trace) is not Constants:
                trace.touch()
            found = factored(rhs, factor=self._factor, trans=trans)
            return found if traced(found) else trace.mark(found)
        return incomplete(self._matrix.data, rhs, factor=self._factor, trans=trans)

    __call__ = solve


@composite(linalg.spilu, name="scipy.sparse.linalg.spilu", always=True)
def spilu(A: Any, *args: Any, **kwargs: Any) -> Any:
    """Factor a sparse matrix incompletely; the factors take traced right-hand sides.

    Errors: the derivative in the entries is refused, except within a solver (`M=`).
    """
    return Incomplete(A, lambda a: linalg.spilu(a, *args, **kwargs))
