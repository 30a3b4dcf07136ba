"""Door 3, its first part: Python functions that NumPy's protocols do not reach.

`scipy.special.logsumexp` and the like convert their argument to a plain array before they do
anything with it. Those that have a record in the registry are interposed: while a function is
being traced, and only then, the code of such a function is one that looks at its arguments. With
a traced one among them the record computes; else the function's own code runs, as for every call
from other threads and from libraries. The function object stays the same, so it does not matter
how the user imported it; nothing is left behind when the trace ends.
"""

import threading
from collections.abc import Callable
from types import CodeType, FunctionType
from typing import Any

from ..core import registry
from . import tracer as tracers

_lock = threading.Lock()
_depth = 0
_doors: dict[FunctionType, tuple[CodeType, CodeType]] = {}


def enter() -> bool:
    """Put the doors in force; return whether there are any, and `leave` is due."""
    global _depth
    functions = registry.plain_functions()
    if not functions:
        return False
    with _lock:
        _depth += 1
        if _depth == 1:
            for function in functions:
                found = _doors.get(function)
                if found is None:
                    found = _doors[function] = (function.__code__, _door_of(function))
                function.__code__ = found[1]
    return True


def leave() -> None:
    """Give every function its own code back when the last trace ends."""
    global _depth
    with _lock:
        _depth -= 1
        if _depth == 0:
            for function, (own, _) in _doors.items():
                function.__code__ = own


def _door_of(function: FunctionType) -> CodeType:
    """Build the code that asks `answer`, to stand in for the code of `function`."""
    own = FunctionType(
        function.__code__,
        function.__globals__,
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    own.__kwdefaults__ = function.__kwdefaults__
    code = _door.__code__
    consts = tuple(_answer(function, own) if c == "ANSWER" else c for c in code.co_consts)
    return code.replace(
        co_consts=consts, co_name=function.__name__, co_freevars=function.__code__.co_freevars
    )


def _door(*args: Any, **kwargs: Any) -> Any:
    answer: Any = "ANSWER"
    return answer(args, kwargs)


def _answer(function: FunctionType, own: FunctionType) -> Callable[[Any, Any], Any]:
    def answer(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if any(_traced(a) for a in args) or any(_traced(a) for a in kwargs.values()):
            return tracers.call(function, args, kwargs)
        return own(*args, **kwargs)

    return answer


def _traced(value: Any) -> bool:
    if type(value) in (list, tuple):
        return any(_traced(v) for v in value)
    return type(value) is tracers.Tracer
