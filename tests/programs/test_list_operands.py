"""``A * [x, y]``: NumPy makes an array of a list that stands beside one, and so does the trace."""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule as cr

W = np.array([1.5, 2.0])
M = np.array([[1.0, 2.0], [3.0, 5.0]])
SIGNS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv,
    "//": operator.floordiv, "**": operator.pow, "@": operator.matmul,
}  # fmt: skip
PROGRAMS = {  # the operand, as programs write it, and the expression in which it stands
    "list": ("", "[x[0], x[1] * x[0]]"),
    "tuple": ("", "(x[0], 2.0)"),
    "nested": ("", "[[x[0], 1.0], [x[1], x[0]]]"),
    "rows": ("", "[x, x[::-1] * 2.0]"),
    "comprehension": ("", "[v * k for k, v in enumerate(x, 1)]"),
    "name": ("p = [x[0], x[1] * x[0]]", "p"),
    "named comprehension": ("p = [v * k for k, v in enumerate(x, 1)]", "p"),
    "argument": ("def inner(p): return np.sum(np.sin({}))", "p"),
    "around": ("p = [x[0], x[1] * x[0]]", "p"),
    "added lists": ("p = [x[0]]; q = [x[1]]", "([*p, *q])"),
}


def program(kind: str, sign: str, left: bool, other: str, wrap: str) -> Callable[[Any], Any]:
    """Return a program with an operator between an array and a list."""
    first, written = PROGRAMS[kind]
    operand = wrap.format(written)
    text = f"{operand} {sign} {other}" if left else f"{other} {sign} {operand}"
    if kind == "argument":
        first, text = first.format(text), "inner([x[0], x[1] * x[0]])"
    if kind == "around":
        first, text = f"{first}\n    def inner(): return np.sum(np.sin({text}))", "inner()"
    lines = [first or "pass", f"return np.sum(np.sin({text}))"]
    scope: dict[str, Any] = {"np": np, "W": W, "M": M}
    exec("def f(x):\n    " + "\n    ".join(lines), scope)
    return scope["f"]  # type: ignore[no-any-return]


@pytest.mark.parametrize("left", [False, True])
@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize("kind", PROGRAMS)
def test_an_operator_makes_an_array_of_a_list(kind: str, sign: str, left: bool) -> None:
    x = np.array([1.3, 0.7])
    for other in ("W", "M"):
        f = program(kind, sign, left, other, "{}")
        g = program(kind, sign, left, other, "np.array({})")
        assert f(x) == g(x)
        np.testing.assert_array_equal(cr.grad(f)(x), cr.grad(g)(x))


def test_lists_stay_lists() -> None:
    def f(x: Any) -> Any:
        p = [x, 2.0 * x] * 2 + [x]
        assert type(p) is list
        assert len(p) == 5
        return sum(p) * len((x, x) * np.int64(3))

    assert cr.grad(f)(1.0) == 42.0


def test_numbers_of_numpy_make_arrays_of_lists() -> None:
    def f(x: Any) -> Any:
        return np.sum(np.float64(2.0) * [x, x * x])

    assert cr.grad(f)(3.0) == 14.0
