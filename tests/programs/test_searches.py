"""Searches by comparisons that the program writes itself: told, or right, never 0 in silence."""

import math
import warnings

import numpy as np
import pytest
import scipy.integrate as si
import scipy.optimize as so

import chainrule as cr
from chainrule.diagnose import searching
from chainrule.errors import CheckError, UncheckedWarning


@pytest.fixture(autouse=True)
def _nothing_is_known():
    searching._agreed.clear()


def bisect(g, low, high, tolerance=0.0, steps=60):
    for _ in range(steps):
        middle = 0.5 * (low + high)
        if g(low) * g(middle) <= 0:
            high = middle
        else:
            low = middle
        if high - low <= tolerance:
            break
    return 0.5 * (low + high)


def by_signs(g, low, high):
    first = np.sign(g(low))
    for _ in range(60):
        middle = (low + high) / 2
        if np.sign(g(middle)) == first:
            low = middle
        else:
            high = middle
    return middle


def golden(h, a, b, tolerance=1e-8):
    r = (math.sqrt(5) - 1) / 2
    while b - a > tolerance:
        c, d = b - r * (b - a), a + r * (b - a)
        if h(c) < h(d):
            b = d
        else:
            a = c
    return (a + b) / 2


def by_where(p):
    low, high = np.zeros(p.shape), np.full(p.shape, 4.0)
    for _ in range(60):
        middle = 0.5 * (low + high)
        below = middle**3 + middle < p
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return middle


def by_masks(p):
    low, high = np.zeros(p.shape), np.full(p.shape, 4.0)
    for _ in range(60):
        middle = 0.5 * (low + high)
        below = middle**3 + middle < p
        low[below], high[~below] = middle[below], middle[~below]
    return middle


def cubic(p):
    return lambda x: x**3 + x - p


def valley(p):
    return lambda x: (x - p) ** 2 + 0.1 * np.sin(3 * x)


def halved(goes_up):
    """Return a bisection of m³ = p whose question is ``goes_up(m, p)``."""

    def f(p):
        low, high = 0.0, 4.0
        for _ in range(60):
            m = (low + high) / 2
            if goes_up(m, p):
                low = m
            else:
                high = m
        return m * p

    return f


def by_grids(p):
    low, high = 0.0, 4.0
    for _ in range(30):
        x = np.linspace(low, high, 11)
        i = int(np.argmin((x - p**2 / 3) ** 2))
        low, high = x[max(i - 1, 0)], x[min(i + 1, 10)]
    return (low + high) / 2


def from_infinity(p):
    """A bisection whose first questions are about what overflows."""
    low, high = 0.0, 80.0
    for _ in range(60):
        m = (low + high) / 2
        v = cubic(p)(m)
        if (v if m < 4.0 else v * math.inf) < 0:
            low = m
        else:
            high = m
    return m * p


RNG = np.random.default_rng(0)
BOTH = np.array([1.0, 0.5])
LOST = {
    "alone": lambda p: bisect(cubic(p), 0.0, 4.0),
    "products": lambda p: bisect(cubic(p), 0.0, 4.0) ** 2 + p,
    "to a tolerance": lambda p: bisect(cubic(p), 0.0, 4.0, 1e-6) ** 2 + p,
    "signs": lambda p: by_signs(cubic(p), 0.0, 4.0) * p,
    "between traced bounds": lambda p: bisect(cubic(p), 0 * p, p) * p,
    "golden section": lambda p: golden(valley(p), 0.0, 4.0) * p,
    "arrays, where": lambda p: np.sum(by_where(p * BOTH) ** 2),
    "arrays, masks": lambda p: np.sum(by_masks(p * BOTH) ** 2),
    "signbit": halved(lambda m, p: np.signbit(m**3 - p)),
    "argmax": halved(lambda m, p: np.argmax([m**3, p])),
    "searchsorted": halved(lambda m, p: np.searchsorted([m**3], p)),
    "heaviside": halved(lambda m, p: float(np.heaviside(p - m**3, 0))),
    "grids": by_grids,
    "from infinity": from_infinity,
    "beside draws": lambda p: bisect(cubic(p), 0.0, 4.0) + RNG.normal() * p,
    "math": lambda p: bisect(lambda x: math.exp(x) - p - 1, 0.0, 4.0) * p,
}
TAKEN = {
    "grad": lambda f: cr.grad(f)(3.1),
    "jvp": lambda f: cr.jvp(f, (3.1,), (1.0,)),
    "jacobian": lambda f: cr.jacobian(lambda q: np.stack([f(q[0]), q[1]]))(np.array([3.1, 1.0])),
    "hessian": lambda f: cr.hessian(f)(3.1),
    "vmap": lambda f: cr.vmap(cr.grad(f))(np.array([3.1])),
}


