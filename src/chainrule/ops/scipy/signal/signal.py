"""Signal processing. Loaded with `scipy.signal`.

Spectra, resampling, smoothing, windows and waveforms are SciPy's own Python code, run on traced
arrays (`borrowed`), over transforms and filters that have rules.
"""

from importlib import import_module
from importlib.util import find_spec
from types import FunctionType
from typing import Any

import numpy as np
from scipy import interpolate, ndimage, signal

from ....core.op import Composite, Const, Notation, Op, Sample, sample
from ....core.registry import add, register
from ....core.sequences import elements, holders
from ....core.slots import Jvp, Linear
from ....errors import UnsupportedFunctionError
from ...batched import along_axis
from ...borrowed import Borrowed, first_traced
from ...declare import as_array
from ...numpy.arithmetic import unseen
from ...numpy.fft import complex_array
from ...numpy.layout import axes_in_range
from ...numpy.own_python import carries, plain
from ...numpy.polynomials import shortened
from ..common import as_computed, constant_of
from ..ndimage.filters import convolve1d
from . import convolution, filters, peaks  # noqa: F401  peaks have their records

# --- what pulls back by itself ----------------------------------------------------------------

detrend_op = Op(
    "detrend",
    lambda x, axis, type, bp: signal.detrend(x, axis, type, np.asarray(bp)),
    (
        Linear(
            transpose=lambda ct, _x, axis, type, bp: detrend_op(ct, axis=axis, type=type, bp=bp)
        ),
    ),
    complex=True,
    batch=along_axis(0),
    notation=Notation(
        "detrend({0})", "\\operatorname{{detrend}}\\left({0}\\right)",
        rule="what least squares leaves is an orthogonal projection: it is its own transpose",
    ),
)  # fmt: skip
add(detrend_op)


def detrend(
    data: Any, axis: int = -1, type: str = "linear", bp: Any = 0, overwrite_data: bool = False
) -> Any:
    """Take away the mean, or the line of least squares, piece by piece."""
    x = as_array(data)
    (axis,) = axes_in_range(axis, x.ndim)
    breaks = tuple(np.atleast_1d(np.asarray(bp)).tolist())
    return detrend_op(x, axis=axis, type=type, bp=breaks)


# --- smoothing by polynomials -------------------------------------------------------------------


def _smoothed(t: Any, _y: Any, _x: Any, axis: int, window: int, params: Any) -> Any:
    """Slide the weights of the middle; at both ends fit one polynomial to the last window."""
    half, n = window // 2, t.shape[axis]
    order, deriv, delta = params
    ends = signal.savgol_filter(np.eye(window), window, order, deriv, delta, 0)
    weights = signal.savgol_coeffs(window, order, deriv=deriv, delta=delta)
    middle = convolve1d(t, weights, axis, mode="constant")
    first = _matrix(ends[:half], filters.part(t, axis, slice(0, window)), axis)
    last = _matrix(ends[window - half :], filters.part(t, axis, slice(n - window, n)), axis)
    inside = filters.part(middle, axis, slice(half, n - half))
    return np.concatenate((first, inside, last), axis=axis)


def _matrix(m: Any, x: Any, axis: int) -> Any:
    return np.moveaxis(np.tensordot(m.astype(x.dtype), x, (1, axis)), 0, axis)


savgol_op = Op(
    "savgol_filter",
    lambda x, axis, window, params: signal.savgol_filter(x, window, *params, axis),
    (Jvp(_smoothed),),
    batch=along_axis(0),
    notation=Notation(
        "savgol({0})", "\\operatorname{{savgol}}\\left({0}\\right)",
        rule="polynomials of least squares: linear in the signal",
    ),
)  # fmt: skip
add(savgol_op)


