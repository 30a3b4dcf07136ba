"""Elementwise operations where the general laws have no say: ties, kinks, infinities, far tails."""

import warnings
from typing import Any

import numpy as np
import pytest
from scipy import special

import chainrule as cr
from chainrule.core import registry
from chainrule.core.slots import Partial
from chainrule.errors import IndeterminateWarning, KinkWarning, UnsupportedFunctionError

INF, NAN = np.inf, np.nan
registry.load_all()
NUMPYS = [
    op
    for op in registry.ops()
    if isinstance(op.function, np.ufunc)
    and hasattr(np, op.name)
    and any(isinstance(s, Partial) and callable(s.rule) for s in op.slots)
]


def slopes(f: Any, *xs: Any) -> tuple[Any, ...]:
    """Return the gradients of Σf in every argument, the same from both modes."""
    y, pull = cr.vjp(f, *xs)
    rows = pull(np.ones_like(y))
    for k, row in enumerate(rows):
        if np.shape(row) == np.shape(y):
            tangents = tuple(np.ones_like(x) if j == k else np.zeros_like(x)
                             for j, x in enumerate(xs))  # fmt: skip
            np.testing.assert_allclose(cr.jvp(f, xs, tangents)[1], row, rtol=1e-14)
    return rows


def derivatives(f: Any, x: float, order: int) -> list[float]:
    return [float(cr.derivative(f, order=k)(x)) for k in range(1, order + 1)]


# --- float32 ------------------------------------------------------------------------------------


@pytest.mark.parametrize("op", NUMPYS, ids=lambda op: op.name)
def test_partials_of_float32_are_float32(op: Any) -> None:
    # the engine would cast the product back: this is about memory and time
    for shape in ((), (3,)):
        xs = [np.asarray(np.linspace(*_inner(op, k), 3)[: shape[0] if shape else 1], np.float32)
              .reshape(shape)[()] for k in range(len(op.slots))]  # fmt: skip
        with np.errstate(all="ignore"):
            y = op.value(*xs)
            for slot in op.slots:
                if isinstance(slot, Partial) and callable(slot.rule):
                    partial = slot.rule(y, *xs)
                    assert np.result_type(partial, np.float32) == np.float32, (op, partial.dtype)


def _inner(op: Any, k: int) -> tuple[float, float]:
    low, high = op.domain[min(k, len(op.domain) - 1)]
    return max(low, -2.0) + 0.3, min(high, 2.0) - 0.3


# --- choices ------------------------------------------------------------------------------------


def test_maximum_ties_and_nan() -> None:
    a = np.array([1.0, 2.0, 3.0, NAN, 1.0, NAN, INF, -INF])
    b = np.array([2.0, 2.0, 1.0, 1.0, NAN, NAN, INF, -INF])
    with pytest.warns(IndeterminateWarning, match="the value is NaN"):
        da, db = slopes(np.maximum, a, b)
    assert da.tolist() == [0, 0.5, 1, 1, 0, 1, 0.5, 0.5]
    assert db.tolist() == [1, 0.5, 0, 0, 1, 0, 0.5, 0.5]
    with pytest.warns(IndeterminateWarning, match="the value is NaN"):
        da, db = slopes(np.minimum, a, b)
    assert da.tolist() == [1, 0.5, 0, 1, 0, 1, 0.5, 0.5]
    assert db.tolist() == [0, 0.5, 1, 0, 1, 0, 0.5, 0.5]