@pytest.mark.parametrize("taken", TAKEN)
@pytest.mark.parametrize("name", LOST)
def test_what_a_search_finds_is_not_lost_in_silence(name, taken):
    with pytest.raises(CheckError, match=r"searches by comparisons.*\n +where: .*test_searches"):
        TAKEN[taken](LOST[name])


def test_a_search_that_is_too_coarse_to_be_compared_is_told():
    with pytest.warns(UncheckedWarning, match=r"bisect.*could not be told"):
        cr.grad(lambda p: bisect(cubic(p), 0.0, 4.0, 1e-3))(3.1)


def newton_at_the_end(p):
    x = bisect(cubic(p), 0.0, 4.0)
    return x - cubic(p)(x) / (3 * x * x + 1)


def line_search(p):
    x, f = 0 * p, valley(p)
    for _ in range(40):
        slope, step = 2 * (x - p) + 0.3 * np.cos(3 * x), 1.0
        while f(x - step * slope) > f(x) - 1e-4 * step * slope**2 and step > 1e-10:
            step /= 2
        x = x - step * slope
    return x


def regula_falsi(p):
    g, a, b = cubic(p), 0.0, 4.0
    fa, fb = g(a), g(b)
    for _ in range(30):
        c = b - fb * (b - a) / (fb - fa)
        fc = g(c)
        if fc * fb < 0:
            a, fa = b, fb
        else:
            fa = fa / 2
        b, fb = c, fc
        if abs(fc) < 1e-13:
            break
    return b


def euler(end):
    t, y = 0.0, 1.0
    while t < end:
        step = min(0.01, end - t)
        y += step * y
        t += step
    return y


def nearest(p):
    """The least of numbers with their places, of which some are infinite: (inf, 0) < (t, 1)."""
    total = 0.0
    for px in np.linspace(-0.3, 0.3, 40):
        hits = [(1 + abs(px - c) * (p + k) if abs(px - c) * p < 0.53 else math.inf, k)
                for k, c in enumerate((-0.3, 0.11, 0.2))]  # fmt: skip
        t, k = min(hits)
        total += 0.0 if math.isinf(t) else t * (k + 1)
    return total


RIGHT = {
    "the least of some that are infinite": nearest,
    "a last step that is cut": lambda p: euler(p / 3),
    "a Newton step at the end": newton_at_the_end,
    "a line search": line_search,
    "regula falsi": regula_falsi,
    "the least value": lambda p: valley(p)(golden(valley(p), 0.0, 4.0)),
    "many kinks": lambda p: sum(max(p - 0.1 * k, 0.0) ** 2 for k in range(60)),
    "a limit": lambda p: sum(1.0 for k in range(50) if p * k < 5) * p,
}


