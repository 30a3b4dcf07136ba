"""Linear programs and assignments of `scipy.optimize`.

The answer of a linear program is a vertex: as many constraints are active as there are unknowns,
and x moves with them. A vertex where more are active, or an edge of equally good points, has no
derivative, and is refused or warned of. What is chosen from finitely many (an assignment, integers)
is constant.
"""

from typing import Any

import numpy as np
from scipy import optimize

from ..errors import ImplicitError
from ..tracing.source import describe, user_frame
from .answers import Problem, any_traced, attach, is_traced, plain, run, vector
from .calls import arguments, solver
from .minima import Constraint, Minimum
from .minimize import read_bounds, read_constraints


def _dense(matrix: Any) -> Any:
    return vector(matrix.toarray() if hasattr(matrix, "toarray") else matrix)


def _program_bounds(bounds: Any, n: int) -> tuple[Any, Any]:
    if isinstance(bounds, optimize.Bounds):
        return read_bounds(bounds)
    rows = list(bounds)
    if len(rows) == 2 and np.ndim(plain(rows[0]) if rows[0] is not None else 0.0) == 0:
        rows = [bounds] * n
    elif len(rows) == 1:
        rows = rows * n
    return read_bounds(rows)


@solver(optimize.linprog)
def linprog(c: Any, *args: Any, **kwargs: Any) -> Any:
    """Minimise c·x under linear constraints.

    `x`, `fun`, `slack` and `con` are differentiated; the marginals are constants (they are the
    derivatives of `fun`: differentiate `fun` for them).
    """
    result = run(optimize.linprog, c, *args, **kwargs)
    given = arguments(optimize.linprog, (c, *args), kwargs)
    matrices = [given[k] for k in ("A_ub", "b_ub", "A_eq", "b_eq")]
    if result.x is None or not any_traced([c, *matrices, given["bounds"]]):
        return result
    c, x = np.ravel(vector(c)), np.asarray(result.x)
    lower, upper = _program_bounds(given["bounds"], x.size)
    A_ub, b_ub, A_eq, b_eq = (None if m is None else _dense(m) for m in matrices)
    limits = []
    if A_ub is not None:
        limits.append(Constraint(lambda z: np.matmul(A_ub, z), -np.inf, np.ravel(b_ub)))
    if A_eq is not None:
        limits.append(Constraint(lambda z: np.matmul(A_eq, z), np.ravel(b_eq), np.ravel(b_eq)))
    failure = "" if result.success else str(result.message)
    problem = Problem("linprog", x, failure, unknown="vertex")
    found = Minimum(lambda z: np.sum(c * z), x, problem, lower, upper, limits)
    z = _chosen("linprog", given["integrality"], x, lambda: found.differentiated())
    result.x, result.fun = z, attach(result.fun, np.sum(c * z))
    if A_ub is not None:
        result.slack = attach(result.slack, np.ravel(b_ub) - np.matmul(A_ub, z))
    if A_eq is not None:
        result.con = attach(result.con, np.ravel(b_eq) - np.matmul(A_eq, z))
    return result


def _chosen(name: str, integrality: Any, x: Any, otherwise: Any) -> Any:
    """Return x as a constant if all of it is integer; a mixture is refused."""
    if integrality is None or not np.any(integrality):
        return otherwise()
    if np.all(integrality):
        return x
    raise ImplicitError(
        f"{name} with some integer unknowns cannot be differentiated",
        where=describe(user_frame(1)),
        why="the integers are constant, and which constraints then bind the others is not known",
        cure="solve again with the integers fixed to their values, as bounds",
    )


@solver(optimize.milp)
def milp(c: Any, **kwargs: Any) -> Any:
    """Minimise c·x with integer unknowns: x is constant, and `fun` = c·x follows c."""
    result = run(optimize.milp, c, **kwargs)
    if result.x is None:
        return result
    limits = read_constraints(kwargs.get("constraints"))
    bounds = kwargs.get("bounds")
    if bounds is not None and not isinstance(bounds, optimize.Bounds):
        bounds = optimize.Bounds(*bounds)
    held = [c, *(v for k in limits for v in (k.lower, k.upper, k.function(result.x)))]
    if not any_traced([*held, *(vars(bounds).values() if bounds is not None else ())]):
        return result
    lower, upper = read_bounds(bounds) if bounds is not None else (np.float64(0.0), None)
    c = np.ravel(vector(c))
    problem = Problem("milp", result.x, unknown="vertex")
    found = Minimum(lambda z: np.sum(c * z), result.x, problem, lower, upper, limits)
    result.x = _chosen("milp", kwargs.get("integrality"), result.x, found.differentiated)
    fun = np.sum(c * result.x)
    if is_traced(fun):
        result.fun = attach(result.fun, fun)
    return result


@solver(optimize.linear_sum_assignment)
def linear_sum_assignment(cost_matrix: Any, maximize: bool = False) -> Any:
    """Choose the rows' columns: indices, constant."""
    return run(optimize.linear_sum_assignment, cost_matrix, maximize)
