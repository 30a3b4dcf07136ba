"""The third door against bad input, and plain NumPy intact after everything.

Unsupported functions, compiled code, pickles, leaks, the caller's arrays, threads, generators and
callbacks: each is handled, or refused with the cure. Whatever happens, every attribute of NumPy,
SciPy, `math` and the program's own modules is the same object afterwards.
"""

import asyncio
import collections
import copy
import ctypes
import functools
import gc
import math
import pickle
import signal
import struct
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from math import exp
from multiprocessing.pool import ThreadPool
from typing import Any

import numpy as np
import pytest
import scipy.integrate
import scipy.linalg
import scipy.optimize
import scipy.special
from numpy import array, zeros
from scipy.special import logsumexp

import chainrule as cr
from chainrule.errors import (
    BatchError,
    ChainRuleError,
    LeakedTracerError,
    LostDerivativeError,
    OutputTypeError,
)
from chainrule.tracing import names

from .common import clean, reads_well, refuse
from .intact import Interrupt, changes, left_open, snapshot

X = np.array([0.7, 1.3, 0.4])


def filled(x: Any) -> Any:
    """A function that needs every kind of door."""
    y = zeros(3)
    for i in range(3):
        y[i] = exp(math.sin(float(x[i])))
    return array([y[0], y[1]]).sum() * y[2] + logsumexp(x) + np.float64(x[2])


def slopes(f: Callable[[Any], Any], at: Any = X) -> Any:
    h = 1e-6
    rows = np.eye(len(at)) * h
    return np.array([(f(at + e) - f(at - e)) / (2 * h) for e in rows])


def solved(x: Any) -> Any:
    return scipy.optimize.brentq(lambda t: t**3 + t - math.exp(x[0]), -5, 5) * x[1]


def integrated(x: Any) -> Any:
    return scipy.integrate.quad(lambda t: math.exp(-x[0] * t * t), 0, 1)[0] + float(x[1])


def enclosed() -> Callable[[Any], Any]:
    from numpy import ones

    def f(x: Any) -> Any:
        from math import cos

        y = ones(3)
        y[0] = cos(x[0])
        return y.sum()

    return f


def multiplied(f: Any, g: Any) -> Callable[[Any], Any]:
    return lambda x: f(x) * g(x)


closure = enclosed()
WAYS: dict[str, Callable[[Any], Any]] = {
    "grad": lambda f: cr.grad(f)(X),
    "jvp": lambda f: cr.jvp(f, (X,), (X,)),
    "vjp": lambda f: cr.vjp(f, X)[1](1.0),
    "nested": lambda f: cr.hvp(f, X, X),
    "grad of grad": lambda f: cr.grad(lambda x: np.sum(cr.grad(f)(x)))(X),
    "vmap": lambda f: cr.vmap(f)(np.stack([X, X * 2])),
    "vmap of grad": lambda f: cr.vmap(cr.grad(f))(np.stack([X, X * 2])),
    "solver": lambda f: cr.grad(lambda x: f(x) * solved(x))(X),
    "integral": lambda f: cr.grad(lambda x: f(x) * integrated(x))(X),
    "closure": lambda f: cr.grad(multiplied(f, closure))(X),
}


# --- plain NumPy is intact ----------------------------------------------------------------------


def intact(run: Callable[[], Any]) -> Any:
    """Run, and check that nothing is left changed; return what was raised or returned."""
    before = snapshot(globals(), {"closure": closure})
    try:
        result = run()
    except BaseException as error:
        result = error
    assert not left_open()
    after = snapshot(globals(), {"closure": closure})
    assert not changes(before, after)
    return result


@pytest.fixture(scope="module", autouse=True)
def _warm() -> None:
    for way in WAYS.values():  # SciPy loads some of its modules when they are first used
        way(filled)


@pytest.mark.parametrize("way", WAYS)
def test_after_an_ordinary_return(way: str) -> None:
    result = intact(lambda: WAYS[way](filled))
    assert not isinstance(result, BaseException)


