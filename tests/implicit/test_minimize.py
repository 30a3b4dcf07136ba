"""Minimisers against extrapolated differences of tight solves, and against closed forms."""

from typing import Any

import numpy as np
import pytest
from scipy import optimize

import chainrule

from .common import agrees, richardson

pytestmark = pytest.mark.filterwarnings("ignore:delta_grad == 0:UserWarning")


def bowl(z: Any, a: Any) -> Any:
    return (a - z[0]) ** 2 + 5 * (z[1] - z[0] ** 2) ** 2 + 0.1 * a * z[1]


def slope(z: Any, a: Any) -> Any:
    r = z[1] - z[0] ** 2
    return np.array([-2 * (a - z[0]) - 20 * z[0] * r, 10 * r + 0.1 * a])


def exact(a: float) -> Any:
    return optimize.fsolve(slope, [a, a * a], args=(a,), xtol=1e-12)


EXPECTED = richardson(exact, 1.3)


@pytest.mark.parametrize(
    "method",
    ["Nelder-Mead", "Powell", "CG", "BFGS", "L-BFGS-B", "TNC", "SLSQP", "trust-constr", "COBYQA",
     "Newton-CG", "dogleg", "trust-exact"],
)  # fmt: skip
def test_minimize(method: str) -> None:
    def f(a: Any) -> Any:
        more: dict[str, Any] = {}
        if method in ("Newton-CG", "dogleg", "trust-exact"):
            more = {"jac": slope}
        if method in ("dogleg", "trust-exact"):
            more["hess"] = lambda z, a: np.array(
                [[2 - 20 * (z[1] - 3 * z[0] ** 2), -20 * z[0]], [-20 * z[0], 10]]
            )
        start = [1.2, 1.5]
        result = optimize.minimize(bowl, start, args=(a,), method=method, tol=1e-9, **more)
        assert isinstance(result, optimize.OptimizeResult)
        return result.x

    np.testing.assert_allclose(chainrule.jacrev(f)(1.3), EXPECTED, rtol=1e-8)
    np.testing.assert_allclose(chainrule.jacfwd(f)(1.3), EXPECTED, rtol=1e-8)


def test_second_order_and_the_minimum_value() -> None:
    f = lambda a: optimize.minimize(bowl, [1.0, 1.0], args=(a,))  # noqa: E731
    second = richardson(lambda a: chainrule.jacrev(lambda a: f(a).x)(a), 1.3)
    np.testing.assert_allclose(chainrule.derivative(lambda a: f(a).x, 2)(1.3), second, rtol=1e-7)
    value = richardson(lambda a: bowl(exact(a), a), 1.3)
    assert chainrule.grad(lambda a: f(a).fun)(1.3) == pytest.approx(value, rel=1e-6)
    curvature = richardson(lambda a: richardson(lambda b: bowl(exact(b), b), a), 1.3)
    assert chainrule.derivative(lambda a: f(a).fun, 2)(1.3) == pytest.approx(curvature, rel=1e-5)


def test_jac_true_and_gradients_by_chainrule_itself() -> None:
    def pair(z: Any, a: Any) -> Any:
        return bowl(z, a), slope(z, a)

    for jac in (True, None):
        fun = pair if jac else bowl
        gradient = jac or (lambda z, a: chainrule.grad(bowl)(z, a))
        f = lambda a, fun=fun, g=gradient: optimize.minimize(  # noqa: E731
            fun, [1.0, 1.0], args=(a,), jac=g
        ).x
        np.testing.assert_allclose(chainrule.jacrev(f)(1.3), EXPECTED, rtol=1e-8)


def test_a_constant_array_of_the_program_in_the_users_gradient() -> None:
    def f(a: Any) -> Any:
        c = np.linspace(1.0, 2.0, 4)
        result = optimize.minimize(
            lambda z: np.sum(c * (z - a) ** 2), np.zeros(4), jac=lambda z: 2 * c * (z - a),
            method="L-BFGS-B",
        )  # fmt: skip
        return result.x

    np.testing.assert_allclose(chainrule.jacrev(f)(1.0), np.ones(4), rtol=1e-12)


