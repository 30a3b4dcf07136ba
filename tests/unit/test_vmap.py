"""`vmap`: axes, containers, nesting, derivatives on either side, stores, branches, errors."""

import ast
import contextlib
import functools
import io
import json
import linecache
import math
import operator
import pickle
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from scipy import linalg, optimize

import chainrule as cr
from chainrule.errors import BatchError, LeakedTracerError, LostDerivativeError

RNG = np.random.default_rng(3)
X = RNG.standard_normal((4, 3))
W = RNG.standard_normal(3)
I4 = np.array([0, 2, 1, 2])


def loop(f: Any, *columns: Any) -> Any:
    return np.stack([f(*row) for row in zip(*columns, strict=True)])


def same(got: Any, want: Any) -> None:
    assert type(got) is np.ndarray
    assert got.dtype == want.dtype
    assert got.shape == want.shape
    np.testing.assert_allclose(got, want, rtol=1e-13, atol=1e-14)


def check(f: Any, *columns: Any) -> None:
    same(cr.vmap(f)(*columns), loop(f, *columns))


# --- axes and containers --------------------------------------------------------------------------


def test_what_a_function_sees_is_one_example(capsys: Any) -> None:
    seen = []

    def f(x: Any, n: Any) -> Any:
        seen.append((x.shape, x.ndim, len(x), x.size, x.nbytes, x.dtype, isinstance(x, np.ndarray)))
        seen.append((n.shape, n.ndim, isinstance(n, float), isinstance(n, np.float64)))
        assert [v.shape for v in x] == [()] * 3
        print(x)
        print(f"{n:.2f}", [n], flush=True)
        return x

    cr.vmap(f)(X, X[:, 0])
    assert seen == [((3,), 1, 3, 3, 24, np.float64, True), ((), 0, True, True)]
    lines = capsys.readouterr().out.splitlines()
    assert [line.count("the first of 4 examples") for line in lines] == [1, 2]


@pytest.mark.parametrize("axis", [0, 1, -1, 2, -3])
def test_any_axis_comes_in_and_goes_out(axis: int) -> None:
    a = RNG.standard_normal((4, 4, 4))
    got = cr.vmap(lambda x: x * 2 + x.T, in_axes=axis, out_axes=axis)(a)
    rows = np.moveaxis(a, axis, 0)
    same(got, np.moveaxis(rows * 2 + rows.swapaxes(1, 2), 0, axis))


def test_arguments_that_all_examples_share() -> None:
    same(cr.vmap(lambda x, w: x * w, (0, None))(X, W), X * W)
    same(cr.vmap(lambda x, w: w, (0, None))(X, W), np.stack([W] * 4))
    assert cr.vmap(lambda x, w: w, (0, None), None)(X, W) is W
    same(cr.vmap(lambda x, w: 2 * w, (0, None), out_axes=-1)(X, W), np.stack([2 * W] * 4, -1))


def test_containers() -> None:
    p = {"a": X, "b": (W, X.T)}
    got = cr.vmap(
        lambda p: {"s": p["a"] + p["b"][0], "t": (p["b"][1], 1.0)},
        in_axes=({"a": 0, "b": (None, 1)},),
        out_axes={"s": 1, "t": 0},
    )(p)
    same(got["s"], (X + W).T)
    same(got["t"][0], X)
    same(got["t"][1], np.ones(4))


@dataclass
class Point:
    x: Any
    y: Any


def test_dataclasses() -> None:
    got = cr.vmap(lambda p: Point(p.y, p.x * p.y), in_axes=(Point(0, None),))(Point(X, W))
    same(got.x, np.stack([W] * 4))
    same(got.y, X * W)


def test_keyword_arguments_are_mapped_over_axis_0() -> None:
    same(cr.vmap(lambda x, *, k: x * k["c"])(X, k={"c": W.repeat(4).reshape(3, 4).T}), X * W)


def test_it_pickles_and_is_a_method() -> None:
    f = pickle.loads(pickle.dumps(cr.vmap(np.sum, 1)))
    same(f(X), X.sum(0))

    class Model:
        @cr.vmap
        def apply(self, x: Any) -> Any:
            return x

    with pytest.raises(BatchError, match="self cannot be mapped over"):
        Model().apply(X)


