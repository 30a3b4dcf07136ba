"""Arrays as outputs, constants, kinks, infinities, complex numbers, and bad input."""

import json

import numpy as np
import pytest

import chainrule
from chainrule import errors
from chainrule.explain import draw, explain

from . import checking, worked


def test_an_array_output_gives_a_row_of_the_jacobian():
    x = np.array([1.0, 2.0, 3.0])
    derivation = explain(lambda x: np.cumsum(np.sin(x)), x, output=1)
    jacobian = chainrule.jacobian(lambda x: np.cumsum(np.sin(x)))(x)
    np.testing.assert_array_equal(derivation.gradient, jacobian[1])
    assert "entry [1]" in derivation.text()
    assert derivation.document["cost"]["reverse"]["sweeps"] == 3
    checking.check_all(derivation)


def test_a_constant_function():
    derivation = explain(lambda x: 3.0, 1.0)
    assert derivation.gradient == 0
    assert "does not reach the output" in derivation.text()
    assert draw(lambda x: 3.0, 1.0).svg().startswith("<svg")


def test_the_identity_and_a_bare_ufunc():
    assert explain(lambda x: x, 2.0).gradient == 1
    assert "cos(x)" in explain(np.sin, 2.0).text()


def test_kinks_are_told():
    notes = explain(lambda x: np.abs(x) + np.maximum(x, 0.0), 0.0).document["notes"]
    assert any("kink" in n for n in notes)
    assert any("tie" in n for n in notes)


def test_integer_arguments_are_numbers():
    assert explain(lambda x: x @ x, np.array([1, 2])).gradient.tolist() == [2, 4]
    assert explain(lambda x: x**2, 3).gradient == 6


def test_complex_inputs():
    derivation = explain(lambda z: np.abs(z * z) ** 2, 1.0 + 2.0j)
    assert derivation.gradient == chainrule.grad(lambda z: np.abs(z * z) ** 2)(1.0 + 2.0j)
    assert derivation.document["check"]["passed"]
    checking.check_all(derivation)


def test_float32_stays_float32():
    derivation = explain(lambda x: np.sum(np.exp(x) * x), np.array([1.0, 2.0], np.float32))
    assert derivation.gradient.dtype == np.float32
    checking.check_text(derivation)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_infinities_print_and_are_strict_json():
    derivation = explain(np.log, 0.0)
    assert "∞" in derivation.text()
    assert json.loads(derivation.json())["symbols"]["bar:x"]["value"]["scalar"] == "inf"
    assert "#A3006D" in draw(np.log, 0.0).svg()


def test_empty_arrays():
    assert explain(lambda x: np.sum(x * x), np.zeros(0)).gradient.shape == (0,)


def test_many_readers_do_not_print_endless_sums():
    def f(x):
        h = x
        for _ in range(300):
            h = np.sin(h) * np.cos(x)
        return h

    derivation = explain(f, 0.3)
    assert derivation.gradient == chainrule.grad(f)(0.3)
    assert len(derivation.text().splitlines()) < 450
    assert "301 of 301 arrived" in derivation.text()


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: explain(lambda x: None, 1.0), errors.OutputTypeError, "return"),
        (lambda: explain(lambda x: (x, x), 1.0), errors.OutputTypeError, "2 arrays"),
        (lambda: explain(lambda x: "no", 1.0), errors.OutputTypeError, "'no'"),
        (lambda: explain(lambda x: x * 2, np.nan), errors.NonFiniteError, "x"),
        (lambda: draw(lambda x: x * 2, np.nan), errors.NonFiniteError, "x"),
        (lambda: explain(lambda x: x, "text"), errors.InputTypeError, "text"),
        (lambda: explain(lambda x: x, 1.0, argnums=3), errors.ArgnumsError, "3"),
        (lambda: explain(np.sin, 1.0, mode="sideways"), errors.UsageError, "reverse"),
        (lambda: explain(np.sin, 1.0, detail="much"), errors.UsageError, "brief"),
        (lambda: explain(np.sin, np.ones(3), output=7), errors.UsageError, "(3,)"),
        (lambda: explain(np.sin, 1.0).save("x.doc"), errors.UsageError, ".tex"),
        (lambda: draw(np.sin, 1.0).save("x.png"), errors.UsageError, ".svg"),
    ],
)
def test_bad_input(call, error, words):
    with pytest.raises(error) as caught:
        call()
    assert words in str(caught.value)


def test_saving(tmp_path):
    derivation = explain(worked.sine, 0.5)
    for suffix in (".txt", ".md", ".tex", ".json"):
        assert derivation.save(tmp_path / f"d{suffix}").read_text(encoding="utf-8")
    assert draw(worked.sine, 0.5).save(tmp_path / "d.svg").exists()
    assert "4 steps" in repr(derivation)
    assert "boxes" in repr(draw(worked.sine, 0.5))
    assert derivation._repr_markdown_() == derivation.markdown()
    assert str(derivation) == derivation.text()
