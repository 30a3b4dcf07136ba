"""The implicit function theorem at a solver's answer, and the checks that it holds there.

F(z, θ) = 0 defines z(θ). With J = ∂F/∂z at the answer, a plain constant, the chord step
z ← z − J⁻¹·F(z, θ) makes one more order of derivatives right, so as many steps are taken as
derivatives are open; all are ordinary operations, and every mode and order follows. The value
stays the solver's own.

References: A. Griewank and A. Walther, Evaluating Derivatives, 2nd ed., SIAM (2008), ch. 15;
B. Christianson, Reverse accumulation and attractive fixed points, Optim. Methods Softw. 3 (1994)
311–326.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import tree
from ..errors import ImplicitError, ImplicitWarning
from ..ops.declare import as_array
from ..tracing.source import describe, user_frame
from ..tracing.tracer import Tracer, concrete, depth, muted
from .jacobians import chord_solve, linearised

_CLOSE = 1e-10  # a Newton step, relative to the scale of the unknowns, that counts as none
_NOISE = 1e-6  # below this a Newton step that does not shrink is rounding
_SUSPECT, _WRONG = 1e-3, 1e-2  # how far the answer may lie from the root: warn, refuse
_POOR, _SINGULAR = 1e10, 1e14  # condition numbers: warn, refuse


def is_traced(value: Any) -> bool:
    """Say whether a derivative flows through `value`."""
    return type(value) is Tracer and value.carries()


def any_traced(values: Any) -> bool:
    """Say whether a derivative flows through a leaf of a container."""
    return any(is_traced(v) for v in tree.flatten(values)[0])


def plain(values: Any) -> Any:
    """Return a container with plain values in the place of traced ones."""
    if type(values) is Tracer:
        return concrete(values)
    if type(values) in (list, tuple):
        return type(values)(map(plain, values))
    if type(values) is dict:
        return {k: plain(v) for k, v in values.items()}
    return values


def attach(answer: Any, traced: Any) -> Any:
    """Return the value of `answer` with the derivatives of `traced`."""
    return answer + (traced - np.asarray(concrete(traced))[()])


def vector(values: Any) -> Any:
    """Return what a user's function gave (a number, a list, an array) as an array."""
    return as_array(values)


