"""The closed form: tidied by SymPy, checked against the rules, left out where it swells."""

import math
import sys
import time

import numpy as np
import pytest
from scipy import interpolate, stats

from chainrule.explain import closed, explain, kept, symbolic
from chainrule.explain.as_json import from_json
from chainrule.explain.evaluation import evaluate
from chainrule.explain.expr import symbols

from . import worked
from .checking import Value


def form(f, *args, **options):
    return explain(f, *args, **options).document


@pytest.mark.parametrize(
    ("f", "shown"),
    [
        (worked.sine, "4 · (2 · x + 1) · cos((2 · x + 1)²)"),
        (worked.branch, "x · cos(x) + sin(x)"),
        (lambda x: x**3 - 2 * x, "3 · x² − 2"),
        (lambda x: np.exp(-x), "−exp(−x)"),
        (lambda x: np.log(x), "1 / x"),
        (lambda x: np.sqrt(x), "1 / (2 · √x)"),
        (lambda x: x / 4, "0.25"),
    ],
)
def test_closed_forms(f, shown):
    text = explain(f, 0.5).text()
    assert f"dy/dx = {shown}" in text or f"dy/dx  = {shown}" in text, text


def test_two_inputs_have_two_forms():
    document = form(lambda x, y: x * np.sin(y), 0.5, 0.3, argnums=(0, 1))
    assert [row["of"] for row in document["closed"]] == ["x", "y"]


def test_swell_is_told_with_both_counts():
    started = time.perf_counter()
    derivation = explain(worked.logistic, 0.3)
    text = derivation.text()
    assert time.perf_counter() - started < 1
    assert len(text.splitlines()) < 200
    counts = derivation.document["omitted"]["counts"]
    assert counts["forward"] == 24
    assert f"{counts['tree']:,} operations as one expression" in text
    assert "(24 forward + 40 backward)" in text


def test_what_has_no_symbol_is_told():
    document = form(lambda x: np.maximum(x, 0.3), 0.5)
    assert document["closed"] is None
    assert "the program chooses by its values" in document["omitted"]["reason"]


def test_a_hang_is_stopped(monkeypatch):
    def hang(tree, limit):
        while True:
            pass

    monkeypatch.setattr(symbolic, "tidy", hang)
    monkeypatch.setattr(closed, "BUDGET", 0.2)
    started = time.perf_counter()
    document = form(worked.sine, 0.5)
    assert time.perf_counter() - started < 2
    assert "stopped after 0.2 s" in document["omitted"]["reason"]


def test_a_wrong_rewriting_is_not_printed(monkeypatch):
    sound = symbolic.tidy
    monkeypatch.setattr(symbolic, "tidy", lambda tree, limit: sound(tree.args[0], limit))
    assert "did not agree" in form(worked.sine, 0.5)["omitted"]["reason"]


def test_without_sympy_the_rules_are_printed(monkeypatch):
    monkeypatch.setitem(sys.modules, "sympy", None)
    document = form(worked.branch, 2.0)
    assert "not installed" in document["closed"][0]["by"]


@pytest.mark.parametrize(("f", "x", "slope"), [
    (lambda x: stats.norm.cdf(x), 1.0, lambda x: np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)),
    (lambda p: stats.binom.pmf(2, 5, p), 0.3, lambda p: 10 * p * (1 - p) ** 2 * (2 - 5 * p)),
    (lambda p: stats.poisson.logpmf(2, p), 2.5, lambda p: 2 / p - 1),
])  # fmt: skip
def test_what_a_library_makes_anew_at_each_call_is_no_other_program(f, x, slope):
    doc = form(f, x)
    assert doc["closed"] is not None, doc["omitted"]
    assert np.isclose(doc["closed"][0]["line"]["value"]["scalar"], slope(x), rtol=1e-9)


def test_what_a_parameter_is_made_of():
    """Not where it lies, and not how it prints: a long array prints in part."""
    knots, heights = np.arange(2000.0), np.zeros(2000)
    other = heights.copy()
    other[1000] = 1e-9
    made = [kept.made_of({"of": interpolate.CubicSpline(knots, h)})
            for h in (heights, heights.copy(), other)]  # fmt: skip
    assert made[0] == made[1]
    assert made[0] != made[2]


@pytest.mark.parametrize(("f", "slope"), [
    (np.tanh, lambda x: 1 - np.tanh(x) ** 2), (np.tan, lambda x: 1 + np.tan(x) ** 2),
    (lambda x: 1 / np.cosh(x), lambda x: -np.tanh(x) / np.cosh(x)),
])  # fmt: skip
def test_a_form_is_written_with_functions_that_libraries_have(f, slope):
    doc = form(f, 0.5)
    assert doc["closed"] is not None, doc["omitted"]
    assert np.isclose(doc["closed"][0]["line"]["value"]["scalar"], slope(0.5), rtol=1e-12)


@pytest.mark.parametrize(("f", "named"), [
    (lambda x, y: x * y**2 + x * y, False), (lambda x, y: x * y + np.sin(y * x), True),
    (lambda x, y: x * y + np.sin(y), True), (lambda x, y: np.sqrt(x**2 + y**2) * y, False),
    (lambda x, y: x**y * 9, True), (lambda x, y: x * y if y > 0 else -x, True),
    (lambda x, y: x * math.exp(y) * y, False), (lambda x, y: (x + y) ** 2 / y, True),
])  # fmt: skip
def test_a_formula_names_data_only_where_it_holds_for_others(f, named):
    """What the program computes of data alone is a number: beside it a name would be false."""
    derivation = explain(f, 1.3, 2.0)
    (row,) = derivation.document["closed"]
    names = list(symbols(from_json(row["tree"])))
    data = derivation.document["problem"]["data"]
    assert any(s in data for s in names) is named
    for x, y in ((0.7, 2.0), (1.9, 2.9) if named else (1.9, 2.0)):
        values = {k: Value(v) for k, v in derivation.values.items()}
        values[derivation.document["problem"]["inputs"][0]] = Value(x)
        values[data[0]] = Value(y)
        slope = (f(x + 1e-6, y) - f(x - 1e-6, y)) / 2e-6
        assert evaluate(from_json(row["tree"]), values) == pytest.approx(slope, rel=1e-8)
