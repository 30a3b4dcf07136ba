"""Initial value problems of `scipy.integrate`: discretise, then differentiate.

SciPy solves on plain numbers. Its accepted steps are then taken again, of the same lengths, in
ordinary operations, and those are differentiated: the derivative is that of the discrete solution,
and the control of the step size is not part of it. The values stay SciPy's.

RK23, RK45 and DOP853 are replayed exactly, Radau by the same stages, BDF by its recurrence
(`multistep`). LSODA and `odeint` keep a history that nobody sees: small systems are solved together
with their sensitivities, and of others the derivative is that of a companion with the same
tolerances, DOP853 where that is cheap and else Radau; a warning tells where two solutions part.
A right-hand side that only computes runs as a program (`callbacks`).
Times (`t_span`, `t_eval`, events) carry derivatives too, by a step of length zero.
"""

import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
from scipy import integrate

from ..core.settings import Silence
from ..errors import ImplicitWarning, UnsupportedFunctionError
from ..tracing.running import tell
from ..tracing.source import describe, user_frame
from ..tracing.tracer import concrete, muted
from .answers import (
    Problem,
    any_traced,
    attach,
    differentiated,
    fixed_scalars,
    is_traced,
    plain,
    run,
    vector,
)
from .callbacks import Callback, LeftError, holders, taken
from .calls import arguments, solver
from .crossings import Along, Beside, Crossings, moved, share, sides
from .inside import State as Kept
from .multistep import Multistep, recording
from .places import unnoted
from .sensitivities import along
from .steps import Explicit, Implicit, Step, zero_step

Function = Callable[..., Any]
fixed_scalars.update((integrate.solve_ivp, integrate.odeint))
_EXPLICIT = {"RK23": integrate.RK23, "RK45": integrate.RK45, "DOP853": integrate.DOP853}


class Trajectory:
    """A replayed solution: its steps, and its value at any time."""

    def __init__(self, f: Function, replay: Any, y0: Any, t0: Any) -> None:
        self.f, self.replay = f, replay
        y0 = np.atleast_1d(vector(y0))
        self.y0 = y0 if y0.dtype.kind in "fc" else y0.astype(float)
        self.t0 = t0
        self.steps: list[Step] = []
        self.crossings = None if type(f) is Callback else Crossings(f)  # programs decide nothing
        self.crossed = False
        self.ends: list[float] = []
        self.decides = False  # whether anything is decided on the way
        self.width = 0.0
        self.last: Any = 0.0  # what a place at the last time adds there

    def extend(self, steps: list[tuple[float, float, Any]], last: Any = None) -> None:
        """Replay steps (from, to, plain value at the end); `last` is the time where they stop."""
        at = float(plain(self.t0))
        if steps:
            self.width = steps[-1][1] - at
        if steps and self.crossings is not None:
            self.decides = self.crossings.start(at, self.y0, self.width)
        first, more = at, 0.0
        near = self._sides(Beside(self.f, at, self.y0), at) if self.decides else None
        if near is not None:
            first, more = near[1], share(self.f, self.t0, self.y0, near, self.width)
            self.crossed = True
        self.start = self.y0
        if is_traced(self.t0):
            self.start = zero_step(self.f, self.t0 + (first - at), self.y0, at - self.t0)
        y = self.start + more
        stop = steps[-1][1] if steps and last is not None else None
        for t, after, guess in steps:
            self.replay.decides = bool(self.crossings and self.crossings.before)
            step = self.replay.step(t, y, after - t, guess)
            if self.crossings is not None and self.crossings.after(step, self.replay.at, stop):
                self.crossed, self.replay.last = True, None
            self.steps.append(step)
            self.ends.append(after)
            y = self._within(step, after)
        self.decides = self.decides or bool(self.crossings and self.crossings.before)
        if stop is not None and self.decides:
            near = self._sides(Beside(self.f, stop, y), stop)
            if near is not None:
                self.last, self.crossed = share(self.f, last, y, near, self.width), True

    def _sides(self, path: Any, at: float) -> tuple[float, float] | None:
        return sides(path, at, self.width) if self.decides and self.width else None

    def __call__(self, t: float) -> Any:
        if not self.steps or t == self.steps[0].t:
            return self.start
        y = self._within(self._step(t), t)
        return y + self.last if t == self.ends[-1] else y

    def _step(self, t: float) -> Step:
        sign = np.sign(self.steps[0].h)
        i = int(np.searchsorted(sign * np.array(self.ends), sign * t, side="left"))
        return self.steps[min(i, len(self.steps) - 1)]

    def _within(self, step: Step, t: float) -> Any:
        y = self.replay.at(step, t)
        for right, move in step.moves:
            if (t - right) * step.h >= 0:
                y = y + moved(self.f, right, self.replay.at(step, right), move, t - right)
        return y

    def before(self, t: float) -> float:
        """Return a time, or where something is decided there the one from which it comes."""
        near = self.steps and self._sides(Along(self.f, self._step(t), self.replay.at), t)
        if not near:
            return t
        return near[t == self.steps[0].t]

    def moved(self, t: Any, at: float) -> Any:
        """Return the value at a time that may be traced; `at` is its plain value."""
        y = self(at)
        return zero_step(self.f, self.before(at), y, t - at) if is_traced(t) else y


