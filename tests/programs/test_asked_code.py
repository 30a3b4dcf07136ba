"""Questions about a function's code, signature, source and class: answered in a trace as plainly.

The questions are those of `inspect` and `types`, attributes that functions and classes have, and
idioms that programs use; each is written out with the name of a function that has a door.
"""

import copy
import dis
import fractions
import functools
import inspect
import math
import pickle
import re
import statistics
import types
import typing
from collections.abc import Callable
from math import exp
from typing import Any

import numpy as np
import pytest
import scipy.integrate
import scipy.optimize as so
import scipy.special
from scipy.interpolate import CubicSpline
from scipy.optimize import brentq

import chainrule as cr


def mine(a: float, b: float = 2, *c: float, d: float = 3) -> Any:
    return np.zeros(1) if np.dot is None else np.ones(1).dot(a)


class Mine:
    def __init__(self, a: int) -> None:
        self.a = np.zeros(a)


NAMES = """
np.sin np.zeros np.interp np.vectorize np.poly1d math.sin exp statistics.mean brentq so.minimize
so.curve_fit scipy.integrate.quad scipy.special.logsumexp scipy.special.gamma CubicSpline
CubicSpline.__call__ float complex np.float64 type fractions.Fraction mine Mine np
""".split()
_ASKS = [
    name for name, f in inspect.getmembers(inspect, inspect.isfunction)
    if name.startswith(("is", "getsource", "getfile", "getfull", "getdoc", "getmod", "getmro",
                        "getclosure", "getabs"))
]  # fmt: skip
_CODE = [name for name in dir(mine.__code__) if name.startswith("co_") and name != "co_lnotab"]
_CODE = [name for name in _CODE if not callable(getattr(mine.__code__, name))]
_OF_FUNCTIONS = set(dir(types.FunctionType)) | {"__wrapped__", "__signature__", "__self__", "nin"}
_OF_CLASSES = {"__mro__", "__bases__", "__base__", "__class__", "__text_signature__", "__flags__"}
# what names the object in memory, or is given by Python to look-alikes as to everything
_NOT_ASKED = {
    *dir(object), "__globals__", "__builtins__", "__annotations__", "__dict__", "__module__",
}  # fmt: skip
QUESTIONS = [
    *(f"inspect.{name}({{f}})" for name in _ASKS),
    *(f"isinstance({{f}}, types.{name})" for name in types.__all__
      if isinstance(getattr(types, name), type)),
    *(f"{{f}}.{name}" for name in sorted((_OF_FUNCTIONS | _OF_CLASSES) - _NOT_ASKED)),
    *(f"hasattr({{f}}, {name!r})" for name in sorted((_OF_FUNCTIONS | _OF_CLASSES) - _NOT_ASKED)),
    *(f"{{f}}.__code__.{name}" for name in _CODE),
    "inspect.signature({f})", "str(inspect.signature(functools.partial({f}, 1)))",
    "list(inspect.signature({f}).parameters)", "inspect.signature({f}).bind(1, 2)",
    "inspect.unwrap({f}) is {f}", "[i.opname for i in dis.get_instructions({f})]", "callable({f})",
    "hash({f}.__code__)", "{f}.__code__ is mine.__code__", "{f}.__class__",
    "{f}.__class__ is type", "{f}.__class__ is type({f})", "type({f}) is type", "type({f})",
    "isinstance({f}, type)", "isinstance({f}, Callable)", "isinstance(1.0, {f})", "{f} | None",
    "issubclass({f}, float)", "issubclass(float, {f})", "list[{f}]", "copy.copy({f}) is {f}",
    "pickle.loads(pickle.dumps({f})) is {f}", "hash({f})", "repr({f})", "f'{{{f}}}'",
    "functools.wraps({f})(lambda: 1).__wrapped__ is {f}", "typing.get_type_hints({f})",
    "{f} is np.sin or {f} is float", "{f} == np.sin or {f} == float", "TABLE.get({f})",
    "getattr({f}, '__wrapped__', {f}) is {f}", "({f}.__defaults__, {f}.__kwdefaults__)",
    "bool({f})",
]  # fmt: skip
TABLE = {np.sin: 1, float: 2, brentq: 3}


def trial(answers: dict[Any, str], name: str, question: str, ask: Callable[[], Any]) -> None:
    try:
        found = repr(ask())
    except Exception as error:
        found = type(error).__name__
    answers[name, question] = re.sub(r" at 0x\w+", "", found)


def _written(questions: list[str]) -> str:
    lines = [f"    trial(answers, {name!r}, {question!r}, lambda: {question.format(f=name)})"
             for question in questions for name in NAMES]  # fmt: skip
    return "\n".join(["def ask(answers):", *lines])


MODULES = (copy, dis, fractions, functools, inspect, math, pickle, statistics, types, typing, so)
USED = (exp, brentq, CubicSpline, scipy, MODULES)  # the names that the questions are about


@pytest.mark.parametrize("start", range(0, len(QUESTIONS), 60))
def test_questions_about_functions_are_answered_as_plainly(start: int) -> None:
    spaces = globals()
    exec(_written(QUESTIONS[start : start + 60]), spaces)
    plain: dict[Any, str] = {}
    met: dict[Any, str] = {}
    spaces["ask"](plain)

    def f(x: Any) -> Any:
        spaces["ask"](met)
        return x * np.array([2.0])[0]

    assert cr.grad(f)(1.0) == 2.0
    assert {k: (v, met[k]) for k, v in plain.items() if met[k] != v} == {}


def test_a_library_asks_a_function_for_its_signature() -> None:
    def f(x: Any) -> Any:
        points = np.array([1.0, 2.0, 3.0])
        bound = functools.partial(scipy.special.softmax)
        return x * len(inspect.signature(bound).parameters) + so.curve_fit(
            lambda t, a: a * t, points, points * x
        )[0][0]  # fmt: skip

    assert cr.grad(f)(1.0) == pytest.approx(3.0)
