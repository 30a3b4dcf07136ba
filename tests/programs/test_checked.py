"""`checked` and the plain runs of `check`: what the engine would lose in silence is found."""

import gc
import random
import threading
import warnings
from itertools import count

import numpy as np
import pytest

import chainrule
from chainrule import check, checked, custom_rule, grad, hessian, hvp, jacobian, jvp, vjp, vmap
from chainrule.errors import CheckError, UncheckedWarning
from chainrule.tracing.running import running
from chainrule.tracing.tracer import concrete

RIGHT = {
    "scalar": (lambda x: np.sin(x) ** 2, 0.5),
    "array": (lambda x: np.sum(np.exp(x) * x[::-1]), np.array([0.5, 1.0, -2.0])),
    "kink": (lambda x: np.sum(np.abs(x)), np.array([0.0, 1.0])),
    "tie": (lambda x: np.max(x), np.array([1.0, 1.0, 0.0])),
    "single": (lambda x: np.sum(x**3), np.array([1.0, 2.0], np.float32)),
    "complex": (lambda z: np.abs(z) ** 2, 1 + 2j),
    "container": (lambda p: p["a"] * np.sum(p["b"][0]), {"a": 2.0, "b": [np.arange(3.0)]}),
    "stopped": (lambda x: chainrule.stop_gradient(x) * x, 3.0),
    "global draws": (lambda x: x * random.random(), 2.0),
    "loop": (lambda x: sum(x**k / (k + 1) for k in range(5)), 0.7),
    "stores": (lambda x: _stores(x).sum(), np.array([1.0, 2.0])),
}


def _stores(x):
    out = np.zeros(3)
    out[1:] = x**2
    out[0] = x[0] * x[1]
    x *= 2
    return out


@pytest.mark.parametrize("name", RIGHT)
def test_right_derivatives_pass_and_stay_the_same(name):
    f, x = RIGHT[name]
    random.seed(3)
    plain, after = grad(f)(x), random.random()
    random.seed(3)
    with checked():
        found = grad(f)(x)
    assert random.random() == after  # the checks drew nothing of the program's stream
    for a, b in zip(*(chainrule.tree.flatten(t)[0] for t in (plain, found)), strict=True):
        np.testing.assert_array_equal(a, b)


def _hide(x):
    """Turn a traced value into a plain number behind the engine's back."""
    return concrete(x)


def _loses(x):
    a = 3 * x
    b = _hide(a)
    c = b * 2
    return np.sum(c + x)


def _other_value(x):
    y = 2 * x
    if concrete(x) is not x:
        y = y + 1
    return np.sum(y)


TAKEN = {
    "grad": lambda f, x: grad(f)(x),
    "value_and_grad": lambda f, x: chainrule.value_and_grad(f)(x),
    "vjp": lambda f, x: vjp(f, x),
    "jvp": lambda f, x: jvp(f, (x,), (np.ones_like(x),)),
    "jacobian": lambda f, x: jacobian(f)(x),
    "linearize": lambda f, x: chainrule.linearize(f, x),
    "hessian": lambda f, x: hessian(lambda y: f(y) ** 2)(x),
    "hvp": lambda f, x: hvp(lambda y: f(y) ** 2, x, np.ones_like(x)),
    "vmap": lambda f, x: vmap(grad(f))(x[None]),
    "explain": lambda f, x: chainrule.explain(f, x),
}


@pytest.mark.parametrize("how", TAKEN)
@pytest.mark.parametrize("f", [_loses, _other_value])
def test_every_derivative_that_is_wrong_raises_with_both_numbers_and_the_line(how, f):
    x = np.array([1.5, 0.5])
    with checked(), pytest.raises(CheckError) as caught:
        TAKEN[how](f, x)
    assert "plain run" in str(caught.value)
    line = "return concrete(x)" if f is _loses else "_other_value"
    if how not in ("hessian", "hvp"):  # there the outer level speaks first, of its own line
        assert line in caught.value.where


