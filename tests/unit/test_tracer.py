"""A tracer behaves as the array or number it holds: looks, operators, methods, stores, views."""

import copy
import operator
from typing import Any

import numpy as np
import pytest
from numpy import float64 as f8
from scipy.interpolate import CubicSpline as Spline

import chainrule as cr

A = np.array([0.5, 1.5, 2.5])
M = np.arange(6.0).reshape(2, 3) / 4 - 0.6


def traced(x: Any, look: Any) -> Any:
    """What `look` sees on a tracer that holds `x`."""
    seen: list[Any] = []

    def f(t: Any) -> Any:
        seen.append(look(t))
        return np.sum(t * 1.0)

    cr.grad(f)(x)
    return seen[0]


def slopes(f: Any, x: Any) -> Any:
    h = 1e-6
    flat = [np.zeros_like(x) for _ in range(x.size)]
    for i, e in enumerate(flat):
        e.flat[i] = h
    return np.reshape([(f(x + e) - f(x - e)) / (2 * h) for e in flat], x.shape)


def agrees(f: Any, x: Any) -> None:
    """Value, gradient (reverse, forward) and a second level are those of the plain program."""
    value, gradient = cr.value_and_grad(f)(x.copy())
    assert np.allclose(value, f(x.copy()), rtol=1e-14)
    assert np.allclose(gradient, slopes(f, x), rtol=1e-6, atol=1e-8)
    columns = cr.jacfwd(f)(x.copy())
    assert np.allclose(gradient, columns, rtol=1e-13, atol=1e-15)
    assert np.allclose(
        cr.hessian(f)(x.copy()), cr.jacrev(cr.grad(f))(x.copy()), rtol=1e-12, atol=1e-13
    )


# --- looks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("x", [A, M, np.float64(2.5), np.float32(1.5), np.ones((2, 0))], ids=repr)
@pytest.mark.parametrize(
    "look",
    [
        lambda t: t.shape, lambda t: t.dtype, lambda t: t.ndim, lambda t: t.size,
        lambda t: t.itemsize, lambda t: t.nbytes, lambda t: str(t), lambda t: f"{t}",
        lambda t: isinstance(t, np.ndarray), lambda t: isinstance(t, float),
        lambda t: isinstance(t, np.generic), lambda t: isinstance(t, np.floating | int),
        lambda t: np.isscalar(t), lambda t: np.shape(t), lambda t: np.ndim(t), lambda t: np.size(t),
        lambda t: t.__class__, lambda t: np.result_type(t, np.float32), lambda t: callable(t),
        lambda t: hasattr(t, "__array__"), lambda t: hasattr(t, "no_such_name"),
        lambda t: np.iscomplexobj(t), lambda t: isinstance(t, str | list | tuple | dict),
    ],
)  # fmt: skip
def test_it_looks_like_its_value(x: Any, look: Any) -> None:
    assert traced(x, look) == look(x)


def test_lengths_truth_and_iteration() -> None:
    assert traced(M, len) == 2
    assert traced(A, lambda t: [float(cr.stop_gradient(v)) for v in t]) == [0.5, 1.5, 2.5]
    assert traced(np.float64(2.0), bool) is True
    assert traced(np.float64(0.0), bool) is False
    assert traced(A, lambda t: 1.5 in t) is True
    assert traced(M, lambda t: 99.0 in t) is False
    for look, kind in (
        (lambda t: bool(t), ValueError),
        (lambda t: len(t[0]), TypeError),
        (lambda t: list(t[0]), TypeError),
        (lambda t: t[7], IndexError),
        (lambda t: t.no_such_name, TypeError),
        (lambda t: t[0].__setitem__(0, 1.0), TypeError),
    ):
        with pytest.raises(kind):
            traced(A, look)


def test_it_prints_its_value() -> None:
    assert traced(A, repr) == repr(A)
    assert traced(np.float64(2.0), lambda t: f"{t:.3f}") == "2.000"


# --- operators ------------------------------------------------------------------------------------

BINARY = [
    operator.add, operator.sub, operator.mul, operator.truediv, operator.pow, operator.mod,
    operator.floordiv, lambda a, b: divmod(a, b)[1], np.maximum, np.arctan2, np.hypot,
]  # fmt: skip
OTHERS = [2.0, 3, np.float64(1.5), np.float32(0.5), np.array([1.0, 2.0, 0.75]), [1.0, 2.0, 0.75]]


