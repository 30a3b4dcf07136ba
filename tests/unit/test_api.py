"""The public functions: arguments, containers, dtypes, ownership, nesting, kinds of functions."""

import collections
import dataclasses
import functools
import itertools
import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import chainrule as cr

A = np.array([0.5, 1.5, 2.5])
B = np.array([2.0, -1.0, 0.25])


def same(a: Any, b: Any) -> bool:
    alike = np.asarray(a).dtype == np.asarray(b).dtype
    return type(a) is type(b) and alike and np.array_equal(a, b)


# --- argnums, keywords, auxiliary results -----------------------------------------------------


def product(a: Any, b: Any, *rest: Any, scale: Any = 1.0) -> Any:
    return np.sum(a * b**2) * scale


def test_argnums_choose_the_arguments() -> None:
    assert np.array_equal(cr.grad(product)(A, B), B**2)
    assert np.array_equal(cr.grad(product, argnums=1)(A, B), 2 * A * B)
    assert np.array_equal(cr.grad(product, argnums=-1)(A, B), 2 * A * B)
    assert np.array_equal(cr.grad(product, argnums=np.int64(1))(A, B), 2 * A * B)
    for form in ((0, 1), [0, 1], (0, -1)):
        both = cr.grad(product, argnums=form)(A, B)
        assert isinstance(both, tuple)
        assert np.array_equal(both, (B**2, 2 * A * B))
    swapped = cr.grad(product, argnums=(1, 0))(A, B)
    assert np.array_equal(swapped, (2 * A * B, B**2))
    (single,) = cr.grad(product, argnums=(1,))(A, B)
    assert np.array_equal(single, 2 * A * B)
    third = cr.grad(lambda *xs: xs[0] * xs[2] ** 2, argnums=2)(2.0, 3.0, 5.0)
    assert float(third) == 20.0


def test_keywords_are_constants() -> None:
    assert np.array_equal(cr.grad(product)(A, B, scale=3.0), 3 * B**2)
    assert np.array_equal(cr.jacobian(lambda x, *, k: k @ x)(A, k=np.ones((2, 3))), np.ones((2, 3)))
    assert float(cr.derivative(lambda x, k: k * x**2)(3.0, k=2.0)) == 12.0
    assert np.array_equal(cr.hessian(product, 1)(A, B, scale=2.0), np.diag(4 * A))


def test_has_aux() -> None:
    def f(x: Any) -> Any:
        return np.sum(x * x), {"twice": x * 2, "label": "t", "kind": object, "n": len(x)}

    gradient, aux = cr.grad(f, has_aux=True)(A)
    assert np.array_equal(gradient, 2 * A)
    (value, again), other = cr.value_and_grad(f, has_aux=True)(A)
    assert value == np.sum(A * A)
    assert np.array_equal(other, gradient)
    out, pull, third = cr.vjp(f, A, has_aux=True)
    assert np.array_equal(pull(1.0)[0], 2 * A)
    pushed, tangent, fourth = cr.jvp(f, (A,), (B,), has_aux=True)
    assert tangent == 2 * A @ B
    assert out == value == pushed
    for found in (aux, again, third, fourth):
        assert same(found["twice"], 2 * A)
        assert found["label"] == "t"
        assert found["kind"] is object
        assert found["n"] == 3


def test_has_aux_inside_another_derivative_stays_traced() -> None:
    inner = cr.grad(lambda y, x: (x * y * y, y * x), has_aux=True)
    assert float(cr.grad(lambda x: inner(x, x)[1])(3.0)) == 6.0
    assert float(cr.grad(lambda x: inner(x, x)[0])(3.0)) == 12.0


# --- containers -------------------------------------------------------------------------------

Point = collections.namedtuple("Point", "x y")


@dataclasses.dataclass
class Layer:
    w: Any
    b: Any = None


@dataclasses.dataclass(frozen=True)
class Frozen:
    w: Any


@dataclasses.dataclass(slots=True)
class Slotted:
    w: Any
    inner: Any


