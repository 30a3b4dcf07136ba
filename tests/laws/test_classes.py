"""Law: what a traced call returns has the classes of what a plain call returns.

A program asks ``type(y)``, ``isinstance(y, float)``, or prints ``repr(y)``: Python's numbers stay
Python's and NumPy's stay NumPy's, in tuples and in the results of solvers, too. The calls are the
samples of all records, and the lines of `returns.txt`; each is also made with Python's numbers.
"""

import cmath  # noqa: F401
import contextlib
import fractions  # noqa: F401
import functools  # noqa: F401
import math  # noqa: F401
import operator  # noqa: F401
import statistics  # noqa: F401
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy
from scipy.spatial import ConvexHull, distance  # noqa: F401

from chainrule import jit, jvp, vjp
from chainrule.errors import ChainRuleError

from .registry import QUIET, calls, every_record

pytestmark = QUIET

globals().update({name: getattr(scipy, name) for name in (
    "cluster fft integrate interpolate linalg ndimage optimize signal sparse spatial special stats"
).split()})  # fmt: skip
CALLS = Path(__file__).with_name("returns.txt").read_text().splitlines()
GIVEN = {
    "s": 4.25, "n": np.float64(1.3), "x": np.array([1.3, 2.6, 3.1]),
    "A": np.array([[2.0, 0.3, 0.1], [0.2, 3.0, 0.4], [0.1, 0.5, 4.0]]),
    "z": 1.5 + 2j, "zn": np.complex128(1.5 + 2j),
}  # fmt: skip


def classes(value, depth=3):
    """Return the class of a value, and the classes of its parts."""
    kind, parts = value.__class__, ()
    if depth and issubclass(kind, dict):
        parts = tuple((k, classes(v, depth - 1)) for k, v in value.items())
    elif depth and issubclass(kind, tuple | list):
        parts = tuple(classes(v, depth - 1) for v in value)
    elif depth and hasattr(value, "__dict__") and not kind.__module__.startswith("scipy.spatial"):
        shown = (k for k in vars(value) if not k.startswith("_"))
        parts = tuple((k, classes(vars(value)[k], depth - 1)) for k in shown)
    return (value, *parts) if kind is str else (kind.__name__, *parts)


def _total(value):
    parts = value if isinstance(value, tuple | list) else (value,)
    return sum((np.sum(np.real(p) * 1.0) for p in parts
                if hasattr(p, "dtype") and p.dtype.kind in "fc"), 0.0)  # fmt: skip


def differs(function, xs, derivative=vjp):
    """Return the classes of a plain call and of a traced one, where they differ."""
    seen = []

    def keep(*xs):
        found = function(*xs)
        seen.append(classes(found))
        return _total(found)

    try:
        keep(*xs)
    except Exception:  # a wrong call
        return None
    with contextlib.suppress(ChainRuleError, np.linalg.LinAlgError):
        derivative(keep, xs)
    return seen[:2] if len(seen) > 1 and seen[1] != seen[0] else None


def _by_vjp(f, xs):
    return vjp(f, *xs)


def _by_jvp(f, xs):
    return jvp(f, xs, xs)


def _by_jit(f, xs):
    return jit(f)(*xs)


@every_record
def test_samples(record):
    if record.function is None:
        pytest.skip("no function that a program calls")
    for case in calls(record):
        python = replace(
            case, xs=tuple(x.item() if isinstance(x, np.generic) else x for x in case.xs)
        )
        for c in (case, python):
            found = differs(c.result, c.xs, _by_vjp)
            assert not found, f"{case.name} of {c.xs}: {found}"


@pytest.mark.parametrize("derivative", [_by_vjp, _by_jvp, _by_jit])
@pytest.mark.parametrize("call", CALLS)
def test_calls(call, derivative):
    exec(f"def called({', '.join(GIVEN)}):\n    return {call}\n", globals())
    found = differs(globals()["called"], tuple(GIVEN.values()), derivative)
    assert not found, f"{found[0]} plainly, {found[1]} traced"
