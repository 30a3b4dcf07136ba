"""Linear algebra: one triangle is read, repeated and zero values, gauges of complex vectors."""

import warnings

import numpy as np
import pytest
import scipy.linalg

import chainrule as cr
from chainrule.errors import IndeterminateWarning, UnsupportedFunctionError

L = np.linalg
RNG = np.random.default_rng(11)
A = RNG.standard_normal((3, 3)) * 0.4 + 2 * np.eye(3)
SPD = A @ A.T
TALL = RNG.standard_normal((4, 2))
HERMITIAN = SPD + 1j * (A - A.T)


def agrees(f, *xs, order=2):
    """Check the traced value against NumPy's, bit for bit, and the derivatives by differences."""
    plain = f(*xs)
    traced, _ = cr.vjp(f, *xs)
    assert plain.dtype == traced.dtype
    assert np.asarray(plain).tobytes() == np.asarray(traced).tobytes()
    cr.check_grads(lambda *a: np.real(np.sin(f(*a))), xs, order=order)


# --- one triangle -------------------------------------------------------------------------------


@pytest.mark.parametrize("lower", [True, False])
def test_the_triangle_that_is_not_read_has_derivative_zero(lower):
    side = {"upper": not lower}
    uplo = "L" if lower else "U"
    unread = np.triu(np.ones((3, 3)), 1) if lower else np.tril(np.ones((3, 3)), -1)
    for f in (
        lambda a: L.cholesky(a, **side),
        lambda a: L.eigvalsh(a, uplo),
        lambda a: L.eigh(a, uplo).eigenvalues,
        lambda a: L.eigh(a, uplo).eigenvectors,
    ):
        agrees(f, SPD)
        gradient = cr.grad(lambda a, f=f: np.sum(np.sin(f(a))))(SPD)
        assert not np.any(gradient * unread)
        assert np.any(gradient)


def test_of_a_matrix_built_symmetric_both_triangles_flow():
    def f(m):
        a = m @ m.T + np.eye(3)
        w, v = L.eigh(a)
        return np.sum(L.cholesky(a) ** 3) + np.sum(w**2 * v[0] ** 2)

    cr.check_grads(f, (A,), order=3)


# --- repeated and zero values -------------------------------------------------------------------


def test_repeated_eigenvalues_have_finite_derivatives():
    for a in (np.eye(3), np.diag([2.0, 2.0, 1.0]), np.zeros((2, 2))):
        n = a.shape[0]
        for f in (
            lambda a: np.sum(L.eigvalsh(a)),
            lambda a: np.sum(L.eigh(a)[0]),
            lambda a: np.sum(np.exp(L.eigh(a).eigenvalues)),
        ):
            gradient = cr.grad(f)(a)
            assert np.all(np.isfinite(gradient))
            tangent = cr.jvp(f, (a,), (np.ones((n, n)),))[1]
            np.testing.assert_allclose(tangent, np.sum(gradient))
    np.testing.assert_allclose(cr.grad(lambda a: np.sum(L.eigvalsh(a)))(np.eye(3)), np.eye(3))


def test_eigenvectors_of_repeated_eigenvalues_have_no_derivative_but_what_is_made_of_them_may():
    """√A at A = I has the derivative dA/2; an eigenvector itself has none."""

    def root(a):
        w, v = L.eigh(a)
        return (v * np.sqrt(w)) @ v.T

    with pytest.warns(IndeterminateWarning, match="the limit"):
        gradient = cr.grad(lambda a: root(a)[1, 0])(np.eye(3))
    assert gradient[1, 0] + gradient[0, 1] == pytest.approx(0.5, abs=1e-9)
    with pytest.warns(IndeterminateWarning, match="NaN"):
        assert np.isnan(cr.grad(lambda a: L.eigh(a)[1][1, 0])(np.eye(3))).any()


NEARLY = [1e-3, 1e-6, 1e-8, 1e-10, 1e-12, 1e-14, 0.0]


@pytest.mark.filterwarnings("ignore::chainrule.errors.IndeterminateWarning")
@pytest.mark.parametrize("gap", NEARLY)
def test_smooth_functions_of_nearly_repeated_values(gap):
    """Quotients by gaps cancel, and what is left must not be rounding."""
    q = L.qr(RNG.standard_normal((3, 3)))[0]
    a = q * np.array([1.0, 1.0 + gap, 2.0]) @ q.T
    a = (a + a.T) / 2
    v, w = RNG.standard_normal((2, 3, 3))
    v, w = v + v.T, w + w.T
    curvature = 3 * np.trace(v @ w @ a + w @ v @ a)  # of tr A³
    for values in (L.eigvalsh, scipy.linalg.eigvalsh, lambda a: L.eigh(a)[0],
                   lambda a: scipy.linalg.eigh(a)[0]):  # fmt: skip
        found = cr.hvp(lambda a, values=values: np.sum(values(a) ** 3), a, v)
        assert np.sum(found * w) == pytest.approx(curvature, rel=1e-5)
    cube = lambda s: (s[1] * s[0] ** 3) @ L.inv(s[1])  # noqa: E731
    for decompose in (L.eigh, L.eig, scipy.linalg.eigh):
        slope = cr.jvp(lambda a, d=decompose: np.real(cube(d(a))), (a,), (v,))[1]
        right = np.allclose(slope, v @ a @ a + a @ v @ a + a @ a @ v, rtol=0, atol=1e-5)
        assert right or (np.isnan(slope).all() and decompose is L.eig)


