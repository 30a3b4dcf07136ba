"""Doors in the code of the program's functions: methods, operators, stores, ``is``.

``A.dot(x)`` is a method of `A`. Where `A` is a plain array NumPy asks its argument for plain
numbers, and for nothing else; so do ``A[i] = x`` and ``A * [x, y]``. So the functions of the
program that do such things run, while a function is traced, a copy of their code in which
``A.dot(x)`` is ``door(A, x)``, and ``A[i] = x`` is ``A = store(A, i, x)``. In the same copy
``type(v) is float`` compares what a look-alike stands for, and the class that a traced value
passes for.
"""

import dis
import sys
import weakref
from collections import deque
from itertools import repeat
from operator import is_
from types import CodeType, FunctionType
from typing import Any

from . import lent
from .identity import same
from .methods import BOUND, METHODS, OPERATORS
from .places import Store, operations_in, stores_in
from .rewrite import EXTENDED, FORWARD, NOP, Rewriting, caches, unit

_ROOM = "LOAD_METHOD" if sys.version_info < (3, 12) else "LOAD_ATTR"
_LOOKS_UP = dis.opmap[_ROOM]

_IS = dis.opmap["IS_OP"]
_CONSTANT = dis.opmap["LOAD_CONST"]

_copies: dict[int, tuple[Any, CodeType | None]] = {}  # by the identity of a code object
_bare: set[int] = set()  # the codes with a comparison by identity that had no room for a door
_listing: set[int] = set()  # the codes that have no doors but those of operators with lists
_owns: dict[int, tuple[Any, Any]] = {}  # by the identity of a copy
_running: list[tuple[FunctionType, CodeType, CodeType]] = lent.copies  # functions that run a copy


def own(code: CodeType) -> CodeType:
    """Return the code that a function has when nothing is traced."""
    found = _owns.get(id(code))
    plain = None if found is None else found[1]()
    return code if plain is None else plain  # type: ignore[no-any-return]


def with_doors(code: CodeType) -> CodeType | None:
    """Return a copy of `code` with doors, or None where it does nothing that has one."""
    known = _copies.get(id(code))
    if known is not None and known[0]() is code:
        return known[1]
    new = Rewriting(code)
    inner = [with_doors(c) if isinstance(c, CodeType) else None for c in code.co_consts]
    new.consts[:] = [door or c for door, c in zip(inner, code.co_consts, strict=True)]
    _set_method_doors(new)
    _set_store_doors(new)
    if not _set_identity_doors(new) or any(id(c) in _bare for c in code.co_consts):
        _bare.add(id(code))
    others = len(new.consts) > len(code.co_consts)
    _set_operator_doors(new)
    copy = None
    if len(new.consts) > len(code.co_consts) or any(inner):
        pairs = zip(code.co_consts, inner, strict=True)
        if not others and all(id(c) in _listing for c, door in pairs if door):
            _listing.add(id(code))
        copy = new.finish()
        _owns[id(copy)] = (weakref.ref(copy, _forget(_owns, id(copy))), weakref.ref(code))
    _copies[id(code)] = (weakref.ref(code, _forget(_copies, id(code))), copy)
    return copy


def _forget(table: dict[int, Any], key: int) -> Any:
    marks = _bare, _listing  # at the end of the interpreter the names are gone

    def forget(_: Any) -> None:
        table.pop(key, None)
        for mark in marks:
            mark.discard(key)

    return forget


def stand_in(door: CodeType, code: CodeType) -> None:
    """Take note that a function carries `door` meanwhile, and `code` at other times."""
    _owns[id(door)] = (weakref.ref(door, _forget(_owns, id(door))), weakref.ref(code))


def compares(code: CodeType) -> bool:
    """Say whether code, or code inside it, writes ``a is b``, where b is no constant."""
    units = code.co_code
    there = _IS in units[::2]  # most code has none, and the next line takes long
    asks = [k for k in range(0, len(units), 2) if units[k] == _IS] if there else []
    if any(units[k - 2] != _CONSTANT for k in asks):
        return True
    if asks and not set(asks).isdisjoint(dis.findlabels(units)):  # ``a is (b if c else None)``
        return True
    return any(compares(c) for c in code.co_consts if isinstance(c, CodeType))


def is_bare(code: CodeType) -> bool:
    """Say whether some comparison by identity in the code compares things as they are."""
    with_doors(code)
    return id(code) in _bare


