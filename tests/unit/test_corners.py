"""Corners of the engine that no sample and no program of the laws happens to reach."""

import concurrent.futures

import numpy as np
import pytest
from scipy import linalg

import chainrule as cr
from chainrule.core import registry
from chainrule.core.graph import Graph
from chainrule.core.op import Composite, Function, Op
from chainrule.core.slots import INDEX, Linear
from chainrule.errors import (
    IndeterminateWarning,
    InputTypeError,
    LostDerivativeError,
    UnsupportedFunctionError,
)

X = np.array([[0.5, -1.5, 2.0], [1.0, 0.3, -0.7]])


# --- door 1 -----------------------------------------------------------------------------------


def test_keyword_arguments_of_ufuncs():
    f = lambda x: np.sum(np.add(x, 1, dtype=np.float64, casting="same_kind", order="C"))  # noqa: E731
    assert (cr.grad(f)(X) == 1).all()


def test_reduce_with_all_its_arguments():
    mask = np.array([True, False, True])

    def f(x):
        return np.sum(
            np.add.reduce(x, axis=1, dtype=np.float64, keepdims=True, initial=2.0, where=mask)
        )

    assert cr.grad(f)(X).tolist() == [[1, 0, 1]] * 2
    assert cr.grad(lambda x: np.sum(np.hypot.reduce(x, axis=1, keepdims=True)))(X).shape == (2, 3)


def test_a_fold_with_a_mask():
    mask = np.array([True, False, True])
    f = lambda x: np.sum(np.hypot.reduce(x, axis=1, where=mask, initial=0.0))  # noqa: E731
    lengths = np.hypot(X[:, :1], X[:, 2:])
    np.testing.assert_allclose(cr.grad(f)(X), X * mask / lengths, rtol=1e-15)


def test_what_a_fold_cannot_do_is_refused():
    with pytest.raises(UnsupportedFunctionError):
        cr.grad(lambda x: np.sum(np.add.reduceat(x, [0, 1], axis=1, dtype=float)))(X)


def test_two_outputs_into_two_arrays():
    def f(x):
        a, b = x * 0, x * 0
        np.divmod(x, 0.4, out=(a, b))
        return np.sum(b * b) + np.sum(a)

    assert np.allclose(cr.grad(f)(X), 2 * (X % 0.4))
    f = lambda x: np.sum(np.modf(x, out=(None, None))[0])  # noqa: E731
    assert (cr.grad(f)(X) == 1).all()


def test_at_on_a_plain_array_with_plain_values_counts():
    def f(x):
        counts = np.zeros(3)
        np.add.at(counts, np.argmax(x, axis=1), 1.0)
        np.negative.at(counts, [0])
        return np.sum(counts * x)

    assert cr.grad(f)(X).tolist() == [[-1, 0, 1]] * 2
    assert isinstance(cr.trace(f, X), Graph)  # where integers are traced too


def test_at_with_traced_values_on_a_plain_array_is_refused():
    def f(x):
        total = np.zeros(3)
        np.add.at(total, [0, 0], x[0, :2])
        return np.sum(total)

    with cr.interpose(False), pytest.raises(LostDerivativeError, match="total"):
        cr.grad(f)(X)
    assert np.array_equal(cr.grad(f)(X)[0], [1, 1, 0])


def test_a_list_from_the_left_and_transposes_in_every_spelling():
    def f(x):
        y = [[1.0, 2.0], [3.0, 4.0]] @ x
        z = x.transpose() + x.transpose(None) + x.transpose((1, 0)) + x.transpose(1, 0)
        return np.sum(y) + np.sum(z)

    assert np.allclose(cr.grad(f)(X), [[8, 8, 8], [10, 10, 10]])


# --- stores -----------------------------------------------------------------------------------


def test_stores_through_real_and_imag():
    def f(z):
        w = z * 1.0
        w.real[0] = 3.0
        w.imag *= 2
        return np.sum(np.real(w) * 10 + np.imag(w))

    z = np.array([1 + 2j, 3 + 4j])
    assert cr.grad(f)(z).tolist() == [-2j, 10 - 2j]


@pytest.mark.parametrize(
    "view", [lambda y: np.broadcast_to(y, (2, 2, 3)), lambda y: np.diagonal(y)]
)
def test_read_only_views(view):
    def f(x):
        y = x * 1.0
        view(y)[...] = 0.0
        return np.sum(y)

    with pytest.raises(ValueError, match="read-only"):
        cr.grad(f)(X)


def test_a_result_of_another_kind_is_not_cast_silently():
    def f(x):
        y = x * 1.0
        np.multiply(x, 1j, out=y)
        return np.sum(y)

    with pytest.raises(TypeError, match="same_kind"):
        cr.grad(f)(X)


# --- recordings -------------------------------------------------------------------------------


def test_large_constants_are_held_as_they_were():
    big = np.arange(5000.0)

    def f(x):
        y = np.sum(x * big)
        again = np.sum(x * x * big)
        big[:] = -1.0
        return y + again + np.sum(x * big)

    x = np.ones(5000)
    want = np.arange(5000.0) * 3 - 1
    assert np.array_equal(cr.grad(f)(x), want)


