"""What a run calls: the code that it executes, and compiled functions that do more than compute.

While a tape records, the interpreter tells of every call (`sys.setprofile`). A recording can run
again in the place of the program only if all that was called computes, and nothing else: so what
is allowed is listed here, and whatever is not is a reason to go on without recordings.
"""

import dis
import os
import sys
import weakref
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, cached_property
from threading import RLock
from types import CodeType, FrameType
from typing import Any

import numpy as np
import scipy

from ..core.settings import pause, resume
from ..tracing.codes import own
from ..tracing.running import running
from ..tracing.source import of_python
from .python import OWN_PROGRAM

_HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_COMPUTE = (_HERE, *(os.path.dirname(m.__file__) + os.sep for m in (np, scipy)))
_LIBRARY = os.path.dirname(os.__file__) + os.sep
_PURE_FILES = tuple(
    os.path.join(_LIBRARY, *name.split("/"))
    for name in (
        "functools.py", "operator.py", "collections/__init__.py", "_collections_abc.py",
        "dataclasses.py", "enum.py", "abc.py", "_weakrefset.py", "contextlib.py", "numbers.py",
        "fractions.py", "statistics.py", "typing.py", "types.py", "copy.py", "copyreg.py",
        "inspect.py", "keyword.py", "reprlib.py", "random.py", "bisect.py", "heapq.py",
    )
)  # fmt: skip
PURE = frozenset("functools operator collections dataclasses enum abc contextlib numbers fractions "
                 "statistics types copy _collections_abc".split())  # fmt: skip
_IMPORTS = "<frozen importlib"
_PURE_FROZEN = ("<frozen abc>", "<frozen _collections_abc>")
_BUILTINS = frozenset(
    "abs all any bin callable chr dir divmod format getattr hasattr hash hex isinstance issubclass "
    "iter len max min next oct ord pow repr round setattr sorted sum vars "
    "__build_class__".split()
)  # `next`, `iter` and `setattr` may change what they are given: that is seen in the state
_MODULES = frozenset(
    "math cmath operator _operator itertools functools _functools collections _collections "
    "_abc _bisect _heapq".split()
)
_FILES = frozenset("open open_code fromfile tofile dump memmap".split())  # whoever calls them
# settings and memory that the state does not see
ASKS = frozenset(
    "geterr seterr geterrcall seterrcall getbufsize setbufsize get_printoptions set_printoptions "
    "get_workers set_workers get_backend set_backend get_state set_state "
    "array2string array_str array_repr".split()
)
_WEAKREFS = weakref.__file__
_ONCE = cached_property.__get__.__code__  # it takes a lock, in some versions of Python
_LOCK = type(RLock())
_LOCKS = RLock.__code__
_CYTHON = (".pyx", ".pxd", ".pxi")
_TEXTS = ("arrayprint.py", "ctypeslib.py", "_ctypeslib.py")
_READERS = (_HERE, _IMPORTS, *(_LIBRARY + name for name in ("linecache.py", "tokenize.py")))
_KINDS = (
    list, dict, set, frozenset, deque, tuple, str, bytes, bytearray, int, float, complex, bool,
    range, slice, type(None), np.ndarray, np.generic, np.dtype, np.ufunc,
)  # fmt: skip