def test_a_collection_of_garbage_in_the_middle_hides_no_line():
    def called(phase, info):
        now = len(info)
        assert now

    def f(x):
        made = list(map(list, [()] * next(counts)))  # another number of collections in each run
        return np.sum(_hide(3 * x) * 2 + x) + 0 * len(made)

    counts = count(0, 100)
    before = gc.get_threshold()
    gc.callbacks.append(called)
    gc.set_threshold(100)
    try:
        with checked(), pytest.raises(CheckError) as caught:
            grad(f)(np.array([1.5, 0.5]))
    finally:
        gc.callbacks.remove(called)
        gc.set_threshold(*before)
    assert "return concrete(x)" in caught.value.where


def test_the_outer_level_is_compared_too():
    def f(x):
        return np.sum(x**2)

    def outer(x):
        return np.sum(_hide(grad(f)(x)) * x)

    with checked(), pytest.raises(CheckError):
        grad(outer)(np.array([1.0, 2.0]))


RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (lambda x: x * RNG.random(), "two plain runs differ"),
        (lambda x: x * np.nan, "not finite"),
        (lambda x: np.floor(x) * x, "jumps here"),
    ],
)
def test_what_cannot_be_compared_warns_with_the_reason(f, words):
    with checked(), pytest.warns(UncheckedWarning, match=words) as caught:
        grad(f)(2.0)
    assert caught[0].filename == __file__
    assert words in check(f, 2.0).text()
    assert "nothing is lost" not in check(f, 2.0).text()


def test_check_compares_with_a_plain_run():
    assert "value and derivative are those of plain runs" in check(np.sin, 0.5).text()
    for f in (_loses, _other_value):
        found = check(f, np.array([1.5, 0.5]))
        assert not found
        assert [g.kind for g in found] == ["differs"]
        assert "nothing is lost" not in found.text()


def test_a_wrong_rule_is_found():
    calls = []

    def g(x):
        return np.asarray(x) ** 2

    rule = custom_rule(g, partial=lambda y, x: 2 * x)
    grad(rule)(1.0)  # at first use the rule is compared once

    def late(x):
        calls.append(1)
        return rule(x)

    with checked():
        assert grad(late)(3.0) == 6.0
    assert len(calls) > 5


def test_it_ends_with_the_block_and_holds_for_one_thread():
    seen = []
    with checked():
        thread = threading.Thread(target=lambda: seen.append(running.check))
        thread.start()
        thread.join()
        assert running.check is not None
    assert seen == [None]
    assert running.check is None
    assert grad(_loses)(np.array([1.5])) == 1.0  # unchecked again: the planted fault goes through


def test_the_environment_variable(tmp_path):
    import os
    import subprocess
    import sys

    program = tmp_path / "program.py"
    program.write_text(
        "import numpy as np, threading, chainrule\n"
        "from chainrule.tracing.tracer import concrete\n"
        "def f(x):\n    return np.sum(x * concrete(x))\n"
        "def run():\n"
        "    try:\n        print(chainrule.grad(f)(np.ones(2)))\n"
        "    except chainrule.ChainRuleError as e:\n        print(type(e).__name__)\n"
        "run()\nt = threading.Thread(target=run)\nt.start()\nt.join()\n"
    )
    for value, words in (("1", "CheckError\nCheckError\n"), ("0", "[1. 1.]\n[1. 1.]\n")):
        done = subprocess.run(
            [sys.executable, str(program)], capture_output=True, text=True, check=True,
            env={**os.environ, "CHAINRULE_CHECKED": value},
        )  # fmt: skip
        assert done.stdout == words


def test_nothing_of_it_remains_after_an_error():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ZeroDivisionError), checked():
            grad(lambda x: 1 // 0)(1.0)
    assert running.check is None
    assert running.stopped is None


def test_a_cache_with_rounded_keys_that_a_plain_call_filled_is_told():
    cache = {}

    def f(a):
        k = round(float(a), 6)
        if k not in cache:
            cache[k] = a * a
        return cache[k] * 1.0

    f(0.8123456789)
    with pytest.raises(CheckError, match="0 in the traced one"), checked():
        grad(f)(0.8123456789)
    assert "the traced run is not the plain one" in str(check(f, 0.8123456789))
    f(0.8)  # which counts as itself rounded, so that it is looked at beside
    assert grad(f)(0.8) == pytest.approx(1.6, rel=1e-12)