def test_fmax_passes_nan_over() -> None:
    a, b = np.array([1.0, 2.0, NAN, 1.0, NAN]), np.array([2.0, 2.0, 1.0, NAN, NAN])
    for f, first in ((np.fmax, [0, 0.5, 0, 1, 1]), (np.fmin, [1, 0.5, 0, 1, 1])):
        with pytest.warns(IndeterminateWarning, match="the value is NaN"):
            da, db = slopes(f, a, b)
        assert da.tolist() == first
        assert db.tolist() == [1 - d for d in first]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_maximum_with_a_number_keeps_the_dtype(dtype: Any) -> None:
    x = np.array([-1, 0, 2], dtype)
    g = cr.grad(lambda x: np.sum(np.maximum(x, 0)))(x)
    assert g.dtype == dtype
    assert g.tolist() == [0, 0.5, 1]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (-1.0, 1.0, [0, 1, 0]),
        (None, 1.0, [1, 1, 0]),
        (-1.0, None, [0, 1, 1]),
        (np.array([-3.0, 0.0, 2.0]), 5.0, [1, 1, 1]),
        ([-3.0, 0.0, 2.0], [4.0, 0.25, 9.0], [1, 0, 1]),
    ],
)
def test_clip(low: Any, high: Any, expected: list[float]) -> None:
    x = np.array([-2.0, 0.5, 3.0])
    for f in (lambda x: np.clip(x, low, high), lambda x: x.clip(low, high)):
        assert slopes(f, x)[0].tolist() == expected
    assert slopes(lambda x: np.clip(x, a_min=low, a_max=high), x)[0].tolist() == expected


def test_clip_between_bounds_that_are_one_number() -> None:
    x = np.array([0.0, 1.0, 2.0])
    dx, dlow, dhigh = slopes(np.clip, x, np.ones(3), np.ones(3))
    assert dx.tolist() == [0, 0, 0]  # the result is the bound, wherever x is
    assert (dlow + dhigh).tolist() == [1, 1, 1]
    assert slopes(lambda x: np.clip(x, 1, [1, 1, 3]), x)[0].tolist() == [0, 0, 1]
    assert slopes(lambda x: np.clip(x, x, x), x)[0].tolist() == [1, 1, 1]


def test_clip_in_its_bounds_and_out() -> None:
    x, low, high = np.array([-2.0, 0.5, 3.0]), np.float64(-1.0), np.float64(1.0)
    dx, dlow, dhigh = slopes(lambda x, a, b: np.clip(x, min=a, max=b), x, low, high)
    assert dx.tolist() == [0, 1, 0]
    assert (dlow, dhigh) == (1, 1)

    def into(x: Any) -> Any:
        y = x * 0
        np.clip(x, -1, 1, y)
        return y * 2

    assert slopes(into, x)[0].tolist() == [0, 2, 0]
    with pytest.raises(UnsupportedFunctionError, match="casting"):
        cr.grad(lambda x: np.sum(np.clip(x, 0, 1, casting="unsafe")))(x)
    assert slopes(lambda x: np.clip(x, None, None) * 3, x)[0].tolist() == [3, 3, 3]


def test_absolute_values() -> None:
    x = np.array([-2.0, 0.0, 3.0, -0.0])
    for f in (np.abs, np.fabs, abs, np.absolute):
        assert slopes(f, x)[0].tolist() == [-1, 0, 1, 0]
    with pytest.warns(KinkWarning):  # from order two on
        assert derivatives(lambda x: x * np.abs(x), 0.0, 3) == [0, 0, 0]
    assert slopes(np.sign, x)[0].tolist() == [0, 0, 0, 0]
    z = np.array([3 + 4j, 0j, -2j])
    g = cr.grad(lambda z: np.sum(np.abs(z)))(z)
    np.testing.assert_allclose(g, [0.6 - 0.8j, 0, 1j], rtol=1e-15)
    a = np.array([1.0, 2.0])
    cr.check_grads(lambda a: np.sum(np.real(np.sign(a * (1 + 2j) + 3)) ** 3), (a,))


def test_copysign_and_heaviside() -> None:
    a, b = np.array([2.0, -2.0, 2.0, 0.0]), np.array([-1.0, -1.0, 5.0, 1.0])
    da, db = slopes(np.copysign, a, b)
    assert da.tolist() == [-1, 1, 1, 0]
    assert not db.any()
    x, h = np.array([-1.0, 0.0, 1.0]), np.array([0.5, 0.5, 0.5])
    dx, dh = slopes(np.heaviside, x, h)
    assert not dx.any()
    assert dh.tolist() == [0, 1, 0]


