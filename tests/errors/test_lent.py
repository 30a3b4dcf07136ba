"""Writes that no name tells: through methods, operators and aliases of any class, by a generator.

A large input is lent, a read-only constant is not copied: both only where the program cannot write
into them. What is not known is taken to write.
"""

import types
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule as cr

SIZE = 3000
START = np.linspace(0.1, 1.0, SIZE)


class Writer:
    """Writes into an array by whatever is asked of it."""

    def __init__(self, write: Callable[[], None]) -> None:
        self.write = write

    def _now(self, *_: Any, **__: Any) -> Any:
        self.write()
        return 1

    update = append = get = pop = sort = fill = copy = sum = dot = max = take = run = _now
    extend = insert = clear = items = keys = values = index = count = strip = round = _now
    __call__ = __add__ = __radd__ = __mul__ = __sub__ = __neg__ = __getitem__ = __len__ = _now
    __contains__ = __int__ = __index__ = __lt__ = __abs__ = __pow__ = __invert__ = _now

    def __bool__(self) -> bool:
        self.write()
        return True

    def __iter__(self) -> Any:
        self.write()
        return iter(())

    def __eq__(self, other: object) -> bool:
        self.write()
        return True

    __hash__ = None  # type: ignore[assignment]

    def __enter__(self) -> "Writer":
        self.write()
        return self

    def __exit__(self, *_: Any) -> None:
        return None

    @property
    def T(self) -> int:
        self.write()
        return 1

    real = shape = T


ASK = """o.update() o.append(1) o.get() o.pop() o.sort() o.fill(1) o.copy() o.sum() o.dot(1) o.max()
o.take(1) o.extend([]) o.insert(0,1) o.clear() o.items() o.keys() o.values() o.index(1) o.count(1)
o.strip() o.round() o.run() o() o+1 1+o o*1 o-1 -o o[0] len(o) (1)in(o) bool(o) int(o) o<1 abs(o)
o**2 ~o list(o) o==1 o.T o.real o.shape (not(o)) range(o) sum(o) any(o)""".split()
PLACES = ("argument", "closure", "global", "default", "list", "keyword", "table")


def program(ask: str, place: str, writer: Writer) -> tuple[Any, tuple[Any, ...], dict[str, Any]]:
    """Make the program that asks `ask` of `writer`, which it meets at `place`."""
    space: dict[str, Any] = {"np": np, "__name__": "__main__"}
    body = f"    y = x * x\n    {ask}\n    return (y * x).sum()\n"
    if place == "argument":
        exec("def f(x, o):\n" + body, space)
        return space["f"], (writer,), {}
    if place == "keyword":
        exec("def f(x, *, o):\n" + body, space)
        return space["f"], (), {"o": writer}
    if place == "list":
        exec("def f(x, l):\n    o = l[0]\n" + body, space)
        return space["f"], ([writer],), {}
    if place == "table":
        space["TABLE"] = {"o": writer}
        exec("def f(x):\n    o = TABLE['o']\n" + body, space)
    elif place == "global":
        space["o"] = writer
        exec("def f(x):\n" + body, space)
    elif place == "default":
        space["writer"] = writer
        exec("def f(x, o=writer):\n" + body, space)
    else:
        inner = "".join("    " + line + "\n" for line in ("def f(x):\n" + body).splitlines())
        exec(f"def outer(o):\n{inner}    return f\n", space)
        return space["outer"](writer), (), {}
    return space["f"], (), {}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("ask", ASK)
def test_an_input_that_an_object_writes(ask: str, place: str) -> None:
    mine = START.copy()
    f, args, kwargs = program(ask, place, Writer(lambda: mine.__setitem__(slice(None), 9.0)))
    assert np.allclose(cr.grad(f)(mine, *args, **kwargs), 3 * START**2, rtol=1e-14)
    mine[...] = START
    if not kwargs:
        tangents = (START, *(0.0 for _ in args))
        g = (lambda x: f(x, *args)) if args else f
        pushed = cr.jvp(g, (mine,), tangents[:1])[1]
        assert np.isclose(pushed, np.sum(3 * START**3), rtol=1e-12)


