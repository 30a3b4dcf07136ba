"""Special functions where a formula loses its digits: at poles that cancel, kinks, ends, scales."""

import warnings

import mpmath
import numpy as np
import pytest
from scipy import special

import chainrule as cr
from chainrule.errors import KinkWarning


def _agm(a, b):
    return mpmath.sign(a) * mpmath.agm(abs(a), abs(b))


def _binom(n, k):
    return mpmath.gamma(n + 1) * mpmath.rgamma(k + 1) * mpmath.rgamma(n - k + 1)


@pytest.mark.parametrize(
    ("f", "exact", "points", "orders"),
    [
        (special.binom, _binom,
         ((-0.7, 0.3), (0.3, 1.3), (0.5, -1.0), (2.5, -2.0), (0.1, 3.1), (-0.7, 0.3001),
          (0.7, 0.2)), 2),
        (special.poch, lambda a, m: mpmath.gamma(a + m) * mpmath.rgamma(a),
         ((-2.0, 1.5), (0.0, 0.5), (-1.9999, 0.3), (1.2, 0.4)), 2),
        (special.beta, lambda a, b: mpmath.gamma(a) * mpmath.gamma(b) * mpmath.rgamma(a + b),
         ((0.3, -1.3), (0.1, -2.1), (-0.5, 0.5003), (1.2, 0.4)), 2),
        (special.rgamma, mpmath.rgamma, ((-2.0,), (0.0,), (-0.5,), (-1.9999,), (0.3,), (1.5,)), 2),
        (special.agm, _agm, ((-0.7, -0.4), (0.7, 0.4), (-1e-3, -5.0)), 2),
        (special.zeta, mpmath.zeta,
         tuple((x,) for x in (-1e-12, -1e-8, -1e-6, -1e-3, -0.019, -0.021, -0.3, -2.5, 0.0)), 1),
        (special.zetac, lambda x: mpmath.zeta(x) - 1, ((-1e-8,), (0.0,)), 1),
    ],
    ids=lambda f: getattr(f, "__name__", ""),
)  # fmt: skip
def test_against_mpmath_and_without_a_warning(f, exact, points, orders):
    with mpmath.workdps(40), warnings.catch_warnings():
        warnings.simplefilter("error")
        for at in points:
            n, exactly = len(at), tuple(map(mpmath.mpf, at))
            slopes = cr.grad(f, tuple(range(n)))(*at)
            for i in range(n):
                unit = tuple(int(j == i) for j in range(n))
                want = float(mpmath.diff(exact, exactly, unit))
                np.testing.assert_allclose(slopes[i], want, rtol=1e-11, atol=1e-15)
                for j in range(n if orders > 1 else 0):
                    twice = tuple(k + int(m == j) for m, k in enumerate(unit))
                    want = float(mpmath.diff(exact, exactly, twice))
                    found = cr.grad(cr.grad(f, i), j)(*at)
                    np.testing.assert_allclose(found, want, rtol=1e-10, atol=1e-13)


def test_a_pole_among_many_points():
    n, k = np.array([-0.7, 5.0, 0.3]), np.array([0.3, 2.0, 0.4])
    for argument in (0, 1):
        slopes = cr.grad(lambda n, k: np.sum(special.binom(n, k)), argument)(n, k)
        slope = cr.grad(special.binom, argument)
        alone = [slope(float(a), float(b)) for a, b in zip(n, k, strict=True)]
        np.testing.assert_allclose(slopes, alone, rtol=1e-14)
        np.testing.assert_allclose(cr.vmap(slope)(n, k), alone, 1e-14)


@pytest.mark.parametrize("order", range(4))
def test_the_scaled_bessel_function_at_zero(order):
    """The n-th derivative of e^(−|x|)·Iᵥ(x) jumps at 0 where n > v and n + v is odd: 0 there."""
    f = lambda x: special.ive(order, x)  # noqa: E731
    for n in range(1, 4):
        f = cr.grad(f)
        with mpmath.workdps(30):
            right = float(mpmath.diff(
                lambda x: mpmath.exp(-x) * mpmath.besseli(order, x), 0, n, direction=1
            ))  # fmt: skip
        jumps = n > order and (n + order) % 2 == 1
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            found = f(0.0)
        assert abs(found - (0.0 if jumps else right)) < 1e-7, (n, found, right)
        if n > 1:
            assert any(w.category is KinkWarning for w in told) == (n > order), n


def test_the_scaled_ones_of_a_given_order_at_zero():
    assert cr.grad(special.i0e)(0.0) == 0.0 == cr.grad(lambda x: special.ive(0, x))(0.0)
    assert cr.grad(special.i1e)(0.0) == 0.5
    with pytest.warns(KinkWarning):
        assert cr.grad(cr.grad(special.i1e))(0.0) == 0.0


@pytest.mark.parametrize(
    ("name", "at"),
    [
        ("bdtrik", (0.5, 0.7, 0.2)), ("pdtrik", (0.5, 0.3)), ("nbdtrik", (0.5, 0.7, 0.9)),
        ("fdtridfd", (0.5, 0.7, 0.2)), ("stdtridf", (1.0, 0.3)),
    ],
)  # fmt: skip
def test_an_inverse_stuck_at_the_end_of_its_search(name, at):
    f = getattr(special, name)
    moved = [f(*(v * (1 - 1e-3 * (j == k)) for j, v in enumerate(at))) for k in range(len(at))]
    assert set(map(float, moved)) == {float(f(*at))}
    assert not np.any(cr.grad(lambda v: f(*v))(np.array(at)))
    assert not np.any(cr.hessian(lambda v: f(*v))(np.array(at)))
    rows = np.array([at, at])
    assert not np.any(cr.vmap(cr.grad(lambda v: f(*v)))(rows))


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_mean_of_zero_and_a_number(sign):
    """M(a, b) = πb/(2 ln(4b/a)) near a = 0."""
    for f in (special.agm, lambda a, b: special.agm(b, a)):
        assert cr.grad(lambda a, f=f: f(a, 2.0 * sign))(0.0) == np.inf
        assert cr.grad(lambda b, f=f: f(0.0, b))(2.0 * sign) == 0.0
        assert cr.jvp(lambda b, f=f: f(0.0, b), (2.0,), (1.0,))[1] == 0.0