@pytest.mark.filterwarnings("ignore::chainrule.errors.IndeterminateWarning")
@pytest.mark.parametrize("values", [L.eigvals, scipy.linalg.eigvals, lambda a: L.eig(a)[0]])
@pytest.mark.parametrize("turned", [False, True])
def test_symmetric_functions_of_the_eigenvalues_of_a_defective_matrix(values, turned):
    a = np.array([[0.5, 0.0, 1.0], [0.0, 0.5, 0.0], [0.0, -1.0, 0.5]])
    q = L.qr(RNG.standard_normal((3, 3)))[0]
    a = q @ a @ q.T if turned else a
    v = np.arange(9.0).reshape(3, 3)
    slope = cr.jvp(lambda a: np.sum(np.real(values(a) ** 2)), (a,), (v,))[1]
    assert slope == pytest.approx(2 * np.trace(a @ v), rel=1e-6)
    gradient = cr.grad(lambda a: np.sum(np.real(values(a) ** 2)))(a)
    np.testing.assert_allclose(gradient, 2 * a.T, atol=1e-6)
    with pytest.warns(IndeterminateWarning, match="NaN"):
        assert np.isnan(cr.jvp(lambda a: np.max(np.real(values(a))), (a,), (v,))[1])


def test_singular_values_at_repeats_and_at_zero():
    np.testing.assert_allclose(cr.grad(lambda a: np.sum(L.svdvals(a)))(np.eye(2)), np.eye(2))
    gradient = cr.grad(lambda a: L.svd(a, compute_uv=False)[0])(np.ones((3, 2)))
    np.testing.assert_allclose(gradient, np.ones((3, 2)) / np.sqrt(6))
    gradient = cr.grad(lambda a: np.sum(L.svd(a, full_matrices=False)[1] ** 2))(np.ones((3, 2)))
    np.testing.assert_allclose(gradient, 2 * np.ones((3, 2)), atol=1e-12)
    with pytest.warns(IndeterminateWarning, match="NaN"):
        assert not np.all(np.isfinite(cr.grad(lambda a: L.svd(a)[0][0, 1])(np.eye(2))))


def test_the_gradient_of_det_at_singular_matrices_is_the_cofactor_matrix():
    for a in (np.ones((2, 2)), np.diag([1.0, 2.0, 0.0]), np.zeros((3, 3)), np.zeros((1, 1))):
        cr.check_grads(L.det, (a,), order=1)
    np.testing.assert_allclose(cr.grad(L.det)(np.ones((2, 2))), [[1, -1], [-1, 1]], atol=1e-14)
    np.testing.assert_allclose(cr.grad(L.det)(np.diag([1.0, 2.0, 0.0])), np.diag([0, 0, 2.0]))
    hessian = cr.hessian(L.det)(np.array([[1.0, 2.0], [3.0, 4.0]]))
    assert hessian[0, 0, 1, 1] == pytest.approx(1.0)
    assert hessian[0, 1, 1, 0] == pytest.approx(-1.0)
    np.testing.assert_allclose(cr.hessian(L.det)(np.ones((2, 2))), hessian, atol=1e-14)


def test_ill_conditioned_determinants_keep_their_gradient():
    a = np.array([[1.0, 1.0], [1.0, 1.0 + 1e-9]])
    np.testing.assert_allclose(cr.grad(L.det)(a), [[a[1, 1], -1], [-1, 1]], rtol=1e-7)
    a = np.diag([1e-5, 1.0, 1e5])
    np.testing.assert_allclose(np.diag(cr.grad(L.det)(a)), [1e5, 1.0, 1e-5], rtol=1e-12)


def test_the_sign_of_a_determinant_is_constant():
    np.testing.assert_array_equal(cr.grad(lambda a: L.slogdet(a)[0])(A), np.zeros((3, 3)))
    agrees(lambda a: L.slogdet(a).logabsdet * L.slogdet(a).sign, A - 3 * np.eye(3))
    agrees(lambda a: L.slogdet(a)[1] * L.det(a), np.stack([A, A.T @ A]))


def test_singular_systems_are_refused():
    for f in (
        lambda a: L.solve(a, a[0]),
        L.inv,
        lambda a: L.matrix_power(a, -2),
        lambda a: L.cholesky(a - 5 * np.eye(2)),
    ):
        with pytest.raises(L.LinAlgError):
            cr.vjp(f, np.ones((2, 2)))


# --- shapes -------------------------------------------------------------------------------------


