"""Law: integers among the inputs are promoted, truth values refused; both are constants within."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.core.op import Op
from chainrule.core.slots import Partial
from chainrule.errors import InputTypeError
from chainrule.testing.samples import draw_array, interval
from chainrule.tree import flatten

from .registry import OPS, QUIET

pytestmark = QUIET
BINARY = [
    op for op in OPS
    if isinstance(op.function, np.ufunc) and len(op.slots) == 2 and op.samples
    and all(isinstance(s, Partial) for s in op.slots) and "ii->i" in op.function.types
]  # fmt: skip


MODES = [cr.grad, cr.jacobian, cr.value_and_grad, cr.hessian]


@pytest.mark.parametrize("x", [np.array(True), np.array([True, False]), np.array(["a"])], ids=repr)
@pytest.mark.parametrize("mode", MODES)
def test_what_is_no_number_is_refused(mode, x):
    with pytest.raises(InputTypeError):
        mode(lambda x: np.sum(x * 1.0))(x)
    with pytest.raises(InputTypeError):
        cr.vjp(np.sin, x)


@pytest.mark.parametrize("x", [np.arange(3), np.int8(3), np.uint8([[1, 2]])], ids=repr)
@pytest.mark.parametrize("mode", MODES)
def test_integers_are_promoted(mode, x):
    f = mode(lambda x: np.sum(np.sin(x) ** 2))
    found, wanted = f(x), f(np.asarray(x).astype(float)[()])
    for one, other in zip(flatten(found)[0], flatten(wanted)[0], strict=True):
        np.testing.assert_array_equal(one, other, strict=True)


def test_a_tangent_of_integers_is_promoted_with_them():
    found = cr.jvp(np.sin, (np.arange(3),), (np.ones(3),))
    np.testing.assert_array_equal(found, cr.jvp(np.sin, (np.arange(3.0),), (np.ones(3),)))


def test_a_python_int_is_promoted():
    assert cr.grad(lambda x: x**2)(3) == 6.0
    assert cr.derivative(lambda x: x**3, 2)(2) == 12.0


@pytest.mark.parametrize("op", BINARY, ids=lambda op: op.name)
def test_an_integer_array_is_a_constant_beside_a_traced_float(op: Op):
    rng = np.random.default_rng(0)
    x = draw_array(rng, (3,), interval(op, 0), op.kinks)
    n = np.array([1, 2, 1])
    got = cr.vjp(lambda x: op.function(x, n), x)[1](np.ones(3))[0]
    want = cr.vjp(lambda x: op.function(x, n.astype(float)), x)[1](np.ones(3))[0]
    assert got.dtype == np.float64
    assert np.allclose(got, want, rtol=1e-14)


def test_what_an_integer_result_decides_is_constant():
    f = lambda x: x[np.argmax(x)] * np.sum(x > 0) + np.count_nonzero(x) * x[0]  # noqa: E731
    assert cr.grad(f)(np.array([1.0, 3.0, -2.0])).tolist() == [3.0, 2.0, 0.0]
