"""Values pass through conversions of every kind: the gradient is right, or an error says why not.

Each program is run under `grad` and `jvp` and compared with extrapolated differences. No program
may return another number; an error must be the library's, or a `TypeError` that names the traced
value.
"""

import warnings
from typing import Any

import numpy as np
import pytest

import chainrule as cr

from .converting import KINDS, Program

LENGTHS = (1, 2, 3, 5)
COUNT = 30  # programs in a block


def slopes(f: Any, x: Any) -> tuple[Any, Any]:
    """Richardson-extrapolated differences, and how far they can be trusted."""
    rows, errors = [], []
    for e in np.eye(len(x)):
        d = [(float(f(x + h * e)) - float(f(x - h * e))) / (2 * h) for h in (4e-4, 2e-4, 1e-4)]
        fine, coarse = (4 * d[2] - d[1]) / 3, (4 * d[1] - d[0]) / 3
        rows.append(fine)
        errors.append(abs(fine - coarse))
    return np.array(rows), np.array(errors)


def allowed(error: Exception) -> bool:
    """Python's own errors count where the traced value came back from `json`'s own `default`."""
    named = isinstance(error, TypeError) and "Trace" in str(error)
    json = isinstance(error, RecursionError) or "Circular reference" in str(error)
    return isinstance(error, cr.ChainRuleError) or named or json


V = np.array([1.0, 2.0, -1.0, 0.5])


def second(f: Any, x: Any, scale: float) -> None:
    """Compare the derivative of the gradient with differences of the gradient."""
    steps = (2e-4, 1e-4)
    try:
        ahead = cr.jvp(cr.grad(f), (x,), (V,))[1]
        wide, fine = ((cr.grad(f)(x + h * V) - cr.grad(f)(x - h * V)) / (2 * h) for h in steps)
    except cr.ChainRuleError:
        return
    want = (4 * fine - wide) / 3
    bound = 1e-4 * (scale + np.max(np.abs(want)))
    if np.all(np.abs(fine - wide) < bound):
        assert np.all(np.abs(ahead - want) < bound), f"second order: {ahead} instead of {want}"


def judge(program: Program, deeper: bool = False) -> str:
    """Say 'right', 'refused', 'rough' (the differences cannot tell) or 'nan'.

    A wrong number raises. NaN is no number: so says the gradient of atan2(0·x, 0·x).
    """
    f, x = program.function(), program.x
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        want, error = slopes(f, x)
        scale = 1.0 + np.max(np.abs(want))
        rough = not np.all(error < 1e-6 * scale)
        try:
            gradient = cr.grad(f)(x)
            value, slope = cr.jvp(f, (x,), (V,))
        except Exception as refusal:
            if not allowed(refusal):
                raise
            return "refused"
        if rough:
            return "rough"
        if np.isnan(gradient).any():
            return "nan"
        close = np.max(np.abs(gradient - want)) < 3e-5 * scale
        assert close, f"grad gives {gradient} instead of {want}"
        ahead = V @ want
        assert abs(slope - ahead) < 1e-4 * scale, f"jvp gives {slope} instead of {ahead}"
        plain = float(f(x))
        assert abs(value - plain) < 1e-9 * (1 + abs(plain)), f"{value} instead of {plain}"
        if deeper:
            second(f, x, scale)
    return "right"


def run(seed: int) -> str:
    program = Program(seed)
    program.make(LENGTHS[seed % len(LENGTHS)])
    try:
        return judge(program, deeper=seed % 3 == 0)
    except Exception as error:
        shown = f"seed {seed}, x = {program.x.tolist()}\n{program.text()}"
        raise AssertionError(f"{type(error).__name__}: {error}\n{shown}") from error


@pytest.mark.seeds(10, 650)
def test_random_programs(block: int) -> None:
    done = [run(seed) for seed in range(block * COUNT, (block + 1) * COUNT)]
    assert done.count("right") >= 0.3 * COUNT
    assert done.count("rough") + done.count("nan") <= 0.02 * COUNT + 1


