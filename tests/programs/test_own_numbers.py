"""Objects of the program's own classes that stand for numbers or arrays, where converted."""

import cmath
import math

import numpy as np
import pytest

import chainrule


class Real:
    """A number by `__float__`."""

    def __init__(self, v):
        self.v = v

    def __float__(self):
        return float(self.v)


class Plane:
    """A number by `__complex__`."""

    def __init__(self, v):
        self.v = v

    def __complex__(self):
        return complex(self.v)


class Array:
    """An array by `__array__`, which answers for ufuncs as well."""

    def __init__(self, v):
        self.v = v

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.v)

    def __array_ufunc__(self, ufunc, method, *args, **kwargs):
        args = [a.v if isinstance(a, Array) else a for a in args]
        return Array(getattr(ufunc, method)(*args, **kwargs))


def stored(x):
    y = np.zeros(2)
    y[0] = Real(x)
    y[1:] = [Real(x * x)]
    return y.sum()


TABLE = np.zeros(2)


def stored_outside(x):
    global TABLE
    TABLE = np.zeros(2)
    TABLE[0] = Real(x)
    return TABLE.sum()


def objects(x):
    a = np.empty((3, 2), object)
    a[0] = x
    a[1, :] = [x, x * x]
    a[2] = np.array([1.0, 2.0]) * x
    return a.sum()


PROGRAMS = {
    "float": lambda x: float(Real(x)) ** 2,
    "float64": lambda x: np.float64(Real(x)) ** 2,
    "complex": lambda x: (complex(Plane(1j * x)) ** 2).real,
    "complex of real": lambda x: (complex(Real(x)) ** 3).real,
    "math": lambda x: math.sin(Real(x)) + math.atan2(Real(x), 1),
    "cmath": lambda x: cmath.exp(Plane(1j * x)).real,
    "array": lambda x: np.array([Real(x), 2, Real(x * x)], float).sum(),
    "asarray": lambda x: np.asarray([[Real(x)], [Real(x * x)]], dtype=float).sum(),
    "array of one": lambda x: np.array(Real(x), float) * 2,
    "stored": stored,
    "stored outside": stored_outside,
    "objects": objects,
    "asarray of an array": lambda x: np.asarray(Array(np.stack([x, x * x]))).sum(),
    "ufunc of an array": lambda x: np.sin(Array(np.stack([x, x * x]))).v.sum(),
    "operator of an array": lambda x: np.add(Array(np.stack([x, x * x])), 1).v.sum(),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_stands_for_a_number(name):
    f = PROGRAMS[name]
    x, h = 1.3, 1e-6
    want = (f(x + h) - f(x - h)) / (2 * h)
    value, slope = chainrule.value_and_grad(f)(x)
    assert np.isclose(value, f(x), 1e-13)
    assert np.isclose(slope, want, 1e-6)
    assert np.isclose(chainrule.jvp(f, (x,), (1.0,))[1], want, 1e-6)


def test_what_returns_plain_numbers_is_left_to_python():
    class Wrong:
        def __float__(self):
            return "1"

    for f in (lambda x: float(Wrong()) * x, lambda x: math.sin(Wrong()) * x):
        with pytest.raises(TypeError):
            chainrule.grad(f)(1.0)
    assert chainrule.grad(lambda x: float(Real(2.0)) * x)(1.0) == 2.0