def test_systems_of_every_shape():
    stack = np.stack([A, A.T])
    for a, b in (
        (A, A[0]), (A, A[:, :2]), (stack, A[0]), (stack, A), (A, stack), (stack[:, None], stack),
        (A[:0, :0], A[:0]), (A[:1, :1], A[:1, 0]),
    ):  # fmt: skip
        agrees(L.solve, a, b)
        agrees(lambda a, b=b: L.solve(a, b), a, order=1)
        agrees(lambda b, a=a: L.solve(a, b), b, order=1)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 5, 8, 13, -1, -2, -5])
def test_matrix_powers(n):
    agrees(lambda a: L.matrix_power(a, n), A / 2)
    if n == 0:
        assert not np.any(cr.grad(lambda a: np.sum(L.matrix_power(a, 0)))(A))


def test_decompositions_of_stacks_and_of_one_by_one():
    stack = np.stack([A, A.T @ A])
    one = np.array([[[2.0]], [[-3.0]]])
    agrees(lambda a: L.cholesky(a @ np.swapaxes(a, -1, -2)), stack)
    agrees(lambda a: L.qr(a).Q, stack)
    agrees(lambda a: L.qr(a).R, one)
    agrees(lambda a: L.svd(a).Vh, stack)
    agrees(lambda a: L.svd(a)[1], one)
    agrees(lambda a: L.eigh(a @ np.swapaxes(a, -1, -2))[1], stack)
    agrees(L.pinv, stack)
    agrees(L.eigvalsh, one)


@pytest.mark.parametrize("a", [TALL, TALL.T, A, A[:, :1], A[:1]], ids=lambda a: str(a.shape))
def test_rectangular_matrices(a):
    for i in range(2):
        agrees(lambda a, i=i: L.qr(a)[i], a)
    for i in range(3):
        agrees(lambda a, i=i: L.svd(a, full_matrices=False)[i], a)
    agrees(lambda a: L.qr(a, "r"), a)
    agrees(L.svdvals, a)
    agrees(L.pinv, a)
    agrees(lambda a: (lambda u, s, v: (u * s**2) @ v)(*L.svd(a, full_matrices=False)), a)


def test_what_is_not_a_function_of_the_matrix_is_refused():
    for f in (
        lambda a: L.qr(a * 1j, "complete"),
        lambda a: L.qr(a.T, "raw"),
        L.svd,
    ):
        with pytest.raises(UnsupportedFunctionError):
            cr.vjp(f, TALL)
    with pytest.raises(ValueError, match="mode"):
        cr.vjp(lambda a: L.qr(a, "nosuch"), TALL)
    with pytest.raises(ValueError, match="UPLO"):
        cr.vjp(lambda a: L.eigh(a, "X"), SPD)


# --- complex ------------------------------------------------------------------------------------


def along(f, z, seed=0):
    """Compare the tangent along a random complex direction with extrapolated differences."""
    from chainrule.numeric import directional

    rng = np.random.default_rng(seed)
    v = rng.standard_normal(z.shape) + 1j * rng.standard_normal(z.shape)
    tangent = cr.jvp(f, (z,), (v,))[1]
    want, error = directional(lambda z: (f(z),), (z,), (v,))
    assert np.all(abs(np.ravel(tangent) - want) <= 20 * error + 1e-8)
    y, pull = cr.vjp(f, z)
    ct = rng.standard_normal(y.shape) + (1j if y.dtype.kind == "c" else 0) * rng.standard_normal(
        y.shape
    )
    left = np.sum(np.real(ct * tangent))
    np.testing.assert_allclose(left, np.sum(np.real(pull(ct)[0] * v)), rtol=1e-10)


@pytest.mark.parametrize(
    "f",
    [
        L.inv, L.det, lambda a: L.solve(a, a[0]), lambda a: L.slogdet(a)[0],
        lambda a: L.slogdet(a)[1], L.pinv, L.eigvals, lambda a: L.eig(a)[1], L.svdvals,
        *(lambda a, i=i: L.svd(a)[i] for i in range(3)),
        *(lambda a, i=i: L.svd(a[:, :2], full_matrices=False)[i] for i in range(3)),
        *(lambda a, i=i: L.svd(a[:2], full_matrices=False)[i] for i in range(3)),
        *(lambda a, i=i: L.qr(a)[i] for i in range(2)),
        *(lambda a, i=i: L.qr(a[:, :2])[i] for i in range(2)),
    ],
)  # fmt: skip
def test_complex_matrices(f):
    along(f, A + 1j * RNG.standard_normal((3, 3)))


@pytest.mark.parametrize(
    "f",
    [
        L.cholesky, lambda a: L.cholesky(a, upper=True), L.eigvalsh,
        lambda a: L.eigvalsh(a, "U"), lambda a: L.eigh(a)[1], lambda a: L.eigh(a, "U")[1],
    ],
)  # fmt: skip
def test_hermitian_matrices(f):
    along(f, HERMITIAN + 3 * np.eye(3))


