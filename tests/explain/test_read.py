"""What a student stumbles over in a derivation that is true, by its kinds."""

import math
import re
from itertools import pairwise

import numpy as np
import pytest
from scipy.optimize import fsolve, leastsq

from chainrule import grad
from chainrule.core import registry
from chainrule.diagnose.watching import SOLVER, Event
from chainrule.errors import UsageError
from chainrule.explain import explain
from chainrule.explain.evaluation import evaluate
from chainrule.explain.expr import App, Sym
from chainrule.explain.happenings import Happenings
from chainrule.explain.text import _Text

from .checking import Value

pytestmark = pytest.mark.filterwarnings("ignore")


def text(f, *xs, **options):
    return explain(f, *xs, **options).text()


def section(said, title):
    found = re.search(rf"^\d+ {title}.*?(?=^\d+ |\Z)", said, re.DOTALL | re.MULTILINE)
    return found.group() if found else ""


# --- what the check tries is no matter of the terminal's ------------------------------------------
@pytest.mark.parametrize("solver", [fsolve, lambda f, x: leastsq(f, x)[0]])
def test_what_a_solver_prints_of_complex_numbers_is_not_shown(solver, capfd):
    explain(lambda a: solver(lambda x: x**2 - a, 1.0)[0], 2.0)
    assert capfd.readouterr() == ("", "")


# --- a name with a prime reads as a derivative ----------------------------------------------------
@pytest.mark.parametrize(("f", "xs", "name"), [
    (lambda y: y, (2.0,), "f"), (lambda x, y: max(x, y), (1.0, 2.0), "f"),
    (lambda y, f: y, (2.0, 3.0), "out"), (lambda y: y, (np.ones(2),), "f"),
    (lambda y, f, out, result: y * 2, (2.0, 3.0, 4.0, 5.0), "out₁"),
])  # fmt: skip
def test_the_output_has_a_name_of_its_own(f, xs, name):
    said = text(f, *xs)
    assert f"find the derivative of {name} (" in said
    assert "y'" not in said


# --- a closed form is of the whole domain of the program ------------------------------------------
def closed(f, x):
    return section(text(f, x), "Closed").splitlines()[1].strip()


@pytest.mark.parametrize("x", [8.0, -8.0])
@pytest.mark.parametrize(("f", "form"), [
    (np.cbrt, "1 / (3 · (∛x)²)"), (lambda x: np.cbrt(x) ** 2, "2 / (3 · ∛x)"),
    (lambda x: np.cbrt(x) ** 3 + x * x, "2 · x + 1"),
    (lambda x: np.cbrt(2 * x - 1), "2 / (3 · (∛(2 · x − 1))²)"),
])  # fmt: skip
def test_cube_roots_are_real_on_both_sides(f, form, x):
    assert f"dy/dx = {form} " in closed(f, x)
    assert "at 5 other points" in closed(f, x)


def test_sympy_is_told_functions_of_the_same_domain():
    symbolic = pytest.importorskip("chainrule.explain.symbolic")
    x, tried = Sym("x"), 0
    for op in registry.ops():
        if len(op.slots) != 1 or not op.mp or op.mp == "nint(x)":
            continue
        told = symbolic.tidy(App(op.name, (x,)), 40)
        if isinstance(told, str):
            continue
        for at in np.array([-2.3, -0.4, 0.4, 2.3]):
            with np.errstate(all="ignore"):
                value = op.value(at)
                found = evaluate(told, {"x": Value(at)})
            assert not np.isfinite(value) or np.allclose(found, value, 1e-12), (op, at)
        tried += 1
    assert tried > 30


# --- the line that asks for a derivation is none of the program's ---------------------------------
@pytest.mark.parametrize(("f", "x"), [(np.cbrt, 8.0), (np.linalg.det, np.eye(2))])
def test_a_librarys_function_has_no_name_of_the_users(f, x):
    asked = explain(f, x)
    assert asked.document["symbols"][asked.document["output"]]["text"] == "y"


# --- what is called for every number of a list ----------------------------------------------------
@pytest.mark.parametrize("v", [[0.1, 0.2], (0.1, 0.2), [[0.1], [0.2]], np.array([0.1, 0.2])])
@pytest.mark.parametrize("signature", [None, "()->()"])
def test_vectorize_takes_lists(v, signature):
    each = np.vectorize(math.sin, signature=signature)
    found = grad(lambda v: each(v).sum())(v)
    assert np.allclose(np.ravel(found), np.cos([0.1, 0.2]))


