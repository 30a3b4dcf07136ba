"""Roots and fixed points of `scipy.optimize`: F(z, θ) = 0, dz/dθ = −(∂F/∂z)⁻¹·∂F/∂θ.

SciPy's solver runs on plain numbers, and its answer is differentiated by the implicit function
theorem (see `answers`). The derivative flows through whatever the function reads: `args`, closures,
globals. Starting points, brackets and tolerances are constants, since the root does not depend on
them; user-given Jacobians serve the solver only.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import optimize

from .answers import Problem, differentiated, is_traced, plain, run
from .calls import arguments, residual_of, solver

Function = Callable[..., Any]


# --- one equation -----------------------------------------------------------------------------


def _bracketing(method: Function) -> None:
    @solver(method)
    def body(f: Function, a: Any, b: Any, *args: Any, **kwargs: Any) -> Any:
        found = run(method, f, a, b, *args, **kwargs)
        given = arguments(method, (f, a, b, *args), kwargs)
        answer, report = found if isinstance(found, tuple) else (found, None)
        failure = "" if report is None or report.converged else report.flag
        problem = Problem(method.__name__, (a, b), failure)
        problem.jumps = True
        root = differentiated(residual_of(f, given["args"], answer), answer, problem)
        return _with_root(found, root)


def _with_root(found: Any, root: Any) -> Any:
    if not is_traced(root):
        return found
    if not isinstance(found, tuple):
        return root
    report = found[1]
    report.root = root
    return root, report


for _method in (optimize.brentq, optimize.brenth, optimize.bisect, optimize.ridder,
                optimize.toms748):  # fmt: skip
    _bracketing(_method)


@solver(optimize.newton)
def newton(func: Function, x0: Any, *args: Any, **kwargs: Any) -> Any:
    """Find a root, or with an array of starting values the roots of as many equations."""
    found = run(optimize.newton, func, x0, *args, **kwargs)
    given = arguments(optimize.newton, (func, x0, *args), kwargs)
    several = np.size(plain(x0)) > 1
    answer = found[0] if isinstance(found, tuple) else found
    failure = ""
    if isinstance(found, tuple):
        converged = found[1] if several else found[1].converged
        failure = "" if np.all(converged) else "failed to converge"
    answer = np.asarray(answer)[()]
    if answer.dtype.kind not in "fc":
        answer = answer.astype(float)
    problem = Problem("newton", x0, failure, "elementwise")
    root = differentiated(residual_of(func, given["args"], answer), answer, problem)
    if not is_traced(root):
        return found
    if not isinstance(found, tuple):
        return root
    if several:
        return type(found)(root, *found[1:])
    return _with_root(found, root)


@solver(optimize.root_scalar)
def root_scalar(f: Function, *args: Any, **kwargs: Any) -> Any:
    """Find a root of one equation by any method."""
    result = run(optimize.root_scalar, f, *args, **kwargs)
    given = arguments(optimize.root_scalar, (f, *args), kwargs)
    function = f
    if callable(given["fprime"]) or not given["fprime"]:
        pass
    else:  # f returns its derivative too

        def function(*xs: Any) -> Any:
            return f(*xs)[0]

    scale = [plain(v) for v in (given["x0"], given["x1"]) if v is not None]
    scale += list(plain(given["bracket"]) if given["bracket"] is not None else [])
    problem = Problem("root_scalar", scale, "" if result.converged else result.flag)
    problem.jumps = True
    residual = residual_of(function, given["args"], result.root)
    root = differentiated(residual, result.root, problem)
    if is_traced(root):
        result.root = root
    return result


# --- systems ----------------------------------------------------------------------------------


@solver(optimize.root)
def root(fun: Function, x0: Any, *args: Any, **kwargs: Any) -> Any:
    """Find a root of a system of equations by any method.

    `x` is differentiated. `fun` is zero at the root, whatever the inputs; what else the result
    holds (`fjac`, `nfev`, …) is the solver's own state, and constant.
    """
    result = run(optimize.root, fun, x0, *args, **kwargs)
    given = arguments(optimize.root, (fun, x0, *args), kwargs)
    function = (lambda *xs: fun(*xs)[0]) if given["jac"] is True else fun
    problem = Problem("root", x0, "" if result.success else str(result.message))
    x = differentiated(residual_of(function, given["args"], result.x), result.x, problem)
    if is_traced(x):
        result.x = x
    return result


@solver(optimize.fsolve)
def fsolve(func: Function, x0: Any, *args: Any, **kwargs: Any) -> Any:
    """Find a root of a system of equations."""
    found = run(optimize.fsolve, func, x0, *args, **kwargs)
    given = arguments(optimize.fsolve, (func, x0, *args), kwargs)
    full = bool(given["full_output"])
    answer = found[0] if full else found
    problem = Problem("fsolve", x0, str(found[3]) if full and found[2] != 1 else "")
    x = differentiated(residual_of(func, given["args"], answer), answer, problem)
    if not is_traced(x):
        return found
    return (x, *found[1:]) if full else x


def _quasi_newton(method: Function) -> None:
    @solver(method)
    def body(F: Function, xin: Any, *args: Any, **kwargs: Any) -> Any:
        answer = run(method, F, xin, *args, **kwargs)
        problem = Problem(method.__name__, xin)
        x = differentiated(residual_of(F, (), answer), np.asarray(answer), problem)
        return x if is_traced(x) else answer


for _method in (optimize.broyden1, optimize.broyden2, optimize.anderson, optimize.linearmixing,
                optimize.diagbroyden, optimize.excitingmixing, optimize.newton_krylov):  # fmt: skip
    _quasi_newton(_method)


@solver(optimize.fixed_point)
def fixed_point(func: Function, x0: Any, *args: Any, **kwargs: Any) -> Any:
    """Find z = f(z, θ); dz/dθ = (1 − ∂f/∂z)⁻¹·∂f/∂θ.

    Where the largest eigenvalue of ∂f/∂z is 1 or more in size a warning says that plain iteration
    would leave the point.
    """
    answer = run(optimize.fixed_point, func, x0, *args, **kwargs)
    given = arguments(optimize.fixed_point, (func, x0, *args), kwargs)
    step = residual_of(func, given["args"], answer)
    problem = Problem("fixed_point", x0, unknown="fixed point")
    z = differentiated(lambda z: z - step(z), answer, problem)
    if not is_traced(z):
        return answer
    _check_attraction(step, answer, problem)
    return z


def _check_attraction(step: Function, z: Any, problem: Problem) -> None:
    """Estimate the spectral radius of ∂f/∂z by power iteration on directional derivatives."""
    from ..api import linearize
    from ..tracing.tracer import muted

    v = np.ones(np.shape(z)) + 0.1 * np.cos(np.arange(np.size(z))).reshape(np.shape(z))
    sizes = []
    with muted():
        _, push = linearize(step, z)
        for _ in range(30):
            size = float(np.max(np.abs(v)))
            if size == 0 or not np.isfinite(size):
                break
            v = np.asarray(push(v / size))[()]
            sizes.append(float(np.max(np.abs(v))))
    rho = float(np.exp(np.mean(np.log(np.maximum(sizes[-10:], 1e-300))))) if sizes else 0.0
    if rho >= 1.0:
        problem.warn(
            f"the fixed point repels: the spectral radius of ∂f/∂z is about {rho:.3g} (1 is the "
            "limit), so iteration from nearby inputs does not lead to it"
        )
