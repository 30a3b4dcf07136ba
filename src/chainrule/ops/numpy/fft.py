"""NumPy's discrete Fourier transforms: linear, and each the transpose of one of the others.

Those of several axes apply the ones of one axis in NumPy's own order.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ...core.op import Const, Notation, Op, sample
from ...core.registry import composite, declare
from ...core.slots import Linear
from ..declare import as_array
from .transforms import fit_length, irfft_transpose, opposite, rfft_transpose

_SYMMETRIC = "the matrix of the transform is symmetric: the gradient is transformed alike"
_HALF = "the transpose puts back the half of the frequencies that is left out"


def complex_array(*shape: int) -> Callable[[Any], Any]:
    """Draw complex numbers, for samples."""

    def draw(rng: Any) -> Any:
        return rng.uniform(-1, 1, shape) + 1j * rng.uniform(-1, 1, shape)

    return draw


def _bind(a: Any, n: Any = None, axis: int = -1, norm: Any = None) -> Any:
    a = as_array(a)
    n = a.shape[axis] if n is None else int(n)
    return (a,), {"n": n, "axis": int(axis), "norm": norm}


def _bind_inverse_real(a: Any, n: Any = None, axis: int = -1, norm: Any = None) -> Any:
    a = as_array(a)
    n = 2 * (a.shape[axis] - 1) if n is None else int(n)
    return (a,), {"n": n, "axis": int(axis), "norm": norm}


_LINES = (
    sample((4,)), sample((3,)), sample((2, 3), n=4), sample((3, 2), n=2, axis=0, norm="ortho"),
    sample((2, 3), axis=0, norm="forward"), sample((2, 5), n=3), sample((1,)),
    sample(complex_array(4)), sample(complex_array(2, 3), n=5), sample((0, 3)),
)  # fmt: skip


def _whole(function: Any, text: str, latex: str) -> Op:
    """Declare a transform of complex numbers along one axis."""

    def transpose(ct: Any, x: Any, n: int, axis: int, norm: Any) -> Any:
        return fit_length(function(ct, n=n, axis=axis, norm=norm), x.shape[axis], axis)

    return declare(
        Op(
            function.__name__,
            function,
            (Linear(transpose=transpose),),
            bind=_bind,
            function=function,
            complex=True,
            batch="axis",
            notation=Notation(f"{text}({{0}})", f"{latex}\\left({{0}}\\right)", rule=_SYMMETRIC),
            samples=_LINES,
        )
    )


fft = _whole(np.fft.fft, "fft", "\\mathcal{{F}}")
ifft = _whole(np.fft.ifft, "ifft", "\\mathcal{{F}}^{{-1}}")
rfft = declare(
    Op(
        "rfft",
        np.fft.rfft,
        (
            Linear(
                transpose=lambda ct, x, n, axis, norm: fit_length(
                    rfft_transpose(ct, n, axis, norm, np.fft.irfft), x.shape[axis], axis
                )
            ),
        ),
        bind=_bind,
        function=np.fft.rfft,
        batch="axis",
        notation=Notation("rfft({0})", "\\mathcal{{F}}_+\\left({0}\\right)", rule=_HALF),
        samples=(
            sample((4,)), sample((5,)), sample((2, 3), n=4), sample((3, 2), n=2, axis=0),
            sample((2, 3), norm="ortho"), sample((2, 4), norm="forward"), sample((1,)),
            sample((2, 2), n=5), sample((2, 5), n=3), sample((0, 3)),
        ),
    )
)  # fmt: skip
irfft = declare(
    Op(
        "irfft",
        np.fft.irfft,
        (
            Linear(
                transpose=lambda ct, x, n, axis, norm: fit_length(
                    irfft_transpose(ct, n, axis, norm, np.fft.rfft), x.shape[axis], axis
                )
            ),
        ),
        bind=_bind_inverse_real,
        function=np.fft.irfft,
        complex=True,
        batch="axis",
        notation=Notation("irfft({0})", "\\mathcal{{F}}_+^{{-1}}\\left({0}\\right)", rule=_HALF),
        samples=(
            sample(complex_array(3)), sample(complex_array(3), n=5), sample((4,)),
            sample(complex_array(2, 3), n=8), sample(complex_array(3, 2), n=3, axis=0),
            sample(complex_array(2, 3), norm="ortho"), sample((2, 3), norm="forward"),
            sample(complex_array(4), n=2), sample(complex_array(4), n=1),
            sample((0, 3)),
        ),
    )
)  # fmt: skip


# --- those of a signal with Hermitian symmetry ------------------------------------------------


@composite(
    np.fft.hfft, sample(complex_array(3)), sample((4,), n=5), sample((3, 2), axis=0, norm="ortho")
)
def hfft(a: Any, n: Any = None, axis: int = -1, norm: Any = None) -> Any:
    """Transform a signal that is half of a Hermitian one: real frequencies."""
    a = as_array(a)
    n = 2 * (a.shape[axis] - 1) if n is None else n
    return np.fft.irfft(np.conjugate(a), n, axis, norm=opposite(norm))


@composite(np.fft.ihfft, sample((4,)), sample((5,), n=3), sample((3, 2), axis=0, norm="forward"))
def ihfft(a: Any, n: Any = None, axis: int = -1, norm: Any = None) -> Any:
    """Invert `hfft`."""
    a = as_array(a)
    n = a.shape[axis] if n is None else n
    return np.conjugate(np.fft.rfft(a, n, axis, norm=opposite(norm)))


# --- several axes -----------------------------------------------------------------------------


def _lengths(a: Any, s: Any, axes: Any, real_output: bool = False) -> Any:
    """Return the lengths and axes that NumPy transforms, in its order."""
    if s is None:
        axes = list(range(len(a.shape))) if axes is None else list(axes)
        lengths = [a.shape[k] for k in axes]
        if real_output:
            lengths[-1] = 2 * (lengths[-1] - 1)
        return lengths, axes
    axes = list(range(-len(s), 0)) if axes is None else list(axes)
    if len(s) != len(axes):
        raise ValueError("Shape and axes have different lengths.")
    whole = [a.shape[k] for k in axes]
    lengths = [m if n in (None, -1) else int(n) for n, m in zip(s, whole, strict=True)]
    if real_output and s[-1] is None:
        lengths[-1] = 2 * (whole[-1] - 1)
    return lengths, axes


_GRIDS = (
    sample((2, 3)), sample((3, 2), s=(2, 4)), sample((2, 3, 2), axes=(0, 2)),
    sample((2, 3), norm="ortho"), sample((2, 3, 2), s=(4, -1), axes=(1, 0), norm="forward"),
)  # fmt: skip
_COMPLEX_GRIDS = (*_GRIDS, sample(complex_array(2, 3)), sample(complex_array(3, 3), s=(2, 5)))


def _over(one: Any) -> Callable[..., Any]:
    """Return the transform over several axes, made of that over one of them."""

    def over(a: Any, s: Any = None, axes: Any = None, norm: Any = None) -> Any:
        a = as_array(a)
        for n, axis in reversed(list(zip(*_lengths(a, s, axes), strict=True))):
            a = one(a, n=n, axis=axis, norm=norm)
        return a

    return over


def _over_real(a: Any, s: Any = None, axes: Any = None, norm: Any = None) -> Any:
    a = as_array(a)
    lengths, axes = _lengths(a, s, axes)
    a = np.fft.rfft(a, lengths[-1], axes[-1], norm)
    for n, axis in list(zip(lengths, axes, strict=True))[-2::-1]:
        a = np.fft.fft(a, n, axis, norm)
    return a


def _over_inverse_real(a: Any, s: Any = None, axes: Any = None, norm: Any = None) -> Any:
    a = as_array(a)
    lengths, axes = _lengths(a, s, axes, real_output=True)
    for n, axis in list(zip(lengths, axes, strict=True))[:-1]:
        a = np.fft.ifft(a, n, axis, norm)
    return np.fft.irfft(a, lengths[-1], axes[-1], norm)


def _of_two(over: Callable[..., Any]) -> Callable[..., Any]:
    def of_two(a: Any, s: Any = None, axes: Any = (-2, -1), norm: Any = None) -> Any:
        return over(a, s, axes, norm)

    return of_two


_TWO = (sample((2, 3)), sample((2, 2, 3), norm="ortho"), sample((3, 2), s=(2, 4)))
for _function, _two, _body, _samples in (
    (np.fft.fftn, np.fft.fft2, _over(np.fft.fft), _COMPLEX_GRIDS),
    (np.fft.ifftn, np.fft.ifft2, _over(np.fft.ifft), _COMPLEX_GRIDS),
    (np.fft.rfftn, np.fft.rfft2, _over_real, _GRIDS),
    (np.fft.irfftn, np.fft.irfft2, _over_inverse_real, _COMPLEX_GRIDS),
):
    composite(_function, *_samples)(_body)
    composite(_two, *_TWO)(_of_two(_body))


# --- the order of frequencies -----------------------------------------------------------------


def _rolled(x: Any, axes: Any, forward: bool) -> Any:
    x = as_array(x)
    axes = range(len(x.shape)) if axes is None else axes
    axes = (axes,) if np.ndim(axes) == 0 else tuple(axes)
    steps = tuple(x.shape[k] // 2 if forward else -(x.shape[k] // 2) for k in axes)
    return np.roll(x, steps, axes)


@composite(np.fft.fftshift, sample((5,)), sample((2, 3)), sample((2, 3), axes=1))
def fftshift(x: Any, axes: Any = None) -> Any:
    """Bring the frequency zero to the middle."""
    return _rolled(x, axes, True)


@composite(np.fft.ifftshift, sample((5,)), sample((2, 3)), sample((3, 2), Const((0,))))
def ifftshift(x: Any, axes: Any = None) -> Any:
    """Invert `fftshift`."""
    return _rolled(x, axes, False)
