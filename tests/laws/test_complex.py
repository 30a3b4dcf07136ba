"""Law: complex inputs are differentiated rightly, or refused loudly."""

import numpy as np

from chainrule.testing import first

from .registry import QUIET, calls, every_record

pytestmark = QUIET


@every_record
def test_complex_inputs(record):
    for case in calls(record, np.complex128):
        first.complex_inputs(case)
