"""Infinite slopes: structural zeros annihilate them, others are limits, and nothing is made up."""

import warnings

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import IndeterminateWarning, KinkWarning

from . import slopes

V = np.array([0.0, 4.0])
A = np.array([[1.0, 2.0], [3.0, 4.0]])
RNG = np.random.default_rng(0)
MASK = np.array([False, True])
QUIET = pytest.mark.filterwarnings("ignore:.*encountered:RuntimeWarning")
LIMIT = pytest.mark.filterwarnings("ignore::chainrule.errors.IndeterminateWarning")


def stored(x):
    y = np.log(x)
    y[0] = x[1]
    return y


def filled(x):
    y = np.zeros(2)
    np.sqrt(x, out=y, where=MASK)
    return y


# nothing flows where the choice went elsewhere: (program, where, its gradient)
STRUCTURAL = {
    "where": (lambda x: np.where(x > 0, np.sqrt(x), 0.0), V, [0, 0.25]),
    "a power in it": (lambda x: np.where(x > 0, np.sqrt(x) ** 2, 0.0), V - 1, [0, 1]),
    "select": (lambda x: np.select([x > 0], [np.log(x)], 0.0), V, [0, 0.25]),
    "piecewise": (lambda x: np.piecewise(x, [x > 0], [np.sqrt, lambda x: 2 * x]), V, [2, 0.25]),
    "choose": (lambda x: np.choose([0, 1], [x, np.sqrt(x)]), V, [1, 0.25]),
    "maximum": (lambda x: np.sqrt(np.maximum(x, 0.0)), V - 1, [0, 0.5 / np.sqrt(3)]),
    "clip": (lambda x: np.sqrt(np.clip(x, 0.0, 9.0)), V - 1, [0, 0.5 / np.sqrt(3)]),
    "maximum of slopes": (lambda x: np.maximum(np.sqrt(x), 1.0), V, [0, 0.25]),
    "nan_to_num": (lambda x: np.nan_to_num(x / x), V, [0, 0]),
    "nan_to_num, inf": (lambda x: np.nan_to_num(1 / x), V, [0, -1 / 16]),
    "nansum": (lambda x: np.nansum(np.sqrt(x - 1)), V, [0, 0.5 / np.sqrt(3)]),
    "mask": (lambda x: np.sqrt(x)[MASK], V, [0, 0.25]),
    "index": (lambda x: np.sqrt(x)[1], V, [0, 0.25]),
    "take": (lambda x: np.take(np.log(x), [1, 1]), V, [0, 0.5]),
    "max": (lambda x: np.max(np.sqrt(x)), V, [0, 0.25]),
    "sort": (lambda x: np.sort(np.sqrt(x))[-1:], V, [0, 0.25]),
    "sum where": (lambda x: np.sum(np.sqrt(x), where=MASK), V, [0, 0.25]),
    "factor of a mask": (lambda x: MASK * np.sqrt(x), V, [0, 0.25]),
    "triu": (lambda x: np.triu(np.outer(np.sqrt(x), [1.0, 1.0]), 1)[0] * 0, V, [0, 0]),
    "store": (stored, V, [0, 1.25]),
    "out, where": (filled, V, [0, 0.25]),
    "matmul": (lambda x: np.where(x[1] > 9, np.sum(A @ np.sqrt(x)), x[1]), V, [0, 1]),
    "rows of a matmul": (
        lambda x: np.where([[True], [False]], np.outer(x, x), np.outer(1 / x, x) @ A), V, [4.75, 0]
    ),
    "mask in a matmul": (lambda x: np.diag([0.0, 1.0]) @ np.sqrt(x), V, [0, 0.25]),
    "einsum": (lambda x: np.where(x > -1, x, np.einsum("ij,j->i", A, np.log(x))), V, [1, 1]),
    "solve": (lambda x: np.where(x > -1, x, np.linalg.solve(A, np.sqrt(x))), V, [1, 1]),
    "slogdet": (
        lambda x: np.where(x[1] > 9, np.linalg.slogdet(A.T @ A + np.diag(np.sqrt(x)))[1], x[1]),
        V, [0, 1],
    ),
    "norm": (lambda x: np.where(x[1] > 9, np.linalg.norm(np.sqrt(x) - 2), x[1]), V, [0, 1]),
    "cumsum": (lambda x: np.where(x > -1, x, np.cumsum(np.sqrt(x))), V, [1, 1]),
    "diff": (lambda x: np.where(x[1] > 9, np.diff(np.sqrt(x)), x[1:]), V, [0, 1]),
    "fft": (lambda x: np.where(x[1] > 9, np.abs(np.fft.fft(np.sqrt(x) - 3)), x), V, [1, 1]),
    "argument that never arrives": (lambda x: np.sum(x) + 0 * len(np.sqrt(x)), V, [1, 1]),
}  # fmt: skip


def total(f):
    return lambda x: np.sum(f(x))