def test_a_function_of_a_hermitian_matrix_that_no_phase_changes():
    def f(a):
        w, v = L.eigh((a + np.conj(a.T)) / 2)
        return (v * np.exp(-w)) @ np.conj(v.T)

    along(f, HERMITIAN)


# --- general eigenvalues, least squares and the rest ----------------------------------------------


@pytest.mark.parametrize("a", [A, np.array([[1.0, 2.0], [-3.0, 0.5]]), np.stack([A, A.T - 1.0])])
def test_general_eigenvalues(a):
    """Real matrices with real and with complex pairs of eigenvalues."""
    for f in (L.eigvals, lambda a: L.eig(a)[0], lambda a: L.eig(a)[1]):
        plain = f(a)
        assert cr.vjp(f, a)[0].tobytes() == plain.tobytes()
        cr.check_grads(lambda a, f=f: np.abs(np.sin(f(a))), (a,), order=1)
        cr.check_grads(lambda a, f=f: np.sum(np.real(f(a) ** 2)), (a,), order=1)


@pytest.mark.parametrize(
    "values", [L.eigvals, scipy.linalg.eigvals, lambda a: scipy.linalg.eig(a)[0]]
)
def test_real_eigenvalues_and_then_complex_ones(values):
    """What a formula was made of at one matrix must serve the next."""
    for a in (np.diag([1.0, 2.0]), np.array([[1.0, 2.0], [-3.0, 0.5]]), np.diag([3.0, 1.0])):
        gradient = cr.grad(lambda a: np.sum(np.real(values(a) ** 2)))(a)
        np.testing.assert_allclose(gradient, 2 * a.T, atol=1e-13)


@pytest.mark.parametrize("shape", [(5, 2), (2, 2), (2, 4)], ids=str)
@pytest.mark.parametrize("columns", [(), (3,)], ids=str)
def test_least_squares(shape, columns):
    a, b = RNG.standard_normal(shape), RNG.standard_normal((shape[0], *columns))
    for i in (0, 1, 3):
        if np.size(L.lstsq(a, b)[i]):
            agrees(lambda a, b, i=i: L.lstsq(a, b)[i], a, b)
    rank = []
    cr.vjp(lambda a: rank.append(L.lstsq(a, b)[2]) or a, a)
    assert rank[0] == min(shape)


def test_the_rest():
    agrees(lambda a: L.tensorsolve(a.reshape(3, 1, 3), a[:, :1]), A)
    agrees(lambda a: L.tensorinv(a.reshape(3, 1, 3), 2).reshape(3, 3), A)
    agrees(lambda a: L.tensorsolve(a.reshape(3, 3, 1), a[0], axes=(0,)), A)
    for p in (None, 2, -2, 1, -1, np.inf, "fro", "nuc"):
        agrees(lambda a, p=p: L.cond(a, p), A)
    assert cr.vjp(lambda a: a * L.matrix_rank(a), A)[0][0, 0] == 3 * A[0, 0]
    cr.check_grads(lambda a: L.pinv(a, rcond=0.1), (A,))
    cr.check_grads(lambda a: L.pinv(a, rtol=np.array(0.1)), (A,))


def test_pinv_where_the_rank_is_not_full():
    """Along directions that keep the rank, the derivative is that of differences."""
    u, v = RNG.standard_normal((4, 2)), RNG.standard_normal((2, 3))
    cr.check_grads(lambda u, v: L.pinv(u @ v, rcond=1e-8), (u, v), order=1)


def test_float32_stays_float32():
    a = A.astype(np.float32)
    for f in (
        L.inv, L.det, lambda a: L.solve(a, a[0]), lambda a: L.cholesky(a @ a.T), L.pinv,
        lambda a: L.qr(a)[1], lambda a: L.svd(a)[0], lambda a: L.eigh(a)[1], L.eigvalsh,
        lambda a: L.slogdet(a)[1], L.svdvals, lambda a: L.lstsq(a, a[0])[0],
    ):  # fmt: skip
        y, pull = cr.vjp(f, a)
        assert y.dtype == np.float32
        assert pull(np.ones_like(y))[0].dtype == np.float32
        assert cr.jvp(f, (a,), (np.ones_like(a),))[1].dtype == np.float32


def test_the_log_density_of_a_normal_distribution_to_third_order():
    def f(m, x):
        sigma = m @ m.T + np.eye(3)
        return -0.5 * (L.slogdet(sigma)[1] + x @ L.solve(sigma, x))

    cr.check_grads(f, (A, A[0]), order=3)


SINGULAR = [
    np.array([[1.0, 2.0], [2.0, 4.0]]), np.zeros((2, 2)), np.arange(9.0).reshape(3, 3),
    np.outer([1.0, 2.0, 3.0], [1.0, 0.0, 1.0]), np.zeros((3, 3)), np.diag([2.0, 3.0, 0.0, 0.0]),
    np.zeros((1, 1)), np.stack([np.eye(2), np.ones((2, 2))]),
]  # fmt: skip


