"""Roots and fixed points against extrapolated differences."""

from typing import Any

import numpy as np
import pytest
from scipy import optimize
from scipy.optimize import brentq

import chainrule

from .common import agrees, richardson

A = np.array([[3.0, 1.0], [1.0, 2.0]])


@pytest.mark.parametrize("name", ["brentq", "brenth", "bisect", "ridder", "toms748"])
def test_bracketed(name: str) -> None:
    solver = getattr(optimize, name)
    agrees(lambda a: solver(lambda x: np.cos(x) - a * x, 0, 2), 0.7)
    agrees(lambda a: solver(lambda x, c: np.cos(x) - c * x, 0, 2, args=(a,)), 0.7)


def test_a_name_bound_before_and_third_order() -> None:
    f = lambda a: brentq(lambda x: np.cos(x) - a * x, 0, 2)  # noqa: E731
    third = richardson(lambda a: chainrule.derivative(f, 2)(a), 0.7)
    assert chainrule.derivative(f, 3)(0.7) == pytest.approx(third, rel=1e-8)


def test_full_output_keeps_its_type() -> None:
    def f(a: Any) -> Any:
        root, report = optimize.brentq(lambda x: x**2 - a, 0, 3, full_output=True)
        assert type(report) is optimize.RootResults
        assert report.converged
        return root + report.root

    assert chainrule.grad(f)(2.0) == pytest.approx(1 / np.sqrt(2), rel=1e-12)


def test_newton_of_one_and_of_many() -> None:
    agrees(lambda a: optimize.newton(lambda x: x**3 - a * x - 1, 1.5), 0.7)
    agrees(
        lambda a: optimize.newton(
            lambda x: x**3 - a, 1.5, fprime=lambda x: 3 * x**2, fprime2=lambda x: 6 * x
        ),
        0.7,
    )
    b = np.array([2.0, 3.0, 4.0])
    found = chainrule.jacobian(
        lambda b: optimize.newton(lambda x, c: x**2 - c, np.ones(3), args=(b,))
    )(b)
    np.testing.assert_allclose(found, np.diag(0.5 / np.sqrt(b)), atol=1e-12)
    agrees(lambda a: optimize.newton(lambda x: x**2 - a * b, np.ones(3), full_output=True)[0], 0.7)


def test_newton_in_the_complex_plane() -> None:
    f = lambda a: np.imag(optimize.newton(lambda z: z**2 + a, 0.1 + 1j))  # noqa: E731
    assert chainrule.grad(f)(2.0) == pytest.approx(0.5 / np.sqrt(2), rel=1e-10)


@pytest.mark.parametrize(
    "how",
    [
        {"bracket": (0, 2)}, {"x0": 0.5, "x1": 0.6}, {"x0": 0.5, "method": "newton"},
        {"x0": 0.5, "method": "newton", "fprime": True}, {"bracket": (0, 2), "method": "ridder"},
    ],
)  # fmt: skip
def test_root_scalar(how: dict[str, Any]) -> None:
    def f(a: Any) -> Any:
        if how.get("fprime"):
            return optimize.root_scalar(
                lambda x: (np.cos(x) - a * x, -np.sin(x) - a), **how
            ).root
        return optimize.root_scalar(lambda x: np.cos(x) - a * x, **how).root

    agrees(f, 0.7, tol=1e-7 if "fprime" in how or "x0" in how else 1e-8)


def system(a: Any) -> Any:
    return lambda z: A @ z + a * z**3 - np.array([1.0, 2.0]) * a**2


@pytest.mark.parametrize(
    "method",
    ["hybr", "lm", "broyden1", "broyden2", "anderson", "krylov", "df-sane"],
)
def test_root(method: str) -> None:
    options = {"maxiter": 2000} if method in ("broyden1", "broyden2", "anderson", "krylov") else {}

    def f(a: Any) -> Any:
        result = optimize.root(system(a), [0.2, 0.9], method=method, tol=1e-8, options=options)
        assert isinstance(result, optimize.OptimizeResult)
        return result.x

    found = chainrule.jacrev(f)(1.1)
    expected = richardson(lambda a: optimize.fsolve(system(a), [0.2, 0.9], xtol=1e-12), 1.1)
    np.testing.assert_allclose(found, expected, rtol=1e-8)


def test_fsolve_and_the_other_functions() -> None:
    agrees(lambda a: optimize.fsolve(system(a), [0.2, 0.9], xtol=1e-12), 1.1)
    agrees(lambda a: optimize.fsolve(system(a), [0.2, 0.9], xtol=1e-12, full_output=True)[0], 1.1)
    expected = richardson(lambda a: optimize.fsolve(system(a), [0.2, 0.9], xtol=1e-12), 1.1)
    for name in ("broyden1", "broyden2", "anderson", "newton_krylov"):
        solver = getattr(optimize, name)
        found = chainrule.jacfwd(lambda a, s=solver: s(system(a), [0.2, 0.9], f_tol=1e-8))(1.1)
        np.testing.assert_allclose(found, expected, rtol=1e-8, err_msg=name)