def test_nan_to_num() -> None:
    x = np.array([1.0, NAN, INF, -INF, -2.0])
    f = lambda x: np.nan_to_num(x, nan=5.0, posinf=7.0, neginf=-7.0) * 3  # noqa: E731
    assert slopes(f, x)[0].tolist() == [3, 0, 0, 0, 3]
    np.testing.assert_array_equal(cr.vjp(f, x)[0], f(x))
    z = np.array([1 + 1j, NAN + 2j])
    assert cr.grad(lambda z: np.sum(np.real(np.nan_to_num(z)) + np.imag(np.nan_to_num(z))))(
        z
    ).tolist() == [1 - 1j, -1j]

    def in_place(x: Any) -> Any:
        y = x * 1
        np.nan_to_num(y, copy=False)
        return y

    assert slopes(in_place, x)[0].tolist() == [1, 0, 0, 0, 1]


# --- whole numbers and remainders ---------------------------------------------------------------


def test_remainders() -> None:
    a, b = np.array([5.5, -5.5, 5.5, -5.5]), np.array([2.0, 2.0, -2.0, -2.0])
    for f, steps in ((np.remainder, np.floor(a / b)), (np.fmod, np.trunc(a / b))):
        da, db = slopes(f, a, b)
        assert da.tolist() == [1] * 4
        assert db.tolist() == (-steps).tolist()
    assert (
        slopes(lambda a, b: divmod(a, b)[1] + np.divmod(a, b)[0], a, b)[1].tolist()
        == (-np.floor(a / b)).tolist()
    )
    assert slopes(lambda a: 7.0 % a, np.array([2.0]))[0].tolist() == [-3]


def test_parts_of_a_number() -> None:
    x = np.array([1.25, -2.5, 8.0, 0.3])
    assert slopes(lambda x: np.modf(x)[0] * 2 + np.modf(x)[1], x)[0].tolist() == [2] * 4
    mantissa, exponent = np.frexp(x)
    np.testing.assert_array_equal(slopes(lambda x: np.frexp(x)[0], x)[0], mantissa / x)
    np.testing.assert_array_equal(
        slopes(lambda x: np.ldexp(x, exponent), x)[0], np.ldexp(1.0, exponent)
    )
    assert cr.grad(lambda x: np.sum(np.nextafter(x, 9.0)))(x).tolist() == [1] * 4


@pytest.mark.filterwarnings("ignore:.*fix:DeprecationWarning")  # from NumPy 2.5 on
@pytest.mark.parametrize("f", [np.floor, np.ceil, np.rint, np.trunc, np.round, np.fix, np.spacing])
def test_steps_are_constant(f: Any) -> None:
    x = np.array([1.25, -2.5, 2.0])
    assert slopes(lambda x: f(x) * x, x)[0].tolist() == f(x).tolist()


def test_rounding_to_digits() -> None:
    x = np.array([1.26, -2.57])
    assert slopes(lambda x: np.round(x, 1) * x + x.round(1), x)[0].tolist() == [1.3, -2.6]
    assert float(cr.grad(lambda x: round(x, 1) * x)(1.26)) == 1.3


# --- powers -------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("form", ["operator", "number", "array"])
def test_whole_powers_at_zero_in_every_order(n: int, form: str) -> None:
    f = {
        "operator": lambda x: x**n,
        "number": lambda x: np.power(x, n),
        "array": lambda x: np.power(x, np.array(float(n))),
    }[form]
    expected = [float(np.prod(range(n, n - k, -1))) if k == n else 0.0 for k in (1, 2, 3, 4)]
    assert derivatives(f, 0.0, 4) == expected


def test_powers_of_integers_and_by_integers() -> None:
    x = np.array([1.5, 2.0])
    np.testing.assert_allclose(slopes(lambda x: 2**x, x)[0], 2**x * np.log(2), rtol=1e-15)
    n = np.array([2, -1])
    np.testing.assert_allclose(slopes(lambda x: x**n, x)[0], n * x ** (n - 1.0), rtol=1e-15)
    np.testing.assert_allclose(
        slopes(lambda x: np.array([1, 3]) / x, x)[0], -np.array([1, 3]) / x**2, rtol=1e-15
    )
    np.testing.assert_allclose(slopes(lambda x: x / np.array([2, 4]), x)[0], [0.5, 0.25])
    assert cr.grad(lambda n: 0.0**n)(2.0) == 0
    y, pull = cr.vjp(lambda x: np.float_power(x, 2), np.array([3.0], np.float32))
    assert y.dtype == np.float64
    assert pull(np.ones(1))[0].dtype == np.float32


