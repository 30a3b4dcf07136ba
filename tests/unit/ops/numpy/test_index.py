"""Indexing read and written, sorting and order statistics: what the general laws cannot know."""

from inspect import signature

import numpy as np
import pytest
from tests import sequences

import chainrule as cr
from chainrule.core import registry
from chainrule.errors import IndeterminateWarning, UnsupportedFunctionError
from chainrule.modes.reverse import backward
from chainrule.tracing.recording import Recording
from chainrule.tracing.tracer import Tracer

X = np.array([[0.3, -1.2, 2.1, 0.7], [1.4, 0.2, -0.6, 1.1], [-0.9, 0.8, 0.5, -1.7]])
CUBE = np.sin(np.arange(24.0)).reshape(2, 3, 4)


def agrees(f, *xs, order=2):
    """Check the traced value against NumPy's, bit for bit, and the derivatives by differences."""
    plain = f(*[x.copy() for x in xs])
    traced, _ = cr.vjp(f, *xs)
    assert np.shape(plain) == np.shape(traced)
    assert plain.dtype == traced.dtype
    assert np.asarray(plain).tobytes() == np.asarray(traced).tobytes()
    cr.check_grads(lambda *a: np.sin(f(*a)), xs, order=order)


I = np.array  # noqa: E741
INDICES = [
    0, -1, (1, 2), slice(None), slice(None, None, -1), slice(3, None, -2), slice(5, 1), ...,
    (..., 1), (0, ..., slice(1, 3)), None, (slice(None), None, 1), (1, None, ..., None), (),
    [1, 0], [0, 0, 1], I([[1, 0], [1, 1]]), [-1], ([0, 1], [2, 0]), (slice(None), [2, 0, 2]),
    (..., [3, 3]), ([1], slice(None), [0, 2]), (slice(None), [0, 1], [1, 1]), (0, [0, 0]),
    (I([[0], [1]]), I([0, 2, 2])), CUBE > 0, (slice(None), CUBE[0] > 0), (CUBE[:, 0, 0] > -1, 0),
    (CUBE[:, 0, 0] > -1, ..., [0, 0]), True, False, (True, 0), I(1), (I(0), I(2)), np.int64(1),
    (np.int32(1), slice(0, 0)), [], I([], dtype=int), (0, 1, 2), (I(True), [0, 1]),
    (slice(None), slice(None), [True, False, True, True]), (slice(None, None, -1), 0, [0, 3]),
    *sequences.INDICES,
]  # fmt: skip


@pytest.mark.parametrize("index", INDICES, ids=sequences.name_of)
def test_every_form_of_index_reads(index):
    agrees(lambda x: x[index], CUBE)


@pytest.mark.parametrize("index", INDICES, ids=sequences.name_of)
def test_every_form_of_index_writes(index):
    part = np.asarray(CUBE[index])

    def scalar(x):
        y = x * x
        y[index] = x[0, 0, 0] * 2.0
        return y

    def whole(x, v):
        y = x * x
        y[index] = v
        y[index] *= 1.5
        return y

    agrees(scalar, CUBE)
    agrees(whole, CUBE, np.cos(np.arange(float(part.size))).reshape(part.shape)[()])


@pytest.mark.parametrize("index", INDICES, ids=sequences.name_of)
def test_every_form_of_index_adds_at(index):
    def f(x):
        y = x * x
        np.add.at(y, index, x[0, 0, 1] * 2.0)
        np.subtract.at(y, index, x[index])
        return y

    agrees(f, CUBE)


@pytest.mark.parametrize("index", sequences.INDICES, ids=sequences.name_of)
def test_every_form_of_index_is_that_of_each_example(index):
    def f(x):
        y = x * x
        y[index] += 2.0 * x[index]
        np.add.at(y, index, x[0, 0, 1])
        return y, x[index]

    batch = np.stack([CUBE, 1 - CUBE, CUBE * 2])
    together, rows = cr.vmap(f)(batch), [f(x) for x in batch]
    for k in (0, 1):
        assert np.array_equal(together[k], np.stack([row[k] for row in rows]))


