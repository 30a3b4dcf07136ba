"""Layout: NumPy's aliasing through every kind of view, padding, in-place functions, conversion."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import LostDerivativeError, ReadOnlyError, UnsupportedFunctionError

X = np.array([[0.3, -1.2, 2.1, 0.7], [1.4, 0.2, -0.6, 1.1], [-0.9, 0.8, 0.5, -1.7]])


def agrees(f, *xs, order=2):
    """Check the traced value against NumPy's, bit for bit, and the derivatives by differences."""
    plain = f(*[x.copy() for x in xs])
    traced, _ = cr.vjp(f, *xs)
    assert np.shape(plain) == np.shape(traced)
    assert np.asarray(plain).tobytes() == np.asarray(traced).tobytes()
    cr.check_grads(lambda *a: np.sin(f(*a)), xs, order=order)


# --- views ------------------------------------------------------------------------------------

VIEWS = {
    "reshape": lambda y: y.reshape(2, 6),
    "reshape F": lambda y: y.T.reshape(2, 6, order="F"),
    "reshape copy": lambda y: y.T.reshape(2, 6),
    "ravel": lambda y: y.ravel(),
    "ravel of transpose": lambda y: y.T.ravel(),
    "ravel F": lambda y: y.T.ravel(order="F"),
    "ravel K": lambda y: y.T.ravel(order="K"),
    "flatten": lambda y: y.flatten(),
    "T": lambda y: y.T,
    "transpose": lambda y: y.reshape(3, 2, 2).transpose(2, 0, 1),
    "swapaxes": lambda y: y.swapaxes(0, 1),
    "moveaxis": lambda y: np.moveaxis(y.reshape(3, 2, 2), 0, -1),
    "rollaxis": lambda y: np.rollaxis(y, 1),
    "squeeze": lambda y: np.squeeze(y[None, :, None]),
    "expand_dims": lambda y: np.expand_dims(y, (0, 2)),
    "flip": lambda y: np.flip(y),
    "fliplr": np.fliplr,
    "flipud": np.flipud,
    "rot90": np.rot90,
    "rot180": lambda y: np.rot90(y, 2),
    "split": lambda y: np.split(y, 2, axis=1)[1],
    "hsplit": lambda y: np.hsplit(y, [1, 3])[1],
    "array_split": lambda y: np.array_split(y.ravel(), 5)[2],
    "unstack": lambda y: np.unstack(y, axis=1)[2],
    "atleast_3d": np.atleast_3d,
    "matrix_transpose": np.matrix_transpose,
    "slice of slice": lambda y: y[1:, ::-1][:, 1:3],
    "newaxis": lambda y: y[:, None, 1:],
    "fancy copies": lambda y: y[[0, 2]],
    "mask copies": lambda y: y[np.array([True, False, True])],
    "take copies": lambda y: np.take(y, 1, axis=0),
    "repeat copies": lambda y: np.repeat(y, 2, axis=0),
    "tile copies": lambda y: np.tile(y, 1),
    "roll copies": lambda y: np.roll(y, 1),
    "copy": lambda y: y.copy(),
    "astype copies": lambda y: y.astype(float),
    "real": lambda y: y.real,
    "view of view": lambda y: y.T.reshape(4, 3)[1:3].T,
}  # fmt: skip


@pytest.mark.parametrize("name", VIEWS)
def test_a_store_reaches_what_it_reaches_in_numpy(name):
    def f(x):
        y = x * 1.0
        v = VIEWS[name](y)
        v[...] = v * v + 1.0
        v[0] = y[1, 1] * 2.0
        y[2] = y[0] * 0.5
        return np.concatenate([np.ravel(y), np.ravel(v)])

    agrees(f, X)


def test_stores_through_the_flat_iterator_reach_every_layout():
    def f(x):
        y = (x * 1.0).T
        y.flat[1] = x[2, 3] ** 2
        y.flat[4:6] = x[0, :2]
        z = np.zeros_like(y)
        z.flat = x[1]
        return np.sum(y * y) + np.sum(z * y)

    agrees(f, X)


def test_stores_through_real_and_imaginary_part():
    def f(x):
        z = x * (1.0 + 2.0j)
        z.real[0] = x[1] ** 2
        z.imag = x * x
        z.reshape(-1).imag[3] = x[2, 0]
        return z.real * z.imag

    agrees(f, X)


