"""Where a solve starts, and what helps it, may be traced alone: what is found must not depend."""

import numpy as np
import pytest
import scipy.optimize as so
import scipy.sparse as sp
import scipy.sparse.linalg as sl

import chainrule as cr
from chainrule.errors import ImplicitError, ImplicitWarning

POINT, D, ONE = np.array([1.0, 2.0, 3.0]), np.diag([1.0, 2.0, 3.0]), np.ones(3)
FULL, FLAT = D + 0.1, np.ones((2, 2))


def operator(x):
    return sl.LinearOperator((3, 3), matvec=lambda v: v * x, dtype=float)


UNFINISHED = {
    "cg x0": lambda x: sl.cg(D, ONE, x0=x, maxiter=1),
    "gmres x0": lambda x: sl.gmres(D, ONE, x0=x, maxiter=1, restart=1),
    "minres x0": lambda x: sl.minres(D, ONE, x0=x, maxiter=1),
    "bicgstab x0": lambda x: sl.bicgstab(sp.csr_array(D), ONE, x0=x, maxiter=1),
    "lgmres x0": lambda x: sl.lgmres(FULL, ONE, x0=x, maxiter=1, inner_m=1),
    "cg M": lambda x: sl.cg(D, ONE, M=np.diag(x), maxiter=1),
    "cg M sparse": lambda x: sl.cg(
        D, ONE, M=sp.csr_array((x, ([0, 1, 2], [0, 1, 2]))), maxiter=1
    ),
    "cg M operator": lambda x: sl.cg(D, ONE, M=operator(x), maxiter=1),
    "cg x0 operator": lambda x: sl.cg(operator(POINT), ONE, x0=x, maxiter=1),
}


@pytest.mark.parametrize("name", UNFINISHED)
def test_an_answer_that_has_not_converged_depends_on_the_way(name):
    for d in (cr.grad, cr.jacobian, lambda f: lambda x: cr.jvp(f, (x,), (ONE,))):
        with pytest.raises(ImplicitError, match="did not converge"):
            d(lambda x: UNFINISHED[name](x)[0].sum())(POINT)


def test_a_loose_answer_is_told():
    with pytest.warns(ImplicitWarning, match="from the solution"):
        cr.grad(lambda x: sl.cg(FULL, ONE, x0=x, rtol=0.3)[0].sum())(POINT)


@pytest.mark.parametrize("method", [sl.cg, sl.minres])
def test_a_singular_system_has_the_solution_that_the_way_leads_to(method):
    """x = x0 + A⁺(b − A x0)."""
    ways = {
        "x0": lambda x: method(FLAT, np.ones(2), x0=x)[0],
        "x0 and b": lambda x: method(FLAT, np.ones(2) * x.sum(), x0=x)[0],
    }
    for way in ways.values():
        with pytest.raises(ImplicitError, match="singular"):
            cr.jvp(way, (np.array([0.0, 0.2]),), (np.array([0.0, 1.0]),))
    known = cr.jvp(lambda x: method(FLAT, np.ones(2) * x)[0], (1.0,), (1.0,))[1]
    assert known == pytest.approx([0.5, 0.5])


FINISHED = {
    "cg x0": lambda x: sl.cg(FULL, ONE, x0=x)[0],
    "gmres x0": lambda x: sl.gmres(FULL, ONE, x0=x)[0],
    "cg M": lambda x: sl.cg(FULL, ONE, M=np.diag(1 / x))[0],
    "cg M operator": lambda x: sl.cg(FULL, ONE, M=operator(1 / x))[0],
    "poor": lambda x: sl.cg(np.diag([1.0, 1e4, 1e8]), ONE, x0=x, rtol=1e-13)[0],
    "fsolve": lambda x: so.fsolve(lambda z: z**2 - 2, x),
    "newton": lambda x: so.newton(lambda z: z**2 - 2, x),
    "root": lambda x: so.root(lambda z: z**3 - z - 2, x).x,
}


@pytest.mark.parametrize("name", FINISHED)
def test_an_answer_that_has_converged_does_not(name):
    assert np.all(cr.jacobian(FINISHED[name])(POINT) == 0)