class Watch:
    """The code objects of the program that a run executes, and the first call that is refused."""

    __slots__ = ("codes", "refusal", "kinds")

    def __init__(self) -> None:
        self.codes: set[CodeType] = set()
        self.refusal = ""
        # of the files that were met: "computes", "pure" (Python's own, for whoever calls it),
        # "other", or "program"
        self.kinds: dict[str, str] = {}

    @contextmanager
    def on(self) -> Iterator[None]:
        """Watch the calls of this thread; where a profiler does, that one has come first."""
        before = sys.getprofile()
        if before is not None and type(getattr(before, "__self__", None)) is not Watch:
            self.refusal = "a profiler watches its calls"
            yield
            return
        watched, running.watched = running.watched, True
        collecting = pause()  # what a collection calls is not the program's
        sys.setprofile(self._event)
        try:
            yield
        finally:
            sys.setprofile(before)
            resume(collecting)
            running.watched = watched

    def _event(self, frame: FrameType, event: str, arg: Any) -> None:
        if event == "call":
            code = frame.f_code
            kind = self.kinds.get(code.co_filename) or self._kind(code.co_filename)
            if kind == "program":
                if code.co_filename[0] != "<" or not _of_library(frame.f_globals):
                    self.codes.add(found := own(code))
                    if (line := catches(found)) and not self.refusal:
                        self.refusal = (
                            f"{code.co_qualname} catches exceptions at {code.co_filename}:{line}, "
                            "and what raises them hangs on values"
                        )
            elif (code.co_name == "remove" and code.co_filename == _WEAKREFS) or code is _LOCKS:
                pass  # a dead object leaves: that comes at any time; a generator makes its lock
            elif (kind == "other" or code.co_name in ASKS) and self._by_program(frame.f_back):
                self._refuse(f"{code.co_qualname} of {frame.f_globals.get('__name__')}", frame)
        elif event == "c_call":
            name = getattr(arg, "__name__", "")
            if frame.f_code is _ONCE and type(getattr(arg, "__self__", None)) is _LOCK:
                return  # what it stores is seen in the state
            if name in _FILES and not frame.f_code.co_filename.startswith(_READERS):
                self._refuse(name, frame)
            elif self._by_program(frame) and (name in ASKS or not _computes(arg)):
                self._refuse(getattr(arg, "__qualname__", repr(arg)), frame)

    def _by_program(self, frame: FrameType | None) -> bool:
        while frame is not None:
            file = frame.f_code.co_filename
            kind = self.kinds.get(file) or self._kind(file)
            if kind != "pure":
                return kind == "program"
            frame = frame.f_back
        return False

    def _kind(self, file: str) -> str:
        if file.endswith(_TEXTS):
            kind = "other"
        elif file.startswith((*_COMPUTE, _IMPORTS, OWN_PROGRAM)) or file.endswith(_CYTHON):
            kind = "computes"
        elif of_python(file) or file.startswith("<frozen "):
            kind = "pure" if file.startswith(_PURE_FILES) or file in _PURE_FROZEN else "other"
        elif "site-packages" in file or "dist-packages" in file:
            kind = "other"
        else:
            kind = "program"
        self.kinds[file] = kind
        return kind

    def _refuse(self, what: str, frame: FrameType | None) -> None:
        while frame is not None and self._kind(frame.f_code.co_filename) != "program":
            frame = frame.f_back
        place = "" if frame is None else f" at {frame.f_code.co_filename}:{frame.f_lineno}"
        self.refusal = self.refusal or f"it calls {what}{place}, which may do more than compute"


@cache
def catches(code: CodeType) -> int:
    """Return a line at which code may go on after an exception, or 0: there what raises decides.

    Handlers are told by their opcodes, ``with suppress(…)`` by its name, and a context manager of
    the program's by its own method. ``np.errstate(…="raise")`` makes exceptions of values.
    """
    if code.co_name in ("__exit__", "__aexit__"):
        return code.co_firstlineno
    names = set(code.co_names)
    texts = {t for c in code.co_consts for t in (c if isinstance(c, tuple) else (c,))
             if isinstance(t, str)}  # fmt: skip
    if names & {"suppress", "ExitStack"} or (names & _SETTINGS and texts & {"raise", "call"}):
        return code.co_firstlineno
    line, before = code.co_firstlineno, ""
    for i in dis.get_instructions(code) if code.co_exceptiontable else ():
        line = (i.positions.lineno if i.positions else 0) or line
        bare = i.opname == "POP_TOP" and before == "PUSH_EXC_INFO"
        if i.opname == "CHECK_EXC_MATCH" or bare:
            return line
        before = i.opname
    return 0


_SETTINGS = frozenset(("errstate", "seterr"))


def _of_library(namespace: dict[str, Any]) -> bool:
    """Say whether code without a file was made in a library (methods of dataclasses)."""
    name = (namespace.get("__name__") or "").split(".")[0]
    made = name.startswith("namedtuple_") or name in sys.stdlib_module_names
    return (made and name != "__main__") or name in ("chainrule", "numpy", "scipy")


def _computes(function: Any) -> bool:
    """Say whether a compiled function computes, or changes only what the state would show."""
    owner = getattr(function, "__self__", None)
    module = getattr(function, "__module__", None)
    if module == "builtins" or (owner is not None and getattr(owner, "__name__", "") == "builtins"):
        return function.__name__ in _BUILTINS
    if module in _MODULES or (module or "").split(".")[0] in ("numpy", "scipy"):
        return True
    if module is None and isinstance(owner, type):  # a class method, such as dict.fromkeys
        return issubclass(owner, _KINDS)
    return isinstance(owner, _KINDS) or (owner is None and _is_method_of(function))


def _is_method_of(function: Any) -> bool:
    """Say whether a method, taken from its class, belongs to a class that is known."""
    return issubclass(getattr(function, "__objclass__", object), _KINDS)
