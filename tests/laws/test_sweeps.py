"""Law: many sweeps at once give for each row, and for each column, what a single sweep gives."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import chainrule
from chainrule.core.op import Composite, Op
from chainrule.errors import ChainRuleError
from chainrule.modes import derived
from chainrule.testing.samples import Case, cases

from .registry import QUIET, every_record

pytestmark = QUIET
STRANGE = (np.nan, np.inf, -np.inf, 0.0)


def both(f: Any, xs: Any, mode: str, chunk: int | None = None) -> tuple[Any, Any, list[bool]]:
    """Return the Jacobian by sweeps taken together, one by one, and which could be together."""
    argnums = tuple(range(len(xs)))
    done: list[bool] = []
    at_once = derived.Side.together

    def noted(self: Any, *args: Any) -> Any:
        found = at_once(self, *args)
        done.append(found is not None)
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(derived.Side, "together", noted)
        patch.setattr(derived, "_WORTH", {True: 2, False: 2})
        patch.setattr(derived, "_SMALL", 0 if chunk else 1 << 30)  # with and without trimming
        together = outcome(chainrule.jacobian(f, argnums, mode, chunk), xs)
    return together, outcome(chainrule.jacobian(f, argnums, mode, 1), xs), done


def outcome(f: Any, xs: Any) -> Any:
    try:
        return f(*xs)
    except (ChainRuleError, ArithmeticError, ValueError, np.linalg.LinAlgError) as error:
        return type(error), str(error)


def compare(got: Any, want: Any) -> None:
    if isinstance(want, tuple | list) and (not want or not isinstance(want[0], type)):
        assert len(got) == len(want)
        for g, w in zip(got, want, strict=True):
            compare(g, w)
        return
    if isinstance(want, tuple):
        assert got == want
        return
    assert (np.shape(got), got.dtype) == (np.shape(want), want.dtype)
    scale = np.max(np.abs(want[np.isfinite(want)]), initial=1e-300) if want.size else 1.0
    near = float(np.sqrt(np.finfo(want.dtype).eps)) * 1e-4
    np.testing.assert_allclose(got, want, rtol=near, atol=near * scale)


def strange(case: Case) -> Iterator[tuple[Any, ...]]:
    """Yield the values of a case with one number that is none, or that meets infinite slopes."""
    for value in STRANGE:
        x = case.xs[0]
        if np.size(x) and x.dtype.kind in "fc":
            odd = np.array(x)
            odd.flat[0] = value
            yield odd[()], *case.xs[1:]


def meets_anything(record: Op | Composite) -> bool:
    """Say whether an op may be given NaN and ∞: LAPACK may go on for ever, SciPy may crash."""
    return isinstance(record.function, np.ufunc) and record.function is getattr(
        np, record.function.__name__, None
    )


@every_record
@pytest.mark.parametrize("mode", ["fwd", "rev"])
def test_each_sweep_is_what_it_is_alone(
    record: Op | Composite, mode: str, request: pytest.FixtureRequest
) -> None:
    """Of each record the first case, with ``--fuzz`` all; with and without chunks by turns."""
    long = request.config.getoption("--fuzz")
    for i, case in enumerate(cases(record)):
        for chunk in (None, 2) if long else ((2, None)[(len(record.name) + i) % 2],):
            together, alone, done = both(case, case.xs, mode, chunk)
            compare(together, alone)
            assert all(done), case
        if i == 0 and meets_anything(record):
            for xs in strange(case):
                compare(*both(case, xs, mode)[:2])
        if not long:
            break


def stores(x: Any) -> Any:
    y = np.zeros(4)
    for i in range(3):
        y[i] = np.sin(x[i]) * x[i - 1]
    y[3] = x[0] * np.linalg.norm(x)
    return np.array([y[0] * y[1], y[3], np.max(x) * y[2], x[1]]) * y


def shared(x: Any) -> Any:
    y = 2 * x
    y[0] = x[1] ** 2
    return y + x  # one cotangent for both, of which one is cleared


def masked(x: Any) -> Any:
    return np.where(x > 0, np.sqrt(np.abs(x)), 0.0) * x[1]


def product(x: Any) -> Any:
    return np.outer(x, x) @ np.sqrt(np.abs(x))


def parts(x: Any) -> Any:
    return x[0] * np.sum(x), np.fft.rfft(x), np.sort(x), x[::-1], 2.0


def own_rule(x: Any) -> Any:
    return cube(x)[::-1] * x


@chainrule.custom_rule(vjp=lambda ct, y, x: (float(ct[0]) * np.eye(len(x))[0] * 3 * x**2
                                             + np.r_[0.0, ct[1:]] * 3 * x**2,))
def cube(x: Any) -> Any:
    return x**3


X = np.array([0.3, 0.5, -1.2])
PROGRAMS = {
    "stores": stores,
    "shared": shared,
    "masked": masked,
    "product": product,
    "parts": parts,
    "a user's rule that asks for plain numbers": own_rule,
}
NESTED = {
    "inside a gradient": lambda x: [chainrule.grad(
        lambda x: np.linalg.slogdet(chainrule.jacrev(stores)(x).T @ chainrule.jacrev(stores)(x))[1]
    )(x)],
    "third order": chainrule.jacrev(chainrule.jacfwd(stores)),
    "a Hessian": lambda x: chainrule.grad(lambda x: np.sum(stores(x) ** 2))(x),
    "a Hessian at a cone": lambda x: chainrule.grad(
        lambda x: np.linalg.norm(x * 0) ** 2 + np.abs(x[0] * 0) * x[0])(x),
    "a batch inside": lambda x: chainrule.vmap(stores)(np.stack([x, 2 * x])),
    "complex": lambda x: (x + 1j) ** 2 * x[0],
}  # fmt: skip


@pytest.mark.parametrize("name", NESTED)
@pytest.mark.parametrize("mode", ["fwd", "rev"])
def test_derivatives_by_sweeps_together_and_alone(name: str, mode: str) -> None:
    together, alone, done = both(NESTED[name], (X,), mode)
    compare(together, alone)
    assert all(done)


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("mode", ["fwd", "rev"])
def test_programs_by_sweeps_together_and_alone(name: str, mode: str) -> None:
    for x, chunk in ((X, None), (X, 2), (X * [1, 0, 1], 2), (X * [1, np.nan, 1], None)):
        together, alone, _ = both(PROGRAMS[name], (x,), mode, chunk)
        compare(together, alone)


def test_complex_inputs_of_analytic_and_other_functions() -> None:
    z = X + 1j * X[::-1]
    for f in (lambda z: z**2 * z[0], lambda z: np.abs(z) * z.real, lambda z: np.abs(z) * z):
        for mode in ("fwd", "rev"):
            compare(*both(f, (z,), mode)[:2])


def test_a_batch_of_jacobians() -> None:
    xs = np.stack([X, 2 * X, X[::-1]])
    for jacobian in (chainrule.jacfwd(stores), chainrule.jacrev(stores), chainrule.hessian(
        lambda x: np.sum(stores(x)))):  # fmt: skip
        want = np.stack([jacobian(x) for x in xs])
        np.testing.assert_allclose(chainrule.vmap(jacobian)(xs), want, rtol=1e-12, atol=1e-12)


def test_partials_are_computed_once() -> None:
    calls: list[int] = []

    @chainrule.custom_rule(partial=lambda y, x: calls.append(1) or 2 * x)
    def square(x: Any) -> Any:
        return x**2

    for chunk in (None, 2):
        calls.clear()
        x = np.arange(30.0)
        got = chainrule.jacobian(lambda x: np.cumsum(square(x)), chunk=chunk)(x)
        np.testing.assert_allclose(got, np.tril(np.ones((30, 30))) * 2 * x)
        assert len(calls) <= 2  # once for the check of the rule


def test_a_matrix_too_large_is_refused_with_its_numbers() -> None:
    for run in (chainrule.jacobian(lambda x: x**2), chainrule.hessian(lambda x: np.sum(x**3))):
        with pytest.raises(MemoryError, match=r"1,000,000 × 1,000,000 numbers: 7450\.6 GiB"):
            run(np.ones(1_000_000))


@pytest.mark.parametrize("chunk", [0, -1, 1.5, True])
def test_a_chunk_is_a_number_of_passes(chunk: Any) -> None:
    with pytest.raises(ValueError, match=r"chunk=.* is not a number of passes"):
        chainrule.jacfwd(np.sin, chunk=chunk)