@pytest.mark.parametrize("method", ["L-BFGS-B", "TNC", "SLSQP", "trust-constr", "Nelder-Mead"])
def test_bounds_that_move(method: str) -> None:
    def f(a: Any) -> Any:
        bounds = [(None, 0.8 * a), (0, 3)]
        return optimize.minimize(
            bowl, [0.5, 0.5], args=(a,), method=method, bounds=bounds, tol=1e-9
        ).x

    # z₀ = 0.8a, and 10(z₁ − z₀²) + 0.1a = 0
    np.testing.assert_allclose(chainrule.jacrev(f)(1.0), [0.8, 1.28 - 0.01], rtol=1e-8)
    g = lambda a: optimize.minimize(  # noqa: E731
        bowl, [0.5, 0.5], args=(a,), method=method, tol=1e-9,
        bounds=optimize.Bounds(-np.inf, np.stack([0.8 * a, 3.0 * a])),
    ).x  # fmt: skip
    np.testing.assert_allclose(chainrule.jacfwd(g)(1.0), [0.8, 1.28 - 0.01], rtol=1e-8)


def test_random_quadratic_programs() -> None:
    rng = np.random.default_rng(3)
    checked = 0
    for _ in range(25):
        n, m = 3, 2
        R = rng.standard_normal((n, n))
        Q, G = R @ R.T + np.eye(n), rng.standard_normal((m, n))
        b, h = 2 * rng.standard_normal(n), rng.uniform(0.1, 1.0, m)

        def solve(b: Any, h: Any, Q: Any = Q, G: Any = G) -> Any:
            constraint = {"type": "ineq", "fun": lambda w: h - G @ w}
            return optimize.minimize(
                lambda w: 0.5 * w @ Q @ w - b @ w, np.zeros(3), method="SLSQP",
                constraints=constraint, options={"ftol": 1e-14, "maxiter": 500},
            ).x  # fmt: skip

        z = solve(b, h)
        active = np.abs(h - G @ z) < 1e-6
        multipliers = np.linalg.lstsq(G[active].T, b - Q @ z, rcond=None)[0]
        if np.any(multipliers < 1e-2) or np.any(np.abs(h - G @ z)[~active] < 1e-2):
            continue
        k = int(active.sum())
        kkt = np.block([[Q, G[active].T], [G[active], np.zeros((k, k))]])
        inverse = np.linalg.inv(kkt)[:n]
        db, dh = chainrule.jacobian(solve, argnums=(0, 1))(b, h)
        np.testing.assert_allclose(db, inverse[:, :n], atol=1e-8)
        np.testing.assert_allclose(dh[:, active], inverse[:, n:], atol=1e-8)
        np.testing.assert_allclose(dh[:, ~active], 0, atol=1e-12)
        checked += 1
    assert checked >= 12


def constraints(kind: str, a: Any) -> Any:
    if kind == "dict":
        return {"type": "ineq", "fun": lambda z, c: c - z[0] ** 2 - z[1] ** 2, "args": (a,)}
    if kind == "equality":
        return [{"type": "eq", "fun": lambda z: z[0] ** 2 + z[1] ** 2 - a}]
    return optimize.NonlinearConstraint(lambda z: z[0] ** 2 + z[1] ** 2, -np.inf, a)


