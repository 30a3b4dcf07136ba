"""Filters, convolutions and spectra against recurrences, matrices, JAX, PyTorch and differences."""

import numpy as np
import pytest
import scipy.signal as ss

import chainrule as cr
from chainrule.errors import LostDerivativeError, UnsupportedFunctionError

RNG = np.random.default_rng(11)
X = RNG.standard_normal(24)
XX = RNG.standard_normal((2, 24))
B, A = np.array([0.3, 0.2, 0.1]), np.array([1.3, -0.4, 0.2])


def agrees(f, *xs, order=1):
    """Check the traced value against SciPy's, bit for bit, and the derivatives by differences."""
    plain = f(*xs)
    traced, _ = cr.vjp(f, *xs)
    assert np.shape(plain) == np.shape(traced)
    assert np.asarray(plain).tobytes() == np.asarray(traced).tobytes()
    cr.check_grads(lambda *a: np.sum(np.sin(np.real(f(*a))) + np.imag(f(*a))), xs, order=order)


def recurrence(b, a, x, z=()):
    """The filter as its definition says, one sample after the other, for an oracle."""
    n = max(len(a), len(b))
    b = [v / a[0] for v in b] + [0.0] * (n - len(b))
    a = [v / a[0] for v in a] + [0.0] * (n - len(a))
    state = list(z) or [0.0] * (n - 1)
    out = []
    for v in x:
        y = b[0] * v + (state[0] if state else 0.0)
        after = [*state[1:], 0.0]
        state = [after[k] + b[k + 1] * v - a[k + 1] * y for k in range(n - 1)]
        out.append(y)
    return out, state


@pytest.mark.parametrize("size", [(3, 3), (1, 3), (3, 1), (2, 4), (5, 2)])
@pytest.mark.parametrize("start", [False, True])
def test_lfilter_against_its_recurrence_in_torch(size, start):
    torch = pytest.importorskip("torch")
    b, a = RNG.standard_normal(size[0]), 0.2 * RNG.standard_normal(size[1])
    a[0] = 1.4
    z = RNG.standard_normal(max(size) - 1)
    w, v = RNG.standard_normal(12), RNG.standard_normal(max(size) - 1)

    def f(b, a, x, z):
        if not start:
            return np.sum(w * np.sin(ss.lfilter(b, a, x)))
        y, end = ss.lfilter(b, a, x, zi=z)
        return np.sum(w * np.sin(y)) + np.sum(v * end**2)

    tensors = [torch.tensor(t, requires_grad=True) for t in (b, a, X[:12], z)]
    y, end = recurrence(*tensors[:3], tensors[3] if start else ())
    total = sum(torch.sin(p) * q for p, q in zip(y, torch.tensor(w), strict=True))
    if start:
        total = total + sum(p * p * q for p, q in zip(end, torch.tensor(v), strict=True))
    total.backward()
    got = cr.grad(f, argnums=(0, 1, 2, 3))(b, a, X[:12], z)
    for g, t in zip(got, tensors, strict=True):
        want = np.zeros(g.shape) if t.grad is None else t.grad.numpy()
        np.testing.assert_allclose(g, want, rtol=1e-11, atol=1e-12)


def test_lfilter_in_all_its_arguments_at_every_order():
    agrees(lambda b, a, x: ss.lfilter(b, a, x), B, A, X[:8], order=2)
    agrees(lambda b, a, x: ss.lfilter(b, a, x, axis=0), B, A[:1], XX, order=2)
    z = RNG.standard_normal((2, 2))
    agrees(lambda b, a, x, z: ss.lfilter(b, a, x, zi=z)[1], B, A, XX, z, order=2)
    agrees(lambda b, a, x, z: ss.lfilter(b, a, x, zi=z)[0], B, A, XX, z[:1], order=2)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_a_filter_pulls_back_by_running_backward(axis):
    u, v = RNG.standard_normal((5, 6)), RNG.standard_normal((5, 6))
    y, pull = cr.vjp(lambda x: ss.lfilter(B, A, x, axis=axis), u)
    np.testing.assert_allclose(np.sum(v * y), np.sum(pull(v)[0] * u), rtol=1e-13)
    matrix = cr.jacobian(lambda x: ss.lfilter(B, A, x))(X)
    np.testing.assert_allclose(matrix, ss.lfilter(B, A, np.eye(24), axis=0), atol=1e-15)


