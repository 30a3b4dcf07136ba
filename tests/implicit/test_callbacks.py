"""Callbacks that cache, record and keep: the derivative is right, or an error says that it is lost.

Every way of caching goes with every solver. What a callback computes of the inputs alone is right
to keep; what it computes of the solver's own points is refused where it is used after the solve.
"""

import collections
import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import integrate, optimize

import chainrule
from chainrule.errors import LostDerivativeError

from .common import richardson

Helper = Callable[[], Any]


class _Property:
    def __init__(self, p: Any) -> None:
        self.p = p

    @functools.cached_property
    def k(self) -> Any:
        return self.p**2 + 1


class _Attribute:
    k = None

    def __init__(self, p: Any) -> None:
        self.p = p

    def get(self) -> Any:
        if self.k is None:
            self.k = self.p**2 + 1
        return self.k


def _property(p: Any) -> Helper:
    model = _Property(p)
    return lambda: model.k


def _lru(p: Any) -> Helper:
    @functools.lru_cache
    def k(shift: int) -> Any:
        return p**2 + shift

    return lambda: k(1)


def _dict(p: Any) -> Helper:
    memo: dict[str, Any] = {}

    def k() -> Any:
        if "k" not in memo:
            memo["k"] = p**2 + 1
        return memo["k"]

    return k


def _matrix(p: Any) -> Helper:
    memo: list[Any] = []

    def k() -> Any:
        if not memo:
            memo.append(np.array([[p, 1.0], [0.0, p]]))
        return memo[0][0, 0] * memo[0][1, 1] + memo[0][0, 1]

    return k


def _nonlocal(p: Any) -> Helper:
    held = None

    def k() -> Any:
        nonlocal held
        if held is None:
            held = p**2 + 1
        return held

    return k


_held: dict[str, Any] = {}
_number: Any = None


def _global(p: Any) -> Helper:
    global _number
    _number = None

    def k() -> Any:
        global _number
        if _number is None:
            _number = p**2 + 1
        return _number

    return k


def _generator(p: Any) -> Helper:
    def forever() -> Any:
        k = p**2 + 1
        while True:
            yield k

    numbers = forever()
    return lambda: next(numbers)


def _default(p: Any) -> Helper:
    def k(held: list[Any] = []) -> Any:  # noqa: B006
        if not held or held[0] is not p:
            held[:] = [p, p**2 + 1]
        return held[1]

    return k


def _buffer(p: Any) -> Helper:
    table = np.zeros(2)

    def k() -> Any:
        if table[1] == 0.0:
            table[0], table[1] = p**2, 1.0
        return table[0] + table[1]

    return k


CACHES = {
    "cached_property": _property,
    "an attribute": lambda p: _Attribute(p).get,
    "lru_cache": _lru,
    "a dict": _dict,
    "a matrix built first": _matrix,
    "nonlocal": _nonlocal,
    "global": _global,
    "a generator": _generator,
    "a default": _default,
    "a buffer": _buffer,
}
_T = np.linspace(0.0, 1.0, 6)
_Y = np.exp(-0.5 * _T) + 0.01 * np.cos(9 * _T)


def _bvp(k: Helper) -> Any:
    return integrate.solve_bvp(
        lambda x, y: np.vstack([y[1], -k() * y[0]]), lambda a, b: np.array([a[0], b[0] - 1]),
        np.linspace(0, 1, 9), np.ones((2, 9)), tol=1e-8,
    ).sol(0.4)[0]  # fmt: skip


