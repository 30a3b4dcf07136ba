"""numpy.polynomial: the classes, and the highest coefficients that NumPy would drop."""

import subprocess
import sys
import warnings

import numpy as np
import numpy.polynomial as npp
import pytest

import chainrule as cr
from chainrule.errors import LostDerivativeError
from chainrule.numeric import directional

KINDS = (npp.Polynomial, npp.Chebyshev, npp.Legendre, npp.Hermite, npp.HermiteE, npp.Laguerre)
C, D, X = np.array([0.7, -0.4, 1.1, 0.9]), np.array([0.6, 1.3, 0.8]), np.array([-0.5, 0.2, 0.7])

every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.__name__)


@every_kind
@pytest.mark.parametrize(
    "f",
    [
        lambda k, c, d: k(c, domain=d[:2])(X),
        lambda k, c, d: (k(c) + k(d)).coef,
        lambda k, c, d: (k(c) - d[0]).coef,
        lambda k, c, d: (k(c) * k(d) / d[1]).coef,
        lambda k, c, d: (k([1.0, 2.0]) * d[0]).coef * c[0],
        lambda k, c, d: [p.coef for p in divmod(k(c), k(d))],
        lambda k, c, d: (k(c) ** 3).coef * d[0],
        lambda k, c, d: k(c).deriv(2).coef * d[0],
        lambda k, c, d: k(c).integ(1, k=d[0], lbnd=d[1]).coef,
        lambda k, c, d: k(c[:2]).roots() * d[0],
        lambda k, c, d: k.fromroots(d, domain=[-1, 1]).coef * c[0],
        lambda k, c, d: k.fit(c, c**2 + d[0], 2).coef,
        lambda k, c, d: k(c).truncate(2).coef * d[0],
        lambda k, c, d: k(c).linspace(4)[1] * d[0],
        lambda k, c, d: k.basis(2)(d) * c[0],
        lambda k, c, d: [v * d[0] for v in k(c)],
    ],
)
def test_the_classes_of_series(kind, f):
    cr.check_grads(lambda c, d: f(kind, c, d), (C, D), order=2)


@every_kind
def test_a_class_gives_numpys_values_under_a_trace(kind):
    def f(c):
        p = kind(c) * kind(D) + 1.5
        return np.concatenate([p.coef, p.deriv().coef, p(X)])

    np.testing.assert_array_equal(cr.vjp(f, C)[0], f(C))


@pytest.mark.parametrize(
    "f",
    [
        npp.polynomial.polyadd, npp.polynomial.polymul, npp.chebyshev.chebsub,
        npp.legendre.legmul, npp.hermite.hermmul, npp.laguerre.lagadd,
    ],
)  # fmt: skip
def test_a_highest_coefficient_that_would_be_dropped_is_refused(f):
    c = np.array([1.0, 2.0, 0.0])
    with pytest.raises(LostDerivativeError, match="exactly zero"):
        cr.vjp(lambda c: f(c, c), c)


@pytest.mark.parametrize(
    "f",
    [
        lambda c: npp.polynomial.polyroots(c),
        lambda c: npp.chebyshev.chebcompanion(c),
        lambda c: npp.polynomial.polydiv(D, c),
        lambda c: npp.polynomial.polyline(1.0, c[-1]),
        lambda c: npp.legendre.legint(c[-1:]),
        lambda c: npp.laguerre.lag2poly(c),
        lambda c: np.poly1d(c[::-1])(2.0),
        lambda c: np.polymul(c[::-1], D),
    ],
)
def test_where_the_length_would_jump_is_refused(f):
    with pytest.raises(LostDerivativeError, match="exactly zero"):
        cr.vjp(f, np.array([1.0, 2.0, 0.0]))


def test_evaluation_keeps_every_coefficient():
    c = np.array([1.0, 2.0, 0.0])
    for kind in KINDS:
        cr.check_grads(lambda c, kind=kind: kind(c)(X), (c,))
    cr.check_grads(lambda c: np.polyval(c, X), (c[::-1],))


def test_zeros_inside_a_series_keep_their_derivative():
    """NumPy's code drops what c[k]·x is for c[k] = 0; the derivative in c[k] is not zero."""
    c = np.array([1.0, 0.0, 0.0, 0.5])
    for module, name in (("legendre", "leg"), ("hermite", "herm"), ("laguerre", "lag")):
        multiply = getattr(getattr(npp, module), f"{name}mul")
        cr.check_grads(lambda c, m=multiply: m([1.0, 2.0, 3.0], c), (c,), order=2)
    cr.check_grads(lambda c: npp.chebyshev.cheb2poly(c), (c,))
    cr.check_grads(lambda c: npp.chebyshev.poly2cheb(c), (c,))


def test_plain_series_are_shortened_as_ever():
    f = cr.grad(lambda x: np.sum(npp.polynomial.polymul([1.0, 2.0, 0.0], [1.0, 0.0])) * x)
    assert f(2.0) == 3.0