def right_hand_side(fun: Function, args: Any, vectorized: bool, first: bool = True) -> Function:
    """Return (t, y) ↦ fun(t, y, *args) as an array; without `first` fun takes (y, t)."""
    args = () if args is None else tuple(args)

    def f(t: Any, y: Any) -> Any:
        if vectorized:
            return np.ravel(vector(fun(t, y[:, None], *args)))
        value = vector(fun(t, y, *args) if first else fun(y, t, *args))
        return np.reshape(value, y.shape) if value.shape != y.shape else value

    f.holders = (fun, *args)  # type: ignore[attr-defined]
    return f


def _recording(method: Any, log: list[tuple[float, float, Any]]) -> Any:
    """Return a solver class that notes the steps it accepts."""

    class Recorded(method):  # type: ignore[misc]
        def _step_impl(self) -> Any:
            t = self.t
            done = super()._step_impl()
            if done[0]:
                log.append((float(t), float(self.t), np.array(self.y)))
            return done

    Recorded.__name__ = method.__name__
    return Recorded


# --- solve_ivp ----------------------------------------------------------------------------------


@solver(integrate.solve_ivp)
def solve_ivp(fun: Function, t_span: Any, y0: Any, *args: Any, **kwargs: Any) -> Any:
    """Solve an initial value problem; `t`, `y`, `sol` and the events are differentiated.

    Times that do not depend on the inputs stay constant. An event must cross zero, not touch it.
    """
    given = arguments(integrate.solve_ivp, (fun, t_span, y0, *args), kwargs)
    options = given.pop("options", {})
    f = right_hand_side(fun, given["args"], given["vectorized"])
    programs = taken(f, t_span[0], y0)
    if programs is not None:
        events = given["events"]
        events = [events] if callable(events) else list(events or ())
        kept = Kept([fun, *events, *filter(callable, [options.get("jac")])])
        with suppress(LeftError):
            return _solved(fun, f, programs, t_span, y0, given, options)
        kept.undo()
    return _solved(fun, f, None, t_span, y0, given, options)


