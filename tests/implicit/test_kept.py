"""What an integrand keeps of points that move, and what a solver of one's own keeps."""

from typing import Any

import numpy as np
import pytest
from scipy.integrate import dblquad, nquad, quad, quad_vec
from scipy.optimize import brentq

import chainrule as cr
from chainrule.errors import LostDerivativeError
from chainrule.implicit import implicit

KEPT: list[Any] = []


class Best:
    at: Any = 0.0
    k: Any = None


def in_a_list(t: Any, p: Any) -> Any:
    KEPT.append(t)
    return p * t


def in_a_list_computed(t: Any, p: Any) -> Any:
    KEPT.append(np.sin(t) * p)
    return p * t


def in_an_attribute(t: Any, p: Any) -> Any:
    Best.at = t
    KEPT.append(None)
    KEPT[-1] = Best.at
    return p * t


def in_a_pair(t: Any, p: Any) -> Any:
    KEPT.append((t, p * t)[1])
    return p * t


def of_arrays(t: Any, p: Any) -> Any:
    KEPT.append((np.array([t, 1.0]) * p).sum())
    return p * t


KEEPERS = [in_a_list, in_a_list_computed, in_an_attribute, in_a_pair, of_arrays]
INTEGRALS: dict[str, Any] = {
    "above": lambda f, p: quad(f, 0, p, args=(p,))[0],
    "below": lambda f, p: quad(f, p, 3, args=(p,))[0],
    "arrays": lambda f, p: quad_vec(lambda t: np.array([f(t, p), t]), 0, p)[0].sum(),
    "two": lambda f, p: dblquad(lambda y, x: f(y, p), 0, 1, 0, p)[0],
    "many": lambda f, p: nquad(lambda y, x: f(y, p), [lambda x: (0, x * p), (0, 1)])[0],
    "nested": lambda f, p: quad(lambda t: quad(f, 0, t, args=(p,))[0], 0, p)[0],
}


@pytest.mark.parametrize("keeps", KEEPERS)
@pytest.mark.parametrize("how", INTEGRALS)
@pytest.mark.parametrize("mode", [cr.grad, cr.derivative])
def test_what_moves_with_the_limits_is_refused(how: str, keeps: Any, mode: Any) -> None:
    def f(p: Any) -> Any:
        KEPT.clear()
        value = INTEGRALS[how](keeps, p)
        return value * KEPT[0]

    with pytest.raises(LostDerivativeError, match="computed inside"):
        mode(f)(1.3)


@pytest.mark.parametrize("keeps", KEEPERS)
@pytest.mark.parametrize("how", INTEGRALS)
def test_the_integral_itself_is_right(how: str, keeps: Any) -> None:
    def f(p: Any) -> Any:
        KEPT.clear()
        return INTEGRALS[how](keeps, p)

    def second(p: float, h: float = 1e-3) -> Any:
        return (f(p + h) - 2 * f(p) + f(p - h)) / h**2

    p, h = 1.3, 1e-4
    assert cr.grad(f)(p) == pytest.approx((f(p + h) - f(p - h)) / (2 * h), rel=1e-6)
    assert cr.derivative(f)(p) == pytest.approx((f(p + h) - f(p - h)) / (2 * h), rel=1e-6)
    assert cr.derivative(f, 2)(p) == pytest.approx(second(p), rel=1e-4)


def test_what_depends_on_the_inputs_alone_is_right_to_keep() -> None:
    def f(p: Any) -> Any:
        best = Best()

        def g(t: Any) -> Any:
            if best.k is None:
                best.k = p**2
            return best.k * t

        return quad(g, 0, p)[0] * best.k

    assert cr.grad(f)(1.3) == pytest.approx(6 * 1.3**5 / 2, rel=1e-9)


def test_points_do_not_move_between_fixed_limits() -> None:
    def f(p: Any) -> Any:
        KEPT.clear()
        return quad(in_a_list_computed, 0, 2, args=(p,))[0] * KEPT[0]

    assert cr.grad(f)(1.3) == pytest.approx(2 * 2 * 1.3 * np.sin(1.0), rel=1e-9)


