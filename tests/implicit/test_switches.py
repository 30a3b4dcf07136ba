"""Integrands that decide by a traced value: the places where they switch move with the inputs.

The oracle integrates between the places, which the test knows, by Gauss's rule, and extrapolates
differences of that.
"""

import bisect
import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.polynomial.legendre import leggauss
from scipy import integrate, interpolate, optimize

import chainrule
from chainrule.errors import ImplicitError, ImplicitWarning

from .common import richardson

_X, _W = leggauss(40)
Integrand = Callable[[Any, Any], Any]

# the integrand, its limits, and where it switches
SWITCHES: dict[str, tuple[Integrand, float, float, Callable[[float], list[float]]]] = {
    "if": (lambda t, p: 1.0 if t < p else 0.0, 0, 3, lambda p: [p]),
    "if not": (lambda t, p: 0.0 if p >= t else math.exp(-t), 0, 3, lambda p: [p]),
    "where": (lambda t, p: np.where(t < p, t * p, 2.0), 0, 3, lambda p: [p]),
    "searched": (lambda t, p: [1.0, 3.0][int(np.searchsorted([p], t))], 0, 3, lambda p: [p]),
    "searched in two": (
        lambda t, p: np.array([1.0, t, 3.0 * p])[np.searchsorted(np.array([p, 2 * p]), t)],
        0, 3, lambda p: [p, 2 * p],
    ),
    "where of constants": (lambda t, p: np.where(p * t > 1, 3.0, t**2), 0, 3, lambda p: [1 / p]),
    "heaviside": (lambda t, p: np.heaviside(t - p**2, 0.5) * t, 0, 3, lambda p: [p**2]),
    "sign": (lambda t, p: np.sign(t - p) * np.cos(t), 0, 3, lambda p: [p]),
    "a factor": (lambda t, p: (t > p) * np.exp(-t), 0, 9, lambda p: [p]),
    "a digital option": (
        lambda t, p: float(100 * np.exp(0.2 * t) > 100 * p) * np.exp(-t * t / 2), -8, 8,
        lambda p: [5 * math.log(p)],
    ),
    "a call": (
        lambda t, p: max(np.exp(0.2 * t) - p, 0.0) * np.exp(-t * t / 2), -8, 8,
        lambda p: [5 * math.log(p)],
    ),
    "floor": (lambda t, p: np.floor(p * t), 0, 3, lambda p: [k / p for k in range(1, int(3*p)+1)]),
    "int": (lambda t, p: t * int(p * t), 0, 3, lambda p: [k / p for k in range(1, int(3 * p) + 1)]),
    "round": (lambda t, p: np.round(t / p), 0, 2, lambda p: [0.5 * p, 1.5 * p]),
    "remainder": (lambda t, p: t % p, 0, 3, lambda p: [k * p for k in range(1, int(3 / p) + 1)]),
    "floor division": (lambda t, p: (t // p) * t, 0, 2, lambda p: [p]),
    "abs": (lambda t, p: abs(t - p), -1, 2, lambda p: [p]),
    "abs, a power": (lambda t, p: abs(t - p) ** 1.5 * p, -1, 2, lambda p: [p]),
    "maximum": (lambda t, p: np.maximum(t * t, p), 0, 3, lambda p: [math.sqrt(p)]),
    "minimum": (lambda t, p: np.minimum(t, p) ** 2, 0, 3, lambda p: [p]),
    "clip": (lambda t, p: np.clip(t, p, 2.0), 0, 3, lambda p: [p, 2.0]),
    "a window": (lambda t, p: 1.0 if p < t < 2 * p else 0.0, 0, 3, lambda p: [p, 2 * p]),
    "two": (
        lambda t, p: (t < p) * t + (t > p + 0.3) * p, 0, 3, lambda p: [p, p + 0.3]
    ),
    "a loop": (
        lambda t, p: sum(1.0 if t > k * p / 2 else 0.0 for k in (1, 2)) + t, 0, 3,
        lambda p: [p / 2, p],
    ),
    "at zero": (lambda t, p: 1.0 if t > p - 1.25 else p, -1, 2, lambda p: [p - 1.25]),
    "an end that moves": (lambda t, p: np.where(t < p / 2, 2.0, t), 0, None, lambda p: [p / 2]),
    "to infinity": (lambda t, p: np.where(t < p, 2.0, 1.0) * np.exp(-t), 0, np.inf, lambda p: [p]),
    "round of Python": (
        lambda t, p: t * round(t / p), 0, 2, lambda p: [0.5 * p, 1.5 * p]
    ),
    "digits": (
        lambda t, p: round(t / p, 1) * 1.0, 0, 0.5,
        lambda p: [k * p / 10 for k in np.arange(0.5, 5 / p)],
    ),
    "a look-up": (
        lambda t, p: {0: 1.0, 1: 3.0, 2: 2.0}[round(t / p)], 0, 2, lambda p: [0.5 * p, 1.5 * p]
    ),
    "int64": (lambda t, p: np.int64(t / p) * 1.0, 0, 2, lambda p: [p]),
    "searchsorted": (
        lambda t, p: [1.0, 3.0, 2.0][int(np.searchsorted([1.0, p], t))], 0, 2, lambda p: [1.0, p]
    ),
    "digitize": (lambda t, p: 1.0 + t * np.digitize(t, [1.0, p]), 0, 2, lambda p: [1.0, p]),
    "bisect": (lambda t, p: t * bisect.bisect([p, 1.5], t), 0, 2, lambda p: [p, 1.5]),
    "argsort": (lambda t, p: t * np.argsort([p, t, 1.7])[0], 0, 2, lambda p: [p]),
    "argmax": (lambda t, p: t * np.argmax([p, t]), 0, 2, lambda p: [p]),
    "nanargmin": (lambda t, p: t * np.nanargmin([p, t]), 0, 2, lambda p: [p]),
    "lexsort": (lambda t, p: t * np.lexsort((np.array([p, t]),))[0], 0, 2, lambda p: [p]),
    "histogram": (
        lambda t, p: t * np.histogram([t], np.array([0.0, 1.0, 3.0]) * p)[0][0], 0, 2,
        lambda p: [p],
    ),
    "weighted histogram": (
        lambda t, p: np.histogram([t, 1.0], [0, p, 3], weights=[t * t, 1.0])[0][0], 0, 3,
        lambda p: [p],
    ),
    "density": (
        lambda t, p: np.histogram([t, 1.0], [0, p, 3], density=True)[0][0], 0, 3, lambda p: [p]
    ),
    "histogram2d": (
        lambda t, p: np.histogram2d([t], [1.0], [np.array([0, p, 3]), 2], weights=[t])[0][0].sum(),
        0, 3, lambda p: [p],
    ),
    "interp": (lambda t, p: np.interp(t, [0, p, 3], [0, p * p, 3]) ** 2, 0, 3, lambda p: [p]),
    "interp1d": (
        lambda t, p: interpolate.interp1d([-4, 0, 4], [0, 1.0, 3])(t - p)[()], 0, 3, lambda p: [p]
    ),
    "next": (
        lambda t, p: interpolate.interp1d([-1, p, 4], [1.0, p, 3], kind="next")(t)[()], 0, 3,
        lambda p: [p],
    ),
    "nearest": (
        lambda t, p: interpolate.interp1d([-9, p, 9], [1.0, p, 3], kind="nearest")(t)[()], -8, 8,
        lambda p: [(p - 9) / 2, (p + 9) / 2],
    ),
    "a grid": (
        lambda t, p: interpolate.RegularGridInterpolator(
            (np.array([-4, 0, 4.0]),), np.array([0, 1.0, 3])
        )([t - p])[0],
        0, 3, lambda p: [p],
    ),
    "the nearest of a grid": (
        lambda t, p: interpolate.RegularGridInterpolator(
            (np.array([-3, 1.0]),), np.array([1.0, 3]), method="nearest"
        )([t - p - 1])[0],
        0, 3, lambda p: [p],
    ),
    "a spline of degree 1": (
        lambda t, p: interpolate.make_interp_spline([-4, 0, 4.0], [0, 1.0, 3], k=1)(t - p)[()],
        0, 3, lambda p: [p],
    ),
    "pieces that jump": (
        lambda t, p: interpolate.PPoly(np.array([[1.0, 2.0]]), [-9, 0, 9.0])(t - p)[()] * t, 0, 3,
        lambda p: [p],
    ),
    "signbit": (lambda t, p: t * np.signbit(t - p), 0, 2, lambda p: [p]),
    "copysign": (lambda t, p: np.copysign(t, t - p), 0, 2, lambda p: [p]),
    "isclose": (
        lambda t, p: t * np.isclose(t, p, rtol=0, atol=0.3), 0, 2, lambda p: [p - 0.3, p + 0.3]
    ),
    "frexp": (lambda t, p: t * math.frexp(t / p)[1], 0.6, 2, lambda p: [p / 2, p]),
    "backward": (lambda t, p: 1.0 if t < p else t, 3, 0, lambda p: [p]),
}  # fmt: skip
POINTS = [1.25, 1.1001]


def _exact(f: Integrand, a: float, b: float, places: Any) -> Callable[[float], float]:
    def value(p: float) -> float:
        low, high = sorted((a, p if b is None else 40.0 if np.isinf(b) else b))
        inner = [x for x in places(p) if low < x < high]
        edges = [low, *inner, *([5.0, 15.0] if high == 40.0 else []), high]
        total = 0.0
        for left, right in pairwise(edges):
            half = 0.5 * (right - left)
            total += half * sum(
                w * float(f(left + half * (1 + x), p)) for x, w in zip(_X, _W, strict=True)
            )
        return total if b is None or a < b else -total

    return value


@pytest.mark.filterwarnings("ignore::scipy.integrate.IntegrationWarning")
@pytest.mark.parametrize("name", SWITCHES)
@pytest.mark.parametrize("p", POINTS)
def test_an_integrand_that_switches(name: str, p: float) -> None:
    f, a, b, places = SWITCHES[name]

    def g(p: Any) -> Any:
        return integrate.quad(lambda t: f(t, p), a, p if b is None else b, limit=200)[0]

    exact = _exact(f, a, b, places)
    expected = richardson(exact, p, 5e-3)
    value, gradient = chainrule.value_and_grad(g)(p)
    assert value == g(p)
    np.testing.assert_allclose(gradient, expected, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(chainrule.jvp(g, (p,), (1.0,))[1], expected, rtol=1e-6, atol=1e-7)


@pytest.mark.filterwarnings("ignore::scipy.integrate.IntegrationWarning")
@pytest.mark.parametrize("name", [
    "if", "where", "heaviside", "a call", "abs", "minimum", "clip", "weighted histogram", "density",
    "interp", "interp1d", "nearest", "a grid", "a spline of degree 1", "pieces that jump",
])  # fmt: skip
def test_second_derivatives(name: str) -> None:
    f, a, b, places = SWITCHES[name]
    exact = _exact(f, a, b, places)
    p, h = 1.25, 2e-3
    expected = (exact(p + h) - 2 * exact(p) + exact(p - h)) / h**2
    found = chainrule.derivative(
        lambda p: integrate.quad(lambda t: f(t, p), a, b, limit=200)[0], 2
    )(p)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("weight", [("cos", 1.0), ("alg", (0.5, 0.0)), ("cauchy", 2.0)])
def test_a_weight_and_switches_are_refused(weight: Any) -> None:
    def g(p: Any, jumps: bool) -> Any:
        f = (lambda t: float(t > p)) if jumps else (lambda t: t * p)
        return integrate.quad(f, 0, 1, weight=weight[0], wvar=weight[1])[0]

    np.testing.assert_allclose(chainrule.grad(g)(0.5, False), g(1.0, False), rtol=1e-7)
    with pytest.raises(chainrule.ChainRuleError, match="with a weight") as caught:
        chainrule.grad(g)(0.5, True)
    assert "into the integrand" in caught.value.cure


@pytest.mark.parametrize("f", [
    lambda t, p: np.hypot(t - p, 0.0),
    lambda t, p: np.linalg.norm([t - p]),
    lambda t, p: np.sqrt((t - p) ** 2),
])  # fmt: skip
def test_a_bend_that_is_not_told_is_refused_at_second_order(f: Any) -> None:
    def g(p: Any) -> Any:
        return integrate.quad(lambda t: f(t, p), 0, 3)[0]

    np.testing.assert_allclose(chainrule.grad(g)(1.1), 2.2 - 3, rtol=1e-6)
    for twice in (chainrule.derivative(g, 2), chainrule.grad(chainrule.grad(g))):
        with pytest.raises(chainrule.ChainRuleError, match=r"switches at 1\.1"):
            twice(1.1)


@pytest.mark.filterwarnings("ignore")
def test_a_large_table_bends_at_places_that_stand_still() -> None:
    xs = np.linspace(0, 3, 150)
    g = lambda p: integrate.quad(  # noqa: E731
        lambda t: np.sin(p * np.interp(t, xs, np.cos(xs))), 0, 3, epsabs=1e-6, epsrel=1e-6
    )[0]
    slopes = [chainrule.grad(g)(1.1 + h) for h in (1e-4, -1e-4)]
    np.testing.assert_allclose(
        chainrule.derivative(g, 2)(1.1), (slopes[0] - slopes[1]) / 2e-4, rtol=1e-3
    )


def test_several_variables() -> None:
    f = lambda p: integrate.dblquad(  # noqa: E731
        lambda y, x: x if x + y < p else 0.0, 0, 0.5, 0, 1, epsabs=1e-3, epsrel=1e-3
    )[0]
    np.testing.assert_allclose(chainrule.grad(f)(0.6), 0.125, rtol=1e-6)
    g = lambda p: integrate.nquad(lambda y, x: abs(y - p) * x, [[0, 1], [0, 2]])[0]  # noqa: E731
    np.testing.assert_allclose(chainrule.grad(g)(0.3), 2 * (2 * 0.3 - 1), rtol=1e-7)
    h = lambda p: integrate.quad_vec(  # noqa: E731
        lambda t: np.where(t < p, np.array([1.0, t]), 0.0), 0, 1
    )[0]
    np.testing.assert_allclose(chainrule.jacobian(h)(0.3), [1.0, 0.3], rtol=1e-6)


@pytest.mark.parametrize("order", ["grad", "jvp"])
def test_a_jump_at_zero_ends(order: str) -> None:
    f = lambda a: integrate.quad(lambda t: a * (1.0 if t > 0 else 0.0), -1, 2)[0]  # noqa: E731
    found = chainrule.grad(f)(0.7) if order == "grad" else chainrule.jvp(f, (0.7,), (1.0,))[1]
    np.testing.assert_allclose(found, 2.0, rtol=1e-7)


# --- differential equations, roots and minima that decide by a traced value ----------------------

_RUN = {"rtol": 1e-9, "atol": 1e-11}
CROSSINGS: dict[str, tuple[Callable[[Any], Any], float]] = {
    "a time": (
        lambda p: integrate.solve_ivp(
            lambda t, y: [1.0 if t < p else 0.0], (0, 2), [0.0], max_step=0.05, **_RUN
        ).y[0, -1],
        1.0,
    ),
    "a time, a decay": (
        lambda p: integrate.solve_ivp(
            lambda t, y: y if t < p else -2 * y, (0, 2), [1.0], max_step=0.05, **_RUN
        ).y[0, -1],
        3 * math.exp(1.2 - 2 * 0.8),
    ),
    "a state": (
        lambda p: integrate.solve_ivp(
            lambda t, y: [1.0 if y[0] < p else 2.0], (0, 3), [0.0], max_step=0.05, **_RUN
        ).y[0, -1],
        -1.0,
    ),
    "a state that moves": (
        lambda p: integrate.solve_ivp(
            lambda t, y: [p if y[0] < 0.5 else 2.0], (0, 1), [0.0], max_step=0.05, **_RUN
        ).y[0, -1],
        1 / 1.2**2,
    ),
    "heaviside": (
        lambda p: integrate.solve_ivp(
            lambda t, y: np.heaviside(t - p, 0.5) * np.ones(1), (0, 2), [0.0], max_step=0.05, **_RUN
        ).y[0, -1],
        -1.0,
    ),
    "Radau": (
        lambda p: integrate.solve_ivp(
            lambda t, y: [1.0 if t < p else 0.0], (0, 2), [0.0], max_step=0.05, method="Radau",
            **_RUN,
        ).y[0, -1],
        1.0,
    ),
    "odeint": (
        lambda p: integrate.odeint(
            lambda y, t: 1.0 if t < p else 0.0, 0.0, [0, 2.0], rtol=1e-8, hmax=0.01
        )[-1, 0],
        1.0,
    ),
    "round": (
        lambda p: integrate.solve_ivp(
            lambda t, y: [float(round(t / p))], (0, 1.5), [0.0], max_step=0.05, **_RUN
        ).y[0, -1],
        -0.5,
    ),
    "searchsorted": (
        lambda p: integrate.solve_ivp(
            lambda t, y: [[1.0, 3.0, 2.0][int(np.searchsorted([0.3, p], t))]], (0, 2), [0.0],
            max_step=0.05, **_RUN,
        ).y[0, -1],
        1.0,
    ),
    "the two sides meet": (
        lambda p: integrate.solve_ivp(
            lambda t, y: [0.5 if y[0] < p else 0.5 - (y[0] - p)], (0, 4), [0.0], **_RUN
        ).y[0, -1],
        1 - math.exp(-(4 - 2.4)),
    ),
    "never": (
        lambda p: integrate.solve_ivp(
            lambda t, y: [p if y[0] < 50 else 2.0], (0, 1), [0.0], **_RUN
        ).y[0, -1],
        1.0,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CROSSINGS)
def test_a_solution_that_crosses_over(name: str) -> None:
    f, expected = CROSSINGS[name]
    np.testing.assert_allclose(chainrule.grad(f)(1.2), expected, rtol=2e-4)
    np.testing.assert_allclose(chainrule.jvp(f, (1.2,), (1.0,))[1], expected, rtol=2e-4)


def test_second_derivatives_of_a_crossing_are_refused() -> None:
    f = CROSSINGS["a state"][0]
    with pytest.raises(ImplicitError, match=r"crosses over at t = 1\.2") as caught:
        chainrule.derivative(f, 2)(1.2)
    assert "terminal" in caught.value.cure

    def cured(p: Any) -> Any:
        def event(t: Any, y: Any) -> Any:
            return y[0] - p

        event.terminal = True  # type: ignore[attr-defined]
        first = integrate.solve_ivp(lambda t, y: [1.0 + 0 * p], (0, 3), [0.0], events=event, **_RUN)
        t, y = first.t_events[0][0], first.y_events[0][0]
        return integrate.solve_ivp(lambda t, y: [2.0 + 0 * p], (t, 3), y, **_RUN).y[0, -1]

    np.testing.assert_allclose(chainrule.grad(cured)(1.2), -1.0, rtol=1e-6)


JUMPS: dict[str, Callable[[Any], Any]] = {
    "brentq": lambda p: optimize.brentq(lambda u: 1.0 if u > p else -1.0, 0, 3),
    "root_scalar": lambda p: optimize.root_scalar(
        lambda u: 1.0 if u > p else -1.0, bracket=(0, 3)
    ).root,
    "where": lambda p: optimize.brentq(lambda u: np.where(u > p, 1.0, -2.0), 0, 3),
    "a minimum": lambda p: optimize.minimize_scalar(
        lambda x: (x - 1) ** 2 if x > p else 10.0, bounds=(0, 3), method="bounded"
    ).x,
}


@pytest.mark.parametrize("name", JUMPS)
def test_an_answer_at_a_jump_is_warned_of(name: str) -> None:
    with pytest.warns(ImplicitWarning, match="not known"):
        chainrule.grad(JUMPS[name])(1.2)


def test_a_branch_of_the_inputs_alone_is_ordinary() -> None:
    f = lambda p: optimize.minimize_scalar(lambda x: (x - 1) ** 2 if p > 0 else (x + 1) ** 2).x  # noqa: E731
    assert chainrule.grad(f)(1.2) == 0.0
    g = lambda p: p * integrate.quad(lambda t: t if p > 0 else 0.0, 0, 1)[0]  # noqa: E731
    np.testing.assert_allclose(chainrule.grad(g)(1.2), 0.5)


def test_check_names_a_search_by_comparisons() -> None:
    def bisection(p: Any) -> Any:
        low, high = 0.0, 4.0
        for _ in range(40):
            middle = 0.5 * (low + high)
            if middle**2 > p:
                high = middle
            else:
                low = middle
        return low

    assert "depends on p through comparisons only" in str(chainrule.check(bisection, 2.0))


# --- places at the limits, and where two meet -----------------------------------------------------


def _solved(f: Any, t0: Any = 0.0, t1: Any = 1.0, **more: Any) -> Any:
    return integrate.solve_ivp(
        lambda t, y: [f(t)], (t0, t1), [0.0], **{"max_step": 0.1, **_RUN, **more}
    ).y[0, -1]


def _odeint(f: Any) -> Any:
    return integrate.odeint(lambda y, t: f(t), 0.0, [0.0, 1.0], hmax=0.05)[-1, 0]


def _quad(f: Any, t0: Any = 0.0, t1: Any = 1.0) -> Any:
    return integrate.quad(f, t0, t1)[0]


# a function of p, where, and its derivative there: of a kink the middle of the two sides
ENDS: dict[str, tuple[Callable[[Any], Any], float, float]] = {
    "whole numbers": (lambda p: integrate.quad(lambda t: float(int(t - p + 10)), 0, 5)[0], 2.0, -5),
    "periodic": (lambda p: _quad(lambda t: (t - p + 5) % 1 * t), 1.0, 0.0),
    "backward": (lambda p: _quad(lambda t: float(int(t - p + 10)), 5, 0), 2.0, 5),
    "the lower one": (lambda p: _quad(lambda t: float(t > p)), 0.0, -0.5),
    "the upper one": (lambda p: _quad(lambda t: float(t > p)), 1.0, -0.5),
    "the lower one, >=": (lambda p: _quad(lambda t: float(t >= p)), 0.0, -0.5),
    "the upper one, >=": (lambda p: _quad(lambda t: float(t >= p)), 1.0, -0.5),
    "outside of a domain": (lambda p: _quad(lambda t: math.exp(math.sqrt(t)) * (t > p)), 0.0, -0.5),
    "moving along": (lambda p: _quad(lambda t: float(t > p), p), 0.3, -1),
    "moving along, >=": (lambda p: _quad(lambda t: float(t >= p), p), 0.3, -1),
    "moving along, above": (lambda p: _quad(lambda t: float(t < p), 0, p), 0.3, 1),
    "moving twice as fast": (lambda p: _quad(lambda t: float(t > p), 2 * p - 0.3), 0.3, -1.5),
    "a fixed one, lower": (lambda p: _quad(lambda t: float(t > 0.5), p), 0.5, -0.5),
    "a fixed one, lower, >=": (lambda p: _quad(lambda t: float(t >= 0.5), p), 0.5, -0.5),
    "a fixed one, upper": (lambda p: _quad(lambda t: 1 if t < 0.5 else 3 * t, 0, p), 0.5, 1.25),
    "a fixed one, scaled": (lambda p: _quad(lambda t: p * float(t > 0.5), p), 0.5, 0.25),
    "a fixed one, backward": (lambda p: _quad(lambda t: float(t > 0.5), 1, p), 0.5, 0.5),
    "a fixed one, of an array": (
        lambda p: integrate.quad_vec(lambda t: np.array([t > 0.5, 1.0]) * t, p, 1)[0] @ [1.0, 2.0],
        0.5, -1.25,
    ),
    "a fixed one, outer": (
        lambda p: integrate.dblquad(lambda y, x: float(x > 0.5) * y, p, 1, 0, 1)[0], 0.5, -0.25
    ),
    "steep, but no jump": (lambda p: _quad(lambda t: np.cbrt(t - 0.5) + 1, p), 0.5, -1.0),
    "a bend": (lambda p: _quad(lambda t: abs(t - 0.5) + 1, p), 0.5, -1.0),
    "a domain that ends": (lambda p: _quad(lambda t: math.sqrt(t - 0.5) + 1, p), 0.5, -1.0),
    "to infinity": (lambda p: _quad(lambda t: (t > p) * math.exp(-t), 0.0, np.inf), 0.0, -0.5),
    "quad_vec": (
        lambda p: integrate.quad_vec(lambda t: np.array([t > p, t < p]) * 1.0, 0, 1)[0][0],
        0.0, -0.5,
    ),
    "dblquad": (
        lambda p: integrate.dblquad(lambda y, x: float(y > p), 0, 1, 0, lambda x: 1)[0], 0.0, -0.5
    ),
    "solve_ivp, first": (lambda p: _solved(lambda t: float(t > p)), 0.0, -0.5),
    "solve_ivp, last": (lambda p: _solved(lambda t: float(t > p)), 1.0, -0.5),
    "solve_ivp, last, >=": (lambda p: _solved(lambda t: float(t >= p)), 1.0, -0.5),
    "solve_ivp, both": (lambda p: _solved(lambda t: float(int(t - p + 5))), 1.0, -1),
    "solve_ivp, backward": (lambda p: _solved(lambda t: float(t > p), 1.0, 0.0), 0.0, 0.5),
    "solve_ivp, moving along": (lambda p: _solved(lambda t: float(t > p), p), 0.3, -1),
    "solve_ivp, and above": (lambda p: _solved(lambda t: float(t < p), 0.0, p), 0.3, 1),
    "Radau": (lambda p: _solved(lambda t: float(t > p), method="Radau"), 1.0, -0.5),
    "odeint, first": (lambda p: _odeint(lambda t: float(t > p)), 0.0, -0.5),
    "odeint, last": (lambda p: _odeint(lambda t: float(t > p)), 1.0, -0.5),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::scipy.integrate.IntegrationWarning")
@pytest.mark.parametrize("name", ENDS)
def test_a_place_at_a_limit(name: str) -> None:
    f, p, expected = ENDS[name]
    np.testing.assert_allclose(chainrule.grad(f)(p), expected, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(chainrule.jvp(f, (p,), (1.0,))[1], expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("solve", [_quad, _solved])
def test_the_second_derivative_of_a_place_at_a_limit(solve: Any) -> None:
    with pytest.warns(chainrule.errors.KinkWarning, match="0 and 2"):
        found = chainrule.derivative(lambda p: solve(lambda t: abs(t - p)), 2)(0.0)
    np.testing.assert_allclose(found, 1.0, rtol=1e-6)
    along = chainrule.derivative(lambda p: solve(lambda t: max(t - p, 0) * p, p), 2)(0.3)
    np.testing.assert_allclose(along, -2 * 0.7 + 0.3, rtol=1e-6)


@pytest.mark.parametrize("options", [{}, {"method": "Radau"}, {"method": "DOP853"}])
def test_the_second_derivative_where_slopes_meet(options: Any) -> None:
    def f(p: Any) -> Any:
        return integrate.solve_ivp(
            lambda t, y: abs(t - p) - y, (0, 2), [0.0], t_eval=[0.2, 0.55, 2.0], **_RUN, **options
        ).y[0]

    t = np.array([0.2, 0.55, 2.0])
    expected = np.where(t > 0.5, 2 * np.exp(-(t - 0.5)), 0.0)
    np.testing.assert_allclose(chainrule.derivative(f, 2)(0.5), expected, rtol=1e-3, atol=1e-8)


@pytest.mark.parametrize("solve", [_quad, _solved])
def test_two_places_that_meet_and_part_are_refused(solve: Any) -> None:
    f = lambda p: solve(lambda t: float(t > p) + float(t > 2 * p - 0.5))  # noqa: E731
    np.testing.assert_allclose(chainrule.grad(f)(0.6), -3, rtol=1e-5)
    with pytest.raises(chainrule.ChainRuleError, match="two places meet"):
        chainrule.grad(f)(0.5)
    g = lambda p: solve(lambda t: (1.0 if t > p else 3.0) + (0.0 if t <= p else 2.0))  # noqa: E731
    assert chainrule.grad(g)(0.5) == 0.0
    h = lambda p: solve(lambda t: abs(t - p) + abs(t - 2 * p + 0.5))  # noqa: E731
    np.testing.assert_allclose(chainrule.grad(h)(0.5), 0.0, atol=2e-3)


@pytest.mark.parametrize("op", [lambda a, b: a < b, lambda a, b: a <= b])
@pytest.mark.parametrize("terminal", [True, False])
def test_an_event_where_the_solution_crosses_over(op: Any, terminal: bool) -> None:
    def f(p: Any) -> Any:
        def event(t: Any, y: Any) -> Any:
            return y[0] - p

        event.terminal = terminal  # type: ignore[attr-defined]
        found = integrate.solve_ivp(
            lambda t, y: [1.0 if op(y[0], p) else 2.0], (0, 3), [0.0], events=event, max_step=0.1,
            **_RUN,
        )  # fmt: skip
        return np.array([found.t_events[0][0], found.y_events[0][0][0]])

    for p in (0.7, 1 / 3):
        np.testing.assert_allclose(chainrule.jacobian(f)(p), [1, 1], rtol=1e-6)