def _solved(
    fun: Function, f: Function, programs: Callback | None, t_span: Any, y0: Any, given: Any,
    options: Any,
) -> Any:  # fmt: skip
    """Solve, by the programs of f where there are any, and differentiate."""
    method = given["method"]
    kind = getattr(integrate, method) if isinstance(method, str) else method
    call = {k: v for k, v in given.items() if k not in ("fun", "t_span", "y0")}
    log: list[Any] = []
    multistep = kind is integrate.BDF and programs is not None and not is_traced(t_span[0])
    exact = kind in (*_EXPLICIT.values(), integrate.Radau)
    if exact:
        call["method"] = _recording(kind, log)
    elif multistep:
        call["method"] = recording(log)
    with unnoted():  # what SciPy meets is met again
        if programs is None or not programs.pure.exact or given["events"] is not None:
            result = run(integrate.solve_ivp, fun, t_span, y0, **call, **options)
        else:
            result = _by_programs(programs, t_span, y0, call, options)
    if programs is not None and programs.state.differs():
        raise LeftError  # an event, or its Jacobian, has changed what f reads
    last = t_span[1] if result.status == 0 else None
    f = f if programs is None else programs
    tolerances = None
    path: Any = None
    if multistep:
        at = np.concatenate([result.t, *(result.t_events or ())])
        path = Multistep(f, y0, log, None if result.sol is not None else at)
        path = path if path.follow() else None
    if exact:
        path = replayed(f, kind, y0, t_span[0])
        path.extend(log, last)
        tell("steps")
    elif path is None:
        _check_known(kind)
        tolerances = {k: plain(options.get(k, d)) for k, d in (("rtol", 1e-3), ("atol", 1e-6))}
        if _followed(result, f, y0, given, t_span, tolerances):
            return result
        path = companion(f, y0, t_span, tolerances, result.nfev, kind is integrate.BDF, last)
    _deliver(result, path, given, t_span, tolerances)
    return result


def _followed(result: Any, f: Any, y0: Any, given: Any, t_span: Any, tolerances: Any) -> bool:
    """Differentiate the states of a solution by LSODA by sensitivities, if that can be done."""
    whole = result.sol is None and result.t_events is None and result.t.size > 1
    if type(f) is not Callback or not whole or any_traced([*t_span, given["t_eval"]]):
        return False
    times = result.t if result.t[0] == t_span[0] else np.append(t_span[0], result.t)
    y = result.y.T if len(times) == result.t.size else np.vstack([result.y[:, 0], result.y.T])
    found = along(f, y0, y, np.asarray(times, dtype=float), **tolerances)
    if found is None:
        return False
    parted(result.y.T, found[1][-result.t.size :], tolerances, "solve_ivp")
    result.y = attach(result.y, found[0][-result.t.size :].T)
    return True


def _by_programs(f: Callback, t_span: Any, y0: Any, call: Any, options: Any) -> Any:
    """Let SciPy solve with the program of the right-hand side."""
    call = {k: plain(v) for k, v in (call | options).items()}
    args, jac = call["args"] or (), call.get("jac")
    if callable(jac):
        call["jac"] = lambda t, y: plain(jac(t, y, *args))
    call |= {"args": None, "vectorized": False}
    with muted():
        return integrate.solve_ivp(f.at, plain(t_span), plain(y0), **call)


def replayed(f: Function, kind: Any, y0: Any, t0: Any) -> "Trajectory":
    """Return what takes the steps of a method again."""
    return Trajectory(f, Implicit(f) if kind is integrate.Radau else Explicit(kind, f), y0, t0)


def _check_known(kind: Any) -> None:
    if kind in (integrate.BDF, integrate.LSODA):
        return
    raise UnsupportedFunctionError(
        f"solve_ivp with the method {getattr(kind, '__name__', kind)} has no derivative",
        where=describe(user_frame(1)),
        why="how a solver of one's own steps is not known, so its steps cannot be taken again",
        cure="write method='RK45', 'DOP853' or 'Radau' in the place of method=‹method›",
    )


def _deliver(
    result: Any, path: Trajectory, given: Any, t_span: Any, tolerances: Any = None
) -> None:
    """Put the derivatives into the result: states, times, events, and the continuous solution."""
    stopped = _events(result, path, given)
    t, y = np.asarray(result.t), np.asarray(result.y)
    times = list(t)
    if given["t_eval"] is not None:
        if any_traced(given["t_eval"]):
            wanted = vector(given["t_eval"])
            times = [wanted[i] for i in range(t.size)]
    elif t.size:
        times[0] = t_span[0] if is_traced(t_span[0]) else times[0]
        if stopped is not None:
            times[-1] = stopped
        elif is_traced(t_span[1]) and result.status == 0:
            times[-1] = t_span[1]
    columns = [path.moved(when, float(at)) for when, at in zip(times, t, strict=True)]
    if columns and any_traced(columns):
        stacked = np.stack(columns, axis=1)
        if tolerances is not None:
            parted(y, stacked, tolerances, "solve_ivp")
        else:
            _compared(y, np.asarray(concrete(stacked)), path.crossed)
        result.y = attach(y, stacked)
    if any_traced(times):
        result.t = attach(t, np.stack(times))
    if result.sol is not None:
        result.sol = Continuous(result.sol, path)