@pytest.mark.parametrize(
    "view",
    [
        lambda y: np.broadcast_to(y, (2, 3, 4)),
        lambda y: np.broadcast_to(y, (2, 3, 4))[0],
        lambda y: np.diagonal(y),
        lambda y: np.diag(y),
        lambda y: np.diagonal(y)[1:],
    ],
)
def test_read_only_views_refuse_stores(view):
    def f(x):
        view(x * 1.0)[0] = 1.0

    with pytest.raises(ValueError, match="read-only"):
        f(X)
    with pytest.raises(ReadOnlyError):
        cr.vjp(f, X)


def test_read_only_views_follow_their_base():
    def f(x):
        y = x * 1.0
        d, b = np.diagonal(y), np.broadcast_to(y[0], (2, 4))
        y[0] = x[1] * x[2]
        return np.concatenate([d, b.ravel()])

    agrees(f, X)


# --- arrays like another ----------------------------------------------------------------------


def test_zeros_like_a_traced_array_takes_traced_values():
    def f(x):
        y, z, w = np.zeros_like(x), np.empty_like(x, shape=4), np.full_like(x, x[0, 0])
        for i in range(3):
            y[i] = x[i] * i
        z[:] = x[0]
        w[1] = x[2]
        return np.concatenate([y.ravel(), z, (np.ones_like(x) * w).ravel()])

    agrees(f, X)
    assert not np.any(cr.grad(lambda x: np.sum(np.zeros_like(x) + 2.0))(X))


def test_integer_arrays_like_a_traced_one_are_plain():
    def f(x):
        n = np.zeros_like(x, dtype=int)
        assert type(n) is np.ndarray
        n[0] = 2
        return np.sum(x[n])

    np.testing.assert_array_equal(cr.grad(f)(X)[:, 0], [8.0, 0.0, 4.0])
    cut = cr.grad(lambda x: np.sum(x) + np.sum(_stored(np.zeros_like(x, dtype=int), x)))(X)
    np.testing.assert_array_equal(cut, np.ones_like(X))  # what is cut off is locally constant


def _stored(a, x):
    a[:] = x
    return a


def test_a_conversion_to_integers_is_constant():
    gradient = cr.grad(lambda x: np.sum(x.astype(int) * x))(X)
    np.testing.assert_array_equal(gradient, X.astype(int))
    assert not np.any(cr.grad(lambda x: np.sum(x * (x > 0).astype(float)) - np.sum(x[x > 0]))(X))
    assert cr.grad(lambda x: np.sum(x.astype(np.float32)))(X).dtype == np.float64
    with pytest.raises(TypeError, match="objects"):
        cr.grad(lambda x: np.sum(x.astype(object)))(X)


def test_astype_without_copy_is_the_array_itself():
    def f(x):
        y = x * 1.0
        y.astype(float, copy=False)[0] = x[1] ** 2
        return y

    agrees(f, X)


# --- stores by function -----------------------------------------------------------------------


def copied_to(x):
    y = x * 1.0
    np.copyto(y, x[0] ** 2, where=np.array([True, False, True, True]))
    np.copyto(y[1], 5.0)
    return y


def put_into(x):
    y = x * 1.0
    np.put(y, [0, 5, -1], x[0, :2] ** 2)
    np.put(y.T, [[1]], 7.0)
    y.put([20, 3], x[1, :2], mode="clip")
    np.put(y, [13, 26], x[2, 2:], mode="wrap")
    return y


def placed(x):
    y = x * 1.0
    np.place(y, X > 0.6, x[0, :3] ** 2)
    np.putmask(y, X < -1, x * x)
    np.putmask(y, X > 2, x[0, :3])
    return y


def diagonal_filled(x):
    y, z, w = x * 1.0, np.stack([x[:, :3], x[:, 1:], x[:, :3]]), np.concatenate([x, x])
    np.fill_diagonal(y, x[0, :3] ** 2)
    np.fill_diagonal(z, x[1, 1])
    np.fill_diagonal(w, x[0, 0], wrap=True)
    return np.concatenate([y.ravel(), z.ravel(), w.ravel()])


def put_along(x):
    y = x * 1.0
    np.put_along_axis(y, np.argmax(X, axis=1)[:, None], x[:, :1] * 3.0, axis=1)
    return y


@pytest.mark.parametrize("f", [copied_to, put_into, placed, diagonal_filled, put_along])
def test_functions_that_store(f):
    agrees(f, X)


def test_functions_that_store_refuse_a_plain_target():
    outside, square = np.zeros(4), np.zeros((2, 2))
    for store in (
        lambda x: np.copyto(outside, x[0]),
        lambda x: np.put(outside, [0], x[0, 0]),
        lambda x: np.place(outside, np.ones(4, bool), x[0]),
        lambda x: np.putmask(outside, np.ones(4, bool), x[0]),
        lambda x: np.fill_diagonal(square, x[0, 0]),
    ):
        with pytest.raises(LostDerivativeError):
            cr.vjp(lambda x, store=store: (store(x), x)[1], X)
    assert not outside.any() and not square.any()  # noqa: PT018


