"""Nothing is left behind by an exception, wherever it comes from, nor between threads."""

import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import LostDerivativeError

from .common import clean

A = np.array([0.5, 1.5])


class OwnError(Exception):
    """A user's own error."""


def raising(error: BaseException) -> Callable[[Any], Any]:
    def f(x: Any) -> Any:
        y = np.sin(x) * x
        if np.sum(y) > -100:
            raise error
        return np.sum(y)

    return f


TAKERS: dict[str, Callable[[Any], Any]] = {
    "grad": lambda f: cr.grad(f)(A),
    "value_and_grad": lambda f: cr.value_and_grad(f)(A),
    "vjp": lambda f: cr.vjp(f, A),
    "jvp": lambda f: cr.jvp(f, (A,), (A,)),
    "linearize": lambda f: cr.linearize(f, A),
    "jacfwd": lambda f: cr.jacfwd(f)(A),
    "jacrev": lambda f: cr.jacrev(f)(A),
    "hessian": lambda f: cr.hessian(f)(A),
    "hvp": lambda f: cr.hvp(f, A, A),
    "derivative": lambda f: cr.derivative(f, 3)(0.5),
    "trace": lambda f: cr.trace(f, A),
    "grad of grad": lambda f: cr.grad(lambda x: np.sum(cr.grad(f)(x)))(A),
    "grad of jvp": lambda f: cr.grad(lambda x: cr.jvp(f, (x,), (x,))[1])(A),
    "jvp of vjp": lambda f: cr.jvp(lambda x: cr.vjp(f, x)[1](1.0)[0], (A,), (A,)),
}
ERRORS = [OwnError("x"), ValueError("shapes"), KeyboardInterrupt(), SystemExit(3), StopIteration()]


@pytest.mark.parametrize("taker", TAKERS)
@pytest.mark.parametrize("error", ERRORS, ids=lambda e: type(e).__name__)
def test_an_exception_of_the_function_passes_unchanged(taker: str, error: BaseException) -> None:
    with pytest.raises(type(error)) as caught:
        TAKERS[taker](raising(error))
    assert caught.value is error
    frames = [entry.name for entry in caught.traceback]
    assert frames[-1] == "f"
    clean()


def test_numpys_own_errors_pass() -> None:
    def shapes(x: Any) -> Any:
        return np.sum(x + np.ones(3))

    def index(x: Any) -> Any:
        return x[5]

    def axis(x: Any) -> Any:
        return np.sum(x, axis=2)

    for f, kind in ((shapes, ValueError), (index, IndexError), (axis, np.exceptions.AxisError)):
        with pytest.raises(kind) as plain:
            f(A)
        with pytest.raises(kind) as traced:
            cr.grad(f)(A)
        assert str(traced.value) == str(plain.value)
        clean()


def test_an_error_that_the_function_catches_does_no_harm() -> None:
    def careful(x: Any) -> Any:
        try:
            y = float(x[0])
        except TypeError:
            y = x[0] * 1.0
        return y * x[1]

    assert np.array_equal(cr.grad(careful)(A), A[::-1])


def test_a_caught_error_is_not_blamed_later() -> None:
    def careful(x: Any) -> Any:
        with contextlib.suppress(LostDerivativeError):
            float(x[0])
        raise OwnError("mine")

    with pytest.raises(OwnError):
        cr.grad(careful)(A)
    clean()


def test_an_error_inside_an_inner_derivative_may_be_caught_outside() -> None:
    def outer(x: Any) -> Any:
        try:
            inner = cr.grad(raising(OwnError()))(A)
        except OwnError:
            inner = 3.0
        return np.sum(x) * inner

    assert np.array_equal(cr.grad(outer)(A), [3.0, 3.0])


def test_floating_point_settings_are_put_back() -> None:
    before = np.geterr()
    with pytest.raises(OwnError):
        cr.grad(raising(OwnError()))(A)
    pull = cr.vjp(np.sin, A)[1]
    with pytest.raises(ValueError, match="shape"):
        pull(np.ones(3))
    assert np.geterr() == before


def test_an_error_in_a_custom_rule_leaves_nothing() -> None:
    def rule(y: Any, x: Any) -> Any:
        raise OwnError("in the rule")

    strange = cr.custom_rule(np.sin, partial=rule, check=False)
    before = np.geterr()
    for run in (lambda: cr.grad(strange)(0.5), lambda: cr.jvp(strange, (0.5,), (1.0,))):
        with pytest.raises(OwnError):
            run()
        assert np.geterr() == before
        clean()


def test_threads_do_not_see_each_other() -> None:
    start = threading.Barrier(8)

    def work(k: int) -> list[float]:
        start.wait()
        found = []
        for _ in range(20):
            with contextlib.suppress(OwnError):
                cr.grad(raising(OwnError()))(A)
            outer = cr.grad(lambda x: cr.grad(lambda y: np.sin(y) * x**k)(x))
            found.append(float(outer(0.7)))
        return found

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(work, range(1, 9)))
    for k, found in enumerate(results, 1):
        exact = k * 0.7 ** (k - 1) * np.cos(0.7) - 0.7**k * np.sin(0.7)
        assert np.allclose(found, exact, rtol=1e-14)


def test_a_thread_inside_the_function() -> None:
    def parallel(x: Any) -> Any:
        with ThreadPoolExecutor(4) as pool:
            parts = list(pool.map(lambda k: np.sin(x[k]) * (k + 1), range(2)))
        return parts[0] * parts[1]

    s, c = np.sin(A), np.cos(A)
    assert np.allclose(cr.grad(parallel)(A), [2 * c[0] * s[1], 2 * s[0] * c[1]], rtol=1e-15)


def test_deep_recursion_is_pythons_own_error() -> None:
    def forever(x: Any) -> Any:
        return forever(x * 2)

    with pytest.raises(RecursionError):
        cr.grad(forever)(1.0)
    clean()


@pytest.mark.parametrize("raises", [True, False])
@pytest.mark.parametrize("nested", [True, False])
def test_settings_of_the_program_stay_as_after_a_plain_run(raises: bool, nested: bool) -> None:
    def f(x: Any) -> Any:
        np.seterr(over="raise", under="ignore")
        if raises:
            raise OwnError
        return np.sum(np.exp(x) * np.where(x > 0, np.sqrt(x), 0.0))

    found = []
    for call in (f, cr.grad(lambda x: np.sum(cr.grad(f)(x))) if nested else cr.grad(f)):
        with np.errstate():
            np.seterr(all="warn")
            with contextlib.suppress(OwnError):
                call(A)
            found.append(np.geterr())
    assert found[0] == found[1]
