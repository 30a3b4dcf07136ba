"""Whatever question is so at the point alone, its branch has no say in the derivative.

A question (``x == 0``, the truth of x, a NaN, an exception) × the container that it is asked of ×
the way the derivative is taken. What the program gives there, it gives there only; the derivative
is known, as that of the formula beside.
"""

import itertools
import math
import random
import warnings
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from scipy import linalg, signal, stats

import chainrule as cr
from chainrule.errors import KinkWarning, UncheckedWarning

QUESTIONS: dict[str, Callable[[Any], Any]] = {  # of a number: true at 0, and nowhere else
    "equal": lambda x: x == 0,
    "isclose": lambda x: np.isclose(x, 0),
    "math.isclose": lambda x: math.isclose(x, 0, abs_tol=1e-9),
    "allclose": lambda x: np.allclose(x, 0),
    "neither": lambda x: not (x < 0 or x > 0),
    "both": lambda x: x <= 0 and x >= 0,
    "near": lambda x: abs(x) < 1e-12,
    "square": lambda x: not x**2 > 0,
    "among": lambda x: x in (0.0, 1e300),
    "isin": lambda x: np.isin(x, [0.0]),
    "sign": lambda x: np.sign(x) == 0,
    "truth": lambda x: not x,
    "truth of float": lambda x: not float(x),
    "logical_not": lambda x: np.logical_not(x),
    "any": lambda x: not np.array([x]).any(),
    "np.any": lambda x: not np.any(np.array([x])),
    "count_nonzero": lambda x: not np.count_nonzero(np.array([x])),
    "nonzero": lambda x: not len(np.nonzero(np.array([x]))[0]),
    "flatnonzero": lambda x: not np.flatnonzero(np.array([x])).size,
    "argwhere": lambda x: not len(np.argwhere(np.array([x]))),
    "astype": lambda x: not np.array([x]).astype(bool)[0],
    "is_integer": lambda x: float(x).is_integer(),
    "floor and ceil": lambda x: math.floor(x) == math.ceil(x),
    "np.floor": lambda x: np.floor(x) == np.ceil(x),
    "norm": lambda x: np.linalg.norm(np.array([x])) == 0,
    "unique": lambda x: len(np.unique(np.array([x, 0.0]))) == 1,
    "counts": lambda x: np.unique(np.array([x, 0.0]), return_counts=True)[1].max() == 2,
    "union1d": lambda x: np.union1d(np.array([x]), [0.0]).size == 1,
    "intersect1d": lambda x: np.intersect1d(np.array([x]), [0.0]).size == 1,
    "setdiff1d": lambda x: np.setdiff1d(np.array([x]), [0.0]).size == 0,
    "setxor1d": lambda x: np.setxor1d(np.array([x]), [0.0]).size == 0,
    "trim_zeros": lambda x: len(np.trim_zeros(np.array([x, 1.0]))) == 1,
    "roots": lambda x: len(np.roots([x, 1.0, 2.0])) == 1,
    "null_space": lambda x: linalg.null_space(np.array([[x, 0], [0.0, 1]])).shape[1] == 1,
    "matrix_rank": lambda x: np.linalg.matrix_rank(np.array([[x, 0], [0.0, 1]])) < 2,
    "issymmetric": lambda x: linalg.issymmetric(np.array([[1, x], [0.0, 1]])),
    "ishermitian": lambda x: linalg.ishermitian(np.array([[1, x], [0.0, 1]])),
    "bandwidth": lambda x: linalg.bandwidth(np.array([[1, x], [0.0, 1]])) == (0, 0),
    "searchsorted": lambda x: (np.searchsorted([-1, 0.0], x)
                               != np.searchsorted([-1, 0.0], x, side="right")),
    "digitize": lambda x: np.digitize(x, [-1, 0.0]) != np.digitize(x, [-1, 0.0], right=True),
    "argmax": lambda x: np.argmax(np.array([x, 0.0])) == 0 == np.argmax(np.array([0.0, x])),
    "argmin and argmax": lambda x: np.array([x, 0.0]).argmin() == np.array([x, 0.0]).argmax(),
    "lexsort": lambda x: (np.lexsort(([1, 0], np.array([x, 0.0])))[0]
                          == np.lexsort(([1, 0], np.array([0.0, x])))[0]),
    "rankdata": lambda x: stats.rankdata(np.array([x, 0.0]))[0] == 1.5,
    "histogram": lambda x: np.histogram(np.array([x]), [0, 1e-300])[0][0] == 1,
    "isreal": lambda x: np.isreal(1 + 1j * x),
    "iscomplex": lambda x: not np.iscomplex(1 + 1j * x),
    "real_if_close": lambda x: np.isrealobj(np.real_if_close(np.array([1 + 1j * x]))),
    "Fraction": lambda x: x == Fraction(0),
    "Decimal": lambda x: x == Decimal(0),
    "round": lambda x: round(x, 9) == 0,
    "np.round": lambda x: np.round(x, 9) == 0,
    "not itself": lambda x: (q := not_for_zero(x)) != q,
    "no order": lambda x: not not_for_zero(x) > -5,
    "no order in an array": lambda x: not (np.stack([not_for_zero(x), 1.0]) > 0)[0],
    "none of an array": lambda x: ((q := np.stack([not_for_zero(x), 1.0])) != q)[0],
    "text": lambda x: str(x) == "0.0",
    "format": lambda x: f"{x:g}" == "0",
}