@pytest.mark.parametrize("det", [np.linalg.det, scipy.linalg.det], ids=["numpy", "scipy"])
@pytest.mark.parametrize("a", SINGULAR, ids=str)
def test_determinants_have_two_derivatives_at_singular_matrices(det, a):
    f = lambda a: np.sum(det(a) * np.array([1.0, -2.0])[: np.size(det(a))])  # noqa: E731
    h, found = 1e-4, cr.hessian(f)(a)
    for place in np.ndindex(a.shape):
        e = np.zeros(a.shape)
        e[place] = h
        slope = (cr.grad(f)(a + e) - cr.grad(f)(a - e)) / (2 * h)
        assert np.allclose(found[(..., *place)], slope, atol=1e-6)
    assert np.allclose(cr.jacrev(cr.grad(f))(a), found, atol=1e-13)
    assert np.allclose(cr.jacfwd(cr.jacfwd(f))(a), found, atol=1e-13)


@pytest.mark.filterwarnings("ignore::chainrule.errors.IndeterminateWarning")
def test_singular_values_that_are_zero_up_to_rounding():
    """1/σ cancels in what is smooth: the second derivative is right, or NaN, and no rounding."""
    u, v = L.qr(RNG.standard_normal((4, 2)))[0], L.qr(RNG.standard_normal((2, 2)))[0]
    d, e = RNG.standard_normal((2, 4, 2))

    def cube(a):
        u, s, vh = L.svd(a, full_matrices=False)
        return np.sum(d * ((u * s**3) @ vh))

    for small in (0.0, 1e-9, 1e-3):
        a = np.outer(u[:, 0], v[0]) + small * np.outer(u[:, 1], v[1])
        found, want = cr.hvp(cube, a, e), cr.hvp(lambda a: np.sum(d * (a @ a.T @ a)), a, e)
        assert np.allclose(found, want, atol=1e-6) or (np.isnan(found).all() and small < 1e-6)


def test_the_log_of_a_complex_matrix_on_the_cut_is_told():
    a = np.array([[-1.0, 0.5j], [-0.5j, 2.0]])
    f = lambda t: np.real(scipy.linalg.logm(a * t))[0, 1]  # noqa: E731
    with pytest.warns(IndeterminateWarning):
        assert np.isnan(cr.jvp(f, (1.0,), (1.0,))[1])


def test_the_polar_factors_of_ill_conditioned_matrices():
    """The slope is good to rounding times the condition, not to its square."""
    u, v = (L.qr(RNG.standard_normal((3, 3)))[0] for _ in range(2))
    s = np.array([1.0, 0.5, 1e-6])
    a, t = (u * s) @ v, RNG.standard_normal((3, 3))
    inner = u.T @ t @ v.T
    want = u @ ((inner - inner.T) / (s[:, None] + s)) @ v
    slope = cr.jvp(lambda a: scipy.linalg.polar(a)[0], (a,), (t,))[1]
    np.testing.assert_allclose(slope, want, atol=1e-8 * np.max(np.abs(want)))


@pytest.mark.filterwarnings("ignore::scipy.linalg.LinAlgWarning")
def test_the_root_of_a_singular_matrix_has_an_infinite_slope():
    for a in (np.zeros((2, 2)), np.diag([1.0, 0.0])):
        with pytest.warns(IndeterminateWarning, match="NaN"):
            assert np.isnan(cr.grad(lambda a: np.trace(scipy.linalg.sqrtm(a)))(a)[1, 1])


def test_what_singular_matrices_do_not_have():
    a = SINGULAR[0]
    slope = cr.grad(lambda a: np.linalg.slogdet(a)[1])(a)
    assert np.array_equal(slope, [[np.inf, -np.inf], [-np.inf, np.inf]])
    with pytest.raises(UnsupportedFunctionError, match="third derivative of det"):
        cr.jacobian(cr.hessian(np.linalg.det))(a)


def cut_matrix(shape):
    """Return a matrix whose singular values are 2, 1.5 and 0.5."""
    rng = np.random.default_rng(sum(shape))
    u, v = (L.qr(rng.standard_normal((n, 3)))[0] for n in shape)
    return u @ np.diag([2.0, 1.5, 0.5]) @ v.T


CUT = {
    "lstsq": lambda A, b: L.lstsq(A, b, rcond=0.4)[0],
    "scipy.lstsq": lambda A, b: scipy.linalg.lstsq(A, b, cond=0.4)[0],
    "pinv": lambda A, b: L.pinv(A, 0.4) @ b,
    "pinv(hermitian)": lambda A, b: A.T @ L.pinv(A @ A.T, rtol=0.2, hermitian=True) @ b,
    "scipy.pinv": lambda A, b: scipy.linalg.pinv(A, rtol=0.4) @ b,
    "scipy.pinv(atol)": lambda A, b: scipy.linalg.pinv(A, atol=0.8) @ b,
    "scipy.pinvh": lambda A, b: A.T @ scipy.linalg.pinvh(A @ A.T, rtol=0.2) @ b,
}


