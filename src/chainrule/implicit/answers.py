"""The implicit function theorem at a solver's answer, and the checks that it holds there.

F(z, θ) = 0 defines z(θ). With J = ∂F/∂z at the answer, a plain constant, the chord step
z ← z − J⁻¹·F(z, θ) makes one more order of derivatives right, so as many steps are taken as
derivatives are open; all are ordinary operations, and every mode and order follows. The value
stays the solver's own.

References: A. Griewank and A. Walther, Evaluating Derivatives, 2nd ed., SIAM (2008), ch. 15;
B. Christianson, Reverse accumulation and attractive fixed points, Optim. Methods Softw. 3 (1994)
311–326.
"""

import copy
import functools
import inspect
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from types import BuiltinMethodType, FunctionType, MethodType
from typing import Any

import numpy as np
from scipy.sparse.linalg import LinearOperator

from .. import tree
from ..core.memory import layout_of
from ..core.settings import Silence
from ..errors import ImplicitError, ImplicitWarning
from ..ops.declare import as_array
from ..tracing.layouts import laid_as
from ..tracing.running import running, tell
from ..tracing.source import describe, user_frame
from ..tracing.strange import unlabelled
from ..tracing.tracer import TRACERS, concrete, depth, known, muted
from ..tracing.watching import Decision, watching
from .inside import Inside, State, inside, kind_of, prune, recordings
from .jacobians import linearised

_CLOSE = 1e-10  # a Newton step, relative to the scale of the unknowns, that counts as none
_NOISE = 1e-6  # below this a Newton step that does not shrink is rounding
_SUSPECT, _WRONG = 1e-3, 1e-2  # how far from the root is suspect, and no root any more
_POOR, _SINGULAR = 1e10, 1e14  # condition numbers: warn, refuse


def is_traced(value: Any) -> bool:
    """Say whether a derivative flows through `value`."""
    return type(value) in TRACERS and (value.cr_carries() or value.cr_varies())


def any_traced(values: Any) -> bool:
    """Say whether a derivative flows through a leaf of a container."""
    return any(is_traced(v) for v in tree.flatten(values)[0])


def plain(values: Any) -> Any:
    """Return a container with plain values in the place of traced ones."""
    if type(values) in TRACERS:
        return known(values)
    if type(values) in (list, tuple):
        return type(values)(map(plain, values))
    if type(values) is dict:
        return {k: plain(v) for k, v in values.items()}
    if type(values).__name__ in _HOLDERS:
        other = copy.copy(values)
        for name, value in vars(values).items():
            setattr(other, name, plain(value))
        return other
    if isinstance(values, LinearOperator):
        return values if type(values).__name__ in _FIXED else PlainOperator(values)
    if is_callback(values):
        return PlainFunction(values)
    if is_sparse(values):
        return values.twin(plain(vars(values)["data"]))
    return values


def is_sparse(value: Any) -> bool:
    """Say whether a value is a sparse matrix with traced entries."""
    sparse = sys.modules.get("chainrule.ops.scipy.sparse.matrices")
    return sparse is not None and hasattr(value, "toarray") and sparse.is_traced(value)


_FIXED = ("IdentityOperator",)  # linear operators that hold nothing


def is_callback(value: Any) -> bool:
    """Say whether a value is a function of the program's, or an object that is called as one."""
    if isinstance(value, FunctionType | MethodType | functools.partial):
        return True
    if isinstance(value, BuiltinMethodType):
        return isinstance(value.__self__, list | dict | set)
    call = getattr(type(value), "__call__", None)  # noqa: B004
    kind = kind_of(value)
    if kind == "chainrule":  # a derivative of a function of the program's, or one with its rule
        return type(value) is not PlainFunction and is_callback(getattr(value, "function", None))
    return type(call) is FunctionType and kind not in ("numpy", "scipy")


_HOLDERS = ("Bounds", "LinearConstraint", "NonlinearConstraint")  # SciPy's, which hold arrays


def attach(answer: Any, traced: Any) -> Any:
    """Return the value of `answer`, as it lies in memory, with the derivatives of `traced`.

    It has the class of `answer`, too: a number of Python's stays one.
    """
    found = answer + (traced - np.asarray(concrete(traced))[()])
    if type(answer) is np.ndarray:
        return laid_as(found, layout_of(answer)) if answer.shape else np.copy(found)
    return found.item() if type(answer) in (float, complex) else found


def vector(values: Any) -> Any:
    """Return what a user's function gave (a number, a list, a column) as an array."""
    found = as_array(unlabelled(values))
    # as it is now: a callback may write into the same array again
    return found.cr_snapshot() if type(found) in TRACERS else found


signatures: dict[Any, inspect.Signature] = {}  # of SciPy's functions, whatever code they carry now


