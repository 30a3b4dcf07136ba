"""Law: the pattern of a record holds every entry of its Jacobian that differs from 0."""

from math import prod
from typing import Any

import numpy as np
import pytest

import chainrule
from chainrule.core.op import Composite, Op
from chainrule.errors import ChainRuleError
from chainrule.lift import record as recorded
from chainrule.modes.derived import blocks
from chainrule.modes.evidence import Pattern, described
from chainrule.modes.pattern import pattern
from chainrule.testing.samples import cases

from .registry import QUIET, every_record

pytestmark = QUIET


def whole(f: Any, xs: Any) -> tuple[Any, Any]:
    """Return the recording of `f`, and its Jacobian as one matrix."""
    _, graph, leaves, _ = recorded(f, xs, {}, tuple(range(len(xs))))
    counts = [prod(np.shape(leaf)) for leaf in leaves]
    sizes = [prod(np.shape(x)) for x in xs]
    rows = [
        np.concatenate([b.reshape(m, n) for b, n in zip(row, sizes, strict=True)], axis=1)
        for row, m in zip(blocks(f, graph, leaves, "auto"), counts, strict=True)
    ]
    return graph, np.concatenate(rows)


def covers(found: Pattern, matrix: Any) -> bool:
    """Say whether no entry is missing; what a transform leaves of a zero is none."""
    size = np.abs(np.nan_to_num(matrix))
    return not np.any((size > 1e-13 * size.max(initial=0)) & ~found.matrix.toarray())


def real(f: Any, xs: Any) -> tuple[Any, Any]:
    """Return the same function of real numbers alone, with real results."""
    parts = [p for x in xs for p in ((np.real(x), np.imag(x)) if x.dtype.kind == "c" else (x,))]

    def split(*parts: Any) -> Any:
        rest = iter(parts)
        full = [next(rest) + 1j * next(rest) if x.dtype.kind == "c" else next(rest) for x in xs]
        found = [(np.real(y), np.imag(y)) if y.dtype.kind == "c" else (y,) for y in f(*full)]
        return [part for both in found for part in both]

    return split, tuple(parts)


def moved(xs: Any, rng: Any) -> Any:
    """Return values near these, in another order of size."""
    return tuple((x * rng.uniform(0.9, 1.0, np.shape(x))).astype(x.dtype)[()] for x in xs)


@every_record
def test_the_pattern_holds_what_differs_from_zero(
    record: Op | Composite, request: pytest.FixtureRequest
) -> None:
    """Of each record the first case, with ``--fuzz`` all; at another point, and of the gradient."""
    rng = np.random.default_rng(3)
    for case in cases(record):
        if not case.xs:
            continue
        f, xs = real(case, case.xs)
        graph, matrix = whole(f, xs)
        found = pattern(graph)
        assert covers(found, matrix), case
        try:
            graph, matrix = whole(f, moved(xs, rng))
        except (ChainRuleError, ArithmeticError, ValueError, np.linalg.LinAlgError):
            continue
        if found.failing(graph, described(graph)) == set():
            assert covers(found, matrix), case
        if not request.config.getoption("--fuzz"):
            break


@every_record
def test_the_pattern_of_a_gradient_holds_what_differs_from_zero(
    record: Op | Composite, request: pytest.FixtureRequest
) -> None:
    """Of every third record, with ``--fuzz`` of all."""
    if not request.config.getoption("--fuzz") and len(record.name) % 3:
        return
    for case in cases(record):
        if not case.xs:
            continue
        f, xs = real(case, case.xs)

        def scalar(*xs: Any, f: Any = f) -> Any:
            weights = np.random.default_rng(0)
            return sum(np.sum(y * weights.normal(size=np.shape(y))) for y in f(*xs))

        slope = chainrule.grad(scalar, tuple(range(len(xs))))
        try:
            graph, matrix = whole(slope, xs)
        except (ChainRuleError, ArithmeticError, ValueError, np.linalg.LinAlgError):
            continue  # no second derivative here, as test_orders has it
        assert covers(pattern(graph), matrix), case
        if not request.config.getoption("--fuzz"):
            break