def test_of_two_writes_to_one_place_the_last_wins():
    def f(x):
        y = x * 1.0
        y[1, [2, 0, 2, 2]] = x[0] ** 2
        y[[0, 0], 1:] = x[1:, 1:]
        return y

    agrees(f, X)
    gradient = cr.grad(lambda v: _written(v)[1])(np.array([1.0, 2.0, 3.0]))
    np.testing.assert_array_equal(gradient, [0.0, 0.0, 1.0])


def _written(v):
    y = v * 0.0
    y[[1, 1, 1]] = v
    return y


def test_leading_axes_of_length_one_may_be_stored():
    def f(x):
        y = x * 1.0
        y[0] = x[1:2] ** 2
        y[:, 0] = x[None, None, :, 1]
        return y

    agrees(f, X)


def test_indices_that_numpy_refuses():
    for index in (3, (0, 0, 0), [0, 9], 1.0, "a", (slice(None), [0, 1, 2], [0, 1])):
        with pytest.raises((IndexError, TypeError)):
            X[index]
        with pytest.raises((IndexError, TypeError)):
            cr.vjp(lambda x, index=index: x[index], X)
    with pytest.raises(ValueError, match="broadcast"):
        cr.vjp(lambda x: (x * 1.0).__setitem__(0, x[:, 0]), X)


def test_an_index_may_be_traced():
    """In a recording that keeps everything, an argsort is traced, and indexes what it sorts."""

    def f(x):
        order = np.argsort(x)
        assert isinstance(order, Tracer)
        y = x[order] * np.take(x, order[:1])
        y[order[0]] = x[order[1]] ** 2
        return y

    rec = Recording(keep=True)
    x = rec.input(X[0].copy())
    y = f(x)
    graph = rec.finish([x], [y])
    cotangents = {graph.outputs[0]: np.ones(4)}
    backward(graph.nodes, cotangents)
    order = np.argsort(X[0])

    def plain(x):
        y = x[order] * x[order[0]]
        y[order[0]] = x[order[1]] ** 2
        return np.sum(y)

    np.testing.assert_allclose(cotangents[graph.inputs[0]], cr.grad(plain)(X[0]), rtol=1e-14)
    assert {"argsort", "getitem", "setitem"} <= {n.op.name for n in graph.nodes if n.op}


# --- pieces of one array ------------------------------------------------------------------------


def total(x):
    s = 0.0
    for i in range(len(x)):
        s = s + x[i] * x[i] * x[len(x) - 1 - i]
    return s


def test_reading_element_by_element_makes_one_buffer(monkeypatch):
    made = []
    zeros = np.zeros

    def count(shape, *args, **kwargs):
        made.append(shape)
        return zeros(shape, *args, **kwargs)

    x = np.linspace(0.5, 1.5, 300)
    monkeypatch.setattr(np, "zeros", count)
    gradient = cr.grad(total)(x)
    assert made.count((300,)) <= 2
    monkeypatch.undo()
    np.testing.assert_allclose(gradient, 2 * x * x[::-1] + x[::-1] ** 2, rtol=1e-14)


def test_pieces_and_whole_readers_add_up():
    def f(x):
        s = np.sum(x * x)
        for i in range(3):
            s = s + np.sum(x[i : i + 2] ** 3) + x[i] + np.sum(x[[i, i, 0]] ** 2) + np.sum(np.sin(x))
        return s + np.sum(x[x > 0] ** 2) + np.sum(x[::-1][1] * x)

    cr.check_grads(f, (X[0],), order=3)
    cr.check_grads(total, (X[0],), order=3)


def test_pieces_reach_the_gradient_of_the_callers_cotangent_untouched():
    ct = np.ones(4)
    _, pull = cr.vjp(lambda x: (x[0] * x[1], x), X[0])
    (gradient,) = pull((np.float64(1.0), ct))
    np.testing.assert_array_equal(ct, np.ones(4))
    np.testing.assert_allclose(gradient, 1 + np.array([X[0, 1], X[0, 0], 0, 0]))