class PlainFunction:
    """A user's function as a solver sees it: what it returns are plain numbers and arrays."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.__wrapped__: Any = function  # signature and attributes are those of the function
        self.last: tuple[Any, Any] = (None, None)
        known = signatures.get(function)
        if known is not None:
            self.__signature__ = known

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        trace = running.inside
        if trace is None:
            return plain(self.__wrapped__(*args, **kwargs))
        args = tuple(map(trace.argument, args))
        kwargs = {k: trace.argument(v) for k, v in kwargs.items()}
        marks = recordings()
        before, running.call = running.call, object()
        try:
            out = self.__wrapped__(*args, **kwargs)
        finally:
            running.call = before
        if not trace.touched and any(type(v) in TRACERS for v in tree.flatten(out)[0]):
            trace.touch()
        result = self._as_one(out) if type(out) in TRACERS else plain(out)
        del out
        prune(marks)
        return result

    def _as_one(self, out: Any) -> Any:
        """Return the numbers of a traced result: for the same array again the same array."""
        value = known(out)
        if type(value) is not np.ndarray or not value.ndim:
            return value
        if self.last[0] is out and self.last[1].shape == value.shape:
            np.copyto(self.last[1], value)
        else:
            self.last = out, _copied(value)
        return self.last[1]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__wrapped__, name)


class PlainOperator(LinearOperator):
    """A linear operator of the program's as a solver sees it: it gives plain numbers."""

    def __init__(self, operator: Any) -> None:
        super().__init__(operator.dtype, operator.shape)
        self._matvec = PlainFunction(operator.matvec)
        self._rmatvec = PlainFunction(operator.rmatvec)
        self._matmat = PlainFunction(operator.matmat)
        self._rmatmat = PlainFunction(operator.rmatmat)

    def _matvec(self, x: Any) -> Any:
        raise NotImplementedError  # SciPy asks that the class has one; each object has its own


def _copied(value: Any) -> Any:
    """Copy an array; a vector with gaps, which NumPy adds up in another order, keeps them."""
    step, rest = divmod(value.strides[0], value.itemsize)
    if value.ndim > 1 or step < 2 or rest:
        return value.copy()
    found = np.empty((value.size, step), value.dtype)[:, 0]
    found[...] = value
    return found


def functions_of(operator: Any) -> list[Any]:
    """Return what of the program's a linear operator is made of."""
    if kind_of(operator) != "scipy":
        return [operator]
    found: list[Any] = []
    for held in vars(operator).values():
        for v in held if type(held) is tuple else (held,):
            if isinstance(v, LinearOperator):
                found += functions_of(v)
            elif is_callback(v):
                found.append(v)
    return found


