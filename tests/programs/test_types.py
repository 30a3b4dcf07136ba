"""Questions of type by identity: ``type(v) is float`` and its like, wherever a program writes them.

This module asks them of itself in every form, and its other functions keep their doors.
"""

import enum
import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import LostDerivativeError
from chainrule.tracing.codes import is_bare

NUMBER = float
KINDS: dict[type, float] = {float: 2.0, np.ndarray: 5.0, np.float64: 7.0}


def by_is(v: Any, yes: bool) -> Any:
    return type(v) is float


def by_is_not(v: Any, yes: bool) -> Any:
    return type(v) is not float


def from_the_left(v: Any, yes: bool) -> Any:
    return float is type(v), np.float64 is type(v), np.ndarray is type(v)


def of_a_choice(v: Any, yes: bool) -> Any:
    return type(v) is (NUMBER if yes else np.ndarray)


def of_a_choice_in_a_branch(v: Any, yes: bool) -> Any:
    if type(v) is not (NUMBER if yes else np.ndarray):
        return 1
    return 2


def of_a_choice_in_a_loop(v: Any, yes: bool) -> Any:
    k = 0
    while type(v) is not (np.ndarray if yes else NUMBER) and k < 400:
        k += 1
    return k


def of_a_choice_or_another(v: Any, yes: bool) -> Any:
    return type(v) is (NUMBER if yes else np.ndarray) or 7


def of_a_choice_and_another(v: Any, yes: bool) -> Any:
    return type(v) is (NUMBER if yes else np.ndarray) and 7


def in_a_comprehension(v: Any, yes: bool) -> Any:
    return [k for k, w in enumerate([v, 1, 2.0, None, np.ones(2)]) if type(w) is float]


def in_a_handler(v: Any, yes: bool) -> Any:
    try:
        assert type(v) is (NUMBER if yes else np.ndarray)
    except AssertionError:
        return "other"
    return "same"


def in_a_function_inside(v: Any, yes: bool) -> Any:
    def inner(w: Any) -> bool:
        kind = float
        found = type(w)
        return found is kind

    return inner(v), (lambda w: type(w) is np.ndarray)(v)


def by_equality(v: Any, yes: bool) -> Any:
    return type(v) == float, type(v) != np.ndarray, type(v) in (float, int)  # noqa: E721


def by_a_table(v: Any, yes: bool) -> Any:
    return KINDS[type(v)], {float: 1, np.ndarray: 2, np.float64: 3}.get(type(v))


def by_name(v: Any, yes: bool) -> Any:
    return type(v).__name__, str(type(v)), issubclass(type(v), float)


def of_each_other(v: Any, yes: bool) -> Any:
    return type(v) is type(yes + 0.5), type(v) is type(np.ones(2)), type(v) is type(v)


def by_class(v: Any, yes: bool) -> Any:
    return v.__class__ is float, v.__class__ is np.ndarray, v.__class__ is type(v)


def by_dispatch(v: Any, yes: bool) -> Any:
    return dispatched(v)


@functools.singledispatch
def dispatched(v: Any) -> str:
    return "object"


dispatched.register(float)(lambda v: "float")
dispatched.register(np.ndarray)(lambda v: "array")


def by_pattern(v: Any, yes: bool) -> Any:
    match v:
        case float():
            return "float"
        case np.ndarray():
            return "array"
    return "other"


def of_what_is_held(v: Any, yes: bool) -> Any:
    return Asks().ask(v), DECORATED(v)


class Asks:
    kind = float

    def ask(self, v: Any) -> bool:
        return type(v) is self.kind


