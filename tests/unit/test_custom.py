"""Custom rules: given from one end, right in every mode and at every order."""

import functools
import pickle
from typing import Any

import numpy as np
import pytest

import chainrule as cr

A = np.array([0.5, 1.5, -0.7])
B = np.array([2.0, -1.0, 0.25])


def value(x: Any) -> Any:
    assert isinstance(x, np.ndarray | np.generic)
    assert "Tracer" not in type(x).__name__  # the function always receives plain arrays
    return np.sin(x) * x


def slope(y: Any, x: Any) -> Any:
    return np.cos(x) * x + np.sin(x)


ELEMENTWISE = {
    "partial": cr.custom_rule(value, partial=slope),
    "jvp": cr.custom_rule(value, jvp=lambda t, y, x: t[0] * slope(y, x)),
    "vjp": cr.custom_rule(value, vjp=lambda ct, y, x: ct * slope(y, x)),
    "vjp tuple": cr.custom_rule(value, vjp=lambda ct, y, x: (ct * slope(y, x),)),
    "reads y": cr.custom_rule(value, jvp=lambda t, y, x: t[0] * (y / x + np.cos(x) * x)),
}


def plain(x: Any) -> Any:
    return np.sin(x) * x


@pytest.mark.parametrize("end", ELEMENTWISE)
def test_every_mode_and_order_from_one_end(end: str) -> None:
    f = ELEMENTWISE[end]
    for shape in ((), (3,), (2, 1)):
        x = np.full(shape, 0.3) + 0.1
        assert np.array_equal(f(x), plain(x))
    for one, other in ((f, plain),):
        total = lambda g: lambda x: np.sum(g(x) ** 2)  # noqa: E731
        assert np.allclose(cr.grad(total(one))(A), cr.grad(total(other))(A), rtol=1e-14)
        assert np.allclose(cr.jvp(one, (A,), (B,))[1], cr.jvp(other, (A,), (B,))[1], rtol=1e-14)
        assert np.allclose(cr.vjp(one, A)[1](B)[0], cr.vjp(other, A)[1](B)[0], rtol=1e-14)
        assert np.allclose(cr.linearize(one, A)[1](B), cr.linearize(other, A)[1](B), rtol=1e-14)
        for mode in ("fwd", "rev"):
            found = cr.jacobian(one, mode=mode)(A)
            assert np.allclose(found, cr.jacobian(other)(A), rtol=1e-14)
        assert np.allclose(cr.hessian(total(one))(A), cr.hessian(total(other))(A), rtol=1e-13)
        assert np.allclose(
            cr.jacrev(cr.jacrev(one))(A), cr.jacrev(cr.jacrev(other))(A), rtol=1e-13, atol=1e-15
        )
        assert np.allclose(
            cr.jacfwd(cr.jacfwd(one))(A), cr.jacfwd(cr.jacfwd(other))(A), rtol=1e-13, atol=1e-15
        )
        for order in (1, 2, 3):
            assert cr.derivative(one, order)(0.8) == pytest.approx(
                cr.derivative(other, order)(0.8), rel=1e-13
            )


def matrix_value(w: Any, x: Any) -> Any:
    return np.tanh(w @ x)


MATRIX = {
    "jvp": cr.custom_rule(matrix_value, jvp=lambda t, y, w, x: (1 - y * y) * (t[0] @ x + w @ t[1])),
    "vjp": cr.custom_rule(
        matrix_value,
        vjp=lambda ct, y, w, x: (np.outer(ct * (1 - y * y), x), w.T @ (ct * (1 - y * y))),
    ),
}


@pytest.mark.parametrize("end", MATRIX)
def test_several_arguments(end: str) -> None:
    f = MATRIX[end]
    W = np.arange(6.0).reshape(2, 3) / 7
    for argnums in (0, 1, (0, 1)):
        for mode in ("fwd", "rev"):
            found = cr.jacobian(f, argnums, mode)(W, A)
            expected = cr.jacobian(matrix_value, argnums, mode)(W, A)
            for a, b in zip(np.atleast_1d(found) if argnums != (0, 1) else found,
                            np.atleast_1d(expected) if argnums != (0, 1) else expected,
                            strict=True):  # fmt: skip
                assert np.allclose(a, b, rtol=1e-13, atol=1e-15)
    loss = lambda g: lambda x: np.sum(g(W, x) ** 2)  # noqa: E731
    assert np.allclose(cr.hessian(loss(f))(A), cr.hessian(loss(matrix_value))(A), rtol=1e-12)
    row = lambda g: cr.grad(lambda w: g(w, A)[0])(W)  # noqa: E731
    assert np.allclose(row(f), row(matrix_value))


