"""Where code has stores and operators with lists, and by what name it comes by an array."""

import dis
from collections.abc import Collection, Iterable
from types import CodeType
from typing import Any, NamedTuple

Step = tuple[str, Any, int, Any]  # name, operand, effect on the stack, instruction


class Store(NamedTuple):
    """A store: where it stands, what it does, and how the code names the array, if it does.

    `path` is (kind of variable, its name, attributes); `index` is the operand that loads a local.
    """

    step: Any
    before: Any
    kind: str  # "item", "slice", or the name of a function of `operator`, such as "iadd"
    path: tuple[str, str, tuple[Any, ...]] | None
    index: int


class Operation(NamedTuple):
    """An operator, one of whose operands may be a list that the code wrote."""

    step: Any
    sign: str


def stores_in(code: CodeType) -> list[Store]:
    """Return the stores into items of a code object, and the additions in place and their like."""
    if not _has(code, _STORES, _IN_PLACE):
        return []
    steps = _steps(code)
    found = []
    for i, (name, operand, _, step) in enumerate(steps):
        before = steps[i - 1][3]
        if name in ("STORE_SUBSCR", "STORE_SLICE"):
            at = _container(steps, i, 2 if name == "STORE_SUBSCR" else 3)
            kind = "item" if name == "STORE_SUBSCR" else "slice"
            found.append(Store(step, before, kind, *_path(code, steps, at, i)))
        elif name == "BINARY_OP" and operand in _IN_PLACE and i + 1 < len(steps):
            after = steps[i + 1][0]
            if after == "SWAP":
                item = not steps[i + 2][0].startswith("STORE_ATTR")
                at = None if item else _left(steps, i)
            elif after.startswith(("STORE_GLOBAL", "STORE_DEREF")):
                item, at = False, _left(steps, i)
            else:
                continue
            path, index = (None, 0) if item else _path(code, steps, at, i)
            if item or path is not None:
                found.append(Store(step, before, _IN_PLACE[operand], path, index))
    return found


def operations_in(code: CodeType) -> list[Operation]:
    """Return the operators of a code object with an operand that may be a list.

    It is one where the code wrote it, or stored it under a name; what a function is given, or finds
    in the function around it, may be one. A product of matrices
    is never one of numbers, and costs much more than to ask.
    """
    if not _has(code, (), _SIGNS):
        return []
    steps = _steps(code)
    ends = {i for i in range(len(steps)) if _ends_list(steps, i)}
    names = {
        steps[i + 1][1] for i in ends
        if i + 1 < len(steps) and steps[i + 1][0] in ("STORE_FAST", "STORE_DEREF", "STORE_NAME")
    } | {*code.co_varnames[: code.co_argcount + code.co_kwonlyargcount], *code.co_freevars}
    found = []
    for i, (name, operand, _, step) in enumerate(steps):
        if name == "BINARY_OP" and operand in _SIGNS:
            sides = (i - 1, _left(steps, i))
            known = not step.is_jump_target
            if known and any(k is not None and steps[k][0] == "LOAD_CONST" for k in sides):
                continue  # beside a number a list is repeated, or refused
            wanted = _SIGNS[operand] == "@" or not known
            if wanted or any(_may_be_list(steps, k, ends, names) for k in sides):
                found.append(Operation(step, _SIGNS[operand]))
    return found


def _may_be_list(steps: list[Step], end: int | None, ends: set[int], names: set[Any]) -> bool:
    if end is None or end in ends or _loads(steps[end], names):
        return True
    name = steps[end][0]
    if name == "BINARY_OP":  # lists are joined and repeated
        joins = _SIGNS.get(steps[end][1]) in ("+", "*")
        return joins and not ends.isdisjoint((end - 1, _left(steps, end)))
    if name == "BINARY_SUBSCR" and steps[end - 1][0] == "LOAD_CONST":
        return type(steps[end - 1][1]) is str  # an entry of a dict
    if name == "BINARY_SLICE" or (name == "BINARY_SUBSCR" and steps[end - 1][0] == "BUILD_SLICE"):
        part = _container(steps, end, 3 if name == "BINARY_SLICE" else 2)
        return _may_be_list(steps, part, ends, names)
    return False


def _has(code: CodeType, names: Iterable[int], operators: Collection[int]) -> bool:
    """Say whether code has some of these instructions or operators: `dis` takes much longer."""
    units = code.co_code
    if any(opcode in units[::2] for opcode in names):
        return True
    signs = {units[k + 1] for k in range(0, len(units), 2) if units[k] == _OPERATOR}
    return not signs.isdisjoint(operators)


def _loads(step: Step, names: set[Any]) -> bool:
    return step[0].startswith("LOAD_") and step[1] in names


def _ends_list(steps: list[Step], i: int) -> bool:
    """Say whether what the step at `i` leaves on the stack is a list, by the code alone."""
    name, operand, _, _ = steps[i]
    if name in ("BUILD_LIST", "BUILD_TUPLE", "LIST_EXTEND", "LIST_TO_TUPLE", "CALL_INTRINSIC_1"):
        return name != "BUILD_TUPLE" or operand > 1
    if name == "CALL":  # [… for … in …] is one until Python 3.11
        written = operand == 0 and any(s[0] == "GET_ITER" for s in steps[max(i - 2, 0) : i])
        return written or _called(steps, i) in _LISTING
    if name in ("END_FOR", "POP_TOP", "STORE_FAST"):  # since 3.12 it stands in the code itself
        return any(s[0] == "END_FOR" for s in steps[max(i - 4, 0) : i + 1])
    return False