# --- smooth functions where a plain formula fails -------------------------------------------------


def test_tanh_in_the_tails() -> None:
    for x in (20.0, 100.0, 300.0, -300.0, 355.0):
        exact = 4 * np.exp(-2 * abs(x)) / (1 + np.exp(-2 * abs(x))) ** 2
        first, second, third = derivatives(np.tanh, x, 3)
        np.testing.assert_allclose(first, exact, rtol=4e-15)
        np.testing.assert_allclose(second, -2 * np.sign(x) * exact, rtol=4e-15)
        np.testing.assert_allclose(third, 4 * exact, rtol=4e-15)
    assert derivatives(np.tanh, 0.0, 5) == [1, 0, -2, 0, 16]
    assert derivatives(np.tanh, 1000.0, 3) == [0, 0, 0]


def test_sinc_in_every_order_at_zero() -> None:
    found = derivatives(np.sinc, 0.0, 6)
    pi = np.pi
    np.testing.assert_allclose(
        found, [0, -(pi**2) / 3, 0, pi**4 / 5, 0, -(pi**6) / 7], rtol=1e-15, atol=0
    )
    np.testing.assert_allclose(
        derivatives(np.sinc, 1e-9, 3), [-(pi**2) / 3 * 1e-9, -(pi**2) / 3, pi**4 / 5 * 1e-9],
        rtol=1e-15,
    )  # fmt: skip
    for x in (0.3, 0.4775, 1.0, 7.25):
        cr.check_grads(np.sinc, (x,), order=3)


def test_lengths_at_zero_and_far_out() -> None:
    assert [float(d) for d in slopes(np.hypot, 0.0, 0.0)] == [0, 0]
    with pytest.warns(KinkWarning, match="∞ and ∞"):
        assert np.isnan(cr.hessian(lambda v: np.hypot(v[0], v[1]))(np.zeros(2))).any()
    da, db = slopes(np.hypot, 3e200, 4e200)
    np.testing.assert_allclose([da, db], [0.6, 0.8])
    da, db = slopes(np.arctan2, 3e200, 4e200)
    np.testing.assert_allclose([da, db], [1.6e-201, -1.2e-201])
    da, db = slopes(np.arctan2, 3e-200, 4e-200)
    np.testing.assert_allclose([da, db], [1.6e199, -1.2e199])
    np.testing.assert_allclose(slopes(np.arcsinh, 1e300)[0], 1e-300)
    np.testing.assert_allclose(slopes(np.arccosh, 1e300)[0], 1e-300)


def test_logaddexp_at_infinities_and_far_apart() -> None:
    for f in (np.logaddexp, np.logaddexp2):
        a = np.array([-INF, INF, -INF, 1.0, INF])
        b = np.array([-INF, INF, 1.0, -INF, 1.0])
        da, db = slopes(f, a, b)
        assert da.tolist() == [0.5, 0.5, 0, 1, 1]
        assert db.tolist() == [0.5, 0.5, 1, 0, 0]
    da, db = slopes(np.logaddexp, 700.0, 0.0)
    np.testing.assert_allclose([da, db], [1, np.exp(-700.0)], rtol=1e-14)
    assert derivatives(lambda x: np.logaddexp(x, 0.0), 0.0, 4) == [0.5, 0.25, 0, -0.125]
    np.testing.assert_allclose(
        derivatives(lambda x: np.logaddexp(0.0, x), -600.0, 3), [np.exp(-600.0)] * 3, rtol=1e-14
    )
    np.testing.assert_allclose(
        cr.grad(lambda x: np.logaddexp.reduce(x))(np.array([1.0, 2.0, 3.0])),
        special.softmax([1.0, 2.0, 3.0]), rtol=1e-14,
    )  # fmt: skip


