"""Parameters in containers of every class: the gradient is a container alike, in every mode.

Each class holds the same parameters and constants, and the same function is taken of it; the truth
is the gradient of that function of bare arrays.
"""

import collections
import copy
import dataclasses
import enum
import functools
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import pydantic
import pytest

import chainrule as cr
from chainrule.errors import InputTypeError

W = np.array([[0.4, -0.7], [1.2, 0.3], [-0.5, 0.9]])
B = np.array([0.2, -0.1])
ROWS = np.array([2, 0])


class Kind(enum.Enum):
    TANH = "tanh"


CONSTANTS: dict[str, Any] = {
    "name": "layer", "kind": Kind.TANH, "flag": True, "mask": np.array([True, False]), "none": None,
    "act": np.tanh, "n": 2, "rows": ROWS,
}  # fmt: skip


class Plain:
    def __init__(self, **kw: Any) -> None:
        self.__dict__.update(kw)
        self.by_name = {"apply": self.apply}
        self.by_lambda = lambda x: x @ self.W

    def apply(self, x: Any) -> Any:
        return x @ self.W

    def __call__(self, x: Any) -> Any:
        return self.by_name["apply"](x) + self.by_lambda(x)


class Slots:
    __slots__ = ("W", "b", *CONSTANTS)

    def __init__(self, **kw: Any) -> None:
        for k, v in kw.items():
            setattr(self, k, v)


class Child(Slots):
    __slots__ = ("extra",)


NAMES = ["W", "b", *CONSTANTS]
Data = dataclasses.make_dataclass("Data", NAMES)
Frozen = dataclasses.make_dataclass("Frozen", NAMES, frozen=True, slots=True)


class Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(arbitrary_types_allowed=True, frozen=True)
    W: Any
    b: Any
    name: str
    kind: Kind
    flag: bool
    mask: Any
    none: Any
    act: Any
    n: int
    rows: Any


Named = collections.namedtuple("Named", NAMES)  # type: ignore[misc]


class Outer:
    def __init__(self, inner: Any) -> None:
        self.parts, self.title = [inner], "outer"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "parts":
            raise AttributeError(name)
        return getattr(self.parts[0], name)


CLASSES: dict[str, Callable[..., Any]] = {
    "namespace": types.SimpleNamespace, "plain": Plain, "slots": Slots, "child": Child,
    "dataclass": Data, "frozen dataclass": Frozen, "pydantic": Model, "named tuple": Named,
    "nested": lambda **kw: Outer(Plain(**kw)),
    "nested in a dict": lambda **kw: Outer(types.SimpleNamespace(**kw)),
}  # fmt: skip
X = np.array([[0.3, -0.2, 0.8], [1.0, 0.6, -0.4]])


def loss(p: Any, x: Any) -> Any:
    if p.name != "layer" or p.kind is not Kind.TANH or not p.flag:
        return 0.0 * np.sum(p.W)
    y = p.act(p(x) / 2 if isinstance(p, Plain) else x @ p.W) + p.b
    total = np.sum(y[:, p.mask] ** 2) + np.sum(p.W[p.rows] ** 3) + np.sum(x[p.rows - 1] * p.W[0, 0])
    for i in range(p.n):
        total = total + p.b[i] * p.W[i, 1]
    return total / p.n + np.sum(p.W[: p.n]) * np.sum(np.ones(p.n))


def of_arrays(w: Any, b: Any, x: Any = X) -> Any:
    return loss(types.SimpleNamespace(**(CONSTANTS | {"W": w, "b": b})), x)


@pytest.mark.parametrize("cls", CLASSES)
def test_a_gradient_is_a_container_alike(cls: str) -> None:
    p = CLASSES[cls](W=W.copy(), b=B.copy(), **CONSTANTS)
    before = repr(vars(p)) if hasattr(p, "__dict__") else ""
    dw, db = cr.grad(of_arrays, (0, 1))(W, B)
    value, g = cr.value_and_grad(loss)(p, X)
    assert value == pytest.approx(of_arrays(W, B), rel=1e-14)
    assert type(g) is type(p)
    assert np.allclose(g.W, dw)
    assert np.allclose(g.b, db)
    assert (g.name, g.kind, g.act, g.none, g.flag) == ("layer", Kind.TANH, np.tanh, None, False)
    assert not np.any(g.mask)
    assert not np.any(g.rows)
    assert before == (repr(vars(p)) if hasattr(p, "__dict__") else "")
    again, pull = cr.vjp(loss, p, X)
    assert again == value
    assert np.allclose(pull(2.0)[0].W, 2 * dw)
    slope = cr.jvp(loss, (p, X), (g, X * 0))[1]
    assert np.isclose(cr.linearize(loss, p, X)[1](g, X * 0), slope)
    assert np.isclose(slope, np.sum(dw * dw) + np.sum(db * db) + g.n * g.n)
    assert np.allclose(cr.jacobian(lambda q: q.b * 3)(p).b, 3 * np.eye(2))
    blocks = cr.hessian(loss)(p, X)
    assert np.allclose(blocks.W.b, cr.jacobian(cr.grad(of_arrays, 0), 1)(W, B))
    assert np.allclose(cr.hvp(lambda q: loss(q, X), p, g).b.shape, (2,))


