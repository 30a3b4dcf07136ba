"""Zeros that no input moves: distances of equal points over a length that is differentiated.

Every way to such a zero meets every way to a distance; differences of plain runs decide.
"""

import itertools

import numpy as np
import pytest
from scipy import linalg
from scipy.linalg import cho_factor, cho_solve

import chainrule as cr
from chainrule.modes.moving import Moving

X = np.array([0.0, 1.0, 3.0, 1.0])
D = X[:, None] - X
Y = np.array([0.1, 0.5, -0.3, 0.4])
L = 1.5


def scaled_points(length):
    z = X / length
    return z[:, None] - z


def two_scalings(length):
    return X[:, None] / length - X / length


SCALED = {
    "/": lambda length: D / length,
    "*": lambda length: D * np.exp(-length),
    "points": scaled_points,
    "twice": two_scalings,
    "subtract.outer": lambda length: np.subtract.outer(X * length, X * length),
    "einsum": lambda length: np.einsum("ij,->ij", D, 1 / length),
    "matmul": lambda length: (D[..., None] @ np.reshape(1 / length, (1, 1)))[..., 0],
    "stored": lambda length: np.stack([row / length for row in D]),
}
SQUARED = {
    "**": lambda d: d**2,
    "*": lambda d: d * d,
    "square": np.square,
    "einsum": lambda d: np.einsum("ijk,ijk->ij", d[..., None], d[..., None]),
    "sum": lambda d: np.sum(d[..., None] ** 2, axis=-1),
}
ROOTS = {"sqrt": np.sqrt, "**": lambda s: s**0.5}
MODES = {
    "grad": lambda f: cr.grad(f)(L),
    "jvp": lambda f: cr.jvp(f, (L,), (1.0,))[1],
    "jacfwd": lambda f: cr.jacfwd(f)(L),
}


def difference(f, x, h=1e-4):
    return (8 * (f(x + h) - f(x - h)) - (f(x + 2 * h) - f(x - 2 * h))) / (12 * h)


@pytest.mark.parametrize("scale", SCALED)
@pytest.mark.parametrize("mode", MODES)
def test_length_scales(scale, mode):
    for square, root in itertools.product(SQUARED.values(), ROOTS.values()):

        def f(length, square=square, root=root):
            r = root(square(SCALED[scale](length)))
            return np.sum((1 + r) * np.exp(-r) + np.exp(-r))

        assert MODES[mode](f) == pytest.approx(difference(f, L), rel=1e-9)


@pytest.mark.parametrize("scale", SCALED)
def test_likelihood_of_a_process_to_second_order(scale):
    def f(length):
        k = np.exp(-np.sqrt(SCALED[scale](length) ** 2)) + 0.1 * np.eye(4)
        c = cho_factor(k, lower=True)
        return Y @ cho_solve(c, Y) + 2 * np.sum(np.log(np.diag(c[0])))

    slope = cr.grad(f)(L)
    assert slope == pytest.approx(difference(f, L), rel=1e-8)
    assert cr.jvp(f, (L,), (1.0,))[1] == pytest.approx(slope, rel=1e-10)
    curvature = difference(lambda x: cr.grad(f)(x), L)
    assert cr.hvp(f, L, 1.0) == pytest.approx(curvature, rel=1e-8)
    assert cr.hessian(f)(L) == pytest.approx(curvature, rel=1e-8)


def test_a_square_of_zeros_over_a_square():
    f = lambda length: np.sum(np.exp(-np.sqrt(D**2 / length**2)))  # noqa: E731
    for mode in MODES.values():
        assert mode(f) == pytest.approx(difference(f, L), rel=1e-9)
    assert cr.grad(lambda length: np.sqrt((0.0 / length) ** 2))(2.0) == 0


