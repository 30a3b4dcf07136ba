"""The closed form: tidied by SymPy, checked against the rules, left out where it swells."""

import sys
import time

import numpy as np
import pytest

from chainrule.explain import closed, explain, symbolic

from . import worked


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
    assert "no formula that SymPy is told" in document["omitted"]["reason"]


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
