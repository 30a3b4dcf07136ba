"""Least squares, curve fits and linear programs."""

from typing import Any

import numpy as np
import pytest
from scipy import optimize

import chainrule

from .common import richardson

RNG = np.random.default_rng(0)
T = np.linspace(0, 3, 12)
Y = 2 * np.exp(-1.3 * T) + 0.5 + 0.1 * RNG.standard_normal(12)
E = RNG.standard_normal(12)
TIGHT = {"ftol": 1e-15, "xtol": 1e-15, "gtol": 1e-15}


def model(t: Any, a: Any, b: Any, c: Any) -> Any:
    return a * np.exp(-b * t) + c


def fit(s: Any, **kw: Any) -> Any:
    return optimize.curve_fit(model, T, Y + s * E, p0=[1, 1, 0], **{**TIGHT, **kw})


def stationary(s: float, weight: Any = 1.0) -> Any:
    """Solve the normal equations directly, tightly."""

    def gradient(p: Any) -> Any:
        r = (model(T, *p) - Y - s * E) * weight**2
        x = np.exp(-p[1] * T)
        return np.array([r @ x, r @ (-p[0] * T * x), r.sum()])

    return optimize.fsolve(gradient, [2.0, 1.3, 0.5], xtol=1e-12)


def test_the_parameters_of_a_fit() -> None:
    expected = richardson(stationary, 0.0)
    for find in (chainrule.jacrev, chainrule.jacfwd):
        np.testing.assert_allclose(find(lambda s: fit(s)[0])(0.0), expected, rtol=1e-8)
    second = richardson(lambda s: chainrule.jacrev(lambda s: fit(s)[0])(s), 0.0)
    np.testing.assert_allclose(
        chainrule.derivative(lambda s: fit(s)[0], 2)(0.0), second, rtol=1e-6
    )


def test_the_covariance_of_a_fit() -> None:
    def covariance(s: float, absolute: bool = False, sigma: Any = 1.0) -> Any:
        p = stationary(s, 1 / sigma)
        x = np.exp(-p[1] * T)
        J = np.stack([x, -p[0] * T * x, np.ones_like(T)], axis=1) / np.reshape(sigma, (-1, 1))
        r = (model(T, *p) - Y - s * E) / sigma
        return np.linalg.inv(J.T @ J) * (1 if absolute else r @ r / 9)

    expected = richardson(covariance, 0.0)
    np.testing.assert_allclose(chainrule.jacrev(lambda s: fit(s)[1])(0.0), expected, rtol=1e-7)
    sigma = 0.2 + 0.1 * T
    expected = richardson(lambda s: covariance(s, True, sigma), 0.0)
    found = chainrule.jacrev(lambda s: fit(s, sigma=sigma, absolute_sigma=True)[1])(0.0)
    np.testing.assert_allclose(found, expected, rtol=1e-7)


def test_traced_weights_places_and_bounds() -> None:
    sigma = lambda s: (1 + T) ** s  # noqa: E731
    expected = richardson(lambda s: stationary(0.0, 1 / sigma(s)), 0.5)
    found = chainrule.jacrev(
        lambda s: optimize.curve_fit(model, T, Y, p0=[1, 1, 0], sigma=sigma(s), **TIGHT)[0]
    )(0.5)
    np.testing.assert_allclose(found, expected, rtol=1e-8)
    matrix = chainrule.jacrev(
        lambda s: optimize.curve_fit(
            model, T, Y, p0=[1, 1, 0], sigma=np.diag(sigma(s) ** 2), **TIGHT
        )[0]
    )(0.5)
    np.testing.assert_allclose(matrix, expected, rtol=1e-8)
    scaled = chainrule.jacrev(
        lambda k: optimize.curve_fit(model, k * T, Y, p0=[1, 1, 0], **TIGHT)[0]
    )(1.0)
    p = stationary(0.0)
    np.testing.assert_allclose(scaled, [0, -p[1], 0], atol=1e-8)  # b·k stays the same
    held = chainrule.jacrev(lambda s: fit(0.0, bounds=([0, 0, 0], [1.5 + s, 5, 5]))[0])(0.0)
    assert held[0] == pytest.approx(1.0)


def test_full_output_of_a_fit() -> None:
    def f(s: Any) -> Any:
        popt, _, info, _, ier = fit(s, full_output=True)
        assert ier in (1, 2, 3, 4)
        return np.concatenate([popt, info["fvec"]])

    p = richardson(stationary, 0.0)
    found = chainrule.jacrev(f)(0.0)
    np.testing.assert_allclose(found[:3], p, rtol=1e-8)
    expected = richardson(lambda s: model(T, *stationary(s)) - Y - s * E, 0.0)
    np.testing.assert_allclose(found[3:], expected, atol=1e-8)


