"""Calls of SciPy's that a recording has as operations: transforms, masses, statistics."""

import numpy as np
import pytest
import scipy.fft
from scipy import fft
from scipy.stats import binom, poisson, spearmanr

import chainrule as cr

T = np.linspace(0, 1, 16)
K = np.arange(5)
PROGRAMS = {
    "transform": lambda p: np.sum(np.abs(fft.rfft(T * p[0])) ** 2),
    "there and back": lambda p: np.sum(fft.irfft(scipy.fft.rfft(T * p[0]) * p[1]) ** 3),
    "cosines": lambda p: np.sum(fft.dctn(np.outer(T, p)) ** 2),
    "masses": lambda p: np.sum(poisson.pmf(K, p[0]) * K**2) + poisson.logcdf(2, p[1]),
    "two parameters": lambda p: np.sum(binom.pmf(K[:3, None], K, p[1]) * p[0]),
    "ranks": lambda p: spearmanr(np.cos(T * 9 * p[0]), T).statistic * p[1],
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", PROGRAMS)
def test_they_are_recorded(name):
    slope = cr.grad(PROGRAMS[name])
    fast = cr.jit(slope)
    for scale in (1, 1.1, 1.2, 1.3):
        p = np.array([0.7, 0.3]) * scale
        np.testing.assert_array_equal(fast(p), slope(p))
    assert "1 recording, 2 of 4 calls by it" in fast.report()


def test_a_backend_that_is_set_later_has_its_say():
    class Twice:
        __ua_domain__ = "numpy.scipy.fft"

        @staticmethod
        def __ua_function__(method, args, kwargs):
            return 2 * np.fft.rfft(*args) if method.__name__ == "rfft" else NotImplemented

    f = lambda p: np.real(fft.rfft(T * p)[0])  # noqa: E731
    fast = cr.jit(f)
    for _ in range(3):
        assert fast(0.5) == f(0.5)
    with fft.set_backend(Twice):
        assert fast(0.5) == f(0.5)
        assert cr.value_and_grad(f)(0.5) == (f(0.5), 2 * T.sum())
        assert abs(cr.grad(lambda p: fft.irfft(T * p)[0])(0.5) - fft.irfft(T)[0]) < 1e-15
    assert fast(0.5) == f(0.5)
