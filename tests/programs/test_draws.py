# ruff: noqa: NPY002
"""Random numbers inside a traced function: the stream is NumPy's, and parameters carry slopes."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import UnsupportedFunctionError

RNG = np.random.default_rng(11)


def again():
    """Start the stream of the module's generator anew."""
    RNG.bit_generator.state = np.random.default_rng(11).bit_generator.state


FAMILIES = [
    ("normal", (0.3, 1.7)), ("laplace", (0.3, 1.7)), ("logistic", (0.3, 1.7)),
    ("gumbel", (0.3, 1.7)), ("uniform", (-0.4, 2.0)), ("exponential", (1.7,)),
    ("rayleigh", (1.7,)), ("lognormal", (0.2, 0.6)), ("weibull", (1.4,)), ("pareto", (2.4,)),
    ("power", (1.9,)),
]  # fmt: skip


def by_generator(name, p, size):
    rng = np.random.default_rng(3)
    return getattr(rng, name)(*p, size=size)


def by_global_generator(name, p, size):
    again()
    return getattr(RNG, name)(*p, size=size)


def by_legacy(name, p, size):
    np.random.seed(5)
    return getattr(np.random, name)(*p, size)


def by_state(name, p, size):
    return getattr(np.random.RandomState(7), name)(*p, size)


SOURCES = [by_generator, by_global_generator, by_legacy, by_state]


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize(("name", "p"), FAMILIES, ids=[n for n, _ in FAMILIES])
@pytest.mark.parametrize("size", [None, 4, (2, 3)])
def test_parameters_carry_the_pathwise_derivative(source, name, p, size):
    p = np.array(p)
    draws, slopes = cr.jvp(lambda q: source(name, tuple(q), size), (p,), (np.ones(len(p)),))
    plain = source(name, tuple(p), size)
    assert np.allclose(draws, plain, rtol=1e-13, atol=1e-15)  # the same numbers of the stream
    h = 1e-6
    up, down = (source(name, tuple(p + s * h), size) for s in (1, -1))
    assert np.allclose(slopes, (up - down) / (2 * h), rtol=1e-6, atol=1e-8)


def test_gamma_in_its_scale_and_refused_in_its_shape():
    def f(scale):
        return np.random.default_rng(0).gamma(2.5, scale, size=3)

    assert np.allclose(cr.jacobian(f)(2.0), f(2.0) / 2.0)
    with pytest.raises(UnsupportedFunctionError, match="gamma"):
        cr.grad(lambda a: np.random.default_rng(0).gamma(a, 2.0))(2.5)


@pytest.mark.parametrize("name", ["poisson", "chisquare", "standard_t", "geometric"])
def test_counts_and_shapes_are_refused(name):
    with pytest.raises(UnsupportedFunctionError, match="stop_gradient"):
        cr.grad(lambda p: 1.0 * getattr(np.random.default_rng(0), name)(p))(0.7)


def test_draws_are_constants_and_take_stores():
    def f(x):
        noise = np.random.default_rng(0).normal(size=3)
        noise[1] = x
        return np.sum(noise * x)

    assert np.allclose(cr.grad(f)(2.0), np.random.default_rng(0).normal(size=3)[[0, 2]].sum() + 4)


@pytest.mark.parametrize("shape", [(7,), (5, 2), (4, 2, 2)])
@pytest.mark.parametrize("how", ["shuffle", "permutation", "choice", "permuted", "legacy"])
def test_rearranged_values_keep_their_slopes(shape, how):
    x = np.arange(1.0, 1.0 + np.prod(shape)).reshape(shape)
    w = np.cos(x)

    def f(x):
        rng = np.random.default_rng(4)
        y = np.copy(x)
        if how == "shuffle":
            rng.shuffle(y)
        elif how == "permutation":
            y = rng.permutation(y)
        elif how == "choice":
            y = rng.choice(y, size=len(y))
        elif how == "permuted":
            y = rng.permuted(y)
        else:
            np.random.seed(2)
            np.random.shuffle(y)
        return np.sum(y**2 * w)

    value, gradient = cr.value_and_grad(f)(x)
    assert value == pytest.approx(f(x), rel=1e-14)
    h = 1e-5
    for i in np.ndindex(shape):
        e = np.zeros(shape)
        e[i] = h
        assert gradient[i] == pytest.approx((f(x + e) - f(x - e)) / (2 * h), rel=1e-6, abs=1e-8)


def test_the_stream_goes_on_as_without_tracing():
    def f(x, rng):
        return rng.normal(x, 2.0) * rng.uniform(0.0, x) + rng.normal(size=2).sum()

    a, b = np.random.default_rng(8), np.random.default_rng(8)
    assert cr.value_and_grad(f)(1.5, a)[0] == pytest.approx(f(1.5, b), rel=1e-14)
    assert a.random() == b.random()
    assert type(a) is np.random.Generator


def test_recomputation_draws_the_same_numbers_for_all_examples_and_pullbacks():
    def f(x):
        return np.random.default_rng(0).normal(x, 1.0)

    out, pull = cr.vjp(f, 2.0)
    assert pull(1.0) == pull(1.0)
    assert out == f(2.0)
    batch = cr.vmap(lambda x: x * RNG.normal(), in_axes=0)
    again()
    scaled = batch(np.ones(3))
    again()
    assert np.array_equal(scaled, np.full(3, RNG.normal()))


class Experiment:
    """Holds a generator in an attribute."""

    def __init__(self):
        self.rng = np.random.default_rng(0)

    def shuffled(self, x):
        y = np.copy(x)
        self.rng.shuffle(y)
        return np.sum(y[0] ** 2)

    def noisy(self, x):
        return self.rng.normal(x, 1.0)


def test_a_generator_in_an_object_has_a_stand_in():
    for x in (np.arange(8.0).reshape(4, 2), np.arange(5.0)):
        value, slope = cr.value_and_grad(Experiment().shuffled)(x)
        assert value == Experiment().shuffled(x)
        assert np.array_equal(np.sum(slope * x), 2 * value)
    lab = Experiment()
    value, slope = cr.value_and_grad(lab.noisy)(1.0)
    assert (value, slope) == (Experiment().noisy(1.0), 1.0)
    assert type(lab.rng) is np.random.Generator