def _compared(y: Any, again: Any, crossed: bool) -> None:
    """Warn where the steps, taken again, lead elsewhere: the right-hand side keeps something."""
    away = float(np.max(np.abs(again - y), initial=0.0) / max(np.max(np.abs(y)), 1e-300))
    if away > 1e-6 and not crossed:
        warnings.warn(
            f"solve_ivp: the steps taken again give values that differ by {away:.1e} (relative) "
            "from SciPy's, and the derivative is that of the steps taken again. A right-hand side "
            "that returns the same array at every call must return a copy of it: SciPy keeps what "
            f"it gets ({describe(user_frame(2))})",
            ImplicitWarning,
            stacklevel=3,
        )


class Continuous:
    """The continuous solution: SciPy's values with the derivatives of the replayed steps."""

    def __init__(self, sol: Any, path: Trajectory) -> None:
        self._sol, self._path = sol, path

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._sol, name)

    def __call__(self, t: Any) -> Any:
        t = vector(t)
        at = np.asarray(plain(t))
        value = run(self._sol, at)
        if at.ndim == 0:
            return attach(value, self._path.moved(t, float(at)))
        columns = [self._path.moved(t[i], float(v)) for i, v in enumerate(at)]
        return attach(value, np.stack(columns, axis=1))


# --- events ----------------------------------------------------------------------------------


def _events(result: Any, path: Trajectory, given: Any) -> Any:
    """Differentiate times and states of the events; return the time of the one that ended it."""
    if result.t_events is None:
        return None
    events = given["events"]
    events = [events] if callable(events) else list(events)
    args = () if given["args"] is None else tuple(given["args"])
    sign = float(np.sign(plain(given["t_span"][1]) - plain(given["t_span"][0])))
    last, ended = None, -np.inf
    times, states = [], []
    for event, t, y in zip(events, result.t_events, result.y_events, strict=True):
        found = [_event(event, args, path, float(at)) for at in t]
        for at, (when, _) in zip(t, found, strict=True):
            if sign * at > ended:
                ended, last = sign * at, when
        traced = any_traced(found)
        times.append(attach(t, np.stack([w for w, _ in found])) if traced else t)
        states.append(attach(y, np.stack([s for _, s in found])) if traced else y)
    result.t_events, result.y_events = times, states
    return last if result.status == 1 else None


def _event(event: Function, args: Any, path: Trajectory, at: float) -> tuple[Any, Any]:
    """Return time and state of one event: g(t, y(t)) = 0 is differentiated at the answer."""
    side = path.before(at)
    y = path(side)

    def crossing(u: Any) -> Any:
        value = vector(event(at + u, zero_step(path.f, side, y, u), *args))
        return np.reshape(value, ())

    problem = Problem("solve_ivp", at, unknown="event")
    problem.begun = False
    u = differentiated(crossing, np.float64(0.0), problem)
    when = np.float64(at) + u
    return when, zero_step(path.f, side, y, u) if is_traced(u) else y


# --- companions --------------------------------------------------------------------------------


class _TooLongError(Exception):
    """A companion needs more evaluations than it may."""


