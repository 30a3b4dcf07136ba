"""Places are told by whole statements, whatever line or part of one the interpreter names."""

import functools
import sys

import numpy as np
import pytest

import chainrule
from chainrule.tracing.source import describe, describe_line


class Spy:
    """Says where it is stored into, or taken apart."""

    def __init__(self, told):
        object.__setattr__(self, "told", told)

    def __iter__(self):
        self.told.append(describe(sys._getframe(1)))
        return iter((1, (2, 3)))

    def __setitem__(self, key, value):
        self.told.append(describe(sys._getframe(1)))

    def __setattr__(self, key, value):
        self.told.append(describe(sys._getframe(1)))


STORES = ["e, U = s", "e, (U, w) = s", "[e, *U] = s", "e = f, U = s", "for e, U in [s]: pass",
          "s[0], b = 1, 2", "b, s.x = 1, 2", "c = s[0], b = 1, 2", "for s[0] in (1,): pass",
          "c = [u for u, v in [s]]", "(e,\n U) = s"]  # fmt: skip


@pytest.mark.parametrize("store", STORES)
def test_a_store_is_told_by_its_statement(store, tmp_path):
    file = tmp_path / "stores.py"
    file.write_text(store, encoding="utf-8")
    told = []
    exec(compile(store, str(file), "exec"), {"s": Spy(told)})
    assert told
    assert all(t.endswith(":  " + store.replace("(e,\n U)", "e, U").replace("(e, U)", "e, U"))
               or t.endswith(f":  {store}") for t in told)  # fmt: skip


def decorated(f):
    @functools.wraps(f)
    def inner(*xs):
        return f(*xs)

    return inner


@decorated
@functools.lru_cache
def lost(
    x, y
):
    return y * 2.0


def test_a_function_begins_below_its_decorators():
    (place,) = chainrule.check(lost, 1.0, 2.0)
    assert "in lost:  def lost(" in str(place)
    assert describe_line(test_a_function_begins_below_its_decorators.__code__).endswith("():")


def test_a_derivation_names_the_line_of_the_function():
    line = chainrule.explain(lost, 1.0, 2.0, argnums=1).document["problem"]["line"]
    with open(__file__, encoding="utf-8") as file:
        assert file.readlines()[line - 1] == "def lost(\n"


def test_a_line_is_told_by_its_statement():
    def f(x):
        y = np.sin(
            x
        )
        return y

    first = f.__code__.co_firstlineno
    for line in range(1, 4):
        assert describe_line(f.__code__, first + line).endswith(":  y = np.sin(x)")
