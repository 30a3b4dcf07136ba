"""Calls that are no samples: do a plain and a traced run agree, where both answer?"""

import numpy as np

from chainrule.api import vjp
from chainrule.errors import ChainRuleError
from chainrule.testing.samples import inexact, outputs
from chainrule.tracing.tracer import concrete


def agree(case):
    """Compare shapes, dtypes and values; what a plain run refuses is nothing to compare."""
    try:
        with np.errstate(all="ignore"):
            plain = outputs(case.result(*case.xs))
    except Exception:  # a wrong call
        return
    if any(p.dtype.kind not in "fcbiu" for p in plain):
        return
    seen = []

    def keep(*xs):
        seen[:] = outputs(case.result(*xs))
        return inexact(seen)

    try:
        vjp(keep, *case.xs)
    except ChainRuleError:
        return
    traced = list(map(concrete, seen))
    form = [(p.shape, p.dtype) for p in plain], [(t.shape, t.dtype) for t in traced]
    assert form[0] == form[1], f"{case!r}: {form[0]} plainly, {form[1]} traced"
    for p, t in zip(plain, traced, strict=True):
        assert np.allclose(p, t, 1e-13, 1e-13, equal_nan=True), f"{case!r}: {p} plainly, {t}"