def test_a_tuple_of_partials_and_none() -> None:
    f = cr.custom_rule(
        lambda a, k, b: a * b**k,
        partial=(lambda y, a, k, b: b**k, None, lambda y, a, k, b: k * a * b ** (k - 1)),
    )
    assert cr.grad(f)(2.0, 3, 5.0) == 125.0
    assert cr.grad(f, argnums=2)(2.0, 3, 5.0) == 150.0
    assert cr.grad(f, argnums=1)(2.0, 3.0, 5.0) == 0.0
    assert cr.grad(cr.grad(f, argnums=2), argnums=2)(2.0, 3, 5.0) == 60.0
    assert np.array_equal(cr.grad(lambda a: np.sum(f(a, 2, 3.0)))(A), np.full(3, 9.0))


def test_broadcasting_is_undone() -> None:
    f = cr.custom_rule(lambda a, b: a * b, partial=(lambda y, a, b: b, lambda y, a, b: a))
    a, b = np.ones((2, 1)), A
    found = cr.grad(lambda a, b: np.sum(f(a, b)), argnums=(0, 1))(a, b)
    assert np.allclose(found[0], np.full((2, 1), A.sum()))
    assert np.allclose(found[1], np.full(3, 2.0))


def test_keywords_reach_function_and_rule() -> None:
    f = cr.custom_rule(lambda x, *, k: x**k, partial=lambda y, x, *, k: k * x ** (k - 1))
    assert cr.grad(lambda x: f(x, k=3))(2.0) == 12.0
    assert cr.grad(cr.grad(lambda x: f(x, k=3)))(2.0) == 12.0
    assert cr.grad(lambda x: f(x, k=2))(2.0) == 4.0


def test_as_a_decorator() -> None:
    @cr.custom_rule(partial=lambda y, x: np.exp(x - y))
    def softplus(x: Any) -> Any:
        """Compute log(1 + eˣ)."""
        return np.logaddexp(0, x)

    assert softplus.__name__ == "softplus"
    assert "log(1" in softplus.__doc__
    assert repr(softplus) == "<custom rule softplus by partial>"
    assert softplus(0.0) == np.log(2.0)
    assert cr.grad(softplus)(0.0) == 0.5
    assert cr.derivative(softplus, 2)(0.0) == 0.25


class Spring:
    """Custom rules as methods."""

    def __init__(self, k: float) -> None:
        self.k = k

    @cr.custom_rule(partial=lambda y, self, x: self.k * x)
    def by_partial(self, x: Any) -> Any:
        """Compute the energy."""
        return 0.5 * self.k * x * x

    @cr.custom_rule(jvp=lambda t, y, self, x: self.k * x * t[0])
    def by_jvp(self, x: Any) -> Any:
        """Compute the energy."""
        return 0.5 * self.k * x * x

    @cr.custom_rule(vjp=lambda ct, y, self, x: self.k * x * ct)
    def by_vjp(self, x: Any) -> Any:
        """Compute the energy."""
        return 0.5 * self.k * x * x


@pytest.mark.parametrize("name", ["by_partial", "by_jvp", "by_vjp"])
def test_as_a_method(name: str) -> None:
    for k in (2.0, 5.0):
        energy = getattr(Spring(k), name)
        assert energy(3.0) == 4.5 * k
        assert cr.grad(energy)(3.0) == 3.0 * k
        assert cr.jvp(energy, (3.0,), (1.0,))[1] == 3.0 * k
        assert cr.derivative(energy, 2)(3.0) == k
        assert cr.grad(cr.grad(energy))(3.0) == k


def test_the_check_runs_once_and_only_when_a_derivative_is_taken() -> None:
    calls: list[Any] = []

    def counted(x: Any) -> Any:
        calls.append(x)
        return x * x

    f = cr.custom_rule(counted, partial=lambda y, x: 2 * x)
    f(3.0)
    assert len(calls) == 1
    cr.grad(f)(3.0)
    checked = len(calls)
    assert checked > 2
    cr.grad(f)(4.0)
    assert len(calls) == checked + 1
    calls.clear()
    unchecked = cr.custom_rule(counted, partial=lambda y, x: 2 * x, check=False)
    cr.grad(unchecked)(3.0)
    assert len(calls) == 1


def test_a_rule_that_differs_on_purpose() -> None:
    through = cr.custom_rule(np.round, vjp=lambda ct, y, x: ct, check=False)
    assert np.array_equal(cr.grad(lambda x: np.sum(through(x) * B))(A), B)
    assert np.array_equal(cr.jvp(through, (A,), (B,))[1], B)