def test_fit_with_all_it_returns():
    y = np.sin(np.arange(6.0))
    cr.check_grads(lambda y: npp.polynomial.polyfit(np.arange(6.0), y, 2, full=True)[1][0], (y,))
    cr.check_grads(lambda y: np.polyfit(np.arange(6.0), y, 2, full=True)[1], (y,))
    cr.check_grads(lambda y: np.polyfit(np.arange(6.0), y, 2, cov=True), (y,))
    cr.check_grads(lambda y: np.polyfit(np.arange(6.0), y, 1, cov="unscaled")[1] * y[0], (y,))
    with pytest.raises(ValueError, match="number of data points"):
        cr.vjp(lambda y: np.polyfit(y[:2], y[:2], 1, cov=True), y)


def test_roots_follow_their_equation():
    cr.check_grads(lambda p: np.sort(np.real(np.roots(p))), (np.poly([3.0, -1.0, 2.0, 0.5]),))
    # 0·x² + x − 2: what is left is the root 2, and a x² moves it by −x² = −4
    gradient = cr.grad(lambda p: np.roots(p)[0])(np.array([0.0, 1.0, -2.0]))
    np.testing.assert_allclose(gradient, [-4.0, -2.0, -1.0])
    # x² − x: the root 0 moves with the last coefficient by −1/p′(0) = 1
    gradient = cr.grad(lambda p: np.roots(p)[1])(np.array([1.0, -1.0, 0.0]))
    np.testing.assert_allclose(gradient, [0.0, 0.0, 1.0])
    assert cr.vjp(lambda p: np.roots(p * 0), C)[0].shape == (0,)
    with pytest.raises(ValueError, match="rank-1"):
        cr.vjp(lambda p: np.roots(np.outer(p, p)), C)


def test_division():
    u, v = np.array([1.0, -3.0, 2.5, 1.0]), np.array([1.0, -1.0, 2.0])
    cr.check_grads(lambda u, v: np.polydiv(u, v), (u, v), order=2)
    np.testing.assert_array_equal(cr.vjp(np.polydiv, u, v)[0][1], np.polydiv(u, v)[1])
    with pytest.raises(LostDerivativeError, match="remainder"):
        cr.vjp(np.polydiv, np.polymul(u, v), v)


def test_poly1d_is_made_of_traced_coefficients_or_roots():
    cr.check_grads(lambda c: (np.poly1d(c) * np.poly1d(D) + 2.0).integ()(X), (C,))
    cr.check_grads(lambda c: np.poly1d(c, r=True).coeffs, (C,))
    cr.check_grads(lambda c: np.poly1d(c)(X), (C,))


def test_poly1d_of_one_coefficient_keeps_it_where_it_is_zero():
    """Otherwise its derivative is silently zero; times x it is a highest one, and is refused."""
    assert cr.grad(lambda c: np.poly1d(c)(2.0))(0.0) == 1.0
    assert cr.grad(lambda c: (np.poly1d(c) + np.poly1d([1.0, 2.0]))(3.0))(0.0) == 1.0
    assert cr.grad(lambda c: np.poly1d(c).deriv()(3.0) + c)(0.0) == 1.0
    with pytest.raises(LostDerivativeError, match="exactly zero"):
        cr.grad(lambda c: (np.poly1d(c) * np.poly1d([1.0, 2.0]))(3.0))(0.0)


def test_numpy_polynomial_may_be_met_first_inside_a_trace():
    """NumPy imports it when it is first named; its functions have their records all the same."""
    program = (
        "import numpy as np, chainrule\n"
        "f = lambda c: np.sum(np.polynomial.polynomial.polyval(np.array([0.5, 1.0]), c))\n"
        "print(chainrule.grad(f)(np.array([1.0, 2.0])))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "[2.  1.5]\n", done.stderr


@every_kind
def test_a_product_with_the_series_zero_is_as_short_as_numpys(kind):
    y, lengths = np.array([1.0, 2.0, 0.0, 3.0, 1.0, 2.0]), []

    def f(x):  # the domain of the fit is traced, and NumPy multiplies with the number 0
        c = kind.fit(x, y, 3).convert(kind=npp.Polynomial).coef
        lengths.append(len(c))
        return c @ c

    x = np.linspace(0, 1, 6)
    (want,), (error,) = directional(lambda x: (f(x),), (x,), (y,))
    assert abs(cr.grad(f)(x) @ y - want) <= 10 * error + 1e-9 * abs(want)
    assert set(lengths) == {4}


@pytest.mark.parametrize("entries", [
    lambda c: [[c, 1.0], [0.0, c]], lambda c: [[c, 0.0], [0.0, c]], lambda c: [[c, 1], [0, 3]],
    lambda c: [[c, 1.0, 0.0], [0.0, c, 1.0], [0.0, 0.0, c * c]],
])  # fmt: skip
def test_the_characteristic_polynomial_at_coinciding_eigenvalues(entries):
    def expanded(c):
        e = entries(c)
        if len(e) == 2:
            return np.stack([c * 0 + 1, -(c + e[1][1]), c * e[1][1]])
        return np.stack([c * 0 + 1, -c * (2 + c), c**2 + 2 * c**3, -(c**4)])

    def f(c):
        return np.poly(np.array(entries(c)))

    assert np.allclose(f(0.7), expanded(np.float64(0.7)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for wanted, found in ((expanded, f), (cr.jacobian(expanded), cr.jacobian(f))):
            assert np.allclose(cr.jacobian(found)(0.7), cr.jacobian(wanted)(0.7))
            assert np.allclose(cr.jacobian(found, mode="fwd")(0.7), cr.jacobian(wanted)(0.7))
