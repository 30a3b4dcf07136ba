"""Law: on a cut of the plane the derivative is that of the side which the sign of a zero names.

Values on the cut, on one side of it, are compared with each other: differences along the axis. So
no rule is needed, and no table of cuts: every complex function is asked on both axes.
"""

import numpy as np
import pytest

from chainrule import jvp
from chainrule.errors import ChainRuleError
from chainrule.testing.samples import Place, cases

from .registry import ELEMENTWISE, QUIET

pytestmark = QUIET
H = 1e-4
POINTS = [
    (place, zero, along)
    for along in (1.0, 1j) for place in (2.3, -2.3, 0.4, -0.4) for zero in (0.0, -0.0)
]  # fmt: skip


def _on_axis(s, zero, along):
    return np.complex128(complex(s, zero) if along == 1.0 else complex(zero, s))


def _difference(f, s, zero, along):
    a, b, c, d = (f(_on_axis(s + k * H, zero, along)) for k in (-2, -1, 1, 2))
    return (8 * (c - b) - (d - a)) / (12 * H)


def _in_one_number(case, k):
    """Return the case as a function of its argument `k`, at which all others stay."""

    def function(z):
        args = [case.xs[a.position] if isinstance(a, Place) else a for a in case.args]
        args[k] = z
        return case.function(*args, **case.kwargs)

    return function


def _functions():
    for op in ELEMENTWISE:
        case = next((c for c in cases(op) if all(np.ndim(x) == 0 for x in c.xs)), None)
        for k, a in enumerate(case.args if case else ()):
            f = _in_one_number(case, k)
            try:
                with np.errstate(all="ignore"):
                    known = f(np.complex128(0.4 + 0.3j)).dtype.kind == "c"
            except (TypeError, ValueError, np.exceptions.ComplexWarning):
                continue
            if known and isinstance(a, Place):
                yield pytest.param(f, id=f"{op.name}-{k}")


@pytest.mark.parametrize("function", list(_functions()))
def test_the_side_of_a_cut(function):
    def slope(z, along):
        return jvp(function, (z,), (np.complex128(along),))[1]

    for s, zero, along in POINTS:
        z = _on_axis(s, zero, along)
        with np.errstate(all="ignore"):
            want = _difference(function, s, zero, along)
        if not np.isfinite(want):
            continue
        try:
            got = slope(z, along)
            second = jvp(lambda z, along=along: slope(z, along), (z,), (np.complex128(along),))[1]
        except ChainRuleError:
            continue
        assert abs(got - want) < 1e-6 * (1 + abs(want)), (z, along, got, want)
        twice = _difference(lambda z, along=along: slope(z, along), s, zero, along)
        assert abs(second - twice) < 1e-5 * (1 + abs(twice)), (z, along, second, twice)
