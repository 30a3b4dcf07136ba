"""Differences, statistics and polynomials: NumPy's branches, and what is refused."""

import numpy as np
import pytest

import chainrule as cr

RNG = np.random.default_rng(7)
X = RNG.standard_normal((4, 5))
GRID = np.array([0.0, 0.5, 1.5, 1.75, 3.0])
P, Q = np.array([1.5, -2.0, 0.5, 3.0]), np.array([0.5, 1.0])


def agrees(f, *xs, order=1):
    """Check the traced value against NumPy's, bit for bit, and the derivatives by differences."""
    plain = f(*xs)
    traced, _ = cr.vjp(f, *xs)
    assert np.shape(plain) == np.shape(traced)
    assert plain.dtype == traced.dtype
    assert np.asarray(plain).tobytes() == np.asarray(traced).tobytes()
    cr.check_grads(lambda *a: np.real(np.sin(f(*a))), xs, order=order)


@pytest.mark.parametrize("edge_order", [1, 2])
@pytest.mark.parametrize("spacing", [(), (0.5,), (GRID,), (np.linspace(0, 2, 5),)], ids=str)
def test_numerical_gradients(edge_order, spacing):
    agrees(lambda x: np.gradient(x, *spacing, axis=1, edge_order=edge_order), X)
    if spacing and np.ndim(spacing[0]):
        agrees(lambda g: np.gradient(X, g**2 + g, axis=1, edge_order=edge_order), spacing[0])


def test_numerical_gradients_along_all_axes():
    agrees(lambda x: np.stack(np.gradient(x, 2.0, GRID)), X)
    agrees(lambda x: np.stack(np.gradient(x, axis=(1, 0))), X)
    for bad in (
        lambda x: np.gradient(x[:1], axis=0),
        lambda x: np.gradient(x, edge_order=3),
        lambda x: np.gradient(x, GRID, GRID),
    ):
        with pytest.raises(ValueError):  # noqa: PT011
            cr.vjp(bad, X)
    with pytest.raises(TypeError, match="number of arguments"):
        cr.vjp(lambda x: np.gradient(x, 1.0, 1.0, 1.0), X)


def test_unwrapping_takes_no_part_in_the_derivative():
    phase = np.array([0.1, 3.0, -3.0, 2.9, 9.5])
    agrees(np.unwrap, phase)
    agrees(lambda p: np.unwrap(p, discont=4.0, period=5.0), phase)
    np.testing.assert_allclose(cr.jacobian(np.unwrap)(phase), np.eye(5), atol=1e-15)


@pytest.mark.parametrize(
    "f",
    [
        np.cov, lambda x: np.cov(x[0]), lambda x: np.cov(x[0], x[1]),
        lambda x: np.cov(x, rowvar=False, bias=True), lambda x: np.cov(x, x[:2] ** 2, ddof=0),
        lambda x: np.cov(x, fweights=[1, 2, 1, 3, 1]), lambda x: np.cov(x, aweights=GRID + 1),
        lambda x: np.cov(x, fweights=[1, 2, 1, 3, 1], aweights=GRID + 1),
        lambda x: np.cov(X, aweights=x[0] ** 2 + 1.0), np.corrcoef,
        lambda x: np.corrcoef(x[0], x[1], rowvar=False), lambda x: np.corrcoef(x[0]) * x[0, 0],
    ],
)  # fmt: skip
def test_covariances(f):
    agrees(f, X)


def test_interpolation_of_complex_values_and_refusals():
    z = GRID + 1j * GRID[::-1]
    agrees(lambda x: np.interp(x, GRID, z), np.array([0.2, 1.6, 5.0]))
    agrees(lambda x: np.interp(x, [1.0], [2.0]) * x, np.array([0.2, 1.0, 5.0]))
    for bad in (
        lambda x: np.interp(x, GRID, x),
        lambda x: np.interp(x, GRID, GRID, period=0),
        lambda x: np.interp(x, [], []),
    ):
        with pytest.raises(ValueError):  # noqa: PT011
            cr.vjp(bad, np.ones(2))
    with pytest.raises(TypeError, match="complex"):
        cr.vjp(lambda x: np.interp(x * 1j, GRID, GRID), np.ones(2))


@pytest.mark.parametrize(
    "f",
    [
        lambda p, q: np.polyval(p, q), lambda p, q: np.polyval(p, X) * q[0],
        lambda p, q: np.polyadd(p, q), lambda p, q: np.polysub(q, p),
        lambda p, q: np.polymul(p, q), lambda p, q: np.polymul([0.0, 0.0, 2.0], p) * q[0],
        lambda p, q: np.polyder(p, 2) * q[0], lambda p, q: np.polyint(p, 2) * q[0],
        lambda p, q: np.polyint(p, 2, k=q), lambda p, q: np.polyint(p, 2, k=q[:1]),
        lambda p, q: np.polyint(p, 0) * q[0], lambda p, q: np.poly(p) * q[0],
        lambda p, q: np.poly(np.outer(p, p[::-1]) + np.diag(p)) * q[0],
        lambda p, q: np.roots(p) * q[0], lambda p, q: np.roots(p[:3] * q[1]),
        lambda p, q: np.roots(np.concatenate([[0.0], p, [0.0]])) * q[0],
        lambda p, q: np.polyfit(GRID, np.sin(GRID * q[0]), 2) * p[0],
        lambda p, q: np.polyfit(GRID * q[1], GRID * p[0] ** 2 + np.sin(GRID), 1),
        lambda p, q: np.polyfit(p, p * p + q[0], 1, w=p * p),
    ],
)  # fmt: skip
def test_polynomials(f):
    agrees(f, P, Q)


def test_polynomials_of_complex_roots_that_pair_are_real():
    agrees(lambda x: np.poly(np.stack([x[0] + 1j * x[1], x[0] - 1j * x[1]])), Q)


def test_polynomials_refuse():
    for bad in (
        lambda p: np.polyder(p, -1), lambda p: np.polyint(p, -1), lambda p: np.roots(X * p[0]),
        lambda p: np.polyint(p, 3, k=p[:2]), lambda p: np.poly(X * p[0]),
        lambda p: np.polymul(X * p[0], p),
    ):  # fmt: skip
        with pytest.raises(ValueError):  # noqa: PT011
            cr.vjp(bad, P)
    with pytest.raises(TypeError):
        cr.vjp(lambda p: np.polyfit(GRID, p, 1), P)


def test_functions_over_axes():
    agrees(lambda x: np.apply_over_axes(np.sum, x, [0, 1]), X)
    agrees(lambda x: np.apply_along_axis(np.sort, -1, x), X)
    with pytest.raises(ValueError, match="iteration dimensions"):
        cr.vjp(lambda x: np.apply_along_axis(np.sum, 0, x[:, :0]), X)
