"""Stores: `y[i] = x`, `y += x`, `out=y` and writes through views, as functional updates.

A store makes a new array and lets the tracer stand for it; earlier readers keep the old one. A
tracer that is a view knows its base and the operation that made it: a store into it is written
back to the base by that operation's transpose, and the other views of the family are taken anew
when they are read next (`stale`). So NumPy's aliasing holds, while each recorded value stays as it
was, and a store costs the same however many views there are.
"""

import weakref
from sys import _getframe, getrefcount
from typing import Any

import numpy as np

from ..core.op import Op
from ..core.registry import op_named
from ..core.sequences import is_sequence
from ..errors import LostDerivativeError, ReadOnlyError, UnsupportedFunctionError
from . import cures, foreign, layouts, losses
from . import tracer as tracers
from .as_numbers import numbers
from .handed import is_seen
from .running import CLOSED, MUTED, OPEN, running
from .source import describe, inside, user_frame


def link(result: Any, args: Any, op: Op, params: dict[str, Any]) -> None:
    """Remember that `result` is a view of its first argument, if NumPy says that it is."""
    source = args[0]
    if type(result) not in tracers.TRACERS or type(source) not in tracers.TRACERS:
        return
    if op.view == "readonly":
        _attach(result, source, args[1:], op, params)
        return
    inner = tracers.concrete(result)
    held = tracers.concrete(source)
    if type(inner) is not np.ndarray or (inner.base is None and inner is not held):
        return
    shares = not inner.size or np.may_share_memory(inner, held)
    if not shares and not _row(args, op):
        return
    _attach(result, source, args[1:], op, params)


def _row(args: Any, op: Op) -> bool:
    """Say whether an integer for each example of a batch was read at: with one it is a view."""
    rest = args[1:]
    return op.view == "getitem" and bool(rest) and not any(isinstance(a, np.ndarray) for a in rest)


def _attach(result: Any, source: Any, rest: Any, op: Op, params: dict[str, Any]) -> None:
    result.cr_base = (source, rest, op, params)
    _count_in(result, source)
    like = getattr(source, "cr_like", None)
    if like is not None and not like.flags.writeable:
        layouts.set_flags(result, write=False)


def store(y: Any, index: Any, value: Any) -> None:
    """Carry out ``y[index] = value`` on a tracer."""
    held = tracers.concrete(y)
    if not isinstance(held, np.ndarray):
        if type(held) is foreign.Foreign:
            raise foreign.refuse_store(type(held.array), "a store")
        raise TypeError(f"'{type(held).__name__}' object does not support item assignment")
    _writable(y)
    if y.cr_owner.state == CLOSED and running.again is not None:
        del held
        running.again.reset(y)
        held = tracers.concrete(y)
    if y.cr_owner.state == MUTED:
        raise _muted(y)
    if held.ndim > 1 and _swaps(y, value, _getframe(2)):
        raise _swapped(y)
    if type(value) not in tracers.TRACERS:
        value = numbers(value, held.dtype.kind)
        if is_sequence(value):
            value = tracers.ufuncs.as_operand(value)
    op = op_named("setitem")
    assert op.bind is not None
    args, params = op.bind(y, value, index)
    if type(value) not in tracers.TRACERS or len(args) > 2:
        args = (args[0], foreign.admit(args[1]), *map(tracers.as_index, args[2:]))
    del held
    _put(y, (y, *map(_as_now, args[1:])), params, op)


def _as_now(a: Any) -> Any:
    """Return a view as it is now: it may be of the array that is stored into."""
    if type(a) in tracers.TRACERS and getattr(a, "cr_base", None) is not None:
        return a.cr_snapshot()
    return a


def _put(y: Any, args: Any, params: dict[str, Any], op: Op) -> None:
    """Let `y`, the first of `args`, become what `op` makes of them."""
    if is_seen(y):
        raise _seen_elsewhere(y)
    if not _in_place(y, args, params, op):
        _become(y, tracers.apply(op, args, params))


def _seen_elsewhere(y: Any) -> LostDerivativeError:
    return LostDerivativeError(
        "a store into an array of which other code holds the memory",
        where=describe(user_frame(2), y),
        why="np.asarray, a masked array, a matrix, a frame or a buffer made of it before holds "
        "plain numbers, which would not see the store",
        cure="make it of the array after the store, or of a copy: np.copy(y)",
    )


def _swaps(y: Any, value: Any, frame: Any) -> bool:
    """Say whether compiled code stores a row of `y`, of which it holds views, into another row.

    ``rng.shuffle(y)`` does so, on a generator that has no stand-in, and would lose rows.
    """
    if type(value) not in tracers.TRACERS or getattr(value, "cr_base", (None,))[0] is not y:
        return False
    code = frame.f_code
    return not inside[code.co_filename] and code.co_code[frame.f_lasti] not in losses.STORES


def _swapped(y: Any) -> UnsupportedFunctionError:
    return UnsupportedFunctionError(
        "compiled code was about to exchange rows of a traced array",
        where=describe(user_frame(2), y),
        why="it holds views of the rows, and some rows would be lost",
        cure="write ‹0› = ‹0›[‹self›.permutation(len(‹0›))] in the place of ‹self›.shuffle(‹0›)",
    )


