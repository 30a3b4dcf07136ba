"""What a traced call leaves behind: what a plain run leaves, and no later derivative's constant."""

import collections
import dataclasses
import functools
import math
import pickle
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize

import chainrule as cr
from chainrule.errors import LeakedTracerError

X = np.array([1.0, 2.0, 3.0])


@dataclasses.dataclass
class Record:
    last: Any = None
    parts: list[Any] = dataclasses.field(default_factory=list)


class Slots:
    __slots__ = ("last",)


class Shared:
    last: Any = None
    log = np.zeros(2)


def into_list(v: Any, held: Any) -> Any:
    held.setdefault("list", []).append(v)
    return lambda: held["list"][-1]


def into_item(v: Any, held: Any) -> Any:
    held["items"] = [0, 0]
    held["items"][1] = v
    return lambda: held["items"][1]


def into_dict(v: Any, held: Any) -> Any:
    held["v"] = v
    return lambda: held["v"]


def into_defaultdict(v: Any, held: Any) -> Any:
    held.setdefault("d", collections.defaultdict(list))["k"].append(v)
    return lambda: held["d"]["k"][-1]


def into_deque(v: Any, held: Any) -> Any:
    held.setdefault("q", collections.deque(maxlen=2)).append(v)
    return lambda: held["q"][-1]


def into_dataclass(v: Any, held: Any) -> Any:
    record = held.setdefault("r", Record())
    record.last = v
    record.parts.append(v)
    return lambda: record.parts[-1]


def into_slots(v: Any, held: Any) -> Any:
    held["s"] = Slots()
    held["s"].last = v
    return lambda: held["s"].last


def into_class(v: Any, held: Any) -> Any:
    Shared.last = v
    return lambda: Shared.last


def into_namespace(v: Any, held: Any) -> Any:
    held["n"] = SimpleNamespace(v=v)
    return lambda: held["n"].v


def into_tuple(v: Any, held: Any) -> Any:
    held["t"] = (1, v)
    return lambda: held["t"][1]


def into_closure(v: Any, held: Any) -> Any:
    return lambda: v


def into_partial(v: Any, held: Any) -> Any:
    held["p"] = functools.partial(np.asarray, v)
    return lambda: held["p"].args[0]


PLACES = [into_list, into_item, into_dict, into_defaultdict, into_deque, into_dataclass, into_slots,
          into_class, into_namespace, into_tuple, into_closure, into_partial]  # fmt: skip
MODES: dict[str, Callable[[Any], Any]] = {
    "grad": lambda f: cr.grad(f)(X), "value": lambda f: cr.value_and_grad(f)(X),
    "jvp": lambda f: cr.jvp(f, (X,), (X,)), "vjp": lambda f: cr.vjp(f, X),
    "hessian": lambda f: cr.hessian(f)(X), "linearize": lambda f: cr.linearize(f, X),
    "jacobian": lambda f: cr.jacobian(f)(X), "scaled": lambda f: cr.grad(lambda t: f(t * X))(1.0),
}  # fmt: skip
LOOKS: dict[str, Callable[[Any], Any]] = {
    "array": np.asarray, "list": lambda v: np.array([v, v]), "text": str, "format": "{:}".format,
    "sum": lambda v: v + v, "sin": np.sin, "norm": np.linalg.norm, "pickle": lambda v: pickle.loads(
        pickle.dumps(v)), "equal": lambda v: v == 14.0, "next": lambda v: cr.grad(np.sum)(v),
    "isinstance": lambda v: isinstance(v, np.ndarray), "mean": lambda v: np.mean([v, v]),
}  # fmt: skip


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("keep", PLACES, ids=lambda f: f.__name__)
def test_what_is_kept_is_what_a_plain_run_leaves(keep: Any, mode: str) -> None:
    for made in (lambda x: np.sum(x * x), lambda x: x * x, lambda x: (x * x)[1:]):
        looks: list[Any] = []
        held: dict[str, Any] = {}

        def f(x: Any, made: Any = made, looks: Any = looks, held: Any = held) -> Any:
            looks.append(keep(made(x), held))
            return np.sum(x * x)

        f(X)
        plainly = looks[-1]()
        MODES[mode](f)
        for name, look in LOOKS.items():
            kept = looks[-1]()
            assert np.array_equal(look(kept), look(plainly)), name
        with pytest.raises(LeakedTracerError):
            cr.grad(lambda x, looks=looks: np.sum(x) * np.sum(looks[-1]()))(X)
        assert np.array_equal(looks[-1](), plainly)


