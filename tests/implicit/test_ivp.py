"""Initial and boundary value problems."""

from typing import Any

import numpy as np
import pytest
from scipy.integrate import odeint, solve_bvp, solve_ivp

import chainrule
from chainrule.errors import ImplicitWarning

from .common import agrees, richardson

P = np.array([1.1, 0.6, 0.8])
TOL = {"rtol": 1e-8, "atol": 1e-10}
EXACT = {"method": "DOP853", "rtol": 1e-13, "atol": 1e-14}


def prey(t: Any, y: Any, a: Any, b: Any) -> Any:
    return [a * y[0] - b * y[0] * y[1], b * y[0] * y[1] - y[1]]


def solve(p: Any, t: Any = None, **kw: Any) -> Any:
    return solve_ivp(prey, (0, 3), [1.0, p[2]], args=(p[0], p[1]), t_eval=t, **kw)


def columns(f: Any) -> Any:
    return np.stack([richardson(lambda s, e=e: f(P + s * e), 0.0, 1e-2) for e in np.eye(3)], axis=1)


ENDS = columns(lambda p: solve(p, **EXACT).y[:, -1])
TIMES = np.linspace(0, 3, 5)
MIDDLE = columns(lambda p: solve(p, TIMES, **EXACT).y[:, 2])


@pytest.mark.parametrize(
    ("method", "tol"),
    [("RK23", 2e-6), ("RK45", 3e-7), ("DOP853", 3e-7), ("Radau", 1e-7), ("BDF", 4e-6),
     ("LSODA", 3e-7)],
)  # fmt: skip
def test_each_method_within_its_tolerance(method: str, tol: float) -> None:
    """RK23 and BDF are less exact: the derivative is that of the steps they take."""
    kw = {"method": method, **TOL}
    f = lambda p: solve(p, **kw).y[:, -1]  # noqa: E731
    np.testing.assert_allclose(chainrule.jacrev(f)(P), ENDS, atol=tol)
    value, tangent = chainrule.jvp(f, (P,), (np.ones(3),))
    np.testing.assert_allclose(tangent, ENDS.sum(axis=1), atol=2 * tol)
    np.testing.assert_array_equal(value, f(P))
    at = chainrule.jacrev(lambda p: solve(p, TIMES, **kw).y[:, 2])(P)
    np.testing.assert_allclose(at, MIDDLE, atol=tol)
    dense = lambda p: solve(p, dense_output=True, **kw).sol(1.5)  # noqa: E731
    np.testing.assert_allclose(chainrule.jacrev(dense)(P), MIDDLE, atol=tol)
    np.testing.assert_array_equal(
        chainrule.jvp(dense, (P,), (np.ones(3),))[0], solve(P, dense_output=True, **kw).sol(1.5)
    )


@pytest.mark.parametrize("method", ["RK23", "RK45", "DOP853", "Radau"])
def test_the_derivative_is_that_of_the_discrete_solution(method: str) -> None:
    """With the steps held fixed, differences of SciPy's own steps are the oracle."""
    kw: dict[str, Any] = {"method": method, "rtol": 1e10, "atol": 1e10}
    kw |= {"max_step": 0.1, "first_step": 0.1}
    if method == "Radau":
        kw |= {"rtol": 1e-12, "atol": 1e2}
    f = lambda a: solve_ivp(lambda t, y: [y[1], -a * np.sin(y[0])], (0, 1), [1, 0], **kw).y[:, -1]  # noqa: E731
    np.testing.assert_allclose(
        chainrule.jacrev(f)(1.3), richardson(f, 1.3), rtol=1e-8, atol=1e-9
    )


