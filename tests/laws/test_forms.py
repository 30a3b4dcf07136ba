"""Law: no second derivative of a form of SciPy is refused."""

import pytest

from chainrule.core.op import Composite
from chainrule.testing import higher

from .registry import FORMS, QUIET, calls

pytestmark = QUIET

OF_SCIPY = [f for f in FORMS if "forms_" in f.body.__module__]


@pytest.mark.parametrize("form", OF_SCIPY, ids=lambda f: f.name)
def test_second_derivatives_are_not_refused(form: Composite) -> None:
    assert not any(higher.refused(case, 2) for case in calls(form))
