"""Nothing is left behind: after exceptions, between calls, between threads."""

import concurrent.futures
import gc
import threading
import warnings
import weakref

import numpy as np
import pytest
import scipy.sparse as sp
from scipy import integrate, linalg, optimize, stats

import chainrule as cr
from chainrule.errors import LeakedTracerError


def f(x):
    y = x * 1.0
    y[1:] *= np.sin(x[:-1])
    if np.sum(y) > 0:
        y = y * 2
    return np.sum(y**2)


X = np.linspace(-1.0, 2.0, 7)


def test_eight_threads_give_what_one_gives():
    points = [X + i / 10 for i in range(64)]
    work = lambda x: (cr.value_and_grad(f)(x), cr.hvp(f, x, x), cr.jvp(f, (x,), (x,)))  # noqa: E731
    alone = [work(x) for x in points]
    start = threading.Barrier(8)

    def run(x):
        return work(x)

    with concurrent.futures.ThreadPoolExecutor(8, initializer=start.wait) as pool:
        together = list(pool.map(run, points))
    for a, b in zip(alone, together, strict=True):
        assert np.array_equal(a[0][1], b[0][1])
        assert np.array_equal(a[1], b[1])
        assert a[0][0] == b[0][0]
        assert a[2][1] == b[2][1]


def test_threads_inside_a_differentiated_function_do_not_disturb_it():
    def g(x):
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            inner = pool.submit(lambda: cr.grad(f)(X)).result()
        return np.sum(x * inner)

    assert np.array_equal(cr.grad(g)(X), cr.grad(f)(X))


class Stop(Exception):
    pass


@pytest.mark.parametrize("mode", [
    lambda g, x: cr.grad(g)(x), lambda g, x: cr.jvp(g, (x,), (x,)), lambda g, x: cr.vjp(g, x),
    lambda g, x: cr.hessian(g)(x), lambda g, x: cr.jacobian(g)(x), lambda g, x: cr.linearize(g, x),
    lambda g, x: cr.hvp(g, x, x),
])  # fmt: skip
def test_an_exception_passes_through_and_leaves_nothing(mode):
    before = cr.value_and_grad(f)(X)
    settings = np.geterr()

    def g(x):
        f(x)
        raise Stop

    for _ in range(3):
        with pytest.raises(Stop):
            mode(g, X)
    with pytest.raises(Stop):
        cr.grad(lambda x: np.sum(mode(g, x)))(X)
    after = cr.value_and_grad(f)(X)
    assert before[0] == after[0]
    assert np.array_equal(before[1], after[1])
    assert np.geterr() == settings


def test_a_traced_value_that_escapes_says_so_in_a_later_derivative():
    kept = []

    def g(x):
        kept.append(x * 2)
        return np.sum(x)

    cr.grad(g)(X)
    with pytest.raises(LeakedTracerError, match="already ended"):
        cr.grad(lambda x: np.sum(x * kept[0]))(X)
    cr.jvp(g, (X,), (X,))
    with pytest.raises(LeakedTracerError):
        cr.jvp(lambda x: x + np.sin(kept[1]), (X,), (X,))
    assert np.array_equal(kept[0] + 1, X * 2 + 1)  # outside it is what a plain run leaves
    assert np.array_equal(cr.grad(f)(X), cr.grad(f)(X))


def test_inputs_and_their_flags_are_left_as_they_were():
    x = X.copy()

    def g(x):
        x[0] = x[1] * 3
        x *= 2
        return np.sum(x * x)

    for mode in (cr.grad(g), cr.hessian(g), lambda x: cr.jvp(g, (x,), (x,))):
        mode(x)
        assert np.array_equal(x, X)
        assert x.flags.writeable


def test_a_constant_array_written_to_later_keeps_its_value_in_the_recording():
    buffer = np.ones(3)

    def g(x):
        y = np.sum(x * buffer)
        buffer[:] = 7.0
        return y + np.sum(x * buffer) * 0

    assert cr.grad(g)(np.ones(3)).tolist() == [1.0, 1.0, 1.0]


def test_results_are_free_of_the_recording():
    class Marked(np.ndarray):
        pass

    held = []

    def g(x):
        big = np.exp(x)
        held.append(weakref.ref(big))
        return np.sum(big)

    value, gradient = cr.value_and_grad(g)(X)
    gc.collect()
    assert held[0]() is None
    assert type(gradient) is np.ndarray
    assert isinstance(value, np.floating)


def test_a_pullback_can_be_called_again_and_again():
    _, pull = cr.vjp(lambda x: np.sin(x) * x, X)
    first = pull(np.ones_like(X))[0]
    pull(np.zeros_like(X))
    assert np.array_equal(pull(np.ones_like(X))[0], first)


def test_garbage_is_collected_as_before():
    """While a derivative is computed no collection begins by itself; what others set stays."""
    before = gc.get_threshold()
    seen = []

    def f(x):
        seen.append(gc.get_threshold()[0])
        return cr.grad(np.sin)(x) * x

    def fails(x):
        raise KeyError(x)

    def sets(x):
        gc.set_threshold(123, 4, 5)
        return x * x

    try:
        for derivative in (cr.grad(f), lambda x: cr.jvp(f, (x,), (x,)), lambda x: cr.vjp(f, x)):
            derivative(0.5)
            assert gc.get_threshold() == before
        assert seen == [0, 0, 0]
        with pytest.raises(KeyError):
            cr.grad(fails)(0.5)
        assert gc.get_threshold() == before
        cr.grad(sets)(0.5)
        assert gc.get_threshold() == (123, 4, 5)
    finally:
        gc.set_threshold(*before)


def test_warnings_of_the_user_are_not_forgotten():
    """What Python has shown once stays shown: nothing of ours resets its registries."""
    x = np.random.default_rng(0).normal(size=5)

    def f(p):
        warnings.warn("mine", UserWarning, stacklevel=1)
        a = np.outer(p, p) + 3 * np.eye(2)
        s = sp.csr_matrix(a)
        s.setdiag(p)
        root = optimize.fsolve(lambda u: u**3 - p[0], 1.0)[0]
        mass = integrate.quad(lambda t: np.exp(-p[0] * t), 0, 1)[0]
        density = stats.norm.logpdf(x, p[0], 1.0).sum() + stats.t.logpdf(x, 4, p[1], 1.0).sum()
        return root + mass + density + linalg.expm(a)[0, 0] + s.sum() + np.sort(a.T)[0, 0]

    with warnings.catch_warnings():
        warnings.simplefilter("default")
        told = []
        warnings.showwarning = lambda message, *_args, **_kw: told.append(str(message))
        for k in range(3):
            cr.grad(f)(np.array([0.7, 1.1 + 0.1 * k]))
    assert told.count("mine") == 1
