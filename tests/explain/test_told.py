"""What a derivation says of limits, costs, kept values, underflow and complex numbers is so."""

import re
import warnings

import numpy as np
import pytest

import chainrule
from chainrule.errors import IndeterminateWarning
from chainrule.explain import explain

from . import checking

pytestmark = pytest.mark.filterwarnings("ignore")


def section(f, x, title, **options):
    text = explain(f, x, **options).text()
    found = re.search(rf"^\d+ {title}.*?(?=^\d+ |\Z)", text, re.DOTALL | re.MULTILINE)
    return found.group() if found else ""


# --- limits ---------------------------------------------------------------------------------------
LIMITS = {  # smooth, by a limit: at order one, and at order two
    "x√x": lambda x: x * np.sqrt(x), "√x⁴": lambda x: np.sqrt(x**4),
    "|t|·|t|": lambda x: chainrule.grad(lambda t: np.abs(t) * np.abs(t))(x),
    "(√t²)⁴": lambda x: chainrule.grad(lambda t: np.linalg.norm(np.array([t])) ** 2)(x),
}


@pytest.mark.parametrize("name", LIMITS)
def test_where_a_limit_was_taken_no_kink_claims_the_gradient(name):
    f = LIMITS[name]
    notes = section(f, 0.0, "Notes").splitlines()
    touched = [n for n in notes if re.search(r"vertical tangent|at a kink", n)]
    assert touched
    for n in touched:
        assert n.endswith("here the gradient is a limit around the point")
        assert "the derivative taken is 0" not in n
        assert "the derivative taken is infinite" not in n
    for mode in ("forward", "both"):
        assert "this is the limit around it" in explain(f, 0.0, mode=mode).text()


ENDS = {  # one side, both, or neither
    "log": (lambda x: x * np.log(x), "no finite limit: it is −∞ from the right, and no number"),
    "√√": (
        lambda x: np.sqrt(x * np.sqrt(x)), "no finite limit: it is ∞ from the right, and no number"
    ),
    "√x²": (lambda x: np.sqrt(x * x), "no limit: it is 1 from the right and −1 from the left"),
    "|x|^½": (lambda x: np.sqrt(np.sqrt(x * x)), "no limit: it is ∞ from the right and −∞ from"),
    "mirrored": (lambda x: np.sqrt(-x * np.sqrt(-x)), "it is −∞ from the left, and no number from"),
    "cos": (lambda x: np.sqrt(1 - np.cos(x)), "it is 0.7071 from the right and −0.7071 from the"),
    "wave": (lambda x: np.sqrt(x**4) * np.sin(1 / (x + 1e-300)), "no limit was found; the result"),
}


@pytest.mark.parametrize("name", ENDS)
def test_the_sides_of_what_has_no_limit(name):
    f, said = ENDS[name]
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert np.isnan(chainrule.grad(f)(0.0))
    (words,) = [str(w.message) for w in told if issubclass(w.category, IndeterminateWarning)]
    assert said in words


# --- costs and kept values ------------------------------------------------------------------------
@pytest.mark.parametrize("f", [
    lambda x: x * np.sqrt(x), lambda x: np.sqrt(x * x), lambda x: np.sqrt(x * np.sqrt(x)),
    lambda x: np.abs(x) ** 0.5 * x, lambda x: x * np.log(x),
])  # fmt: skip
def test_forward_mode_costs_at_a_singular_point_what_it_costs_beside_it(f):
    at, beside = (explain(f, x).document["cost"]["forward"]["total"] for x in (0.0, 0.5))
    assert at == beside


def test_solves_stand_in_the_sum():
    """36 beside them, and 4 times 2n² by the factors that are there."""
    cost = section(lambda A: np.sum(np.linalg.solve(A, np.ones(2))), np.eye(2) * 3, "Cost")
    assert "4 sweeps  68 operations in all" in cost


def kept(f, x):
    return re.search(r"kept +(.*?) \(", section(f, x, "Cost")).group(1).split(", ")


