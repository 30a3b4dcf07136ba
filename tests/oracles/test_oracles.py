"""Derivatives of small real programs agree with other libraries, where they are installed."""

import numpy as np
import pytest

import chainrule as cr

from .programs import PROGRAMS

pytestmark = pytest.mark.filterwarnings("ignore")
NAMES = list(PROGRAMS)
DIGITS = {"rtol": 1e-10, "atol": 1e-11}  # two libraries' own roundings, on values up to about 1e3


def ours(name):
    f, args = PROGRAMS[name]
    g = lambda *xs: f(np, *xs)  # noqa: E731
    vs = tuple(np.cos(np.arange(a.size, dtype=float)).reshape(a.shape) for a in args)
    grads = cr.grad(g, argnums=tuple(range(len(args))))(*args)
    second = cr.jvp(cr.grad(g, argnums=0), args, vs)[1]
    return args, vs, float(g(*args)), grads, second


@pytest.mark.parametrize("name", NAMES)
def test_autograd(name):
    anp = pytest.importorskip("autograd.numpy")
    import autograd

    f, _ = PROGRAMS[name]
    args, _, value, grads, _ = ours(name)
    g = lambda *xs: f(anp, *xs)  # noqa: E731
    assert np.allclose(g(*args), value, **DIGITS)
    for k, mine in enumerate(grads):
        assert np.allclose(autograd.grad(g, k)(*args), mine, **DIGITS)


@pytest.mark.parametrize("name", NAMES)
def test_jax(name):
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp

    f, _ = PROGRAMS[name]
    args, vs, value, grads, second = ours(name)
    g = lambda *xs: f(jnp, *xs)  # noqa: E731
    xs = [jnp.asarray(a) for a in args]
    assert np.allclose(g(*xs), value, **DIGITS)
    for mine, theirs in zip(grads, jax.grad(g, tuple(range(len(xs))))(*xs), strict=True):
        assert np.allclose(theirs, mine, **DIGITS)
    _, theirs = jax.jvp(jax.grad(g), tuple(xs), tuple(jnp.asarray(v) for v in vs))
    assert np.allclose(theirs, second, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("name", ["network", "logs_and_powers", "trigonometry", "softmax_entropy"])
def test_torch(name):
    torch = pytest.importorskip("torch")
    f, _ = PROGRAMS[name]
    args, _, value, grads, _ = ours(name)
    xs = [torch.tensor(a, requires_grad=True) for a in args]
    out = f(torch, *xs)
    out.backward()
    assert np.allclose(out.item(), value, **DIGITS)
    for x, mine in zip(xs, grads, strict=True):
        assert np.allclose(x.grad.numpy(), mine, **DIGITS)


@pytest.mark.parametrize("name", NAMES)
def test_differences(name):
    f, args = PROGRAMS[name]
    cr.check_grads(lambda *xs: f(np, *xs), args)