@pytest.mark.parametrize("op", BINARY)
@pytest.mark.parametrize("other", OTHERS, ids=repr)
def test_binary_operators_from_both_sides(op: Any, other: Any) -> None:
    agrees(lambda x: np.sum(op(x, other) * A), A + 0.2)  # not at a jump of // or %
    agrees(lambda x: np.sum(op(other, x) * A), A + 0.2)
    agrees(lambda x: op(x[0], 0.7) * op(0.7, x[1]), A + 0.1)


@pytest.mark.parametrize("op", [operator.neg, operator.pos, abs, lambda x: round(x[0], 1) * x[1]])
def test_unary_operators(op: Any) -> None:
    agrees(lambda x: np.sum(op(x) * x), A)


@pytest.mark.parametrize("op", [operator.lt, operator.le, operator.gt, operator.ge, operator.eq,
                                operator.ne])  # fmt: skip
def test_comparisons(op: Any) -> None:
    agrees(lambda x: np.sum(np.where(op(x, 1.5), x * x, 3 * x)), np.array([0.5, 1.7, 2.5]))
    agrees(lambda x: x[0] ** 2 if op(x[0], x[1]) else x[1] ** 3, A)
    assert traced(A, lambda t: op(t, 1.5)).tolist() == op(A, 1.5).tolist()


def test_matrix_products() -> None:
    agrees(lambda x: np.sum((x @ A) ** 2), M)
    agrees(lambda x: np.sum((A @ x.T) ** 2), M)
    agrees(lambda x: np.sum((np.ones((4, 2)) @ x) ** 2), M)
    agrees(lambda x: x[0] @ x[1], M)


def test_in_place_operators_of_numbers_and_arrays() -> None:
    def on_numbers(x: Any) -> Any:
        y = x[0]
        y += x[1]
        y *= y
        y /= 3
        y -= x[2]
        y **= 2
        return y

    def on_arrays(x: Any) -> Any:
        y = x * 1
        same = y
        y += x
        y *= same
        y /= 3
        y -= x
        y **= 2
        return np.sum(same)

    agrees(on_numbers, A)
    agrees(on_arrays, A)


def test_bit_operators_of_conditions() -> None:
    agrees(lambda x: np.sum(np.where((x > 1) & (x < 2) | ~(x > 0.1) ^ (x > 9), x * x, x)), A)


def test_power_with_a_modulus_is_refused_as_in_python() -> None:
    with pytest.raises(TypeError, match="3rd argument"):
        cr.grad(lambda x: pow(x, 2, 3))(2.0)


# --- methods --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x.sum(axis=0).prod(),
        lambda x: x.mean() * x.std(),
        lambda x: x.var(axis=1).sum(),
        lambda x: x.max() * x.min(),
        lambda x: (x.cumsum() ** 2).sum(),
        lambda x: (x.reshape(3, 2)[0] * x.reshape((3, 2))[1]).sum(),
        lambda x: (x.reshape(-1, order="F") * np.arange(6)).sum(),
        lambda x: (x.T[0] * x.transpose()[1] * x.transpose(1, 0)[2]).sum(),
        lambda x: (x.ravel()[::2] * x.flatten()[1::2]).sum(),
        lambda x: (x.swapaxes(0, 1) @ x).trace(),
        lambda x: (x.mT @ x).sum(),
        lambda x: x.diagonal().prod(),
        lambda x: (x.repeat(2, axis=0) * np.arange(12.0).reshape(4, 3)).sum(),
        lambda x: x.take([0, 5, 5]).prod(),
        lambda x: x.clip(-0.29, 0.41).prod() * x.sum(),
        lambda x: x[0].dot(x[1]),
        lambda x: x.copy().sum() ** 2,
        lambda x: x.round(0).sum() * x.sum(),
        lambda x: x[None].squeeze().prod(),
        lambda x: x.astype(float).prod(),
        lambda x: x.item(0) * x.item(1, 2) * x.item((0, 1)),
        lambda x: x.real.sum() * x.conj().sum(),
        lambda x: x.imag.sum() + x.sum(),
        lambda x: x.ravel()[x.argmax()] * x.ravel()[x.argsort()[0, 1]],
        lambda x: x.any() * x.all() * x.sum(),
        lambda x: (x.flat[2] * x.flat[3]) ** 2,
        lambda x: sum(v * v for v in x.flat),
        lambda x: sum(map(sum, x.tolist())) ** 2,
        lambda x: x.compress([True, False], axis=0).prod(),
        lambda x: x[1].searchsorted([0.3])[0] * x.sum(),
    ],
)
def test_methods(f: Any) -> None:
    agrees(f, M)


