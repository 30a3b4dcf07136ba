"""Whether a function may need the third door: a look at its code, so that plain ones pay nothing.

A function made of operators, methods of arrays, NumPy's dispatched functions and other such
functions needs no door. Anything less plain gets them. The answer is kept with the names that it
rests on, and holds as long as these stand for the same things.
"""

import builtins
import dis
import sys
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

from ..core import registry
from .arrays import DOORS
from .codes import own
from .methods import METHODS
from .source import inside

_DISPATCHED: tuple[Any, ...] = (np.ufunc, type(np.sum))
_DATA: tuple[Any, ...] = (float, int, str, complex, np.ndarray, np.generic, type(None))
_BUILTINS = frozenset(
    "len range enumerate zip sum max min abs sorted reversed list tuple dict isinstance print pow "
    "any all int bool round True False None".split()
)
_METHODS = frozenset(name for kind in (np.ndarray, list, dict, str) for name in dir(kind))
_METHODS -= METHODS.keys()
_LOADS = ("LOAD_GLOBAL", "LOAD_NAME")
_ATTRS = ("LOAD_ATTR", "LOAD_METHOD")
_LOCALS = ("LOAD_FAST", "LOAD_FAST_CHECK", "LOAD_FAST_BORROW")
_NEVER = ("IMPORT_NAME", "LOAD_BUILD_CLASS", "STORE_GLOBAL", "BUILD_LIST", "LIST_APPEND")
_AFTER_TUPLE = ("BINARY_SUBSCR", "STORE_SUBSCR", "RETURN_VALUE", "UNPACK_SEQUENCE", "LOAD_CONST",
                "MAKE_FUNCTION")  # fmt: skip
_CALL = [step.opname for step in dis.get_instructions(lambda f: f())]
_NULL_FIRST = _CALL.index("PUSH_NULL") < next(i for i, n in enumerate(_CALL) if n in _LOCALS)
_MISSING = object()
_WRITES: dict[str, Any] = {}  # stands among what an answer rests on: the code may write arrays
_STORES = ("STORE_SUBSCR", "STORE_SLICE", "DELETE_SUBSCR", "STORE_ATTR", "CALL_FUNCTION_EX")
_WRITERS = frozenset(
    "fill sort put partition itemset resize setfield setflags byteswap shuffle conj conjugate at "
    "copyto place putmask put_along_axis fill_diagonal nan_to_num out".split()
)
_SHORT = frozenset("dot max min round".split())  # whose second argument may be the output
_MODULES = ("numpy", "numpy.linalg", "numpy.fft")

Rests = tuple[tuple[dict[str, Any], str, Any], ...]
_known: dict[CodeType, Rests | None] = {}
_records = 0


def needs_doors(function: Any, above: tuple[Any, ...] = ()) -> bool:
    """Say whether `function`, met in the closures of those `above`, may use what has a door."""
    if type(function) is not FunctionType:
        return not isinstance(function, _DISPATCHED)
    code = own(function.__code__)
    if inside[code.co_filename]:
        return True  # a library's own function may have a door itself
    global _records
    if _records != registry.count():  # a function of the program may have got a record
        _records = registry.count()
        _known.clear()
    rests = _known.get(code, _MISSING)
    if rests is not None:
        for namespace, name, value in rests if rests is not _MISSING else ():  # type: ignore[attr-defined]
            if namespace.get(name, _MISSING) is not value:
                rests = _MISSING
                break
    if rests is _MISSING:
        found: list[tuple[dict[str, Any], str, Any]] = []
        plain = _is_plain(function, code, found, set())
        if len(_known) > 4096:
            _known.clear()
        rests = _known[code] = tuple(found) if plain else None
    return rests is None or not _holds_data(function, (*above, function))


def may_write(function: Any, above: tuple[Any, ...] = ()) -> bool:
    """Say whether `function` might write into an array that the caller holds by another name."""
    if needs_doors(function, above):
        return True
    if type(function) is not FunctionType:
        return False
    if any(space is _WRITES for space, _, _ in _known[own(function.__code__)] or ()):
        return True
    held = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
    held += [cell.cell_contents for cell in function.__closure__ or ()]
    above = (*above, function)
    return any(type(v) is FunctionType and v not in above and may_write(v, above) for v in held)


