"""What a teacher found in a thousand printed derivations: sentences that were false, by kind."""

import math

import numpy as np
import pytest
from scipy import special
from scipy.integrate import quad
from scipy.optimize import minimize

import chainrule
from chainrule.errors import NonFiniteError
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


# --- a formula is of one point where the program is another one elsewhere -------------------------
def caught(x):
    try:
        return math.sqrt(x - 3)
    except ValueError:
        return x**2


HERE = [
    (lambda x: np.interp(x, [0, 1, 2], [0, 1, 4]), 1.5, True),
    (caught, 2.3, True), (lambda x: round(x, 1) * x, 2.27, True),
    (lambda x: np.histogram([x, 1, 2], bins=3)[0][0] * x, 1.2, True),
    (lambda x: x if math.isclose(x, 2.0) else 0, 2.0, True),
    (lambda x: np.piecewise(np.asarray(x), [x < 0, x >= 0], [lambda t: -t, lambda t: t**2]), 0.0,
     True),
    (lambda x: np.sin(x) * x, 1.2, False), (lambda x: np.where(x > 0, x, -x), 1.5, False),
    (lambda x: np.log(x) / x, 0.5, False), (lambda x: np.floor(x) * x, 1.5, False),
]  # fmt: skip


@pytest.mark.parametrize("k", range(len(HERE)))
def test_a_formula_that_another_point_gives_the_lie_is_said_to_be_of_this_one(k):
    f, at, here = HERE[k]
    assert ("— at this point" in explain(f, at).text().splitlines()[1]) == here


def test_a_rounding_to_digits_is_told_as_the_step_that_it_is():
    text = explain(lambda x: round(x, 1), 2.27).text()
    assert "does not reach" not in text
    assert "is rounded at" in text
    assert "cut down" not in explain(lambda x: math.ceil(x) * x, 2.27).text()


HOLES = [lambda x: 1.0 if x == 1 else x**2, lambda x: (x**2 - 1) / (x - 1) if x != 1 else 2.0]


@pytest.mark.parametrize("f", HOLES)
def test_where_a_limit_is_returned_nothing_else_is_said_to_be(f):
    text = explain(f, 1.0).text()
    assert "its gradient is 0" not in text
    assert "that of the branch that ran" not in text


def test_the_middle_of_two_sides_is_no_limit():
    text = explain(chainrule.derivative(lambda t: np.maximum(t, 0) ** 2), 0.0).text()
    assert "this is the limit" not in text
    assert "its limit" not in text


# --- the check ------------------------------------------------------------------------------------
def bounded(a):
    return minimize(lambda t: (t[0] - a) ** 2, [0.0], bounds=[(0, 1)]).x[0]


KINKED = [
    (bounded, 1.0, (1, 0)), (lambda a: quad(lambda t: 1.0 if t < a else 0.0, 0, 1)[0], 0.0, (0, 1)),
    (lambda a: quad(lambda t: float(t > a), 0, 1)[0], 1.0, (-1, 0)),
]


@pytest.mark.parametrize("k", range(len(KINKED)))
def test_a_kink_of_what_a_solver_finds_is_no_disagreement_and_no_slope(k):
    f, at, (left, right) = KINKED[k]
    document = explain(f, at).document
    (row,) = document["check"]["worst"]
    assert row["verdict"] == "choice"
    assert f"the slope is {left} on the left and {right} on the right" in row["why"]


def test_a_complex_step_confirms_nothing_where_the_program_jumps():
    assert "complex step left out" in explain(lambda x: np.arctan(1 / x), np.float64(0)).text()


def test_a_difference_of_what_is_held_fast_says_so():
    text = explain(lambda x: chainrule.stop_gradient(x) ** 2 + x, 2.0).text()
    assert "1 against 1 for x (with what stop_gradient holds fast held fast" in text


def test_a_side_on_which_a_float_turns_complex_has_no_slope():
    for f in (lambda x: (x**3) ** (1 / 3), lambda x: (x**5) ** 0.5):
        assert "on the left" not in explain(f, 0.0).text()


def test_rounding_at_the_point_is_no_slope_beside_it():
    text = explain(lambda x: np.floor(x) * np.sin(np.pi * x), 1.0).text()
    assert "the slope is 0 on the left and −3.14159 on the right" in text


@pytest.mark.parametrize("f", [lambda x: np.arctan2(0, x), lambda x: np.copysign(x, 0.0)])
def test_what_cannot_cross_a_jump_does_not_jump(f):
    assert "jumps here" not in explain(f, -1.0).text()
    assert "jumps here" in explain(lambda x: np.arctan2(x, -1.0), 0.0).text()
    assert "jumps here" in explain(lambda x: np.arctan2(0, x), 0.0).text()


def test_of_an_array_it_is_said_that_some_entries_are_rounding():
    def normed(x):
        mu = np.mean(x, axis=0)
        return np.sum(np.array([[1, 1], [1, 2], [1, 5]]) * (x - mu) ** 2)

    text = explain(normed, np.array([[0.1, 2], [0.3, 1], [0.7, 4]])).text()
    assert "digits of entries of μ̄" in text


def test_a_number_that_is_not_the_decimal_is_near_to_it():
    text = explain(lambda x: x * (0.1 + 0.2), 2.0).text()
    assert "= 0.3 " not in text
    assert "∂v₁/∂x  ≈ 0.3" in text


# --- one letter for one thing ---------------------------------------------------------------------
def sigma_of(sigma):
    return special.expit(sigma) * sigma


def psi_of(psi):
    return special.digamma(psi) * psi


def gamma_of(Gamma):
    return special.gamma(Gamma) * Gamma


def step_of(H):
    return np.heaviside(H, 0.5) * H


def density(sigma):
    return np.exp(-0.5 / sigma**2) / sigma


def power_of(e):
    return np.exp(e) * e


NAMED = {
    sigma_of: "σ(sigma) · sigma", psi_of: "ψ(psi) · psi", gamma_of: "Γ(Gamma) · Gamma",
    step_of: "H(H'; 0.5) · H'", power_of: "exp(e) · e",
}  # fmt: skip


@pytest.mark.parametrize("f", NAMED)
def test_a_letter_of_a_function_is_no_name_of_a_value(f):
    text = explain(f, 1.5).text()
    assert text.splitlines()[1].partition(" = ")[2].strip() == NAMED[f]
    assert "eᵘ" not in text


def test_a_name_stays_greek_where_no_function_has_the_letter():
    assert "/ σ" in explain(density, 1.5).text()


def test_names_that_differ_in_the_code_differ_as_the_code_does():
    text = explain(lambda x_, x: x_ * x**2, 1.5, 2.0, argnums=(0, 1)).text()
    assert "x_ · x²" in text
    assert "x'" not in text

    def squared(x0):
        return x0**2

    assert "in the code: x0" in explain(squared, 2.0).text()


def test_the_cure_of_a_nan_is_one_that_explain_takes():
    with pytest.raises(NonFiniteError) as told:
        explain(lambda x: x * 2, np.nan)
    assert 'nan="return"' not in str(told.value)


def test_a_kink_is_told_once():
    notes = explain(lambda x: min(x, 1, 2 - x), 1.0).document["notes"]
    assert len(notes) == len(set(notes))