@pytest.mark.parametrize("write", [
    lambda y: y.__setitem__(0, 0.0), lambda y: np.asarray(y).__setitem__(0, 0.0),
    lambda y: y[:2].__setitem__(0, 0.0), lambda y: y.T.fill(0.0), lambda y: y.view().fill(0.0),
    lambda y: y.reshape(3, 1).fill(0.0), lambda y: y.sort(), lambda y: np.add(y, 1.0, out=y),
    lambda y: np.ravel(y).fill(2.0), lambda y: np.add.at(y, [0], 1.0), lambda y: y.put(0, 5.0),
    lambda y: [row.fill(1.0) for row in y.reshape(3, 1)],
])  # fmt: skip
def test_writes_into_what_is_kept_do_not_reach_a_pullback(write: Any) -> None:
    kept: list[Any] = []

    def f(x: Any) -> Any:
        kept.append(np.exp(-x))
        return np.sum(kept[-1] * kept[-1])

    _, pullback = cr.vjp(f, X)
    write(kept[0])
    plain = np.exp(-X)
    write(plain)
    assert np.array_equal(kept[0], plain)
    np.testing.assert_allclose(pullback(1.0)[0], -2 * np.exp(-2 * X))
    with pytest.raises(LeakedTracerError):
        cr.grad(lambda x: np.sum(x * kept[0]))(X)


def test_the_history_of_an_optimisation() -> None:
    history: list[Any] = []
    best: list[Any] = [None]

    def loss(x: Any) -> Any:
        value = np.sum((x - 1.0) ** 2)
        history.append(value)
        if best[0] is None or value < best[0]:
            best[0] = value
        best[0] = min(best[0], value)
        return value

    found = minimize(loss, np.zeros(2), jac=cr.grad(loss))
    assert np.array(history).dtype == float
    assert math.isclose(float(best[0]), found.fun, abs_tol=1e-12)
    assert math.isclose(math.fsum(history), sum(map(float, history)))


def test_a_memo_of_another_call_is_no_constant() -> None:
    memo: dict[float, Any] = {}

    def f(x: Any) -> Any:
        key = float(cr.stop_gradient(x))
        if key not in memo:
            memo[key] = x**2
        return memo[key] * x

    assert cr.grad(f)(2.0) == 12.0
    assert f(2.0) == 8.0
    with pytest.raises(LeakedTracerError):
        cr.grad(f)(2.0)

    def threaded(x: Any) -> Any:
        found: list[Any] = []
        thread = threading.Thread(target=lambda: found.append(catch(lambda: memo[2.0] * 1.0)))
        thread.start()
        thread.join()
        return x if isinstance(found[0], LeakedTracerError) else x * found[0]

    def catch(function: Any) -> Any:
        try:
            return function()
        except LeakedTracerError as error:
            return error

    assert cr.grad(threaded)(2.0) == 1.0  # refused there, too


def test_a_rule_does_not_read_what_is_kept() -> None:
    kept: list[Any] = []
    square = cr.custom_rule(lambda x: x * x, vjp=lambda ct, y, x: (ct * 2 * kept[0],), check=False)

    def f(x: Any) -> Any:
        kept[:] = [x * 1.0]
        return square(x)

    with pytest.raises(cr.ChainRuleError):
        cr.grad(f)(2.0)


def test_what_a_class_holds() -> None:
    def f(x: Any) -> Any:
        Shared.log[0] = x
        return Shared.log[0] ** 2

    assert cr.grad(f)(3.0) == 6.0
    assert type(Shared.log) is np.ndarray
    assert Shared.log.tolist() == [3.0, 0.0]


@pytest.mark.parametrize("method", ["BFGS", "CG", "Newton-CG", "SLSQP", "TNC", "trust-constr"])
def test_a_derivative_as_a_callback_inside(method: str) -> None:
    def outer(p: Any) -> Any:
        f = lambda x: np.sum((x - p) ** 2) + np.sum(x**4)  # noqa: E731
        return np.sum(minimize(f, np.ones(2), jac=cr.grad(f), method=method, tol=1e-10).x)

    x = np.roots([4.0, 0.0, 2.0, -1.4])
    at = float(x[np.isreal(x)].real[0])
    assert math.isclose(cr.grad(outer)(0.7), 2 * 2 / (2 + 12 * at**2), rel_tol=1e-6)
