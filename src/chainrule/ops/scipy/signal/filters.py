"""Digital filters: `lfilter`, `sosfilt`, `upfirdn`. Loaded with `scipy.signal`.

A filter a ∗ y = b ∗ x is linear in the signal x and in the numerator b; what the denominator
changes is filtered again, dy = −(da ∗ y)/a. A filter pulls back by running backward in time. All
of it is done by SciPy's own compiled filters: no loop over samples.

References: A. V. Oppenheim and R. W. Schafer, Discrete-Time Signal Processing (2010), §6 (direct
form II transposed, cascades), §4.7 (multirate filters).
"""

from typing import Any

import numpy as np
from scipy import signal

from ....core.op import Composite, Const, Notation, Op, sample
from ....core.registry import add, register
from ....core.slots import Jvp, Linear
from ....errors import UnsupportedFunctionError
from ...batched import along_axis, loop
from ...declare import as_array
from ...numpy.layout import axes_in_range
from ..axes import backward, part, widen
from ..common import as_computed, constant_of

OPPENHEIM = "A. V. Oppenheim and R. W. Schafer, Discrete-Time Signal Processing (2010)"


# --- along an axis ----------------------------------------------------------------------------


def lags(ct: Any, x: Any, count: int, axis: int) -> Any:
    """Return Σₙ ȳ[n]·x[n − k] for k = 0, …, count − 1, summed over all other axes."""
    n = ct.shape[axis]
    terms = []
    for k in range(count):
        late, early = part(ct, axis, slice(k, n)), part(x, axis, slice(0, max(n - k, 0)))
        terms.append(np.sum(late * early))
    return np.stack(terms)


# --- one filter -------------------------------------------------------------------------------


def _one(a: Any) -> Any:
    return np.ones(1, a.dtype)


lfilter = Op(
    "lfilter",
    lambda b, a, x, axis: signal.lfilter(b, a, x, axis),
    (
        Linear(
            transpose=lambda ct, b, a, x, axis: lags(
                ct, lfilter(_one(a), a, x, axis=axis), b.shape[0], axis
            )
        ),
        Jvp(lambda t, y, _b, a, _x, axis: -lfilter(t, a, y, axis=axis)),
        Linear(
            transpose=lambda ct, b, a, x, axis: backward(
                lfilter(b, a, backward(ct, axis), axis=axis), axis
            )
        ),
    ),
    complex=True,
    batch=along_axis(2),
    notation=Notation(
        "lfilter({0}, {1}, {2})", "\\tfrac{{{0}}}{{{1}}} * {2}", 20, (0, 0, 21),
        "y = (b/a)∗x is linear in b and in x; in a, dy = −(da ∗ y)/a; the gradient of x is the "
        "same filter run backward in time",
    ),
    references=(OPPENHEIM,),
)  # fmt: skip
add(lfilter)


def _run(b: Any, a: Any, x: Any, zi: Any, axis: int, size: int) -> tuple[Any, Any]:
    """Return the output and the final state, of `size` numbers, of a filter that may start at 0.

    The state is read off `size` further outputs to input 0: (a ∗ y)/a₀ there; and a start adds
    the output to the input (a₀·zi, 0, 0, …) of the filter 1/a.
    """
    n = x.shape[axis]
    y = lfilter(b, a, widen(x, axis, 0, size), axis=axis)
    if zi is not None:
        y = y + lfilter(a[:1], a, widen(zi, axis, 0, n), axis=axis)
    rest = part(y, axis, slice(n, None))
    return part(y, axis, slice(0, n)), lfilter(a, a[:1], rest, axis=axis)


def _in_denominator(t: Any, y: Any, b: Any, a: Any, x: Any, axis: int, size: int) -> Any:
    """Return the tangents in a; the state belongs to the filter divided by a₀."""
    ratio = t[:1] / a[:1]
    first = _run(-b * ratio, a, x, None, axis, size)
    second = _run(widen(t - a * ratio, 0, 0, size + 1 - a.shape[0]), a, y, None, axis, size)
    return tuple(p - q for p, q in zip(first, second, strict=True))


def _size(b: tuple[int, ...], a: tuple[int, ...]) -> int:
    return max(b[0], a[0]) - 1


