"""Law: functions of degenerate matrices have the right derivatives, or are said to have none.

Repeated, nearly repeated and zero values, defective matrices. What is smooth at the point must be
right at first and second order, unless a warning or an error says otherwise; where differences
ahead and behind part, the slope lies between the two, or something is said.
"""

import collections
import warnings
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ImplicitWarning, IndeterminateWarning, KinkWarning

from .degenerate import Program, curvatures, random_program, slopes

COUNT = 10  # programs in a block
TOLD = (ImplicitWarning, IndeterminateWarning, KinkWarning)
FINE, COARSE = 1e-15, 1e-6  # steps: smaller, and larger, than the rounding of the point


def derivative(run: Any) -> tuple[Any, bool]:
    """Return a derivative, or None where it is refused, and whether something was said."""
    with warnings.catch_warnings(record=True) as found, np.errstate(all="ignore"):
        warnings.simplefilter("always")
        try:
            value = run()
        except (cr.ChainRuleError, np.linalg.LinAlgError):
            return None, True
    return value, any(issubclass(w.category, TOLD) for w in found)


def judge(program: Program, rng: Any) -> str:
    """Say 'right', 'said' (that there is none), 'kink' or 'none' (no such function); else raise."""
    x = program.point
    v, w = rng.standard_normal((2, *x.shape))
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            plain = program.numpy(x)
            wanted = [s for h in (FINE, COARSE) for s in slopes(program, v, h)]
        except (ArithmeticError, ValueError, np.linalg.LinAlgError):
            return "none"
    if not np.isfinite([plain, *wanted]).all():
        return "none"
    scale = 1 + max(map(abs, wanted))
    smooth = max(wanted) - min(wanted) <= 1e-4 * scale
    ways = [lambda: np.sum(cr.grad(program.numpy)(x) * v),
            lambda: cr.jvp(program.numpy, (x,), (v,))[1]]  # fmt: skip
    done = []
    for way in ways:
        got, said = derivative(way)
        done.append("said" if said else "right")
        if said and (got is None or not np.isfinite(got) or not smooth):
            continue
        if smooth:
            assert abs(got - wanted[0]) <= 1e-6 * scale, f"{got} instead of {wanted}"
        elif np.isfinite(got):
            done[-1] = "kink"
            low, high = min(wanted), max(wanted)
            slack = 1e-4 * scale
            assert low - slack <= got <= high + slack, f"{got} is not between {low} and {high}"
        else:
            raise AssertionError(f"{got} without a word instead of {wanted}")
    if smooth and done == ["right", "right"]:
        second(program, x, v, w)
    return done[0]


def second(program: Program, x: Any, v: Any, w: Any) -> None:
    try:
        wanted = [c for h in (FINE, 1e-4) for c in curvatures(program, v, w, h)]
    except (ArithmeticError, ValueError):
        return
    if not np.isfinite(wanted).all():
        return
    scale = 1 + max(map(abs, wanted))
    smooth = max(wanted) - min(wanted) <= 1e-2 * scale
    got, said = derivative(lambda: np.sum(cr.hvp(program.numpy, x, v) * w))
    if said and (got is None or not np.isfinite(got) or not smooth):
        return
    near = wanted if smooth else wanted[:2]
    close = abs(got - wanted[0]) <= 1e-5 * (1 + max(map(abs, near)))
    assert close, f"second order: {got}{', said' * said} instead of {wanted}"


def run(seed: int) -> str:
    program = random_program(seed)
    try:
        return judge(program, np.random.default_rng([seed, 1]))
    except Exception as error:
        shown = f"seed {seed}: A = {program.matrix}; {program.text}\nx = {program.point.tolist()}"
        raise AssertionError(f"{type(error).__name__}: {error}\n{shown}") from error


@pytest.mark.seeds(6, 300)
def test_random_functions_of_degenerate_matrices(block: int) -> None:
    done = collections.Counter(run(seed) for seed in range(block * COUNT, (block + 1) * COUNT))
    assert done["right"] + done["none"] >= 0.3 * COUNT
