"""Planted failures: each is reported, with numbers, and none gives a wrong gradient in silence."""

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import integrate, optimize

import chainrule
from chainrule.errors import ChainRuleError, ImplicitError, ImplicitWarning
from chainrule.implicit import implicit

REFUSED: dict[str, tuple[Callable[[Any], Any], float]] = {
    "a double root": (lambda a: optimize.newton(lambda x: (x - a) ** 2, 0.5, maxiter=200), 1.0),
    "a pole": (lambda a: optimize.brentq(lambda x: 1 / (x - a), -1.03, 2.1), 0.5),
    "stopped early": (
        lambda a: optimize.newton(lambda x: x**2 - a, 10.0, maxiter=2, disp=False), 3.0
    ),
    "root stopped early": (
        lambda a: optimize.root(lambda x: x**3 - a, [5.0], options={"maxfev": 3}).x[0], 3.0
    ),
    "no root": (lambda a: optimize.fsolve(lambda x: x**2 + a, 1.0)[0], 3.0),
    "a singular Jacobian": (
        lambda a: optimize.fsolve(
            lambda x: [x[0] + x[1] - a, 2 * x[0] + 2 * x[1] - 2 * a], [1.0, 1.0]
        )[0],
        3.0,
    ),
    "minima in a row": (
        lambda a: optimize.minimize(lambda x: (x[0] + x[1] - a) ** 2, [1.0, 1.0]).x[0], 3.0
    ),
    "a flat minimum": (lambda a: optimize.minimize(lambda x: (x[0] - a) ** 4, [1.0]).x[0], 3.0),
    "a minimiser stopped early": (
        lambda a: optimize.minimize(
            lambda x: (x[0] - a) ** 2 + 10 * (x[1] - x[0] ** 2) ** 2, [-3.0, 3.0],
            options={"maxiter": 2},
        ).x[0],
        1.0,
    ),
    "a minimum at a kink": (
        lambda a: optimize.minimize(lambda x: np.abs(x[0] - a), [0.3], method="Nelder-Mead").x[0],
        1.0,
    ),
    "a degenerate vertex": (
        lambda a: optimize.linprog(
            [-1.0, -1], A_ub=[[1.0, 0], [0, 1], [1, 1]], b_ub=[a, a, 2 * a]
        ).x[0],
        1.0,
    ),
    "an edge of optima": (
        lambda a: optimize.linprog([-1.0, -1], A_ub=[[1.0, 1]], b_ub=[a]).x[0], 1.0
    ),
    "redundant equations": (
        lambda a: optimize.linprog(
            [1.0, 2], A_eq=[[1.0, 1], [2, 2]], b_eq=[a, 2 * a]
        ).x[0],
        1.0,
    ),
    "parameters that cannot be told apart": (
        lambda a: optimize.curve_fit(
            lambda x, p, q: (p + q) * x, np.arange(5.0), a * np.arange(5.0), p0=[1, 1]
        )[0][0],
        0.3,
    ),
    "columns that cannot be told apart": (
        lambda a: optimize.lsq_linear(np.ones((3, 2)), np.ones(3) * a).x[0], 0.3
    ),
    "NaN at the answer": (
        implicit(residual=lambda z, a: np.log(z - 5) - a)(lambda a: 2.0), 1.0
    ),
    "a solver that answers wrongly": (
        implicit(residual=lambda z, a: z**2 - a)(lambda a: 1.3), 3.0
    ),
    "an event that touches": (
        lambda a: integrate.solve_ivp(
            lambda t, y: [1.0], (0, 3), [-1.0], events=lambda t, y: y[0] + 0 * a * t - 0.5 * a,
        ).t_events[0][0] * optimize.newton(lambda x: (x - a) ** 2, 0.5, maxiter=200),
        1.0,
    ),
    "mixed integers": (
        lambda a: optimize.milp(
            np.array([-1.0, -1.0]), integrality=[1, 0],
            constraints=optimize.LinearConstraint(np.eye(2), -np.inf, np.ones(2) * 1.5 * a),
        ).x[1],
        1.0,
    ),
}  # fmt: skip