def test_nothing_flows_back_from_a_branch_not_taken() -> None:
    x = np.array([-1.0, 0.0, 4.0])
    for f in (np.sqrt, np.log, np.cbrt, lambda x: x**-1.5, lambda x: np.arctanh(x + 1)):
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            g = cr.grad(lambda x, f=f: np.sum(np.where(x > 3, np.real(f(x)), 0.0)))(x)
            h = cr.grad(lambda x, f=f: np.sum(np.where(x > 3, np.real(f(x)), 0.0)))(x[::2])
            sinc = cr.grad(lambda x: np.sum(np.where(x != 0, np.sin(x) / x, 1.0)))(x)
        assert g[:2].tolist() == [0, 0]
        assert h[0] == 0
        assert sinc[1] == 0


# --- complex numbers ------------------------------------------------------------------------------


def test_parts_of_complex_numbers() -> None:
    z = np.array([3 + 4j, -1 + 2j])
    assert cr.grad(lambda z: np.sum(np.real(z)))(z).tolist() == [1, 1]
    assert cr.grad(lambda z: np.sum(np.imag(z)))(z).tolist() == [-1j, -1j]
    assert cr.grad(lambda z: np.sum(z.real * z.imag))(z).tolist() == [4 - 3j, 2 + 1j]
    assert cr.grad(lambda z: np.sum(np.real(np.conj(z) * z)))(z).tolist() == (2 * z.conj()).tolist()
    np.testing.assert_allclose(
        cr.grad(lambda z: np.sum(np.angle(z)))(z), -1j / z, rtol=1e-15, atol=1e-16
    )
    np.testing.assert_allclose(
        cr.grad(lambda z: np.sum(np.angle(z, deg=True)))(z), -1j / z * 180 / np.pi, rtol=1e-14
    )
    x = np.array([1.0, 2.0])
    assert cr.grad(lambda x: np.sum(np.real(x) * 2 + np.imag(x)))(x).tolist() == [2, 2]
    assert cr.grad(lambda x: np.sum(np.real_if_close(x + 0j)))(x).tolist() == [1, 1]
    _, t = cr.jvp(np.imag, (z,), (np.array([1 + 5j, 2 - 3j]),))
    assert t.tolist() == [5, -3]
    assert t.dtype == np.float64


# --- constants ------------------------------------------------------------------------------------


def test_questions_are_answered_with_plain_values() -> None:
    x = np.array([3.0, -1.0, 2.0])

    def f(x: Any) -> Any:
        assert np.array_equal(x, [3.0, -1.0, 2.0])
        assert not np.array_equal(x, x[:2])
        assert np.array_equiv(x, x[None])
        assert not np.array_equiv(x, np.ones(2))
        assert np.array_equal(x * NAN, x * NAN, equal_nan=True)
        assert np.allclose(x, x + 1e-12)
        assert np.isclose(x, 3.0).tolist() == [True, False, False]
        assert np.argmax(x) == 0
        assert x.argmin() == 1
        assert np.argsort(x).tolist() == [1, 2, 0]
        assert np.count_nonzero(x > 0) == 2
        assert np.any(x < 0)
        assert not np.all(x < 0)
        assert np.searchsorted([0.0, 2.5], x).tolist() == [2, 0, 1]
        assert np.digitize(x, [0.0, 2.5]).tolist() == [2, 0, 1]
        assert np.nonzero(x > 0)[0].tolist() == [0, 2]
        assert np.isin(x, [2.0]).tolist() == [False, False, True]
        assert np.lexsort((x, x)).tolist() == [1, 2, 0]
        assert np.result_type(x, 1) == np.float64
        assert np.can_cast(x, np.float32, "same_kind")
        assert np.common_type(x, np.float32(1)) is np.float64
        assert np.signbit(x).tolist() == [False, True, False]
        assert np.isreal(x).all()
        assert not np.any(np.iscomplex(x) | np.isposinf(x) | np.isneginf(x))
        return np.sum(x * np.sign(x))

    assert cr.grad(f)(x).tolist() == [1, -1, 1]
    assert cr.jvp(f, (x,), (x,))[1] == 6
    cr.trace(f, x)
    with pytest.raises(ValueError, match="at least one axis"):
        cr.grad(lambda x: np.nonzero(x[0])[0] * x[0])(x)