def test_float32_and_complex() -> None:
    f = ELEMENTWISE["partial"]
    x = A.astype(np.float32)
    assert cr.grad(lambda x: np.sum(f(x)))(x).dtype == np.float32
    z = np.array([0.5 + 1j, -1.0 + 0.5j])
    squares = cr.custom_rule(lambda z: z * z, partial=lambda y, z: 2 * z)
    real = lambda g: lambda z: np.sum(np.real(g(z)))  # noqa: E731
    assert np.allclose(cr.grad(real(squares))(z), cr.grad(real(lambda z: z * z))(z))


def test_compiled_code_inside() -> None:
    import ctypes
    import ctypes.util

    library = ctypes.util.find_library("m")
    if library is None:
        pytest.skip("no C library of mathematics found")
    cos = ctypes.CDLL(library).cos
    cos.restype, cos.argtypes = ctypes.c_double, [ctypes.c_double]
    f = cr.custom_rule(lambda x: cos(float(x)), partial=lambda y, x: -np.sin(x))
    assert cr.grad(lambda x: f(x) * x)(0.5) == pytest.approx(np.cos(0.5) - 0.5 * np.sin(0.5))
    assert cr.derivative(f, 3)(0.5) == pytest.approx(np.sin(0.5))


def _square(x: Any) -> Any:
    return x * x


def _square_slope(y: Any, x: Any) -> Any:
    return 2 * x


def test_it_pickles() -> None:
    f = cr.custom_rule(_square, partial=_square_slope)
    cr.grad(f)(1.0)
    again = pickle.loads(pickle.dumps(f))
    assert cr.grad(again)(3.0) == 6.0
    assert functools.reduce(lambda acc, g: acc + g(2.0), [f, again], 0.0) == 8.0


@pytest.mark.parametrize("end", ["partial", "jvp", "vjp"])
def test_a_rule_may_read_what_changes_between_calls(end: str) -> None:
    state = {"k": 2.0}
    rules: dict[str, Any] = {
        "partial": lambda y, x: 2 * state["k"] * x,
        "jvp": lambda t, y, x: 2 * state["k"] * x * t[0],
        "vjp": lambda ct, y, x: 2 * state["k"] * x * ct,
    }
    f = cr.custom_rule(lambda x: state["k"] * x * x, **{end: rules[end]})
    for k in (2.0, 5.0):
        state["k"] = k
        assert cr.grad(f)(3.0) == 6 * k
        assert cr.grad(cr.grad(f))(3.0) == 2 * k
        assert cr.derivative(f, 2)(3.0) == 2 * k


# --- a rule that is differentiated, and hides something -------------------------------------------

stop = cr.stop_gradient
HIDING = {
    "all": {"partial": lambda y, x: 3 * stop(x) ** 2},
    "a part": {"partial": lambda y, x: 3 * stop(x) * x},
    "the value": {"partial": lambda y, x: 3 * stop(y) ** (2 / 3)},
    "vjp": {"vjp": lambda ct, y, x: ct * 3 * stop(x) ** 2},
    "jvp": {"jvp": lambda ts, y, x: 3 * ts[0] * stop(x) ** 2},
    "right at this point only": {"partial": lambda y, x: 3 * 2.0**2},
}
TWICE = {
    "derivative": lambda f: cr.derivative(f, 2)(2.0),
    "hessian": lambda f: cr.hessian(f)(2.0),
    "grad of grad": lambda f: cr.grad(cr.grad(f))(2.0),
    "jvp of grad": lambda f: cr.jvp(cr.grad(f), (2.0,), (1.0,))[1],
    "vmap": lambda f: cr.vmap(cr.grad(cr.grad(f)))(np.array([2.0, 2.0])),
}


@pytest.mark.parametrize("way", TWICE)
@pytest.mark.parametrize("name", HIDING)
def test_a_rule_that_hides_a_value_has_no_second_derivative(name: str, way: str) -> None:
    f = cr.custom_rule(lambda x: x**3, **HIDING[name])
    assert np.isclose(cr.grad(f)(2.0), 12)
    for _ in range(2):  # it is not forgotten
        with pytest.raises(cr.ChainRuleError, match=r"hides a value|disagrees"):
            TWICE[way](f)