lfilter_from = Op(
    "lfilter_from",
    lambda b, a, x, zi, axis: signal.lfilter(b, a, x, axis, zi),
    (
        Jvp(lambda t, _y, _b, a, x, _zi, axis: _run(t, a, x, None, axis, _size(_b.shape, a.shape))),
        Jvp(
            lambda t, y, b, a, x, _zi, axis: _in_denominator(
                t, y[0], b, a, x, axis, _size(b.shape, a.shape)
            )
        ),
        Jvp(
            lambda t, _y, b, a, _x, _zi, axis: _run(b, a, t, None, axis, _size(b.shape, a.shape))
        ),
        Jvp(
            lambda t, _y, _b, a, _x, _zi, axis: _run(
                _one(a) * 0, a, np.zeros(_x.shape, _x.dtype), t, axis, _zi.shape[axis]
            )
        ),
    ),
    outputs=2,
    complex=True,
    batch=along_axis(2, 3),
    notation=Notation(
        "lfilter({0}, {1}, {2}, {3})", rule="linear in b, x and the state; in a, dy = −(da ∗ y)/a",
    ),
    references=(OPPENHEIM,),
)  # fmt: skip
add(lfilter_from)


def _floats(*arrays: Any) -> list[Any]:
    """Return arrays, integers as float64: SciPy filters in floating point."""
    return [a if a.dtype.kind in "fc" else a.astype(np.float64) for a in map(as_array, arrays)]


def filter_signal(b: Any, a: Any, x: Any, axis: int = -1, zi: Any = None) -> Any:
    """Filter along an axis, from rest or from the state `zi`."""
    b, a, x = _floats(np.atleast_1d(as_array(b)), np.atleast_1d(as_array(a)), x)
    if x.ndim == 0 or b.ndim != 1 or a.ndim != 1 or not b.size or not a.size:
        return signal.lfilter(*(np.zeros(v.shape) for v in (b, a, x)))  # SciPy's own error
    (axis,) = axes_in_range(axis, x.ndim)
    if zi is None:
        return lfilter(b, a, x, axis=axis)
    (zi,) = _floats(zi)
    shape = tuple(_size(b.shape, a.shape) if k == axis else n for k, n in enumerate(x.shape))
    if zi.ndim != x.ndim or any(m not in (1, n) for m, n in zip(zi.shape, shape, strict=True)):
        raise ValueError(f"Unexpected shape for zi: expected {shape}, found {zi.shape}.")
    if zi.shape[axis] != shape[axis]:
        raise ValueError(f"Unexpected shape for zi: expected {shape}, found {zi.shape}.")
    return lfilter_from(b, a, x, np.broadcast_to(zi, shape), axis=axis)


def _stable(*rest: float) -> Any:
    """Draw denominators with small coefficients after the first, for samples."""

    def draw(rng: Any) -> Any:
        return np.concatenate([rng.uniform(0.8, 1.5, 1), np.asarray(rest) * rng.uniform(0.5, 1)])

    return draw


register(
    signal.lfilter,
    Composite(
        "scipy.signal.lfilter",
        filter_signal,
        signal.lfilter,
        (
            sample((3,), _stable(-0.4, 0.2), (6,)), sample((2,), _stable(), (5,)),
            sample((1,), _stable(0.5), (2, 4)), sample((4,), _stable(0.3), (4, 2), axis=0),
            sample((), _stable(0.3), (4,)),
            sample((2,), _stable(0.3, 0.1, -0.2), (2, 3, 2), axis=1),
            sample((2,), Const(1.0), (4,)), sample((5,), _stable(0.2), (3,)),
            sample((3,), _stable(-0.4, 0.2), (6,), -1, (2,)),
            sample((2,), _stable(-0.4, 0.2, 0.1), (2, 4), -1, (2, 3)),
            sample((3,), _stable(0.5), (4, 2), 0, (2, 1)), sample((3,), _stable(), (5,), -1, (2,)),
            sample((3,), _stable(0.4, 0.2, 0.1), (1,), -1, (3,)),
        ),
        references=(OPPENHEIM,),
    ),
)  # fmt: skip


# --- second-order sections ----------------------------------------------------------------------


def _sos_jvp(t: Any, _y: Any, sos: Any, x: Any, axis: int) -> Any:
    """Let the change of each section run through those that follow it."""
    change = None
    for k in range(sos.shape[0]):
        b, a = sos[k, :3], sos[k, 3:]
        y = lfilter(b, a, x, axis=axis)
        own = lfilter(t[k, :3], a, x, axis=axis) - lfilter(t[k, 3:], a, y, axis=axis)
        change = own if change is None else own + lfilter(b, a, change, axis=axis)
        x = y
    return change


sosfilt = Op(
    "sosfilt",
    lambda sos, x, axis: signal.sosfilt(sos, x, axis),
    (
        Jvp(_sos_jvp),
        Linear(
            transpose=lambda ct, sos, x, axis: backward(
                sosfilt(sos, backward(ct, axis), axis=axis), axis
            )
        ),
    ),
    complex=True,
    batch=along_axis(1),
    notation=Notation(
        "sosfilt({0}, {1})", "\\operatorname{{sosfilt}}\\left({0}, {1}\\right)",
        rule="a cascade of filters: linear in the signal; the change of a section runs through "
        "those that follow",
    ),
    references=(OPPENHEIM,),
)  # fmt: skip
add(sosfilt)


