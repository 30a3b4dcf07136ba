"""Searches that are decided by other means than comparisons, and digits: told, never 0 in silence.

Whatever decides is asked the same question here: whether m³ lies below p. So every row of the table
is the same bisection, and its derivative is known.
"""

import contextlib
import decimal
import fractions
import heapq
import io
import math
import re
import warnings

import numpy as np
import pytest
import scipy.integrate as si
import scipy.optimize as so

import chainrule as cr
from chainrule.diagnose import searching
from chainrule.errors import CheckError, LostDerivativeError, UncheckedWarning


@pytest.fixture(autouse=True)
def _nothing_is_known():
    searching._agreed.clear()


def halved(below, steps=50):
    def f(p):
        low, high = 0.0, 4.0
        for _ in range(steps):
            m = 0.5 * (low + high)
            if below(m, p):
                low = m
            else:
                high = m
        return m * p

    return f


def fails(g, *errors):
    def below(m, p):
        try:
            g(m, p)
        except errors:
            return True
        return False

    return below


def raising_sqrt(m, p):
    with np.errstate(all="raise"):
        return np.sqrt(m**3 - p)


def matrix(m, p):
    return np.array([[m, 0.5 * m], [0.5 * m, p / m]]) * (m**3 - p)


ASKED = {
    "math.sqrt fails": fails(lambda m, p: math.sqrt(m**3 - p), ValueError),
    "math.log fails": fails(lambda m, p: math.log(m**3 - p), ValueError),
    "math.acos fails": fails(lambda m, p: math.acos(p / m**3), ValueError),
    "cholesky fails": fails(
        lambda m, p: np.linalg.cholesky(m**3 * np.eye(2) - p * np.full((2, 2), 0.5)),
        np.linalg.LinAlgError,
    ),
    "errstate": fails(raising_sqrt, FloatingPointError),
    "a whole number of NaN": fails(lambda m, p: int(np.sqrt(m**3 - p)), ValueError),
    "isnan": lambda m, p: np.isnan(np.sqrt(m**3 - p)),
    "isnan of log": lambda m, p: math.isnan(np.log(m**3 - p)),
    "not equal to itself": lambda m, p: (y := np.sqrt(m**3 - p)) != y,
    "isfinite": lambda m, p: not np.isfinite(np.log(m**3 - p)),
    "math.floor": lambda m, p: math.floor(m**3 - p) < 0,
    "np.ceil": lambda m, p: np.ceil(m**3 - p) < 1,
    "int": lambda m, p: int(m**3 - p + 100) < 100,
    "round": lambda m, p: round(m**3 - p + 0.5) < 1,
    "np.round": lambda m, p: np.round(m**3 - p + 0.5) < 1,
    "floor division": lambda m, p: (m**3 - p) // 1 < 0,
    "divmod": lambda m, p: divmod(m**3 - p, 1)[0] < 0,
    "astype": lambda m, p: np.asarray(m**3 - p + 100).astype(int) < 100,
    "math.copysign": lambda m, p: math.copysign(1, m**3 - p) < 0,
    "np.copysign": lambda m, p: np.copysign(1.0, m**3 - p) == -1,
    "truth": lambda m, p: bool(np.maximum(p - m**3, 0)),
    "abs": lambda m, p: abs(m**3 - p) != m**3 - p,
    "argsort": lambda m, p: np.argsort([m**3, p])[0] == 0,
    "sorted": lambda m, p: sorted([(m**3, "m"), (p, "p")])[0][1] == "m",
    "heapq": lambda m, p: heapq.nsmallest(1, [(m**3, 0), (p, 1)])[0][1] == 0,
    "histogram": lambda m, p: np.histogram([m**3], [0, p, 100])[0][0] == 1,
    "nan_to_num": lambda m, p: np.nan_to_num(np.sqrt(m**3 - p), nan=-1.0) < 0,
    "clip": lambda m, p: np.clip(m**3 - p, 0, 1) == 0,
    "text": lambda m, p: str(m**3 - p).startswith("-"),
    "format": lambda m, p: f"{m**3 - p:.3e}"[0] == "-",
    "percent": lambda m, p: ("%g" % (m**3 - p)).startswith("-"),
    "text of NaN": lambda m, p: str(np.sqrt(m**3 - p)) == "nan",
}
TAKEN = {
    "grad": lambda f, p: cr.grad(f)(p),
    "jvp": lambda f, p: cr.jvp(f, (p,), (1.0,)),
    "vmap": lambda f, p: cr.vmap(cr.grad(f))(np.array([p])),
}


@pytest.mark.parametrize("taken", TAKEN)
@pytest.mark.parametrize("name", ASKED)
@pytest.mark.filterwarnings("ignore:.*encountered")
def test_whatever_decides_a_search_is_seen(name, taken):
    f = halved(ASKED[name])
    with pytest.raises(CheckError, match=r"searches by .*\n +where: .*test_decisions"):
        TAKEN[taken](f, 3.1)