@pytest.mark.parametrize("name", RIGHT)
def test_programs_that_lose_nothing_are_left_alone(name):
    f = RIGHT[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        got = [cr.grad(f)(3.13), *(float(g) for g in cr.jvp(f, (3.13,), (1.0,))[1:])]
    step = 1e-3  # long beside what the line search leaves undone
    want = (f(3.13 + step) - f(3.13 - step)) / (2 * step)
    np.testing.assert_allclose(got, want, rtol=1e-4)


def test_a_program_is_compared_a_few_times_only():
    calls = []

    def f(p):
        calls.append(p)
        return newton_at_the_end(p)

    for k in range(searching.ENOUGH):
        cr.grad(f)(3.1 + 0.01 * k)
    calls.clear()
    cr.grad(f)(3.2)
    assert len(calls) == 3  # for a difference, and to leave behind what this point does


def test_the_program_is_left_as_after_its_own_run():
    last = {}

    def f(p):
        last["x"] = newton_at_the_end(p)
        return last["x"]

    cr.grad(f)(3.1)
    assert last["x"] == newton_at_the_end(3.1)


def test_comparisons_of_a_library_are_no_search_of_the_programs():
    from scipy import stats

    calls = []

    def f(s):
        calls.append(s)
        return stats.pearson3.logsf(0.3, s) + stats.norminvgauss.cdf(0.2, 1 + s, 0.5)

    cr.grad(f)(0.1)
    assert len(calls) == 1


def test_the_streams_of_random_numbers_stay_where_they_were():
    rng = np.random.default_rng(0)
    cr.grad(lambda p: newton_at_the_end(p) + rng.normal() * p)(3.1)
    after, rng = rng.normal(), np.random.default_rng(0)
    rng.normal()
    assert after == rng.normal()


def _half(a, steps=60):
    low, high = 0.0, 4.0
    for _ in range(steps):
        middle = 0.5 * (low + high)
        if middle**3 < a:
            low = middle
        else:
            high = middle
    return low


def _step(a):
    z = _half(a)
    for _ in range(2):
        z = z - (z**3 - a) / (3 * z**2)
    return z


WITHIN = {
    "minimize": lambda g, a: so.minimize(lambda v: (v[0] - g(a)) ** 2, [0.5]).x[0],
    "minimize_scalar": lambda g, a: so.minimize_scalar(lambda v: (v - g(a)) ** 2).x,
    "least_squares": lambda g, a: so.least_squares(lambda v: v - g(a), [0.5]).x[0],
    "quad": lambda g, a: si.quad(lambda x: x * g(a), 0, 1)[0],
    "brentq": lambda g, a: so.brentq(lambda x: x - g(a), -1, 4),
    "brentq, of its point": lambda g, a: so.brentq(lambda x: x**3 - g(a * x), 0.1, 4),
    "fsolve": lambda g, a: so.fsolve(lambda x: x - g(a), [1.0])[0],
    "solve_ivp": lambda g, a: si.solve_ivp(
        lambda t, y: -y * g(a), (0, 1), [1.0], rtol=1e-8
    ).y[0, -1],
    "brentq in quad": lambda g, a: si.quad(
        lambda t: so.brentq(lambda x: x - g(a), -1, 4) * t, 0, 1
    )[0],
}


@pytest.mark.parametrize("name", WITHIN)
@pytest.mark.parametrize("mode", ["grad", "jvp"])
def test_a_search_in_a_solver_s_callback_is_told(name, mode):
    def f(a):
        return WITHIN[name](_half, a)

    with pytest.raises(CheckError, match="searches by comparisons"):
        cr.grad(f)(2.0) if mode == "grad" else cr.jvp(f, (2.0,), (1.0,))
    assert cr.grad(lambda a: a * abs(a))(3.0) == 6.0


@pytest.mark.parametrize("name", WITHIN)
def test_a_newton_step_in_a_callback_makes_the_search_right(name):
    h = 1e-3
    found = cr.grad(lambda a: WITHIN[name](_step, a))(2.0)
    near = (WITHIN[name](_step, 2 + h) - WITHIN[name](_step, 2 - h)) / (2 * h)
    assert found == pytest.approx(near, rel=1e-3)


def test_what_callbacks_compare_call_by_call_is_no_search():
    """The engine halves between calls to find where these switch."""
    from chainrule.tracing import searches

    cases = [
        lambda a: si.quad(lambda t: t if t < a / 4 else 2 * t, 0, 1)[0],
        lambda a: so.brentq(lambda x: x - a if x < a + 1 else x - 2 * a, 0, 5),
        lambda a: si.solve_ivp(lambda t, y: -y if t < a / 4 else y, (0, 1), [1.0]).y[0, -1],
        lambda a: so.minimize(lambda v: max(v[0] - a, 2 * (a - v[0])) ** 2, [0.0]).x[0],
    ]
    seen = []
    whole = searches.found
    try:
        searches.found = lambda rows: seen.extend(whole(rows)) or whole(rows)
        for f in cases:
            cr.jvp(f, (2.0,), (1.0,))
    finally:
        searches.found = whole
    assert [row for row in seen if row.searched()] == []
    assert [row.met for row in seen] == ["greater"]  # at the minimum both sides are equal
    assert cr.grad(cases[-1])(2.0) == 1.0


def test_a_warning_that_is_an_error_does_not_switch_the_looking_off():
    def f(x):
        if x == 1:
            return 2 * x
        warnings.warn("beside the point", stacklevel=1)
        return 2 * x

    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        with pytest.raises(UserWarning, match="beside the point"):
            cr.grad(f)(1.0)
    with pytest.raises(CheckError, match="searches by comparisons"):
        cr.grad(LOST["alone"])(3.1)


def bisected(a):
    low, high = 0.0, 10.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if middle * middle < a else (low, middle)
    return (low + high) / 2


SELDOM = {  # where the answer moves with nothing, or plays no part, and where it does
    "at a bound": (bisected, 200.0),
    "beside another term": (lambda a: bisected(a) + 3 * a, 200.0),
    "in another branch": (lambda a: 3 * a if bisected(a) > 5 else bisected(a), 50.5),
    "times nothing": (lambda a: (bisected(a) - 10) ** 2, 101.0),
}


@pytest.mark.parametrize("name", SELDOM)
def test_calls_that_say_nothing_of_a_search_are_no_reason_to_trust_it(name):
    f, elsewhere = SELDOM[name]
    for k in range(5):
        cr.grad(f)(elsewhere + k)
    for _ in range(5):
        with pytest.raises(CheckError, match="loses the derivative"):
            cr.grad(f)(2.0)


@pytest.mark.parametrize("put", [
    lambda x: x, lambda x: [x], lambda x: {"a": x, "b": 1.0}, lambda x: (x, 2.5),
    lambda x: np.array(x),
])  # fmt: skip
@pytest.mark.parametrize("derivative", [cr.grad, cr.value_and_grad, cr.jacobian, cr.jacfwd])
def test_a_search_by_whole_numbers_is_one(put, derivative):
    def f(p):
        return bisected(p["a"] if type(p) is dict else p[0] if type(p) in (list, tuple) else p)

    with pytest.raises(CheckError, match="loses the derivative"):
        derivative(f)(put(2))


def test_whole_numbers_that_count_stay_as_they_are():
    f = lambda p: sum(p[1] for _ in range(p[0])) if p[1] > 0 else p[1]  # noqa: E731
    found = cr.grad(f)([3, 2.0])
    assert found == [0.0, 3.0]
    with cr.checked():
        assert cr.grad(f)([3, 2.0]) == found


@pytest.mark.parametrize("size", [1.0, 100.0, 1e6])
def test_what_is_lost_beside_a_large_slope_is_told(size):
    for f in (lambda v: bisected(v[0]) + size * v[1], lambda v: size * v[1] ** 2 - bisected(v[0])):
        for _ in range(5):
            with pytest.raises(CheckError, match="loses the derivative"):
                cr.grad(f)(np.array([2.0, 1.0]))


def test_trust_does_not_hide_a_small_slope_beside_a_large_one():
    f = lambda v: 1e6 * v[1] + (3 * v[0] if v[0] > 10 else bisected(v[0]))  # noqa: E731
    g = lambda v: f(np.array([v[0] + 0.0 * bisected(v[0]), v[1]]))  # noqa: E731
    for k in range(5):
        cr.grad(g)(np.array([50.5 + k, 1.0]))
    for _ in range(3):
        with pytest.raises(CheckError, match="loses the derivative"):
            cr.grad(g)(np.array([2.0, 1.0]))
