"""Which types that have look-alikes a program's code mentions, and compares by identity.

Where it writes ``type(v) is float`` a look-alike would not pass for the type, so there it is not
exchanged.
"""

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
    steps = list(get_instructions(code))
    found: set[str] = set()
    for k, step in enumerate(steps):
        if step.opname == "IS_OP":
            for end in (k - 1, _start(steps, k - 1) - 1):
                name = steps[end].argval
                if steps[end].opname.startswith("LOAD_FAST"):
                    bound = (j for j, s in enumerate(steps) if s.opname == "STORE_FAST")
                    found |= {str(steps[j - 1].argval) for j in bound if steps[j].argval == name}
                found.add(str(name))
    return found


def _start(steps: list[Any], end: int) -> int:
    """Return where the expression began whose value the instruction at `end` left on the stack."""
    wanted = 1
    while True:
        wanted -= stack_effect(steps[end].opcode, steps[end].arg, jump=False)
        if wanted <= 0 or end == 0:
            return end
        end -= 1