@pytest.mark.parametrize(
    ("f", "x", "expected"),
    [
        (lambda p: p["a"] * p["b"], {"b": 1.0, "a": 2.0}, {"b": 2.0, "a": 1.0}),
        (lambda p: p[0] * p["a"], {0: 1.0, "a": 2.0}, {0: 2.0, "a": 1.0}),
        (lambda p: p[0] * p[1][0], [2.0, (3.0,)], [3.0, (2.0,)]),
        (lambda p: p.x * p.y, Point(2.0, 3.0), Point(3.0, 2.0)),
        (lambda p: p["a"] ** 2, {"a": 2.0, "b": None}, {"a": 4.0, "b": None}),
        (lambda p: p.w * p.b, Layer(2.0, 3.0), Layer(3.0, 2.0)),
        (lambda p: p.w**2, Layer(3.0), Layer(6.0, None)),
        (lambda p: p.w["k"][0] * 2, Layer({"k": [1.0]}), Layer({"k": [2.0]}, None)),
        (lambda p: p.w**2, Frozen(3.0), Frozen(6.0)),
        (lambda p: p.w * p.inner.w, Slotted(2.0, Frozen(5.0)), Slotted(5.0, Frozen(2.0))),
        (
            lambda p: p["b"] * p["a"],
            collections.OrderedDict(b=1.0, a=3.0),
            collections.OrderedDict(b=3.0, a=1.0),
        ),
        (
            lambda p: p["b"] * p["a"],
            collections.defaultdict(float, b=1.0, a=3.0),
            collections.defaultdict(float, b=3.0, a=1.0),
        ),
        (lambda p: p[0] * p[1], collections.deque([1.0, 2.0]), collections.deque([2.0, 1.0])),
        (lambda p: p["n"] * p["x"], {"n": 3, "x": 2.0}, {"n": 2.0, "x": 3.0}),
    ],
)
def test_a_gradient_has_the_structure_of_its_argument(f: Any, x: Any, expected: Any) -> None:
    gradient = cr.grad(f)(x)
    assert gradient == expected
    assert type(gradient) is type(expected)
    if isinstance(x, dict):
        assert list(gradient) == list(x)
    _, tangent = cr.jvp(f, (x,), (gradient,))
    squares = sum(float(v) ** 2 for v in _leaves(gradient))
    assert float(tangent) == pytest.approx(squares)


def _leaves(value: Any) -> list[Any]:
    import chainrule.tree as tree

    return tree.flatten(value)[0]


def test_jacobians_of_containers() -> None:
    def f(p: Any) -> Any:
        return {"s": p["a"] * p["b"], "t": [np.sum(p["a"]) ** 2]}

    x = {"a": A, "b": 2.0}
    expected = {
        "s": {"a": 2 * np.eye(3), "b": A},
        "t": [{"a": np.full(3, 2 * A.sum()), "b": np.float64(0)}],
    }
    for mode in ("auto", "fwd", "rev"):
        found = cr.jacobian(f, mode=mode)(x)
        assert np.array_equal(found["s"]["a"], expected["s"]["a"])
        assert np.array_equal(found["s"]["b"], expected["s"]["b"])
        assert np.array_equal(found["t"][0]["a"], expected["t"][0]["a"])
        assert same(found["t"][0]["b"], expected["t"][0]["b"])


def test_hessian_and_hvp_of_containers() -> None:
    def f(p: Any) -> Any:
        return np.sum(p["a"] ** 2 * p["b"])

    x, v = {"a": A, "b": 2.0}, {"a": B, "b": 0.5}
    H = cr.hessian(f)(x)
    assert np.array_equal(H["a"]["a"], 4 * np.eye(3))
    assert np.array_equal(H["a"]["b"], 2 * A)
    assert np.array_equal(H["b"]["a"], 2 * A)
    assert H["b"]["b"] == 0
    product = cr.hvp(f, x, v)
    assert np.allclose(product["a"], 4 * B + 2 * A * 0.5)
    assert np.allclose(product["b"], 2 * A @ B)
    pair = cr.hessian(lambda a, b: np.sum(a**2 * b), argnums=(0, 1))(A, 2.0)
    assert np.array_equal(pair[0][1], 2 * A)


