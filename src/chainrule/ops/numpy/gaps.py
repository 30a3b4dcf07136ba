"""Differences of eigenvalues and of singular values, and what rounding leaves of them."""

from typing import Any

import numpy as np

from ...core.op import Notation, Op, sample
from ...core.registry import add
from ...core.slots import Jvp


def trusted(eps: float, order: int) -> float:
    """Return the least relative gap δ whose power δ⁻ᵏ, k the order, is still worth something.

    Derivatives of order k divide by the k-th power of a gap, whose error is eps: of the result,
    eps·δ⁻ᵏ is rounding, and this is to be less than eps^(3/8), about 1e-6.
    """
    return float(eps ** (0.625 / order))


def gap_noise(values: Any, order: int) -> float:
    """Return the relative gap up to which rounding has too large a part in the power `order`."""
    eps = float(np.finfo(values.dtype).eps)
    return float(max(_NOISE * values.shape[-1] * eps, trusted(eps, order)))


_NOISE = 8  # the error of an eigenvalue of norm 1, in units of n·eps, with room to spare


def gap_table(values: Any, sign: int) -> Any:
    """Return 1/(λⱼ ± λᵢ), zero on the diagonal, NaN where rounding has too large a part in it.

    There the vectors may be turned into each other. In functions that are smooth all the same the
    quotients cancel, and what is left would be rounding; see `trusted`.
    """
    n = values.shape[-1]
    table = values[..., None, :] + sign * values[..., :, None]
    largest = np.max(np.abs(values), axis=-1, keepdims=True, initial=0.0)[..., None]
    table = np.where(np.abs(table) <= gap_noise(values, 1) * largest, np.nan, table)
    table[..., np.arange(n), np.arange(n)] = np.inf
    return np.reciprocal(table)


def _inverses(values: Any, order: int = 1) -> Any:
    largest = np.max(values, axis=-1, keepdims=True, initial=0.0)
    return np.reciprocal(np.where(values <= gap_noise(values, order) * largest, np.nan, values))


def _inverses_jvp(t: Any, _y: Any, values: Any, order: int = 1) -> Any:
    return -np.square(inverses(values, order=order + 1)) * t


def _positive(rng: Any) -> Any:
    return np.cumsum(0.5 + rng.random((2, 3)), axis=-1)


inverses = Op(
    "inverses", _inverses, (Jvp(_inverses_jvp),), batch="stacks", samples=(sample(_positive),),
    notation=Notation("1/{0}", "1/{0}", rule="F = 1/σ: dF = −F² dσ"),
)  # fmt: skip
"""1/σ, NaN where σ is as good as zero."""
add(inverses)


# --- in words -------------------------------------------------------------------------------------


def nearest_pair(
    values: Any, live: tuple[int, ...] | None, order: int = 1, what: str = "eigenvalues"
) -> str:
    """Say which value is the nearest to a used one, if the gap is too small for this order."""
    w = np.asarray(values)
    if w.shape[-1] < 2:
        return ""
    w = w.reshape(-1, w.shape[-1])
    gap = np.abs(w[:, None, :] - w[:, :, None])
    gap[:, np.arange(w.shape[1]), np.arange(w.shape[1])] = np.inf
    if live is not None:
        gap[:, :, np.setdiff1d(np.arange(w.shape[1]), live)] = np.inf
    share = gap / np.max(np.abs(w), axis=-1, initial=1e-300)[:, None, None]
    row, i, j = np.unravel_index(np.argmin(share), gap.shape)
    if share[row, i, j] > gap_noise(w, order):
        return ""
    i, j, apart = min(i, j), max(i, j), gap[row, i, j]
    if apart == 0:
        return f"{what} {i} and {j} coincide"
    return f"{what} {i} and {j} are only {apart:.1e} apart"
