"""Where an integrand or a right-hand side bends, or is not finite, exactly at an end.

The oracle is the closed form of the integral, differentiated by mpmath.
"""

import math
from collections.abc import Callable
from typing import Any

import mpmath as mp
import numpy as np
import pytest
from scipy.integrate import dblquad, quad, quad_vec, solve_ivp

import chainrule as cr
from chainrule.errors import UnsupportedFunctionError

Program = Callable[[Any], Any]


def _quad(f: Any, a: Any, b: Any, **more: Any) -> Any:
    return quad(f, a, b, **more)[0]


MODES: dict[str, tuple[int, Callable[[Program], Program]]] = {
    "grad": (1, cr.grad),
    "jvp": (1, lambda f: lambda p: cr.jvp(f, (p,), (1.0,))[1]),
    "hessian": (2, cr.hessian),
    "grad of grad": (2, lambda f: cr.grad(cr.grad(f))),
    "twice forward": (2, lambda f: cr.derivative(f, 2)),
    "forward over reverse": (2, lambda f: cr.derivative(cr.grad(f), 1)),
}


def _agrees(f: Program, exact: Program, p: float, mode: str, **bound: float) -> None:
    order, derive = MODES[mode]
    expected = float(mp.diff(exact, p, order))
    bound = {"rtol": 1e-7, "atol": 1e-8, **bound}
    np.testing.assert_allclose(float(derive(f)(p)), expected, **bound)


