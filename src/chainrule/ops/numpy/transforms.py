"""What NumPy's and SciPy's Fourier transforms share: the transposes of the transforms.

The matrix of a Fourier transform is symmetric, so that each pulls back by itself. A transform of
real input keeps half of the frequencies, and one to real output counts every frequency but those
that pair with themselves twice; their transposes put that factor right.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

Axes = tuple[int, ...]
_OPPOSITE = {None: "forward", "backward": "forward", "forward": "backward", "ortho": "ortho"}


def opposite(norm: Any) -> str:
    """Return the norm whose factor is that of the transform in the other direction."""
    if norm not in _OPPOSITE:
        raise ValueError(f'Invalid norm value {norm}; should be "backward", "ortho" or "forward".')
    return _OPPOSITE[norm]


def fit_length(a: Any, n: int, axis: int) -> Any:
    """Cut or pad with zeros at the end, so that `axis` has length `n`."""
    have = a.shape[axis]
    if have == n:
        return a
    axis %= len(a.shape)
    if have > n:
        return a[(slice(None),) * axis + (slice(n),)]
    return np.pad(a, [(0, n - have) if k == axis else (0, 0) for k in range(len(a.shape))])


def fit_shape(a: Any, shape: tuple[int, ...], axes: Axes) -> Any:
    """Cut or pad with zeros along several axes, to the lengths that they have in `shape`."""
    for axis in axes:
        a = fit_length(a, shape[axis], axis)
    return a


def along(weights: Any, axis: int, ndim: int) -> Any:
    """Shape a vector of weights so that it multiplies along one axis."""
    return np.reshape(weights, (-1,) + (1,) * (ndim - 1 - axis % ndim))


def twice_inside(n: int, count: int, inside: float) -> Any:
    """Return weights of `count` frequencies of n real numbers: 1 where one has no partner."""
    weights = np.full(count, inside)
    weights[:1] = 1.0
    if n % 2 == 0 and n // 2 < count:
        weights[n // 2] = 1.0
    return weights


def real_part_weights(ct: Any, n: int, axis: int, inside: float) -> Any:
    """Return conj(ȳ), weighted, in the dtype of ȳ."""
    weights = twice_inside(n, ct.shape[axis], inside)
    weights = along(weights, axis, len(ct.shape)).astype(np.real(np.empty(0, ct.dtype)).dtype)
    return np.conjugate(ct) * weights


def rfft_transpose(ct: Any, n: int, axis: int, norm: Any, irfft: Callable[..., Any]) -> Any:
    """Return Re(Rᵀȳ) of length n: an inverse transform of conj(ȳ), halved where two pair."""
    return irfft(real_part_weights(ct, n, axis, 0.5), n=n, axis=axis, norm=opposite(norm))


def irfft_transpose(ct: Any, n: int, axis: int, norm: Any, rfft: Callable[..., Any]) -> Any:
    """Return the cotangent of n // 2 + 1 frequencies: conj(rfft ȳ), doubled where two pair."""
    found = rfft(ct, n=n, axis=axis, norm=opposite(norm))
    return real_part_weights(found, n, axis, 2.0)