class OwnError(BaseException):
    """Not even an `Exception`."""


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, GeneratorExit, OwnError])
@pytest.mark.parametrize("way", WAYS)
def test_after_an_exception(way: str, error: type[BaseException]) -> None:
    def f(x: Any) -> Any:
        if filled(x) > -100:
            raise error
        return x.sum()

    assert type(intact(lambda: WAYS[way](f))) is error
    clean()


@functools.cache
def engine(file: str) -> bool:
    tracing = "/tracing/" in file.replace("\\", "/")
    return file == __file__ or ("chainrule" in file and (tracing or file.endswith("lift.py")))


INTERRUPTED = ("grad", "grad of grad", "vmap of grad", "solver", "closure")


@pytest.mark.seeds(1, 30)
@pytest.mark.parametrize("way", INTERRUPTED)
def test_after_an_interrupt_anywhere(way: str, seed: int) -> None:
    """Ctrl-C in the function, and while the doors open and close."""
    run, count = WAYS[way], 3
    whole = Interrupt(-1, engine)
    whole.during(lambda: run(filled))
    rng = np.random.default_rng([len(way), seed])
    picks = {2, whole.count - 1, *rng.integers(1, whole.count, count).tolist()}
    picks |= {whole.count - int(k) for k in rng.integers(2, 60, count)}
    for at in sorted(k for k in picks if k > 0):
        stop = Interrupt(at, engine)
        result = intact(lambda stop=stop: stop.during(lambda: run(filled)))
        assert type(result) is KeyboardInterrupt or not stop.place, stop.place
    clean()
    assert np.allclose(cr.grad(filled)(X), slopes(filled), rtol=1e-7)


def exchanging(file: str) -> bool:
    return file.endswith(("names.py", "interpose.py")) and engine(file)


@pytest.mark.parametrize("way", ["grad", "solver"])
def test_a_derivative_at_any_place_of_another(way: str, request: Any) -> None:
    """A signal handler differentiates while the names of the program are exchanged."""
    run, seen = WAYS[way], []
    names._scans.pop(id(globals()), None)
    whole = Interrupt(-1, exchanging)
    want = whole.during(lambda: run(filled))
    many = whole.count if request.config.getoption("--fuzz") else 60
    picks = np.random.default_rng(len(way)).permutation(np.arange(1, whole.count))[:many]

    def anew() -> None:
        names._scans.pop(id(globals()), None)  # as if it were the first time

    def handle() -> None:
        anew()
        seen.append(cr.grad(filled)(X))

    before = dict(globals())
    for at in picks:
        anew()
        during = Interrupt(int(at), exchanging, handle)
        assert np.array_equal(during.during(lambda: run(filled)), want)
        assert not left_open()
        assert not changes(before, globals()), during.place
    clean()
    assert len(seen) > 40
    assert np.allclose(seen, slopes(filled), rtol=1e-7)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs Unix timers")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # of a weakref
def test_after_real_signals() -> None:
    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, stop)
    stopped = 0
    whole = snapshot(globals())
    try:
        for k in range(60):
            try:
                signal.setitimer(signal.ITIMER_REAL, 1e-4 * (k % 30 + 1))
                for _ in range(100):
                    cr.grad(filled)(X)
            except KeyboardInterrupt:
                stopped += 1
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
            assert not left_open()
    finally:
        signal.signal(signal.SIGALRM, before)
    assert stopped > 30
    np.seterr(**whole["errors"])  # `np.errstate` itself is not safe against signals
    assert not changes(whole, snapshot(globals()))
    clean()


def test_what_the_program_rebinds_stays_rebound() -> None:
    space: dict[str, Any] = {"np": np, "exp": math.exp, "__name__": "__main__"}
    source = "def f(x):\n    global exp\n    exp = abs\n    return np.zeros(3).sum() + x\n"
    exec(source, space)
    assert cr.grad(space["f"])(1.0) == 1.0
    assert space["exp"] is abs
    assert space["np"] is np


