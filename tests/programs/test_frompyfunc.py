"""Functions of Python as ufuncs (`np.frompyfunc`): elements are traced, in arrays of objects."""

from typing import Any

import numpy as np
import pytest

import chainrule as cr

R = np.array([1.0, -2.0, 3.0])
X = np.array([1.0, 2.0, 3.0])
leaky = np.frompyfunc(lambda x, y: x * y if x > 0 else 0.5 * y, 2, 1)
both = np.frompyfunc(lambda x: (x * 2, x**2), 1, 2)
times = np.frompyfunc(lambda a, b: a * b, 2, 1)
seen: list[Any] = []
noted = np.frompyfunc(lambda v: seen.append(isinstance(v, float)) or v * v, 1, 1)

PROGRAMS = {
    "sum": lambda s: leaky(R, s).sum(),
    "np.sum": lambda s: np.sum(leaky(R, s)),
    "of Python": lambda s: float(sum(leaky(R, s))),
    "an element": lambda s: leaky(R, s)[1] * s[0],
    "a number": lambda s: leaky(2.0, s[0]),
    "two results": lambda s: both(s)[1].sum() + both(s)[0][1],
    "astype": lambda s: np.sin(leaky(R, s).astype(float)).sum(),
    "asarray": lambda s: np.sin(np.asarray(times(s[:, None], s), dtype=float)).sum(),
    "reduce": lambda s: times.reduce(s),
    "accumulate": lambda s: times.accumulate(s)[1],
    "outer": lambda s: times.outer(s, R).sum(),
    "where": lambda s: leaky(R, s, where=R > 0, out=np.zeros(3, object)).sum(),
    "beside arrays": lambda s: (leaky(R, s) * s + R).sum(),
    "python's numbers": lambda s: noted(s).sum() + s[0],
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_elements_are_traced(name: str) -> None:
    f = PROGRAMS[name]
    want = np.array([(f(X + h) - f(X - h)) / 2e-6 for h in 1e-6 * np.eye(3)], float)
    assert np.allclose(cr.grad(f)(X), want, atol=1e-7)
    got = cr.hessian(f)(X)
    rows = [(cr.grad(f)(X + h) - cr.grad(f)(X - h)) / 2e-5 for h in 1e-5 * np.eye(3)]
    assert np.allclose(got, rows, atol=1e-5)


def test_the_function_meets_numbers_of_python_and_gives_objects() -> None:
    seen.clear()

    def f(x: Any) -> Any:
        y = noted(x)
        assert type(y) is np.ndarray
        assert y.dtype == object
        return y.sum()

    cr.grad(f)(X)
    assert seen == [True] * 3
    with cr.checked():
        cr.grad(f)(X)


def test_a_result_of_objects_is_told_as_such() -> None:
    with pytest.raises(cr.ChainRuleError, match="array of objects") as caught:
        cr.jacobian(lambda s: times(s, R))(X)
    assert "astype(float)" in caught.value.cure
    got = cr.jacobian(lambda s: times(s, R).astype(float))(X)
    assert np.array_equal(got, np.diag(R))


def test_an_unknown_ufunc_is_refused() -> None:
    special = pytest.importorskip("numpy._core._umath_tests")
    with pytest.raises(cr.ChainRuleError):
        cr.grad(lambda x: special.inner1d(x, x))(X)