WARNED: dict[str, tuple[Callable[[Any], Any], float]] = {
    "a bound without force": (
        lambda a: optimize.minimize(lambda x: (x[0] - a) ** 2, [2.0], bounds=[(0, None)]).x[0],
        0.0,
    ),
    "a constraint without force": (
        lambda a: optimize.minimize(
            lambda x: (x[0] - a) ** 2 + x[1] ** 2, [2.0, 1.0], method="SLSQP",
            constraints={"type": "ineq", "fun": lambda z: z[0]},
        ).x[0],
        0.0,
    ),
    "a zero of nnls without force": (
        lambda a: optimize.nnls(np.eye(2), np.stack([a - 0.3, 1.0 + a]))[0][0], 0.3
    ),
    "a fixed point that repels": (
        lambda a: optimize.fixed_point(lambda x: a * x * (1 - x), 0.65), 3.5
    ),
    "an integral that diverges": (
        lambda a: integrate.quad(lambda x: a * np.exp(-a * x) / x, 0, 1)[0], 0.3
    ),
    "a sign that changes by a jump": (
        lambda a: a * optimize.brentq(lambda x: np.sign(x - a) + x, -1.03, 2.1), 0.5
    ),
    "a badly scaled system": (
        lambda a: optimize.fsolve(
            lambda z: np.array([[1.0, 1.0], [1.0, 1.0 + 1e-11]]) @ z - np.stack([a, a]),
            [1.0, 1e-3],
        )[0],
        1.0,
    ),
    "an answer of low accuracy": (
        implicit(residual=lambda z, a: z**2 - a)(lambda a: np.sqrt(a) * 1.004), 2.0
    ),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    f, a = REFUSED[name]
    for derivative in (chainrule.grad(f), lambda a: chainrule.jvp(f, (a,), (1.0,))):
        with pytest.raises(ImplicitError) as caught:
            derivative(a)
        words = str(caught.value)
        assert caught.value.where.startswith(__file__), words
        assert any(c.isdigit() for c in caught.value.why) or name == "mixed integers", words
        assert caught.value.cure, words


@pytest.mark.parametrize("name", WARNED)
def test_warned(name: str) -> None:
    f, a = WARNED[name]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        chainrule.grad(f)(a)
    found = [str(w.message) for w in caught if w.category is ImplicitWarning]
    assert found, [str(w.message) for w in caught]
    assert any(c.isdigit() for c in found[0])


LOST: dict[str, Callable[[Any], Any]] = {
    "a quadrature without a rule": lambda a: integrate.tanhsinh(
        lambda x: np.exp(-a * x), 0, 1
    ).integral,
    "a class of steps": lambda a: integrate.RK45(lambda t, y: -a * y, 0, [1.0], 1).step(),
    "the class ode, start": lambda a: integrate.ode(lambda t, y: -y)
    .set_integrator("dopri5").set_initial_value([a], 0).integrate(1.0)[0],
    "the class ode, closure": lambda a: integrate.ode(lambda t, y: -a * y)
    .set_integrator("dopri5").set_initial_value([1.0], 0).integrate(1.0)[0],
    "a weight that moves": lambda a: integrate.quad(
        lambda x: np.exp(-x), 0, 1, weight="cos", wvar=a
    )[0],
    "a mesh that moves": lambda a: integrate.solve_bvp(
        lambda x, y: np.stack([y[1], -y[0]]), lambda ya, yb: np.stack([ya[0], yb[0] - 1]),
        np.linspace(0, 1, 5) * a, np.zeros((2, 5)),
    ).y[0, 2],
    "the buffer of a number in the function": lambda a: optimize.brentq(
        lambda x: x - np.frombuffer(a.tobytes())[0], 0, 2
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LOST)
def test_lost(name: str) -> None:
    with pytest.raises(ChainRuleError):
        chainrule.grad(LOST[name])(1.0)


def test_a_conversion_in_the_function_keeps_the_derivative() -> None:
    f = lambda a: optimize.brentq(lambda x: x - complex(a).real - 0.0, 0, 2)  # noqa: E731
    assert chainrule.grad(f)(1.0) == 1.0


def test_everything_is_as_before_afterwards() -> None:
    code = optimize.brentq.__code__
    with pytest.raises(ValueError, match="mine"):
        chainrule.grad(lambda a: optimize.brentq(_raises, 0, a))(1.0)
    assert optimize.brentq.__code__ is code
    assert optimize.brentq(lambda x: x - 0.5, 0, 1) == 0.5


def _raises(x: float) -> float:
    raise ValueError("mine")


class Enough(Exception):
    """What a callback raises to end its solver."""


SOLVERS: dict[str, Callable[[Callable[[Any], Any]], Any]] = {
    "newton": lambda f: optimize.newton(f, 1.0, fprime=lambda x: 2 * x),
    "brentq": lambda f: optimize.brentq(f, 0.0, 2.5),
    "fsolve": lambda f: optimize.fsolve(lambda x: f(x[0]), 1.0)[0],
    "fixed_point": lambda f: optimize.fixed_point(lambda x: x - 0.3 * f(x), 1.0),
    "minimize_scalar": lambda f: optimize.minimize_scalar(lambda x: f(x) ** 2).x,
    "minimize": lambda f: optimize.minimize(lambda x: f(x[0]) ** 2, [1.0]).x[0],
    "least_squares": lambda f: optimize.least_squares(lambda x: [f(x[0])], [1.0]).x[0],
    "quad": lambda f: integrate.quad(f, 0, 1)[0],
    "quad_vec": lambda f: integrate.quad_vec(f, 0, 1)[0],
    "solve_ivp": lambda f: integrate.solve_ivp(lambda t, y: -f(y), (0, 1), [3.0]).y[0, -1],
    "odeint": lambda f: integrate.odeint(lambda y, t: -f(y), [3.0], [0, 1.0])[-1, 0],
}


@pytest.mark.parametrize("name", SOLVERS)
def test_an_exception_that_only_the_derivative_meets_decides_nothing(name: str) -> None:
    calls: list[float] = []
    SOLVERS[name](lambda x: calls.append(0) or x * x - 2.0)
    most = len(calls)

    def ending(by: str) -> Callable[[Any], Any]:
        def f(a: Any) -> Any:
            count = 0

            def g(x: Any) -> Any:
                nonlocal count
                count += 1
                found = x * x - a
                if count > most if by == "calls" else abs(found) < 1e-12:
                    raise Enough
                return found

            try:
                return SOLVERS[name](g) * 1.0
            except Enough:
                return 3 * a

        return f

    for by in ("calls", "size"):
        f, found = ending(by), None
        try:
            found = chainrule.value_and_grad(f)(2.0)[0]
        except ImplicitError as error:
            told = str(error)
        assert found == f(2.0) if found is not None else "raised Enough" in told, by


def test_what_the_solver_meets_too_is_the_programs() -> None:
    def logarithms(a: float) -> Any:
        return [
            lambda: optimize.brentq(lambda x: math.log(x - a), 0.0, 3.0),
            lambda: integrate.quad(lambda t: math.log(t - a), 0, 2),
            lambda: integrate.solve_ivp(lambda t, y: [math.log(y[0] - a)], (0, 1), [0.5]),
        ]

    for k in range(3):

        def f(a: Any, k: int = k) -> Any:
            try:
                return logarithms(a)[k]()
            except ValueError:
                return 5 * a

        assert chainrule.grad(f)(1.0) == 5.0
