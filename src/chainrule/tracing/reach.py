"""Whether a function may need the third door: a look at its code, so that plain ones pay nothing.

A function made of operators, methods of arrays, NumPy's dispatched functions and other such
functions needs no door, if what it is given holds nothing but data. Anything less plain gets them:
what is not known is taken to need doors, and to write. The answer is kept with the names that it
rests on, and holds as long as these stand for the same things.
"""

import builtins
import dis
import inspect
import sys
import weakref
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

from ..core import registry
from .arrays import DOORS
from .codes import only_meets_lists, own, with_doors
from .source import inside
from .tracer import TRACERS

_DISPATCHED: tuple[Any, ...] = (np.ufunc, type(np.sum))
_NUMBERS = frozenset(
    (float, int, bool, complex, str, bytes, slice, range, type(None), type(...), np.bool_,
     *(t for t in np.sctypeDict.values() if issubclass(t, np.number)))
)
_BUILTINS = frozenset(  # those that give no list, tuple or iterator, which may hold traced values
    "len range sum max min abs isinstance print pow any all int bool round True False None".split()
)
_SEQUENCES = frozenset("tolist items values split splitlines".split())  # methods that give such
_METHODS = frozenset(n for kind in (np.ndarray, list, dict, str) for n in dir(kind))
_METHODS -= _SEQUENCES
_PARTS = frozenset(  # functions without a record of their own that give several arrays
    "split array_split hsplit vsplit dsplit gradient meshgrid broadcast_arrays unstack ix_ "
    "atleast_1d atleast_2d atleast_3d lstsq polyfit histogram "
    "histogram2d histogramdd unique unique_all unique_counts unique_inverse".split()
)
_LOADS = ("LOAD_GLOBAL", "LOAD_NAME")
_ATTRS = ("LOAD_ATTR", "LOAD_METHOD")
_LOCALS = ("LOAD_FAST", "LOAD_FAST_CHECK", "LOAD_FAST_BORROW")
_NEVER = ("IMPORT_NAME", "LOAD_BUILD_CLASS", "STORE_GLOBAL", "BUILD_LIST", "LIST_APPEND")
_AFTER_TUPLE = ("BINARY_SUBSCR", "STORE_SUBSCR", "UNPACK_SEQUENCE", "LOAD_CONST", "MAKE_FUNCTION",
                "SET_FUNCTION_ATTRIBUTE")  # fmt: skip
_CALL = [step.opname for step in dis.get_instructions(lambda f: f())]
_NULL_FIRST = _CALL.index("PUSH_NULL") < next(i for i, n in enumerate(_CALL) if n in _LOCALS)
_MISSING = object()
_STORES = ("STORE_SUBSCR", "STORE_SLICE", "DELETE_SUBSCR", "STORE_ATTR", "CALL_FUNCTION_EX")
_WRITERS = frozenset(
    "fill sort put partition itemset resize setfield setflags byteswap shuffle conj conjugate at "
    "copyto place putmask put_along_axis fill_diagonal nan_to_num out".split()
)
_ACTS = ("print", "append", "extend", "insert", "pop", "popitem", "remove", "clear", "update",
         "setdefault", "reverse", "sort")  # fmt: skip
_SHORT = frozenset(  # methods whose second argument may be the output
    "all any argmax argmin choose dot max min ptp round".split()
)
_MOST = 64  # entries of a container that are looked at, each time
_MODULES = ("numpy", "numpy.linalg", "numpy.fft")

_known: dict[int, tuple[weakref.ref[CodeType], "_Rests"]] = {}  # by the identity of a code
_records = 0


def needs_doors(function: Any, above: tuple[Any, ...] = ()) -> bool:
    """Say whether `function`, met in the closures of those `above`, may use what has a door."""
    if type(function) is not FunctionType:
        return not isinstance(function, _DISPATCHED)
    rests = _look_at(function)
    return not rests.plain or rests.star or not _holds_data(function, (*above, function))


def needed(function: Any) -> int:
    """Say which doors a function may need: NONE, those in CODE alone, or ALL."""
    if type(function) is not FunctionType:
        return NONE if isinstance(function, _DISPATCHED) else ALL
    code = function.__code__
    known = _known.get(id(code))  # as `_look_at`, for what is called often
    if known is None or known[0]() is not code or _records != registry.count() or not _hold(
        known[1], function
    ):
        rests = _look_at(function)
    else:
        rests = known[1]
    if not rests.plain or rests.star:
        return ALL
    if function.__closure__ is None and not function.__defaults__ and not function.__kwdefaults__:
        return CODE if rests.codes else NONE
    if not _holds_data(function, (function,)):
        return ALL
    return CODE if rests.codes or _holds_code(function, (function,)) else NONE


NONE, CODE, ALL = 0, 1, 2
_STAR = inspect.CO_VARARGS


def takes_any_number(function: Any) -> bool:
    """Say whether a function has an argument ``*xs``, which is a tuple of them."""
    return type(function) is FunctionType and bool(function.__code__.co_flags & _STAR)


