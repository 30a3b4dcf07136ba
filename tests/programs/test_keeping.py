"""Law: what callbacks of solvers keep has the right derivative, or an error says that it has none.

The oracle is extrapolated differences of the plain program.
"""

import collections
import sys
import warnings
from itertools import pairwise
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ImplicitWarning, IndeterminateWarning, KinkWarning

from .keeping import program

COUNT = 8  # programs in a block
V = np.array([0.7, -1.1])
TOLD = (ImplicitWarning, IndeterminateWarning, KinkWarning)


def function(seed: int) -> tuple[Any, Any, str]:
    source, point = program(seed)
    module: Any = ModuleType(f"keeping_{seed}")
    sys.modules[module.__name__] = module  # a part of the program, as any module
    exec(compile(source, f"<program {seed}>", "exec"), vars(module))
    return module.f, np.array(point), source[source.index("def f(x)") :]


def slope(f: Any, x: Any, v: Any, h: float = 0.02) -> tuple[Any, float]:
    """Return an extrapolated difference, and what its last step changed."""
    row = [(f(x + h / 2**k * v) - f(x - h / 2**k * v)) / (2 * h / 2**k) for k in range(4)]
    last = row
    for j in range(1, 4):
        last, row = row, [(4**j * b - a) / (4**j - 1) for a, b in pairwise(row)]
    return row[0], float(np.max(np.abs(row[0] - last[-1])))


def judge(f: Any, x: Any) -> str:
    """Say 'right', 'refused', 'told', 'rough' (the differences cannot tell) or 'none'."""
    try:
        plain = float(f(x))
        want, error = slope(lambda x: float(f(x)), x, V)
    except (RuntimeError, ValueError):  # the solver finds nothing
        return "none"
    scale = 1 + abs(want)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        try:
            (value, forward), gradient = cr.jvp(f, (x,), (V,)), cr.grad(f)(x)
            again = cr.grad(f)(x)
        except cr.ChainRuleError:
            return "refused"
    told = any(issubclass(w.category, TOLD) for w in found)
    assert abs(value - plain) <= 1e-9 * (1 + abs(plain)), f"{value} instead of {plain}"
    if told or error > 1e-5 * scale:
        return "told" if told else "rough"
    for way, got in (("jvp", forward), ("grad", gradient @ V), ("grad, again", again @ V)):
        assert abs(got - want) <= 1e-4 * scale, f"{way}: {got} instead of {want}"
    second(f, x)
    return "right"


def second(f: Any, x: Any) -> None:
    """Hold the Hessian against differences of the gradient, which is known to be right."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        try:
            got = cr.hvp(f, x, V)
            want, error = slope(cr.grad(f), x, V)
        except cr.ChainRuleError:
            return
    scale = 1 + np.max(np.abs(want))
    told = any(issubclass(w.category, TOLD) for w in found)
    if not told and error <= 1e-4 * scale:
        assert np.max(np.abs(got - want)) <= 1e-3 * scale, f"hvp: {got} instead of {want}"


def run(seed: int) -> str:
    f, x, source = function(seed)
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return judge(f, x)
    except Exception as error:
        shown = f"seed {seed}, x = {x.tolist()}\n{source}"
        raise AssertionError(f"{type(error).__name__}: {error}\n{shown}") from error


@pytest.mark.seeds(4, 500)
def test_random_programs_of_callbacks(block: int) -> None:
    done = collections.Counter(run(seed) for seed in range(block * COUNT, (block + 1) * COUNT))
    assert done["right"] >= 1
