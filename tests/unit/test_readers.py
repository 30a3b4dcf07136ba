"""Columns of Jacobians visit what they depend on, and are those of the other mode."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.lift import record
from chainrule.modes.readers import Readers

X = np.linspace(0.2, 1.4, 6).reshape(2, 3)


def chain(x):
    total = 0.0
    for a, b in zip(x.ravel(), x.ravel()[1:], strict=False):
        total = total + np.sin(a) * b**2
    return np.stack([total, x[0, 1] * x[1].sum(), np.float64(2.0)])


def filled(x):
    y = np.zeros(6)
    y[0] = x[0, 0]
    for i in range(1, 6):
        y[i] = 0.9 * y[i - 1] + np.sin(x[divmod(i, 3)]) * x[:, 1].sum()
    return y


def picked(x):
    parts = x[1, ::-1], x[..., 0], x[[0, 0, 1], [2, 1, 0]], x[x > 0.5], x[None, 0, 1]
    return np.concatenate(parts)


@pytest.mark.parametrize("f", [chain, filled, picked])
def test_columns_are_those_of_reverse_mode(f):
    assert np.allclose(cr.jacfwd(f)(X), cr.jacrev(f)(X), rtol=1e-14, atol=1e-15)
    total = lambda x: np.sum(f(x) ** 2)  # noqa: E731
    assert np.allclose(cr.hessian(total)(X), cr.jacrev(cr.jacrev(total))(X), rtol=1e-13)


def test_columns_visit_what_they_depend_on():
    n = 40
    graph = record(lambda x: np.sin(x[0]) + sum(v**2 for v in x[1:]), (np.ones(n),), {}, 0)[1]
    (x,), readers = graph.inputs, Readers(graph)

    def visited(number):
        ts = {x: 1.0}
        count = 0
        for node in readers.active(x, number, ts):
            ts[node] = 1.0
            count += 1
        return count

    assert visited(0) < 2 * n
    unread = record(lambda x: x[0] * x[1] + 0 * len(x), (np.ones(n),), {}, 0)[1]
    assert list(Readers(unread).active(unread.inputs[0], 5, {})) == []


def test_an_infinite_slope_of_another_number_does_not_reach_a_column():
    f = lambda x: np.sqrt(x[0]) + x[1] ** 2  # noqa: E731
    with np.errstate(all="ignore"):
        assert np.array_equal(cr.jacfwd(f)(np.array([0.0, 3.0])), [np.inf, 6.0])
