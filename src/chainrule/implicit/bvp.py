"""Boundary value problems: `scipy.integrate.solve_bvp`, by the implicit function theorem.

The collocation equations that SciPy solves on its final mesh, with the boundary conditions, define
the values y at the mesh (and the parameters p); they are differentiated at the answer. The mesh is
constant.

References: J. Kierzenka and L. F. Shampine, A BVP solver based on residual control and the MATLAB
PSE, ACM Trans. Math. Softw. 27 (2001) 299–316.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import integrate

from ..errors import UnsupportedFunctionError
from ..tracing.source import describe, user_frame
from ..tracing.watching import COMPARING, ROUNDING, Decision, watching
from .answers import Problem, any_traced, attach, is_traced, plain, run, solved, vector
from .calls import arguments, solver
from .inside import prune, recordings

Function = Callable[..., Any]


@solver(integrate.solve_bvp)
def solve_bvp(fun: Function, bc: Function, x: Any, y: Any, *args: Any, **kwargs: Any) -> Any:
    """Solve a boundary value problem; `y`, `yp`, `p` and `sol` are differentiated.

    The ends of the interval and the singular term `S` are constants, and refused where traced.
    """
    result = run(integrate.solve_bvp, fun, bc, x, y, *args, **kwargs)
    given = arguments(integrate.solve_bvp, (fun, bc, x, y, *args), kwargs)
    if any_traced([x, given["S"]]) or given["S"] is not None:
        raise UnsupportedFunctionError(
            "scipy.integrate.solve_bvp has no derivative in its mesh, and none with S",
            where=describe(user_frame(1)),
            cure="scale the variable to a fixed interval, x = a + (b − a)·s, inside fun",
        )
    mesh, shape = np.asarray(result.x), np.shape(result.y)
    count = 0 if result.p is None else np.size(result.p)

    def parts(u: Any) -> tuple[Any, Any]:
        return np.reshape(u[: u.size - count], shape), u[u.size - count :]

    def slope(x: Any, y: Any, p: Any) -> Any:
        return np.reshape(vector(fun(x, y, p) if count else fun(x, y)), y.shape)

    def residual(u: Any) -> Any:
        y, p = parts(u)
        h = np.diff(mesh)
        f = slope(mesh, y, p)
        left, right = y[:, :-1], y[:, 1:]
        middle = 0.5 * (left + right) - 0.125 * h * (f[:, 1:] - f[:, :-1])
        inner = slope(mesh[:-1] + 0.5 * h, middle, p)
        defect = right - left - h / 6 * (f[:, :-1] + f[:, 1:] + 4 * inner)
        ends = vector(bc(y[:, 0], y[:, -1], p) if count else bc(y[:, 0], y[:, -1]))
        return np.concatenate([np.ravel(defect), np.ravel(ends)])

    answer = np.concatenate([np.ravel(result.y), np.ravel(result.p) if count else np.zeros(0)])
    problem = Problem(
        "solve_bvp", y, "" if result.success else result.message, "banded", "solution"
    )
    _check_decisions(lambda: residual(answer), problem)
    found = solved(residual, answer, problem)
    if found is None:
        return result
    y, p = parts(found.z)
    yp = slope(mesh, y, p)
    result.y, result.yp = attach(result.y, y), attach(result.yp, yp)
    if count:
        result.p = attach(result.p, p)
    result.sol = _Hermite(result.sol, mesh, y, yp)
    return result


def _check_decisions(residual: Callable[[], Any], problem: Problem) -> None:
    """Warn where fun decides by a traced value, one way here and another way there."""
    notes: list[Decision] = []
    kept = recordings()
    with watching(notes):
        residual()
    mixed = [n.name for n in notes if n.name in COMPARING | ROUNDING and np.ptp(n.outcome * 1.0)]
    del notes
    prune(kept)
    if mixed:
        problem.warn(
            f"fun decides by a traced value ({mixed[0]}), one way in a part of the interval and "
            "another way in the rest: if it jumps there, how that place moves is not in the "
            "derivative. Solve on both sides, joined by boundary conditions"
        )


class _Hermite:
    """The continuous solution: SciPy's cubic pieces with the derivatives of their coefficients."""

    def __init__(self, sol: Any, mesh: Any, y: Any, slope: Any) -> None:
        self._sol, self.x, self._y, self._slope = sol, mesh, y, slope

    def __call__(self, x: Any, nu: int = 0) -> Any:
        x = vector(x)
        k = np.clip(np.searchsorted(self.x, plain(x), side="right") - 1, 0, self.x.size - 2)
        h = self.x[k + 1] - self.x[k]
        s = (x - self.x[k]) / h
        near, far = self._y[:, k], self._y[:, k + 1]
        rise = far - near
        p, q = h * self._slope[:, k] - rise, rise - h * self._slope[:, k + 1]
        traced = np.zeros_like(near)
        for j, c in zip((3, 2, 1, 0), (p - q, q - 2 * p, rise + p, near), strict=True):
            traced = traced * s + math.perm(j, nu) * c if j >= nu else traced
        traced = traced / h**nu
        return attach(run(self._sol, plain(x), nu), traced) if is_traced(traced) else plain(traced)