PAIR = np.array([0.3, 0.4])
ELSEWHERE = {
    "fsolve": lambda x: so.fsolve(lambda z: [z[0] + z[1] - 1, 2 * z[0] + 2 * z[1] - 2], x),
    "root": lambda x: so.root(lambda z: [z[0] + z[1] - 1, 2 * z[0] + 2 * z[1] - 2], x).x,
    "krylov": lambda x: so.root(
        lambda z: z**2 - 2, x, method="krylov", options={"maxiter": 1}
    ).x,
    "newton": lambda x: so.newton(lambda z: z**2 - 2, x[0], maxiter=1, disp=False),
    "tol": lambda x: so.newton(lambda z: z**2 - 2, 1 + x[0] / 10, tol=0.5),
    "fixed_point": lambda x: so.fixed_point(lambda z: z, x),
}  # fmt: skip


@pytest.mark.parametrize("name", ELSEWHERE)
def test_equations_by_themselves_are_checked_where_the_start_is_traced(name):
    with pytest.raises(ImplicitError):
        cr.jacobian(ELSEWHERE[name])(PAIR)


def valley(z):
    return (z[0] + z[1] - 1) ** 2


NO_MINIMUM = {  # flat, singular or not finished: the answer depends on the start
    **{f"flat {m}": lambda x, m=m: so.minimize(lambda z: 0 * z[0], x, method=m).x
       for m in ("BFGS", "CG", "L-BFGS-B", "Nelder-Mead", "SLSQP", "trust-constr")},
    "valley": lambda x: so.minimize(valley, x).x,
    "hinge": lambda x: so.minimize(lambda z: np.sum(np.maximum(z - 1, 0) ** 2), x).x,
    "few steps": lambda x: so.minimize(
        lambda z: np.sum((z - 1) ** 2), x, method="Nelder-Mead", options={"maxiter": 3}
    ).x,
    "bounds": lambda x: so.minimize(valley, x, bounds=[(0, 1)] * 2).x,
    "value": lambda x: so.minimize(valley, x, options={"maxiter": 0}).fun,
    "scalar": lambda x: so.minimize_scalar(lambda z: 0 * z, bracket=(x[0], x[1])).x,
    "least_squares": lambda x: so.least_squares(lambda z: [z[0] + z[1] - 1, 0], x).x,
    "few evaluations": lambda x: so.least_squares(lambda z: z**2 - 2, x, max_nfev=1).x,
    "leastsq": lambda x: so.leastsq(lambda z: 0 * z, x)[0],
    "fmin": lambda x: so.fmin(valley, x, disp=0),
    "fmin_bfgs": lambda x: so.fmin_bfgs(lambda z: np.sum((z - 1) ** 2), x, disp=0, maxiter=0),
    "curve_fit": lambda x: so.curve_fit(lambda t, p, q: (p + q) * t, ONE.cumsum(), POINT, p0=x)[0],
}  # fmt: skip


@pytest.mark.parametrize("name", NO_MINIMUM)
@pytest.mark.filterwarnings("ignore::scipy.optimize.OptimizeWarning")
def test_what_is_no_regular_minimum_is_refused_where_the_start_is_traced(name):
    for d in (cr.jacobian, lambda f: lambda x: cr.jvp(f, (x,), (x,)),
              lambda f: cr.jacobian(cr.jacobian(f))):  # fmt: skip
        with pytest.raises(ImplicitError):
            d(NO_MINIMUM[name])(PAIR)
    np.asarray(NO_MINIMUM[name](PAIR))  # plainly it answers


REGULAR = {
    "minimize": lambda x: so.minimize(lambda z: np.sum((z - 1) ** 2), x).x,
    "at a bound": lambda x: so.minimize(np.sum, x, bounds=[(0, 1)] * 2).x,
    "constraint": lambda x: so.minimize(
        lambda z: np.sum(z**2), x, constraints={"type": "eq", "fun": lambda z: z.sum() - 1}
    ).x,
    "scalar": lambda x: so.minimize_scalar(lambda z: (z - 1) ** 2, bracket=(x[0], x[1])).x,
    "golden": lambda x: so.golden(lambda z: (z - 1) ** 2, brack=(x[0], x[1])),
    "least_squares": lambda x: so.least_squares(lambda z: z**2 - 2, x).x,
    "curve_fit": lambda x: so.curve_fit(lambda t, p, q: p * t + q, POINT, POINT**2, p0=x)[0],
    "basinhopping": lambda x: so.basinhopping(lambda z: np.sum((z - 1) ** 2), x, niter=2).x,
}


@pytest.mark.parametrize("name", REGULAR)
def test_a_regular_minimum_does_not_depend_on_the_start(name):
    assert np.all(cr.jacobian(REGULAR[name])(PAIR) == 0)
