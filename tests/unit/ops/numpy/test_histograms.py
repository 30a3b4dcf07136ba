"""Histograms, quantiles of every method, sliding windows, and the functions of numpy.emath."""

import warnings

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ReadOnlyError, UnsupportedFunctionError

RNG = np.random.default_rng(4)
DATA, WEIGHTS = RNG.normal(size=40), RNG.uniform(0.2, 2.0, 40)
EDGES = np.array([-2.0, -0.7, 0.1, 0.4, 2.5])


def agrees(f, *xs, order=2):
    """Compare values with NumPy's, bit by bit, and derivatives with differences."""
    traced = cr.vjp(f, *xs)[0]
    for got, want in zip(_flat(traced), _flat(f(*xs)), strict=True):
        np.testing.assert_array_equal(got, want)
        assert np.asarray(got).dtype == np.asarray(want).dtype
    cr.check_grads(f, xs, order=order)


def _flat(out):
    return [a for part in out for a in _flat(part)] if isinstance(out, tuple | list) else [out]


# --- histograms -------------------------------------------------------------------------------


@pytest.mark.parametrize("bins", [5, EDGES, "auto", "fd"])
@pytest.mark.parametrize("density", [False, True])
def test_data_move_the_edges_and_weights_the_sums(bins, density):
    agrees(lambda x: np.histogram(x, bins, density=density)[0] * x[0], DATA)
    agrees(lambda x: np.histogram(x, bins)[1] * x[0], DATA)
    if not isinstance(bins, str):
        agrees(lambda w: np.histogram(DATA, bins, density=density, weights=w)[0], WEIGHTS)
        agrees(lambda w: np.histogram(DATA, bins, weights=w * (1 + 2j))[0], WEIGHTS)
        agrees(lambda x, w: np.histogram(x, bins, (-1.0, 2.0), density, w)[0], DATA, WEIGHTS)


def test_edges_given_by_the_program():
    agrees(lambda e: np.histogram(DATA, e, density=True)[0], EDGES)
    agrees(lambda r: np.histogram(DATA + 0 * r[0], 4, (r[0], r[1]), True)[0], EDGES[[0, 4]])
    agrees(lambda x: np.histogram_bin_edges(x, "sturges"), DATA)
    agrees(lambda x: np.histogram(x * 0 + x[0], 3)[1], DATA)


def test_data_on_edges_are_counted_as_numpy_counts():
    x = np.array([0.0, 0.5, 0.5, 1.0, 1.5, 2.0, 2.0, 3.0, -1.0])
    w = np.arange(1.0, 10.0)
    for bins in (4, [0.0, 0.5, 1.0, 2.0]):
        agrees(lambda w, b=bins: np.histogram(x, b, (0.0, 2.0), weights=w)[0], w)
        agrees(lambda w, b=bins: np.histogram2d(x, x[::-1], [b, b], weights=w)[0], w)


def test_more_dimensions():
    y = DATA[::-1] ** 2
    agrees(lambda x, y: np.histogram2d(x, y, 4, density=True), DATA, y)
    agrees(lambda w: np.histogram2d(DATA, y, [3, EDGES], weights=w, density=True), WEIGHTS)
    agrees(lambda w: np.histogramdd((DATA, y, DATA), 2, weights=w)[0], WEIGHTS)
    agrees(lambda x: np.histogramdd(x, (2, 3), ((-1.0, 1.0), None))[1], np.stack([DATA, y], 1))
    with pytest.raises(ValueError, match="same length"):
        cr.vjp(lambda x: np.histogram2d(x, y[:3]), DATA)
    with pytest.raises(ValueError, match="same shape"):
        cr.vjp(lambda w: np.histogram(DATA, weights=w[:3]), WEIGHTS)
    with pytest.raises(TypeError, match="complex"):
        cr.vjp(lambda x: np.histogram(x * 1j, 3), DATA)


# --- quantiles --------------------------------------------------------------------------------

METHODS = [
    "inverted_cdf", "averaged_inverted_cdf", "closest_observation", "interpolated_inverted_cdf",
    "hazen", "weibull", "linear", "median_unbiased", "normal_unbiased", "lower", "higher",
    "midpoint", "nearest",
]  # fmt: skip
X = RNG.normal(size=(4, 5))
HOLED = np.where(RNG.uniform(size=(4, 5)) < 0.3, np.nan, X)
QS = np.array([0.0, 0.13, 0.25, 0.5, 0.77, 1.0])


@pytest.mark.parametrize("method", METHODS)
def test_quantiles_of_every_method(method):
    agrees(lambda x: np.quantile(x, QS, axis=1, method=method), X)
    agrees(lambda x: np.percentile(x, 30, axis=(0, 1), method=method, keepdims=True), X)
    agrees(lambda x: np.nanquantile(x, QS, axis=0, method=method), X)
    hole = np.isnan(HOLED)
    for q in (QS, 0.4):
        agrees(lambda x, q=q: np.nanquantile(np.where(hole, np.nan, x), q, 1, method=method), X)
        agrees(lambda x, q=q: np.nanpercentile(np.where(hole, np.nan, x), q, method=method), X)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_quantiles_keep_numpys_dtype(dtype):
    x = HOLED.astype(dtype)
    for q in (0.3, np.float32(0.3), np.array([0.3, 0.6]), np.array([0.3], np.float32)):
        for function in (np.nanquantile, np.quantile):
            got = cr.jvp(lambda x, f=function, q=q: f(x, q, axis=0), (x,), (x * 0,))[0]
            want = function(x, q, axis=0)
            assert got.dtype == want.dtype
            np.testing.assert_array_equal(got, want)


