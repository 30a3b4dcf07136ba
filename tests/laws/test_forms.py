"""Law: a form of SciPy has a second derivative, or the table says that it is refused."""

import pytest

from chainrule.core.op import Composite
from chainrule.testing import higher

from .registry import FORMS, QUIET, calls

pytestmark = QUIET

# forms whose second derivative is refused, and why
SECOND = {
    "tails_in_their_shapes": "the incomplete gamma and beta functions, in their parameters",
}
OF_SCIPY = [f for f in FORMS if "forms_" in f.body.__module__]


@pytest.mark.parametrize("form", OF_SCIPY, ids=lambda f: f.name)
def test_second_derivatives_are_refused_where_the_table_says_so(form: Composite) -> None:
    assert [form.name in SECOND] * len(calls(form)) == [
        higher.refused(case, 2) for case in calls(form)
    ]
