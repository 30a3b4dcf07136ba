"""Arrays of other libraries (Dask, CuPy), reached by NumPy's protocols NEP 13 and NEP 18.

Inside the engine such an array stands in a `Foreign`, which passes every NumPy call on to the
library of the array and never becomes a plain one. So a rule cannot compute a lazy array, or move
one off its device, unnoticed. User code never meets it: arrays go in by `admit`, out by `leave`.
"""

import inspect
import os
import sys
from collections.abc import Callable
from functools import lru_cache
from operator import is_
from typing import Any

import numpy as np

from ..core.sequences import items
from ..errors import InputTypeError, UnsupportedFunctionError
from .losses import TRACERS, Guarded, remember
from .source import describe, inside, user_frame
from .strange import refused, strange

_PROTOCOL = ("__array_ufunc__", "__array_function__", "shape", "dtype", "astype", "copy")
_DISPATCHED: Any = type(np.sum)
_kinds: dict[type, bool] = {}


def is_foreign(kind: type) -> bool:
    """Say whether it is a class of arrays of another library, which answers both protocols."""
    found = _kinds.get(kind)
    if found is None:
        own = issubclass(kind, np.ndarray | np.generic | Guarded | Foreign)
        found = not own and all(getattr(kind, name, None) is not None for name in _PROTOCOL)
        _kinds[kind] = found
    return found


def admit(value: Any) -> Any:
    """Put an array of another library into a `Foreign`, as it is now; also in sequences."""
    kind = type(value)
    if kind in _ORDINARY or issubclass(kind, Guarded):
        return value
    parts = items(value)
    if parts is not None:
        new = [admit(v) for v in parts]
        return value if all(map(is_, new, parts)) else type(parts)(new)
    if strange(kind):
        raise refused(value)
    if not is_foreign(kind):
        return value
    return _wrap(value.copy())