def only_meets_lists(code: CodeType) -> bool:
    """Say whether all doors in the code are those of operators, for operands that are lists."""
    return with_doors(code) is not None and id(code) in _listing


def enter(functions: list[FunctionType]) -> None:
    """Let functions run their copies, until `leave`."""
    for f in functions:
        plain = f.__code__
        copy = None if id(plain) in _owns else with_doors(plain)
        if copy is not None:
            _running.append((f, plain, copy))  # first: an interrupt may follow
            f.__code__ = copy


def prepared(functions: list[FunctionType]) -> list[tuple[Any, CodeType, CodeType]]:
    """Return what `resume` needs: functions whose code has doors, their code and its copy."""
    plain = [(f, own(f.__code__)) for f in functions]
    return [(weakref.ref(f), c, copy) for f, c in plain if (copy := with_doors(c)) is not None]


def resume(entries: list[tuple[Any, CodeType, CodeType]]) -> None:
    """Do as `enter` with functions that were looked at before: a program has hundreds."""
    functions = [ref() for ref, _, _ in entries]
    plain = [code for _, code, _ in entries]
    if None not in functions and all(map(is_, [f.__code__ for f in functions], plain)):
        copies = [copy for _, _, copy in entries]
        _running.extend(zip(functions, plain, copies, strict=True))  # first: see `enter`
        deque(map(setattr, functions, repeat("__code__"), copies), 0)
        return
    for f, (_, own_code, copy) in zip(functions, entries, strict=True):
        if f is not None:
            code = f.__code__
            if code is own_code:
                _running.append((f, own_code, copy))
                f.__code__ = copy
            elif code is not copy:  # the program gave it another
                enter([f])


def leave() -> None:
    """Give all functions their own code back, unless the program gave them another."""
    while _running:
        entries = _running[:]  # a signal handler may differentiate, and be here, too
        for f, plain, copy in entries:
            if f.__code__ is copy:
                f.__code__ = plain
        del _running[: len(entries)]


def _set_method_doors(new: Rewriting) -> None:
    """Write doors over the look-ups of methods, in the room that Python leaves behind them."""
    if METHODS.keys().isdisjoint(new.code.co_names):
        return
    start = None
    for step in dis.get_instructions(new.code):
        if step.opcode == EXTENDED:
            start = step.offset if start is None else start
            continue
        first, start = step.offset if start is None else start, None
        if step.opname not in ("LOAD_ATTR", "LOAD_METHOD") or step.argval not in METHODS:
            continue
        end = step.offset + 2 * (1 + caches(step.opname))
        if step.opcode != _LOOKS_UP or (_ROOM == "LOAD_ATTR" and not step.arg & 1):  # type: ignore[operator]
            found = new.const(BOUND[step.argval]) + unit("SWAP", 2)  # no call follows at once
            new.detour(first, end, step.offset, found + call(0))
            continue
        door = new.const(METHODS[step.argval]) + unit("SWAP", 2)
        left = (end - first - len(door)) // 2 - 1
        new.units[first:end] = door + bytes((FORWARD, left)) + bytes((NOP, 0)) * left


def _set_store_doors(new: Rewriting) -> None:
    """Let stores call doors, which say what is to be bound to the name of the array."""
    for store in stores_in(new.code):
        step = store.step
        end = step.offset + 2 * (1 + caches(step.opname))
        if store.kind == "slice":  # it leaves no room: what stands before it comes along
            first = _first(store.before)
            if step.is_jump_target or "JUMP" in store.before.opname:
                continue
            body = bytes(new.units[first : step.offset]) + unit("BUILD_SLICE", 2)
            body += _call(new, store, lent.store_item)
        elif store.kind == "item":
            first, body = step.offset, _call(new, store, lent.store_item)
        else:
            first, body = step.offset, _call(new, store, lent.add_in_place)
        count = len(new.consts)
        if not new.detour(first, end, step.offset, body):
            del new.consts[count:]


def _set_operator_doors(new: Rewriting) -> None:
    """Let operators with lists that the code wrote call doors."""
    for operation in operations_in(new.code):
        step = operation.step
        end = step.offset + 2 * (1 + caches(step.opname))
        count = len(new.consts)
        body = new.const(OPERATORS[operation.sign]) + unit("SWAP", 3) + unit("SWAP", 2) + call(1)
        if not new.detour(step.offset, end, step.offset, body):
            del new.consts[count:]


