"""Traced options of plain arrays and lists: NumPy's dispatch does not look at them all."""

import numpy as np
import pytest

import chainrule

AT = 1.7
PROGRAMS = {
    "nan_to_num": lambda x: np.nan_to_num([np.nan, 1.0, np.inf], nan=x, posinf=2 * x).sum(),
    "nan_to_num of traced": lambda x: np.nan_to_num(np.array([np.nan, 3.0]) * x, nan=x * x).sum(),
    "nan_to_num of complex": lambda x: np.nan_to_num([complex(np.nan, 1.0)], nan=x).real.sum(),
    "pad": lambda x: np.pad(np.ones(2), 1, constant_values=x).sum(),
    "interp": lambda x: np.interp([-1.0, 3.0], [0.0, 1.0], [0.0, 1.0], left=x, right=x * x).sum(),
    "period": lambda x: np.interp([2.2], [0.0, 1.0], [0.0, 1.0], period=x).sum(),
    "unwrap": lambda x: np.unwrap([0.0, 5.0, 9.0], period=x).sum(),
    "trapezoid": lambda x: np.trapezoid([1.0, 2.0, 3.0], dx=x),
    "sum": lambda x: np.sum([1.0, 2.0], initial=x),
    "prod": lambda x: np.prod(np.array([1.0, -2.0]), initial=x),
    "max": lambda x: np.max([1.0, -2.0], initial=x),
    "std": lambda x: np.std([1.0, 2.0, 4.0], ddof=x),
    "mean": lambda x: np.var(np.array([1.0, 2.0, 4.0]), mean=x),
    "polyint": lambda x: np.polyint([1.0, 2.0], k=x).sum(),
    "clip of a list": lambda x: np.clip([1.0, 2.0], None, x).sum(),
    "where": lambda x: np.where([True, False], [1.0, 2.0], x).sum(),
    "select": lambda x: np.select([[True, False]], [[1.0, 2.0]], default=x).sum(),
    "choose": lambda x: np.choose([0, 1], [[1.0, x], [x, x * x]]).sum(),
    "hstack by name": lambda x: np.hstack(tup=[[x], x]).sum(),
    "sinc by name": lambda x: np.sinc(x=x),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", PROGRAMS)
def test_traced_options(name):
    f = PROGRAMS[name]
    h = 1e-6
    want = (f(AT + h) - f(AT - h)) / (2 * h)
    value, slope = chainrule.value_and_grad(f)(AT)
    assert np.isclose(value, f(AT), 1e-13)
    assert np.isclose(slope, want, 1e-6, 1e-6)
    assert np.isclose(chainrule.jvp(f, (AT,), (1.0,))[1], want, 1e-6, 1e-6)
    assert np.allclose(chainrule.vmap(chainrule.grad(f))(np.full(2, AT)), want, 1e-6, 1e-6)


GRIDS = {
    "mgrid to": lambda x: np.mgrid[0:x:1] * x,
    "mgrid from": lambda x: np.mgrid[x:3:1, 0 : 2 : x / 2],
    "mgrid of points": lambda x: np.mgrid[0:2, x : 3 : 2 * 1j],
    "ogrid": lambda x: np.concatenate([np.ravel(v) for v in np.ogrid[x:3, 0:2:x, 0:1:1j]]),
    "down": lambda x: np.mgrid[3:x:-1, 0:1] * x,
    "r_": lambda x: np.r_[0:x, 1, x : 2 * x : 3j],
    "r_ to": lambda x: np.r_[0:x] * x,
    "c_": lambda x: np.c_[0:x, 1 : 1 + x],
    "poly1d at poly1d": lambda x: np.poly1d([1, x, 2])(np.poly1d([x, 1])).coeffs,
    "plain poly1d at poly1d": lambda x: np.poly1d([1, 3, 2])(np.poly1d([x, 1])).coeffs,
    "poly1d at plain poly1d": lambda x: np.poly1d([x, 3, 2])(np.poly1d([2, 1])).coeffs,
    "poly1d at a list": lambda x: np.poly1d([1, 2])([x, 2 * x]),
    "polyval of poly1d": lambda x: np.polyval(np.poly1d([x, 3, 2]), x),
}


@pytest.mark.parametrize("name", GRIDS)
def test_ranges_and_polynomials(name):
    f = GRIDS[name]
    h = 1e-6
    want = (f(AT + h) - f(AT - h)) / (2 * h)
    value, slope = chainrule.jvp(f, (AT,), (1.0,))
    assert value.dtype == f(AT).dtype
    assert np.allclose(value, f(AT), 1e-13)
    assert np.allclose(slope, want, 1e-6, 1e-6)
    assert np.allclose(chainrule.jacrev(f)(AT), want, 1e-6, 1e-6)


def test_a_traced_option_of_several_elements_is_not_asked_for_its_truth():
    x = np.array([1.0, 2.0])

    def f(x):
        return np.sum(np.average(np.array([3.0, 5.0]), weights=x)) + np.nan_to_num(
            np.full(2, np.nan), nan=x
        ).sum()

    assert np.allclose(chainrule.grad(f)(x), [3 / 3 - 13 / 9 + 1, 5 / 3 - 13 / 9 + 1])
