"""FITPACK's curves of random data against differences of SciPy's functions, knots as SciPy's."""

import warnings

import numpy as np
import pytest
from scipy import interpolate as si

import chainrule as cr
from chainrule.errors import ChainRuleError
from chainrule.numeric import differences

SHARES = [0.0, 1e-5, 1e-3, 0.01, 0.1, 0.3, 1.0]  # of the number of points, for s


def data(seed):
    rng = np.random.default_rng(seed)
    n, k = int(rng.integers(8, 30)), int(rng.integers(1, 6))
    x = np.cumsum(rng.uniform(0.1, 1.0, n))
    y = np.sin(x) + rng.choice([0.1, 0.5]) * rng.standard_normal(n)
    w = rng.uniform(0.5, 2.0, n) if rng.random() < 0.5 else None
    return rng, x, y, w, k, rng.uniform(x[0], x[-1], 5)


def agrees(f, p, v):
    """Compare value, forward and reverse with SciPy's: the search is steep in what it looks for."""
    value, slope = cr.jvp(f, (p,), (v,))
    assert np.allclose(value, f(p), rtol=1e-12, atol=1e-13)
    want, error = differences(lambda h: np.asarray(f(p + h * v)), step=2e-5, rounds=6)
    assert np.all(abs(slope - want) <= 1e-6 * (1 + np.max(abs(want))) + 10 * error)
    weight = np.cos(np.arange(np.size(slope))).reshape(np.shape(slope))
    pulled = cr.grad(lambda p: np.sum(f(p) * weight))(p)
    assert np.allclose(np.sum(pulled * v), np.sum(weight * slope), rtol=1e-7, atol=1e-9)


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("share", SHARES)
def test_one_dimension(share, seed):
    rng, x, y, w, k, q = data([seed, SHARES.index(share)])
    s, v, fit = share * x.size, rng.standard_normal(x.size), si.UnivariateSpline
    low, high = q[:2]
    agrees(lambda y: fit(x, y, w, k=k, s=s)(q), y, v)
    agrees(lambda x: fit(x, y, w, k=k, s=s)(q), x, v)
    agrees(lambda x: si.splint(low, high + 9, si.splrep(x, y, w, k=k, s=s)), x, v)
    agrees(lambda y: si.splev(q, si.splrep(x, y, w, k=k, s=s), der=min(k - 1, 1)), y, v)
    if s:
        weights = np.ones(x.size) if w is None else w
        agrees(lambda w: fit(x, y, w, k=k, s=s).derivative(min(k - 1, 1))(q), weights, 0.1 * v)
        agrees(lambda s: fit(x, y, w, k=k, s=s).antiderivative()(q), s, s)
        agrees(lambda s: fit(x, y, w, k=k, s=s).integral(low, high), s, s)
        agrees(lambda y: fit(x, y, w, k=k, s=s).get_residual(), y, v)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("share", SHARES)
def test_several_dimensions(share, seed):
    rng, x, y, w, k, _ = data([seed, SHARES.index(share), 1])
    s, at = share * x.size, np.linspace(0.0, 1.0, 5)

    def curve(p, **parameters):
        tck, u = si.splprep([p, y + x, np.cos(x)], w=w, k=k, s=s, **parameters)
        return np.concatenate([*si.splev(at, tck), si.splint(0.1, 0.7, tck), u[::3], tck[0]])

    agrees(curve, x, rng.standard_normal(x.size))
    own = np.append(0.0, np.cumsum(rng.uniform(0.5, 1.5, x.size - 1)))
    own = own / own[-1]
    agrees(lambda u: curve(x, u=u, ub=-0.1, ue=1.2), own, 0.1 * rng.standard_normal(x.size))


@pytest.mark.parametrize("seed", range(4))
def test_knots_of_ones_own(seed):
    rng, x, y, w, k, q = data(seed)
    t = np.linspace(x[1] + 0.05, x[-2] - 0.05, 4)[1:3]
    v, least = rng.standard_normal(x.size), si.LSQUnivariateSpline
    ends = [x[0]] * (k + 1), [x[-1]] * (k + 1)
    whole = lambda t: np.concatenate([ends[0], t, ends[1]])  # noqa: E731
    agrees(lambda y: least(x, y, t, w, k=k)(q), y, v)
    agrees(lambda x: least(x, y, t, w, k=k)(q), x, v)
    agrees(lambda t: least(x, y, t, w, k=k)(q), t, v[:2])
    agrees(lambda t: si.splev(q, si.splrep(x, y, w, t=t, k=k)), t, v[:2])
    columns = lambda y: np.stack([y, y**2])  # noqa: E731
    agrees(lambda y: si.make_lsq_spline(x, columns(y), whole(t), k, w, axis=1)(q), y, v)
    agrees(lambda t: si.make_lsq_spline(x, y, whole(t), k, w)(q), t, v[:2])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("share", SHARES[1:])