@pytest.mark.parametrize("way", TWICE)
def test_a_rule_that_is_not_checked_warns_of_what_it_hides(way: str) -> None:
    kind = cr.errors.CustomRuleWarning
    f = cr.custom_rule(lambda x: x**3, partial=lambda y, x: 3 * stop(x) ** 2, check=False)
    with pytest.warns(kind, match="hides a value"):
        assert np.all(TWICE[way](f) == 0)
    through = cr.custom_rule(np.round, partial=lambda y, x: np.ones_like(x), check=False)
    assert np.all(TWICE[way](lambda x: through(x) ** 2) == 2)
    with cr.checked(), pytest.raises(cr.ChainRuleError):
        cr.derivative(f, 2)(2.0)


def test_what_the_function_keeps_for_its_rule() -> None:
    kept: dict[str, Any] = {"slope": 0.0}

    def cube(x: Any) -> Any:
        kept["slope"] = 3 * x**2
        return x**3

    f = cr.custom_rule(cube, partial=lambda y, x: kept["slope"], check=False)
    with pytest.raises(cr.errors.CustomRuleError, match="has changed"):
        cr.derivative(f, 2)(2.0)
    with pytest.warns(cr.errors.CustomRuleWarning, match="hides a value"):
        cr.derivative(f, 2)(2.0)
    assert kept["slope"] == 12.0  # not that of a point beside


# --- an argument that no derivative is taken in, of which the rule knows nothing ------------------

OF_A_CONSTANT = {
    "partial": {"partial": (lambda y, x, d: 3 * d * x**2, None)},
    "jvp": {"jvp": lambda ts, y, x, d: 3 * d * x**2 * ts[0]},
    "vjp": {"vjp": lambda ct, y, x, d: (3 * ct * d * x**2, None)},
}
CONSTANTS = {
    "number": lambda x: 1.5,
    "made of its shape": lambda x: np.full(np.shape(x), 1.5),
    "a step": lambda x: np.floor(x) - 0.5,
    "stopped": lambda x: stop(x) - 0.5,
}
WAYS = TWICE | {
    "jacfwd of grad": lambda f: cr.jacfwd(cr.grad(f))(2.0),
    "hvp": lambda f: cr.hvp(f, 2.0, 1.0),
    "grad of jvp": lambda f: cr.grad(lambda x: cr.jvp(f, (x,), (1.0,))[1])(2.0),
    "jvp of jvp": lambda f: cr.jvp(lambda x: cr.jvp(f, (x,), (1.0,))[1], (2.0,), (1.0,))[1],
    "jit": lambda f: cr.jit(cr.grad(cr.grad(f)))(2.0),
    "third": lambda f: 2 * cr.derivative(f, 3)(2.0),
}


PAIRED = [  # every two of the three meet; all of them would be three times as many
    (end, constant, way)
    for i, end in enumerate(OF_A_CONSTANT)
    for j, constant in enumerate(CONSTANTS)
    for k, way in enumerate(WAYS)
    if (i + j + k) % 3 == 0
]


@pytest.mark.parametrize(("end", "constant", "way"), PAIRED)
def test_a_rule_need_not_know_of_a_constant(end: str, constant: str, way: str) -> None:
    f = cr.custom_rule(lambda x, d: d * x**3, **OF_A_CONSTANT[end])
    with np.errstate(all="ignore"):
        found = WAYS[way](lambda x: f(x, CONSTANTS[constant](x)))
    np.testing.assert_allclose(found, np.full(np.shape(found), 18.0), rtol=1e-10)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", HIDING)
def test_a_rule_of_a_constant_too_is_compared(name: str, way: str) -> None:
    ((end, rule),) = HIDING[name].items()
    two = {
        "partial": lambda: (lambda y, x, d: rule(y, x), None),
        "jvp": lambda: lambda ts, y, x, d: rule(ts, y, x),
        "vjp": lambda: lambda ct, y, x, d: (rule(ct, y, x), None),
    }[end]()
    f = cr.custom_rule(lambda x, d: d * x**3, **{end: two})
    with pytest.raises(cr.ChainRuleError, match=r"hides a value|disagrees"):
        WAYS[way](lambda x: f(x, 1.0))


def test_a_constant_of_each_example_is_one_too() -> None:
    f = cr.custom_rule(lambda x, d: d * x**3, **OF_A_CONSTANT["vjp"])
    d = np.array([1.5, 2.5])
    assert np.array_equal(cr.vmap(lambda d: cr.grad(lambda x: f(x, d))(2.0))(d), 12 * d)
    assert np.array_equal(cr.vmap(lambda d: cr.hvp(lambda x: f(x, d), 2.0, 1.0))(d), 12 * d)
    with pytest.raises(cr.errors.CustomRuleError, match="disagrees"):
        cr.grad(lambda d: cr.grad(lambda x: f(x, d))(2.0))(1.5)
