"""What a function leaves out, shares or bends: zeros at the ends, common values, sizes of 0."""

import warnings

import numpy as np
import pytest
from scipy import linalg, signal

import chainrule as cr
from chainrule.errors import IndeterminateWarning, KinkWarning, LostDerivativeError

Z = np.array([0.0, 1.0, 2.0, 0.0])
WEIGHTS = np.array([2.0, -1.0, 0.5, 3.0])
TRIMMED = {  # functions that are smooth at Z although a traced zero is left out
    "sum": lambda x: np.sum(np.trim_zeros(x)),
    "squares": lambda x: np.sum(np.trim_zeros(x) ** 2),
    "polynomial": lambda x: np.polyval(np.trim_zeros(x, "f"), 0.7),
    "backward": lambda x: np.polyval(np.trim_zeros(x, "b")[::-1], 0.7),
    "table": lambda x: np.sum(np.trim_zeros(np.outer(x, x)[1:]) ** 1),
    "rows": lambda x: np.sum(np.trim_zeros(np.stack([0 * x[::-1] + x, x]), axis=1)),
    "maximum": lambda x: np.max(np.trim_zeros(x)) ** 2,
    "numerators": lambda x: np.sum(np.sin(signal.normalize(np.stack([x, 2 * x]), [2.0, 1.0])[0])),
}


@pytest.mark.filterwarnings("ignore:Badly conditioned")
@pytest.mark.parametrize("name", TRIMMED)
def test_zeros_that_depend_on_the_inputs_are_told(name):
    f = TRIMMED[name]
    whole = np.array([(f(Z + h) - f(Z - h)) / 2e-6 for h in 1e-6 * np.eye(4)])
    with pytest.warns(IndeterminateWarning):
        np.testing.assert_allclose(cr.grad(f)(Z), whole, atol=1e-6)
    with pytest.warns(IndeterminateWarning):
        found = cr.jvp(f, (Z,), (WEIGHTS,))[1]
    np.testing.assert_allclose(found, whole @ WEIGHTS, atol=1e-6)


STRUCTURAL = {
    "pad": lambda x: np.sum(np.trim_zeros(np.pad(x[1:3], 2)) ** 2),
    "buffer": lambda x: np.sum(np.trim_zeros(_stored(x[1:3])) ** 2),
    "where": lambda x: np.sum(np.trim_zeros(np.where(x > 0.5, x, 0)) ** 2),
    "concatenate": lambda x: np.sum(np.trim_zeros(np.concatenate([np.zeros(2), x[1:3]])) ** 2),
    "none": lambda x: np.sum(np.trim_zeros(x[1:3]) ** 2),
}


def _stored(part):
    y = np.zeros(5)
    y[1:3] = part
    return y


@pytest.mark.parametrize("name", STRUCTURAL)
def test_zeros_that_stand_for_themselves_are_not(name):
    assert cr.grad(STRUCTURAL[name])(Z).tolist() == [0, 2, 4, 0]
    assert cr.jvp(STRUCTURAL[name], (Z,), (WEIGHTS,))[1] == 0.0


def test_where_nothing_is_left_it_is_refused():
    with pytest.raises(LostDerivativeError, match="all elements are traced zeros"):
        cr.grad(lambda x: np.sum(np.trim_zeros(x)))(np.zeros(3))
    f = lambda x: np.sum(np.trim_zeros(cr.stop_gradient(x))) + x[0]  # noqa: E731  the cure
    assert cr.grad(f)(np.zeros(3)).tolist() == [1, 0, 0]


def test_a_result_of_another_shape_beside_the_point_is_no_limit():
    with pytest.warns(IndeterminateWarning, match="no limit"):
        found = cr.jacobian(np.trim_zeros)(Z[:3])
    np.testing.assert_array_equal(found, [[np.nan, 1, 0], [np.nan, 0, 1]])


@pytest.mark.filterwarnings("ignore:Badly conditioned")
@pytest.mark.parametrize("part", range(4))
def test_feedthrough_of_zero(part):
    def f(p):
        a, b = np.array([[-1.0, p[1]], [-2.0, -3.0]]), np.array([[p[2]], [1.0]])
        c, d = np.array([[1.0, p[3]], [0, 1.0]]), p[0] * np.array([[1.0], [2.0]])
        found = signal.tf2ss(*signal.ss2tf(a, b, c, d))[part]
        return np.sum(np.sin(found) * np.arange(1.0, 1 + found.size).reshape(found.shape))

    p = np.array([0.0, 1.1, 0.3, 0.2])
    slopes = [(f(p + h) - f(p - h)) / 2e-5 for h in 1e-5 * np.eye(4)]
    np.testing.assert_allclose(cr.grad(f)(p), slopes, atol=1e-6)


@pytest.mark.parametrize("options", [{}, {"assume_unique": True}, {"return_indices": True}])
def test_common_values_are_shared(options):
    def f(x, y):
        found = np.intersect1d(x, y, **options)
        return np.sum((found[0] if "return_indices" in options else found) ** 2)

    x, y = np.array([3.0, 1.0, 2.0]), np.array([1.0, 5.0, 3.0])
    assert [g.tolist() for g in cr.grad(f, argnums=(0, 1))(x, y)] == [[3, 1, 0], [1, 0, 3]]
    assert cr.grad(lambda x: f(x, x[::-1]))(x).tolist() == [6, 2, 4]
    if "assume_unique" not in options:
        repeated = cr.grad(f, argnums=(0, 1))(np.array([1.0, 3, 3]), np.array([3.0, 1, 1]))
        assert [g.tolist() for g in repeated] == [[1, 1.5, 1.5], [3, 0.5, 0.5]]
    ends = np.array([1.0, np.inf])
    assert cr.grad(lambda x: np.sum(np.intersect1d(x, ends)))(ends).tolist() == [0.5, 1.0]


SINGULAR = {
    "diagonal": np.diag([1.0, 0.0]), "rank 1": np.array([[1.0, 2.0], [2.0, 4.0]]),
    "tall": np.outer([1.0, 2.0, 3.0], [1.0, 2.0]),
}  # fmt: skip


@pytest.mark.parametrize("norm", [np.linalg.norm, linalg.norm])
@pytest.mark.parametrize("order", [-2, "nuc"])
@pytest.mark.parametrize("name", SINGULAR)
def test_a_singular_value_of_zero_bends(name, order, norm):
    """The slopes to both sides have their middle in the derivative; a second one there is not."""
    a = SINGULAR[name]
    value, found = cr.value_and_grad(lambda x: norm(x, order))(a)
    assert value == norm(a, order)
    sides = [
        [(norm(a + h * e, order) - norm(a, order)) / h for h in (1e-8, -1e-8)]
        for e in np.eye(a.size).reshape(-1, *a.shape)
    ]
    np.testing.assert_allclose(np.ravel(found), np.mean(sides, axis=1), atol=1e-6)
    with pytest.warns(KinkWarning, match="zero_singular_values"):
        cr.hessian(lambda x: norm(x, order))(a)


def test_the_square_of_a_size_does_not_bend():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = cr.hessian(lambda x: np.linalg.norm(x, -2) ** 2)(SINGULAR["diagonal"])
    assert found.reshape(4, 4).tolist() == np.diag([0.0, 0, 0, 2]).tolist()
