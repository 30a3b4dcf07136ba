"""What the laws run on: every record of the registry, by its samples."""

import numpy as np
import pytest

from chainrule.core.op import Composite, Op
from chainrule.core.slots import Partial
from chainrule.testing.samples import Case, all_records, cases

from . import (  # noqa: F401
    forms_derivatives,
    forms_interpolate,
    forms_solvers,
    forms_sparse,
    forms_stats,
)
from .forms import FORMS

RECORDS = [*FORMS, *(r for r in all_records() if r.samples)]
OPS = [r for r in all_records() if isinstance(r, Op)]
ELEMENTWISE = [
    op for op in OPS
    if op.function is not None and op.samples and all(isinstance(s, Partial) for s in op.slots)
]  # fmt: skip
QUIET = pytest.mark.filterwarnings("ignore")  # NumPy warns at the ends of domains, traced or not

every_record = pytest.mark.parametrize("record", RECORDS, ids=lambda r: r.name)
every_op = pytest.mark.parametrize("op", OPS, ids=lambda r: r.name)


def calls(record: Op | Composite, dtype: type = np.float64) -> list[Case]:
    """Return the cases of a record; what NumPy does not compute in this dtype is left out."""
    return list(cases(record, dtype))