def test_a_module_that_comes_amid_a_call_leaves_no_names(monkeypatch: Any) -> None:
    space: dict[str, Any] = {"__name__": "__main__", "cr": cr, "sys": sys, "nothing": None}
    source = (
        "def f(x):\n    sys.modules['arrived'] = type(sys)('arrived')\n"
        "    return cr.grad(lambda t: float(t) * t)(x)\n"
    )
    exec(source, space)
    before = dict(space)
    monkeypatch.setitem(sys.modules, "arrived", None)
    del sys.modules["arrived"]
    assert cr.grad(space["f"])(1.0) == 2.0
    assert not changes(before, space)


def test_an_import_inside_is_given_back() -> None:
    space: dict[str, Any] = {"__name__": "__main__"}
    source = (
        "def f(x):\n    global sqrt, np\n    from math import sqrt\n    import numpy as np\n"
        "    return sqrt(x) + np.zeros(2).sum()\n"
    )
    exec(source, space)
    assert cr.grad(space["f"])(4.0) == 0.25
    assert space["sqrt"] is math.sqrt
    assert space["np"] is np


# --- pickles, copies, leaks ---------------------------------------------------------------------


def test_pickling_a_traced_value() -> None:
    def f(x: Any) -> Any:
        return pickle.loads(pickle.dumps(x * 2)).sum()  # <-

    refuse(lambda: cr.grad(f)(X), LostDerivativeError, TypeError, "pickled", at=f)


@pytest.mark.parametrize("kind", ["list", "dict", "scalar", "deep"])
def test_pickling_what_holds_a_traced_value(kind: str) -> None:
    def f(x: Any) -> Any:
        held = {"list": [1, x], "dict": {"x": x}, "scalar": x[0], "deep": [(x[1],)]}[kind]
        return pickle.loads(pickle.dumps(held))  # <-

    refuse(lambda: cr.grad(f)(X), LostDerivativeError, TypeError, "pickled", at=f)


def test_constants_and_types_may_be_pickled() -> None:
    def f(x: Any) -> Any:
        table = pickle.loads(pickle.dumps(np.arange(3.0)))
        kinds = pickle.loads(pickle.dumps([float, np.float64, complex]))
        counts = pickle.loads(pickle.dumps(collections.defaultdict(float)))
        steps = pickle.loads(pickle.dumps(np.floor(x)))
        assert type(table) is np.ndarray
        assert kinds == [float, np.float64, complex]
        assert counts[0] == 0.0
        return (x * table).sum() + steps.sum()

    assert np.array_equal(cr.grad(f)(X), [0, 1, 2])
    assert intact(lambda: cr.grad(f)(X)) is not None


def test_copies_keep_the_derivative() -> None:
    def f(x: Any) -> Any:
        deep = copy.deepcopy({"x": [x], "z": np.zeros(3)})
        deep["z"][:2] = x[1:] ** 2
        return (deep["x"][0] * copy.copy(x)).sum() + deep["z"].sum()

    assert np.allclose(cr.grad(f)(X), slopes(f), rtol=1e-8)


USES: dict[str, Callable[[Any], Any]] = {
    "add": lambda v: v + 1, "compare": lambda v: v > 0, "sum": lambda v: v.sum(),
    "float": lambda v: float(v[0]), "int": lambda v: int(v), "array": lambda v: np.array(v),
    "list": lambda v: v.tolist(), "iterate": lambda v: list(v), "pickle": pickle.dumps,
    "deepcopy": copy.deepcopy, "hash": hash, "store": lambda v: v.__setitem__(0, 1.0),
    "zeros_like": np.zeros_like, "bytes": bytes, "truth": lambda v: bool(v[0] > 0),
    "transpose": lambda v: v.T, "math": lambda v: math.sin(v[0]), "derivative": cr.grad(np.sum),
    "own derivative": lambda v: cr.grad(lambda x: np.sum(x * v))(X),
}  # fmt: skip


@pytest.mark.parametrize("way", ["grad", "jvp", "vjp", "nested"])
@pytest.mark.parametrize("use", sorted(USES.keys() - {"int", "hash", "own derivative"}))
def test_a_value_that_outlives_its_call_is_what_a_plain_run_leaves(use: str, way: str) -> None:
    kept: list[Any] = []

    def f(x: Any) -> Any:
        kept.append(x * 2.0)
        return filled(x)

    WAYS[way](f)
    left = kept[:]
    f(X)
    assert np.array_equal(USES[use](left[0]), USES[use](kept[-1]))
    assert np.array_equal(left[0], kept[-1])  # after the use, too
    clean()


