"""Law: many sweeps at once give for each row, and for each column, what a single sweep gives."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import chainrule
from chainrule.core.op import Composite, Op
from chainrule.errors import ChainRuleError
from chainrule.modes import derived
from chainrule.testing.samples import Case, cases

from .forms import FORMS
from .registry import QUIET, every_record

pytestmark = QUIET
STRANGE = (np.nan, np.inf, -np.inf, 0.0)


def both(f: Any, xs: Any, mode: str, chunk: int | None = None) -> tuple[Any, Any, list[bool]]:
    """Return the Jacobian by sweeps taken together, one by one, and which could be together."""
    argnums = tuple(range(len(xs)))
    done: list[bool] = []
    at_once = derived.Side.together

    def noted(self: Any, *args: Any) -> Any:
        found = at_once(self, *args)
        done.append(found is not None)
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(derived.Side, "together", noted)
        patch.setattr(derived, "_WORTH", {True: 2, False: 2})
        patch.setattr(derived, "_SMALL", 0 if chunk else 1 << 30)  # with and without trimming
        together = outcome(chainrule.jacobian(f, argnums, mode, chunk), xs)
    return together, outcome(chainrule.jacobian(f, argnums, mode, 1), xs), done


def outcome(f: Any, xs: Any) -> Any:
    try:
        return f(*xs)
    except (ChainRuleError, ArithmeticError, ValueError, np.linalg.LinAlgError) as error:
        return type(error), str(error)


def compare(got: Any, want: Any) -> None:
    if isinstance(want, tuple | list) and (not want or not isinstance(want[0], type)):
        assert len(got) == len(want)
        for g, w in zip(got, want, strict=True):
            compare(g, w)
        return
    if isinstance(want, tuple):
        assert got == want
        return
    assert (np.shape(got), got.dtype) == (np.shape(want), want.dtype)
    scale = np.max(np.abs(want[np.isfinite(want)]), initial=1e-300) if want.size else 1.0
    near = float(np.sqrt(np.finfo(want.dtype).eps)) * 1e-4
    np.testing.assert_allclose(got, want, rtol=near, atol=near * scale)


def strange(case: Case) -> Iterator[tuple[Any, ...]]:
    """Yield the values of a case with one number that is none, or that meets infinite slopes."""
    for value in STRANGE:
        x = case.xs[0]
        if np.size(x) and x.dtype.kind in "fc":
            odd = np.array(x)
            odd.flat[0] = value
            yield odd[()], *case.xs[1:]


@every_record
@pytest.mark.parametrize("mode", ["fwd", "rev"])
def test_each_sweep_is_what_it_is_alone(record: Op | Composite, mode: str) -> None:
    for i, case in enumerate(cases(record)):
        for chunk in (None, 2):
            together, alone, done = both(case, case.xs, mode, chunk)
            compare(together, alone)
            assert all(done), case
        if i == 0 and record not in FORMS:
            for xs in strange(case):
                compare(*both(case, xs, mode)[:2])
