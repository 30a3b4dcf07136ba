"""Limits at ties of functions that are narrow beside the size of their inputs."""

import numpy as np
import pytest
from scipy import special

import chainrule as cr
from chainrule.errors import IndeterminateWarning

DATE = 2459000.5  # a Julian date


def test_a_peak_at_a_large_number():
    f = lambda t: np.exp(-(np.abs(t - DATE) ** 2) / (2 * 0.05**2))  # noqa: E731
    np.testing.assert_allclose(cr.hessian(f)(DATE), -400, rtol=1e-9)


@pytest.mark.parametrize("at", [1e4, 100.0])
@pytest.mark.parametrize("f", [
    lambda t, at: (t - at) * np.exp(-np.sqrt((t - at) ** 4) / (2 * 0.05**2)),
    lambda t, at: np.exp(-(np.sqrt((t - at) ** 2) ** 2) / (2 * 0.05**2)) * (1 + np.sin(t - at)),
])  # fmt: skip
def test_a_first_derivative_that_is_a_limit(f, at):
    """At the date a width of 0.05 is 2e-8 of the number: there rounding settles, too."""
    with pytest.warns(IndeterminateWarning, match="limit"):
        found = cr.grad(f)(at, at)
    np.testing.assert_allclose(found, 1, rtol=1e-9)


@pytest.mark.parametrize(("f", "x", "want"), [
    (lambda p: np.exp(-((p[1] - 0.31) ** 2) / 2e-4) * (1 + np.abs(p[1] - 0.3) ** 2) + p[0] * 1e-3,
     [1e6, 0.3], 1.2130613194),
    (lambda p: special.expit(100 * (p[1] - 0.25)) + np.abs(p[1] - 0.3) ** 2 + p[0] * 1e-3,
     [1e9, 0.3], -63.5906776636),
    (lambda p: np.maximum(p[1], 0) + np.log1p(np.exp(-np.abs(p[1]))) + p[0] * 1e-9, [1e8, 0.0],
     0.25),
    (lambda p: np.exp(-40 * np.maximum(p[1], -p[1]) ** 2) + 1e-6 * p[0], [1e3, 0.0], -80.0),
])  # fmt: skip
def test_each_number_moves_by_its_own_size(f, x, want):
    np.testing.assert_allclose(cr.hessian(f)(np.array(x))[1, 1], want, rtol=1e-9)


@pytest.mark.parametrize("ends", [True, False])
def test_a_newton_loop_is_not_called_where_it_never_ends(ends):
    """The stop test ties at the answer; a shifted eccentricity must stay one."""
    M = np.linspace(0.1, 6.0, 25)

    def kepler(p):
        E = M.copy()
        for k in range(1000):
            step = (E - p[1] * np.sin(E) - M) / (1 - p[1] * np.cos(E))
            E = E - step
            if (ends and np.max(np.abs(step)) < 1e-12) or k == 30:
                break
            assert k < 900
        return p[0] * np.sum(np.cos(E))

    want = [[0.0, -12.7712384478], [-12.7712384478, 35.373728892]]
    np.testing.assert_allclose(cr.hessian(kepler)(np.array([1000.0, 0.3])), want, rtol=1e-8)
