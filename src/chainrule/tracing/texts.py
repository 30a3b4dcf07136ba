"""The text that a traced number is printed as: its digits are not to be read in, part by part.

``i, d = str(x).split(".")`` gives digits of which ``int(d)`` makes a constant. So the text is of a
class derived of `str` that knows where in the printed number it was cut out. Its methods pass that
on, and Python asks the class itself for a number. What stands before the point, or after the
exponent, is rounding's own and a text like any other.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from . import searches
from .losses import lost
from .running import running
from .tracer import stacked

_NUMBER = re.compile(r"\s*[-+]?\d*\.(\d*)(?:[eE][-+]?\d+)?\s*")
_plain: Callable[[str], str] = str.__str__  # an exact copy


class Text(str):
    """Part of the text of a number: `whole` is what was printed, `start` where it begins there.

    `start` is None where nobody knows: the text was put together anew.
    """

    __slots__ = ("start", "whole")
    whole: str
    start: int | None

    __class__ = property(lambda self: str)  # type: ignore[assignment]

    def cr_part(self, start: int, end: int) -> str:
        """Return what stands from `start` to `end`."""
        text = str.__getitem__(self, slice(start, end))
        made = _made(text, self.whole, None if self.start is None else self.start + start)
        if type(made) is Text and text.isdecimal():
            searches.cut()
        return made

    def cr_parts(self, parts: Any) -> Any:
        """Return texts that stand in this one, in their order, as parts of it."""
        at, found = 0, []
        for part in parts:
            at = str.find(self, part, at)
            found.append(self.cr_part(at, at + len(part)))
            at += len(part)
        return found

    def __getitem__(self, key: Any) -> str:
        if isinstance(key, slice):
            start, end, step = key.indices(len(self))
            if step == 1:
                return self.cr_part(start, max(start, end))
            return _made(str.__getitem__(self, key), self.whole, None)
        text, at = str.__getitem__(self, key), int(key)
        return self.cr_part(at % len(self), at % len(self) + 1) if text else text

    def __iter__(self) -> Iterator[str]:
        return (self.cr_part(k, k + 1) for k in range(len(self)))

    def __int__(self) -> int:
        read(self)
        return int(_plain(self))

    def __float__(self) -> float:
        read(self)
        return float(_plain(self))

    def __str__(self) -> str:
        return self

    def __reduce__(self) -> Any:
        return _plain, (_plain(self),)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.__reduce__()

    def __radd__(self, other: str) -> str:
        if not isinstance(other, str):
            return NotImplemented
        return _made(str.__add__(other, self), self.whole, None)

    def __rmul__(self, other: int) -> str:
        return self * other

    def split(self, sep: Any = None, maxsplit: Any = -1) -> list[str]:
        """As of `str`."""
        return self.cr_parts(str.split(self, sep, maxsplit))  # type: ignore[no-any-return]

    def rsplit(self, sep: Any = None, maxsplit: Any = -1) -> list[str]:
        """As of `str`."""
        return self.cr_parts(str.rsplit(self, sep, maxsplit))  # type: ignore[no-any-return]

    def splitlines(self, keepends: bool = False) -> list[str]:
        """As of `str`."""
        return self.cr_parts(str.splitlines(self, keepends))  # type: ignore[no-any-return]

    def partition(self, sep: str) -> tuple[str, str, str]:
        """As of `str`."""
        return tuple(self.cr_parts(str.partition(self, sep)))

    def rpartition(self, sep: str) -> tuple[str, str, str]:
        """As of `str`."""
        return tuple(self.cr_parts(str.rpartition(self, sep)))

    def encode(self, *args: Any, **kwargs: Any) -> bytes:
        """As of `str`; the bytes are found by their digits."""
        searches.cut()
        return str.encode(self, *args, **kwargs)


def _cutting(name: str) -> Any:
    plain = getattr(str, name)

    def method(self: Text, *args: Any) -> str:
        text = plain(self, *args)
        at = str.find(self, text)
        return self.cr_part(at, at + len(text))

    method.__name__ = name
    return method


def _making(name: str) -> Any:
    plain = getattr(str, name)

    def method(self: Text, *args: Any, **kwargs: Any) -> Any:
        text = plain(self, *args, **kwargs)
        return _made(text, self.whole, None) if isinstance(text, str) else text

    method.__name__ = name
    return method


for _name in ("strip", "lstrip", "rstrip", "removeprefix", "removesuffix"):
    setattr(Text, _name, _cutting(_name))
for _name in (
    "__add__", "__mul__", "__mod__", "__format__", "replace", "translate", "zfill", "ljust",
    "rjust", "center", "expandtabs", "join", "lower", "upper", "casefold", "format",
):  # fmt: skip
    setattr(Text, _name, _making(_name))


def _made(text: str, whole: str, start: int | None) -> str:
    if type(text) is Text:
        text = _plain(text)
    if _NUMBER.fullmatch(whole) is None:
        if _NUMBER.fullmatch(text):  # an element of an array
            whole, start = text, 0
    elif not text or (start is not None and _rounds(whole, start, start + len(text))):
        return text
    made = str.__new__(Text, text)
    made.whole, made.start = whole, start
    return made


def _rounds(whole: str, start: int, end: int) -> bool:
    """Say whether a part holds no digit behind the point: such digits change by steps alone."""
    found = _NUMBER.fullmatch(whole)
    assert found is not None
    return end <= found.start(1) or start >= found.end(1)


def printed(text: str) -> str:
    """Return the text that a traced value is printed as, as one that knows of it."""
    return _made(text, text, 0) if "." in text else text


def read(text: str) -> None:
    """Refuse to make a number of digits of a traced number: of a part, or of what was cut out."""
    if not (running.texts or running.figures) or not running.traces:
        return
    x = running.texts.get(text.whole.strip()) if type(text) is Text else _owner(text)
    if x is None:
        return
    if x.cr_varies():
        raise stacked.read_in()
    x.cr_owner.lose(
        lost(
            x,
            f"digits of a traced value, {_plain(text)!r} of its text, were about to be read in",
            "text carries no derivative",
            "take the parts of the number itself, whole = np.trunc(x) and x - whole; where no "
            "derivative is meant, print chainrule.stop_gradient(x)",
        )
    )


def _owner(text: str) -> Any:
    """Return the traced number behind whose point these digits stand first, also rounded."""
    digits = text.strip()
    if not digits.isdecimal():
        return None
    if len(digits) < _TELLING:
        rounded = (f"{value:.{len(digits)}f}" for value, unknown, _ in running.figures if unknown)
        for text in (*running.texts, *rounded):
            if text.partition(".")[2].startswith(digits):
                searches.cut()
                break
        return None
    for whole, x in running.texts.items():
        found = _NUMBER.fullmatch(whole)
        behind = "" if found is None else found.group(1)
        if behind and digits in (behind, whole[: found.end(1)].replace(".", "")):  # type: ignore
            return x
        if len(digits) > _TELLING and behind.startswith(digits):
            return x
    for value, unknown, x in running.figures:
        if not unknown or not np.isfinite(value):  # the text is known
            continue
        whole, _, behind = f"{abs(value):.{len(digits)}f}".partition(".")
        some = f"{abs(value):.{max(0, len(digits) - len(whole))}f}".replace(".", "")
        if digits in (behind, some):
            return x
    return None


_TELLING = 3  # digits: fewer of them are written by hand as well