@QUIET
@pytest.mark.parametrize("name", STRUCTURAL)
def test_structural_zeros_annihilate_in_every_mode(name):
    f, x, want = STRUCTURAL[name]
    g = total(f)
    gradient = cr.grad(g)(x)
    np.testing.assert_allclose(gradient, want, rtol=1e-12)
    np.testing.assert_allclose(cr.jacfwd(g)(x), gradient, rtol=1e-14)
    np.testing.assert_allclose(cr.jacrev(g)(x), gradient, rtol=1e-14)
    t = np.array([0.5, 2.0])
    np.testing.assert_allclose(cr.jvp(g, (x,), (t,))[1], gradient @ t, rtol=1e-12)
    assert np.isfinite(cr.hessian(g)(x)).all()
    assert np.isfinite(cr.hvp(g, x, t)).all()
    rows = cr.vmap(cr.grad(g))(np.stack([x, x + 1]))
    np.testing.assert_allclose(rows[0], gradient, rtol=1e-14)


def loglik(v):
    z, y = np.linspace(-1, 1, 12).reshape(6, 2), np.linspace(0.0, 2.0, 6)
    low = np.sqrt(v) * z
    s = np.eye(6) + low @ low.T
    return -0.5 * np.linalg.slogdet(s)[1] - 0.5 * y @ np.linalg.solve(s, y)


LIMITS = {
    "sqrt²": (lambda x: np.sqrt(x) ** 2, 0.0, 1.0),
    "arccos²": (lambda x: np.arccos(x) ** 2, 1.0, -2.0),
    "cbrt³": (lambda x: np.cbrt(x) ** 3, 0.0, 1.0),
    "cbrt of x³": (lambda x: np.cbrt(x**3), 0.0, 1.0),
    "x√x": (lambda x: x * np.sqrt(x), 0.0, 0.0),
    "exp log": (lambda x: np.exp(np.log(x)), 0.0, 1.0),
    "geometric mean": (lambda x: np.exp(np.sum(np.log(x))), np.array([0.0, 2, 3]), [6, 0, 0]),
    "dot of roots": (lambda x: np.sqrt(x) @ np.sqrt(x), V, [1, 1]),
    "einsum of roots": (lambda x: np.einsum("i,i->", np.sqrt(x), np.sqrt(x)), V, [1, 1]),
    "stored root": (lambda x: np.stack([np.sqrt(x), 1 + x]).prod() * np.sqrt(x), 0.0, 1.0),
    "∞ − ∞": (lambda x: np.sqrt(x) - np.sqrt(x) + x, 0.0, 1.0),
    "power": (lambda x: (x**0.25) ** 4, 0.0, 1.0),
}  # fmt: skip
LIMITS["loglik"] = (loglik, 0.0, cr.numeric.limit(
    lambda h: np.atleast_1d(cr.grad(loglik)(h)), 2.0**-52)[0][0])  # fmt: skip


@QUIET
@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize(
    "take",
    [cr.grad, cr.jacfwd, cr.jacrev, lambda f: lambda x: cr.value_and_grad(f)(x)[1],
     lambda f: lambda x: cr.vjp(f, x)[1](1.0)[0]],
    ids=["grad", "jacfwd", "jacrev", "value_and_grad", "vjp"],
)  # fmt: skip
def test_zeros_by_value_are_limits(name, take):
    f, x, want = LIMITS[name]
    with pytest.warns(IndeterminateWarning, match="limit"):
        np.testing.assert_allclose(take(f)(x), want, rtol=1e-8, atol=1e-10)


@QUIET
@pytest.mark.parametrize("name", LIMITS)
def test_forward_mode_takes_them_too(name):
    f, x, want = LIMITS[name]
    t = np.ones_like(x)
    with pytest.warns(IndeterminateWarning, match="limit"):
        tangent = cr.jvp(f, (x,), (t,))[1]
    np.testing.assert_allclose(tangent, np.sum(want), rtol=1e-8)
    with pytest.warns(IndeterminateWarning, match="limit"):
        tangent = cr.linearize(f, x)[1](t)
    np.testing.assert_allclose(tangent, np.sum(want), rtol=1e-8)


@QUIET
@LIMIT
def test_second_orders():
    f = lambda x: np.sqrt(x) ** 4  # noqa: E731
    for second in (cr.hessian(f), cr.derivative(f, 2), cr.grad(cr.grad(f)), cr.jacrev(cr.grad(f))):
        assert second(0.0) == pytest.approx(2, rel=1e-8)
    assert cr.hvp(f, 0.0, 1.0) == pytest.approx(2, rel=1e-8)
    value, slope = cr.value_and_grad(cr.grad(f))(0.0)
    assert value == pytest.approx(0, abs=1e-12)
    assert slope == pytest.approx(2, rel=1e-8)


@QUIET
def test_the_warning_names_op_line_and_factors():
    with pytest.warns(IndeterminateWarning) as found:
        cr.grad(lambda x: np.sqrt(x) ** 2)(0.0)
    (warning,) = found
    assert warning.filename == __file__
    text = str(warning.message)
    for part in ("sqrt", "np.sqrt(x)", "test_infinite_slopes.py", "0 and inf", "good to about"):
        assert part in text


