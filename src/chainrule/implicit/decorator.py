"""`implicit`: a user's own solver, differentiated by the equation that its answer fulfils."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ..tracing.tracer import depth
from .answers import Problem, differentiated, is_traced, run_muted, unchecked, vector
from .inside import Inside, State

Function = Callable[..., Any]


def implicit(residual: Function, *, symmetric: bool = False, check: bool = True) -> Function:
    """Decorate a solver ``z = solve(*args)`` whose answer fulfils ``residual(z, *args) = 0``.

    The solver may be anything (compiled code, a loop, another program): it runs on plain numbers.
    The answer, one array, is differentiated by the implicit function theorem, at any order and in
    any mode, in the arguments and in whatever else `residual` reads:

        dz = −(∂F/∂z)⁻¹·(∂F/∂θ)·dθ

    With `symmetric` the Jacobian ∂F/∂z is (the gradient of a function is the residual). Up to 200
    unknowns the Jacobian is formed; above, only products with it are.

    Raises ImplicitError where the answer is none, or has no derivative; warns ImplicitWarning
    where the derivative is to be taken with care. ``check=False`` leaves the checks out, and takes
    the derivative at the answer as it is.

    >>> import numpy as np, chainrule
    >>> from chainrule.implicit import implicit
    >>> @implicit(residual=lambda z, a: z**3 + a * z - 2)
    ... def solve(a):
    ...     z = 1.0
    ...     for _ in range(50):
    ...         z = z - (z**3 + a * z - 2) / (3 * z**2 + a)
    ...     return z
    >>> float(chainrule.grad(solve)(1.0))
    -0.25
    """
    kind = "symmetric" if symmetric else ""

    def decorate(solve: Function) -> Function:
        @functools.wraps(solve)
        def solution(*args: Any, **kwargs: Any) -> Any:
            if not depth():
                return solve(*args, **kwargs)
            before = State((solve,))
            answer = np.asarray(run_muted(solve, *args, **kwargs))[()]
            shape = np.shape(answer)

            def equations(z: Any) -> Any:
                value = vector(residual(z, *args, **kwargs))
                return value if value.shape == shape else np.reshape(value, shape)

            if check:
                problem = Problem(getattr(solve, "__name__", "solve"), kind=kind)
                problem.begun = False
                found = differentiated(equations, answer, problem)
            else:
                found = unchecked(equations, answer, kind)
            if is_traced(found):  # what the solver kept depends on the inputs, too
                kept = Inside(getattr(solve, "__name__", "solve"))
                kept.touched = kept.over = True
                before.taint(kept.mark)
            return found

        return solution

    return decorate