def test_a_filter_as_long_as_a_recording_takes_no_loop_over_samples():
    long = RNG.standard_normal(100_000)
    graph = cr.trace(cr.grad(lambda x: np.sum(ss.lfilter(B, A, x) ** 2)), long)
    assert len(graph.nodes) < 30


def sections(x):
    """Second-order sections whose coefficients are differentiable."""
    one = np.ones(1)
    rows = [np.concatenate([x[5 * k : 5 * k + 3], one, x[5 * k + 3 : 5 * k + 5]]) for k in (0, 1)]
    return np.stack(rows)


def test_second_order_sections_in_their_coefficients():
    c = 0.3 * RNG.standard_normal(10)
    agrees(lambda c, x: ss.sosfilt(sections(c), x), c, X[:8], order=2)
    z = RNG.standard_normal((2, 2, 2))
    agrees(lambda c, x, z: ss.sosfilt(sections(c), x, zi=z)[0], c, XX, z)
    agrees(lambda c, x, z: ss.sosfilt(sections(c), x, zi=z)[1], c, XX, z, order=2)
    agrees(lambda c, x: ss.sosfiltfilt(sections(c), x), c, X)
    agrees(lambda c: ss.sosfilt_zi(sections(c)), c)
    agrees(lambda c: ss.freqz_sos(sections(c), 5)[1], c)
    with pytest.raises(ValueError, match="shape"):
        cr.grad(lambda x: np.sum(ss.sosfilt(x, X)))(np.ones((2, 5)))


