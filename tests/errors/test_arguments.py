"""Bad arguments: what is differentiated, argnums, tangents and cotangents, outputs, NaN."""

import array
import dataclasses
import pickle
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import errors
from chainrule.errors import (
    ArgnumsError,
    BatchError,
    InputTypeError,
    NonFiniteError,
    NonScalarOutputError,
    OutputTypeError,
    StructureError,
)

from .common import clean, reads_well, refuse

A = np.arange(3.0)


def square(weight: Any) -> Any:
    return np.sum(weight**2)


# --- the input ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (True, ("bool True", "pass a float")),
        (np.bool_(True), ("bool", "pass a float")),
        (np.array([True, False]), ("bool", "a condition has no derivative")),
        ("abc", ("str 'abc'", "pass a number in its place")),
        (b"abc", ("bytes", "only numbers and float arrays")),
        (None, ("None (no numbers in it)",)),
        (object(), ("object",)),
        (np.array([1.0, None], dtype=object), ("an array of object",)),
        (np.array(["a"]), ("an array of <U1",)),
        (np.array(["2020-01-01"], dtype="M8[D]"), ("datetime64[D]",)),
        (np.zeros(2, dtype=[("a", float)]), ("an array of",)),
        (np.ma.array([1.0, 2.0]), ("MaskedArray", "np.asarray(weight)", "mask")),
        (lambda: 1.0, ("function",)),
        ({"w": Decimal(3)}, ("weight['w']", "Decimal")),
        ([1.0, array.array("d", [1.0])], ("weight[1]", "array")),
        ({"layers": [{"b": "s"}, {"b": True}]}, ("weight['layers'][0]['b']", "str 's'")),
    ],
    ids=lambda v: repr(v).split(" at 0x")[0][:30] if not isinstance(v, tuple) else "",
)
def test_an_input_that_cannot_be_differentiated_is_named(bad: Any, words: tuple[str, ...]) -> None:
    def run() -> Any:
        return cr.grad(square)(bad)  # <-

    refuse(run, InputTypeError, TypeError, "weight", *words)


def test_a_matrix_is_refused() -> None:
    with pytest.warns(PendingDeprecationWarning):
        bad = np.matrix([1.0, 2.0])

    def run() -> Any:
        return cr.grad(square)(bad)  # <-

    refuse(run, InputTypeError, TypeError, "a matrix", "np.asarray(weight)")


def test_an_array_of_another_library_is_refused() -> None:
    class Series:
        dtype, shape, ndim, size = np.dtype(float), (2,), 1, 2

        def __array__(self, *args: Any, **kwargs: Any) -> Any:
            return np.ones(2)

    def run() -> Any:
        return cr.grad(square)(Series())  # <-

    refuse(run, InputTypeError, TypeError, "weight", "a Series", "np.asarray(weight)")


def test_every_mode_refuses_conditions() -> None:
    bad = np.arange(3) > 1

    def by_vjp() -> Any:
        return cr.vjp(square, bad)  # <-

    def by_jvp() -> Any:
        return cr.jvp(square, (bad,), (bad,))  # <-

    def by_linearize() -> Any:
        return cr.linearize(square, bad)  # <-

    def by_jacobian() -> Any:
        return cr.jacobian(square)(bad)  # <-

    def by_hessian() -> Any:
        return cr.hessian(square)(bad)  # <-

    def by_hvp() -> Any:
        return cr.hvp(square, bad, A)  # <-

    def by_trace() -> Any:
        return cr.trace(square, bad)  # <-

    for run in (by_vjp, by_jvp, by_linearize, by_jacobian, by_hessian, by_hvp, by_trace):
        refuse(run, InputTypeError, TypeError, "weight", "an array of bool", "pass a float")