SOLVERS: dict[str, Callable[[Helper], Any]] = {
    "brentq": lambda k: optimize.brentq(lambda x: x**3 + k() * x - 2, 0, 5, xtol=1e-14),
    "newton": lambda k: optimize.newton(lambda x: x**3 + k() * x - 2, 1.0, tol=1e-14),
    "root_scalar": lambda k: optimize.root_scalar(
        lambda x: x**3 + k() * x - 2, bracket=(0, 5), xtol=1e-14
    ).root,
    "root": lambda k: optimize.root(lambda x: x**3 + k() * x - 2, [1.0, 1.2], tol=1e-13).x[1],
    "fsolve": lambda k: optimize.fsolve(lambda x: x**3 + k() * x - 2, 1.0, xtol=1e-12)[0],
    "fixed_point": lambda k: optimize.fixed_point(lambda x: np.cos(k() * x) / 4, 0.5, xtol=1e-13),
    "minimize": lambda k: optimize.minimize(
        lambda x: np.sum((x - k()) ** 2) + np.sum(x**4), [1.0, 2.0], tol=1e-12
    ).x[1],
    "minimize_scalar": lambda k: optimize.minimize_scalar(
        lambda x: (x - k()) ** 2 + x**2, tol=1e-10
    ).x,
    "least_squares": lambda k: optimize.least_squares(
        lambda z: np.stack([z[0] - k(), z[1] * k() - z[0] ** 2, 0.1 * z[1]]), [1.0, 1.0],
        xtol=1e-15, ftol=1e-15, gtol=1e-15,
    ).x[1],
    "curve_fit": lambda k: optimize.curve_fit(
        lambda t, a, b: a * np.exp(-b * k() * t), _T, _Y, p0=[1.0, 0.5], xtol=1e-15, ftol=1e-15
    )[0][1],
    "quad": lambda k: integrate.quad(lambda t: np.exp(-k() * t), 0, 1)[0],
    "solve_ivp": lambda k: integrate.solve_ivp(
        lambda t, y: -k() * y, (0, 1), [1.0], rtol=1e-10, atol=1e-12
    ).y[0, -1],
    "Radau": lambda k: integrate.solve_ivp(
        lambda t, y: -k() * y, (0, 1), [1.0], rtol=1e-10, atol=1e-12, method="Radau"
    ).y[0, -1],
    "odeint": lambda k: integrate.odeint(
        lambda y, t: -k() * y, [1.0], [0, 1.0], rtol=1e-11, atol=1e-12
    )[-1, 0],
    "solve_bvp": _bvp,
}  # fmt: skip


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("cache", CACHES)
def test_what_depends_on_the_inputs_alone_may_be_cached(cache: str, solver: str) -> None:
    make, solve = CACHES[cache], SOLVERS[solver]
    f = lambda p: solve(make(p))  # noqa: E731
    value, gradient = chainrule.value_and_grad(f)(1.2)
    assert value == f(1.2)
    expected = chainrule.grad(lambda p: solve(lambda: p**2 + 1))(1.2)
    # a callback that keeps something goes on without a program; `odeint` then by a companion
    rtol = 1e-10 if solver == "odeint" else 1e-12
    np.testing.assert_allclose(gradient, expected, rtol=rtol)
    np.testing.assert_allclose(chainrule.jvp(f, (1.2,), (1.0,))[1], expected, rtol=rtol)


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_oracle(solver: str) -> None:
    solve = SOLVERS[solver]
    f = lambda p: solve(lambda: p**2 + 1)  # noqa: E731
    tol = 1e-4 if solver.startswith("minimize") else 1e-6
    np.testing.assert_allclose(chainrule.grad(f)(1.2), richardson(f, 1.2), rtol=tol)


# --- what is kept of the solver's own points ------------------------------------------------------


def _best(p: Any) -> Any:
    best = [np.inf, None]

    def objective(x: Any) -> Any:
        value = (x - p) ** 2 + 0.3 * x
        if value < best[0]:
            best[:] = [value, x]
        return value

    optimize.minimize_scalar(objective)
    return best[1]


def _iterates(p: Any) -> Any:
    seen: list[Any] = []
    optimize.minimize(lambda x: np.sum((x - p) ** 2), [0.5], callback=seen.append)
    return seen[-1][0]


def _copies(p: Any) -> Any:
    seen: list[Any] = []
    optimize.minimize(
        lambda x: np.sum((x - p) ** 2), [0.5], callback=lambda xk: seen.append(np.copy(xk))
    )
    return 2 * seen[-1][0]


class _Found(Exception):
    pass


def _carried_out(p: Any) -> Any:
    def f(x: Any) -> Any:
        if abs(x**2 - p) < 1e-9:
            raise _Found(x)
        return x**2 - p

    try:
        optimize.brentq(f, 0, 5)
    except _Found as found:
        return found.args[0]
    return 0 * p


