"""Why there are no recordings is told with the line, so that it can be found."""

import functools
import importlib
import warnings
from typing import Any

import numpy as np
import pytest
from scipy import integrate

import chainrule as cr
from chainrule.errors import EagerWarning

X = np.array([0.3, 1.2, 0.5, 0.9])


class Beam:
    def __init__(self, length: Any, force: Any) -> None:
        self.length, self.force = length, force

    @functools.cached_property
    def moment(self) -> Any:
        return self.length * np.exp(self.force)


def bent(x: Any) -> Any:
    beam = Beam(x[0], x[1])
    return beam.moment**2 + beam.moment * x[2]


def test_cached_properties_are_recorded() -> None:
    slope = cr.jit(cr.grad(bent))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for k in range(4):
            x = X * (1 + 0.1 * k)
            assert np.allclose(slope(x), cr.grad(bent)(x), rtol=1e-14)
    assert "1 recording" in slope.report()


KEPT = Beam(1.0, 2.0)


def test_what_a_cached_property_keeps_outside_is_seen() -> None:
    def f(x: Any) -> Any:
        KEPT.__dict__.pop("moment", None)
        KEPT.length = float(len(x))
        return KEPT.moment * x[0]

    slope = cr.jit(cr.grad(f))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for n in (4, 4, 3, 2, 2, 3):
            assert np.allclose(slope(X[:n]), cr.grad(f)(X[:n]))


def called(f: Any) -> None:
    for _ in range(3):
        f(X)


def made_plain(x: Any) -> Any:
    y = x * 2
    return y[0] * float(np.lib.stride_tricks.as_strided(np.ones(3), (2,), (8,))[0]) + np.sum(
        np.lib.stride_tricks.as_strided(y, (2,), (8,))
    )


def test_a_plain_number_is_told_with_its_line() -> None:
    slope = cr.jit(cr.grad(made_plain))
    with pytest.warns(EagerWarning, match=r"test_reasons\.py:\d+, in made_plain: .*as_strided"):
        called(slope)


def test_what_does_not_repeat_is_told_with_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    programs = importlib.import_module("chainrule.programs.jit")

    def f(x: Any) -> Any:
        y = np.sin(x)
        z = y * y
        return np.sum(z * x)

    def record(nodes: Any, steps: Any, guards: Any, outs: Any) -> Any:
        if not changed:
            first = [step.op.name for step in steps].index("multiply")
            changed.extend(steps[first:])
            for step in changed:
                step.output = step.output * (1 + 1e-15)
        return lower(nodes, steps, guards, outs)

    lower = programs.lower
    changed: list[Any] = []
    monkeypatch.setattr(programs, "lower", record)
    monkeypatch.setattr(programs, "_identical", lambda *_: False)
    again = cr.jit(f)
    with pytest.warns(EagerWarning, match=r"first at multiply of .*test_reasons\.py:\d+, in f"):
        called(again)


def test_a_solver_is_told_at_the_first_call_in_its_own_words() -> None:
    def f(p: Any) -> Any:
        def rhs(_t: float, y: Any) -> Any:
            return [p[0] * y[0] - y[0] * y[1], p[1] * y[0] * y[1] - y[1]]

        return np.sum(integrate.solve_ivp(rhs, (0, 2), [1.0, 0.5], rtol=1e-8).y[:, -1])

    compiled, p = cr.jit(cr.grad(f)), np.array([1.1, 0.4])
    with pytest.warns(EagerWarning, match="a solver runs, whose steps hang on the values at .*rhs"):
        first = compiled(p)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.array_equal(compiled(p), first)
    assert compiled.reason.startswith("a solver runs")
    assert "chainrule program" not in compiled.report()
