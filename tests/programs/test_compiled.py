"""Kernels of Numba in a traced program: on constants, on traced values, and under `custom_rule`."""

import math
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import UnsupportedFunctionError

numba = pytest.importorskip("numba")
C = np.arange(1.0, 4.0)


def kernels() -> dict[str, Any]:
    """Fresh kernels, which have not been compiled."""

    @numba.njit
    def number(a):  # type: ignore[no-untyped-def]
        return math.sin(a) + np.sqrt(a)

    @numba.njit
    def total(v):  # type: ignore[no-untyped-def]
        s = 0.0
        for i in range(v.size):
            s += v[i] * math.exp(number(v[i]))
        return s

    @numba.njit
    def fill(out, v):  # type: ignore[no-untyped-def]
        for i in range(v.size):
            out[i] = math.cos(v[i])

    @numba.vectorize
    def each(a):  # type: ignore[no-untyped-def]
        return math.sin(a)

    return {"number": number, "total": total, "fill": fill, "each": each}


def slope(f: Any, x: float) -> float:
    h = 1e-5
    return float(8 * (f(x + h) - f(x - h)) - (f(x + 2 * h) - f(x - 2 * h))) / (12 * h)


@pytest.mark.parametrize("warm", [False, True])
def test_kernels_on_constants(warm: bool) -> None:
    k = kernels()

    def f(x: Any) -> Any:
        out, part = np.zeros(3), np.zeros(6)
        k["fill"](out, np.ones(3) * 2)
        k["fill"](part[::2], C)
        return x * (k["number"](2.0) + k["total"](C) + k["total"](np.ones(3)) + out.sum()
                    + part.sum() + k["each"](C).sum())  # fmt: skip

    if warm:
        f(1.0)
    got = cr.grad(f)(1.0)
    assert got == pytest.approx(f(1.0), rel=1e-14)
    assert k["number"](3.0) == k["number"].py_func(3.0)  # compiled anew, for plain numbers
    assert k["total"](C) == pytest.approx(k["total"].py_func(C))


@pytest.mark.parametrize("warm", [False, True])
def test_kernels_on_traced_values_run_as_python(warm: bool) -> None:
    k = kernels()

    def f(x: Any) -> Any:
        out = np.zeros(3)
        k["fill"](out, C * x)
        return k["number"](x * x) * k["total"](C * x) + out.sum()

    if warm:
        f(0.7)
    for x in (0.7, 1.3):
        assert cr.grad(f)(x) == pytest.approx(slope(f, x), rel=1e-8)
        assert cr.jvp(f, (x,), (1.0,))[1] == pytest.approx(slope(f, x), rel=1e-8)
    with pytest.raises(UnsupportedFunctionError, match="custom_rule"):
        cr.grad(lambda x: k["each"](C * x).sum())(1.0)


@pytest.mark.parametrize("warm", [False, True])
def test_the_cure_is_a_custom_rule(warm: bool) -> None:
    k = kernels()
    total = cr.custom_rule(
        k["total"],
        vjp=lambda ct, y, x: ct * np.exp(np.sin(x) + np.sqrt(x)) * (
            1 + x * (np.cos(x) + 0.5 / np.sqrt(x))),
    )  # fmt: skip
    each = cr.custom_rule(k["each"], partial=lambda y, x: np.cos(x))
    if warm:
        total(C), each(C)

    def f(x: Any) -> Any:
        v = np.zeros(3)
        for i in range(3):
            v[i] = float(x) * C[i]
        return total(v) * each(v).sum()

    assert cr.grad(f)(0.7) == pytest.approx(slope(f, 0.7), rel=1e-7)
    assert cr.derivative(f, 2)(0.7) == pytest.approx(slope(cr.grad(f), 0.7), rel=1e-6)
    both = cr.vmap(cr.grad(f))(np.array([0.7, 0.9]))
    assert np.allclose(both, [cr.grad(f)(0.7), cr.grad(f)(0.9)])


def test_code_that_says_otherwise_than_its_source_is_refused() -> None:
    kernel = numba.njit(lambda a: a * 2.0)
    kernel(1.0)
    kernel.py_func = lambda a: a * 3.0
    with pytest.raises(UnsupportedFunctionError, match="different values"):
        cr.grad(lambda x: kernel(x))(1.0)
