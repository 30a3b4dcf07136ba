"""LU factors of matrices that a derivative solves with again: for A and for b, transposed, in the
directions of a tangent.

What is kept is a function of the numbers: beside each factor stands a copy of its matrix, and it
serves those bits only, so a store can make nothing stale. The array that a rule was given says how
long: when it goes, its factors go.
"""

import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

_LEAST = 32  # rows, below which factoring anew is as quick as comparing
_MOST = 4  # factors for one array, and arrays that have some
_kept: dict[int, tuple[Any, tuple[Any, ...]]] = {}  # the array's id: it, weakly, and its factors
_PREFIX = {"f": "s", "d": "d", "F": "c", "D": "z"}


def same_bits(a: Any, b: Any) -> bool:
    """Say whether two contiguous arrays hold the same bits: NaN is itself, and −0 is not 0."""
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    return bool(np.array_equal(a.reshape(-1).view(np.uint64 if a.itemsize > 4 else np.uint32),
                               b.reshape(-1).view(np.uint64 if a.itemsize > 4 else np.uint32)))


def solve(a: Any, b: Any) -> Any:
    """Return A⁻¹b, as `np.linalg.solve` up to rounding, by factors that may be there already."""
    if type(a) is not np.ndarray or type(b) is not np.ndarray or a.ndim != 2 or b.ndim > 2:
        return np.linalg.solve(a, b)
    n, kind = a.shape[0], np.result_type(a, b)
    if n < _LEAST or a.shape != (n, n) or b.shape[0] != n or kind.char not in _PREFIX:
        return np.linalg.solve(a, b)
    from scipy.linalg import lapack  # most programs never come here

    turned = not a.flags.c_contiguous and a.flags.f_contiguous
    lu, pivots = recall("lu", a, np.ascontiguousarray(a.T if turned else a, kind), _factors)
    back = getattr(lapack, _PREFIX[kind.char] + "getrs")
    found = back(lu, pivots, b.astype(kind, copy=False), trans=0 if turned else 1)[0]
    return np.ascontiguousarray(found)


def _factors(rows: Any) -> tuple[Any, Any]:
    """Factor the transpose of `rows`: LAPACK sees columns where NumPy has rows."""
    from scipy.linalg import lapack

    lu, pivots, info = getattr(lapack, _PREFIX[rows.dtype.char] + "getrf")(rows.T)
    if info > 0:
        raise np.linalg.LinAlgError("Singular matrix")
    return lu, pivots


def recall(what: str, a: Any, rows: Any, make: Callable[[Any], Any]) -> Any:
    """Return ``make(rows)``, once for these bits, as long as the array `a` or its base is there.

    `rows` is `a`, or the transpose or a copy of it, with contiguous rows. Nobody may write into
    what is returned.
    """
    owner = a.base if isinstance(a.base, np.ndarray) else a
    held, found = _kept.get(id(owner), (None, ()))
    if held is None or held() is not owner:
        found = ()
        held = weakref.ref(owner, partial(_release, id(owner)))
    for name, known, result in found:
        if name == what and same_bits(known, rows):
            return result
    result = make(rows)
    known = rows.copy() if np.may_share_memory(rows, a) else rows
    _kept[id(owner)] = (held, (*found[1 - _MOST :], (what, known, result)))
    for key in list(_kept)[:-_MOST]:  # of the caller's arrays, which may live for ever
        _kept.pop(key, None)
    return result


def _release(key: int, gone: Any) -> None:
    """Let the factors go with their array; another may have its id already."""
    if _kept.get(key, (None,))[0] is gone:
        del _kept[key]