@pytest.mark.parametrize("loss", ["linear", "soft_l1", "cauchy", "arctan", "huber"])
def test_least_squares(loss: str) -> None:
    kw = {"loss": loss, "f_scale": 0.3, "jac": "3-point", **TIGHT}

    def f(s: Any) -> Any:
        return optimize.least_squares(lambda p: model(T, *p) - Y - s * E, [2, 1, 0.4], **kw)

    expected = richardson(lambda s: f(s).x, 0.0, h=1e-3, levels=2)
    np.testing.assert_allclose(chainrule.jacrev(lambda s: f(s).x)(0.0), expected, rtol=1e-3)
    cost = richardson(lambda s: f(s).cost, 0.0, h=1e-3, levels=2)
    assert chainrule.grad(lambda s: f(s).cost)(0.0) == pytest.approx(cost, rel=1e-7)
    fun = richardson(lambda s: f(s).fun, 0.0, h=1e-3, levels=2)
    np.testing.assert_allclose(chainrule.jacfwd(lambda s: f(s).fun)(0.0), fun, atol=1e-4)


def test_leastsq() -> None:
    f = lambda s: optimize.leastsq(lambda p: model(T, *p) - Y - s * E, [1, 1, 0])  # noqa: E731
    np.testing.assert_allclose(
        chainrule.jacrev(lambda s: f(s)[0])(0.0), richardson(stationary, 0.0), rtol=1e-8
    )


def test_linear_least_squares() -> None:
    A = RNG.standard_normal((6, 3))
    b = A @ np.array([1.0, -2.0, 0.5]) + 0.1 * RNG.standard_normal(6)
    x, _ = optimize.nnls(A, b)
    free = x > 0
    expected = np.zeros((3, 6))
    expected[free] = np.linalg.pinv(A[:, free])
    np.testing.assert_allclose(
        chainrule.jacobian(lambda b: optimize.nnls(A, b)[0])(b), expected, atol=1e-12
    )
    slope = chainrule.grad(lambda b: optimize.nnls(A, b)[1])(b)
    np.testing.assert_allclose(slope, (b - A @ x) / np.linalg.norm(A @ x - b), rtol=1e-10)
    f = lambda s: optimize.lsq_linear(A * s, b, bounds=(-1.2, 5 * s)).x  # noqa: E731
    np.testing.assert_allclose(chainrule.jacrev(f)(1.0), richardson(f, 1.0), atol=1e-7)


# --- linear programs -----------------------------------------------------------------------------

C, AU, BU = np.array([-1.0, -2.0, 0.0]), np.array([[1.0, 1, 1], [1, 3, 0]]), np.array([4.0, 6.0])


def lp(c: Any, A: Any, b: Any) -> Any:
    return optimize.linprog(c, A_ub=A, b_ub=b, bounds=[(0, None)] * 3)


def test_linear_programs() -> None:
    x = lp(C, AU, BU)
    np.testing.assert_allclose(
        chainrule.jacobian(lambda b: lp(C, AU, b).x)(BU), [[1.5, -0.5], [-0.5, 0.5], [0, 0]]
    )
    np.testing.assert_allclose(
        chainrule.grad(lambda b: lp(C, AU, b).fun)(BU), x.ineqlin.marginals, rtol=1e-12
    )
    np.testing.assert_allclose(chainrule.grad(lambda c: lp(c, AU, BU).fun)(C), x.x, atol=1e-12)
    np.testing.assert_allclose(
        chainrule.grad(lambda A: lp(C, A, BU).fun)(AU),
        -np.outer(x.ineqlin.marginals, x.x), atol=1e-12,
    )  # fmt: skip
    np.testing.assert_allclose(chainrule.jacobian(lambda c: lp(c, AU, BU).x)(C), 0, atol=1e-12)


def test_equalities_and_bounds_of_linear_programs() -> None:
    f = lambda b: optimize.linprog(  # noqa: E731
        [1.0, 2, 3], A_eq=[[1.0, 1, 1]], b_eq=[b], bounds=[(0, 0.4 * b), (0, 1), (0, 1)]
    )
    np.testing.assert_allclose(chainrule.jacobian(lambda b: f(b).x)(1.0), [0.4, 0.6, 0])
    assert chainrule.grad(lambda b: f(b).fun)(1.0) == pytest.approx(1.6)


def test_choices_are_constant() -> None:
    cost = np.array([[4.0, 1.0], [2.0, 3.0]])
    g = chainrule.grad(lambda c: c[optimize.linear_sum_assignment(c)].sum())(cost)
    np.testing.assert_array_equal(g, [[0, 1], [1, 0]])
    f = lambda c: optimize.milp(  # noqa: E731
        c, integrality=np.ones(2), bounds=optimize.Bounds(0, 3),
        constraints=optimize.LinearConstraint([[1.0, 1.0]], 1.5, np.inf),
    ).fun  # fmt: skip
    np.testing.assert_allclose(chainrule.grad(f)(np.array([1.0, 2.0])), [2.0, 0.0])