@pytest.mark.parametrize(("f", "x", "names"), [
    (lambda x: np.linalg.eigvalsh(x)[1], np.diag([1.0, 2.0]), None),
    (lambda x: 3 * x + 1, 2.0, ["nothing"]),
    (lambda x: np.exp(x) * x, 2.0, ["v₁", "x"]),
])  # fmt: skip
def test_kept_is_what_the_rules_read(f, x, names):
    found = kept(f, x)
    if names is not None:
        assert sorted(found) == sorted(names)
    document = explain(f, x).document
    read = str(document["edges"])
    for id in document["cost"]["saved"]:
        assert f"'sym': '{id}'" in read


# --- numbers that are too small -------------------------------------------------------------------
SMALL = {
    "normal": (lambda x: np.exp(-x * x), 30.0), "decay": (lambda x: np.exp(-x), 800.0),
    "product": (lambda x: x * 1e-200 * 1e-200, 1.0), "power": (lambda x: x**200, 1e-5),
    "logistic": (lambda x: 1 / (1 + np.exp(x)), 800.0), "square": (np.square, 1e-200),
    "vector": (lambda x: np.sum(np.exp(-x)), np.array([1.0, 800.0])),
}


@pytest.mark.parametrize("name", SMALL)
def test_a_zero_by_underflow_is_no_equality(name):
    derivation = explain(*SMALL[name], mode="both")
    text = derivation.text()
    assert not re.search(r"exp\(.*\) +(= 0|= \(.*, 0\))(?! ·)", text)
    assert checking.check_json(derivation) > 2
    if name not in ("logistic", "square"):
        assert "(underflow)" in text
        assert "≈ 0" in text or ", 0)" in text


@pytest.mark.parametrize(("f", "x"), [
    (lambda x: x * x, 0.0), (np.sin, 0.0), (lambda x: np.exp(x) - 1, 0.0), (np.abs, 0.0),
    (lambda x: np.sum(np.maximum(x, 0)), np.array([-1.0, 2.0])),
])  # fmt: skip
def test_a_zero_that_is_one_stays_an_equality(f, x):
    text = explain(f, x).text()
    assert "≈ 0 " not in text
    assert "underflow" not in text


# --- complex numbers ------------------------------------------------------------------------------
@pytest.mark.parametrize(("f", "z"), [
    (lambda z: np.abs(z * z + 1) ** 2, 0.5 + 1j), (lambda x: np.abs(np.exp(1j * x) + x), 0.5),
    (lambda x: np.sum(np.abs(np.fft.fft(x)) ** 2), np.arange(3.0)),
])  # fmt: skip
def test_the_convention_of_complex_numbers_is_told(f, z):
    assert "complex value a + bi it means ∂/∂a − i·∂/∂b" in section(f, z, "Backward")
    assert "its conjugate is the direction of steepest ascent" in section(f, z, "Notes")


def test_nothing_is_told_of_complex_numbers_where_there_are_none():
    assert "complex numbers" not in explain(np.sin, 1.0).text()


# --- protections and places -----------------------------------------------------------------------
@pytest.mark.parametrize(("f", "x"), [
    (lambda x: np.linalg.norm(x), np.ones(2)), (lambda z: np.abs(z), 1 + 1j),
    (lambda x: np.maximum(x, 0.0), 2.0), (lambda x: np.hypot(x, 1.0), 2.0),
])  # fmt: skip
def test_a_protection_is_printed_where_it_acts_only(f, x):
    assert "where(" not in section(f, x, "Local")


def only_first(first, second):
    return first * 2


def test_check_names_the_function_and_not_the_line_that_prints():
    found = chainrule.check(only_first, 1.0, 2.0)
    text = found.text()  # this line is no part of the program
    place = re.search(r"where: (.*)", text).group(1)
    line = only_first.__code__.co_firstlineno
    assert place.endswith(f"test_told.py:{line}, in only_first:  def only_first(first, second):")
    assert found.text() == text
