"""Integrals of functions against closed forms and extrapolated differences."""

from typing import Any

import numpy as np
import pytest
from scipy.integrate import dblquad, fixed_quad, nquad, quad, quad_vec, simpson, tplquad
from scipy.optimize import brentq

import chainrule
from chainrule.errors import UnsupportedFunctionError

from .common import agrees, richardson

ROOT = np.sqrt(np.pi)


def test_the_parameter_of_a_gaussian_at_all_orders() -> None:
    f = lambda a: quad(lambda x: np.exp(-a * x**2), -np.inf, np.inf)[0]  # noqa: E731
    exact = {1: -0.5 * ROOT * 2**-1.5, 2: 0.75 * ROOT * 2**-2.5, 3: -15 / 8 * ROOT * 2**-3.5}
    assert chainrule.grad(f)(2.0) == pytest.approx(exact[1], rel=1e-12)
    assert chainrule.jvp(f, (2.0,), (1.0,))[1] == pytest.approx(exact[1], rel=1e-12)
    assert chainrule.grad(chainrule.grad(f))(2.0) == pytest.approx(exact[2], rel=1e-12)
    assert chainrule.hessian(f)(2.0) == pytest.approx(exact[2], rel=1e-12)
    assert chainrule.derivative(f, 3)(2.0) == pytest.approx(exact[3], rel=1e-11)
    assert chainrule.grad(chainrule.derivative(f, 2))(2.0) == pytest.approx(exact[3], rel=1e-11)


def test_limits_closure_and_args_at_once() -> None:
    f = lambda b: quad(lambda x, c: np.sin(c * x) * b**2, b, b**2, args=(b,))[0]  # noqa: E731
    exact = lambda b: b * (np.cos(b * b) - np.cos(b**3))  # noqa: E731
    for n in (1, 2, 3):
        expected = chainrule.derivative(exact, n)(1.3)
        assert chainrule.derivative(f, n)(1.3) == pytest.approx(expected, rel=1e-10)
    for outer in (chainrule.grad, lambda g: chainrule.derivative(g, 1)):
        for inner in (chainrule.grad, lambda g: chainrule.derivative(g, 1)):
            found = outer(inner(f))(1.3)
            assert found == pytest.approx(chainrule.derivative(exact, 2)(1.3), rel=1e-10)


def test_singular_at_an_end() -> None:
    f = lambda p: quad(lambda x: x**p * np.log(x), 0, 1)[0]  # noqa: E731
    assert chainrule.grad(f)(-0.3) == pytest.approx(2 / 0.7**3, rel=1e-10)
    assert chainrule.grad(chainrule.grad(f))(-0.3) == pytest.approx(-6 / 0.7**4, rel=1e-10)


def test_weights_and_points() -> None:
    f = lambda a: quad(lambda x: np.exp(-a * x), 0, np.inf, weight="cos", wvar=2.0)[0]  # noqa: E731
    assert chainrule.grad(f)(1.0) == pytest.approx(3 / 25, rel=1e-9)
    g = lambda a: quad(lambda x: a**2 * np.abs(x - 0.3), 0, 1, points=[0.3])[0]  # noqa: E731
    assert chainrule.grad(g)(2.0) == pytest.approx(4 * (0.045 + 0.245), rel=1e-12)


def test_arrays_of_parameters() -> None:
    f = lambda c: quad(lambda x: np.polyval(c, x) ** 2, 0, 2)[0]  # noqa: E731
    c = np.array([1.0, 2.0, 3.0])
    gram = np.array([[2 ** (5 - i - j) / (5 - i - j) for j in range(3)] for i in range(3)])
    np.testing.assert_allclose(chainrule.grad(f)(c), 2 * gram @ c, rtol=1e-12)
    np.testing.assert_allclose(chainrule.hessian(f)(c), 2 * gram, rtol=1e-12)


def test_branches_and_helpers_in_the_integrand() -> None:
    def f(a: Any) -> Any:
        def g(x: Any) -> Any:
            if x < 0.5:
                return a * x
            y = np.zeros(2)
            y[0], y[1] = a, x
            return 0.5 * y[0] * np.sum(y) / (a + x)

        return quad(g, 0, 1, points=[0.5])[0]

    assert chainrule.grad(f)(2.0) == pytest.approx(0.125 + 0.25, rel=1e-12)