# --- dtypes and shapes --------------------------------------------------------------------------

FLOATS = [np.float16, np.float32, np.float64, np.longdouble]
COMPLEX = [np.complex64, np.complex128, np.clongdouble]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 1, 3), (0,), (0, 2)])
def test_a_gradient_has_dtype_and_shape_of_its_input(dtype: Any, shape: Any) -> None:
    x = np.ones(shape, dtype)

    def f(x: Any) -> Any:
        return np.sum(x * x * np.float64(0.5) + 2 * x * np.ones(shape, np.float64))

    for found in (cr.grad(f)(x), cr.value_and_grad(f)(x)[1], cr.vjp(f, x)[1](1.0)[0]):
        assert found.dtype == dtype
        assert found.shape == shape
        assert np.array_equal(found, np.full(shape, 3, dtype))
    value, tangent = cr.jvp(f, (x,), (x,))
    assert value.dtype == tangent.dtype
    assert value.dtype == f(x).dtype
    assert cr.hvp(f, x, x).dtype == dtype
    if x.size < 4:
        assert cr.hessian(f)(x).shape == shape + shape
        assert cr.hessian(f)(x).dtype == dtype


@pytest.mark.parametrize("dtype", COMPLEX)
def test_complex_dtypes(dtype: Any) -> None:
    z = np.array([1 + 2j, -0.5j], dtype)
    gradient = cr.grad(lambda z: np.sum(np.abs(z) ** 2))(z)
    assert gradient.dtype == dtype
    assert np.allclose(gradient, 2 * np.conj(z))
    for mode in ("fwd", "rev"):
        assert cr.jacobian(lambda z: z * z, mode=mode)(z).dtype == dtype


def test_a_real_input_of_a_complex_program_has_a_real_gradient() -> None:
    gradient = cr.grad(lambda x: np.abs(np.sum(np.exp(1j * x) * x)))(A)
    assert gradient.dtype == np.float64
    h = 1e-6
    f = lambda x: np.abs(np.sum(np.exp(1j * x) * x))  # noqa: E731
    assert np.allclose(gradient, [(f(A + h * e) - f(A - h * e)) / (2 * h) for e in np.eye(3)])


def test_python_numbers_are_promoted() -> None:
    assert same(cr.grad(lambda a: a * 2)(3), np.float64(2.0))
    assert cr.jvp(lambda a: a**2, (3,), (1,)) == (9.0, 6.0)
    assert cr.vjp(lambda a: a * a, 3)[1](1) == (6.0,)
    assert cr.grad(lambda p: p["a"] * p["b"])({"a": 2, "b": 3.0}) == {"a": 3.0, "b": 2.0}
    assert cr.grad(np.abs)(3 + 4j) == pytest.approx(0.6 - 0.8j)


def test_zero_dimensional_arrays() -> None:
    gradient = cr.grad(lambda x: x**2)(np.array(2.0))
    assert same(gradient, np.float64(4.0))
    assert cr.jacobian(lambda x: x * A)(np.array(2.0)).shape == (3,)
    assert cr.hessian(lambda x: x**3)(np.array(2.0)) == 12.0


def test_empty_jacobians() -> None:
    for mode in ("auto", "fwd", "rev"):
        assert cr.jacobian(lambda x: x**2, mode=mode)(np.zeros((0, 2))).shape == (0, 2, 0, 2)
        assert cr.jacobian(lambda x: x[:0], mode=mode)(A).shape == (0, 3)
        assert cr.jacobian(lambda x: np.sum(x), mode=mode)(np.zeros(0)).shape == (0,)


