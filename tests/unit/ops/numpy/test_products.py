"""Products: every calling form of einsum, the cost of a pull, shapes that broadcast."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chainrule as cr
from chainrule.core.equation import contract, parse, plan, swap
from chainrule.errors import UnsupportedFunctionError
from chainrule.modes.reverse import pulls
from chainrule.testing.structure import summation
from chainrule.tracing.recording import Recording

RNG = np.random.default_rng(4)
A, B, C = RNG.standard_normal((3, 4)), RNG.standard_normal((4, 2)), RNG.standard_normal((2, 4, 4))
V, W = RNG.standard_normal(4), RNG.standard_normal(4)


def agrees(f, *xs, order=2):
    """Check the traced value against NumPy's, bit for bit, and the derivatives by differences."""
    plain = f(*xs)
    traced, _ = cr.vjp(f, *xs)
    assert np.shape(plain) == np.shape(traced)
    assert plain.dtype == traced.dtype
    assert np.asarray(plain).tobytes() == np.asarray(traced).tobytes()
    cr.check_grads(lambda *a: np.sin(f(*a)), xs, order=order)


# --- index equations ----------------------------------------------------------------------------


@st.composite
def equations(draw):
    """Draw an equation with one to four operands: repeated, missing and new letters included."""
    letters = "abcd"[: draw(st.integers(1, 4))]
    term = st.text(alphabet=letters, max_size=3)
    terms = draw(st.lists(term, min_size=1, max_size=4))
    used = "".join(dict.fromkeys("".join(terms)))
    out = "".join(draw(st.permutations(used))[: draw(st.integers(0, len(used)))])
    out += draw(st.sampled_from(["", "z", used[:1]]))
    sizes = {c: draw(st.integers(0 if draw(st.booleans()) else 1, 3)) for c in letters + "z"}
    return ",".join(terms) + "->" + out, sizes


@given(equations())
def test_a_plan_evaluates_its_equation(drawn):
    text, sizes = drawn
    inputs, out = parse(text)
    arrays = [RNG.standard_normal(tuple(sizes[c] for c in term)) for term in inputs]
    shape = tuple(sizes[c] for c in out)
    got = contract(text, *arrays, shape=shape)
    assert got.shape == shape
    np.testing.assert_allclose(got, summation(text, arrays, shape), rtol=1e-12, atol=1e-12)
    ct = RNG.standard_normal(shape)
    for k, x in enumerate(arrays):
        rest = [a for j, a in enumerate(arrays) if j != k]
        back = contract(swap(text, k), ct, *rest, shape=x.shape)
        want = summation(swap(text, k), [ct, *rest], x.shape)
        assert back.shape == x.shape
        np.testing.assert_allclose(back, want, rtol=1e-12, atol=1e-12)


def test_an_embedded_diagonal_keeps_infinities_off_its_sides():
    got = contract("a->aa", np.array([np.inf, 1.0]), shape=(2, 2))
    np.testing.assert_array_equal(got, [[np.inf, 0.0], [0.0, 1.0]])


def test_many_operands_are_contracted_pair_by_cheapest_pair():
    n = 60  # the product of all letters is 60⁵: only a good order ends
    arrays = [RNG.standard_normal((n, n)) for _ in range(4)]
    got = contract("ab,bc,cd,de->ae", *arrays, shape=(n, n))
    np.testing.assert_allclose(got, np.linalg.multi_dot(arrays), rtol=1e-9, atol=1e-9)


# --- the cost of a pull -------------------------------------------------------------------------


def test_the_pull_of_a_matrix_product_is_two_matrix_products():
    """Counted in a recording of the pull itself."""
    rec = Recording()
    node = (rec.input(A) @ rec.input(B)).cr_node
    for k, pull in pulls(node):
        inner = Recording(keep=True)
        ct = inner.input(np.ones((3, 2)))
        result = pull(ct, node)
        assert [n.op.name for n in inner.nodes] == ["matmul"]
        wanted = [np.ones((3, 2)) @ B.T, A.T @ np.ones((3, 2))][k]
        np.testing.assert_allclose(result.cr_value, wanted)
    assert plan("ab,cb->ac", ((3, 2), (4, 2)), (3, 4))(np.ones((3, 2)), B).flags.c_contiguous


def test_a_shared_matrix_in_a_stack_of_products_takes_one_product():
    rec = Recording()
    stack = RNG.standard_normal((5, 3, 4))
    node = np.matmul(rec.input(stack), rec.input(B)).cr_node
    _, (_, pull) = pulls(node)
    inner = Recording(keep=True)
    pull(inner.input(np.ones((5, 3, 2))), node)
    assert sum(n.op.name == "matmul" for n in inner.nodes) == 1


