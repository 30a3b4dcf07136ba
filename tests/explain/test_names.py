"""The user's own names and lines."""

import numpy as np

from chainrule.explain import explain
from chainrule.explain.names import leaf_name, pretty


def shown(derivation):
    return [s["text"] for s in derivation.document["symbols"].values() if s["kind"] == "step"]


def test_assignments_loops_and_calls_are_named():
    def scale(u):
        inner = u * 3.0
        return inner

    def f(theta, x1):
        a = theta * x1
        b, c = a + 1.0, a - 1.0
        for _ in range(2):
            b = np.sin(b)
        d = scale(b) * c
        d += theta
        return d

    derivation = explain(f, 0.5, 0.3, argnums=(0, 1))
    found = shown(derivation)
    assert found[:5] == ["a", "b⁽¹⁾", "c", "b⁽²⁾", "b⁽³⁾"]
    assert "inner" in found
    assert found[-1] == "d⁽²⁾"
    names = [s["text"] for s in derivation.document["symbols"].values() if s["kind"] == "input"]
    assert names == ["θ", "x₁"]


def test_a_name_like_an_input_gets_a_turn():
    def f(x):
        x = x * 2.0
        return np.sin(x)

    assert shown(explain(f, 0.5))[0] == "x⁽¹⁾"


def test_source_places_are_the_users():
    def f(x):
        return np.tanh(x) + 1.0

    for row in explain(f, 0.5).document["forward"]:
        assert row["source"]["file"] == "test_names.py"
    texts = [row["source"]["text"] for row in explain(f, 0.5).document["forward"]]
    assert texts == ["np.tanh(x)", "np.tanh(x) + 1.0"]


def test_data_and_closure_constants_are_named():
    matrix = np.arange(6.0).reshape(2, 3) + 1

    def f(w, data, factor):
        return np.sum((matrix @ w - data) ** 2) * factor

    derivation = explain(f, np.ones(3), np.array([1.0, 2.0]), 0.25)
    kinds = {s["text"]: s["kind"] for s in derivation.document["symbols"].values()}
    assert kinds["matrix"] == "constant"
    assert kinds["data"] == kinds["factor"] == "data"


def test_a_constant_that_changes_is_two_constants():
    def f(x):
        c = np.array([1.0, 2.0])
        a = x * c
        c[:] = 5.0
        return np.sum(a * (x * c))

    derivation = explain(f, np.array([0.5, 0.7]))
    values = [derivation.values[s["id"]].tolist() for s in derivation.document["symbols"].values()
              if s["kind"] == "constant"]  # fmt: skip
    assert sorted(values) == [[1.0, 2.0], [5.0, 5.0]]


def test_unused_work_is_not_shown():
    def f(x):
        np.exp(x)
        return np.sin(x)

    assert "exp" not in explain(f, 0.5).text()


def test_names_are_taken_apart():
    assert pretty("W1") == ("W", "1")
    assert pretty("theta") == ("θ", "")
    assert pretty("x_12") == ("x", "12")
    assert leaf_name("params['W1']") == "W1"
    assert leaf_name("layers[0]['b']") == "b0"
    assert leaf_name("net.bias") == "bias"
