"""Elementary functions of what is tiny or huge, to the third order: no partial leaves the range.

exp(−x²) at 26 is a number, its square is none. Whatever a rule forms of it alone (1/u², say) must
be formed together with what arrives, which is as tiny.
"""

import math

import numpy as np
import pytest
from scipy import special, stats

import chainrule as cr

mpmath = pytest.importorskip("mpmath")

SCALES = {
    "exp(-x*x)": (lambda x: np.exp(-x * x), lambda x: mpmath.exp(-x * x), (20.0, 26.0)),
    "exp(x*x)": (lambda x: np.exp(x * x), lambda x: mpmath.exp(x * x), (19.0, 25.5)),
}
FUNCTIONS = {
    "log": (np.log, mpmath.log),
    "math.log": (math.log, mpmath.log),
    "log2": (np.log2, lambda u: mpmath.log(u, 2)),
    "log10": (np.log10, mpmath.log10),
    "log1p": (np.log1p, mpmath.log1p),
    "u log u": (lambda u: u * np.log(u), lambda u: u * mpmath.log(u)),
    "sqrt": (np.sqrt, mpmath.sqrt),
    "cbrt": (np.cbrt, mpmath.cbrt),
    "u**.5": (lambda u: u**0.5, mpmath.sqrt),
    "u**-.5": (lambda u: u**-0.5, lambda u: 1 / mpmath.sqrt(u)),
    "u**-1": (lambda u: u**-1, lambda u: 1 / u),
    "powers": (lambda u: np.sum(np.power(u, np.array([0.25, -0.25, 0.5]))),
               lambda u: u**0.25 + u**-0.25 + u**0.5),
    "u**v": (lambda u: np.power(u, 0.5 * u / u), mpmath.sqrt),
    "reciprocal": (np.reciprocal, lambda u: 1 / u),
    "quotient": (lambda u: u / (3 * u + u * np.log(u)), lambda u: 1 / (3 + mpmath.log(u))),
    "1/u·u": (lambda u: 1 / u * (u * np.log(u)), mpmath.log),
    "hypot": (lambda u: np.hypot(u, 2 * u), lambda u: mpmath.sqrt(5) * u),
    "arctan2": (lambda u: np.arctan2(u, u * np.log(u)), lambda u: mpmath.acot(mpmath.log(u))),
    "arcsinh": (np.arcsinh, mpmath.asinh),
    "xlogy": (lambda u: special.xlogy(u, u), lambda u: u * mpmath.log(u)),
    "rel_entr": (lambda u: special.rel_entr(u, 3 * u), lambda u: -u * mpmath.log(3)),
    "log det": (lambda u: np.log(np.linalg.det(np.eye(2) * u**0.5)), mpmath.log),
    "log inv": (lambda u: np.log(np.linalg.inv(np.eye(2) * u)[0, 0]), lambda u: -mpmath.log(u)),
    "log mean": (lambda u: np.log(np.mean(np.stack([u, 3 * u]))), lambda u: mpmath.log(2 * u)),
}  # fmt: skip


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_of_tiny_and_of_huge_numbers(name, scale, order):
    (f, exact), (inner, exact_inner, points) = FUNCTIONS[name], SCALES[scale]
    for x in points:
        with mpmath.workdps(120), np.errstate(all="ignore"):
            at, h = mpmath.mpf(x), mpmath.mpf(10) ** -20
            want = mpmath.diff(lambda v: exact(exact_inner(v)), at, order, h=h)
            rounding = abs(exact(exact_inner(at))) * at**order / 1000  # of what sums to nearly 0
            size = max(abs(want), rounding)
            if not 1e-290 < size < 1e300:
                continue
            got = cr.derivative(lambda v: f(inner(v)), order)(x)
            assert abs(got - want) < 1e-9 * size, (x, got, want)


def test_a_mixture_of_densities_far_out():
    def f(x):
        return np.log(0.3 * stats.norm.pdf(x) + 0.7 * stats.norm.pdf(x - 1))

    np.testing.assert_allclose(cr.derivative(f, 2)(30.0), -1.0, rtol=1e-9)


@pytest.mark.parametrize("x", [1.0, 1e3, 1e6, 1e8])
def test_the_curvature_of_a_length(x):
    with mpmath.workdps(50):
        want = (mpmath.mpf(x) ** 2 + 1) ** mpmath.mpf(-1.5)
    np.testing.assert_allclose(cr.derivative(lambda v: np.hypot(v, 1.0), 2)(x), float(want), 1e-12)