def test_no_examples() -> None:
    same(cr.vmap(lambda x: np.sin(x).sum())(X[:0]), np.zeros(0))
    same(cr.vmap(lambda x: x[:2] @ np.ones((2, 5)))(X[:0]), np.zeros((0, 5)))


# --- nesting and derivatives ----------------------------------------------------------------------


def test_nested() -> None:
    a, b = RNG.standard_normal((3, 2)), RNG.standard_normal((4, 2))
    outer = cr.vmap(cr.vmap(lambda u, v: np.sin(u) @ v, (None, 0)), (0, None))
    same(outer(a, b), np.sin(a) @ b.T)
    cube = RNG.standard_normal((2, 3, 4))
    thrice = cr.vmap(cr.vmap(cr.vmap(lambda x, w: x * w[0]), (0, None)), (0, None))
    same(thrice(cube, np.stack([W, W, W, W])), cube * W[0])
    inner = cr.vmap(lambda row, i: cr.vmap(lambda x: x * row[i])(row))
    same(inner(X, I4[[0, 1, 2, 3]]), X * np.take_along_axis(X, I4[:, None], 1))


def f(x: Any) -> Any:
    return np.sum(np.tanh(x) ** 2) * x[0] + np.max(x) * np.prod(x)


@pytest.mark.parametrize(
    "transform",
    [
        cr.grad, cr.hessian, cr.jacfwd, cr.jacrev, lambda g: cr.grad(lambda x: cr.grad(g)(x) @ W),
        lambda g: lambda x: cr.jvp(g, (x,), (W,))[1], lambda g: lambda x: cr.vjp(g, x)[1](1.0)[0],
        lambda g: lambda x: cr.hvp(g, x, W), lambda g: lambda x: cr.linearize(g, x)[1](W),
    ],
)  # fmt: skip
def test_derivatives_inside(transform: Any) -> None:
    check(transform(f), X)


def test_derivatives_outside() -> None:
    total = cr.grad(lambda x: np.sum(cr.vmap(f)(x) ** 2))(X)
    same(total, loop(cr.grad(lambda x: f(x) ** 2), X))
    same(cr.jvp(cr.vmap(f), (X,), (X * 2,))[1], loop(lambda x: cr.jvp(f, (x,), (x * 2,))[1], X))
    same(cr.jacobian(cr.vmap(f))(X)[np.arange(4), np.arange(4)], loop(cr.grad(f), X))
    second = cr.grad(lambda x: np.sum(cr.vmap(cr.grad(f))(x) @ W))(X)
    same(second, loop(lambda x: cr.hvp(f, x, W), X))


def test_a_jacobian_is_a_batch_of_pullbacks() -> None:
    def g(x: Any) -> Any:
        return np.sin(x) * np.sum(x)

    _, pullback = cr.vjp(g, W)
    same(cr.vmap(lambda ct: pullback(ct)[0])(np.eye(3)), cr.jacobian(g)(W))
    _, push = cr.linearize(g, W)
    same(cr.vmap(push, out_axes=1)(np.eye(3)), cr.jacobian(g)(W))


def test_gradients_of_shared_arguments_add_up() -> None:
    def loss(w: Any) -> Any:
        return np.sum(cr.vmap(lambda x: np.tanh(x @ w))(X))

    same(cr.grad(loss)(W), np.sum((1 - np.tanh(X @ W) ** 2)[:, None] * X, 0))
    per_example = cr.vmap(cr.grad(lambda w, x: np.tanh(x @ w)), (None, 0))(W, X)
    same(per_example, (1 - np.tanh(X @ W) ** 2)[:, None] * X)


def test_stop_gradient() -> None:
    check(cr.grad(lambda x: np.sum(x * cr.stop_gradient(x))), X)
    total = cr.grad(lambda x: np.sum(cr.vmap(lambda a: a * cr.stop_gradient(a))(x)))(X)
    same(total, X)


def test_a_nan_in_one_example_is_found() -> None:
    bad = X.copy()
    bad[2, 1] = np.nan
    with pytest.raises(cr.ChainRuleError, match="the input x"):
        cr.vmap(cr.grad(lambda x: np.sum(x**2)))(bad)


def test_an_untaken_branch_of_another_example_stays_out() -> None:
    a = np.array([1.0, 0.0, 4.0])
    check(cr.grad(lambda x: np.where(x > 0, np.sqrt(x), 0.0)), a)