def test_large_constants_in_eight_threads():
    def run(k):
        scale = np.full(4000, float(k))
        f = lambda x: np.sum(np.sin(x * scale) * scale)  # noqa: E731
        return [cr.grad(f)(np.linspace(0, 1, 4000)) for _ in range(5)]

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for k, results in enumerate(pool.map(run, range(16))):
            want = np.cos(np.linspace(0, 1, 4000) * k) * k * k
            assert all(np.allclose(r, want, rtol=1e-13, atol=1e-13) for r in results)


def test_linearize_and_jacobians_through_several_outputs():
    a = np.array([[2.0, 1.0], [1.0, 3.0]])
    f = lambda a: np.sum(np.linalg.eigh(a)[0] ** 2)  # noqa: E731
    _, push = cr.linearize(f, a)
    v = np.array([[1.0, 0.5], [0.5, -1.0]])
    assert np.allclose(push(v), cr.jvp(f, (a,), (v,))[1], rtol=1e-13)
    assert np.allclose(cr.jacfwd(f)(a), cr.jacrev(f)(a), rtol=1e-12)


def test_infinite_contributions_of_both_signs_give_the_limit_or_nan_and_a_warning():
    with np.errstate(all="raise"):
        assert cr.grad(lambda x: np.sum(x * x))(X).shape == X.shape
    with np.errstate(all="ignore"):
        with pytest.warns(IndeterminateWarning, match="infinities meet.*the limit"):
            assert cr.grad(lambda x: np.sqrt(x) - np.sqrt(x))(0.0) == 0
        with pytest.warns(IndeterminateWarning, match="infinities meet|NaN"):
            assert np.isnan(cr.grad(lambda x: np.sqrt(x) - 2 * np.sqrt(x))(0.0))


# --- inputs -----------------------------------------------------------------------------------


def test_the_argument_is_named_as_well_as_can_be():
    with pytest.raises(InputTypeError, match="respect to x"):
        cr.grad(np.sin)(np.arange(3) > 1)
    with pytest.raises(InputTypeError, match=r"xs\[1\]"):
        cr.grad(lambda *xs: xs[0], argnums=(0, 1))(1.0, np.arange(3) > 1)


def test_an_ndarray_of_another_class_is_taken_as_an_array(tmp_path):
    m = np.memmap(tmp_path / "m", dtype=float, mode="w+", shape=3)
    m[:] = [1, 2, 3]
    got = cr.grad(lambda x: np.sum(x**2))(m)
    assert type(got) is np.ndarray
    assert got.tolist() == [2, 4, 6]


# --- records ----------------------------------------------------------------------------------


def test_one_function_has_one_record_and_one_name_one_op():
    with pytest.raises(ValueError, match="record already"):
        registry.register(np.sin, Op("another", np.sin, (INDEX,)))
    with pytest.raises(ValueError, match="two ops"):
        registry.add(Op("sin", np.sin, (INDEX,)))


def test_a_linear_slot_takes_one_declaration():
    with pytest.raises(TypeError, match="exactly one"):
        Linear()
    with pytest.raises(TypeError, match="exactly one"):
        Linear(equation=lambda s: "i->", transpose=lambda ct, x: ct)


def test_records_show_their_names():
    assert repr(registry.op_named("sin")) == "<op sin>"
    assert repr(Composite("both", abs, abs)) == "<composite both>"


def test_a_function_of_our_own_dispatches_as_numpys_do():
    twice = Function(_twice)
    assert twice(2.0) == 4.0
    assert twice.__name__ == "_twice"
    with pytest.raises(UnsupportedFunctionError, match="_twice"):
        cr.grad(lambda x: twice(x))(1.0)


def _twice(x):
    return 2 * x


@pytest.mark.filterwarnings("ignore:.*encountered:RuntimeWarning")
def test_a_constant_of_0_below_is_numpys_in_the_rule_too():
    """Python's own division by zero would be an error, and one that the program may catch."""
    x = np.array([1.0, 3.0])

    def caught(x):
        try:
            y = x[0] / 0
        except ZeroDivisionError:
            y = x[0] ** 2
        return y if np.isfinite(y) else x[1] ** 2

    value, slope = cr.jvp(caught, (x,), (np.array([0.0, 1.0]),))
    assert (value, slope) == (9.0, 6.0)
    f = lambda x: np.nan_to_num(x / 0.0, posinf=3.0) * x  # noqa: E731
    assert cr.grad(f)(np.float64(2.0)) == 3.0


@pytest.mark.parametrize("p", [0.3, 0.5, 1.5, 2.5, -0.5])
@pytest.mark.filterwarnings("ignore:.*encountered:RuntimeWarning")
def test_a_fractional_power_of_a_matrix_without_inverse_is_told(p):
    def f(t):
        a = np.diag([1.0, 4.0, 0.0]) + t * np.diag([1.0, 1.0, 0.0])
        return np.real(linalg.fractional_matrix_power(a, p)[0, 0])

    with pytest.warns(cr.errors.IndeterminateWarning):
        assert np.isnan(cr.grad(f)(0.0))