def _in_place(y: Any, args: Any, params: dict[str, Any], op: Op) -> bool:
    """Store into the array itself where nobody else holds it; say whether that was done.

    A loop that fills an array element by element would otherwise copy it at every step.
    """
    if type(y.cr_value) is not np.ndarray or getattr(y, "cr_base", None) is not None:
        return False
    _forget_views(y)
    if getrefcount(y.cr_value) != UNSHARED or not y.cr_value.flags.owndata:
        return False
    top = y.cr_owner
    for k, a in enumerate(args):
        if type(a) in tracers.TRACERS:
            if type(a.cr_value) in tracers.TRACERS or (a is y and k > 0):
                return False
            if a.cr_owner.level > top.level:
                top = a.cr_owner
    return bool(top.store(y, op, args, params))


class _Probe:
    """Counts, as `_in_place` does, the references to an array that only one slot holds."""

    __slots__ = ("cr_value",)

    def count(self) -> int:
        y = self
        y.cr_value = np.empty(1)
        return getrefcount(y.cr_value)


UNSHARED = _Probe().count()


def _muted(y: Any) -> LostDerivativeError:
    return LostDerivativeError(
        "a solver's callback was about to store into a traced array from outside",
        where=describe(user_frame(2), y),
        why="a solver runs on plain numbers, and the array would lose its derivative",
        cure="let the callback make its own array, and return what is needed",
    )


def reshape(y: Any, shape: Any) -> None:
    """Carry out ``y.shape = shape``: what `y` was goes on as the array that it is a view of."""
    whole = y.cr_snapshot()
    base, views = getattr(y, "cr_base", None), getattr(y, "cr_views", None)
    for ref in views or ():
        if (view := ref()) is not None:
            view.cr_base = (whole, *view.cr_base[1:])
    whole.cr_views = views or []
    if base is not None:
        _attach(whole, base[0], *base[1:])
        base[0].cr_views = [ref for ref in base[0].cr_views if ref() is not y]
    y.cr_views, y.cr_base = [], None
    new = tracers.call(np.reshape, (whole, shape), {})
    if getattr(new, "cr_base", None) is None:
        raise AttributeError("incompatible shape for in-place modification: use y.reshape(…)")
    y.cr_value, y.cr_owner, y.cr_node = new.cr_value, new.cr_owner, new.cr_node
    _attach(y, whole, *new.cr_base[1:])


def flat_view(y: Any) -> Any:
    """Return ``y.flat``: the elements in order, always a view, whatever the layout in memory.

    What is read from it is a copy, as from NumPy's iterator.
    """
    op, params = op_named("reshape"), {"shape": (-1,), "order": "C"}
    flat = tracers.apply(op, (y,), params)
    if getattr(flat, "cr_base", None) is None:
        _attach(flat, y, (), op, params)
    _set_class(flat, tracers.FACES[np.flatiter])
    return flat


def store_out(out: Any, result: Any, broadcast: bool = False) -> Any:
    """Carry out ``out=``: store into a tracer, or refuse a plain array.

    A result may `broadcast` into the output of a ufunc, and of nothing else.
    """
    target = out[0] if type(out) is tuple and len(out) == 1 else out
    if target is None:
        return result
    if type(target) is tuple:
        return tuple(store_out(t, r, broadcast) for t, r in zip(target, result, strict=True))
    shape = np.shape(tracers.concrete(result))
    if target.shape != shape and not broadcast:
        raise ValueError(
            f"output array of shape {target.shape} does not match the result of shape {shape}"
        )
    if type(target) in tracers.TRACERS:
        if target.shape != shape:
            result = tracers.call(np.broadcast_to, (result, target.shape), {})
        kind = np.result_type(tracers.concrete(result))
        if not np.can_cast(kind, target.dtype, "same_kind"):
            raise TypeError(
                f"Cannot cast output from {kind} to {target.dtype} with casting rule 'same_kind'"
            )
        store(target, ..., result)
        return target
    if type(result) not in tracers.TRACERS or result.cr_is_constant():  # an ordinary store
        np.copyto(target, tracers.known(result), casting="same_kind")
        return target
    frame = user_frame(2)
    raise LostDerivativeError(
        "a traced result was about to be stored into a plain NumPy array",
        where=describe(frame, target),
        why="the plain array cannot carry the derivative",
        cure=cures.store(frame, result=True),
    )


def _writable(y: Any) -> None:
    """Refuse a store where NumPy refuses it, and into a view that cannot be written back."""
    like = getattr(y, "cr_like", None)
    if like is not None and not like.flags.writeable:
        raise _read_only(y)
    if (kind := unwritten(y)) == "readonly" and like is None:
        raise _read_only(y)
    if kind:
        raise losses.raising(UnsupportedFunctionError(
            "a store into a view that is not written back to its array",
            where=describe(user_frame(2), y),
            why="its elements may be the same ones of the array more than once",
            cure="store into the array itself, or into a copy of the view: y = y.copy()",
        ))  # fmt: skip


