"""The one table: which record stands behind a NumPy function."""

import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from inspect import signature
from types import FunctionType
from typing import Any
from warnings import warn

import numpy as np

from .op import Composite, Function, Op

_DISPATCHED = (np.ufunc, type(np.sum), Op, Function)

_records: dict[Any, Op | Composite] = {}
_ops: dict[str, Op] = {}
_lazy: dict[str, tuple[str, ...]] = {}
_counted = 0  # modules that were there when none of them had fallen due
_plain: list[FunctionType] = []
_swapped: list[Any] = []
_refused: dict[Any, tuple[str, str]] = {}
_methods: dict[tuple[type, str], Callable[..., Any]] = {}


def register(function: Any, record: Op | Composite) -> None:
    """Let `function` (a ufunc or an array function) be computed by `record`."""
    if function in _records:
        raise ValueError(f"{function!r} has a record already: {_records[function]!r}")
    _records[function] = record
    _reach(function)
    if isinstance(record, Op):
        if record.bind is None and not isinstance(function, np.ufunc):
            record.bind = _by_name(function)
        add(record)


def _by_name(function: Any) -> Callable[..., Any]:
    """Return what puts arguments that are named in their places; a ufunc knows no names."""
    known = signature(function)  # now: while a trace runs, the function has other code

    def bind(*args: Any, **kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        if not kwargs:
            return args, kwargs
        bound = known.bind(*args, **kwargs)
        return bound.args, bound.kwargs

    return bind


def _reach(function: Any) -> None:
    """Let the third door reach `function`, where no protocol of NumPy does."""
    if type(function) is FunctionType:
        _plain.append(function)
    elif not isinstance(function, _DISPATCHED):
        _swapped.append(function)


def register_method(kind: type, name: str, body: Callable[..., Any]) -> None:
    """Let ``body(self, …)`` answer a method of a compiled class where an argument is traced."""
    _methods[kind, name] = body


def method_of(kind: type, name: str) -> Callable[..., Any] | None:
    """Return what answers a method of a compiled class, if that is registered."""
    if name and _lazy:
        _find_late(None)
    return _methods.get((kind, name))


def refuse(function: Any, why: str, cure: str) -> None:
    """Let a traced argument of `function` be refused, for this reason and with this cure."""
    _refused[function] = why, cure
    _reach(function)


def refusal(function: Any) -> tuple[str, str] | None:
    """Return why `function` is refused, and the cure, if its refusal is declared."""
    return _refused.get(function)


def add(op: Op) -> None:
    """Make an op known under its name, so that laws, docs and printers find it."""
    if _ops.setdefault(op.name, op) is not op:
        raise ValueError(f"two ops are named {op.name!r}")


def alias(function: Any, other: Any) -> None:
    """Let `function` be the same as `other`, which is registered."""
    _records[function] = _records[other]
    _reach(function)


def load_with(package: str, *modules: str) -> None:
    """Import `modules`, which register records, once `package` was imported by the user."""
    global _counted
    _lazy[package] = modules
    _counted = 0


recorded: Callable[[Any], Op | Composite | None] = _records.get
"""The record behind a function if that is known by now: for those who ask for each operation."""


def find(function: Any) -> Op | Composite | None:
    """Return the record behind `function`, or None."""
    record = _records.get(function)
    return record if record is not None or not _lazy else _find_late(function)


def plain_functions() -> list[FunctionType]:
    """Return the registered functions that are plain Python: no protocol of NumPy reaches them."""
    _find_late(None)
    return _plain


def swapped_functions() -> list[Any]:
    """Return the registered callables that neither a protocol nor another code object reaches."""
    return _swapped


def count() -> int:
    """Count the records, so that a change can be noticed."""
    return len(_records) + len(_refused)


def _find_late(function: Any) -> Op | Composite | None:
    """Import what has fallen due since modules were last counted, and look again."""
    global _counted
    if len(sys.modules) != _counted:
        coming = False
        for package, modules in list(_lazy.items()):
            if _imported(package):
                _lazy.pop(package, None)
                for module in modules:
                    _load(package, module)
            else:
                coming = coming or package in sys.modules
        _counted = 0 if coming else len(sys.modules)
    return _records.get(function)


def _load(package: str, module: str) -> None:
    try:
        import_module(module)
    except Exception as error:  # another version, with other insides
        version = getattr(sys.modules[package.split(".")[0]], "__version__", "")
        warn(
            f"chainrule does not know {package} of this version ({version}): most of it has no "
            f"rules, and is refused where it receives a traced value ({module}: {error})",
            stacklevel=2,
        )


def _imported(package: str) -> bool:
    """Say whether the import of `package` has come to its end."""
    spec = getattr(sys.modules.get(package), "__spec__", None)
    return spec is not None and not getattr(spec, "_initializing", False)


def load_all() -> None:
    """Import every module that registers lazily (laws and docs need all records)."""
    for package, modules in list(_lazy.items()):
        import_module(package)
        for module in modules:
            import_module(module)
        _lazy.pop(package, None)


def ops() -> Iterator[Op]:
    """Iterate over every op, in the order of declaration."""
    return iter(_ops.values())


def records() -> Iterator[tuple[Any, Op | Composite]]:
    """Iterate over every (function, record) pair."""
    return iter(_records.items())


def op_named(name: str) -> Op:
    """Return the op declared under `name`."""
    return _ops[name]


def declare(op: Op) -> Op:
    """Register `op` under its public function, if it has one, and return it."""
    if op.function is None:
        add(op)
    else:
        register(op.function, op)
    return op


def composite(function: Any, *samples: Any, **data: Any) -> Callable[..., Any]:
    """Decorate a body in plain NumPy: `function` is computed by it and needs no rule."""

    def decorate(body: Callable[..., Any]) -> Callable[..., Any]:
        name = data.pop("name", getattr(function, "__name__", str(function)))
        register(function, Composite(name, body, function, samples, **data))
        return body

    return decorate
