"""Doors in the code of the program's functions: methods of plain arrays that meet a traced value.

``A.dot(x)`` is a method of `A`. Where `A` is a plain array NumPy asks its argument for plain
numbers, and for nothing else. So the functions of the program that call such methods run, while a
function is traced, a copy of their code in which ``A.dot(x)`` is ``door(A, x)``. Python leaves room
behind the instruction that looks a method up, where the new ones stand; all offsets stay, and with
them the lines and columns of the source, the jumps and the handlers of exceptions.
"""

import dis
import sys
import weakref
from types import CodeType, FunctionType
from typing import Any

from .methods import METHODS

_ROOM = "LOAD_METHOD" if sys.version_info < (3, 12) else "LOAD_ATTR"
_LOOKS_UP = dis.opmap[_ROOM]
_ENTRIES: Any = dis._inline_cache_entries  # type: ignore[attr-defined]
_CACHES = _ENTRIES[_ROOM if isinstance(_ENTRIES, dict) else _LOOKS_UP]  # by name since Python 3.13
_EXTENDED, _CONST = dis.opmap["EXTENDED_ARG"], dis.opmap["LOAD_CONST"]
_SWAP, _JUMP, _NOP = dis.opmap["SWAP"], dis.opmap["JUMP_FORWARD"], dis.opmap["NOP"]

_copies: dict[int, tuple[Any, CodeType | None]] = {}  # by the identity of a code object
_owns: dict[int, tuple[Any, CodeType]] = {}  # by the identity of a copy
_running: list[tuple[FunctionType, CodeType, CodeType]] = []  # functions that run a copy


def own(code: CodeType) -> CodeType:
    """Return the code that a function has when nothing is traced."""
    found = _owns.get(id(code))
    return code if found is None else found[1]


def with_doors(code: CodeType) -> CodeType | None:
    """Return a copy of `code` with doors, or None where it calls no method that has one."""
    known = _copies.get(id(code))
    if known is not None and known[0]() is code:
        return known[1]
    inner = [with_doors(c) if isinstance(c, CodeType) else None for c in code.co_consts]
    consts = [new or c for new, c in zip(inner, code.co_consts, strict=True)]
    units = bytearray(code.co_code)
    patched = _set_doors(code, units, consts)
    copy = None
    if patched or any(inner):
        copy = code.replace(
            co_code=bytes(units), co_consts=tuple(consts), co_stacksize=code.co_stacksize + 1
        )
        _owns[id(copy)] = (weakref.ref(copy, _forget(_owns, id(copy))), code)
    _copies[id(code)] = (weakref.ref(code, _forget(_copies, id(code))), copy)
    return copy


def _forget(table: dict[int, Any], key: int) -> Any:
    return lambda _: table.pop(key, None)


def enter(functions: list[FunctionType]) -> None:
    """Let functions run their copies, until `leave`."""
    for f in functions:
        plain = f.__code__
        copy = with_doors(plain)
        if copy is not None and id(plain) not in _owns:
            _running.append((f, plain, copy))  # first: an interrupt may follow
            f.__code__ = copy


def leave() -> None:
    """Give all functions their own code back, unless the program gave them another."""
    while _running:
        f, plain, copy = entry = _running[-1]
        if f.__code__ is copy:
            f.__code__ = plain
        if _running and _running[-1] is entry:  # a signal handler may have been here
            _running.pop()


def _set_doors(code: CodeType, units: bytearray, consts: list[Any]) -> bool:
    """Write doors over the look-ups of methods; say whether there were any."""
    if METHODS.keys().isdisjoint(code.co_names):
        return False
    found, start = False, None
    for step in dis.get_instructions(code):
        if step.opcode == _EXTENDED:
            start = step.offset if start is None else start
            continue
        first, start = step.offset if start is None else start, None
        if step.opcode != _LOOKS_UP or step.argval not in METHODS:
            continue
        if _ROOM == "LOAD_ATTR" and not step.arg & 1:  # type: ignore[operator]  # no call
            continue
        found = True
        consts.append(METHODS[step.argval])
        _write(units, first, step.offset + 2 * (1 + _CACHES), len(consts) - 1)
    return found


def _write(units: bytearray, first: int, end: int, const: int) -> None:
    """Put the door under the array on the stack, where a call expects function and object."""
    new = [(_EXTENDED, const >> 8)] if const > 255 else []
    new += [(_CONST, const & 255), (_SWAP, 2)]
    left = (end - first) // 2 - len(new) - 1
    new += [(_JUMP, left)] + [(_NOP, 0)] * left
    units[first:end] = bytes(b for unit in new for b in unit)
