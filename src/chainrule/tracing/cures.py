"""The cure for the very call that asked for plain numbers, in the user's own text.

An error is made deep inside; what the user can write instead hangs on the line of the user's own
program, and on the call under way there. The instruction tells its columns, the columns its
expression, the frame what its names stand for.
"""

import ast
import copy
import numbers
import sys
import types
from types import FrameType
from typing import Any

import numpy as np

from .calls import Names, expression, grouped, text_of, traces
from .cure_rules import rule_for
from .source import inside, own_frame

ARRAY, NUMBER, COMPLEX, KEY, BYTES = "array", "number", "complex", "key", "bytes"
CALL = "call"  # of a function without a rule

_ARRAYS = (np.array, np.asarray, np.asanyarray, np.ascontiguousarray, np.asfortranarray)
_ANSWERED = ("math", "cmath", "statistics", "__main__")
_DISPLAYS = (ast.List, ast.Tuple)
_WRITERS = ("fill", "put", "__setitem__", "itemset", "setfield", "at")
_NUMPY = {  # what NumPy calls otherwise than `math` and `cmath` do
    "acos": "arccos", "asin": "arcsin", "atan": "arctan", "atan2": "arctan2", "pow": "power",
    "acosh": "arccosh", "asinh": "arcsinh", "atanh": "arctanh", "fabs": "abs", "phase": "angle",
}  # fmt: skip
_WRITTEN = {  # what is to be written for the other functions; 0, 1: the arguments
    "math.fsum": "{np}.sum({0})",
    "math.dist": "{np}.linalg.norm({0} - {1})",
    "math.gamma": "scipy.special.gamma({0})",
    "math.lgamma": "scipy.special.gammaln({0})",
    "math.erf": "scipy.special.erf({0})",
    "math.erfc": "scipy.special.erfc({0})",
    "math.comb": "scipy.special.comb({0}, {1})",
    "math.perm": "scipy.special.perm({0}, {1})",
    "math.factorial": "scipy.special.factorial({0})",
    "math.remainder": "({0} - {1} * {np}.round({0} / {1}))",
    "math.fma": "({0} * {1} + {2})",
    "cmath.rect": "{0} * {np}.exp(1j * {1})",
    "cmath.polar": "({np}.abs({0}), {np}.angle({0}))",
    "numpy.fromiter": "{np}.stack(list({0}))",
    "statistics.mean": "{np}.mean({0})",
    "statistics.fmean": "{np}.mean({0})",
    "statistics.median": "{np}.median({0})",
    "statistics.variance": "{np}.var({0}, ddof=1)",
    "statistics.stdev": "{np}.std({0}, ddof=1)",
    "statistics.pvariance": "{np}.var({0})",
    "statistics.pstdev": "{np}.std({0})",
    "statistics.geometric_mean": "{np}.exp({np}.mean({np}.log({0})))",
    "statistics.correlation": "{np}.corrcoef({0}, {1})[0, 1]",
    "statistics.covariance": "{np}.cov({0}, {1})[0, 1]",
}


def cure(kind: str, otherwise: str = "") -> str:
    """Say what to write in the place of the call that is under way in the user's program.

    Where no line of it is (a library's function is differentiated as it stands), `otherwise`.
    """
    frame = own_frame(sys._getframe(1))
    if frame is None or _is_outside(frame):
        return otherwise or _general("chainrule", kind)
    return cure_at(frame, kind)