@pytest.mark.parametrize("use", USES)
def test_a_value_of_a_batch_that_outlives_its_call(use: str) -> None:
    kept: list[Any] = []
    cr.vmap(lambda x: (kept.append(x * 2.0), filled(x))[1])(np.stack([X, X * 2]))
    with pytest.raises((LeakedTracerError, BatchError, TypeError)):
        USES[use](kept[0])
    assert repr(kept[0])
    clean()


@pytest.mark.parametrize("way", ["grad", "jvp", "vjp", "nested"])
@pytest.mark.parametrize("use", USES)
def test_a_value_that_a_later_derivative_finds(use: str, way: str) -> None:
    kept: list[Any] = []

    def f(x: Any) -> Any:
        kept.append(x * 2.0)
        return filled(x)

    WAYS[way](f)
    if use in ("compare", "zeros_like"):  # nothing flows
        assert np.isfinite(cr.grad(lambda x: x * np.sum(USES[use](kept[0])))(1.0))
        return
    with pytest.raises((LeakedTracerError, TypeError)) as caught:
        cr.grad(lambda x: x * np.sum(USES[use](kept[0])))(1.0)
    if use not in ("int", "hash"):
        assert isinstance(caught.value, LeakedTracerError), repr(caught.value)
        reads_well(caught.value)
    assert repr(kept[0])  # to look at it is allowed
    clean()


# --- the caller's arrays ------------------------------------------------------------------------

SHARED = X.copy()


def writes_its_own_input(x: Any) -> Any:
    y = np.sin(SHARED) * x
    SHARED[0] = 5.0
    return (y * x).sum()


@pytest.mark.parametrize("way", ["grad", "value", "vjp", "jvp", "jacfwd", "hessian", "batch"])
def test_an_input_that_is_written_through_another_name(way: str) -> None:
    ways: dict[str, Callable[[], Any]] = {
        "grad": lambda: cr.grad(writes_its_own_input)(SHARED),
        "value": lambda: cr.value_and_grad(writes_its_own_input)(SHARED)[1],
        "vjp": lambda: cr.vjp(writes_its_own_input, SHARED)[1](1.0)[0],
        "jvp": lambda: np.array(
            [(SHARED.__setitem__(..., X), cr.jvp(writes_its_own_input, (SHARED,), (e,)))[1][1]
             for e in np.eye(3)]),
        "jacfwd": lambda: cr.jacfwd(writes_its_own_input)(SHARED),
        "hessian": lambda: cr.hessian(writes_its_own_input)(SHARED).diagonal() * X,
        "batch": lambda: cr.vmap(cr.grad(writes_its_own_input))(SHARED[None])[0],
    }  # fmt: skip
    SHARED[...] = X
    found = ways[way]()
    first = np.array([np.sin(5.0), *np.sin(X[1:])]) if way == "hessian" else np.sin(X)
    assert np.allclose(found, 2 * first * X) or np.allclose(found, 2 * np.sin(X) * X)
    assert SHARED[0] == 5.0


LARGE = np.linspace(0.1, 1.0, 3000)
WRITES: dict[str, Callable[[Any], Any]] = {
    "store": lambda x: LARGE.__setitem__(0, 5.0),
    "output": lambda x: np.add(LARGE, 1.0, LARGE),
    "ufunc": lambda x: np.sin(LARGE, LARGE),
    "method": lambda x: LARGE.sort() or LARGE.fill(2.0),
    "copyto": lambda x: np.copyto(LARGE, 3.0),
    "at": lambda x: np.add.at(LARGE, [0, 0], 1.0),
    "keyword": lambda x: np.cos(LARGE, out=LARGE),
    "several": lambda x: np.exp(*(LARGE, LARGE)),
    "through another": lambda x: writes_large(),
}


def writes_large() -> None:
    LARGE[:3] *= 2.0