def test_leading_coefficients_of_one_have_their_derivative():
    """SciPy divides by a₀ only where it is not 1: the derivative must not miss that."""
    a = np.array([1.0, -0.4, 0.2])
    y, x = X[:2], X[2:4]
    for f in (
        lambda a: ss.lfilter_zi(B, a), lambda a: ss.lfiltic(B, a, y, x),
        lambda a: ss.lfilter(B, a, X), lambda a: ss.filtfilt(B, a, X),
        lambda a: ss.tf2zpk(B, a)[1], lambda a: ss.deconvolve(X, a)[0][:6],
    ):  # fmt: skip
        agrees(f, a)


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("method", ["auto", "direct", "fft"])
@pytest.mark.parametrize("name", ["convolve", "correlate"])
def test_convolutions_against_jax(name, mode, method):
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    from jax.scipy import signal as js

    f = getattr(ss, name)
    for n, m in (((7,), (3,)), ((4, 5), (2, 3)), ((2, 3), (2, 3))):
        x, v = RNG.standard_normal(n), RNG.standard_normal(m)
        got = cr.grad(lambda x, v: np.sum(np.sin(f(x, v, mode, method))), argnums=(0, 1))(x, v)
        g = getattr(js, name)
        want = jax.grad(lambda x, v, g=g: jax.numpy.sum(jax.numpy.sin(g(x, v, mode))), (0, 1))(x, v)
        for p, q in zip(got, want, strict=True):
            np.testing.assert_allclose(p, q, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("f", [ss.convolve2d, ss.correlate2d])
@pytest.mark.parametrize("boundary", ["fill", "wrap", "symm"])
@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_convolutions_of_matrices_with_boundaries(f, mode, boundary):
    for m in ((2, 3), (3, 2), (1, 4)):
        x, v = RNG.standard_normal((4, 5)), RNG.standard_normal(m)
        agrees(lambda x, v: f(x, v, mode, boundary, 0.7), x, v)
        agrees(lambda x, v: f(v, x, mode), x, v)


def test_convolutions_of_complex_arrays():
    z = XX[:1, :6] + 1j * XX[1:, :6]
    for f in (ss.convolve, ss.correlate, ss.fftconvolve, ss.oaconvolve, ss.correlate2d):
        agrees(lambda z, f=f: f(z, z[:, :3] ** 2), z)


@pytest.mark.parametrize("rates", [(1, 1), (3, 1), (1, 4), (3, 2), (2, 5), (4, 6)])
def test_changes_of_rate(rates):
    for taps in (1, 2, 5, 8):
        h = RNG.standard_normal(taps)
        agrees(lambda h, x: ss.upfirdn(h, x, *rates), h, XX)
    agrees(lambda x: ss.resample_poly(x, *rates), X)
    agrees(lambda x: ss.resample_poly(x, *rates, axis=1, padtype="median"), XX)
    with pytest.raises(UnsupportedFunctionError, match="upfirdn"):
        cr.grad(lambda x: np.sum(ss.upfirdn([1.0, 2.0], x, mode="line")))(X)


@pytest.mark.parametrize("padtype", ["odd", "even", "constant", None])
def test_filtering_forward_and_backward(padtype):
    agrees(lambda b, a, x: ss.filtfilt(b, a, x, padtype=padtype), B, A, X)
    agrees(lambda x: ss.filtfilt(B, A, x, padtype=padtype, axis=1), XX)
    agrees(lambda x: ss.filtfilt(B, A, x, method="gust"), X)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: ss.welch(x, nperseg=8)[1],
        lambda x: ss.welch(x, 3.0, "hamming", 8, 2, 16, "linear", False, average="median")[1],
        lambda x: ss.periodogram(x, window="hann", scaling="spectrum")[1],
        lambda x: ss.csd(x, x[::-1] ** 2, nperseg=8)[1],
        lambda x: ss.coherence(x, x[::-1] ** 2, nperseg=8)[1],
        lambda x: ss.spectrogram(x, nperseg=8)[2],
        lambda x: ss.stft(x, nperseg=8)[2],
        lambda x: ss.istft(ss.stft(x, nperseg=8)[2] ** 2, nperseg=8)[1],
        lambda x: ss.hilbert(x), lambda x: ss.hilbert(x, 31), lambda x: ss.detrend(x),
        lambda x: ss.detrend(x, type="constant"), lambda x: ss.detrend(x, bp=[5, 11]),
        lambda x: ss.resample(x, 10), lambda x: ss.resample(x, 31, window="hamming"),
        lambda x: ss.resample(x + 1j * x**2, 18), lambda x: ss.decimate(x, 2, 4),
        lambda x: ss.decimate(x, 3, ftype="fir", n=6), lambda x: ss.wiener(x, 3),
        lambda x: ss.savgol_filter(x, 7, 3), lambda x: ss.savgol_filter(x, 6, 2, 1, 0.5),
        lambda x: ss.savgol_filter(x, 5, 2, mode="nearest"), lambda x: ss.deconvolve(x, A)[0],
        lambda x: ss.vectorstrength(x, 2.0)[0], lambda x: ss.envelope(x),
        lambda x: ss.minimum_phase(x[:7]),
    ],
)  # fmt: skip
def test_what_is_made_of_transforms_and_filters(f):
    agrees(f, X)


def test_spectra_with_a_traced_window():
    w = RNG.uniform(0.5, 1.0, 8)
    cr.check_grads(lambda w: np.sum(ss.welch(X, window=w)[1]), (w,))
    beta = lambda b: ss.get_window(("kaiser", b), 8)  # noqa: E731
    agrees(lambda b: ss.lfilter(beta(b), 1.0, X), np.float64(3.0))


