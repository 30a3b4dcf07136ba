"""Arrays from outside that a traced function writes into: exchanged for traced ones meanwhile.

A plain array cannot carry a derivative, and whoever holds it would read it as it is. But where one
name, attribute or closure holds it and nobody else (which the count of its references shows), that
holder gets a traced array in its place. When the last trace of the thread ends, the holder gets
its own array back, with the numbers in it that plain NumPy would have left there.
"""

import operator
import sys
from collections.abc import Iterator
from sys import getrefcount
from types import ModuleType
from typing import Any

import numpy as np

from .. import tree
from ..core.sequences import is_sequence
from ..errors import BatchError
from . import operands
from . import tracer as tracers
from .as_numbers import numbers
from .running import running
from .source import describe, inside, user_frame
from .stacked import one_by_one

Path = tuple[str, str, tuple[Any, ...]]


def store_item(array: Any, key: Any, value: Any, root: Any = None, path: Path | None = None) -> Any:
    """Carry out ``array[key] = value`` of the program; return what now stands for the array."""
    if type(array) is np.ndarray and running.traces:
        value = numbers(value, array.dtype.kind)
    if type(array) is np.ndarray and running.traces and carries(value):
        if array.dtype.kind in "biu":
            value = _cut(value)
        elif array.dtype.kind == "O":
            value = value if _is_place(key, array.ndim) else _as_objects(value)
        else:
            lent = _lend(array, root, path) if path is not None else None
            array = array if lent is None else lent
    array[key] = value
    return array


def _is_place(key: Any, ndim: int) -> bool:
    """Say whether an index means one element, which then holds the very object."""
    parts = key if type(key) is tuple else (key,)
    return len(parts) == ndim and all(isinstance(k, int | np.integer) for k in parts)


def _as_objects(value: Any) -> Any:
    """Return an array of objects of traced elements: NumPy would ask for their plain numbers."""
    if type(value) in tracers.TRACERS:
        return operands.objects(value)
    if any(is_sequence(v) or getattr(v, "shape", ()) for v in value):
        return value  # rows: they may be of many kinds
    found = np.empty(len(value), object)
    for k, v in enumerate(value):
        found[k] = v
    return found


def _cut(value: Any) -> Any:
    """Return the plain numbers that an array of integers takes: what is cut off is constant."""
    if type(value) in (list, tuple):
        return [_cut(v) for v in value]
    return tracers.known(value)


def add_in_place(
    array: Any, value: Any, name: str, root: Any = None, path: Path | None = None
) -> Any:
    """Carry out ``array += value`` or its like; return what is to be bound in its place."""
    if type(array) is np.ndarray and running.traces and carries(value):
        if type(value) in (list, tuple):
            value = tracers.ufuncs.as_operand(value)
        if path is None:  # a part of an array, which is stored next
            if array.base is not None and getrefcount(array) <= _PART:
                result = getattr(operator, name[1:])(array, value)
                if result.shape == array.shape:
                    return result
        else:
            lent = _lend(array, root, path)
            if lent is not None:
                array = lent
    return getattr(operator, name)(array, value)


def carries(value: Any) -> bool:
    """Say whether a derivative is stored; where each example of a batch has its own, go by one."""
    found = list(_traced(value))
    if any(v.cr_varies() for v in found):
        raise one_by_one(
            BatchError(
                "the examples of a batch store into one plain array",
                where=describe(user_frame(2)),
                why="each would find there what another one left",
            )
        )
    return any(v.cr_carries() for v in found)


def _traced(value: Any) -> Iterator[Any]:
    if type(value) in tracers.TRACERS:
        yield value
    elif type(value) in (list, tuple):
        for v in value:
            yield from _traced(v)


def _lend(array: Any, root: Any, path: Path) -> Any:
    """Let the one holder of an array hold a traced one, or return None where there may be more."""
    if not _is_own(array):
        return None
    kind, name, attributes = path
    more = getrefcount(array) - _LENT  # how many hold it besides one
    holder: Any = None
    if more == 1 and kind in ("local", "cell") and not attributes:
        holder, name = _other_holder(array)  # a name besides another holder
    elif more:
        return None
    elif attributes:
        holder = _holder(root if kind != "global" else _globals().get(name), attributes)
        name = attributes[-1]
    elif kind == "global":
        holder = _globals()
    elif kind == "free":
        holder = _cell(name, array)
    ours = kind != "free" or (holder is None and _is_ours(name, array))
    if holder is None and not (more or attributes or kind == "global") and ours:
        return tracers.hold(array)  # the code binds it to the name
    return _exchange(array, holder, name)


def lend_unnamed(array: Any) -> Any:
    """As `_lend`, of an array to which the program gave no name; `array` where that is None."""
    if not _is_own(array) or getrefcount(array) != _LENT:
        return array
    lent = _exchange(array, *_other_holder(array))
    return array if lent is None else lent


def _is_own(array: Any) -> bool:
    return bool(array.dtype.kind in "fc" and array.flags.owndata and array.flags.writeable)


def _exchange(array: Any, holder: Any, name: Any) -> Any:
    if holder is None or _get(holder, name) is not array:
        return None
    lent = tracers.hold(array.copy("K"))  # what it holds stays, should the recording need it
    running.lent.append((holder, name, array, lent))  # first: an interrupt may follow
    _set(holder, name, lent)
    return lent


