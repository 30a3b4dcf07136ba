"""A highest coefficient that is zero, which a library would drop, and elements that are equal."""

import operator
from typing import Any

import numpy as np
import pytest
import scipy.signal as sg

import chainrule as cr

DEN = [1.0, 3.0, 2.0]
CLASSES = [
    getattr(np.polynomial, name)
    for name in ("Polynomial", "Chebyshev", "Legendre", "Hermite", "HermiteE", "Laguerre")
]
SYSTEMS = {
    "normalize": lambda x: sg.normalize(x, DEN)[0].sum(),
    "TransferFunction": lambda x: abs(sg.TransferFunction(x, DEN).freqresp([1.0])[1]).sum(),
    "lti": lambda x: sg.lti([1.0], x).poles.sum().real,
    "tf2ss": lambda x: sg.tf2ss(x, DEN)[2].sum(),
    "tf2zpk": lambda x: sg.tf2zpk(x, DEN)[0].sum().real,
    "step": lambda x: sg.step((x, DEN), T=np.linspace(0, 1, 5))[1].sum(),
}


def _refused(f: Any, x: Any) -> None:
    with pytest.raises(cr.errors.LostDerivativeError, match="highest coefficient") as found:
        cr.grad(f)(np.array(x))
    assert "test_dropped_zeros.py" in str(found.value)
    with pytest.raises(cr.errors.LostDerivativeError):
        cr.jvp(f, (np.array(x),), (np.ones(len(x)),))


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("what", [operator.add, operator.sub, operator.mul, "trim"])
def test_operators_of_series(kind: Any, what: Any) -> None:
    def f(x: Any) -> Any:
        p = kind(x)
        return (p.trim() if what == "trim" else what(p, kind([1.0, 3.0])))(2.0)

    _refused(f, [1.0, 2.0, 0.0])
    cr.grad(f)(np.array([1.0, 2.0, 1e-3]))  # the cure


@pytest.mark.parametrize("how", SYSTEMS)
def test_systems(how: str) -> None:
    _refused(SYSTEMS[how], [0.0, 2.0, 1.0])
    cr.grad(SYSTEMS[how])(np.array([1e-3, 2.0, 1.0]))  # the cure


@pytest.mark.filterwarnings("ignore:Badly conditioned")
def test_zeros_that_depend_on_nothing_are_dropped() -> None:
    def listed(x: Any) -> Any:
        return sg.TransferFunction([0.0, x[0], x[1]], DEN).freqresp([1.0])[1].real.sum()

    def of_states(x: Any) -> Any:
        column = np.ones((2, 1))
        system = sg.StateSpace(-np.diag(x), column, column.T, np.zeros((1, 1)))
        return system.to_tf().freqresp([1.0])[1].real.sum()

    x = np.array([2.0, 1.0])
    s = 1j
    wanted = [(s / np.polyval(DEN, s)).real, (1 / np.polyval(DEN, s)).real]
    np.testing.assert_allclose(cr.grad(listed)(x), wanted, rtol=1e-12)
    wanted = (-1 / (s + x) ** 2).real
    np.testing.assert_allclose(cr.grad(of_states)(x), wanted, rtol=1e-10, atol=1e-14)


def _counted(x: Any, **how: Any) -> Any:
    values, counts = np.unique(x, return_counts=True, **how)
    return (values * counts.reshape(-1, *[1] * (values.ndim - 1))).sum()


UNIQUE = {  # each is the sum of x
    "counts": _counted,
    "inverse": lambda x: (lambda r: r[0][r[1]].sum())(np.unique(x, return_inverse=True)),
    "rows": lambda x: _counted(np.stack([x, 2 * x], axis=1), axis=0) / 3,
    "columns": lambda x: _counted_columns(np.stack([x, 2 * x])) / 3,
    "unique_counts": lambda x: (lambda r: (r.values * r.counts).sum())(np.unique_counts(x)),
    "complex": lambda x: _counted(x * (1 + 1j)).real,
}


def _counted_columns(x: Any) -> Any:
    values, counts = np.unique(x, return_counts=True, axis=1)
    return (values * counts).sum()


@pytest.mark.parametrize("how", UNIQUE)
@pytest.mark.parametrize("at", [[2.0, 2, 1], [0.0, -0.0, 1, 0.0], [3.0, 1, 2], [1.0, 1, 1]])
def test_equal_elements_share(how: str, at: list[float]) -> None:
    x = np.array(at)
    value, slope = cr.value_and_grad(UNIQUE[how])(x)
    assert value == UNIQUE[how](x)
    np.testing.assert_allclose(slope, np.ones(x.size), rtol=1e-14)
    np.testing.assert_allclose(cr.jvp(UNIQUE[how], (x,), (x + 1,))[1], (x + 1).sum(), rtol=1e-14)


@pytest.mark.filterwarnings("ignore::chainrule.errors.IndeterminateWarning")  # of NaN
def test_unique_values_are_numpys() -> None:
    x = np.array([np.inf, 0.0, -0.0, np.inf, np.nan, np.nan, 2.0])
    made = cr.jvp(np.unique, (x,), (np.ones(7),))[0]
    assert np.asarray(made).tobytes() == np.unique(x).tobytes()