@pytest.mark.parametrize("out", [3.0, 3, np.float64(1), True])
def test_a_constant_function(out: Any) -> None:
    assert np.array_equal(cr.grad(lambda x: out)(A), np.zeros(3))
    assert np.array_equal(cr.vjp(lambda x: out, A)[1](1.0)[0], np.zeros(3))
    assert cr.jvp(lambda x: out, (A,), (A,))[1] == 0.0
    assert np.array_equal(cr.hessian(lambda x: out)(A), np.zeros((3, 3)))
    assert cr.linearize(lambda x: out, A)[1](A) == 0.0


def test_an_integer_output_is_locally_constant() -> None:
    assert np.array_equal(cr.grad(lambda x: np.argmax(x))(A), np.zeros(3))
    value, tangent = cr.jvp(lambda x: np.argmax(x), (A,), (A,))
    assert value == 2
    assert tangent == 0.0
    assert np.array_equal(cr.vjp(lambda x: np.sum(x > 1), A)[1](1.0)[0], np.zeros(3))


# --- whose memory it is -------------------------------------------------------------------------


def test_gradients_are_the_callers_own() -> None:
    c = np.array([1.0, 2.0, 3.0])

    def f(x: Any, y: Any) -> Any:
        return np.sum(x) + np.sum(y) + np.dot(x, c) + np.sum(x + y)

    g = cr.grad(f, argnums=(0, 1))(A, B)
    expected = [v.copy() for v in g]
    assert not np.shares_memory(g[0], g[1])
    for v in g:
        assert v.flags.writeable
        v[:] = np.nan
    assert np.array_equal(c, [1.0, 2.0, 3.0])
    again = cr.grad(f, argnums=(0, 1))(A, B)
    assert all(np.array_equal(v, w) for v, w in zip(again, expected, strict=True))


def test_a_pullback_returns_what_nobody_else_holds() -> None:
    ct = np.ones(3)
    for f in (lambda x, y: x + y, lambda x, y: np.reshape(x, (3,)) - y, lambda x, y: x):
        found = cr.vjp(f, A, B)[1](ct)
        for v in found:
            assert v.flags.writeable
            assert not np.shares_memory(v, ct)
            v[:] = 7.0
        assert np.array_equal(ct, np.ones(3))
    t = np.ones(3)
    _, tangent = cr.jvp(lambda x: x, (A,), (t,))
    tangent[:] = 7.0
    assert np.array_equal(t, np.ones(3))


def test_values_are_the_callers_own() -> None:
    x = A.copy()
    for value in (
        cr.vjp(lambda x: x, x)[0],
        cr.jvp(lambda x: x, (x,), (x,))[0],
        cr.linearize(lambda x: x, x)[0],
        cr.grad(lambda x: (np.sum(x), x), has_aux=True)(x)[1],
    ):
        assert not np.shares_memory(value, x)
        value[:] = 9.0
    assert np.array_equal(x, A)


def test_a_pullback_is_reused_and_stays() -> None:
    x, c, out_mask = A.copy(), B.copy(), np.array([True, False, True])

    def f(x: Any) -> Any:
        return np.where(out_mask, np.sin(x) * c, x * x) / c

    out, pull = cr.vjp(f, x)
    _, push = cr.linearize(f, x)
    jac = cr.jacobian(f)(x)
    before, forward = pull(np.ones(3))[0], push(np.ones(3))
    assert np.array_equal(before, jac.sum(0))
    x[:], c[:], out_mask[:], out[:] = 100.0, 3.0, False, -1.0  # the caller goes on with its arrays
    assert np.array_equal(pull(np.ones(3))[0], before)
    assert np.array_equal(push(np.ones(3)), forward)
    before[:] = 0.0
    assert np.array_equal(pull(np.ones(3))[0], jac.sum(0))
    assert np.array_equal(pull(2 * np.ones(3))[0], 2 * jac.sum(0))