def test_made_as_fitpack_does(share, seed):
    rng, x, y, w, k, q = data([seed, SHARES.index(share), 2])
    s, v, at = share * x.size, rng.standard_normal(x.size), np.linspace(0, 1, 5)
    fit = si.make_splrep
    agrees(lambda y: fit(x, y, w=w, k=k, s=s)(q), y, v)
    agrees(lambda x: fit(x, y, w=w, k=k, s=s)(q, min(k - 1, 1)), x, v)
    agrees(lambda s: fit(x, y, w=w, k=k, s=s, xb=x[0] - 1).antiderivative()(q), s, s)
    agrees(lambda x: si.make_splprep([x, y + x, np.cos(x)], w=w, k=k, s=s)[0](at), x, v)


def test_made_through_the_points():
    _, x, y, _, _, q = data(2)
    at, v = np.linspace(0, 1, 5), np.cos(y)
    agrees(lambda x: si.make_splrep(x, y, s=0)(q), x, v)
    agrees(lambda x: si.make_splprep([x, y + x], s=0)[0](at), x, v)


def test_what_a_spline_says_of_itself():
    _, x, y, _, _, _ = data(3)
    for part in ("get_coeffs", "get_knots", "get_residual"):
        f = lambda y, part=part: getattr(si.UnivariateSpline(x, y, s=2.0), part)()  # noqa: E731
        assert np.array_equal(cr.vjp(f, y)[0], f(y))
    full = lambda y: si.splrep(x, y, s=2.0, full_output=1)[1]  # noqa: E731
    agrees(full, y, np.cos(y))
    agrees(lambda x: si.UnivariateSpline(x, y, s=2.0).derivatives(x[3] + 0.1), x, np.cos(y))


def test_ends_that_move():
    rng, x, y, w, _, q = data(5)
    v = np.append(rng.standard_normal(2), 0.0)
    f = lambda e: si.UnivariateSpline(x, y, w, [e[0], e[1]], s=0.05)(q)  # noqa: E731
    agrees(f, np.array([x[0] - 0.5, x[-1] + 0.7]), v[:2])


def test_single_precision_is_fitted_in_double():
    _, x, y, w, _, q = data(5)
    y = y.astype(np.float32)
    f = lambda y: si.UnivariateSpline(x.astype(np.float32), y, w, s=0.3)(q)  # noqa: E731
    value, slope = cr.jvp(f, (y,), (np.cos(y),))
    wide = y.astype(np.float64)
    want = cr.jvp(f, (wide,), (np.cos(y).astype(np.float64),))
    assert np.array_equal(value, f(y))
    assert np.allclose(slope, want[1], rtol=1e-5, atol=1e-6)


def test_second_derivatives():
    rng, x, y, w, _, q = data(5)
    v = rng.standard_normal(x.size)
    f = lambda h: si.UnivariateSpline(x, y + h * v, w, s=0.3)(q)  # noqa: E731
    found = cr.derivative(cr.derivative(f))(0.0)
    want, error = differences(cr.derivative(f), step=2e-5, rounds=6)
    assert np.all(abs(found - want) <= 1e-5 * (1 + np.max(abs(want))) + 10 * error)


def test_integrals_beyond_ends_that_move():
    """The end of the spline is a formula in the knots also where an integral stops at it."""
    t, c = np.array([0, 0, 0, 0, 1, 2, 3, 3, 3, 3.0]), np.array([1, 2, -1, 0.5, 2, 1.0])
    v = np.array([1, 1, 1, 1, 0.3, 0.2, -0.5, -0.5, -0.5, -0.5])
    agrees(lambda t: si.BSpline(t, c, 3).integrate(-1, 5, extrapolate=False), t, v)


def test_the_smoothing_itself_has_no_slope_at_nothing():
    x = np.arange(6.0)
    with pytest.raises(ChainRuleError, match="s = 0"):
        cr.grad(lambda s: si.UnivariateSpline(x, x**2, s=s)(1.5))(0.0)


def test_points_that_repeat_are_refused_where_they_move():
    x = np.array([0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10.0])
    y = np.sin(3 * x)
    f = lambda x, y: si.UnivariateSpline(x, y, s=0.5)(1.5)  # noqa: E731
    agrees(lambda y: f(x, y), y, np.cos(x))
    with pytest.raises(ChainRuleError, match="repeat"):
        cr.grad(f)(x, y)