def _writes(function: FunctionType, code: CodeType) -> bool:
    """Say whether code stores, or names or passes what might be the output of a function."""
    steps = list(dis.get_instructions(code))
    most, short = 0, False
    for step, before in zip(steps, [steps[0], *steps], strict=False):
        name, value = step.opname, step.argval
        if name in _STORES or (name == "BINARY_OP" and step.argrepr.endswith("=")):
            return True
        if name in (*_ATTRS, *_LOADS):
            if value in _WRITERS or value.startswith("__"):
                return True
            found = (vars(np).get(value), function.__globals__.get(value))
            short |= value in _SHORT or any(type(f) is np.ufunc and f.nin == 1 for f in found)
        if name in ("KW_NAMES", "LOAD_CONST") and type(value) is tuple and "out" in value:
            return True
        if name in ("CALL", "PRECALL", "CALL_KW"):
            named = before.argval if type(before.argval) is tuple else ()
            most = max(most, step.arg - len(named))  # type: ignore[operator]
    return most >= (2 if short else 3)


def _holds_data(function: FunctionType, above: tuple[Any, ...]) -> bool:
    """Say whether closure and defaults hold nothing but data and plain functions."""
    values = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
    try:
        values += [cell.cell_contents for cell in function.__closure__ or ()]
    except ValueError:  # a cell that is still empty
        return False
    return all(
        _is_data(v)
        or (type(v) is FunctionType and (v in above or not needs_doors(v, above)))
        for v in values
    )


def _is_data(value: Any) -> bool:
    if type(value) in (list, tuple):
        return all(map(_is_data, value))
    if type(value) is dict:
        return all(map(_is_data, value.values()))
    return isinstance(value, (*_DATA, *_DISPATCHED))


def _is_plain(function: FunctionType, code: CodeType, rests: Any, seen: set[CodeType]) -> bool:
    """Look at every instruction; collect the global names that the answer rests on."""
    seen.add(code)
    if _writes(function, code):
        rests.append((_WRITES, "", _MISSING))
    before, module = "", None
    for step in dis.get_instructions(code):
        name, value = step.opname, step.argval
        if module is not None:  # which the instruction before left on the stack
            module = getattr(module, value, _MISSING) if name in _ATTRS else _MISSING
            if isinstance(module, ModuleType):
                if not _is_known_module(module):
                    return False
            elif module is None or isinstance(module, float) or _is_dispatched(module):
                module = None
            else:
                return False
        elif name in _LOADS:
            if not _is_plain_name(function, value, rests, seen):
                return False
            module = function.__globals__.get(value)
            module = module if isinstance(module, ModuleType) else None
        elif name in _ATTRS:
            if value not in _METHODS:
                return False
        elif name in _NEVER or (before == "BUILD_TUPLE" and name not in _AFTER_TUPLE):
            return False
        elif (before == "PUSH_NULL" and name in _LOCALS) if _NULL_FIRST else (
            name == "PUSH_NULL" and before.endswith((*_LOCALS, "BINARY_SUBSCR", "BINARY_OP"))
        ):
            return False  # an argument is called, or an item of one, whatever it is
        before = name
    inner = [c for c in code.co_consts if isinstance(c, CodeType)]
    return all(_is_plain(function, c, rests, seen) for c in inner)


def _is_known_module(module: ModuleType) -> bool:
    name = module.__name__
    return name in _MODULES and module is sys.modules.get(name)


def _is_dispatched(value: Any) -> bool:
    return isinstance(value, _DISPATCHED) and value not in DOORS


def _is_plain_name(function: FunctionType, name: str, rests: Any, seen: set[CodeType]) -> bool:
    value = function.__globals__.get(name, _MISSING)
    rests.append((function.__globals__, name, value))
    if value is _MISSING:
        found = getattr(builtins, name, None)
        return name in _BUILTINS or (isinstance(found, type) and issubclass(found, BaseException))
    if isinstance(value, ModuleType):
        return _is_known_module(value)
    if isinstance(value, _DISPATCHED):
        return value not in DOORS
    if type(value) is FunctionType:
        code = own(value.__code__)
        if inside[code.co_filename] or registry.find(value) is not None:
            return False
        return code in seen or (
            _is_plain(value, code, rests, seen) and _holds_data(value, (function, value))
        )
    return _is_data(value)
