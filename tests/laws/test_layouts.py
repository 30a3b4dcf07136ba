"""Law: derivatives do not depend on how arrays lie in memory, and shapes of every kind occur."""

import contextlib
import inspect
from dataclasses import replace

import numpy as np
import pytest

import chainrule
from chainrule.core.op import Op
from chainrule.testing import first
from chainrule.testing.samples import cases, outputs
from chainrule.tracing.tracer import concrete

from .forms_memory import OF_PROGRAMS
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
}  # fmt: skip


def asked(case):
    """Yield a call as it is, and with the orders and outputs that its function can be asked for."""
    yield case
    function = case.function.function if isinstance(case.function, Op) else case.function
    try:
        takes = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return
    if "order" in takes and takes["order"].default in ("K", "C", "A"):
        yield from (replace(case, kwargs=case.kwargs | {"order": order}) for order in "CFA")
    if "output" in takes and list(takes).index("output") >= len(case.args):
        yield replace(case, kwargs=case.kwargs | {"output": float})


@pytest.mark.parametrize("record", [OF_PROGRAMS, *RECORDS], ids=lambda r: r.name)
@pytest.mark.parametrize("arrange", [in_c, in_fortran, with_gaps])
def test_a_result_lies_in_memory_as_that_of_a_plain_run(record, arrange):
    if record.name in OTHERWISE:
        return
    pairs = zip(calls(record), cases(record, more=1), strict=True)
    for case, other in ((ask, b) for a, b in pairs for ask in asked(a)):
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
            assert seen, f"{mode} of {case} is refused"
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