@pytest.mark.parametrize("name", CUT)
@pytest.mark.parametrize("shape", [(4, 3), (3, 3), (3, 5)])
def test_singular_values_that_are_cut_off(name, shape):
    """They are no part of the inverse, but still turn the vectors of the others."""
    a, b = cut_matrix(shape), np.linspace(0.5, 2.0, shape[0])
    f = CUT[name]
    cr.check_grads(lambda a, b: np.sum(np.sin(f(a, b))), (a, b), order=1)


def test_cut_off_of_fits():
    def f(b):
        return L.lstsq(np.diag([1, 1e-3, 1.0]), b, rcond=0.01)[0].sum()

    np.testing.assert_allclose(cr.grad(f)(np.ones(3)), [1.0, 0.0, 1.0], atol=1e-15)
    x, y = np.linspace(0, 1, 6), np.sin(np.linspace(0, 3, 6))
    for fit in (np.polyfit, np.polynomial.chebyshev.chebfit):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", np.exceptions.RankWarning)
            cr.check_grads(lambda x, y, fit=fit: fit(x, y, 3, rcond=0.1).sum(), (x, y), order=1)


# --- what is singular in a rule only is no LinAlgError ------------------------------------------


def caught(f):
    """Return a program that answers −1 where NumPy raises LinAlgError."""

    def program(x):
        try:
            return f(x).sum()
        except L.LinAlgError:
            return 0 * x.sum() - 1

    return program


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.abs(L.qr(np.outer(x, x))[1]),
        lambda x: np.abs(scipy.linalg.rq(np.outer(x, x))[0]),
        lambda x: np.abs(L.qr(np.outer(x, x)[:, :1] * np.ones(2), mode="complete")[1]),
        lambda x: 1 / L.cond(x[:, None] * np.array([1.0, 2.0]), 1),
    ],
)
def test_refusals_are_not_for_the_programs_handler(f):
    x, program = np.array([1.0, 2.0]), caught(f)
    for derivative in (cr.grad, cr.jacfwd):
        with pytest.raises(UnsupportedFunctionError):
            derivative(program)(x)


def test_vmap_alone_computes_what_has_no_derivative():
    x = np.array([[1.0, 2.0], [3.0, 1.0]])
    program = caught(lambda x: np.abs(L.qr(np.outer(x, x))[1]))
    np.testing.assert_allclose(cr.vmap(program)(x), [*map(program, x)], rtol=1e-14)


def test_the_programs_own_linalg_errors_stay_its_own():
    program = caught(lambda x: L.matrix_power(np.outer(x, x), -1))
    x = np.array([1.0, 2.0])
    assert program(x) == -1
    np.testing.assert_array_equal(cr.grad(program)(x), [0, 0])
    np.testing.assert_array_equal(cr.vmap(program)(np.stack([x, x])), [-1, -1])


def test_the_second_derivative_of_eigenvalues_of_a_defective_matrix():
    def f(x):
        matrix = np.stack([np.stack([x[0], 1.0]), np.stack([0 * x[0], x[1]])])
        return np.sum(L.eigvals(matrix) ** 2)

    with pytest.warns(IndeterminateWarning, match="eigvals"):
        found = cr.hessian(f)(np.ones(2))
    np.testing.assert_allclose(found, 2 * np.eye(2), atol=1e-6)  # of x₀² + x₁²: a limit


@pytest.mark.parametrize("way", ["lstsq", "pinv"])
@pytest.mark.parametrize("small", [1e-4, 1e-6, 1e-8, 1e-10])
def test_least_squares_of_nearly_singular_matrices_are_as_good_as_their_condition(way, small):
    mpmath = pytest.importorskip("mpmath")
    rng = np.random.default_rng(3)
    u, _ = np.linalg.qr(rng.normal(size=(4, 4)))
    v, _ = np.linalg.qr(rng.normal(size=(4, 4)))
    a = u * [1.0, 0.5, 0.3, small] @ v.T
    x = rng.normal(size=4)
    b, da, db = a @ x, rng.normal(size=(4, 4)), rng.normal(size=4)
    with mpmath.workdps(60):
        exact = [mpmath.matrix(m.tolist()) for m in (a, b, da, db)]
        solution = mpmath.lu_solve(exact[0], exact[1])
        want = np.array(list(mpmath.lu_solve(exact[0], exact[3] - exact[2] * solution)), float)
    f = {"lstsq": lambda a, b: np.linalg.lstsq(a, b)[0], "pinv": lambda a, b: np.linalg.pinv(a) @ b}
    got = cr.jvp(f[way], (a, b), (da, db))[1]
    # a solve is good to cond·ε; what is divided by σ² (1e-16 / small²) was all of it before
    assert np.linalg.norm(got - want) <= 500 * np.finfo(float).eps / small * np.linalg.norm(want)


