"""SciPy's solvers with exact derivatives: its names and signatures, and one import to change.

``from chainrule.scipy import minimize`` in the place of ``from scipy.optimize import minimize``:
what SciPy would find by finite differences, or ask for, it gets from `chainrule`. Everything else
is SciPy's own: methods, options, results. The function is recorded once and run many times
(`chainrule.jit`); where that cannot be, it runs as it is.

Here derivatives are taken *for* a solver. Those *of* its answer, in a function that is
differentiated, are those of SciPy's own functions: call them there.
"""

from collections.abc import Callable
from functools import partial, wraps
from inspect import signature
from typing import Any

import numpy as np
from scipy import integrate, optimize

from . import tree
from .api import derivative, hessian, hvp, jacobian, value_and_grad
from .errors import UsageError
from .programs.jit import Jitted
from .tracing.running import running
from .tracing.source import describe, user_frame

__all__ = ["curve_fit", "least_squares", "minimize", "root", "root_scalar", "solve_ivp"]

Function = Callable[..., Any]

_SLOPES = frozenset("cg bfgs newton-cg l-bfgs-b tnc slsqp dogleg trust-ncg trust-krylov "
                    "trust-exact trust-constr".split())  # fmt: skip
_PRODUCTS = frozenset("newton-cg trust-ncg trust-krylov trust-constr".split())
_MATRICES = frozenset("dogleg trust-exact".split())
_STIFF = frozenset("radau bdf lsoda".split())
_SPARSE_HESSIANS = {"trust-constr": "trust-constr", "newton-cg": "Newton-CG"}
_SPARSE_IVP = {"radau": "Radau", "bdf": "BDF"}


def _fast(f: Function) -> Jitted:
    return Jitted(f, quiet=True)


def _outside(name: str) -> None:
    if running.traces:
        raise UsageError(
            f"chainrule.scipy.{name} was called in a function that is differentiated",
            where=describe(user_frame(2)),
            why="here derivatives are taken for a solver; those of its answer are taken of SciPy's",
            cure="call SciPy's own there, of the same name",
        )


def _takes_sparse(method: str, what: str, methods: dict[str, str]) -> None:
    if method.lower() not in methods:
        raise UsageError(
            f'{what}="sparse": SciPy\'s method {method} takes no sparse matrix',
            where=describe(user_frame(2)),
            cure=f"choose method={' or '.join(map(repr, methods.values()))}, or leave {what} out",
        )


class _Packed:
    """Parameters as one vector: SciPy's view of a dict, a dataclass, or any nesting of arrays."""

    def __init__(self, x0: Any) -> None:
        leaves, self.treedef = tree.flatten(x0, parameters=True)
        self.bare = not _is_nested(x0)
        if self.bare:
            self.vector = x0
            return
        self.shapes = [np.shape(leaf) for leaf in leaves]
        self.vector = np.concatenate([np.ravel(np.asarray(v, float)) for v in leaves] or [[]])

    def rebuild(self, v: Any) -> Any:
        """Return the parameters of a vector."""
        if self.bare:
            return v
        parts, at = [], 0
        for shape in self.shapes:
            size = int(np.prod(shape))
            parts.append(np.reshape(v[at : at + size], shape) if shape else v[at])
            at += size
        return tree.unflatten(self.treedef, parts)

    def of(self, f: Function) -> Function:
        """Return `f` as a function of the vector."""
        if self.bare:
            return f

        def packed(v: Any, *args: Any, **kwargs: Any) -> Any:
            return f(self.rebuild(v), *args, **kwargs)

        packed.__name__ = getattr(f, "__name__", type(f).__name__)
        return packed


def _is_nested(x0: Any) -> bool:
    if isinstance(x0, list | tuple):
        return not all(np.ndim(v) == 0 and np.isreal(v) for v in x0 if not isinstance(v, dict)) or (
            any(isinstance(v, dict) for v in x0)
        )
    return not (isinstance(x0, np.ndarray | np.generic | int | float) or hasattr(x0, "__array__"))