def test_hybr_with_the_users_jacobian() -> None:
    def f(a: Any) -> Any:
        return optimize.root(
            lambda z: (system(a)(z), A + np.diag(3 * a * z**2)), [0.2, 0.9], jac=True, tol=1e-12
        ).x

    agrees(f, 1.1)


def test_fixed_points() -> None:
    agrees(lambda a: optimize.fixed_point(lambda x: np.exp(-a * x), 0.5, xtol=1e-12), 0.7)
    agrees(
        lambda a: optimize.fixed_point(
            lambda x: np.sin(A @ x / 9) + a, [0.5, 0.5], xtol=1e-13, method="iteration"
        ),
        0.7,
    )


def test_a_solver_inside_a_solver() -> None:
    def inner(x: Any, a: Any) -> Any:
        return optimize.brentq(lambda y: y**3 + y - a * x, -5, 5)

    agrees(lambda a: optimize.brentq(lambda x: x + inner(x, a) - 1, -5, 5), 0.7)


def test_derivatives_inside_a_solver() -> None:
    f = lambda x, a: np.cosh(x) - a * x  # noqa: E731
    agrees(lambda a: optimize.brentq(lambda x: chainrule.grad(f)(x, a), -2, 5), 0.7)


def test_what_is_not_traced_is_scipys_own() -> None:
    def f(a: Any) -> Any:
        root = optimize.brentq(lambda x: x**2 - 2, 0, 2)
        assert type(root) is float
        return a * root

    assert chainrule.grad(f)(3.0) == pytest.approx(np.sqrt(2), rel=1e-12)


def test_the_program_fills_an_array_in_the_residual() -> None:
    def f(a: Any) -> Any:
        def residual(z: Any) -> Any:
            r = np.zeros(2)
            r[0] = z[0] + z[1] ** 2 - a
            r[1] = z[0] - np.sin(z[1]) * a
            return r

        return optimize.fsolve(residual, [1.0, 1.0], xtol=1e-12)

    agrees(f, 1.2)


def test_a_batch_of_solves() -> None:
    a = np.array([0.5, 0.7, 0.9])
    f = lambda a: optimize.brentq(lambda x: np.cos(x) - a * x, 0, 2)  # noqa: E731
    found = np.array([chainrule.grad(f)(v) for v in a])
    np.testing.assert_allclose(chainrule.vmap(chainrule.grad(f))(a), found, rtol=1e-12)


@pytest.mark.parametrize("ends", [(-5e8, 5e7), (-1e3, 1e9), (0.0, 1e12)])
def test_a_wide_bracket(ends: tuple[float, float]) -> None:
    f = lambda a: optimize.brentq(lambda u: u**3 + u - a, *ends, xtol=1e-14)  # noqa: E731
    np.testing.assert_allclose(chainrule.grad(f)(2.0), 0.25, rtol=1e-12)


@pytest.mark.parametrize(
    "caught", ["u - x * x", "0.0 * u + u - x * x", "5 * (u - 0.36) - (x * x - 0.36)"]
)
@pytest.mark.parametrize("solver", ["brentq", "brenth", "bisect", "ridder"])
def test_a_function_that_catches_a_division_by_zero_at_the_answer(solver: str, caught: str) -> None:
    space: dict[str, Any] = {}
    exec(f"""def residual(u, x):
    try:
        return (u - x * x) / (u - 0.36) * (u - 0.36)
    except ZeroDivisionError:
        return {caught}""", space)  # fmt: skip
    ends = (0.26, 0.46)
    f = lambda x: getattr(optimize, solver)(space["residual"], *ends, args=(x,))  # noqa: E731
    np.testing.assert_allclose(chainrule.grad(f)(0.6), 1.2, rtol=1e-7)
    g = lambda x: optimize.root_scalar(space["residual"], args=(x,), bracket=ends).root  # noqa: E731
    np.testing.assert_allclose(chainrule.grad(g)(0.6), 1.2, rtol=1e-7)


def test_a_pole_that_nothing_catches() -> None:
    f = lambda a: optimize.bisect(lambda u: 1 / (u - a), 0.0, 1.0 + 1e-3)  # noqa: E731
    with pytest.raises((chainrule.errors.ImplicitError, ZeroDivisionError)):
        chainrule.grad(f)(0.5)