@pytest.mark.parametrize(
    ("method", "kind"),
    [("SLSQP", "dict"), ("SLSQP", "equality"), ("trust-constr", "object"), ("SLSQP", "object"),
     ("COBYLA", "dict"), ("COBYQA", "object")],
)  # fmt: skip
def test_general_constraints(method: str, kind: str) -> None:
    def f(a: Any) -> Any:
        result = optimize.minimize(
            lambda z: (z[0] - 2) ** 2 + (z[1] - 1) ** 2, [0.3, 0.2], method=method,
            constraints=constraints(kind, a), tol=1e-8,
        )  # fmt: skip
        return np.concatenate([result.x, np.atleast_1d(result.fun)])

    d = np.array([2.0, 1.0]) / np.sqrt(5)  # the projection of (2, 1) on the circle of radius √a
    expected = [*(d * 0.5), -2 * (np.sqrt(5) - 1) * 0.5]
    np.testing.assert_allclose(chainrule.jacrev(f)(1.0), expected, rtol=1e-6)


def test_linear_constraints_and_bounds_together() -> None:
    def f(a: Any) -> Any:
        return optimize.minimize(
            lambda z: np.sum((z - np.array([2.0, 1.0, -1.0])) ** 2), np.full(3, 0.3),
            method="trust-constr", bounds=[(0, None)] * 3,
            constraints=optimize.LinearConstraint(np.ones((1, 3)) * a, -np.inf, 2.0),
            options={"gtol": 1e-10, "xtol": 1e-12},
        ).x  # fmt: skip

    # z₂ = 0, and (z₀, z₁) = (2, 1) − t(1, 1) with z₀ + z₁ = 2/a
    np.testing.assert_allclose(chainrule.jacrev(f)(1.0), [-1.0, -1.0, 0.0], atol=1e-7)


def test_the_gradient_at_a_constrained_minimum_flows() -> None:
    def f(a: Any) -> Any:
        result = optimize.minimize(
            lambda z: np.sum((z - 2 * a) ** 2), [0.5, 0.5], method="L-BFGS-B", bounds=[(0, 1)] * 2
        )
        return result.jac[0]

    assert chainrule.grad(f)(1.0) == pytest.approx(-4.0)


def test_minimize_scalar() -> None:
    f = lambda x, a: (x - a) ** 2 + a * x**4  # noqa: E731
    for how in ({}, {"method": "golden"}, {"bounds": (-2, 2)}):
        g = lambda a, how=how: optimize.minimize_scalar(f, args=(a,), **how).x  # noqa: E731
        expected = richardson(
            lambda a: optimize.brentq(lambda x: 2 * (x - a) + 4 * a * x**3, -2, 2), 1.0
        )
        assert chainrule.grad(g)(1.0) == pytest.approx(expected, rel=1e-8)
    at_bound = lambda a: optimize.minimize_scalar(  # noqa: E731
        lambda x: (x - a) ** 2, bounds=(a**2, 3), method="bounded"
    ).x
    assert chainrule.grad(at_bound)(1.5) == pytest.approx(3.0)


@pytest.mark.parametrize("name", ["fmin", "fmin_bfgs", "fmin_cg", "fmin_powell", "fmin_cobyla"])
def test_older_functions(name: str) -> None:
    solver = getattr(optimize, name)
    if name == "fmin_cobyla":
        f = lambda a: solver(bowl, [0.9, 1.4], [], args=(a,), consargs=(), rhoend=1e-9,  # noqa: E731
                             maxfun=20000)  # fmt: skip
    else:
        f = lambda a: solver(bowl, [0.9, 1.4], args=(a,), disp=0, full_output=1)[0]  # noqa: E731
    np.testing.assert_allclose(chainrule.jacrev(f)(1.3), EXPECTED, rtol=1e-8)