def test_stores_refuse_what_numpy_refuses():
    def into_float(x):
        np.copyto(x * 1.0, x * 1j)

    with pytest.raises(TypeError, match="Cannot cast"):
        cr.vjp(into_float, X)
    with pytest.raises(IndexError):
        cr.vjp(lambda x: np.put(x * 1.0, [12], 1.0), X)


# --- padding, inserting, deleting ---------------------------------------------------------------

PADS = [
    {"mode": "constant"}, {"mode": "constant", "constant_values": 2.5},
    {"mode": "constant", "constant_values": ((1, 2), (3, 4))}, {"mode": "edge"},
    {"mode": "linear_ramp"}, {"mode": "linear_ramp", "end_values": ((1.0, 2.0), (3.0, 4.0))},
    {"mode": "maximum"}, {"mode": "maximum", "stat_length": 2}, {"mode": "minimum"},
    {"mode": "mean"}, {"mode": "mean", "stat_length": ((1, 2), (2, 3))}, {"mode": "median"},
    {"mode": "reflect"}, {"mode": "reflect", "reflect_type": "odd"}, {"mode": "symmetric"},
    {"mode": "symmetric", "reflect_type": "odd"}, {"mode": "wrap"},
]  # fmt: skip


@pytest.mark.parametrize("options", PADS, ids=str)
@pytest.mark.parametrize("width", [0, 1, ((2, 0), (0, 1)), ((0, 2), (2, 2)), {1: (1, 2)}], ids=str)
def test_padding(options, width):
    agrees(lambda x: np.pad(x, width, **options), X, order=1)


def test_padding_wider_than_the_array():
    for mode in ("reflect", "symmetric", "wrap"):
        agrees(lambda x, mode=mode: np.pad(x, (7, 9), mode=mode), X[0], order=1)
        agrees(lambda x, mode=mode: np.pad(x, 3, mode=mode), X[0, :1], order=1)


def test_padding_with_traced_values():
    agrees(lambda x: np.pad(x[0], 1, constant_values=x[1, 1] ** 2), X)
    agrees(lambda x: np.pad(x[0], (2, 1), mode="linear_ramp", end_values=x[2, 0]), X)


def test_padding_refuses():
    with pytest.raises(UnsupportedFunctionError, match="function as mode"):
        cr.vjp(lambda x: np.pad(x, 1, mode=lambda *a: None), X)
    with pytest.raises(UnsupportedFunctionError, match="odd"):
        cr.vjp(lambda x: np.pad(x, 5, mode="reflect", reflect_type="odd"), X)
    for kwargs in ({"mode": "nosuch"}, {"mode": "edge", "constant_values": 1}):
        with pytest.raises(ValueError, match="supported"):
            cr.vjp(lambda x, kwargs=kwargs: np.pad(x, 1, **kwargs), X)
    with pytest.raises(ValueError, match="negative"):
        cr.vjp(lambda x: np.pad(x, -1), X)
    with pytest.raises(ValueError, match="empty axis"):
        cr.vjp(lambda x: np.pad(x[:0], 1, mode="edge"), X)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.insert(x, 1, x[0, 0] ** 2),
        lambda x: np.insert(x, [0, 3, 3], x[0, :3], axis=None),
        lambda x: np.insert(x, [3, 1], x[:2] * 2, axis=0),
        lambda x: np.insert(x, 1, x[:, 0], axis=1),
        lambda x: np.insert(x, [1], x[:, :2], axis=1),
        lambda x: np.insert(x, slice(0, 4, 2), x[:, :2], axis=1),
        lambda x: np.insert(x, -1, 9.0, axis=0),
        lambda x: np.insert(X, 2, x[0], axis=0),
        lambda x: np.delete(x, [0, -1]),
        lambda x: np.delete(x, 1, axis=0),
        lambda x: np.delete(x, slice(None, None, 2), axis=1),
        lambda x: np.delete(x, X[0] > 0.5, axis=1),
        lambda x: np.delete(x, [], axis=0),
        lambda x: np.resize(x, (2, 9)),
        lambda x: np.resize(x, 5),
        lambda x: np.append(x[0], [1.0, 2.0]),
        lambda x: np.trim_zeros(np.concatenate([[0.0, 0.0], x[0], [0.0]])),
        lambda x: np.trim_zeros(np.concatenate([[0.0], x[0], [0.0]]), "b"),
    ],
)
def test_inserting_and_deleting(f):
    agrees(f, X, order=1)