# --- sums that cancel can be followed -------------------------------------------------------------
@pytest.mark.parametrize(("f", "x"), [
    (lambda x: np.expm1(x) / x, 1e-5), (lambda x: (1 - np.cos(x)) / x**2, 1e-3),
    (lambda x: x * 1e8 - x * (1e8 - 1), 1.1), (lambda x: np.sqrt(x + 1) - np.sqrt(x), 1e6),
])  # fmt: skip
def test_sums_that_cancel_add_up_as_they_are_written(f, x):
    said, found = text(f, x, detail="full"), 0
    for line in said.splitlines():
        sides = re.split(r" [=≈] ", line.partition("  — ")[0].partition("  #")[0])
        for a, b in pairwise(sides[1:]):
            a, b = (s.strip().replace("−", "-").replace("·", "*") for s in (a, b))
            if re.fullmatch(r"[-+* ()\d.e]+", a + b) and re.search(r" [-+] ", a):
                assert eval(a) == pytest.approx(eval(b), 1e-4), line
                found += 1
    assert found
    assert len(re.findall(r"\d{9}", said)) < 40


# --- small ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(("f", "xs", "forms"), [
    (lambda x: x**4 - 4 * x**2, [2**0.5], ["dy/dx = 4 · x · (x² − 2) ≈ 1.77636e−15"]),
    (lambda x: (x + 1) / (x - 1), [3.0], ["dy/dx = −2 / (x − 1)²"]),
    (lambda x: x / (1 + x**2), [0.5], ["dy/dx = −(x² − 1) / (x² + 1)²"]),
    (lambda x, y: x * y + np.sin(x), [2.0, 3.0], ["∂f/∂x = y + cos(x)", "∂f/∂y = x"]),
    (lambda x, w: x * w + np.sin(x), [2.0, 3.0], ["∂y/∂x = w + cos(x)", "∂y/∂w = x"]),
    (lambda x, w: x * w, [2.0, 3.0], ["∂y/∂x = w", "∂y/∂w = x"]),
])  # fmt: skip
def test_closed_forms_are_simple_and_named_as_in_the_guide(f, xs, forms):
    said = section(text(f, *xs, argnums=tuple(range(len(xs)))), "Closed")
    for form in forms:
        assert re.sub(" +", " ", form) in re.sub(" +", " ", said)


def test_a_name_that_a_local_derivative_has_is_taken_from_none():
    def f(x, w):
        y = x * w
        return y

    said = section(text(f, 2.0, 3.0, argnums=(0, 1)), "Closed")
    assert "∂" not in said
    assert "x̄ = w" in said


@pytest.mark.parametrize("output", [3, 0, (0,), -1])
def test_one_number_has_no_entries(output):
    with pytest.raises(UsageError, match="which is one number"):
        explain(lambda x: x * x, 2.0, output=output)
    assert explain(lambda x: x * x, 2.0, output=()).gradient == 4


@pytest.mark.parametrize(("rows", "said"), [
    (1, "row 1 carries the derivative of its answer, not of its iterations, and its numbers are"),
    (2, "rows 1 to 2 carry the derivative of its answer, not of its iterations, and their numbers"),
])  # fmt: skip
def test_rows_of_a_solver_are_counted(rows, said):
    told = Happenings.__new__(Happenings)
    told.index, told.notes, told.marks = {k: k for k in range(1, rows + 1)}, [], {}
    told.inside = lambda event: told.index
    told._solver(Event(SOLVER, None, "", ["newton"]), "a.py:1")
    assert said in told.notes[0]


@pytest.mark.parametrize("reason", [
    "the figure, -1.0e-40, is no larger", "-2 and 3e-9", "(1 - 2i) against -inf",
])  # fmt: skip
def test_the_check_writes_one_minus(reason):
    said = _Text.fragment(None, f"complex step left out: {reason} in x-1")
    assert "-" not in said.replace("x-1", "")
    assert "x-1" in said


# --- local derivatives in the words of a student --------------------------------------------------
@pytest.mark.parametrize(("f", "x", "said"), [
    (lambda x: np.hypot(x, 3.0), 4.0, "x / hypot(x, 3) = 4 / hypot(4, 3)"),
    (lambda x: np.hypot(x, 0.0), 0.0, "share(x, 0)"),  # of no length there is no quotient
    (lambda x: np.maximum(2 * x, x), 4.0, "x > v₁ = 4 > 8 "),
    (lambda x: np.minimum(x, x**2), 0.5, "v₁ < x = 0.25 < 0.5 "),
    (lambda x: np.fmax(x, 1.0), 0.5, "x > 1 = 0.5 > 1 "),
])  # fmt: skip
def test_rules_leave_out_what_does_not_act(f, x, said):
    assert said in section(text(f, x), "Local")


def test_a_rule_asks_for_nan_where_there_is_one():
    said = section(text(lambda x: np.fmax(x, np.nan), 2.0), "Local")
    assert "(2 > NaN) ∨ True " in said


@pytest.mark.parametrize("f", [
    lambda x: np.maximum(x, 1.0), lambda x: np.clip(x, 0, 5), lambda x: np.fmin(x, x * x),
    lambda x: (x > 1) * x, lambda x: np.hypot(np.maximum(x, 1), 2),
])  # fmt: skip
def test_no_function_is_named_that_the_program_does_not_have(f):
    said = section(text(f, 2.0), "Closed")
    assert "the program chooses by its values" in said
    for word in ("greater", "less", "SymPy is told"):
        assert word not in said
