"""Every rule, corrupted in every way, is noticed by the laws: no mutant survives."""

import functools
import warnings

import numpy as np
import pytest

from chainrule.core.registry import op_named
from tests.laws.registry import OPS, RECORDS
from tests.laws.test_refusals import ARGUMENTS

from .mutants import drivers, killer, living, meetings, mutants, notices

pytestmark = pytest.mark.filterwarnings("ignore")

WITH_RULES = [op for op in OPS if any(True for _ in mutants(op))]

# mutant -> why it cannot be told from the rule (it is the same function)
_CONSTANT = "the value is constant: its slot only keeps the result in the recording"
EQUIVALENT: dict[str, str] = {
    f"zeros_like[0] {change}": _CONSTANT for change in ("negated", "scaled", "zeroed", "removed")
}


@functools.cache
def meeting():
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return meetings(RECORDS)


@pytest.mark.parametrize("op", WITH_RULES, ids=lambda op: op.name)
def test_no_mutant_survives(op):
    driving = drivers(op, meeting())
    assert driving or all(k in ARGUMENTS[op.name] for k in range(len(op.slots))), "nothing runs it"
    survivors = []
    for mutant in mutants(op):
        if str(mutant) not in EQUIVALENT and not killer(mutant, driving):
            survivors.append(str(mutant))
    assert not survivors


def test_the_rules_are_back_in_place():
    op = op_named("sin")
    (case, *_) = drivers(op, {})
    assert notices(case) == ""
    for mutant in mutants(op):
        with living(mutant):
            assert notices(case) != ""
        assert notices(case) == ""


def test_every_op_is_reached_by_a_function():
    internal = {op.name for op in WITH_RULES if op.samples == ()}
    assert internal <= set(meeting())


def test_the_number_of_mutants_and_of_equivalent_ones_is_told(record_property, capsys):
    every = [str(m) for op in WITH_RULES for m in mutants(op)]
    same = [m for m in every if m in EQUIVALENT]
    assert len(set(every)) == len(every)
    assert set(same) == set(EQUIVALENT), "an equivalence that no mutant has"
    record_property("mutants", len(every))
    with capsys.disabled():
        print(f"\n{len(every)} mutants of {len(WITH_RULES)} ops; {len(same)} equal their rule")