def _last(p: Any) -> Any:
    held = None

    def f(x: Any) -> Any:
        nonlocal held
        held = p * x
        return x**3 + held - 2

    optimize.brentq(f, 0, 5)
    return held


def _into_a_buffer(p: Any) -> Any:
    held = np.zeros(2)

    def f(x: Any) -> Any:
        held[0], held[1] = p * x, x
        return x**3 + held[0] - 2

    optimize.brentq(f, 0, 5)
    return held[1]


def _of_an_equation(p: Any) -> Any:
    held: dict[str, Any] = {}

    def rhs(t: Any, y: Any) -> Any:
        held["flux"] = p * y[0]
        return np.stack([-held["flux"]])

    integrate.solve_ivp(rhs, (0, 1), [1.0])
    return held["flux"]


def _of_an_inner_solve(p: Any) -> Any:
    held: dict[str, Any] = {}

    def f(x: Any) -> Any:
        held["c"] = optimize.brentq(lambda u: u**3 + u - x - p, -5, 5)
        return x**3 + held["c"] * x - 2

    optimize.brentq(f, 0, 5)
    return held["c"]


class _Slots:
    __slots__ = ("last",)


class _Class:
    last: Any = None


def _holders() -> dict[str, tuple[Any, Any]]:
    """How a callback keeps a value, and how it is read; each holder is new."""
    slots, deque = _Slots(), collections.deque([0.0], maxlen=1)
    counter: Any = collections.Counter()
    ordered: Any = collections.OrderedDict(a=0.0)
    made: Any = collections.defaultdict(float)
    nested: dict[str, list[Any]] = {"all": []}

    def function() -> None: ...

    return {
        "a function": (lambda v: setattr(function, "last", v), lambda: function.last),  # type: ignore[attr-defined]
        "a class": (lambda v: setattr(_Class, "last", v), lambda: _Class.last),
        "slots": (lambda v: setattr(slots, "last", v), lambda: slots.last),
        "a deque": (deque.append, lambda: deque[-1]),
        "a counter": (lambda v: counter.__setitem__("a", v), lambda: counter["a"]),
        "an ordered dict": (lambda v: ordered.__setitem__("a", v), lambda: ordered["a"]),
        "a default dict": (lambda v: made.__setitem__("a", v), lambda: made["a"]),
        "a list in a dict": (nested["all"].append, lambda: nested["all"][-1]),
    }


@pytest.mark.parametrize("name", _holders())
def test_where_a_callback_keeps_the_point(name: str) -> None:
    """The engine's own calls, at the answer, leave nothing there that would pass for the answer."""

    def f(p: Any) -> Any:
        keep, read = _holders()[name]

        def equation(x: Any) -> Any:
            keep(x)
            return x**3 + p * x - 2

        return optimize.brentq(equation, 0, 5) * read()

    for mode in (chainrule.grad, chainrule.derivative):
        with pytest.raises(LostDerivativeError, match="computed inside brentq"):
            mode(f)(1.2)


KEPT = {
    "the best point": _best,
    "iterates": _iterates,
    "copies of iterates": _copies,
    "in an exception": _carried_out,
    "the last value": _last,
    "in a buffer": _into_a_buffer,
    "of a differential equation": _of_an_equation,
    "of an inner solve": _of_an_inner_solve,
}


@pytest.mark.parametrize("name", KEPT)
@pytest.mark.parametrize("mode", ["grad", "jvp", "hessian"])
def test_what_is_kept_of_the_points_is_refused(name: str, mode: str) -> None:
    f = KEPT[name]
    derivative = getattr(chainrule, mode)
    call = (f, (1.2,), (1.0,)) if mode == "jvp" else (f,)
    with pytest.raises(LostDerivativeError, match="computed inside") as caught:
        derivative(*call) if mode == "jvp" else derivative(*call)(1.2)
    assert "at the answer" in caught.value.cure


