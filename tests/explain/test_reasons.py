"""The reasons that a page gives are those that hold: a third reading by a teacher."""

import contextlib
import io
import math
import re

import numpy as np
import pytest
from scipy import optimize

from chainrule.cli.main import main
from chainrule.errors import IndeterminateWarning
from chainrule.explain import explain

pytestmark = pytest.mark.filterwarnings("ignore")


def section(f, x, title):
    text = f if isinstance(f, str) else explain(f, x).text()
    found = re.search(rf"^\d+ {title}.*?(?=^\d+ |\Z)", text, re.DOTALL | re.MULTILINE)
    return found.group() if found else ""


@pytest.mark.parametrize("f", [
    lambda x: x**3, lambda x: np.sin(x) ** 3, lambda x: x * abs(x), lambda x: x**2 * np.exp(x),
])  # fmt: skip
def test_a_complex_step_at_a_derivative_of_zero(f):
    said = section(f, 0.0, "Check")
    assert "is no larger than what such a step is off" in said or "off by 0 ✓" in said
    assert "cancel" not in said


@pytest.mark.parametrize("f", [lambda x: np.exp(-1 / np.square(x)), lambda x: np.exp(x**-4.0)])
def test_a_complex_run_that_is_not_finite_proves_nothing(f):
    assert "complex step left out" in section(f, np.float64(0), "Check")


@pytest.mark.parametrize(("f", "jumps"), [
    (lambda x: x**2 if x else 1.0, True), (lambda x: x + 2 if x else x, True),
    (lambda x: np.sqrt(np.sqrt(x * x)), False), (lambda x: x**3 if x else 0.0 * x, False),
])  # fmt: skip
def test_a_hole_is_a_jump(f, jumps):
    assert ("the program jumps here" in section(f, 0.0, "Check")) is jumps


@pytest.mark.parametrize(("f", "args"), [
    (lambda x, y: x**y, (-2.0, 3.0)),
    (lambda x, y: x * y / (x**2 + y**2), (np.float64(0), np.float64(0))),
])  # fmt: skip
def test_no_factors_are_told_that_are_not_met(f, args):
    with pytest.warns(IndeterminateWarning) as told:
        explain(f, *args, argnums=(0, 1))
    words = " ".join(str(w.message) for w in told)
    assert "paths meet" not in words
    assert "0·∞" not in words


@pytest.mark.parametrize("f", [np.sqrt, lambda x: np.divide(x, abs(x)), lambda x: x**0.5 * x])
def test_what_is_not_compared_is_not_said_to_be_checked(f):
    text = explain(f, np.float64(0)).text()
    assert "and checked" not in text


def test_a_branch_of_an_expression_stands_in_it():
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert main(["explain", "x**2 if x > 1 else 2*x-1", "--at", "x=1"]) == 0
    place = r"<expression( \d+)?>:1, x > 1"  # a process numbers its expressions
    assert re.search(f"branches at {place}: what it asks there is False", out.getvalue())
    assert "expression.py" not in out.getvalue()


def caught(x):
    try:
        return math.sqrt(x - 3) * x
    except ValueError:
        return x**2


def inside(x):
    return 2 * caught(x)


@pytest.mark.parametrize("f", [caught, inside])
def test_a_program_that_catches_exceptions_has_no_formula(f):
    assert "catches exceptions (test_reasons.py:" in section(f, 1.0, "Closed form")


# --- rules in words, signs, digits ----------------------------------------------------------------
@pytest.mark.parametrize(("f", "args", "said"), [
    (lambda x: x**x, (np.float64(0),), "in a form of its own"),
    (np.hypot, (np.float64(0), np.float64(0)), "(a da + b db) / length; 0 at 0"),
    (lambda x: x**0, (2.0,), "u⁰ is constant"),
    (lambda x: np.where(x > 0, np.sqrt(x), 0), (np.float64(0),), "nothing flows"),
    (lambda x, y: np.sum(x * y), (np.ones(2), 2.0), "passes the other on; it was repeated"),
    (lambda x, y: np.sum(x / y), (np.ones(2), 2.0), "(a/b)·db/b; it was repeated"),
    (lambda x, y: np.sum(x - y), (np.ones(2), 2.0), "on its right; it was repeated"),
])  # fmt: skip
def test_the_rule_is_the_one_that_is_printed(f, args, said):
    argnums = tuple(range(len(args)))
    assert said in section(explain(f, *args, argnums=argnums).text(), None, "Local")
    beside = section(explain(f, *[a + 0.5 for a in args], argnums=argnums).text(), None, "Local")
    assert "form of its own" not in beside


def euler(k):
    y = np.float64(1.0)
    for _ in range(3):
        y = y + 0.1 * (-k * y)
    return y


