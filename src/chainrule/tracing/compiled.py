"""Numba's kernels in a traced program.

A kernel that receives plain numbers, and arrays that the program made of them, runs as it is: it
gets the memory of these arrays, and what it writes there is stored into them. A kernel that
receives traced values is run as the Python function that it was compiled from, and the compiled one
beside it: where they part, it is refused. Ufuncs run it for every element, or every core. One that
receives an object of Numba's, which keeps its state, runs once, as Python. What is compiled
meanwhile sees the program's own names.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..errors import UnsupportedFunctionError
from . import codes, cures, stores
from . import tracer as tracers
from .running import running
from .source import describe, user_frame

# module, class, method, and whether Python code stands behind the compiled one
_CLASSES = (
    ("numba.core.dispatcher", "Dispatcher", "__call__"),
    ("numba.np.ufunc.dufunc", "DUFunc", "__call__"),
    ("numba.np.ufunc.gufunc", "GUFunc", "__call__"),
    ("numba.core.compiler", "CompilerBase", "compile_extra"),
)
_set: list[tuple[type, str, Any]] = []  # class, method, and what its own `__dict__` held


def enter(plainly: Callable[[], Any]) -> None:
    """Set the doors in Numba's classes; what is compiled is compiled in the context `plainly`."""
    if _set or "numba" not in sys.modules:
        return
    for module, name, method in _CLASSES:
        cls = getattr(sys.modules.get(module), name, None)
        if cls is None:
            continue
        own = vars(cls).get(method)
        make = _compiling(getattr(cls, method), plainly) if method != "__call__" else (
            _called(getattr(cls, method)))  # fmt: skip
        _set.append((cls, method, own))
        setattr(cls, method, make)


def leave() -> None:
    """Give the classes their own methods back."""
    while _set:
        cls, method, own = entry = _set[-1]
        if own is not None:
            setattr(cls, method, own)
        elif method in vars(cls):
            delattr(cls, method)
        if _set and _set[-1] is entry:
            _set.pop()


def _compiling(own: Any, plainly: Callable[[], Any]) -> Callable[..., Any]:
    def compile_extra(self: Any, function: Any) -> Any:
        with plainly():
            return own(self, function)

    return compile_extra


def _called(own: Any) -> Callable[..., Any]:
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        found = [v for v in (*args, *kwargs.values()) if _holds(v)] if running.traces else None
        if not found:
            return own(self, *args, **kwargs)
        if any(_traced(v) for v in found):
            return _as_python(self, own, args, kwargs)
        lent = _Lent()
        result = own(self, *map(lent.plain, args), **{k: lent.plain(v) for k, v in kwargs.items()})
        lent.give_back()
        return result

    return call


def _holds(value: Any) -> bool:
    kind = type(value)
    return kind in tracers.TRACERS or (kind in (tuple, list) and any(map(_holds, value)))


def _traced(value: Any) -> bool:
    if type(value) in (tuple, list):
        return any(map(_traced, value))
    return type(value) in tracers.TRACERS and value.cr_owner is not tracers.CONSTANT


class _Lent:
    """Plain copies of arrays for one call, and what has been written into them."""

    def __init__(self) -> None:
        self.copies: dict[int, tuple[Any, Any, bytes]] = {}

    def plain(self, value: Any) -> Any:
        kind = type(value)
        if kind in (tuple, list):
            return kind(map(self.plain, value))
        if kind not in tracers.TRACERS:
            return value.copy() if kind is np.ndarray and self.all else value
        held = tracers.known(value)
        if type(held) is not np.ndarray:
            return held
        if id(value) not in self.copies:
            copy = held.copy("K")
            self.copies[id(value)] = value, copy, copy.tobytes()
        return self.copies[id(value)][1]

    all = False  # whether arrays that are plain are copied too

    def give_back(self) -> None:
        """Store into the program's arrays what was written into their copies."""
        for value, copy, before in self.copies.values():
            if copy.tobytes() != before:
                stores.store(value, ..., copy)


