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


# --- families of an order n, where a recurrence would cancel --------------------------------------


def _w(z):
    return mpmath.exp(-z * z) * mpmath.erfc(-1j * z)


def _voigt(x, s, g):
    if s == 0:
        return g / mpmath.pi / (x * x + g * g)
    w = _w(mpmath.mpc(x, g) / (s * mpmath.sqrt(2)))
    return mpmath.re(w) / (s * mpmath.sqrt(2 * mpmath.pi))


def _exactly(f, x, order):
    with mpmath.workdps(90):
        x = mpmath.mpf(x)
        return complex(mpmath.diff(f, x, order, h=mpmath.mpf(10) ** -16) if order else f(x))


@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize("x", [-1e6, -300.0, -16.5, -15.5, -6.0, -1.01, -0.99, 3.0])
def test_the_logarithm_of_the_normal_tail(x, order):
    def slope(v):
        return mpmath.npdf(v) / mpmath.ncdf(v)

    want = _exactly(slope, x, order - 1).real
    for f in (special.log_ndtr, stats.norm.logcdf, lambda v: stats.norm.logsf(-v)):
        np.testing.assert_allclose(cr.derivative(f, order)(x), want, rtol=1e-11)


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("z", [(1e4, 1.0), (30.0, 1e-9), (8.5, 0.5), (3.0, 2.0), (9.0, -0.1)])
def test_the_function_of_faddeeva(z, order):
    x, y = z
    want = _exactly(lambda v: _w(v + mpmath.mpc(0, y)), x, order)
    got = [
        cr.derivative(lambda v, part=part: part(special.wofz(v + 1j * y)), order)(x)
        for part in (np.real, np.imag)
    ]
    np.testing.assert_allclose(got, [want.real, want.imag], rtol=1e-9)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("k", [0, 1, 2])
@pytest.mark.parametrize("at", [
    (1.7, 1e-8, 0.99), (1.7, 0.0, 0.99), (30.0, 0.01, 1.0), (0.3, 0.5, 0.2), (12.0, 1.2, 0.5),
])  # fmt: skip
def test_the_profile_of_voigt(at, k, order):
    if at[k] == 0:  # it is even in σ, and the formula of the other side is none
        want = 0.0 if order == 1 else _exactly(lambda v: _voigt(v, 0, at[2]), at[0], 2).real
    else:
        want = _exactly(
            lambda v: _voigt(*[v if j == k else mpmath.mpf(a) for j, a in enumerate(at)]), at[k],
            order,
        ).real
    got = cr.derivative(
        lambda v: special.voigt_profile(*[v if j == k else a for j, a in enumerate(at)]), order
    )(at[k])
    np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-300)


# --- where poles cancel, and where an integral would need more nodes ------------------------------


@pytest.mark.parametrize(("f", "x", "order", "want"), [
    (lambda b: special.beta(2.0, b), -2.0, 2, 1.75),
    (lambda b: special.betaln(2.0, b), -2.0, 2, 1.25),
    (lambda b: special.betaln(3.0, b), -5.0, 2, 1 / 25 + 1 / 16 + 1 / 9),
    (lambda a: special.poch(a, 3.0), -2.0 + 1e-9, 1, 1.999999994),
    (lambda a: special.poch(a, 2.0), -3.0, 1, -5.0),
    (lambda n: special.binom(n, 3.0), -1.0 + 1e-9, 2, -1.999999999),
    (lambda x: special.hyp1f1(-1.0, -2.0, x), 0.3, 1, 0.5),
    (lambda x: special.hyp1f1(-2.0, -3.0, x), 0.3, 2, 1 / 3),
])  # fmt: skip
def test_poles_that_cancel(f, x, order, want):
    np.testing.assert_allclose(cr.derivative(f, order)(x), want, rtol=1e-12)


@pytest.mark.parametrize("f", [special.pro_cv, special.obl_cv])
@pytest.mark.parametrize("at", [(0, 60, 1.0), (1, 40, 20.0), (0, 3, 30.0), (2, 7, 10.0)])
def test_eigenvalues_of_the_spheroidal_equation(f, at):
    m, n, c = at
    step = 1e-4 * c
    around = [f(m, n, c + k * step) for k in (-2, -1, 1, 2)]
    want = (around[0] - 8 * around[1] + 8 * around[2] - around[3]) / (12 * step)
    np.testing.assert_allclose(cr.grad(lambda v: f(m, n, v))(c), want, rtol=1e-6)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("k", [0, 1, 2, 3])
@pytest.mark.parametrize("z", [2.0, 11.9, 12.1, 1e5])
def test_the_scaled_functions_of_airy(z, k, order):
    airy, turn = (mpmath.airyai, mpmath.airybi)[k // 2], 1 if k < 2 else -1

    def scaled(v):
        return airy(v, derivative=k % 2) * mpmath.exp(turn * mpmath.mpf(2) / 3 * v**1.5)

    want = _exactly(scaled, z, order).real
    got = cr.derivative(lambda v: special.airye(v)[k], order)(z)
    np.testing.assert_allclose(got, want, rtol=1e-10)


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("v", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("x", [1e-6, 1e-3, 0.5])
def test_the_functions_of_struve_near_0(x, v, order):
    for f, exact in ((special.struve, mpmath.struveh), (special.modstruve, mpmath.struvel)):
        with mpmath.workdps(60):
            h = mpmath.mpf(x) * mpmath.mpf(10) ** -12
            want = float(mpmath.diff(lambda t, g=exact: g(v, t), mpmath.mpf(x), order, h=h))
        got = cr.derivative(lambda t, g=f: g(v, t), order)(x)
        np.testing.assert_allclose(got, want, rtol=1e-8)
