"""What every error of the library owes its reader, and a check that nothing is left behind."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ChainRuleError

MARK = "# <-"


def marked_line(function: Callable[..., Any]) -> tuple[str, int]:
    """The file and the line of `function` that carries the mark."""
    lines, start = inspect.getsourcelines(function)
    (found,) = [start + i for i, line in enumerate(lines) if MARK in line]
    return inspect.getsourcefile(function) or "", found


def reads_well(error: ChainRuleError) -> None:
    """One screen, and the cure comes last."""
    text = str(error)
    lines = text.splitlines()
    assert 1 < len(lines) <= 20, text
    assert max(map(len, lines)) <= 200, text
    assert error.cure, text
    assert lines[0] == error.what.splitlines()[0]
    last = max(i for i, line in enumerate(lines) if line.startswith("  "))
    assert last == len(lines) - 1
    assert [line.split()[0] for line in lines if line[2:3].strip()][-1:] == ["cure:"], text
    assert isinstance(error, ChainRuleError)


def clean() -> None:
    """A following derivative, also a nested one, is right: nothing was left behind."""
    assert float(cr.grad(lambda x: np.sin(x) * x)(0.5)) == pytest.approx(
        np.cos(0.5) * 0.5 + np.sin(0.5), rel=1e-15
    )
    nested = cr.grad(lambda x: x * cr.grad(lambda y: x * y * y)(2.0))(3.0)  # d(4x²)/dx
    assert float(nested) == 24.0
    assert float(cr.jvp(lambda x: cr.grad(lambda y: y**3)(x), (2.0,), (1.0,))[1]) == 12.0


def refuse(
    run: Callable[[], Any],
    kind: type[ChainRuleError],
    builtin: type[Exception],
    *words: str,
    at: Callable[..., Any] | None = None,
) -> ChainRuleError:
    """Run, expect that error with these words, at the marked line of `at`; then all is clean."""
    with pytest.raises(kind) as caught:
        run()
    error = caught.value
    assert type(error) is kind
    assert isinstance(error, builtin)
    reads_well(error)
    text = " ".join(str(error).split())
    for word in words:
        assert word in text, f"{word!r} is missing in:\n{error}"
    file, line = marked_line(at if at is not None else run)
    assert f"{file}:{line}, in " in error.where, f"line {line} is not named in:\n{error}"
    clean()
    return error
