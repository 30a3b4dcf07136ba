"""Code objects with instructions in the places of others: what is longer stands behind the rest.

An instruction that has to make room for more becomes a jump to the end of the code, where the new
ones stand, and a jump back. So all offsets stay, and with them jumps, lines and columns; the tables
of lines and of handlers of exceptions are continued for what was added.
"""

import dis
from collections.abc import Iterator
from types import CodeType
from typing import Any

_ENTRIES: Any = dis._inline_cache_entries  # type: ignore[attr-defined]
EXTENDED, FORWARD, NOP = (dis.opmap[n] for n in ("EXTENDED_ARG", "JUMP_FORWARD", "NOP"))
_FAR = 1 << 16  # units: as far as a jump of two units goes


def caches(name: str) -> int:
    """Return how many units an instruction leaves free behind itself."""
    return int(_ENTRIES.get(name, 0) if isinstance(_ENTRIES, dict) else _ENTRIES[dis.opmap[name]])


def unit(name: str, arg: int = 0) -> bytes:
    """Return the bytes of an instruction, with what it leaves free."""
    prefix = bytes((EXTENDED, arg >> 8)) if arg > 255 else b""
    return prefix + bytes((dis.opmap[name], arg & 255)) + bytes(2 * caches(name))


class Rewriting:
    """The bytes of a code object, while they are being changed."""

    def __init__(self, code: CodeType) -> None:
        self.code = code
        self.units = bytearray(code.co_code)
        self.consts = list(code.co_consts)
        self.added: list[tuple[int, int]] = []  # how many units, and for which offset
        self.taken: set[int] = set()

    def const(self, value: Any) -> bytes:
        """Return the instruction that loads a constant."""
        self.consts.append(value)
        return unit("LOAD_CONST", len(self.consts) - 1)

    def detour(self, first: int, end: int, at: int, new: bytes) -> bool:
        """Run `new` in the place of the bytes from `first` to `end`, as if it stood at `at`."""
        there = len(self.units) // 2
        room = range(first, end, 2)
        if there > _FAR or not self.taken.isdisjoint(room) or end - first < 4:
            return False
        self.taken.update(room)
        ahead = there - first // 2 - 2
        jump = bytes((EXTENDED, ahead >> 8, FORWARD, ahead & 255))
        self.units[first:end] = jump + bytes((NOP, 0)) * ((end - first) // 2 - 2)
        body = new + self.back(len(new), end)
        self.units += body
        self.added.append((len(body) // 2, at))
        return True

    def back(self, length: int, to: int) -> bytes:
        """Return the jump to an offset that will stand `length` bytes behind the end."""
        behind = here = (len(self.units) + length - to) // 2
        for _ in (1, 2):  # a prefix of the jump makes it longer
            behind = here + len(unit("JUMP_BACKWARD", behind)) // 2
        return unit("JUMP_BACKWARD", behind)

    def finish(self) -> CodeType:
        """Return the new code object."""
        return self.code.replace(
            co_code=bytes(self.units), co_consts=tuple(self.consts),
            co_stacksize=self.code.co_stacksize + 6, co_linetable=self._lines(),
            co_exceptiontable=self._handlers(),
        )  # fmt: skip

    def _lines(self) -> bytes:
        line, table = _last_line(self.code), bytearray(self.code.co_linetable)
        positions = list(self.code.co_positions()) if self.added else []
        for count, at in self.added:
            start, stop, column, end_column = positions[at // 2]
            for n in (*[8] * (count // 8), *([count % 8] if count % 8 else [])):
                if start is None or stop is None or column is None or end_column is None:
                    table.append(0x80 | 15 << 3 | n - 1)
                    continue
                table.append(0x80 | 14 << 3 | n - 1)
                change = start - line
                numbers = (change << 1 if change >= 0 else -change << 1 | 1, stop - start,
                           column + 1, end_column + 1)  # fmt: skip
                for number in numbers:
                    table += _little(number)
                line = start
        return bytes(table)

    def _handlers(self) -> bytes:
        table = bytearray(self.code.co_exceptiontable)
        start = len(self.code.co_code) // 2
        entries = dis._parse_exception_table(self.code)  # type: ignore[attr-defined]
        for count, at in self.added:
            for e in entries:
                if e.start <= at < e.end:
                    table += _big(start, 0x80) + _big(count) + _big(e.target // 2)
                    table += _big(e.depth << 1 | e.lasti)
            start += count
        return bytes(table)


def _little(number: int) -> bytes:
    """Write a number of the table of lines: six bits at a time, the lowest first."""
    out = bytearray()
    while number > 63:
        out.append(number & 63 | 64)
        number >>= 6
    out.append(number)
    return bytes(out)


def _big(number: int, first: int = 0) -> bytes:
    """Write a number of the table of handlers: six bits at a time, the highest first."""
    parts = [number & 63]
    while number > 63:
        number >>= 6
        parts.insert(0, number & 63 | 64)
    parts[0] |= first
    return bytes(parts)


def _last_line(code: CodeType) -> int:
    """Return the line that the next entry of the table of lines counts from."""
    line, data = code.co_firstlineno, iter(code.co_linetable)
    for head in data:
        kind = head >> 3 & 15
        if kind in (13, 14):
            number = _read(data)
            line += -(number >> 1) if number & 1 else number >> 1
            for _ in range(3 if kind == 14 else 0):
                _read(data)
        elif 10 <= kind <= 12:
            line += kind - 10
            next(data), next(data)
        elif kind < 10:
            next(data)
    return line


def _read(data: Iterator[int]) -> int:
    number = shift = 0
    while True:
        byte = next(data)
        number |= (byte & 63) << shift
        shift += 6
        if not byte & 64:
            return number