@pytest.mark.parametrize("kind", WRITES)
def test_a_large_input_that_is_written_through_another_name(kind: str) -> None:
    write = WRITES[kind]

    def f(x: Any) -> Any:
        y = x * x
        write(x)
        return (y * x).sum()

    def inline(x: Any) -> Any:
        y = x * x
        LARGE[0] = 7.0
        return (y * x).sum()

    start = np.linspace(0.1, 1.0, 3000)
    for g in (f, inline):
        LARGE[...] = start
        assert np.allclose(cr.grad(g)(LARGE), 3 * start**2, rtol=1e-14)
        LARGE[...] = start
        assert np.isclose(cr.jvp(g, (LARGE,), (start,))[1], np.sum(3 * start**3), rtol=1e-12)


def test_an_input_that_is_written_after_the_call() -> None:
    mine = X.copy()
    gradient = cr.grad(lambda x: (x * x).sum())(mine)
    value, pull = cr.vjp(lambda x: np.sin(x), mine)
    _, push = cr.linearize(lambda x: np.sin(x), mine)
    mine[...] = 100.0
    assert np.array_equal(gradient, 2 * X)
    assert np.allclose(pull(np.ones(3))[0], np.cos(X), rtol=1e-15)
    assert np.allclose(push(np.ones(3)), np.cos(X), rtol=1e-15)
    assert np.array_equal(value, np.sin(X))


def test_the_function_writes_into_its_argument() -> None:
    def f(x: Any) -> Any:
        x *= 2.0
        x[0] = x[1] ** 2
        return (x * x).sum()

    mine = X.copy()
    a = 2 * X[1]
    assert np.allclose(cr.grad(f)(mine), [0, 2 * a**2 * 2 * a * 2 + 4 * a, 8 * X[2]])
    assert np.array_equal(mine, X)  # docs/policy/limits.md: the caller's array stays


# --- threads ------------------------------------------------------------------------------------


def test_another_thread_sees_plain_numpy() -> None:
    stop = threading.Event()
    wrong: list[Any] = []

    def plain() -> None:
        while not stop.is_set():
            made = [zeros(3), np.ones(2), array([1.0, 2.0]), np.asarray([1.0]), exp(0.5),
                    float("2"), np.float64(3), math.sin(1.0), logsumexp(X),
                    np.arange(3.0)]  # fmt: skip
            kinds = [np.ndarray] * 4 + [float, float, np.float64, float, np.float64, np.ndarray]
            made[0][0] = 1.0
            if [type(m) for m in made] != kinds or not isinstance(2.0, float):
                wrong.append(made)

    with ThreadPoolExecutor(2) as pool:
        others = [pool.submit(plain) for _ in range(2)]
        want = slopes(filled)
        try:
            for _ in range(60):
                assert np.allclose(cr.grad(filled)(X), want, rtol=1e-7)
        finally:
            stop.set()
        for other in others:
            other.result()
    assert not wrong
    assert not left_open()


def test_two_threads_trace_at_once() -> None:
    start = threading.Barrier(4)
    functions = [filled, closure, lambda x: filled(x) * solved(x), lambda x: np.sum(x * x)]

    def work(f: Any) -> Any:
        start.wait()
        return [cr.grad(f)(X) for _ in range(15)]

    before = snapshot(globals())
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(work, functions))
    for f, found in zip(functions, results, strict=True):
        assert all(np.allclose(g, slopes(f), rtol=1e-6, atol=1e-8) for g in found)
    assert not left_open()
    assert not changes(before, snapshot(globals()))


def test_a_pool_inside_the_function() -> None:
    def f(x: Any) -> Any:
        with ThreadPoolExecutor(3) as pool:
            parts = list(pool.map(lambda k: np.sin(x[k]) * (k + 1.0), range(3)))
        return parts[0] * parts[1] + array(parts).sum()

    assert np.allclose(cr.grad(f)(X), slopes(f), rtol=1e-7)


POOLED: dict[str, Callable[[Any], Any]] = {
    "store": lambda v: zeros(2).__setitem__(0, v), "float": float,
    "array": lambda v: array([v, v]).sum(), "np.float64": np.float64,
}  # fmt: skip