@QUIET
@pytest.mark.parametrize(
    ("f", "x"),
    [(lambda x: np.sqrt(x**2), 0.0), (lambda x: np.sqrt(x) - 2 * np.sqrt(x), 0.0),
     (lambda x: np.sqrt(x) ** 2 * RNG.normal(), 0.0)],
)  # fmt: skip
def test_without_a_limit_it_is_nan_and_said(f, x):
    for run in (cr.grad(f), cr.jacfwd(f), lambda x: cr.jvp(f, (x,), (1.0,))[1]):
        with pytest.warns(IndeterminateWarning, match="NaN|random"):
            assert np.isnan(run(x))


@QUIET
@pytest.mark.parametrize("kink", [lambda x: np.sqrt(x * x), lambda x: np.sqrt(1 - np.cos(x)),
                                  lambda x: np.arccos(1 - x**2)])  # fmt: skip
def test_a_limit_beside_an_infinite_slope_is_no_mean_of_sides(kink):
    f = lambda x: np.arccosh(1 + x[1]) + kink(x[0])  # noqa: E731
    with pytest.warns(IndeterminateWarning):
        gradient = cr.grad(f)(np.zeros(2))
    assert np.isnan(gradient[0])
    assert gradient[1] == np.inf
    with pytest.warns(IndeterminateWarning, match="no limit was found;"):
        assert np.isnan(cr.grad(lambda x: kink(x[0]) + 0 * x[1])(np.zeros(2))[0])


@QUIET
@pytest.mark.parametrize(
    "f",
    [lambda x: np.prod(x**0.2), lambda x: np.exp(np.mean(np.log(x))), lambda x: np.prod(np.sqrt(x)),
     lambda x: 1 / np.sum(1 / x)],
)  # fmt: skip
@pytest.mark.parametrize("n", [2, 5])
def test_at_a_corner_of_the_domain_one_direction_is_none(f, n):
    """These slopes depend on the direction, and all but the directions into a corner leave it."""
    with pytest.warns(IndeterminateWarning):
        gradient = cr.grad(f)(np.zeros(n))
    assert np.isnan(gradient).all() or (gradient == 0).all()


@QUIET
@LIMIT
def test_ends_of_the_domain_on_all_sides():
    f = lambda x: np.sum(np.arccos(x) ** 2 * np.arccos(-x) ** 2)  # noqa: E731
    x = np.array([1.0, -1.0] * 5)
    np.testing.assert_allclose(cr.grad(f)(x), -2 * np.pi**2 * x, rtol=1e-8)
    f = lambda x: np.arccos(x[0]) ** 2 + np.sqrt(x[1]) ** 2 + np.arccos(-x[2]) ** 2  # noqa: E731
    np.testing.assert_allclose(cr.grad(f)(np.array([1.0, 0.0, -1.0])), [-2, 1, 2], rtol=1e-8)


@QUIET
def test_examples_of_a_batch_have_each_their_own_side():
    with pytest.warns(IndeterminateWarning):
        found = cr.vmap(cr.grad(lambda x: np.arccos(x) ** 2))(np.array([1.0, -0.5, 1.0]))
    middle = cr.grad(lambda x: np.arccos(x) ** 2)(-0.5)
    np.testing.assert_allclose(found, [-2, middle, -2], rtol=1e-8)


@QUIET
def test_a_value_that_is_nan_has_no_clean_derivative():
    f = lambda x: np.log(np.sqrt(x - 1)) * 0 + x  # noqa: E731
    for run in (
        lambda: cr.grad(lambda x: np.sum(f(x)))(np.zeros(2)),
        lambda: cr.jacobian(f)(np.zeros(2)),
        lambda: cr.jvp(f, (np.zeros(2),), (np.ones(2),)),
    ):
        with pytest.warns(IndeterminateWarning, match="value is NaN"):
            run()


def judge(got, want, told):
    """Say what a number is worth beside its limit."""
    if np.isnan(got):
        return "told" if told else "silent NaN"
    if np.isnan(want):
        return "unknown"
    if np.isinf(want):
        return "right" if got == want else "wrong"
    return "right" if abs(got - want) <= 1e-6 * (1 + abs(want)) else "wrong"


def examine(program, order, run):
    """Judge every number of a derivative of a random program."""
    x = np.array(program.point)
    with np.errstate(all="ignore"):
        if not np.isfinite(program.numpy(x)):
            return []
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            got = run(program.numpy)(x)
    told = any(issubclass(w.category, IndeterminateWarning | KinkWarning) for w in found)
    want = slopes.limits(program, order)
    return [judge(g, w, told) for g, w in zip(np.ravel(got), np.ravel(want), strict=True)]


@pytest.mark.seeds(8, 250)
def test_random_programs_of_infinite_slopes(block):
    """Right, or NaN and a warning; and most of them are right."""
    judged = []
    for seed in range(block * 12, block * 12 + 12):
        program = slopes.random_program(seed)
        for run, order in ((cr.grad, 1), (cr.jacfwd, 1), (cr.hessian, 2)):
            found = examine(program, order, run)
            assert not {"wrong", "silent NaN"} & set(found), (seed, program, run, found)
            judged += found
    assert judged.count("right") > 0.6 * len(judged)