def minimize(
    fun: Function, x0: Any, args: Any = (), method: Any = None, jac: Any = None, hess: Any = None,
    hessp: Any = None, bounds: Any = None, constraints: Any = (), tol: Any = None,
    callback: Any = None, options: Any = None, *, standard_errors: bool = False,
) -> Any:  # fmt: skip
    """`scipy.optimize.minimize` with exact gradients, Hessians and constraint Jacobians.

    Value and gradient come from one pass. Newton's and the trust-region methods get the Hessian, or
    its products with vectors. What is given (`jac`, `hess`, `hessp`) is used as it is. `x0` may be
    a dict, a dataclass or any nesting of arrays: `fun` is called with such a one, and ``result.x``
    is one (``result.vector`` is SciPy's). At a NaN the gradient is NaN, so that a line search can
    reject the step. With ``hess="sparse"`` the Hessian is a sparse matrix, for `trust-constr` and
    `Newton-CG`; a `NonlinearConstraint` with ``jac="sparse"`` has sparse derivatives, too.

    With `standard_errors`, for a negative log-likelihood: ``result.hess`` is the Hessian at the
    minimum and ``result.standard_errors`` the square roots of the diagonal of its inverse, nested
    as `x0` is.

    Raises
    ------
    UsageError (inside a function that is differentiated), and what SciPy raises.

    References: Nocedal and Wright, Numerical Optimization, 2nd ed., Springer (2006).

    >>> import numpy as np
    >>> from chainrule.scipy import minimize
    >>> def rosenbrock(p):
    ...     return (1 - p["x"]) ** 2 + 100 * (p["y"] - p["x"] ** 2) ** 2
    >>> found = minimize(rosenbrock, {"x": -1.0, "y": 2.0})
    >>> {k: round(float(v), 4) for k, v in found.x.items()}, found.njev < 50
    ({'x': 1.0, 'y': 1.0}, True)
    """
    _outside("minimize")
    args = args if isinstance(args, tuple) else (args,)
    packed = _Packed(x0)
    f = packed.of(fun)
    name = str(method).lower() if isinstance(method, str) else ""
    if isinstance(hess, str) and hess == "sparse":
        _takes_sparse(name or "bfgs", "hess", _SPARSE_HESSIANS)
        hess = hessian(f, sparse=True)
    slopes = method is None or callable(method) or name in _SLOPES
    value = f
    if slopes and (jac is None or jac is False):
        value, jac = _fast(value_and_grad(f, nan="return")), True
        if name in _MATRICES and hess is None:
            hess = _fast(hessian(f))
        elif name in _PRODUCTS and hess is None and hessp is None:
            hessp = _fast(partial(_product, f))
    if constraints is not None and not callable(constraints):
        constraints = _constrained(constraints, packed)
    found = optimize.minimize(
        value, packed.vector, args, method, jac, hess, hessp, bounds, constraints, tol, callback,
        options,
    )  # fmt: skip
    if standard_errors:
        found.hess = np.asarray(hessian(f)(np.asarray(found.x, float), *args))
        found.standard_errors = packed.rebuild(np.sqrt(np.diag(np.linalg.inv(found.hess))))
    if not packed.bare:
        found.vector, found.x = found.x, packed.rebuild(found.x)
    return found


def _product(f: Function, x: Any, v: Any, *args: Any) -> Any:
    return hvp(lambda u: f(u, *args), x, v)