def test_custom_rules() -> None:
    square = cr.custom_rule(lambda x: np.float64(x) ** 2, partial=lambda y, x: 20 * x, check=False)
    norm = cr.custom_rule(
        lambda x: np.sqrt(x @ x), vjp=lambda ct, y, x: (10 * ct * x / y,), check=False
    )
    for rule in (lambda x: np.sum(square(x)), norm):
        check(cr.grad(rule), X)
        check(rule, X)
        outside = cr.grad(lambda x: np.sum(cr.vmap(rule)(x)))(X)  # noqa: B023
        same(outside, loop(cr.grad(rule), X))


def test_solvers_run_example_by_example() -> None:
    def root(a: Any) -> Any:
        return optimize.brentq(lambda z: z**3 - a, 0, 10)

    a = np.array([2.0, 3.0, 5.0])
    np.testing.assert_allclose(cr.vmap(root)(a), a ** (1 / 3), rtol=1e-9)
    np.testing.assert_allclose(cr.vmap(cr.grad(root))(a), a ** (-2 / 3) / 3, rtol=1e-7)
    total = cr.grad(lambda a: np.sum(cr.vmap(root)(a)))(a)
    np.testing.assert_allclose(total, a ** (-2 / 3) / 3, rtol=1e-7)


# --- indices, stores, views -----------------------------------------------------------------------

M = RNG.standard_normal((4, 3, 5, 2))
SCALARS = (I4, np.array([1, 0, -1, 3]))


@pytest.mark.parametrize(
    "read",
    [
        lambda x, i, j: x[i], lambda x, i, j: x[:, j], lambda x, i, j: x[i, j],
        lambda x, i, j: x[i, :, 1], lambda x, i, j: x[..., i, :, None, 0],
        lambda x, i, j: x[[0, 1], i], lambda x, i, j: x[:, [0, 4], 0],
        lambda x, i, j: x[0, :, [1, 0]],
        lambda x, i, j: x[i, :, [1, 0, 1]], lambda x, i, j: x[np.array([i, i]), 1:, [0, 1]],
        lambda x, i, j: x[:, np.array([[j, i], [0, j]])],
        lambda x, i, j: x[1:, np.array([j, i]), ::-1],
        lambda x, i, j: np.take(x, i, axis=1), lambda x, i, j: np.array(M[0])[i],
        lambda x, i, j: np.take_along_axis(x, np.argsort(x, axis=1), 1),
        lambda x, i, j: x[np.array([True, False, True]), i], lambda x, i, j: x[None, i][0, j],
        lambda x, i, j: x[:, :, 0][np.array([i, i]), np.array([j, 1])],
    ],
)  # fmt: skip
def test_reading_at_places_of_the_batch(read: Any) -> None:
    check(read, M, *SCALARS)
    check(lambda x, i, j: cr.grad(lambda x: np.sum(np.sin(read(x, i, j))))(x), M, *SCALARS)
    outside = cr.grad(lambda m: np.sum(np.sin(cr.vmap(read)(m, *SCALARS))))(M)
    same(outside, loop(lambda x, i, j: cr.grad(lambda x: np.sum(np.sin(read(x, i, j))))(x),
                       M, *SCALARS))  # fmt: skip
    shared = cr.vmap(read, (None, 0, 0))(M[0], *SCALARS)
    same(shared, loop(lambda i, j: read(M[0], i, j), *SCALARS))


