"""Values at the edges are those of a plain run: beside inf and NaN, of single precision, huge."""

import operator
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

import chainrule as cr

pytestmark = pytest.mark.filterwarnings("ignore")
NODES = np.array([0.0, 1.0, 2.0, 3.0])
ASKED = np.array([-1.0, 0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, np.nan])
HEIGHTS = [
    [0, np.inf, 1, 2], [0, np.nan, 1, 2], [-np.inf, 1, np.inf, 2], [1, 2, np.inf, np.nan],
    [np.inf, np.inf, 1, np.nan], [np.inf, np.inf, np.inf, np.inf], [1, np.nan, np.nan, 1],
]  # fmt: skip


def seen(f, *args):
    """Return what a traced run gives, class and all, as text."""
    found = []

    def keep(*args):
        result = f(*args)
        found.append((result.__class__, repr(result)))
        return np.sum(args[0]) * 1.0

    cr.jvp(keep, args, args)
    return found[0]


def as_plain(f, *args):
    result = f(*args)
    return type(result), repr(result)


def interpolated(x, fp):
    return np.interp(x, NODES, fp)


@pytest.mark.parametrize("heights", HEIGHTS)
@pytest.mark.parametrize("turned", [1, 1j])
def test_interp_beside_what_is_not_finite(heights, turned):
    fp = np.array(heights, float) * (1 if turned == 1 else 1 + 0.5j)
    assert seen(interpolated, ASKED, fp) == as_plain(interpolated, ASKED, fp)
    for x in ASKED.tolist():
        at = lambda x: np.interp(x, NODES, fp)  # noqa: E731
        assert seen(at, x) == as_plain(at, x)
    rows = np.stack([fp, fp[::-1], np.arange(4.0)])
    batch = cr.vmap(lambda fp: interpolated(ASKED, fp))(rows)
    assert repr(batch) == repr(np.stack([interpolated(ASKED, row) for row in rows]))


def test_interp_at_an_infinite_node():
    at = lambda x, fp: np.interp(x, [0.0, 1.0, np.inf], fp)  # noqa: E731
    xs, fp = np.array([0.5, 1.0, 2.0, np.inf, np.nan]), np.array([1.0, 2.0, 3.0])
    assert seen(at, xs, fp) == as_plain(at, xs, fp)


def test_slopes_of_interp_are_those_of_the_pieces():
    assert cr.grad(lambda x: np.interp(x, NODES, [0.0, 2.0, np.inf, 1.0]))(0.5) == 2
    assert cr.grad(lambda fp: interpolated(0.5, fp))(np.array([1.0, 3, np.inf, 1])).tolist() == [
        0.5, 0.5, 0, 0,
    ]  # fmt: skip


@pytest.mark.parametrize("function", [np.convolve, np.correlate])
@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_rows_of_convolutions_beside_what_is_not_finite(function, mode, n):
    rows = np.array([[1.0, np.inf, 2.0], [np.nan, 2.0, 0.0], [1.0, 2.0, 3.0]])
    other = np.arange(n) - 1.0
    for f in (lambda x: function(x, other, mode), lambda x: function(other, x, mode)):
        assert np.array_equal(cr.vmap(f)(rows), [f(row) for row in rows], equal_nan=True)
        slopes = cr.vmap(cr.grad(lambda x: np.sum(f(x))))(rows[::2])  # noqa: B023
        assert slopes.shape == (2, 3)


def joined(x):
    return complex(x, 2.0) * 3.3, complex(1.0, x) * 3.3, complex(x, x) * 3.3, complex(x) * 3.3


@pytest.mark.parametrize("kind", [float, np.float32, np.float64])
def test_complex_is_of_double_precision(kind):
    assert seen(joined, kind(1.1)) == as_plain(joined, kind(1.1))


@pytest.mark.parametrize("parameters", [(np.float32(0.4),), (np.float32(0.4), np.float32(0.7))])
@pytest.mark.parametrize("name", [
    "normal", "uniform", "laplace", "logistic", "gumbel", "exponential", "rayleigh", "weibull",
    "pareto", "power", "lognormal",
])  # fmt: skip
def test_draws_are_of_double_precision(name, parameters):
    if name in ("exponential", "rayleigh", "weibull", "pareto", "power"):
        parameters = parameters[:1]
    for made in (np.random.default_rng, np.random.RandomState):
        for size in ({}, {"size": 2}):
            draw = lambda *p: getattr(made(3), name)(*p, **size)  # noqa: B023, E731
            found = []

            def keep(*p):
                found.append(draw(*p))  # noqa: B023
                return np.sum(found[-1])  # noqa: B023

            cr.jvp(keep, parameters, parameters)
            plain = draw(*parameters)
            assert found[0].__class__ is type(plain)
            assert np.allclose(cr.jvp(draw, parameters, parameters)[0], plain, 1e-14, 0)


COMPARISONS = [operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne]
HUGE = [
    10**400, -(10**400), 2**53 + 1, -(2**53) - 1, 10**23, Fraction(1, 3), Fraction(10**400, 3),
    Fraction(1, 10**400), Decimal("1e400"), Decimal("-1e400"), Decimal("0.1"), Decimal("nan"),
]  # fmt: skip


@pytest.mark.parametrize("other", HUGE, ids=lambda v: str(v)[:12])
@pytest.mark.parametrize("x", [0.1, 1 / 3, 2.0**53, 1e23, np.inf, -np.inf, np.nan])
def test_comparisons_are_exact(x, other):
    for compare in COMPARISONS:
        for f in (lambda x: compare(x, other), lambda x: compare(other, x)):  # noqa: B023
            assert outcome(lambda: seen(f, x)) == outcome(lambda: as_plain(f, x))  # noqa: B023


def outcome(f):
    try:
        return f()
    except ArithmeticError as error:
        return type(error)


@pytest.mark.parametrize("other", [10**400, 2**53 + 1])
def test_branches_by_huge_numbers(other):
    f = lambda x: 3 * x if x < other and other != x else x  # noqa: E731
    assert [cr.grad(f)(1.0), cr.jit(f)(1.0), cr.hessian(f)(1.0)] == [3, 3, 0]