def savgol_filter(
    x: Any, window_length: int, polyorder: int, deriv: int = 0, delta: float = 1.0,
    axis: int = -1, mode: str = "interp", cval: float = 0.0,
) -> Any:  # fmt: skip
    """Fit polynomials to windows that slide along an axis."""
    x = as_array(x)
    if mode != "interp":
        given = (x, window_length, polyorder, deriv, delta, axis, mode, cval)
        return _code.body(signal.savgol_filter)(*given)
    x = x if x.dtype in (np.float32, np.float64) else x.astype(np.float64)
    (axis,) = axes_in_range(axis, x.ndim)
    params = (int(polyorder), int(deriv), delta)
    return savgol_op(x, axis=axis, window=int(window_length), params=params)


# --- waves, and what branches on equality ---------------------------------------------------------


_DOUBLE_WAVES = signal.sawtooth(np.zeros(1, np.float32)).dtype == np.float64  # not since 1.18


def _alike(*xs: Any) -> tuple[Any, ...]:
    """Return the arguments of a wave in the shape and dtype in which SciPy computes it."""
    arrays = [as_array(x) for x in xs]
    weak = [not (_DOUBLE_WAVES or hasattr(x, "dtype")) for x in xs]
    kind = np.result_type(*(x if w else a.dtype for x, a, w in zip(xs, arrays, weak, strict=True)))
    shape = np.broadcast_shapes(*(x.shape for x in arrays))
    kind = kind if kind.kind in "fc" else np.dtype(float)
    return tuple(np.broadcast_to(x, shape).astype(kind) for x in arrays)


def sawtooth(t: Any, width: Any = 1) -> Any:
    """Rise during `width` of a period, and fall in the rest of it."""
    t, width = _alike(t, width)
    phase = np.mod(t, 2 * np.pi)
    known = (width >= 0) & (width <= 1)
    rises = phase < width * 2 * np.pi
    up = phase / (np.pi * np.where(rises, width, 1)) - 1
    down = (np.pi * (width + 1) - phase) / (np.pi * (1 - np.where(rises, 0, width)))
    found = np.where(known, np.where(rises, up, down), np.nan)
    return found.astype(np.float64 if _DOUBLE_WAVES else t.dtype)


def square(t: Any, duty: Any = 0.5) -> Any:
    """Return 1 during `duty` of a period, and −1 in the rest of it: piecewise constant."""
    t, duty = _alike(t, duty)
    high = np.mod(t, 2 * np.pi) < duty * 2 * np.pi
    known = (duty >= 0) & (duty <= 1)
    found = np.where(known, np.where(high, 1.0, -1.0), np.nan) + 0 * np.sign(t)
    found = found.astype(np.float64 if _DOUBLE_WAVES else t.dtype)
    return found if found.shape else np.copy(found)  # SciPy fills an array


def chirp(t: Any, f0: Any, t1: Any, f1: Any, method: str = "linear", *args: Any, **kw: Any) -> Any:
    """Sweep the frequency; two equal frequencies that are traced are another formula."""
    if method[:1] in "lh" and method[:3] != "lin" and first_traced((f0, f1)) is not None:
        if method not in ("li",) and f0 == f1:
            raise UnsupportedFunctionError(
                f"scipy.signal.chirp(method={method!r}) received equal traced frequencies",
                why="SciPy then computes a constant frequency, which is not the limit of the "
                "derivative",
                cure="use method='linear', or frequencies that differ",
            )
    return _code.body(signal.chirp)(t, f0, t1, f1, method, *args, **kw)


def initial_state(b: Any, a: Any, y: Any, x: Any = None) -> Any:
    """Return the state of a filter from its past; SciPy divides by a₀ only where it is not 1."""
    state = _code.body(signal.lfiltic)(b, a, y, x)
    first = np.atleast_1d(as_array(a))[0]
    return state / first if first == 1.0 else state


# --- SciPy's own code -----------------------------------------------------------------------------


_INSTEAD = {
    signal.lfilter: filters.filter_signal,
    signal.sosfilt: filters.filter_sections,
    signal.upfirdn: filters.change_rate,
    signal.lfilter_zi: filters.steady_state,
    signal.sosfilt_zi: filters.steady_states,
    signal.convolve: convolution.convolve,
    signal.correlate: convolution.correlate,
    signal.fftconvolve: convolution.fftconvolve,
    signal.oaconvolve: convolution.oaconvolve,
    signal.convolve2d: convolution.convolve2d,
    signal.correlate2d: convolution.correlate2d,
    signal.detrend: detrend,
    ndimage.convolve1d: convolve1d,
}


