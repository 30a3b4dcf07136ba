"""Fourier transforms of NumPy and SciPy against PyTorch, JAX, matrices and differences."""

import numpy as np
import pytest
import scipy.fft

import chainrule as cr
from chainrule.errors import UnsupportedFunctionError

RNG = np.random.default_rng(3)
X = RNG.standard_normal((3, 4))
Z = X + 1j * RNG.standard_normal((3, 4))
LIBRARIES = [np.fft, scipy.fft]
NORMS = [None, "backward", "ortho", "forward"]


def weights(y):
    rng = np.random.default_rng(5)
    return rng.standard_normal(y.shape) + 1j * rng.standard_normal(y.shape)


def loss(y):
    """A real function of a transform that is curved in it."""
    w = weights(y)
    return np.sum(np.real(w * y) + np.imag(w * y) ** 2)


def plain(tensor):
    return tensor.detach().resolve_conj().numpy()


def torch_gradient(name, x, kwargs):
    torch = pytest.importorskip("torch")
    t = torch.tensor(x, requires_grad=True)
    y = getattr(torch.fft, name)(t, **kwargs)
    w = torch.tensor(weights(plain(y)))
    y = w * y
    torch.sum(y.real + y.imag**2).backward()
    return np.conj(plain(t.grad))  # its gradient of a + bi is ∂/∂a + i ∂/∂b


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda m: m.__name__)
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("n", [None, 3, 6])
@pytest.mark.parametrize("name", ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft"])
def test_one_axis_against_torch(library, name, n, norm):
    for axis in (0, 1):
        x = X if name in ("rfft", "ihfft") else Z
        f = getattr(library, name)
        got = cr.grad(lambda x, f=f, k=axis: loss(f(x, n=n, axis=k, norm=norm)))(x)
        want = torch_gradient(name, x, {"n": n, "dim": axis, "norm": norm})
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda m: m.__name__)
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("name", ["fftn", "ifftn", "rfftn", "irfftn", "fft2", "irfft2", "rfft2"])
def test_several_axes_against_torch(library, name, norm):
    for s in (None, (2, 5), (4, 4)):
        x = X if name[0] == "r" else Z
        f = getattr(library, name)
        got = cr.grad(lambda x, f=f, s=s: loss(f(x, s, (0, 1), norm)))(x)
        want = torch_gradient(name, x, {"s": s, "dim": (0, 1), "norm": norm})
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", ["fft", "ifft", "rfft", "irfft", "fftn", "rfftn", "irfftn"])
def test_against_jax_in_its_own_convention(name):
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    x = X if name[0] == "r" else Z
    w = weights(getattr(np.fft, name)(x))

    def phi(module, x):
        y = w * getattr(module.fft, name)(x)
        return module.sum(module.real(y) + module.imag(y) ** 2)

    got = cr.grad(lambda x: phi(np, x))(x)
    jnp = jax.numpy
    want = jax.grad(lambda x: phi(jnp, x))(jnp.asarray(x))
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-13)


def matrix(f, n, m):
    """The matrix of a linear function, column by column, in plain NumPy."""
    return np.stack([f(e) for e in np.eye(n)], axis=1).reshape(m, n)


@pytest.mark.parametrize("family", ["dct", "idct", "dst", "idst"])
@pytest.mark.parametrize("kind", [1, 2, 3, 4])
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("orthogonalize", [None, True, False])
def test_cosine_and_sine_transforms_are_their_matrices(family, kind, norm, orthogonalize):
    function = getattr(scipy.fft, family)
    for n, m in ((5, 5), (5, 3), (4, 7)):
        f = lambda x, m=m: function(x, kind, m, norm=norm, orthogonalize=orthogonalize)  # noqa: E731
        want = matrix(f, n, m)
        x = np.ones(n)
        np.testing.assert_allclose(cr.jacrev(f)(x), want, rtol=1e-13, atol=1e-14)
        np.testing.assert_allclose(cr.jacfwd(f)(x), want, rtol=1e-13, atol=1e-14)