def test_weighted_quantiles_choose_an_element():
    w = RNG.uniform(size=(4, 5))
    w[0, 2] = w[3, 0] = 0.0
    for q in (QS, 0.4):
        agrees(lambda x, q=q: np.quantile(x, q, 1, method="inverted_cdf", weights=w), X)
        agrees(lambda x, q=q: np.quantile(x, q, 1, method="inverted_cdf", weights=w[0]), X)
        agrees(lambda x, q=q: np.nanquantile(x, q, method="inverted_cdf", weights=w), X)
    assert not cr.grad(lambda w: np.quantile(X, 0.3, method="inverted_cdf", weights=w))(w).any()
    with pytest.raises(ValueError, match="inverted_cdf"):
        cr.vjp(lambda x: np.quantile(x, 0.3, weights=w), X)
    with pytest.raises(ValueError, match="valid method"):
        cr.vjp(lambda x: np.quantile(x, 0.3, method="nosuch"), X)


def test_quantiles_of_nothing_but_nan():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        y, pull = cr.vjp(lambda x: np.nanquantile(np.where(X > 9, x, np.nan), 0.5, axis=1), X)
    assert np.isnan(y).all()
    assert not np.nan_to_num(pull(np.ones(4))).any()


# --- windows ----------------------------------------------------------------------------------


def test_windows_slide():
    slide = np.lib.stride_tricks.sliding_window_view
    agrees(lambda x: slide(x, 3, axis=1), X)
    agrees(lambda x: slide(x, (2, 2)).mean((2, 3)), X)
    agrees(lambda x: slide(x[0], 2).max(-1), X)

    def stored(x):
        y = x * 1.0
        w = slide(y, 2, axis=1)
        y[0, 1] = y[0, 0] ** 2  # the windows are views: they see it
        return w * x[0, 0]

    agrees(stored, X)
    with pytest.raises(ReadOnlyError):
        cr.vjp(lambda x: slide(x, 2, axis=1).__setitem__(0, 1.0), X)
    with pytest.raises(UnsupportedFunctionError, match="overlap"):
        cr.vjp(lambda x: slide(x, 2, axis=1, writeable=True), X)


def test_strides():
    strided = np.lib.stride_tricks.as_strided
    agrees(lambda x: strided(x[0] * 1.0, (3, 3), (8, 8)), X)
    agrees(lambda x: strided(x, (3,), (48,)), X)
    with pytest.raises(UnsupportedFunctionError, match="outside"):
        cr.vjp(lambda x: strided(x, (30,), (8,)), X)
    with pytest.raises(UnsupportedFunctionError, match="contiguous"):
        cr.vjp(lambda x: strided(x.T, (3,), (8,)), X)


def test_kaiser_and_its_bessel_function():
    agrees(lambda b: np.kaiser(7, b), np.float64(8.6))
    agrees(lambda b: np.kaiser(1, b) * b, np.float64(8.6))
    agrees(np.i0, X, order=3)
    assert cr.vjp(lambda b: np.kaiser(0, b) * b, 1.0)[0].shape == (0,)


# --- emath, sets, qr ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "f", [np.emath.sqrt, np.emath.log, np.emath.log10, lambda x: np.emath.power(x, 1.5)]
)
def test_emath_goes_over_to_complex_numbers(f):
    agrees(f, np.array([0.5, 2.0]))
    agrees(lambda x: np.imag(f(x)) + np.real(f(x)), np.array([-0.5, 2.0]))


def test_sets_return_elements():
    x = np.array([0.3, 1.0, 2.0, 0.7])
    agrees(lambda x: np.setdiff1d(x, [0.9, 5.0]), x)
    agrees(lambda x: np.intersect1d(x, x[:3])[:1] * x[3], x)
    agrees(lambda x: np.union1d(x[:2], x[2:] * 3), x)
    agrees(lambda x: np.setxor1d(x[:2], x[2:] * 3), x)


def test_broadcast_walks_over_traced_elements():
    def f(x, y):
        b = np.broadcast(x, y)
        assert (b.shape, b.ndim, b.size, b.numiter) == ((2, 3), 2, 6, 2)
        return sum(u * v**2 for u, v in b)

    agrees(f, np.array([[0.4], [1.3]]), np.array([0.3, 0.5, -0.2]))


def test_printing_asks_for_plain_values():
    said = []

    def f(x):
        said.append((np.array2string(x), np.array_repr(x), np.array_str(x)))
        return np.sum(x)

    cr.grad(cr.grad(lambda t: f(X[0] * t) ** 2))(1.0)
    assert said[0] == (np.array2string(X[0]), np.array_repr(X[0]), np.array_str(X[0]))


def test_indices_stay_plain_at_every_order():
    def f(x):
        i, j = np.unravel_index(np.argmax(x), x.shape)
        k = np.ravel_multi_index((i, j), x.shape)
        return x[i, j] ** 2 * x.ravel()[k]

    agrees(f, X)