@pytest.mark.parametrize("n", [1, 50, 96, 97, 301])
@pytest.mark.parametrize("upper", [False, True])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_cholesky_backward_by_blocks_is_the_transpose_of_forward(n, upper, dtype):
    rng = np.random.default_rng(n)
    m, w, t = rng.standard_normal((3, n, n)).astype(dtype)
    a = (m @ m.T + n * np.eye(n)).astype(dtype)

    def f(a):
        return np.sum(w * np.linalg.cholesky(a, upper=upper))

    slope, along = cr.grad(f)(a), cr.jvp(f, (a,), (t,))[1]
    assert slope.dtype == dtype
    assert not np.any(np.tril(slope, -1) if upper else np.triu(slope, 1))
    scale = np.sum(np.abs(slope * t))
    assert abs(np.sum(slope * t) - along) <= 100 * np.finfo(dtype).eps * scale


def test_triangular_systems_of_rules_are_those_of_the_triangle():
    from chainrule.ops.numpy.triangular import triangular

    rng = np.random.default_rng(0)
    for n, k in ((1, 1), (3, 2), (40, 7)):
        for kind in ("f", "d", "F", "D"):
            a, b = (rng.standard_normal(s) + 1j * rng.standard_normal(s) for s in ((n, n), (n, k)))
            a = a + 4 * np.sqrt(n) * np.eye(n)
            a, b = ((x if kind in "FD" else x.real).astype(kind) for x in (a, b))
            for lower in (False, True):
                for unit in (False, True):
                    full = np.tril(a) if lower else np.triu(a)
                    if unit:
                        full[np.arange(n), np.arange(n)] = 1
                    for order in "CF":
                        for of_b in "CF":
                            x = triangular(
                                np.asarray(a / (1 + 3 * n * unit), order=order),
                                np.asarray(b, order=of_b), lower=lower, unit=unit,
                            )  # fmt: skip
                            left = full / (1 + 3 * n * unit) if unit else full
                            if unit:
                                left[np.arange(n), np.arange(n)] = 1
                            close = 1e-4 if kind in "fF" else 1e-12
                            assert x.dtype == np.dtype(kind)
                            np.testing.assert_allclose(left @ x, b, rtol=close, atol=close)
    with pytest.raises(np.linalg.LinAlgError, match="Singular"):
        triangular(np.tri(20) - np.eye(20), np.eye(20), lower=True, unit=False)


# --- factors that are kept ------------------------------------------------------------------------


def dense(p, n=40):
    return np.outer(np.cos(np.arange(n) * p), np.arange(n)) / n + n * np.eye(n) * np.exp(p / 9)


def counted(monkeypatch):
    from scipy.linalg import lapack

    made, plain = [], lapack.dgetrf
    monkeypatch.setattr(lapack, "dgetrf", lambda *a, **k: made.append(1) or plain(*a, **k))
    return made


SIDE = np.linspace(1, 2, 40)
SOLVERS = [np.linalg.solve, scipy.linalg.solve]


@pytest.mark.parametrize("solve", SOLVERS)
def test_rules_of_solve_factor_once(solve, monkeypatch):
    made = counted(monkeypatch)

    def f(p):
        a, x = dense(p), SIDE * p
        for _ in range(3):
            x = solve(a, x)
        return np.sum(x)

    np.testing.assert_allclose(
        cr.grad(f)(0.3), (f(0.3 + 1e-6) - f(0.3 - 1e-6)) / 2e-6, rtol=1e-6
    )
    assert len(made) == 1
    cr.check_grads(f, (0.3,), order=3)


@pytest.mark.parametrize("solve", SOLVERS)
def test_a_store_into_a_matrix_after_a_solve(solve):
    def f(p):
        a = dense(p)
        x = solve(a, SIDE * p)
        a[0] *= 2.0
        a[3, 3] = p**2 + 30
        y = solve(a, x)
        a += np.eye(40) * p
        return np.sum(solve(a.T, y))

    cr.check_grads(f, (0.3,), order=2)


def test_a_callers_matrix_that_is_stored_into_between_directions():
    a = dense(0.3)
    for k in range(8):
        a[0, 0] += k
        if k == 4:
            a[:] = a.T.copy()
        x = np.linalg.solve(a, SIDE)
        t = np.ones_like(a)
        got = cr.jvp(lambda a: np.linalg.solve(a, SIDE), (a,), (t,))[1]
        np.testing.assert_allclose(got, -np.linalg.solve(a, t @ x), rtol=1e-12)


def test_factors_go_with_their_array_and_are_few():
    import gc

    from chainrule.ops.numpy import kept

    kept._kept.clear()
    for p in np.linspace(0, 1, 9):
        cr.grad(lambda p: np.sum(np.linalg.solve(dense(p), SIDE)))(p)
        cr.hessian(lambda p: np.sum(np.linalg.solve(dense(p), SIDE)))(p)
    gc.collect()
    assert not kept._kept
    arrays = [dense(p) for p in np.linspace(0, 1, 9)]
    for a in arrays:
        kept.solve(a, SIDE)
    assert len(kept._kept) == kept._MOST
    del arrays, a
    gc.collect()
    assert not kept._kept


