"""Law: what ``where=`` leaves out of a ufunc is not computed with, in no value and in no rule.

The same call on the chosen elements alone says what is right; what is left out are numbers at
which functions overflow, are not defined, or have poles, and every such event raises.
"""

import numpy as np
import pytest

from chainrule import jvp, vjp
from chainrule.testing.samples import Place, cases

from .registry import ELEMENTWISE

HOSTILE = np.array([0.0, -1.0, 1.0, -1e300, 1e300, np.inf, -np.inf, -2.0])
UFUNCS = [
    op for op in ELEMENTWISE
    if isinstance(op.function, np.ufunc) and op.function.nin == len(op.slots)
]  # fmt: skip


@pytest.mark.parametrize("op", UFUNCS, ids=lambda op: op.name)
def test_what_is_left_out_is_not_computed_with(op):
    case = next((c for c in cases(op) if all(isinstance(a, Place) for a in c.args)), None)
    if case is None:
        pytest.skip("it takes numbers that are no floats")
    rng = np.random.default_rng(0)
    n = len(HOSTILE)
    near = [np.atleast_1d(x).ravel() for x in case.xs]
    good = [rng.permutation(np.resize(x, n)) for x in near]
    chosen = np.r_[np.zeros(n, bool), np.ones(n, bool)]
    xs = tuple(np.r_[rng.permutation(HOSTILE), g] for g in good)
    ct = rng.standard_normal(2 * n)

    def masked(*xs):
        return op.function(*xs, where=chosen, out=np.zeros(2 * n))

    def bare(*xs):
        return op.function(*xs)

    with np.errstate(all="ignore"):  # of what is chosen
        want, want_t = jvp(bare, tuple(good), tuple(np.ones(n) for _ in good))
        want_g = vjp(bare, *good)[1](ct[n:])
    if want.dtype.kind != "f" or not np.all(np.isfinite([want, want_t, *want_g])):
        pytest.skip("it has steps or poles where the laws draw")
    with np.errstate(all="raise", under="ignore"):
        got, got_t = jvp(masked, xs, tuple(np.ones(2 * n) for _ in xs))
        got_g = vjp(masked, *xs)[1](ct)
    for a, b in ((got, want), (got_t, want_t), *zip(got_g, want_g, strict=True)):
        assert np.all(a[:n] == 0)
        assert np.allclose(a[n:], b, 1e-12, 1e-12)