def _normalize(b: Any, a: Any) -> Any:
    """Run SciPy's own code, where it drops no traced coefficient that is zero.

    The rows that `ss2tf` returns begin with its D, a zero of most systems that depends on nothing.
    """
    scale = np.max(np.abs(plain(as_array(a))), initial=0.0)
    for part, least in ((b, 1e-14 * scale), (a, 0.0)):
        lead = part[0] if elements(part) else part
        if carries(lead) and np.ndim(lead) < 2 and as_array(part).size > 1:
            if np.all(np.abs(np.ravel(plain(as_array(part)))[0]) <= least):
                raise shortened("scipy.signal.normalize", "SciPy", "scipy.signal.freqs, polyval")
    num, den = _code.body(signal.normalize)(b, a)
    if np.ndim(num) == 2 and carries(b):  # of several numerators SciPy drops columns of zeros
        dropped = as_array(b)[:, : as_array(b).shape[1] - num.shape[1]]
        num = num + unseen(dropped - plain(dropped))
    return num, den


_INSTEAD[signal.normalize] = _normalize
_MODULES = (
    "_arraytools", "_czt", "_filter_design", "_fir_filter_design", "_polyutils",
    "_lti_conversion", "_savitzky_golay", "_short_time_fft", "_signaltools", "_spectral_py",
    "_waveforms",
    "windows._windows",
)  # fmt: skip
_found = [f"scipy.signal.{name}" for name in _MODULES if find_spec(f"scipy.signal.{name}")]
_code = Borrowed(*map(import_module, _found), instead=_INSTEAD)


def _lines_between(times: Any, values: Any, k: int) -> Any:
    """Return what a spline of degree 1 is, for discrete systems: rows between rows of `values`."""
    assert k == 1
    times = plain(times)

    def at(moments: Any) -> Any:
        moments = plain(moments)
        left = np.clip(np.searchsorted(times, moments, "right") - 1, 0, times.size - 2)
        share = ((moments - times[left]) / (times[left + 1] - times[left]))[:, None]
        return values[left] * (1 - share) + values[left + 1] * share

    return at


_systems = import_module("scipy.signal._ltisys")
_system_code = Borrowed(_systems, classes=False, instead={
    **_INSTEAD, **_code.public(), interpolate.make_interp_spline: _lines_between,
})  # fmt: skip
holders.update(
    kind for kind in vars(_systems).values()
    if isinstance(kind, type) and issubclass(kind, _systems.LinearTimeInvariant)
)


def _record(function: Any, body: Any, *samples: Sample) -> None:
    name = f"{function.__module__.split('._')[0]}.{function.__name__}"
    register(function, Composite(name, body, function, samples))


def _borrow(name: str, *samples: Sample) -> None:
    """Register the copy of a function, where the installed SciPy has it."""
    home, _, own = name.rpartition(".")
    function = getattr(signal.windows if home else signal, own, None)
    if function is not None:
        _record(function, _code.body(function), *samples)


_record(
    signal.detrend, detrend, sample((5,)), sample((4,), type="constant"), sample((2, 5)),
    sample((6, 2), axis=0), sample((6,), bp=3), sample((2, 9), bp=Const([3, 6])),
)  # fmt: skip

_B, _A = Const([0.3, 0.2, 0.1]), Const([1.0, -0.4, 0.2])


def _stable(rng: Any) -> Any:
    """Draw the denominator of a stable filter, for samples."""
    return np.concatenate([[1.0], rng.uniform(-0.4, 0.4, 2)])