def run(solver: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Run SciPy's solver on plain numbers; what its callbacks read acts as a constant."""
    with muted():
        return solver(*plain(args), **plain(kwargs))


class Problem:
    """What is known of one solve: for the checks, and for the words of the errors.

    Parameters
    ----------
    name : of the solver.
    start : the starting values, whose size tells the scale of the unknowns.
    failure : the solver's own words, if it says that it failed.
    kind : "elementwise", "symmetric" or nothing in particular: what is known of the Jacobian.
    unknown : what the answer is called.
    """

    def __init__(
        self, name: str, start: Any = 0.0, failure: str = "", kind: str = "", unknown: str = "root"
    ) -> None:
        self.name, self.failure, self.kind, self.unknown = name, failure, kind, unknown
        self.start = float(np.max(np.abs(plain_array(start)), initial=0.0))

    def scale(self, answer: Any) -> float:
        """Return the size that the unknowns have."""
        return max(float(np.max(np.abs(answer), initial=0.0)), self.start, 1e-3)

    def error(self, what: str, why: str, cure: str) -> ImplicitError:
        """Build the error that says what is wrong with the answer."""
        if self.failure:
            why += f"; the solver says: {self.failure}"
        return ImplicitError(
            f"{self.name}: {what}", where=describe(user_frame(2)), why=why, cure=cure
        )

    def warn(self, words: str) -> None:
        """Warn that the derivative is to be taken with care."""
        more = f"; the solver says: {self.failure}" if self.failure else ""
        place = describe(user_frame(2))
        where = f" ({place})" if place else ""
        warnings.warn(f"{self.name}: {words}{more}{where}", ImplicitWarning, stacklevel=3)


def plain_array(values: Any) -> Any:
    """Return `values` as a plain array of numbers."""
    return np.asarray(plain(values), dtype=complex if np.iscomplexobj(plain(values)) else float)


def differentiated(residual: Callable[[Any], Any], answer: Any, problem: Problem) -> Any:
    """Return the answer with its derivatives; unchanged if the residual reads nothing traced."""
    answer = np.asarray(answer)[()]
    if answer.size == 0:
        return answer
    found = _refined(residual, answer, problem)
    if found is None:
        return answer
    z, value, jacobian = found
    z = z - chord_solve(value, operator=jacobian)
    for _ in range(depth() - 1):
        z = z - chord_solve(residual(z), operator=jacobian)
    return attach(answer, z)


def _refined(residual: Any, answer: Any, problem: Problem) -> Any:
    """Go from the answer to the root by Newton's method: there the derivative is taken.

    Returns (z, F(z, θ), J), or None where F is not traced. The way to the root is the check: an
    answer that is none, or a root that is not simple, is refused.
    """
    value, jacobian = linearised(residual, answer, problem.kind)
    if not is_traced(value):
        return None
    scale = problem.scale(answer)
    z, last = answer, np.inf
    for _ in range(5):
        _check_finite(concrete(value), z, problem)
        step = _newton_step(jacobian, concrete(value), problem)
        size = float(np.max(np.abs(step)))
        if size <= _CLOSE * scale or (size > 0.3 * last and size <= _NOISE * scale):
            break
        if not size <= 0.3 * last:
            raise problem.error(
                f"no regular {problem.unknown} at the answer, so its derivative cannot be trusted",
                f"Newton's method from the answer does not converge: a step of {size:.2e} follows "
                f"one of {last:.2e} (the unknowns have size {scale:.2e}, the residual there is "
                f"{_norm(value):.2e}); the Jacobian is singular, or the answer is none",
                "check that the problem has an isolated solution there, start nearer to it, or "
                "give the solver a smaller tolerance",
            )
        after = z - step
        following, other = linearised(residual, after, problem.kind)
        if not np.all(np.isfinite(concrete(following))) and size <= _SUSPECT * scale:
            break  # the step leaves the domain: the answer itself is as near as one can come
        z, value, jacobian, last = after, following, other, size
    _check_distance(answer, z, residual, scale, problem)
    _check_condition(jacobian, residual, z, value, scale, problem)
    return z, value, jacobian


def _norm(value: Any) -> float:
    return float(np.max(np.abs(concrete(value)), initial=0.0))


def _check_finite(value: Any, z: Any, problem: Problem) -> None:
    if np.all(np.isfinite(value)) and np.all(np.isfinite(z)):
        return
    raise problem.error(
        "the equation is not finite at the answer, so it has no derivative there",
        f"the residual holds {np.asarray(value).ravel()[~np.isfinite(np.ravel(value))][:1]} at "
        f"{np.array2string(np.asarray(z).ravel()[:4], precision=6)}",
        "keep the solver inside the domain of the function (bounds, a nearer start)",
    )


def _newton_step(jacobian: Any, value: Any, problem: Problem) -> Any:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # an exactly singular matrix: seen below
        step = jacobian.solve(value)
    if np.all(np.isfinite(step)):
        return step
    raise _singular(problem, np.inf, value)


def _singular(problem: Problem, condition: float, value: Any) -> ImplicitError:
    return problem.error(
        f"the Jacobian at the {problem.unknown} is singular, so the derivative does not exist or "
        "cannot be computed",
        f"its condition number is {condition:.1e} (limit {_SINGULAR:.0e}); the residual there is "
        f"{_norm(value):.2e}; a multiple {problem.unknown}, or one that is not isolated, has no "
        "derivative by the implicit function theorem",
        "remove the redundant unknowns or equations, or add what makes the solution unique",
    )


def _check_distance(answer: Any, z: Any, residual: Any, scale: float, problem: Problem) -> None:
    """Compare the answer with the root that Newton's method found from it."""
    distance = float(np.max(np.abs(z - answer))) / scale
    if distance > _WRONG:
        raise problem.error(
            f"the answer is not a {problem.unknown}: the nearest one is {distance:.1e} away",
            f"relative to the size of the unknowns, of which {_WRONG:.0e} is allowed; the solver "
            "stopped early or answered another question",
            "let the solver run on (maxiter=, tol=), and check its status",
        )
    if distance > _SUSPECT or (problem.failure and distance > _NOISE):
        problem.warn(
            f"the answer lies {distance:.1e} (relative) from the {problem.unknown}; the derivative "
            f"is that of the {problem.unknown}, the value is the solver's"
        )


def _check_condition(
    jacobian: Any, residual: Any, z: Any, value: Any, scale: float, problem: Problem
) -> None:
    condition = jacobian.condition()
    if np.ndim(z) == 0 or problem.kind == "elementwise":
        condition = max(condition, _flatness(jacobian, residual, z, value, scale))
    if condition > _SINGULAR:
        raise _singular(problem, condition, value)
    if condition > _POOR:
        problem.warn(
            f"the Jacobian at the {problem.unknown} has condition number {condition:.1e}: about "
            f"{np.log10(condition):.0f} digits of the derivative are lost"
        )


def _flatness(jacobian: Any, residual: Any, z: Any, value: Any, scale: float) -> float:
    """Compare the slope at a root of one equation with the rise nearby: a multiple root is flat."""
    h = 1e-4 * scale
    with muted(), np.errstate(all="ignore"):
        rise = np.abs(concrete(residual(z + h)) - concrete(value))
        ratio = rise / (np.abs(jacobian.entries) * h)
    return 1e15 if np.any(np.isfinite(rise) & (ratio > 1e3)) else 1.0
