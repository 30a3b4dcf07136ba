"""Law: derivatives do not depend on how arrays lie in memory, and shapes of every kind occur."""

import numpy as np

from chainrule.testing import first

from .registry import QUIET, RECORDS, calls, every_record

pytestmark = QUIET


@every_record
def test_layouts(record):
    for case in calls(record):
        first.layouts(case)


def test_the_samples_have_shapes_of_every_kind():
    shapes = [np.shape(x) for r in RECORDS for c in calls(r) for x in c.xs]
    assert () in shapes, "a scalar"
    assert any(0 in s for s in shapes), "an empty array"
    assert any(1 in s for s in shapes), "an axis of length 1"
    assert any(len(s) >= 3 for s in shapes), "three axes"
