"""Laws of the declarations: linear slots, equations, what rules read, closure, reachability."""


from chainrule.core.slots import Index
from chainrule.testing import structure
from chainrule.testing.check import smallest

from .registry import QUIET, calls, every_op, every_record

pytestmark = QUIET


@every_record
def test_linear_slots_are_linear(record):
    for case in calls(record):
        structure.linear(case)


@every_record
def test_equations_compute_their_ops_and_transposes(record):
    for case in calls(record):
        structure.equations(case)


@every_record
def test_adding_a_piece_in_place_equals_adding_the_transpose(record):
    for case in calls(record):
        structure.pieces(case)


@every_record
def test_a_shortcut_gives_what_the_derived_rule_gives(record):
    for case in calls(record):
        structure.shortcuts(case)


@every_op
def test_rules_read_what_they_name(op):
    structure.reading(op)


@every_record
def test_recordings_hold_what_rules_read(record):
    for case in calls(record):
        structure.keeping(case)


@every_record
def test_derivatives_of_higher_order_breed_no_new_ops(record):
    case = smallest(record)
    if case is not None:
        structure.closed(case)


@every_op
def test_every_op_says_its_rule_in_words(op):
    flows = any(not isinstance(slot, Index) for slot in op.slots)
    if flows and op.name != "component":  # taking one of several outputs: the engine's own
        assert op.notation is not None
        assert op.notation.rule
