"""Random programs of everyday functions: value, first and second derivative, in every mode.

The programs are analytic, so the complex step tells the derivative to the last digits.
"""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import chainrule as cr
from chainrule.numeric import complex_step
from chainrule.testing.higher import MODES
from chainrule.tracing.tracer import concrete

UNARY = (
    np.sin, np.cos, np.tanh, np.exp, np.square, np.negative, lambda a: np.sqrt(1 + a * a),
    lambda a: np.log(2 + a * a), lambda a: 1 / (1 + a * a), lambda a: a**3, lambda a: a.T,
    lambda a: np.cumsum(a, axis=-1) if a.ndim else a, lambda a: a[..., ::-1] if a.ndim else a,
    lambda a: np.reshape(a, -1), lambda a: np.expand_dims(a, 0), np.squeeze,
    lambda a: np.concatenate([a, 2 * a], axis=0) if a.ndim else a, np.copy, np.ravel,
    lambda a: np.where(np.real(concrete(a)) > 0, a, a * a), lambda a: a[0] if a.ndim else a,
    lambda a: np.pad(a, 1) if 0 < a.ndim < 3 else a, lambda a: np.roll(a, 1), np.atleast_1d,
    lambda a: np.flip(a), lambda a: np.repeat(a, 2, axis=0) if a.ndim else a,
)  # fmt: skip
REDUCING = (
    np.sum, np.mean, np.prod, lambda a: np.sum(a, axis=0) if a.ndim else a,
    lambda a: np.mean(a, axis=-1, keepdims=True) if a.ndim else a,
    lambda a: np.mean((a - np.mean(a)) ** 2), lambda a: np.trace(a) if a.ndim == 2 else np.sum(a),
)  # fmt: skip
BINARY = (
    np.add, np.subtract, np.multiply, lambda a, b: a / (1 + b * b), np.matmul, np.dot, np.outer,
    lambda a, b: np.einsum("i,i->", np.ravel(a)[:2], np.ravel(b)[:2]),
    lambda a, b: np.stack([a, b]), lambda a, b: np.tensordot(a, b, axes=0),
)  # fmt: skip
STEP = st.tuples(st.sampled_from("uurbb"), st.integers(0, 99), st.integers(0, 9), st.integers(0, 9))
PROGRAM = st.lists(STEP, min_size=1, max_size=10)


def run(program, x, y):
    """Run a program; a step whose shapes NumPy refuses, or that grows too large, is passed over."""
    pool = [x, y]
    for kind, number, i, j in program:
        a, b = pool[-1 - i % len(pool)], pool[-1 - j % len(pool)]
        table = {"u": UNARY, "r": REDUCING, "b": BINARY}[kind]
        f = table[number % len(table)]
        try:
            made = f(a, b) if kind == "b" else f(a)
        except (ValueError, IndexError) as error:
            if isinstance(error, cr.ChainRuleError):
                raise
            continue
        if made.size <= 64 and made.ndim <= 4:
            pool.append(np.tanh(made) if number % 2 else made)
    return sum(np.sum(np.sin(a)) for a in pool[2:]) + np.sum(x * 0.0)


@given(PROGRAM, st.sampled_from([((), (2,)), ((3,), (3,)), ((2, 3), (3, 2)), ((2, 2), (2,))]),
       st.integers(0, 3))  # fmt: skip
def test_first_and_second_derivatives(program, shapes, seed):
    rng = np.random.default_rng(seed)
    xs = [rng.uniform(-0.8, 0.8, s)[()] for s in shapes]
    vs = [rng.uniform(-1, 1, s)[()] for s in shapes]
    f = lambda x, y: run(program, x, y)  # noqa: E731
    with np.errstate(all="ignore"):
        want = float(complex_step(lambda *a: (f(*a),), xs, vs)[0])
        value, slope = cr.jvp(f, tuple(xs), tuple(vs))
        assert value == f(*xs)
        if not np.isfinite(want) or abs(want) > 1e6:
            return
        gradient = cr.grad(f, argnums=(0, 1))(*xs)
        reverse = sum(np.sum(g * v) for g, v in zip(gradient, vs, strict=True))
        scale = max(1.0, abs(want))
        assert abs(slope - want) <= 1e-10 * scale
        assert abs(reverse - want) <= 1e-10 * scale
        second = []
        for outer, inner in itertools.product("fr", repeat=2):
            second.append(float(MODES[outer](MODES[inner](f, vs), vs)(*xs)))
        scale = max(1.0, *map(abs, second))
        assert max(second) - min(second) <= 1e-9 * scale, second
