"""Filters and interpolation of images against dense matrices, JAX, PyTorch and differences."""

import inspect
import itertools

import numpy as np
import pytest
from scipy import ndimage as nd

import chainrule as cr
from chainrule.core import registry
from chainrule.errors import LostDerivativeError, UnsupportedFunctionError
from chainrule.ops.scipy.ndimage.splines import interpolate

RNG = np.random.default_rng(13)
X = RNG.standard_normal((4, 5))
LINE = RNG.standard_normal(6)
MODES = ["reflect", "constant", "nearest", "mirror", "wrap"]
ALL_MODES = [*MODES, "grid-mirror", "grid-constant", "grid-wrap"]


def agrees(f, *xs, order=1):
    """Check the traced value against SciPy's, bit for bit, and the derivatives by differences."""
    plain = f(*xs)
    traced, _ = cr.vjp(f, *xs)
    assert np.asarray(plain).tobytes() == np.asarray(traced).tobytes()
    assert plain.dtype == traced.dtype
    cr.check_grads(lambda *a: np.sum(np.sin(np.real(f(*a))) + np.imag(f(*a))), xs, order=order)


def is_its_matrix(f, x):
    """Check that the Jacobian is SciPy's own result on the unit images; f is affine in x."""
    zero = f(np.zeros_like(x))
    units = np.eye(x.size).reshape((x.size, *x.shape))
    columns = [np.ravel(f(e) - zero) for e in units]
    want = np.stack(columns, axis=1).reshape((*zero.shape, *x.shape))
    np.testing.assert_allclose(cr.jacrev(f)(x), want, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(cr.jacfwd(f)(x), want, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("mode", ALL_MODES)
@pytest.mark.parametrize("size", [1, 2, 3, 4, 9])
def test_lines_with_every_boundary_and_origin(mode, size):
    w = RNG.standard_normal(size)
    for f, origin in itertools.product((nd.correlate1d, nd.convolve1d), (0, -(size // 2))):
        g = lambda x, w, f=f, o=origin: f(x, w, 0, None, mode, 0.5, o)  # noqa: E731
        is_its_matrix(lambda x, g=g: g(x, w), LINE)
        agrees(g, LINE, w)
        agrees(g, X, w)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (3, 2), (5, 7)])
def test_planes_with_every_boundary(mode, shape):
    w = RNG.standard_normal(shape)
    for f in (nd.correlate, nd.convolve):
        g = lambda x, w, f=f: f(x, w, mode=mode, cval=-0.5)  # noqa: E731
        is_its_matrix(lambda x, g=g: g(x, w), X)
        agrees(g, X, w)
    cube = RNG.standard_normal((3, 2, 4))
    agrees(lambda x: nd.correlate(x, w, mode=mode, axes=(2, 0)), cube)
    if min(shape) > 1:
        agrees(lambda x: nd.convolve(x, w, mode=mode, axes=(1, 0), origin=(0, -1)), X)
        agrees(lambda x: nd.correlate(x, w, mode=mode, axes=(2, 0), origin=(-1, 0)), cube)


def test_small_weights_are_not_passed_over():
    """SciPy leaves weights below 2.2e-16 out; their derivative is that of any other."""
    w = np.array([[0.0, 1.0], [1e-20, 0.0]])
    slope = cr.jacobian(lambda w: nd.correlate(X, w))(w)
    want = cr.jacobian(lambda w: nd.correlate(X, w))(np.ones((2, 2)))
    np.testing.assert_allclose(slope, want, rtol=1e-14)
    _, t = cr.jvp(lambda w: nd.correlate(X, w), (w,), (1e-20 * np.ones((2, 2)),))
    np.testing.assert_allclose(t, 1e-20 * nd.correlate(X, np.ones((2, 2))), rtol=1e-13)


@pytest.mark.parametrize("mode", MODES)
def test_what_is_made_of_lines(mode):
    for f in (
        lambda x: nd.gaussian_filter(x, 0.8, mode=mode, cval=0.3),
        lambda x: nd.gaussian_filter(x, (0.5, 1.2), order=(1, 2), mode=mode),
        lambda x: nd.gaussian_filter1d(x, 1.1, 0, 3, mode=mode, truncate=2.5),
        lambda x: nd.sobel(x, 0, mode=mode), lambda x: nd.prewitt(x, mode=mode, cval=1.0),
        lambda x: nd.laplace(x, mode=mode), lambda x: nd.gaussian_laplace(x, 0.7, mode=mode),
        lambda x: nd.uniform_filter(x, (2, 3), mode=mode, cval=1.0),
        lambda x: nd.uniform_filter1d(x, 4, 0, mode=mode, origin=1),
    ):  # fmt: skip
        is_its_matrix(f, X)
        agrees(f, X)
    agrees(lambda x: nd.gaussian_gradient_magnitude(x, 0.9, mode=mode), X)


def test_the_width_of_a_gaussian():
    for order in (0, 1, 2):
        agrees(lambda s, k=order: nd.gaussian_filter(X, s, k), np.float64(0.8), order=2)
    agrees(lambda s: nd.gaussian_filter(X, s, mode=("wrap", "mirror")), np.array([0.7, 1.1]))
    agrees(lambda s: nd.gaussian_laplace(X, [s, 0.7]), np.float64(0.8))


def test_a_flat_image_has_a_magnitude_whose_slope_is_zero():
    f = lambda x: np.sum(nd.gaussian_gradient_magnitude(x, 1.0))  # noqa: E731
    assert np.array_equal(cr.grad(f)(np.zeros((5, 5))), np.zeros((5, 5)))


def test_output_and_dtypes():
    small = X.astype(np.float32)
    w = np.array([0.2, 0.5, 0.1])
    agrees(lambda x: nd.correlate1d(x, w, output=np.float64), X)
    assert cr.grad(lambda x: np.sum(nd.gaussian_filter(x, 1.0)))(small).dtype == np.float32
    assert cr.jvp(lambda x: nd.sobel(x), (small,), (small,))[1].dtype == np.float32

    def f(x):
        y = np.zeros((4, 5))
        nd.gaussian_filter(x, 1.0, output=y)
        return np.sum(y**2)

    cr.check_grads(f, (X,))
    z = X + 1j * X[::-1]
    agrees(lambda z: nd.correlate(z, np.outer(w, w)), z)
    agrees(lambda z: nd.uniform_filter(z), z)
    with pytest.raises(UnsupportedFunctionError, match="rounded"):
        cr.grad(lambda w: np.sum(nd.correlate1d(np.arange(6), w)))(w)
    with pytest.raises(UnsupportedFunctionError, match="complex weights"):
        cr.grad(lambda x: np.sum(np.real(nd.correlate1d(x, w * 1j))))(LINE)


@pytest.mark.parametrize("mode", MODES)
def test_selections(mode):
    cross = nd.generate_binary_structure(2, 1)
    for f in (
        lambda x: nd.maximum_filter(x, 3, mode=mode), lambda x: nd.minimum_filter(x, (2, 3)),
        lambda x: nd.median_filter(x, footprint=cross, mode=mode),
        lambda x: nd.rank_filter(x, -2, 3, mode=mode, cval=0.1),
        lambda x: nd.percentile_filter(x, 20, (3, 2), mode=mode, origin=(0, -1)),
        lambda x: nd.maximum_filter1d(x, 3, 0, mode=mode),
        lambda x: nd.minimum_filter(x, 2, mode=(mode, "wrap")),
    ):  # fmt: skip
        agrees(f, X)
        rows = cr.jacobian(f)(X).reshape(20, 20)
        assert set(np.unique(rows)) <= {0.0, 1.0}
    cube = RNG.standard_normal((3, 4, 2))
    for f in (
        lambda x: nd.maximum_filter(x, (2, 3), axes=(2, 0), origin=(-1, 0), mode=(mode, "wrap")),
        lambda x: nd.minimum_filter(x, footprint=np.ones((2, 3)), axes=(2, 1), mode=mode),
        lambda x: nd.maximum_filter(x, footprint=[[1, 0, 1], [1, 1, 0]], axes=(1, 0), mode=mode),
        lambda x: nd.median_filter(x, (3, 2), axes=(2, 0), origin=(0, -1), mode=mode),
    ):
        agrees(f, cube)
    with pytest.raises(RuntimeError):
        cr.grad(lambda x: np.sum(nd.rank_filter(x, 9, 3)))(X)


@pytest.mark.parametrize("mode", ALL_MODES)
@pytest.mark.parametrize("order", range(6))
def test_the_spline_has_scipys_values_everywhere(mode, order):
    for shape in ((7,), (6, 5), (1, 4)):
        x = RNG.standard_normal(shape)
        far = np.stack([RNG.uniform(-2.6 * n, 3.3 * n, 40) for n in shape])
        near = np.stack([RNG.uniform(-1, n, 20) for n in shape])
        points = np.concatenate([far, near, np.round(far), np.round(near)], axis=1)
        for cval in (0.0, 1.5):
            want = nd.map_coordinates(x, points, order=order, mode=mode, cval=cval)
            got = interpolate(x, points, order, mode, cval, True)
            np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("mode", ALL_MODES)
@pytest.mark.parametrize("order", [0, 1, 2, 3, 5])
def test_interpolation_in_image_and_coordinates(mode, order):
    points = np.array([[0.3, 1.6, 2.8, -0.7, 3.6, 7.3], [0.2, 3.7, 1.4, 2.2, 4.4, -3.9]])
    is_its_matrix(lambda x: nd.map_coordinates(x, points, order=order, mode=mode, cval=0.5), X)
    f = lambda x, p: nd.map_coordinates(x, p, order=order, mode=mode, cval=0.5)  # noqa: E731
    if order:  # order 0 is piecewise constant
        agrees(f, X, points, order=2 if order > 2 else 1)


def test_interpolation_against_jax():
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    points = RNG.uniform(0, 3, (2, 7))
    for mode in ("constant", "nearest", "mirror", "reflect"):
        def f(m, n, x, p, mode=mode):
            return n.sum(n.sin(m.map_coordinates(x, p, order=1, mode=mode)))

        got = cr.grad(lambda x, p, f=f: f(nd, np, x, p), argnums=(0, 1))(X, points)
        of_jax = lambda x, p, f=f: f(jax.scipy.ndimage, jax.numpy, x, list(p))  # noqa: E731
        want = jax.grad(of_jax, (0, 1))(X, points)
        for p, q in zip(got, want, strict=True):
            np.testing.assert_allclose(p, q, rtol=1e-12, atol=1e-13)


def test_moves_of_the_whole_image():
    for f, at in (
        (lambda x, s: nd.shift(x, s), np.array([0.3, -0.6])),
        (lambda x, s: nd.shift(x, s, order=1, mode="nearest"), np.float64(0.4)),
        (lambda x, a: nd.rotate(x, a), np.float64(33.0)),
        (lambda x, a: nd.rotate(x, a, reshape=False, order=2, mode="mirror"), np.float64(-17.0)),
        (lambda x, m: nd.affine_transform(x, m, 0.23), np.array([[0.91, 0.13], [-0.21, 0.82]])),
        (lambda x, m: nd.affine_transform(x, m, mode="wrap"),
         np.array([[0.91, 0.13, 0.37], [-0.21, 0.82, 0.17]])),
        (lambda x, o: nd.affine_transform(x, [0.8, 0.7], o, (3, 4)), np.array([0.2, 0.3])),
    ):  # fmt: skip
        agrees(f, X, at)
        is_its_matrix(lambda x, f=f, at=at: f(x, at), X)
    for kw in ({}, {"order": 1}, {"mode": "nearest"}, {"grid_mode": True, "mode": "grid-wrap"}):
        is_its_matrix(lambda x, kw=kw: nd.zoom(x, (1.7, 0.6), **kw), X)
    is_its_matrix(lambda x: nd.rotate(x, 20.0, (2, 0)), RNG.standard_normal((3, 2, 4)))
    with pytest.raises(UnsupportedFunctionError, match="zoom factor"):
        cr.grad(lambda s: np.sum(nd.zoom(X, s)))(1.5)
    with pytest.raises(UnsupportedFunctionError, match="rounded"):
        cr.grad(lambda s: np.sum(nd.shift(np.arange(6), s)))(0.5)


@pytest.mark.parametrize("mode", ["mirror", "reflect", "grid-wrap"])
@pytest.mark.parametrize("order", [2, 3, 4, 5])
def test_the_spline_filter(mode, order):
    is_its_matrix(lambda x: nd.spline_filter(x, order, mode=mode), X)
    is_its_matrix(lambda x: nd.spline_filter1d(x, order, 0, mode=mode), X)


def test_a_registration_finds_its_shift():
    y, x = np.mgrid[:12, :12]
    blob = np.exp(-((y - 5.0) ** 2 + (x - 6.0) ** 2) / 6)
    moved = nd.shift(blob, (0.4, -0.3))
    at = np.zeros(2)
    for _ in range(30):
        rest, pull = cr.vjp(lambda s: nd.shift(blob, s) - moved, at)
        jacobian = cr.jacfwd(lambda s: nd.shift(blob, s))(at).reshape(-1, 2)
        at = at - np.linalg.lstsq(jacobian, np.ravel(rest))[0]
    np.testing.assert_allclose(at, [0.4, -0.3], atol=1e-10)
    assert np.max(np.abs(pull(rest)[0])) < 1e-9


def test_what_has_no_rule_is_loud():
    for f in (
        lambda x: nd.grey_dilation(x, 3), lambda x: nd.label(x)[0],
        lambda x: nd.vectorized_filter(x, np.mean, size=3), lambda x: nd.fourier_gaussian(x, 1.0),
    ):  # fmt: skip
        with pytest.raises((LostDerivativeError, UnsupportedFunctionError)):
            cr.grad(lambda x, f=f: np.sum(f(x)))(X)


def test_functions_of_the_user_may_close_over_traced_values():
    data = np.array([[0.3, -1.2, 0.8], [1.7, 0.4, -0.6]])
    w = np.array([[1.0, -2.0, 0.5], [0.7, 1.1, -0.9]])

    def line(row, out, p):
        out[:] = p * row[1:-1] * row[2:]

    def second(image, axis, output, mode, cval, p):
        return nd.correlate1d(image, [1, p, 1], axis, output, mode, cval)

    for f in (
        lambda p: nd.generic_filter(data, lambda v: p[0] * v[0] * v[-1] + p[1] ** 2, 3),
        lambda p: nd.generic_filter(data * p[0], lambda v: float(np.sum(v**2)), size=(1, 2)),
        lambda p: nd.generic_filter1d(data * p[1], line, 3, 0, extra_arguments=(p[0],)),
        lambda p: nd.generic_laplace(data * p[1], second, extra_arguments=(p[0],)),
        lambda p: nd.generic_gradient_magnitude(data * p[1], second, extra_arguments=(p[0],)),
        lambda p: nd.geometric_transform(
            data, lambda at: (at[0] * p[0], at[1] * p[1] + 0.1), mode="nearest"
        ),
    ):  # fmt: skip
        cr.check_grads(lambda p, f=f: np.sum(w * f(p)), (np.array([0.7, 1.3]),))


def test_the_generic_filters_refuse_what_scipy_refuses():
    for call in (
        lambda x: nd.generic_filter(x, np.mean), lambda x: nd.generic_filter(x, np.mean, (3, 3)),
        lambda x: nd.generic_filter(x, np.mean, 3, origin=2),
        lambda x: nd.generic_filter(x + 1j, np.mean, 3),
        lambda x: nd.generic_filter(x, np.mean, footprint=np.ones((2, 2))),
        lambda x: nd.generic_filter1d(x, print, 0), lambda x: nd.generic_filter1d(x, print, 3, 2),
    ):  # fmt: skip
        with pytest.raises((RuntimeError, ValueError, TypeError, IndexError)) as plain:
            call(np.arange(3.0))
        with pytest.raises(type(plain.value)):
            cr.grad(lambda x, call=call: np.sum(np.real(call(x))))(np.arange(3.0))


def test_masks_and_labels_are_constant():
    def f(x):
        labels, count = nd.label(x > 0)
        inside = nd.binary_erosion(x > -9)
        return sum(np.sum(x[labels == k + 1] ** 2) for k in range(count)) + np.sum(x[inside])

    cr.check_grads(f, (X,))


def test_batches():
    images = RNG.standard_normal((3, 4, 5))
    for f in (
        lambda x: nd.gaussian_filter(x, 0.8), lambda x: nd.correlate(x, X[:2, :3]),
        lambda x: nd.median_filter(x, 3), lambda x: nd.shift(x, 0.3),
        lambda x: nd.uniform_filter(x),
    ):  # fmt: skip
        got = cr.vmap(cr.grad(lambda x, f=f: np.sum(np.sin(f(x)))))(images)
        want = np.stack([cr.grad(lambda x, f=f: np.sum(np.sin(f(x))))(x) for x in images])
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-14)


IN_PLACE = {  # what stands between the image and the output
    "correlate1d": "[1.0, 2, 3]", "convolve1d": "[1.0, 2, 4]", "correlate": "np.eye(3)",
    "convolve": "np.ones((2, 2))", "gaussian_filter1d": "1.0", "gaussian_filter": "1.0",
    "prewitt": "", "sobel": "", "laplace": "", "gaussian_laplace": "1.0",
    "gaussian_gradient_magnitude": "1.0", "generic_laplace": "nd.sobel",
    "generic_gradient_magnitude": "nd.prewitt", "uniform_filter1d": "3", "uniform_filter": "3",
    "minimum_filter1d": "3", "maximum_filter1d": "3", "minimum_filter": "3", "maximum_filter": "3",
    "rank_filter": "1, 3", "median_filter": "3", "percentile_filter": "30, 3",
    "generic_filter1d": "lambda line, out: out.__setitem__(..., line[1:-1] * line[2:]), 3",
    "generic_filter": "np.mean, 2", "spline_filter1d": "3", "spline_filter": "",
    "affine_transform": "np.array([[0.9, 0.1], [0.0, 0.8]])", "shift": "0.3", "zoom": "1.0",
    "geometric_transform": "lambda i: (i[0] * 0.9, i[1] * 0.8 + 0.1)",
    "map_coordinates": "np.indices((3, 3)) * 0.9", "rotate": "10.0, reshape=False",
}  # fmt: skip
OUTPUTS = ("a", "a[::-1]", "a.T", "big[1:]")


def test_every_function_with_an_output_is_tried_in_place():
    takes = {n for n in nd.__all__ if "output" in inspect.signature(getattr(nd, n)).parameters}
    constant = {n for n in takes if n.startswith(("binary", "fourier", "label", "watershed"))}
    without = {n for n in takes if not registry.find(getattr(nd, n))}
    assert takes - constant - without <= set(IN_PLACE)


@pytest.mark.parametrize("name", IN_PLACE)
def test_an_output_in_the_memory_of_the_input_is_as_in_scipy_or_refused(name):
    between = f"{IN_PLACE[name]}, " if IN_PLACE[name] else ""
    for output in OUTPUTS:
        source = "def f(x):\n    big = np.outer(x, x[:3])\n    a = big[:3]\n"
        source += f"    nd.{name}(a, {between}output={output})\n    return np.sum(big**2)"
        spaces = {"np": np, "nd": nd}
        exec(source, spaces)
        f, x = spaces["f"], np.array([0.7, 1.3, 2.1, 0.4])
        try:
            value, slope = cr.value_and_grad(f)(x)
        except UnsupportedFunctionError as error:
            if "shares memory" not in str(error):
                raise
            continue
        np.testing.assert_allclose(value, f(x), rtol=1e-12, err_msg=output)
        steps = 1e-6 * np.eye(4)
        sides = [(f(x + h) - f(x - h)) / 2e-6 for h in steps]
        np.testing.assert_allclose(slope, sides, rtol=1e-4, atol=1e-5, err_msg=output)
