"""What a teacher found in a thousand printed derivations: sentences that were false, by kind."""

import math

import numpy as np
import pytest
from scipy import special
from scipy.integrate import quad
from scipy.optimize import minimize

import chainrule
from chainrule.explain import explain

pytestmark = pytest.mark.filterwarnings("ignore")


# --- limits beside a point that is not 0 ----------------------------------------------------------
def near(at, f):
    return at, lambda x: f(x - at), lambda x: f(at - x)


POWERS = [
    lambda u: np.sqrt(u) * u, lambda u: np.cbrt(u) * u, lambda u: np.sqrt(abs(u)) * u,
    lambda u: np.sqrt(u) ** 3, lambda u: u**0.5 * u, lambda u: np.sqrt(u) * np.cbrt(u) ** 2,
]  # fmt: skip


@pytest.mark.parametrize("at", [1.0, 2.0, 0.1, -7.3, 1e6, 1e-6])
@pytest.mark.parametrize("k", range(len(POWERS)))
def test_a_slope_that_goes_to_0_as_a_root_does_is_0_at_any_point(k, at):
    for f in near(at, POWERS[k])[1:]:
        assert chainrule.grad(f)(at) == 0


# --- True is 1 to Python, and not to NumPy --------------------------------------------------------
TRUTHS = [
    lambda x: np.where(~(x > 0), x, 0) + x, lambda x: -(x > 0) * x, lambda x: +(x > 0) * x,
    lambda x: ((x > 0) + (x > 1)) * x, lambda x: ((x > 0) - (x > 3)) * x, lambda x: ~(x > 3) * x,
    lambda x: (True + (x > 0)) * x, lambda x: ((x > 0) * (x > 1)) * x, lambda x: abs(x > 0) * x,
    lambda x: ((x > 0) | (x > 3)) * x, lambda x: ((x > 0) ** 2) * x, lambda x: ((x > 0) % 2) * x,
]  # fmt: skip


@pytest.mark.parametrize("k", range(len(TRUTHS)))
@pytest.mark.parametrize("at", [2.0, 5.0])
def test_the_truth_of_a_python_number_computes_as_pythons_does(k, at):
    document = explain(TRUTHS[k], at).document
    assert "limit" not in document
    last = document["symbols"][document["forward"][-1]["symbol"]]
    assert float(last["value"]["scalar"]) == TRUTHS[k](at)


# --- what binds more weakly than it is read -------------------------------------------------------
A, B, W = np.array([[1.0, 2.0], [3.0, 5.0]]), np.ones((2, 2)), np.array([1.0, -2.0])
WRITTEN = [
    (lambda x: 2 * (x % 3), 2.0, "2 · (x mod 3)"), (lambda x: (2 * x) % 3, 2.0, "(2 · x) mod 3"),
    (lambda x: x % 3 * x, 2.0, "(x mod 3) · x"), (lambda x: -(x % 3), 2.0, "−(x mod 3)"),
    (lambda x: x + x % 3, 2.0, "x + (x mod 3)"), (lambda x: (x % 3) ** 2, 2.0, "(x mod 3)²"),
    (lambda x: (x @ x) / (x @ x), W, "xᵀ x / (xᵀ x)"), (lambda x: 1 / (x @ x), W, "1 / (xᵀ x)"),
    (lambda x: np.sum(x @ A), W, "Σ(Aᵀ x)"), (lambda x: x @ A @ x, W, "xᵀ A x"),
    (lambda x: np.sum(np.inner(x, A)), B, "Σ(x Aᵀ)"), (lambda x: np.inner(x, W), W, "⟨x, W⟩"),
    (lambda x: np.sum(np.inner(A, x)), W, "Σ(A x)"), (lambda x: np.sum(x @ A.T), W, "Σ(A x)"),
]  # fmt: skip


@pytest.mark.parametrize("k", range(len(WRITTEN)))
def test_a_formula_is_read_as_it_is_meant(k):
    f, at, words = WRITTEN[k]
    page = explain(f, at)
    assert page.text().splitlines()[1].partition(" = ")[2].strip() == words
    assert "mod" not in words or ("left(" in page.latex()) == ("(" in words)