# --- calling forms ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "f",
    [
        lambda a, b: np.einsum("ij,jk->ik", a, b),
        lambda a, b: np.einsum("ij,jk", a, b),
        lambda a, b: np.einsum("ba,ac", a, b),
        lambda a, b: np.einsum(" i j , j k -> k i ", a, b),
        lambda a, b: np.einsum(a, [0, 1], b, [1, 2]),
        lambda a, b: np.einsum(a, [0, 1], b, [1, 2], [2, 0]),
        lambda a, b: np.einsum(a, [..., 0], b, [0, 2], [..., 2]),
        lambda a, b: np.einsum("...j,jk->...k", a, b),
        lambda a, b: np.einsum("i...,k...", a, b.T),
        lambda a, b: np.einsum("ij,jk->", a, b),
        lambda a, b: np.einsum("ij,kl->ijkl", a, b),
        lambda a, b: np.einsum("ij,jk,kl->il", a, b, b.T, optimize="greedy"),
        lambda a, b: np.einsum("ij,ij,ij->j", a, a, a),
        lambda a, b: np.einsum("ij,jk->ik", a, b, optimize=["einsum_path", (0, 1)]),
        lambda a, b: np.einsum("jj->j", a[:, :3]) * b[0, 0],
        lambda a, b: np.einsum("jj", a[:, :3]) * b[0, 0],
        lambda a, b: np.einsum("iji->j", np.stack([a[:, :3]] * 3)) * b[0, 0],
        lambda a, b: np.einsum("ij,jk->ik", a[:, :1], b),
        lambda a, b: np.einsum("ij->ij", a) + b[0, 0],
        lambda a, b: np.einsum(",ij", b[0, 0], a),
        lambda a, b: np.einsum("ij,jk->ik", a, b, dtype=np.float64),
        lambda a, b: np.dot(a, b),
        lambda a, b: np.linalg.matmul(a, b),
        lambda a, b: np.linalg.multi_dot([a, b, b.T, a.T, a]),
        lambda a, b: np.linalg.tensordot(a, b, axes=1),
        lambda a, b: np.tensordot(a, b, axes=([1], [0])),
        lambda a, b: np.tensordot(a, b, axes=0),
        lambda a, b: np.inner(a, b.T),
        lambda a, b: np.outer(a, b),
        lambda a, b: np.kron(a, b[None]),
        lambda a, b: np.kron(a[0], b),
        lambda a, b: np.vdot(a[:2], b),
        lambda a, b: a.dot(b),
        lambda a, b: np.ones((2, 3)) @ a @ b,
        lambda a, b: np.convolve(a[0], b[:, 0], "same"),
        lambda a, b: np.correlate(a[0, :3], b[:, 0], "same"),
    ],
)
def test_calling_forms(f):
    agrees(f, A, B)


@pytest.mark.parametrize("n", range(1, 6))
@pytest.mark.parametrize("m", range(1, 6))
@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_convolution_and_correlation_of_every_length(n, m, mode):
    a, v = RNG.standard_normal(n), RNG.standard_normal(m)
    for function in (np.convolve, np.correlate):
        agrees(lambda a, v, g=function: g(a, v, mode), a, v, order=1)
        z = function(a + 1j * a[::-1], v * 1j + 1, mode)
        np.testing.assert_array_equal(cr.vjp(lambda a, g=function: g(a, v * 1j + 1, mode),
                                             a + 1j * a[::-1])[0], z)  # fmt: skip


def test_stacks_of_vectors_and_matrices():
    agrees(np.vecdot, V, W)
    agrees(lambda x, y: np.vecdot(x, y, axis=0), C[0], C[1])
    agrees(lambda x, y: np.linalg.vecdot(x, y), C, V)
    agrees(np.matvec, C, V)
    agrees(np.matvec, C[0], C[1])
    agrees(np.vecmat, V, C)
    agrees(np.vecmat, C[:, None, 0], C[:, None])
    with pytest.raises(UnsupportedFunctionError, match="axes"):
        cr.vjp(lambda x: np.vecdot(x, x, axes=[0, 0, ()]), V)


def test_a_product_of_named_axes_is_refused():
    with pytest.raises(UnsupportedFunctionError, match="axes"):
        cr.grad(lambda x: np.sum(np.matmul(x, x, axes=[(0, 1), (0, 1), (0, 1)])))(A[:3, :3])


def test_complex_products_are_not_conjugated_by_the_rules():
    z, w = V + 1j * W, W - 2j * V
    for f, want in (
        (lambda z: np.real(np.dot(z, w)), w),
        (lambda z: np.real(np.vdot(w, z)), np.conj(w)),
        (lambda z: np.real(np.vdot(z, w)), np.conj(w)),
        (lambda z: np.real(np.vecdot(z, w)), np.conj(w)),
        (lambda z: np.real(np.vecmat(z, np.outer(w, [1.0, 0.0]))[0]), np.conj(w)),
        (lambda z: np.real(np.inner(z, w)), w),
        (lambda z: np.real(np.einsum("i,i->", z, w)), w),
    ):
        np.testing.assert_allclose(cr.grad(f)(z), want, rtol=1e-14)


def test_cross_products():
    a, b = RNG.standard_normal((2, 3)), RNG.standard_normal((3, 2))
    agrees(np.cross, a[0], a[1])
    agrees(lambda a, b: np.cross(a, b, axisb=0, axisc=0), a, b)
    agrees(lambda a, b: np.linalg.cross(a, b, axis=0), b, a.T)
    agrees(np.cross, a, a[0])
    for f in (lambda x: np.cross(x, V), lambda x: np.linalg.cross(x[..., :2], x[..., :2])):
        with pytest.raises(ValueError, match="3-dimensional"):
            cr.vjp(f, a)


def test_shapes_that_numpy_refuses():
    for f in (
        lambda a: a @ a,
        lambda a: np.dot(a, a),
        lambda a: np.einsum("ij,jk->ik", a, a),
        lambda a: np.einsum("ijk->i", a),
        lambda a: np.einsum("ij,jk->ik", a),
        lambda a: np.tensordot(a, a, axes=1),
        lambda a: np.convolve(a, a),
        lambda a: np.convolve(a[0, :0], a[0]),
        lambda a: np.convolve(a[0], a[0], "nosuch"),
        lambda a: np.linalg.multi_dot([a]),
        lambda a: np.linalg.outer(a, a),
    ):
        with pytest.raises(ValueError):  # noqa: PT011
            f(A)
        with pytest.raises(ValueError):  # noqa: PT011
            cr.vjp(f, A)
    with pytest.raises(np.linalg.LinAlgError):
        cr.vjp(lambda a: np.linalg.multi_dot([a, C, a]), A)
