"""0·∞ and ties: printed is what the engine computed, and the gradient is that of grad."""

import numpy as np
import pytest

import chainrule
from chainrule.explain import draw, explain

from . import checking

PAIR = np.array([0.0, 2.0])


def masked(x):
    inside = np.ones(x.shape, bool)
    inside &= x > 0
    return np.sum(np.where(inside, np.sqrt(x), 0.0))


def compared_into(x):
    inside = np.zeros(x.shape, bool)
    np.greater(x, 1.0, out=inside)
    return np.sum(x[inside] ** 2)


STRUCTURAL = {
    "where": (lambda x: np.sum(np.where(x > 0, np.sqrt(x), 0.0) ** 2), PAIR),
    "mask": (masked, PAIR), "out": (compared_into, PAIR),
    "constant": (lambda x: np.dot(np.sqrt(x), np.array([0.0, 1.0])), PAIR),
    "index": (lambda x: np.sqrt(x)[1], PAIR), "zero": (lambda x: 0.0 * np.sqrt(x), 0.0),
    "column": (lambda x: np.sum(np.where(x > 0, np.sqrt(x)[:, None] @ np.ones((1, 2)), 0)), PAIR),
    "overwritten": (lambda x: _overwritten(np.sqrt(x)), PAIR),
    "kept": (lambda x: np.prod(np.sqrt(x)), PAIR),
}  # fmt: skip
BY_VALUE = {
    "square": (lambda x: np.sqrt(x) ** 2, 0.0, 1.0),
    "exp": (lambda x: np.exp(np.sum(np.log(x))), np.array([0.0, 2.0, 3.0]), [6.0, 0.0, 0.0]),
    "arccos": (lambda x: np.arccos(x) ** 2, 1.0, -2.0),
    "product": (lambda x: np.sqrt(x[0] * x[1]) * x[2], np.zeros(3), [0.0, 0.0, 0.0]),
    "length": (lambda x: np.sqrt(np.sum(x * x)) ** 2, np.zeros(2), [0.0, 0.0]),
}  # fmt: skip
TIES = {
    "maximum": (lambda x: chainrule.grad(lambda t: np.maximum(t, 0) ** 2)(x), 0.0, 1.0),
    "absolute": (lambda x: chainrule.grad(lambda t: abs(t) * t)(x), 0.0, 0.0),
    "cube": (lambda x: chainrule.grad(lambda t: abs(t) ** 3)(x), 0.0, 0.0),
}  # fmt: skip


def _overwritten(y):
    y[0] = 1.0
    return np.sum(y**2)


@pytest.mark.parametrize("name", STRUCTURAL)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_structural_zeros_are_printed_as_the_engine_takes_them(name):
    f, x = STRUCTURAL[name]
    derivation = explain(f, x)
    np.testing.assert_array_equal(derivation.gradient, chainrule.grad(f)(x))
    (gradient,) = derivation.document["gradients"]
    np.testing.assert_array_equal(derivation.values[gradient["symbol"]], derivation.gradient)
    assert "limit" not in gradient
    assert "== 0" not in derivation.text()
    checking.check_all(derivation)


@pytest.mark.parametrize("name", [*BY_VALUE, *TIES])
@pytest.mark.filterwarnings("ignore")
def test_what_no_rule_can_say_is_said_to_be_a_limit(name):
    f, x, truth = (BY_VALUE | TIES)[name]
    derivation = explain(f, x)
    np.testing.assert_array_equal(derivation.gradient, chainrule.grad(f)(x))
    np.testing.assert_allclose(derivation.gradient, truth, atol=1e-9)
    np.testing.assert_array_equal(draw(f, x).gradient, derivation.gradient)
    rules = derivation.values[derivation.document["gradients"][0]["symbol"]]
    if name in BY_VALUE:
        assert np.isnan(rules).any()
    if not np.array_equal(rules, derivation.gradient):
        parted = derivation.document["limit"]["parted"]
        assert parted == any("none there" in n for n in derivation.document["notes"])
        words = "this is taken from around it" if parted else "this is the limit around it"
        assert words in derivation.text()
        assert any("limit around the point" in n for n in derivation.document["notes"])
    checking.check_text(derivation)
    checking.check_json(derivation)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_the_logarithm_of_zero_keeps_what_grad_says():
    f = lambda x: np.log(x) * x  # noqa: E731
    with pytest.warns(chainrule.errors.IndeterminateWarning):
        derivation = explain(f, 0.0)
    assert np.isnan(derivation.gradient)
    assert derivation.document["closed"] is None