@pytest.mark.parametrize("kind", POOLED)
def test_a_pool_has_no_doors(kind: str) -> None:
    """Another thread does not trace: what needs a door there is refused, and never lost."""

    def f(x: Any) -> Any:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(POOLED[kind], x[0]).result() * x[1]

    with pytest.raises(ChainRuleError) as caught:
        cr.grad(f)(X)
    reads_well(caught.value)
    clean()


def test_what_a_pool_catches_is_raised_in_the_end() -> None:
    def careful(v: Any) -> Any:
        try:
            return float(v)
        except TypeError:
            return 0.0

    def f(x: Any) -> Any:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(careful, x[0]).result() * x[1]

    with pytest.raises(LostDerivativeError):
        cr.grad(f)(X)
    clean()


def test_a_pool_computes_with_math() -> None:
    def f(x: Any) -> Any:
        out = [0.0] * 3
        with ThreadPoolExecutor(2) as pool:
            for i in range(3):
                pool.submit(lambda i: out.__setitem__(i, math.sin(x[i])), i)
            return sum(out) + pool.submit(math.exp, x[0]).result()

    assert np.allclose(cr.grad(f)(X), np.cos(X) + np.exp(X) * [1, 0, 0])


def _in_future(work: Callable[[int], None]) -> None:
    with ThreadPoolExecutor(2) as pool:
        for i in range(3):
            pool.submit(work, i)


def _in_pool(work: Callable[[int], None]) -> None:
    with ThreadPool(2) as pool:
        for r in [pool.apply_async(work, (i,)) for i in range(3)]:
            r.wait()


