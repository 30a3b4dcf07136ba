"""The oracle of the everyday programs, and the verdict on one of them."""

import contextlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

import chainrule
from chainrule.errors import ChainRuleError
from chainrule.numeric import differences

from .collect import Program, programs
from .points import leaves, moved, scale_of, tolerance, unit_directions


def quiet(function: Callable[[Any], Any], x: Any) -> Any:
    """Call `function`, without what it prints."""
    with contextlib.redirect_stdout(io.StringIO()):
        return function(x)


@cache
def reference(name: str) -> list[tuple[Any, Any, Any]]:
    """Return (value, Jacobian, error of the Jacobian) of a program at each of its points.

    The Jacobian is (outputs, inputs) flat, by Richardson-extrapolated central differences of
    the plain function, a relative step to each entry.
    """
    program = programs()[name]
    found = []
    for point in program.points:
        value = np.asarray(quiet(program.function, point), dtype=float)
        columns, errors = [], []
        for v in unit_directions(point):

            def along(h: float, point: Any = point, v: Any = v) -> Any:
                return np.ravel(quiet(program.function, moved(point, v, h))).astype(float)

            scales = np.concatenate(
                [np.ravel(scale_of(x) * d) for x, d in zip(leaves(point), leaves(v), strict=True)]
            )
            slope, error = differences(along, step=0.02, rounds=7)
            again, _ = differences(along, step=0.0137, rounds=6)  # noise of an inner iteration
            error = np.maximum(error, abs(again - slope))
            columns.append(slope / scales.sum())
            errors.append(error / scales.sum())
        found.append((value, np.stack(columns, axis=-1), np.stack(errors, axis=-1)))
    return found


@dataclass(frozen=True)
class Verdict:
    """What a system made of a program: ``right``, ``loud`` or ``wrong``, and what it said."""

    status: str
    words: str = ""


def judge(program: Program) -> Verdict:
    """Differentiate a program by both modes at its points and compare with the differences."""
    for point, (value, jacobian, error) in zip(
        program.points, reference(program.name), strict=True
    ):
        bound = tolerance(point, jacobian, error)
        for mode in (reverse, forward):
            try:
                got_value, got = mode(program.function, point)
            except ChainRuleError as refusal:
                return Verdict("loud", f"{type(refusal).__name__}: {refusal.what}")
            if not np.allclose(got_value, value, rtol=1e-12, atol=1e-300):
                return Verdict("wrong", f"{mode.__name__}: value {got_value}, not {value}")
            if got.shape != jacobian.shape or not np.all(abs(got - jacobian) <= bound):
                return Verdict("wrong", f"{mode.__name__} at {point}: {got}, not {jacobian}")
    return Verdict("right")


def reverse(function: Callable[[Any], Any], point: Any) -> tuple[Any, Any]:
    """Return the value and the Jacobian, a pullback for each output."""
    value, pullback = quiet(lambda x: chainrule.vjp(function, x), point)
    rows = []
    for k in range(np.size(value)):
        ct = np.zeros(np.shape(value))
        ct.flat[k] = 1.0
        (pulled,) = pullback(ct[()])
        rows.append(np.concatenate([np.ravel(leaf) for leaf in leaves(pulled)]))
    return value, np.stack(rows)


def forward(function: Callable[[Any], Any], point: Any) -> tuple[Any, Any]:
    """Return the value and the Jacobian, a push-forward for each input."""
    columns = []
    for v in unit_directions(point):
        value, slope = quiet(lambda x, v=v: chainrule.jvp(function, (x,), (v,)), point)
        columns.append(np.ravel(slope))
    return value, np.stack(columns, axis=-1)
