"""What a plain value answers, a traced one answers, or it refuses loudly."""

import warnings
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ChainRuleError
from chainrule.tracing.losses import swallowed
from chainrule.tracing.tracer import concrete

from .questions import VALUES, questions

QUESTIONS = questions()
# Where another answer is meant: text of a batch and of complex numbers, conditions of no class.
MAY_DIFFER = ("dir",)
EXCEPT = {
    ("0-d", "imag"), ("empty", "mul none"), ("complex", "pow 3"), ("complex128", "ldexp"),
    ("complex", "isinstance <class 'typing.SupportsInt'>"),
    *(("complex 1-d", f"{a} 10 Fraction(3, 2)") for a in ("lt", "le", "gt", "ge")),
    *(("complex 1-d", f"10 Fraction(3, 2) {a}") for a in ("lt", "le", "gt", "ge")),
}  # fmt: skip


def ask(question: Any, x: Any) -> tuple[str, Any]:
    """Return what was answered: a value, or an exception."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return "value", question(x)
        except ChainRuleError:
            swallowed.raised = None  # else the call would raise it at its end
            return "loud", None
        except Exception as error:
            return "error", type(error)


def same(a: Any, b: Any) -> bool:
    """Say whether two answers are one, in class and value."""
    if isinstance(a, tuple | list):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if hasattr(a, "__next__") or {a.__class__, b.__class__} == {bool, np.bool_}:
        return hasattr(b, "__next__") or a == b
    if a.__class__ is not b.__class__:
        return False
    a, b = concrete(a), concrete(b)
    if isinstance(a, str | type) or a is None:
        return bool(a == b)
    a, b = np.asarray(a), np.asarray(b)
    if a.dtype.kind not in "fcbiu" or b.dtype.kind not in "fcbiu":
        return a.shape == b.shape
    return a.shape == b.shape and np.allclose(a, b, rtol=1e-6 if a.dtype.char in "fF" else 1e-13,
                                              equal_nan=True)  # fmt: skip


def _related(a: type, b: type) -> bool:
    return issubclass(a, b) or issubclass(b, a)


def traced_in(mode: str, x: Any, look: Any) -> None:
    """Show `look` a traced value that holds x, once: the engine may run it beside x, too."""
    looks = iter((look,))

    def f(v: Any) -> Any:
        next(looks, lambda _: None)(v)
        return np.sum(np.abs(v) ** 2)

    if mode == "reverse":
        cr.vjp(f, x)
    elif mode == "forward":
        cr.jvp(f, (x,), (x,))
    else:
        cr.vjp(lambda v: cr.jvp(f, (v,), (v,))[1], x)


NESTED = ("float", "1-d", "complex")
CASES = [(n, m) for n in VALUES for m in ("reverse", "forward", "nested")
         if m == "reverse" or n in NESTED]  # fmt: skip


@pytest.mark.parametrize(("name", "mode"), CASES)
def test_a_traced_value_answers_as_the_plain_one(name: str, mode: str) -> None:
    x = VALUES[name]
    wrong: list[str] = []

    def look(v: Any) -> None:
        assert concrete(v) is not v
        for text, question in QUESTIONS.items():
            if text in MAY_DIFFER or (name, text) in EXCEPT:
                continue
            plain, traced = ask(question, x), ask(question, v)
            if traced[0] == "loud":
                continue
            if plain[0] != traced[0]:
                wrong.append(f"{text}: plain {plain}, traced {traced}")
            elif plain[0] == "value" and not same(plain[1], traced[1]):
                wrong.append(f"{text}: plain {plain[1]!r}, traced {traced[1]!r}")
            elif plain[0] == "error" and not _related(plain[1], traced[1]):
                wrong.append(f"{text}: plain {plain[1]}, traced {traced[1]}")

    traced_in(mode, x, look)
    assert not wrong, "\n".join(wrong)


LOUD_AT_MOST = 0.06


def test_few_questions_are_refused() -> None:
    """Refusals are for what loses a derivative: bytes, keys, memory, pickles."""
    count = {"loud": 0, "all": 0}

    def look(v: Any) -> None:
        for question in QUESTIONS.values():
            count["loud"] += ask(question, v)[0] == "loud"
            count["all"] += 1

    for name in ("float", "float64", "1-d"):
        traced_in("reverse", VALUES[name], look)
    assert count["loud"] <= LOUD_AT_MOST * count["all"], count
