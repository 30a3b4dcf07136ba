"""A question that holds at a solver's answer alone: the derivative is that of the points beside."""

import math

import numpy as np
import pytest
from scipy import optimize
from scipy.integrate import odeint, quad, solve_ivp

import chainrule as cr

PHI = {  # (exp z − 1)/z, whose slope at 0 is 1/2
    "a branch": lambda z: 1.0 if z == 0 else math.expm1(z) / z,
    "a mask": lambda z: np.where(z == 0, 1.0, np.expm1(z) / np.where(z == 0, 1.0, z)),
}
TIGHT = {"rtol": 1e-10, "atol": 1e-12}


def by_ivp(method):
    def solve(phi):
        return lambda a: solve_ivp(
            lambda s, z: [phi(z[0]) - 1], (0, 1), [a], method=method, **TIGHT
        ).y[0, -1]  # fmt: skip

    return solve


SOLVED = {  # and what is right at a = 0
    "newton": (lambda phi: lambda a: optimize.newton(lambda z: z + phi(z) - 1 - a, 0.0), 2 / 3),
    "brentq": (
        lambda phi: lambda a: optimize.brentq(lambda z: z + phi(z) - 1 - a, -1, 1), 2 / 3
    ),
    "fsolve": (
        lambda phi: lambda a: optimize.root(lambda z: z + phi(z[0]) - 1 - a, [0.0]).x[0], 2 / 3
    ),
    **{m: (by_ivp(m), math.exp(0.5)) for m in ("RK45", "BDF", "LSODA", "Radau")},
    "odeint": (
        lambda phi: lambda a: odeint(lambda z, s: phi(z[0]) - 1, [a], [0, 1.0], **TIGHT)[-1, 0],
        math.exp(0.5),
    ),
    "quad": (lambda phi: lambda a: quad(lambda t: t * phi(a), 0, 2)[0], 1.0),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:The iteration is not making")
@pytest.mark.parametrize("name", SOLVED)
@pytest.mark.parametrize("phi", PHI)
def test_the_answer_stands_at_the_point(phi, name):
    make, right = SOLVED[name]
    np.testing.assert_allclose(cr.grad(make(PHI[phi]))(0.0), right, rtol=2e-8)


def by_names(a):
    return max(a, 1.0) + min(a, 1.0)


def by_branches(a):
    upper = a if a > 1 else 1.0
    return upper + (a if a < 1 else 1.0)


CUBE = 2 ** (-2 / 3) / 3  # the slope of the root of z³ = 2
CALLBACKS = {  # by what is a + 1, wherever it is asked
    "quad": (lambda c: lambda a: quad(lambda z: z * c(a), 0, 1)[0], 0.5),
    "brentq": (lambda c: lambda a: optimize.brentq(lambda z: z**3 - c(a), 0, 3), CUBE),
    "newton": (lambda c: lambda a: optimize.newton(lambda z: z**3 - c(a), 1.0), CUBE),
    "root_scalar": (
        lambda c: lambda a: optimize.root_scalar(lambda z: z**3 - c(a), bracket=(0, 3)).root, CUBE),
    "fsolve": (lambda c: lambda a: optimize.fsolve(lambda z: z**3 - c(a), 1.0)[0], CUBE),
    "minimize": (lambda c: lambda a: optimize.minimize(
        lambda z: z[0]**2 - c(a) * z[0], [1.0]).x[0], 0.5),
    **{m: (lambda c, m=m: lambda a: solve_ivp(
        lambda t, y: 0 * y + c(a), (0, 1), [0.0], method=m, **TIGHT).y[0, -1], 1.0)
       for m in ("RK45", "BDF", "LSODA", "Radau")},
    "odeint": (lambda c: lambda a: odeint(
        lambda y, t: 0 * y + c(a), [0.0], [0.0, 1.0], **TIGHT)[-1, 0], 1.0),
    "by the solver's number": (lambda c: lambda a: quad(
        lambda z: max(z, a) + min(z, a), 0, 2)[0], 2.0),
    "at the answer": (lambda c: lambda a: optimize.brentq(
        lambda z: z - a + 2 * (max(z - 1, 0.0) + min(z - 1, 0.0)), 0, 3), 1 / 3),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLBACKS)
@pytest.mark.parametrize("decide", [by_names, by_branches])
def test_a_tie_that_each_call_meets_is_one_of_the_inputs(decide, name):
    make, right = CALLBACKS[name]
    np.testing.assert_allclose(cr.grad(make(decide))(1.0), right, rtol=2e-8)
