"""Plain arrays beside lists of traced numbers, however these were made: as NumPy has it, or told.

Each program is an operation on an array and an expression that gives a list. It is right, or the
cure that the error prints, put in its place, makes it so.
"""

import ast
import linecache
import warnings
from itertools import count
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import LostDerivativeError

X = np.array([0.53, 0.71, 1.37])
SETUP = """
import functools, operator
import numpy as np
from operator import mul
A = np.array([[1.0, 2.0, 0.5], [3.0, 4.0, 1.3], [2.0, 0.3, 0.7]])
a = np.array([1.5, 0.5, 2.0])
I = np.array([[1, 2, 3], [3, 4, 1], [2, 2, 5]])
def helper(x): return [x[0], x[1] * 2, x[2] ** 2]
def pair(x): return x[0], x[1] * 2, 3.0
def squares(x):
    for v in x: yield v * v
def nested(x): return [[x[0], x[1], x[2]], [1.0, 2.0, x[0]], [x[1], x[2], 0.5]]
class Box:
    def __init__(self, x): self.w, self.t = [x[0], x[1], x[2]], (x[0], 1.0, x[2])
    def made(self): return self.w[::-1]
    @property
    def p(self): return [2 * v for v in self.w]
"""
LISTS = """helper(x)|pair(x)|list(x)|tuple(x)|x.tolist()|sorted(x)|[*x]|(*x,)|list(reversed(x))
list(map(lambda v: v * 2, x))|[p * q for p, q in zip(x, x)]|list(squares(x))|helper(x)[::-1]
nested(x)|list(dict(a=x[0], b=x[1], c=x[2]).values())|b.w|b.t|b.made()|b.p|Box(x).w|y|y[:]
d['w']|rows[0]|row|u|nested(x)[1]|(helper(x) if x[0] > 0 else None)|(helper(x) or [])
[float(v) for v in x]|d['w'][1:2]|(z := helper(x))|next(iter([helper(x)]))|[x[0]] * 3
functools.reduce(lambda s, v: s + [v], x, [])
list(x.flat)|[x[0], 1, 2]|(lambda: helper(x))()|y.copy()
z|z[:]|z + []""".replace("\n", "|").split("|")
WORKS = """{A} * {L}|{L} * {A}|{A} + {L}|{L} - {A}|{A} / {L}|{A} ** {L}
({A} + 1) // {L} * x[0]""".replace("\n", "|").split("|")
ALWAYS = """{A} @ {L}|{L} @ {A}|{A}.T @ {L}|operator.mul({A}, {L})|mul({A}, {L})
operator.add({L}, {A})|operator.mod({A}, {L})|operator.lt({A}, {L}) * x[0]
functools.reduce(operator.mul, [{A}, {L}])|{A}.__mul__({L})|{A}.__radd__({L})|{A}.__matmul__({L})
np.dot({A}, {L})|{A}.dot({L})
np.multiply({L}, {A})""".replace("\n", "|").split("|")
TOLD = """{A} % {L}|np.where({A} < {L}, x[0], x[1])|np.where({L} >= {A}, x[0], x[1])|pow({A}, {L})
np.add.outer({A}, {L})|divmod({A}, {L})[1]|own""".replace("\n", "|").split("|")
SHOWN = """list(x)|tuple(x)|x.tolist()|sorted(x)|[*x]|(*x,)|list(reversed(x))|list(squares(x))
list(map(lambda v: v * 2, x))|[p * q for p, q in zip(x, x)]|list(x.flat)|[x[0], 1, 2]|d['w']|z|z[:]
z + []|[x[0]] * 3|[float(v) for v in x]""".replace("\n", "|").split("|")
_numbers = count()


def program(operation: str, array: str, made: str) -> str:
    if operation == "own":
        return f"own = {array} * 1.0\nown *= {made}\nreturn own.sum()"
    return f"return np.sum({operation.replace('{A}', array).replace('{L}', made)} * 1.0)"


def compiled(body: str) -> Any:
    lines = ["y, z = helper(x), 1", "z = list(x)", "b, d, rows = Box(x), {'w': y}, [y]"]
    lines += ["u, v = helper(x), 1", "for row in rows: pass", *body.splitlines()]
    text = SETUP + "def f(x):\n" + "".join(f"    {line}\n" for line in lines)
    name = f"/program/of_lists_{next(_numbers)}.py"
    linecache.cache[name] = (len(text), None, text.splitlines(True), name)
    space: dict[str, Any] = {}
    exec(compile(text, name, "exec"), space)
    return space["f"]


def differences(f: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [(f(X + e) - f(X - e)) / 2e-6 for e in np.eye(3) * 1e-6]


class _Cured(ast.NodeTransformer):
    """Puts what a cure prints, ``write np.array(a) in the place of a [and …]``, in its place."""

    def __init__(self, cure: str) -> None:
        words = " ".join(cure.split())
        assert words.startswith("write np.array("), words
        self.of = {part.split(" in the place of ")[1] for part in words.split(" and np.array(")}

    def visit(self, node: ast.AST) -> Any:
        if isinstance(node, ast.expr) and ast.unparse(node) in self.of:
            return ast.parse(f"np.array({ast.unparse(node)})", mode="eval").body
        return self.generic_visit(node)


def right(f: Any, wanted: Any, body: str) -> None:
    np.testing.assert_allclose(cr.grad(f)(X), wanted, rtol=1e-5, atol=1e-6, err_msg=body)


@pytest.mark.parametrize("made", LISTS)
def test_right_or_with_a_cure(made: str) -> None:
    tried = 0
    for operation in WORKS + ALWAYS + TOLD:
        for array in ("A", "a", "I"):
            body = program(operation, array, made)
            f = compiled(body)
            try:
                f(X.copy())
            except (TypeError, ValueError):  # NumPy refuses, or the shapes do not fit
                continue
            wanted, tried = differences(f), tried + 1
            try:
                right(f, wanted, body)
            except LostDerivativeError as error:
                told = operation in TOLD or (operation in WORKS and made not in SHOWN)
                if not told:
                    raise
                cured = _Cured(error.cure).visit(ast.parse(body))
                right(compiled(ast.unparse(cured)), wanted, body)
    assert tried > 20
