"""Every program is differentiated right or refused aloud; never wrong, and seldom refused."""

import pytest

from .collect import Program, programs
from .judge import judge
from .refused import REFUSED

PROGRAMS = programs()


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_right_or_refused(program: Program) -> None:
    found = judge(program)
    assert found.status != "wrong", found.words
    if program.name in REFUSED:
        assert found.status == "loud", f"{program.name} is right now: take it out of refused.py"
    else:
        assert found.status == "right", found.words


def test_the_set_is_broad_enough() -> None:
    assert len(PROGRAMS) >= 210
    assert len({p.field for p in PROGRAMS.values()}) >= 22
    assert 0.3 <= sum(p.uses_scipy for p in PROGRAMS.values()) / len(PROGRAMS) <= 0.5


def test_nearly_all_are_right() -> None:
    assert len(REFUSED) <= 0.03 * len(PROGRAMS)  # all others are right, as each test sees


def test_refusals_name_programs() -> None:
    assert set(REFUSED) <= set(PROGRAMS)