def _as_python(kernel: Any, own: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    function = getattr(kernel, "py_func", None)
    if function is None:
        if kwargs or any(v.cr_varies() for v in args if type(v) in tracers.TRACERS):
            raise _refused(kernel, "it is a compiled ufunc, called with more than its arguments")
        return _ufunc(kernel, own, args)
    if _is_of_numba(function):
        function = _method(function, args)
    objects = any(hasattr(type(v), "_numba_type_") for v in (*args, *kwargs.values()))
    if objects or any(
        v.cr_varies() for v in (*args, *kwargs.values()) if type(v) in tracers.TRACERS
    ):
        return function(*args, **kwargs)
    lent = _Lent()
    lent.all = True
    plain = [lent.plain(v) for v in args], {k: lent.plain(v) for k, v in kwargs.items()}
    with _plain_code(function):
        wanted = own(kernel, *plain[0], **plain[1])
    result = function(*args, **kwargs)
    written = [(copy, tracers.known(v)) for v, copy, _ in lent.copies.values()]
    if not _near(wanted, result) or not all(_near(a, b) for a, b in written):
        raise _refused(kernel, "the compiled code and its Python source give different values")
    return result


@contextmanager
def _plain_code(function: Any) -> Iterator[None]:
    """Let a function that was made while a program is traced have its own code, to be compiled."""
    code = getattr(function, "__code__", None)
    plain = codes.own(code) if code is not None else None
    if plain is code:
        yield
        return
    function.__code__ = plain
    try:
        yield
    finally:
        function.__code__ = code


def _ufunc(kernel: Any, own: Any, args: Any) -> Any:
    """Run the Python function behind a ufunc, element by element, or core by core."""
    plain = [np.asarray(tracers.known(v)) for v in args]
    wanted = own(kernel, *plain)
    builder = getattr(kernel, "gufunc_builder", None)
    function = kernel._dispatcher.py_func if builder is None else builder.py_func
    ins, outs = _cores(builder, len(args))
    if len(outs) != 1 or len(ins) != len(args):
        raise _refused(kernel, "it is a compiled ufunc of several results")
    inner = np.ndim(wanted) - len(outs[0])
    made = tracers.hold(np.zeros_like(wanted, shape=np.shape(wanted) or (1,)))
    for index in np.ndindex(np.shape(wanted)[:inner]):
        given = [_part(v, core, index) for v, core in zip(args, ins, strict=True)]
        if builder is None:
            made[index or 0] = function(*given)
        elif outs[0]:
            function(*given, made[index] if index else made)
        else:
            one = tracers.hold(np.zeros(1, wanted.dtype))
            function(*given, one)
            made[index or 0] = one[0]
    result = made if np.ndim(wanted) else made[0]
    if not _near(wanted, result):
        raise _refused(kernel, "the compiled code and its Python source give different values")
    return result


def _cores(builder: Any, count: int) -> tuple[list[Any], list[Any]]:
    """Return the core dimensions of inputs and outputs; None for a number that is passed as one."""
    if builder is None:
        return [None] * count, [()]
    sides = builder.signature.replace(" ", "").split("->")
    ins, outs = ([tuple(filter(None, core.split(","))) for core in side[1:-1].split("),(")]
                 for side in sides)  # fmt: skip
    types = builder._sigs[0]
    numbers = [not hasattr(t, "ndim") for t in getattr(types, "args", types)[: len(ins)]]
    return [None if n and not c else c for c, n in zip(ins, numbers, strict=False)], outs


def _part(v: Any, core: Any, index: tuple[int, ...]) -> Any:
    """Return what of an input one core reads, by broadcasting over the loops."""
    axes = np.ndim(v) - len(core or ())
    shape = np.shape(v)[:axes]
    place = tuple(0 if n == 1 else k
                  for n, k in zip(shape, index[len(index) - axes :], strict=True))  # fmt: skip
    part = v[place] if place else v
    return part.reshape(1) if core == () else part


def _is_of_numba(function: Any) -> bool:
    """Say whether Numba wrote the source: run as Python it calls the very kernel again."""
    code = function.__code__
    names = code.co_names + code.co_varnames
    module = function.__module__ or ""
    return module.startswith("numba.") or any(n.startswith("__numba_") for n in names)


def _method(function: Any, args: Any) -> Any:
    """Return the Python function of a method of a jitclass, which a kernel of Numba's calls."""
    owner = args[0] if hasattr(type(args[0]), "_numba_type_") else None
    methods = getattr(getattr(owner, "_numba_type_", None), "methods", {})
    name = function.__code__.co_names[-1:]
    if function.__name__ == "method" and name and name[0] in methods:
        return methods[name[0]]
    made = type(owner) if owner is not None else function.__globals__.get("__numba_cls_", function)
    raise UnsupportedFunctionError(
        f"an object of Numba's ({made.__name__}) received a traced value to keep",
        where=describe(user_frame(2)),
        why="it keeps numbers in compiled memory, and their derivatives would be lost",
        cure="write a Python list or dict in the place of a typed one, and a class without "
        "@jitclass; or set NUMBA_DISABLE_JIT=1, with which Numba itself does so",
    )


def _near(one: Any, other: Any) -> bool:
    if type(one) in (tuple, list):
        return len(one) == len(other) and all(map(_near, one, other))
    if one is None or not isinstance(one, np.ndarray | np.generic | float | int | complex):
        return True
    a, b = np.asarray(one), np.asarray(tracers.known(other))
    return a.shape == b.shape and bool(np.allclose(a, b, rtol=1e-6, atol=1e-9, equal_nan=True))


def _refused(kernel: Any, why: str) -> UnsupportedFunctionError:
    name = getattr(kernel, "__name__", "the kernel")
    return UnsupportedFunctionError(
        f"{name}, compiled by Numba, received a traced value",
        where=describe(user_frame(2)),
        why=why,
        cure=cures.cure(cures.CALL),
    )