# a function of p and its closed form
BENT: dict[str, tuple[Program, Program]] = {
    "upper": (lambda p: _quad(lambda t: abs(t - p), 0, p), lambda p: p**2 / 2),
    "lower": (lambda p: _quad(lambda t: abs(t - p), p, 2), lambda p: (2 - p) ** 2 / 2),
    "split": (
        lambda p: _quad(lambda t: abs(t - p), 0, p) + _quad(lambda t: abs(t - p), p, 2),
        lambda p: p**2 / 2 + (2 - p) ** 2 / 2,
    ),
    "points": (
        lambda p: _quad(lambda t: np.abs(t - p), 0, 2, points=[p]),
        lambda p: p**2 / 2 + (2 - p) ** 2 / 2,
    ),
    "a node of the rule": (
        lambda p: _quad(lambda t: np.abs(t - p), 0, 1.6), lambda p: p**2 / 2 + (1.6 - p) ** 2 / 2
    ),
    "backward": (lambda p: _quad(lambda t: abs(t - p), p, 0), lambda p: -(p**2) / 2),
    "stretched": (
        lambda p: _quad(lambda t: abs(3 * t - p), 0, p / 3) * 3, lambda p: p**2 / 2
    ),
    "max": (lambda p: _quad(lambda t: max(t - p, 0), p, 2), lambda p: (2 - p) ** 2 / 2),
    "maximum, zero": (lambda p: _quad(lambda t: np.maximum(t - p, 0), 0, p), lambda p: 0 * p),
    "min": (lambda p: _quad(lambda t: min(t, p), 0, p), lambda p: p**2 / 2),
    "minimum": (lambda p: _quad(lambda t: np.minimum(t, p) ** 2, p, 3), lambda p: p**2 * (3 - p)),
    "where": (lambda p: _quad(lambda t: np.where(t < p, t * p, 2.0), 0, p), lambda p: p**3 / 2),
    "if": (lambda p: _quad(lambda t: t * p if t <= p else p * p, p, 2), lambda p: p * p * (2 - p)),
    "heaviside": (
        lambda p: _quad(lambda t: np.heaviside(t - p, 0.5) * (t - p), p, 2),
        lambda p: (2 - p) ** 2 / 2,
    ),
    "sign": (
        lambda p: _quad(lambda t: np.sign(t - p) * t * p, p, 2), lambda p: p * (2 - p * p / 2)
    ),
    "clip": (lambda p: _quad(lambda t: np.clip(t, p, 1.5) ** 2, 0, p), lambda p: p**3),
    "both limits": (
        lambda p: _quad(lambda t: abs(t - p) * abs(t - 2 * p), p, 2 * p), lambda p: p**3 / 6
    ),
    "and inside": (
        lambda p: _quad(lambda t: abs(t - p) + abs(t - p / 2), 0, p), lambda p: 0.75 * p**2
    ),
    "from −∞": (lambda p: _quad(lambda t: abs(t - p) * np.exp(t), -np.inf, p), mp.exp),
    "to ∞": (lambda p: _quad(lambda t: abs(t - p) * np.exp(-t), p, np.inf), lambda p: mp.exp(-p)),
    "a slope in the integrand": (
        lambda p: _quad(lambda t: cr.grad(abs)(t - p) * t, 0, p), lambda p: -(p**2) / 2
    ),
    "dblquad": (
        lambda p: dblquad(lambda y, x: abs(y - p) * x, 0, 1, 0, p)[0], lambda p: p**2 / 4
    ),
    "quad_vec": (
        lambda p: np.sum(quad_vec(lambda t: np.array([abs(t - p), max(t - p / 2, 0)]), 0, p)[0]),
        lambda p: p**2 / 2 + p**2 / 8,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BENT)
@pytest.mark.parametrize("mode", MODES)
def test_a_kink_at_a_limit_has_the_slope_of_its_piece(name: str, mode: str) -> None:
    f, exact = BENT[name]
    _agrees(f, exact, 0.8, mode)


def test_the_mixed_derivative_of_a_kink_at_a_limit() -> None:
    f = lambda x: _quad(lambda t: abs(t - x[0]) * x[1], 0, x[0])  # noqa: E731
    found = cr.hessian(f)(np.array([0.8, 3.0]))
    np.testing.assert_allclose(found, [[3.0, 0.8], [0.8, 0.0]], atol=1e-8)


# an integrand that is not finite at a limit, or whose derivative is not, and its closed form
SINGULAR: dict[str, tuple[Program, Program]] = {
    "math": (lambda p: _quad(lambda t: 1 / math.sqrt(t - p), p, 1), lambda p: 2 * mp.sqrt(1 - p)),
    "numpy": (lambda p: _quad(lambda t: 1 / np.sqrt(t - p), p, 1), lambda p: 2 * mp.sqrt(1 - p)),
    "upper": (lambda p: _quad(lambda t: 1 / math.sqrt(p - t), 0, p), lambda p: 2 * mp.sqrt(p)),
    "a power": (
        lambda p: _quad(lambda t: t * (p - t) ** -0.25, 0, p), lambda p: mp.beta(2, 0.75) * p**1.75
    ),
    "log": (
        lambda p: _quad(lambda t: math.log(t - p), p, 1), lambda p: (1 - p) * (mp.log(1 - p) - 1)
    ),
    "abs": (
        lambda p: _quad(lambda t: abs(t - p) ** -0.5, 0, p) + _quad(
            lambda t: abs(t - p) ** -0.5, p, 1
        ),
        lambda p: 2 * mp.sqrt(p) + 2 * mp.sqrt(1 - p),
    ),
    "a root": (lambda p: _quad(lambda t: math.sqrt(p - t), 0, p), lambda p: p**1.5 / 1.5),
    "to ∞": (
        lambda p: _quad(lambda t: np.exp(-t) / np.sqrt(t - p), p, np.inf),
        lambda p: mp.exp(-p) * mp.sqrt(mp.pi),
    ),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:quad.*divergent, or slowly:chainrule.errors.ImplicitWarning")
@pytest.mark.parametrize("name", SINGULAR)
@pytest.mark.parametrize("mode", MODES)
def test_an_integrand_that_is_singular_at_a_moving_limit(name: str, mode: str) -> None:
    f, exact = SINGULAR[name]
    _agrees(f, exact, 0.3, mode, rtol=1e-5, atol=1e-6)


def test_a_limit_that_meets_a_singularity_is_refused() -> None:
    f = lambda p: _quad(lambda t: 1 / math.sqrt(t), p, 1)  # noqa: E731
    np.testing.assert_allclose(cr.grad(f)(0.25), -2.0)
    with pytest.raises(UnsupportedFunctionError, match="not finite at a limit"):
        cr.grad(f)(0.0)


_RUN = {"rtol": 1e-10, "atol": 1e-12}


def _solved(f: Any, **more: Any) -> Any:
    return solve_ivp(lambda t, y: [f(t)], (0, 1), [0.0], **{**_RUN, **more}).y[0, -1]


def _scaled(p: Any, **more: Any) -> Any:
    return solve_ivp(
        lambda t, y: [1 + max(y[0] - p, 0) * 2], (0, 1), [0.0], **{**_RUN, **more}
    ).y[0, -1]


# a kink exactly at the end of a step: p = 0.5
STEPS: dict[str, tuple[Program, Program]] = {
    "max": (lambda p: _solved(lambda t: max(t - p, 0), max_step=0.25), lambda p: (1 - p) ** 2 / 2),
    "abs": (
        lambda p: _solved(lambda t: abs(t - p) * 1.0, first_step=0.25, max_step=0.25),
        lambda p: (1 - p) ** 2 / 2 + p**2 / 2,
    ),
    "where": (
        lambda p: _solved(lambda t: np.where(t > p, t - p, 0.0), first_step=0.25, max_step=0.25),
        lambda p: (1 - p) ** 2 / 2,
    ),
    "clip": (
        lambda p: _solved(lambda t: np.clip(t, 0.1, p), first_step=0.25, max_step=0.25),
        lambda p: 0.005 + p * p / 2 + p * (1 - p),
    ),
    "RK23": (
        lambda p: _solved(lambda t: max(t - p, 0), method="RK23", first_step=0.25, max_step=0.25),
        lambda p: (1 - p) ** 2 / 2,
    ),
    "DOP853": (
        lambda p: _solved(lambda t: max(t - p, 0), method="DOP853", first_step=0.25, max_step=0.25),
        lambda p: (1 - p) ** 2 / 2,
    ),
    "Radau": (
        lambda p: _solved(lambda t: max(t - p, 0), method="Radau", first_step=0.25, max_step=0.25),
        lambda p: (1 - p) ** 2 / 2,
    ),
    "a state": (
        lambda p: _scaled(p, first_step=0.25, max_step=0.25),
        lambda p: p + (mp.exp(2 * (1 - p)) - 1) / 2,
    ),
    "the first time": (
        lambda p: solve_ivp(
            lambda t, y: [max(t - p, 0)], (p, 1), [0.0], **_RUN
        ).y[0, -1],
        lambda p: (1 - p) ** 2 / 2,
    ),
    "the last time": (
        lambda p: solve_ivp(lambda t, y: [abs(t - p)], (0, p), [0.0], **_RUN).y[0, -1],
        lambda p: p**2 / 2,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("mode", ["grad", "jvp", "hessian", "twice forward"])
def test_a_kink_at_the_end_of_a_step(name: str, mode: str) -> None:
    f, exact = STEPS[name]
    _agrees(f, exact, 0.5, mode, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("decide", [
    lambda t, p: 1.0 if t <= p else 0.0, lambda t, p: 1.0 if t < p else 0.0,
    lambda t, p: 1 - np.heaviside(t - p, 0.5), lambda t, p: 0.5 - 0.5 * np.sign(t - p),
])  # fmt: skip
def test_a_jump_at_the_end_of_a_step(decide: Any) -> None:
    f = lambda p: _solved(lambda t: decide(t, p), first_step=0.25, max_step=0.25)  # noqa: E731
    np.testing.assert_allclose(cr.grad(f)(0.5), 1.0, rtol=1e-6)


def test_the_third_derivative_where_only_the_second_of_the_slope_jumps() -> None:
    f = lambda p: _solved(lambda t: max(t - p, 0) ** 2, max_step=0.1)  # noqa: E731
    np.testing.assert_allclose(cr.derivative(f, 3)(0.43), -2.0, rtol=1e-3)
    g = lambda p: _solved(lambda t: max(t - p, 0) ** 3, max_step=0.02)  # noqa: E731
    np.testing.assert_allclose(cr.derivative(g, 3)(0.43), -6 * 0.57, rtol=1e-2)


@pytest.mark.parametrize("order", ["value_and_grad", "jvp", "vjp"])
def test_an_infinite_slope_at_a_limit_leaves_the_value(order):
    cases = [
        (lambda a: quad(lambda t: 1 / np.sqrt(abs(t - 0.5)), 0, a)[0], 0.5, np.inf),
        (lambda a: quad(lambda t: np.log(t), a, 1)[0], 0.0, np.inf),
        (lambda a: quad(lambda t: 1 / np.sqrt(t), a, 1)[0] + a, 0.0, -np.inf),
        (lambda a: quad(lambda t: 1 / np.sqrt(abs(t - a)), 0, a)[0], 0.5, 2**0.5),
    ]
    for f, at, slope in cases:
        with np.errstate(all="ignore"):
            if order == "value_and_grad":
                value, found = cr.value_and_grad(f)(at)
            elif order == "jvp":
                value, found = cr.jvp(f, (at,), (1.0,))
            else:
                value, pull = cr.vjp(f, at)
                (found,) = pull(1.0)
            assert value == f(at)
            assert found == pytest.approx(slope)