def test_a_function_is_asked_for() -> None:
    def by_grad() -> Any:
        return cr.grad(3.0)  # <-

    def by_vjp() -> Any:
        return cr.vjp(np.sin(A), A)  # <-

    def by_jvp() -> Any:
        return cr.jvp(None, (A,), (A,))  # <-

    for run in (by_grad, by_vjp, by_jvp):
        refuse(run, InputTypeError, TypeError, "expected a function", "cr.grad(f)(x)")


# --- argnums --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argnums", "words"),
    [
        (2, ("argument 2", "called with 2 positional arguments", "argnums=0 or 1")),
        (-3, ("argument -3",)),
        ((0, 5), ("argument 5",)),
        ("x", ("'x'", "not an integer", "argnums=(0, 1)")),
        (1.5, ("1.5", "not an integer")),
        (True, ("True", "not an integer")),
        (None, ("None", "not an integer")),
        ((), ("names no argument",)),
        ((0, 0), ("names an argument twice",)),
        ((1, -1), ("names an argument twice",)),
    ],
)
def test_wrong_argnums(argnums: Any, words: tuple[str, ...]) -> None:
    def product(a: Any, b: Any) -> Any:
        return np.sum(a * b)

    def run() -> Any:
        return cr.grad(product, argnums=argnums)(A, 2.0)  # <-

    refuse(run, ArgnumsError, ValueError, *words)


@pytest.mark.parametrize("of", [
    cr.grad, cr.value_and_grad, cr.jacobian, cr.jacfwd, cr.hessian, cr.derivative, cr.jac_sparsity,
    *(lambda f, asks=asks: lambda: asks(f)
      for asks in (cr.vjp, cr.linearize, cr.trace, cr.check, cr.explain, cr.draw)),
])  # fmt: skip
def test_a_point_is_missing(of: Any) -> None:
    def run() -> Any:
        return of(square)()  # <-

    with pytest.raises(ArgnumsError) as error:
        run()
    assert "called without a point" in str(error.value)
    assert "argnums" not in str(error.value)
    assert "pass the point by its position" in str(error.value)


def test_no_example_is_given() -> None:
    def run() -> Any:
        return cr.vmap(square)()  # <-

    refuse(run, BatchError, ValueError, "without positional arguments", "pass the examples")


def test_argnums_count_positional_arguments() -> None:
    def run() -> Any:
        return cr.grad(square)(weight=A)  # <-

    refuse(run, ArgnumsError, ValueError, "without a point", "keyword arguments are constants")


def test_options_that_do_not_exist() -> None:
    def mode() -> Any:
        return cr.jacobian(square, mode="both")  # <-

    def negative() -> Any:
        return cr.derivative(np.sin, order=-1)  # <-

    def half() -> Any:
        return cr.derivative(np.sin, order=0.5)  # <-

    refuse(mode, ArgnumsError, ValueError, "'both'", "'auto', 'fwd' or 'rev'")
    refuse(negative, ArgnumsError, ValueError, "-1", "order=2")
    refuse(half, ArgnumsError, ValueError, "0.5", "order=2")


# --- the output -----------------------------------------------------------------------------


def test_a_gradient_needs_a_scalar() -> None:
    def double(x: Any) -> Any:
        return x * 2

    def run() -> Any:
        return cr.grad(double)(A)  # <-

    refuse(
        run, NonScalarOutputError, TypeError, "double returned an array of shape (3,)",
        "np.sum(y)", "cr.jacobian(f)", "cr.vjp(f, x)",
    )  # fmt: skip


def test_a_constant_array_is_no_scalar_either() -> None:
    def run() -> Any:
        return cr.grad(lambda x: np.ones(4))(A)  # <-

    refuse(run, NonScalarOutputError, TypeError, "shape (4,)")


@pytest.mark.parametrize("wrap", [lambda y: [y], lambda y: (y, y), lambda y: {"a": y}])
def test_a_container_is_no_scalar(wrap: Any) -> None:
    def run() -> Any:
        return cr.grad(lambda x: wrap(np.sum(x)))(A)  # <-

    refuse(run, NonScalarOutputError, TypeError, "returned a", "has_aux=True")