@pytest.mark.parametrize(
    "refill",
    [
        lambda b, k: b.fill(k + 1.0),
        lambda b, k: b.__setitem__(..., k + 1.0),
        lambda b, k: np.copyto(b, np.full(3, k + 1.0)),
        lambda b, k: b.__iadd__(1.0),
        lambda b, k: np.add(b, 1.0, out=b),
        lambda b, k: b[::-1].__setitem__(slice(None), k + 1.0),
        lambda b, k: b.sort(),
    ],
)
def test_a_work_buffer_refilled_inside_the_function(refill: Any) -> None:
    def f(x: Any) -> Any:
        buffer = np.array([3.0, 2.0, 1.0])
        total = x * 0
        for k in range(4):
            refill(buffer, k)
            total = total + x**2 * buffer + x / buffer
        return np.sum(total)

    h = 1e-6
    expected = [(f(A + h * e) - f(A - h * e)) / (2 * h) for e in np.eye(3)]
    assert np.allclose(cr.grad(f)(A), expected)
    assert np.allclose(cr.jvp(f, (A,), (B,))[1], np.dot(expected, B))
    assert np.allclose(cr.vjp(f, A)[1](1.0)[0], expected)
    assert np.allclose(cr.hessian(f)(A), cr.jacrev(cr.grad(f))(A))


def test_a_refilled_buffer_that_changes_only_its_sign() -> None:
    def f(x: Any) -> Any:
        zero = np.zeros(1)
        with np.errstate(divide="ignore"):
            a = np.arctan2(x, zero)
            zero[:] = -0.0
            b = np.arctan2(x, zero)
        return np.sum(a + b)

    assert np.isfinite(cr.grad(f)(np.array([1.0]))).all()


def test_a_refilled_index_and_mask() -> None:
    def f(x: Any) -> Any:
        index, mask = np.array([0, 1]), np.array([True, False, False])
        y = x[index] ** 2
        z = np.where(mask, x, x * x)
        index[:], mask[:] = 2, True
        return np.sum(y) + np.sum(z)

    assert np.array_equal(cr.grad(f)(A), [2 * 0.5 + 1, 2 * 1.5 + 3, 5.0])


def test_the_inputs_are_left_as_they_were() -> None:
    def overwrite(x: Any) -> Any:
        y = x * x
        x[0] = 10.0
        x += 1.0
        return np.sum(y * x)

    for run in (
        lambda x: cr.grad(overwrite)(x),
        lambda x: cr.vjp(overwrite, x)[1](1.0),
        lambda x: cr.jvp(overwrite, (x,), (x.copy(),)),
        lambda x: cr.hessian(overwrite)(x),
    ):
        x = A.copy()
        run(x)
        assert np.array_equal(x, A)
    plain = A.copy()
    overwrite(plain)
    assert not np.array_equal(plain, A)
    assert np.allclose(cr.grad(overwrite)(A)[1], 3 * A[1] ** 2 + 2 * A[1])


# --- linear maps ---------------------------------------------------------------------------------


def f_many(x: Any) -> Any:
    return np.array([1.0, 2.0])[:, None] * np.sin(x) * np.sum(x)


def test_linearize_is_the_jvp_and_is_reused() -> None:
    out, push = cr.linearize(f_many, A)
    assert np.array_equal(out, f_many(A))
    for v in (A, B, np.zeros(3)):
        assert np.allclose(push(v), cr.jvp(f_many, (A,), (v,))[1], rtol=1e-15)
    assert np.allclose(push(A + B), push(A) + push(B), rtol=1e-14)