def test_what_an_integrand_keeps_is_of_scipys_own_calls() -> None:
    """Leibniz's rule and the places of switches need points of their own, and leave nothing."""

    def f(p: Any) -> Any:
        seen: list[Any] = []

        def g(t: Any) -> Any:
            seen.append(float(np.exp(-p * t) if t * p > 0.3 else np.exp(-0.3)))
            return seen[-1]

        return quad(g, 0, 1)[0] * max(seen) * len(seen)

    h = 1e-5
    value, slope = cr.jvp(f, (1.3,), (1.0,))
    assert value == pytest.approx(f(1.3), rel=1e-12)
    assert slope == pytest.approx((f(1.3 + h) - f(1.3 - h)) / (2 * h), rel=1e-5)


@pytest.mark.parametrize("how", ["above", "below"])
def test_a_cache_of_the_last_point_does_not_answer_for_another_level(how: str) -> None:
    def f(p: Any) -> Any:
        last: list[Any] = [None, None]

        def g(t: Any, p: Any) -> Any:
            if last[0] is None or not np.array_equal(last[0], t):
                last[:] = [np.copy(t), np.exp(-p * t) * p]
            return last[1]

        return INTEGRALS[how](g, p)

    plain = lambda p: INTEGRALS[how](lambda t, p: np.exp(-p * t) * p, p)  # noqa: E731
    for second in (cr.derivative(f, 2), cr.grad(cr.grad(f)), lambda p: cr.hvp(f, p, 1.0)):
        assert second(1.3) == pytest.approx(cr.derivative(plain, 2)(1.3), rel=1e-9)


def test_two_integrals_may_share_what_they_know() -> None:
    def f(p: Any) -> Any:
        known: dict[float, Any] = {}

        def g(t: Any) -> Any:
            if t not in known:
                known[t] = np.exp(-p * t) * p
            return known[t] * np.cos(p)

        return quad(g, 0, 1)[0] + quad(g, 0, 1)[0] * quad(g, 0, 1)[0]

    plain = lambda p: (1 - np.exp(-p)) * np.cos(p) + ((1 - np.exp(-p)) * np.cos(p)) ** 2  # noqa: E731
    assert cr.grad(f)(1.3) == pytest.approx(cr.grad(plain)(1.3), rel=1e-9)
    assert cr.derivative(f)(1.3) == pytest.approx(cr.grad(plain)(1.3), rel=1e-9)
    assert cr.grad(cr.grad(f))(1.3) == pytest.approx(cr.derivative(plain, 2)(1.3), rel=1e-8)


def test_an_exception_carries_no_point_out() -> None:
    class Found(Exception):
        pass

    def g(t: Any) -> Any:
        raise Found(t)

    def f(p: Any) -> Any:
        try:
            return quad(g, 0, p)[0]
        except Found as found:
            return found.args[0] * p

    with pytest.raises(LostDerivativeError, match="computed inside"):
        cr.grad(f)(1.3)


def test_solvers_inside_an_integrand() -> None:
    def f(p: Any) -> Any:
        return quad(lambda t: brentq(lambda y: y * y - t * p, 0, 5), 0, p)[0]

    assert cr.grad(f)(1.3) == pytest.approx(2 / 3 * 2 * 1.3, rel=1e-6)
    assert cr.derivative(f)(1.3) == pytest.approx(2 / 3 * 2 * 1.3, rel=1e-6)


ITERATES: list[Any] = []
LAST: dict[str, Any] = {}
COUNT = 0


@implicit(residual=lambda z, a: z * z - a)
def root(a: Any) -> Any:
    global COUNT
    z = 1.0
    for _ in range(50):
        z = 0.5 * (z + a / z)
        ITERATES.append(z)
        COUNT += 1
    LAST["z"] = z
    return z


@pytest.mark.parametrize("read", [lambda: ITERATES[2], lambda: LAST["z"], lambda: sum(ITERATES)])
def test_what_a_solver_of_ones_own_keeps_is_refused(read: Any) -> None:
    def f(a: Any) -> Any:
        ITERATES.clear()
        return root(a) * read()

    with pytest.raises(LostDerivativeError, match="computed inside root"):
        cr.grad(f)(2.0)
    assert cr.grad(lambda a: root(a) * COUNT * 0 + root(a))(2.0) == pytest.approx(8**-0.5)
    ITERATES.clear()
    root(2.0)
    assert type(ITERATES[0]) is float