@pytest.mark.parametrize(
    "store",
    [
        lambda y, i, j, v: y.__setitem__(i, v[:2]),
        lambda y, i, j, v: y.__setitem__((slice(None), j), v[0]),
        lambda y, i, j, v: y.__setitem__((i, j, 1), v[0]),
        lambda y, i, j, v: y.__setitem__(([0, 2], j), v[:2, None]),
        lambda y, i, j, v: y.__setitem__((i, slice(None), [0, 0, 1]), v[:, None]),
        lambda y, i, j, v: y.__setitem__(np.array([i, i]), v[:2, None, None] * np.ones((2, 1, 1))),
        lambda y, i, j, v: np.add.at(y, np.array([i, 0, i]), v[:, None, None]),
        lambda y, i, j, v: y.__setitem__(y > v[0], v[1]),
        lambda y, i, j, v: y.__setitem__(y[..., 0] > 0, 7.0),
        lambda y, i, j, v: np.copyto(y, v[0], where=y < 0), lambda y, i, j, v: y.fill(v[2]),
        lambda y, i, j, v: y.sort(axis=1), lambda y, i, j, v: y[i].__setitem__(1, v[0]),
        lambda y, i, j, v: y.T.__setitem__((0, j), v),
        lambda y, i, j, v: y.ravel().__setitem__(3, v[0]),
        lambda y, i, j, v: y[i].reshape(-1).__setitem__(j, v[0]),
        lambda y, i, j, v: np.multiply(y, v[0], out=y),
        lambda y, i, j, v: y.real.__setitem__(0, v[0]),
    ],
)  # fmt: skip
def test_stores(store: Any) -> None:
    def stored(x: Any, i: Any, j: Any, v: Any) -> Any:
        y = x * 2 if isinstance(x, np.ndarray) else x
        store(y, i, j, v)
        return y * y

    check(stored, M, *SCALARS, X)
    shared = cr.vmap(stored, (None, 0, 0, 0))(M[0], *SCALARS, X)
    same(shared, loop(lambda i, j, v: stored(M[0], i, j, v), *SCALARS, X))

    def slope(x: Any, i: Any, j: Any, v: Any) -> Any:
        return cr.grad(lambda x, v: np.sum(np.sin(stored(x, i, j, v))), (0, 1))(x, v)

    got = cr.vmap(slope)(M, *SCALARS, X)
    rows = [slope(*row) for row in zip(M, *SCALARS, X, strict=True)]
    for k in range(2):
        same(got[k], np.stack([row[k] for row in rows]))


def test_augmented_assignment_and_views() -> None:
    def g(x: Any, i: Any) -> Any:
        y = np.zeros(3)
        y[0] += x[0]
        y[1:] -= x[1:]
        row = y[1:][::-1]
        row *= x[i]
        z = y
        z += 1
        return y, row

    for k in range(2):
        same(cr.vmap(g)(X, I4)[k], np.stack([g(x, i)[k] for x, i in zip(X, I4, strict=True)]))


def test_the_callers_arrays_are_left_alone() -> None:
    a, w = X.copy(), W.copy()

    def g(x: Any, w: Any) -> Any:
        x[0] = 7
        w[1] = x[1]
        return x, w

    cr.vmap(g, (0, None))(a, w)
    np.testing.assert_array_equal(a, X)
    np.testing.assert_array_equal(w, W)
    out = cr.vmap(lambda x: (x, x.T, x[:1]))(a)
    for k, part in enumerate(out):
        part[:] = k
    np.testing.assert_array_equal(a, X)
    np.testing.assert_array_equal(out[0], 0 * X)


def test_loops_that_build_arrays() -> None:
    def g(x: Any) -> Any:
        y = np.zeros(3)
        for i in range(len(x)):
            y[i] = x[i] ** 2 + (y[i - 1] if i else 0)
        return np.array([y[0], 2.0, y[2]]) + np.stack(list(x))

    check(g, X)
    check(cr.jacobian(g), X)


def test_random_numbers_are_the_same_for_all_examples() -> None:
    rng = np.random.default_rng(0)
    got = cr.vmap(lambda x: x * rng.standard_normal(3))(X)
    np.testing.assert_allclose(got, X * np.random.default_rng(0).standard_normal(3))


# --- branches and conversions ---------------------------------------------------------------------


def branches(x: Any) -> Any:
    if x[0] > 0:
        return x
    return -x


def test_a_branch_is_taken_where_all_examples_agree() -> None:
    same(cr.vmap(branches)(np.abs(X)), np.abs(X))
    same(cr.vmap(branches)(-np.abs(X)), np.abs(X))
    same(cr.vmap(lambda n: np.ones(int(n)) * n)(np.full(4, 2)), np.full((4, 2), 2.0))