def test_jacobian_modes_agree() -> None:
    reference = np.stack([cr.jvp(f_many, (A,), (e,))[1] for e in np.eye(3)], axis=-1)
    for jac in (
        cr.jacobian(f_many), cr.jacfwd(f_many), cr.jacrev(f_many),
        cr.jacobian(f_many, mode="fwd"), cr.jacobian(f_many, mode="rev"),
    ):  # fmt: skip
        assert np.allclose(jac(A), reference, rtol=1e-14)
    transposed = cr.jacobian(lambda x, y: (x * y[0], np.sum(y)), argnums=(1, 0))(A, np.ones(2))
    assert transposed[0][0].shape == (3, 2)
    assert transposed[0][1].shape == (3, 3)
    assert transposed[1][1].shape == (3,)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_auto_takes_the_cheaper_mode(n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from chainrule.modes import derived

    taken: list[str] = []
    for name in ("_rows", "_columns"):
        original = getattr(derived, name)

        def spy(*args: Any, name: str = name, original: Any = original) -> Any:
            taken.append(name)
            return original(*args)

        monkeypatch.setattr(derived, name, spy)
    cr.jacobian(lambda x: np.outer(x, np.ones(2)).ravel()[:3])(np.ones(n))
    m = min(2 * n, 3)
    assert taken == ["_columns" if n < m else "_rows"]


# --- complex ------------------------------------------------------------------------------------


def test_the_complex_convention() -> None:
    z = 0.7 - 0.3j
    assert cr.grad(lambda z: np.real(z))(z) == 1
    assert cr.grad(lambda z: np.imag(z))(z) == -1j
    assert cr.grad(lambda z: np.abs(z) ** 2)(z) == pytest.approx(2 * np.conj(z))
    f = lambda z: np.real(np.exp(z) * np.conj(z) ** 2)  # noqa: E731
    split = cr.grad(lambda a, b: f(a + 1j * b), argnums=(0, 1))(z.real, z.imag)
    assert cr.grad(f)(z) == pytest.approx(split[0] - 1j * split[1])


def test_holomorphic() -> None:
    z = np.array([1 + 2j, 0.5j])
    found = cr.grad(lambda z: np.sum(np.sin(z) ** 2 / z), holomorphic=True)(z)
    exact = 2 * np.sin(z) * np.cos(z) / z - np.sin(z) ** 2 / z**2
    assert np.allclose(found, exact, rtol=1e-14)
    second = cr.grad(cr.grad(lambda z: z**4, holomorphic=True), holomorphic=True)(1 + 2j)
    assert second == pytest.approx(12 * (1 + 2j) ** 2)


def test_complex_jacobians_agree_in_both_modes() -> None:
    x, z = np.array([0.5, -1.0]), np.array([0.5 + 1j, -1.0 + 0.25j])
    for f, point in (
        (lambda x: np.exp(1j * x) * x[0], x),  # real to complex
        (lambda z: np.abs(z) * np.real(z[0]), z),  # complex to real
        (lambda z: np.sin(z) * z[0] ** 2, z),  # complex to complex, analytic
    ):
        columns, rows = cr.jacfwd(f)(point), cr.jacrev(f)(point)
        assert np.allclose(columns, rows, rtol=1e-14)
        assert columns.dtype == rows.dtype == np.complex128
        h = 1e-6
        along = np.stack([(f(point + h * e) - f(point - h * e)) / (2 * h) for e in np.eye(2)], -1)
        if point is z:
            up = [(f(z + 1j * h * e) - f(z - 1j * h * e)) / (2 * h) for e in np.eye(2)]
            real = np.isrealobj(f(z))
            along = along - 1j * np.stack(up, -1) if real else along
        assert np.allclose(columns, along, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("f", [np.conj, lambda z: z * np.abs(z), lambda z: np.real(z) + 0j * z])
def test_what_is_not_analytic_has_no_complex_jacobian(f: Any) -> None:
    z = np.array([0.5 + 1j, -1.0 + 0.25j])
    for jac in (cr.jacfwd, cr.jacrev):
        with pytest.raises(TypeError, match="not complex analytic"):
            jac(f)(z)
    with pytest.raises(TypeError, match="not complex analytic"):
        cr.grad(lambda z: np.sum(f(z)), holomorphic=True)(z)


# --- functions of all kinds ---------------------------------------------------------------------


class Model:
    """A class whose methods are differentiated."""

    def __init__(self, c: float) -> None:
        self.c = c

    def loss(self, x: Any) -> Any:
        return self.c * x * x

    def __call__(self, x: Any) -> Any:
        return self.c * x**3

    slope = cr.grad(lambda self, x: self.c * x * x, argnums=1)

    @functools.cached_property
    def curve(self) -> Any:
        return cr.derivative(self.loss, 2)


def cube(x: Any) -> Any:
    return np.sum(x**3)


def test_methods_callables_and_partials() -> None:
    m = Model(2.0)
    assert cr.grad(m.loss)(3.0) == 12.0
    assert cr.grad(m)(3.0) == 54.0
    assert m.slope(3.0) == 12.0
    assert m.curve(3.0) == 4.0
    assert cr.grad(functools.partial(lambda a, b: a * b * b, 2.0))(3.0) == 12.0
    assert cr.grad(functools.partial(lambda a, b: a * b * b, b=2.0))(3.0) == 4.0
    assert cr.grad(np.sin)(0.0) == 1.0
    assert cr.grad(np.linalg.norm)(np.array([3.0, 4.0])).tolist() == pytest.approx([0.6, 0.8])
    assert cr.grad(Model(1.0).__call__)(2.0) == 12.0
    assert "loss" in repr(cr.grad(m.loss))
    assert cr.grad(m.loss).__wrapped__ == m.loss


@pytest.mark.parametrize(
    "make",
    [cr.grad, cr.value_and_grad, cr.jacobian, cr.jacfwd, cr.jacrev, cr.hessian,
     lambda f: cr.grad(f, has_aux=False, argnums=(0,)), lambda f: cr.grad(cr.grad(f))],
)  # fmt: skip
def test_gradient_functions_pickle(make: Any) -> None:
    g = make(cube) if make is not None else None
    again = pickle.loads(pickle.dumps(g))
    assert repr(again) == repr(g)
    assert str(again(1.5)) == str(g(1.5))


def test_a_decorated_function() -> None:
    @cr.grad
    def slope(x: Any) -> Any:
        """Square."""
        return x * x

    assert slope(3.0) == 6.0
    assert "Square." in slope.__doc__
    assert slope.__name__ == "grad(slope)"


# --- nesting --------------------------------------------------------------------------------------


def d_reverse(f: Any) -> Any:
    return cr.grad(f)


def d_forward(f: Any) -> Any:
    return lambda x: cr.jvp(f, (x,), (1.0,))[1]


def d_pullback(f: Any) -> Any:
    return lambda x: cr.vjp(f, x)[1](1.0)[0]


def d_linearize(f: Any) -> Any:
    return lambda x: cr.linearize(f, x)[1](1.0)


def d_jacobian(f: Any) -> Any:
    return cr.jacobian(f)


def wave(x: Any) -> Any:
    y = np.sin(x) * x
    return np.exp(y * 0.5) / (1 + x**2)


def _series(order: int, x: float) -> float:
    sympy = pytest.importorskip("sympy")
    s = sympy.symbols("s")
    expression = sympy.exp(sympy.sin(s) * s / 2) / (1 + s**2)
    return float(sympy.diff(expression, s, order).subs(s, x).evalf(25))


@pytest.mark.parametrize(
    "chain",
    [c for n in (1, 2) for c in itertools.product((d_reverse, d_forward, d_pullback, d_linearize,
     d_jacobian), repeat=n)]
    + [c for n in (3, 4) for c in itertools.product((d_reverse, d_forward), repeat=n)],
    ids=lambda c: "-".join(d.__name__[2:] for d in c),
)  # fmt: skip
def test_any_nesting_to_order_four(chain: Any) -> None:
    f: Any = wave
    for d in chain:
        f = d(f)
    assert float(f(0.7)) == pytest.approx(_series(len(chain), 0.7), rel=1e-12)


def test_no_perturbation_confusion() -> None:
    for outer, inner in itertools.product((d_reverse, d_forward, d_linearize), repeat=2):
        assert outer(lambda x, d=inner: x * d(lambda y: x + y)(1.0))(1.0) == 1.0
        assert outer(lambda x, d=inner: x * d(lambda y: x * y * y)(x))(2.0) == 24.0
        assert outer(lambda x, d=inner: d(lambda y: d(lambda z: x * y * z)(3.0))(5.0))(7.0) == 1.0


def test_derivatives_of_derivative_functions() -> None:
    total = lambda g: cr.grad(lambda x: np.sum(g(x)))(A)  # noqa: E731
    assert np.allclose(total(cr.jacobian(lambda y: y**3)), 6 * A)
    assert np.allclose(total(cr.hessian(cube)), 6 * np.ones(3))
    assert np.allclose(total(lambda x: cr.hvp(cube, x, B)), 6 * B)
    assert np.allclose(total(lambda x: cr.value_and_grad(cube)(x)[0]), 3 * A**2)
    assert cr.grad(cr.derivative(np.sin, 2))(1.0) == -np.cos(1.0)
    assert cr.jacobian(cr.jacobian(lambda x: x**3))(A).shape == (3, 3, 3)
    assert cr.derivative(np.sin, 0)(1.0) == np.sin(1.0)


def test_stop_gradient() -> None:
    assert cr.grad(lambda x: x * cr.stop_gradient(x))(3.0) == 3.0
    assert cr.grad(cr.grad(lambda x: x**3 * cr.stop_gradient(x)))(2.0) == 24.0
    assert cr.jvp(lambda x: cr.stop_gradient(x) ** 2 + x, (3.0,), (1.0,)) == (12.0, 1.0)
    inner = cr.grad(lambda x: cr.grad(lambda y: y * y * cr.stop_gradient(x * y))(x))(2.0)
    assert inner == 2 * 4.0  # d/dx of 2x·s with s = stop_gradient(x·x) = 4
    tree = cr.stop_gradient({"a": A, "b": [1.0, None]})
    assert np.array_equal(tree["a"], A)
    assert tree["b"] == [1.0, None]
    both = cr.grad(lambda p: np.sum(cr.stop_gradient(p)["a"] * p["a"]))({"a": A})
    assert np.array_equal(both["a"], A)


def test_threads() -> None:
    def work(k: int) -> Any:
        return [cr.hessian(lambda x: np.sum(np.sin(x) * x**k))(A) for _ in range(5)]

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(work, range(1, 5)))
    for k, matrices in enumerate(found, 1):
        for H in matrices:
            assert np.array_equal(H, work(k)[0])


def test_trace_prints_the_program() -> None:
    text = str(cr.trace(lambda x, y: np.sum(np.sin(2 * x) * y), A, B))
    assert text.splitlines()[0] == "x0: float64[3]"
    assert [line.split(" = ")[1].split("(")[0] for line in text.splitlines()[2:-1]] == [
        "multiply", "sin", "multiply", "sum",
    ]  # fmt: skip
    assert text.splitlines()[-1] == "return v4"
    assert len(cr.trace(lambda x, y: x * y, A, B, argnums=1).inputs) == 1


def test_a_nan_input_may_be_returned(monkeypatch):
    def f(x):
        return np.sum(np.where(x > 0, np.sqrt(x), 0.0)) * x[0]

    at = np.array([np.nan, 4.0])
    with pytest.raises(cr.errors.NonFiniteError, match="nan="):
        cr.grad(f)(at)
    value, slope = cr.value_and_grad(f, nan="return")(at)
    assert np.isnan(value)
    assert np.isnan(slope).any()
    with cr.nan_inputs("return"):
        assert np.isnan(cr.grad(f)(at)).any()
        assert cr.grad(f)(np.array([1.0, 4.0])).tolist() == [3.5, 0.25]
        with pytest.raises(cr.errors.NonFiniteError):
            cr.grad(f, nan="raise")(at)
        with cr.nan_inputs("raise"), pytest.raises(cr.errors.NonFiniteError):
            cr.grad(f)(at)
    with pytest.raises(cr.errors.NonFiniteError):
        cr.grad(f)(at)
    for wrong in (lambda: cr.grad(f, nan="ignore"), lambda: cr.nan_inputs("no").__enter__()):
        with pytest.raises(cr.ChainRuleError, match="nan="):
            wrong()
    assert np.isnan(cr.jit(cr.grad(f, nan="return"))(at)).any()