def _is_outside(own: FrameType) -> bool:
    """Say whether a frame is that of the derivative's call, not one of the traced function's."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and frame is not own:
        if frame.f_code.co_name == "_run_traced":
            return True
        frame = frame.f_back
    return False


def cure_at(frame: FrameType, kind: str, offset: int | None = None) -> str:
    """As `cure`, for an instruction of a frame."""
    names = Names(frame, offset)
    node = expression(frame, offset)
    if node is None:
        return _general(names.library, kind)
    if kind == KEY:
        return _key(node, names)
    if type(node) is ast.Call:
        return _call(node, names, kind)
    made = _operand(node, names) if kind == ARRAY else ""
    if made:
        return made
    if type(node) is ast.Attribute and kind == BYTES:
        taken = ast.Attribute(names.frozen(node.value), node.attr)
        return f"where no derivative is meant, write {text_of(taken)}"
    return _general(names.library, kind)


def _operand(node: Any, names: Names) -> str:
    """Answer for ``w * [a, b]``: NumPy makes an array of a list beside a plain one."""
    if isinstance(node, ast.BinOp):
        return _as_arrays([node.left, node.right], names)
    return _as_arrays([node.left, *node.comparators], names) if type(node) is ast.Compare else ""


def _as_arrays(operands: list[Any], names: Names) -> str:
    """Say that arrays are to be made of the lists among some operands.

    Where none is known to be one, it is said of those that may be.
    """
    values = [None if isinstance(v := names.value(x), property) else v for x in operands]
    pairs = list(zip(operands, values, strict=True))
    made = [x for x, v in pairs if type(x) in _DISPLAYS or isinstance(v, list | tuple)]
    if not made and not any(map(traces, values)):
        made = [x for x, v in pairs if v is None and _may_be_list(x, names)]
    told = [f"{names.numpy}.array({text_of(x)}) in the place of {text_of(x)}" for x in made]
    return f"write {' and '.join(told)}" if told else ""


def _may_be_list(node: Any, names: Names) -> bool:
    """Say whether nothing tells that an expression, whose value is not known, is no list."""
    if type(node) in (ast.Constant, ast.Starred) or type(getattr(node, "ctx", None)) is ast.Store:
        return False  # the array of ``y += x``
    if type(node) is ast.BinOp:  # lists are joined and repeated
        sides = [s for s in (node.left, node.right) if type(s) is not ast.Constant]
        return all(_may_be_list(s, names) for s in sides)
    while type(node) in (ast.Subscript, ast.Attribute):
        node = node.value
    return not isinstance(names.value(node), np.ndarray | numbers.Number)


def _is_operator(function: Any) -> bool:
    """Say whether a function does with an array and a list what an operator does."""
    if function is pow or function is divmod or getattr(function, "__module__", 0) == "_operator":
        return True
    if getattr(function, "__objclass__", None) is np.ufunc:
        return str(function.__name__) == "outer"
    return isinstance(function, types.WrapperDescriptorType) and function.__objclass__ is np.ndarray


def is_given_traced(frame: FrameType, offset: int) -> bool:
    """Say whether an instruction calls a compiled function, of no known library, on a tracer."""
    node, names = expression(frame, offset), Names(frame)
    if type(node) is not ast.Call:
        return False
    function = names.value(node.func)
    known = isinstance(function, type | types.FunctionType | types.MethodType)
    if function is None or known or _is_of_library(function):
        return False
    module = getattr(function, "__module__", None) or ""
    ours = module in _ANSWERED or module.split(".")[0] == "numpy"
    given = [*node.args, *(k.value for k in node.keywords)]
    return not ours and any(map(names.is_traced, given))


def store(frame: FrameType | None, result: bool = False) -> str:
    """Say what to write for ``y[i] = x`` of a line, where y is a plain array.

    With `result` the line computes ``f(x, out=y)`` or ``y += x``.
    """
    frame = own_frame(frame)
    node = None if frame is None else expression(frame)
    if type(node) is ast.Call:  # np.put(y, i, x), np.sin(x, out=y)
        names = Names(frame)  # type: ignore[arg-type]
        function = names.value(node.func)
        writes = _is_of_numpy(function) or _is_operator(function)
        if not (writes or _is_outside(frame)):  # type: ignore[arg-type]
            return _any_call(node, names, None)  # the store is in the function itself
        named = [k.value for k in node.keywords if k.arg == "out"]
        node = (named or [*node.args, None])[0]
    while type(node) in (ast.Subscript, ast.Starred):
        node = node.value  # type: ignore[union-attr]
    if isinstance(node, ast.Attribute) and node.attr in _BY_LABEL:
        return (
            f"write own = np.copy({text_of(node.value)}) in the function that is differentiated, "
            f"store into own, by position, in the place of {text_of(node)}, and go on with own"
        )
    unknown = frame is None or type(node) not in (ast.Name, ast.Attribute)
    name = node.id if isinstance(node, ast.Name) else ""
    held = None if frame is None else frame.f_locals.get(name)
    if getattr(getattr(held, "dtype", None), "names", None):
        return (
            f"keep each field in an array of its own: fields = {{name: np.copy({name}[name]) "
            f"for name in {name}.dtype.names}}, and write fields[…] in the place of {name}[…]"
        )
    if frame is not None and not unknown and not _is_outside(frame):
        return _given(name, held, frame) or _owned(node, Names(frame))
    return (
        ("write y[...] = y + x in the place of y += x; or " if result else "")
        + "make the array in the traced function itself: np.zeros_like(x), np.zeros(n), or "
        "np.copy(data) of plain data; where no derivative is meant, store "
        "chainrule.stop_gradient(x)"
    )


def _is_of_numpy(function: Any) -> bool:
    """Say whether a function may be known to write into an argument."""
    module = getattr(function, "__module__", None) or ""
    return (
        function is None or isinstance(function, np.ufunc) or module.split(".")[0] == "numpy"
        or getattr(function, "__objclass__", None) in (np.ufunc, np.ndarray)
    )  # fmt: skip


_BY_LABEL = ("loc", "iloc", "at", "iat")  # of pandas


def _given(name: str, held: Any, frame: FrameType) -> str:
    """Say who is to own an array that a function was given: of a copy in it no other would know."""
    if not _is_parameter(name, frame) or type(held) is not np.ndarray:
        return ""
    given = frame
    while _is_parameter(name, given) and (caller := given.f_back) is not None:
        if inside[caller.f_code.co_filename]:  # the function itself is differentiated
            return ""
        found = [n for n, v in caller.f_locals.items() if v is held]
        if not found:
            break
        given, name = caller, found[0]
    names, where = Names(given), given.f_code.co_name
    if given is frame:
        return (
            f"give {frame.f_code.co_name} an array that was made in the function that is "
            f"differentiated, by {names.numpy}.zeros(…) or {names.numpy}.copy(…), and go on with "
            f"that one; where no derivative is meant, store {names.library}.stop_gradient(…)"
        )
    return (
        f"in {where}, write {name} = {names.numpy}.copy({name}) before it calls "
        f"{frame.f_code.co_name}: the array is then made in the function that is differentiated; "
        f"where no derivative is meant, store {names.library}.stop_gradient(…)"
    )


def _is_parameter(name: str, frame: FrameType) -> bool:
    code = frame.f_code
    return name in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]


def _owned(node: Any, names: Names) -> str:
    """Say how the function comes to own an array that it stores into."""
    held = text_of(node)
    end = f"; where no derivative is meant, store {names.library}.stop_gradient(…)"
    if type(node) is ast.Name and node.id in names.own:
        return (
            f"write {held} = {names.numpy}.copy({held}) before it, in the function that is "
            f"differentiated: it then owns the array{end}"
        )
    return (
        f"write own = {names.numpy}.copy({held}) in the function that is differentiated, and store "
        f"into own in the place of {held}{end}"
    )


def frozen_call(call: ast.Call, names: Names) -> str:
    """Write a call with its traced arguments as plain values."""
    found = copy.copy(call)
    given = [*call.args, *(k.value for k in call.keywords)]
    known = any(map(names.is_traced, given))
    if not known and type(call.func) is ast.Attribute and names.is_traced(call.func.value):
        found.func = ast.Attribute(names.frozen(call.func.value), call.func.attr)
        return text_of(found)

    def one(a: Any) -> Any:
        named = any(type(part) in _NAMED for part in ast.walk(a))
        if not named or (known and not names.is_traced(a)):
            return a
        starred = type(a) is ast.Starred
        return ast.Starred(names.frozen(a.value)) if starred else names.frozen(a)

    found.args = [one(a) for a in call.args]
    found.keywords = [ast.keyword(k.arg, one(k.value) if known else k.value) for k in call.keywords]
    return text_of(found)


_NAMED = (ast.Name, ast.Attribute)

# --- one answer for each kind of call ----------------------------------------------------------


def _call(call: ast.Call, names: Names, kind: str) -> str:
    function = names.value(call.func)
    if kind == CALL:
        return _any_call(call, names, None)
    written = _in_numpy(call, names, function)
    if written:
        return written
    if kind == BYTES and type(call.func) is ast.Attribute and call.func.attr == "resize":
        return _resized(call.func.value, call, names)
    if kind == BYTES and not isinstance(function, type):
        return f"where no derivative is meant, write {frozen_call(call, names)}"
    product = _dot(call)
    if product and type(call.func) is not ast.Name and kind == ARRAY:
        return product
    if kind == ARRAY and _is_operator(function) and (made := _as_arrays(call.args, names)):
        return made
    if any(function is f for f in _ARRAYS):
        return _array(call, names)
    array = call.func.value if type(call.func) is ast.Attribute else None
    if array is not None and call.func.attr in _WRITERS:  # type: ignore[attr-defined]
        array = call.args[0] if call.func.attr == "at" and call.args else array  # type: ignore
        if isinstance(names.value(array), np.ndarray):
            return _owned(array, names)
    if isinstance(function, type) and len(call.args) == 1 and not call.keywords:
        return _number(call, names, function)
    return _any_call(call, names, function)


def _resized(array: Any, call: ast.Call, names: Names) -> str:
    """Write what y.resize(n) makes of y: the numbers that fit, and zeros."""
    y, lib = text_of(array), names.numpy
    shape = text_of(call.args[0] if len(call.args) == 1 else ast.Tuple(call.args))
    size = f"{lib}.prod({shape})"
    made = f"{lib}.append({y}, {lib}.zeros({size}))[:{size}].reshape({shape})"
    return f"write {y} = {made} in the place of {text_of(call)}"


def _any_call(call: ast.Call, names: Names, function: Any) -> str:
    """Answer for a function of which only its name is known."""
    frozen = f"where no derivative is meant, {frozen_call(call, names)}"
    if isinstance(function, type) or _is_of_library(function):
        return f"compute with NumPy instead; or, {frozen}"
    hidden = [k.arg for k in call.keywords if k.arg and names.is_traced(k.value)]
    if hidden:
        return (
            f"give {text_of(call.func)} a rule by {names.library}.custom_rule, and pass "
            f"{' and '.join(hidden)} by position, since a rule knows these; or, {frozen}"
        )
    place = f"in the place of {text_of(call)}{names.part} " if names.part else ""
    return (
        f"give {text_of(call.func)} a rule: {place}write {rule_for(call, names)}, in which … is ct "
        f"times its derivative, in NumPy; or, {frozen}"
    )


def _is_of_library(function: Any) -> bool:
    """Say whether a function is of the standard library, where results are no arrays."""
    of = getattr(function, "__self__", None)
    held = "" if of is None else type(of).__module__
    module = (getattr(function, "__module__", None) or held).split(".")[0].lstrip("_")
    return module not in _ANSWERED and module in sys.stdlib_module_names


def _array(call: ast.Call, names: Names) -> str:
    """Answer for np.array of numbers, of rows of numbers, of one array."""
    if not call.args:
        return _general(names.library, ARRAY)
    x = call.args[0]
    value = names.value(x)
    if type(x) in _DISPLAYS or type(x) is ast.ListComp or isinstance(value, list | tuple):
        return f"write {_stacked(x, names)} in the place of {text_of(call)}"
    if traces(value):
        return f"write {names.numpy}.copy({text_of(x)}) in the place of {text_of(call)}"
    return _any_call(call, names, None)


def _stacked(x: Any, names: Names) -> str:
    if type(x) in _DISPLAYS:
        parts = [_stacked(e, names) if type(e) in _DISPLAYS else text_of(e) for e in x.elts]
        return f"{names.numpy}.stack([{', '.join(parts)}])"
    value = names.value(x)
    if isinstance(value, list | tuple) and value and isinstance(value[0], list | tuple):
        return f"{names.numpy}.stack([{names.numpy}.stack(row) for row in {text_of(x)}])"
    return f"{names.numpy}.stack({text_of(x)})"


def _in_numpy(call: ast.Call, names: Names, function: Any) -> str:
    """Write a call of `math` and its like in NumPy, or "" where NumPy has no such thing."""
    module, name = getattr(function, "__module__", None) or "", getattr(function, "__name__", "")
    if call.keywords or (name != "hypot" and any(type(a) is ast.Starred for a in call.args)):
        return ""
    written = _WRITTEN.get(f"{module}.{name}", "")
    if written:
        args = [grouped(a) for a in call.args]
        if any(f"{{{k}}}" in written for k in range(len(args), 3)):
            return ""
        return f"write {written.format(*args, np=names.numpy)} in the place of {text_of(call)}"
    other = _NUMPY.get(name, name)
    if module not in ("math", "cmath") or not hasattr(np, other):
        return ""
    args = [grouped(a) + " + 0j" * (module == "cmath" and name != "phase") for a in call.args]
    return f"write {names.numpy}.{other}({', '.join(args)}) in the place of {text_of(call)}"


def _number(call: ast.Call, names: Names, kind: type) -> str:
    """Answer for float(x), complex(x), Decimal(x): the value itself is the number."""
    x, call_text = grouped(call.args[0]), text_of(call)
    if issubclass(kind, complex | np.complexfloating):
        return f"write ({x} + 0j) in the place of {call_text}"
    if kind in (np.bool_, bool):
        return f"write ({x} != 0) in the place of {call_text}"
    if issubclass(kind, np.integer):
        return f"write {names.numpy}.trunc({text_of(call.args[0])}) in the place of {call_text}"
    number = issubclass(kind, numbers.Number | np.floating) or hasattr(kind, "from_float")
    if number or kind.__module__ in ("ctypes", "_ctypes"):
        taken = f"write {x} in the place of {call_text}"
        return f"{taken}; or, where no derivative is meant, {frozen_call(call, names)}"
    return _any_call(call, names, kind)


def _key(node: Any, names: Names) -> str:
    """Answer for a dictionary, a set or a cache, which ask for the number alone."""
    if type(node) is ast.Call:
        function = names.value(node.func)
        if hasattr(function, "cache_info") and hasattr(function, "__wrapped__"):
            whole = copy.copy(node)
            whole.func = ast.Attribute(node.func, "__wrapped__")
            return f"leave the cache out: write {text_of(whole)} in the place of {text_of(node)}"
        if type(function) is type and function in (set, frozenset):
            return f"write {frozen_call(node, names)}: which members there are does not vary"
        if type(node.func) is ast.Attribute and node.func.attr in ("add", "discard", "remove"):
            return f"write {frozen_call(node, names)}: which members there are does not vary"
        if "cache" in ast.unparse(node.func):
            return f"leave the cache out: {text_of(ast.Attribute(node.func, '__wrapped__'))}(…)"
        if function is hash:
            return f"write {frozen_call(node, names)}: a hash does not vary"
    if type(node) is ast.Set:
        parts = [names.frozen(e) if names.is_traced(e) else e for e in node.elts]
        return f"write {text_of(ast.Set(parts))}: which members there are does not vary"
    if type(node) is ast.Dict:
        keys = [names.frozen(k) if k and names.is_traced(k) else k for k in node.keys]
        return f"write {text_of(ast.Dict(keys, node.values))}, and so where it is looked up"
    if type(node) is ast.Subscript:
        table = names.value(node.value)
        plain_table = type(node.value) is ast.Dict or type(table) is dict
        if type(node.ctx) is ast.Load and plain_table and not _holds_traced(table or {}):
            plain = text_of(ast.Subscript(node.value, names.frozen(node.slice), ast.Load()))
            return f"write {plain}: what a table of plain values holds does not vary"
        return f"give {text_of(node.value)} an index or a name as the key, not the number itself"
    return (
        "leave a cache out: f.__wrapped__(x) calls the function under functools.lru_cache and "
        "functools.cache; give a dict an index or a name as the key"
    )


def _holds_traced(table: dict[Any, Any]) -> bool:
    return any(traces(v) or isinstance(v, tuple | list | dict) for v in table.values())


def _dot(call: ast.Call) -> str:
    """Write the product that a line computes as ``A.dot(x)``, or "" where it does no such thing."""
    if len(call.args) != 1:
        return ""
    method, array = call.func, None
    if type(method) is ast.Attribute and method.attr == "dot":
        array = method.value
    elif type(method) is ast.Call and ast.unparse(method).replace("'", '"').startswith("getattr("):
        named = len(method.args) == 2 and ast.unparse(method.args[1]) == "'dot'"
        array = method.args[0] if named else None
    if array is None:
        return ""
    product = ast.unparse(ast.BinOp(array, ast.MatMult(), call.args[0]))
    return f"write {product}: an operator asks the traced array, a method of a plain array does not"


def _general(library: str, kind: str) -> str:
    if kind == KEY:
        return _key(None, None)  # type: ignore[arg-type]
    if kind == COMPLEX:
        return "write x + 0j, and np.exp(x) instead of cmath.exp(x)"
    return (
        f"give the function that asks for plain numbers a rule, {library}.custom_rule(f, vjp=…), "
        f"or write it with NumPy; where no derivative is meant, pass {library}.stop_gradient(x)"
    )