def test_an_id_that_is_used_again_finds_nothing():
    from chainrule.ops.numpy import kept

    rng = np.random.default_rng(0)
    for _ in range(50):
        a = rng.standard_normal((40, 40)) + 40 * np.eye(40)
        np.testing.assert_allclose(a @ kept.solve(a, SIDE), SIDE)
        np.testing.assert_allclose(a.T @ kept.solve(a.T, SIDE), SIDE)
        b = a[::-1, ::2].copy()
        np.testing.assert_allclose(b[:20] @ kept.solve(b[:20], SIDE[:20]), SIDE[:20])
        del a, b


def test_threads_that_solve_with_one_array():
    import threading

    from chainrule.ops.numpy import kept

    a, failed = dense(0.3), []
    sides = np.random.default_rng(0).standard_normal((60, 40))
    want = [kept.solve(a, b) for b in sides]
    kept._kept.clear()

    def work():
        for b, x in zip(sides, want, strict=True):
            if not np.array_equal(kept.solve(a, b), x):
                failed.append(b)
            kept._kept.clear()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failed


@pytest.mark.parametrize("n", [5, 96, 97, 250])
@pytest.mark.parametrize("name", ["lu_factor", "cho_factor", "lu", "cholesky"])
def test_factors_and_their_solutions_backward_are_the_transpose_of_forward(n, name):
    rng = np.random.default_rng(n)
    m, t, w = rng.standard_normal((3, n, n))
    b, sides = rng.standard_normal(n), rng.standard_normal((n, 3))
    a = m @ m.T + n * np.eye(n)
    sl = scipy.linalg
    bodies = {
        "lu_factor": [
            *(lambda a, k=k: sl.lu_solve(sl.lu_factor(a), b, k) for k in (0, 1, 2)),
            lambda a: sl.lu_solve(sl.lu_factor(a), sides * a[:, :3], 1),
            lambda a: w * sl.lu_factor(a)[0],
        ],
        "cho_factor": [
            *(lambda a, k=k: sl.cho_solve(sl.cho_factor(a, lower=k), b) for k in (False, True)),
            lambda a: sl.cho_solve(sl.cho_factor(a), sides * a[:, :3]),
            lambda a: w * sl.cho_factor(a, lower=True)[0],
        ],
        "lu": [lambda a: w * np.matmul(*sl.lu(a, permute_l=True)) ** 2],
        "cholesky": [lambda a, k=k: w * sl.cholesky(a, lower=k) for k in (False, True)],
    }
    for body in bodies[name]:
        slope, (_, along) = cr.grad(lambda a, body=body: np.sum(body(a)))(a), cr.jvp(
            lambda a, body=body: np.sum(body(a)), (a,), (t,)
        )
        assert abs(np.sum(slope * t) - along) <= 1e-11 * np.sum(np.abs(slope * t))


def test_what_lu_gave_may_be_written_into():
    def f(p):
        a = dense(p, 6)
        lu, _ = scipy.linalg.lu_factor(a)
        lu[0, 0] *= 1.5
        again = scipy.linalg.lu_factor(a)
        return np.sum(scipy.linalg.lu_solve(again, SIDE[:6])) + np.sum(lu * p)

    a = dense(0.5)
    first = scipy.linalg.lu_factor(a)
    got = cr.vjp(lambda a: scipy.linalg.lu_factor(a)[0], a)[0]
    got[:] = 0
    assert np.array_equal(cr.vjp(lambda a: scipy.linalg.lu_factor(a)[0], a)[0], first[0])
    cr.check_grads(f, (0.3,), order=2)


@pytest.mark.parametrize("name", ["numpy", "scipy"])
@pytest.mark.parametrize("shape", [(2, 4), (4, 2)])
def test_singular_values_need_no_added_vectors(name, shape):
    library = {"numpy": L, "scipy": scipy.linalg}[name]
    a = np.random.default_rng(3).standard_normal(shape)
    longer, shorter = (2, 0) if shape[1] > shape[0] else (0, 2)
    for f in (
        lambda a, k=shorter: np.sum(library.svd(a)[1] ** 3) + np.sum(library.svd(a)[k] ** 3),
        lambda a: (lambda u, s, v: np.prod(s))(*library.svd(a)),
    ):
        agrees(f, a)
    for use in (
        np.sum, np.asarray, lambda v: v @ v, lambda v: 1.0 + v, lambda v: v[0], lambda v: v.T,
        lambda v: a.sum() * v, lambda v: np.stack([v]), lambda v: v == 1, list, float, bool,
    ):  # fmt: skip
        with pytest.raises(UnsupportedFunctionError, match="full_matrices=False"):
            cr.grad(lambda a, use=use: np.sum(use(library.svd(a)[longer])))(a)
