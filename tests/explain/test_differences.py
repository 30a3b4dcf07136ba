"""A verdict by differences: the values are rounded, and what rounding hides nobody can tell.

The oracle is a table of functions with their derivatives, written out by hand; no engine is asked.
"""

import math
import random

import numpy as np
import pytest
from scipy import interpolate

import chainrule
from chainrule import explain
from chainrule.errors import CheckError, UncheckedWarning
from chainrule.explain.sections import number
from chainrule.slopes import AGREES, CHOICE, DIFFERS, NOTHING, Slope

SMOOTH = [
    (math.tanh, lambda x: 1 / math.cosh(x) ** 2),
    (lambda x: math.exp(-x), lambda x: -math.exp(-x)),
    (lambda x: 1 / (1 + math.exp(-x)), lambda x: math.exp(-x) / (1 + math.exp(-x)) ** 2),
    (lambda x: x * x, lambda x: 2 * x),
    (lambda x: (math.tanh(x) - 1) ** 2, lambda x: -4 / (1 + math.exp(2 * x)) / math.cosh(x) ** 2),
    (lambda x: math.sin(7 * x), lambda x: 7 * math.cos(7 * x)),
]
EPS = 2.0**-52


def judged(f, x, found, decides=False):
    def phi(h):
        return f(x + h)

    return Slope(phi, f(x), (abs(x), 1.0), EPS, decides, abs(x)).judge(found)[3:]


def test_what_rounding_hides_is_neither_confirmed_nor_contradicted():
    """The right derivative is never contradicted, a wrong one never confirmed, at any size."""
    rng = np.random.default_rng(0)
    open_, told = 0, 0
    for _ in range(150):
        f, slope = SMOOTH[rng.integers(len(SMOOTH))]
        x = float(rng.choice([-1, 1]) * 10.0 ** rng.uniform(-7, 1.6))
        offset = float(rng.choice([0.0, 10.0 ** rng.uniform(-8, 9)]))
        where = (SMOOTH.index((f, slope)), x, offset)

        def moved(t, f=f, offset=offset):
            return offset + f(t)

        right = slope(x)
        verdict = judged(moved, x, right)[0]
        assert verdict in (AGREES, NOTHING), where
        wrong = judged(moved, x, right * 1.5)[0]
        assert wrong in (DIFFERS, NOTHING) or right == 0, where
        still = abs(right * x) <= 256 * EPS * abs(moved(x)) or moved(x) == moved(x * 0.97)
        assert judged(moved, x, 0.0)[0] != AGREES or still or right == 0, where
        size = abs(right) * min(abs(x), 1.0)
        if size > 1e-3 * (abs(offset) + abs(f(x))) and size > 1e-9:  # values that tell
            assert (verdict, wrong) == (AGREES, DIFFERS), where
            told += 1
        open_ += verdict == NOTHING
    assert told > 20
    assert open_ > 1


@pytest.mark.parametrize(("f", "x", "left", "right"), [
    (lambda x: 1e-4 * abs(x) + x, 0.0, 0.9999, 1.0001),
    (lambda x: abs(x) + abs(x - 1e-10), 0.0, -2.0, 0.0),
    (lambda x: abs(x - 1) + abs(x - 1 - 1e-10), 1.0, -2.0, 0.0),
    (lambda x: abs(math.sin(1e4 * x)), 0.0, -1e4, 1e4),
    (lambda x: 7 + abs(x) + 3 * x, 0.0, 2.0, 4.0),
])  # fmt: skip
def test_the_slopes_of_both_sides_are_those_at_the_point(f, x, left, right):
    verdict, why = judged(f, x, (left + right) / 2, decides=True)
    assert verdict == CHOICE
    assert f"{left:.6g} on the left and {right:.6g} on the right" in why
    assert judged(f, x, 2 * right - left, decides=True)[0] == DIFFERS


def _wave(x):
    return 0.0 if x == 0 else x * np.sin(1 / x)


def test_sides_that_do_not_come_together_have_no_slope_between_them():
    """A symmetric difference of an even function is 0, whether or not there is a slope."""
    assert judged(_wave, 0.0, 0.0, decides=True)[0] == NOTHING
    assert judged(lambda x: x * _wave(x), 0.0, 0.0, decides=True)[0] == AGREES
    assert "✓" not in explain(_wave, 0.0).text()


_wrong = chainrule.custom_rule(partial=lambda y, x: 3 * x, check=False)(lambda x: x**2)


def test_a_wrong_rule_behind_a_large_constant_is_not_confirmed():
    def f(x):
        return 1e8 + _wrong(x)

    assert "✓" not in explain(f, 1e-3).text()
    with pytest.raises((CheckError, UncheckedWarning)), chainrule.checked():
        chainrule.grad(f)(1e-3)
    found = chainrule.check(f, 1e-3)
    assert found.uncompared or not found