@pytest.mark.parametrize(
    ("f", "at"),
    [
        (lambda w: ss.butter(3, w)[0], 0.3), (lambda w: ss.butter(2, w, output="sos"), 0.3),
        (lambda w: ss.cheby1(2, 1.0, w)[1], 0.3), (lambda r: ss.cheby1(2, r, 0.3)[0], 1.5),
        (lambda w: ss.iirnotch(w, 20.0)[0], 0.3), (lambda q: ss.iirpeak(0.3, q)[1], 20.0),
        (lambda w: ss.firwin(9, w), 0.3), (lambda w: ss.firwin(9, w, pass_zero="highpass"), 0.3),
        (lambda b: ss.windows.kaiser(7, b), 3.0), (lambda b: ss.get_window(b, 7), 3.0),
        (lambda s: ss.windows.gaussian(7, s, sym=False), 1.5),
        (lambda a: ss.windows.tukey(9, a), 0.4), (lambda t: ss.windows.exponential(7, tau=t), 2.0),
        (lambda a: ss.windows.chebwin(7, a), 50.0), (lambda f: ss.gausspulse(X, f), 0.5),
        (lambda f: ss.chirp(X, f, 1.0, 2.0), 0.5), (lambda w: ss.sawtooth(X, w), 0.4),
        (lambda f: ss.chirp(X, 0.5, 1.0, f, "log"), 2.0),
        (lambda w: ss.freqz(B, A, np.stack([w, w * 2]))[1], 0.4),
        (lambda w: ss.lp2lp(B, A, w)[0], 1.5), (lambda k: ss.zpk2tf([0.3], [0.1], k)[0], 2.0),
        (lambda b: ss.group_delay(([1.0, b], A), 4)[1], 0.4),
    ],
)  # fmt: skip
def test_designs_windows_and_waves_in_their_parameters(f, at):
    value, slope = cr.jvp(f, (at,), (1.0,))
    np.testing.assert_allclose(value, f(at), rtol=1e-14)
    want = (f(at + 1e-6) - f(at - 1e-6)) / 2e-6
    np.testing.assert_allclose(slope, want, rtol=1e-5, atol=1e-7)
    back = cr.vjp(f, at)[1](np.ones_like(value))[0]
    np.testing.assert_allclose(back, np.real(np.sum(slope)), rtol=1e-10, atol=1e-12)


def test_responses_in_the_coefficients():
    agrees(lambda b, a: ss.freqz(b, a, 6)[1], B, A)
    agrees(lambda b: ss.freqz(b, 1, 6, whole=True)[1], B)
    agrees(lambda b, a: ss.freqs(b, a, [0.5, 2.0])[1], B, A)
    agrees(lambda z, k: ss.freqz_zpk(z, [0.3], k, 4)[1], B, np.float64(2.0))


def test_equal_traced_frequencies_of_a_chirp_are_refused():
    for method in ("log", "hyperbolic"):
        with pytest.raises(UnsupportedFunctionError, match="equal"):
            cr.grad(lambda f, m=method: np.sum(ss.chirp(X, f, 1.0, 0.5, m)))(0.5)
    agrees(lambda x: ss.chirp(x, 0.5, 1.0, 0.5, "log"), X)


def test_medians_and_orders_select():
    agrees(lambda x: ss.medfilt(x, 5), X)
    agrees(lambda x: ss.medfilt2d(x, 3), XX)
    agrees(lambda x: ss.order_filter(x, np.ones(3), 0), X)
    with pytest.raises(ValueError, match="odd"):
        cr.grad(lambda x: np.sum(ss.medfilt(x, 4)))(X)


def test_peaks_stand_at_constant_places_and_have_heights():
    def f(x):
        peaks, found = ss.find_peaks(x, height=0, prominence=0.1, threshold=0.0)
        assert np.array_equal(peaks, ss.find_peaks(X, height=0, prominence=0.1, threshold=0)[0])
        heights = np.sum(found["peak_heights"] ** 2) + np.sum(x[peaks] ** 3)
        return heights + np.sum(found["prominences"] ** 2 + found["left_thresholds"])

    plain = ss.find_peaks(X, height=0, prominence=0.1, threshold=0.0)[1]
    assert plain["prominences"].size > 1
    assert cr.value_and_grad(f)(X)[0] == f(X)
    cr.check_grads(f, (X,))


TIME = np.linspace(0, 10, 120)


def peaks_of(p):
    bumps = [np.exp(-((TIME - at) ** 2) * sharp) for at, sharp in ((2, 3), (5, p[1]), (7.3, 4))]
    small = 0.3 * np.exp(-((TIME - 5.8) ** 2) * 20)
    return bumps[0] * p[0] + bumps[1] * 2 + bumps[2] * p[2] + small


def of_peaks(name, **options):
    """Return what reads a property of the peaks; options may be functions of signal and p."""

    def f(p):
        s = peaks_of(p)
        given = {k: v(s, p) if callable(v) else v for k, v in options.items()}
        return ss.find_peaks(s, **given)[1][name]

    return f


