"""The whitelisted parser: what it computes, what it refuses, and how it says so."""

import builtins
import inspect
import subprocess
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chainrule
from chainrule.cli import expression, vocabulary
from chainrule.cli.expression import evaluate_constant, parse_expression
from chainrule.cli.vocabulary import FUNCTIONS, function
from chainrule.core.registry import load_all
from chainrule.errors import ChainRuleError, ExpressionError
from chainrule.tracing.source import resolve

COMPUTED = [
    ("sin((2*x+1)**2)", {"x": 0.5}, np.sin(4.0)),
    ("x*y + 2*pi - e", {"x": 2.0, "y": 3.0}, 6 + 2 * np.pi - np.e),
    ("-x**2", {"x": 3.0}, -9.0),
    ("x // 2 + x % 2", {"x": 5.0}, 3.0),
    ("x @ [1, 2]", {"x": np.array([3.0, 4.0])}, 11.0),
    ("[[1, 2], [3, 4]] @ x", {"x": np.array([1.0, 1.0])}, [3.0, 7.0]),
    ("sum(x, axis=0)", {"x": np.ones((2, 3))}, [2.0, 2.0, 2.0]),
    ("x[0] + x[-1] + sum(x[1:])", {"x": np.array([1.0, 2.0, 3.0])}, 9.0),
    ("x[:, 0]", {"x": np.arange(4.0).reshape(2, 2)}, [0.0, 2.0]),
    ("where(x > 0, x, -x)", {"x": -2.0}, 2.0),
    ("x if x >= 0 else -x", {"x": -2.0}, 2.0),
    ("max(x, 0) + min(x, 0, -1)", {"x": 2.0}, 1.0),
    ("max(x)", {"x": np.array([1.0, 5.0])}, 5.0),
    ("np.exp(x) + math.log(x) + np.linalg.norm([x, x])", {"x": 1.0}, np.e + np.sqrt(2)),
    ("asin(x) + sigmoid(0)", {"x": 0.0}, 0.5),
    ("x.T", {"x": np.array([[1.0, 2.0]])}, [[1.0], [2.0]]),
    ("2·x − 1", {"x": 2.0}, 3.0),
    ("[x, 2*x]", {"x": 1.0}, [1.0, 2.0]),
    ("1e3*x + 2**-1", {"x": 1.0}, 1000.5),
    ("logical_and(x > 0, x != 2) * x", {"x": 1.0}, 1.0),
]


@pytest.mark.parametrize(("text", "values", "expected"), COMPUTED, ids=[c[0] for c in COMPUTED])
def test_it_computes(text: str, values: dict[str, Any], expected: Any) -> None:
    f = parse_expression(text)
    assert set(inspect.signature(f).parameters) == set(values)
    np.testing.assert_allclose(f(**values), expected, rtol=1e-14)
    assert f.expression == f.__doc__


def test_the_gradient_is_exact() -> None:
    f = parse_expression("sin((2*x+1)**2)")
    assert chainrule.grad(f)(0.5) == pytest.approx(-5.229148966908896, rel=1e-15)


def test_parameters_stand_in_the_order_of_the_text() -> None:
    f = parse_expression("b*a + sin(c) + a")
    assert list(inspect.signature(f).parameters) == ["b", "a", "c"]
    assert list(inspect.signature(parse_expression("e*x", ["e"])).parameters) == ["e", "x"]
    assert list(inspect.signature(parse_expression("e*x")).parameters) == ["x"]


def test_places_are_those_of_the_users_text() -> None:
    f = parse_expression("sqrt(1 + α*x[0]**2)")
    graph = chainrule.trace(f, 2.0, np.array([1.0, 3.0]))
    texts = [resolve(node.place).text for node in graph.nodes if node.place]
    assert texts == ["x[0]", "x[0]**2", "α*x[0]**2", "1 + α*x[0]**2", "sqrt(1 + α*x[0]**2)"]