def may_be_tried(function: Any, args: Any, kwargs: dict[str, Any]) -> bool:
    """Say whether a call that takes sequences of traced values may be tried without doors.

    It need not hand them to NumPy. If it does, a conversion raises; and as it does nothing but
    compute, it can be called again.
    """
    if type(function) is not FunctionType or kwargs:
        return False
    rests = _look_at(function)
    return (
        rests.plain and rests.only_computes
        and not rests.writes and not rests.codes and not rests.lists
        and all(_is_data(a, traced=True) for a in args)
        and _holds_data(function, (function,)) and not _holds_code(function, (function,))
    )  # fmt: skip


def was_tried(function: FunctionType) -> None:
    """Take note that a call without doors failed: there will be no other."""
    _look_at(function).only_computes = False


def _look_at(function: FunctionType) -> "_Rests":
    """Return the answer about the code of a function, as it is known or found now."""
    global _records
    if _records != registry.count():  # a function of the program may have got a record
        _records = registry.count()
        _known.clear()
    known: _Rests | None = _answer(function)
    if known is not None and _hold(known, function):
        return known
    code = own(function.__code__)
    rests = _Rests(function)
    if not inside[code.co_filename]:  # a library's own function may have a door itself
        rests.plain = _is_plain(function, code, rests, set())
    if not rests.plain:
        rests.clear()
    del rests.function
    key = id(code)
    _known[key] = weakref.ref(code, lambda _: _known.pop(key, None)), rests
    return rests


def _answer(function: FunctionType) -> Any:
    """Return what is known about the code of a function, or None."""
    code = function.__code__
    known = _known.get(id(code))
    if known is None:
        code = own(code)
        known = _known.get(id(code))
    return None if known is None or known[0]() is not code else known[1]


class _Rests(list[tuple[Any, str, Any]]):
    """An answer, and what it rests on: names, and what they stood for in whose globals.

    None are those of the function itself. It keeps neither namespaces nor data alive.
    """

    def __init__(self, function: FunctionType) -> None:
        self.function = function
        self.plain = False
        self.writes = False  # whether the code may write arrays
        self.codes = False  # whether there is code that has doors in itself
        self.lists = False  # whether they are needed where an argument is a list
        self.star = False  # whether arguments come in a tuple
        self.only_computes = True  # whether it may be called twice

    def add(self, owner: Any, name: str, value: Any) -> None:
        """Note that a name of `owner`, a module or a function, stands for `value`."""
        if type(owner) is FunctionType:
            owner = None if owner is self.function else weakref.ref(owner)
        if type(value) is FunctionType:
            value = weakref.ref(value)
        elif _is_data(value):
            value = _is_data
        self.append((owner, name, value))


def _hold(rests: _Rests, function: FunctionType) -> bool:
    """Say whether all names stand for what they stood for, or still for data."""
    own_names = function.__globals__
    for owner, name, value in rests:
        space = own_names if owner is None else _space(owner)
        now = space.get(name, _MISSING)
        if now is value:
            continue
        if value is _is_data:
            if type(now) not in _NUMBERS and not _is_data(now):
                return False
        elif type(value) is weakref.ref:
            if now is not value() or not _holds_still(now):
                return False
        else:
            return False
    return True


def _space(owner: Any) -> dict[str, Any]:
    if type(owner) is ModuleType:
        return vars(owner)
    if type(owner) is weakref.ref:
        owner = owner()
        return {} if owner is None else owner.__globals__  # type: ignore[no-any-return]
    return vars(owner)


def _holds_still(function: Any) -> bool:
    """Say whether a function that is called still holds nothing but data."""
    return _holds_data(function, (function,))


def plain_arguments(args: Any, kwargs: dict[str, Any]) -> bool:
    """Say whether arguments are data, and no sequence of them holds a traced value."""
    for a in args:
        kind = type(a)
        if kind not in TRACERS and kind not in _NUMBERS and not _is_data(a):
            return False
    return not kwargs or all(map(_is_data, kwargs.values()))


def may_write(function: Any, above: tuple[Any, ...] = ()) -> bool:
    """Say whether `function` might write into an array that the caller holds by another name."""
    if needs_doors(function, above):
        return True
    if type(function) is not FunctionType:
        return False
    if _answer(function).writes:
        return True
    held = _values_held(function)
    above = (*above, function)
    return any(
        isinstance(v, _DISPATCHED)  # called by a name that tells nothing
        or (type(v) is FunctionType and v not in above and may_write(v, above))
        for v in held
    )


def _holds_code(function: FunctionType, above: tuple[Any, ...]) -> bool:
    """Say whether a function, the last of `above`, holds functions that may have doors in code."""
    for v in _values_held(function):
        if type(v) is FunctionType and v not in above and (
            needs_doors(v, above) or _answer(v).codes or _holds_code(v, (*above, v))
        ):
            return True
    return False


