"""Python's own control flow: branches, loops, recursion, closures, classes, generators."""

import dataclasses
import functools
import math
from typing import NamedTuple

import numpy as np
import pytest

import chainrule as cr
from chainrule.testing import check_grads


def branches(x):
    if x > 1:
        return x * x
    elif x > 0:
        return 3 * x
    return -x


@pytest.mark.parametrize(("x", "slope"), [(2.0, 4.0), (0.5, 3.0), (-1.0, -1.0)])
def test_a_branch_on_a_traced_value(x, slope):
    assert cr.grad(branches)(x) == slope
    assert cr.derivative(branches)(x) == slope


def test_while_until_a_traced_value_is_small():
    def halvings(x):
        while x > 1:
            x = x / 2
        return x

    assert cr.grad(halvings)(13.0) == 1 / 16
    assert cr.grad(halvings)(0.5) == 1.0


def test_recursion():
    def power(x, n):
        if n == 0:
            return x * 0 + 1
        half = power(x, n // 2)
        return half * half * (x if n % 2 else 1)

    assert math.isclose(cr.grad(power)(1.1, 13), 13 * 1.1**12, rel_tol=1e-13)


def test_a_deep_chain_needs_no_recursion():
    def chain(x):
        for _ in range(20_000):
            x = x * 1.0001
        return x

    assert math.isclose(cr.grad(chain)(1.0), 1.0001**20_000, rel_tol=1e-10)


def test_for_over_rows_enumerate_zip_sum_max_sorted():
    a = np.array([[1.0, 5.0], [4.0, 2.0], [3.0, 6.0]])

    def f(a):
        total = 0.0
        for i, (row, other) in enumerate(zip(a, a[::-1], strict=True)):
            total = total + (i + 1) * row @ other
        return total + sum(v for row in a for v in row) + max(a[0]) * sorted(a[1])[0]

    check_grads(f, (a,))


def test_closures_partial_lambda_default_star_and_keyword_arguments():
    k = 3.0
    f = functools.partial(lambda x, y, *rest, scale=1.0: scale * x * y**2 * k * rest[0], scale=2.0)
    assert cr.grad(f, argnums=(0, 1))(1.0, 2.0, 5.0) == (120.0, 120.0)


def test_classes_that_hold_traced_values():
    class Layer:
        def __init__(self, w):
            self.w = w

        def __call__(self, x):
            return np.tanh(self.w @ x)

        @property
        def size(self):
            return np.sum(self.w**2)

    def loss(w):
        layer = Layer(w)
        return np.sum(layer(layer(np.ones(3)))) + layer.size

    check_grads(loss, (np.random.default_rng(0).standard_normal((3, 3)) / 2,))


@dataclasses.dataclass
class State:
    position: object
    speed: object


class Pair(NamedTuple):
    a: object
    b: object


def test_parameters_in_containers_of_every_kind():
    tree = {
        "state": State(np.array([1.0, 2.0]), 3.0), "pair": Pair(4.0, [np.ones((2, 2)), (5.0,)]),
        "none": None,
    }  # fmt: skip

    def f(t):
        s, p = t["state"], t["pair"]
        return np.sum(s.position**2) * s.speed + p.a * np.sum(p.b[0]) * p.b[1][0]

    g = cr.grad(f)(tree)
    assert g["state"].position.tolist() == [6.0, 12.0]
    assert g["state"].speed == 5.0
    assert g["pair"].a == 20.0
    assert g["pair"].b[0].tolist() == [[20.0, 20.0], [20.0, 20.0]]
    assert g["pair"].b[1] == (16.0,)
    assert g["none"] is None
    check_grads(f, (tree,))


def test_generators_comprehensions_dicts_and_try():
    def pieces(x):
        for i in range(3):
            yield x[i] ** (i + 1)

    def f(x):
        table = dict(enumerate(pieces(x)))
        try:
            table[7]
        except KeyError:
            total = sum(table.values())
        with np.errstate(all="ignore"):
            return total * table.get(0, 1.0)

    check_grads(f, (np.array([1.0, 2.0, 3.0]),))


def test_an_ode_by_runge_kutta():
    """ẏ = −p·y from 1: y(1) = e^{−p}; the derivative is that of the discrete scheme."""

    def solve(p, n=50):
        y, h = p * 0 + 1.0, 1.0 / n
        rate = lambda y: -p * y  # noqa: E731
        for _ in range(n):
            a = rate(y)
            b = rate(y + h / 2 * a)
            c = rate(y + h / 2 * b)
            y = y + h / 6 * (a + 2 * b + 2 * c + rate(y + h * c))
        return y

    assert math.isclose(cr.grad(solve)(1.0), -math.exp(-1), rel_tol=1e-7)
    check_grads(lambda p: solve(p, 8), (1.0,), order=3)


def test_numerical_integration_interpolation_and_a_filter():
    x = np.linspace(0.1, 2.0, 9)

    def f(p):
        y = np.exp(-p[0] * x) * np.sin(p[1] * x)
        area = np.sum((y[1:] + y[:-1]) / 2 * np.diff(x))
        smooth = np.stack([y[i - 1] / 4 + y[i] / 2 + y[i + 1] / 4 for i in range(1, 8)])
        return area + np.sum(smooth**2)

    check_grads(f, (np.array([0.5, 2.0]),))


def test_a_network_with_adam_two_steps():
    rng = np.random.default_rng(1)
    data, target = rng.standard_normal((5, 3)), rng.standard_normal((5, 2))
    params = {"W": rng.standard_normal((3, 2)), "b": np.zeros(2)}

    def loss(p):
        return np.sum((np.tanh(data @ p["W"] + p["b"]) - target) ** 2) / 5

    check_grads(loss, (params,))

    def after_two(rate):
        p, m = params, {k: v * 0 for k, v in params.items()}
        for _ in range(2):
            g = cr.grad(loss)(p)
            m = {k: 0.9 * m[k] + 0.1 * g[k] for k in m}
            p = {k: p[k] - rate * m[k] for k in p}
        return loss(p)

    check_grads(after_two, (0.3,))


class Rates:
    """Keeps what it has computed by itself, as classes of models do."""

    def __init__(self, a):
        self.a = a

    @functools.lru_cache  # noqa: B019  that is what people write
    def rate(self):
        return float(np.exp(self.a))

    @functools.cache  # noqa: B019
    def table(self, k):
        out = np.zeros(2)
        out[0] = self.a * k
        return out.sum() + np.array([self.a, 2 * self.a]).sum() + self.rate()

    @functools.cached_property
    def square(self):
        return float(self.a**2) + self.rate()


def test_methods_with_a_cache():
    def f(a):
        rates = Rates(a)
        return rates.rate() + rates.table(2) * rates.table(2) + rates.square

    for a in (0.5, 0.7, 0.5):
        value, slope = cr.value_and_grad(f)(a)
        e, t = np.exp(a), 5 * a + np.exp(a)
        np.testing.assert_allclose([value, slope], [2 * e + t * t + a * a, 2 * e + 2 * t * (5 + e)
                                                    + 2 * a], rtol=1e-13)  # fmt: skip
        assert f(a) == value