# Filters that run forward and backward, and what is derived from a signal by transforms.
_borrow(
    "filtfilt", sample(_B, _A, (8,), padlen=3), sample((2,), _stable, (2, 6), padlen=2),
    sample(_B, _A, (7,), padtype="even", padlen=4), sample(_B, _stable, (6,), padtype=None),
    sample((2,), Const(1.0), (9, 1), axis=0, padtype="constant"),
)  # fmt: skip
_borrow(
    "sosfiltfilt", sample(filters.SECTIONS, (8,), padlen=3),
    sample(filters.SECTIONS, (6, 2), axis=0, padtype=None),
)  # fmt: skip
_borrow("hilbert", sample((6,)), sample((5,)), sample((2, 4), N=7), sample((4, 2), axis=0))
_borrow("hilbert2", sample((4, 4)), sample((3, 4)))
_borrow("envelope", sample((8,)), sample((9,), bp_in=Const((None, 3))))
_borrow(
    "resample", sample((6,), Const(4)), sample((6,), Const(9)), sample((5,), Const(5)),
    sample((2, 6), Const(3), axis=1, window="hamming"), sample((6,), Const(6), domain="freq"),
)  # fmt: skip
_borrow(
    "resample_poly", sample((6,), Const(3), Const(2)), sample((6, 2), Const(1), Const(2)),
    sample((2, 5), Const(2), Const(1), axis=1, padtype="mean"),
    sample((6,), Const(1), Const(2), window=np.array([0.2, 0.6, 0.2])),
)  # fmt: skip
_borrow(
    "decimate", sample((30,), Const(2)), sample((12,), Const(2), ftype="fir", n=4),
    sample((12,), Const(3), zero_phase=False), sample((2, 8), Const(2), Const(4), "fir", -1, False),
)  # fmt: skip
_record(signal.savgol_filter, savgol_filter, *(
    sample((7,), Const(5), Const(2), mode=m) for m in ("interp", "mirror", "wrap", "constant")
), sample((2, 6), Const(5), Const(3), 1, 0.5), sample((6, 2), Const(3), Const(1), axis=0),
    sample((6,), Const(4), Const(2)), sample((3, 5, 2), Const(5), Const(2), axis=1),
)  # fmt: skip
_borrow("deconvolve", sample((5,), _stable))
_record(
    signal.lfiltic, initial_state, sample((3,), _stable, (2,)), sample((3,), _stable, (2,), (2,)),
)  # fmt: skip
_borrow("wiener", sample((6,), Const(3)), sample((3, 4)))
_borrow("vectorstrength", sample((5,), Const(2.0)))
_borrow("minimum_phase", sample((5,)))

# Spectra.
_SPECTRA = (
    sample((9,), nperseg=4), sample((2, 8), 2.0, "hamming", 4, 1, axis=-1, scaling="spectrum"),
)  # fmt: skip
_borrow("periodogram", sample((6,)), sample((2, 5), window="hann", nfft=8, detrend="linear"))
_borrow(
    "welch", *_SPECTRA, sample((9, 2), nperseg=4, axis=0, average="median"),
    sample((8,), nperseg=4, nfft=6, detrend=False, return_onesided=False),
)  # fmt: skip
_borrow(
    "csd", sample((9,), (9,), nperseg=4), sample((8,), (6,), nperseg=4, detrend="linear"),
    sample((2, 8), (2, 8), nperseg=4, average="median"),
)  # fmt: skip
_borrow("coherence", sample((9,), (9,), nperseg=4))
_borrow("spectrogram", *_SPECTRA, *(
    sample((9,), nperseg=4, mode=m) for m in ("magnitude", "complex", "angle", "phase")
))  # fmt: skip
_borrow("stft", *_SPECTRA, sample((7,), nperseg=4, boundary=None, padded=False))
_borrow(
    "istft", sample((3, 4), nperseg=4), sample((3, 4), nperseg=4, scaling="psd"),
    sample(complex_array(4, 4), input_onesided=False),
)  # fmt: skip