@pytest.mark.parametrize(
    "f",
    [lambda x: np.sum(x**0.5 - x**0.5 + x), lambda x: x[0] ** 0.5 - x[0] ** 0.5 + x[0] + x[1],
     lambda x: np.sum(x[[0, 0]] ** 0.5 * np.array([1, -1])) + np.sum(x)],
)  # fmt: skip
def test_infinite_contributions_of_both_signs_are_no_error_but_a_limit(f):
    with pytest.warns(IndeterminateWarning, match="infinities meet"):
        gradient = cr.grad(f)(np.array([0.0, 1.0]))
    np.testing.assert_allclose(gradient, [1.0, 1.0], rtol=1e-12)


def test_pieces_of_float32_and_complex_arrays():
    x = X[0].astype(np.float32)
    assert cr.grad(total)(x).dtype == np.float32
    z = X[0] + 1j * X[1]
    got = cr.grad(lambda z: np.real(z[0] * z[1] + z[0] ** 2))(z)
    np.testing.assert_allclose(got, [z[1] + 2 * z[0], z[0], 0, 0], rtol=1e-14)


# --- take and choose ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.take(x, [[1, 2], [2, 2]]),
        lambda x: np.take(x, [5, -13, 40], mode="wrap"),
        lambda x: np.take(x, [5, -1, 40], axis=1, mode="clip"),
        lambda x: np.take(x, -1, axis=0),
        lambda x: x.take([0, 0], axis=1),
        lambda x: np.take(X, [0, 0], axis=1) * x[:, :2],
        lambda x: np.take_along_axis(x, np.argsort(X, axis=0)[:2], axis=0),
        lambda x: np.take_along_axis(x, np.array([3, 3]), None),
        lambda x: np.compress([True, False, True], x, axis=0),
        lambda x: np.extract(X > 0.4, x),
        lambda x: np.choose(np.array([[0], [1], [0]]), [x, x[::-1] * 2]),
        lambda x: np.choose([0, 5, -1, 1], [x[0], 7.0], mode="wrap"),
        lambda x: np.select([X > 1, X > 0], [x, x * x], default=x[0]),
        lambda x: np.where(X > 0, x, [1.0, 2.0, 3.0, 4.0]),
        lambda x: np.where(x > 0, x, 0),
    ],
)
def test_taking(f):
    agrees(f, X)


def test_taking_refuses_what_numpy_refuses():
    for f in (
        lambda x: np.take(x, [12]),
        lambda x: np.take_along_axis(x, np.array([[4]]), 1),
        lambda x: np.take_along_axis(x, np.array([[0.0]]), 1),
    ):
        with pytest.raises(IndexError):
            cr.vjp(f, X)
    for f in (
        lambda x: np.take(x, [0], mode="nosuch"),
        lambda x: np.take(x, [0], axis=2),
        lambda x: np.choose([2, 0, 0, 0], [x[0], x[1]]),
        lambda x: np.select([], []),
        lambda x: np.select([X > 0], [x, x]),
    ):
        with pytest.raises(ValueError):  # noqa: PT011
            cr.vjp(f, X)
    with pytest.raises(TypeError, match="condlist"):
        cr.vjp(lambda x: np.select([X], [x]), X)


# --- order --------------------------------------------------------------------------------------

TIES = np.array([2.0, 1.0, 2.0, 3.0, 1.0])


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.sort(x, axis=None),
        lambda x: np.sort(x, axis=0, kind="stable"),
        lambda x: np.sort(x, stable=True),
        lambda x: np.partition(x, 2),
        lambda x: np.partition(x, (0, -1), axis=0),
        lambda x: np.partition(x, 5, axis=None),
        lambda x: np.median(x, axis=(0, 1)),
        lambda x: np.median(x[:, :3], axis=1),
        lambda x: np.unique(x),
        lambda x: np.unique(np.concatenate([x, x[:1]]), axis=0),
        lambda x: np.unique_values(x),
        lambda x: np.sort_complex(x[0]).real,
        lambda x: x.max(axis=1) - x.min(axis=1),
    ],
)
def test_ordering(f):
    agrees(f, X)