def _set_identity_doors(new: Rewriting) -> bool:
    """Let ``a is b`` ask `same`; say whether all of them do that compare with no constant.

    True and False are what a comparison may be; None, and others, no traced value is.
    """
    if _IS not in new.code.co_code[::2]:
        return True
    steps = [s for s in dis.get_instructions(new.code) if s.opcode != EXTENDED]
    all_do = True
    for i, step in enumerate(steps):
        known = steps[i - 1].opcode == _CONSTANT and type(steps[i - 1].argval) is not bool
        if step.opcode == _IS and (not known or step.is_jump_target):
            count = len(new.consts)
            ask = new.const(same) + unit("SWAP", 3) + call(1)
            ask += unit("UNARY_NOT") if step.arg else b""
            if not (_with_before(new, steps, i, ask) or _with_next(new, steps, i, ask)):
                del new.consts[count:]
                all_do = False
    return all_do


def _with_before(new: Rewriting, steps: list[Any], i: int, ask: bytes) -> bool:
    """Make room for `ask`, in the place of a step, by moving what stands before it along."""
    step, moved = steps[i], steps[i - 1]
    if moved.opname == "CALL" and steps[i - 2].opname == "PRECALL":
        moved = steps[i - 2]  # the two stay together
    if step.is_jump_target or any(word in moved.opname for word in _FIXED):
        return False
    body = bytes(new.units[_first(moved) : step.offset]) + ask
    return new.detour(_first(moved), step.offset + 2, step.offset, body)


def _with_next(new: Rewriting, steps: list[Any], i: int, ask: bytes) -> bool:
    """Make room for `ask` by moving the next step along, which may be a jump on what it gave."""
    step, moved = steps[i], steps[i + 1]
    end = moved.offset + 2 * (1 + caches(moved.opname))
    if moved.is_jump_target:
        return False
    if not any(word in moved.opname for word in _FIXED):
        body = ask + bytes(new.units[_first(moved) : end])
    elif moved.opname in _OTHERWISE:
        keeps = moved.opname.endswith("OR_POP")  # until Python 3.11
        ask += unit("COPY", 1) if keeps else b""
        over = _OTHERWISE[moved.opname]
        back = new.back(len(ask) + len(unit(over)), moved.argval)
        body = ask + unit(over, len(back) // 2) + back + (unit("POP_TOP") if keeps else b"")
    else:
        return False
    return new.detour(step.offset, end, step.offset, body)


_FIXED = ("JUMP", "RESUME", "YIELD", "SEND", "FOR_ITER")
_FORWARD_IF = "POP_JUMP_FORWARD_IF_" if sys.version_info < (3, 12) else "POP_JUMP_IF_"
_OTHERWISE = {  # jumps on a truth value, and those forward on the other one
    form.format(on): _FORWARD_IF + other
    for on, other in (("TRUE", "FALSE"), ("FALSE", "TRUE"))
    for form in ("POP_JUMP_IF_{}", "POP_JUMP_FORWARD_IF_{}", "POP_JUMP_BACKWARD_IF_{}",
                 "JUMP_IF_{}_OR_POP")
}  # fmt: skip


def _first(step: Any) -> int:
    """Return where an instruction begins, with its prefix if it has one."""
    return int(getattr(step, "start_offset", step.offset - (2 if (step.arg or 0) > 255 else 0)))


def call(count: int) -> bytes:
    """Return the call of a function with an object and `count` more arguments."""
    return (unit("PRECALL", count) if sys.version_info < (3, 12) else b"") + unit("CALL", count)


def _call(new: Rewriting, store: Store, door: Any) -> bytes:
    """Call a door with what is on the stack, and bind what it returns."""
    item = door is lent.store_item
    kind, _, attributes = store.path or ("", "", ())
    out = new.const(door) + unit("SWAP", 4 if item else 3)  # door, array, key, value
    if not item:
        out += unit("SWAP", 2) + new.const(store.kind)  # door, array, value, name
    count = 2
    if store.path is not None:
        local = {"local": "LOAD_FAST", "free": "LOAD_DEREF", "cell": "LOAD_DEREF"}.get(kind)
        root = local if attributes else None
        out += new.const(None) if root is None else unit(root, store.index)
        out += new.const(store.path)
        count = 4
    out += call(count)
    if not item:
        return out
    if attributes or kind in ("", "global"):
        return out + unit("POP_TOP")
    return out + unit("STORE_FAST" if kind == "local" else "STORE_DEREF", store.index)
