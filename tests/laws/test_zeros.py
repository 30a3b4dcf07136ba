"""Law: zeros stay zero, also where a partial is infinite."""

import itertools

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import UnsupportedFunctionError
from chainrule.testing import first
from chainrule.testing.samples import interval

from .registry import ELEMENTWISE, QUIET, calls, every_record

pytestmark = QUIET


def _defined(op, xs):
    """Say whether value and partials are numbers (±∞ included) at a point."""
    params = op.bind(*xs)[1] if op.bind is not None else {}
    y = op.value(*xs, **params)
    try:
        partials = [s.rule(y, *xs, **params) if callable(s.rule) else s.rule for s in op.slots]
    except UnsupportedFunctionError:  # a slot that says it has no rule
        return False
    return not any(np.isnan(p).any() for p in (y, *partials))


@every_record
def test_a_zero_goes_to_exact_zeros(record):
    for case in calls(record):
        first.zeros(case)


@pytest.mark.parametrize("op", ELEMENTWISE, ids=lambda op: op.name)
def test_a_zero_wins_over_an_infinite_partial(op):
    """At 0, ±1, kinks and the ends of the domain: 0·∞ = 0, as of an untaken branch."""
    axes = []
    for k in range(len(op.slots)):
        low, high = interval(op, k)
        axes.append([v for v in {0.0, 1.0, -1.0, low, high, *op.kinks} if np.isfinite(v)])
    for point in itertools.product(*axes):
        xs = [np.array([v]) for v in point]
        if not _defined(op, xs):
            continue
        out, pull = cr.vjp(op.function, *xs)
        for g in pull(np.zeros_like(out)):
            assert (g == 0).all(), (point, g)
        _, t = cr.jvp(op.function, tuple(xs), tuple(np.zeros_like(x) for x in xs))
        assert (t == 0).all(), (point, t)


def test_an_untaken_branch_has_gradient_zero():
    f = lambda x: np.sum(np.where(x > 0, np.sqrt(x), 0.0))  # noqa: E731
    assert cr.grad(f)(np.array([0.0, 4.0])).tolist() == [0.0, 0.25]


def test_an_infinite_partial_stays_infinite_where_it_is_meant():
    assert cr.grad(np.sqrt)(0.0) == np.inf
