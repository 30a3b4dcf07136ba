"""Law: an index equation means its sum of products, whatever its letters; so does its transpose."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chainrule as cr
from chainrule.core.equation import contract, parse, swap
from chainrule.testing import structure

LETTERS = "abcd"


@st.composite
def equations(draw):
    """Draw one or two operands and an output: lone, repeated, summed and batch letters."""
    count = draw(st.integers(1, 2))
    operands = [draw(st.text(LETTERS, max_size=3)) for _ in range(count)]
    have = sorted(set("".join(operands)))
    output = "".join(draw(st.permutations(have))[: draw(st.integers(0, len(have)))])
    if count == 1 and draw(st.booleans()):  # a repetition, or a diagonal
        output += draw(st.sampled_from([*output, "e"])) if output else "e"
    return ",".join(operands) + "->" + output


def sizes(text):
    return {c: 1 + i % 3 for i, c in enumerate(sorted(set(text) - set(",->")))}


def drawn(text, seed):
    rng = np.random.default_rng(seed)
    inputs, output = parse(text)
    n = sizes(text)
    arrays = [rng.uniform(-1, 1, tuple(n[c] for c in letters)) for letters in inputs]
    return arrays, tuple(n[c] for c in output)


@given(equations(), st.integers(0, 9))
def test_contract_is_the_sum_of_products(text, seed):
    arrays, shape = drawn(text, seed)
    structure.transposes(text, arrays, shape)


@given(equations(), st.integers(0, 9))
def test_einsum_reads_the_same_equation(text, seed):
    arrays, shape = drawn(text, seed)
    _, output = parse(text)
    if len(set(output)) < len(output) or "e" in output:
        return  # einsum can write neither a diagonal nor a repetition
    got = contract(text, *arrays, shape=shape)
    assert np.allclose(got, np.einsum(text, *arrays), rtol=1e-13, atol=1e-14)


@given(equations(), st.integers(0, 9))
def test_contract_is_differentiable(text, seed):
    arrays, shape = drawn(text, seed)
    _, pull = cr.vjp(lambda *xs: contract(text, *xs, shape=shape), *arrays)
    ct = np.random.default_rng(seed).uniform(-1, 1, shape)
    for k, got in enumerate(pull(ct)):
        others = [a for j, a in enumerate(arrays) if j != k]
        want = structure.summation(swap(text, k), [ct, *others], arrays[k].shape)
        assert np.allclose(got, want, rtol=1e-12, atol=1e-13)


def test_three_operands():
    rng = np.random.default_rng(0)
    a, b, c = rng.standard_normal((2, 3)), rng.standard_normal((3, 4)), rng.standard_normal((4, 2))
    got = contract("ij,jk,kl->il", a, b, c, shape=(2, 2))
    assert np.allclose(got, a @ b @ c)
    got = contract("ij,jk,ki->", a, b, c, shape=())
    assert np.allclose(got, np.trace(a @ b @ c))


def test_the_summation_itself_is_einsum():
    a, b = np.arange(6.0).reshape(2, 3), np.arange(12.0).reshape(3, 4)
    assert np.array_equal(structure.summation("ij,jk->ki", [a, b], (4, 2)), (a @ b).T)


def test_swapping_twice_gives_the_equation_back():
    assert swap("ij,jk->ik", 0) == "ik,jk->ij"
    assert swap(swap("ij,jk->ik", 0), 0) == "ij,jk->ik"


@pytest.mark.parametrize("text", ["ii->i", "i->ii", "->i", "ij->", "i,i->", ",->"])
def test_the_corners(text):
    arrays, shape = drawn(text, 0)
    structure.transposes(text, arrays, shape)