# --- stores and views ----------------------------------------------------------------------


def view_of_view(x: Any) -> Any:
    y = x * 2
    row = y[1]
    part = row[::-1][:2]
    part *= x[0, :2]
    y[0, 0] = row[1] * 3
    return np.sum(y * y) + np.sum(row)


def transpose_and_reshape(x: Any) -> Any:
    y = x.copy()
    y.T[1] = y.T[0] ** 2
    z = y.reshape(-1)
    z[2:5] += x.ravel()[:3]
    return np.sum(y * M)


def old_readers(x: Any) -> Any:
    y = x.copy()
    before = np.sum(y**2)
    y[:] = 1.0
    y[0] += x[1]
    return before * np.sum(y)


def loops(x: Any) -> Any:
    y = np.zeros_like(x)
    for i in range(2):
        for j in range(3):
            y[i, j] = x[i, j] * (y[i, j - 1] if j else 1.0) + y[i - 1, j]
    return np.sum(y**2)


def broadcast_store(x: Any) -> Any:
    y = x * 0
    y[:, 1:] = x[:1, :1]
    y[..., 0] = [1.0, 2.0]
    y[:, None][1] = x[0]
    return np.sum(y * M) + np.sum(y**2)


def masks_and_indices(x: Any) -> Any:
    y = x.copy()
    y[y < 0] = 0.25
    y[[0, 1, 1], [0, 2, 2]] = x[0] * 2  # the last write wins
    y[np.array([1, 0])] += x
    np.add.at(y, ([0, 0], [1, 1]), x[1, :2])  # every one counts
    return np.sum(y**2)


def out_argument(x: Any) -> Any:
    y = np.empty_like(x)
    np.multiply(x, 3.0, out=y)
    np.add(y, x, out=y[:, ::-1])
    np.exp(y, out=y, where=M > 0)
    return np.sum(y)


def sorting(x: Any) -> Any:
    y = x.ravel().copy()
    y.sort()
    y.put([0], y[5])
    y.partition(2)
    y.fill(y[3] * y[0])
    return np.sum(y)


def swap(x: Any) -> Any:
    y = x.copy()
    y[0], y[1] = y[1].copy(), y[0].copy()
    y[0, 0], y[0, 1] = y[0, 1], y[0, 0]
    return np.sum(y * M**2)


def overlap(x: Any) -> Any:
    y = x.ravel().copy()
    y[1:] = y[:-1]
    y[:-1] += y[1:]
    return np.sum(y * np.arange(6.0))


def copies_are_apart(x: Any) -> Any:
    y = x * 1
    z, w, v = y.copy(), copy.copy(y), copy.deepcopy(y)
    y[:] = 0.0
    z[0] *= 2
    return np.sum(z * w * v) + np.sum(y)


STORES = [
    view_of_view, transpose_and_reshape, old_readers, loops, broadcast_store, masks_and_indices,
    out_argument, sorting, swap, overlap, copies_are_apart,
]  # fmt: skip


@pytest.mark.parametrize("f", STORES, ids=lambda f: f.__name__)
def test_stores_follow_numpy(f: Any) -> None:
    agrees(f, M.copy())


def test_a_read_only_view_is_refused() -> None:
    from chainrule.errors import ReadOnlyError

    def f(x: Any) -> Any:
        y = np.broadcast_to(x, (2, 3))
        y[0] = 1.0
        return np.sum(y)

    with pytest.raises(ReadOnlyError, match="read-only") as caught:
        cr.grad(f)(A)
    assert isinstance(caught.value, ValueError)
    assert "y.copy()" in str(caught.value)
    assert "y[0] = 1.0" in str(caught.value)


def test_a_store_keeps_the_dtype() -> None:
    def f(x: Any) -> Any:
        y = x.astype(np.float32)
        y[0] = np.float64(1.0) * x[1]
        y += x
        assert y.dtype == np.float32
        return np.sum(y)

    assert np.allclose(cr.grad(f)(A), [1.0, 3.0, 2.0])


