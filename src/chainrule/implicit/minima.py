"""Minima under bounds and constraints: the conditions of Karush, Kuhn and Tucker, as equations.

At a strictly complementary minimum the constraints that hold with equality stay the same for
nearby inputs. Unknowns at a bound follow it; for the rest, with multipliers λ of the active
constraints c(z, θ) = b,

    ∇f(z, θ) − Σ λⱼ·∇cⱼ(z, θ) = 0,    c(z, θ) − b = 0,

and these equations are differentiated by the implicit function theorem. Where a constraint is
active and its multiplier is zero, z has no derivative: a warning says so, with the numbers.

References: A. V. Fiacco, Introduction to Sensitivity and Stability Analysis in Nonlinear
Programming, Academic Press (1983), thm. 3.2.2.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.optimize import nnls

from ..api import grad, jacobian, value_and_grad
from ..errors import ImplicitError
from ..tracing.running import running
from ..tracing.tracer import concrete, depth, muted
from ..tracing.watching import Decision, watching
from .answers import Problem, any_traced, attach, plain, solved, vector
from .jacobians import DENSE

Function = Callable[..., Any]
_NEAR = 1e-3  # slack, relative to the unknowns, up to which a constraint may be active
_AT = 1e-7  # slack at which it is held to be active or nearly so
_WEAK = 1e-6  # multiplier, relative to the gradient's scale, that counts as zero


@dataclass
class Constraint:
    """lower ≤ function(z) ≤ upper, elementwise; an equality where both are the same."""

    function: Function
    lower: Any
    upper: Any


@dataclass
class Minimum:
    """What a minimiser found: the objective as a function of one array, and what bounds it."""

    objective: Function
    answer: Any
    problem: Problem
    lower: Any = None
    upper: Any = None
    constraints: list[Constraint] = field(default_factory=list)
    active: bool = False

    def differentiated(self) -> Any:
        """Return the answer with its derivatives; unchanged if nothing traced bears on it."""
        answer = np.asarray(self.answer)
        shape = answer.shape
        z = answer.ravel().astype(float)
        if running.constant:
            return self.answer
        notes: list[Decision] = []
        with watching(notes):
            traced = self._is_traced(z)
        if not traced:
            if notes:
                self._check_decided(z)
            elif depth():  # where it starts is traced: a regular minimum does not depend on that
                self._solve(z)
            return self.answer
        return attach(self.answer, np.reshape(self._solve(z), shape))

    def _check_decided(self, z: Any) -> None:
        """Warn where the objective decides by a traced value, and the answer is no minimum."""
        try:
            self._solve(z)
        except ImplicitError as error:
            self.problem.warn(
                "the objective decides by a traced value, and its answer is no regular minimum "
                f"({error.what}): how its place moves with the inputs is not known"
            )

    def scalar(self, z: Any) -> Any:
        """Evaluate the objective at a flat vector, as one number."""
        shape = np.shape(self.answer)
        value = vector(self.objective(z if z.shape == shape else np.reshape(z, shape)))
        return value if value.shape == () else np.reshape(value, ())

    def _is_traced(self, z: Any) -> bool:
        return (
            any_traced([self.lower, self.upper])
            or any_traced(value_and_grad(self.scalar)(z))
            or any(any_traced([c.lower, c.upper, c.function(z)]) for c in self.constraints)
        )

    def _solve(self, z: Any) -> Any:
        with muted():
            slope = np.asarray(concrete(grad(self.scalar)(z)))
        if not np.all(np.isfinite(slope)):
            raise self.problem.error(
                "the gradient of the objective is not finite at the answer",
                f"it is {np.array2string(slope[:4], precision=4)}",
                "keep the solver inside the domain of the function",
            )
        rows = self._rows_reached(z)
        at = self._bounds_reached(z, slope, rows)
        fixed = at != 0
        self.active = bool(fixed.any() or rows)
        assemble = self._assembly(fixed, at)
        rows, multipliers = self._multipliers(z, slope, ~fixed, rows)
        residual = self._conditions(assemble, rows)
        self.problem.multipliers = len(rows)
        self.problem.kind = "symmetric"
        u = np.concatenate([z[~fixed], multipliers])
        if u.size == 0:
            self._check_bounds(at, slope, z)
            return assemble(u)
        found = solved(residual, u, self.problem, checked=True)
        count = u.size - len(rows)
        assert found is not None
        here = np.asarray(plain(assemble(found.point[:count])))
        self._check(at, rows, found.point[count:], here, found.jacobian)
        return assemble(found.z[:count])

    # --- which bounds and constraints hold with equality -----------------------------------------
    def _bounds_reached(self, z: Any, slope: Any, rows: Any) -> Any:
        """Return −1 for unknowns at their lower bound, 1 at their upper bound, else 0."""
        n = z.size
        at = np.zeros(n)
        if self.lower is None and self.upper is None:
            return at
        scale = self.problem.scale(z)
        sides = [(-1, self.lower), (1, self.upper)]
        slacks = [
            np.broadcast_to(np.inf if b is None else s * (plain_floats(b) - z), n) for s, b in sides
        ]
        if not any(np.any(slack <= _NEAR * scale) for slack in slacks):
            return at
        if rows:
            slope = self._reduced(z, slope, rows, [slack <= _NEAR * scale for slack in slacks])
        curvature = np.zeros(n)
        if n <= DENSE:
            with muted():
                curvature = np.abs(np.diagonal(jacobian(grad(self.scalar))(z)))
        weak = _WEAK * max(np.max(np.abs(slope)), np.max(curvature) * scale)
        for (side, _), slack in zip(sides, slacks, strict=True):
            outward = -side * slope
            reached = (slack <= _AT * scale) & (outward >= -weak)
            reached |= (slack <= _NEAR * scale) & (
                outward > np.maximum(2 * curvature * _finite(slack), weak)
            )
            at = np.where(reached, side, at)
        return at

    def _reduced(self, z: Any, slope: Any, rows: Any, near: list[Any]) -> Any:
        """Return the gradient less what the constraints take of it, bounds allowed for."""
        columns = self._columns(z, rows)
        low, high = (np.eye(z.size)[mask] * sign for mask, sign in zip(near, (1, -1), strict=True))
        found = _nonnegative(np.concatenate([columns, low, high]), slope)
        return slope - found[: len(columns)] @ columns

    def _columns(self, z: Any, rows: Any) -> Any:
        """Return the inward normals of the active rows; an equality has one to either side."""
        with muted():
            normals = np.asarray(jacobian(self._values(rows))(z)).reshape(len(rows), -1)
        sides = np.array([side for _, _, side in rows])
        columns = np.where(sides > 0, -1.0, 1.0)[:, None] * normals
        return np.concatenate([columns, -columns[sides == 0]])

    def _assembly(self, fixed: Any, at: Any) -> Function:
        """Return the map from the free unknowns to all of them; the fixed ones are their bounds."""
        if not fixed.any():
            return lambda w: w
        n = fixed.size
        order = np.empty(n, np.intp)
        order[~fixed] = np.arange(n - fixed.sum())
        order[fixed] = n - fixed.sum() + np.arange(fixed.sum())
        low, high = np.flatnonzero(at[fixed] < 0), np.flatnonzero(at[fixed] > 0)
        where = np.flatnonzero(fixed)
        parts, places = [], []
        for bound, chosen in ((self.lower, low), (self.upper, high)):
            if chosen.size:
                parts.append(np.broadcast_to(vector(bound), (n,))[where[chosen]])
                places.append(chosen)
        ends = np.concatenate(parts)[np.argsort(np.concatenate(places))]
        return lambda w: np.concatenate([w, ends])[order]

    def _rows_reached(self, z: Any) -> list[tuple[Constraint, int, int]]:
        """Return (constraint, row, side) for what may be active; side 0 is an equality."""
        rows = []
        for c in self.constraints:
            with muted():
                value = np.atleast_1d(plain_floats(vector(c.function(z))))
            lower = np.broadcast_to(plain_floats(c.lower), value.shape)
            upper = np.broadcast_to(plain_floats(c.upper), value.shape)
            for i, v in enumerate(value):
                near = _NEAR * max(1.0, abs(v))
                if lower[i] == upper[i]:
                    rows.append((c, i, 0))
                elif v - lower[i] <= near:
                    rows.append((c, i, -1))
                elif upper[i] - v <= near:
                    rows.append((c, i, 1))
        return rows

    def _values(self, rows: Any) -> Function:
        """Return z ↦ c(z) − b for the active rows."""

        def values(z: Any) -> Any:
            parts = []
            known: dict[int, Any] = {}
            for c, i, side in rows:
                value = known.get(id(c))
                if value is None:
                    value = known[id(c)] = np.atleast_1d(vector(c.function(z)))
                bound = vector(c.upper if side > 0 else c.lower)
                parts.append(value[i] - (bound if bound.ndim == 0 else bound[i]))
            return np.stack(parts)

        return values

    def _multipliers(self, z: Any, slope: Any, free: Any, rows: Any) -> tuple[Any, Any]:
        """Estimate the multipliers, of the right sign, and keep the rows that are active."""
        if not rows:
            return [], np.zeros(0)
        with muted():
            slack = np.abs(np.asarray(plain(self._values(rows)(z))))
        sides = np.array([side for _, _, side in rows])
        equal = sides == 0
        both = self._columns(z, rows)[:, free]
        size = np.linalg.norm(both, axis=1)
        found = _nonnegative(both, slope[free])
        signed = found[: len(rows)]
        signed[equal] -= found[len(rows) :]
        weight = np.abs(signed) * size[: len(rows)]
        keep = equal | (weight > _WEAK * max(np.max(np.abs(slope), initial=0.0), 1e-12))
        weak = ~keep & (slack <= _AT * np.maximum(1.0, np.abs(slack)))
        if weak.any():
            self._warn_weak(f"{int(weak.sum())} constraint(s)", float(np.max(weight[weak])))
        multipliers = np.where(sides > 0, -signed, signed)
        return [r for r, k in zip(rows, keep, strict=True) if k], multipliers[keep]

    # --- the equations, and what must hold beside them ------------------------------------------
    def _conditions(self, assemble: Function, rows: Any) -> Function:
        if not rows:
            return grad(lambda w: self.scalar(assemble(w)))
        values = self._values(rows)

        def residual(u: Any) -> Any:
            w, multipliers = u[: -len(rows)], u[-len(rows) :]

            def lagrangian(w: Any) -> Any:
                z = assemble(w)
                return self.scalar(z) - np.sum(multipliers * values(z))

            return np.concatenate([grad(lagrangian)(w), -values(assemble(w))])

        return residual

    def _check_bounds(self, at: Any, slope: Any, z: Any) -> None:
        """Warn of bounds whose multiplier is about zero."""
        fixed = at != 0
        if not fixed.any():
            return
        outward = -at[fixed] * slope[fixed]
        scale = max(float(np.max(np.abs(slope))), 1e-300)
        if z.size <= DENSE:
            with muted():
                hessian = np.abs(np.asarray(jacobian(grad(self.scalar))(z)))
            scale = max(scale, float(hessian.max(initial=0.0)) * self.problem.scale(z))
        weak = outward <= _WEAK * scale
        if np.any(outward < -_WEAK * scale):
            raise self.problem.error(
                "an unknown is at its bound, but the objective falls towards the inside",
                f"its derivative there is {outward.min():.2e} (scale {scale:.2e})",
                "let the solver run on, or start elsewhere",
            )
        if weak.any():
            self._warn_weak(f"{int(weak.sum())} bound(s)", float(outward[weak].max()))

    def _check(self, at: Any, rows: Any, multipliers: Any, here: Any, jacobian: Any) -> None:
        with muted():
            slope = np.asarray(concrete(grad(self.scalar)(here)))
        multiplied = slope
        if rows:
            from ..api import vjp

            with muted():
                (pulled,) = vjp(self._values(rows), here)[1](np.asarray(multipliers))
            multiplied = slope - pulled
        saved, self.problem.multipliers = self.problem.multipliers, 0
        try:
            self._check_bounds(at, multiplied, here)
            self._check_rows(rows, multipliers, here, slope)
        finally:
            self.problem.multipliers = saved

    def _check_rows(self, rows: Any, multipliers: Any, here: Any, slope: Any) -> None:
        """Check the signs of the multipliers, and that no other constraint is hurt."""
        for (_, _, side), m in zip(rows, multipliers, strict=True):
            if side and -side * m <= 0:
                raise self.problem.error(
                    "a constraint is active, but its multiplier has the wrong sign",
                    f"it is {m:.2e}; the answer is not a minimum",
                    "let the solver run on, or start elsewhere",
                )
        if not self.constraints:
            return
        for c in self.constraints:
            with muted():
                value = np.atleast_1d(plain_floats(vector(c.function(here))))
            excess = np.maximum(plain_floats(c.lower) - value, value - plain_floats(c.upper))
            if np.any(excess > 1e-4 * np.maximum(1.0, np.abs(value))):
                raise self.problem.error(
                    "the conditions for a minimum lead to a point that violates a constraint",
                    f"by {np.max(excess):.2e}; the set of active constraints at the answer is not "
                    "clear",
                    "give the solver a smaller tolerance",
                )

    def _warn_weak(self, what: str, size: float) -> None:
        self.problem.warn(
            f"{what} active with a multiplier of about zero ({size:.1e}): the minimum has "
            "different derivatives to the two sides there, and what is given is one of them"
        )


def _nonnegative(columns: Any, target: Any) -> Any:
    """Return the nonnegative weights whose sum of columns comes nearest to the target."""
    size = np.maximum(np.linalg.norm(columns, axis=1), 1e-300)
    found, _ = nnls((columns / size[:, None]).T, target, maxiter=100 * len(columns))
    return found / size


def plain_floats(values: Any) -> Any:
    """Return a bound as plain floats."""
    return np.asarray(plain(values), dtype=float)


def _finite(slack: Any) -> Any:
    return np.where(np.isfinite(slack), slack, 0.0)
