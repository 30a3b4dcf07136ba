"""What a program asks about a function: its signature, its source, its code.

While a function is traced, functions of libraries carry the code of a door, and those of the
program a copy with doors in it. What reads the code of a function, in `inspect` and `dis`, is given
the function as it is at other times; so is ``f.__code__`` in the program.
"""

import dis
import inspect
from collections.abc import Callable
from types import CodeType, FunctionType, MethodType
from typing import Any

from . import codes, modules
from .methods import BOUND, METHODS

READERS = tuple(  # of code
    f for module in (inspect, dis) for f in vars(module).values()
    if type(f) is FunctionType and "__code__" in f.__code__.co_names
)  # fmt: skip


def answer(own: Callable[..., Any]) -> Callable[[Any, Any], Any]:
    """Return what calls a function that reads code with functions that have their own."""

    def decide(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return own(*map(as_ever, args), **{k: as_ever(v) for k, v in kwargs.items()})

    return decide


def as_ever(value: Any) -> Any:
    """Return a function as it is while nothing is traced, and anything else as it is."""
    kind = type(value)
    if kind is FunctionType:
        code = codes.own(value.__code__)
        return value if code is value.__code__ else _with(value, code)
    if kind is MethodType and (f := as_ever(value.__func__)) is not value.__func__:
        return MethodType(f, value.__self__)
    return codes.own(value) if kind is CodeType else value


def _with(f: FunctionType, code: CodeType) -> FunctionType:
    made = FunctionType(code, f.__globals__, f.__name__, f.__defaults__, f.__closure__)
    for name in ("__kwdefaults__", "__doc__", "__qualname__", "__module__", "__annotations__"):
        setattr(made, name, getattr(f, name))
    made.__dict__.update(f.__dict__)
    return made


METHODS["__code__"] = lambda function: function.__code__()
BOUND["__code__"] = lambda function: as_ever(function.__code__)


def _door(function: Callable[..., Any]) -> Callable[..., Any]:
    def door(*args: Any, **kwargs: Any) -> Any:
        plain = modules.hooks["original"]
        return function(*map(plain, args), **{k: plain(v) for k, v in kwargs.items()})

    return door


def doors() -> dict[Any, Any]:
    """Return doors of what a program asks of `inspect`: nobody there is to meet a look-alike."""
    return {
        f: _door(f) for f in (getattr(inspect, name) for name in inspect.__all__)
        if type(f) is FunctionType and not f.__name__.startswith(("stack", "trace", "current"))
    }  # fmt: skip