def admitted(types: Any, args: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Admit the arguments of a call, if one of their `types` is of another library."""
    for kind in types:
        if kind is not np.ndarray and kind not in TRACERS and (is_foreign(kind) or strange(kind)):
            break
    else:
        return args, kwargs
    return tuple(map(admit, args)), {k: admit(v) for k, v in kwargs.items()}


def leave(value: Any, fresh: bool = False) -> Any:
    """Return the array of a `Foreign`, and anything else as it is: a copy, unless it is `fresh`."""
    if type(value) is not Foreign:
        return value
    owned = fresh and getattr(getattr(value.array, "flags", None), "owndata", False)
    return value.array if owned else value.array.copy()


def under(value: Any) -> Any:
    """Return what the tracers of all derivative levels hold, if it is a `Foreign`, else None."""
    while issubclass(type(value), Guarded):
        value = value.cr_value
    return value if type(value) is Foreign else None


def zeros(shape: tuple[int, ...], dtype: Any, like: Any) -> Any:
    """Make zeros in the library of `like`, which may be traced; else plain ones."""
    held = under(like)
    return np.zeros(shape, dtype) if held is None else np.zeros_like(held, dtype, shape=shape)


class Foreign(np.lib.mixins.NDArrayOperatorsMixin):
    """An array of another library, as the engine computes with it."""

    __slots__ = ("array", "shape", "dtype", "fresh")

    def __init__(self, array: Any, fresh: bool = False) -> None:
        self.array, self.shape, self.dtype = array, array.shape, array.dtype
        self.fresh = fresh  # made just now: a store into it is not one into another array

    ndim = property(lambda self: len(self.shape))
    size = property(lambda self: self.array.size)
    itemsize = property(lambda self: self.dtype.itemsize)
    nbytes = property(lambda self: self.size * self.itemsize)
    T = property(lambda self: self.transpose())
    flags = property(lambda self: getattr(self.array, "flags", _FLAGS))

    def __array_ufunc__(self, ufunc: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        if any(issubclass(type(a), Guarded) for a in (*args, *kwargs.get("out", ()))):
            return NotImplemented
        function = _BY_FUNCTION.get((method, ufunc))
        if function is None:
            return _evaluate(getattr(ufunc, method), ufunc, self, args, kwargs)
        if method == "reduce" and len(args) < 2:
            kwargs.setdefault("axis", 0)
        if type(kwargs.get("initial")) in (int, float) and kwargs["initial"] == ufunc.identity:
            del kwargs["initial"]
        return _evaluate(function, function, self, args, kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if type(function) is not _DISPATCHED or any(issubclass(t, Guarded) for t in types):
            return NotImplemented
        answer = _ANSWERS.get(function)
        if answer is not None:
            return answer(*args, **kwargs)
        return _evaluate(_METHODS.get(function, function), function, self, args, kwargs)

    def __getitem__(self, index: Any) -> Any:
        return _evaluate(_getitem, "indexing", self, (self, index), {})

    def __setitem__(self, index: Any, value: Any) -> None:
        if not self.fresh:
            raise _refusal(type(self.array), "a store", "it may be a copy here, and a view there")
        _evaluate(_setitem, "a store", self, (self, index, value), {})

    def astype(self, dtype: Any, **_: Any) -> Any:
        return np.astype(self, dtype)

    def copy(self, **_: Any) -> Any:
        return np.copy(self)

    def reshape(self, *shape: Any, order: str = "C") -> Any:
        return np.reshape(self, shape[0] if len(shape) == 1 else shape, order=order)

    def transpose(self, *axes: Any) -> Any:
        return np.transpose(self, axes[0] if len(axes) == 1 else axes or None)

    def ravel(self) -> Any:
        return np.reshape(self, (-1,))

    # --- what the program's own code asks for it gets, as from the array itself -----------
    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.asarray(self._asked(), dtype)

    def __bool__(self) -> bool:
        return bool(self._asked())

    def __float__(self) -> float:
        return float(self._asked())

    def __int__(self) -> int:
        return int(self._asked())

    def __complex__(self) -> complex:
        return complex(self._asked())

    def __index__(self) -> int:
        return self._asked().__index__()  # type: ignore[no-any-return]

    def item(self, *index: Any) -> Any:
        return self._asked().item(*index)

    def __len__(self) -> int:
        return len(self.array)

    def __repr__(self) -> str:
        return repr(self.array)

    __hash__ = None  # type: ignore[assignment]

    def _asked(self) -> Any:
        """Return the array to code of the program; refuse code of a library, ours included."""
        frame: Any = sys._getframe(2)
        while frame.f_code.co_filename in _PASSING:
            frame = frame.f_back
        if not inside[frame.f_code.co_filename]:
            return self.array
        user = user_frame(2)
        error = UnsupportedFunctionError(
            f"{frame.f_code.co_name} asked for the numbers of a {name_of(type(self.array))}",
            where=describe(user),
            why="they would be computed, or moved off their device, unnoticed",
            cure=_CURE,
        )
        remember(error, user)  # compiled code may hide it
        raise error


def _as_method(function: Any) -> Callable[..., Any]:
    return lambda self, *args, **kwargs: function(self, *args, **kwargs)


for _name in "sum prod mean max min any all cumsum dot squeeze swapaxes take".split():
    setattr(Foreign, _name, _as_method(getattr(np, _name)))


def _wrap(result: Any) -> Any:
    """Put what a library returned into a `Foreign`; refuse what it has moved into plain memory."""
    kind = type(result)
    if isinstance(result, tuple | list):
        parts = map(_wrap, result)
        return kind(*parts) if hasattr(kind, "_fields") else kind(parts)
    if not is_foreign(kind):
        return result
    if any(n != n for n in result.shape):
        raise InputTypeError(
            f"a {name_of(kind)} of unknown shape {result.shape}",
            where=describe(user_frame(2)),
            why="the shape of a derivative is that of its array, which is not known before it is "
            "computed",
            cure="call x.compute_chunk_sizes() before the function; within it, write "
            "np.where(mask, x, 0) in the place of x[mask]",
        )
    return Foreign(result)


def _bare(value: Any) -> Any:
    kind = type(value)
    if kind is Foreign:
        return value.array
    if kind is list or kind is tuple:
        return kind(map(_bare, value))
    return value


def _evaluate(call: Callable[..., Any], function: Any, like: Any, args: Any, kwargs: Any) -> Any:
    """Let the library of `like` compute; name the function and the class if it cannot."""
    kind = type(like.array)
    if call is function and not _has(kind, function):
        raise _refusal(kind, function, "the library has no such function, or it means another one")
    if type(function) is _DISPATCHED:
        defaults = _defaults(function)
        kwargs = {k: v for k, v in kwargs.items() if k not in defaults or v is not defaults[k]}
    try:
        result = call(*map(_bare, args), **{k: _bare(v) for k, v in kwargs.items()})
    except (TypeError, NotImplementedError, AttributeError, AssertionError) as error:
        raise _refusal(kind, function, f"the library says: {error}") from error
    if type(result) is np.ndarray:
        raise _refusal(kind, function, "the library returns a plain NumPy array")
    if function in _FRESH:
        return Foreign(result, fresh=True)
    return _wrap(result)


def _refusal(kind: type, function: Any, why: str) -> UnsupportedFunctionError:
    what = function if isinstance(function, str) else f"np.{_path(function)}"
    return UnsupportedFunctionError(
        f"{name_of(kind)} does not compute {what}, as it was called",
        where=describe(user_frame(2)),
        why=" ".join(why.split())[:300],
        cure=_CURE,
    )


def refuse_store(kind: type, what: str) -> UnsupportedFunctionError:
    """Build the error for a store into a traced array of another library."""
    return UnsupportedFunctionError(
        f"{what} into a traced {name_of(kind)}",
        where=describe(user_frame(2)),
        why="which other arrays it reaches is the library's to say, so it is not recorded",
        cure="write y = y + x in the place of y += x, and np.where(mask, value, y) or "
        "np.concatenate in the place of y[i] = value",
    )


_CURE = ("write it with functions that this library has, or compute the array before it is passed; "
         "docs/guide/other-arrays.md tells more")  # fmt: skip


def name_of(kind: type) -> str:
    """Name a class with the package that it comes from."""
    return f"{kind.__module__.partition('.')[0]} {kind.__name__}"


def _path(function: Any) -> str:
    module = getattr(function, "__module__", "") or "numpy"
    return ".".join([*module.split(".")[1:], getattr(function, "__name__", str(function))])


# A library that computes what it does not know (Dask, with a warning) is asked before.
_COMPUTING = {"dask": "dask.array"}
# Dask's namesakes: an upper factor, a reduced decomposition, quantiles that are approximate.
_OTHER_MEANING = frozenset((np.linalg.cholesky, np.linalg.svd, np.percentile, np.quantile))


def _has(kind: type, function: Any) -> bool:
    """Say whether the library has `function`, where it would compute what it has not."""
    name = _COMPUTING.get(kind.__module__.partition(".")[0])
    if name is None or isinstance(function, np.ufunc):
        return True
    if function in _OTHER_MEANING:
        return False
    found: Any = sys.modules.get(name)
    for part in _path(function).split("."):
        found = getattr(found, part, None)
    return found is not None and found is not function


_EMBEDDING = tuple(f"{package}." for package in _COMPUTING)


def class_of(value: Any) -> type:
    """Return the class of a plain value, or of the array inside a `Foreign`."""
    return type(value.array) if type(value) is Foreign else type(value)


def class_for(frame: Any, value: Any) -> type:
    """Return the class that code running in `frame` is told of a tracer that holds `value`.

    NumPy's own code asks whether it is an array at all. Dask asks whether it is one of NumPy's,
    to take it for its own chunk: it is not.
    """
    if type(value) is np.ndarray:
        return Foreign if frame.f_globals.get("__name__", "").startswith(_EMBEDDING) else np.ndarray
    if type(value) is Foreign and inside[frame.f_code.co_filename]:
        return np.ndarray
    return class_of(value)


@lru_cache(maxsize=1024)
def _defaults(function: Any) -> dict[str, Any]:
    """Return the arguments that may be left out: libraries know fewer than NumPy."""
    parameters = inspect.signature(function).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not p.empty} | {"order": "C"}


def _getitem(a: Any, index: Any) -> Any:
    return a[index]


def _setitem(a: Any, index: Any, value: Any) -> None:
    a[index] = value


def _kind_of(a: Any) -> Any:
    return a.dtype if type(a) is Foreign else a


class _Flags:
    """The flags of an array that has none: nobody knows how it lies in memory."""

    c_contiguous, f_contiguous, writeable, owndata = True, False, False, False


_FLAGS = _Flags()
_ORDINARY = frozenset((np.ndarray, np.float64, float, int, bool, complex, str, type(None)))
_CONVERTING = ("foreign", "tracer", "losses", "casts")
_PASSING = tuple(os.path.join(os.path.dirname(__file__), name + ".py") for name in _CONVERTING)
_REDUCTIONS = {
    np.add: np.sum, np.multiply: np.prod, np.maximum: np.max, np.minimum: np.min,
    np.logical_and: np.all, np.logical_or: np.any,
}  # fmt: skip
_BY_FUNCTION: dict[Any, Any] = {
    **{("reduce", ufunc): function for ufunc, function in _REDUCTIONS.items()},
    ("accumulate", np.add): np.cumsum, ("accumulate", np.multiply): np.cumprod,
}  # fmt: skip
_METHODS: dict[Any, Any] = {  # every library has them as methods
    np.astype: lambda a, dtype, **_: a.astype(dtype),
    np.copy: lambda a, **_: a.copy(),
    np.matrix_transpose: lambda a: a.transpose((*range(a.ndim - 2), a.ndim - 1, a.ndim - 2)),
}
_FRESH = frozenset((np.zeros_like, np.ones_like, np.copy))
_ANSWERS: dict[Any, Any] = {  # these need no array
    np.shape: lambda a: a.shape,
    np.ndim: lambda a: a.ndim,
    np.size: lambda a, axis=None: a.size if axis is None else a.shape[axis],
    np.result_type: lambda *args: np.result_type(*map(_kind_of, args)),
    np.can_cast: lambda a, to, casting="safe": np.can_cast(_kind_of(a), _kind_of(to), casting),
    np.iscomplexobj: lambda x: x.dtype.kind == "c",
    np.isrealobj: lambda x: x.dtype.kind != "c",
    np.may_share_memory: lambda a, b, max_work=None: False,
    np.shares_memory: lambda a, b, max_work=None: False,
}
