"""Doors wherever a program holds a function, and nothing kept of them: a generator of both.

Every way to hold something (`HOLDERS`) meets everything that has a door (`USES`): the derivative is
right, and afterwards the program holds what it held. What it came to hold in the meantime is what
it would hold after a plain run.
"""

import collections
import dataclasses
import enum
import functools
import gc
import math
import os
import signal
import sys
import threading
import types
import weakref
from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np
import pytest

import chainrule as cr

from .common import clean
from .intact import left_open

Get = Callable[[], Any]
Pair = collections.namedtuple("Pair", "first second")


def by_default(v: Any) -> Get:
    def get(held: Any = v) -> Any:
        return held

    return get


def by_keyword(v: Any) -> Get:
    def get(*, held: Any = v) -> Any:
        return held

    return get


def by_class(v: Any) -> Get:
    class Holder:
        held = staticmethod(v)

    return lambda: Holder.held


def by_class_name(v: Any) -> Get:
    class Holder:
        held = v

    return lambda: Holder.held


def by_base(v: Any) -> Get:
    class Base:
        held = (v,)

    class Holder(Base):
        pass

    return lambda: Holder().held[0]


def by_slot(v: Any) -> Get:
    class Holder:
        __slots__ = ("held",)

    one = Holder()
    one.held = v
    return lambda: one.held


def by_dataclass(v: Any) -> Get:
    @dataclasses.dataclass(frozen=True)
    class Holder:
        held: Any
        table: Any = dataclasses.field(default_factory=dict)

    one = Holder(v, {"held": v})
    return lambda: one.table["held"] if one.held is not None else None


def by_method(v: Any) -> Get:
    class Holder:
        def __init__(self) -> None:
            self.held = v

        def get(self) -> Any:
            return self.held

    return Holder().get


def by_property(v: Any) -> Get:
    class Holder:
        def __init__(self) -> None:
            self._held = (v, v)

        @property
        def held(self) -> Any:
            return self._held[1]

    one = Holder()
    return lambda: one.held


def by_wrapper(v: Any) -> Get:
    def decorate(f: Any) -> Any:
        @functools.wraps(f)
        def wrapper() -> Any:
            return f(v)

        return wrapper

    return decorate(lambda held: held)  # type: ignore[no-any-return]


def by_attribute_of_a_function(v: Any) -> Get:
    def get() -> Any:
        return get.held  # type: ignore[attr-defined]

    get.held = v  # type: ignore[attr-defined]
    return get


def by_enum(v: Any) -> Get:
    class Kind(enum.Enum):
        A = (v,)

    return lambda: Kind.A.value[0]


def by_cell(v: Any) -> Get:
    return lambda: v


def item(table: Any, *keys: Any) -> Get:
    def get() -> Any:
        found = table
        for key in keys:
            found = found[key]
        return found

    return get


HOLDERS: dict[str, Callable[[Any], Get]] = {
    "default": by_default, "keyword": by_keyword, "staticmethod": by_class, "base": by_base,
    "class": by_class_name, "slot": by_slot, "dataclass": by_dataclass, "method": by_method,
    "property": by_property, "wrapper": by_wrapper, "function": by_attribute_of_a_function,
    "enum": by_enum, "cell": by_cell,
    "dict": lambda v: item({"held": v}, "held"), "list": lambda v: item([0, v], 1),
    "tuple": lambda v: item((0, v), 1),
    "deep": lambda v: item({"a": [({"b": v},)]}, "a", 0, 0, "b"),
    "named": lambda v: item(Pair(v, 0), 0),
    "default dict": lambda v: item(collections.defaultdict(list, held=v), "held"),
    "ordered": lambda v: item(collections.OrderedDict(held=v), "held"),
    "partial": lambda v: functools.partial(lambda held: held, v),
    "partial keyword": lambda v: functools.partial(lambda held: held, held=v),
    "namespace": lambda v: functools.partial(getattr, types.SimpleNamespace(held=v), "held"),
}  # fmt: skip


