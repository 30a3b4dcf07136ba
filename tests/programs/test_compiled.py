"""Kernels of Numba in a traced program: on constants, on traced values, and under `custom_rule`."""

import functools
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
        found = cr.grad(lambda x: k["each"](C * x).sum())(x)
        assert found == pytest.approx(np.sum(np.cos(C * x) * C))
    with pytest.raises(UnsupportedFunctionError, match="custom_rule"):
        cr.grad(lambda x: k["each"](C * x, out=np.zeros(3)).sum())(1.0)


def ufuncs() -> dict[str, Any]:
    @numba.vectorize(["float64(float64, float64)"])
    def two(a, b):  # type: ignore[no-untyped-def]
        return a * b + np.sin(a) if a > 0 else b

    @numba.guvectorize(["void(float64[:], float64, float64[:])"], "(n),()->(n)")
    def sums(v, a, out):  # type: ignore[no-untyped-def]
        s = 0.0
        for i in range(v.shape[0]):
            s += a * v[i] ** 2
            out[i] = s

    @numba.guvectorize(["void(float64[:], float64[:], float64[:])"], "(n),(n)->()")
    def dot(v, w, out):  # type: ignore[no-untyped-def]
        out[0] = 0.0
        for i in range(v.shape[0]):
            out[0] += v[i] * w[i]

    @numba.guvectorize(["void(float64[:], float64[:], float64[:, :])"], "(n),(m)->(n,m)")
    def outer(v, w, out):  # type: ignore[no-untyped-def]
        for i in range(v.shape[0]):
            for j in range(w.shape[0]):
                out[i, j] = v[i] * w[j] ** 2

    return {"two": two, "sums": sums, "dot": dot, "outer": outer}


ROWS = np.arange(1.0, 7.0).reshape(2, 3)
CALLED = {
    "vectorize": lambda k, x: k["two"](x, x[::-1]).sum(),
    "of numbers": lambda k, x: k["two"](x[0], x[1]),
    "broadcast": lambda k, x: k["two"](ROWS, x).prod(),
    "a core and a number": lambda k, x: k["sums"](x, x[0]).sum(),
    "loops": lambda k, x: k["sums"](ROWS * x, x[:2]).sum(),
    "to a number": lambda k, x: k["dot"](x, x) + k["dot"](ROWS, x).sum() ** 2,
    "to a matrix": lambda k, x: (k["outer"](x, ROWS) ** 2).sum(),
}


@pytest.mark.parametrize("name", CALLED)
def test_ufuncs_run_their_python_for_every_core(name: str) -> None:
    k, v = ufuncs(), np.array([0.4, -1.0, 0.6])
    x = np.array([0.3, -0.2, 0.9])

    def f(x: Any) -> Any:
        return CALLED[name](k, x)

    want = slope(lambda h: f(x + h * v), 0.0)
    assert cr.grad(f)(x) @ v == pytest.approx(want, rel=1e-8)
    assert cr.jvp(f, (x,), (v,))[1] == pytest.approx(want, rel=1e-8)
    assert f(x) == pytest.approx(cr.value_and_grad(f)(x)[0], rel=1e-14)


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


# --- objects of Numba's ---------------------------------------------------------------------------


def objects() -> dict[str, Any]:
    """Classes that Numba compiles, and functions that take them."""
    from numba.experimental import jitclass

    class Spring:
        def __init__(self, k):  # type: ignore[no-untyped-def]
            self.k = k
            self.asked = 0.0

        def energy(self, x):  # type: ignore[no-untyped-def]
            self.asked += 1
            return 0.5 * self.k * x * x

        def both(self, x):  # type: ignore[no-untyped-def]
            return self.energy(x) + self.energy(2 * x)

    @numba.njit
    def energy(spring, x):  # type: ignore[no-untyped-def]
        return spring.energy(x) * x

    spec = [("k", numba.float64), ("asked", numba.float64)]
    return {"plain": Spring, "jit": jitclass(spec)(Spring), "energy": energy}


OF_AN_OBJECT = {
    "method": lambda s, of: s.energy,
    "method in a method": lambda s, of: s.both,
    "function": lambda s, of: functools.partial(
        of["energy"].py_func if type(s) is of["plain"] else of["energy"], s
    ),
}


@pytest.mark.parametrize("way", OF_AN_OBJECT)
def test_methods_of_a_compiled_class_run_once_as_python(way: str) -> None:
    of = objects()
    plain, compiled = of["plain"](3.0), of["jit"](3.0)
    wanted = slope(OF_AN_OBJECT[way](plain, of), 0.7)
    plain.asked = 0.0
    OF_AN_OBJECT[way](plain, of)(0.7)
    assert cr.grad(OF_AN_OBJECT[way](compiled, of))(0.7) == pytest.approx(wanted, rel=1e-8)
    assert compiled.asked == plain.asked  # it is not run twice


def _stores(o: Any, x: Any) -> Any:
    o.k = x
    return o.k


def _sets(o: Any, x: Any) -> Any:
    o[0] = x
    return o[0] * x


def _appends(o: Any, x: Any) -> Any:
    o.append(x)
    return o[1] * x


KEEPS = {
    "made": lambda spring, typed, x: spring(x).k ** 2,
    "attribute": lambda spring, typed, x: _stores(spring(2.0), x),
    "list": lambda spring, typed, x: typed([x, x])[0] ** 2,
    "item": lambda spring, typed, x: _sets(typed([1.0]), x),
    "append": lambda spring, typed, x: _appends(typed([1.0]), x),
}


@pytest.mark.parametrize("name", KEEPS)
def test_what_numba_would_keep_is_refused_with_a_cure(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from numba.typed import List

    of = objects()
    run = lambda spring, typed: lambda x: KEEPS[name](spring, typed, x)  # noqa: E731
    wanted = slope(run(of["plain"], list), 0.7)
    with pytest.raises(UnsupportedFunctionError, match="an object of Numba's") as caught:
        cr.grad(run(of["jit"], List))(0.7)
    assert "NUMBA_DISABLE_JIT=1" in caught.value.cure
    assert "test_compiled.py" in caught.value.where
    assert cr.grad(run(of["plain"], list))(0.7) == pytest.approx(wanted, rel=1e-8)
    monkeypatch.setattr(numba.config, "DISABLE_JIT", True)  # what the environment variable sets
    assert cr.grad(run(objects()["jit"], List))(0.7) == pytest.approx(wanted, rel=1e-8)


def _made_inside(x: Any) -> Any:
    @numba.njit
    def kernel(y: float) -> float:
        total = 0.0
        for i in range(3):
            total += y * y * i
        return total

    return kernel(x) + numba.njit(lambda y: y * y + 0.5)(x)


def test_a_kernel_that_is_made_in_the_function_is_compiled_as_it_was_written() -> None:
    assert cr.grad(_made_inside)(0.7) == pytest.approx(8 * 0.7, rel=1e-12)
    assert _made_inside(0.7) == pytest.approx(3 * 0.49 + 0.49 + 0.5)