def _values_held(function: FunctionType) -> list[Any]:
    if not (function.__closure__ or function.__defaults__ or function.__kwdefaults__):
        return []
    held = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
    return held + [cell.cell_contents for cell in function.__closure__ or ()]


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
            short |= value in _SHORT or any(map(_is_short, found))
        if name in ("KW_NAMES", "LOAD_CONST") and type(value) is tuple and "out" in value:
            return True
        if name in ("CALL", "PRECALL", "CALL_KW"):
            named = before.argval if type(before.argval) is tuple else ()
            most = max(most, step.arg - len(named))  # type: ignore[operator]
    return most >= (2 if short else 3)


def _is_short(function: Any) -> bool:
    """Say whether the second argument of a function may be its output."""
    if type(function) is np.ufunc:
        return bool(function.nin == 1)
    if not isinstance(function, _DISPATCHED):
        return False
    return "out" in list(inspect.signature(function).parameters)[:2]


def _holds_data(function: FunctionType, above: tuple[Any, ...]) -> bool:
    """Say whether closure and defaults hold nothing but data and plain functions."""
    try:
        held = _values_held(function)
    except ValueError:  # a cell that is still empty
        return False
    for v in held:
        if not (
            _is_data(v)
            or (isinstance(v, _DISPATCHED) and v not in DOORS)
            or (type(v) is FunctionType and (v in above or not needs_doors(v, above)))
        ):
            return False
    return True


def _is_data(value: Any, depth: int = 0, traced: bool = False) -> bool:
    """Say whether a value is of numbers and text only, with no methods but those of Python.

    Traced values may stand in a sequence where it says so.
    """
    kind = type(value)
    if kind in _NUMBERS:
        return True
    if kind is np.ndarray:
        return not value.dtype.hasobject
    if kind in TRACERS:
        return traced or depth == 0
    if kind not in _CONTAINERS or len(value) > _MOST or depth > _DEEPEST:
        return False
    inner = 0 if kind is dict and depth == 0 else depth + 1
    for v in value.values() if kind is dict else value:
        kind = type(v)
        if kind in _NUMBERS or (kind in TRACERS and not inner):
            continue
        if not _is_data(v, inner, traced):
            return False
    return True


_CONTAINERS = (list, tuple, dict)
_DEEPEST = 4


def _is_plain(
    function: FunctionType, code: CodeType, rests: Any, seen: set[CodeType], outer: bool = True
) -> bool:
    """Look at every instruction; collect the global names that the answer rests on."""
    seen.add(code)
    if code.co_flags & inspect.CO_VARKEYWORDS:
        return False
    if code.co_flags & inspect.CO_VARARGS:
        rests.star = True
    if _writes(function, code):
        rests.writes = True
    if with_doors(code) is not None:
        if only_meets_lists(code):  # such code makes none, so only arguments may be lists
            rests.lists = True
        else:
            rests.codes = True
    before, module = "", None
    after_tuple = (*_AFTER_TUPLE, "RETURN_VALUE") if outer else _AFTER_TUPLE
    for step in dis.get_instructions(code):
        name, value = step.opname, step.argval
        if before == "BUILD_TUPLE" and name not in after_tuple:
            return False
        if name == "STORE_DEREF" or value in _ACTS:
            rests.only_computes = False
        if module is not None:  # which the instruction before left on the stack
            owner = module
            module = vars(owner).get(value, _MISSING) if name in _ATTRS else _MISSING
            rests.add(owner, value, module)
            if isinstance(module, ModuleType):
                if not _is_known_module(module):
                    return False
            elif module is None or isinstance(module, float) or _gives_array(module):
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
        elif name in _NEVER:
            return False
        elif (before == "PUSH_NULL" and name in _LOCALS) if _NULL_FIRST else (
            name == "PUSH_NULL" and before.endswith((*_LOCALS, "BINARY_SUBSCR", "BINARY_OP"))
        ):
            return False  # an argument is called, or an item of one, whatever it is
        before = name
    inner = [c for c in code.co_consts if isinstance(c, CodeType)]
    return all(_is_plain(function, c, rests, seen, outer=False) for c in inner)


def _is_known_module(module: ModuleType) -> bool:
    name = module.__name__
    return name in _MODULES and module is sys.modules.get(name)


def _gives_array(value: Any) -> bool:
    """Say whether NumPy dispatches a function, and it gives one array."""
    if not isinstance(value, _DISPATCHED) or value in DOORS:
        return False
    if type(value) is np.ufunc:
        return bool(value.nout == 1)
    record = registry.find(value)
    return value.__name__ not in _PARTS and not getattr(record, "outputs", 0)


def _is_plain_name(function: FunctionType, name: str, rests: Any, seen: set[CodeType]) -> bool:
    value = function.__globals__.get(name, _MISSING)
    rests.add(function, name, value)
    if value is _MISSING:
        found = getattr(builtins, name, None)
        return name in _BUILTINS or (isinstance(found, type) and issubclass(found, BaseException))
    if isinstance(value, ModuleType):
        return _is_known_module(value)
    if isinstance(value, _DISPATCHED):
        return _gives_array(value)
    if type(value) is FunctionType:
        code = own(value.__code__)
        if inside[code.co_filename] or registry.find(value) is not None:
            return False
        return code in seen or (
            _is_plain(value, code, rests, seen, outer=False)
            and _holds_data(value, (function, value))
        )
    return _is_data(value)