def _called(steps: list[Step], i: int) -> Any:
    """Return the name of the function or method that the step at `i` calls; None if not known."""
    end: int | None = i - 1
    while end is not None and steps[end][0] in ("KW_NAMES", "PRECALL"):
        end -= 1
    for _ in range(steps[i][1]):
        start = None if end is None else _start(steps, end)
        end = None if start is None else start - 1
    if end is not None and steps[end][0] == "PUSH_NULL":  # since Python 3.13 it follows
        end -= 1
    return steps[end][1] if end is not None and steps[end][0].startswith("LOAD_") else None


# To ask after each call of any function would cost time: `A * helper(x)` is told, with a cure.
_LISTING = frozenset(("list", "tuple", "sorted", "tolist"))
_OPERATOR = dis.opmap["BINARY_OP"]
_STORES = tuple(dis.opmap[n] for n in ("STORE_SUBSCR", "STORE_SLICE") if n in dis.opmap)
_SIGNS = {
    i: sign
    for i, (_, sign) in enumerate(dis._nb_ops)  # type: ignore[attr-defined]
    if sign in {"+", "-", "*", "/", "//", "**", "@"}  # texts have "%"
}
_IN_PLACE = {
    i: name
    for i, (_, sign) in enumerate(dis._nb_ops)  # type: ignore[attr-defined]
    for s, name in {
        "+=": "iadd", "-=": "isub", "*=": "imul", "/=": "itruediv", "//=": "ifloordiv",
        "%=": "imod", "**=": "ipow", "@=": "imatmul",
    }.items() if s == sign
}  # fmt: skip
_JOINED = ("LOAD_FAST_LOAD_FAST", "STORE_FAST_LOAD_FAST", "STORE_FAST_STORE_FAST")


def _steps(code: CodeType) -> list[Step]:
    """Return the instructions; two that Python joined are two."""
    found: list[Step] = []
    for step in dis.get_instructions(code):
        if step.opname == "EXTENDED_ARG":
            continue
        if step.opname in _JOINED:  # since Python 3.13
            names = step.opname.replace("_FAST_", "_FAST ").split()
            for name, local in zip(names, step.argval, strict=True):
                found.append((name, local, 1 if name == "LOAD_FAST" else -1, step))
        else:
            operand = step.arg if step.opname == "BINARY_OP" else step.argval
            effect = dis.stack_effect(step.opcode, step.arg, jump=False)
            found.append((step.opname, operand, effect, step))
    return found


def _container(steps: list[Step], i: int, parts: int) -> int | None:
    """Return the last step of the expression of the array that the store at `i` goes into."""
    if steps[i - 1][0] == "SWAP":  # y[k] += x: array and key were doubled before
        for j in range(i - 1, 0, -1):
            if all(steps[j + n][:2] == ("COPY", parts) for n in range(parts)):
                i = j
                break
        else:
            return None
    end: int | None = i - 1
    for _ in range(parts - 1):
        end = _start(steps, end)
        end = None if end is None else end - 1
    return end


def _left(steps: list[Step], i: int) -> int | None:
    """Return the last step of the left operand of the operation at `i`."""
    start = _start(steps, i - 1)
    return None if start is None else start - 1


def _start(steps: list[Step], end: int | None) -> int | None:
    """Return where the expression began that ends at `end`; None where the code jumps in it."""
    wanted = 1
    while end is not None and end >= 0:
        name, _, effect, step = steps[end]
        if "JUMP" in name or step.is_jump_target or name.startswith(("STORE", "FOR", "SEND")):
            return None
        wanted -= effect
        if wanted <= 0:
            return end
        end -= 1
    return None


_ROOTS = {"LOAD_FAST": "local", "LOAD_FAST_CHECK": "local", "LOAD_GLOBAL": "global"}
Path = tuple[tuple[str, str, tuple[Any, ...]] | None, int]


def _path(code: CodeType, steps: list[Step], end: int | None, store: int) -> Path:
    """Read a name and its attributes backward from the step at `end`."""
    attributes: list[Any] = []  # an item is a tuple of its key
    while end is not None and end >= 0:
        name, operand, _, step = steps[end]
        if any("JUMP" in s[0] or s[0].startswith("STORE") for s in steps[end:store]):
            return None, 0
        if name == "LOAD_ATTR":
            attributes.insert(0, operand)
        elif name == "BINARY_SUBSCR" and steps[end - 1][0] == "LOAD_CONST":
            attributes.insert(0, (steps[end - 1][1],))
            end -= 1
        elif name in _ROOTS:
            index = code.co_varnames.index(operand) if _ROOTS[name] == "local" else 0
            return (_ROOTS[name], operand, tuple(attributes)), index
        elif name == "LOAD_DEREF":
            kind = "free" if operand in code.co_freevars and not attributes else "cell"
            return (kind, operand, tuple(attributes)), step.arg
        elif name != "COPY":
            return None, 0
        end -= 1
    return None, 0
