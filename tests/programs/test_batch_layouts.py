"""Random programs whose numbers hang on how arrays lie in memory: `vmap`, `grad` and plain runs.

A program makes arrays in some order, takes views, stores through them, asks for flags, and reads
what the stores reached. The oracle is a plain loop over the slices of the batch, and differences.
CHAINRULE_LAYOUTS sets how many programs are run.
"""

import os
import random
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.core.memory import own_copy

COUNT = int(os.environ.get("CHAINRULE_LAYOUTS", "150"))
MATRICES = [
    "np.zeros((2, 3), order={o})", "np.ones((2, 3), order={o})", "np.full((2, 3), s, order={o})",
    "np.outer({v}, {w})", "np.stack([{v}, {v}])", "np.stack([{v}, {v}], axis=1)",
    "np.asfortranarray({m})", "np.array({m}, order={k})", "np.array([{v}, {v}], order={k})",
    "{m}.copy(order={k})", "np.copy({m}, order={k})", "np.zeros_like({m})",
    "np.ones_like({m}, order={k})", "{m} * s", "{m} + {n}", "np.sin({m})", "{m}.T", "{m}[::-1]",
    "{m}[:, ::-1]", "{m}[:, [1, 0]]", "{m}[[1, 0]]", "np.take({m}, [1, 0], axis=1)",
    "np.concatenate([{m}, {m}])", "np.concatenate([{m}, {m}], axis=1)", "{m} @ {m}.T",
    "np.where({m} > 0.3, {m}, s)", "np.cumsum({m}, axis=0)", "np.sort({m}, axis=0)",
    "np.tile({v}, (2, 1))", "np.broadcast_to({v}, (2, len({v}))).copy()",
    "np.require({m}, requirements={q})", "np.ascontiguousarray({m})", "np.asarray({m}, order={k})",
    "{m}.astype(float, order={k})", "np.reshape({m}, {m}.shape[::-1], order={a})",
    "np.einsum('ij->ji', {m})", "np.einsum('ij,j->ij', {m}, {m}[0])", "np.diag({v})",
    "np.meshgrid({v}, {w})[0]", "np.roll({m}, 1, axis=0)", "np.vstack([{v}, {v}])",
    "np.column_stack([{v}, {v}])", "np.pad({m}, 1)", "np.swapaxes({m}, 0, 1)",
    "np.linalg.inv({m} @ {m}.T + 9 * np.eye(len({m})))", "np.moveaxis({m}, 0, 1)",
    "np.repeat({m}, 2, axis=1)", "np.add({m}, 1.0, order={k})", "np.multiply.outer({v}, {w})",
    "np.maximum({m}, {n})", "np.clip({m}, -1, 1)", "{m}[1:]", "{m}[:, 1:]", "{m}[:, ::2]",
    "np.atleast_2d({v})", "np.delete({m}, 0, axis=1)", "np.insert({m}, 1, s, axis=1)",
    "np.flip({m})", "np.rot90({m})", "np.real({m})", "np.squeeze({m}[None])", "np.triu({m})",
    "np.array([[{v}[0], {v}[1]], [{v}[1], s]], order={k})", "np.kron({v}, np.ones((2, 1)))",
    "np.linalg.qr({m} + 1)[0]", "np.exp({m}.T)", "np.hstack([{m}.T, {m}.T])",
]  # fmt: skip
VECTORS = [
    "np.ravel({m})", "{m}.ravel()", "{m}.ravel({k})", "np.ravel({m}, order={k})",
    "{m}.flatten({k})", "{m}.reshape(-1)", "np.reshape({m}, -1, order={a})", "{m}[0]",
    "{m}[:, 0]", "{m}[:, 0].ravel()", "np.ascontiguousarray({m}[:, 1])",
    "np.diagonal({m}).copy()", "{v}[::-1]", "{v}[::2]", "{v}.copy()", "{v} * s", "np.ravel({v})",
    "{v}.reshape(1, -1)[0]", "np.ascontiguousarray({v})", "np.require({v}, requirements=['C'])",
    "np.sum({m}, axis=0)", "{m}.T.ravel()", "{m}.T.reshape(-1)", "np.concatenate([{v}, {w}])",
    "np.ravel({m}[:, 1:])", "{m}[1:].ravel()", "{m}[:, 1:].reshape(-1)", "{m}[0, ::-1]",
]  # fmt: skip
STORES = [
    "{v}[0] = s", "{v}[-1] += s", "{m}[0, 0] = s", "{m}[1] *= s", "{m}[:, 0] = s", "{m} *= 2.0",
    "{v}[:] = {v}[::-1].copy()", "np.fill_diagonal({m}, s)", "{m}.flat[1] = s", "{v} += s",
    "{m}.T[0] = s", "np.copyto({v}, s)", "{m}[...] = {m}[::-1].copy()", "np.put({m}, [1], s)",
    "np.add({v}, 1.0, out={v})", "{v}.fill(s)", "{m}.ravel()[0] = s", "{m}.reshape(-1)[1] = s",
    "np.ascontiguousarray({m})[0] = s", "np.asfortranarray({m})[0, 0] = s",
    "{m}.ravel({k})[1] = s", "np.add.at({v}, [0, 0], s)", "{m}[{m} > 0.5] = s",
    "{m}.reshape((1, -1), order={a})[0, 1] = s",
]  # fmt: skip
READS = [
    "{m}.flags.c_contiguous", "{m}.flags.f_contiguous", "{v}.flags.c_contiguous",
    "{m}.flags['F_CONTIGUOUS'] * s", "{m}.strides[0] > {m}.strides[1]", "{m}.flags.forc",
    "np.isfortran({m})", "{m}.flags.writeable", "np.shares_memory({m}, {v})",
    "np.may_share_memory({m}, {n}.ravel())",
]  # fmt: skip
FIRST = {
    1: ["np.outer(x, x)", "np.stack([x, x + 1])", "np.ones((2, 4), order='F') * x",
        "np.zeros((2, 4))", "x.reshape(2, -1)", "x.reshape((2, -1), order='F')",
        "np.zeros((2, 3), order='F')"],
    2: ["x.ravel()", "x[0]", "x[:, 0]", "x.sum(axis=0)", "x.reshape(-1)", "x.flatten('A')"],
}  # fmt: skip