@pytest.mark.parametrize("f", [
    of_peaks("peak_heights", height=lambda s, p: 0.05 * s.max()),
    of_peaks("peak_heights", height=lambda s, p: (0.05 * p[0], 3 * p[1])),
    of_peaks("peak_heights", height=lambda s, p: (0.05 * p[0], None)),
    of_peaks("peak_heights", height=lambda s, p: 0.05 * s),
    of_peaks("peak_heights", height=0, distance=lambda s, p: 5 * p[0]),
    of_peaks("prominences", prominence=lambda s, p: 0.05 * np.ptp(s)),
    of_peaks("right_thresholds", threshold=lambda s, p: 1e-9 * p[0]),
    of_peaks("widths", width=lambda s, p: p[1], rel_height=lambda s, p: 0.4 * p[0]),
    of_peaks("left_ips", width=(None, 60)),
    lambda p: np.stack(ss.peak_widths(peaks_of(p), ss.find_peaks(peaks_of(p))[0], 0.3 * p[0])),
    lambda p: ss.peak_widths(peaks_of(p), [np.argmax(peaks_of(p))], 1.0)[0],
    lambda p: (lambda s, k: ss.peak_widths(s, k, 0.5, ss.peak_prominences(s, k, 31))[0])(
        peaks_of(p), [24, 60]
    ),
    lambda p: (lambda peaks, found: found["plateau_sizes"] * found["peak_heights"])(
        *ss.find_peaks(np.minimum(peaks_of(p), 1.2 * p[0]), height=0, plateau_size=1)
    ),
    lambda p: ss.peak_widths(np.array([0, 1, 2.0, 1, 0]) * p[0], [2])[0],
])  # fmt: skip
@pytest.mark.filterwarnings("ignore:.*at this point alone:chainrule.errors.EagerWarning")
def test_what_selects_peaks_may_be_traced_and_widths_flow(f):
    p = np.array([1.1, 2.3, 1.7])
    h, found = 1e-5, cr.jacobian(f)(p)
    expected = np.stack([(f(p + h * e) - f(p - h * e)) / (2 * h) for e in np.eye(3)], -1)
    assert f(p).size
    assert np.allclose(found, expected, rtol=1e-6, atol=1e-6)
    compiled = cr.jit(cr.jacobian(f))
    assert all(np.allclose(compiled(q), cr.jacobian(f)(q)) for q in (p, p, 1.02 * p, p))
    assert np.allclose(cr.vmap(f)(np.stack([p, 1.001 * p])), [f(p), f(1.001 * p)])


def test_a_compiled_selection_of_peaks_is_guarded():
    def f(p):
        y = np.array([0, 1.0, 0.2, 2.0, 0.1]) * p[0]
        return np.sum(ss.find_peaks(y, height=p[1])[1]["peak_heights"] ** 2)

    compiled = cr.jit(cr.grad(f))
    for least in (0.5, 0.5, 0.6, 1.2, 1.1, 3.0, 0.4):
        p = np.array([1.0, least])
        assert np.array_equal(compiled(p), cr.grad(f)(p))


NUM, DEN = np.array([1.0, 0.5]), np.array([1.0, 0.7, 0.4])
INNER = np.array([0, 1.0, 1.0])
ZEROS, POLES = np.array([-0.5]), np.array([-0.2, -0.6])
MOMENTS = np.array([0.1, 0.4, 1.3, 2.2, 2.9, 3.3])
FREQS = np.array([1.0, 2.1, 3.0])


def flat(parts):
    whole = np.concatenate([np.ravel(v) for v in parts])
    return np.concatenate([whole.real, whole.imag])


