"""Stores into arrays that were made outside the traced function, by every way of holding them.

Every holder is combined with every way of writing: value, gradient, Hessian and what stands in the
array afterwards are those of plain runs; what somebody else can see is refused.
"""

import types
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import LostDerivativeError

X = np.array([0.45, 1.75, -0.85])
START = np.array([1.0, -2.0, 0.5])
OUT = START.copy()
BOX: dict[str, Any] = {"out": START.copy()}


class Held:
    __slots__ = ("__dict__", "slot")

    def __init__(self) -> None:
        self.own, self.slot, self.parts = START.copy(), START.copy(), [START.copy()]
        self.bag = types.SimpleNamespace(inner=START.copy())


def put(out: Any, x: Any) -> None:
    out[:] = x * out


# each line writes into {a}; `x` is traced, `n` an integer
WRITES = [
    "{a}[:] = x * 2", "{a}[...] = x", "{a}[0] = x[1]", "{a}[-1] = x[0] * {a}[0]", "{a}[1:] = x[:2]",
    "{a}[[0, 2]] = x[:2]", "{a}[{a} > 0] = x[0]", "{a}[n % 3] = x[n % 3] ** 2", "{a}[1:] += x[1:]",
    "{a}[0] *= x[0]", "{a}[:2] -= x[:2] * {a}[1:]", "{a}[n] /= 2 + x[n] ** 2",
    "{a}[:] = [x[0], 1.0, x[2]]",
    "for i in range(3): {a}[i] = x[i] * i", "{a}[0], {a}[1] = x[1], x[0]", "{a}[0] = {a}[1] = x[2]",
    "{a}[0] = 3.0; {a}[1] = x[1]", "put({a}, x)", "{a}.fill(x[1])",
    "{a}.put([0, 2], x[:2])", "{a}[0] = x[0] if n else x[1]", "{a}[1] = x[1]",
    "try:\n        {a}[0] = x[0]; {a}[9] = x[1]\n    except IndexError: {a}[1] = x[2]",
]  # fmt: skip
WHOLE = ["{a} += x", "{a} *= x * 2", "{a} -= x[::-1]; {a} /= 3.0", "{a} **= 2.0; {a} += x"]
HOLDERS = {
    "attribute": "h.own", "slot": "h.slot", "attribute of an attribute": "h.bag.inner",
    "item": "h.parts[0]", "item of a dict": 'BOX["out"]', "global": "OUT", "closure": "near",
}  # fmt: skip
LOCAL = {"copy": "a = START.copy()", "computed": "a = START * 1", "alias": "a = h.own",
         "alias of a global": "a = OUT"}  # fmt: skip


def program(write: str, holder: str, before: str = "") -> dict[str, Any]:
    """A function that writes, and one that says what stands in the array."""
    names = "global OUT; " if "OUT" in (holder, before[-3:]) else ""
    names += "nonlocal near; " * (holder == "near")
    lines = ["def make(near):", "  def f(x, n=1):", f"    {names}{before}"]
    lines += ["    " + write.format(a=holder)]
    lines += [f"    return np.sum(np.sin({holder}) * W) + {holder}[0]"]
    lines += [f"  def show(): return np.array({'near' if before else holder})", "  return f, show"]
    space = {
        "np": np, "OUT": START.copy(), "BOX": {"out": START.copy()}, "START": START, "h": Held(),
        "W": np.array([1.0, 2.0, 4.0]), "put": put,
    }  # fmt: skip
    exec("\n".join(lines), space)
    space["f"], space["show"] = space["make"](START.copy())
    return space


def slopes(f: Callable[[Any], Any]) -> Any:
    def central(h: float) -> Any:
        return np.stack([(f(X + h * e) - f(X - h * e)) / (2 * h) for e in np.eye(3)], axis=-1)

    return (4 * central(1e-4) - central(2e-4)) / 3


def judge(write: str, holder: str, before: str = "") -> None:
    def fresh(x: Any) -> Any:
        return program(write, holder, before)["f"](x)

    where = f"{before}; {write.format(a=holder)}"
    plain, traced = program(write, holder, before), program(write, holder, before)
    want = plain["f"](X)
    value, slope = cr.value_and_grad(traced["f"])(X)
    assert value == pytest.approx(want, rel=1e-14), where
    assert np.allclose(slope, slopes(fresh), rtol=1e-6, atol=1e-7), where
    assert np.array_equal(traced["show"](), plain["show"]()), where
    for a in (traced["OUT"], traced["h"].own, traced["h"].slot, traced["h"].parts[0],
              traced["h"].bag.inner, traced["BOX"]["out"]):  # fmt: skip
        assert type(a) is np.ndarray, where
    assert np.array_equal(traced["h"].own, plain["h"].own), where
    new = lambda: program(write, holder, before)["f"]  # noqa: E731
    assert np.allclose([cr.jvp(new(), (X,), (e,))[1] for e in np.eye(3)], slope), where
    second = slopes(lambda x: cr.grad(new())(x))
    assert np.allclose(cr.hessian(new())(X), second, rtol=1e-5, atol=1e-6), where


@pytest.mark.parametrize("holder", HOLDERS)
def test_one_holder(holder: str) -> None:
    for write in (*WRITES, *WHOLE):
        if write.startswith("put") and holder == "closure":
            continue  # the closure is that of a function without a store
        if write not in WHOLE or not holder.startswith("item"):
            judge(write, HOLDERS[holder])


@pytest.mark.parametrize("local", LOCAL)
def test_a_local_name(local: str) -> None:
    for write in WRITES:
        if "put(" not in write and ".fill" not in write:
            judge(write, "a", LOCAL[local])