@pytest.mark.parametrize("way", ["ends", "times", "dense"])
def test_the_derivative_along_the_steps_of_bdf(way: str) -> None:
    """Of a linear equation Newton's method ends at the root, so the steps differ by nothing else.

    Orders change on the way, and the last step is shorter than the one before.
    """

    def f(p: Any) -> Any:
        def rhs(t: Any, y: Any) -> Any:
            return [y[1] + p[2] * t, -p[0] * y[0]]

        def jac(t: Any, y: Any) -> Any:
            return np.array([[0.0, 1.0], [-float(chainrule.stop_gradient(p[0])), 0.0]])

        kw: dict[str, Any] = {"max_step": 0.1, "first_step": 0.03, "rtol": 1e-3, "atol": 1e3}
        t = np.array([0.0, 0.33, 0.6, 1.23]) if way == "times" else None
        dense = way == "dense"
        start = [1.0, p[1]]
        s = solve_ivp(rhs, (0, 1.23), start, "BDF", t, dense, jac=jac, **kw)
        return s.sol(np.array([0.01, 0.77])) if dense else s.y

    at = np.array([1.3, 0.4, 0.2])
    found = chainrule.jacrev(f)(at)
    h = 1e-4
    for i, e in enumerate(np.eye(3) * h):
        want = (8 * (f(at + e) - f(at - e)) - (f(at + 2 * e) - f(at - 2 * e))) / (12 * h)
        np.testing.assert_allclose(found[..., i], want, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(chainrule.jacfwd(f)(at), found, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("method", ["RK45", "DOP853", "Radau"])
def test_second_order(method: str) -> None:
    f = lambda a: solve_ivp(  # noqa: E731
        lambda t, y: -a * y, (0, 2), [1.0], method=method, rtol=1e-9, atol=1e-12
    ).y[0, -1]
    for second in (chainrule.grad(chainrule.grad(f)), chainrule.derivative(f, 2)):
        assert second(0.7) == pytest.approx(4 * np.exp(-1.4), rel=1e-7)


def test_the_ends_of_the_interval() -> None:
    kw = {"rtol": 1e-10, "atol": 1e-12}
    rhs = lambda t, y: np.sin(t) * y  # noqa: E731
    last = lambda T: solve_ivp(rhs, (0, T), [1.0], **kw).y[0, -1]  # noqa: E731
    first = lambda t0: solve_ivp(rhs, (t0, 2), [1.0], **kw).y[0, -1]  # noqa: E731
    for n in (1, 2, 3):
        expected = chainrule.derivative(lambda T: np.exp(1 - np.cos(T)), n)(0.7)
        assert chainrule.derivative(last, n)(0.7) == pytest.approx(expected, rel=1e-8)
        expected = chainrule.derivative(lambda t: np.exp(np.cos(t) - np.cos(2)), n)(0.7)
        assert chainrule.derivative(first, n)(0.7) == pytest.approx(expected, rel=1e-8)
    times = chainrule.jacrev(lambda T: solve_ivp(rhs, (0, T), [1.0], **kw).t[-1])(0.7)
    assert times == 1.0
    moved = lambda s: solve_ivp(  # noqa: E731
        rhs, (0, 2), [1.0], t_eval=s * np.array([0.5, 1.0]), **kw
    ).y[0]
    expected = richardson(lambda s: np.exp(1 - np.cos(s * np.array([0.5, 1.0]))), 1.0)
    np.testing.assert_allclose(chainrule.jacrev(moved)(1.0), expected, rtol=1e-8)


def ball(v: Any, **kw: Any) -> Any:
    def ground(t: Any, y: Any) -> Any:
        return y[0]

    ground.terminal, ground.direction = True, -1  # type: ignore[attr-defined]
    return solve_ivp(lambda t, y: [y[1], -9.81], (0, 10), [0.5, v], events=ground, **TOL, **kw)


def test_events() -> None:
    exact = lambda v: (v + np.sqrt(v * v + 9.81)) / 9.81  # noqa: E731
    for f, g in (
        (lambda v: ball(v).t_events[0][0], exact),
        (lambda v: ball(v).t[-1], exact),
        (lambda v: ball(v).y[1, -1], lambda v: v - 9.81 * exact(v)),
        (lambda v: ball(v).y_events[0][0][1], lambda v: v - 9.81 * exact(v)),
    ):
        assert chainrule.grad(f)(3.0) == pytest.approx(chainrule.grad(g)(3.0), rel=1e-10)
        found = chainrule.derivative(f, 2)(3.0)
        assert found == pytest.approx(chainrule.derivative(g, 2)(3.0), rel=1e-9)


def test_an_event_that_only_the_event_function_moves() -> None:
    f = lambda a: solve_ivp(  # noqa: E731
        lambda t, y: [1.0], (0, 3), [0.0], events=[lambda t, y: y[0] - a**2, lambda t, y: y[0] + 1]
    ).t_events[0][0]
    assert chainrule.grad(f)(1.2) == pytest.approx(2.4, rel=1e-12)


def test_backwards_complex_vectorized_and_stores() -> None:
    f = lambda a: solve_ivp(  # noqa: E731
        lambda t, y: a * y, (1, 0), [2.0], rtol=1e-10, atol=1e-12
    ).y[0, -1]
    assert chainrule.grad(f)(0.7) == pytest.approx(-2 * np.exp(-0.7), rel=1e-8)
    g = lambda w: np.real(  # noqa: E731
        solve_ivp(lambda t, y: 1j * w * y, (0, 1), [1 + 0j], rtol=1e-10, atol=1e-12).y[0, -1]
    )
    assert chainrule.grad(g)(0.7) == pytest.approx(-np.sin(0.7), rel=1e-8)

    def h(a: Any) -> Any:
        def rhs(t: Any, y: Any) -> Any:
            dy = np.zeros_like(y)
            dy[0] = y[1]
            dy[1] = -a * y[0]
            return dy

        return solve_ivp(rhs, (0, 1), [1.0, 0.0], vectorized=True, rtol=1e-10, atol=1e-12).y[0, -1]

    assert chainrule.grad(h)(4.0) == pytest.approx(-np.sin(2) / 4, rel=1e-8)


def test_a_parameter_that_acts_late() -> None:
    def f(a: Any) -> Any:
        def rhs(t: Any, y: Any) -> Any:
            return [a if t > 1 else 1.0]

        return solve_ivp(rhs, (0, 2), [0.0], max_step=0.25, first_step=0.25).y[0, -1]

    assert chainrule.grad(f)(2.0) == pytest.approx(1.0, rel=0.1)  # within one step of the switch


def test_odeint() -> None:
    t = np.linspace(0, 4, 9)
    f = lambda a: odeint(lambda y, t: [y[1], -a * np.sin(y[0])], [1.0, 0.0], t)  # noqa: E731
    exact = lambda a: solve_ivp(  # noqa: E731
        lambda t, y: [y[1], -a * np.sin(y[0])], (0, 4), [1.0, 0.0], t_eval=t, **EXACT
    ).y.T
    expected = richardson(exact, 1.3)
    np.testing.assert_allclose(chainrule.jacrev(f)(1.3), expected, atol=3e-7)
    np.testing.assert_array_equal(chainrule.jvp(f, (1.3,), (1.0,))[0], f(1.3))
    first = lambda a: odeint(  # noqa: E731
        lambda t, y, a: [y[1], -a * np.sin(y[0])], [1.0, 0.0], t, args=(a,), tfirst=True
    )
    np.testing.assert_allclose(chainrule.jacrev(first)(1.3), expected, atol=3e-7)


def test_odeint_of_a_stiff_system() -> None:
    def robertson(k: Any) -> Any:
        def rhs(y: Any, t: Any) -> Any:
            slow, fast = k * y[0] - 1e4 * y[1] * y[2], 3e7 * y[1] ** 2
            return [-slow, slow - fast, fast]

        return odeint(rhs, [1.0, 0.0, 0.0], [0.0, 40.0])[-1]

    def exact(k: float) -> Any:
        def rhs(t: Any, y: Any) -> Any:
            slow, fast = k * y[0] - 1e4 * y[1] * y[2], 3e7 * y[1] ** 2
            return [-slow, slow - fast, fast]

        return solve_ivp(rhs, (0, 40), [1.0, 0, 0], method="Radau", rtol=1e-12, atol=1e-14).y[:, -1]

    expected = richardson(exact, 0.04, 1e-3, 3)
    np.testing.assert_allclose(chainrule.jacrev(robertson)(0.04), expected, rtol=1e-5)


def test_a_companion_that_parts_from_the_solution_is_told() -> None:
    def f(a: Any) -> Any:  # chaos: at loose tolerance no two methods agree
        def lorenz(t: Any, y: Any) -> Any:
            x, v, w = y
            return [10 * (v - x), x * (a - w) - v, x * v - 8 / 3 * w]

        return solve_ivp(lorenz, (0, 25), [1.0, 1.0, 1.0], method="LSODA").y[0, -1]

    with pytest.warns(ImplicitWarning, match="times the tolerance"):
        chainrule.grad(f)(28.0)


# --- boundary value problems ----------------------------------------------------------------------


def bratu(a: Any) -> Any:
    x = np.linspace(0, 1, 11)
    return solve_bvp(
        lambda x, y: np.vstack([y[1], -np.exp(y[0]) * a]),
        lambda left, right: np.array([left[0], right[0] - 0.1 * a]),
        x, np.zeros((2, x.size)), tol=1e-8,
    )  # fmt: skip


def test_boundary_values() -> None:
    agrees(lambda a: bratu(a).sol(np.array([0.37, 0.9]))[0], 1.1, tol=1e-7)
    slope = chainrule.jacrev(lambda a: bratu(a).yp[1, 0])(1.1)  # −a·e^0 at the left end
    assert slope == pytest.approx(-1.0, rel=1e-9)


def test_an_eigenvalue_of_a_boundary_value_problem() -> None:
    x = np.linspace(0, 1, 11)

    def f(k: Any) -> Any:
        return solve_bvp(
            lambda x, y, p: np.vstack([y[1], -(p[0] ** 2) * y[0] * (1 + k * x)]),
            lambda left, right, p: np.array([left[0], right[0], left[1] - p[0]]),
            x, np.vstack([np.sin(3 * x), 3 * np.cos(3 * x)]), p=[3.0], tol=1e-9,
        ).p[0]  # fmt: skip

    agrees(f, 0.2, tol=1e-7, order=1)
