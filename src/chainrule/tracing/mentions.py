"""Which types that have look-alikes a program's code mentions, and compares by identity.

Where it writes ``type(v) is float`` a look-alike would not pass for the type, so there it is not
exchanged.
"""

import re
from collections.abc import Iterator
from dis import get_instructions, stack_effect
from types import CodeType
from typing import Any

from .casts import BUILTIN, TYPES

_NAMES = frozenset({*BUILTIN, *(t.__name__ for t in TYPES)})


def mentions(code: CodeType) -> bool:
    """Say whether a code object, or one inside it, names such a type."""
    return not _NAMES.isdisjoint(code.co_names) or any(
        mentions(c) for c in code.co_consts if isinstance(c, CodeType)
    )


def types_in(codes: list[CodeType]) -> tuple[set[str], set[str]]:
    """Return the types that the code names, and those among them that it compares by identity."""
    named: set[str] = set()
    compared: set[str] = set()
    todo = list(codes)
    while todo:
        code = todo.pop()
        todo += [c for c in code.co_consts if isinstance(c, CodeType)]
        found = _NAMES.intersection(code.co_names)
        if found:
            named |= found
            compared |= found & _operands_of_is(code)
    return named, compared


def _operands_of_is(code: CodeType) -> set[str]:
    """Return the names that are operands of ``a is b``, also by way of a local."""
    steps = list(_steps(code))
    found: set[str] = set()
    for k, (name, _, _) in enumerate(steps):
        if name == "IS_OP":
            for end in (k - 1, _start(steps, k - 1) - 1):
                source, operand, _ = steps[end]
                if source.startswith("LOAD_FAST"):
                    bound = (j for j, s in enumerate(steps) if s[:2] == ("STORE_FAST", operand))
                    found |= {str(steps[j - 1][1]) for j in bound}
                found.add(str(operand))
    return found


_FAST = re.compile("(?:LOAD|STORE)_FAST")


def _steps(code: CodeType) -> Iterator[tuple[str, Any, int]]:
    """Give name, operand and stack effect of each instruction; two that Python joined are two."""
    for step in get_instructions(code):
        joined = _FAST.findall(step.opname)
        if len(joined) == 2:  # since Python 3.13
            for name, local in zip(joined, step.argval, strict=True):
                yield name, local, 1 if name == "LOAD_FAST" else -1
        else:
            yield step.opname, step.argval, stack_effect(step.opcode, step.arg, jump=False)


def _start(steps: list[tuple[str, Any, int]], end: int) -> int:
    """Return where the expression began whose value the instruction at `end` left on the stack."""
    wanted = 1
    while True:
        wanted -= steps[end][2]
        if wanted <= 0 or end == 0:
            return end
        end -= 1
