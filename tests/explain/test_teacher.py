"""Sentences that a teacher found to be false in a second reading, by their kinds."""

import math
import re

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import chainrule
from chainrule.cli.main import main
from chainrule.errors import ChainRuleError, IndeterminateWarning, NonScalarOutputError
from chainrule.explain import explain
from chainrule.slopes import DIFFERS, compare

pytestmark = pytest.mark.filterwarnings("ignore")


def section(f, x, title):
    text = explain(f, x).text()
    found = re.search(rf"^\d+ {title}.*?(?=^\d+ |\Z)", text, re.DOTALL | re.MULTILINE)
    return found.group() if found else ""


# --- numbers that NumPy has no integers for -------------------------------------------------------
@pytest.mark.parametrize("f", [
    lambda x: x * 6.022e23, lambda x: 2.0**64 * x, lambda x: np.sin(x) * 1e20 + 1e300 * x,
    lambda x: (x - 1e25) ** 2,
])  # fmt: skip
def test_large_whole_numbers(f):
    derivation = explain(f, 1.5)
    assert derivation.gradient == chainrule.grad(f)(1.5)
    assert derivation.text()


def test_the_command_takes_large_whole_numbers(capsys):
    assert main(["explain", "1e20*x", "--at", "x=2"]) == 0
    assert "dy/dx  = 1e20" in capsys.readouterr().out


# --- explain and grad say the same ----------------------------------------------------------------
@pytest.mark.parametrize(("f", "x"), [(lambda x: x ** (1 / 3), -8.0), (lambda x: x**x, -1.5)])
def test_complex_results_are_refused_as_by_grad(f, x):
    with pytest.raises(NonScalarOutputError, match="returned a complex number"):
        explain(f, x)


def test_a_limit_that_grad_denies_is_not_told():
    derivation = explain(lambda x: x**x, -2.0)
    assert np.isnan(derivation.gradient)
    assert np.isnan(chainrule.grad(lambda x: x**x)(-2.0))
    assert "no limit could be taken" in derivation.text()
    assert "✓" not in derivation.text()


def test_what_keeps_state_is_not_compared():
    kept = [0]

    def counting(x):
        kept[0] += 1
        return x * kept[0]

    derivation = explain(counting, 2.0)
    words = chainrule.check(counting, 2.0).uncompared
    assert derivation.gradient == 1
    assert f"nothing is compared: {words}" in derivation.text()
    for claim in ("limit", "jumps", "✓", "✗"):
        assert claim not in derivation.text()


