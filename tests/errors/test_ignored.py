"""Errors that Python itself cannot raise are raised when the function returns.

A callback of `ctypes` and a finalizer have nobody to raise to: CPython hands their errors to
`sys.unraisablehook` and goes on with what stands in memory.
"""

import contextlib
import ctypes
import sys

import numpy as np
import pytest
import scipy
import scipy.integrate

import chainrule as cr

CALLBACK = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)


def called(x):
    return CALLBACK(lambda t: x[0] * t)(2.0) * x[1]


def within_a_solver(x):
    inner = CALLBACK(lambda t: x[0] * t)
    return scipy.integrate.quad(scipy.LowLevelCallable(inner), 0.0, 1.0)[0]


def finalized(x):
    class Owner:
        def __del__(self):
            box.append(np.array(x).tobytes()[:1])

    box = []
    owner = Owner()
    del owner
    return x[0] * len(box)


@pytest.mark.parametrize("f", [called, within_a_solver, finalized])
def test_what_cannot_be_raised_is_raised_at_the_end(f):
    before = sys.unraisablehook
    for derivative in (cr.grad(f), lambda x: cr.jvp(f, (x,), (x,)), cr.jacfwd(f)):
        with pytest.raises(cr.ChainRuleError, match="a traced"):
            derivative(np.array([0.7, 1.3]))
        assert sys.unraisablehook is before


def test_other_errors_go_where_they_went(monkeypatch):
    told = []
    monkeypatch.setattr(sys, "unraisablehook", told.append)

    def f(x):
        with contextlib.suppress(cr.ChainRuleError):
            x[0].tobytes()  # makes an error, and with it the hook is ours
        return CALLBACK(lambda t: 1 / 0)(2.0) + x[0]

    with pytest.raises(cr.ChainRuleError, match="traced"):
        cr.grad(f)(np.array([0.7, 1.3]))
    assert [entry.exc_type for entry in told] == [ZeroDivisionError]
