"""What a teacher found false or unclear, each by its kind."""

import re

import numpy as np
import pytest
from scipy.integrate import quad, solve_ivp

from chainrule.explain import explain

from . import checking

pytestmark = pytest.mark.filterwarnings("ignore")


def section(f, x, title, **options):
    text = explain(f, x, **options).text()
    found = re.search(rf"^\d+ {title}.*?(?=^\d+ |\Z)", text, re.DOTALL | re.MULTILINE)
    return found.group() if found else ""


@pytest.mark.parametrize(("f", "piece"), [
    (lambda x: np.where(x > -100, x * x, x), "x > −100"),
    (lambda x: np.where((x > -100) & (x < 50), x * x, x), "x > −100 and x < 50"),
    (lambda x: np.select([x < -100, x > 100], [x, x**2], x**3), "x ≥ −100 and x ≤ 100"),
    (lambda x: np.where(x == 7, x * x, x), "x ≠ 7"),
])  # fmt: skip
def test_a_closed_form_of_a_piece_says_of_which(f, piece):
    assert f"on the piece where {piece}\n" in section(f, 1.0, "Closed form")
    derivation = explain(f, 1.0)
    assert "on the piece where" in derivation.latex()
    checking.check_all(derivation)


def test_no_piece_is_told_where_there_is_one_only():
    assert "piece" not in section(lambda x: x * np.sin(x), 1.0, "Closed form")


def test_what_is_looked_up_has_no_closed_form():
    table = np.array([0.0, 100.0, 300.0])
    said = section(lambda x: np.interp(x, table, table**2), 50.0, "Closed form")
    assert "looks a piece up" in said


@pytest.mark.parametrize("x", [1.0, 0.0, 2.0])
def test_a_kink_inside_interp_is_told_where_it_is(x):
    table = np.array([0.0, 1.0, 2.0])
    f = lambda x: np.interp(x, table, table**2)  # noqa: E731
    assert "searchsorted is evaluated where a number is one of those" in section(f, x, "Notes")
    (told,) = explain(f, x + 0.3 if x < 2 else 0.6).document["notes"]  # off the knots nothing else
    assert told.startswith("the formula of the problem is of this point")


def test_integers_inside_numpy_are_no_kinks():
    f = lambda x: np.polyval(np.polyfit(np.arange(3.0), x, 1), 3.0)  # noqa: E731
    assert "kink" not in explain(f, np.zeros(3)).text()


def test_a_row_of_an_integral_says_what_it_stands_for():
    text = section(lambda a: quad(lambda t: np.exp(-a * t), 0, 1)[0], 1.0, "Forward")
    assert "v₁ ≈ −0.264241 · (a − 1)  ≈ 0" in text
    checking.check_text(explain(lambda a: quad(lambda t: np.exp(-a * t), 0, 1)[0], 1.0))


@pytest.mark.parametrize(("mode", "words"), [
    ("reverse", "this is the row of its Jacobian for entry [1]"),
    ("forward", "the gradient is the row of its Jacobian for entry [1], and the tangents give a "),
    ("both", "the gradients give the row of its Jacobian for entry [1], and the tangents give a "),
])  # fmt: skip
def test_rows_and_columns(mode, words):
    f = lambda x: np.array([x[0] * x[1], x[0] ** 2])  # noqa: E731
    assert words in section(f, np.array([1.0, 2.0]), "Problem", mode=mode, output=1)


def test_the_question_of_a_python_max_is_written():
    assert "max(x, 1.0): what it asks there, x < 1, is False" in section(
        lambda x: max(x, 1.0) * x, 1.0, "Notes")


MATRIX = np.array([[2.0, 1.0], [1.0, 3.0]])


def test_inverses_of_transposes_and_traces():
    solve = explain(lambda A: np.sum(np.linalg.solve(A, np.ones(2))), MATRIX)
    assert " = (A⁻ᵀ (−" in solve.text()
    assert "ᵀ⁻¹" not in solve.text()
    checking.check_all(solve)
    trace = explain(lambda A: np.trace(np.linalg.inv(A)) * A[0, 0], MATRIX)
    assert "y  = tr(A⁻¹) · A[0, 0]" in trace.text()
    checking.check_all(trace)
    assert "change of precision" not in explain(
        lambda x: np.interp(x, [0.0, 1.0], [0.0, 2.0]), 0.3).text()


def test_names_bound_anew_are_no_derivatives():
    def f(x):
        y = x * x
        y = np.sin(y)
        y = y * x
        return y

    assert "it is no derivative" in section(f, 1.0, "Notes")
    assert "it is no derivative" not in section(np.sin, 1.0, "Notes")


def test_adjugates():
    assert "d det A = tr(adj(A) dA)" in explain(np.linalg.det, np.ones((2, 2))).text()


@pytest.mark.parametrize(("f", "names"), [
    (lambda A: np.linalg.eigh(A)[1][0, 0], ["v₁", "v₂"]),
    (lambda A: np.linalg.svd(A)[1][0], ["v₁", "v₂"]),
    (lambda A: np.linalg.qr(A)[1][0, 1], ["v₁", "v₂"]),
])  # fmt: skip
def test_results_that_only_rules_read_have_names(f, names):
    """They are computed once, and kept: no rule writes the whole step out again."""
    derivation = explain(f, MATRIX, mode="both", detail="full")
    text = derivation.text()
    kept = re.search(r"kept +(.*?) \(", text).group(1).split(", ")
    assert kept == names
    back = text[text.index(" Backward") : text.index(" The chain")]
    assert not re.search(r"eigh\(|svd\(|qr\(", back)
    checking.check_json(derivation)


def test_rules_too_long_to_read_are_told_by_their_size():
    text = explain(np.prod, np.array([2.0, 0.0, 3.0])).text()
    assert "its rule, of 69 operations, is printed by detail=" in text
    assert "= (0, 6, 0)  — each factor gets the other factors" in text
    whole = explain(np.prod, np.array([2.0, 0.0, 3.0]), detail="full")
    assert " back to (zeros(3,) with" in whole.text()
    checking.check_all(whole)


def test_differences_of_other_steps_are_no_contradiction():
    f = lambda k: solve_ivp(lambda t, y: -k * y, (0, 1), [1.0]).y[0, -1]  # noqa: E731
    check = section(f, 1.0, "Check")
    assert "beside the point the solver takes other steps" in check
    assert "✗" not in check
    assert "not counted" not in section(f, 1.0, "Cost").partition("\n")[2]


def test_what_is_not_finite_and_not_read_is_checked_all_the_same():
    f = lambda x: np.sum(np.where(x > 0, np.log(x), 0.0))  # noqa: E731
    x = np.array([1.0, -1.0])
    assert "it is not finite (invalid value); the output is" in section(f, x, "Notes")
    assert "✓" in section(f, x, "Check")
    assert "what follows from it is not checked" in section(lambda x: np.log(x), -1.0, "Notes")