def test_the_cure() -> None:
    def f(p: Any) -> Any:
        held: dict[str, Any] = {}

        def equation(x: Any) -> Any:
            held["flux"] = p * x
            return x**3 + held["flux"] - 2

        answer = optimize.brentq(equation, 0, 5, xtol=1e-14)
        equation(answer)
        return held["flux"]

    np.testing.assert_allclose(chainrule.grad(f)(1.2), richardson(f, 1.2), rtol=1e-7)


def test_a_cache_of_the_last_point_that_objective_and_gradient_share() -> None:
    class Model:
        x = None

        def __init__(self, p: Any) -> None:
            self.p = p

        def run(self, x: Any) -> Any:
            if self.x is None or not np.array_equal(x, self.x):
                self.x, self.y = np.copy(x), np.exp(-self.p * x)
            return self.y

        def objective(self, x: Any) -> Any:
            return np.sum((self.run(x) - x) ** 2)

        def gradient(self, x: Any) -> Any:
            return 2 * (self.run(x) - x) * (-self.p * self.run(x) - 1)

    def f(p: Any) -> Any:
        m = Model(p)
        return optimize.minimize(m.objective, [0.5, 0.6], jac=m.gradient, tol=1e-12).x[0]

    np.testing.assert_allclose(chainrule.grad(f)(1.2), richardson(f, 1.2), rtol=1e-6)


def test_what_is_recorded_is_as_without_a_derivative() -> None:
    def f(p: Any) -> Any:
        calls = 0
        seen: list[Any] = []

        def g(x: Any) -> Any:
            nonlocal calls
            calls += 1
            seen.append(x)
            return x**3 + p * x - 2

        root = optimize.brentq(g, 0, 5)
        return root * calls * len(seen)

    assert chainrule.value_and_grad(f)(1.2)[0] == f(1.2)
    history: list[Any] = []
    chainrule.grad(lambda p: optimize.brentq(lambda x: history.append(x) or x**2 - p, 0, 5))(1.2)
    plain: list[Any] = []
    optimize.brentq(lambda x: plain.append(x) or x**2 - 1.2, 0, 5)
    np.testing.assert_array_equal(np.array(history, float), plain)  # and may be looked at after
    assert [float(x) + 1 for x in history] == [x + 1 for x in plain]


def test_a_decision_by_what_was_recorded_is_ordinary() -> None:
    def f(p: Any) -> Any:
        errors: list[Any] = []

        def g(x: Any) -> Any:
            errors.append(abs(x**2 - p))
            return x**2 - p

        root = optimize.brentq(g, 0, 5)
        return root if min(errors) < 1e-6 and errors[-1] < errors[0] else 0 * p

    np.testing.assert_allclose(chainrule.grad(f)(1.2), 0.5 / np.sqrt(1.2), rtol=1e-9)


def test_a_buffer_that_the_callback_fills() -> None:
    def f(p: Any) -> Any:
        slope = np.zeros(2)

        def rhs(t: Any, y: Any) -> Any:
            slope[0], slope[1] = y[1], -p * y[0]
            return slope.copy()

        return integrate.solve_ivp(rhs, (0, 1), [1.0, 0.0], rtol=1e-10, atol=1e-12).y[0, -1]

    assert chainrule.value_and_grad(f)(1.2)[0] == f(1.2)
    np.testing.assert_allclose(chainrule.grad(f)(1.2), richardson(f, 1.2), rtol=1e-6)


def test_a_solve_of_constants_may_hold_anything() -> None:
    def opaque(x: Any) -> float:  # as compiled code: plain numbers only
        if type(x) not in (float, np.float64):
            raise TypeError(type(x))
        return float(x) ** 2 - 2.0

    def f(p: Any) -> Any:
        return p * optimize.brentq(opaque, 0, 5) + p * optimize.minimize_scalar(opaque).x

    np.testing.assert_allclose(chainrule.grad(f)(1.2), np.sqrt(2.0), rtol=1e-6)
    bounded = lambda p: optimize.minimize(  # noqa: E731
        lambda x: np.sum((x - 3.0) ** 2), [0.5], bounds=optimize.Bounds(np.stack([0 * p]), p)
    ).x[0]
    np.testing.assert_allclose(chainrule.grad(bounded)(1.2), 1.0)
