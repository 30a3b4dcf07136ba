"""How the records of solvers read a call: by the signature that SciPy's function has."""

import functools
import inspect
from collections.abc import Callable
from contextlib import suppress
from types import CodeType
from typing import Any

import numpy as np

from ..core.registry import composite
from ..errors import ChainRuleError, ImplicitError
from ..tracing.faces import as_python
from ..tracing.losses import raising
from ..tracing.running import running, tell
from ..tracing.source import describe, inside, user_frame
from ..tracing.watching import watching
from .answers import run, signatures, vector

Function = Callable[..., Any]


def solver(function: Function, name: str = "") -> Callable[[Function], Function]:
    """Decorate a body that answers every call of `function` that a traced program makes.

    The signature is taken now: while a trace runs, the function carries other code.
    """
    with suppress(ValueError):  # a compiled function tells none
        signatures[function] = inspect.signature(function)
    data = {"name": name} if name else {}

    def decorate(body: Function) -> Function:
        @functools.wraps(body)
        def announced(*args: Any, **kwargs: Any) -> Any:
            if running.inside is not None:  # in the callback of another: its answer is one of those
                found = run(function, *args, **kwargs)
                return running.inside.mark(found) if running.inside.touched else found
            tell("solver", name or function.__name__)
            if running.watched:
                running.solver = describe(user_frame(1))
            before = running.session, running.again, running.solved
            running.session, running.again, running.solved = [], None, False
            try:
                if running.watch is None:
                    return body(*args, **kwargs)
                with watching(None):  # its iterations decide much that the program does not
                    return body(*args, **kwargs)
            except Exception as error:
                if (place := _called_by_engine(error)) is None:
                    raise
                if not running.solved:  # what the solver meets as well is the program's
                    run(function, *args, **kwargs)
                raise raising(_untimely(error, place), place.co_filename) from error
            finally:
                for state in running.session or ():
                    state.undo()
                running.session, running.again, running.solved = before
                running.constant = False
                tell("solved")

        composite(function, always=True, **data)(announced)
        return announced

    return decorate


def _called_by_engine(error: Exception) -> CodeType | None:
    """Return the program's function that raised, where the engine called it, not the solver."""
    if isinstance(error, ChainRuleError):
        return None
    tb = error.__traceback__
    while tb is not None and inside[tb.tb_frame.f_code.co_filename]:
        if tb.tb_frame.f_code is run.__code__:
            return None
        tb = tb.tb_next
    return None if tb is None else tb.tb_frame.f_code


def _untimely(error: Exception, code: CodeType) -> ImplicitError:
    """Build the error for an exception that a plain run does not meet: it never calls there.

    A program that catches it would go a way that it does not go without a derivative.
    """
    return ImplicitError(
        f"{code.co_name} raised {type(error).__name__} where it was called for the derivative, "
        "and not by the solver",
        where=describe(user_frame(2)),
        why="the derivative of an answer is made of what the function gives there and beside it; "
        "the plain run does not meet this exception",
        cure="let the function return a number wherever it is called: end the solver by its own "
        "tolerance or limit of steps",
    )


def arguments(function: Function, args: Any, kwargs: Any) -> dict[str, Any]:
    """Return the arguments of a call by name, with the defaults of SciPy's function."""
    bound = signatures[function].bind(*args, **kwargs)
    bound.apply_defaults()
    return bound.arguments


def residual_of(function: Function, args: Any, like: Any) -> Function:
    """Return z ↦ function(z, *args), an array of the shape of `like`.

    Where that is a number of Python's, so is z: then a division by zero raises, and the function
    may catch what it raises, as it does when the solver calls it.
    """
    args = args if isinstance(args, tuple) else (args,)
    shape, python = np.shape(like), type(like) is float

    def residual(z: Any) -> Any:
        try:
            value = vector(function(as_python(z) if python else z, *args))
        except ZeroDivisionError:
            if not python:
                raise
            return np.float64(np.nan)  # a pole: the caller says what that means
        return value if value.shape == shape else np.reshape(value, shape)

    return residual
