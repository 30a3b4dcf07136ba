"""Law: a rule is the derivative of its op's value, in forward mode; reverse is its transpose."""

import pytest

from chainrule.errors import LostDerivativeError
from chainrule.testing import first

from .forms import FORMS
from .registry import ELEMENTWISE, QUIET, calls, every_record

pytestmark = QUIET


@every_record
def test_forward_mode_is_the_derivative(record):
    for case in calls(record):
        first.forward(case)


@every_record
def test_reverse_mode_is_the_transpose_of_forward_mode(record):
    for case in calls(record):
        first.reverse(case)


@every_record
def test_jacobian_by_columns_equals_jacobian_by_rows(record):
    for case in calls(record):
        first.jacobians(case)


@every_record
def test_an_argument_alone_has_the_derivative_it_has_among_others(record):
    try:
        for case in calls(record):
            first.each_alone(case)
    except LostDerivativeError:
        if record not in FORMS:  # a traced value cannot be stored into a plain array
            raise


@every_record
def test_the_transpose_of_the_transpose_is_the_derivative(record):
    for case in calls(record):
        first.transposed_twice(case)


@pytest.mark.parametrize("op", ELEMENTWISE, ids=lambda op: op.name)
def test_every_argument_has_its_derivative_or_refuses(op):
    first.every_argument(op)