# programs whose result is 0 at the point, and moves all the same
MOVING = {
    "square": (lambda x: x**2, 0.0),
    "product": (lambda x: x * (x - 1), 0.0),
    "difference": (lambda x: np.exp(x) - np.cosh(x), 0.0),
    "of sums": (lambda x: (x + 1) - 1, 0.0),
    "far away": (lambda x: (1e9 * x + x) - 1e9 * x, 0.0),
    "small": (lambda x: np.prod(np.stack([x * 1e-30] * 12)) * 1e300, 0.0),
    "tiny": (lambda x: x * 1e-320, 0.0),
    "two": (lambda x: np.sum(x * np.array([1.0, -1.0])), np.zeros(2)),
    "norms": (lambda x: np.linalg.norm(x) - np.linalg.norm(2 * x), np.zeros(2)),
    "remainder": (lambda x: np.fmod(5.0, x) - 1.0, 2.0),
}
STILL = {
    "quotient": (lambda x: 0.0 / x, 2.0),
    "difference": (lambda x: np.sin(x) * 3 - np.sin(x) * 3, 2.0),
    "power": (lambda x: x**0 - 1, 2.0),
    "masked": (lambda x: np.exp(x) * 0.0, 2.0),
    "product": (lambda x: np.sum(np.array([[0.0, 1.0]]) @ np.array([1 / x, 0.0])), 2.0),
}


@pytest.mark.parametrize(("still", "name"), [*((False, n) for n in MOVING),
                                             *((True, n) for n in STILL)])  # fmt: skip
def test_what_moves_and_what_does_not(still, name):
    f, x = (STILL if still else MOVING)[name]
    graph = cr.trace(lambda x: f(x) * 2.0, x)
    t = Moving(graph.nodes).inputs_of(graph.nodes[-1])[0]
    assert bool(np.all(t == 0)) is still


def test_a_zero_met_by_chance_is_none_of_these():
    with pytest.warns(cr.errors.IndeterminateWarning):
        assert np.isnan(cr.grad(lambda a: np.sqrt((X[1] - a) ** 2))(1.0))


BOX = 2 * np.eye(5) - np.eye(5, k=1) - np.eye(5, k=-1)
WELL = np.diag([400.0, 1.0, 0.0, 1.0, 400.0])
LOWEST = {
    "eigvalsh": lambda a: np.linalg.eigvalsh(a)[0],
    "eigh": lambda a: np.linalg.eigh(a)[0][0],
    "scipy": lambda a: linalg.eigvalsh(a)[0],
    "generalized": lambda a: linalg.eigvalsh(a, np.eye(5))[0],
    "singular value": lambda a: np.linalg.svd(a, compute_uv=False)[-1],
    "three": lambda a: np.sum(np.linalg.eigvalsh(a)[:3]),
}


@pytest.mark.parametrize("name", LOWEST)
def test_pairs_that_nearly_coincide_and_are_not_read(name):
    """The two states in the walls are 1e-9 apart; the lowest one does not know of them."""
    f = lambda k: LOWEST[name](BOX + k * WELL)  # noqa: E731
    wanted = -0.0100250617120896 if name == "three" else -0.150662158870
    for found in (cr.hessian(f)(1.0), cr.hvp(f, 1.0, 1.0), cr.derivative(f, 2)(1.0)):
        assert found == pytest.approx(wanted, rel=1e-10)


QUOTIENTS = {
    "same": (lambda v: np.sum(v / v), 0.0), "beside another": (lambda v: np.sum(v / v + v), 1.0),
    "of twice": (lambda v: np.sum(2 * v / v), 0.0), "product": (lambda v: np.sum(v * (1 / v)), 0.0),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", QUOTIENTS)
def test_arguments_that_cancel_leave_none_of_them_alone(name):
    """Where x / x stands still it does so by both of its arguments, not by one of them."""
    f, slope = QUOTIENTS[name]
    with np.errstate(all="ignore"):
        found = cr.grad(f)(np.array([0.0, 1.0, 2.0]))
    assert np.isnan(found[0]) or found[0] == slope
    np.testing.assert_allclose(found[1:], slope, atol=1e-15)