@pytest.mark.parametrize("wrap", [lambda v: {"p": v}, lambda v: [1.0, (v,)], lambda v: (v, {})])
def test_objects_inside_containers(wrap: Callable[[Any], Any]) -> None:
    p = Plain(W=W, b=B, **CONSTANTS)

    def f(tree: Any) -> Any:
        found = tree["p"] if isinstance(tree, dict) else tree[0] if type(tree[0]) is Plain else (
            tree[1][0])  # fmt: skip
        return loss(found, X)

    g = cr.grad(f)(wrap(p))
    assert type(g) is type(wrap(p))
    assert "by_lambda" in repr(vars(p))
    assert p.W is W


@dataclasses.dataclass
class Box:
    w: Any
    h: Any
    name: str = "box"
    area: Any = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        import math

        self.area = self.w * self.h
        self.half = np.array([self.w, math.sqrt(self.h)]) / 2

    @functools.cached_property
    def square(self) -> Any:
        return self.w**2


def test_what_post_init_computes_is_computed_again() -> None:
    box = Box(2.0, 3.0)
    assert box.square == 4.0
    f = lambda b: b.area**2 + b.half[1] * b.square  # noqa: E731
    g = cr.grad(f)(box)
    assert np.isclose(g.w, 2 * 6 * 3 + np.sqrt(3) / 2 * 4)
    assert np.isclose(g.h, 2 * 6 * 2 + 4 / (4 * np.sqrt(3)))
    assert g.area == 0.0
    assert repr(box) == "Box(w=2.0, h=3.0, name='box', area=6.0)"
    assert box.square == 4.0
    assert np.isclose(cr.jvp(f, (box,), (Box(1.0, 0.0),))[1], g.w)


def test_what_cannot_be_computed_again_is_refused() -> None:
    @dataclasses.dataclass
    class Counted:
        w: Any
        calls = 0

        def __post_init__(self) -> None:
            Counted.calls += 1
            self.k = self.w * Counted.calls

    with pytest.raises(InputTypeError, match=r"Counted\.k was computed by __post_init__"):
        cr.grad(lambda c: c.k)(Counted(2.0))

    @dataclasses.dataclass
    class Cured:
        w: Any

        @property
        def k(self) -> Any:
            return self.w * 2

    assert cr.grad(lambda c: c.k)(Cured(2.0)).w == 2.0


def test_an_object_that_holds_itself_is_refused() -> None:
    p = types.SimpleNamespace(w=1.0)
    p.me = p
    with pytest.raises(InputTypeError, match="holds itself"):
        cr.grad(lambda q: q.w)(p)
    q = types.SimpleNamespace(w=1.0)
    with pytest.raises(InputTypeError, match="stands twice"):
        cr.grad(lambda a, b: a.w * b.w, argnums=(0, 1))(q, q)
    assert cr.grad(lambda a, b: a.w * b.w, argnums=(0, 1))(q, copy.deepcopy(q))[0].w == 1.0


def test_the_object_is_as_it_was_after_an_error() -> None:
    p = Plain(W=W, b=B, **CONSTANTS)

    def f(q: Any) -> Any:
        q.W = q.W * 2
        q.fresh = q.b * 1
        raise KeyError("x")

    with pytest.raises(KeyError):
        cr.grad(f)(p)
    assert p.W is W
    assert not hasattr(p, "fresh")


def test_empty_containers() -> None:
    assert cr.grad(lambda a, b: b**2, argnums=(0, 1))({}, 1.0) == ({}, 2.0)
    assert cr.grad(lambda a: 3.0)({}) == {}
    assert cr.grad(lambda a, b: b["x"] * 2, argnums=(0, 1))([], {"x": 1.0, "y": []}) == (
        [], {"x": 2.0, "y": []},
    )  # fmt: skip
    assert cr.jvp(lambda a, b: b**2, ({}, 3.0), ({}, 1.0)) == (9.0, 6.0)
    assert cr.vjp(lambda a, b: b**2, (), 3.0)[1](1.0) == ((), 6.0)


@pytest.mark.parametrize("shape", [(1,), (1, 1)])
def test_an_array_of_one_number_has_a_gradient(shape: Any) -> None:
    f = lambda x: np.reshape(np.sum(x**3), shape)  # noqa: E731
    x = np.array([1.0, 2.0])
    value, g = cr.value_and_grad(f)(x)
    assert value.shape == shape
    assert np.allclose(g, 3 * x**2)
    assert np.allclose(cr.hessian(f)(x), np.diag(6 * x))


@pytest.mark.parametrize("kind", [int, np.uint8, np.int32])
def test_integers_are_promoted(kind: Any) -> None:
    n = np.array([1, 2, 3], dtype=kind)
    f = lambda x: np.sum(x**3 / 2)  # noqa: E731
    assert np.allclose(cr.grad(f)(n), 1.5 * n.astype(float) ** 2)
    assert np.allclose(cr.hessian(f)(n), np.diag(3.0 * n))
    assert cr.jvp(f, (n,), (np.ones(3),))[1] == cr.grad(f)(n).sum()
    assert cr.grad(lambda i, x: x[i][0], argnums=(0, 1))(n, np.arange(4.0))[1].tolist() == [
        0.0, 1.0, 0.0, 0.0,
    ]  # fmt: skip


class Ring(list):  # type: ignore[type-arg]
    """A container of its own kind: a subclass of a class in C."""


def test_a_container_of_ones_own() -> None:
    cr.register_pytree_node(Ring, lambda r: (tuple(r), None), lambda _, parts: Ring(parts))
    g = cr.grad(lambda r: r[0] * r[1] ** 2)(Ring([2.0, 3.0]))
    assert type(g) is Ring
    assert g == [9.0, 12.0]
    assert type(cr.vjp(lambda x: Ring([x, x]), 1.0)[0]) is Ring
