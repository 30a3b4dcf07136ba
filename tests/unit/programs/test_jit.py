"""`jit`: what is recorded, what it rests on, and when a function goes on without recordings."""

import collections
import copy
import cProfile
import dataclasses
import functools
import gc
import io
import itertools
import os
import pickle
import random
import re
import sys
import threading
import time
import types
import warnings
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from scipy import stats
from scipy.interpolate import CubicSpline
from scipy.optimize import brentq

import chainrule as cr
from chainrule.errors import EagerWarning, NonFiniteError

X = np.array([0.5, 1.2, -0.3])


def runs(f: Any) -> int:
    return sum(path.runs for known in f.paths.values() for path in known)


def settled(f: Any, *args: Any) -> None:
    """Call until the recording runs."""
    for _ in range(3):
        f(*args)
    assert runs(f), f.report()


# --- what it rests on -----------------------------------------------------------------------------


class Model:
    shared = 2.0

    def __init__(self):
        self.w, self.v, self.parts = 2.0, np.ones(3), {"a": [1.0, {"b": 3.0}]}

    @property
    def twice(self):
        return 2 * self.w * self.shared

    def __call__(self, x):
        return self.w * np.sum(self.v * x**2)


class Slotted:
    __slots__ = ("__hidden", "a")

    def hide(self, value):
        self.__hidden = value

    def shown(self):
        return self.__hidden


@dataclasses.dataclass
class Data:
    a: float = 1.0


def helper(x, k=2.0):
    return k * x


def other(x, k=3.0):
    return k * x * x


class Parent:
    k = 2.0


class Child(Parent):
    pass


Named = collections.namedtuple("Named", "w")


def horner(values):
    total = 0.0
    for key in values:
        total = 2 * total + values[key]
    return total


class World:
    """Everything that the functions below read; a new one for each test."""


def world() -> Any:
    w = World()
    w.model, w.slotted, w.data = Model(), Slotted(), Data()
    w.slotted.a = 2.0
    w.slotted.hide(2.0)
    w.array, w.base = np.arange(3.0), np.arange(6.0).reshape(2, 3)
    w.view = w.base[0]
    w.big = np.arange(2000.0)
    w.config = {"a": 1.0, "b": [1, 2, {"z": 3.0}]}
    w.numbers, w.text, w.names = [1.0, 2.0], "k1", {"one", "two"}
    w.sparse = sp.csr_array(np.eye(3) * 2)
    w.spline = CubicSpline(np.arange(4.0), np.arange(4.0) ** 2)
    w.module = types.ModuleType("settings")
    w.module.__file__, w.module.k = "/settings.py", 2.0
    w.helper, w.single = helper, np.float32(1.5)
    w.registry, w.ordered = {"f": helper}, {"a": 1.0, "b": 2.0}
    w.partial = functools.partial(helper, k=3.0)
    w.named, w.child, w.word = Named(np.ones(3)), Child(), ["k"]
    w.branch = complex(-4.0, 0.0)
    return w


def inside(w: Any) -> Any:
    k = 1.0

    def f(x):
        return k * np.sum(x**2)

    def change():
        nonlocal k
        k = 4.0

    return f, change