@pytest.mark.parametrize("name", ASKED)
@pytest.mark.filterwarnings("ignore:.*encountered")
def test_a_search_that_ends_at_a_round_number_is_seen(name):
    """The first step meets the answer, and all others take the same side."""
    with pytest.raises(CheckError, match="searches by"):
        cr.grad(halved(ASKED[name]))(8.0)


def logarithm(x):
    b, s = 0.0, 1.0
    while x >= 2:
        x, b = x / 2, b + 1
    for _ in range(50):
        x, s = x * x, s / 2
        if x >= 2:
            x, b = x / 2, b + s
    return b


def binary(x):
    b = 0.0
    for k in range(1, 50):
        x = x * 2
        if x >= 4:
            x, b = x - 4, b + 2.0**-k
    return b


def decimals(cut):
    def f(x):
        b, s = 0.0, 1.0
        for _ in range(20):
            d = cut(x)
            b, s, x = b + d * s, s / 10, (x - d) * 10
        return b

    return f


def in_an_object(p):
    class Bracket:
        low, high = 0.0, 4.0

    b = Bracket()
    for _ in range(50):
        m = (b.low + b.high) / 2
        if np.isnan(np.log(m**3 - p)):
            b.low = m
        else:
            b.high = m
    return b.low


def in_an_array(p):
    x = np.array([0.0, 4.0])
    for _ in range(50):
        m = np.mean(x)
        x[0 if np.isnan(np.log(m**3 - p)) else 1] = m
    return x[0]


def by_recursion(p, low=0.0, high=4.0, n=50):
    m = (low + high) / 2
    if n == 0:
        return m
    below = np.isnan(np.log(m**3 - p))
    return by_recursion(p, m, high, n - 1) if below else by_recursion(p, low, m, n - 1)


def by_steps(x):
    s, r = 1.0, 0.0
    while s > 1e-12:
        try:
            math.sqrt(x - (r + s) ** 2)
            r += s
        except ValueError:
            s /= 2
    return r


def kept_as(number, middle):
    """Return a bisection whose bracket is of some kind of numbers, in a dict."""

    def f(p):
        b = {"low": number(0), "high": number(4)}
        for _ in range(40):
            m = middle(b["low"], b["high"])
            b["low" if np.isnan(np.log(float(m) ** 3 - p)) else "high"] = m
        return float(b["low"])

    return f


def whole_numbers(p):
    low, high, unit = 0, 1 << 40, 1 << 38
    while high - low > 1:
        m = (low + high) // 2
        if np.isnan(np.log((m / unit) ** 3 - p)):
            low = m
        else:
            high = m
    return low / unit


RECURRENCES = {
    "log2": logarithm, "binary": binary, "decimals, int": decimals(int),
    "decimals, floor": decimals(math.floor), "an object": in_an_object, "an array": in_an_array,
    "recursion": by_recursion, "steps": by_steps, "whole numbers": whole_numbers,
    "a dict": kept_as(float, lambda a, b: (a + b) / 2),
    "fractions": kept_as(fractions.Fraction, lambda a, b: (a + b) / 2),
    "decimal": kept_as(decimal.Decimal, lambda a, b: (a + b) / 2),
    "single": kept_as(np.float32, lambda a, b: (a + b) * np.float32(0.5)),
}  # fmt: skip


@pytest.mark.parametrize("taken", TAKEN)
@pytest.mark.parametrize("name", RECURRENCES)
@pytest.mark.filterwarnings("ignore:.*encountered")
def test_digit_recurrences_are_seen(name, taken):
    with pytest.raises(CheckError, match="searches by"):
        TAKEN[taken](RECURRENCES[name], 3.1)


def test_a_power_that_goes_into_the_plane_is_seen():
    f = halved(lambda m, p: isinstance((m**3 - p) ** 0.5, complex))
    with pytest.raises(CheckError, match="searches by what becomes complex"):
        cr.grad(f)(3.1)


WITHIN = {
    "quad": lambda g, a: si.quad(lambda x: x * g(a), 0, 1)[0],
    "brentq": lambda g, a: so.brentq(lambda x: x - g(a), -1, 4),
    "minimize": lambda g, a: so.minimize(lambda v: (v[0] - g(a)) ** 2, [0.5]).x[0],
}


@pytest.mark.parametrize("name", WITHIN)
@pytest.mark.filterwarnings("ignore:.*encountered")
def test_a_search_in_a_callback_is_seen(name):
    for g in (by_steps, in_an_object):
        with pytest.raises(CheckError, match="searches by"):
            cr.grad(lambda a, g=g: WITHIN[name](g, a))(3.1)


# --- digits ---------------------------------------------------------------------------------------


def places(text):
    return text.split(".")[1]


def tail(text, of):
    return sum(of(c) * 10.0**-k for k, c in enumerate(places(text), 1))