@pytest.mark.parametrize(("f", "x"), [
    (euler, 2.0), (lambda x: x + x + np.float32(0.1), np.float32(0.1)),
    (lambda x: x + np.float32(0.1), np.float32(0.2)),
    (lambda z: np.real(z * z), 3 + 4j), (lambda z: np.real(z * z), 0.1 + 0.3j),
    (lambda z: np.abs(z * z + 1) ** 2, 0.5 + 1j), (lambda x: 0.8 * 0.8 * x, np.float32(1)),
])  # fmt: skip
def test_a_symbol_has_one_sign_on_a_page(f, x):
    text, signs = explain(f, x, mode="both").text(), {}
    for line in text.splitlines():
        if " ≈ " in line.rpartition("≈")[0]:  # after a rounded number nothing is exact
            continue
        if found := re.match(r"  (?:\d+ +)?(\S+)(?: [=≈] .*?)? +([=≈]) (\S+|\(.*?\))(  |$)", line):
            name, sign, value = found.group(1, 2, 3)
            assert signs.setdefault((name, value), sign) == sign, line
            aliases = re.match(r" +\S+ = (\S+) +([=≈]) (\S+|\(.*?\))$", line)
            if aliases and (aliases.group(1), value) in signs:
                assert signs[aliases.group(1), value] == sign, line
    assert len(signs) > 2


@pytest.mark.parametrize(("z", "sign"), [(3 + 4j, "="), (0.5 + 1j, "="), (0.1 + 0.3j, "≈")])
def test_a_product_of_complex_numbers_is_exact_where_floats_hold_it(z, sign):
    text = explain(lambda z: np.real(z * z), z).text()
    for name in ("v₁ = z · z", "v₂ = Re(v₁)", "y = v₂"):
        assert re.search(rf"{re.escape(name)} +{sign} ", text), text


@pytest.mark.parametrize(("f", "smooth"), [
    (lambda A: np.linalg.eigvalsh(A)[1], False), (lambda A: np.linalg.norm(A, 2), False),
    (lambda A: np.linalg.svd(A, compute_uv=False)[0], False), (lambda A: np.linalg.eigh(A)[0][0],
    False), (lambda A: np.linalg.eigvals(A).real.max(), False),
    (lambda A: np.sum(np.linalg.eigvalsh(A) ** 2), True), (lambda A: np.sum(np.linalg.svd(
        A, compute_uv=False)), True),
])  # fmt: skip
def test_values_that_repeat_are_told(f, smooth):
    for A, told in ((np.eye(2), True), (np.diag([1.0, 2.0]), False)):
        derivation = explain(f, A)
        assert ("values are equal" in section(derivation.text(), None, "Notes")) is told
        verdict = derivation.document["check"]["verdict"]
        assert verdict == ("agrees" if smooth or not told else "choice")


def test_a_solver_stands_in_the_cost():
    cost = section(lambda a: optimize.brentq(lambda x: x * x - a, 0, 5), 2.0, "Cost")
    assert "1× brentq (not counted)" in cost
    assert "open, since some operations are not counted" in cost


def softmax(v):
    e = np.exp(v - np.max(v))
    return -np.log((e / np.sum(e))[0])


def test_digits_of_rounding_are_told():
    told = section(lambda v: softmax(v / 3), np.array([0.3, 1.1, 2.7]), "Notes")
    bars = explain(lambda v: softmax(v / 3), np.array([0.3, 1.1, 2.7])).text()
    assert ("e−1" in section(bars, None, "Backward")) is ("are those of rounding" in told)
    flat = section(np.std, np.array([0.1] * 3), "Notes")
    assert "nearly equal numbers cancel" in flat
    form = section(lambda x: (1 - np.cos(x)) / x**2, 1e-4, "Closed form")
    assert "dy/dx = " in form.replace("  ", " ")
    assert "≈" not in form
    assert "0.582121" in section(lambda x: np.sin(x) * x, 0.3, "Closed form")


@pytest.mark.parametrize(("f", "x"), [
    (np.arcsin, 1.0), (np.arcsin, -1.0), (np.arccos, 1.0), (np.arccosh, 1.0),
])  # fmt: skip
def test_a_vertical_tangent_at_an_end_is_told(f, x):
    assert "vertical tangent" in section(f, x, "Notes")
    assert "vertical tangent" not in explain(f, x * 0.5 if f is not np.arccosh else 2.0).text()


def test_bars_in_a_table_are_no_norm():
    page = explain(lambda x: np.abs(x) * np.abs(np.sin(x)) + x, 2.0).markdown()
    assert "\\lvert" in page
    assert "\\left\\|" not in page


def test_a_literal_of_single_precision_has_its_few_digits():
    derivation = explain(lambda x: x + np.float32(0.1), np.float32(0.2))
    assert "≈" not in derivation.text()
    assert "\\approx" not in derivation.latex()
