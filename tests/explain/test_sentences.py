"""Sentences that a teacher found to be false, and what stands in their place."""

import inspect
import math
import re
import warnings

import numpy as np
import pytest
from scipy.integrate import quad, solve_ivp
from scipy.linalg import expm

import chainrule
from chainrule.cli.main import _own_warnings, main
from chainrule.errors import KinkWarning
from chainrule.explain import explain
from chainrule.slopes import NOTHING, compare

from . import checking


def section(f, x, title):
    text = explain(f, x).text()
    found = re.search(rf"^\d+ {title}.*?(?=^\d+ |\Z)", text, re.DOTALL | re.MULTILINE)
    return found.group() if found else ""


def relu(x=0.0):
    return max(0, x)


def sine(x=0.5):
    return math.sin(x)


def drawn(x=2.0):
    return x * np.random.rand()  # noqa: NPY002


def held(x=3.0):
    return x * chainrule.stop_gradient(x)


@chainrule.custom_rule(partial=lambda y, x: 3 * x**2)
def cube(x):
    return x**3


def integral(a):
    return quad(lambda t: np.exp(-a * t * t), 0, 1)[0]


def normal(m):
    return quad(lambda t: np.exp(-((t - m) ** 2) / 8), -np.inf, np.inf)[0]


def decay(k):
    return solve_ivp(lambda t, y: -k * y, (0, 2), [1.0]).y[0, -1]


def pieces(x):
    return np.piecewise(np.asarray(x), [x < 1, x >= 1], [lambda t: t**2, lambda t: 2 * t - 1])


SAID = {  # function, point, section, what it says, what it does not say
    "complex step of a constant": (lambda x: 5.0, 2.0, "Check", "no derivative flows",
     "on the way"),
    "what solvers do": (integral, 1.5, "Cost", "what a solver does inside is not counted",
     "that ran"),
    "sums of a solver's steps are counted": (decay, 0.8, "Cost", "mode wins", "not counted)"),
    "verdict of expm": (lambda A: np.sum(expm(A)), np.eye(2) * 3, "Cost", "open, since",
                        "mode wins"),
    "powers": (lambda x: x**4 + np.sqrt(x), 1.5, "Cost", "function value", "transcendental"),
    "own rules": (cube, 1.5, "Cost", "for the rules of the backward pass", "what the rules read"),
    "direction": (lambda x: np.prod(np.cumsum(x)), np.array([1.0, 2.0, 3.0]), "Check",
                  "along a random direction", "relative error"),
    "random numbers": (drawn, 2.0, "Closed form", "draws random numbers", "hang on its inputs\n"),
    "modulus": (lambda t: np.abs(np.exp(1j * t) + 1), 0.5, "Local", "Re(conj(u) du)", "sign u du"),
    "vertical tangent": (np.cbrt, 0.0, "Notes", "that has a vertical tangent", "kink"),
    "complex step at a kink": (lambda x: abs(x) * 2 + np.exp(x), 0.0, "Check", "proves nothing",
     "✓"),
    "pole": (math.tan, math.pi / 2, "Check", "steeper here than differences can tell", "kink"),
    "branch first": (relu, 0.0, "Closed form", "decides by its values", "depend"),
    "what was False": (relu, 0.0, "Notes", "max(0, x): what it asks there, x > 0, is False",
     "does not reach"),
    "cancellation": (lambda x: (x + 1) ** 2 - x**2, 1e8, "Check", "terms that cancel", "it takes"),
    "on a step": (lambda x: np.sign(x) * x, 0.0, "Notes", "stands on the step", "locally constant"),
    "factor": (lambda x: np.sign(x) * x, 0.0, "Local", "a factor of derivative 0",
     "constant factor"),
    "ties of piecewise": (pieces, 1.0, "Notes", "arguments are equal", "∞"),
}  # fmt: skip


@pytest.mark.parametrize("name", SAID)
@pytest.mark.filterwarnings("ignore")
def test_what_is_said_is_so(name):
    f, x, title, said, unsaid = SAID[name]
    text = section(f, x, title)
    assert said in text
    assert unsaid not in text


@pytest.mark.parametrize("f", [integral, normal, decay])
def test_rows_of_solvers_give_no_formula_of_another_value(f):
    assert checking.check_json(explain(f, 0.7)) > 3


@pytest.mark.parametrize("f", [lambda t: np.exp(1j * t).real, lambda t: np.sin(np.radians(t))])
def test_parts_and_degrees_are_no_functions(f):
    assert explain(f, 0.5).document["cost"]["value"]["functions"] == 1


@pytest.mark.parametrize("slope", [0.0, 1.0, -3e20])
def test_a_jump_or_a_pole_accuses_nobody(slope):
    for f in (lambda x: 1.0 / (x - 1e-17), lambda x: np.heaviside(x, 0.5), lambda x: 1e9 * (x > 0)):
        (row,) = compare(f, [np.float64(0.0)], [np.float64(slope)]).rows
        assert row.verdict == NOTHING


@pytest.fixture
def check(capsys, tmp_path):
    def run(function):
        file = tmp_path / "program.py"
        head = "import math\nimport numpy as np\nimport chainrule\n"
        file.write_text(head + inspect.getsource(function), encoding="utf-8")
        status = main(["check", f"{file}:{function.__name__}"])
        return status, capsys.readouterr().out

    return run


def test_the_command_takes_what_python_floats_give(check):
    status, out = check(sine)
    assert status == 0
    assert "all agree" in out


def test_the_command_tells_a_choice(check):
    status, out = check(relu)
    assert status == 0
    assert "0 on the left and 1 on the right" in out
    assert "there a choice was made" in out
    assert "the result holds no floating-point number" in out


def test_the_command_draws_the_same_numbers(check):
    assert check(drawn)[0] == 0


def test_check_tells_stop_gradient(check):
    assert "stop_gradient holds a value fast" in check(held)[1]
    assert "not the slope of the whole program" in str(chainrule.check(held, 3.0))


def test_warnings_of_the_command_have_no_place_of_its_own():
    with _own_warnings():
        ours = warnings.formatwarning(KinkWarning("so it is"), KinkWarning, __file__, 1)
        other = warnings.formatwarning(UserWarning("so it is"), UserWarning, __file__, 1)
    assert ours == "warning: so it is\n"
    assert "test_sentences" in other