def test_complex_integrands() -> None:
    f = lambda a: np.imag(  # noqa: E731
        quad(lambda x: np.exp(1j * a * x), 0, 1, complex_func=True)[0]
    )
    agrees(f, 1.2)


def test_nested_integrals() -> None:
    f = lambda a: dblquad(lambda y, x: np.exp(-a * x * y), 0, a, 0, lambda x: x * a)[0]  # noqa: E731
    agrees(f, 1.2, order=1)
    g = lambda a: tplquad(  # noqa: E731
        lambda z, y, x: a * x * y * z, 0, 1, 0, lambda x: x, 0, lambda x, y: a * y
    )[0]
    assert chainrule.grad(g)(1.2) == pytest.approx(3 * 1.2**2 / 48, rel=1e-10)
    h = lambda a: nquad(lambda x, y: np.exp(-a * x - y), [[0, 1], [0, a]])[0]  # noqa: E731
    agrees(h, 1.2, order=1)


def test_the_value_and_its_type_are_scipys() -> None:
    def f(a: Any) -> Any:
        found = quad(lambda x: np.exp(-a * x), 0, 1, full_output=True)
        assert len(found) == 3
        assert type(found[1]) is float
        return found[0]

    value, _ = chainrule.value_and_grad(f)(1.0)
    assert value == quad(lambda x: np.exp(-1.0 * x), 0, 1)[0]
    plain = lambda a: a * quad(lambda x: x, 0, 1)[0]  # noqa: E731
    assert chainrule.grad(plain)(1.0) == 0.5


def test_quad_vec() -> None:
    f = lambda a: quad_vec(lambda x: np.exp(-np.arange(1, 4) * a * x), 0, a)[0]  # noqa: E731
    agrees(f, 1.2)


def test_gauss_and_samples() -> None:
    f = lambda a: fixed_quad(lambda x: np.exp(-a * x), 0, a, n=9)[0]  # noqa: E731
    agrees(f, 1.2)
    x = np.linspace(0, 1, 9)
    g = lambda a: simpson(np.exp(-a * x), x=x * a)  # noqa: E731
    agrees(g, 1.2)


def test_a_smooth_integrand_gives_no_warning() -> None:
    f = lambda a: quad(lambda x: np.tanh(200 * (x - a)), 0, 1)[0]  # noqa: E731
    assert chainrule.grad(f)(0.4) == pytest.approx(-2.0, rel=1e-8)
    k = lambda a: quad(lambda x: np.abs(x - a), 0, 1)[0]  # noqa: E731
    assert chainrule.grad(k)(0.3) == pytest.approx(-0.4, rel=1e-8)
    assert richardson(k, 0.3) == pytest.approx(-0.4, rel=1e-6)


def test_a_compiled_integrand_is_a_constant_or_refused():
    import ctypes
    import ctypes.util

    from scipy import LowLevelCallable

    sine = ctypes.CDLL(ctypes.util.find_library("m")).sin
    sine.restype, sine.argtypes = ctypes.c_double, (ctypes.c_double,)
    compiled = LowLevelCallable(sine)
    found = chainrule.grad(lambda a: quad(compiled, 0, 2)[0] * a)(0.7)
    np.testing.assert_allclose(found, 1 - np.cos(2.0))
    for f in (
        lambda b: quad(compiled, 0, b)[0] + b, lambda a: quad(compiled, a, 2)[0],
        lambda a: nquad(compiled, [[0, a]])[0],
    ):  # fmt: skip
        with pytest.raises(UnsupportedFunctionError, match="compiled integrand"):
            chainrule.grad(f)(0.7)


def test_a_limit_that_is_held_fast_while_a_root_is_sought():
    def root(w):
        whole = lambda d: quad(lambda e: np.exp(-e * d), 0, w)[0]  # noqa: E731
        return brentq(lambda d: whole(d) - 1, 0.01, 10, xtol=1e-14)

    expected = richardson(root, 2.0)
    for run in (chainrule.grad, chainrule.derivative):
        np.testing.assert_allclose(run(root)(2.0), expected, rtol=1e-8)
