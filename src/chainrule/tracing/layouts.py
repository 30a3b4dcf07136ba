"""The layout in memory of what a rule composes: that of the function whose place it takes.

By its layout NumPy tells views from copies. A body in other operations may leave another one than
the library's own code, where an operand or the result is not in C order; then a plain run of the
function says which.
"""

from types import EllipsisType, NoneType
from typing import Any

import numpy as np

from ..core.memory import Layout, lay, layout_of, own_copy
from ..core.settings import Silence
from . import stores
from . import tracer as tracers

_NUMBERS = (np.generic, bool, int, float, complex)
_PLAIN = (np.ndarray, *_NUMBERS, str, NoneType, slice, EllipsisType, np.dtype)

# whose results may lie in another order than C though all operands lie in it
_UNORDERED = {
    "nanquantile", "nanpercentile", "convolve", "correlate", "correlate2d", "cumulative_simpson",
}


def as_plain(function: Any, args: Any, kwargs: dict[str, Any], result: Any) -> Any:
    """Return the result of a composite, its arrays laid out as those of the plain function."""
    ordered = getattr(function, "__name__", "") not in _UNORDERED and not any(
        type(v) is str and v in ("F", "A") for v in (*args, *kwargs.values())
    )
    if ordered and type(result) in tracers.TRACERS:
        held = tracers.concrete(result)
        if held.ndim < 2 and held.flags.c_contiguous:
            return result
    parts = result if isinstance(result, tuple | list) else (result,)
    helds = {
        k: tracers.concrete(part) for k, part in enumerate(parts)
        if type(part) in tracers.TRACERS and part.ndim
    }  # fmt: skip
    if any(type(h) is not np.ndarray for h in helds.values()):
        return result
    if ordered and all(h.flags.c_contiguous for h in helds.values()) and (
        all(h.ndim < 2 for h in helds.values()) or _in_order((*args, *kwargs.values()))
    ):
        return result
    given = [_plain(a) for a in args], {k: _plain(v) for k, v in kwargs.items()}
    if function is np.vectorize.__call__ and args[0].signature is None:
        given[0][0] = _idle(args[0], result)
    elif not _known((*given[0], *given[1].values())):
        return result
    with Silence():  # they were told before
        wanted = function(*given[0], **given[1])
    wanted = wanted if isinstance(wanted, tuple | list) else (wanted,)
    roots, laid = _roots((*args, *kwargs.values())), list(parts)
    for k, held in helds.items():
        layout = layout_of(wanted[k]) if type(wanted[k]) is np.ndarray else ()
        if np.shape(wanted[k]) == held.shape and layout != layout_of(held):
            if _root(parts[k]) not in roots:  # a view of an operand lies as that does
                laid[k] = laid_as(parts[k], layout)
    if parts is not result:
        return laid[0]
    if not hasattr(result, "_fields"):
        return type(result)(laid)
    made: Any = tuple.__new__(type(result), laid)
    if hasattr(result, "__dict__"):  # SciPy's results have more to say than their elements
        vars(made).update(vars(result))
    return made


def _idle(given: Any, result: Any) -> Any:
    """Return an `np.vectorize` that calls no program, with as many results."""
    zeros = (0.0,) * len(result) if type(result) is tuple else 0.0
    return np.vectorize(lambda *_, **__: zeros, excluded=given.excluded)


def in_order(result: Any, order: str, args: Any) -> Any:
    """Lay out a result in the order that was asked for; "A" is Fortran's if all operands lie so."""
    if order == "A":
        flags = [np.asarray(tracers.concrete(a)).flags for a in args]
        order = "F" if all(f.f_contiguous for f in flags) else "C"
    if type(result) is tuple:
        return tuple(in_order(part, order, args) for part in result)
    return tracers.call(np.copy, (result,), {"order": order}) if result.ndim > 1 else result


def laid_as(x: Any, layout: Layout) -> Any:
    """Return a traced array, or a copy of it in this layout that owns its memory."""
    held = tracers.concrete(x)
    if type(held) is not np.ndarray or layout_of(held) == layout:
        return x
    y = lay(x, layout)
    return y.cr_snapshot() if type(y) in tracers.TRACERS else y


def flags_of(x: Any) -> Any:
    """Return the flags of a traced array; a view owns no memory, and everything else does.

    They are those of an array that lies as it does and is kept, so what is set in them stays set.
    """
    held = tracers.concrete(x)
    if type(held) is not np.ndarray:
        return held.flags
    like, kept = _like(held, getattr(x, "cr_base", None) is None), getattr(x, "cr_like", None)
    if kept is not None and not (kept.flags.num ^ like.flags.num) & ~_WRITEABLE:
        return kept.flags
    like.flags.writeable = (
        stores.unwritten(x) != "readonly" if kept is None else kept.flags.writeable
    )
    x.cr_like = like
    return like.flags


_WRITEABLE = 0x0400  # NumPy's bit for it


def _like(held: Any, owns: bool) -> Any:
    """Return an array that lies as `held` does; what it holds is never looked at."""
    if owns:
        like = np.empty_like(held)
        if layout_of(like) == layout_of(held):
            return like
    steps = [(n - 1) * s for n, s in zip(held.shape, held.strides, strict=True)]
    first = -sum(s for s in steps if s < 0) if held.size else 0
    end = sum(s for s in steps if s > 0) if held.size else 0
    memory = np.empty(first + end + held.itemsize, np.uint8)
    return np.ndarray(held.shape, held.dtype, memory, first, held.strides)


def set_flags(x: Any, write: Any = None, align: Any = None, uic: Any = None) -> None:
    """As the method `setflags`."""
    if write is not None:
        flags_of(x).writeable = write
    if align is not None or uic is not None:
        np.empty_like(tracers.concrete(x)).setflags(align=align, uic=uic)


def _root(x: Any) -> int:
    """Identify the array that a view, at any depth, is one of."""
    while (base := getattr(x, "cr_base", None)) is not None:
        x = base[0]
    return id(x)


def _roots(values: Any) -> set[int]:
    found: set[int] = set()
    for v in values:
        found |= _roots(v) if isinstance(v, tuple | list) else {_root(v)}
    return found


def _in_order(values: Any) -> bool:
    """Say whether all arrays are in C order, also those in lists."""
    for v in values:
        if isinstance(v, tuple | list):
            if not _in_order(v):
                return False
        elif type(v) in tracers.TRACERS or type(v) is np.ndarray:
            if not tracers.concrete(v).flags.c_contiguous:
                return False
    return True


def _plain(v: Any) -> Any:
    if type(v) in (tuple, list):
        return type(v)(map(_plain, v))
    held = tracers.concrete(v)
    return own_copy(held) if type(held) is np.ndarray else held  # it may be written into


def _known(values: Any) -> bool:
    """Say whether nothing but arrays, numbers and dtypes is given: no program is called."""
    return all(
        _known(v) if type(v) in (tuple, list) else
        issubclass(v, _NUMBERS) if isinstance(v, type) else isinstance(v, _PLAIN) for v in values
    )  # fmt: skip