def test_a_slice_of_an_array_is_stored_into_another():
    """``a[1:] = a[:-1]`` has an instruction of its own since Python 3.12."""

    def f(x):
        y = x * 1.0
        y[1:] = y[:-1]
        y[:2] *= y[1:]
        return y

    agrees(f, X)


def test_sorting_methods_work_in_place():
    def f(x):
        y, z = x * 1.0, x * x
        y.sort(axis=0)
        z.partition(1)
        return np.concatenate([y, z])

    agrees(f, X)


@pytest.mark.skipif(
    "descending" not in signature(np.sort).parameters, reason="NumPy sorts downward since 2.5"
)
def test_sorting_downward():
    def f(x):
        y = x * 1.0
        y.sort(descending=True)
        rows = x[np.argsort(x[:, 0], descending=True)]
        return np.concatenate([y, np.sort(x, axis=0, descending=True), rows])

    agrees(f, X)


def test_ties_follow_the_element_that_sort_takes_and_share_in_unique():
    gradient = cr.grad(lambda x: np.sort(x, kind="stable")[0])(TIES)
    np.testing.assert_array_equal(gradient, [0, 1, 0, 0, 0])
    gradient = cr.grad(lambda x: np.sum(np.unique(x) * np.array([1.0, 2.0, 3.0])))(TIES)
    np.testing.assert_array_equal(gradient, [1, 0.5, 1, 3, 0.5])


def test_unique_returns_its_constants_too():
    def f(x):
        values, first, inverse, counts = np.unique(
            x, return_index=True, return_inverse=True, return_counts=True
        )
        want = np.unique(TIES, return_index=True, return_inverse=True, return_counts=True)
        for got, w in zip((first, inverse, counts), want[1:], strict=True):
            np.testing.assert_array_equal(got, w)
        return values[inverse] * counts[inverse]

    np.testing.assert_array_equal(cr.grad(lambda x: np.sum(f(x)))(TIES), [2, 2, 2, 1, 2])
    counted = np.unique_all(TIES)
    assert np.array_equal(cr.vjp(lambda x: np.unique_all(x)[0], TIES)[0], counted.values)


@pytest.mark.parametrize("x", [X[0], X[0, :3], X, np.array([1.0]), np.array([np.nan, 1.0, 2.0])])
def test_median_is_numpys(x):
    value, pull = cr.vjp(np.median, x)
    np.testing.assert_array_equal(value, np.median(x))
    assert pull(np.float64(1.0))[0].shape == x.shape


METHODS = [
    "linear", "lower", "higher", "midpoint", "nearest", "hazen", "weibull", "median_unbiased",
    "normal_unbiased", "interpolated_inverted_cdf",
]  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("q", [0.0, 0.05, 0.3, 0.5, 0.62, 0.97, 1.0, [0.1, 0.9], [[0.2], [0.8]]])
def test_quantiles_are_numpys(method, q):
    agrees(lambda x: np.quantile(x, q, axis=1, method=method), X, order=1)
    agrees(lambda x: np.percentile(x, np.multiply(q, 100), method=method), X, order=1)
    agrees(lambda x: np.quantile(x, q, method=method, keepdims=True), X.astype(np.float32), order=0)


def test_the_derivative_in_the_quantile_itself():
    agrees(lambda q: np.quantile(X[0], q), np.array([0.2, 0.7]))
    agrees(lambda x, q: np.quantile(x, q, axis=0), X, np.float64(0.3))


def test_quantiles_that_jump_and_weighted_ones():
    agrees(lambda x: np.quantile(x, [0.5, 0.3], method="inverted_cdf", axis=0), X)
    agrees(lambda x: np.quantile(x, 0.3, method="averaged_inverted_cdf"), X)
    weights = np.arange(1.0, 13.0)
    agrees(lambda x: np.quantile(x, 0.5, weights=weights, method="inverted_cdf"), X.ravel())