def _globals() -> dict[str, Any]:
    return sys._getframe(3).f_globals


def _holder(root: Any, attributes: tuple[Any, ...]) -> Any:
    for name in attributes[:-1]:
        root = _get(root, name)
    return root


def _frames() -> list[Any]:
    """Return the frames of the program that run below the outermost trace, innermost first."""
    found: list[Any] = []
    above: list[Any] = []
    frame: Any = sys._getframe(1)
    while frame is not None:
        if inside[frame.f_code.co_filename]:
            if frame.f_code.co_name == "_run_traced":
                found, above = found + above, []
        else:
            above.append(frame)
        frame = frame.f_back
    return found


def _is_ours(name: str, array: Any) -> bool:
    """Say whether a variable of a closure belongs to a function that runs in the trace."""
    return any(
        name in f.f_code.co_cellvars and f.f_locals.get(name) is array for f in _frames()
    )


def _other_holder(array: Any) -> tuple[Any, Any]:
    """Find the object or container that holds an array, among what the program's frames know."""
    todo: list[tuple[Any, int]] = []
    for frame in _frames():
        names = frame.f_code.co_names
        known = [frame.f_globals[n] for n in names if n in frame.f_globals]
        if any(v is array for v in known):
            return frame.f_globals, next(n for n in names if frame.f_globals.get(n) is array)
        for name in frame.f_code.co_freevars:
            if (cell := _cell(name, array)) is not None:
                return cell, name
        todo += [(v, _DEEP) for v in (*known, *frame.f_locals.values())]
    seen: set[int] = set()
    while todo and len(seen) < _MOST:
        holder, depth = todo.pop()
        kind = type(holder)
        if id(holder) in seen or kind in tracers.TRACERS or kind is np.ndarray:
            continue
        seen.add(id(holder))
        if kind is list:
            items = [((i,), v) for i, v in enumerate(holder[:_MOST])]
        elif kind is dict:
            items = [((k,), v) for k, v in list(holder.items())[:_MOST]]
        else:
            items = [] if isinstance(holder, type | ModuleType) else [*tree.state(holder).items()]
        for name, value in items:
            if value is array:
                return holder, name
        todo += [(v, depth - 1) for _, v in items if depth]
    return None, ""


_DEEP, _MOST = 3, 1000


def _get(holder: Any, name: Any) -> Any:
    """Return what an object holds by that name itself: no property, no attribute of its class."""
    if type(name) is tuple:  # an item
        try:
            return holder[name[0]] if type(holder) in (list, dict) else None
        except LookupError:
            return None
    if type(holder) is dict:
        return holder.get(name)
    if type(holder) is _CELL:
        return holder.cell_contents
    try:
        held = object.__getattribute__(holder, "__dict__")
    except AttributeError:
        held = {}
    if name in held:
        return held[name]
    slot = getattr(type(holder), name, None)
    return slot.__get__(holder) if type(slot) is _SLOT and hasattr(holder, name) else None


def _set(holder: Any, name: Any, value: Any) -> None:
    if type(name) is tuple:
        holder[name[0]] = value
    elif type(holder) is dict:
        holder[name] = value
    elif type(holder) is _CELL:
        holder.cell_contents = value
    elif isinstance(holder, type):
        type.__setattr__(holder, name, value)
    elif type(getattr(type(holder), name, None)) is _SLOT:
        getattr(type(holder), name).__set__(holder, value)
    else:
        object.__getattribute__(holder, "__dict__")[name] = value


copies: list[Any] = []  # the functions that run with doors in their code; see `codes`


def _cell(name: str, array: Any) -> Any:
    """Find the cell of a closure: that of a function which runs with doors in its code."""
    for function, _, copy in copies:
        if name in copy.co_freevars:
            cell = function.__closure__[copy.co_freevars.index(name)]
            if cell.cell_contents is array:
                return cell
    return None


class _Slots:
    __slots__ = ("held",)


def _cell_of(value: Any) -> Any:
    return (lambda: value).__closure__[0]  # type: ignore[index]


_SLOT, _CELL = type(_Slots.held), type(_cell_of(0))  # type: ignore[attr-defined]


def end(trace: Any) -> None:
    """Let go of a trace that has ended; after the last one give the arrays back."""
    for _, _, _, lent in running.lent:
        while lent.cr_owner is trace:  # what it is to the trace outside
            value = lent.cr_value
            if type(value) in tracers.TRACERS:
                lent.cr_value, lent.cr_owner, lent.cr_node = (
                    value.cr_value, value.cr_owner, value.cr_node,
                )  # fmt: skip
            else:
                lent.cr_owner, lent.cr_node = tracers.CONSTANT, None
    if running.traces:
        return
    while running.lent:
        holder, name, array, lent = entry = running.lent[-1]
        if _get(holder, name) is lent:
            _set(holder, name, array)
        np.copyto(array, tracers.concrete(lent))
        if running.lent and running.lent[-1] is entry:
            running.lent.pop()


def _count(array: Any) -> int:
    return getrefcount(array)


def _probe(array: Any, count: Any) -> int:
    return int(count(array))


_held = {"array": np.empty(1)}
_LENT = _probe(_held["array"], _count)  # as `_lend` counts an array that one holder has
_PART = _probe(np.empty(1), getrefcount)  # and `add_in_place` one that only the stack has