@pytest.mark.parametrize(
    "g",
    [
        branches, lambda x: x if x[0] > 0 and x[1] > 0 else -x,
        lambda x: x * sorted([x[0], x[1]])[0],
        lambda x: max(x[0], x[1]), lambda x: W[x.argmax()] * x, lambda x: np.ones(int(x[0] * 3)),
        lambda x: [1.0, 2.0][x.argmax()], lambda x: range(int(x[0] * 9)) and x,
        lambda x: 1.0 if X[0, 0] * 2 in x else 2.0, lambda x: np.arange(x[0]),
    ],
)  # fmt: skip
def test_a_branch_on_which_examples_differ_is_refused(g: Any) -> None:
    with pytest.raises(BatchError) as caught:
        cr.vmap(g)(X * 2)
    assert "differs between the examples" in str(caught.value)
    assert "np.stack([f(x) for x in batch])" in caught.value.cure
    assert "test_vmap.py" in str(caught.value)


FUNCTIONS, NUMBERS = [np.sin, np.cos], [0.1, 0.2, 0.3]


@pytest.mark.parametrize(
    "text",
    [
        "FUNCTIONS[int(x > 0)](x)", "(np.sin, np.cos)[int(x > 0)](x, )",
        "NUMBERS[int(abs(x)) % 2] * x", "x + NUMBERS[(x > 0).astype(int)]",
    ],
)  # fmt: skip
def test_the_cure_of_a_table_computes_all_its_entries(text: str) -> None:
    xs, spaces = np.array([-1.5, 0.5, 2.5]), globals()
    name = f"<table {text}>"
    linecache.cache[name] = len(text), None, [f"lambda x: {text}"], name
    f = eval(compile(f"lambda x: {text}", name, "eval"), spaces)
    with pytest.raises(BatchError) as caught:
        cr.vmap(f)(xs)
    found = re.match(r"write (.*) in the place of (.*?)(?:: it|; or)", caught.value.cure)
    assert found is not None
    new, old = found.groups()
    cured = ast.unparse(ast.parse(text)).replace(old, new)
    same(cr.vmap(eval(f"lambda x: {cured}", spaces))(xs), np.stack([f(x) for x in xs]))


def test_a_table_of_names_has_no_cure_but_the_loop() -> None:
    with pytest.raises(BatchError) as caught:
        cr.vmap(lambda x: {"a": np.sin, "b": np.cos}["a" if x > 0 else "b"](x))(X[:, 0])
    assert caught.value.cure.startswith("loop over the examples")


@pytest.mark.parametrize(
    "read",
    [
        lambda x: np.fromstring(str(x[0]), sep=" "), lambda x: json.loads(str(x[0])),
        lambda x: np.loadtxt(io.StringIO(f"{x[0]:.3f}")), lambda x: float(f"{x[0]:.3f}"),
        lambda x: np.fromstring(" ".join(map(str, x)), sep=" "),
    ],
)  # fmt: skip
def test_a_text_that_is_read_in_is_that_of_each_example(read: Any) -> None:
    same(cr.vmap(lambda x: read(x) * x[1])(X), np.stack([read(x) * x[1] for x in X]))
    with pytest.raises(LostDerivativeError):
        cr.vmap(cr.grad(lambda x: np.sum(read(x)) * x[1]))(X)


def test_a_conversion_inside_a_derivative_of_the_batch_is_refused() -> None:
    with cr.interpose(False), pytest.raises(LostDerivativeError):
        cr.grad(lambda v: cr.vmap(lambda x: x * float(v))(X).sum())(2.0)
    with cr.interpose(False), pytest.raises(LostDerivativeError):
        cr.vmap(cr.grad(lambda x: float(x[0]) * x[1]))(X)