def test_quantiles_refuse():
    with pytest.raises(ValueError, match="range"):
        cr.vjp(lambda x: np.quantile(x, 1.5), X)
    with pytest.raises(ValueError, match="range"):
        cr.vjp(lambda x: np.percentile(x, -1), X)


def test_indices_and_counts_are_plain_constants():
    def f(x):
        for constant in (
            np.argsort(x), np.argmax(x, axis=1), np.argpartition(x, 2), np.nonzero(x > 0)[0],
            np.flatnonzero(x), np.argwhere(x > 1), np.where(x > 0)[1], np.searchsorted(X[0], x),
            np.lexsort((x[0], x[1])), x > 0,
        ):  # fmt: skip
            assert not isinstance(constant, Tracer)
        return np.sum(x[np.where(x > 0)] ** 2)

    np.testing.assert_allclose(cr.grad(f)(X), np.where(X > 0, 2 * X, 0))


def test_the_internal_ops_are_declared_constant():
    for name in ("last_writer", "partition_order", "unique_parts"):
        assert not registry.op_named(name).flows(0)



# --- by samples ---------------------------------------------------------------------------------

POINTS = np.array([-1.0, 0.0, 0.5, 2.0])


@pytest.mark.parametrize("x", [-2.0, -1.0, -0.3, 0.0, 0.2, 0.5, 1.9, 2.0, 3.0, np.nan])
def test_interpolation_is_numpys_everywhere(x):
    values = np.array([1.0, -2.0, 0.5, 4.0])
    for kwargs in ({}, {"left": 7.0, "right": -7.0}, {"period": 2.7}):
        value, pull = cr.vjp(lambda x, kw=kwargs: np.interp(x, POINTS, values, **kw), np.float64(x))
        np.testing.assert_array_equal(value, np.interp(x, POINTS, values, **kwargs))
        pull(np.float64(1.0))


def test_interpolation_at_the_kinks():
    values = np.array([1.0, -2.0, 0.5, 4.0])
    slope = cr.derivative(lambda x: np.interp(x, POINTS, values))
    assert slope(0.0) == 5.0
    assert slope(2.0) == 3.5 / 1.5
    assert slope(2.5) == slope(-1.5) == 0.0
    agrees(lambda x, p, v: np.interp(x, p, v), np.array([-0.3, 0.2, 1.7]), POINTS, values)


def test_functions_along_axes_and_piece_by_piece():
    agrees(lambda x: np.apply_along_axis(lambda r: np.outer(r, r), 1, x), X)
    agrees(lambda x: np.apply_along_axis(np.sum, 0, x), X)
    agrees(lambda x: np.piecewise(x, [X < 0, X > 1], [np.sin, lambda v: v * v, 3.0]), X)
    agrees(lambda x: np.piecewise(x[0, 0], X[0, 0] > 0, [np.exp, np.sin]), X)
    with pytest.raises(ValueError, match="functions are expected"):
        cr.vjp(lambda x: np.piecewise(x, [X < 0], [np.sin, np.cos, np.exp]), X)


def test_counts_with_traced_weights():
    agrees(lambda w: np.bincount([1, 3, 1, 0], w, minlength=6), X[0])
    with pytest.raises(UnsupportedFunctionError):
        cr.vjp(lambda x: np.bincount(x), X[0])


@pytest.mark.parametrize("ufunc", [np.add, np.subtract, np.multiply, np.maximum])
def test_at_of_plain_arrays_that_the_program_made(ufunc):
    base, seen = np.arange(6.0).reshape(2, 3), []

    def f(x):
        own = base.copy()
        y = np.square(np.ones((2, 3), int)) * 0.3
        ufunc.at(y, [1, 0, 1], own[1])
        ufunc.at(y, ([0, 0], [1, 1]), own[1, 2])
        seen.append(np.array(y))
        return np.sum(x) * y.sum()

    f(np.ones(2))
    assert np.array_equal(cr.grad(f)(np.ones(2)), np.full(2, seen[0].sum()))
    assert np.array_equal(*seen)
