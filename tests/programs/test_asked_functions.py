"""What a program asks a function itself is answered, while a function is traced, as at any time."""

import copy
import functools
import inspect
import math
import pickle
import random
from collections.abc import Callable
from math import cos
from typing import Any

import numpy as np
import pytest
import scipy.special
from numpy import array, exp, linspace, sin, zeros
from numpy.linalg import norm
from numpy.random import normal
from scipy.special import gamma, logsumexp

import chainrule as cr

FUNCTIONS = (sin, exp, zeros, array, cos, linspace, norm, normal, gamma, logsumexp, eval)
TYPES = (float, complex, np.float64, np.random.Generator)
MODULES = (np, scipy.special, np.linalg)
TABLE = {v: i for i, v in enumerate((*FUNCTIONS, *TYPES, *MODULES))}
BEFORE: dict[str, int] = {}
QUESTIONS: dict[str, Callable[[Any], Any]] = {
    "is a ufunc": lambda f: isinstance(f, np.ufunc),
    "is a function": inspect.isfunction,
    "is built in": inspect.isbuiltin,
    "is a type": lambda f: isinstance(f, type),
    "is a partial": lambda f: isinstance(f, functools.partial),
    "is a descriptor": lambda f: isinstance(f, staticmethod | property),
    "type": lambda f: type(f) is np.ufunc,
    "words of the type": lambda f: str(type(f)),
    "id": lambda f: id(f),
    "id of the type": lambda f: id(type(f)),
    "in a table": lambda f: f in TABLE,
    "out of a table": lambda f: TABLE[f],
    "place in a list": lambda f: list(TABLE).index(f),
    "hash": lambda f: hash(f),
    "set": lambda f: len({f, *TABLE}),
    "equal": lambda f: [v for v in TABLE if f == v] == [f],
    "unequal": lambda f: sum(f != v for v in TABLE),
    "one in a module": lambda f: f is getattr(np, f.__name__, None),
    "code": lambda f: hasattr(f, "__code__"),
    "signature": lambda f: str(inspect.signature(f)) if f is not logsumexp else "",
    "repr": repr,
    "str": str,
    "format": lambda f: f"{f}",
    "name": lambda f: (f.__name__, f.__qualname__, f.__doc__),
    "module": lambda f: f.__module__,
    "inputs": lambda f: (f.nin, f.nout, f.nargs, f.types, f.identity, f.signature),
    "wrapped": lambda f: f.__wrapped__,
    "self": lambda f: f.__self__,
    "attributes": lambda f: f.__dict__ if callable(f) and not isinstance(f, type) else None,
    "no attribute": lambda f: f.cr_original,
    "reduce": lambda f: f.reduce([1.0, 2.0]),
    "pickled": lambda f: pickle.loads(pickle.dumps(f)) == f,
    "copied": lambda f: copy.copy(f) is f if callable(f) and f is not normal else None,
    "partial": lambda f: functools.partial(f).func is f,
    "words of a partial": lambda f: str(functools.partial(f)),
    "wraps": lambda f: functools.wraps(f)(lambda: None).__name__,
    "in a class": lambda f: type("K", (), {"m": f})().m is f,
    "dispatched": lambda f: _kind(f),
    "kept as a key": lambda f: BEFORE.setdefault(f, 1),
}


@functools.singledispatch
def _kind(_: Any) -> str:
    return "another"


_kind.register(np.ufunc, lambda _: "ufunc")
_kind.register(type, lambda _: "type")


def _answers() -> list[tuple[str, str, Any]]:
    out = []
    for name, question in QUESTIONS.items():
        # as the program names them: the names of this module, not what it stored before
        for f in (sin, exp, zeros, array, cos, linspace, norm, normal, gamma, logsumexp, eval,
                  float, complex, np.float64, np.random.Generator, np, scipy.special, np.linalg):
            try:
                found = question(f)
            except Exception as error:
                found = type(error)
            out.append((name, getattr(f, "__name__", ""), found))
    return out


# What a look-alike of a type, or of a module, does not hide: its class is one of the library.
SHOWN = {"module", "attributes", "no attribute"}


def test_a_function_answers_as_plain() -> None:
    BEFORE.clear()
    plain, met = _answers(), []

    def traced(x: Any) -> Any:
        met.append(_answers())
        return np.sum(np.array([x, x]))

    assert cr.grad(traced)(1.0) == 2.0
    kinds = {f.__name__ for f in (*TYPES, *MODULES)}
    bad = [(a, b[2]) for a, b in zip(plain, met[0], strict=True)
           if a != b and not (a[0] in SHOWN and a[1] in kinds)]  # fmt: skip
    assert [str(b)[:150] for b in bad] == []


def test_a_table_made_in_a_trace_is_read_afterwards() -> None:
    made: list[Any] = []

    def f(x: Any) -> Any:
        made.append({sin: 1, cos: 2, zeros: 3, float: 4, np: 5})
        made.append({sin, np.sin, cos, math.cos})
        return x * np.array([2.0])[0]

    cr.grad(f)(1.0)
    table, names = made
    assert [table[k] for k in (np.sin, math.cos, np.zeros, float, np)] == [1, 2, 3, 4, 5]
    assert len(names) == 2
    assert {np.sin, math.cos} == names


@pytest.mark.parametrize("f", [np.tanh, math.sin, np.linalg.norm, scipy.special.gamma])
def test_a_function_made_an_attribute_of_a_class_is_called_as_plain(f: Any) -> None:
    class Layer:
        act = f
        scale = 2.0

        def __call__(self, x: Any) -> Any:
            return self.act(x) * self.scale

    class Plain(Layer):
        act = staticmethod(f)

    point = random.Random(1).uniform(0.5, 1.0)
    try:
        Layer()(point)
    except (TypeError, ValueError):  # it takes the instance, as a Python function would
        with pytest.raises((TypeError, ValueError)):
            cr.grad(lambda x: Layer()(x) * np.array([x])[0])(point)
        return
    want = cr.grad(lambda x: Plain()(x) * np.array([x])[0])(point)
    assert cr.grad(lambda x: Layer()(x) * np.array([x])[0])(point) == want


def test_the_class_of_a_generator_is_numpys():
    held = np.random.default_rng(0), np.random.RandomState(0)

    def f(x):
        kinds = [type(np.random.default_rng()) is np.random.Generator]
        kinds += [type(held[0]) is np.random.Generator, type(held[1]) is np.random.RandomState]
        return sum(kinds) * x

    assert cr.grad(f)(0.5) == 3.0
    np.testing.assert_array_equal(cr.vmap(f)(np.ones(2)), [3.0, 3.0])
