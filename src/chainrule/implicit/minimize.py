"""Minimisers of `scipy.optimize`, differentiated at their answer.

SciPy's minimiser runs on plain numbers. The minimum z(θ) is differentiated by its conditions (see
`minima`), through whatever the objective, the constraints and the bounds read; the objective at the
minimum follows. Starting points, tolerances and user-given derivatives serve the solver only. What
else a result holds (`hess_inv`, `nit`, multipliers) is the solver's own state, and constant.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from scipy import optimize

from ..api import grad
from .answers import Problem, attach, is_traced, plain, run, vector
from .calls import arguments, solver
from .minima import Constraint, Minimum

Function = Callable[..., Any]


def with_args(function: Function, args: Any, first: bool = False) -> Function:
    """Return z ↦ function(z, *args); with `first` the first of the values it returns."""
    args = args if isinstance(args, tuple) else () if args is None else (args,)
    if first:
        return lambda z: function(z, *args)[0]
    return lambda z: function(z, *args)


# --- what bounds and constraints look like ------------------------------------------------------


def read_bounds(bounds: Any) -> tuple[Any, Any]:
    """Return lower and upper bounds as arrays, ∓∞ where there is none."""
    if bounds is None or (isinstance(bounds, Iterable) and len(list(bounds)) == 0):
        return None, None
    if isinstance(bounds, optimize.Bounds):
        return vector(bounds.lb), vector(bounds.ub)
    lower = [-np.inf if low is None else low for low, _ in bounds]
    upper = [np.inf if high is None else high for _, high in bounds]
    return vector(lower), vector(upper)


def read_constraints(constraints: Any) -> list[Constraint]:
    """Return the constraints of a call, each as lower ≤ c(z) ≤ upper."""
    if constraints is None:
        return []
    if isinstance(constraints, dict) or not isinstance(constraints, list | tuple):
        constraints = [constraints]
    return [_read_constraint(c) for c in constraints if not isinstance(c, optimize.Bounds)]


def _read_constraint(c: Any) -> Constraint:
    if isinstance(c, optimize.LinearConstraint):
        matrix = c.A
        return Constraint(lambda z: np.matmul(_dense(matrix), z), vector(c.lb), vector(c.ub))
    if isinstance(c, optimize.NonlinearConstraint):
        return Constraint(lambda z: vector(c.fun(z)), vector(c.lb), vector(c.ub))
    upper = 0.0 if c["type"].lower() == "eq" else np.inf
    function = with_args(c["fun"], c.get("args", ()))
    return Constraint(lambda z: vector(function(z)), vector(0.0), vector(upper))


def _dense(matrix: Any) -> Any:
    return matrix.toarray() if hasattr(matrix, "toarray") else matrix


# --- the general interface ----------------------------------------------------------------------


def finish(result: Any, minimum: Minimum) -> Any:
    """Put the derivatives into an `OptimizeResult`: x, fun, and jac where it is not zero."""
    x = minimum.differentiated()
    fun = vector(minimum.objective(x))
    if is_traced(fun):
        result.fun = attach(result.fun, np.reshape(fun, np.shape(result.fun)))
    if is_traced(x):
        result.x = x
    for name in ("jac", "grad") if minimum.active else ():  # else it is zero for all inputs
        value = result.get(name)
        if isinstance(value, np.ndarray) and value.shape == np.shape(x):
            slope = np.reshape(grad(minimum.scalar)(x), value.shape)
            result[name] = attach(value, slope) if is_traced(slope) else value
    return result


def _failure(result: Any) -> str:
    return "" if result.success else str(result.message)


@solver(optimize.minimize)
def minimize(fun: Function, x0: Any, *args: Any, **kwargs: Any) -> Any:
    """Minimise a function of several variables, by any method, under bounds and constraints."""
    result = run(optimize.minimize, fun, x0, *args, **kwargs)
    given = arguments(optimize.minimize, (fun, x0, *args), kwargs)
    objective = with_args(fun, given["args"], given["jac"] is True)
    problem = Problem("minimize", x0, _failure(result), unknown="minimum")
    lower, upper = read_bounds(given["bounds"])
    constraints = read_constraints(given["constraints"])
    return finish(result, Minimum(objective, result.x, problem, lower, upper, constraints))


@solver(optimize.minimize_scalar)
def minimize_scalar(fun: Function, *args: Any, **kwargs: Any) -> Any:
    """Minimise a function of one variable."""
    result = run(optimize.minimize_scalar, fun, *args, **kwargs)
    given = arguments(optimize.minimize_scalar, (fun, *args), kwargs)
    lower = upper = None
    if given["bounds"] is not None:
        lower, upper = map(vector, given["bounds"])
    start = given["bounds"] if given["bounds"] is not None else given["bracket"]
    problem = Problem(
        "minimize_scalar", 0.0 if start is None else start, _failure(result), unknown="minimum"
    )
    x = np.asarray(result.x, dtype=float)[()]
    return finish(result, Minimum(with_args(fun, given["args"]), x, problem, lower, upper))


# --- global minimisers ----------------------------------------------------------------------


def _global(method: Function) -> None:
    @solver(method, method.__name__)
    def body(func: Function, *args: Any, **kwargs: Any) -> Any:
        result = run(method, func, *args, **kwargs)
        given = arguments(method, (func, *args), kwargs)
        local = given.get("minimizer_kwargs") or {}
        extra = given.get("args") or local.get("args", ())
        objective = with_args(func, extra, local.get("jac") is True)
        lower, upper = read_bounds(given.get("bounds", local.get("bounds")))
        constraints = read_constraints(given.get("constraints", local.get("constraints")))
        problem = Problem(method.__name__, unknown="minimum")
        if not result.get("success", True):
            problem.failure = str(result.message)
        return finish(result, Minimum(objective, result.x, problem, lower, upper, constraints))


for _method in (optimize.basinhopping, optimize.differential_evolution, optimize.dual_annealing,
                optimize.shgo, optimize.direct):  # fmt: skip
    _global(_method)


# --- the older functions ------------------------------------------------------------------------


def _older(
    method: Function, start: str, value: bool = True, bounds: Any = None, constraints: Any = None,
    pair: Any = None,
) -> None:  # fmt: skip
    """Register a minimiser that returns x, or a tuple of x, (if `value`) the objective, and more.

    `start` is the parameter that tells the scale; `bounds`, `constraints` and `pair` (whether the
    objective returns its gradient too) are read off the arguments by functions.
    """

    @solver(method)
    def body(func: Function, *args: Any, **kwargs: Any) -> Any:
        given = arguments(method, (func, *args), kwargs)
        if "finish" in given:  # SciPy looks at its signature
            args, kwargs = (), {k: v for k, v in given.items() if k != "func"}
        found = run(method, func, *args, **kwargs)
        objective = with_args(func, given["args"], bool(pair and pair(given)))
        lower, upper = bounds(given) if bounds else (None, None)
        answer = found[0] if isinstance(found, tuple) else found
        answer = np.asarray(answer, dtype=float)[()]
        limits = constraints(given) if constraints else []
        scale = 0.0 if given[start] is None else given[start]
        problem = Problem(method.__name__, scale, unknown="minimum")
        x = Minimum(objective, answer, problem, lower, upper, limits).differentiated()
        if not isinstance(found, tuple):
            return x if is_traced(x) else found
        rest = list(found[1:])
        if value and np.ndim(rest[0]) == 0:
            fun = vector(objective(x))
            if is_traced(fun):
                rest[0] = attach(rest[0], np.reshape(fun, ()))
        return (x, *rest)


def _limits(given: Any) -> tuple[Any, Any]:
    return vector(given["x1"]), vector(given["x2"])


def _pairs(given: Any) -> tuple[Any, Any]:
    return read_bounds(given["bounds"])


def _gradient_too(given: Any) -> bool:
    return given["fprime"] is None and not given["approx_grad"]


def _slsqp_constraints(given: Any) -> list[Constraint]:
    args = given["args"]
    found = [Constraint(with_args(c, args), 0.0, 0.0) for c in given["eqcons"]]
    found += [Constraint(with_args(c, args), 0.0, np.inf) for c in given["ieqcons"]]
    if given["f_eqcons"] is not None:
        found.append(Constraint(with_args(given["f_eqcons"], args), 0.0, 0.0))
    if given["f_ieqcons"] is not None:
        found.append(Constraint(with_args(given["f_ieqcons"], args), 0.0, np.inf))
    return found


def _cobyla_constraints(given: Any) -> list[Constraint]:
    args = given["args"] if given["consargs"] is None else given["consargs"]
    several = given["cons"] if isinstance(given["cons"], list | tuple) else [given["cons"]]
    return [Constraint(with_args(c, args), 0.0, np.inf) for c in several]


for _method in (optimize.fmin, optimize.fmin_bfgs, optimize.fmin_cg, optimize.fmin_ncg,
                optimize.fmin_powell):  # fmt: skip
    _older(_method, "x0")
_older(optimize.brent, "brack")
_older(optimize.golden, "brack")
_older(optimize.fminbound, "x2", bounds=_limits)
_older(optimize.fmin_l_bfgs_b, "x0", bounds=_pairs, pair=_gradient_too)
_older(optimize.fmin_tnc, "x0", value=False, bounds=_pairs, pair=_gradient_too)
_older(optimize.fmin_slsqp, "x0", bounds=_pairs, constraints=_slsqp_constraints)
_older(optimize.fmin_cobyla, "x0", constraints=_cobyla_constraints)
_older(optimize.brute, "ranges")


# --- differences ----------------------------------------------------------------------------


_STEP = float(np.sqrt(np.finfo(float).eps))


@solver(optimize.approx_fprime)
def approx_fprime(xk: Any, f: Function, epsilon: Any = _STEP, *args: Any) -> Any:
    """Take forward differences, step by step in ordinary operations."""
    xk = vector(xk)
    xk = xk if xk.dtype.kind == "f" else xk.astype(float)
    flat = np.atleast_1d(xk)
    start = vector(f(xk, *args))
    steps = np.broadcast_to(np.asarray(plain(epsilon), dtype=float), flat.shape)
    columns = []
    for i, h in enumerate(steps):
        moved = flat + h * np.eye(flat.size)[i]
        h = float(np.asarray(plain(moved))[i] - np.asarray(plain(flat))[i])
        columns.append((vector(f(np.reshape(moved, xk.shape), *args)) - start) / h)
    return np.stack(columns, axis=-1)