def _constrained(constraints: Any, packed: _Packed) -> Any:
    """Return the constraints with the Jacobians and Hessians that they do not have."""
    if isinstance(constraints, list | tuple):
        return [_constrained(c, packed) for c in constraints]
    if isinstance(constraints, dict):
        g = packed.of(constraints["fun"])
        return {"jac": _fast(jacobian(g)), **constraints, "fun": g}
    if isinstance(constraints, optimize.NonlinearConstraint):
        c = constraints
        g = packed.of(c.fun)
        few = isinstance(c.jac, str) and c.jac == "sparse"
        jac = _slopes(g, few) if isinstance(c.jac, str) else c.jac
        hess = c.hess
        if isinstance(hess, optimize.BFGS | str):
            curves = partial(_weighted, g)
            hess = hessian(curves, sparse=True) if few else _fast(hessian(curves))
        return optimize.NonlinearConstraint(
            g, c.lb, c.ub, jac, hess, c.keep_feasible, c.finite_diff_rel_step
        )
    return constraints


def _weighted(g: Function, x: Any, v: Any) -> Any:
    return np.dot(np.atleast_1d(g(x)), v)


def _slopes(f: Function, sparse: Any) -> Function:
    """Return the Jacobian: a sparse one, of a pattern that is given or found, or a dense one."""
    return _fast(jacobian(f)) if sparse is False else jacobian(f, sparse=sparse)


def _sparse(jac: Any, pattern: Any) -> Any:
    """Say whether a sparse Jacobian is asked for: by name, or by a pattern, which is returned."""
    if isinstance(jac, str) and jac == "sparse":
        return True if pattern is None else pattern
    return False if jac is not None or pattern is None else pattern


def least_squares(fun: Function, x0: Any, jac: Any = None, *args: Any, **kwargs: Any) -> Any:
    """`scipy.optimize.least_squares` with the exact Jacobian of the residuals.

    Parameters as there; `jac` is used where it is a function, and "2-point", "3-point" and "cs" are
    finite differences still. With "sparse", or a `jac_sparsity`, the Jacobian is a sparse matrix;
    a pattern that lacks an entry is refused (SparsityError). `x0` may be nested, as in `minimize`.

    References: J. J. Moré, Lecture Notes in Mathematics 630 (1978) 105–116.

    >>> import numpy as np
    >>> from chainrule.scipy import least_squares
    >>> t = np.linspace(0, 1, 5)
    >>> found = least_squares(lambda p: p[0] * np.exp(-p[1] * t) - 2 * np.exp(-3 * t), [1.0, 1.0])
    >>> found.x.round(6)
    array([2., 3.])
    """
    _outside("least_squares")
    packed = _Packed(x0)
    f = packed.of(fun)
    few = _sparse(jac, kwargs.get("jac_sparsity"))
    if jac is None or few is not False:
        jac = _slopes(f, few)
        kwargs.pop("jac_sparsity", None)
    elif callable(jac):
        jac = packed.of(jac)
    found = optimize.least_squares(f, packed.vector, jac, *args, **kwargs)
    if not packed.bare:
        found.vector, found.x = found.x, packed.rebuild(found.x)
    return found


def curve_fit(
    f: Function, xdata: Any, ydata: Any, p0: Any = None, *args: Any, **kwargs: Any
) -> Any:
    """`scipy.optimize.curve_fit` with the exact Jacobian in the parameters.

    So the covariance, and the standard errors that are the square roots of its diagonal, are those
    of the model's own Jacobian at the answer.

    >>> import numpy as np
    >>> from chainrule.scipy import curve_fit
    >>> t = np.linspace(0, 1, 5)
    >>> y = 2 * np.exp(-3 * t)
    >>> popt, pcov = curve_fit(lambda t, a, b: a * np.exp(-b * t), t, y, [1.0, 1.0])
    >>> popt.round(6)
    array([2., 3.])
    """
    _outside("curve_fit")
    bound = signature(optimize.curve_fit).bind(f, xdata, ydata, p0, *args, **kwargs)
    if bound.arguments.get("jac") is None:

        def model(p: Any, x: Any) -> Any:
            return f(x, *[p[k] for k in range(len(p))])

        slopes = _fast(jacobian(model))
        kwargs["jac"] = wraps(f)(lambda x, *p: slopes(np.asarray(p, float), x))
    return optimize.curve_fit(f, xdata, ydata, p0, *args, **kwargs)