@pytest.mark.parametrize("out", [1.0, (1.0,), (1.0, 2.0, 3.0), [1.0, 2.0]])
def test_has_aux_needs_a_pair(out: Any) -> None:
    def run() -> Any:
        return cr.grad(lambda x: out, has_aux=True)(A)  # <-

    refuse(run, NonScalarOutputError, TypeError, "must return a pair", "return value, aux")


def test_has_aux_of_jvp_and_vjp_needs_a_pair() -> None:
    def by_jvp() -> Any:
        return cr.jvp(np.sin, (A,), (A,), has_aux=True)  # <-

    def by_vjp() -> Any:
        return cr.vjp(np.sin, A, has_aux=True)  # <-

    for run in (by_jvp, by_vjp):
        refuse(run, NonScalarOutputError, TypeError, "sin must return a pair", "ndarray")


def test_a_complex_output_needs_a_convention() -> None:
    def run() -> Any:
        return cr.grad(lambda x: np.sum(x) * 1j)(A)  # <-

    refuse(run, NonScalarOutputError, TypeError, "complex", "np.real(z)", "holomorphic=True")


def test_holomorphic_asks_for_complex_ends() -> None:
    def real_input() -> Any:
        return cr.grad(lambda z: z * z + 0j, holomorphic=True)(1.0)  # <-

    def real_output() -> Any:
        return cr.grad(lambda z: np.abs(z) ** 2, holomorphic=True)(1.0 + 2.0j)  # <-

    refuse(real_input, NonScalarOutputError, TypeError, "z of <lambda> is float64")
    refuse(real_output, NonScalarOutputError, TypeError, "returned a real number")


def forgets(x: Any) -> None:  # <-
    x.sum()


@pytest.mark.parametrize(
    "run",
    [
        lambda: cr.grad(forgets)(A),
        lambda: cr.value_and_grad(forgets)(A),
        lambda: cr.vjp(forgets, A),
        lambda: cr.jvp(forgets, (A,), (A,)),
        lambda: cr.linearize(forgets, A),
        lambda: cr.jacobian(forgets)(A),
        lambda: cr.trace(forgets, A),
    ],
)
def test_a_forgotten_return_is_said(run: Any) -> None:
    refuse(
        run, OutputTypeError, TypeError, "forgets returned None", "missing return statement",
        at=forgets,
    )  # fmt: skip


@pytest.mark.parametrize("out", ["text", object(), {1, 2}, np.array(["a"]), b"x", len])
def test_an_output_must_be_numbers(out: Any) -> None:
    def talks(x: Any) -> Any:  # <-
        return out

    for run in (lambda: cr.grad(talks)(A), lambda: cr.vjp(talks, A)):
        refuse(run, OutputTypeError, TypeError, "talks returned", "numbers only", at=talks)


def test_nothing_in_a_container() -> None:
    def empty(x: Any) -> Any:  # <-
        return []

    refuse(lambda: cr.vjp(empty, A), OutputTypeError, TypeError, "empty returned []", at=empty)


def test_derivative_is_for_one_number() -> None:
    def array() -> Any:
        return cr.derivative(np.sin)(A)  # <-

    def two() -> Any:
        return cr.derivative(np.arctan2)(1.0, 2.0)  # <-

    for run in (array, two):
        refuse(run, NonScalarOutputError, TypeError, "one number", "cr.jacobian(f)")