@pytest.mark.parametrize(
    "spoil",
    ["other = h.own; h.own[0] = x[0]", "view = h.own[1:]; h.own[0] = x[0]",
     "keep.append(h.own); h.own[:] = x", "h.more = h.own; h.own[:] = x",
     "it = iter(h.own); h.own[:] = x", "m = memoryview(h.own); h.own[:] = x",
     "a = START[:]; a[:] = x", "t = (h.own,); h.own[:] = x", "np.copyto(h.own, x)",
     "np.add(x, 1.0, out=h.own)", "v = h.own.T; v[0] = x[0]", "d = {1: h.own}; d[1][0] = x[0]"],
)  # fmt: skip
def test_what_somebody_else_can_see_is_refused(spoil: str) -> None:
    h = Held()
    space = {"np": np, "h": h, "keep": [], "START": START}
    exec(f"def f(x):\n    {spoil}\n    return np.sum(h.own)", space)
    for run in (lambda: cr.grad(space["f"])(X), lambda: cr.jvp(space["f"], (X,), (X,))):
        with pytest.raises(LostDerivativeError, match="plain"):
            run()
        assert type(h.own) is np.ndarray


def test_the_array_is_given_back_after_an_error_and_by_inner_traces() -> None:
    h = Held()

    def f(x: Any) -> Any:
        h.own[:] = x
        inner = cr.grad(lambda y: write(y * x[0]))(x[1])
        return np.sum(h.own**2) * inner

    def write(y: Any) -> Any:
        h.own[0] = y**2
        return h.own[0] * h.own[1]

    array = id(h.own)
    slope = cr.grad(f)(X)
    assert id(h.own) == array
    assert np.allclose(h.own, [(X[0] * X[1]) ** 2, X[1], X[2]])
    y = X[0] * X[1]
    inner = lambda x: 2 * (x[0] * x[1]) * x[0] * x[1]  # noqa: E731
    whole = lambda x: ((x[0] * x[1]) ** 4 + x[1] ** 2 + x[2] ** 2) * inner(x)  # noqa: E731
    assert np.allclose(slope, slopes(whole))
    assert y
    with pytest.raises(ZeroDivisionError):
        cr.grad(lambda x: (write(x[0]), 1 / 0)[0])(X)
    assert id(h.own) == array
    assert h.own[0] == X[0] ** 2


def test_vmap_goes_one_by_one() -> None:
    h = Held()

    def f(x: Any) -> Any:
        h.own[:] = x
        h.slot[0] += x[0]
        return np.sum(h.own**2) * h.slot[0]

    rows = np.stack([X, X * 2])
    found = cr.vmap(cr.grad(f))(rows)
    h.own, h.slot = START.copy(), START.copy()
    assert np.allclose(found, [cr.grad(f)(row) for row in rows])


def test_an_array_of_integers_takes_what_is_cut_off() -> None:
    def f(x: Any) -> Any:
        k = np.zeros(3, int)
        k[:] = x * 4
        k[1] = x[0] * 10
        k[:2] += np.array([1, 2])
        return np.sum(k * x)

    assert np.allclose(cr.grad(f)(X), slopes(f))


COPIES = ["START.copy()", "START.astype(float)", "START.flatten()", "START[::-1].copy()",
          "START.reshape(3, 1).copy().ravel()", "np.full_like(START, x[1])"]  # fmt: skip
KEPT_BY = {
    "a name": "u = {}; put(u, x)", "a dict": "d = {{'u': {}}}; d['u'] *= x[0]; u = d['u']",
    "a list": "u = [{}]; put(u[0], x); u = u[0]", "two names": "u = w = {}; put(w, x)",
}  # fmt: skip


@pytest.mark.parametrize("how", KEPT_BY)
@pytest.mark.parametrize("copied", COPIES)
def test_a_copy_is_the_functions_own(copied: str, how: str) -> None:
    scope: dict[str, Any] = {"np": np, "START": START.copy(), "put": put}
    exec("def f(x):\n    " + KEPT_BY[how].format(copied) + "\n    return np.sum(u ** 3)", scope)
    f, v = scope["f"], np.array([0.3, -0.2, 0.7])
    slope = (f(X + 1e-6 * v) - f(X - 1e-6 * v)) / 2e-6
    np.testing.assert_allclose(cr.grad(f)(X) @ v, slope, rtol=1e-7)
    np.testing.assert_array_equal(scope["START"], START)


KEEPERS = {
    "global": ("buf = np.zeros(3)", "buf"), "dict": ("box = {'b': np.zeros(3)}", "box['b']"),
    "list": ("box = [np.zeros(3)]", "box[0]"),
    "attribute": ("import types\nbox = types.SimpleNamespace(b=np.zeros(3))", "box.b"),
}


@pytest.mark.filterwarnings("ignore::chainrule.errors.EagerWarning")
@pytest.mark.parametrize("keeper", KEEPERS)
def test_jit_holds_no_work_buffer(keeper: str) -> None:
    """What jit compares before a run is not to be a second holder of the array."""
    first, name = KEEPERS[keeper]
    scope: dict[str, Any] = {"np": np}
    exec(f"{first}\ndef f(x):\n    {name}[:] = x * x\n    return np.sum({name} ** 2)", scope)
    fast = cr.jit(cr.grad(scope["f"]))
    for _ in range(4):
        np.testing.assert_allclose(fast(X), 4 * X**3, rtol=1e-14)
    np.testing.assert_allclose(cr.grad(scope["f"])(X), 4 * X**3, rtol=1e-14)
