"""Law: tracing changes no value, no dtype and no shape; float32 stays float32."""

import numpy as np
import pytest

from chainrule.testing import first

from .registry import QUIET, calls, every_record

pytestmark = QUIET

ULPS = {  # below another level one chord step more corrects the derivative, by its rounding
    "derivative_of_an_iterative_solution": 16,
}


@every_record
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.complex128])
def test_a_traced_value_is_numpys(record, dtype):
    for case in calls(record, dtype):
        if np.dtype(dtype).kind == "c" and not getattr(record, "complex", False):
            continue
        first.value(case, ULPS.get(record.name, 0))


@every_record
def test_float32_in_gives_float32_gradients(record):
    for case in calls(record, np.float32):
        first.reverse(case)