# --- kinks and jumps are claimed where the program decides ----------------------------------------
SMOOTH = {
    "a root that is rounded off": (lambda x: np.sqrt(x * x + 1e-16), 0.0),
    "a fast wave": (lambda x: np.sin(1e9 * x), 1.0),
    "a wave": (lambda x: np.sin(1e5 * x), 1.0),
    "a kink near by": (lambda x: abs(x - 1e-9), 0.0),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_what_is_smooth_is_told_by_shorter_steps(name):
    f, x = SMOOTH[name]
    derivation = explain(f, x)
    assert derivation.document["check"]["verdict"] == "agrees"
    assert "kink" not in derivation.text()
    assert "✗" not in derivation.text()
    found = chainrule.check(f, x)
    assert (found.uncompared, bool(found)) == ("", True)


def test_what_differences_cannot_tell_is_said():
    said = section(lambda x: np.maximum(x, 1 + 1e-12), 1.0, "Check")
    assert "differences cannot tell" in said
    assert "kink" not in said


@pytest.mark.parametrize(("f", "found"), [
    (np.exp, 1.1), (lambda x: x * x + 1e5, 2.1), (lambda x: np.sin(50 * x), 3.0),
])  # fmt: skip
def test_only_what_converges_accuses(f, found):
    (row,) = compare(f, [np.float64(1.0)], [np.float64(found)]).rows
    assert row.verdict == DIFFERS


STEPS = {  # function, where it jumps, and where it does not
    "floor": (np.floor, 2.0, 2.5), "quotient": (lambda x: x // 2 + x, 4.0, 5.0),
    "round": (np.round, 2.5, 2.0), "tenths": (lambda x: np.round(x, 1), 0.25, 0.3),
    "heaviside": (lambda x: np.heaviside(x, 0.5), 0.0, 1.0),
    "comparison": (lambda x: (x > 1) * x, 1.0, 1.5), "trunc": (np.trunc, 1.0, 0.0),
    "largest": (lambda x: x[np.argmax(x)], np.array([1.0, 3.0, 3.0]), np.array([1.0, 3.0, 2.0])),
    "math.floor": (lambda x: math.floor(x) * x, 2.0, 2.5),
    "math.ceil": (lambda x: math.ceil(x) * x, 2.0, 2.5),
    "int of floor": (lambda x: int(np.floor(x)) * x, 2.0, 2.5),
    "int of quotient": (lambda x: int(x // 0.5 + 1) * x, 2.0, 2.6),
    "int": (lambda x: x * int(x), 2.0, 2.5), "astype": (lambda x: x * x.astype(int), 2.0, 2.5),
}  # fmt: skip


@pytest.mark.parametrize("name", STEPS)
def test_a_point_on_a_step_is_told(name):
    f, on, off = STEPS[name]
    for x, there, unsaid in ((on, True, "locally constant"), (off, False, "stands on the step")):
        x = np.array(x) if name == "astype" else x
        for text in (explain(f, x).text(), chainrule.check(f, x).text()):
            assert ("the point stands on the step" in text) is there
            assert unsaid not in text


def test_no_formula_agrees_where_the_program_jumps():
    assert "agrees with the program at 5" in section(lambda x: np.floor(x) * x, 2.0, "Closed form")


@pytest.mark.parametrize(("f", "x", "said"), [
    (lambda x: x[np.argmax(x)], np.array([1.0, 3.0, 3.0]), "is that of the left"),
    (lambda x: max(x, 0), 0.0, "is that of the right"),
    (lambda x: np.maximum(x, 2 * x), 0.0, "lies between them"),
])  # fmt: skip
def test_the_side_of_a_choice(f, x, said):
    assert said in section(f, x, "Check")


# --- solvers, formulas, values that are not finite ------------------------------------------------
def test_the_recorded_steps_of_a_solver_are_told_as_such():
    def exact(a):
        return solve_ivp(lambda t, y: -a * y, (0, 1), [1.0]).y[0, -1]

    def companion(a):
        return solve_ivp(lambda t, y: -a * y, (0, 1), [1.0], method="BDF").y[0, -1]

    assert "are the steps that it took" in section(exact, 0.7, "Notes")
    assert "not of its iterations" in section(companion, 0.7, "Notes")


@pytest.mark.parametrize(("f", "x"), [
    (lambda x: np.arctan(np.sqrt(1 - x**2) / x) + np.arcsin(x), 0.3),
    (lambda x: np.expm1(x) / x, 1e-9), (lambda x: abs(x - 0.1 * 3), 0.3), (np.cbrt, -8.0),
])  # fmt: skip
def test_reasons_that_were_not_seen_are_not_given(f, x):
    said = section(f, x, "Closed form")
    assert "no such value" not in said
    assert "too few" not in said


@pytest.mark.parametrize(("f", "x", "said"), [
    (np.exp, 1000.0, "not finite (overflow)"), (np.log, 0.0, "not finite (divide by zero)"),
    (lambda x: x**0.5, 0.0, "vertical tangent"),
])  # fmt: skip
def test_overflows_and_poles_are_told(f, x, said):
    text = explain(f, x).text()
    assert said in section(f, x, "Notes")
    assert "program here" not in text
    assert "exp(x)  = ∞" not in section(f, x, "Closed form")


# --- cures ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(("f", "args", "cure"), [
    (lambda x: {"a": x, "b": 2 * x}, (1.0,), "f(*a)['a']"), (lambda x: [x], (1.0,), "f(*a)[0]"),
    (lambda x: {"only": x}, (1.0,), "f(*a)['only']"), (lambda x: (x, x), (1.0,), "f(*a)[0]"),
    (lambda x: x * float(f"{x:.2f}"), (1.234,), "np.round(x, 2)"),
    (lambda x: x, ("3",), "float('3')"), (lambda: 3.0, (), "take it as an argument"),
])  # fmt: skip
def test_cures_fit(f, args, cure):
    with pytest.raises(ChainRuleError) as error:
        explain(f, *args)
    assert cure in str(error.value)


# --- what is named --------------------------------------------------------------------------------
def test_the_entry_is_named():
    text = explain(lambda x: x * np.ones((1, 2)), 1.5, output=(0, 1)).text()
    assert re.search(r"derivative of \S+\[0, 1\] with respect", text)


def test_the_legend_says_what_stands_on_the_edges():
    scalar, array = (chainrule.draw(f, x).svg() for f, x in (
        (lambda x: x * np.sin(x), 2.0), (lambda x: np.sum(np.cumsum(x)), np.ones(2)),
    ))  # fmt: skip
    assert "local derivative<" in scalar
    assert "local derivative<" not in array


def test_a_warning_that_there_is_no_limit_says_nothing_else():
    with pytest.warns(IndeterminateWarning, match="no finite limit: it is −∞ from the") as told:
        chainrule.grad(lambda x: x * np.log(x))(0.0)
    assert "was taken" not in str(told[0].message)