def _in_threads(work: Callable[[int], None]) -> None:
    threads = [threading.Thread(target=work, args=(i,)) for i in range(3)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


@pytest.mark.parametrize("run", [_in_future, _in_pool, _in_threads])
@pytest.mark.parametrize("bare", [False, True])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_error_that_nobody_asks_for_is_raised_in_the_end(run: Any, bare: bool) -> None:
    def f(x: Any) -> Any:
        out = [0.0] * 3
        run((lambda i: float(x)) if bare else (lambda i: out.__setitem__(i, float(x))))
        return sum(out)

    with pytest.raises(LostDerivativeError) as caught:
        cr.grad(f)(0.5)
    reads_well(caught.value)
    clean()


def test_an_error_of_a_library_alone_says_where_the_program_waits() -> None:
    def f(x: Any) -> Any:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(float, x).result()

    with pytest.raises(LostDerivativeError) as caught:
        cr.grad(f)(0.5)
    assert __file__ in caught.value.where


# --- generators ---------------------------------------------------------------------------------


def suspended(x: Any) -> Any:
    buffer = zeros(3)
    for i in range(3):
        buffer[i] = exp(x[i])
        yield buffer.sum()


def test_a_generator_that_is_used_up_inside() -> None:
    def f(x: Any) -> Any:
        return sum(suspended(x))

    assert np.allclose(cr.grad(f)(X), slopes(f), rtol=1e-7)


def test_a_generator_that_is_resumed_outside() -> None:
    kept: list[Any] = []

    def f(x: Any) -> Any:
        kept.append(suspended(x))
        return next(kept[-1]) * 2.0

    assert np.allclose(cr.grad(f)(X), slopes(f), rtol=1e-7)
    assert not left_open()
    with pytest.raises(LeakedTracerError) as caught:
        cr.grad(lambda t: t * next(kept[0]))(1.0)
    reads_well(caught.value)
    clean()


@pytest.mark.parametrize("end", ["close", "throw", "drop", "other thread"])
def test_a_generator_that_ends_outside(end: str) -> None:
    kept: list[Any] = []
    seen: list[str] = []

    def steps(x: Any) -> Any:
        try:
            buffer = zeros(2)
            buffer[0] = x[0]
            yield buffer[0] * 2.0
        finally:
            seen.append(type(zeros(2)).__name__)

    def f(x: Any) -> Any:
        kept.append(steps(x))
        return next(kept[-1])

    def finish() -> None:
        if end == "close":
            kept.pop().close()
        elif end == "throw":
            with pytest.raises(KeyError):
                kept.pop().throw(KeyError())
        elif end == "drop":
            kept.clear()
            gc.collect()
        else:
            thread = threading.Thread(target=kept.pop().close)
            thread.start()
            thread.join()

    intact(lambda: cr.grad(f)(X))
    finish()
    assert seen == ["ndarray"]
    assert not left_open()
    clean()


def test_a_generator_resumed_by_another_derivative() -> None:
    kept: list[Any] = []

    def first(x: Any) -> Any:
        kept.append(suspended(x))
        return next(kept[0])

    def second(x: Any) -> Any:
        return next(kept[0]) * x[0]

    cr.grad(first)(X)
    with pytest.raises(LeakedTracerError):
        cr.grad(second)(X)
    clean()


def test_a_generator_that_differentiates_between_yields() -> None:
    def descent(x: Any) -> Any:
        for _ in range(3):
            x = x - 0.1 * cr.grad(filled)(x)
            yield x

    def f(x: Any) -> Any:
        *_, last = descent(x)
        return last.sum()

    assert np.allclose(cr.grad(f)(X), slopes(f), rtol=1e-6)
    running = descent(X)
    next(running)
    cr.grad(filled)(X)
    next(running)
    running.close()
    assert not left_open()


def test_a_generator_function_has_no_derivative() -> None:
    with pytest.raises(OutputTypeError) as caught:
        cr.grad(suspended)(X)
    reads_well(caught.value)
    clean()


# --- callbacks ----------------------------------------------------------------------------------


def inner(v: float) -> Any:
    return cr.grad(lambda t: math.sin(t) * zeros(1).sum() + t**3)(v)


CALLBACKS: dict[str, Callable[[Any], Any]] = {
    "solver": lambda x: scipy.optimize.brentq(
        lambda t: cr.grad(lambda s: s**4 / 4 + s * s)(t) - x[0], -5, 5),
    "vectorize": lambda x: np.vectorize(lambda v: cr.grad(lambda t: t**3)(v) * v)(x).sum(),
    "key": lambda x: sorted(x, key=lambda v: -float(inner(cr.stop_gradient(v))))[0] ** 2,
    "reduce": lambda x: max(x, key=lambda v: inner(v)) * x[0],
    "along axis": lambda x: np.apply_along_axis(lambda v: cr.grad(np.sum)(v) * v, 0, x).sum(),
    "quad": lambda x: scipy.integrate.quad(lambda t: inner(t) * x[0], 0, 1)[0],
    "minimize": lambda x: scipy.optimize.minimize(
        lambda z: (z[0] - x[0]) ** 2, np.zeros(1),
        jac=lambda z: cr.grad(lambda s: (s[0] - x[0]) ** 2)(z), tol=1e-12).x[0],
    "piecewise": lambda x: np.piecewise(x, [x > 0.5], [lambda v: v**2, lambda v: v * 3]).sum(),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLBACKS)
def test_derivatives_inside_callbacks(name: str) -> None:
    f = CALLBACKS[name]
    try:
        found = intact(lambda: cr.grad(f)(X))
        if isinstance(found, BaseException):
            raise found
    except ChainRuleError as error:
        reads_well(error)
    else:
        assert np.allclose(found, slopes(f), rtol=1e-5, atol=1e-7)
    clean()


class Dying:
    """Differentiates when it is collected."""

    def __init__(self, seen: list[Any]) -> None:
        self.seen = seen

    def __del__(self) -> None:
        self.seen.append(cr.grad(filled)(X))


def test_a_derivative_in_a_finalizer() -> None:
    seen: list[Any] = []

    def f(x: Any) -> Any:
        cycle = [Dying(seen)]
        cycle.append(cycle)  # type: ignore[arg-type]
        del cycle
        y = zeros(3)
        gc.collect()
        y[0] = exp(x[0])
        return y.sum() * filled(x)

    assert np.allclose(cr.grad(f)(X), slopes(f), rtol=1e-6)
    assert all(np.allclose(g, slopes(filled), rtol=1e-7) for g in seen)
    assert seen
    assert not left_open()


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs Unix timers")
def test_a_derivative_in_a_signal_handler() -> None:
    seen: list[Any] = []
    found: list[Any] = []
    want = slopes(filled)

    def answer(*_: Any) -> None:
        if len(found) < 150:
            seen.append(cr.grad(filled)(X))
            signal.setitimer(signal.ITIMER_REAL, 3e-4)

    whole = snapshot(globals())
    before = signal.signal(signal.SIGALRM, answer)
    try:
        signal.setitimer(signal.ITIMER_REAL, 1e-4)
        while len(found) < 150:
            found.append(cr.grad(filled)(X))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_IGN)  # one may be on its way
        signal.signal(signal.SIGALRM, before)
    assert all(np.allclose(g, want, rtol=1e-7) for g in found + seen)
    assert len(seen) > 3
    assert not left_open()
    assert not changes(whole, snapshot(globals()))