def test_an_isolated_value_is_not_told_as_steep_alone():
    said = explain(lambda x: x**2 if float(x).is_integer() else x, 3.0).text()
    assert "jumps" in said


KNOTS, HEIGHTS = np.arange(5.0), np.array([0.0, 1.0, -1.0, 2.0, 0.5])
SPLINES = {
    "cubic": lambda x: interpolate.CubicSpline(KNOTS, HEIGHTS)(x),
    "pchip": lambda x: interpolate.PchipInterpolator(KNOTS, HEIGHTS)(x),
    "akima": lambda x: interpolate.Akima1DInterpolator(KNOTS, HEIGHTS)(x),
    "linear": lambda x: interpolate.make_interp_spline(KNOTS, HEIGHTS, k=1)(x),
    "pieces": lambda x: interpolate.PPoly(np.array([[1.0, 2.0, 2.0], [0, 1, 3]]), KNOTS[:4])(x),
    "slope of pchip": lambda x: interpolate.PchipInterpolator(KNOTS, HEIGHTS)(x, 1),
    "slope of cubic": lambda x: interpolate.CubicSpline(KNOTS, HEIGHTS)(x, 1),
}


@pytest.mark.parametrize("name", SPLINES)
def test_a_spline_has_a_kink_where_the_slopes_of_its_pieces_differ(name):
    f = SPLINES[name]
    for x in (1.0, 2.0):
        left, right = ((f(x + h) - f(x)) / h for h in (-1e-7, 1e-7))
        derivation = explain(f, x)
        said = derivation.text()
        assert ("kink" in said) == (abs(left - right) > 1e-3), x
        assert "the middle of the slopes" not in said
        near = min(abs(derivation.gradient - side) for side in (left, right))
        assert near < 1e-5 * max(abs(left), abs(right), 1)


def matched(x):
    match x > 1:
        case True:
            return x**2
        case False:
            return 3 * x
    return -x


ASKS = {
    "is True": lambda x: x**2 if (x > 1) is True else 3 * x,
    "is not True": lambda x: x**2 if (x > 1) is not True else 3 * x,
    "is False": lambda x: x**2 if (x > 1) is False else 3 * x,
    "is not False": lambda x: x**2 if (x > 1) is not False else 3 * x,
    "counted": lambda x: [x**2, 3 * x][sum((x == c) is True for c in (2.0, 5.0))],
    "matched": matched,
}


@pytest.mark.parametrize("name", ASKS)
@pytest.mark.parametrize("x", [2.0, 0.5, np.float64(2.0)])
def test_the_steps_are_those_of_the_branch_that_a_plain_run_takes(name, x):
    """Also where the truth is asked by identity; NumPy's True is not Python's."""
    ask = ASKS[name]
    derivation = explain(ask, x)
    slope = next(s for v, s in ((x**2, 2 * x), (3 * x, 3), (-x, -1)) if v == ask(x))
    assert derivation.gradient == slope
    assert "limit" not in derivation.document
    assert "rules alone" not in derivation.text()


@pytest.mark.parametrize(("f", "name"), [
    (lambda z: np.arctan2(z, -1.0), "arctan2"),
    (lambda x: np.copysign(1.0, x) + x, "copysign"),
])  # fmt: skip
def test_a_jump_is_named_where_values_of_both_sides_part(f, name):
    assert abs(f(1e-12) - f(-1e-12)) > 1
    assert f"{name} jumps here" in explain(f, 0.0).text()
    assert "jump" not in explain(f, 0.5).text()


def test_a_line_of_the_check_stands_for_entries_of_which_the_same_is_said():
    def f(x):
        rise = interpolate.PPoly(np.array([[1.0, 2.0], [0.0, 1.0]]), [0.0, 1.0, 2.0])
        return np.sum(rise(x[:2])) + rise(-x[2])

    said = explain(f, np.array([1.0, 1.0, -1.0])).text()
    assert "x[0] (and 1 more) stands at a kink: the slope is 1 on the left and 2" in said
    assert "x[2] stands at a kink: the slope is −2 on the left and −1 on the right" in said


def test_numbers_of_the_check_have_one_way_of_writing():
    assert [number(v) for v in (-0.0, 2e24, 1.5e-9, -3.0)] == ["0", "2e24", "1.5e-9", "-3"]


@pytest.mark.parametrize("draw", [np.random.rand, random.random])
def test_a_draw_that_is_held_fixed_is_told(draw):
    derivation = explain(lambda x: x * draw(), 2.0)
    assert "the derivative is that of this draw" in derivation.text()
    assert "draws random numbers" in derivation.document["omitted"]["reason"]
    assert "draw" not in explain(lambda x: x * 3.0, 2.0).text()
