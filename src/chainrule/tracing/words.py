"""Cures in the user's names: ‹x› in a cure stands for the argument x of the call at fault.

‹x 0› is the argument x, or the first one where names cannot be asked for; ‹f.x› the same in a call
of f alone; ‹callee› what is called; ‹self› that whose method is called, or the left operand; ‹held
x› the whole call with that argument as a plain value, ‹held› with all that are traced. Where the
call cannot be read, the cure's own names stand. `chainrule.` becomes what the user calls it.
"""

import ast
import builtins
import copy
import inspect
import linecache
import re
import sys
import types
from functools import lru_cache
from types import FrameType
from typing import Any

from ..errors import speakers
from .calls import Names, expression, grouped, parsed, text_of
from .cures import frozen_call
from .source import at_fault, own_frame, resolve

_SLOT = re.compile(r"‹(?:(held) ?)?(?:(\w+)\.)?(\w+)?(?: (\d))?›")
_JOINED = re.compile(r" [@*/+] |[.[]\w")  # what follows a part of an expression


def spoken(cure: str) -> str:
    """Put the user's names into a cure."""
    if "‹" not in cure and "chainrule." not in cure:
        return cure
    found = at_fault(sys._getframe(2))
    call, names = None, None
    if isinstance(found, FrameType):
        frame = own_frame(found) or found
        call, names = expression(frame), Names(frame)
    elif found is not None:
        source: Any = resolve(found)
        call = parsed(source.text)
        names = Names((_imported("".join(linecache.getlines(source.file))),))
    given = {} if call is None or names is None else _given(call, names)

    def one(slot: re.Match[str]) -> str:
        held, function, name, place = slot.groups()
        x = given.get(name, given.get(place))
        if held and type(call) is ast.Call:
            if x is None or not (function is None or _is_call_of(call, function)) or (
                _is_another(x, call, names)  # type: ignore[arg-type]
            ):
                return frozen_call(call, names)  # type: ignore[arg-type]
            return text_of(_held(call, x, names))  # type: ignore[arg-type]
        name = name or "x"
        before = cure[: slot.start()].endswith(("@ ", "* ", "/ "))
        joined = before or _JOINED.match(cure, slot.end())
        text = name if x is None else grouped(x) if joined else text_of(x)
        return f"chainrule.stop_gradient({text})" if held else text

    cure = _SLOT.sub(one, cure)
    return cure if names is None else re.sub(r"\bchainrule\.(?=\w)", f"{names.library}.", cure)


def _is_another(x: ast.expr, call: ast.Call, names: Names) -> bool:
    """Say whether it is other arguments of a call than `x` that are traced."""
    given = [*call.args, *(k.value for k in call.keywords)]
    return not names.is_traced(x) and any(map(names.is_traced, given))


def _is_call_of(call: Any, function: str) -> bool:
    return type(call) is ast.Call and ast.unparse(call.func).split(".")[-1] == function


def _held(call: ast.Call, x: ast.expr, names: Names) -> ast.Call:
    """Write a call with one of its arguments as a plain value."""
    found = copy.copy(call)
    found.args = [names.frozen(a) if a is x else a for a in call.args]
    found.keywords = [
        ast.keyword(k.arg, names.frozen(x)) if k.value is x else k for k in call.keywords
    ]
    return found


def _given(call: Any, names: Names) -> dict[str | None, ast.expr]:
    """Return the arguments of a call by their names, and by their places."""
    if type(call) is ast.Attribute:
        return {"self": call.value}
    if type(call) is ast.BinOp:
        return {"self": call.left, "0": call.right}
    if type(call) is not ast.Call or any(type(a) is ast.Starred for a in call.args):
        return {}
    found: dict[str | None, ast.expr] = {k.arg: k.value for k in call.keywords}
    found["callee"] = call.func
    found |= {str(k): a for k, a in enumerate(call.args)}
    of = call.func.value if type(call.func) is ast.Attribute else None
    if of is not None and not isinstance(names.value(of), types.ModuleType | type):
        found["self"] = of
    try:
        params = [p for p in inspect.signature(names.value(call.func)).parameters if p != "self"]
    except (TypeError, ValueError):  # a compiled function, or not known
        params = []
    return dict(zip(params, call.args, strict=False)) | found


@lru_cache(maxsize=64)
def _imported(source: str) -> dict[str, Any]:
    """Return what the imports of a file stand for."""
    found: dict[str, Any] = dict(vars(builtins))
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except (SyntaxError, ValueError):
        return found
    for node in nodes:
        if type(node) is ast.Import:
            for a in node.names:
                name = a.name if a.asname else a.name.split(".")[0]
                found[a.asname or name] = sys.modules.get(name)
        elif type(node) is ast.ImportFrom:
            of = sys.modules.get(node.module or "")
            found |= {a.asname or a.name: getattr(of, a.name, None) for a in node.names}
    return found


speakers.append(spoken)
