"""`np.nditer` over traced arrays: elements, order, indices and stores are NumPy's."""

from typing import Any

import numpy as np
import pytest

import chainrule as cr

X = np.array([[0.5, 1.5, -0.7], [2.0, 0.3, 1.1]])
W = np.array([1.0, -2.0, 3.0])


def plainly(x: Any) -> Any:
    return sum((k + 1) * np.tanh(v) ** 2 for k, v in enumerate(np.nditer(x * 1.0)))


def transposed(x: Any) -> Any:
    return sum((k + 1) * v * v for k, v in enumerate(np.nditer((x * x).T)))


def in_fortran_order(x: Any) -> Any:
    return sum((k + 1) * v * v for k, v in enumerate(np.nditer(x * x, order="F")))


def backwards(x: Any) -> Any:
    return sum((k + 1) * v * v for k, v in enumerate(np.nditer((x * x)[::-1, ::-1])))


def several(x: Any) -> Any:
    return sum((k + 1) * a * b for k, (a, b) in enumerate(np.nditer([x, W])))


def with_plain_ones(x: Any) -> Any:
    return sum(a * b * c for a, b, c in np.nditer([W, x[:, :1] * 1.0, x]))


def with_places(x: Any) -> Any:
    it, total = np.nditer(x, flags=["multi_index"]), 0.0
    for v in it:
        i, j = it.multi_index
        total = total + v * x[1 - i, 2 - j] * (i + 2 * j + 1)
    return total


def step_by_step(x: Any) -> Any:
    it, total = np.nditer(x, flags=["c_index"]), 0.0
    while not it.finished:
        total = total + it[0] ** 2 * (it.index + 1)
        it.iternext()
    return total


def stores(x: Any) -> Any:
    y = x * 2
    with np.nditer(y, op_flags=["readwrite"]) as it:
        for v in it:
            v[...] = v * v + 1
    return (y * np.arange(6.0).reshape(2, 3)).sum()


def stores_in_place(x: Any) -> Any:
    y = x.copy()
    for v in np.nditer(y, op_flags=["readwrite"]):
        v *= v
    return (y * np.arange(6.0).reshape(2, 3)).sum()


def stores_beside(x: Any) -> Any:
    out = np.zeros(x.shape)
    it = np.nditer([x, out], op_flags=[["readonly"], ["writeonly"]])
    with it:
        for a, b in it:
            b[...] = np.sin(a) * a
    return (out * W).sum()


def stores_by_number(x: Any) -> Any:
    out = np.empty_like(x)
    it = np.nditer(out, flags=["multi_index"], op_flags=["writeonly"])
    while not it.finished:
        it[0] = x[it.multi_index] ** 2 * (it.multi_index[1] + 1)
        it.iternext()
    return (out * x).sum()


def no_axes(x: Any) -> Any:
    return sum(v * v for v in np.nditer(x[0, 1]))


PROGRAMS = (
    plainly, transposed, in_fortran_order, backwards, several, with_plain_ones, with_places,
    step_by_step, stores, stores_in_place, stores_beside, stores_by_number, no_axes,
)  # fmt: skip


@pytest.mark.parametrize("f", PROGRAMS)
def test_right(f: Any) -> None:
    def at(flat: Any) -> Any:
        return float(f(flat.reshape(2, 3)))

    steps = 1e-6 * np.eye(6)
    want = [(at(X.ravel() + h) - at(X.ravel() - h)) / 2e-6 for h in steps]
    value, got = cr.value_and_grad(f)(X)
    assert value == pytest.approx(f(X), rel=1e-14)
    assert np.allclose(got.ravel(), want, atol=1e-7)
    rows = cr.hessian(f)(X).reshape(6, 6)
    slopes = [
        (cr.grad(f)(X + h.reshape(2, 3)) - cr.grad(f)(X - h.reshape(2, 3))).ravel() / 2e-6
        for h in steps
    ]
    assert np.allclose(rows, slopes, atol=1e-6)


def test_what_is_read_only_stays() -> None:
    def f(x: Any) -> Any:
        for v in np.nditer(x * 1.0):
            v[...] = 1.0
        return x.sum()

    for run in (f, cr.grad(f)):
        with pytest.raises(ValueError, match="read-only"):
            run(X)


def test_indices_that_were_not_asked_for() -> None:
    with pytest.raises(ValueError, match="multi-index"):
        cr.grad(lambda x: np.nditer(x).multi_index)(X)
    with pytest.raises(ValueError, match="index"):
        cr.grad(lambda x: np.nditer(x).index)(X)
    with pytest.raises(ValueError, match="zero"):
        cr.grad(lambda x: sum(np.nditer(x[:0])))(X)


@pytest.mark.parametrize(
    "make",
    [
        lambda x: np.nditer(x, flags=["external_loop"]), lambda x: np.nditer([x, None]),
        lambda x: np.nditer(x, op_dtypes=[np.float32], flags=["buffered"], casting="same_kind"),
    ],
)  # fmt: skip
def test_buffers_are_refused(make: Any) -> None:
    with pytest.raises(cr.ChainRuleError, match="nditer") as caught:
        cr.grad(lambda x: sum(np.sum(v) for v in make(x)))(X)
    assert "np.ndindex" in caught.value.cure
