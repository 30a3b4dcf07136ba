"""A recording is never run where the program would do otherwise: programs that are hostile to it.

A plain run is the judge: after three calls something changes that the program reads;
the arguments are changed by it; the results lie in memory that is held elsewhere.
"""

import contextlib
import decimal
import gc
import logging
import sys
import warnings
from typing import Any

import numpy as np
import pytest

import chainrule as cr

from . import hostile

COUNT = 12  # programs in a block
WAYS = (lambda f: f, cr.grad, cr.value_and_grad)


@contextlib.contextmanager
def put_back() -> Any:
    """Put back what a program may set for all."""
    errors, printed, size = np.geterr(), np.get_printoptions(), np.getbufsize()
    state, limit = np.random.get_state(), sys.getrecursionlimit()  # noqa: NPY002
    with warnings.catch_warnings(), decimal.localcontext():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            np.seterr(**errors)
            np.set_printoptions(**printed)
            np.setbufsize(size)
            np.random.set_state(state)  # noqa: NPY002
            sys.setrecursionlimit(limit)
            sys.modules.pop("zzm", None)
            logging.getLogger("zz").setLevel(0)
            gc.enable()


def same(a: Any, b: Any) -> bool:
    """Say whether two results are the same, types and shapes included."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and same(list(a.values()), list(b.values()))
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, str | type(None)):
        return a == b
    x, y = np.asarray(a), np.asarray(b)
    return (x.shape, x.dtype) == (y.shape, y.dtype) and np.allclose(
        x, y, rtol=1e-12, atol=1e-12, equal_nan=True
    )


def outcome(f: Any, *args: Any) -> Any:
    try:
        return f(*args)
    except Exception as error:
        return type(error).__name__


def told(text: str, change: str, way: Any, wrap: Any) -> tuple[list[Any], list[str]]:
    """Run a program from its beginning: three calls, a change, two calls."""
    space = hostile.space()
    with put_back():
        exec(compile(text, "/hostile.py", "exec"), space)
        f = wrap(way(space["f"]))
        x = np.array([1.0, 2.0, 0.5, 3.0])
        found = [outcome(f, x) for _ in range(3)]
        exec(change, space)
        found += [outcome(f, x), outcome(f, 2 * x), outcome(f, x)]
        return found, [f.report()] if wrap is cr.jit else []


@pytest.mark.seeds(12, 60)
def test_what_changes_outside(block: int) -> None:
    for seed in range(block * COUNT, (block + 1) * COUNT):
        text, change = hostile.program(seed)
        way = WAYS[seed % len(WAYS)]
        want, _ = told(text, change, way, lambda f: f)
        got, report = told(text, change, way, cr.jit)
        assert same(got, want), (seed, text, change, want, got, report)


@pytest.mark.parametrize("name", hostile.CALLS)
def test_arguments_results_and_types(name: str) -> None:
    text, given = hostile.CALLS[name]
    found = []
    for wrap in (lambda f: f, cr.jit):
        space, seen = hostile.space(), []
        exec(text, space)
        f = wrap(space["f"])
        argument = eval(given, space)
        for x in hostile.POINTS:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                result = outcome(f, argument, x)
            seen.append(repr((result, argument, x)))
            for part in result if isinstance(result, tuple | list) else (result,):
                if isinstance(part, np.ndarray) and part.dtype == float and part.flags.writeable:
                    part += 1.0  # whoever holds the same memory sees it
                elif isinstance(part, list):
                    part.append(1.0)
            seen.append(repr((result, argument, {k: v for k, v in space.items() if k in "CGn"})))
        found.append(seen)
    for plain, ours in zip(*found, strict=True):
        assert plain == ours, (text, ours)
