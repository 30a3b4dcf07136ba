"""Statistics of groups of traced columns: values as pandas', derivatives by differences."""

import numpy as np
import pytest

import chainrule as cr

pd = pytest.importorskip("pandas")
pytestmark = pytest.mark.filterwarnings("ignore:All-NaN slice:RuntimeWarning")

KEYS = np.array([0, 1, 0, 1, 2, 0, 1, 2, 0, 3])
X = np.random.default_rng(0).normal(size=10) + 2
REDUCE = "sum prod mean var std sem min max median skew first last".split()
ALONG = ["cumsum", "cumprod", "cummin", "cummax"]


def weighted(found):
    values = found.to_numpy()
    weights = np.cos(np.arange(values.size)).reshape(values.shape)
    return np.nansum(values * weights)


def of_column(name, x):
    return weighted(getattr(pd.Series(x).groupby(KEYS), name)())


def with_gaps(name, x):
    return of_column(name, np.where(np.isin(np.arange(10), [3, 9]), np.nan, x))


def with_missing_keys(name, x):
    keys = np.where(np.arange(10) == 5, np.nan, KEYS)
    return weighted(getattr(pd.Series(x).groupby(keys), name)())


def of_frame(name, x):
    frame = pd.DataFrame({"key": KEYS, "a": x, "b": x**2})
    return weighted(getattr(frame.groupby("key")[["a", "b"]], name)())


@pytest.mark.parametrize("name", REDUCE + ALONG)
@pytest.mark.parametrize("make", [of_column, with_gaps, with_missing_keys, of_frame])
def test_statistics_of_groups(name, make):
    def f(x):
        return make(name, x)

    value, slope = cr.value_and_grad(f)(X)
    np.testing.assert_allclose(value, f(X), rtol=1e-13)  # pandas sums with compensation
    steps = [(f(X + 1e-5 * e) - f(X - 1e-5 * e)) / 2e-5 for e in np.eye(10)]
    np.testing.assert_allclose(slope, steps, atol=1e-9 * (1 + np.abs(slope).max()))
    np.testing.assert_allclose(cr.jacfwd(f)(X), slope, atol=1e-13 * (1 + np.abs(slope).max()))
    bend = cr.hessian(f)(X)
    sides = [(cr.grad(f)(X + 1e-5 * e) - cr.grad(f)(X - 1e-5 * e)) / 2e-5 for e in np.eye(10)]
    np.testing.assert_allclose(bend, sides, atol=1e-8 * (1 + np.abs(bend).max()))


@pytest.mark.parametrize("make", [
    lambda g: g.agg(["mean", "std"]), lambda g: g.agg("max"), lambda g: g.transform("std"),
    lambda g: g.var(ddof=0), lambda g: g.std(ddof=2), lambda g: g.sum(min_count=3),
    lambda g: g.apply(lambda s: (s**2).sum()), lambda g: g.describe()[["mean", "std"]],
])  # fmt: skip
def test_ways_to_ask(make):
    def f(x):
        return weighted(make(pd.DataFrame({"key": KEYS, "a": x}).groupby("key")["a"]))

    steps = [(f(X + 1e-5 * e) - f(X - 1e-5 * e)) / 2e-5 for e in np.eye(10)]
    np.testing.assert_allclose(cr.grad(f)(X), steps, atol=1e-8)


def test_resampled_by_days():
    days = pd.date_range("2020", periods=10)

    def f(x):
        return weighted(pd.Series(x, index=days).resample("3D").std())

    steps = [(f(X + 1e-5 * e) - f(X - 1e-5 * e)) / 2e-5 for e in np.eye(10)]
    np.testing.assert_allclose(cr.grad(f)(X), steps, atol=1e-8)
