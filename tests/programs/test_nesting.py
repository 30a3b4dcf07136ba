"""Any nesting of derivatives: no perturbation confusion, every order, every mix of modes."""

import itertools
import math

import numpy as np
import pytest

import chainrule as cr


def d_forward(f):
    return lambda x: cr.jvp(f, (x,), (1.0,))[1]


def d_reverse(f):
    return lambda x: cr.grad(f)(x)


def d_pullback(f):
    return lambda x: cr.vjp(f, x)[1](1.0)[0]


def d_linear(f):
    return lambda x: cr.linearize(f, x)[1](1.0)


def d_jacobian(f):
    return lambda x: cr.jacobian(f)(x)


DERIVATIVES = (d_forward, d_reverse, d_pullback, d_linear, d_jacobian)
PAIRS = list(itertools.product(DERIVATIVES, repeat=2))
names = "-".join


def test_the_derivative_of_x_times_the_derivative_of_x_plus_y():
    """d/dx (x · d/dy (x + y)) is 1; a confused perturbation gives 2."""
    for outer, inner in PAIRS:
        assert outer(lambda x: x * inner(lambda y: x + y)(1.0))(1.0) == 1.0  # noqa: B023


def test_siskind_and_pearlmutter():
    """d/dx (x · d/dy (x·y)) at 2, 3 is d/dx x² = 4 (Nesting forward-mode AD, 2008)."""
    for outer, inner in PAIRS:
        assert outer(lambda x: x * inner(lambda y: x * y)(3.0))(2.0) == 4.0  # noqa: B023


def test_the_same_variable_within_and_without():
    for outer, inner in PAIRS:
        f = lambda x: inner(lambda y: y * y * x)(x)  # noqa: B023, E731  (2x² → 4x)
        assert outer(f)(3.0) == 12.0


def test_a_constant_inner_function_has_derivative_zero():
    for outer, inner in PAIRS:
        assert outer(lambda x: inner(lambda y: x * x)(1.0) + x)(5.0) == 1.0  # noqa: B023


def test_amazing_bug():
    """Manzyuk et al. (2019): a derivative whose result is a function of the outer variable."""
    shift = lambda offset: lambda g: lambda x: g(x + offset)  # noqa: E731
    for outer, inner in PAIRS:
        derived = outer(lambda t: shift(t)(np.exp)(1.0))(0.0)
        twice = inner(lambda u: outer(lambda t: shift(t)(shift(u)(np.sin))(1.0))(0.0))(0.0)  # noqa: B023
        assert math.isclose(derived, math.e)
        assert math.isclose(twice, -math.sin(1.0))


@pytest.mark.parametrize("modes", list(itertools.product((d_forward, d_reverse), repeat=4)))
def test_order_four_in_every_nesting(modes):
    f = lambda x: np.sin(2 * x) * np.exp(-x)  # noqa: E731
    for mode in modes:
        f = mode(f)
    # f⁗ = e⁻ˣ·((2i − 1)⁴ sin-part): Im[(2i − 1)⁴ e^{(2i−1)x}]
    x = 0.3
    want = ((2j - 1) ** 4 * np.exp((2j - 1) * x)).imag
    assert math.isclose(f(x), want, rel_tol=1e-12)


@pytest.mark.parametrize("order", range(6))
def test_derivatives_of_any_order(order):
    x = 0.7
    want = [math.sin(x), math.cos(x), -math.sin(x), -math.cos(x)][order % 4]
    assert math.isclose(cr.derivative(np.sin, order)(x), want, rel_tol=1e-14)


def test_mixed_orders_of_arrays():
    """∂³/∂x²∂y of Σ x²y³ in all orders of evaluation is 2·3y²."""
    x, y = np.array([1.0, 2.0]), np.array([3.0, 0.5])
    f = lambda x, y: np.sum(x**2 * y**3)  # noqa: E731
    hx = lambda x, y: cr.hessian(f, argnums=0)(x, y)  # noqa: E731
    a = cr.jacobian(lambda y: np.diagonal(hx(x, y)))(y)
    b = np.stack([np.diagonal(cr.hessian(lambda x: cr.grad(f, argnums=1)(x, y)[i])(x))  # noqa: B023
                  for i in range(2)], axis=1)  # fmt: skip
    want = np.diag(6 * y**2)
    assert np.allclose(a, want, rtol=1e-13)
    assert np.allclose(b, want, rtol=1e-13)


def test_a_derivative_inside_a_loop_that_an_outer_one_differentiates():
    """Newton's method on y² = x, by inner derivatives: dy/dx = 1/(2√x), d²y/dx² = −1/(4x^{3/2})."""
    for inner in DERIVATIVES:
        def root(x):
            y = x * 1.0
            for _ in range(12):
                g = lambda u: u * u - x  # noqa: E731
                y = y - g(y) / inner(g)(y)  # noqa: B023
            return y

        assert math.isclose(cr.grad(root)(2.0), 1 / (2 * math.sqrt(2)), rel_tol=1e-12)
        assert math.isclose(cr.derivative(root, 2)(2.0), -0.25 / 2**1.5, rel_tol=1e-11)


def test_gradient_descent_on_a_gradient():
    """The derivative of the result of training with respect to its step size."""

    def train(rate):
        w = rate * 0.0 + 1.0
        for _ in range(5):
            w = w - rate * cr.grad(lambda w: (w - 3.0) ** 2)(w)
        return w  # 3 − 2(1 − 2r)⁵

    assert math.isclose(cr.grad(train)(0.1), 20 * 0.8**4, rel_tol=1e-13)


def test_hessian_vector_product_four_ways():
    rng = np.random.default_rng(0)
    a, x, v = rng.standard_normal((4, 4)), rng.standard_normal(4), rng.standard_normal(4)
    f = lambda x: np.sum(np.tanh(a @ x) ** 2)  # noqa: E731
    full = cr.hessian(f)(x) @ v
    ways = (
        cr.hvp(f, x, v),
        cr.jvp(cr.grad(f), (x,), (v,))[1],
        cr.grad(lambda x: np.sum(cr.grad(f)(x) * v))(x),
        cr.grad(lambda x: cr.jvp(f, (x,), (v,))[1])(x),
        cr.vjp(cr.grad(f), x)[1](v)[0],
        cr.linearize(cr.grad(f), x)[1](v),
    )
    for way in ways:
        assert np.allclose(way, full, rtol=1e-12, atol=1e-13)


def test_a_pullback_differentiated_in_its_cotangent_and_its_point():
    x = np.array([0.5, 1.5])

    def f(x, c):
        return cr.vjp(np.sin, x)[1](c)[0]

    dx, dc = cr.jacobian(f, argnums=(0, 1))(x, np.array([2.0, 3.0]))
    assert np.allclose(dc, np.diag(np.cos(x)), rtol=1e-14)
    assert np.allclose(dx, np.diag(-np.sin(x) * [2, 3]), rtol=1e-14)