CHANGES: dict[str, tuple[Any, Any]] = {
    "array": (lambda w, x: np.sum(w.array * x**2), lambda w: w.array.__setitem__(1, 7.0)),
    "last bit": (
        lambda w, x: np.sum(w.array * x),
        lambda w: w.array.__setitem__(1, np.nextafter(1.0, 2)),
    ),
    "sign of zero": (
        lambda w, x: np.sum(np.copysign(x, w.array)), lambda w: w.array.__setitem__(0, -0.0)
    ),
    "large array": (lambda w, x: w.big[1500] * x[0], lambda w: w.big.__setitem__(1500, 7.0)),
    "base of a view": (lambda w, x: np.sum(w.view * x), lambda w: w.base.__setitem__((0, 1), 5.0)),
    "array rebound": (lambda w, x: np.sum(w.array * x), lambda w: setattr(w, "array", np.ones(3))),
    "reshaped": (
        lambda w, x: np.sum(w.base * np.sum(x)) / len(w.base),
        lambda w: setattr(w, "base", w.base.reshape(3, 2)),
    ),
    "number": (lambda w, x: w.model.w * np.sum(x), lambda w: setattr(w.model, "w", 5.0)),
    "type of a number": (
        lambda w, x: np.sum(x) * isinstance(w.model.w, int), lambda w: setattr(w.model, "w", 2)
    ),
    "single": (lambda w, x: np.sum(x) * w.single, lambda w: setattr(w, "single", np.float32(2))),
    "method": (lambda w, x: w.model(x), lambda w: setattr(w.model, "w", 5.0)),
    "array of an object": (lambda w, x: w.model(x), lambda w: w.model.v.__setitem__(2, 9.0)),
    "property": (lambda w, x: w.model.twice * np.sum(x), lambda w: setattr(w.model, "w", 7.0)),
    "hides a class's": (
        lambda w, x: w.model.twice * np.sum(x), lambda w: setattr(w.model, "shared", 7.0)
    ),
    "nested": (
        lambda w, x: w.config["b"][2]["z"] * np.sum(x),
        lambda w: w.config["b"][2].__setitem__("z", 8.0),
    ),
    "nested in an object": (
        lambda w, x: w.model.parts["a"][1]["b"] * np.sum(x),
        lambda w: w.model.parts["a"][1].__setitem__("b", 8.0),
    ),
    "new key": (lambda w, x: len(w.config) * np.sum(x), lambda w: w.config.__setitem__("c", 1)),
    "longer list": (lambda w, x: sum(w.numbers) * np.sum(x), lambda w: w.numbers.append(3.0)),
    "set": (lambda w, x: len(w.names) * np.sum(x), lambda w: w.names.add("three")),
    "text": (lambda w, x: (2 if w.text == "k1" else 3) * np.sum(x),
             lambda w: setattr(w, "text", "k2")),
    "dataclass": (lambda w, x: w.data.a * np.sum(x), lambda w: setattr(w.data, "a", 4.0)),
    "slots": (lambda w, x: w.slotted.a * np.sum(x), lambda w: setattr(w.slotted, "a", 4.0)),
    "hidden slot": (lambda w, x: w.slotted.shown() * np.sum(x), lambda w: w.slotted.hide(4.0)),
    "sign of a part": (lambda w, x: np.sum(x) * np.sqrt(w.branch).imag,
                       lambda w: setattr(w, "branch", complex(-4.0, -0.0))),
    "getattr": (lambda w, x: getattr(w.data, "ab"[0]) * np.sum(x),
                lambda w: setattr(w.data, "a", 4.0)),
    "vars": (lambda w, x: vars(w.data)["a"] * np.sum(x), lambda w: setattr(w.data, "a", 4.0)),
    "module": (lambda w, x: w.module.k * np.sum(x), lambda w: setattr(w.module, "k", 11.0)),
    "sparse": (lambda w, x: np.sum((w.sparse @ x) ** 2),
               lambda w: w.sparse.data.__setitem__(0, 9.0)),
    "spline": (lambda w, x: np.sum(w.spline(x + 1)),
               lambda w: w.spline.c.__setitem__((0, 0), 9.0)),
    "function": (lambda w, x: np.sum(w.helper(x)), lambda w: setattr(w, "helper", other)),
    "table": (lambda w, x: np.sum(w.registry["f"](x)),
              lambda w: w.registry.__setitem__("f", other)),
    "order of keys": (
        lambda w, x: horner(w.ordered) * np.sum(x),
        lambda w: w.ordered.__setitem__("a", w.ordered.pop("a")),
    ),
    "named tuple": (lambda w, x: np.sum(w.named.w * x), lambda w: w.named.w.__setitem__(0, 5.0)),
    "name as text": (lambda w, x: getattr(w.module, "ab"[:0] + "k") * np.sum(x),
                     lambda w: setattr(w.module, "k", 11.0)),
    "name made": (lambda w, x: getattr(w.module, "".join(w.word)) * np.sum(x),
                  lambda w: setattr(w.module, "k", 11.0)),
    "name not there yet": (lambda w, x: getattr(w.module, "late", 2.0) * np.sum(x),
                           lambda w: setattr(w.module, "late", 11.0)),
    "partial": (lambda w, x: np.sum(w.partial(x)),
                lambda w: setattr(w, "partial", functools.partial(helper, k=9.0))),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_what_changes_is_followed(name: str) -> None:
    body, change = CHANGES[name]
    w = world()

    def f(x):
        return body(w, x)

    plain = cr.value_and_grad(f)
    fast = cr.jit(plain)
    settled(fast, X)
    change(w)
    for x in (X, 1.1 * X, X):
        for a, b in zip(fast(x), plain(x), strict=True):
            np.testing.assert_array_equal(a, b)
    assert not fast.reason


def test_cells_defaults_and_classes_are_followed():
    f, change = inside(world())
    fast = cr.jit(cr.grad(f))
    settled(fast, X)
    change()
    np.testing.assert_array_equal(fast(X), 8 * X)

    def g(x, k=2.0):
        return k * np.sum(x)

    fast = cr.jit(cr.grad(lambda x: g(x)))
    settled(fast, X)
    g.__defaults__ = (5.0,)
    np.testing.assert_array_equal(fast(X), 5 * np.ones(3))

    class Local:
        k = 2.0

        def of(self, x):
            return self.k * np.sum(x)

    local = Local()
    fast = cr.jit(cr.grad(lambda x: local.of(x)))
    settled(fast, X)
    Local.k = 3.0
    np.testing.assert_array_equal(fast(X), 3 * np.ones(3))
    Local.of = lambda self, x: np.sum(x**2)
    np.testing.assert_array_equal(fast(X), 2 * X)

    child = Child()
    fast = cr.jit(cr.grad(lambda x: child.k * np.sum(x)))
    settled(fast, X)
    Child.k = 5.0  # hides that of the base
    try:
        np.testing.assert_array_equal(fast(X), 5 * np.ones(3))
    finally:
        del Child.k


@pytest.mark.filterwarnings("ignore:.*is given twice:chainrule.errors.EagerWarning")
def test_the_order_of_keys_and_one_array_twice():
    fast, plain = cr.jit(cr.grad(horner)), cr.grad(horner)
    settled(fast, {"a": 1.0, "b": 2.0})
    assert fast({"b": 2.0, "a": 1.0}) == plain({"b": 2.0, "a": 1.0})

    def f(a, b):
        return np.sum(a * b) if a is b else np.sum(a + b)

    fast = cr.jit(f)
    for _ in range(3):
        assert fast(X, X) == f(X, X)
        assert fast(X, X.copy()) == f(X, X.copy())


def test_a_recording_within_a_recording():
    inner = cr.jit(lambda x: np.sum(x**2))
    settled(inner, X)
    outer = cr.jit(cr.grad(lambda x: inner(x) * 2))
    settled(outer, X)
    np.testing.assert_array_equal(outer(2 * X), 8 * X)


def test_globals_are_followed():
    space = {"np": np, "K": 2.0, "__name__": "space", "__file__": "/space.py"}
    text = "def f(x):\n    def inner(y): return K * y\n    return abs(-2.0) * np.sum(inner(x))"
    exec(text, space)
    fast = cr.jit(cr.grad(space["f"]))
    settled(fast, X)
    space["K"] = 3.0
    np.testing.assert_array_equal(fast(X), 6 * np.ones(3))
    settled(fast, X)
    space["abs"] = lambda v: 10.0  # a name that was the builtin's
    np.testing.assert_array_equal(fast(X), 30 * np.ones(3))


# --- what a recording would lose ------------------------------------------------------------------

count = itertools.count()
outer: list[Any] = []
generator = np.random.default_rng(0)


def endless():
    k = 0
    while True:
        yield k
        k += 1


stream = endless()


def readers(x):
    return x[0] * len(np.genfromtxt(__file__, str, delimiter="\0", comments=None))


@functools.lru_cache
def table(n):
    return np.arange(float(n))


class Counter:
    n = 0

    def __call__(self, x):
        self.n += 1
        return np.sum(x**2)


counter, buffer = Counter(), np.zeros(3)


def assigned(x):
    global counted
    counted = counted + 1
    return np.sum(x)


counted = 0


def filled(x):
    buffer[0] += 1.0
    return np.sum(buffer * x)


EAGER: dict[str, Any] = {
    "print": lambda x: (print(end=""), np.sum(x))[1],
    "append": lambda x: (outer.append(1), np.sum(x))[1],
    "counter": counter,
    "global": assigned,
    "buffer": filled,
    "generator of numbers": lambda x: np.sum(x * generator.normal(size=3)),
    "global stream": lambda x: np.sum(x) * np.random.normal(),  # noqa: NPY002
    "a library that draws": lambda x: np.sum(x * stats.norm.rvs(size=3)),
    "a library that reads": lambda x: np.sum(x) * np.loadtxt(io.StringIO("1")) + readers(x),
    "random": lambda x: np.sum(x) * random.random(),
    "clock": lambda x: np.sum(x) * time.perf_counter(),
    "iterator": lambda x: np.sum(x) * next(count),
    "generator": lambda x: np.sum(x) * next(stream),
    "cache": lambda x: np.sum(x * table(3)),
    "environment": lambda x: np.sum(x) * len(os.environ.get("HOME", "")),
    "file": lambda x: np.sum(x) * len(open(__file__).read()),  # noqa: SIM115
    "solver": lambda x: brentq(lambda t: t**3 - x[1], 0, 3) * x[0],
    "warning": lambda x: (warnings.warn("w", UserWarning, stacklevel=1), np.sum(x))[1],
    "result": lambda x: (np.sum(x), {1, 2}),
}


@pytest.mark.parametrize("name", EAGER)
@pytest.mark.filterwarnings("ignore:w:UserWarning", "ignore::ResourceWarning")
def test_what_a_recording_would_lose_goes_on_without(name: str) -> None:
    f = EAGER[name]
    fast = cr.jit(cr.grad(f, has_aux=name == "result"))
    with pytest.warns(EagerWarning, match="without recordings: "):
        assert [fast(X) for _ in range(3)]
    with warnings.catch_warnings():
        warnings.simplefilter("error", EagerWarning)  # said once
        fast(X)
    assert not runs(fast)
    assert "without recordings: " in fast.report()


UNKEPT = {
    "dataclass": (lambda p: p.a**2, (Data(3.0),), "holds a Data"),
    "in a list": (lambda p: p[0].a ** 2, ([Data(3.0)],), "holds a Data"),
    "object": (lambda x, o: x * bool(o), (3.0, object()), "holds a object"),
    "complex": (lambda x: np.sum(abs(x)), (X + 1j,), "array of complex128"),
    "twice": (lambda x, y: x @ y, (X, X), "given twice"),
}


@pytest.mark.parametrize("name", UNKEPT)
def test_arguments_that_make_no_recording_are_told_once(name: str) -> None:
    f, args, why = UNKEPT[name]
    slope = cr.grad(f)
    fast = cr.jit(slope)
    with pytest.warns(EagerWarning, match=why) as told:
        found = [fast(*args) for _ in range(3)]
    assert len(told) == 1
    assert why in fast.report()
    assert repr(found[-1]) == repr(slope(*args))


def test_side_effects_come_as_often_as_calls():
    outer.clear()
    fast = cr.jit(cr.grad(lambda x: (outer.append(1), np.sum(x))[1]))
    with pytest.warns(EagerWarning):
        assert [fast(X) for _ in range(5)]
    assert len(outer) == 5
    rng, same = np.random.default_rng(3), np.random.default_rng(3)
    fast = cr.jit(cr.grad(lambda x: np.sum(x) * rng.normal()))
    with pytest.warns(EagerWarning):
        found = [fast(X)[0] for _ in range(5)]
    assert found == [same.normal() for _ in range(5)]


# --- paths ----------------------------------------------------------------------------------------


def test_each_branch_has_its_recording():
    def f(x):
        if x[0] > 0:
            return np.sum(x**2)
        return np.sum(x)

    fast = cr.jit(cr.grad(f))
    for _ in range(3):
        np.testing.assert_array_equal(fast(X), 2 * X)
        np.testing.assert_array_equal(fast(-X), np.ones(3))
    before = runs(fast)
    for _ in range(5):
        fast(X), fast(-X)
    assert runs(fast) == before + 10
    assert len(fast.paths) == 1


def test_a_count_made_of_a_value_is_a_guard():
    def f(x):
        total = 0.0
        for i in range(int(x[1] * 3)):
            total = total + x[0] ** i
        return total

    plain = cr.grad(f)
    fast = cr.jit(plain)
    for v in (1.0, 2.0, 1.0, 1.1, 1.5, 2.2, 3.0, 1.05, 0.1):
        x = np.array([0.5, v, 0.0])
        np.testing.assert_array_equal(fast(x), plain(x))
    assert runs(fast) >= 2


def test_a_function_that_branches_anew_is_left_alone():
    def f(x):
        return np.sum(x) * round(float(x[0]) * 1e6)

    plain = cr.grad(f)
    fast = cr.jit(plain)
    points = [X + 1e-3 * k for k in range(100)]
    with pytest.warns(EagerWarning, match="branches anew"):
        found = [fast(x) for x in points]
    np.testing.assert_array_equal(found, [plain(x) for x in points])


def test_shapes_dtypes_and_constants_have_their_own_recordings():
    def f(x, n=1, how="sum"):
        return getattr(np, how)(x**n)

    fast, plain = cr.jit(cr.grad(f)), cr.grad(f)
    for _ in range(3):
        for args in ((X,), (X[:2],), (X.astype(np.float32),), (X, 2), (X, 3), (0.5,),
                     (np.float64(0.5),), (X[::-1],)):  # fmt: skip
            got, want = fast(*args), plain(*args)
            assert type(got) is type(want)
            assert np.asarray(got).dtype == np.asarray(want).dtype
            np.testing.assert_array_equal(got, want)
        np.testing.assert_array_equal(fast(X, 2, how="mean"), plain(X, 2, how="mean"))


def test_errors_are_those_of_the_function():
    def f(x):
        if x[0] < 0:
            raise KeyError("negative")
        return np.log(x[1]) * x[0]

    fast = cr.jit(cr.grad(f))
    with pytest.raises(KeyError):
        fast(-X)
    settled(fast, X)
    with pytest.raises(KeyError):
        fast(-X)
    with pytest.raises(NonFiniteError):
        fast(np.array([1.0, np.nan, 0.0]))
    assert runs(fast)
    assert not fast.reason


def test_a_strict_error_state_is_the_programs():
    def f(x):
        return np.sum(np.exp(x))

    fast = cr.jit(f)
    settled(fast, X)
    with np.errstate(over="raise"), pytest.raises(FloatingPointError):
        fast(np.array([1.0, 1e4, 0.0]))


def test_what_math_refuses():
    import math

    fast = cr.jit(cr.grad(lambda x: math.sqrt(x[0]) * x[1]))
    settled(fast, X)
    with pytest.raises(ValueError, match="math domain"):
        fast(-X)
    assert runs(fast)


# --- arguments, results, derivatives --------------------------------------------------------------


HELD = np.ones(3)
HOLDING = {
    "an argument": lambda x: x,
    "a part of an argument": lambda x: {"part": x[1:]},
    "one array twice": lambda x: [(y := 2 * x), y],
    "an array and a part of it": lambda x: [(y := 2 * x), y[1:]],
    "what is kept": lambda x: (2 * x, HELD[1:]),
}


@pytest.mark.parametrize("name", HOLDING)
def test_results_that_lie_elsewhere_go_on_without(name):
    fast = cr.jit(HOLDING[name])
    fast(X)
    with pytest.warns(EagerWarning, match="result|returns"):
        fast(X)
    arrays = [np.asarray(v) for v in cr.tree.flatten(fast(X))[0]]
    wanted = [np.asarray(v) for v in cr.tree.flatten(HOLDING[name](X))[0]]
    for ours, plain in zip(arrays, wanted, strict=True):
        for known in (X, HELD):
            assert np.shares_memory(ours, known) == np.shares_memory(plain, known)


def test_results_are_new_arrays():
    fast = cr.jit(lambda x: {"one": 2 * x, "two": (3 * x, -x)})
    settled(fast, X)
    x = X.copy()
    first = fast(x)
    arrays = [first["one"], *first["two"], x]
    for i, a in enumerate(arrays):
        assert not any(np.shares_memory(a, b) for b in arrays[i + 1 :])
    first["two"][0][:] = 9
    np.testing.assert_array_equal(fast(x)["two"][0], 3 * X)


def test_arguments_are_not_written():
    def f(x):
        y = x
        y = y * 1.0
        y[0] = 5.0
        return np.sum(y**2)

    fast = cr.jit(cr.value_and_grad(f))
    settled(fast, X)
    x = X.copy()
    fast(x)
    np.testing.assert_array_equal(x, X)


def test_containers_and_all_derivatives():
    def loss(params, batch):
        h = np.tanh(params["W"] @ batch + params["b"])
        return np.sum(h**2)

    rng = np.random.default_rng(0)
    params = {"W": rng.normal(size=(2, 3)), "b": rng.normal(size=2)}
    fast = cr.jit(cr.grad(loss))
    settled(fast, params, X)
    want = cr.grad(loss)(params, 2 * X)
    got = fast(params, 2 * X)
    for key in want:
        np.testing.assert_array_equal(got[key], want[key])

    def f(x):
        return np.array([np.sin(x[0]) * x[1], x[2] ** 3, np.prod(x)])

    tangent = np.array([1.0, -1.0, 2.0])
    for plain in (
        cr.jacobian(f), cr.jacfwd(f), cr.jacrev(f), cr.hessian(lambda x: np.sum(f(x) ** 2)),
        lambda x: cr.jvp(f, (x,), (tangent,))[1], lambda x: cr.vjp(f, x)[1](tangent)[0],
        cr.vmap(cr.grad(lambda v: np.sin(v) * v)), cr.grad(lambda x: np.sum(cr.grad(np.prod)(x))),
        lambda x: cr.hvp(lambda v: np.sum(np.exp(v) * v), x, tangent),
    ):  # fmt: skip
        fast = cr.jit(plain)
        settled(fast, X)
        for x in (X, 1.3 * X):
            np.testing.assert_allclose(fast(x), plain(x), rtol=1e-14)


def test_inside_a_derivative_it_is_the_function():
    fast = cr.jit(lambda x: np.sum(x**3))
    settled(fast, X)
    np.testing.assert_array_equal(cr.grad(fast)(X), 3 * X**2)
    with cr.checked():
        np.testing.assert_array_equal(cr.grad(fast)(X), 3 * X**2)


@pytest.mark.filterwarnings("ignore:.*holds a Net:chainrule.errors.EagerWarning")
def test_a_method_a_copy_and_a_pickle():
    class Net:
        def __init__(self, k):
            self.k = k

        @cr.jit
        def out(self, x):
            return self.k * np.sum(x)

    for k in (2.0, 3.0):
        net = Net(k)
        for _ in range(4):
            assert net.out(X) == k * np.sum(X)
    fast = cr.jit(helper)
    for again in (pickle.loads(pickle.dumps(fast)), copy.deepcopy(fast)):
        np.testing.assert_array_equal(again(X), 2 * X)


def test_threads():
    def f(x):
        return np.sum(np.sin(x) * x) if x[0] > 0 else np.sum(np.cos(x))

    plain = cr.grad(f)
    fast = cr.jit(plain)
    wrong = []

    def work(k):
        for i in range(40):
            x = X * (1 + i + k) * (-1) ** (i + k)
            if not np.array_equal(fast(x), plain(x)):
                wrong.append(x)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def test_a_loop_that_fills_an_array_stores_in_place():
    def f(p):
        h = np.zeros(30)
        h[0] = p[0]
        for t in range(1, 30):
            h[t] = p[1] * h[t - 1] + p[2]
        return np.sum(h**2)

    fast = cr.jit(cr.value_and_grad(f))
    settled(fast, X)
    assert fast.source().count("] = ") > 50
    for a, b in zip(fast(2 * X), cr.value_and_grad(f)(2 * X), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.filterwarnings("ignore::chainrule.errors.IndeterminateWarning")
def test_what_a_point_alone_gives_is_that_of_the_function():
    # what is trimmed at one point takes part in the slope, and a NaN of the recording stood there
    plain = cr.grad(lambda x: np.sum(np.trim_zeros(x)))
    fast = cr.jit(plain)
    for x in ([1.0, 1.0], [1.0, 1.0], [1.0, 1.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]):
        np.testing.assert_array_equal(fast(np.array(x)), plain(np.array(x)))


def test_numbers_in_a_container_are_no_change_of_it():
    fast = cr.jit(cr.grad(lambda p: p["a"] * np.sum(p["b"] ** 2)))
    settled(fast, {"a": 1.0, "b": X})


def test_types_of_results_are_those_of_the_call():
    f = lambda x: (float(np.sum(x)), x.tolist(), x[0].item(), x[0], "q", 3, None, x[0] > 0)  # noqa: E731
    fast = cr.jit(f)
    settled(fast, X)
    assert repr(fast(X)) == repr(f(X))
    twice = cr.jit(lambda x: (2 * x, x > 0))
    settled(twice, 1.0)
    assert repr(twice(3.0)) == "(6.0, True)"


def test_a_dtype_that_hangs_on_values_is_a_guard():
    f = lambda x: np.isrealobj(np.roots(np.array([1.0, 0.0, x]))) * x  # noqa: E731
    fast = cr.jit(f)
    settled(fast, 4.0)
    assert fast(-4.0) == f(-4.0) == -4.0
    assert fast(4.0) == 0.0


def test_forgetting():
    fast = cr.jit(lambda x: np.sum(x))
    settled(fast, X)
    fast.forget()
    assert not fast.paths
    assert fast.report().startswith("jit(<lambda>): 0 recordings, 0 of 0 calls")


def test_what_is_no_function_is_refused():
    with pytest.raises(cr.ChainRuleError, match="expected a function to record, got ndarray"):
        cr.jit(X)


def test_a_profiler_of_the_user_is_left_alone():
    """Recordings wait until it has stopped; `cProfile` may not be set by hand again."""
    slope = cr.jit(cr.grad(lambda x: x**3))
    with cProfile.Profile() as profile:
        assert [slope(2.0) for _ in range(3)] == [12.0] * 3
    assert profile.getstats()
    if sys.version_info < (3, 12):  # since then a profiler of `cProfile` is beside, not in the way
        assert "0 recordings" in slope.report()
    assert [slope(2.0) for _ in range(4)] == [12.0] * 4
    assert "1 recording" in slope.report()


def test_what_a_collection_calls_is_not_the_programs():
    """Libraries have callbacks there: hypothesis one that catches exceptions."""

    def noise(phase, info):
        try:
            raise ValueError
        except ValueError:
            pass

    before = gc.get_threshold()
    gc.callbacks.append(noise)
    gc.set_threshold(1)
    try:
        fast = cr.jit(lambda x: [[k] for k in range(9)] and float(np.sum(x**2)))
        for _ in range(4):
            assert type(fast(X)) is float
        assert runs(fast) >= 1
        text = cr.explain(lambda x: [[k] for k in range(9)] and x**2, 3.0).text()
    finally:
        gc.set_threshold(*before)
        gc.callbacks.remove(noise)
    assert re.search(r"dy/dx\s+= 2 · x", text)


def test_a_program_that_is_never_recorded_says_so():
    fast = cr.jit(cr.grad(lambda p: p[0] if abs(p[0] - p[0]) < 1e-8 else p[1]))
    with pytest.warns(EagerWarning, match="what holds at this point alone"):
        found = [fast(X)[0] for _ in range(5)]
    assert found == [1.0] * 5
    assert "at this point alone" in fast.report()