@pytest.mark.parametrize("f", [
    lambda p: flat(ss.bilinear(NUM * p[0], DEN + 0.1 * p[1] * INNER, 2 + p[2])),
    lambda p: flat(ss.lp2hp(NUM * p[0], DEN + p[1] * INNER, p[2])),
    lambda p: flat(ss.lp2hp(DEN * p[0], NUM + p[1], p[2])),
    lambda p: flat(ss.lp2bp(NUM * p[0], DEN + p[1] * INNER, p[2], p[1])),
    lambda p: flat(ss.lp2bs(NUM * p[0], DEN + p[1] * INNER, p[2], p[1])),
    *(lambda p, g=g: flat(g(ZEROS * p[0], POLES * p[1], p[2], 2.0 + p[0]))
      for g in (ss.bilinear_zpk, ss.lp2lp_zpk, ss.lp2hp_zpk)),
    *(lambda p, g=g: flat(g(ZEROS * p[0], POLES * p[1], p[2], 2.0 + p[0], p[1]))
      for g in (ss.lp2bp_zpk, ss.lp2bs_zpk)),
    lambda p: flat(ss.cont2discrete((NUM * p[0], DEN + p[1] * INNER), 0.5 * p[2], "bilinear")[:2]),
    lambda p: flat([ss.czt(MOMENTS * p[0], 9)]),
    lambda p: flat([ss.czt(MOMENTS, 4, np.exp(-0.3j * p[1]), np.exp(1j * p[0]))]),
    lambda p: flat([ss.zoom_fft(MOMENTS * p[0], [0.1 * p[1], 0.5], 5, fs=2 + p[2])]),
    lambda p: flat([ss.CZT(6)(MOMENTS * p[0]), ss.ZoomFFT(6, [0.1, 0.4 * p[1]])(MOMENTS)]),
    lambda p: ss.lombscargle(MOMENTS * p[1], np.sin(MOMENTS) * p[0], FREQS * p[2]),
    lambda p: ss.lombscargle(
        MOMENTS, np.sin(MOMENTS) + p[0], FREQS, normalize=True, weights=MOMENTS * p[1] + p[2],
        floating_mean=True,
    ),
])  # fmt: skip
def test_designs_and_transforms_run_scipys_own_formulas(f):
    p = np.array([1.1, 0.9, 1.3])
    found = cr.jacobian(f)(p)
    expected = np.stack([(f(p + h) - f(p - h)) / 2e-5 for h in 1e-5 * np.eye(3)], -1)
    assert np.allclose(found, expected, rtol=1e-6, atol=1e-6)
    assert np.allclose(cr.jvp(f, (p,), (p,))[0], f(p), rtol=1e-14, atol=1e-15)


def test_transpose_takes_an_integer_of_numpy():
    agrees(lambda x: x.transpose(np.int64(0)), X)


def test_what_has_no_rule_is_loud():
    for f in (
        lambda x: ss.cspline1d(x), lambda x: ss.firls(5, [0, 0.3, 0.5, 1], x[:4]),
    ):  # fmt: skip
        with pytest.raises((LostDerivativeError, UnsupportedFunctionError)):
            cr.grad(lambda x, f=f: np.sum(f(x)))(X)


def test_calls_without_traced_arguments_are_scipys_own():
    def f(x):
        b, a = ss.butter(2, 0.2)
        assert type(b) is np.ndarray
        return np.sum(ss.filtfilt(b, a, x) * ss.get_window("hann", 24))

    cr.check_grads(f, (X,))
    assert type(ss.lfilter(B, A, X)) is np.ndarray


def test_batches_and_per_example_gradients():
    rows = RNG.standard_normal((3, 24))
    for f in (
        lambda x: ss.lfilter(B, A, x), lambda x: ss.filtfilt(B, A, x),
        lambda x: ss.sosfiltfilt(sections(np.full(10, 0.1)), x), lambda x: ss.convolve(x, x[:3]),
        lambda x: ss.upfirdn(B, x, 2, 3), lambda x: ss.welch(x, nperseg=8)[1],
    ):  # fmt: skip
        got = cr.vmap(cr.grad(lambda x, f=f: np.sum(np.sin(f(x)))))(rows)
        want = np.stack([cr.grad(lambda x, f=f: np.sum(np.sin(f(x))))(row) for row in rows])
        np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("f", [
    lambda x: ss.filtfilt([0.5, 0.5], [1.0], x, padlen=2),
    lambda x: ss.sosfiltfilt(ss.butter(2, 0.3, output="sos"), x, padlen=2),
    lambda x: ss.lfilter([0.5, x[0]], [1.0, 0.2], x, zi=x[:1])[0],
    lambda x: ss.decimate(np.tile(x, 10), 2),
])  # fmt: skip
def test_filters_with_a_state_in_every_mode(f):
    x = np.array([0.3, 1.2, -0.7, 2.1])
    ahead, back = cr.jacfwd(f)(x), cr.jacrev(f)(x)
    np.testing.assert_allclose(ahead, back, rtol=1e-12, atol=1e-14)
    cr.hessian(lambda x: np.sum(f(x) ** 2))(x)
    cr.check_grads(f, (x,), order=2)