def _sos_from_jvp(t: Any, _y: Any, sos: Any, x: Any, zi: Any, axis: int) -> Any:
    """Return the tangents of output and states, section by section."""
    dsos, dx, dzi = t
    ends = []
    for k in range(sos.shape[0]):
        b, a = sos[k, :3], sos[k, 3:]
        if dx is None:
            dx = np.zeros(x.shape, x.dtype)
        change = _run(b, a, dx, None if dzi is None else dzi[k], axis, 2)
        if dsos is not None:
            y = _run(b, a, x, zi[k], axis, 2)[0]
            by_b = _run(dsos[k, :3], a, x, None, axis, 2)
            by_a = _in_denominator(dsos[k, 3:], y, b, a, x, axis, 2)
            change = tuple(p + q + r for p, q, r in zip(change, by_b, by_a, strict=True))
            x = y
        dx = change[0]
        ends.append(change[1])
    return dx, np.stack(ends)


def _batch_of_sections(op: Op, size: int, args: Any, batched: Any, params: Any) -> Any:
    """Put the batch axis of the states behind that of the sections, and back."""
    sos, x, zi = args
    if batched[0]:
        return loop(op, size, args, batched, params)
    x = x if batched[1] else np.broadcast_to(x, (size, *x.shape))
    zi = zi if batched[2] else np.broadcast_to(zi, (size, *zi.shape))
    y, zf = op(sos, x, np.moveaxis(zi, 0, 1), axis=params["axis"] + 1)
    return y, np.moveaxis(zf, 1, 0)


_sos_from = Jvp(_sos_from_jvp, joint=True)
sosfilt_from = Op(
    "sosfilt_from",
    lambda sos, x, zi, axis: signal.sosfilt(sos, x, axis, zi),
    (_sos_from, _sos_from, _sos_from),
    outputs=2,
    complex=True,
    batch=_batch_of_sections,
    notation=Notation(
        "sosfilt({0}, {1}, {2})", rule="a cascade of filters: linear in the signal and the states",
    ),
    references=(OPPENHEIM,),
)  # fmt: skip
add(sosfilt_from)


def filter_sections(sos: Any, x: Any, axis: int = -1, zi: Any = None) -> Any:
    """Filter by second-order sections, from rest or from the states `zi`."""
    sos, x = _floats(np.atleast_2d(as_array(sos)), x)
    if x.ndim == 0:
        raise ValueError("x must be at least 1-D")
    if sos.ndim != 2 or sos.shape[1] != 6 or not np.all(sos[:, 3] == 1):
        raise ValueError("sos must have the shape (n_sections, 6), and ones in sos[:, 3]")
    (axis,) = axes_in_range(axis, x.ndim)
    if zi is None:
        return sosfilt(sos, x, axis=axis)
    (zi,) = _floats(zi)
    shape = (sos.shape[0], *(2 if k == axis else n for k, n in enumerate(x.shape)))
    if zi.shape != shape:
        raise ValueError(f"Invalid zi shape: zi must have shape {shape}, got {zi.shape}.")
    return sosfilt_from(sos, x, zi, axis=axis)


SECTIONS = Const(np.array([[0.3, 0.2, 0.1, 1.0, -0.4, 0.2], [1.0, -0.5, 0.0, 1.0, 0.3, 0.0]]))
register(
    signal.sosfilt,
    Composite(
        "scipy.signal.sosfilt",
        filter_sections,
        signal.sosfilt,
        (
            sample(SECTIONS, (5,)), sample(SECTIONS, (2, 4)), sample(SECTIONS, (4, 2), axis=0),
            sample(SECTIONS, (4,), -1, (2, 2)), sample(SECTIONS, (3, 2), 0, (2, 2, 2)),
        ),
        references=(OPPENHEIM,),
    ),
)  # fmt: skip


# --- filters that change the sampling rate --------------------------------------------------------


def _spread(x: Any, step: int, axis: int) -> Any:
    """Put step − 1 zeros after every sample."""
    if step == 1:
        return x
    axis %= len(x.shape)
    shape = (*x.shape[: axis + 1], 1, *x.shape[axis + 1 :])
    flat = (*x.shape[:axis], x.shape[axis] * step, *x.shape[axis + 1 :])
    return np.reshape(widen(np.reshape(x, shape), axis + 1, 0, step - 1), flat)


