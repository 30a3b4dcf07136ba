"""At a limit the page, the picture, the function and `grad` say the same numbers."""

import re

import numpy as np
import pytest

import chainrule
from chainrule import derivative, grad, hessian, jvp
from chainrule.explain import draw, explain

from . import checking

pytestmark = pytest.mark.filterwarnings("ignore")


def root(x):
    return np.sqrt(x) * np.sqrt(x)


def bell(x):
    return np.exp(-1 / np.square(x))


PAIR = np.zeros(2)
BENT = {  # smooth, through a kink or 0·∞ at the point
    "|x|²": lambda x: np.abs(x) ** 2, "x|x|²": lambda x: x * np.abs(x) ** 2,
    "logistic": lambda x: np.maximum(x, 0) + np.log1p(np.exp(-abs(x))), "√x√x": root, "bell": bell,
    "x√x√x": lambda x: root(x) * x, "√x⁴": lambda x: np.sqrt(x**4), "cos": lambda x: x**3 * abs(x),
    "hypot": lambda x: np.hypot(x, x) ** 2, "√x²": lambda x: np.sqrt(x * x) ** 3,
}  # fmt: skip
OUTER = {
    "itself": lambda g: g, "moved": lambda g: lambda x: 3 * g(x) + x, "sine": lambda g: lambda x:
    np.sin(g(x)), "named": lambda g: lambda x: _named(g, x), "jvp": lambda g: lambda x: jvp(
        g, (x,), (1.0,))[0],
}  # fmt: skip
CASES = [(name, order, "itself") for name in BENT for order in (0, 1)]
CASES += [("|x|²", 2, outer) for outer in OUTER] + [("logistic", 2, "itself"), ("√x√x", 1, "jvp")]
MANY = {
    "norm": (lambda u: hessian(lambda u: np.linalg.norm(u) ** 2)(u)[0, 0], PAIR),
    "std": (lambda u: hessian(lambda u: np.std(u) ** 2)(u)[0, 0], PAIR + 1),
    "length": (lambda u: np.sum(grad(lambda u: np.sqrt(np.sum(u * u)) ** 2)(u)), PAIR),
    "array": (grad(lambda u: np.sum(np.sqrt(u) * np.sqrt(u))), PAIR),
    "roots": (lambda u: np.sum(np.sqrt(u) * np.sqrt(u)) + u[1] ** 2, PAIR),
}  # fmt: skip


def _named(g, x):
    z = g(x)
    return z


def law(f, x):
    """Hold a page and a picture against what the function and `grad` return."""
    try:
        value = f(x)
        truth = grad(f)(x) if np.ndim(value) == 0 else chainrule.jacobian(f)(x)[0]
    except chainrule.errors.ChainRuleError:
        pytest.skip("there is no derivative to explain")
    derivation, picture = explain(f, x, mode="both"), draw(f, x)
    document, values = derivation.document, derivation.values
    np.testing.assert_allclose(derivation.value, value, 1e-9, 1e-12)
    np.testing.assert_allclose(values[document["output"]], value, 1e-9, 1e-12)
    np.testing.assert_allclose(derivation.gradient, truth, 1e-7, 1e-9)
    (row,) = document["gradients"]
    told = values[row.get("total", row["symbol"])]
    np.testing.assert_array_equal(told, derivation.gradient)
    text = derivation.text()
    bar_is_it = np.array_equal(values[row["symbol"]], derivation.gradient, equal_nan=True)
    step = document["forward"][-1]["symbol"] if document["forward"] else None
    y_is_it = step is None or np.allclose(values[step], value, 1e-9, 1e-12, equal_nan=True)
    assert ("what the rules alone give as the derivative" in text) is not (bar_is_it and y_is_it)
    if np.ndim(x) == 0:
        for number, name in ((told, None if bar_is_it and y_is_it else "dy/dx"),
                             (value, "y")):
            shown = re.escape(f"{number + 0.0:.6g}".replace("-", "−"))  # −0 is 0
            if name == "dy/dx" or not y_is_it:
                assert re.search(rf"{name}( = .*?)? +[=≈] {shown}(?![.\d])", text), (name, shown)
                assert re.search(rf"{name} [=≈] {shown}", picture.svg())
        checking.check_text(derivation)
    if all(np.all(np.isfinite(v)) for v in values.values()):
        checking.check_json(derivation)


@pytest.mark.parametrize(("name", "order", "outer"), CASES)
def test_a_value_that_is_a_limit(name, order, outer):
    g = derivative(BENT[name], order=order) if order else BENT[name]
    law(OUTER[outer](g), np.float64(0.0))


@pytest.mark.parametrize("name", MANY)
def test_values_of_arrays(name):
    law(*MANY[name])


def test_where_the_limit_enters_is_told():
    text = explain(derivative(BENT["|x|²"], order=2), 0.0).text()
    assert "y  = 2" in re.sub(" +", " ", text).replace("y =", "y  =")
    assert "absolute is at a kink or tie (test_limits.py" in text


def test_only_directions_that_have_a_limit_are_counted():
    with pytest.warns(chainrule.errors.IndeterminateWarning, match="along 1 direction of 2"):
        grad(root)(0.0)