@pytest.mark.parametrize("ask", ASK[::4])
def test_a_read_only_constant_that_an_object_refills(ask: str) -> None:
    constant = np.ones(SIZE)
    constant.flags.writeable = False

    def refill() -> None:
        constant.flags.writeable = True
        constant[...] = 7.0
        constant.flags.writeable = False

    writer = Writer(refill)
    space: dict[str, Any] = {"c": constant, "o": writer, "__name__": "__main__"}
    exec(f"def f(x):\n    y = (x * c).sum()\n    {ask}\n    return y\n", space)
    assert np.array_equal(cr.grad(space["f"])(START), np.ones(SIZE))


CALLS = {
    "ufunc in a cell": lambda a, s=np.sin: (lambda: s(a, a)),
    "item": lambda a: functools_item([np.cos], a),
    "argmax": lambda a: (lambda: np.isposinf(np.ones(SIZE), a)),
    "any": lambda a: (lambda: a.clip(0.0, 0.5, a)),
    "unpacked": lambda a: (lambda: np.add(*(a, a, a))),
    "view": lambda a: (lambda: a[1:].fill(3.0)),
    "flat": lambda a: (lambda: a.flat.__setitem__(0, 3.0)),
    "attribute": lambda a: (lambda: setattr(types.SimpleNamespace(), "a", a.fill(3.0))),
    "memory": lambda a: (lambda: memoryview(a).__setitem__(0, 3.0)),
    "exec": lambda a: (lambda: exec("a[0] = 3.0", {"a": a})),
}


def functools_item(functions: Any, a: Any) -> Any:
    return lambda: functions[0](a, a)


@pytest.mark.parametrize("name", CALLS)
def test_an_input_that_a_call_writes(name: str) -> None:
    mine = START.copy()
    write = CALLS[name](mine)

    def f(x: Any) -> Any:
        y = x * x
        write()
        return (y * x).sum()

    assert np.allclose(cr.grad(f)(mine), 3 * START**2, rtol=1e-14)


def test_containers_are_looked_at_each_time() -> None:
    mine = START.copy()
    table: dict[str, Any] = {"o": 1.0}
    space: dict[str, Any] = {"TABLE": table, "__name__": "__main__"}
    exec("def f(x):\n    y = x * x\n    TABLE['o'] + 1\n    return (y * x).sum()\n", space)
    assert np.allclose(cr.grad(space["f"])(mine), 3 * START**2, rtol=1e-14)
    table["o"] = Writer(lambda: mine.__setitem__(slice(None), 9.0))
    assert np.allclose(cr.grad(space["f"])(mine), 3 * START**2, rtol=1e-14)


LISTS: dict[str, Callable[[Any], Any]] = {
    "split": lambda a: np.sum(np.split(a, 2)), "list": lambda a: np.sum(list(a)),
    "sorted": lambda a: np.sum(sorted(a)), "tolist": lambda a: np.sum(a.tolist()),
    "tuple": lambda a: np.sum(tuple(a)), "hsplit": lambda a: np.mean(np.hsplit(a, 2)),
    "meshgrid": lambda a: np.sum(np.meshgrid(a, a)), "zip": lambda a: np.sum(list(zip(a, a))),  # noqa: B905
    "dict": lambda a: np.sum(list(dict(enumerate(a)).values())),
    "reversed": lambda a: np.sum(list(reversed(a))), "map": lambda a: np.max(list(map(abs, a))),
    "gradient": lambda a: np.sum(np.gradient(a.reshape(2, 2))), "pair": lambda a: np.sum(pair(a)),
    "broadcast": lambda a: np.max(np.broadcast_arrays(a, a)), "qr": lambda a: np.sum(parts(a)),
    "divmod": lambda a: np.sum(np.divmod(a, 3.0)), "modf": lambda a: np.sum(np.modf(a)),
}  # fmt: skip


def pair(a: Any) -> Any:
    return a, 2 * a


def parts(a: Any) -> Any:
    q, r = np.linalg.qr(a.reshape(2, 2))
    return q, r


@pytest.mark.parametrize("name", LISTS)
def test_lists_that_functions_return(name: str) -> None:
    f, x = LISTS[name], np.array([1.1, 2.3, 0.7, 4.2])
    rows = np.eye(4) * 1e-6
    want = [(f(x + e) - f(x - e)) / 2e-6 for e in rows]
    assert np.allclose(cr.grad(f)(x), want, rtol=1e-6, atol=1e-8)
    assert np.allclose(cr.grad(lambda *v: np.sum(v))(*x), 1.0)
    assert np.allclose(cr.grad(lambda p: np.sum(p["w"]))({"w": [1.0, 2.0]})["w"], 1.0)