def run(solver: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """Run SciPy's solver on plain numbers; what its callbacks keep is marked (see `inside`)."""
    with muted():
        pass  # refused in a batch: the examples are solved one by one
    name = getattr(solver, "__name__", type(solver).__name__)
    trace = Inside(name, solver not in fixed_scalars, solver not in fixed_arrays)
    callbacks: list[Any] = []
    plain_args = [_handed(v, trace, callbacks) for v in args]
    plain_kwargs = _handed(kwargs, trace, callbacks)
    try:
        if not callbacks or not depth():
            with muted():
                found = solver(*plain_args, **plain_kwargs)
            running.solved = True
            return found
        args = kwargs.get("args")
        keepers = [*callbacks, *(args if isinstance(args, tuple | list) else ())]
        before = State(keepers)
        with inside(trace):
            if trace.touched:
                trace.touch()
            found = solver(*plain_args, **plain_kwargs)
        running.solved = True
        running.constant = not trace.touched
        if running.session is not None and trace.touched:
            running.session.append(State(keepers))
            before.refill()
            running.again = before
        return found
    finally:
        if getattr(solver, "__module__", "") == _ZEROS:
            for f in plain_args:
                if type(f) is PlainFunction:
                    f.__wrapped__ = None


_ZEROS = "scipy.optimize._zeros_py"  # it wraps a function in one that holds itself


def run_muted(solver: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Run a solver of the program's own on plain numbers: all that it reads is constant."""
    with muted():
        return solver(*plain(args), **plain(kwargs))


fixed_scalars: set[Any] = set()  # solvers whose callbacks get numbers that are no unknowns: times
fixed_arrays: set[Any] = set()  # and those where such are the arrays: data


def _handed(values: Any, trace: Inside, callbacks: list[Any], top: bool = True) -> Any:
    """As `plain`; remember what stands for what, for the callbacks are to get it back."""
    kind = type(values)
    if kind is tuple or kind is list:
        return kind(_handed(v, trace, callbacks, False) for v in values)
    if kind is dict:
        return {k: _handed(v, trace, callbacks, top) for k, v in values.items()}
    if isinstance(values, LinearOperator):
        callbacks.extend(functions_of(values) or [values])
    elif is_callback(values):
        callbacks.append(values)
    trace.touched = trace.touched or (is_sparse(values) and is_traced(vars(values)["data"]))
    found = plain(values)
    held = vars(values).values() if kind.__name__ in _HOLDERS else (values,)
    if any(type(v) in TRACERS and is_traced(v) for v in held):
        trace.touched = True
    if not top or kind in TRACERS:
        trace.given[id(found)] = found, values
    return found


class Problem:
    """What is known of one solve: for the checks, and for the words of the errors.

    Parameters
    ----------
    name : of the solver.
    start : the starting values, whose size tells the scale of the unknowns.
    failure : the solver's own words, if it says that it failed.
    kind : "elementwise", "symmetric" or nothing in particular: what is known of the Jacobian; or
        what makes it of the recording.
    unknown : what the answer is called.
    """

    suspect, wrong = _SUSPECT, _WRONG  # how far the answer may lie from the root: warn, refuse
    begun = True  # the solver started somewhere, and that may be traced

    def __init__(
        self, name: str, start: Any = 0.0, failure: str = "", kind: Any = "", unknown: str = "root"
    ) -> None:
        self.name, self.failure, self.kind, self.unknown = name, failure, kind, unknown
        self.start = _size(plain_array(start))
        self.jumps = False  # the solver may answer with a place where the sign changes by a jump
        self.multipliers = 0  # how many of the unknowns, at their end, are Lagrange multipliers

    def scale(self, answer: Any) -> Any:
        """Return the size that the unknowns have; multipliers have one of their own."""
        if not self.multipliers:
            return max(_size(answer), self.start, 1e-3)
        scale = np.empty(np.shape(answer))
        scale[: -self.multipliers] = max(_size(answer[: -self.multipliers]), self.start, 1e-3)
        scale[-self.multipliers :] = max(_size(answer[-self.multipliers :]), 1e-3)
        return scale

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


def _size(values: Any) -> float:
    return float(np.max(np.abs(values), initial=0.0))


def plain_array(values: Any) -> Any:
    """Return `values` as a plain array of numbers."""
    return np.asarray(plain(values), dtype=complex if np.iscomplexobj(plain(values)) else float)


@dataclass(frozen=True, slots=True)
class Solved:
    """A root with its derivatives: `z` is traced, `point` is where they were taken."""

    z: Any
    point: Any
    jacobian: Any
    residual: Any  # its value at the point, traced: the F of F(z, θ) = 0


def differentiated(residual: Callable[[Any], Any], answer: Any, problem: Problem) -> Any:
    """Return the answer with its derivatives; unchanged if the residual reads nothing traced."""
    found = solved(residual, np.asarray(answer)[()], problem)
    if found is None:
        return answer
    root = attach(answer, found.z)
    tell("root", (root, found))
    return root


def unchecked(residual: Callable[[Any], Any], answer: Any, kind: str = "") -> Any:
    """As `differentiated`, at the answer as it is, whatever it is."""
    value, jacobian = linearised(residual, answer, kind)
    if not is_traced(value):
        return answer
    z = answer - jacobian.chord(value)
    for _ in range(depth() - 1):
        z = z - jacobian.chord(residual(z))
    return attach(answer, z)


def solved(
    residual: Callable[[Any], Any], answer: Any, problem: Problem, checked: bool = False
) -> Solved | None:
    """Find the root at an answer, with its derivatives; None if nothing traced is read.

    The answer is checked also then: where it starts may be traced (a solve that was handed nothing
    traced, and read nothing, is known by `running.constant`). With `checked` it is differentiated,
    too: what is minimised may be traced where its gradient, at a kink, is not.

    The derivative is taken at the root that Newton's method finds from the answer. The way there
    is the check: an answer that is none, or a root that is not simple, is refused.
    """
    if np.size(answer) == 0 or running.constant:
        return None
    with muted():
        pass  # refused in a batch: the examples are solved one by one
    notes: list[Decision] = []
    with watching(notes):
        value, jacobian = linearised(residual, answer, problem.kind)
    if concrete(value).dtype.kind == "c" and np.asarray(answer).dtype.kind != "c":
        raise problem.error(
            "the equation is complex, and the answer real",
            f"the solver drops the imaginary part of the equation, {np.imag(concrete(value))!r} at "
            "the answer, and with it that of the derivative",
            "return the real part of the equation, or start the solver from a complex number",
        )
    checked = checked or is_traced(value)
    if not checked and (problem.jumps or notes):
        _warn_of_jump(value, jacobian, answer, problem)
    if not checked and (problem.jumps or notes or not (problem.begun and depth())):
        return None
    point, value, jacobian = _refined(residual, answer, value, jacobian, problem)
    _check_distance(answer, point, problem)
    _check_condition(jacobian, residual, point, value, problem)
    if not checked:
        return None
    z = point - jacobian.chord(value)
    for _ in range(depth() - 1):
        z = z - jacobian.chord(residual(z))
    return Solved(z, point, jacobian, value)


def _warn_of_jump(value: Any, jacobian: Any, answer: Any, problem: Problem) -> None:
    """Warn of an answer that is no root: how its place moves is not in the derivative."""
    with np.errstate(all="ignore"):
        step = _size(jacobian.solve(value) / problem.scale(answer))
    if not step <= _WRONG:
        at = ", ".join(f"{x:.8g}" for x in np.ravel(answer)[:3])
        problem.warn(
            f"the function jumps at {at}, and is not zero there (it is {_norm(value):.3g}): no "
            "root, and how this place moves with the inputs is not known"
        )


def _refined(residual: Any, answer: Any, value: Any, jacobian: Any, problem: Problem) -> Any:
    """Go from the answer to the root by Newton's method; return it, F there (traced), and J."""
    scale = problem.scale(answer)
    z, last = answer, np.inf
    for _ in range(5):
        _check_finite(concrete(value), z, problem)
        step = _newton_step(jacobian, concrete(value), problem)
        size = _size(step / scale)
        if size <= _CLOSE or (size > 0.3 * last and size <= _NOISE):
            break
        if not size <= 0.3 * last:
            raise problem.error(
                f"no regular {problem.unknown} at the answer, so its derivative cannot be trusted",
                f"Newton's method from the answer does not converge: a step of {size:.2e} follows "
                f"one of {last:.2e} (relative to the size of the unknowns; the residual there is "
                f"{_norm(value):.2e}); the Jacobian is singular, or the answer is none",
                "check that the problem has an isolated solution there, start nearer to it, or "
                "give the solver a smaller tolerance",
            )
        after = z - step
        following, other = linearised(residual, after, problem.kind)
        if not np.all(np.isfinite(concrete(following))) and size <= _SUSPECT:
            break  # the step leaves the domain: the answer itself is as near as one can come
        z, value, jacobian, last = after, following, other, size
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
    with Silence():  # an exactly singular matrix: seen below
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


def _check_distance(answer: Any, point: Any, problem: Problem) -> None:
    """Compare the answer with the root that Newton's method found from it."""
    away = np.abs(point - answer) / problem.scale(answer)
    distance = _size(away[: -problem.multipliers] if problem.multipliers else away)
    if distance > problem.wrong:
        raise problem.error(
            f"the answer is not a {problem.unknown}: the nearest one is {distance:.1e} away",
            f"relative to the size of the unknowns, of which {problem.wrong:.0e} is allowed; the "
            "solver stopped early or answered another question",
            "let the solver run on (maxiter=, tol=), and check its status",
        )
    if distance > problem.suspect or (problem.failure and distance > _NOISE):
        problem.warn(
            f"the answer lies {distance:.1e} (relative) from the {problem.unknown}; the derivative "
            f"is that of the {problem.unknown}, the value is the solver's"
        )


def _check_condition(jacobian: Any, residual: Any, z: Any, value: Any, problem: Problem) -> None:
    condition = jacobian.condition()
    if hasattr(jacobian, "entries"):
        condition = max(condition, _flatness(jacobian, residual, z, value, problem.scale(z)))
    if condition > _SINGULAR:
        raise _singular(problem, condition, value)
    if condition > _POOR:
        problem.warn(
            f"the Jacobian at the {problem.unknown} has condition number {condition:.1e}: about "
            f"{np.log10(condition):.0f} digits of the derivative are lost"
        )


def _flatness(jacobian: Any, residual: Any, z: Any, value: Any, scale: Any) -> float:
    """Compare one equation at its root with nearby: a multiple root is flat, and a pole is none.

    A wide bracket says nothing of how far the equation is straight, so steps are taken down to the
    size of the root, and to where its own error would be seen.
    """
    here, entries = concrete(value), np.abs(jacobian.entries)
    with muted(), np.errstate(all="ignore"):
        least = np.maximum(1e-4 * np.abs(z), 1e4 * np.abs(here) / entries)
        h, flat = 1e-4 * scale + 0.0 * least, True
        for _ in range(8):
            near = concrete(residual(z + h))
            bad = (np.abs(near - here) > 1e3 * entries * h) | (np.abs(near) < np.abs(here))
            flat = flat & np.isfinite(near) & bad
            if not np.any(flat) or np.all(h <= least):
                break
            h = np.maximum(h / 30, least)
    return np.inf if np.any(flat) else 1.0
