"""Every ``=`` of a derivation is one, read as mathematics with sixty digits."""

import linecache
import re

import numpy as np
import pytest

from chainrule.explain import explain

from . import exactly, widely
from .programs import Program

pytestmark = pytest.mark.filterwarnings("ignore")

STEPS = (
    "np.cos({a})", "np.sin({a})", "np.exp({a})", "np.tanh({a})", "np.arctan({a})", "np.cosh({a})",
    "np.expm1({a})", "np.log1p({a} * {a})", "np.sqrt({a} * {a} + 1)", "np.log({a} * {a} + 1)",
    "{a} ** 2", "{a} ** 3", "{a} * {b}", "{a} + {b}", "{a} - {b}", "{a} / ({b} * {b} + 2)",
    "1 - {a}", "2 * {a}", "{a} + 1e20", "{a} * 0.1", "{a} / 3", "3 * {a}", "np.sqrt({a} ** 2)",
    "np.maximum({a}, {b})", "np.abs({a})", "np.square({a})", "1e-9 * {a}", "2 ** {a}", "-{a}",
    "(1 - np.cos({a})) / {a} ** 2", "(np.exp({a}) - 1) / {a}", "{a} - np.sin({a})",
    "np.log2({a} * {a} + 1)", "{a} * np.pi", "({a} + 1) ** 0.5", "np.hypot({a}, {b})",
)  # fmt: skip
POINTS = (0.0, 1.0, 2.0, 1e-8, 3.0, 0.5, 1e-12, 40.0, 1e6, 0.25, 4.0, 1e-20, 700.0)


def program(seed):
    rng = np.random.default_rng(seed)
    names, lines = ["x"], []
    for k in range(int(rng.integers(1, 6))):
        a, b = (names[int(rng.integers(len(names)))] for _ in range(2))
        lines.append(f"    u{k} = {STEPS[int(rng.integers(len(STEPS)))].format(a=a, b=b)}\n")
        names.append(f"u{k}")
    source = f"def f(x):\n{''.join(lines)}    return {names[-1]}\n"
    file = f"exact_{seed}.py"
    linecache.cache[file] = (len(source), None, source.splitlines(True), file)
    space = {"np": np}
    exec(compile(source, file, "exec"), space)
    return space["f"], source, POINTS[int(rng.integers(len(POINTS)))]


@pytest.mark.seeds(12, 400)
def test_every_equality_holds_with_sixty_digits(block):
    held = shy = lost = 0
    for seed in range(block * 12, block * 12 + 12):
        f, source, x = program(seed)
        with np.errstate(all="ignore"):
            if not np.isfinite(f(np.float64(x))):
                continue
        derivation = explain(f, np.float64(x), mode="both", detail="full")
        try:
            counts = exactly.check(derivation)
        except (AssertionError, exactly.Unreadable) as error:
            raise AssertionError(f"{error}\nx = {x}\n{source}") from error
        true = float(counts[2].get("x̄", 0))  # what the printed formulas give
        off = abs(float(derivation.gradient) - true)
        allowed = 1e-2 * abs(true) + 1e-9 * max(1, abs(f(np.float64(x))))
        if "limit" not in derivation.document["gradients"][0] and off > allowed:
            lost += 1
            assert "✓" not in check_of(derivation), f"{true}\nx = {x}\n{source}"
        held, shy = held + counts[0], shy + counts[1]
    assert shy < 0.4 * held  # what follows from a number that is only near
    assert held > 50


def check_of(derivation):
    text = derivation.text()
    return re.search(r"^\d+ Check.*?(?=^\d+ |\Z)", text, re.DOTALL | re.MULTILINE).group()


CANCELLED = [
    (lambda x: (1 - np.cos(x)) / x**2, 1e-8), (lambda x: (1 - np.cos(x)) / x**2, 1e-4),
    (lambda x: (np.exp(x) - 1) / x, 1e-12), (lambda x: (np.sqrt(x * x + 1) - x) * x, 1e9),
    (lambda x: (np.sin(x) - x) / x**3, 1e-6), (lambda x: ((1 + x) ** 2 - 1 - 2 * x) / x**2, 1e-9),
]  # fmt: skip


@pytest.mark.parametrize(("f", "x"), CANCELLED)
def test_no_tick_beside_digits_that_cancellation_has_made(f, x):
    derivation = explain(f, x)
    assert "✓" not in check_of(derivation)
    assert "✗" not in check_of(derivation)
    assert "rounding alone moves" in derivation.text()


@pytest.mark.parametrize(("f", "x"), [
    (np.sin, 1e-8), (lambda x: (1 - np.cos(x)) / x**2, 0.5), (lambda x: np.expm1(x) / x, 1e-2),
    (lambda x: np.log(x - 1), 1.25), (lambda x: x * x - 1, 1.0), (lambda x: (x - 1) ** 3, 1.0),
])  # fmt: skip
def test_rounding_is_blamed_for_nothing_else(f, x):
    derivation = explain(f, x)
    assert "✓" in check_of(derivation)
    assert "rounding alone" not in derivation.text()


@pytest.mark.parametrize(("f", "x", "line"), [
    (np.cos, 1e-8, "v₁ = cos(x)  ≈ 1 "), (lambda x: x + 1e20, 1.0, "v₁ = x + 1e20  ≈ 1e20 "),
    (np.tanh, 40.0, "v₁ = tanh(x)  ≈ 1 "), (lambda x: 1 - np.cos(x), 1e-8, "v₂ = 1 − v₁  ≈ 0 "),
    (np.cos, 0.0, "v₁ = cos(x)  = 1 "), (np.sqrt, 2.25, "v₁ = √x  = 1.5 "),
    (lambda x: 3 * (x / 3), 1.0, "v₂ = 3 · v₁  = 1 "), (lambda x: x**0.5, 4.0, "v₁ = x^0.5  = 2 "),
    (lambda x: np.sqrt(x) ** 2, 2.0, "≈ 2 "), (np.hypot, (3.0, 4.0), "v₁ = hypot(x₁, x₂)  = 5 "),
])  # fmt: skip
def test_a_value_that_floating_point_rounds_is_near(f, x, line):
    args = x if isinstance(x, tuple) else (x,)
    text = explain(f, *args, argnums=tuple(range(len(args)))).text()
    assert line.replace("  ", " ") in " ".join(text.split())


@pytest.mark.skipif(not widely.WIDE, reason="long doubles are doubles here")
@pytest.mark.seeds(4, 100)
def test_every_equality_of_arrays_holds_with_the_digits_of_a_long_double(block):
    held = 0
    for seed in range(block * 15, block * 15 + 15):
        program, rng = Program(seed), np.random.default_rng(seed)
        args = tuple(rng.choice([0.0, 1.0, 2.0, 0.5, -1.5, 3.0, 1e-9, 40.0], np.shape(a))[()]
                     for a in program.args)  # fmt: skip
        with np.errstate(all="ignore"):
            if not np.isfinite(program.function(*args)):
                continue
        derivation = explain(program.function, *args, argnums=tuple(range(len(args))))
        try:
            held += widely.check(derivation)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{program.source}") from error
    assert held > 200