def root(
    fun: Function, x0: Any, args: Any = (), method: str = "hybr", jac: Any = None, **kwargs: Any
) -> Any:
    """`scipy.optimize.root` with the exact Jacobian, for the methods that take one.

    >>> import numpy as np
    >>> from chainrule.scipy import root
    >>> root(lambda x: np.array([x[0] ** 2 + x[1] - 3, x[0] - x[1] + 1]), [1.0, 1.0]).x.round(6)
    array([1., 2.])
    """
    _outside("root")
    packed = _Packed(x0)
    f = packed.of(fun)
    if jac is None and method.lower() in ("hybr", "lm"):
        jac = _fast(jacobian(f))
    found = optimize.root(f, packed.vector, args, method, jac, **kwargs)
    if not packed.bare:
        found.vector, found.x = found.x, packed.rebuild(found.x)
    return found


def root_scalar(
    f: Function, args: Any = (), method: str | None = None, bracket: Any = None, fprime: Any = None,
    fprime2: Any = None, x0: Any = None, **kwargs: Any,
) -> Any:  # fmt: skip
    """`scipy.optimize.root_scalar` with exact derivatives for Newton's and Halley's method.

    >>> from chainrule.scipy import root_scalar
    >>> round(root_scalar(lambda x: x**3 - 2, x0=1.0, method="newton").root ** 3, 12)
    2.0
    """
    _outside("root_scalar")
    if bracket is None and fprime is None and method in (None, "newton", "halley"):
        if x0 is not None and (method is not None or "x1" not in kwargs):
            fprime = _fast(partial(_slope, f, 1))
            if method == "halley" and fprime2 is None:
                fprime2 = _fast(partial(_slope, f, 2))
    return optimize.root_scalar(
        f, args, method, bracket, fprime=fprime, fprime2=fprime2, x0=x0, **kwargs
    )


def _slope(f: Function, order: int, x: Any, *args: Any) -> Any:
    return derivative(lambda u: f(u, *args), order=order)(x)


def solve_ivp(
    fun: Function, t_span: Any, y0: Any, method: Any = "RK45", *args: Any, **options: Any
) -> Any:
    """`scipy.integrate.solve_ivp`; the implicit methods get the exact Jacobian of `fun` in y.

    With ``jac="sparse"``, or a `jac_sparsity`, it is a sparse matrix, for Radau and BDF.

    >>> from chainrule.scipy import solve_ivp
    >>> found = solve_ivp(lambda t, y: -50 * (y - t), (0, 1), [1.0], method="BDF")
    >>> found.success, found.njev > 0
    (True, True)
    """
    _outside("solve_ivp")
    kind = method if isinstance(method, str) else getattr(method, "__name__", "")
    few = _sparse(options.get("jac"), options.get("jac_sparsity"))
    if few is not False and (kind.lower() in _SPARSE_IVP or options.get("jac") is not None):
        _takes_sparse(kind, "jac", _SPARSE_IVP)
        options.pop("jac_sparsity", None)
        sparse = jacobian(partial(_derivatives, fun), sparse=few)
        options["jac"] = lambda t, y, *rest: sparse(y, float(t), *rest)
    elif kind.lower() in _STIFF and options.get("jac") is None and not options.get("vectorized"):

        def rhs(y: Any, t: Any, *rest: Any) -> Any:
            return np.stack([*_rows(fun(t, y, *rest))])

        slopes = _fast(jacobian(rhs))
        options["jac"] = lambda t, y, *rest: slopes(y, float(t), *rest)
    return integrate.solve_ivp(fun, t_span, y0, method, *args, **options)


def _derivatives(fun: Function, y: Any, t: Any, *rest: Any) -> Any:
    dy = fun(t, y, *rest)
    return np.stack(dy) if isinstance(dy, list | tuple) else dy


def _rows(dy: Any) -> Any:
    return dy if isinstance(dy, list | tuple) else [dy[k] for k in range(len(dy))]