def decorator(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def wrapper(v: Any) -> Any:
        return f(v) if type(v) is float else "no number"

    return wrapper


DECORATED = decorator(lambda v: "a number")


def classes(v: Any, yes: bool) -> Any:
    class Plain:
        def f(self, a: type[int], b: "type | None" = None) -> Any:
            return a

    class Meta(type):
        pass

    class Made(metaclass=Meta):
        pass

    class Level(float, enum.Enum):
        LOW = 1.5

    class Number(np.float64):
        pass

    derived = type("Derived", (Plain,), {"z": 2})
    return (
        type(Plain) is type, type(Made) is Meta, type(type) is type, type(derived()) is derived,
        isinstance(type(v), type), isinstance(Plain, type), type.__name__, repr(type),
        type(Level.LOW) is Level, Level.LOW + 1, isinstance(Number(1.0), float),
        type(Number(1.0)) is Number, type(len("")) is int, type(None) is type(None),
    )  # fmt: skip


QUESTIONS = [
    by_is, by_is_not, from_the_left, of_a_choice, of_a_choice_in_a_branch, of_a_choice_in_a_loop,
    of_a_choice_or_another, of_a_choice_and_another, in_a_comprehension, in_a_handler,
    in_a_function_inside, by_equality, by_a_table, by_name, of_each_other, by_class, by_dispatch,
    by_pattern, of_what_is_held, classes,
]  # fmt: skip
VALUES = [1.5, np.float64(1.5), np.array([1.5, 2.0]), np.array(1.5)]


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("yes", [True, False])
@pytest.mark.parametrize("value", VALUES, ids=["float", "float64", "array", "zero-dimensional"])
def test_a_traced_value_answers_as_the_plain_one(question: Any, value: Any, yes: bool) -> None:
    def asked(x: Any) -> Any:
        answers.append(question(x, yes))
        return np.sum(x) * 1.0

    answers: list[Any] = []
    asked(value)
    cr.grad(asked)(value)
    cr.jvp(asked, (value,), (value,))
    assert answers[1:] == answers[:1] * 2


def test_every_comparison_has_room_for_a_door() -> None:
    assert not [q for q in QUESTIONS if is_bare(q.__code__)]


def test_functions_of_a_module_that_asks_keep_their_doors() -> None:
    assert cr.grad(lambda x: float(x) * 2)(1.5) == 2
    with pytest.raises(LostDerivativeError, match="text"):
        cr.grad(lambda x: float(f"{x}") * x)(1.5)


READERS: dict[str, Callable[[Any], Any]] = {
    "percent": lambda x: float("%.3f" % x),  # noqa: UP031
    "whole": lambda x: float("%.0f" % x),  # noqa: UP031
    "exponent": lambda x: float("%.2e" % x),  # noqa: UP031
    "short": lambda x: np.float64("%g" % x),  # noqa: UP031
    "in words": lambda x: float(("x = %.3f m" % x).split()[2]),  # noqa: UP031
    "of two": lambda x: float(("%.3f %s" % (2.0, x)).split()[1]),  # noqa: UP031
    "repr": lambda x: float("%r" % x),  # noqa: UP031
    "pieced": lambda x: float(f"{x:.4f}" + "e0"),
    "joined": lambda x: abs(complex(" ".join(["1", f"{x:.4f}"]).split()[1])),
    "an array": lambda x: float(str(np.array([x, 1.0])).strip("[]").split()[0]),
}


@pytest.mark.parametrize("how", READERS)
@pytest.mark.parametrize("value", [1.2344, 123.44, 0.0012344])
def test_text_of_a_traced_number_is_not_read_in(how: str, value: float) -> None:
    with pytest.raises(LostDerivativeError, match="text"):
        cr.grad(lambda x: READERS[how](x) * x)(value)


@pytest.mark.parametrize("text", ["1", "0.5", "2", "1e-3", "nan", "inf", "3.14159", "-1.25", "7."])
def test_other_text_is_read_in(text: str) -> None:
    def f(x: Any) -> Any:
        print(f"{x:.3f} {np.array([x, 2 * x])}")
        print("%.3f" % x)  # noqa: UP031
        return x * float(text)

    assert np.array_equal(cr.grad(f)(1.26), float(text), equal_nan=True)


@pytest.mark.parametrize("value", [3.0, np.array([3.0])])
def test_the_branch_of_the_type_is_differentiated(value: Any) -> None:
    f = lambda q: np.sum(q**2 if type(q) is float else q * 5)  # noqa: E731
    assert np.all(cr.grad(f)(value) == (6 if type(value) is float else 5))