def test_masks_and_shapes_that_depend_on_the_example() -> None:
    check(lambda x: x[x > 0].sum(), X)
    check(cr.grad(lambda x: np.sum(x[x > 0] ** 2)), X)
    check(lambda x: np.unique(np.round(x)).size * 1.0, X)
    with pytest.raises(BatchError, match="results of different shapes"):
        cr.vmap(lambda x: x[x > 0])(X)


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: cr.vmap(lambda a, b: a)(X, X.T), "a has 4 along axis 0, b has 3 along axis 0"),
        (lambda: cr.vmap(lambda p: p)({"u": X, "v": W}), "p['u'] has 4 along axis 0"),
        (lambda: cr.vmap(lambda a: a, None)(X), "no argument of <lambda> is mapped over"),
        (lambda: cr.vmap(lambda a: a, (0, 0))(X), "in_axes has 2 entries"),
        (lambda: cr.vmap(lambda a: a, 2)(X), "in_axes names axis 2 of a, which has 2 axes"),
        (lambda: cr.vmap(lambda a: a, out_axes=3)(X), "out_axes names axis 3 of the result"),
        (lambda: cr.vmap(lambda a: a, out_axes=None)(X), "differs from example to example"),
        (lambda: cr.vmap(lambda a: a)(1.0), "a is the number 1.0"),
        (lambda: cr.vmap(lambda a, k: a)(X, k=2), "k is the number 2"),
        (lambda: cr.vmap(lambda a, k: a)(X, k="mean"), "k cannot be mapped over: it is str"),
        (lambda: cr.vmap(lambda a: a, ({"u": 0},))(X), "in_axes does not have the structure of a"),
        (lambda: cr.vmap(lambda a: (a, a), out_axes=(0,))(X), "does not have the structure"),
        (lambda: cr.vmap(lambda a: a, "0"), "integers and None"),
        (lambda: cr.vmap(lambda a: a, True), "integers and None"),
        (lambda: cr.vmap(lambda a: a)(np.array(["u", "v"])), "an array of <U1"),
        (lambda: cr.vmap(lambda a: a)(np.ma.masked_array(X)), "a cannot be mapped over"),
    ],
)
def test_errors_name_the_argument(call: Any, words: str) -> None:
    with pytest.raises(BatchError) as caught:
        call()
    assert words in str(caught.value)


def test_other_errors() -> None:
    with pytest.raises(cr.ChainRuleError, match="expected a function"):
        cr.vmap(3)
    with pytest.raises(cr.ChainRuleError, match="not a number or array"):
        cr.vmap(lambda x: None)(X)
    kept: list[Any] = []
    cr.vmap(lambda x: kept.append(x) or x)(X)
    with pytest.raises(LeakedTracerError):
        kept[0] + 1
    with pytest.raises(LeakedTracerError):
        cr.vmap(lambda x: kept[0])(X)
    with pytest.raises(IndexError):
        cr.vmap(lambda x: x[5])(X)
    with pytest.raises(ValueError, match="could not be broadcast"):
        cr.vmap(lambda x: x + np.ones(4))(X)


def test_dtypes_are_those_of_the_loop() -> None:
    for dtype in (np.float32, np.float16, np.complex64, np.int32, np.uint8, bool):
        a = (X * 3).astype(dtype)
        for g in (lambda x: x + 1, lambda x: np.sum(x), lambda x: x @ x, lambda x: np.mean(x),
                  lambda x: np.einsum("i->", x), lambda x: x * 2.5, lambda x: np.outer(x, x),
                  lambda x: x[0] * np.float32(2), lambda x: np.cumsum(x)):  # fmt: skip
            got, want = cr.vmap(g)(a), loop(g, a)
            assert got.dtype == want.dtype
            np.testing.assert_allclose(got, want, rtol=1e-2 if dtype is np.float16 else 1e-5)


def test_partial_functions_bind_what_all_examples_share() -> None:
    same(cr.vmap(functools.partial(np.linalg.norm, ord=1))(X), np.abs(X).sum(1))


# --- failures -------------------------------------------------------------------------------------


def by_text(x: Any) -> Any:
    y = x
    with contextlib.suppress(KeyError):
        y = {"1": 2.0, "3": 4.0}[f"{x:.0f}"] * x
    return y


def by_read_text(x: Any) -> Any:
    try:
        return np.sqrt(x) if str(x) == "4.0" else {"9.0": 1.0}[str(x)]
    except KeyError:
        return -x


@pytest.mark.parametrize("f", [by_text, by_read_text])
def test_a_text_that_a_handler_stands_for_is_that_of_each_example(f: Any) -> None:
    xs = np.array([1.0, 4.0, 9.0, 3.0])
    same(cr.vmap(f)(xs), np.stack([f(x) for x in xs]))


def to_stream(x: Any) -> str:
    stream = io.StringIO()
    print(x, file=stream)
    return stream.getvalue()


def by_digits(x: Any) -> float:
    whole, digits = repr(float(x)).split(".")
    return int(whole) + int(digits) / 10 ** len(digits)