def _upfirdn_in_x(ct: Any, h: Any, x: Any, up: int, down: int, axis: int) -> Any:
    """Exchange the rates and reverse the filter, shifted to a multiple of the new step."""
    n, taps = x.shape[axis], h.shape[0]
    shift = -(taps - 1) % up
    back = upfirdn(widen(h[::-1], 0, shift, 0), ct, up=down, down=up, axis=axis)
    first = (taps - 1 + shift) // up
    found = part(back, axis, slice(first, first + n))
    return widen(found, axis, 0, n - found.shape[axis])


def _upfirdn_in_h(ct: Any, h: Any, x: Any, up: int, down: int, axis: int) -> Any:
    late, early = _spread(ct, down, axis), _spread(x, up, axis)
    longest = max(late.shape[axis], early.shape[axis])
    late, early = (widen(v, axis, 0, longest - v.shape[axis]) for v in (late, early))
    return lags(late, early, h.shape[0], axis)


upfirdn = Op(
    "upfirdn",
    lambda h, x, up, down, axis: signal.upfirdn(h, x, up, down, axis),
    (Linear(transpose=_upfirdn_in_h), Linear(transpose=_upfirdn_in_x)),
    complex=True,
    batch=along_axis(1),
    notation=Notation(
        "upfirdn({0}, {1}, {up}, {down})", "({0} * {1}\\uparrow)\\downarrow",
        rule="the gradient is filtered backward, with the two rates exchanged",
    ),
    references=(OPPENHEIM,),
)  # fmt: skip
add(upfirdn)


def change_rate(
    h: Any, x: Any, up: int = 1, down: int = 1, axis: int = -1, mode: Any = "constant",
    cval: float = 0,
) -> Any:  # fmt: skip
    """Insert zeros, filter, and leave out samples."""
    if mode not in (None, "constant") or cval != 0:
        raise UnsupportedFunctionError(
            f"scipy.signal.upfirdn(mode={mode!r}, cval={cval!r}) received a traced value",
            why="only the extension of the signal by zeros has a rule",
            cure="extend the signal with np.pad before the call",
        )
    h, x = _floats(h, x)
    return upfirdn(h, x, up=int(up), down=int(down), axis=axes_in_range(axis, x.ndim)[0])


register(
    signal.upfirdn,
    Composite(
        "scipy.signal.upfirdn",
        change_rate,
        signal.upfirdn,
        (
            sample((3,), (5,)), sample((3,), (4,), 2), sample((4,), (7,), 1, 3),
            sample((5,), (4,), 3, 2), sample((2,), (2, 5), 3, 5), sample((4,), (5, 2), 2, 3, 0),
            sample((7,), (3,), 4, 2), sample((1,), (4,), 2, 3),
        ),
        references=(OPPENHEIM,),
    ),
)  # fmt: skip


# --- the states of a filter at rest -------------------------------------------------------------


steady_state_value = constant_of("steady_state_value", lambda b, a: signal.lfilter_zi(b, a))


def steady_state(b: Any, a: Any) -> Any:
    """Return the state of a filter whose input has been 1 for ever: zₖ = Σ_{j>k} (bⱼ − aⱼ·y)/a₀.

    There y = Σb / Σa is the output. The value is SciPy's, which solved a system before 1.18.
    """
    b, a = _floats(np.atleast_1d(as_array(b)), np.atleast_1d(as_array(a)))
    value = steady_state_value(b, a)
    while a.shape[0] > 1 and a[0] == 0.0:
        a = a[1:]
    b, a = b / a[0], a / a[0]
    n = max(a.shape[0], b.shape[0])
    y = np.sum(b) / np.sum(a)
    a, b = widen(a, 0, 0, n - a.shape[0]), widen(b, 0, 0, n - b.shape[0])
    return as_computed(np.flip(np.cumsum(np.flip(b - y * a)))[1:], value)


def steady_states(sos: Any) -> Any:
    """Return the states of a cascade whose input has been 1 for ever."""
    (sos,) = _floats(sos)
    if sos.ndim != 2 or sos.shape[1] != 6:
        raise ValueError("sos must be shape (n_sections, 6)")
    scale, found = 1.0, []
    for k in range(sos.shape[0]):
        b, a = sos[k, :3], sos[k, 3:]
        found.append(scale * steady_state(b, a))
        scale = scale * (np.sum(b) / np.sum(a))
    return np.stack(found)


register(
    signal.lfilter_zi,
    Composite(
        "scipy.signal.lfilter_zi",
        steady_state,
        signal.lfilter_zi,
        (
            sample((3,), _stable(-0.4, 0.2)), sample((2,), _stable(-0.4, 0.2, 0.1)),
            sample((4,), _stable(0.3)),
        ),
    ),
)  # fmt: skip
register(
    signal.sosfilt_zi,
    Composite("scipy.signal.sosfilt_zi", steady_states, signal.sosfilt_zi, (sample(SECTIONS),)),
)