def filled(make: Any, x: Any) -> Any:
    y = make(2)
    y[0] = x * x
    return y.sum()


USES: dict[str, tuple[Any, Callable[[Any, Any], Any], float]] = {
    "math": (math, lambda m, x: m.sin(x), math.cos(0.5)),
    "math.sin": (math.sin, lambda f, x: f(x), math.cos(0.5)),
    "np": (np, lambda m, x: filled(m.zeros, x), 1.0),
    "np.zeros": (np.zeros, filled, 1.0),
    "np.array": (np.array, lambda f, x: f([x, 2 * x]).sum(), 3.0),
    "np.sum": (np.sum, lambda f, x: f([x, 2 * x]), 3.0),
    "np.float64": (np.float64, lambda f, x: f(x * x), 1.0),
    "np.linalg": (np.linalg, lambda m, x: m.norm([x, x]), math.sqrt(2)),
}


def settled(get: Get, value: Any) -> None:
    assert get() is value
    assert not left_open()
    clean()


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("holder", HOLDERS)
def test_what_is_held_has_doors_and_is_given_back(holder: str, use: str) -> None:
    value, compute, want = USES[use]
    if holder == "class" and not isinstance(value, type | types.ModuleType | np.ufunc):
        value = math.sin if use == "math.sin" else value
    if holder == "staticmethod" and isinstance(value, types.ModuleType):
        pytest.skip("a staticmethod of a module is not a module")
    get = HOLDERS[holder](value)
    for f in (lambda x: compute(get(), x), functools.partial(lambda g, x: compute(g(), x), get)):
        assert cr.grad(f)(0.5) == pytest.approx(want, rel=1e-12)
        settled(get, value)
        assert cr.jvp(f, (0.5,), (1.0,))[1] == pytest.approx(want, rel=1e-12)
        settled(get, value)
    with pytest.raises(ZeroDivisionError):
        cr.grad(lambda x: compute(get(), x) / 0 if get() is None else 1 // 0)(0.5)
    settled(get, value)


TABLE: dict[str, Any] = {"sin": math.sin, "make": np.zeros}


@pytest.mark.parametrize("source", [
    "from math import sin as s\n    return s(x)",
    "import math as m\n    return m.sin(x)",
    "return getattr(math, 'sin')(x)",
    "return globals()['math'].sin(x)",
    "return TABLE['sin'](x)",
    "class Local:\n        act = staticmethod(math.sin)\n    return Local.act(x)",
    "def inner(v, act=math.sin):\n        return act(v)\n    return inner(x)",
    "return list(map(math.sin, [x]))[0]",
    "return max([x], key=math.sin) and math.sin(x)",
    "return (lambda f: f(x))(math.sin)",
    "acts = {'s': math.sin, 'c': math.cos}\n    return acts['s'](x)",
    "return eval('math.sin(x)')",
])  # fmt: skip
def test_doors_inside_the_function(source: str) -> None:
    space = {"math": math, "TABLE": TABLE, "__name__": "__main__"}
    exec(f"def f(x):\n    {source}\n", space)
    assert cr.grad(space["f"])(0.5) == pytest.approx(math.cos(0.5), rel=1e-14)
    assert space["math"] is math
    assert TABLE["sin"] is math.sin


@pytest.mark.parametrize("f", [math.sin, math.exp, np.sin, functools.partial(math.pow, 2.0)])
def test_a_function_of_python_itself(f: Any) -> None:
    want = (f(0.5 + 1e-6) - f(0.5 - 1e-6)) / 2e-6
    assert cr.grad(f)(0.5) == pytest.approx(want, rel=1e-8)


class Model:
    grid: Any = None

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}
        self.rng = np.random.default_rng(3)


KEPT: dict[str, Callable[[], Any]] = {
    "module": lambda: np, "function": lambda: np.zeros, "math": lambda: math.sin,
    "type": lambda: np.float64, "float": lambda: float, "array": lambda: np.linspace(0, 1, 5),
    "generator": lambda: np.random.default_rng(0), "list": lambda: [np.ones, (math,)],
    "default": lambda: (lambda make=np.zeros: make), "partial": lambda: functools.partial(np.sum),
}  # fmt: skip
GLOBAL: list[Any] = []


