"""Law: at kinks, ties and degenerate points both modes give the same derivative, and no NaN.

Which one it is stands in docs/policy/kinks.md, whose rows tests/policy runs.
"""

import itertools

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ChainRuleError
from chainrule.testing import first
from chainrule.testing.check import smallest
from chainrule.testing.samples import interval

from .registry import OPS, QUIET, calls, every_record

pytestmark = QUIET
KINKED = [op for op in OPS if op.kinks and op.function is not None]


@pytest.mark.parametrize("op", KINKED, ids=lambda op: op.name)
def test_at_a_kink(op):
    for point in itertools.product(op.kinks, repeat=len(op.slots)):
        if not all(interval(op, k)[0] <= x <= interval(op, k)[1] for k, x in enumerate(point)):
            continue
        _, pull = cr.vjp(op.function, *point)
        slopes = pull(1.0)
        assert not np.isnan(slopes).any(), (point, slopes)
        for k, slope in enumerate(slopes):
            unit = tuple(float(j == k) for j in range(len(point)))
            assert cr.jvp(op.function, point, unit)[1] == slope, (point, k)


def tame(outputs) -> bool:
    """Say whether numbers are such that the point is not singular, up to rounding."""
    return all((abs(o) < 1e6).all() for o in outputs)


@every_record
@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_all_entries_equal(record, value):
    for case in calls(record) if value != 0.5 else filter(None, [smallest(record)]):
        flat = case.at(*(np.full_like(x, value)[()] for x in case.xs))
        try:
            if not tame(flat(*flat.xs)):
                continue
            tangent = cr.jvp(flat, flat.xs, tuple(first.directions(flat)))[1]
        except (np.linalg.LinAlgError, ChainRuleError, ValueError, ZeroDivisionError):
            continue
        if tame(tangent):
            first.reverse(flat, 1e-11)