def not_for_zero(x: Any) -> Any:
    """Return a number that is none at 0."""
    with np.errstate(all="ignore"):
        return np.divide(x, x)


def branching(question: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda x: 0.0 if question(x) else 3 * x


def looping(x: Any) -> Any:
    while x:
        return 3 * x
    return 0.0


def catching(x: Any) -> Any:
    try:
        return 6 * (math.expm1(x) / x)
    except ZeroDivisionError:
        return 6.0


def quotient(x: Any) -> Any:
    with np.errstate(all="ignore"):
        return 6 * np.expm1(x) / np.asarray(x)


def storing(x: Any) -> Any:
    x = np.array([x])
    y = 3 * x
    y[x == 0] = 0
    return y[0]


def indexed(x: Any) -> Any:
    x = np.array([x, 1.0])
    return sum(3 * x[i] for i in np.nonzero(x)[0])


PROGRAMS = {name: branching(q) for name, q in QUESTIONS.items()} | {
    "or": lambda x: (x or 0.0) * 3,
    "and": lambda x: x and 3 * x,
    "while": looping,
    "if of a generator": lambda x: sum(3 * v for v in [x, 2.0] if v),
    "filter": lambda x: sum(3 * v for v in filter(None, [x, 2.0])),
    "compress": lambda x: sum(3 * v for v in itertools.compress([x, 2.0], [x, 1])),
    "exception": catching,
    "isnan": lambda x: np.where(np.isnan(q := quotient(x)), 6, q)[()],
    "nan_to_num": lambda x: np.nan_to_num(quotient(x), nan=6.0)[()],
    "where isin": lambda x: np.where(np.isin(x, [0.0]), 0, 3 * x)[()],
    "store": storing,
    "nonzero indices": indexed,
    "astype mask": lambda x: np.sum(3 * np.array([x])[np.array([x]).astype(bool)]),
}  # fmt: skip


def replayed(f: Any) -> Any:
    slope = cr.jit(cr.grad(f))
    return [slope(x) for x in (0.5, 0.4, 0.3, 0.0)][-1]


WAYS: dict[str, Callable[[Any], Any]] = {
    "grad": lambda f: cr.grad(f)(0.0),
    "again and again": lambda f: [cr.grad(f)(0.0) for _ in range(5)],
    "jvp, then grad": lambda f: [cr.jvp(f, (0.0,), (1.0,))[1], cr.grad(f)(0.0)],
    "batch": lambda f: cr.vmap(cr.grad(f))(np.zeros(2)),
    "replay": replayed,
    "recorded there": lambda f: [s(0.0) for s in [cr.jit(cr.grad(f))] for _ in range(4)],
}
NAN_IN_A_BATCH = "a NumPy number divides by 0 without an exception"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.filterwarnings("ignore::chainrule.errors.EagerWarning", "ignore:.*encountered")
def test_a_question_that_is_so_at_the_point_alone(name: str, way: str) -> None:
    if (name, way) == ("exception", "batch"):
        pytest.skip(NAN_IN_A_BATCH)
    np.testing.assert_allclose(WAYS[way](PROGRAMS[name]), 3.0, atol=1e-6)


# --- some elements of an array --------------------------------------------------------------------


def guarded(x: Any, at: Any) -> Any:
    return np.where(at, 1.0, np.expm1(x) / np.where(at, 1.0, x))


def by_store(x: Any) -> Any:
    y = np.ones_like(x)
    y[x != 0] = np.expm1(x[x != 0]) / x[x != 0]
    return y


ARRAYS: dict[str, Callable[[Any], Any]] = {  # (exp x − 1)/x, with slope 0.5 at 0
    "equal": lambda x: guarded(x, x == 0),
    "not_equal": lambda x: guarded(x, ~(x != 0)),
    "near": lambda x: guarded(x, np.abs(x) < 1e-12),
    "square": lambda x: guarded(x, ~(x**2 > 0)),
    "neither": lambda x: guarded(x, ~((x < 0) | (x > 0))),
    "isclose": lambda x: guarded(x, np.isclose(x, 0)),
    "isin": lambda x: guarded(x, np.isin(x, [0.0])),
    "sign": lambda x: guarded(x, np.sign(x) == 0),
    "logical_not": lambda x: guarded(x, np.logical_not(x)),
    "astype": lambda x: guarded(x, ~x.astype(bool)),
    "store": by_store,
    "divide where": lambda x: np.divide(np.expm1(x), x, where=x != 0, out=np.ones_like(x)),
    "a loop": lambda x: np.array([math.expm1(v) / v if v else 1.0 for v in x]),
}
POINTS = [np.array(p) for p in ([0.0], [0.0, 0.0], [0.0, 1.0], [-1.0, 0.0, 2.0, 0.0])]


def slope(x: Any) -> Any:
    s = np.where(x == 0, 1.0, x)
    return np.where(x == 0, 0.5, (np.exp(s) * (s - 1) + 1) / s**2)


ARRAY_WAYS: dict[str, Callable[[Any, Any], Any]] = {
    "grad": lambda f, x: cr.grad(lambda x: np.sum(f(x)))(x),
    "jacobian": lambda f, x: np.diag(cr.jacobian(f)(x)),
    "jacfwd": lambda f, x: np.diag(cr.jacfwd(f)(x)),
    "sparse": lambda f, x: cr.jacobian(f, sparse=True)(x).toarray().diagonal(),
}


@pytest.mark.parametrize("way", ARRAY_WAYS)
@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.filterwarnings("ignore:.*encountered")
def test_some_elements_are_enough(name: str, way: str) -> None:
    for x in POINTS:
        np.testing.assert_allclose(ARRAY_WAYS[way](ARRAYS[name], x), slope(x), atol=1e-6)


@pytest.mark.parametrize("name", [n for n in ARRAYS if n not in ("store", "a loop")])
@pytest.mark.filterwarnings("ignore:.*encountered")
def test_each_example_of_a_batch_for_itself(name: str) -> None:
    x = np.array([[0.0, 1.0], [1.0, 2.0], [-1.0, 0.0]])
    got = cr.vmap(cr.grad(lambda x: np.sum(ARRAYS[name](x))))(x)
    np.testing.assert_allclose(got, slope(x), atol=1e-6)


@pytest.mark.parametrize("name", [n for n in ARRAYS if n not in ("store", "a loop", "neither")])
@pytest.mark.filterwarnings("ignore:.*encountered")
def test_recordings_of_batches_and_arrays_are_guarded(name: str) -> None:
    slopes = cr.jit(cr.vmap(cr.grad(lambda x: np.sum(ARRAYS[name](x)))))
    row = cr.jit(cr.grad(lambda x: np.sum(ARRAYS[name](x))))
    for first in (0.5, 0.4, 0.3, 0.0, 0.2, 0.0):
        x = np.array([[first, 1.0], [2.0, 3.0]])
        np.testing.assert_allclose(slopes(x), slope(x), atol=1e-6)
        np.testing.assert_allclose(row(x[0]), slope(x[0]), atol=1e-6)


def test_derivatives_of_higher_order() -> None:
    def by(question: Any) -> Any:
        return lambda x: 6.0 if question(x) else 6 * math.expm1(x) / x

    for f in (*map(by, QUESTIONS.values()), PROGRAMS["exception"]):
        with warnings.catch_warnings():
            warnings.simplefilter("error", KinkWarning)
            found = [cr.grad(cr.grad(f))(0.0), cr.derivative(f, 2)(0.0), cr.hessian(f)(0.0)]
        np.testing.assert_allclose(found, 2.0, atol=1e-6)


def rotated(r: Any) -> Any:
    p = np.array([1.0, 2.0, 3.0])
    if not r.any():
        return p
    angle = np.linalg.norm(r)
    k = r / angle
    return (p * np.cos(angle) + np.cross(k, p) * np.sin(angle)
            + k * np.dot(k, p) * (1 - np.cos(angle)))  # fmt: skip


def test_a_rotation_by_no_angle() -> None:
    want = np.array([[0.0, 3.0, -2.0], [-3.0, 0.0, 1.0], [2.0, -1.0, 0.0]])
    np.testing.assert_allclose(cr.jacobian(rotated)(np.zeros(3)), want, atol=1e-6)


# --- what is no such question ---------------------------------------------------------------------

KINKS: dict[str, tuple[Callable[[Any], Any], list[float]]] = {  # at [0, 1, −1, 0, 2]
    "relu": (lambda x: np.where(x > 0, x, 0), [0, 1, 0, 0, 1]),
    "leaky": (lambda x: np.where(x >= 0, x, 0.1 * x), [1, 1, 0.1, 1, 1]),
    "abs": (lambda x: np.where(x == 0, 0, np.abs(x)), [0, 1, -1, 0, 1]),
    "left out": (lambda x: np.where(x > 0, np.sqrt(x), 0), [0, 0.5, 0, 0, 0.5 / 2**0.5]),
    "special relu": (lambda x: np.where(x == 0, 0, np.maximum(x, 0)), [0, 1, 0, 0, 1]),
    "maximum": (lambda x: np.maximum(x, 0), [0.5, 1, 0, 0.5, 1]),
}


@pytest.mark.parametrize("name", KINKS)
@pytest.mark.filterwarnings("ignore:.*encountered")
def test_kinks_keep_what_they_had(name: str) -> None:
    f, want = KINKS[name]
    x = np.array([0.0, 1.0, -1.0, 0.0, 2.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error", KinkWarning)
        np.testing.assert_array_equal(cr.grad(lambda x: np.sum(f(x)))(x), want)
        np.testing.assert_array_equal(cr.jacfwd(lambda x: f(x))(x), np.diag(want))
        np.testing.assert_array_equal(cr.vmap(cr.grad(lambda v: f(v)[()]))(x), want)


def test_what_is_no_slope_of_any_side_is_told() -> None:
    f = lambda x: np.sum(np.where(x < 0, 2 * x, 0) + np.where(x > 0, 3 * x, 0))  # noqa: E731
    with pytest.warns(KinkWarning, match="2 and 3 on two sides"):
        cr.grad(f)(np.array([0.0, 1.0, -1.0]))


NEITHER = [  # 3·x at 0 alone, and x² beside it, which has no kink there
    lambda x: 3 * x if not x > 0 and not x < 0 else x**2,
    lambda x: 3 * x if not (x > 0 or x < 0) else x**2,
    lambda x: 3 * x if x >= 0 and x <= 0 else x**2,
    lambda x: np.where(np.logical_or(x > 0, x < 0), x**2, 3 * x),
    lambda x: np.where(abs(x) > 0, x**2, 3 * x),
    lambda x: np.sum(np.where(np.abs(x * np.ones(3)) > 0, x**2, x)),
]


@pytest.mark.parametrize("f", NEITHER)
def test_an_even_function_beside_the_point(f: Callable[[Any], Any]) -> None:
    assert cr.grad(f)(0.0) == pytest.approx(0.0, abs=1e-9)
    assert cr.jvp(f, (0.0,), (1.0,))[1] == pytest.approx(0.0, abs=1e-9)
    np.testing.assert_allclose(cr.vmap(cr.grad(f))(np.zeros(2)), 0.0, atol=1e-9)
    np.testing.assert_allclose(cr.vmap(cr.grad(f))(np.array([0.0])), 0.0, atol=1e-9)


@pytest.mark.parametrize("asked", [lambda x: not x, lambda x: not bool(x), lambda x: x == 0])
def test_a_batch_inside(asked: Callable[[Any], Any]) -> None:
    inner = cr.vmap(lambda x: 3 * x if asked(x) else x**2)
    np.testing.assert_allclose(cr.grad(lambda z: np.sum(inner(z)))(np.zeros(2)), 0, atol=1e-9)
    np.testing.assert_allclose(cr.jacobian(inner)(np.zeros(2)), 0, atol=1e-9)
    np.testing.assert_allclose(cr.jacfwd(inner)(np.array([0.5, -1.0])), [[1, 0], [0, -2]])


def test_a_batch_inside_that_cannot_be_taken_beside_the_point_is_told() -> None:
    inner = cr.vmap(lambda x: 3 * x if int(x) == x else x**2)
    with pytest.warns(UncheckedWarning, match="the examples of a batch part"):
        cr.grad(lambda z: np.sum(inner(z)))(np.zeros(2))


@pytest.mark.parametrize("seed", range(6))
def test_zero_weights_of_a_network_are_an_ordinary_point(seed: int) -> None:
    """Each unit stands at its kink, and the branch that ran is the policy: nothing is told."""
    data = np.random.default_rng(seed).normal(size=(20, 5))
    target = np.random.default_rng(seed + 100).normal(size=20)
    losses = {
        "mask": lambda w: np.sum((data @ w) * ((data @ w) > 0)),
        "where": lambda w: np.sum(np.where(data @ w > 0, data @ w, 0)),
        "squares": lambda w: np.mean((np.where(data @ w > 0, data @ w, 0) - target) ** 2),
        "hinge": lambda w: np.mean(np.where(target * (data @ w) > 0, target * (data @ w), 0) ** 2),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for loss in losses.values():
            np.testing.assert_array_equal(cr.grad(loss)(np.zeros(5)), np.zeros(5))


@pytest.mark.parametrize("asked", ["isinf", "isposinf", "isfinite"])
def test_infinities_at_the_point_alone(asked: str) -> None:
    def f(x: Any) -> Any:
        y = 1 / abs(x)
        at = getattr(np, asked)(y)
        return np.sum(np.where(~at if asked == "isfinite" else at, 0.0, x * abs(x) * y))

    with np.errstate(all="ignore"):
        found = cr.grad(f)(np.array([0.0, 2.0]))
    np.testing.assert_allclose(found, [1.0, 1.0], rtol=1e-7)


def test_the_stream_of_python_stays_where_it_was() -> None:
    def f(x: Any) -> Any:
        return (1.0 if x == 0 else math.expm1(x) / x) + 0 * random.random()

    random.seed(1)
    random.random()
    expected = random.random()
    random.seed(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cr.grad(f)(0.0)
    assert random.random() == expected


def test_a_crossing_on_a_grid_of_steps_has_its_second_derivative() -> None:
    """It is smooth in small pieces; longer steps meet another slope, which is told."""

    def crossing(current: Any) -> Any:
        v, t = 0.0, 0.0
        while True:
            new = v + 0.05 * (current - v) / 20
            if new >= 1.0:
                return t + 0.05 * (1.0 - v) / (new - v)
            v, t = new, t + 0.05

    with pytest.warns(UncheckedWarning, match="in small pieces"):
        found = cr.hessian(crossing)(1.4)
    slope = cr.grad(crossing)
    np.testing.assert_allclose(found, (slope(1.4 + 1e-6) - slope(1.4 - 1e-6)) / 2e-6, rtol=1e-6)


def power(q: Any) -> Any:
    return (1 - q**5) / (1 - q)


def logarithmic(v: Any) -> Any:
    return (v[0] - v[1]) / np.log(v[0] / v[1])


R = np.random.default_rng(4)
LOW = np.outer(R.normal(size=2), R.normal(size=2))
WIDE: dict[str, tuple[Callable[[Any], Any], Any, Any]] = {  # within tolerances, at round numbers
    "isclose": (lambda q: 5.0 if np.isclose(q, 1) else power(q), 1.0, 10),
    "where isclose": (
        lambda q: np.where(np.isclose(q, 1), 5.0, (1 - q**5) / (1 - q + 1e-300))[()], 1.0, 10),
    "within": (lambda q: 5.0 if abs(q - 1) < 1e-5 else power(q), 1.0, 10),
    "two close": (
        lambda v: v[0] if np.isclose(v[0], v[1]) else logarithmic(v), [2.0, 2.0], [0.5, 0.5]),
    "two within": (lambda v: v[0] if abs(v[0] - v[1]) < 1e-9 else 3 * v[0] - 2, [1.0, 1.0], [3, 0]),
    "two within more": (
        lambda v: v[0] if abs(v[0] - v[1]) < 1e-6 else 3 * v[0] - 2, [1.0, 1.0], [3, 0]),
    "rank": (
        lambda a: a[0, 0] if np.linalg.matrix_rank(a) == 1 else 3 * a[0, 0] - 2 * LOW[0, 0],
        LOW, [[3, 0], [0, 0]]),
    "rank to a tolerance": (
        lambda a: a[0, 0] if np.linalg.matrix_rank(a, tol=1e-10) == 1 else 3 * a[0, 0] - 2,
        np.ones((2, 2)), [[3, 0], [0, 0]]),
    "singular": (
        lambda a: a[0, 0] if linalg.svdvals(a)[1] < 1e-10 else 3 * a[0, 0] - 2,
        np.ones((2, 2)), [[3, 0], [0, 0]]),
    "singular beside the largest": (
        lambda a: (lambda s, x: x if s[1] < 1e-10 * s[0] else 3 * x - 2)(
            linalg.svdvals(a), a[0, 0]),
        np.ones((2, 2)), [[3, 0], [0, 0]]),
    "condition": (
        lambda a: a[0, 0] if np.linalg.cond(a) > 1e12 else 3 * a[0, 0] - 2,
        np.ones((2, 2)), [[3, 0], [0, 0]]),
    "rank of a pseudo-inverse": (
        lambda a: a[0, 0] if linalg.pinv(a, return_rank=True)[1] < 2 else 3 * a[0, 0] - 2,
        np.ones((2, 2)), [[3, 0], [0, 0]]),
    "rank of a Hermitian one": (
        lambda a: a[0, 0] if linalg.pinvh(a, return_rank=True)[1] < 2 else 3 * a[0, 0] - 2,
        np.ones((2, 2)), [[3, 0], [0, 0]]),
    "a quotient": (lambda q: 5.0 if 1 / abs(np.float64(q - 1)) > 1e12 else power(q), 1.0, 10),
    "two within a share": (
        lambda v: v[0] if abs(v[0] - v[1]) < 1e-8 * v[0] else logarithmic(v), [2.0, 2.0],
        [0.5, 0.5]),
    "within rounding": (
        lambda v: v[0] if abs(v[1]) < np.finfo(float).eps * v[0] * 3 else 3 * v[0] - 4, [2.0, 0.0],
        [3, 0]),
    "plateau": (
        lambda x: x[1] if len(signal.argrelmax(x)[0]) == 0 else 3 * x[1] - 2 * x[2],
        [1.0, 2.0, 2.0, 1.0], [0, 3, -2, 0]),
    "rank of a solution": (
        lambda a: a[0, 0] if np.linalg.lstsq(a, np.ones(2))[2] == 1 else 3 * a[0, 0] - 2,
        np.ones((2, 2)), [[3, 0], [0, 0]]),
    "null space": (
        lambda a: a[0, 0] if linalg.null_space(a).shape[1] == 1 else 3 * a[0, 0] - 6,
        [[3.0, 1.0], [6.0, 2.0]], [[3, 0], [0, 0]]),
    "round": (lambda x: x if round(x, 2) == x else 3 * x - 4, 2.0, 3),
    "round to many": (lambda x: x if np.round(x, 12) == x else 3 * x - 4, 2.0, 3),
    "hundredths": (lambda x: x if int(x * 100) == x * 100 else 3 * x - 5, 2.5, 3),
    "no rest": (lambda x: x if (x * 100) % 1 == 0 else 3 * x - 0.5, 0.25, 3),
    "floor division": (lambda x: x if x // 1 == -(-x // 1) else 3 * x - 4, 2.0, 3),
    "floor": (lambda x: x if math.floor(x) == -math.floor(-x) else 3 * x - 4, 2.0, 3),
    "text": (lambda x: x if str(x) == "2.0" else 3 * x - 4, 2.0, 3),
    "whole number there": (lambda x: 1 if x == 1 else x**2, 1.0, 2),
    "whole number beside": (lambda x: x if x == 1 else 1, 1.0, 0),
}  # fmt: skip


@pytest.mark.parametrize("name", WIDE)
def test_a_tolerance_and_a_round_number_count_as_the_point(name: str) -> None:
    f, at, want = WIDE[name]
    at = np.asarray(at) if isinstance(at, list) else at
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        np.testing.assert_allclose(cr.grad(f)(at), want, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("f", [
    lambda x: max(0, x), lambda x: x if x > 0 else 0, lambda x: max(0, min(1, x)),
    lambda x: min(0, x) + 1,
])  # fmt: skip
def test_a_whole_number_on_one_side_of_a_kink_is_no_reason_to_warn(f: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert cr.grad(f)(0.0) in (0.0, 1.0)


@pytest.mark.parametrize(
    "other", [Fraction(10**400), Decimal("1e500"), Decimal("NaN"), np.longdouble(2)]
)
def test_a_number_that_no_float_holds_is_compared_as_in_a_plain_run(other: Any) -> None:
    assert cr.grad(lambda x: 3 * x if x == other else 2 * x)(1.0) == 2.0


def test_a_look_beside_the_point_warns_of_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        f = cr.grad(lambda v: v[0] * stats.spearmanr(v, np.arange(3.0))[0])
        tied = f(np.array([1.0, 1.0, 2.0]))
    assert np.isfinite(tied).all()


@pytest.mark.parametrize("sizes", [[1e308, 1e308, 1.0], [np.inf, -np.inf, 0.0], [np.inf, 1.0, 2.0]])
def test_a_comparison_of_huge_numbers_is_no_error_of_floating_point(sizes: list[float]) -> None:
    def f(x: Any) -> Any:
        y = np.array(sizes) * np.exp(x * 0)
        return np.sum(np.where(y > 0.5, x, 2 * x))

    with np.errstate(all="raise"):
        want = np.where(np.array(sizes) > 0.5, 1.0, 2.0)
        np.testing.assert_array_equal(cr.grad(f)(np.array([1.0, 2.0, 3.0])), want)


@pytest.mark.parametrize(("f", "at", "want"), [
    (lambda x: 1.0 if x == 1 else x**2, 1, 2.0),
    (lambda x: np.expm1(x) / x if x != 0 else 1.0, 0, 0.5),
    (lambda v: np.sum(np.where(v == 1, 1.0, v**2)), np.array([1, 2]), [2.0, 4.0]),
])  # fmt: skip
def test_whole_numbers_stand_at_a_point_like_others(f: Any, at: Any, want: Any) -> None:
    np.testing.assert_allclose(cr.grad(f)(at), want, rtol=1e-7)


@pytest.mark.parametrize("tolerance", [0.0, 1e-14, 1e-12, 1e-10, 1e-8, 1e-6])
@pytest.mark.parametrize(("f", "at", "want"), [
    (lambda t: lambda q: 5.0 if abs(q - 1) <= t else power(q), 1.0, 10.0),
    (lambda t: lambda v: v[0] if abs(v[0] - v[1]) <= t else logarithmic(v), [2.0, 2.0], [0.5, 0.5]),
    (lambda t: lambda x: 0.5 if abs(x) <= t else (1 - math.cos(x)) / x**2, 0.0, 0.0),
    (lambda t: lambda x: 2.0 if abs(x - 1) <= t else (x**2 - 1) / (x - 1), 1.0, 1.0),
])  # fmt: skip
def test_rounding_about_a_removable_gap_is_no_limit(
    f: Any, at: Any, want: Any, tolerance: float
) -> None:
    """Beside the gap the quotient rule gives another number, at rest, from 1e-8 on: of rounding."""
    found = cr.grad(f(tolerance))(np.asarray(at) if isinstance(at, list) else at)
    np.testing.assert_allclose(found, want, rtol=1e-6, atol=2e-7)


def slightly(u: Any) -> Any:
    return 1.0 if u == 0 else math.log1p(u) / u


class Remembers:
    x: Any = None

    def __call__(self, v: Any) -> Any:
        if self.x is None or np.any(v != self.x):
            self.x, self.u = v.copy(), math.sin(v[0])
        return self.u + 1e3 * v[1] ** 2


@pytest.mark.parametrize("size", [1.0, 1e3, 1e6, 1e9])
def test_a_small_slope_is_not_lost_beside_a_large_one(size: float) -> None:
    found = cr.grad(lambda v: size * v[0] ** 2 + slightly(v[1]))(np.array([1.0, 0.0]))
    np.testing.assert_allclose(found, [2 * size, -0.5], rtol=1e-6)
    found = cr.grad(lambda p: size * p["a"] + slightly(p["b"]))({"a": 1.0, "b": 0.0})
    np.testing.assert_allclose([found["a"], found["b"]], [size, -0.5], rtol=1e-6)


def test_a_special_value_whose_slope_is_nearly_right_is_one() -> None:
    assert cr.grad(lambda x: x if x == 1 else 1.01 * x - 0.01)(1.0) == pytest.approx(1.01, rel=1e-9)
    f = lambda T: T if T == 300.0 else T * (T / 300.0) ** 0.005  # noqa: E731
    assert cr.grad(f)(300.0) == pytest.approx(1.005, rel=1e-9)
    remembers = Remembers()
    remembers(np.array([0.5, 1.0]))
    found = cr.grad(remembers)(np.array([0.5, 1.0]))
    np.testing.assert_allclose(found, [math.cos(0.5), 2e3], rtol=1e-6)


@pytest.mark.parametrize("at", [0.5, 1.0, 3.0, 100.0])
@pytest.mark.parametrize("half", [1e-9, 1e-8, 1e-6])
def test_an_interval_about_the_point_is_a_tolerance(at: float, half: float) -> None:
    other = lambda x: math.log1p(x - at) / (x - at)  # noqa: E731
    for f in (
        lambda x: 1.0 if x > at - half and x < at + half else other(x),
        lambda x: 1.0 if at - half <= x <= at + half else other(x),
        lambda x: other(x) if x < at - half or x > at + half else 1.0,
    ):
        assert cr.grad(f)(at) == pytest.approx(-0.5, rel=1e-6)
