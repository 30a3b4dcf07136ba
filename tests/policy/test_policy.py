"""Every row of every table in docs/policy is run."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule
from chainrule.cli.expression import evaluate_constant, parse_expression
from chainrule.cli.target import parse_values
from chainrule.errors import InputTypeError, KinkWarning

POLICY = Path(__file__).parents[2] / "docs" / "policy"


def rows(name: str, columns: int, heading: str = "") -> list[list[str]]:
    """Return the code cells of the rows whose first `columns` cells are code."""
    found = []
    text = (POLICY / name).read_text(encoding="utf-8")
    if heading:
        text = text.split(f"### {heading}\n")[1].split("###")[0]
    for line in text.splitlines():
        cells = [re.fullmatch(r"`(.+)`", c.strip()) for c in re.split(r"(?<!\\)\|", line)[1:-1]]
        code = [c[1] for c in cells[:columns] if c is not None]
        if len(code) == columns and not any(cells[columns:]):
            found.append(code)
    return found


def python(text: str) -> Any:
    """Run a cell of our own documentation."""
    return eval(text, {"np": np})


def test_the_tables_are_found() -> None:
    assert len(rows("kinks.md", 3)) >= 30
    assert len(rows("complex.md", 3)) >= 7
    assert len(rows("dtypes.md", 3)) >= 10
    assert len(rows("dtypes.md", 1)) >= 5


@pytest.mark.parametrize(("expression", "at", "expected"), rows("kinks.md", 3))
def test_kinks(expression: str, at: str, expected: str) -> None:
    f = parse_expression(expression)
    (x,) = parse_values([at]).values()
    with np.errstate(all="ignore"):
        reverse = chainrule.grad(f)(x)
        forward = chainrule.jacfwd(f)(x)
    np.testing.assert_allclose(reverse, evaluate_constant(expected), rtol=1e-12, atol=0)
    np.testing.assert_allclose(forward, reverse, rtol=1e-12, atol=0)


def _at_order(expression: str, at: str, order: str) -> list[Any]:
    """Return a derivative of order 2 or 3 by several ways."""
    f = parse_expression(expression)
    (x,) = parse_values([at]).values()
    if order == "3":
        return [chainrule.derivative(f, 3)(x), chainrule.grad(chainrule.hessian(f))(x)]
    twice = chainrule.jacobian(chainrule.jacobian(f, mode="fwd"), mode="rev")
    return [chainrule.hessian(f)(x), chainrule.jacrev(chainrule.grad(f))(x), twice(x)]


@pytest.mark.parametrize(
    ("expression", "at", "order", "expected"), rows("kinks.md", 4, "Where it exists")
)
def test_higher_orders(expression: str, at: str, order: str, expected: str) -> None:
    for found in _at_order(expression, at, order):
        np.testing.assert_allclose(found, evaluate_constant(expected), rtol=1e-9, atol=1e-12)


NONE = "Where there is none, with a KinkWarning"


@pytest.mark.parametrize(("expression", "at", "order", "expected"), rows("kinks.md", 4, NONE))
def test_no_higher_order(expression: str, at: str, order: str, expected: str) -> None:
    with pytest.warns(KinkWarning, match=r"<expression[ \d]*>:1"):
        results = _at_order(expression, at, order)
    for found in results:
        np.testing.assert_allclose(found, evaluate_constant(expected), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("function", "at", "expected"), rows("complex.md", 3))
def test_complex(function: str, at: str, expected: str) -> None:
    gradient = chainrule.grad(python(function))(python(at))
    np.testing.assert_allclose(gradient, python(expected), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(("given", "function", "expected"), rows("dtypes.md", 3))
def test_dtypes(given: str, function: str, expected: str) -> None:
    x, f = python(given), python(function)
    value, gradient = chainrule.value_and_grad(f)(x)
    assert gradient.dtype == np.dtype(expected)
    assert gradient.shape == np.shape(x)
    x = float(x) if isinstance(x, int) else x
    assert value.dtype == np.asarray(f(x)).dtype


@pytest.mark.parametrize("given", [row[0] for row in rows("dtypes.md", 1)])
def test_refused(given: str) -> None:
    with pytest.raises(InputTypeError, match="cure:"):
        chainrule.grad(lambda x: np.sum(x))(python(given))
