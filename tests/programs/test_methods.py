"""Methods of plain arrays that are given traced values: ``A.dot(x)``, wherever `A` comes from.

Every way to come by an array is combined with every method, and compared with differences; forward
and reverse mode agree, and the Hessian of the squares is that of differences of the gradient.
"""

import functools
import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import LostDerivativeError

A = np.array([[0.3, -1.2, 0.7], [1.1, 0.4, -0.6], [0.2, 0.9, 1.4]])
MASK = A > 0
X = np.array([0.45, 1.75, -0.85])


class Held:
    shared = A

    def __init__(self) -> None:
        self.own, self.parts = A, [A, {"k": A}]
        self.bag = types.SimpleNamespace(inner=A)

    def get(self) -> Any:
        return self.own

    @property
    def made(self) -> Any:
        return self.own

    def by_self(self, use: Callable[..., Any], x: Any) -> Any:
        return self.own.dot(x) if use is None else use(self.own, x)


HELD = Held()
Function = Callable[..., Any]
METHODS: dict[str, Function] = {
    "dot": lambda a, x: a.dot(x),
    "dot of a matrix": lambda a, x: a.dot(np.outer(x, x)),
    "dot of numbers": lambda a, x: a.dot([x[0], 2.0, x[1] * x[2]]),
    "dot by keyword": lambda a, x: a.dot(b=x) * x[0],
    "clip": lambda a, x: a.clip(-x[0], x[1]) * x,
    "clip by keyword": lambda a, x: a.clip(max=x) * x,
    "clip from below": lambda a, x: a.clip(x * x, None),
    "searchsorted": lambda a, x: np.sort(a[0]).searchsorted(x) * x,
    "choose": lambda a, x: (a > 0).astype(int).choose([x, x * x]),
    "chained": lambda a, x: a.T.dot(a.dot(x) - 1.0),
    "row": lambda a, x: a[1].dot(x) * a[:, 0].dot(x),
    "mask": lambda a, x: (a > 0).dot(x),
    "in a comprehension": lambda a, x: np.stack([row.dot(x) for row in a]),
    "in an inner function": lambda a, x: (lambda z: a.dot(z))(x * x),
    "with a traced one": lambda a, x: (a * x).dot(x) + a.dot(a * x).sum(axis=0),
}  # fmt: skip


def places(use: Function) -> dict[str, Function]:
    """Programs that come by the array in all ways, and use it."""
    near, held = A, HELD

    def default(x: Any, a: Any = A) -> Any:
        return use(a, x)

    def unpacked(x: Any) -> Any:
        for a, _ in [(near, 1)]:
            x = use(a, x)
        return x

    return {
        "global": lambda x: use(A, x),
        "closure": lambda x: use(near, x),
        "default": default,
        "attribute": lambda x: use(held.own, x),
        "attribute of a class": lambda x: use(Held.shared, x),
        "attribute of an attribute": lambda x: use(held.bag.inner, x),
        "item": lambda x: use(held.parts[0], x),
        "item of an item": lambda x: use(held.parts[1]["k"], x),
        "result of a method": lambda x: use(held.get(), x),
        "property": lambda x: use(held.made, x),
        "method": lambda x: held.by_self(use, x),
        "computed": lambda x: use((near + near) / 2, x),
        "read-only": lambda x: use(np.broadcast_to(near, (3, 3)), x),
        "unpacked": unpacked,
    }


def slopes(f: Function, x: Any) -> Any:
    def central(h: float) -> Any:
        return np.stack([(f(x + h * e) - f(x - h * e)) / (2 * h) for e in np.eye(3)], axis=-1)

    return (4 * central(1e-4) - central(2e-4)) / 3


