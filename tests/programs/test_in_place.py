"""Programs that store in place: their aliasing is NumPy's, and their derivative is right.

Random programs run three times: on plain arrays (the value), on traced arrays (the value must be
the same, and so must every variable), and on complex arrays (the complex step gives the derivative
to the last digits, because the programs are analytic).
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq

import chainrule as cr
from chainrule.errors import LostDerivativeError
from chainrule.lift import record
from chainrule.numeric import complex_step
from chainrule.tracing.tracer import concrete

SLICES = (
    (slice(None),), (0,), (-1,), (slice(1, None),), (slice(None, -1),), (slice(None, None, -1),),
    (slice(None, None, 2),), (..., 0), (..., slice(None, 2)), (slice(None), 1), (None,), (...,),
)  # fmt: skip
ARRAYS = (
    lambda a: a > 0, lambda a: np.arange(a.shape[0]) % 2 == 0, lambda a: [0, -1],
    lambda a: np.array([0, 0]), lambda a: (np.array([0]), ...),
)  # fmt: skip


def real(a):
    """Return a condition's operand: the real part, which is what the plain program compares."""
    return np.real(concrete(a))


def view(pool, i, j, k, c):
    pool.append(pool[i][SLICES[k % len(SLICES)]])


def transposed(pool, i, j, k, c):
    pool.append(pool[i].T)


def flattened(pool, i, j, k, c):
    pool.append(pool[i].reshape(-1) if k % 2 else pool[i].ravel())


def copied(pool, i, j, k, c):
    pool.append(pool[i].copy())


def computed(pool, i, j, k, c):
    pool.append(np.sin(pool[i]) * c + np.sum(pool[j]) * 0.1)


def renamed(pool, i, j, k, c):
    pool.append(pool[i])


def stored(pool, i, j, k, c):
    pool[i][SLICES[k % len(SLICES)]] = np.sum(pool[j] * pool[j]) * 0.1 + c


def stored_array(pool, i, j, k, c):
    part = pool[i][SLICES[k % len(SLICES)]]
    pool[i][SLICES[k % len(SLICES)]] = part * pool[j].reshape(-1)[0] + c


def stored_overlapping(pool, i, j, k, c):
    a = pool[i]
    if a.ndim and a.shape[0] > 1:
        a[1:] = a[:-1]


def swapped(pool, i, j, k, c):
    a = pool[i]
    if a.ndim and a.shape[0] > 1:
        a[0], a[-1] = a[-1], a[0]


def stored_by_array(pool, i, j, k, c):
    a = pool[i]
    if a.ndim and a.size:
        a[ARRAYS[k % len(ARRAYS)](real(a))] = np.sum(pool[j]) * 0.2 + c


def augmented_by_array(pool, i, j, k, c):
    a = pool[i]
    if a.ndim and a.size:
        a[ARRAYS[k % len(ARRAYS)](real(a))] *= c + np.sum(pool[j]) * 0.01


def augmented(pool, i, j, k, c):
    a = pool[i]
    if a.ndim == 0:
        return
    if k % 3 == 0:
        a += np.sum(pool[j]) * c
    elif k % 3 == 1:
        a *= np.cos(np.sum(pool[j]))
    else:
        a[SLICES[k % len(SLICES)]] -= c * a[SLICES[k % len(SLICES)]] * np.sum(pool[j])


def written_out(pool, i, j, k, c):
    a = pool[i]
    if a.ndim:
        np.multiply(np.sin(a), c, out=a)


def masked_out(pool, i, j, k, c):
    a = pool[i]
    if a.ndim:
        np.add(a, np.sum(pool[j]) * 0.1, out=a, where=real(a) > 0)


def filled(pool, i, j, k, c):
    a = pool[i]
    if a.ndim:
        a.fill(np.sum(pool[j]) * 0.1)


def added_at(pool, i, j, k, c):
    a = pool[i]
    if a.ndim and a.shape[0]:
        np.add.at(a, [0, -1, 0], np.sum(pool[j]) * 0.1 * c)