def companion(
    f: Function, y0: Any, t_span: Any, tolerances: Any, cost: int, stiff: bool, last: Any
) -> Trajectory:
    """Solve again by a method whose steps can be replayed: DOP853, or Radau where that is dear."""
    span = (float(plain(t_span[0])), float(plain(t_span[-1])))
    start = np.atleast_1d(np.asarray(plain(vector(y0))))
    start = start if start.dtype.kind in "fc" else start.astype(float)
    kept = Kept(holders(f))
    for kind in (integrate.Radau,) if stiff else (integrate.DOP853, integrate.Radau):
        log: list[tuple[float, float, Any]] = []
        budget = 20 * cost + 2000 if kind is integrate.DOP853 else np.inf
        spent = 0

        def counted(t: Any, y: Any, budget: float = budget) -> Any:
            nonlocal spent
            spent += 1
            if spent > budget:
                raise _TooLongError
            return f.at(t, y) if type(f) is Callback else plain(f(t, y))

        if span[0] == span[1]:
            done = None
        else:
            try:
                with muted(), Silence():
                    done = integrate.solve_ivp(
                        counted, span, start, method=_recording(kind, log), **tolerances
                    )
            except _TooLongError:
                continue
            finally:
                kept.undo()  # what it has kept of the inputs was plain
            if not done.success and kind is integrate.DOP853:
                continue
        break
    path = replayed(f, kind, y0, t_span[0])
    path.extend(log, last)
    return path


def parted(value: Any, traced: Any, tolerances: Any, name: str) -> None:
    """Warn where a solution and its companion differ by much more than the tolerances."""
    value, other = np.asarray(plain(value)), np.asarray(concrete(traced))
    scale = tolerances["atol"] + tolerances["rtol"] * np.abs(value)
    ratio = float(np.max(np.abs(value - other) / scale, initial=0.0))
    if ratio > 1e3:
        warnings.warn(
            f"{name}: the solution differs from that of the method it is differentiated by, by "
            f"{np.max(np.abs(value - other)):.2e}, {ratio:.0f} times the tolerance "
            f"({describe(user_frame(2))})",
            ImplicitWarning,
            stacklevel=3,
        )


# --- odeint and the classes ----------------------------------------------------------------------


@solver(integrate.odeint)
def odeint(func: Function, y0: Any, t: Any, *args: Any, **kwargs: Any) -> Any:
    """Solve an initial value problem; the derivative is that of a companion (see the module)."""
    given = arguments(integrate.odeint, (func, y0, t, *args), kwargs)
    f = right_hand_side(func, _tuple(given["args"]), False, bool(given["tfirst"]))
    times = vector(t)
    start = times[0] if np.size(concrete(times)) else 0.0
    programs = None if is_traced(start) or given["Dfun"] else taken(f, plain(start), y0)
    if programs is not None:
        call = {k: plain(v) for k, v in given.items()} | {"func": programs.at, "tfirst": True}
        with suppress(LeftError):
            if programs.pure.exact:
                with muted():
                    found = integrate.odeint(**call | {"args": ()})
            else:
                found = run(integrate.odeint, func, y0, t, *args, **kwargs)
            return _odeint(found, programs, y0, times, given)
    found = run(integrate.odeint, func, y0, t, *args, **kwargs)
    return _odeint(found, f, y0, times, given)


def _odeint(found: Any, f: Function, y0: Any, times: Any, given: Any) -> Any:
    """Differentiate what `odeint` found."""
    values = found[0] if given["full_output"] else found
    at = np.asarray(plain(times), dtype=float)
    tolerances = {k: 1.49012e-8 if given[k] is None else plain(given[k]) for k in ("rtol", "atol")}
    plainly = type(f) is Callback and not is_traced(times)
    if plainly and (both := along(f, y0, values, at, **tolerances)) is not None:
        parted(values, both[1], tolerances, "odeint")
        y = attach(values, both[0])
        return (y, *found[1:]) if given["full_output"] else y
    cost = int(found[1]["nfe"][-1]) if given["full_output"] and at.size > 1 else 200 * at.size
    path = companion(f, y0, times, tolerances, cost, False, times[-1])
    rows = [path.moved(times[i], float(v)) for i, v in enumerate(at)]
    if not any_traced(rows):
        return found
    stacked = np.stack(rows)
    parted(values, stacked, tolerances, "odeint")
    y = attach(values, stacked)
    return (y, *found[1:]) if given["full_output"] else y


def _tuple(args: Any) -> tuple[Any, ...]:
    return args if isinstance(args, tuple) else (args,)