def program(draw: random.Random, ndim: int) -> str:
    """Write a function of an array `x` of this many axes."""
    names = {"v": ["x"] if ndim == 1 else ["y"], "m": ["x"] if ndim == 2 else ["y"]}
    lines = ["s, r = np.sum(x) * 0.1, 0.0", f"y = {draw.choice(FIRST[ndim])}"]

    def fill(text: str) -> str:
        def one(kind: str) -> str:
            return draw.choice([*names[kind][-3:], names[kind][0]])

        return text.format(
            v=one("v"), w=one("v"), m=one("m"), n=one("m"), o=draw.choice(["'C'", "'F'"]),
            a=draw.choice(["'C'", "'F'", "'A'"]), k=draw.choice(["'C'", "'F'", "'A'", "'K'"]),
            q=draw.choice(["['C']", "['F']", "['F', 'O']"]),
        )  # fmt: skip

    for step in range(draw.randrange(3, 9)):
        at = draw.random()
        if at < 0.6:
            kind, texts = ("m", MATRICES) if at < 0.35 else ("v", VECTORS)
            lines.append(f"{kind}{step} = {fill(draw.choice(texts))}")
            names[kind].append(f"{kind}{step}")
        else:
            lines.append(fill(draw.choice(STORES) if at < 0.9 else f"r += {draw.choice(READS)}"))
    read = dict.fromkeys(["x", "y", *names["m"][-3:], *names["v"][-3:]])
    lines.append("return r + " + " + ".join(f"total({name})" for name in read))
    return "def f(x):\n" + "".join(f"    {line}\n" for line in lines)


def total(a: Any) -> Any:
    return np.sum(a * np.arange(1.0, a.size + 1).reshape(a.shape))


def batch(rng: np.random.Generator, shape: tuple[int, ...], axis: int) -> Any:
    """Draw three examples along an axis: in C order, in Fortran's, with gaps, or transposed."""
    full = [*shape]
    full.insert(axis if axis >= 0 else len(shape), 3)
    x = rng.uniform(0.1, 1.0, full)
    way = rng.integers(4)
    if way == 1:
        return np.asfortranarray(x)
    if way == 2:
        wide = np.zeros([2 * n for n in full])[(slice(None, None, 2),) * x.ndim]
        wide[...] = x
        return wide
    return np.ascontiguousarray(x.swapaxes(0, 1)).swapaxes(0, 1) if way == 3 else x


def slopes(f: Any, x: Any) -> Any:
    found = np.zeros(x.shape)
    for at in np.ndindex(*x.shape):
        sides = []
        for step in (1e-6, -1e-6):
            moved = own_copy(x)
            moved[at] += step
            sides.append(f(moved))
        found[at] = (sides[0] - sides[1]) / 2e-6
    return found


def close(got: Any, want: Any, source: str, near: float = 1e-9) -> None:
    reach = near * (1 + np.max(np.abs(want)))
    np.testing.assert_allclose(got, want, rtol=near, atol=reach, err_msg=source)


@pytest.mark.parametrize("seed", range(COUNT))
def test_a_program_of_views_is_that_of_each_example(seed: int) -> None:
    rng, draw = np.random.default_rng(seed), random.Random(seed)
    ndim, axis = int(rng.integers(1, 3)), int(rng.choice([0, 1, -1]))
    source, xs = program(draw, ndim), batch(rng, ((4,), (2, 3))[ndim - 1], axis)
    spaces: dict[str, Any] = {"np": np, "total": total}
    exec(source, spaces)
    f, examples = spaces["f"], list(np.moveaxis(xs, axis, 0))
    try:
        want = np.stack([f(own_copy(x)) for x in examples])
    except (ValueError, IndexError):
        pytest.skip("shapes that do not fit, or a store into what cannot be written")
    try:
        close(cr.vmap(f, in_axes=axis)(xs), want, source)
        wanted = np.stack([slopes(f, x) for x in examples])
        close(np.stack([cr.grad(f)(x) for x in examples]), wanted, source, 1e-3)
        close(cr.vmap(cr.grad(f), in_axes=axis)(xs), wanted, source, 1e-3)
        whole = cr.grad(lambda xs: np.sum(cr.vmap(f, in_axes=axis)(xs)))(xs)
        close(np.moveaxis(whole, axis, 0), wanted, source, 1e-3)
    except cr.errors.ReadOnlyError:
        assert "np.add.at" in source  # NumPy's writes into the diagonal, which is read-only
    except cr.errors.UnsupportedFunctionError:
        assert "'K'" in source or "qr" in source  # of what lies in no order; of a singular matrix
