"""Law: `out` by position is `out` by name, and both are the result."""

import inspect

import numpy as np
import pytest

import chainrule as cr

X = np.array([[0.3, 1.2, -0.7], [2.1, 0.4, 0.9]])
CALLS = {
    np.sum: (0, None), np.prod: (0, None), np.mean: (0, None), np.std: (0, None), np.var: (0, None),
    np.max: (0,), np.min: (0,), np.cumsum: (0, None), np.cumprod: (0, None), np.round: (1,),
    np.take: ([1, 0, 1], 1), np.clip: (0.0, 1.0), np.median: (0,), np.quantile: (0.3, 0),
    np.percentile: (30.0, 0), np.dot: (np.ones((3, 2)),), np.outer: (np.ones(2),),
    np.trace: (0, 0, 1, None), np.nansum: (0, None), np.nanmax: (0,), np.ptp: (0,),
}  # fmt: skip


def by_position(function, args, x):
    wanted = function(x, *args)
    place = list(inspect.signature(function).parameters).index("out")
    given = [x, *args]
    given += [None] * (place - len(given))
    buffer = np.zeros(np.shape(wanted))
    result = function(*given, buffer)
    return result + 0 * buffer, buffer


@pytest.mark.parametrize("function", CALLS, ids=lambda f: f.__name__)
def test_out_by_position(function):
    args = CALLS[function]
    plain = function(X, *args)
    for number in (0, 1):
        f = lambda x: by_position(function, args, x)[number]  # noqa: B023, E731
        assert np.array_equal(cr.vjp(f, X)[0], plain)
        assert np.allclose(cr.jacobian(f)(X), cr.jacobian(lambda x: function(x, *args))(X))


def test_methods_that_choose():
    for f in (
        lambda x: (x > 0.5).choose(x, x**2), lambda x: (x > 0.5).choose([x, x**2]),
        lambda x: np.choose(x > 0.5, (x, x**2)),
    ):  # fmt: skip
        assert np.array_equal(cr.vjp(f, X)[0], np.where(X > 0.5, X**2, X))
        assert np.allclose(cr.vmap(f)(X), np.where(X > 0.5, X**2, X))
        slope = cr.grad(lambda x: f(x).sum())(X)  # noqa: B023
        assert np.allclose(slope, np.where(X > 0.5, 2 * X, 1.0))
