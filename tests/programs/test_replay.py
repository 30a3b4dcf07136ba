"""Recordings that run again: the same bits as without them, or the call is made without one.

Random programs that branch, loop, convert and store are run at points near and far, again after
something that they read was changed; so are the everyday programs, and those of stores.
"""

import contextlib
import io
import random
import warnings
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from tests.everyday.collect import Program, programs
from tests.everyday.points import leaves, rebuild

from . import branching, counting, storing

COUNT = 12  # programs in a block
# Two implementations of one function differ in the last bits: `x ** y` of two numbers and
# `np.power`, sums in another order. Replays run those of the tape; so few programs may differ so.
LAST_BITS = 1e-12


def outcome(f: Any, x: Any) -> tuple[Any, str]:
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return f(x), ""
    except Exception as error:
        return None, type(error).__name__


def flat(value: Any) -> list[Any]:
    return [np.asarray(v) for v in leaves(value)]


def agree(want: Any, got: Any, where: Any) -> bool:
    """Say whether two outcomes agree bit for bit; raise if they do not within the last bits."""
    assert got[1] == want[1], where
    if want[1]:
        return True
    ours, plain = flat(got[0]), flat(want[0])
    for a, b in zip(ours, plain, strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype), where
        scale = max(1.0, float(np.max(np.abs(b), initial=0.0, where=np.isfinite(b))))
        np.testing.assert_allclose(a, b, rtol=LAST_BITS, atol=LAST_BITS * scale, err_msg=str(where))
    return all(np.array_equal(a, b, equal_nan=True) for a, b in zip(ours, plain, strict=True))


@pytest.mark.seeds(10, 1700)
def test_branches_loops_and_changes(block: int) -> None:
    replayed = same = able = 0
    for seed in range(block * COUNT, (block + 1) * COUNT):
        f, space, text = branching.program(seed)
        able += "try:" not in text  # what raises decides otherwise: it goes on eagerly
        plain = cr.value_and_grad(f)
        fast = cr.jit(plain)
        points = branching.points(seed, 7)
        for _ in range(2):
            for x in points + points[:3]:
                same += agree(outcome(plain, x), outcome(fast, x), (seed, x, text))
            exec(random.Random(seed).choice(branching.CHANGES), space)
            replayed += sum(p.runs for known in fast.paths.values() for p in known)
    assert same >= 0.97 * 20 * COUNT
    assert replayed >= 18 * able, "most calls run without the program"


@pytest.mark.seeds(4, 400)
def test_stores(block: int) -> None:
    replayed = 0
    for seed in range(block * COUNT, (block + 1) * COUNT):
        maker = storing.Maker(seed)
        maker.make((4, 8, 14, 20)[seed % 4])
        text = storing.text(maker.lines, refused=False).replace("seen[:] = arrays", "pass")
        space = {"np": np, "PLAIN": storing.PLAIN.copy(), "__name__": "p", "__file__": "/p.py"}
        exec(compile(text, f"/p{seed}.py", "exec"), space)
        plain: Any = cr.value_and_grad(space["f"])
        fast = cr.jit(plain)
        x = np.random.default_rng(seed).uniform(-1, 1, maker.shape)
        for point in (x, x * 1.01, x + 0.1, x * 0.5):
            agree(outcome(plain, point), outcome(fast, point), (seed, text))
        replayed += sum(p.runs for known in fast.paths.values() for p in known)
    assert replayed >= COUNT


def moved(point: Any, k: int) -> Any:
    """Move every number a little, further with `k`."""
    return rebuild(point, [
        v if type(v) is int else np.asarray(v, float) * (1 + 0.001 * k) + 0.0007 * k
        if np.ndim(v) else float(v) * (1 + 0.001 * k) + 0.0007 * k
        for v in leaves(point)
    ])  # fmt: skip


@pytest.mark.seeds(30, 400)
def test_everyday(seed: int) -> None:
    """A few programs by default, all of them with ``--fuzz``."""
    known = list(programs().values())
    program: Program = known[seed * 137 % len(known)]
    f, point = program.function, program.points[0]
    scalar = np.ndim(outcome(f, point)[0]) == 0
    plain = cr.value_and_grad(f) if scalar else cr.jacobian(f)
    fast = cr.jit(plain)
    for k in range(5):
        agree(outcome(plain, moved(point, k)), outcome(fast, moved(point, k)), program.name)


@pytest.mark.parametrize("name", counting.COUNTING)
def test_what_is_counted_by_values(name: str) -> None:
    f = counting.COUNTING[name]

    def value(x: Any) -> Any:
        return np.asarray(f(x), float)

    for plain in (cr.value_and_grad(f), value):
        fast = cr.jit(plain)
        for k, x in enumerate(counting.points(12)):
            agree(outcome(plain, x), outcome(fast, x), (name, k, x))