STEPS = (
    view, transposed, flattened, copied, computed, renamed, stored, stored_array,
    stored_overlapping, swapped, stored_by_array, augmented_by_array, augmented, written_out,
    masked_out, filled, added_at,
)  # fmt: skip
PROGRAMS = st.lists(
    st.tuples(
        st.sampled_from(STEPS), st.integers(0, 50), st.integers(0, 50), st.integers(0, 59),
        st.sampled_from([0.5, -0.7, 1.3]),
    ),
    min_size=1, max_size=14,
)  # fmt: skip


def run(program, x):
    """Run a program on an array; return all its variables. A step NumPy refuses is passed over."""
    pool = [x * 1.0, np.sin(x)]
    for step, i, j, k, c in program:
        try:
            step(pool, i % len(pool), j % len(pool), k, c)
        except (IndexError, ValueError, TypeError) as error:
            if isinstance(error, cr.ChainRuleError):
                raise
    return pool


def total(pool):
    return sum(np.sum(np.sin(a) * (n + 1)) for n, a in enumerate(pool))


@given(PROGRAMS, st.sampled_from([(3,), (2, 3), (3, 3)]), st.integers(0, 3))
def test_random_programs(program, shape, seed):
    rng = np.random.default_rng(seed)
    x, v = rng.uniform(-1, 1, shape), rng.uniform(-1, 1, shape)
    with np.errstate(all="ignore"):
        plain = run(program, x)
        want = float(complex_step(lambda x: (total(run(program, x)),), [x], [v])[0])
    seen = []

    def f(x):
        seen[:] = pool = run(program, x)
        return total(pool)

    for mode in (
        lambda: cr.jvp(f, (x,), (v,))[1],
        lambda: np.sum(cr.grad(f)(x) * v),
    ):
        got = mode()
        for name, (a, b) in enumerate(zip(plain, seen, strict=True)):
            b = concrete(b)
            assert np.shape(a) == np.shape(b)
            assert np.allclose(a, b, rtol=1e-13, atol=1e-13), (name, a, b)
        assert abs(got - want) <= 1e-9 * max(1.0, abs(want)), (got, want)


def test_a_view_follows_its_base_and_the_base_its_views():
    def f(x):
        y = x * 1.0
        a, b = y[1:], y[::2]
        flat = y.reshape(-1)
        a *= 2
        b[1] = x[0] * 10
        assert [float(concrete(v)) for v in flat] == [1.0, 4.0, 10.0, 8.0]
        return np.sum(flat * np.array([1.0, 10.0, 100.0, 1000.0]))

    assert cr.grad(f)(np.array([1.0, 2.0, 3.0, 4.0])).tolist() == [1001.0, 20.0, 0.0, 2000.0]


NUMBERS = {
    "array": lambda x: np.array(x[0]), "asarray": lambda x: np.asarray(x[0], float),
    "copy": lambda x: np.copy(x[0]), "its own copy": lambda x: x[0].copy(),
    "median": np.median, "quantile": lambda x: np.quantile(x, 0.3), "0-d": lambda x: x.sum(),
    "nanpercentile": lambda x: np.nanpercentile(x, 30), "real": lambda x: np.real_if_close(x[0]),
    "nan_to_num": lambda x: np.nan_to_num(np.array(x[0])), "i0": lambda x: np.i0(x[0]),
}  # fmt: skip


@pytest.mark.parametrize("name", NUMBERS)
def test_a_second_name_sees_a_store_into_an_array_and_not_into_a_number(name):
    """What is `+=`, a store or a new value, hangs on the class of what a function returns."""

    def f(x):
        m = NUMBERS[name](x)
        n = m
        m += x[1]
        return n * m

    x = np.array([0.7, 1.9, 1.2])
    value, gradient = cr.value_and_grad(f)(x)
    assert value == f(x)
    assert np.allclose(gradient, differences(f, x), rtol=1e-7)


def test_a_copy_does_not_follow():
    def f(x):
        y = x * 1.0
        z = y.copy()
        y[:] = 0
        return np.sum(z)

    assert cr.grad(f)(np.ones(3)).tolist() == [1.0, 1.0, 1.0]


def test_an_earlier_reader_keeps_what_it_read():
    def f(x):
        y = x * 1.0
        square = y * y
        y[...] = 5.0
        return np.sum(square) + np.sum(y * y)

    assert cr.grad(f)(np.array([1.0, 2.0])).tolist() == [2.0, 4.0]