def test_errors_of_the_engine_quote_the_expression(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(vocabulary._MODULES, "frompyfunc", "numpy")  # which is refused
    monkeypatch.setattr(expression, "FUNCTIONS", FUNCTIONS | {"frompyfunc"})
    f = parse_expression("x + frompyfunc(2*x, 1, 1)")
    with pytest.raises(ChainRuleError, match=r"frompyfunc\(2\*x"):
        chainrule.grad(f)(0.5)


REFUSED = [
    ("__import__('os').system('echo')", "__import__"),
    ("().__class__.__bases__[0]", "__class__"),
    ("x.__class__", "__class__"),
    ("sin.__globals__", "__globals__"),
    ("(lambda: 0)()", "only functions can be called"),
    ("[y for y in [1]]", "comprehension"),
    ("f'{x}'", "string"),
    ("'x'", "not a real number"),
    ("{1: x}", "dict"),
    ("(y := x)", "assignment"),
    ("open('f')", "open"),
    ("eval('x')", "eval"),
    ("np.load('f')", "load"),
    ("np.lib.format.open_memmap('f')", "only functions"),
    ("__builtins__", "__builtins__"),
    ("x.tofile('f')", "only functions"),
    ("x and y", "and/or"),
    ("not x", "not"),
    ("x & 1", "&"),
    ("1j*x", "not a real number"),
    ("0 < x < 1", "single comparison"),
    ("x is None", "single comparison"),
    ("sin", "was not called"),
    ("sin(x, out=x)", "out"),
    ("sin(*x)", "a star"),
    ("sin(**x)", "keyword"),
    ("x[y]", "whole number"),
    ("x[0.5]", "whole number"),
    ("", "empty"),
    ("   ", "empty"),
    ("x" * 2001, "characters"),
    ("+".join(["x"] * 400), "too large"),
    ("-" * 300 + "x", "too large"),
    ("(" * 500 + "x" + ")" * 500, "malformed|cannot be read"),
    ("x\0", "cannot be read|malformed"),
]


@pytest.mark.parametrize(("text", "says"), REFUSED, ids=[c[0][:24] for c in REFUSED])
def test_it_refuses(text: str, says: str) -> None:
    with pytest.raises(ExpressionError, match=says) as caught:
        parse_expression(text)
    assert len(str(caught.value).splitlines()) <= 10
    assert max(len(line) for line in str(caught.value).splitlines()) <= 130


CURES = [
    ("2x + 1", r"2\*x"),
    ("2(x+1)", r"2\*\("),
    ("sin x", r"sin\(x\)"),
    ("x^2", r"x\*\*2"),
    ("y = x**2", "right-hand side"),
    ("ln(x)", r"log\(x\)"),
    ("sine(x)", "did you mean sin"),
    ("round(x)", r"write rint\(x\)"), ("float(x)", "write x alone"),
    ("int(x)", r"write trunc\(x\)"),
    ("relu(x)", r"maximum\(x, 0\)"),
    ("x.sum()", r"sum\(x\)"),
    ("sum(x", "never closed"),
    ("complicated(x)", r"FILE\.py:function"),
    ("|x - 1|", r"write abs\(x - 1\)"),
    ("x!", r"write gamma\(x \+ 1\)"), ("√x", r"write sqrt\(x\)"),
    ("lambda*x", "such as lambda_"), ("x+", r"what follows the \+"),
]


@pytest.mark.parametrize(("text", "cure"), CURES, ids=[c[0] for c in CURES])
def test_it_says_what_to_write_instead(text: str, cure: str) -> None:
    with pytest.raises(ExpressionError, match=cure):
        parse_expression(text)


def test_the_caret_stands_under_the_place() -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_expression("1 + ℯ*sine(x)")
    lines = str(caught.value).splitlines()
    where = next(i for i, line in enumerate(lines) if "where:" in line)
    column = lines[where + 1].index("^")
    assert lines[where][column : column + 4] == "sine"
    assert lines[where + 1].count("^") == 4


@pytest.mark.parametrize(
    ("text", "value", "says"),
    [
        ("1/0 + x", 1.0, "division by zero"),
        ("9**9**9 + x", 1.0, "out of range"),
        ("(-8)**0.5 + x", 1.0, "fractional power"),
        ("x @ [1, 2, 3]", np.ones(2), r"\(2,\), \(3,\)"),
        ("x[5]", np.ones(2), "out of bounds"),
        ("sin(x, 1, 2, 3)", 1.0, "cannot be computed"),
        ("outer(x, x)", np.ones(4000), "elements"),
    ],
)
def test_what_cannot_be_computed_is_pointed_at(text: str, value: Any, says: str) -> None:
    with pytest.raises(ExpressionError, match=says):
        parse_expression(text)(value)


@pytest.mark.parametrize("text", ["9**9**9**9*x", "2**2**2**2**2**2*x", "10**400*x"])
def test_large_powers_end_at_once(text: str) -> None:
    start = time.perf_counter()
    with pytest.raises(ExpressionError):
        parse_expression(text)(1.0)
    assert time.perf_counter() - start < 1


def test_no_code_is_made_of_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither eval, exec, compile to code, nor a process, whatever the text."""

    def forbidden(*_: Any, **__: Any) -> None:
        raise AssertionError("forbidden")

    original = builtins.compile

    def only_trees(*args: Any, **kwargs: Any) -> Any:
        flags = kwargs.get("flags", args[3] if len(args) > 3 else 0)
        assert flags & 0x400  # ast.PyCF_ONLY_AST
        return original(*args, **kwargs)

    monkeypatch.setattr(subprocess, "Popen", forbidden)
    monkeypatch.setattr(builtins, "eval", forbidden)
    monkeypatch.setattr(builtins, "exec", forbidden)
    monkeypatch.setattr(builtins, "compile", only_trees)
    outcomes = []
    for text in ["sin(x)", *(c[0] for c in REFUSED)]:
        try:
            parse_expression(text)
            outcomes.append("read")
        except ExpressionError:
            outcomes.append("refused")
    monkeypatch.undo()
    assert outcomes == ["read"] + ["refused"] * len(REFUSED)


def test_every_word_is_a_function() -> None:
    load_all()
    for name in FUNCTIONS:
        assert callable(function(name))


ALPHABET = "xy0123456789.+-*/()[],<>=! sincolgexpmaxabs_'\"\\{}:;@^%&|~#αé"


@given(st.text(ALPHABET, max_size=30))
def test_any_text_gives_a_function_or_our_error(text: str) -> None:
    said = ""
    try:
        f = parse_expression(text)
        with np.errstate(all="ignore"):
            f(**dict.fromkeys(inspect.signature(f).parameters, 0.5))
    except ExpressionError as error:
        said = str(error)
    assert len(said.splitlines()) <= 12


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_value_is_read_to_the_last_bit(x: float) -> None:
    assert evaluate_constant(repr(x)) == x


def test_values() -> None:
    assert evaluate_constant("pi/4") == np.pi / 4
    np.testing.assert_array_equal(evaluate_constant("[1, -2]"), [1.0, -2.0])
    assert evaluate_constant("[[1, 2], [3, 4]]").shape == (2, 2)
    with pytest.raises(ExpressionError, match="'y' is not a number"):
        evaluate_constant("2*y")


def test_places_far_to_the_right() -> None:
    """Columns beyond 63 need more than one byte in the location table."""
    text = "+".join(["x"] * 60) + " + sin(x)"
    graph = chainrule.trace(parse_expression(text), 1.0)
    assert resolve(graph.nodes[-2].place).text == "sin(x)"
    assert resolve(graph.nodes[-1].place).text == text


def test_two_expressions_do_not_share_places() -> None:
    f, g = parse_expression("sin(x)*3"), parse_expression("cos(x)*4")
    texts = [resolve(chainrule.trace(h, 1.0).nodes[0].place).text for h in (f, g)]
    assert texts == ["sin(x)", "cos(x)"]


def test_a_long_expression_is_shown_in_part() -> None:
    text = " + ".join(["x"] * 40) + " + sine(x) + " + " + ".join(["x"] * 40)
    with pytest.raises(ExpressionError, match=r"….*sine\(x\).*…") as caught:
        parse_expression(text)
    lines = str(caught.value).splitlines()
    assert lines[1][lines[2].index("^") :].startswith("sine")


def test_attributes_of_modules() -> None:
    assert parse_expression("np.pi * x + math.e")(1.0) == np.pi + np.e
    with pytest.raises(ExpressionError, match="text, not int"):
        parse_expression(3)  # type: ignore[arg-type]
    with pytest.raises(ExpressionError, match="axis, ddof"):
        parse_expression("sum(x, dtype=1)")
    assert parse_expression("sum(x, axis=-1, keepdims=True)")(np.ones((2, 2))).shape == (2, 1)
