"""Programs that run only once: what would take another run is told, and their error is not met."""

import warnings

import numpy as np
import pytest

import chainrule as cr
from chainrule.diagnose import searching
from chainrule.errors import IndeterminateWarning, KinkWarning, UncheckedWarning


def bisect(p):
    low, high = 0.0, 10.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if middle * middle < p else (low, middle)
    return 0.5 * (low + high)


TAKEN = {
    "grad": (cr.grad, lambda x: np.sqrt(x) ** 2, 0.0, IndeterminateWarning),
    "jvp": (
        lambda f: lambda x: cr.jvp(f, (x,), (1.0,))[1], lambda x: np.sqrt(x) ** 2, 0.0,
        IndeterminateWarning,
    ),
    "jacobian": (cr.jacobian, lambda x: np.sqrt(x) ** 2, np.zeros(2), IndeterminateWarning),
    "vectors": (
        cr.grad, lambda A: np.linalg.eigh(A)[1][0, 0] ** 2, np.eye(2), IndeterminateWarning
    ),
    "second": (lambda f: cr.derivative(f, 2), lambda x: abs(x) ** 2, 0.0, KinkWarning),
    "hessian": (cr.hessian, lambda x: np.linalg.norm(x) ** 2, np.zeros(2), KinkWarning),
    "search": (cr.grad, bisect, 2.0, UncheckedWarning),
}


@pytest.mark.parametrize("name", TAKEN)
def test_what_cannot_be_run_again_is_told(name):
    derivative, function, at, told = TAKEN[name]
    searching._agreed.clear()
    runs = 0

    def once(x):
        nonlocal runs
        runs += 1
        if runs > 1:
            raise RuntimeError("this runs once")
        return function(x)

    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        derivative(once)(at)
    assert told in {w.category for w in found}
