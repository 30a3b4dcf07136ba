"""Source places for a program that has no Python code: the sub-expressions of an expression.

The engine notes, for every operation, the code object and the offset of the frame that called it.
An interpreter has one such frame for all operations. So every sub-expression is given its own copy
of a one-line function of ours, whose *location table* alone is replaced by the columns where the
sub-expression stands. Errors and derivations then quote the user's text; none of it is compiled.

References: the location table is described in CPython's ``Objects/locations.md``.
"""

import linecache
from collections.abc import Callable
from itertools import count
from types import FunctionType
from typing import Any

Apply = Callable[[Callable[..., Any], Any, dict[str, Any]], Any]
_LONG = 14  # the form of an entry that has a line, an end line and both columns
_MOST = 8  # code units that one entry covers


def _apply(function: Any, operands: Any, keywords: Any) -> Any:
    return function(*operands, **keywords)


def register(text: str) -> str:
    """Make `text` known to `linecache`, and return the file name it has there."""
    for number in count(1):
        name = "<expression>" if number == 1 else f"<expression {number}>"
        known = linecache.cache.get(name)
        if known is None:
            linecache.cache[name] = (len(text), None, [text + "\n"], name)
            return name
        if len(known) == 4 and known[2] == [text + "\n"]:
            return name
    raise AssertionError("count() does not end")


def located(file: str, column: int, end_column: int) -> Apply:
    """Return a caller whose frame stands at these byte columns of the first line of `file`."""
    code = _apply.__code__
    units = len(code.co_code) // 2
    copy = code.replace(
        co_filename=file,
        co_name="expression",
        co_qualname="expression",
        co_firstlineno=1,
        co_linetable=_table(units, column, end_column),
        co_consts=(*code.co_consts, (file, column, end_column)),  # tells equal code apart
    )
    return FunctionType(copy, {})


def _table(units: int, column: int, end_column: int) -> bytes:
    """Encode: all `units` code units stand on the first line, between the two columns."""
    entries = bytearray()
    while units > 0:
        covered = min(units, _MOST)
        entries.append(0x80 | _LONG << 3 | covered - 1)
        for number in (0, 0, column + 1, end_column + 1):  # Δline, lines, columns counted from 1
            entries += _varint(number)
        units -= covered
    return bytes(entries)


def _varint(number: int) -> bytes:
    """Six bits a byte, the lowest first; bit 6 says that more follow."""
    out = bytearray()
    while number > 0x3F:
        out.append(0x40 | number & 0x3F)
        number >>= 6
    out.append(number)
    return bytes(out)
