"""Law: of empty arrays, too, tracing changes no value, no dtype and no shape."""

import numpy as np
import pytest

from .agreeing import agree
from .registry import QUIET, calls, every_record

pytestmark = QUIET

UNKNOWN = {  # a plain run returns memory as it was
    "einsum", "irfft", "irfft2", "irfftn", "hfft", "memory_laid_anew", "scipy.ndimage.rotate",
}  # fmt: skip
RAISE = {"scipy.ndimage.generic_filter", "scipy.ndimage.generic_filter1d"}  # of callables, loudly


@every_record
@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.complex128])
def test_empty_arrays(record, dtype):
    if np.dtype(dtype).kind == "c" and not getattr(record, "complex", False):
        return
    if record.name in UNKNOWN | RAISE:
        return
    for case in calls(record, dtype):
        if not any(x.size and x.ndim for x in map(np.asarray, case.xs)):
            continue
        agree(case.at(*(x[:0] if np.ndim(x) else x for x in case.xs)))
        agree(case.at(*(x[..., :0] if np.ndim(x) else x for x in case.xs)))
