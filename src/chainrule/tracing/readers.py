"""Functions that read numbers in from text: what a traced value was printed as carries nothing.

`float(text)` is looked at by `casts`; here are the others, of NumPy and of the standard library.
"""

import marshal
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from copyreg import pickle
from functools import cache
from typing import Any

import numpy as np

from ..core import registry
from . import names
from .alike import Alike, reduced
from .casts import BUILTIN, LookAlike, read_in
from .running import running
from .texts import Text, read
from .tracer import TRACERS

_NAMES = {  # functions, and classes of numbers, by the module
    "numpy": "fromstring loadtxt genfromtxt fromregex asmatrix",
    "ast": "literal_eval", "json": "load loads", "tomllib": "load loads",
    "decimal": "Decimal", "fractions": "Fraction",
    "pandas": "read_csv read_table read_fwf read_json read_html read_xml to_numeric Series",
    "yaml": "load safe_load full_load unsafe_load", "mpmath": "mpf mpc mpmathify",
    "sympy": "sympify Float Rational",
}  # fmt: skip
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_LONGEST = 100_000  # characters that are looked at


def look(values: Any) -> None:
    """Refuse texts among `values` in which a traced number was printed."""
    if (running.texts or running.figures) and running.traces:
        for text in _texts(values, 0):
            for number in _NUMBER.findall(text[:_LONGEST]):
                read_in(number)
            if type(text) is Text:
                read(text)


def _texts(values: Any, depth: int) -> Iterator[str]:
    for v in values:
        if isinstance(v, bytes):
            yield v.decode("latin-1")
        elif isinstance(v, str):
            yield v
            if len(v) < _LONGEST_NAME and os.path.isfile(v):
                yield from _in_file(v)
        elif type(v) in (list, tuple, dict) and depth < 3:
            yield from _texts(v.values() if type(v) is dict else v, depth + 1)
        elif isinstance(v, np.ndarray) and v.dtype.kind in "USO":
            yield from _texts(np.ravel(v)[:_LONGEST].tolist(), depth + 1)
        elif isinstance(v, os.PathLike):
            yield from _in_file(v)
        elif hasattr(v, "seekable") and hasattr(v, "read"):
            yield from _in_stream(v)


_LONGEST_NAME = 1000


def _in_file(path: Any) -> Iterator[str]:
    with suppress(OSError), open(path, encoding="latin-1") as file:
        yield file.read(_LONGEST)


def _in_stream(stream: Any) -> Iterator[str]:
    """Yield what a stream will give, and leave it where it stands."""
    if not stream.seekable() or not stream.readable():
        return
    here = stream.tell()
    yield from _texts((stream.read(_LONGEST),), 0)
    stream.seek(here)


def _reading(function: Callable[..., Any]) -> Callable[..., Any]:
    def door(*args: Any, **kwargs: Any) -> Any:
        look((*args, *kwargs.values()))
        return function(*args, **kwargs)

    return door


def _writing(function: Callable[..., Any]) -> Callable[..., Any]:
    def door(value: Any, *args: Any, **kwargs: Any) -> Any:
        _as_bytes(value)
        return function(value, *args, **kwargs)

    return door


def _as_bytes(value: Any) -> None:
    """Let traced values refuse to become bytes: compiled code would not know them."""
    if type(value) in TRACERS:
        bytes(value)
    elif type(value) in (list, tuple, set, dict):
        for v in value.values() if type(value) is dict else value:
            _as_bytes(v)


def _running(function: Callable[..., Any]) -> Any:
    """Make the door of `eval` and `exec`: what is run sees the names of the caller."""

    def door(source: Any, *spaces: Any, **named: Any) -> Any:
        look((source,))
        if not spaces and not named:
            frame = sys._getframe(1)
            spaces = frame.f_globals, frame.f_locals
        return function(source, *spaces, **named)

    return door


BUILTIN.update(
    eval=Alike(_running(eval), eval), exec=Alike(_running(exec), exec),
    compile=Alike(_reading(compile), compile),
)  # fmt: skip


class _Reader(LookAlike):
    """The metaclass of what stands for a class of numbers that reads text."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        look((*args, *kwargs.values()))
        return cls.original(*args, **kwargs)


pickle(_Reader, reduced)


@cache
def _reader_as(meta: type) -> Any:
    """Return the metaclass of what stands for a class that has this one."""
    if meta is type:
        return _Reader
    made = type("_Reader", (_Reader, meta), {})
    pickle(made, reduced)  # type: ignore[arg-type]
    return made


def doors() -> dict[Any, Any]:
    """Return the doors of the readers whose modules are loaded."""
    found: dict[Any, Any] = {}
    for module, words in _NAMES.items():
        for name in words.split() if module in sys.modules else ():
            original = getattr(sys.modules[module], name, None)
            if isinstance(original, type):
                members = {"original": original, "__doc__": original.__doc__}
                # an abstract base class asks all classes that are derived of it
                bases = (original,) if type(original) is type else ()
                found[original] = _reader_as(type(original))(name, bases, members)
            elif original is not None:
                found[original] = _reading(original)
    return found | {f: _writing(f) for f in (marshal.dumps, marshal.dump)}


names.makers.append(doors)
for _module in ("configparser", "json"):
    registry.load_with(_module, __package__ + ".parsers")