def test_the_sieve_of_cumulative_products_in_place():
    def f(x):
        y = x.copy()
        for i in range(1, len(y)):
            y[i] *= y[i - 1]
        return y[-1]

    x = np.array([2.0, 3.0, 4.0])
    assert cr.grad(f)(x).tolist() == [12.0, 8.0, 6.0]
    assert cr.hessian(f)(x).tolist() == [[0, 4, 3], [4, 0, 2], [3, 2, 0]]


def test_gaussian_elimination_in_place():
    def solve(a, b):
        a, b = a.copy(), b.copy()
        n = len(b)
        for k in range(n):
            pivot = k + int(np.argmax(np.abs(a[k:, k])))
            if pivot != k:
                a[[k, pivot]] = a[[pivot, k]]
                b[[k, pivot]] = b[[pivot, k]]
            for i in range(k + 1, n):
                factor = a[i, k] / a[k, k]
                a[i, k:] -= factor * a[k, k:]
                b[i] -= factor * b[k]
        for k in reversed(range(n)):
            b[k] = (b[k] - a[k, k + 1 :] @ b[k + 1 :]) / a[k, k]
        return b

    rng = np.random.default_rng(2)
    a, b = rng.standard_normal((4, 4)), rng.standard_normal(4)
    assert np.allclose(solve(a, b), np.linalg.solve(a, b))
    mine = cr.jacobian(solve, argnums=(0, 1))(a, b)
    theirs = cr.jacobian(np.linalg.solve, argnums=(0, 1))(a, b)
    for m, t in zip(mine, theirs, strict=True):
        assert np.allclose(m, t, rtol=1e-10, atol=1e-11)


def test_a_store_into_a_broadcast_view_is_refused():
    with pytest.raises(ValueError, match="read-only"):
        cr.grad(lambda x: np.sum(_poke(np.broadcast_to(x, (2, 3)))))(np.ones(3))


def _poke(a):
    a[0] = 1.0
    return a


# --- views that are kept --------------------------------------------------------------------------


def rows(x, n):
    table = np.zeros((n, 3))
    kept = [table[i] for i in range(n)]
    for i in range(n):
        kept[i][:] = x * i
        kept[i] += x[0]
    return np.sum(table**2)


def particles(x, n):
    places, speeds = np.zeros((n, 3)), np.ones((n, 3)) * x
    swarm = [(places[i], speeds[i]) for i in range(n)]
    for place, speed in swarm:
        place += 0.1 * speed
        speed -= place * x[1]
    return np.sum(places * speeds)


