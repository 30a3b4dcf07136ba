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
