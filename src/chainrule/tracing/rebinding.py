"""``r -= x`` of a plain local array and a traced value: the name is bound to a traced result.

NumPy asks for the result in the memory of `r`, which carries no derivative. But Python binds `r`
to whatever the operator returns. Where nobody else holds the array, which the count of its
references shows, a new array in its place cannot be told from a changed one.
"""

import dis
from functools import cache
from sys import getrefcount
from types import FrameType
from typing import Any

import numpy as np

_BINARY, _CACHE = dis.opmap["BINARY_OP"], dis.opmap.get("CACHE", 0)
_IN_PLACE = {i for i, (_, sign) in enumerate(dis._nb_ops) if sign.endswith("=")}  # type: ignore[attr-defined]
_TO_LOCAL = {op for name, op in dis.opmap.items() if name.startswith("STORE_FAST")}


def is_rebound(out: Any, frame: FrameType) -> bool:
    """Say whether `frame` computes ``r -= x`` into a local that alone holds the array of `out`.

    To be called by what answers ``__array_ufunc__``, with the tuple that NumPy gave.
    """
    return (
        type(out) is tuple and len(out) == 1 and type(out[0]) is np.ndarray
        and _binds_local(frame) and out[0].base is None and getrefcount(out[0]) == _alone()
    )  # fmt: skip


def _binds_local(frame: FrameType) -> bool:
    code, at = frame.f_code.co_code, frame.f_lasti
    if code[at] != _BINARY or code[at + 1] not in _IN_PLACE:
        return False
    at += 2
    while code[at] == _CACHE:
        at += 2
    return code[at] in _TO_LOCAL


def fitted(target: Any, result: Any) -> Any:
    """Return the result in shape and dtype of the array that it replaces, or raise as NumPy."""
    if result.shape != target.shape:
        raise ValueError(
            f"non-broadcastable output operand with shape {target.shape} doesn't match the "
            f"broadcast shape {result.shape}"
        )
    if not np.can_cast(result.dtype, target.dtype, "same_kind"):
        raise TypeError(
            f"Cannot cast output from {result.dtype!r} to {target.dtype!r} with casting rule "
            "'same_kind'"
        )
    return result if result.dtype == target.dtype else result.astype(target.dtype)


class _Probe:
    """Stands in for a tracer, to count the references that are NumPy's and the engine's own."""

    def __array_ufunc__(self, ufunc: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        return _count(ufunc, method, args, kwargs)


def _count(_ufunc: Any, _method: str, args: Any, kwargs: Any) -> int:
    out = kwargs.pop("out", None)
    return _references(out)


def _references(out: Any) -> int:
    return getrefcount(out[0])


@cache
def _alone() -> int:
    """Count the references that an array has here while one local holds it."""
    array: Any = np.zeros(1)
    array += _Probe()
    return int(array)
