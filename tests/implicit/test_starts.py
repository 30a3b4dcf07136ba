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