def test_older_functions_with_bounds() -> None:
    f = lambda a: optimize.fmin_l_bfgs_b(  # noqa: E731
        lambda z, a: (bowl(z, a), slope(z, a)), [0.5, 0.5], args=(a,),
        bounds=[(None, 0.8 * a), (0, 3)], pgtol=1e-10,
    )[0]  # fmt: skip
    np.testing.assert_allclose(chainrule.jacrev(f)(1.0), [0.8, 1.27], rtol=1e-8)
    g = lambda a: optimize.fmin_slsqp(  # noqa: E731
        lambda z: np.sum((z - 2) ** 2), [0.0, 0.0], eqcons=[lambda z: z[0] + z[1] - a], iprint=0
    )
    np.testing.assert_allclose(chainrule.jacrev(g)(1.0), [0.5, 0.5], rtol=1e-8)
    h = lambda a: optimize.fminbound(lambda x: (x - a) ** 2 + x**4, -2, 2)  # noqa: E731
    expected = richardson(lambda a: optimize.brentq(lambda x: 2 * (x - a) + 4 * x**3, -2, 2), 1.0)
    assert chainrule.grad(h)(1.0) == pytest.approx(expected, rel=1e-8)
    value = lambda a: optimize.fminbound(  # noqa: E731
        lambda x: (x - a) ** 2 + a, -2, 2, full_output=True
    )[1]
    assert chainrule.grad(value)(1.0) == pytest.approx(1.0, rel=1e-8)


def test_global_minimisers() -> None:
    box = [(-2, 2), (-2, 3)]
    calls = {
        "differential_evolution": lambda a: optimize.differential_evolution(
            bowl, box, args=(a,), rng=1, maxiter=100
        ),
        "dual_annealing": lambda a: optimize.dual_annealing(
            bowl, box, args=(a,), rng=1, maxiter=30
        ),
        "shgo": lambda a: optimize.shgo(bowl, box, args=(a,)),
        "basinhopping": lambda a: optimize.basinhopping(
            bowl, [1.0, 1.0], niter=2, minimizer_kwargs={"args": (a,)}, rng=1
        ),
    }
    for name, call in calls.items():
        found = chainrule.jacrev(lambda a, c=call: c(a).x)(1.3)
        np.testing.assert_allclose(found, EXPECTED, rtol=1e-8, err_msg=name)
    f = lambda a: optimize.brute(lambda x: (x[0] - a) ** 2, [(-2, 2)], disp=False)  # noqa: E731
    assert chainrule.jacrev(f)(1.0) == pytest.approx(1.0, rel=1e-8)


def test_differences_are_composites() -> None:
    f = lambda a: optimize.approx_fprime(np.stack([a, 2.0]), bowl, 1e-6, a)  # noqa: E731
    exact = lambda a: slope(np.stack([a, 2.0]), a)  # noqa: E731
    expected = richardson(lambda a: exact(a), 1.0)
    np.testing.assert_allclose(chainrule.jacrev(f)(1.0), expected, rtol=1e-4)


def test_many_unknowns_need_no_matrix() -> None:
    c = np.linspace(1, 2, 1000)

    def f(a: Any) -> Any:
        return np.sum(
            optimize.minimize(
                lambda z: np.sum(c * (z - a) ** 2) + np.sum((z[1:] - z[:-1]) ** 2),
                np.zeros(1000),
                jac=lambda z: 2 * c * (z - a) + 2 * np.concatenate([[0], np.diff(z)])
                - 2 * np.concatenate([np.diff(z), [0]]),
                method="L-BFGS-B",
            ).x
        )  # fmt: skip

    assert chainrule.grad(f)(1.0) == pytest.approx(1000.0, rel=1e-8)


def test_agreement_in_both_modes_at_order_two() -> None:
    agrees(
        lambda a: optimize.minimize(
            lambda z: np.sum(np.cosh(z - a * np.array([1.0, 2.0]))) + 0.1 * z[0] * z[1],
            [0.0, 0.0], method="Newton-CG", tol=1e-13,
            jac=lambda z: np.sinh(z - a * np.array([1.0, 2.0])) + 0.1 * z[::-1],
        ).x,
        0.4,
        exact=lambda a: optimize.fsolve(
            lambda z: np.sinh(z - a * np.array([1.0, 2.0])) + 0.1 * z[::-1], [0.4, 0.8], xtol=1e-12
        ),
    )  # fmt: skip