@pytest.mark.parametrize(
    "asked",
    [
        lambda x: len(str(float(x))), lambda x: len(repr(x)), lambda x: len(f"{x:.3g}"),
        lambda x: len(operator.mod("%r", x)), lambda x: len(to_stream(x)),
        lambda x: str(x).count("0"),
        lambda x: {"0.7123": 1.0, "0.25": 5.0}.get(str(float(x)), 9.0), by_digits,
        lambda x: float("0.25" in str([x])), lambda x: len(np.array2string(x)),
    ],
)  # fmt: skip
def test_a_text_that_the_program_asks_is_that_of_each_example(asked: Any) -> None:
    xs = np.array([0.7123, 0.25, 10.5])
    same(cr.vmap(lambda x: asked(x) * x)(xs), np.array([asked(x) * x for x in xs]))
    slope = cr.vmap(cr.grad(lambda x: asked(cr.stop_gradient(x)) * x))(xs)
    same(slope, np.array([asked(x) for x in xs], float))


def test_a_text_of_equal_examples_is_theirs() -> None:
    runs = []
    cr.vmap(lambda x: runs.append(str(x)) or x)(np.ones(3))
    assert runs == ["1.0"]


def test_a_printed_value_alone_does_not_send_the_examples_one_by_one(capsys: Any) -> None:
    cr.vmap(lambda x: print(x) or x)(np.arange(3.0))
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_a_failing_program_that_draws_is_refused() -> None:
    def f(x: Any) -> Any:
        noise = np.random.default_rng(0).normal()
        try:
            return math.sqrt(x) + noise
        except ValueError:
            return noise

    same(cr.vmap(f)(np.ones(2)), np.stack([f(1.0), f(1.0)]))
    with pytest.raises(BatchError, match="draws random numbers"):
        cr.vmap(f)(np.array([1.0, -1.0]))


def test_an_error_of_one_example_is_raised_as_in_the_loop() -> None:
    with pytest.raises(ValueError, match=r"math domain error|expected a nonnegative input"):
        cr.vmap(lambda x: math.sqrt(x))(np.array([1.0, -1.0]))
    with pytest.raises(np.linalg.LinAlgError):
        cr.vmap(np.linalg.inv)(np.stack([np.eye(2), np.ones((2, 2))]))


def test_the_callers_array_is_not_written_where_the_examples_run_one_by_one() -> None:
    def f(x: Any) -> Any:
        x[0] = 2 * x[0]
        try:
            return math.sqrt(x[0])
        except ValueError:
            return x[1]

    xs = np.array([[1.0, 2.0], [-1.0, 3.0]])
    same(cr.vmap(f)(xs), np.array([math.sqrt(2.0), 3.0]))
    assert xs.tolist() == [[1.0, 2.0], [-1.0, 3.0]]


def test_an_error_that_ends_with_its_thread_is_not_lost():
    """Examples part on another thread: its `BatchError` dies with it, and they go one by one."""

    def in_a_thread(x):
        out = [1.0]

        def work():
            out[0] = 5.0 if x[0] > 0.75 else 2.0

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        return out[0] * x[1]

    def in_a_pool(x):
        with ThreadPoolExecutor(1) as pool:
            future = pool.submit(lambda: 5.0 if x[0] > 0.75 else 2.0)
            return (1.0 if future.exception() else future.result()) * x[1]

    batch = np.array([[0.7, 1.3], [0.77, 1.43]])
    before, threading.excepthook = threading.excepthook, lambda _: None
    try:
        for f in (in_a_thread, in_a_pool):
            np.testing.assert_array_equal(cr.vmap(f)(batch), [f(x) for x in batch])
            np.testing.assert_array_equal(cr.vmap(cr.grad(f))(batch), [[0, 2], [0, 5]])
    finally:
        threading.excepthook = before


def test_a_null_space_of_equal_examples():
    f = lambda a: np.abs(linalg.null_space(a)).sum() * a[0, 0]  # noqa: E731
    a = np.array([[1.0, 0, 3], [2, 4, 7]])
    for got in (cr.vmap(cr.grad(f))(np.stack([a, a])), cr.jacobian(cr.vmap(f))(np.stack([a]))[0]):
        np.testing.assert_allclose(got[0], cr.grad(f)(a), rtol=1e-12)