def test_transforms_of_several_axes_are_those_of_one_after_the_other():
    for family in ("dct", "idct", "dst", "idst"):
        one, many = getattr(scipy.fft, family), getattr(scipy.fft, family + "n")
        f = lambda x, g=many: np.sum(np.sin(g(x, 3, (4, 3))))  # noqa: E731
        h = lambda x, g=one: np.sum(np.sin(g(g(x, 3, 3, axis=1), 3, 4, axis=0)))  # noqa: E731
        np.testing.assert_allclose(cr.grad(f)(X), cr.grad(h)(X), rtol=1e-12, atol=1e-13)


def test_second_derivatives_and_a_convolution_by_transforms():
    kernel = np.array([0.5, -1.0, 0.25, 0.0])

    def f(x):
        return np.sum(np.fft.irfft(np.fft.rfft(x) * np.fft.rfft(kernel), 4) ** 4)

    x = X[0]
    circular = np.array([[kernel[(i - j) % 4] for j in range(4)] for i in range(4)])
    y = circular @ x
    np.testing.assert_allclose(cr.grad(f)(x), circular.T @ (4 * y**3), rtol=1e-12)
    want = circular.T @ np.diag(12 * y**2) @ circular
    np.testing.assert_allclose(cr.hessian(f)(x), want, rtol=1e-12, atol=1e-12)


def test_the_imaginary_parts_that_irfft_ignores_have_gradient_zero():
    z = Z[0, :3]
    g = cr.grad(lambda z: np.sum(np.fft.irfft(z, 4) ** 2))(z)
    assert g[0].imag == 0
    assert g[2].imag == 0
    assert g[1].imag != 0


def test_frequencies_and_their_order():
    np.testing.assert_allclose(cr.derivative(lambda d: np.fft.fftfreq(4, d))(2.0),
                               -np.fft.fftfreq(4, 2.0) / 2)  # fmt: skip
    for library in LIBRARIES:
        f = lambda x, m=library: np.sum(m.fftshift(x, 1) * X[:, ::-1] ** 2)  # noqa: E731
        np.testing.assert_allclose(cr.grad(f)(X), np.fft.ifftshift(X[:, ::-1] ** 2, 1))
        back = lambda x, m=library: m.ifftshift(m.fftshift(x))  # noqa: E731
        np.testing.assert_array_equal(cr.jacobian(back)(X[0]), np.eye(4))


def test_out_receives_the_transform():
    def f(x):
        y = np.zeros_like(x) * (1 + 0j)
        np.fft.fft(x, out=y)
        return np.sum(np.real(y) ** 2)

    want = cr.grad(lambda x: np.sum(np.real(np.fft.fft(x)) ** 2))(X)
    np.testing.assert_allclose(cr.grad(f)(X), want)


def test_refusals_and_bad_input():
    with pytest.raises(ValueError, match="norm"):
        cr.grad(lambda x: np.sum(np.real(np.fft.fft(x, norm="unit"))))(X)
    with pytest.raises(ValueError, match="norm"):
        cr.grad(lambda x: np.sum(np.fft.hfft(x, norm="unit")))(X)
    with pytest.raises(ValueError):  # noqa: PT011
        cr.grad(lambda x: np.sum(np.real(np.fft.fftn(x, s=(2,), axes=(0, 1)))))(X)
    with pytest.raises(ValueError, match="same length"):
        cr.grad(lambda x: np.sum(np.real(scipy.fft.fftn(x, s=(2,), axes=(0, 1)))))(X)
    with pytest.raises(NotImplementedError):
        cr.grad(lambda x: np.sum(np.real(scipy.fft.fft(x, plan=1))))(X)
    with pytest.raises(UnsupportedFunctionError, match="Hankel"):
        cr.grad(lambda x: np.sum(scipy.fft.fht(x, 0.1, 0.5)))(X[0])


def test_names_bound_before_the_trace_and_constants_within_it():
    from scipy.fft import dct, rfft

    f = lambda x: np.sum(np.abs(rfft(x)) ** 2) + np.sum(dct(x)) + np.sum(dct(X[0]))  # noqa: E731
    cr.check_grads(f, (X[0],), order=2)
    assert isinstance(rfft(X[0]), np.ndarray)