def slices(x, n):
    y, kept = np.zeros(n + 1), []
    y[0] = x[0]
    for i in range(n):
        y[i + 1] = 0.9 * y[i] + x[1]
        kept.append(y[i : i + 2])
    return y[-1] + sum(kept[k].sum() for k in (0, n // 2))


def views_of_views(x, n):
    table = np.zeros((n, 2, 3))
    kept = [table[i] for i in range(n)]
    inner = [block.T for block in kept]
    for i in range(n):
        inner[i][:, 0] = x * i
        kept[i][1] += inner[i][0, 0]
    return np.sum(np.sin(table))


@pytest.mark.parametrize("program", [rows, particles, slices, views_of_views])
def test_a_store_costs_the_same_however_many_views_are_kept(program):
    x = np.array([0.3, -0.4, 0.8])

    def recorded(n):
        return len(record(program, (x, n), {}, 0)[1].nodes)

    assert recorded(40) < 2.2 * recorded(20)
    slope = differences(lambda x: program(x, 7), x)
    assert np.allclose(cr.grad(lambda x: program(x, 7))(x), slope, rtol=1e-6, atol=1e-7)


def differences(f, x):
    h = 1e-6
    return np.array([(f(x + h * e) - f(x - h * e)) / (2 * h) for e in np.eye(x.size)])


def test_a_view_that_is_out_of_date_is_taken_anew_inside_a_solver():
    def f(x):
        table = np.zeros((2, 2))
        row = table[0]
        table[...] = x
        return brentq(lambda z: z**3 - row[0] * 2 - row[1], 0.0, 5.0)

    x = np.array([[1.0, 2.0], [0.0, 0.0]])
    slope = 1 / (3 * f(x) ** 2)
    assert np.allclose(cr.grad(f)(x), [[2 * slope, slope], [0, 0]])


def test_a_view_is_looked_at_after_the_call():
    kept = []

    def f(x):
        y = x * 1.0
        kept.append(y[:2])
        y[0] = x[1] ** 2
        return y.sum()

    cr.grad(f)(np.array([3.0, 5.0, 7.0]))
    assert np.array_equal(concrete(kept[0]), [25.0, 5.0])


ROWS, RIGHT_SIDE = np.arange(9.0).reshape(3, 3) + 5 * np.eye(3), np.arange(3.0)


def _residual(x):
    r = RIGHT_SIDE.copy()
    r -= ROWS[:, 1] * x
    r *= x
    return np.sum(r**2)


def _wave(x):
    s = np.sin(RIGHT_SIDE)
    for k in range(2):
        s += x * k
    s /= x
    return np.sum(s**2)


def _single(x):
    s = RIGHT_SIDE.astype(np.float32)
    s += x
    assert s.dtype == np.float32
    return float(np.sum(s))


@pytest.mark.parametrize("f", [_residual, _wave, _single])
def test_a_local_array_that_nobody_else_holds_is_changed_in_place(f):
    h = 1e-6 if f is not _single else 1e-2
    want = (f(0.7 + h) - f(0.7 - h)) / (2 * h)
    np.testing.assert_allclose(cr.grad(f)(0.7), want, rtol=1e-3 if f is _single else 1e-8)
    np.testing.assert_allclose(cr.jvp(f, (0.7,), (1.0,))[1], cr.grad(f)(0.7), rtol=1e-12)
    np.testing.assert_array_equal(RIGHT_SIDE, np.arange(3.0))


def test_what_somebody_else_can_see_is_refused():
    kept = []

    def by_name(x):
        r = RIGHT_SIDE.copy()
        q = r
        r -= x
        return np.sum(q)

    def by_view(x):
        r = RIGHT_SIDE.copy()
        q = r[1:]
        r -= x
        return np.sum(q)

    def by_list(x):
        r = RIGHT_SIDE.copy()
        kept.append(r)
        r -= x
        return np.sum(kept[-1])

    def by_argument(x):
        def change(r):
            r -= x

        r = RIGHT_SIDE.copy()
        change(r)
        return np.sum(r)

    for f in (by_name, by_view, by_list, by_argument):
        try:
            found = cr.grad(f)(0.7)
        except LostDerivativeError:
            continue
        np.testing.assert_allclose(found, -3.0 if f is not by_view else -2.0)

    def shape(x):
        r = np.ones(3)
        r += x * np.ones((2, 3))
        return np.sum(r)

    with pytest.raises(ValueError):  # noqa: PT011  NumPy's own, in words that its versions change
        cr.grad(shape)(0.7)


VIEWS = {
    "np.from_dlpack": lambda y: np.from_dlpack(y),
    "a buffer": lambda y: np.ndarray(3, float, buffer=y.data),
    "a masked array": lambda y: np.ma.array(y, copy=False),
    "a matrix": lambda y: np.asmatrix(y),
    "strides": lambda y: np.lib.stride_tricks.as_strided(y, (2, 2), (8, 8)),
}


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
@pytest.mark.parametrize("name", VIEWS)
def test_memory_that_other_code_holds_is_not_written_past_it(name):
    def f(x):
        y = np.zeros(3)
        seen = VIEWS[name](y)
        y[:] = x
        return np.sum(np.asarray(seen) ** 2)

    with pytest.raises(LostDerivativeError, match="other code holds the memory"):
        cr.grad(f)(np.arange(1.0, 4.0))

    def after(x):
        y = np.zeros(3)
        VIEWS[name](y)  # nobody keeps it
        y[:] = x
        return np.sum(y**2)

    np.testing.assert_allclose(cr.grad(after)(np.arange(1.0, 4.0)), 2 * np.arange(1.0, 4.0))


def test_what_an_iterator_goes_over_is_the_array_itself():
    def f(x):
        y = np.zeros(3)
        seen = np.nditer(y).operands[0]
        y[:] = x
        return np.sum(np.asarray(seen) ** 2)

    np.testing.assert_array_equal(cr.grad(f)(np.arange(1.0, 4.0)), 2 * np.arange(1.0, 4.0))
