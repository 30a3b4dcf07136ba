"""`chainrule.scipy`: SciPy's answers, found with exact derivatives."""

import dataclasses
import warnings

import numpy as np
import pytest
from scipy import integrate, optimize

import chainrule as cr
from chainrule import scipy as exact

METHODS = ("CG", "BFGS", "Newton-CG", "L-BFGS-B", "TNC", "SLSQP", "dogleg", "trust-ncg",
           "trust-krylov", "trust-exact", "trust-constr", None)  # fmt: skip


def rosenbrock(x, scale=100.0):
    return np.sum(scale * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_arrives(method):
    x0 = np.full(5, 1.05)  # where the Hessian is positive: `dogleg` asks for that
    found = exact.minimize(rosenbrock, x0, args=(20.0,), method=method, tol=1e-9)
    np.testing.assert_allclose(found.x, 1.0, atol=1e-4)
    assert found.fun < 1e-8
    assert isinstance(found, optimize.OptimizeResult)
    evaluated = getattr(found, "nfev", 0)
    assert evaluated < 400  # differences would add six for every gradient


@pytest.mark.parametrize("method", ["Nelder-Mead", "Powell", "COBYLA"])
def test_methods_without_derivatives_are_scipys(method):
    theirs = optimize.minimize(rosenbrock, [0.4, 0.4], method=method).x
    ours = exact.minimize(rosenbrock, [0.4, 0.4], method=method).x
    np.testing.assert_array_equal(ours, theirs)


def test_what_is_given_is_used():
    calls = []

    def jac(x):
        calls.append(1)
        return np.array([2 * (x[0] - 3)])

    found = exact.minimize(lambda x: (x[0] - 3) ** 2, [0.0], jac=jac)
    assert calls
    assert found.x[0] == pytest.approx(3)
    found = exact.minimize(lambda x: (x[0] - 3) ** 2, [0.0], jac="2-point", method="BFGS")
    assert found.x[0] == pytest.approx(3)


def test_constraints():
    def ball(x):
        return 1.0 - np.sum(x**2)

    as_dict = exact.minimize(
        rosenbrock, np.zeros(3), method="SLSQP", constraints={"type": "ineq", "fun": ball}
    )
    as_class = exact.minimize(
        rosenbrock, np.zeros(3), method="trust-constr",
        constraints=optimize.NonlinearConstraint(ball, 0.0, np.inf), tol=1e-10,
    )  # fmt: skip
    np.testing.assert_allclose(as_class.x, as_dict.x, atol=1e-4)
    assert ball(as_dict.x) == pytest.approx(0.0, abs=1e-6)


@dataclasses.dataclass
class Line:
    slope: float
    level: np.ndarray


def test_parameters_of_any_structure():
    t = np.linspace(0, 1, 7)
    y = np.stack([2 * t + 1, 2 * t - 1])

    def loss(p):
        return np.sum((p.slope * t + p.level[:, None] - y) ** 2)

    found = exact.minimize(loss, Line(0.0, np.zeros(2)))
    assert type(found.x) is Line
    assert found.x.slope == pytest.approx(2, abs=1e-5)
    np.testing.assert_allclose(found.x.level, [1, -1], atol=1e-5)
    assert found.vector.shape == (3,)
    nested = exact.least_squares(
        lambda p: np.ravel(p["a"] * t + p["b"][0][:, None] - y), {"a": 0.0, "b": [np.zeros(2)]}
    )
    assert nested.x["a"] == pytest.approx(2)
    np.testing.assert_allclose(nested.x["b"][0], [1, -1])


def test_standard_errors():
    data = np.random.default_rng(0).normal(2, 3, 200)

    def nll(p):
        return np.sum(0.5 * ((data - p[0]) / np.exp(p[1])) ** 2 + p[1])

    found = exact.minimize(nll, [0.0, 0.0], standard_errors=True)
    np.testing.assert_allclose(
        found.standard_errors, [data.std() / np.sqrt(200), 1 / np.sqrt(400)], rtol=1e-5
    )


def test_a_nan_is_rejected_by_the_line_search():
    def f(x):
        with np.errstate(invalid="ignore"):
            return np.sqrt(x[0] - 1) * x[0] + 1 / x[0]

    found = exact.minimize(f, [5.0], method="L-BFGS-B", bounds=[(1.0001, None)])
    assert found.x[0] == pytest.approx(1.0001, abs=1e-3)


def test_fits():
    t = np.linspace(0, 2, 30)
    y = 2 * np.exp(-3 * t) + 0.01 * np.sin(40 * t)

    def model(t, a, b):
        return a * np.exp(-b * t)

    for kwargs in ({}, {"method": "trf"}, {"sigma": np.full(30, 0.1), "absolute_sigma": True},
                   {"bounds": (0, 10)}):  # fmt: skip
        ours, cov = exact.curve_fit(model, t, y, [1.0, 1.0], **kwargs)
        theirs, its = optimize.curve_fit(model, t, y, [1.0, 1.0], **kwargs)
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)
        np.testing.assert_allclose(cov, its, rtol=1e-4)
    ours, _ = exact.curve_fit(model, t, y)  # without a start there is the signature
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    squares = exact.least_squares(lambda p: model(t, *p) - y, [1.0, 1.0], method="lm")
    np.testing.assert_allclose(squares.x, theirs, rtol=1e-6)


def test_roots():
    def f(x, c):
        return np.array([x[0] ** 2 + x[1] - c, x[0] - x[1] + 1])

    for method in ("hybr", "lm", "krylov"):
        np.testing.assert_allclose(
            exact.root(f, [1.0, 1.0], args=(3.0,), method=method).x, [1, 2], atol=1e-5
        )
    assert exact.root(f, [1.0, 1.0], args=(3.0,)).nfev < 12
    for options in ({"x0": 1.0}, {"x0": 1.0, "method": "halley"}, {"bracket": (0, 2)},
                    {"x0": 1.0, "x1": 1.5, "method": "secant"}):  # fmt: skip
        found = exact.root_scalar(lambda x, c: x**3 - c, args=(2,), **options)
        assert found.root == pytest.approx(2 ** (1 / 3))


@pytest.mark.parametrize("method", ["RK45", "BDF", "Radau", "LSODA"])
def test_initial_values(method):
    def robertson(t, y, k):
        a, b, c = y
        return [-0.04 * a + k * b * c, 0.04 * a - k * b * c - 3e7 * b**2, 3e7 * b**2]

    span = (0, 0.1 if method == "RK45" else 100.0)
    options = {"method": method, "args": (1e4,), "rtol": 1e-8, "atol": 1e-11}
    ours = exact.solve_ivp(robertson, span, [1.0, 0.0, 0.0], **options)
    theirs = integrate.solve_ivp(robertson, span, [1.0, 0.0, 0.0], **options)
    np.testing.assert_allclose(ours.y[:, -1], theirs.y[:, -1], rtol=1e-6)
    assert ours.nfev <= theirs.nfev * 1.1


def test_inside_a_derivative_it_says_where_to_go():
    def f(a):
        return exact.minimize(lambda x: (x[0] - a) ** 2, [0.0]).x[0]

    with pytest.raises(cr.ChainRuleError, match="differentiated"):
        cr.grad(f)(1.0)


def test_functions_that_cannot_be_recorded_go_on_in_silence():
    seen = []

    def f(x):
        seen.append(x.copy())
        return np.sum((x - 1) ** 2)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = exact.minimize(f, np.zeros(2))
    np.testing.assert_allclose(found.x, 1.0)
    assert len(seen) == found.nfev