def same(one: Any, other: Any) -> bool:
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other)
    if isinstance(one, list | tuple):
        return all(map(same, one, other))
    if isinstance(one, types.FunctionType) and one.__defaults__:
        return same(one.__defaults__, other.__defaults__)
    if isinstance(one, functools.partial):
        return same(one.func, other.func)
    return one is other or isinstance(one, np.random.Generator)


@pytest.mark.parametrize("where", ["attribute", "table", "class", "global", "cell", "default"])
@pytest.mark.parametrize("what", KEPT)
def test_what_is_kept_is_plain(what: str, where: str) -> None:
    model, cell = Model(), [None]
    GLOBAL.clear()

    def f(x: Any, into: Any = []) -> Any:  # noqa: B006
        v = KEPT[what]()
        if where == "attribute":
            model.kept["v"] = v
        elif where == "table":
            model.table = {"a": [v]}  # type: ignore[attr-defined]
        elif where == "class":
            Model.grid = v
        elif where == "global":
            GLOBAL.append(v)
        elif where == "cell":
            cell[0] = v
        else:
            into.append(v)
        return x * x

    def found() -> Any:
        return {
            "attribute": lambda: model.kept["v"], "table": lambda: model.table["a"][0],  # type: ignore[attr-defined]
            "class": lambda: vars(Model)["grid"], "global": lambda: GLOBAL[-1],
            "cell": lambda: cell[0], "default": lambda: f.__defaults__[0][-1],  # type: ignore[index]
        }[where]()  # fmt: skip

    try:
        f(1.0)
        plain = found()
        assert cr.grad(f)(1.0) == 2.0
        assert same(found(), plain), (found(), plain)
    finally:
        Model.grid = None
        GLOBAL.clear()


def test_a_generator_in_an_attribute_carries_and_stays() -> None:
    model = Model()
    rng = model.rng
    value, slope = cr.value_and_grad(lambda x: x * model.rng.normal(x, 1.0))(2.0)
    z = np.random.default_rng(3).normal(2.0, 1.0)
    assert (value, slope) == (2 * z, z + 2.0)
    assert model.rng is rng


PROGRAM = """
def f(x):
    y = np.zeros(2)
    y[0] = math.sin(float(x))
    return y.sum()
def g(x):
    return h(x) * 2.0
def h(x):
    return x
"""


def test_no_namespace_or_code_is_kept() -> None:
    gc.collect()
    alive: list[Any] = []

    class Big:
        pass

    for k in range(5):
        space: dict[str, Any] = {"np": np, "math": math, "__name__": f"cell {k}", "big": Big()}
        alive.append(weakref.ref(space["big"]))
        exec(PROGRAM, space)
        assert cr.grad(space["f"])(0.5) == math.cos(0.5)
        assert cr.grad(space["g"])(0.5) == 2.0
        alive += [weakref.ref(space[name].__code__) for name in "fgh"]
    del space
    gc.collect()
    assert not any(ref() is not None for ref in alive)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_fork_while_another_thread_differentiates() -> None:
    stop, here = threading.Event(), sys.modules[__name__]

    def work() -> None:
        while not stop.is_set():
            cr.grad(lambda x: filled(np.zeros, math.sin(x)))(0.5)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        for _ in range(15):
            child = os.fork()
            if child == 0:
                signal.alarm(20)
                right = vars(here)["math"] is math and not left_open()
                slope = cr.grad(lambda x: filled(np.zeros, x))(0.5)
                os._exit(0 if right and slope == 1.0 and not left_open() else 1)
            assert os.waitpid(child, 0)[1] == 0
    finally:
        stop.set()
        thread.join()


def five(v: Any) -> Any:
    return v * 5


