"""What functions read besides their arguments, as a print that tells whether it has changed."""

from types import FunctionType, MethodType
from typing import Any

import numpy as np

from .names import original
from .source import inside
from .tracer import CONSTANT, TRACERS

_MOST, _DEEPEST = 64, 4
_Print = tuple[Any, ...]


def taken_of(functions: Any) -> _Print:
    """Take down what `functions` read: closures, globals, defaults, and what these hold.

    Arrays are copied. Of what is neither data nor an object of the program the identity counts.
    """
    seen: dict[int, Any] = {}
    return tuple(_taken(f, 0, seen) for f in functions)


def same(one: _Print, other: _Print) -> bool:
    """Say whether two prints are equal, NaN being equal to itself."""
    if type(one) is not tuple or type(other) is not tuple:
        if type(one) is not np.ndarray or type(other) is not np.ndarray:
            return one is other or (type(one) is type(other) and bool(one == other))
        return one.shape == other.shape and one.dtype == other.dtype and (
            one.tobytes() == other.tobytes()
        )  # fmt: skip
    return len(one) == len(other) and all(map(same, one, other))


class _Same:
    """Stands for an object by its identity."""

    __slots__ = ("held",)

    def __init__(self, held: Any) -> None:
        self.held = held

    def __eq__(self, other: object) -> bool:
        return type(other) is _Same and self.held is other.held

    __hash__ = None  # type: ignore[assignment]


def _taken(value: Any, depth: int, seen: dict[int, Any]) -> Any:
    value = original(value)
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind in TRACERS and value.cr_owner is CONSTANT:
        value = value.cr_value
        kind = type(value)
    if issubclass(kind, np.generic) and not value.dtype.hasobject:
        return value.tobytes()
    if id(value) in seen or depth > _DEEPEST:
        return _Same(value)
    seen[id(value)] = value
    if kind in TRACERS:
        return _Same(value), _Same(value.cr_node)
    if issubclass(kind, np.ndarray):
        return _Same(value) if value.dtype.hasobject else np.array(value)
    parts = _parts(value, kind)
    if parts is None or len(parts) > _MOST:
        return _Same(value)
    return (kind, *(_taken(part, depth + 1, seen) for part in parts))


def _parts(value: Any, kind: type) -> list[Any] | None:
    if kind is list or kind is tuple:
        return list(value)
    if kind is dict:
        return [*value.keys(), *value.values()]
    if kind is MethodType:
        return [value.__self__, value.__func__]
    if kind is FunctionType:
        return None if inside[value.__code__.co_filename] else _read_by(value)
    held = getattr(value, "__dict__", None)
    if type(held) is not dict or issubclass(kind, type):
        return None
    if kind.__module__.split(".")[0] in _LIBRARIES:
        return None
    return [*held.keys(), *held.values()]


def _read_by(function: FunctionType) -> list[Any]:
    names = set()
    todo = [function.__code__]
    while todo:
        code = todo.pop()
        names |= set(code.co_names)
        todo += [c for c in code.co_consts if type(c) is type(code)]
    held = [function.__globals__[n] for n in sorted(names & function.__globals__.keys())]
    held += [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
    for cell in function.__closure__ or ():
        try:
            held.append(cell.cell_contents)
        except ValueError:  # still empty
            continue
    return held


_LIBRARIES = ("numpy", "scipy", "builtins", "chainrule")
_PLAIN = frozenset((float, int, bool, complex, str, bytes, type(None)))
