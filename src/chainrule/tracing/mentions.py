"""Which types that have look-alikes a program's code mentions, and which names it compares.

Where it writes ``type(v) is float``, or ``type(v) is f8`` of an imported type, a look-alike would
not pass for the type, so there it is not exchanged.
"""

import dis
import re
from collections.abc import Iterator
from types import CodeType
from typing import Any

from .casts import BUILTIN

_IS_OP = dis.opmap["IS_OP"]


def mentions(code: CodeType) -> bool:
    """Say whether a code object, or one inside it, names a built-in type or writes ``a is b``."""
    return (
        not BUILTIN.keys().isdisjoint(code.co_names)
        or _IS_OP in code.co_code[::2]
        or any(mentions(c) for c in code.co_consts if isinstance(c, CodeType))
    )


def types_in(codes: list[CodeType]) -> tuple[set[str], set[str]]:
    """Return the built-in types that the code names, and all names that it compares by identity."""
    named: set[str] = set()
    compared: set[str] = set()
    todo = list(codes)
    while todo:
        code = todo.pop()
        todo += [c for c in code.co_consts if isinstance(c, CodeType)]
        named |= BUILTIN.keys() & set(code.co_names)
        if _IS_OP in code.co_code[::2]:
            compared |= _operands_of_is(code)
    return named, compared


def _operands_of_is(code: CodeType) -> set[str]:
    """Return the names that are operands of ``a is b``, also by way of a local."""
    steps = list(_steps(code))
    found: set[str] = set()
    for k, (name, _, _) in enumerate(steps):
        if name == "IS_OP":
            for end in (k - 1, _start(steps, k - 1) - 1):
                ends = [end]
                if steps[end][0].startswith("LOAD_FAST"):
                    bound = ("STORE_FAST", steps[end][1])
                    ends = [j - 1 for j, step in enumerate(steps) if step[:2] == bound]
                found |= {str(steps[j][1]) for j in ends if steps[j][0].startswith(_NAMED)}
    return found


_NAMED = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_ATTR", "LOAD_DEREF")
_FAST = re.compile("(?:LOAD|STORE)_FAST")


def _steps(code: CodeType) -> Iterator[tuple[str, Any, int]]:
    """Give name, operand and stack effect of each instruction; two that Python joined are two."""
    for step in dis.get_instructions(code):
        joined = _FAST.findall(step.opname)
        if len(joined) == 2:  # since Python 3.13
            for name, local in zip(joined, step.argval, strict=True):
                yield name, local, 1 if name == "LOAD_FAST" else -1
        else:
            yield step.opname, step.argval, dis.stack_effect(step.opcode, step.arg, jump=False)


def _start(steps: list[tuple[str, Any, int]], end: int) -> int:
    """Return where the expression began whose value the instruction at `end` left on the stack."""
    wanted = 1
    while True:
        wanted -= steps[end][2]
        if wanted <= 0 or end == 0:
            return end
        end -= 1