TABLE = {c: k for k, c in enumerate("0123456789")}
DIGITS = {
    "ord": lambda x: tail(str(x), lambda c: ord(c) - 48),
    "index": lambda x: tail(str(x), "0123456789".index),
    "table": lambda x: tail(f"{x:.12f}", TABLE.get),
    "find": lambda x: tail(repr(x), "0123456789".find),
    "percent": lambda x: sum(
        (ord(c) - 48) * 10.0**-k for k, c in enumerate(places("%.9f" % x), 1)  # noqa: UP031
    ),
    "bytes": lambda x: sum((b - 48) * 10.0**-k for k, b in enumerate(places(str(x)).encode(), 1)),
    "filled": lambda x: tail(str(x).ljust(20, "0"), lambda c: ord(c) - 48),
    "create_decimal": lambda x: float(decimal.getcontext().create_decimal(str(x))),
    "slices": lambda x: sum(
        "0123456789".find(str(x)[k]) * 10.0 ** (1 - k) for k in range(2, len(str(x)))
    ),
}


@pytest.mark.parametrize("taken", ["grad", "jvp"])
@pytest.mark.parametrize("at", [1.2345678, 3.25])
@pytest.mark.parametrize("name", DIGITS)
def test_digits_of_a_text_are_not_looked_up_in_silence(name, at, taken):
    with pytest.raises((CheckError, LostDerivativeError), match=r"(?s)digits.*np\.trunc"):
        TAKEN[taken](DIGITS[name], at)


COARSE = {
    "re": lambda x: int(re.match(r"\d+\.(\d\d)", f"{x:.6f}").group(1)) / 100,
    "percent": lambda x: int(("%.2f" % x).split(".")[1]) / 100,  # noqa: UP031
}


@pytest.mark.parametrize("name", COARSE)
def test_few_digits_are_told(name):
    with pytest.warns(UncheckedWarning, match=r"takes digits out of the text .* could not"):
        cr.grad(COARSE[name])(1.2345678)


# --- what is right is left alone ------------------------------------------------------------------


def printing(x):
    out = io.StringIO()
    print(f"{x:.3f}", str(x)[:5], "%.2f" % x, file=out)  # noqa: UP031
    return x * x


def newton(p):
    x = 2.0 + 0 * p
    for k in range(60):
        step = (x**3 - p) / (3 * x * x)
        if np.isnan(step) or not math.isfinite(step):
            raise ValueError
        x, _ = x - step, f"{k} {step}"
    return x


def table(p):
    values = np.linspace(0, 1, 50) ** 2
    total = 0.0
    for k in range(40):
        at = p * (k + 1)
        i = int(at)
        total = total + (at - i) * (values[i % 49 + 1] - values[i % 49]) + values[i % 49]
    return total


def tried(p):
    total, scale = 0.0 * p, 1.0
    for k in range(60):
        with contextlib.suppress(ValueError):
            total = total + scale * math.sqrt(p - k * 0.173)
        scale *= 0.8
    return total


def romberg(p):
    rows, h = [0.5 * (1 + np.exp(p))], 1.0
    for n in range(1, 20):
        h /= 2
        inner = sum(np.exp(p * (2 * k + 1) * h) for k in range(2 ** min(n - 1, 6)))
        rows.append(0.5 * rows[-1] + h * inner)
        if abs(rows[-1] - rows[-2]) < 1e-14:
            break
    return rows[6]


def cooled(p):
    x, rate = 1.0 + 0 * p, 0.5
    for k in range(80):
        residual = x - p + 0.3 * math.sin(k)
        x = x - rate * (residual if residual > 0 else 0.5 * residual)
        rate *= 0.8
    return x


RIGHT = {
    "printing": printing, "newton": newton, "a table": table, "exceptions": tried,
    "romberg": romberg, "kinks while a rate goes down": cooled,
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_what_loses_nothing_is_left_alone(name):
    f = RIGHT[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        got = [cr.grad(f)(1.137), float(cr.jvp(f, (1.137,), (1.0,))[1])]
    step = 1e-6
    want = (f(1.137 + step) - f(1.137 - step)) / (2 * step)
    np.testing.assert_allclose(got, want, rtol=1e-6)


def test_the_names_of_the_program_are_left_as_they_are():
    """To look at a frame's names must not keep what they hold alive, nor change `locals()`."""
    import sys

    held = []

    def f(p):
        low, high, big = 0.0, 4.0, np.ones(5)
        before = sys.getrefcount(big)
        for _ in range(40):
            m = (low + high) / 2
            low, high = (m, high) if np.isnan(np.log(m**3 - p)) else (low, m)
        held.append(sys.getrefcount(big) - before)
        x = m
        return x - (x**3 - p) / (3 * x * x)

    with np.errstate(all="ignore"):
        assert cr.grad(f)(3.1) == pytest.approx(1 / (3 * 3.1 ** (2 / 3)))
    assert set(held) == {0}
