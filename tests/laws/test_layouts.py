"""Law: derivatives do not depend on how arrays lie in memory, and shapes of every kind occur."""

import contextlib

import numpy as np
import pytest

import chainrule
from chainrule.testing import first
from chainrule.testing.samples import cases, outputs
from chainrule.tracing.tracer import concrete

from .registry import QUIET, RECORDS, calls, every_record

pytestmark = QUIET


@every_record
def test_layouts(record):
    for case in calls(record):
        first.layouts(case)


def test_the_samples_have_shapes_of_every_kind():
    shapes = [np.shape(x) for r in RECORDS for c in calls(r) for x in c.xs]
    assert () in shapes, "a scalar"
    assert any(0 in s for s in shapes), "an empty array"
    assert any(1 in s for s in shapes), "an axis of length 1"
    assert any(len(s) >= 3 for s in shapes), "three axes"


def in_c(x):
    return np.ascontiguousarray(x)


def in_fortran(x):
    return np.asfortranarray(x)


def with_gaps(x):
    wide = np.zeros((*x.shape[:-1], 2 * x.shape[-1]), x.dtype)
    wide[..., ::2] = x
    return wide[..., ::2]


def told(value):
    """Say how each array of a result lies, as `ravel` and `reshape` ask."""
    found = []
    for out in outputs(value):
        held = concrete(out)
        lies = type(held) is np.ndarray and held.size > 1
        found.append((held.flags.c_contiguous, held.flags.f_contiguous) if lies else None)
    return found


def traced(case, xs):
    seen = []

    def spy(*inputs):
        seen.append(told(case.result(*inputs)))
        return 0.0

    return seen, spy


OTHERWISE = {
    "nonzero", "argwhere",  # columns of one array: places, which carry nothing
    "implicit_steps",  # the steps of a solver
}  # fmt: skip


@every_record
@pytest.mark.parametrize("arrange", [in_c, in_fortran, with_gaps])
def test_a_result_lies_in_memory_as_that_of_a_plain_run(record, arrange):
    if record.name in OTHERWISE:
        return
    for case, other in zip(calls(record), cases(record, more=1), strict=True):
        xs = [arrange(x) if np.ndim(x) else np.asarray(x) for x in case.xs]
        try:
            want = told(case.result(*xs))
        except Exception:  # of this layout, or as an array of no axes, it takes none
            continue
        modes = {
            "jvp": lambda f, xs=xs: chainrule.jvp(f, tuple(xs), tuple(xs)),
            "vmap": lambda f, xs=xs, other=other: chainrule.vmap(f)(*map(both, xs, other.xs)),
        }
        for mode, run in modes.items():
            seen, spy = traced(case, xs)
            with contextlib.suppress(chainrule.errors.ChainRuleError):
                run(spy)
            assert all(found == want for found in seen), f"{mode} of {case}: {seen}, not {want}"


def both(x, other):
    """Return a batch of two examples that lie as `x` does."""
    whole = np.zeros((2, *x.shape), x.dtype)
    if x.ndim and x.flags.f_contiguous and not x.flags.c_contiguous:
        whole = np.zeros((2, *x.shape[::-1]), x.dtype).transpose(0, *range(x.ndim, 0, -1))
    elif x.ndim and not x.flags.c_contiguous:
        whole = with_gaps(whole)
    whole[0], whole[1] = x, other
    return whole