def patched(x: Any) -> Any:
    with mock.patch("numpy.sin", five):
        return np.sin(x) + np.zeros(1).sum()


def patched_math(x: Any) -> Any:
    with mock.patch.object(math, "sin", five):
        return math.sin(x)


def set_and_reset(x: Any) -> Any:
    old, np.sin = np.sin, five
    try:
        return np.sin(x)
    finally:
        np.sin = old


def with_pi(x: Any) -> Any:
    with mock.patch("numpy.pi", 5.0):
        return np.pi * math.sin(x) / math.cos(x) * math.cos(x) ** 0


def plain_sin(x: Any) -> Any:
    return np.sin(x)


@pytest.mark.parametrize("f", [patched, patched_math, set_and_reset, with_pi, plain_sin])
def test_names_of_modules_that_the_program_sets(f: Any) -> None:
    for _ in range(2):
        value, slope = cr.value_and_grad(f)(0.5)
        assert value == pytest.approx(f(0.5), rel=1e-14)
        assert slope == pytest.approx((f(0.5 + 1e-6) - f(0.5 - 1e-6)) / 2e-6, rel=1e-8)
        assert type(np) is types.ModuleType
        assert isinstance(np.sin, np.ufunc)
    with mock.patch("numpy.sin", five):
        assert cr.grad(plain_sin)(0.5) == 5.0
        assert cr.grad(lambda x: np.sin(x) + math.exp(x))(0.5) == 5.0 + math.exp(0.5)
    assert cr.grad(plain_sin)(0.5) == math.cos(0.5)


def test_what_is_set_in_a_module_stays() -> None:
    def f(x: Any) -> Any:
        np.a_name_of_mine = five  # type: ignore[attr-defined]
        return np.a_name_of_mine(x) * math.cos(0.0)  # type: ignore[attr-defined]

    try:
        assert cr.grad(f)(1.0) == 5.0
        assert np.a_name_of_mine is five  # type: ignore[attr-defined]
    finally:
        del np.a_name_of_mine  # type: ignore[attr-defined]


def test_threads_that_do_not_trace_get_plain_generators() -> None:
    made: list[Any] = []

    def f(x: Any) -> Any:
        other = threading.Thread(target=lambda: made.append(np.random.default_rng(0)))
        other.start()
        other.join()
        return x * x

    assert cr.grad(f)(1.0) == 2.0
    assert type(made[0]) is np.random.Generator
    assert type(made[0].normal(size=2)) is np.ndarray


@functools.lru_cache
def squared(x: Any) -> Any:
    return math.sin(x) * x


@functools.cache
def fibonacci(n: int) -> int:
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


@functools.cache
def grid(n: int) -> Any:
    return np.linspace(0.0, 1.0, n)


class Cached:
    @functools.lru_cache  # noqa: B019
    def power(self, x: Any, n: int = 2) -> Any:
        return x**n


def test_caches_hold_plain_values_and_traced_ones_are_computed() -> None:
    one = Cached()

    def f(x: Any) -> Any:
        return squared(x) + fibonacci(50) * x + (grid(5) * x).sum() + one.power(x, n=3)

    for x in (0.5, 0.7):
        want = math.cos(x) * x + math.sin(x) + fibonacci(50) + 2.5 + 3 * x * x
        assert cr.grad(f)(x) == pytest.approx(want, rel=1e-14)
        assert cr.derivative(f, 2)(x) == pytest.approx(
            2 * math.cos(x) - x * math.sin(x) + 6 * x, rel=1e-12
        )
    assert type(grid(5)) is np.ndarray
    assert squared.cache_info().currsize == 0
    assert type(squared) is type(vars(Cached)["power"]) is type(fibonacci)


def test_the_methods_of_an_installed_class_are_not_walked_through():
    from rich.console import Console  # an object of a large installed package

    from chainrule.tracing.walk import Reach

    held = Console()
    reach = Reach(lambda x: (held, x)[1])
    assert all(f.__module__ == __name__ for f, _ in reach.plans)