def alone(kind: str, line: str) -> str:
    program = Program(len(line))
    for _ in range(5):
        if program.add(kind, line):
            return judge(program)
    return "plain Python refuses"


@pytest.mark.parametrize("part", range(5))
def test_each_conversion_alone(part: int) -> None:
    for kind, line in KINDS[part::5]:
        try:
            alone(kind, line)
        except Exception as error:
            raise AssertionError(f"{line}: {type(error).__name__}: {error}") from error


# --- the layout in memory, which orders "A" and "K" and views hang on ----------------------------

OUTSIDE = np.linspace(-1.0, 1.0, 12).reshape(3, 4)
WEIGHTS = np.random.default_rng(0).normal(size=12)


def ravelled(x: Any) -> Any:
    return (np.ravel(x, order="K") * WEIGHTS).sum()


LAYOUTS: dict[str, Any] = {
    "ravel": lambda x, o: (np.ravel(x, order=o) * WEIGHTS).sum(),
    "flatten": lambda x, o: (x.flatten(order=o) * WEIGHTS).sum(),
    "transposed": lambda x, o: (np.ravel(x.T, order=o) * WEIGHTS).sum(),
    "Fortran": lambda x, o: (np.ravel(np.asfortranarray(x), order=o) * WEIGHTS).sum(),
    "copy": lambda x, o: ravelled(np.copy(np.asfortranarray(x), order=o)),
    "method": lambda x, o: ravelled((x.T * 2).copy(order=o)),
    "array": lambda x, o: ravelled(np.array(x.T, order=o)),
    "asarray": lambda x, o: ravelled(np.asarray(x.T, order=o)),
    "astype": lambda x, o: ravelled(x.T.astype(float, order=o)),
    "contiguous": lambda x, o: ravelled(np.ascontiguousarray(x.T)),
    "sum": lambda x, o: ravelled(x.T + x.T * x.T),
    "strided": lambda x, o: (
        np.lib.stride_tricks.as_strided(np.copy(x, order="C"), (5, 2), (8, 16))
        * WEIGHTS[:10].reshape(5, 2)
    ).sum(),
    "spread": lambda x, o: np.lib.stride_tricks.as_strided(
        np.zeros((3, 4)) + x[0], (3, 2), (16, 8)).prod(),
}  # fmt: skip


@pytest.mark.parametrize("order", ["C", "F", "A", "K"])
@pytest.mark.parametrize("name", LAYOUTS)
def test_the_layout_in_memory(name: str, order: str) -> None:
    x = np.random.default_rng(1).normal(size=(3, 4))
    v = np.random.default_rng(2).normal(size=(3, 4))
    h = 1e-6

    def f(x: Any) -> Any:
        return LAYOUTS[name](x, order)

    lays: list[Any] = [np.ascontiguousarray, np.asfortranarray]
    if order != "A":  # docs/policy/limits.md: a strided input is packed
        lays.append(lambda a: a[::-1, ::-1])
    for lay in lays:
        want = (f(lay(x + h * v)) - f(lay(x - h * v))) / (2 * h)
        for tangent in (lay(v), np.asfortranarray(lay(v))):
            assert np.isclose(cr.jvp(f, (lay(x),), (tangent,))[1], want, rtol=1e-5, atol=1e-7)
        assert np.isclose(np.sum(cr.grad(f)(lay(x)) * lay(v)), want, rtol=1e-5, atol=1e-7)
        assert np.isclose(cr.vjp(f, lay(x))[0], f(lay(x)), rtol=1e-14)


def test_a_copy_of_what_comes_from_outside_takes_stores() -> None:
    def f(x: Any) -> Any:
        y = np.copy(OUTSIDE)
        y[0] = x
        z = np.repeat(OUTSIDE[0], 2)
        z[::2] = x * x
        return (y * y).sum() + z.sum()

    x = np.arange(4.0)
    assert np.allclose(cr.grad(f)(x), 2 * x + 2 * x)