# --- tangents and cotangents ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tangents", "words"),
    [
        ((np.ones(4),), ("shape (4,)", "shape (3,)")),
        ((1.0,), ("shape ()", "shape (3,)")),
        ((A, A), ("1 primal(s), but 2 tangent(s)",)),
        ((), ("1 primal(s), but 0 tangent(s)",)),
        (([A],), ("structure", "same nesting")),
        ((None,), ("structure",)),
        (({"a": A},), ("structure", "'a'")),
        ((A * 1j,), ("complex128", "float64")),
        ((np.array(["a", "b", "c"]),), ("<U1",)),
        ((np.array([None, 1, 2]),), ("object",)),
    ],
)
def test_a_tangent_that_does_not_fit(tangents: Any, words: tuple[str, ...]) -> None:
    def by_jvp() -> Any:
        return cr.jvp(np.sin, (A,), tangents)  # <-

    push = cr.linearize(np.sin, A)[1]

    def by_linearize() -> Any:
        return push(*tangents)  # <-

    for run in (by_jvp, by_linearize):
        refuse(run, StructureError, ValueError, *words)


def test_jvp_takes_tuples() -> None:
    def run() -> Any:
        return cr.jvp(np.sin, A, A)  # <-

    refuse(run, StructureError, ValueError, "tuples", "cr.jvp(f, (x,), (v,))")


@pytest.mark.parametrize(
    ("cotangent", "words"),
    [
        ({"y": np.ones(4), "n": 1.0}, ("shape (4,)", "shape (3,)")),
        (np.ones(3), ("structure", "'y'")),
        ({"y": A}, ("structure",)),
        ({"y": A * 1j, "n": 1.0}, ("complex128",)),
        (None, ("structure",)),
    ],
)
def test_a_cotangent_that_does_not_fit(cotangent: Any, words: tuple[str, ...]) -> None:
    pull = cr.vjp(lambda x: {"y": np.sin(x), "n": np.sum(x)}, A)[1]

    def run() -> Any:
        return pull(cotangent)  # <-

    refuse(run, StructureError, ValueError, "cotangent", *words)
    assert np.array_equal(pull({"y": A * 0, "n": 1.0})[0], np.ones(3))


def test_a_direction_of_hvp_that_does_not_fit() -> None:
    def run() -> Any:
        return cr.hvp(square, A, np.ones(2))  # <-

    refuse(run, StructureError, ValueError, "shape (2,)", "shape (3,)")


# --- NaN ------------------------------------------------------------------------------------


def test_a_nan_input_is_named() -> None:
    bad = {"w": [A, np.array([[1.0, np.nan], [np.nan, 0.0]])]}

    def run() -> Any:
        return cr.grad(lambda params: np.sum(params["w"][1] ** 2))(bad)  # <-

    refuse(
        run, NonFiniteError, ValueError, "params['w'][1][0, 1] is NaN", "1 more place",
        "np.nan_to_num(params['w'][1])",
    )  # fmt: skip


def test_nan_passes_through_vjp_and_jvp() -> None:
    x = np.array([1.0, np.nan])
    out, pull = cr.vjp(square, x)
    assert np.isnan(out)
    assert np.array_equal(pull(1.0)[0], 2 * x, equal_nan=True)
    assert np.isnan(cr.jvp(square, (x,), (x,))[1])


# --- the classes ------------------------------------------------------------------------------

CLASSES = [
    c for c in vars(errors).values()
    if isinstance(c, type) and issubclass(c, errors.ChainRuleError)
    and c is not errors.ChainRuleError
]  # fmt: skip


@pytest.mark.parametrize("cls", CLASSES, ids=lambda c: c.__name__)
def test_every_class_is_a_builtin_too_and_pickles(cls: type[errors.ChainRuleError]) -> None:
    assert cls.__mro__[1] is errors.ChainRuleError
    assert issubclass(cls.__mro__[2], Exception)
    assert cls.__mro__[2].__module__ == "builtins"
    error = cls("what", where="a.py:1, in f:  y = x", why="because", cure="write z")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is cls
    assert str(again) == str(error)
    reads_well(again)


def test_a_long_message_keeps_to_the_screen() -> None:
    error = errors.StructureError("what", where="here", why="word " * 200, cure="mend " * 60)
    reads_well(error)
    assert max(map(len, str(error).splitlines())) <= 100
    assert dataclasses.is_dataclass(error) is False
    clean()