def test_a_complex_value_does_not_fit_a_real_array() -> None:
    def f(x: Any) -> Any:
        y = x.copy()
        y += 1j * x
        return np.sum(y)

    with pytest.raises(TypeError, match="same_kind"):
        f(A.copy())
    with pytest.raises(TypeError, match="same_kind"):
        cr.grad(f)(A)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "c8", "c16"])
@pytest.mark.parametrize("operator", ["+", "-", "*", "/", "**"])
@pytest.mark.parametrize("number", [2j, 1 + 2j, 1.5, 3, True])
def test_python_numbers_keep_the_dtype_that_numpy_gives(
    dtype: str, operator: str, number: Any
) -> None:
    # Python's numbers are weak (NEP 50): float32 + 2j is complex64
    combine = eval(f"lambda a, b: a {operator} b")
    x = np.arange(2, 5).astype(dtype)

    def f(x: Any) -> list[Any]:
        return [combine(x, number), combine(number, x), combine(x[0], number)]

    want = [v.dtype for v in f(x)]
    outputs, _ = cr.vjp(f, x)
    assert [v.dtype for v in outputs] == want


def test_types_are_themselves_in_a_traced_function() -> None:
    def f(x: Any) -> Any:
        number = 1.5
        answers = (
            type(number) is float, type(number) == float, isinstance(number, float),  # noqa: E721
            x.dtype.type is np.float64, x.dtype.type == np.float64, x.dtype == np.float64,
            x.dtype == float, {float: 1}.get(type(number)), issubclass(x.dtype.type, np.float64),
            np.float64 is np.dtype(float).type, np.common_type(x) is np.float64,
        )  # fmt: skip
        assert all(answers), answers
        return np.sum(np.float32(x))

    assert cr.grad(f)(np.ones(2)).tolist() == [1, 1]


def test_a_type_by_another_name_is_itself_in_a_traced_function() -> None:
    def f(x: Any) -> Any:
        number, spline = np.float64(2.0), Spline(np.arange(4.0), np.arange(4.0))
        answers = (
            type(number) is f8, type(number) is np.double, not type(number) is not f8,
            type(spline) is Spline,
        )  # fmt: skip
        return np.array([x[0], x[1] * 3 if all(answers) else 0.0]).sum()

    assert cr.grad(f)(np.ones(2)).tolist() == [1, 3]
    by_name = lambda x: x * 3 if type(np.float64(1)) is f8 else x * 0  # noqa: E731
    assert cr.grad(by_name)(1.0) == 3


@pytest.mark.parametrize("given", ["0.3", "min=0.3", "max=0.5", "0.3, 0.5", "None, 0.5", "x[0]"])
@pytest.mark.parametrize("made", ["np.outer(x, x).T", "np.outer(x, x)[::-1]", "x", "x * 1j * -1j"])
def test_the_method_clip_takes_one_bound(given: str, made: str) -> None:
    f = eval(f"lambda x: np.sum(np.real({made}).clip({given}) * np.arange(1.0, 3.0))")
    x = np.array([0.45, 0.8])
    steps = 1e-6 * np.eye(2)
    wanted = [(f(x + h) - f(x - h)) / 2e-6 for h in steps]
    np.testing.assert_allclose(cr.grad(f)(x), wanted, rtol=1e-6, atol=1e-8)


class Pair:
    def __init__(self, v):
        self.v = v

    def __array__(self, dtype=None, copy=None):
        return np.array([self.v, self.v**2])


@pytest.mark.parametrize("use", [
    lambda v: np.asarray(Pair(v)).sum(), lambda v: np.array(Pair(v), dtype=float)[1],
    lambda v: np.sum(Pair(v)), lambda v: (np.ones(2) + Pair(v)).sum(), lambda v: np.sin(Pair(v))[1],
    lambda v: np.dot(Pair(v), np.ones(2)), lambda v: np.sqrt(np.asanyarray(Pair(v))).sum(),
    lambda v: np.max(Pair(v)) + np.zeros(1)[0],
])  # fmt: skip
def test_an_object_that_says_what_array_it_is(use):
    def f(v):
        return use(v) * np.array([1.0])[0]

    slope = (f(1.5 + 1e-6) - f(1.5 - 1e-6)) / 2e-6
    np.testing.assert_allclose(cr.grad(f)(1.5), slope, rtol=1e-6)