# The response and the design of filters.
_borrow(
    "freqz", sample((3,), _stable, Const(4)), sample((3,), worN=4),
    sample((3,), Const(1.0), Const(4), True),
)  # fmt: skip
_borrow("freqz_sos", sample(filters.SECTIONS, Const(4)))
_borrow("sosfreqz", sample(filters.SECTIONS, Const(4)))
_borrow("freqs", sample((3,), _stable, Const([0.5, 1.0])))
_borrow("freqz_zpk", sample((2,), (1,), (), Const(3)))
_borrow("group_delay", sample([(3,), _stable], Const(4)))
_borrow("zpk2tf", sample((2,), (3,), ()))
_borrow("tf2zpk", sample(_stable, _stable))
_borrow("lp2lp", sample((2,), _stable, Const(2.0)))
_borrow("lp2hp", sample((2,), _stable, Const(2.0)), sample((3,), _stable))
_borrow("lp2bp", sample((2,), _stable, Const(2.0), Const(0.5)))
_borrow("lp2bs", sample((2,), _stable, Const(2.0), Const(0.5)))
for _name in ("bilinear_zpk", "lp2lp_zpk", "lp2hp_zpk", "lp2bp_zpk", "lp2bs_zpk"):
    _borrow(_name, sample((1,), (2,), (), Const(1.5)))
_borrow("lombscargle", sample((5,), (5,), (3,)), sample((5,), (5,), (3,), floating_mean=True))
_borrow("czt", sample((5,)), sample((4,), Const(6)), sample((2, 4), axis=0))
_borrow("zoom_fft", sample((5,), Const([0.1, 0.5])))
_methods = ((signal.CZT, "__init__"), (signal.ZoomFFT, "__init__"), (signal.CZT, "__call__"))
for _kind, _name in _methods:
    _function = getattr(_kind, _name)
    _label = f"scipy.signal.{_function.__qualname__.removesuffix('.__init__')}"
    register(_function, Composite(_label, _code.body(_function, _kind), None, always="held"))


def _cutoff(rng: Any) -> Any:
    """Draw a frequency within the band, for samples."""
    return rng.uniform(0.25, 0.4)


def _band(rng: Any) -> Any:
    return np.array([0.2, 0.55]) + rng.uniform(0, 0.1, 2)


for _design in ("butter", "bessel"):
    _borrow(
        _design, sample(Const(2), _cutoff), sample(Const(3), _cutoff, "highpass", output="zpk"),
        sample(Const(2), _band, "bandpass"),
    )  # fmt: skip
_borrow("cheby1", sample(Const(2), Const(1.0), _cutoff))
_borrow("cheby2", sample(Const(2), Const(20.0), _cutoff))
_borrow("iirfilter", sample(Const(2), _band))
_borrow("iirnotch", sample(_cutoff, Const(20.0)), sample(Const(0.3), lambda r: r.uniform(9, 20)))
_borrow("iirpeak", sample(_cutoff, Const(20.0)))
_borrow("firwin", sample(Const(5), _cutoff), sample(Const(7), _band, pass_zero=False))
_borrow("firwin2", sample(Const(5), Const([0.0, 0.5, 1.0]), (3,)))

# Linear systems.
_record(signal.normalize, _normalize, sample((2,), _stable))
_borrow("abcd_normalize", sample((2, 2), (2, 1), (1, 2), (1, 1)))


def _state_space(num: Any, den: Any) -> Any:
    """Run SciPy's own code; the columns of zeros that it drops have their part in C and D."""
    if not carries(num) or as_array(num).ndim < 2:
        return _code.body(signal.tf2ss)(num, den)
    num, den = as_array(num), as_array(den)
    zero = np.cumprod(np.all(np.abs(plain(num)) <= 1e-14, axis=0)) > 0
    A, B, C, D = _code.body(signal.tf2ss)(np.where(zero, plain(num), num), den)
    den = den[den.shape[0] - A.shape[0] - 1 :]
    lead = np.where(zero, num - plain(num), 0)[:, num.shape[1] - den.shape[0] :] / den[0]
    if D.size and lead.shape[1] == den.shape[0]:
        D, C = D + lead[:, :1], C + lead[:, 1:] - lead[:, :1] * (den[1:] / den[0])
    return A, B, C, D


