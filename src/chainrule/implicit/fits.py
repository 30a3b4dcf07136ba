"""Least squares of `scipy.optimize`: fits and their covariance, differentiated in the data.

The parameters minimise ½·Σρ(rᵢ(z, θ)²), and are differentiated by the conditions of that minimum
(see `minima`): its Hessian holds the second derivatives of the model too, so the derivative is that
of the answer also where the residuals are large.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import optimize

from ..api import jacobian
from .answers import Problem, any_traced, attach, fixed_arrays, is_traced, plain, run, vector
from .calls import arguments, solver
from .minima import Minimum
from .minimize import read_bounds, with_args

Function = Callable[..., Any]


fixed_arrays.add(optimize.curve_fit)


def _half_square(residual: Function) -> Function:
    def cost(z: Any) -> Any:
        r = vector(residual(z))
        return 0.5 * np.sum(r * r)

    return cost


_LOSSES: dict[str, Function] = {
    "soft_l1": lambda s: 2.0 * (np.sqrt(1.0 + s) - 1.0),
    "huber": lambda s: np.where(s <= 1, s, 2.0 * np.sqrt(np.where(s <= 1, 1.0, s)) - 1.0),
    "cauchy": np.log1p,
    "arctan": np.arctan,
}


def _robust(residual: Function, loss: Any, scale: Any) -> Function:
    """Return ½·C²·Σρ((r/C)²)."""
    if loss == "linear":
        return _half_square(residual)
    rho = _LOSSES.get(loss) if isinstance(loss, str) else lambda s: vector(loss(s))[0]

    def cost(z: Any) -> Any:
        return 0.5 * np.sum(scale**2 * rho((vector(residual(z)) / scale) ** 2))

    return cost


def _corners(bounds: Any) -> tuple[Any, Any]:
    if isinstance(bounds, optimize.Bounds):
        return read_bounds(bounds)
    lower, upper = bounds
    found = tuple(None if np.all(np.isinf(plain_bound(b))) else vector(b) for b in (lower, upper))
    return found[0], found[1]


def plain_bound(bound: Any) -> Any:
    """Return a bound as plain floats."""
    return np.asarray(plain(bound), dtype=float)


def _fitted(
    name: str, cost: Function, answer: Any, bounds: Any, start: Any, failure: str = ""
) -> Any:
    """Return the parameters of a fit with their derivatives."""
    problem = Problem(name, start, failure, unknown="minimum")
    return Minimum(cost, np.asarray(answer), problem, *_corners(bounds)).differentiated()


def _same_shape(traced: Any, value: Any) -> Any:
    return attach(value, np.reshape(traced, np.shape(value)))


@solver(optimize.least_squares, "least_squares")
def least_squares(fun: Function, x0: Any, *args: Any, **kwargs: Any) -> Any:
    """Fit by nonlinear least squares, under bounds and with any loss.

    `x`, `cost`, `fun` and a dense `jac` are differentiated.
    """
    result = run(optimize.least_squares, fun, x0, *args, **kwargs)
    given = arguments(optimize.least_squares, (fun, x0, *args), kwargs)
    extra = given["kwargs"] or {}

    def residual(z: Any) -> Any:
        return np.atleast_1d(vector(fun(z, *given["args"], **extra)))

    cost = _robust(residual, given["loss"], given["f_scale"])
    failure = "" if result.success else str(result.message)
    x = _fitted("least_squares", cost, result.x, given["bounds"], x0, failure)
    value = cost(x)
    if is_traced(value):
        result.cost = attach(result.cost, value)
    residuals = residual(x)
    if is_traced(residuals):
        result.fun = attach(result.fun, residuals)
        if isinstance(result.jac, np.ndarray) and given["loss"] == "linear":
            result.jac = attach(result.jac, jacobian(residual)(x))
    if is_traced(x):
        result.x = x
    return result


@solver(optimize.leastsq)
def leastsq(func: Function, x0: Any, *args: Any, **kwargs: Any) -> Any:
    """Fit by the Levenberg–Marquardt method; of the full output `cov_x` and `fvec` flow too."""
    found = run(optimize.leastsq, func, x0, *args, **kwargs)
    given = arguments(optimize.leastsq, (func, x0, *args), kwargs)
    residual = with_args(func, given["args"])
    failure = "" if found[-1] in (1, 2, 3, 4) else f"leastsq returned ier={found[-1]}"
    x = _fitted("leastsq", _half_square(residual), found[0], (-np.inf, np.inf), x0, failure)
    if len(found) == 2:
        return x, found[1]
    covariance, info = found[1], dict(found[2])
    residuals = vector(residual(x))
    if is_traced(residuals):
        info["fvec"] = _same_shape(residuals, info["fvec"])
        if covariance is not None:
            covariance = attach(covariance, _inverse_normal(residual, x))
    return (x, covariance, info, *found[3:])


def _inverse_normal(residual: Function, x: Any) -> Any:
    """Return (JᵀJ)⁻¹."""
    J = np.reshape(jacobian(lambda z: vector(residual(z)))(x), (-1, np.size(plain(x))))
    return np.linalg.inv(np.matmul(J.T, J))


@solver(optimize.curve_fit)
def curve_fit(f: Function, xdata: Any, ydata: Any, *args: Any, **kwargs: Any) -> Any:
    """Fit a curve: parameters and covariance are differentiated in all that f and data hold.

    `p0` and a user-given `jac` serve the solver only.
    """
    ydata = ydata.to_numpy() if hasattr(ydata, "to_numpy") else ydata  # as SciPy; f gets xdata
    found = run(optimize.curve_fit, f, xdata, ydata, *args, **kwargs)
    given = arguments(optimize.curve_fit, (f, xdata, ydata, *args), kwargs)
    residual = _curve_residual(f, given)
    answer, covariance = found[0], found[1]
    start = 1.0 if given["p0"] is None else given["p0"]
    x = _fitted("curve_fit", _half_square(residual), answer, given["bounds"], start)
    residuals = residual(x)
    if not is_traced(residuals) and not is_traced(x):
        return found
    if np.all(np.isfinite(covariance)):
        traced = _inverse_normal(residual, x)
        if not given["absolute_sigma"]:
            free = residuals.size - np.size(answer)
            traced = traced * (np.sum(residuals * residuals) / free)
        covariance = attach(covariance, traced)
    if len(found) == 2:
        return x, covariance
    info = {**found[2], "fvec": _same_shape(residuals, found[2]["fvec"])}
    return (x, covariance, info, *found[3:])


def _curve_residual(f: Function, given: Any) -> Function:
    """Return p ↦ (f(x, *p) − y)/σ, as SciPy weights it."""
    xdata, ydata, sigma = given["xdata"], vector(given["ydata"]), given["sigma"]
    if isinstance(xdata, list | tuple):
        xdata = vector(xdata)
    ydata = ydata if ydata.dtype.kind in "fc" else ydata.astype(float)
    if given["nan_policy"] == "omit":
        holes = np.isnan(plain(ydata))
        if hasattr(xdata, "shape"):
            x = np.isnan(plain(xdata))
            holes = holes | (x.any(axis=tuple(range(x.ndim - 1))) if x.ndim > 1 else x)
            xdata = xdata[..., ~holes]
        ydata = ydata[~holes]
        sigma = _without(sigma, holes)
    transform = _weights(sigma, ydata.size)
    return lambda p: transform(np.ravel(vector(f(xdata, *p)) - ydata))


def _without(sigma: Any, holes: Any) -> Any:
    if sigma is None:
        return None
    sigma = vector(sigma)
    return sigma[~holes] if sigma.ndim == 1 else sigma[~holes][:, ~holes]


def _weights(sigma: Any, n: int) -> Function:
    if sigma is None:
        return lambda r: r
    sigma = vector(sigma)
    if sigma.ndim < 2:
        return lambda r: r / sigma
    factor = np.linalg.cholesky(sigma)
    return lambda r: np.linalg.solve(factor, r)


# --- linear least squares ------------------------------------------------------------------------


def _linear(A: Any, b: Any) -> Function:
    A = A.toarray() if hasattr(A, "toarray") else A
    if hasattr(A, "matvec"):  # a LinearOperator
        from ..ops.scipy.sparse.operators import columns

        A = columns(A)
    A, b = vector(A), np.ravel(vector(b))
    return lambda x: np.matmul(A, x) - b


@solver(optimize.nnls, "nnls")
def nnls(A: Any, b: Any, *args: Any, **kwargs: Any) -> Any:
    """Solve a linear least squares problem with x ≥ 0."""
    x, norm = run(optimize.nnls, A, b, *args, **kwargs)
    if not any_traced([A, b]):
        return x, norm
    residual = _linear(A, b)
    problem = Problem("nnls", x, unknown="minimum")
    z = Minimum(_half_square(residual), x, problem, np.float64(0.0)).differentiated()
    return z, attach(norm, np.linalg.norm(residual(z)))


@solver(optimize.lsq_linear)
def lsq_linear(A: Any, b: Any, *args: Any, **kwargs: Any) -> Any:
    """Solve a linear least squares problem with bounds."""
    result = run(optimize.lsq_linear, A, b, *args, **kwargs)
    given = arguments(optimize.lsq_linear, (A, b, *args), kwargs)
    residual = _linear(A, b)
    failure = "" if result.success else str(result.message)
    cost = _half_square(residual)
    x = _fitted("lsq_linear", cost, result.x, given["bounds"], result.x, failure)
    if is_traced(x) or any_traced([A, b]):
        result.x = x
        result.cost = attach(np.float64(result.cost), cost(x))
        result.fun = attach(result.fun, residual(x))
    return result