# --- joining and the rest -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.concatenate([[x[0, 0], 2.0], x[1]]),
        lambda x: np.stack([x[0, 0], 1.0, x[1, 1] ** 2]),
        lambda x: np.block([[x, x[:, :1]], [np.ones((1, 5))]]),
        lambda x: np.block([x[0, 0], x[1]]),
        lambda x: np.column_stack([x[0], x.T, np.arange(4.0)]),
        lambda x: np.concatenate([x, np.ones((1, 4), int)], dtype=np.float64),
        lambda x: np.vstack((x, x[0])),
        lambda x: np.meshgrid(x[0], X[:, 0], indexing="ij")[0],
        lambda x: np.vander(x[0], 3),
        lambda x: np.broadcast_arrays(x[0], X)[0] * 1.0,
        lambda x: np.tile(x, (0, 2)),
        lambda x: np.repeat(x, [2, 0, 1], axis=0),
        lambda x: np.roll(x, (1, -2), axis=(0, 1)),
        lambda x: np.trace(x.reshape(3, 2, 2), axis1=1, axis2=2),
        lambda x: np.diag(x, -1),
        lambda x: np.diag(x[0], 2),
        lambda x: np.tril(x, -1) + np.triu(x.reshape(3, 4), 1),
    ],
)
def test_joining_and_moving(f):
    agrees(f, X, order=1)


def test_nothing_is_lost_where_numpy_refuses():
    for f in (
        lambda x: np.stack([x[0], x[:, 0]]),
        lambda x: np.reshape(x, (5, 5)),
        lambda x: np.transpose(x, (0, 0)),
        lambda x: np.expand_dims(x, (0, 0)),
        lambda x: np.concatenate([x, x[:, :2]]),
        lambda x: np.squeeze(x, 0),
        lambda x: np.block([[x], x]),
    ):
        with pytest.raises(ValueError):  # noqa: PT011
            f(X)
        with pytest.raises(ValueError):  # noqa: PT011
            cr.vjp(f, X)
    for f in (lambda x: np.moveaxis(x, 3, 0), lambda x: np.swapaxes(x, 0, 2)):
        with pytest.raises(np.exceptions.AxisError):
            cr.vjp(f, X)


def test_the_order_of_a_strided_array_is_that_in_memory():
    def f(x):
        return (x * 1.0).reshape(3, 2, 2).transpose(1, 0, 2)[:, :, :1].ravel("K")

    out, pullback = cr.vjp(f, X)
    np.testing.assert_array_equal(out, f(X))
    np.testing.assert_array_equal(pullback(f(X))[0], np.where(np.isin(X, f(X)), X, 0))


def test_the_order_of_repeated_numbers_is_refused_rather_than_guessed():
    with pytest.raises(UnsupportedFunctionError, match="order"):
        cr.vjp(lambda x: np.broadcast_to(x, (2, *x.shape)).ravel("K"), X)


def test_questions_about_a_traced_array():
    def f(x):
        assert np.shape(x) == (3, 4)
        assert np.ndim(x) == 2
        assert np.size(x) == 12
        assert np.size(x, 1) == 4
        assert not np.iscomplexobj(x)
        assert np.isrealobj(x)
        assert np.result_type(x, 1j) == np.complex128
        assert np.may_share_memory(x, x[1:])
        assert not np.shares_memory(x[0], x[1])
        return np.sum(x)

    cr.grad(f)(X)


@pytest.mark.parametrize("asked", [None, "C", "F", ["C", "A"], ["FORTRAN"], "O", ["O", "W"], "A"])
@pytest.mark.parametrize(
    "made", [lambda v: np.outer(v, v), lambda v: np.outer(v, v).T, lambda v: np.outer(v, v)[::-1]],
    ids=["outer", "transposed", "reversed"],
)
def test_require_copies_where_numpy_does(made, asked):
    def f(v):
        a = made(v)
        b = np.require(a, requirements=asked)
        b[0, 1] = 100 * v[0]
        return a[0, 1] + 2 * b[0, 1] + 3 * b[1, 0]

    x = np.array([2.0, 3.0])
    value, gradient = cr.value_and_grad(f)(x)
    assert value == f(x)
    want = [(f(x + h) - f(x - h)) / 2e-6 for h in 1e-6 * np.eye(2)]
    np.testing.assert_allclose(gradient, want, atol=1e-6)