def unwritten(y: Any) -> str:
    """Say as what an array cannot be written: as a view that is read-only, or that overlaps."""
    view = getattr(y, "cr_base", None)
    while view is not None:
        if view[2].view in ("readonly", "shared"):
            return str(view[2].view)
        view = getattr(view[0], "cr_base", None)
    return ""


def _read_only(y: Any) -> ReadOnlyError:
    return ReadOnlyError(
        "assignment destination is read-only",
        where=describe(user_frame(2), y),
        why="the array is a broadcast or read-only view, or its flags say so",
        cure="store into a copy: y = y.copy()",
    )


def _become(y: Any, new: Any) -> None:
    """Let tracer `y` stand for the value of `new`; its base follows, and its views when read."""
    base = getattr(y, "cr_base", None)
    if base is None:
        _forget_views(y)
        _stand_for(y, new)
        return
    parent, rest, op, params = base
    if op.view == "getitem":
        _put(parent, (parent, new, *rest), params, op_named("setitem"))
    else:
        _become(parent, _laid_out(parent, _write_back(parent, new, rest, op, params)))


def _stand_for(y: Any, new: Any) -> None:
    if y.cr_owner.state == CLOSED and type(new) not in tracers.TRACERS:  # it was kept
        y.cr_value, y.cr_node = new, None
        return
    if type(new) not in tracers.TRACERS:  # nothing flows to it
        new = tracers.make_tracer(new, tracers.CONSTANT, None)
    y.cr_value, y.cr_owner, y.cr_node = new.cr_value, new.cr_owner, new.cr_node


# --- views that are taken anew when they are read -------------------------------------------------


def _forget_views(y: Any) -> None:
    """Let all views of `y`, and their views, be taken anew when they are read next."""
    views = getattr(y, "cr_views", None)
    if not views:
        return
    y.cr_views = []
    for ref in views:
        view = ref()
        if view is not None:
            _forget_views(view)
            view.cr_value = view.cr_node = None  # else it would hold the memory of the old array
            _set_class(view, stale(type(view)))


_set_class = object.__dict__["__class__"].__set__  # a tracer has a `__class__` of its own
_stale_classes: dict[type, type] = {}


def stale(kind: type) -> type:
    """Return the class of those tracers of class `kind` whose value is out of date."""
    found = _stale_classes.get(kind)
    if found is None:
        names = ("cr_value", "cr_owner", "cr_node")
        members = {name: property(_reading(name, kind)) for name in names}
        found = type("Stale" + kind.__name__, (kind,), {"__slots__": (), **members})
        _stale_classes[kind] = found
    return found


def _reading(name: str, kind: type) -> Any:
    def read(view: Any) -> Any:
        _take_anew(view, kind)
        return getattr(view, name)

    return read


def _take_anew(view: Any, kind: type) -> None:
    """Take a view of its base as that is now, also within a solver, which mutes the traces."""
    _set_class(view, kind)
    parent, rest, op, params = view.cr_base
    if parent.cr_owner.state == CLOSED:  # kept and looked at after the call: the value it had
        view.cr_value = tracers.apply(op, (parent.cr_value, *rest), params)
        return
    muted = [trace for trace in running.traces if trace.state == MUTED]
    for trace in muted:
        trace.state = OPEN
    try:
        _stand_for(view, tracers.apply(op, (parent, *rest), params))
    finally:
        for trace in muted:
            trace.state = MUTED
    _count_in(view, parent)


def _count_in(view: Any, source: Any) -> None:
    """Let `source` know of a view of it whose value is up to date."""
    try:
        source.cr_views.append(weakref.ref(view))
    except AttributeError:
        source.cr_views = [weakref.ref(view)]


def _laid_out(parent: Any, new: Any) -> Any:
    """Give what a base becomes the base's layout in memory: by it NumPy tells views from copies."""
    if getattr(parent, "cr_base", None) is not None:
        return new  # it is taken anew from its own base
    if tracers.concrete(new).strides == tracers.concrete(parent).strides:
        return new
    return tracers.apply(op_named("setitem"), (parent, new), {"index": ...})


def _write_back(parent: Any, view: Any, rest: Any, op: Op, params: dict[str, Any]) -> Any:
    if op.view in ("real", "imag"):
        return tracers.apply(op_named(f"set_{op.view}"), (parent, view), {})
    if op.view == "gather":
        places = op.value(np.arange(parent.size).reshape(parent.shape), *rest, **params)
        return _scatter(parent, view, places)
    slot: Any = op.slot(0)
    return slot.transpose(view, parent, *rest, **params)


def _scatter(parent: Any, view: Any, places: Any) -> Any:
    """Store `view` into those elements of `parent` whose numbers, in C order, are `places`."""
    setitem, reshape = op_named("setitem"), op_named("reshape")
    assert setitem.bind is not None
    flat = tracers.apply(reshape, (parent,), {"shape": (-1,), "order": "C"})
    args, params = setitem.bind(flat, view, (places,))
    stored = tracers.apply(setitem, args, params)
    return tracers.apply(reshape, (stored,), {"shape": parent.shape, "order": "C"})