def bilinear(b: Any, a: Any, fs: Any = 1.0) -> Any:
    """Exchange s for 2·fs·(z − 1)/(z + 1), the factor split between numerator and denominator."""
    b, a = (np.atleast_1d(as_array(part)) for part in (b, a))
    for name, part in (("a", a), ("b", b)):
        if part.ndim != 1:
            raise ValueError(f"Parameter {name} is not a 1d array since {name}.shape={part.shape}")
    b, a = (np.trim_zeros(part, "f") for part in (b, a))
    if np.size(fs) != 1 or fs is None:
        raise ValueError("Sampling frequency fs must be a single scalar.")
    value = [_bilinear_value(b, a, as_array(fs), part=part) for part in range(2)]
    root, n = np.sqrt(fs * 2), max(a.shape[0], b.shape[0]) - 1
    plus, minus = np.array([1.0, 1.0]), np.array([1.0, -1.0])
    found = []
    for part in (b, a):
        terms = [
            c * root ** (2 * k - n) * _power_of(plus, n - k, _power_of(minus, k))
            for k, c in enumerate(part[::-1])
        ]
        found.append(sum(terms[1:], terms[0]))
    return tuple(map(as_computed, _normalize(*found), value))


_bilinear_value = constant_of(
    "bilinear_value", lambda b, a, fs, part: signal.bilinear(b, a, float(fs))[part]
)


def _power_of(p: Any, times: int, start: Any = 1.0) -> Any:
    """Multiply polynomials."""
    for _ in range(times):
        start = np.polymul(start, p)
    return start


_record(signal.bilinear, bilinear)
_record(signal.tf2ss, _state_space, sample((2,), _stable))
_borrow("ss2tf", sample((2, 2), (2, 1), (1, 2), (1, 1)))
_borrow("freqs_zpk", sample((2,), (1,), (), Const([0.5, 1.0])))
for _name in ("lsim", "impulse", "step", "freqresp", "bode",
              "dlsim", "dimpulse", "dstep", "dfreqresp", "dbode"):  # fmt: skip
    _function = getattr(signal, _name)
    _record(_function, _system_code.body(_function))



def _zeros_poles_gain(self: Any, *system: Any, **kwargs: Any) -> None:
    """Make a system of zeros, poles and gain; lists of traced numbers are arrays first."""
    _plain_init(self, *(as_array(part) if elements(part) else part for part in system), **kwargs)


_init = signal.ZerosPolesGain.__init__
_plain_init: Any = FunctionType(
    _init.__code__, _init.__globals__, "__init__", _init.__defaults__, _init.__closure__
)
register(_init, Composite("scipy.signal.ZerosPolesGain", _zeros_poles_gain, _init, ()))

# Windows and waveforms.
_borrow(
    "get_window", sample((Const("kaiser"), _cutoff), Const(6)),
    sample((Const("gaussian"), _cutoff), Const(5), False),
)  # fmt: skip
_borrow("windows.kaiser", sample(Const(6), _cutoff), sample(Const(5), _cutoff, False))
_borrow("windows.gaussian", sample(Const(6), _cutoff))
_borrow("windows.general_gaussian", sample(Const(6), Const(1.5), _cutoff))
_borrow("windows.chebwin", sample(Const(6), lambda r: r.uniform(40, 60)))
_borrow("windows.tukey", sample(Const(9), _cutoff))
_borrow("windows.general_hamming", sample(Const(6), _cutoff))
_borrow("windows.general_cosine", sample(Const(6), (3,)))
_borrow("windows.exponential", sample(Const(6), Const(None), _cutoff))
_borrow("windows.kaiser_bessel_derived", sample(Const(6), _cutoff))
_TIMES = Const(np.array([0.1, 0.4, 1.3]))
_borrow("gausspulse", sample((4,), Const(2.0)), sample(_TIMES, _cutoff))
_record(signal.chirp, chirp, *(
    sample((3,), Const(0.5), Const(2.0), Const(1.0), method=m) for m in ("linear", "quadratic")
), sample(_TIMES, _cutoff, Const(2.0), _cutoff, method="log"))  # fmt: skip
_record(signal.sawtooth, sawtooth, sample((4,)), sample((4,), _cutoff))
_record(signal.square, square, sample((4,)))
_borrow("sweep_poly", sample((4,), (2,)))