@pytest.mark.parametrize("method", METHODS)
def test_from_any_place(method: str) -> None:
    for place, f in places(METHODS[method]).items():
        if f(X).shape == () and place == "unpacked":
            continue
        g = lambda x, f=f: np.sum(np.asarray(f(x)) ** 2)  # noqa: E731
        want = slopes(g, X)
        value, slope = cr.value_and_grad(g)(X)
        assert value == pytest.approx(g(X), rel=1e-14), place
        assert np.allclose(slope, want, rtol=1e-6, atol=1e-7), place
        assert np.allclose([cr.jvp(g, (X,), (e,))[1] for e in np.eye(3)], slope), place
        assert np.allclose(cr.hessian(g)(X), slopes(cr.grad(g), X), rtol=1e-5, atol=1e-6), place
        assert np.allclose(cr.vmap(cr.grad(g))(np.stack([X, X * 1.1]))[0], slope), place


def test_the_code_is_the_functions_own_afterwards() -> None:
    def f(x: Any) -> Any:
        seen.extend([f.__code__, sys._getframe().f_code])
        return A.dot(x).sum()

    seen: list[Any] = []
    own = f.__code__
    cr.grad(f)(X)
    assert f.__code__ is own
    assert seen[0] is own
    assert seen[1] is not own
    with pytest.raises(ZeroDivisionError):
        cr.grad(lambda x: f(x) / 0 if seen.append(1) else 1 / 0)(X)
    assert f.__code__ is own


def test_exceptions_and_generators_are_as_ever() -> None:
    class Odd:
        def dot(self, x: Any) -> Any:
            raise KeyError("odd")

    def f(x: Any) -> Any:
        total = 0.0
        for thing in (A, Odd(), None):
            try:
                total = total + thing.dot(x).sum()
            except KeyError:
                total = total * 2
            except AttributeError:
                total = total * 3
        return total + sum(row.dot(x) for row in (r for r in A))

    assert np.allclose(cr.grad(f)(X), slopes(f, X))


def test_a_code_of_many_constants() -> None:
    """More than 255 of them, so that instructions get a prefix."""
    lines = ["def f(x):", " s = 0.0", *(f" s = s + {k}.5 * x[0]" for k in range(300))]
    lines += [*(f" q{k} = {k}" for k in range(3)), " return s + A.dot(x).clip(-9.0, x).sum()"]
    space: dict[str, Any] = {"A": A}
    exec("\n".join(lines), space)
    assert np.allclose(cr.grad(space["f"])(X), slopes(space["f"], X))


PASSED: list[Function] = [
    lambda x: sum(map(A.dot, [x, x * x])),
    lambda x: functools.reduce(lambda v, f: f(v), [A.dot, A.T.dot, A.dot], x),
    lambda x: A.dot(*[x * x]),
    lambda x: (lambda d: d(x) * d(x))(A.dot),
    lambda x: functools.partial(A.clip, max=x)(-x),
    lambda x: sorted([A[0], A[1]], key=lambda r: r.dot(x))[0] * x,
]


@pytest.mark.parametrize("f", PASSED, ids=[str(f.__code__.co_firstlineno) for f in PASSED])
def test_a_method_that_is_passed_around(f: Function) -> None:
    g = lambda x: np.sum(np.asarray(f(x)) ** 2)  # noqa: E731
    assert np.allclose(cr.grad(g)(X), slopes(g, X), rtol=1e-6, atol=1e-7)


def test_what_is_out_of_reach_is_refused_with_what_to_write() -> None:
    with pytest.raises(LostDerivativeError, match=r"write A @ \(x \* 2\)"):
        cr.grad(lambda x: getattr(A, "dot")(x * 2).sum())(X)  # noqa: B009
    with cr.interpose(False), pytest.raises(LostDerivativeError, match=r"write HELD.own.T @ x"):
        cr.grad(lambda x: HELD.own.T.dot(x).sum())(X)
    with cr.interpose(False):
        found = cr.grad(lambda x: (HELD.own.T @ x).sum() + (A @ (x * 2)).sum())(X)
    assert np.allclose(found, A.sum(axis=1) + 2 * A.sum(axis=0))
