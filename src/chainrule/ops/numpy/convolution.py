"""Convolution and correlation of vectors: linear in each factor.

A convolution pulls back by the convolution with the reversed other factor; the modes 'same' and
'valid' are parts of the full one, which the cotangent is first brought back to.
"""

from typing import Any

import numpy as np

from ...core.op import Notation, Op, sample
from ...core.registry import composite, declare
from ...core.slots import Linear
from ..declare import as_array

_RULE = "a convolution pulls back by the convolution with the reversed other factor"
_MODES = {"v": "valid", "s": "same", "f": "full", 0: "valid", 1: "same", 2: "full"}
_SAMPLES = (
    sample((5,), (3,)), sample((3,), (5,)), sample((5,), (2,), "same"), sample((5,), (4,), "same"),
    sample((2,), (5,), mode="same"), sample((4,), (5,), mode="same"), sample((1,), (3,)),
    sample((5,), (3,), "valid"), sample((3,), (5,), "valid"), sample((4,), (4,), "valid"),
    sample((5,), (3,), "full"), sample((3,), (5,), "full"),
)  # fmt: skip


def _start(n: int, m: int, mode: str) -> int:
    """Return where the part that a mode keeps begins in the full convolution."""
    return {"full": 0, "valid": min(n, m) - 1, "same": (min(n, m) - 1) // 2}[mode]


def _back(ct: Any, own: Any, other: Any, start: int) -> Any:
    """Convolve the cotangent, padded to full length, with the reversed other factor."""
    total = own.shape[0] + other.shape[0] - 1
    return np.convolve(np.pad(ct, (start, total - start - ct.shape[0])), other[::-1], "valid")


def _batch(op: Op, size: int, args: Any, batched: Any, params: dict[str, Any]) -> Any:
    """Multiply the windows of the one, for a whole batch at once, by the other.

    The windows are filled with zeros at the ends, so that what is not finite goes one by one.
    """
    a, v = args
    correlates = op.name == "correlate"
    if not correlates:  # a ∗ v = v ∗ a, and fewer windows are made of the shorter one
        a, v = (v, a) if v.shape[-1] > a.shape[-1] else (a, v)
    if not np.all(np.isfinite(v)):
        rows = ([x[i] if b else x for x, b in zip(args, batched, strict=True)] for i in range(size))
        return np.stack([op(*row, **params) for row in rows])
    n, m, mode = a.shape[-1], v.shape[-1], params["mode"]
    count = {"full": n + m - 1, "valid": abs(n - m) + 1, "same": max(n, m)}[mode]
    start = _correlation_start(n, m, mode, count) if correlates else _start(n, m, mode)
    edge = np.zeros((*a.shape[:-1], m - 1), a.dtype)
    places = np.arange(start, start + count)[:, None] + np.arange(m)
    windows = np.concatenate((edge, a, edge), axis=-1)[..., places]
    v = v if correlates else v[..., ::-1]
    if windows.ndim == 2:
        return np.matmul(v, np.transpose(windows))
    return np.matmul(windows, v[..., None])[..., 0]


def _bind(a: Any, v: Any, mode: Any = "full") -> Any:
    a, v = np.atleast_1d(as_array(a)), np.atleast_1d(as_array(v))
    known = _MODES.get(mode[:1] if isinstance(mode, str) else mode)
    if known is None:
        raise ValueError(f"mode must be one of 'valid', 'same' or 'full', and not {mode!r}")
    if a.ndim != 1 or v.ndim != 1:
        raise ValueError("object too deep for desired array")
    if a.shape[0] == 0 or v.shape[0] == 0:
        raise ValueError(f"{'a' if a.shape[0] == 0 else 'v'} cannot be empty")
    return (a, v), {"mode": known}


def _convolve_back(ct: Any, own: Any, other: Any, mode: str) -> Any:
    return _back(ct, own, other, _start(own.shape[0], other.shape[0], mode))


convolve = declare(
    Op(
        "convolve",
        np.convolve,
        (
            Linear(transpose=_convolve_back),
            Linear(transpose=lambda ct, a, v, mode: _convolve_back(ct, v, a, mode)),
        ),
        bind=_bind,
        function=np.convolve,
        complex=True,
        batch=_batch,
        notation=Notation("{0} ∗ {1}", "{0} * {1}", 8, (26, 26), _RULE),
        samples=_SAMPLES,
    )
)


def _correlation_start(n: int, m: int, mode: str, count: int) -> int:
    """As `_start`; where the second factor is the longer one, NumPy counts from the other end."""
    start = _start(n, m, mode)
    return start if n >= m else n + m - 1 - start - count


def _correlate_back_a(ct: Any, a: Any, v: Any, mode: str) -> Any:
    start = _correlation_start(a.shape[0], v.shape[0], mode, ct.shape[0])
    return _back(ct, a, v[::-1], start)


def _correlate_back_v(ct: Any, a: Any, v: Any, mode: str) -> Any:
    start = _correlation_start(a.shape[0], v.shape[0], mode, ct.shape[0])
    return _back(ct, v, a, start)[::-1]


def _correlate_value(a: Any, v: Any, mode: str) -> Any:
    return np.correlate(a, np.conjugate(v) if v.dtype.kind == "c" else v, mode)


correlation = declare(
    Op(
        "correlate",
        _correlate_value,
        (Linear(transpose=_correlate_back_a), Linear(transpose=_correlate_back_v)),
        complex=True,
        batch=_batch,
        notation=Notation("{0} ⋆ {1}", "{0} \\star {1}", 8, (26, 26), _RULE),
    )
)


@composite(np.correlate, *_SAMPLES)
def correlate(a: Any, v: Any, mode: Any = "valid") -> Any:
    """Correlate with the conjugate of `v`."""
    (a, v), params = _bind(a, v, mode)
    return correlation(a, np.conjugate(v) if v.dtype.kind == "c" else v, **params)
