"""Law: every nesting of forward and reverse agrees, with each other and with differences."""

import numpy as np

from chainrule.testing import higher
from chainrule.testing.check import smallest

from .registry import QUIET, calls, every_record

pytestmark = QUIET


@every_record
def test_order_two(record):
    for k, case in enumerate(calls(record)):  # differences take longest: of the first case
        higher.nested(case, 2, differences=k == 0)


@every_record
def test_the_hessian_is_symmetric(record):
    case = smallest(record)  # that nestings agree says the same of all cases, but of one direction
    if case is not None:
        higher.symmetric(case)


@every_record
def test_order_three(record):
    case = smallest(record)
    if case is not None and sum(np.size(x) for x in case.xs) <= 9:
        higher.nested(case, 3)