def test_tasks_that_take_turns() -> None:
    async def descend(k: int) -> Any:
        x = X * k
        for _ in range(4):
            x = x - 0.01 * cr.grad(filled)(x)
            await asyncio.sleep(0)
        return x

    async def everything() -> Any:
        return await asyncio.gather(*(descend(k) for k in (1, 2, 3)))

    together = asyncio.run(everything())
    for k, found in zip((1, 2, 3), together, strict=True):
        assert np.array_equal(found, asyncio.run(descend(k)))
    assert not left_open()


def test_tasks_inside_a_function() -> None:
    async def part(x: Any, k: int) -> Any:
        buffer = zeros(2)
        await asyncio.sleep(0)
        buffer[k % 2] = exp(x[k])
        await asyncio.sleep(0)
        return buffer.sum()

    def f(x: Any) -> Any:
        async def both() -> Any:
            return await asyncio.gather(part(x, 0), part(x, 1))

        a, b = asyncio.run(both())
        return a * b

    assert np.allclose(cr.grad(f)(X), slopes(f), rtol=1e-7)


@pytest.mark.filterwarnings("ignore:coroutine")
def test_a_coroutine_has_no_derivative() -> None:
    async def f(x: Any) -> Any:
        return x.sum()

    with pytest.raises(OutputTypeError):
        cr.grad(f)(X)
    clean()


# --- compiled code ------------------------------------------------------------------------------

COMPILED: dict[str, Callable[[Any], Any]] = {
    "ctypes": lambda x: ctypes.c_double(x[0]).value,
    "ctypes array": lambda x: sum((ctypes.c_double * 3)(*x)),
    "ctypes pointer": lambda x: x.ctypes.data * x[0],
    "struct": lambda x: struct.unpack("d", struct.pack("d", x[0]))[0],
    "memoryview": lambda x: memoryview(x)[0] * x[1],
    "LAPACK": lambda x: scipy.linalg.lapack.dgesv(np.diag(x), x)[2].sum(),
    "BLAS": lambda x: scipy.linalg.blas.ddot(x, x),
    "frompyfunc": lambda x: np.frompyfunc(lambda v: v * v, 1, 1)(x).sum(),
    "buffer": lambda x: np.frombuffer(x).sum(),
    "data": lambda x: np.frombuffer(x.data).sum(),
    "view": lambda x: x.view(np.int64).view(float).sum(),
    "record": lambda x: np.rec.array([(1.0, x[0])], dtype="f8,f8").f1[0],
    "dlpack": lambda x: np.from_dlpack(x).sum(),
    "interface": lambda x: x.__array_interface__["data"][0] * x[0],
    "getbuffer": lambda x: bytes(memoryview(x[0])),
}  # fmt: skip


@pytest.mark.parametrize("name", COMPILED)
def test_compiled_code_that_receives_a_tracer(name: str) -> None:
    f = COMPILED[name]
    found = intact(lambda: cr.grad(f)(X))
    if isinstance(found, ChainRuleError):
        reads_well(found)
        assert f"{__file__}:{f.__code__.co_firstlineno}" in found.where, str(found)
    else:
        assert np.allclose(found, slopes(f), rtol=1e-6)
    clean()


def test_nothing_was_left_on_the_way() -> None:
    assert not left_open()
    assert sys.gettrace() is None or "coverage" in repr(sys.gettrace()).lower()
